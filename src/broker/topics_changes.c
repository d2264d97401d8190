// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "broker/nodes.h"
#include "broker/placement.h"
#include "broker/settings.h"
#include "broker/topic_config.h"
#include "broker/topic_name.h"
#include "broker/topics_inside.h"
#include "wire/gen/broker_errors.h"

static const char subsystem[] = "topics";

#define SEGMENT_BYTES_MIN ((int64_t)1 << 20)

// What an error of ours is to a client, with text.
static int16_t refuse(struct dh_broker *broker, int err, char *text, size_t size)
{
    if (err == DOHLE_ERR_IO) {
        snprintf(text, size, "%s", broker->vfs->error_text);
        return DH_BROKER_KAFKA_STORAGE_ERROR;
    }
    snprintf(text, size, "%s", dohle_error_text(err));
    return DH_BROKER_UNKNOWN_SERVER_ERROR;
}

// ---- Checks, with Kafka's sentences (ReplicationControlManager) ----

static int16_t check_name(const struct dh_broker *broker, dohle_bytes name, char *text,
                          size_t size)
{
    if (!dh_broker_topic_name_check(name, text, size)) {
        return DH_BROKER_INVALID_TOPIC_EXCEPTION;
    }
    if (dh_broker_topics_find(broker, name) != NULL) {
        snprintf(text, size, "Topic '%.*s' already exists.", (int)name.size,
                 (const char *)name.data);
        return DH_BROKER_TOPIC_ALREADY_EXISTS;
    }
    // Names of the store's own logs would meet in one directory.
    if (dh_bytes_equal(name, DH_BYTES(DH_BROKER_METADATA_TOPIC))) {
        snprintf(text, size, "Topic name is invalid: '%s' is Dohle's own",
                 DH_BROKER_METADATA_TOPIC);
        return DH_BROKER_INVALID_TOPIC_EXCEPTION;
    }
    const struct dh_broker_topic *other = NULL;
    while ((other = dh_broker_topics_next(broker, other)) != NULL) {
        if (dh_broker_topic_names_collide(dh_bytes_of(other->name), name)) {
            snprintf(text, size, "Topic '%.*s' collides with existing topic: %s",
                     (int)name.size, (const char *)name.data, other->name);
            return DH_BROKER_INVALID_TOPIC_EXCEPTION;
        }
    }
    return 0;
}

static int16_t check_assignments(const struct dh_broker *broker,
                                 const int32_t *const *assignments, const size_t *sizes,
                                 size_t count, char *text, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        int16_t code =
            dh_broker_placement_check(broker, assignments[i], sizes[i], text, size);
        if (code != 0) {
            return code;
        }
        if (sizes[i] != sizes[0]) {
            snprintf(text, size,
                     "The manual partition assignment includes a partition with %zu "
                     "replica(s), but this is not consistent with previous partitions, "
                     "which have %zu replica(s).",
                     sizes[i], sizes[0]);
            return DH_BROKER_INVALID_REPLICA_ASSIGNMENT;
        }
    }
    return 0;
}

static int16_t check_factor(const struct dh_broker *broker, int32_t factor, char *text,
                            size_t size)
{
    size_t nodes = dh_broker_nodes_count(broker);
    if (factor < -1 || factor == 0) {
        snprintf(text, size,
                 "Replication factor must be larger than 0, or -1 to use the default "
                 "value.");
        return DH_BROKER_INVALID_REPLICATION_FACTOR;
    }
    if (factor > (int32_t)nodes) {
        snprintf(text, size,
                 "Unable to replicate the partition %" PRId32 " time(s): The target "
                 "replication factor of %" PRId32 " cannot be reached because only %zu "
                 "broker(s) are registered.",
                 factor, factor, nodes);
        return DH_BROKER_INVALID_REPLICATION_FACTOR;
    }
    return 0;
}

int16_t dh_broker_topics_check(const struct dh_broker *broker,
                               const struct dh_broker_new_topic *topic, char *text,
                               size_t size)
{
    int16_t code = check_name(broker, topic->name, text, size);
    if (code == 0 && topic->config != NULL) {
        code = dh_broker_topic_config_check(topic->config, text, size);
    }
    if (code != 0) {
        return code;
    }
    if (topic->partition_count > DH_BROKER_PARTITIONS_MAX) {
        snprintf(text, size, "Excessively large number of partitions per request.");
        return DH_BROKER_POLICY_VIOLATION;
    }
    if (topic->assignments != NULL) {
        return check_assignments(broker, topic->assignments, topic->assignment_sizes,
                                 (size_t)topic->partition_count, text, size);
    }
    code = check_factor(broker, topic->replication_factor, text, size);
    if (code == 0 && (topic->partition_count == 0 || topic->partition_count < -1)) {
        snprintf(text, size,
                 "Number of partitions was set to an invalid non-positive value.");
        code = DH_BROKER_INVALID_PARTITIONS;
    }
    return code;
}

