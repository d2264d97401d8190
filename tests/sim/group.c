// SPDX-License-Identifier: MIT
#include "group.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "wire/gen/broker_errors.h"

static void advance(struct sim_group *group);

void sim_group_init(struct sim_group *group, struct sim_scheduler *scheduler,
                    struct sim_history *history, int number, const char *id)
{
    memset(group, 0, sizeof(*group));
    group->scheduler = scheduler;
    group->history = history;
    group->number = number;
    group->id = id;
    group->leader = -1;
    for (int i = 0; i < SIM_PLACES_MAX; i++) {
        group->offsets[i] = -1;
        group->epochs[i] = -1;
    }
}

// ---- Members ----

static bool is_member(const struct sim_group_member *member)
{
    return member->id[0] != '\0' && !member->is_pending;
}

int sim_group_member_count(const struct sim_group *group)
{
    int count = 0;
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
        count += is_member(&group->members[i]) ? 1 : 0;
    }
    return count;
}

static struct sim_group_member *find_member(struct sim_group *group, dohle_bytes id)
{
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX && id.size > 0; i++) {
        if (dh_bytes_equal(dh_bytes_of(group->members[i].id), id)) {
            return &group->members[i];
        }
    }
    return NULL;
}

static struct sim_group_member *add_member(struct sim_group *group)
{
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
        struct sim_group_member *member = &group->members[i];
        if (member->id[0] == '\0') {
            memset(member, 0, sizeof(*member));
            snprintf(member->id, sizeof(member->id), "%s-%" PRIu64, group->id,
                     ++group->ids);
            return member;
        }
    }
    DH_ASSERT(false);
    return NULL;
}

static void copy_blob(struct sim_blob *blob, dohle_bytes bytes)
{
    DH_ASSERT(bytes.size <= sizeof(blob->data));
    if (bytes.size > 0) {
        memcpy(blob->data, bytes.data, bytes.size);
    }
    blob->size = bytes.size;
}

static dohle_bytes view(const struct sim_blob *blob)
{
    return (dohle_bytes){blob->data, blob->size};
}

static void answer_join_error(struct sim_token *token, int16_t code, const char *id)
{
    struct dh_join_group_response response;
    dh_message_init(&dh_join_group_response_type, &response);
    response.error_code = code;
    response.generation_id = -1;
    response.member_id = dh_bytes_of(id);
    response.protocol_name = DH_BYTES("");
    sim_answer(token, &response);
}

static void answer_sync(struct sim_token *token, int16_t code, dohle_bytes assignment)
{
    struct dh_sync_group_response response;
    dh_message_init(&dh_sync_group_response_type, &response);
    response.error_code = code;
    if (code == 0 && token->version >= 5) {
        response.protocol_type = DH_BYTES("consumer");
        response.protocol_name = DH_BYTES("range");
    }
    response.assignment = assignment;
    sim_answer(token, &response);
}

static void on_time(void *ctx, uint64_t number)
{
    (void)number;
    advance(ctx);
}

static void keep_alive(struct sim_group *group, struct sim_group_member *member)
{
    member->expires_ns = group->scheduler->now_ns + member->session_ns;
    sim_at(group->scheduler, member->expires_ns, on_time, group, 0);
}

// ---- Rounds ----

static void prepare(struct sim_group *group)
{
    int64_t now_ns = group->scheduler->now_ns;
    bool was_empty = group->state == SIM_GROUP_EMPTY;
    int64_t longest_ns = 0;
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
        struct sim_group_member *member = &group->members[i];
        if (!is_member(member)) {
            continue;
        }
        if (member->rebalance_ns > longest_ns) {
            longest_ns = member->rebalance_ns;
        }
        if (member->sync.connection != NULL) {
            answer_sync(&member->sync, DH_BROKER_REBALANCE_IN_PROGRESS, DH_BYTES(""));
        }
        member->has_synced = false;
    }
    group->state = SIM_GROUP_PREPARING;
    group->round_starts_ns =
        now_ns + (was_empty ? sim_between(group->scheduler, 0, 500 * DH_MS) : 0);
    group->round_ends_ns = now_ns + longest_ns;
    sim_at(group->scheduler, group->round_starts_ns, on_time, group, 0);
    sim_at(group->scheduler, group->round_ends_ns, on_time, group, 0);
}

static void answer_join(struct sim_group *group, struct sim_group_member *member)
{
    struct dh_join_group_response response;
    struct dh_join_group_response_member members[SIM_GROUP_MEMBERS_MAX];
    dh_message_init(&dh_join_group_response_type, &response);
    response.generation_id = group->generation;
    if (member->join.version >= 7) {
        response.protocol_type = DH_BYTES("consumer");
    }
    response.protocol_name = dh_bytes_of(group->protocol);
    response.leader = dh_bytes_of(group->members[group->leader].id);
    response.member_id = dh_bytes_of(member->id);
    if (member == &group->members[group->leader]) {
        response.members.items = members;
        for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
            if (is_member(&group->members[i])) {
                struct dh_join_group_response_member *item =
                    &members[response.members.count++];
                dh_struct_init(&dh_join_group_response_member_struct, item);
                item->member_id = dh_bytes_of(group->members[i].id);
                item->metadata = view(&group->members[i].metadata);
            }
        }
    }
    sim_answer(&member->join, &response);
}

