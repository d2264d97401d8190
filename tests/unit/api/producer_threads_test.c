// SPDX-License-Identifier: MIT
/*
 * The shell of the producer: threads, deadlines, life and death. The only address is
 * one that refuses connections; what brokers answer is for the engine's tests and the
 * interop tests.
 */
#include "../test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include <dohle/dohle.h>

#include "base/assert.h"
#include "base/time.h"
#include "host/clock.h"

// Nobody listens on port 1.
#define REFUSING "127.0.0.1:1"

// What a call may take longer than its timeout; generous, for sanitizers.
#define LATE_NS (2 * DH_SEC)

static dohle_producer *open_producer(const char *max_block_ms)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", REFUSING));
    assert_int_equal(0, dohle_config_set(config, "max.block.ms", max_block_ms));
    dohle_producer *producer;
    assert_int_equal(0, dohle_producer_open(config, NULL, &producer));
    dohle_config_free(config);
    return producer;
}

static void test_open_says_what_is_wrong(void **state)
{
    (void)state;

    static const struct {
        const char *key, *value;
        int expected;
        const char *named;
    } rows[] = {
        {"client.id", "x", DOHLE_ERR_INVALID_CONFIG, "bootstrap.servers"},
        {"transactional.id", "x", DOHLE_ERR_UNSUPPORTED_CONFIG, "transactional.id"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        dohle_config *config = dohle_config_new();
        assert_int_equal(0, dohle_config_set(config, rows[i].key, rows[i].value));
        if (i > 0) {
            assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", REFUSING));
        }
        dohle_producer *producer = (dohle_producer *)config;
        assert_int_equal(rows[i].expected, dohle_producer_open(config, NULL, &producer));
        assert_null(producer);
        assert_non_null(strstr(dohle_config_error(config), rows[i].named));
        dohle_config_free(config);
    }
    dohle_producer *producer;
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_producer_open(NULL, NULL, &producer));
}

static void test_send_gives_up_in_time_and_says_why(void **state)
{
    (void)state;
    static const char *const max_block_ms[] = {"0", "300"};
    for (size_t i = 0; i < DH_COUNT_OF(max_block_ms); i++) {
        dohle_producer *producer = open_producer(max_block_ms[i]);
        int64_t started_ns = dh_clock_now_ns();
        const dohle_send send = {.topic = "t", .partition = -1, .timestamp_ms = -1};
        assert_int_equal(DOHLE_ERR_TIMEOUT, dohle_producer_send(producer, &send));
        assert_true(dh_clock_now_ns() - started_ns < 300 * DH_MS + LATE_NS);
        const dohle_error_info *info = dohle_producer_last_error(producer);
        assert_int_equal(DOHLE_ERR_TIMEOUT, info->code);
        if (i > 0) {
            assert_non_null(strstr(info->text, REFUSING)); // who is to blame
        }
        dohle_producer_free(producer);
    }
}

static void test_arguments_are_looked_at(void **state)
{
    (void)state;
    static char long_name[300];
    memset(long_name, 'x', sizeof(long_name) - 1);
    static uint8_t large[2000000];
    static const dohle_header nameless = {.value = {large, 1}};

    static const struct {
        dohle_send send;
        int expected;
    } rows[] = {
        {{.topic = NULL, .partition = -1, .timestamp_ms = -1},
         DOHLE_ERR_INVALID_ARGUMENT},
        {{.topic = "", .partition = -1, .timestamp_ms = -1}, DOHLE_ERR_INVALID_ARGUMENT},
        {{.topic = "t", .partition = -2, .timestamp_ms = -1}, DOHLE_ERR_INVALID_ARGUMENT},
        {{.topic = "t", .partition = -1, .timestamp_ms = -2}, DOHLE_ERR_INVALID_ARGUMENT},
        {{.topic = "t", .timestamp_ms = -1, .header_count = 1},
         DOHLE_ERR_INVALID_ARGUMENT},
        {{.topic = "t", .timestamp_ms = -1, .headers = &nameless, .header_count = 1},
         DOHLE_ERR_INVALID_ARGUMENT},
        {{.topic = long_name, .timestamp_ms = -1}, DOHLE_ERR_INVALID_TOPIC},
        {{.topic = "t", .timestamp_ms = -1, .value = {large, sizeof(large)}},
         DOHLE_ERR_TOO_LARGE},
    };

    dohle_producer *producer = open_producer("60000");
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].expected, dohle_producer_send(producer, &rows[i].send));
        assert_int_equal(rows[i].expected, dohle_producer_last_error(producer)->code);
    }
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT, dohle_producer_poll(producer, -3));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT, dohle_producer_flush(producer, -3));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT, dohle_producer_close(producer, -3));
    dohle_producer_free(producer);
}

