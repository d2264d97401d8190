// SPDX-License-Identifier: MIT
#include "client/back/positions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "client/back/cluster.h"
#include "client/back/coordinator_link.h"
#include "client/back/outbox.h"
#include "client/back/reactions.h"
#include "wire/api.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/offset_for_leader_epoch.h"

#define SUBSYSTEM "positions"

// Version 10 names topics by id, which may be unknown; nothing else is new in it.
#define OFFSET_FETCH_VERSION_MAX 9
// Before it the broker asked for rights on the cluster (CL-125).
#define EPOCH_VERSION_MIN 3

#define TIMESTAMP_LATEST   (-1)
#define TIMESTAMP_EARLIEST (-2)

// What is asked of one leader.
struct leader {
    struct dh_link link; // dh_positions.leaders
    struct dh_positions *positions;
    int32_t node_id;
    struct dh_op list_op;      // ListOffsets
    struct dh_op epoch_op;     // OffsetForLeaderEpoch
    struct dh_list list_rows;  // position_link: in flight
    struct dh_list epoch_rows; // position_link: in flight
    uint64_t list_request;     // number of the request in flight
    uint64_t epoch_request;
};

static void step_soon(struct dh_positions *p, int64_t now_ns)
{
    dh_alarm_set(&p->step_alarm, p->context.alarms, now_ns);
}

static int64_t request_deadline(const struct dh_positions *p, int64_t now_ns)
{
    return dh_deadline_after_ms(now_ns, p->context.settings->request_timeout_ms);
}

// ---- Rows and lists ----

static struct dh_partition *row_of(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_partition, position_link);
}

static void row_move(struct dh_partition *row, struct dh_list *list)
{
    dh_list_remove(&row->position_link);
    row->position_request = 0;
    dh_list_push_back(list, &row->position_link);
}

static void row_let_go(struct dh_partition *row)
{
    dh_list_remove(&row->position_link);
    row->position_request = 0;
}

// Waits for an offset, and is not being given up.
static bool is_waiting(const struct dh_partition *row)
{
    return !row->is_revoking &&
           (row->state == DH_PARTITION_STARTING || row->state == DH_PARTITION_RESETTING ||
            row->state == DH_PARTITION_VALIDATING);
}

// Onto the pending list of its state.
static void row_pend(struct dh_positions *p, struct dh_partition *row, int64_t now_ns)
{
    DH_ASSERT(is_waiting(row));
    struct dh_list *list = row->state == DH_PARTITION_STARTING    ? &p->starting
                           : row->state == DH_PARTITION_RESETTING ? &p->resetting
                                                                  : &p->validating;
    row_move(row, list);
    step_soon(p, now_ns);
}

// An error that passes: after the back-off, or with the next metadata.
static void row_delay(struct dh_positions *p, struct dh_partition *row, int64_t now_ns)
{
    row_move(row, &p->delayed);
    if (!dh_alarm_is_set(&p->retry_alarm)) {
        int64_t wait_ms = dh_backoff_next_ms(&p->backoff, p->context.random);
        dh_alarm_set(&p->retry_alarm, p->context.alarms,
                     dh_deadline_after_ms(now_ns, wait_ms));
    }
}

// The state is this module's to change; the others are shown it.
static void row_change(struct dh_positions *p, struct dh_partition *row,
                       enum dh_partition_state state, int64_t now_ns)
{
    row->state = state;
    dh_partitions_touch(p->partitions, row);
    if (is_waiting(row)) {
        row_pend(p, row, now_ns);
    } else {
        row_let_go(row);
    }
}

// ---- Notices ----

