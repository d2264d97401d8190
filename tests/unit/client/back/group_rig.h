// SPDX-License-Identifier: MIT
/*
 * The modules of a group against a scripted peer: membership, commits, positions,
 * the table of partitions and the link to the coordinator, with the small part of the
 * dispatcher that they need and a front half that answers at once.
 *
 * All that can be seen from outside goes into one line of text, in order:
 *
 *     join: join:m1 sync:1 leave:m1 beat:27      requests (beats only when refused)
 *     commit:1 fetch list epoch
 *     revoke(t-0,t-1) lose() assign(t-0)         notices about ownership; ~ no callback
 *     error(GROUP_REFUSED) done(TIMEOUT)         notices of errors; answers to commits
 *
 * What the coordinator answers is scripted as a list of (API, code): the next request
 * of that API gets that code; without one it is served as by a group of one member.
 */
#ifndef DH_TESTS_UNIT_CLIENT_BACK_GROUP_RIG_H
#define DH_TESTS_UNIT_CLIENT_BACK_GROUP_RIG_H

#include "net_rig.h"

#include "client/back/commits.h"
#include "client/back/consumer_protocol.h"
#include "client/back/coordinator_link.h"
#include "client/back/membership_classic.h"
#include "client/back/partitions.h"
#include "client/back/positions.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/offset_for_leader_epoch.h"
#include "wire/gen/sync_group.h"

#define RIG_SCRIPT_MAX  16
#define RIG_MEMBERS_MAX 4

// The next request of that API gets that code; API 0 ends the list.
struct rig_script {
    int16_t api_key;
    int16_t code; // RIG_RESET, RIG_SILENT: no answer
};

#define RIG_RESET  INT16_MIN
#define RIG_SILENT (INT16_MIN + 1)

struct group_rig {
    struct net_rig net;
    struct dh_partitions partitions;
    struct dh_coordinator_link *link;
    struct dh_membership *membership;
    struct dh_commits commits;
    struct dh_positions positions;
    bool has_commits;
    bool has_positions;
    uint64_t updates_seen;
    bool is_held;        // the front half keeps ownership notices
    struct dh_list held; // them

    // The coordinator.
    struct rig_script script[RIG_SCRIPT_MAX];
    int32_t generation;
    uint32_t member_last;
    bool is_follower;                    // another member leads
    const char *others[RIG_MEMBERS_MAX]; // further members, subscribed to what we are
    dohle_bytes assignment; // instead of what the leader computed; NULL: that
    char last_reason[256];  // of JoinGroup
    uint8_t last_metadata[1024];
    size_t last_metadata_size;
    size_t beats;
    char member_id[32];

    // What positions are served.
    int64_t committed_offset; // -1: none
    int32_t committed_epoch;
    int64_t log_start;
    int64_t log_end;
    int32_t end_epoch; // OffsetForLeaderEpoch
    int64_t end_offset;

    // What was seen last.
    struct dh_rebalance_record record;
    dohle_error_info commit_error;
    size_t assigned_count;

    dohle_log_sink log;
    size_t warnings;
    char last_warning[512];

    char trace[4096];
    size_t trace_size;
};

static inline void rig_log(void *ctx, const dohle_log_line *line)
{
    struct group_rig *rig = ctx;
    if (line->level == DOHLE_LOG_WARNING) {
        rig->warnings++;
        snprintf(rig->last_warning, sizeof(rig->last_warning), "%s", line->text);
    }
}

