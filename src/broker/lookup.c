// SPDX-License-Identifier: MIT
#include "broker/lookup.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "broker/faults.h"
#include "wire/gen/broker_errors.h"

static struct dh_broker_topic *find_topic(const struct dh_broker *broker,
                                          const struct dh_broker_lookup *lookup)
{
    return lookup->id == NULL ? dh_broker_topics_find(broker, lookup->name)
                              : dh_broker_topics_find_id(broker, lookup->id);
}

struct dh_broker_partition *dh_broker_lookup(struct dh_broker_request *request,
                                             const struct dh_broker_lookup *lookup,
                                             int16_t *broker_code)
{
    struct dh_broker *broker = request->broker;
    struct dh_broker_topic *topic = find_topic(broker, lookup);
    if (topic == NULL && lookup->id != NULL) {
        *broker_code = DH_BROKER_UNKNOWN_TOPIC_ID;
        return NULL;
    }
    dohle_bytes name = topic == NULL ? lookup->name : dh_bytes_of(topic->name);
    *broker_code = dh_broker_faults_partition(request, name, lookup->number);
    if (*broker_code != 0) {
        return NULL;
    }
    struct dh_broker_partition *partition =
        dh_broker_topics_led(broker, topic, lookup->number, request->node->id,
                             lookup->client_epoch, broker_code);
    if (partition != NULL && dh_store_log_is_offline(partition->log)) {
        *broker_code = DH_BROKER_KAFKA_STORAGE_ERROR;
        return NULL;
    }
    return partition;
}

static void add_leader(struct dh_broker_leaders *leaders,
                       const struct dh_broker_node *node)
{
    for (size_t i = 0; i < leaders->count; i++) {
        if (leaders->nodes[i] == node) {
            return;
        }
    }
    leaders->nodes[leaders->count++] = node;
}

bool dh_broker_lookup_leader(const struct dh_broker_request *request,
                             const struct dh_broker_lookup *lookup, int16_t broker_code,
                             struct dh_broker_leaders *leaders, int32_t *leader,
                             int32_t *leader_epoch)
{
    if (broker_code != DH_BROKER_NOT_LEADER_OR_FOLLOWER &&
        broker_code != DH_BROKER_FENCED_LEADER_EPOCH) {
        return false;
    }
    const struct dh_broker_topic *topic = find_topic(request->broker, lookup);
    if (topic == NULL || lookup->number < 0 || lookup->number >= topic->partition_count) {
        return false; // A fault's code, for what is not there.
    }
    const struct dh_broker_partition *partition = &topic->partitions[lookup->number];
    *leader = partition->leader;
    *leader_epoch = partition->leader_epoch;
    const struct dh_broker_node *node =
        dh_broker_nodes_find(request->broker, partition->leader);
    if (node != NULL) {
        add_leader(leaders, node);
    }
    return true;
}

int16_t dh_broker_store_code(int err)
{
    // Both are retriable: a client tries again when there is room, or memory, or a new leader.
    return err == DOHLE_ERR_CORRUPT ? DH_BROKER_CORRUPT_MESSAGE
                                    : DH_BROKER_KAFKA_STORAGE_ERROR;
}
