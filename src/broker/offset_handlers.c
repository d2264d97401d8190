// SPDX-License-Identifier: MIT
/*
 * OffsetCommit, OffsetFetch, OffsetDelete: what is asked about topics and partitions is answered
 * here, what is asked about groups by their coordinator.
 */
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "broker/faults.h"
#include "broker/groups.h"
#include "broker/handlers.h"
#include "broker/topics.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/offset_fetch.h"

// The first version of OffsetCommit and OffsetFetch with ids of topics instead of names.
#define VERSION_WITH_IDS 10
// The first versions of OffsetFetch with several groups, and with one code for all of it.
#define FETCH_BATCHED   8
#define FETCH_WITH_CODE 2

// 0, or the code of a partition that cannot be committed to.
static int16_t code_of_place(struct dh_broker_request *request, dohle_bytes group,
                             const struct dh_broker_topic *topic, dohle_bytes name,
                             int32_t partition)
{
    int16_t code = dh_broker_faults_code(
        request, group, topic == NULL ? name : dh_bytes_of(topic->name), partition);
    if (code != 0) {
        return code;
    }
    if (topic == NULL && request->version >= VERSION_WITH_IDS) {
        return DH_BROKER_UNKNOWN_TOPIC_ID;
    }
    if (topic == NULL || partition < 0 || partition >= topic->partition_count) {
        return DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    return 0;
}

static void give_up(struct dh_broker_request *request)
{
    dh_broker_give_up(request, "no memory for the answer");
}

// ---- OffsetCommit ----

// What goes on to the coordinator, and where its codes belong.
struct commit {
    struct dh_offset_commit_request body;
    int16_t **codes; // of the partitions that go on, in their order
    size_t count;
};

static struct dh_offset_commit_response *
new_commit_response(struct dh_broker_request *request)
{
    const struct dh_offset_commit_request *body = request->body;
    struct dh_offset_commit_response *response = dh_broker_new_response(request);
    size_t count = (size_t)body->topics.count;
    struct dh_offset_commit_response_topic *topics =
        dh_arena_calloc(&request->arena, count, sizeof(*topics));
    if (response == NULL || topics == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dh_offset_commit_request_topic *asked = &body->topics.items[i];
        dh_struct_init(&dh_offset_commit_response_topic_struct, &topics[i]);
        topics[i].name = asked->name;
        topics[i].topic_id = asked->topic_id;
        topics[i].partitions.count = asked->partitions.count;
        topics[i].partitions.items =
            dh_arena_calloc(&request->arena, (size_t)asked->partitions.count,
                            sizeof(*topics[i].partitions.items));
        if (topics[i].partitions.items == NULL) {
            return NULL;
        }
        for (int32_t j = 0; j < asked->partitions.count; j++) {
            topics[i].partitions.items[j].partition_index =
                asked->partitions.items[j].partition_index;
        }
    }
    response->topics.items = topics;
    response->topics.count = body->topics.count;
    return response;
}

static struct dh_broker_topic *
find_commit_topic(const struct dh_broker_request *request,
                  const struct dh_offset_commit_request_topic *asked)
{
    return request->version >= VERSION_WITH_IDS
               ? dh_broker_topics_find_id(request->broker, &asked->topic_id)
               : dh_broker_topics_find(request->broker, asked->name);
}

// One topic: its partitions that exist go on to the coordinator. False: no memory.
static bool pass_commit_topic(struct dh_broker_request *request, struct commit *commit,
                              const struct dh_offset_commit_request_topic *asked,
                              struct dh_offset_commit_response_topic *answer)
{
    const struct dh_broker_topic *topic = find_commit_topic(request, asked);
    struct dh_offset_commit_request_topic *passed =
        &commit->body.topics.items[commit->body.topics.count];
    *passed = *asked;
    passed->partitions.count = 0;
    passed->partitions.items =
        dh_arena_calloc(&request->arena, (size_t)asked->partitions.count,
                        sizeof(*passed->partitions.items));
    if (passed->partitions.items == NULL) {
        return false;
    }
    for (int32_t i = 0; i < asked->partitions.count; i++) {
        int16_t *code = &answer->partitions.items[i].error_code;
        *code = code_of_place(request, commit->body.group_id, topic, asked->name,
                              asked->partitions.items[i].partition_index);
        if (*code == 0) {
            passed->partitions.items[passed->partitions.count++] =
                asked->partitions.items[i];
            commit->codes[commit->count++] = code;
        }
    }
    if (passed->partitions.count > 0) {
        passed->name = dh_bytes_of(topic->name);
        passed->topic_id = topic->id;
        commit->body.topics.count++;
    }
    return true;
}

// False: no memory.
static bool pass_commit(struct dh_broker_request *request, struct commit *commit,
                        struct dh_offset_commit_response *response)
{
    const struct dh_offset_commit_request *body = request->body;
    size_t partition_count = 0;
    for (int32_t i = 0; i < body->topics.count; i++) {
        partition_count += (size_t)body->topics.items[i].partitions.count;
    }
    commit->body = *body;
    commit->body.topics.count = 0;
    commit->body.topics.items = dh_arena_calloc(
        &request->arena, (size_t)body->topics.count, sizeof(*commit->body.topics.items));
    commit->codes =
        dh_arena_calloc(&request->arena, partition_count, sizeof(*commit->codes));
    if (commit->body.topics.items == NULL || commit->codes == NULL) {
        return false;
    }
    for (int32_t i = 0; i < body->topics.count; i++) {
        if (!pass_commit_topic(request, commit, &body->topics.items[i],
                               &response->topics.items[i])) {
            return false;
        }
    }
    return true;
}

// Puts the coordinator's codes where they belong. It answers all, in the same order.
static void take_commit_codes(const struct commit *commit,
                              const struct dh_offset_commit_response *answered)
{
    size_t at = 0;
    for (int32_t i = 0; i < answered->topics.count; i++) {
        const struct dh_offset_commit_response_topic *topic = &answered->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            DH_ASSERT(at < commit->count);
            *commit->codes[at++] = topic->partitions.items[j].error_code;
        }
    }
    DH_ASSERT(at == commit->count);
}

