// SPDX-License-Identifier: MIT
/*
 * Small text files that are replaced whole: written beside the old one, synced, renamed
 * over it, and the directory synced. So there is always one good version.
 *
 *     0            version
 *     2            count of the lines that follow
 *     orders 0 17  what the file is about; fields by spaces
 *     orders 1 9
 *
 * Source: CheckpointFile, OffsetCheckpointFile in Apache Kafka 4.4.
 */
#ifndef DH_STORE_CHECKPOINT_H
#define DH_STORE_CHECKPOINT_H

#include <stdbool.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/vfs.h"

// The largest file of this kind that is read.
#define DH_STORE_SMALL_FILE_MAX ((size_t)64 << 20)

/*
 * Appends the whole file to *out. Returns 0, DOHLE_ERR_NO_FILE, DOHLE_ERR_IO,
 * DOHLE_ERR_TOO_LARGE or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_store_read_file(struct dh_vfs *vfs, const char *path,
                                     struct dh_buf *out);

// Replaces directory/name ("" is the data directory). Returns 0 or the vfs's error; then the
// old file may still be there.
DH_MUST_CHECK int dh_store_replace_file(struct dh_vfs *vfs, const char *directory,
                                        const char *name, dohle_bytes content,
                                        bool is_synced);

// Reads lines; views into the text.
struct dh_store_lines {
    dohle_bytes rest;
    int64_t left; // lines still to come
};

// False: not a checkpoint of version 0 with as many lines as it says.
bool dh_store_lines_init(struct dh_store_lines *lines, dohle_bytes text);

// Takes the next line. False at the end.
bool dh_store_lines_next(struct dh_store_lines *lines, dohle_bytes *line);

#endif
