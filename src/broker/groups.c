// SPDX-License-Identifier: MIT
#include "broker/groups.h"

#include <inttypes.h>
#include <string.h>

#include <dohle/error.h>
#include <dohle/record.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "broker/alarm.h"
#include "broker/conditions.h"
#include "broker/connections.h"
#include "broker/nodes.h"
#include "broker/settings.h"
#include "broker/waits.h"
#include "record/batch.h"
#include "record/batch_writer.h"
#include "record/codec.h"
#include "record/iterator.h"
#include "wire/gen/broker_errors.h"
#include "wire/message.h"
#include "wire/reader.h"
#include "wire/writer.h"

static const char subsystem[] = "groups";

// What is read of a log at once while it is loaded (BRK-007 says 5 MiB).
#define LOAD_BYTES ((size_t)1024 * 1024)
// What a batch of such a log may decompress to.
#define LOAD_BATCH_BYTES_MAX ((size_t)256 * 1024 * 1024)

// One partition of __consumer_offsets.
struct shard {
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
    struct shard **shards; // owned, by partition
    size_t shard_count;
    struct dh_batch_writer writer; // of the append under way
};

// A log that must have reached an offset.
struct dh_broker_group_need {
    struct dh_broker_group_need *next;
    struct shard *shard;
    uint64_t append_count; // before the call
    int64_t end;
};

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

static struct dh_broker_topic *find_topic(const struct dh_broker *broker)
{
    return dh_broker_topics_find(broker, DH_BYTES(DH_BROKER_OFFSETS_TOPIC));
}

// NULL: the topic or partition is gone.
static struct dh_broker_partition *find_partition(const struct shard *shard)
{
    struct dh_broker_topic *topic = find_topic(shard->broker);
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
    struct shard *shard = ctx;
    struct dh_broker *broker = shard->broker;
    struct dh_broker_partition *partition = find_partition(shard);
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
    const struct shard *shard = ctx;
    (void)group_id;
    dh_broker_changed(shard->broker, DH_BROKER_CHANGE_GROUP);
}

// ---- Loading ----

// After everything that may have moved the coordinator's deadline.
static void arm(struct shard *shard)
{
    dh_broker_alarm_set(&shard->alarm, shard->coordinator == NULL
                                           ? DH_NEVER
                                           : dh_coordinator_deadline(shard->coordinator));
    dh_broker_changed(shard->broker, DH_BROKER_CHANGE_GROUP);
}

static void on_alarm(struct dh_broker_alarm *alarm)
{
    struct shard *shard = DH_CONTAINER_OF(alarm, struct shard, alarm);
    dh_coordinator_tick(shard->coordinator, shard->broker->clock.now_ns,
                        shard->broker->clock.wall_ms);
    arm(shard);
}

static void unload(struct shard *shard, const char *why)
{
    if (shard->coordinator == NULL) {
        return;
    }
    dh_log(shard->broker->log, DOHLE_LOG_INFO, subsystem,
           "%s-%" PRId32 " is unloaded: %s", DH_BROKER_OFFSETS_TOPIC, shard->number, why);
    dh_coordinator_unload(shard->coordinator);
    dh_coordinator_free(shard->coordinator);
    shard->coordinator = NULL;
    arm(shard);
}

static int replay_records(struct dh_coordinator *coordinator,
                          const struct dh_batch *batch, dohle_bytes payload)
{
    struct dh_record_iterator iterator;
    dohle_record record;
    int err = dh_record_iterator_init(&iterator, batch, payload);
    if (err != 0) {
        return err;
    }
    dh_record_iterator_prepare(&iterator, &record, DH_BROKER_OFFSETS_TOPIC, 0);
    while ((err = dh_record_iterator_next(&iterator, &record)) == 1) {
        struct dh_coordinator_record pair = {record.key, record.value};
        if ((err = dh_coordinator_replay(coordinator, &pair)) != 0) {
            return err;
        }
    }
    return err;
}

// A log that Kafka wrote may be compressed (BRK-006).
static int replay_packed(struct dh_broker *broker, struct dh_coordinator *coordinator,
                         const struct dh_batch *batch)
{
    const struct dh_codec *codec = dh_codec_find(batch->codec);
    if (codec == NULL) {
        return DOHLE_ERR_UNSUPPORTED_CODEC;
    }
    struct dh_codec_context context;
    struct dh_frame *frame = NULL;
    dh_codec_context_init(&context, broker->mem, NULL);
    int err = dh_codec_decompress(&context, codec, batch->payload, LOAD_BATCH_BYTES_MAX,
                                  &frame);
    if (err == 0) {
        err = replay_records(coordinator, batch, (dohle_bytes){frame->data, frame->size});
    }
    dh_frame_drop(frame);
    dh_codec_context_deinit(&context);
    return err;
}

