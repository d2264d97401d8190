// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/describe_topic_partitions.txt instead.
#include "wire/gen/describe_topic_partitions.h"

// clang-format off

static const struct dh_field describe_topic_partitions_request_topic[] = {
    {DH_FIELD(describe_topic_partitions_request_topic, name, STRING, 0, 0)},
};

const struct dh_struct dh_describe_topic_partitions_request_topic_struct =
    DH_STRUCT(describe_topic_partitions_request_topic);

static const struct dh_field describe_topic_partitions_request_cursor[] = {
    {DH_FIELD(describe_topic_partitions_request_cursor, topic_name, STRING, 0, 0)},
    {DH_FIELD(describe_topic_partitions_request_cursor, partition_index, INT32, 0, 0)},
};

const struct dh_struct dh_describe_topic_partitions_request_cursor_struct =
    DH_STRUCT(describe_topic_partitions_request_cursor);

static const struct dh_field describe_topic_partitions_request[] = {
    {DH_ARRAY(describe_topic_partitions_request, topics, STRUCT, 0, 0),
     DH_OF(describe_topic_partitions_request_topic)},
    {DH_FIELD(describe_topic_partitions_request, response_partition_limit, INT32, 0, 0),
     DH_INITIAL(2000)},
    {DH_FIELD(describe_topic_partitions_request, cursor, STRUCT, 0, 0),
     DH_OF(describe_topic_partitions_request_cursor), DH_NULLABLE(0, 0),
     DH_INITIAL_NULL},
};

const struct dh_message_type dh_describe_topic_partitions_request_type = {
    .name = "DescribeTopicPartitionsRequest",
    .body = DH_STRUCT(describe_topic_partitions_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 75,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field describe_topic_partitions_response_topic_partition[] = {
    {DH_FIELD(describe_topic_partitions_response_topic_partition,
              error_code, INT16, 0, 0)},
    {DH_FIELD(describe_topic_partitions_response_topic_partition,
              partition_index, INT32, 0, 0)},
    {DH_FIELD(describe_topic_partitions_response_topic_partition,
              leader_id, INT32, 0, 0)},
    {DH_FIELD(describe_topic_partitions_response_topic_partition,
              leader_epoch, INT32, 0, 0), DH_INITIAL(-1), DH_IGNORABLE},
    {DH_ARRAY(describe_topic_partitions_response_topic_partition,
              replica_nodes, INT32, 0, 0)},
    {DH_ARRAY(describe_topic_partitions_response_topic_partition,
              isr_nodes, INT32, 0, 0)},
    {DH_ARRAY(describe_topic_partitions_response_topic_partition,
              eligible_leader_replicas, INT32, 0, 0), DH_NULLABLE(0, 0),
     DH_INITIAL_NULL},
    {DH_ARRAY(describe_topic_partitions_response_topic_partition,
              last_known_elr, INT32, 0, 0), DH_NULLABLE(0, 0), DH_INITIAL_NULL},
    {DH_ARRAY(describe_topic_partitions_response_topic_partition,
              offline_replicas, INT32, 0, 0), DH_IGNORABLE},
};

const struct dh_struct dh_describe_topic_partitions_response_topic_partition_struct =
    DH_STRUCT(describe_topic_partitions_response_topic_partition);

static const struct dh_field describe_topic_partitions_response_topic[] = {
    {DH_FIELD(describe_topic_partitions_response_topic, error_code, INT16, 0, 0)},
    {DH_FIELD(describe_topic_partitions_response_topic, name, STRING, 0, 0),
     DH_NULLABLE(0, 0)},
    {DH_FIELD(describe_topic_partitions_response_topic, topic_id, UUID, 0, 0),
     DH_IGNORABLE},
    {DH_FIELD(describe_topic_partitions_response_topic, is_internal, BOOL, 0, 0),
     DH_IGNORABLE},
    {DH_ARRAY(describe_topic_partitions_response_topic, partitions, STRUCT, 0, 0),
     DH_OF(describe_topic_partitions_response_topic_partition)},
    {DH_FIELD(describe_topic_partitions_response_topic,
              topic_authorized_operations, INT32, 0, 0), DH_INITIAL(-2147483648)},
};

const struct dh_struct dh_describe_topic_partitions_response_topic_struct =
    DH_STRUCT(describe_topic_partitions_response_topic);

static const struct dh_field describe_topic_partitions_response_next_cursor[] = {
    {DH_FIELD(describe_topic_partitions_response_next_cursor, topic_name, STRING, 0, 0)},
    {DH_FIELD(describe_topic_partitions_response_next_cursor,
              partition_index, INT32, 0, 0)},
};

const struct dh_struct dh_describe_topic_partitions_response_next_cursor_struct =
    DH_STRUCT(describe_topic_partitions_response_next_cursor);

static const struct dh_field describe_topic_partitions_response[] = {
    {DH_FIELD(describe_topic_partitions_response, throttle_time_ms, INT32, 0, 0),
     DH_IGNORABLE},
    {DH_ARRAY(describe_topic_partitions_response, topics, STRUCT, 0, 0),
     DH_OF(describe_topic_partitions_response_topic)},
    {DH_FIELD(describe_topic_partitions_response, next_cursor, STRUCT, 0, 0),
     DH_OF(describe_topic_partitions_response_next_cursor), DH_NULLABLE(0, 0),
     DH_INITIAL_NULL},
};

const struct dh_message_type dh_describe_topic_partitions_response_type = {
    .name = "DescribeTopicPartitionsResponse",
    .body = DH_STRUCT(describe_topic_partitions_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 75,
    .versions = {0, 0},
    .flexible_from = 0,
};

// clang-format on
