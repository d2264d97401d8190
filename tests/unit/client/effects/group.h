// SPDX-License-Identifier: MIT
/*
 * What the settings about the group, its commits and its topics do.
 */
#ifndef DH_TESTS_UNIT_CLIENT_EFFECTS_GROUP_H
#define DH_TESTS_UNIT_CLIENT_EFFECTS_GROUP_H

#include "effect.h"

static void heartbeat_interval(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 30000);
    for (size_t i = 0; i < 4; i++) {
        int64_t gap_ms = rig_request_gap_ms(&rig, DH_API_HEARTBEAT, i);
        assert_ms_between(effect->expected, effect->expected + 20, gap_ms);
    }
    rig_close(&rig);
}

// Without an answer for so long the coordinator is looked for again.
static void session_timeout(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig,
             OPTIONS(effect->key, effect->value, "request.timeout.ms", "100000",
                     "heartbeat.interval.ms", "1000", "enable.auto.commit", "false"));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 5500);
    assert_int_equal(1, rig_requests(&rig, DH_API_FIND_COORDINATOR));
    size_t answered = rig_requests(&rig, DH_API_HEARTBEAT);
    rig.is_silent[DH_API_HEARTBEAT] = true;
    rig_run_ms(&rig, 50000);
    int64_t answered_ms = rig_request_ms(&rig, DH_API_HEARTBEAT, answered - 1);
    int64_t lost_ms = rig_request_ms(&rig, DH_API_FIND_COORDINATOR, 1);
    assert_ms_between(effect->expected, effect->expected + 200, lost_ms - answered_ms);
    rig_close(&rig);
}

// Who does not poll leaves, and joins again with the next poll.
static void max_poll_interval(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 5000);
    int64_t left_ms = rig.mark.left_ns / DH_MS - rig.opened_ns / DH_MS;
    size_t joins = rig_requests(&rig, DH_API_JOIN_GROUP);
    rig.is_away = true;
    rig_run_ms(&rig, 100000);
    assert_int_equal(1, rig_requests(&rig, DH_API_LEAVE_GROUP));
    int64_t away_ms = rig_request_ms(&rig, DH_API_LEAVE_GROUP, 0) - left_ms;
    assert_ms_between(effect->expected, effect->expected + 20, away_ms);
    assert_int_equal(joins, rig_requests(&rig, DH_API_JOIN_GROUP));
    rig.is_away = false;
    rig_run_ms(&rig, 1000);
    assert_in_range(rig_requests(&rig, DH_API_JOIN_GROUP), joins + 1, joins + 2);
    rig_close(&rig);
}

// JoinGroup is answered only when all members have joined: it may take that long, and
// five seconds, however short request.timeout.ms is.
static void join_timeout(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "request.timeout.ms", "2000"));
    rig.is_silent[DH_API_JOIN_GROUP] = true;
    rig_subscribe(&rig);
    rig_run_ms(&rig, 100000);
    int64_t asked_ms = rig_request_ms(&rig, DH_API_JOIN_GROUP, 0);
    assert_ms_between(effect->expected + 5000, effect->expected + 5001,
                      rig_event_ms(&rig, EVENT_CLOSE, 0) - asked_ms);
    rig_close(&rig);
}

static void enable_auto_commit(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "auto.offset.reset", "earliest"));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 30000);
    assert_int_equal(100, rig.records);
    assert_int_equal(effect->expected, rig_requests(&rig, DH_API_OFFSET_COMMIT) > 0);
    rig_close(&rig);
}

static void auto_commit_interval(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "auto.offset.reset", "earliest"));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 30000);
    for (size_t i = 0; i < 3; i++) {
        int64_t gap_ms = rig_request_gap_ms(&rig, DH_API_OFFSET_COMMIT, i);
        assert_ms_between(effect->expected, effect->expected + 40, gap_ms);
    }
    rig_close(&rig);
}

static void group_id_is_sent(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 1000);
    assert_string_equal(effect->value, rig.group_id);
    rig_close(&rig);
}

static void no_group_id(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    const char *const topics[] = {"t"};
    assert_int_equal(DOHLE_ERR_INVALID_GROUP,
                     dh_front_subscribe(rig.front, topics, 1, false));
    rig_assign(&rig); // by hand it works, and nothing is committed
    rig_run_ms(&rig, 20000);
    assert_int_equal(100, rig.records);
    assert_int_equal(0, rig_requests(&rig, DH_API_FIND_COORDINATOR));
    assert_int_equal(0, rig_requests(&rig, DH_API_OFFSET_COMMIT));
    rig_close(&rig);
}

