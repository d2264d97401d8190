// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/sync_group.txt instead.
#ifndef DH_WIRE_GEN_SYNC_GROUP_H
#define DH_WIRE_GEN_SYNC_GROUP_H

#include "wire/message.h"

/*
 * SyncGroupRequest, versions 0 to 5, API key 14.
 *
 * The leader hands in the assignment; each member is told its own.
 */
struct dh_sync_group_request_assignment {
    dohle_bytes member_id;
    // A ConsumerProtocolAssignment for consumers.
    dohle_bytes assignment;
};

struct dh_sync_group_request {
    dohle_bytes group_id;
    int32_t generation_id;
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes group_instance_id;
    // "consumer" for consumers.
    dohle_bytes protocol_type;
    // The assignor chosen.
    dohle_bytes protocol_name;

    // From the leader; empty from others.
    struct {
        struct dh_sync_group_request_assignment *items;
        int32_t count;
    } assignments;
};

extern const struct dh_struct dh_sync_group_request_assignment_struct;
extern const struct dh_message_type dh_sync_group_request_type;

// SyncGroupResponse, versions 0 to 5, API key 14.
struct dh_sync_group_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
    // "consumer" for consumers.
    dohle_bytes protocol_type;
    // The assignor chosen.
    dohle_bytes protocol_name;
    // A ConsumerProtocolAssignment for consumers.
    dohle_bytes assignment;
};

extern const struct dh_message_type dh_sync_group_response_type;

#endif
