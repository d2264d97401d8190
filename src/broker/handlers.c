// SPDX-License-Identifier: MIT
#include "broker/handlers.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/gen/api_keys.h"

#define ROW(api, min_, max_, name)                                                       \
    {                                                                                    \
        .key = DH_API_##api, .versions = {min_, max_},                                   \
        .handle = dh_broker_handle_##name, .refuse = dh_broker_refuse_##name,            \
    }

// In order of keys. Versions are those of Kafka 4.4.
static const struct dh_broker_handler handlers[] = {
    ROW(PRODUCE, 3, 13, produce),
    ROW(FETCH, 4, 18, fetch),
    ROW(LIST_OFFSETS, 1, 11, list_offsets),
    ROW(METADATA, 0, 13, metadata),
    ROW(OFFSET_COMMIT, 2, 10, offset_commit),
    ROW(OFFSET_FETCH, 1, 10, offset_fetch),
    ROW(FIND_COORDINATOR, 0, 6, find_coordinator),
    ROW(JOIN_GROUP, 0, 9, join_group),
    ROW(HEARTBEAT, 0, 4, heartbeat),
    ROW(LEAVE_GROUP, 0, 5, leave_group),
    ROW(SYNC_GROUP, 0, 5, sync_group),
    ROW(DESCRIBE_GROUPS, 0, 6, describe_groups),
    ROW(LIST_GROUPS, 0, 5, list_groups),
    ROW(API_VERSIONS, 0, 5, api_versions),
    ROW(CREATE_TOPICS, 2, 7, create_topics),
    ROW(DELETE_TOPICS, 1, 6, delete_topics),
    ROW(DELETE_RECORDS, 0, 2, delete_records),
    ROW(INIT_PRODUCER_ID, 0, 5, init_producer_id),
    ROW(OFFSET_FOR_LEADER_EPOCH, 2, 4, offset_for_leader_epoch),
    ROW(DESCRIBE_CONFIGS, 1, 4, describe_configs),
    ROW(ALTER_CONFIGS, 0, 2, alter_configs),
    ROW(CREATE_PARTITIONS, 0, 3, create_partitions),
    ROW(DELETE_GROUPS, 0, 3, delete_groups),
    ROW(INCREMENTAL_ALTER_CONFIGS, 0, 1, incremental_alter_configs),
    ROW(OFFSET_DELETE, 0, 0, offset_delete),
    ROW(DESCRIBE_CLUSTER, 0, 2, describe_cluster),
    ROW(DESCRIBE_TOPIC_PARTITIONS, 0, 0, describe_topic_partitions),
};

const struct dh_broker_handler *dh_broker_handler_find(int16_t key)
{
    for (size_t i = 0; i < DH_COUNT_OF(handlers); i++) {
        if (handlers[i].key == key) {
            return &handlers[i];
        }
    }
    return NULL;
}

size_t dh_broker_handler_count(void)
{
    return DH_COUNT_OF(handlers);
}

const struct dh_broker_handler *dh_broker_handler_at(size_t index)
{
    return &handlers[index];
}

void *dh_broker_new_response(struct dh_broker_request *request)
{
    const struct dh_message_type *type = request->api->response;
    void *response = dh_arena_alloc(&request->arena, type->body.size);
    if (response != NULL) {
        dh_message_init(type, response);
    }
    return response;
}

void *dh_broker_refuse_whole(struct dh_broker_request *request, int16_t broker_code)
{
    char *response = dh_broker_new_response(request);
    const struct dh_struct *body = &request->api->response->body;
    for (size_t i = 0; response != NULL && i < body->field_count; i++) {
        if (strcmp(body->fields[i].name, "error_code") == 0) {
            memcpy(response + body->fields[i].offset, &broker_code, sizeof(broker_code));
        }
    }
    return response;
}

dohle_bytes dh_broker_copy_text(struct dh_broker_request *request, const char *text)
{
    size_t size = strlen(text);
    uint8_t *copy = dh_arena_alloc(&request->arena, size + 1);
    if (copy == NULL) {
        return DH_BYTES_NULL;
    }
    memcpy(copy, text, size);
    return (dohle_bytes){copy, size};
}
