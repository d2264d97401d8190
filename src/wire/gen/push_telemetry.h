// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/push_telemetry.txt instead.
#ifndef DH_WIRE_GEN_PUSH_TELEMETRY_H
#define DH_WIRE_GEN_PUSH_TELEMETRY_H

#include "wire/message.h"

/*
 * PushTelemetryRequest, version 0, API key 72.
 *
 * Sends the metrics asked for (KIP-714).
 */
struct dh_push_telemetry_request {
    // Zero in the first request: give one (KIP-714).
    struct dh_uuid client_instance_id;
    // Changes with the set of metrics asked for.
    int32_t subscription_id;
    // True: the last push of this client.
    bool terminating;
    int8_t compression_type;
    // MetricsData of OpenTelemetry, compressed.
    dohle_bytes metrics;
};

extern const struct dh_message_type dh_push_telemetry_request_type;

// PushTelemetryResponse, version 0, API key 72.
struct dh_push_telemetry_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
};

extern const struct dh_message_type dh_push_telemetry_response_type;

#endif
