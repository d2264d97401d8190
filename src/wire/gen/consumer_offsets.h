// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/consumer_offsets.txt instead.
/*
 * Records of the topic __consumer_offsets. An int16 goes before each key and each value:
 * before a key the number of its kind (record-key below), before a value its version. A
 * null value is a tombstone. Share and streams groups (kinds 10-15 and 17-23) are not
 * spoken.
 */
#ifndef DH_WIRE_GEN_CONSUMER_OFFSETS_H
#define DH_WIRE_GEN_CONSUMER_OFFSETS_H

#include "wire/message.h"

/*
 * LegacyOffsetCommitKey, version 0, kind of record 0.
 *
 * An offset, as written by very old brokers.
 */
struct dh_legacy_offset_commit_key {
    dohle_bytes group;
    dohle_bytes topic;
    int32_t partition;
};

extern const struct dh_message_type dh_legacy_offset_commit_key_type;

// LegacyOffsetCommitValue, version 0, kind of record 0.
struct dh_legacy_offset_commit_value {
    int64_t offset;
    dohle_bytes metadata;
    // When it was committed, ms.
    int64_t commit_timestamp;
};

extern const struct dh_message_type dh_legacy_offset_commit_value_type;

/*
 * OffsetCommitKey, version 0, kind of record 1.
 *
 * An offset.
 */
struct dh_offset_commit_key {
    dohle_bytes group;
    dohle_bytes topic;
    int32_t partition;
};

extern const struct dh_message_type dh_offset_commit_key_type;

// OffsetCommitValue, versions 0 to 4, kind of record 1.
struct dh_offset_commit_value {
    int64_t offset;
    // -1: unknown.
    int32_t leader_epoch;
    dohle_bytes metadata;
    // When it was committed, ms.
    int64_t commit_timestamp;
    // When it expires, ms; -1: by the configuration.
    int64_t expire_timestamp;
    struct dh_uuid topic_id;
};

extern const struct dh_message_type dh_offset_commit_value_type;

/*
 * GroupMetadataKey, version 0, kind of record 2.
 *
 * A classic group.
 */
struct dh_group_metadata_key {
    dohle_bytes group;
};

extern const struct dh_message_type dh_group_metadata_key_type;

// GroupMetadataValue, versions 0 to 4, kind of record 2.
struct dh_group_metadata_value_member {
    dohle_bytes member_id;
    // Static membership (KIP-345).
    dohle_bytes group_instance_id;
    dohle_bytes client_id;
    dohle_bytes client_host;
    // In ms.
    int32_t rebalance_timeout;
    // In ms.
    int32_t session_timeout;
    // A ConsumerProtocolSubscription for consumers.
    dohle_bytes subscription;
    // A ConsumerProtocolAssignment for consumers.
    dohle_bytes assignment;
};

struct dh_group_metadata_value {
    // "consumer" for consumers.
    dohle_bytes protocol_type;
    int32_t generation;
    // The assignor; null: none chosen yet.
    dohle_bytes protocol;
    // Member id; null: none.
    dohle_bytes leader;
    // When the group became what it is, ms; -1: unknown.
    int64_t current_state_timestamp;

    struct {
        struct dh_group_metadata_value_member *items;
        int32_t count;
    } members;
};

extern const struct dh_struct dh_group_metadata_value_member_struct;
extern const struct dh_message_type dh_group_metadata_value_type;

/*
 * ConsumerGroupMetadataKey, version 0, kind of record 3.
 *
 * A KIP-848 group.
 */
struct dh_consumer_group_metadata_key {
    dohle_bytes group_id;
};

extern const struct dh_message_type dh_consumer_group_metadata_key_type;

// ConsumerGroupMetadataValue, version 0, kind of record 3.
struct dh_consumer_group_metadata_value {
    int32_t epoch;
    // Over the subscribed topics; 0: not computed.
    int64_t metadata_hash;
};

extern const struct dh_message_type dh_consumer_group_metadata_value_type;

/*
 * ConsumerGroupPartitionMetadataKey, version 0, kind of record 4.
 *
 * The topics of a KIP-848 group, as brokers before 4.1 wrote them.
 */
struct dh_consumer_group_partition_metadata_key {
    dohle_bytes group_id;
};

extern const struct dh_message_type dh_consumer_group_partition_metadata_key_type;

// ConsumerGroupPartitionMetadataValue, version 0, kind of record 4.
struct dh_consumer_group_partition_metadata_value_topic_partition_metadata {
    int32_t partition;

    struct {
        dohle_bytes *items;
        int32_t count;
    } racks;
};

struct dh_consumer_group_partition_metadata_value_topic {
    struct dh_uuid topic_id;
    dohle_bytes topic_name;
    int32_t num_partitions;

    // Not used since 4.0.
    struct {
        struct dh_consumer_group_partition_metadata_value_topic_partition_metadata *items;
        int32_t count;
    } partition_metadata;
};

struct dh_consumer_group_partition_metadata_value {
    struct {
        struct dh_consumer_group_partition_metadata_value_topic *items;
        int32_t count;
    } topics;
};

extern const struct dh_struct
    dh_consumer_group_partition_metadata_value_topic_partition_metadata_struct;
extern const struct dh_struct dh_consumer_group_partition_metadata_value_topic_struct;
extern const struct dh_message_type dh_consumer_group_partition_metadata_value_type;

/*
 * ConsumerGroupMemberMetadataKey, version 0, kind of record 5.
 *
 * A member of a KIP-848 group.
 */
struct dh_consumer_group_member_metadata_key {
    dohle_bytes group_id;
    dohle_bytes member_id;
};

