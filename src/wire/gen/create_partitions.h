// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/create_partitions.txt instead.
#ifndef DH_WIRE_GEN_CREATE_PARTITIONS_H
#define DH_WIRE_GEN_CREATE_PARTITIONS_H

#include "wire/message.h"

/*
 * CreatePartitionsRequest, versions 0 to 3, API key 37.
 *
 * Adds partitions to topics.
 */
struct dh_create_partitions_request_topic_assignment {
    struct {
        int32_t *items;
        int32_t count;
    } broker_ids;
};

struct dh_create_partitions_request_topic {
    dohle_bytes name;
    // The new number of partitions.
    int32_t count;

    // Replicas of each new partition; null: the broker chooses.
    struct {
        struct dh_create_partitions_request_topic_assignment *items;
        int32_t count;
    } assignments;
};

struct dh_create_partitions_request {
    struct {
        struct dh_create_partitions_request_topic *items;
        int32_t count;
    } topics;

    int32_t timeout_ms;
    // Check, change nothing.
    bool validate_only;
};

extern const struct dh_struct dh_create_partitions_request_topic_assignment_struct;
extern const struct dh_struct dh_create_partitions_request_topic_struct;
extern const struct dh_message_type dh_create_partitions_request_type;

// CreatePartitionsResponse, versions 0 to 3, API key 37.
struct dh_create_partitions_response_result {
    dohle_bytes name;
    int16_t error_code;
    dohle_bytes error_message;
};

struct dh_create_partitions_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_create_partitions_response_result *items;
        int32_t count;
    } results;
};

extern const struct dh_struct dh_create_partitions_response_result_struct;
extern const struct dh_message_type dh_create_partitions_response_type;

#endif
