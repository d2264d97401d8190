// SPDX-License-Identifier: MIT
/*
 * Who may be inside a consumer: one thread at a time, again from its own callbacks,
 * and wake-ups from anywhere; nobody once it is closed. All functions are tried.
 */
#include "hostile_broker.h"
#include "hostile_calls.h"
#include "hostile_rig.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "host/clock.h"

static const struct hostile_script silent = {HOSTILE_OPEN, HOSTILE_GOOD_NOTHING,
                                             HOSTILE_SILENT};
static const struct hostile_script good = {HOSTILE_OPEN, HOSTILE_GOOD_EVERYTHING,
                                           HOSTILE_SILENT};

// ---- Wake-ups ----

#define WAKE_AFTER_MS 20

static void *wake_soon(void *ctx)
{
    (void)poll(NULL, 0, WAKE_AFTER_MS);
    dohle_consumer_wakeup(ctx);
    return NULL;
}

static dohle_consumer *alarmed;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    dohle_consumer_wakeup(alarmed);
}

static int call_and_wake_from_thread(const struct hostile_function *function,
                                     dohle_consumer *consumer)
{
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, wake_soon, consumer));
    int err = function->call(consumer, DOHLE_NO_TIMEOUT);
    assert_int_equal(0, pthread_join(thread, NULL));
    return err;
}

static int call_and_wake_from_signal(const struct hostile_function *function,
                                     dohle_consumer *consumer)
{
    alarmed = consumer;
    const struct itimerval soon = {.it_value = {.tv_usec = WAKE_AFTER_MS * 1000}};
    assert_int_equal(0, setitimer(ITIMER_REAL, &soon, NULL));
    return function->call(consumer, DOHLE_NO_TIMEOUT);
}

static int wake_and_call(const struct hostile_function *function,
                         dohle_consumer *consumer)
{
    dohle_consumer_wakeup(consumer);
    dohle_consumer_wakeup(consumer); // counts as one
    return function->call(consumer, DOHLE_NO_TIMEOUT);
}

// API-004, API-126, X-024: the running call, or the next that waits, ends; once.
static void test_a_wake_up_ends_every_wait_once(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_alarm};
    struct sigaction before;
    assert_int_equal(0, sigaction(SIGALRM, &action, &before));
    static int (*const ways[])(const struct hostile_function *, dohle_consumer *) = {
        call_and_wake_from_thread, call_and_wake_from_signal, wake_and_call};
    struct hostile_broker *broker = hostile_broker_new(&silent);
    dohle_consumer *consumer =
        hostile_consumer(hostile_broker_address(broker), NULL, NULL);
    hostile_assign(consumer);
    for (size_t i = 0; i < hostile_function_count; i++) {
        const struct hostile_function *function = &hostile_functions[i];
        for (size_t way = 0; function->can_wait && way < DH_COUNT_OF(ways); way++) {
            int err = ways[way](function, consumer);
            if (err != DOHLE_ERR_WAKEUP) {
                fail_msg("%s: %s", function->name, dohle_error_name(err));
            }
            assert_int_equal(DOHLE_ERR_WAKEUP, dohle_consumer_last_error(consumer)->code);
            assert_int_not_equal(DOHLE_ERR_WAKEUP, function->call(consumer, 20));
        }
    }
    // A call that does not wait does not use it up, and close does not heed it.
    dohle_consumer_wakeup(consumer);
    for (size_t i = 0; i < hostile_function_count; i++) {
        const struct hostile_function *function = &hostile_functions[i];
        // These may ask the back half, and wait for that.
        bool may_wait = function->can_wait ||
                        function->call == hostile_call_idle_reason ||
                        function->call == hostile_call_unsubscribe;
        if (!may_wait) {
            assert_int_not_equal(DOHLE_ERR_WAKEUP, function->call(consumer, 0));
        }
    }
    assert_int_equal(DOHLE_ERR_WAKEUP, hostile_call_list_topics(consumer, 20));
    dohle_consumer_wakeup(consumer);
    assert_int_not_equal(DOHLE_ERR_WAKEUP, dohle_consumer_close(consumer, 20));
    dohle_consumer_free(consumer);
    hostile_broker_free(broker);
    assert_int_equal(0, sigaction(SIGALRM, &before, NULL));
}

// ---- A second thread ----

static void *poll_for_ever(void *ctx)
{
    int err = DOHLE_ERR_CONCURRENT_USE;
    while (err == DOHLE_ERR_CONCURRENT_USE) { // whoever looks whether we are inside
        err = hostile_call_poll(ctx, DOHLE_NO_TIMEOUT);
    }
    return (void *)(intptr_t)err;
}

