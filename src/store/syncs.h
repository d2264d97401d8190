// SPDX-License-Identifier: MIT
/*
 * Group commit: from the page cache to the disk, one sync at a time for each log.
 *
 *     append  ->  a sync of the segment that holds the recovery point is begun, unless one is
 *                 under way; appends that come meanwhile share the next
 *     done    ->  the recovery point, and in mode SYNCED the high watermark, is where
 *                 the sync began; the next sync is begun when there is more
 *     full    ->  the indexes of a segment that is full are synced behind its .log, and only
 *                 then the recovery point passes it
 *     failed  ->  the log is offline: nobody knows what is on the disk
 *
 * In mode CACHED only segments that are full are synced, so that a start after a crash
 * has little to check. Files that are volatile are never synced.
 */
#ifndef DH_STORE_SYNCS_H
#define DH_STORE_SYNCS_H

#include "base/vfs.h"

struct dh_store_log;

// Begins a sync when something waits for one and none is under way.
void dh_store_syncs_kick(struct dh_store_log *log);

/*
 * The active segment was left for a new one, and its indexes written: they are to be on disk
 * before the recovery point is behind it, because a start trusts them there.
 */
void dh_store_syncs_on_roll(struct dh_store_log *log);

// The log was cut back to its end: a sync under way proves no more than that.
void dh_store_syncs_on_cut(struct dh_store_log *log);

#endif
