// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/offset_commit.txt instead.
#ifndef DH_WIRE_GEN_OFFSET_COMMIT_H
#define DH_WIRE_GEN_OFFSET_COMMIT_H

#include "wire/message.h"

/*
 * OffsetCommitRequest, versions 2 to 10, API key 8.
 *
 * Commits offsets of a group. Version 9 is for KIP-848, 10 names topics by id.
 */
struct dh_offset_commit_request_topic_partition {
    int32_t partition_index;
    // The next record to read; -1 in a response: none.
    int64_t committed_offset;
    // Of the last record read; -1: unknown (KIP-320).
    int32_t committed_leader_epoch;
    // Text of the application, returned with the offset.
    dohle_bytes committed_metadata;
};

struct dh_offset_commit_request_topic {
    dohle_bytes name;
    struct dh_uuid topic_id;

    struct {
        struct dh_offset_commit_request_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_offset_commit_request {
    dohle_bytes group_id;
    // Generation (classic) or member epoch (KIP-848); -1: not a member.
    int32_t generation_id_or_member_epoch;
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes group_instance_id;
    // -1: as the broker is configured.
    int64_t retention_time_ms;

    struct {
        struct dh_offset_commit_request_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct dh_offset_commit_request_topic_partition_struct;
extern const struct dh_struct dh_offset_commit_request_topic_struct;
extern const struct dh_message_type dh_offset_commit_request_type;

// OffsetCommitResponse, versions 2 to 10, API key 8.
struct dh_offset_commit_response_topic_partition {
    int32_t partition_index;
    int16_t error_code;
};

struct dh_offset_commit_response_topic {
    dohle_bytes name;
    struct dh_uuid topic_id;

    struct {
        struct dh_offset_commit_response_topic_partition *items;
        int32_t count;
    } partitions;
};

struct dh_offset_commit_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_offset_commit_response_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct dh_offset_commit_response_topic_partition_struct;
extern const struct dh_struct dh_offset_commit_response_topic_struct;
extern const struct dh_message_type dh_offset_commit_response_type;

#endif
