// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/fetch.txt instead.
#include "wire/gen/fetch.h"

// clang-format off

static const struct dh_field fetch_request_replica_state[] = {
    {DH_FIELD(fetch_request_replica_state, replica_id, INT32, 15, 18), DH_INITIAL(-1)},
    {DH_FIELD(fetch_request_replica_state, replica_epoch, INT64, 15, 18),
     DH_INITIAL(-1)},
};

const struct dh_struct dh_fetch_request_replica_state_struct =
    DH_STRUCT(fetch_request_replica_state);

static const struct dh_field fetch_request_topic_partition[] = {
    {DH_FIELD(fetch_request_topic_partition, partition, INT32, 4, 18)},
    {DH_FIELD(fetch_request_topic_partition, current_leader_epoch, INT32, 9, 18),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(fetch_request_topic_partition, fetch_offset, INT64, 4, 18)},
    {DH_FIELD(fetch_request_topic_partition, last_fetched_epoch, INT32, 12, 18),
     DH_INITIAL(-1)},
    {DH_FIELD(fetch_request_topic_partition, log_start_offset, INT64, 5, 18),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(fetch_request_topic_partition, partition_max_bytes, INT32, 4, 18)},
    {DH_FIELD(fetch_request_topic_partition, replica_directory_id, UUID, 17, 18),
     DH_TAG(0), DH_IGNORABLE},
    {DH_FIELD(fetch_request_topic_partition, high_watermark, INT64, 18, 18), DH_TAG(1),
     DH_INITIAL(9223372036854775807), DH_IGNORABLE},
};

const struct dh_struct dh_fetch_request_topic_partition_struct =
    DH_STRUCT(fetch_request_topic_partition);

static const struct dh_field fetch_request_topic[] = {
    {DH_FIELD(fetch_request_topic, topic, STRING, 4, 12), DH_IGNORABLE},
    {DH_FIELD(fetch_request_topic, topic_id, UUID, 13, 18), DH_IGNORABLE},
    {DH_ARRAY(fetch_request_topic, partitions, STRUCT, 4, 18),
     DH_OF(fetch_request_topic_partition)},
};

const struct dh_struct dh_fetch_request_topic_struct =
    DH_STRUCT(fetch_request_topic);

static const struct dh_field fetch_request_forgotten_topics_data[] = {
    {DH_FIELD(fetch_request_forgotten_topics_data, topic, STRING, 7, 12), DH_IGNORABLE},
    {DH_FIELD(fetch_request_forgotten_topics_data, topic_id, UUID, 13, 18),
     DH_IGNORABLE},
    {DH_ARRAY(fetch_request_forgotten_topics_data, partitions, INT32, 7, 18)},
};

const struct dh_struct dh_fetch_request_forgotten_topics_data_struct =
    DH_STRUCT(fetch_request_forgotten_topics_data);

static const struct dh_field fetch_request[] = {
    {DH_FIELD(fetch_request, cluster_id, STRING, 12, 18), DH_NULLABLE(12, 18),
     DH_TAG(0), DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(fetch_request, replica_id, INT32, 4, 14), DH_INITIAL(-1)},
    {DH_FIELD(fetch_request, replica_state, STRUCT, 15, 18),
     DH_OF(fetch_request_replica_state), DH_TAG(1)},
    {DH_FIELD(fetch_request, max_wait_ms, INT32, 4, 18)},
    {DH_FIELD(fetch_request, min_bytes, INT32, 4, 18)},
    {DH_FIELD(fetch_request, max_bytes, INT32, 4, 18), DH_INITIAL(2147483647),
     DH_IGNORABLE},
    {DH_FIELD(fetch_request, isolation_level, INT8, 4, 18), DH_IGNORABLE},
    {DH_FIELD(fetch_request, session_id, INT32, 7, 18), DH_IGNORABLE},
    {DH_FIELD(fetch_request, session_epoch, INT32, 7, 18), DH_INITIAL(-1), DH_IGNORABLE},
    {DH_ARRAY(fetch_request, topics, STRUCT, 4, 18), DH_OF(fetch_request_topic)},
    {DH_ARRAY(fetch_request, forgotten_topics_data, STRUCT, 7, 18),
     DH_OF(fetch_request_forgotten_topics_data)},
    {DH_FIELD(fetch_request, rack_id, STRING, 11, 18), DH_IGNORABLE},
};

