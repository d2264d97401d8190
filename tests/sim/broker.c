// SPDX-License-Identifier: MIT
#include "broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "errors.h"
#include "wire/api.h"
#include "wire/envelope.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/offset_for_leader_epoch.h"

static void serve(void *ctx, uint64_t number);
static bool on_connect(void *ctx, struct sim_connection *connection);
static bool receive_buffer(void *ctx, struct sim_connection *connection,
                           uint8_t **pointer, size_t *capacity);
static void on_received(void *ctx, struct sim_connection *connection, size_t size);
static void ignore(void *ctx, struct sim_connection *connection);

// What is taken from the network at once, at most.
#define RECEIVE_BYTES 4096

// ---- Life ----

// The oldest version of each API that brokers of our choice may be limited to.
static const struct {
    int16_t key;
    int16_t version_least;
} version_rows[] = {
    {DH_API_FETCH, 11},        {DH_API_LIST_OFFSETS, 4}, {DH_API_METADATA, 7},
    {DH_API_OFFSET_COMMIT, 6}, {DH_API_OFFSET_FETCH, 5}, {DH_API_FIND_COORDINATOR, 2},
    {DH_API_JOIN_GROUP, 5},    {DH_API_HEARTBEAT, 3},    {DH_API_LEAVE_GROUP, 1},
    {DH_API_SYNC_GROUP, 3},
};

static void draw_versions(struct sim_broker *broker)
{
    for (int16_t key = 0; key < DH_API_KEY_END; key++) {
        const struct dh_api *api = dh_api_find(key);
        broker->version_max[key] = api == NULL ? -1 : api->request->versions.max;
    }
    if (sim_chance(broker->scheduler, 500)) {
        return;
    }
    for (size_t i = 0; i < DH_COUNT_OF(version_rows); i++) {
        int16_t *version_max = &broker->version_max[version_rows[i].key];
        *version_max = (int16_t)sim_between(broker->scheduler,
                                            version_rows[i].version_least, *version_max);
    }
    // No broker gives ids in one API that it does not know in another.
    if (broker->version_max[DH_API_METADATA] < 10) {
        broker->version_max[DH_API_FETCH] = 12;
        broker->version_max[DH_API_OFFSET_COMMIT] = 9;
        broker->version_max[DH_API_OFFSET_FETCH] = 9;
    }
}

void sim_broker_init(struct sim_broker *broker, struct sim_scheduler *scheduler,
                     struct sim_network *network, struct sim_topics *topics,
                     struct sim_history *history)
{
    memset(broker, 0, sizeof(*broker));
    broker->scheduler = scheduler;
    broker->network = network;
    broker->topics = topics;
    broker->history = history;
    dh_arena_init(&broker->arena, dh_mem_default(), 0);
    draw_versions(broker);
    sim_fetches_init(&broker->fetches, broker);
    network->server = (struct sim_server){.ctx = broker,
                                          .on_connect = on_connect,
                                          .receive_buffer = receive_buffer,
                                          .on_received = on_received,
                                          .on_sent = ignore,
                                          .on_closed = ignore};
}

void sim_broker_deinit(struct sim_broker *broker)
{
    for (int i = 0; i < SIM_GROUPS_MAX; i++) {
        free(broker->groups[i]);
    }
    dh_arena_deinit(&broker->arena);
}

const struct sim_group *sim_broker_group(const struct sim_broker *broker, int number)
{
    return broker->groups[number];
}

static struct sim_group *find_group(struct sim_broker *broker, dohle_bytes id)
{
    for (int i = 0; i < SIM_GROUPS_MAX; i++) {
        if (dh_bytes_equal(id, dh_bytes_of(broker->topics->group_ids[i]))) {
            if (broker->groups[i] == NULL) {
                broker->groups[i] = malloc(sizeof(struct sim_group));
                DH_ASSERT(broker->groups[i] != NULL);
                sim_group_init(broker->groups[i], broker->scheduler, broker->history, i,
                               broker->topics->group_ids[i]);
            }
            return broker->groups[i];
        }
    }
    DH_ASSERT(false);
    return NULL;
}

