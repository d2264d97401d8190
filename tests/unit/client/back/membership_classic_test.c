// SPDX-License-Identifier: MIT
#include "client/back/membership_classic.h"

#include "group_rig.h"

static const char *const topics_t[] = {"t"};
static const char *const topics_tu[] = {"t", "u"};

// A member of the first generation, with both partitions of t.
static void given_member(struct group_rig *rig, const char *const *options)
{
    group_rig_init(rig, options);
    struct dh_command_subscribe subscribe;
    rig_subscribe(rig, &subscribe, topics_t, 1);
    rig_run_ms(rig, 100);
    rig_assert_trace("join: join:m1 sync:1 assign(t-0,t-1)", rig);
}

// ---- The way in ----

static void test_first_join_calls_back_once(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL); // X-050, API-170: no revocation, two JoinGroups
    assert_string_equal("first join", rig.record.trigger);
    assert_string_equal("first join", rig.last_reason);
    assert_int_equal(-1, rig.record.generation_before);
    assert_int_equal(1, rig.record.generation_after);
    assert_true(rig.record.is_leader);
    assert_int_equal(1, rig.record.member_count);
    assert_string_equal("range", rig.record.assignor);
    assert_string_equal("m1", rig.record.member_id);
    struct dh_identity identity = rig.membership->cls->identity(rig.membership);
    assert_string_equal("m1", identity.member_id);
    assert_int_equal(1, identity.generation);
    assert_int_equal(DH_COMMIT_MAY,
                     rig.membership->cls->commit_permission(rig.membership));
    group_rig_deinit(&rig);
}

// AS-001, AS-007: version 3, sorted topics, nothing owned, no generation, no rack.
static void test_subscription_has_kafkas_bytes(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, NULL);
    struct dh_command_subscribe subscribe;
    rig_subscribe(&rig, &subscribe, topics_tu, 2);
    rig_run_ms(&rig, 100);
    static const uint8_t expected[] = {0, 3, 0,    0,    0,    2,    0,    1,   't',
                                       0, 1, 'u',  0xff, 0xff, 0xff, 0xff, 0,   0,
                                       0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_bytes_equal(((dohle_bytes){expected, sizeof(expected)}),
                       ((dohle_bytes){rig.last_metadata, rig.last_metadata_size}));
    rig_assert_trace("join: join:m1 sync:1 assign(t-0,t-1,u-0)", &rig);
    group_rig_deinit(&rig);
}

static void test_follower_applies_what_it_is_given(void **state)
{
    (void)state;

    static const struct {
        const char *bytes;
        size_t size;
        const char *trace;
    } rows[] = {
        {"\0\0\0\0\0\1\0\1t\0\0\0\1\0\0\0\1\xff\xff\xff\xff", 21, "assign(t-1)"},
        {"\0\3\0\0\0\0\xff\xff\xff\xff", 10, "assign()"},             // API-171
        {"\0\7\0\0\0\0\xff\xff\xff\xff\1\2", 12, "assign()"},         // AS-003: newer
        {"", 0, "leave:m1 error(PROTOCOL)"},                          // CL-026
        {"\0", 1, "leave:m1 error(PROTOCOL)"},                        // CL-026
        {"\xff\xff\0\0\0\0\0\0\0\0", 10, "leave:m1 error(PROTOCOL)"}, // AS-003
        {"\0\0\x7f\xff\xff\xff", 6, "leave:m1 error(PROTOCOL)"}, // a count nobody has
        {"\0\0\0\0\0\1\0\1t\0\0\0\1\xff\xff\xff\xfe\xff\xff\xff\xff", 21,
         "leave:m1 error(PROTOCOL)"}, // partition -2
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        group_rig_init(&rig, NULL);
        rig.is_follower = true;
        rig.assignment = (dohle_bytes){(const uint8_t *)rows[i].bytes, rows[i].size};
        struct dh_command_subscribe subscribe;
        rig_subscribe(&rig, &subscribe, topics_t, 1);
        rig_run_ms(&rig, 100);
        char expected[256];
        snprintf(expected, sizeof(expected), "join: join:m1 sync:1 %s", rows[i].trace);
        // The order of the request and of the notice is not what matters here.
        if (strstr(rows[i].trace, "error") != NULL) {
            assert_non_null(strstr(rig.trace, "error(PROTOCOL)"));
            assert_non_null(strstr(rig.trace, "leave:m1"));
            assert_null(strstr(rig.trace, "assign"));
        } else {
            assert_string_equal(expected, rig.trace);
            assert_false(rig.record.is_leader);
            assert_int_equal(-1, rig.record.member_count);
        }
        group_rig_deinit(&rig);
    }
}

