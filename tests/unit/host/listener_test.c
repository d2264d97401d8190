// SPDX-License-Identifier: MIT
#include "host/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <dohle/error.h>

#include "../test.h"
#include "base/time.h"
#include "host/clock.h"

// Longer than any run of the test takes; a test that waits for it has failed.
#define PATIENCE (20 * DH_SEC)

#define STREAMS_MAX 200

// One listener and who was accepted by it.
struct scene {
    struct test_memory memory;
    struct dh_host *host;
    struct dh_listener *listener; // NULL: closed
    bool refuses;                 // whoever comes
    bool closes_listener;         // when somebody comes
    struct dh_stream *streams[STREAMS_MAX];
    size_t accepted;
    int closed;
    int stalled;
    char text[DH_LISTENER_TEXT_SIZE]; // of the last stall or end of a stream
    uint8_t buffer[64];
    size_t received;
};

static void on_get_buffer(void *ctx, struct dh_stream *stream, uint8_t **data,
                          size_t *capacity)
{
    (void)stream;
    struct scene *scene = ctx;
    *data = scene->buffer + scene->received;
    *capacity = sizeof(scene->buffer) - scene->received;
}

static void on_received(void *ctx, struct dh_stream *stream, size_t size)
{
    (void)stream;
    struct scene *scene = ctx;
    scene->received += size;
}

static void on_closed(void *ctx, struct dh_stream *stream, int err, const char *text)
{
    (void)stream;
    struct scene *scene = ctx;
    assert_int_equal(DOHLE_ERR_DISCONNECTED, err);
    scene->closed++;
    (void)snprintf(scene->text, sizeof(scene->text), "%s", text);
}

static const struct dh_stream_callbacks stream_callbacks = {
    .get_buffer = on_get_buffer,
    .received = on_received,
    .closed = on_closed,
};

static bool on_accepted(void *ctx, struct dh_listener *listener, struct dh_stream *stream)
{
    struct scene *scene = ctx;
    assert_ptr_equal(scene->listener, listener);
    assert_true(scene->accepted < STREAMS_MAX);
    scene->streams[scene->accepted++] = stream;
    if (scene->closes_listener) {
        dh_listener_close(listener);
        scene->listener = NULL;
    }
    if (scene->refuses) {
        return false;
    }
    dh_stream_take(stream, &stream_callbacks, scene);
    return true;
}

static void on_stalled(void *ctx, struct dh_listener *listener, const char *text)
{
    struct scene *scene = ctx;
    assert_ptr_equal(scene->listener, listener);
    scene->stalled++;
    (void)snprintf(scene->text, sizeof(scene->text), "%s", text);
}

static const struct dh_listener_callbacks callbacks = {on_accepted, on_stalled};
static const struct dh_stream_options default_options = {-1, -1};

static int open_at(struct scene *scene, const char *name, uint16_t port,
                   struct dh_listener **listener, char text[DH_LISTENER_TEXT_SIZE])
{
    struct dh_address address;
    assert_true(dh_address_parse(&address, name, port));
    return dh_listener_open(scene->host, &address, &default_options, &callbacks, scene,
                            listener, text);
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    *state = scene;
    test_memory_init(&scene->memory);
    const struct dh_host_options options = {.mem = &scene->memory.allocator};
    assert_int_equal(0, dh_host_new(&options, &scene->host));
    assert_int_equal(0, open_at(scene, "127.0.0.1", 0, &scene->listener, scene->text));
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    dh_host_free(scene->host);
    assert_int_equal(0, scene->memory.bytes);
    free(scene);
    return 0;
}

static void run_once(struct scene *scene)
{
    dh_host_run_once(scene->host, dh_clock_now_ns() + PATIENCE);
}

static uint16_t port_of(const struct scene *scene)
{
    return dh_address_port(dh_listener_address(scene->listener));
}

static int connect_to(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0) {
        assert_int_equal(ECONNREFUSED, errno);
        assert_int_equal(0, close(fd));
        return -1;
    }
    return fd;
}

static void close_fd(int fd)
{
    assert_int_equal(0, close(fd));
}

