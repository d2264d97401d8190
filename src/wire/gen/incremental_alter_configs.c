// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/incremental_alter_configs.txt instead.
#include "wire/gen/incremental_alter_configs.h"

// clang-format off

static const struct dh_field incremental_alter_configs_request_resource_config[] = {
    {DH_FIELD(incremental_alter_configs_request_resource_config, name, STRING, 0, 1)},
    {DH_FIELD(incremental_alter_configs_request_resource_config,
              config_operation, INT8, 0, 1)},
    {DH_FIELD(incremental_alter_configs_request_resource_config, value, STRING, 0, 1),
     DH_NULLABLE(0, 1)},
};

const struct dh_struct dh_incremental_alter_configs_request_resource_config_struct =
    DH_STRUCT(incremental_alter_configs_request_resource_config);

static const struct dh_field incremental_alter_configs_request_resource[] = {
    {DH_FIELD(incremental_alter_configs_request_resource, resource_type, INT8, 0, 1)},
    {DH_FIELD(incremental_alter_configs_request_resource, resource_name, STRING, 0, 1)},
    {DH_ARRAY(incremental_alter_configs_request_resource, configs, STRUCT, 0, 1),
     DH_OF(incremental_alter_configs_request_resource_config)},
};

const struct dh_struct dh_incremental_alter_configs_request_resource_struct =
    DH_STRUCT(incremental_alter_configs_request_resource);

static const struct dh_field incremental_alter_configs_request[] = {
    {DH_ARRAY(incremental_alter_configs_request, resources, STRUCT, 0, 1),
     DH_OF(incremental_alter_configs_request_resource)},
    {DH_FIELD(incremental_alter_configs_request, validate_only, BOOL, 0, 1)},
};

const struct dh_message_type dh_incremental_alter_configs_request_type = {
    .name = "IncrementalAlterConfigsRequest",
    .body = DH_STRUCT(incremental_alter_configs_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 44,
    .versions = {0, 1},
    .flexible_from = 1,
};

static const struct dh_field incremental_alter_configs_response_response[] = {
    {DH_FIELD(incremental_alter_configs_response_response, error_code, INT16, 0, 1)},
    {DH_FIELD(incremental_alter_configs_response_response, error_message, STRING, 0, 1),
     DH_NULLABLE(0, 1)},
    {DH_FIELD(incremental_alter_configs_response_response, resource_type, INT8, 0, 1)},
    {DH_FIELD(incremental_alter_configs_response_response, resource_name, STRING, 0, 1)},
};

const struct dh_struct dh_incremental_alter_configs_response_response_struct =
    DH_STRUCT(incremental_alter_configs_response_response);

static const struct dh_field incremental_alter_configs_response[] = {
    {DH_FIELD(incremental_alter_configs_response, throttle_time_ms, INT32, 0, 1)},
    {DH_ARRAY(incremental_alter_configs_response, responses, STRUCT, 0, 1),
     DH_OF(incremental_alter_configs_response_response)},
};

const struct dh_message_type dh_incremental_alter_configs_response_type = {
    .name = "IncrementalAlterConfigsResponse",
    .body = DH_STRUCT(incremental_alter_configs_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 44,
    .versions = {0, 1},
    .flexible_from = 1,
};

// clang-format on