// Returns 0 or DOHLE_ERR_NO_MEMORY.
static int position_post(struct dh_positions *p, const struct dh_partition *row,
                         bool is_held, int64_t offset, int32_t epoch)
{
    struct dh_notice_position *notice = dh_mem_calloc(p->context.mem, 1, sizeof(*notice));
    if (notice == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    notice->message.kind = DH_NOTICE_POSITION;
    notice->message.size = sizeof(*notice);
    notice->slot = row->slot;
    notice->term = row->term;
    notice->is_held = is_held;
    notice->offset = offset;
    notice->leader_epoch = epoch;
    dh_outbox_post(p->context.outbox, &notice->message);
    return 0;
}

static void error_fill(dohle_error_info *error, const struct dh_partition *row, int code,
                       int16_t broker_code, int64_t offset)
{
    *error = (dohle_error_info){
        .code = code,
        .broker_code = broker_code,
        .node_id = row->leader,
        .partition = row->partition,
        .offset = offset,
    };
    (void)snprintf(error->topic, sizeof(error->topic), "%s", row->topic);
}

// The partition cannot go on before a seek. Without memory it is tried again.
static void row_fail(struct dh_positions *p, struct dh_partition *row, int code,
                     int64_t offset, int64_t truncated_to, int64_t now_ns)
{
    struct dh_notice_partition_error *notice =
        dh_mem_calloc(p->context.mem, 1, sizeof(*notice));
    if (notice == NULL) {
        row_delay(p, row, now_ns);
        return;
    }
    notice->message.kind = DH_NOTICE_PARTITION_ERROR;
    notice->message.size = sizeof(*notice);
    notice->slot = row->slot;
    notice->term = row->term;
    notice->truncated_to = truncated_to;
    error_fill(&notice->error, row, code, 0, offset);
    if (code == DOHLE_ERR_LOG_TRUNCATION) {
        (void)snprintf(notice->error.text, sizeof(notice->error.text),
                       "the log of %s-%" PRId32 " was truncated below position %" PRId64
                       ", the logs part at %" PRId64,
                       row->topic, row->partition, offset, truncated_to);
    } else {
        (void)snprintf(notice->error.text, sizeof(notice->error.text),
                       "%s-%" PRId32 ": %s", row->topic, row->partition,
                       dohle_error_text(code));
    }
    dh_log(p->context.log, DOHLE_LOG_WARNING, SUBSYSTEM, "%s", notice->error.text);
    row->is_held = false;
    dh_outbox_post(p->context.outbox, &notice->message);
    row_change(p, row, DH_PARTITION_FAILED, now_ns);
}

// Retrying may help some day, but the application must know.
static void refusal_report(struct dh_positions *p, const struct dh_partition *row,
                           int16_t broker_code, const char *what)
{
    dohle_error_info error;
    int code = dh_reaction_error(broker_code);
    error_fill(&error, row, code, broker_code, -1);
    if (code == DOHLE_ERR_GROUP_AUTHORIZATION) {
        error.topic[0] = '\0';
        error.partition = -1;
    }
    (void)snprintf(error.text, sizeof(error.text), "%s of %s-%" PRId32 ": %s (%s)", what,
                   row->topic, row->partition, dohle_error_text(code),
                   dohle_broker_error_name(broker_code));
    if (dh_outbox_report(p->context.outbox, p->context.mem, &error)) {
        dh_log(p->context.log, DOHLE_LOG_ERROR, SUBSYSTEM, "%s", error.text);
    }
}

// ---- What an answer makes of a row ----

static const struct dh_cluster_partition *
cluster_partition(const struct dh_positions *p, const struct dh_partition *row)
{
    return dh_cluster_partition(p->context.cluster, row->topic, row->partition);
}

// The position is known and right: FETCHING.
static void row_fetch(struct dh_positions *p, struct dh_partition *row, int64_t offset,
                      int32_t epoch, int64_t now_ns)
{
    int err = row->is_held ? position_post(p, row, false, -1, -1)
                           : position_post(p, row, false, offset, epoch);
    if (err != 0) {
        row_delay(p, row, now_ns);
        return;
    }
    row->is_held = false;
    row->fetch_offset = offset;
    row->fetch_offset_epoch = epoch;
    // Under the leader that was asked; whether that is still so is looked at when the
    // row is shown to us again.
    dh_log(p->context.log, DOHLE_LOG_DEBUG, SUBSYSTEM,
           "%s-%" PRId32 " reads on from %" PRId64 " at node %" PRId32, row->topic,
           row->partition, offset, row->leader);
    row_change(p, row, DH_PARTITION_FETCHING, now_ns);
}

// No committed offset (CL-121), or one that nobody knows any more.
static void row_reset(struct dh_positions *p, struct dh_partition *row, int64_t now_ns)
{
    if (p->context.settings->auto_offset_reset == DH_OFFSET_RESET_NONE) {
        row_fail(p, row, DOHLE_ERR_NO_OFFSET, -1, -1, now_ns);
        return;
    }
    row->reset_target = DH_SEEK_POLICY;
    row_change(p, row, DH_PARTITION_RESETTING, now_ns);
}

static void row_committed(struct dh_positions *p, struct dh_partition *row,
                          int64_t offset, int32_t epoch, int64_t now_ns)
{
    if (offset < 0) {
        row_reset(p, row, now_ns);
        return;
    }
    if (epoch < 0) {
        row_fetch(p, row, offset, epoch, now_ns);
        return;
    }
    row->fetch_offset = offset; // CL-127
    row->fetch_offset_epoch = epoch;
    row_change(p, row, DH_PARTITION_VALIDATING, now_ns);
}

/*
 * The log of the position's epoch ends at end_offset (CL-126); -1 with an undefined
 * epoch: nobody knows. The front half decides when it may have delivered from there.
 */
static void row_validated(struct dh_positions *p, struct dh_partition *row,
                          int32_t end_epoch, int64_t end_offset, int64_t now_ns)
{
    bool is_known = end_epoch >= 0 && end_offset >= 0;
    bool has_policy = p->context.settings->auto_offset_reset != DH_OFFSET_RESET_NONE;
    if (is_known && end_offset >= row->fetch_offset) {
        row_fetch(p, row, row->fetch_offset, row->fetch_offset_epoch, now_ns);
    } else if (row->is_held || !has_policy) {
        row_fail(p, row, DOHLE_ERR_LOG_TRUNCATION, row->fetch_offset,
                 is_known ? end_offset : -1, now_ns);
    } else if (is_known) {
        row_fetch(p, row, end_offset, end_epoch, now_ns);
    } else {
        row_reset(p, row, now_ns);
    }
}

// Carries out what the table says about an error of one row.
static void row_refused(struct dh_positions *p, struct dh_partition *row, int16_t api_key,
                        int16_t broker_code, int64_t now_ns)
{
    enum dh_reaction reaction = dh_reaction_of(api_key, broker_code);
    dh_log(p->context.log, DOHLE_LOG_INFO, SUBSYSTEM, "%s of %s-%" PRId32 ": %s: %s",
           dh_api_name(api_key), row->topic, row->partition,
           dohle_broker_error_name(broker_code), dh_reaction_name(reaction));
    if (reaction == DH_REACTION_REFRESH) {
        dh_cluster_request_update(p->context.cluster, now_ns);
    }
    if (reaction == DH_REACTION_REPORT) {
        refusal_report(p, row, broker_code, dh_api_name(api_key));
    }
    row_delay(p, row, now_ns);
}

/*
 * The row that an answer is about: NULL unless it is in flight in that request and its
 * term is still the one it was asked under. The rest is dropped here, in one place.
 */
static struct dh_partition *row_answered(const struct dh_positions *p, dohle_bytes topic,
                                         int32_t partition, uint64_t request)
{
    char name[256];
    if (topic.size >= sizeof(name)) {
        return NULL;
    }
    if (topic.size > 0) {
        memcpy(name, topic.data, topic.size);
    }
    name[topic.size] = '\0';
    struct dh_partition *row = dh_partitions_find(p->partitions, name, partition);
    if (row == NULL || row->position_request != request || !is_waiting(row) ||
        !dh_term_equal(row->position_term, row->term)) {
        return NULL;
    }
    return row;
}

// What a request was about and its answer was not.
static void rows_delay(struct dh_positions *p, struct dh_list *in_flight, int64_t now_ns)
{
    struct dh_link *link = NULL;
    while ((link = dh_list_first(in_flight)) != NULL) {
        row_delay(p, row_of(link), now_ns);
    }
}

// ---- Requests: collecting rows ----

static int row_compare(const void *a, const void *b)
{
    const struct dh_partition *left = *(struct dh_partition *const *)a;
    const struct dh_partition *right = *(struct dh_partition *const *)b;
    int order = strcmp(left->topic, right->topic);
    if (order != 0) {
        return order;
    }
    return (left->partition > right->partition) - (left->partition < right->partition);
}

struct selection {
    struct dh_partition **rows;
    size_t count;
};

// A row may have been changed and not be shown to us yet.
static bool is_pending(const struct dh_partition *row, enum dh_partition_state state,
                       int32_t leader)
{
    return row->state == state && !row->is_revoking &&
           (leader == DH_NODE_NONE || row->leader == leader);
}

// The rows of a pending list, sorted by topic; leader DH_NODE_NONE: all of them.
static int rows_select(const struct dh_list *pending, enum dh_partition_state state,
                       int32_t leader, struct dh_arena *arena,
                       struct selection *selection)
{
    size_t count = 0;
    DH_LIST_EACH(link, pending)
    {
        count += is_pending(row_of(link), state, leader) ? 1 : 0;
    }
    selection->rows = dh_arena_calloc(arena, count, sizeof(struct dh_partition *));
    if (selection->rows == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    selection->count = 0;
    DH_LIST_EACH(link, pending)
    {
        if (is_pending(row_of(link), state, leader)) {
            selection->rows[selection->count++] = row_of(link);
        }
    }
    if (count > 0) {
        qsort(selection->rows, count, sizeof(*selection->rows), row_compare);
    }
    // They may have gone while the connection was made: nothing to ask.
    return count == 0 ? DOHLE_ERR_INVALID_STATE : 0;
}

static bool is_topic_start(const struct selection *selection, size_t index)
{
    return index == 0 ||
           strcmp(selection->rows[index - 1]->topic, selection->rows[index]->topic) != 0;
}

// The request is complete: its rows are in flight.
static uint64_t rows_send(struct dh_positions *p, const struct selection *selection,
                          struct dh_list *in_flight)
{
    uint64_t request = ++p->request_last;
    for (size_t i = 0; i < selection->count; i++) {
        struct dh_partition *row = selection->rows[i];
        row_move(row, in_flight);
        row->position_request = request;
        row->position_term = row->term;
    }
    return request;
}

// ---- OffsetFetch ----

static int committed_fill(struct dh_op *op, int16_t version, void *message,
                          struct dh_arena *arena, int64_t now_ns)
{
    (void)now_ns;
    struct dh_positions *p = DH_CONTAINER_OF(op, struct dh_positions, committed_op);
    struct dh_offset_fetch_request *request = message;
    struct selection selection;
    int err =
        rows_select(&p->starting, DH_PARTITION_STARTING, DH_NODE_NONE, arena, &selection);
    if (err != 0) {
        return err;
    }
    // Two shapes: topics of the one group up to version 7, groups from version 8.
    struct dh_offset_fetch_request_topic *topics =
        dh_arena_calloc(arena, selection.count, sizeof(*topics));
    struct dh_offset_fetch_request_group_topic *group_topics =
        dh_arena_calloc(arena, selection.count, sizeof(*group_topics));
    struct dh_offset_fetch_request_group *group = dh_arena_alloc(arena, sizeof(*group));
    int32_t *numbers = dh_arena_calloc(arena, selection.count, sizeof(*numbers));
    if (topics == NULL || group_topics == NULL || group == NULL || numbers == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int32_t count = 0;
    for (size_t i = 0; i < selection.count; i++) {
        if (is_topic_start(&selection, i)) {
            topics[count].name = dh_bytes_of(selection.rows[i]->topic);
            topics[count].partition_indexes.items = &numbers[i];
            count++;
        }
        numbers[i] = selection.rows[i]->partition;
        topics[count - 1].partition_indexes.count++;
    }
    dohle_bytes group_id = dh_bytes_of(p->context.settings->group_id);
    if (version >= 8) {
        for (int32_t i = 0; i < count; i++) {
            group_topics[i].name = topics[i].name;
            group_topics[i].partition_indexes.items = topics[i].partition_indexes.items;
            group_topics[i].partition_indexes.count = topics[i].partition_indexes.count;
        }
        dh_struct_init(&dh_offset_fetch_request_group_struct, group);
        group->group_id = group_id;
        group->topics.items = group_topics;
        group->topics.count = count;
        request->groups.items = group;
        request->groups.count = 1;
    } else {
        request->group_id = group_id;
        request->topics.items = topics;
        request->topics.count = count;
    }
    request->require_stable = version >= 7;
    p->committed_request = rows_send(p, &selection, &p->in_flight);
    return 0;
}

static void committed_answer(struct dh_positions *p, dohle_bytes topic, int32_t partition,
                             int64_t offset, int32_t epoch, int16_t broker_code,
                             int64_t now_ns)
{
    struct dh_partition *row = row_answered(p, topic, partition, p->committed_request);
    if (row == NULL || row->state != DH_PARTITION_STARTING) {
        return;
    }
    if (broker_code != 0) {
        row_refused(p, row, DH_API_OFFSET_FETCH, broker_code, now_ns);
    } else {
        row_committed(p, row, offset, epoch, now_ns);
    }
}

// An error of the whole group: all rows wait; told for one of them.
static void committed_refused(struct dh_positions *p, int16_t broker_code,
                              int32_t node_id, int64_t now_ns)
{
    enum dh_reaction reaction = dh_reaction_of(DH_API_OFFSET_FETCH, broker_code);
    if (reaction == DH_REACTION_REDISCOVER) {
        dh_coordinator_lost(p->link, node_id, dohle_broker_error_name(broker_code),
                            now_ns);
    }
    struct dh_link *first = dh_list_first(&p->in_flight);
    if (first != NULL) {
        row_refused(p, row_of(first), DH_API_OFFSET_FETCH, broker_code, now_ns);
    }
    rows_delay(p, &p->in_flight, now_ns);
}

static void committed_answers_old(struct dh_positions *p,
                                  const struct dh_offset_fetch_response *response,
                                  int32_t node_id, int64_t now_ns)
{
    if (response->error_code != 0) {
        committed_refused(p, response->error_code, node_id, now_ns);
        return;
    }
    for (int32_t i = 0; i < response->topics.count; i++) {
        const struct dh_offset_fetch_response_topic *topic = &response->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_offset_fetch_response_topic_partition *told =
                &topic->partitions.items[j];
            committed_answer(p, topic->name, told->partition_index,
                             told->committed_offset, told->committed_leader_epoch,
                             told->error_code, now_ns);
        }
    }
}

static void committed_answers(struct dh_positions *p,
                              const struct dh_offset_fetch_response_group *group,
                              int32_t node_id, int64_t now_ns)
{
    if (group->error_code != 0) {
        committed_refused(p, group->error_code, node_id, now_ns);
        return;
    }
    for (int32_t i = 0; i < group->topics.count; i++) {
        const struct dh_offset_fetch_response_group_topic *topic =
            &group->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_offset_fetch_response_group_topic_partition *told =
                &topic->partitions.items[j];
            committed_answer(p, topic->name, told->partition_index,
                             told->committed_offset, told->committed_leader_epoch,
                             told->error_code, now_ns);
        }
    }
}

// A whole answer without a row left over ends the run of failures.
static void answer_end(struct dh_positions *p, struct dh_list *in_flight, int64_t now_ns)
{
    if (dh_list_is_empty(in_flight) && dh_list_is_empty(&p->delayed)) {
        dh_backoff_reset(&p->backoff);
    }
    rows_delay(p, in_flight, now_ns);
    step_soon(p, now_ns);
}

static enum dh_settled committed_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                          int64_t now_ns)
{
    struct dh_positions *p = DH_CONTAINER_OF(op, struct dh_positions, committed_op);
    if (reply->err != 0) {
        if (dohle_error_class(reply->err) == DOHLE_CLASS_IO ||
            dohle_error_class(reply->err) == DOHLE_CLASS_TIMEOUT ||
            reply->err == DOHLE_ERR_PROTOCOL) {
            dh_coordinator_lost(p->link, reply->node_id, reply->text, now_ns);
        }
    } else if (reply->version < 8) {
        committed_answers_old(p, reply->response, reply->node_id, now_ns);
    } else {
        const struct dh_offset_fetch_response *response = reply->response;
        if (response->groups.count > 0) {
            committed_answers(p, &response->groups.items[0], reply->node_id, now_ns);
        }
    }
    if (reply->err != 0 && dh_list_is_empty(&p->in_flight)) {
        // Nothing had been asked yet: who waits, waits on.
        rows_delay(p, &p->starting, now_ns);
    }
    answer_end(p, &p->in_flight, now_ns);
    return DH_SETTLED_DONE;
}