// CL-025, X-099: nothing applied, no callbacks, another round.
static void test_assignment_of_another_topic_rejoins(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, NULL);
    rig.is_follower = true;
    rig.assignment = DH_BYTES("\0\0\0\0\0\1\0\1x\0\0\0\1\0\0\0\1\xff\xff\xff\xff");
    struct dh_command_subscribe subscribe;
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 1);
    rig.assignment = DH_BYTES("\0\0\0\0\0\0\xff\xff\xff\xff");
    rig_run_ms(&rig, 500);
    assert_non_null(strstr(rig.trace, "sync:1 join:m1 sync:2"));
    assert_non_null(strstr(rig.trace, "assign()"));
    assert_null(strstr(rig.trace, "revoke"));
    group_rig_deinit(&rig);
}

// ---- Errors: one row for each of 5.1 ----

static void test_joining_reacts_to_every_error(void **state)
{
    (void)state;

    static const struct {
        struct rig_script script[3];
        const char *trace;
    } rows[] = {
        // JoinGroup of a newcomer, and with an id.
        {{{11, 14}}, "join: join: join:m1 sync:1 assign(t-0,t-1)"},
        {{{11, 15}}, "join: join: join:m1 sync:1 assign(t-0,t-1)"},
        {{{11, 16}}, "join: join: join:m1 sync:1 assign(t-0,t-1)"},
        {{{11, 27}}, "join: join: join:m1 sync:1 assign(t-0,t-1)"},
        {{{11, 25}}, "join: join: join:m1 sync:1 assign(t-0,t-1)"},
        {{{11, 79}, {11, 25}}, "join: join:m1 join: join:m2 sync:1 assign(t-0,t-1)"},
        {{{11, 79}, {11, 16}}, "join: join:m1 join:m1 sync:1 assign(t-0,t-1)"},
        {{{11, RIG_RESET}}, "join: join: join:m2 sync:1 assign(t-0,t-1)"},
        // these come out of poll and are not repeated.
        {{{11, 23}}, "join: error(GROUP_REFUSED)"},
        {{{11, 24}}, "join: error(INVALID_GROUP)"},
        {{{11, 26}}, "join: error(GROUP_REFUSED)"},
        {{{11, 30}}, "join: error(GROUP_AUTHORIZATION)"},
        {{{11, 81}}, "join: error(GROUP_REFUSED)"},
        {{{11, 82}}, "join: error(FENCED_INSTANCE)"},
        {{{11, 35}}, "join: error(UNSUPPORTED_VERSION)"},
        {{{11, -1}}, "join: error(BROKER)"},
        // SyncGroup.
        {{{14, 27}}, "join: join:m1 sync:1 join:m1 sync:2 assign(t-0,t-1)"},
        {{{14, 22}}, "join: join:m1 sync:1 join:m1 sync:2 assign(t-0,t-1)"},
        {{{14, 25}}, "join: join:m1 sync:1 join: join:m2 sync:2 assign(t-0,t-1)"},
        {{{14, 15}}, "join: join:m1 sync:1 join:m1 sync:2 assign(t-0,t-1)"},
        {{{14, 16}}, "join: join:m1 sync:1 join:m1 sync:2 assign(t-0,t-1)"},
        {{{14, RIG_RESET}}, "join: join:m1 sync:1 join:m1 sync:2 assign(t-0,t-1)"},
        {{{14, 82}}, "join: join:m1 sync:1 error(FENCED_INSTANCE)"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        group_rig_init(&rig, NULL);
        memcpy(rig.script, rows[i].script, sizeof(rows[i].script));
        struct dh_command_subscribe subscribe;
        rig_subscribe(&rig, &subscribe, topics_t, 1);
        rig_run_ms(&rig, 2500);
        rig_assert_trace(rows[i].trace, &rig);
        rig_run_ms(&rig, 60 * 1000);
        rig_assert_trace("", &rig);
        group_rig_deinit(&rig);
    }
}

static void test_heartbeats_react_to_every_error(void **state)
{
    (void)state;

    static const struct {
        int16_t code;
        const char *trace;
        const char *trigger;
    } rows[] = {
        {27, "beat:27 revoke(t-0,t-1) join:m1 sync:2 assign(t-0,t-1)",
         "the coordinator said that the group is rebalancing (a member joined or left, "
         "or changed its subscription)"},
        {22, "beat:22 lose(t-0,t-1) join:m1 sync:2 assign(t-0,t-1)",
         "heartbeat: the group has gone on to another generation"},
        {25, "beat:25 lose(t-0,t-1) join: join:m2 sync:2 assign(t-0,t-1)",
         "heartbeat: the coordinator does not know this member any more"},
        {82, "beat:82 lose(t-0,t-1) error(FENCED_INSTANCE)", NULL},
        {15, "beat:15", NULL},
        {16, "beat:16", NULL},
        {14, "beat:14", NULL},
        {RIG_RESET, "beat:0", NULL},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        given_member(&rig, NULL);
        rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, rows[i].code};
        rig_run_ms(&rig, 3000);
        size_t beats = rig.beats;
        rig_run_ms(&rig, 2500);
        rig_assert_trace(rows[i].trace, &rig);
        if (rows[i].trigger != NULL) {
            assert_string_equal(rows[i].trigger, rig.record.trigger);
            assert_string_equal(rows[i].trigger, rig.last_reason);
            assert_int_equal(2, rig.record.generation_after);
        }
        rig_run_ms(&rig, 10 * 1000);
        rig_assert_trace("", &rig);
        assert_int_equal(rows[i].code == 82, rig.beats == beats);
        group_rig_deinit(&rig);
    }
}

