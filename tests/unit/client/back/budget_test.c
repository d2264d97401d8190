// SPDX-License-Identifier: MIT
#include "client/back/budget.h"

#include "../../test.h"

#include "base/assert.h"

struct fixture {
    struct test_memory memory;
    struct dh_frame_account *account;
    struct dh_frame_pool pool;
    struct dh_budget budget;
};

static void set_up(struct fixture *fixture, size_t bytes_max)
{
    test_memory_init(&fixture->memory);
    fixture->account = dh_frame_account_new(&fixture->memory.allocator);
    dh_frame_pool_init(&fixture->pool, &fixture->memory.allocator, 0);
    fixture->pool.account = fixture->account;
    dh_budget_init(&fixture->budget, bytes_max, fixture->account);
}

static void tear_down(struct fixture *fixture)
{
    dh_frame_pool_deinit(&fixture->pool);
    dh_frame_account_drop(fixture->account);
    assert_int_equal(0, fixture->memory.bytes);
}

static void a_request_gets_the_smaller_of_what_it_wants_and_what_is_free(void **state)
{
    (void)state;

    static const struct {
        size_t offered;
        size_t bytes_max, held, reserved;
        uint32_t expansion;
        size_t wanted, useful;
    } rows[] = {
        {500, 1000, 0, 0, 16, 500, 100},   // fits
        {1000, 1000, 0, 0, 16, 5000, 100}, // the whole budget
        {300, 1000, 700, 0, 16, 500, 100}, // what frames leave
        {300, 1000, 0, 700, 16, 500, 100}, // what requests leave
        {0, 1000, 950, 0, 16, 500, 100},   // too little to be useful: wait
        {0, 1000, 2000, 0, 16, 500, 100},  // over the limit
        {250, 1000, 0, 0, 64, 500, 100},   // a byte became four
        {0, 1000, 1, 0, 1024, 500, 100},   // and 64: useless
        {15, 1000, 0, 0, 1024, 500, 100},  // but alone it passes
        {1, 10, 0, 0, 1024, 500, 100},     // however small the limit is
        {50, 1000, 950, 0, 16, 50, 100},   // all it wants, though not "useful"
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture fixture;
        set_up(&fixture, rows[i].bytes_max);
        fixture.budget.expansion = rows[i].expansion;
        fixture.budget.reserved_bytes = rows[i].reserved;
        struct dh_frame *frame =
            rows[i].held > 0 ? dh_frame_pool_get(&fixture.pool, rows[i].held) : NULL;

        assert_int_equal(rows[i].offered, dh_budget_offer(&fixture.budget, rows[i].wanted,
                                                          rows[i].useful));

        dh_frame_drop(frame);
        tear_down(&fixture);
    }
}

static void a_reservation_is_given_back_whole(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 1000);
    fixture.budget.expansion = 2 * DH_BUDGET_EXPANSION_ONE;

    size_t first = dh_budget_reserve(&fixture.budget, 100);
    assert_int_equal(200, first);
    dh_budget_learn(&fixture.budget, 100, 300); // the expansion changes meanwhile
    size_t huge = dh_budget_reserve(&fixture.budget, SIZE_MAX);
    assert_int_equal(1000, huge); // never more than there is
    assert_int_equal(1200, dh_budget_used(&fixture.budget));
    assert_int_equal(0, dh_budget_free(&fixture.budget));
    dh_budget_settle(&fixture.budget, first);
    dh_budget_settle(&fixture.budget, huge);

    assert_int_equal(1000, dh_budget_free(&fixture.budget));
    tear_down(&fixture);
}

static void retained_frames_count_until_they_are_dropped(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 1000);
    struct dh_frame *frame = dh_frame_pool_get(&fixture.pool, 400);
    dh_frame_hold(frame); // as dohle_records_retain does
    dh_frame_pool_put(&fixture.pool, frame);

    assert_int_equal(600, dh_budget_free(&fixture.budget));
    dh_frame_drop(frame);
    assert_int_equal(1000, dh_budget_free(&fixture.budget));
    tear_down(&fixture);
}

static void an_oversize_batch_passes_when_nothing_else_is_held(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 1000);
    struct dh_frame *response = dh_frame_pool_get(&fixture.pool, 300);

    assert_true(dh_budget_admits(&fixture.budget, 700, 300));  // fits
    assert_true(dh_budget_admits(&fixture.budget, 5000, 300)); // alone
    struct dh_frame *other = dh_frame_pool_get(&fixture.pool, 1);
    assert_false(dh_budget_admits(&fixture.budget, 5000, 300));
    assert_true(dh_budget_admits(&fixture.budget, 699, 300));

    dh_frame_drop(response);
    dh_frame_drop(other);
    tear_down(&fixture);
}

static void expansion_follows_up_at_once_and_down_slowly(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 1000);

    dh_budget_learn(&fixture.budget, 0, 100); // nothing fetched says nothing
    assert_int_equal(16, fixture.budget.expansion);
    dh_budget_learn(&fixture.budget, 100, 500);
    assert_int_equal(80, fixture.budget.expansion);
    dh_budget_learn(&fixture.budget, 100, 100);
    assert_int_equal(72, fixture.budget.expansion);
    for (int i = 0; i < 100; i++) {
        dh_budget_learn(&fixture.budget, 100, 50); // never below one
    }
    assert_int_equal(16, fixture.budget.expansion);
    dh_budget_learn(&fixture.budget, 1, SIZE_MAX);
    assert_int_equal(DH_BUDGET_EXPANSION_MAX, fixture.budget.expansion);
    tear_down(&fixture);
}

// What a batch becomes counts too, or one request would take the room of all.
static void the_shares_of_all_requests_fit_at_once(void **state)
{
    (void)state;

    static const struct {
        size_t held_bytes; // what 100 fetched bytes became
        size_t request_count;
        size_t share;
    } rows[] = {{100, 1, 1000}, {100, 4, 250}, {200, 1, 500}, {200, 4, 125}};

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture fixture;
        set_up(&fixture, 1000);
        dh_budget_learn(&fixture.budget, 100, rows[i].held_bytes);
        size_t share = dh_budget_share(&fixture.budget, rows[i].request_count);
        assert_int_equal(rows[i].share, share);
        for (size_t j = 0; j < rows[i].request_count; j++) {
            assert_int_equal(share, dh_budget_offer(&fixture.budget, share, share));
            (void)dh_budget_reserve(&fixture.budget, share);
        }
        assert_int_equal(0, dh_budget_free(&fixture.budget));
        tear_down(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gets_the_smaller_of_what_it_wants_and_what_is_free),
        cmocka_unit_test(a_reservation_is_given_back_whole),
        cmocka_unit_test(retained_frames_count_until_they_are_dropped),
        cmocka_unit_test(an_oversize_batch_passes_when_nothing_else_is_held),
        cmocka_unit_test(expansion_follows_up_at_once_and_down_slowly),
        cmocka_unit_test(the_shares_of_all_requests_fit_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
