// SPDX-License-Identifier: MIT
// DescribeGroups and ListGroups: O-03, O-04.
#include "rig.h"

static int setup(void **state)
{
    static struct rig rig;
    rig_init(&rig);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    rig_deinit(*state);
    return 0;
}

static void groups_are_described(void **state)
{
    RIG_RUN(*state,                                                      //
            {"describe v=5", "NONE Dead type= protocol="},               // O-03
            {"describe v=6", "GROUP_ID_NOT_FOUND Dead type= protocol="}, //
            {"join a", "a: MEMBER_ID_REQUIRED"},                         //
            {"describe", "NONE Empty type= protocol="},                  // O-04
            {"join a meta=one", ""},                                     //
            {"describe", "NONE PreparingRebalance type=consumer protocol=; "
                         "a() a/127.0.0.1 meta= owns="},   //
            {"wait 0", "a: generation 1, range, leads a"}, //
            {"sync a a=A", "a: gets A"},                   //
            {"describe", "NONE Stable type=consumer protocol=range; "
                         "a() a/127.0.0.1 meta=one owns=A"}, //
            {"join a", "a: generation 2, range, leads a"},
            {"describe", "NONE CompletingRebalance type=consumer protocol=; "
                         "a() a/127.0.0.1 meta= owns=A"}, // O-04
            // That generation will not be: nothing is left of the one before.
            {"join a meta=two", "a: generation 3, range, leads a"},
            {"describe", "NONE CompletingRebalance type=consumer protocol=; "
                         "a() a/127.0.0.1 meta= owns="}, //
            {"leave a", "a: NONE"},                      //
            {"describe", "NONE Empty type=consumer protocol="});
}

static void an_unknown_group_is_named(void **state)
{
    struct rig *rig = *state;
    struct dh_describe_groups_response_group group;
    struct dh_arena arena;
    dh_arena_init(&arena, dh_mem_default(), 0);
    assert_int_equal(
        0, dh_coordinator_describe(rig->coordinator, 6, DH_BYTES("who"), &arena, &group));
    assert_bytes_equal(DH_BYTES("Group who not found."), group.error_message);
    assert_bytes_equal(DH_BYTES("who"), group.group_id);
    assert_int_equal(INT32_MIN, group.authorized_operations);
    dh_arena_deinit(&arena);
}

static void groups_are_listed_in_order(void **state)
{
    RIG_RUN(*state,                                  //
            {"list", ""},                            //
            {"commit x group=z t-0=1", "NONE"},      //
            {"join a v=3 group=m", ""},              //
            {"join b v=3 group=b type=connect", ""}, //
            {"wait 0", "a: generation 1, range, leads a; "
                       "b: generation 1, range, leads b"},    //
            {"sync b b=B group=b type=connect", "b: gets B"}, //
            {"list", "b classic Stable 'connect'; "
                     "m classic CompletingRebalance 'consumer'; z classic Empty ''"});
}

// Who waits for a state is told once a step, when all is done.
static void who_watches_is_told(void **state)
{
    struct rig *rig = *state;

    static const struct {
        const char *step;
        size_t changes;
    } rows[] = {
        {"join a v=3", 1}, {"wait 0", 1}, {"beat a", 0},
        {"sync a a=A", 1}, {"beat a", 0}, {"commit a t-0=1", 0},
        {"leave a", 1},    {"delete", 1}, {"delete", 0},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        size_t before = rig->change_count;
        (void)rig_step(rig, rows[i].step);
        assert_int_equal(rows[i].changes, rig->change_count - before);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(groups_are_described),
        TEST(an_unknown_group_is_named),
        TEST(groups_are_listed_in_order),
        TEST(who_watches_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