// an answer about a generation that is gone says nothing.
static void test_late_heartbeat_answer_is_ignored(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    struct dh_membership *membership = rig.membership;
    membership->cls->on_commit_refused(membership, 25, 0, rig.net.peer.now_ns);
    rig_run_ms(&rig, 100);
    rig_assert_trace("", &rig);
    membership->cls->on_commit_refused(membership, 25, 1, rig.net.peer.now_ns);
    rig_run_ms(&rig, 100);
    rig_assert_trace("lose(t-0,t-1) join: join:m2 sync:2 assign(t-0,t-1)", &rig);

    // One that arrives while the next JoinGroup is out.
    rig_run_ms(&rig, 2800);
    for (size_t i = 0; i < rig.net.peer.connection_count; i++) {
        rig.net.peer.connections[i].stalled_until = rig.net.peer.now_ns + 500 * DH_MS;
    }
    rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, 22};
    rig_run_ms(&rig, 200);
    membership->cls->rebalance(membership, "test", rig.net.peer.now_ns);
    rig_run_ms(&rig, 1000);
    rig_assert_trace("beat:22 revoke(t-0,t-1) join:m2 sync:3 assign(t-0,t-1)", &rig);
    group_rig_deinit(&rig);
}

// ---- Time ----

static void test_heartbeats_keep_their_interval(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, (const char *[]){"heartbeat.interval.ms", "1000", NULL});
    rig.beats = 0;
    rig_run_ms(&rig, 10 * 1000);
    assert_int_equal(10, rig.beats);
    group_rig_deinit(&rig);
}

