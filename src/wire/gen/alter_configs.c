// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/alter_configs.txt instead.
#include "wire/gen/alter_configs.h"

// clang-format off

static const struct dh_field alter_configs_request_resource_config[] = {
    {DH_FIELD(alter_configs_request_resource_config, name, STRING, 0, 2)},
    {DH_FIELD(alter_configs_request_resource_config, value, STRING, 0, 2),
     DH_NULLABLE(0, 2)},
};

const struct dh_struct dh_alter_configs_request_resource_config_struct =
    DH_STRUCT(alter_configs_request_resource_config);

static const struct dh_field alter_configs_request_resource[] = {
    {DH_FIELD(alter_configs_request_resource, resource_type, INT8, 0, 2)},
    {DH_FIELD(alter_configs_request_resource, resource_name, STRING, 0, 2)},
    {DH_ARRAY(alter_configs_request_resource, configs, STRUCT, 0, 2),
     DH_OF(alter_configs_request_resource_config)},
};

const struct dh_struct dh_alter_configs_request_resource_struct =
    DH_STRUCT(alter_configs_request_resource);

static const struct dh_field alter_configs_request[] = {
    {DH_ARRAY(alter_configs_request, resources, STRUCT, 0, 2),
     DH_OF(alter_configs_request_resource)},
    {DH_FIELD(alter_configs_request, validate_only, BOOL, 0, 2)},
};

const struct dh_message_type dh_alter_configs_request_type = {
    .name = "AlterConfigsRequest",
    .body = DH_STRUCT(alter_configs_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 33,
    .versions = {0, 2},
    .flexible_from = 2,
};

static const struct dh_field alter_configs_response_response[] = {
    {DH_FIELD(alter_configs_response_response, error_code, INT16, 0, 2)},
    {DH_FIELD(alter_configs_response_response, error_message, STRING, 0, 2),
     DH_NULLABLE(0, 2)},
    {DH_FIELD(alter_configs_response_response, resource_type, INT8, 0, 2)},
    {DH_FIELD(alter_configs_response_response, resource_name, STRING, 0, 2)},
};

const struct dh_struct dh_alter_configs_response_response_struct =
    DH_STRUCT(alter_configs_response_response);

static const struct dh_field alter_configs_response[] = {
    {DH_FIELD(alter_configs_response, throttle_time_ms, INT32, 0, 2)},
    {DH_ARRAY(alter_configs_response, responses, STRUCT, 0, 2),
     DH_OF(alter_configs_response_response)},
};

const struct dh_message_type dh_alter_configs_response_type = {
    .name = "AlterConfigsResponse",
    .body = DH_STRUCT(alter_configs_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 33,
    .versions = {0, 2},
    .flexible_from = 2,
};

// clang-format on