// Replays what is in `bytes`; *next is the offset behind it.
static int replay_batches(struct dh_broker *broker, struct dh_coordinator *coordinator,
                          dohle_bytes bytes, int64_t *next)
{
    struct dh_reader reader;
    struct dh_batch batch;
    int found;
    dh_reader_init(&reader, bytes);
    while ((found = dh_batch_next(&reader, &batch)) == DH_BATCH_FOUND) {
        int err = 0;
        if (!batch.is_control) {
            err = batch.codec == 0 ? replay_records(coordinator, &batch, batch.payload)
                                   : replay_packed(broker, coordinator, &batch);
        }
        if (err != 0) {
            return err;
        }
        *next = batch.last_offset + 1;
    }
    return found < 0 ? found : 0;
}

static int replay_log(struct dh_broker *broker, struct dh_coordinator *coordinator,
                      struct dh_store_log *log)
{
    struct dh_buf bytes;
    int64_t at = dh_store_log_start(log);
    int64_t end = dh_store_log_end(log);
    int err = 0;
    dh_buf_init(&bytes, broker->mem, 0);
    while (err == 0 && at < end) {
        int64_t before = at;
        dh_buf_reset(&bytes);
        err = dh_store_log_read(log, at, end, LOAD_BYTES, true, &bytes);
        if (err == 0) {
            err = replay_batches(broker, coordinator, dh_buf_view(&bytes), &at);
        }
        if (err == 0 && at == before) {
            err = DOHLE_ERR_CORRUPT;
        }
    }
    dh_buf_deinit(&bytes);
    return err;
}

static struct dh_coordinator *new_coordinator(struct shard *shard)
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

static void load(struct shard *shard, struct dh_broker_partition *partition)
{
    struct dh_broker *broker = shard->broker;
    struct dh_coordinator *coordinator = new_coordinator(shard);
    int err = coordinator == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    shard->leader_epoch = partition->leader_epoch;
    if (err == 0) {
        err = replay_log(broker, coordinator, partition->log);
    }
    if (err == 0) {
        err = dh_coordinator_loaded(coordinator, broker->clock.now_ns);
    }
    if (err != 0) {
        dh_log(broker->log, DOHLE_LOG_ERROR, subsystem,
               "%s-%" PRId32 " cannot be loaded: %s; its groups are not available",
               DH_BROKER_OFFSETS_TOPIC, shard->number, dohle_error_text(err));
        dh_coordinator_free(coordinator);
        return;
    }
    dh_log(broker->log, DOHLE_LOG_DEBUG, subsystem,
           "%s-%" PRId32 " is loaded by node %" PRId32 " in epoch %" PRId32,
           DH_BROKER_OFFSETS_TOPIC, shard->number, partition->leader,
           partition->leader_epoch);
    shard->coordinator = coordinator;
    shard->appended_end = dh_store_log_end(partition->log);
    arm(shard);
}

/*
 * Loads or unloads, so that there is a coordinator if, and only if, the partition has a leader
 * and its log works. A load that failed is tried again under the next leader.
 */
static void follow_leader(struct shard *shard, struct dh_broker_partition *partition)
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

// ---- Held answers ----

static bool is_durable(const struct dh_broker_group_need *need,
                       const struct dh_broker_partition *partition)
{
    return need->end == 0 || (partition != NULL &&
                              dh_store_log_high_watermark(partition->log) >= need->end);
}

// Answers, refuses, or puts it where it has to wait next.
static void proceed(struct dh_broker_group_call *call)
{
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        const struct dh_broker_partition *partition = find_partition(need->shard);
        if (is_durable(need, partition)) {
            continue;
        }
        if (partition == NULL || dh_store_log_is_offline(partition->log)) {
            dh_broker_answer_refused(call->request, DH_BROKER_NOT_COORDINATOR);
            return;
        }
        dh_list_push_back(&need->shard->held, &call->link);
        return;
    }
    dh_broker_answer(call->request, call->response);
}

static void proceed_all(struct shard *shard)
{
    struct dh_list held;
    struct dh_link *link;
    dh_list_init(&held);
    dh_list_append_all(&held, &shard->held);
    while ((link = dh_list_pop_front(&held)) != NULL) {
        proceed(DH_CONTAINER_OF(link, struct dh_broker_group_call, link));
    }
}