static void complete(struct sim_group *group)
{
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
        struct sim_group_member *member = &group->members[i];
        if (is_member(member) && !member->has_joined) {
            memset(member, 0, sizeof(*member)); // too late
        }
    }
    group->generation++;
    if (sim_group_member_count(group) == 0) {
        group->state = SIM_GROUP_EMPTY;
        group->leader = -1;
        return;
    }
    group->rebalances++;
    group->state = SIM_GROUP_COMPLETING;
    if (group->leader < 0 || !is_member(&group->members[group->leader])) {
        group->leader = 0;
        while (!is_member(&group->members[group->leader])) {
            group->leader++;
        }
    }
    group->round_ends_ns = 0;
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
        struct sim_group_member *member = &group->members[i];
        if (!is_member(member)) {
            continue;
        }
        member->has_joined = false;
        member->has_synced = false;
        member->assignment.size = 0;
        int64_t ends_ns = group->scheduler->now_ns + member->rebalance_ns;
        if (ends_ns > group->round_ends_ns) {
            group->round_ends_ns = ends_ns;
        }
        keep_alive(group, member);
        answer_join(group, member);
    }
    sim_at(group->scheduler, group->round_ends_ns, on_time, group, 0);
}

static bool have_all_joined(const struct sim_group *group)
{
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
        if (is_member(&group->members[i]) && !group->members[i].has_joined) {
            return false;
        }
    }
    return true;
}

// Removes the member; the others have to share anew.
static void remove_member(struct sim_group *group, struct sim_group_member *member)
{
    bool was_member = is_member(member);
    if (member->join.connection != NULL) {
        answer_join_error(&member->join, DH_BROKER_UNKNOWN_MEMBER_ID, "");
    }
    if (member->sync.connection != NULL) {
        answer_sync(&member->sync, DH_BROKER_UNKNOWN_MEMBER_ID, DH_BYTES(""));
    }
    memset(member, 0, sizeof(*member));
    if (was_member &&
        (group->state == SIM_GROUP_STABLE || group->state == SIM_GROUP_COMPLETING)) {
        prepare(group);
    }
}

// Does what time has brought.
static void advance(struct sim_group *group)
{
    int64_t now_ns = group->scheduler->now_ns;
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
        struct sim_group_member *member = &group->members[i];
        bool is_waiting = member->has_joined || member->sync.connection != NULL;
        if (member->id[0] != '\0' && !is_waiting && member->expires_ns <= now_ns) {
            remove_member(group, member);
        }
    }
    if (group->state == SIM_GROUP_PREPARING && group->round_starts_ns <= now_ns &&
        (have_all_joined(group) || group->round_ends_ns <= now_ns)) {
        complete(group);
    }
    if (group->state == SIM_GROUP_COMPLETING && group->round_ends_ns <= now_ns) {
        for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
            if (is_member(&group->members[i]) && !group->members[i].has_synced) {
                remove_member(group, &group->members[i]);
            }
        }
    }
}

// ---- Requests ----

static bool has_same_metadata(const struct sim_group_member *member,
                              const struct dh_join_group_request *asked)
{
    return dh_bytes_equal(view(&member->metadata), asked->protocols.items[0].metadata);
}

void sim_group_join(struct sim_group *group, struct sim_request *request)
{
    const struct dh_join_group_request *asked = request->message;
    DH_ASSERT(asked->protocols.count >= 1);
    struct sim_group_member *member = find_member(group, asked->member_id);
    if (member == NULL && asked->member_id.size > 0) {
        answer_join_error(&request->token, DH_BROKER_UNKNOWN_MEMBER_ID, "");
        return;
    }
    bool is_new = member == NULL || member->is_pending;
    if (member == NULL) {
        member = add_member(group);
        if (request->token.version >= 4) {
            member->is_pending = true;
            member->session_ns = asked->session_timeout_ms * DH_MS;
            keep_alive(group, member);
            answer_join_error(&request->token, DH_BROKER_MEMBER_ID_REQUIRED, member->id);
            return;
        }
    }
    bool is_same = !is_new && has_same_metadata(member, asked);
    member->is_pending = false;
    member->session_ns = asked->session_timeout_ms * DH_MS;
    member->rebalance_ns = asked->rebalance_timeout_ms * DH_MS;
    snprintf(group->protocol, sizeof(group->protocol), "%.*s",
             (int)asked->protocols.items[0].name.size,
             (const char *)asked->protocols.items[0].name.data);
    copy_blob(&member->metadata, asked->protocols.items[0].metadata);
    member->join = request->token;
    bool is_leader = group->leader >= 0 && member == &group->members[group->leader];
    if (is_same && (group->state == SIM_GROUP_COMPLETING ||
                    (group->state == SIM_GROUP_STABLE && !is_leader))) {
        keep_alive(group, member);
        answer_join(group, member); // nothing has changed for it
        return;
    }
    if (group->state != SIM_GROUP_PREPARING) {
        prepare(group);
    }
    member->has_joined = true;
    if (member->rebalance_ns + group->scheduler->now_ns > group->round_ends_ns &&
        is_new) {
        group->round_ends_ns = member->rebalance_ns + group->scheduler->now_ns;
        sim_at(group->scheduler, group->round_ends_ns, on_time, group, 0);
    }
    advance(group);
}

