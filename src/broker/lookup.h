// SPDX-License-Identifier: MIT
/*
 * What every data request asks first of each of its partitions: is it here, may I? And the
 * leaders that its answer names when it is not (KIP-951).
 */
#ifndef DH_BROKER_LOOKUP_H
#define DH_BROKER_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "broker/nodes.h"
#include "broker/request.h"
#include "broker/topics.h"
#include "wire/uuid.h"

// A partition as a request names it.
struct dh_broker_lookup {
    dohle_bytes name;         // unless `id`
    const struct dh_uuid *id; // NULL: by name
    int32_t number;
    int32_t client_epoch; // -1: none
};

/*
 * The partition, when the node that was asked leads it, the client's epoch is right and its
 * disk works; else NULL with *broker_code, which a fault may have chosen.
 */
struct dh_broker_partition *dh_broker_lookup(struct dh_broker_request *request,
                                             const struct dh_broker_lookup *lookup,
                                             int16_t *broker_code);

// The nodes that an answer names as leaders, each once.
struct dh_broker_leaders {
    const struct dh_broker_node *nodes[DH_BROKER_NODES_MAX];
    size_t count;
};

/*
 * After a lookup that failed with NOT_LEADER_OR_FOLLOWER or FENCED_LEADER_EPOCH: the
 * leader (-1: none) and its epoch; false: nothing to be told. Its node is added.
 */
bool dh_broker_lookup_leader(const struct dh_broker_request *request,
                             const struct dh_broker_lookup *lookup, int16_t broker_code,
                             struct dh_broker_leaders *leaders, int32_t *leader,
                             int32_t *leader_epoch);

// The code of an error of the store.
int16_t dh_broker_store_code(int err);

#endif
