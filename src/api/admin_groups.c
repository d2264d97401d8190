// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "api/admin_call.h"
#include "base/bytes.h"
#include "client/back/reactions.h"
#include "wire/gen/consumer_group_describe.h"
#include "wire/gen/consumer_protocol.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_fetch.h"

#define GROUP_ID_NOT_FOUND 69

// Up to these versions a request is about one key and one group.
#define FIND_COORDINATOR_VERSION_MAX 3
#define OFFSET_FETCH_VERSION_MAX     7

static const char dead[] = "Dead";

// ---- List ----

struct listing {
    dohle_group_listing *groups;
    size_t count;
};

static int compare_listings(const void *a_pointer, const void *b_pointer)
{
    const dohle_group_listing *a = a_pointer;
    const dohle_group_listing *b = b_pointer;
    return strcmp(a->group_id, b->group_id);
}

static const char *copy_or_empty(void *result, dohle_bytes text, int *err)
{
    const char *copy = dh_admin_copy(result, text, err);
    return copy == NULL ? "" : copy;
}

// Appends one broker's groups. Returns 0 or NO_MEMORY.
static int append_groups(dohle_groups *result, struct listing *listing, int32_t node_id,
                         const struct dh_list_groups_response *response)
{
    size_t count = response->groups.count > 0 ? (size_t)response->groups.count : 0;
    dohle_group_listing *grown = dh_arena_calloc(dh_admin_result_arena(result),
                                                 listing->count + count, sizeof(*grown));
    if (grown == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (listing->count > 0) {
        memcpy(grown, listing->groups, listing->count * sizeof(*grown));
    }
    listing->groups = grown;
    int err = 0;
    for (size_t i = 0; i < count && err == 0; i++) {
        const struct dh_list_groups_response_group *from = &response->groups.items[i];
        listing->groups[listing->count++] = (dohle_group_listing){
            .group_id = copy_or_empty(result, from->group_id, &err),
            .state = copy_or_empty(result, from->group_state, &err),
            .type = copy_or_empty(result, from->group_type, &err),
            .protocol_type = copy_or_empty(result, from->protocol_type, &err),
            .coordinator = node_id,
        };
    }
    return err;
}

// Asks one broker until it has answered. NULL: failed, the last error is set.
static struct dh_admin_call *ask_groups(dohle_admin *admin, int32_t node_id)
{
    for (;;) {
        struct dh_admin_call *call = dh_admin_call(admin, node_id, DH_API_LIST_GROUPS);
        if (call == NULL) {
            return NULL;
        }
        int err = DOHLE_ERR_NO_MEMORY;
        bool may_retry = false;
        if (dh_admin_request(admin, call) != NULL) {
            err = dh_admin_ask(admin, call);
            may_retry = dh_admin_is_passing(err);
        }
        if (err == 0) {
            const struct dh_list_groups_response *response = call->response;
            if (response->error_code == 0) {
                return call;
            }
            may_retry =
                dh_admin_is_passing_code(DH_API_LIST_GROUPS, response->error_code);
            dh_admin_fail_broker(admin, response->error_code, "the list of groups",
                                 DH_BYTES_NULL);
        }
        dh_admin_drop(admin, call);
        if (!may_retry || !dh_admin_retry(admin)) {
            return NULL;
        }
    }
}

int dohle_admin_list_groups(dohle_admin *admin, int64_t timeout_ms, dohle_groups **groups)
{
    *groups = NULL;
    int err = dh_admin_begin(admin, timeout_ms);
    if (err != 0) {
        return err;
    }
    struct dh_admin_call *metadata = dh_admin_metadata(admin, NULL);
    if (metadata == NULL) {
        return admin->error.code;
    }
    dohle_groups *result = dh_admin_result_new(admin, sizeof(*result));
    struct listing listing = {.count = 0};
    err = result == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    const struct dh_metadata_response *brokers = metadata->response;
    for (int32_t i = 0; i < brokers->brokers.count && err == 0; i++) {
        int32_t node_id = brokers->brokers.items[i].node_id;
        struct dh_admin_call *call = ask_groups(admin, node_id);
        if (call == NULL) {
            err = admin->error.code;
            break;
        }
        err = append_groups(result, &listing, node_id, call->response);
        if (err != 0) {
            dh_admin_fail(admin, err, 0, NULL);
        }
        dh_admin_drop(admin, call);
    }
    dh_admin_drop(admin, metadata);
    if (err != 0) {
        dohle_admin_result_free(result);
        return err;
    }
    if (listing.count > 0) {
        qsort(listing.groups, listing.count, sizeof(*listing.groups), compare_listings);
    }
    result->groups = listing.groups;
    result->count = listing.count;
    *groups = result;
    return dh_admin_begin(admin, 0);
}

// ---- Describe: what a coordinator is asked ----

/*
 * One question to the coordinator of a group, asked again until it is answered or the
 * time is over. The parts differ by question.
 */
struct question {
    dohle_admin *admin;
    const char *group_id;
    int16_t api_key;
    int16_t version_max;
    // Fills the request in. Returns 0 or NO_MEMORY.
    int (*fill)(const struct question *question, struct dh_admin_call *call,
                void *request);
    // The answer's error code.
    int16_t (*code)(const void *response);
};

// The coordinator's node id, or DH_NODE_NONE with the last error set. *may_retry then
// says whether asking again may help.
static int32_t find_coordinator(dohle_admin *admin, const char *group_id, bool *may_retry)
{
    *may_retry = false;
    struct dh_admin_call *call =
        dh_admin_call(admin, DH_NODE_ANY, DH_API_FIND_COORDINATOR);
    if (call == NULL) {
        return DH_NODE_NONE;
    }
    call->version_max = FIND_COORDINATOR_VERSION_MAX;
    int32_t node_id = DH_NODE_NONE;
    struct dh_find_coordinator_request *request = dh_admin_request(admin, call);
    if (request != NULL) {
        request->key = dh_bytes_of(group_id);
        int err = dh_admin_ask(admin, call);
        *may_retry = dh_admin_is_passing(err);
        if (err == 0) {
            const struct dh_find_coordinator_response *response = call->response;
            if (response->error_code == 0) {
                node_id = response->node_id;
            } else {
                *may_retry = dh_admin_is_passing_code(DH_API_FIND_COORDINATOR,
                                                      response->error_code);
                dh_admin_fail_broker(admin, response->error_code, group_id,
                                     response->error_message);
            }
        }
    }
    dh_admin_drop(admin, call);
    return node_id;
}

// One try. NULL: failed; *may_retry says whether trying again may help.
static struct dh_admin_call *try_question(const struct question *question,
                                          bool *may_retry)
{
    dohle_admin *admin = question->admin;
    int32_t node_id = find_coordinator(admin, question->group_id, may_retry);
    if (node_id == DH_NODE_NONE) {
        return NULL;
    }
    *may_retry = false;
    struct dh_admin_call *call = dh_admin_call(admin, node_id, question->api_key);
    if (call == NULL) {
        return NULL;
    }
    call->version_max = question->version_max;
    void *request = dh_admin_request(admin, call);
    if (request == NULL || question->fill(question, call, request) != 0) {
        dh_admin_fail(admin, DOHLE_ERR_NO_MEMORY, 0, NULL);
        dh_admin_drop(admin, call);
        return NULL;
    }
    int err = dh_admin_ask(admin, call);
    if (err == 0) {
        int16_t code = question->code(call->response);
        if (code == 0 || code == GROUP_ID_NOT_FOUND) {
            return call;
        }
        *may_retry = dh_admin_is_passing_code(question->api_key, code);
        dh_admin_fail_broker(admin, code, question->group_id, DH_BYTES_NULL);
    } else {
        *may_retry = dh_admin_is_passing(err);
    }
    dh_admin_drop(admin, call);
    return NULL;
}

static struct dh_admin_call *ask(const struct question *question)
{
    for (;;) {
        bool may_retry;
        struct dh_admin_call *call = try_question(question, &may_retry);
        if (call != NULL || !may_retry || !dh_admin_retry(question->admin)) {
            return call;
        }
    }
}

// A request's list of groups, which is the one in question.
static int list_group(const struct question *question, struct dh_admin_call *call,
                      dohle_bytes **groups, int32_t *count)
{
    dohle_bytes *group = dh_arena_alloc(&call->arena, sizeof(*group));
    if (group == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    *group = dh_bytes_of(question->group_id);
    *groups = group;
    *count = 1;
    return 0;
}

static int fill_describe(const struct question *question, struct dh_admin_call *call,
                         void *request)
{
    struct dh_describe_groups_request *describe = request;
    return list_group(question, call, &describe->groups.items, &describe->groups.count);
}

static int16_t code_of_describe(const void *response)
{
    const struct dh_describe_groups_response *describe = response;
    return describe->groups.count == 1 ? describe->groups.items[0].error_code
                                       : DH_BROKER_UNKNOWN_SERVER_ERROR;
}

static int fill_describe_new(const struct question *question, struct dh_admin_call *call,
                             void *request)
{
    struct dh_consumer_group_describe_request *describe = request;
    return list_group(question, call, &describe->group_ids.items,
                      &describe->group_ids.count);
}

static int16_t code_of_describe_new(const void *response)
{
    const struct dh_consumer_group_describe_response *describe = response;
    return describe->groups.count == 1 ? describe->groups.items[0].error_code
                                       : DH_BROKER_UNKNOWN_SERVER_ERROR;
}

static int fill_offsets(const struct question *question, struct dh_admin_call *call,
                        void *request)
{
    (void)call;
    struct dh_offset_fetch_request *fetch = request;
    fetch->group_id = dh_bytes_of(question->group_id);
    fetch->topics.count = -1; // all that have an offset
    return 0;
}

static int16_t code_of_offsets(const void *response)
{
    return ((const struct dh_offset_fetch_response *)response)->error_code;
}

// ---- Describe: what comes of it ----

static int compare_partitions(const void *a_pointer, const void *b_pointer)
{
    const dohle_topic_partition *a = a_pointer;
    const dohle_topic_partition *b = b_pointer;
    int order = strcmp(a->topic, b->topic);
    return order != 0 ? order
                      : (a->partition > b->partition) - (a->partition < b->partition);
}

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const dohle_member_description *)a)->member_id,
                  ((const dohle_member_description *)b)->member_id);
}

