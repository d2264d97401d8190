// SPDX-License-Identifier: MIT
#include "store/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/checkpoint.h"
#include "store/names.h"
#include "store/state.h"
#include "store/syncs.h"

// Of a batch; layout in record/batch.h.
#define AT_LEADER_EPOCH  12
#define AT_CRC           17
#define AT_ATTRIBUTES    21
#define AT_MAX_TIMESTAMP 35

#define ATTRIBUTE_APPEND_TIME 0x08

// ---- Life ----

struct dh_store_log *dh_store_log_new(struct dh_store *store, const char *name,
                                      size_t topic_size, int32_t partition)
{
    struct dh_store_log *log = dh_mem_calloc(store->mem, 1, sizeof(*log));
    if (log == NULL) {
        return NULL;
    }
    log->store = store;
    log->partition = partition;
    log->snapshot_offset = -1;
    // Kafka's defaults, until the owner says more.
    log->config = (struct dh_store_log_config){
        .segment_bytes = INT64_C(1) << 30,
        .segment_ms = INT64_C(604800000),
        .index_bytes = INT64_C(10) << 20,
        .index_interval_bytes = 4096,
        .retention_bytes = -1,
        .retention_ms = -1,
        .is_deleted = true,
    };
    dh_store_epochs_init(&log->epochs, store->mem);
    dh_store_producers_init(&log->producers, store->mem, store->seed);
    dh_store_log_drop_hints(log);
    log->name = dh_mem_copy_string(store->mem, name, strlen(name));
    log->topic = dh_mem_copy_string(store->mem, name, topic_size);
    if (log->name == NULL || log->topic == NULL) {
        dh_store_log_free(log);
        return NULL;
    }
    return log;
}

void dh_store_log_free(struct dh_store_log *log)
{
    if (log == NULL) {
        return;
    }
    const dohle_allocator *mem = log->store->mem;
    for (size_t i = 0; i < log->segment_count; i++) {
        dh_store_segment_free(log->segments[i]);
    }
    dh_mem_free(mem, log->segments, log->segment_capacity * sizeof(log->segments[0]));
    dh_store_epochs_deinit(&log->epochs);
    dh_store_producers_deinit(&log->producers);
    dh_mem_free_string(mem, log->topic);
    dh_mem_free_string(mem, log->name);
    dh_mem_free(mem, log, sizeof(*log));
}

// ---- Segments ----

struct dh_store_segment *dh_store_log_active(const struct dh_store_log *log)
{
    return log->segments[log->segment_count - 1];
}

