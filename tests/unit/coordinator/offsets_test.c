// SPDX-License-Identifier: MIT
// Commits and what is committed: table 4.5, O-01, O-02, O-08 to O-10, S43, S45, S49, GC-068.
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

static void make_pair(struct rig *rig)
{
    RIG_RUN(rig,                //
            {"join a v=3", ""}, //
            {"join b v=3", ""}, //
            {"wait 0", "a: generation 1, range, leads a ?; "
                       "b: generation 1, range, follows a"},
            {"sync b", ""}, //
            {"sync a a=A b=B", "a: gets A; b: gets B"});
}

// X-041, O-02, O-08.
static void without_a_group(void **state)
{
    RIG_RUN(*state,                                                             //
            {"offsets", ""},                                                    //
            {"commit x gen=0 id=m t-0=1", "GROUP_ID_NOT_FOUND"},                //
            {"commit x gen=0 id=m v=8 t-0=1", "ILLEGAL_GENERATION"},            //
            {"state", "Dead, generation 0, members 0"},                         //
            {"commit x id=whoever t-0=1:one t-1=2 s-7=-1", "NONE; NONE; NONE"}, //
            {"state", "Empty, generation 0, members 0"},                        //
            {"commit x gen=0 t-0=9", "UNKNOWN_MEMBER_ID"},                      //
            {"commit x t-0=3 epoch=5", "NONE"},                                 //
            {"offsets", "s-7=-1:/-1; t-0=3:/5; t-1=2:/-1"},                     //
            {"list", "g classic Empty ''"},                                     //
            {"commit x group= t-0=8", "NONE"},                                  //
            {"offsets group=", "t-0=8:/-1"},                                    //
            {"crash", ""},                                                      //
            {"offsets", "s-7=-1:/-1; t-0=3:/5; t-1=2:/-1"},                     //
            {"offsets group=", "t-0=8:/-1"});
}

// S43, O-01.
static void members_commit_in_their_generation(void **state)
{
    make_pair(*state);
    RIG_RUN(*state,                                             //
            {"commit a t-0=1", "NONE"},                         //
            {"commit a gen=0 t-0=2", "ILLEGAL_GENERATION"},     //
            {"commit a gen=2 t-0=2", "ILLEGAL_GENERATION"},     //
            {"commit a gen=-1 t-0=2", "ILLEGAL_GENERATION"},    // O-01
            {"commit x t-0=2", "UNKNOWN_MEMBER_ID"},
            {"commit a id=x t-0=2", "UNKNOWN_MEMBER_ID"},       //
            {"commit a instance=i t-0=2", "UNKNOWN_MEMBER_ID"}, //
            {"offsets", "t-0=1:/-1"},                           //
            {"join b meta=x", ""},                              // Preparing
            {"commit a t-0=3", "NONE"},                         // the generation before
            {"join a", "a: generation 2, range, leads a b; "
                       "b: generation 2, range, follows a"}, // Completing
            {"commit a gen=1 t-0=4", "ILLEGAL_GENERATION"},  //
            {"commit a t-0=4", "REBALANCE_IN_PROGRESS"},
            {"sync a a=A b=B", "a: gets A"},                 //
            {"commit a t-0=4", "NONE"},                      //
            {"leave a b", "a: NONE; b: NONE"},               //
            {"commit a t-0=5", "UNKNOWN_MEMBER_ID"},         // O-02
            {"commit a gen=-1 t-0=5", "NONE"},               //
            {"offsets", "t-0=5:/-1"});
}

// BRK-009, X-042, O-09.
static void metadata_has_a_bound_in_utf16_units(void **state)
{
    struct rig *rig = *state;
    rig->settings.offset_metadata_max_bytes = 4;
    RIG_RUN(rig,                                                                    //
            {"commit x t-0=1:abcd t-1=1:abcde", "NONE; OFFSET_METADATA_TOO_LARGE"}, //
            {"commit x t-1=1:\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa6", "NONE"}, // 1 + 1 + 2
            {"commit x t-1=2:a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa6",
             "OFFSET_METADATA_TOO_LARGE"},                         //
            {"commit x t-2=2:abcde", "OFFSET_METADATA_TOO_LARGE"}, //
            {"offsets", "t-0=1:abcd/-1; t-1=1:\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa6/-1"});
}

