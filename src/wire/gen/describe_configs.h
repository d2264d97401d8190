// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/describe_configs.txt instead.
#ifndef DH_WIRE_GEN_DESCRIBE_CONFIGS_H
#define DH_WIRE_GEN_DESCRIBE_CONFIGS_H

#include "wire/message.h"

/*
 * DescribeConfigsRequest, versions 1 to 4, API key 32.
 *
 * Reads the configuration of topics, brokers and groups.
 */
struct dh_describe_configs_request_resource {
    // 2 topic, 4 broker, 8 logger, 16 client metrics, 32 group.
    int8_t resource_type;
    dohle_bytes resource_name;

    // Null: all.
    struct {
        dohle_bytes *items;
        int32_t count;
    } configuration_keys;
};

struct dh_describe_configs_request {
    struct {
        struct dh_describe_configs_request_resource *items;
        int32_t count;
    } resources;

    bool include_synonyms;
    bool include_documentation;
};

extern const struct dh_struct dh_describe_configs_request_resource_struct;
extern const struct dh_message_type dh_describe_configs_request_type;

// DescribeConfigsResponse, versions 1 to 4, API key 32.
struct dh_describe_configs_response_result_config_synonym {
    dohle_bytes name;
    dohle_bytes value;
    // As config_source.
    int8_t source;
};

struct dh_describe_configs_response_result_config {
    dohle_bytes name;
    dohle_bytes value;
    bool read_only;
    // Where the value comes from: 1 topic, 2 broker, 3 brokers, 4 file, 5 default,
    // 6 logger, 7 client metrics, 8 group.
    int8_t config_source;
    // True: the value is kept secret.
    bool is_sensitive;

    // The values behind the one in force, the strongest first.
    struct {
        struct dh_describe_configs_response_result_config_synonym *items;
        int32_t count;
    } synonyms;

    // 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password.
    int8_t config_type;
    dohle_bytes documentation;
};

struct dh_describe_configs_response_result {
    int16_t error_code;
    dohle_bytes error_message;
    // 2 topic, 4 broker, 8 logger, 16 client metrics, 32 group.
    int8_t resource_type;
    dohle_bytes resource_name;

    struct {
        struct dh_describe_configs_response_result_config *items;
        int32_t count;
    } configs;
};

struct dh_describe_configs_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_describe_configs_response_result *items;
        int32_t count;
    } results;
};

extern const struct dh_struct dh_describe_configs_response_result_config_synonym_struct;
extern const struct dh_struct dh_describe_configs_response_result_config_struct;
extern const struct dh_struct dh_describe_configs_response_result_struct;
extern const struct dh_message_type dh_describe_configs_response_type;

#endif
