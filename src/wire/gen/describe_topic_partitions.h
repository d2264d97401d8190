// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/describe_topic_partitions.txt instead.
#ifndef DH_WIRE_GEN_DESCRIBE_TOPIC_PARTITIONS_H
#define DH_WIRE_GEN_DESCRIBE_TOPIC_PARTITIONS_H

#include "wire/message.h"

/*
 * DescribeTopicPartitionsRequest, version 0, API key 75.
 *
 * Describes topics page by page (KIP-966).
 */
struct dh_describe_topic_partitions_request_topic {
    dohle_bytes name;
};

struct dh_describe_topic_partitions_request_cursor {
    dohle_bytes topic_name;
    int32_t partition_index;
};

struct dh_describe_topic_partitions_request {
    struct {
        struct dh_describe_topic_partitions_request_topic *items;
        int32_t count;
    } topics;

    int32_t response_partition_limit;
    // Where to go on; null: from the first.
    struct dh_describe_topic_partitions_request_cursor *cursor;
};

extern const struct dh_struct dh_describe_topic_partitions_request_topic_struct;
extern const struct dh_struct dh_describe_topic_partitions_request_cursor_struct;
extern const struct dh_message_type dh_describe_topic_partitions_request_type;

// DescribeTopicPartitionsResponse, version 0, API key 75.
struct dh_describe_topic_partitions_response_topic_partition {
    int16_t error_code;
    int32_t partition_index;
    // -1: there is none.
    int32_t leader_id;
    int32_t leader_epoch;

    struct {
        int32_t *items;
        int32_t count;
    } replica_nodes;

    // The in-sync replicas.
    struct {
        int32_t *items;
        int32_t count;
    } isr_nodes;

    // KIP-966; null: not known.
    struct {
        int32_t *items;
        int32_t count;
    } eligible_leader_replicas;

    // KIP-966; null: not known.
    struct {
        int32_t *items;
        int32_t count;
    } last_known_elr;

    struct {
        int32_t *items;
        int32_t count;
    } offline_replicas;
};

struct dh_describe_topic_partitions_response_topic {
    int16_t error_code;
    dohle_bytes name;
    struct dh_uuid topic_id;
    // True for __consumer_offsets and its like.
    bool is_internal;

    struct {
        struct dh_describe_topic_partitions_response_topic_partition *items;
        int32_t count;
    } partitions;

    // A bit for each operation allowed; INT32_MIN: not asked for.
    int32_t topic_authorized_operations;
};

struct dh_describe_topic_partitions_response_next_cursor {
    dohle_bytes topic_name;
    int32_t partition_index;
};

struct dh_describe_topic_partitions_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_describe_topic_partitions_response_topic *items;
        int32_t count;
    } topics;

    // Null: this is all.
    struct dh_describe_topic_partitions_response_next_cursor *next_cursor;
};

extern const struct dh_struct
    dh_describe_topic_partitions_response_topic_partition_struct;
extern const struct dh_struct dh_describe_topic_partitions_response_topic_struct;
extern const struct dh_struct dh_describe_topic_partitions_response_next_cursor_struct;
extern const struct dh_message_type dh_describe_topic_partitions_response_type;

#endif
