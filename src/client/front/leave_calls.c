// SPDX-License-Identifier: MIT
// The calls that leave: unsubscribe and close.
#include "client/front/calls.h"

#include "base/log.h"
#include "base/mem.h"

// Forgets everything that is owned and wished.
static void forget_all(struct dh_front *front)
{
    dh_assignment_clear(&front->assignment);
    dh_ownership_drop_all(front);
    if (front->assign_wish != NULL) {
        dh_message_free(front->mem, &front->assign_wish->command.message);
        front->assign_wish = NULL;
    }
    dh_interest_clear(&front->interest, &front->out);
    front->member_id[0] = '\0';
    front->generation = -1;
}

static void send_leave(struct dh_front *front, struct dh_call *call,
                       struct dh_command_leave *command, int64_t now_ns)
{
    command->deadline_ns = dh_call_answer_deadline(call->deadline_ns, now_ns);
    front->leaves_pending++;
    call->awaited = &command->message;
    call->phase = DH_PHASE_LEAVE;
    dh_front_post(front, &command->message);
}

// True: on_revoked or on_lost has to be told about everything that is owned (API-163).
static bool ask_to_revoke_all(struct dh_front *front, struct dh_call *call)
{
    if (!front->interest.has_listener || front->assignment.count == 0) {
        return false;
    }
    size_t count = 0;
    const dohle_topic_partition *partitions = dh_ownership_view_all(front, &count);
    if (partitions == NULL) {
        if (call->callback_result == 0) {
            call->callback_result = DOHLE_ERR_NO_MEMORY;
        }
        return false;
    }
    call->callback = (struct dh_callback){
        .kind = dh_ownership_is_lost(front) ? DH_CALLBACK_LOST : DH_CALLBACK_REVOKED,
        .partitions = partitions,
        .count = count};
    for (size_t i = 0; i < front->assignment.count; i++) {
        struct dh_owned *row = front->assignment.sorted[i];
        row->is_revoking = true;
        dh_assignment_update(&front->assignment, row);
    }
    return true;
}

static int callback_result(struct dh_front *front, const struct dh_call *call)
{
    int result = call->callback_result;
    return result == 0 ? 0
                       : dh_front_fail(front, result, "%s",
                                       result > 0 ? "the result of a rebalance callback"
                                                  : dohle_error_text(result));
}

void dh_front_begin_unsubscribe(struct dh_front *front, struct dh_call *call,
                                int64_t deadline_ns)
{
    bool is_nested = dh_front_is_in_callback(front, true);
    if (!dh_call_begin(front, call, DH_CALL_UNSUBSCRIBE, deadline_ns)) {
        return;
    }
    if (is_nested) {
        dh_call_done(
            front, call,
            dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                          "unsubscribe is not allowed inside a rebalance callback"));
    }
}

// START: tells the listener, then leaves. No commit (API-105, X-038).
static enum dh_step leave_group(struct dh_front *front, struct dh_call *call,
                                int64_t now_ns)
{
    if (!front->interest.is_sent) {
        forget_all(front);
        return dh_call_done(front, call, callback_result(front, call));
    }
    struct dh_command_leave *command = dh_mem_calloc(front->mem, 1, sizeof(*command));
    if (command == NULL) {
        return dh_call_done(front, call, dh_front_no_memory(front));
    }
    command->message.kind = DH_COMMAND_UNSUBSCRIBE;
    command->message.size = sizeof(*command);
    forget_all(front);
    send_leave(front, call, command, now_ns);
    return DH_STEP_WAIT;
}

enum dh_step dh_call_step_unsubscribe(struct dh_front *front, struct dh_call *call,
                                      int64_t now_ns)
{
    switch (call->phase) {
    case DH_PHASE_START:
        call->phase = DH_PHASE_CALLBACK;
        if (ask_to_revoke_all(front, call)) {
            return dh_call_run_callback(call);
        }
        return leave_group(front, call, now_ns);
    case DH_PHASE_CALLBACK:
    case DH_PHASE_LAST_COMMITS:
        call->phase = DH_PHASE_LAST_COMMITS;
        if (!dh_commit_log_is_settled(&front->commits) && now_ns < call->deadline_ns) {
            return DH_STEP_WAIT;
        }
        return leave_group(front, call, now_ns);
    case DH_PHASE_LEAVE:
        if (call->is_answered) {
            // A leave that failed is only logged, as in Java: the session will expire.
            struct dh_message *message = call->awaited;
            call->awaited = NULL;
            int err = DH_CONTAINER_OF(message, struct dh_command_leave, message)->err;
            if (err != 0) {
                dh_log(front->log, DOHLE_LOG_WARNING, "interest",
                       "the group was not left: %s", dohle_error_text(err));
            }
            dh_message_free(front->mem, message);
            return dh_call_done(front, call, callback_result(front, call));
        }
        if (now_ns >= call->deadline_ns) {
            call->awaited = NULL;
            return dh_call_done(front, call, callback_result(front, call));
        }
        return DH_STEP_WAIT;
    case DH_PHASE_COMMITS: break;
    }
    DH_ASSERT(false);
    return DH_STEP_DONE;
}

