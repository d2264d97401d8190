// SPDX-License-Identifier: MIT
#include "client/back/commits.h"

#include "group_rig.h"

static const char *const topics_t[] = {"t"};

// A member of generation 1 that owns t-0 and t-1.
static void given_member(struct group_rig *rig, const char *const *options)
{
    group_rig_init(rig, options);
    rig_with_commits(rig);
    struct dh_command_subscribe subscribe;
    rig_subscribe(rig, &subscribe, topics_t, 1);
    rig_run_ms(rig, 100);
    rig_assert_trace("join: join:m1 sync:1 assign(t-0,t-1)", rig);
}

// Commits `count` partitions of t (in falling order) and `offset` for each.
static void when_committed(struct group_rig *rig, enum dh_commit_mode mode,
                           uint32_t count, int64_t offset, int64_t timeout_ms)
{
    size_t size = sizeof(struct dh_command_commit) + count * sizeof(dohle_offset);
    struct dh_command_commit *command =
        dh_mem_calloc(&rig->net.memory.allocator, 1, size);
    assert_non_null(command);
    command->message.kind = DH_COMMAND_COMMIT;
    command->message.size = (uint32_t)size;
    command->mode = mode;
    command->deadline_ns = timeout_ms < 0
                               ? DH_NEVER
                               : dh_deadline_after_ms(rig->net.peer.now_ns, timeout_ms);
    command->count = count;
    command->offsets = (dohle_offset *)(void *)(command + 1);
    for (uint32_t i = 0; i < count; i++) {
        command->offsets[i] = (dohle_offset){.topic = "t",
                                             .partition = (int32_t)(count - 1 - i),
                                             .offset = offset,
                                             .leader_epoch = -1};
    }
    dh_commits_submit(&rig->commits, command, rig->net.peer.now_ns);
}

// S42: one in flight, answers in the order of the calls.
static void test_commits_keep_their_order(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    when_committed(&rig, DH_COMMIT_ASYNC, 2, 10, -1);
    when_committed(&rig, DH_COMMIT_SYNC, 2, 11, 5000);
    when_committed(&rig, DH_COMMIT_SYNC, 0, 0, 5000);
    when_committed(&rig, DH_COMMIT_AUTO, 1, 12, -1);
    assert_false(dh_commits_is_idle(&rig.commits));
    rig_run_ms(&rig, 10);
    rig_assert_trace("commit:1@10 done(OK) commit:1@11 done(OK) done(OK) commit:1@12 "
                     "done(OK)",
                     &rig);
    assert_true(dh_commits_is_idle(&rig.commits));
    group_rig_deinit(&rig);
}

// A retry goes before what was called later.
static void test_a_retry_is_not_overtaken(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    rig.script[0] = (struct rig_script){DH_API_OFFSET_COMMIT, 14};
    when_committed(&rig, DH_COMMIT_SYNC, 1, 10, 5000);
    when_committed(&rig, DH_COMMIT_ASYNC, 1, 11, -1);
    rig_run_ms(&rig, 1000);
    rig_assert_trace("commit:1@10 commit:1@10 done(OK) commit:1@11 done(OK)", &rig);
    group_rig_deinit(&rig);
}

