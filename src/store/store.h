// SPDX-License-Identifier: MIT
/*
 * The store: the logs of partitions in one data directory, in Kafka's own layout.
 *
 *     <dir>/.lock                              who holds the directory
 *     <dir>/meta.properties
 *     <dir>/recovery-point-offset-checkpoint   \
 *     <dir>/log-start-offset-checkpoint         } text: version, count, lines
 *     <dir>/.kafka_cleanshutdown                only after a clean stop
 *     <dir>/<topic>-<partition>/00000000000000000000.log  .index  .timeindex
 *     <dir>/<topic>-<partition>/leader-epoch-checkpoint  partition.metadata
 *
 * The log is batches back to back, byte for byte as on the wire. Indexes are rebuilt
 * when doubtful. Modules:
 *
 *     base/vfs        files; slow, torn and full ones in the simulator
 *     memory_files    files in memory
 *     walk            batches of a .log by their headers
 *     index           rows of an .index or .timeindex
 *     segment         one .log with its two indexes
 *     handles         which segments have open files
 *     epochs          which leader epoch began where
 *     producers       idempotent producers: the last batches of each (rebuilt by recovery)
 *     recovery        what to trust after a crash; cuts a torn tail and saves it
 *     log, log_read, log_trim   the segments of one partition (this file's dh_store_log_*)
 *     checkpoint      small text files, replaced whole
 *     syncs           group commit: which logs wait for the disk
 *     names           of files
 *
 * Offsets of a log:  start <= high watermark <= end.
 *     start           the first record that may be read (DeleteRecords, retention)
 *     high watermark  what is durable by the chosen mode, and so may be read and answered:
 *                     the end, except while a sync is under way in mode SYNC
 *     end             the next record's
 *
 * A log whose disk failed is *offline*: calls return DOHLE_ERR_IO until the store is
 * opened anew; other logs go on. A full disk fails the append alone: the log is
 * as it was before, and goes on when there is room.
 *
 * No I/O but through the vfs; no clock: wall_ms is handed in.
 * Source: UnifiedLog, LogSegment, LogLoader, ProducerStateManager, LeaderEpochFileCache
 * in Apache Kafka 4.4.
 */
#ifndef DH_STORE_STORE_H
#define DH_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/log.h>
#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/vfs.h"
#include "wire/uuid.h"

struct dh_store;
struct dh_store_log;

enum dh_store_mode {
    DH_STORE_CACHED, // in the page cache (or memory) when answered: survives a killed process
    DH_STORE_SYNCED, // on disk when answered, by group commit: survives a power failure
};

// What the owner is told. Comes out of dh_vfs_sync.done, and for `advanced` out of
// append and truncate too.
struct dh_store_watcher {
    void *ctx;
    // The high watermark is another one, or the log went offline: whoever waits looks again.
    void (*changed)(void *ctx, struct dh_store_log *log);
};

struct dh_store_options {
    const dohle_allocator *mem; // borrowed, as all here, for the store's life
    struct dh_vfs *vfs;
    const dohle_log_sink *log; // NULL: none
    struct dh_store_watcher watcher;
    enum dh_store_mode mode;
    uint64_t seed;       // hash seeds
    const char *process; // for meta.properties, when it has none: cluster id. NULL: ""
};

// What recovery found and did, summed over all logs; for the line that says so at start.
struct dh_store_recovery {
    uint64_t logs;
    uint64_t bytes_checked;
    uint64_t torn_logs;
    uint64_t torn_bytes; // cut, and saved beside the log
    uint64_t indexes_rebuilt;
    bool was_clean;
};

/*
 * Locks and opens the directory with every log in it, recovering what needs it. Returns 0;
 * DOHLE_ERR_IN_USE (another process holds it: text names its id); DOHLE_ERR_IO;
 * DOHLE_ERR_CORRUPT (an interior batch of what was synced is damaged: text says
 * where and what to do); DOHLE_ERR_NO_MEMORY. text (size bytes) says what happened.
 */
DH_MUST_CHECK int dh_store_open(const struct dh_store_options *options,
                                struct dh_store **store,
                                struct dh_store_recovery *recovery, char *text,
                                size_t text_size);

/*
 * Ends it. is_clean: checkpoints and the marker of a clean stop are written, so that the
 * next start recovers nothing; blocks for the syncs this takes. Else: as if killed. No
 * sync may be under way in that case but those the vfs has forgotten. NULL is allowed.
 */
void dh_store_close(struct dh_store *store, bool is_clean);

// Of meta.properties: what the first start gave, or "". As long as the store.
const char *dh_store_cluster_id(const struct dh_store *store);

// True while a sync is under way: the owner goes on running its loop before it closes.
bool dh_store_is_syncing(const struct dh_store *store);

// Every log, in order of name; NULL: the end. `after` NULL: the first.
struct dh_store_log *dh_store_next_log(const struct dh_store *store,
                                       const struct dh_store_log *after);

// Writes the checkpoints when something has moved; the owner calls it now and then.
DH_MUST_CHECK int dh_store_checkpoint(struct dh_store *store);

// ---- Logs ----