static int compare_offsets(const void *a_pointer, const void *b_pointer)
{
    const dohle_offset *a = a_pointer;
    const dohle_offset *b = b_pointer;
    int order = strcmp(a->topic, b->topic);
    return order != 0 ? order
                      : (a->partition > b->partition) - (a->partition < b->partition);
}

// Room for a member's partitions. NULL: no memory.
static dohle_topic_partition *new_partitions(void *result, size_t count)
{
    return dh_arena_calloc(dh_admin_result_arena(result), count,
                           sizeof(dohle_topic_partition));
}

/*
 * Decodes what a member of the classic protocol owns: a version, then the assignment.
 * Bytes that make no sense mean that nothing is known, not that the call fails.
 */
static void take_assignment(void *result, dohle_bytes blob,
                            dohle_member_description *member, struct dh_arena *scratch,
                            int *err)
{
    struct dh_reader reader;
    dh_reader_init(&reader, blob);
    int16_t version = dh_read_int16(&reader);
    const struct dh_message_type *type = &dh_consumer_protocol_assignment_type;
    if (reader.err != 0 || version < 0) {
        return;
    }
    if (version > type->versions.max) {
        version = type->versions.max; // newer ones only add behind what we know
    }
    struct dh_consumer_protocol_assignment assignment;
    if (dh_message_decode(type, version, &reader, scratch, &assignment) != 0) {
        return;
    }
    size_t count = 0;
    for (int32_t i = 0; i < assignment.assigned_partitions.count; i++) {
        count += (size_t)assignment.assigned_partitions.items[i].partitions.count;
    }
    dohle_topic_partition *partitions = new_partitions(result, count);
    if (partitions == NULL) {
        *err = DOHLE_ERR_NO_MEMORY;
        return;
    }
    size_t used = 0;
    for (int32_t i = 0; i < assignment.assigned_partitions.count; i++) {
        const struct dh_consumer_protocol_assignment_assigned_partition *topic =
            &assignment.assigned_partitions.items[i];
        const char *name = copy_or_empty(result, topic->topic, err);
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            partitions[used++] =
                (dohle_topic_partition){name, topic->partitions.items[j]};
        }
    }
    qsort(partitions, used, sizeof(*partitions), compare_partitions);
    member->partitions = partitions;
    member->partition_count = used;
}

