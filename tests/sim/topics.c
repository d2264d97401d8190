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

#define BATCH_RECORDS_MAX 10

// Attributes of a batch.
#define IS_TRANSACTIONAL 0x10
#define IS_CONTROL       0x20

// ---- What a record holds ----

struct sim_content sim_topics_content(struct sim_topics *topics, int place,
                                      int64_t number)
{
    struct dh_random random = {.state = topics->seed ^ ((uint64_t)place << 48) ^
                                        (uint64_t)number};
    int key_size =
        snprintf(topics->key, sizeof(topics->key), "%d-%" PRId64, place, number);
    size_t size = (size_t)dh_random_below(&random, 200);
    if (dh_random_below(&random, 50) == 0) {
        size = (size_t)dh_random_below(&random, SIM_VALUE_BYTES_MAX);
    }
    uint64_t value_seed = dh_random_next(&random);
    for (size_t i = 0; i < size; i++) {
        topics->value[i] = (uint8_t)(value_seed >> (i % 7 * 8) ^ i / 5);
    }
    return (struct sim_content){
        .key = {(const uint8_t *)topics->key, (size_t)key_size},
        .value = {topics->value, size},
        .timestamp_ms = SIM_TIME_MS + number * 10,
    };
}

int64_t sim_topics_number(struct sim_topics *topics, int place,
                          const dohle_record *record)
{
    char key[40];
    int place_found;
    int64_t number;
    if (record->key.size >= sizeof(key)) {
        return -1;
    }
    memcpy(key, record->key.data, record->key.size);
    key[record->key.size] = '\0';
    if (sscanf(key, "%d-%" SCNd64, &place_found, &number) != 2 || place_found != place) {
        return -1;
    }
    struct sim_content content = sim_topics_content(topics, place, number);
    bool is_intact = record->timestamp_ms == content.timestamp_ms &&
                     dh_bytes_equal(record->key, content.key) &&
                     dh_bytes_equal(record->value, content.value);
    return is_intact ? number : -1;
}

