// SPDX-License-Identifier: MIT
#include "broker/groups.h"

#include <inttypes.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "broker/conditions.h"
#include "broker/groups_inside.h"
#include "broker/settings.h"
#include "record/batch_writer.h"
#include "wire/gen/broker_errors.h"

static const char subsystem[] = "groups";

// No leader has it: nothing was loaded yet.
#define EPOCH_NONE (-1)

// ---- Where groups are ----

// Appends the UTF-16 units of one code point to the hash.
static uint32_t hash_unit(uint32_t hash, uint32_t code_point)
{
    if (code_point < 0x10000) {
        return hash * 31 + code_point;
    }
    code_point -= 0x10000;
    hash = hash * 31 + (0xd800 + (code_point >> 10));
    return hash * 31 + (0xdc00 + (code_point & 0x3ff));
}

// How many bytes the character takes, by its first; 0: none begins so.
static size_t character_size(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first < 0xe0) {
        return 2;
    }
    if (first >= 0xe0 && first < 0xf0) {
        return 3;
    }
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

// The code point at *at, which moves on. What is malformed becomes U+FFFD, as in Java.
static uint32_t next_code_point(dohle_bytes text, size_t *at)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint8_t first = text.data[*at];
    size_t size = character_size(first);
    if (size == 0 || size > text.size - *at) {
        (*at)++;
        return 0xfffd;
    }
    uint32_t code_point = first & masks[size];
    for (size_t i = 1; i < size; i++) {
        uint8_t byte = text.data[*at + i];
        if ((byte & 0xc0) != 0x80) {
            *at += i;
            return 0xfffd;
        }
        code_point = code_point << 6 | (byte & 0x3f);
    }
    *at += size;
    return code_point;
}

int32_t dh_broker_groups_partition(dohle_bytes group, int32_t count)
{
    uint32_t hash = 0;
    size_t at = 0;
    while (at < group.size) {
        hash = hash_unit(hash, next_code_point(group, &at));
    }
    // Utils.abs: the least int has no absolute value and becomes 0.
    uint32_t absolute = hash == UINT32_C(0x80000000)  ? 0
                        : hash < UINT32_C(0x80000000) ? hash
                                                      : 0U - hash;
    return (int32_t)(absolute % (uint32_t)count);
}

struct dh_broker_topic *dh_broker_groups_topic(const struct dh_broker *broker)
{
    return dh_broker_topics_find(broker, DH_BYTES(DH_BROKER_OFFSETS_TOPIC));
}

// NULL: the topic or partition is gone.
struct dh_broker_partition *dh_broker_shard_partition(const struct dh_broker_shard *shard)
{
    struct dh_broker_topic *topic = dh_broker_groups_topic(shard->broker);
    if (topic == NULL || shard->number >= topic->partition_count) {
        return NULL;
    }
    return &topic->partitions[shard->number];
}

// ---- What a coordinator asks of us ----

static int write_batch(struct dh_broker *broker,
                       const struct dh_coordinator_record *records, size_t count,
                       dohle_bytes *batch)
{
    struct dh_batch_writer *writer = &broker->groups->writer;
    dh_batch_writer_reset(writer);
    for (size_t i = 0; i < count; i++) {
        struct dh_record_input input = {.timestamp_ms = broker->clock.wall_ms,
                                        .key = records[i].key,
                                        .value = records[i].value};
        int err = dh_batch_writer_append(writer, &input);
        if (err != 0) {
            return err;
        }
    }
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    return dh_batch_writer_finish(writer, NULL, NULL, 0, &stamp, batch);
}

// GC-005.
static int16_t code_of_append(const struct dh_broker_partition *partition, int err)
{
    if (err == DOHLE_ERR_TOO_LARGE) {
        return DH_BROKER_UNKNOWN_SERVER_ERROR;
    }
    return dh_store_log_is_offline(partition->log) ? DH_BROKER_NOT_COORDINATOR
                                                   : DH_BROKER_COORDINATOR_NOT_AVAILABLE;
}

static int16_t append(void *ctx, const struct dh_coordinator_record *records,
                      size_t count)
{
    struct dh_broker_shard *shard = ctx;
    struct dh_broker *broker = shard->broker;
    struct dh_broker_partition *partition = dh_broker_shard_partition(shard);
    if (partition == NULL || partition->leader_epoch != shard->leader_epoch) {
        return DH_BROKER_NOT_COORDINATOR;
    }
    dohle_bytes batch;
    struct dh_store_appended appended = {0};
    int err = write_batch(broker, records, count, &batch);
    if (err == 0) {
        // Uncompressed, a batch lies in the writer's own buffer.
        uint8_t *bytes = broker->groups->writer.plain.data;
        DH_ASSERT(batch.data == bytes);
        err = dh_store_log_append(partition->log, bytes, batch.size, shard->leader_epoch,
                                  broker->clock.wall_ms, &appended);
    }
    if (err != 0 || appended.broker_code != 0) {
        int16_t code = code_of_append(partition, err);
        dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
               "%s-%" PRId32 ": cannot append: %s", DH_BROKER_OFFSETS_TOPIC,
               shard->number, dohle_error_text(err));
        return code;
    }
    shard->appended_end = appended.end_offset;
    shard->append_count++;
    return 0;
}

