// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/list_groups.txt instead.
#ifndef DH_WIRE_GEN_LIST_GROUPS_H
#define DH_WIRE_GEN_LIST_GROUPS_H

#include "wire/message.h"

/*
 * ListGroupsRequest, versions 0 to 5, API key 16.
 *
 * Lists the groups this node coordinates.
 */
struct dh_list_groups_request {
    // Empty: all states (KIP-518).
    struct {
        dohle_bytes *items;
        int32_t count;
    } states_filter;

    // Empty: all types (KIP-848).
    struct {
        dohle_bytes *items;
        int32_t count;
    } types_filter;
};

extern const struct dh_message_type dh_list_groups_request_type;

// ListGroupsResponse, versions 0 to 5, API key 16.
struct dh_list_groups_response_group {
    dohle_bytes group_id;
    // "consumer" for consumers.
    dohle_bytes protocol_type;
    dohle_bytes group_state;
    // "classic", "consumer", "share" or "streams".
    dohle_bytes group_type;
};

struct dh_list_groups_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;

    struct {
        struct dh_list_groups_response_group *items;
        int32_t count;
    } groups;
};

extern const struct dh_struct dh_list_groups_response_group_struct;
extern const struct dh_message_type dh_list_groups_response_type;

#endif
