// SPDX-License-Identifier: MIT
#include "client/producer/accumulator.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/cluster.h"
#include "client/back/outbox.h"
#include "record/batch.h"

static int32_t level_of(const struct dh_settings *settings)
{
    switch ((enum dh_compression)settings->compression_type) {
    case DH_COMPRESSION_GZIP: return settings->compression_gzip_level;
    case DH_COMPRESSION_LZ4: return settings->compression_lz4_level;
    case DH_COMPRESSION_ZSTD: return settings->compression_zstd_level;
    case DH_COMPRESSION_NONE:
    case DH_COMPRESSION_SNAPPY: break;
    }
    return 0;
}

void dh_accumulator_init(struct dh_accumulator *accumulator,
                         const struct dh_back_context *context)
{
    *accumulator = (struct dh_accumulator){
        .context = *context,
        .codec = dh_codec_find(context->settings->compression_type),
        .level = level_of(context->settings),
    };
    dh_map_init(&accumulator->topics, context->mem, dh_random_next(context->random));
    dh_codec_context_init(&accumulator->codecs, context->mem, context->frames);
    dh_list_init(&accumulator->spare_batches);
}

// ---- Life cycle ----

static void free_records(struct dh_accumulator *accumulator, struct dh_list *records)
{
    for (struct dh_link *link; (link = dh_list_pop_front(records)) != NULL;) {
        struct dh_message *message = &dh_record_of(link)->message;
        dh_mem_free(accumulator->context.mem, message, message->size);
        accumulator->record_count--;
    }
}

static void free_batch(struct dh_accumulator *accumulator, struct dh_produce_batch *batch)
{
    dh_batch_writer_deinit(&batch->writer);
    dh_mem_free(accumulator->context.mem, batch, sizeof(*batch));
}

static void free_partition(struct dh_accumulator *accumulator,
                           struct dh_producer_partition *partition)
{
    if (partition == NULL) {
        return;
    }
    free_records(accumulator, &partition->queue);
    if (partition->batch != NULL) {
        free_records(accumulator, &partition->batch->records);
        free_batch(accumulator, partition->batch);
    }
    dh_alarm_deinit(&partition->alarm, accumulator->context.alarms);
    dh_mem_free(accumulator->context.mem, partition, sizeof(*partition));
}

static void free_topic(struct dh_accumulator *accumulator,
                       struct dh_producer_topic *topic)
{
    const dohle_allocator *mem = accumulator->context.mem;
    free_records(accumulator, &topic->unassigned);
    for (size_t i = 0; i < topic->partition_capacity; i++) {
        free_partition(accumulator, topic->partitions[i]);
    }
    dh_mem_free(mem, topic->partitions,
                topic->partition_capacity * sizeof(*topic->partitions));
    dh_mem_free_string(mem, topic->name);
    dh_mem_free(mem, topic, sizeof(*topic));
}

void dh_accumulator_deinit(struct dh_accumulator *accumulator)
{
    for (struct dh_map_item *item = dh_map_first(&accumulator->topics); item != NULL;
         item = dh_map_next(item)) {
        free_topic(accumulator, item->value);
    }
    for (struct dh_link *link;
         (link = dh_list_pop_front(&accumulator->spare_batches)) != NULL;) {
        free_batch(accumulator, DH_CONTAINER_OF(link, struct dh_produce_batch, link));
    }
    dh_map_deinit(&accumulator->topics);
    dh_codec_context_deinit(&accumulator->codecs);
    DH_ASSERT(accumulator->record_count == 0);
}

