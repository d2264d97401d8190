// SPDX-License-Identifier: MIT
/*
 * Sends what the accumulator holds: one Produce request at a time to each node,
 * with one batch of each partition that is ready and led by it.
 *
 *     ready partitions -> node->ready -> fill -> node->in_flight -> answer
 *
 * Batches are made when the request is filled in, not before: what waits for a
 * connection or for the answer to the last request gathers in larger batches.
 *
 * What can go wrong, and what becomes of the batch:
 *
 *     the request is lost     the batch is doubtful; again after the node's back-off,
 *                             or at once when another node leads
 *     a passing error         again after the partition's own back-off
 *     DUPLICATE_SEQUENCE...   it is in the log: success
 *     OUT_OF_ORDER_SEQUENCE.. it is not: a new epoch, then again
 *     MESSAGE_TOO_LARGE       split in halves, down to single records
 *     its deadline            TIMEOUT: it may be in the log
 *     any other               told to the application
 *
 * Records of a topic that has no partitions yet wait until it has; while it is
 * refused (authorization, name) they fail at once.
 *
 * Bounds: max.request.size for a request, beyond a first batch.
 *
 * Source: Sender, TransactionManager in Apache Kafka 4.4; KIP-951.
 */
#ifndef DH_CLIENT_PRODUCER_SENDER_H
#define DH_CLIENT_PRODUCER_SENDER_H

#include <stdbool.h>

#include "client/producer/accumulator.h"
#include "client/producer/identity.h"
#include "client/producer/messages.h"

struct dh_sender {
    struct dh_back_context context;
    struct dh_accumulator accumulator;
    struct dh_identity identity;
    struct dh_map nodes;    // node id -> struct dh_sender_node
    struct dh_list stalled; // partitions without a leader
    struct dh_list waiting_topics;
    struct dh_alarm topics_alarm; // the first deadline among unassigned records
    uint64_t cluster_version;     // of the cluster, when last looked at
    uint64_t cluster_updates;
    bool is_closed; // everything fails
};

// Returns 0 or DOHLE_ERR_NO_MEMORY, after which no deinit is needed.
DH_MUST_CHECK int dh_sender_init(struct dh_sender *sender,
                                 const struct dh_back_context *context);

// Frees what is left, records included, and tells nobody.
void dh_sender_deinit(struct dh_sender *sender);

// Takes the record; it is answered through the outbox.
void dh_sender_send(struct dh_sender *sender, struct dh_producer_record *record,
                    int64_t now_ns);

// What is here now does not linger.
void dh_sender_flush(struct dh_sender *sender, int64_t now_ns);

// Looks whether the cluster has changed. Cheap when it has not.
void dh_sender_look_at_cluster(struct dh_sender *sender, int64_t now_ns);

// Records not answered yet.
static inline size_t dh_sender_record_count(const struct dh_sender *sender)
{
    return sender->accumulator.record_count;
}

/*
 * Says, as one sentence, what is wrong with a topic or a partition whose records wait
 * though all nodes answer; "" when nothing is known to be.
 */
void dh_sender_explain(const struct dh_sender *sender, char *text, size_t size);

// Fails what is left and what comes, with CLOSED.
void dh_sender_close(struct dh_sender *sender, int64_t now_ns);

// The invariants; for the simulator.
void dh_sender_check(const struct dh_sender *sender);

#endif
