// SPDX-License-Identifier: MIT
/*
 * What the files of groups.h share, and nobody else includes:
 *
 *     groups.c         shards: which node, loaded or not, appends
 *     group_replay.c   from a log to a coordinator
 *     group_calls.c    requests, and answers that wait for a log
 */
#ifndef DH_BROKER_GROUPS_INSIDE_H
#define DH_BROKER_GROUPS_INSIDE_H

#include "broker/alarm.h"
#include "broker/groups.h"
#include "broker/waits.h"
#include "record/batch_writer.h"

// One partition of __consumer_offsets.
struct dh_broker_shard {
    struct dh_broker *broker;
    int32_t number;
    int32_t leader_epoch; // of the coordinator, or of the last try to load it
    struct dh_coordinator *coordinator; // NULL: not loaded
    struct dh_broker_place place;       // in the partition's line: watermark, leader, end
    struct dh_broker_alarm alarm;       // the coordinator's deadline
    struct dh_list held;  // dh_broker_group_call.link, in order of their ends
    int64_t appended_end; // of the last append; 0: none since it was loaded
    uint64_t append_count;
};

struct dh_broker_groups {
    struct dh_coordinator_settings settings;
    struct dh_broker_shard **shards; // owned, by partition
    size_t shard_count;
    struct dh_batch_writer writer; // of the append under way
};

// A log that must have reached an offset.
struct dh_broker_group_need {
    struct dh_broker_group_need *next;
    struct dh_broker_shard *shard;
    uint64_t append_count; // before the call
    int64_t end;
};

// NULL: there is no __consumer_offsets yet.
struct dh_broker_topic *dh_broker_groups_topic(const struct dh_broker *broker);

// The shard of a partition, standing in its line and loaded if it can be. NULL: no memory.
struct dh_broker_shard *dh_broker_shard_of(struct dh_broker *broker,
                                           struct dh_broker_partition *partition);
// NULL: the topic or partition is gone.
struct dh_broker_partition *
dh_broker_shard_partition(const struct dh_broker_shard *shard);
// After everything that may have moved the coordinator's deadline.
void dh_broker_shard_arm(struct dh_broker_shard *shard);

// Gives the coordinator all that is in the log. Returns 0 or an error.
DH_MUST_CHECK int dh_broker_groups_replay(struct dh_broker *broker,
                                          struct dh_coordinator *coordinator,
                                          struct dh_store_log *log);

// The shard's log has moved: answers what is durable now.
void dh_broker_group_calls_proceed(struct dh_broker_shard *shard);
// It is gone: whoever waits for it gets NOT_COORDINATOR.
void dh_broker_group_calls_refuse(struct dh_broker_shard *shard);

#endif