static void answer_caller(void *ctx, struct dh_coordinator_caller *caller,
                          const void *response)
{
    (void)ctx;
    struct dh_broker_group_call *call =
        DH_CONTAINER_OF(caller, struct dh_broker_group_call, caller);
    caller->parked = NULL;
    dh_broker_group_call_answer(call, response);
}

static void on_group_changed(void *ctx, const char *group_id)
{
    const struct dh_broker_shard *shard = ctx;
    (void)group_id;
    dh_broker_changed(shard->broker, DH_BROKER_CHANGE_GROUP);
}

// ---- Loading ----

// After everything that may have moved the coordinator's deadline.
void dh_broker_shard_arm(struct dh_broker_shard *shard)
{
    dh_broker_alarm_set(&shard->alarm, shard->coordinator == NULL
                                           ? DH_NEVER
                                           : dh_coordinator_deadline(shard->coordinator));
    dh_broker_changed(shard->broker, DH_BROKER_CHANGE_GROUP);
}

static void on_alarm(struct dh_broker_alarm *alarm)
{
    struct dh_broker_shard *shard = DH_CONTAINER_OF(alarm, struct dh_broker_shard, alarm);
    dh_coordinator_tick(shard->coordinator, shard->broker->clock.now_ns,
                        shard->broker->clock.wall_ms);
    dh_broker_shard_arm(shard);
}

static void unload(struct dh_broker_shard *shard, const char *why)
{
    if (shard->coordinator == NULL) {
        return;
    }
    dh_log(shard->broker->log, DOHLE_LOG_INFO, subsystem,
           "%s-%" PRId32 " is unloaded: %s", DH_BROKER_OFFSETS_TOPIC, shard->number, why);
    dh_coordinator_unload(shard->coordinator);
    dh_coordinator_free(shard->coordinator);
    shard->coordinator = NULL;
    dh_broker_shard_arm(shard);
}

static struct dh_coordinator *new_coordinator(struct dh_broker_shard *shard)
{
    struct dh_broker *broker = shard->broker;
    struct dh_coordinator_options options = {
        .mem = broker->mem,
        .log = broker->log,
        .settings = &broker->groups->settings,
        .owner = {.ctx = shard,
                  .append = append,
                  .answer = answer_caller,
                  .changed = on_group_changed},
        .seed = dh_random_next(&broker->random),
        .partition = shard->number,
    };
    return dh_coordinator_new(&options);
}

static void load(struct dh_broker_shard *shard, struct dh_broker_partition *partition)
{
    struct dh_broker *broker = shard->broker;
    struct dh_coordinator *coordinator = new_coordinator(shard);
    int err = coordinator == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    shard->leader_epoch = partition->leader_epoch;
    if (err == 0) {
        err = dh_broker_groups_replay(broker, coordinator, partition->log);
    }
    if (err == 0) {
        err = dh_coordinator_loaded(coordinator, broker->clock.now_ns);
    }
    if (err != 0) {
        dh_log(broker->log, DOHLE_LOG_ERROR, subsystem,
               "%s-%" PRId32 " cannot be loaded: %s; its groups are not available",
               DH_BROKER_OFFSETS_TOPIC, shard->number, dohle_error_text(err));
        dh_coordinator_free(coordinator);
        // Memory may come back at any time; a damaged log does not mend.
        shard->leader_epoch =
            err == DOHLE_ERR_NO_MEMORY ? EPOCH_NONE : partition->leader_epoch;
        return;
    }
    dh_log(broker->log, DOHLE_LOG_DEBUG, subsystem,
           "%s-%" PRId32 " is loaded by node %" PRId32 " in epoch %" PRId32,
           DH_BROKER_OFFSETS_TOPIC, shard->number, partition->leader,
           partition->leader_epoch);
    shard->coordinator = coordinator;
    shard->appended_end = dh_store_log_end(partition->log);
    dh_broker_shard_arm(shard);
}

/*
 * Loads or unloads, so that there is a coordinator if, and only if, the partition has a leader
 * and its log works. A load that failed is tried again under the next leader, and for want of
 * memory whenever somebody asks.
 */
