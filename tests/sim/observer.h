// SPDX-License-Identifier: MIT
/*
 * The observer: reads the logs of a real broker through its store, behind the back of all
 * protocols, and writes into topics.h and the history what has become visible.
 *
 *     logs of topics       up to the high watermark: batches, as records and gaps
 *     __consumer_offsets   up to the high watermark: commits of our groups
 *
 * What was visible once stays. After each start of the broker every log is read anew, and
 * the history is told how far it is as before (SIM_KEPT).
 */
#ifndef DH_TESTS_SIM_OBSERVER_H
#define DH_TESTS_SIM_OBSERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "record/codec.h"
#include "store/store.h"
#include "topics.h"

#define SIM_OFFSETS_PARTITIONS_MAX 4

struct sim_observer {
    struct sim_scheduler *scheduler;
    struct sim_topics *topics;
    struct sim_history *history;
    struct dh_store *store; // NULL: the broker is down
    struct dh_store_log *logs[SIM_PLACES_MAX];
    struct dh_store_log *offsets[SIM_OFFSETS_PARTITIONS_MAX]; // NULL: not there yet
    int64_t offsets_seen[SIM_OFFSETS_PARTITIONS_MAX];
    struct dh_codec_context codecs;
    struct dh_arena arena;
    struct dh_buf bytes;
    // For the test of the shrinker, a planted bug: it hides one record when the broker has
    // been started again so often; 0: never.
    uint64_t lies_after;
    uint64_t opens;
};

void sim_observer_init(struct sim_observer *observer, struct sim_scheduler *scheduler,
                       struct sim_topics *topics);
void sim_observer_deinit(struct sim_observer *observer);

// The broker has started: all topics are there. NULL: it is gone.
void sim_observer_open(struct sim_observer *observer, struct dh_store *store);

// Whether all that was appended is visible, and was seen.
bool sim_observer_has_seen_all(const struct sim_observer *observer);

// Looks at every log whose high watermark has moved.
void sim_observer_look(struct sim_observer *observer);

#endif
