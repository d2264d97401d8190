// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/describe_groups.txt instead.
#include "wire/gen/describe_groups.h"

// clang-format off

static const struct dh_field describe_groups_request[] = {
    {DH_ARRAY(describe_groups_request, groups, STRING, 0, 6)},
    {DH_FIELD(describe_groups_request, include_authorized_operations, BOOL, 3, 6)},
};

const struct dh_message_type dh_describe_groups_request_type = {
    .name = "DescribeGroupsRequest",
    .body = DH_STRUCT(describe_groups_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 15,
    .versions = {0, 6},
    .flexible_from = 5,
};

static const struct dh_field describe_groups_response_group_member[] = {
    {DH_FIELD(describe_groups_response_group_member, member_id, STRING, 0, 6)},
    {DH_FIELD(describe_groups_response_group_member, group_instance_id, STRING, 4, 6),
     DH_NULLABLE(4, 6), DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(describe_groups_response_group_member, client_id, STRING, 0, 6)},
    {DH_FIELD(describe_groups_response_group_member, client_host, STRING, 0, 6)},
    {DH_FIELD(describe_groups_response_group_member, member_metadata, BYTES, 0, 6)},
    {DH_FIELD(describe_groups_response_group_member, member_assignment, BYTES, 0, 6)},
};

const struct dh_struct dh_describe_groups_response_group_member_struct =
    DH_STRUCT(describe_groups_response_group_member);

static const struct dh_field describe_groups_response_group[] = {
    {DH_FIELD(describe_groups_response_group, error_code, INT16, 0, 6)},
    {DH_FIELD(describe_groups_response_group, error_message, STRING, 6, 6),
     DH_NULLABLE(6, 6), DH_INITIAL_NULL},
    {DH_FIELD(describe_groups_response_group, group_id, STRING, 0, 6)},
    {DH_FIELD(describe_groups_response_group, group_state, STRING, 0, 6)},
    {DH_FIELD(describe_groups_response_group, protocol_type, STRING, 0, 6)},
    {DH_FIELD(describe_groups_response_group, protocol_data, STRING, 0, 6)},
    {DH_ARRAY(describe_groups_response_group, members, STRUCT, 0, 6),
     DH_OF(describe_groups_response_group_member)},
    {DH_FIELD(describe_groups_response_group, authorized_operations, INT32, 3, 6),
     DH_INITIAL(-2147483648)},
};

const struct dh_struct dh_describe_groups_response_group_struct =
    DH_STRUCT(describe_groups_response_group);

static const struct dh_field describe_groups_response[] = {
    {DH_FIELD(describe_groups_response, throttle_time_ms, INT32, 1, 6), DH_IGNORABLE},
    {DH_ARRAY(describe_groups_response, groups, STRUCT, 0, 6),
     DH_OF(describe_groups_response_group)},
};

const struct dh_message_type dh_describe_groups_response_type = {
    .name = "DescribeGroupsResponse",
    .body = DH_STRUCT(describe_groups_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 15,
    .versions = {0, 6},
    .flexible_from = 5,
};

// clang-format on
