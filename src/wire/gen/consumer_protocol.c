// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/consumer_protocol.txt instead.
#include "wire/gen/consumer_protocol.h"

// clang-format off

static const struct dh_field consumer_protocol_subscription_owned_partition[] = {
    {DH_FIELD(consumer_protocol_subscription_owned_partition, topic, STRING, 1, 3)},
    {DH_ARRAY(consumer_protocol_subscription_owned_partition, partitions, INT32, 1, 3)},
};

const struct dh_struct dh_consumer_protocol_subscription_owned_partition_struct =
    DH_STRUCT(consumer_protocol_subscription_owned_partition);

static const struct dh_field consumer_protocol_subscription[] = {
    {DH_ARRAY(consumer_protocol_subscription, topics, STRING, 0, 3)},
    {DH_FIELD(consumer_protocol_subscription, user_data, BYTES, 0, 3),
     DH_NULLABLE(0, 3), DH_INITIAL_NULL},
    {DH_ARRAY(consumer_protocol_subscription, owned_partitions, STRUCT, 1, 3),
     DH_OF(consumer_protocol_subscription_owned_partition), DH_IGNORABLE},
    {DH_FIELD(consumer_protocol_subscription, generation_id, INT32, 2, 3),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(consumer_protocol_subscription, rack_id, STRING, 3, 3), DH_NULLABLE(3, 3),
     DH_INITIAL_NULL, DH_IGNORABLE},
};

const struct dh_message_type dh_consumer_protocol_subscription_type = {
    .name = "ConsumerProtocolSubscription",
    .body = DH_STRUCT(consumer_protocol_subscription),
    .role = DH_MESSAGE_DATA,
    .key = -1,
    .versions = {0, 3},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field consumer_protocol_assignment_assigned_partition[] = {
    {DH_FIELD(consumer_protocol_assignment_assigned_partition, topic, STRING, 0, 3)},
    {DH_ARRAY(consumer_protocol_assignment_assigned_partition, partitions, INT32, 0, 3)},
};

const struct dh_struct dh_consumer_protocol_assignment_assigned_partition_struct =
    DH_STRUCT(consumer_protocol_assignment_assigned_partition);

static const struct dh_field consumer_protocol_assignment[] = {
    {DH_ARRAY(consumer_protocol_assignment, assigned_partitions, STRUCT, 0, 3),
     DH_OF(consumer_protocol_assignment_assigned_partition)},
    {DH_FIELD(consumer_protocol_assignment, user_data, BYTES, 0, 3), DH_NULLABLE(0, 3),
     DH_INITIAL_NULL},
};

const struct dh_message_type dh_consumer_protocol_assignment_type = {
    .name = "ConsumerProtocolAssignment",
    .body = DH_STRUCT(consumer_protocol_assignment),
    .role = DH_MESSAGE_DATA,
    .key = -1,
    .versions = {0, 3},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

// clang-format on
