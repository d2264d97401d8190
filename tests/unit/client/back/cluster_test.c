// SPDX-License-Identifier: MIT
#include "client/back/cluster.h"

#include "net_rig.h"

static struct dh_notice_error *next_error(struct net_rig *rig)
{
    struct dh_link *link = dh_list_pop_front(&rig->outbox.messages);
    if (link == NULL) {
        return NULL;
    }
    struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
    assert_int_equal(DH_NOTICE_ERROR, message->kind);
    return DH_CONTAINER_OF(message, struct dh_notice_error, message);
}

static void return_error(struct net_rig *rig, struct dh_notice_error *notice)
{
    dh_outbox_on_error_returned(&rig->outbox, rig->context.mem, notice);
}

static void release_outbox(struct net_rig *rig)
{
    dh_outbox_release(&rig->outbox, rig->context.mem);
}

static void want(struct net_rig *rig, const char *topic)
{
    assert_int_equal(0, dh_cluster_want(rig->cluster, topic, rig->peer.now_ns));
}

// All versions of Metadata, with what each can tell.
static void test_topics_are_learned_in_every_version(void **state)
{
    (void)state;
    for (int16_t version = 0; version <= 13; version++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", NULL);
        peer_add_node(&rig.peer, 1, "one", 9092);
        struct peer_topic *topic = peer_add_topic(&rig.peer, "t", 3, 1);
        topic->leader_epoch[2] = 4;
        rig.peer.version_max[DH_API_METADATA] = version;
        want(&rig, "t");
        assert_null(dh_cluster_topic(rig.cluster, "t"));
        peer_run(&rig.peer, 1 * DH_MS);
        const struct dh_cluster_topic *known = dh_cluster_topic(rig.cluster, "t");
        assert_non_null(known);
        assert_int_equal(3, known->partition_count);
        assert_int_equal(1, known->partitions[2].leader);
        assert_int_equal(version >= 7 ? 4 : -1, known->partitions[2].leader_epoch);
        assert_int_equal(version < 10, dh_uuid_is_zero(&known->id));
        if (version >= 10) {
            assert_ptr_equal(known, dh_cluster_topic_by_id(rig.cluster, &topic->id));
        }
        assert_int_equal(1, dh_cluster_updates(rig.cluster));
        rig_deinit(&rig);
    }
}

// Nobody wants anything: nothing is asked.
static void test_nothing_is_asked_without_interest(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    peer_run(&rig.peer, 600 * DH_SEC);
    assert_int_equal(0, rig.peer.connection_count);
    rig_deinit(&rig);
}

// metadata.max.age.ms, and more often only when asked to; topics of no interest go.
static void test_updates_come_with_age(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    peer_add_topic(&rig.peer, "t", 1, 1);
    want(&rig, "t");
    peer_run(&rig.peer, 299 * DH_SEC);
    assert_int_equal(1, dh_cluster_updates(rig.cluster));
    uint64_t version = dh_cluster_version(rig.cluster);
    peer_run(&rig.peer, 2 * DH_SEC);
    assert_int_equal(2, dh_cluster_updates(rig.cluster));
    assert_int_equal(version, dh_cluster_version(rig.cluster));
    want(&rig, "t");
    dh_cluster_unwant(rig.cluster, "t");
    assert_non_null(dh_cluster_topic(rig.cluster, "t"));
    dh_cluster_unwant(rig.cluster, "t");
    dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
    peer_run(&rig.peer, 2 * DH_SEC);
    assert_null(dh_cluster_topic(rig.cluster, "t"));
    assert_true(dh_cluster_version(rig.cluster) > version);
    rig_deinit(&rig);
}