static void test_commits_react_to_every_error(void **state)
{
    (void)state;

    static const struct {
        int16_t code;
        enum dh_commit_mode mode;
        int64_t timeout_ms;
        const char *trace;
    } rows[] = {
        // Retriable: sync until the deadline, async at once.
        {3, DH_COMMIT_SYNC, 5000, "commit:1@5 commit:1@5 done(OK)"},
        {14, DH_COMMIT_SYNC, 5000, "commit:1@5 commit:1@5 done(OK)"},
        {15, DH_COMMIT_SYNC, 5000, "commit:1@5 commit:1@5 done(OK)"},
        {16, DH_COMMIT_SYNC, 5000, "commit:1@5 commit:1@5 done(OK)"},
        {7, DH_COMMIT_SYNC, 5000, "commit:1@5 commit:1@5 done(OK)"},
        {RIG_RESET, DH_COMMIT_SYNC, 5000, "commit:1@5 commit:1@5 done(OK)"},
        {14, DH_COMMIT_ASYNC, -1, "commit:1@5 done(RETRIABLE_COMMIT_FAILED)"},
        {16, DH_COMMIT_ASYNC, -1, "commit:1@5 done(RETRIABLE_COMMIT_FAILED)"},
        {RIG_RESET, DH_COMMIT_ASYNC, -1, "commit:1@5 done(RETRIABLE_COMMIT_FAILED)"},
        {14, DH_COMMIT_AUTO, -1, "commit:1@5 done(RETRIABLE_COMMIT_FAILED)"},
        {14, DH_COMMIT_AUTO, 5000, "commit:1@5 commit:1@5 done(OK)"},
        // The group has moved on.
        {27, DH_COMMIT_SYNC, 5000,
         "commit:1@5 done(REBALANCE_IN_PROGRESS) revoke(t-0,t-1) join:m1 sync:2 "
         "assign(t-0,t-1)"},
        {22, DH_COMMIT_SYNC, 5000,
         "commit:1@5 lose(t-0,t-1) done(COMMIT_FAILED) join:m1 sync:2 assign(t-0,t-1)"},
        {25, DH_COMMIT_ASYNC, -1,
         "commit:1@5 lose(t-0,t-1) done(COMMIT_FAILED) join: join:m2 sync:2 "
         "assign(t-0,t-1)"},
        {82, DH_COMMIT_SYNC, 5000,
         "commit:1@5 lose(t-0,t-1) error(FENCED_INSTANCE) done(FENCED_INSTANCE)"},
        // About the request.
        {12, DH_COMMIT_SYNC, 5000, "commit:1@5 done(TOO_LARGE)"},
        {28, DH_COMMIT_SYNC, 5000, "commit:1@5 done(BROKER)"},
        {29, DH_COMMIT_SYNC, 5000, "commit:1@5 done(TOPIC_AUTHORIZATION)"},
        {30, DH_COMMIT_SYNC, 5000, "commit:1@5 done(GROUP_AUTHORIZATION)"},
        {-1, DH_COMMIT_SYNC, 5000, "commit:1@5 done(BROKER)"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        given_member(&rig, NULL);
        rig.script[0] = (struct rig_script){DH_API_OFFSET_COMMIT, rows[i].code};
        when_committed(&rig, rows[i].mode, 2, 5, rows[i].timeout_ms);
        rig_run_ms(&rig, 2500);
        assert_string_equal(rows[i].trace, rig.trace);
        if (rig.commit_error.code != 0 && rows[i].code != RIG_RESET) {
            assert_int_equal(rows[i].code, rig.commit_error.broker_code);
            assert_string_equal("t", rig.commit_error.topic);
            assert_int_equal(0, rig.commit_error.partition);
        }
        group_rig_deinit(&rig);
    }
}

// 5.1, commit rule: refused here when there is no valid generation.
static void test_no_member_no_commit(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, NULL);
    rig_with_commits(&rig);
    when_committed(&rig, DH_COMMIT_SYNC, 1, 5, 5000);
    rig_run_ms(&rig, 10);
    rig_assert_trace("done(COMMIT_FAILED)", &rig);
    rig.script[0] = (struct rig_script){DH_API_JOIN_GROUP, RIG_SILENT};
    struct dh_command_subscribe subscribe;
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 10);
    when_committed(&rig, DH_COMMIT_SYNC, 1, 5, 5000);
    rig_run_ms(&rig, 10);
    rig_assert_trace("join: done(REBALANCE_IN_PROGRESS)", &rig);
    group_rig_deinit(&rig);
}

