// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/admin_call.h"
#include "base/bytes.h"
#include "base/time.h"
#include "client/back/reactions.h"
#include "host/clock.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/describe_configs.h"
#include "wire/gen/metadata.h"

#define TOPIC_ALREADY_EXISTS 36

// Up to this version topics to delete are plain names.
#define DELETE_VERSION_MAX 5

#define RESOURCE_TOPIC      2
#define CONFIG_SOURCE_TOPIC 1

// The rest of the call's time, for requests that carry a time of their own.
static int32_t time_left_ms(const dohle_admin *admin)
{
    int32_t left_ms = dh_ms_until(admin->deadline_ns, dh_clock_now_ns());
    return left_ms < admin->settings->request_timeout_ms
               ? left_ms
               : admin->settings->request_timeout_ms;
}

// ---- Create ----

static struct dh_admin_call *make_create(dohle_admin *admin, const dohle_new_topic *topic)
{
    struct dh_admin_call *call = dh_admin_call(admin, DH_NODE_ANY, DH_API_CREATE_TOPICS);
    if (call == NULL) {
        return NULL;
    }
    struct dh_create_topics_request *request = dh_admin_request(admin, call);
    struct dh_create_topics_request_topic *item =
        dh_arena_alloc(&call->arena, sizeof(*item));
    struct dh_create_topics_request_topic_config *configs =
        dh_arena_calloc(&call->arena, topic->setting_count, sizeof(*configs));
    if (request == NULL || item == NULL || configs == NULL) {
        dh_admin_fail(admin, DOHLE_ERR_NO_MEMORY, 0, NULL);
        dh_admin_drop(admin, call);
        return NULL;
    }
    dh_struct_init(&dh_create_topics_request_topic_struct, item);
    item->name = dh_bytes_of(topic->name);
    item->num_partitions = topic->partition_count;
    item->replication_factor = topic->replication_factor;
    for (size_t i = 0; i < topic->setting_count; i++) {
        dh_struct_init(&dh_create_topics_request_topic_config_struct, &configs[i]);
        configs[i].name = dh_bytes_of(topic->settings[i].name);
        configs[i].value = dh_bytes_of(topic->settings[i].value);
    }
    item->configs.items = configs;
    item->configs.count = (int32_t)topic->setting_count;
    request->topics.items = item;
    request->topics.count = 1;
    request->timeout_ms = time_left_ms(admin);
    return call;
}

// Asks once. *is_unknown: the request went out and nobody knows what became of it.
static int create_once(dohle_admin *admin, const dohle_new_topic *topic, bool *is_unknown,
                       bool *may_retry)
{
    *may_retry = false;
    struct dh_admin_call *call = make_create(admin, topic);
    if (call == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = dh_admin_ask(admin, call);
    if (err != 0) {
        *may_retry = dh_admin_is_passing(err);
        *is_unknown =
            *is_unknown || err == DOHLE_ERR_DISCONNECTED || err == DOHLE_ERR_TIMEOUT;
        dh_admin_drop(admin, call);
        return err;
    }
    const struct dh_create_topics_response *response = call->response;
    if (response->topics.count != 1) {
        err = dh_admin_fail(admin, DOHLE_ERR_PROTOCOL, 0,
                            "CreateTopics: the answer is about %d topics",
                            (int)response->topics.count);
    } else if (response->topics.items[0].error_code != 0 &&
               !(response->topics.items[0].error_code == TOPIC_ALREADY_EXISTS &&
                 *is_unknown)) {
        const struct dh_create_topics_response_topic *item = &response->topics.items[0];
        *may_retry = dh_admin_is_passing_code(DH_API_CREATE_TOPICS, item->error_code);
        err = dh_admin_fail_broker(admin, item->error_code, topic->name,
                                   item->error_message);
        snprintf(admin->error.topic, sizeof(admin->error.topic), "%s", topic->name);
    }
    dh_admin_drop(admin, call);
    return err;
}

// What one node knows of a topic.
enum knowledge {
    KNOWS_NOTHING,
    KNOWS_PARTLY, // or could not be asked
    KNOWS_ALL,    // with a leader of each partition
};

static enum knowledge knowledge_in(const struct dh_metadata_response *response)
{
    if (response->topics.count != 1) {
        return KNOWS_PARTLY;
    }
    const struct dh_metadata_response_topic *topic = &response->topics.items[0];
    if (topic->error_code == DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION) {
        return KNOWS_NOTHING;
    }
    if (topic->error_code != 0 || topic->partitions.count == 0) {
        return KNOWS_PARTLY;
    }
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        if (topic->partitions.items[i].leader_id < 0) {
            return KNOWS_PARTLY;
        }
    }
    return KNOWS_ALL;
}

