// SPDX-License-Identifier: MIT
#include <dohle/error.h>

#include "base/mem.h"
#include "record/batch.h"
#include "record/codec.h"
#include "record/iterator.h"
#include "store/log.h"
#include "store/state.h"

// A batch that decompresses to more is taken to begin with the record that is looked for.
#define DECOMPRESSED_MAX ((size_t)256 << 20)

// ---- Where an offset lies ----

void dh_store_log_drop_hints(struct dh_store_log *log)
{
    for (size_t i = 0; i < DH_STORE_HINTS; i++) {
        log->hints[i].offset = -1;
    }
}

void dh_store_log_add_hint(struct dh_store_log *log, int64_t offset, int64_t segment,
                           int64_t position)
{
    struct dh_store_hint hint = {offset, segment, position};
    for (size_t i = 0; i < DH_STORE_HINTS; i++) {
        if (log->hints[i].offset == offset) {
            log->hints[i] = hint;
            return;
        }
    }
    log->hints[log->next_hint] = hint;
    log->next_hint = (uint8_t)((log->next_hint + 1) % DH_STORE_HINTS);
}

static const struct dh_store_hint *find_hint(const struct dh_store_log *log,
                                             int64_t offset)
{
    for (size_t i = 0; i < DH_STORE_HINTS; i++) {
        if (log->hints[i].offset == offset) {
            return &log->hints[i];
        }
    }
    return NULL;
}

// The batch that begins at a position. Returns as dh_store_segment_find.
static int read_header(struct dh_store_segment *segment, int64_t position,
                       struct dh_store_batch *batch)
{
    uint8_t block[DH_STORE_HEADER_SIZE];
    struct dh_store_walk walk;
    struct dh_file *file = NULL;
    int err = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    if (err != 0) {
        return err;
    }
    dh_store_walk_init(&walk, segment->log->store->vfs, file, position, segment->size,
                       block, sizeof(block));
    int result = dh_store_walk_next(&walk, batch);
    return result == DH_STORE_WALK_BAD ? DOHLE_ERR_CORRUPT : result;
}

/*
 * The first batch that ends at or behind an offset, and its segment. Returns 1; 0 when
 * there is none; or an error.
 */
