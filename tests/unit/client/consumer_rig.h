// SPDX-License-Identifier: MIT
/*
 * A whole consumer without threads: both halves, joined as api/ joins them, against a
 * scripted cluster, in virtual time.
 *
 *     struct consumer_rig rig;
 *     rig_open(&rig, OPTIONS("fetch.min.bytes", "77"));    keys and values, or NULL
 *     rig_subscribe(&rig);                                 to "t", with one partition
 *     rig_run_ms(&rig, 1000);                              the application polls meanwhile
 *     ... rig.seen, rig_event(...), rig.records ...
 *     rig_close(&rig);
 *
 * The cluster: node 1 at "one:9092" leads all and coordinates; "two:9092" and others
 * are added by tests. It keeps a group of one member, and a log of uniform batches.
 * What was asked and when is kept as a list of events; of some fields of requests the
 * last value is kept.
 */
#ifndef DH_TESTS_UNIT_CLIENT_CONSUMER_RIG_H
#define DH_TESTS_UNIT_CLIENT_CONSUMER_RIG_H

#include "back/batches.h"
#include "scripted_peer.h"

#include <dohle/config.h>

#include "base/settings.h"
#include "client/back/back.h"
#include "client/front/front.h"
#include "wire/gen/fetch.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/sync_group.h"

#define RIG_EVENTS_MAX    8192
#define RIG_BATCH_RECORDS 10

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

enum rig_event_kind {
    EVENT_REQUEST,
    EVENT_RESOLVE,
    EVENT_CONNECT,
    EVENT_CLOSE, // by us
};

struct rig_event {
    enum rig_event_kind kind;
    int64_t at_ms; // since the rig was opened
    int16_t key;   // EVENT_REQUEST
    size_t node;   // index; not of EVENT_CLOSE
};

// Fields of requests and actions, as seen last; -1: not seen.
struct rig_seen {
    int64_t fetch_min_bytes;
    int64_t fetch_max_bytes;
    int64_t fetch_max_wait_ms;
    int64_t fetch_partition_max_bytes;
    int64_t fetch_isolation_level;
    int64_t join_session_timeout_ms;
    int64_t join_rebalance_timeout_ms;
    int64_t metadata_auto_creation;
    int64_t list_timestamp;
    int64_t connect_send_buffer_bytes;
    int64_t connect_receive_buffer_bytes;
};

struct consumer_rig {
    struct test_memory memory;
    struct dh_settings settings;
    struct dh_front *front;
    struct dh_back *back;
    struct scripted_peer peer;
    int64_t opened_ns;

    // The log of t-0: offsets 0 to log_end.
    int64_t log_end;
    size_t value_size;
    int8_t codec;
    bool has_wrong_crc;
    struct dh_buf bytes; // of the response being made
    size_t served_bytes; // all responses together

    bool is_silent[DH_API_KEY_END]; // requests of this API are not answered
    int16_t code[DH_API_KEY_END];   // or with this error, of the part that can have one
    int32_t generation;

    // The application.
    bool is_away; // does not poll
    struct dh_poll_mark mark;
    size_t records;
    size_t records_most; // in one poll
    int poll_err;        // the last one that was not 0
    dohle_error_info poll_error;
    bool is_commit_told;
    int commit_err;
    int64_t commit_told_ms;

    struct rig_seen seen;
    char client_id[64]; // of all requests
    bool has_other_client_id;
    char group_id[64];
    char protocols[128]; // of JoinGroup: names with a blank between them
    struct rig_event events[RIG_EVENTS_MAX];
    size_t event_count;
};

// ---- What was seen ----

static inline int64_t rig_now_ms(const struct consumer_rig *rig)
{
    return (rig->peer.now_ns - rig->opened_ns) / DH_MS;
}

static inline void rig_note(struct consumer_rig *rig, struct rig_event event)
{
    assert_true(rig->event_count < RIG_EVENTS_MAX);
    event.at_ms = rig_now_ms(rig);
    rig->events[rig->event_count++] = event;
}

