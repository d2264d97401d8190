// SPDX-License-Identifier: MIT
#include "client/back/position_requests.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/settings.h"
#include "client/back/cluster.h"
#include "client/back/coordinator_link.h"
#include "client/back/position_rows.h"
#include "client/back/reactions.h"
#include "wire/api.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/offset_for_leader_epoch.h"

// Before it the broker asked for rights on the cluster (CL-125).
#define EPOCH_VERSION_MIN 3

#define TIMESTAMP_LATEST   (-1)
#define TIMESTAMP_EARLIEST (-2)

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

// The rows of a pending list, sorted by topic; leader DH_NODE_NONE: all of them.
static int rows_select(const struct dh_list *pending, enum dh_partition_state state,
                       int32_t leader, struct dh_arena *arena,
                       struct selection *selection)
{
    size_t count = 0;
    DH_LIST_EACH(link, pending)
    {
        count +=
            dh_position_row_is_pending(dh_position_row_of(link), state, leader) ? 1 : 0;
    }
    selection->rows = dh_arena_calloc(arena, count, sizeof(struct dh_partition *));
    if (selection->rows == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    selection->count = 0;
    DH_LIST_EACH(link, pending)
    {
        if (dh_position_row_is_pending(dh_position_row_of(link), state, leader)) {
            selection->rows[selection->count++] = dh_position_row_of(link);
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
        dh_position_row_move(row, in_flight);
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
    struct dh_partition *row =
        dh_position_row_answered(p, topic, partition, p->committed_request);
    if (row == NULL || row->state != DH_PARTITION_STARTING) {
        return;
    }
    if (broker_code != 0) {
        dh_position_row_refused(p, row, DH_API_OFFSET_FETCH, broker_code, now_ns);
    } else {
        dh_position_row_committed(p, row, offset, epoch, now_ns);
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
        dh_position_row_refused(p, dh_position_row_of(first), DH_API_OFFSET_FETCH,
                                broker_code, now_ns);
    }
    dh_position_rows_delay(p, &p->in_flight, now_ns);
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
    dh_position_rows_delay(p, in_flight, now_ns);
    dh_position_step_soon(p, now_ns);
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
        dh_position_rows_delay(p, &p->starting, now_ns);
    }
    answer_end(p, &p->in_flight, now_ns);
    return DH_SETTLED_DONE;
}

static void no_due(struct dh_op *op, int64_t now_ns)
{
    (void)op;
    (void)now_ns; // rows have their own back-off, operations are settled as done
}

const struct dh_op_class dh_position_committed_class = {
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
    struct dh_position_leader *leader =
        DH_CONTAINER_OF(op, struct dh_position_leader, list_op);
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

static void list_answer(struct dh_positions *p, const struct dh_position_leader *leader,
                        dohle_bytes topic,
                        const struct dh_list_offsets_response_topic_partition *told,
                        int64_t now_ns)
{
    struct dh_partition *row =
        dh_position_row_answered(p, topic, told->partition_index, leader->list_request);
    if (row == NULL || row->state != DH_PARTITION_RESETTING) {
        return;
    }
    if (told->error_code != 0) {
        dh_position_row_refused(p, row, DH_API_LIST_OFFSETS, told->error_code, now_ns);
    } else if (told->offset < 0) {
        dh_position_row_delay(p, row, now_ns);
    } else {
        // No epoch: nothing was read yet, there is nothing to validate.
        dh_position_row_fetch(p, row, told->offset, -1, now_ns);
    }
}

static enum dh_settled list_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                     int64_t now_ns)
{
    struct dh_position_leader *leader =
        DH_CONTAINER_OF(op, struct dh_position_leader, list_op);
    struct dh_positions *p = leader->positions;
    if (reply->err != 0) {
        if (reply->err != DOHLE_ERR_INVALID_STATE) {
            dh_cluster_request_update(p->context.cluster, now_ns);
        }
        DH_LIST_EACH_SAFE(link, next, &p->resetting)
        {
            if (dh_position_row_of(link)->leader == leader->node_id) {
                dh_position_row_delay(p, dh_position_row_of(link), now_ns);
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

const struct dh_op_class dh_position_list_class = {
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
    struct dh_position_leader *leader =
        DH_CONTAINER_OF(op, struct dh_position_leader, epoch_op);
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
epoch_answer(struct dh_positions *p, const struct dh_position_leader *leader,
             dohle_bytes topic,
             const struct dh_offset_for_leader_epoch_response_topic_partition *told,
             int64_t now_ns)
{
    struct dh_partition *row =
        dh_position_row_answered(p, topic, told->partition, leader->epoch_request);
    if (row == NULL || row->state != DH_PARTITION_VALIDATING) {
        return;
    }
    if (told->error_code != 0) {
        dh_position_row_refused(p, row, DH_API_OFFSET_FOR_LEADER_EPOCH, told->error_code,
                                now_ns);
    } else {
        dh_position_row_validated(p, row, told->leader_epoch, told->end_offset, now_ns);
    }
}

// No answer from the leader: wait; from one too old to ask: all count as valid (CL-125).
static void epoch_unanswered(struct dh_positions *p,
                             const struct dh_position_leader *leader, int err,
                             int64_t now_ns)
{
    if (err != DOHLE_ERR_INVALID_STATE && err != DOHLE_ERR_UNSUPPORTED_VERSION) {
        dh_cluster_request_update(p->context.cluster, now_ns);
    }
    DH_LIST_EACH_SAFE(link, next, &p->validating)
    {
        struct dh_partition *row = dh_position_row_of(link);
        if (row->leader != leader->node_id) {
            continue;
        }
        if (err == DOHLE_ERR_UNSUPPORTED_VERSION) {
            dh_position_row_fetch(p, row, row->fetch_offset, row->fetch_offset_epoch,
                                  now_ns);
        } else {
            dh_position_row_delay(p, row, now_ns);
        }
    }
}

static enum dh_settled epoch_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                      int64_t now_ns)
{
    struct dh_position_leader *leader =
        DH_CONTAINER_OF(op, struct dh_position_leader, epoch_op);
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

const struct dh_op_class dh_position_epoch_class = {
    .name = "OffsetForLeaderEpoch",
    .api_key = DH_API_OFFSET_FOR_LEADER_EPOCH,
    .channel = DH_CHANNEL_GENERAL,
    .fill = epoch_fill,
    .on_reply = epoch_on_reply,
    .on_due = no_due,
};