static void test_accepts_and_exchanges_bytes(void **state)
{
    struct scene *scene = *state;
    assert_int_not_equal(0, port_of(scene));
    int fd = connect_to(port_of(scene));
    run_once(scene);
    assert_int_equal(1, scene->accepted);
    struct sockaddr_storage storage;
    struct sockaddr *name = (struct sockaddr *)&storage;
    socklen_t size = sizeof(storage);
    assert_int_equal(0, getsockname(fd, name, &size));
    struct dh_address own;
    dh_address_init(&own, name, size);
    assert_memory_equal(&own, dh_stream_peer(scene->streams[0]), sizeof(own));

    assert_int_equal(8, send(fd, "question", 8, 0));
    while (scene->received < 8) {
        run_once(scene);
    }
    assert_memory_equal("question", scene->buffer, 8);
    const dohle_bytes answer = {(const uint8_t *)"answer", 6};
    assert_int_equal(6, dh_stream_write(scene->streams[0], &answer, 1));
    char got[7] = {0};
    assert_int_equal(6, recv(fd, got, 6, MSG_WAITALL));
    assert_string_equal("answer", got);

    close_fd(fd);
    while (scene->closed == 0) {
        run_once(scene);
    }
    char address[DH_ADDRESS_TEXT_SIZE];
    char expected[DH_LISTENER_TEXT_SIZE];
    (void)snprintf(expected, sizeof(expected), "connection from %s: closed by the peer",
                   dh_address_format(&own, address));
    assert_string_equal(expected, scene->text);
}

// Finds our end of a connection by the name of the other.
static int own_end_of(int peer)
{
    struct sockaddr_in peer_name;
    socklen_t size = sizeof(peer_name);
    assert_int_equal(0, getsockname(peer, (struct sockaddr *)&peer_name, &size));
    for (int fd = 0; fd < 256; fd++) {
        struct sockaddr_in name;
        size = sizeof(name);
        if (getpeername(fd, (struct sockaddr *)&name, &size) == 0 &&
            name.sin_port == peer_name.sin_port) {
            return fd;
        }
    }
    fail_msg("the accepted socket is not to be found");
    return -1;
}

static void test_accepted_sockets_are_set_up(void **state)
{
    struct scene *scene = *state;
    int peer = connect_to(port_of(scene));
    run_once(scene);
    int fd = own_end_of(peer);
    int value = 0;
    socklen_t size = sizeof(value);
    assert_int_equal(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size));
    assert_int_not_equal(0, value);
    assert_int_not_equal(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_not_equal(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close_fd(peer);
}

static void test_many_at_once(void **state)
{
    struct scene *scene = *state;
    int fds[STREAMS_MAX];
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        fds[i] = connect_to(port_of(scene));
    }
    while (scene->accepted < STREAMS_MAX) {
        run_once(scene);
    }
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        close_fd(fds[i]);
    }
    while (scene->closed < STREAMS_MAX) {
        run_once(scene);
    }
}

static void test_refused_by_the_owner(void **state)
{
    struct scene *scene = *state;
    scene->refuses = true;
    int fd = connect_to(port_of(scene));
    run_once(scene);
    assert_int_equal(1, scene->accepted);
    char byte;
    assert_int_equal(0, recv(fd, &byte, 1, 0));
    close_fd(fd);
}

static void test_close_orderly_and_with_reset(void **state)
{
    struct scene *scene = *state;
    int orderly = connect_to(port_of(scene));
    run_once(scene);
    int reset = connect_to(port_of(scene));
    while (scene->accepted < 2) {
        run_once(scene);
    }
    const dohle_bytes words = {(const uint8_t *)"last", 4};
    assert_int_equal(4, dh_stream_write(scene->streams[0], &words, 1));
    dh_stream_close(scene->streams[0]);
    dh_stream_reset(scene->streams[1]);
    char bytes[5] = {0};
    assert_int_equal(4, recv(orderly, bytes, 4, MSG_WAITALL));
    assert_string_equal("last", bytes);
    assert_int_equal(0, recv(orderly, bytes, 1, 0));
    assert_int_equal(-1, recv(reset, bytes, 1, 0));
    assert_int_equal(ECONNRESET, errno);
    close_fd(orderly);
    close_fd(reset);
}

static void test_closed_listener_lets_nobody_in(void **state)
{
    struct scene *scene = *state;
    uint16_t port = port_of(scene);
    int before = connect_to(port);
    run_once(scene);
    dh_listener_close(scene->listener);
    scene->listener = NULL;
    assert_int_equal(-1, connect_to(port));
    // Streams live on, and the port can be had again at once.
    assert_int_equal(2, send(before, "on", 2, 0));
    while (scene->received < 2) {
        run_once(scene);
    }
    assert_int_equal(0, open_at(scene, "127.0.0.1", port, &scene->listener, scene->text));
    assert_int_equal(port, port_of(scene));
    int after = connect_to(port);
    while (scene->accepted < 2) {
        run_once(scene);
    }
    // Also while our ends of its old connections fade away.
    dh_stream_close(scene->streams[0]);
    dh_stream_close(scene->streams[1]);
    dh_listener_close(scene->listener);
    close_fd(before);
    close_fd(after);
    assert_int_equal(0, open_at(scene, "127.0.0.1", port, &scene->listener, scene->text));
}

