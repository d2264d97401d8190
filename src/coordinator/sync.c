// SPDX-License-Identifier: MIT
// SyncGroup: the leader hands in the assignment, which is written before anybody is told.
#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/map.h"
#include "coordinator/change.h"
#include "coordinator/group.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/sync_group.h"

// Since then type and name of the protocol must be there (O-05).
#define SYNC_VERSION_PROTOCOL 5

int dh_group_fill_record(const struct dh_group *group, struct dh_arena *arena,
                         struct dh_group_metadata_value *value)
{
    const struct dh_classic_group *classic = &group->classic;
    dh_message_init(&dh_group_metadata_value_type, value);
    value->protocol_type =
        classic->protocol_type.data == NULL ? DH_BYTES("") : classic->protocol_type;
    value->generation = classic->generation;
    value->protocol = classic->protocol_name;
    value->leader = classic->leader == NULL ? DH_BYTES_NULL : classic->leader->id;
    value->current_state_timestamp = classic->state_timestamp_ms;
    value->members.items =
        dh_arena_calloc(arena, classic->members.count, sizeof(*value->members.items));
    if (value->members.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    DH_LIST_EACH(link, &classic->members_in_order)
    {
        const struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        const dohle_bytes *metadata =
            dh_group_protocols_find(&member->protocols, classic->protocol_name);
        struct dh_group_metadata_value_member *row =
            &value->members.items[value->members.count++];
        row->member_id = member->id;
        row->group_instance_id = member->instance_id;
        row->client_id = member->client_id;
        row->client_host = member->client_host;
        row->rebalance_timeout = member->rebalance_timeout_ms;
        row->session_timeout = member->session_timeout_ms;
        row->subscription = metadata == NULL ? DH_BYTES("") : *metadata;
        row->assignment = member->assignment;
    }
    return 0;
}

// Members whom the leader forgot get nothing; names that are no members' mean nothing.
static int fill_assignments(const struct dh_group *group,
                            const struct dh_sync_group_request *request,
                            struct dh_arena *arena, struct dh_group_metadata_value *value)
{
    struct dh_map rows;
    int err = dh_group_fill_record(group, arena, value);
    dh_map_init(&rows, group->coordinator->mem,
                dh_random_next(&group->coordinator->random));
    for (int32_t i = 0; err == 0 && i < value->members.count; i++) {
        value->members.items[i].assignment = DH_BYTES("");
        err = dh_map_put(&rows, value->members.items[i].member_id,
                         &value->members.items[i]);
    }
    for (int32_t i = 0; err == 0 && i < request->assignments.count; i++) {
        struct dh_group_metadata_value_member *row =
            dh_map_get(&rows, request->assignments.items[i].member_id);
        if (row != NULL && request->assignments.items[i].assignment.data != NULL) {
            row->assignment = request->assignments.items[i].assignment;
        }
    }
    dh_map_deinit(&rows);
    return err;
}

static int16_t write_assignments(struct dh_group *group,
                                 const struct dh_sync_group_request *request)
{
    struct dh_arena arena;
    struct dh_group_records records;
    struct dh_group_metadata_value value;
    dh_arena_init(&arena, group->coordinator->mem, 0);
    dh_group_records_init(&records, group->coordinator->mem);
    int16_t code = DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    if (fill_assignments(group, request, &arena, &value) == 0) {
        dh_group_records_add_group(&records, group->id, &value);
        code = dh_coordinator_write(group->coordinator, &records);
    }
    dh_group_records_deinit(&records);
    dh_arena_deinit(&arena);
    return code;
}

static void complete(struct dh_group *group, const struct dh_sync_group_request *request)
{
    int16_t code = write_assignments(group, request);
    if (code != 0) {
        dh_log(
            group->coordinator->log, DOHLE_LOG_WARNING, "coordinator",
            "group %s: the assignment of generation %d could not be written (error %d)",
            (const char *)group->id.data, (int)group->classic.generation, (int)code);
        dh_group_reset_assignments(group, code);
        dh_group_prepare_rebalance(group, "its assignment could not be written");
        return;
    }
    DH_LIST_EACH(link, &group->classic.members_in_order)
    {
        struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        if (!member->is_awaiting_sync) {
            continue;
        }
        struct dh_coordinator_caller *caller = dh_group_take_sync_caller(member);
        if (caller != NULL) {
            dh_group_answer_sync(member, caller);
        }
        dh_group_member_touch(member);
    }
}

// A null text of the request says nothing.
static bool differs(dohle_bytes asked, dohle_bytes ours)
{
    return asked.data != NULL && ours.data != NULL && dh_bytes_compare(asked, ours) != 0;
}

static int16_t check(const struct dh_group *group, int16_t version,
                     const struct dh_sync_group_request *request)
{
    if (version >= SYNC_VERSION_PROTOCOL &&
        (request->protocol_type.data == NULL || request->protocol_name.data == NULL)) {
        return DH_BROKER_INCONSISTENT_GROUP_PROTOCOL;
    }
    if (request->group_id.size == 0) {
        return DH_BROKER_INVALID_GROUP_ID;
    }
    if (group == NULL || group->classic.state == DH_GROUP_EMPTY) {
        return DH_BROKER_UNKNOWN_MEMBER_ID;
    }
    const struct dh_classic_group *classic = &group->classic;
    int16_t code =
        dh_group_member_check(group, request->member_id, request->group_instance_id);
    if (code != 0) {
        return code;
    }
    if (request->generation_id != classic->generation) {
        return DH_BROKER_ILLEGAL_GENERATION;
    }
    if (differs(request->protocol_type, classic->protocol_type) ||
        differs(request->protocol_name, classic->protocol_name)) {
        return DH_BROKER_INCONSISTENT_GROUP_PROTOCOL;
    }
    if (classic->state == DH_GROUP_PREPARING) {
        return DH_BROKER_REBALANCE_IN_PROGRESS;
    }
    return 0;
}

void dh_coordinator_sync(struct dh_coordinator *coordinator,
                         struct dh_coordinator_caller *caller,
                         const struct dh_sync_group_request *request, int64_t now_ns,
                         int64_t wall_ms)
{
    dh_coordinator_enter(coordinator, now_ns);
    coordinator->wall_ms = wall_ms;
    caller->parked = NULL;
    struct dh_group *group = dh_group_find(coordinator, request->group_id);
    int16_t code = check(group, caller->version, request);
    if (code != 0) {
        dh_group_refuse_sync(coordinator, caller, code);
        dh_coordinator_exit(coordinator);
        return;
    }
    struct dh_group_member *member = dh_group_member_find(group, request->member_id);
    dh_group_sync_received(member);
    if (group->classic.state == DH_GROUP_STABLE) {
        dh_group_answer_sync(member, caller);
    } else {
        dh_group_await_sync(member, caller);
        if (group->classic.leader == member) {
            complete(group, request);
        }
    }
    dh_coordinator_exit(coordinator);
}
