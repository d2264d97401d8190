// SPDX-License-Identifier: MIT
/*
 * CreateTopics, DeleteTopics, CreatePartitions. A topic is usable when its creation was
 * answered.
 * Source: ControllerApis, ReplicationControlManager in Apache Kafka 4.4.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/map.h"
#include "broker/admin_configs.h"
#include "broker/faults.h"
#include "broker/handlers.h"
#include "broker/saves.h"
#include "broker/settings.h"
#include "broker/topic_config.h"
#include "broker/topics.h"
#include "wire/broker_error.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_topics.h"

/*
 * Counts names: so that a request that has one twice is refused for that name, as Kafka does.
 * The value is the count.
 */
static bool count_name(struct dh_map *names, dohle_bytes name)
{
    // A null key has no bytes to hash; the empty name is as good.
    dohle_bytes key = dh_bytes_is_null(name) ? DH_BYTES("") : name;
    uintptr_t count = (uintptr_t)dh_map_get(names, key);
    return dh_map_put(names, key, (void *)(count + 1)) == 0;
}

static bool is_twice(const struct dh_map *names, dohle_bytes name)
{
    return (uintptr_t)dh_map_get(names, name) > 1;
}

// Replicas by hand, in order of partitions. All in the arena.
struct assignments {
    const int32_t **replicas;
    size_t *sizes;
    size_t count;
};

static bool new_assignments(struct dh_broker_request *request, size_t count,
                            struct assignments *out)
{
    out->count = count;
    out->replicas = (const int32_t **)dh_arena_calloc(&request->arena, count,
                                                      sizeof(out->replicas[0]));
    out->sizes = dh_arena_calloc(&request->arena, count, sizeof(out->sizes[0]));
    return out->replicas != NULL && out->sizes != NULL;
}

// ---- CreateTopics ----

// One topic of the request on its way.
struct creation {
    struct dh_broker_request *request;
    const struct dh_create_topics_request_topic *asked;
    struct dh_create_topics_response_topic *out;
    char text[DH_BROKER_TOPICS_TEXT_MAX];
};

static int16_t say(struct creation *creation, int16_t code, const char *text)
{
    snprintf(creation->text, sizeof(creation->text), "%s", text);
    return code;
}

static int16_t read_assignments(struct creation *creation, struct assignments *out)
{
    const struct dh_create_topics_request_topic *asked = creation->asked;
    size_t count = (size_t)asked->assignments.count;
    if (asked->replication_factor != -1) {
        return say(creation, DH_BROKER_INVALID_REQUEST,
                   "A manual partition assignment was specified, but replication factor "
                   "was not set to -1.");
    }
    if (asked->num_partitions != -1) {
        return say(creation, DH_BROKER_INVALID_REQUEST,
                   "A manual partition assignment was specified, but numPartitions was "
                   "not set to -1.");
    }
    if (!new_assignments(creation->request, count, out)) {
        return say(creation, DH_BROKER_UNKNOWN_SERVER_ERROR, "no memory");
    }
    for (size_t i = 0; i < count; i++) {
        const struct dh_create_topics_request_topic_assignment *one =
            &asked->assignments.items[i];
        int32_t index = one->partition_index;
        if (index < 0 || (size_t)index >= count || out->replicas[index] != NULL) {
            return say(creation, DH_BROKER_INVALID_REPLICA_ASSIGNMENT,
                       "partitions should be a consecutive 0-based integer sequence");
        }
        out->replicas[index] = one->broker_ids.items;
        out->sizes[index] = (size_t)one->broker_ids.count;
    }
    return 0;
}

