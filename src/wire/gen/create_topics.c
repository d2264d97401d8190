// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/create_topics.txt instead.
#include "wire/gen/create_topics.h"

// clang-format off

static const struct dh_field create_topics_request_topic_assignment[] = {
    {DH_FIELD(create_topics_request_topic_assignment, partition_index, INT32, 2, 7)},
    {DH_ARRAY(create_topics_request_topic_assignment, broker_ids, INT32, 2, 7)},
};

const struct dh_struct dh_create_topics_request_topic_assignment_struct =
    DH_STRUCT(create_topics_request_topic_assignment);

static const struct dh_field create_topics_request_topic_config[] = {
    {DH_FIELD(create_topics_request_topic_config, name, STRING, 2, 7)},
    {DH_FIELD(create_topics_request_topic_config, value, STRING, 2, 7),
     DH_NULLABLE(2, 7)},
};

const struct dh_struct dh_create_topics_request_topic_config_struct =
    DH_STRUCT(create_topics_request_topic_config);

static const struct dh_field create_topics_request_topic[] = {
    {DH_FIELD(create_topics_request_topic, name, STRING, 2, 7)},
    {DH_FIELD(create_topics_request_topic, num_partitions, INT32, 2, 7)},
    {DH_FIELD(create_topics_request_topic, replication_factor, INT16, 2, 7)},
    {DH_ARRAY(create_topics_request_topic, assignments, STRUCT, 2, 7),
     DH_OF(create_topics_request_topic_assignment)},
    {DH_ARRAY(create_topics_request_topic, configs, STRUCT, 2, 7),
     DH_OF(create_topics_request_topic_config)},
};

const struct dh_struct dh_create_topics_request_topic_struct =
    DH_STRUCT(create_topics_request_topic);

static const struct dh_field create_topics_request[] = {
    {DH_ARRAY(create_topics_request, topics, STRUCT, 2, 7),
     DH_OF(create_topics_request_topic)},
    {DH_FIELD(create_topics_request, timeout_ms, INT32, 2, 7), DH_INITIAL(60000)},
    {DH_FIELD(create_topics_request, validate_only, BOOL, 2, 7)},
};

const struct dh_message_type dh_create_topics_request_type = {
    .name = "CreateTopicsRequest",
    .body = DH_STRUCT(create_topics_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 19,
    .versions = {2, 7},
    .flexible_from = 5,
};

static const struct dh_field create_topics_response_topic_config[] = {
    {DH_FIELD(create_topics_response_topic_config, name, STRING, 5, 7)},
    {DH_FIELD(create_topics_response_topic_config, value, STRING, 5, 7),
     DH_NULLABLE(5, 7)},
    {DH_FIELD(create_topics_response_topic_config, read_only, BOOL, 5, 7)},
    {DH_FIELD(create_topics_response_topic_config, config_source, INT8, 5, 7),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(create_topics_response_topic_config, is_sensitive, BOOL, 5, 7)},
};

const struct dh_struct dh_create_topics_response_topic_config_struct =
    DH_STRUCT(create_topics_response_topic_config);

static const struct dh_field create_topics_response_topic[] = {
    {DH_FIELD(create_topics_response_topic, name, STRING, 2, 7)},
    {DH_FIELD(create_topics_response_topic, topic_id, UUID, 7, 7), DH_IGNORABLE},
    {DH_FIELD(create_topics_response_topic, error_code, INT16, 2, 7)},
    {DH_FIELD(create_topics_response_topic, error_message, STRING, 2, 7),
     DH_NULLABLE(2, 7), DH_IGNORABLE},
    {DH_FIELD(create_topics_response_topic, topic_config_error_code, INT16, 5, 7),
     DH_TAG(0), DH_IGNORABLE},
    {DH_FIELD(create_topics_response_topic, num_partitions, INT32, 5, 7),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(create_topics_response_topic, replication_factor, INT16, 5, 7),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_ARRAY(create_topics_response_topic, configs, STRUCT, 5, 7),
     DH_OF(create_topics_response_topic_config), DH_NULLABLE(5, 7), DH_IGNORABLE},
};

const struct dh_struct dh_create_topics_response_topic_struct =
    DH_STRUCT(create_topics_response_topic);

static const struct dh_field create_topics_response[] = {
    {DH_FIELD(create_topics_response, throttle_time_ms, INT32, 2, 7), DH_IGNORABLE},
    {DH_ARRAY(create_topics_response, topics, STRUCT, 2, 7),
     DH_OF(create_topics_response_topic)},
};

const struct dh_message_type dh_create_topics_response_type = {
    .name = "CreateTopicsResponse",
    .body = DH_STRUCT(create_topics_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 19,
    .versions = {2, 7},
    .flexible_from = 5,
};

// clang-format on