void sim_broker_on_log(struct sim_broker *broker)
{
    sim_fetches_look(&broker->fetches);
}

void sim_broker_move_coordinator(struct sim_broker *broker, int node)
{
    broker->coordinator = node;
    for (int i = 0; i < SIM_GROUPS_MAX; i++) {
        if (broker->groups[i] != NULL) {
            sim_group_move(broker->groups[i]);
        }
    }
}

// ---- The cluster ----

static void answer_versions(struct sim_broker *broker, struct sim_request *request)
{
    struct dh_api_versions_response response;
    dh_message_init(&dh_api_versions_response_type, &response);
    response.api_keys.items =
        sim_request_alloc(request, DH_API_KEY_END, sizeof(*response.api_keys.items));
    for (int16_t key = 0; key < DH_API_KEY_END; key++) {
        if (broker->version_max[key] >= 0) {
            response.api_keys.items[response.api_keys.count++] =
                (struct dh_api_versions_response_api_key){
                    .api_key = key,
                    .min_version = dh_api_find(key)->request->versions.min,
                    .max_version = broker->version_max[key]};
        }
    }
    sim_answer(&request->token, &response);
}

static const char *node_host(const struct sim_request *request, int node)
{
    char *host = sim_request_alloc(request, 16, 1);
    snprintf(host, 16, "node-%d", node);
    return host;
}

static void describe_topic(struct sim_broker *broker, struct sim_request *request,
                           struct sim_topic *topic,
                           struct dh_metadata_response_topic *out)
{
    out->name = dh_bytes_of(topic->name);
    if (request->token.version >= 10) {
        out->topic_id = topic->id;
    }
    if (sim_inject_error(broker, DH_API_METADATA) != 0) {
        out->error_code = DH_BROKER_LEADER_NOT_AVAILABLE;
        return;
    }
    out->partitions.count = topic->partition_count;
    out->partitions.items = sim_request_alloc(request, (size_t)topic->partition_count,
                                              sizeof(*out->partitions.items));
    for (int i = 0; i < topic->partition_count; i++) {
        struct dh_metadata_response_topic_partition *partition =
            &out->partitions.items[i];
        dh_struct_init(&dh_metadata_response_topic_partition_struct, partition);
        partition->partition_index = i;
        partition->leader_id = topic->partitions[i].leader;
        partition->leader_epoch = topic->partitions[i].leader_epoch;
        if (sim_inject_error(broker, DH_API_METADATA) != 0) {
            partition->leader_id = -1;
            partition->error_code = DH_BROKER_LEADER_NOT_AVAILABLE;
        }
    }
}

static void answer_metadata(struct sim_broker *broker, struct sim_request *request)
{
    const struct dh_metadata_request *asked = request->message;
    struct dh_metadata_response response;
    dh_message_init(&dh_metadata_response_type, &response);
    int node_count = broker->network->node_count;
    response.brokers.items =
        sim_request_alloc(request, (size_t)node_count, sizeof(*response.brokers.items));
    response.brokers.count = node_count;
    for (int i = 0; i < node_count; i++) {
        struct dh_metadata_response_broker *node = &response.brokers.items[i];
        dh_struct_init(&dh_metadata_response_broker_struct, node);
        node->node_id = i;
        node->host = dh_bytes_of(node_host(request, i));
        node->port = 9092;
    }
    response.cluster_id = DH_BYTES("the-cluster");
    bool is_all = asked->topics.count < 0;
    int count = is_all ? broker->topics->count : asked->topics.count;
    response.topics.items =
        sim_request_alloc(request, (size_t)count, sizeof(*response.topics.items));
    response.topics.count = count;
    for (int i = 0; i < count; i++) {
        struct dh_metadata_response_topic *out = &response.topics.items[i];
        dh_struct_init(&dh_metadata_response_topic_struct, out);
        struct sim_topic *topic =
            is_all ? &broker->topics->topics[i]
                   : sim_topics_find(broker->topics, asked->topics.items[i].name,
                                     &asked->topics.items[i].topic_id);
        if (topic == NULL) {
            out->name = asked->topics.items[i].name;
            out->error_code = DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
        } else {
            describe_topic(broker, request, topic, out);
        }
    }
    sim_answer(&request->token, &response);
}