void dh_broker_handle_offset_commit(struct dh_broker *broker,
                                    struct dh_broker_request *request)
{
    const struct dh_offset_commit_request *body = request->body;
    struct dh_broker_group_call *call = dh_broker_group_call_begin(request);
    if (call == NULL) {
        return;
    }
    int16_t code;
    struct dh_coordinator *coordinator =
        dh_broker_group_call_find(call, body->group_id, &code);
    if (coordinator == NULL) {
        dh_broker_answer_refused(request, code);
        return;
    }
    struct commit commit = {.count = 0};
    struct dh_offset_commit_response *response = new_commit_response(request);
    if (response == NULL || !pass_commit(request, &commit, response)) {
        give_up(request);
        return;
    }
    if (commit.count > 0) {
        struct dh_offset_commit_response answered;
        dh_message_init(&dh_offset_commit_response_type, &answered);
        if (dh_coordinator_commit(coordinator, request->version, &commit.body,
                                  &request->arena, &answered, broker->clock.now_ns,
                                  broker->clock.wall_ms) != 0) {
            give_up(request);
            return;
        }
        take_commit_codes(&commit, &answered);
    }
    dh_broker_group_call_answer(call, response);
}

void *dh_broker_refuse_offset_commit(struct dh_broker_request *request,
                                     int16_t broker_code)
{
    struct dh_offset_commit_response *response = new_commit_response(request);
    for (int32_t i = 0; response != NULL && i < response->topics.count; i++) {
        struct dh_offset_commit_response_topic *topic = &response->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            topic->partitions.items[j].error_code = broker_code;
        }
    }
    return response;
}

// ---- OffsetFetch ----

static void set_committed(struct dh_offset_fetch_response_group_topic_partition *answer,
                          const struct dh_committed *committed)
{
    answer->partition_index = committed->partition;
    answer->committed_offset = committed->offset;
    answer->committed_leader_epoch = committed->leader_epoch;
    answer->metadata = committed->metadata;
    if (answer->metadata.data == NULL) {
        answer->metadata = DH_BYTES("");
    }
}

// As it is where nothing was committed.
static struct dh_committed not_committed(int32_t partition)
{
    return (struct dh_committed){
        .partition = partition, .offset = -1, .leader_epoch = -1};
}

