// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/header.txt instead.
#include "wire/gen/header.h"

// clang-format off

static const struct dh_field request_header[] = {
    {DH_FIELD(request_header, request_api_key, INT16, 1, 2)},
    {DH_FIELD(request_header, request_api_version, INT16, 1, 2)},
    {DH_FIELD(request_header, correlation_id, INT32, 1, 2)},
    {DH_FIELD(request_header, client_id, STRING, 1, 2), DH_NULLABLE(1, 2),
     DH_NOT_COMPACT},
};

const struct dh_message_type dh_request_header_type = {
    .name = "RequestHeader",
    .body = DH_STRUCT(request_header),
    .role = DH_MESSAGE_DATA,
    .key = -1,
    .versions = {1, 2},
    .flexible_from = 2,
};

static const struct dh_field response_header[] = {
    {DH_FIELD(response_header, correlation_id, INT32, 0, 1)},
};

const struct dh_message_type dh_response_header_type = {
    .name = "ResponseHeader",
    .body = DH_STRUCT(response_header),
    .role = DH_MESSAGE_DATA,
    .key = -1,
    .versions = {0, 1},
    .flexible_from = 1,
};

// clang-format on
