// SPDX-License-Identifier: MIT
/*
 * The assigned partitions: the back half's one table of them.
 *
 * A slot is an index into the table; slots are reused, assignment numbers never.
 * Everything that concerns one partition and is not history lives in its row:
 * term, where to fetch from, why it is not fetched. Modules put a row on lists of
 * their own (by leader, by state), so that no turn of the loop walks the table.
 *
 *   ADDED ----------> STARTING       told by the front half: callback done, or assigned by hand
 *   STARTING -------> FETCHING       committed offset found
 *            -------> RESETTING      no committed offset, or a seek to beginning or end
 *            -------> VALIDATING     offset found, its leader epoch has to be checked
 *   RESETTING ------> FETCHING       ListOffsets answered
 *   FETCHING -------> VALIDATING     metadata shows a newer leader epoch (CL-125)
 *            -------> FAILED         an error that the application must act upon
 *   any ------------> FETCHING, RESETTING, VALIDATING   seek
 *
 * Whoever changes a row touches it. The back half then shows each touched row once
 * to positions and to the fetcher, which look at what is wanted and link or unlink
 * themselves; so neither knows the other, and a removed row is freed only when
 * both have let go of it.
 *
 * Modules: who writes what
 *   membership_*    adds and removes rows (group), is_revoking
 *   back            adds and removes rows (by hand), seek, pause
 *   positions       state, fetch_offset until FETCHING
 *   fetcher         fetch_offset while FETCHING, topic_id, buffered_*
 */
#ifndef DH_CLIENT_BACK_PARTITIONS_H
#define DH_CLIENT_BACK_PARTITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "client/messages.h"
#include "wire/uuid.h"

struct dh_fetch_session_entry;
struct dh_fetcher_node;
struct dh_map;

// Where the fetcher has put a row: client/back/fetcher.h.
enum dh_fetch_place {
    DH_FETCH_NOT_WANTED,
    DH_FETCH_READY,
    DH_FETCH_FULL,
    DH_FETCH_PARKED,
};

enum dh_partition_state {
    DH_PARTITION_FREE,       // the slot is not in use
    DH_PARTITION_ADDED,      // waits for on_assigned to return
    DH_PARTITION_STARTING,   // waits for its committed offset
    DH_PARTITION_RESETTING,  // waits for ListOffsets
    DH_PARTITION_VALIDATING, // waits for OffsetForLeaderEpoch
    DH_PARTITION_FETCHING,   // has a position
    DH_PARTITION_FAILED,     // waits for a seek
    DH_PARTITION_GONE,       // removed; freed when every module has let go
};

struct dh_partition {
    enum dh_partition_state state;
    uint32_t slot;
    struct dh_term term;
    char *topic;             // owned
    struct dh_uuid topic_id; // zero: unknown
    int32_t partition;
    bool is_paused;
    bool is_revoking; // a REVOKE or LOSE notice is out: not fetched

    // The fetched position.
    int64_t fetch_offset;       // FETCHING, VALIDATING: ask from here
    int32_t fetch_offset_epoch; // leader epoch of the record before it; -1: unknown
    int32_t leader;             // under which the position was checked; DH_NODE_NONE
    int32_t leader_epoch;       // -1: unknown
    enum dh_seek_target reset_target; // RESETTING

    // Positions: the request in flight that names the row, and under which term.
    uint64_t position_request; // 0: none
    struct dh_term position_term;
    bool is_held; // the front half was told to deliver nothing until we know more

    // What is on its way to the application.
    uint32_t buffered_chunks;
    size_t buffered_bytes; // as fetched
    size_t held_bytes;     // buffered_bytes, and what they were decompressed into

    struct dh_link changed_link;                  // table: touched, not shown yet
    struct dh_link position_link;                 // positions: waiting for an offset
    struct dh_link fetch_link;                    // fetcher: ready, full or parked
    enum dh_fetch_place fetch_place;              // fetcher
    struct dh_fetcher_node *fetch_node;           // fetcher: where it is wanted; NULL
    int64_t fetch_retry_ns;                       // fetcher: when it is parked no more
    uint32_t fetch_errors;                        // fetcher: in a row
    int64_t told_high_watermark;                  // fetcher: to the front half; -1
    struct dh_fetch_session_entry *session_entry; // fetcher: NULL: in no session
};

struct dh_partitions {
    const dohle_allocator *mem;
    struct dh_partition **rows; // by slot; rows do not move
    size_t row_count;
    size_t row_capacity;
    size_t assigned_count;
    uint64_t assignment_last; // the counter of assignment numbers
    struct dh_list free;      // free slots (position_link)
    struct dh_list changed;   // touched rows (changed_link)
    struct dh_map *by_name;   // opaque: (number, topic) -> row
    uint8_t *key;             // scratch for a key of by_name
    size_t key_capacity;
};

// Returns 0 or DOHLE_ERR_NO_MEMORY; deinit may be called either way.
DH_MUST_CHECK int dh_partitions_init(struct dh_partitions *table,
                                     const dohle_allocator *mem, uint64_t hash_seed);
void dh_partitions_deinit(struct dh_partitions *table);

// A new row, ADDED, with a new assignment number, touched. The partition must not be
// in the table. Copies the name. NULL: no memory.
struct dh_partition *dh_partitions_add(struct dh_partitions *table, const char *topic,
                                       int32_t partition);

// The row becomes GONE at once: neither found nor current any more. Touches it.
void dh_partitions_remove(struct dh_partitions *table, struct dh_partition *row);

// Something about the row has changed: it will be shown to the other modules.
void dh_partitions_touch(struct dh_partitions *table, struct dh_partition *row);

// Takes the next touched row off the list; NULL: none. For the back half's dispatcher,
// which calls dh_partitions_release for rows that are GONE once all modules let go.
struct dh_partition *dh_partitions_next_changed(struct dh_partitions *table);

// Frees a GONE row that is on nobody's list.
void dh_partitions_release(struct dh_partitions *table, struct dh_partition *row);

// NULL: not assigned.
struct dh_partition *dh_partitions_find(const struct dh_partitions *table,
                                        const char *topic, int32_t partition);

// NULL: the slot is free, or holds another assignment by now: drop what came.
struct dh_partition *dh_partitions_at(const struct dh_partitions *table, uint32_t slot,
                                      uint64_t assignment);

// NULL unless both numbers are current.
struct dh_partition *dh_partitions_current(const struct dh_partitions *table,
                                           uint32_t slot, struct dh_term term);

// Walks all rows in use, by slot. cursor starts at 0; NULL at the end.
struct dh_partition *dh_partitions_next(const struct dh_partitions *table,
                                        size_t *cursor);

#endif
