// SPDX-License-Identifier: MIT
#include "assign/racks.h"

#include <stdlib.h>

#include <dohle/error.h>

#include "base/bytes.h"

static int compare_names(const void *a, const void *b)
{
    const dohle_bytes *left = a;
    const dohle_bytes *right = b;
    return dh_bytes_compare(*left, *right);
}

// Where the topic's replicas are known and somebody wants them.
static bool has_replicas(const struct dh_audiences *audiences, size_t topic)
{
    return audiences->of[topic].count > 0 &&
           audiences->input->topics[topic].replicas != NULL;
}

// The distinct names of all racks, sorted; *count of them. NULL: no memory.
static dohle_bytes *names_gather(const struct dh_audiences *audiences,
                                 struct dh_arena *arena, size_t *count)
{
    const struct dh_assign_input *input = audiences->input;
    size_t all = input->member_count;
    for (size_t t = 0; t < input->topic_count; t++) {
        for (int32_t p = 0;
             has_replicas(audiences, t) && p < input->topics[t].partition_count; p++) {
            all += input->topics[t].replicas[p].count;
        }
    }
    dohle_bytes *names = dh_arena_calloc(arena, all, sizeof(*names));
    if (names == NULL) {
        return NULL;
    }
    size_t filled = 0;
    for (size_t i = 0; i < input->member_count; i++) {
        names[filled++] = input->members[i].rack;
    }
    for (size_t t = 0; t < input->topic_count; t++) {
        for (int32_t p = 0;
             has_replicas(audiences, t) && p < input->topics[t].partition_count; p++) {
            const struct dh_assign_replicas *replicas = &input->topics[t].replicas[p];
            for (size_t i = 0; i < replicas->count; i++) {
                names[filled++] = replicas->racks[i];
            }
        }
    }
    qsort(names, filled, sizeof(*names), compare_names);
    *count = 0;
    for (size_t i = 0; i < filled; i++) {
        if (names[i].size > 0 &&
            (*count == 0 || !dh_bytes_equal(names[i], names[*count - 1]))) {
            names[(*count)++] = names[i];
        }
    }
    return names;
}

static uint32_t number_of(const dohle_bytes *names, size_t count, dohle_bytes name)
{
    const dohle_bytes *found =
        bsearch(&name, names, count, sizeof(*names), compare_names);
    return found == NULL ? UINT32_MAX : (uint32_t)(found - names);
}

int dh_racks_gather(struct dh_racks *racks, const struct dh_audiences *audiences,
                    struct dh_arena *arena)
{
    const struct dh_assign_input *input = audiences->input;
    *racks = (struct dh_racks){0};
    bool is_known = false;
    bool is_wanted = false;
    for (size_t t = 0; t < input->topic_count; t++) {
        is_known = is_known || has_replicas(audiences, t);
    }
    for (size_t i = 0; i < input->member_count; i++) {
        is_wanted = is_wanted || input->members[i].rack.size > 0;
    }
    if (!is_known || !is_wanted) {
        return 0;
    }
    size_t count = 0;
    dohle_bytes *names = names_gather(audiences, arena, &count);
    size_t words = (count + 63) / 64;
    racks->of_members =
        dh_arena_calloc(arena, input->member_count, sizeof(*racks->of_members));
    racks->of_replicas = dh_arena_calloc(arena, audiences->partition_count,
                                         words * sizeof(*racks->of_replicas));
    if (names == NULL || racks->of_members == NULL || racks->of_replicas == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    racks->word_count = words;
    for (size_t i = 0; i < input->member_count; i++) {
        racks->of_members[i] = number_of(names, count, audiences->members[i]->rack);
    }
    for (size_t t = 0; t < input->topic_count; t++) {
        for (int32_t p = 0;
             has_replicas(audiences, t) && p < input->topics[t].partition_count; p++) {
            const struct dh_assign_replicas *replicas = &input->topics[t].replicas[p];
            uint64_t *set =
                &racks->of_replicas[(audiences->first[t] + (size_t)p) * words];
            for (size_t i = 0; i < replicas->count; i++) {
                uint32_t rack = number_of(names, count, replicas->racks[i]);
                if (rack != UINT32_MAX) {
                    set[rack / 64] |= UINT64_C(1) << (rack % 64);
                }
            }
        }
    }
    return 0;
}

static bool set_has(const uint64_t *set, uint32_t rack)
{
    return (set[rack / 64] >> (rack % 64) & 1) != 0;
}

bool dh_racks_match(const struct dh_racks *racks, uint32_t place, size_t partition)
{
    if (racks->word_count == 0 || racks->of_members[place] == UINT32_MAX) {
        return true;
    }
    return set_has(&racks->of_replicas[partition * racks->word_count],
                   racks->of_members[place]);
}

bool dh_racks_matter(const struct dh_racks *racks, const uint32_t *places,
                     size_t place_count, size_t first, size_t partition_count,
                     uint64_t *scratch)
{
    size_t words = racks->word_count;
    if (words == 0) {
        return false;
    }
    memset(scratch, 0, words * sizeof(*scratch));
    const uint64_t *sets = &racks->of_replicas[first * words];
    for (size_t i = 0; i < partition_count * words; i++) {
        scratch[i % words] |= sets[i];
    }
    bool is_shared = false;
    for (size_t i = 0; i < place_count; i++) {
        uint32_t rack = racks->of_members[places == NULL ? i : places[i]];
        is_shared = is_shared || (rack != UINT32_MAX && set_has(scratch, rack));
    }
    if (!is_shared) {
        return false;
    }
    for (size_t i = 0; i < partition_count * words; i++) {
        if (sets[i] != scratch[i % words]) {
            return true;
        }
    }
    return false;
}
