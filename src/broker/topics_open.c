// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "broker/epoch_floor.h"
#include "broker/placement.h"
#include "broker/topic_config.h"
#include "broker/topic_name.h"
#include "broker/topics_inside.h"

static const char subsystem[] = "topics";

// Puts the length of our log into bits of the seed that differ little otherwise.
#define ID_SHIFT 32

// What a replay keeps beside the topics.
struct replay {
    struct dh_broker *broker;
    struct dh_map
        gone; // ids of topics that were deleted: what is left of their files goes
};

static int on_topic_gone(void *ctx, const struct dh_uuid *topic_id)
{
    struct replay *replay = ctx;
    struct dh_broker_topic *topic = dh_broker_topics_find_id(replay->broker, topic_id);
    if (topic != NULL) {
        dh_broker_topics_take_out(replay->broker, topic);
        dh_broker_topic_free(replay->broker, topic);
    }
    dohle_bytes key = {topic_id->bytes, sizeof(topic_id->bytes)};
    return dh_map_put(&replay->gone, key, replay);
}

static int read_partitions(struct dh_broker *broker, struct dh_broker_topic *topic,
                           const struct dh_broker_topic_record *record)
{
    if (record->partitions.count < 1 ||
        record->partitions.count > DH_BROKER_PARTITIONS_MAX) {
        return DOHLE_ERR_CORRUPT;
    }
    int err = dh_broker_topic_extend(broker, topic, record->partitions.count);
    for (int32_t i = 0; err == 0 && i < record->partitions.count; i++) {
        const struct dh_broker_topic_record_partition *from =
            &record->partitions.items[i];
        struct dh_broker_partition *to = &topic->partitions[i];
        if (from->replicas.count < 1 || from->replicas.count > DH_BROKER_NODES_MAX) {
            return DOHLE_ERR_CORRUPT;
        }
        to->leader = from->leader;
        to->leader_epoch = from->leader_epoch;
        to->replica_count = (size_t)from->replicas.count;
        memcpy(to->replicas, from->replicas.items,
               to->replica_count * sizeof(to->replicas[0]));
    }
    return err;
}

static int read_settings(struct dh_broker *broker, struct dh_broker_topic *topic,
                         const struct dh_broker_topic_record *record)
{
    for (int32_t i = 0; i < record->settings.count; i++) {
        const struct dh_broker_topic_record_setting *setting = &record->settings.items[i];
        char text[DH_BROKER_TOPICS_TEXT_MAX];
        int16_t code = dh_broker_topic_config_set(broker, topic->config, setting->name,
                                                  setting->value, text, sizeof(text));
        if (code != 0) {
            // Of another version of Dohle: the topic is worth more than the setting.
            dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
                   "topic %s: a setting is left out: %s", topic->name, text);
        }
    }
    return 0;
}