// whatever it calls.
static void test_a_second_thread_is_refused(void **state)
{
    (void)state;
    struct hostile_broker *broker = hostile_broker_new(&silent);
    dohle_consumer *consumer =
        hostile_consumer(hostile_broker_address(broker), NULL, NULL);
    hostile_subscribe(consumer);
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, poll_for_ever, consumer));
    int64_t deadline_ns = dh_clock_now_ns() + HOSTILE_PATIENCE_NS;
    while (dohle_consumer_pause(consumer, NULL, 0) != DOHLE_ERR_CONCURRENT_USE &&
           dh_clock_now_ns() < deadline_ns) {
    }
    for (size_t i = 0; i < hostile_function_count; i++) {
        const struct hostile_function *function = &hostile_functions[i];
        int err = function->call(consumer, 100);
        if (err != DOHLE_ERR_CONCURRENT_USE) {
            fail_msg("%s: %s", function->name, dohle_error_name(err));
        }
    }
    assert_int_equal(DOHLE_ERR_CONCURRENT_USE, dohle_consumer_close(consumer, 0));
    dohle_consumer_wakeup(consumer);
    void *result;
    assert_int_equal(0, pthread_join(thread, &result));
    assert_int_equal(DOHLE_ERR_WAKEUP, (intptr_t)result);
    // Nothing has changed: it is still subscribed, and ours now.
    const char *const *topics;
    size_t count;
    assert_int_equal(0, dohle_consumer_subscription(consumer, &topics, &count));
    assert_int_equal(1, count);
    assert_int_equal(0, hostile_call_poll(consumer, 0));
    (void)dohle_consumer_close(consumer, 100);
    dohle_consumer_free(consumer);
    hostile_broker_free(broker);
}

#define CROWD        4
#define CROWD_ROUNDS 300

struct crowd {
    dohle_consumer *consumer;
    atomic_int refused;
    atomic_int let_in;
    atomic_int closed; // must stay 0
};

static void *call_all(void *ctx)
{
    struct crowd *crowd = ctx;
    for (size_t i = 0; i < CROWD_ROUNDS; i++) {
        const struct hostile_function *function =
            &hostile_functions[i % hostile_function_count];
        int err = function->call(crowd->consumer, 0);
        if (err == DOHLE_ERR_CONCURRENT_USE) {
            atomic_fetch_add(&crowd->refused, 1);
        } else if (err == DOHLE_ERR_CLOSED) {
            atomic_fetch_add(&crowd->closed, 1);
        } else {
            atomic_fetch_add(&crowd->let_in, 1);
        }
        dohle_consumer_wakeup(crowd->consumer);
    }
    return NULL;
}

// What comes of it is anyone's guess, but nothing breaks: for the sanitizers.
static void test_a_crowd_does_no_harm(void **state)
{
    (void)state;
    static const hostile_setting settings[] = {{"default.api.timeout.ms", "20"},
                                               {NULL, NULL}};
    struct hostile_broker *broker = hostile_broker_new(&good);
    struct crowd crowd = {
        .consumer = hostile_consumer(hostile_broker_address(broker), settings, NULL)};
    pthread_t threads[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        assert_int_equal(0, pthread_create(&threads[i], NULL, call_all, &crowd));
    }
    for (size_t i = 0; i < CROWD; i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
    }
    assert_int_equal(CROWD * CROWD_ROUNDS, crowd.refused + crowd.let_in);
    assert_true(crowd.let_in > 0);
    // It still works.
    (void)hostile_call_unsubscribe(crowd.consumer, 0);
    hostile_assign(crowd.consumer);
    int err = DOHLE_ERR_WAKEUP;
    while (err == DOHLE_ERR_WAKEUP) {
        err = hostile_call_position(crowd.consumer, 10000);
    }
    assert_int_equal(0, err);
    assert_int_equal(0, dohle_consumer_close(crowd.consumer, 1000));
    dohle_consumer_free(crowd.consumer);
    hostile_broker_free(broker);
}

// ---- Callbacks ----

struct told {
    int calls;
    int errors[64]; // by function
    int close_error;
};

static int call_all_inside(dohle_consumer *consumer,
                           const dohle_topic_partition *partitions, size_t count,
                           void *ctx)
{
    struct told *told = ctx;
    (void)partitions;
    assert_int_equal(HOSTILE_PARTITIONS, count);
    if (told->calls++ > 0) {
        return 0;
    }
    for (size_t i = 0; i < hostile_function_count; i++) {
        told->errors[i] = hostile_functions[i].call(consumer, 5000);
    }
    told->close_error = dohle_consumer_close(consumer, 100);
    return 0;
}

static int expected_inside(const char *name)
{
    // The last two: "t" is subscribed to by name.
    static const char *const refused[] = {"poll", "unsubscribe", "subscribe_pattern",
                                          "assign"};
    for (size_t i = 0; i < DH_COUNT_OF(refused); i++) {
        if (strcmp(name, refused[i]) == 0) {
            return DOHLE_ERR_INVALID_STATE;
        }
    }
    return strcmp(name, "last_rebalance") == 0 ? 1 : 0;
}

