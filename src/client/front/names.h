// SPDX-License-Identifier: MIT
/*
 * A sorted list of names without duplicates, in one block of memory.
 */
#ifndef DH_CLIENT_FRONT_NAMES_H
#define DH_CLIENT_FRONT_NAMES_H

#include <stdbool.h>

#include <dohle/types.h>

#include "base/assert.h"

struct dh_names {
    size_t size; // bytes of the whole block
    uint32_t count;
    const char *items[]; // sorted bytewise; the texts are behind the array
};

// Copies. Free with dh_mem_free(names, names->size). NULL: no memory.
DH_MUST_CHECK struct dh_names *dh_names_new(const dohle_allocator *mem,
                                            const char *const *names, size_t count);

bool dh_names_has(const struct dh_names *names, const char *name);

#endif
