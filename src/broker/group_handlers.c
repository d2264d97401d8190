// SPDX-License-Identifier: MIT
/*
 * FindCoordinator, and what members of classic groups say: JoinGroup, SyncGroup, Heartbeat,
 * LeaveGroup.
 */
#include <string.h>

#include "base/bytes.h"
#include "broker/faults.h"
#include "broker/groups.h"
#include "broker/handlers.h"
#include "broker/nodes.h"
#include "wire/broker_error.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/sync_group.h"

// ---- FindCoordinator ----

// The first version with several keys.
#define FIND_BATCHED 4

enum key_type {
    KEY_GROUP = 0,
    KEY_TRANSACTION = 1,
    KEY_SHARE = 2,
};

static void set_no_coordinator(struct dh_find_coordinator_response_coordinator *answer,
                               int16_t broker_code, const char *text)
{
    answer->error_code = broker_code;
    answer->error_message = dh_bytes_of(text);
    answer->node_id = -1;
    answer->host = DH_BYTES("");
    answer->port = -1;
}

static void find_one(struct dh_broker_request *request, int8_t key_type, dohle_bytes key,
                     struct dh_find_coordinator_response_coordinator *answer)
{
    struct dh_broker *broker = request->broker;
    answer->key = key;
    int16_t code = dh_broker_faults_code(request, key, DH_BYTES_NULL, -1);
    if (code != 0) {
        set_no_coordinator(answer, code, dh_broker_error_text(code));
        return;
    }
    if (key_type != KEY_GROUP) {
        set_no_coordinator(answer, DH_BROKER_INVALID_REQUEST,
                           "this broker coordinates groups only");
        return;
    }
    const struct dh_broker_partition *partition =
        dh_broker_groups_place(broker, key, &code);
    const struct dh_broker_node *node =
        partition == NULL ? NULL : dh_broker_nodes_find(broker, partition->leader);
    if (node == NULL || node->host[0] == '\0') {
        set_no_coordinator(answer, DH_BROKER_COORDINATOR_NOT_AVAILABLE,
                           "no node leads the partition of that group");
        return;
    }
    answer->node_id = node->id;
    answer->host = dh_bytes_of(node->host);
    answer->port = node->port;
}

// The versions with one key have its answer in the outermost struct.
static void flatten(struct dh_find_coordinator_response *response,
                    const struct dh_find_coordinator_response_coordinator *answer)
{
    response->error_code = answer->error_code;
    response->error_message = answer->error_message;
    response->node_id = answer->node_id;
    response->host = answer->host;
    response->port = answer->port;
}

// An answer with a place for each key. NULL: no memory.
static struct dh_find_coordinator_response *
new_find_response(struct dh_broker_request *request, int32_t count)
{
    struct dh_find_coordinator_response *response = dh_broker_new_response(request);
    struct dh_find_coordinator_response_coordinator *items =
        dh_arena_calloc(&request->arena, (size_t)count, sizeof(*items));
    if (response == NULL || items == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < count; i++) {
        dh_struct_init(&dh_find_coordinator_response_coordinator_struct, &items[i]);
    }
    response->coordinators.items = items;
    response->coordinators.count = count;
    return response;
}

void dh_broker_handle_find_coordinator(struct dh_broker *broker,
                                       struct dh_broker_request *request)
{
    const struct dh_find_coordinator_request *body = request->body;
    bool is_batched = request->version >= FIND_BATCHED;
    int32_t count = is_batched ? body->coordinator_keys.count : 1;
    struct dh_find_coordinator_response *response = new_find_response(request, count);
    (void)broker;
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        find_one(request, body->key_type,
                 is_batched ? body->coordinator_keys.items[i] : body->key,
                 &response->coordinators.items[i]);
    }
    if (!is_batched) {
        flatten(response, &response->coordinators.items[0]);
        response->coordinators.count = 0;
    }
    dh_broker_answer(request, response);
}

void *dh_broker_refuse_find_coordinator(struct dh_broker_request *request,
                                        int16_t broker_code)
{
    const struct dh_find_coordinator_request *body = request->body;
    bool is_batched = request->version >= FIND_BATCHED;
    int32_t count = is_batched ? body->coordinator_keys.count : 1;
    struct dh_find_coordinator_response *response = new_find_response(request, count);
    if (response == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < count; i++) {
        struct dh_find_coordinator_response_coordinator *answer =
            &response->coordinators.items[i];
        answer->key = is_batched ? body->coordinator_keys.items[i] : body->key;
        set_no_coordinator(answer, broker_code, dh_broker_error_text(broker_code));
    }
    if (!is_batched) {
        flatten(response, &response->coordinators.items[0]);
        response->coordinators.count = 0;
    }
    return response;
}

