// SPDX-License-Identifier: MIT
/*
 * Which node coordinates our group (FindCoordinator).
 *
 * Asked for when first wanted, and again after somebody's reply said that the
 * node is not it (any more). Who waits for it is told through on_coordinator of
 * the back half's dispatcher. Errors that retrying cannot mend
 * (GROUP_AUTHORIZATION_FAILED) become an error notice, and waiters are told with
 * DH_NODE_NONE; as long as somebody wants the coordinator it is looked up again all
 * the same, for access may be granted.
 *
 * Look-ups are at least a back-off apart, which grows while what they find is lost
 * again at once (L7).
 *
 * Source: KIP-699 for many keys at once; AbstractCoordinator in Apache Kafka 4.4.
 */
#ifndef DH_CLIENT_BACK_COORDINATOR_LINK_H
#define DH_CLIENT_BACK_COORDINATOR_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/error.h>

#include "base/assert.h"

struct dh_back_context;
struct dh_coordinator_link;

// The node id, or DH_NODE_NONE: look-up started, on_coordinator follows.
int32_t dh_coordinator_want(struct dh_coordinator_link *link, int64_t now_ns);

// The node id or DH_NODE_NONE, without starting anything.
int32_t dh_coordinator_node(const struct dh_coordinator_link *link);

/*
 * node_id did not answer or answered that it is not the coordinator: forgets it
 * if it is still the one known, and looks again when wanted.
 */
void dh_coordinator_lost(struct dh_coordinator_link *link, int32_t node_id,
                         const char *why, int64_t now_ns);

// Why the last look-up failed for good; NULL: it did not, or there was none. Valid until
// the next call.
const dohle_error_info *dh_coordinator_error(const struct dh_coordinator_link *link);

// ---- For the back half only ----

// Who is told about news: a node, or DH_NODE_NONE with dh_coordinator_error set.
struct dh_coordinator_owner {
    void (*on_coordinator)(void *ctx, int32_t node_id, int64_t now_ns);
    void *ctx;
};

// group_id is borrowed; NULL: there is no group, and nothing is ever looked up.
// NULL: no memory.
DH_MUST_CHECK struct dh_coordinator_link *
dh_coordinator_link_new(const struct dh_back_context *context, const char *group_id,
                        struct dh_coordinator_owner owner);
void dh_coordinator_link_free(struct dh_coordinator_link *link);

// Asks nothing more.
void dh_coordinator_link_close(struct dh_coordinator_link *link);

#endif