// Its topic is gone, and what was held for its log with it.
static void end_shard(struct shard *shard)
{
    dh_broker_waits_leave(&shard->place);
    unload(shard, "the topic is gone");
    shard->leader_epoch = -1;
    struct dh_link *link;
    while ((link = dh_list_pop_front(&shard->held)) != NULL) {
        struct dh_broker_group_call *call =
            DH_CONTAINER_OF(link, struct dh_broker_group_call, link);
        dh_broker_answer_refused(call->request, DH_BROKER_NOT_COORDINATOR);
    }
}

// The log has moved, has ended, or has another leader.
static void on_woken(struct dh_broker *broker, struct dh_broker_place *place)
{
    struct shard *shard = DH_CONTAINER_OF(place, struct shard, place);
    struct dh_broker_partition *partition = dh_broker_waits_at(place);
    (void)broker;
    if (partition == NULL) {
        end_shard(shard);
        return;
    }
    follow_leader(shard, partition);
    proceed_all(shard);
}

// ---- Shards ----

static void destroy_shard(struct shard *shard)
{
    DH_ASSERT(dh_list_is_empty(&shard->held));
    dh_broker_waits_leave(&shard->place);
    dh_broker_alarm_deinit(&shard->alarm);
    dh_coordinator_free(shard->coordinator);
    dh_mem_free(shard->broker->mem, shard, sizeof(*shard));
}

