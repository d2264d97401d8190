// SPDX-License-Identifier: MIT
// JoinGroup. The order of the checks is that of Apache Kafka (table 4.2 of the rows).
#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "coordinator/change.h"
#include "coordinator/group.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/join_group.h"

// Since these a new member is given its id first, and a leader can be told to do nothing.
#define JOIN_VERSION_ID_REQUIRED     4
#define JOIN_VERSION_SKIP_ASSIGNMENT 9

// A JoinGroup being served: what is needed to answer it, and what was copied of it.
struct join {
    struct dh_coordinator *coordinator;
    struct dh_coordinator_caller *caller;
    const struct dh_join_group_request *request;
    struct dh_group *group;
    struct dh_group_protocols protocols; // owned until a member takes them
    int32_t rebalance_timeout_ms;
};

static void refuse(struct join *join, dohle_bytes member_id, int16_t code)
{
    dh_group_refuse_join(join->coordinator, join->caller, member_id, code);
}

static struct dh_group_protocols take_protocols(struct join *join)
{
    struct dh_group_protocols protocols = join->protocols;
    join->protocols = (struct dh_group_protocols){0};
    return protocols;
}

static void update_member(struct join *join, struct dh_group_member *member)
{
    dh_group_protocols_free(join->coordinator->mem, &member->protocols);
    member->protocols = take_protocols(join);
    member->rebalance_timeout_ms = join->rebalance_timeout_ms;
    member->session_timeout_ms = join->request->session_timeout_ms;
}

// ---- New members ----

static int add_member(struct join *join, dohle_bytes member_id)
{
    const struct dh_join_group_request *request = join->request;
    struct dh_group *group = join->group;
    struct dh_classic_group *classic = &group->classic;
    dohle_bytes type = DH_BYTES_NULL;
    if (classic->members.count == 0 &&
        !dh_group_text_copy(join->coordinator->mem, request->protocol_type, &type)) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dohle_bytes client_id =
        join->caller->client_id.data == NULL ? DH_BYTES("") : join->caller->client_id;
    dohle_bytes client_host =
        join->caller->client_host.data == NULL ? DH_BYTES("") : join->caller->client_host;
    struct dh_group_member *member = dh_group_member_new(
        group, member_id, request->group_instance_id, client_id, client_host);
    if (member == NULL || dh_group_member_add(member) != 0) {
        if (member != NULL) {
            dh_group_member_free(member);
        }
        dh_group_text_free(join->coordinator->mem, type);
        return DOHLE_ERR_NO_MEMORY;
    }
    if (type.data != NULL) {
        dh_group_text_free(join->coordinator->mem, classic->protocol_type);
        classic->protocol_type = type;
    }
    update_member(join, member);
    member->is_new = true;
    struct dh_group_pending *pending = dh_group_pending_find(group, member_id);
    if (pending != NULL) {
        dh_group_pending_remove(pending);
    }
    if (classic->state == DH_GROUP_PREPARING && classic->previous == DH_GROUP_EMPTY) {
        classic->has_newcomer = true;
    }
    dh_group_await_join(member, join->caller);
    // It cannot send heartbeats; if its client gave up, nobody else would notice.
    dh_group_member_touch_for(member, DH_GROUP_NEW_MEMBER_TIMEOUT_MS);
    dh_group_member_joined(group, "a new member joins");
    return 0;
}

