// SPDX-License-Identifier: MIT
/*
 * What the settings about connections, requests and metadata do.
 */
#ifndef DH_TESTS_UNIT_CLIENT_EFFECTS_NETWORK_H
#define DH_TESTS_UNIT_CLIENT_EFFECTS_NETWORK_H

#include "effect.h"

#include "wire/gen/broker_errors.h"

static void bootstrap_servers(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    peer_add_node(&rig.peer, -1, "elsewhere", 9099);
    rig_assign(&rig);
    rig_run_ms(&rig, 1000);
    assert_int_equal(effect->expected, rig_event(&rig, 0, EVENT_CONNECT, 0, 0)->node);
    assert_int_equal(100, rig.records);
    rig_close(&rig);
}

static void client_id(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 5000);
    assert_string_equal(effect->value[0] == '\0' ? "consumer-g-1" : effect->value,
                        rig.client_id);
    assert_false(rig.has_other_client_id);
    assert_in_range(rig_requests(&rig, DH_API_HEARTBEAT), 1, 10);
    rig_close(&rig);
}

// All addresses of a name are tried, one after the other, before it counts as failed.
static void all_addresses_are_tried(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig.peer.nodes[0].address_count = 2;
    rig.peer.nodes[0].reach[0] = PEER_REFUSES;
    rig_assign(&rig);
    rig_poll(&rig); // no time passes, so there is no back-off
    assert_int_equal(0, rig_event_ms(&rig, EVENT_CONNECT, 1));
    rig_run_ms(&rig, 1000);
    assert_int_equal(100, rig.records);
    rig_close(&rig);
}

// A request without an answer costs the connection, and is made again.
static void request_timeout(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig.is_silent[DH_API_FETCH] = true;
    rig_assign(&rig);
    rig_run_ms(&rig, 60000);
    int64_t closed_ms = rig_event_ms(&rig, EVENT_CLOSE, 0);
    int64_t first_ms = rig_request_ms(&rig, DH_API_FETCH, 0);
    assert_ms_between(effect->expected, effect->expected + 1, closed_ms - first_ms);
    assert_ms_between(effect->expected, effect->expected + 1000,
                      rig_request_gap_ms(&rig, DH_API_FETCH, 0));
    rig_close(&rig);
}

static void metadata_max_age(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_assign(&rig);
    rig_run_ms(&rig, 1000);
    size_t first = rig_requests(&rig, DH_API_METADATA) - 1;
    rig_run_ms(&rig, 3 * effect->expected);
    for (size_t i = first; i < first + 2; i++) {
        assert_ms_between(effect->expected, effect->expected + 1,
                          rig_request_gap_ms(&rig, DH_API_METADATA, i));
    }
    rig_close(&rig);
}

// The only broker goes away for good; a new one answers at the bootstrap address.
static void metadata_recovery_strategy(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "bootstrap.servers",
                           "elsewhere:9099", "metadata.max.age.ms", "5000"));
    peer_add_node(&rig.peer, -1, "elsewhere", 9099);
    rig_assign(&rig);
    rig_run_ms(&rig, 1000);
    size_t before = rig.event_count;
    rig.peer.nodes[0].reach[0] = PEER_REFUSES;
    for (size_t i = 0; i < rig.peer.connection_count; i++) {
        peer_reset(&rig.peer, &rig.peer.connections[i], "gone");
    }
    rig_run_ms(&rig, 20000);
    size_t bootstraps = 0;
    const struct rig_event *event;
    for (size_t i = 0;
         (event = rig_event_since(&rig, before, EVENT_CONNECT, 0, i)) != NULL; i++) {
        bootstraps += event->node == 1 ? 1 : 0;
    }
    assert_int_equal(effect->expected, bootstraps > 0);
    rig_close(&rig);
}

