// SPDX-License-Identifier: MIT
/*
 * Which node coordinates our group (FindCoordinator).
 *
 * Asked for when first wanted, and again after somebody's reply said that the
 * node is not it (any more). Who waits for it is told through on_coordinator of
 * the back half's dispatcher. Errors that retrying cannot mend
 * (GROUP_AUTHORIZATION_FAILED) become an error notice, and waiters are told.
 */
#ifndef DH_CLIENT_BACK_COORDINATOR_LINK_H
#define DH_CLIENT_BACK_COORDINATOR_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/error.h>

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

#endif
