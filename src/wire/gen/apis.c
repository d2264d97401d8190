// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/*.txt instead.
#include "wire/gen/apis.h"

#include "wire/gen/alter_configs.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/broker_metadata.h"
#include "wire/gen/consumer_group_describe.h"
#include "wire/gen/consumer_group_heartbeat.h"
#include "wire/gen/consumer_offsets.h"
#include "wire/gen/consumer_protocol.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_groups.h"
#include "wire/gen/delete_records.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/describe_cluster.h"
#include "wire/gen/describe_configs.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/describe_topic_partitions.h"
#include "wire/gen/fetch.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/get_telemetry_subscriptions.h"
#include "wire/gen/header.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/incremental_alter_configs.h"
#include "wire/gen/init_producer_id.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/offset_for_leader_epoch.h"
#include "wire/gen/produce.h"
#include "wire/gen/push_telemetry.h"
#include "wire/gen/sync_group.h"

// clang-format off

const struct dh_api dh_apis[] = {
    {0, "Produce",
     &dh_produce_request_type,
     &dh_produce_response_type},
    {1, "Fetch",
     &dh_fetch_request_type,
     &dh_fetch_response_type},
    {2, "ListOffsets",
     &dh_list_offsets_request_type,
     &dh_list_offsets_response_type},
    {3, "Metadata",
     &dh_metadata_request_type,
     &dh_metadata_response_type},
    {8, "OffsetCommit",
     &dh_offset_commit_request_type,
     &dh_offset_commit_response_type},
    {9, "OffsetFetch",
     &dh_offset_fetch_request_type,
     &dh_offset_fetch_response_type},
    {10, "FindCoordinator",
     &dh_find_coordinator_request_type,
     &dh_find_coordinator_response_type},
    {11, "JoinGroup",
     &dh_join_group_request_type,
     &dh_join_group_response_type},
    {12, "Heartbeat",
     &dh_heartbeat_request_type,
     &dh_heartbeat_response_type},
    {13, "LeaveGroup",
     &dh_leave_group_request_type,
     &dh_leave_group_response_type},
    {14, "SyncGroup",
     &dh_sync_group_request_type,
     &dh_sync_group_response_type},
    {15, "DescribeGroups",
     &dh_describe_groups_request_type,
     &dh_describe_groups_response_type},
    {16, "ListGroups",
     &dh_list_groups_request_type,
     &dh_list_groups_response_type},
    {18, "ApiVersions",
     &dh_api_versions_request_type,
     &dh_api_versions_response_type},
    {19, "CreateTopics",
     &dh_create_topics_request_type,
     &dh_create_topics_response_type},
    {20, "DeleteTopics",
     &dh_delete_topics_request_type,
     &dh_delete_topics_response_type},
    {21, "DeleteRecords",
     &dh_delete_records_request_type,
     &dh_delete_records_response_type},
    {22, "InitProducerId",
     &dh_init_producer_id_request_type,
     &dh_init_producer_id_response_type},
    {23, "OffsetForLeaderEpoch",
     &dh_offset_for_leader_epoch_request_type,
     &dh_offset_for_leader_epoch_response_type},
    {32, "DescribeConfigs",
     &dh_describe_configs_request_type,
     &dh_describe_configs_response_type},
    {33, "AlterConfigs",
     &dh_alter_configs_request_type,
     &dh_alter_configs_response_type},
    {37, "CreatePartitions",
     &dh_create_partitions_request_type,
     &dh_create_partitions_response_type},
    {42, "DeleteGroups",
     &dh_delete_groups_request_type,
     &dh_delete_groups_response_type},
    {44, "IncrementalAlterConfigs",
     &dh_incremental_alter_configs_request_type,
     &dh_incremental_alter_configs_response_type},
    {47, "OffsetDelete",
     &dh_offset_delete_request_type,
     &dh_offset_delete_response_type},
    {60, "DescribeCluster",
     &dh_describe_cluster_request_type,
     &dh_describe_cluster_response_type},
    {68, "ConsumerGroupHeartbeat",
     &dh_consumer_group_heartbeat_request_type,
     &dh_consumer_group_heartbeat_response_type},
    {69, "ConsumerGroupDescribe",
     &dh_consumer_group_describe_request_type,
     &dh_consumer_group_describe_response_type},
    {71, "GetTelemetrySubscriptions",
     &dh_get_telemetry_subscriptions_request_type,
     &dh_get_telemetry_subscriptions_response_type},
    {72, "PushTelemetry",
     &dh_push_telemetry_request_type,
     &dh_push_telemetry_response_type},
    {75, "DescribeTopicPartitions",
     &dh_describe_topic_partitions_request_type,
     &dh_describe_topic_partitions_response_type},
};