// CL-004: the session timer looks the coordinator up again and keeps the membership.
static void test_session_timer_looks_the_coordinator_up(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, (const char *[]){"session.timeout.ms", "6000",
                                        "request.timeout.ms", "60000", NULL});
    size_t lookups = rig.net.peer.requests[DH_API_FIND_COORDINATOR];
    rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, RIG_SILENT};
    rig_run_ms(&rig, 5500);
    assert_int_equal(lookups, rig.net.peer.requests[DH_API_FIND_COORDINATOR]);
    rig_run_ms(&rig, 3000);
    assert_true(rig.net.peer.requests[DH_API_FIND_COORDINATOR] > lookups);
    assert_int_equal(1, rig.membership->cls->identity(rig.membership).generation);
    rig_assert_trace("beat:0", &rig);
    group_rig_deinit(&rig);
}

// API-150, X-053: leaves by itself, loses what it owned, and joins again only when the
// notice has come back from a later poll.
static void test_too_long_between_polls(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, (const char *[]){"max.poll.interval.ms", "10000", NULL});
    rig.is_held = true; // nobody polls
    rig.net.poll_mark = (struct dh_poll_mark){false, rig.net.peer.now_ns};
    rig_run_ms(&rig, 9900);
    rig_assert_trace("", &rig);
    rig_run_ms(&rig, 200);
    assert_true(strcmp("lose(t-0,t-1) leave:m1", rig.trace) == 0 ||
                strcmp("leave:m1 lose(t-0,t-1)", rig.trace) == 0);
    rig_assert_trace(rig.trace, &rig);
    assert_int_equal(DH_COMMIT_MAY_NOT,
                     rig.membership->cls->commit_permission(rig.membership));
    rig_run_ms(&rig, 60 * 1000);
    rig_assert_trace("", &rig);
    rig.net.poll_mark.is_inside = true;
    rig_release(&rig);
    rig_run_ms(&rig, 100);
    rig_assert_trace("join: join:m2 sync:2 assign(t-0,t-1)", &rig);
    assert_string_equal("max.poll.interval.ms exceeded", rig.record.trigger);
    group_rig_deinit(&rig);
}

// At 50 % and 90 % of max.poll.interval.ms a warning, once each.
static void test_slow_applications_are_warned(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, (const char *[]){"max.poll.interval.ms", "10000", NULL});
    rig.is_held = true;
    rig.net.poll_mark = (struct dh_poll_mark){false, rig.net.peer.now_ns};

    static const struct {
        int64_t after_ms;
        const char *text; // NULL: no warning
    } rows[] = {
        {4900, NULL},  {200, "50 %"}, {3800, NULL},
        {200, "90 %"}, {800, NULL},   {200, "max.poll.interval.ms (10000)"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        rig.warnings = 0;
        rig_run_ms(&rig, rows[i].after_ms);
        assert_int_equal(rows[i].text == NULL ? 0 : 1, rig.warnings);
        if (rows[i].text != NULL) {
            assert_non_null(strstr(rig.last_warning, rows[i].text));
        }
    }
    group_rig_deinit(&rig);
}

// whoever is inside of poll, or comes back in time, is alive.
static void test_polls_keep_the_member_alive(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, (const char *[]){"max.poll.interval.ms", "10000", NULL});
    rig_run_ms(&rig, 60 * 1000);
    for (int i = 0; i < 10; i++) {
        rig.net.poll_mark = (struct dh_poll_mark){false, rig.net.peer.now_ns};
        rig_run_ms(&rig, 9500);
    }
    rig_assert_trace("", &rig);
    group_rig_deinit(&rig);
}

// Nothing owned: still no rejoin before somebody polls.
static void test_too_long_between_polls_without_partitions(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, (const char *[]){"max.poll.interval.ms", "10000", NULL});
    rig.is_follower = true;
    rig.assignment = DH_BYTES("\0\0\0\0\0\0\xff\xff\xff\xff");
    struct dh_command_subscribe subscribe;
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 100);
    rig_assert_trace("join: join:m1 sync:1 assign()", &rig);
    rig.is_held = true;
    rig.net.poll_mark = (struct dh_poll_mark){false, rig.net.peer.now_ns};
    rig_run_ms(&rig, 60 * 1000);
    assert_non_null(strstr(rig.trace, "~lose()")); // API-172: no callback
    assert_null(strstr(rig.trace, "join"));
    group_rig_deinit(&rig);
}

