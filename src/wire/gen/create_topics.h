// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/create_topics.txt instead.
#ifndef DH_WIRE_GEN_CREATE_TOPICS_H
#define DH_WIRE_GEN_CREATE_TOPICS_H

#include "wire/message.h"

/*
 * CreateTopicsRequest, versions 2 to 7, API key 19.
 *
 * Creates topics.
 */
struct dh_create_topics_request_topic_assignment {
    int32_t partition_index;

    struct {
        int32_t *items;
        int32_t count;
    } broker_ids;
};

struct dh_create_topics_request_topic_config {
    dohle_bytes name;
    // Null: the default.
    dohle_bytes value;
};

struct dh_create_topics_request_topic {
    dohle_bytes name;
    // -1: the default of the broker, or see assignments.
    int32_t num_partitions;
    // -1: the default of the broker, or see assignments.
    int16_t replication_factor;

    // Replicas of each partition; empty: the broker chooses.
    struct {
        struct dh_create_topics_request_topic_assignment *items;
        int32_t count;
    } assignments;

    struct {
        struct dh_create_topics_request_topic_config *items;
        int32_t count;
    } configs;
};

struct dh_create_topics_request {
    struct {
        struct dh_create_topics_request_topic *items;
        int32_t count;
    } topics;

    int32_t timeout_ms;
    // Check, change nothing.
    bool validate_only;
};

extern const struct dh_struct dh_create_topics_request_topic_assignment_struct;
extern const struct dh_struct dh_create_topics_request_topic_config_struct;
extern const struct dh_struct dh_create_topics_request_topic_struct;
extern const struct dh_message_type dh_create_topics_request_type;

// CreateTopicsResponse, versions 2 to 7, API key 19.
struct dh_create_topics_response_topic_config {
    dohle_bytes name;
    dohle_bytes value;
    bool read_only;
    // Where the value comes from: 1 topic, 2 broker, 3 brokers, 4 file, 5 default,
    // 6 logger, 7 client metrics, 8 group.
    int8_t config_source;
    // True: the value is kept secret.
    bool is_sensitive;
};

struct dh_create_topics_response_topic {
    dohle_bytes name;
    struct dh_uuid topic_id;
    int16_t error_code;
    dohle_bytes error_message;
    // Why configs is null.
    int16_t topic_config_error_code;
    int32_t num_partitions;
    int16_t replication_factor;

    struct {
        struct dh_create_topics_response_topic_config *items;
        int32_t count;
    } configs;
};

struct dh_create_topics_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_create_topics_response_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct dh_create_topics_response_topic_config_struct;
extern const struct dh_struct dh_create_topics_response_topic_struct;
extern const struct dh_message_type dh_create_topics_response_type;

#endif