static void answer_coordinator(struct sim_broker *broker, struct sim_request *request)
{
    const struct dh_find_coordinator_request *asked = request->message;
    struct dh_find_coordinator_response response;
    dh_message_init(&dh_find_coordinator_response_type, &response);
    int16_t code = sim_inject_error(broker, DH_API_FIND_COORDINATOR);
    int node = code == 0 ? broker->coordinator : -1;
    dohle_bytes host = code == 0 ? dh_bytes_of(node_host(request, node)) : DH_BYTES("");
    int32_t port = code == 0 ? 9092 : -1;
    if (request->token.version < 4) {
        response.error_code = code;
        response.node_id = node;
        response.host = host;
        response.port = port;
    } else {
        struct dh_find_coordinator_response_coordinator *item =
            sim_request_alloc(request, 1, sizeof(*item));
        dh_struct_init(&dh_find_coordinator_response_coordinator_struct, item);
        item->key = asked->coordinator_keys.items[0];
        item->error_code = code;
        item->node_id = node;
        item->host = host;
        item->port = port;
        response.coordinators.items = item;
        response.coordinators.count = 1;
    }
    sim_answer(&request->token, &response);
}

// ---- Offsets of the log ----

int16_t sim_broker_check_leader(struct sim_broker *broker, int place, int node,
                                int32_t leader_epoch)
{
    const struct sim_partition *partition = sim_topics_partition(broker->topics, place);
    if (partition == NULL) {
        return DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (leader_epoch >= 0 && leader_epoch < partition->leader_epoch) {
        return DH_BROKER_FENCED_LEADER_EPOCH;
    }
    if (leader_epoch > partition->leader_epoch) {
        return DH_BROKER_UNKNOWN_LEADER_EPOCH;
    }
    return partition->leader == node ? 0 : DH_BROKER_NOT_LEADER_OR_FOLLOWER;
}

static void list_one(struct sim_broker *broker, struct sim_request *request,
                     dohle_bytes topic,
                     const struct dh_list_offsets_request_topic_partition *asked,
                     struct dh_list_offsets_response_topic_partition *out)
{
    int place = sim_topics_place(broker->topics, topic, asked->partition_index);
    out->partition_index = asked->partition_index;
    out->error_code = sim_broker_check_leader(broker, place, request->node,
                                              asked->current_leader_epoch);
    if (out->error_code == 0) {
        out->error_code = sim_inject_error(broker, DH_API_LIST_OFFSETS);
    }
    out->offset = -1;
    out->timestamp = -1;
    if (out->error_code != 0) {
        return;
    }
    const struct sim_partition *partition = sim_topics_partition(broker->topics, place);
    out->leader_epoch = partition->leader_epoch;
    out->offset = asked->timestamp == -1 ? partition->end : 0;
}

static void answer_list_offsets(struct sim_broker *broker, struct sim_request *request)
{
    const struct dh_list_offsets_request *asked = request->message;
    struct dh_list_offsets_response response;
    dh_message_init(&dh_list_offsets_response_type, &response);
    response.topics.count = asked->topics.count;
    response.topics.items = sim_request_alloc(request, (size_t)asked->topics.count,
                                              sizeof(*response.topics.items));
    for (int32_t i = 0; i < asked->topics.count; i++) {
        const struct dh_list_offsets_request_topic *topic = &asked->topics.items[i];
        struct dh_list_offsets_response_topic *out = &response.topics.items[i];
        dh_struct_init(&dh_list_offsets_response_topic_struct, out);
        out->name = topic->name;
        out->partitions.count = topic->partitions.count;
        out->partitions.items = sim_request_alloc(
            request, (size_t)topic->partitions.count, sizeof(*out->partitions.items));
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            dh_struct_init(&dh_list_offsets_response_topic_partition_struct,
                           &out->partitions.items[j]);
            list_one(broker, request, topic->name, &topic->partitions.items[j],
                     &out->partitions.items[j]);
        }
    }
    sim_answer(&request->token, &response);
}

