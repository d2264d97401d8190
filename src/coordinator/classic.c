// SPDX-License-Identifier: MIT
#include "coordinator/classic.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "coordinator/group.h"

bool dh_group_text_copy(const dohle_allocator *mem, dohle_bytes text, dohle_bytes *copy)
{
    *copy = DH_BYTES_NULL;
    if (text.data == NULL) {
        return true;
    }
    copy->data = (const uint8_t *)dh_mem_copy_string(mem, text.data, text.size);
    copy->size = copy->data == NULL ? 0 : text.size;
    return copy->data != NULL;
}

void dh_group_text_free(const dohle_allocator *mem, dohle_bytes text)
{
    if (text.data != NULL) {
        dh_mem_free(mem, (void *)(uintptr_t)text.data, text.size + 1);
    }
}

const char *dh_classic_group_state_name(enum dh_classic_group_state state)
{
    static const char *const names[] = {
        [DH_GROUP_EMPTY] = "Empty",
        [DH_GROUP_PREPARING] = "PreparingRebalance",
        [DH_GROUP_COMPLETING] = "CompletingRebalance",
        [DH_GROUP_STABLE] = "Stable",
    };
    return names[state];
}

int dh_classic_group_init(struct dh_group *group)
{
    struct dh_coordinator *coordinator = group->coordinator;
    struct dh_classic_group *classic = &group->classic;
    const dohle_allocator *mem = coordinator->mem;
    *classic = (struct dh_classic_group){.state_timestamp_ms = -1};
    dh_list_init(&classic->members_in_order);
    dh_map_init(&classic->members, mem, dh_random_next(&coordinator->random));
    dh_map_init(&classic->static_members, mem, dh_random_next(&coordinator->random));
    dh_map_init(&classic->pending, mem, dh_random_next(&coordinator->random));
    classic->join.due = dh_group_join_phase_over;
    classic->sync.due = dh_group_sync_phase_over;
    int err = dh_timers_add(&coordinator->timers, &classic->join.timer);
    if (err != 0) {
        return err;
    }
    err = dh_timers_add(&coordinator->timers, &classic->sync.timer);
    if (err != 0) {
        dh_timers_remove(&coordinator->timers, &classic->join.timer);
    }
    return err;
}

void dh_classic_group_clear(struct dh_group *group)
{
    struct dh_coordinator *coordinator = group->coordinator;
    struct dh_classic_group *classic = &group->classic;
    DH_LIST_EACH_SAFE(link, next, &classic->members_in_order)
    {
        dh_group_member_free(DH_CONTAINER_OF(link, struct dh_group_member, link));
    }
    dh_map_clear(&classic->members);
    dh_map_clear(&classic->static_members);
    classic->leader = NULL;
    for (struct dh_map_item *item = dh_map_first(&classic->pending); item != NULL;) {
        struct dh_map_item *next = dh_map_next(item);
        dh_group_pending_remove(item->value);
        item = next;
    }
    dh_timers_cancel(&coordinator->timers, &classic->join.timer);
    dh_timers_cancel(&coordinator->timers, &classic->sync.timer);
    dh_group_text_free(coordinator->mem, classic->protocol_type);
    dh_group_text_free(coordinator->mem, classic->protocol_name);
    classic->protocol_type = DH_BYTES_NULL;
    classic->protocol_name = DH_BYTES_NULL;
    classic->awaiting_join_count = 0;
    classic->sync_pending_count = 0;
    classic->generation = 0;
}

void dh_classic_group_deinit(struct dh_group *group)
{
    struct dh_coordinator *coordinator = group->coordinator;
    dh_classic_group_clear(group);
    dh_map_deinit(&group->classic.members);
    dh_map_deinit(&group->classic.static_members);
    dh_map_deinit(&group->classic.pending);
    dh_timers_remove(&coordinator->timers, &group->classic.join.timer);
    dh_timers_remove(&coordinator->timers, &group->classic.sync.timer);
}
