// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK_SIZE_MIN  ((size_t)4096)
#define BLOCK_SIZE_KEPT ((size_t)65536)

struct dh_arena_block {
    struct dh_arena_block *next;
    size_t capacity; // of data
    size_t size;     // used of data
    alignas(max_align_t) uint8_t data[];
};

void dh_arena_init(struct dh_arena *arena, const dohle_allocator *mem, size_t used_max)
{
    *arena =
        (struct dh_arena){.mem = mem, .used_max = used_max == 0 ? SIZE_MAX : used_max};
}

static void free_block(struct dh_arena *arena, struct dh_arena_block *block)
{
    dh_mem_free(arena->mem, block, sizeof(*block) + block->capacity);
}

void dh_arena_deinit(struct dh_arena *arena)
{
    while (arena->blocks != NULL) {
        struct dh_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free_block(arena, block);
    }
    arena->used = 0;
}

void dh_arena_reset(struct dh_arena *arena)
{
    struct dh_arena_block *kept = NULL;
    while (arena->blocks != NULL) {
        struct dh_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        if (block->capacity > BLOCK_SIZE_KEPT) {
            free_block(arena, block);
        } else if (kept == NULL || block->capacity > kept->capacity) {
            if (kept != NULL) {
                free_block(arena, kept);
            }
            kept = block;
        } else {
            free_block(arena, block);
        }
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->size = 0;
    }
    arena->blocks = kept;
    arena->used = 0;
}

static struct dh_arena_block *add_block(struct dh_arena *arena, size_t size)
{
    size_t capacity =
        arena->blocks == NULL ? BLOCK_SIZE_MIN : arena->blocks->capacity * 2;
    if (capacity > BLOCK_SIZE_KEPT) {
        capacity = BLOCK_SIZE_KEPT;
    }
    if (capacity < size) {
        capacity = size;
    }
    if (capacity > SIZE_MAX - sizeof(struct dh_arena_block)) {
        return NULL;
    }
    struct dh_arena_block *block =
        dh_mem_alloc(arena->mem, sizeof(struct dh_arena_block) + capacity);
    if (block == NULL) {
        return NULL;
    }
    block->capacity = capacity;
    block->size = 0;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *dh_arena_alloc(struct dh_arena *arena, size_t size)
{
    const size_t step = alignof(max_align_t);
    if (size > SIZE_MAX - step) {
        return NULL;
    }
    size_t rounded = (size + step - 1) / step * step;
    if (rounded == 0) {
        rounded = step;
    }
    if (rounded > arena->used_max - arena->used) {
        return NULL;
    }
    struct dh_arena_block *block = arena->blocks;
    if (block == NULL || block->capacity - block->size < rounded) {
        block = add_block(arena, rounded);
        if (block == NULL) {
            return NULL;
        }
    }
    void *pointer = block->data + block->size;
    block->size += rounded;
    arena->used += rounded;
    memset(pointer, 0, rounded);
    return pointer;
}

void *dh_arena_calloc(struct dh_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return dh_arena_alloc(arena, count * size);
}
