// SPDX-License-Identifier: MIT
#include "client/back/partitions.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "client/back/requests.h"

// A key of by_name: the number, then the topic's name.
#define KEY_HEAD_SIZE sizeof(int32_t)

// Writes the key into the table's scratch, which has room for every name ever added.
static dohle_bytes write_key(const struct dh_partitions *table, const char *topic,
                             size_t topic_size, int32_t partition)
{
    memcpy(table->key, &partition, KEY_HEAD_SIZE);
    memcpy(table->key + KEY_HEAD_SIZE, topic, topic_size);
    return (dohle_bytes){table->key, KEY_HEAD_SIZE + topic_size};
}

int dh_partitions_init(struct dh_partitions *table, const dohle_allocator *mem,
                       uint64_t hash_seed)
{
    *table = (struct dh_partitions){.mem = mem};
    dh_list_init(&table->free);
    dh_list_init(&table->changed);
    table->by_name = dh_mem_alloc(mem, sizeof(*table->by_name));
    if (table->by_name == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_map_init(table->by_name, mem, hash_seed);
    return 0;
}

void dh_partitions_deinit(struct dh_partitions *table)
{
    for (size_t i = 0; i < table->row_count; i++) {
        dh_mem_free_string(table->mem, table->rows[i]->topic);
        dh_mem_free(table->mem, table->rows[i], sizeof(*table->rows[i]));
    }
    dh_mem_free(table->mem, table->rows, table->row_capacity * sizeof(*table->rows));
    dh_mem_free(table->mem, table->key, table->key_capacity);
    if (table->by_name != NULL) {
        dh_map_deinit(table->by_name);
        dh_mem_free(table->mem, table->by_name, sizeof(*table->by_name));
    }
    *table = (struct dh_partitions){.mem = table->mem};
}

// A row from the free list, or a new one at the end. NULL: no memory.
static struct dh_partition *take_free_row(struct dh_partitions *table)
{
    struct dh_link *link = dh_list_first(&table->free);
    if (link != NULL) {
        return DH_CONTAINER_OF(link, struct dh_partition, position_link);
    }
    if (dh_mem_grow(table->mem, &table->rows, &table->row_capacity, table->row_count + 1,
                    sizeof(*table->rows)) != 0) {
        return NULL;
    }
    struct dh_partition *row = dh_mem_calloc(table->mem, 1, sizeof(*row));
    if (row == NULL) {
        return NULL;
    }
    row->slot = (uint32_t)table->row_count;
    table->rows[table->row_count++] = row;
    dh_list_push_back(&table->free, &row->position_link);
    return row;
}

struct dh_partition *dh_partitions_add(struct dh_partitions *table, const char *topic,
                                       int32_t partition)
{
    size_t topic_size = strlen(topic);
    DH_ASSERT(dh_partitions_find(table, topic, partition) == NULL);
    if (dh_mem_grow(table->mem, &table->key, &table->key_capacity,
                    KEY_HEAD_SIZE + topic_size, 1) != 0) {
        return NULL;
    }
    struct dh_partition *row = take_free_row(table);
    if (row == NULL) {
        return NULL;
    }
    char *name = dh_mem_copy_string(table->mem, topic, topic_size);
    if (name == NULL) {
        return NULL;
    }
    if (dh_map_put(table->by_name, write_key(table, topic, topic_size, partition), row) !=
        0) {
        dh_mem_free_string(table->mem, name);
        return NULL;
    }
    dh_list_remove(&row->position_link);
    *row = (struct dh_partition){
        .state = DH_PARTITION_ADDED,
        .slot = row->slot,
        .term = {.assignment = ++table->assignment_last},
        .topic = name,
        .partition = partition,
        .fetch_offset = -1,
        .fetch_offset_epoch = -1,
        .leader = DH_NODE_NONE,
        .leader_epoch = -1,
        .told_high_watermark = -1,
    };
    table->assigned_count++;
    dh_partitions_touch(table, row);
    return row;
}

void dh_partitions_remove(struct dh_partitions *table, struct dh_partition *row)
{
    DH_ASSERT(row->state != DH_PARTITION_FREE);
    DH_ASSERT(row->state != DH_PARTITION_GONE);
    dohle_bytes key = write_key(table, row->topic, strlen(row->topic), row->partition);
    void *removed = dh_map_remove(table->by_name, key);
    DH_ASSERT(removed == row);
    row->state = DH_PARTITION_GONE;
    table->assigned_count--;
    dh_partitions_touch(table, row);
}

void dh_partitions_touch(struct dh_partitions *table, struct dh_partition *row)
{
    if (!dh_link_is_linked(&row->changed_link)) {
        dh_list_push_back(&table->changed, &row->changed_link);
    }
}

struct dh_partition *dh_partitions_next_changed(struct dh_partitions *table)
{
    struct dh_link *link = dh_list_pop_front(&table->changed);
    return link == NULL ? NULL : DH_CONTAINER_OF(link, struct dh_partition, changed_link);
}

void dh_partitions_release(struct dh_partitions *table, struct dh_partition *row)
{
    DH_ASSERT(row->state == DH_PARTITION_GONE);
    DH_ASSERT(!dh_link_is_linked(&row->changed_link));
    DH_ASSERT(!dh_link_is_linked(&row->position_link));
    DH_ASSERT(!dh_link_is_linked(&row->fetch_link));
    DH_ASSERT(row->fetch_place == DH_FETCH_NOT_WANTED);
    DH_ASSERT(row->session_entry == NULL);
    dh_mem_free_string(table->mem, row->topic);
    row->topic = NULL;
    row->state = DH_PARTITION_FREE;
    dh_list_push_back(&table->free, &row->position_link);
}

static bool is_in_use(const struct dh_partition *row)
{
    return row->state != DH_PARTITION_FREE && row->state != DH_PARTITION_GONE;
}

struct dh_partition *dh_partitions_find(const struct dh_partitions *table,
                                        const char *topic, int32_t partition)
{
    size_t topic_size = strlen(topic);
    if (KEY_HEAD_SIZE + topic_size > table->key_capacity) {
        return NULL; // longer than any name ever added
    }
    return dh_map_get(table->by_name, write_key(table, topic, topic_size, partition));
}

struct dh_partition *dh_partitions_at(const struct dh_partitions *table, uint32_t slot,
                                      uint64_t assignment)
{
    if (slot >= table->row_count) {
        return NULL;
    }
    struct dh_partition *row = table->rows[slot];
    return is_in_use(row) && row->term.assignment == assignment ? row : NULL;
}

struct dh_partition *dh_partitions_current(const struct dh_partitions *table,
                                           uint32_t slot, struct dh_term term)
{
    struct dh_partition *row = dh_partitions_at(table, slot, term.assignment);
    return row != NULL && dh_term_equal(row->term, term) ? row : NULL;
}

struct dh_partition *dh_partitions_next(const struct dh_partitions *table, size_t *cursor)
{
    while (*cursor < table->row_count) {
        struct dh_partition *row = table->rows[(*cursor)++];
        if (is_in_use(row)) {
            return row;
        }
    }
    return NULL;
}
