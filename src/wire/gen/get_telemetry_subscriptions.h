// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/get_telemetry_subscriptions.txt instead.
#ifndef DH_WIRE_GEN_GET_TELEMETRY_SUBSCRIPTIONS_H
#define DH_WIRE_GEN_GET_TELEMETRY_SUBSCRIPTIONS_H

#include "wire/message.h"

/*
 * GetTelemetrySubscriptionsRequest, version 0, API key 71.
 *
 * Which metrics does the broker want of this client (KIP-714)?
 */
struct dh_get_telemetry_subscriptions_request {
    // Zero in the first request: give one (KIP-714).
    struct dh_uuid client_instance_id;
};

extern const struct dh_message_type dh_get_telemetry_subscriptions_request_type;

// GetTelemetrySubscriptionsResponse, version 0, API key 71.
struct dh_get_telemetry_subscriptions_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
    // Zero in the first request: give one (KIP-714).
    struct dh_uuid client_instance_id;
    // Changes with the set of metrics asked for.
    int32_t subscription_id;

    // By preference.
    struct {
        int8_t *items;
        int32_t count;
    } accepted_compression_types;

    int32_t push_interval_ms;
    // Largest push the broker takes.
    int32_t telemetry_max_bytes;
    // True: send differences, not totals.
    bool delta_temporality;

    // Prefixes; empty: none; one empty prefix: all.
    struct {
        dohle_bytes *items;
        int32_t count;
    } requested_metrics;
};

extern const struct dh_message_type dh_get_telemetry_subscriptions_response_type;

#endif