static int take_classic(dohle_group_description *group, struct dh_admin_call *call)
{
    const struct dh_describe_groups_response *response = call->response;
    const struct dh_describe_groups_response_group *from = &response->groups.items[0];
    int err = 0;
    group->type = "classic";
    group->coordinator = call->answered_by;
    group->state = copy_or_empty(group, from->group_state, &err);
    group->assignor = copy_or_empty(group, from->protocol_data, &err);
    size_t count = from->members.count > 0 ? (size_t)from->members.count : 0;
    dohle_member_description *members =
        dh_arena_calloc(dh_admin_result_arena(group), count, sizeof(*members));
    if (members == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dh_describe_groups_response_group_member *member =
            &from->members.items[i];
        members[i].member_id = copy_or_empty(group, member->member_id, &err);
        members[i].instance_id = dh_admin_copy(group, member->group_instance_id, &err);
        members[i].client_id = copy_or_empty(group, member->client_id, &err);
        members[i].host = copy_or_empty(group, member->client_host, &err);
        take_assignment(group, member->member_assignment, &members[i], &call->arena,
                        &err);
    }
    if (err == 0) {
        qsort(members, count, sizeof(*members), compare_members);
    }
    group->members = members;
    group->member_count = count;
    return err;
}

static void take_new_assignment(
    void *result, const struct dh_consumer_group_describe_response_assignment *assignment,
    dohle_member_description *member, int *err)
{
    size_t count = 0;
    for (int32_t i = 0; i < assignment->topic_partitions.count; i++) {
        count += (size_t)assignment->topic_partitions.items[i].partitions.count;
    }
    dohle_topic_partition *partitions = new_partitions(result, count);
    if (partitions == NULL) {
        *err = DOHLE_ERR_NO_MEMORY;
        return;
    }
    size_t used = 0;
    for (int32_t i = 0; i < assignment->topic_partitions.count; i++) {
        const struct dh_consumer_group_describe_response_assignment_topic_partition
            *topic = &assignment->topic_partitions.items[i];
        const char *name = copy_or_empty(result, topic->topic_name, err);
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            partitions[used++] =
                (dohle_topic_partition){name, topic->partitions.items[j]};
        }
    }
    qsort(partitions, used, sizeof(*partitions), compare_partitions);
    member->partitions = partitions;
    member->partition_count = used;
}

