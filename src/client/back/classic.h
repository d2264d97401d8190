// SPDX-License-Identifier: MIT
/*
 * The inside of membership_classic.h, shared by its four files and by nobody else:
 *
 *     membership_classic.c   the step function, and what others may call
 *     classic.c              state, reasons, notices, leaving, losing the identity
 *     classic_join.c         JoinGroup, what a leader does, SyncGroup, applying
 *     classic_alive.c        heartbeats, the session, the application's polls
 *
 * Whoever notices something calls dh_classic_rejoin_want and then dh_classic_step, or
 * dh_classic_step_soon from the handler of an operation, which cannot start it again.
 */
#ifndef DH_CLIENT_BACK_CLASSIC_H
#define DH_CLIENT_BACK_CLASSIC_H

#include "base/arena.h"
#include "client/back/alarms.h"
#include "client/back/context.h"
#include "client/back/group_leader.h"
#include "client/back/membership.h"
#include "client/back/reactions.h"
#include "client/back/requests.h"
#include "client/back/subscription.h"

struct dh_coordinator_link;
struct dh_partitions;

#define DH_CLASSIC_SUBSYSTEM     "membership"
#define DH_CLASSIC_PROTOCOL_TYPE "consumer"

enum dh_classic_state {
    /* No subscription, or left. Waits for the user.
     *   -> UNJOINED   subscribe */
    DH_CLASSIC_IDLE,
    /* A subscription, no membership (any more), or between two attempts to join. Waits
     * for the coordinator, a back-off, fresh metadata for a pattern.
     *   -> PREPARING  something is owned, or a callback is due
     *   -> JOINING    nothing to tell the application, or told already */
    DH_CLASSIC_UNJOINED,
    /* A REVOKE or LOSE notice is out. Waits for its return, that is for a poll.
     *   -> UNJOINED   it is back, or nothing is wanted any more */
    DH_CLASSIC_PREPARING,
    /* JoinGroup is out. Waits for all members of the group.
     *   -> LEADING    we are the leader
     *   -> SYNCING    we are not
     *   -> UNJOINED   refused in a way that another attempt mends
     *   -> FATAL      refused for good */
    DH_CLASSIC_JOINING,
    /* The members are known. Waits for metadata of all their topics.
     *   -> SYNCING    complete, or waited for long enough
     *   -> UNJOINED   the identity is lost */
    DH_CLASSIC_LEADING,
    /* SyncGroup is out. Waits for the leader's assignment.
     *   -> APPLYING   got it
     *   -> UNJOINED   the group has moved on, or the coordinator has
     *   -> FATAL      refused for good, or an assignment that makes no sense */
    DH_CLASSIC_SYNCING,
    /* An ASSIGN notice is out. Waits for its return, that is for a poll.
     *   -> STABLE     it is back
     *   -> UNJOINED   the identity is lost meanwhile */
    DH_CLASSIC_APPLYING,
    /* A member with an assignment. Waits for a reason to rejoin.
     *   -> PREPARING  a reason, the coordinator known
     *   -> UNJOINED   the identity is lost
     *   -> FATAL      fenced */
    DH_CLASSIC_STABLE,
    /* LeaveGroup is out, somebody waits for it. Waits for the answer or a deadline.
     *   -> IDLE       done
     *   -> UNJOINED   done, and subscribed again meanwhile */
    DH_CLASSIC_LEAVING,
    /* The coordinator refuses us; the application is told. Waits for the user.
     *   -> IDLE       unsubscribe, subscribe */
    DH_CLASSIC_FATAL,
    DH_CLASSIC_STATE_COUNT
};

struct dh_classic {
    struct dh_membership base;
    struct dh_back_context context;
    struct dh_partitions *partitions;
    struct dh_coordinator_link *link;
    enum dh_classic_state state;

    // Wishes.
    struct dh_subscription subscription;
    bool is_topics_notice_due; // the names matched were not told yet
    struct dh_list leaves;     // dh_command_leave.message.link, waiting for an answer
    bool needs_rejoin;
    char trigger[256]; // why; "" with needs_rejoin false

    // Facts.
    char *member_id;         // owned; NULL: none
    char *leaving_member_id; // owned; who the LeaveGroup in flight is about
    const char *leave_reason;
    int32_t generation;                 // -1: none
    const struct dh_assignor *assignor; // of this generation
    bool is_prepared;                   // the callbacks before this join have run
    bool must_tell;          // what is owned is lost, the notice could not be made yet
    unsigned notices_out;    // ownership notices with the front half
    uint64_t updates_wanted; // a pattern waits for so many metadata updates (CL-002)
    struct dh_group_leader leader;
    struct dh_names leader_topics; // the cluster was asked for on behalf of the group
    struct dh_rebalance_record record;
    int64_t phase_ns;      // when the current phase of the rebalance began
    uint32_t polls_warned; // 50 %, 90 % of max.poll.interval.ms
    struct dh_arena arena; // for the assignment being applied

    struct dh_op join_op;
    struct dh_op sync_op;
    struct dh_op heartbeat_op;
    struct dh_op leave_op;
    bool is_join_anonymous;       // the JoinGroup in flight carries no member id
    uint32_t refused_syncs;       // since an assignment was taken
    int32_t heartbeat_generation; // of the one in flight

    struct dh_alarm step_alarm; // the step function has something to do
    struct dh_alarm heartbeat_alarm;
    struct dh_alarm session_alarm;
    struct dh_alarm poll_alarm;
    struct dh_alarm leading_alarm; // enough of waiting for metadata
};

