// SPDX-License-Identifier: MIT
/*
 * The front half of the client: what the application sees, without I/O.
 *
 * Owns the subscription, the mirror of the assignment, buffered records, delivered
 * positions, paused flags, the order of callbacks, auto-commit points and pending
 * errors. Talks to the back half in messages only.
 *
 * Calls that may wait or run callbacks are small state machines (struct dh_call),
 * driven by a shell: api/consumer.c with a thread and a clock, or the simulator.
 *
 *     dh_front_begin_<call>(front, &call, arguments, deadline, now)
 *     loop: dh_front_input      for each message that has come
 *           dh_front_step(front, &call, now)
 *              DH_STEP_WAIT      until dh_front_deadline, or the next message
 *              DH_STEP_CALLBACK  run call.callback, then dh_front_callback_done
 *              DH_STEP_DONE      call.err and the results; the call is over
 *           dh_front_next_action  for each message that goes out
 *
 * While a callback runs, further calls may be begun and driven to their end, except
 * poll, close and (inside a rebalance callback) unsubscribe. Each takes its own
 * answers only; ownership notices stay queued until the callback has returned.
 *
 * Order of things in one poll (API-141, 146, 148; CL-060):
 *
 *     1. a pending wakeup ends it
 *     2. ownership notices, oldest first: [auto-commit, waited for] callback, table
 *     3. results of commits are told
 *     4. a callback's own result ends it
 *     5. auto-commit, if due: what earlier polls returned
 *     6. records; a moved position ends it too (API-143)
 *     7. errors: of the partition at the head of the line, then others. An error that
 *        had to wait behind records once goes first in the next poll
 *
 * Errors: functions return 0 or an enum dohle_error, and all about it is in
 * dh_front_error.
 *
 * Not here: records as the application walks them (api/records.c), threads.
 */
#ifndef DH_CLIENT_FRONT_FRONT_H
#define DH_CLIENT_FRONT_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/error.h>
#include <dohle/log.h>
#include <dohle/types.h>

#include "base/settings.h"
#include "client/front/commit_log.h"
#include "client/front/record_set.h"
#include "client/messages.h"

struct dh_front;

struct dh_front_options {
    const dohle_allocator *mem;         // borrowed for the half's life
    const dohle_log_sink *log;          // borrowed; NULL: no log
    const struct dh_settings *settings; // borrowed; immutable
    int64_t now_ns;
};

// NULL: no memory.
DH_MUST_CHECK struct dh_front *dh_front_new(const struct dh_front_options *options);

// Frees what is here. Messages that are with the back half are freed by whoever ends
// it (dh_message_free). No call may be running.
void dh_front_free(struct dh_front *front);

// ---- The two queues ----

// Takes an answered command or a notice.
void dh_front_input(struct dh_front *front, struct dh_message *message, int64_t now_ns);

// The next message for the back half; NULL: none.
struct dh_message *dh_front_next_action(struct dh_front *front);

// ---- Wishes: they never wait ----

// No topics: DOHLE_ERR_INVALID_ARGUMENT (the shell unsubscribes instead).
int dh_front_subscribe(struct dh_front *front, const char *const *topics, size_t count,
                       bool has_listener);
int dh_front_subscribe_pattern(struct dh_front *front, const char *pattern,
                               bool has_listener);
// As dh_front_subscribe; commits first if an auto-commit is due (CL-062).
int dh_front_assign(struct dh_front *front, const dohle_topic_partition *partitions,
                    size_t count, int64_t now_ns);
// offset and leader_epoch for DH_SEEK_OFFSET only.
int dh_front_seek(struct dh_front *front, const char *topic, int32_t partition,
                  enum dh_seek_target target, int64_t offset, int32_t leader_epoch);
// All or nothing; count 0 (seek only): every owned partition.
int dh_front_seek_all(struct dh_front *front, const dohle_topic_partition *partitions,
                      size_t count, enum dh_seek_target target);
int dh_front_pause(struct dh_front *front, const dohle_topic_partition *partitions,
                   size_t count, bool paused);
// The next poll sends it. reason NULL: Kafka's default text.
int dh_front_enforce_rebalance(struct dh_front *front, const char *reason);

// Leaves at once, without commit, callbacks or waiting; the consumer is closed then. The
// back half has until the deadline to tell the group.
void dh_front_abandon(struct dh_front *front, int64_t deadline_ns);

// The running or the next call that waits ends with DOHLE_ERR_WAKEUP, once.
void dh_front_wakeup(struct dh_front *front);

// ---- Calls ----

enum dh_callback_kind {
    DH_CALLBACK_ASSIGNED,
    DH_CALLBACK_REVOKED,
    DH_CALLBACK_LOST,
    DH_CALLBACK_COMMIT,
};

// What the shell must run. Valid until dh_front_callback_done.
struct dh_callback {
    enum dh_callback_kind kind;
    const dohle_topic_partition *partitions; // rebalance
    size_t count;
    struct dh_commit_target target; // COMMIT
    int err;
    const dohle_error_info *error; // all about err; NULL: there is no more to tell
    const dohle_offset *offsets;
    size_t offset_count;
};

enum dh_call_kind {
    DH_CALL_POLL,
    DH_CALL_UNSUBSCRIBE,
    DH_CALL_CLOSE,
    DH_CALL_COMMIT_SYNC,
    DH_CALL_COMMIT_ASYNC,
    DH_CALL_POSITION,
    DH_CALL_QUERY, // COMMITTED, LIST_OFFSETS, TOPICS, IDLE_REASON
};

