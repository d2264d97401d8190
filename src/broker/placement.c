// SPDX-License-Identifier: MIT
#include "broker/placement.h"

#include <inttypes.h>
#include <stdio.h>

#include "broker/nodes.h"
#include "wire/gen/broker_errors.h"

void dh_broker_placement_spread(const struct dh_broker *broker,
                                struct dh_broker_partition *partition, size_t start,
                                size_t factor)
{
    size_t nodes = dh_broker_nodes_count(broker);
    DH_ASSERT(factor >= 1 && factor <= nodes);
    partition->replica_count = factor;
    for (size_t i = 0; i < factor; i++) {
        size_t index = (start + (size_t)partition->number + i) % nodes;
        partition->replicas[i] = dh_broker_nodes_at(broker, index)->id;
    }
    partition->leader = dh_broker_placement_leader(broker, partition);
}

int32_t dh_broker_placement_leader(const struct dh_broker *broker,
                                   const struct dh_broker_partition *partition)
{
    for (size_t i = 0; i < partition->replica_count; i++) {
        if (dh_broker_nodes_is_up(broker, partition->replicas[i])) {
            return partition->replicas[i];
        }
    }
    return -1;
}

bool dh_broker_placement_fit(const struct dh_broker *broker,
                             struct dh_broker_partition *partition)
{
    size_t kept = 0;
    for (size_t i = 0; i < partition->replica_count; i++) {
        if (dh_broker_nodes_find(broker, partition->replicas[i]) != NULL) {
            partition->replicas[kept++] = partition->replicas[i];
        }
    }
    if (kept == partition->replica_count && kept > 0) {
        return false;
    }
    partition->replica_count = kept;
    if (kept == 0) {
        dh_broker_placement_spread(broker, partition, 0, 1);
    }
    return true;
}

int16_t dh_broker_placement_check(const struct dh_broker *broker, const int32_t *replicas,
                                  size_t count, char *text, size_t size)
{
    if (count == 0) {
        snprintf(text, size,
                 "The manual partition assignment includes an empty replica list.");
        return DH_BROKER_INVALID_REPLICA_ASSIGNMENT;
    }
    for (size_t i = 0; i < count; i++) {
        if (dh_broker_nodes_find(broker, replicas[i]) == NULL) {
            snprintf(text, size,
                     "The manual partition assignment includes broker %" PRId32
                     ", but no such broker is registered.",
                     replicas[i]);
            return DH_BROKER_INVALID_REPLICA_ASSIGNMENT;
        }
        for (size_t j = 0; j < i; j++) {
            if (replicas[j] == replicas[i]) {
                snprintf(text, size,
                         "The manual partition assignment includes the broker %" PRId32
                         " more than once.",
                         replicas[i]);
                return DH_BROKER_INVALID_REPLICA_ASSIGNMENT;
            }
        }
    }
    return 0;
}
