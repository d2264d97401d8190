// SPDX-License-Identifier: MIT
#include "observer.h"

#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "coordinator/records.h"
#include "record/batch.h"
#include "record/iterator.h"

#define READ_BYTES  ((size_t)64 * 1024)
#define PLAIN_BYTES ((size_t)16 * 1024 * 1024)

void sim_observer_init(struct sim_observer *observer, struct sim_scheduler *scheduler,
                       struct sim_topics *topics)
{
    memset(observer, 0, sizeof(*observer));
    observer->scheduler = scheduler;
    observer->topics = topics;
    observer->history = topics->history;
    dh_codec_context_init(&observer->codecs, dh_mem_default(), NULL);
    dh_arena_init(&observer->arena, dh_mem_default(), 0);
    dh_buf_init(&observer->bytes, dh_mem_default(), 0);
}

void sim_observer_deinit(struct sim_observer *observer)
{
    dh_codec_context_deinit(&observer->codecs);
    dh_arena_deinit(&observer->arena);
    dh_buf_deinit(&observer->bytes);
}

// ---- Batches ----

// Who is told what lies in a log. `record` NULL: nothing to be seen in offset..end-1.
typedef void visit(struct sim_observer *observer, int index, int64_t offset, int64_t end,
                   const dohle_record *record);

static void visit_records(struct sim_observer *observer, int index,
                          const struct dh_batch *batch, dohle_bytes payload, int64_t from,
                          visit *tell)
{
    struct dh_record_iterator iterator;
    dohle_record record = {0};
    int err = dh_record_iterator_init(&iterator, batch, payload);
    DH_ASSERT(err == 0);
    dh_record_iterator_prepare(&iterator, &record, "", index);
    int64_t next = from;
    while ((err = dh_record_iterator_next(&iterator, &record)) > 0) {
        if (record.offset < from) {
            continue;
        }
        if (next < record.offset) {
            tell(observer, index, next, record.offset, NULL);
        }
        tell(observer, index, record.offset, record.offset + 1, &record);
        next = record.offset + 1;
    }
    DH_ASSERT(err == 0);
    if (next <= batch->last_offset) {
        tell(observer, index, next, batch->last_offset + 1, NULL);
    }
}

static void visit_batch(struct sim_observer *observer, int index,
                        const struct dh_batch *batch, int64_t from, visit *tell)
{
    int err = dh_batch_check_crc(batch);
    DH_ASSERT(err == 0);
    if (batch->is_control || batch->record_count == 0) {
        tell(observer, index, from, batch->last_offset + 1, NULL);
        return;
    }
    struct dh_frame *plain = NULL;
    dohle_bytes payload = batch->payload;
    if (batch->codec != DH_CODEC_NONE) {
        err = dh_codec_decompress(&observer->codecs, dh_codec_find(batch->codec), payload,
                                  PLAIN_BYTES, &plain);
        DH_ASSERT(err == 0);
        payload = (dohle_bytes){plain->data, plain->size};
    }
    visit_records(observer, index, batch, payload, from, tell);
    dh_frame_drop(plain);
}

// Visits offsets from..end-1. Returns how far it came: less when the log cannot be read.
static int64_t visit_log(struct sim_observer *observer, struct dh_store_log *log,
                         int index, int64_t from, int64_t end, visit *tell)
{
    while (from < end) {
        dh_buf_reset(&observer->bytes);
        int err = dh_store_log_read(log, from, end, READ_BYTES, true, &observer->bytes);
        if (err != 0 || observer->bytes.size == 0) {
            return from;
        }
        struct dh_reader reader;
        struct dh_batch batch;
        dh_reader_init(&reader, dh_buf_view(&observer->bytes));
        while (from < end && dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
            if (batch.last_offset < from) {
                continue;
            }
            if (from < batch.base_offset) {
                tell(observer, index, from, batch.base_offset, NULL);
                from = batch.base_offset;
            }
            visit_batch(observer, index, &batch, from, tell);
            from = batch.last_offset + 1;
        }
    }
    return from;
}

// ---- Topics ----

static void see(struct sim_observer *observer, int place, int64_t offset, int64_t end,
                const dohle_record *record)
{
    if (record == NULL) {
        sim_topics_add_gap(observer->topics, place, offset, end);
        return;
    }
    if (observer->lies_after > 0 && observer->opens > observer->lies_after) {
        observer->lies_after = 0;
        sim_topics_add_gap(observer->topics, place, offset, end);
        return;
    }
    // A number below 0 is nobody's: each who is given the record will say so.
    int64_t number = sim_topics_number(observer->topics, place, record);
    sim_topics_add_record(observer->topics, place, offset, number);
}