// CL-129, X-116: an older leader epoch changes nothing; a new topic id changes all.
static void test_stale_leaders_are_ignored(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    peer_add_node(&rig.peer, 2, "two", 9092);
    struct peer_topic *topic = peer_add_topic(&rig.peer, "t", 1, 1);
    topic->leader_epoch[0] = 5;
    want(&rig, "t");
    peer_run(&rig.peer, 1 * DH_SEC);
    topic->leader[0] = 2;
    topic->leader_epoch[0] = 4;
    dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
    peer_run(&rig.peer, 1 * DH_SEC);
    assert_int_equal(2, dh_cluster_updates(rig.cluster));
    assert_int_equal(1, dh_cluster_partition(rig.cluster, "t", 0)->leader);
    assert_int_equal(5, dh_cluster_partition(rig.cluster, "t", 0)->leader_epoch);
    topic->leader_epoch[0] = 6;
    dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
    peer_run(&rig.peer, 1 * DH_SEC);
    assert_int_equal(2, dh_cluster_partition(rig.cluster, "t", 0)->leader);
    // Created anew (CL-182): its epochs start over.
    struct dh_uuid old_id = topic->id;
    topic->id.bytes[3] = 99;
    topic->leader[0] = 1;
    topic->leader_epoch[0] = 0;
    dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
    peer_run(&rig.peer, 1 * DH_SEC);
    assert_int_equal(1, dh_cluster_partition(rig.cluster, "t", 0)->leader);
    assert_int_equal(0, dh_cluster_partition(rig.cluster, "t", 0)->leader_epoch);
    assert_null(dh_cluster_topic_by_id(rig.cluster, &old_id));
    assert_non_null(dh_cluster_topic_by_id(rig.cluster, &topic->id));
    rig_deinit(&rig);
}

// KIP-951: leaders told by a fetch count if they are newer.
static void test_leader_is_learned(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    struct peer_topic *topic = peer_add_topic(&rig.peer, "t", 1, 1);
    topic->leader_epoch[0] = 5;
    want(&rig, "t");
    peer_run(&rig.peer, 1 * DH_SEC);
    uint64_t version = dh_cluster_version(rig.cluster);
    dh_cluster_learn_leader(rig.cluster, &topic->id, NULL, 0, 2, 5, 0);
    dh_cluster_learn_leader(rig.cluster, &topic->id, NULL, 1, 2, 6, 0);
    dh_cluster_learn_leader(rig.cluster, NULL, "u", 0, 2, 6, 0);
    assert_int_equal(version, dh_cluster_version(rig.cluster));
    dh_cluster_learn_leader(rig.cluster, NULL, "t", 0, 2, 6, 0);
    assert_true(dh_cluster_version(rig.cluster) > version);
    assert_int_equal(2, dh_cluster_partition(rig.cluster, "t", 0)->leader);
    rig_deinit(&rig);
}

// CL-181: an unknown topic is asked for again, with a growing back-off (L7).
static void test_unknown_topic_is_asked_for_again(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    want(&rig, "t");
    peer_run(&rig.peer, 10 * DH_SEC);
    // 100, 200, 400, 800 ms, then a second each, +-20 %.
    assert_in_range(rig.peer.requests[DH_API_METADATA], 10, 17);
    assert_int_equal(3, dh_cluster_topic(rig.cluster, "t")->broker_code);
    assert_null(next_error(&rig));
    peer_add_topic(&rig.peer, "t", 2, 1);
    peer_run(&rig.peer, 2 * DH_SEC);
    assert_int_equal(2, dh_cluster_topic(rig.cluster, "t")->partition_count);
    size_t requests = rig.peer.requests[DH_API_METADATA];
    peer_run(&rig.peer, 10 * DH_SEC);
    assert_int_equal(requests, rig.peer.requests[DH_API_METADATA]);
    rig_deinit(&rig);
}

// The same for partitions without a leader.
static void test_missing_leader_is_asked_for_again(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    struct peer_topic *topic = peer_add_topic(&rig.peer, "t", 1, -1);
    want(&rig, "t");
    peer_run(&rig.peer, 1 * DH_SEC);
    assert_int_equal(DH_NODE_NONE, dh_cluster_partition(rig.cluster, "t", 0)->leader);
    topic->leader[0] = 1;
    peer_run(&rig.peer, 2 * DH_SEC);
    assert_int_equal(1, dh_cluster_partition(rig.cluster, "t", 0)->leader);
    rig_deinit(&rig);
}