// The partitions of one topic that was asked for. False: no memory.
static bool fetch_topic(struct dh_broker_request *request,
                        const struct dh_coordinator *coordinator, dohle_bytes group,
                        const struct dh_offset_fetch_request_group_topic *asked,
                        struct dh_offset_fetch_response_group_topic *answer)
{
    dohle_bytes name = asked->name;
    bool is_unknown = false;
    if (request->version >= VERSION_WITH_IDS) {
        const struct dh_broker_topic *topic =
            dh_broker_topics_find_id(request->broker, &asked->topic_id);
        is_unknown = topic == NULL;
        name = topic == NULL ? DH_BYTES("") : dh_bytes_of(topic->name);
    }
    int32_t count = asked->partition_indexes.count;
    dh_struct_init(&dh_offset_fetch_response_group_topic_struct, answer);
    answer->name = name;
    answer->topic_id = asked->topic_id;
    answer->partitions.items = dh_arena_calloc(&request->arena, (size_t)count,
                                               sizeof(*answer->partitions.items));
    if (answer->partitions.items == NULL) {
        return false;
    }
    answer->partitions.count = count;
    for (int32_t i = 0; i < count; i++) {
        struct dh_offset_fetch_response_group_topic_partition *row =
            &answer->partitions.items[i];
        int32_t partition = asked->partition_indexes.items[i];
        int16_t code = dh_broker_faults_code(request, group, name, partition);
        if (code == 0 && is_unknown) {
            code = DH_BROKER_UNKNOWN_TOPIC_ID;
        }
        struct dh_committed committed =
            code != 0 ? not_committed(partition)
                      : dh_coordinator_committed(coordinator, group, name, partition);
        set_committed(row, &committed);
        row->partition_index = partition;
        row->error_code = code;
    }
    return true;
}

static bool is_same_topic(const struct dh_committed *a, const struct dh_committed *b)
{
    return strcmp(a->topic, b->topic) == 0;
}

// Everything of a group, in order of topics. False: no memory.
static bool fetch_all(struct dh_broker_request *request,
                      const struct dh_coordinator *coordinator, dohle_bytes group,
                      struct dh_offset_fetch_response_group *answer)
{
    struct dh_committed *committed;
    size_t count;
    if (dh_coordinator_all_committed(coordinator, group, &request->arena, &committed,
                                     &count) != 0) {
        return false;
    }
    struct dh_offset_fetch_response_group_topic *topics =
        dh_arena_calloc(&request->arena, count, sizeof(*topics));
    struct dh_offset_fetch_response_group_topic_partition *rows =
        dh_arena_calloc(&request->arena, count, sizeof(*rows));
    if (topics == NULL || rows == NULL) {
        return false;
    }
    struct dh_offset_fetch_response_group_topic *topic = NULL;
    int32_t topic_count = 0;
    for (size_t i = 0; i < count; i++) {
        dohle_bytes name = dh_bytes_of(committed[i].topic);
        const struct dh_broker_topic *known =
            dh_broker_topics_find(request->broker, name);
        if (known == NULL && request->version >= VERSION_WITH_IDS) {
            continue;
        }
        if (topic_count == 0 || !is_same_topic(&committed[i], &committed[i - 1])) {
            topic = &topics[topic_count++];
            dh_struct_init(&dh_offset_fetch_response_group_topic_struct, topic);
            topic->name = name;
            topic->partitions.items = &rows[i];
            if (known != NULL) {
                topic->topic_id = known->id;
            }
        }
        rows[i].error_code =
            dh_broker_faults_code(request, group, name, committed[i].partition);
        struct dh_committed none = not_committed(committed[i].partition);
        set_committed(&rows[i], rows[i].error_code == 0 ? &committed[i] : &none);
        topic->partitions.count++;
    }
    answer->topics.items = topics;
    answer->topics.count = topic_count;
    return true;
}

