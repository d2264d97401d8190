// SPDX-License-Identifier: MIT
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

// Two members in generation 2, a is the leader, both have an assignment.
static void make_pair(struct rig *rig)
{
    RIG_RUN(rig,                //
            {"join a v=3", ""}, //
            {"join b v=3", ""}, //
            {"wait 0",
             "a: generation 1, range, leads a ?; b: generation 1, range, follows a"},
            {"sync a a=A b=B", "a: gets A"}, //
            {"sync b", "b: gets B"},         //
            {"state", "Stable, generation 1, members 2"});
}

// X-050, GC-025, GC-046.
static void a_group_of_one(void **state)
{
    RIG_RUN(*state,                                      //
            {"state", "Dead, generation 0, members 0"},  //
            {"join a", "a: MEMBER_ID_REQUIRED"},         // KIP-394
            {"state", "Empty, generation 0, members 0"}, //
            {"join a", ""},                              //
            {"state", "PreparingRebalance, generation 0, members 1"},
            {"wait 0", "a: generation 1, range, leads a"}, //
            {"state", "CompletingRebalance, generation 1, members 1"},
            {"sync a a=x", "a: gets x"},                  //
            {"state", "Stable, generation 1, members 1"}, //
            {"beat a", "a: NONE"},                        //
            {"leave a", "a: NONE"},                       //
            {"state", "Empty, generation 2, members 0"},  //
            {"crash", ""},                                //
            {"state", "Empty, generation 2, members 0"});
}

static void old_versions_join_at_once(void **state)
{
    make_pair(*state);
}

// GC-020: everybody is waited for; GC-023: the first is the leader and stays it.
static void a_newcomer_makes_all_join_again(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                       //
            {"join c", "c: MEMBER_ID_REQUIRED"},          //
            {"state", "Stable, generation 1, members 2"}, //
            {"join c", ""},                               //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},       //
            {"join b", ""},                               //
            {"join a", "a: generation 2, range, leads a b c; "
                       "b: generation 2, range, follows a; "
                       "c: generation 2, range, follows a"}, //
            {"beat b", "b: NONE"},                           //
            {"sync b", ""},                                  //
            {"sync a a=1 b=2 c=3", "a: gets 1; b: gets 2"},  //
            {"sync c", "c: gets 3"});
}

// Who does not come back in the rebalance time-out is dropped (GC-022); another leads (GC-023).
static void members_who_do_not_join_again_are_dropped(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                         //
            {"join b meta=other rebalance=5000", ""},       // a is not heard of again
            {"wait 9999", ""},                              //
            {"wait 1", "b: generation 2, range, leads b"}); // its session
}

static void the_rebalance_timeout_is_the_largest(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                  //
            {"join b meta=other rebalance=15000 session=20000", ""}, //
            {"wait 9000", ""},                                       //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},                  // alive
            {"wait 9000", ""},                                       //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},                  //
            {"wait 9000", ""},                                       //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},                  //
            {"wait 9000", ""},                                       //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},                  //
            {"wait 9000", ""},                                       //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},                  //
            {"wait 9000", ""},                                       //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},                  //
            {"wait 5999", ""},                                       //
            {"wait 1", "b: generation 2, range, leads b"},           // 60 s: a's
            {"beat a", "a: UNKNOWN_MEMBER_ID"});
}

// GC-020: the first version has no time-out of its own for rebalances.
static void version_0_rebalances_within_the_session_timeout(void **state)
{
    RIG_RUN(*state,                                          //
            {"join a v=0 session=8000 rebalance=60000", ""}, //
            {"wait 0", "a: generation 1, range, leads a"},   //
            {"join b v=0 session=8000 rebalance=60000", ""}, //
            {"wait 4000", ""},                               //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},          //
            {"wait 3999", ""},                               //
            {"wait 1", "b: generation 2, range, leads b"});
}

// GC-040 to GC-045, X-058.
static void members_join_again(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                          //
            {"join b", "b: generation 1, range, follows a"}, // GC-045
            {"state", "Stable, generation 1, members 2"},    //
            {"join b meta=other", ""},                       // GC-044
            {"join a", "a: generation 2, range, leads a b; "
                       "b: generation 2, range, follows a"},            //
            {"join b meta=other", "b: generation 2, range, follows a"}, // GC-041
            {"join a", "a: generation 2, range, leads a b"},            // GC-041
            {"join b meta=third", ""},                                  // GC-042
            {"join a", "a: generation 3, range, leads a b; "
                       "b: generation 3, range, follows a"}, //
            {"sync a a=A b=B", "a: gets A"},                 //
            {"join a", ""},                                  // GC-043
            {"join b meta=third", "a: generation 4, range, leads a b; "
                                  "b: generation 4, range, follows a"});
}

