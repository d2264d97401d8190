// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/delete_groups.txt instead.
#include "wire/gen/delete_groups.h"

// clang-format off

static const struct dh_field delete_groups_request[] = {
    {DH_ARRAY(delete_groups_request, groups_names, STRING, 0, 3)},
};

const struct dh_message_type dh_delete_groups_request_type = {
    .name = "DeleteGroupsRequest",
    .body = DH_STRUCT(delete_groups_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 42,
    .versions = {0, 3},
    .flexible_from = 2,
};

static const struct dh_field delete_groups_response_result[] = {
    {DH_FIELD(delete_groups_response_result, group_id, STRING, 0, 3)},
    {DH_FIELD(delete_groups_response_result, error_code, INT16, 0, 3)},
    {DH_FIELD(delete_groups_response_result, error_message, STRING, 3, 3),
     DH_NULLABLE(3, 3), DH_INITIAL_NULL, DH_IGNORABLE},
};

const struct dh_struct dh_delete_groups_response_result_struct =
    DH_STRUCT(delete_groups_response_result);

static const struct dh_field delete_groups_response[] = {
    {DH_FIELD(delete_groups_response, throttle_time_ms, INT32, 0, 3)},
    {DH_ARRAY(delete_groups_response, results, STRUCT, 0, 3),
     DH_OF(delete_groups_response_result)},
};

const struct dh_message_type dh_delete_groups_response_type = {
    .name = "DeleteGroupsResponse",
    .body = DH_STRUCT(delete_groups_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 42,
    .versions = {0, 3},
    .flexible_from = 2,
};

// clang-format on
