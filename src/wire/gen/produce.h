// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/produce.txt instead.
#ifndef DH_WIRE_GEN_PRODUCE_H
#define DH_WIRE_GEN_PRODUCE_H

#include "wire/message.h"

/*
 * ProduceRequest, versions 3 to 13, API key 0.
 *
 * Appends batches to partitions. Version 13 names topics by id.
 */
struct dh_produce_request_topic_data_partition_data {
    int32_t index;
    // One or more batches, see record/.
    dohle_bytes records;
};

struct dh_produce_request_topic_data {
    dohle_bytes name;
    struct dh_uuid topic_id;

    struct {
        struct dh_produce_request_topic_data_partition_data *items;
        int32_t count;
    } partition_data;
};

struct dh_produce_request {
    // Null: not transactional.
    dohle_bytes transactional_id;
    // 0: no answer; 1: written by the leader; -1: by all in-sync replicas.
    int16_t acks;
    int32_t timeout_ms;

    struct {
        struct dh_produce_request_topic_data *items;
        int32_t count;
    } topic_data;
};

extern const struct dh_struct dh_produce_request_topic_data_partition_data_struct;
extern const struct dh_struct dh_produce_request_topic_data_struct;
extern const struct dh_message_type dh_produce_request_type;

// ProduceResponse, versions 3 to 13, API key 0.
struct dh_produce_response_response_partition_response_record_error {
    // Index of the record in its batch.
    int32_t batch_index;
    dohle_bytes batch_index_error_message;
};

struct dh_produce_response_response_partition_response_current_leader {
    // -1: there is none.
    int32_t leader_id;
    int32_t leader_epoch;
};

struct dh_produce_response_response_partition_response {
    int32_t index;
    int16_t error_code;
    // Offset given to the first record.
    int64_t base_offset;
    // -1 unless the topic stamps records on arrival.
    int64_t log_append_time_ms;
    // Smallest offset the partition still has; -1: unknown.
    int64_t log_start_offset;

    // Which records caused the batch to be refused.
    struct {
        struct dh_produce_response_response_partition_response_record_error *items;
        int32_t count;
    } record_errors;

    dohle_bytes error_message;
    // The new leader, when this node is not it any more (KIP-951).
    struct dh_produce_response_response_partition_response_current_leader current_leader;
};

struct dh_produce_response_response {
    dohle_bytes name;
    struct dh_uuid topic_id;

    struct {
        struct dh_produce_response_response_partition_response *items;
        int32_t count;
    } partition_responses;
};

struct dh_produce_response_node_endpoint {
    int32_t node_id;
    dohle_bytes host;
    int32_t port;
    dohle_bytes rack;
};

struct dh_produce_response {
    struct {
        struct dh_produce_response_response *items;
        int32_t count;
    } responses;

    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    // Addresses of the new leaders named above (KIP-951).
    struct {
        struct dh_produce_response_node_endpoint *items;
        int32_t count;
    } node_endpoints;
};

extern const struct dh_struct
    dh_produce_response_response_partition_response_record_error_struct;
extern const struct dh_struct
    dh_produce_response_response_partition_response_current_leader_struct;
extern const struct dh_struct dh_produce_response_response_partition_response_struct;
extern const struct dh_struct dh_produce_response_response_struct;
extern const struct dh_struct dh_produce_response_node_endpoint_struct;
extern const struct dh_message_type dh_produce_response_type;

#endif
