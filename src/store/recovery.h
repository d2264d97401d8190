// SPDX-License-Identifier: MIT
/*
 * From the files of a directory to a log: what to trust, and what to look at.
 *
 *     after a clean stop    each segment's size; of the active one, the batches behind
 *                           the last row of its index; the snapshot at the end
 *     after anything else   every batch of the segments that reach beyond the recovery
 *                           point, with its checksum; their indexes, the epochs and the
 *                           producers are made anew in the same pass
 *
 * A walk stops at the first batch that is cut off, has a wrong checksum, another magic,
 * an impossible length, or an offset below the one expected. What begins there:
 *
 *     at or behind the recovery point   is torn: saved beside the log as
 *                                       <base offset>.log.torn, then cut; segments
 *                                       behind are renamed the same way
 *     before it                         was on disk: damage, which is refused
 *                                       (DOHLE_ERR_CORRUPT)
 *
 * A segment that begins later than the one before it ends is torn too, behind the recovery
 * point: what lay between was lost with the power. Compaction leaves such gaps; but a log
 * that Apache Kafka compacted is adopted whole, and then on disk whole.
 *
 * Nothing else refuses a start: indexes, snapshots and epochs that are missing, stale or
 * wrong are made anew from the .log.
 *
 * Bounds: one block of 256 KiB, whatever sizes the files claim.
 * Source: LogLoader, LogSegment.recover in Apache Kafka 4.4; field notes 3c.
 */
#ifndef DH_STORE_RECOVERY_H
#define DH_STORE_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/buf.h"
#include "store/store.h"

struct dh_store_recover {
    struct dh_store *store;
    struct dh_store_recovery *summary;
    uint8_t *block;       // owned
    uint64_t torn_in_log; // bytes
    bool is_clean;
    char *text; // of the caller
    size_t text_size;
};

// Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_store_recover_init(struct dh_store_recover *recover,
                                        struct dh_store *store,
                                        struct dh_store_recovery *summary, bool is_clean,
                                        char *text, size_t text_size);
void dh_store_recover_deinit(struct dh_store_recover *recover);

/*
 * Fills a new log from its directory. log->recovery_point and log->start are what the
 * checkpoints say, or 0. Returns 0 or, with a text, DOHLE_ERR_IO, DOHLE_ERR_CORRUPT
 * or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_store_recover_log(struct dh_store_recover *recover,
                                       struct dh_store_log *log);

#endif
