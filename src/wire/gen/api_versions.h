// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/api_versions.txt instead.
#ifndef DH_WIRE_GEN_API_VERSIONS_H
#define DH_WIRE_GEN_API_VERSIONS_H

#include "wire/message.h"

/*
 * ApiVersionsRequest, versions 0 to 5, API key 18.
 *
 * Asks which APIs and versions the broker speaks. The response header is
 * version 0 always; a version the broker does not know is answered in version 0.
 */
struct dh_api_versions_request {
    dohle_bytes client_software_name;
    dohle_bytes client_software_version;
    // The cluster we mean to talk to; null: any (KIP-1242).
    dohle_bytes cluster_id;
    // The node we mean to talk to; -1: any (KIP-1242).
    int32_t node_id;
};

extern const struct dh_message_type dh_api_versions_request_type;

// ApiVersionsResponse, versions 0 to 5, API key 18.
struct dh_api_versions_response_api_key {
    int16_t api_key;
    int16_t min_version;
    int16_t max_version;
};

struct dh_api_versions_response_supported_feature {
    dohle_bytes name;
    int16_t min_version;
    int16_t max_version;
};

struct dh_api_versions_response_finalized_feature {
    dohle_bytes name;
    int16_t max_version_level;
    int16_t min_version_level;
};

struct dh_api_versions_response {
    int16_t error_code;

    struct {
        struct dh_api_versions_response_api_key *items;
        int32_t count;
    } api_keys;

    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    // Features with the levels this broker can run (KIP-584).
    struct {
        struct dh_api_versions_response_supported_feature *items;
        int32_t count;
    } supported_features;

    // -1: unknown.
    int64_t finalized_features_epoch;

    // Features with the levels the cluster runs.
    struct {
        struct dh_api_versions_response_finalized_feature *items;
        int32_t count;
    } finalized_features;

    bool zk_migration_ready;
};

extern const struct dh_struct dh_api_versions_response_api_key_struct;
extern const struct dh_struct dh_api_versions_response_supported_feature_struct;
extern const struct dh_struct dh_api_versions_response_finalized_feature_struct;
extern const struct dh_message_type dh_api_versions_response_type;

#endif
