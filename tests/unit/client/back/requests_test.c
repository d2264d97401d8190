// SPDX-License-Identifier: MIT
#include "client/back/requests.h"

#include "net_rig.h"

#include "client/back/connection.h"
#include "client/back/nodes.h"
#include "wire/gen/heartbeat.h"

// ---- Versions ----

// BR-001, CL-184, X-172: what the broker names is asked for next.
static void test_versions_are_negotiated(void **state)
{
    (void)state;

    static const struct {
        int16_t api_versions_max;
        int16_t heartbeat_max;
        size_t api_versions_requests;
        int err;
        int16_t heartbeat_version;
    } rows[] = {
        {5, 4, 1, 0, 4},
        {3, 4, 2, 0, 4},
        {0, 4, 2, 0, 4},
        {5, 2, 1, 0, 2},
        {5, 0, 1, 0, 0},
        {5, -1, 1, DOHLE_ERR_UNSUPPORTED_VERSION, -1}, // the API is not there at all
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", NULL);
        peer_add_node(&rig.peer, -1, "one", 9092);
        rig.peer.version_max[DH_API_API_VERSIONS] = rows[i].api_versions_max;
        rig.peer.version_max[DH_API_HEARTBEAT] = rows[i].heartbeat_max;
        struct rig_op op;
        rig_op_init(&op, &rig, &rig_heartbeat_class);
        rig_op_start(&op, DH_NODE_ANY, 1000);
        peer_run(&rig.peer, 10 * DH_MS);
        assert_int_equal(1, op.replies);
        assert_int_equal(rows[i].err, op.err);
        assert_int_equal(rows[i].heartbeat_version, op.version);
        assert_int_equal(rows[i].api_versions_requests,
                         rig.peer.requests[DH_API_API_VERSIONS]);
        rig_op_deinit(&op);
        rig_deinit(&rig);
    }
}

// An operation may bound the version it uses.
static void test_version_is_bounded_by_the_operation(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    op.op.version_max = 1;
    rig_op_start(&op, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 10 * DH_MS);
    assert_int_equal(1, op.version);
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// ---- Bytes ----

static void test_responses_are_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t piece_bytes = 1; piece_bytes < 40; piece_bytes++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", NULL);
        peer_add_node(&rig.peer, -1, "one", 9092);
        rig.peer.piece_bytes = piece_bytes;
        struct rig_op ops[3];
        for (size_t i = 0; i < 3; i++) {
            rig_op_init(&ops[i], &rig, &rig_heartbeat_class);
            rig_op_start(&ops[i], DH_NODE_ANY, 1000);
        }
        peer_run(&rig.peer, 10 * DH_MS);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(1, ops[i].replies);
            assert_int_equal(0, ops[i].err);
            rig_op_deinit(&ops[i]);
        }
        rig_deinit(&rig);
    }
}

// A large body is received where it stays: it does not fit into the staging buffer.
static void test_large_responses_go_straight_into_their_frame(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    char names[PEER_TOPICS_MAX][250];
    for (size_t i = 0; i < PEER_TOPICS_MAX; i++) {
        memset(names[i], 'a' + (int)i, sizeof(names[i]) - 1);
        names[i][sizeof(names[i]) - 1] = 0;
        peer_add_topic(&rig.peer, names[i], PEER_PARTITIONS_MAX, 1);
    }
    dh_cluster_want_all(rig.cluster, true, rig.peer.now_ns);
    peer_run(&rig.peer, 10 * DH_MS);
    assert_int_equal(1, dh_cluster_updates(rig.cluster));
    for (size_t i = 0; i < PEER_TOPICS_MAX; i++) {
        assert_int_equal(PEER_PARTITIONS_MAX,
                         dh_cluster_topic(rig.cluster, names[i])->partition_count);
    }
    rig_deinit(&rig);
}

// A reset after each number of bytes is survived, and the next attempt works.
static void test_reset_at_every_byte(void **state)
{
    (void)state;
    for (int64_t bytes = 0; bytes < 700; bytes++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", NULL);
        peer_add_node(&rig.peer, -1, "one", 9092);
        rig.peer.reset_after_bytes = bytes;
        struct rig_op op;
        rig_op_init(&op, &rig, &rig_heartbeat_class);
        op.settle_as = DH_SETTLED_RETRY;
        rig_op_start(&op, DH_NODE_ANY, 10000);
        peer_run(&rig.peer, 5000 * DH_MS);
        assert_int_equal(0, op.err);
        assert_true(op.replies == 1 || op.replies == 2);
        assert_int_equal(op.replies - 1, op.dues);
        rig_op_deinit(&op);
        rig_deinit(&rig);
    }
}

