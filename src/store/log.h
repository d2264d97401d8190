// SPDX-License-Identifier: MIT
/*
 * A log's own struct, for the modules of src/store. What a log is: store.h.
 *
 *     log         life, append, roll
 *     log_read    where an offset lies; reading; times
 *     log_trim    truncate, DeleteRecords, retention
 *     recovery    from files to a log
 *     syncs       from the page cache to the disk
 *
 * Invariants: there is always a segment, the last one is active; segments ascend, and
 * each begins where the one before it ends, or later; start <= high_watermark <= end;
 * recovery_point <= end; without mode SYNCED high_watermark == end.
 */
#ifndef DH_STORE_LOG_H
#define DH_STORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "store/epochs.h"
#include "store/producers.h"
#include "store/segment.h"
#include "store/store.h"

#define DH_STORE_HINTS 8

#define DH_STORE_METADATA_FILE "partition.metadata"
// Beside the files of a log that is being deleted: the next start goes on with that.
#define DH_STORE_DELETED_FILE "partition.deleted"

// Where a batch begins: what a reader asked for last is mostly asked for again.
struct dh_store_hint {
    int64_t
        offset; // the batch at position is the first that ends at or behind it; -1: unused
    int64_t segment; // its base offset
    int64_t position;
};

struct dh_store_log {
    struct dh_store *store;
    struct dh_link leaving_link; // in store->leaving
    char *name;                  // owned: "<topic>-<partition>", its directory
    char *topic;                 // owned
    int32_t partition;
    struct dh_uuid topic_id;
    struct dh_store_log_config config;
    void *ctx;                          // the owner's
    struct dh_store_segment **segments; // owned; by offset
    size_t segment_count;
    size_t segment_capacity;
    int64_t start;
    int64_t high_watermark;
    int64_t end;
    int64_t recovery_point; // what lies below is on disk
    int64_t size;           // of all .log files
    struct dh_store_epochs epochs;
    struct dh_store_producers producers;
    int64_t snapshot_offset; // of a snapshot that is at no segment's base; -1: none
    struct dh_vfs_sync sync;
    struct dh_store_segment *syncing; // whose sync is under way; NULL: none
    enum dh_store_file sync_file;     // which of its files
    int64_t sync_end;                 // what will be on disk then
    struct dh_store_hint hints[DH_STORE_HINTS];
    uint8_t next_hint;
    bool is_offline;
    bool is_leaving;      // deleted; lives until its sync has ended
    int64_t listed_point; // the recovery point in the checkpoint on disk
    bool is_listed; // in the checkpoint on disk: no log of another's, and no gaps behind
                    // the recovery point
    bool is_new; // made since the store was opened: partition.metadata may not be on disk
    bool is_touched; // since it was opened, or closed cleanly
};

// ---- log.c ----

// NULL: no memory. Not yet in the store; without segments.
DH_MUST_CHECK struct dh_store_log *dh_store_log_new(struct dh_store *store,
                                                    const char *name, size_t topic_size,
                                                    int32_t partition);
// Closes its files. NULL is allowed.
void dh_store_log_free(struct dh_store_log *log);

// Behind the last segment, which it must follow.
DH_MUST_CHECK int dh_store_log_add_segment(struct dh_store_log *log,
                                           struct dh_store_segment *segment);
// Takes `count` segments from `first` on out of the log, with their files. An error says
// that not all files are gone; the segments are all the same.
DH_MUST_CHECK int dh_store_log_remove_segments(struct dh_store_log *log, size_t first,
                                               size_t count);

struct dh_store_segment *dh_store_log_active(const struct dh_store_log *log);
// The index of the segment that holds the offset, or would; 0 when it is below all.
size_t dh_store_log_segment_index(const struct dh_store_log *log, int64_t offset);
// The offset behind a segment's last: where the next one begins, or the log ends.
int64_t dh_store_segment_end(const struct dh_store_segment *segment);

// A first segment, empty, at the log's start, in place of all there are. Its name is not on
// disk yet.
DH_MUST_CHECK int dh_store_log_begin_anew(struct dh_store_log *log);

// Leaves the active segment for a new one, if it is not empty.
DH_MUST_CHECK int dh_store_log_roll(struct dh_store_log *log, int64_t wall_ms);

// No call works any more but those that say so. Tells the owner.
void dh_store_log_set_offline(struct dh_store_log *log, const char *cause);
// The high watermark has moved, or so.
void dh_store_log_changed(struct dh_store_log *log);

// Writes a snapshot of the producers at the log's end.
DH_MUST_CHECK int dh_store_log_take_snapshot(struct dh_store_log *log, bool is_synced);
// Removes a snapshot's file.
void dh_store_log_remove_snapshot(struct dh_store_log *log, int64_t offset);

// Puts the names of the log's files on disk, unless they are volatile.
DH_MUST_CHECK int dh_store_log_sync_names(const struct dh_store_log *log);

// Writes partition.metadata.
DH_MUST_CHECK int dh_store_log_save_metadata(struct dh_store_log *log, bool is_synced);

// Writes leader-epoch-checkpoint, if it changed.
DH_MUST_CHECK int dh_store_log_save_epochs(struct dh_store_log *log, bool is_synced);

// Writes all that a clean start needs, and syncs it unless it is volatile.
DH_MUST_CHECK int dh_store_log_settle(struct dh_store_log *log);

// ---- log_read.c ----

// Forgets where offsets lie.
void dh_store_log_drop_hints(struct dh_store_log *log);
// The batch at that position is the first that ends at or behind the offset.
void dh_store_log_add_hint(struct dh_store_log *log, int64_t offset, int64_t segment,
                           int64_t position);

#endif
