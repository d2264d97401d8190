// SPDX-License-Identifier: MIT
/*
 * What is true: topics with partitions that grow, and what groups have committed. The
 * scripted brokers keep their logs here; of a real broker the observer writes down here
 * what it has seen in the broker's own logs.
 *
 * What a record holds follows from the seed, its place and its number, so that it can be
 * checked wherever it turns up; its key says both. Numbers rise in a place and none is
 * used twice. Logs look as old ones do: batches of every codec, gaps between batches and
 * inside them, batches that compaction has emptied, and control batches. Nothing is ever
 * cut off, and the log starts at 0.
 *
 * A place is a partition as a number: topic * SIM_PARTITIONS_MAX + partition. A group is
 * a number, too: "group-N".
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

#define SIM_TOPICS_MAX      3
#define SIM_PARTITIONS_MAX  8
#define SIM_EPOCHS_MAX      64
#define SIM_VALUE_BYTES_MAX 6000
// The time of record 0 of each place; each later one is 10 ms younger.
#define SIM_TIME_MS    INT64_C(1700000000000)
#define SIM_GROUPS_MAX (SIM_MEMBERS_MAX + 1)

_Static_assert(SIM_TOPICS_MAX *SIM_PARTITIONS_MAX <= SIM_PLACES_MAX, "places");

struct sim_batch {
    int64_t offset;
    int64_t last_offset;
    size_t at; // in the log's bytes
};

// A record that a consumer must see.
struct sim_record {
    int64_t offset;
    int64_t number;
};

struct sim_partition {
    struct sim_record *records; // owned; in order of offset
    size_t record_count;
    size_t record_capacity;
    size_t record_checked; // of a log that is read anew: as before up to here
    int64_t number_next;
    int64_t end;          // the next offset; of a real broker: the high watermark
    int64_t last_visible; // -1: none
    // Of the scripted brokers.
    struct dh_buf bytes; // batches back to back
    struct sim_batch *batches;
    size_t batch_count;
    size_t batch_capacity;
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
    char key[40];
    uint8_t value[SIM_VALUE_BYTES_MAX];
    int64_t committed[SIM_GROUPS_MAX][SIM_PLACES_MAX]; // -1: nothing
    uint64_t commits;                                  // of all groups and places
    char group_ids[SIM_GROUPS_MAX][16];
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

// The number of a group; -1: none of ours.
int sim_topics_group(const struct sim_topics *topics, dohle_bytes id);
// The coordinator has stored it. Tells the history.
void sim_topics_commit(struct sim_topics *topics, int group, int place, int64_t offset);

// Tells the history of offsets first..end-1 in which nothing is to be seen; none: nothing.
void sim_topics_add_gap(struct sim_topics *topics, int place, int64_t first, int64_t end);
// The same of the record at `offset`, which a consumer must see.
void sim_topics_add_record(struct sim_topics *topics, int place, int64_t offset,
                           int64_t number);

// Writes a batch of some kind whose offsets begin at 0, with numbers of their own; the last
// one of a place should hold records.
void sim_topics_write_batch(struct sim_topics *topics, int place, bool must_hold_records,
                            struct dh_buf *out);

// What a record holds, in memory that is valid until the next call.
struct sim_content {
    dohle_bytes key;
    dohle_bytes value;
    int64_t timestamp_ms;
};

struct sim_content sim_topics_content(struct sim_topics *topics, int place,
                                      int64_t number);
// From its key; -1: this is none of the place's records, or not as it was sent.
int64_t sim_topics_number(struct sim_topics *topics, int place,
                          const dohle_record *record);

// ---- The scripted brokers' ----

// Appends a batch of some kind. The last one of a place should hold records.
void sim_topics_append(struct sim_topics *topics, int place, bool must_hold_records);

void sim_topics_move_leader(struct sim_topics *topics, int place, int node);

// The batches from the one that holds the offset on; at most so many bytes, the last one
// perhaps cut off. A first batch that is too large comes all the same if
// `is_first_whole`, else nothing does (KIP-74). Valid until the next append.
dohle_bytes sim_partition_read(const struct sim_partition *partition, int64_t offset,
                               size_t bytes_max, bool is_first_whole);

// ---- For the applications ----

// Whether key, value and timestamp are what was appended at its offset.
bool sim_topics_is_intact(struct sim_topics *topics, int place,
                          const dohle_record *record);

#endif