// The retry of a lost answer: no ghost, and the old wait ends.
static void one_who_waits_asks_again(void **state)
{
    struct rig *rig = *state;
    make_pair(rig);
    RIG_RUN(rig,                   //
            {"join b meta=x", ""}, //
            {"gone b", ""},        // its connection broke
            {"join b meta=x", ""}, //
            {"state", "PreparingRebalance, generation 1, members 2"},
            {"join a", "a: generation 2, range, leads a b; "
                       "b: generation 2, range, follows a"});
    // Both connections are there: the earlier one is sent away.
    struct rig_client *first = rig_client(rig, "b");
    struct rig_client *second = rig_client(rig, "b2");
    memcpy(second->member_id, first->member_id, sizeof(first->member_id));
    RIG_RUN(rig,                   //
            {"join b meta=y", ""}, //
            {"join b2 meta=y", "b: REBALANCE_IN_PROGRESS"});
}

// A member whose connection broke counts as waiting; the others go on.
static void a_broken_connection_does_not_hold_up_the_others(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                  //
            {"join b meta=x", ""},                                   //
            {"gone b", ""},                                          //
            {"join a", "a: generation 2, range, leads a b"},         //
            {"join b meta=x", "b: generation 2, range, follows a"}); // GC-041
}

// GC-021.
static void the_initial_delay_is_extended(void **state)
{
    struct rig *rig = *state;
    rig->settings.group_initial_rebalance_delay_ms = 3000;
    RIG_RUN(rig,                               //
            {"join a v=3 rebalance=7000", ""}, //
            {"wait 2999", ""},                 //
            {"join b v=3 rebalance=7000", ""}, //
            {"wait 2999", ""},                 // 5998: extended at 3000 to 6000
            {"join c v=3 rebalance=7000", ""}, //
            {"wait 1001", ""},                 // 6999: extended to 7000, and no more
            {"join d v=3 rebalance=7000", ""}, //
            {"wait 1", "a: generation 1, range, leads a ? ? ?; "
                       "b: generation 1, range, follows a; "
                       "c: generation 1, range, follows a; "
                       "d: generation 1, range, follows a"});
}

static void the_initial_delay_ends_without_newcomers(void **state)
{
    struct rig *rig = *state;
    rig->settings.group_initial_rebalance_delay_ms = 3000;
    RIG_RUN(rig,                //
            {"join a v=3", ""}, //
            {"wait 2999", ""},  //
            {"wait 1", "a: generation 1, range, leads a"});
}

// GC-028.
static void a_promised_id_is_waited_for_until_it_expires(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                           //
            {"join c session=7000", "c: MEMBER_ID_REQUIRED"}, //
            {"join b meta=x", ""},                            //
            {"join a", ""},                                   // c may come yet
            {"wait 6999", ""},                                //
            {"wait 1", "a: generation 2, range, leads a b; "
                       "b: generation 2, range, follows a"}, //
            {"join c", "c: UNKNOWN_MEMBER_ID"});
}

static void a_promised_id_is_given_back(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                              //
            {"join c", "c: MEMBER_ID_REQUIRED"}, //
            {"join b meta=x", ""},               //
            {"join a", ""},                      //
            {"leave c", "a: generation 2, range, leads a b; "
                        "b: generation 2, range, follows a; c: NONE"});
}

// A member of an old client that waits in its first join, and is gone (GC-027).
static void a_new_member_waits_five_minutes_at_most(void **state)
{
    RIG_RUN(*state,                                                                   //
            {"join a v=3 session=1800000 rebalance=1800000", ""},                     //
            {"wait 0", "a: generation 1, range, leads a"},                            //
            {"join b v=3", ""},                                                       //
            {"gone b", ""},                                                           //
            {"wait 299999", ""},                                                      //
            {"state", "PreparingRebalance, generation 1, members 2"}, {"wait 1", ""}, //
            {"state", "PreparingRebalance, generation 1, members 1"},
            {"join a", "a: generation 2, range, leads a"});
}

