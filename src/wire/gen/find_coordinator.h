// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/find_coordinator.txt instead.
#ifndef DH_WIRE_GEN_FIND_COORDINATOR_H
#define DH_WIRE_GEN_FIND_COORDINATOR_H

#include "wire/message.h"

/*
 * FindCoordinatorRequest, versions 0 to 6, API key 10.
 *
 * Asks which node coordinates a group or transaction. Version 4 takes several keys.
 */
struct dh_find_coordinator_request {
    dohle_bytes key;
    // 0: group; 1: transaction; 2: share group partition.
    int8_t key_type;

    struct {
        dohle_bytes *items;
        int32_t count;
    } coordinator_keys;
};

extern const struct dh_message_type dh_find_coordinator_request_type;

// FindCoordinatorResponse, versions 0 to 6, API key 10.
struct dh_find_coordinator_response_coordinator {
    dohle_bytes key;
    int32_t node_id;
    dohle_bytes host;
    int32_t port;
    int16_t error_code;
    dohle_bytes error_message;
};

struct dh_find_coordinator_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
    dohle_bytes error_message;
    int32_t node_id;
    dohle_bytes host;
    int32_t port;

    struct {
        struct dh_find_coordinator_response_coordinator *items;
        int32_t count;
    } coordinators;
};

extern const struct dh_struct dh_find_coordinator_response_coordinator_struct;
extern const struct dh_message_type dh_find_coordinator_response_type;

#endif
