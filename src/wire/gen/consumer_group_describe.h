// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/consumer_group_describe.txt instead.
#ifndef DH_WIRE_GEN_CONSUMER_GROUP_DESCRIBE_H
#define DH_WIRE_GEN_CONSUMER_GROUP_DESCRIBE_H

#include "wire/message.h"

/*
 * ConsumerGroupDescribeRequest, versions 0 to 1, API key 69.
 *
 * Describes KIP-848 groups.
 */
struct dh_consumer_group_describe_request {
    struct {
        dohle_bytes *items;
        int32_t count;
    } group_ids;

    bool include_authorized_operations;
};

extern const struct dh_message_type dh_consumer_group_describe_request_type;

// ConsumerGroupDescribeResponse, versions 0 to 1, API key 69.
struct dh_consumer_group_describe_response_assignment_topic_partition {
    struct dh_uuid topic_id;
    dohle_bytes topic_name;

    struct {
        int32_t *items;
        int32_t count;
    } partitions;
};

struct dh_consumer_group_describe_response_assignment {
    struct {
        struct dh_consumer_group_describe_response_assignment_topic_partition *items;
        int32_t count;
    } topic_partitions;
};

struct dh_consumer_group_describe_response_group_member {
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes instance_id;
    dohle_bytes rack_id;
    int32_t member_epoch;
    dohle_bytes client_id;
    dohle_bytes client_host;

    struct {
        dohle_bytes *items;
        int32_t count;
    } subscribed_topic_names;

    dohle_bytes subscribed_topic_regex;
    // What the member owns now.
    struct dh_consumer_group_describe_response_assignment assignment;
    // What the member shall own in the end.
    struct dh_consumer_group_describe_response_assignment target_assignment;
    // -1 unknown, 0 classic, 1 consumer.
    int8_t member_type;
};

struct dh_consumer_group_describe_response_group {
    int16_t error_code;
    dohle_bytes error_message;
    dohle_bytes group_id;
    dohle_bytes group_state;
    // Rises with each change of members or subscriptions.
    int32_t group_epoch;
    // Group epoch the target assignment was made for.
    int32_t assignment_epoch;
    dohle_bytes assignor_name;

    struct {
        struct dh_consumer_group_describe_response_group_member *items;
        int32_t count;
    } members;

    // A bit for each operation allowed; INT32_MIN: not asked for.
    int32_t authorized_operations;
};

struct dh_consumer_group_describe_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_consumer_group_describe_response_group *items;
        int32_t count;
    } groups;
};

extern const struct dh_struct
    dh_consumer_group_describe_response_assignment_topic_partition_struct;
extern const struct dh_struct dh_consumer_group_describe_response_assignment_struct;
extern const struct dh_struct dh_consumer_group_describe_response_group_member_struct;
extern const struct dh_struct dh_consumer_group_describe_response_group_struct;
extern const struct dh_message_type dh_consumer_group_describe_response_type;

#endif
