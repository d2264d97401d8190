// SPDX-License-Identifier: MIT
/*
 * Ids of idempotent producers, given once and never again.
 *
 * Ids are taken from blocks of DH_BROKER_PRODUCER_ID_BLOCK. The end of a block is
 * written to the file `producer-ids` in the data directory, and is on disk, before the
 * first id of it is given; after a crash counting goes on there. A clean stop gives
 * back nothing: there are enough. Ids that the logs know are passed over at start.
 *
 *     file     0             version
 *              1000          the next block begins here
 *
 * As in Kafka, who names an id of its own is given another one. A transactional id is
 * refused with UNSUPPORTED_VERSION, which clients take as final: transactions come later.
 * Source: TransactionCoordinator, ProducerIdManager in Apache Kafka 4.4.
 */
#ifndef DH_BROKER_PRODUCER_IDS_H
#define DH_BROKER_PRODUCER_IDS_H

#include <stdint.h>

#include "base/assert.h"
#include "broker/state.h"

#define DH_BROKER_PRODUCER_ID_BLOCK 1000

// Reads the file. Returns 0, DOHLE_ERR_NO_MEMORY, or DOHLE_ERR_IO or DOHLE_ERR_CORRUPT,
// which are logged.
DH_MUST_CHECK int dh_broker_producer_ids_new(struct dh_broker *broker);
void dh_broker_producer_ids_free(struct dh_broker *broker);

// Returns 0 with *id, or DOHLE_ERR_IO when a new block could not be written.
DH_MUST_CHECK int dh_broker_producer_ids_next(struct dh_broker *broker, int64_t *id);

#endif