// The error of a request that names a member and a generation; 0: none.
static int16_t check_member(const struct sim_group_member *member,
                            const struct sim_group *group, int32_t generation)
{
    if (member == NULL || member->is_pending) {
        return DH_BROKER_UNKNOWN_MEMBER_ID;
    }
    return generation == group->generation ? 0 : DH_BROKER_ILLEGAL_GENERATION;
}

static void take_assignments(struct sim_group *group,
                             const struct dh_sync_group_request *asked)
{
    for (int32_t i = 0; i < asked->assignments.count; i++) {
        struct sim_group_member *member =
            find_member(group, asked->assignments.items[i].member_id);
        if (member != NULL) {
            copy_blob(&member->assignment, asked->assignments.items[i].assignment);
        }
    }
    group->state = SIM_GROUP_STABLE;
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
        struct sim_group_member *member = &group->members[i];
        if (member->sync.connection != NULL) {
            keep_alive(group, member);
            answer_sync(&member->sync, 0, view(&member->assignment));
        }
    }
}

void sim_group_sync(struct sim_group *group, struct sim_request *request)
{
    const struct dh_sync_group_request *asked = request->message;
    struct sim_group_member *member = find_member(group, asked->member_id);
    int16_t code = check_member(member, group, asked->generation_id);
    if (code == 0 && group->state == SIM_GROUP_PREPARING) {
        code = DH_BROKER_REBALANCE_IN_PROGRESS;
    }
    if (code != 0) {
        answer_sync(&request->token, code, DH_BYTES(""));
        return;
    }
    keep_alive(group, member);
    if (group->state == SIM_GROUP_STABLE) {
        answer_sync(&request->token, 0, view(&member->assignment));
        return;
    }
    member->has_synced = true;
    member->sync = request->token;
    if (member == &group->members[group->leader]) {
        take_assignments(group, asked);
    }
}

void sim_group_heartbeat(struct sim_group *group, struct sim_request *request)
{
    const struct dh_heartbeat_request *asked = request->message;
    struct sim_group_member *member = find_member(group, asked->member_id);
    struct dh_heartbeat_response response;
    dh_message_init(&dh_heartbeat_response_type, &response);
    response.error_code = check_member(member, group, asked->generation_id);
    if (response.error_code == 0) {
        keep_alive(group, member);
        if (group->state == SIM_GROUP_PREPARING) {
            response.error_code = DH_BROKER_REBALANCE_IN_PROGRESS;
        }
    }
    sim_answer(&request->token, &response);
}

void sim_group_leave(struct sim_group *group, struct sim_request *request)
{
    const struct dh_leave_group_request *asked = request->message;
    struct dh_leave_group_response response;
    struct dh_leave_group_response_member item;
    dh_message_init(&dh_leave_group_response_type, &response);
    dohle_bytes id = asked->member_id;
    if (request->token.version >= 3) {
        DH_ASSERT(asked->members.count == 1);
        id = asked->members.items[0].member_id;
    }
    struct sim_group_member *member = find_member(group, id);
    int16_t code = member == NULL ? DH_BROKER_UNKNOWN_MEMBER_ID : 0;
    if (member != NULL) {
        remove_member(group, member);
    }
    if (request->token.version >= 3) {
        dh_struct_init(&dh_leave_group_response_member_struct, &item);
        item.member_id = id;
        item.error_code = code;
        response.members.items = &item;
        response.members.count = 1;
    } else {
        response.error_code = code;
    }
    sim_answer(&request->token, &response);
    advance(group);
}

int16_t sim_group_check_commit(struct sim_group *group, dohle_bytes member_id,
                               int32_t generation)
{
    if (generation < 0 && sim_group_member_count(group) == 0) {
        return 0;
    }
    struct sim_group_member *member = find_member(group, member_id);
    int16_t code = check_member(member, group, generation);
    if (code != 0) {
        return code;
    }
    if (group->state == SIM_GROUP_COMPLETING) {
        return DH_BROKER_REBALANCE_IN_PROGRESS;
    }
    keep_alive(group, member);
    return 0;
}

void sim_group_move(struct sim_group *group)
{
    for (int i = 0; i < SIM_GROUP_MEMBERS_MAX; i++) {
        struct sim_group_member *member = &group->members[i];
        if (member->join.connection != NULL) {
            answer_join_error(&member->join, DH_BROKER_NOT_COORDINATOR, "");
            member->has_joined = false;
        }
        if (member->sync.connection != NULL) {
            answer_sync(&member->sync, DH_BROKER_NOT_COORDINATOR, DH_BYTES(""));
            member->has_synced = false;
        }
        if (member->id[0] != '\0') {
            keep_alive(group, member);
        }
    }
}