static inline void rig_trace(struct group_rig *rig, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void rig_trace(struct group_rig *rig, const char *format, ...)
{
    if (rig->trace_size > 0 && rig->trace_size < sizeof(rig->trace) - 1) {
        rig->trace[rig->trace_size++] = ' ';
    }
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(rig->trace + rig->trace_size,
                          sizeof(rig->trace) - rig->trace_size, format, arguments);
    va_end(arguments);
    assert_true(added >= 0 && (size_t)added < sizeof(rig->trace) - rig->trace_size);
    rig->trace_size += (size_t)added;
}

// What was traced since the last call.
#define rig_assert_trace(expected, rig)                                                  \
    do {                                                                                 \
        assert_string_equal(expected, (rig)->trace);                                     \
        (rig)->trace_size = 0;                                                           \
        (rig)->trace[0] = '\0';                                                          \
    } while (0)

// ---- The front half ----

static inline void rig_take_ownership(struct group_rig *rig,
                                      struct dh_notice_ownership *notice)
{
    char names[512] = "";
    size_t size = 0;
    for (uint32_t i = 0; i < notice->count && size < sizeof(names) - 64; i++) {
        size += (size_t)snprintf(names + size, sizeof(names) - size, "%s%s-%d",
                                 i > 0 ? "," : "", notice->partitions[i].topic,
                                 (int)notice->partitions[i].partition);
    }
    const char *kind = notice->message.kind == DH_NOTICE_REVOKE ? "revoke"
                       : notice->message.kind == DH_NOTICE_LOSE ? "lose"
                                                                : "assign";
    rig_trace(rig, "%s%s(%s)", notice->has_callback ? "" : "~", kind, names);
    rig->record = notice->rebalance;
    if (notice->message.kind == DH_NOTICE_ASSIGN) {
        rig->assigned_count = notice->count;
    }
    if (rig->is_held) {
        dh_list_push_back(&rig->held, &notice->message.link);
        return;
    }
    rig->membership->cls->on_ownership_done(rig->membership, notice,
                                            rig->net.peer.now_ns);
}

static inline void rig_take(struct group_rig *rig, struct dh_message *message)
{
    const dohle_allocator *mem = &rig->net.memory.allocator;
    switch (message->kind) {
    case DH_NOTICE_REVOKE:
    case DH_NOTICE_LOSE:
    case DH_NOTICE_ASSIGN:
        rig_take_ownership(rig,
                           DH_CONTAINER_OF(message, struct dh_notice_ownership, message));
        return;
    case DH_NOTICE_ERROR: {
        struct dh_notice_error *notice =
            DH_CONTAINER_OF(message, struct dh_notice_error, message);
        rig_trace(rig, "error(%s)", dohle_error_name(notice->error.code));
        dh_outbox_on_error_returned(&rig->net.outbox, mem, notice);
        return;
    }
    case DH_NOTICE_TOPICS: {
        struct dh_notice_topics *notice =
            DH_CONTAINER_OF(message, struct dh_notice_topics, message);
        rig_trace(rig, "topics(%u)", notice->topic_count);
        break;
    }
    case DH_NOTICE_POSITION: {
        struct dh_notice_position *notice =
            DH_CONTAINER_OF(message, struct dh_notice_position, message);
        rig_trace(rig, notice->is_held ? "hold(%u)" : "position(%u:%lld)", notice->slot,
                  (long long)notice->offset);
        break;
    }
    case DH_NOTICE_PARTITION_ERROR: {
        struct dh_notice_partition_error *notice =
            DH_CONTAINER_OF(message, struct dh_notice_partition_error, message);
        rig_trace(rig, "stuck(%u:%s:%lld)", notice->slot,
                  dohle_error_name(notice->error.code), (long long)notice->truncated_to);
        break;
    }
    case DH_COMMAND_COMMIT: {
        struct dh_command_commit *command =
            DH_CONTAINER_OF(message, struct dh_command_commit, message);
        rig->commit_error = command->error;
        rig_trace(rig, "done(%s)", dohle_error_name(command->error.code));
        break;
    }
    case DH_COMMAND_SUBSCRIBE: {
        struct dh_command_subscribe *command =
            DH_CONTAINER_OF(message, struct dh_command_subscribe, message);
        if (command->err != 0) {
            rig_trace(rig, "subscribe(%s)", dohle_error_name(command->err));
        }
        return; // the test's own memory
    }
    case DH_COMMAND_UNSUBSCRIBE:
    case DH_COMMAND_CLOSE: rig_trace(rig, "left"); return;
    case DH_COMMAND_ASSIGN:
    case DH_COMMAND_SEEK:
    case DH_COMMAND_PAUSE:
    case DH_COMMAND_COMMITTED:
    case DH_COMMAND_LIST_OFFSETS:
    case DH_COMMAND_TOPICS:
    case DH_COMMAND_IDLE_REASON:
    case DH_COMMAND_FIND:
    case DH_COMMAND_REBALANCE:
    case DH_NOTICE_CHUNK:
    case DH_NOTICE_TROUBLE: fail(); return;
    }
    dh_mem_free(mem, message, message->size);
}

// Gives back what was held.
static inline void rig_release(struct group_rig *rig)
{
    rig->is_held = false;
    for (struct dh_link *link; (link = dh_list_pop_front(&rig->held)) != NULL;) {
        rig->membership->cls->on_ownership_done(
            rig->membership,
            DH_CONTAINER_OF(link, struct dh_notice_ownership, message.link),
            rig->net.peer.now_ns);
    }
}

// ---- The dispatcher ----

static inline void rig_show_changes(struct group_rig *rig, int64_t now_ns)
{
    for (struct dh_partition *row;
         (row = dh_partitions_next_changed(&rig->partitions)) != NULL;) {
        if (rig->has_positions) {
            dh_positions_on_changed(&rig->positions, row, now_ns);
        }
        if (row->state == DH_PARTITION_GONE && !dh_link_is_linked(&row->changed_link)) {
            dh_partitions_release(&rig->partitions, row);
        }
    }
}

static inline void rig_after_turn(void *engine, int64_t now_ns)
{
    struct group_rig *rig =
        DH_CONTAINER_OF((struct net_rig *)engine, struct group_rig, net);
    uint64_t updates = dh_cluster_updates(rig->net.cluster);
    if (updates != rig->updates_seen) {
        rig->updates_seen = updates;
        rig->membership->cls->on_metadata(rig->membership, now_ns);
        if (rig->has_positions) {
            dh_positions_on_metadata(&rig->positions, now_ns);
        }
    }
    rig_show_changes(rig, now_ns);
    for (struct dh_link *link;
         (link = dh_list_pop_front(&rig->net.outbox.messages)) != NULL;) {
        rig_take(rig, DH_CONTAINER_OF(link, struct dh_message, link));
        rig_show_changes(rig, now_ns);
    }
}

static inline void rig_on_coordinator(void *ctx, int32_t node_id, int64_t now_ns)
{
    struct group_rig *rig = ctx;
    rig->membership->cls->on_coordinator(rig->membership, node_id, now_ns);
    if (rig->has_commits) {
        dh_commits_on_coordinator(&rig->commits, node_id, now_ns);
    }
    if (rig->has_positions) {
        dh_positions_on_coordinator(&rig->positions, node_id, now_ns);
    }
}

// ---- The coordinator ----

// Takes the next code scripted for the API; 0: serve.
static inline int16_t rig_next_code(struct group_rig *rig, int16_t api_key)
{
    for (size_t i = 0; i < RIG_SCRIPT_MAX; i++) {
        if (rig->script[i].api_key == api_key) {
            rig->script[i].api_key = -1;
            return rig->script[i].code;
        }
    }
    return 0;
}

static inline void rig_serve_join(struct group_rig *rig, struct peer_request *request,
                                  struct dh_join_group_response *response, int16_t code)
{
    const struct dh_join_group_request *asked = request->message;
    rig_trace(rig, "join:%.*s", (int)asked->member_id.size,
              (const char *)asked->member_id.data);
    snprintf(rig->last_reason, sizeof(rig->last_reason), "%.*s", (int)asked->reason.size,
             (const char *)asked->reason.data);
    rig->last_metadata_size = asked->protocols.items[0].metadata.size;
    assert_true(rig->last_metadata_size <= sizeof(rig->last_metadata));
    memcpy(rig->last_metadata, asked->protocols.items[0].metadata.data,
           rig->last_metadata_size);
    response->protocol_name = DH_BYTES("range");
    if (code == 0 && asked->member_id.size == 0 && request->version >= 4) {
        code = DH_BROKER_MEMBER_ID_REQUIRED;
    }
    if (code == DH_BROKER_MEMBER_ID_REQUIRED) {
        snprintf(rig->member_id, sizeof(rig->member_id), "m%u", ++rig->member_last);
    }
    response->member_id = dh_bytes_of(rig->member_id);
    response->error_code = code;
    if (code != 0) {
        return;
    }
    response->generation_id = ++rig->generation;
    if (request->version >= 7) {
        response->protocol_type = DH_BYTES("consumer");
    }
    response->leader = rig->is_follower ? DH_BYTES("boss") : response->member_id;
    if (rig->is_follower) {
        return;
    }
    response->members.items =
        peer_alloc(request, 1 + RIG_MEMBERS_MAX, sizeof(*response->members.items));
    for (size_t i = 0; i <= RIG_MEMBERS_MAX; i++) {
        const char *id = i == 0 ? rig->member_id : rig->others[i - 1];
        if (id != NULL) {
            struct dh_join_group_response_member *member =
                &response->members.items[response->members.count++];
            dh_struct_init(&dh_join_group_response_member_struct, member);
            member->member_id = dh_bytes_of(id);
            member->metadata = asked->protocols.items[0].metadata;
        }
    }
}

static inline void rig_serve_sync(struct group_rig *rig, struct peer_request *request,
                                  struct dh_sync_group_response *response, int16_t code)
{
    const struct dh_sync_group_request *asked = request->message;
    rig_trace(rig, "sync:%d", (int)asked->generation_id);
    response->error_code = code;
    response->assignment = rig->assignment;
    for (int32_t i = 0; i < asked->assignments.count; i++) {
        if (rig->assignment.data == NULL &&
            dh_bytes_equal(asked->assignments.items[i].member_id, asked->member_id)) {
            response->assignment = asked->assignments.items[i].assignment;
        }
    }
    if (response->assignment.data == NULL) {
        response->assignment = DH_BYTES("");
    }
}

static inline void rig_serve_commit(struct group_rig *rig, struct peer_request *request,
                                    struct dh_offset_commit_response *response,
                                    int16_t code)
{
    const struct dh_offset_commit_request *asked = request->message;
    rig_trace(rig, "commit:%d@%lld", (int)asked->generation_id_or_member_epoch,
              (long long)asked->topics.items[0].partitions.items[0].committed_offset);
    response->topics.items =
        peer_alloc(request, (size_t)asked->topics.count, sizeof(*response->topics.items));
    response->topics.count = asked->topics.count;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        struct dh_offset_commit_response_topic *out = &response->topics.items[i];
        const struct dh_offset_commit_request_topic *in = &asked->topics.items[i];
        out->name = in->name;
        out->topic_id = in->topic_id;
        out->partitions.items = peer_alloc(request, (size_t)in->partitions.count,
                                           sizeof(*out->partitions.items));
        out->partitions.count = in->partitions.count;
        for (int32_t j = 0; j < in->partitions.count; j++) {
            out->partitions.items[j].partition_index =
                in->partitions.items[j].partition_index;
            // The script's code is about the first partition only.
            out->partitions.items[j].error_code = i + j == 0 ? code : 0;
        }
    }
}