// S49: NULs and all.
static void metadata_comes_back_byte_for_byte(void **state)
{
    struct rig *rig = *state;
    static const uint8_t bytes[] = {0, 'a', 0, 0xff, 0xc0, 0, 0};
    struct dh_offset_commit_request_topic_partition partition = {
        .committed_offset = INT64_MAX,
        .committed_leader_epoch = INT32_MAX,
        .committed_metadata = {bytes, sizeof(bytes)}};
    struct dh_offset_commit_request_topic topic = {.name = DH_BYTES("t"),
                                                   .partitions = {&partition, 1}};
    struct dh_offset_commit_request request = {.group_id = DH_BYTES("g"),
                                               .generation_id_or_member_epoch = -1,
                                               .retention_time_ms = -1,
                                               .topics = {&topic, 1}};
    struct dh_offset_commit_response response;
    struct dh_arena arena;
    dh_arena_init(&arena, dh_mem_default(), 0);
    assert_int_equal(0, dh_coordinator_commit(rig->coordinator, 9, &request, &arena,
                                              &response, rig->now_ns, rig->wall_ms));
    assert_int_equal(0, response.topics.items[0].partitions.items[0].error_code);
    dh_arena_deinit(&arena);
    for (int i = 0; i < 2; i++) {
        struct dh_committed committed =
            dh_coordinator_committed(rig->coordinator, DH_BYTES("g"), DH_BYTES("t"), 0);
        assert_int_equal(INT64_MAX, committed.offset);
        assert_int_equal(INT32_MAX, committed.leader_epoch);
        assert_int_equal(rig->wall_ms, committed.commit_timestamp_ms);
        assert_bytes_equal(partition.committed_metadata, committed.metadata);
        assert_string_equal("", rig_step(rig, "crash"));
    }
}

static void nothing_is_committed(void **state)
{
    struct rig *rig = *state;
    RIG_RUN(rig, {"commit x t-0=1", "NONE"});

    static const struct {
        const char *group;
        const char *topic;
        int32_t partition;
    } rows[] = {{"h", "t", 0}, {"g", "u", 0}, {"g", "t", 1}, {"g", "t", -1}};

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_committed committed =
            dh_coordinator_committed(rig->coordinator, dh_bytes_of(rows[i].group),
                                     dh_bytes_of(rows[i].topic), rows[i].partition);
        assert_int_equal(-1, committed.offset);
        assert_int_equal(-1, committed.leader_epoch);
        assert_bytes_equal(DH_BYTES(""), committed.metadata);
        // O-10: anybody may ask.
        assert_int_equal(0, dh_coordinator_may_fetch_offsets(rig->coordinator,
                                                             dh_bytes_of(rows[i].group),
                                                             DH_BYTES("who"), 7));
    }
}

// S45, GC-005.
static void a_commit_that_cannot_be_written(void **state)
{
    static const struct {
        const char *fail;
        const char *answer;
    } rows[] = {
        {"fail UNKNOWN_TOPIC_OR_PARTITION", "COORDINATOR_NOT_AVAILABLE"},
        {"fail NOT_ENOUGH_REPLICAS_AFTER_APPEND", "COORDINATOR_NOT_AVAILABLE"},
        {"fail KAFKA_STORAGE_ERROR", "NOT_COORDINATOR"},
        {"fail MESSAGE_TOO_LARGE", "INVALID_COMMIT_OFFSET_SIZE"},
        {"fail RECORD_LIST_TOO_LARGE", "INVALID_COMMIT_OFFSET_SIZE"},
        {"fail NOT_COORDINATOR", "NOT_COORDINATOR"},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        (void)rig_step(rig, rows[i].fail);
        assert_string_equal(rows[i].answer, rig_step(rig, "commit x group=new t-0=1"));
        assert_string_equal("Dead, generation 0, members 0",
                            rig_step(rig, "state group=new"));
    }
    RIG_RUN(rig,                            //
            {"fail NONE", ""},              //
            {"commit x t-0=1", "NONE"},     //
            {"fail REQUEST_TIMED_OUT", ""}, //
            {"commit x t-0=2 t-1=2",
             "COORDINATOR_NOT_AVAILABLE; COORDINATOR_NOT_AVAILABLE"}, //
            {"offsets", "t-0=1:/-1"},                                 //
            {"delete", "COORDINATOR_NOT_AVAILABLE"},                  //
            {"purge t-0", "COORDINATOR_NOT_AVAILABLE"},               //
            {"forget t", "COORDINATOR_NOT_AVAILABLE"},                //
            {"offsets", "t-0=1:/-1"});
}

// GC-060: such a record has a time of expiry, and no room for a leader epoch.
static void old_clients_say_how_long_to_keep(void **state)
{
    struct rig *rig = *state;
    RIG_RUN(rig,                                                //
            {"commit x v=4 keep=1000 t-0=1:m epoch=3", "NONE"}, //
            {"offsets", "t-0=1:m/-1"});
    assert_int_equal(1, rig->last->view.value.data[1]); // version 1
    RIG_RUN(rig, {"commit x t-0=1:m epoch=3", "NONE"}, {"offsets", "t-0=1:m/3"});
    assert_int_equal(4, rig->last->view.value.data[1]); // version 4
}

static void groups_are_deleted(void **state)
{
    struct rig *rig = *state;
    RIG_RUN(rig, {"delete", "GROUP_ID_NOT_FOUND"});
    make_pair(rig);
    RIG_RUN(rig,                                                     //
            {"commit a t-0=1 u-1=2", "NONE; NONE"},                  //
            {"delete", "NON_EMPTY_GROUP"},                           //
            {"join b meta=x", ""},                                   //
            {"delete", "NON_EMPTY_GROUP"},                           //
            {"leave a b", "b: UNKNOWN_MEMBER_ID; a: NONE; b: NONE"}, //
            {"offsets", "t-0=1:/-1; u-1=2:/-1"},                     //
            {"join c", "c: MEMBER_ID_REQUIRED"},                     //
            {"delete", "NONE"},                                      //
            {"state", "Dead, generation 0, members 0"},              //
            {"offsets", ""},                                         //
            {"join c", "c: UNKNOWN_MEMBER_ID"},                      //
            {"wait 20000", ""},                // nothing is left of c
            {"delete", "GROUP_ID_NOT_FOUND"},  //
            {"commit x group= t-0=1", "NONE"}, // O-08
            {"delete group=", "NONE"},         //
            {"crash", ""},                     //
            {"list", ""});
}