struct dh_producer_topic *dh_accumulator_topic(struct dh_accumulator *accumulator,
                                               const char *name, int64_t now_ns)
{
    dohle_bytes key = dh_bytes_of(name);
    struct dh_producer_topic *topic = dh_map_get(&accumulator->topics, key);
    if (topic != NULL) {
        return topic;
    }
    const struct dh_back_context *context = &accumulator->context;
    topic = dh_mem_calloc(context->mem, 1, sizeof(*topic));
    if (topic == NULL) {
        return NULL;
    }
    dh_list_init(&topic->unassigned);
    topic->name = dh_mem_copy_string(context->mem, name, key.size);
    if (topic->name == NULL || dh_map_put(&accumulator->topics, key, topic) != 0) {
        free_topic(accumulator, topic);
        return NULL;
    }
    // Errors of the topic are told with the records.
    if (dh_cluster_want_quietly(context->cluster, name, now_ns) != 0) {
        (void)dh_map_remove(&accumulator->topics, key);
        free_topic(accumulator, topic);
        return NULL;
    }
    return topic;
}

static int grow_partitions(struct dh_accumulator *accumulator,
                           struct dh_producer_topic *topic, int32_t index)
{
    size_t capacity_before = topic->partition_capacity;
    int err = dh_mem_grow(accumulator->context.mem, &topic->partitions,
                          &topic->partition_capacity, (size_t)index + 1,
                          sizeof(*topic->partitions));
    for (size_t i = capacity_before; err == 0 && i < topic->partition_capacity; i++) {
        topic->partitions[i] = NULL;
    }
    return err;
}

struct dh_producer_partition *
dh_accumulator_partition(struct dh_accumulator *accumulator,
                         struct dh_producer_topic *topic, int32_t index,
                         void (*on_due)(struct dh_alarm *, int64_t))
{
    const struct dh_back_context *context = &accumulator->context;
    if (grow_partitions(accumulator, topic, index) != 0) {
        return NULL;
    }
    if (topic->partitions[index] != NULL) {
        return topic->partitions[index];
    }
    struct dh_producer_partition *partition =
        dh_mem_calloc(context->mem, 1, sizeof(*partition));
    if (partition == NULL) {
        return NULL;
    }
    if (dh_alarm_init(&partition->alarm, context->alarms, on_due) != 0) {
        dh_mem_free(context->mem, partition, sizeof(*partition));
        return NULL;
    }
    partition->topic = topic;
    partition->index = index;
    partition->state = DH_PARTITION_IDLE;
    partition->backoff =
        (struct dh_backoff){.initial_ms = context->settings->retry_backoff_ms,
                            .max_ms = context->settings->retry_backoff_max_ms};
    partition->batch_bytes_max = (size_t)context->settings->batch_size;
    partition->producer_id = -1;
    partition->producer_epoch = -1;
    dh_list_init(&partition->queue);
    topic->partitions[index] = partition;
    return partition;
}

struct dh_producer_partition *
dh_accumulator_find(const struct dh_accumulator *accumulator, dohle_bytes topic,
                    int32_t index)
{
    const struct dh_producer_topic *found = dh_map_get(&accumulator->topics, topic);
    if (found == NULL || index < 0 || (size_t)index >= found->partition_capacity) {
        return NULL;
    }
    return found->partitions[index];
}

// ---- The queue ----

// The list is not empty.
static struct dh_producer_record *first_record(const struct dh_list *records)
{
    struct dh_link *link = dh_list_first(records);
    DH_ASSERT(link != NULL);
    return dh_record_of(link);
}

void dh_partition_push(struct dh_producer_partition *partition,
                       struct dh_producer_record *record, int64_t now_ns)
{
    record->partition = partition->index;
    record->queued_ns = now_ns;
    dh_list_push_back(&partition->queue, &record->message.link);
    partition->queue_bytes += record->encoded_bytes_max;
    partition->queue_count++;
    if (record->is_hurried) {
        partition->hurry_count = partition->queue_count;
    }
}

static struct dh_producer_record *pop(struct dh_producer_partition *partition)
{
    struct dh_producer_record *record = first_record(&partition->queue);
    dh_list_remove(&record->message.link);
    partition->queue_bytes -= record->encoded_bytes_max;
    partition->queue_count--;
    if (partition->hurry_count > 0) {
        partition->hurry_count--;
    }
    return record;
}

