// SPDX-License-Identifier: MIT
/*
 * The shell of the consumer: threads, deadlines, the descriptor, life and death. The
 * only address is one that refuses connections; what brokers answer is for the front
 * half's tests, the simulator and the interop tests.
 */
#include "client_rig.h"

#include <pthread.h>

static int open_client(dohle_config *config, const dohle_allocator *allocator,
                       void **client)
{
    const dohle_consumer_options options = {.size = sizeof(options),
                                            .allocator = allocator};
    dohle_consumer *consumer = *client; // to see what open makes of it
    int err = dohle_consumer_open(config, &options, &consumer);
    *client = consumer;
    return err;
}

static void free_client(void *client)
{
    dohle_consumer_free(client);
}

static const struct client_kind kind = {open_client, free_client};

// value NULL: the default.
static dohle_consumer *open_consumer_with(const char *key, const char *value)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", REFUSING));
    assert_int_equal(0, dohle_config_set(config, "group.id", "group"));
    assert_int_equal(0, dohle_config_set(config, key, value));
    dohle_consumer *consumer;
    assert_int_equal(0, dohle_consumer_open(config, NULL, &consumer));
    dohle_config_free(config);
    return consumer;
}

static dohle_consumer *open_consumer(void)
{
    return open_consumer_with("client.id", NULL);
}

static void subscribe(dohle_consumer *consumer)
{
    const char *topics[] = {"t"};
    assert_int_equal(0, dohle_consumer_subscribe(consumer, topics, 1, NULL));
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
        {"security.protocol", "SSL", DOHLE_ERR_UNSUPPORTED_CONFIG, "security.protocol"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_open_fails(&kind, rows[i].expected, rows[i].named, i > 0, rows[i].key,
                          rows[i].value);
    }
}

static void test_calls_end_in_time(void **state)
{
    (void)state;
    dohle_consumer *consumer = open_consumer();
    subscribe(consumer);
    dohle_records *records;
    dohle_offset offset = {.topic = "t", .partition = 0};
    const dohle_partition_info *infos;
    size_t count;
    for (int64_t timeout_ms = 0; timeout_ms <= 300; timeout_ms += 300) {
        for (int call = 0; call < 5; call++) {
            int64_t started_ns = dh_clock_now_ns();
            int err = 0;
            switch (call) {
            case 0:
                err = dohle_consumer_poll(consumer, timeout_ms, &records);
                assert_int_equal(0, err);
                assert_int_equal(0, dohle_records_count(records));
                break;
            case 1:
                err = dohle_consumer_committed(consumer, &offset, 1, timeout_ms);
                break;
            case 2:
                err = dohle_consumer_end_offsets(consumer, &offset, 1, timeout_ms);
                break;
            case 3:
                err = dohle_consumer_partitions_for(consumer, "t", timeout_ms, &infos,
                                                    &count);
                break;
            case 4:
                offset.offset = 1;
                err = dohle_consumer_commit_sync(consumer, &offset, 1, timeout_ms);
                break;
            }
            int64_t took_ns = dh_clock_now_ns() - started_ns;
            assert_true(took_ns < timeout_ms * DH_MS + LATE_NS); // L5
            if (call > 0) {
                // Without a member id nothing can be committed (API-108).
                int expected = call == 4 ? DOHLE_ERR_COMMIT_FAILED : DOHLE_ERR_TIMEOUT;
                if (timeout_ms > 0) {
                    assert_int_equal(expected, err);
                }
                const dohle_error_info *info = dohle_consumer_last_error(consumer);
                assert_int_equal(err, info->code);
                if (timeout_ms > 0 && call < 4) {
                    assert_non_null(strstr(info->text, REFUSING)); // who is to blame
                }
            }
        }
    }
    // Each error has its own text, also when its code is that of the one before.
    const char *empty[] = {""};
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_consumer_subscribe(consumer, empty, 1, NULL));
    assert_non_null(strstr(dohle_consumer_last_error(consumer)->text, "empty"));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_consumer_poll(consumer, -3, &records));
    assert_non_null(strstr(dohle_consumer_last_error(consumer)->text, "timeout"));
    int64_t started_ns = dh_clock_now_ns();
    (void)dohle_consumer_close(consumer, 200);
    assert_true(dh_clock_now_ns() - started_ns < 200 * DH_MS + LATE_NS); // L6
    assert_int_equal(DOHLE_ERR_CLOSED, dohle_consumer_poll(consumer, 0, &records));
    assert_int_equal(-1, dohle_consumer_fd(consumer));
    assert_int_equal(0, dohle_consumer_close(consumer, 0)); // API-001
    dohle_consumer_free(consumer);
}

