// SPDX-License-Identifier: MIT
#include "base/map.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"

/* uthash takes memory from `map` and reports failure in `added`, both of which
 * every function that calls it has. */
#define HASH_NONFATAL_OOM          1
#define uthash_malloc(size)        dh_mem_alloc(map->mem, (size))
#define uthash_free(pointer, size) dh_mem_free(map->mem, (pointer), (size))
#define uthash_nonfatal_oom(item)  (added = false)
#include <uthash.h>

struct dh_map_entry {
    struct dh_map_item item; // first: an item is its entry
    UT_hash_handle hh;
    uint8_t key[];
};

void dh_map_init(struct dh_map *map, const dohle_allocator *mem, uint64_t seed)
{
    *map = (struct dh_map){.mem = mem, .seed = seed};
}

void dh_map_deinit(struct dh_map *map)
{
    dh_map_clear(map);
}

static void free_entry(struct dh_map *map, struct dh_map_entry *entry)
{
    dh_mem_free(map->mem, entry, sizeof(*entry) + entry->item.key.size);
}

void dh_map_clear(struct dh_map *map)
{
    struct dh_map_entry *entry = map->entries;
    struct dh_map_entry *next;
    HASH_CLEAR(hh, map->entries);
    for (; entry != NULL; entry = next) {
        next = entry->hh.next;
        free_entry(map, entry);
    }
    map->count = 0;
}

static uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

// SipHash-1-3 (Aumasson and Bernstein) with the seed as the first half of the key.
static unsigned hash(uint64_t seed, dohle_bytes key)
{
    uint64_t v[4] = {
        UINT64_C(0x736f6d6570736575) ^ seed,
        UINT64_C(0x646f72616e646f6d),
        UINT64_C(0x6c7967656e657261) ^ seed,
        UINT64_C(0x7465646279746573),
    };
    size_t at = 0;
    for (; key.size - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, key.data + at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)key.size << 56;
    for (int bits = 0; at < key.size; at++, bits += 8) {
        last |= (uint64_t)key.data[at] << bits;
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(v);
    }
    return (unsigned)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

static struct dh_map_entry *find(const struct dh_map *map, dohle_bytes key,
                                 unsigned key_hash)
{
    struct dh_map_entry *entry = NULL;
    if (key.data == NULL) {
        return NULL; // null is nobody's key
    }
    HASH_FIND_BYHASHVALUE(hh, map->entries, key.data, key.size, key_hash, entry);
    return entry;
}

int dh_map_put(struct dh_map *map, dohle_bytes key, void *value)
{
    DH_ASSERT(key.data != NULL && key.size <= INT_MAX);
    unsigned key_hash = hash(map->seed, key);
    struct dh_map_entry *entry = find(map, key, key_hash);
    if (entry != NULL) {
        entry->item.value = value;
        return 0;
    }
    entry = dh_mem_alloc(map->mem, sizeof(*entry) + key.size);
    if (entry == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    memcpy(entry->key, key.data, key.size);
    entry->item = (struct dh_map_item){{entry->key, key.size}, value};
    bool added = true;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, map->entries, entry->key, key.size, key_hash, entry);
    if (!added) {
        free_entry(map, entry);
        return DOHLE_ERR_NO_MEMORY;
    }
    map->count++;
    return 0;
}

void *dh_map_get(const struct dh_map *map, dohle_bytes key)
{
    struct dh_map_entry *entry = find(map, key, hash(map->seed, key));
    return entry == NULL ? NULL : entry->item.value;
}

void *dh_map_remove(struct dh_map *map, dohle_bytes key)
{
    struct dh_map_entry *entry = find(map, key, hash(map->seed, key));
    if (entry == NULL) {
        return NULL;
    }
    void *value = entry->item.value;
    HASH_DEL(map->entries, entry);
    free_entry(map, entry);
    map->count--;
    return value;
}

static dohle_bytes bytes_of_u64(const uint64_t *key)
{
    dohle_bytes bytes = {(const uint8_t *)key, sizeof(*key)};
    return bytes;
}

int dh_map_put_u64(struct dh_map *map, uint64_t key, void *value)
{
    return dh_map_put(map, bytes_of_u64(&key), value);
}

void *dh_map_get_u64(const struct dh_map *map, uint64_t key)
{
    return dh_map_get(map, bytes_of_u64(&key));
}

void *dh_map_remove_u64(struct dh_map *map, uint64_t key)
{
    return dh_map_remove(map, bytes_of_u64(&key));
}

struct dh_map_item *dh_map_first(const struct dh_map *map)
{
    return map->entries == NULL ? NULL : &map->entries->item;
}

struct dh_map_item *dh_map_next(const struct dh_map_item *item)
{
    const struct dh_map_entry *entry = (const void *)item;
    struct dh_map_entry *next = entry->hh.next;
    return next == NULL ? NULL : &next->item;
}

uint64_t dh_map_item_key_u64(const struct dh_map_item *item)
{
    uint64_t key;
    DH_ASSERT(item->key.size == sizeof(key));
    memcpy(&key, item->key.data, sizeof(key));
    return key;
}
