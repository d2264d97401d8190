// SPDX-License-Identifier: MIT
// SyncGroup, heartbeats, leaves, sessions: table 4.4, GC-026, GC-027, O-05, O-12, O-13.
#include "rig.h"

#include "coordinator/records.h"

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

// a leads, b follows; generation 1 is given out and nobody has synced.
static void join_pair(struct rig *rig)
{
    RIG_RUN(rig,                //
            {"join a v=3", ""}, //
            {"join b v=3", ""}, //
            {"wait 0", "a: generation 1, range, leads a ?; "
                       "b: generation 1, range, follows a"});
}

static void make_pair(struct rig *rig)
{
    join_pair(rig);
    RIG_RUN(rig, {"sync b", ""}, {"sync a a=A b=B", "a: gets A; b: gets B"});
}

static void followers_wait_for_the_leader(void **state)
{
    struct rig *rig = *state;
    join_pair(rig);
    size_t appends = rig->append_count;
    RIG_RUN(rig,                   //
            {"sync b b=mine", ""}, // O-05: not its business
            {"state", "CompletingRebalance, generation 1, members 2"}, //
            {"sync a a=A b=B c=C", "a: gets A; b: gets B"},            //
            {"sync b", "b: gets B"},                                   //
            {"sync a a=other", "a: gets A"},                           //
            {"state", "Stable, generation 1, members 2"});
    assert_int_equal(appends + 1, rig->append_count);
}

static void members_the_leader_forgot_get_nothing(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                          //
            {"join b meta=x", ""},                           //
            {"join a", "a: generation 2, range, leads a b; " //
                       "b: generation 2, range, follows a"}, //
            {"sync a a=A", "a: gets A"},                     //
            {"sync b", "b: gets "});                         // not what it had
}

// The time in a record is when its state began: expiry counts from it (GC-061).
static void records_have_the_time_of_their_state(void **state)
{
    struct rig *rig = *state;

    static const struct {
        const char *step;
        int64_t age_ms; // of the state in the last record
    } rows[] = {
        {"join a v=3", 0},  {"wait 500", 500}, {"sync a a=A", 500},
        {"wait 700", 1200}, {"leave a", 0},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        (void)rig_step(rig, rows[i].step);
        struct dh_group_metadata_value value;
        struct dh_arena arena;
        dh_arena_init(&arena, dh_mem_default(), 0);
        assert_int_equal(
            0, dh_group_record_read_group(rig->last->view.value, &arena, &value));
        assert_int_equal(rows[i].age_ms, rig->wall_ms - value.current_state_timestamp);
        dh_arena_deinit(&arena);
    }
}

// What a group is made and emptied with is, but for the time, what Apache Kafka 4.4.0 writes.
static void empty_groups_are_written_like_kafka_s(void **state)
{
    struct rig *rig = *state;
    static const uint8_t created[] = {0,    3,    0,    0,    0, 0, 0,    0,
                                      0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0x8b,
                                      0xcf, 0xe5, 0x68, 0,    0, 0, 0,    0};
    static const uint8_t emptied[] = {
        0,    3,    0,    8,    'c', 'o', 'n',  's',  'u',  'm',  'e',  'r', 0, 0, 0, 2,
        0xff, 0xff, 0xff, 0xff, 0,   0,   0x01, 0x8b, 0xcf, 0xe5, 0x68, 0,   0, 0, 0, 0};
    RIG_RUN(rig, {"join a", "a: MEMBER_ID_REQUIRED"});
    assert_bytes_equal(((dohle_bytes){created, sizeof(created)}), rig->last->view.value);
    RIG_RUN(rig, {"join a", ""}, {"wait 0", "a: generation 1, range, leads a"},
            {"leave a", "a: NONE"});
    assert_bytes_equal(((dohle_bytes){emptied, sizeof(emptied)}), rig->last->view.value);
}