bool dh_partition_is_due(const struct dh_producer_partition *partition,
                         const struct dh_accumulator *accumulator, int64_t now_ns)
{
    if (partition->queue_count == 0) {
        return false;
    }
    size_t size = DH_BATCH_HEADER_SIZE + partition->queue_bytes;
    if (accumulator->codec->id != DH_CODEC_NONE) {
        size = dh_codec_size_estimate(&accumulator->codecs, accumulator->codec, size);
    }
    return partition->hurry_count > 0 || size >= partition->batch_bytes_max ||
           dh_partition_linger_end(partition, accumulator) <= now_ns;
}

int64_t dh_partition_linger_end(const struct dh_producer_partition *partition,
                                const struct dh_accumulator *accumulator)
{
    struct dh_link *first = dh_list_first(&partition->queue);
    if (first == NULL) {
        return DH_NEVER;
    }
    return dh_deadline_after_ms(dh_record_of(first)->queued_ns,
                                accumulator->context.settings->linger_ms);
}

int64_t dh_partition_deadline(const struct dh_producer_partition *partition)
{
    struct dh_link *first = dh_list_first(&partition->queue);
    int64_t deadline_ns = first == NULL ? DH_NEVER : dh_record_of(first)->deadline_ns;
    if (partition->batch != NULL) {
        deadline_ns = dh_earlier(deadline_ns, partition->batch->deadline_ns);
    }
    return deadline_ns;
}

// ---- The batch ----

static struct dh_produce_batch *get_batch(struct dh_accumulator *accumulator)
{
    struct dh_link *link = dh_list_pop_front(&accumulator->spare_batches);
    if (link != NULL) {
        accumulator->spare_count--;
        return DH_CONTAINER_OF(link, struct dh_produce_batch, link);
    }
    struct dh_produce_batch *batch =
        dh_mem_calloc(accumulator->context.mem, 1, sizeof(*batch));
    if (batch != NULL) {
        dh_batch_writer_init(&batch->writer, accumulator->context.mem);
        dh_list_init(&batch->records);
    }
    return batch;
}

static void put_batch(struct dh_accumulator *accumulator,
                      struct dh_producer_partition *partition)
{
    struct dh_produce_batch *batch = partition->batch;
    partition->batch = NULL;
    DH_ASSERT(dh_list_is_empty(&batch->records));
    // One that a huge record has blown up is not worth keeping.
    bool is_huge = batch->writer.plain.capacity > 4 * partition->batch_bytes_max + 65536;
    if (accumulator->spare_count >= DH_SPARE_BATCHES_MAX || is_huge) {
        free_batch(accumulator, batch);
        return;
    }
    dh_batch_writer_reset(&batch->writer);
    dh_list_push_front(&accumulator->spare_batches, &batch->link);
    accumulator->spare_count++;
}

// Puts the batch's records back at the front of the queue.
static void unmake(struct dh_accumulator *accumulator,
                   struct dh_producer_partition *partition)
{
    struct dh_produce_batch *batch = partition->batch;
    DH_LIST_EACH(link, &batch->records)
    {
        partition->queue_bytes += dh_record_of(link)->encoded_bytes_max;
        partition->queue_count++;
        // They have lingered once.
        partition->hurry_count++;
    }
    dh_list_append_all(&batch->records, &partition->queue);
    dh_list_append_all(&partition->queue, &batch->records);
    put_batch(accumulator, partition);
}

// Whether the batch has room for one more; one record always has.
static bool has_room(const struct dh_producer_partition *partition,
                     const struct dh_accumulator *accumulator,
                     const struct dh_producer_record *record)
{
    const struct dh_batch_writer *writer = &partition->batch->writer;
    if (writer->record_count == 0) {
        return true;
    }
    size_t more = record->encoded_bytes_max;
    size_t request_max = (size_t)accumulator->context.settings->max_request_size;
    return dh_batch_writer_size(writer) + more <= request_max &&
           dh_batch_writer_size_estimate(writer, &accumulator->codecs, accumulator->codec,
                                         more) <= partition->batch_bytes_max;
}