// One group. False: no memory.
static bool fetch_group(struct dh_broker_group_call *call,
                        const struct dh_offset_fetch_request_group *asked,
                        struct dh_offset_fetch_response_group *answer)
{
    struct dh_broker_request *request = call->request;
    dohle_bytes member = asked->member_id.data == NULL ? DH_BYTES("") : asked->member_id;
    dh_struct_init(&dh_offset_fetch_response_group_struct, answer);
    answer->group_id = asked->group_id;
    int16_t code = dh_broker_faults_code(request, asked->group_id, DH_BYTES_NULL, -1);
    const struct dh_coordinator *coordinator =
        code != 0 ? NULL : dh_broker_group_call_find(call, asked->group_id, &code);
    if (coordinator != NULL) {
        code = dh_coordinator_may_fetch_offsets(coordinator, asked->group_id, member,
                                                asked->member_epoch);
    }
    if (code != 0) {
        answer->error_code = code;
        return true;
    }
    if (asked->topics.count < 0) {
        return fetch_all(request, coordinator, asked->group_id, answer);
    }
    answer->topics.items = dh_arena_calloc(&request->arena, (size_t)asked->topics.count,
                                           sizeof(*answer->topics.items));
    if (answer->topics.items == NULL) {
        return false;
    }
    answer->topics.count = asked->topics.count;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        if (!fetch_topic(request, coordinator, asked->group_id, &asked->topics.items[i],
                         &answer->topics.items[i])) {
            return false;
        }
    }
    return true;
}

// ---- OffsetFetch of one group, before version 8 ----

// The request as later versions have it. False: no memory.
static bool widen_request(struct dh_broker_request *request,
                          struct dh_offset_fetch_request_group *group)
{
    const struct dh_offset_fetch_request *body = request->body;
    dh_struct_init(&dh_offset_fetch_request_group_struct, group);
    group->group_id = body->group_id;
    group->topics.count = body->topics.count;
    if (body->topics.count < 0) {
        return true;
    }
    group->topics.items = dh_arena_calloc(&request->arena, (size_t)body->topics.count,
                                          sizeof(*group->topics.items));
    if (group->topics.items == NULL) {
        return false;
    }
    for (int32_t i = 0; i < body->topics.count; i++) {
        const struct dh_offset_fetch_request_topic *asked = &body->topics.items[i];
        struct dh_offset_fetch_request_group_topic *topic = &group->topics.items[i];
        dh_struct_init(&dh_offset_fetch_request_group_topic_struct, topic);
        topic->name = asked->name;
        topic->partition_indexes.items = asked->partition_indexes.items;
        topic->partition_indexes.count = asked->partition_indexes.count;
    }
    return true;
}

// The answer as earlier versions have it. False: no memory.
static bool narrow_response(struct dh_broker_request *request,
                            const struct dh_offset_fetch_response_group *group,
                            struct dh_offset_fetch_response *response)
{
    response->error_code = group->error_code;
    response->topics.items = dh_arena_calloc(&request->arena, (size_t)group->topics.count,
                                             sizeof(*response->topics.items));
    if (response->topics.items == NULL) {
        return false;
    }
    response->topics.count = group->topics.count;
    for (int32_t i = 0; i < group->topics.count; i++) {
        const struct dh_offset_fetch_response_group_topic *from = &group->topics.items[i];
        struct dh_offset_fetch_response_topic *to = &response->topics.items[i];
        dh_struct_init(&dh_offset_fetch_response_topic_struct, to);
        to->name = from->name;
        to->partitions.items =
            dh_arena_calloc(&request->arena, (size_t)from->partitions.count,
                            sizeof(*to->partitions.items));
        if (to->partitions.items == NULL) {
            return false;
        }
        to->partitions.count = from->partitions.count;
        for (int32_t j = 0; j < from->partitions.count; j++) {
            const struct dh_offset_fetch_response_group_topic_partition *row =
                &from->partitions.items[j];
            to->partitions.items[j] = (struct dh_offset_fetch_response_topic_partition){
                .partition_index = row->partition_index,
                .committed_offset = row->committed_offset,
                .committed_leader_epoch = row->committed_leader_epoch,
                .metadata = row->metadata,
                .error_code = row->error_code,
            };
        }
    }
    return true;
}

// Version 1 has no code but those of partitions. False: no memory.
static bool spread_code(struct dh_broker_request *request, int16_t broker_code,
                        struct dh_offset_fetch_response *response)
{
    const struct dh_offset_fetch_request *body = request->body;
    int32_t count = body->topics.count < 0 ? 0 : body->topics.count;
    response->topics.items =
        dh_arena_calloc(&request->arena, (size_t)count, sizeof(*response->topics.items));
    if (response->topics.items == NULL) {
        return false;
    }
    response->topics.count = count;
    for (int32_t i = 0; i < count; i++) {
        const struct dh_offset_fetch_request_topic *asked = &body->topics.items[i];
        struct dh_offset_fetch_response_topic *topic = &response->topics.items[i];
        int32_t partitions = asked->partition_indexes.count;
        topic->name = asked->name;
        topic->partitions.count = partitions;
        topic->partitions.items = dh_arena_calloc(&request->arena, (size_t)partitions,
                                                  sizeof(*topic->partitions.items));
        if (topic->partitions.items == NULL) {
            return false;
        }
        for (int32_t j = 0; j < partitions; j++) {
            topic->partitions.items[j] =
                (struct dh_offset_fetch_response_topic_partition){
                    .partition_index = asked->partition_indexes.items[j],
                    .committed_offset = -1,
                    .committed_leader_epoch = -1,
                    .metadata = DH_BYTES(""),
                    .error_code = broker_code,
                };
        }
    }
    return true;
}

