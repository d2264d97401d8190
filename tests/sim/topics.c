// SPDX-License-Identifier: MIT
#include "topics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "record/batch.h"
#include "wire/writer.h"

#define VALUE_BYTES_MAX   6000
#define BATCH_RECORDS_MAX 10

// Attributes of a batch.
#define IS_TRANSACTIONAL 0x10
#define IS_CONTROL       0x20

// ---- What a record holds ----

struct content {
    char key[40];
    size_t key_size;
    size_t value_size;
    uint64_t value_seed;
    int64_t timestamp_ms;
};

static struct content content_of(uint64_t seed, int place, int64_t offset)
{
    struct dh_random random = {.state =
                                   seed ^ ((uint64_t)place << 48) ^ (uint64_t)offset};
    struct content content;
    int size = snprintf(content.key, sizeof(content.key), "%d-%" PRId64, place, offset);
    content.key_size = (size_t)size;
    content.value_size = dh_random_below(&random, 200);
    if (dh_random_below(&random, 50) == 0) {
        content.value_size = dh_random_below(&random, VALUE_BYTES_MAX);
    }
    content.value_seed = dh_random_next(&random);
    content.timestamp_ms = 1700000000000 + offset * 10;
    return content;
}

static uint8_t value_byte(const struct content *content, size_t index)
{
    return (uint8_t)(content->value_seed >> (index % 7 * 8) ^ index / 5);
}

bool sim_topics_is_intact(const struct sim_topics *topics, int place,
                          const dohle_record *record)
{
    struct content content = content_of(topics->seed, place, record->offset);
    if (record->timestamp_ms != content.timestamp_ms ||
        record->key.size != content.key_size ||
        memcmp(record->key.data, content.key, content.key_size) != 0 ||
        record->value.size != content.value_size) {
        return false;
    }
    for (size_t i = 0; i < content.value_size; i++) {
        if (record->value.data[i] != value_byte(&content, i)) {
            return false;
        }
    }
    return true;
}

// ---- Topics ----

void sim_topics_init(struct sim_topics *topics, struct sim_scheduler *scheduler,
                     struct sim_history *history, uint64_t seed)
{
    memset(topics, 0, sizeof(*topics));
    topics->scheduler = scheduler;
    topics->history = history;
    topics->seed = seed;
    dh_codec_context_init(&topics->codecs, dh_mem_default(), NULL);
}

void sim_topics_deinit(struct sim_topics *topics)
{
    for (int i = 0; i < topics->count; i++) {
        for (int j = 0; j < topics->topics[i].partition_count; j++) {
            dh_buf_deinit(&topics->topics[i].partitions[j].bytes);
            free(topics->topics[i].partitions[j].batches);
        }
    }
    dh_codec_context_deinit(&topics->codecs);
}

int sim_topics_add(struct sim_topics *topics, const char *name, int partition_count,
                   int node_count)
{
    DH_ASSERT(topics->count < SIM_TOPICS_MAX);
    DH_ASSERT(partition_count <= SIM_PARTITIONS_MAX);
    int index = topics->count++;
    struct sim_topic *topic = &topics->topics[index];
    topic->name = name;
    topic->partition_count = partition_count;
    memset(&topic->id, 0x40 + index, sizeof(topic->id));
    for (int i = 0; i < partition_count; i++) {
        struct sim_partition *partition = &topic->partitions[i];
        dh_buf_init(&partition->bytes, dh_mem_default(), 0);
        partition->last_visible = -1;
        partition->leader = (int)sim_below(topics->scheduler, (uint64_t)node_count);
    }
    return index;
}

struct sim_partition *sim_topics_partition(struct sim_topics *topics, int place)
{
    int topic = place / SIM_PARTITIONS_MAX;
    int partition = place % SIM_PARTITIONS_MAX;
    if (place < 0 || topic >= topics->count ||
        partition >= topics->topics[topic].partition_count) {
        return NULL;
    }
    return &topics->topics[topic].partitions[partition];
}

int sim_topics_place(const struct sim_topics *topics, dohle_bytes name, int32_t partition)
{
    for (int i = 0; i < topics->count; i++) {
        if (dh_bytes_equal(name, dh_bytes_of(topics->topics[i].name))) {
            bool exists = partition >= 0 && partition < topics->topics[i].partition_count;
            return exists ? sim_place(i, partition) : -1;
        }
    }
    return -1;
}

struct sim_topic *sim_topics_find(struct sim_topics *topics, dohle_bytes name,
                                  const struct dh_uuid *id)
{
    for (int i = 0; i < topics->count; i++) {
        struct sim_topic *topic = &topics->topics[i];
        bool is_it = name.size > 0 ? dh_bytes_equal(name, dh_bytes_of(topic->name))
                                   : id != NULL && dh_uuid_equal(id, &topic->id);
        if (is_it) {
            return topic;
        }
    }
    return NULL;
}

