// SPDX-License-Identifier: MIT
/*
 * Who the producer is to the brokers: the id and epoch that make it idempotent
 * (KIP-98, KIP-360).
 *
 *     NONE ----> ASKING ----> KNOWN ----> bump: epoch + 1, still KNOWN
 *     want         |            |           (epoch used up: ASKING again)
 *                  +-> REFUSED  a fatal error: the producer is of no use any more
 *
 * The broker counts sequence numbers for each partition under an id and epoch. A
 * new epoch starts them at 0 again, which is what a producer does when it cannot
 * know whether a batch was written. Each partition changes over by itself, once
 * nothing of it is in flight (client/producer/accumulator.h).
 *
 * Without enable.idempotence the state is KNOWN from the start, with id -1.
 *
 * Source: TransactionManager in Apache Kafka 4.4.
 */
#ifndef DH_CLIENT_PRODUCER_IDENTITY_H
#define DH_CLIENT_PRODUCER_IDENTITY_H

#include <stdbool.h>

#include "client/back/context.h"
#include "client/back/requests.h"

enum dh_identity_state {
    DH_IDENTITY_NONE,    // nobody has asked for it
    DH_IDENTITY_ASKING,  // InitProducerId is out, or waits for its back-off
    DH_IDENTITY_KNOWN,   // batches can be stamped
    DH_IDENTITY_REFUSED, // for ever: see err and broker_code
};

struct dh_identity {
    struct dh_back_context context;
    enum dh_identity_state state;
    int64_t producer_id;    // -1: none
    int16_t producer_epoch; // -1: none
    int err;                // REFUSED
    int16_t broker_code;    // REFUSED
    struct dh_op op;
    // ASKING -> KNOWN or REFUSED.
    void (*on_settled)(void *ctx, int64_t now_ns);
    void *ctx;
};

// Returns 0 or DOHLE_ERR_NO_MEMORY, after which no deinit is needed.
DH_MUST_CHECK int dh_identity_init(struct dh_identity *identity,
                                   const struct dh_back_context *context,
                                   void (*on_settled)(void *ctx, int64_t now_ns),
                                   void *ctx);
void dh_identity_deinit(struct dh_identity *identity);

// Asks for an id if there is none. True: KNOWN.
bool dh_identity_want(struct dh_identity *identity, int64_t now_ns);

// The sequence numbers of some partition cannot be known any more: starts a new epoch.
// Nothing happens unless the partition was stamped under the present one.
void dh_identity_bump(struct dh_identity *identity, int64_t producer_id,
                      int16_t producer_epoch, int64_t now_ns);

// Asks nothing more.
void dh_identity_close(struct dh_identity *identity);

#endif
