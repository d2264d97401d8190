// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/join_group.txt instead.
#include "wire/gen/join_group.h"

// clang-format off

static const struct dh_field join_group_request_protocol[] = {
    {DH_FIELD(join_group_request_protocol, name, STRING, 0, 9)},
    {DH_FIELD(join_group_request_protocol, metadata, BYTES, 0, 9)},
};

const struct dh_struct dh_join_group_request_protocol_struct =
    DH_STRUCT(join_group_request_protocol);

static const struct dh_field join_group_request[] = {
    {DH_FIELD(join_group_request, group_id, STRING, 0, 9)},
    {DH_FIELD(join_group_request, session_timeout_ms, INT32, 0, 9)},
    {DH_FIELD(join_group_request, rebalance_timeout_ms, INT32, 1, 9), DH_INITIAL(-1),
     DH_IGNORABLE},
    {DH_FIELD(join_group_request, member_id, STRING, 0, 9)},
    {DH_FIELD(join_group_request, group_instance_id, STRING, 5, 9), DH_NULLABLE(5, 9),
     DH_INITIAL_NULL},
    {DH_FIELD(join_group_request, protocol_type, STRING, 0, 9)},
    {DH_ARRAY(join_group_request, protocols, STRUCT, 0, 9),
     DH_OF(join_group_request_protocol)},
    {DH_FIELD(join_group_request, reason, STRING, 8, 9), DH_NULLABLE(8, 9),
     DH_INITIAL_NULL, DH_IGNORABLE},
};

const struct dh_message_type dh_join_group_request_type = {
    .name = "JoinGroupRequest",
    .body = DH_STRUCT(join_group_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 11,
    .versions = {0, 9},
    .flexible_from = 6,
};

static const struct dh_field join_group_response_member[] = {
    {DH_FIELD(join_group_response_member, member_id, STRING, 0, 9)},
    {DH_FIELD(join_group_response_member, group_instance_id, STRING, 5, 9),
     DH_NULLABLE(5, 9), DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(join_group_response_member, metadata, BYTES, 0, 9)},
};

const struct dh_struct dh_join_group_response_member_struct =
    DH_STRUCT(join_group_response_member);

static const struct dh_field join_group_response[] = {
    {DH_FIELD(join_group_response, throttle_time_ms, INT32, 2, 9), DH_IGNORABLE},
    {DH_FIELD(join_group_response, error_code, INT16, 0, 9)},
    {DH_FIELD(join_group_response, generation_id, INT32, 0, 9), DH_INITIAL(-1)},
    {DH_FIELD(join_group_response, protocol_type, STRING, 7, 9), DH_NULLABLE(7, 9),
     DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(join_group_response, protocol_name, STRING, 0, 9), DH_NULLABLE(7, 9)},
    {DH_FIELD(join_group_response, leader, STRING, 0, 9)},
    {DH_FIELD(join_group_response, skip_assignment, BOOL, 9, 9)},
    {DH_FIELD(join_group_response, member_id, STRING, 0, 9)},
    {DH_ARRAY(join_group_response, members, STRUCT, 0, 9),
     DH_OF(join_group_response_member)},
};

const struct dh_message_type dh_join_group_response_type = {
    .name = "JoinGroupResponse",
    .body = DH_STRUCT(join_group_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 11,
    .versions = {0, 9},
    .flexible_from = 6,
};

// clang-format on
