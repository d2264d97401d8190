// SPDX-License-Identifier: MIT
/*
 * The admin client, as far as the command needs it: topics, groups, offsets.
 *
 * Each call blocks until it has its answer, at most timeout_ms (as in
 * consumer.h: DOHLE_DEFAULT_TIMEOUT is default.api.timeout.ms). Results are
 * plain structs in a block that the caller frees with dohle_admin_result_free;
 * strings in it live as long as the block. An admin belongs to one thread at a
 * time. Items that failed alone carry their own error, and the call returns 0.
 */
#ifndef DOHLE_ADMIN_H
#define DOHLE_ADMIN_H

#include <dohle/config.h>
#include <dohle/error.h>
#include <dohle/log.h>
#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dohle_admin dohle_admin;

// Zero a whole struct, set size, fill in what is wanted.
typedef struct dohle_admin_options {
    size_t size;                      // sizeof(dohle_admin_options)
    const dohle_allocator *allocator; // copied; NULL: malloc
    const dohle_log_sink *log;        // copied; NULL: no log
} dohle_admin_options;

// As dohle_consumer_open.
DOHLE_API int dohle_admin_open(dohle_config *config, const dohle_admin_options *options,
                               dohle_admin **admin);

// Never waits. NULL is allowed.
DOHLE_API void dohle_admin_free(dohle_admin *admin);

// All about the last error that a call returned; valid until the next call.
DOHLE_API const dohle_error_info *dohle_admin_last_error(const dohle_admin *admin);

// Frees any result below. NULL is allowed. Any thread, also after the admin is freed.
DOHLE_API void dohle_admin_result_free(void *result);

// ---- Topics ----

typedef struct dohle_setting {
    const char *name;
    const char *value;
} dohle_setting;

typedef struct dohle_new_topic {
    const char *name;
    int32_t partition_count;    // -1: the broker's default
    int16_t replication_factor; // -1: the broker's default
    const dohle_setting *settings;
    size_t setting_count;
} dohle_new_topic;

// Creates one topic; returns when the brokers know it. last_error tells a refusal
// (TOPIC_ALREADY_EXISTS is broker_code 36 under BROKER).
DOHLE_API int dohle_admin_create_topic(dohle_admin *admin, const dohle_new_topic *topic,
                                       int64_t timeout_ms);

// Deletes one topic and all its records; returns when the brokers have forgotten it.
// Errors: UNKNOWN_TOPIC, ...
DOHLE_API int dohle_admin_delete_topic(dohle_admin *admin, const char *name,
                                       int64_t timeout_ms);

typedef struct dohle_partition_description {
    int32_t partition;
    int32_t leader; // node id; -1: none
    int32_t leader_epoch;
    const int32_t *replicas;
    size_t replica_count;
    const int32_t *in_sync;
    size_t in_sync_count;
} dohle_partition_description;

typedef struct dohle_topic_description {
    const char *name;
    char id[23]; // base64url; "" from brokers without topic ids
    int is_internal;
    const dohle_partition_description *partitions; // by number
    size_t partition_count;
    const dohle_setting *settings; // describe only: those not at their default
    size_t setting_count;
} dohle_topic_description;

typedef struct dohle_topics {
    const dohle_topic_description *topics; // sorted by name
    size_t count;
} dohle_topics;

// Every topic that may be described, without settings.
DOHLE_API int dohle_admin_list_topics(dohle_admin *admin, int64_t timeout_ms,
                                      dohle_topics **topics);

// One topic with its settings. Errors: UNKNOWN_TOPIC, TOPIC_AUTHORIZATION, ...
DOHLE_API int dohle_admin_describe_topic(dohle_admin *admin, const char *name,
                                         int64_t timeout_ms, dohle_topics **topics);

// ---- Offsets of a log ----

#define DOHLE_OFFSETS_END       (-1)
#define DOHLE_OFFSETS_BEGINNING (-2)

/*
 * offsets[i] names topic and partition and gets the offset at timestamps_ms[i]:
 * DOHLE_OFFSETS_END, DOHLE_OFFSETS_BEGINNING, or the first record at or after that
 * time (-1: none). One that cannot be told gets -1 and an error of its own in
 * errors[i], when errors is not NULL.
 */
DOHLE_API int dohle_admin_list_offsets(dohle_admin *admin, dohle_offset *offsets,
                                       const int64_t *timestamps_ms, int *errors,
                                       size_t count, int64_t timeout_ms);

// ---- Groups ----

typedef struct dohle_group_listing {
    const char *group_id;
    const char *state;         // "Stable", "Empty", ...; "" from old brokers
    const char *type;          // "classic", "consumer", ...; "" from old brokers
    const char *protocol_type; // "consumer" for consumer groups
    int32_t coordinator;       // node id
} dohle_group_listing;

typedef struct dohle_groups {
    const dohle_group_listing *groups; // sorted by id
    size_t count;
} dohle_groups;

// Asks every broker.
DOHLE_API int dohle_admin_list_groups(dohle_admin *admin, int64_t timeout_ms,
                                      dohle_groups **groups);

typedef struct dohle_member_description {
    const char *member_id;
    const char *instance_id; // NULL: dynamic
    const char *client_id;
    const char *host;
    const dohle_topic_partition *partitions; // sorted
    size_t partition_count;
} dohle_member_description;

typedef struct dohle_group_description {
    const char *group_id;
    const char *state;    // "Stable", "PreparingRebalance", "Empty", "Dead", ...
    const char *type;     // "classic" or "consumer"
    const char *assignor; // "range", ...; "" while there is none
    int32_t coordinator;  // node id
    const dohle_member_description *members; // sorted by id
    size_t member_count;
    const dohle_offset *offsets; // committed, sorted by topic and partition
    size_t offset_count;
} dohle_group_description;

// State, members and what they own, committed offsets. A group that does not exist
// has the state "Dead", no members and no offsets.
DOHLE_API int dohle_admin_describe_group(dohle_admin *admin, const char *group_id,
                                         int64_t timeout_ms,
                                         dohle_group_description **group);

#ifdef __cplusplus
}
#endif

#endif
