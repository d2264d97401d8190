// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/api_versions.txt instead.
#include "wire/gen/api_versions.h"

// clang-format off

static const struct dh_field api_versions_request[] = {
    {DH_FIELD(api_versions_request, client_software_name, STRING, 3, 5), DH_IGNORABLE},
    {DH_FIELD(api_versions_request, client_software_version, STRING, 3, 5),
     DH_IGNORABLE},
    {DH_FIELD(api_versions_request, cluster_id, STRING, 5, 5), DH_NULLABLE(5, 5),
     DH_INITIAL_NULL, DH_IGNORABLE},
    {DH_FIELD(api_versions_request, node_id, INT32, 5, 5), DH_INITIAL(-1), DH_IGNORABLE},
};

const struct dh_message_type dh_api_versions_request_type = {
    .name = "ApiVersionsRequest",
    .body = DH_STRUCT(api_versions_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 18,
    .versions = {0, 5},
    .flexible_from = 3,
};

static const struct dh_field api_versions_response_api_key[] = {
    {DH_FIELD(api_versions_response_api_key, api_key, INT16, 0, 5)},
    {DH_FIELD(api_versions_response_api_key, min_version, INT16, 0, 5)},
    {DH_FIELD(api_versions_response_api_key, max_version, INT16, 0, 5)},
};

const struct dh_struct dh_api_versions_response_api_key_struct =
    DH_STRUCT(api_versions_response_api_key);

static const struct dh_field api_versions_response_supported_feature[] = {
    {DH_FIELD(api_versions_response_supported_feature, name, STRING, 3, 5)},
    {DH_FIELD(api_versions_response_supported_feature, min_version, INT16, 3, 5)},
    {DH_FIELD(api_versions_response_supported_feature, max_version, INT16, 3, 5)},
};

const struct dh_struct dh_api_versions_response_supported_feature_struct =
    DH_STRUCT(api_versions_response_supported_feature);

static const struct dh_field api_versions_response_finalized_feature[] = {
    {DH_FIELD(api_versions_response_finalized_feature, name, STRING, 3, 5)},
    {DH_FIELD(api_versions_response_finalized_feature, max_version_level, INT16, 3, 5)},
    {DH_FIELD(api_versions_response_finalized_feature, min_version_level, INT16, 3, 5)},
};

const struct dh_struct dh_api_versions_response_finalized_feature_struct =
    DH_STRUCT(api_versions_response_finalized_feature);

static const struct dh_field api_versions_response[] = {
    {DH_FIELD(api_versions_response, error_code, INT16, 0, 5)},
    {DH_ARRAY(api_versions_response, api_keys, STRUCT, 0, 5),
     DH_OF(api_versions_response_api_key)},
    {DH_FIELD(api_versions_response, throttle_time_ms, INT32, 1, 5), DH_IGNORABLE},
    {DH_ARRAY(api_versions_response, supported_features, STRUCT, 3, 5),
     DH_OF(api_versions_response_supported_feature), DH_TAG(0), DH_IGNORABLE},
    {DH_FIELD(api_versions_response, finalized_features_epoch, INT64, 3, 5), DH_TAG(1),
     DH_INITIAL(-1), DH_IGNORABLE},
    {DH_ARRAY(api_versions_response, finalized_features, STRUCT, 3, 5),
     DH_OF(api_versions_response_finalized_feature), DH_TAG(2), DH_IGNORABLE},
    {DH_FIELD(api_versions_response, zk_migration_ready, BOOL, 3, 5), DH_TAG(3),
     DH_IGNORABLE},
};

const struct dh_message_type dh_api_versions_response_type = {
    .name = "ApiVersionsResponse",
    .body = DH_STRUCT(api_versions_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 18,
    .versions = {0, 5},
    .flexible_from = 3,
};

// clang-format on