// The index-th of its kind since the event `from`; NULL: there are fewer.
static inline const struct rig_event *rig_event_since(const struct consumer_rig *rig,
                                                      size_t from,
                                                      enum rig_event_kind kind,
                                                      int16_t key, size_t index)
{
    for (size_t i = from; i < rig->event_count; i++) {
        const struct rig_event *event = &rig->events[i];
        if (event->kind == kind && (kind != EVENT_REQUEST || event->key == key) &&
            index-- == 0) {
            return event;
        }
    }
    return NULL;
}

static inline size_t rig_count(const struct consumer_rig *rig, enum rig_event_kind kind,
                               int16_t key)
{
    size_t count = 0;
    while (rig_event_since(rig, 0, kind, key, count) != NULL) {
        count++;
    }
    return count;
}

static inline size_t rig_requests(const struct consumer_rig *rig, int16_t key)
{
    return rig_count(rig, EVENT_REQUEST, key);
}

// The same; there must be so many.
static inline const struct rig_event *rig_event(const struct consumer_rig *rig,
                                                size_t from, enum rig_event_kind kind,
                                                int16_t key, size_t index)
{
    const struct rig_event *event = rig_event_since(rig, from, kind, key, index);
    if (event == NULL) {
        fail_msg("there is no event %zu of kind %d, API %d", index, (int)kind, key);
        abort();
    }
    return event;
}

static inline int64_t rig_event_ms(const struct consumer_rig *rig,
                                   enum rig_event_kind kind, size_t index)
{
    return rig_event(rig, 0, kind, 0, index)->at_ms;
}

static inline int64_t rig_request_ms(const struct consumer_rig *rig, int16_t key,
                                     size_t index)
{
    return rig_event(rig, 0, EVENT_REQUEST, key, index)->at_ms;
}

static inline int64_t rig_request_gap_ms(const struct consumer_rig *rig, int16_t key,
                                         size_t index)
{
    return rig_request_ms(rig, key, index + 1) - rig_request_ms(rig, key, index);
}

#define assert_ms_between(low, high, actual)                                             \
    do {                                                                                 \
        int64_t actual_ms_ = (actual);                                                   \
        if (actual_ms_ < (low) || actual_ms_ > (high)) {                                 \
            fail_msg("%s is %lld ms, expected %lld to %lld", #actual,                    \
                     (long long)actual_ms_, (long long)(low), (long long)(high));        \
        }                                                                                \
    } while (0)

static inline void rig_copy(char *to, size_t room, dohle_bytes from)
{
    snprintf(to, room, "%.*s", (int)from.size, (const char *)from.data);
}

// ---- The cluster ----

// Whole batches from `offset` on; one even if it is larger than bytes_max.
static inline dohle_bytes rig_records(struct consumer_rig *rig, int64_t offset,
                                      int32_t bytes_max)
{
    dh_buf_reset(&rig->bytes);
    for (int64_t base = offset / RIG_BATCH_RECORDS * RIG_BATCH_RECORDS;
         base < rig->log_end; base += RIG_BATCH_RECORDS) {
        size_t before = rig->bytes.size;
        test_batch_write(&rig->bytes,
                         &(struct test_batch){.base_offset = base,
                                              .last_delta = -1,
                                              .record_count = RIG_BATCH_RECORDS,
                                              .codec = rig->codec,
                                              .has_wrong_crc = rig->has_wrong_crc,
                                              .value_size = rig->value_size});
        if (before > 0 && rig->bytes.size > (size_t)bytes_max) {
            rig->bytes.size = before;
            break;
        }
    }
    rig->served_bytes += rig->bytes.size;
    return (dohle_bytes){rig->bytes.size == 0 ? (const uint8_t *)"" : rig->bytes.data,
                         rig->bytes.size};
}

