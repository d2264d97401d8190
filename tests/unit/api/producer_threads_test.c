// SPDX-License-Identifier: MIT
/*
 * The shell of the producer: threads, deadlines, life and death. The only address is
 * one that refuses connections; what brokers answer is for the engine's tests and the
 * interop tests.
 */
#include "client_rig.h"

#include <pthread.h>

static int open_client(dohle_config *config, const dohle_allocator *allocator,
                       void **client)
{
    const dohle_producer_options options = {.size = sizeof(options),
                                            .allocator = allocator};
    dohle_producer *producer = *client; // to see what open makes of it
    int err = dohle_producer_open(config, &options, &producer);
    *client = producer;
    return err;
}

static void free_client(void *client)
{
    dohle_producer_free(client);
}

static const struct client_kind kind = {open_client, free_client};

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
        assert_open_fails(&kind, rows[i].expected, rows[i].named, i > 0, rows[i].key,
                          rows[i].value);
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

static void test_open_without_memory(void **state)
{
    (void)state;
    assert_open_needs_memory(&kind, 10);
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
