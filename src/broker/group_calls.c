// SPDX-License-Identifier: MIT
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "broker/connections.h"
#include "broker/groups_inside.h"
#include "broker/nodes.h"
#include "wire/gen/broker_errors.h"
#include "wire/message.h"
#include "wire/reader.h"
#include "wire/writer.h"

// ---- Held answers ----

static bool is_durable(const struct dh_broker_group_need *need,
                       const struct dh_broker_partition *partition)
{
    return need->end == 0 || (partition != NULL &&
                              dh_store_log_high_watermark(partition->log) >= need->end);
}

// Answers, refuses, or puts it where it has to wait next.
static void proceed(struct dh_broker_group_call *call)
{
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        const struct dh_broker_partition *partition =
            dh_broker_shard_partition(need->shard);
        if (is_durable(need, partition)) {
            continue;
        }
        if (partition == NULL || dh_store_log_is_offline(partition->log)) {
            dh_broker_answer_refused(call->request, DH_BROKER_NOT_COORDINATOR);
            return;
        }
        dh_list_push_back(&need->shard->held, &call->link);
        return;
    }
    dh_broker_answer(call->request, call->response);
}

void dh_broker_group_calls_proceed(struct dh_broker_shard *shard)
{
    struct dh_list held;
    struct dh_link *link;
    dh_list_init(&held);
    dh_list_append_all(&held, &shard->held);
    while ((link = dh_list_pop_front(&held)) != NULL) {
        proceed(DH_CONTAINER_OF(link, struct dh_broker_group_call, link));
    }
}

void dh_broker_group_calls_refuse(struct dh_broker_shard *shard)
{
    struct dh_link *link;
    while ((link = dh_list_pop_front(&shard->held)) != NULL) {
        struct dh_broker_group_call *call =
            DH_CONTAINER_OF(link, struct dh_broker_group_call, link);
        dh_broker_answer_refused(call->request, DH_BROKER_NOT_COORDINATOR);
    }
}

// ---- Calls ----

// Leaves wherever it waits: the connection is gone.
static void abandon(struct dh_broker_request *request)
{
    struct dh_broker_group_call *call = request->parked;
    dh_list_remove(&call->link);
    if (call->caller.parked != NULL) {
        struct dh_broker_shard *shard = call->needs->shard;
        dh_coordinator_forget(shard->coordinator, &call->caller);
        dh_broker_shard_arm(shard);
    }
}

struct dh_broker_group_call *dh_broker_group_call_begin(struct dh_broker_request *request)
{
    struct dh_broker_group_call *call = dh_arena_alloc(&request->arena, sizeof(*call));
    if (call == NULL) {
        dh_broker_give_up(request, "no memory for a request");
        return NULL;
    }
    call->request = request;
    call->caller.version = request->version;
    call->caller.client_id =
        request->client_id.data == NULL ? DH_BYTES("") : request->client_id;
    call->caller.client_host = dh_bytes_of(request->connection->peer_host);
    request->parked = call;
    request->abandon = abandon;
    return call;
}

// The call must wait for that shard's log. False: no memory.
static bool add_need(struct dh_broker_group_call *call, struct dh_broker_shard *shard)
{
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        if (need->shard == shard) {
            return true;
        }
    }
    struct dh_broker_group_need *need =
        dh_arena_alloc(&call->request->arena, sizeof(*need));
    if (need == NULL) {
        return false;
    }
    need->shard = shard;
    need->append_count = shard->append_count;
    need->next = call->needs;
    call->needs = need;
    return true;
}

struct dh_coordinator *dh_broker_group_call_find(struct dh_broker_group_call *call,
                                                 dohle_bytes group, int16_t *broker_code)
{
    struct dh_broker *broker = call->request->broker;
    struct dh_broker_topic *topic = dh_broker_groups_topic(broker);
    *broker_code = DH_BROKER_NOT_COORDINATOR;
    if (topic == NULL) {
        return NULL;
    }
    struct dh_broker_partition *partition =
        &topic->partitions[dh_broker_groups_partition(group, topic->partition_count)];
    if (partition->leader != call->request->node->id) {
        return NULL;
    }
    struct dh_broker_shard *shard = dh_broker_shard_of(broker, partition);
    if (shard == NULL || shard->coordinator == NULL || !add_need(call, shard)) {
        bool is_offline = dh_store_log_is_offline(partition->log);
        *broker_code =
            is_offline ? DH_BROKER_NOT_COORDINATOR : DH_BROKER_COORDINATOR_NOT_AVAILABLE;
        return NULL;
    }
    *broker_code = 0;
    return shard->coordinator;
}

struct dh_coordinator *dh_broker_group_call_next(struct dh_broker_group_call *call,
                                                 int32_t *partition)
{
    struct dh_broker *broker = call->request->broker;
    struct dh_broker_topic *topic = dh_broker_groups_topic(broker);
    while (topic != NULL && ++*partition < topic->partition_count) {
        struct dh_broker_partition *at = &topic->partitions[*partition];
        if (at->leader != call->request->node->id) {
            continue;
        }
        struct dh_broker_shard *shard = dh_broker_shard_of(broker, at);
        if (shard != NULL && shard->coordinator != NULL && add_need(call, shard)) {
            return shard->coordinator;
        }
    }
    return NULL;
}

/*
 * A copy in the arena, by way of its bytes: what it points at belongs to the coordinator.
 * NULL: no memory.
 */
static const void *copy_response(struct dh_broker_request *request, const void *response)
{
    const struct dh_message_type *type = request->api->response;
    struct dh_buf bytes;
    struct dh_writer writer;
    void *copy = dh_arena_alloc(&request->arena, type->body.size);
    dh_buf_init(&bytes, request->broker->mem, 0);
    dh_writer_init(&writer, &bytes);
    int err = dh_message_encode(type, request->version, response, &writer);
    uint8_t *place = err != 0 ? NULL : dh_arena_alloc(&request->arena, bytes.size);
    if (copy == NULL || place == NULL) {
        dh_buf_deinit(&bytes);
        return NULL;
    }
    struct dh_reader reader;
    memcpy(place, bytes.data, bytes.size);
    dh_reader_init(&reader, (dohle_bytes){place, bytes.size});
    dh_buf_deinit(&bytes);
    err = dh_message_decode(type, request->version, &reader, &request->arena, copy);
    return err != 0 ? NULL : copy;
}

// Answers, or holds a copy. Every need has its end.
static void answer_or_hold(struct dh_broker_group_call *call, const void *response)
{
    bool is_held = false;
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        is_held = is_held || !is_durable(need, dh_broker_shard_partition(need->shard));
        // Another call than this one may have moved it; that is no matter.
        dh_broker_shard_arm(need->shard);
    }
    call->response = is_held ? copy_response(call->request, response) : response;
    if (call->response == NULL) {
        dh_broker_give_up(call->request, "no memory for the answer");
        return;
    }
    proceed(call);
}

void dh_broker_group_call_answer(struct dh_broker_group_call *call, const void *response)
{
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        need->end = need->shard->appended_end;
    }
    answer_or_hold(call, response);
}

void dh_broker_group_call_answer_soon(struct dh_broker_group_call *call,
                                      const void *response)
{
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        bool has_appended = need->shard->append_count != need->append_count;
        need->end = has_appended ? need->shard->appended_end : 0;
    }
    answer_or_hold(call, response);
}

int32_t dh_broker_group_call_partition(const struct dh_broker_group_call *call)
{
    return call->needs->shard->number;
}
