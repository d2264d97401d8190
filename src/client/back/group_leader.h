// SPDX-License-Identifier: MIT
/*
 * What the leader of a classic group does between JoinGroup and SyncGroup, and
 * what it remembers afterwards (CL-007).
 *
 *     take     the members that JoinGroup told: ids, subscriptions, union of topics
 *     (the membership waits until the cluster knows those topics)
 *     assign   runs the assignor, encodes one blob a member
 *     changed  whether a topic's partition count is no longer what assign saw
 *
 * Members are compared with those of the generation before, if we led that too, so
 * that a rebalance can say who joined and who left.
 *
 * All of a generation lives in one arena; the one before is kept for the comparison.
 * Bound: DH_GROUP_LEADER_BYTES_MAX a generation; a larger group is an error.
 */
#ifndef DH_CLIENT_BACK_GROUP_LEADER_H
#define DH_CLIENT_BACK_GROUP_LEADER_H

#include <stdbool.h>

#include "assign/assignor.h"
#include "base/arena.h"
#include "base/assert.h"
#include "client/back/cluster.h"
#include "wire/gen/join_group.h"
#include "wire/gen/sync_group.h"

#define DH_GROUP_LEADER_BYTES_MAX ((size_t)256 << 20)

// One generation as its leader sees it.
struct dh_group_view {
    struct dh_arena arena;
    int32_t generation;               // -1: we did not lead
    struct dh_assign_member *members; // as JoinGroup listed them
    size_t member_count;
    struct dh_assign_topic *topics; // union of all subscriptions, sorted; counts: assign
    size_t topic_count;
};

struct dh_group_leader {
    const dohle_allocator *mem;
    struct dh_group_view views[2];
    struct dh_group_view *view; // of this generation
    // The answer of assign, for SyncGroup. In the arena; valid until take or forget.
    struct dh_sync_group_request_assignment *assignments;
    int32_t assignment_count;
};

void dh_group_leader_init(struct dh_group_leader *leader, const dohle_allocator *mem);
void dh_group_leader_deinit(struct dh_group_leader *leader);

// We do not lead (any more).
void dh_group_leader_forget(struct dh_group_leader *leader);

static inline bool dh_group_leader_is_leading(const struct dh_group_leader *leader)
{
    return leader->view->generation >= 0;
}

/*
 * Copies what the response says about the group. `change` (at least 1 byte) gets one
 * clause about who joined and left since the last generation we led, or "" if that was
 * not generation_before or nobody did. Returns 0, DOHLE_ERR_PROTOCOL (a subscription
 * that makes no sense) or DOHLE_ERR_NO_MEMORY; then we do not lead.
 */
DH_MUST_CHECK int dh_group_leader_take(struct dh_group_leader *leader,
                                       const struct dh_join_group_response *response,
                                       int32_t generation_before, char *change,
                                       size_t change_size);

/*
 * Assigns every partition of every topic the cluster knows; unknown topics are left
 * out (AS-010). Every member gets a blob, perhaps of nothing (AS-012). Returns 0 or
 * DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_group_leader_assign(struct dh_group_leader *leader,
                                         const struct dh_assignor *assignor,
                                         const struct dh_cluster *cluster);

// Remembers the partition counts without assigning (SkipAssignment, CL-007).
void dh_group_leader_look(struct dh_group_leader *leader,
                          const struct dh_cluster *cluster);

// True if a partition count has changed; `change` says which, as a sentence.
bool dh_group_leader_is_outdated(const struct dh_group_leader *leader,
                                 const struct dh_cluster *cluster, char *change,
                                 size_t change_size);

#endif
