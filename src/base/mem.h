// SPDX-License-Identifier: MIT
/*
 * Memory. Every part that allocates is given a `const dohle_allocator *` and
 * keeps it. Sizes are handed back on free, so that an allocator can count.
 * Allocation fails by returning NULL, and each caller handles that.
 */
#ifndef DH_BASE_MEM_H
#define DH_BASE_MEM_H

#include <stddef.h>

#include <dohle/types.h>

#include "base/assert.h"

// malloc, realloc and free of the C library. Any thread.
const dohle_allocator *dh_mem_default(void);

// Uninitialised; NULL when there is no memory or size is 0.
DH_MUST_CHECK void *dh_mem_alloc(const dohle_allocator *mem, size_t size);

// Zeroed; NULL also when count * size overflows or is 0.
DH_MUST_CHECK void *dh_mem_calloc(const dohle_allocator *mem, size_t count, size_t size);

// NULL leaves the old block as it was. new_size must not be 0.
DH_MUST_CHECK void *dh_mem_realloc(const dohle_allocator *mem, void *pointer,
                                   size_t old_size, size_t new_size);

/*
 * Makes room for at least `needed` items in a growing array: *items holds
 * *capacity items of `size` bytes and is moved to one of at least twice that.
 * Returns 0 or DOHLE_ERR_NO_MEMORY; on failure the array is unchanged.
 */
DH_MUST_CHECK int dh_mem_grow(const dohle_allocator *mem, void *items_pointer,
                              size_t *capacity, size_t needed, size_t size);

// NULL is allowed. size is what was allocated.
void dh_mem_free(const dohle_allocator *mem, void *pointer, size_t size);

// A terminated copy of size bytes; freed by dh_mem_free(size + 1). NULL: no memory.
DH_MUST_CHECK char *dh_mem_copy_string(const dohle_allocator *mem, const void *text,
                                       size_t size);

// As above, but of the bytes before the first NUL, if there is one: what a peer sends
// as text may hold any byte, and dh_mem_free_string would not give all of it back.
DH_MUST_CHECK char *dh_mem_copy_text(const dohle_allocator *mem, const void *text,
                                     size_t size);

// Frees what dh_mem_copy_text made, or dh_mem_copy_string of what holds no NUL. NULL is
// allowed.
void dh_mem_free_string(const dohle_allocator *mem, char *text);

#endif