static void no_due(struct dh_op *op, int64_t now_ns)
{
    (void)op;
    (void)now_ns; // rows have their own back-off, operations are settled as done
}

static const struct dh_op_class committed_class = {
    .name = "OffsetFetch",
    .api_key = DH_API_OFFSET_FETCH,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = committed_fill,
    .on_reply = committed_on_reply,
    .on_due = no_due,
};

// ---- ListOffsets ----

static int64_t reset_timestamp(const struct dh_positions *p,
                               const struct dh_partition *row)
{
    if (row->reset_target == DH_SEEK_BEGINNING) {
        return TIMESTAMP_EARLIEST;
    }
    if (row->reset_target == DH_SEEK_POLICY &&
        p->context.settings->auto_offset_reset == DH_OFFSET_RESET_EARLIEST) {
        return TIMESTAMP_EARLIEST;
    }
    return TIMESTAMP_LATEST;
}

static int list_fill(struct dh_op *op, int16_t version, void *message,
                     struct dh_arena *arena, int64_t now_ns)
{
    (void)now_ns;
    struct leader *leader = DH_CONTAINER_OF(op, struct leader, list_op);
    struct dh_positions *p = leader->positions;
    struct dh_list_offsets_request *request = message;
    struct selection selection;
    int err = rows_select(&p->resetting, DH_PARTITION_RESETTING, leader->node_id, arena,
                          &selection);
    if (err != 0) {
        return err;
    }
    struct dh_list_offsets_request_topic *topics =
        dh_arena_calloc(arena, selection.count, sizeof(*topics));
    struct dh_list_offsets_request_topic_partition *partitions =
        dh_arena_calloc(arena, selection.count, sizeof(*partitions));
    if (topics == NULL || partitions == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int32_t count = 0;
    for (size_t i = 0; i < selection.count; i++) {
        const struct dh_partition *row = selection.rows[i];
        if (is_topic_start(&selection, i)) {
            topics[count].name = dh_bytes_of(row->topic);
            topics[count].partitions.items = &partitions[i];
            count++;
        }
        topics[count - 1].partitions.count++;
        partitions[i].partition_index = row->partition;
        partitions[i].current_leader_epoch = row->leader_epoch;
        partitions[i].timestamp = reset_timestamp(p, row);
    }
    request->replica_id = -1;
    request->topics.items = topics;
    request->topics.count = count;
    if (version >= 10) {
        request->timeout_ms = p->context.settings->request_timeout_ms;
    }
    leader->list_request = rows_send(p, &selection, &leader->list_rows);
    return 0;
}

static void list_answer(struct dh_positions *p, const struct leader *leader,
                        dohle_bytes topic,
                        const struct dh_list_offsets_response_topic_partition *told,
                        int64_t now_ns)
{
    struct dh_partition *row =
        row_answered(p, topic, told->partition_index, leader->list_request);
    if (row == NULL || row->state != DH_PARTITION_RESETTING) {
        return;
    }
    if (told->error_code != 0) {
        row_refused(p, row, DH_API_LIST_OFFSETS, told->error_code, now_ns);
    } else if (told->offset < 0) {
        row_delay(p, row, now_ns);
    } else {
        // No epoch: nothing was read yet, there is nothing to validate.
        row_fetch(p, row, told->offset, -1, now_ns);
    }
}

static enum dh_settled list_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                     int64_t now_ns)
{
    struct leader *leader = DH_CONTAINER_OF(op, struct leader, list_op);
    struct dh_positions *p = leader->positions;
    if (reply->err != 0) {
        if (reply->err != DOHLE_ERR_INVALID_STATE) {
            dh_cluster_request_update(p->context.cluster, now_ns);
        }
        DH_LIST_EACH_SAFE(link, next, &p->resetting)
        {
            if (row_of(link)->leader == leader->node_id) {
                row_delay(p, row_of(link), now_ns);
            }
        }
    } else {
        const struct dh_list_offsets_response *response = reply->response;
        for (int32_t i = 0; i < response->topics.count; i++) {
            const struct dh_list_offsets_response_topic *topic =
                &response->topics.items[i];
            for (int32_t j = 0; j < topic->partitions.count; j++) {
                list_answer(p, leader, topic->name, &topic->partitions.items[j], now_ns);
            }
        }
    }
    answer_end(p, &leader->list_rows, now_ns);
    return DH_SETTLED_DONE;
}

