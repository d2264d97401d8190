// SPDX-License-Identifier: MIT
// The calls that commit.
#include "client/front/calls.h"

#include "base/time.h"

static int check_offsets(struct dh_front *front, const dohle_offset *offsets,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (offsets[i].topic == NULL || offsets[i].topic[0] == '\0' ||
            offsets[i].partition < 0) {
            return dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT,
                                 "offset %zu of the list has no topic or a negative "
                                 "partition",
                                 i);
        }
        if (offsets[i].offset < 0) {
            return dh_front_fail_partition(front, DOHLE_ERR_INVALID_ARGUMENT,
                                           offsets[i].topic, offsets[i].partition,
                                           "the offset to commit is negative");
        }
    }
    return 0;
}

int dh_front_log_commit(struct dh_front *front, const dohle_offset *offsets, size_t count,
                        enum dh_commit_mode mode, int64_t deadline_ns,
                        struct dh_commit **commit)
{
    *commit = NULL;
    if (front->settings->group_id == NULL) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_GROUP,
                             "to commit, group.id must be set");
    }
    int err = check_offsets(front, offsets, offsets == NULL ? 0 : count);
    if (err != 0) {
        return err;
    }
    if (front->is_late) {
        return dh_front_fail(front, DOHLE_ERR_CLOSED,
                             "the time for closing the consumer is over");
    }
    if (front->commits.count >= DH_COMMIT_LOG_MAX) {
        return dh_front_fail(front, DOHLE_ERR_QUEUE_FULL,
                             "%d commits wait for their answers", DH_COMMIT_LOG_MAX);
    }
    if (offsets == NULL) {
        err = dh_front_commit_positions(front, commit);
    } else if (count > 0) {
        *commit = dh_commit_new(front->mem, offsets, count);
        err = *commit == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    }
    if (err == 0 && *commit == NULL) {
        *commit = dh_commit_new(front->mem, NULL, 0);
        err = *commit == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    }
    if (err != 0) {
        return dh_front_no_memory(front);
    }
    (*commit)->command.mode = mode;
    (*commit)->command.deadline_ns = deadline_ns;
    dh_commit_log_add(&front->commits, *commit);
    if ((*commit)->command.count == 0) {
        (*commit)->is_done = true; // only keeps its place behind earlier ones
        return 0;
    }
    dh_front_send_wishes(front, false);
    (*commit)->is_out = true;
    dh_front_post(front, &(*commit)->command.message);
    return 0;
}

void dh_front_begin_commit_sync(struct dh_front *front, struct dh_call *call,
                                const dohle_offset *offsets, size_t count,
                                int64_t deadline_ns, int64_t now_ns)
{
    if (!dh_call_begin(front, call, DH_CALL_COMMIT_SYNC, deadline_ns)) {
        return;
    }
    int err =
        dh_front_log_commit(front, offsets, count, DH_COMMIT_SYNC,
                            dh_call_answer_deadline(deadline_ns, now_ns), &call->commit);
    if (err != 0) {
        dh_call_done(front, call, err);
        return;
    }
    call->commit->call = call;
}

void dh_call_abandon_commit(struct dh_call *call)
{
    if (call->commit != NULL) {
        call->commit->call = NULL;
        call->commit = NULL;
    }
}

int dh_call_take_commit_result(struct dh_front *front, struct dh_call *call)
{
    const dohle_error_info *error = &call->commit->command.error;
    int err = error->code == 0 ? 0 : dh_front_fail_as(front, error);
    dh_message_free(front->mem, &call->commit->command.message);
    call->commit = NULL;
    return err;
}

enum dh_step dh_call_step_commit_sync(struct dh_front *front, struct dh_call *call,
                                      int64_t now_ns)
{
    if (dh_call_tell_commits(front, call)) {
        return dh_call_run_callback(call);
    }
    if (call->is_committed) {
        return dh_call_done(front, call, dh_call_take_commit_result(front, call));
    }
    if (front->is_woken) {
        dh_call_abandon_commit(call);
        return dh_call_done(front, call, dh_front_woken_up(front));
    }
    if (now_ns >= call->deadline_ns) {
        dh_call_abandon_commit(call);
        return dh_call_done(
            front, call,
            dh_front_timed_out(front, "commit (whether it was done is not known)"));
    }
    return DH_STEP_WAIT;
}

void dh_front_begin_commit_async(struct dh_front *front, struct dh_call *call,
                                 const dohle_offset *offsets, size_t count,
                                 struct dh_commit_target target, int64_t now_ns)
{
    if (!dh_call_begin(front, call, DH_CALL_COMMIT_ASYNC, now_ns)) {
        return;
    }
    struct dh_commit *commit;
    int err =
        dh_front_log_commit(front, offsets, count, DH_COMMIT_ASYNC, DH_NEVER, &commit);
    if (err != 0) {
        dh_call_done(front, call, err);
        return;
    }
    commit->target = target;
}

enum dh_step dh_call_step_commit_async(struct dh_front *front, struct dh_call *call)
{
    // A commit made in a callback tells nothing: the callbacks before it are running.
    if (!dh_front_is_in_callback(front, false) && dh_call_tell_commits(front, call)) {
        return dh_call_run_callback(call);
    }
    return dh_call_done(front, call, 0);
}
