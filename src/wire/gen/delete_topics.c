// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/delete_topics.txt instead.
#include "wire/gen/delete_topics.h"

// clang-format off

static const struct dh_field delete_topics_request_topic[] = {
    {DH_FIELD(delete_topics_request_topic, name, STRING, 6, 6), DH_NULLABLE(6, 6),
     DH_INITIAL_NULL},
    {DH_FIELD(delete_topics_request_topic, topic_id, UUID, 6, 6)},
};

const struct dh_struct dh_delete_topics_request_topic_struct =
    DH_STRUCT(delete_topics_request_topic);

static const struct dh_field delete_topics_request[] = {
    {DH_ARRAY(delete_topics_request, topics, STRUCT, 6, 6),
     DH_OF(delete_topics_request_topic)},
    {DH_ARRAY(delete_topics_request, topic_names, STRING, 1, 5), DH_IGNORABLE},
    {DH_FIELD(delete_topics_request, timeout_ms, INT32, 1, 6)},
};

const struct dh_message_type dh_delete_topics_request_type = {
    .name = "DeleteTopicsRequest",
    .body = DH_STRUCT(delete_topics_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 20,
    .versions = {1, 6},
    .flexible_from = 4,
};

static const struct dh_field delete_topics_response_response[] = {
    {DH_FIELD(delete_topics_response_response, name, STRING, 1, 6), DH_NULLABLE(6, 6)},
    {DH_FIELD(delete_topics_response_response, topic_id, UUID, 6, 6), DH_IGNORABLE},
    {DH_FIELD(delete_topics_response_response, error_code, INT16, 1, 6)},
    {DH_FIELD(delete_topics_response_response, error_message, STRING, 5, 6),
     DH_NULLABLE(5, 6), DH_INITIAL_NULL, DH_IGNORABLE},
};

const struct dh_struct dh_delete_topics_response_response_struct =
    DH_STRUCT(delete_topics_response_response);

static const struct dh_field delete_topics_response[] = {
    {DH_FIELD(delete_topics_response, throttle_time_ms, INT32, 1, 6), DH_IGNORABLE},
    {DH_ARRAY(delete_topics_response, responses, STRUCT, 1, 6),
     DH_OF(delete_topics_response_response)},
};

const struct dh_message_type dh_delete_topics_response_type = {
    .name = "DeleteTopicsResponse",
    .body = DH_STRUCT(delete_topics_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 20,
    .versions = {1, 6},
    .flexible_from = 4,
};

// clang-format on
