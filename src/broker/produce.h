// SPDX-License-Identifier: MIT
/*
 * Produce: batches into logs.
 *
 * Every partition of a request is checked (batch_check.h) and appended when the request is
 * handled, one write each; then the answer waits until the high watermarks reach what was
 * appended, or for the request's time-out (REQUEST_TIMED_OUT for what is left). acks 1 and
 * -1 wait for the same: what is answered is durable by the store's mode. acks 0 is never
 * answered; what fails then ends the connection, as in Kafka.
 *
 * Errors are a partition's: the others go on.
 *
 * Not here: sequences of idempotent producers (the store's append).
 * Source: KafkaApis.handleProduceRequest, ReplicaManager, DelayedProduce in Apache
 * Kafka 4.4; KIP-951 for current leaders.
 */
#ifndef DH_BROKER_PRODUCE_H
#define DH_BROKER_PRODUCE_H

#include "base/assert.h"
#include "broker/state.h"

DH_MUST_CHECK int dh_broker_produce_new(struct dh_broker *broker);
// Requests that wait were abandoned before.
void dh_broker_produce_free(struct dh_broker *broker);

#endif