// The largest epoch not above the one asked for, and where it ends.
static void end_of_epoch(const struct sim_partition *partition, int32_t epoch,
                         struct dh_offset_for_leader_epoch_response_topic_partition *out)
{
    if (epoch > partition->leader_epoch) {
        return; // unknown: both stay -1
    }
    out->leader_epoch = epoch;
    out->end_offset = epoch == partition->leader_epoch
                          ? partition->end
                          : partition->epoch_start[epoch + 1];
}

static void answer_epochs(struct sim_broker *broker, struct sim_request *request)
{
    const struct dh_offset_for_leader_epoch_request *asked = request->message;
    struct dh_offset_for_leader_epoch_response response;
    dh_message_init(&dh_offset_for_leader_epoch_response_type, &response);
    response.topics.count = asked->topics.count;
    response.topics.items = sim_request_alloc(request, (size_t)asked->topics.count,
                                              sizeof(*response.topics.items));
    for (int32_t i = 0; i < asked->topics.count; i++) {
        const struct dh_offset_for_leader_epoch_request_topic *topic =
            &asked->topics.items[i];
        struct dh_offset_for_leader_epoch_response_topic *out = &response.topics.items[i];
        dh_struct_init(&dh_offset_for_leader_epoch_response_topic_struct, out);
        out->topic = topic->topic;
        out->partitions.count = topic->partitions.count;
        out->partitions.items = sim_request_alloc(
            request, (size_t)topic->partitions.count, sizeof(*out->partitions.items));
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_offset_for_leader_epoch_request_topic_partition *one =
                &topic->partitions.items[j];
            struct dh_offset_for_leader_epoch_response_topic_partition *item =
                &out->partitions.items[j];
            dh_struct_init(&dh_offset_for_leader_epoch_response_topic_partition_struct,
                           item);
            item->partition = one->partition;
            item->leader_epoch = -1;
            item->end_offset = -1;
            int place = sim_topics_place(broker->topics, topic->topic, one->partition);
            item->error_code = sim_broker_check_leader(broker, place, request->node,
                                                       one->current_leader_epoch);
            if (item->error_code == 0) {
                item->error_code =
                    sim_inject_error(broker, DH_API_OFFSET_FOR_LEADER_EPOCH);
            }
            if (item->error_code == 0) {
                end_of_epoch(sim_topics_partition(broker->topics, place),
                             one->leader_epoch, item);
            }
        }
    }
    sim_answer(&request->token, &response);
}

// ---- Offsets of a group ----