static enum knowledge knowledge_of(dohle_admin *admin, int32_t node_id, const char *name)
{
    struct dh_admin_call *call = dh_admin_call(admin, node_id, DH_API_METADATA);
    if (call == NULL) {
        return KNOWS_PARTLY;
    }
    struct dh_metadata_request *request = dh_admin_request(admin, call);
    struct dh_metadata_request_topic *item = dh_arena_alloc(&call->arena, sizeof(*item));
    enum knowledge known = KNOWS_PARTLY;
    if (request != NULL && item != NULL) {
        request->allow_auto_topic_creation = false;
        dh_struct_init(&dh_metadata_request_topic_struct, item);
        item->name = dh_bytes_of(name);
        request->topics.items = item;
        request->topics.count = 1;
        if (dh_admin_ask(admin, call) == 0) {
            known = knowledge_in(call->response);
        }
    }
    dh_admin_drop(admin, call);
    return known;
}

// Waits until every broker knows that much of the topic.
static int await_topic(dohle_admin *admin, const char *name, enum knowledge wanted)
{
    struct dh_admin_call *call = dh_admin_metadata(admin, name);
    if (call == NULL) {
        return admin->error.code;
    }
    const struct dh_metadata_response *response = call->response;
    int err = 0;
    for (int32_t i = 0; i < response->brokers.count && err == 0; i++) {
        int32_t node_id = response->brokers.items[i].node_id;
        while (err == 0 && knowledge_of(admin, node_id, name) != wanted) {
            dh_admin_fail(admin, DOHLE_ERR_UNKNOWN_TOPIC, 0,
                          "topic %s is %s, but node %d does not know it yet", name,
                          wanted == KNOWS_ALL ? "created" : "deleted", (int)node_id);
            err = dh_admin_retry(admin) ? 0 : admin->error.code;
        }
    }
    dh_admin_drop(admin, call);
    return err;
}

int dohle_admin_create_topic(dohle_admin *admin, const dohle_new_topic *topic,
                             int64_t timeout_ms)
{
    int err = dh_admin_begin(admin, timeout_ms);
    if (err != 0) {
        return err;
    }
    if (topic == NULL || topic->name == NULL ||
        (topic->settings == NULL && topic->setting_count > 0)) {
        return dh_admin_fail(admin, DOHLE_ERR_INVALID_ARGUMENT, 0, "no topic is named");
    }
    bool is_unknown = false;
    bool may_retry = true;
    while ((err = create_once(admin, topic, &is_unknown, &may_retry)) != 0) {
        if (!may_retry) {
            return err;
        }
        if (!dh_admin_retry(admin)) {
            return admin->error.code;
        }
    }
    err = await_topic(admin, topic->name, KNOWS_ALL);
    return err == 0 ? dh_admin_begin(admin, 0) : err; // clears what passed
}

// ---- Delete ----

