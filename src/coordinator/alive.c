// SPDX-License-Identifier: MIT
// Heartbeat and LeaveGroup.
#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "coordinator/group.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/leave_group.h"

// Since then several members may leave at once.
#define LEAVE_VERSION_MEMBERS 3

static int16_t heartbeat(struct dh_coordinator *coordinator,
                         const struct dh_heartbeat_request *request)
{
    if (request->group_id.size == 0) {
        return DH_BROKER_INVALID_GROUP_ID;
    }
    struct dh_group *group = dh_group_find(coordinator, request->group_id);
    if (group == NULL) {
        return DH_BROKER_UNKNOWN_MEMBER_ID;
    }
    int16_t code =
        dh_group_member_check(group, request->member_id, request->group_instance_id);
    if (code != 0) {
        return code;
    }
    if (request->generation_id != group->classic.generation) {
        return DH_BROKER_ILLEGAL_GENERATION;
    }
    // also while the group rebalances.
    dh_group_member_touch(dh_group_member_find(group, request->member_id));
    return group->classic.state == DH_GROUP_PREPARING ? DH_BROKER_REBALANCE_IN_PROGRESS
                                                      : 0;
}

int dh_coordinator_heartbeat(struct dh_coordinator *coordinator,
                             const struct dh_heartbeat_request *request,
                             struct dh_heartbeat_response *response, int64_t now_ns)
{
    dh_coordinator_enter(coordinator, now_ns);
    dh_message_init(&dh_heartbeat_response_type, response);
    response->error_code = heartbeat(coordinator, request);
    dh_coordinator_exit(coordinator);
    return 0;
}

// One member leaves; what that means for the group is seen when all have.
static int16_t leave_one(struct dh_group *group,
                         const struct dh_leave_group_request_member *row)
{
    if (group == NULL) {
        return DH_BROKER_UNKNOWN_MEMBER_ID;
    }
    struct dh_group_member *member;
    if (row->member_id.size == 0) {
        // An administrator removes a static member (GC-056).
        member = dh_group_member_find_static(group, row->group_instance_id);
        if (member == NULL) {
            return DH_BROKER_UNKNOWN_MEMBER_ID;
        }
    } else {
        struct dh_group_pending *pending = dh_group_pending_find(group, row->member_id);
        if (pending != NULL) {
            dh_group_pending_remove(pending);
            return 0;
        }
        int16_t code =
            dh_group_member_check(group, row->member_id, row->group_instance_id);
        if (code != 0) {
            return code;
        }
        member = dh_group_member_find(group, row->member_id);
    }
    dh_log(group->coordinator->log, DOHLE_LOG_INFO, "coordinator",
           "group %s: member %s leaves", (const char *)group->id.data,
           (const char *)member->id.data);
    dh_group_remove_waiting(member);
    return 0;
}

static int leave(struct dh_coordinator *coordinator, int16_t version,
                 const struct dh_leave_group_request *request, struct dh_arena *arena,
                 struct dh_leave_group_response *response)
{
    dh_message_init(&dh_leave_group_response_type, response);
    if (request->group_id.size == 0) {
        response->error_code = DH_BROKER_INVALID_GROUP_ID;
        return 0;
    }
    struct dh_leave_group_request_member one = {.member_id = request->member_id};
    const struct dh_leave_group_request_member *rows = &one;
    size_t count = 1;
    if (version >= LEAVE_VERSION_MEMBERS) {
        rows = request->members.items;
        count = request->members.count < 0 ? 0 : (size_t)request->members.count;
    }
    struct dh_leave_group_response_member *answers =
        dh_arena_calloc(arena, count, sizeof(*answers));
    if (answers == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_group *group = dh_group_find(coordinator, request->group_id);
    bool has_left = false;
    for (size_t i = 0; i < count; i++) {
        answers[i].member_id = rows[i].member_id;
        answers[i].group_instance_id = rows[i].group_instance_id;
        answers[i].error_code = leave_one(group, &rows[i]);
        has_left = has_left || answers[i].error_code == 0;
    }
    if (has_left) {
        dh_group_members_left(group, "a member leaves");
    }
    if (coordinator->write_code != 0) {
        // They are gone, but the log still has them: as Apache Kafka, which says so.
        response->error_code = coordinator->write_code;
        return 0;
    }
    if (version >= LEAVE_VERSION_MEMBERS) {
        response->members.items = answers;
        response->members.count = (int32_t)count;
    } else {
        response->error_code = answers[0].error_code;
    }
    return 0;
}

int dh_coordinator_leave(struct dh_coordinator *coordinator, int16_t version,
                         const struct dh_leave_group_request *request,
                         struct dh_arena *arena, struct dh_leave_group_response *response,
                         int64_t now_ns, int64_t wall_ms)
{
    dh_coordinator_enter(coordinator, now_ns);
    coordinator->wall_ms = wall_ms;
    int err = leave(coordinator, version, request, arena, response);
    dh_coordinator_exit(coordinator);
    return err;
}
