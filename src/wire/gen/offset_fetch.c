// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/offset_fetch.txt instead.
#include "wire/gen/offset_fetch.h"

// clang-format off

static const struct dh_field offset_fetch_request_topic[] = {
    {DH_FIELD(offset_fetch_request_topic, name, STRING, 1, 7)},
    {DH_ARRAY(offset_fetch_request_topic, partition_indexes, INT32, 1, 7)},
};

const struct dh_struct dh_offset_fetch_request_topic_struct =
    DH_STRUCT(offset_fetch_request_topic);

static const struct dh_field offset_fetch_request_group_topic[] = {
    {DH_FIELD(offset_fetch_request_group_topic, name, STRING, 8, 9), DH_IGNORABLE},
    {DH_FIELD(offset_fetch_request_group_topic, topic_id, UUID, 10, 10), DH_IGNORABLE},
    {DH_ARRAY(offset_fetch_request_group_topic, partition_indexes, INT32, 8, 10)},
};

const struct dh_struct dh_offset_fetch_request_group_topic_struct =
    DH_STRUCT(offset_fetch_request_group_topic);

static const struct dh_field offset_fetch_request_group[] = {
    {DH_FIELD(offset_fetch_request_group, group_id, STRING, 8, 10)},
    {DH_FIELD(offset_fetch_request_group, member_id, STRING, 9, 10), DH_NULLABLE(9, 10),
     DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(offset_fetch_request_group, member_epoch, INT32, 9, 10), DH_INITIAL(-1),
     DH_IGNORABLE},
    {DH_ARRAY(offset_fetch_request_group, topics, STRUCT, 8, 10),
     DH_OF(offset_fetch_request_group_topic), DH_NULLABLE(8, 10)},
};

const struct dh_struct dh_offset_fetch_request_group_struct =
    DH_STRUCT(offset_fetch_request_group);

static const struct dh_field offset_fetch_request[] = {
    {DH_FIELD(offset_fetch_request, group_id, STRING, 1, 7)},
    {DH_ARRAY(offset_fetch_request, topics, STRUCT, 1, 7),
     DH_OF(offset_fetch_request_topic), DH_NULLABLE(2, 7)},
    {DH_ARRAY(offset_fetch_request, groups, STRUCT, 8, 10),
     DH_OF(offset_fetch_request_group)},
    {DH_FIELD(offset_fetch_request, require_stable, BOOL, 7, 10)},
};

const struct dh_message_type dh_offset_fetch_request_type = {
    .name = "OffsetFetchRequest",
    .body = DH_STRUCT(offset_fetch_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 9,
    .versions = {1, 10},
    .flexible_from = 6,
};

static const struct dh_field offset_fetch_response_topic_partition[] = {
    {DH_FIELD(offset_fetch_response_topic_partition, partition_index, INT32, 1, 7)},
    {DH_FIELD(offset_fetch_response_topic_partition, committed_offset, INT64, 1, 7)},
    {DH_FIELD(offset_fetch_response_topic_partition,
              committed_leader_epoch, INT32, 5, 7), DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(offset_fetch_response_topic_partition, metadata, STRING, 1, 7),
     DH_NULLABLE(1, 7)},
    {DH_FIELD(offset_fetch_response_topic_partition, error_code, INT16, 1, 7)},
};

const struct dh_struct dh_offset_fetch_response_topic_partition_struct =
    DH_STRUCT(offset_fetch_response_topic_partition);

static const struct dh_field offset_fetch_response_topic[] = {
    {DH_FIELD(offset_fetch_response_topic, name, STRING, 1, 7)},
    {DH_ARRAY(offset_fetch_response_topic, partitions, STRUCT, 1, 7),
     DH_OF(offset_fetch_response_topic_partition)},
};

const struct dh_struct dh_offset_fetch_response_topic_struct =
    DH_STRUCT(offset_fetch_response_topic);

static const struct dh_field offset_fetch_response_group_topic_partition[] = {
    {DH_FIELD(offset_fetch_response_group_topic_partition,
              partition_index, INT32, 8, 10)},
    {DH_FIELD(offset_fetch_response_group_topic_partition,
              committed_offset, INT64, 8, 10)},
    {DH_FIELD(offset_fetch_response_group_topic_partition,
              committed_leader_epoch, INT32, 8, 10), DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(offset_fetch_response_group_topic_partition, metadata, STRING, 8, 10),
     DH_NULLABLE(8, 10)},
    {DH_FIELD(offset_fetch_response_group_topic_partition, error_code, INT16, 8, 10)},
};

const struct dh_struct dh_offset_fetch_response_group_topic_partition_struct =
    DH_STRUCT(offset_fetch_response_group_topic_partition);

static const struct dh_field offset_fetch_response_group_topic[] = {
    {DH_FIELD(offset_fetch_response_group_topic, name, STRING, 8, 9), DH_IGNORABLE},
    {DH_FIELD(offset_fetch_response_group_topic, topic_id, UUID, 10, 10), DH_IGNORABLE},
    {DH_ARRAY(offset_fetch_response_group_topic, partitions, STRUCT, 8, 10),
     DH_OF(offset_fetch_response_group_topic_partition)},
};

const struct dh_struct dh_offset_fetch_response_group_topic_struct =
    DH_STRUCT(offset_fetch_response_group_topic);

static const struct dh_field offset_fetch_response_group[] = {
    {DH_FIELD(offset_fetch_response_group, group_id, STRING, 8, 10)},
    {DH_ARRAY(offset_fetch_response_group, topics, STRUCT, 8, 10),
     DH_OF(offset_fetch_response_group_topic)},
    {DH_FIELD(offset_fetch_response_group, error_code, INT16, 8, 10)},
};

const struct dh_struct dh_offset_fetch_response_group_struct =
    DH_STRUCT(offset_fetch_response_group);

static const struct dh_field offset_fetch_response[] = {
    {DH_FIELD(offset_fetch_response, throttle_time_ms, INT32, 3, 10), DH_IGNORABLE},
    {DH_ARRAY(offset_fetch_response, topics, STRUCT, 1, 7),
     DH_OF(offset_fetch_response_topic)},
    {DH_FIELD(offset_fetch_response, error_code, INT16, 2, 7), DH_IGNORABLE},
    {DH_ARRAY(offset_fetch_response, groups, STRUCT, 8, 10),
     DH_OF(offset_fetch_response_group)},
};

const struct dh_message_type dh_offset_fetch_response_type = {
    .name = "OffsetFetchResponse",
    .body = DH_STRUCT(offset_fetch_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 9,
    .versions = {1, 10},
    .flexible_from = 6,
};

// clang-format on