// the answer to JoinGroup may take max.poll.interval.ms and five seconds.
static void test_join_is_waited_for(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, (const char *[]){"max.poll.interval.ms", "100000",
                                          "request.timeout.ms", "30000", NULL});
    rig.script[0] = (struct rig_script){DH_API_JOIN_GROUP, RIG_SILENT};
    struct dh_command_subscribe subscribe;
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 104900);
    rig_assert_trace("join:", &rig);
    rig_run_ms(&rig, 2000);
    rig_assert_trace("join: join:m2 sync:1 assign(t-0,t-1)", &rig);
    group_rig_deinit(&rig);
}

// ---- Reasons to rejoin (CL-006) ----

static void test_new_subscription_rejoins(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    struct dh_command_subscribe subscribe;
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 100);
    rig_assert_trace("", &rig); // the same topics
    rig_subscribe(&rig, &subscribe, topics_tu, 2);
    rig_run_ms(&rig, 100);
    rig_assert_trace("revoke(t-0,t-1) join:m1 sync:2 assign(t-0,t-1,u-0)", &rig);
    assert_string_equal("the subscription has changed", rig.record.trigger);
    group_rig_deinit(&rig);
}

static void test_application_asks_for_a_rebalance(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    rig.membership->cls->rebalance(rig.membership, "new hardware", rig.net.peer.now_ns);
    rig_run_ms(&rig, 100);
    rig_assert_trace("revoke(t-0,t-1) join:m1 sync:2 assign(t-0,t-1)", &rig);
    assert_string_equal("asked for by the application: new hardware", rig.last_reason);
    group_rig_deinit(&rig);
}

// the leader, and only the leader, watches the partition counts.
static void test_partition_count_changes(void **state)
{
    (void)state;
    for (int is_follower = 0; is_follower <= 1; is_follower++) {
        struct group_rig rig;
        group_rig_init(&rig, (const char *[]){"metadata.max.age.ms", "5000", NULL});
        rig.is_follower = is_follower == 1;
        if (rig.is_follower) {
            rig.assignment =
                DH_BYTES("\0\0\0\0\0\1\0\1t\0\0\0\1\0\0\0\1\xff\xff\xff\xff");
        }
        struct dh_command_subscribe subscribe;
        rig_subscribe(&rig, &subscribe, topics_t, 1);
        rig_run_ms(&rig, 100);
        rig_assert_trace(rig.is_follower ? "join: join:m1 sync:1 assign(t-1)"
                                         : "join: join:m1 sync:1 assign(t-0,t-1)",
                         &rig);
        rig.net.peer.topics[0].partition_count = 3;
        rig.net.peer.topics[0].leader[2] = 1;
        rig_run_ms(&rig, 6000);
        if (rig.is_follower) {
            rig_assert_trace("", &rig);
        } else {
            rig_assert_trace("revoke(t-0,t-1) join:m1 sync:2 assign(t-0,t-1,t-2)", &rig);
            assert_string_equal("the partition count of topic t changed from 2 to 3",
                                rig.record.trigger);
        }
        group_rig_deinit(&rig);
    }
}

// AS-010: a topic that is not there yet has no partitions; once it is, the leader sees.
static void test_topic_that_comes_later(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, (const char *[]){"metadata.max.age.ms", "5000", NULL});
    struct dh_command_subscribe subscribe;
    static const char *const topics[] = {"later"};
    rig_subscribe(&rig, &subscribe, topics, 1);
    rig_run_ms(&rig, 1000);
    rig_assert_trace("join: join:m1 sync:1 assign()", &rig);
    peer_add_topic(&rig.net.peer, "later", 1, 1);
    rig_run_ms(&rig, 6000);
    rig_assert_trace("revoke() join:m1 sync:2 assign(later-0)", &rig);
    group_rig_deinit(&rig);
}

