// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/incremental_alter_configs.txt instead.
#ifndef DH_WIRE_GEN_INCREMENTAL_ALTER_CONFIGS_H
#define DH_WIRE_GEN_INCREMENTAL_ALTER_CONFIGS_H

#include "wire/message.h"

/*
 * IncrementalAlterConfigsRequest, versions 0 to 1, API key 44.
 *
 * Changes single values of a configuration (KIP-339).
 */
struct dh_incremental_alter_configs_request_resource_config {
    dohle_bytes name;
    // 0 set, 1 delete, 2 append, 3 subtract.
    int8_t config_operation;
    dohle_bytes value;
};

struct dh_incremental_alter_configs_request_resource {
    // 2 topic, 4 broker, 8 logger, 16 client metrics, 32 group.
    int8_t resource_type;
    dohle_bytes resource_name;

    struct {
        struct dh_incremental_alter_configs_request_resource_config *items;
        int32_t count;
    } configs;
};

struct dh_incremental_alter_configs_request {
    struct {
        struct dh_incremental_alter_configs_request_resource *items;
        int32_t count;
    } resources;

    // Check, change nothing.
    bool validate_only;
};

extern const struct dh_struct dh_incremental_alter_configs_request_resource_config_struct;
extern const struct dh_struct dh_incremental_alter_configs_request_resource_struct;
extern const struct dh_message_type dh_incremental_alter_configs_request_type;

// IncrementalAlterConfigsResponse, versions 0 to 1, API key 44.
struct dh_incremental_alter_configs_response_response {
    int16_t error_code;
    dohle_bytes error_message;
    // 2 topic, 4 broker, 8 logger, 16 client metrics, 32 group.
    int8_t resource_type;
    dohle_bytes resource_name;
};

struct dh_incremental_alter_configs_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_incremental_alter_configs_response_response *items;
        int32_t count;
    } responses;
};

extern const struct dh_struct dh_incremental_alter_configs_response_response_struct;
extern const struct dh_message_type dh_incremental_alter_configs_response_type;

#endif
