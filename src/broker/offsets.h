// SPDX-License-Identifier: MIT
/*
 * Questions about offsets: ListOffsets, OffsetForLeaderEpoch, DeleteRecords. All answer at
 * once and keep nothing.
 *
 * Source: KafkaApis, Partition, UnifiedLog in Apache Kafka 4.4; rows.
 */
#ifndef DH_BROKER_OFFSETS_H
#define DH_BROKER_OFFSETS_H

#include "broker/request.h"

extern const struct dh_broker_handler dh_broker_list_offsets_handler;
extern const struct dh_broker_handler dh_broker_offset_for_leader_epoch_handler;
extern const struct dh_broker_handler dh_broker_delete_records_handler;

#endif
