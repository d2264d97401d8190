// SPDX-License-Identifier: MIT
#include "store/syncs.h"

#include <dohle/error.h>

#include "store/log.h"
#include "store/state.h"

// What the next sync would put on disk; the recovery point when nothing waits.
static int64_t wanted_end(const struct dh_store_log *log)
{
    return log->store->is_synced ? log->end : dh_store_log_active(log)->base_offset;
}

static void let_go(struct dh_store_log *log, struct dh_store_segment *segment)
{
    if (segment->is_removed) {
        dh_store_segment_free(segment);
    }
    if (log->is_leaving) {
        dh_list_remove(&log->leaving_link);
        dh_store_log_free(log);
    }
}

static bool begin_next_file(struct dh_store_log *log, struct dh_store_segment *segment);

static void on_synced(struct dh_vfs_sync *sync, int err)
{
    struct dh_store_log *log = sync->ctx;
    struct dh_store_segment *segment = log->syncing;
    log->syncing = NULL;
    log->store->syncing_count--;
    bool is_current = !segment->is_removed && !log->is_leaving;
    if (!is_current) {
        bool is_leaving = log->is_leaving;
        let_go(log, segment);
        if (is_leaving) {
            return;
        }
    }
    if (log->is_offline) {
        return;
    }
    if (err != 0 && is_current) {
        dh_store_log_set_offline(log, log->store->vfs->error_text);
        return;
    }
    bool has_moved = false;
    if (is_current && log->store->is_synced && log->sync_end > log->high_watermark) {
        log->high_watermark = log->sync_end;
        has_moved = true;
    }
    if (is_current && !begin_next_file(log, segment) &&
        log->sync_end > log->recovery_point) {
        log->recovery_point = log->sync_end;
        log->store->is_checkpoint_due = true;
    }
    dh_store_syncs_kick(log);
    if (has_moved) {
        dh_store_log_changed(log);
    }
}

static void begin(struct dh_store_log *log, struct dh_store_segment *segment,
                  enum dh_store_file which)
{
    struct dh_vfs *vfs = log->store->vfs;
    struct dh_file *file = NULL;
    if (dh_store_segment_file(segment, which, &file) != 0) {
        dh_store_log_set_offline(log, vfs->error_text);
        return;
    }
    log->syncing = segment;
    log->sync_file = which;
    log->sync = (struct dh_vfs_sync){.done = on_synced, .ctx = log};
    log->store->syncing_count++;
    vfs->calls->sync(vfs, file, &log->sync);
}

// The indexes of a segment that is full follow its .log. False: nothing follows.
static bool begin_next_file(struct dh_store_log *log, struct dh_store_segment *segment)
{
    bool is_full = segment != dh_store_log_active(log) &&
                   log->sync_end == dh_store_segment_end(segment);
    if (!is_full || log->sync_file + 1 == DH_STORE_FILE_COUNT) {
        return false;
    }
    begin(log, segment, log->sync_file + 1);
    return true;
}

void dh_store_syncs_kick(struct dh_store_log *log)
{
    if (log->store->vfs->is_volatile || log->syncing != NULL || log->is_offline ||
        log->recovery_point >= wanted_end(log)) {
        return;
    }
    struct dh_store_segment *segment =
        log->segments[dh_store_log_segment_index(log, log->recovery_point)];
    log->sync_end = dh_store_segment_end(segment);
    if (segment == dh_store_log_active(log)) {
        // Where readers will stop for a while.
        dh_store_log_add_hint(log, log->sync_end, segment->base_offset, segment->size);
    }
    begin(log, segment, DH_STORE_FILE_LOG);
}

void dh_store_syncs_on_roll(struct dh_store_log *log)
{
    const struct dh_store_segment *full = log->segments[log->segment_count - 2];
    if (log->recovery_point > full->base_offset) {
        log->recovery_point = full->base_offset;
    }
}

void dh_store_syncs_on_cut(struct dh_store_log *log)
{
    if (log->sync_end > log->end) {
        log->sync_end = log->end;
    }
}