static void syncs_are_checked(void **state)
{
    struct rig *rig = *state;
    RIG_RUN(rig,                                                         //
            {"sync a id=x gen=1", "a: UNKNOWN_MEMBER_ID"},               //
            {"sync a id=x gen=1 v=5", "a: INCONSISTENT_GROUP_PROTOCOL"}, // O-05
            {"sync a id=x group= v=5 protocol=range", "a: INVALID_GROUP_ID"});
    join_pair(rig);
    RIG_RUN(rig,                                                             //
            {"sync a id=x", "a: UNKNOWN_MEMBER_ID"},                         //
            {"sync a instance=i", "a: UNKNOWN_MEMBER_ID"},                   //
            {"sync a gen=2", "a: ILLEGAL_GENERATION"},                       //
            {"sync a v=5 protocol=other", "a: INCONSISTENT_GROUP_PROTOCOL"}, //
            {"sync a v=5 protocol=range type=connect", "a: INCONSISTENT_GROUP_PROTOCOL"},
            {"sync a v=5 protocol=range a=A b=B", "a: gets A"}, //
            {"join b meta=x", ""},                              //
            {"sync a", "a: REBALANCE_IN_PROGRESS"},             //
            {"leave b", "b: UNKNOWN_MEMBER_ID; b: NONE"},       //
            {"leave a", "a: NONE"},                             //
            {"sync a gen=2", "a: UNKNOWN_MEMBER_ID"});
}

static void a_rebalance_ends_the_wait(void **state)
{
    join_pair(*state);
    RIG_RUN(*state,                                     //
            {"sync b", ""},                             //
            {"join c v=3", "b: REBALANCE_IN_PROGRESS"}, //
            {"join b", ""},                             //
            {"join a", "a: generation 2, range, leads a b ?; "
                       "b: generation 2, range, follows a; "
                       "c: generation 2, range, follows a"});
}

// O-12, GC-005.
static void an_assignment_that_cannot_be_written(void **state)
{
    join_pair(*state);
    RIG_RUN(*state,                                                                 //
            {"sync b", ""},                                                         //
            {"fail MESSAGE_TOO_LARGE", ""},                                         //
            {"sync a a=A b=B", "a: UNKNOWN_SERVER_ERROR; b: UNKNOWN_SERVER_ERROR"}, //
            {"state", "PreparingRebalance, generation 1, members 2"},               //
            {"fail NONE", ""},                                                      //
            {"join a", ""},                                                         //
            {"join b", "a: generation 2, range, leads a b; "
                       "b: generation 2, range, follows a"}, //
            {"fail NOT_COORDINATOR", ""},                    //
            {"sync a a=A b=B", "a: NOT_COORDINATOR"},        //
            {"fail NONE", ""},                               //
            {"crash", ""},                                   //
            {"state", "Empty, generation 0, members 0"});
}

// O-13: only what was written comes back; GC-007: sessions begin anew.
static void a_crash_brings_the_last_assignment_back(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                //
            {"wait 9000", ""},     //
            {"join b meta=x", ""}, //
            {"join a", "a: generation 2, range, leads a b; "
                       "b: generation 2, range, follows a"}, //
            {"crash", ""},                                   //
            {"state", "Stable, generation 1, members 2"},    //
            {"beat a", "a: ILLEGAL_GENERATION"},             //
            {"beat b gen=1", "b: NONE"},                     //
            {"wait 9999", ""},                               //
            {"state", "Stable, generation 1, members 2"},    //
            {"wait 1", ""},                                  //
            {"state", "Empty, generation 2, members 0"});
}

// GC-026.
static void who_does_not_sync_in_time_is_removed(void **state)
{
    struct rig *rig = *state;
    RIG_RUN(rig,                               //
            {"join a v=3 rebalance=8000", ""}, //
            {"join b v=3 rebalance=8000", ""}, //
            {"wait 0", "a: generation 1, range, leads a ?; "
                       "b: generation 1, range, follows a"}, //
            {"sync b", ""},                                  //
            {"wait 7999", ""},                               //
            {"wait 1", "b: REBALANCE_IN_PROGRESS"},          // the leader is gone
            {"beat a", "a: UNKNOWN_MEMBER_ID"},              //
            {"join b", "b: generation 2, range, leads b"});
}

// GC-027.
static void sessions_end(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                   //
            {"wait 5000", ""},                                        //
            {"beat a", "a: NONE"},                                    //
            {"wait 4999", ""},                                        //
            {"state", "Stable, generation 1, members 2"},             //
            {"wait 1", ""},                                           // b's
            {"state", "PreparingRebalance, generation 1, members 1"}, //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},                   //
            {"wait 9999", ""},                                        //
            {"state", "PreparingRebalance, generation 1, members 1"}, //
            {"wait 1", ""},                                           //
            {"state", "Empty, generation 2, members 0"});
}

