// SPDX-License-Identifier: MIT
/*
 * A cluster in memory for tests of what speaks to brokers: it resolves names,
 * accepts connections, decodes requests and encodes responses with the wire
 * layer, and moves time forward. What it serves is a plain description; what a
 * test wants otherwise, it says in a hook, request by request.
 *
 *     struct scripted_peer peer;
 *     peer_init(&peer, &engine);              engine: the calls of the side under test
 *     peer_add_node(&peer, 1, "one", 9092);
 *     peer_add_topic(&peer, "t", 2, 1);
 *     peer.hook = my_hook;                    optional
 *     peer_run(&peer, 1000 * DH_MS);          until then, in virtual time
 *
 * Bytes go to the engine in pieces of at most `piece_bytes`, so that every split
 * can be tried. Everything happens in a fixed order.
 */
#ifndef DH_TESTS_UNIT_CLIENT_SCRIPTED_PEER_H
#define DH_TESTS_UNIT_CLIENT_SCRIPTED_PEER_H

#include "../test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"
#include "client/back/action.h"
#include "wire/api.h"
#include "wire/envelope.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/metadata.h"

#define PEER_NODES_MAX       8
#define PEER_ADDRESSES_MAX   4
#define PEER_TOPICS_MAX      16
#define PEER_PARTITIONS_MAX  16
#define PEER_CONNECTIONS_MAX 512

// The engine's side, as in client/back/back.h.
struct peer_engine {
    void *engine;
    bool (*next_action)(void *engine, struct dh_action *action, int64_t now_ns);
    void (*on_resolved)(void *engine, uint32_t connection_id,
                        const struct dh_address *addresses, size_t count, int err,
                        const char *text, int64_t now_ns);
    void (*on_connected)(void *engine, uint32_t connection_id, int64_t now_ns);
    void (*on_closed)(void *engine, uint32_t connection_id, int err, const char *text,
                      int64_t now_ns);
    bool (*receive_buffer)(void *engine, uint32_t connection_id, uint8_t **pointer,
                           size_t *capacity);
    void (*on_received)(void *engine, uint32_t connection_id, size_t size,
                        int64_t now_ns);
    void (*on_sent)(void *engine, uint32_t connection_id, int64_t now_ns);
    int64_t (*deadline)(void *engine);
    void (*tick)(void *engine, int64_t now_ns);
    void (*after_turn)(void *engine, int64_t now_ns); // takes events; NULL: nothing
};

// What an address does with a connection.
enum peer_reach {
    PEER_ACCEPTS,
    PEER_REFUSES,
    PEER_HANGS, // neither connected nor refused
};

struct peer_node {
    int32_t id; // -1: answers, but is in no metadata (a bootstrap address)
    const char *host;
    int32_t port;
    bool is_unresolvable;
    bool is_hidden; // in no metadata
    size_t address_count;
    enum peer_reach reach[PEER_ADDRESSES_MAX];
    size_t connects; // attempts seen
};

struct peer_topic {
    const char *name;
    struct dh_uuid id;
    int16_t error_code;
    bool is_internal;
    int32_t partition_count;
    int32_t leader[PEER_PARTITIONS_MAX];
    int32_t leader_epoch[PEER_PARTITIONS_MAX];
};

struct peer_connection {
    uint32_t id;
    size_t node;    // index
    size_t address; // index
    bool is_open;
    bool is_connecting;
    struct dh_buf in;      // sent by the engine, not yet cut into requests
    struct dh_buf out;     // responses on their way
    size_t out_taken;      // of them, handed over
    int64_t stalled_until; // nothing is handed over before
};

struct peer_request {
    struct scripted_peer *peer;
    struct peer_connection *connection;
    int32_t node_id;
    int16_t key;
    int16_t version;
    int32_t correlation_id;
    dohle_bytes client_id;
    const void *message;
    struct dh_arena *arena; // for what the response points to
};

enum peer_verdict {
    PEER_ANSWER, // as the hook has filled the response in
    PEER_SERVE,  // as the description says
    PEER_SILENT, // never
    PEER_RESET,  // the connection is closed instead
};

