// SPDX-License-Identifier: MIT
/*
 * What the files of the front half share. Included by src/client/front only.
 */
#ifndef DH_CLIENT_FRONT_FRONT_STATE_H
#define DH_CLIENT_FRONT_FRONT_STATE_H

#include "client/front/assignment.h"
#include "client/front/front.h"
#include "client/front/interest.h"

// How far the oldest ownership notice is.
enum dh_ownership_phase {
    // Nothing was done for it yet.
    DH_OWNERSHIP_NEW,
    // REVOKE: the auto-commit before it must be answered.
    //   -> CALLBACK   answered, or max.poll.interval.ms is over
    DH_OWNERSHIP_COMMITTING,
    // Its callback is to be run, if there is one.
    DH_OWNERSHIP_CALLBACK,
    // The application is inside its callback.
    DH_OWNERSHIP_RUNNING,
};

struct dh_auto_commit {
    bool is_enabled;
    int64_t next_ns;             // when the next one is due
    struct dh_commit *in_flight; // one at a time; NULL: none
    bool is_for_revoke;          // the one before a revocation was sent
    bool has_failed;             // the last one was answered with an error
    dohle_error_info error;      // with has_failed
};

// An assignment by hand that was made and not answered yet.
struct dh_front_assign {
    struct dh_command_assign command; // first: the message is the block
    uint64_t serial;
    struct dh_named_partition partitions[];
};

struct dh_front {
    const dohle_allocator *mem;
    const dohle_log_sink *log;
    const struct dh_settings *settings;

    struct dh_list out; // dh_message.link, to the back half
    struct dh_interest interest;
    struct dh_assignment assignment;
    struct dh_record_set set;
    struct dh_commit_log commits;
    struct dh_auto_commit auto_commit;
    struct dh_list calls; // dh_call.link: running, the innermost last

    struct dh_front_assign *assign_wish; // not sent yet; NULL: none
    uint64_t assign_serial;              // the counter of assignments by hand

    struct dh_list ownership; // dh_notice_ownership, oldest first
    enum dh_ownership_phase ownership_phase;
    int64_t ownership_deadline_ns; // COMMITTING
    uint32_t leaves_pending;       // UNSUBSCRIBE commands that are not answered

    struct dh_list errors; // dh_notice_error, oldest first
    bool has_error_waited; // the first of them has let a poll's records go first
    int own_error;         // raised here, comes out of the next poll; 0: none
    char trouble[512];     // what the back half says is in the way; "": nothing

    struct dh_command_leave *close_command; // made at open: close cannot fail
    bool is_woken;
    bool is_late; // the time for close is over: no more commits, or it would never end
    bool is_closed;

    char member_id[256];
    int32_t generation;
    bool has_rebalance;
    struct dh_last_rebalance rebalance;

    dohle_topic_partition *view; // what queries show
    size_t view_capacity;
    dohle_topic_partition *callback_view; // what rebalance callbacks are given
    size_t callback_capacity;
    struct dh_message *kept_answer; // what the last query's results point into
    dohle_error_info error;
};

// ---- front.c ----

// Fills front->error and returns code.
int dh_front_fail(struct dh_front *front, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int dh_front_fail_partition(struct dh_front *front, int code, const char *topic,
                            int32_t partition, const char *why);
// Fills front->error from another one and returns its code.
int dh_front_fail_as(struct dh_front *front, const dohle_error_info *info);

static inline void dh_front_post(struct dh_front *front, struct dh_message *message)
{
    dh_list_push_back(&front->out, &message->link);
}

// Seeks an owned row. NO_MEMORY: nothing has changed.
int dh_front_seek_row(struct dh_front *front, struct dh_owned *row,
                      enum dh_seek_target target, int64_t offset, int32_t leader_epoch);

// Sends what was wished and not sent: the assignment by hand, and with
// `with_subscription` the subscription and an enforced rebalance.
void dh_front_send_wishes(struct dh_front *front, bool with_subscription);

// ---- auto_commit.c ----

// The delivered positions of all owned partitions that have a valid one. *commit NULL:
// there are none. Returns 0 or NO_MEMORY.
int dh_front_commit_positions(struct dh_front *front, struct dh_commit **commit);
// Sends one if it is due and none is in flight (CL-060).
void dh_auto_commit_tick(struct dh_front *front, int64_t now_ns);
// Sends one now; deadline DH_NEVER: not retried. False: nothing to commit, or no memory.
bool dh_auto_commit_start(struct dh_front *front, int64_t deadline_ns);
void dh_auto_commit_on_answer(struct dh_front *front, int64_t now_ns);

// ---- ownership.c ----

// Takes a notice: what it takes away is not delivered any more.
void dh_ownership_take(struct dh_front *front, struct dh_notice_ownership *notice);
// Does what can be done. WAIT: the oldest notice waits; DONE: there is none left;
// CALLBACK: run call->callback, then step again.
enum dh_step dh_ownership_step(struct dh_front *front, struct dh_call *call,
                               int64_t now_ns);
// The callback that the step before asked for has returned: once for each callback.
void dh_ownership_end_callback(struct dh_front *front, int64_t now_ns);
// Gives all notices back without effect: the application has left.
void dh_ownership_drop_all(struct dh_front *front);
// Whether a LOSE notice waits.
bool dh_ownership_is_lost(const struct dh_front *front);
// What is owned, for a callback. NULL: no memory; else valid until the next.
const dohle_topic_partition *dh_ownership_view_all(struct dh_front *front, size_t *count);

#endif