static int take_records(struct dh_producer_partition *partition,
                        struct dh_accumulator *accumulator)
{
    struct dh_produce_batch *batch = partition->batch;
    while (partition->queue_count > 0) {
        struct dh_producer_record *record = first_record(&partition->queue);
        if (!has_room(partition, accumulator, record)) {
            return 0;
        }
        int err = dh_batch_writer_append(&batch->writer, &record->input);
        if (err != 0) {
            return batch->record_count > 0 ? 0 : err;
        }
        dh_list_push_back(&batch->records, &pop(partition)->message.link);
        batch->record_count++;
        batch->deadline_ns = dh_earlier(batch->deadline_ns, record->deadline_ns);
    }
    return 0;
}

static struct dh_batch_stamp stamp_of(const struct dh_produce_batch *batch)
{
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    stamp.producer_id = batch->producer_id;
    stamp.producer_epoch = batch->producer_epoch;
    stamp.base_sequence = batch->base_sequence;
    return stamp;
}

// As DefaultRecordBatch.incrementSequence: 0 follows INT32_MAX.
static int32_t sequence_after(int32_t sequence, int32_t count)
{
    return (int32_t)(((uint32_t)sequence + (uint32_t)count) & INT32_MAX);
}

// Draws the next sequence numbers of the partition for the batch.
static void number_batch(struct dh_producer_partition *partition,
                         const struct dh_identity *identity)
{
    struct dh_produce_batch *batch = partition->batch;
    if (partition->producer_id != identity->producer_id ||
        partition->producer_epoch != identity->producer_epoch) {
        partition->producer_id = identity->producer_id;
        partition->producer_epoch = identity->producer_epoch;
        partition->next_sequence = 0;
    }
    batch->producer_id = partition->producer_id;
    batch->producer_epoch = partition->producer_epoch;
    batch->base_sequence = batch->producer_id < 0 ? -1 : partition->next_sequence;
    partition->next_sequence =
        sequence_after(partition->next_sequence, batch->record_count);
}

static int restamp(struct dh_producer_partition *partition,
                   const struct dh_identity *identity)
{
    struct dh_produce_batch *batch = partition->batch;
    bool is_current = batch->producer_id == identity->producer_id &&
                      batch->producer_epoch == identity->producer_epoch;
    // Under another epoch the broker could not tell that it has it already.
    if (!is_current && !batch->is_doubtful) {
        number_batch(partition, identity);
        struct dh_batch_stamp stamp = stamp_of(batch);
        dh_batch_writer_stamp(&batch->writer, &stamp);
    }
    return 0;
}