// False: no memory.
static bool fetch_narrow(struct dh_broker_group_call *call,
                         struct dh_offset_fetch_response *response)
{
    struct dh_broker_request *request = call->request;
    struct dh_offset_fetch_request_group asked;
    struct dh_offset_fetch_response_group answer;
    if (!widen_request(request, &asked) || !fetch_group(call, &asked, &answer)) {
        return false;
    }
    if (answer.error_code != 0 && request->version < FETCH_WITH_CODE) {
        return spread_code(request, answer.error_code, response);
    }
    return narrow_response(request, &answer, response);
}

// False: no memory.
static bool fetch_wide(struct dh_broker_group_call *call,
                       struct dh_offset_fetch_response *response)
{
    struct dh_broker_request *request = call->request;
    const struct dh_offset_fetch_request *body = request->body;
    int32_t count = body->groups.count;
    response->groups.items =
        dh_arena_calloc(&request->arena, (size_t)count, sizeof(*response->groups.items));
    if (response->groups.items == NULL) {
        return false;
    }
    response->groups.count = count;
    for (int32_t i = 0; i < count; i++) {
        if (!fetch_group(call, &body->groups.items[i], &response->groups.items[i])) {
            return false;
        }
    }
    return true;
}

void dh_broker_handle_offset_fetch(struct dh_broker *broker,
                                   struct dh_broker_request *request)
{
    struct dh_broker_group_call *call = dh_broker_group_call_begin(request);
    (void)broker;
    if (call == NULL) {
        return;
    }
    struct dh_offset_fetch_response *response = dh_broker_new_response(request);
    bool is_filled = response != NULL &&
                     (request->version >= FETCH_BATCHED ? fetch_wide(call, response)
                                                        : fetch_narrow(call, response));
    if (!is_filled) {
        give_up(request);
        return;
    }
    dh_broker_group_call_answer(call, response);
}

void *dh_broker_refuse_offset_fetch(struct dh_broker_request *request,
                                    int16_t broker_code)
{
    const struct dh_offset_fetch_request *body = request->body;
    struct dh_offset_fetch_response *response = dh_broker_new_response(request);
    if (response == NULL) {
        return NULL;
    }
    if (request->version < FETCH_WITH_CODE) {
        return spread_code(request, broker_code, response) ? response : NULL;
    }
    if (request->version < FETCH_BATCHED) {
        response->error_code = broker_code;
        return response;
    }
    int32_t count = body->groups.count;
    response->groups.items =
        dh_arena_calloc(&request->arena, (size_t)count, sizeof(*response->groups.items));
    if (response->groups.items == NULL) {
        return NULL;
    }
    response->groups.count = count;
    for (int32_t i = 0; i < count; i++) {
        struct dh_offset_fetch_response_group *group = &response->groups.items[i];
        dh_struct_init(&dh_offset_fetch_response_group_struct, group);
        group->group_id = body->groups.items[i].group_id;
        group->error_code = broker_code;
    }
    return response;
}

// ---- OffsetDelete ----

struct deletion {
    struct dh_offset_delete_request body;
    int16_t **codes; // of the partitions that go on, in their order
    size_t count;
};

