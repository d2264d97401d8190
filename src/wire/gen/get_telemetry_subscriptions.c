// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/get_telemetry_subscriptions.txt instead.
#include "wire/gen/get_telemetry_subscriptions.h"

// clang-format off

static const struct dh_field get_telemetry_subscriptions_request[] = {
    {DH_FIELD(get_telemetry_subscriptions_request, client_instance_id, UUID, 0, 0)},
};

const struct dh_message_type dh_get_telemetry_subscriptions_request_type = {
    .name = "GetTelemetrySubscriptionsRequest",
    .body = DH_STRUCT(get_telemetry_subscriptions_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 71,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field get_telemetry_subscriptions_response[] = {
    {DH_FIELD(get_telemetry_subscriptions_response, throttle_time_ms, INT32, 0, 0)},
    {DH_FIELD(get_telemetry_subscriptions_response, error_code, INT16, 0, 0)},
    {DH_FIELD(get_telemetry_subscriptions_response, client_instance_id, UUID, 0, 0)},
    {DH_FIELD(get_telemetry_subscriptions_response, subscription_id, INT32, 0, 0)},
    {DH_ARRAY(get_telemetry_subscriptions_response,
              accepted_compression_types, INT8, 0, 0)},
    {DH_FIELD(get_telemetry_subscriptions_response, push_interval_ms, INT32, 0, 0)},
    {DH_FIELD(get_telemetry_subscriptions_response, telemetry_max_bytes, INT32, 0, 0)},
    {DH_FIELD(get_telemetry_subscriptions_response, delta_temporality, BOOL, 0, 0)},
    {DH_ARRAY(get_telemetry_subscriptions_response, requested_metrics, STRING, 0, 0)},
};

const struct dh_message_type dh_get_telemetry_subscriptions_response_type = {
    .name = "GetTelemetrySubscriptionsResponse",
    .body = DH_STRUCT(get_telemetry_subscriptions_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 71,
    .versions = {0, 0},
    .flexible_from = 0,
};

// clang-format on
