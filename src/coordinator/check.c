// SPDX-License-Identifier: MIT
// What always holds between two calls; for tests, the simulator and fuzzing.
#include "base/bytes.h"
#include "coordinator/group.h"
#include "coordinator/state.h"

static void check_member(const struct dh_group_member *member)
{
    const struct dh_group *group = member->group;
    const struct dh_classic_group *classic = &group->classic;
    DH_ASSERT(dh_group_member_find(group, member->id) == member);
    if (member->instance_id.data != NULL) {
        DH_ASSERT(dh_group_member_find_static(group, member->instance_id) == member);
    }
    DH_ASSERT(!member->is_awaiting_join || classic->state == DH_GROUP_PREPARING);
    DH_ASSERT(!member->is_awaiting_sync || classic->state == DH_GROUP_COMPLETING);
    DH_ASSERT(member->join_caller == NULL || member->is_awaiting_join);
    DH_ASSERT(member->join_caller == NULL || member->join_caller->parked == member);
    DH_ASSERT(member->sync_caller == NULL || member->is_awaiting_sync);
    DH_ASSERT(member->sync_caller == NULL || member->sync_caller->parked == member);
    // Nobody stays for ever: a session, or a phase that ends, is running.
    bool is_waiting = member->is_awaiting_join || member->is_awaiting_sync;
    DH_ASSERT(dh_timer_is_armed(&member->session.timer) ||
              (is_waiting && !member->is_new) || member->session_deadline_ns == DH_NEVER);
    DH_ASSERT(member->protocols.count > 0);
}

static void check_classic(const struct dh_group *group)
{
    const struct dh_classic_group *classic = &group->classic;
    size_t count = 0, awaiting_join = 0, sync_pending = 0, statics = 0;
    bool has_leader = classic->leader == NULL;
    DH_LIST_EACH(link, &classic->members_in_order)
    {
        const struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        check_member(member);
        count++;
        awaiting_join += member->is_awaiting_join;
        sync_pending += member->is_sync_pending;
        statics += member->instance_id.data != NULL;
        has_leader = has_leader || classic->leader == member;
    }
    DH_ASSERT(count == classic->members.count);
    DH_ASSERT(statics == classic->static_members.count);
    DH_ASSERT(awaiting_join == classic->awaiting_join_count);
    DH_ASSERT(sync_pending == classic->sync_pending_count);
    DH_ASSERT(has_leader && (classic->leader != NULL || count == 0));
    for (struct dh_map_item *item = dh_map_first(&classic->pending); item != NULL;
         item = dh_map_next(item)) {
        const struct dh_group_pending *pending = item->value;
        DH_ASSERT(dh_timer_is_armed(&pending->session.timer));
        DH_ASSERT(dh_group_member_find(group, pending->id) == NULL);
    }
    // A phase has an end, and only a phase has.
    DH_ASSERT(dh_timer_is_armed(&classic->join.timer) ==
              (classic->state == DH_GROUP_PREPARING));
    DH_ASSERT(dh_timer_is_armed(&classic->sync.timer) == (sync_pending > 0));
    switch (classic->state) {
    case DH_GROUP_EMPTY: DH_ASSERT(count == 0); break;
    case DH_GROUP_PREPARING: break;
    case DH_GROUP_COMPLETING:
        DH_ASSERT(count > 0);
        DH_ASSERT(classic->leader->is_sync_pending);
        DH_ASSERT(classic->protocol_name.data != NULL);
        break;
    case DH_GROUP_STABLE:
        DH_ASSERT(count > 0 && group->record != NULL);
        DH_ASSERT(classic->protocol_name.data != NULL);
        break;
    }
}

void dh_coordinator_check(const struct dh_coordinator *coordinator)
{
    DH_ASSERT(coordinator->is_loaded && !coordinator->is_inside);
    DH_ASSERT(dh_list_is_empty(&coordinator->touched));
    for (struct dh_map_item *item = dh_map_first(&coordinator->groups); item != NULL;
         item = dh_map_next(item)) {
        const struct dh_group *group = item->value;
        DH_ASSERT(dh_bytes_equal(group->id, item->key));
        DH_ASSERT(group->hold_count == 0);
        switch (group->kind) {
        case DH_GROUP_NONE:
            DH_ASSERT(group->offsets.count > 0 && group->record == NULL);
            DH_ASSERT(group->classic.members.count == 0);
            break;
        case DH_GROUP_CLASSIC: check_classic(group); break;
        }
        for (struct dh_map_item *offset = dh_map_first(&group->offsets); offset != NULL;
             offset = dh_map_next(offset)) {
            DH_ASSERT(offset->value != NULL); // no place is reserved
        }
    }
}
