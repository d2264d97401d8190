// SPDX-License-Identifier: MIT
/*
 * Membership of a group, whichever protocol it speaks.
 *
 * The classic protocol (membership_classic.h) is one; KIP-848 will be another.
 * What the rest of the back half needs of them is this table. A membership
 * changes what is owned only through struct dh_partitions and ownership notices.
 *
 * Its timers are alarms (client/back/alarms.h); where the application is when the one
 * of max.poll.interval.ms fires is told by the context's poll_mark.
 */
#ifndef DH_CLIENT_BACK_MEMBERSHIP_H
#define DH_CLIENT_BACK_MEMBERSHIP_H

#include "client/messages.h"

// How commits name us. Views valid until the next call into the membership.
struct dh_identity {
    const char *member_id;   // "" without membership
    int32_t generation;      // or member epoch; -1 without membership
    const char *instance_id; // NULL: dynamic
};

// Whether a commit may be sent for the group now.
enum dh_commit_permission {
    DH_COMMIT_MAY,         // a member, or assigned by hand
    DH_COMMIT_REBALANCING, // between generations: REBALANCE_IN_PROGRESS
    DH_COMMIT_MAY_NOT,     // no member any more: COMMIT_FAILED
};

struct dh_membership {
    const struct dh_membership_class *cls;
};

struct dh_membership_class {
    const char *name; // "classic"
    // The front half's wishes. The command is answered at once (err) unless noted.
    void (*subscribe)(struct dh_membership *, struct dh_command_subscribe *,
                      int64_t now_ns);
    // Answered when the leave request is written, failed, or at its deadline.
    void (*leave)(struct dh_membership *, struct dh_command_leave *, int64_t now_ns);
    void (*rebalance)(struct dh_membership *, const char *reason, int64_t now_ns);
    // An ownership notice of ours has come back: its callback has run.
    void (*on_ownership_done)(struct dh_membership *, struct dh_notice_ownership *,
                              int64_t now_ns);
    // News from the other modules.
    void (*on_coordinator)(struct dh_membership *, int32_t node_id, int64_t now_ns);
    void (*on_metadata)(struct dh_membership *, int64_t now_ns);
    // A commit's reply told about our standing (UNKNOWN_MEMBER_ID, ...), under that generation.
    void (*on_commit_refused)(struct dh_membership *, int16_t broker_code,
                              int32_t generation, int64_t now_ns);
    // Queries.
    struct dh_identity (*identity)(const struct dh_membership *);
    enum dh_commit_permission (*commit_permission)(const struct dh_membership *);
    void (*free)(struct dh_membership *);
};

#endif
