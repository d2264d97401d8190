// SPDX-License-Identifier: MIT
// Static members (KIP-345, KIP-814): rows GC-050 to GC-057, O-06, O-07, predicate S17.
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

// a (the leader) and b are instances i and j, and Stable in generation 2.
static void make_pair(struct rig *rig)
{
    RIG_RUN(rig,                                           //
            {"join a instance=i", ""},                     // no id is promised
            {"wait 0", "a: generation 1, range, leads a"}, //
            {"join b instance=j", ""},                     //
            {"join a instance=i", "a: generation 2, range, leads a ?; " //
                                  "b: generation 2, range, follows a"}, //
            {"sync a a=A b=B instance=i", "a: gets A"},                 //
            {"sync b instance=j", "b: gets B"},                         //
            {"state", "Stable, generation 2, members 2"});
}

// GC-051, X-075.
static void one_comes_back_without_a_rebalance(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                       //
            {"join b2 instance=j", "b2: generation 2, range, follows a"}, //
            {"beat a", "a: NONE"},                                        //
            {"sync b2 instance=j", "b2: gets B"},                         //
            {"beat b2 instance=j", "b2: NONE"},                           //
            {"beat b instance=j", "b: FENCED_INSTANCE_ID"},               // GC-053
            {"beat b", "b: UNKNOWN_MEMBER_ID"},                           // O-07
            {"sync b instance=j", "b: FENCED_INSTANCE_ID"},               //
            {"commit b t-0=1 instance=j", "FENCED_INSTANCE_ID"},          //
            {"join b instance=j", "b: FENCED_INSTANCE_ID"},               // table, 16
            {"leave b instance=j", "b: FENCED_INSTANCE_ID"},              // GC-056
            {"state", "Stable, generation 2, members 2"});
}

// S17: the id was durable before it was told.
static void the_new_id_survives_a_crash(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                       //
            {"join b2 instance=j", "b2: generation 2, range, follows a"}, //
            {"crash", ""},                                                //
            {"beat b instance=j", "b: FENCED_INSTANCE_ID"},               //
            {"beat b2 instance=j", "b2: NONE"},                           //
            {"beat a instance=i", "a: NONE"},                             //
            {"sync b2", "b2: gets B"},                                    //
            {"describe", "NONE Stable type=consumer protocol=range; "
                         "a(i) a/127.0.0.1 meta=m owns=A; "
                         "b2(j) b/127.0.0.1 meta=m owns=B"});
}

// Nobody is fenced by an id that could not be written.
static void a_new_id_that_cannot_be_written_is_not_given(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                  //
            {"fail REQUEST_TIMED_OUT", ""},                          //
            {"join b2 instance=j", "b2: COORDINATOR_NOT_AVAILABLE"}, //
            {"beat b instance=j", "b: NONE"},                        //
            {"fail NONE", ""},                                       //
            {"join b2 instance=j", "b2: generation 2, range, follows a"});
}

// KIP-814, GC-051, X-078.
static void a_leader_that_comes_back(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                               //
            {"join a2 instance=i", "a2: generation 2, range, leads a2 b, skips"}, //
            {"sync a2", "a2: gets A"},                                            //
            {"join a3 instance=i v=8", "a3: generation 2, range, follows a2"},    //
            {"sync a3", "a3: gets A"},                                            //
            {"join a3 instance=i", ""}, // GC-043
            {"join b instance=j", "a3: generation 3, range, leads a3 b; "
                                  "b: generation 3, range, follows a3"});
}

// GC-052: what it subscribes to is seen at the next rebalance.
static void another_subscription_does_not_rebalance(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                                //
            {"join b2 instance=j meta=new", "b2: generation 2, range, follows a"}, //
            {"describe", "NONE Stable type=consumer protocol=range; "
                         "a(i) a/127.0.0.1 meta=m owns=A; "
                         "b2(j) b/127.0.0.1 meta=new owns=B"});
}

static void another_protocol_rebalances(void **state)
{
    struct rig *rig = *state;
    RIG_RUN(rig,                                       //
            {"join a instance=i protocols=x,y", ""},   //
            {"wait 0", "a: generation 1, x, leads a"}, //
            {"sync a a=A", "a: gets A"},               //
            {"join a2 instance=i protocols=y", "a2: generation 2, y, leads a2"});
}

