// SPDX-License-Identifier: MIT
#include "assign/range.h"

#include <stdbool.h>
#include <stdlib.h>

#include <dohle/error.h>

#include "assign/audience.h"
#include "assign/racks.h"
#include "base/bytes.h"

// One topic while its partitions are given away.
struct share {
    const struct dh_audience *audience;
    size_t topic;           // its index
    size_t first;           // its first partition among those of all topics
    size_t partition_count; // not 0
    bool needs_racks;
    size_t quota;       // that everyone gets
    size_t extra_count; // members that may still get one more
    size_t *counts;     // by position in the audience: given so far
};

struct work {
    struct dh_audiences audiences;
    struct dh_racks racks;
    uint32_t *owners; // by partition; UINT32_MAX: free
};

// AS-018
static size_t room_of(const struct share *share, size_t position)
{
    size_t most = share->quota + (share->extra_count > 0 ? 1 : 0);
    return most > share->counts[position] ? most - share->counts[position] : 0;
}

static void give(struct work *work, struct share *share, size_t position,
                 size_t partition)
{
    work->owners[share->first + partition] = share->audience->places[position];
    share->counts[position]++;
    if (share->counts[position] > share->quota) {
        share->extra_count--;
    }
}

/* Cuts what is free into ranges; with racks, gives only what is near. What a member
 * may get is decided before it gets the first. */
static void cut(struct work *work, struct share *share, bool is_near_only)
{
    size_t free_from = 0; // no partition before it is free
    for (size_t i = 0; i < share->audience->count; i++) {
        size_t room = room_of(share, i);
        bool is_before_free = true;
        for (size_t p = free_from; p < share->partition_count && room > 0; p++) {
            bool is_free = work->owners[share->first + p] == UINT32_MAX;
            if (is_free &&
                (!is_near_only || dh_racks_match(&work->racks, share->audience->places[i],
                                                 share->first + p))) {
                give(work, share, i, p);
                room--;
                is_free = false;
            }
            is_before_free = is_before_free && !is_free;
            free_from = is_before_free ? p + 1 : free_from;
        }
    }
}

static bool is_near_all(const struct work *work, const struct share *shares, size_t count,
                        size_t position, size_t partition)
{
    for (size_t i = 0; i < count; i++) {
        if (room_of(&shares[i], position) == 0 ||
            !dh_racks_match(&work->racks, shares[i].audience->places[position],
                            shares[i].first + partition)) {
            return false;
        }
    }
    return true;
}

// Topics of the same members and size stay together: partition p of all goes to one.
static void give_together(struct work *work, struct share *shares, size_t count)
{
    for (size_t p = 0; p < shares->partition_count; p++) {
        for (size_t i = 0; i < shares->audience->count; i++) {
            if (is_near_all(work, shares, count, i, p)) {
                for (size_t j = 0; j < count; j++) {
                    give(work, &shares[j], i, p);
                }
                break;
            }
        }
    }
}

// Same subscribers and size come together.
static int compare_shares(const void *a, const void *b)
{
    const struct share *left = a;
    const struct share *right = b;
    if (left->partition_count != right->partition_count) {
        return left->partition_count < right->partition_count ? -1 : 1;
    }
    if (left->audience->count != right->audience->count) {
        return left->audience->count < right->audience->count ? -1 : 1;
    }
    int order = memcmp(left->audience->places, right->audience->places,
                       left->audience->count * sizeof(*left->audience->places));
    if (order != 0) {
        return order;
    }
    return left->topic < right->topic ? -1 : 1;
}

static bool is_alike(const struct share *a, const struct share *b)
{
    return a->partition_count == b->partition_count &&
           a->audience->count == b->audience->count &&
           memcmp(a->audience->places, b->audience->places,
                  a->audience->count * sizeof(*a->audience->places)) == 0;
}

// AS-017
static void give_near(struct work *work, struct share *shares, size_t count)
{
    qsort(shares, count, sizeof(*shares), compare_shares);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && is_alike(&shares[i], &shares[end]);) {
            end++;
        }
        if (end - i > 1) {
            give_together(work, &shares[i], end - i);
        } else if (shares[i].needs_racks) {
            cut(work, &shares[i], true);
        }
    }
}

// One share for each topic that has an audience; *count of them.
static int shares_make(struct work *work, struct dh_arena *arena, struct share *shares,
                       size_t *count)
{
    uint64_t *scratch = dh_arena_calloc(arena, work->racks.word_count, sizeof(*scratch));
    if (scratch == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    *count = 0;
    for (size_t i = 0; i < work->audiences.input->topic_count; i++) {
        const struct dh_audience *audience = &work->audiences.of[i];
        if (audience->count == 0) {
            continue;
        }
        size_t n = (size_t)work->audiences.input->topics[i].partition_count;
        size_t first = work->audiences.first[i];
        size_t *counts = dh_arena_calloc(arena, audience->count, sizeof(*counts));
        if (counts == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        shares[(*count)++] = (struct share){
            .audience = audience,
            .topic = i,
            .first = first,
            .partition_count = n,
            .needs_racks = dh_racks_matter(&work->racks, audience->places,
                                           audience->count, first, n, scratch),
            .quota = n / audience->count,
            .extra_count = n % audience->count,
            .counts = counts};
    }
    return 0;
}

static int assign(const struct dh_assign_input *input, bool with_racks,
                  struct dh_arena *arena, struct dh_assign_list *lists)
{
    struct work work = {0};
    int err = dh_audiences_gather(&work.audiences, input, arena);
    if (err == 0 && with_racks) {
        err = dh_racks_gather(&work.racks, &work.audiences, arena);
    }
    if (err != 0) {
        return err;
    }
    size_t count;
    struct share *shares = dh_arena_calloc(arena, input->topic_count, sizeof(*shares));
    work.owners =
        dh_arena_calloc(arena, work.audiences.partition_count, sizeof(*work.owners));
    if (shares == NULL || work.owners == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    memset(work.owners, 0xff, work.audiences.partition_count * sizeof(*work.owners));
    err = shares_make(&work, arena, shares, &count);
    if (err != 0) {
        return err;
    }
    bool needs_racks = false;
    for (size_t i = 0; i < count; i++) {
        needs_racks = needs_racks || shares[i].needs_racks;
    }
    if (needs_racks) {
        give_near(&work, shares, count);
    }
    for (size_t i = 0; i < count; i++) {
        cut(&work, &shares[i], false);
    }
    return dh_audiences_list(&work.audiences, work.owners, arena, lists);
}

int dh_range_assign(const struct dh_assign_input *input, struct dh_arena *arena,
                    struct dh_assign_list *lists)
{
    return assign(input, true, arena, lists);
}

int dh_server_range_assign(const struct dh_assign_input *input, struct dh_arena *arena,
                           struct dh_assign_list *lists)
{
    return assign(input, false, arena, lists);
}
