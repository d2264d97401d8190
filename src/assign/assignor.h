// SPDX-License-Identifier: MIT
/*
 * Assignors: who in a group reads which partition. The leader of a classic
 * group runs one; the coordinator does in the newer protocol.
 *
 * An assignor is a pure function on plain arrays: the same input, in any order
 * of members, gives the same target. Every partition of a subscribed topic goes
 * to exactly one of its subscribers.
 *
 * Source: AbstractPartitionAssignor and its children in Apache Kafka 4.4.
 */
#ifndef DH_ASSIGN_ASSIGNOR_H
#define DH_ASSIGN_ASSIGNOR_H

#include <dohle/types.h>

#include "base/arena.h"
#include "base/assert.h"

// What a member said it owned before.
struct dh_assign_owned {
    dohle_bytes topic;
    int32_t partition;
};

struct dh_assign_member {
    dohle_bytes id;
    dohle_bytes instance_id;   // null: a dynamic member
    dohle_bytes rack;          // null or empty: none
    const dohle_bytes *topics; // subscribed names; repeated ones count once
    size_t topic_count;
    const struct dh_assign_owned *owned;
    size_t owned_count;
    int32_t generation; // in which it owned them; -1: unknown
};

// Where the replicas of a partition are; a null or empty name is unknown.
struct dh_assign_replicas {
    const dohle_bytes *racks;
    size_t count;
};

struct dh_assign_topic {
    dohle_bytes name;
    int32_t partition_count; // <= 0: nothing is known of it, it is left out (AS-010)
    const struct dh_assign_replicas *replicas; // by partition; NULL: not known
};

struct dh_assign_input {
    const struct dh_assign_member *members; // no id twice
    size_t member_count;
    const struct dh_assign_topic *topics; // no name twice
    size_t topic_count;
};

struct dh_assign_partition {
    uint32_t topic; // index into the input's topics
    int32_t partition;
};

// What one member gets, grouped by topic in the input's order, then by partition.
struct dh_assign_list {
    struct dh_assign_partition *partitions; // from the arena; NULL when count is 0
    size_t count;
};

// Bits: what a member may keep while the group rebalances (AS-009).
#define DH_ASSIGN_EAGER       1u // nothing
#define DH_ASSIGN_COOPERATIVE 2u // all that is not given to another

struct dh_assignor {
    const char *name;       // in JoinGroup and in partition.assignment.strategy
    const char *class_name; // Java's, accepted in partition.assignment.strategy too
    unsigned protocols;     // DH_ASSIGN_EAGER, ...
    /* Fills lists[0..member_count-1], in the order of the members. Memory of the
     * result and of the work comes from the arena. Returns 0 or
     * DOHLE_ERR_NO_MEMORY, which a bound of the arena gives too. */
    int (*assign)(const struct dh_assign_input *input, struct dh_arena *arena,
                  struct dh_assign_list *lists);
};

// By name or by class name; NULL: there is none.
const struct dh_assignor *dh_assignor_find(dohle_bytes name);

// Those of the coordinator, for groups of the newer protocol: "uniform" and "range".
const struct dh_assignor *dh_assignor_find_of_server(dohle_bytes name);

// AS-011: static members first, by group.instance.id; then dynamic ones by id.
int dh_assign_member_compare(const struct dh_assign_member *a,
                             const struct dh_assign_member *b);

#endif
