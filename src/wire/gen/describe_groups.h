// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/describe_groups.txt instead.
#ifndef DH_WIRE_GEN_DESCRIBE_GROUPS_H
#define DH_WIRE_GEN_DESCRIBE_GROUPS_H

#include "wire/message.h"

/*
 * DescribeGroupsRequest, versions 0 to 6, API key 15.
 *
 * Describes classic groups.
 */
struct dh_describe_groups_request {
    struct {
        dohle_bytes *items;
        int32_t count;
    } groups;

    bool include_authorized_operations;
};

extern const struct dh_message_type dh_describe_groups_request_type;

// DescribeGroupsResponse, versions 0 to 6, API key 15.
struct dh_describe_groups_response_group_member {
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes group_instance_id;
    dohle_bytes client_id;
    dohle_bytes client_host;
    // A ConsumerProtocolSubscription for consumers.
    dohle_bytes member_metadata;
    // A ConsumerProtocolAssignment for consumers.
    dohle_bytes member_assignment;
};

struct dh_describe_groups_response_group {
    int16_t error_code;
    dohle_bytes error_message;
    dohle_bytes group_id;
    dohle_bytes group_state;
    // "consumer" for consumers.
    dohle_bytes protocol_type;
    // The assignor of a stable group.
    dohle_bytes protocol_data;

    struct {
        struct dh_describe_groups_response_group_member *items;
        int32_t count;
    } members;

    // A bit for each operation allowed; INT32_MIN: not asked for.
    int32_t authorized_operations;
};

struct dh_describe_groups_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_describe_groups_response_group *items;
        int32_t count;
    } groups;
};

extern const struct dh_struct dh_describe_groups_response_group_member_struct;
extern const struct dh_struct dh_describe_groups_response_group_struct;
extern const struct dh_message_type dh_describe_groups_response_type;

#endif
