// SPDX-License-Identifier: MIT
#include "host/stream.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <dohle/error.h>

#include "../test.h"
#include "base/time.h"
#include "host/clock.h"

// Longer than any run of the test takes; a test that waits for it has failed.
#define PATIENCE (20 * DH_SEC)

#define READ_MAX (1 << 16)

// One stream and all that it reported, with the plain listening socket it meets.
struct scene {
    struct test_memory memory;
    struct dh_host *host;
    struct dh_stream *stream; // NULL: closed
    int listener;
    int peer; // the accepted end; -1: none
    struct dh_address address;

    size_t capacity; // offered to each read
    bool close_when_received;
    int connected;
    int writable;
    int closed;
    int err;
    char text[256];
    size_t received;
    int reads;
    uint8_t buffer[READ_MAX];
    uint8_t digest; // exclusive or of all bytes received
};

static void on_connected(void *ctx, struct dh_stream *stream)
{
    struct scene *scene = ctx;
    assert_ptr_equal(scene->stream, stream);
    scene->connected++;
}

static void on_get_buffer(void *ctx, struct dh_stream *stream, uint8_t **data,
                          size_t *capacity)
{
    struct scene *scene = ctx;
    assert_ptr_equal(scene->stream, stream);
    *data = scene->buffer;
    *capacity = scene->capacity;
}

static void on_received(void *ctx, struct dh_stream *stream, size_t size)
{
    struct scene *scene = ctx;
    assert_ptr_equal(scene->stream, stream);
    assert_in_range(size, 1, scene->capacity);
    scene->reads++;
    scene->received += size;
    for (size_t i = 0; i < size; i++) {
        scene->digest ^= scene->buffer[i];
    }
    if (scene->close_when_received) {
        dh_stream_close(stream);
        scene->stream = NULL;
    }
}

static void on_writable(void *ctx, struct dh_stream *stream)
{
    struct scene *scene = ctx;
    assert_ptr_equal(scene->stream, stream);
    scene->writable++;
}

static void on_closed(void *ctx, struct dh_stream *stream, int err, const char *text)
{
    struct scene *scene = ctx;
    assert_ptr_equal(scene->stream, stream);
    scene->closed++;
    scene->err = err;
    (void)snprintf(scene->text, sizeof(scene->text), "%s", text);
    dh_stream_close(stream); // One too many, which is harmless.
    scene->stream = NULL;
}

static const struct dh_stream_callbacks callbacks = {
    .connected = on_connected,
    .get_buffer = on_get_buffer,
    .received = on_received,
    .writable = on_writable,
    .closed = on_closed,
};

static const struct dh_stream_options default_options = {-1, -1};

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        assert_int_equal(0, close(*fd));
        *fd = -1;
    }
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    *state = scene;
    test_memory_init(&scene->memory);
    scene->capacity = READ_MAX;
    scene->peer = -1;
    const struct dh_host_options options = {.mem = &scene->memory.allocator};
    assert_int_equal(0, dh_host_new(&options, &scene->host));

    assert_true(dh_address_parse(&scene->address, "127.0.0.1", 0));
    scene->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(scene->listener >= 0);
    struct sockaddr_storage storage;
    struct sockaddr *name = (struct sockaddr *)&storage;
    socklen_t size = dh_address_get(&scene->address, &storage);
    assert_int_equal(0, bind(scene->listener, name, size));
    assert_int_equal(0, listen(scene->listener, 64));
    assert_int_equal(0, getsockname(scene->listener, name, &size));
    dh_address_init(&scene->address, name, size);
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    close_fd(&scene->peer);
    close_fd(&scene->listener);
    dh_host_free(scene->host);
    assert_int_equal(0, scene->memory.bytes);
    free(scene);
    return 0;
}

static void run_once(struct scene *scene)
{
    dh_host_run_once(scene->host, dh_clock_now_ns() + PATIENCE);
}

static void begin_connect(struct scene *scene, const struct dh_stream_options *options)
{
    assert_int_equal(0, dh_stream_connect(scene->host, &scene->address, options,
                                          &callbacks, scene, &scene->stream));
}