//
static void test_pattern_follows_the_topics(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, (const char *[]){"metadata.max.age.ms", "5000", NULL});
    peer_add_topic(&rig.net.peer, "tt", 1, 1);
    struct dh_command_subscribe subscribe = {.message = {.kind = DH_COMMAND_SUBSCRIBE},
                                             .pattern = "t|v"};
    rig.membership->cls->subscribe(rig.membership, &subscribe, rig.net.peer.now_ns);
    rig_run_ms(&rig, 200);
    rig_assert_trace("topics(1) join: join:m1 sync:1 assign(t-0,t-1)", &rig);
    peer_add_topic(&rig.net.peer, "v", 1, 1);
    rig_run_ms(&rig, 10 * 1000);
    rig_assert_trace("topics(2) revoke(t-0,t-1) join:m1 sync:2 assign(t-0,t-1,v-0)",
                     &rig);
    assert_string_equal("the topics that match the pattern have changed",
                        rig.record.trigger);
    group_rig_deinit(&rig);

    group_rig_init(&rig, NULL);
    subscribe = (struct dh_command_subscribe){.message = {.kind = DH_COMMAND_SUBSCRIBE},
                                              .pattern = "("};
    rig.membership->cls->subscribe(rig.membership, &subscribe, rig.net.peer.now_ns);
    rig_run_ms(&rig, 1000);
    rig_assert_trace("subscribe(INVALID_ARGUMENT)", &rig);
    group_rig_deinit(&rig);
}

static void test_leader_says_who_joined_and_left(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    rig.others[0] = "consumer-b-0123456789-0123456789-0123456789";
    rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, 27};
    rig_run_ms(&rig, 5000);
    rig_assert_trace("beat:27 revoke(t-0,t-1) join:m1 sync:2 assign(t-1)", &rig);
    assert_string_equal("member consumer-b-0123456789-0123456789-0123456... joined",
                        rig.record.trigger);
    assert_int_equal(2, rig.record.member_count);
    rig.others[0] = "c";
    rig.others[1] = "d";
    rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, 27};
    rig_run_ms(&rig, 5000);
    assert_string_equal("member consumer-b-0123456789-0123456789-0123456... left, "
                        "member c and 1 more joined",
                        rig.record.trigger);
    group_rig_deinit(&rig);
}

// X-090, API-170: an eager member is told of revocations, even of nothing, but not
// before its first join.
static void test_nothing_is_revoked_with_a_callback(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, NULL);
    rig.is_follower = true;
    rig.assignment = DH_BYTES("\0\0\0\0\0\0\xff\xff\xff\xff");
    struct dh_command_subscribe subscribe;
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 100);
    rig_assert_trace("join: join:m1 sync:1 assign()", &rig);
    rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, 27};
    rig_run_ms(&rig, 3500);
    rig_assert_trace("beat:27 revoke() join:m1 sync:2 assign()", &rig);
    rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, 25};
    rig_run_ms(&rig, 3500);
    rig_assert_trace("beat:25 join: join:m2 sync:3 assign()", &rig); // nothing to lose
    group_rig_deinit(&rig);
}

// What a revocation is about: committed under the generation before.
static void test_record_of_a_revocation(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    rig.is_held = true;
    rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, 27};
    rig_run_ms(&rig, 3500);
    rig_assert_trace("beat:27 revoke(t-0,t-1)", &rig);
    assert_int_equal(1, rig.record.generation_before);
    assert_int_equal(-1, rig.record.generation_after);
    rig_run_ms(&rig, 1000);
    rig_release(&rig);
    rig_run_ms(&rig, 100);
    rig_assert_trace("join:m1 sync:2 assign(t-0,t-1)", &rig);
    assert_int_equal(1, rig.record.generation_before);
    assert_int_equal(2, rig.record.generation_after);
    assert_true(rig.record.revoke_ns >= 1000 * DH_MS);
    group_rig_deinit(&rig);
}

