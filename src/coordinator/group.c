// SPDX-License-Identifier: MIT
#include "coordinator/group.h"

#include <stdlib.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"

struct dh_group *dh_group_find(const struct dh_coordinator *coordinator, dohle_bytes id)
{
    struct dh_group *group = dh_map_get(&coordinator->groups, id);
    return group == NULL || group->kind == DH_GROUP_NONE ? NULL : group;
}

static struct dh_group *group_new(struct dh_coordinator *coordinator, dohle_bytes id)
{
    const dohle_allocator *mem = coordinator->mem;
    struct dh_group *group = dh_mem_calloc(mem, 1, sizeof(*group));
    if (group == NULL) {
        return NULL;
    }
    group->coordinator = coordinator;
    dh_map_init(&group->offsets, mem, dh_random_next(&coordinator->random));
    char *text = dh_mem_copy_string(mem, id.data, id.size);
    if (text == NULL) {
        dh_mem_free(mem, group, sizeof(*group));
        return NULL;
    }
    group->id = (dohle_bytes){(const uint8_t *)text, id.size};
    if (dh_classic_group_init(group) != 0) {
        dh_mem_free(mem, text, id.size + 1);
        dh_mem_free(mem, group, sizeof(*group));
        return NULL;
    }
    return group;
}

void dh_group_free(struct dh_group *group)
{
    const dohle_allocator *mem = group->coordinator->mem;
    dh_classic_group_deinit(group);
    for (struct dh_map_item *item = dh_map_first(&group->offsets); item != NULL;
         item = dh_map_next(item)) {
        dh_group_offset_free(mem, item->value);
    }
    dh_map_deinit(&group->offsets);
    dh_mem_free(mem, group->record, group->record_size);
    dh_list_remove(&group->touched);
    dh_mem_free(mem, (void *)(uintptr_t)group->id.data, group->id.size + 1);
    dh_mem_free(mem, group, sizeof(*group));
}

struct dh_group *dh_group_hold(struct dh_coordinator *coordinator, dohle_bytes id)
{
    struct dh_group *group = dh_map_get(&coordinator->groups, id);
    if (group == NULL) {
        group = group_new(coordinator, id);
        if (group == NULL) {
            return NULL;
        }
        if (dh_map_put(&coordinator->groups, group->id, group) != 0) {
            dh_group_free(group);
            return NULL;
        }
    }
    group->hold_count++;
    return group;
}

void dh_group_release(struct dh_group *group)
{
    DH_ASSERT(group->hold_count > 0);
    group->hold_count--;
    if (group->hold_count > 0 || group->kind != DH_GROUP_NONE ||
        group->offsets.count > 0) {
        return;
    }
    (void)dh_map_remove(&group->coordinator->groups, group->id);
    dh_group_free(group);
}

void dh_group_begin_classic(struct dh_group *group)
{
    DH_ASSERT(group->kind == DH_GROUP_NONE);
    group->kind = DH_GROUP_CLASSIC;
    group->classic.state = DH_GROUP_EMPTY;
    group->classic.previous = DH_GROUP_EMPTY;
    group->classic.generation = 0;
    group->classic.state_timestamp_ms = group->coordinator->wall_ms;
    dh_group_touch(group);
}

void dh_group_end(struct dh_group *group)
{
    const dohle_allocator *mem = group->coordinator->mem;
    if (group->kind == DH_GROUP_NONE) {
        return;
    }
    dh_classic_group_clear(group);
    group->kind = DH_GROUP_NONE;
    dh_mem_free(mem, group->record, group->record_size);
    group->record = NULL;
    group->record_size = 0;
    dh_group_touch(group);
}

static int compare_groups(const void *left, const void *right)
{
    const struct dh_group *a = *(struct dh_group *const *)left;
    const struct dh_group *b = *(struct dh_group *const *)right;
    return dh_bytes_compare(a->id, b->id);
}

