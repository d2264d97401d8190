// SPDX-License-Identifier: MIT
#include "base/frame.h"

#include "../test.h"

static void frame_is_freed_with_its_last_holder(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);

    struct dh_frame *frame = dh_frame_new(&memory.allocator, 100);
    dh_frame_hold(frame);
    dh_frame_drop(frame);
    assert_true(memory.bytes > 100);
    dh_frame_drop(frame);

    assert_int_equal(0, memory.bytes);
}

static void pool_hands_out_what_fits(void **state)
{
    (void)state;

    static const struct {
        size_t kept, asked;
        bool reused;
    } rows[] = {
        {1000, 1000, true},  {1000, 250, true}, {1000, 249, false},
        {1000, 1001, false}, {1000, 999, true},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct dh_frame_pool pool;
        dh_frame_pool_init(&pool, &memory.allocator, 10000);
        struct dh_frame *kept = dh_frame_pool_get(&pool, rows[i].kept);
        dh_frame_pool_put(&pool, kept);

        struct dh_frame *got = dh_frame_pool_get(&pool, rows[i].asked);
        assert_int_equal(rows[i].reused, got == kept);
        assert_true(got->capacity >= rows[i].asked);

        dh_frame_drop(got);
        dh_frame_pool_deinit(&pool);
        assert_int_equal(0, memory.bytes);
    }
}

static void pool_never_keeps_a_frame_others_hold(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_frame_pool pool;
    dh_frame_pool_init(&pool, &memory.allocator, 10000);
    struct dh_frame *frame = dh_frame_pool_get(&pool, 100);
    dh_frame_hold(frame);

    dh_frame_pool_put(&pool, frame);

    assert_int_equal(0, pool.count);
    dh_frame_drop(frame);
    assert_int_equal(0, memory.bytes);
}

static void pool_keeps_no_more_than_its_bound(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_frame_pool pool;
    dh_frame_pool_init(&pool, &memory.allocator, 250);
    struct dh_frame *frames[3];
    for (size_t i = 0; i < 3; i++) {
        frames[i] = dh_frame_pool_get(&pool, 100);
    }
    for (size_t i = 0; i < 3; i++) {
        dh_frame_pool_put(&pool, frames[i]);
    }
    assert_int_equal(2, pool.count);
    assert_int_equal(200, pool.bytes);
    dh_frame_pool_deinit(&pool);
    assert_int_equal(0, memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_is_freed_with_its_last_holder),
        cmocka_unit_test(pool_hands_out_what_fits),
        cmocka_unit_test(pool_never_keeps_a_frame_others_hold),
        cmocka_unit_test(pool_keeps_no_more_than_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
