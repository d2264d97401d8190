// SPDX-License-Identifier: MIT
#include "client/back/positions.h"

#include "group_rig.h"

// Rows t-0, t-1 and u-0 (leaders 1, 1, 2), waiting for their positions.
static void given_rows(struct group_rig *rig, const char *const *options, bool has_group)
{
    group_rig_init(rig, options);
    rig_with_positions(rig, has_group);
    assert_int_equal(0, dh_cluster_want(rig->net.cluster, "t", rig->net.peer.now_ns));
    assert_int_equal(0, dh_cluster_want(rig->net.cluster, "u", rig->net.peer.now_ns));
    rig_run_ms(rig, 1000);
}

static struct dh_partition *when_started(struct group_rig *rig, const char *topic,
                                         int32_t partition)
{
    struct dh_partition *row = dh_partitions_add(&rig->partitions, topic, partition);
    assert_non_null(row);
    row->state = DH_PARTITION_STARTING;
    dh_partitions_touch(&rig->partitions, row);
    return row;
}

// CL-121: committed offset, else what auto.offset.reset says.
static void test_where_to_start(void **state)
{
    (void)state;

    static const struct {
        const char *policy;
        bool has_group;
        int64_t committed;
        const char *trace;
    } rows[] = {
        {"latest", true, 42, "fetch:1 position(0:42)"},
        {"latest", true, 0, "fetch:1 position(0:0)"},
        {"none", true, 42, "fetch:1 position(0:42)"},
        {"latest", true, -1, "fetch:1 list:-1 position(0:100)"},
        {"earliest", true, -1, "fetch:1 list:-2 position(0:7)"},
        {"none", true, -1, "fetch:1 stuck(0:NO_OFFSET:-1)"},
        {"latest", false, 42, "list:-1 position(0:100)"},
        {"earliest", false, 42, "list:-2 position(0:7)"},
        {"none", false, 42, "stuck(0:NO_OFFSET:-1)"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        given_rows(&rig, (const char *[]){"auto.offset.reset", rows[i].policy, NULL},
                   rows[i].has_group);
        rig.committed_offset = rows[i].committed;
        rig.log_start = 7;
        struct dh_partition *row = when_started(&rig, "t", 0);
        rig_run_ms(&rig, 100);
        rig_assert_trace(rows[i].trace, &rig);
        bool is_stuck = strstr(rows[i].trace, "stuck") != NULL;
        assert_int_equal(is_stuck ? DH_PARTITION_FAILED : DH_PARTITION_FETCHING,
                         row->state);
        if (!is_stuck) {
            assert_int_equal(1, row->leader);
            assert_int_equal(0, row->leader_epoch);
        }
        rig_run_ms(&rig, 10 * 1000);
        rig_assert_trace("", &rig);
        group_rig_deinit(&rig);
    }
}

// One OffsetFetch for all, one ListOffsets for each leader.
static void test_requests_carry_all_that_fits(void **state)
{
    (void)state;
    struct group_rig rig;
    given_rows(&rig, (const char *[]){"auto.offset.reset", "earliest", NULL}, true);
    when_started(&rig, "t", 0);
    when_started(&rig, "u", 0);
    when_started(&rig, "t", 1);
    rig_run_ms(&rig, 100);
    assert_int_equal(1, rig.net.peer.requests[DH_API_OFFSET_FETCH]);
    assert_int_equal(2, rig.net.peer.requests[DH_API_LIST_OFFSETS]);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(DH_PARTITION_FETCHING, rig.partitions.rows[i]->state);
    }
    group_rig_deinit(&rig);
}

