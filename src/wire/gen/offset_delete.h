// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/offset_delete.txt instead.
#ifndef DH_WIRE_GEN_OFFSET_DELETE_H
#define DH_WIRE_GEN_OFFSET_DELETE_H

#include "wire/message.h"

/*
 * OffsetDeleteRequest, version 0, API key 47.
 *
 * Deletes committed offsets of a group (KIP-496).
 */
struct dh_offset_delete_request_topic_partition {
    int32_t partition_index;
};

struct dh_offset_delete_request_topic {
    dohle_bytes name;

    struct {
        struct dh_offset_delete_request_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_offset_delete_request {
    dohle_bytes group_id;

    struct {
        struct dh_offset_delete_request_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct dh_offset_delete_request_topic_partition_struct;
extern const struct dh_struct dh_offset_delete_request_topic_struct;
extern const struct dh_message_type dh_offset_delete_request_type;

// OffsetDeleteResponse, version 0, API key 47.
struct dh_offset_delete_response_topic_partition {
    int32_t partition_index;
    int16_t error_code;
};

struct dh_offset_delete_response_topic {
    dohle_bytes name;

    struct {
        struct dh_offset_delete_response_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_offset_delete_response {
    int16_t error_code;
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_offset_delete_response_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct dh_offset_delete_response_topic_partition_struct;
extern const struct dh_struct dh_offset_delete_response_topic_struct;
extern const struct dh_message_type dh_offset_delete_response_type;

#endif
