// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/delete_records.txt instead.
#ifndef DH_WIRE_GEN_DELETE_RECORDS_H
#define DH_WIRE_GEN_DELETE_RECORDS_H

#include "wire/message.h"

/*
 * DeleteRecordsRequest, versions 0 to 2, API key 21.
 *
 * Deletes the records below an offset.
 */
struct dh_delete_records_request_topic_partition {
    int32_t partition_index;
    // Records below it go; -1: all.
    int64_t offset;
};

struct dh_delete_records_request_topic {
    dohle_bytes name;

    struct {
        struct dh_delete_records_request_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_delete_records_request {
    struct {
        struct dh_delete_records_request_topic *items;
        int32_t count;
    } topics;

    int32_t timeout_ms;
};

extern const struct dh_struct dh_delete_records_request_topic_partition_struct;
extern const struct dh_struct dh_delete_records_request_topic_struct;
extern const struct dh_message_type dh_delete_records_request_type;

// DeleteRecordsResponse, versions 0 to 2, API key 21.
struct dh_delete_records_response_topic_partition {
    int32_t partition_index;
    // Smallest offset the partition still has; -1: failed.
    int64_t low_watermark;
    int16_t error_code;
};

struct dh_delete_records_response_topic {
    dohle_bytes name;

    struct {
        struct dh_delete_records_response_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_delete_records_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_delete_records_response_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct dh_delete_records_response_topic_partition_struct;
extern const struct dh_struct dh_delete_records_response_topic_struct;
extern const struct dh_message_type dh_delete_records_response_type;

#endif
