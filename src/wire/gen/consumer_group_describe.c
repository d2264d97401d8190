// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/consumer_group_describe.txt instead.
#include "wire/gen/consumer_group_describe.h"

// clang-format off

static const struct dh_field consumer_group_describe_request[] = {
    {DH_ARRAY(consumer_group_describe_request, group_ids, STRING, 0, 1)},
    {DH_FIELD(consumer_group_describe_request,
              include_authorized_operations, BOOL, 0, 1)},
};

const struct dh_message_type dh_consumer_group_describe_request_type = {
    .name = "ConsumerGroupDescribeRequest",
    .body = DH_STRUCT(consumer_group_describe_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 69,
    .versions = {0, 1},
    .flexible_from = 0,
};

static const struct dh_field
consumer_group_describe_response_assignment_topic_partition[] = {
    {DH_FIELD(consumer_group_describe_response_assignment_topic_partition,
              topic_id, UUID, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_assignment_topic_partition,
              topic_name, STRING, 0, 1)},
    {DH_ARRAY(consumer_group_describe_response_assignment_topic_partition,
              partitions, INT32, 0, 1)},
};

const struct dh_struct
dh_consumer_group_describe_response_assignment_topic_partition_struct =
    DH_STRUCT(consumer_group_describe_response_assignment_topic_partition);

static const struct dh_field consumer_group_describe_response_assignment[] = {
    {DH_ARRAY(consumer_group_describe_response_assignment,
              topic_partitions, STRUCT, 0, 1),
     DH_OF(consumer_group_describe_response_assignment_topic_partition)},
};

const struct dh_struct dh_consumer_group_describe_response_assignment_struct =
    DH_STRUCT(consumer_group_describe_response_assignment);

static const struct dh_field consumer_group_describe_response_group_member[] = {
    {DH_FIELD(consumer_group_describe_response_group_member, member_id, STRING, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_group_member, instance_id, STRING, 0, 1),
     DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_describe_response_group_member, rack_id, STRING, 0, 1),
     DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_describe_response_group_member, member_epoch, INT32, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_group_member, client_id, STRING, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_group_member, client_host, STRING, 0, 1)},
    {DH_ARRAY(consumer_group_describe_response_group_member,
              subscribed_topic_names, STRING, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_group_member,
              subscribed_topic_regex, STRING, 0, 1), DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_describe_response_group_member, assignment, STRUCT, 0, 1),
     DH_OF(consumer_group_describe_response_assignment)},
    {DH_FIELD(consumer_group_describe_response_group_member,
              target_assignment, STRUCT, 0, 1),
     DH_OF(consumer_group_describe_response_assignment)},
    {DH_FIELD(consumer_group_describe_response_group_member, member_type, INT8, 1, 1),
     DH_INITIAL(-1), DH_IGNORABLE},
};

const struct dh_struct dh_consumer_group_describe_response_group_member_struct =
    DH_STRUCT(consumer_group_describe_response_group_member);

static const struct dh_field consumer_group_describe_response_group[] = {
    {DH_FIELD(consumer_group_describe_response_group, error_code, INT16, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_group, error_message, STRING, 0, 1),
     DH_NULLABLE(0, 1), DH_INITIAL_NULL},
    {DH_FIELD(consumer_group_describe_response_group, group_id, STRING, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_group, group_state, STRING, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_group, group_epoch, INT32, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_group, assignment_epoch, INT32, 0, 1)},
    {DH_FIELD(consumer_group_describe_response_group, assignor_name, STRING, 0, 1)},
    {DH_ARRAY(consumer_group_describe_response_group, members, STRUCT, 0, 1),
     DH_OF(consumer_group_describe_response_group_member)},
    {DH_FIELD(consumer_group_describe_response_group,
              authorized_operations, INT32, 0, 1), DH_INITIAL(-2147483648)},
};

const struct dh_struct dh_consumer_group_describe_response_group_struct =
    DH_STRUCT(consumer_group_describe_response_group);

static const struct dh_field consumer_group_describe_response[] = {
    {DH_FIELD(consumer_group_describe_response, throttle_time_ms, INT32, 0, 1)},
    {DH_ARRAY(consumer_group_describe_response, groups, STRUCT, 0, 1),
     DH_OF(consumer_group_describe_response_group)},
};

const struct dh_message_type dh_consumer_group_describe_response_type = {
    .name = "ConsumerGroupDescribeResponse",
    .body = DH_STRUCT(consumer_group_describe_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 69,
    .versions = {0, 1},
    .flexible_from = 0,
};

// clang-format on