static void connect_scene(struct scene *scene, const struct dh_stream_options *options)
{
    begin_connect(scene, options);
    scene->peer = accept(scene->listener, NULL, NULL);
    assert_true(scene->peer >= 0);
    while (scene->connected == 0) {
        run_once(scene);
    }
    assert_int_equal(0, scene->closed);
}

static void send_all(int fd, const void *data, size_t size)
{
    assert_int_equal(size, send(fd, data, size, MSG_NOSIGNAL));
}

static void receive_until(struct scene *scene, size_t size)
{
    while (scene->received < size && scene->closed == 0) {
        run_once(scene);
    }
    assert_int_equal(size, scene->received);
}

static void wait_closed(struct scene *scene)
{
    while (scene->closed == 0) {
        run_once(scene);
    }
    assert_int_equal(1, scene->closed);
}

static void test_connects_and_exchanges_bytes(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);
    assert_int_equal(1, scene->connected);
    assert_memory_equal(&scene->address, dh_stream_peer(scene->stream),
                        sizeof(scene->address));

    send_all(scene->peer, "answer", 6);
    receive_until(scene, 6);
    assert_memory_equal("answer", scene->buffer, 6);

    const dohle_bytes pieces[] = {
        {(const uint8_t *)"que", 3}, {NULL, 0}, {(const uint8_t *)"stion", 5}};
    assert_int_equal(8, dh_stream_write(scene->stream, pieces, 3));
    char question[9] = {0};
    assert_int_equal(8, recv(scene->peer, question, 8, MSG_WAITALL));
    assert_string_equal("question", question);
    assert_int_equal(0, scene->writable);
}

static void test_options_reach_the_socket(void **state)
{
    struct scene *scene = *state;
    const struct dh_stream_options options = {
        .send_buffer_bytes = 30000,
        .receive_buffer_bytes = 40000,
    };
    connect_scene(scene, &options);
    // The stream's socket is the one connected to the accepted end.
    struct sockaddr_in peer_name;
    socklen_t size = sizeof(peer_name);
    assert_int_equal(0, getpeername(scene->peer, (struct sockaddr *)&peer_name, &size));
    int found = 0;
    for (int fd = 0; fd < 256; fd++) {
        struct sockaddr_in name;
        size = sizeof(name);
        if (getsockname(fd, (struct sockaddr *)&name, &size) != 0 ||
            name.sin_port != peer_name.sin_port || fd == scene->peer) {
            continue;
        }
        found++;
        int value = 0;
        size = sizeof(value);
        assert_int_equal(0, getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &size));
        assert_int_equal(2 * 30000, value); // Linux doubles what it is told.
        assert_int_equal(0, getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &size));
        assert_int_equal(2 * 40000, value);
        assert_int_equal(0,
                         getsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &value, &size));
        assert_int_not_equal(0, value);
        assert_int_not_equal(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_int_not_equal(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    assert_int_equal(1, found);
}

static void test_reads_are_split_by_the_buffer(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);
    scene->capacity = 7;
    uint8_t bytes[100];
    uint8_t digest = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + 1);
        digest ^= bytes[i];
    }
    send_all(scene->peer, bytes, sizeof(bytes));
    receive_until(scene, sizeof(bytes));
    assert_int_equal(15, scene->reads);
    assert_int_equal(digest, scene->digest);
}

static void test_reading_stops_and_goes_on(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);
    scene->capacity = 0;
    send_all(scene->peer, "waits", 5);
    dh_host_run_once(scene->host, dh_clock_now_ns() + 2 * DH_MS);
    dh_host_run_once(scene->host, dh_clock_now_ns() + 2 * DH_MS);
    assert_int_equal(0, scene->received);
    scene->capacity = READ_MAX;
    dh_stream_read_again(scene->stream);
    receive_until(scene, 5);
}