static enum peer_verdict keep_creation(void *ctx, struct peer_request *request,
                                       void *response)
{
    (void)response;
    if (request->key == DH_API_METADATA) {
        *(bool *)ctx = ((const struct dh_metadata_request *)request->message)
                           ->allow_auto_topic_creation;
    }
    return PEER_SERVE;
}

//
static void test_topics_are_created_only_if_allowed(void **state)
{
    (void)state;
    static const char *const options[2][3] = {{"allow.auto.create.topics", "false", NULL},
                                              {"allow.auto.create.topics", "true", NULL}};
    for (int i = 0; i < 2; i++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", options[i]);
        peer_add_node(&rig.peer, 1, "one", 9092);
        bool is_allowed = i == 0;
        rig.peer.hook = keep_creation;
        rig.peer.hook_ctx = &is_allowed;
        want(&rig, "t");
        peer_run(&rig.peer, 1 * DH_MS);
        assert_int_equal(i == 1, is_allowed);
        rig_deinit(&rig);
    }
}

// API-149, X-174: told once; the other topics go on; told again after it was over.
static void test_refused_topic_is_told_once(void **state)
{
    (void)state;

    static const struct {
        int16_t broker_code;
        int code;
    } rows[] = {{29, DOHLE_ERR_TOPIC_AUTHORIZATION}, {17, DOHLE_ERR_INVALID_TOPIC}};

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", NULL);
        peer_add_node(&rig.peer, 1, "one", 9092);
        peer_add_topic(&rig.peer, "good", 1, 1);
        struct peer_topic *bad = peer_add_topic(&rig.peer, "bad", 1, 1);
        bad->error_code = rows[i].broker_code;
        want(&rig, "good");
        want(&rig, "bad");
        peer_run(&rig.peer, 1 * DH_SEC);
        assert_int_equal(1, dh_cluster_partition(rig.cluster, "good", 0)->leader);
        struct dh_notice_error *notice = next_error(&rig);
        assert_non_null(notice);
        assert_int_equal(rows[i].code, notice->error.code);
        assert_int_equal(rows[i].broker_code, notice->error.broker_code);
        assert_string_equal("bad", notice->error.topic);
        return_error(&rig, notice);
        peer_run(&rig.peer, 1000 * DH_SEC);
        assert_true(dh_cluster_updates(rig.cluster) >= 3);
        assert_null(next_error(&rig));
        bad->error_code = 0;
        peer_run(&rig.peer, 301 * DH_SEC);
        assert_int_equal(1, dh_cluster_partition(rig.cluster, "bad", 0)->leader);
        bad->error_code = rows[i].broker_code;
        peer_run(&rig.peer, 301 * DH_SEC);
        notice = next_error(&rig);
        assert_non_null(notice);
        return_error(&rig, notice);
        release_outbox(&rig);
        rig_deinit(&rig);
    }
}

// Who asks quietly reports it himself.
static void test_quiet_interest_tells_nobody(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    peer_add_topic(&rig.peer, "bad", 1, 1)->error_code = 29;
    assert_int_equal(0, dh_cluster_want_quietly(rig.cluster, "bad", rig.peer.now_ns));
    peer_run(&rig.peer, 1 * DH_SEC);
    assert_int_equal(29, dh_cluster_topic(rig.cluster, "bad")->broker_code);
    assert_null(next_error(&rig));
    want(&rig, "bad");
    struct dh_notice_error *notice = next_error(&rig);
    assert_non_null(notice);
    return_error(&rig, notice);
    release_outbox(&rig);
    dh_cluster_unwant_quietly(rig.cluster, "bad");
    rig_deinit(&rig);
}