static int delete_once(dohle_admin *admin, const char *name, bool *may_retry)
{
    *may_retry = false;
    struct dh_admin_call *call = dh_admin_call(admin, DH_NODE_ANY, DH_API_DELETE_TOPICS);
    if (call == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    call->version_max = DELETE_VERSION_MAX;
    struct dh_delete_topics_request *request = dh_admin_request(admin, call);
    dohle_bytes *item = dh_arena_alloc(&call->arena, sizeof(*item));
    if (request == NULL || item == NULL) {
        dh_admin_drop(admin, call);
        return dh_admin_fail(admin, DOHLE_ERR_NO_MEMORY, 0, NULL);
    }
    *item = dh_bytes_of(name);
    request->topic_names.items = item;
    request->topic_names.count = 1;
    request->timeout_ms = time_left_ms(admin);
    int err = dh_admin_ask(admin, call);
    if (err != 0) {
        *may_retry = dh_admin_is_passing(err);
    } else {
        const struct dh_delete_topics_response *response = call->response;
        if (response->responses.count != 1) {
            err = dh_admin_fail(admin, DOHLE_ERR_PROTOCOL, 0,
                                "DeleteTopics: the answer is about %d topics",
                                (int)response->responses.count);
        } else if (response->responses.items[0].error_code != 0) {
            int16_t code = response->responses.items[0].error_code;
            *may_retry = code != DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION &&
                         dh_admin_is_passing_code(DH_API_DELETE_TOPICS, code);
            err = dh_admin_fail_broker(admin, code, name,
                                       response->responses.items[0].error_message);
            snprintf(admin->error.topic, sizeof(admin->error.topic), "%s", name);
        }
    }
    dh_admin_drop(admin, call);
    return err;
}

int dohle_admin_delete_topic(dohle_admin *admin, const char *name, int64_t timeout_ms)
{
    int err = dh_admin_begin(admin, timeout_ms);
    if (err != 0) {
        return err;
    }
    if (name == NULL) {
        return dh_admin_fail(admin, DOHLE_ERR_INVALID_ARGUMENT, 0, "no topic is named");
    }
    bool may_retry = true;
    while ((err = delete_once(admin, name, &may_retry)) != 0) {
        if (!may_retry) {
            return err;
        }
        if (!dh_admin_retry(admin)) {
            return admin->error.code;
        }
    }
    err = await_topic(admin, name, KNOWS_NOTHING);
    return err == 0 ? dh_admin_begin(admin, 0) : err;
}

// ---- List and describe ----

static int compare_topics(const void *a, const void *b)
{
    return strcmp(((const dohle_topic_description *)a)->name,
                  ((const dohle_topic_description *)b)->name);
}

static int compare_partitions(const void *a_pointer, const void *b_pointer)
{
    int32_t a = ((const dohle_partition_description *)a_pointer)->partition;
    int32_t b = ((const dohle_partition_description *)b_pointer)->partition;
    return (a > b) - (a < b);
}

static const int32_t *copy_nodes(void *result, const int32_t *nodes, int32_t count,
                                 size_t *copied_count, int *err)
{
    size_t size = count > 0 ? (size_t)count : 0;
    int32_t *copy = dh_arena_calloc(dh_admin_result_arena(result), size, sizeof(*copy));
    if (copy == NULL) {
        *err = DOHLE_ERR_NO_MEMORY;
        return NULL;
    }
    if (size > 0) {
        memcpy(copy, nodes, size * sizeof(*copy));
    }
    *copied_count = size;
    return copy;
}

static void describe_partitions(void *result,
                                const struct dh_metadata_response_topic *from,
                                dohle_topic_description *to, int *err)
{
    size_t count = from->partitions.count > 0 ? (size_t)from->partitions.count : 0;
    dohle_partition_description *partitions =
        dh_arena_calloc(dh_admin_result_arena(result), count, sizeof(*partitions));
    if (partitions == NULL) {
        *err = DOHLE_ERR_NO_MEMORY;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dh_metadata_response_topic_partition *partition =
            &from->partitions.items[i];
        partitions[i].partition = partition->partition_index;
        partitions[i].leader = partition->leader_id;
        partitions[i].leader_epoch = partition->leader_epoch;
        partitions[i].replicas =
            copy_nodes(result, partition->replica_nodes.items,
                       partition->replica_nodes.count, &partitions[i].replica_count, err);
        partitions[i].in_sync =
            copy_nodes(result, partition->isr_nodes.items, partition->isr_nodes.count,
                       &partitions[i].in_sync_count, err);
    }
    qsort(partitions, count, sizeof(*partitions), compare_partitions);
    to->partitions = partitions;
    to->partition_count = count;
}

static void describe(void *result, const struct dh_metadata_response_topic *from,
                     dohle_topic_description *to, int *err)
{
    to->name = dh_admin_copy(result, from->name, err);
    to->is_internal = from->is_internal;
    if (!dh_uuid_is_zero(&from->topic_id)) {
        struct dh_uuid_text text = dh_uuid_text(&from->topic_id);
        memcpy(to->id, text.text, sizeof(to->id));
    }
    describe_partitions(result, from, to, err);
}

// Topics that cannot be described are left out.
static dohle_topics *make_topics(dohle_admin *admin,
                                 const struct dh_metadata_response *response)
{
    dohle_topics *result = dh_admin_result_new(admin, sizeof(*result));
    if (result == NULL) {
        return NULL;
    }
    size_t count = response->topics.count > 0 ? (size_t)response->topics.count : 0;
    dohle_topic_description *topics =
        dh_arena_calloc(dh_admin_result_arena(result), count, sizeof(*topics));
    int err = topics == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    size_t used = 0;
    for (size_t i = 0; i < count && err == 0; i++) {
        const struct dh_metadata_response_topic *from = &response->topics.items[i];
        if (from->error_code == 0 && from->name.data != NULL) {
            describe(result, from, &topics[used++], &err);
        }
    }
    if (err != 0) {
        dh_admin_fail(admin, err, 0, NULL);
        dohle_admin_result_free(result);
        return NULL;
    }
    qsort(topics, used, sizeof(*topics), compare_topics);
    result->topics = topics;
    result->count = used;
    return result;
}

int dohle_admin_list_topics(dohle_admin *admin, int64_t timeout_ms, dohle_topics **topics)
{
    *topics = NULL;
    int err = dh_admin_begin(admin, timeout_ms);
    if (err != 0) {
        return err;
    }
    struct dh_admin_call *call = dh_admin_metadata(admin, NULL);
    if (call == NULL) {
        return admin->error.code;
    }
    *topics = make_topics(admin, call->response);
    dh_admin_drop(admin, call);
    return *topics == NULL ? admin->error.code : dh_admin_begin(admin, 0);
}

static struct dh_admin_call *ask_configs_once(dohle_admin *admin, const char *name,
                                              int *err)
{
    *err = DOHLE_ERR_NO_MEMORY;
    struct dh_admin_call *call =
        dh_admin_call(admin, DH_NODE_ANY, DH_API_DESCRIBE_CONFIGS);
    if (call == NULL) {
        return NULL;
    }
    struct dh_describe_configs_request *request = dh_admin_request(admin, call);
    struct dh_describe_configs_request_resource *item =
        dh_arena_alloc(&call->arena, sizeof(*item));
    if (request != NULL && item != NULL) {
        dh_struct_init(&dh_describe_configs_request_resource_struct, item);
        item->resource_type = RESOURCE_TOPIC;
        item->resource_name = dh_bytes_of(name);
        item->configuration_keys.count = -1;
        request->resources.items = item;
        request->resources.count = 1;
        *err = dh_admin_ask(admin, call);
    }
    if (*err == 0) {
        return call;
    }
    dh_admin_drop(admin, call);
    return NULL;
}

// Asks until there is an answer. NULL: failed, *err tells.
static struct dh_admin_call *ask_configs(dohle_admin *admin, const char *name, int *err)
{
    for (;;) {
        struct dh_admin_call *call = ask_configs_once(admin, name, err);
        if (call != NULL || !dh_admin_is_passing(*err)) {
            return call;
        }
        if (!dh_admin_retry(admin)) {
            *err = DOHLE_ERR_TIMEOUT;
            return NULL;
        }
    }
}

// The settings that are not at their default; none when they may not be seen.
static void describe_settings(dohle_admin *admin, void *result,
                              dohle_topic_description *topic, int *err)
{
    struct dh_admin_call *call = ask_configs(admin, topic->name, err);
    if (call == NULL) {
        return;
    }
    const struct dh_describe_configs_response *response = call->response;
    if (response->results.count == 1 && response->results.items[0].configs.count > 0) {
        const struct dh_describe_configs_response_result *configs =
            &response->results.items[0];
        dohle_setting *settings =
            dh_arena_calloc(dh_admin_result_arena(result), (size_t)configs->configs.count,
                            sizeof(*settings));
        *err = settings == NULL ? DOHLE_ERR_NO_MEMORY : 0;
        for (int32_t i = 0; i < configs->configs.count && *err == 0; i++) {
            const struct dh_describe_configs_response_result_config *config =
                &configs->configs.items[i];
            if (config->config_source == CONFIG_SOURCE_TOPIC) {
                dohle_setting *setting = &settings[topic->setting_count++];
                setting->name = dh_admin_copy(result, config->name, err);
                setting->value = dh_admin_copy(result, config->value, err);
            }
        }
        topic->settings = settings;
    }
    dh_admin_drop(admin, call);
}

int dohle_admin_describe_topic(dohle_admin *admin, const char *name, int64_t timeout_ms,
                               dohle_topics **topics)
{
    *topics = NULL;
    int err = dh_admin_begin(admin, timeout_ms);
    if (err != 0) {
        return err;
    }
    if (name == NULL) {
        return dh_admin_fail(admin, DOHLE_ERR_INVALID_ARGUMENT, 0, "no topic is named");
    }
    struct dh_admin_call *call = dh_admin_metadata(admin, name);
    if (call == NULL) {
        return admin->error.code;
    }
    const struct dh_metadata_response *response = call->response;
    int16_t code = response->topics.count == 1 ? response->topics.items[0].error_code
                                               : DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    if (code != 0) {
        err = dh_admin_fail_broker(admin, code, name, DH_BYTES_NULL);
        snprintf(admin->error.topic, sizeof(admin->error.topic), "%s", name);
        dh_admin_drop(admin, call);
        return err;
    }
    dohle_topics *result = make_topics(admin, response);
    dh_admin_drop(admin, call);
    if (result == NULL) {
        return admin->error.code;
    }
    if (result->count == 1) {
        dohle_topic_description *copy =
            dh_arena_alloc(dh_admin_result_arena(result), sizeof(*copy));
        err = copy == NULL ? DOHLE_ERR_NO_MEMORY : 0;
        if (copy != NULL) {
            *copy = result->topics[0];
            describe_settings(admin, result, copy, &err);
            result->topics = copy;
        }
    }
    if (err != 0) {
        dohle_admin_result_free(result);
        // Who asked in vain has said why already.
        return admin->error.code == err ? err : dh_admin_fail(admin, err, 0, NULL);
    }
    *topics = result;
    return dh_admin_begin(admin, 0);
}
