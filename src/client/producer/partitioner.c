// SPDX-License-Identifier: MIT
#include "client/producer/partitioner.h"

#include "base/assert.h"
#include "client/back/requests.h"

#define MURMUR2_SEED  0x9747b28cU
#define MURMUR2_M     0x5bd1e995U
#define MURMUR2_SHIFT 24

uint32_t dh_murmur2(dohle_bytes data)
{
    uint32_t hash = MURMUR2_SEED ^ (uint32_t)data.size;
    const uint8_t *at = data.data;
    size_t left = data.size;
    for (; left >= 4; at += 4, left -= 4) {
        uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                        (uint32_t)at[3] << 24;
        word *= MURMUR2_M;
        word ^= word >> MURMUR2_SHIFT;
        word *= MURMUR2_M;
        hash *= MURMUR2_M;
        hash ^= word;
    }
    for (size_t i = left; i > 0; i--) {
        hash ^= (uint32_t)at[i - 1] << (8 * (i - 1));
    }
    if (left > 0) {
        hash *= MURMUR2_M;
    }
    hash ^= hash >> 13;
    hash *= MURMUR2_M;
    hash ^= hash >> 15;
    return hash;
}

int32_t dh_partition_for_key(dohle_bytes key, int32_t partition_count)
{
    DH_ASSERT(partition_count > 0);
    return (int32_t)(dh_murmur2(key) & INT32_MAX) % partition_count;
}

static int32_t draw(const struct dh_cluster_topic *topic, struct dh_random *random)
{
    int32_t led_count = 0;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        led_count += topic->partitions[i].leader != DH_NODE_NONE;
    }
    if (led_count == 0) {
        return (int32_t)dh_random_below(random, (uint64_t)topic->partition_count);
    }
    int32_t skip = (int32_t)dh_random_below(random, (uint64_t)led_count);
    int32_t partition = 0;
    while (topic->partitions[partition].leader == DH_NODE_NONE || skip-- > 0) {
        partition++;
    }
    return partition;
}

int32_t dh_sticky_next(struct dh_sticky *sticky, const struct dh_cluster_topic *topic,
                       size_t bytes, size_t batch_bytes, struct dh_random *random)
{
    DH_ASSERT(topic->partition_count > 0);
    if (sticky->bytes >= sticky->bytes_max ||
        sticky->partition >= topic->partition_count) {
        sticky->partition = draw(topic, random);
        sticky->bytes = 0;
        sticky->bytes_max = batch_bytes > 0 ? batch_bytes : 1;
    }
    sticky->bytes += bytes;
    return sticky->partition;
}