// A list of all names topics that nobody asked for by name, and forgets those deleted.
static void test_all_topics_are_listed(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    peer_add_topic(&rig.peer, "a", 1, 1);
    peer_add_topic(&rig.peer, "b", 1, 1);
    want(&rig, "b");
    dh_cluster_want_all(rig.cluster, true, rig.peer.now_ns);
    peer_run(&rig.peer, 1 * DH_SEC);
    uintptr_t cursor = 0;
    assert_string_equal("a", dh_cluster_next_topic(rig.cluster, &cursor)->name);
    assert_string_equal("b", dh_cluster_next_topic(rig.cluster, &cursor)->name);
    assert_null(dh_cluster_next_topic(rig.cluster, &cursor));
    rig.peer.topic_count = 0;
    dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
    peer_run(&rig.peer, 300 * DH_MS);
    assert_null(dh_cluster_topic(rig.cluster, "a"));
    assert_int_equal(3, dh_cluster_topic(rig.cluster, "b")->broker_code);
    dh_cluster_want_all(rig.cluster, false, rig.peer.now_ns);
    rig_deinit(&rig);
}

// Interest that comes while the request is out is served by another one, at once.
static void test_new_interest_does_not_wait(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    peer_add_topic(&rig.peer, "a", 1, 1);
    peer_add_topic(&rig.peer, "b", 1, 1);
    want(&rig, "a");
    peer_run(&rig.peer, 1 * DH_MS);
    want(&rig, "b");
    struct dh_action action;
    assert_true(rig_next_action(&rig, &action, rig.peer.now_ns));
    want(&rig, "c");
    peer_on_action(&rig.peer, &action);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_non_null(dh_cluster_topic(rig.cluster, "a"));
    assert_non_null(dh_cluster_topic(rig.cluster, "b"));
    assert_non_null(dh_cluster_topic(rig.cluster, "c"));
    assert_int_equal(3, rig.peer.requests[DH_API_METADATA]);
    rig_deinit(&rig);
}

// A bootstrap address that is a broker keeps its connection.
static void test_bootstrap_connection_is_kept(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    struct peer_node *node = peer_add_node(&rig.peer, 1, "one", 9092);
    want(&rig, "t");
    peer_run(&rig.peer, 1 * DH_MS);
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_start(&op, 1, 1000);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(0, op.err);
    assert_int_equal(1, op.node_id);
    assert_int_equal(1, node->connects);
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// One that is not is closed once brokers are known.
static void test_bootstrap_connection_is_closed(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "boot:9092", NULL);
    peer_add_node(&rig.peer, -1, "boot", 9092);
    peer_add_node(&rig.peer, 1, "one", 9092);
    want(&rig, "t");
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(1, dh_cluster_updates(rig.cluster));
    assert_int_equal(0, peer_open_count(&rig.peer));
    rig_deinit(&rig);
}

