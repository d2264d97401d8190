// SPDX-License-Identifier: MIT
/*
 * Files as the store sees them: one table of functions, so that the same code runs on
 * the operating system's files (host/files.h), in memory (store/memory_files.h), and in
 * the simulator, where writes are torn, disks are slow and full, and power fails.
 *
 * Calls return at once or after what the page cache takes; only `sync`, which may take
 * long, is a thing of its own: it is begun, and its end is reported later, so that a
 * slow disk delays nobody who does not wait for it.
 *
 * Paths are relative to the data directory, with '/' between names, and never "..".
 * Errors are DOHLE_ERR_IO, DOHLE_ERR_NO_MEMORY, or as said; error_text then says what
 * happened to which file, and is_full whether the disk has no room.
 *
 * All calls come from one thread.
 */
#ifndef DH_BASE_VFS_H
#define DH_BASE_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"

struct dh_file; // of whoever provides the table

// How a file is opened; bits.
#define DH_VFS_WRITE  1u // else it is read only
#define DH_VFS_CREATE 2u // makes it when it is not there; with WRITE

// A sync under way. In the block of whoever waits for it.
struct dh_vfs_sync {
    /* All that was written to the file before the sync was begun survives a power failure, or
     * err is not 0: then nothing is known about any of it. Called once, never inside
     * the call that began it; the file is still open. */
    void (*done)(struct dh_vfs_sync *sync, int err);
    void *ctx;      // the owner's
    void *provider; // the provider's
};

struct dh_vfs;

struct dh_vfs_calls {
    // DOHLE_ERR_NO_FILE: not there, and not to be made.
    int (*open)(struct dh_vfs *vfs, const char *path, unsigned flags,
                struct dh_file **file);
    // A sync under way must have ended.
    void (*close)(struct dh_vfs *vfs, struct dh_file *file);

    // Reads `size` bytes, fewer only at the end of the file; *got says how many.
    int (*read)(struct dh_vfs *vfs, struct dh_file *file, int64_t position, uint8_t *data,
                size_t size, size_t *got);
    // Writes all pieces, one behind the other. After an error what lies behind
    // `position` is unknown: truncate.
    int (*write)(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                 const dohle_bytes *pieces, size_t count);
    int (*truncate)(struct dh_vfs *vfs, struct dh_file *file, int64_t size);
    int (*size)(struct dh_vfs *vfs, struct dh_file *file, int64_t *size);

    // Begins a sync; one at a time for each file. `done` may come in any order.
    void (*sync)(struct dh_vfs *vfs, struct dh_file *file, struct dh_vfs_sync *sync);
    // The same, blocking: for start, clean stop and checkpoints of a few bytes.
    int (*sync_now)(struct dh_vfs *vfs, struct dh_file *file);
    // Names made, renamed and removed in that directory survive a power failure then.
    int (*sync_directory)(struct dh_vfs *vfs, const char *path);

    int (*rename)(struct dh_vfs *vfs, const char *from, const char *to); // replaces
    int (*remove)(struct dh_vfs *vfs, const char *path);
    int (*make_directory)(struct dh_vfs *vfs, const char *path);   // there already: 0
    int (*remove_directory)(struct dh_vfs *vfs, const char *path); // must be empty
    // Tells every name in the directory, in no order, without "." and "..".
    int (*list)(struct dh_vfs *vfs, const char *path,
                void (*tell)(void *ctx, const char *name, bool is_directory), void *ctx);

    /* Makes this process the only one that holds the file, until it is closed, and
     * writes its process id into it. DOHLE_ERR_IN_USE: *holder is the other's, 0 when
     * that cannot be read. */
    int (*lock)(struct dh_vfs *vfs, const char *path, struct dh_file **file,
                int64_t *holder);
};

// Embedded in the provider's own struct.
struct dh_vfs {
    const struct dh_vfs_calls *calls;
    char error_text[256]; // of the last call that failed: verb, file, cause
    bool is_full;         // it failed for want of room
    bool is_volatile;     // nothing survives the process: syncs have no meaning
};

#endif
