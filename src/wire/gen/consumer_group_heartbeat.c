// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/consumer_group_heartbeat.txt instead.
#include "wire/gen/consumer_group_heartbeat.h"

// clang-format off

static const struct dh_field consumer_group_heartbeat_request_topic_partition[] = {
    {DH_FIELD(consumer_group_heartbeat_request_topic_partition, topic_id, UUID, 0, 1)},
    {DH_ARRAY(consumer_group_heartbeat_request_topic_partition,
              partitions, INT32, 0, 1)},
};

const struct dh_struct dh_consumer_group_heartbeat_request_topic_partition_struct =
    DH_STRUCT(consumer_group_heartbeat_request_topic_partition);

static const struct dh_field consumer_group_heartbeat_request[] = {
    {DH_FIELD(consumer_group_heartbeat_request, group_id, STRING, 0, 1)},
    {DH_FIELD(consumer_group_heartbeat_request, member_id, STRING, 0, 1)},
    {DH_FIELD(consumer_group_heartbeat_request, member_epoch, INT32, 0, 1)},
    {DH_FIELD(consumer_group_heartbeat_request, instance_id, STRING, 0, 1),
     DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_heartbeat_request, rack_id, STRING, 0, 1),
     DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_heartbeat_request, rebalance_timeout_ms, INT32, 0, 1),
     DH_INITIAL(-1)},
    {DH_ARRAY(consumer_group_heartbeat_request, subscribed_topic_names, STRING, 0, 1),
     DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_heartbeat_request, subscribed_topic_regex, STRING, 1, 1),
     DH_NULLABLE(1, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_heartbeat_request, server_assignor, STRING, 0, 1),
     DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_ARRAY(consumer_group_heartbeat_request, topic_partitions, STRUCT, 0, 1),
     DH_OF(consumer_group_heartbeat_request_topic_partition), DH_NULLABLE(0, 1),
     DH_INITIAL_NULL},
};

const struct dh_message_type dh_consumer_group_heartbeat_request_type = {
    .name = "ConsumerGroupHeartbeatRequest",
    .body = DH_STRUCT(consumer_group_heartbeat_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 68,
    .versions = {0, 1},
    .flexible_from = 0,
};

static const struct dh_field
consumer_group_heartbeat_response_assignment_topic_partition[] = {
    {DH_FIELD(consumer_group_heartbeat_response_assignment_topic_partition,
              topic_id, UUID, 0, 1)},
    {DH_ARRAY(consumer_group_heartbeat_response_assignment_topic_partition,
              partitions, INT32, 0, 1)},
};

const struct dh_struct
dh_consumer_group_heartbeat_response_assignment_topic_partition_struct =
    DH_STRUCT(consumer_group_heartbeat_response_assignment_topic_partition);

static const struct dh_field consumer_group_heartbeat_response_assignment[] = {
    {DH_ARRAY(consumer_group_heartbeat_response_assignment,
              topic_partitions, STRUCT, 0, 1),
     DH_OF(consumer_group_heartbeat_response_assignment_topic_partition)},
};

const struct dh_struct dh_consumer_group_heartbeat_response_assignment_struct =
    DH_STRUCT(consumer_group_heartbeat_response_assignment);

static const struct dh_field consumer_group_heartbeat_response[] = {
    {DH_FIELD(consumer_group_heartbeat_response, throttle_time_ms, INT32, 0, 1)},
    {DH_FIELD(consumer_group_heartbeat_response, error_code, INT16, 0, 1)},
    {DH_FIELD(consumer_group_heartbeat_response, error_message, STRING, 0, 1),
     DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_heartbeat_response, member_id, STRING, 0, 1),
     DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_heartbeat_response, member_epoch, INT32, 0, 1)},
    {DH_FIELD(consumer_group_heartbeat_response, heartbeat_interval_ms, INT32, 0, 1)},
    {DH_FIELD(consumer_group_heartbeat_response, assignment, STRUCT, 0, 1),
     DH_OF(consumer_group_heartbeat_response_assignment), DH_NULLABLE(0, 1),
     DH_INITIAL_NULL},
};

const struct dh_message_type dh_consumer_group_heartbeat_response_type = {
    .name = "ConsumerGroupHeartbeatResponse",
    .body = DH_STRUCT(consumer_group_heartbeat_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 68,
    .versions = {0, 1},
    .flexible_from = 0,
};

// clang-format on