// Brokers can be reached, one of them at each time, but say nothing about the cluster.
static void rebootstrap_trigger(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "bootstrap.servers",
                           "elsewhere:9099", "metadata.max.age.ms", "5000",
                           "request.timeout.ms", "1000", "group.id", ""));
    peer_add_node(&rig.peer, -1, "elsewhere", 9099);
    peer_add_node(&rig.peer, 2, "two", 9092);
    rig_assign(&rig);
    rig_run_ms(&rig, 1000);
    size_t before = rig.event_count;
    rig.is_silent[DH_API_METADATA] = true;
    rig_run_ms(&rig, 100000);
    int64_t asked_ms = rig_event(&rig, before, EVENT_REQUEST, DH_API_METADATA, 0)->at_ms;
    size_t index = 0;
    while (rig_event(&rig, before, EVENT_CONNECT, 0, index)->node != 1) {
        index++;
    }
    int64_t bootstrap_ms = rig_event(&rig, before, EVENT_CONNECT, 0, index)->at_ms;
    // It is noticed with the next failure: a second, and a back-off of at most 1.2.
    assert_ms_between(effect->expected, effect->expected + 3300, bootstrap_ms - asked_ms);
    rig_close(&rig);
}

// The n-th wait of a back-off with 20 % at random.
static void assert_backoff(int64_t first_ms, int64_t most_ms, size_t index,
                           int64_t gap_ms)
{
    int64_t wait_ms = first_ms << index;
    wait_ms = wait_ms > most_ms ? most_ms : wait_ms;
    assert_ms_between(wait_ms * 8 / 10, wait_ms * 12 / 10 + 1, gap_ms);
}

// There is no coordinator: it is asked for again and again. expected: the first wait.
static void retry_backoff(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "retry.backoff.max.ms", "2000"));
    rig.peer.coordinator = -1;
    rig_subscribe(&rig);
    rig_run_ms(&rig, 30000);
    for (size_t i = 0; i < 8; i++) {
        assert_backoff(effect->expected, 2000, i,
                       rig_request_gap_ms(&rig, DH_API_FIND_COORDINATOR, i));
    }
    rig_close(&rig);
}

// The same; expected: the longest wait.
static void retry_backoff_max(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "retry.backoff.ms", "100"));
    rig.peer.coordinator = -1;
    rig_subscribe(&rig);
    rig_run_ms(&rig, 60000);
    for (size_t i = 0; i < 10; i++) {
        assert_backoff(100, effect->expected, i,
                       rig_request_gap_ms(&rig, DH_API_FIND_COORDINATOR, i));
    }
    rig_close(&rig);
}

// Whatever is refused with an error that may pass is asked for again, so often and not
// more often (L7).
static void retry_backoff_of_all(void **state)
{
    static const struct {
        int16_t key;
        int16_t code;
    } rows[] = {
        {DH_API_METADATA, DH_BROKER_LEADER_NOT_AVAILABLE},
        {DH_API_FIND_COORDINATOR, DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS},
        {DH_API_JOIN_GROUP, DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS},
        {DH_API_JOIN_GROUP, DH_BROKER_NOT_COORDINATOR},
        {DH_API_JOIN_GROUP, DH_BROKER_UNKNOWN_MEMBER_ID},
        {DH_API_SYNC_GROUP, DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS},
        {DH_API_SYNC_GROUP, DH_BROKER_COORDINATOR_NOT_AVAILABLE},
        {DH_API_SYNC_GROUP, DH_BROKER_REBALANCE_IN_PROGRESS},
        {DH_API_SYNC_GROUP, DH_BROKER_UNKNOWN_MEMBER_ID},
        {DH_API_HEARTBEAT, DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS},
        {DH_API_HEARTBEAT, DH_BROKER_NOT_COORDINATOR},
        {DH_API_OFFSET_FETCH, DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS},
        {DH_API_OFFSET_FETCH, DH_BROKER_NOT_COORDINATOR},
        {DH_API_OFFSET_COMMIT, DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS},
        {DH_API_OFFSET_COMMIT, DH_BROKER_NOT_COORDINATOR},
        {DH_API_LIST_OFFSETS, DH_BROKER_NOT_LEADER_OR_FOLLOWER},
        {DH_API_LIST_OFFSETS, DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION},
        {DH_API_LIST_OFFSETS, DH_BROKER_REQUEST_TIMED_OUT},
        {DH_API_FETCH, DH_BROKER_NOT_LEADER_OR_FOLLOWER},
        {DH_API_FETCH, DH_BROKER_UNKNOWN_TOPIC_ID},
        {DH_API_FETCH, DH_BROKER_UNKNOWN_LEADER_EPOCH},
    };

    const struct effect *effect = *state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct consumer_rig rig;
        rig_open(&rig, OPTIONS(effect->key, effect->value, "retry.backoff.max.ms",
                               effect->value, "auto.offset.reset", "earliest",
                               "auto.commit.interval.ms", "1000"));
        rig.code[rows[i].key] = rows[i].code;
        rig_subscribe(&rig);
        rig_run_ms(&rig, 20000);
        // A first back-off is shorter, and news of the cluster may cut one short.
        int64_t asked = (int64_t)rig_requests(&rig, rows[i].key);
        if (asked < 15 * 1000 / effect->expected ||
            asked > 33 * 1000 / effect->expected + 10) {
            fail_msg("%s refused with %s: asked %lld times",
                     dh_api_find(rows[i].key)->name,
                     dohle_broker_error_name(rows[i].code), (long long)asked);
        }
        rig_close(&rig);
    }
}

