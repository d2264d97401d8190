// SPDX-License-Identifier: MIT
/*
 * Which topics the group's member wants: names, or a pattern and what it matches.
 *
 * A subscription keeps the cluster interested in its topics (in all, with a pattern).
 * A pattern is looked at again after each metadata update: it stands for the
 * topics without an error whose whole name matches, internal ones left out
 * if exclude.internal.topics says so.
 *
 * `names` is sorted, without duplicates, and valid until the next set, refresh or
 * clear.
 */
#ifndef DH_CLIENT_BACK_SUBSCRIPTION_H
#define DH_CLIENT_BACK_SUBSCRIPTION_H

#include <stdbool.h>

#include <dohle/log.h>
#include <dohle/types.h>

#include "base/assert.h"
#include "client/back/cluster.h"
#include "client/messages.h"

struct dh_pattern;

// Names in memory of their own.
struct dh_names {
    char **items; // owned, as the strings are; NULL when count is 0
    size_t count;
};

struct dh_subscription {
    const dohle_allocator *mem;
    const dohle_log_sink *log;
    struct dh_cluster *cluster;
    bool is_internal_excluded;
    bool is_set;
    struct dh_pattern *pattern; // NULL: names
    char *pattern_text;         // NULL: names
    struct dh_names names;
};

void dh_subscription_init(struct dh_subscription *subscription,
                          const dohle_allocator *mem, const dohle_log_sink *log,
                          struct dh_cluster *cluster, bool is_internal_excluded);
void dh_subscription_deinit(struct dh_subscription *subscription);

/*
 * Replaces what was subscribed. *is_changed: the same as before, or not; a new
 * pattern has no names until it is refreshed. Copies. Returns 0, or with nothing
 * changed: DOHLE_ERR_NO_MEMORY, DOHLE_ERR_INVALID_ARGUMENT (the pattern),
 * DOHLE_ERR_TOO_LARGE.
 */
DH_MUST_CHECK int dh_subscription_set(struct dh_subscription *subscription,
                                      const struct dh_command_subscribe *command,
                                      bool *is_changed, int64_t now_ns);

// Forgets everything, and the interest in it.
void dh_subscription_clear(struct dh_subscription *subscription, int64_t now_ns);

// Matches the pattern with what the cluster knows now. Nothing happens with names.
// Returns 0, or DOHLE_ERR_NO_MEMORY with nothing changed.
DH_MUST_CHECK int dh_subscription_refresh(struct dh_subscription *subscription,
                                          bool *is_changed);

// Named, or matched by the pattern whether the cluster knows it or not. Without memory
// to find out: yes, for whoever asks has been given the topic.
bool dh_subscription_has(const struct dh_subscription *subscription, dohle_bytes topic);

// ---- Names ----

// Copies count views. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_names_copy(struct dh_names *names, const dohle_allocator *mem,
                                const dohle_bytes *views, size_t count);
void dh_names_free(struct dh_names *names, const dohle_allocator *mem);

#endif
