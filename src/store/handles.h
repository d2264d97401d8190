// SPDX-License-Identifier: MIT
/*
 * Which segments have open files. When there are more than DH_STORE_OPEN_SEGMENTS_MAX, those
 * of the segment that was used longest ago are closed.
 *
 * Pinned, and never closed here: a segment whose sync is under way, and one that holds what
 * is not on disk yet in mode SYNCED, because an error of a late write is told to those who
 * have the file open.
 */
#ifndef DH_STORE_HANDLES_H
#define DH_STORE_HANDLES_H

#include <stddef.h>

#include "base/list.h"

#define DH_STORE_OPEN_SEGMENTS_MAX ((size_t)128) // of up to 3 files each

struct dh_store_segment;

struct dh_store_handles {
    struct dh_list segments; // with open files, the one used last at the end
    size_t count;
};

void dh_store_handles_init(struct dh_store_handles *handles);

// The segment's files are used now.
void dh_store_handles_touch(struct dh_store_handles *handles,
                            struct dh_store_segment *segment);

// Closes files until one more segment may be opened.
void dh_store_handles_make_room(struct dh_store_handles *handles);

// Closes the files of a segment.
void dh_store_handles_close(struct dh_store_handles *handles,
                            struct dh_store_segment *segment);

#endif
