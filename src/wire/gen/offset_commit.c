// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/offset_commit.txt instead.
#include "wire/gen/offset_commit.h"

// clang-format off

static const struct dh_field offset_commit_request_topic_partition[] = {
    {DH_FIELD(offset_commit_request_topic_partition, partition_index, INT32, 2, 10)},
    {DH_FIELD(offset_commit_request_topic_partition, committed_offset, INT64, 2, 10)},
    {DH_FIELD(offset_commit_request_topic_partition,
              committed_leader_epoch, INT32, 6, 10), DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(offset_commit_request_topic_partition, committed_metadata, STRING, 2, 10),
     DH_NULLABLE(2, 10)},
};

const struct dh_struct dh_offset_commit_request_topic_partition_struct =
    DH_STRUCT(offset_commit_request_topic_partition);

static const struct dh_field offset_commit_request_topic[] = {
    {DH_FIELD(offset_commit_request_topic, name, STRING, 2, 9), DH_IGNORABLE},
    {DH_FIELD(offset_commit_request_topic, topic_id, UUID, 10, 10), DH_IGNORABLE},
    {DH_ARRAY(offset_commit_request_topic, partitions, STRUCT, 2, 10),
     DH_OF(offset_commit_request_topic_partition)},
};

const struct dh_struct dh_offset_commit_request_topic_struct =
    DH_STRUCT(offset_commit_request_topic);

static const struct dh_field offset_commit_request[] = {
    {DH_FIELD(offset_commit_request, group_id, STRING, 2, 10)},
    {DH_FIELD(offset_commit_request, generation_id_or_member_epoch, INT32, 2, 10),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(offset_commit_request, member_id, STRING, 2, 10), DH_IGNORABLE},
    {DH_FIELD(offset_commit_request, group_instance_id, STRING, 7, 10),
     DH_NULLABLE(7, 10), DH_INITIAL_NULL},
    {DH_FIELD(offset_commit_request, retention_time_ms, INT64, 2, 4), DH_INITIAL(-1),
     DH_IGNORABLE},
    {DH_ARRAY(offset_commit_request, topics, STRUCT, 2, 10),
     DH_OF(offset_commit_request_topic)},
};

const struct dh_message_type dh_offset_commit_request_type = {
    .name = "OffsetCommitRequest",
    .body = DH_STRUCT(offset_commit_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 8,
    .versions = {2, 10},
    .flexible_from = 8,
};

static const struct dh_field offset_commit_response_topic_partition[] = {
    {DH_FIELD(offset_commit_response_topic_partition, partition_index, INT32, 2, 10)},
    {DH_FIELD(offset_commit_response_topic_partition, error_code, INT16, 2, 10)},
};

const struct dh_struct dh_offset_commit_response_topic_partition_struct =
    DH_STRUCT(offset_commit_response_topic_partition);

static const struct dh_field offset_commit_response_topic[] = {
    {DH_FIELD(offset_commit_response_topic, name, STRING, 2, 9), DH_IGNORABLE},
    {DH_FIELD(offset_commit_response_topic, topic_id, UUID, 10, 10), DH_IGNORABLE},
    {DH_ARRAY(offset_commit_response_topic, partitions, STRUCT, 2, 10),
     DH_OF(offset_commit_response_topic_partition)},
};

const struct dh_struct dh_offset_commit_response_topic_struct =
    DH_STRUCT(offset_commit_response_topic);

static const struct dh_field offset_commit_response[] = {
    {DH_FIELD(offset_commit_response, throttle_time_ms, INT32, 3, 10), DH_IGNORABLE},
    {DH_ARRAY(offset_commit_response, topics, STRUCT, 2, 10),
     DH_OF(offset_commit_response_topic)},
};

const struct dh_message_type dh_offset_commit_response_type = {
    .name = "OffsetCommitResponse",
    .body = DH_STRUCT(offset_commit_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 8,
    .versions = {2, 10},
    .flexible_from = 8,
};

// clang-format on