static const struct dh_op_class list_class = {
    .name = "ListOffsets",
    .api_key = DH_API_LIST_OFFSETS,
    .channel = DH_CHANNEL_GENERAL,
    .fill = list_fill,
    .on_reply = list_on_reply,
    .on_due = no_due,
};

// ---- OffsetForLeaderEpoch ----

static int epoch_fill(struct dh_op *op, int16_t version, void *message,
                      struct dh_arena *arena, int64_t now_ns)
{
    (void)now_ns;
    struct leader *leader = DH_CONTAINER_OF(op, struct leader, epoch_op);
    struct dh_positions *p = leader->positions;
    struct dh_offset_for_leader_epoch_request *request = message;
    struct selection selection;
    int err = rows_select(&p->validating, DH_PARTITION_VALIDATING, leader->node_id, arena,
                          &selection);
    if (err != 0) {
        return err;
    }
    if (version < EPOCH_VERSION_MIN) {
        return DOHLE_ERR_UNSUPPORTED_VERSION;
    }
    struct dh_offset_for_leader_epoch_request_topic *topics =
        dh_arena_calloc(arena, selection.count, sizeof(*topics));
    struct dh_offset_for_leader_epoch_request_topic_partition *partitions =
        dh_arena_calloc(arena, selection.count, sizeof(*partitions));
    if (topics == NULL || partitions == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int32_t count = 0;
    for (size_t i = 0; i < selection.count; i++) {
        const struct dh_partition *row = selection.rows[i];
        if (is_topic_start(&selection, i)) {
            topics[count].topic = dh_bytes_of(row->topic);
            topics[count].partitions.items = &partitions[i];
            count++;
        }
        topics[count - 1].partitions.count++;
        partitions[i].partition = row->partition;
        partitions[i].current_leader_epoch = row->leader_epoch;
        partitions[i].leader_epoch = row->fetch_offset_epoch;
    }
    request->replica_id = -1;
    request->topics.items = topics;
    request->topics.count = count;
    leader->epoch_request = rows_send(p, &selection, &leader->epoch_rows);
    return 0;
}

static void
epoch_answer(struct dh_positions *p, const struct leader *leader, dohle_bytes topic,
             const struct dh_offset_for_leader_epoch_response_topic_partition *told,
             int64_t now_ns)
{
    struct dh_partition *row =
        row_answered(p, topic, told->partition, leader->epoch_request);
    if (row == NULL || row->state != DH_PARTITION_VALIDATING) {
        return;
    }
    if (told->error_code != 0) {
        row_refused(p, row, DH_API_OFFSET_FOR_LEADER_EPOCH, told->error_code, now_ns);
    } else {
        row_validated(p, row, told->leader_epoch, told->end_offset, now_ns);
    }
}

// No answer from the leader: wait; from one too old to ask: all count as valid (CL-125).
static void epoch_unanswered(struct dh_positions *p, const struct leader *leader, int err,
                             int64_t now_ns)
{
    if (err != DOHLE_ERR_INVALID_STATE && err != DOHLE_ERR_UNSUPPORTED_VERSION) {
        dh_cluster_request_update(p->context.cluster, now_ns);
    }
    DH_LIST_EACH_SAFE(link, next, &p->validating)
    {
        struct dh_partition *row = row_of(link);
        if (row->leader != leader->node_id) {
            continue;
        }
        if (err == DOHLE_ERR_UNSUPPORTED_VERSION) {
            row_fetch(p, row, row->fetch_offset, row->fetch_offset_epoch, now_ns);
        } else {
            row_delay(p, row, now_ns);
        }
    }
}

static enum dh_settled epoch_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                      int64_t now_ns)
{
    struct leader *leader = DH_CONTAINER_OF(op, struct leader, epoch_op);
    struct dh_positions *p = leader->positions;
    if (reply->err != 0) {
        epoch_unanswered(p, leader, reply->err, now_ns);
    } else {
        const struct dh_offset_for_leader_epoch_response *response = reply->response;
        for (int32_t i = 0; i < response->topics.count; i++) {
            const struct dh_offset_for_leader_epoch_response_topic *topic =
                &response->topics.items[i];
            for (int32_t j = 0; j < topic->partitions.count; j++) {
                epoch_answer(p, leader, topic->topic, &topic->partitions.items[j],
                             now_ns);
            }
        }
    }
    answer_end(p, &leader->epoch_rows, now_ns);
    return DH_SETTLED_DONE;
}

