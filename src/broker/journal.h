// SPDX-License-Identifier: MIT
/*
 * The last requests with their answers, in a ring: what a failed test prints.
 *
 *     serial=17 ms=1204 node=1 connection=3 peer=127.0.0.1 client=rdkafka api=Fetch
 *     version=12 correlation=5 about=orders-2+1 answer=NOT_LEADER_OR_FOLLOWER us=310
 *
 * `ms` is our clock since the start, `us` how long the answer took by it; `about` the first topic,
 * partition or group that the request names, and how many more; `answer` the codes found in the
 * answer, "ok", "waiting", "none" (nothing was to be sent), or what a fault did. No contents:
 * neither records, nor metadata, nor keys.
 *
 * Bounds: DH_BROKER_JOURNAL_MAX entries of fixed size.
 */
#ifndef DH_BROKER_JOURNAL_H
#define DH_BROKER_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"
#include "broker/request.h"
#include "broker/state.h"

#define DH_BROKER_JOURNAL_MAX 256

DH_MUST_CHECK int dh_broker_journal_new(struct dh_broker *broker);
void dh_broker_journal_free(struct dh_broker *broker);

// A request was decoded. Gives it its serial number.
void dh_broker_journal_arrived(struct dh_broker_request *request);
// Its answer, the struct of the API; NULL: none is sent (acks=0).
void dh_broker_journal_answered(struct dh_broker_request *request, const void *response);
// It ends in another way: "closed", "drop", "garble". Static text.
void dh_broker_journal_ended(struct dh_broker_request *request, const char *how);

// Appends the last `count`, the oldest first, a line each.
void dh_broker_journal_print(const struct dh_broker *broker, size_t count,
                             struct dh_buf *out);

// The serial number of the last request that arrived; 0: none did.
uint64_t dh_broker_journal_last(const struct dh_broker *broker);

struct dh_broker_journal_filter {
    int16_t api;        // -1: any
    int32_t node;       // 0: any
    dohle_bytes client; // null: any
    uint64_t since;     // those with a greater serial number
};

// How many were answered. What the ring has forgotten counts only when nothing but `api` is
// asked for and since is 0.
uint64_t dh_broker_journal_count(const struct dh_broker *broker,
                                 const struct dh_broker_journal_filter *filter);

// Whether it is about that request.
bool dh_broker_journal_is_about(const struct dh_broker_journal_filter *filter,
                                const struct dh_broker_request *request);

#endif