// Inside a callback every call works except these (API-174).
static void test_calls_from_a_callback(void **state)
{
    (void)state;
    struct hostile_broker *broker = hostile_broker_new(&good);
    dohle_consumer *consumer =
        hostile_consumer(hostile_broker_address(broker), NULL, NULL);
    struct told told = {0};
    const dohle_rebalance_listener listener = {.on_assigned = call_all_inside,
                                               .ctx = &told};
    const char *const topics[] = {"t"};
    assert_int_equal(0, dohle_consumer_subscribe(consumer, topics, 1, &listener));
    int64_t deadline_ns = dh_clock_now_ns() + HOSTILE_PATIENCE_NS;
    while (told.calls == 0 && dh_clock_now_ns() < deadline_ns) {
        assert_int_equal(0, hostile_call_poll(consumer, 100));
    }
    assert_int_equal(1, told.calls);
    for (size_t i = 0; i < hostile_function_count; i++) {
        if (told.errors[i] != expected_inside(hostile_functions[i].name)) {
            fail_msg("%s: %s", hostile_functions[i].name,
                     dohle_error_name(told.errors[i]));
        }
    }
    assert_int_equal(DOHLE_ERR_INVALID_STATE, told.close_error);
    assert_int_equal(0, dohle_consumer_close(consumer, 1000));
    dohle_consumer_free(consumer);
    hostile_broker_free(broker);
}

// ---- After close ----

static void test_nothing_works_after_close(void **state)
{
    (void)state;
    struct hostile_broker *broker = hostile_broker_new(&good);
    dohle_consumer *consumer =
        hostile_consumer(hostile_broker_address(broker), NULL, NULL);
    hostile_subscribe(consumer);
    assert_int_equal(0, hostile_call_poll(consumer, 100));
    assert_int_equal(0, dohle_consumer_close(consumer, 5000));
    for (size_t i = 0; i < hostile_function_count; i++) {
        const struct hostile_function *function = &hostile_functions[i];
        int err = function->call(consumer, DOHLE_NO_TIMEOUT);
        if (err != DOHLE_ERR_CLOSED) {
            fail_msg("%s: %s", function->name, dohle_error_name(err));
        }
        assert_int_equal(DOHLE_ERR_CLOSED, dohle_consumer_last_error(consumer)->code);
    }
    dohle_consumer_wakeup(consumer); // has no effect
    assert_int_equal(-1, dohle_consumer_fd(consumer));
    assert_int_equal(0, dohle_consumer_close(consumer, 0)); // API-001
    dohle_consumer_free(consumer);
    hostile_broker_free(broker);
}

// ---- Before the first poll ----

// Nobody hears of a consumer that has not polled, whatever else it was told.
static void test_nothing_is_sent_before_the_first_poll(void **state)
{
    (void)state;
    struct hostile_broker *broker = hostile_broker_new(&good);
    const char *address = hostile_broker_address(broker);
    dohle_consumer *consumers[3];
    for (size_t i = 0; i < DH_COUNT_OF(consumers); i++) {
        consumers[i] = hostile_consumer(address, NULL, NULL);
    }
    hostile_subscribe(consumers[0]);
    assert_int_equal(0, dohle_consumer_subscribe_pattern(consumers[1], "t.*", NULL));
    hostile_assign(consumers[2]);
    assert_int_equal(0, dohle_consumer_seek(consumers[2], "t", 0, 5));
    // Long enough for a thread that does not know better.
    (void)poll(NULL, 0, 300);
    assert_int_equal(0, hostile_broker_connects(broker));
    for (size_t i = 0; i < DH_COUNT_OF(consumers); i++) {
        int connects = hostile_broker_connects(broker);
        int64_t deadline_ns = dh_clock_now_ns() + HOSTILE_PATIENCE_NS;
        while (hostile_broker_connects(broker) == connects &&
               dh_clock_now_ns() < deadline_ns) {
            assert_int_equal(0, hostile_call_poll(consumers[i], 0));
        }
        assert_true(hostile_broker_connects(broker) > connects);
        dohle_consumer_free(consumers[i]);
    }
    // One that never polls does not even say good-bye.
    dohle_consumer *quiet = hostile_consumer(address, NULL, NULL);
    hostile_subscribe(quiet);
    int leaves = hostile_broker_requests(broker, DH_API_LEAVE_GROUP);
    int joins = hostile_broker_requests(broker, DH_API_JOIN_GROUP);
    assert_int_equal(0, dohle_consumer_close(quiet, 1000));
    dohle_consumer_free(quiet);
    assert_int_equal(leaves, hostile_broker_requests(broker, DH_API_LEAVE_GROUP));
    assert_int_equal(joins, hostile_broker_requests(broker, DH_API_JOIN_GROUP));
    hostile_broker_free(broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wake_up_ends_every_wait_once),
        cmocka_unit_test(test_a_second_thread_is_refused),
        cmocka_unit_test(test_a_crowd_does_no_harm),
        cmocka_unit_test(test_calls_from_a_callback),
        cmocka_unit_test(test_nothing_works_after_close),
        cmocka_unit_test(test_nothing_is_sent_before_the_first_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
