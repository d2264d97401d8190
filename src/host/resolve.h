// SPDX-License-Identifier: MIT
/*
 * Names to addresses, by c-ares on the host's loop: no thread, and no call
 * that waits, so a question can be dropped at any time and a silent name
 * server delays nobody.
 *
 * Addresses in figures need no question; the system's hosts file comes first;
 * "localhost" is always this machine. A report always comes from run_once,
 * never out of dh_resolve itself.
 *
 * Each question has its own c-ares channel. That reads the resolver's settings
 * anew each time, so that they follow the machine from network to network, and
 * c-ares can only cancel all questions of a channel.
 *
 * Bound: DH_ADDRESSES_MAX addresses of one name are reported.
 */
#ifndef DH_HOST_RESOLVE_H
#define DH_HOST_RESOLVE_H

#include <dohle/types.h>

#include "host/address.h"
#include "host/host.h"

#define DH_ADDRESSES_MAX 32

struct dh_resolution;

/*
 * err 0: count is at least 1, IPv4 before IPv6 as Java has it, each kind in the
 * order of preference. Otherwise DOHLE_ERR_RESOLVE, or DOHLE_ERR_NO_MEMORY, with
 * one sentence in text. All pointers are valid during the call; the resolution
 * is gone when it returns.
 */
typedef void (*dh_resolved)(void *ctx, struct dh_resolution *resolution,
                            const struct dh_address *addresses, size_t count, int err,
                            const char *text);

/*
 * Asks for the addresses of name; port is copied into each. name is copied.
 * There is no time-out besides the name servers' own: the owner cancels.
 * Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_resolve(struct dh_host *host, const char *name, uint16_t port,
                             dh_resolved resolved, void *ctx,
                             struct dh_resolution **resolution);

// Drops the question at once; nothing is reported.
void dh_resolve_cancel(struct dh_resolution *resolution);

#endif