const char *sim_topics_name(const struct sim_topics *topics, int place)
{
    return topics->topics[place / SIM_PARTITIONS_MAX].name;
}

void sim_topics_move_leader(struct sim_topics *topics, int place, int node)
{
    struct sim_partition *partition = sim_topics_partition(topics, place);
    DH_ASSERT(partition != NULL);
    if (partition->leader_epoch + 1 < SIM_EPOCHS_MAX) {
        partition->leader = node;
        partition->leader_epoch++;
        partition->epoch_start[partition->leader_epoch] = partition->end;
    }
}

// ---- Batches ----

// A batch before it has bytes.
struct draft {
    int64_t offset;
    int64_t last_offset;
    int64_t offsets[BATCH_RECORDS_MAX]; // of its records
    int count;
    bool is_control;
    int codec;
};

static void write_record(struct dh_writer *writer, const struct draft *draft,
                         int64_t offset, const struct content *content)
{
    struct dh_buf body;
    dh_buf_init(&body, dh_mem_default(), 0);
    struct dh_writer inner;
    dh_writer_init(&inner, &body);
    dh_write_int8(&inner, 0);
    dh_write_varlong(&inner, (offset - draft->offset) * 10);
    dh_write_varint(&inner, (int32_t)(offset - draft->offset));
    if (draft->is_control) {
        static const uint8_t commit_marker[] = {0, 0, 0, 1};
        static const uint8_t coordinator_epoch[] = {0, 0, 0, 0, 0, 0};
        dh_write_varint(&inner, sizeof(commit_marker));
        dh_write_bytes(&inner, commit_marker, sizeof(commit_marker));
        dh_write_varint(&inner, sizeof(coordinator_epoch));
        dh_write_bytes(&inner, coordinator_epoch, sizeof(coordinator_epoch));
    } else {
        dh_write_varint(&inner, (int32_t)content->key_size);
        dh_write_bytes(&inner, content->key, content->key_size);
        dh_write_varint(&inner, (int32_t)content->value_size);
        for (size_t i = 0; i < content->value_size; i++) {
            dh_write_int8(&inner, (int8_t)value_byte(content, i));
        }
    }
    dh_write_varint(&inner, 0); // headers
    dh_write_varint(writer, (int32_t)body.size);
    dh_write_bytes(writer, body.data, body.size);
    DH_ASSERT(body.err == 0);
    dh_buf_deinit(&body);
}

static void write_payload(struct sim_topics *topics, int place, const struct draft *draft,
                          struct dh_buf *out)
{
    struct dh_buf plain;
    dh_buf_init(&plain, dh_mem_default(), 0);
    struct dh_writer writer;
    dh_writer_init(&writer, &plain);
    for (int i = 0; i < draft->count; i++) {
        struct content content = content_of(topics->seed, place, draft->offsets[i]);
        write_record(&writer, draft, draft->offsets[i], &content);
    }
    if (draft->codec == DH_CODEC_NONE || plain.size == 0) {
        dh_buf_append(out, plain.data, plain.size);
    } else {
        int err = dh_codec_compress(&topics->codecs, dh_codec_find(draft->codec),
                                    DH_CODEC_LEVEL_DEFAULT, dh_buf_view(&plain), out);
        DH_ASSERT(err == 0);
    }
    dh_buf_deinit(&plain);
}

static void write_batch(struct sim_topics *topics, int place,
                        struct sim_partition *partition, const struct draft *draft)
{
    struct dh_buf payload;
    dh_buf_init(&payload, dh_mem_default(), 0);
    write_payload(topics, place, draft, &payload);

    // What the checksum covers.
    struct dh_buf tail;
    dh_buf_init(&tail, dh_mem_default(), 0);
    struct dh_writer writer;
    dh_writer_init(&writer, &tail);
    int attributes =
        draft->codec | (draft->is_control ? IS_CONTROL | IS_TRANSACTIONAL : 0);
    struct content first = content_of(topics->seed, place, draft->offset);
    struct content last = content_of(topics->seed, place, draft->last_offset);
    dh_write_int16(&writer, (int16_t)attributes);
    dh_write_int32(&writer, (int32_t)(draft->last_offset - draft->offset));
    dh_write_int64(&writer, first.timestamp_ms);
    dh_write_int64(&writer, last.timestamp_ms);
    dh_write_int64(&writer, draft->is_control ? 7 : -1); // producer
    dh_write_int16(&writer, draft->is_control ? 0 : -1);
    dh_write_int32(&writer, -1); // sequence
    dh_write_int32(&writer, draft->count);
    dh_write_bytes(&writer, payload.data, payload.size);