static enum peer_verdict answer_with_bytes(void *ctx, struct peer_request *request,
                                           void *response)
{
    (void)response;
    if (request->key != DH_API_HEARTBEAT) {
        return PEER_SERVE;
    }
    peer_send_raw(request->connection, *(const dohle_bytes *)ctx);
    return PEER_SILENT;
}

// X-177, P1 and hostile sizes: the connection is closed, the operation told why.
static void test_hostile_bytes_close_the_connection(void **state)
{
    (void)state;

    static const struct {
        const char *what;
        const char *bytes;
        size_t size;
        const char *text;
    } rows[] = {
        {"size 0", "\0\0\0\0", sizeof("\0\0\0\0") - 1, "a response of 0 bytes"},
        {"size 3", "\0\0\0\3", sizeof("\0\0\0\3") - 1, "a response of 3 bytes"},
        {"negative size", "\xff\xff\xff\xff", sizeof("\xff\xff\xff\xff") - 1,
         "a response of -1 bytes"},
        {"size 2 GiB", "\x7f\xff\xff\xff", sizeof("\x7f\xff\xff\xff") - 1,
         "a response of 2147483647 bytes"},
        {"wrong correlation id", "\0\0\0\x0b\0\0\1\0\0\0\0\0\0\0\0",
         sizeof("\0\0\0\x0b\0\0\1\0\0\0\0\0\0\0\0") - 1,
         "correlation id 256 that answers nothing"},
        {"cut short", "\0\0\0\5\0\0\0\2\0", sizeof("\0\0\0\5\0\0\0\2\0") - 1,
         "Heartbeat version 4"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", NULL);
        peer_add_node(&rig.peer, -1, "one", 9092);
        dohle_bytes bytes = {(const uint8_t *)rows[i].bytes, rows[i].size};
        rig.peer.hook = answer_with_bytes;
        rig.peer.hook_ctx = &bytes;
        struct rig_op op;
        rig_op_init(&op, &rig, &rig_heartbeat_class);
        rig_op_start(&op, DH_NODE_ANY, 1000);
        peer_run(&rig.peer, 1 * DH_MS);
        assert_int_equal(1, op.replies);
        assert_int_equal(DOHLE_ERR_PROTOCOL, op.err);
        if (strstr(op.text, rows[i].text) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].what, op.text,
                     rows[i].text);
        }
        assert_int_equal(1, rig.peer.closes);
        assert_int_equal(0, peer_open_count(&rig.peer));
        rig_op_deinit(&op);
        rig_deinit(&rig);
    }
}

// A TLS port, an HTTP server: said so, and no memory is spent on their "sizes".
static enum peer_verdict answer_as_tls(void *ctx, struct peer_request *request,
                                       void *response)
{
    (void)ctx;
    (void)response;
    peer_send_raw(request->connection, DH_BYTES("\x15\3\3\0\2\2\x46"));
    return PEER_SILENT;
}

