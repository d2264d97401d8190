// SPDX-License-Identifier: MIT
#include "client/front/calls.h"

#include <string.h>

#include "base/time.h"

enum dh_step dh_call_done(struct dh_front *front, struct dh_call *call, int err)
{
    // A call made inside a callback may have overwritten what is known about the error.
    if (err == 0) {
        front->error.code = 0;
    } else if (front->error.code != err) {
        dh_front_fail(front, err, "%s", dohle_error_text(err));
    }
    call->is_done = true;
    call->err = err;
    dh_list_remove(&call->link);
    return DH_STEP_DONE;
}

bool dh_call_begin(struct dh_front *front, struct dh_call *call, enum dh_call_kind kind,
                   int64_t deadline_ns)
{
    memset(call, 0, sizeof(*call));
    call->kind = kind;
    call->deadline_ns = deadline_ns;
    dh_list_push_back(&front->calls, &call->link);
    dh_message_free(front->mem, front->kept_answer);
    front->kept_answer = NULL;
    front->error.code = 0;
    if (front->is_closed) {
        dh_call_done(front, call,
                     dh_front_fail(front, DOHLE_ERR_CLOSED, "the consumer is closed"));
        return false;
    }
    return true;
}

bool dh_front_is_in_callback(const struct dh_front *front, bool only_rebalance)
{
    DH_LIST_EACH(link, &front->calls)
    {
        const struct dh_call *call = DH_CONTAINER_OF(link, struct dh_call, link);
        if (call->is_in_callback &&
            (!only_rebalance || call->callback.kind != DH_CALLBACK_COMMIT)) {
            return true;
        }
    }
    return false;
}

int64_t dh_call_answer_deadline(int64_t deadline_ns, int64_t now_ns)
{
    if (deadline_ns == DH_NEVER || deadline_ns <= now_ns) {
        return deadline_ns;
    }
    int64_t margin_ns = (deadline_ns - now_ns) / 8;
    return deadline_ns - dh_earlier(margin_ns, 100 * DH_MS);
}

int dh_front_timed_out_for(struct dh_front *front, const char *what, const char *why)
{
    return dh_front_fail(front, DOHLE_ERR_TIMEOUT, "%s: not done in time%s%s", what,
                         why[0] == '\0' ? "" : "; ", why);
}

int dh_front_timed_out(struct dh_front *front, const char *what)
{
    return dh_front_timed_out_for(front, what, front->trouble);
}

int dh_front_woken_up(struct dh_front *front)
{
    front->is_woken = false;
    return dh_front_fail(front, DOHLE_ERR_WAKEUP, "%s",
                         dohle_error_text(DOHLE_ERR_WAKEUP));
}

int dh_front_no_memory(struct dh_front *front)
{
    return dh_front_fail(front, DOHLE_ERR_NO_MEMORY, "%s",
                         dohle_error_text(DOHLE_ERR_NO_MEMORY));
}

enum dh_step dh_call_run_callback(struct dh_call *call)
{
    call->is_in_callback = true;
    return DH_STEP_CALLBACK;
}

void dh_front_callback_done(struct dh_front *front, struct dh_call *call, int result)
{
    DH_ASSERT(call->is_in_callback);
    call->is_in_callback = false;
    if (call->told != NULL) {
        if (!call->is_told_out) {
            dh_message_free(front->mem, &call->told->command.message);
        }
        call->told = NULL;
    }
    if (call->callback_result == 0) {
        call->callback_result = result;
    }
}

void dh_call_ask_to_tell(struct dh_call *call, struct dh_commit *commit, int err)
{
    call->told = commit;
    call->is_told_out = commit->is_out;
    call->callback = (struct dh_callback){.kind = DH_CALLBACK_COMMIT,
                                          .target = commit->target,
                                          .err = err,
                                          .offsets = commit->offsets,
                                          .offset_count = commit->command.count};
}

bool dh_call_tell_commits(struct dh_front *front, struct dh_call *call)
{
    for (struct dh_commit *commit;
         (commit = dh_commit_log_next(&front->commits)) != NULL;) {
        if (commit->call != NULL) {
            commit->call->is_committed = true; // it reads and frees the entry
        } else if (commit->target.function != NULL) {
            dh_call_ask_to_tell(call, commit, commit->command.error.code);
            call->callback.error = &commit->command.error;
            return true;
        } else {
            dh_message_free(front->mem, &commit->command.message);
        }
    }
    return false;
}

enum dh_step dh_front_step(struct dh_front *front, struct dh_call *call, int64_t now_ns)
{
    if (call->is_done) {
        return DH_STEP_DONE;
    }
    DH_ASSERT(!call->is_in_callback);
    switch (call->kind) {
    case DH_CALL_POLL: return dh_call_step_poll(front, call, now_ns);
    case DH_CALL_UNSUBSCRIBE: return dh_call_step_unsubscribe(front, call, now_ns);
    case DH_CALL_CLOSE: return dh_call_step_close(front, call, now_ns);
    case DH_CALL_COMMIT_SYNC: return dh_call_step_commit_sync(front, call, now_ns);
    case DH_CALL_COMMIT_ASYNC: return dh_call_step_commit_async(front, call);
    case DH_CALL_POSITION: return dh_call_step_position(front, call, now_ns);
    case DH_CALL_QUERY: return dh_call_step_query(front, call, now_ns);
    }
    DH_ASSERT(false);
    return DH_STEP_DONE;
}

int64_t dh_front_deadline(const struct dh_front *front, const struct dh_call *call)
{
    if (call->kind == DH_CALL_POSITION && call->ask_ns != 0) {
        return dh_earlier(call->deadline_ns, call->ask_ns);
    }
    if (call->kind != DH_CALL_POLL) {
        return call->deadline_ns;
    }
    int64_t deadline_ns = dh_earlier(call->deadline_ns, dh_front_due(front));
    if (front->ownership_phase == DH_OWNERSHIP_COMMITTING) {
        deadline_ns = dh_earlier(deadline_ns, front->ownership_deadline_ns);
    }
    return deadline_ns;
}
