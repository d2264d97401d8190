// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/metadata.txt instead.
#include "wire/gen/metadata.h"

// clang-format off

static const struct dh_field metadata_request_topic[] = {
    {DH_FIELD(metadata_request_topic, topic_id, UUID, 10, 13), DH_IGNORABLE},
    {DH_FIELD(metadata_request_topic, name, STRING, 0, 13), DH_NULLABLE(10, 13)},
};

const struct dh_struct dh_metadata_request_topic_struct =
    DH_STRUCT(metadata_request_topic);

static const struct dh_field metadata_request[] = {
    {DH_ARRAY(metadata_request, topics, STRUCT, 0, 13), DH_OF(metadata_request_topic),
     DH_NULLABLE(1, 13)},
    {DH_FIELD(metadata_request, allow_auto_topic_creation, BOOL, 4, 13), DH_INITIAL(1)},
    {DH_FIELD(metadata_request, include_cluster_authorized_operations, BOOL, 8, 10)},
    {DH_FIELD(metadata_request, include_topic_authorized_operations, BOOL, 8, 13)},
};

const struct dh_message_type dh_metadata_request_type = {
    .name = "MetadataRequest",
    .body = DH_STRUCT(metadata_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 3,
    .versions = {0, 13},
    .flexible_from = 9,
};

static const struct dh_field metadata_response_broker[] = {
    {DH_FIELD(metadata_response_broker, node_id, INT32, 0, 13)},
    {DH_FIELD(metadata_response_broker, host, STRING, 0, 13)},
    {DH_FIELD(metadata_response_broker, port, INT32, 0, 13)},
    {DH_FIELD(metadata_response_broker, rack, STRING, 1, 13), DH_NULLABLE(1, 13),
     DH_INITIAL_NULL, DH_IGNORABLE},
};

const struct dh_struct dh_metadata_response_broker_struct =
    DH_STRUCT(metadata_response_broker);

static const struct dh_field metadata_response_topic_partition[] = {
    {DH_FIELD(metadata_response_topic_partition, error_code, INT16, 0, 13)},
    {DH_FIELD(metadata_response_topic_partition, partition_index, INT32, 0, 13)},
    {DH_FIELD(metadata_response_topic_partition, leader_id, INT32, 0, 13)},
    {DH_FIELD(metadata_response_topic_partition, leader_epoch, INT32, 7, 13),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_ARRAY(metadata_response_topic_partition, replica_nodes, INT32, 0, 13)},
    {DH_ARRAY(metadata_response_topic_partition, isr_nodes, INT32, 0, 13)},
    {DH_ARRAY(metadata_response_topic_partition, offline_replicas, INT32, 5, 13),
     DH_IGNORABLE},
};

const struct dh_struct dh_metadata_response_topic_partition_struct =
    DH_STRUCT(metadata_response_topic_partition);

static const struct dh_field metadata_response_topic[] = {
    {DH_FIELD(metadata_response_topic, error_code, INT16, 0, 13)},
    {DH_FIELD(metadata_response_topic, name, STRING, 0, 13), DH_NULLABLE(12, 13)},
    {DH_FIELD(metadata_response_topic, topic_id, UUID, 10, 13), DH_IGNORABLE},
    {DH_FIELD(metadata_response_topic, is_internal, BOOL, 1, 13), DH_IGNORABLE},
    {DH_ARRAY(metadata_response_topic, partitions, STRUCT, 0, 13),
     DH_OF(metadata_response_topic_partition)},
    {DH_FIELD(metadata_response_topic, topic_authorized_operations, INT32, 8, 13),
     DH_INITIAL(-2147483648)},
};

const struct dh_struct dh_metadata_response_topic_struct =
    DH_STRUCT(metadata_response_topic);

static const struct dh_field metadata_response[] = {
    {DH_FIELD(metadata_response, throttle_time_ms, INT32, 3, 13), DH_IGNORABLE},
    {DH_ARRAY(metadata_response, brokers, STRUCT, 0, 13),
     DH_OF(metadata_response_broker)},
    {DH_FIELD(metadata_response, cluster_id, STRING, 2, 13), DH_NULLABLE(2, 13),
     DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(metadata_response, controller_id, INT32, 1, 13), DH_INITIAL(-1),
     DH_IGNORABLE},
    {DH_ARRAY(metadata_response, topics, STRUCT, 0, 13), DH_OF(metadata_response_topic)},
    {DH_FIELD(metadata_response, cluster_authorized_operations, INT32, 8, 10),
     DH_INITIAL(-2147483648)},
    {DH_FIELD(metadata_response, error_code, INT16, 13, 13), DH_IGNORABLE},
};

const struct dh_message_type dh_metadata_response_type = {
    .name = "MetadataResponse",
    .body = DH_STRUCT(metadata_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 3,
    .versions = {0, 13},
    .flexible_from = 9,
};

// clang-format on