static int16_t store_offset(struct sim_broker *broker, struct sim_group *group, int place,
                            const struct dh_offset_commit_request *asked,
                            const struct dh_offset_commit_request_topic_partition *one)
{
    int16_t code = sim_group_check_commit(group, asked->member_id,
                                          asked->generation_id_or_member_epoch);
    if (code == 0 && place < 0) {
        code = DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (code != 0) {
        return code;
    }
    group->offsets[place] = one->committed_offset;
    group->epochs[place] = one->committed_leader_epoch;
    sim_topics_commit(broker->topics, group->number, place, one->committed_offset);
    return 0;
}

static int place_of(struct sim_broker *broker, dohle_bytes name, const struct dh_uuid *id,
                    int32_t partition)
{
    const struct sim_topic *topic = sim_topics_find(broker->topics, name, id);
    return topic == NULL
               ? -1
               : sim_topics_place(broker->topics, dh_bytes_of(topic->name), partition);
}

static void answer_commit(struct sim_broker *broker, struct sim_request *request)
{
    const struct dh_offset_commit_request *asked = request->message;
    struct dh_offset_commit_response response;
    dh_message_init(&dh_offset_commit_response_type, &response);
    struct sim_group *group = find_group(broker, asked->group_id);
    int16_t injected = sim_inject_error(broker, DH_API_OFFSET_COMMIT);
    response.topics.count = asked->topics.count;
    response.topics.items = sim_request_alloc(request, (size_t)asked->topics.count,
                                              sizeof(*response.topics.items));
    for (int32_t i = 0; i < asked->topics.count; i++) {
        const struct dh_offset_commit_request_topic *topic = &asked->topics.items[i];
        struct dh_offset_commit_response_topic *out = &response.topics.items[i];
        dh_struct_init(&dh_offset_commit_response_topic_struct, out);
        out->name = topic->name;
        out->topic_id = topic->topic_id;
        out->partitions.count = topic->partitions.count;
        out->partitions.items = sim_request_alloc(
            request, (size_t)topic->partitions.count, sizeof(*out->partitions.items));
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_offset_commit_request_topic_partition *one =
                &topic->partitions.items[j];
            dh_struct_init(&dh_offset_commit_response_topic_partition_struct,
                           &out->partitions.items[j]);
            int place =
                place_of(broker, topic->name, &topic->topic_id, one->partition_index);
            out->partitions.items[j].partition_index = one->partition_index;
            out->partitions.items[j].error_code =
                injected != 0 ? injected : store_offset(broker, group, place, asked, one);
        }
    }
    sim_answer(&request->token, &response);
}

// One partition of an OffsetFetch, in the form of version 8.
static struct dh_offset_fetch_response_group_topic_partition
read_offset(const struct sim_group *group, int place, int32_t partition)
{
    struct dh_offset_fetch_response_group_topic_partition out;
    dh_struct_init(&dh_offset_fetch_response_group_topic_partition_struct, &out);
    out.partition_index = partition;
    out.committed_offset = place < 0 ? -1 : group->offsets[place];
    out.committed_leader_epoch = place < 0 ? -1 : group->epochs[place];
    out.metadata = DH_BYTES("");
    return out;
}

static void answer_offsets_of_one(struct sim_broker *broker, struct sim_request *request)
{
    const struct dh_offset_fetch_request *asked = request->message;
    struct dh_offset_fetch_response response;
    dh_message_init(&dh_offset_fetch_response_type, &response);
    response.error_code = sim_inject_error(broker, DH_API_OFFSET_FETCH);
    if (response.error_code == 0) {
        const struct sim_group *group = find_group(broker, asked->group_id);
        response.topics.count = asked->topics.count;
        response.topics.items = sim_request_alloc(request, (size_t)asked->topics.count,
                                                  sizeof(*response.topics.items));
        for (int32_t i = 0; i < asked->topics.count; i++) {
            const struct dh_offset_fetch_request_topic *topic = &asked->topics.items[i];
            struct dh_offset_fetch_response_topic *out = &response.topics.items[i];
            dh_struct_init(&dh_offset_fetch_response_topic_struct, out);
            out->name = topic->name;
            out->partitions.count = topic->partition_indexes.count;
            out->partitions.items =
                sim_request_alloc(request, (size_t)topic->partition_indexes.count,
                                  sizeof(*out->partitions.items));
            for (int32_t j = 0; j < topic->partition_indexes.count; j++) {
                int32_t number = topic->partition_indexes.items[j];
                struct dh_offset_fetch_response_group_topic_partition one = read_offset(
                    group, place_of(broker, topic->name, NULL, number), number);
                out->partitions.items[j] =
                    (struct dh_offset_fetch_response_topic_partition){
                        .partition_index = number,
                        .committed_offset = one.committed_offset,
                        .committed_leader_epoch = one.committed_leader_epoch,
                        .metadata = one.metadata};
            }
        }
    }
    sim_answer(&request->token, &response);
}

