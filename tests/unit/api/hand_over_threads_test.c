// SPDX-License-Identifier: MIT
/*
 * The queue and the descriptor together, as the two sides of a consumer use
 * them: nothing is lost, nothing overtakes, nobody sleeps beside news.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "../test.h"
#include "api/fd_signal.h"
#include "api/queue.h"
#include "base/time.h"
#include "host/clock.h"

#define ITEMS    20000
#define PATIENCE (60 * DH_SEC)

struct item {
    struct dh_link link;
    int number;
};

struct lane {
    struct dh_queue queue;
    struct dh_fd_signal signal;
    struct item *items;
    atomic_bool has_ended;
};

static void *push_items(void *ctx)
{
    struct lane *lane = ctx;
    for (int i = 0; i < ITEMS; i++) {
        lane->items[i].number = i;
        (void)dh_queue_push(&lane->queue, &lane->items[i].link);
        dh_fd_signal_set(&lane->signal);
    }
    return NULL;
}

// A second setter, as dohle_consumer_wakeup is.
static void *set_repeatedly(void *ctx)
{
    struct lane *lane = ctx;
    while (!atomic_load(&lane->has_ended)) {
        dh_fd_signal_set(&lane->signal);
        (void)sched_yield();
    }
    return NULL;
}

static void test_every_item_arrives_in_order(void **state)
{
    (void)state;
    struct lane lane;
    dh_queue_init(&lane.queue);
    assert_int_equal(0, dh_fd_signal_init(&lane.signal));
    lane.items = calloc(ITEMS, sizeof(*lane.items));
    atomic_init(&lane.has_ended, false);
    pthread_t pusher;
    pthread_t setter;
    assert_int_equal(0, pthread_create(&pusher, NULL, push_items, &lane));
    assert_int_equal(0, pthread_create(&setter, NULL, set_repeatedly, &lane));

    int next = 0;
    int64_t deadline_ns = dh_clock_now_ns() + PATIENCE;
    while (next < ITEMS) {
        struct dh_list list;
        dh_list_init(&list);
        dh_fd_signal_clear(&lane.signal);
        if (!dh_queue_take_all(&lane.queue, &list)) {
            assert_true(dh_fd_signal_wait(&lane.signal, deadline_ns));
        }
        for (struct dh_link *link; (link = dh_list_pop_front(&list)) != NULL; next++) {
            assert_int_equal(next, DH_CONTAINER_OF(link, struct item, link)->number);
        }
    }
    atomic_store(&lane.has_ended, true);
    assert_int_equal(0, pthread_join(pusher, NULL));
    assert_int_equal(0, pthread_join(setter, NULL));

    // Once all setters are through, clear is clear: no token was left over.
    dh_fd_signal_clear(&lane.signal);
    struct pollfd pollfd = {.fd = lane.signal.fd, .events = POLLIN};
    assert_int_equal(0, poll(&pollfd, 1, 0));
    free(lane.items);
    dh_fd_signal_deinit(&lane.signal);
    dh_queue_deinit(&lane.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_arrives_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
