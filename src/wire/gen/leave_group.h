// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/leave_group.txt instead.
#ifndef DH_WIRE_GEN_LEAVE_GROUP_H
#define DH_WIRE_GEN_LEAVE_GROUP_H

#include "wire/message.h"

/*
 * LeaveGroupRequest, versions 0 to 5, API key 13.
 *
 * Leaves a classic group. Version 3 takes several members.
 */
struct dh_leave_group_request_member {
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes group_instance_id;
    // Text for the log of the broker (KIP-800).
    dohle_bytes reason;
};

struct dh_leave_group_request {
    dohle_bytes group_id;
    dohle_bytes member_id;

    struct {
        struct dh_leave_group_request_member *items;
        int32_t count;
    } members;
};

extern const struct dh_struct dh_leave_group_request_member_struct;
extern const struct dh_message_type dh_leave_group_request_type;

// LeaveGroupResponse, versions 0 to 5, API key 13.
struct dh_leave_group_response_member {
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes group_instance_id;
    int16_t error_code;
};

struct dh_leave_group_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;

    struct {
        struct dh_leave_group_response_member *items;
        int32_t count;
    } members;
};

extern const struct dh_struct dh_leave_group_response_member_struct;
extern const struct dh_message_type dh_leave_group_response_type;

#endif