// GC-050, GC-052.
static void one_comes_back_while_the_group_rebalances(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                          //
            {"join b instance=j meta=x", ""},                //
            {"join b2 instance=j", "b: FENCED_INSTANCE_ID"}, // while it waits
            {"join a instance=i", "a: generation 3, range, leads a ?; "
                                  "b2: generation 3, range, follows a"}, //
            {"sync b2 instance=j", ""},                                  //
            // The leader was told of b2.
            {"join b3 instance=j", "b2: FENCED_INSTANCE_ID"}, //
            {"sync a a=A b2=B", "a: REBALANCE_IN_PROGRESS"},  //
            {"join a instance=i", "a: generation 4, range, leads a ?; "
                                  "b3: generation 4, range, follows a"});
}

// What it says when it comes back is durable, too: times, metadata, who leads.
static void all_of_a_new_process_survives_a_crash(void **state)
{
    struct rig *rig = *state;
    RIG_RUN(rig,                                           //
            {"join a instance=i", ""},                     //
            {"wait 0", "a: generation 1, range, leads a"}, //
            {"sync a a=A", "a: gets A"},                   //
            {"join a2 instance=i session=9000 rebalance=7000 meta=new",
             "a2: generation 1, range, leads a2, skips"}, //
            {"crash", ""},                                //
            {"describe", "NONE Stable type=consumer protocol=range; "
                         "a2(i) a/127.0.0.1 meta=new owns=A"},
            {"join c v=3 rebalance=1000", ""},                //
            {"wait 6999", ""},                                //
            {"wait 1", "c: generation 2, range, leads a2 c"}, // the leader is away
            {"sync c", "c: gets "},                           //
            {"join a3 instance=i", "a3: generation 2, range, follows c"},
            {"leave c", "c: NONE"}, //
            {"join a3 instance=i", "a3: generation 3, range, leads a3"});
}

static void a_leader_that_is_not_the_first(void **state)
{
    struct rig *rig = *state;
    RIG_RUN(rig,                                                    //
            {"join a instance=i rebalance=8000 session=30000", ""}, //
            {"wait 0", "a: generation 1, range, leads a"},          //
            {"join b instance=j rebalance=8000 session=30000", ""}, //
            {"wait 8000", "b: generation 2, range, leads a b"},     // a is away
            {"sync b a=A b=B", "b: gets B"},                        //
            {"join b2 instance=j", "b2: generation 2, range, leads a b2, skips"},
            {"crash", ""},                                                 //
            {"join a2 instance=i", "a2: generation 2, range, follows b2"}, //
            {"join b2 instance=j", ""},                                    // GC-043
            {"state", "PreparingRebalance, generation 2, members 2"});
}

// One that waits as a new member, and is another process now, is not dropped for that.
static void one_that_comes_back_while_it_waits_may_wait_long(void **state)
{
    RIG_RUN(*state,                                             //
            {"join a v=3 session=600000 rebalance=900000", ""}, //
            {"wait 0", "a: generation 1, range, leads a"},      //
            {"join b instance=j", ""},                          //
            {"join b2 instance=j", "b: FENCED_INSTANCE_ID"},    //
            {"wait 599999", ""},                                //
            {"state", "PreparingRebalance, generation 1, members 2"},
            {"join a", "a: generation 2, range, leads a ?; " //
                       "b2: generation 2, range, follows a"});
}

// GC-022: it keeps its place as long as its session lasts.
static void one_that_is_away_is_waited_for(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                   //
            {"join a instance=i rebalance=8000", ""}, //
            {"join b instance=j rebalance=8000 meta=x",
             "a: generation 3, range, leads a b; "
             "b: generation 3, range, follows a"},           //
            {"sync a a=1 b=2", "a: gets 1"},                 //
            {"sync b", "b: gets 2"},                         //
            {"join a instance=i rebalance=8000", ""},        // b is away
            {"wait 7999", ""},                               //
            {"wait 1", "a: generation 4, range, leads a b"}, //
            {"sync a a=3 b=4", "a: gets 3"},                 //
            {"join b2 instance=j rebalance=8000", "b2: generation 4, range, follows a"},
            {"sync b2", "b2: gets 4"});
}