int dh_partition_make_batch(struct dh_producer_partition *partition,
                            struct dh_accumulator *accumulator,
                            const struct dh_identity *identity)
{
    DH_ASSERT(identity->state == DH_IDENTITY_KNOWN);
    if (partition->batch != NULL) {
        return restamp(partition, identity);
    }
    struct dh_produce_batch *batch = get_batch(accumulator);
    if (batch == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    partition->batch = batch;
    batch->record_count = 0;
    batch->attempts = 0;
    batch->is_doubtful = false;
    batch->deadline_ns = DH_NEVER;
    int err = take_records(partition, accumulator);
    if (err == 0) {
        struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
        err = dh_batch_writer_finish(&batch->writer, &accumulator->codecs,
                                     accumulator->codec, accumulator->level, &stamp,
                                     &batch->bytes);
    }
    if (err != 0) {
        unmake(accumulator, partition);
        return DOHLE_ERR_NO_MEMORY;
    }
    number_batch(partition, identity);
    struct dh_batch_stamp stamp = stamp_of(batch);
    dh_batch_writer_stamp(&batch->writer, &stamp);
    return 0;
}

// ---- Answers ----

static void answer(struct dh_accumulator *accumulator, struct dh_producer_record *record)
{
    accumulator->record_count--;
    dh_outbox_post(accumulator->context.outbox, &record->message);
}

void dh_accumulator_fail(struct dh_accumulator *accumulator,
                         struct dh_producer_record *record, struct dh_failure failure)
{
    record->err = failure.err;
    record->broker_code = failure.broker_code;
    record->is_fatal = failure.is_fatal;
    record->offset = -1;
    answer(accumulator, record);
}

void dh_accumulator_fail_all(struct dh_accumulator *accumulator, struct dh_list *records,
                             struct dh_failure failure)
{
    for (struct dh_link *link; (link = dh_list_pop_front(records)) != NULL;) {
        dh_accumulator_fail(accumulator, dh_record_of(link), failure);
    }
}

void dh_partition_complete(struct dh_producer_partition *partition,
                           struct dh_accumulator *accumulator, int64_t base_offset,
                           int64_t log_append_ms)
{
    struct dh_produce_batch *batch = partition->batch;
    int64_t offset = base_offset;
    for (struct dh_link *link; (link = dh_list_pop_front(&batch->records)) != NULL;) {
        struct dh_producer_record *record = dh_record_of(link);
        record->err = 0;
        record->offset = base_offset < 0 ? -1 : offset++;
        record->timestamp_ms =
            log_append_ms >= 0 ? log_append_ms : record->input.timestamp_ms;
        answer(accumulator, record);
    }
    dh_backoff_reset(&partition->backoff);
    put_batch(accumulator, partition);
}

// The numbers of a batch that is not in the log, the last one made, are used again.
static void take_back_numbers(struct dh_producer_partition *partition)
{
    const struct dh_produce_batch *batch = partition->batch;
    if (batch->producer_id == partition->producer_id &&
        batch->producer_epoch == partition->producer_epoch && batch->base_sequence >= 0) {
        partition->next_sequence = batch->base_sequence;
    }
}

void dh_partition_fail_batch(struct dh_producer_partition *partition,
                             struct dh_accumulator *accumulator,
                             struct dh_identity *identity, struct dh_failure failure,
                             int64_t now_ns)
{
    struct dh_produce_batch *batch = partition->batch;
    if (batch->is_doubtful) {
        dh_identity_bump(identity, batch->producer_id, batch->producer_epoch, now_ns);
    } else {
        take_back_numbers(partition);
    }
    dh_accumulator_fail_all(accumulator, &batch->records, failure);
    dh_backoff_reset(&partition->backoff);
    put_batch(accumulator, partition);
}

bool dh_partition_split(struct dh_producer_partition *partition,
                        struct dh_accumulator *accumulator)
{
    struct dh_produce_batch *batch = partition->batch;
    if (batch->record_count == 1) {
        return false;
    }
    // The limit is the broker's and stays, so the smaller size is kept.
    partition->batch_bytes_max = batch->bytes.size / 2;
    take_back_numbers(partition);
    unmake(accumulator, partition);
    return true;
}

size_t dh_partition_expire(struct dh_producer_partition *partition,
                           struct dh_accumulator *accumulator,
                           struct dh_identity *identity, int64_t now_ns)
{
    static const struct dh_failure too_late = {.err = DOHLE_ERR_TIMEOUT};
    size_t count_before = accumulator->record_count;
    const struct dh_produce_batch *batch = partition->batch;
    if (batch != NULL && batch->deadline_ns <= now_ns &&
        partition->state != DH_PARTITION_IN_FLIGHT) {
        dh_partition_fail_batch(partition, accumulator, identity, too_late, now_ns);
    }
    while (partition->queue_count > 0 &&
           first_record(&partition->queue)->deadline_ns <= now_ns) {
        dh_accumulator_fail(accumulator, pop(partition), too_late);
    }
    return count_before - accumulator->record_count;
}
