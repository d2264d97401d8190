// SPDX-License-Identifier: MIT
/*
 * Every allocation of a consumer's life fails, one after the other: nothing breaks,
 * nothing leaks, the application is told, and a consumer that lacked memory once gets
 * to work all the same.
 *
 * Both threads of a consumer allocate, so which allocation is the n-th differs from run
 * to run; over all n each gets its turn.
 */
#include "hostile_broker.h"
#include "hostile_calls.h"
#include "hostile_rig.h"

#include <pthread.h>
#include <stdio.h>

#include "host/clock.h"

// So many consumers at a time, each with the next n.
#define WORKERS 40
// Above what a life needs; it ends earlier.
#define N_MAX 5000

struct life {
    bool is_member; // of a group, else assigned by hand
    bool is_once;   // only the n-th allocation fails, and then it must get to work
    bool is_good;   // the broker; else it refuses
};

struct work {
    struct life life;
    const char *address;
    atomic_size_t next_n;
    atomic_size_t last_n;   // no allocation failed with this n: more are not needed
    atomic_size_t opened;   // consumers that could be opened
    atomic_size_t told;     // of them, those that returned NO_MEMORY from some call
    atomic_bool is_failing; // something is wrong, described in
    char text[400];
};

static void fail_work(struct work *work, size_t n, const char *what, int err)
{
    if (!atomic_exchange(&work->is_failing, true)) {
        (void)snprintf(work->text, sizeof(work->text), "allocation %zu: %.300s: %s", n,
                       what, dohle_error_name(err));
    }
}

static bool is_expected(int err)
{
    return err == 0 || err == DOHLE_ERR_NO_MEMORY || err == DOHLE_ERR_TIMEOUT;
}

static int wish(struct work *work, dohle_consumer *consumer)
{
    if (work->life.is_member) {
        const char *const topics[] = {"t"};
        return dohle_consumer_subscribe(consumer, topics, 1, NULL);
    }
    const dohle_topic_partition partitions[] = {{"t", 0}, {"t", 1}};
    return dohle_consumer_assign(consumer, partitions, 2);
}

static bool is_at_work(dohle_consumer *consumer)
{
    const dohle_topic_partition *partitions;
    size_t count = 0;
    return dohle_consumer_assignment(consumer, &partitions, &count) == 0 &&
           count == HOSTILE_PARTITIONS && hostile_call_position(consumer, 20) == 0 &&
           hostile_call_commit_sync(consumer, 1000) == 0 &&
           hostile_call_committed(consumer, 1000) == 0 &&
           hostile_call_end_offsets(consumer, 1000) == 0 &&
           hostile_call_list_topics(consumer, 1000) == 0;
}

// Calls whatever there is. Returns whether some call lacked memory.
static bool live(struct work *work, dohle_consumer *consumer, size_t n)
{
    bool is_told = false;
    // A wish that lacked memory is refused, and may be uttered again.
    int err = DOHLE_ERR_NO_MEMORY;
    for (int i = 0; i < 2 && err != 0; i++) {
        err = wish(work, consumer);
        is_told = is_told || err == DOHLE_ERR_NO_MEMORY;
        if (!is_expected(err)) {
            fail_work(work, n, "wish", err);
        }
    }
    bool may_work = work->life.is_good && work->life.is_once;
    int64_t end_ns = dh_clock_now_ns() + (may_work ? HOSTILE_PATIENCE_NS : 30 * DH_MS);
    do {
        err = hostile_call_poll(consumer, 10);
        is_told = is_told || err == DOHLE_ERR_NO_MEMORY;
        bool has_nothing = err == DOHLE_ERR_NOT_SUBSCRIBED && !may_work;
        if (!is_expected(err) && !has_nothing) {
            fail_work(work, n, dohle_consumer_last_error(consumer)->text, err);
        }
        if (may_work && is_at_work(consumer)) {
            return is_told;
        }
    } while (dh_clock_now_ns() < end_ns && !atomic_load(&work->is_failing));
    if (may_work) {
        fail_work(work, n, "did not get to work", err);
    }
    for (size_t i = 0; i < hostile_function_count; i++) {
        (void)hostile_functions[i].call(consumer, 1);
    }
    return is_told;
}

