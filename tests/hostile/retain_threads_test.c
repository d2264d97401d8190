// SPDX-License-Identifier: MIT
/*
 * An application that retains all that fetch.buffer.bytes has room for: the consumer
 * waits, and goes on when other threads release what they hold, also when it is freed
 * meanwhile.
 */
#include "hostile_broker.h"
#include "hostile_rig.h"

#include <poll.h>
#include <pthread.h>

#include "host/clock.h"

#define ROUNDS       20
#define THREADS      4
#define SETS_MAX     64
#define WAIT_MS      50
#define BUFFER       "100000"
#define RECORD       ((size_t)10000)
#define RECORDS_FULL 5 // so many records at least are there when the buffer is full

static const struct hostile_script good = {HOSTILE_OPEN, HOSTILE_GOOD_EVERYTHING,
                                           HOSTILE_SILENT};
static hostile_setting settings[] = {{"fetch.buffer.bytes", BUFFER},
                                     {"max.partition.fetch.bytes", "20000"},
                                     {"auto.offset.reset", "earliest"},
                                     {"enable.auto.commit", "false"},
                                     {NULL, NULL}};

// What is retained, in the order of the log.
struct sets {
    dohle_records *items[SETS_MAX];
    size_t count;
    size_t record_count;
    int64_t next_offset;
};

// Retains what a poll brings. False: nothing.
static bool poll_once(dohle_consumer *consumer, int64_t timeout_ms, struct sets *sets)
{
    dohle_records *records;
    assert_int_equal(0, dohle_consumer_poll(consumer, timeout_ms, &records));
    if (dohle_records_count(records) == 0) {
        return false;
    }
    assert_true(sets->count < SETS_MAX);
    sets->items[sets->count++] = dohle_records_retain(records);
    for (const dohle_record *record; (record = dohle_records_next(records)) != NULL;) {
        assert_int_equal(sets->next_offset, record->offset);
        sets->next_offset++;
        sets->record_count++;
    }
    return true;
}

// Until the buffer is full.
static void retain_all(dohle_consumer *consumer, struct sets *sets)
{
    int64_t deadline_ns = dh_clock_now_ns() + HOSTILE_PATIENCE_NS;
    enum dohle_idle_reason reason = DOHLE_IDLE_NOT;
    bool has_come = true;
    while (has_come || reason != DOHLE_IDLE_BUDGET_FULL) {
        assert_true(dh_clock_now_ns() < deadline_ns);
        has_come = poll_once(consumer, WAIT_MS, sets);
        assert_int_equal(0, dohle_consumer_idle_reason(consumer, "t", 0, &reason));
    }
    assert_true(sets->record_count >= RECORDS_FULL);
}

struct releaser {
    pthread_t thread;
    struct sets *sets;
    size_t first; // and each THREADS-th after it
};

static void *release(void *ctx)
{
    const struct releaser *releaser = ctx;
    // The consumer is deep in its poll by then.
    (void)poll(NULL, 0, 1);
    for (size_t i = releaser->first; i < releaser->sets->count; i += THREADS) {
        dohle_records_release(releaser->sets->items[i]);
    }
    return NULL;
}

static void start(struct releaser releasers[THREADS], struct sets *sets)
{
    for (size_t i = 0; i < THREADS; i++) {
        releasers[i].sets = sets;
        releasers[i].first = i;
        assert_int_equal(
            0, pthread_create(&releasers[i].thread, NULL, release, &releasers[i]));
    }
}

static void join(struct releaser releasers[THREADS])
{
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(0, pthread_join(releasers[i].thread, NULL));
    }
}

static void test_released_records_make_room(void **state)
{
    (void)state;
    struct hostile_broker *broker = hostile_broker_new(&good);
    hostile_broker_fill(broker, RECORD);
    dohle_consumer *consumer =
        hostile_consumer(hostile_broker_address(broker), settings, NULL);
    hostile_assign(consumer);
    struct sets sets = {.count = 0};
    for (int round = 0; round < ROUNDS; round++) {
        retain_all(consumer, &sets);
        struct sets released = sets;
        sets.count = 0;
        sets.record_count = 0;
        struct releaser releasers[THREADS];
        start(releasers, &released);
        assert_true(poll_once(consumer, HOSTILE_PATIENCE_NS / DH_MS, &sets));
        join(releasers);
    }
    // What is left is released when the consumer is gone.
    dohle_consumer_free(consumer);
    for (size_t i = 0; i < sets.count; i++) {
        dohle_records_release(sets.items[i]);
    }
    hostile_broker_free(broker);
}

static void test_a_consumer_is_freed_while_its_records_are_released(void **state)
{
    (void)state;
    struct hostile_broker *broker = hostile_broker_new(&good);
    hostile_broker_fill(broker, RECORD);
    struct hostile_remains before = hostile_count();
    struct hostile_memory memory;
    hostile_memory_init(&memory);
    for (int round = 0; round < ROUNDS; round++) {
        dohle_consumer *consumer =
            hostile_consumer(hostile_broker_address(broker), settings, &memory.allocator);
        hostile_assign(consumer);
        struct sets sets = {.count = 0};
        retain_all(consumer, &sets);
        struct releaser releasers[THREADS];
        start(releasers, &sets);
        if (round % 2 == 0) {
            (void)poll(NULL, 0, 1);
        }
        dohle_consumer_free(consumer);
        join(releasers);
    }
    assert_true(hostile_memory_is_empty(&memory));
    assert_true(hostile_is_all_gone(before));
    hostile_broker_free(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_released_records_make_room),
        cmocka_unit_test(test_a_consumer_is_freed_while_its_records_are_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