static int take_new(dohle_group_description *group, const struct dh_admin_call *call)
{
    const struct dh_consumer_group_describe_response *response = call->response;
    const struct dh_consumer_group_describe_response_group *from =
        &response->groups.items[0];
    int err = 0;
    group->type = "consumer";
    group->coordinator = call->answered_by;
    group->state = copy_or_empty(group, from->group_state, &err);
    group->assignor = copy_or_empty(group, from->assignor_name, &err);
    size_t count = from->members.count > 0 ? (size_t)from->members.count : 0;
    dohle_member_description *members =
        dh_arena_calloc(dh_admin_result_arena(group), count, sizeof(*members));
    if (members == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dh_consumer_group_describe_response_group_member *member =
            &from->members.items[i];
        members[i].member_id = copy_or_empty(group, member->member_id, &err);
        members[i].instance_id = dh_admin_copy(group, member->instance_id, &err);
        members[i].client_id = copy_or_empty(group, member->client_id, &err);
        members[i].host = copy_or_empty(group, member->client_host, &err);
        take_new_assignment(group, &member->assignment, &members[i], &err);
    }
    if (err == 0) {
        qsort(members, count, sizeof(*members), compare_members);
    }
    group->members = members;
    group->member_count = count;
    return err;
}

static int take_offsets(dohle_group_description *group,
                        const struct dh_offset_fetch_response *response)
{
    size_t count = 0;
    for (int32_t i = 0; i < response->topics.count; i++) {
        count += (size_t)response->topics.items[i].partitions.count;
    }
    dohle_offset *offsets =
        dh_arena_calloc(dh_admin_result_arena(group), count, sizeof(*offsets));
    if (offsets == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = 0;
    size_t used = 0;
    for (int32_t i = 0; i < response->topics.count; i++) {
        const struct dh_offset_fetch_response_topic *topic = &response->topics.items[i];
        const char *name = copy_or_empty(group, topic->name, &err);
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_offset_fetch_response_topic_partition *partition =
                &topic->partitions.items[j];
            if (partition->error_code != 0 || partition->committed_offset < 0) {
                continue;
            }
            const char *metadata = dh_admin_copy(group, partition->metadata, &err);
            offsets[used++] = (dohle_offset){
                .topic = name,
                .partition = partition->partition_index,
                .offset = partition->committed_offset,
                .leader_epoch = partition->committed_leader_epoch,
                .metadata = {(const uint8_t *)metadata, partition->metadata.size},
            };
        }
    }
    qsort(offsets, used, sizeof(*offsets), compare_offsets);
    group->offsets = offsets;
    group->offset_count = used;
    return err;
}

