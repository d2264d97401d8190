// SPDX-License-Identifier: MIT
/*
 * Which nodes are the replicas of a partition, and which of them leads.
 *
 *     replicas of partition p:  nodes (start + p), (start + p + 1), ... in a ring
 *     leader:                   the first replica that is up
 */
#ifndef DH_BROKER_PLACEMENT_H
#define DH_BROKER_PLACEMENT_H

#include "broker/state.h"
#include "broker/topics.h"

// factor: at most the nodes. The leader's epoch is left as it is.
void dh_broker_placement_spread(const struct dh_broker *broker,
                                struct dh_broker_partition *partition, size_t start,
                                size_t factor);

// The first replica that is up; -1: none.
int32_t dh_broker_placement_leader(const struct dh_broker *broker,
                                   const struct dh_broker_partition *partition);

/*
 * Another set of nodes than the partition was made for: replicas that are gone are left out, and
 * one is chosen when none is left. True: something was changed.
 */
bool dh_broker_placement_fit(const struct dh_broker *broker,
                             struct dh_broker_partition *partition);

// Checks replicas given by hand. Returns 0 or INVALID_REPLICA_ASSIGNMENT with Kafka's text.
int16_t dh_broker_placement_check(const struct dh_broker *broker, const int32_t *replicas,
                                  size_t count, char *text, size_t size);

#endif
