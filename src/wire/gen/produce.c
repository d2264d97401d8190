// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/produce.txt instead.
#include "wire/gen/produce.h"

// clang-format off

static const struct dh_field produce_request_topic_data_partition_data[] = {
    {DH_FIELD(produce_request_topic_data_partition_data, index, INT32, 3, 13)},
    {DH_FIELD(produce_request_topic_data_partition_data, records, RECORDS, 3, 13),
     DH_NULLABLE(3, 13)},
};

const struct dh_struct dh_produce_request_topic_data_partition_data_struct =
    DH_STRUCT(produce_request_topic_data_partition_data);

static const struct dh_field produce_request_topic_data[] = {
    {DH_FIELD(produce_request_topic_data, name, STRING, 3, 12), DH_IGNORABLE},
    {DH_FIELD(produce_request_topic_data, topic_id, UUID, 13, 13), DH_IGNORABLE},
    {DH_ARRAY(produce_request_topic_data, partition_data, STRUCT, 3, 13),
     DH_OF(produce_request_topic_data_partition_data)},
};

const struct dh_struct dh_produce_request_topic_data_struct =
    DH_STRUCT(produce_request_topic_data);

static const struct dh_field produce_request[] = {
    {DH_FIELD(produce_request, transactional_id, STRING, 3, 13), DH_NULLABLE(3, 13),
     DH_INITIAL_NULL},
    {DH_FIELD(produce_request, acks, INT16, 3, 13)},
    {DH_FIELD(produce_request, timeout_ms, INT32, 3, 13)},
    {DH_ARRAY(produce_request, topic_data, STRUCT, 3, 13),
     DH_OF(produce_request_topic_data)},
};

const struct dh_message_type dh_produce_request_type = {
    .name = "ProduceRequest",
    .body = DH_STRUCT(produce_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 0,
    .versions = {3, 13},
    .flexible_from = 9,
};

static const struct dh_field
produce_response_response_partition_response_record_error[] = {
    {DH_FIELD(produce_response_response_partition_response_record_error,
              batch_index, INT32, 8, 13)},
    {DH_FIELD(produce_response_response_partition_response_record_error,
              batch_index_error_message, STRING, 8, 13), DH_NULLABLE(8, 13),
     DH_INITIAL_NULL},
};

const struct dh_struct
dh_produce_response_response_partition_response_record_error_struct =
    DH_STRUCT(produce_response_response_partition_response_record_error);

static const struct dh_field
produce_response_response_partition_response_current_leader[] = {
    {DH_FIELD(produce_response_response_partition_response_current_leader,
              leader_id, INT32, 10, 13), DH_INITIAL(-1)},
    {DH_FIELD(produce_response_response_partition_response_current_leader,
              leader_epoch, INT32, 10, 13), DH_INITIAL(-1)},
};

const struct dh_struct
dh_produce_response_response_partition_response_current_leader_struct =
    DH_STRUCT(produce_response_response_partition_response_current_leader);

static const struct dh_field produce_response_response_partition_response[] = {
    {DH_FIELD(produce_response_response_partition_response, index, INT32, 3, 13)},
    {DH_FIELD(produce_response_response_partition_response, error_code, INT16, 3, 13)},
    {DH_FIELD(produce_response_response_partition_response, base_offset, INT64, 3, 13)},
    {DH_FIELD(produce_response_response_partition_response,
              log_append_time_ms, INT64, 3, 13), DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(produce_response_response_partition_response,
              log_start_offset, INT64, 5, 13), DH_INITIAL(-1), DH_IGNORABLE},
    {DH_ARRAY(produce_response_response_partition_response,
              record_errors, STRUCT, 8, 13),
     DH_OF(produce_response_response_partition_response_record_error), DH_IGNORABLE},
    {DH_FIELD(produce_response_response_partition_response,
              error_message, STRING, 8, 13), DH_NULLABLE(8, 13), DH_INITIAL_NULL,
     DH_IGNORABLE},
    {DH_FIELD(produce_response_response_partition_response,
              current_leader, STRUCT, 10, 13),
     DH_OF(produce_response_response_partition_response_current_leader), DH_TAG(0)},
};

const struct dh_struct dh_produce_response_response_partition_response_struct =
    DH_STRUCT(produce_response_response_partition_response);

static const struct dh_field produce_response_response[] = {
    {DH_FIELD(produce_response_response, name, STRING, 3, 12), DH_IGNORABLE},
    {DH_FIELD(produce_response_response, topic_id, UUID, 13, 13), DH_IGNORABLE},
    {DH_ARRAY(produce_response_response, partition_responses, STRUCT, 3, 13),
     DH_OF(produce_response_response_partition_response)},
};

const struct dh_struct dh_produce_response_response_struct =
    DH_STRUCT(produce_response_response);

static const struct dh_field produce_response_node_endpoint[] = {
    {DH_FIELD(produce_response_node_endpoint, node_id, INT32, 10, 13)},
    {DH_FIELD(produce_response_node_endpoint, host, STRING, 10, 13)},
    {DH_FIELD(produce_response_node_endpoint, port, INT32, 10, 13)},
    {DH_FIELD(produce_response_node_endpoint, rack, STRING, 10, 13),
     DH_NULLABLE(10, 13), DH_INITIAL_NULL},
};

const struct dh_struct dh_produce_response_node_endpoint_struct =
    DH_STRUCT(produce_response_node_endpoint);

static const struct dh_field produce_response[] = {
    {DH_ARRAY(produce_response, responses, STRUCT, 3, 13),
     DH_OF(produce_response_response)},
    {DH_FIELD(produce_response, throttle_time_ms, INT32, 3, 13), DH_IGNORABLE},
    {DH_ARRAY(produce_response, node_endpoints, STRUCT, 10, 13),
     DH_OF(produce_response_node_endpoint), DH_TAG(0)},
};

const struct dh_message_type dh_produce_response_type = {
    .name = "ProduceResponse",
    .body = DH_STRUCT(produce_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 0,
    .versions = {3, 13},
    .flexible_from = 9,
};

// clang-format on