static void test_a_slow_reader_holds_back_writes(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);

    enum { TOTAL = 32 << 20, PIECE = 64 << 10 };

    uint8_t *data = malloc(PIECE);
    uint8_t *sink = malloc(PIECE);
    for (size_t i = 0; i < PIECE; i++) {
        data[i] = (uint8_t)(i * 31);
    }
    size_t sent = 0;
    size_t got = 0;
    int cuts = 0;
    while (got < TOTAL) {
        // More pieces than one call of the kernel takes.
        dohle_bytes pieces[80];
        size_t count = 0;
        size_t left = TOTAL - sent;
        size_t first = sent % PIECE;
        while (count < 80 && left > 0) {
            size_t size = left < PIECE - first ? left : PIECE - first;
            pieces[count++] = (dohle_bytes){data + first, size};
            left -= size;
            first = 0;
        }
        size_t offered = TOTAL - sent - left;
        size_t taken = dh_stream_write(scene->stream, pieces, count);
        sent += taken;
        if (taken == offered && sent < TOTAL) {
            continue;
        }
        // Cut short: `writable` comes only once the peer has read.
        int writable = scene->writable;
        cuts += taken < offered;
        while (got < sent) {
            ssize_t size = recv(scene->peer, sink, PIECE - got % PIECE, 0);
            assert_true(size > 0);
            assert_memory_equal(data + got % PIECE, sink, (size_t)size);
            got += (size_t)size;
        }
        while (taken < offered && scene->writable == writable) {
            run_once(scene);
        }
    }
    assert_true(cuts > 0);
    assert_int_equal(cuts, scene->writable);
    free(data);
    free(sink);
}

static void test_refused(void **state)
{
    struct scene *scene = *state;
    close_fd(&scene->listener);
    begin_connect(scene, &default_options);
    assert_int_equal(0, scene->closed); // never out of the call itself
    wait_closed(scene);
    char expected[256];
    (void)snprintf(expected, sizeof(expected),
                   "cannot connect to 127.0.0.1:%u: Connection refused",
                   (unsigned)dh_address_port(&scene->address));
    assert_int_equal(DOHLE_ERR_CONNECT, scene->err);
    assert_string_equal(expected, scene->text);
    assert_int_equal(0, scene->connected);
}

static void test_refused_by_our_own_system(void **state)
{
    struct scene *scene = *state;
    // A broadcast address is refused by connect itself, without an event to come.
    assert_true(dh_address_parse(&scene->address, "255.255.255.255", 9));
    begin_connect(scene, &default_options);
    wait_closed(scene);
    assert_int_equal(DOHLE_ERR_CONNECT, scene->err);

    // A family that sockets do not know does not even get a descriptor.
    scene->closed = 0;
    memset(&scene->address.bytes, 0, sizeof(sa_family_t)); // AF_UNSPEC
    begin_connect(scene, &default_options);
    wait_closed(scene);
    assert_int_equal(DOHLE_ERR_CONNECT, scene->err);
}

static void test_closed_by_the_peer(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);
    send_all(scene->peer, "last words", 10);
    close_fd(&scene->peer);
    wait_closed(scene);
    assert_int_equal(10, scene->received);
    assert_int_equal(DOHLE_ERR_DISCONNECTED, scene->err);
    assert_non_null(strstr(scene->text, "connection to 127.0.0.1:"));
    assert_non_null(strstr(scene->text, ": closed by the peer"));
}

// Makes close send a reset instead of an orderly end.
static void reset_peer(struct scene *scene)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(
        0, setsockopt(scene->peer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
    close_fd(&scene->peer);
}

static void test_reset_by_the_peer(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);
    reset_peer(scene);
    wait_closed(scene);
    assert_int_equal(DOHLE_ERR_DISCONNECTED, scene->err);
    assert_non_null(strstr(scene->text, "Connection reset by peer"));
}

static void test_reset_is_noticed_while_reading_is_stopped(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);
    scene->capacity = 0;
    send_all(scene->peer, "x", 1);
    dh_host_run_once(scene->host, dh_clock_now_ns() + 2 * DH_MS);
    reset_peer(scene);
    // Nothing is watched now, so that the next write finds out.
    const dohle_bytes piece = {(const uint8_t *)"y", 1};
    assert_int_equal(0, dh_stream_write(scene->stream, &piece, 1));
    wait_closed(scene);
    assert_int_equal(DOHLE_ERR_DISCONNECTED, scene->err);
}