static inline void rig_serve_committed(struct group_rig *rig,
                                       struct peer_request *request,
                                       struct dh_offset_fetch_response *response,
                                       int16_t code)
{
    const struct dh_offset_fetch_request *asked = request->message;
    assert_true(request->version >= 8);
    const struct dh_offset_fetch_request_group *in = &asked->groups.items[0];
    rig_trace(rig, "fetch:%d", (int)in->topics.items[0].partition_indexes.count);
    assert_true(asked->require_stable);
    struct dh_offset_fetch_response_group *out =
        peer_alloc(request, 1, sizeof(*response->groups.items));
    dh_struct_init(&dh_offset_fetch_response_group_struct, out);
    response->groups.items = out;
    response->groups.count = 1;
    out->group_id = in->group_id;
    out->topics.items =
        peer_alloc(request, (size_t)in->topics.count, sizeof(*out->topics.items));
    out->topics.count = in->topics.count;
    for (int32_t i = 0; i < in->topics.count; i++) {
        int32_t count = in->topics.items[i].partition_indexes.count;
        out->topics.items[i].name = in->topics.items[i].name;
        out->topics.items[i].partitions.items = peer_alloc(
            request, (size_t)count, sizeof(*out->topics.items[i].partitions.items));
        out->topics.items[i].partitions.count = count;
        for (int32_t j = 0; j < count; j++) {
            struct dh_offset_fetch_response_group_topic_partition *told =
                &out->topics.items[i].partitions.items[j];
            told->partition_index = in->topics.items[i].partition_indexes.items[j];
            told->error_code = code;
            told->committed_offset = code == 0 ? rig->committed_offset : -1;
            told->committed_leader_epoch = rig->committed_epoch;
            told->metadata = DH_BYTES("");
        }
    }
}

