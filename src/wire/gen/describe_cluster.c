// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/describe_cluster.txt instead.
#include "wire/gen/describe_cluster.h"

// clang-format off

static const struct dh_field describe_cluster_request[] = {
    {DH_FIELD(describe_cluster_request,
              include_cluster_authorized_operations, BOOL, 0, 2)},
    {DH_FIELD(describe_cluster_request, endpoint_type, INT8, 1, 2), DH_INITIAL(1)},
    {DH_FIELD(describe_cluster_request, include_fenced_brokers, BOOL, 2, 2)},
};

const struct dh_message_type dh_describe_cluster_request_type = {
    .name = "DescribeClusterRequest",
    .body = DH_STRUCT(describe_cluster_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 60,
    .versions = {0, 2},
    .flexible_from = 0,
};

static const struct dh_field describe_cluster_response_broker[] = {
    {DH_FIELD(describe_cluster_response_broker, broker_id, INT32, 0, 2)},
    {DH_FIELD(describe_cluster_response_broker, host, STRING, 0, 2)},
    {DH_FIELD(describe_cluster_response_broker, port, INT32, 0, 2)},
    {DH_FIELD(describe_cluster_response_broker, rack, STRING, 0, 2), DH_NULLABLE(0, 2),
     DH_INITIAL_NULL},
    {DH_FIELD(describe_cluster_response_broker, is_fenced, BOOL, 2, 2)},
};

const struct dh_struct dh_describe_cluster_response_broker_struct =
    DH_STRUCT(describe_cluster_response_broker);

static const struct dh_field describe_cluster_response[] = {
    {DH_FIELD(describe_cluster_response, throttle_time_ms, INT32, 0, 2)},
    {DH_FIELD(describe_cluster_response, error_code, INT16, 0, 2)},
    {DH_FIELD(describe_cluster_response, error_message, STRING, 0, 2),
     DH_NULLABLE(0, 2), DH_INITIAL_NULL},
    {DH_FIELD(describe_cluster_response, endpoint_type, INT8, 1, 2), DH_INITIAL(1)},
    {DH_FIELD(describe_cluster_response, cluster_id, STRING, 0, 2)},
    {DH_FIELD(describe_cluster_response, controller_id, INT32, 0, 2), DH_INITIAL(-1)},
    {DH_ARRAY(describe_cluster_response, brokers, STRUCT, 0, 2),
     DH_OF(describe_cluster_response_broker)},
    {DH_FIELD(describe_cluster_response, cluster_authorized_operations, INT32, 0, 2),
     DH_INITIAL(-2147483648)},
};

const struct dh_message_type dh_describe_cluster_response_type = {
    .name = "DescribeClusterResponse",
    .body = DH_STRUCT(describe_cluster_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 60,
    .versions = {0, 2},
    .flexible_from = 0,
};

// clang-format on