size_t dh_store_log_segment_index(const struct dh_store_log *log, int64_t offset)
{
    size_t low = 0;
    size_t high = log->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (log->segments[middle]->base_offset <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

int64_t dh_store_segment_end(const struct dh_store_segment *segment)
{
    const struct dh_store_log *log = segment->log;
    size_t next = dh_store_log_segment_index(log, segment->base_offset) + 1;
    return next < log->segment_count ? log->segments[next]->base_offset : log->end;
}

int dh_store_log_add_segment(struct dh_store_log *log, struct dh_store_segment *segment)
{
    if (log->segment_count == log->segment_capacity) {
        // Most logs have one segment.
        size_t capacity = log->segment_capacity * 2 + 1;
        struct dh_store_segment **segments = dh_mem_realloc(
            log->store->mem, log->segments, log->segment_capacity * sizeof(*segments),
            capacity * sizeof(*segments));
        if (segments == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        log->segments = segments;
        log->segment_capacity = capacity;
    }
    log->segments[log->segment_count++] = segment;
    log->size += segment->size;
    return 0;
}

int dh_store_log_remove_segments(struct dh_store_log *log, size_t first, size_t count)
{
    int err = 0;
    for (size_t i = first; i < first + count; i++) {
        struct dh_store_segment *segment = log->segments[i];
        log->size -= segment->size;
        int removed = dh_store_segment_remove_files(segment);
        err = err == 0 ? removed : err;
        segment->is_removed = true;
        if (log->syncing != segment) {
            dh_store_segment_free(segment);
        }
    }
    log->segment_count -= count;
    memmove(log->segments + first, log->segments + first + count,
            (log->segment_count - first) * sizeof(log->segments[0]));
    dh_store_log_drop_hints(log);
    return err;
}

int dh_store_log_begin_anew(struct dh_store_log *log)
{
    struct dh_store_segment *segment = dh_store_segment_new(log, log->start);
    if (segment == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = dh_store_segment_create(segment);
    if (err == 0) {
        err = dh_store_log_add_segment(log, segment);
    }
    if (err != 0) {
        dh_store_segment_free(segment);
        return err;
    }
    log->end = log->start;
    return dh_store_log_remove_segments(log, 0, log->segment_count - 1);
}

int dh_store_log_roll(struct dh_store_log *log, int64_t wall_ms)
{
    if (dh_store_log_active(log)->size == 0) {
        return 0;
    }
    if (!log->is_listed && !log->store->vfs->is_volatile) {
        // A log of several segments is known to be ours: see recovery.h on gaps.
        int err = dh_store_checkpoint(log->store);
        if (err != 0) {
            return err;
        }
    }
    struct dh_store_segment *segment = dh_store_segment_new(log, log->end);
    if (segment == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = dh_store_segment_finish(dh_store_log_active(log));
    if (err == 0) {
        err = dh_store_segment_create(segment);
    }
    if (err == 0) {
        err = dh_store_log_sync_names(log);
        if (err == 0) {
            err = dh_store_log_add_segment(log, segment);
        }
        if (err != 0) {
            (void)!dh_store_segment_remove_files(segment);
        }
    }
    if (err != 0) {
        dh_store_segment_free(segment);
        return err;
    }
    segment->created_ms = wall_ms;
    if (!log->store->vfs->is_volatile) {
        dh_store_syncs_on_roll(log);
    }
    // Without a snapshot a start has more to read, and nothing else.
    if (dh_store_log_take_snapshot(log, false) == 0) {
        segment->has_snapshot = true;
        if (log->snapshot_offset == log->end) {
            log->snapshot_offset = -1;
        }
    }
    return 0;
}

// ---- State ----

void dh_store_log_changed(struct dh_store_log *log)
{
    const struct dh_store_watcher *watcher = &log->store->watcher;
    if (watcher->changed != NULL) {
        watcher->changed(watcher->ctx, log);
    }
}

void dh_store_log_set_offline(struct dh_store_log *log, const char *cause)
{
    if (log->is_offline) {
        return;
    }
    log->is_offline = true;
    dh_log(log->store->sink, DOHLE_LOG_ERROR, "store", "%s: goes offline: %s", log->name,
           cause);
    dh_store_log_changed(log);
}

void dh_store_log_remove_snapshot(struct dh_store_log *log, int64_t offset)
{
    struct dh_vfs *vfs = log->store->vfs;
    struct dh_store_path path = dh_store_segment_path(log->name, offset, ".snapshot");
    (void)vfs->calls->remove(vfs, path.text);
}

int dh_store_log_take_snapshot(struct dh_store_log *log, bool is_synced)
{
    struct dh_buf text;
    char name[40];
    snprintf(name, sizeof(name), "%020" PRId64 ".snapshot", log->end);
    dh_buf_init(&text, log->store->mem, 0);
    dh_store_producers_print(&log->producers, &text);
    int err = text.err;
    if (err == 0) {
        err = dh_store_replace_file(log->store->vfs, log->name, name, dh_buf_view(&text),
                                    is_synced);
    }
    dh_buf_deinit(&text);
    return err;
}

int dh_store_log_sync_names(const struct dh_store_log *log)
{
    struct dh_vfs *vfs = log->store->vfs;
    return vfs->is_volatile ? 0 : vfs->calls->sync_directory(vfs, log->name);
}

int dh_store_log_save_metadata(struct dh_store_log *log, bool is_synced)
{
    struct dh_buf text;
    dh_buf_init(&text, log->store->mem, 0);
    dh_buf_printf(&text, "version: 0\ntopic_id: %s\n", dh_uuid_text(&log->topic_id).text);
    int err = text.err;
    if (err == 0) {
        err = dh_store_replace_file(log->store->vfs, log->name, DH_STORE_METADATA_FILE,
                                    dh_buf_view(&text), is_synced);
    }
    dh_buf_deinit(&text);
    return err;
}

int dh_store_log_save_epochs(struct dh_store_log *log, bool is_synced)
{
    if (!log->epochs.is_changed) {
        return 0;
    }
    struct dh_buf text;
    dh_buf_init(&text, log->store->mem, 0);
    dh_store_epochs_print(&log->epochs, &text);
    int err = text.err;
    if (err == 0) {
        err = dh_store_replace_file(log->store->vfs, log->name, DH_STORE_EPOCHS_FILE,
                                    dh_buf_view(&text), is_synced);
    }
    if (err == 0) {
        log->epochs.is_changed = false;
    }
    dh_buf_deinit(&text);
    return err;
}

int dh_store_log_settle(struct dh_store_log *log)
{
    bool is_synced = !log->store->vfs->is_volatile;
    struct dh_store_segment *active = dh_store_log_active(log);
    int err = dh_store_segment_finish(active);
    for (size_t i = dh_store_log_segment_index(log, log->recovery_point);
         err == 0 && is_synced && i < log->segment_count; i++) {
        err = log->segments[i]->size == 0 ? 0 : dh_store_segment_sync(log->segments[i]);
    }
    if (err == 0 && log->is_new) {
        err = dh_store_log_save_metadata(log, is_synced);
    }
    if (err == 0) {
        err = dh_store_log_save_epochs(log, is_synced);
    }
    bool has_snapshot = log->end == 0 || log->snapshot_offset == log->end ||
                        (active->base_offset == log->end && active->has_snapshot);
    if (err == 0 && !has_snapshot) {
        err = dh_store_log_take_snapshot(log, is_synced);
        if (err == 0 && log->snapshot_offset >= 0) {
            dh_store_log_remove_snapshot(log, log->snapshot_offset);
        }
        if (err == 0) {
            log->snapshot_offset = log->end;
        }
    }
    if (err == 0 && has_snapshot) { // a new one syncs them
        err = dh_store_log_sync_names(log);
    }
    if (err == 0) {
        log->recovery_point = log->end;
        log->is_touched = false;
        log->is_new = false;
    }
    return err;
}

// ---- Append ----

// What an append is made of, seen once over all its batches.
struct append {
    uint8_t *data;
    size_t size;
    int64_t base_offset; // of the first
    int64_t end_offset;
    int64_t max_timestamp_ms;
    int64_t append_time_ms; // -1: the log does not stamp
    int32_t leader_epoch;
};

static void put_big_endian(uint8_t *out, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
}

// What a batch will be when it is in the log at that offset.
static int look_at(const struct append *append, size_t at, int64_t base_offset,
                   struct dh_store_batch *batch)
{
    size_t left = append->size - at;
    if (left < DH_STORE_HEADER_SIZE || !dh_store_batch_parse(append->data + at, batch) ||
        (uint64_t)batch->size > left) {
        return DOHLE_ERR_CORRUPT;
    }
    int64_t delta = batch->last_offset - batch->base_offset;
    if (base_offset >= INT64_MAX - delta) {
        return DOHLE_ERR_CORRUPT;
    }
    batch->base_offset = base_offset;
    batch->last_offset = base_offset + delta;
    batch->leader_epoch = append->leader_epoch;
    if (append->append_time_ms >= 0) {
        batch->max_timestamp_ms = append->append_time_ms;
    }
    return 0;
}

static int measure(struct append *append)
{
    int64_t next = append->base_offset;
    append->max_timestamp_ms = -1;
    for (size_t at = 0; at < append->size;) {
        struct dh_store_batch batch;
        int err = look_at(append, at, next, &batch);
        if (err != 0) {
            return err;
        }
        if (batch.max_timestamp_ms > append->max_timestamp_ms) {
            append->max_timestamp_ms = batch.max_timestamp_ms;
        }
        next = batch.last_offset + 1;
        at += (size_t)batch.size;
    }
    append->end_offset = next;
    return 0;
}

// Asks the producers. *is_settled: there is nothing to append.
static int check_producers(struct dh_store_log *log, const struct append *append,
                           struct dh_store_appended *appended, bool *is_settled)
{
    int64_t next = append->base_offset;
    *is_settled = false;
    for (size_t at = 0; at < append->size;) {
        struct dh_store_batch batch;
        struct dh_store_verdict verdict;
        int err = look_at(append, at, next, &batch);
        if (err == 0 && batch.producer_id >= 0) {
            err = dh_store_producers_prepare(&log->producers, &batch, &verdict);
            if (err == 0 && (verdict.broker_code != 0 || verdict.is_duplicate)) {
                const struct dh_store_producer_batch *known = &verdict.duplicate;
                bool is_duplicate = verdict.is_duplicate;
                *appended = (struct dh_store_appended){
                    .base_offset =
                        is_duplicate ? known->last_offset - known->offset_delta : -1,
                    .end_offset = is_duplicate ? known->last_offset + 1 : -1,
                    .append_time_ms = is_duplicate && log->config.is_append_time
                                          ? known->timestamp_ms
                                          : -1,
                    .broker_code = verdict.broker_code,
                    .is_duplicate = is_duplicate,
                };
                *is_settled = true;
                return 0;
            }
        }
        if (err != 0) {
            return err;
        }
        next = batch.last_offset + 1;
        at += (size_t)batch.size;
    }
    return 0;
}

// Kafka's LogSegment.shouldRoll.
static int should_roll(struct dh_store_log *log, const struct append *append,
                       int64_t wall_ms, bool *should)
{
    struct dh_store_segment *active = dh_store_log_active(log);
    const struct dh_store_log_config *config = &log->config;
    *should = false;
    if (active->created_ms < 0) {
        active->created_ms = wall_ms;
    }
    int err = dh_store_segment_load(active, NULL);
    if (err != 0 || active->size == 0) {
        return err;
    }
    int64_t size_max =
        config->segment_bytes < INT32_MAX ? config->segment_bytes : INT32_MAX;
    if (active->size > size_max - (int64_t)append->size ||
        dh_store_segment_is_full(active, append->end_offset - 1)) {
        *should = true;
        return 0;
    }
    int64_t first_ms;
    err = dh_store_segment_first_timestamp(active, &first_ms);
    int64_t waited_ms = first_ms >= 0 ? append->max_timestamp_ms - first_ms
                                      : wall_ms - active->created_ms;
    *should = waited_ms > config->segment_ms;
    return err;
}

// Gives the batches what the broker gives them. The checksum covers neither offset nor epoch.
static void stamp(const struct append *append)
{
    int64_t next = append->base_offset;
    for (size_t at = 0; at < append->size;) {
        struct dh_store_batch batch;
        uint8_t *data = append->data + at;
        int err = look_at(append, at, next, &batch);
        DH_ASSERT(err == 0); // it was measured
        put_big_endian(data, (uint64_t)batch.base_offset, 8);
        put_big_endian(data + AT_LEADER_EPOCH, (uint32_t)append->leader_epoch, 4);
        if (append->append_time_ms >= 0) {
            data[AT_ATTRIBUTES + 1] |= ATTRIBUTE_APPEND_TIME;
            put_big_endian(data + AT_MAX_TIMESTAMP, (uint64_t)append->append_time_ms, 8);
            put_big_endian(
                data + AT_CRC,
                dh_crc32c(data + AT_ATTRIBUTES, (size_t)batch.size - AT_ATTRIBUTES), 4);
        }
        next = batch.last_offset + 1;
        at += (size_t)batch.size;
    }
}

static int write_batches(struct dh_store_log *log, const struct append *append)
{
    struct dh_vfs *vfs = log->store->vfs;
    struct dh_store_segment *active = dh_store_log_active(log);
    struct dh_file *file = NULL;
    int err = dh_store_segment_file(active, DH_STORE_FILE_LOG, &file);
    if (err != 0) {
        return err;
    }
    dohle_bytes piece = {append->data, append->size};
    err = vfs->calls->write(vfs, file, active->size, &piece, 1);
    if (err == 0) {
        return 0;
    }
    // The cause of the write's failure is what the caller wants to know of.
    bool is_full = vfs->is_full;
    char text[sizeof(vfs->error_text)];
    memcpy(text, vfs->error_text, sizeof(text));
    bool is_restored = vfs->calls->truncate(vfs, file, active->size) == 0;
    memcpy(vfs->error_text, text, sizeof(text));
    vfs->is_full = is_full;
    if (!is_restored || (err == DOHLE_ERR_IO && !is_full)) {
        dh_store_log_set_offline(log, text);
    }
    return err == DOHLE_ERR_NO_MEMORY ? err : DOHLE_ERR_IO;
}

// The batches are in the file: from here on nothing fails.
static void count_in(struct dh_store_log *log, const struct append *append)
{
    struct dh_store_segment *active = dh_store_log_active(log);
    int64_t position = active->size;
    int64_t next = append->base_offset;
    active->size += (int64_t)append->size;
    log->size += (int64_t)append->size;
    for (size_t at = 0; at < append->size;) {
        struct dh_store_batch batch;
        int err = look_at(append, at, next, &batch);
        DH_ASSERT(err == 0); // it was measured
        batch.position = position + (int64_t)at;
        dh_store_segment_add(active, &batch);
        next = batch.last_offset + 1;
        at += (size_t)batch.size;
    }
    dh_store_producers_commit(&log->producers);
    dh_store_epochs_assign(&log->epochs, append->leader_epoch, append->base_offset);
    log->end = append->end_offset;
    log->is_touched = true;
}

static int append_measured(struct dh_store_log *log, struct append *append,
                           int64_t wall_ms, struct dh_store_appended *appended,
                           bool *is_settled)
{
    bool should = false;
    int err = check_producers(log, append, appended, is_settled);
    if (err != 0 || *is_settled) {
        return err;
    }
    err = dh_store_epochs_reserve(&log->epochs);
    if (err == 0) {
        err = should_roll(log, append, wall_ms, &should);
    }
    if (err == 0 && should) {
        err = dh_store_log_roll(log, wall_ms);
    }
    if (err == 0) {
        stamp(append);
        err = write_batches(log, append);
    }
    return err;
}

int dh_store_log_append(struct dh_store_log *log, uint8_t *batches, size_t size,
                        int32_t leader_epoch, int64_t wall_ms,
                        struct dh_store_appended *appended)
{
    if (log->is_offline) {
        return DOHLE_ERR_IO;
    }
    struct append append = {
        .data = batches,
        .size = size,
        .base_offset = log->end,
        .append_time_ms = log->config.is_append_time ? wall_ms : -1,
        .leader_epoch = leader_epoch,
    };
    int err = size > INT32_MAX ? DOHLE_ERR_TOO_LARGE : measure(&append);
    if (err != 0) {
        return err;
    }
    bool is_settled = false;
    err = append_measured(log, &append, wall_ms, appended, &is_settled);
    if (err != 0 || is_settled) {
        dh_store_producers_abandon(&log->producers);
        return err;
    }
    count_in(log, &append);
    *appended = (struct dh_store_appended){
        .base_offset = append.base_offset,
        .end_offset = append.end_offset,
        .append_time_ms = append.append_time_ms,
    };
    if (!log->store->is_synced) {
        log->high_watermark = log->end;
    }
    dh_store_syncs_kick(log);
    if (!log->store->is_synced) {
        dh_store_log_changed(log);
    }
    return 0;
}

// ---- Queries ----

const char *dh_store_log_topic(const struct dh_store_log *log)
{
    return log->topic;
}

int32_t dh_store_log_partition(const struct dh_store_log *log)
{
    return log->partition;
}

struct dh_uuid dh_store_log_topic_id(const struct dh_store_log *log)
{
    return log->topic_id;
}

void dh_store_log_set_config(struct dh_store_log *log,
                             const struct dh_store_log_config *config)
{
    log->config = *config;
}

void dh_store_log_set_ctx(struct dh_store_log *log, void *ctx)
{
    log->ctx = ctx;
}

void *dh_store_log_ctx(const struct dh_store_log *log)
{
    return log->ctx;
}

int64_t dh_store_log_start(const struct dh_store_log *log)
{
    return log->start;
}

int64_t dh_store_log_high_watermark(const struct dh_store_log *log)
{
    return log->high_watermark;
}

int64_t dh_store_log_end(const struct dh_store_log *log)
{
    return log->end;
}

int64_t dh_store_log_size(const struct dh_store_log *log)
{
    return log->size;
}

bool dh_store_log_is_offline(const struct dh_store_log *log)
{
    return log->is_offline;
}

void dh_store_log_end_of_epoch(const struct dh_store_log *log, int32_t epoch,
                               int32_t current_epoch, int32_t *found_epoch,
                               int64_t *end_offset)
{
    dh_store_epochs_end(&log->epochs, epoch, current_epoch, log->end, found_epoch,
                        end_offset);
}

int32_t dh_store_log_latest_epoch(const struct dh_store_log *log)
{
    return dh_store_epochs_latest(&log->epochs);
}

int64_t dh_store_log_greatest_producer_id(const struct dh_store_log *log, int64_t id_max)
{
    int64_t greatest = -1;
    for (const struct dh_map_item *item = dh_map_first(&log->producers.by_id);
         item != NULL; item = dh_map_next(item)) {
        const struct dh_store_producer *producer = item->value;
        if (producer->id > greatest && producer->id <= id_max) {
            greatest = producer->id;
        }
    }
    return greatest;
}