typedef enum peer_verdict peer_hook(void *ctx, struct peer_request *request,
                                    void *response);

// May spoil the bytes of an encoded response, which follow the correlation id.
typedef void peer_spoiler(void *ctx, const struct peer_request *request, uint8_t *bytes,
                          size_t size);

struct scripted_peer {
    struct peer_engine engine;
    int64_t now_ns;
    size_t piece_bytes; // 0: all at once
    struct peer_node nodes[PEER_NODES_MAX];
    size_t node_count;
    struct peer_topic topics[PEER_TOPICS_MAX];
    size_t topic_count;
    int32_t coordinator; // node id
    int16_t coordinator_error;
    int16_t version_max[DH_API_KEY_END]; // what the brokers advertise; -1: nothing
    peer_hook *hook;
    peer_spoiler *spoiler;
    void *hook_ctx; // of both
    struct peer_connection connections[PEER_CONNECTIONS_MAX];
    size_t connection_count;
    size_t requests[DH_API_KEY_END]; // seen, by key
    size_t closes;                   // by the engine
    size_t resolves;
    int64_t reset_after_bytes; // the connection is reset when so many were handed over
    struct dh_arena arena;
};

static inline void peer_init(struct scripted_peer *peer, const struct peer_engine *engine)
{
    memset(peer, 0, sizeof(*peer));
    peer->engine = *engine;
    peer->now_ns = 1000 * DH_SEC;
    peer->coordinator = -1;
    peer->reset_after_bytes = -1;
    for (int16_t key = 0; key < DH_API_KEY_END; key++) {
        const struct dh_api *api = dh_api_find(key);
        peer->version_max[key] = api == NULL ? -1 : api->request->versions.max;
    }
    dh_arena_init(&peer->arena, dh_mem_default(), 0);
}

static inline void peer_deinit(struct scripted_peer *peer)
{
    for (size_t i = 0; i < peer->connection_count; i++) {
        dh_buf_deinit(&peer->connections[i].in);
        dh_buf_deinit(&peer->connections[i].out);
    }
    dh_arena_deinit(&peer->arena);
}

static inline struct peer_node *peer_add_node(struct scripted_peer *peer, int32_t id,
                                              const char *host, int32_t port)
{
    assert_true(peer->node_count < PEER_NODES_MAX);
    struct peer_node *node = &peer->nodes[peer->node_count++];
    *node = (struct peer_node){.id = id, .host = host, .port = port, .address_count = 1};
    return node;
}

static inline struct peer_topic *peer_add_topic(struct scripted_peer *peer,
                                                const char *name, int32_t partition_count,
                                                int32_t leader)
{
    assert_true(peer->topic_count < PEER_TOPICS_MAX);
    struct peer_topic *topic = &peer->topics[peer->topic_count++];
    *topic = (struct peer_topic){.name = name, .partition_count = partition_count};
    topic->id.bytes[0] = (uint8_t)peer->topic_count;
    topic->id.bytes[15] = 7;
    for (int32_t i = 0; i < partition_count; i++) {
        topic->leader[i] = leader;
    }
    return topic;
}

static inline struct peer_topic *peer_find_topic(struct scripted_peer *peer,
                                                 dohle_bytes name)
{
    for (size_t i = 0; i < peer->topic_count; i++) {
        if (dh_bytes_equal(name, dh_bytes_of(peer->topics[i].name))) {
            return &peer->topics[i];
        }
    }
    return NULL;
}

static inline struct peer_node *peer_find_node(struct scripted_peer *peer, int32_t id)
{
    for (size_t i = 0; i < peer->node_count; i++) {
        if (peer->nodes[i].id == id) {
            return &peer->nodes[i];
        }
    }
    return NULL;
}

// ---- What it serves ----

static inline void *peer_alloc(struct peer_request *request, size_t count, size_t size)
{
    void *items = dh_arena_calloc(request->arena, count, size);
    assert_non_null(items);
    return items;
}