extern const struct dh_message_type dh_consumer_group_member_metadata_key_type;

// ConsumerGroupMemberMetadataValue, version 0, kind of record 5.
struct dh_consumer_group_member_metadata_value_classic_protocol {
    dohle_bytes name;
    dohle_bytes metadata;
};

struct dh_consumer_group_member_metadata_value_classic {
    // Without a heartbeat for so long the member is removed.
    int32_t session_timeout_ms;

    struct {
        struct dh_consumer_group_member_metadata_value_classic_protocol *items;
        int32_t count;
    } supported_protocols;
};

struct dh_consumer_group_member_metadata_value {
    // Static membership (KIP-345).
    dohle_bytes instance_id;
    dohle_bytes rack_id;
    dohle_bytes client_id;
    dohle_bytes client_host;

    struct {
        dohle_bytes *items;
        int32_t count;
    } subscribed_topic_names;

    dohle_bytes subscribed_topic_regex;
    // How long a member may take to give up partitions; -1: unchanged.
    int32_t rebalance_timeout_ms;
    dohle_bytes server_assignor;
    // Of a member that speaks the classic protocol; null: it speaks KIP-848.
    // An absent tag means an empty one, not null.
    struct dh_consumer_group_member_metadata_value_classic *classic_member_metadata;
};

extern const struct dh_struct
    dh_consumer_group_member_metadata_value_classic_protocol_struct;
extern const struct dh_struct dh_consumer_group_member_metadata_value_classic_struct;
extern const struct dh_message_type dh_consumer_group_member_metadata_value_type;

/*
 * ConsumerGroupTargetAssignmentMetadataKey, version 0, kind of record 6.
 *
 * The epoch of the target assignment.
 */
struct dh_consumer_group_target_assignment_metadata_key {
    dohle_bytes group_id;
};

extern const struct dh_message_type dh_consumer_group_target_assignment_metadata_key_type;

// ConsumerGroupTargetAssignmentMetadataValue, version 0, kind of record 6.
struct dh_consumer_group_target_assignment_metadata_value {
    // Group epoch the target assignment was made for.
    int32_t assignment_epoch;
    // When the computation finished, ms.
    int64_t assignment_timestamp;
};

extern const struct dh_message_type
    dh_consumer_group_target_assignment_metadata_value_type;

/*
 * ConsumerGroupTargetAssignmentMemberKey, version 0, kind of record 7.
 *
 * What one member shall own.
 */
struct dh_consumer_group_target_assignment_member_key {
    dohle_bytes group_id;
    dohle_bytes member_id;
};

extern const struct dh_message_type dh_consumer_group_target_assignment_member_key_type;

// ConsumerGroupTargetAssignmentMemberValue, version 0, kind of record 7.
struct dh_consumer_group_target_assignment_member_value_topic_partition {
    struct dh_uuid topic_id;

    struct {
        int32_t *items;
        int32_t count;
    } partitions;
};

struct dh_consumer_group_target_assignment_member_value {
    struct {
        struct dh_consumer_group_target_assignment_member_value_topic_partition *items;
        int32_t count;
    } topic_partitions;
};

extern const struct dh_struct
    dh_consumer_group_target_assignment_member_value_topic_partition_struct;
extern const struct dh_message_type dh_consumer_group_target_assignment_member_value_type;

/*
 * ConsumerGroupCurrentMemberAssignmentKey, version 0, kind of record 8.
 *
 * What one member owns.
 */
struct dh_consumer_group_current_member_assignment_key {
    dohle_bytes group_id;
    dohle_bytes member_id;
};

extern const struct dh_message_type dh_consumer_group_current_member_assignment_key_type;

// ConsumerGroupCurrentMemberAssignmentValue, version 0, kind of record 8.
struct dh_consumer_group_current_member_assignment_value_topic_partition {
    struct dh_uuid topic_id;

    struct {
        int32_t *items;
        int32_t count;
    } partitions;

    // Member epoch at which each partition was assigned (KIP-1251).
    struct {
        int32_t *items;
        int32_t count;
    } assignment_epochs;
};

struct dh_consumer_group_current_member_assignment_value {
    int32_t member_epoch;
    // Still accepted: the member may have missed the last bump.
    int32_t previous_member_epoch;
    // 0 stable, 1 unrevoked partitions, 2 unreleased partitions, 127 unknown.
    int8_t state;

    struct {
        struct dh_consumer_group_current_member_assignment_value_topic_partition *items;
        int32_t count;
    } assigned_partitions;

    // What the member must give up first.
    struct {
        struct dh_consumer_group_current_member_assignment_value_topic_partition *items;
        int32_t count;
    } partitions_pending_revocation;
};

extern const struct dh_struct
    dh_consumer_group_current_member_assignment_value_topic_partition_struct;
extern const struct dh_message_type
    dh_consumer_group_current_member_assignment_value_type;

/*
 * ConsumerGroupRegularExpressionKey, version 0, kind of record 16.
 *
 * A regular expression that members subscribed to, and the topics it matched.
 */
struct dh_consumer_group_regular_expression_key {
    dohle_bytes group_id;
    dohle_bytes regular_expression;
};

extern const struct dh_message_type dh_consumer_group_regular_expression_key_type;

// ConsumerGroupRegularExpressionValue, version 0, kind of record 16.
struct dh_consumer_group_regular_expression_value {
    // The topics that matched.
    struct {
        dohle_bytes *items;
        int32_t count;
    } topics;

    // Of the metadata image it was resolved with.
    int64_t version;
    // When it was resolved, ms.
    int64_t timestamp;
};

extern const struct dh_message_type dh_consumer_group_regular_expression_value_type;

#endif
