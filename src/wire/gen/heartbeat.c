// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/heartbeat.txt instead.
#include "wire/gen/heartbeat.h"

// clang-format off

static const struct dh_field heartbeat_request[] = {
    {DH_FIELD(heartbeat_request, group_id, STRING, 0, 4)},
    {DH_FIELD(heartbeat_request, generation_id, INT32, 0, 4)},
    {DH_FIELD(heartbeat_request, member_id, STRING, 0, 4)},
    {DH_FIELD(heartbeat_request, group_instance_id, STRING, 3, 4), DH_NULLABLE(3, 4),
     DH_INITIAL_NULL},
};

const struct dh_message_type dh_heartbeat_request_type = {
    .name = "HeartbeatRequest",
    .body = DH_STRUCT(heartbeat_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 12,
    .versions = {0, 4},
    .flexible_from = 4,
};

static const struct dh_field heartbeat_response[] = {
    {DH_FIELD(heartbeat_response, throttle_time_ms, INT32, 1, 4), DH_IGNORABLE},
    {DH_FIELD(heartbeat_response, error_code, INT16, 0, 4)},
};

const struct dh_message_type dh_heartbeat_response_type = {
    .name = "HeartbeatResponse",
    .body = DH_STRUCT(heartbeat_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 12,
    .versions = {0, 4},
    .flexible_from = 4,
};

// clang-format on