static void follow_leader(struct dh_broker_shard *shard,
                          struct dh_broker_partition *partition)
{
    bool is_same = shard->leader_epoch == partition->leader_epoch;
    if (dh_store_log_is_offline(partition->log)) {
        unload(shard, "its log is offline");
        return;
    }
    if (!is_same || partition->leader < 0) {
        unload(shard, partition->leader < 0 ? "no leader" : "another leader");
    }
    if (partition->leader >= 0 && !is_same) {
        load(shard, partition);
    }
}

// Its topic is gone, and what was held for its log with it.
static void end_shard(struct dh_broker_shard *shard)
{
    dh_broker_waits_leave(&shard->place);
    unload(shard, "the topic is gone");
    shard->leader_epoch = EPOCH_NONE;
    dh_broker_group_calls_refuse(shard);
}

// The log has moved, has ended, or has another leader.
static void on_woken(struct dh_broker *broker, struct dh_broker_place *place)
{
    struct dh_broker_shard *shard = DH_CONTAINER_OF(place, struct dh_broker_shard, place);
    struct dh_broker_partition *partition = dh_broker_waits_at(place);
    (void)broker;
    if (partition == NULL) {
        end_shard(shard);
        return;
    }
    follow_leader(shard, partition);
    dh_broker_group_calls_proceed(shard);
}

// ---- Shards ----

static void destroy_shard(struct dh_broker_shard *shard)
{
    DH_ASSERT(dh_list_is_empty(&shard->held));
    dh_broker_waits_leave(&shard->place);
    dh_broker_alarm_deinit(&shard->alarm);
    dh_coordinator_free(shard->coordinator);
    dh_mem_free(shard->broker->mem, shard, sizeof(*shard));
}

static struct dh_broker_shard *new_shard(struct dh_broker *broker, int32_t number)
{
    struct dh_broker_shard *shard = dh_mem_calloc(broker->mem, 1, sizeof(*shard));
    if (shard == NULL) {
        return NULL;
    }
    shard->broker = broker;
    shard->number = number;
    shard->leader_epoch = EPOCH_NONE;
    shard->place.on_woken = on_woken;
    dh_list_init(&shard->held);
    if (dh_broker_alarm_init(&shard->alarm, broker, on_alarm) != 0) {
        destroy_shard(shard);
        return NULL;
    }
    return shard;
}

// Room for a shard of each partition. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int grow_shards(struct dh_broker *broker, const struct dh_broker_topic *topic)
{
    struct dh_broker_groups *groups = broker->groups;
    size_t before = groups->shard_count;
    size_t count = (size_t)topic->partition_count;
    if (count <= before) {
        return 0;
    }
    struct dh_broker_shard **grown = dh_mem_realloc(
        broker->mem, groups->shards, before * sizeof(struct dh_broker_shard *),
        count * sizeof(struct dh_broker_shard *));
    if (grown == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = before; i < count; i++) {
        grown[i] = NULL;
    }
    groups->shards = grown;
    groups->shard_count = count;
    return 0;
}

// The shard of a partition, standing in its line and loaded if it can be. NULL: no memory.
struct dh_broker_shard *dh_broker_shard_of(struct dh_broker *broker,
                                           struct dh_broker_partition *partition)
{
    if (grow_shards(broker, partition->topic) != 0) {
        return NULL;
    }
    struct dh_broker_shard **place = &broker->groups->shards[partition->number];
    if (*place == NULL) {
        *place = new_shard(broker, partition->number);
    }
    struct dh_broker_shard *shard = *place;
    if (shard == NULL) {
        return NULL;
    }
    if (dh_broker_waits_at(&shard->place) == NULL) {
        // The topic is new, or another than before, of which it may not have been told yet.
        end_shard(shard);
        dh_broker_waits_enter(&shard->place, partition);
    }
    follow_leader(shard, partition);
    return shard;
}