static inline void peer_serve_versions(struct peer_request *request,
                                       struct dh_api_versions_response *response)
{
    const int16_t *version_max = request->peer->version_max;
    response->api_keys.items =
        peer_alloc(request, DH_API_KEY_END, sizeof(*response->api_keys.items));
    for (int16_t key = 0; key < DH_API_KEY_END; key++) {
        const struct dh_api *api = dh_api_find(key);
        if (api != NULL && version_max[key] >= 0) {
            response->api_keys.items[response->api_keys.count++] =
                (struct dh_api_versions_response_api_key){
                    .api_key = key,
                    .min_version = api->request->versions.min,
                    .max_version = version_max[key]};
        }
    }
}

static inline void peer_describe_topic(struct peer_request *request,
                                       const struct peer_topic *topic,
                                       struct dh_metadata_response_topic *out)
{
    dh_struct_init(&dh_metadata_response_topic_struct, out);
    out->name = dh_bytes_of(topic->name);
    out->error_code = topic->error_code;
    out->is_internal = topic->is_internal;
    out->is_internal = topic->is_internal;
    if (request->version >= 10) {
        out->topic_id = topic->id;
    }
    if (topic->error_code != 0) {
        return;
    }
    out->partitions.items = peer_alloc(request, (size_t)topic->partition_count,
                                       sizeof(*out->partitions.items));
    out->partitions.count = topic->partition_count;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        struct dh_metadata_response_topic_partition *partition =
            &out->partitions.items[i];
        dh_struct_init(&dh_metadata_response_topic_partition_struct, partition);
        partition->partition_index = i;
        partition->leader_id = topic->leader[i];
        partition->error_code = topic->leader[i] < 0 ? 5 : 0; // LEADER_NOT_AVAILABLE
        if (request->version >= 7) {
            partition->leader_epoch = topic->leader_epoch[i];
        }
    }
}

static inline void peer_serve_metadata(struct peer_request *request,
                                       struct dh_metadata_response *response)
{
    struct scripted_peer *peer = request->peer;
    const struct dh_metadata_request *asked = request->message;
    response->brokers.items =
        peer_alloc(request, PEER_NODES_MAX, sizeof(*response->brokers.items));
    for (size_t i = 0; i < peer->node_count; i++) {
        const struct peer_node *node = &peer->nodes[i];
        if (node->id >= 0 && !node->is_hidden) {
            struct dh_metadata_response_broker *broker =
                &response->brokers.items[response->brokers.count++];
            dh_struct_init(&dh_metadata_response_broker_struct, broker);
            broker->node_id = node->id;
            broker->host = dh_bytes_of(node->host);
            broker->port = node->port;
        }
    }
    bool is_all = asked->topics.count < 0;
    size_t count = is_all ? peer->topic_count : (size_t)asked->topics.count;
    response->topics.items = peer_alloc(request, count, sizeof(*response->topics.items));
    response->topics.count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct dh_metadata_response_topic *out = &response->topics.items[i];
        const struct peer_topic *topic =
            is_all ? &peer->topics[i]
                   : peer_find_topic(peer, asked->topics.items[i].name);
        if (topic != NULL) {
            peer_describe_topic(request, topic, out);
        } else {
            dh_struct_init(&dh_metadata_response_topic_struct, out);
            out->name = asked->topics.items[i].name;
            out->error_code = 3; // UNKNOWN_TOPIC_OR_PARTITION
        }
    }
}

