// SPDX-License-Identifier: MIT
#include "base/heap.h"

#include <dohle/error.h>

#include "../test.h"
#include "base/random.h"

#define TIMER_COUNT 5

static void timers_come_out_by_deadline(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_timers timers;
    dh_timers_init(&timers, &memory.allocator);
    struct dh_timer timer[TIMER_COUNT];
    static const int64_t deadlines[TIMER_COUNT] = {50, 10, 40, 20, 30};
    for (size_t i = 0; i < TIMER_COUNT; i++) {
        assert_int_equal(0, dh_timers_add(&timers, &timer[i]));
        assert_int_equal(DH_NEVER, dh_timer_deadline(&timer[i]));
        dh_timers_set(&timers, &timer[i], deadlines[i]);
    }
    dh_timers_cancel(&timers, &timer[3]);
    dh_timers_set(&timers, &timer[2], 5);        // moves up
    dh_timers_set(&timers, &timer[1], 60);       // moves down
    dh_timers_set(&timers, &timer[4], DH_NEVER); // disarms
    dh_timers_cancel(&timers, &timer[4]);        // does nothing

    assert_int_equal(5, dh_timers_next_deadline(&timers));
    assert_null(dh_timers_pop_due(&timers, 4));
    assert_ptr_equal(&timer[2], dh_timers_pop_due(&timers, 5));
    assert_false(dh_timer_is_armed(&timer[2]));
    assert_ptr_equal(&timer[0], dh_timers_pop_due(&timers, 1000));
    assert_ptr_equal(&timer[1], dh_timers_pop_due(&timers, 1000));
    assert_null(dh_timers_pop_due(&timers, INT64_MAX));
    assert_int_equal(DH_NEVER, dh_timers_next_deadline(&timers));

    for (size_t i = 0; i < TIMER_COUNT; i++) {
        dh_timers_remove(&timers, &timer[i]);
    }
    dh_timers_deinit(&timers);
    assert_int_equal(0, memory.bytes);
}

static void arming_never_allocates(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_timers timers;
    dh_timers_init(&timers, &memory.allocator);
    struct dh_timer timer[100];
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(0, dh_timers_add(&timers, &timer[i]));
    }
    size_t calls = memory.calls;
    for (size_t i = 0; i < 100; i++) {
        dh_timers_set(&timers, &timer[i], (int64_t)(i * 7919 % 100));
    }
    for (int64_t i = 0; i < 100; i++) {
        struct dh_timer *due = dh_timers_pop_due(&timers, i);
        assert_non_null(due);
        assert_int_equal(i, due->deadline_ns);
    }
    assert_int_equal(calls, memory.calls);
    dh_timers_deinit(&timers);
}

static void failed_add_leaves_the_others(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    memory.fail_at = 2;
    struct dh_timers timers;
    dh_timers_init(&timers, &memory.allocator);
    struct dh_timer timer[16];
    size_t added = 0;
    while (added < 16 && dh_timers_add(&timers, &timer[added]) == 0) {
        dh_timers_set(&timers, &timer[added], (int64_t)added);
        added++;
    }
    assert_in_range(added, 1, 15);
    for (size_t i = 0; i < added; i++) {
        assert_ptr_equal(&timer[i], dh_timers_pop_due(&timers, 1000));
    }
    dh_timers_deinit(&timers);
    assert_int_equal(0, memory.bytes);
}

// The heap against a scan of all timers, through 20000 random steps.
static void heap_agrees_with_a_scan(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_timers timers;
    dh_timers_init(&timers, &memory.allocator);
    struct dh_timer timer[40];
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(0, dh_timers_add(&timers, &timer[i]));
    }
    struct dh_random random = {7};
    for (int step = 0; step < 20000; step++) {
        struct dh_timer *chosen = &timer[dh_random_below(&random, 40)];
        switch (dh_random_below(&random, 4)) {
        case 0:
        case 1:
            dh_timers_set(&timers, chosen, (int64_t)dh_random_below(&random, 100));
            break;
        case 2: dh_timers_cancel(&timers, chosen); break;
        case 3: (void)dh_timers_pop_due(&timers, 50); break;
        }
        int64_t earliest = DH_NEVER;
        for (size_t i = 0; i < 40; i++) {
            earliest = dh_earlier(earliest, dh_timer_deadline(&timer[i]));
        }
        assert_int_equal(earliest, dh_timers_next_deadline(&timers));
    }
    dh_timers_deinit(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_come_out_by_deadline),
        cmocka_unit_test(arming_never_allocates),
        cmocka_unit_test(failed_add_leaves_the_others),
        cmocka_unit_test(heap_agrees_with_a_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
