// SPDX-License-Identifier: MIT
#include "client/back/position_rows.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "client/back/cluster.h"
#include "client/back/outbox.h"
#include "client/back/reactions.h"
#include "wire/api.h"

#define SUBSYSTEM "positions"

void dh_position_step_soon(struct dh_positions *p, int64_t now_ns)
{
    dh_alarm_set(&p->step_alarm, p->context.alarms, now_ns);
}

// ---- Rows and lists ----

void dh_position_row_move(struct dh_partition *row, struct dh_list *list)
{
    dh_list_remove(&row->position_link);
    row->position_request = 0;
    dh_list_push_back(list, &row->position_link);
}

void dh_position_row_let_go(struct dh_partition *row)
{
    dh_list_remove(&row->position_link);
    row->position_request = 0;
}

bool dh_position_row_is_waiting(const struct dh_partition *row)
{
    return !row->is_revoking &&
           (row->state == DH_PARTITION_STARTING || row->state == DH_PARTITION_RESETTING ||
            row->state == DH_PARTITION_VALIDATING);
}

void dh_position_row_pend(struct dh_positions *p, struct dh_partition *row,
                          int64_t now_ns)
{
    DH_ASSERT(dh_position_row_is_waiting(row));
    struct dh_list *list = row->state == DH_PARTITION_STARTING    ? &p->starting
                           : row->state == DH_PARTITION_RESETTING ? &p->resetting
                                                                  : &p->validating;
    dh_position_row_move(row, list);
    dh_position_step_soon(p, now_ns);
}

void dh_position_row_delay(struct dh_positions *p, struct dh_partition *row,
                           int64_t now_ns)
{
    dh_position_row_move(row, &p->delayed);
    if (!dh_alarm_is_set(&p->retry_alarm)) {
        int64_t wait_ms = dh_backoff_next_ms(&p->backoff, p->context.random);
        dh_alarm_set(&p->retry_alarm, p->context.alarms,
                     dh_deadline_after_ms(now_ns, wait_ms));
    }
}

void dh_position_row_change(struct dh_positions *p, struct dh_partition *row,
                            enum dh_partition_state state, int64_t now_ns)
{
    row->state = state;
    dh_partitions_touch(p->partitions, row);
    if (dh_position_row_is_waiting(row)) {
        dh_position_row_pend(p, row, now_ns);
    } else {
        dh_position_row_let_go(row);
    }
}

bool dh_position_row_is_pending(const struct dh_partition *row,
                                enum dh_partition_state state, int32_t leader)
{
    return row->state == state && !row->is_revoking &&
           (leader == DH_NODE_NONE || row->leader == leader);
}

// ---- Notices ----

int dh_position_post(struct dh_positions *p, const struct dh_partition *row, bool is_held,
                     int64_t offset, int32_t epoch)
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

void dh_position_row_fail(struct dh_positions *p, struct dh_partition *row, int code,
                          int64_t offset, int64_t truncated_to, int64_t now_ns)
{
    struct dh_notice_partition_error *notice =
        dh_mem_calloc(p->context.mem, 1, sizeof(*notice));
    if (notice == NULL) {
        dh_position_row_delay(p, row, now_ns);
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
    dh_position_row_change(p, row, DH_PARTITION_FAILED, now_ns);
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

void dh_position_row_fetch(struct dh_positions *p, struct dh_partition *row,
                           int64_t offset, int32_t epoch, int64_t now_ns)
{
    int err = row->is_held ? dh_position_post(p, row, false, -1, -1)
                           : dh_position_post(p, row, false, offset, epoch);
    if (err != 0) {
        dh_position_row_delay(p, row, now_ns);
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
    dh_position_row_change(p, row, DH_PARTITION_FETCHING, now_ns);
}

void dh_position_row_reset(struct dh_positions *p, struct dh_partition *row,
                           int64_t now_ns)
{
    if (p->context.settings->auto_offset_reset == DH_OFFSET_RESET_NONE) {
        dh_position_row_fail(p, row, DOHLE_ERR_NO_OFFSET, -1, -1, now_ns);
        return;
    }
    row->reset_target = DH_SEEK_POLICY;
    dh_position_row_change(p, row, DH_PARTITION_RESETTING, now_ns);
}

void dh_position_row_committed(struct dh_positions *p, struct dh_partition *row,
                               int64_t offset, int32_t epoch, int64_t now_ns)
{
    if (offset < 0) {
        dh_position_row_reset(p, row, now_ns);
        return;
    }
    if (epoch < 0) {
        dh_position_row_fetch(p, row, offset, epoch, now_ns);
        return;
    }
    row->fetch_offset = offset; // CL-127
    row->fetch_offset_epoch = epoch;
    dh_position_row_change(p, row, DH_PARTITION_VALIDATING, now_ns);
}

void dh_position_row_validated(struct dh_positions *p, struct dh_partition *row,
                               int32_t end_epoch, int64_t end_offset, int64_t now_ns)
{
    bool is_known = end_epoch >= 0 && end_offset >= 0;
    bool has_policy = p->context.settings->auto_offset_reset != DH_OFFSET_RESET_NONE;
    if (is_known && end_offset >= row->fetch_offset) {
        dh_position_row_fetch(p, row, row->fetch_offset, row->fetch_offset_epoch, now_ns);
    } else if (row->is_held || !has_policy) {
        dh_position_row_fail(p, row, DOHLE_ERR_LOG_TRUNCATION, row->fetch_offset,
                             is_known ? end_offset : -1, now_ns);
    } else if (is_known) {
        dh_position_row_fetch(p, row, end_offset, end_epoch, now_ns);
    } else {
        dh_position_row_reset(p, row, now_ns);
    }
}

void dh_position_row_refused(struct dh_positions *p, struct dh_partition *row,
                             int16_t api_key, int16_t broker_code, int64_t now_ns)
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
    dh_position_row_delay(p, row, now_ns);
}

struct dh_partition *dh_position_row_answered(const struct dh_positions *p,
                                              dohle_bytes topic, int32_t partition,
                                              uint64_t request)
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
    if (row == NULL || row->position_request != request ||
        !dh_position_row_is_waiting(row) ||
        !dh_term_equal(row->position_term, row->term)) {
        return NULL;
    }
    return row;
}

void dh_position_rows_delay(struct dh_positions *p, struct dh_list *in_flight,
                            int64_t now_ns)
{
    struct dh_link *link = NULL;
    while ((link = dh_list_first(in_flight)) != NULL) {
        dh_position_row_delay(p, dh_position_row_of(link), now_ns);
    }
}