// The only broker refuses. Takes the rig.
static void expect_reconnects(struct consumer_rig *rig, int64_t first_ms, int64_t most_ms)
{
    rig->peer.nodes[0].reach[0] = PEER_REFUSES;
    rig_assign(rig);
    rig_run_ms(rig, 60000);
    for (size_t i = 0; i < 8; i++) {
        assert_backoff(first_ms, most_ms, i,
                       rig_event_ms(rig, EVENT_CONNECT, i + 1) -
                           rig_event_ms(rig, EVENT_CONNECT, i));
    }
    rig_close(rig);
}

// Requests are tried again at once, so that only connections are waited for.
#define WITHOUT_RETRY_BACKOFF "retry.backoff.ms", "0", "retry.backoff.max.ms", "0"

static void reconnect_backoff(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "reconnect.backoff.max.ms", "2000",
                           WITHOUT_RETRY_BACKOFF));
    expect_reconnects(&rig, effect->expected, 2000);
}

static void reconnect_backoff_max(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "reconnect.backoff.ms", "50",
                           WITHOUT_RETRY_BACKOFF));
    expect_reconnects(&rig, 50, effect->expected);
}

// The only broker neither accepts nor refuses. Takes the rig.
static void expect_setup_timeouts(struct consumer_rig *rig, int64_t first_ms,
                                  int64_t most_ms)
{
    rig->peer.nodes[0].reach[0] = PEER_HANGS;
    rig_assign(rig);
    rig_run_ms(rig, 300000);
    for (size_t i = 0; i < 4; i++) {
        assert_backoff(first_ms, most_ms, i,
                       rig_event_ms(rig, EVENT_CLOSE, i) -
                           rig_event_ms(rig, EVENT_CONNECT, i));
    }
    rig_close(rig);
}

static void setup_timeout(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "request.timeout.ms", "1000000"));
    expect_setup_timeouts(&rig, effect->expected, 30000);
}

static void setup_timeout_max(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "request.timeout.ms", "1000000"));
    expect_setup_timeouts(&rig, 10000, effect->expected);
}

// The connection for all but fetches has nothing to do once the brokers are known.
static void connections_max_idle(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value, "group.id", "",
                           "metadata.max.age.ms", "2000000"));
    rig_assign(&rig);
    rig_run_ms(&rig, 1000);
    int64_t used_ms = rig_request_ms(&rig, DH_API_METADATA, 0);
    rig_run_ms(&rig, 1000000);
    if (effect->expected < 0) {
        assert_int_equal(0, rig_count(&rig, EVENT_CLOSE, 0));
    } else {
        assert_ms_between(effect->expected, effect->expected + 1,
                          rig_event_ms(&rig, EVENT_CLOSE, 0) - used_ms);
    }
    rig_close(&rig);
}

