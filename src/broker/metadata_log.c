// SPDX-License-Identifier: MIT
#include "broker/metadata_log.h"

#include <string.h>

#include <dohle/error.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "broker/topic_config.h"
#include "broker/topics.h"
#include "record/batch.h"
#include "record/iterator.h"
#include "wire/message.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define KIND_TOPIC       1
#define VERSION          0
#define SEGMENT_BYTES    ((int64_t)1 << 30)
#define INDEX_BYTES      ((int64_t)1 << 20)
#define READ_BYTES       ((size_t)256 * 1024)
#define RECORD_ARENA_MAX ((size_t)64 * 1024 * 1024)
#define UNBOUNDED        (-1)
#define INDEX_INTERVAL   4096

int dh_broker_metadata_log_open(struct dh_broker *broker,
                                struct dh_broker_metadata_log *metadata)
{
    dh_batch_writer_init(&metadata->writer, broker->mem);
    dh_buf_init(&metadata->scratch, broker->mem, 0);
    metadata->log = dh_store_find_log(broker->store, DH_BROKER_METADATA_TOPIC, 0);
    const struct dh_store_log_config config = {
        .segment_bytes = SEGMENT_BYTES,
        .segment_ms = INT64_MAX,
        .index_bytes = INDEX_BYTES,
        .index_interval_bytes = INDEX_INTERVAL,
        .retention_bytes = UNBOUNDED,
        .retention_ms = UNBOUNDED,
    };
    if (metadata->log != NULL) {
        dh_store_log_set_config(metadata->log, &config);
        return 0;
    }
    struct dh_uuid id = {{'d', 'o', 'h', 'l', 'e'}}; // any; nobody asks for it
    return dh_store_create_log(broker->store, DH_BROKER_METADATA_TOPIC, 0, id, &config,
                               &metadata->log);
}

void dh_broker_metadata_log_close(struct dh_broker_metadata_log *metadata)
{
    if (metadata->writer.plain.mem != NULL) {
        dh_batch_writer_deinit(&metadata->writer);
        dh_buf_deinit(&metadata->scratch);
    }
}

// ---- Writing ----

// Where a key and a value of the record are in the scratch buffer.
struct span {
    size_t key_start;
    size_t value_start; // and where the key ends
    size_t end;
};

static void begin(struct dh_broker_metadata_log *metadata)
{
    dh_buf_reset(&metadata->scratch);
    dh_batch_writer_reset(&metadata->writer);
}

static int write_key(struct dh_broker_metadata_log *metadata, int16_t kind,
                     const struct dh_uuid *topic_id)
{
    struct dh_writer writer;
    dh_writer_init(&writer, &metadata->scratch);
    dh_write_int16(&writer, kind);
    dh_write_int16(&writer, VERSION);
    struct dh_broker_topic_key key = {.topic_id = *topic_id};
    return dh_message_encode(&dh_broker_topic_key_type, VERSION, &key, &writer);
}

static int write_value(struct dh_broker_metadata_log *metadata,
                       const struct dh_message_type *type, const void *message)
{
    struct dh_writer writer;
    dh_writer_init(&writer, &metadata->scratch);
    dh_write_int16(&writer, VERSION);
    return dh_message_encode(type, VERSION, message, &writer);
}

// Adds a record to the batch. value_start == end: the value is null.
static int add(struct dh_broker *broker, struct dh_broker_metadata_log *metadata,
               const struct span *span)
{
    const uint8_t *data = metadata->scratch.data;
    struct dh_record_input record = {
        .timestamp_ms = broker->clock.wall_ms,
        .key = {data + span->key_start, span->value_start - span->key_start},
    };
    if (span->end > span->value_start) {
        record.value =
            (dohle_bytes){data + span->value_start, span->end - span->value_start};
    }
    return dh_batch_writer_append(&metadata->writer, &record);
}

