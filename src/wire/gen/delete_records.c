// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/delete_records.txt instead.
#include "wire/gen/delete_records.h"

// clang-format off

static const struct dh_field delete_records_request_topic_partition[] = {
    {DH_FIELD(delete_records_request_topic_partition, partition_index, INT32, 0, 2)},
    {DH_FIELD(delete_records_request_topic_partition, offset, INT64, 0, 2)},
};

const struct dh_struct dh_delete_records_request_topic_partition_struct =
    DH_STRUCT(delete_records_request_topic_partition);

static const struct dh_field delete_records_request_topic[] = {
    {DH_FIELD(delete_records_request_topic, name, STRING, 0, 2)},
    {DH_ARRAY(delete_records_request_topic, partitions, STRUCT, 0, 2),
     DH_OF(delete_records_request_topic_partition)},
};

const struct dh_struct dh_delete_records_request_topic_struct =
    DH_STRUCT(delete_records_request_topic);

static const struct dh_field delete_records_request[] = {
    {DH_ARRAY(delete_records_request, topics, STRUCT, 0, 2),
     DH_OF(delete_records_request_topic)},
    {DH_FIELD(delete_records_request, timeout_ms, INT32, 0, 2)},
};

const struct dh_message_type dh_delete_records_request_type = {
    .name = "DeleteRecordsRequest",
    .body = DH_STRUCT(delete_records_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 21,
    .versions = {0, 2},
    .flexible_from = 2,
};

static const struct dh_field delete_records_response_topic_partition[] = {
    {DH_FIELD(delete_records_response_topic_partition, partition_index, INT32, 0, 2)},
    {DH_FIELD(delete_records_response_topic_partition, low_watermark, INT64, 0, 2)},
    {DH_FIELD(delete_records_response_topic_partition, error_code, INT16, 0, 2)},
};

const struct dh_struct dh_delete_records_response_topic_partition_struct =
    DH_STRUCT(delete_records_response_topic_partition);

static const struct dh_field delete_records_response_topic[] = {
    {DH_FIELD(delete_records_response_topic, name, STRING, 0, 2)},
    {DH_ARRAY(delete_records_response_topic, partitions, STRUCT, 0, 2),
     DH_OF(delete_records_response_topic_partition)},
};

const struct dh_struct dh_delete_records_response_topic_struct =
    DH_STRUCT(delete_records_response_topic);

static const struct dh_field delete_records_response[] = {
    {DH_FIELD(delete_records_response, throttle_time_ms, INT32, 0, 2)},
    {DH_ARRAY(delete_records_response, topics, STRUCT, 0, 2),
     DH_OF(delete_records_response_topic)},
};

const struct dh_message_type dh_delete_records_response_type = {
    .name = "DeleteRecordsResponse",
    .body = DH_STRUCT(delete_records_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 21,
    .versions = {0, 2},
    .flexible_from = 2,
};

// clang-format on