static const struct effect network_effects[] = {
    {"bootstrap.servers", "one:9092", bootstrap_servers, 0, 0},
    {"bootstrap.servers", "elsewhere:9099", bootstrap_servers, 0, 1},
    {"client.id", "reader", client_id, 0, 0},
    {"client.id", "", client_id, 0, 0},
    {"client.dns.lookup", "use_all_dns_ips", all_addresses_are_tried, 0, 0},
    {"client.dns.lookup", "resolve_canonical_bootstrap_servers_only", value_is_refused, 0,
     0},
    {"security.protocol", "PLAINTEXT", all_addresses_are_tried, 0, 0},
    {"security.protocol", "SSL", value_is_refused, 0, 0},
    {"security.protocol", "SASL_PLAINTEXT", value_is_refused, 0, 0},
    {"security.protocol", "SASL_SSL", value_is_refused, 0, 0},
    EFFECT_FIELD("send.buffer.bytes", "131072", connect_send_buffer_bytes, 131072),
    EFFECT_FIELD("send.buffer.bytes", "-1", connect_send_buffer_bytes, -1),
    EFFECT_FIELD("receive.buffer.bytes", "65536", connect_receive_buffer_bytes, 65536),
    EFFECT_FIELD("receive.buffer.bytes", "777", connect_receive_buffer_bytes, 777),
    {"request.timeout.ms", "30000", request_timeout, 0, 30000},
    {"request.timeout.ms", "2000", request_timeout, 0, 2000},
    {"metadata.max.age.ms", "300000", metadata_max_age, 0, 300000},
    {"metadata.max.age.ms", "7000", metadata_max_age, 0, 7000},
    {"metadata.recovery.strategy", "rebootstrap", metadata_recovery_strategy, 0, 1},
    {"metadata.recovery.strategy", "none", metadata_recovery_strategy, 0, 0},
    {"metadata.recovery.rebootstrap.trigger.ms", "10000", rebootstrap_trigger, 0, 10000},
    {"metadata.recovery.rebootstrap.trigger.ms", "40000", rebootstrap_trigger, 0, 40000},
    {"retry.backoff.ms", "100", retry_backoff, 0, 100},
    {"retry.backoff.ms", "300", retry_backoff, 0, 300},
    {"retry.backoff.ms", "100", retry_backoff_of_all, 0, 100},
    {"retry.backoff.ms", "1000", retry_backoff_of_all, 0, 1000},
    {"retry.backoff.max.ms", "1000", retry_backoff_max, 0, 1000},
    {"retry.backoff.max.ms", "3000", retry_backoff_max, 0, 3000},
    {"reconnect.backoff.ms", "50", reconnect_backoff, 0, 50},
    {"reconnect.backoff.ms", "400", reconnect_backoff, 0, 400},
    {"reconnect.backoff.max.ms", "1000", reconnect_backoff_max, 0, 1000},
    {"reconnect.backoff.max.ms", "3000", reconnect_backoff_max, 0, 3000},
    {"socket.connection.setup.timeout.ms", "10000", setup_timeout, 0, 10000},
    {"socket.connection.setup.timeout.ms", "1500", setup_timeout, 0, 1500},
    {"socket.connection.setup.timeout.max.ms", "30000", setup_timeout_max, 0, 30000},
    {"socket.connection.setup.timeout.max.ms", "15000", setup_timeout_max, 0, 15000},
    {"connections.max.idle.ms", "20000", connections_max_idle, 0, 20000},
    {"connections.max.idle.ms", "5000", connections_max_idle, 0, 5000},
    {"connections.max.idle.ms", "-1", connections_max_idle, 0, -1},
};

#endif