// Topics other than t have no records.
static inline void rig_serve_topic(struct consumer_rig *rig, struct peer_request *request,
                                   const struct dh_fetch_request_topic *topic,
                                   struct dh_fetch_response_response *out)
{
    const struct dh_fetch_request *asked = request->message;
    const struct dh_fetch_request_topic_partition *part = &topic->partitions.items[0];
    int32_t bytes_max = part->partition_max_bytes < asked->max_bytes
                            ? part->partition_max_bytes
                            : asked->max_bytes;
    rig->seen.fetch_partition_max_bytes = part->partition_max_bytes;
    dh_struct_init(&dh_fetch_response_response_struct, out);
    out->topic = topic->topic;
    out->topic_id = topic->topic_id;
    out->partitions.items = peer_alloc(request, 1, sizeof(*out->partitions.items));
    out->partitions.count = 1;
    dh_struct_init(&dh_fetch_response_response_partition_struct, out->partitions.items);
    if (rig->code[DH_API_FETCH] != 0) {
        out->partitions.items->error_code = rig->code[DH_API_FETCH];
        out->partitions.items->records = DH_BYTES("");
        return;
    }
    bool is_t = dh_uuid_equal(&topic->topic_id, &rig->peer.topics[0].id);
    out->partitions.items->high_watermark = is_t ? rig->log_end : 0;
    out->partitions.items->records =
        is_t ? rig_records(rig, part->fetch_offset, bytes_max) : DH_BYTES("");
}

// Without sessions, so that each request names what it wants.
static inline void rig_serve_fetch(struct consumer_rig *rig, struct peer_request *request,
                                   struct dh_fetch_response *response)
{
    const struct dh_fetch_request *asked = request->message;
    rig->seen.fetch_min_bytes = asked->min_bytes;
    rig->seen.fetch_max_bytes = asked->max_bytes;
    rig->seen.fetch_max_wait_ms = asked->max_wait_ms;
    rig->seen.fetch_isolation_level = asked->isolation_level;
    response->responses.items = peer_alloc(request, (size_t)asked->topics.count,
                                           sizeof(*response->responses.items));
    response->responses.count = asked->topics.count;
    size_t bytes_before = rig->served_bytes;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        rig_serve_topic(rig, request, &asked->topics.items[i],
                        &response->responses.items[i]);
    }
    if (rig->served_bytes == bytes_before &&
        rig->code[DH_API_FETCH] == 0) { // a long poll
        int64_t wait_ms =
            asked->max_wait_ms > 0 ? asked->max_wait_ms : 1; // the way there
        request->connection->stalled_until = rig->peer.now_ns + wait_ms * DH_MS;
    }
}

static inline void rig_serve_join(struct consumer_rig *rig, struct peer_request *request,
                                  struct dh_join_group_response *response)
{
    const struct dh_join_group_request *asked = request->message;
    rig->seen.join_session_timeout_ms = asked->session_timeout_ms;
    rig->seen.join_rebalance_timeout_ms = asked->rebalance_timeout_ms;
    rig_copy(rig->group_id, sizeof(rig->group_id), asked->group_id);
    rig->protocols[0] = '\0';
    for (int32_t i = 0; i < asked->protocols.count; i++) {
        size_t used = strlen(rig->protocols);
        dohle_bytes name = asked->protocols.items[i].name;
        snprintf(rig->protocols + used, sizeof(rig->protocols) - used, "%s%.*s",
                 i == 0 ? "" : " ", (int)name.size, (const char *)name.data);
    }
    response->member_id = DH_BYTES("m");
    response->protocol_type = DH_BYTES("consumer");
    response->protocol_name = asked->protocols.items[0].name;
    response->leader = response->member_id;
    response->error_code = rig->code[DH_API_JOIN_GROUP];
    if (response->error_code != 0) {
        return;
    }
    if (asked->member_id.size == 0) {
        response->error_code = 79; // MEMBER_ID_REQUIRED
        return;
    }
    response->generation_id = ++rig->generation;
    struct dh_join_group_response_member *member =
        peer_alloc(request, 1, sizeof(*member));
    dh_struct_init(&dh_join_group_response_member_struct, member);
    member->member_id = response->member_id;
    member->metadata = asked->protocols.items[0].metadata;
    response->members.items = member;
    response->members.count = 1;
}