static void group_protocol(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 1000);
    assert_in_range(rig_requests(&rig, DH_API_JOIN_GROUP), 1, 2);
    assert_int_equal(0, rig_requests(&rig, DH_API_CONSUMER_GROUP_HEARTBEAT));
    rig_close(&rig);
}

static void assignment_strategy(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 1000);
    assert_string_equal("range", rig.protocols);
    rig_close(&rig);
}

static void exclude_internal_topics(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    peer_add_topic(&rig.peer, "__consumer_offsets", 1, 1)->is_internal = true;
    assert_int_equal(0, dh_front_subscribe_pattern(rig.front, ".*", false));
    rig_run_ms(&rig, 1000);
    const char *const *topics;
    size_t count;
    dh_front_topics(rig.front, &topics, &count);
    assert_int_equal(effect->expected, count);
    assert_string_equal("t", topics[count - 1]);
    rig_close(&rig);
}

// A commit that is sent once waits for a coordinator no longer than this.
static void default_api_timeout(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "enable.auto.commit", "false"));
    rig.peer.coordinator = -1;
    rig_assign(&rig);
    rig_run_ms(&rig, 1000);
    const dohle_offset offset = {.topic = "t", .offset = 1, .leader_epoch = -1};
    struct dh_call call;
    dh_front_begin_commit_async(rig.front, &call, &offset, 1,
                                (struct dh_commit_target){.function = abort},
                                rig.peer.now_ns);
    assert_int_equal(0, rig_call(&rig, &call));
    int64_t begun_ms = rig_now_ms(&rig);
    rig_run_ms(&rig, 30000);
    assert_true(rig.is_commit_told);
    assert_ms_between(effect->expected, effect->expected + 20,
                      rig.commit_told_ms - begun_ms);
    rig_close(&rig);
}

static const struct effect group_effects[] = {
    EFFECT_FIELD("session.timeout.ms", "45000", join_session_timeout_ms, 45000),
    EFFECT_FIELD("session.timeout.ms", "7000", join_session_timeout_ms, 7000),
    {"session.timeout.ms", "10000", session_timeout, 0, 10000},
    {"session.timeout.ms", "30000", session_timeout, 0, 30000},
    {"heartbeat.interval.ms", "3000", heartbeat_interval, 0, 3000},
    {"heartbeat.interval.ms", "700", heartbeat_interval, 0, 700},
    EFFECT_FIELD("max.poll.interval.ms", "300000", join_rebalance_timeout_ms, 300000),
    EFFECT_FIELD("max.poll.interval.ms", "9000", join_rebalance_timeout_ms, 9000),
    {"max.poll.interval.ms", "9000", max_poll_interval, 0, 9000},
    {"max.poll.interval.ms", "60000", max_poll_interval, 0, 60000},
    {"max.poll.interval.ms", "9000", join_timeout, 0, 9000},
    {"max.poll.interval.ms", "60000", join_timeout, 0, 60000},
    {"enable.auto.commit", "true", enable_auto_commit, 0, 1},
    {"enable.auto.commit", "false", enable_auto_commit, 0, 0},
    {"auto.commit.interval.ms", "5000", auto_commit_interval, 0, 5000},
    {"auto.commit.interval.ms", "1000", auto_commit_interval, 0, 1000},
    {"group.id", "readers", group_id_is_sent, 0, 0},
    {"group.id", "others", group_id_is_sent, 0, 0},
    {"group.id", "", no_group_id, 0, 0},
    {"group.protocol", "classic", group_protocol, 0, 0},
    {"group.protocol", "consumer", value_is_refused, 0, 0},
    {"partition.assignment.strategy", "range", assignment_strategy, 0, 0},
    {"partition.assignment.strategy",
     "org.apache.kafka.clients.consumer.RangeAssignor,"
     "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
     assignment_strategy, 0, 0}, // Java's default
    {"partition.assignment.strategy", "sticky", value_is_refused, 0, 0},
    {"exclude.internal.topics", "true", exclude_internal_topics, 0, 1},
    {"exclude.internal.topics", "false", exclude_internal_topics, 0, 2},
    EFFECT_FIELD("allow.auto.create.topics", "true", metadata_auto_creation, 1),
    EFFECT_FIELD("allow.auto.create.topics", "false", metadata_auto_creation, 0),
    {"default.api.timeout.ms", "2000", default_api_timeout, 0, 2000},
    {"default.api.timeout.ms", "20000", default_api_timeout, 0, 20000},
};

#endif