// ---- The way out ----

static void test_leaving_from_every_state(void **state)
{
    (void)state;

    static const struct {
        struct rig_script script[2];
        bool is_held; // the front half has not given notices back
        int64_t after_ms;
        const char *trace;
    } rows[] = {
        {{{0, 0}}, false, 0, "left"},                  // nothing sent yet
        {{{11, RIG_SILENT}}, false, 50, "join: left"}, // no id yet
        {{{11, 79}, {11, RIG_SILENT}}, false, 50, "join: join:m1 leave:m1 left"},
        {{{14, RIG_SILENT}}, false, 50, "join: join:m1 sync:1 leave:m1 left"},
        {{{0, 0}}, true, 50, "join: join:m1 sync:1 assign(t-0,t-1) leave:m1 left"},
        {{{0, 0}}, false, 50, "join: join:m1 sync:1 assign(t-0,t-1) leave:m1 left"},
        {{{11, 23}}, false, 50, "join: error(GROUP_REFUSED) left"},
        {{{13, 25}}, false, 50, "join: join:m1 sync:1 assign(t-0,t-1) leave:m1 left"},
        {{{13, RIG_RESET}},
         false,
         50,
         "join: join:m1 sync:1 assign(t-0,t-1) leave:m1 left"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct group_rig rig;
        group_rig_init(&rig, NULL);
        memcpy(rig.script, rows[i].script, sizeof(rows[i].script));
        rig.is_held = rows[i].is_held;
        struct dh_command_subscribe subscribe;
        struct dh_command_leave leave;
        rig_subscribe(&rig, &subscribe, topics_t, 1);
        if (rows[i].after_ms > 0) {
            rig_run_ms(&rig, rows[i].after_ms);
        }
        rig_leave(&rig, &leave, DH_COMMAND_UNSUBSCRIBE, 5000);
        rig_run_ms(&rig, 200);
        assert_int_equal(0, rig.partitions.assigned_count);
        rig_assert_trace(rows[i].trace, &rig);
        rig_release(&rig);
        rig_run_ms(&rig, 60 * 1000);
        rig_assert_trace("", &rig);
        group_rig_deinit(&rig);
    }
}

// API-160: a coordinator that does not answer costs the deadline, not more.
static void test_leaving_keeps_its_deadline(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    rig.script[0] = (struct rig_script){DH_API_LEAVE_GROUP, RIG_SILENT};
    struct dh_command_leave leave;
    rig_leave(&rig, &leave, DH_COMMAND_CLOSE, 2000);
    rig_run_ms(&rig, 1900);
    rig_assert_trace("leave:m1", &rig);
    rig_run_ms(&rig, 200);
    rig_assert_trace("left", &rig);
    group_rig_deinit(&rig);
}

static void test_subscribing_again_while_leaving(void **state)
{
    (void)state;
    struct group_rig rig;
    given_member(&rig, NULL);
    struct dh_command_leave leave;
    struct dh_command_subscribe subscribe;
    rig_leave(&rig, &leave, DH_COMMAND_UNSUBSCRIBE, 2000);
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 200);
    rig_assert_trace("leave:m1 left join: join:m2 sync:2 assign(t-0,t-1)", &rig);
    group_rig_deinit(&rig);
}

static void test_fatal_is_left_by_a_new_subscription(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, NULL);
    rig.script[0] = (struct rig_script){DH_API_JOIN_GROUP, 81};
    struct dh_command_subscribe subscribe;
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 60 * 1000);
    rig_assert_trace("join: error(GROUP_REFUSED)", &rig);
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 200);
    rig_assert_trace("join: join:m1 sync:1 assign(t-0,t-1)", &rig);
    group_rig_deinit(&rig);
}

