// SPDX-License-Identifier: MIT
/*
 * Metadata and DescribeCluster.
 * Source: KafkaApis, KRaftMetadataCache in Apache Kafka 4.4.
 */
#include "base/bytes.h"
#include "broker/faults.h"
#include "broker/handlers.h"
#include "broker/nodes.h"
#include "broker/partition_view.h"
#include "broker/saves.h"
#include "broker/settings.h"
#include "broker/topic_name.h"
#include "broker/topics.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/describe_cluster.h"
#include "wire/gen/metadata.h"

// Clients can be sent to it: it is up, and has an address.
static bool is_shown(const struct dh_broker_node *node)
{
    return node->is_up && node->port != 0;
}

static dohle_bytes cluster_id(struct dh_broker_request *request)
{
    struct dh_uuid_text text = dh_uuid_text(&request->broker->cluster_id);
    return dh_broker_copy_text(request, text.text);
}

// ---- Metadata ----

static bool fill_brokers(struct dh_broker_request *request,
                         struct dh_metadata_response *response)
{
    const struct dh_broker *broker = request->broker;
    size_t count = dh_broker_nodes_count(broker);
    response->brokers.items =
        dh_arena_calloc(&request->arena, count, sizeof(response->brokers.items[0]));
    if (response->brokers.items == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dh_broker_node *node = dh_broker_nodes_at(broker, i);
        if (is_shown(node)) {
            response->brokers.items[response->brokers.count++] =
                (struct dh_metadata_response_broker){
                    .node_id = node->id,
                    .host = dh_bytes_of(node->host),
                    .port = node->port,
                    .rack = dh_bytes_of(node->rack),
                };
        }
    }
    return true;
}

static int16_t partition_code(struct dh_broker_request *request,
                              const struct dh_broker_partition *partition)
{
    int16_t fault = dh_broker_faults_partition(
        request, dh_bytes_of(partition->topic->name), partition->number);
    return fault != 0                ? fault
           : partition->leader == -1 ? DH_BROKER_LEADER_NOT_AVAILABLE
                                     : 0;
}

static bool fill_partition(struct dh_broker_request *request,
                           const struct dh_broker_partition *partition,
                           struct dh_metadata_response_topic_partition *out)
{
    struct dh_broker_id_list all =
        dh_broker_list_replicas(request, partition, DH_BROKER_ALL_REPLICAS);
    struct dh_broker_id_list in_sync =
        dh_broker_list_replicas(request, partition, DH_BROKER_IN_SYNC_REPLICAS);
    struct dh_broker_id_list offline =
        dh_broker_list_replicas(request, partition, DH_BROKER_OFFLINE_REPLICAS);
    *out = (struct dh_metadata_response_topic_partition){
        .error_code = partition_code(request, partition),
        .partition_index = partition->number,
        .leader_id = partition->leader,
        .leader_epoch = partition->leader_epoch,
        .replica_nodes = {all.items, all.count},
        .isr_nodes = {in_sync.items, in_sync.count},
        .offline_replicas = {offline.items, offline.count},
    };
    return all.items != NULL && in_sync.items != NULL && offline.items != NULL;
}

static bool fill_topic(struct dh_broker_request *request,
                       const struct dh_broker_topic *topic,
                       struct dh_metadata_response_topic *out)
{
    const struct dh_metadata_request *asked = request->body;
    // A copy: the answer may wait for the disk, and the topic be gone by then.
    out->name = dh_broker_copy_text(request, topic->name);
    if (dh_bytes_is_null(out->name)) {
        return false;
    }
    out->topic_id = topic->id;
    out->is_internal = topic->is_internal;
    if (asked->include_topic_authorized_operations) {
        out->topic_authorized_operations = DH_BROKER_TOPIC_OPERATIONS;
    }
    out->error_code = dh_broker_faults_partition(request, out->name, -1);
    if (out->error_code != 0) {
        return true;
    }
    out->partitions.items =
        dh_arena_calloc(&request->arena, (size_t)topic->partition_count,
                        sizeof(out->partitions.items[0]));
    if (out->partitions.items == NULL) {
        return false;
    }
    out->partitions.count = topic->partition_count;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        if (!fill_partition(request, &topic->partitions[i], &out->partitions.items[i])) {
            return false;
        }
    }
    return true;
}

