// SPDX-License-Identifier: MIT
#include "host/resolve.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <dohle/error.h>

#include "../test.h"
#include "base/time.h"
#include "host/clock.h"

#define PATIENCE (20 * DH_SEC)

// A host whose only name server is a socket of the test.
struct scene {
    struct test_memory memory;
    struct dh_host *host;
    struct dh_resolution *resolution;
    int server; // -1: closed
    int answers;
    int err;
    size_t count;
    char first[DH_ADDRESS_TEXT_SIZE];
    char last[DH_ADDRESS_TEXT_SIZE];
    char text[400];
};

static void on_resolved(void *ctx, struct dh_resolution *resolution,
                        const struct dh_address *addresses, size_t count, int err,
                        const char *text)
{
    struct scene *scene = ctx;
    assert_ptr_equal(scene->resolution, resolution);
    scene->answers++;
    scene->err = err;
    scene->count = count;
    (void)snprintf(scene->text, sizeof(scene->text), "%s", text == NULL ? "" : text);
    if (err == 0) {
        (void)dh_address_format(&addresses[0], scene->first);
        (void)dh_address_format(&addresses[count - 1], scene->last);
    }
    dh_resolve_cancel(resolution); // Too late, and harmless.
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    *state = scene;
    struct dh_address address;
    char text[DH_ADDRESS_TEXT_SIZE];
    assert_true(dh_address_parse(&address, "127.0.0.1", 0));
    struct sockaddr_storage storage;
    struct sockaddr *name = (struct sockaddr *)&storage;
    socklen_t size = dh_address_get(&address, &storage);
    scene->server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(scene->server >= 0);
    assert_int_equal(0, bind(scene->server, name, size));
    assert_int_equal(0, getsockname(scene->server, name, &size));
    dh_address_init(&address, name, size);

    test_memory_init(&scene->memory);
    const struct dh_host_options options = {
        .mem = &scene->memory.allocator,
        .name_servers = dh_address_format(&address, text),
        .name_timeout_ms = 60000,
    };
    assert_int_equal(0, dh_host_new(&options, &scene->host));
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    if (scene->server >= 0) {
        assert_int_equal(0, close(scene->server));
    }
    dh_host_free(scene->host);
    assert_int_equal(0, scene->memory.bytes);
    free(scene);
    return 0;
}

static void ask(struct scene *scene, const char *name)
{
    assert_int_equal(
        0, dh_resolve(scene->host, name, 9092, on_resolved, scene, &scene->resolution));
    assert_int_equal(0, scene->answers); // never out of the call itself
}

static void wait_for_answer(struct scene *scene)
{
    int64_t deadline_ns = dh_clock_now_ns() + PATIENCE;
    while (scene->answers == 0 && dh_clock_now_ns() < deadline_ns) {
        dh_host_run_once(scene->host, deadline_ns);
    }
    assert_int_equal(1, scene->answers);
}

static bool was_server_asked(const struct scene *scene)
{
    uint8_t question[512];
    return recv(scene->server, question, sizeof(question), MSG_DONTWAIT) > 0;
}

static void test_figures_need_no_server(void **state)
{
    static const struct {
        const char *name;
        const char *expected;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1:9092"},
        {"10.1.2.3", "10.1.2.3:9092"},
        {"::1", "[::1]:9092"},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene->answers = 0;
        ask(scene, rows[i].name);
        wait_for_answer(scene);
        assert_int_equal(0, scene->err);
        assert_int_equal(1, scene->count);
        assert_string_equal(rows[i].expected, scene->first);
    }
    assert_false(was_server_asked(scene));
}

static void test_localhost_needs_no_server_and_is_ipv4_first(void **state)
{
    struct scene *scene = *state;
    ask(scene, "localhost");
    wait_for_answer(scene);
    assert_int_equal(0, scene->err);
    assert_string_equal("127.0.0.1:9092", scene->first);
    assert_false(was_server_asked(scene));
}

/*
 * Answers one question: an A question with ipv4_count addresses 10.0.0.1, .2, ...,
 * an AAAA question with ipv6_count times ::5.
 */
static void serve_one(const struct scene *scene, uint8_t ipv4_count, uint8_t ipv6_count)
{
    uint8_t message[2048];
    struct sockaddr_storage client;
    socklen_t client_size = sizeof(client);
    ssize_t asked = recvfrom(scene->server, message, 512, 0, (struct sockaddr *)&client,
                             &client_size);
    assert_true(asked > 16);
    // The question: a name of labels, then type and class. What follows is dropped.
    size_t size = 12;
    while (message[size] != 0) {
        size += (size_t)message[size] + 1;
    }
    uint8_t type = message[size + 2];
    size += 5;
    bool is_ipv6 = type == 28;
    uint8_t count = is_ipv6 ? ipv6_count : ipv4_count;
    message[2] = 0x81; // a response, recursion desired
    message[3] = 0x80; // recursion available, no error
    message[7] = count;
    message[11] = 0; // no additional records
    for (uint8_t i = 1; i <= count; i++) {
        const uint8_t head[] = {0xc0, 12, 0, type, 0, 1,
                                0,    0,  0, 60,   0, is_ipv6 ? 16 : 4};
        const uint8_t ipv4[] = {10, 0, 0, i};
        const uint8_t ipv6[16] = {[15] = 5};
        memcpy(message + size, head, sizeof(head));
        size += sizeof(head);
        memcpy(message + size, is_ipv6 ? ipv6 : ipv4, head[11]);
        size += head[11];
    }
    assert_int_equal(size, sendto(scene->server, message, size, 0,
                                  (struct sockaddr *)&client, client_size));
}