static void answer_offsets_of_many(struct sim_broker *broker, struct sim_request *request)
{
    const struct dh_offset_fetch_request *asked = request->message;
    struct dh_offset_fetch_response response;
    dh_message_init(&dh_offset_fetch_response_type, &response);
    DH_ASSERT(asked->groups.count == 1);
    const struct dh_offset_fetch_request_group *wanted = &asked->groups.items[0];
    struct dh_offset_fetch_response_group *out =
        sim_request_alloc(request, 1, sizeof(*out));
    dh_struct_init(&dh_offset_fetch_response_group_struct, out);
    response.groups.items = out;
    response.groups.count = 1;
    out->group_id = wanted->group_id;
    out->error_code = sim_inject_error(broker, DH_API_OFFSET_FETCH);
    if (out->error_code == 0) {
        const struct sim_group *group = find_group(broker, wanted->group_id);
        out->topics.count = wanted->topics.count;
        out->topics.items = sim_request_alloc(request, (size_t)wanted->topics.count,
                                              sizeof(*out->topics.items));
        for (int32_t i = 0; i < wanted->topics.count; i++) {
            const struct dh_offset_fetch_request_group_topic *topic =
                &wanted->topics.items[i];
            struct dh_offset_fetch_response_group_topic *item = &out->topics.items[i];
            dh_struct_init(&dh_offset_fetch_response_group_topic_struct, item);
            item->name = topic->name;
            item->topic_id = topic->topic_id;
            item->partitions.count = topic->partition_indexes.count;
            item->partitions.items =
                sim_request_alloc(request, (size_t)topic->partition_indexes.count,
                                  sizeof(*item->partitions.items));
            for (int32_t j = 0; j < topic->partition_indexes.count; j++) {
                int32_t number = topic->partition_indexes.items[j];
                item->partitions.items[j] = read_offset(
                    group, place_of(broker, topic->name, &topic->topic_id, number),
                    number);
            }
        }
    }
    sim_answer(&request->token, &response);
}

// ---- Membership ----

/*
 * Whether the node refuses what is meant for the coordinator of a group: because it is
 * not the one, or because an error is injected. Then it has been answered.
 */
static bool is_refused(struct sim_broker *broker, struct sim_request *request)
{
    int16_t code = request->node == broker->coordinator
                       ? sim_inject_error(broker, request->token.key)
                       : DH_BROKER_NOT_COORDINATOR;
    if (code == 0) {
        return false;
    }
    const struct dh_api *api = dh_api_find(request->token.key);
    void *response = sim_request_alloc(request, 1, api->response->body.size);
    dh_message_init(api->response, response);
    switch (request->token.key) {
    case DH_API_JOIN_GROUP: {
        struct dh_join_group_response *join = response;
        join->error_code = code;
        join->generation_id = -1;
        join->protocol_name = DH_BYTES("");
        break;
    }
    case DH_API_SYNC_GROUP:
        ((struct dh_sync_group_response *)response)->error_code = code;
        break;
    case DH_API_HEARTBEAT:
        ((struct dh_heartbeat_response *)response)->error_code = code;
        break;
    case DH_API_LEAVE_GROUP:
        ((struct dh_leave_group_response *)response)->error_code = code;
        break;
    default: DH_ASSERT(false);
    }
    sim_answer(&request->token, response);
    return true;
}

// OffsetCommit has no error of its own: each partition carries it.
static bool is_commit_refused(struct sim_broker *broker, struct sim_request *request)
{
    if (request->node == broker->coordinator) {
        return false;
    }
    const struct dh_offset_commit_request *asked = request->message;
    struct dh_offset_commit_response response;
    dh_message_init(&dh_offset_commit_response_type, &response);
    response.topics.count = asked->topics.count;
    response.topics.items = sim_request_alloc(request, (size_t)asked->topics.count,
                                              sizeof(*response.topics.items));
    for (int32_t i = 0; i < asked->topics.count; i++) {
        const struct dh_offset_commit_request_topic *topic = &asked->topics.items[i];
        struct dh_offset_commit_response_topic *out = &response.topics.items[i];
        dh_struct_init(&dh_offset_commit_response_topic_struct, out);
        out->name = topic->name;
        out->topic_id = topic->topic_id;
        out->partitions.count = topic->partitions.count;
        out->partitions.items = sim_request_alloc(
            request, (size_t)topic->partitions.count, sizeof(*out->partitions.items));
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            out->partitions.items[j].partition_index =
                topic->partitions.items[j].partition_index;
            out->partitions.items[j].error_code = DH_BROKER_NOT_COORDINATOR;
        }
    }
    sim_answer(&request->token, &response);
    return true;
}

