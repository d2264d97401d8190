// SPDX-License-Identifier: MIT
/*
 * A segment: one .log with its two indexes. It knows where which offset lies; which
 * segments there are is the log's business (log.h).
 *
 * Its files are opened when they are needed, and closed again when too many are open
 * (handles.h), since a broker with thousands of partitions must get by with few
 * descriptors.
 *
 * Its indexes are looked at when they are first needed. What is doubtful in them, then or at
 * any later look-up, is rebuilt from the .log.
 *
 * Invariants: base_offset <= every offset in it < base_offset + 2^31; size <= INT32_MAX.
 */
#ifndef DH_STORE_SEGMENT_H
#define DH_STORE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/vfs.h"
#include "store/index.h"
#include "store/walk.h"

struct dh_store_log;

enum dh_store_file {
    DH_STORE_FILE_LOG,
    DH_STORE_FILE_INDEX,
    DH_STORE_FILE_TIMEINDEX,
    DH_STORE_FILE_COUNT,
};

extern const char *const dh_store_suffixes[DH_STORE_FILE_COUNT];

struct dh_store_segment {
    struct dh_store_log *log;
    int64_t base_offset;
    int64_t size;               // bytes of the .log
    int64_t max_timestamp_ms;   // of its batches; -1: none; meaningful when loaded
    int64_t max_timestamp_last; // last offset of the first batch that has it
    int64_t first_timestamp_ms; // greatest of its first batch; INT64_MIN: not known yet
    int64_t created_ms; // by the wall, when it was made or found; -1: not known yet
    int64_t indexed_at; // position of the batch of the last row; -1: none
    struct dh_store_index offsets;
    struct dh_store_index times;
    struct dh_file *files[DH_STORE_FILE_COUNT]; // NULL: closed
    struct dh_link handles_link;                // in the store's open segments
    bool is_loaded;                             // indexes and the times above are known
    bool has_snapshot;                          // of the producers, at base_offset
    bool is_removed; // from its log; lives until its sync has ended
};

// NULL: no memory. Touches no file.
DH_MUST_CHECK struct dh_store_segment *dh_store_segment_new(struct dh_store_log *log,
                                                            int64_t base_offset);

// Closes its files. No sync is under way. NULL is allowed.
void dh_store_segment_free(struct dh_store_segment *segment);

// Makes its files, empty; their names are not on disk yet. Removes them again when that
// fails.
DH_MUST_CHECK int dh_store_segment_create(struct dh_store_segment *segment);

// Removes its files, and the snapshot. Returns the error of the .log, which is the first:
// then all of them stay.
DH_MUST_CHECK int dh_store_segment_remove_files(struct dh_store_segment *segment);

// One of its files, opened if need be. Valid until one of another segment is opened.
DH_MUST_CHECK int dh_store_segment_file(struct dh_store_segment *segment,
                                        enum dh_store_file which, struct dh_file **file);

/*
 * Makes sure that the indexes are there and that the times are known; rebuilds the indexes
 * from the .log when they are doubtful. *end (may be NULL) is the offset behind the last
 * batch. Returns 0, DOHLE_ERR_IO, DOHLE_ERR_NO_MEMORY, or DOHLE_ERR_CORRUPT when the
 * .log does not end where a batch ends.
 */
DH_MUST_CHECK int dh_store_segment_load(struct dh_store_segment *segment, int64_t *end);

// Empties both indexes, for who fills them anew.
DH_MUST_CHECK int dh_store_segment_reset(struct dh_store_segment *segment);

// A batch was appended to the .log, or found in it: size, times and indexes learn of it.
// Batches come in order.
void dh_store_segment_add(struct dh_store_segment *segment,
                          const struct dh_store_batch *batch);

// Adds the row that says the greatest time, and writes both indexes: before the segment
// is left, or its log closed.
DH_MUST_CHECK int dh_store_segment_finish(struct dh_store_segment *segment);

// Writes what is buffered of the indexes.
DH_MUST_CHECK int dh_store_segment_flush(struct dh_store_segment *segment);

// Puts its three files on disk, blocking.
DH_MUST_CHECK int dh_store_segment_sync(struct dh_store_segment *segment);

/*
 * The first batch that ends at or behind the offset. Returns 1 with *batch, 0 when there
 * is none, or as dh_store_segment_load.
 */
DH_MUST_CHECK int dh_store_segment_find(struct dh_store_segment *segment, int64_t offset,
                                        struct dh_store_batch *batch);

// Cuts the .log at a position where a batch begins, and the indexes at its offset.
DH_MUST_CHECK int dh_store_segment_truncate(struct dh_store_segment *segment,
                                            int64_t position, int64_t offset);

// The greatest time of its first batch, -1 when it has none; for rolling.
DH_MUST_CHECK int dh_store_segment_first_timestamp(struct dh_store_segment *segment,
                                                   int64_t *timestamp_ms);

// Whether a batch with that last offset fits neither by number nor into the indexes.
bool dh_store_segment_is_full(const struct dh_store_segment *segment,
                              int64_t last_offset);

#endif
