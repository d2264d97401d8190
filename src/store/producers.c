// SPDX-License-Identifier: MIT
#include "store/producers.h"

#include <string.h>

#include <dohle/error.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "wire/gen/broker_errors.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define SNAPSHOT_VERSION     1
#define SNAPSHOT_CRC_OFFSET  2
#define SNAPSHOT_ROWS_OFFSET 6

void dh_store_producers_init(struct dh_store_producers *producers,
                             const dohle_allocator *mem, uint64_t seed)
{
    *producers = (struct dh_store_producers){.mem = mem};
    dh_map_init(&producers->by_id, mem, seed);
}

void dh_store_producers_deinit(struct dh_store_producers *producers)
{
    dh_store_producers_clear(producers);
    dh_map_deinit(&producers->by_id);
}

void dh_store_producers_clear(struct dh_store_producers *producers)
{
    for (struct dh_map_item *item = dh_map_first(&producers->by_id); item != NULL;
         item = dh_map_next(item)) {
        dh_mem_free(producers->mem, item->value, sizeof(struct dh_store_producer));
    }
    dh_map_clear(&producers->by_id);
    dh_mem_free(producers->mem, producers->prepared,
                producers->prepared_capacity * sizeof(*producers->prepared));
    producers->prepared = NULL;
    producers->prepared_count = 0;
    producers->prepared_capacity = 0;
}

// ---- Sequences ----

static void make_unknown(struct dh_store_producer *producer, int64_t id)
{
    *producer = (struct dh_store_producer){
        .id = id,
        .last_timestamp_ms = -1,
        .transaction_offset = -1,
        .coordinator_epoch = -1,
        .epoch = -1,
    };
}

// Sequences count from 0 to INT32_MAX and on from 0.
static int32_t add_sequence(int32_t sequence, int64_t count)
{
    return (int32_t)(((int64_t)sequence + count) & INT32_MAX);
}

static int32_t last_sequence_of(const struct dh_store_batch *batch)
{
    return batch->base_sequence < 0
               ? -1
               : add_sequence(batch->base_sequence,
                              batch->last_offset - batch->base_offset);
}

static const struct dh_store_producer_batch *
find_duplicate(const struct dh_store_producer *producer,
               const struct dh_store_batch *batch)
{
    for (size_t i = 0; i < producer->batch_count; i++) {
        const struct dh_store_producer_batch *known = &producer->batches[i];
        // Adding 2^31 - delta is taking delta away, in that ring.
        int32_t first =
            add_sequence(known->last_sequence, INT64_C(0x80000000) - known->offset_delta);
        if (first == batch->base_sequence &&
            known->last_sequence == last_sequence_of(batch)) {
            return known;
        }
    }
    return NULL;
}