// What was done in one generation is not committed in the next: the partitions may have been
// another member's in between.
static void test_an_automatic_commit_does_not_outlive_its_generation(void **state)
{
    (void)state;

    static const struct {
        enum dh_commit_mode mode;
        const char *end; // of the trace, once it is in generation 2
    } rows[] = {
        {DH_COMMIT_AUTO, "assign(t-0,t-1) done(COMMIT_FAILED)"},
        {DH_COMMIT_SYNC, "assign(t-0,t-1) commit:2@5 done(OK)"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        given_member(&rig, NULL);
        rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, 27};
        for (size_t j = 1; j < 7; j++) {
            rig.script[j] = (struct rig_script){DH_API_OFFSET_COMMIT, 14};
        }
        when_committed(&rig, rows[i].mode, 2, 5, 100000);
        rig_run_ms(&rig, 10000);
        size_t size = strlen(rig.trace);
        assert_true(size > strlen(rows[i].end));
        assert_string_equal(rows[i].end, rig.trace + size - strlen(rows[i].end));
        group_rig_deinit(&rig);
    }
}

// CL-065, X-041: assigned by hand, generation -1; refused while others are members.
static void test_commit_without_membership(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, NULL);
    rig_with_commits(&rig);
    dh_commits_set_membership(&rig.commits, NULL);
    when_committed(&rig, DH_COMMIT_SYNC, 1, 5, 5000);
    rig_run_ms(&rig, 100);
    rig_assert_trace("commit:-1@5 done(OK)", &rig);
    rig.script[0] = (struct rig_script){DH_API_OFFSET_COMMIT, 25};
    when_committed(&rig, DH_COMMIT_SYNC, 1, 6, 5000);
    rig_run_ms(&rig, 100);
    rig_assert_trace("commit:-1@6 done(COMMIT_FAILED)", &rig);
    group_rig_deinit(&rig);
}

static void test_deadlines_are_kept(void **state)
{
    (void)state;

    static const struct {
        enum dh_commit_mode mode;
        int64_t timeout_ms;
        int64_t answered_ms;
        const char *trace;
    } rows[] = {
        {DH_COMMIT_SYNC, 700, 700, "commit:1@5 done(TIMEOUT)"},
        {DH_COMMIT_AUTO, 700, 700, "commit:1@5 done(TIMEOUT)"},
        {DH_COMMIT_ASYNC, 700, 700, "commit:1@5 done(RETRIABLE_COMMIT_FAILED)"},
        // default.api.timeout.ms; a request of its own is over before.
        {DH_COMMIT_ASYNC, -1, 1000, "commit:1@5 done(RETRIABLE_COMMIT_FAILED)"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        given_member(&rig, (const char *[]){"default.api.timeout.ms", "1000",
                                            "heartbeat.interval.ms", "5000", NULL});
        rig.script[0] = (struct rig_script){DH_API_OFFSET_COMMIT, RIG_SILENT};
        when_committed(&rig, rows[i].mode, 1, 5, rows[i].timeout_ms);
        rig_run_ms(&rig, rows[i].answered_ms - 1);
        rig_assert_trace("commit:1@5", &rig);
        rig_run_ms(&rig, 2);
        rig_assert_trace(rows[i].trace + strlen("commit:1@5 "), &rig);
        group_rig_deinit(&rig);
    }
}

// An unknown coordinator is looked for; a refused look-up fails those who wait.
static void test_commit_needs_the_coordinator(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, NULL);
    rig_with_commits(&rig);
    dh_commits_set_membership(&rig.commits, NULL);
    rig.net.peer.coordinator_error = 15;
    when_committed(&rig, DH_COMMIT_SYNC, 1, 5, 900);
    rig_run_ms(&rig, 1000);
    rig_assert_trace("done(TIMEOUT)", &rig);
    when_committed(&rig, DH_COMMIT_SYNC, 1, 5, 5000);
    rig.net.peer.coordinator_error = 30;
    rig_run_ms(&rig, 4000);
    assert_non_null(strstr(rig.trace, "done(GROUP_AUTHORIZATION)"));
    group_rig_deinit(&rig);
}