// Makes a topic that a client has named. NULL with the code.
static struct dh_broker_topic *auto_create(struct dh_broker *broker, dohle_bytes name,
                                           int16_t *broker_code)
{
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    if (dh_bytes_equal(name, DH_BYTES("__consumer_offsets"))) {
        return dh_broker_topics_offsets(broker, broker_code, text, sizeof(text));
    }
    struct dh_broker_topic *topic = NULL;
    const struct dh_broker_new_topic wanted = {
        .name = name, .partition_count = -1, .replication_factor = -1};
    *broker_code = dh_broker_topics_create(broker, &wanted, &topic, text, sizeof(text));
    return topic;
}

static bool may_auto_create(const struct dh_broker_request *request)
{
    const struct dh_metadata_request *asked = request->body;
    return asked->allow_auto_topic_creation &&
           request->broker->settings->auto_create_topics_enable;
}

static bool fill_named(struct dh_broker_request *request, dohle_bytes name,
                       struct dh_metadata_response_topic *out)
{
    struct dh_broker *broker = request->broker;
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    out->name = name;
    int16_t code = 0;
    struct dh_broker_topic *topic = dh_broker_topics_find(broker, name);
    if (topic == NULL && !dh_broker_topic_name_check(name, text, sizeof(text))) {
        code = DH_BROKER_INVALID_TOPIC_EXCEPTION;
    } else if (topic == NULL && may_auto_create(request)) {
        topic = auto_create(broker, name, &code);
    } else if (topic == NULL) {
        code = DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (topic == NULL) {
        out->error_code = code;
        return true;
    }
    return fill_topic(request, topic, out);
}

static bool fill_by_id(struct dh_broker_request *request, const struct dh_uuid *id,
                       struct dh_metadata_response_topic *out)
{
    const struct dh_broker_topic *topic = dh_broker_topics_find_id(request->broker, id);
    out->topic_id = *id;
    if (topic == NULL) {
        out->name = DH_BYTES_NULL;
        out->error_code = DH_BROKER_UNKNOWN_TOPIC_ID;
        return true;
    }
    return fill_topic(request, topic, out);
}

static bool new_topics(struct dh_broker_request *request,
                       struct dh_metadata_response *response, size_t count)
{
    response->topics.items =
        dh_arena_calloc(&request->arena, count, sizeof(response->topics.items[0]));
    for (size_t i = 0; response->topics.items != NULL && i < count; i++) {
        dh_struct_init(&dh_metadata_response_topic_struct, &response->topics.items[i]);
    }
    response->topics.count = (int32_t)count;
    return response->topics.items != NULL;
}

static bool fill_all_topics(struct dh_broker_request *request,
                            struct dh_metadata_response *response)
{
    const struct dh_broker *broker = request->broker;
    const struct dh_broker_topic *topic = NULL;
    size_t count = 0;
    while ((topic = dh_broker_topics_next(broker, topic)) != NULL) {
        count++;
    }
    if (!new_topics(request, response, count)) {
        return false;
    }
    size_t i = 0;
    while ((topic = dh_broker_topics_next(broker, topic)) != NULL) {
        if (!fill_topic(request, topic, &response->topics.items[i++])) {
            return false;
        }
    }
    return true;
}

static bool fill_asked_topics(struct dh_broker_request *request,
                              struct dh_metadata_response *response)
{
    const struct dh_metadata_request *asked = request->body;
    bool has_ids = false;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        has_ids = has_ids || !dh_uuid_is_zero(&asked->topics.items[i].topic_id);
    }
    if (!new_topics(request, response, (size_t)asked->topics.count)) {
        return false;
    }
    for (int32_t i = 0; i < asked->topics.count; i++) {
        const struct dh_metadata_request_topic *one = &asked->topics.items[i];
        struct dh_metadata_response_topic *out = &response->topics.items[i];
        // Ids are looked up from version 12 on; before, a name must be there.
        bool is_by_id = request->version >= 12 && has_ids;
        bool is_done;
        if (!is_by_id && dh_bytes_is_null(one->name)) {
            out->error_code = DH_BROKER_INVALID_REQUEST;
            out->name = DH_BYTES("");
            is_done = true;
        } else {
            is_done = is_by_id ? fill_by_id(request, &one->topic_id, out)
                               : fill_named(request, one->name, out);
        }
        if (!is_done) {
            return false;
        }
    }
    return true;
}

