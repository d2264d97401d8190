// SPDX-License-Identifier: MIT
#include <inttypes.h>

#include <dohle/error.h>

#include "base/log.h"
#include "store/log.h"
#include "store/state.h"
#include "store/syncs.h"

// ---- The start ----

static void move_start(struct dh_store_log *log, int64_t start)
{
    if (start <= log->start) {
        return;
    }
    log->start = start;
    log->is_touched = true;
    log->store->is_checkpoint_due = true;
    dh_store_epochs_cut_start(&log->epochs, start);
}

// Takes the first `count` segments away. The active one is left for a new one before.
static int drop_first(struct dh_store_log *log, size_t count, int64_t wall_ms)
{
    if (count == 0) {
        return 0;
    }
    if (count == log->segment_count) {
        int err = dh_store_log_roll(log, wall_ms);
        if (err != 0) {
            return err;
        }
    }
    int64_t start = log->segments[count]->base_offset;
    dh_log(log->store->sink, DOHLE_LOG_INFO, "store",
           "%s: %zu segments below offset %" PRId64 " are deleted", log->name, count,
           start);
    move_start(log, start);
    // One after the other, and none behind one that cannot be removed: what a start finds has
    // no gaps.
    for (size_t i = 0; i < count; i++) {
        int err = dh_store_segment_remove_files(log->segments[0]);
        if (err != 0) {
            dh_log(log->store->sink, DOHLE_LOG_WARNING, "store",
                   "%s: a segment stays for now: %s", log->name,
                   log->store->vfs->error_text);
            return err == DOHLE_ERR_NO_MEMORY ? err : 0;
        }
        (void)!dh_store_log_remove_segments(log, 0, 1);
    }
    if (log->recovery_point < start) {
        log->recovery_point = start;
    }
    return 0;
}

// How many segments lie whole below an offset.
static size_t count_below(const struct dh_store_log *log, int64_t offset)
{
    size_t count = 0;
    while (count < log->segment_count && log->segments[count]->size > 0 &&
           dh_store_segment_end(log->segments[count]) <= offset) {
        count++;
    }
    return count;
}

int dh_store_log_delete_before(struct dh_store_log *log, int64_t start)
{
    if (log->is_offline) {
        return DOHLE_ERR_IO;
    }
    if (start > log->high_watermark) {
        return DOHLE_ERR_OFFSET_OUT_OF_RANGE;
    }
    if (start <= log->start) {
        return 0;
    }
    // The active segment stays, as in Kafka: retention leaves it when all of it is gone.
    size_t count = count_below(log, start);
    count = count == log->segment_count ? count - 1 : count;
    int err = drop_first(log, count, -1);
    if (err == 0) {
        move_start(log, start);
        dh_store_log_changed(log);
    }
    return err;
}

// ---- Retention ----

// Segments of the front that a rule lets go; those it may not touch end the walk.
static bool may_go(const struct dh_store_log *log, size_t index)
{
    const struct dh_store_segment *segment = log->segments[index];
    return segment->size > 0 && dh_store_segment_end(segment) <= log->high_watermark;
}

static size_t count_too_many(const struct dh_store_log *log)
{
    int64_t excess = log->size - log->config.retention_bytes;
    size_t count = 0;
    if (log->config.retention_bytes < 0) {
        return 0;
    }
    while (count < log->segment_count && may_go(log, count) &&
           excess >= log->segments[count]->size) {
        excess -= log->segments[count]->size;
        count++;
    }
    return count;
}

static int count_too_old(struct dh_store_log *log, int64_t wall_ms, size_t *count)
{
    *count = 0;
    if (log->config.retention_ms < 0) {
        return 0;
    }
    while (*count < log->segment_count && may_go(log, *count)) {
        struct dh_store_segment *segment = log->segments[*count];
        int err = dh_store_segment_load(segment, NULL);
        if (err != 0) {
            return err;
        }
        // A segment without times is as old as its file; that is when we first saw it.
        int64_t newest_ms = segment->max_timestamp_ms;
        if (newest_ms < 0) {
            if (segment->created_ms < 0) {
                segment->created_ms = wall_ms;
            }
            newest_ms = segment->created_ms;
        }
        if (wall_ms - newest_ms <= log->config.retention_ms) {
            break;
        }
        (*count)++;
    }
    return 0;
}