// GC-024.
static void protocols_are_voted_for(void **state)
{
    RIG_RUN(*state,                                                       //
            {"join a v=3 protocols=x,y,z", ""},                           //
            {"join b v=3 protocols=z,y", ""},                             //
            {"join c v=3 protocols=y,z", ""},                             //
            {"join d v=3 protocols=w", "d: INCONSISTENT_GROUP_PROTOCOL"}, //
            {"join d v=3 type=connect protocols=y", "d: INCONSISTENT_GROUP_PROTOCOL"},
            {"wait 0", "a: generation 1, y, leads a ? ?; b: generation 1, y, follows a; "
                       "c: generation 1, y, follows a"},              //
            {"join a protocols=w", "a: INCONSISTENT_GROUP_PROTOCOL"}, //
            {"describe", "NONE CompletingRebalance type=consumer protocol=; "
                         "a() a/127.0.0.1 meta= owns=; b() b/127.0.0.1 meta= owns=; "
                         "c() c/127.0.0.1 meta= owns="});
}

static void requests_are_checked(void **state)
{
    struct rig *rig = *state;
    make_pair(rig);
    RIG_RUN(rig,                                                        //
            {"join c group=", "c: INVALID_GROUP_ID"},                   //
            {"join c session=5999", "c: INVALID_SESSION_TIMEOUT"},      // BRK-011
            {"join c session=1800001", "c: INVALID_SESSION_TIMEOUT"},   //
            {"join c id=x group=h", "c: UNKNOWN_MEMBER_ID"},            // table, 8
            {"join c id=x", "c: UNKNOWN_MEMBER_ID"},                    // 17
            {"join c id=x instance=i", "c: UNKNOWN_MEMBER_ID"},         // 15
            {"join c type= group=h", "c: INCONSISTENT_GROUP_PROTOCOL"}, // 11
            {"join c protocols= group=h", "c: INCONSISTENT_GROUP_PROTOCOL"},
            {"state", "Stable, generation 1, members 2"});
}

// GC-029.
static void groups_have_a_size(void **state)
{
    struct rig *rig = *state;
    rig->settings.group_max_size = 2;
    make_pair(rig);
    RIG_RUN(rig,                                     //
            {"join c", "c: GROUP_MAX_SIZE_REACHED"}, //
            {"join b meta=x", ""},                   //
            {"join a", "a: generation 2, range, leads a b; "
                       "b: generation 2, range, follows a"});
    // Loaded above its size, it drops who comes last.
    RIG_RUN(rig, {"sync a a=A b=B", "a: gets A"}, {"sync b", "b: gets B"});
    rig->settings.group_max_size = 1;
    RIG_RUN(rig,                                                                      //
            {"crash", ""},                                                            //
            {"state", "PreparingRebalance, generation 2, members 2"}, {"join b", ""}, //
            {"join a", "a: GROUP_MAX_SIZE_REACHED; b: generation 3, range, leads b"});
}

// What cannot be written is refused, and nothing has happened (GC-005).
static void a_group_that_cannot_be_written_is_not_made(void **state)
{
    RIG_RUN(*state,                                     //
            {"fail NOT_ENOUGH_REPLICAS", ""},           //
            {"join a", "a: COORDINATOR_NOT_AVAILABLE"}, //
            {"state", "Dead, generation 0, members 0"}, //
            {"fail NOT_LEADER_OR_FOLLOWER", ""},        //
            {"join a", "a: NOT_COORDINATOR"},           //
            {"fail NONE", ""},                          //
            {"join a", "a: MEMBER_ID_REQUIRED"});
}

static void who_waits_is_told_of_an_unload(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                //
            {"join b meta=x", ""}, //
            {"unload", "b: NOT_COORDINATOR"});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(a_group_of_one),
        TEST(old_versions_join_at_once),
        TEST(a_newcomer_makes_all_join_again),
        TEST(members_who_do_not_join_again_are_dropped),
        TEST(the_rebalance_timeout_is_the_largest),
        TEST(version_0_rebalances_within_the_session_timeout),
        TEST(members_join_again),
        TEST(one_who_waits_asks_again),
        TEST(a_broken_connection_does_not_hold_up_the_others),
        TEST(the_initial_delay_is_extended),
        TEST(the_initial_delay_ends_without_newcomers),
        TEST(a_promised_id_is_waited_for_until_it_expires),
        TEST(a_promised_id_is_given_back),
        TEST(a_new_member_waits_five_minutes_at_most),
        TEST(protocols_are_voted_for),
        TEST(requests_are_checked),
        TEST(groups_have_a_size),
        TEST(a_group_that_cannot_be_written_is_not_made),
        TEST(who_waits_is_told_of_an_unload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
