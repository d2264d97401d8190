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
    if (err == 0 && is_current && log->sync_end > log->recovery_point) {
        log->recovery_point = log->sync_end;
        log->store->is_checkpoint_due = true;
    }
    bool has_moved = log->store->is_synced && log->recovery_point > log->high_watermark;
    if (has_moved) {
        log->high_watermark = log->recovery_point;
    }
    dh_store_syncs_kick(log);
    if (has_moved) {
        dh_store_log_changed(log);
    }
}

void dh_store_syncs_kick(struct dh_store_log *log)
{
    struct dh_vfs *vfs = log->store->vfs;
    if (vfs->is_volatile || log->syncing != NULL || log->is_offline ||
        log->recovery_point >= wanted_end(log)) {
        return;
    }
    struct dh_store_segment *segment =
        log->segments[dh_store_log_segment_index(log, log->recovery_point)];
    struct dh_file *file = NULL;
    if (dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file) != 0) {
        dh_store_log_set_offline(log, vfs->error_text);
        return;
    }
    log->syncing = segment;
    log->sync_end = dh_store_segment_end(segment);
    log->sync = (struct dh_vfs_sync){.done = on_synced, .ctx = log};
    log->store->syncing_count++;
    vfs->calls->sync(vfs, file, &log->sync);
}

void dh_store_syncs_on_cut(struct dh_store_log *log)
{
    if (log->sync_end > log->end) {
        log->sync_end = log->end;
    }
}