int dh_store_log_apply_retention(struct dh_store_log *log, int64_t wall_ms)
{
    if (log->is_offline) {
        return DOHLE_ERR_IO;
    }
    dh_store_producers_expire(&log->producers, wall_ms);
    int64_t start = log->start;
    int err = drop_first(log, count_below(log, log->start), wall_ms);
    if (err == 0 && log->config.is_deleted) {
        err = drop_first(log, count_too_many(log), wall_ms);
        size_t count = 0;
        if (err == 0) {
            err = count_too_old(log, wall_ms, &count);
        }
        if (err == 0) {
            err = drop_first(log, count, wall_ms);
        }
    }
    dh_store_syncs_kick(log);
    if (log->start != start) {
        dh_store_log_changed(log);
    }
    return err;
}

// ---- The end ----

// Where the log is cut: the batch that holds the offset goes whole.
static int cut_active(struct dh_store_log *log, int64_t end)
{
    struct dh_store_segment *active = dh_store_log_active(log);
    struct dh_store_batch batch;
    int found = dh_store_segment_find(active, end, &batch);
    if (found < 0) {
        return found;
    }
    if (found == 0) {
        log->end = end < log->end ? end : log->end;
        return 0;
    }
    int64_t size = active->size;
    int err = dh_store_segment_truncate(active, batch.position, batch.base_offset);
    log->size -= size - active->size;
    if (err == 0) {
        log->end = batch.base_offset;
    }
    // The start may lie within that batch: the next record is the start's then.
    if (err == 0 && log->end < log->start) {
        err = dh_store_log_begin_anew(log);
        err = err == 0 ? dh_store_log_sync_names(log) : err;
    }
    return err;
}

// What is known of producers is that of the log as it is now.
static int replay_producers(struct dh_store_log *log)
{
    dh_store_producers_clear(&log->producers);
    for (size_t i = 0; i < log->segment_count; i++) {
        uint8_t block[4096];
        struct dh_store_walk walk;
        struct dh_store_batch batch;
        struct dh_file *file = NULL;
        int result = dh_store_segment_file(log->segments[i], DH_STORE_FILE_LOG, &file);
        if (result != 0) {
            return result;
        }
        dh_store_walk_init(&walk, log->store->vfs, file, 0, log->segments[i]->size, block,
                           sizeof(block));
        while ((result = dh_store_walk_next(&walk, &batch)) == DH_STORE_WALK_FOUND) {
            if (batch.producer_id >= 0) {
                int err = dh_store_producers_replay(&log->producers, &batch);
                if (err != 0) {
                    return err;
                }
            }
        }
        if (result != DH_STORE_WALK_END) {
            return result < 0 ? result : DOHLE_ERR_CORRUPT;
        }
    }
    return 0;
}

int dh_store_log_truncate(struct dh_store_log *log, int64_t end)
{
    if (log->is_offline) {
        return DOHLE_ERR_IO;
    }
    if (end >= log->end) {
        return 0;
    }
    end = end < log->start ? log->start : end;
    // The checkpoint must not claim what is going to be cut, and a batch is cut whole: a start
    // would take that for damage.
    int64_t recovery_point = log->recovery_point;
    int64_t base_offset =
        log->segments[dh_store_log_segment_index(log, end)]->base_offset;
    if (recovery_point > base_offset) {
        log->recovery_point = base_offset;
        log->store->is_checkpoint_due = true;
        int err = dh_store_checkpoint(log->store);
        if (err != 0) {
            log->recovery_point = recovery_point;
            return err;
        }
    }
    size_t keep = dh_store_log_segment_index(log, end) + 1;
    log->is_touched = true;
    int err = 0;
    if (keep < log->segment_count) {
        int64_t kept_end = log->segments[keep]->base_offset;
        err = dh_store_log_remove_segments(log, keep, log->segment_count - keep);
        log->end = kept_end;
    }
    dh_store_log_drop_hints(log);
    err = err == 0 ? cut_active(log, end) : err;
    if (log->snapshot_offset > log->end) {
        dh_store_log_remove_snapshot(log, log->snapshot_offset);
        log->snapshot_offset = -1;
    }
    if (err == 0) {
        err = replay_producers(log);
    }
    if (err != 0) {
        dh_store_log_set_offline(log, "it was cut, and the rest cannot be read");
        return err;
    }
    dh_store_epochs_cut_end(&log->epochs, log->end);
    if (log->high_watermark > log->end) {
        log->high_watermark = log->end;
    }
    if (log->recovery_point > log->end) {
        log->recovery_point = log->end;
    }
    dh_store_syncs_on_cut(log);
    dh_store_syncs_kick(log);
    dh_store_log_changed(log);
    return 0;
}
