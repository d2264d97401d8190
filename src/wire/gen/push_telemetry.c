// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/push_telemetry.txt instead.
#include "wire/gen/push_telemetry.h"

// clang-format off

static const struct dh_field push_telemetry_request[] = {
    {DH_FIELD(push_telemetry_request, client_instance_id, UUID, 0, 0)},
    {DH_FIELD(push_telemetry_request, subscription_id, INT32, 0, 0)},
    {DH_FIELD(push_telemetry_request, terminating, BOOL, 0, 0)},
    {DH_FIELD(push_telemetry_request, compression_type, INT8, 0, 0)},
    {DH_FIELD(push_telemetry_request, metrics, BYTES, 0, 0)},
};

const struct dh_message_type dh_push_telemetry_request_type = {
    .name = "PushTelemetryRequest",
    .body = DH_STRUCT(push_telemetry_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 72,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field push_telemetry_response[] = {
    {DH_FIELD(push_telemetry_response, throttle_time_ms, INT32, 0, 0)},
    {DH_FIELD(push_telemetry_response, error_code, INT16, 0, 0)},
};

const struct dh_message_type dh_push_telemetry_response_type = {
    .name = "PushTelemetryResponse",
    .body = DH_STRUCT(push_telemetry_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 72,
    .versions = {0, 0},
    .flexible_from = 0,
};

// clang-format on
