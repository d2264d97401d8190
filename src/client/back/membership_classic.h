// SPDX-License-Identifier: MIT
/*
 * Membership by the classic protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup.
 *
 * The user's wishes are a subscription and `wants`; the facts are the state, the
 * identity (member id, generation) and the table of partitions. One step function
 * moves facts toward wishes; replies, notices that come back and alarms change
 * facts and call it.
 *
 *   subscribe                      wants a member
 *   need to rejoin, and a reason   set by whoever notices: CL-006
 *   identity                       generation -1: none; what is owned then is lost
 *
 *   join round:  [REVOKE or LOSE out, back] JoinGroup [metadata, assignor: leader]
 *                SyncGroup  ASSIGN out, back
 *
 * The callbacks of one rebalance run once, however often JoinGroup and SyncGroup
 * are repeated. Everything owned is revoked before JoinGroup (eager); what
 * the assignment adds and takes away is computed from both sets, so that a
 * cooperative protocol needs no other path.
 *
 * Timers, all alarms of the back half (CL-004):
 *   heartbeat   heartbeat.interval.ms after the last was sent, the operation's
 *               back-off after a failure; not while JoinGroup is out
 *   session     session.timeout.ms after the last good answer: the coordinator is
 *               looked up again, the membership is kept
 *   poll        max.poll.interval.ms after the application left poll: LeaveGroup,
 *               what was owned is lost, and we join again only when the notice of
 *               that has come back, which only a later poll does (API-150)
 *
 * Bounds: one operation of each kind, at most two notices out (an ASSIGN that
 * nobody has taken yet and a LOSE behind it).
 *
 * Not here: who the coordinator is (coordinator_link.h), offsets (positions.h,
 * commits.h), the assignors (assign/). Commits before a revocation are the front
 * half's: it submits them when it takes the notice.
 *
 * Source: consumer-semantics 5.1, 5.2, 6.1, 6.2, X-050 to X-070; AbstractCoordinator
 * and ConsumerCoordinator of Apache Kafka 4.4.
 */
#ifndef DH_CLIENT_BACK_MEMBERSHIP_CLASSIC_H
#define DH_CLIENT_BACK_MEMBERSHIP_CLASSIC_H

#include "base/assert.h"
#include "client/back/context.h"
#include "client/back/membership.h"

struct dh_coordinator_link;
struct dh_partitions;

// Borrows all three for its life. NULL: no memory.
DH_MUST_CHECK struct dh_membership *
dh_membership_classic_new(const struct dh_back_context *context,
                          struct dh_partitions *partitions,
                          struct dh_coordinator_link *link);

#endif