// A broker that moves is found at its new address; what waits there goes on.
static void test_broker_moves(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    want(&rig, "t");
    peer_run(&rig.peer, 1 * DH_MS);
    peer_add_node(&rig.peer, -1, "elsewhere", 9099);
    rig.peer.nodes[0].id = -1;
    rig.peer.nodes[1].id = 1;
    dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
    peer_run(&rig.peer, 1 * DH_SEC);
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_start(&op, 1, 1000);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(1, op.replies);
    assert_int_equal(0, op.err);
    assert_int_equal(1, rig.peer.nodes[1].connects);
    assert_int_equal(1, peer_open_count(&rig.peer));
    // Gone: said at once.
    rig.peer.nodes[1].is_hidden = true;
    peer_add_node(&rig.peer, 2, "two", 9092);
    dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
    peer_run(&rig.peer, 1 * DH_SEC);
    rig_op_start(&op, 1, 1000);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(DOHLE_ERR_CONNECT, op.err);
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// CL-183, X-171, L8: every broker has another address; bootstrap.servers knows it.
static void test_rebootstrap_when_no_broker_is_left(void **state)
{
    (void)state;
    static const char *const options[2][3] = {
        {"metadata.recovery.strategy", "rebootstrap", NULL},
        {"metadata.recovery.strategy", "none", NULL},
    };
    for (int i = 0; i < 2; i++) {
        struct net_rig rig;
        rig_init(&rig, "boot:9092", options[i]);
        peer_add_node(&rig.peer, -1, "boot", 9092);
        peer_add_node(&rig.peer, 1, "old", 9092);
        peer_add_topic(&rig.peer, "t", 1, 1);
        want(&rig, "t");
        peer_run(&rig.peer, 1 * DH_SEC);
        rig.peer.nodes[1].reach[0] = PEER_REFUSES;
        rig.peer.nodes[1].id = -1;
        peer_add_node(&rig.peer, 1, "new", 9092);
        dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
        peer_run(&rig.peer, 5 * DH_SEC);
        assert_int_equal(i == 0 ? 2 : 1, dh_cluster_updates(rig.cluster));
        rig_deinit(&rig);
    }
}

static enum peer_verdict say_rebootstrap(void *ctx, struct peer_request *request,
                                         void *response)
{
    if (request->key != DH_API_METADATA || request->node_id != *(const int32_t *)ctx) {
        return PEER_SERVE;
    }
    ((struct dh_metadata_response *)response)->error_code = 129;
    return PEER_ANSWER;
}

// A broker that is a bootstrap address too is named once when it cannot be reached.
static void test_trouble_names_an_address_once(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    want(&rig, "t");
    peer_run(&rig.peer, 10 * DH_MS);
    rig.peer.nodes[0].reach[0] = PEER_REFUSES;
    peer_reset(&rig.peer, &rig.peer.connections[0], "reset");
    peer_run(&rig.peer, 5 * DH_SEC);
    assert_string_equal("one:9092 (node 1): connection refused",
                        dh_requests_last_trouble(rig.requests));
    rig_deinit(&rig);
}

// KIP-1102: the broker says so itself.
static void test_rebootstrap_when_told(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "boot:9092", NULL);
    peer_add_node(&rig.peer, -1, "boot", 9092);
    peer_add_node(&rig.peer, 1, "one", 9092);
    want(&rig, "t");
    peer_run(&rig.peer, 50 * DH_MS);
    int32_t node_id = 1;
    rig.peer.hook = say_rebootstrap;
    rig.peer.hook_ctx = &node_id;
    size_t connects = rig.peer.nodes[0].connects;
    dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
    peer_run(&rig.peer, 700 * DH_MS);
    assert_true(rig.peer.nodes[0].connects > connects);
    assert_true(dh_cluster_updates(rig.cluster) >= 2);
    rig_deinit(&rig);
}

static enum peer_verdict keep_metadata_silent(void *ctx, struct peer_request *request,
                                              void *response)
{
    (void)response;
    return request->key == DH_API_METADATA && request->node_id == *(const int32_t *)ctx
               ? PEER_SILENT
               : PEER_SERVE;
}

// metadata.recovery.rebootstrap.trigger.ms: it can be reached, but answers nothing.
static void test_rebootstrap_after_a_while(void **state)
{
    (void)state;
    static const char *const options[] = {"metadata.recovery.rebootstrap.trigger.ms",
                                          "60000", "metadata.max.age.ms", "10000", NULL};
    struct net_rig rig;
    rig_init(&rig, "boot:9092", options);
    peer_add_node(&rig.peer, -1, "boot", 9092);
    peer_add_node(&rig.peer, 1, "one", 9092);
    peer_add_topic(&rig.peer, "t", 1, 1);
    want(&rig, "t");
    peer_run(&rig.peer, 1 * DH_SEC);
    size_t connects = rig.peer.nodes[0].connects;
    int32_t node_id = 1;
    rig.peer.hook = keep_metadata_silent;
    rig.peer.hook_ctx = &node_id;
    peer_run(&rig.peer, 60 * DH_SEC);
    assert_int_equal(connects, rig.peer.nodes[0].connects);
    peer_run(&rig.peer, 70 * DH_SEC);
    assert_true(rig.peer.nodes[0].connects > connects);
    assert_true(dh_cluster_updates(rig.cluster) >= 2);
    rig_deinit(&rig);
}

