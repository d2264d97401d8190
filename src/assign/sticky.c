// SPDX-License-Identifier: MIT
#include "assign/sticky.h"

#include <stdbool.h>

#include <dohle/error.h>

#include "assign/audience.h"
#include "assign/balance.h"
#include "base/bytes.h"

#define NONE UINT32_MAX

// What members say of one partition.
struct claim {
    uint32_t place;      // of the last who claimed it in the highest generation
    int32_t generation;  // the highest
    bool is_disputed;    // more than one claims it in that generation
    uint32_t some_place; // of anybody who claims it
    bool is_shared;      // more than one claims it in whatever generation
};

static void claim_add(struct claim *claim, uint32_t place, int32_t generation)
{
    if (claim->some_place == NONE) {
        *claim = (struct claim){place, generation, false, place, false};
        return;
    }
    claim->is_shared = claim->is_shared || claim->some_place != place;
    if (generation > claim->generation) {
        claim->place = place;
        claim->generation = generation;
        claim->is_disputed = false;
    } else if (generation == claim->generation && claim->place != place) {
        claim->is_disputed = true;
    }
}

// By partition; NULL: no memory. Claims of what is not there or not subscribed are left out.
static struct claim *claims_gather(const struct dh_audiences *audiences,
                                   struct dh_arena *arena)
{
    struct claim *claims =
        dh_arena_calloc(arena, audiences->partition_count, sizeof(*claims));
    if (claims == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < audiences->partition_count; i++) {
        claims[i].some_place = NONE;
    }
    for (uint32_t place = 0; place < audiences->input->member_count; place++) {
        const struct dh_assign_member *member = audiences->members[place];
        for (size_t i = 0; i < member->owned_count; i++) {
            const struct dh_assign_owned *owned = &member->owned[i];
            uint32_t topic = dh_audiences_find(audiences, owned->topic);
            if (topic != NONE && audiences->of[topic].count > 0 &&
                owned->partition >= 0 &&
                owned->partition < audiences->input->topics[topic].partition_count) {
                claim_add(&claims[audiences->first[topic] + (size_t)owned->partition],
                          place, member->generation);
            }
        }
    }
    return claims;
}

static int assign(const struct dh_assign_input *input, bool with_racks,
                  bool is_cooperative, struct dh_arena *arena,
                  struct dh_assign_list *lists)
{
    struct dh_audiences audiences;
    int err = dh_audiences_gather(&audiences, input, arena);
    if (err != 0) {
        return err;
    }
    size_t count = audiences.partition_count;
    struct claim *claims = claims_gather(&audiences, arena);
    uint32_t *previous = dh_arena_calloc(arena, count, sizeof(*previous));
    uint32_t *owners = dh_arena_calloc(arena, count, sizeof(*owners));
    if (claims == NULL || previous == NULL || owners == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_owned = claims[i].some_place != NONE && !claims[i].is_disputed;
        previous[i] = is_owned ? claims[i].place : NONE;
    }
    err = dh_balance(&audiences, previous, with_racks, arena, owners);
    if (err != 0) {
        return err;
    }
    for (size_t i = 0; is_cooperative && i < count; i++) {
        bool is_claimed_by_others =
            claims[i].is_shared ||
            (claims[i].some_place != NONE && claims[i].some_place != owners[i]);
        if (owners[i] != previous[i] && is_claimed_by_others) {
            owners[i] = NONE;
        }
    }
    return dh_audiences_list(&audiences, owners, arena, lists);
}

int dh_sticky_assign(const struct dh_assign_input *input, struct dh_arena *arena,
                     struct dh_assign_list *lists)
{
    return assign(input, true, false, arena, lists);
}

int dh_cooperative_sticky_assign(const struct dh_assign_input *input,
                                 struct dh_arena *arena, struct dh_assign_list *lists)
{
    return assign(input, true, true, arena, lists);
}

int dh_uniform_assign(const struct dh_assign_input *input, struct dh_arena *arena,
                      struct dh_assign_list *lists)
{
    return assign(input, false, false, arena, lists);
}
