// SPDX-License-Identifier: MIT
/*
 * Between requests and coordinators: each partition of __consumer_offsets whose leader is up has
 * a coordinator, whose records are the partition's log.
 *
 *     group -> partition   abs(String.hashCode) mod partitions, as Kafka (GC-001)
 *     partition -> node    its leader; any other node answers NOT_COORDINATOR
 *
 * A partition is loaded, by replay of its log, at start and when it gets another leader (its
 * place in the partition's line is woken then), and unloaded before that: who waits in a join or sync gets NOT_COORDINATOR. Loading happens in
 * one go, so that COORDINATOR_LOAD_IN_PROGRESS only comes from a fault.
 *
 * What a coordinator appends is one batch in the log. Answers that tell of its state are held
 * until the log's high watermark has reached what had been appended by then: nobody is told
 * what a power failure could take back. In mode CACHED that is at once. Heartbeats, which tell
 * nothing of that kind, never wait for a disk. When the log goes offline, those held get
 * NOT_COORDINATOR (as KAFKA_STORAGE_ERROR becomes, GC-005), and the partition is unloaded
 * until it has another leader.
 *
 * A held answer is a copy: what it pointed at may change meanwhile.
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
#include "coordinator/coordinator.h"

struct dh_broker_group_need; // groups.c

#define DH_BROKER_OFFSETS_TOPIC "__consumer_offsets"

// Loads what this broker leads. The topics are there.
DH_MUST_CHECK int dh_broker_groups_new(struct dh_broker *broker);
// Requests that wait here were abandoned before.
void dh_broker_groups_free(struct dh_broker *broker);

// ---- Told by others ----

// It is about to be deleted: committed offsets go too.
void dh_broker_groups_on_topic_deleted(struct dh_broker *broker,
                                       const struct dh_broker_topic *topic);

// ---- Requests ----

/*
 * One request that concerns groups; lives in its arena. Begin, ask for the coordinator of each
 * group, call it, answer. Nothing is touched after the answer.
 */
struct dh_broker_group_call {
    struct dh_coordinator_caller caller; // for join and sync
    struct dh_broker_request *request;
    struct dh_link link;                // of those held for a log
    struct dh_broker_group_need *needs; // what must be durable first
    const void *response;               // held: the copy
};

// NULL: no memory, and the request was given up.
struct dh_broker_group_call *
dh_broker_group_call_begin(struct dh_broker_request *request);

// The coordinator of the group on the node that is asked. NULL with the code.
struct dh_coordinator *dh_broker_group_call_find(struct dh_broker_group_call *call,
                                                 dohle_bytes group, int16_t *broker_code);
// Every coordinator of that node in turn; NULL: the end. Start with *partition -1.
struct dh_coordinator *dh_broker_group_call_next(struct dh_broker_group_call *call,
                                                 int32_t *partition);

/*
 * For calls that are answered later, join and sync: the partition of the coordinator that was
 * found, to be settled when the coordinator was called and the request may be gone.
 */
int32_t dh_broker_group_call_partition(const struct dh_broker_group_call *call);
void dh_broker_groups_settle(struct dh_broker *broker, int32_t partition);

// Answers when what was appended is durable. Ends the request.
void dh_broker_group_call_answer(struct dh_broker_group_call *call, const void *response);
// The same, without waiting for what others have appended.
void dh_broker_group_call_answer_soon(struct dh_broker_group_call *call,
                                      const void *response);

// ---- Asked ----

// abs(String.hashCode(group)) mod count, over UTF-16 units (GC-001).
int32_t dh_broker_groups_partition(dohle_bytes group, int32_t count);

// The coordinator of the group, whichever node leads; NULL: there is none.
struct dh_coordinator *dh_broker_groups_find(struct dh_broker *broker, dohle_bytes group);

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