static void test_calls_end_in_time_and_close_is_the_end(void **state)
{
    (void)state;
    dohle_producer *producer = open_producer("0");
    int64_t started_ns = dh_clock_now_ns();
    assert_int_equal(0, dohle_producer_poll(producer, 0));
    assert_int_equal(0, dohle_producer_poll(producer, 100));
    assert_int_equal(0, dohle_producer_flush(producer, 0));
    assert_int_equal(0,
                     dohle_producer_flush(producer, DOHLE_NO_TIMEOUT)); // nothing is out
    assert_int_equal(0, dohle_producer_close(producer, 0));
    assert_int_equal(0, dohle_producer_close(producer, 0));
    assert_true(dh_clock_now_ns() - started_ns < 100 * DH_MS + LATE_NS);
    const dohle_send send = {.topic = "t", .partition = -1, .timestamp_ms = -1};
    assert_int_equal(DOHLE_ERR_CLOSED, dohle_producer_send(producer, &send));
    assert_int_equal(DOHLE_ERR_CLOSED, dohle_producer_poll(producer, 0));
    assert_int_equal(DOHLE_ERR_CLOSED, dohle_producer_flush(producer, 0));
    dohle_producer_free(producer);
    dohle_producer_free(NULL);
}

struct poller {
    dohle_producer *producer;
    atomic_bool is_inside;
};

static void *poll_for_long(void *ctx)
{
    struct poller *poller = ctx;
    atomic_store(&poller->is_inside, true);
    // The other thread may be the one inside, for a moment.
    while (dohle_producer_poll(poller->producer, 1000) == DOHLE_ERR_CONCURRENT_USE) {
    }
    return NULL;
}

static void test_a_second_thread_is_turned_away(void **state)
{
    (void)state;
    struct poller poller = {.producer = open_producer("0")};
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, poll_for_long, &poller));
    bool was_refused = false;
    const dohle_send send = {.topic = NULL};
    for (int64_t end_ns = dh_clock_now_ns() + DH_SEC;
         !was_refused && dh_clock_now_ns() < end_ns;) {
        was_refused =
            atomic_load(&poller.is_inside) &&
            dohle_producer_send(poller.producer, &send) == DOHLE_ERR_CONCURRENT_USE;
    }
    assert_true(was_refused);
    assert_int_equal(0, pthread_join(thread, NULL));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_producer_send(poller.producer, &send));
    dohle_producer_free(poller.producer);
}

// ---- Memory ----

// Used by both threads at once.
struct shared_memory {
    dohle_allocator allocator;
    atomic_size_t bytes;
    atomic_size_t calls;
    size_t fail_at; // this allocation and all later ones fail; 0: none
};

static void *shared_reallocate(void *ctx, void *pointer, size_t old_size, size_t new_size)
{
    struct shared_memory *memory = ctx;
    if (new_size == 0) {
        atomic_fetch_sub(&memory->bytes, old_size);
        free(pointer);
        return NULL;
    }
    size_t call = atomic_fetch_add(&memory->calls, 1) + 1;
    if (memory->fail_at != 0 && call >= memory->fail_at) {
        return NULL;
    }
    void *grown = realloc(pointer, new_size);
    if (grown != NULL) {
        atomic_fetch_add(&memory->bytes, new_size - old_size);
    }
    return grown;
}

// Opens and frees with the n-th allocation failing. True: it opened.
static bool open_with(size_t fail_at)
{
    struct shared_memory memory = {.fail_at = fail_at};
    memory.allocator = (dohle_allocator){&memory, shared_reallocate};
    const dohle_producer_options options = {.size = sizeof(options),
                                            .allocator = &memory.allocator};
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", REFUSING));
    dohle_producer *producer;
    int err = dohle_producer_open(config, &options, &producer);
    assert_true(err == 0 || err == DOHLE_ERR_NO_MEMORY);
    if (err != 0) {
        assert_null(producer);
        assert_true(dohle_config_error(config)[0] != '\0');
    }
    dohle_producer_free(producer);
    dohle_config_free(config);
    // The thread is not awaited by free; here it is.
    int64_t deadline_ns = dh_clock_now_ns() + 10 * DH_SEC;
    while (atomic_load(&memory.bytes) != 0 && dh_clock_now_ns() < deadline_ns) {
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(0, atomic_load(&memory.bytes));
    return err == 0;
}

static void test_open_without_memory(void **state)
{
    (void)state;
    size_t fail_at = 1;
    while (!open_with(fail_at)) {
        fail_at++;
        assert_true(fail_at < 2000);
    }
    assert_true(fail_at > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_says_what_is_wrong),
        cmocka_unit_test(test_send_gives_up_in_time_and_says_why),
        cmocka_unit_test(test_arguments_are_looked_at),
        cmocka_unit_test(test_calls_end_in_time_and_close_is_the_end),
        cmocka_unit_test(test_a_second_thread_is_turned_away),
        cmocka_unit_test(test_open_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
