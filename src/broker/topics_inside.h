// SPDX-License-Identifier: MIT
/*
 * What the files of topics.h share, and nobody else includes:
 *
 *     topics.c          the table, one topic, look-ups
 *     topics_open.c     replay, adoption
 *     topics_changes.c  create, delete, grow, settings
 *     topics_leaders.c  who leads
 */
#ifndef DH_BROKER_TOPICS_INSIDE_H
#define DH_BROKER_TOPICS_INSIDE_H

#include "base/map.h"
#include "broker/metadata_log.h"
#include "broker/topics.h"

struct dh_broker_topics {
    struct dh_broker_topic **items; // owned; in order of name
    size_t count;
    size_t capacity;
    struct dh_map by_id;
    struct dh_broker_metadata_log metadata;
    struct dh_list saves; // dh_broker_request.link, of saves.h
};

// Returns 0 or DOHLE_ERR_NO_MEMORY, with nothing changed.
DH_MUST_CHECK int dh_broker_topics_insert(struct dh_broker *broker,
                                          struct dh_broker_topic *topic);
// Does not free it.
void dh_broker_topics_take_out(struct dh_broker *broker, struct dh_broker_topic *topic);

// config NULL: nothing is set. No partitions yet. NULL: no memory.
DH_MUST_CHECK struct dh_broker_topic *
dh_broker_topic_new(struct dh_broker *broker, dohle_bytes name, struct dh_uuid id,
                    const struct dh_broker_topic_config *config);
// Nobody waits for its logs. NULL is allowed.
void dh_broker_topic_free(struct dh_broker *broker, struct dh_broker_topic *topic);

// More partitions, without replicas and logs. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_broker_topic_extend(struct dh_broker *broker,
                                         struct dh_broker_topic *topic, int32_t count);

// The log is the partition's, with the topic's settings; its epoch is not below the log's.
void dh_broker_partition_attach(struct dh_broker_partition *partition,
                                struct dh_store_log *log);

// Writes the record of every topic that is_unsaved, in one batch. Returns 0 or an error.
DH_MUST_CHECK int dh_broker_topics_save(struct dh_broker *broker);

// Other modules are told here: a partition has another leader, or is new.
void dh_broker_topics_tell_leader(struct dh_broker *broker,
                                  struct dh_broker_partition *partition);
// The topic is about to go; it is still there.
void dh_broker_topics_tell_gone(struct dh_broker *broker, struct dh_broker_topic *topic);

#endif
