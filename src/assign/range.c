// SPDX-License-Identifier: MIT
#include "assign/range.h"

#include <stdbool.h>
#include <stdlib.h>

#include <dohle/error.h>

#include "base/bytes.h"

// The subscribers of one topic: indices of members, in their order.
struct audience {
    uint32_t *members;
    size_t count;
    size_t capacity;
};

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

// Pointers to the members in the order of AS-011; NULL: no memory.
static const struct dh_assign_member **sort_members(const struct dh_assign_input *input,
                                                    struct dh_arena *arena)
{
    const struct dh_assign_member **sorted =
        dh_arena_calloc(arena, input->member_count, sizeof(*sorted));
    if (sorted != NULL) {
        for (size_t i = 0; i < input->member_count; i++) {
            sorted[i] = &input->members[i];
        }
        qsort(sorted, input->member_count, sizeof(*sorted), compare_members);
    }
    return sorted;
}

// Pointers to the topics in the order of their names; NULL: no memory.
static const struct dh_assign_topic **sort_topics(const struct dh_assign_input *input,
                                                  struct dh_arena *arena)
{
    const struct dh_assign_topic **sorted =
        dh_arena_calloc(arena, input->topic_count, sizeof(*sorted));
    if (sorted != NULL) {
        for (size_t i = 0; i < input->topic_count; i++) {
            sorted[i] = &input->topics[i];
        }
        qsort(sorted, input->topic_count, sizeof(*sorted), compare_topics);
    }
    return sorted;
}

// The audience of a topic by name; NULL: it has no partitions to give.
static struct audience *find_audience(const struct dh_assign_input *input,
                                      const struct dh_assign_topic **topics,
                                      struct audience *audiences, dohle_bytes name)
{
    struct dh_assign_topic wanted = {.name = name};
    const struct dh_assign_topic *key = &wanted;
    const struct dh_assign_topic **found =
        bsearch(&key, topics, input->topic_count, sizeof(*topics), compare_topics);
    if (found == NULL || (*found)->partition_count <= 0) {
        return NULL;
    }
    return &audiences[*found - input->topics];
}

// Fills in who subscribed to each topic. Members come in order, each once.
static int gather(const struct dh_assign_input *input, struct dh_arena *arena,
                  struct audience *audiences)
{
    const struct dh_assign_member **members = sort_members(input, arena);
    const struct dh_assign_topic **topics = sort_topics(input, arena);
    if (members == NULL || topics == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < input->member_count; i++) {
        for (size_t j = 0; j < members[i]->topic_count; j++) {
            struct audience *audience =
                find_audience(input, topics, audiences, members[i]->topics[j]);
            if (audience != NULL) {
                audience->capacity++;
            }
        }
    }
    for (size_t i = 0; i < input->topic_count; i++) {
        audiences[i].members =
            dh_arena_calloc(arena, audiences[i].capacity, sizeof(*audiences[i].members));
        if (audiences[i].members == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < input->member_count; i++) {
        uint32_t member = (uint32_t)(members[i] - input->members);
        for (size_t j = 0; j < members[i]->topic_count; j++) {
            struct audience *audience =
                find_audience(input, topics, audiences, members[i]->topics[j]);
            bool is_repeated = audience != NULL && audience->count > 0 &&
                               audience->members[audience->count - 1] == member;
            if (audience != NULL && !is_repeated) {
                audience->members[audience->count++] = member;
            }
        }
    }
    return 0;
}

// How many of n partitions the member at that place among m subscribers gets.
static size_t share(size_t n, size_t m, size_t place)
{
    return n / m + (place < n % m ? 1 : 0);
}

static int reserve(const struct dh_assign_input *input, struct dh_arena *arena,
                   const struct audience *audiences, struct dh_assign_list *lists)
{
    for (size_t i = 0; i < input->member_count; i++) {
        lists[i] = (struct dh_assign_list){NULL, 0};
    }
    for (size_t i = 0; i < input->topic_count; i++) {
        for (size_t j = 0; j < audiences[i].count; j++) {
            lists[audiences[i].members[j]].count +=
                share((size_t)input->topics[i].partition_count, audiences[i].count, j);
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
    return 0;
}

int dh_range_assign(const struct dh_assign_input *input, struct dh_arena *arena,
                    struct dh_assign_list *lists)
{
    struct audience *audiences =
        dh_arena_calloc(arena, input->topic_count, sizeof(*audiences));
    if (audiences == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = gather(input, arena, audiences);
    if (err == 0) {
        err = reserve(input, arena, audiences, lists);
    }
    if (err != 0) {
        return err;
    }
    for (size_t i = 0; i < input->topic_count; i++) {
        int32_t partition = 0;
        for (size_t j = 0; j < audiences[i].count; j++) {
            struct dh_assign_list *list = &lists[audiences[i].members[j]];
            size_t count =
                share((size_t)input->topics[i].partition_count, audiences[i].count, j);
            for (size_t k = 0; k < count; k++) {
                list->partitions[list->count++] =
                    (struct dh_assign_partition){(uint32_t)i, partition++};
            }
        }
    }
    return 0;
}
