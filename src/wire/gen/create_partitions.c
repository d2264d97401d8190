// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/create_partitions.txt instead.
#include "wire/gen/create_partitions.h"

// clang-format off

static const struct dh_field create_partitions_request_topic_assignment[] = {
    {DH_ARRAY(create_partitions_request_topic_assignment, broker_ids, INT32, 0, 3)},
};

const struct dh_struct dh_create_partitions_request_topic_assignment_struct =
    DH_STRUCT(create_partitions_request_topic_assignment);

static const struct dh_field create_partitions_request_topic[] = {
    {DH_FIELD(create_partitions_request_topic, name, STRING, 0, 3)},
    {DH_FIELD(create_partitions_request_topic, count, INT32, 0, 3)},
    {DH_ARRAY(create_partitions_request_topic, assignments, STRUCT, 0, 3),
     DH_OF(create_partitions_request_topic_assignment), DH_NULLABLE(0, 3)},
};

const struct dh_struct dh_create_partitions_request_topic_struct =
    DH_STRUCT(create_partitions_request_topic);

static const struct dh_field create_partitions_request[] = {
    {DH_ARRAY(create_partitions_request, topics, STRUCT, 0, 3),
     DH_OF(create_partitions_request_topic)},
    {DH_FIELD(create_partitions_request, timeout_ms, INT32, 0, 3)},
    {DH_FIELD(create_partitions_request, validate_only, BOOL, 0, 3)},
};

const struct dh_message_type dh_create_partitions_request_type = {
    .name = "CreatePartitionsRequest",
    .body = DH_STRUCT(create_partitions_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 37,
    .versions = {0, 3},
    .flexible_from = 2,
};

static const struct dh_field create_partitions_response_result[] = {
    {DH_FIELD(create_partitions_response_result, name, STRING, 0, 3)},
    {DH_FIELD(create_partitions_response_result, error_code, INT16, 0, 3)},
    {DH_FIELD(create_partitions_response_result, error_message, STRING, 0, 3),
     DH_NULLABLE(0, 3), DH_INITIAL_NULL},
};

const struct dh_struct dh_create_partitions_response_result_struct =
    DH_STRUCT(create_partitions_response_result);

static const struct dh_field create_partitions_response[] = {
    {DH_FIELD(create_partitions_response, throttle_time_ms, INT32, 0, 3)},
    {DH_ARRAY(create_partitions_response, results, STRUCT, 0, 3),
     DH_OF(create_partitions_response_result)},
};

const struct dh_message_type dh_create_partitions_response_type = {
    .name = "CreatePartitionsResponse",
    .body = DH_STRUCT(create_partitions_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 37,
    .versions = {0, 3},
    .flexible_from = 2,
};

// clang-format on