// ---- Create ----

static void place_by_hand(const struct dh_broker *broker,
                          struct dh_broker_partition *partition, const int32_t *replicas,
                          size_t count)
{
    memcpy(partition->replicas, replicas, count * sizeof(replicas[0]));
    partition->replica_count = count;
    partition->leader = dh_broker_placement_leader(broker, partition);
}

/*
 * Where a new topic's ring begins: behind the partitions of the others, so that many small
 * topics do not all lie on the first node.
 */
static size_t ring_start(const struct dh_broker *broker)
{
    size_t start = 0;
    const struct dh_broker_topic *topic = NULL;
    while ((topic = dh_broker_topics_next(broker, topic)) != NULL) {
        start += topic->is_internal ? 0 : (size_t)topic->partition_count;
    }
    return start;
}

static size_t factor_for(const struct dh_broker *broker, int32_t wanted)
{
    int64_t factor = wanted == -1 ? broker->settings->default_replication_factor : wanted;
    int64_t nodes = (int64_t)dh_broker_nodes_count(broker);
    return (size_t)(factor < 1 ? 1 : factor > nodes ? nodes : factor);
}

// The topic with partitions and replicas, without logs. NULL: no memory.
static struct dh_broker_topic *build(struct dh_broker *broker,
                                     const struct dh_broker_new_topic *wanted)
{
    struct dh_broker_topic *topic = dh_broker_topic_new(
        broker, wanted->name, dh_broker_topics_new_id(broker), wanted->config);
    int64_t count = wanted->partition_count == -1 ? broker->settings->num_partitions
                                                  : wanted->partition_count;
    count = count > DH_BROKER_PARTITIONS_MAX ? DH_BROKER_PARTITIONS_MAX : count;
    if (topic == NULL || dh_broker_topic_extend(broker, topic, (int32_t)count) != 0) {
        dh_broker_topic_free(broker, topic);
        return NULL;
    }
    size_t start = topic->is_internal ? 0 : ring_start(broker);
    size_t factor = factor_for(broker, wanted->replication_factor);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        if (wanted->assignments != NULL) {
            place_by_hand(broker, &topic->partitions[i], wanted->assignments[i],
                          wanted->assignment_sizes[i]);
        } else {
            dh_broker_placement_spread(broker, &topic->partitions[i], start, factor);
        }
    }
    return topic;
}

static void delete_logs(struct dh_broker *broker, struct dh_broker_topic *topic,
                        int32_t from)
{
    for (int32_t i = from; i < topic->partition_count; i++) {
        struct dh_store_log *log = topic->partitions[i].log;
        topic->partitions[i].log = NULL;
        if (log != NULL && dh_store_delete_log(broker->store, log) != 0) {
            // Whoever wants the place clears it, or else the next start.
            dh_store_log_set_ctx(log, NULL);
            dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
                   "files of %s-%" PRId32 " are left: %s", topic->name, i,
                   broker->vfs->error_text);
        }
    }
}

// One log, in whose place may be what a deletion has left.
static int create_log(struct dh_broker *broker, struct dh_broker_partition *partition)
{
    const struct dh_broker_topic *topic = partition->topic;
    struct dh_store_log_config config = dh_broker_topic_config_for_log(topic->config);
    struct dh_store_log *log =
        dh_store_find_log(broker->store, topic->name, partition->number);
    int err = log == NULL ? 0 : dh_store_delete_log(broker->store, log);
    if (err == 0) {
        err = dh_store_create_log(broker->store, topic->name, partition->number,
                                  topic->id, &config, &log);
    }
    if (err == 0) {
        dh_broker_partition_attach(partition, log);
    }
    return err;
}

// Logs for the partitions from that one on: all or none.
static int create_logs(struct dh_broker *broker, struct dh_broker_topic *topic,
                       int32_t from)
{
    int err = 0;
    for (int32_t i = from; i < topic->partition_count && err == 0; i++) {
        err = create_log(broker, &topic->partitions[i]);
    }
    if (err != 0) {
        delete_logs(broker, topic, from);
    }
    return err;
}