// Phases of unsubscribe and close; the others have none.
enum dh_call_phase {
    DH_PHASE_START,
    DH_PHASE_COMMITS,  // close: the last auto-commit, and all commits, are awaited
    DH_PHASE_CALLBACK, // on_revoked or on_lost is running
    // What the callback has committed is awaited: after the leave it would be refused.
    DH_PHASE_LAST_COMMITS,
    DH_PHASE_LEAVE, // the back half is leaving
};

struct dh_call {
    enum dh_call_kind kind;
    enum dh_call_phase phase;
    struct dh_link link; // among the running calls
    int64_t deadline_ns;
    bool is_done;
    int err;
    struct dh_callback callback;
    bool is_in_callback;
    int callback_result;        // first non-zero
    struct dh_commit *told;     // COMMIT callback: its commit
    bool is_told_out;           // `told` is still with the back half: not ours to free
    struct dh_message *awaited; // the command that must be answered; NULL: none
    bool is_answered;           // `awaited` is here again
    struct dh_commit *commit;   // COMMIT_SYNC and CLOSE: its entry; NULL: none
    bool is_committed;          // `commit` has left the log, done
    const char *topic;          // POSITION: borrowed from the caller
    int32_t partition;
    int64_t offset;        // POSITION: result
    bool is_finding;       // POSITION: the back half knows that it is waited for
    int64_t ask_ns;        // POSITION: when to ask why it takes so long; 0: not set
    dohle_offset *offsets; // QUERY about offsets: the caller's, filled in
    size_t offset_count;
    const struct dh_topic_rows *rows;   // QUERY of topics: valid until the next call
    enum dohle_idle_reason idle_reason; // QUERY of that
};

enum dh_step {
    DH_STEP_WAIT,
    DH_STEP_CALLBACK,
    DH_STEP_DONE,
};

void dh_front_begin_poll(struct dh_front *front, struct dh_call *call,
                         int64_t deadline_ns, int64_t now_ns);
void dh_front_begin_unsubscribe(struct dh_front *front, struct dh_call *call,
                                int64_t deadline_ns);
void dh_front_begin_close(struct dh_front *front, struct dh_call *call,
                          int64_t deadline_ns, int64_t now_ns);
// offsets NULL: the delivered positions. Copies.
void dh_front_begin_commit_sync(struct dh_front *front, struct dh_call *call,
                                const dohle_offset *offsets, size_t count,
                                int64_t deadline_ns, int64_t now_ns);
void dh_front_begin_commit_async(struct dh_front *front, struct dh_call *call,
                                 const dohle_offset *offsets, size_t count,
                                 struct dh_commit_target target, int64_t now_ns);
void dh_front_begin_position(struct dh_front *front, struct dh_call *call,
                             const char *topic, int32_t partition, int64_t deadline_ns);
// offsets: borrowed until the call is over, filled in then.
void dh_front_begin_committed(struct dh_front *front, struct dh_call *call,
                              dohle_offset *offsets, size_t count, int64_t deadline_ns,
                              int64_t now_ns);
// timestamps: as in struct dh_command_offsets; borrowed during the call.
void dh_front_begin_list_offsets(struct dh_front *front, struct dh_call *call,
                                 dohle_offset *offsets, const int64_t *timestamps,
                                 size_t count, int64_t deadline_ns, int64_t now_ns);
// topic NULL: all.
void dh_front_begin_topics(struct dh_front *front, struct dh_call *call,
                           const char *topic, int64_t deadline_ns, int64_t now_ns);
void dh_front_begin_idle_reason(struct dh_front *front, struct dh_call *call,
                                const char *topic, int32_t partition,
                                int64_t deadline_ns);

enum dh_step dh_front_step(struct dh_front *front, struct dh_call *call, int64_t now_ns);

// When a waiting call must be stepped at the latest.
int64_t dh_front_deadline(const struct dh_front *front, const struct dh_call *call);

// The callback of the last step has returned; result of a rebalance callback, else 0.
void dh_front_callback_done(struct dh_front *front, struct dh_call *call, int result);

// ---- Queries ----

// What the last poll took. Valid until the next poll begins.
const struct dh_record_set *dh_front_records(const struct dh_front *front);

// The owned (or only the paused) partitions, sorted. Valid until the next change of
// ownership or query. Returns 0 or NO_MEMORY.
int dh_front_partitions(struct dh_front *front, bool only_paused,
                        const dohle_topic_partition **partitions, size_t *count);

// The subscribed topics, sorted; with a pattern those that are known to match.
void dh_front_topics(const struct dh_front *front, const char *const **topics,
                     size_t *count);

// Log end minus position; -1: not known. NOT_ASSIGNED.
int dh_front_lag(struct dh_front *front, const char *topic, int32_t partition,
                 int64_t *lag);

// "" and -1: no membership.
void dh_front_member(const struct dh_front *front, const char **member_id,
                     int32_t *generation);

struct dh_last_rebalance {
    struct dh_rebalance_record record;
    int64_t ended_ns; // when its last notice was done with; 0: under way
    size_t partitions_before;
    size_t partitions_after;
};

// NULL: there was none.
const struct dh_last_rebalance *dh_front_last_rebalance(const struct dh_front *front);

// Whether poll would return something at once: records, callbacks, errors, a wakeup.
bool dh_front_is_ready(const struct dh_front *front, int64_t now_ns);
// When it will have something due without any message: an auto-commit. DH_NEVER.
int64_t dh_front_due(const struct dh_front *front);

// About the last call that failed, or code 0. Valid until the next call.
const dohle_error_info *dh_front_error(const struct dh_front *front);

bool dh_front_is_subscribed(const struct dh_front *front); // or assigned by hand
bool dh_front_is_closed(const struct dh_front *front);

// The invariants of all parts; for tests and the simulator.
void dh_front_check(const struct dh_front *front);

#endif
