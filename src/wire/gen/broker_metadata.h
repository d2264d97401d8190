// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/broker_metadata.txt instead.
/*
 * Records of the log __dohle_metadata-0, in which our broker keeps its topics. Key: an int16,
 * the kind (below), then an int16, the version, and the key's fields. Value: an int16,
 * the version, and its fields; null: what the key names is gone.
 */
#ifndef DH_WIRE_GEN_BROKER_METADATA_H
#define DH_WIRE_GEN_BROKER_METADATA_H

#include "wire/message.h"

/*
 * BrokerTopicKey, version 0.
 *
 * Kind 1: which topic.
 */
struct dh_broker_topic_key {
    struct dh_uuid topic_id;
};

extern const struct dh_message_type dh_broker_topic_key_type;

/*
 * BrokerTopicRecord, version 0.
 *
 * A topic with all that is known about it: the last record of a topic is its state.
 */
struct dh_broker_topic_record_partition {
    // -1: every replica is down.
    int32_t leader;
    int32_t leader_epoch;

    // Ids of nodes.
    struct {
        int32_t *items;
        int32_t count;
    } replicas;
};

struct dh_broker_topic_record_setting {
    dohle_bytes name;
    dohle_bytes value;
};

struct dh_broker_topic_record {
    dohle_bytes name;

    // In order of their numbers.
    struct {
        struct dh_broker_topic_record_partition *items;
        int32_t count;
    } partitions;

    // What was set for the topic.
    struct {
        struct dh_broker_topic_record_setting *items;
        int32_t count;
    } settings;
};

extern const struct dh_struct dh_broker_topic_record_partition_struct;
extern const struct dh_struct dh_broker_topic_record_setting_struct;
extern const struct dh_message_type dh_broker_topic_record_type;

#endif