static bool is_offset_fetch_refused(struct sim_broker *broker,
                                    struct sim_request *request)
{
    if (request->node == broker->coordinator) {
        return false;
    }
    const struct dh_offset_fetch_request *asked = request->message;
    struct dh_offset_fetch_response response;
    dh_message_init(&dh_offset_fetch_response_type, &response);
    struct dh_offset_fetch_response_group group;
    if (request->token.version < 8) {
        response.error_code = DH_BROKER_NOT_COORDINATOR;
    } else {
        dh_struct_init(&dh_offset_fetch_response_group_struct, &group);
        group.group_id = asked->groups.items[0].group_id;
        group.error_code = DH_BROKER_NOT_COORDINATOR;
        response.groups.items = &group;
        response.groups.count = 1;
    }
    sim_answer(&request->token, &response);
    return true;
}

// ---- Requests ----

static void answer(struct sim_broker *broker, struct sim_request *request)
{
    switch (request->token.key) {
    case DH_API_API_VERSIONS: answer_versions(broker, request); return;
    case DH_API_METADATA: answer_metadata(broker, request); return;
    case DH_API_FIND_COORDINATOR: answer_coordinator(broker, request); return;
    case DH_API_LIST_OFFSETS: answer_list_offsets(broker, request); return;
    case DH_API_OFFSET_FOR_LEADER_EPOCH: answer_epochs(broker, request); return;
    case DH_API_FETCH: sim_fetches_serve(&broker->fetches, request); return;
    case DH_API_OFFSET_COMMIT:
        if (!is_commit_refused(broker, request)) {
            answer_commit(broker, request);
        }
        return;
    case DH_API_OFFSET_FETCH:
        if (is_offset_fetch_refused(broker, request)) {
            return;
        }
        if (request->token.version < 8) {
            answer_offsets_of_one(broker, request);
        } else {
            answer_offsets_of_many(broker, request);
        }
        return;
    default: break;
    }
    if (is_refused(broker, request)) {
        return;
    }
    switch (request->token.key) {
    case DH_API_JOIN_GROUP: {
        const struct dh_join_group_request *asked = request->message;
        sim_group_join(find_group(broker, asked->group_id), request);
        return;
    }
    case DH_API_SYNC_GROUP: {
        const struct dh_sync_group_request *asked = request->message;
        sim_group_sync(find_group(broker, asked->group_id), request);
        return;
    }
    case DH_API_HEARTBEAT: {
        const struct dh_heartbeat_request *asked = request->message;
        sim_group_heartbeat(find_group(broker, asked->group_id), request);
        return;
    }
    case DH_API_LEAVE_GROUP: {
        const struct dh_leave_group_request *asked = request->message;
        sim_group_leave(find_group(broker, asked->group_id), request);
        return;
    }
    default: DH_ASSERT(false); // an API that no consumer has to speak
    }
}

// KIP-511: a version of ApiVersions that is too new is answered in version 0.
static bool is_version_refused(struct sim_broker *broker, struct sim_request *request)
{
    if (request->token.version <= broker->version_max[request->token.key]) {
        return false;
    }
    DH_ASSERT(request->token.key == DH_API_API_VERSIONS);
    struct dh_api_versions_response response;
    dh_message_init(&dh_api_versions_response_type, &response);
    struct dh_api_versions_response_api_key range = {
        .api_key = DH_API_API_VERSIONS,
        .max_version = broker->version_max[DH_API_API_VERSIONS]};
    response.error_code = DH_BROKER_UNSUPPORTED_VERSION;
    response.api_keys.items = &range;
    response.api_keys.count = 1;
    request->token.version = 0;
    sim_answer(&request->token, &response);
    return true;
}

