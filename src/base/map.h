// SPDX-License-Identifier: MIT
/*
 * A hash map from bytes, or from 64-bit numbers, to pointers.
 *
 * The map copies its keys and never touches its values. A walk visits the
 * items in the order in which their keys were first put, so that what depends
 * on it is the same in every run. The hash is SipHash-1-3 under the map's
 * seed: names chosen by a peer cannot make the map slow.
 *
 * One map holds keys of one kind. uthash is used in map.c and nowhere else.
 */
#ifndef DH_BASE_MAP_H
#define DH_BASE_MAP_H

#include <dohle/types.h>

#include "base/assert.h"

// What a walk sees. Valid until the item is removed.
struct dh_map_item {
    dohle_bytes key; // owned by the map
    void *value;     // may be overwritten during a walk
};

struct dh_map_entry;

struct dh_map {
    const dohle_allocator *mem;
    struct dh_map_entry *entries; // uthash's head; NULL: empty
    uint64_t seed;
    size_t count;
};

void dh_map_init(struct dh_map *map, const dohle_allocator *mem, uint64_t seed);
void dh_map_deinit(struct dh_map *map);

// Forgets all items.
void dh_map_clear(struct dh_map *map);

// Adds the key (copied), or replaces its value in place. Returns 0 or
// DOHLE_ERR_NO_MEMORY, with the map unchanged.
DH_MUST_CHECK int dh_map_put(struct dh_map *map, dohle_bytes key, void *value);
DH_MUST_CHECK int dh_map_put_u64(struct dh_map *map, uint64_t key, void *value);

// The value, or NULL.
void *dh_map_get(const struct dh_map *map, dohle_bytes key);
void *dh_map_get_u64(const struct dh_map *map, uint64_t key);

// The value that was removed, or NULL.
void *dh_map_remove(struct dh_map *map, dohle_bytes key);
void *dh_map_remove_u64(struct dh_map *map, uint64_t key);

// The first item and the one after another; NULL at the end. Take the next item
// before removing the current one.
struct dh_map_item *dh_map_first(const struct dh_map *map);
struct dh_map_item *dh_map_next(const struct dh_map_item *item);

// The key of an item of a map of numbers.
uint64_t dh_map_item_key_u64(const struct dh_map_item *item);

#endif