static const struct sim_record *record_at(const struct sim_partition *partition,
                                          int64_t offset)
{
    size_t low = 0;
    size_t high = partition->record_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (partition->records[middle].offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_there =
        low < partition->record_count && partition->records[low].offset == offset;
    return is_there ? &partition->records[low] : NULL;
}

bool sim_topics_is_intact(struct sim_topics *topics, int place,
                          const dohle_record *record)
{
    const struct sim_partition *partition = sim_topics_partition(topics, place);
    const struct sim_record *truth =
        partition == NULL ? NULL : record_at(partition, record->offset);
    return truth != NULL && sim_topics_number(topics, place, record) == truth->number;
}

// ---- Topics ----

void sim_topics_init(struct sim_topics *topics, struct sim_scheduler *scheduler,
                     struct sim_history *history, uint64_t seed)
{
    memset(topics, 0, sizeof(*topics));
    topics->scheduler = scheduler;
    topics->history = history;
    topics->seed = seed;
    for (int group = 0; group < SIM_GROUPS_MAX; group++) {
        snprintf(topics->group_ids[group], sizeof(topics->group_ids[group]), "group-%d",
                 group);
        for (int place = 0; place < SIM_PLACES_MAX; place++) {
            topics->committed[group][place] = -1;
        }
    }
    dh_codec_context_init(&topics->codecs, dh_mem_default(), NULL);
}

void sim_topics_deinit(struct sim_topics *topics)
{
    for (int i = 0; i < topics->count; i++) {
        for (int j = 0; j < topics->topics[i].partition_count; j++) {
            dh_buf_deinit(&topics->topics[i].partitions[j].bytes);
            free(topics->topics[i].partitions[j].batches);
            free(topics->topics[i].partitions[j].records);
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

// ---- Groups ----

int sim_topics_group(const struct sim_topics *topics, dohle_bytes id)
{
    for (int group = 0; group < SIM_GROUPS_MAX; group++) {
        if (dh_bytes_equal(id, dh_bytes_of(topics->group_ids[group]))) {
            return group;
        }
    }
    return -1;
}

void sim_topics_commit(struct sim_topics *topics, int group, int place, int64_t offset)
{
    DH_ASSERT(group >= 0 && group < SIM_GROUPS_MAX);
    topics->committed[group][place] = offset;
    topics->commits++;
    sim_history_add(topics->history,
                    &(struct sim_event){.at_ns = topics->scheduler->now_ns,
                                        .kind = SIM_COMMITTED,
                                        .member = -1,
                                        .place = place,
                                        .group = group,
                                        .offset = offset});
}

// ---- Growth ----

// number NULL: nothing to be seen.
static void tell(struct sim_topics *topics, int place, int64_t offset, int64_t end,
                 const int64_t *number)
{
    sim_history_add(
        topics->history,
        &(struct sim_event){.at_ns = topics->scheduler->now_ns,
                            .kind = SIM_APPENDED,
                            .member = -1,
                            .place = place,
                            .offset = offset,
                            .end = end,
                            .flag = number != NULL,
                            .call = number == NULL ? 0 : (uint64_t)(*number + 1)});
}

void sim_topics_add_gap(struct sim_topics *topics, int place, int64_t first, int64_t end)
{
    if (first < end) {
        struct sim_partition *partition = sim_topics_partition(topics, place);
        DH_ASSERT(partition != NULL);
        partition->end = end;
        tell(topics, place, first, end, NULL);
    }
}

void sim_topics_add_record(struct sim_topics *topics, int place, int64_t offset,
                           int64_t number)
{
    struct sim_partition *partition = sim_topics_partition(topics, place);
    DH_ASSERT(partition != NULL && offset > partition->last_visible);
    if (partition->record_count == partition->record_capacity) {
        partition->record_capacity = partition->record_capacity * 2 + 16;
        partition->records = realloc(partition->records, partition->record_capacity *
                                                             sizeof(*partition->records));
        DH_ASSERT(partition->records != NULL);
    }
    partition->records[partition->record_count++] = (struct sim_record){offset, number};
    partition->last_visible = offset;
    partition->end = offset + 1;
    tell(topics, place, offset, offset + 1, &number);
}

// ---- Batches ----

// A batch before it has bytes.
struct draft {
    int64_t offset;
    int64_t last_offset;
    int32_t leader_epoch;
    int64_t offsets[BATCH_RECORDS_MAX]; // of its records
    int64_t numbers[BATCH_RECORDS_MAX];
    int count;
    bool is_control;
    int codec;
};

static int64_t time_of(int64_t number)
{
    return SIM_TIME_MS + number * 10;
}

// Of its first and last record; without records it does not matter.
static int64_t base_time(const struct draft *draft)
{
    return time_of(draft->count == 0 ? 0 : draft->numbers[0]);
}

static int64_t max_time(const struct draft *draft)
{
    return time_of(draft->count == 0 ? 0 : draft->numbers[draft->count - 1]);
}

static void write_record(struct dh_writer *writer, const struct draft *draft, int index,
                         const struct sim_content *content)
{
    struct dh_buf body;
    dh_buf_init(&body, dh_mem_default(), 0);
    struct dh_writer inner;
    dh_writer_init(&inner, &body);
    dh_write_int8(&inner, 0);
    dh_write_varlong(&inner, content->timestamp_ms - base_time(draft));
    dh_write_varint(&inner, (int32_t)(draft->offsets[index] - draft->offset));
    if (draft->is_control) {
        static const uint8_t commit_marker[] = {0, 0, 0, 1};
        static const uint8_t coordinator_epoch[] = {0, 0, 0, 0, 0, 0};
        dh_write_varint(&inner, sizeof(commit_marker));
        dh_write_bytes(&inner, commit_marker, sizeof(commit_marker));
        dh_write_varint(&inner, sizeof(coordinator_epoch));
        dh_write_bytes(&inner, coordinator_epoch, sizeof(coordinator_epoch));
    } else {
        dh_write_varint(&inner, (int32_t)content->key.size);
        dh_write_bytes(&inner, content->key.data, content->key.size);
        dh_write_varint(&inner, (int32_t)content->value.size);
        dh_write_bytes(&inner, content->value.data, content->value.size);
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
        struct sim_content content = sim_topics_content(topics, place, draft->numbers[i]);
        write_record(&writer, draft, i, &content);
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

static void write_batch(struct sim_topics *topics, int place, const struct draft *draft,
                        struct dh_buf *out)
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
    dh_write_int16(&writer, (int16_t)attributes);
    dh_write_int32(&writer, (int32_t)(draft->last_offset - draft->offset));
    dh_write_int64(&writer, base_time(draft));
    dh_write_int64(&writer, max_time(draft));
    dh_write_int64(&writer, draft->is_control ? 7 : -1); // producer
    dh_write_int16(&writer, draft->is_control ? 0 : -1);
    dh_write_int32(&writer, -1); // sequence
    dh_write_int32(&writer, draft->count);
    dh_write_bytes(&writer, payload.data, payload.size);

    dh_writer_init(&writer, out);
    dh_write_int64(&writer, draft->offset);
    dh_write_int32(&writer, (int32_t)(9 + tail.size));
    dh_write_int32(&writer, draft->leader_epoch);
    dh_write_int8(&writer, 2);
    dh_write_uint32(&writer, dh_crc32c(tail.data, tail.size));
    dh_write_bytes(&writer, tail.data, tail.size);
    DH_ASSERT(payload.err == 0 && tail.err == 0 && out->err == 0);
    dh_buf_deinit(&tail);
    dh_buf_deinit(&payload);
}

static void draft_batch(struct sim_scheduler *scheduler, struct draft *draft,
                        bool must_hold_records)
{
    int64_t offset = draft->offset;
    draft->last_offset = offset;
    bool has_holes = sim_chance(scheduler, 200);
    uint64_t kind = must_hold_records ? 9 : sim_below(scheduler, 20);
    if (kind == 0) { // compaction has emptied it
        draft->last_offset += sim_between(scheduler, 0, 5);
        return;
    }
    if (kind == 1) {
        draft->is_control = true;
        draft->offsets[draft->count++] = offset;
        return;
    }
    if (sim_chance(scheduler, 400)) {
        draft->codec = (int)sim_below(scheduler, DH_CODEC_COUNT);
    }
    int count = (int)sim_between(scheduler, 1, BATCH_RECORDS_MAX);
    for (int i = 0; i < count; i++) {
        if (has_holes && sim_chance(scheduler, 400)) {
            offset += sim_between(scheduler, 1, 4);
        }
        draft->offsets[draft->count++] = offset++;
    }
    draft->last_offset = offset - 1;
    if (has_holes && !must_hold_records) {
        draft->last_offset += sim_between(scheduler, 0, 2);
    }
}

static void number_records(struct sim_topics *topics, int place,
                           struct sim_partition *partition, struct draft *draft)
{
    for (int i = 0; i < draft->count; i++) {
        draft->numbers[i] = partition->number_next++;
        sim_history_add(topics->history,
                        &(struct sim_event){.at_ns = topics->scheduler->now_ns,
                                            .kind = SIM_SENT_RECORD,
                                            .member = -1,
                                            .group = SIM_NO_PRODUCER,
                                            .place = place,
                                            .call = (uint64_t)draft->numbers[i] + 1,
                                            .flag = true});
    }
}

void sim_topics_write_batch(struct sim_topics *topics, int place, bool must_hold_records,
                            struct dh_buf *out)
{
    struct sim_partition *partition = sim_topics_partition(topics, place);
    DH_ASSERT(partition != NULL);
    struct draft draft = {.offset = 0};
    draft_batch(topics->scheduler, &draft, must_hold_records);
    number_records(topics, place, partition, &draft);
    write_batch(topics, place, &draft, out);
}

// ---- The scripted brokers' log ----

void sim_topics_append(struct sim_topics *topics, int place, bool must_hold_records)
{
    struct sim_partition *partition = sim_topics_partition(topics, place);
    DH_ASSERT(partition != NULL);
    int64_t start = partition->end;
    struct draft draft = {.offset = start, .leader_epoch = partition->leader_epoch};
    if (sim_chance(topics->scheduler, 50)) {
        draft.offset += sim_between(topics->scheduler, 1, 20); // a gap between batches
    }
    draft_batch(topics->scheduler, &draft, must_hold_records);
    number_records(topics, place, partition, &draft);
    if (partition->batch_count == partition->batch_capacity) {
        partition->batch_capacity = partition->batch_capacity * 2 + 16;
        partition->batches = realloc(partition->batches, partition->batch_capacity *
                                                             sizeof(*partition->batches));
        DH_ASSERT(partition->batches != NULL);
    }
    partition->batches[partition->batch_count++] =
        (struct sim_batch){draft.offset, draft.last_offset, partition->bytes.size};
    write_batch(topics, place, &draft, &partition->bytes);

    for (int i = 0; i < draft.count && !draft.is_control; i++) {
        sim_topics_add_gap(topics, place, start, draft.offsets[i]);
        sim_topics_add_record(topics, place, draft.offsets[i], draft.numbers[i]);
        start = draft.offsets[i] + 1;
    }
    sim_topics_add_gap(topics, place, start, draft.last_offset + 1);
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
