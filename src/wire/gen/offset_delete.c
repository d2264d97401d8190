// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/offset_delete.txt instead.
#include "wire/gen/offset_delete.h"

// clang-format off

static const struct dh_field offset_delete_request_topic_partition[] = {
    {DH_FIELD(offset_delete_request_topic_partition, partition_index, INT32, 0, 0)},
};

const struct dh_struct dh_offset_delete_request_topic_partition_struct =
    DH_STRUCT(offset_delete_request_topic_partition);

static const struct dh_field offset_delete_request_topic[] = {
    {DH_FIELD(offset_delete_request_topic, name, STRING, 0, 0)},
    {DH_ARRAY(offset_delete_request_topic, partitions, STRUCT, 0, 0),
     DH_OF(offset_delete_request_topic_partition)},
};

const struct dh_struct dh_offset_delete_request_topic_struct =
    DH_STRUCT(offset_delete_request_topic);

static const struct dh_field offset_delete_request[] = {
    {DH_FIELD(offset_delete_request, group_id, STRING, 0, 0)},
    {DH_ARRAY(offset_delete_request, topics, STRUCT, 0, 0),
     DH_OF(offset_delete_request_topic)},
};

const struct dh_message_type dh_offset_delete_request_type = {
    .name = "OffsetDeleteRequest",
    .body = DH_STRUCT(offset_delete_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 47,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field offset_delete_response_topic_partition[] = {
    {DH_FIELD(offset_delete_response_topic_partition, partition_index, INT32, 0, 0)},
    {DH_FIELD(offset_delete_response_topic_partition, error_code, INT16, 0, 0)},
};

const struct dh_struct dh_offset_delete_response_topic_partition_struct =
    DH_STRUCT(offset_delete_response_topic_partition);

static const struct dh_field offset_delete_response_topic[] = {
    {DH_FIELD(offset_delete_response_topic, name, STRING, 0, 0)},
    {DH_ARRAY(offset_delete_response_topic, partitions, STRUCT, 0, 0),
     DH_OF(offset_delete_response_topic_partition)},
};

const struct dh_struct dh_offset_delete_response_topic_struct =
    DH_STRUCT(offset_delete_response_topic);

static const struct dh_field offset_delete_response[] = {
    {DH_FIELD(offset_delete_response, error_code, INT16, 0, 0)},
    {DH_FIELD(offset_delete_response, throttle_time_ms, INT32, 0, 0), DH_IGNORABLE},
    {DH_ARRAY(offset_delete_response, topics, STRUCT, 0, 0),
     DH_OF(offset_delete_response_topic)},
};

const struct dh_message_type dh_offset_delete_response_type = {
    .name = "OffsetDeleteResponse",
    .body = DH_STRUCT(offset_delete_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 47,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

// clang-format on
