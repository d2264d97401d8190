// SPDX-License-Identifier: MIT
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include <dohle/error.h>

static void *default_reallocate(void *ctx, void *pointer, size_t old_size,
                                size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(pointer);
        return NULL;
    }
    return realloc(pointer, new_size);
}

const dohle_allocator *dh_mem_default(void)
{
    static const dohle_allocator allocator = {NULL, default_reallocate};
    return &allocator;
}

void *dh_mem_alloc(const dohle_allocator *mem, size_t size)
{
    return size == 0 ? NULL : mem->reallocate(mem->ctx, NULL, 0, size);
}

void *dh_mem_calloc(const dohle_allocator *mem, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void *pointer = dh_mem_alloc(mem, count * size);
    if (pointer != NULL) {
        memset(pointer, 0, count * size);
    }
    return pointer;
}

void *dh_mem_realloc(const dohle_allocator *mem, void *pointer, size_t old_size,
                     size_t new_size)
{
    DH_ASSERT(new_size != 0);
    return mem->reallocate(mem->ctx, pointer, old_size, new_size);
}

int dh_mem_grow(const dohle_allocator *mem, void *items_pointer, size_t *capacity,
                size_t needed, size_t size)
{
    if (needed <= *capacity) {
        return 0;
    }
    size_t wanted = *capacity > SIZE_MAX / 2 ? SIZE_MAX : *capacity * 2;
    if (wanted < needed) {
        wanted = needed;
    }
    if (wanted < 8) {
        wanted = 8;
    }
    if (wanted > SIZE_MAX / size) {
        return DOHLE_ERR_NO_MEMORY;
    }
    /* items_pointer is a T **; memcpy keeps the access legal for every T. */
    void *items;
    memcpy(&items, items_pointer, sizeof(items));
    items = dh_mem_realloc(mem, items, *capacity * size, wanted * size);
    if (items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    memcpy(items_pointer, &items, sizeof(items));
    *capacity = wanted;
    return 0;
}

void dh_mem_free(const dohle_allocator *mem, void *pointer, size_t size)
{
    if (pointer != NULL) {
        mem->reallocate(mem->ctx, pointer, size, 0);
    }
}

char *dh_mem_copy_string(const dohle_allocator *mem, const void *text, size_t size)
{
    if (size == SIZE_MAX) {
        return NULL;
    }
    char *copy = dh_mem_alloc(mem, size + 1);
    if (copy != NULL) {
        if (size > 0) {
            memcpy(copy, text, size);
        }
        copy[size] = '\0';
    }
    return copy;
}

char *dh_mem_copy_text(const dohle_allocator *mem, const void *text, size_t size)
{
    const void *end = size == 0 ? NULL : memchr(text, 0, size);
    return dh_mem_copy_string(
        mem, text, end == NULL ? size : (size_t)((const char *)end - (const char *)text));
}

void dh_mem_free_string(const dohle_allocator *mem, char *text)
{
    if (text != NULL) {
        dh_mem_free(mem, text, strlen(text) + 1);
    }
}