// ---- Members ----

/*
 * The call and its coordinator. NULL: the request was refused or given up. An empty group is
 * refused before anybody asks who coordinates it (GC 4.2).
 */
static struct dh_broker_group_call *begin(struct dh_broker_request *request,
                                          dohle_bytes group,
                                          struct dh_coordinator **coordinator)
{
    int16_t code = DH_BROKER_INVALID_GROUP_ID;
    struct dh_broker_group_call *call = dh_broker_group_call_begin(request);
    if (call == NULL) {
        return NULL;
    }
    *coordinator = NULL;
    if (group.size > 0) {
        *coordinator = dh_broker_group_call_find(call, group, &code);
    }
    if (*coordinator == NULL) {
        dh_broker_answer_refused(request, code);
        return NULL;
    }
    return call;
}

void dh_broker_handle_join_group(struct dh_broker *broker,
                                 struct dh_broker_request *request)
{
    const struct dh_join_group_request *body = request->body;
    struct dh_coordinator *coordinator;
    struct dh_broker_group_call *call = begin(request, body->group_id, &coordinator);
    if (call != NULL) {
        int32_t partition = dh_broker_group_call_partition(call);
        dh_coordinator_join(coordinator, &call->caller, body, broker->clock.now_ns,
                            broker->clock.wall_ms);
        dh_broker_groups_settle(broker, partition);
    }
}

void *dh_broker_refuse_join_group(struct dh_broker_request *request, int16_t broker_code)
{
    const struct dh_join_group_request *body = request->body;
    struct dh_join_group_response *response = dh_broker_new_response(request);
    if (response != NULL) {
        response->error_code = broker_code;
        response->member_id = body->member_id;
    }
    return response;
}

void dh_broker_handle_sync_group(struct dh_broker *broker,
                                 struct dh_broker_request *request)
{
    const struct dh_sync_group_request *body = request->body;
    struct dh_coordinator *coordinator;
    struct dh_broker_group_call *call = begin(request, body->group_id, &coordinator);
    if (call != NULL) {
        int32_t partition = dh_broker_group_call_partition(call);
        dh_coordinator_sync(coordinator, &call->caller, body, broker->clock.now_ns,
                            broker->clock.wall_ms);
        dh_broker_groups_settle(broker, partition);
    }
}

void *dh_broker_refuse_sync_group(struct dh_broker_request *request, int16_t broker_code)
{
    return dh_broker_refuse_whole(request, broker_code);
}

void dh_broker_handle_heartbeat(struct dh_broker *broker,
                                struct dh_broker_request *request)
{
    const struct dh_heartbeat_request *body = request->body;
    struct dh_coordinator *coordinator;
    struct dh_broker_group_call *call = begin(request, body->group_id, &coordinator);
    if (call == NULL) {
        return;
    }
    struct dh_heartbeat_response *response = dh_broker_new_response(request);
    if (response == NULL || dh_coordinator_heartbeat(coordinator, body, response,
                                                     broker->clock.now_ns) != 0) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_group_call_answer_soon(call, response);
}

void *dh_broker_refuse_heartbeat(struct dh_broker_request *request, int16_t broker_code)
{
    return dh_broker_refuse_whole(request, broker_code);
}

void dh_broker_handle_leave_group(struct dh_broker *broker,
                                  struct dh_broker_request *request)
{
    const struct dh_leave_group_request *body = request->body;
    struct dh_coordinator *coordinator;
    struct dh_broker_group_call *call = begin(request, body->group_id, &coordinator);
    if (call == NULL) {
        return;
    }
    struct dh_leave_group_response *response = dh_broker_new_response(request);
    if (response == NULL ||
        dh_coordinator_leave(coordinator, request->version, body, &request->arena,
                             response, broker->clock.now_ns,
                             broker->clock.wall_ms) != 0) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_group_call_answer(call, response);
}

void *dh_broker_refuse_leave_group(struct dh_broker_request *request, int16_t broker_code)
{
    return dh_broker_refuse_whole(request, broker_code);
}