static inline void rig_serve_sync(struct consumer_rig *rig, struct peer_request *request,
                                  struct dh_sync_group_response *response)
{
    const struct dh_sync_group_request *asked = request->message;
    response->error_code = rig->code[DH_API_SYNC_GROUP];
    response->assignment = asked->assignments.items[0].assignment;
}

static inline void rig_serve_committed(struct consumer_rig *rig,
                                       struct peer_request *request,
                                       struct dh_offset_fetch_response *response)
{
    const struct dh_offset_fetch_request *asked = request->message;
    const struct dh_offset_fetch_request_group *in = &asked->groups.items[0];
    struct dh_offset_fetch_response_group *out = peer_alloc(request, 1, sizeof(*out));
    dh_struct_init(&dh_offset_fetch_response_group_struct, out);
    response->groups.items = out;
    response->groups.count = 1;
    out->group_id = in->group_id;
    out->error_code = rig->code[DH_API_OFFSET_FETCH];
    if (out->error_code != 0) {
        return;
    }
    out->topics.items =
        peer_alloc(request, (size_t)in->topics.count, sizeof(*out->topics.items));
    out->topics.count = in->topics.count;
    for (int32_t i = 0; i < in->topics.count; i++) {
        dh_struct_init(&dh_offset_fetch_response_group_topic_struct,
                       &out->topics.items[i]);
        out->topics.items[i].name = in->topics.items[i].name;
        out->topics.items[i].topic_id = in->topics.items[i].topic_id;
        out->topics.items[i].partitions.items =
            peer_alloc(request, 1, sizeof(*out->topics.items[i].partitions.items));
        out->topics.items[i].partitions.count = 1;
        struct dh_offset_fetch_response_group_topic_partition *told =
            out->topics.items[i].partitions.items;
        told->partition_index = 0;
        told->committed_offset = -1;
        told->committed_leader_epoch = -1;
        told->metadata = DH_BYTES("");
    }
}

static inline void rig_serve_list(struct consumer_rig *rig, struct peer_request *request,
                                  struct dh_list_offsets_response *response)
{
    const struct dh_list_offsets_request *asked = request->message;
    int64_t timestamp = asked->topics.items[0].partitions.items[0].timestamp;
    rig->seen.list_timestamp = timestamp;
    response->topics.items = peer_alloc(request, 1, sizeof(*response->topics.items));
    response->topics.count = 1;
    struct dh_list_offsets_response_topic *out = response->topics.items;
    out->name = asked->topics.items[0].name;
    out->partitions.items = peer_alloc(request, 1, sizeof(*out->partitions.items));
    out->partitions.count = 1;
    *out->partitions.items = (struct dh_list_offsets_response_topic_partition){
        .error_code = rig->code[DH_API_LIST_OFFSETS],
        .timestamp = -1,
        .offset = timestamp == -2 ? 0 : rig->log_end,
        .leader_epoch = -1,
    };
}

static inline void rig_serve_commit(struct consumer_rig *rig,
                                    struct peer_request *request,
                                    struct dh_offset_commit_response *response)
{
    const struct dh_offset_commit_request *asked = request->message;
    response->topics.items = peer_alloc(request, 1, sizeof(*response->topics.items));
    response->topics.count = 1;
    response->topics.items->name = asked->topics.items[0].name;
    response->topics.items->topic_id = asked->topics.items[0].topic_id;
    response->topics.items->partitions.items =
        peer_alloc(request, 1, sizeof(*response->topics.items->partitions.items));
    response->topics.items->partitions.count = 1;
    response->topics.items->partitions.items->error_code =
        rig->code[DH_API_OFFSET_COMMIT];
}

