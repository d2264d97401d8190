// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/sync_group.txt instead.
#include "wire/gen/sync_group.h"

// clang-format off

static const struct dh_field sync_group_request_assignment[] = {
    {DH_FIELD(sync_group_request_assignment, member_id, STRING, 0, 5)},
    {DH_FIELD(sync_group_request_assignment, assignment, BYTES, 0, 5)},
};

const struct dh_struct dh_sync_group_request_assignment_struct =
    DH_STRUCT(sync_group_request_assignment);

static const struct dh_field sync_group_request[] = {
    {DH_FIELD(sync_group_request, group_id, STRING, 0, 5)},
    {DH_FIELD(sync_group_request, generation_id, INT32, 0, 5)},
    {DH_FIELD(sync_group_request, member_id, STRING, 0, 5)},
    {DH_FIELD(sync_group_request, group_instance_id, STRING, 3, 5), DH_NULLABLE(3, 5),
     DH_INITIAL_NULL},
    {DH_FIELD(sync_group_request, protocol_type, STRING, 5, 5), DH_NULLABLE(5, 5),
     DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(sync_group_request, protocol_name, STRING, 5, 5), DH_NULLABLE(5, 5),
     DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_ARRAY(sync_group_request, assignments, STRUCT, 0, 5),
     DH_OF(sync_group_request_assignment)},
};

const struct dh_message_type dh_sync_group_request_type = {
    .name = "SyncGroupRequest",
    .body = DH_STRUCT(sync_group_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 14,
    .versions = {0, 5},
    .flexible_from = 4,
};

static const struct dh_field sync_group_response[] = {
    {DH_FIELD(sync_group_response, throttle_time_ms, INT32, 1, 5), DH_IGNORABLE},
    {DH_FIELD(sync_group_response, error_code, INT16, 0, 5)},
    {DH_FIELD(sync_group_response, protocol_type, STRING, 5, 5), DH_NULLABLE(5, 5),
     DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(sync_group_response, protocol_name, STRING, 5, 5), DH_NULLABLE(5, 5),
     DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(sync_group_response, assignment, BYTES, 0, 5)},
};

const struct dh_message_type dh_sync_group_response_type = {
    .name = "SyncGroupResponse",
    .body = DH_STRUCT(sync_group_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 14,
    .versions = {0, 5},
    .flexible_from = 4,
};

// clang-format on