static inline void peer_serve_coordinator(struct peer_request *request,
                                          struct dh_find_coordinator_response *response)
{
    struct scripted_peer *peer = request->peer;
    const struct peer_node *node = peer_find_node(peer, peer->coordinator);
    int16_t error_code = peer->coordinator_error;
    if (error_code == 0 && node == NULL) {
        error_code = 15; // COORDINATOR_NOT_AVAILABLE
    }
    int32_t node_id = error_code == 0 ? node->id : -1;
    dohle_bytes host = error_code == 0 ? dh_bytes_of(node->host) : DH_BYTES("");
    int32_t port = error_code == 0 ? node->port : -1;
    if (request->version < 4) {
        response->error_code = error_code;
        response->node_id = node_id;
        response->host = host;
        response->port = port;
        return;
    }
    const struct dh_find_coordinator_request *asked = request->message;
    response->coordinators.items =
        peer_alloc(request, 1, sizeof(*response->coordinators.items));
    response->coordinators.count = 1;
    struct dh_find_coordinator_response_coordinator *out =
        &response->coordinators.items[0];
    dh_struct_init(&dh_find_coordinator_response_coordinator_struct, out);
    out->key = asked->coordinator_keys.items[0];
    out->error_code = error_code;
    out->node_id = node_id;
    out->host = host;
    out->port = port;
}

static inline enum peer_verdict peer_serve(struct peer_request *request, void *response)
{
    switch (request->key) {
    case DH_API_API_VERSIONS: peer_serve_versions(request, response); break;
    case DH_API_METADATA: peer_serve_metadata(request, response); break;
    case DH_API_FIND_COORDINATOR: peer_serve_coordinator(request, response); break;
    default: break; // the defaults of the response
    }
    return PEER_ANSWER;
}

// ---- Connections ----

static inline struct peer_connection *peer_connection(struct scripted_peer *peer,
                                                      uint32_t id)
{
    for (size_t i = 0; i < peer->connection_count; i++) {
        if (peer->connections[i].id == id) {
            return &peer->connections[i];
        }
    }
    return NULL;
}

// The peer closes, or the network does: the engine is told.
static inline void peer_reset(struct scripted_peer *peer,
                              struct peer_connection *connection, const char *text)
{
    if (connection->is_open || connection->is_connecting) {
        connection->is_open = false;
        connection->is_connecting = false;
        peer->engine.on_closed(peer->engine.engine, connection->id, -1, text,
                               peer->now_ns);
    }
}

// Puts raw bytes on their way to the engine.
static inline void peer_send_raw(struct peer_connection *connection, dohle_bytes bytes)
{
    dh_buf_append(&connection->out, bytes.data, bytes.size);
}

/*
 * An unknown version of ApiVersions is answered with UNSUPPORTED_VERSION in version
 * 0, naming ApiVersions (BR-001).
 */
static inline void peer_refuse_version(struct scripted_peer *peer,
                                       struct peer_connection *connection,
                                       int32_t correlation_id)
{
    struct dh_api_versions_response response;
    dh_message_init(&dh_api_versions_response_type, &response);
    struct dh_api_versions_response_api_key range = {
        .api_key = DH_API_API_VERSIONS,
        .min_version = 0,
        .max_version = peer->version_max[DH_API_API_VERSIONS]};
    response.error_code = 35;
    response.api_keys.items = &range;
    response.api_keys.count = 1;
    assert_int_equal(0, dh_envelope_encode_response(&connection->out, DH_API_API_VERSIONS,
                                                    0, correlation_id, &response));
}

static inline void peer_handle(struct scripted_peer *peer,
                               struct peer_connection *connection, dohle_bytes frame)
{
    struct dh_reader reader;
    dh_reader_init(&reader, frame);
    struct dh_request_header header;
    assert_int_equal(0, dh_envelope_decode_request_header(&reader, &header));
    peer->requests[header.request_api_key]++;
    if (header.request_api_version > peer->version_max[header.request_api_key]) {
        assert_int_equal(DH_API_API_VERSIONS, header.request_api_key);
        peer_refuse_version(peer, connection, header.correlation_id);
        return;
    }
    const struct dh_api *api = dh_api_find(header.request_api_key);
    assert_non_null(api);
    dh_arena_reset(&peer->arena);
    void *message = dh_arena_alloc(&peer->arena, api->request->body.size);
    void *response = dh_arena_alloc(&peer->arena, api->response->body.size);
    assert_int_equal(0, dh_message_decode(api->request, header.request_api_version,
                                          &reader, &peer->arena, message));
    assert_int_equal(0, dh_reader_left(&reader)); // P4: nothing behind it
    dh_message_init(api->response, response);
    struct peer_request request = {.peer = peer,
                                   .connection = connection,
                                   .node_id = peer->nodes[connection->node].id,
                                   .key = header.request_api_key,
                                   .version = header.request_api_version,
                                   .correlation_id = header.correlation_id,
                                   .client_id = header.client_id,
                                   .message = message,
                                   .arena = &peer->arena};
    enum peer_verdict verdict =
        peer->hook == NULL ? PEER_SERVE : peer->hook(peer->hook_ctx, &request, response);
    if (verdict == PEER_SERVE) {
        verdict = peer_serve(&request, response);
    }
    if (verdict == PEER_ANSWER) {
        size_t start = connection->out.size;
        assert_int_equal(
            0, dh_envelope_encode_response(&connection->out, request.key, request.version,
                                           request.correlation_id, response));
        if (peer->spoiler != NULL) {
            start += 8; // the size and the correlation id
            peer->spoiler(peer->hook_ctx, &request, connection->out.data + start,
                          connection->out.size - start);
        }
    } else if (verdict == PEER_RESET) {
        peer_reset(peer, connection, "reset by the script");
    }
}

