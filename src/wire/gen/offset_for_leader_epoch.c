// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/offset_for_leader_epoch.txt instead.
#include "wire/gen/offset_for_leader_epoch.h"

// clang-format off

static const struct dh_field offset_for_leader_epoch_request_topic_partition[] = {
    {DH_FIELD(offset_for_leader_epoch_request_topic_partition, partition, INT32, 2, 4)},
    {DH_FIELD(offset_for_leader_epoch_request_topic_partition,
              current_leader_epoch, INT32, 2, 4), DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(offset_for_leader_epoch_request_topic_partition,
              leader_epoch, INT32, 2, 4)},
};

const struct dh_struct dh_offset_for_leader_epoch_request_topic_partition_struct =
    DH_STRUCT(offset_for_leader_epoch_request_topic_partition);

static const struct dh_field offset_for_leader_epoch_request_topic[] = {
    {DH_FIELD(offset_for_leader_epoch_request_topic, topic, STRING, 2, 4)},
    {DH_ARRAY(offset_for_leader_epoch_request_topic, partitions, STRUCT, 2, 4),
     DH_OF(offset_for_leader_epoch_request_topic_partition)},
};

const struct dh_struct dh_offset_for_leader_epoch_request_topic_struct =
    DH_STRUCT(offset_for_leader_epoch_request_topic);

static const struct dh_field offset_for_leader_epoch_request[] = {
    {DH_FIELD(offset_for_leader_epoch_request, replica_id, INT32, 3, 4), DH_INITIAL(-2),
     DH_IGNORABLE},
    {DH_ARRAY(offset_for_leader_epoch_request, topics, STRUCT, 2, 4),
     DH_OF(offset_for_leader_epoch_request_topic)},
};

const struct dh_message_type dh_offset_for_leader_epoch_request_type = {
    .name = "OffsetForLeaderEpochRequest",
    .body = DH_STRUCT(offset_for_leader_epoch_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 23,
    .versions = {2, 4},
    .flexible_from = 4,
};

static const struct dh_field offset_for_leader_epoch_response_topic_partition[] = {
    {DH_FIELD(offset_for_leader_epoch_response_topic_partition,
              error_code, INT16, 2, 4)},
    {DH_FIELD(offset_for_leader_epoch_response_topic_partition, partition, INT32, 2, 4)},
    {DH_FIELD(offset_for_leader_epoch_response_topic_partition,
              leader_epoch, INT32, 2, 4), DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(offset_for_leader_epoch_response_topic_partition,
              end_offset, INT64, 2, 4), DH_INITIAL(-1)},
};

const struct dh_struct dh_offset_for_leader_epoch_response_topic_partition_struct =
    DH_STRUCT(offset_for_leader_epoch_response_topic_partition);

static const struct dh_field offset_for_leader_epoch_response_topic[] = {
    {DH_FIELD(offset_for_leader_epoch_response_topic, topic, STRING, 2, 4)},
    {DH_ARRAY(offset_for_leader_epoch_response_topic, partitions, STRUCT, 2, 4),
     DH_OF(offset_for_leader_epoch_response_topic_partition)},
};

const struct dh_struct dh_offset_for_leader_epoch_response_topic_struct =
    DH_STRUCT(offset_for_leader_epoch_response_topic);

static const struct dh_field offset_for_leader_epoch_response[] = {
    {DH_FIELD(offset_for_leader_epoch_response, throttle_time_ms, INT32, 2, 4),
     DH_IGNORABLE},
    {DH_ARRAY(offset_for_leader_epoch_response, topics, STRUCT, 2, 4),
     DH_OF(offset_for_leader_epoch_response_topic)},
};

const struct dh_message_type dh_offset_for_leader_epoch_response_type = {
    .name = "OffsetForLeaderEpochResponse",
    .body = DH_STRUCT(offset_for_leader_epoch_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 23,
    .versions = {2, 4},
    .flexible_from = 4,
};

// clang-format on