static int on_topic(void *ctx, const struct dh_uuid *topic_id,
                    const struct dh_broker_topic_record *record)
{
    struct replay *replay = ctx;
    struct dh_broker *broker = replay->broker;
    struct dh_broker_topic *older = dh_broker_topics_find_id(broker, topic_id);
    if (older != NULL) {
        dh_broker_topics_take_out(broker, older);
        dh_broker_topic_free(broker, older);
    }
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    if (!dh_broker_topic_name_check(record->name, text, sizeof(text)) ||
        dh_broker_topics_find(broker, record->name) != NULL) {
        return DOHLE_ERR_CORRUPT; // a name is free again by a record that says so
    }
    struct dh_broker_topic *topic =
        dh_broker_topic_new(broker, record->name, *topic_id, NULL);
    if (topic == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    (void)dh_map_remove(&replay->gone, (dohle_bytes){topic_id->bytes, DH_UUID_SIZE});
    int err = read_partitions(broker, topic, record);
    if (err == 0) {
        err = read_settings(broker, topic, record);
    }
    if (err == 0) {
        err = dh_broker_topics_insert(broker, topic);
    }
    if (err != 0) {
        dh_broker_topic_free(broker, topic);
    }
    return err;
}

// ---- Logs and topics brought together ----

static bool is_ours(const char *name)
{
    // Kafka's own metadata, in a directory copied as a whole, is no topic either.
    return strcmp(name, DH_BROKER_METADATA_TOPIC) == 0 ||
           strcmp(name, "__cluster_metadata") == 0;
}

// The topic of a log that no record knows. NULL: no memory.
static struct dh_broker_topic *adopt_topic(struct dh_broker *broker,
                                           const struct dh_store_log *log)
{
    struct dh_uuid id = dh_store_log_topic_id(log);
    if (dh_uuid_is_zero(&id) || dh_broker_topics_find_id(broker, &id) != NULL) {
        id = dh_broker_topics_new_id(broker);
    }
    const char *name = dh_store_log_topic(log);
    struct dh_broker_topic *topic =
        dh_broker_topic_new(broker, dh_bytes_of(name), id, NULL);
    if (topic != NULL && dh_broker_topics_insert(broker, topic) != 0) {
        dh_broker_topic_free(broker, topic);
        topic = NULL;
    }
    if (topic != NULL) {
        topic->is_adopted = true;
        dh_log(broker->log, DOHLE_LOG_INFO, subsystem,
               "topic %s is found in the data directory", name);
    }
    return topic;
}

/*
 * What is left of a topic that was deleted, of one that was never made, or of partitions
 * that were never added. The last have our id and no records; others were put there.
 */
static bool is_remains(const struct replay *replay, const struct dh_broker_topic *topic,
                       const struct dh_store_log *log)
{
    struct dh_uuid id = dh_store_log_topic_id(log);
    if (dh_map_get(&replay->gone, (dohle_bytes){id.bytes, sizeof(id.bytes)}) != NULL) {
        return true;
    }
    return topic != NULL && dh_uuid_equal(&topic->id, &id) && !topic->is_adopted &&
           dh_store_log_partition(log) >= topic->partition_count &&
           dh_store_log_start(log) == dh_store_log_end(log);
}

static int bring_together(struct replay *replay, struct dh_store_log *log)
{
    struct dh_broker *broker = replay->broker;
    const char *name = dh_store_log_topic(log);
    int32_t number = dh_store_log_partition(log);
    if (is_ours(name) || number >= DH_BROKER_PARTITIONS_MAX) {
        return 0;
    }
    struct dh_broker_topic *topic = dh_broker_topics_find(broker, dh_bytes_of(name));
    if (is_remains(replay, topic, log)) {
        if (dh_store_delete_log(broker->store, log) != 0) {
            dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
                   "files of %s-%" PRId32 ", which is no more, are left: %s", name,
                   number, broker->vfs->error_text);
        }
        return 0;
    }
    if (topic == NULL) {
        topic = adopt_topic(broker, log);
    }
    if (topic == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (number >= topic->partition_count) {
        int32_t known = topic->partition_count;
        int err = dh_broker_topic_extend(broker, topic, number + 1);
        if (err != 0) {
            return err;
        }
        for (int32_t i = known; i <= number; i++) {
            dh_broker_placement_spread(broker, &topic->partitions[i], 0, 1);
        }
        topic->is_unsaved = true;
    }
    dh_broker_partition_attach(&topic->partitions[number], log);
    return 0;
}

static int bring_all_together(struct replay *replay)
{
    struct dh_broker *broker = replay->broker;
    struct dh_store_log *log = dh_store_next_log(broker->store, NULL);
    int err = 0;
    while (log != NULL && err == 0) {
        struct dh_store_log *next = dh_store_next_log(broker->store, log);
        err = bring_together(replay, log);
        log = next;
    }
    return err;
}

// A partition whose making was cut short gets its log.
static int make_missing_log(struct dh_broker *broker,
                            struct dh_broker_partition *partition)
{
    if (partition->log != NULL) {
        return 0;
    }
    struct dh_store_log_config config =
        dh_broker_topic_config_for_log(partition->topic->config);
    struct dh_store_log *log;
    int err = dh_store_create_log(broker->store, partition->topic->name,
                                  partition->number, partition->topic->id, &config, &log);
    if (err == 0) {
        dh_broker_partition_attach(partition, log);
    }
    return err;
}

/*
 * Changes of one partition's leader whose record may not have reached the disk at a crash: the
 * disk was slow, full or broken, and clients saw the epoch all the same. A client that has
 * seen an epoch takes none that is older, for ever.
 */
#define UNSAVED_EPOCHS_MAX 100

/*
 * All nodes are up now, and may be others than the last time. After a crash every partition
 * gets an epoch that nobody has seen: what was lost in a power failure must not look like what
 * comes in its place (KIP-101).
 */
static int put_in_order(struct dh_broker *broker, bool was_clean)
{
    struct dh_broker_topics *topics = broker->topics;
    int32_t floor = was_clean ? 0 : dh_broker_epoch_floor_read(broker);
    int32_t greatest = floor;
    for (size_t t = 0; t < topics->count; t++) {
        struct dh_broker_topic *topic = topics->items[t];
        for (int32_t p = 0; p < topic->partition_count; p++) {
            struct dh_broker_partition *partition = &topic->partitions[p];
            int err = make_missing_log(broker, partition);
            if (err != 0) {
                return err;
            }
            bool is_other = dh_broker_placement_fit(broker, partition);
            int32_t leader = dh_broker_placement_leader(broker, partition);
            is_other = is_other || leader != partition->leader || !was_clean;
            partition->leader = leader;
            if (partition->leader_epoch < floor) {
                partition->leader_epoch = floor;
            }
            partition->leader_epoch += !was_clean ? UNSAVED_EPOCHS_MAX : is_other ? 1 : 0;
            if (partition->leader_epoch > greatest) {
                greatest = partition->leader_epoch;
            }
            topic->is_unsaved = topic->is_unsaved || is_other;
        }
    }
    if (!was_clean && greatest > floor) {
        dh_broker_epoch_floor_write(broker, greatest);
    }
    return dh_broker_topics_save(broker);
}

static int open_all(struct replay *replay, bool was_clean)
{
    struct dh_broker *broker = replay->broker;
    struct dh_broker_metadata_log *metadata = &broker->topics->metadata;
    const struct dh_broker_metadata_reader reader = {
        .ctx = replay,
        .on_topic = on_topic,
        .on_topic_gone = on_topic_gone,
    };
    int err = dh_broker_metadata_log_open(broker, metadata);
    if (err == 0) {
        err = dh_broker_metadata_log_replay(broker, metadata, &reader);
    }
    if (err == 0) {
        // With the same seed as the last time the ids must be others all the same.
        broker->random.state ^= (uint64_t)dh_store_log_end(metadata->log) << ID_SHIFT;
        err = bring_all_together(replay);
    }
    return err != 0 ? err : put_in_order(broker, was_clean);
}

int dh_broker_topics_new(struct dh_broker *broker, bool was_clean, char *text,
                         size_t text_size)
{
    struct dh_broker_topics *topics = dh_mem_calloc(broker->mem, 1, sizeof(*topics));
    if (topics == NULL) {
        snprintf(text, text_size, "no memory for the topics");
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_list_init(&topics->saves);
    broker->topics = topics;
    dh_map_init(&topics->by_id, broker->mem, dh_random_next(&broker->random));
    struct replay replay = {.broker = broker};
    dh_map_init(&replay.gone, broker->mem, dh_random_next(&broker->random));
    int err = open_all(&replay, was_clean);
    dh_map_deinit(&replay.gone);
    if (err != 0) {
        snprintf(
            text, text_size,
            "the topics cannot be read from the log %s-0 in the data directory: %s%s%s",
            DH_BROKER_METADATA_TOPIC, dohle_error_text(err),
            err == DOHLE_ERR_IO ? ": " : "",
            err == DOHLE_ERR_IO ? broker->vfs->error_text : "");
    }
    return err;
}

void dh_broker_topics_free(struct dh_broker *broker)
{
    struct dh_broker_topics *topics = broker->topics;
    if (topics == NULL) {
        return;
    }
    for (size_t i = 0; i < topics->count; i++) {
        dh_broker_topic_free(broker, topics->items[i]);
    }
    dh_mem_free(broker->mem, (void *)topics->items,
                topics->capacity * sizeof(topics->items[0]));
    dh_map_deinit(&topics->by_id);
    dh_broker_metadata_log_close(&topics->metadata);
    dh_mem_free(broker->mem, topics, sizeof(*topics));
    broker->topics = NULL;
}