// State and members, by whichever protocol the group speaks.
static int describe_members(dohle_admin *admin, dohle_group_description *group)
{
    struct question classic = {
        .admin = admin,
        .group_id = group->group_id,
        .api_key = DH_API_DESCRIBE_GROUPS,
        .version_max = INT16_MAX,
        .fill = fill_describe,
        .code = code_of_describe,
    };
    struct dh_admin_call *call = ask(&classic);
    if (call == NULL) {
        return admin->error.code;
    }
    bool is_unknown = code_of_describe(call->response) == GROUP_ID_NOT_FOUND;
    int err = is_unknown ? 0 : take_classic(group, call);
    dh_admin_drop(admin, call);
    if (err != 0 || (!is_unknown && strcmp(group->state, dead) != 0)) {
        return err;
    }
    // Not a group of the classic protocol; perhaps one of the new one.
    group->state = dead;
    group->type = "classic";
    group->assignor = "";
    struct question consumer = {
        .admin = admin,
        .group_id = group->group_id,
        .api_key = DH_API_CONSUMER_GROUP_DESCRIBE,
        .version_max = INT16_MAX,
        .fill = fill_describe_new,
        .code = code_of_describe_new,
    };
    call = ask(&consumer);
    if (call == NULL) {
        // Brokers that do not know the new protocol have no such group.
        return admin->error.code == DOHLE_ERR_UNSUPPORTED_VERSION ? 0 : admin->error.code;
    }
    if (code_of_describe_new(call->response) == 0) {
        err = take_new(group, call);
    }
    dh_admin_drop(admin, call);
    return err;
}

static int describe_offsets(dohle_admin *admin, dohle_group_description *group)
{
    struct question question = {
        .admin = admin,
        .group_id = group->group_id,
        .api_key = DH_API_OFFSET_FETCH,
        .version_max = OFFSET_FETCH_VERSION_MAX,
        .fill = fill_offsets,
        .code = code_of_offsets,
    };
    struct dh_admin_call *call = ask(&question);
    if (call == NULL) {
        return admin->error.code;
    }
    group->coordinator = call->answered_by;
    int err = take_offsets(group, call->response);
    dh_admin_drop(admin, call);
    return err;
}

int dohle_admin_describe_group(dohle_admin *admin, const char *group_id,
                               int64_t timeout_ms, dohle_group_description **group)
{
    *group = NULL;
    int err = dh_admin_begin(admin, timeout_ms);
    if (err != 0) {
        return err;
    }
    if (group_id == NULL || group_id[0] == '\0') {
        return dh_admin_fail(admin, DOHLE_ERR_INVALID_ARGUMENT, 0, "no group is named");
    }
    dohle_group_description *result = dh_admin_result_new(admin, sizeof(*result));
    if (result == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    result->coordinator = -1;
    result->group_id = dh_admin_copy(result, dh_bytes_of(group_id), &err);
    if (err == 0) {
        err = describe_members(admin, result);
    }
    if (err == 0) {
        err = describe_offsets(admin, result);
    }
    if (err != 0) {
        dohle_admin_result_free(result);
        return err == DOHLE_ERR_NO_MEMORY ? dh_admin_fail(admin, err, 0, NULL) : err;
    }
    *group = result;
    return dh_admin_begin(admin, 0);
}
