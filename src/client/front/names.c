// SPDX-License-Identifier: MIT
#include "client/front/names.h"

#include <string.h>

#include "base/mem.h"

static void sift_down(const char **items, size_t root, size_t count)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && strcmp(items[child], items[child + 1]) < 0) {
            child++;
        }
        if (strcmp(items[root], items[child]) >= 0) {
            return;
        }
        const char *swapped = items[root];
        items[root] = items[child];
        items[child] = swapped;
        root = child;
    }
}

// Heapsort: qsort of some C libraries allocates behind our allocator's back.
static void sort(const char **items, size_t count)
{
    for (size_t root = count / 2; root-- > 0;) {
        sift_down(items, root, count);
    }
    for (size_t last = count; last-- > 1;) {
        const char *swapped = items[0];
        items[0] = items[last];
        items[last] = swapped;
        sift_down(items, 0, last);
    }
}

struct dh_names *dh_names_new(const dohle_allocator *mem, const char *const *names,
                              size_t count)
{
    size_t size = sizeof(struct dh_names) + count * sizeof(const char *);
    for (size_t i = 0; i < count; i++) {
        size += strlen(names[i]) + 1;
    }
    struct dh_names *list = dh_mem_alloc(mem, size);
    if (list == NULL) {
        return NULL;
    }
    list->size = size;
    char *text = (char *)&list->items[count];
    for (size_t i = 0; i < count; i++) {
        size_t text_size = strlen(names[i]) + 1;
        memcpy(text, names[i], text_size);
        list->items[i] = text;
        text += text_size;
    }
    sort(list->items, count);
    uint32_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(list->items[kept - 1], list->items[i]) != 0) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
    return list;
}

bool dh_names_has(const struct dh_names *names, const char *name)
{
    uint32_t low = 0;
    uint32_t high = names->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(names->items[middle], name);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}