// One life; false: no allocation failed in it.
static bool live_once(struct work *work, size_t n)
{
    struct hostile_memory memory;
    hostile_memory_init(&memory);
    memory.fail_from = n;
    memory.fail_until = work->life.is_once ? n + 1 : 0;
    dohle_config *config = dohle_config_new();
    const dohle_consumer_options options = {.size = sizeof(options),
                                            .allocator = &memory.allocator};
    if (config == NULL ||
        dohle_config_set(config, "bootstrap.servers", work->address) != 0 ||
        dohle_config_set(config, "group.id", "g") != 0 ||
        dohle_config_set(config, "default.api.timeout.ms", "200") != 0 ||
        dohle_config_set(config, "auto.offset.reset", "earliest") != 0) {
        abort();
    }
    dohle_consumer *consumer;
    int err = dohle_consumer_open(config, &options, &consumer);
    if (err == 0) {
        atomic_fetch_add(&work->opened, 1);
        if (live(work, consumer, n)) {
            atomic_fetch_add(&work->told, 1);
        }
        err = dohle_consumer_close(consumer, 200);
        if (!is_expected(err)) {
            fail_work(work, n, "close", err);
        }
    } else if (err != DOHLE_ERR_NO_MEMORY || consumer != NULL ||
               dohle_config_error(config)[0] == '\0') {
        fail_work(work, n, "open", err);
    }
    dohle_consumer_free(consumer);
    dohle_config_free(config);
    if (!hostile_memory_is_empty(&memory)) {
        fail_work(work, n, "leaks", 0);
    }
    return atomic_load(&memory.failures) > 0;
}

static void *live_often(void *ctx)
{
    struct work *work = ctx;
    while (!atomic_load(&work->is_failing)) {
        size_t n = atomic_fetch_add(&work->next_n, 1);
        if (n >= atomic_load(&work->last_n)) {
            return NULL;
        }
        if (!live_once(work, n)) {
            atomic_store(&work->last_n, n);
        }
    }
    return NULL;
}

static void check_lives(struct life life)
{
    const struct hostile_script script = {life.is_good ? HOSTILE_OPEN : HOSTILE_REFUSES,
                                          HOSTILE_GOOD_EVERYTHING, HOSTILE_SILENT};
    struct hostile_broker *broker = hostile_broker_new(&script);
    static struct work work;
    memset(&work, 0, sizeof(work));
    work.life = life;
    work.address = hostile_broker_address(broker);
    work.next_n = 1;
    work.last_n = N_MAX;
    pthread_t threads[WORKERS];
    for (size_t i = 0; i < WORKERS; i++) {
        assert_int_equal(0, pthread_create(&threads[i], NULL, live_often, &work));
    }
    for (size_t i = 0; i < WORKERS; i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
    }
    if (work.is_failing) {
        fail_msg("%s", work.text);
    }
    assert_true(work.last_n < N_MAX);
    assert_true(work.opened > 0);
    assert_true(work.told > 0);
    hostile_broker_free(broker);
}

static void test_member_without_memory_once(void **state)
{
    (void)state;
    check_lives((struct life){.is_member = true, .is_once = true, .is_good = true});
}

static void test_reader_without_memory_once(void **state)
{
    (void)state;
    check_lives((struct life){.is_member = false, .is_once = true, .is_good = true});
}

static void test_member_without_memory_from_then_on(void **state)
{
    (void)state;
    check_lives((struct life){.is_member = true, .is_once = false, .is_good = true});
}

static void test_reader_without_memory_from_then_on(void **state)
{
    (void)state;
    check_lives((struct life){.is_member = false, .is_once = false, .is_good = true});
}

static void test_without_memory_and_broker(void **state)
{
    (void)state;
    check_lives((struct life){.is_member = true, .is_once = false, .is_good = false});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member_without_memory_once),
        cmocka_unit_test(test_reader_without_memory_once),
        cmocka_unit_test(test_member_without_memory_from_then_on),
        cmocka_unit_test(test_reader_without_memory_from_then_on),
        cmocka_unit_test(test_without_memory_and_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