// "\0\0" is version 0 of a subscription; the DSL has no NULs, so the test writes one.
static void consumers_keep_what_they_subscribe_to(void **state)
{
    struct rig *rig = *state;
    static const uint8_t subscription[] = {0, 1, 0, 0, 0, 1, 0, 1, 't',
                                           0, 0, 0, 0, 0, 0, 0, 0};
    struct dh_join_group_request_protocol protocol = {
        DH_BYTES("range"), {subscription, sizeof(subscription)}};
    struct dh_join_group_request request = {.group_id = DH_BYTES("g"),
                                            .session_timeout_ms = 10000,
                                            .rebalance_timeout_ms = 60000,
                                            .member_id = DH_BYTES(""),
                                            .protocol_type = DH_BYTES("consumer"),
                                            .protocols = {&protocol, 1}};
    RIG_RUN(rig,                                 //
            {"purge t-0", "GROUP_ID_NOT_FOUND"}, //
            {"commit x t-0=1 u-0=2 u-1=3", "NONE; NONE; NONE"});
    struct rig_client *a = rig_client(rig, "a");
    a->caller = (struct dh_coordinator_caller){.version = 3};
    a->is_waiting = a->is_join = true;
    dh_coordinator_join(rig->coordinator, &a->caller, &request, rig->now_ns,
                        rig->wall_ms);
    RIG_RUN(rig,                                           //
            {"purge u-0", "GROUP_SUBSCRIBED_TO_TOPIC"},    // not known yet
            {"wait 0", "a: generation 1, range, leads a"}, //
            {"sync a a=A", "a: gets A"},                   //
            {"purge t-0 u-0 u-9", "GROUP_SUBSCRIBED_TO_TOPIC; NONE; NONE"}, //
            {"offsets", "t-0=1:/-1; u-1=3:/-1"},                            //
            {"crash", ""},                                                  //
            {"purge t-0 u-1 u-1", "GROUP_SUBSCRIBED_TO_TOPIC; NONE; NONE"}, //
            {"offsets", "t-0=1:/-1"},                                       //
            {"leave a", "a: NONE"},                                         //
            {"purge t-0", "NONE"},                                          //
            {"offsets", ""});
}

static void others_keep_all_while_they_are_there(void **state)
{
    RIG_RUN(
        *state,                                              //
        {"commit x t-0=1", "NONE"},                          //
        {"join a v=3 type=connect", ""},                     //
        {"purge t-0", "NON_EMPTY_GROUP"},                    //
        {"wait 0", "a: generation 1, range, leads a"},       //
        {"leave a", "a: NONE"},                              //
        {"purge t-0", "NONE"},                               //
        {"join b v=3 group=h meta=unreadable", ""},          //
        {"wait 0", "b: generation 1, range, leads b"},       //
        {"purge t-0 group=h", "GROUP_SUBSCRIBED_TO_TOPIC"}); // anything, for all we know
}

// GC-068.
static void a_deleted_topic_takes_its_offsets(void **state)
{
    struct rig *rig = *state;
    RIG_RUN(rig,                                                //
            {"commit x t-0=1 t-1=2 u-0=3", "NONE; NONE; NONE"}, //
            {"commit x group=h t-0=4", "NONE"},                 //
            {"forget none", "NONE"},                            //
            {"forget t", "NONE"},                               //
            {"offsets", "u-0=3:/-1"},                           //
            {"offsets group=h", ""},                            //
            {"crash", ""},                                      //
            {"offsets", "u-0=3:/-1"},                           //
            {"offsets group=h", ""});
    // More than goes into one batch.
    size_t appends = rig->append_count;
    char step[64];
    for (int i = 0; i < 1500; i++) {
        (void)snprintf(step, sizeof(step), "commit x t-%d=1", i);
        struct rig_step parsed;
        rig_parse(&parsed, step);
        rig->out_size = 0;
        rig_do(rig, &parsed);
    }
    RIG_RUN(rig, {"forget t", "NONE"}, {"offsets", "u-0=3:/-1"});
    assert_int_equal(appends + 1500 + 2, rig->append_count);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(without_a_group),
        TEST(members_commit_in_their_generation),
        TEST(metadata_has_a_bound_in_utf16_units),
        TEST(metadata_comes_back_byte_for_byte),
        TEST(nothing_is_committed),
        TEST(a_commit_that_cannot_be_written),
        TEST(old_clients_say_how_long_to_keep),
        TEST(groups_are_deleted),
        TEST(consumers_keep_what_they_subscribe_to),
        TEST(others_keep_all_while_they_are_there),
        TEST(a_deleted_topic_takes_its_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