void dh_broker_handle_metadata(struct dh_broker *broker,
                               struct dh_broker_request *request)
{
    const struct dh_metadata_request *asked = request->body;
    struct dh_metadata_response *response = dh_broker_new_response(request);
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    int64_t saved_before = dh_broker_saves_end(broker);
    // In version 0 an empty list means all topics, later null does.
    bool is_all =
        request->version == 0 ? asked->topics.count == 0 : asked->topics.count == -1;
    response->cluster_id = cluster_id(request);
    response->controller_id = dh_broker_nodes_controller(broker);
    if (asked->include_cluster_authorized_operations) {
        response->cluster_authorized_operations = DH_BROKER_CLUSTER_OPERATIONS;
    }
    bool is_filled = !dh_bytes_is_null(response->cluster_id) &&
                     fill_brokers(request, response) &&
                     (is_all ? fill_all_topics(request, response)
                             : fill_asked_topics(request, response));
    if (!is_filled) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    if (dh_broker_saves_end(broker) == saved_before) {
        dh_broker_answer(request, response);
    } else {
        dh_broker_answer_when_saved(request, response); // it has made topics
    }
}

void *dh_broker_refuse_metadata(struct dh_broker_request *request, int16_t broker_code)
{
    const struct dh_metadata_request *asked = request->body;
    struct dh_metadata_response *response = dh_broker_new_response(request);
    if (response == NULL || !fill_brokers(request, response)) {
        return NULL;
    }
    response->error_code = broker_code;
    size_t count = asked->topics.count < 0 ? 0 : (size_t)asked->topics.count;
    if (!new_topics(request, response, count)) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct dh_metadata_response_topic *out = &response->topics.items[i];
        out->error_code = broker_code;
        out->name = asked->topics.items[i].name;
        out->topic_id = asked->topics.items[i].topic_id;
        if (dh_bytes_is_null(out->name) && request->version < 12) {
            out->name = DH_BYTES("");
        }
    }
    return response;
}

// ---- DescribeCluster ----

#define ENDPOINT_BROKERS 1

void dh_broker_handle_describe_cluster(struct dh_broker *broker,
                                       struct dh_broker_request *request)
{
    const struct dh_describe_cluster_request *asked = request->body;
    struct dh_describe_cluster_response *response = dh_broker_new_response(request);
    size_t count = dh_broker_nodes_count(broker);
    if (response != NULL) {
        response->cluster_id = cluster_id(request);
        response->brokers.items =
            dh_arena_calloc(&request->arena, count, sizeof(response->brokers.items[0]));
    }
    if (response == NULL || dh_bytes_is_null(response->cluster_id) ||
        response->brokers.items == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    response->endpoint_type = asked->endpoint_type;
    if (asked->endpoint_type != ENDPOINT_BROKERS) {
        response->endpoint_type = ENDPOINT_BROKERS;
        response->error_code = DH_BROKER_MISMATCHED_ENDPOINT_TYPE;
        response->error_message = DH_BYTES("The request was sent to an endpoint of the "
                                           "wrong type.");
        dh_broker_answer(request, response);
        return;
    }
    response->controller_id = dh_broker_nodes_controller(broker);
    if (asked->include_cluster_authorized_operations) {
        response->cluster_authorized_operations = DH_BROKER_CLUSTER_OPERATIONS;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dh_broker_node *node = dh_broker_nodes_at(broker, i);
        bool is_fenced = !node->is_up && node->port != 0;
        if (is_shown(node) || (is_fenced && asked->include_fenced_brokers)) {
            response->brokers.items[response->brokers.count++] =
                (struct dh_describe_cluster_response_broker){
                    .broker_id = node->id,
                    .host = dh_bytes_of(node->host),
                    .port = node->port,
                    .rack = dh_bytes_of(node->rack),
                    .is_fenced = is_fenced,
                };
        }
    }
    dh_broker_answer(request, response);
}

void *dh_broker_refuse_describe_cluster(struct dh_broker_request *request,
                                        int16_t broker_code)
{
    return dh_broker_refuse_whole(request, broker_code);
}
