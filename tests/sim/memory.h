// SPDX-License-Identifier: MIT
/*
 * The memory of one member: counts what is allocated, checks the sizes that are handed
 * back, and can be dropped as a whole, as when a process dies.
 */
#ifndef DH_TESTS_SIM_MEMORY_H
#define DH_TESTS_SIM_MEMORY_H

#include <dohle/types.h>

#include "base/list.h"

struct sim_memory {
    dohle_allocator allocator; // its ctx is this struct
    struct dh_list blocks;     // all that is allocated
    size_t bytes;
    size_t bytes_peak;
};

void sim_memory_init(struct sim_memory *memory);
void sim_memory_drop_all(struct sim_memory *memory);

#endif
