// SPDX-License-Identifier: MIT
#include "store/recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dohle/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strings.h"
#include "store/checkpoint.h"
#include "store/log.h"
#include "store/names.h"
#include "store/state.h"

#define BLOCK_SIZE        ((size_t)256 << 10) // stays in the processor's cache
#define METADATA_TOPIC_ID "topic_id: "
#define SNAPSHOT_SUFFIX   ".snapshot"
#define TORN_SUFFIX       ".log.torn"

int dh_store_recover_init(struct dh_store_recover *recover, struct dh_store *store,
                          struct dh_store_recovery *summary, bool is_clean, char *text,
                          size_t text_size)
{
    *recover = (struct dh_store_recover){
        .store = store,
        .summary = summary,
        .block = dh_mem_alloc(store->mem, BLOCK_SIZE),
        .is_clean = is_clean,
        .text = text,
        .text_size = text_size,
    };
    return recover->block == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

void dh_store_recover_deinit(struct dh_store_recover *recover)
{
    dh_mem_free(recover->store->mem, recover->block, BLOCK_SIZE);
}

static int fail(struct dh_store_recover *recover, const struct dh_store_log *log, int err)
{
    const char *cause =
        err == DOHLE_ERR_NO_MEMORY ? "out of memory" : recover->store->vfs->error_text;
    snprintf(recover->text, recover->text_size, "%s: %s", log->name, cause);
    return err == DOHLE_ERR_NO_MEMORY ? err : DOHLE_ERR_IO;
}

// ---- What is there ----

struct listing {
    const dohle_allocator *mem;
    int64_t *logs; // base offsets; owned
    size_t log_count;
    size_t log_capacity;
    int64_t *snapshots; // offsets; owned
    size_t snapshot_count;
    size_t snapshot_capacity;
    int err;
};

static void tell(void *ctx, const char *name, bool is_directory)
{
    struct listing *listing = ctx;
    int64_t offset;
    const char *suffix;
    if (is_directory || listing->err != 0 ||
        !dh_store_parse_segment_name(name, &offset, &suffix)) {
        return;
    }
    if (strcmp(suffix, dh_store_suffixes[DH_STORE_FILE_LOG]) == 0) {
        listing->err = dh_mem_grow(listing->mem, &listing->logs, &listing->log_capacity,
                                   listing->log_count + 1, sizeof(int64_t));
        if (listing->err == 0) {
            listing->logs[listing->log_count++] = offset;
        }
    } else if (strcmp(suffix, SNAPSHOT_SUFFIX) == 0) {
        listing->err =
            dh_mem_grow(listing->mem, &listing->snapshots, &listing->snapshot_capacity,
                        listing->snapshot_count + 1, sizeof(int64_t));
        if (listing->err == 0) {
            listing->snapshots[listing->snapshot_count++] = offset;
        }
    }
}

static int compare_offsets(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

static void listing_deinit(struct listing *listing)
{
    dh_mem_free(listing->mem, listing->logs, listing->log_capacity * sizeof(int64_t));
    dh_mem_free(listing->mem, listing->snapshots,
                listing->snapshot_capacity * sizeof(int64_t));
}

static int listing_init(struct listing *listing, struct dh_store_log *log)
{
    struct dh_vfs *vfs = log->store->vfs;
    *listing = (struct listing){.mem = log->store->mem};
    int err = vfs->calls->list(vfs, log->name, tell, listing);
    err = err == 0 ? listing->err : err;
    if (err != 0) {
        listing_deinit(listing);
        return err;
    }
    if (listing->log_count > 1) {
        qsort(listing->logs, listing->log_count, sizeof(int64_t), compare_offsets);
    }
    if (listing->snapshot_count > 1) {
        qsort(listing->snapshots, listing->snapshot_count, sizeof(int64_t),
              compare_offsets);
    }
    return 0;
}

static int add_segment(struct dh_store_log *log, int64_t base_offset)
{
    struct dh_vfs *vfs = log->store->vfs;
    struct dh_store_segment *segment = dh_store_segment_new(log, base_offset);
    struct dh_file *file = NULL;
    if (segment == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    if (err == 0) {
        err = vfs->calls->size(vfs, file, &segment->size);
    }
    if (err == 0) {
        err = dh_store_log_add_segment(log, segment);
    }
    if (err != 0) {
        dh_store_segment_free(segment);
    }
    return err;
}

static int read_topic_id(struct dh_store_log *log)
{
    struct dh_buf text;
    struct dh_store_path path = dh_store_path(log->name, DH_STORE_METADATA_FILE);
    dh_buf_init(&text, log->store->mem, 0);
    int err = dh_store_read_file(log->store->vfs, path.text, &text);
    dohle_bytes rest = dh_buf_view(&text);
    dohle_bytes line;
    size_t prefix = sizeof(METADATA_TOPIC_ID) - 1;
    while (err == 0 && dh_split_next(&rest, '\n', &line)) {
        if (line.size > prefix && memcmp(line.data, METADATA_TOPIC_ID, prefix) == 0) {
            dohle_bytes id = {line.data + prefix, line.size - prefix};
            // One that makes no sense is none.
            (void)!dh_uuid_parse(dh_trim(id), &log->topic_id);
        }
    }
    dh_buf_deinit(&text);
    return err == DOHLE_ERR_NO_FILE || err == DOHLE_ERR_TOO_LARGE ? 0 : err;
}

// *is_known: the file is there and makes sense.
static int read_epochs(struct dh_store_log *log, bool *is_known)
{
    struct dh_buf text;
    struct dh_store_path path = dh_store_path(log->name, DH_STORE_EPOCHS_FILE);
    dh_buf_init(&text, log->store->mem, 0);
    int err = dh_store_read_file(log->store->vfs, path.text, &text);
    if (err == 0) {
        err = dh_store_epochs_parse(&log->epochs, dh_buf_view(&text));
    }
    dh_buf_deinit(&text);
    *is_known = err == 0;
    return err == DOHLE_ERR_IO || err == DOHLE_ERR_NO_MEMORY ? err : 0;
}

// ---- Producers ----

/*
 * The newest good snapshot at or below a limit; *offset is where it was taken, or where
 * the log starts when there is none.
 */
static int load_snapshot(struct dh_store_log *log, struct listing *listing, int64_t limit,
                         int64_t *offset)
{
    for (size_t i = listing->snapshot_count; i > 0; i--) {
        int64_t at = listing->snapshots[i - 1];
        if (at > limit) {
            continue;
        }
        if (at < log->segments[0]->base_offset) {
            break; // what came between is gone: it knows less than nothing
        }
        struct dh_buf text;
        struct dh_store_path path = dh_store_segment_path(log->name, at, SNAPSHOT_SUFFIX);
        dh_buf_init(&text, log->store->mem, 0);
        int err = dh_store_read_file(log->store->vfs, path.text, &text);
        if (err == 0) {
            err = dh_store_producers_parse(&log->producers, dh_buf_view(&text));
        }
        dh_buf_deinit(&text);
        if (err == 0) {
            *offset = at;
            return 0;
        }
        if (err == DOHLE_ERR_IO || err == DOHLE_ERR_NO_MEMORY) {
            return err;
        }
        dh_log(log->store->sink, DOHLE_LOG_WARNING, "store",
               "%s: the snapshot of producers at offset %" PRId64 " is damaged: removed",
               log->name, at);
        dh_store_log_remove_snapshot(log, at);
        listing->snapshot_count--;
        memmove(listing->snapshots + i - 1, listing->snapshots + i,
                (listing->snapshot_count + 1 - i) * sizeof(int64_t));
    }
    *offset = log->segments[0]->base_offset;
    return 0;
}

// Those at segments' bases and the one at the end stay; others are of no use.
static void sort_snapshots(struct dh_store_log *log, const struct listing *listing,
                           int64_t limit)
{
    for (size_t i = 0; i < listing->snapshot_count; i++) {
        int64_t at = listing->snapshots[i];
        struct dh_store_segment *segment =
            log->segments[dh_store_log_segment_index(log, at)];
        if (at <= limit && segment->base_offset == at) {
            segment->has_snapshot = true;
        } else if (at <= limit && at == log->end) {
            log->snapshot_offset = at;
        } else {
            dh_store_log_remove_snapshot(log, at);
        }
    }
}

// ---- The walk ----

// A walk over segments, with what it makes anew.
struct pass {
    struct dh_store_recover *recover;
    struct dh_store_log *log;
    int64_t next_offset;    // the least that may come
    int64_t producers_from; // batches at and behind count for the producers
    bool checks;            // checksums
    bool fills;             // indexes
};

static int learn(struct pass *pass, struct dh_store_segment *segment,
                 const struct dh_store_batch *batch)
{
    struct dh_store_log *log = pass->log;
    int err = dh_store_epochs_reserve(&log->epochs);
    if (err != 0) {
        return err;
    }
    dh_store_epochs_assign(&log->epochs, batch->leader_epoch, batch->base_offset);
    if (batch->producer_id >= 0 && batch->base_offset >= pass->producers_from) {
        err = dh_store_producers_replay(&log->producers, batch);
    }
    if (err == 0 && pass->fills) {
        dh_store_segment_add(segment, batch);
    }
    return err;
}

// Walks one segment from a position. *good: where the first bad batch begins, or its end.
static int walk_segment(struct pass *pass, struct dh_store_segment *segment,
                        int64_t position, int64_t *good)
{
    struct dh_store_walk walk;
    struct dh_store_batch batch;
    struct dh_file *file = NULL;
    *good = position;
    int result = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    if (result != 0) {
        return result;
    }
    dh_store_walk_init(&walk, pass->log->store->vfs, file, position, segment->size,
                       pass->recover->block, BLOCK_SIZE);
    while ((result = dh_store_walk_next(&walk, &batch)) == DH_STORE_WALK_FOUND) {
        if (batch.base_offset < pass->next_offset ||
            batch.last_offset - segment->base_offset > INT32_MAX) {
            return 0;
        }
        if (pass->checks) {
            bool is_right = false;
            int err = dh_store_walk_check(&walk, &batch, &is_right);
            if (err != 0 || !is_right) {
                return err;
            }
            pass->recover->summary->bytes_checked += (uint64_t)batch.size;
        }
        int err = learn(pass, segment, &batch);
        if (err != 0) {
            return err;
        }
        pass->next_offset = batch.last_offset + 1;
        *good = walk.position;
    }
    return result < 0 ? result : 0;
}

// ---- The torn end ----

static int copy_bytes(struct dh_store_recover *recover, struct dh_file *from,
                      int64_t position, int64_t end, struct dh_file *to)
{
    struct dh_vfs *vfs = recover->store->vfs;
    int64_t written = 0;
    int err = vfs->calls->truncate(vfs, to, 0);
    while (err == 0 && position < end) {
        size_t size = (uint64_t)(end - position) < BLOCK_SIZE ? (size_t)(end - position)
                                                              : BLOCK_SIZE;
        size_t got = 0;
        err = vfs->calls->read(vfs, from, position, recover->block, size, &got);
        if (err == 0 && got == 0) {
            return 0;
        }
        if (err == 0) {
            dohle_bytes piece = {recover->block, got};
            err = vfs->calls->write(vfs, to, written, &piece, 1);
        }
        position += (int64_t)got;
        written += (int64_t)got;
    }
    return err;
}

static void count_torn(struct dh_store_recover *recover, const struct dh_store_log *log,
                       const struct dh_store_segment *segment, int64_t offset,
                       int64_t bytes)
{
    recover->torn_in_log += (uint64_t)bytes;
    dh_log(recover->store->sink, DOHLE_LOG_WARNING, "store",
           "%s: torn at offset %" PRId64 ": %" PRId64
           " bytes are cut, and kept as %020" PRId64 TORN_SUFFIX,
           log->name, offset, bytes, segment->base_offset);
}

// Saves what is behind a position and cuts it.
static int cut_segment(struct dh_store_recover *recover, struct dh_store_segment *segment,
                       int64_t position, int64_t offset)
{
    struct dh_store_log *log = segment->log;
    struct dh_vfs *vfs = recover->store->vfs;
    struct dh_store_path path =
        dh_store_segment_path(log->name, segment->base_offset, TORN_SUFFIX);
    struct dh_file *file = NULL;
    struct dh_file *torn = NULL;
    int err = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    if (err == 0) {
        err = vfs->calls->open(vfs, path.text, DH_VFS_WRITE | DH_VFS_CREATE, &torn);
    }
    if (err != 0) {
        return err;
    }
    err = copy_bytes(recover, file, position, segment->size, torn);
    if (err == 0 && !vfs->is_volatile) {
        err = vfs->calls->sync_now(vfs, torn);
    }
    vfs->calls->close(vfs, torn);
    if (err == 0) {
        err = vfs->calls->truncate(vfs, file, position);
    }
    if (err == 0) {
        count_torn(recover, log, segment, offset, segment->size - position);
        log->size -= segment->size - position;
        segment->size = position;
    }
    return err;
}

// Segments behind a torn one: none of their records can be where it says.
static int set_aside(struct dh_store_recover *recover, struct dh_store_log *log,
                     size_t first)
{
    struct dh_vfs *vfs = recover->store->vfs;
    for (size_t i = first; i < log->segment_count; i++) {
        struct dh_store_segment *segment = log->segments[i];
        if (segment->size == 0) {
            continue;
        }
        struct dh_store_path from =
            dh_store_segment_path(log->name, segment->base_offset, ".log");
        struct dh_store_path to =
            dh_store_segment_path(log->name, segment->base_offset, TORN_SUFFIX);
        count_torn(recover, log, segment, segment->base_offset, segment->size);
        int err = vfs->calls->rename(vfs, from.text, to.text);
        if (err != 0) {
            return err;
        }
    }
    return dh_store_log_remove_segments(log, first, log->segment_count - first);
}

static int refuse(struct dh_store_recover *recover, const struct dh_store_log *log,
                  const struct dh_store_segment *segment, int64_t position,
                  int64_t offset)
{
    snprintf(recover->text, recover->text_size,
             "%s: damaged or cut off at offset %" PRId64 " (byte %" PRId64
             " of %020" PRId64 ".log), before offset %" PRId64
             ", up to which it was on disk. Bring the "
             "file back from a copy; or remove " DH_STORE_RECOVERY_POINTS_FILE
             " and " DH_STORE_CLEAN_FILE
             ", and all from there on is cut off and kept beside it",
             log->name, offset, position, segment->base_offset, log->recovery_point);
    return DOHLE_ERR_CORRUPT;
}

// ---- Logs ----

static bool is_behind_a_gap(const struct pass *pass,
                            const struct dh_store_segment *segment)
{
    return pass->log->is_listed && segment->base_offset > pass->next_offset &&
           segment->base_offset > pass->log->recovery_point;
}

// Nothing from that segment on can be trusted.
static int tear_off(struct pass *pass, size_t first)
{
    struct dh_store_recover *recover = pass->recover;
    if (pass->next_offset < pass->log->recovery_point) {
        const struct dh_store_segment *last = pass->log->segments[first - 1];
        return refuse(recover, pass->log, last, last->size, pass->next_offset);
    }
    int err = set_aside(recover, pass->log, first);
    return err != 0 ? fail(recover, pass->log, err) : 0;
}

// The walk after anything but a clean stop, from a segment on.
static int walk_log(struct pass *pass, size_t first)
{
    struct dh_store_recover *recover = pass->recover;
    struct dh_store_log *log = pass->log;
    for (size_t i = first; i < log->segment_count; i++) {
        struct dh_store_segment *segment = log->segments[i];
        int64_t good = 0;
        int64_t size = segment->size;
        if (is_behind_a_gap(pass, segment)) {
            return tear_off(pass, i);
        }
        if (pass->next_offset < segment->base_offset) {
            pass->next_offset = segment->base_offset;
        }
        int err = dh_store_segment_reset(segment);
        if (err == 0) {
            err = walk_segment(pass, segment, 0, &good);
        }
        if (err != 0) {
            return fail(recover, log, err);
        }
        recover->summary->indexes_rebuilt++;
        log->is_touched = true; // what was made anew is to be written
        segment->is_loaded = true;
        if (i + 1 < log->segment_count) {
            // What cannot be written now is known all the same, and made anew next time.
            (void)!dh_store_segment_finish(segment);
        }
        if (good == size) {
            continue;
        }
        if (pass->next_offset < log->recovery_point) {
            return refuse(recover, log, segment, good, pass->next_offset);
        }
        err = cut_segment(recover, segment, good, pass->next_offset);
        return err != 0 ? fail(recover, log, err) : tear_off(pass, i + 1);
    }
    if (pass->next_offset < log->recovery_point) {
        return refuse(recover, log, dh_store_log_active(log),
                      dh_store_log_active(log)->size, pass->next_offset);
    }
    return 0;
}

// The active segment after a clean stop. *is_right: it is what it was left as.
static int look_at_active(struct dh_store_recover *recover, struct dh_store_log *log,
                          bool *is_right)
{
    struct dh_store_segment *active = dh_store_log_active(log);
    int64_t end;
    int err = dh_store_segment_load(active, &end);
    *is_right = err == 0 && end == log->recovery_point;
    log->end = end;
    if (err == DOHLE_ERR_CORRUPT) {
        return 0;
    }
    return err != 0 ? fail(recover, log, err) : 0;
}

// Reads the batches behind a snapshot for the producers alone. After a clean stop there are
// none; after one by Apache Kafka neither.
static int replay_producers(struct dh_store_recover *recover, struct dh_store_log *log,
                            int64_t from, int64_t end)
{
    struct pass pass = {.recover = recover, .log = log, .producers_from = from};
    if (from >= end) {
        return 0;
    }
    for (size_t i = dh_store_log_segment_index(log, from);
         i < log->segment_count && log->segments[i]->base_offset < end; i++) {
        int64_t good = 0;
        pass.next_offset = log->segments[i]->base_offset;
        int err = walk_segment(&pass, log->segments[i], 0, &good);
        if (err != 0) {
            return fail(recover, log, err);
        }
        if (good != log->segments[i]->size) {
            return refuse(recover, log, log->segments[i], good, pass.next_offset);
        }
    }
    return 0;
}

static int recover_unclean(struct dh_store_recover *recover, struct dh_store_log *log,
                           struct listing *listing, bool has_epochs)
{
    size_t first = dh_store_log_segment_index(log, log->recovery_point);
    struct pass pass = {.recover = recover, .log = log, .checks = true, .fills = true};
    // Epochs of what is not walked are known from the file only.
    int64_t base_offset = log->segments[first]->base_offset;
    pass.next_offset = base_offset;
    pass.producers_from = base_offset;
    int64_t from;
    int err = load_snapshot(log, listing, base_offset, &from);
    if (err != 0) {
        return fail(recover, log, err);
    }
    if (!has_epochs) {
        from = log->segments[0]->base_offset;
        dh_store_producers_clear(&log->producers);
    }
    log->end = base_offset;
    err = replay_producers(recover, log, from, base_offset);
    if (err == 0) {
        dh_store_epochs_cut_end(&log->epochs, base_offset);
        err = walk_log(&pass, first);
    }
    log->end = pass.next_offset;
    // Snapshots of what was walked may be of what was torn.
    sort_snapshots(log, listing, base_offset);
    return err;
}

static int recover_clean(struct dh_store_recover *recover, struct dh_store_log *log,
                         struct listing *listing, bool has_epochs)
{
    int64_t from;
    int err = load_snapshot(log, listing, log->end, &from);
    if (err != 0) {
        return fail(recover, log, err);
    }
    if (!has_epochs && log->size > 0) {
        from = log->segments[0]->base_offset;
        dh_store_producers_clear(&log->producers);
    }
    err = replay_producers(recover, log, from, log->end);
    log->is_touched |= from < log->end; // so that the next start need not
    sort_snapshots(log, listing, log->end);
    return err;
}

static int sync_walked(struct dh_store_log *log)
{
    int err = dh_store_log_sync_names(log);
    if (err != 0) {
        return err;
    }
    for (size_t i = dh_store_log_segment_index(log, log->recovery_point);
         i < log->segment_count; i++) {
        err = dh_store_segment_sync(log->segments[i]);
        if (err != 0) {
            return err;
        }
    }
    log->recovery_point = log->end;
    return 0;
}

// The start may be anywhere in what is left, or behind all of it.
static int settle_start(struct dh_store_recover *recover, struct dh_store_log *log)
{
    int64_t base_offset = log->segments[0]->base_offset;
    if (log->start < base_offset) {
        log->start = base_offset;
    }
    if (log->start > log->end) {
        // What was deleted by DeleteRecords was not on disk: the log goes on behind it.
        dh_log(recover->store->sink, DOHLE_LOG_WARNING, "store",
               "%s: ends at offset %" PRId64 ", before its start: it goes on at %" PRId64,
               log->name, log->end, log->start);
        int err = dh_store_log_begin_anew(log);
        err = err == 0 ? dh_store_log_sync_names(log) : err;
        if (err != 0) {
            return fail(recover, log, err);
        }
    }
    dh_store_epochs_cut_start(&log->epochs, log->start);
    if (log->recovery_point > log->end) {
        log->recovery_point = log->end;
    }
    bool has_to_be_on_disk =
        log->store->is_synced || (!log->is_listed && !log->store->vfs->is_volatile);
    if (has_to_be_on_disk && log->recovery_point < log->end) {
        // What is answered from now on as durable must be; and gaps of another's log lie below
        // the recovery point.
        int err = sync_walked(log);
        if (err != 0) {
            return fail(recover, log, err);
        }
    } else if (log->store->is_synced && !recover->is_clean) {
        // Whoever made its files may have been killed before their names were on disk.
        int err = dh_store_log_sync_names(log);
        if (err != 0) {
            return fail(recover, log, err);
        }
    }
    log->high_watermark = log->end;
    return 0;
}

static int recover_listed(struct dh_store_recover *recover, struct dh_store_log *log,
                          struct listing *listing)
{
    bool has_epochs = false;
    int err = read_topic_id(log);
    if (err == 0) {
        err = read_epochs(log, &has_epochs);
    }
    for (size_t i = 0; err == 0 && i < listing->log_count; i++) {
        err = add_segment(log, listing->logs[i]);
    }
    if (err == 0 && log->segment_count == 0) {
        err = dh_store_log_begin_anew(log);
    }
    if (err != 0) {
        return fail(recover, log, err);
    }
    bool is_right = false;
    if (recover->is_clean) {
        err = look_at_active(recover, log, &is_right);
    }
    if (err == 0) {
        err = is_right ? recover_clean(recover, log, listing, has_epochs)
                       : recover_unclean(recover, log, listing, has_epochs);
    }
    return err != 0 ? err : settle_start(recover, log);
}

int dh_store_recover_log(struct dh_store_recover *recover, struct dh_store_log *log)
{
    struct listing listing;
    int err = listing_init(&listing, log);
    if (err != 0) {
        return fail(recover, log, err);
    }
    recover->torn_in_log = 0;
    err = recover_listed(recover, log, &listing);
    listing_deinit(&listing);
    recover->summary->logs++;
    recover->summary->torn_logs += recover->torn_in_log > 0;
    recover->summary->torn_bytes += recover->torn_in_log;
    return err;
}
