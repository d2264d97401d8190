// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/describe_configs.txt instead.
#include "wire/gen/describe_configs.h"

// clang-format off

static const struct dh_field describe_configs_request_resource[] = {
    {DH_FIELD(describe_configs_request_resource, resource_type, INT8, 1, 4)},
    {DH_FIELD(describe_configs_request_resource, resource_name, STRING, 1, 4)},
    {DH_ARRAY(describe_configs_request_resource, configuration_keys, STRING, 1, 4),
     DH_NULLABLE(1, 4)},
};

const struct dh_struct dh_describe_configs_request_resource_struct =
    DH_STRUCT(describe_configs_request_resource);

static const struct dh_field describe_configs_request[] = {
    {DH_ARRAY(describe_configs_request, resources, STRUCT, 1, 4),
     DH_OF(describe_configs_request_resource)},
    {DH_FIELD(describe_configs_request, include_synonyms, BOOL, 1, 4)},
    {DH_FIELD(describe_configs_request, include_documentation, BOOL, 3, 4)},
};

const struct dh_message_type dh_describe_configs_request_type = {
    .name = "DescribeConfigsRequest",
    .body = DH_STRUCT(describe_configs_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 32,
    .versions = {1, 4},
    .flexible_from = 4,
};

static const struct dh_field describe_configs_response_result_config_synonym[] = {
    {DH_FIELD(describe_configs_response_result_config_synonym, name, STRING, 1, 4)},
    {DH_FIELD(describe_configs_response_result_config_synonym, value, STRING, 1, 4),
     DH_NULLABLE(1, 4)},
    {DH_FIELD(describe_configs_response_result_config_synonym, source, INT8, 1, 4)},
};

const struct dh_struct dh_describe_configs_response_result_config_synonym_struct =
    DH_STRUCT(describe_configs_response_result_config_synonym);

static const struct dh_field describe_configs_response_result_config[] = {
    {DH_FIELD(describe_configs_response_result_config, name, STRING, 1, 4)},
    {DH_FIELD(describe_configs_response_result_config, value, STRING, 1, 4),
     DH_NULLABLE(1, 4)},
    {DH_FIELD(describe_configs_response_result_config, read_only, BOOL, 1, 4)},
    {DH_FIELD(describe_configs_response_result_config, config_source, INT8, 1, 4),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_FIELD(describe_configs_response_result_config, is_sensitive, BOOL, 1, 4)},
    {DH_ARRAY(describe_configs_response_result_config, synonyms, STRUCT, 1, 4),
     DH_OF(describe_configs_response_result_config_synonym), DH_IGNORABLE},
    {DH_FIELD(describe_configs_response_result_config, config_type, INT8, 3, 4),
     DH_IGNORABLE},
    {DH_FIELD(describe_configs_response_result_config, documentation, STRING, 3, 4),
     DH_NULLABLE(3, 4), DH_IGNORABLE},
};

const struct dh_struct dh_describe_configs_response_result_config_struct =
    DH_STRUCT(describe_configs_response_result_config);

static const struct dh_field describe_configs_response_result[] = {
    {DH_FIELD(describe_configs_response_result, error_code, INT16, 1, 4)},
    {DH_FIELD(describe_configs_response_result, error_message, STRING, 1, 4),
     DH_NULLABLE(1, 4)},
    {DH_FIELD(describe_configs_response_result, resource_type, INT8, 1, 4)},
    {DH_FIELD(describe_configs_response_result, resource_name, STRING, 1, 4)},
    {DH_ARRAY(describe_configs_response_result, configs, STRUCT, 1, 4),
     DH_OF(describe_configs_response_result_config)},
};

const struct dh_struct dh_describe_configs_response_result_struct =
    DH_STRUCT(describe_configs_response_result);

static const struct dh_field describe_configs_response[] = {
    {DH_FIELD(describe_configs_response, throttle_time_ms, INT32, 1, 4)},
    {DH_ARRAY(describe_configs_response, results, STRUCT, 1, 4),
     DH_OF(describe_configs_response_result)},
};

const struct dh_message_type dh_describe_configs_response_type = {
    .name = "DescribeConfigsResponse",
    .body = DH_STRUCT(describe_configs_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 32,
    .versions = {1, 4},
    .flexible_from = 4,
};

// clang-format on
