// SPDX-License-Identifier: MIT
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

// Goes before each block; keeps what follows aligned as malloc does.
struct block {
    struct dh_link link;
    size_t size;
    size_t unused;
};

_Static_assert(sizeof(struct block) % 16 == 0, "blocks are aligned");

static void *reallocate(void *ctx, void *pointer, size_t old_size, size_t new_size)
{
    struct sim_memory *memory = ctx;
    struct block *old = NULL;
    if (pointer != NULL) {
        old = (struct block *)pointer - 1;
        DH_ASSERT(old->size == old_size);
    }
    struct block *made = NULL;
    if (new_size > 0) {
        made = malloc(sizeof(*made) + new_size);
        DH_ASSERT(made != NULL);
        *made = (struct block){.size = new_size};
        dh_list_push_back(&memory->blocks, &made->link);
        memory->bytes += new_size;
        if (old != NULL) {
            memcpy(made + 1, old + 1, old_size < new_size ? old_size : new_size);
        }
    }
    if (old != NULL) {
        dh_list_remove(&old->link);
        memory->bytes -= old_size;
        free(old);
    }
    if (memory->bytes > memory->bytes_peak) {
        memory->bytes_peak = memory->bytes;
    }
    return made == NULL ? NULL : made + 1;
}

void sim_memory_init(struct sim_memory *memory)
{
    memory->allocator = (dohle_allocator){.ctx = memory, .reallocate = reallocate};
    dh_list_init(&memory->blocks);
    memory->bytes = 0;
    memory->bytes_peak = 0;
}

void sim_memory_drop_all(struct sim_memory *memory)
{
    for (struct dh_link *link; (link = dh_list_pop_front(&memory->blocks)) != NULL;) {
        free(DH_CONTAINER_OF(link, struct block, link));
    }
    memory->bytes = 0;
}