int dh_groups_sorted(const struct dh_coordinator *coordinator, struct dh_arena *arena,
                     struct dh_group ***groups, size_t *count)
{
    *count = 0;
    *groups = dh_arena_calloc(arena, coordinator->groups.count, sizeof(**groups));
    if (*groups == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (struct dh_map_item *item = dh_map_first(&coordinator->groups); item != NULL;
         item = dh_map_next(item)) {
        (*groups)[(*count)++] = item->value;
    }
    qsort(*groups, *count, sizeof(**groups), compare_groups);
    return 0;
}

void dh_group_touch(struct dh_group *group)
{
    if (dh_link_is_linked(&group->touched)) {
        return;
    }
    group->hold_count++;
    dh_list_push_back(&group->coordinator->touched, &group->touched);
}

// The key of an offset: the partition, then the topic.
struct offset_key {
    uint8_t bytes[sizeof(int32_t) + DH_GROUP_TOPIC_SIZE_MAX];
    size_t size;
};

static dohle_bytes key_make(struct offset_key *key, dohle_bytes topic, int32_t partition)
{
    DH_ASSERT(topic.size <= DH_GROUP_TOPIC_SIZE_MAX);
    memcpy(key->bytes, &partition, sizeof(partition));
    if (topic.size > 0) {
        memcpy(key->bytes + sizeof(partition), topic.data, topic.size);
    }
    key->size = sizeof(partition) + topic.size;
    return (dohle_bytes){key->bytes, key->size};
}

struct dh_group_offset *dh_group_offset_find(const struct dh_group *group,
                                             dohle_bytes topic, int32_t partition)
{
    struct offset_key key;
    if (topic.size > DH_GROUP_TOPIC_SIZE_MAX) {
        return NULL;
    }
    return dh_map_get(&group->offsets, key_make(&key, topic, partition));
}

int dh_group_offset_reserve(struct dh_group *group, dohle_bytes topic, int32_t partition)
{
    struct offset_key key;
    dohle_bytes bytes = key_make(&key, topic, partition);
    if (dh_map_get(&group->offsets, bytes) != NULL) {
        return 0;
    }
    return dh_map_put(&group->offsets, bytes, NULL);
}

void dh_group_offset_unreserve(struct dh_group *group, dohle_bytes topic,
                               int32_t partition)
{
    struct offset_key key;
    dohle_bytes bytes = key_make(&key, topic, partition);
    if (dh_map_get(&group->offsets, bytes) == NULL) {
        (void)dh_map_remove(&group->offsets, bytes);
    }
}

void dh_group_offset_set(struct dh_group *group, struct dh_group_offset *offset)
{
    struct offset_key key;
    dohle_bytes topic = {(const uint8_t *)offset->topic, offset->topic_size};
    dohle_bytes bytes = key_make(&key, topic, offset->partition);
    struct dh_group_offset *before = dh_map_get(&group->offsets, bytes);
    int err = dh_map_put(&group->offsets, bytes, offset);
    DH_ASSERT(err == 0); // the place was reserved
    dh_group_offset_free(group->coordinator->mem, before);
}

void dh_group_offset_remove(struct dh_group *group, dohle_bytes topic, int32_t partition)
{
    struct offset_key key;
    struct dh_group_offset *before =
        dh_map_remove(&group->offsets, key_make(&key, topic, partition));
    dh_group_offset_free(group->coordinator->mem, before);
}

void dh_group_offset_free(const dohle_allocator *mem, struct dh_group_offset *offset)
{
    if (offset != NULL) {
        dh_mem_free(mem, offset, offset->size);
    }
}

static int compare_offsets(const void *left, const void *right)
{
    const struct dh_group_offset *a = *(struct dh_group_offset *const *)left;
    const struct dh_group_offset *b = *(struct dh_group_offset *const *)right;
    dohle_bytes a_topic = {(const uint8_t *)a->topic, a->topic_size};
    dohle_bytes b_topic = {(const uint8_t *)b->topic, b->topic_size};
    int order = dh_bytes_compare(a_topic, b_topic);
    if (order != 0) {
        return order;
    }
    return (a->partition > b->partition) - (a->partition < b->partition);
}

int dh_group_offsets_sorted(const struct dh_group *group, struct dh_arena *arena,
                            struct dh_group_offset ***offsets, size_t *count)
{
    *count = 0;
    *offsets =
        dh_arena_calloc(arena, group->offsets.count, sizeof(struct dh_group_offset *));
    if (*offsets == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (struct dh_map_item *item = dh_map_first(&group->offsets); item != NULL;
         item = dh_map_next(item)) {
        if (item->value != NULL) {
            (*offsets)[(*count)++] = item->value;
        }
    }
    qsort(*offsets, *count, sizeof(struct dh_group_offset *), compare_offsets);
    return 0;
}
