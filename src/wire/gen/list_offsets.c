// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/list_offsets.txt instead.
#include "wire/gen/list_offsets.h"

// clang-format off

static const struct dh_field list_offsets_request_topic_partition[] = {
    {DH_FIELD(list_offsets_request_topic_partition, partition_index, INT32, 1, 11)},
    {DH_FIELD(list_offsets_request_topic_partition, current_leader_epoch, INT32, 4, 11),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(list_offsets_request_topic_partition, timestamp, INT64, 1, 11)},
};

const struct dh_struct dh_list_offsets_request_topic_partition_struct =
    DH_STRUCT(list_offsets_request_topic_partition);

static const struct dh_field list_offsets_request_topic[] = {
    {DH_FIELD(list_offsets_request_topic, name, STRING, 1, 11)},
    {DH_ARRAY(list_offsets_request_topic, partitions, STRUCT, 1, 11),
     DH_OF(list_offsets_request_topic_partition)},
};

const struct dh_struct dh_list_offsets_request_topic_struct =
    DH_STRUCT(list_offsets_request_topic);

static const struct dh_field list_offsets_request[] = {
    {DH_FIELD(list_offsets_request, replica_id, INT32, 1, 11)},
    {DH_FIELD(list_offsets_request, isolation_level, INT8, 2, 11)},
    {DH_ARRAY(list_offsets_request, topics, STRUCT, 1, 11),
     DH_OF(list_offsets_request_topic)},
    {DH_FIELD(list_offsets_request, timeout_ms, INT32, 10, 11), DH_IGNORABLE},
};

const struct dh_message_type dh_list_offsets_request_type = {
    .name = "ListOffsetsRequest",
    .body = DH_STRUCT(list_offsets_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 2,
    .versions = {1, 11},
    .flexible_from = 6,
};

static const struct dh_field list_offsets_response_topic_partition[] = {
    {DH_FIELD(list_offsets_response_topic_partition, partition_index, INT32, 1, 11)},
    {DH_FIELD(list_offsets_response_topic_partition, error_code, INT16, 1, 11)},
    {DH_FIELD(list_offsets_response_topic_partition, timestamp, INT64, 1, 11),
     DH_INITIAL(-1)},
    {DH_FIELD(list_offsets_response_topic_partition, offset, INT64, 1, 11),
     DH_INITIAL(-1)},
    {DH_FIELD(list_offsets_response_topic_partition, leader_epoch, INT32, 4, 11),
     DH_INITIAL(-1)},
};

const struct dh_struct dh_list_offsets_response_topic_partition_struct =
    DH_STRUCT(list_offsets_response_topic_partition);

static const struct dh_field list_offsets_response_topic[] = {
    {DH_FIELD(list_offsets_response_topic, name, STRING, 1, 11)},
    {DH_ARRAY(list_offsets_response_topic, partitions, STRUCT, 1, 11),
     DH_OF(list_offsets_response_topic_partition)},
};

const struct dh_struct dh_list_offsets_response_topic_struct =
    DH_STRUCT(list_offsets_response_topic);

static const struct dh_field list_offsets_response[] = {
    {DH_FIELD(list_offsets_response, throttle_time_ms, INT32, 2, 11), DH_IGNORABLE},
    {DH_ARRAY(list_offsets_response, topics, STRUCT, 1, 11),
     DH_OF(list_offsets_response_topic)},
};

const struct dh_message_type dh_list_offsets_response_type = {
    .name = "ListOffsetsResponse",
    .body = DH_STRUCT(list_offsets_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 2,
    .versions = {1, 11},
    .flexible_from = 6,
};

// clang-format on