static const struct dh_op_class epoch_class = {
    .name = "OffsetForLeaderEpoch",
    .api_key = DH_API_OFFSET_FOR_LEADER_EPOCH,
    .channel = DH_CHANNEL_GENERAL,
    .fill = epoch_fill,
    .on_reply = epoch_on_reply,
    .on_due = no_due,
};

// ---- Leaders ----

static struct leader *leader_new(struct dh_positions *p, int32_t node_id)
{
    struct leader *leader = dh_mem_calloc(p->context.mem, 1, sizeof(*leader));
    if (leader == NULL) {
        return NULL;
    }
    leader->positions = p;
    leader->node_id = node_id;
    dh_list_init(&leader->list_rows);
    dh_list_init(&leader->epoch_rows);
    if (dh_op_init(&leader->list_op, &list_class, p->context.requests) != 0) {
        dh_mem_free(p->context.mem, leader, sizeof(*leader));
        return NULL;
    }
    if (dh_op_init(&leader->epoch_op, &epoch_class, p->context.requests) != 0) {
        dh_op_deinit(&leader->list_op, p->context.requests);
        dh_mem_free(p->context.mem, leader, sizeof(*leader));
        return NULL;
    }
    dh_list_push_back(&p->leaders, &leader->link);
    return leader;
}