static void test_a_name_gives_all_its_addresses(void **state)
{
    struct scene *scene = *state;
    ask(scene, "broker.example.org.");
    serve_one(scene, 3, 1);
    serve_one(scene, 3, 1);
    wait_for_answer(scene);
    assert_int_equal(0, scene->err);
    assert_int_equal(4, scene->count);
    assert_string_equal("[::5]:9092", scene->last);
}

static void test_addresses_are_bounded(void **state)
{
    _Static_assert(DH_ADDRESSES_MAX < 20 + 15, "as many as two datagrams hold");
    struct scene *scene = *state;
    ask(scene, "crowd.example.org.");
    serve_one(scene, 20, 15);
    serve_one(scene, 20, 15);
    wait_for_answer(scene);
    assert_int_equal(0, scene->err);
    assert_int_equal(DH_ADDRESSES_MAX, scene->count);
}

static void test_no_server_is_a_failure_with_the_name(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(0, close(scene->server));
    scene->server = -1;
    ask(scene, "broker.example.org.");
    wait_for_answer(scene);
    assert_int_equal(DOHLE_ERR_RESOLVE, scene->err);
    assert_int_equal(0, scene->count);
    assert_non_null(strstr(scene->text, "cannot resolve broker.example.org.: "));
}

static void test_a_name_that_cannot_be(void **state)
{
    struct scene *scene = *state;
    char name[400];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ask(scene, name);
    wait_for_answer(scene);
    assert_int_equal(DOHLE_ERR_RESOLVE, scene->err);
}

static void test_a_silent_server_can_be_abandoned(void **state)
{
    struct scene *scene = *state;
    ask(scene, "silent.example.org.");
    dh_host_run_once(scene->host, dh_clock_now_ns() + 2 * DH_MS);
    assert_true(was_server_asked(scene));
    int64_t begin_ns = dh_clock_now_ns();
    dh_resolve_cancel(scene->resolution);
    // A second one is left to the end of the host.
    ask(scene, "silent.example.org.");
    dh_host_free(scene->host);
    assert_true(dh_clock_now_ns() - begin_ns < DH_SEC);
    scene->host = NULL;
    assert_int_equal(0, scene->answers);
}

static void test_an_answer_can_be_dropped_before_it_is_delivered(void **state)
{
    struct scene *scene = *state;
    ask(scene, "127.0.0.1");
    dh_resolve_cancel(scene->resolution);
    ask(scene, "localhost");
    dh_resolve_cancel(scene->resolution);
    dh_host_run_once(scene->host, 0);
    assert_int_equal(0, scene->answers);
}

// The server's time-out passes inside run_once although the caller would wait longer.
static void test_the_servers_time_out_is_kept(void **state)
{
    struct scene *scene = *state;
    dh_host_free(scene->host);
    struct sockaddr_storage name;
    socklen_t size = sizeof(name);
    char text[DH_ADDRESS_TEXT_SIZE];
    struct dh_address address;
    assert_int_equal(0, getsockname(scene->server, (struct sockaddr *)&name, &size));
    dh_address_init(&address, (struct sockaddr *)&name, size);
    const struct dh_host_options options = {
        .mem = &scene->memory.allocator,
        .name_servers = dh_address_format(&address, text),
        .name_timeout_ms = 2,
    };
    assert_int_equal(0, dh_host_new(&options, &scene->host));
    ask(scene, "silent.example.org.");
    wait_for_answer(scene);
    assert_int_equal(DOHLE_ERR_RESOLVE, scene->err);
    assert_non_null(strstr(scene->text, "Timeout"));
}

static void test_no_memory_is_an_error(void **state)
{
    struct scene *scene = *state;
    size_t calls_before = scene->memory.calls;
    for (size_t nth = 1; nth <= 3; nth++) {
        scene->memory.fail_at = scene->memory.calls + nth;
        assert_int_equal(DOHLE_ERR_NO_MEMORY,
                         dh_resolve(scene->host, "127.0.0.1", 1, on_resolved, scene,
                                    &scene->resolution));
    }
    // A socket of the question that cannot be watched is a failed answer.
    scene->memory.fail_at = scene->memory.calls + 3;
    ask(scene, "broker.example.org.");
    wait_for_answer(scene);
    assert_int_equal(DOHLE_ERR_NO_MEMORY, scene->err);
    assert_true(scene->memory.calls > calls_before);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_figures_need_no_server),
        SCENE(test_localhost_needs_no_server_and_is_ipv4_first),
        SCENE(test_a_name_gives_all_its_addresses),
        SCENE(test_addresses_are_bounded),
        SCENE(test_no_server_is_a_failure_with_the_name),
        SCENE(test_a_name_that_cannot_be),
        SCENE(test_a_silent_server_can_be_abandoned),
        SCENE(test_an_answer_can_be_dropped_before_it_is_delivered),
        SCENE(test_the_servers_time_out_is_kept),
        SCENE(test_no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
