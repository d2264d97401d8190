// SPDX-License-Identifier: MIT
/*
 * What is done to logs now and then, by our clock: every
 * log.retention.check.interval.ms what is too old or too much goes, and every
 * log.flush.offset.checkpoint.interval.ms the store writes its checkpoints. Costs are per
 * round, none per turn of the loop.
 */
#ifndef DH_BROKER_RETENTION_H
#define DH_BROKER_RETENTION_H

#include "base/assert.h"
#include "broker/state.h"

// After settings and topics.
DH_MUST_CHECK int dh_broker_retention_new(struct dh_broker *broker);
void dh_broker_retention_free(struct dh_broker *broker);

// A round at once: for commands.
void dh_broker_retention_apply(struct dh_broker *broker);

#endif