// when commits are allowed.
static void test_commit_permission(void **state)
{
    (void)state;
    struct group_rig rig;
    group_rig_init(&rig, NULL);
    const struct dh_membership_class *cls = rig.membership->cls;
    assert_int_equal(DH_COMMIT_MAY_NOT, cls->commit_permission(rig.membership));
    rig.script[0] = (struct rig_script){DH_API_SYNC_GROUP, RIG_SILENT};
    struct dh_command_subscribe subscribe;
    rig_subscribe(&rig, &subscribe, topics_t, 1);
    rig_run_ms(&rig, 100);
    assert_int_equal(DH_COMMIT_REBALANCING, cls->commit_permission(rig.membership));
    rig_run_ms(&rig, 40 * 1000);
    assert_int_equal(DH_COMMIT_MAY, cls->commit_permission(rig.membership));
    rig.is_held = true;
    rig.script[0] = (struct rig_script){DH_API_HEARTBEAT, 27};
    rig_run_ms(&rig, 4000);
    assert_non_null(strstr(rig.trace, "revoke(t-0,t-1)"));
    assert_int_equal(DH_COMMIT_MAY, cls->commit_permission(rig.membership));
    group_rig_deinit(&rig);
}

// ---- Without memory ----

// Each allocation of a whole join fails once and for all; then memory comes back.
static void test_join_without_memory(void **state)
{
    (void)state;
    bool is_through = false;
    for (size_t fail_at = 1; !is_through; fail_at++) {
        assert_true(fail_at < 5000);
        struct group_rig rig;
        struct dh_command_subscribe subscribe;
        int err = group_rig_init_failing_at(&rig, NULL, fail_at);
        if (err == 0) {
            rig_subscribe(&rig, &subscribe, topics_t, 1);
            rig_run_ms(&rig, 300);
            is_through = rig.net.memory.calls < fail_at;
            rig.net.memory.fail_at = 0;
            if (subscribe.err != 0) {
                rig_subscribe(&rig, &subscribe, topics_t, 1);
            }
            rig_run_ms(&rig, 400 * 1000);
            assert_int_equal(2, rig.assigned_count);
        }
        group_rig_deinit(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_join_calls_back_once),
        cmocka_unit_test(test_subscription_has_kafkas_bytes),
        cmocka_unit_test(test_follower_applies_what_it_is_given),
        cmocka_unit_test(test_assignment_of_another_topic_rejoins),
        cmocka_unit_test(test_joining_reacts_to_every_error),
        cmocka_unit_test(test_heartbeats_react_to_every_error),
        cmocka_unit_test(test_late_heartbeat_answer_is_ignored),
        cmocka_unit_test(test_heartbeats_keep_their_interval),
        cmocka_unit_test(test_session_timer_looks_the_coordinator_up),
        cmocka_unit_test(test_too_long_between_polls),
        cmocka_unit_test(test_slow_applications_are_warned),
        cmocka_unit_test(test_polls_keep_the_member_alive),
        cmocka_unit_test(test_too_long_between_polls_without_partitions),
        cmocka_unit_test(test_join_is_waited_for),
        cmocka_unit_test(test_new_subscription_rejoins),
        cmocka_unit_test(test_application_asks_for_a_rebalance),
        cmocka_unit_test(test_partition_count_changes),
        cmocka_unit_test(test_topic_that_comes_later),
        cmocka_unit_test(test_pattern_follows_the_topics),
        cmocka_unit_test(test_leader_says_who_joined_and_left),
        cmocka_unit_test(test_nothing_is_revoked_with_a_callback),
        cmocka_unit_test(test_record_of_a_revocation),
        cmocka_unit_test(test_leaving_from_every_state),
        cmocka_unit_test(test_leaving_keeps_its_deadline),
        cmocka_unit_test(test_subscribing_again_while_leaving),
        cmocka_unit_test(test_fatal_is_left_by_a_new_subscription),
        cmocka_unit_test(test_commit_permission),
        cmocka_unit_test(test_join_without_memory),
    };
    return cmocka_run_group_tests_name("membership_classic", tests, NULL, NULL);
}
