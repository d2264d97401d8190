// SPDX-License-Identifier: MIT
/*
 * An arena: many small allocations, one release. One serves each decoded
 * message. Its total is bounded, so that a hostile message costs no more than
 * the bound; blocks are kept for the next message.
 */
#ifndef DH_BASE_ARENA_H
#define DH_BASE_ARENA_H

#include <dohle/types.h>

#include "base/assert.h"

struct dh_arena_block;

struct dh_arena {
    const dohle_allocator *mem;
    struct dh_arena_block *blocks; // newest first
    size_t used;                   // bytes handed out since the last reset
    size_t used_max;               // bound of `used`
};

// used_max 0: no bound.
void dh_arena_init(struct dh_arena *arena, const dohle_allocator *mem, size_t used_max);
void dh_arena_deinit(struct dh_arena *arena);

// Ends the life of everything handed out. Keeps one block of at most 64 KiB.
void dh_arena_reset(struct dh_arena *arena);

// Zeroed, aligned for any type; valid until reset. NULL: no memory or over the bound.
// size 0 gives a valid pointer to nothing.
DH_MUST_CHECK void *dh_arena_alloc(struct dh_arena *arena, size_t size);

// As above for count * size; NULL also when that overflows.
DH_MUST_CHECK void *dh_arena_calloc(struct dh_arena *arena, size_t count, size_t size);

#endif
