// SPDX-License-Identifier: MIT
/*
 * Between requests and coordinators: each partition of __consumer_offsets whose leader is up has
 * a coordinator, whose records are the partition's log.
 *
 *     group -> partition   abs(String.hashCode) mod partitions, as Kafka (GC-001)
 *     partition -> node    its leader; any other node answers NOT_COORDINATOR
 *
 * A partition is loaded, by replay of its log, when it is there or gets another leader,
 * and unloaded before that: who waits in a join or sync gets NOT_COORDINATOR. Loading happens in
 * one go, so that COORDINATOR_LOAD_IN_PROGRESS only comes from a fault.
 *
 * What a coordinator appends is one batch in the log. Its answers are held until the
 * log's high watermark has reached the end of that batch: nobody is told what a power
 * failure could take back. In mode CACHED that is at once. When the log goes offline,
 * those held get NOT_COORDINATOR (as KAFKA_STORAGE_ERROR becomes, GC-005) and the partition is
 * unloaded until its leader changes.
 *
 * Requests of one connection are answered one at a time, so what is held needs no order but that
 * of the log.
 *
 * Not here: what groups are (coordinator/), the handlers (group_handlers.c, offset_handlers.c,
 * group_admin_handlers.c).
 * Source: GroupCoordinatorService, CoordinatorRuntime in Apache Kafka 4.4; rows GC-001 to 007.
 */
#ifndef DH_BROKER_GROUPS_H
#define DH_BROKER_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"
#include "broker/request.h"
#include "broker/state.h"
#include "broker/topics.h"

struct dh_coordinator;

#define DH_BROKER_OFFSETS_TOPIC "__consumer_offsets"

// Loads what this broker leads. The topics are there.
DH_MUST_CHECK int dh_broker_groups_new(struct dh_broker *broker);
// Requests that wait here were abandoned before.
void dh_broker_groups_free(struct dh_broker *broker);

// ---- Told by others ----

// The partition of __consumer_offsets is new, or has another leader (-1: none).
void dh_broker_groups_on_leader(struct dh_broker *broker,
                                struct dh_broker_partition *partition);
// The high watermark moved, or the log went offline.
void dh_broker_groups_on_log(struct dh_broker *broker,
                             struct dh_broker_partition *partition);
// It is about to be deleted: committed offsets go too.
void dh_broker_groups_on_topic_deleted(struct dh_broker *broker,
                                       const struct dh_broker_topic *topic);

// ---- Asked ----

// abs(String.hashCode(group)) mod count, over UTF-16 units (GC-001).
int32_t dh_broker_groups_partition(dohle_bytes group, int32_t count);

/*
 * The coordinator of the group, if that node leads its partition; else NULL with the code:
 * NOT_COORDINATOR or COORDINATOR_NOT_AVAILABLE. node_id 0: whichever leads.
 */
struct dh_coordinator *dh_broker_groups_find(struct dh_broker *broker, dohle_bytes group,
                                             int32_t node_id, int16_t *broker_code);

// The partition of __consumer_offsets; makes the topic. NULL with the code.
struct dh_broker_partition *
dh_broker_groups_place(struct dh_broker *broker, dohle_bytes group, int16_t *broker_code);

// Each coordinator in order of partition; NULL: the end. Start with *partition -1.
struct dh_coordinator *dh_broker_groups_next(const struct dh_broker *broker,
                                             int32_t *partition);

// The durable state of every partition, as dh_coordinator_dump: equal after a crash.
DH_MUST_CHECK int dh_broker_groups_dump(const struct dh_broker *broker,
                                        struct dh_buf *out);

#endif