void dh_front_begin_close(struct dh_front *front, struct dh_call *call,
                          int64_t deadline_ns, int64_t now_ns)
{
    bool is_nested = dh_front_is_in_callback(front, false);
    if (!dh_call_begin(front, call, DH_CALL_CLOSE, deadline_ns)) {
        call->err = 0; // closing again is no error
        front->error.code = 0;
        return;
    }
    if (is_nested) {
        dh_call_done(front, call,
                     dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                                   "close is not allowed inside a callback"));
        return;
    }
    front->is_woken = false;
    call->phase = DH_PHASE_COMMITS;
    if (front->settings->group_id == NULL) {
        return;
    }
    // A sync commit, or else a barrier: both wait for earlier commits (API-161).
    static const dohle_offset nothing;
    bool is_wanted = front->auto_commit.is_enabled && !dh_ownership_is_lost(front);
    int err =
        dh_front_log_commit(front, is_wanted ? NULL : &nothing, 0, DH_COMMIT_SYNC,
                            dh_call_answer_deadline(deadline_ns, now_ns), &call->commit);
    if (err != 0) {
        call->err = err;
    } else {
        call->commit->call = call;
    }
}

// The time for close is over: who waits for a commit is told so. True: call->callback.
static bool tell_timeouts(struct dh_front *front, struct dh_call *call)
{
    front->is_late = true;
    for (struct dh_link *link;
         (link = dh_list_pop_front(&front->commits.entries)) != NULL;) {
        front->commits.count--;
        struct dh_commit *commit = DH_CONTAINER_OF(link, struct dh_commit, link);
        if (commit->target.function != NULL) {
            dh_call_ask_to_tell(call, commit,
                                commit->is_done ? commit->command.error.code
                                                : DOHLE_ERR_TIMEOUT);
            return true;
        }
        // The block of one without an answer is still with the back half.
        if (!commit->is_out) {
            dh_message_free(front->mem, &commit->command.message);
        }
    }
    return false;
}

// Nothing works any more from here on. Returns the command that tells the back half.
static struct dh_command_leave *shut(struct dh_front *front)
{
    struct dh_command_leave *command = front->close_command;
    front->close_command = NULL;
    forget_all(front);
    dh_record_set_reset(&front->set);
    dh_assignment_end_set(&front->assignment);
    front->is_closed = true;
    return command;
}

void dh_front_abandon(struct dh_front *front, int64_t deadline_ns)
{
    if (!front->is_closed) {
        struct dh_command_leave *command = shut(front);
        command->deadline_ns = deadline_ns;
        front->leaves_pending++;
        dh_front_post(front, &command->message);
    }
}

static enum dh_step leave_for_ever(struct dh_front *front, struct dh_call *call,
                                   int64_t now_ns)
{
    send_leave(front, call, shut(front), now_ns);
    return now_ns >= call->deadline_ns ? dh_call_done(front, call, call->err)
                                       : DH_STEP_WAIT;
}

// COMMITS: false while they are awaited.
static bool end_commits(struct dh_front *front, struct dh_call *call, int64_t now_ns)
{
    if (call->commit == NULL) {
        return true;
    }
    if (call->is_committed) {
        int err = dh_call_take_commit_result(front, call);
        call->err = call->err == 0 ? err : call->err;
        return true;
    }
    if (now_ns < call->deadline_ns) {
        return false;
    }
    bool is_barrier = call->commit->command.count == 0;
    dh_call_abandon_commit(call);
    if (call->err == 0 && !is_barrier) {
        call->err = dh_front_timed_out(front, "the commit before closing");
    }
    return true;
}

// Each function of a commit runs before close returns (S46).
static enum dh_step step_last_commits(struct dh_front *front, struct dh_call *call,
                                      int64_t now_ns)
{
    if (dh_call_tell_commits(front, call)) {
        return dh_call_run_callback(call);
    }
    if (now_ns < call->deadline_ns) {
        return front->commits.count > 0 ? DH_STEP_WAIT
                                        : leave_for_ever(front, call, now_ns);
    }
    return tell_timeouts(front, call) ? dh_call_run_callback(call)
                                      : leave_for_ever(front, call, now_ns);
}

enum dh_step dh_call_step_close(struct dh_front *front, struct dh_call *call,
                                int64_t now_ns)
{
    switch (call->phase) {
    case DH_PHASE_COMMITS:
        if (dh_call_tell_commits(front, call)) {
            return dh_call_run_callback(call);
        }
        if (!end_commits(front, call, now_ns)) {
            return DH_STEP_WAIT;
        }
        call->phase = DH_PHASE_CALLBACK;
        if (ask_to_revoke_all(front, call)) {
            return dh_call_run_callback(call);
        }
        call->phase = DH_PHASE_LAST_COMMITS;
        return step_last_commits(front, call, now_ns);
    case DH_PHASE_CALLBACK:
        if (call->err == 0) {
            call->err = callback_result(front, call);
        }
        call->phase = DH_PHASE_LAST_COMMITS;
        return step_last_commits(front, call, now_ns);
    case DH_PHASE_LAST_COMMITS: return step_last_commits(front, call, now_ns);
    case DH_PHASE_LEAVE:
        if (call->is_answered) {
            struct dh_message *message = call->awaited;
            call->awaited = NULL;
            dh_message_free(front->mem, message);
            return dh_call_done(front, call, call->err);
        }
        if (now_ns >= call->deadline_ns) {
            call->awaited = NULL;
            return dh_call_done(front, call, call->err);
        }
        return DH_STEP_WAIT;
    case DH_PHASE_START: break;
    }
    DH_ASSERT(false);
    return DH_STEP_DONE;
}