    dh_writer_init(&writer, &partition->bytes);
    dh_write_int64(&writer, draft->offset);
    dh_write_int32(&writer, (int32_t)(9 + tail.size));
    dh_write_int32(&writer, partition->leader_epoch);
    dh_write_int8(&writer, 2);
    dh_write_uint32(&writer, dh_crc32c(tail.data, tail.size));
    dh_write_bytes(&writer, tail.data, tail.size);
    DH_ASSERT(payload.err == 0 && tail.err == 0 && partition->bytes.err == 0);
    dh_buf_deinit(&tail);
    dh_buf_deinit(&payload);
}

// ---- Appending ----

static void tell(struct sim_topics *topics, int place, int64_t offset, int64_t end,
                 bool is_visible)
{
    if (offset < end) {
        sim_history_add(topics->history,
                        &(struct sim_event){.at_ns = topics->scheduler->now_ns,
                                            .kind = SIM_APPENDED,
                                            .member = -1,
                                            .place = place,
                                            .offset = offset,
                                            .end = end,
                                            .flag = is_visible});
    }
}

static struct draft draft_batch(struct sim_scheduler *scheduler, int64_t offset,
                                bool must_hold_records)
{
    struct draft draft = {.offset = offset, .last_offset = offset};
    bool has_holes = sim_chance(scheduler, 200);
    uint64_t kind = must_hold_records ? 9 : sim_below(scheduler, 20);
    if (kind == 0) { // compaction has emptied it
        draft.last_offset += sim_between(scheduler, 0, 5);
        return draft;
    }
    if (kind == 1) {
        draft.is_control = true;
        draft.offsets[draft.count++] = offset;
        return draft;
    }
    if (sim_chance(scheduler, 400)) {
        draft.codec = (int)sim_below(scheduler, DH_CODEC_COUNT);
    }
    int count = (int)sim_between(scheduler, 1, BATCH_RECORDS_MAX);
    for (int i = 0; i < count; i++) {
        if (has_holes && sim_chance(scheduler, 400)) {
            offset += sim_between(scheduler, 1, 4);
        }
        draft.offsets[draft.count++] = offset++;
    }
    draft.last_offset = offset - 1;
    if (has_holes && !must_hold_records) {
        draft.last_offset += sim_between(scheduler, 0, 2);
    }
    return draft;
}

void sim_topics_append(struct sim_topics *topics, int place, bool must_hold_records)
{
    struct sim_partition *partition = sim_topics_partition(topics, place);
    DH_ASSERT(partition != NULL);
    int64_t start = partition->end;
    int64_t offset = start;
    if (sim_chance(topics->scheduler, 50)) {
        offset += sim_between(topics->scheduler, 1, 20); // a gap between batches
    }
    struct draft draft = draft_batch(topics->scheduler, offset, must_hold_records);
    if (partition->batch_count == partition->batch_capacity) {
        partition->batch_capacity = partition->batch_capacity * 2 + 16;
        partition->batches = realloc(partition->batches, partition->batch_capacity *
                                                             sizeof(*partition->batches));
        DH_ASSERT(partition->batches != NULL);
    }
    partition->batches[partition->batch_count++] =
        (struct sim_batch){draft.offset, draft.last_offset, partition->bytes.size};
    write_batch(topics, place, partition, &draft);
    partition->end = draft.last_offset + 1;

    for (int i = 0; i < draft.count && !draft.is_control; i++) {
        tell(topics, place, start, draft.offsets[i], false);
        tell(topics, place, draft.offsets[i], draft.offsets[i] + 1, true);
        start = draft.offsets[i] + 1;
        partition->last_visible = draft.offsets[i];
    }
    tell(topics, place, start, partition->end, false);
}

dohle_bytes sim_partition_read(const struct sim_partition *partition, int64_t offset,
                               size_t bytes_max, bool is_first_whole)
{
    size_t low = 0;
    size_t high = partition->batch_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (partition->batches[middle].last_offset >= offset) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low == partition->batch_count) {
        return (dohle_bytes){partition->bytes.data, 0};
    }
    size_t at = partition->batches[low].at;
    size_t next = low + 1 < partition->batch_count ? partition->batches[low + 1].at
                                                   : partition->bytes.size;
    size_t size = partition->bytes.size - at;
    if (size > bytes_max) {
        size = bytes_max;
    }
    if (size < next - at) {
        size = is_first_whole ? next - at : 0;
    }
    return (dohle_bytes){partition->bytes.data + at, size};
}
