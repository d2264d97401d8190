// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/delete_groups.txt instead.
#ifndef DH_WIRE_GEN_DELETE_GROUPS_H
#define DH_WIRE_GEN_DELETE_GROUPS_H

#include "wire/message.h"

/*
 * DeleteGroupsRequest, versions 0 to 3, API key 42.
 *
 * Deletes empty groups.
 */
struct dh_delete_groups_request {
    struct {
        dohle_bytes *items;
        int32_t count;
    } groups_names;
};

extern const struct dh_message_type dh_delete_groups_request_type;

// DeleteGroupsResponse, versions 0 to 3, API key 42.
struct dh_delete_groups_response_result {
    dohle_bytes group_id;
    int16_t error_code;
    dohle_bytes error_message;
};

struct dh_delete_groups_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_delete_groups_response_result *items;
        int32_t count;
    } results;
};

extern const struct dh_struct dh_delete_groups_response_result_struct;
extern const struct dh_message_type dh_delete_groups_response_type;

#endif