// Calls that name no time have that of default.api.timeout.ms.
static void test_default_timeout(void **state)
{
    (void)state;

    static const struct {
        const char *value;
        int64_t value_ms;
    } rows[] = {{"0", 0}, {"100", 100}, {"300", 300}};

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        dohle_consumer *consumer =
            open_consumer_with("default.api.timeout.ms", rows[i].value);
        const dohle_topic_partition partition = {"t", 0};
        assert_int_equal(0, dohle_consumer_assign(consumer, &partition, 1));
        dohle_offset offset = {.topic = "t", .partition = 0, .offset = 1};
        int64_t position;
        const dohle_partition_info *infos;
        size_t count;
        for (int call = 0; call < 5; call++) {
            int64_t started_ns = dh_clock_now_ns();
            int err = 0;
            switch (call) {
            case 0:
                err =
                    dohle_consumer_committed(consumer, &offset, 1, DOHLE_DEFAULT_TIMEOUT);
                break;
            case 1:
                err = dohle_consumer_end_offsets(consumer, &offset, 1,
                                                 DOHLE_DEFAULT_TIMEOUT);
                break;
            case 2:
                err = dohle_consumer_partitions_for(consumer, "t", DOHLE_DEFAULT_TIMEOUT,
                                                    &infos, &count);
                break;
            case 3:
                err = dohle_consumer_position(consumer, "t", 0, DOHLE_DEFAULT_TIMEOUT,
                                              &position);
                break;
            case 4:
                err = dohle_consumer_commit_sync(consumer, &offset, 1,
                                                 DOHLE_DEFAULT_TIMEOUT);
                break;
            }
            int64_t took_ns = dh_clock_now_ns() - started_ns;
            assert_int_equal(DOHLE_ERR_TIMEOUT, err);
            // The I/O thread gives up a little earlier, so that it can say why.
            assert_true(took_ns >= rows[i].value_ms * DH_MS * 3 / 4);
            assert_true(took_ns < rows[i].value_ms * DH_MS + LATE_NS);
        }
        dohle_consumer_free(consumer);
    }
}

static void test_free_without_close(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        dohle_consumer *consumer = open_consumer();
        if (i == 1) {
            subscribe(consumer);
            dohle_records *records;
            assert_int_equal(0, dohle_consumer_poll(consumer, 20, &records));
        }
        int64_t started_ns = dh_clock_now_ns();
        dohle_consumer_free(consumer);
        assert_true(dh_clock_now_ns() - started_ns < LATE_NS);
    }
    dohle_consumer_free(NULL);
}

// ---- Two threads ----

struct other {
    dohle_consumer *consumer;
    atomic_int started;
    int err;
};

static void *poll_long(void *ctx)
{
    struct other *other = ctx;
    dohle_records *records;
    atomic_store(&other->started, 1);
    do { // until the main thread is not inside
        other->err = dohle_consumer_poll(other->consumer, DOHLE_NO_TIMEOUT, &records);
    } while (other->err == DOHLE_ERR_CONCURRENT_USE);
    return NULL;
}

static void test_one_thread_at_a_time(void **state)
{
    (void)state;
    dohle_consumer *consumer = open_consumer();
    subscribe(consumer);
    struct other other = {.consumer = consumer};
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, poll_long, &other));
    // Until the other is inside, our own poll(0) may succeed.
    dohle_records *records;
    int64_t deadline_ns = dh_clock_now_ns() + 10 * DH_SEC;
    int err = 0;
    while (err == 0 && dh_clock_now_ns() < deadline_ns) {
        err = atomic_load(&other.started) ? dohle_consumer_pause(consumer, NULL, 0) : 0;
    }
    assert_int_equal(DOHLE_ERR_CONCURRENT_USE, err);
    assert_int_equal(DOHLE_ERR_CONCURRENT_USE,
                     dohle_consumer_poll(consumer, 0, &records));
    assert_int_equal(0, dohle_records_count(records));
    assert_int_equal(DOHLE_ERR_CONCURRENT_USE, dohle_consumer_close(consumer, 0));
    dohle_consumer_wakeup(consumer);
    assert_int_equal(0, pthread_join(thread, NULL));
    assert_int_equal(DOHLE_ERR_WAKEUP, other.err);
    // It belongs to nobody again; the wakeup counted once.
    assert_int_equal(0, dohle_consumer_poll(consumer, 0, &records));
    assert_int_equal(0, dohle_consumer_close(consumer, 0));
    dohle_consumer_free(consumer);
}

static void test_descriptor(void **state)
{
    (void)state;
    dohle_consumer *consumer = open_consumer();
    struct pollfd watched = {.fd = dohle_consumer_fd(consumer), .events = POLLIN};
    assert_int_equal(0, poll(&watched, 1, 0));
    subscribe(consumer);
    // A subscription is sent by poll, so poll is due.
    assert_int_equal(1, poll(&watched, 1, 0));
    dohle_records *records;
    assert_int_equal(0, dohle_consumer_poll(consumer, 0, &records));
    dohle_consumer_wakeup(consumer);
    assert_int_equal(1, poll(&watched, 1, 10000));
    int err = 0;
    while (err == 0) {
        err = dohle_consumer_poll(consumer, 0, &records);
    }
    assert_int_equal(DOHLE_ERR_WAKEUP, err);
    (void)dohle_consumer_close(consumer, 0);
    dohle_consumer_free(consumer);
}

static void test_open_without_memory(void **state)
{
    (void)state;
    assert_open_needs_memory(&kind, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_says_what_is_wrong),
        cmocka_unit_test(test_calls_end_in_time),
        cmocka_unit_test(test_default_timeout),
        cmocka_unit_test(test_free_without_close),
        cmocka_unit_test(test_one_thread_at_a_time),
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_open_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