// One for each node ever asked; as many as the cluster has nodes. NULL: no memory.
static struct leader *leader_get(struct dh_positions *p, int32_t node_id)
{
    DH_LIST_EACH(link, &p->leaders)
    {
        struct leader *leader = DH_CONTAINER_OF(link, struct leader, link);
        if (leader->node_id == node_id) {
            return leader;
        }
    }
    return leader_new(p, node_id);
}

// Finds the leader of a pending row; false: the row waits for metadata.
static bool row_direct(struct dh_positions *p, struct dh_partition *row, int64_t now_ns)
{
    const struct dh_cluster_partition *known = cluster_partition(p, row);
    if (known == NULL || known->leader == DH_NODE_NONE) {
        dh_cluster_request_update(p->context.cluster, now_ns);
        row_delay(p, row, now_ns);
        return false;
    }
    row->leader = known->leader;
    row->leader_epoch = known->leader_epoch;
    return true;
}

// Starts what can be started for the rows of a pending list.
static void pending_send(struct dh_positions *p, struct dh_list *pending,
                         enum dh_partition_state state, size_t op_offset, int64_t now_ns)
{
    DH_LIST_EACH_SAFE(link, next, pending)
    {
        struct dh_partition *row = row_of(link);
        if (!is_pending(row, state, DH_NODE_NONE) || !row_direct(p, row, now_ns)) {
            continue;
        }
        struct leader *leader = leader_get(p, row->leader);
        if (leader == NULL) {
            row_delay(p, row, now_ns);
            continue;
        }
        struct dh_op *op = (struct dh_op *)(void *)((char *)leader + op_offset);
        if (op->state == DH_OP_IDLE) {
            dh_op_start(op, p->context.requests, leader->node_id,
                        request_deadline(p, now_ns), now_ns);
        }
    }
}

