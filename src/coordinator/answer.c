// SPDX-License-Identifier: MIT
#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "coordinator/group.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/join_group.h"
#include "wire/gen/sync_group.h"

// Before these, the field may not be null.
#define JOIN_VERSION_NULLABLE_PROTOCOL 7

static void answer(struct dh_coordinator *coordinator,
                   struct dh_coordinator_caller *caller, const void *response)
{
    DH_ASSERT(caller->parked == NULL);
    coordinator->owner.answer(coordinator->owner.ctx, caller, response);
}

void dh_group_refuse_join(struct dh_coordinator *coordinator,
                          struct dh_coordinator_caller *caller, dohle_bytes member_id,
                          int16_t code)
{
    struct dh_join_group_response response;
    dh_message_init(&dh_join_group_response_type, &response);
    response.error_code = code;
    response.member_id = member_id.data == NULL ? DH_BYTES("") : member_id;
    answer(coordinator, caller, &response);
}

void dh_group_refuse_sync(struct dh_coordinator *coordinator,
                          struct dh_coordinator_caller *caller, int16_t code)
{
    struct dh_sync_group_response response;
    dh_message_init(&dh_sync_group_response_type, &response);
    response.error_code = code;
    answer(coordinator, caller, &response);
}

int dh_group_fill_members(const struct dh_group *group, struct dh_arena *arena,
                          struct dh_join_group_response *response)
{
    const struct dh_classic_group *classic = &group->classic;
    response->members.items =
        dh_arena_calloc(arena, classic->members.count, sizeof(*response->members.items));
    if (response->members.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    DH_LIST_EACH(link, &classic->members_in_order)
    {
        const struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        const dohle_bytes *metadata =
            dh_group_protocols_find(&member->protocols, classic->protocol_name);
        struct dh_join_group_response_member *to =
            &response->members.items[response->members.count++];
        to->member_id = member->id;
        to->group_instance_id = member->instance_id;
        to->metadata = metadata == NULL ? DH_BYTES("") : *metadata;
    }
    return 0;
}

static void fill_generation(const struct dh_group_member *member, int16_t version,
                            struct dh_join_group_response *response)
{
    const struct dh_classic_group *classic = &member->group->classic;
    dh_message_init(&dh_join_group_response_type, response);
    response->generation_id = classic->generation;
    response->protocol_type = classic->protocol_type;
    response->protocol_name = classic->protocol_name;
    if (response->protocol_name.data == NULL &&
        version < JOIN_VERSION_NULLABLE_PROTOCOL) {
        response->protocol_name = DH_BYTES("");
    }
    response->leader = classic->leader == NULL ? DH_BYTES("") : classic->leader->id;
    response->member_id = member->id;
}

void dh_group_answer_join(struct dh_group_member *member,
                          struct dh_coordinator_caller *caller)
{
    struct dh_coordinator *coordinator = member->group->coordinator;
    struct dh_join_group_response response;
    struct dh_arena arena;
    fill_generation(member, caller->version, &response);
    dh_arena_init(&arena, coordinator->mem, 0);
    if (member->group->classic.leader == member &&
        dh_group_fill_members(member->group, &arena, &response) != 0) {
        // Asked again, it gets the same generation (GC-041).
        dh_group_refuse_join(coordinator, caller, member->id,
                             DH_BROKER_COORDINATOR_NOT_AVAILABLE);
    } else {
        answer(coordinator, caller, &response);
    }
    dh_arena_deinit(&arena);
}

void dh_group_answer_join_static(struct dh_group_member *member,
                                 struct dh_coordinator_caller *caller, dohle_bytes leader,
                                 struct dh_join_group_response *members)
{
    struct dh_join_group_response response;
    fill_generation(member, caller->version, &response);
    response.leader = leader;
    if (members != NULL) {
        response.skip_assignment = true;
        response.members.items = members->members.items;
        response.members.count = members->members.count;
    }
    answer(member->group->coordinator, caller, &response);
}

void dh_group_answer_sync(struct dh_group_member *member,
                          struct dh_coordinator_caller *caller)
{
    const struct dh_classic_group *classic = &member->group->classic;
    struct dh_sync_group_response response;
    dh_message_init(&dh_sync_group_response_type, &response);
    response.protocol_type = classic->protocol_type;
    response.protocol_name = classic->protocol_name;
    response.assignment = member->assignment;
    answer(member->group->coordinator, caller, &response);
}

void dh_group_await_join(struct dh_group_member *member,
                         struct dh_coordinator_caller *caller)
{
    dh_group_end_join_wait(member, member->id, DH_BROKER_REBALANCE_IN_PROGRESS);
    member->is_awaiting_join = true;
    member->group->classic.awaiting_join_count++;
    member->join_caller = caller;
    caller->parked = member;
}

void dh_group_await_sync(struct dh_group_member *member,
                         struct dh_coordinator_caller *caller)
{
    dh_group_end_sync_wait(member, DH_BROKER_REBALANCE_IN_PROGRESS);
    member->is_awaiting_sync = true;
    member->sync_caller = caller;
    caller->parked = member;
}

struct dh_coordinator_caller *dh_group_take_join_caller(struct dh_group_member *member)
{
    struct dh_coordinator_caller *caller = member->join_caller;
    if (member->is_awaiting_join) {
        member->is_awaiting_join = false;
        member->group->classic.awaiting_join_count--;
    }
    member->join_caller = NULL;
    if (caller != NULL) {
        caller->parked = NULL;
    }
    return caller;
}

struct dh_coordinator_caller *dh_group_take_sync_caller(struct dh_group_member *member)
{
    struct dh_coordinator_caller *caller = member->sync_caller;
    member->is_awaiting_sync = false;
    member->sync_caller = NULL;
    if (caller != NULL) {
        caller->parked = NULL;
    }
    return caller;
}

void dh_group_end_join_wait(struct dh_group_member *member, dohle_bytes member_id,
                            int16_t code)
{
    struct dh_coordinator_caller *caller = dh_group_take_join_caller(member);
    if (caller != NULL) {
        dh_group_refuse_join(member->group->coordinator, caller, member_id, code);
    }
}

void dh_group_end_sync_wait(struct dh_group_member *member, int16_t code)
{
    struct dh_coordinator_caller *caller = dh_group_take_sync_caller(member);
    if (caller != NULL) {
        dh_group_refuse_sync(member->group->coordinator, caller, code);
    }
}