static inline enum peer_verdict rig_hook(void *ctx, struct peer_request *request,
                                         void *response)
{
    struct consumer_rig *rig = ctx;
    rig_note(rig, (struct rig_event){.kind = EVENT_REQUEST,
                                     .key = request->key,
                                     .node = request->connection->node});
    if (rig->client_id[0] != '\0' &&
        !dh_bytes_equal(request->client_id, dh_bytes_of(rig->client_id))) {
        rig->has_other_client_id = true;
    }
    rig_copy(rig->client_id, sizeof(rig->client_id), request->client_id);
    enum peer_verdict verdict = PEER_ANSWER;
    switch (request->key) {
    case DH_API_FETCH: rig_serve_fetch(rig, request, response); break;
    case DH_API_JOIN_GROUP: rig_serve_join(rig, request, response); break;
    case DH_API_SYNC_GROUP: rig_serve_sync(rig, request, response); break;
    case DH_API_HEARTBEAT:
        ((struct dh_heartbeat_response *)response)->error_code =
            rig->code[DH_API_HEARTBEAT];
        break;
    case DH_API_OFFSET_FETCH: rig_serve_committed(rig, request, response); break;
    case DH_API_LIST_OFFSETS: rig_serve_list(rig, request, response); break;
    case DH_API_OFFSET_COMMIT: rig_serve_commit(rig, request, response); break;
    case DH_API_METADATA:
        rig->seen.metadata_auto_creation =
            ((const struct dh_metadata_request *)request->message)
                ->allow_auto_topic_creation;
        rig->peer.topics[0].error_code = rig->code[DH_API_METADATA];
        verdict = PEER_SERVE;
        break;
    case DH_API_FIND_COORDINATOR:
        rig->peer.coordinator_error = rig->code[DH_API_FIND_COORDINATOR];
        verdict = PEER_SERVE;
        break;
    default: verdict = PEER_SERVE; break;
    }
    return rig->is_silent[request->key] ? PEER_SILENT : verdict;
}

// ---- The two halves ----

// Moves messages both ways until there are none.
static inline void rig_exchange(void *engine, int64_t now_ns)
{
    struct consumer_rig *rig = engine;
    for (bool has_more = true; has_more;) {
        has_more = false;
        for (struct dh_message *message;
             (message = dh_back_next_event(rig->back)) != NULL; has_more = true) {
            dh_front_input(rig->front, message, now_ns);
        }
        for (struct dh_message *message;
             (message = dh_front_next_action(rig->front)) != NULL; has_more = true) {
            dh_back_input(rig->back, message, now_ns);
        }
    }
    dh_front_check(rig->front);
    dh_back_check(rig->back);
}