// Kafka's topic settings as far as a log needs them (TopicConfig).
struct dh_store_log_config {
    int64_t segment_bytes;        // segment.bytes
    int64_t segment_ms;           // segment.ms
    int64_t index_bytes;          // segment.index.bytes
    int64_t index_interval_bytes; // index.interval.bytes
    int64_t retention_bytes;      // retention.bytes; -1: no bound
    int64_t retention_ms;         // retention.ms; -1: no bound
    int64_t delete_delay_ms;      // file.delete.delay.ms is not kept: files go at once
    bool is_deleted;              // cleanup.policy has "delete"
    bool is_append_time;          // message.timestamp.type is LogAppendTime
};

// Makes directory and first segment; in mode SYNCED on disk when it returns.
// DOHLE_ERR_INVALID_STATE: it is there, or there are files where it would be.
DH_MUST_CHECK int dh_store_create_log(struct dh_store *store, const char *topic,
                                      int32_t partition, struct dh_uuid topic_id,
                                      const struct dh_store_log_config *config,
                                      struct dh_store_log **log);

// Removes the log with its files. Waits for none: a sync under way is let end first.
DH_MUST_CHECK int dh_store_delete_log(struct dh_store *store, struct dh_store_log *log);

// NULL: there is none.
struct dh_store_log *dh_store_find_log(const struct dh_store *store, const char *topic,
                                       int32_t partition);

const char *dh_store_log_topic(const struct dh_store_log *log);
int32_t dh_store_log_partition(const struct dh_store_log *log);
// From partition.metadata; all zero: a log that was found without one.
struct dh_uuid dh_store_log_topic_id(const struct dh_store_log *log);
void dh_store_log_set_config(struct dh_store_log *log,
                             const struct dh_store_log_config *config);
// The owner's, for `changed`.
void dh_store_log_set_ctx(struct dh_store_log *log, void *ctx);
void *dh_store_log_ctx(const struct dh_store_log *log);

int64_t dh_store_log_start(const struct dh_store_log *log);
int64_t dh_store_log_high_watermark(const struct dh_store_log *log);
int64_t dh_store_log_end(const struct dh_store_log *log);
int64_t dh_store_log_size(const struct dh_store_log *log); // bytes of all .log files
bool dh_store_log_is_offline(const struct dh_store_log *log);

struct dh_store_appended {
    int64_t base_offset;    // of the first record; of the first time when is_duplicate
    int64_t end_offset;     // behind the last; durable once the high watermark is here
    int64_t append_time_ms; // -1 unless the log stamps
    int16_t broker_code; // not 0: refused by the state of its producer, nothing appended
    bool is_duplicate;
};

/*
 * Appends batches (magic 2, whole, checked by the caller: checksum, sizes, counts): gives
 * offsets and leader epoch, which are written into `batches` itself, checks the
 * sequence of idempotent producers, rolls segments. All or nothing. Returns 0 with
 * *appended filled in; DOHLE_ERR_IO (text and is_full in the vfs) or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_store_log_append(struct dh_store_log *log, uint8_t *batches,
                                      size_t size, int32_t leader_epoch, int64_t wall_ms,
                                      struct dh_store_appended *appended);

/*
 * Appends whole batches to *out, from the one that holds `from` on, as many as begin below
 * `end` and fit into bytes_max; the first one whole however large when is_first_whole.
 * `from` between start and end of the log. Nothing there: *out is as before. Returns 0,
 * DOHLE_ERR_IO, DOHLE_ERR_CORRUPT or DOHLE_ERR_NO_MEMORY, with *out as before.
 */
DH_MUST_CHECK int dh_store_log_read(struct dh_store_log *log, int64_t from, int64_t end,
                                    size_t bytes_max, bool is_first_whole,
                                    struct dh_buf *out);

// About how many bytes lie between the two offsets: for fetch.min.bytes. Exact within a batch.
int64_t dh_store_log_bytes_between(struct dh_store_log *log, int64_t from, int64_t end);

struct dh_store_found {
    int64_t offset; // -1: none
    int64_t timestamp_ms;
    int32_t leader_epoch; // -1: unknown
};

// The first record with that time or a later one, truly looked up (X- rows of ListOffsets).
DH_MUST_CHECK int dh_store_log_find_time(struct dh_store_log *log, int64_t timestamp_ms,
                                         struct dh_store_found *found);
// The record with the greatest time (ListOffsets -3).
DH_MUST_CHECK int dh_store_log_find_max_time(struct dh_store_log *log,
                                             struct dh_store_found *found);

/*
 * For OffsetForLeaderEpoch: the largest epoch not above the one asked for, and where it ended.
 * Both -1: not known. Source: LeaderEpochFileCache.endOffsetFor.
 */
void dh_store_log_end_of_epoch(const struct dh_store_log *log, int32_t epoch,
                               int32_t current_epoch, int32_t *found_epoch,
                               int64_t *end_offset);
// The epoch of the last batch; -1: empty log.
int32_t dh_store_log_latest_epoch(const struct dh_store_log *log);

// The greatest id, up to id_max, of the idempotent producers that the log knows; -1: none.
int64_t dh_store_log_greatest_producer_id(const struct dh_store_log *log, int64_t id_max);

// Cuts what lies at `end` and behind, as an unclean election does.
DH_MUST_CHECK int dh_store_log_truncate(struct dh_store_log *log, int64_t end);
// DeleteRecords: moves the start; whole segments below it go. At most the high watermark.
DH_MUST_CHECK int dh_store_log_delete_before(struct dh_store_log *log, int64_t start);
// Deletes segments that are too old or too many; rolls a segment that is too old.
DH_MUST_CHECK int dh_store_log_apply_retention(struct dh_store_log *log, int64_t wall_ms);

#endif
