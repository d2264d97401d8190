// SPDX-License-Identifier: MIT
/*
 * Retained records that are released on any thread: who waits for their room is told
 * each time, and nothing is told to a consumer that has gone.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "api/io_thread.h"
#include "api/records.h"
#include "api/release_bell.h"
#include "base/frame.h"
#include "base/mem.h"
#include "base/time.h"
#include "client_rig.h"
#include "host/clock.h"

#define PATIENCE (20 * DH_SEC)

#define THREADS 4
#define ROUNDS  300

static struct shared_memory memory;

// ---- An engine that waits for room ----

struct engine {
    struct dh_frame_account *account; // held
    struct dh_message room;           // told when nothing is held any more
    bool has_room;
    bool is_waiting;
};

// As the fetcher does: waits again, then looks.
static void engine_on_bytes_released(void *ctx, int64_t now_ns)
{
    (void)now_ns;
    struct engine *engine = ctx;
    dh_frame_account_await(engine->account);
    engine->has_room = dh_frame_account_bytes(engine->account) == 0;
}

// The message comes back: something is held, and the next wait begins.
static void engine_input(void *ctx, struct dh_message *message, int64_t now_ns)
{
    struct engine *engine = ctx;
    if (message != &engine->room) {
        abort();
    }
    engine->is_waiting = true;
    engine_on_bytes_released(engine, now_ns);
}

static bool engine_next_action(void *ctx, struct dh_action *action)
{
    (void)ctx;
    (void)action;
    return false;
}

static struct dh_message *engine_next_event(void *ctx)
{
    struct engine *engine = ctx;
    if (!engine->has_room || !engine->is_waiting) {
        return NULL;
    }
    engine->is_waiting = false;
    return &engine->room;
}

static int64_t engine_deadline(const void *ctx)
{
    (void)ctx;
    return DH_NEVER;
}

static bool engine_is_finished(const void *ctx)
{
    (void)ctx;
    return true;
}

static void engine_free(void *ctx)
{
    struct engine *engine = ctx;
    dh_frame_account_drop(engine->account);
    dh_mem_free(&memory.allocator, engine, sizeof(*engine));
}

// It is a part of the engine.
static void free_message(const dohle_allocator *mem, struct dh_message *message)
{
    (void)mem;
    (void)message;
}

static const struct dh_engine_calls engine_calls = {
    .input = engine_input,
    .next_action = engine_next_action,
    .next_event = engine_next_event,
    .deadline = engine_deadline,
    .on_bytes_released = engine_on_bytes_released,
    .is_finished = engine_is_finished,
    .free = engine_free,
    .free_message = free_message,
};

// ---- A consumer, as far as records know it ----

struct consumer {
    struct dh_frame_account *account; // the engine's
    struct dh_frame_pool frames;
    struct dh_io_client *client;
    struct dh_release_bell *bell;
    struct dh_message *room; // the engine's, to be sent back
};

static void consumer_open(struct consumer *consumer)
{
    struct dh_io *io;
    const struct dh_io_options options = {.mem = &memory.allocator};
    assert_int_equal(0, dh_io_new(&options, &io));
    assert_int_equal(0, dh_io_client_new(io, &memory.allocator, NULL, &consumer->client));
    struct engine *engine = dh_mem_calloc(&memory.allocator, 1, sizeof(*engine));
    assert_non_null(engine);
    engine->account = dh_frame_account_new(&memory.allocator);
    assert_non_null(engine->account);
    dh_frame_account_await(engine->account);
    consumer->account = engine->account;
    consumer->room = &engine->room;
    dh_frame_account_hold(consumer->account);
    dh_frame_pool_init(&consumer->frames, &memory.allocator, 0); // keeps none
    consumer->frames.account = consumer->account;
    consumer->bell = dh_release_bell_new(&memory.allocator, consumer->client);
    assert_non_null(consumer->bell);
    dh_io_client_start(consumer->client, &engine_calls, engine);
    dh_io_release(io);
}

static void consumer_free(struct consumer *consumer)
{
    dh_release_bell_silence(consumer->bell);
    dh_io_client_release(consumer->client, 0);
    dh_frame_pool_deinit(&consumer->frames);
    dh_frame_account_drop(consumer->account);
}

// Retained sets of two records each, that share their frames with their neighbours.
static void retain(struct consumer *consumer, dohle_records *sets[THREADS])
{
    struct dh_frame *frames[THREADS + 1];
    for (size_t i = 0; i < THREADS + 1; i++) {
        frames[i] = dh_frame_pool_get(&consumer->frames, 64);
        assert_non_null(frames[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        dohle_record records[] = {{.topic = "t", .value = {frames[i]->data, 1}},
                                  {.topic = "t", .value = {frames[i + 1]->data, 1}}};
        struct dh_run runs[] = {
            {.frame = frames[i], .topic = "t", .first = 0, .count = 1},
            {.frame = frames[i + 1], .topic = "t", .first = 1, .count = 1}};
        const struct dh_record_set set = {
            .records = records, .count = 2, .runs = runs, .run_count = 2};
        struct dohle_records shown;
        dh_records_show(&shown, &memory.allocator, consumer->bell, &set);
        sets[i] = dohle_records_retain(&shown);
        assert_non_null(sets[i]);
    }
    for (size_t i = 0; i < THREADS + 1; i++) {
        dh_frame_pool_put(&consumer->frames, frames[i]);
    }
}

// ---- Threads that release ----

struct releaser {
    pthread_t thread;
    _Atomic(dohle_records *) records; // taken by the thread
    atomic_bool has_ended;
};

static void *release_all(void *ctx)
{
    struct releaser *releaser = ctx;
    while (!atomic_load(&releaser->has_ended)) {
        dohle_records_release(atomic_exchange(&releaser->records, NULL));
        (void)sched_yield();
    }
    dohle_records_release(atomic_exchange(&releaser->records, NULL));
    return NULL;
}

static void start(struct releaser releasers[THREADS])
{
    for (size_t i = 0; i < THREADS; i++) {
        atomic_init(&releasers[i].records, NULL);
        atomic_init(&releasers[i].has_ended, false);
        assert_int_equal(
            0, pthread_create(&releasers[i].thread, NULL, release_all, &releasers[i]));
    }
}

static void end(struct releaser releasers[THREADS])
{
    for (size_t i = 0; i < THREADS; i++) {
        atomic_store(&releasers[i].has_ended, true);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(0, pthread_join(releasers[i].thread, NULL));
    }
}

// ---- Tests ----

static void wait_for_room(struct consumer *consumer)
{
    struct dh_list told;
    dh_list_init(&told);
    int64_t deadline_ns = dh_clock_now_ns() + PATIENCE;
    for (;;) {
        dh_io_client_clear(consumer->client);
        if (dh_io_client_take(consumer->client, &told)) {
            break;
        }
        assert_true(dh_io_client_wait(consumer->client, deadline_ns));
    }
    assert_ptr_equal(&consumer->room->link, dh_list_pop_front(&told));
}

static void test_the_last_release_is_told(void **state)
{
    (void)state;
    struct consumer consumer;
    struct releaser releasers[THREADS];
    consumer_open(&consumer);
    start(releasers);
    for (int round = 0; round < ROUNDS; round++) {
        dohle_records *sets[THREADS];
        retain(&consumer, sets);
        dh_io_client_send(consumer.client, consumer.room);
        for (size_t i = 0; i < THREADS; i++) {
            atomic_store(&releasers[i].records, sets[i]);
        }
        wait_for_room(&consumer);
        assert_int_equal(0, dh_frame_account_bytes(consumer.account));
    }
    end(releasers);
    consumer_free(&consumer);
    shared_memory_await_empty(&memory);
}

// The consumer goes while its records are released, or before.
static void test_records_outlive_their_consumer(void **state)
{
    (void)state;
    struct releaser releasers[THREADS];
    start(releasers);
    for (int round = 0; round < ROUNDS; round++) {
        struct consumer consumer;
        dohle_records *sets[THREADS];
        consumer_open(&consumer);
        retain(&consumer, sets);
        if (round % 3 == 0) {
            consumer_free(&consumer);
        }
        for (size_t i = 0; i < THREADS; i++) {
            while (atomic_load(&releasers[i].records) != NULL) {
                (void)sched_yield();
            }
            atomic_store(&releasers[i].records, sets[i]);
        }
        if (round % 3 != 0) {
            consumer_free(&consumer);
        }
    }
    end(releasers);
    shared_memory_await_empty(&memory);
}

int main(void)
{
    shared_memory_init(&memory, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_release_is_told),
        cmocka_unit_test(test_records_outlive_their_consumer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