// A deleted topic does not hold a rebalance up; commit_sync waits, as Java's does.
static void test_commit_of_a_deleted_topic(void **state)
{
    (void)state;

    static const struct {
        enum dh_commit_mode mode;
        const char *trace;
    } rows[] = {
        {DH_COMMIT_AUTO, "commit:1@5 done(RETRIABLE_COMMIT_FAILED)"},
        {DH_COMMIT_SYNC, "commit:1@5 commit:1@5 done(OK)"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        given_member(&rig, (const char *[]){"heartbeat.interval.ms", "20000", NULL});
        rig.is_held = true;
        rig.net.peer.topics[0].error_code = DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
        dh_cluster_request_update(rig.net.cluster, rig.net.peer.now_ns);
        rig_run_ms(&rig, 2000);
        rig_assert_trace("revoke(t-0,t-1)", &rig); // the leader has seen it
        rig.script[0] = (struct rig_script){DH_API_OFFSET_COMMIT, 3};
        when_committed(&rig, rows[i].mode, 1, 5, 60 * 1000);
        rig_run_ms(&rig, 1000);
        rig_assert_trace(rows[i].trace, &rig);
        group_rig_deinit(&rig);
    }
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    rig.script[0] = (struct rig_script){DH_API_OFFSET_COMMIT, RIG_SILENT};
    for (uint32_t i = 0; i < DH_COMMITS_MAX; i++) {
        when_committed(&rig, DH_COMMIT_ASYNC, 1, 5, -1);
    }
    rig_run_ms(&rig, 10);
    rig_assert_trace("commit:1@5", &rig);
    when_committed(&rig, DH_COMMIT_ASYNC, 1, 6, -1);
    rig_run_ms(&rig, 10);
    rig_assert_trace("done(QUEUE_FULL)", &rig);
    dh_commits_deinit(&rig.commits);
    rig.has_commits = false;
    size_t closed = 0;
    for (struct dh_link *link;
         (link = dh_list_pop_front(&rig.net.outbox.messages)) != NULL; closed++) {
        struct dh_command_commit *command =
            DH_CONTAINER_OF(link, struct dh_command_commit, message.link);
        assert_int_equal(DOHLE_ERR_CLOSED, command->error.code);
        dh_mem_free(&rig.net.memory.allocator, command, command->message.size);
    }
    assert_int_equal(DH_COMMITS_MAX, closed);
    group_rig_deinit(&rig);
}

// Each allocation fails once and for all: the commit waits for memory, or its deadline.
static void test_commit_without_memory(void **state)
{
    (void)state;
    bool is_through = false;
    for (size_t fail_after = 1; !is_through; fail_after++) {
        assert_true(fail_after < 1000);
        struct group_rig rig;
        given_member(&rig, NULL);
        when_committed(&rig, DH_COMMIT_SYNC, 2, 5, 60 * 1000);
        rig.net.memory.fail_at = rig.net.memory.calls + fail_after;
        rig_run_ms(&rig, 300);
        is_through = rig.net.memory.calls < rig.net.memory.fail_at;
        rig.net.memory.fail_at = 0;
        rig_run_ms(&rig, 60 * 1000);
        assert_non_null(strstr(rig.trace, "done(OK)"));
        assert_true(dh_commits_is_idle(&rig.commits));
        group_rig_deinit(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits_keep_their_order),
        cmocka_unit_test(test_a_retry_is_not_overtaken),
        cmocka_unit_test(test_commits_react_to_every_error),
        cmocka_unit_test(test_an_automatic_commit_does_not_outlive_its_generation),
        cmocka_unit_test(test_no_member_no_commit),
        cmocka_unit_test(test_commit_without_membership),
        cmocka_unit_test(test_deadlines_are_kept),
        cmocka_unit_test(test_commit_needs_the_coordinator),
        cmocka_unit_test(test_commit_of_a_deleted_topic),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_commit_without_memory),
    };
    return cmocka_run_group_tests_name("commits", tests, NULL, NULL);
}