static inline size_t rig_node_index(const struct consumer_rig *rig, const char *host)
{
    for (size_t i = 0; i < rig->peer.node_count; i++) {
        if (strcmp(rig->peer.nodes[i].host, host) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static inline bool rig_next_action(void *engine, struct dh_action *action, int64_t now_ns)
{
    (void)now_ns;
    struct consumer_rig *rig = engine;
    if (!dh_back_next_action(rig->back, action)) {
        return false;
    }
    switch (action->kind) {
    case DH_ACTION_RESOLVE:
        rig_note(rig, (struct rig_event){.kind = EVENT_RESOLVE,
                                         .node = rig_node_index(rig, action->host)});
        break;
    case DH_ACTION_CONNECT:
        rig_note(rig, (struct rig_event){.kind = EVENT_CONNECT,
                                         .node = action->address.bytes[0]});
        rig->seen.connect_send_buffer_bytes = action->send_buffer_bytes;
        rig->seen.connect_receive_buffer_bytes = action->receive_buffer_bytes;
        break;
    case DH_ACTION_CLOSE: rig_note(rig, (struct rig_event){.kind = EVENT_CLOSE}); break;
    case DH_ACTION_SEND: break;
    }
    return true;
}

static inline void rig_on_resolved(void *engine, uint32_t connection_id,
                                   const struct dh_address *addresses, size_t count,
                                   int err, const char *text, int64_t now_ns)
{
    dh_back_on_resolved(((struct consumer_rig *)engine)->back, connection_id, addresses,
                        count, err, text, now_ns);
}

static inline void rig_on_connected(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_back_on_connected(((struct consumer_rig *)engine)->back, connection_id, now_ns);
}

static inline void rig_on_closed(void *engine, uint32_t connection_id, int err,
                                 const char *text, int64_t now_ns)
{
    dh_back_on_closed(((struct consumer_rig *)engine)->back, connection_id, err, text,
                      now_ns);
}

static inline bool rig_receive_buffer(void *engine, uint32_t connection_id,
                                      uint8_t **pointer, size_t *capacity)
{
    return dh_back_receive_buffer(((struct consumer_rig *)engine)->back, connection_id,
                                  pointer, capacity);
}

static inline void rig_on_received(void *engine, uint32_t connection_id, size_t size,
                                   int64_t now_ns)
{
    dh_back_on_received(((struct consumer_rig *)engine)->back, connection_id, size,
                        now_ns);
}

static inline void rig_on_sent(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_back_on_sent(((struct consumer_rig *)engine)->back, connection_id, now_ns);
}

static inline int64_t rig_deadline(void *engine)
{
    return dh_back_deadline(((struct consumer_rig *)engine)->back);
}

static inline void rig_tick(void *engine, int64_t now_ns)
{
    struct consumer_rig *rig = engine;
    dh_back_tick(rig->back, rig->mark, now_ns);
}

// ---- Life cycle ----

static inline int rig_resolve(struct dh_settings *settings, const char *const *options,
                              dohle_error_info *info)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", "one:9092"));
    assert_int_equal(0, dohle_config_set(config, "group.id", "g"));
    for (; options != NULL && options[0] != NULL; options += 2) {
        const char *value = options[1][0] == '\0' ? NULL : options[1];
        if (dohle_config_set(config, options[0], value) != 0) {
            fail_msg("%s", dohle_config_error(config));
        }
    }
    memset(info, 0, sizeof(*info));
    int err = dh_settings_resolve(settings, dh_mem_default(), config, DH_ROLE_CONSUMER, 1,
                                  info);
    dohle_config_free(config);
    return err;
}

/*
 * options: pairs of key and value, ended by NULL; "" unsets. Without them the group is
 * "g", bootstrap.servers is "one:9092", and all else as documented.
 */
static inline void rig_open(struct consumer_rig *rig, const char *const *options)
{
    memset(rig, 0, sizeof(*rig));
    memset(&rig->seen, 0xff, sizeof(rig->seen));
    test_memory_init(&rig->memory);
    dh_buf_init(&rig->bytes, dh_mem_default(), 0);
    dohle_error_info info;
    if (rig_resolve(&rig->settings, options, &info) != 0) {
        fail_msg("%s", info.text);
    }
    const struct peer_engine engine = {
        .engine = rig,
        .next_action = rig_next_action,
        .on_resolved = rig_on_resolved,
        .on_connected = rig_on_connected,
        .on_closed = rig_on_closed,
        .receive_buffer = rig_receive_buffer,
        .on_received = rig_on_received,
        .on_sent = rig_on_sent,
        .deadline = rig_deadline,
        .tick = rig_tick,
        .after_turn = rig_exchange,
    };
    peer_init(&rig->peer, &engine);
    rig->peer.hook = rig_hook;
    rig->peer.hook_ctx = rig;
    rig->peer.coordinator = 1;
    peer_add_node(&rig->peer, 1, "one", 9092);
    peer_add_topic(&rig->peer, "t", 1, 1);
    rig->opened_ns = rig->peer.now_ns;
    rig->log_end = 100;
    rig->value_size = 100;
    const struct dh_front_options front_options = {.mem = &rig->memory.allocator,
                                                   .settings = &rig->settings,
                                                   .now_ns = rig->peer.now_ns};
    const struct dh_back_options back_options = {.mem = &rig->memory.allocator,
                                                 .settings = &rig->settings,
                                                 .seed = 7,
                                                 .now_ns = rig->peer.now_ns};
    rig->front = dh_front_new(&front_options);
    rig->back = dh_back_new(&back_options);
    assert_non_null(rig->front);
    assert_non_null(rig->back);
}

// Frees everything and looks for leaks.
static inline void rig_close(struct consumer_rig *rig)
{
    rig_exchange(rig, rig->peer.now_ns);
    dh_front_free(rig->front);
    dh_back_free(rig->back);
    dh_settings_deinit(&rig->settings);
    dh_buf_deinit(&rig->bytes);
    peer_deinit(&rig->peer);
    assert_int_equal(0, rig->memory.bytes);
}

// ---- The application ----

// Drives a call that does not wait to its end.
static inline int rig_call(struct consumer_rig *rig, struct dh_call *call)
{
    int64_t now_ns = rig->peer.now_ns;
    for (size_t steps = 0;; steps++) {
        assert_true(steps < 1000);
        rig_exchange(rig, now_ns);
        switch (dh_front_step(rig->front, call, now_ns)) {
        case DH_STEP_DONE: return call->err;
        case DH_STEP_WAIT: break;
        case DH_STEP_CALLBACK:
            if (call->callback.kind == DH_CALLBACK_COMMIT) {
                rig->is_commit_told = true;
                rig->commit_err = call->callback.err;
                rig->commit_told_ms = rig_now_ms(rig);
            }
            dh_front_callback_done(rig->front, call, 0);
            break;
        }
    }
}

// poll(0). Time does not pass, but what can be done without is done.
static inline void rig_poll(struct consumer_rig *rig)
{
    int64_t now_ns = rig->peer.now_ns;
    struct dh_call call;
    dh_front_begin_poll(rig->front, &call, now_ns, now_ns);
    int err = rig_call(rig, &call);
    if (err != 0) {
        rig->poll_err = err;
        rig->poll_error = *dh_front_error(rig->front);
    }
    size_t count = dh_front_records(rig->front)->count;
    rig->records += count;
    rig->records_most = count > rig->records_most ? count : rig->records_most;
    rig->mark = (struct dh_poll_mark){.left_ns = now_ns};
    peer_settle(&rig->peer);
}

// Lets time pass. The application polls every 20 ms, unless it is away.
static inline void rig_run_ms(struct consumer_rig *rig, int64_t duration_ms)
{
    int64_t end_ns = rig->peer.now_ns + duration_ms * DH_MS;
    while (!rig->is_away && rig->peer.now_ns < end_ns) {
        rig_poll(rig);
        int64_t until_ns = dh_earlier(end_ns, rig->peer.now_ns + 20 * DH_MS);
        peer_run(&rig->peer, until_ns - rig->peer.now_ns);
    }
    peer_run(&rig->peer, end_ns - rig->peer.now_ns);
}

static inline void rig_subscribe(struct consumer_rig *rig)
{
    const char *const topics[] = {"t"};
    assert_int_equal(0, dh_front_subscribe(rig->front, topics, 1, false));
}

// t-0 by hand, from the beginning.
static inline void rig_assign(struct consumer_rig *rig)
{
    const dohle_topic_partition partitions[] = {{"t", 0}};
    int64_t now_ns = rig->peer.now_ns;
    assert_int_equal(0, dh_front_assign(rig->front, partitions, 1, now_ns));
    assert_int_equal(0, dh_front_seek(rig->front, "t", 0, DH_SEEK_OFFSET, 0, -1));
}

#endif
