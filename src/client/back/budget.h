// SPDX-License-Identifier: MIT
/*
 * Bytes that may be buffered (fetch.buffer.bytes).
 *
 *     used = reserved + held
 *     reserved    by requests in flight: what they may bring, decompressed
 *     held        the account of live frames: responses, decompressed batches, and
 *                 whatever the application retains, on any thread
 *
 * A request reserves before it asks, with the expansion that compressed batches
 * showed lately, and gives the reservation back when its response is here: from
 * then on frames count. Decompression asks again, batch by batch. So
 *
 *     used <= bytes_max + one batch for each request in flight
 *
 * for a broker returns one batch however small the limit (CL-087), and that batch
 * passes when nothing else is held: a limit smaller than a batch slows down, but
 * never stops.
 *
 * Who was refused is told by an event: a chunk came back, a response arrived, or
 * the account's wait ended. The budget keeps no list of its own.
 */
#ifndef DH_CLIENT_BACK_BUDGET_H
#define DH_CLIENT_BACK_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"

// Expansions are counted in sixteenths and believed up to this many times.
#define DH_BUDGET_EXPANSION_ONE 16
#define DH_BUDGET_EXPANSION_MAX (64 * DH_BUDGET_EXPANSION_ONE)

struct dh_budget {
    size_t bytes_max;
    struct dh_frame_account *account; // borrowed
    size_t reserved_bytes;
    uint32_t expansion; // ONE..MAX: what a fetched byte becomes
};

void dh_budget_init(struct dh_budget *budget, size_t bytes_max,
                    struct dh_frame_account *account);

size_t dh_budget_used(const struct dh_budget *budget);
size_t dh_budget_free(const struct dh_budget *budget);

/*
 * How many bytes a request may ask for: at most `wanted`, and not less than `useful`
 * unless nothing is used. 0: not now.
 */
size_t dh_budget_offer(const struct dh_budget *budget, size_t wanted, size_t useful);

// What each of so many requests may ask for, so that all their reservations fit at once.
size_t dh_budget_share(const struct dh_budget *budget, size_t request_count);

// Reserves for a request of that size. Returns what settle must be given.
size_t dh_budget_reserve(struct dh_budget *budget, size_t request_bytes);
void dh_budget_settle(struct dh_budget *budget, size_t reserved_bytes);

// Whether `size` more bytes may be decompressed. own_bytes: of the frame they come
// from; when no more than that is held, any size passes.
bool dh_budget_admits(const struct dh_budget *budget, size_t size, size_t own_bytes);

// What a response became: fetched bytes, and all bytes that were made of them.
void dh_budget_learn(struct dh_budget *budget, size_t fetched_bytes, size_t held_bytes);

#endif