// Writes the topic's record, and with it those that could not be written before.
static int put_record(struct dh_broker *broker, struct dh_broker_topic *topic)
{
    bool was_unsaved = topic->is_unsaved;
    topic->is_unsaved = true;
    int err = dh_broker_topics_save(broker);
    topic->is_unsaved = err != 0 && was_unsaved;
    return err;
}

int16_t dh_broker_topics_create(struct dh_broker *broker,
                                const struct dh_broker_new_topic *wanted,
                                struct dh_broker_topic **made, char *text, size_t size)
{
    int16_t code = dh_broker_topics_check(broker, wanted, text, size);
    if (code != 0) {
        return code;
    }
    struct dh_broker_topic *topic = build(broker, wanted);
    if (topic == NULL) {
        return refuse(broker, DOHLE_ERR_NO_MEMORY, text, size);
    }
    int err = dh_broker_topics_insert(broker, topic);
    if (err != 0) {
        dh_broker_topic_free(broker, topic);
        return refuse(broker, err, text, size);
    }
    /* First that there is no such topic: until its record is there, what is found of it
     * after a crash is removed. The record comes last, so it is never taken back. */
    err = dh_broker_metadata_log_delete_topic(broker, &broker->topics->metadata,
                                              &topic->id);
    if (err == 0) {
        err = create_logs(broker, topic, 0);
    }
    if (err == 0) {
        err = put_record(broker, topic);
        if (err != 0) {
            delete_logs(broker, topic, 0);
        }
    }
    if (err != 0) {
        code = refuse(broker, err, text, size);
        dh_broker_topics_take_out(broker, topic);
        dh_broker_topic_free(broker, topic);
        return code;
    }
    dh_log(broker->log, DOHLE_LOG_INFO, subsystem,
           "topic %s is made with %" PRId32 " partitions", topic->name,
           topic->partition_count);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        dh_broker_topics_tell_leader(broker, &topic->partitions[i]);
    }
    *made = topic;
    return 0;
}

struct dh_broker_topic *dh_broker_topics_offsets(struct dh_broker *broker,
                                                 int16_t *broker_code, char *text,
                                                 size_t size)
{
    static const char *const settings[][2] = {
        // As GroupCoordinatorService.groupMetadataTopicConfigs.
        {"cleanup.policy", "compact"},
        {"compression.type", "producer"},
    };
    dohle_bytes name = DH_BYTES("__consumer_offsets");
    struct dh_broker_topic *topic = dh_broker_topics_find(broker, name);
    *broker_code = 0;
    if (topic != NULL) {
        return topic;
    }
    char bytes[24];
    snprintf(bytes, sizeof(bytes), "%" PRId64,
             broker->settings->offsets_topic_segment_bytes);
    struct dh_broker_topic_config config;
    dh_broker_topic_config_init(&config, broker);
    int16_t code = 0;
    for (size_t i = 0; i < DH_COUNT_OF(settings) && code == 0; i++) {
        code = dh_broker_topic_config_set(broker, &config, dh_bytes_of(settings[i][0]),
                                          dh_bytes_of(settings[i][1]), text, size);
    }
    if (code == 0) {
        // segment.bytes takes no less than 1 MiB.
        bool is_small = broker->settings->offsets_topic_segment_bytes < SEGMENT_BYTES_MIN;
        code = dh_broker_topic_config_set(
            broker, &config,
            dh_bytes_of(is_small ? "internal.segment.bytes" : "segment.bytes"),
            dh_bytes_of(bytes), text, size);
    }
    if (code == 0) {
        int64_t factor = broker->settings->offsets_topic_replication_factor;
        struct dh_broker_new_topic wanted = {
            .name = name,
            .partition_count = (int32_t)broker->settings->offsets_topic_num_partitions,
            .replication_factor = (int32_t)factor_for(broker, (int32_t)factor),
            .config = &config,
        };
        code = dh_broker_topics_create(broker, &wanted, &topic, text, size);
    }
    dh_broker_topic_config_deinit(&config, broker);
    *broker_code = code;
    return code == 0 ? topic : NULL;
}

// ---- Delete, grow, settings ----

int16_t dh_broker_topics_delete(struct dh_broker *broker, struct dh_broker_topic *topic)
{
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    int err = dh_broker_metadata_log_delete_topic(broker, &broker->topics->metadata,
                                                  &topic->id);
    if (err != 0) {
        return refuse(broker, err, text, sizeof(text));
    }
    dh_broker_topics_tell_gone(broker, topic);
    dh_broker_topics_take_out(broker, topic);
    delete_logs(broker, topic, 0);
    dh_broker_topic_free(broker, topic);
    return 0;
}