// L7: requests in ten seconds under each kind of refusal, while somebody keeps asking.
static enum peer_verdict refuse_metadata(void *ctx, struct peer_request *request,
                                         void *response)
{
    (void)response;
    return request->key == DH_API_METADATA ? *(const enum peer_verdict *)ctx : PEER_SERVE;
}

static void test_requests_are_bounded(void **state)
{
    (void)state;

    static const enum peer_verdict verdicts[] = {
        PEER_SERVE,  // good answers that change nothing
        PEER_ANSWER, // no brokers at all
        PEER_RESET,
    };

    for (size_t i = 0; i < DH_COUNT_OF(verdicts); i++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", NULL);
        peer_add_node(&rig.peer, 1, "one", 9092);
        enum peer_verdict verdict = verdicts[i];
        rig.peer.hook = refuse_metadata;
        rig.peer.hook_ctx = &verdict;
        want(&rig, "t");
        for (int ms = 0; ms < 10000; ms += 10) {
            dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
            peer_run(&rig.peer, 10 * DH_MS);
        }
        assert_in_range(rig.peer.requests[DH_API_METADATA], 9, 18);
        rig_deinit(&rig);
    }
}

// Hostile answers: negative and huge partition numbers, no names.
static enum peer_verdict answer_nonsense(void *ctx, struct peer_request *request,
                                         void *response)
{
    (void)ctx;
    if (request->key != DH_API_METADATA) {
        return PEER_SERVE;
    }
    (void)peer_serve(request, response);
    struct dh_metadata_response *metadata = response;
    struct dh_metadata_response_topic *topic = &metadata->topics.items[0];
    topic->partitions.items[0].partition_index = -1;
    topic->partitions.items[1].partition_index = INT32_MAX;
    metadata->brokers.items[0].port = -1;
    return PEER_ANSWER;
}

static void test_hostile_partition_numbers(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    peer_add_topic(&rig.peer, "t", 3, 1);
    rig.peer.hook = answer_nonsense;
    want(&rig, "t");
    peer_run(&rig.peer, 50 * DH_MS);
    assert_int_equal(3, dh_cluster_topic(rig.cluster, "t")->partition_count);
    assert_int_equal(DH_NODE_NONE, dh_cluster_partition(rig.cluster, "t", 0)->leader);
    assert_int_equal(1, dh_cluster_partition(rig.cluster, "t", 2)->leader);
    assert_null(dh_cluster_partition(rig.cluster, "t", 3));
    assert_null(dh_cluster_partition(rig.cluster, "t", -1));
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics_are_learned_in_every_version),
        cmocka_unit_test(test_nothing_is_asked_without_interest),
        cmocka_unit_test(test_updates_come_with_age),
        cmocka_unit_test(test_stale_leaders_are_ignored),
        cmocka_unit_test(test_leader_is_learned),
        cmocka_unit_test(test_unknown_topic_is_asked_for_again),
        cmocka_unit_test(test_missing_leader_is_asked_for_again),
        cmocka_unit_test(test_topics_are_created_only_if_allowed),
        cmocka_unit_test(test_refused_topic_is_told_once),
        cmocka_unit_test(test_quiet_interest_tells_nobody),
        cmocka_unit_test(test_all_topics_are_listed),
        cmocka_unit_test(test_new_interest_does_not_wait),
        cmocka_unit_test(test_bootstrap_connection_is_kept),
        cmocka_unit_test(test_bootstrap_connection_is_closed),
        cmocka_unit_test(test_broker_moves),
        cmocka_unit_test(test_rebootstrap_when_no_broker_is_left),
        cmocka_unit_test(test_trouble_names_an_address_once),
        cmocka_unit_test(test_rebootstrap_when_told),
        cmocka_unit_test(test_rebootstrap_after_a_while),
        cmocka_unit_test(test_requests_are_bounded),
        cmocka_unit_test(test_hostile_partition_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
