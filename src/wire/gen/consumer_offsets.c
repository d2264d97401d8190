// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/consumer_offsets.txt instead.
#include "wire/gen/consumer_offsets.h"

// clang-format off

static const struct dh_field legacy_offset_commit_key[] = {
    {DH_FIELD(legacy_offset_commit_key, group, STRING, 0, 0)},
    {DH_FIELD(legacy_offset_commit_key, topic, STRING, 0, 0)},
    {DH_FIELD(legacy_offset_commit_key, partition, INT32, 0, 0)},
};

const struct dh_message_type dh_legacy_offset_commit_key_type = {
    .name = "LegacyOffsetCommitKey",
    .body = DH_STRUCT(legacy_offset_commit_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 0,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field legacy_offset_commit_value[] = {
    {DH_FIELD(legacy_offset_commit_value, offset, INT64, 0, 0)},
    {DH_FIELD(legacy_offset_commit_value, metadata, STRING, 0, 0)},
    {DH_FIELD(legacy_offset_commit_value, commit_timestamp, INT64, 0, 0)},
};

const struct dh_message_type dh_legacy_offset_commit_value_type = {
    .name = "LegacyOffsetCommitValue",
    .body = DH_STRUCT(legacy_offset_commit_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 0,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field offset_commit_key[] = {
    {DH_FIELD(offset_commit_key, group, STRING, 0, 0)},
    {DH_FIELD(offset_commit_key, topic, STRING, 0, 0)},
    {DH_FIELD(offset_commit_key, partition, INT32, 0, 0)},
};

const struct dh_message_type dh_offset_commit_key_type = {
    .name = "OffsetCommitKey",
    .body = DH_STRUCT(offset_commit_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 1,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field offset_commit_value[] = {
    {DH_FIELD(offset_commit_value, offset, INT64, 0, 4)},
    {DH_FIELD(offset_commit_value, leader_epoch, INT32, 3, 4), DH_INITIAL(-1),
     DH_IGNORABLE},
    {DH_FIELD(offset_commit_value, metadata, STRING, 0, 4)},
    {DH_FIELD(offset_commit_value, commit_timestamp, INT64, 0, 4)},
    {DH_FIELD(offset_commit_value, expire_timestamp, INT64, 1, 1), DH_INITIAL(-1),
     DH_IGNORABLE},
    {DH_FIELD(offset_commit_value, topic_id, UUID, 4, 4), DH_TAG(0), DH_IGNORABLE},
};

const struct dh_message_type dh_offset_commit_value_type = {
    .name = "OffsetCommitValue",
    .body = DH_STRUCT(offset_commit_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 1,
    .versions = {0, 4},
    .flexible_from = 4,
};

static const struct dh_field group_metadata_key[] = {
    {DH_FIELD(group_metadata_key, group, STRING, 0, 0)},
};

const struct dh_message_type dh_group_metadata_key_type = {
    .name = "GroupMetadataKey",
    .body = DH_STRUCT(group_metadata_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 2,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field group_metadata_value_member[] = {
    {DH_FIELD(group_metadata_value_member, member_id, STRING, 0, 4)},
    {DH_FIELD(group_metadata_value_member, group_instance_id, STRING, 3, 4),
     DH_NULLABLE(3, 4), DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(group_metadata_value_member, client_id, STRING, 0, 4)},
    {DH_FIELD(group_metadata_value_member, client_host, STRING, 0, 4)},
    {DH_FIELD(group_metadata_value_member, rebalance_timeout, INT32, 1, 4),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(group_metadata_value_member, session_timeout, INT32, 0, 4)},
    {DH_FIELD(group_metadata_value_member, subscription, BYTES, 0, 4)},
    {DH_FIELD(group_metadata_value_member, assignment, BYTES, 0, 4)},
};

const struct dh_struct dh_group_metadata_value_member_struct =
    DH_STRUCT(group_metadata_value_member);

static const struct dh_field group_metadata_value[] = {
    {DH_FIELD(group_metadata_value, protocol_type, STRING, 0, 4)},
    {DH_FIELD(group_metadata_value, generation, INT32, 0, 4)},
    {DH_FIELD(group_metadata_value, protocol, STRING, 0, 4), DH_NULLABLE(0, 4)},
    {DH_FIELD(group_metadata_value, leader, STRING, 0, 4), DH_NULLABLE(0, 4)},
    {DH_FIELD(group_metadata_value, current_state_timestamp, INT64, 2, 4),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_ARRAY(group_metadata_value, members, STRUCT, 0, 4),
     DH_OF(group_metadata_value_member)},
};

const struct dh_message_type dh_group_metadata_value_type = {
    .name = "GroupMetadataValue",
    .body = DH_STRUCT(group_metadata_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 2,
    .versions = {0, 4},
    .flexible_from = 4,
};

static const struct dh_field consumer_group_metadata_key[] = {
    {DH_FIELD(consumer_group_metadata_key, group_id, STRING, 0, 0)},
};

const struct dh_message_type dh_consumer_group_metadata_key_type = {
    .name = "ConsumerGroupMetadataKey",
    .body = DH_STRUCT(consumer_group_metadata_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 3,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field consumer_group_metadata_value[] = {
    {DH_FIELD(consumer_group_metadata_value, epoch, INT32, 0, 0)},
    {DH_FIELD(consumer_group_metadata_value, metadata_hash, INT64, 0, 0), DH_TAG(0)},
};

const struct dh_message_type dh_consumer_group_metadata_value_type = {
    .name = "ConsumerGroupMetadataValue",
    .body = DH_STRUCT(consumer_group_metadata_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 3,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field consumer_group_partition_metadata_key[] = {
    {DH_FIELD(consumer_group_partition_metadata_key, group_id, STRING, 0, 0)},
};

const struct dh_message_type dh_consumer_group_partition_metadata_key_type = {
    .name = "ConsumerGroupPartitionMetadataKey",
    .body = DH_STRUCT(consumer_group_partition_metadata_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 4,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field
consumer_group_partition_metadata_value_topic_partition_metadata[] = {
    {DH_FIELD(consumer_group_partition_metadata_value_topic_partition_metadata,
              partition, INT32, 0, 0)},
    {DH_ARRAY(consumer_group_partition_metadata_value_topic_partition_metadata,
              racks, STRING, 0, 0)},
};

const struct dh_struct
dh_consumer_group_partition_metadata_value_topic_partition_metadata_struct =
    DH_STRUCT(consumer_group_partition_metadata_value_topic_partition_metadata);

static const struct dh_field consumer_group_partition_metadata_value_topic[] = {
    {DH_FIELD(consumer_group_partition_metadata_value_topic, topic_id, UUID, 0, 0)},
    {DH_FIELD(consumer_group_partition_metadata_value_topic, topic_name, STRING, 0, 0)},
    {DH_FIELD(consumer_group_partition_metadata_value_topic,
              num_partitions, INT32, 0, 0)},
    {DH_ARRAY(consumer_group_partition_metadata_value_topic,
              partition_metadata, STRUCT, 0, 0),
     DH_OF(consumer_group_partition_metadata_value_topic_partition_metadata)},
};

const struct dh_struct dh_consumer_group_partition_metadata_value_topic_struct =
    DH_STRUCT(consumer_group_partition_metadata_value_topic);

static const struct dh_field consumer_group_partition_metadata_value[] = {
    {DH_ARRAY(consumer_group_partition_metadata_value, topics, STRUCT, 0, 0),
     DH_OF(consumer_group_partition_metadata_value_topic)},
};

const struct dh_message_type dh_consumer_group_partition_metadata_value_type = {
    .name = "ConsumerGroupPartitionMetadataValue",
    .body = DH_STRUCT(consumer_group_partition_metadata_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 4,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field consumer_group_member_metadata_key[] = {
    {DH_FIELD(consumer_group_member_metadata_key, group_id, STRING, 0, 0)},
    {DH_FIELD(consumer_group_member_metadata_key, member_id, STRING, 0, 0)},
};

const struct dh_message_type dh_consumer_group_member_metadata_key_type = {
    .name = "ConsumerGroupMemberMetadataKey",
    .body = DH_STRUCT(consumer_group_member_metadata_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 5,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field consumer_group_member_metadata_value_classic_protocol[] = {
    {DH_FIELD(consumer_group_member_metadata_value_classic_protocol,
              name, STRING, 0, 0)},
    {DH_FIELD(consumer_group_member_metadata_value_classic_protocol,
              metadata, BYTES, 0, 0)},
};

const struct dh_struct dh_consumer_group_member_metadata_value_classic_protocol_struct =
    DH_STRUCT(consumer_group_member_metadata_value_classic_protocol);

static const struct dh_field consumer_group_member_metadata_value_classic[] = {
    {DH_FIELD(consumer_group_member_metadata_value_classic,
              session_timeout_ms, INT32, 0, 0)},
    {DH_ARRAY(consumer_group_member_metadata_value_classic,
              supported_protocols, STRUCT, 0, 0),
     DH_OF(consumer_group_member_metadata_value_classic_protocol)},
};

const struct dh_struct dh_consumer_group_member_metadata_value_classic_struct =
    DH_STRUCT(consumer_group_member_metadata_value_classic);

static const struct dh_field consumer_group_member_metadata_value[] = {
    {DH_FIELD(consumer_group_member_metadata_value, instance_id, STRING, 0, 0),
     DH_NULLABLE(0, 0)},
    {DH_FIELD(consumer_group_member_metadata_value, rack_id, STRING, 0, 0),
     DH_NULLABLE(0, 0)},
    {DH_FIELD(consumer_group_member_metadata_value, client_id, STRING, 0, 0)},
    {DH_FIELD(consumer_group_member_metadata_value, client_host, STRING, 0, 0)},
    {DH_ARRAY(consumer_group_member_metadata_value,
              subscribed_topic_names, STRING, 0, 0)},
    {DH_FIELD(consumer_group_member_metadata_value,
              subscribed_topic_regex, STRING, 0, 0), DH_NULLABLE(0, 0)},
    {DH_FIELD(consumer_group_member_metadata_value, rebalance_timeout_ms, INT32, 0, 0),
     DH_INITIAL(-1)},
    {DH_FIELD(consumer_group_member_metadata_value, server_assignor, STRING, 0, 0),
     DH_NULLABLE(0, 0)},
    {DH_FIELD(consumer_group_member_metadata_value,
              classic_member_metadata, STRUCT, 0, 0),
     DH_OF(consumer_group_member_metadata_value_classic), DH_NULLABLE(0, 0), DH_TAG(0),
     DH_INITIAL_STRUCT},
};

const struct dh_message_type dh_consumer_group_member_metadata_value_type = {
    .name = "ConsumerGroupMemberMetadataValue",
    .body = DH_STRUCT(consumer_group_member_metadata_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 5,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field consumer_group_target_assignment_metadata_key[] = {
    {DH_FIELD(consumer_group_target_assignment_metadata_key, group_id, STRING, 0, 0)},
};

const struct dh_message_type dh_consumer_group_target_assignment_metadata_key_type = {
    .name = "ConsumerGroupTargetAssignmentMetadataKey",
    .body = DH_STRUCT(consumer_group_target_assignment_metadata_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 6,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field consumer_group_target_assignment_metadata_value[] = {
    {DH_FIELD(consumer_group_target_assignment_metadata_value,
              assignment_epoch, INT32, 0, 0)},
    {DH_FIELD(consumer_group_target_assignment_metadata_value,
              assignment_timestamp, INT64, 0, 0), DH_TAG(0), DH_IGNORABLE},
};

const struct dh_message_type dh_consumer_group_target_assignment_metadata_value_type = {
    .name = "ConsumerGroupTargetAssignmentMetadataValue",
    .body = DH_STRUCT(consumer_group_target_assignment_metadata_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 6,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field consumer_group_target_assignment_member_key[] = {
    {DH_FIELD(consumer_group_target_assignment_member_key, group_id, STRING, 0, 0)},
    {DH_FIELD(consumer_group_target_assignment_member_key, member_id, STRING, 0, 0)},
};

const struct dh_message_type dh_consumer_group_target_assignment_member_key_type = {
    .name = "ConsumerGroupTargetAssignmentMemberKey",
    .body = DH_STRUCT(consumer_group_target_assignment_member_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 7,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field
consumer_group_target_assignment_member_value_topic_partition[] = {
    {DH_FIELD(consumer_group_target_assignment_member_value_topic_partition,
              topic_id, UUID, 0, 0)},
    {DH_ARRAY(consumer_group_target_assignment_member_value_topic_partition,
              partitions, INT32, 0, 0)},
};

const struct dh_struct
dh_consumer_group_target_assignment_member_value_topic_partition_struct =
    DH_STRUCT(consumer_group_target_assignment_member_value_topic_partition);

static const struct dh_field consumer_group_target_assignment_member_value[] = {
    {DH_ARRAY(consumer_group_target_assignment_member_value,
              topic_partitions, STRUCT, 0, 0),
     DH_OF(consumer_group_target_assignment_member_value_topic_partition)},
};

const struct dh_message_type dh_consumer_group_target_assignment_member_value_type = {
    .name = "ConsumerGroupTargetAssignmentMemberValue",
    .body = DH_STRUCT(consumer_group_target_assignment_member_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 7,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field consumer_group_current_member_assignment_key[] = {
    {DH_FIELD(consumer_group_current_member_assignment_key, group_id, STRING, 0, 0)},
    {DH_FIELD(consumer_group_current_member_assignment_key, member_id, STRING, 0, 0)},
};

const struct dh_message_type dh_consumer_group_current_member_assignment_key_type = {
    .name = "ConsumerGroupCurrentMemberAssignmentKey",
    .body = DH_STRUCT(consumer_group_current_member_assignment_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 8,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field
consumer_group_current_member_assignment_value_topic_partition[] = {
    {DH_FIELD(consumer_group_current_member_assignment_value_topic_partition,
              topic_id, UUID, 0, 0)},
    {DH_ARRAY(consumer_group_current_member_assignment_value_topic_partition,
              partitions, INT32, 0, 0)},
    {DH_ARRAY(consumer_group_current_member_assignment_value_topic_partition,
              assignment_epochs, INT32, 0, 0), DH_NULLABLE(0, 0), DH_TAG(0)},
};

const struct dh_struct
dh_consumer_group_current_member_assignment_value_topic_partition_struct =
    DH_STRUCT(consumer_group_current_member_assignment_value_topic_partition);

static const struct dh_field consumer_group_current_member_assignment_value[] = {
    {DH_FIELD(consumer_group_current_member_assignment_value,
              member_epoch, INT32, 0, 0)},
    {DH_FIELD(consumer_group_current_member_assignment_value,
              previous_member_epoch, INT32, 0, 0)},
    {DH_FIELD(consumer_group_current_member_assignment_value, state, INT8, 0, 0)},
    {DH_ARRAY(consumer_group_current_member_assignment_value,
              assigned_partitions, STRUCT, 0, 0),
     DH_OF(consumer_group_current_member_assignment_value_topic_partition)},
    {DH_ARRAY(consumer_group_current_member_assignment_value,
              partitions_pending_revocation, STRUCT, 0, 0),
     DH_OF(consumer_group_current_member_assignment_value_topic_partition)},
};

const struct dh_message_type dh_consumer_group_current_member_assignment_value_type = {
    .name = "ConsumerGroupCurrentMemberAssignmentValue",
    .body = DH_STRUCT(consumer_group_current_member_assignment_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 8,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field consumer_group_regular_expression_key[] = {
    {DH_FIELD(consumer_group_regular_expression_key, group_id, STRING, 0, 0)},
    {DH_FIELD(consumer_group_regular_expression_key, regular_expression, STRING, 0, 0)},
};

const struct dh_message_type dh_consumer_group_regular_expression_key_type = {
    .name = "ConsumerGroupRegularExpressionKey",
    .body = DH_STRUCT(consumer_group_regular_expression_key),
    .role = DH_MESSAGE_RECORD_KEY,
    .key = 16,
    .versions = {0, 0},
    .flexible_from = DH_FLEXIBLE_NEVER,
};

static const struct dh_field consumer_group_regular_expression_value[] = {
    {DH_ARRAY(consumer_group_regular_expression_value, topics, STRING, 0, 0)},
    {DH_FIELD(consumer_group_regular_expression_value, version, INT64, 0, 0)},
    {DH_FIELD(consumer_group_regular_expression_value, timestamp, INT64, 0, 0)},
};

const struct dh_message_type dh_consumer_group_regular_expression_value_type = {
    .name = "ConsumerGroupRegularExpressionValue",
    .body = DH_STRUCT(consumer_group_regular_expression_value),
    .role = DH_MESSAGE_RECORD_VALUE,
    .key = 16,
    .versions = {0, 0},
    .flexible_from = 0,
};

// clang-format on