static int find_batch(struct dh_store_log *log, int64_t offset,
                      struct dh_store_segment **segment, struct dh_store_batch *batch)
{
    size_t index = dh_store_log_segment_index(log, offset);
    const struct dh_store_hint *hint = find_hint(log, offset);
    *segment = log->segments[index];
    if (hint != NULL && hint->segment == (*segment)->base_offset) {
        int result = read_header(*segment, hint->position, batch);
        if (result < 0 || (result == 1 && batch->last_offset >= offset)) {
            return result;
        }
    }
    // Compaction leaves gaps: what is looked for may begin a later segment.
    for (; index < log->segment_count; index++) {
        *segment = log->segments[index];
        int result = dh_store_segment_find(*segment, offset, batch);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

// ---- Reading ----

// A part of a read: what comes out of one segment.
struct part {
    int64_t end;     // of the offsets
    size_t size_max; // of the bytes
    bool is_whole;   // the first batch fits, however large
    int64_t next;    // out: behind the last batch
    bool has_more;   // out: there was no room for the next batch
};

// Keeps of what was read the batches that are whole and below the end.
static int keep_whole(const uint8_t *data, size_t size, struct part *part, size_t *kept)
{
    struct dh_store_batch batch;
    *kept = 0;
    while (size - *kept >= DH_STORE_HEADER_SIZE) {
        if (!dh_store_batch_parse(data + *kept, &batch) ||
            batch.last_offset < part->next ||
            (*kept > 0 && batch.base_offset < part->next)) {
            // What came before it is good; the next read meets it first.
            part->has_more = true;
            return *kept > 0 ? 0 : DOHLE_ERR_CORRUPT;
        }
        if ((uint64_t)batch.size > size - *kept || batch.base_offset >= part->end) {
            part->has_more = true;
            return 0;
        }
        *kept += (size_t)batch.size;
        part->next = batch.last_offset + 1;
    }
    part->has_more = *kept < size;
    return 0;
}

static int read_part(struct dh_store_segment *segment, const struct dh_store_batch *first,
                     struct part *part, struct dh_buf *out)
{
    struct dh_store_log *log = segment->log;
    struct dh_vfs *vfs = log->store->vfs;
    uint64_t left = (uint64_t)(segment->size - first->position);
    size_t size = part->size_max;
    if ((uint64_t)first->size > size) {
        if (!part->is_whole) {
            part->has_more = true;
            return 0;
        }
        size = (size_t)first->size;
    }
    size = left < size ? (size_t)left : size;
    struct dh_file *file = NULL;
    int err = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    if (err != 0) {
        return err;
    }
    size_t before = out->size;
    uint8_t *data = dh_buf_extend(out, size);
    if (data == NULL) {
        return out->err;
    }
    size_t got = 0;
    err = vfs->calls->read(vfs, file, first->position, data, size, &got);
    size_t kept = 0;
    if (err == 0) {
        err = keep_whole(data, got, part, &kept);
    }
    out->size = before + kept;
    if (err == 0 && kept > 0) {
        dh_store_log_add_hint(log, part->next, segment->base_offset,
                              first->position + (int64_t)kept);
    }
    return err;
}

int dh_store_log_read(struct dh_store_log *log, int64_t from, int64_t end,
                      size_t bytes_max, bool is_first_whole, struct dh_buf *out)
{
    if (log->is_offline) {
        return DOHLE_ERR_IO;
    }
    size_t before = out->size;
    struct part part = {.end = end < log->end ? end : log->end, .next = from};
    while (part.next < part.end && !part.has_more) {
        struct dh_store_segment *segment;
        struct dh_store_batch batch;
        int found = find_batch(log, part.next, &segment, &batch);
        if (found == 0 || (found == 1 && batch.base_offset >= part.end)) {
            return 0;
        }
        part.is_whole = is_first_whole && out->size == before;
        part.size_max =
            bytes_max < out->size - before ? 0 : bytes_max - (out->size - before);
        int err = found < 0 ? found : read_part(segment, &batch, &part, out);
        if (err == 0) {
            continue;
        }
        if (out->size > before) {
            return 0; // what was found so far is good
        }
        return err == DOHLE_ERR_CORRUPT || err == DOHLE_ERR_NO_MEMORY ||
                       err == DOHLE_ERR_TOO_LARGE
                   ? err
                   : DOHLE_ERR_IO;
    }
    return 0;
}

// Where the batch begins that holds an offset: bytes from the start of the log.
static int64_t bytes_before(struct dh_store_log *log, int64_t offset)
{
    if (offset >= log->end) {
        return log->size;
    }
    struct dh_store_segment *found;
    struct dh_store_batch batch;
    if (find_batch(log, offset, &found, &batch) != 1) {
        return log->size;
    }
    int64_t bytes = batch.position;
    for (size_t i = 0; log->segments[i] != found; i++) {
        bytes += log->segments[i]->size;
    }
    return bytes;
}

int64_t dh_store_log_bytes_between(struct dh_store_log *log, int64_t from, int64_t end)
{
    if (from >= end || log->is_offline) {
        return 0;
    }
    return bytes_before(log, end) - bytes_before(log, from);
}

// ---- Times ----

// What a look-up in the records of a batch looks for.
struct wanted {
    int64_t timestamp_ms; // this one or a later
    int64_t offset;       // at or behind
};

static int search_records(const struct dh_batch *batch, dohle_bytes payload,
                          const struct wanted *wanted, struct dh_store_found *found)
{
    struct dh_record_iterator iterator;
    dohle_record record;
    int err = dh_record_iterator_init(&iterator, batch, payload);
    if (err != 0) {
        return err;
    }
    dh_record_iterator_prepare(&iterator, &record, "", 0);
    int result;
    while ((result = dh_record_iterator_next(&iterator, &record)) == 1) {
        if (record.timestamp_ms >= wanted->timestamp_ms &&
            record.offset >= wanted->offset) {
            *found = (struct dh_store_found){record.offset, record.timestamp_ms,
                                             batch->leader_epoch};
            return 1;
        }
    }
    return result;
}

static int search_payload(struct dh_store_log *log, const struct dh_batch *batch,
                          const struct wanted *wanted, struct dh_store_found *found)
{
    if (batch->codec == DH_CODEC_NONE) {
        return search_records(batch, batch->payload, wanted, found);
    }
    const struct dh_codec *codec = dh_codec_find(batch->codec);
    if (codec == NULL) {
        return DOHLE_ERR_CORRUPT;
    }
    struct dh_codec_context context;
    struct dh_frame *frame;
    dh_codec_context_init(&context, log->store->mem, NULL);
    int result =
        dh_codec_decompress(&context, codec, batch->payload, DECOMPRESSED_MAX, &frame);
    if (result == 0) {
        result =
            search_records(batch, (dohle_bytes){frame->data, frame->size}, wanted, found);
        dh_frame_drop(frame);
    } else if (result == DOHLE_ERR_TOO_LARGE) {
        *found = (struct dh_store_found){batch->base_offset, batch->max_timestamp_ms,
                                         batch->leader_epoch};
        result = 1;
    }
    dh_codec_context_deinit(&context);
    return result;
}

// Returns 1 with *found, 0, or an error.
static int search_batch(struct dh_store_segment *segment,
                        const struct dh_store_batch *where, const struct wanted *wanted,
                        struct dh_store_found *found)
{
    struct dh_store_log *log = segment->log;
    struct dh_vfs *vfs = log->store->vfs;
    struct dh_file *file = NULL;
    int err = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    if (err != 0) {
        return err;
    }
    size_t size = (size_t)where->size;
    size_t got = 0;
    uint8_t *data = dh_mem_alloc(log->store->mem, size);
    if (data == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int result = vfs->calls->read(vfs, file, where->position, data, size, &got);
    if (result == 0) {
        struct dh_reader reader;
        struct dh_batch batch;
        dh_reader_init(&reader, (dohle_bytes){data, got});
        result = dh_batch_next(&reader, &batch) == DH_BATCH_FOUND
                     ? search_payload(log, &batch, wanted, found)
                     : DOHLE_ERR_CORRUPT;
    }
    dh_mem_free(log->store->mem, data, size);
    return result;
}

// Where to begin in a segment: the batches before have no such time.
static int find_time_floor(struct dh_store_segment *segment, int64_t timestamp_ms,
                           int64_t *offset)
{
    struct dh_file *file = NULL;
    struct dh_store_row row;
    *offset = segment->base_offset;
    if (dh_store_index_count(&segment->times) == 0) {
        return 0;
    }
    int err = dh_store_segment_file(segment, DH_STORE_FILE_TIMEINDEX, &file);
    if (err != 0) {
        return err;
    }
    // A row says the greatest time so far: up to one that is below, there is none to find.
    int result = dh_store_index_floor(&segment->times, segment->log->store->vfs, file,
                                      false, timestamp_ms - 1, &row);
    if (result == 1) {
        *offset = segment->base_offset + row.value;
    }
    return result < 0 ? result : 0;
}

static int find_time_in(struct dh_store_segment *segment, const struct wanted *wanted,
                        struct dh_store_found *found)
{
    int64_t offset;
    int err = find_time_floor(segment, wanted->timestamp_ms, &offset);
    if (err != 0) {
        return err;
    }
    offset = offset < wanted->offset ? wanted->offset : offset;
    struct dh_store_batch batch;
    int result = dh_store_segment_find(segment, offset, &batch);
    while (result == 1) {
        if (batch.max_timestamp_ms >= wanted->timestamp_ms) {
            result = search_batch(segment, &batch, wanted, found);
            if (result != 0) {
                return result;
            }
        }
        int64_t next = batch.position + batch.size;
        if (next >= segment->size) {
            return 0;
        }
        result = read_header(segment, next, &batch);
    }
    return result;
}

int dh_store_log_find_time(struct dh_store_log *log, int64_t timestamp_ms,
                           struct dh_store_found *found)
{
    *found = (struct dh_store_found){-1, -1, -1};
    if (log->is_offline) {
        return DOHLE_ERR_IO;
    }
    struct wanted wanted = {timestamp_ms, log->start};
    for (size_t i = dh_store_log_segment_index(log, log->start); i < log->segment_count;
         i++) {
        struct dh_store_segment *segment = log->segments[i];
        int err = dh_store_segment_load(segment, NULL);
        if (err != 0) {
            return err;
        }
        if (segment->max_timestamp_ms < timestamp_ms) {
            continue;
        }
        int result = find_time_in(segment, &wanted, found);
        if (result != 0) {
            return result < 0 ? result : 0;
        }
    }
    return 0;
}

int dh_store_log_find_max_time(struct dh_store_log *log, struct dh_store_found *found)
{
    *found = (struct dh_store_found){-1, -1, -1};
    if (log->is_offline) {
        return DOHLE_ERR_IO;
    }
    struct dh_store_segment *latest = NULL;
    for (size_t i = dh_store_log_segment_index(log, log->start); i < log->segment_count;
         i++) {
        struct dh_store_segment *segment = log->segments[i];
        int err = dh_store_segment_load(segment, NULL);
        if (err != 0) {
            return err;
        }
        if (latest == NULL || segment->max_timestamp_ms > latest->max_timestamp_ms) {
            latest = segment;
        }
    }
    if (latest == NULL || latest->max_timestamp_ms < 0) {
        return 0;
    }
    struct wanted wanted = {latest->max_timestamp_ms, log->start};
    int result = find_time_in(latest, &wanted, found);
    return result < 0 ? result : 0;
}