// Seen with Apache Kafka 4.4.0: what is answered at once keeps nobody alive.
static void commits_keep_sessions(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                   //
            {"wait 9000", ""},                                        //
            {"commit a t-0=1", "NONE"},                               //
            {"sync b", "b: gets B"},                                  //
            {"join b", "b: generation 1, range, follows a"},          //
            {"wait 999", ""},                                         //
            {"state", "Stable, generation 1, members 2"},             //
            {"wait 1", ""},                                           //
            {"state", "PreparingRebalance, generation 1, members 1"}, //
            {"beat b", "b: UNKNOWN_MEMBER_ID"},                       //
            {"beat a", "a: REBALANCE_IN_PROGRESS"});
}

static void heartbeats_are_checked(void **state)
{
    RIG_RUN(*state,                                    //
            {"beat a", "a: UNKNOWN_MEMBER_ID"},        //
            {"beat a group=", "a: INVALID_GROUP_ID"}); // O-08
    join_pair(*state);
    RIG_RUN(*state,                                        //
            {"beat a", "a: NONE"},                         // Completing
            {"beat a gen=0", "a: ILLEGAL_GENERATION"},     //
            {"beat a id=x", "a: UNKNOWN_MEMBER_ID"},       //
            {"beat a instance=i", "a: UNKNOWN_MEMBER_ID"}, //
            {"leave a b", "a: NONE; b: NONE"},             //
            {"beat a gen=2", "a: UNKNOWN_MEMBER_ID"});     // Empty
}

static void members_leave(void **state)
{
    RIG_RUN(*state,                                    //
            {"leave a id=x", "?: UNKNOWN_MEMBER_ID"},  //
            {"leave a id=x v=2", "UNKNOWN_MEMBER_ID"}, //
            {"leave a group=", "INVALID_GROUP_ID"});   // O-08
    make_pair(*state);
    RIG_RUN(*state,                                                  //
            {"leave a v=1", "NONE"},                                 // the leader
            {"leave a v=2", "UNKNOWN_MEMBER_ID"},                    //
            {"join b", "b: generation 2, range, leads b"},           //
            {"sync b b=x", "b: gets x"},                             //
            {"join c", "c: MEMBER_ID_REQUIRED"}, {"join c", ""},     //
            {"leave b c", "c: UNKNOWN_MEMBER_ID; b: NONE; c: NONE"}, // c waited
            {"state", "Empty, generation 3, members 0"});
}

// One that waits for its assignment is not left waiting.
static void one_leaves_while_it_syncs(void **state)
{
    join_pair(*state);
    RIG_RUN(*state,                                       //
            {"sync b", ""},                               //
            {"leave b", "b: UNKNOWN_MEMBER_ID; b: NONE"}, //
            {"join a", "a: generation 2, range, leads a"});
}

// As Apache Kafka: they are gone, and the client is told that the log does not know.
static void a_leave_that_cannot_be_written(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                             //
            {"fail NOT_ENOUGH_REPLICAS", ""},                   //
            {"leave a b", "COORDINATOR_NOT_AVAILABLE"},         //
            {"state", "Empty, generation 2, members 0"},        //
            {"leave x id= instance=k", "k: UNKNOWN_MEMBER_ID"}, // that was then
            {"fail NONE", ""},                                  //
            {"crash", ""},                                      //
            {"state", "Stable, generation 1, members 2"},       //
            {"wait 10000", ""},                                 //
            {"state", "Empty, generation 2, members 0"});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(followers_wait_for_the_leader),
        TEST(members_the_leader_forgot_get_nothing),
        TEST(records_have_the_time_of_their_state),
        TEST(empty_groups_are_written_like_kafka_s),
        TEST(syncs_are_checked),
        TEST(a_rebalance_ends_the_wait),
        TEST(an_assignment_that_cannot_be_written),
        TEST(a_crash_brings_the_last_assignment_back),
        TEST(who_does_not_sync_in_time_is_removed),
        TEST(sessions_end),
        TEST(commits_keep_sessions),
        TEST(heartbeats_are_checked),
        TEST(members_leave),
        TEST(one_leaves_while_it_syncs),
        TEST(a_leave_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
