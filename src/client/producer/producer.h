// SPDX-License-Identifier: MIT
/*
 * The engine of a producer: everything towards the cluster, without I/O. The same
 * calls, and the same rules, as client/back/back.h; it stands on the same requests
 * and cluster.
 *
 *     in    records, commands (client/producer/messages.h), what the host reports
 *     out   actions for the host; records and commands, answered; troubles
 *
 * Modules:
 *
 *     accumulator   queues of records, batches
 *     partitioner   which partition
 *     identity      producer id and epoch
 *     sender        Produce requests
 */
#ifndef DH_CLIENT_PRODUCER_PRODUCER_H
#define DH_CLIENT_PRODUCER_PRODUCER_H

#include <stdbool.h>

#include "client/back/action.h"
#include "client/back/back.h"
#include "client/messages.h"

struct dh_producer;

// NULL: no memory. The options are the back half's.
DH_MUST_CHECK struct dh_producer *dh_producer_new(const struct dh_back_options *options);

// Drops everything, tells nobody.
void dh_producer_free(struct dh_producer *producer);

// Takes a record or a command, or a notice that comes back.
void dh_producer_input(struct dh_producer *producer, struct dh_message *message,
                       int64_t now_ns);

void dh_producer_on_resolved(struct dh_producer *producer, uint32_t connection_id,
                             const struct dh_address *addresses, size_t count, int err,
                             const char *text, int64_t now_ns);
void dh_producer_on_connected(struct dh_producer *producer, uint32_t connection_id,
                              int64_t now_ns);
void dh_producer_on_closed(struct dh_producer *producer, uint32_t connection_id, int err,
                           const char *text, int64_t now_ns);
bool dh_producer_receive_buffer(struct dh_producer *producer, uint32_t connection_id,
                                uint8_t **pointer, size_t *capacity);
void dh_producer_on_received(struct dh_producer *producer, uint32_t connection_id,
                             size_t size, int64_t now_ns);
void dh_producer_on_sent(struct dh_producer *producer, uint32_t connection_id,
                         int64_t now_ns);

// False: nothing to do now.
bool dh_producer_next_action(struct dh_producer *producer, struct dh_action *action);

// A record or command answered, or a notice; NULL: none.
struct dh_message *dh_producer_next_event(struct dh_producer *producer);

int64_t dh_producer_deadline(const struct dh_producer *producer);
void dh_producer_tick(struct dh_producer *producer, int64_t now_ns);

// True once DH_PRODUCER_CLOSE is answered and no connection is left.
bool dh_producer_is_finished(const struct dh_producer *producer);

// Frees any message of a producer. NULL is allowed.
void dh_producer_message_free(const dohle_allocator *mem, struct dh_message *message);

// The invariants; for the simulator.
void dh_producer_check(const struct dh_producer *producer);

#endif