static void judge(const struct dh_store_producer *producer,
                  const struct dh_store_batch *batch, struct dh_store_verdict *verdict)
{
    *verdict = (struct dh_store_verdict){0};
    if (batch->producer_epoch < producer->epoch) {
        verdict->broker_code = DH_BROKER_INVALID_PRODUCER_EPOCH;
        return;
    }
    if (batch->producer_epoch != producer->epoch) {
        bool may_begin = batch->base_sequence == 0 || producer->epoch == -1;
        verdict->broker_code = may_begin ? 0 : DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER;
        return;
    }
    const struct dh_store_producer_batch *duplicate = find_duplicate(producer, batch);
    if (duplicate != NULL) {
        verdict->is_duplicate = true;
        verdict->duplicate = *duplicate;
        return;
    }
    // A producer whose last word was the end of a transaction begins at 0.
    int32_t expected =
        producer->batch_count == 0
            ? 0
            : add_sequence(producer->batches[producer->batch_count - 1].last_sequence, 1);
    if (batch->base_sequence != expected) {
        verdict->broker_code = DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
}

static void count_in(struct dh_store_producer *producer,
                     const struct dh_store_batch *batch)
{
    if (producer->epoch != batch->producer_epoch) {
        producer->epoch = batch->producer_epoch;
        producer->batch_count = 0;
    }
    producer->last_timestamp_ms = batch->max_timestamp_ms;
    if (batch->is_control) {
        producer->transaction_offset = -1;
        return;
    }
    if (producer->batch_count == DH_STORE_PRODUCER_BATCHES) {
        producer->batch_count--;
        memmove(producer->batches, producer->batches + 1,
                producer->batch_count * sizeof(producer->batches[0]));
    }
    producer->batches[producer->batch_count++] = (struct dh_store_producer_batch){
        .last_offset = batch->last_offset,
        .timestamp_ms = batch->max_timestamp_ms,
        .last_sequence = last_sequence_of(batch),
        .offset_delta = (int32_t)(batch->last_offset - batch->base_offset),
    };
}

// ---- Appends ----

static struct dh_store_producer *find_prepared(struct dh_store_producers *producers,
                                               int64_t id)
{
    for (size_t i = 0; i < producers->prepared_count; i++) {
        if (producers->prepared[i].id == id) {
            return &producers->prepared[i];
        }
    }
    return NULL;
}

// The producer's own place, made when it is not there.
static struct dh_store_producer *find_or_make(struct dh_store_producers *producers,
                                              int64_t id)
{
    struct dh_store_producer *producer = dh_map_get_u64(&producers->by_id, (uint64_t)id);
    if (producer != NULL) {
        return producer;
    }
    producer = dh_mem_alloc(producers->mem, sizeof(*producer));
    if (producer == NULL) {
        return NULL;
    }
    make_unknown(producer, id);
    if (dh_map_put_u64(&producers->by_id, (uint64_t)id, producer) != 0) {
        dh_mem_free(producers->mem, producer, sizeof(*producer));
        return NULL;
    }
    return producer;
}

int dh_store_producers_prepare(struct dh_store_producers *producers,
                               const struct dh_store_batch *batch,
                               struct dh_store_verdict *verdict)
{
    struct dh_store_producer unknown;
    make_unknown(&unknown, batch->producer_id);
    struct dh_store_producer *prepared = find_prepared(producers, batch->producer_id);
    const struct dh_store_producer *known = prepared;
    if (known == NULL) {
        known = dh_map_get_u64(&producers->by_id, (uint64_t)batch->producer_id);
    }
    judge(known == NULL ? &unknown : known, batch, verdict);
    if (verdict->broker_code != 0 || verdict->is_duplicate) {
        return 0;
    }
    if (prepared == NULL) {
        // The place in the map is made now, so that commit cannot fail.
        const struct dh_store_producer *place =
            find_or_make(producers, batch->producer_id);
        if (place == NULL ||
            dh_mem_grow(producers->mem, &producers->prepared,
                        &producers->prepared_capacity, producers->prepared_count + 1,
                        sizeof(*producers->prepared)) != 0) {
            return DOHLE_ERR_NO_MEMORY;
        }
        prepared = &producers->prepared[producers->prepared_count++];
        *prepared = *place;
    }
    count_in(prepared, batch);
    return 0;
}

static void forget_if_unknown(struct dh_store_producers *producers, int64_t id)
{
    struct dh_store_producer *producer = dh_map_get_u64(&producers->by_id, (uint64_t)id);
    if (producer != NULL && producer->epoch == -1) {
        (void)dh_map_remove_u64(&producers->by_id, (uint64_t)id);
        dh_mem_free(producers->mem, producer, sizeof(*producer));
    }
}

static void free_prepared(struct dh_store_producers *producers)
{
    dh_mem_free(producers->mem, producers->prepared,
                producers->prepared_capacity * sizeof(*producers->prepared));
    producers->prepared = NULL;
    producers->prepared_count = 0;
    producers->prepared_capacity = 0;
}

void dh_store_producers_commit(struct dh_store_producers *producers)
{
    for (size_t i = 0; i < producers->prepared_count; i++) {
        struct dh_store_producer *producer =
            dh_map_get_u64(&producers->by_id, (uint64_t)producers->prepared[i].id);
        *producer = producers->prepared[i];
    }
    free_prepared(producers);
}

void dh_store_producers_abandon(struct dh_store_producers *producers)
{
    for (size_t i = 0; i < producers->prepared_count; i++) {
        forget_if_unknown(producers, producers->prepared[i].id);
    }
    free_prepared(producers);
}

int dh_store_producers_replay(struct dh_store_producers *producers,
                              const struct dh_store_batch *batch)
{
    struct dh_store_producer *producer = find_or_make(producers, batch->producer_id);
    if (producer == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    // What is in the log was right when it was written.
    count_in(producer, batch);
    return 0;
}

void dh_store_producers_expire(struct dh_store_producers *producers, int64_t wall_ms)
{
    struct dh_map_item *next;
    for (struct dh_map_item *item = dh_map_first(&producers->by_id); item != NULL;
         item = next) {
        next = dh_map_next(item);
        struct dh_store_producer *producer = item->value;
        if (producer->transaction_offset < 0 &&
            wall_ms - DH_STORE_PRODUCER_EXPIRY_MS >= producer->last_timestamp_ms) {
            (void)dh_map_remove_u64(&producers->by_id, (uint64_t)producer->id);
            dh_mem_free(producers->mem, producer, sizeof(*producer));
        }
    }
}

// ---- Snapshots ----

static void print_producer(const struct dh_store_producer *producer,
                           struct dh_writer *writer)
{
    struct dh_store_producer_batch last = {.last_offset = -1, .last_sequence = -1};
    if (producer->batch_count > 0) {
        last = producer->batches[producer->batch_count - 1];
    }
    dh_write_int64(writer, producer->id);
    dh_write_int16(writer, producer->epoch);
    dh_write_int32(writer, last.last_sequence);
    dh_write_int64(writer, last.last_offset);
    dh_write_int32(writer, last.offset_delta);
    dh_write_int64(writer, producer->last_timestamp_ms);
    dh_write_int32(writer, producer->coordinator_epoch);
    dh_write_int64(writer, producer->transaction_offset);
}

void dh_store_producers_print(const struct dh_store_producers *producers,
                              struct dh_buf *out)
{
    struct dh_writer writer;
    dh_writer_init(&writer, out);
    size_t begin = out->size;
    dh_write_int16(&writer, SNAPSHOT_VERSION);
    dh_write_uint32(&writer, 0);
    dh_write_int32(&writer, (int32_t)producers->by_id.count);
    for (struct dh_map_item *item = dh_map_first(&producers->by_id); item != NULL;
         item = dh_map_next(item)) {
        print_producer(item->value, &writer);
    }
    if (out->err != 0) {
        return;
    }
    uint8_t *data = out->data + begin;
    uint32_t crc =
        dh_crc32c(data + SNAPSHOT_ROWS_OFFSET, out->size - begin - SNAPSHOT_ROWS_OFFSET);
    for (int i = 0; i < 4; i++) {
        data[SNAPSHOT_CRC_OFFSET + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

static int parse_producer(struct dh_store_producers *producers, struct dh_reader *reader)
{
    struct dh_store_producer read;
    make_unknown(&read, dh_read_int64(reader));
    read.epoch = dh_read_int16(reader);
    struct dh_store_producer_batch last;
    last.last_sequence = dh_read_int32(reader);
    last.last_offset = dh_read_int64(reader);
    last.offset_delta = dh_read_int32(reader);
    read.last_timestamp_ms = dh_read_int64(reader);
    last.timestamp_ms = read.last_timestamp_ms;
    read.coordinator_epoch = dh_read_int32(reader);
    read.transaction_offset = dh_read_int64(reader);
    if (last.last_offset >= 0) {
        read.batches[read.batch_count++] = last;
    }
    if (read.id < 0 || read.epoch < 0 || last.offset_delta < 0) {
        return DOHLE_ERR_CORRUPT;
    }
    struct dh_store_producer *producer = find_or_make(producers, read.id);
    if (producer == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    *producer = read;
    return 0;
}

int dh_store_producers_parse(struct dh_store_producers *producers, dohle_bytes snapshot)
{
    dh_store_producers_clear(producers);
    struct dh_reader reader;
    dh_reader_init(&reader, snapshot);
    int16_t version = dh_read_int16(&reader);
    uint32_t crc = dh_read_uint32(&reader);
    int32_t count = dh_read_int32(&reader);
    if (reader.err != 0 || version != SNAPSHOT_VERSION || count < 0 ||
        dh_reader_left(&reader) != (size_t)count * DH_STORE_SNAPSHOT_ROW_SIZE ||
        crc != dh_crc32c(snapshot.data + SNAPSHOT_ROWS_OFFSET,
                         snapshot.size - SNAPSHOT_ROWS_OFFSET)) {
        return DOHLE_ERR_CORRUPT;
    }
    int err = 0;
    for (int32_t i = 0; i < count && err == 0; i++) {
        err = parse_producer(producers, &reader);
    }
    if (err != 0) {
        dh_store_producers_clear(producers);
    }
    return err;
}
