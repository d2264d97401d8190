// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/describe_cluster.txt instead.
#ifndef DH_WIRE_GEN_DESCRIBE_CLUSTER_H
#define DH_WIRE_GEN_DESCRIBE_CLUSTER_H

#include "wire/message.h"

/*
 * DescribeClusterRequest, versions 0 to 2, API key 60.
 *
 * Asks for the nodes of the cluster (KIP-700).
 */
struct dh_describe_cluster_request {
    bool include_cluster_authorized_operations;
    // 1: brokers; 2: controllers.
    int8_t endpoint_type;
    bool include_fenced_brokers;
};

extern const struct dh_message_type dh_describe_cluster_request_type;

// DescribeClusterResponse, versions 0 to 2, API key 60.
struct dh_describe_cluster_response_broker {
    int32_t broker_id;
    dohle_bytes host;
    int32_t port;
    dohle_bytes rack;
    // True: registered but not serving.
    bool is_fenced;
};

struct dh_describe_cluster_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
    dohle_bytes error_message;
    // 1: brokers; 2: controllers.
    int8_t endpoint_type;
    dohle_bytes cluster_id;
    int32_t controller_id;

    struct {
        struct dh_describe_cluster_response_broker *items;
        int32_t count;
    } brokers;

    // A bit for each operation allowed; INT32_MIN: not asked for.
    int32_t cluster_authorized_operations;
};

extern const struct dh_struct dh_describe_cluster_response_broker_struct;
extern const struct dh_message_type dh_describe_cluster_response_type;

#endif