// The leader is away and nobody else comes: nothing can go on but time.
static void nobody_joins_again(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                   //
            {"join c", "c: MEMBER_ID_REQUIRED"},                      //
            {"join c rebalance=3000", ""},                            //
            {"leave c", "c: UNKNOWN_MEMBER_ID; c: NONE"},             //
            {"state", "PreparingRebalance, generation 2, members 2"}, //
            {"wait 9999", ""},                                        //
            {"wait 1", ""},
            {"state", "Empty, generation 3, members 0"});
}

// GC-026, GC-054: it has to sync, too.
static void one_that_does_not_sync_is_removed(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                   //
            {"join a instance=i rebalance=7000", ""}, //
            {"join b instance=j rebalance=7000", "a: generation 3, range, leads a b; "
                                                 "b: generation 3, range, follows a"}, //
            {"sync a a=1 b=2", "a: gets 1"},                                           //
            {"wait 6999", ""},                                                         //
            {"beat a", "a: NONE"},                                                     //
            {"wait 1", ""},                                                            //
            {"beat a", "a: REBALANCE_IN_PROGRESS"},                                    //
            {"beat b", "b: UNKNOWN_MEMBER_ID"},                                        //
            {"join a instance=i", "a: generation 4, range, leads a"});
}

static void an_administrator_removes_one(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                                   //
            {"leave x id= instance=k", "k: UNKNOWN_MEMBER_ID"},       //
            {"leave x id= instance=j", "j: NONE"},                    // GC-056
            {"beat b instance=j", "b: UNKNOWN_MEMBER_ID"},            // GC-057
            {"beat a instance=i", "a: REBALANCE_IN_PROGRESS"},        //
            {"join a instance=i", "a: generation 3, range, leads a"}, //
            {"leave a instance=k", "a: UNKNOWN_MEMBER_ID"},           //
            {"leave a", "a: NONE"},                                   // O-07
            {"state", "Empty, generation 4, members 0"});
}

// O-06: the size is looked at before the instance; O-07: "" is an instance id.
static void a_full_group_refuses_one_that_comes_back(void **state)
{
    struct rig *rig = *state;
    make_pair(rig);
    rig->settings.group_max_size = 2;
    RIG_RUN(rig,                                                  //
            {"join b2 instance=j", "b2: GROUP_MAX_SIZE_REACHED"}, //
            {"join e instance= group=h", ""},                     //
            {"wait 0", "e: generation 1, range, leads e"},        //
            {"sync e e=E instance= group=h", "e: gets E"},        //
            {"join e2 instance= group=h", "e2: generation 1, range, leads e2, skips"});
}

static void ids_begin_with_the_instance(void **state)
{
    struct rig *rig = *state;
    make_pair(rig);
    RIG_RUN(rig, {"join c group=h", "c: MEMBER_ID_REQUIRED"});

    static const struct {
        const char *name;
        const char *prefix;
    } rows[] = {{"a", "i-"}, {"b", "j-"}, {"c", "c-"}};

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const char *id = rig_client(rig, rows[i].name)->member_id;
        size_t prefix_size = strlen(rows[i].prefix);
        assert_memory_equal(rows[i].prefix, id, prefix_size);
        assert_int_equal(prefix_size + 36, strlen(id));
        const char *uuid = id + prefix_size;
        for (size_t at = 0; at < 36; at++) {
            bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
            assert_true(is_dash ? uuid[at] == '-'
                                : strchr("0123456789abcdef", uuid[at]) != NULL);
        }
        assert_int_equal('4', uuid[14]); // random
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(one_comes_back_without_a_rebalance),
        TEST(the_new_id_survives_a_crash),
        TEST(a_new_id_that_cannot_be_written_is_not_given),
        TEST(a_leader_that_comes_back),
        TEST(another_subscription_does_not_rebalance),
        TEST(another_protocol_rebalances),
        TEST(one_comes_back_while_the_group_rebalances),
        TEST(all_of_a_new_process_survives_a_crash),
        TEST(a_leader_that_is_not_the_first),
        TEST(one_that_comes_back_while_it_waits_may_wait_long),
        TEST(one_that_is_away_is_waited_for),
        TEST(nobody_joins_again),
        TEST(one_that_does_not_sync_is_removed),
        TEST(an_administrator_removes_one),
        TEST(a_full_group_refuses_one_that_comes_back),
        TEST(ids_begin_with_the_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
