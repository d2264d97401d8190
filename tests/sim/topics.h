// SPDX-License-Identifier: MIT
/*
 * The true log: topics with partitions that grow, as the brokers hold them.
 *
 * What a record holds follows from the seed, its place and its offset, so that it can
 * be checked wherever it turns up. Logs look as old ones do: batches of every codec,
 * gaps between batches and inside them, batches that compaction has emptied, and
 * control batches. Nothing is ever cut off, and the log starts at 0.
 *
 * A place is a partition as a number: topic * SIM_PARTITIONS_MAX + partition.
 */
#ifndef DH_TESTS_SIM_TOPICS_H
#define DH_TESTS_SIM_TOPICS_H

#include <dohle/record.h>
#include <dohle/types.h>

#include "base/buf.h"
#include "history.h"
#include "record/codec.h"
#include "scheduler.h"
#include "wire/uuid.h"

#define SIM_TOPICS_MAX     3
#define SIM_PARTITIONS_MAX 8
#define SIM_EPOCHS_MAX     64

_Static_assert(SIM_TOPICS_MAX *SIM_PARTITIONS_MAX <= SIM_PLACES_MAX, "places");

struct sim_batch {
    int64_t offset;
    int64_t last_offset;
    size_t at; // in the log's bytes
};

struct sim_partition {
    struct dh_buf bytes; // batches back to back
    struct sim_batch *batches;
    size_t batch_count;
    size_t batch_capacity;
    int64_t end;          // the next offset
    int64_t last_visible; // -1: none
    int leader;
    int32_t leader_epoch;
    int64_t epoch_start[SIM_EPOCHS_MAX]; // first offset of each epoch
};

struct sim_topic {
    const char *name;
    struct dh_uuid id;
    int partition_count;
    struct sim_partition partitions[SIM_PARTITIONS_MAX];
};

struct sim_topics {
    struct sim_scheduler *scheduler;
    struct sim_history *history;
    uint64_t seed;
    struct dh_codec_context codecs;
    struct sim_topic topics[SIM_TOPICS_MAX];
    int count;
};

void sim_topics_init(struct sim_topics *topics, struct sim_scheduler *scheduler,
                     struct sim_history *history, uint64_t seed);
void sim_topics_deinit(struct sim_topics *topics);

// Returns its index. name: static.
int sim_topics_add(struct sim_topics *topics, const char *name, int partition_count,
                   int node_count);

static inline int sim_place(int topic, int partition)
{
    return topic * SIM_PARTITIONS_MAX + partition;
}

// NULL: there is no such place.
struct sim_partition *sim_topics_partition(struct sim_topics *topics, int place);
// -1: there is no such topic, or no such partition.
int sim_topics_place(const struct sim_topics *topics, dohle_bytes name,
                     int32_t partition);
struct sim_topic *sim_topics_find(struct sim_topics *topics, dohle_bytes name,
                                  const struct dh_uuid *id);
const char *sim_topics_name(const struct sim_topics *topics, int place);

// Appends a batch of some kind. The last one of a place should hold records.
void sim_topics_append(struct sim_topics *topics, int place, bool must_hold_records);

void sim_topics_move_leader(struct sim_topics *topics, int place, int node);

// The batches from the one that holds the offset on; at most so many bytes, the last one
// perhaps cut off. A first batch that is too large comes all the same if
// `is_first_whole`, else nothing does (KIP-74). Valid until the next append.
dohle_bytes sim_partition_read(const struct sim_partition *partition, int64_t offset,
                               size_t bytes_max, bool is_first_whole);

// Whether key, value and timestamp are what was appended.
bool sim_topics_is_intact(const struct sim_topics *topics, int place,
                          const dohle_record *record);

#endif
