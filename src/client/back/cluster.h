// SPDX-License-Identifier: MIT
/*
 * What is known of the cluster: brokers, topics, leaders (CL-180 to 183).
 *
 * One Metadata operation keeps it current: asked for when a topic becomes
 * interesting, when somebody's reply says that it is stale, and every
 * metadata.max.age.ms. A failed update keeps the old data. When no node has
 * answered for metadata.recovery.rebootstrap.trigger.ms, when none is left, or on
 * REBOOTSTRAP_REQUIRED, everything starts again from bootstrap.servers.
 *
 * A partition whose metadata carries an older leader epoch than the one known is
 * left as it is (CL-129), unless the topic's id has changed: then it is another
 * topic (CL-182).
 *
 * `version` counts updates that changed something; who depends on it compares.
 * Topics are found by name or id in O(1); pointers are valid until the next update.
 */
#ifndef DH_CLIENT_BACK_CLUSTER_H
#define DH_CLIENT_BACK_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "wire/uuid.h"

struct dh_back_context;
struct dh_cluster;

struct dh_cluster_partition {
    int32_t leader;       // DH_NODE_NONE: no leader now
    int32_t leader_epoch; // -1: unknown
    int32_t replica_count;
    int32_t in_sync_count;
};

struct dh_cluster_topic {
    const char *name;
    struct dh_uuid id;   // zero: the broker is too old to tell
    int16_t broker_code; // 0, or why there is nothing to know about it
    bool is_internal;
    int32_t partition_count;
    const struct dh_cluster_partition *partitions; // by number
};

// NULL: not known (yet).
const struct dh_cluster_topic *dh_cluster_topic(const struct dh_cluster *cluster,
                                                const char *name);
const struct dh_cluster_topic *dh_cluster_topic_by_id(const struct dh_cluster *cluster,
                                                      const struct dh_uuid *id);

// NULL: not known.
const struct dh_cluster_partition *dh_cluster_partition(const struct dh_cluster *cluster,
                                                        const char *topic,
                                                        int32_t partition);

/*
 * Interest in a topic is counted: metadata is asked for as long as somebody wants
 * it. Copies the name. Returns 0 or DOHLE_ERR_NO_MEMORY; asks for an update when the
 * topic is new. `want_all` (patterns, CL-180) makes updates list every topic; it is
 * counted as well.
 *
 * A wanted topic that may not be described, or whose name is not allowed, is told to
 * the application, once each time it turns out so (API-149). `want_quietly` is for
 * those who tell it themselves.
 */
DH_MUST_CHECK int dh_cluster_want(struct dh_cluster *cluster, const char *topic,
                                  int64_t now_ns);
void dh_cluster_unwant(struct dh_cluster *cluster, const char *topic);
DH_MUST_CHECK int dh_cluster_want_quietly(struct dh_cluster *cluster, const char *topic,
                                          int64_t now_ns);
void dh_cluster_unwant_quietly(struct dh_cluster *cluster, const char *topic);
void dh_cluster_want_all(struct dh_cluster *cluster, bool wanted, int64_t now_ns);

// Somebody's reply said that this is stale. Updates are at least a back-off apart.
void dh_cluster_request_update(struct dh_cluster *cluster, int64_t now_ns);

// Leader news from a fetch or produce response (KIP-951, CL-091). Older epochs are ignored.
void dh_cluster_learn_leader(struct dh_cluster *cluster, const struct dh_uuid *topic_id,
                             const char *topic, int32_t partition, int32_t leader,
                             int32_t leader_epoch, int64_t now_ns);

// Counts changes; starts at 0.
uint64_t dh_cluster_version(const struct dh_cluster *cluster);

// Counts completed updates, changed or not; starts at 0.
uint64_t dh_cluster_updates(const struct dh_cluster *cluster);

// Walks all known topics, in a fixed order. cursor starts at 0; NULL at the end.
const struct dh_cluster_topic *dh_cluster_next_topic(const struct dh_cluster *cluster,
                                                     uintptr_t *cursor);

// ---- For the back half only ----

// NULL: no memory.
DH_MUST_CHECK struct dh_cluster *dh_cluster_new(const struct dh_back_context *context,
                                                int64_t now_ns);
void dh_cluster_free(struct dh_cluster *cluster);

// Asks nothing more.
void dh_cluster_close(struct dh_cluster *cluster);

#endif
