// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/list_groups.txt instead.
#include "wire/gen/list_groups.h"

// clang-format off

static const struct dh_field list_groups_request[] = {
    {DH_ARRAY(list_groups_request, states_filter, STRING, 4, 5)},
    {DH_ARRAY(list_groups_request, types_filter, STRING, 5, 5)},
};

const struct dh_message_type dh_list_groups_request_type = {
    .name = "ListGroupsRequest",
    .body = DH_STRUCT(list_groups_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 16,
    .versions = {0, 5},
    .flexible_from = 3,
};

static const struct dh_field list_groups_response_group[] = {
    {DH_FIELD(list_groups_response_group, group_id, STRING, 0, 5)},
    {DH_FIELD(list_groups_response_group, protocol_type, STRING, 0, 5)},
    {DH_FIELD(list_groups_response_group, group_state, STRING, 4, 5), DH_IGNORABLE},
    {DH_FIELD(list_groups_response_group, group_type, STRING, 5, 5), DH_IGNORABLE},
};

const struct dh_struct dh_list_groups_response_group_struct =
    DH_STRUCT(list_groups_response_group);

static const struct dh_field list_groups_response[] = {
    {DH_FIELD(list_groups_response, throttle_time_ms, INT32, 1, 5), DH_IGNORABLE},
    {DH_FIELD(list_groups_response, error_code, INT16, 0, 5)},
    {DH_ARRAY(list_groups_response, groups, STRUCT, 0, 5),
     DH_OF(list_groups_response_group)},
};

const struct dh_message_type dh_list_groups_response_type = {
    .name = "ListGroupsResponse",
    .body = DH_STRUCT(list_groups_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 16,
    .versions = {0, 5},
    .flexible_from = 3,
};

// clang-format on
