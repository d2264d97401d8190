// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/metadata.txt instead.
#ifndef DH_WIRE_GEN_METADATA_H
#define DH_WIRE_GEN_METADATA_H

#include "wire/message.h"

/*
 * MetadataRequest, versions 0 to 13, API key 3.
 *
 * Asks for brokers, topics, partitions and their leaders. Version 12 asks by id.
 */
struct dh_metadata_request_topic {
    struct dh_uuid topic_id;
    // Null: look up by topic_id.
    dohle_bytes name;
};

struct dh_metadata_request {
    // Null: all topics; empty: none, only the brokers. In version 0 empty means all.
    struct {
        struct dh_metadata_request_topic *items;
        int32_t count;
    } topics;

    bool allow_auto_topic_creation;
    bool include_cluster_authorized_operations;
    bool include_topic_authorized_operations;
};

extern const struct dh_struct dh_metadata_request_topic_struct;
extern const struct dh_message_type dh_metadata_request_type;

// MetadataResponse, versions 0 to 13, API key 3.
struct dh_metadata_response_broker {
    int32_t node_id;
    dohle_bytes host;
    int32_t port;
    dohle_bytes rack;
};

struct dh_metadata_response_topic_partition {
    int16_t error_code;
    int32_t partition_index;
    // -1: there is none.
    int32_t leader_id;
    int32_t leader_epoch;

    struct {
        int32_t *items;
        int32_t count;
    } replica_nodes;

    // The in-sync replicas.
    struct {
        int32_t *items;
        int32_t count;
    } isr_nodes;

    struct {
        int32_t *items;
        int32_t count;
    } offline_replicas;
};

struct dh_metadata_response_topic {
    int16_t error_code;
    // Null: the topic_id asked for is unknown.
    dohle_bytes name;
    struct dh_uuid topic_id;
    // True for __consumer_offsets and its like.
    bool is_internal;

    struct {
        struct dh_metadata_response_topic_partition *items;
        int32_t count;
    } partitions;

    // A bit for each operation allowed; INT32_MIN: not asked for.
    int32_t topic_authorized_operations;
};

struct dh_metadata_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_metadata_response_broker *items;
        int32_t count;
    } brokers;

    dohle_bytes cluster_id;
    int32_t controller_id;

    struct {
        struct dh_metadata_response_topic *items;
        int32_t count;
    } topics;

    // A bit for each operation allowed; INT32_MIN: not asked for.
    int32_t cluster_authorized_operations;
    int16_t error_code;
};

extern const struct dh_struct dh_metadata_response_broker_struct;
extern const struct dh_struct dh_metadata_response_topic_partition_struct;
extern const struct dh_struct dh_metadata_response_topic_struct;
extern const struct dh_message_type dh_metadata_response_type;

#endif