static void test_another_protocol_is_recognised(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    rig.peer.hook = answer_as_tls;
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_start(&op, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(DOHLE_ERR_PROTOCOL, op.err);
    assert_string_equal(
        "one:9092 (bootstrap): a response of 352518912 bytes: not a Kafka "
        "broker, or its port wants TLS",
        op.text);
    assert_true(rig.memory.bytes_peak < 64 * 1024);
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// ---- Addresses, back-off, trouble ----

// all addresses of a name are tried before the attempt counts as failed.
static void test_all_addresses_of_a_name_are_tried(void **state)
{
    (void)state;

    static const enum peer_reach reaches[] = {PEER_REFUSES, PEER_HANGS};

    for (size_t i = 0; i < DH_COUNT_OF(reaches); i++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", NULL);
        struct peer_node *node = peer_add_node(&rig.peer, -1, "one", 9092);
        node->address_count = 3;
        node->reach[0] = reaches[i];
        node->reach[1] = reaches[i];
        struct rig_op op;
        rig_op_init(&op, &rig, &rig_heartbeat_class);
        rig_op_start(&op, DH_NODE_ANY, 40000);
        peer_run(&rig.peer, 30 * DH_SEC);
        assert_int_equal(1, op.replies);
        assert_int_equal(0, op.err);
        assert_int_equal(3, node->connects);
        assert_int_equal(1, rig.peer.resolves);
        assert_string_equal("", dh_requests_last_trouble(rig.requests));
        rig_op_deinit(&op);
        rig_deinit(&rig);
    }
}

static void test_failure_names_address_and_cause(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092,two:9093", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092)->reach[0] = PEER_REFUSES;
    peer_add_node(&rig.peer, -1, "two", 9093)->is_unresolvable = true;
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    op.settle_as = DH_SETTLED_RETRY;
    rig_op_start(&op, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 2 * DH_SEC);
    assert_string_equal("one:9092 (bootstrap): connection refused; two:9093 (bootstrap): "
                        "no such host",
                        dh_requests_last_trouble(rig.requests));
    // It is over when both can be reached.
    rig.peer.nodes[0].reach[0] = PEER_ACCEPTS;
    rig.peer.nodes[1].is_unresolvable = false;
    uint64_t version_before = dh_requests_trouble_version(rig.requests);
    peer_run(&rig.peer, 5 * DH_SEC);
    assert_int_equal(0, op.err);
    assert_true(dh_requests_trouble_version(rig.requests) > version_before);
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// How the last attempt ended is no cause of how this one does.
static void test_texts_do_not_grow(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    for (size_t i = 1; i <= 2; i++) {
        rig_op_start(&op, DH_NODE_ANY, 0);
        dh_alarms_run(&rig.alarms, rig.peer.now_ns); // before anything could be sent
        assert_int_equal(i, op.replies);
        assert_string_equal("no connection for Heartbeat within 0 ms", op.text);
    }
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// What waits for a connection that does not come up hears of it at its deadline at the
// latest, with the trouble as its text.
static void test_queued_operation_ends_at_its_deadline(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092)->reach[0] = PEER_HANGS;
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    int64_t started_ns = rig.peer.now_ns;
    rig_op_start(&op, DH_NODE_ANY, 700);
    peer_run(&rig.peer, 1 * DH_SEC);
    assert_int_equal(1, op.replies);
    assert_int_equal(DOHLE_ERR_TIMEOUT, op.err);
    assert_int_equal(started_ns + 700 * DH_MS, op.replied_ns);
    assert_string_equal("no connection for Heartbeat within 700 ms: "
                        "one:9092 (bootstrap): not connected yet",
                        op.text);
    // The socket itself was given up after about 10 s (CFG-051): now there is a cause.
    peer_run(&rig.peer, 13 * DH_SEC);
    rig_op_start(&op, DH_NODE_ANY, 10);
    peer_run(&rig.peer, 1 * DH_SEC);
    assert_int_equal(2, op.replies);
    assert_int_equal(DOHLE_ERR_TIMEOUT, op.err);
    assert_non_null(strstr(op.text, "one:9092 (bootstrap): not connected within"));
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// L7, CFG-050: attempts are counted over ten seconds of a refusing, a resetting and a
// nonsensical peer; they become rarer.
static enum peer_verdict reset_versions(void *ctx, struct peer_request *request,
                                        void *response)
{
    (void)ctx;
    (void)request;
    (void)response;
    return PEER_RESET;
}

static enum peer_verdict reset_heartbeats(void *ctx, struct peer_request *request,
                                          void *response)
{
    (void)ctx;
    (void)response;
    return request->key == DH_API_HEARTBEAT ? PEER_RESET : PEER_SERVE;
}

static void test_reconnecting_backs_off(void **state)
{
    (void)state;

    static const struct {
        enum peer_reach reach;
        peer_hook *hook;
    } rows[] = {
        {PEER_REFUSES, NULL},
        {PEER_ACCEPTS, reset_versions},
        {PEER_ACCEPTS, reset_heartbeats},
        {PEER_ACCEPTS, answer_as_tls},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct net_rig rig;
        static const char *const options[] = {"retry.backoff.ms", "0",
                                              "retry.backoff.max.ms", "0", NULL};
        rig_init(&rig, "one:9092", options);
        struct peer_node *node = peer_add_node(&rig.peer, -1, "one", 9092);
        node->reach[0] = rows[i].reach;
        rig.peer.hook = rows[i].hook;
        struct rig_op op;
        rig_op_init(&op, &rig, &rig_heartbeat_class);
        op.settle_as = DH_SETTLED_RETRY;
        rig_op_start(&op, DH_NODE_ANY, 60000);
        peer_run(&rig.peer, 10 * DH_SEC);
        // 50, 100, 200, 400, 800 ms, then a second each, all +-20 %.
        assert_in_range(node->connects, 11, 17);
        rig_op_deinit(&op);
        rig_deinit(&rig);
    }
}

static enum peer_verdict keep_silent(void *ctx, struct peer_request *request,
                                     void *response)
{
    (void)response;
    return request->key == *(const int16_t *)ctx ? PEER_SILENT : PEER_SERVE;
}

// CFG-051: the time allowed for a socket grows from attempt to attempt, 10, 20, 30 s.
static void test_setup_timeout_grows(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    struct peer_node *node = peer_add_node(&rig.peer, -1, "one", 9092);
    node->reach[0] = PEER_HANGS;
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_start(&op, DH_NODE_ANY, 300000);
    op.settle_as = DH_SETTLED_RETRY;
    peer_run(&rig.peer, 7900 * DH_MS);
    assert_int_equal(1, node->connects);
    peer_run(&rig.peer, 4600 * DH_MS); // 10 s, +-20 %
    assert_int_equal(2, node->connects);
    peer_run(&rig.peer, 15000 * DH_MS);
    assert_int_equal(2, node->connects);
    peer_run(&rig.peer, 10000 * DH_MS); // 20 s
    assert_int_equal(3, node->connects);
    peer_run(&rig.peer, 14000 * DH_MS);
    assert_int_equal(3, node->connects);
    peer_run(&rig.peer, 23000 * DH_MS); // 30 s
    assert_int_equal(4, node->connects);
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// The node to ask when any will do: one that is connected, before others.
static void test_any_node_is_the_best_one(void **state)
{
    (void)state;
    size_t firsts = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092,two:9092", NULL);
        rig.random.state = seed;
        peer_add_node(&rig.peer, -1, "one", 9092);
        peer_add_node(&rig.peer, -1, "two", 9092);
        struct rig_op op;
        rig_op_init(&op, &rig, &rig_heartbeat_class);
        for (int i = 0; i < 5; i++) {
            rig_op_start(&op, DH_NODE_ANY, 1000);
            peer_run(&rig.peer, 10 * DH_MS);
            assert_int_equal(0, op.err);
        }
        assert_int_equal(1, rig.peer.nodes[0].connects + rig.peer.nodes[1].connects);
        firsts += rig.peer.nodes[0].connects;
        rig_op_deinit(&op);
        rig_deinit(&rig);
    }
    assert_in_range(firsts, 8, 32);
}

// No more than DH_FLIGHTS_MAX are in flight; the others follow, in order.
static void test_flights_are_bounded(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    struct rig_op ops[DH_FLIGHTS_MAX + 3];
    int16_t silent_key = DH_API_HEARTBEAT;
    for (size_t i = 0; i < DH_COUNT_OF(ops); i++) {
        rig_op_init(&ops[i], &rig, &rig_heartbeat_class);
        rig_op_start(&ops[i], DH_NODE_ANY, 60000);
    }
    rig.peer.hook = keep_silent;
    rig.peer.hook_ctx = &silent_key;
    peer_run(&rig.peer, 100 * DH_MS);
    assert_int_equal(DH_FLIGHTS_MAX, rig.peer.requests[DH_API_HEARTBEAT]);
    assert_int_equal(DH_OP_IN_FLIGHT, ops[DH_FLIGHTS_MAX - 1].op.state);
    assert_int_equal(DH_OP_QUEUED, ops[DH_FLIGHTS_MAX].op.state);
    // The connection is lost: the queued ones go out on the next.
    rig.peer.hook = NULL;
    peer_reset(&rig.peer, &rig.peer.connections[0], "reset");
    peer_run(&rig.peer, 1000 * DH_MS);
    for (size_t i = 0; i < DH_COUNT_OF(ops); i++) {
        assert_int_equal(1, ops[i].replies);
        assert_int_equal(i < DH_FLIGHTS_MAX ? DOHLE_ERR_DISCONNECTED : 0, ops[i].err);
        rig_op_deinit(&ops[i]);
    }
    rig_deinit(&rig);
}

// ---- Deadlines ----

// No answer in time: the handler gets TIMEOUT, the others DISCONNECTED, the connection is
// closed; what was only queued goes out on the next one.
static void test_unanswered_request_closes_the_connection(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    int16_t silent_key = DH_API_HEARTBEAT;
    rig.peer.hook = keep_silent;
    rig.peer.hook_ctx = &silent_key;
    struct rig_op first;
    struct rig_op second;
    rig_op_init(&first, &rig, &rig_heartbeat_class);
    rig_op_init(&second, &rig, &rig_heartbeat_class);
    rig_op_start(&first, DH_NODE_ANY, 500);
    rig_op_start(&second, DH_NODE_ANY, 5000);
    peer_run(&rig.peer, 499 * DH_MS);
    assert_int_equal(0, first.replies);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(1, first.replies);
    assert_int_equal(DOHLE_ERR_TIMEOUT, first.err);
    assert_string_equal("one:9092 (bootstrap): no answer to Heartbeat within 500 ms",
                        first.text);
    assert_int_equal(1, second.replies);
    assert_int_equal(DOHLE_ERR_DISCONNECTED, second.err);
    assert_int_equal(1, rig.peer.closes);
    rig.peer.hook = NULL;
    rig_op_start(&first, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 200 * DH_MS);
    assert_int_equal(2, first.replies);
    assert_int_equal(0, first.err);
    rig_op_deinit(&first);
    rig_op_deinit(&second);
    rig_deinit(&rig);
}

static enum peer_verdict throttle(void *ctx, struct peer_request *request, void *response)
{
    if (request->key != DH_API_HEARTBEAT || request->version < 1) {
        return PEER_SERVE;
    }
    struct dh_heartbeat_response *heartbeat = response;
    heartbeat->throttle_time_ms = *(const int32_t *)ctx;
    return PEER_ANSWER;
}

// The loss of a connection that worked fails what was in flight; what was only queued (the
// node is throttled) waits for the next connection.
static void test_queued_operation_survives_a_lost_connection(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    int32_t throttle_ms = 1000;
    rig.peer.hook = throttle;
    rig.peer.hook_ctx = &throttle_ms;
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_start(&op, DH_NODE_ANY, 5000);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(1, op.replies);
    rig_op_start(&op, DH_NODE_ANY, 5000);
    peer_run(&rig.peer, 1 * DH_MS);
    peer_reset(&rig.peer, &rig.peer.connections[0], "reset");
    peer_run(&rig.peer, 500 * DH_MS);
    assert_int_equal(1, op.replies);
    peer_run(&rig.peer, 600 * DH_MS);
    assert_int_equal(2, op.replies);
    assert_int_equal(0, op.err);
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// A cancelled operation gets no reply, and its late response confuses nobody.
static void test_cancelled_operation_gets_no_reply(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    // Queued.
    rig_op_start(&op, DH_NODE_ANY, 1000);
    dh_op_cancel(&op.op, rig.requests);
    assert_int_equal(DH_OP_IDLE, op.op.state);
    peer_run(&rig.peer, 10 * DH_MS);
    assert_int_equal(0, op.fills);
    // In flight.
    rig_op_start(&op, DH_NODE_ANY, 1000);
    peer_settle(&rig.peer);
    assert_int_equal(1, op.replies);
    rig.peer.piece_bytes = 1;
    rig_op_start(&op, DH_NODE_ANY, 1000);
    struct dh_action action;
    assert_true(rig_next_action(&rig, &action, rig.peer.now_ns));
    peer_on_action(&rig.peer, &action);
    dh_op_cancel(&op.op, rig.requests);
    assert_int_equal(DH_OP_CANCELLED, op.op.state);
    assert_true(dh_op_is_busy(&op.op));
    peer_settle(&rig.peer);
    assert_int_equal(1, op.replies);
    assert_int_equal(DH_OP_IDLE, op.op.state);
    // Deinitialised while in flight.
    rig_op_start(&op, DH_NODE_ANY, 1000);
    assert_true(rig_next_action(&rig, &action, rig.peer.now_ns));
    peer_on_action(&rig.peer, &action);
    rig_op_deinit(&op);
    memset(&op, 0xee, sizeof(op));
    struct rig_op next;
    rig_op_init(&next, &rig, &rig_heartbeat_class);
    rig_op_start(&next, DH_NODE_ANY, 1000);
    peer_settle(&rig.peer);
    assert_int_equal(1, next.replies);
    assert_int_equal(0, next.err);
    rig_op_deinit(&next);
    rig_deinit(&rig);
}

// Nothing is known of the node: said outside of dh_op_start.
static void test_unknown_node_is_told(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_start(&op, 17, 1000);
    assert_int_equal(0, op.replies);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(1, op.replies);
    assert_int_equal(DOHLE_ERR_CONNECT, op.err);
    assert_string_equal("node 17 is not in the cluster", op.text);
    assert_false(dh_requests_is_ready(rig.requests, 17, DH_CHANNEL_FETCH, 0));
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// ---- Throttling ----

// CL-089, X-119: nothing more goes out on that connection; others are not concerned.
static void test_throttled_node_is_left_alone(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    int32_t throttle_ms = 1000;
    rig.peer.hook = throttle;
    rig.peer.hook_ctx = &throttle_ms;
    dh_cluster_want_all(rig.cluster, true, rig.peer.now_ns);
    peer_run(&rig.peer, 1 * DH_MS);
    static const struct dh_op_class on_coordinator_channel = {
        .name = "Heartbeat",
        .api_key = DH_API_HEARTBEAT,
        .channel = DH_CHANNEL_COORDINATOR,
        .fill = rig_op_fill,
        .on_reply = rig_op_on_reply,
        .on_due = rig_op_on_due,
    };
    struct rig_op op;
    struct rig_op other;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_init(&other, &rig, &on_coordinator_channel);
    rig_op_start(&op, 1, 5000);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(1, op.replies);
    int64_t until_ns = op.replied_ns + 1000 * DH_MS;
    assert_false(
        dh_requests_is_ready(rig.requests, 1, DH_CHANNEL_GENERAL, rig.peer.now_ns));
    assert_int_equal(until_ns, dh_requests_ready_at(rig.requests, 1, DH_CHANNEL_GENERAL,
                                                    rig.peer.now_ns));
    throttle_ms = 0;
    rig_op_start(&op, 1, 5000);
    rig_op_start(&other, 1, 5000);
    peer_run(&rig.peer, 990 * DH_MS);
    assert_int_equal(1, op.replies);
    assert_int_equal(1, other.replies);
    peer_run(&rig.peer, 20 * DH_MS);
    assert_int_equal(2, op.replies);
    assert_int_equal(until_ns, op.replied_ns);
    rig_op_deinit(&op);
    rig_op_deinit(&other);
    rig_deinit(&rig);
}

// ---- Connections that end ----

// CFG-052: closed for want of use, opened again without a word.
static void test_idle_connection_is_closed(void **state)
{
    (void)state;
    static const char *const options[] = {"connections.max.idle.ms", "5000", NULL};
    struct net_rig rig;
    rig_init(&rig, "one:9092", options);
    struct peer_node *node = peer_add_node(&rig.peer, -1, "one", 9092);
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_start(&op, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 3 * DH_SEC);
    rig_op_start(&op, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 4 * DH_SEC);
    assert_int_equal(1, peer_open_count(&rig.peer));
    peer_run(&rig.peer, 2 * DH_SEC);
    assert_int_equal(0, peer_open_count(&rig.peer));
    rig_op_start(&op, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 1 * DH_SEC);
    assert_int_equal(3, op.replies);
    assert_int_equal(0, op.err);
    assert_int_equal(2, node->connects);
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// One that somebody waits for is not idle, however long it takes.
static void test_awaited_connection_is_not_idle(void **state)
{
    (void)state;
    static const char *const options[] = {"connections.max.idle.ms", "5000", NULL};
    struct net_rig rig;
    rig_init(&rig, "one:9092", options);
    peer_add_node(&rig.peer, -1, "one", 9092);
    int16_t silent_key = DH_API_HEARTBEAT;
    rig.peer.hook = keep_silent;
    rig.peer.hook_ctx = &silent_key;
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_start(&op, DH_NODE_ANY, 60000);
    peer_run(&rig.peer, 50 * DH_SEC);
    assert_int_equal(0, op.replies);
    assert_int_equal(1, peer_open_count(&rig.peer));
    rig_op_deinit(&op);
    peer_run(&rig.peer, 10 * DH_SEC);
    assert_int_equal(0, peer_open_count(&rig.peer));
    rig_deinit(&rig);
}

// an idle connection that the broker closes is no trouble.
static void test_idle_connection_closed_by_the_broker(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    struct rig_op op;
    rig_op_init(&op, &rig, &rig_heartbeat_class);
    rig_op_start(&op, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 1 * DH_SEC);
    peer_reset(&rig.peer, &rig.peer.connections[0], "closed by the peer");
    assert_string_equal("", dh_requests_last_trouble(rig.requests));
    rig_op_start(&op, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 1 * DH_MS);
    assert_int_equal(2, op.replies);
    assert_int_equal(0, op.err);
    rig_op_deinit(&op);
    rig_deinit(&rig);
}

// Whoever gives up before anything has failed is told what has not come.
static void test_why_waiting(void **state)
{
    (void)state;

    static const struct {
        bool is_hanging;
        int16_t silent_key; // -1: none
        const char *expected;
    } rows[] = {
        {true, -1, "one:9092 (bootstrap): not connected yet"},
        {false, DH_API_API_VERSIONS,
         "one:9092 (bootstrap): connected, but no answer to ApiVersions yet"},
        {false, DH_API_HEARTBEAT, "one:9092 (bootstrap): no answer to Heartbeat yet"},
        {false, -1, ""},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct net_rig rig;
        rig_init(&rig, "one:9092", NULL);
        struct peer_node *node = peer_add_node(&rig.peer, -1, "one", 9092);
        node->reach[0] = rows[i].is_hanging ? PEER_HANGS : PEER_ACCEPTS;
        int16_t silent_key = rows[i].silent_key;
        rig.peer.hook = silent_key < 0 ? NULL : keep_silent;
        rig.peer.hook_ctx = &silent_key;
        struct rig_op op;
        rig_op_init(&op, &rig, &rig_heartbeat_class);
        rig_op_start(&op, DH_NODE_ANY, 5000);
        assert_string_equal("", dh_requests_why_waiting(rig.requests));
        peer_run(&rig.peer, 1 * DH_MS);
        assert_string_equal(rows[i].expected, dh_requests_why_waiting(rig.requests));
        // It is no failure (yet), so nobody is told unasked.
        assert_string_equal("", dh_requests_last_trouble(rig.requests));
        rig_op_deinit(&op);
        rig_deinit(&rig);
    }
}

// Everything ends, and the host has nothing left to look after.
static void test_close_ends_all(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, 1, "one", 9092);
    int16_t silent_key = DH_API_HEARTBEAT;
    rig.peer.hook = keep_silent;
    rig.peer.hook_ctx = &silent_key;
    dh_cluster_want_all(rig.cluster, true, rig.peer.now_ns);
    peer_run(&rig.peer, 1 * DH_MS);
    struct rig_op in_flight;
    struct rig_op queued;
    rig_op_init(&in_flight, &rig, &rig_heartbeat_class);
    rig_op_init(&queued, &rig, &rig_heartbeat_class);
    rig_op_start(&in_flight, 1, 1000);
    peer_run(&rig.peer, 1 * DH_MS);
    rig_op_start(&queued, 1, 1000);
    dh_requests_close(rig.requests, rig.peer.now_ns);
    assert_int_equal(DOHLE_ERR_CLOSED, in_flight.err);
    assert_int_equal(DOHLE_ERR_CLOSED, queued.err);
    assert_false(dh_requests_is_closed(rig.requests));
    peer_settle(&rig.peer);
    assert_true(dh_requests_is_closed(rig.requests));
    assert_int_equal(0, peer_open_count(&rig.peer));
    rig_op_start(&queued, 1, 1000);
    peer_settle(&rig.peer);
    assert_int_equal(2, queued.replies);
    assert_int_equal(DOHLE_ERR_CLOSED, queued.err);
    rig_op_deinit(&in_flight);
    rig_op_deinit(&queued);
    rig_deinit(&rig);
}

// R4: a small session with each allocation failing once and all after it.
// ---- Requests without a response ----

static bool op_is_silent(struct dh_op *op)
{
    (void)op;
    return true;
}

static enum dh_settled silent_op_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                          int64_t now_ns)
{
    struct rig_op *self = DH_CONTAINER_OF(op, struct rig_op, op);
    self->replies++;
    self->err = reply->err;
    self->replied_ns = now_ns;
    assert_null(reply->response);
    return DH_SETTLED_DONE;
}

// A heartbeat that the broker does not answer, and that says so.
static const struct dh_op_class silent_class = {
    .name = "Silence",
    .api_key = DH_API_HEARTBEAT,
    .channel = DH_CHANNEL_GENERAL,
    .fill = rig_op_fill,
    .on_reply = silent_op_on_reply,
    .on_due = rig_op_on_due,
    .is_silent = op_is_silent,
};

// Leaves every other heartbeat unanswered, the first one too.
static enum peer_verdict answer_every_other(void *ctx, struct peer_request *request,
                                            void *response)
{
    (void)response;
    size_t *seen = ctx;
    if (request->key != DH_API_HEARTBEAT) {
        return PEER_SERVE;
    }
    return (*seen)++ % 2 == 0 ? PEER_SILENT : PEER_ANSWER;
}

static void test_silent_requests_end_when_they_are_written(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    size_t seen = 0;
    rig.peer.hook = answer_every_other;
    rig.peer.hook_ctx = &seen;
    struct rig_op ops[8];
    for (size_t i = 0; i < DH_COUNT_OF(ops); i++) {
        rig_op_init(&ops[i], &rig, i % 2 == 0 ? &silent_class : &rig_heartbeat_class);
    }
    for (int round = 1; round <= 3; round++) {
        // All go out in one piece; the answers are those of the others.
        for (size_t i = 0; i < DH_COUNT_OF(ops); i++) {
            rig_op_start(&ops[i], DH_NODE_ANY, 1000);
        }
        peer_run(&rig.peer, 10 * DH_MS);
        for (size_t i = 0; i < DH_COUNT_OF(ops); i++) {
            assert_int_equal(round, ops[i].replies);
            assert_int_equal(0, ops[i].err);
        }
    }
    // Alone, with no answer that would tell: the write is enough.
    seen = 0;
    rig_op_start(&ops[2], DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 10 * DH_MS);
    assert_int_equal(4, ops[2].replies);
    // Cancelled before it is written: no reply, and the next one still finds its answer.
    rig_op_start(&ops[0], DH_NODE_ANY, 1000);
    dh_op_cancel(&ops[0].op, rig.requests);
    seen = 1;
    rig_op_start(&ops[1], DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 10 * DH_MS);
    assert_int_equal(3, ops[0].replies);
    assert_int_equal(4, ops[1].replies);
    assert_int_equal(1, peer_open_count(&rig.peer));
    for (size_t i = 0; i < DH_COUNT_OF(ops); i++) {
        rig_op_deinit(&ops[i]);
    }
    rig_deinit(&rig);
}

// The write ends, as the host tells it, after the answer to a later request was read.
static void test_an_answer_may_overtake_the_end_of_a_write(void **state)
{
    (void)state;
    struct net_rig rig;
    rig_init(&rig, "one:9092", NULL);
    peer_add_node(&rig.peer, -1, "one", 9092);
    size_t seen = 0;
    rig.peer.hook = answer_every_other;
    rig.peer.hook_ctx = &seen;
    struct rig_op silent;
    struct rig_op other;
    rig_op_init(&silent, &rig, &silent_class);
    rig_op_init(&other, &rig, &rig_heartbeat_class);
    // The connection is made ready first, so that both go out together.
    seen = 1;
    rig_op_start(&other, DH_NODE_ANY, 1000);
    peer_run(&rig.peer, 10 * DH_MS);
    assert_int_equal(1, other.replies);
    seen = 0;
    rig_op_start(&silent, DH_NODE_ANY, 1000);
    rig_op_start(&other, DH_NODE_ANY, 1000);
    struct dh_action action;
    assert_true(dh_requests_next_action(rig.requests, &action, rig.peer.now_ns));
    assert_int_equal(DH_ACTION_SEND, action.kind);
    struct peer_connection *connection = peer_connection(&rig.peer, action.connection_id);
    assert_non_null(connection);
    DH_ASSERT(connection != NULL); // which the compiler understands
    dh_buf_append(&connection->in, action.bytes.data, action.bytes.size);
    peer_take_bytes(&rig.peer, connection);
    while (peer_deliver_piece(&rig.peer, connection)) {
    }
    assert_int_equal(1, silent.replies);
    assert_int_equal(2, other.replies);
    dh_requests_on_sent(rig.requests, action.connection_id, rig.peer.now_ns);
    peer_run(&rig.peer, 10 * DH_MS);
    assert_int_equal(1, silent.replies);
    assert_int_equal(1, peer_open_count(&rig.peer));
    rig_op_deinit(&silent);
    rig_op_deinit(&other);
    rig_deinit(&rig);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    size_t fail_at = 1;
    for (bool has_failed = true; has_failed; fail_at++) {
        struct net_rig rig;
        int err = rig_init_failing_at(&rig, "one:9092,two:9093", NULL, fail_at);
        peer_add_node(&rig.peer, 1, "one", 9092);
        peer_add_node(&rig.peer, 2, "two", 9093);
        peer_add_topic(&rig.peer, "t", 2, 2);
        if (err == 0 && dh_cluster_want(rig.cluster, "t", rig.peer.now_ns) == 0) {
            peer_run(&rig.peer, 500 * DH_MS);
            has_failed = dh_cluster_updates(rig.cluster) == 0;
            // When there is memory again, all goes on.
            rig.memory.fail_at = 0;
            peer_run(&rig.peer, 5 * DH_SEC);
            assert_true(dh_cluster_updates(rig.cluster) > 0);
            assert_int_equal(2, dh_cluster_partition(rig.cluster, "t", 1)->leader);
            dh_cluster_unwant(rig.cluster, "t");
        }
        rig_deinit(&rig);
        assert_true(fail_at < 200);
    }
    assert_true(fail_at > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_are_negotiated),
        cmocka_unit_test(test_version_is_bounded_by_the_operation),
        cmocka_unit_test(test_responses_are_read_in_pieces_of_any_size),
        cmocka_unit_test(test_large_responses_go_straight_into_their_frame),
        cmocka_unit_test(test_reset_at_every_byte),
        cmocka_unit_test(test_hostile_bytes_close_the_connection),
        cmocka_unit_test(test_another_protocol_is_recognised),
        cmocka_unit_test(test_all_addresses_of_a_name_are_tried),
        cmocka_unit_test(test_failure_names_address_and_cause),
        cmocka_unit_test(test_texts_do_not_grow),
        cmocka_unit_test(test_queued_operation_ends_at_its_deadline),
        cmocka_unit_test(test_reconnecting_backs_off),
        cmocka_unit_test(test_setup_timeout_grows),
        cmocka_unit_test(test_any_node_is_the_best_one),
        cmocka_unit_test(test_flights_are_bounded),
        cmocka_unit_test(test_unanswered_request_closes_the_connection),
        cmocka_unit_test(test_queued_operation_survives_a_lost_connection),
        cmocka_unit_test(test_cancelled_operation_gets_no_reply),
        cmocka_unit_test(test_unknown_node_is_told),
        cmocka_unit_test(test_throttled_node_is_left_alone),
        cmocka_unit_test(test_idle_connection_is_closed),
        cmocka_unit_test(test_awaited_connection_is_not_idle),
        cmocka_unit_test(test_idle_connection_closed_by_the_broker),
        cmocka_unit_test(test_why_waiting),
        cmocka_unit_test(test_close_ends_all),
        cmocka_unit_test(test_silent_requests_end_when_they_are_written),
        cmocka_unit_test(test_an_answer_may_overtake_the_end_of_a_write),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
