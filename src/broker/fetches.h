// SPDX-License-Identifier: MIT
/*
 * Fetch: what of the logs goes to whom.
 *
 * A request reads from a session (fetch_sessions.h), whose fresh partitions are looked at in
 * their order. It is answered at once when min_bytes are there, when any partition has an
 * error, when it asks for nothing, or when it may not wait; else it waits at the
 * places of its session until one of these holds, or max_wait_ms are over.
 *
 * Read is what lies below the high watermark: whole batches from the one that holds the
 * offset on, at most partition_max_bytes and what is left of max_bytes; the first batch of
 * the answer is whole however large (KIP-74). A partition that nothing is left for is told
 * its watermarks all the same.
 *
 * An incremental answer names the partitions with records, an error, or another high
 * watermark or log start than they were told.
 *
 * Source: KafkaApis.handleFetchRequest, ReplicaManager.fetchMessages, DelayedFetch in
 * Apache Kafka 4.4; rows BR-007 to BR-009, BRK-080 to BRK-082.
 */
#ifndef DH_BROKER_FETCHES_H
#define DH_BROKER_FETCHES_H

#include "base/assert.h"
#include "broker/state.h"

// After settings and nodes.
DH_MUST_CHECK int dh_broker_fetches_new(struct dh_broker *broker);
// Requests that wait were abandoned before.
void dh_broker_fetches_free(struct dh_broker *broker);

// A node forgets its sessions when it goes down.
void dh_broker_fetches_on_node_down(struct dh_broker *broker, int32_t node_id);

// The invariants of the sessions that are kept: what is not fresh has nothing to tell.
void dh_broker_fetches_check(const struct dh_broker *broker);

#endif