static struct shard *new_shard(struct dh_broker *broker, int32_t number)
{
    struct shard *shard = dh_mem_calloc(broker->mem, 1, sizeof(*shard));
    if (shard == NULL) {
        return NULL;
    }
    shard->broker = broker;
    shard->number = number;
    shard->leader_epoch = -1;
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
    struct shard **grown =
        dh_mem_realloc(broker->mem, groups->shards, before * sizeof(struct shard *),
                       count * sizeof(struct shard *));
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
static struct shard *shard_of(struct dh_broker *broker,
                              struct dh_broker_partition *partition)
{
    if (grow_shards(broker, partition->topic) != 0) {
        return NULL;
    }
    struct shard **place = &broker->groups->shards[partition->number];
    if (*place == NULL) {
        *place = new_shard(broker, partition->number);
    }
    struct shard *shard = *place;
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
    struct dh_broker_topic *topic = find_topic(broker);
    for (int32_t i = 0; topic != NULL && i < topic->partition_count; i++) {
        if (shard_of(broker, &topic->partitions[i]) == NULL) {
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
        struct shard *shard = groups->shards[i];
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
        arm(shard);
    }
}

// ---- Calls ----

// Leaves wherever it waits: the connection is gone.
static void abandon(struct dh_broker_request *request)
{
    struct dh_broker_group_call *call = request->parked;
    dh_list_remove(&call->link);
    if (call->caller.parked != NULL) {
        struct shard *shard = call->needs->shard;
        dh_coordinator_forget(shard->coordinator, &call->caller);
        arm(shard);
    }
}

struct dh_broker_group_call *dh_broker_group_call_begin(struct dh_broker_request *request)
{
    struct dh_broker_group_call *call = dh_arena_alloc(&request->arena, sizeof(*call));
    if (call == NULL) {
        dh_broker_give_up(request, "no memory for a request");
        return NULL;
    }
    call->request = request;
    call->caller.version = request->version;
    call->caller.client_id =
        request->client_id.data == NULL ? DH_BYTES("") : request->client_id;
    call->caller.client_host = dh_bytes_of(request->connection->peer_host);
    request->parked = call;
    request->abandon = abandon;
    return call;
}

// The call must wait for that shard's log. False: no memory.
static bool add_need(struct dh_broker_group_call *call, struct shard *shard)
{
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        if (need->shard == shard) {
            return true;
        }
    }
    struct dh_broker_group_need *need =
        dh_arena_alloc(&call->request->arena, sizeof(*need));
    if (need == NULL) {
        return false;
    }
    need->shard = shard;
    need->append_count = shard->append_count;
    need->next = call->needs;
    call->needs = need;
    return true;
}

struct dh_coordinator *dh_broker_group_call_find(struct dh_broker_group_call *call,
                                                 dohle_bytes group, int16_t *broker_code)
{
    struct dh_broker *broker = call->request->broker;
    struct dh_broker_topic *topic = find_topic(broker);
    *broker_code = DH_BROKER_NOT_COORDINATOR;
    if (topic == NULL) {
        return NULL;
    }
    struct dh_broker_partition *partition =
        &topic->partitions[dh_broker_groups_partition(group, topic->partition_count)];
    if (partition->leader != call->request->node->id) {
        return NULL;
    }
    struct shard *shard = shard_of(broker, partition);
    if (shard == NULL || shard->coordinator == NULL || !add_need(call, shard)) {
        bool is_offline = dh_store_log_is_offline(partition->log);
        *broker_code =
            is_offline ? DH_BROKER_NOT_COORDINATOR : DH_BROKER_COORDINATOR_NOT_AVAILABLE;
        return NULL;
    }
    *broker_code = 0;
    return shard->coordinator;
}

struct dh_coordinator *dh_broker_group_call_next(struct dh_broker_group_call *call,
                                                 int32_t *partition)
{
    struct dh_broker *broker = call->request->broker;
    struct dh_broker_topic *topic = find_topic(broker);
    while (topic != NULL && ++*partition < topic->partition_count) {
        struct dh_broker_partition *at = &topic->partitions[*partition];
        if (at->leader != call->request->node->id) {
            continue;
        }
        struct shard *shard = shard_of(broker, at);
        if (shard != NULL && shard->coordinator != NULL && add_need(call, shard)) {
            return shard->coordinator;
        }
    }
    return NULL;
}

/*
 * A copy in the arena, by way of its bytes: what it points at belongs to the coordinator.
 * NULL: no memory.
 */
static const void *copy_response(struct dh_broker_request *request, const void *response)
{
    const struct dh_message_type *type = request->api->response;
    struct dh_buf bytes;
    struct dh_writer writer;
    void *copy = dh_arena_alloc(&request->arena, type->body.size);
    dh_buf_init(&bytes, request->broker->mem, 0);
    dh_writer_init(&writer, &bytes);
    int err = dh_message_encode(type, request->version, response, &writer);
    uint8_t *place = err != 0 ? NULL : dh_arena_alloc(&request->arena, bytes.size);
    if (copy == NULL || place == NULL) {
        dh_buf_deinit(&bytes);
        return NULL;
    }
    struct dh_reader reader;
    memcpy(place, bytes.data, bytes.size);
    dh_reader_init(&reader, (dohle_bytes){place, bytes.size});
    dh_buf_deinit(&bytes);
    err = dh_message_decode(type, request->version, &reader, &request->arena, copy);
    return err != 0 ? NULL : copy;
}

// Answers, or holds a copy. Every need has its end.
static void answer_or_hold(struct dh_broker_group_call *call, const void *response)
{
    bool is_held = false;
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        is_held = is_held || !is_durable(need, find_partition(need->shard));
        // Another call than this one may have moved it; that is no matter.
        arm(need->shard);
    }
    call->response = is_held ? copy_response(call->request, response) : response;
    if (call->response == NULL) {
        dh_broker_give_up(call->request, "no memory for the answer");
        return;
    }
    proceed(call);
}

void dh_broker_group_call_answer(struct dh_broker_group_call *call, const void *response)
{
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        need->end = need->shard->appended_end;
    }
    answer_or_hold(call, response);
}

void dh_broker_group_call_answer_soon(struct dh_broker_group_call *call,
                                      const void *response)
{
    for (struct dh_broker_group_need *need = call->needs; need != NULL;
         need = need->next) {
        bool has_appended = need->shard->append_count != need->append_count;
        need->end = has_appended ? need->shard->appended_end : 0;
    }
    answer_or_hold(call, response);
}

int32_t dh_broker_group_call_partition(const struct dh_broker_group_call *call)
{
    return call->needs->shard->number;
}

void dh_broker_groups_settle(struct dh_broker *broker, int32_t partition)
{
    arm(broker->groups->shards[partition]);
}

// ---- Asked ----

struct dh_coordinator *dh_broker_groups_find(struct dh_broker *broker, dohle_bytes group)
{
    struct dh_broker_topic *topic = find_topic(broker);
    if (topic == NULL) {
        return NULL;
    }
    struct shard *shard = shard_of(
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
    (void)shard_of(broker, partition);
    *broker_code = 0;
    return partition;
}

struct dh_coordinator *dh_broker_groups_next(const struct dh_broker *broker,
                                             int32_t *partition)
{
    const struct dh_broker_groups *groups = broker->groups;
    while ((size_t)++ * partition < groups->shard_count) {
        const struct shard *shard = groups->shards[*partition];
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