static inline void peer_take_bytes(struct scripted_peer *peer,
                                   struct peer_connection *connection)
{
    size_t at = 0;
    while (connection->is_open && connection->in.size - at >= 4) {
        const uint8_t *data = connection->in.data + at;
        size_t size = (size_t)data[0] << 24 | (size_t)data[1] << 16 |
                      (size_t)data[2] << 8 | data[3];
        if (connection->in.size - at - 4 < size) {
            break;
        }
        at += 4 + size;
        peer_handle(peer, connection, (dohle_bytes){data + 4, size});
    }
    size_t left = connection->in.size - at;
    memmove(connection->in.data, connection->in.data + at, left);
    connection->in.size = left;
}

static inline void peer_on_resolve(struct scripted_peer *peer,
                                   const struct dh_action *action)
{
    peer->resolves++;
    struct dh_address addresses[PEER_ADDRESSES_MAX];
    memset(addresses, 0, sizeof(addresses));
    for (size_t i = 0; i < peer->node_count; i++) {
        const struct peer_node *node = &peer->nodes[i];
        if (strcmp(node->host, action->host) != 0 || node->port != action->port ||
            node->is_unresolvable) {
            continue;
        }
        for (size_t j = 0; j < node->address_count; j++) {
            addresses[j].size = 2;
            addresses[j].bytes[0] = (uint8_t)i;
            addresses[j].bytes[1] = (uint8_t)j;
        }
        peer->engine.on_resolved(peer->engine.engine, action->connection_id, addresses,
                                 node->address_count, 0, "", peer->now_ns);
        return;
    }
    peer->engine.on_resolved(peer->engine.engine, action->connection_id, NULL, 0, -1,
                             "no such host", peer->now_ns);
}

static inline void peer_on_connect(struct scripted_peer *peer,
                                   const struct dh_action *action)
{
    assert_true(peer->connection_count < PEER_CONNECTIONS_MAX);
    struct peer_connection *connection = &peer->connections[peer->connection_count++];
    *connection = (struct peer_connection){.id = action->connection_id,
                                           .node = action->address.bytes[0],
                                           .address = action->address.bytes[1]};
    dh_buf_init(&connection->in, dh_mem_default(), 0);
    dh_buf_init(&connection->out, dh_mem_default(), 0);
    struct peer_node *node = &peer->nodes[connection->node];
    node->connects++;
    connection->is_connecting = true;
    switch (node->reach[connection->address]) {
    case PEER_ACCEPTS:
        connection->is_connecting = false;
        connection->is_open = true;
        peer->engine.on_connected(peer->engine.engine, connection->id, peer->now_ns);
        break;
    case PEER_REFUSES: peer_reset(peer, connection, "connection refused"); break;
    case PEER_HANGS: break;
    }
}

