// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/consumer_protocol.txt instead.
#ifndef DH_WIRE_GEN_CONSUMER_PROTOCOL_H
#define DH_WIRE_GEN_CONSUMER_PROTOCOL_H

#include "wire/message.h"

/*
 * ConsumerProtocolSubscription, versions 0 to 3.
 *
 * What a consumer tells the leader of a classic group, in JoinGroup. An int16 version
 * goes before it; a later version is read as the latest known.
 */
struct dh_consumer_protocol_subscription_owned_partition {
    dohle_bytes topic;

    struct {
        int32_t *items;
        int32_t count;
    } partitions;
};

struct dh_consumer_protocol_subscription {
    struct {
        dohle_bytes *items;
        int32_t count;
    } topics;

    // Of the assignor; null: none.
    dohle_bytes user_data;

    // What the member brings along (KIP-429).
    struct {
        struct dh_consumer_protocol_subscription_owned_partition *items;
        int32_t count;
    } owned_partitions;

    // Generation owned_partitions is of; -1: unknown (KIP-792).
    int32_t generation_id;
    // KIP-881.
    dohle_bytes rack_id;
};

extern const struct dh_struct dh_consumer_protocol_subscription_owned_partition_struct;
extern const struct dh_message_type dh_consumer_protocol_subscription_type;

/*
 * ConsumerProtocolAssignment, versions 0 to 3.
 *
 * What the leader of a classic group tells a consumer, in SyncGroup. An int16 version
 * goes before it; a later version is read as the latest known.
 */
struct dh_consumer_protocol_assignment_assigned_partition {
    dohle_bytes topic;

    struct {
        int32_t *items;
        int32_t count;
    } partitions;
};

struct dh_consumer_protocol_assignment {
    struct {
        struct dh_consumer_protocol_assignment_assigned_partition *items;
        int32_t count;
    } assigned_partitions;

    // Of the assignor; null: none.
    dohle_bytes user_data;
};

extern const struct dh_struct dh_consumer_protocol_assignment_assigned_partition_struct;
extern const struct dh_message_type dh_consumer_protocol_assignment_type;

#endif
