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

static void account_knows_live_frames(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_frame_account *account = dh_frame_account_new(&memory.allocator);
    struct dh_frame_pool pool;
    dh_frame_pool_init(&pool, &memory.allocator, 250);
    pool.account = account;

    struct dh_frame *kept = dh_frame_pool_get(&pool, 200);
    struct dh_frame *freed = dh_frame_pool_get(&pool, 100);
    assert_int_equal(300, dh_frame_account_bytes(account));
    dh_frame_pool_put(&pool, kept); // into the pool
    assert_int_equal(100, dh_frame_account_bytes(account));
    dh_frame_pool_put(&pool, freed); // over the pool's bound
    assert_int_equal(0, dh_frame_account_bytes(account));
    struct dh_frame *again = dh_frame_pool_get(&pool, 150); // from the pool
    assert_int_equal(200, dh_frame_account_bytes(account));

    dh_frame_pool_deinit(&pool);
    dh_frame_account_drop(account); // lives on with the frame
    dh_frame_drop(again);
    assert_int_equal(0, memory.bytes);
}

static void account_tells_once_that_somebody_waits(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_frame_account *account = dh_frame_account_new(&memory.allocator);

    assert_false(dh_frame_account_end_wait(account));
    dh_frame_account_await(account);
    assert_true(dh_frame_account_end_wait(account));
    assert_false(dh_frame_account_end_wait(account));

    dh_frame_account_drop(account);
    assert_int_equal(0, memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_is_freed_with_its_last_holder),
        cmocka_unit_test(pool_hands_out_what_fits),
        cmocka_unit_test(pool_never_keeps_a_frame_others_hold),
        cmocka_unit_test(pool_keeps_no_more_than_its_bound),
        cmocka_unit_test(account_knows_live_frames),
        cmocka_unit_test(account_tells_once_that_somebody_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