const struct dh_message_type dh_fetch_request_type = {
    .name = "FetchRequest",
    .body = DH_STRUCT(fetch_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 1,
    .versions = {4, 18},
    .flexible_from = 12,
};

static const struct dh_field fetch_response_response_partition_diverging_epoch[] = {
    {DH_FIELD(fetch_response_response_partition_diverging_epoch, epoch, INT32, 12, 18),
     DH_INITIAL(-1)},
    {DH_FIELD(fetch_response_response_partition_diverging_epoch,
              end_offset, INT64, 12, 18), DH_INITIAL(-1)},
};

const struct dh_struct dh_fetch_response_response_partition_diverging_epoch_struct =
    DH_STRUCT(fetch_response_response_partition_diverging_epoch);

static const struct dh_field fetch_response_response_partition_current_leader[] = {
    {DH_FIELD(fetch_response_response_partition_current_leader,
              leader_id, INT32, 12, 18), DH_INITIAL(-1)},
    {DH_FIELD(fetch_response_response_partition_current_leader,
              leader_epoch, INT32, 12, 18), DH_INITIAL(-1)},
};

const struct dh_struct dh_fetch_response_response_partition_current_leader_struct =
    DH_STRUCT(fetch_response_response_partition_current_leader);

static const struct dh_field fetch_response_response_partition_snapshot_id[] = {
    {DH_FIELD(fetch_response_response_partition_snapshot_id, end_offset, INT64, 12, 18),
     DH_INITIAL(-1)},
    {DH_FIELD(fetch_response_response_partition_snapshot_id, epoch, INT32, 12, 18),
     DH_INITIAL(-1)},
};

const struct dh_struct dh_fetch_response_response_partition_snapshot_id_struct =
    DH_STRUCT(fetch_response_response_partition_snapshot_id);

static const struct dh_field fetch_response_response_partition_aborted_transaction[] = {
    {DH_FIELD(fetch_response_response_partition_aborted_transaction,
              producer_id, INT64, 4, 18)},
    {DH_FIELD(fetch_response_response_partition_aborted_transaction,
              first_offset, INT64, 4, 18)},
};

const struct dh_struct dh_fetch_response_response_partition_aborted_transaction_struct =
    DH_STRUCT(fetch_response_response_partition_aborted_transaction);

static const struct dh_field fetch_response_response_partition[] = {
    {DH_FIELD(fetch_response_response_partition, partition_index, INT32, 4, 18)},
    {DH_FIELD(fetch_response_response_partition, error_code, INT16, 4, 18)},
    {DH_FIELD(fetch_response_response_partition, high_watermark, INT64, 4, 18)},
    {DH_FIELD(fetch_response_response_partition, last_stable_offset, INT64, 4, 18),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(fetch_response_response_partition, log_start_offset, INT64, 5, 18),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(fetch_response_response_partition, diverging_epoch, STRUCT, 12, 18),
     DH_OF(fetch_response_response_partition_diverging_epoch), DH_TAG(0)},
    {DH_FIELD(fetch_response_response_partition, current_leader, STRUCT, 12, 18),
     DH_OF(fetch_response_response_partition_current_leader), DH_TAG(1)},
    {DH_FIELD(fetch_response_response_partition, snapshot_id, STRUCT, 12, 18),
     DH_OF(fetch_response_response_partition_snapshot_id), DH_TAG(2)},
    {DH_ARRAY(fetch_response_response_partition, aborted_transactions, STRUCT, 4, 18),
     DH_OF(fetch_response_response_partition_aborted_transaction), DH_NULLABLE(4, 18),
     DH_IGNORABLE},
    {DH_FIELD(fetch_response_response_partition, preferred_read_replica, INT32, 11, 18),
     DH_INITIAL(-1)},
    {DH_FIELD(fetch_response_response_partition, records, RECORDS, 4, 18),
     DH_NULLABLE(4, 18)},
};

const struct dh_struct dh_fetch_response_response_partition_struct =
    DH_STRUCT(fetch_response_response_partition);

static const struct dh_field fetch_response_response[] = {
    {DH_FIELD(fetch_response_response, topic, STRING, 4, 12), DH_IGNORABLE},
    {DH_FIELD(fetch_response_response, topic_id, UUID, 13, 18), DH_IGNORABLE},
    {DH_ARRAY(fetch_response_response, partitions, STRUCT, 4, 18),
     DH_OF(fetch_response_response_partition)},
};

const struct dh_struct dh_fetch_response_response_struct =
    DH_STRUCT(fetch_response_response);

static const struct dh_field fetch_response_node_endpoint[] = {
    {DH_FIELD(fetch_response_node_endpoint, node_id, INT32, 16, 18)},
    {DH_FIELD(fetch_response_node_endpoint, host, STRING, 16, 18)},
    {DH_FIELD(fetch_response_node_endpoint, port, INT32, 16, 18)},
    {DH_FIELD(fetch_response_node_endpoint, rack, STRING, 16, 18), DH_NULLABLE(16, 18),
     DH_INITIAL_NULL},
};

const struct dh_struct dh_fetch_response_node_endpoint_struct =
    DH_STRUCT(fetch_response_node_endpoint);

static const struct dh_field fetch_response[] = {
    {DH_FIELD(fetch_response, throttle_time_ms, INT32, 4, 18), DH_IGNORABLE},
    {DH_FIELD(fetch_response, error_code, INT16, 7, 18), DH_IGNORABLE},
    {DH_FIELD(fetch_response, session_id, INT32, 7, 18)},
    {DH_ARRAY(fetch_response, responses, STRUCT, 4, 18), DH_OF(fetch_response_response)},
    {DH_ARRAY(fetch_response, node_endpoints, STRUCT, 16, 18),
     DH_OF(fetch_response_node_endpoint), DH_TAG(0)},
};

const struct dh_message_type dh_fetch_response_type = {
    .name = "FetchResponse",
    .body = DH_STRUCT(fetch_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 1,
    .versions = {4, 18},
    .flexible_from = 12,
};

// clang-format on
