// SPDX-License-Identifier: MIT
#include "client/back/ownership.h"

#include <stdlib.h>
#include <string.h>

#include <dohle/error.h>

#include "base/mem.h"

static int row_compare(const void *a, const void *b)
{
    const struct dh_partition *left = *(struct dh_partition *const *)a;
    const struct dh_partition *right = *(struct dh_partition *const *)b;
    int order = strcmp(left->topic, right->topic);
    if (order != 0) {
        return order;
    }
    return (left->partition > right->partition) - (left->partition < right->partition);
}

static bool is_same_topic(struct dh_partition *const *rows, size_t index)
{
    return index > 0 && strcmp(rows[index - 1]->topic, rows[index]->topic) == 0;
}

struct dh_notice_ownership *dh_ownership_new(const dohle_allocator *mem,
                                             enum dh_message_kind kind,
                                             struct dh_partition **rows, size_t count)
{
    if (count > 0) {
        qsort(rows, count, sizeof(*rows), row_compare);
    }
    size_t size =
        sizeof(struct dh_notice_ownership) + count * sizeof(struct dh_named_partition);
    for (size_t i = 0; i < count; i++) {
        size += is_same_topic(rows, i) ? 0 : strlen(rows[i]->topic) + 1;
    }
    if (size > UINT32_MAX) {
        return NULL;
    }
    struct dh_notice_ownership *notice = dh_mem_calloc(mem, 1, size);
    if (notice == NULL) {
        return NULL;
    }
    notice->message.kind = kind;
    notice->message.size = (uint32_t)size;
    notice->count = (uint32_t)count;
    notice->partitions = (struct dh_named_partition *)(void *)(notice + 1);
    char *names = (char *)(void *)(notice->partitions + count);
    for (size_t i = 0; i < count; i++) {
        struct dh_named_partition *named = &notice->partitions[i];
        if (is_same_topic(rows, i)) {
            named->topic = notice->partitions[i - 1].topic;
        } else {
            size_t name_size = strlen(rows[i]->topic) + 1;
            memcpy(names, rows[i]->topic, name_size);
            named->topic = names;
            names += name_size;
        }
        named->partition = rows[i]->partition;
        named->slot = rows[i]->slot;
        named->assignment = rows[i]->term.assignment;
    }
    return notice;
}

int dh_ownership_rows(const struct dh_partitions *table, const dohle_allocator *mem,
                      struct dh_partition ***rows, size_t *count)
{
    *rows = NULL;
    *count = table->assigned_count;
    if (*count == 0) {
        return 0;
    }
    *rows = dh_mem_calloc(mem, *count, sizeof(**rows));
    if (*rows == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    size_t filled = 0;
    size_t cursor = 0;
    struct dh_partition *row = NULL;
    while ((row = dh_partitions_next(table, &cursor)) != NULL) {
        DH_ASSERT(filled < *count);
        (*rows)[filled++] = row;
    }
    DH_ASSERT(filled == *count);
    return 0;
}