// KIP-394: so that a lost answer leaves no member behind that nobody is.
static int promise_id(struct join *join, dohle_bytes member_id)
{
    if (dh_group_pending_add(join->group, member_id, join->request->session_timeout_ms) ==
        NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    refuse(join, member_id, DH_BROKER_MEMBER_ID_REQUIRED);
    return 0;
}

// ---- Static members that come back ----

/*
 * The record of the group as it is, but for one member's id, times and metadata. Arrays in the
 * arena. Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
static int fill_replacement(const struct join *join, const struct dh_group_member *member,
                            dohle_bytes new_id, struct dh_arena *arena,
                            struct dh_group_metadata_value *value)
{
    const struct dh_classic_group *classic = &join->group->classic;
    int err = dh_group_fill_record(join->group, arena, value);
    if (err != 0) {
        return err;
    }
    for (int32_t i = 0; i < value->members.count; i++) {
        struct dh_group_metadata_value_member *row = &value->members.items[i];
        if (!dh_bytes_equal(row->member_id, member->id)) {
            continue;
        }
        const dohle_bytes *metadata =
            dh_group_protocols_find(&join->protocols, classic->protocol_name);
        row->member_id = new_id;
        row->rebalance_timeout = join->rebalance_timeout_ms;
        row->session_timeout = join->request->session_timeout_ms;
        row->subscription = metadata == NULL ? DH_BYTES("") : *metadata;
    }
    if (classic->leader == member) {
        value->leader = new_id;
    }
    return 0;
}

static int16_t write_replacement(const struct join *join,
                                 const struct dh_group_member *member, dohle_bytes new_id)
{
    struct dh_arena arena;
    struct dh_group_records records;
    struct dh_group_metadata_value value;
    dh_arena_init(&arena, join->coordinator->mem, 0);
    dh_group_records_init(&records, join->coordinator->mem);
    int16_t code = DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    if (fill_replacement(join, member, new_id, &arena, &value) == 0) {
        dh_group_records_add_group(&records, join->group->id, &value);
        code = dh_coordinator_write(join->coordinator, &records);
    }
    dh_group_records_deinit(&records);
    dh_arena_deinit(&arena);
    return code;
}

/*
 * The member has its new id. old_leader: whose id led before; a leader that cannot be told to skip
 * its assignment is told that one, so that it takes itself for a follower.
 */
static void answer_returned(struct join *join, struct dh_group_member *member,
                            dohle_bytes old_leader)
{
    const struct dh_classic_group *classic = &join->group->classic;
    if (join->caller->version < JOIN_VERSION_SKIP_ASSIGNMENT) {
        dh_group_answer_join_static(member, join->caller, old_leader, NULL);
        return;
    }
    if (classic->leader != member) {
        dh_group_answer_join_static(member, join->caller, classic->leader->id, NULL);
        return;
    }
    struct dh_join_group_response members = {0};
    struct dh_arena arena;
    dh_arena_init(&arena, join->coordinator->mem, 0);
    if (dh_group_fill_members(join->group, &arena, &members) == 0) {
        dh_group_answer_join_static(member, join->caller, member->id, &members);
    } else {
        // Its id is written. It asks again and is replaced again.
        refuse(join, DH_BYTES(""), DH_BROKER_COORDINATOR_NOT_AVAILABLE);
    }
    dh_arena_deinit(&arena);
}

// GC-051. The id is durable before it is told (S17).
static int replace_quietly(struct join *join, struct dh_group_member *member,
                           dohle_bytes new_id)
{
    dohle_bytes old_leader;
    if (!dh_group_text_copy(join->coordinator->mem, join->group->classic.leader->id,
                            &old_leader)) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int16_t code = write_replacement(join, member, new_id);
    if (code == 0) {
        update_member(join, member);
        dh_group_member_touch(member);
        answer_returned(join, member, old_leader);
    } else {
        refuse(join, DH_BYTES(""), code);
    }
    dh_group_text_free(join->coordinator->mem, old_leader);
    return 0;
}

// GC-050. new_id: copied.
static int replace_static(struct join *join, struct dh_group_member *member,
                          dohle_bytes new_id)
{
    struct dh_group *group = join->group;
    struct dh_classic_group *classic = &group->classic;
    dh_log(join->coordinator->log, DOHLE_LOG_INFO, "coordinator",
           "group %s: static member %s comes back, %s is replaced by %s",
           (const char *)group->id.data, (const char *)member->instance_id.data,
           (const char *)member->id.data, (const char *)new_id.data);
    if (classic->state == DH_GROUP_STABLE &&
        dh_bytes_equal(classic->protocol_name,
                       dh_group_select_protocol(group, member, &join->protocols))) {
        return replace_quietly(join, member, new_id);
    }
    int err = dh_group_fence(member, new_id);
    if (err != 0) {
        return err;
    }
    update_member(join, member);
    member->is_new = false; // it has a history, and is not dropped for waiting long
    dh_group_member_touch(member);
    dh_group_await_join(member, join->caller);
    // In CompletingRebalance too: the leader may have been told of the old id (GC-052).
    dh_group_member_joined(group, "a static member comes back");
    return 0;
}

static int join_new(struct join *join)
{
    const struct dh_join_group_request *request = join->request;
    struct dh_group *group = join->group;
    if (!dh_group_supports(group, request->protocol_type, &join->protocols)) {
        refuse(join, DH_BYTES(""), DH_BROKER_INCONSISTENT_GROUP_PROTOCOL);
        return 0;
    }
    bool is_static = request->group_instance_id.data != NULL;
    dohle_bytes prefix = is_static ? request->group_instance_id : join->caller->client_id;
    dohle_bytes member_id = dh_group_member_id_new(group, prefix);
    if (member_id.data == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_group_member *member =
        dh_group_member_find_static(group, request->group_instance_id);
    int err;
    if (member != NULL) {
        err = replace_static(join, member, member_id);
    } else if (is_static || join->caller->version < JOIN_VERSION_ID_REQUIRED) {
        err = add_member(join, member_id);
    } else {
        err = promise_id(join, member_id);
    }
    dh_group_text_free(join->coordinator->mem, member_id);
    return err;
}

// ---- Members that join again ----

// GC-040 to GC-045.
static void join_again(struct join *join, struct dh_group_member *member)
{
    struct dh_group *group = join->group;
    const struct dh_classic_group *classic = &group->classic;
    bool is_same = dh_group_protocols_equal(&member->protocols, &join->protocols);
    bool is_told = false; // the current generation, at once
    switch (classic->state) {
    case DH_GROUP_EMPTY: // has no members
    case DH_GROUP_PREPARING: break;
    case DH_GROUP_COMPLETING: is_told = is_same; break;
    case DH_GROUP_STABLE: is_told = is_same && classic->leader != member; break;
    }
    if (is_told) {
        dh_group_answer_join(member, join->caller);
        return;
    }
    update_member(join, member);
    dh_group_await_join(member, join->caller);
    dh_group_member_joined(group, classic->leader == member ? "its leader joins again"
                                                            : "a member joins again");
}

static int join_known(struct join *join)
{
    const struct dh_join_group_request *request = join->request;
    struct dh_group *group = join->group;
    if (!dh_group_supports(group, request->protocol_type, &join->protocols)) {
        refuse(join, request->member_id, DH_BROKER_INCONSISTENT_GROUP_PROTOCOL);
        return 0;
    }
    if (dh_group_pending_find(group, request->member_id) != NULL &&
        request->group_instance_id.data == NULL) {
        return add_member(join, request->member_id);
    }
    int16_t code =
        dh_group_member_check(group, request->member_id, request->group_instance_id);
    if (code != 0) {
        refuse(join, request->member_id, code);
        return 0;
    }
    join_again(join, dh_group_member_find(group, request->member_id));
    return 0;
}

// ---- The request ----

// GC-029. Who is full is told before anything else is looked at (O-06).
static bool has_room(const struct dh_group *group, const struct dh_group_member *member)
{
    const struct dh_classic_group *classic = &group->classic;
    size_t count_max = (size_t)group->coordinator->settings->group_max_size;
    switch (classic->state) {
    case DH_GROUP_EMPTY: return true;
    case DH_GROUP_PREPARING:
        return (member != NULL && member->is_awaiting_join) ||
               classic->awaiting_join_count < count_max;
    case DH_GROUP_COMPLETING:
    case DH_GROUP_STABLE: return member != NULL || classic->members.count < count_max;
    }
    return false;
}

static void refuse_full(struct join *join, struct dh_group_member *member)
{
    struct dh_group_pending *pending =
        dh_group_pending_find(join->group, join->request->member_id);
    if (pending != NULL) {
        dh_group_pending_remove(pending);
    }
    if (member != NULL) {
        dh_group_remove_waiting(member);
    }
    refuse(join, DH_BYTES(""), DH_BROKER_GROUP_MAX_SIZE_REACHED);
    dh_group_complete_join_if_ready(join->group);
}

// An empty group, on disk: so a replay knows every group that a client was told of.
static int16_t create_group(struct join *join)
{
    struct dh_group_metadata_value value;
    struct dh_group_records records;
    dh_message_init(&dh_group_metadata_value_type, &value);
    value.protocol_type = DH_BYTES("");
    value.protocol = DH_BYTES_NULL;
    value.leader = DH_BYTES_NULL;
    value.current_state_timestamp = join->coordinator->wall_ms;
    dh_group_records_init(&records, join->coordinator->mem);
    dh_group_records_add_group(&records, join->request->group_id, &value);
    int16_t code = dh_coordinator_write(join->coordinator, &records);
    dh_group_records_deinit(&records);
    return code;
}

static int serve(struct join *join)
{
    struct dh_group_member *member =
        dh_group_member_find(join->group, join->request->member_id);
    if (!has_room(join->group, member)) {
        refuse_full(join, member);
        return 0;
    }
    int err =
        dh_group_protocols_copy(join->coordinator->mem, join->request, &join->protocols);
    if (err != 0) {
        return err;
    }
    return join->request->member_id.size == 0 ? join_new(join) : join_known(join);
}

// What needs no group: 0 or the code.
static int16_t check(const struct join *join)
{
    const struct dh_coordinator_settings *settings = join->coordinator->settings;
    const struct dh_join_group_request *request = join->request;
    if (request->group_id.size == 0) {
        return DH_BROKER_INVALID_GROUP_ID;
    }
    if (request->session_timeout_ms < settings->group_min_session_timeout_ms ||
        request->session_timeout_ms > settings->group_max_session_timeout_ms) {
        return DH_BROKER_INVALID_SESSION_TIMEOUT; // BRK-011
    }
    if (request->protocols.count > (int32_t)DH_GROUP_PROTOCOLS_MAX) {
        return DH_BROKER_INCONSISTENT_GROUP_PROTOCOL;
    }
    return 0;
}

void dh_coordinator_join(struct dh_coordinator *coordinator,
                         struct dh_coordinator_caller *caller,
                         const struct dh_join_group_request *request, int64_t now_ns,
                         int64_t wall_ms)
{
    dh_coordinator_enter(coordinator, now_ns);
    coordinator->wall_ms = wall_ms;
    caller->parked = NULL;
    struct join join = {
        .coordinator = coordinator,
        .caller = caller,
        .request = request,
        // Version 0 has no time-out of its own for rebalances (GC-020).
        .rebalance_timeout_ms = caller->version == 0 ? request->session_timeout_ms
                                                     : request->rebalance_timeout_ms,
    };
    int16_t code = check(&join);
    if (code == 0 && dh_group_find(coordinator, request->group_id) == NULL) {
        code = request->member_id.size > 0 ? DH_BROKER_UNKNOWN_MEMBER_ID
                                           : create_group(&join);
    }
    if (code == 0) {
        join.group = dh_group_find(coordinator, request->group_id);
        if (serve(&join) != 0) {
            code = DH_BROKER_COORDINATOR_NOT_AVAILABLE;
        }
    }
    if (code != 0) {
        refuse(&join, request->member_id, code);
    }
    dh_group_protocols_free(coordinator->mem, &join.protocols);
    dh_coordinator_exit(coordinator);
}
