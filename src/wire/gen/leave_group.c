// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/leave_group.txt instead.
#include "wire/gen/leave_group.h"

// clang-format off

static const struct dh_field leave_group_request_member[] = {
    {DH_FIELD(leave_group_request_member, member_id, STRING, 3, 5)},
    {DH_FIELD(leave_group_request_member, group_instance_id, STRING, 3, 5),
     DH_NULLABLE(3, 5), DH_INITIAL_NULL},
    {DH_FIELD(leave_group_request_member, reason, STRING, 5, 5), DH_NULLABLE(5, 5),
     DH_INITIAL_NULL, DH_IGNORABLE},
};

const struct dh_struct dh_leave_group_request_member_struct =
    DH_STRUCT(leave_group_request_member);

static const struct dh_field leave_group_request[] = {
    {DH_FIELD(leave_group_request, group_id, STRING, 0, 5)},
    {DH_FIELD(leave_group_request, member_id, STRING, 0, 2)},
    {DH_ARRAY(leave_group_request, members, STRUCT, 3, 5),
     DH_OF(leave_group_request_member)},
};

const struct dh_message_type dh_leave_group_request_type = {
    .name = "LeaveGroupRequest",
    .body = DH_STRUCT(leave_group_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 13,
    .versions = {0, 5},
    .flexible_from = 4,
};

static const struct dh_field leave_group_response_member[] = {
    {DH_FIELD(leave_group_response_member, member_id, STRING, 3, 5)},
    {DH_FIELD(leave_group_response_member, group_instance_id, STRING, 3, 5),
     DH_NULLABLE(3, 5)},
    {DH_FIELD(leave_group_response_member, error_code, INT16, 3, 5)},
};

const struct dh_struct dh_leave_group_response_member_struct =
    DH_STRUCT(leave_group_response_member);

static const struct dh_field leave_group_response[] = {
    {DH_FIELD(leave_group_response, throttle_time_ms, INT32, 1, 5), DH_IGNORABLE},
    {DH_FIELD(leave_group_response, error_code, INT16, 0, 5)},
    {DH_ARRAY(leave_group_response, members, STRUCT, 3, 5),
     DH_OF(leave_group_response_member)},
};

const struct dh_message_type dh_leave_group_response_type = {
    .name = "LeaveGroupResponse",
    .body = DH_STRUCT(leave_group_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 13,
    .versions = {0, 5},
    .flexible_from = 4,
};

// clang-format on
