// SPDX-License-Identifier: MIT
#include "broker/topics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "broker/conditions.h"
#include "broker/groups.h"
#include "broker/metadata_log.h"
#include "broker/nodes.h"
#include "broker/placement.h"
#include "broker/topic_config.h"
#include "broker/topic_name.h"
#include "broker/topics_inside.h"
#include "broker/waits.h"
#include "wire/gen/broker_errors.h"

static const char subsystem[] = "topics";

// ---- The table: in order of name, and by id ----

// Where the name is, or would be.
static size_t place_of(const struct dh_broker_topics *topics, dohle_bytes name)
{
    size_t low = 0;
    size_t high = topics->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dh_bytes_compare(dh_bytes_of(topics->items[middle]->name), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct dh_broker_topic *dh_broker_topics_find(const struct dh_broker *broker,
                                              dohle_bytes name)
{
    const struct dh_broker_topics *topics = broker->topics;
    size_t place = place_of(topics, name);
    if (place == topics->count ||
        dh_bytes_compare(dh_bytes_of(topics->items[place]->name), name) != 0) {
        return NULL;
    }
    return topics->items[place];
}

static dohle_bytes bytes_of_id(const struct dh_uuid *id)
{
    return (dohle_bytes){id->bytes, sizeof(id->bytes)};
}

struct dh_broker_topic *dh_broker_topics_find_id(const struct dh_broker *broker,
                                                 const struct dh_uuid *id)
{
    return dh_map_get(&broker->topics->by_id, bytes_of_id(id));
}

struct dh_broker_topic *dh_broker_topics_next(const struct dh_broker *broker,
                                              const struct dh_broker_topic *after)
{
    const struct dh_broker_topics *topics = broker->topics;
    size_t place = after == NULL ? 0 : place_of(topics, dh_bytes_of(after->name)) + 1;
    return place < topics->count ? topics->items[place] : NULL;
}

// Returns 0 or DOHLE_ERR_NO_MEMORY, with nothing changed.
int dh_broker_topics_insert(struct dh_broker *broker, struct dh_broker_topic *topic)
{
    struct dh_broker_topics *topics = broker->topics;
    if (dh_mem_grow(broker->mem, (void *)&topics->items, &topics->capacity,
                    topics->count + 1, sizeof(topics->items[0])) != 0 ||
        dh_map_put(&topics->by_id, bytes_of_id(&topic->id), topic) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    size_t place = place_of(topics, dh_bytes_of(topic->name));
    memmove((void *)&topics->items[place + 1], (void *)&topics->items[place],
            (topics->count - place) * sizeof(topics->items[0]));
    topics->items[place] = topic;
    topics->count++;
    return 0;
}

void dh_broker_topics_take_out(struct dh_broker *broker, struct dh_broker_topic *topic)
{
    struct dh_broker_topics *topics = broker->topics;
    size_t place = place_of(topics, dh_bytes_of(topic->name));
    DH_ASSERT(place < topics->count && topics->items[place] == topic);
    topics->count--;
    memmove((void *)&topics->items[place], (void *)&topics->items[place + 1],
            (topics->count - place) * sizeof(topics->items[0]));
    (void)dh_map_remove(&topics->by_id, bytes_of_id(&topic->id));
}

// ---- Who is told ----

// A partition has another leader, or is new.
void dh_broker_topics_tell_leader(struct dh_broker *broker,
                                  struct dh_broker_partition *partition)
{
    dh_log(broker->log, DOHLE_LOG_DEBUG, subsystem,
           "%s-%" PRId32 ": leader %" PRId32 ", epoch %" PRId32, partition->topic->name,
           partition->number, partition->leader, partition->leader_epoch);
    dh_broker_changed(broker, DH_BROKER_CHANGE_TOPIC);
    if (broker->waits != NULL) { // Nobody waits while topics are opened.
        dh_broker_waits_wake(broker, partition);
    }
}

// The topic is about to go.
void dh_broker_topics_tell_gone(struct dh_broker *broker, struct dh_broker_topic *topic)
{
    dh_log(broker->log, DOHLE_LOG_INFO, subsystem, "topic %s is deleted", topic->name);
    dh_broker_changed(broker, DH_BROKER_CHANGE_TOPIC);
    dh_broker_groups_on_topic_deleted(broker, topic);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        dh_broker_waits_dismiss(broker, &topic->partitions[i]);
    }
}

// ---- One topic ----

void dh_broker_topic_free(struct dh_broker *broker, struct dh_broker_topic *topic)
{
    if (topic == NULL) {
        return;
    }
    for (int32_t i = 0; i < topic->partition_count; i++) {
        DH_ASSERT(dh_list_is_empty(&topic->partitions[i].waiters));
    }
    dh_mem_free(broker->mem, topic->partitions,
                topic->partition_capacity * sizeof(topic->partitions[0]));
    if (topic->config != NULL) {
        dh_broker_topic_config_deinit(topic->config, broker);
        dh_mem_free(broker->mem, topic->config, sizeof(*topic->config));
    }
    dh_mem_free_string(broker->mem, topic->name);
    dh_mem_free(broker->mem, topic, sizeof(*topic));
}

#define BASE64_OF_DASH 62

struct dh_uuid dh_broker_topics_new_id(struct dh_broker *broker)
{
    struct dh_uuid id;
    do {
        for (size_t i = 0; i < sizeof(id.bytes); i++) {
            id.bytes[i] = (uint8_t)dh_random_next(&broker->random);
        }
        // 0 is none, and Kafka keeps small numbers for itself (BR-006); a text that begins
        // with a dash would look like an option to its tools.
    } while (id.bytes[0] == 0 || id.bytes[0] >> 2 == BASE64_OF_DASH);
    return id;
}

struct dh_broker_topic *dh_broker_topic_new(struct dh_broker *broker, dohle_bytes name,
                                            struct dh_uuid id,
                                            const struct dh_broker_topic_config *config)
{
    struct dh_broker_topic *topic = dh_mem_calloc(broker->mem, 1, sizeof(*topic));
    if (topic == NULL) {
        return NULL;
    }
    topic->id = id;
    topic->is_internal = dh_broker_topic_name_is_internal(name);
    topic->name = dh_mem_copy_text(broker->mem, name.data, name.size);
    topic->config = dh_mem_calloc(broker->mem, 1, sizeof(*topic->config));
    int err = topic->name == NULL || topic->config == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    if (err == 0 && config != NULL) {
        err = dh_broker_topic_config_copy(broker, topic->config, config);
    } else if (err == 0) {
        dh_broker_topic_config_init(topic->config, broker);
    }
    if (err != 0) {
        dh_broker_topic_free(broker, topic);
        return NULL;
    }
    return topic;
}

// Moves all partitions to a larger block.
static int move_partitions(struct dh_broker *broker, struct dh_broker_topic *topic,
                           size_t capacity)
{
    struct dh_broker_partition *moved =
        dh_mem_calloc(broker->mem, capacity, sizeof(*moved));
    if (moved == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (int32_t i = 0; i < topic->partition_count; i++) {
        struct dh_broker_partition *from = &topic->partitions[i];
        moved[i] = *from;
        dh_list_init(&moved[i].waiters);
        dh_list_append_all(&moved[i].waiters, &from->waiters);
        if (moved[i].log != NULL) {
            dh_store_log_set_ctx(moved[i].log, &moved[i]);
        }
    }
    dh_mem_free(broker->mem, topic->partitions,
                topic->partition_capacity * sizeof(topic->partitions[0]));
    topic->partitions = moved;
    topic->partition_capacity = capacity;
    return 0;
}

int dh_broker_topic_extend(struct dh_broker *broker, struct dh_broker_topic *topic,
                           int32_t count)
{
    if ((size_t)count > topic->partition_capacity) {
        int err = move_partitions(broker, topic, (size_t)count);
        if (err != 0) {
            return err;
        }
    }
    for (int32_t i = topic->partition_count; i < count; i++) {
        struct dh_broker_partition *partition = &topic->partitions[i];
        *partition =
            (struct dh_broker_partition){.topic = topic, .number = i, .leader = -1};
        dh_list_init(&partition->waiters);
    }
    topic->partition_count = count;
    return 0;
}

void dh_broker_partition_attach(struct dh_broker_partition *partition,
                                struct dh_store_log *log)
{
    partition->log = log;
    dh_store_log_set_ctx(log, partition);
    struct dh_store_log_config config =
        dh_broker_topic_config_for_log(partition->topic->config);
    dh_store_log_set_config(log, &config);
    // A log never goes back to an older epoch.
    int32_t latest = dh_store_log_latest_epoch(log);
    if (latest > partition->leader_epoch) {
        partition->leader_epoch = latest;
        partition->topic->is_unsaved = true;
    }
}

// ---- What every data request asks first ----

struct dh_broker_partition *dh_broker_topics_led(const struct dh_broker *broker,
                                                 struct dh_broker_topic *topic,
                                                 int32_t number, int32_t node_id,
                                                 int32_t client_epoch,
                                                 int16_t *broker_code)
{
    (void)broker;
    if (topic == NULL || number < 0 || number >= topic->partition_count) {
        *broker_code = DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
        return NULL;
    }
    struct dh_broker_partition *partition = &topic->partitions[number];
    bool is_replica = false;
    for (size_t i = 0; i < partition->replica_count; i++) {
        is_replica = is_replica || partition->replicas[i] == node_id;
    }
    // As Partition.checkCurrentLeaderEpoch, which a replica asks before who leads.
    if (is_replica && client_epoch != -1 && client_epoch != partition->leader_epoch) {
        *broker_code = client_epoch < partition->leader_epoch
                           ? DH_BROKER_FENCED_LEADER_EPOCH
                           : DH_BROKER_UNKNOWN_LEADER_EPOCH;
        return NULL;
    }
    if (partition->leader != node_id) {
        *broker_code = DH_BROKER_NOT_LEADER_OR_FOLLOWER;
        return NULL;
    }
    *broker_code = 0;
    return partition;
}

void dh_broker_topics_check_invariants(const struct dh_broker *broker)
{
    const struct dh_broker_topics *topics = broker->topics;
    for (size_t i = 0; i < topics->count; i++) {
        const struct dh_broker_topic *topic = topics->items[i];
        DH_ASSERT(i == 0 || strcmp(topics->items[i - 1]->name, topic->name) < 0);
        DH_ASSERT(dh_broker_topics_find_id(broker, &topic->id) == topic);
        for (int32_t p = 0; p < topic->partition_count; p++) {
            const struct dh_broker_partition *partition = &topic->partitions[p];
            DH_ASSERT(partition->topic == topic && partition->number == p);
            DH_ASSERT(partition->replica_count >= 1);
            DH_ASSERT(partition->log != NULL &&
                      dh_store_log_ctx(partition->log) == partition);
            DH_ASSERT(partition->leader == -1 ||
                      dh_broker_nodes_is_up(broker, partition->leader));
        }
    }
}
