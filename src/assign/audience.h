// SPDX-License-Identifier: MIT
/*
 * Who subscribed to what, as numbers. Assignors work on places: a member's place
 * is its position in the order of AS-011, so that no result depends on the order
 * in which members were handed in.
 */
#ifndef DH_ASSIGN_AUDIENCE_H
#define DH_ASSIGN_AUDIENCE_H

#include "assign/assignor.h"

// The subscribers of one topic: places, ascending, none twice.
struct dh_audience {
    uint32_t *places;
    size_t count;
    size_t capacity;
};

struct dh_audiences {
    const struct dh_assign_input *input;
    const struct dh_assign_member **members; // by place
    const struct dh_assign_topic **topics;   // by name
    struct dh_audience *of; // by index of the topic; empty: nothing to give or to whom
    size_t *first;          // by index of the topic: partitions of all topics before it
    size_t partition_count; // of all topics with an audience
};

// Memory comes from the arena. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_audiences_gather(struct dh_audiences *audiences,
                                      const struct dh_assign_input *input,
                                      struct dh_arena *arena);

// The index of the topic of that name, if it has an audience; otherwise UINT32_MAX.
uint32_t dh_audiences_find(const struct dh_audiences *audiences, dohle_bytes topic);

// The position of the first place of at least `place`; count: there is none.
size_t dh_audience_seek(const struct dh_audience *audience, uint32_t place);

/*
 * Turns owners into lists: owners[first[t] + p] is the place of who gets partition
 * p of topic t, or UINT32_MAX for nobody. Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_audiences_list(const struct dh_audiences *audiences,
                                    const uint32_t *owners, struct dh_arena *arena,
                                    struct dh_assign_list *lists);

#endif