static inline void peer_on_action(struct scripted_peer *peer,
                                  const struct dh_action *action)
{
    struct peer_connection *connection = peer_connection(peer, action->connection_id);
    switch (action->kind) {
    case DH_ACTION_RESOLVE: peer_on_resolve(peer, action); break;
    case DH_ACTION_CONNECT: peer_on_connect(peer, action); break;
    case DH_ACTION_SEND:
        assert_non_null(connection);
        assert_true(connection->is_open);
        dh_buf_append(&connection->in, action->bytes.data, action->bytes.size);
        peer->engine.on_sent(peer->engine.engine, connection->id, peer->now_ns);
        peer_take_bytes(peer, connection);
        break;
    case DH_ACTION_CLOSE:
        peer->closes++;
        if (connection != NULL) {
            connection->is_open = false;
            connection->is_connecting = false;
        }
        break;
    }
}

// Hands one piece to the engine. False: there is none.
static inline bool peer_deliver_piece(struct scripted_peer *peer,
                                      struct peer_connection *connection)
{
    size_t left = connection->out.size - connection->out_taken;
    if (!connection->is_open || left == 0 || connection->stalled_until > peer->now_ns) {
        return false;
    }
    if (peer->reset_after_bytes == 0) {
        peer->reset_after_bytes = -1;
        peer_reset(peer, connection, "reset by the script");
        return true;
    }
    uint8_t *pointer = NULL;
    size_t capacity = 0;
    assert_true(peer->engine.receive_buffer(peer->engine.engine, connection->id, &pointer,
                                            &capacity));
    assert_true(capacity > 0);
    size_t size = left < capacity ? left : capacity;
    if (peer->piece_bytes > 0 && size > peer->piece_bytes) {
        size = peer->piece_bytes;
    }
    if (peer->reset_after_bytes > 0) {
        if (size > (size_t)peer->reset_after_bytes) {
            size = (size_t)peer->reset_after_bytes;
        }
        peer->reset_after_bytes -= (int64_t)size;
    }
    memcpy(pointer, connection->out.data + connection->out_taken, size);
    connection->out_taken += size;
    peer->engine.on_received(peer->engine.engine, connection->id, size, peer->now_ns);
    return true;
}

// Does everything that can be done without time passing.
static inline void peer_settle(struct scripted_peer *peer)
{
    bool has_more = true;
    for (size_t turns = 0; has_more; turns++) {
        assert_true(turns < 200000); // L7: nothing goes on for ever without time
        has_more = false;
        if (peer->engine.after_turn != NULL) {
            peer->engine.after_turn(peer->engine.engine, peer->now_ns);
        }
        struct dh_action action;
        while (peer->engine.next_action(peer->engine.engine, &action, peer->now_ns)) {
            peer_on_action(peer, &action);
            has_more = true;
        }
        for (size_t i = 0; i < peer->connection_count; i++) {
            if (peer_deliver_piece(peer, &peer->connections[i])) {
                has_more = true;
            }
        }
    }
}

// Until that much time has passed.
static inline void peer_run(struct scripted_peer *peer, int64_t duration_ns)
{
    int64_t end_ns = peer->now_ns + duration_ns;
    peer_settle(peer);
    for (size_t ticks = 0;; ticks++) {
        assert_true(ticks < 1000000);
        int64_t next_ns = peer->engine.deadline(peer->engine.engine);
        for (size_t i = 0; i < peer->connection_count; i++) {
            const struct peer_connection *connection = &peer->connections[i];
            if (connection->is_open && connection->out.size > connection->out_taken) {
                next_ns = dh_earlier(next_ns, connection->stalled_until);
            }
        }
        if (next_ns > end_ns) {
            break;
        }
        if (next_ns > peer->now_ns) {
            peer->now_ns = next_ns;
        }
        peer->engine.tick(peer->engine.engine, peer->now_ns);
        peer_settle(peer);
    }
    peer->now_ns = end_ns;
}

// Connections that are open now.
static inline size_t peer_open_count(const struct scripted_peer *peer)
{
    size_t count = 0;
    for (size_t i = 0; i < peer->connection_count; i++) {
        count += peer->connections[i].is_open ? 1 : 0;
    }
    return count;
}

#endif
