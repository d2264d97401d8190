// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/offset_fetch.txt instead.
#ifndef DH_WIRE_GEN_OFFSET_FETCH_H
#define DH_WIRE_GEN_OFFSET_FETCH_H

#include "wire/message.h"

/*
 * OffsetFetchRequest, versions 1 to 10, API key 9.
 *
 * Asks for committed offsets. Version 8 takes several groups, 10 names topics by id.
 */
struct dh_offset_fetch_request_topic {
    dohle_bytes name;

    struct {
        int32_t *items;
        int32_t count;
    } partition_indexes;
};

struct dh_offset_fetch_request_group_topic {
    dohle_bytes name;
    struct dh_uuid topic_id;

    struct {
        int32_t *items;
        int32_t count;
    } partition_indexes;
};

struct dh_offset_fetch_request_group {
    dohle_bytes group_id;
    dohle_bytes member_id;
    // -1: not a member of a KIP-848 group.
    int32_t member_epoch;

    struct {
        struct dh_offset_fetch_request_group_topic *items;
        int32_t count;
    } topics;
};

struct dh_offset_fetch_request {
    dohle_bytes group_id;

    // Null: all with a committed offset.
    struct {
        struct dh_offset_fetch_request_topic *items;
        int32_t count;
    } topics;

    struct {
        struct dh_offset_fetch_request_group *items;
        int32_t count;
    } groups;

    // Refuse while a transaction with offsets is open (KIP-447).
    bool require_stable;
};

extern const struct dh_struct dh_offset_fetch_request_topic_struct;
extern const struct dh_struct dh_offset_fetch_request_group_topic_struct;
extern const struct dh_struct dh_offset_fetch_request_group_struct;
extern const struct dh_message_type dh_offset_fetch_request_type;

// OffsetFetchResponse, versions 1 to 10, API key 9.
struct dh_offset_fetch_response_topic_partition {
    int32_t partition_index;
    // The next record to read; -1 in a response: none.
    int64_t committed_offset;
    // Of the last record read; -1: unknown (KIP-320).
    int32_t committed_leader_epoch;
    // Text of the application.
    dohle_bytes metadata;
    int16_t error_code;
};

struct dh_offset_fetch_response_topic {
    dohle_bytes name;

    struct {
        struct dh_offset_fetch_response_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_offset_fetch_response_group_topic_partition {
    int32_t partition_index;
    int64_t committed_offset;
    int32_t committed_leader_epoch;
    dohle_bytes metadata;
    int16_t error_code;
};

struct dh_offset_fetch_response_group_topic {
    dohle_bytes name;
    struct dh_uuid topic_id;

    struct {
        struct dh_offset_fetch_response_group_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_offset_fetch_response_group {
    dohle_bytes group_id;

    struct {
        struct dh_offset_fetch_response_group_topic *items;
        int32_t count;
    } topics;

    int16_t error_code;
};

struct dh_offset_fetch_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_offset_fetch_response_topic *items;
        int32_t count;
    } topics;

    int16_t error_code;

    struct {
        struct dh_offset_fetch_response_group *items;
        int32_t count;
    } groups;
};

extern const struct dh_struct dh_offset_fetch_response_topic_partition_struct;
extern const struct dh_struct dh_offset_fetch_response_topic_struct;
extern const struct dh_struct dh_offset_fetch_response_group_topic_partition_struct;
extern const struct dh_struct dh_offset_fetch_response_group_topic_struct;
extern const struct dh_struct dh_offset_fetch_response_group_struct;
extern const struct dh_message_type dh_offset_fetch_response_type;

#endif
