// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/broker_metadata.txt instead.
#include "wire/gen/broker_metadata.h"

// clang-format off

static const struct dh_field broker_topic_key[] = {
    {DH_FIELD(broker_topic_key, topic_id, UUID, 0, 0)},
};

const struct dh_message_type dh_broker_topic_key_type = {
    .name = "BrokerTopicKey",
    .body = DH_STRUCT(broker_topic_key),
    .role = DH_MESSAGE_DATA,
    .key = -1,
    .versions = {0, 0},
    .flexible_from = 0,
};

static const struct dh_field broker_topic_record_partition[] = {
    {DH_FIELD(broker_topic_record_partition, leader, INT32, 0, 0)},
    {DH_FIELD(broker_topic_record_partition, leader_epoch, INT32, 0, 0)},
    {DH_ARRAY(broker_topic_record_partition, replicas, INT32, 0, 0)},
};

const struct dh_struct dh_broker_topic_record_partition_struct =
    DH_STRUCT(broker_topic_record_partition);

static const struct dh_field broker_topic_record_setting[] = {
    {DH_FIELD(broker_topic_record_setting, name, STRING, 0, 0)},
    {DH_FIELD(broker_topic_record_setting, value, STRING, 0, 0)},
};

const struct dh_struct dh_broker_topic_record_setting_struct =
    DH_STRUCT(broker_topic_record_setting);

static const struct dh_field broker_topic_record[] = {
    {DH_FIELD(broker_topic_record, name, STRING, 0, 0)},
    {DH_ARRAY(broker_topic_record, partitions, STRUCT, 0, 0),
     DH_OF(broker_topic_record_partition)},
    {DH_ARRAY(broker_topic_record, settings, STRUCT, 0, 0),
     DH_OF(broker_topic_record_setting)},
};

const struct dh_message_type dh_broker_topic_record_type = {
    .name = "BrokerTopicRecord",
    .body = DH_STRUCT(broker_topic_record),
    .role = DH_MESSAGE_DATA,
    .key = -1,
    .versions = {0, 0},
    .flexible_from = 0,
};

// clang-format on