static void starting_send(struct dh_positions *p, int64_t now_ns)
{
    if (!p->has_group) {
        DH_LIST_EACH_SAFE(link, next, &p->starting)
        {
            if (is_pending(row_of(link), DH_PARTITION_STARTING, DH_NODE_NONE)) {
                row_reset(p, row_of(link), now_ns);
            }
        }
        return;
    }
    if (dh_list_is_empty(&p->starting) || p->committed_op.state != DH_OP_IDLE) {
        return;
    }
    int32_t node_id = dh_coordinator_want(p->link, now_ns);
    if (node_id != DH_NODE_NONE) {
        p->committed_op.version_max = OFFSET_FETCH_VERSION_MAX;
        dh_op_start(&p->committed_op, p->context.requests, node_id,
                    request_deadline(p, now_ns), now_ns);
    }
}

static void step(struct dh_positions *p, int64_t now_ns)
{
    starting_send(p, now_ns);
    // Without a policy such a row cannot be reset; a seek by the policy brings it here.
    if (p->context.settings->auto_offset_reset == DH_OFFSET_RESET_NONE) {
        DH_LIST_EACH_SAFE(link, next, &p->resetting)
        {
            if (is_pending(row_of(link), DH_PARTITION_RESETTING, DH_NODE_NONE) &&
                row_of(link)->reset_target == DH_SEEK_POLICY) {
                row_fail(p, row_of(link), DOHLE_ERR_NO_OFFSET, -1, -1, now_ns);
            }
        }
    }
    pending_send(p, &p->resetting, DH_PARTITION_RESETTING,
                 offsetof(struct leader, list_op), now_ns);
    pending_send(p, &p->validating, DH_PARTITION_VALIDATING,
                 offsetof(struct leader, epoch_op), now_ns);
}

static void step_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    step(DH_CONTAINER_OF(alarm, struct dh_positions, step_alarm), now_ns);
}

// ---- Leader changes ----

/*
 * A position under an older leader epoch is validated before more is fetched (CL-125);
 * without an epoch of its own it just moves along.
 */
static void leader_check(struct dh_positions *p, struct dh_partition *row, int64_t now_ns)
{
    const struct dh_cluster_partition *known = cluster_partition(p, row);
    if (known == NULL) {
        return;
    }
    // Without a leader the epoch counts when there is one again.
    if (known->leader == row->leader &&
        (known->leader == DH_NODE_NONE || known->leader_epoch == row->leader_epoch)) {
        return;
    }
    if (known->leader_epoch < row->leader_epoch) {
        // The cluster drops stale metadata: this is another topic (CL-182).
        row->fetch_offset_epoch = -1;
    }
    bool is_newer = known->leader_epoch > row->leader_epoch;
    if (is_newer && row->fetch_offset_epoch >= 0 && known->leader != DH_NODE_NONE) {
        if (position_post(p, row, true, -1, -1) != 0) {
            p->is_walk_due = true;
            step_soon(p, now_ns);
            return;
        }
        row->is_held = true;
        row_change(p, row, DH_PARTITION_VALIDATING, now_ns);
        return;
    }
    row->leader = known->leader;
    if (known->leader != DH_NODE_NONE) {
        row->leader_epoch = known->leader_epoch;
    }
    dh_partitions_touch(p->partitions, row);
}