static inline void rig_serve_list(struct group_rig *rig, struct peer_request *request,
                                  struct dh_list_offsets_response *response, int16_t code)
{
    const struct dh_list_offsets_request *asked = request->message;
    rig_trace(rig, "list:%lld",
              (long long)asked->topics.items[0].partitions.items[0].timestamp);
    response->topics.items =
        peer_alloc(request, (size_t)asked->topics.count, sizeof(*response->topics.items));
    response->topics.count = asked->topics.count;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        const struct dh_list_offsets_request_topic *in = &asked->topics.items[i];
        struct dh_list_offsets_response_topic *out = &response->topics.items[i];
        out->name = in->name;
        out->partitions.items = peer_alloc(request, (size_t)in->partitions.count,
                                           sizeof(*out->partitions.items));
        out->partitions.count = in->partitions.count;
        for (int32_t j = 0; j < in->partitions.count; j++) {
            out->partitions.items[j] = (struct dh_list_offsets_response_topic_partition){
                .partition_index = in->partitions.items[j].partition_index,
                .error_code = code,
                .timestamp = -1,
                .offset = in->partitions.items[j].timestamp == -2 ? rig->log_start
                                                                  : rig->log_end,
                .leader_epoch = -1,
            };
        }
    }
}

static inline void rig_serve_epoch(struct group_rig *rig, struct peer_request *request,
                                   struct dh_offset_for_leader_epoch_response *response,
                                   int16_t code)
{
    const struct dh_offset_for_leader_epoch_request *asked = request->message;
    rig_trace(rig, "epoch:%d",
              (int)asked->topics.items[0].partitions.items[0].leader_epoch);
    response->topics.items =
        peer_alloc(request, (size_t)asked->topics.count, sizeof(*response->topics.items));
    response->topics.count = asked->topics.count;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        const struct dh_offset_for_leader_epoch_request_topic *in =
            &asked->topics.items[i];
        struct dh_offset_for_leader_epoch_response_topic *out =
            &response->topics.items[i];
        out->topic = in->topic;
        out->partitions.items = peer_alloc(request, (size_t)in->partitions.count,
                                           sizeof(*out->partitions.items));
        out->partitions.count = in->partitions.count;
        for (int32_t j = 0; j < in->partitions.count; j++) {
            out->partitions.items[j] =
                (struct dh_offset_for_leader_epoch_response_topic_partition){
                    .error_code = code,
                    .partition = in->partitions.items[j].partition,
                    .leader_epoch = rig->end_epoch,
                    .end_offset = rig->end_offset,
                };
        }
    }
}

