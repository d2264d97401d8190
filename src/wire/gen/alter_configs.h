// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/alter_configs.txt instead.
#ifndef DH_WIRE_GEN_ALTER_CONFIGS_H
#define DH_WIRE_GEN_ALTER_CONFIGS_H

#include "wire/message.h"

/*
 * AlterConfigsRequest, versions 0 to 2, API key 33.
 *
 * Replaces a configuration as a whole; IncrementalAlterConfigs is the better one.
 */
struct dh_alter_configs_request_resource_config {
    dohle_bytes name;
    dohle_bytes value;
};

struct dh_alter_configs_request_resource {
    // 2 topic, 4 broker, 8 logger, 16 client metrics, 32 group.
    int8_t resource_type;
    dohle_bytes resource_name;

    struct {
        struct dh_alter_configs_request_resource_config *items;
        int32_t count;
    } configs;
};

struct dh_alter_configs_request {
    struct {
        struct dh_alter_configs_request_resource *items;
        int32_t count;
    } resources;

    // Check, change nothing.
    bool validate_only;
};

extern const struct dh_struct dh_alter_configs_request_resource_config_struct;
extern const struct dh_struct dh_alter_configs_request_resource_struct;
extern const struct dh_message_type dh_alter_configs_request_type;

// AlterConfigsResponse, versions 0 to 2, API key 33.
struct dh_alter_configs_response_response {
    int16_t error_code;
    dohle_bytes error_message;
    // 2 topic, 4 broker, 8 logger, 16 client metrics, 32 group.
    int8_t resource_type;
    dohle_bytes resource_name;
};

struct dh_alter_configs_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_alter_configs_response_response *items;
        int32_t count;
    } responses;
};

extern const struct dh_struct dh_alter_configs_response_response_struct;
extern const struct dh_message_type dh_alter_configs_response_type;

#endif