const size_t dh_api_count = DH_COUNT_OF(dh_apis);

const struct dh_message_type *const dh_messages[] = {
    &dh_alter_configs_request_type,
    &dh_alter_configs_response_type,
    &dh_api_versions_request_type,
    &dh_api_versions_response_type,
    &dh_consumer_group_describe_request_type,
    &dh_consumer_group_describe_response_type,
    &dh_consumer_group_heartbeat_request_type,
    &dh_consumer_group_heartbeat_response_type,
    &dh_legacy_offset_commit_key_type,
    &dh_legacy_offset_commit_value_type,
    &dh_offset_commit_key_type,
    &dh_offset_commit_value_type,
    &dh_group_metadata_key_type,
    &dh_group_metadata_value_type,
    &dh_consumer_group_metadata_key_type,
    &dh_consumer_group_metadata_value_type,
    &dh_consumer_group_partition_metadata_key_type,
    &dh_consumer_group_partition_metadata_value_type,
    &dh_consumer_group_member_metadata_key_type,
    &dh_consumer_group_member_metadata_value_type,
    &dh_consumer_group_target_assignment_metadata_key_type,
    &dh_consumer_group_target_assignment_metadata_value_type,
    &dh_consumer_group_target_assignment_member_key_type,
    &dh_consumer_group_target_assignment_member_value_type,
    &dh_consumer_group_current_member_assignment_key_type,
    &dh_consumer_group_current_member_assignment_value_type,
    &dh_consumer_group_regular_expression_key_type,
    &dh_consumer_group_regular_expression_value_type,
    &dh_consumer_protocol_subscription_type,
    &dh_consumer_protocol_assignment_type,
    &dh_create_partitions_request_type,
    &dh_create_partitions_response_type,
    &dh_create_topics_request_type,
    &dh_create_topics_response_type,
    &dh_delete_groups_request_type,
    &dh_delete_groups_response_type,
    &dh_delete_records_request_type,
    &dh_delete_records_response_type,
    &dh_delete_topics_request_type,
    &dh_delete_topics_response_type,
    &dh_describe_cluster_request_type,
    &dh_describe_cluster_response_type,
    &dh_describe_configs_request_type,
    &dh_describe_configs_response_type,
    &dh_describe_groups_request_type,
    &dh_describe_groups_response_type,
    &dh_describe_topic_partitions_request_type,
    &dh_describe_topic_partitions_response_type,
    &dh_fetch_request_type,
    &dh_fetch_response_type,
    &dh_find_coordinator_request_type,
    &dh_find_coordinator_response_type,
    &dh_get_telemetry_subscriptions_request_type,
    &dh_get_telemetry_subscriptions_response_type,
    &dh_request_header_type,
    &dh_response_header_type,
    &dh_heartbeat_request_type,
    &dh_heartbeat_response_type,
    &dh_incremental_alter_configs_request_type,
    &dh_incremental_alter_configs_response_type,
    &dh_init_producer_id_request_type,
    &dh_init_producer_id_response_type,
    &dh_join_group_request_type,
    &dh_join_group_response_type,
    &dh_leave_group_request_type,
    &dh_leave_group_response_type,
    &dh_list_groups_request_type,
    &dh_list_groups_response_type,
    &dh_list_offsets_request_type,
    &dh_list_offsets_response_type,
    &dh_metadata_request_type,
    &dh_metadata_response_type,
    &dh_offset_commit_request_type,
    &dh_offset_commit_response_type,
    &dh_offset_delete_request_type,
    &dh_offset_delete_response_type,
    &dh_offset_fetch_request_type,
    &dh_offset_fetch_response_type,
    &dh_offset_for_leader_epoch_request_type,
    &dh_offset_for_leader_epoch_response_type,
    &dh_produce_request_type,
    &dh_produce_response_type,
    &dh_push_telemetry_request_type,
    &dh_push_telemetry_response_type,
    &dh_sync_group_request_type,
    &dh_sync_group_response_type,
};

const size_t dh_message_count = DH_COUNT_OF(dh_messages);

// clang-format on