static inline enum peer_verdict rig_hook(void *ctx, struct peer_request *request,
                                         void *response)
{
    struct group_rig *rig = ctx;
    int16_t code = rig_next_code(rig, request->key);
    int16_t shown = code == RIG_RESET || code == RIG_SILENT ? 0 : code;
    switch (request->key) {
    case DH_API_JOIN_GROUP: rig_serve_join(rig, request, response, shown); break;
    case DH_API_SYNC_GROUP: rig_serve_sync(rig, request, response, shown); break;
    case DH_API_HEARTBEAT:
        rig->beats++;
        if (code != 0) {
            rig_trace(rig, "beat:%d", (int)shown);
        }
        ((struct dh_heartbeat_response *)response)->error_code = shown;
        break;
    case DH_API_LEAVE_GROUP: {
        const struct dh_leave_group_request *asked = request->message;
        rig_trace(rig, "leave:%.*s", (int)asked->members.items[0].member_id.size,
                  (const char *)asked->members.items[0].member_id.data);
        break;
    }
    case DH_API_OFFSET_COMMIT: rig_serve_commit(rig, request, response, shown); break;
    case DH_API_OFFSET_FETCH: rig_serve_committed(rig, request, response, shown); break;
    case DH_API_LIST_OFFSETS: rig_serve_list(rig, request, response, shown); break;
    case DH_API_OFFSET_FOR_LEADER_EPOCH:
        rig_serve_epoch(rig, request, response, shown);
        break;
    default: return PEER_SERVE;
    }
    if (code == RIG_RESET) {
        return PEER_RESET;
    }
    return code == RIG_SILENT ? PEER_SILENT : PEER_ANSWER;
}

// ---- Life cycle ----

