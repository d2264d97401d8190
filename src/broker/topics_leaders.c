// SPDX-License-Identifier: MIT
#include <inttypes.h>

#include <dohle/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "broker/nodes.h"
#include "broker/placement.h"
#include "broker/topics_inside.h"
#include "wire/gen/broker_errors.h"

static const char subsystem[] = "topics";

int dh_broker_topics_save(struct dh_broker *broker)
{
    struct dh_broker_topics *topics = broker->topics;
    if (topics->count == 0) {
        return 0;
    }
    const struct dh_broker_topic **unsaved =
        (const struct dh_broker_topic **)dh_mem_calloc(broker->mem, topics->count,
                                                       sizeof(*unsaved));
    if (unsaved == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    size_t count = 0;
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->items[i]->is_unsaved) {
            unsaved[count++] = topics->items[i];
        }
    }
    int err =
        dh_broker_metadata_log_put_topics(broker, &topics->metadata, unsaved, count);
    for (size_t i = 0; err == 0 && i < topics->count; i++) {
        topics->items[i]->is_unsaved = false;
    }
    dh_mem_free(broker->mem, (void *)unsaved, topics->count * sizeof(*unsaved));
    return err;
}

/*
 * Leaders are a fact of running nodes, so they change even if the record cannot be
 * written; the topic stays unsaved, and the next record of any topic brings it along, or
 * the clean stop.
 */
void dh_broker_topics_save_or_say(struct dh_broker *broker)
{
    int err = dh_broker_topics_save(broker);
    if (err != 0) {
        dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
               "new leaders are not written to the metadata log yet: %s",
               dohle_error_text(err));
    }
}

static void elect(struct dh_broker_partition *partition, int32_t leader)
{
    partition->leader = leader;
    partition->leader_epoch++;
    partition->topic->is_unsaved = true;
}

int16_t dh_broker_topics_move_leader(struct dh_broker *broker,
                                     struct dh_broker_partition *partition,
                                     int32_t node_id)
{
    bool is_replica = false;
    for (size_t i = 0; i < partition->replica_count; i++) {
        is_replica = is_replica || partition->replicas[i] == node_id;
    }
    if (!is_replica || !dh_broker_nodes_is_up(broker, node_id)) {
        return DH_BROKER_REPLICA_NOT_AVAILABLE;
    }
    elect(partition, node_id);
    dh_broker_topics_save_or_say(broker);
    dh_broker_topics_tell_leader(broker, partition);
    return 0;
}

// Whether that node's coming or going changes who leads.
static bool is_concerned(const struct dh_broker_partition *partition, int32_t node_id,
                         bool is_up)
{
    return is_up ? partition->leader == -1 : partition->leader == node_id;
}

void dh_broker_topics_on_node(struct dh_broker *broker, int32_t node_id, bool is_up)
{
    struct dh_broker_topics *topics = broker->topics;
    for (size_t t = 0; t < topics->count; t++) {
        struct dh_broker_topic *topic = topics->items[t];
        for (int32_t p = 0; p < topic->partition_count; p++) {
            struct dh_broker_partition *partition = &topic->partitions[p];
            if (is_concerned(partition, node_id, is_up)) {
                int32_t leader = dh_broker_placement_leader(broker, partition);
                if (leader != partition->leader) {
                    elect(partition, leader);
                    dh_broker_topics_tell_leader(broker, partition);
                }
            }
        }
    }
    dh_broker_topics_save_or_say(broker);
}
