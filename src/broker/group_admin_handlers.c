// SPDX-License-Identifier: MIT
// DescribeGroups, ListGroups, DeleteGroups.
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/strings.h"
#include "broker/faults.h"
#include "broker/groups.h"
#include "broker/handlers.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/delete_groups.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/list_groups.h"

/*
 * Everything that may be done to a group, as bits of AclOperation: read 3, delete 6, describe 8,
 * describe configs 10, alter configs 11. There are no rules here that would forbid any.
 */
#define GROUP_OPERATIONS (1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11)

// ---- DescribeGroups ----

static struct dh_describe_groups_response *
new_describe_response(struct dh_broker_request *request)
{
    const struct dh_describe_groups_request *body = request->body;
    struct dh_describe_groups_response *response = dh_broker_new_response(request);
    int32_t count = body->groups.count;
    struct dh_describe_groups_response_group *items =
        dh_arena_calloc(&request->arena, (size_t)count, sizeof(*items));
    if (response == NULL || items == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < count; i++) {
        dh_struct_init(&dh_describe_groups_response_group_struct, &items[i]);
        items[i].group_id = body->groups.items[i];
    }
    response->groups.items = items;
    response->groups.count = count;
    return response;
}

static int describe_one(struct dh_broker_group_call *call,
                        struct dh_describe_groups_response_group *group)
{
    struct dh_broker_request *request = call->request;
    const struct dh_describe_groups_request *body = request->body;
    dohle_bytes group_id = group->group_id;
    int16_t code = dh_broker_faults_code(request, group_id, DH_BYTES_NULL, -1);
    const struct dh_coordinator *coordinator =
        code != 0 ? NULL : dh_broker_group_call_find(call, group_id, &code);
    if (coordinator == NULL) {
        group->error_code = code;
        return 0;
    }
    int err = dh_coordinator_describe(coordinator, request->version, group_id,
                                      &request->arena, group);
    if (err == 0 && group->error_code == 0 && body->include_authorized_operations) {
        group->authorized_operations = GROUP_OPERATIONS;
    }
    return err;
}

void dh_broker_handle_describe_groups(struct dh_broker *broker,
                                      struct dh_broker_request *request)
{
    struct dh_broker_group_call *call = dh_broker_group_call_begin(request);
    (void)broker;
    if (call == NULL) {
        return;
    }
    struct dh_describe_groups_response *response = new_describe_response(request);
    int err = response == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    for (int32_t i = 0; err == 0 && i < response->groups.count; i++) {
        err = describe_one(call, &response->groups.items[i]);
    }
    if (err != 0) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_group_call_answer(call, response);
}

void *dh_broker_refuse_describe_groups(struct dh_broker_request *request,
                                       int16_t broker_code)
{
    struct dh_describe_groups_response *response = new_describe_response(request);
    for (int32_t i = 0; response != NULL && i < response->groups.count; i++) {
        response->groups.items[i].error_code = broker_code;
    }
    return response;
}

// ---- ListGroups ----

// No words: everything is wanted.
static bool is_wanted(const dohle_bytes *words, int32_t count, dohle_bytes text)
{
    for (int32_t i = 0; i < count; i++) {
        if (dh_equal_ignoring_case(words[i], text)) {
            return true;
        }
    }
    return count <= 0;
}

struct listing {
    struct dh_list_groups_response_group *items;
    size_t count;
    size_t capacity;
};

static int list_some(struct dh_broker_request *request,
                     const struct dh_coordinator *coordinator, struct listing *listing)
{
    const struct dh_list_groups_request *body = request->body;
    struct dh_list_groups_response_group *groups;
    size_t count;
    int err = dh_coordinator_list(coordinator, &request->arena, &groups, &count);
    if (err != 0) {
        return err;
    }
    if (listing->capacity - listing->count < count) {
        size_t capacity = 2 * (listing->count + count);
        struct dh_list_groups_response_group *grown =
            dh_arena_calloc(&request->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        if (listing->count > 0) {
            memcpy(grown, listing->items, listing->count * sizeof(*grown));
        }
        listing->items = grown;
        listing->capacity = capacity;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_wanted(body->states_filter.items, body->states_filter.count,
                      groups[i].group_state) &&
            is_wanted(body->types_filter.items, body->types_filter.count,
                      groups[i].group_type)) {
            listing->items[listing->count++] = groups[i];
        }
    }
    return 0;
}

void dh_broker_handle_list_groups(struct dh_broker *broker,
                                  struct dh_broker_request *request)
{
    struct dh_broker_group_call *call = dh_broker_group_call_begin(request);
    (void)broker;
    if (call == NULL) {
        return;
    }
    struct dh_list_groups_response *response = dh_broker_new_response(request);
    struct listing listing = {.items = NULL};
    int err = response == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    int32_t partition = -1;
    const struct dh_coordinator *coordinator;
    while (err == 0 &&
           (coordinator = dh_broker_group_call_next(call, &partition)) != NULL) {
        err = list_some(request, coordinator, &listing);
    }
    if (err != 0) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    response->groups.items = listing.items;
    response->groups.count = (int32_t)listing.count;
    dh_broker_group_call_answer(call, response);
}

void *dh_broker_refuse_list_groups(struct dh_broker_request *request, int16_t broker_code)
{
    return dh_broker_refuse_whole(request, broker_code);
}

// ---- DeleteGroups ----

static struct dh_delete_groups_response *
new_delete_response(struct dh_broker_request *request)
{
    const struct dh_delete_groups_request *body = request->body;
    struct dh_delete_groups_response *response = dh_broker_new_response(request);
    int32_t count = body->groups_names.count;
    struct dh_delete_groups_response_result *items =
        dh_arena_calloc(&request->arena, (size_t)count, sizeof(*items));
    if (response == NULL || items == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < count; i++) {
        dh_struct_init(&dh_delete_groups_response_result_struct, &items[i]);
        items[i].group_id = body->groups_names.items[i];
    }
    response->results.items = items;
    response->results.count = count;
    return response;
}

static int16_t delete_one(struct dh_broker_group_call *call, dohle_bytes group)
{
    int16_t code = dh_broker_faults_code(call->request, group, DH_BYTES_NULL, -1);
    if (code != 0) {
        return code;
    }
    if (group.size == 0) {
        return DH_BROKER_INVALID_GROUP_ID;
    }
    struct dh_coordinator *coordinator = dh_broker_group_call_find(call, group, &code);
    return coordinator == NULL
               ? code
               : dh_coordinator_delete_group(coordinator, group,
                                             call->request->broker->clock.wall_ms);
}

void dh_broker_handle_delete_groups(struct dh_broker *broker,
                                    struct dh_broker_request *request)
{
    struct dh_broker_group_call *call = dh_broker_group_call_begin(request);
    (void)broker;
    if (call == NULL) {
        return;
    }
    struct dh_delete_groups_response *response = new_delete_response(request);
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    for (int32_t i = 0; i < response->results.count; i++) {
        struct dh_delete_groups_response_result *result = &response->results.items[i];
        result->error_code = delete_one(call, result->group_id);
    }
    dh_broker_group_call_answer(call, response);
}

void *dh_broker_refuse_delete_groups(struct dh_broker_request *request,
                                     int16_t broker_code)
{
    struct dh_delete_groups_response *response = new_delete_response(request);
    for (int32_t i = 0; response != NULL && i < response->results.count; i++) {
        response->results.items[i].error_code = broker_code;
    }
    return response;
}
