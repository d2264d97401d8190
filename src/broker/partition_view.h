// SPDX-License-Identifier: MIT
/*
 * What answers about the cluster say of partitions: replicas, and what is allowed.
 */
#ifndef DH_BROKER_PARTITION_VIEW_H
#define DH_BROKER_PARTITION_VIEW_H

#include "broker/request.h"
#include "broker/topics.h"

// Without access control everything is allowed: bits of AclOperation.
#define DH_BROKER_CLUSTER_OPERATIONS 8096 // create, alter, describe, configs, write, ...
#define DH_BROKER_TOPIC_OPERATIONS   3576 // read, write, create, delete, alter, ...

enum dh_broker_replica_kind {
    DH_BROKER_ALL_REPLICAS,
    DH_BROKER_IN_SYNC_REPLICAS, // those that are up; when none is, the last that led
    DH_BROKER_OFFLINE_REPLICAS,
};

struct dh_broker_id_list {
    int32_t *items; // NULL: no memory
    int32_t count;
};

struct dh_broker_id_list
dh_broker_list_replicas(struct dh_broker_request *request,
                        const struct dh_broker_partition *partition,
                        enum dh_broker_replica_kind kind);

#endif
