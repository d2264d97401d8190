// SPDX-License-Identifier: MIT
/*
 * A group, of whichever protocol, and its offsets.
 *
 * What is durable of a group is the value of its last GroupMetadata record, kept as bytes, and its
 * offsets. Members and states run ahead of it: a group that is rebalancing has members whom
 * no record knows, and a crash brings the last generation back that had its assignment (O-13).
 *
 *     record  = what a replay of the log would give now
 *     Stable  => the members, generation, leader and assignments are those of the record
 *
 * A group is there for requests while its kind is not NONE. The object may be there longer, or
 * sooner: offsets outlive the record of their group (a migration deletes only the record), and a
 * change that is not yet written holds it.
 *
 * Not here: the protocol (classic.h), what is written (change.h), commits (offsets.c).
 */
#ifndef DH_COORDINATOR_GROUP_H
#define DH_COORDINATOR_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "coordinator/classic.h"
#include "coordinator/state.h"
#include "wire/uuid.h"

// Kafka's bound of a topic's name; offsets of longer ones are not kept.
#define DH_GROUP_TOPIC_SIZE_MAX ((size_t)249)

enum dh_group_kind {
    DH_GROUP_NONE,    // not there for requests
    DH_GROUP_CLASSIC, // classic, or simple: offsets and no record
};

// A committed offset; one block with the texts it points to.
struct dh_group_offset {
    size_t size;       // of the block
    const char *topic; // terminated
    size_t topic_size;
    dohle_bytes metadata;
    int64_t offset;
    int64_t commit_timestamp_ms;
    int64_t expire_timestamp_ms; // -1: as configured
    int32_t partition;
    int32_t leader_epoch; // -1: unknown
    struct dh_uuid topic_id;
};

struct dh_group {
    struct dh_coordinator *coordinator;
    struct dh_link touched; // in coordinator->touched; counts as a hold
    dohle_bytes id;         // owned; a NUL follows
    enum dh_group_kind kind;
    size_t hold_count; // changes that are prepared, callers up the stack
    // The last GroupMetadataValue written, with its version; NULL: none. Members' views
    // point into it.
    uint8_t *record;
    size_t record_size;
    /* struct dh_group_offset by topic and partition. A value NULL is a place that a prepared
     * change has reserved. */
    struct dh_map offsets;
    struct dh_classic_group classic; // meaningful while the kind is CLASSIC
};

// The group, if it is there for requests; else NULL.
struct dh_group *dh_group_find(const struct dh_coordinator *coordinator, dohle_bytes id);

/*
 * Finds or makes the object, of kind NONE then, and holds it. NULL: no memory. Each hold is given
 * back once; the last one frees an object that nothing is left of.
 */
DH_MUST_CHECK struct dh_group *dh_group_hold(struct dh_coordinator *coordinator,
                                             dohle_bytes id);
void dh_group_release(struct dh_group *group);

// Becomes a classic group without members, or stops being there. Cannot fail.
void dh_group_begin_classic(struct dh_group *group);
void dh_group_end(struct dh_group *group);

/*
 * All objects, of kind NONE too, in order of their ids; in the arena. Returns 0 or
 * DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_groups_sorted(const struct dh_coordinator *coordinator,
                                   struct dh_arena *arena, struct dh_group ***groups,
                                   size_t *count);

// Frees it whatever is left of it; nobody is told.
void dh_group_free(struct dh_group *group);

// Its state or its members changed: `changed` is called when the coordinator is left.
void dh_group_touch(struct dh_group *group);

// The offset of a partition; NULL: none.
struct dh_group_offset *dh_group_offset_find(const struct dh_group *group,
                                             dohle_bytes topic, int32_t partition);

/*
 * Reserves a place for an offset, so that setting it cannot fail. Returns 0 or
 * DOHLE_ERR_NO_MEMORY. `unreserve` gives up a place that was not used.
 */
DH_MUST_CHECK int dh_group_offset_reserve(struct dh_group *group, dohle_bytes topic,
                                          int32_t partition);
void dh_group_offset_unreserve(struct dh_group *group, dohle_bytes topic,
                               int32_t partition);
// Takes `offset`, whose place was reserved.
void dh_group_offset_set(struct dh_group *group, struct dh_group_offset *offset);
void dh_group_offset_remove(struct dh_group *group, dohle_bytes topic, int32_t partition);
void dh_group_offset_free(const dohle_allocator *mem, struct dh_group_offset *offset);

// All of them, in order of topic and partition; in the arena. Returns 0 or
// DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_group_offsets_sorted(const struct dh_group *group,
                                          struct dh_arena *arena,
                                          struct dh_group_offset ***offsets,
                                          size_t *count);

#endif