static void test_close_from_within_accepted(void **state)
{
    struct scene *scene = *state;
    scene->closes_listener = true;
    int first = connect_to(port_of(scene));
    int second = connect_to(port_of(scene));
    run_once(scene);
    dh_host_run_once(scene->host, 0);
    assert_int_equal(1, scene->accepted);
    close_fd(first);
    close_fd(second);
}

static void test_port_in_use(void **state)
{
    struct scene *scene = *state;
    struct dh_listener *second = NULL;
    char text[DH_LISTENER_TEXT_SIZE];
    assert_int_equal(DOHLE_ERR_IN_USE,
                     open_at(scene, "127.0.0.1", port_of(scene), &second, text));
    char expected[DH_LISTENER_TEXT_SIZE];
    (void)snprintf(expected, sizeof(expected),
                   "cannot listen at 127.0.0.1:%u: Address already in use",
                   (unsigned)port_of(scene));
    assert_string_equal(expected, text);
}

static void test_address_of_others(void **state)
{
    struct scene *scene = *state;
    struct dh_listener *second = NULL;
    char text[DH_LISTENER_TEXT_SIZE];
    assert_int_equal(DOHLE_ERR_IO, open_at(scene, "192.0.2.1", 0, &second, text));
    assert_string_equal("cannot listen at 192.0.2.1:0: Cannot assign requested address",
                        text);
}

static int64_t processor_time_ns(void)
{
    struct timespec now;
    assert_int_equal(0, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
    return (int64_t)now.tv_sec * DH_SEC + now.tv_nsec;
}

static void test_no_descriptors_left(void **state)
{
    struct scene *scene = *state;
    struct rlimit before;
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &before));
    int fd = connect_to(port_of(scene));
    // The next descriptor would be one above those in use.
    const struct rlimit none = {.rlim_cur = (rlim_t)fd + 1, .rlim_max = before.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &none));
    run_once(scene);
    assert_int_equal(1, scene->stalled);
    char expected[DH_LISTENER_TEXT_SIZE];
    (void)snprintf(expected, sizeof(expected),
                   "cannot accept connections at 127.0.0.1:%u: Too many open files",
                   (unsigned)port_of(scene));
    assert_string_equal(expected, scene->text);

    // It waits: no spinning, no second report, and the peer gets in when there is room.
    int64_t used_ns = processor_time_ns();
    dh_host_run_once(scene->host, dh_clock_now_ns() + 300 * DH_MS);
    assert_true(processor_time_ns() - used_ns < 100 * DH_MS);
    assert_int_equal(1, scene->stalled);
    assert_int_equal(0, scene->accepted);
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
    run_once(scene);
    assert_int_equal(1, scene->accepted);
    close_fd(fd);
}

static void test_no_memory(void **state)
{
    struct scene *scene = *state;
    struct dh_listener *second = NULL;
    char text[DH_LISTENER_TEXT_SIZE];
    scene->memory.calls = 0;
    scene->memory.fail_at = 1;
    assert_int_equal(DOHLE_ERR_NO_MEMORY, open_at(scene, "127.0.0.1", 0, &second, text));
    assert_string_equal("out of memory", text);

    // A peer for whom there is no memory is closed; the next one gets in.
    int fd = connect_to(port_of(scene));
    dh_host_run_once(scene->host, dh_clock_now_ns() + 20 * DH_MS);
    assert_int_equal(0, scene->accepted);
    char byte;
    assert_int_equal(0, recv(fd, &byte, 1, 0));
    close_fd(fd);
    scene->memory.fail_at = 0;
    fd = connect_to(port_of(scene));
    run_once(scene);
    assert_int_equal(1, scene->accepted);
    close_fd(fd);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_accepts_and_exchanges_bytes),
        SCENE(test_accepted_sockets_are_set_up),
        SCENE(test_many_at_once),
        SCENE(test_refused_by_the_owner),
        SCENE(test_close_orderly_and_with_reset),
        SCENE(test_closed_listener_lets_nobody_in),
        SCENE(test_close_from_within_accepted),
        SCENE(test_port_in_use),
        SCENE(test_address_of_others),
        SCENE(test_no_descriptors_left),
        SCENE(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