// Topic t with two partitions at node 1, topic u with one at node 2; node 1 coordinates.
static inline int group_rig_init_failing_at(struct group_rig *rig,
                                            const char *const *options, size_t fail_at)
{
    memset(rig, 0, sizeof(*rig));
    dh_list_init(&rig->held);
    int err = rig_init_failing_at(&rig->net, "one:9092", options, fail_at);
    rig->log = (dohle_log_sink){rig_log, rig, DOHLE_LOG_WARNING};
    rig->net.context.log = &rig->log;
    rig->net.peer.engine.after_turn = rig_after_turn;
    rig->net.peer.hook = rig_hook;
    rig->net.peer.hook_ctx = rig;
    peer_add_node(&rig->net.peer, 1, "one", 9092);
    peer_add_node(&rig->net.peer, 2, "two", 9092);
    peer_add_topic(&rig->net.peer, "t", 2, 1);
    peer_add_topic(&rig->net.peer, "u", 1, 2);
    rig->net.peer.coordinator = 1;
    rig->committed_offset = -1;
    rig->committed_epoch = -1;
    rig->log_end = 100;
    rig->net.poll_mark.is_inside = true;
    if (err == 0) {
        err = dh_partitions_init(&rig->partitions, &rig->net.memory.allocator, 5);
    }
    if (err != 0) {
        return err;
    }
    struct dh_coordinator_owner owner = {rig_on_coordinator, rig};
    rig->link = dh_coordinator_link_new(&rig->net.context, "g", owner);
    if (rig->link == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    rig->membership =
        dh_membership_classic_new(&rig->net.context, &rig->partitions, rig->link);
    return rig->membership == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

static inline void group_rig_init(struct group_rig *rig, const char *const *options)
{
    assert_int_equal(0, group_rig_init_failing_at(rig, options, 0));
}

static inline void rig_with_commits(struct group_rig *rig)
{
    assert_int_equal(0, dh_commits_init(&rig->commits, &rig->net.context, rig->link));
    dh_commits_set_membership(&rig->commits, rig->membership);
    rig->has_commits = true;
}

static inline void rig_with_positions(struct group_rig *rig, bool has_group)
{
    assert_int_equal(0, dh_positions_init(&rig->positions, &rig->net.context,
                                          &rig->partitions, rig->link, has_group));
    rig->has_positions = true;
}

static inline void group_rig_deinit(struct group_rig *rig)
{
    rig->net.memory.fail_at = 0;
    for (struct dh_link *link; (link = dh_list_pop_front(&rig->held)) != NULL;) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        dh_mem_free(&rig->net.memory.allocator, message, message->size);
    }
    if (rig->has_commits) {
        dh_commits_deinit(&rig->commits);
    }
    if (rig->has_positions) {
        dh_positions_deinit(&rig->positions);
    }
    if (rig->membership != NULL) {
        for (struct dh_link *link;
             (link = dh_list_pop_front(&rig->net.outbox.messages)) != NULL;) {
            rig_take(rig, DH_CONTAINER_OF(link, struct dh_message, link));
        }
        rig->membership->cls->free(rig->membership);
    }
    dh_outbox_release(&rig->net.outbox, &rig->net.memory.allocator);
    dh_coordinator_link_free(rig->link);
    dh_partitions_deinit(&rig->partitions);
    rig_deinit(&rig->net);
}

// ---- Wishes ----

static inline void rig_run_ms(struct group_rig *rig, int64_t duration_ms)
{
    peer_run(&rig->net.peer, duration_ms * DH_MS);
}

static inline void rig_subscribe(struct group_rig *rig,
                                 struct dh_command_subscribe *command,
                                 const char *const *topics, uint32_t count)
{
    *command = (struct dh_command_subscribe){.message = {.kind = DH_COMMAND_SUBSCRIBE},
                                             .topics = topics,
                                             .topic_count = count};
    rig->membership->cls->subscribe(rig->membership, command, rig->net.peer.now_ns);
}

static inline void rig_leave(struct group_rig *rig, struct dh_command_leave *command,
                             enum dh_message_kind kind, int64_t timeout_ms)
{
    *command = (struct dh_command_leave){
        .message = {.kind = kind},
        .deadline_ns = dh_deadline_after_ms(rig->net.peer.now_ns, timeout_ms)};
    rig->membership->cls->leave(rig->membership, command, rig->net.peer.now_ns);
}

#endif
