// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/offset_for_leader_epoch.txt instead.
#ifndef DH_WIRE_GEN_OFFSET_FOR_LEADER_EPOCH_H
#define DH_WIRE_GEN_OFFSET_FOR_LEADER_EPOCH_H

#include "wire/message.h"

/*
 * OffsetForLeaderEpochRequest, versions 2 to 4, API key 23.
 *
 * Where did the log of this leader epoch end? Finds truncation (KIP-320).
 */
struct dh_offset_for_leader_epoch_request_topic_partition {
    int32_t partition;
    // What we believe; the broker fences a stale view. -1: unknown (KIP-320).
    int32_t current_leader_epoch;
    // The epoch to look up.
    int32_t leader_epoch;
};

struct dh_offset_for_leader_epoch_request_topic {
    dohle_bytes topic;

    struct {
        struct dh_offset_for_leader_epoch_request_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_offset_for_leader_epoch_request {
    // -1 for consumers; -2, the default, for tools that may ask any replica.
    int32_t replica_id;

    struct {
        struct dh_offset_for_leader_epoch_request_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct dh_offset_for_leader_epoch_request_topic_partition_struct;
extern const struct dh_struct dh_offset_for_leader_epoch_request_topic_struct;
extern const struct dh_message_type dh_offset_for_leader_epoch_request_type;

// OffsetForLeaderEpochResponse, versions 2 to 4, API key 23.
struct dh_offset_for_leader_epoch_response_topic_partition {
    int16_t error_code;
    int32_t partition;
    // The largest epoch not above the one asked for.
    int32_t leader_epoch;
    // One past the last record of the epoch.
    int64_t end_offset;
};

struct dh_offset_for_leader_epoch_response_topic {
    dohle_bytes topic;

    struct {
        struct dh_offset_for_leader_epoch_response_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_offset_for_leader_epoch_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_offset_for_leader_epoch_response_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct dh_offset_for_leader_epoch_response_topic_partition_struct;
extern const struct dh_struct dh_offset_for_leader_epoch_response_topic_struct;
extern const struct dh_message_type dh_offset_for_leader_epoch_response_type;

#endif