static void test_write_after_reset_still_reads_what_came_before(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);
    send_all(scene->peer, "why", 3);
    reset_peer(scene);
    const dohle_bytes piece = {(const uint8_t *)"y", 1};
    assert_int_equal(0, dh_stream_write(scene->stream, &piece, 1));
    assert_int_equal(0, dh_stream_write(scene->stream, &piece, 1));
    wait_closed(scene);
    assert_int_equal(3, scene->received);
    assert_int_equal(DOHLE_ERR_DISCONNECTED, scene->err);
}

static void test_write_before_connected_sends_nothing(void **state)
{
    struct scene *scene = *state;
    begin_connect(scene, &default_options);
    const dohle_bytes piece = {(const uint8_t *)"y", 1};
    assert_int_equal(0, dh_stream_write(scene->stream, &piece, 1));
}

static void test_close_while_connecting(void **state)
{
    struct scene *scene = *state;
    begin_connect(scene, &default_options);
    dh_stream_close(scene->stream);
    // The same for one whose refusal is due but not yet delivered.
    memset(&scene->address.bytes, 0, sizeof(sa_family_t)); // AF_UNSPEC
    begin_connect(scene, &default_options);
    dh_stream_close(scene->stream);
    dh_host_run_once(scene->host, dh_clock_now_ns() + 2 * DH_MS);
    assert_int_equal(0, scene->connected);
    assert_int_equal(0, scene->closed);
}

static void test_close_from_within_a_report(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);
    scene->capacity = 1;
    scene->close_when_received = true;
    send_all(scene->peer, "ab", 2);
    receive_until(scene, 1);
    dh_host_run_once(scene->host, dh_clock_now_ns() + 2 * DH_MS);
    assert_int_equal(1, scene->received);
    assert_int_equal(0, scene->closed);
}

static void test_free_with_everything_open(void **state)
{
    struct scene *scene = *state;
    connect_scene(scene, &default_options);
    const dohle_bytes piece = {(const uint8_t *)"unread", 6};
    assert_int_equal(6, dh_stream_write(scene->stream, &piece, 1));
    begin_connect(scene, &default_options);
    // The teardown frees the host and finds all memory given back.
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    assert_int_equal(0, closedir(folder));
    return count;
}

static void test_a_thousand_connects_leave_no_descriptor(void **state)
{
    struct scene *scene = *state;
    dh_host_run_once(scene->host, 0);
    int before = count_descriptors();
    size_t bytes_before = scene->memory.bytes;
    for (int i = 0; i < 1000; i++) {
        scene->connected = 0;
        connect_scene(scene, &default_options);
        close_fd(&scene->peer);
        if (i % 2 == 0) {
            wait_closed(scene);
            scene->closed = 0;
        } else {
            dh_stream_close(scene->stream);
        }
    }
    dh_host_run_once(scene->host, 0);
    assert_int_equal(before, count_descriptors());
    assert_int_equal(bytes_before, scene->memory.bytes);
}

static void test_no_memory_is_an_error(void **state)
{
    struct scene *scene = *state;
    scene->memory.fail_at = 1;
    assert_int_equal(DOHLE_ERR_NO_MEMORY,
                     dh_stream_connect(scene->host, &scene->address, &default_options,
                                       &callbacks, scene, &scene->stream));
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_connects_and_exchanges_bytes),
        SCENE(test_options_reach_the_socket),
        SCENE(test_reads_are_split_by_the_buffer),
        SCENE(test_reading_stops_and_goes_on),
        SCENE(test_a_slow_reader_holds_back_writes),
        SCENE(test_refused),
        SCENE(test_refused_by_our_own_system),
        SCENE(test_closed_by_the_peer),
        SCENE(test_reset_by_the_peer),
        SCENE(test_reset_is_noticed_while_reading_is_stopped),
        SCENE(test_write_after_reset_still_reads_what_came_before),
        SCENE(test_write_before_connected_sends_nothing),
        SCENE(test_close_while_connecting),
        SCENE(test_close_from_within_a_report),
        SCENE(test_free_with_everything_open),
        SCENE(test_a_thousand_connects_leave_no_descriptor),
        SCENE(test_no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
