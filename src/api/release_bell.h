// SPDX-License-Identifier: MIT
/*
 * What records retained by the application ring when they are released while the
 * consumer waits for their room. On any thread, and past the end of the consumer:
 *
 *     consumer     new, silence      rings the I/O client from then until then
 *     retained     hold, drop        one hold each
 *
 * Shared between threads: the count, and the client behind the lock. The lock is taken
 * only to ring, which is rare, and once to silence: who rings has the client alive.
 */
#ifndef DH_API_RELEASE_BELL_H
#define DH_API_RELEASE_BELL_H

#include <dohle/types.h>

#include "base/assert.h"

struct dh_io_client;
struct dh_release_bell;

// Borrows the client until it is silenced. NULL: no memory. One holder.
DH_MUST_CHECK struct dh_release_bell *dh_release_bell_new(const dohle_allocator *mem,
                                                          struct dh_io_client *client);

// The client is about to go: from now on ringing does nothing. Drops the maker's hold.
// NULL is allowed.
void dh_release_bell_silence(struct dh_release_bell *bell);

// Any thread, that already has a hold or is the maker.
void dh_release_bell_hold(struct dh_release_bell *bell);

// Any thread.
void dh_release_bell_drop(struct dh_release_bell *bell);

// Any thread with a hold: gives the engine a turn to see what was released.
void dh_release_bell_ring(struct dh_release_bell *bell);

#endif
