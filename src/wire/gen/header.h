// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/header.txt instead.
#ifndef DH_WIRE_GEN_HEADER_H
#define DH_WIRE_GEN_HEADER_H

#include "wire/message.h"

/*
 * RequestHeader, versions 1 to 2.
 *
 * Goes before each request. Version 2 goes with flexible requests.
 */
struct dh_request_header {
    int16_t request_api_key;
    int16_t request_api_version;
    // The response carries the one of its request.
    int32_t correlation_id;
    // Never compact, so that any broker can read it.
    dohle_bytes client_id;
};

extern const struct dh_message_type dh_request_header_type;

/*
 * ResponseHeader, versions 0 to 1.
 *
 * Goes before each response. Version 1 goes with flexible responses, but not with
 * ApiVersions.
 */
struct dh_response_header {
    // The response carries the one of its request.
    int32_t correlation_id;
};

extern const struct dh_message_type dh_response_header_type;

#endif
