// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/consumer_group_heartbeat.txt instead.
#ifndef DH_WIRE_GEN_CONSUMER_GROUP_HEARTBEAT_H
#define DH_WIRE_GEN_CONSUMER_GROUP_HEARTBEAT_H

#include "wire/message.h"

/*
 * ConsumerGroupHeartbeatRequest, versions 0 to 1, API key 68.
 *
 * Joins, stays in and leaves a KIP-848 group: one request for all.
 */
struct dh_consumer_group_heartbeat_request_topic_partition {
    struct dh_uuid topic_id;

    struct {
        int32_t *items;
        int32_t count;
    } partitions;
};

struct dh_consumer_group_heartbeat_request {
    dohle_bytes group_id;
    // Made by the client, kept for its life (KIP-1082).
    dohle_bytes member_id;
    // 0: join; -1: leave; -2: leave, a static member that comes back; else as given.
    int32_t member_epoch;
    // Static membership; null: none, or unchanged.
    dohle_bytes instance_id;
    // Null: none, or unchanged.
    dohle_bytes rack_id;
    // How long a member may take to give up partitions; -1: unchanged.
    int32_t rebalance_timeout_ms;

    // Null: unchanged.
    struct {
        dohle_bytes *items;
        int32_t count;
    } subscribed_topic_names;

    // In RE2's syntax; null: unchanged.
    dohle_bytes subscribed_topic_regex;
    // Null: as the broker is configured, or unchanged.
    dohle_bytes server_assignor;

    // What the member owns; null: unchanged.
    struct {
        struct dh_consumer_group_heartbeat_request_topic_partition *items;
        int32_t count;
    } topic_partitions;
};

extern const struct dh_struct dh_consumer_group_heartbeat_request_topic_partition_struct;
extern const struct dh_message_type dh_consumer_group_heartbeat_request_type;

// ConsumerGroupHeartbeatResponse, versions 0 to 1, API key 68.
struct dh_consumer_group_heartbeat_response_assignment_topic_partition {
    struct dh_uuid topic_id;

    struct {
        int32_t *items;
        int32_t count;
    } partitions;
};

struct dh_consumer_group_heartbeat_response_assignment {
    struct {
        struct dh_consumer_group_heartbeat_response_assignment_topic_partition *items;
        int32_t count;
    } topic_partitions;
};

struct dh_consumer_group_heartbeat_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
    dohle_bytes error_message;
    dohle_bytes member_id;
    int32_t member_epoch;
    // When the next heartbeat is due.
    int32_t heartbeat_interval_ms;
    // What the member shall own; null: unchanged.
    struct dh_consumer_group_heartbeat_response_assignment *assignment;
};

extern const struct dh_struct
    dh_consumer_group_heartbeat_response_assignment_topic_partition_struct;
extern const struct dh_struct dh_consumer_group_heartbeat_response_assignment_struct;
extern const struct dh_message_type dh_consumer_group_heartbeat_response_type;

#endif
