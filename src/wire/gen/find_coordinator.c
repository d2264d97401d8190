// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/find_coordinator.txt instead.
#include "wire/gen/find_coordinator.h"

// clang-format off

static const struct dh_field find_coordinator_request[] = {
    {DH_FIELD(find_coordinator_request, key, STRING, 0, 3)},
    {DH_FIELD(find_coordinator_request, key_type, INT8, 1, 6)},
    {DH_ARRAY(find_coordinator_request, coordinator_keys, STRING, 4, 6)},
};

const struct dh_message_type dh_find_coordinator_request_type = {
    .name = "FindCoordinatorRequest",
    .body = DH_STRUCT(find_coordinator_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 10,
    .versions = {0, 6},
    .flexible_from = 3,
};

static const struct dh_field find_coordinator_response_coordinator[] = {
    {DH_FIELD(find_coordinator_response_coordinator, key, STRING, 4, 6)},
    {DH_FIELD(find_coordinator_response_coordinator, node_id, INT32, 4, 6)},
    {DH_FIELD(find_coordinator_response_coordinator, host, STRING, 4, 6)},
    {DH_FIELD(find_coordinator_response_coordinator, port, INT32, 4, 6)},
    {DH_FIELD(find_coordinator_response_coordinator, error_code, INT16, 4, 6)},
    {DH_FIELD(find_coordinator_response_coordinator, error_message, STRING, 4, 6),
     DH_NULLABLE(4, 6), DH_IGNORABLE},
};

const struct dh_struct dh_find_coordinator_response_coordinator_struct =
    DH_STRUCT(find_coordinator_response_coordinator);

static const struct dh_field find_coordinator_response[] = {
    {DH_FIELD(find_coordinator_response, throttle_time_ms, INT32, 1, 6), DH_IGNORABLE},
    {DH_FIELD(find_coordinator_response, error_code, INT16, 0, 3)},
    {DH_FIELD(find_coordinator_response, error_message, STRING, 1, 3),
     DH_NULLABLE(1, 3), DH_IGNORABLE},
    {DH_FIELD(find_coordinator_response, node_id, INT32, 0, 3)},
    {DH_FIELD(find_coordinator_response, host, STRING, 0, 3)},
    {DH_FIELD(find_coordinator_response, port, INT32, 0, 3)},
    {DH_ARRAY(find_coordinator_response, coordinators, STRUCT, 4, 6),
     DH_OF(find_coordinator_response_coordinator)},
};

const struct dh_message_type dh_find_coordinator_response_type = {
    .name = "FindCoordinatorResponse",
    .body = DH_STRUCT(find_coordinator_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 10,
    .versions = {0, 6},
    .flexible_from = 3,
};

// clang-format on
