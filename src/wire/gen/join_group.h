// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/join_group.txt instead.
#ifndef DH_WIRE_GEN_JOIN_GROUP_H
#define DH_WIRE_GEN_JOIN_GROUP_H

#include "wire/message.h"

/*
 * JoinGroupRequest, versions 0 to 9, API key 11.
 *
 * Joins a classic group. Since version 4 a new member is first given its id (KIP-394).
 */
struct dh_join_group_request_protocol {
    dohle_bytes name;
    // A ConsumerProtocolSubscription for consumers.
    dohle_bytes metadata;
};

struct dh_join_group_request {
    dohle_bytes group_id;
    // Without a heartbeat for so long the member is removed.
    int32_t session_timeout_ms;
    // How long the coordinator waits for members to join again.
    int32_t rebalance_timeout_ms;
    // Empty: the coordinator shall give one (KIP-394).
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes group_instance_id;
    // "consumer" for consumers.
    dohle_bytes protocol_type;

    // Assignors the member supports, the preferred one first.
    struct {
        struct dh_join_group_request_protocol *items;
        int32_t count;
    } protocols;

    // Text for the log of the broker (KIP-800).
    dohle_bytes reason;
};

extern const struct dh_struct dh_join_group_request_protocol_struct;
extern const struct dh_message_type dh_join_group_request_type;

// JoinGroupResponse, versions 0 to 9, API key 11.
struct dh_join_group_response_member {
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes group_instance_id;
    // A ConsumerProtocolSubscription for consumers.
    dohle_bytes metadata;
};

struct dh_join_group_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
    int32_t generation_id;
    // "consumer" for consumers.
    dohle_bytes protocol_type;
    // The assignor chosen.
    dohle_bytes protocol_name;
    // Member id of the member that computes the assignment.
    dohle_bytes leader;
    // True: a static leader came back, nothing is to be computed (KIP-814).
    bool skip_assignment;
    dohle_bytes member_id;

    // Only the leader is told.
    struct {
        struct dh_join_group_response_member *items;
        int32_t count;
    } members;
};

extern const struct dh_struct dh_join_group_response_member_struct;
extern const struct dh_message_type dh_join_group_response_type;

#endif
