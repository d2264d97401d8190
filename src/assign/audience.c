// SPDX-License-Identifier: MIT
#include "assign/audience.h"

#include <stdlib.h>

#include <dohle/error.h>

#include "base/bytes.h"

static int compare_members(const void *a, const void *b)
{
    const struct dh_assign_member *const *left = a;
    const struct dh_assign_member *const *right = b;
    return dh_assign_member_compare(*left, *right);
}

static int compare_topics(const void *a, const void *b)
{
    const struct dh_assign_topic *const *left = a;
    const struct dh_assign_topic *const *right = b;
    return dh_bytes_compare((*left)->name, (*right)->name);
}

uint32_t dh_audiences_find(const struct dh_audiences *audiences, dohle_bytes topic)
{
    struct dh_assign_topic wanted = {.name = topic};
    const struct dh_assign_topic *key = &wanted;
    const struct dh_assign_topic **found =
        bsearch(&key, audiences->topics, audiences->input->topic_count,
                sizeof(*audiences->topics), compare_topics);
    if (found == NULL || (*found)->partition_count <= 0) {
        return UINT32_MAX;
    }
    return (uint32_t)(*found - audiences->input->topics);
}

size_t dh_audience_seek(const struct dh_audience *audience, uint32_t place)
{
    size_t low = 0;
    size_t high = audience->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (audience->places[middle] < place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int sort(struct dh_audiences *audiences, struct dh_arena *arena)
{
    const struct dh_assign_input *input = audiences->input;
    audiences->members =
        dh_arena_calloc(arena, input->member_count, sizeof(*audiences->members));
    audiences->topics =
        dh_arena_calloc(arena, input->topic_count, sizeof(*audiences->topics));
    audiences->of = dh_arena_calloc(arena, input->topic_count, sizeof(*audiences->of));
    audiences->first =
        dh_arena_calloc(arena, input->topic_count, sizeof(*audiences->first));
    if (audiences->members == NULL || audiences->topics == NULL ||
        audiences->of == NULL || audiences->first == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < input->member_count; i++) {
        audiences->members[i] = &input->members[i];
    }
    for (size_t i = 0; i < input->topic_count; i++) {
        audiences->topics[i] = &input->topics[i];
    }
    qsort(audiences->members, input->member_count, sizeof(*audiences->members),
          compare_members);
    qsort(audiences->topics, input->topic_count, sizeof(*audiences->topics),
          compare_topics);
    return 0;
}

int dh_audiences_gather(struct dh_audiences *audiences,
                        const struct dh_assign_input *input, struct dh_arena *arena)
{
    *audiences = (struct dh_audiences){.input = input};
    if (sort(audiences, arena) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < input->member_count; i++) {
        for (size_t j = 0; j < input->members[i].topic_count; j++) {
            uint32_t topic = dh_audiences_find(audiences, input->members[i].topics[j]);
            if (topic != UINT32_MAX) {
                audiences->of[topic].capacity++;
            }
        }
    }
    for (size_t i = 0; i < input->topic_count; i++) {
        struct dh_audience *audience = &audiences->of[i];
        audience->places =
            dh_arena_calloc(arena, audience->capacity, sizeof(*audience->places));
        if (audience->places == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        audiences->first[i] = audiences->partition_count;
        if (audience->capacity > 0) {
            audiences->partition_count += (size_t)input->topics[i].partition_count;
        }
    }
    for (uint32_t place = 0; place < input->member_count; place++) {
        const struct dh_assign_member *member = audiences->members[place];
        for (size_t j = 0; j < member->topic_count; j++) {
            uint32_t topic = dh_audiences_find(audiences, member->topics[j]);
            if (topic == UINT32_MAX) {
                continue;
            }
            struct dh_audience *audience = &audiences->of[topic];
            if (audience->count == 0 || audience->places[audience->count - 1] != place) {
                audience->places[audience->count++] = place;
            }
        }
    }
    return 0;
}

int dh_audiences_list(const struct dh_audiences *audiences, const uint32_t *owners,
                      struct dh_arena *arena, struct dh_assign_list *lists)
{
    const struct dh_assign_input *input = audiences->input;
    for (size_t i = 0; i < input->member_count; i++) {
        lists[i] = (struct dh_assign_list){NULL, 0};
    }
    for (size_t i = 0; i < audiences->partition_count; i++) {
        if (owners[i] != UINT32_MAX) {
            lists[audiences->members[owners[i]] - input->members].count++;
        }
    }
    for (size_t i = 0; i < input->member_count; i++) {
        if (lists[i].count == 0) {
            continue;
        }
        lists[i].partitions =
            dh_arena_calloc(arena, lists[i].count, sizeof(*lists[i].partitions));
        if (lists[i].partitions == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        lists[i].count = 0;
    }
    for (uint32_t topic = 0; topic < input->topic_count; topic++) {
        if (audiences->of[topic].count == 0) {
            continue;
        }
        for (int32_t p = 0; p < input->topics[topic].partition_count; p++) {
            uint32_t owner = owners[audiences->first[topic] + (size_t)p];
            if (owner != UINT32_MAX) {
                struct dh_assign_list *list =
                    &lists[audiences->members[owner] - input->members];
                list->partitions[list->count++] = (struct dh_assign_partition){topic, p};
            }
        }
    }
    return 0;
}