static void test_errors_of_look_ups(void **state)
{
    (void)state;

    static const struct {
        struct rig_script script[2];
        const char *trace;
    } rows[] = {
        // OffsetFetch (5.1).
        {{{9, 14}}, "fetch:1 fetch:1 list:-1 position(0:100)"},
        {{{9, 88}}, "fetch:1 fetch:1 list:-1 position(0:100)"},
        {{{9, RIG_RESET}}, "fetch:1 fetch:1 list:-1 position(0:100)"},
        {{{9, 29}}, "fetch:1 error(TOPIC_AUTHORIZATION) fetch:1 list:-1 position(0:100)"},
        {{{9, 3}}, "fetch:1 error(UNKNOWN_TOPIC) fetch:1 list:-1 position(0:100)"},
        // ListOffsets (CL-122).
        {{{2, 6}}, "fetch:1 list:-1 list:-1 position(0:100)"},
        {{{2, 74}}, "fetch:1 list:-1 list:-1 position(0:100)"},
        {{{2, 78}}, "fetch:1 list:-1 list:-1 position(0:100)"},
        {{{2, 3}}, "fetch:1 list:-1 list:-1 position(0:100)"},
        {{{2, -1}}, "fetch:1 list:-1 list:-1 position(0:100)"},
        {{{2, 999}}, "fetch:1 list:-1 list:-1 position(0:100)"},
        {{{2, RIG_RESET}}, "fetch:1 list:-1 list:-1 position(0:100)"},
        {{{2, 29}}, "fetch:1 list:-1 error(TOPIC_AUTHORIZATION) list:-1 position(0:100)"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        given_rows(&rig, NULL, true);
        memcpy(rig.script, rows[i].script, sizeof(rows[i].script));
        when_started(&rig, "t", 0);
        rig_run_ms(&rig, 3000);
        rig_assert_trace(rows[i].trace, &rig);
        group_rig_deinit(&rig);
    }
}

// X-132, S27: what comes back under an older term is dropped.
static void test_seek_wins_over_what_is_in_flight(void **state)
{
    (void)state;
    struct group_rig rig;
    given_rows(&rig, (const char *[]){"request.timeout.ms", "2000", NULL}, true);
    rig.committed_offset = 42;
    struct dh_partition *row = when_started(&rig, "t", 0);
    rig.script[0] = (struct rig_script){DH_API_OFFSET_FETCH, RIG_SILENT};
    rig_run_ms(&rig, 100);
    rig_assert_trace("fetch:1", &rig);
    row->term.position = 1;
    row->state = DH_PARTITION_FETCHING;
    row->fetch_offset = 5;
    row->fetch_offset_epoch = -1;
    dh_partitions_touch(&rig.partitions, row);
    rig_run_ms(&rig, 10 * 1000);
    rig_assert_trace("", &rig);
    assert_int_equal(5, row->fetch_offset);
    assert_int_equal(1, row->leader);

    // To an end, while the look-up of the other end is out.
    rig.script[0] = (struct rig_script){DH_API_LIST_OFFSETS, RIG_SILENT};
    row->term.position = 2;
    row->state = DH_PARTITION_RESETTING;
    row->reset_target = DH_SEEK_END;
    dh_partitions_touch(&rig.partitions, row);
    rig_run_ms(&rig, 100);
    rig_assert_trace("list:-1", &rig);
    row->term.position = 3;
    row->reset_target = DH_SEEK_BEGINNING;
    dh_partitions_touch(&rig.partitions, row);
    rig_run_ms(&rig, 10 * 1000);
    rig_assert_trace("list:-2 position(0:0)", &rig);
    group_rig_deinit(&rig);
}

static void test_removed_rows_are_forgotten(void **state)
{
    (void)state;
    struct group_rig rig;
    given_rows(&rig, NULL, true);
    rig.committed_offset = 42;
    struct dh_partition *row = when_started(&rig, "t", 0);
    rig.script[0] = (struct rig_script){DH_API_OFFSET_FETCH, 14};
    rig_run_ms(&rig, 10);
    dh_partitions_remove(&rig.partitions, row);
    rig_run_ms(&rig, 10 * 1000);
    rig_assert_trace("fetch:1", &rig);
    group_rig_deinit(&rig);
}

// No leader: waits for metadata, not for a broker.
static void test_reset_waits_for_a_leader(void **state)
{
    (void)state;
    struct group_rig rig;
    given_rows(&rig, NULL, false);
    rig.net.peer.topics[0].leader[1] = -1;
    dh_cluster_request_update(rig.net.cluster, rig.net.peer.now_ns);
    rig_run_ms(&rig, 2000);
    when_started(&rig, "t", 1);
    rig_run_ms(&rig, 5000);
    rig_assert_trace("", &rig);
    rig.net.peer.topics[0].leader[1] = 2;
    rig_run_ms(&rig, 2000);
    rig_assert_trace("list:-1 position(0:100)", &rig);
    group_rig_deinit(&rig);
}

// ---- Validation (CL-125 to 127) ----

// Reads t-0 at offset 50 of epoch 3, then the leader's epoch becomes 4.
static struct dh_partition *given_reading(struct group_rig *rig,
                                          const char *const *options)
{
    given_rows(rig, options, true);
    rig->net.peer.topics[0].leader_epoch[0] = 3;
    dh_cluster_request_update(rig->net.cluster, rig->net.peer.now_ns);
    rig_run_ms(rig, 2000);
    rig->committed_offset = 50;
    struct dh_partition *row = when_started(rig, "t", 0);
    rig_run_ms(rig, 100);
    rig_assert_trace("fetch:1 position(0:50)", rig);
    assert_int_equal(3, row->leader_epoch);
    row->fetch_offset_epoch = 3; // as the fetcher learned from a batch
    return row;
}

static void when_leader_changes(struct group_rig *rig)
{
    rig->net.peer.topics[0].leader[0] = 2;
    rig->net.peer.topics[0].leader_epoch[0] = 4;
    dh_cluster_request_update(rig->net.cluster, rig->net.peer.now_ns);
    rig_run_ms(rig, 3000);
}

static void test_new_leader_is_asked(void **state)
{
    (void)state;

    static const struct {
        const char *policy;
        int32_t end_epoch;
        int64_t end_offset;
        int16_t code;
        const char *trace;
        enum dh_partition_state state;
    } rows[] = {
        {"latest", 3, 80, 0, "hold(0) epoch:3 position(0:-1)", DH_PARTITION_FETCHING},
        {"latest", 3, 50, 0, "hold(0) epoch:3 position(0:-1)", DH_PARTITION_FETCHING},
        // the front half seeks or reports; here it is stuck.
        {"latest", 3, 40, 0, "hold(0) epoch:3 stuck(0:LOG_TRUNCATION:40)",
         DH_PARTITION_FAILED},
        {"none", 2, 40, 0, "hold(0) epoch:3 stuck(0:LOG_TRUNCATION:40)",
         DH_PARTITION_FAILED},
        {"none", -1, -1, 0, "hold(0) epoch:3 stuck(0:LOG_TRUNCATION:-1)",
         DH_PARTITION_FAILED},
        // an error is no truncation.
        {"latest", 3, 80, 74, "hold(0) epoch:3 epoch:3 position(0:-1)",
         DH_PARTITION_FETCHING},
        {"latest", 3, 80, 75, "hold(0) epoch:3 epoch:3 position(0:-1)",
         DH_PARTITION_FETCHING},
        {"latest", 3, 80, 3, "hold(0) epoch:3 epoch:3 position(0:-1)",
         DH_PARTITION_FETCHING},
        {"latest", 3, 80, RIG_RESET, "hold(0) epoch:3 epoch:3 position(0:-1)",
         DH_PARTITION_FETCHING},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        struct dh_partition *row = given_reading(
            &rig, (const char *[]){"auto.offset.reset", rows[i].policy, NULL});
        rig.end_epoch = rows[i].end_epoch;
        rig.end_offset = rows[i].end_offset;
        rig.script[0] = (struct rig_script){DH_API_OFFSET_FOR_LEADER_EPOCH, rows[i].code};
        when_leader_changes(&rig);
        rig_assert_trace(rows[i].trace, &rig);
        assert_int_equal(rows[i].state, row->state);
        assert_false(row->is_held);
        assert_int_equal(50, row->fetch_offset);
        if (row->state == DH_PARTITION_FETCHING) {
            assert_int_equal(2, row->leader);
            assert_int_equal(4, row->leader_epoch);
        }
        group_rig_deinit(&rig);
    }
}

// The leader is lost (a new epoch, nobody leads), then there is another.
static void test_leader_goes_and_comes(void **state)
{
    (void)state;
    struct group_rig rig;
    struct dh_partition *row = given_reading(&rig, NULL);
    rig.end_epoch = 3;
    rig.end_offset = 80;
    rig.net.peer.topics[0].leader[0] = -1;
    rig.net.peer.topics[0].leader_epoch[0] = 4;
    dh_cluster_request_update(rig.net.cluster, rig.net.peer.now_ns);
    rig_run_ms(&rig, 3000);
    rig_assert_trace("", &rig);
    assert_int_equal(DH_NODE_NONE, row->leader);
    assert_int_equal(DH_PARTITION_FETCHING, row->state);
    when_leader_changes(&rig);
    rig_assert_trace("hold(0) epoch:3 position(0:-1)", &rig);
    assert_int_equal(2, row->leader);
    group_rig_deinit(&rig);
}

// CL-125: without an epoch, or with a broker too old to ask, there is nothing to check.
static void test_validation_is_skipped(void **state)
{
    (void)state;
    struct group_rig rig;
    struct dh_partition *row = given_reading(&rig, NULL);
    row->fetch_offset_epoch = -1;
    when_leader_changes(&rig);
    rig_assert_trace("", &rig);
    assert_int_equal(2, row->leader);
    group_rig_deinit(&rig);

    for (int16_t version = -1; version < 3; version++) {
        row = given_reading(&rig, NULL);
        rig.net.peer.version_max[DH_API_OFFSET_FOR_LEADER_EPOCH] =
            version < 2 ? -1 : version;
        when_leader_changes(&rig);
        rig_assert_trace("hold(0) position(0:-1)", &rig);
        assert_int_equal(2, row->leader);
        group_rig_deinit(&rig);
    }
}

// CL-127, X-115: a committed epoch is checked before the first fetch.
static void test_committed_epoch_is_validated(void **state)
{
    (void)state;

    static const struct {
        const char *policy;
        int32_t end_epoch;
        int64_t end_offset;
        const char *trace;
    } rows[] = {
        {"latest", 2, 60, "fetch:1 epoch:2 position(0:50)"},
        {"latest", 2, 30, "fetch:1 epoch:2 position(0:30)"}, // not to an end of the log
        {"latest", -1, -1, "fetch:1 epoch:2 list:-1 position(0:100)"},
        {"none", 2, 30, "fetch:1 epoch:2 stuck(0:LOG_TRUNCATION:30)"},
        {"none", -1, -1, "fetch:1 epoch:2 stuck(0:LOG_TRUNCATION:-1)"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        given_rows(&rig, (const char *[]){"auto.offset.reset", rows[i].policy, NULL},
                   true);
        rig.committed_offset = 50;
        rig.committed_epoch = 2;
        rig.end_epoch = rows[i].end_epoch;
        rig.end_offset = rows[i].end_offset;
        when_started(&rig, "t", 0);
        rig_run_ms(&rig, 1000);
        rig_assert_trace(rows[i].trace, &rig);
        group_rig_deinit(&rig);
    }
}

// CL-129, CL-182, X-117: a topic made anew has epochs of its own.
static void test_recreated_topic_drops_epochs(void **state)
{
    (void)state;
    struct group_rig rig;
    struct dh_partition *row = given_reading(&rig, NULL);
    rig.net.peer.topics[0].id.bytes[1] = 99;
    rig.net.peer.topics[0].leader_epoch[0] = 0;
    dh_cluster_request_update(rig.net.cluster, rig.net.peer.now_ns);
    rig_run_ms(&rig, 3000);
    rig_assert_trace("", &rig);
    assert_int_equal(-1, row->fetch_offset_epoch);
    assert_int_equal(0, row->leader_epoch);
    group_rig_deinit(&rig);
}

// A seek during the validation: the answer is about a position that is gone.
static void test_seek_ends_a_validation(void **state)
{
    (void)state;
    struct group_rig rig;
    struct dh_partition *row =
        given_reading(&rig, (const char *[]){"request.timeout.ms", "9000", NULL});
    rig.script[0] = (struct rig_script){DH_API_OFFSET_FOR_LEADER_EPOCH, RIG_SILENT};
    when_leader_changes(&rig);
    rig_assert_trace("hold(0) epoch:3", &rig);
    row->term.position = 1;
    row->state = DH_PARTITION_FETCHING;
    row->fetch_offset = 5;
    row->fetch_offset_epoch = -1;
    dh_partitions_touch(&rig.partitions, row);
    rig_run_ms(&rig, 20 * 1000);
    rig_assert_trace("", &rig);
    assert_false(row->is_held);
    assert_int_equal(2, row->leader);
    group_rig_deinit(&rig);
}

// Each allocation fails once and for all, then memory comes back: every row ends with
// the right position, and the front half is told of it once.
static void test_positions_without_memory(void **state)
{
    (void)state;
    bool is_through = false;
    for (size_t fail_after = 1; !is_through; fail_after++) {
        assert_true(fail_after < 1000);
        struct group_rig rig;
        given_rows(&rig, (const char *[]){"auto.offset.reset", "earliest", NULL}, true);
        rig.net.peer.topics[0].leader_epoch[0] = 1;
        struct dh_partition *row = when_started(&rig, "t", 0);
        when_started(&rig, "u", 0);
        rig.net.memory.fail_at = rig.net.memory.calls + fail_after;
        rig_run_ms(&rig, 500);
        row->fetch_offset_epoch = 0;
        dh_cluster_request_update(rig.net.cluster, rig.net.peer.now_ns);
        rig.end_offset = 100;
        rig_run_ms(&rig, 2000);
        is_through = rig.net.memory.calls < rig.net.memory.fail_at;
        rig.net.memory.fail_at = 0;
        rig_run_ms(&rig, 400 * 1000);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(DH_PARTITION_FETCHING, rig.partitions.rows[i]->state);
            assert_int_equal(0, rig.partitions.rows[i]->fetch_offset);
            assert_false(rig.partitions.rows[i]->is_held);
        }
        const char *told = strstr(rig.trace, "position(1:0)");
        assert_non_null(told);
        assert_null(strstr(told + 1, "position(1:0)"));
        group_rig_deinit(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_to_start),
        cmocka_unit_test(test_requests_carry_all_that_fits),
        cmocka_unit_test(test_errors_of_look_ups),
        cmocka_unit_test(test_seek_wins_over_what_is_in_flight),
        cmocka_unit_test(test_removed_rows_are_forgotten),
        cmocka_unit_test(test_reset_waits_for_a_leader),
        cmocka_unit_test(test_new_leader_is_asked),
        cmocka_unit_test(test_leader_goes_and_comes),
        cmocka_unit_test(test_validation_is_skipped),
        cmocka_unit_test(test_committed_epoch_is_validated),
        cmocka_unit_test(test_recreated_topic_drops_epochs),
        cmocka_unit_test(test_seek_ends_a_validation),
        cmocka_unit_test(test_positions_without_memory),
    };
    return cmocka_run_group_tests_name("positions", tests, NULL, NULL);
}