// The size of the first frame of what has come; 0: it is not whole.
static size_t first_frame(const struct sim_connection *connection)
{
    const uint8_t *data = connection->in.data;
    if (connection->in.size < DH_ENVELOPE_SIZE_SIZE) {
        return 0;
    }
    size_t size =
        (size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
    size += DH_ENVELOPE_SIZE_SIZE;
    return connection->in.size >= size ? size : 0;
}

static bool on_connect(void *ctx, struct sim_connection *connection)
{
    (void)ctx;
    (void)connection;
    return true;
}

static bool receive_buffer(void *ctx, struct sim_connection *connection,
                           uint8_t **pointer, size_t *capacity)
{
    (void)ctx;
    struct dh_buf *in = &connection->in;
    int err = dh_buf_reserve(in, RECEIVE_BYTES);
    DH_ASSERT(err == 0);
    *pointer = in->data + in->size;
    *capacity = RECEIVE_BYTES;
    return true;
}

static void on_received(void *ctx, struct sim_connection *connection, size_t size)
{
    struct sim_broker *broker = ctx;
    connection->in.size += size;
    sim_broker_go_on(broker, connection);
}

// What is sent was copied; who is closed is answered into the void.
static void ignore(void *ctx, struct sim_connection *connection)
{
    (void)ctx;
    (void)connection;
}

void sim_broker_go_on(struct sim_broker *broker, struct sim_connection *connection)
{
    if (!connection->is_busy && first_frame(connection) > 0) {
        connection->is_busy = true;
        sim_after(broker->scheduler, sim_delay(broker->scheduler, 5 * DH_MS), serve,
                  connection, 0);
    }
}

// Moves the first frame out of the stream, without its size.
static dohle_bytes take_frame(struct sim_broker *broker,
                              struct sim_connection *connection, size_t size)
{
    struct dh_buf *in = &connection->in;
    uint8_t *frame = dh_arena_alloc(&broker->arena, size);
    DH_ASSERT(frame != NULL);
    memcpy(frame, in->data, size);
    memmove(in->data, in->data + size, in->size - size);
    in->size -= size;
    return (dohle_bytes){frame + DH_ENVELOPE_SIZE_SIZE, size - DH_ENVELOPE_SIZE_SIZE};
}

static void serve(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_connection *connection = ctx;
    struct sim_broker *broker = connection->network->server.ctx;
    size_t size = first_frame(connection);
    DH_ASSERT(size > 0);
    dh_arena_reset(&broker->arena);
    dohle_bytes frame = take_frame(broker, connection, size);
    struct dh_reader reader;
    dh_reader_init(&reader, frame);
    struct dh_request_header header;
    int err = dh_envelope_decode_request_header(&reader, &header);
    DH_ASSERT(err == 0);
    const struct dh_api *api = dh_api_find(header.request_api_key);
    struct sim_request request = {
        .token = {.connection = connection,
                  .correlation_id = header.correlation_id,
                  .key = header.request_api_key,
                  .version = header.request_api_version},
        .node = connection->node,
        .arena = &broker->arena,
    };
    broker->counts.requests[header.request_api_key]++;
    sim_hash(broker->scheduler, (uint64_t)header.request_api_key);
    if (!is_version_refused(broker, &request)) {
        void *message = sim_request_alloc(&request, 1, api->request->body.size);
        err = dh_message_decode(api->request, header.request_api_version, &reader,
                                &broker->arena, message);
        DH_ASSERT(err == 0);
        DH_ASSERT(dh_reader_left(&reader) == 0);
        request.message = message;
        answer(broker, &request);
    }
}