int dh_broker_groups_new(struct dh_broker *broker)
{
    const struct dh_broker_settings *settings = broker->settings;
    struct dh_broker_groups *groups = dh_mem_calloc(broker->mem, 1, sizeof(*groups));
    if (groups == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    groups->settings = (struct dh_coordinator_settings){
        .group_min_session_timeout_ms = (int32_t)settings->group_min_session_timeout_ms,
        .group_max_session_timeout_ms = (int32_t)settings->group_max_session_timeout_ms,
        .group_initial_rebalance_delay_ms =
            (int32_t)settings->group_initial_rebalance_delay_ms,
        .group_max_size = (int32_t)settings->group_max_size,
        .offset_metadata_max_bytes = (int32_t)settings->offset_metadata_max_bytes,
        .offsets_retention_ms = settings->offsets_retention_minutes * 60 * 1000,
    };
    dh_batch_writer_init(&groups->writer, broker->mem);
    broker->groups = groups;
    struct dh_broker_topic *topic = dh_broker_groups_topic(broker);
    for (int32_t i = 0; topic != NULL && i < topic->partition_count; i++) {
        if (dh_broker_shard_of(broker, &topic->partitions[i]) == NULL) {
            dh_broker_groups_free(broker);
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    return 0;
}

void dh_broker_groups_free(struct dh_broker *broker)
{
    struct dh_broker_groups *groups = broker->groups;
    if (groups == NULL) {
        return;
    }
    for (size_t i = 0; i < groups->shard_count; i++) {
        if (groups->shards[i] != NULL) {
            destroy_shard(groups->shards[i]);
        }
    }
    dh_mem_free(broker->mem, groups->shards,
                groups->shard_count * sizeof(*groups->shards));
    dh_batch_writer_deinit(&groups->writer);
    dh_mem_free(broker->mem, groups, sizeof(*groups));
    broker->groups = NULL;
}

void dh_broker_groups_on_topic_deleted(struct dh_broker *broker,
                                       const struct dh_broker_topic *topic)
{
    const struct dh_broker_groups *groups = broker->groups;
    // There is none while topics are opened.
    for (size_t i = 0; groups != NULL && i < groups->shard_count; i++) {
        struct dh_broker_shard *shard = groups->shards[i];
        if (shard == NULL || shard->coordinator == NULL) {
            continue;
        }
        int16_t code =
            dh_coordinator_on_topic_deleted(shard->coordinator, dh_bytes_of(topic->name));
        if (code != 0) {
            dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
                   "offsets of %s in %s-%" PRId32 " are not deleted: %s", topic->name,
                   DH_BROKER_OFFSETS_TOPIC, shard->number, dohle_broker_error_name(code));
        }
        dh_broker_shard_arm(shard);
    }
}

void dh_broker_groups_settle(struct dh_broker *broker, int32_t partition)
{
    dh_broker_shard_arm(broker->groups->shards[partition]);
}

// ---- Asked ----

struct dh_coordinator *dh_broker_groups_find(struct dh_broker *broker, dohle_bytes group)
{
    struct dh_broker_topic *topic = dh_broker_groups_topic(broker);
    if (topic == NULL) {
        return NULL;
    }
    struct dh_broker_shard *shard = dh_broker_shard_of(
        broker,
        &topic->partitions[dh_broker_groups_partition(group, topic->partition_count)]);
    return shard == NULL ? NULL : shard->coordinator;
}

struct dh_broker_partition *
dh_broker_groups_place(struct dh_broker *broker, dohle_bytes group, int16_t *broker_code)
{
    char text[DH_BROKER_TOPICS_TEXT_MAX] = "";
    struct dh_broker_topic *topic =
        dh_broker_topics_offsets(broker, broker_code, text, sizeof(text));
    if (topic == NULL) {
        dh_log(broker->log, DOHLE_LOG_ERROR, subsystem, "%s cannot be made: %s: %s",
               DH_BROKER_OFFSETS_TOPIC, dohle_broker_error_name(*broker_code), text);
    }
    struct dh_broker_partition *partition =
        topic == NULL ? NULL
                      : &topic->partitions[dh_broker_groups_partition(
                            group, topic->partition_count)];
    if (partition == NULL || partition->leader < 0) {
        *broker_code = DH_BROKER_COORDINATOR_NOT_AVAILABLE;
        return NULL;
    }
    (void)dh_broker_shard_of(broker, partition);
    *broker_code = 0;
    return partition;
}

struct dh_coordinator *dh_broker_groups_next(const struct dh_broker *broker,
                                             int32_t *partition)
{
    const struct dh_broker_groups *groups = broker->groups;
    while ((size_t)(*partition + 1) < groups->shard_count) {
        (*partition)++;
        const struct dh_broker_shard *shard = groups->shards[*partition];
        if (shard != NULL && shard->coordinator != NULL) {
            return shard->coordinator;
        }
    }
    return NULL;
}

int dh_broker_groups_dump(const struct dh_broker *broker, struct dh_buf *out)
{
    int32_t partition = -1;
    const struct dh_coordinator *coordinator;
    while ((coordinator = dh_broker_groups_next(broker, &partition)) != NULL) {
        dh_buf_printf(out, "partition=%" PRId32 "\n", partition);
        int err = dh_coordinator_dump(coordinator, out);
        if (err != 0) {
            return err;
        }
    }
    return out->err;
}
