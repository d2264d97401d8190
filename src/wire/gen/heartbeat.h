// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/heartbeat.txt instead.
#ifndef DH_WIRE_GEN_HEARTBEAT_H
#define DH_WIRE_GEN_HEARTBEAT_H

#include "wire/message.h"

/*
 * HeartbeatRequest, versions 0 to 4, API key 12.
 *
 * A member of a classic group tells its coordinator that it is alive.
 */
struct dh_heartbeat_request {
    dohle_bytes group_id;
    int32_t generation_id;
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes group_instance_id;
};

extern const struct dh_message_type dh_heartbeat_request_type;

// HeartbeatResponse, versions 0 to 4, API key 12.
struct dh_heartbeat_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
};

extern const struct dh_message_type dh_heartbeat_response_type;

#endif