static void leaders_check(struct dh_positions *p, int64_t now_ns)
{
    uint64_t version = dh_cluster_version(p->context.cluster);
    if (version == p->cluster_version && !p->is_walk_due) {
        return;
    }
    p->cluster_version = version;
    p->is_walk_due = false;
    size_t cursor = 0;
    struct dh_partition *row = NULL;
    while ((row = dh_partitions_next(p->partitions, &cursor)) != NULL) {
        if (row->state == DH_PARTITION_FETCHING && !row->is_revoking) {
            leader_check(p, row, now_ns);
        }
    }
}

static void delayed_pend(struct dh_positions *p, int64_t now_ns)
{
    dh_alarm_cancel(&p->retry_alarm, p->context.alarms);
    struct dh_link *link = NULL;
    while ((link = dh_list_first(&p->delayed)) != NULL) {
        struct dh_partition *row = row_of(link);
        if (is_waiting(row)) {
            row_pend(p, row, now_ns);
        } else {
            row_let_go(row); // changed, and not shown to us yet
        }
    }
}

static void retry_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_positions *p = DH_CONTAINER_OF(alarm, struct dh_positions, retry_alarm);
    leaders_check(p, now_ns);
    delayed_pend(p, now_ns);
}

// ---- News ----

void dh_positions_on_changed(struct dh_positions *p, struct dh_partition *row,
                             int64_t now_ns)
{
    if (!dh_term_equal(row->position_term, row->term)) {
        row_let_go(row);
        row->position_term = row->term;
        row->is_held = false;
    }
    if (!is_waiting(row)) {
        row_let_go(row);
        if (row->state == DH_PARTITION_FETCHING && !row->is_revoking) {
            leader_check(p, row, now_ns);
        }
        return;
    }
    if (!dh_link_is_linked(&row->position_link)) {
        row_pend(p, row, now_ns);
    }
}

void dh_positions_on_metadata(struct dh_positions *p, int64_t now_ns)
{
    leaders_check(p, now_ns);
    delayed_pend(p, now_ns);
}

void dh_positions_on_coordinator(struct dh_positions *p, int32_t node_id, int64_t now_ns)
{
    if (node_id != DH_NODE_NONE) {
        starting_send(p, now_ns);
    }
}

// ---- Life cycle ----

int dh_positions_init(struct dh_positions *p, const struct dh_back_context *context,
                      struct dh_partitions *partitions, struct dh_coordinator_link *link,
                      bool has_group)
{
    *p = (struct dh_positions){
        .context = *context,
        .partitions = partitions,
        .link = link,
        .has_group = has_group,
        .backoff = {.initial_ms = context->settings->retry_backoff_ms,
                    .max_ms = context->settings->retry_backoff_max_ms},
    };
    dh_list_init(&p->starting);
    dh_list_init(&p->resetting);
    dh_list_init(&p->validating);
    dh_list_init(&p->delayed);
    dh_list_init(&p->in_flight);
    dh_list_init(&p->leaders);
    int err = dh_op_init(&p->committed_op, &committed_class, context->requests);
    if (err != 0) {
        return err;
    }
    err = dh_alarm_init(&p->step_alarm, context->alarms, step_on_alarm);
    if (err == 0) {
        err = dh_alarm_init(&p->retry_alarm, context->alarms, retry_on_alarm);
        if (err != 0) {
            dh_alarm_deinit(&p->step_alarm, context->alarms);
        }
    }
    if (err != 0) {
        dh_op_deinit(&p->committed_op, context->requests);
    }
    return err;
}

static void rows_let_go(struct dh_list *list)
{
    struct dh_link *link = NULL;
    while ((link = dh_list_first(list)) != NULL) {
        row_let_go(row_of(link));
    }
}

void dh_positions_deinit(struct dh_positions *p)
{
    rows_let_go(&p->starting);
    rows_let_go(&p->resetting);
    rows_let_go(&p->validating);
    rows_let_go(&p->delayed);
    rows_let_go(&p->in_flight);
    struct dh_link *link = NULL;
    while ((link = dh_list_pop_front(&p->leaders)) != NULL) {
        struct leader *leader = DH_CONTAINER_OF(link, struct leader, link);
        rows_let_go(&leader->list_rows);
        rows_let_go(&leader->epoch_rows);
        dh_op_deinit(&leader->list_op, p->context.requests);
        dh_op_deinit(&leader->epoch_op, p->context.requests);
        dh_mem_free(p->context.mem, leader, sizeof(*leader));
    }
    dh_op_deinit(&p->committed_op, p->context.requests);
    dh_alarm_deinit(&p->step_alarm, p->context.alarms);
    dh_alarm_deinit(&p->retry_alarm, p->context.alarms);
}