int16_t dh_broker_topics_check_growth(const struct dh_broker *broker,
                                      const struct dh_broker_topic *topic,
                                      const struct dh_broker_growth *growth, char *text,
                                      size_t size)
{
    int32_t count = topic->partition_count;
    if (growth->count == count) {
        snprintf(text, size, "Topic already has %" PRId32 " partition(s).", count);
        return DH_BROKER_INVALID_PARTITIONS;
    }
    if (growth->count < count) {
        snprintf(text, size,
                 "The topic %s currently has %" PRId32 " partition(s); %" PRId32
                 " would not be an increase.",
                 topic->name, count, growth->count);
        return DH_BROKER_INVALID_PARTITIONS;
    }
    if (growth->count > DH_BROKER_PARTITIONS_MAX) {
        snprintf(text, size, "Excessively large number of partitions per request.");
        return DH_BROKER_POLICY_VIOLATION;
    }
    // Groups are placed by the number of its partitions: they would be lost.
    if (topic->is_internal) {
        snprintf(text, size, "The internal topic %s cannot have more partitions.",
                 topic->name);
        return DH_BROKER_INVALID_REQUEST;
    }
    if (growth->assignments == NULL) {
        return 0;
    }
    size_t added = (size_t)(growth->count - count);
    if (growth->assignment_count != added) {
        snprintf(text, size,
                 "Attempted to add %zu additional partition(s), but only %zu "
                 "assignment(s) were specified.",
                 added, growth->assignment_count);
        return DH_BROKER_INVALID_REPLICA_ASSIGNMENT;
    }
    return check_assignments(broker, growth->assignments, growth->assignment_sizes, added,
                             text, size);
}

int16_t dh_broker_topics_grow(struct dh_broker *broker, struct dh_broker_topic *topic,
                              const struct dh_broker_growth *growth, char *text,
                              size_t size)
{
    int16_t code = dh_broker_topics_check_growth(broker, topic, growth, text, size);
    if (code != 0) {
        return code;
    }
    int32_t before = topic->partition_count;
    size_t factor = topic->partitions[0].replica_count;
    // The ring goes on where it would be, had the topic been made as large at once.
    size_t start = (size_t)topic->partitions[0].replicas[0] - 1;
    int err = dh_broker_topic_extend(broker, topic, growth->count);
    if (err != 0) {
        return refuse(broker, err, text, size);
    }
    for (int32_t i = before; i < growth->count; i++) {
        struct dh_broker_partition *partition = &topic->partitions[i];
        if (growth->assignments != NULL) {
            place_by_hand(broker, partition, growth->assignments[i - before],
                          growth->assignment_sizes[i - before]);
        } else {
            dh_broker_placement_spread(broker, partition, start, factor);
        }
    }
    err = create_logs(broker, topic, before);
    if (err == 0) {
        err = put_record(broker, topic);
        if (err != 0) {
            delete_logs(broker, topic, before);
        }
    }
    if (err != 0) {
        topic->partition_count = before;
        return refuse(broker, err, text, size);
    }
    for (int32_t i = before; i < growth->count; i++) {
        dh_broker_topics_tell_leader(broker, &topic->partitions[i]);
    }
    return 0;
}

int16_t dh_broker_topics_add_partitions(struct dh_broker *broker,
                                        struct dh_broker_topic *topic, int32_t count,
                                        char *text, size_t size)
{
    const struct dh_broker_growth growth = {.count = count};
    return dh_broker_topics_grow(broker, topic, &growth, text, size);
}

int16_t dh_broker_topics_set_config(struct dh_broker *broker,
                                    struct dh_broker_topic *topic,
                                    const struct dh_broker_topic_config *config)
{
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    struct dh_broker_topic_config before = *topic->config;
    struct dh_broker_topic_config copy;
    if (dh_broker_topic_config_copy(broker, &copy, config) != 0) {
        return DH_BROKER_UNKNOWN_SERVER_ERROR;
    }
    *topic->config = copy;
    int err = put_record(broker, topic);
    if (err != 0) {
        *topic->config = before;
        dh_broker_topic_config_deinit(&copy, broker);
        return refuse(broker, err, text, sizeof(text));
    }
    dh_broker_topic_config_deinit(&before, broker);
    struct dh_store_log_config for_log = dh_broker_topic_config_for_log(topic->config);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        dh_store_log_set_config(topic->partitions[i].log, &for_log);
    }
    return 0;
}
