// SPDX-License-Identifier: MIT
/*
 * What the calls of the front half share. Included by src/client/front only.
 */
#ifndef DH_CLIENT_FRONT_CALLS_H
#define DH_CLIENT_FRONT_CALLS_H

#include "client/front/front_state.h"

// ---- Beginning and ending (calls.c) ----

// Starts a call; false: it is over at once, since the consumer is closed.
bool dh_call_begin(struct dh_front *front, struct dh_call *call, enum dh_call_kind kind,
                   int64_t deadline_ns);
enum dh_step dh_call_done(struct dh_front *front, struct dh_call *call, int err);
// call->callback is filled in: hands it to the shell.
enum dh_step dh_call_run_callback(struct dh_call *call);

// Whether a callback is running now; only_rebalance: one of the listener's.
bool dh_front_is_in_callback(const struct dh_front *front, bool only_rebalance);

/*
 * When the back half must have answered, so that its reason (which node, why) still
 * reaches the caller before the call's own deadline.
 */
int64_t dh_call_answer_deadline(int64_t deadline_ns, int64_t now_ns);

// All fill front->error and return its code. why "": nothing is known.
int dh_front_timed_out(struct dh_front *front, const char *what);
int dh_front_timed_out_for(struct dh_front *front, const char *what, const char *why);
int dh_front_woken_up(struct dh_front *front);
int dh_front_no_memory(struct dh_front *front);

// ---- Poll (poll.c) ----

enum dh_step dh_call_step_poll(struct dh_front *front, struct dh_call *call,
                               int64_t now_ns);

// An error of the row that the settings answer with a seek. 0: sought; 1: they do not;
// or NO_MEMORY.
int dh_front_apply_reset_policy(struct dh_front *front, struct dh_owned *row);

// Errors found in the background; report takes the oldest.
bool dh_front_has_error(const struct dh_front *front);
int dh_front_report_error(struct dh_front *front);

// ---- Commits (commit_calls.c; telling is in calls.c) ----

enum dh_step dh_call_step_commit_sync(struct dh_front *front, struct dh_call *call,
                                      int64_t now_ns);
enum dh_step dh_call_step_commit_async(struct dh_front *front, struct dh_call *call);

// Makes the entry and puts it into the log, perhaps as a barrier. Returns 0 or why not.
int dh_front_log_commit(struct dh_front *front, const dohle_offset *offsets, size_t count,
                        enum dh_commit_mode mode, int64_t deadline_ns,
                        struct dh_commit **commit);
// Nobody waits for the entry any more; it stays in the log until it is answered.
void dh_call_abandon_commit(struct dh_call *call);
// The call's entry has left the log: its result; the entry is freed.
int dh_call_take_commit_result(struct dh_front *front, struct dh_call *call);

/*
 * Takes finished commits off the log, in order. True: call->callback has to
 * be run first.
 */
bool dh_call_tell_commits(struct dh_front *front, struct dh_call *call);
// Fills call->callback for a commit that is out of the log.
void dh_call_ask_to_tell(struct dh_call *call, struct dh_commit *commit, int err);

// ---- Questions (query_calls.c) and leaving (leave_calls.c) ----

enum dh_step dh_call_step_position(struct dh_front *front, struct dh_call *call,
                                   int64_t now_ns);
enum dh_step dh_call_step_query(struct dh_front *front, struct dh_call *call,
                                int64_t now_ns);
enum dh_step dh_call_step_unsubscribe(struct dh_front *front, struct dh_call *call,
                                      int64_t now_ns);
enum dh_step dh_call_step_close(struct dh_front *front, struct dh_call *call,
                                int64_t now_ns);

#endif
