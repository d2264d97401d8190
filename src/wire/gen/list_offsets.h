// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/list_offsets.txt instead.
#ifndef DH_WIRE_GEN_LIST_OFFSETS_H
#define DH_WIRE_GEN_LIST_OFFSETS_H

#include "wire/message.h"

/*
 * ListOffsetsRequest, versions 1 to 11, API key 2.
 *
 * Looks up offsets by timestamp. Version 7 knows the largest timestamp.
 */
struct dh_list_offsets_request_topic_partition {
    int32_t partition_index;
    // What we believe; the broker fences a stale view. -1: unknown (KIP-320).
    int32_t current_leader_epoch;
    // -1: latest, -2: earliest, -3: largest timestamp, -4: earliest local,
    // -5: latest tiered, -6: earliest not yet tiered; else ms since the epoch.
    int64_t timestamp;
};

struct dh_list_offsets_request_topic {
    dohle_bytes name;

    struct {
        struct dh_list_offsets_request_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_list_offsets_request {
    // -1 for consumers.
    int32_t replica_id;
    // 0: read_uncommitted; 1: read_committed.
    int8_t isolation_level;

    struct {
        struct dh_list_offsets_request_topic *items;
        int32_t count;
    } topics;

    // For look-ups in tiered storage (KIP-1075).
    int32_t timeout_ms;
};

extern const struct dh_struct dh_list_offsets_request_topic_partition_struct;
extern const struct dh_struct dh_list_offsets_request_topic_struct;
extern const struct dh_message_type dh_list_offsets_request_type;

// ListOffsetsResponse, versions 1 to 11, API key 2.
struct dh_list_offsets_response_topic_partition {
    int32_t partition_index;
    int16_t error_code;
    // Of the record found; -1: none.
    int64_t timestamp;
    // Of the record found; -1: none.
    int64_t offset;
    int32_t leader_epoch;
};

struct dh_list_offsets_response_topic {
    dohle_bytes name;

    struct {
        struct dh_list_offsets_response_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_list_offsets_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_list_offsets_response_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct dh_list_offsets_response_topic_partition_struct;
extern const struct dh_struct dh_list_offsets_response_topic_struct;
extern const struct dh_message_type dh_list_offsets_response_type;

#endif
