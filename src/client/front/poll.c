// SPDX-License-Identifier: MIT
// Poll, the heart: the order of things is in front.h.
#include "client/front/calls.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"

void dh_front_begin_poll(struct dh_front *front, struct dh_call *call,
                         int64_t deadline_ns, int64_t now_ns)
{
    (void)now_ns;
    bool is_nested = dh_front_is_in_callback(front, false);
    if (!dh_call_begin(front, call, DH_CALL_POLL, deadline_ns)) {
        return;
    }
    if (is_nested) {
        dh_call_done(front, call,
                     dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                                   "poll is not allowed inside a callback"));
        return;
    }
    dh_record_set_reset(&front->set);
    dh_assignment_end_set(&front->assignment);
    if (front->interest.mode == DH_INTEREST_NONE) {
        dh_call_done(front, call,
                     dh_front_fail(front, DOHLE_ERR_NOT_SUBSCRIBED,
                                   "subscribe or assign before polling"));
        return;
    }
    dh_front_send_wishes(front, true);
}

int dh_front_apply_reset_policy(struct dh_front *front, struct dh_owned *row)
{
    if (front->settings->auto_offset_reset == DH_OFFSET_RESET_NONE) {
        return 1;
    }
    int code = row->error->error.code;
    if (code != DOHLE_ERR_OFFSET_OUT_OF_RANGE && code != DOHLE_ERR_LOG_TRUNCATION) {
        return 1;
    }
    // CL-126: back to where the logs part, not to an end of the log.
    if (code == DOHLE_ERR_LOG_TRUNCATION && row->error->truncated_to >= 0) {
        int64_t offset = row->error->truncated_to;
        if (row->position >= 0 && row->position < offset) {
            offset = row->position;
        }
        dh_log(front->log, DOHLE_LOG_WARNING, "assignment",
               "%s-%d: the log was truncated; going on at offset %lld", row->topic,
               row->partition, (long long)offset);
        return dh_front_seek_row(front, row, DH_SEEK_OFFSET, offset, -1);
    }
    dh_log(front->log, DOHLE_LOG_WARNING, "assignment",
           "%s-%d: %s; going on where auto.offset.reset says", row->topic, row->partition,
           row->error->error.text);
    return dh_front_seek_row(front, row, DH_SEEK_POLICY, -1, -1);
}

// A record at the row's position makes no sense: says so until the application seeks.
static int set_corrupt(struct dh_front *front, struct dh_owned *row)
{
    struct dh_notice_partition_error *error =
        dh_mem_calloc(front->mem, 1, sizeof(*error));
    if (error == NULL) {
        return dh_front_no_memory(front);
    }
    error->message.kind = DH_NOTICE_PARTITION_ERROR;
    error->message.size = sizeof(*error);
    error->slot = row->slot;
    error->term = row->term;
    error->truncated_to = -1;
    dohle_error_info *info = &error->error;
    info->code = DOHLE_ERR_CORRUPT;
    info->node_id = -1;
    info->partition = row->partition;
    info->offset = row->position;
    snprintf(info->topic, sizeof(info->topic), "%s", row->topic);
    snprintf(info->text, sizeof(info->text),
             "%s-%d: the record at offset %lld, or one behind it in its batch, is "
             "malformed; seek past it to go on",
             row->topic, row->partition, (long long)row->position);
    dh_log(front->log, DOHLE_LOG_ERROR, "records", "%s", info->text);
    dh_assignment_set_error(&front->assignment, row, error, true, true);
    return 0;
}

static bool has_records(const struct dh_front *front)
{
    return front->set.count > 0 || front->set.has_moved;
}

// Fills the set from the ready rows. Returns 0, or the error of the row at the head of
// the line when there are no records before it.
static int collect(struct dh_front *front)
{
    struct dh_assignment *assignment = &front->assignment;
    struct dh_link *link;
    while (front->set.count < front->set.count_max &&
           (link = dh_list_first(&assignment->ready)) != NULL) {
        struct dh_owned *row = DH_CONTAINER_OF(link, struct dh_owned, ready);
        if (row->error != NULL &&
            (row->is_error_first || dh_list_is_empty(&row->chunks))) {
            int err = dh_front_apply_reset_policy(front, row);
            if (err == 0) {
                continue;
            }
            if (has_records(front)) {
                return 0; // records first (API-146)
            }
            // Others are served before it is told again (L13).
            dh_assignment_rotate(assignment, row);
            return err == 1 ? dh_front_fail_as(front, &row->error->error) : err;
        }
        switch (dh_record_set_take(&front->set, assignment, row)) {
        case DH_TAKE_DRAINED:
            dh_assignment_pop(assignment, row);
            dh_assignment_rotate(assignment, row);
            break;
        case DH_TAKE_FULL: return 0;
        case DH_TAKE_CORRUPT:
            if (set_corrupt(front, row) != 0) {
                return has_records(front) ? 0 : DOHLE_ERR_NO_MEMORY;
            }
            break;
        case DH_TAKE_NO_MEMORY: return has_records(front) ? 0 : dh_front_no_memory(front);
        }
    }
    return 0;
}

bool dh_front_has_error(const struct dh_front *front)
{
    return front->own_error != 0 || !dh_list_is_empty(&front->errors);
}

int dh_front_report_error(struct dh_front *front)
{
    front->has_error_waited = false;
    if (front->own_error != 0) {
        int err = front->own_error;
        front->own_error = 0;
        return dh_front_fail(front, err, "%s", dohle_error_text(err));
    }
    struct dh_link *link = dh_list_pop_front(&front->errors);
    DH_ASSERT(link != NULL);
    struct dh_notice_error *notice =
        DH_CONTAINER_OF(link, struct dh_notice_error, message.link);
    int err = dh_front_fail_as(front, &notice->error);
    dh_front_post(front, &notice->message);
    return err;
}

enum dh_step dh_call_step_poll(struct dh_front *front, struct dh_call *call,
                               int64_t now_ns)
{
    dh_ownership_end_callback(front, now_ns); // before a wakeup ends the call
    if (front->is_woken) {
        return dh_call_done(front, call, dh_front_woken_up(front));
    }
    if (dh_ownership_step(front, call, now_ns) == DH_STEP_CALLBACK ||
        dh_call_tell_commits(front, call)) {
        return dh_call_run_callback(call);
    }
    if (call->callback_result != 0) {
        return dh_call_done(front, call,
                            dh_front_fail(front, call->callback_result,
                                          "the result of a rebalance callback"));
    }
    if (front->ownership_phase != DH_OWNERSHIP_COMMITTING) {
        dh_auto_commit_tick(front, now_ns);
    }
    if (dh_front_has_error(front) && front->has_error_waited) {
        return dh_call_done(front, call, dh_front_report_error(front));
    }
    int err = collect(front);
    if (err != 0) {
        return dh_call_done(front, call, err);
    }
    if (has_records(front)) {
        front->has_error_waited = dh_front_has_error(front);
        return dh_call_done(front, call, 0);
    }
    if (dh_front_has_error(front)) {
        return dh_call_done(front, call, dh_front_report_error(front));
    }
    return now_ns >= call->deadline_ns ? dh_call_done(front, call, 0) : DH_STEP_WAIT;
}