// One topic: what exists goes on to the coordinator. False: no memory.
static bool pass_delete_topic(struct dh_broker_request *request,
                              struct deletion *deletion,
                              const struct dh_offset_delete_request_topic *asked,
                              struct dh_offset_delete_response_topic *answer)
{
    const struct dh_broker_topic *topic =
        dh_broker_topics_find(request->broker, asked->name);
    struct dh_offset_delete_request_topic *passed =
        &deletion->body.topics.items[deletion->body.topics.count];
    size_t count = (size_t)asked->partitions.count;
    passed->name = asked->name;
    passed->partitions.items =
        dh_arena_calloc(&request->arena, count, sizeof(*passed->partitions.items));
    answer->name = asked->name;
    answer->partitions.items =
        dh_arena_calloc(&request->arena, count, sizeof(*answer->partitions.items));
    if (passed->partitions.items == NULL || answer->partitions.items == NULL) {
        return false;
    }
    answer->partitions.count = asked->partitions.count;
    for (size_t i = 0; i < count; i++) {
        struct dh_offset_delete_response_topic_partition *row =
            &answer->partitions.items[i];
        row->partition_index = asked->partitions.items[i].partition_index;
        row->error_code = code_of_place(request, deletion->body.group_id, topic,
                                        asked->name, row->partition_index);
        if (row->error_code == 0) {
            passed->partitions.items[passed->partitions.count++] =
                asked->partitions.items[i];
            deletion->codes[deletion->count++] = &row->error_code;
        }
    }
    if (passed->partitions.count > 0) {
        deletion->body.topics.count++;
    }
    return true;
}

// False: no memory.
static bool pass_deletion(struct dh_broker_request *request, struct deletion *deletion,
                          struct dh_offset_delete_response *response)
{
    const struct dh_offset_delete_request *body = request->body;
    size_t topic_count = (size_t)body->topics.count;
    size_t partition_count = 0;
    for (size_t i = 0; i < topic_count; i++) {
        partition_count += (size_t)body->topics.items[i].partitions.count;
    }
    deletion->body = *body;
    deletion->body.topics.count = 0;
    deletion->body.topics.items = dh_arena_calloc(&request->arena, topic_count,
                                                  sizeof(*deletion->body.topics.items));
    deletion->codes =
        dh_arena_calloc(&request->arena, partition_count, sizeof(*deletion->codes));
    response->topics.items =
        dh_arena_calloc(&request->arena, topic_count, sizeof(*response->topics.items));
    if (deletion->body.topics.items == NULL || deletion->codes == NULL ||
        response->topics.items == NULL) {
        return false;
    }
    response->topics.count = body->topics.count;
    for (size_t i = 0; i < topic_count; i++) {
        if (!pass_delete_topic(request, deletion, &body->topics.items[i],
                               &response->topics.items[i])) {
            return false;
        }
    }
    return true;
}

static void take_delete_codes(const struct deletion *deletion,
                              const struct dh_offset_delete_response *answered)
{
    size_t at = 0;
    for (int32_t i = 0; i < answered->topics.count; i++) {
        const struct dh_offset_delete_response_topic *topic = &answered->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            DH_ASSERT(at < deletion->count);
            *deletion->codes[at++] = topic->partitions.items[j].error_code;
        }
    }
    DH_ASSERT(at == deletion->count);
}

void dh_broker_handle_offset_delete(struct dh_broker *broker,
                                    struct dh_broker_request *request)
{
    const struct dh_offset_delete_request *body = request->body;
    struct dh_broker_group_call *call = dh_broker_group_call_begin(request);
    int16_t code = DH_BROKER_INVALID_GROUP_ID;
    (void)broker;
    if (call == NULL) {
        return;
    }
    struct dh_coordinator *coordinator =
        body->group_id.size == 0 ? NULL
                                 : dh_broker_group_call_find(call, body->group_id, &code);
    if (coordinator == NULL) {
        dh_broker_answer_refused(request, code);
        return;
    }
    struct deletion deletion = {.count = 0};
    struct dh_offset_delete_response *response = dh_broker_new_response(request);
    if (response == NULL || !pass_deletion(request, &deletion, response)) {
        give_up(request);
        return;
    }
    if (deletion.count > 0) {
        struct dh_offset_delete_response answered;
        dh_message_init(&dh_offset_delete_response_type, &answered);
        if (dh_coordinator_delete_offsets(coordinator, &deletion.body, &request->arena,
                                          &answered) != 0) {
            give_up(request);
            return;
        }
        if (answered.error_code != 0) {
            dh_broker_answer_refused(request, answered.error_code);
            return;
        }
        take_delete_codes(&deletion, &answered);
    }
    dh_broker_group_call_answer(call, response);
}

void *dh_broker_refuse_offset_delete(struct dh_broker_request *request,
                                     int16_t broker_code)
{
    return dh_broker_refuse_whole(request, broker_code);
}
