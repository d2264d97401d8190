// SPDX-License-Identifier: MIT
/*
 * Changes of ownership: notices of the back half, done one after another inside poll
 * (API-170 to 176).
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "client/front/front_state.h"

static struct dh_notice_ownership *notice_of(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_notice_ownership, message.link);
}

static struct dh_notice_ownership *oldest(const struct dh_front *front)
{
    struct dh_link *link = dh_list_first(&front->ownership);
    return link == NULL ? NULL : notice_of(link);
}

void dh_ownership_take(struct dh_front *front, struct dh_notice_ownership *notice)
{
    // What crosses an UNSUBSCRIBE is about a membership that is over.
    if (front->leaves_pending > 0 || front->is_closed) {
        dh_front_post(front, &notice->message);
        return;
    }
    if (notice->message.kind != DH_NOTICE_ASSIGN) {
        for (uint32_t i = 0; i < notice->count; i++) {
            struct dh_owned *row =
                dh_assignment_at(&front->assignment, notice->partitions[i].slot,
                                 notice->partitions[i].assignment);
            if (row != NULL) {
                row->is_revoking = true;
                dh_assignment_discard(&front->assignment, row);
            }
        }
    }
    dh_list_push_back(&front->ownership, &notice->message.link);
}

static void learn(struct dh_front *front, const struct dh_notice_ownership *notice)
{
    const struct dh_rebalance_record *record = &notice->rebalance;
    struct dh_last_rebalance *last = &front->rebalance;
    // The notices of one rebalance have the same start.
    if (!front->has_rebalance || last->record.started_ns != record->started_ns) {
        last->partitions_before = front->assignment.count;
    }
    last->record = *record;
    last->ended_ns = 0;
    front->has_rebalance = true;
    snprintf(front->member_id, sizeof(front->member_id), "%s", record->member_id);
    // What is revoked may still be committed, under the generation before.
    front->generation = notice->message.kind == DH_NOTICE_REVOKE
                            ? record->generation_before
                            : record->generation_after;
}

static int add_rows(struct dh_front *front, const struct dh_notice_ownership *notice)
{
    struct dh_assignment *assignment = &front->assignment;
    size_t slot_count = 0;
    for (uint32_t i = 0; i < notice->count; i++) {
        if (notice->partitions[i].slot >= slot_count) {
            slot_count = (size_t)notice->partitions[i].slot + 1;
        }
    }
    int err = dh_assignment_reserve(assignment, notice->count, slot_count);
    for (uint32_t i = 0; err == 0 && i < notice->count; i++) {
        const struct dh_named_partition *named = &notice->partitions[i];
        struct dh_owned *row =
            dh_assignment_find(assignment, named->topic, named->partition);
        if (row == NULL) {
            row = dh_assignment_add(assignment, named->topic, named->partition);
        }
        if (row == NULL) {
            err = DOHLE_ERR_NO_MEMORY;
            break;
        }
        row->is_unsubscribed = !dh_interest_wants(&front->interest, named->topic);
        dh_assignment_bind(assignment, row, named->slot, named->assignment);
    }
    return err;
}

// Fills the callback's array with what the notice is about and is still ours.
static int fill_callback(struct dh_front *front, const struct dh_notice_ownership *notice,
                         struct dh_callback *callback)
{
    if (notice->count > front->callback_capacity) {
        int err =
            dh_mem_grow(front->mem, &front->callback_view, &front->callback_capacity,
                        notice->count, sizeof(*front->callback_view));
        if (err != 0) {
            return err;
        }
    }
    size_t count = 0;
    for (uint32_t i = 0; i < notice->count; i++) {
        const struct dh_owned *row =
            dh_assignment_at(&front->assignment, notice->partitions[i].slot,
                             notice->partitions[i].assignment);
        if (row != NULL) {
            front->callback_view[count++] =
                (dohle_topic_partition){row->topic, row->partition};
        }
    }
    callback->partitions = front->callback_view;
    callback->count = count;
    return 0;
}

// The notice is done with: the table changes, and it goes back.
static void finish(struct dh_front *front, struct dh_notice_ownership *notice,
                   int64_t now_ns)
{
    if (notice->message.kind == DH_NOTICE_ASSIGN) {
        front->rebalance.partitions_after = front->assignment.count;
        // CL-063
        front->auto_commit.next_ns =
            dh_deadline_after_ms(now_ns, front->settings->auto_commit_interval_ms);
    } else {
        for (uint32_t i = 0; i < notice->count; i++) {
            struct dh_owned *row =
                dh_assignment_at(&front->assignment, notice->partitions[i].slot,
                                 notice->partitions[i].assignment);
            if (row != NULL) {
                dh_assignment_remove(&front->assignment, row);
            }
        }
        front->rebalance.partitions_after = front->assignment.count;
    }
    front->rebalance.ended_ns = now_ns;
    dh_list_remove(&notice->message.link);
    front->ownership_phase = DH_OWNERSHIP_NEW;
    dh_front_post(front, &notice->message);
}

// Whether the revocation was overtaken: what is to be given up is lost already.
static bool is_overtaken(const struct dh_front *front, struct dh_notice_ownership *notice)
{
    struct dh_link *next = notice->message.link.next;
    return next != &front->ownership.head &&
           notice_of(next)->message.kind == DH_NOTICE_LOSE;
}

// NEW -> COMMITTING or CALLBACK. Returns 0 or NO_MEMORY, then it is NEW still.
static int start(struct dh_front *front, struct dh_notice_ownership *notice,
                 int64_t now_ns)
{
    learn(front, notice);
    if (notice->message.kind == DH_NOTICE_ASSIGN) {
        int err = add_rows(front, notice);
        if (err != 0) {
            return err;
        }
        front->ownership_phase = DH_OWNERSHIP_CALLBACK;
        return 0;
    }
    front->ownership_phase = DH_OWNERSHIP_CALLBACK;
    if (notice->message.kind == DH_NOTICE_REVOKE && notice->count > 0 &&
        front->auto_commit.is_enabled && !is_overtaken(front, notice)) {
        front->ownership_phase = DH_OWNERSHIP_COMMITTING;
        front->ownership_deadline_ns =
            dh_deadline_after_ms(now_ns, front->settings->max_poll_interval_ms);
        // One in flight is awaited first; then what is delivered since is committed.
        if (front->auto_commit.in_flight == NULL) {
            dh_auto_commit_start(front, front->ownership_deadline_ns);
            front->auto_commit.is_for_revoke = true;
        }
    }
    return 0;
}

// COMMITTING: true when it need not be awaited any longer.
static bool is_committed(struct dh_front *front, struct dh_notice_ownership *notice,
                         int64_t now_ns)
{
    struct dh_auto_commit *automatic = &front->auto_commit;
    if (now_ns >= front->ownership_deadline_ns || is_overtaken(front, notice)) {
        return true;
    }
    if (automatic->in_flight != NULL) {
        return false;
    }
    if (!automatic->is_for_revoke) {
        automatic->is_for_revoke = true;
        return !dh_auto_commit_start(front, front->ownership_deadline_ns);
    }
    return true;
}

static enum dh_callback_kind callback_kind(const struct dh_front *front,
                                           struct dh_notice_ownership *notice)
{
    if (notice->message.kind == DH_NOTICE_ASSIGN) {
        return DH_CALLBACK_ASSIGNED;
    }
    bool is_lost = notice->message.kind == DH_NOTICE_LOSE || is_overtaken(front, notice);
    return is_lost ? DH_CALLBACK_LOST : DH_CALLBACK_REVOKED;
}

void dh_ownership_end_callback(struct dh_front *front, int64_t now_ns)
{
    if (front->ownership_phase == DH_OWNERSHIP_RUNNING) {
        finish(front, oldest(front), now_ns);
    }
}

enum dh_step dh_ownership_step(struct dh_front *front, struct dh_call *call,
                               int64_t now_ns)
{
    for (struct dh_notice_ownership *notice; (notice = oldest(front)) != NULL;) {
        if (front->ownership_phase == DH_OWNERSHIP_NEW) {
            int err = start(front, notice, now_ns);
            if (err != 0) {
                front->own_error = err;
                return DH_STEP_WAIT;
            }
        }
        if (front->ownership_phase == DH_OWNERSHIP_COMMITTING) {
            if (!is_committed(front, notice, now_ns)) {
                return DH_STEP_WAIT;
            }
            front->ownership_phase = DH_OWNERSHIP_CALLBACK;
        }
        if (front->ownership_phase == DH_OWNERSHIP_CALLBACK) {
            if (fill_callback(front, notice, &call->callback) != 0) {
                front->own_error = DOHLE_ERR_NO_MEMORY;
                return DH_STEP_WAIT;
            }
            front->auto_commit.is_for_revoke = false;
            call->callback.kind = callback_kind(front, notice);
            // An empty set is told only when the notice itself is about none (API-170).
            bool is_told = notice->has_callback && front->interest.has_listener &&
                           (call->callback.count > 0 || notice->count == 0);
            if (is_told) {
                front->ownership_phase = DH_OWNERSHIP_RUNNING;
                return DH_STEP_CALLBACK;
            }
            finish(front, notice, now_ns);
        }
    }
    return DH_STEP_DONE;
}

void dh_ownership_drop_all(struct dh_front *front)
{
    for (struct dh_link *link; (link = dh_list_pop_front(&front->ownership)) != NULL;) {
        dh_front_post(front, &notice_of(link)->message);
    }
    front->ownership_phase = DH_OWNERSHIP_NEW;
    front->auto_commit.is_for_revoke = false;
}

bool dh_ownership_is_lost(const struct dh_front *front)
{
    DH_LIST_EACH(link, &front->ownership)
    {
        if (notice_of(link)->message.kind == DH_NOTICE_LOSE) {
            return true;
        }
    }
    return false;
}

const dohle_topic_partition *dh_ownership_view_all(struct dh_front *front, size_t *count)
{
    const struct dh_assignment *assignment = &front->assignment;
    if (assignment->count > front->callback_capacity &&
        dh_mem_grow(front->mem, &front->callback_view, &front->callback_capacity,
                    assignment->count, sizeof(*front->callback_view)) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < assignment->count; i++) {
        front->callback_view[i] = (dohle_topic_partition){
            assignment->sorted[i]->topic, assignment->sorted[i]->partition};
    }
    *count = assignment->count;
    return front->callback_view;
}