static void look_at_place(struct sim_observer *observer, int place)
{
    struct dh_store_log *log = observer->logs[place];
    const struct sim_partition *partition = sim_topics_partition(observer->topics, place);
    if (partition == NULL || log == NULL) {
        return;
    }
    int64_t end = dh_store_log_high_watermark(log);
    if (partition->end < end) {
        (void)visit_log(observer, log, place, partition->end, end, see);
    }
}

// ---- Commits ----

static void see_commit(struct sim_observer *observer, int index, int64_t offset,
                       int64_t end, const dohle_record *record)
{
    (void)index;
    (void)offset;
    (void)end;
    if (record == NULL || record->value.data == NULL) {
        return;
    }
    struct dh_group_record_key key;
    struct dh_offset_commit_value value;
    int err = dh_group_record_read_key(record->key, &observer->arena, &key);
    DH_ASSERT(err == 0);
    if (key.kind == DH_GROUP_RECORD_OFFSET) {
        err = dh_group_record_read_offset(record->value, key.kind, &observer->arena,
                                          &value);
        DH_ASSERT(err == 0);
        int group = sim_topics_group(observer->topics, key.group);
        int place = sim_topics_place(observer->topics, key.topic, key.partition);
        DH_ASSERT(group >= 0 && place >= 0);
        sim_topics_commit(observer->topics, group, place, value.offset);
    }
    dh_arena_reset(&observer->arena);
}

static void look_at_offsets(struct sim_observer *observer, int index)
{
    struct dh_store_log **log = &observer->offsets[index];
    if (*log == NULL) {
        *log = dh_store_find_log(observer->store, "__consumer_offsets", index);
    }
    int64_t *seen = &observer->offsets_seen[index];
    if (*log != NULL && *seen < dh_store_log_high_watermark(*log)) {
        *seen = visit_log(observer, *log, index, *seen, dh_store_log_high_watermark(*log),
                          see_commit);
    }
}

// ---- What was kept ----

static void compare(struct sim_observer *observer, int place, int64_t offset, int64_t end,
                    const dohle_record *record)
{
    (void)end;
    struct sim_partition *partition = sim_topics_partition(observer->topics, place);
    DH_ASSERT(partition != NULL);
    if (record == NULL || partition->record_checked == partition->record_count) {
        return;
    }
    const struct sim_record *known = &partition->records[partition->record_checked];
    if (known->offset == offset &&
        known->number == sim_topics_number(observer->topics, place, record)) {
        partition->record_checked++;
    }
}

static void tell_kept(struct sim_observer *observer, int place)
{
    struct sim_partition *partition = sim_topics_partition(observer->topics, place);
    struct dh_store_log *log = observer->logs[place];
    if (partition == NULL) {
        return;
    }
    int64_t kept = 0;
    partition->record_checked = 0;
    if (log != NULL) {
        int64_t end = dh_store_log_high_watermark(log);
        end = end < partition->end ? end : partition->end;
        kept = visit_log(observer, log, place, 0, end, compare);
    }
    if (partition->record_checked < partition->record_count) {
        int64_t first_lost = partition->records[partition->record_checked].offset;
        kept = first_lost < kept ? first_lost : kept;
    }
    sim_history_add(observer->history,
                    &(struct sim_event){.at_ns = observer->scheduler->now_ns,
                                        .kind = SIM_KEPT,
                                        .member = -1,
                                        .place = place,
                                        .end = kept});
}

// ---- Life ----

void sim_observer_open(struct sim_observer *observer, struct dh_store *store)
{
    observer->store = store;
    observer->opens += store != NULL ? 1 : 0;
    memset(observer->offsets, 0, sizeof(observer->offsets));
    for (int place = 0; place < SIM_PLACES_MAX; place++) {
        observer->logs[place] = NULL;
        if (store != NULL && sim_topics_partition(observer->topics, place) != NULL) {
            observer->logs[place] =
                dh_store_find_log(store, sim_topics_name(observer->topics, place),
                                  place % SIM_PARTITIONS_MAX);
        }
    }
    for (int place = 0; store != NULL && place < SIM_PLACES_MAX; place++) {
        tell_kept(observer, place);
    }
}

bool sim_observer_has_seen_all(const struct sim_observer *observer)
{
    for (int place = 0; place < SIM_PLACES_MAX; place++) {
        const struct sim_partition *partition =
            sim_topics_partition(observer->topics, place);
        if (partition != NULL &&
            (observer->logs[place] == NULL ||
             dh_store_log_end(observer->logs[place]) != partition->end)) {
            return false;
        }
    }
    return true;
}

void sim_observer_look(struct sim_observer *observer)
{
    if (observer->store == NULL) {
        return;
    }
    for (int place = 0; place < SIM_PLACES_MAX; place++) {
        look_at_place(observer, place);
    }
    for (int i = 0; i < SIM_OFFSETS_PARTITIONS_MAX; i++) {
        look_at_offsets(observer, i);
    }
}