static int append(struct dh_broker *broker, struct dh_broker_metadata_log *metadata)
{
    dohle_bytes batch;
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    int err = dh_batch_writer_finish(&metadata->writer, NULL, NULL, 0, &stamp, &batch);
    if (err != 0) {
        return err;
    }
    // The store writes offsets into the batch: it is the writer's own memory.
    struct dh_store_appended appended;
    return dh_store_log_append(metadata->log, metadata->writer.plain.data, batch.size, 0,
                               broker->clock.wall_ms, &appended);
}

// The record of a topic, in the arena. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int fill_record(const struct dh_broker_topic *topic, struct dh_arena *arena,
                       struct dh_broker_topic_record *record)
{
    size_t count = (size_t)topic->partition_count;
    record->name = dh_bytes_of(topic->name);
    record->partitions.items =
        dh_arena_calloc(arena, count, sizeof(record->partitions.items[0]));
    record->settings.items = dh_arena_calloc(arena, dh_broker_topic_setting_count,
                                             sizeof(record->settings.items[0]));
    if (record->partitions.items == NULL || record->settings.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    record->partitions.count = topic->partition_count;
    for (size_t i = 0; i < count; i++) {
        struct dh_broker_partition *partition = &topic->partitions[i];
        record->partitions.items[i] = (struct dh_broker_topic_record_partition){
            .leader = partition->leader,
            .leader_epoch = partition->leader_epoch,
            .replicas = {partition->replicas, (int32_t)partition->replica_count},
        };
    }
    for (size_t i = 0; i < dh_broker_topic_setting_count; i++) {
        if (topic->config->set[i] != NULL) {
            record->settings.items[record->settings.count++] =
                (struct dh_broker_topic_record_setting){
                    .name = dh_bytes_of(dh_broker_topic_setting_table[i].name),
                    .value = dh_bytes_of(topic->config->set[i]),
                };
        }
    }
    return 0;
}

static int write_topic(struct dh_broker_metadata_log *metadata, struct dh_arena *arena,
                       const struct dh_broker_topic *topic, struct span *span)
{
    struct dh_broker_topic_record record = {0};
    int err = fill_record(topic, arena, &record);
    span->key_start = metadata->scratch.size;
    if (err == 0) {
        err = write_key(metadata, KIND_TOPIC, &topic->id);
    }
    span->value_start = metadata->scratch.size;
    if (err == 0) {
        err = write_value(metadata, &dh_broker_topic_record_type, &record);
    }
    span->end = metadata->scratch.size;
    return err;
}

int dh_broker_metadata_log_put_topics(struct dh_broker *broker,
                                      struct dh_broker_metadata_log *metadata,
                                      const struct dh_broker_topic *const *topics,
                                      size_t count)
{
    begin(metadata);
    struct dh_arena arena;
    dh_arena_init(&arena, broker->mem, 0);
    int err = 0;
    for (size_t i = 0; i < count && err == 0; i++) {
        struct span span;
        dh_arena_reset(&arena);
        dh_buf_reset(&metadata->scratch); // the writer copies
        err = write_topic(metadata, &arena, topics[i], &span);
        if (err == 0) {
            err = add(broker, metadata, &span);
        }
    }
    dh_arena_deinit(&arena);
    return err != 0 || count == 0 ? err : append(broker, metadata);
}

int dh_broker_metadata_log_delete_topic(struct dh_broker *broker,
                                        struct dh_broker_metadata_log *metadata,
                                        const struct dh_uuid *topic_id)
{
    begin(metadata);
    int err = write_key(metadata, KIND_TOPIC, topic_id);
    struct span span = {.value_start = metadata->scratch.size,
                        .end = metadata->scratch.size};
    if (err == 0) {
        err = add(broker, metadata, &span);
    }
    return err != 0 ? err : append(broker, metadata);
}

// ---- Reading ----

// Decodes a value or the fields of a key. A newer version than ours is not understood.
static int read_message(struct dh_reader *reader, const struct dh_message_type *type,
                        struct dh_arena *arena, void *out)
{
    int16_t version = dh_read_int16(reader);
    int err = reader->err != 0 ? reader->err
                               : dh_message_decode(type, version, reader, arena, out);
    return err == DOHLE_ERR_NO_MEMORY || err == 0 ? err : DOHLE_ERR_CORRUPT;
}

static int read_topic(const struct dh_broker_metadata_reader *to, struct dh_arena *arena,
                      struct dh_reader *key, const dohle_record *record)
{
    struct dh_broker_topic_key topic;
    int err = read_message(key, &dh_broker_topic_key_type, arena, &topic);
    if (err != 0) {
        return err;
    }
    if (dh_bytes_is_null(record->value)) {
        return to->on_topic_gone(to->ctx, &topic.topic_id);
    }
    struct dh_reader value;
    dh_reader_init(&value, record->value);
    struct dh_broker_topic_record body;
    err = read_message(&value, &dh_broker_topic_record_type, arena, &body);
    return err != 0 ? err : to->on_topic(to->ctx, &topic.topic_id, &body);
}

static int read_record(const struct dh_broker_metadata_reader *to, struct dh_arena *arena,
                       const dohle_record *record)
{
    struct dh_reader key;
    dh_reader_init(&key, record->key);
    int16_t kind = dh_read_int16(&key);
    if (key.err != 0) {
        return DOHLE_ERR_CORRUPT;
    }
    return kind == KIND_TOPIC ? read_topic(to, arena, &key, record) : DOHLE_ERR_CORRUPT;
}

static int read_batch(const struct dh_broker_metadata_reader *to, struct dh_arena *arena,
                      const struct dh_batch *batch)
{
    struct dh_record_iterator iterator;
    int err = batch->codec != 0
                  ? DOHLE_ERR_CORRUPT
                  : dh_record_iterator_init(&iterator, batch, batch->payload);
    dohle_record record = {0};
    while (err == 0) {
        int found = dh_record_iterator_next(&iterator, &record);
        if (found <= 0) {
            return found;
        }
        dh_arena_reset(arena);
        err = read_record(to, arena, &record);
    }
    return err;
}

// All batches of one read. *next: where the following one begins.
static int read_batches(const struct dh_broker_metadata_reader *to,
                        struct dh_arena *arena, dohle_bytes bytes, int64_t *next)
{
    struct dh_reader reader;
    dh_reader_init(&reader, bytes);
    struct dh_batch batch;
    int found;
    while ((found = dh_batch_next(&reader, &batch)) == DH_BATCH_FOUND) {
        int err = read_batch(to, arena, &batch);
        if (err != 0) {
            return err;
        }
        *next = batch.last_offset + 1;
    }
    return found == DH_BATCH_END ? 0 : DOHLE_ERR_CORRUPT;
}

int dh_broker_metadata_log_replay(struct dh_broker *broker,
                                  struct dh_broker_metadata_log *metadata,
                                  const struct dh_broker_metadata_reader *reader)
{
    struct dh_arena arena;
    struct dh_buf buf;
    dh_arena_init(&arena, broker->mem, RECORD_ARENA_MAX);
    dh_buf_init(&buf, broker->mem, 0);
    int64_t next = dh_store_log_start(metadata->log);
    int64_t end = dh_store_log_end(metadata->log);
    int err = 0;
    while (next < end && err == 0) {
        int64_t before = next;
        dh_buf_reset(&buf);
        err = dh_store_log_read(metadata->log, next, end, READ_BYTES, true, &buf);
        if (err == 0) {
            err = read_batches(reader, &arena, dh_buf_view(&buf), &next);
        }
        if (err == 0 && next == before) {
            err = DOHLE_ERR_CORRUPT;
        }
    }
    dh_buf_deinit(&buf);
    dh_arena_deinit(&arena);
    return err;
}