static int16_t read_configs(struct creation *creation,
                            struct dh_broker_topic_config *config)
{
    const struct dh_create_topics_request_topic *asked = creation->asked;
    for (int32_t i = 0; i < asked->configs.count; i++) {
        const struct dh_create_topics_request_topic_config *one =
            &asked->configs.items[i];
        if (dh_bytes_is_null(one->value)) {
            snprintf(creation->text, sizeof(creation->text),
                     "Null value not supported for topic configs: %.*s",
                     one->name.size > DH_BROKER_TOPICS_TEXT_MAX ? 0 : (int)one->name.size,
                     (const char *)one->name.data);
            return DH_BROKER_INVALID_CONFIG;
        }
        int16_t code = dh_broker_topic_config_set(creation->request->broker, config,
                                                  one->name, one->value, creation->text,
                                                  sizeof(creation->text));
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

// What the answer says of a topic that is made, or would be.
static int16_t fill_made(struct creation *creation, int32_t partitions, int32_t factor,
                         const struct dh_broker_topic_config *config)
{
    struct dh_create_topics_response_topic *out = creation->out;
    out->num_partitions = partitions;
    out->replication_factor = (int16_t)factor;
    bool is_filled = dh_broker_list_created_configs(creation->request, config, out);
    return is_filled ? 0 : say(creation, DH_BROKER_UNKNOWN_SERVER_ERROR, "no memory");
}

static int16_t make(struct creation *creation, const struct dh_broker_new_topic *wanted)
{
    struct dh_broker *broker = creation->request->broker;
    const struct dh_create_topics_request *request = creation->request->body;
    if (!request->validate_only) {
        struct dh_broker_topic *topic = NULL;
        int16_t code = dh_broker_topics_create(broker, wanted, &topic, creation->text,
                                               sizeof(creation->text));
        if (code != 0) {
            return code;
        }
        creation->out->topic_id = topic->id;
        return fill_made(creation, topic->partition_count,
                         (int32_t)topic->partitions[0].replica_count, topic->config);
    }
    int16_t code =
        dh_broker_topics_check(broker, wanted, creation->text, sizeof(creation->text));
    if (code != 0) {
        return code;
    }
    int64_t partitions = wanted->partition_count == -1 ? broker->settings->num_partitions
                                                       : wanted->partition_count;
    int64_t factor = wanted->assignments != NULL ? (int64_t)wanted->assignment_sizes[0]
                     : wanted->replication_factor == -1
                         ? broker->settings->default_replication_factor
                         : wanted->replication_factor;
    return fill_made(creation, (int32_t)partitions, (int32_t)factor, wanted->config);
}

static int16_t create_with(struct creation *creation,
                           struct dh_broker_topic_config *config)
{
    const struct dh_create_topics_request_topic *asked = creation->asked;
    struct dh_broker_new_topic wanted = {
        .name = asked->name,
        .partition_count = asked->num_partitions,
        .replication_factor = asked->replication_factor,
        .config = config,
    };
    int16_t code = read_configs(creation, config);
    if (code == 0 && asked->assignments.count > 0) {
        struct assignments assignments = {0};
        code = read_assignments(creation, &assignments);
        wanted.assignments = assignments.replicas;
        wanted.assignment_sizes = assignments.sizes;
        wanted.partition_count = asked->assignments.count;
    }
    return code != 0 ? code : make(creation, &wanted);
}

static int16_t create_one(struct creation *creation, const struct dh_map *names)
{
    struct dh_broker *broker = creation->request->broker;
    if (is_twice(names, creation->asked->name)) {
        return say(creation, DH_BROKER_INVALID_REQUEST, "Duplicate topic name.");
    }
    if (dh_bytes_equal(creation->asked->name, DH_BYTES("__cluster_metadata"))) {
        return say(creation, DH_BROKER_INVALID_REQUEST,
                   "Creation of internal topic __cluster_metadata is prohibited.");
    }
    int16_t fault =
        dh_broker_faults_partition(creation->request, creation->asked->name, -1);
    if (fault != 0) {
        return say(creation, fault, dh_broker_error_text(fault));
    }
    struct dh_broker_topic_config config;
    dh_broker_topic_config_init(&config, broker);
    int16_t code = create_with(creation, &config);
    dh_broker_topic_config_deinit(&config, broker);
    return code;
}

// An answer with a row for each topic asked for.
static struct dh_create_topics_response *
new_created(struct dh_broker_request *request,
            const struct dh_create_topics_request *asked)
{
    struct dh_create_topics_response *response = dh_broker_new_response(request);
    if (response == NULL) {
        return NULL;
    }
    size_t count = (size_t)asked->topics.count;
    response->topics.items =
        dh_arena_calloc(&request->arena, count, sizeof(response->topics.items[0]));
    if (response->topics.items == NULL) {
        return NULL;
    }
    response->topics.count = asked->topics.count;
    for (size_t i = 0; i < count; i++) {
        dh_struct_init(&dh_create_topics_response_topic_struct,
                       &response->topics.items[i]);
        response->topics.items[i].name = asked->topics.items[i].name;
        response->topics.items[i].error_message = DH_BYTES_NULL;
    }
    return response;
}

void dh_broker_handle_create_topics(struct dh_broker *broker,
                                    struct dh_broker_request *request)
{
    const struct dh_create_topics_request *asked = request->body;
    struct dh_create_topics_response *response = new_created(request, asked);
    struct dh_map names;
    dh_map_init(&names, broker->mem, dh_random_next(&broker->random));
    bool is_counted = response != NULL;
    for (int32_t i = 0; is_counted && i < asked->topics.count; i++) {
        is_counted = count_name(&names, asked->topics.items[i].name);
    }
    for (int32_t i = 0; is_counted && i < asked->topics.count; i++) {
        struct creation creation = {.request = request,
                                    .asked = &asked->topics.items[i],
                                    .out = &response->topics.items[i]};
        creation.out->error_code = create_one(&creation, &names);
        if (creation.out->error_code != 0) {
            creation.out->error_message = dh_broker_copy_text(request, creation.text);
        }
    }
    dh_map_deinit(&names);
    if (!is_counted) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_answer_when_saved(request, response);
}

void *dh_broker_refuse_create_topics(struct dh_broker_request *request,
                                     int16_t broker_code)
{
    struct dh_create_topics_response *response = new_created(request, request->body);
    for (int32_t i = 0; response != NULL && i < response->topics.count; i++) {
        response->topics.items[i].error_code = broker_code;
    }
    return response;
}

// ---- DeleteTopics ----

// An answer with a row for each topic asked for, by name or id.
static struct dh_delete_topics_response *new_deleted(struct dh_broker_request *request)
{
    const struct dh_delete_topics_request *asked = request->body;
    struct dh_delete_topics_response *response = dh_broker_new_response(request);
    bool is_old = request->version < 6;
    size_t count = (size_t)(is_old ? asked->topic_names.count : asked->topics.count);
    if (response != NULL) {
        response->responses.items =
            dh_arena_calloc(&request->arena, count, sizeof(response->responses.items[0]));
    }
    if (response == NULL || response->responses.items == NULL) {
        return NULL;
    }
    response->responses.count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct dh_delete_topics_response_response *out = &response->responses.items[i];
        dh_struct_init(&dh_delete_topics_response_response_struct, out);
        out->name = is_old ? asked->topic_names.items[i] : asked->topics.items[i].name;
        if (!is_old) {
            out->topic_id = asked->topics.items[i].topic_id;
        }
    }
    return response;
}

static int16_t delete_one(struct dh_broker_request *request,
                          struct dh_delete_topics_response_response *out,
                          const char **text)
{
    struct dh_broker *broker = request->broker;
    bool has_name = !dh_bytes_is_null(out->name);
    bool has_id = !dh_uuid_is_zero(&out->topic_id);
    *text = NULL;
    if (has_name && has_id) {
        *text = "You may not specify both topic name and topic id.";
        return DH_BROKER_INVALID_REQUEST;
    }
    if (!has_name && !has_id) {
        *text = "Neither topic name nor id were specified.";
        return DH_BROKER_INVALID_REQUEST;
    }
    struct dh_broker_topic *topic =
        has_name ? dh_broker_topics_find(broker, out->name)
                 : dh_broker_topics_find_id(broker, &out->topic_id);
    if (topic == NULL && has_id) {
        *text = "This server does not host this topic ID.";
        return DH_BROKER_UNKNOWN_TOPIC_ID;
    }
    if (topic == NULL) {
        *text = "This server does not host this topic-partition.";
        return DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    out->topic_id = topic->id;
    int16_t fault = dh_broker_faults_partition(request, dh_bytes_of(topic->name), -1);
    if (fault != 0) {
        return fault;
    }
    if (!has_name) {
        // The topic's own name goes with it.
        out->name = dh_broker_copy_text(request, topic->name);
        if (dh_bytes_is_null(out->name)) {
            return DH_BROKER_UNKNOWN_SERVER_ERROR;
        }
    }
    return dh_broker_topics_delete(broker, topic);
}

void dh_broker_handle_delete_topics(struct dh_broker *broker,
                                    struct dh_broker_request *request)
{
    struct dh_delete_topics_response *response = new_deleted(request);
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    for (int32_t i = 0; i < response->responses.count; i++) {
        struct dh_delete_topics_response_response *out = &response->responses.items[i];
        const char *text;
        if (!broker->settings->delete_topic_enable) {
            out->error_code = request->version < 3 ? DH_BROKER_INVALID_REQUEST
                                                   : DH_BROKER_TOPIC_DELETION_DISABLED;
            text = "This version does not support topic deletion.";
        } else {
            out->error_code = delete_one(request, out, &text);
        }
        if (out->error_code != 0 && text != NULL) {
            out->error_message = dh_bytes_of(text);
        }
    }
    dh_broker_answer_when_saved(request, response);
}

void *dh_broker_refuse_delete_topics(struct dh_broker_request *request,
                                     int16_t broker_code)
{
    struct dh_delete_topics_response *response = new_deleted(request);
    for (int32_t i = 0; response != NULL && i < response->responses.count; i++) {
        response->responses.items[i].error_code = broker_code;
    }
    return response;
}

// ---- CreatePartitions ----

static struct dh_create_partitions_response *new_grown(struct dh_broker_request *request)
{
    const struct dh_create_partitions_request *asked = request->body;
    struct dh_create_partitions_response *response = dh_broker_new_response(request);
    size_t count = (size_t)asked->topics.count;
    if (response != NULL) {
        response->results.items =
            dh_arena_calloc(&request->arena, count, sizeof(response->results.items[0]));
    }
    if (response == NULL || response->results.items == NULL) {
        return NULL;
    }
    response->results.count = asked->topics.count;
    for (size_t i = 0; i < count; i++) {
        dh_struct_init(&dh_create_partitions_response_result_struct,
                       &response->results.items[i]);
        response->results.items[i].name = asked->topics.items[i].name;
    }
    return response;
}

static int16_t grow_one(struct dh_broker_request *request,
                        const struct dh_create_partitions_request_topic *asked,
                        const struct dh_map *names, char *text, size_t size)
{
    const struct dh_create_partitions_request *whole = request->body;
    struct dh_broker *broker = request->broker;
    if (is_twice(names, asked->name)) {
        snprintf(text, size, "Duplicate topic name.");
        return DH_BROKER_INVALID_REQUEST;
    }
    struct dh_broker_topic *topic = dh_broker_topics_find(broker, asked->name);
    if (topic == NULL) {
        snprintf(text, size, "This server does not host this topic-partition.");
        return DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    int16_t fault = dh_broker_faults_partition(request, asked->name, -1);
    if (fault != 0) {
        snprintf(text, size, "%s", dh_broker_error_text(fault));
        return fault;
    }
    struct dh_broker_growth growth = {.count = asked->count};
    struct assignments assignments = {0};
    if (asked->assignments.count > 0) {
        if (!new_assignments(request, (size_t)asked->assignments.count, &assignments)) {
            snprintf(text, size, "no memory");
            return DH_BROKER_UNKNOWN_SERVER_ERROR;
        }
        for (size_t i = 0; i < assignments.count; i++) {
            assignments.replicas[i] = asked->assignments.items[i].broker_ids.items;
            assignments.sizes[i] = (size_t)asked->assignments.items[i].broker_ids.count;
        }
        growth.assignments = assignments.replicas;
        growth.assignment_sizes = assignments.sizes;
        growth.assignment_count = assignments.count;
    }
    return whole->validate_only
               ? dh_broker_topics_check_growth(broker, topic, &growth, text, size)
               : dh_broker_topics_grow(broker, topic, &growth, text, size);
}

void dh_broker_handle_create_partitions(struct dh_broker *broker,
                                        struct dh_broker_request *request)
{
    const struct dh_create_partitions_request *asked = request->body;
    struct dh_create_partitions_response *response = new_grown(request);
    struct dh_map names;
    dh_map_init(&names, broker->mem, dh_random_next(&broker->random));
    bool is_counted = response != NULL;
    for (int32_t i = 0; is_counted && i < asked->topics.count; i++) {
        is_counted = count_name(&names, asked->topics.items[i].name);
    }
    for (int32_t i = 0; is_counted && i < asked->topics.count; i++) {
        struct dh_create_partitions_response_result *out = &response->results.items[i];
        char text[DH_BROKER_TOPICS_TEXT_MAX];
        out->error_code =
            grow_one(request, &asked->topics.items[i], &names, text, sizeof(text));
        if (out->error_code != 0) {
            out->error_message = dh_broker_copy_text(request, text);
        }
    }
    dh_map_deinit(&names);
    if (!is_counted) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_answer_when_saved(request, response);
}

void *dh_broker_refuse_create_partitions(struct dh_broker_request *request,
                                         int16_t broker_code)
{
    struct dh_create_partitions_response *response = new_grown(request);
    for (int32_t i = 0; response != NULL && i < response->results.count; i++) {
        response->results.items[i].error_code = broker_code;
    }
    return response;
}
