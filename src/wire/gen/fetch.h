// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/fetch.txt instead.
#ifndef DH_WIRE_GEN_FETCH_H
#define DH_WIRE_GEN_FETCH_H

#include "wire/message.h"

/*
 * FetchRequest, versions 4 to 18, API key 1.
 *
 * Reads batches. Version 7 has sessions, 9 leader epochs, 11 racks, 12 validates
 * positions, 13 names topics by id, 16 learns new leaders.
 */
struct dh_fetch_request_replica_state {
    int32_t replica_id;
    int64_t replica_epoch;
};

struct dh_fetch_request_topic_partition {
    int32_t partition;
    // What we believe; the broker fences a stale view. -1: unknown (KIP-320).
    int32_t current_leader_epoch;
    int64_t fetch_offset;
    // Epoch of the last record fetched; -1: none (KIP-595).
    int32_t last_fetched_epoch;
    // For followers only.
    int64_t log_start_offset;
    // Of this partition; a first batch beyond it still comes.
    int32_t partition_max_bytes;
    // For followers only.
    struct dh_uuid replica_directory_id;
    // For followers only (KIP-1166).
    int64_t high_watermark;
};

struct dh_fetch_request_topic {
    dohle_bytes topic;
    struct dh_uuid topic_id;

    struct {
        struct dh_fetch_request_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_fetch_request_forgotten_topics_data {
    dohle_bytes topic;
    struct dh_uuid topic_id;

    struct {
        int32_t *items;
        int32_t count;
    } partitions;
};

struct dh_fetch_request {
    // For followers only.
    dohle_bytes cluster_id;
    // -1 for consumers.
    int32_t replica_id;
    // For followers only (KIP-903).
    struct dh_fetch_request_replica_state replica_state;
    // How long the broker may wait for min_bytes.
    int32_t max_wait_ms;
    int32_t min_bytes;
    // Of the whole response; a first batch beyond it still comes.
    int32_t max_bytes;
    // 0: read_uncommitted; 1: read_committed.
    int8_t isolation_level;
    // 0: no session (KIP-227).
    int32_t session_id;
    // 0: open a session; -1: close it, or none (KIP-227).
    int32_t session_epoch;

    // In an incremental fetch only the partitions that changed.
    struct {
        struct dh_fetch_request_topic *items;
        int32_t count;
    } topics;

    // Partitions to take out of the session.
    struct {
        struct dh_fetch_request_forgotten_topics_data *items;
        int32_t count;
    } forgotten_topics_data;

    // Where the client is; the broker may name a closer replica (KIP-392).
    dohle_bytes rack_id;
};

extern const struct dh_struct dh_fetch_request_replica_state_struct;
extern const struct dh_struct dh_fetch_request_topic_partition_struct;
extern const struct dh_struct dh_fetch_request_topic_struct;
extern const struct dh_struct dh_fetch_request_forgotten_topics_data_struct;
extern const struct dh_message_type dh_fetch_request_type;

// FetchResponse, versions 4 to 18, API key 1.
struct dh_fetch_response_response_partition_diverging_epoch {
    int32_t epoch;
    // One past the last record of the epoch.
    int64_t end_offset;
};

struct dh_fetch_response_response_partition_current_leader {
    // -1: there is none.
    int32_t leader_id;
    int32_t leader_epoch;
};

struct dh_fetch_response_response_partition_snapshot_id {
    int64_t end_offset;
    int32_t epoch;
};

struct dh_fetch_response_response_partition_aborted_transaction {
    int64_t producer_id;
    // First record of the aborted transaction.
    int64_t first_offset;
};

struct dh_fetch_response_response_partition {
    int32_t partition_index;
    int16_t error_code;
    int64_t high_watermark;
    // Records of open transactions start here; -1: unknown.
    int64_t last_stable_offset;
    // Smallest offset the partition still has; -1: unknown.
    int64_t log_start_offset;
    // Set when the log was truncated below the fetched offset (KIP-595).
    struct dh_fetch_response_response_partition_diverging_epoch diverging_epoch;
    // The new leader, when this node is not it any more (KIP-951).
    struct dh_fetch_response_response_partition_current_leader current_leader;
    // For the metadata quorum only.
    struct dh_fetch_response_response_partition_snapshot_id snapshot_id;

    // For read_committed: whose records to leave out; null: none.
    struct {
        struct dh_fetch_response_response_partition_aborted_transaction *items;
        int32_t count;
    } aborted_transactions;

    // The node to fetch from instead; -1: this one (KIP-392).
    int32_t preferred_read_replica;
    // One or more batches, see record/.
    dohle_bytes records;
};

struct dh_fetch_response_response {
    dohle_bytes topic;
    struct dh_uuid topic_id;

    struct {
        struct dh_fetch_response_response_partition *items;
        int32_t count;
    } partitions;
};

struct dh_fetch_response_node_endpoint {
    int32_t node_id;
    dohle_bytes host;
    int32_t port;
    dohle_bytes rack;
};

struct dh_fetch_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
    // 0: no session (KIP-227).
    int32_t session_id;

    struct {
        struct dh_fetch_response_response *items;
        int32_t count;
    } responses;

    // Addresses of the new leaders named above (KIP-951).
    struct {
        struct dh_fetch_response_node_endpoint *items;
        int32_t count;
    } node_endpoints;
};

extern const struct dh_struct dh_fetch_response_response_partition_diverging_epoch_struct;
extern const struct dh_struct dh_fetch_response_response_partition_current_leader_struct;
extern const struct dh_struct dh_fetch_response_response_partition_snapshot_id_struct;
extern const struct dh_struct
    dh_fetch_response_response_partition_aborted_transaction_struct;
extern const struct dh_struct dh_fetch_response_response_partition_struct;
extern const struct dh_struct dh_fetch_response_response_struct;
extern const struct dh_struct dh_fetch_response_node_endpoint_struct;
extern const struct dh_message_type dh_fetch_response_type;

#endif
