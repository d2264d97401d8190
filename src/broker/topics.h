// SPDX-License-Identifier: MIT
/*
 * Topics as the cluster sees them: partitions, leaders, epochs, settings. Every change is a
 * record in a log of its own (__dohle_metadata-0 in the data directory: batches of our own schema),
 * written, then applied. A directory of a partition that no record knows, such as one copied
 * from Apache Kafka, is adopted at start.
 *
 * A topic is usable when its creation was answered: its logs are there and it has leaders.
 * Iteration is in order of name and number.
 */
#ifndef DH_BROKER_TOPICS_H
#define DH_BROKER_TOPICS_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/list.h"
#include "broker/state.h"
#include "store/store.h"
#include "wire/uuid.h"

struct dh_broker_topic_config; // topic_config.h

struct dh_broker_partition {
    struct dh_broker_topic *topic;
    int32_t number;
    int32_t leader;       // node id; -1: every replica is down
    int32_t leader_epoch; // a new one for each change of leader
    int32_t replicas[DH_BROKER_NODES_MAX];
    size_t replica_count;
    struct dh_store_log *log; // its ctx is this partition
    struct dh_list waiters;   // of waits.h: who waits for this log
};

struct dh_broker_topic {
    char *name;
    struct dh_uuid id;
    bool is_internal; // __consumer_offsets
    // Owned; they move when partitions are added: keep topic and number, not a pointer.
    struct dh_broker_partition *partitions;
    int32_t partition_count;
    size_t partition_capacity;             // of the block
    struct dh_broker_topic_config *config; // owned
    bool is_unsaved;                       // its record in the log is older than it
    bool is_adopted;                       // at start no record knew it
};

// A topic's, and one request's: as in Kafka.
#define DH_BROKER_PARTITIONS_MAX 10000
// Of the longest text that the functions below give.
#define DH_BROKER_TOPICS_TEXT_MAX 640

// Opens our metadata log, replays it, adopts what it does not know. Returns 0 or an error with
// text.
DH_MUST_CHECK int dh_broker_topics_new(struct dh_broker *broker, bool was_clean,
                                       char *text, size_t text_size);
// The logs are the store's, which goes later. Nobody waits for them any more.
void dh_broker_topics_free(struct dh_broker *broker);

// A random id, as Kafka makes them: for topics and for the cluster.
struct dh_uuid dh_broker_topics_new_id(struct dh_broker *broker);

// NULL: there is none.
struct dh_broker_topic *dh_broker_topics_find(const struct dh_broker *broker,
                                              dohle_bytes name);
struct dh_broker_topic *dh_broker_topics_find_id(const struct dh_broker *broker,
                                                 const struct dh_uuid *id);
// In order of name; `after` NULL: the first.
struct dh_broker_topic *dh_broker_topics_next(const struct dh_broker *broker,
                                              const struct dh_broker_topic *after);

// NULL with *broker_code when the topic or partition is unknown, this node does not lead it, or
// the client's epoch (-1: none) is old or new: what every data request asks first.
struct dh_broker_partition *dh_broker_topics_led(const struct dh_broker *broker,
                                                 struct dh_broker_topic *topic,
                                                 int32_t number, int32_t node_id,
                                                 int32_t client_epoch,
                                                 int16_t *broker_code);

struct dh_broker_new_topic {
    dohle_bytes name;
    int32_t partition_count;    // -1: num.partitions
    int32_t replication_factor; // -1: default.replication.factor, at most the nodes
    // By hand: replicas of each partition; NULL: round robin over the nodes.
    const int32_t *const *assignments;
    const size_t *assignment_sizes;
    const struct dh_broker_topic_config *config; // copied; NULL: defaults
};

// All return 0 or a broker code, with text (size bytes) for the answer.
int16_t dh_broker_topics_create(struct dh_broker *broker,
                                const struct dh_broker_new_topic *topic,
                                struct dh_broker_topic **made, char *text, size_t size);
// What `create` would say, without doing it.
int16_t dh_broker_topics_check(const struct dh_broker *broker,
                               const struct dh_broker_new_topic *topic, char *text,
                               size_t size);
int16_t dh_broker_topics_delete(struct dh_broker *broker, struct dh_broker_topic *topic);
int16_t dh_broker_topics_add_partitions(struct dh_broker *broker,
                                        struct dh_broker_topic *topic, int32_t count,
                                        char *text, size_t size);

// Replicas of the partitions to be added, by hand.
struct dh_broker_growth {
    int32_t count; // of all partitions afterwards
    const int32_t *const
        *assignments; // of the new ones; NULL: round robin over the nodes
    const size_t *assignment_sizes;
    size_t assignment_count;
};

int16_t dh_broker_topics_grow(struct dh_broker *broker, struct dh_broker_topic *topic,
                              const struct dh_broker_growth *growth, char *text,
                              size_t size);
// What `grow` would say, without doing it.
int16_t dh_broker_topics_check_growth(const struct dh_broker *broker,
                                      const struct dh_broker_topic *topic,
                                      const struct dh_broker_growth *growth, char *text,
                                      size_t size);
int16_t dh_broker_topics_set_config(struct dh_broker *broker,
                                    struct dh_broker_topic *topic,
                                    const struct dh_broker_topic_config *config);
// A new leader of that partition (one of its replicas, which is up), and a new epoch.
int16_t dh_broker_topics_move_leader(struct dh_broker *broker,
                                     struct dh_broker_partition *partition,
                                     int32_t node_id);
// A node went down or came up: what it led goes elsewhere; what has no leader gets one.
void dh_broker_topics_on_node(struct dh_broker *broker, int32_t node_id, bool is_up);

/*
 * __consumer_offsets, made when it is first needed, with Kafka's settings. NULL with the code and
 * text: it cannot be made.
 */
struct dh_broker_topic *dh_broker_topics_offsets(struct dh_broker *broker,
                                                 int16_t *broker_code, char *text,
                                                 size_t size);

// Writes what could not be written before, if it can be now: before a clean stop.
void dh_broker_topics_save_or_say(struct dh_broker *broker);

void dh_broker_topics_check_invariants(const struct dh_broker *broker);

#endif
