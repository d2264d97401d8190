// SPDX-License-Identifier: MIT
/*
 * Which partition a record goes to, as Java's default does it.
 *
 *     with a key      murmur2(key) mod the number of partitions
 *     without         one partition for a while (sticky), then another at random:
 *                     whole batches instead of many small ones (KIP-794)
 *
 * Source: BuiltInPartitioner and Utils.murmur2 in Apache Kafka 4.4.
 */
#ifndef DH_CLIENT_PRODUCER_PARTITIONER_H
#define DH_CLIENT_PRODUCER_PARTITIONER_H

#include <stddef.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/random.h"
#include "client/back/cluster.h"

// Kafka's hash: 32-bit murmur2 with the seed 0x9747b28c.
uint32_t dh_murmur2(dohle_bytes data);

// 0 to partition_count - 1. partition_count > 0.
int32_t dh_partition_for_key(dohle_bytes key, int32_t partition_count);

// Per topic. Zeroed: no partition chosen yet.
struct dh_sticky {
    int32_t partition;
    size_t bytes;     // sent there since it was chosen
    size_t bytes_max; // then another is chosen; 0: now
};

/*
 * The partition for a record without a key that adds `bytes`. Another is drawn after
 * about batch_bytes; those with a leader are preferred. The topic has partitions.
 */
int32_t dh_sticky_next(struct dh_sticky *sticky, const struct dh_cluster_topic *topic,
                       size_t bytes, size_t batch_bytes, struct dh_random *random);

#endif
