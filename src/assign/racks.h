// SPDX-License-Identifier: MIT
/*
 * Racks as bits: which partitions have a replica where which member is. All
 * replicas count, also those that are offline (AS-013).
 */
#ifndef DH_ASSIGN_RACKS_H
#define DH_ASSIGN_RACKS_H

#include <stdbool.h>

#include "assign/audience.h"

struct dh_racks {
    size_t word_count;     // of one set of racks; 0: no member or no partition has one
    uint32_t *of_members;  // by place: number of the rack; UINT32_MAX: none
    uint64_t *of_replicas; // by partition (dh_audiences.first): word_count words
};

// Memory comes from the arena. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_racks_gather(struct dh_racks *racks,
                                  const struct dh_audiences *audiences,
                                  struct dh_arena *arena);

// Whether the member has no rack, or one with a replica of the partition.
bool dh_racks_match(const struct dh_racks *racks, uint32_t place, size_t partition);

/*
 * Whether racks make a difference for these partitions and members (AS-013): some
 * member is on a rack with a replica, and not every partition is on the same racks.
 * scratch holds word_count words.
 */
bool dh_racks_matter(const struct dh_racks *racks, const uint32_t *places,
                     size_t place_count, size_t first, size_t partition_count,
                     uint64_t *scratch);

#endif