// ---- membership_classic.c ----

// Moves facts toward wishes: from UNJOINED or STABLE toward the next JoinGroup.
void dh_classic_step(struct dh_classic *c, int64_t now_ns);

// ---- classic.c ----

// The one place that changes the state; asserts that the edge is legal, and logs it.
void dh_classic_state_set(struct dh_classic *c, enum dh_classic_state state);

void dh_classic_alarm_set(struct dh_classic *c, struct dh_alarm *alarm,
                          int64_t deadline_ns);
void dh_classic_alarm_cancel(struct dh_classic *c, struct dh_alarm *alarm);

// The step function runs in the next turn, or after retry.backoff.ms.
void dh_classic_step_soon(struct dh_classic *c, int64_t now_ns);
void dh_classic_step_after_backoff(struct dh_classic *c, int64_t now_ns);

// request.timeout.ms from now.
int64_t dh_classic_request_deadline(const struct dh_classic *c, int64_t now_ns);

// A rebalance is needed, and why. The first cause is the one that is told.
void dh_classic_rejoin_want(struct dh_classic *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Whether heartbeats are due and the application has to poll: from the answer to
// JoinGroup until the next JoinGroup.
bool dh_classic_is_member(const struct dh_classic *c);

// Takes an operation out of whatever it does, so that it can be started at once.
void dh_classic_op_renew(struct dh_classic *c, struct dh_op *op);

void dh_classic_member_id_clear(struct dh_classic *c);
// Copies. Returns 0 or DOHLE_ERR_NO_MEMORY with the old one kept.
int dh_classic_member_id_set(struct dh_classic *c, dohle_bytes id);

// A rebalance begins: forgets the record of the last one.
void dh_classic_record_begin(struct dh_classic *c, int64_t now_ns);

// Takes the notice, which gets the record as it is now.
void dh_classic_ownership_post(struct dh_classic *c, struct dh_notice_ownership *notice);

// Tells the front half to give up all that is owned (REVOKE) or that it is gone (LOSE).
// Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_classic_all_give_up(struct dh_classic *c, enum dh_message_kind kind);

// Tells what the pattern matches. Without memory it stays due.
void dh_classic_topics_tell(struct dh_classic *c);

// Removes every row without a notice.
void dh_classic_rows_remove_all(struct dh_classic *c);

/*
 * Sends LeaveGroup for the member id, which is given up. Returns false when there is
 * nobody to tell, or nothing to say: no member id, coordinator unknown.
 */
bool dh_classic_leave_send(struct dh_classic *c, const char *reason, int64_t deadline_ns,
                           int64_t now_ns);

// Answers those who wait for it, -> IDLE, and joins again if subscribed meanwhile.
void dh_classic_leave_finish(struct dh_classic *c, int64_t now_ns);

// Stops all that a member does.
void dh_classic_activities_stop(struct dh_classic *c);

// Makes the LOSE notice, now or when there is memory for it.
void dh_classic_lost_tell(struct dh_classic *c, int64_t now_ns);

/*
 * The generation is gone, and with it all that is owned (CL-024, S9). What follows is
 * a join; `until_poll` waits for a poll before it even if nothing is owned (API-150).
 * The caller has dealt with the member id and with needs_rejoin.
 */
void dh_classic_generation_lose(struct dh_classic *c, bool until_poll, int64_t now_ns);

// The coordinator refuses us for good: tells the application, waits for the user.
void dh_classic_fatal(struct dh_classic *c, int error, int16_t broker_code,
                      int64_t now_ns, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

extern const struct dh_op_class dh_classic_leave_class;

// ---- classic_join.c ----

// Sends JoinGroup, -> JOINING. Heartbeats and the poll timer rest until the answer.
void dh_classic_join_start(struct dh_classic *c, int32_t node_id, int64_t now_ns);

// LEADING: assigns once the topics are known, or overdue. Returns 0 or
// DOHLE_ERR_NO_MEMORY; dh_classic_leading_retry is then what to do.
DH_MUST_CHECK int dh_classic_lead(struct dh_classic *c, bool is_overdue, int64_t now_ns);
void dh_classic_leading_retry(struct dh_classic *c, int64_t now_ns);

// We do not lead (any more).
void dh_classic_leader_forget(struct dh_classic *c);

void dh_classic_leading_on_alarm(struct dh_alarm *alarm, int64_t now_ns);

extern const struct dh_op_class dh_classic_join_class;
extern const struct dh_op_class dh_classic_sync_class;

// ---- classic_alive.c ----

// Sends a heartbeat unless one is out, and sets the alarm of the next.
void dh_classic_heartbeat_start(struct dh_classic *c, int64_t now_ns);

// A good answer: the session lasts session.timeout.ms from now.
void dh_classic_session_extend(struct dh_classic *c, int64_t now_ns);

/*
 * What an answer to Heartbeat or OffsetCommit says about our standing. The caller has
 * made sure that it is about the present generation.
 */
void dh_classic_standing_react(struct dh_classic *c, enum dh_reaction reaction,
                               int16_t broker_code, const char *who, int64_t now_ns);

// The session's end looks the coordinator up again: it may have moved, and whether we
// are still a member it will say (CL-004).
void dh_classic_heartbeat_on_alarm(struct dh_alarm *alarm, int64_t now_ns);
void dh_classic_session_on_alarm(struct dh_alarm *alarm, int64_t now_ns);
void dh_classic_poll_on_alarm(struct dh_alarm *alarm, int64_t now_ns);

extern const struct dh_op_class dh_classic_heartbeat_class;

#endif
