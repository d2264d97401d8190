// SPDX-License-Identifier: MIT
/*
 * Files in memory, behind the table of base/vfs.h.
 *
 * A file is a list of chunks, each twice the size of the one before it, from 64 bytes up
 * to 64 KiB: an empty file owns none, a small one little, and a large one grows without
 * being moved.
 *
 *     chunk     0    1    2   ..   10      11      12  ...
 *     size     64  128  256      64 KiB  64 KiB  64 KiB
 *
 * The files outlive their handles and whoever opened them, so a test may drop a store
 * and open it anew on what it wrote. A file that was removed lives until it is closed, as
 * on Unix. Locks are between handles of one table.
 *
 * is_volatile is set: the store then asks for no sync. Who clears it (a test does) must
 * call dh_memory_files_end_syncs, since `done` may not come out of `sync`.
 *
 * Bounds: memory is what was written, plus at most as much again, plus some 300 bytes a
 * file. dh_memory_files_set_room sets a bound on what is written, for full disks.
 */
#ifndef DH_STORE_MEMORY_FILES_H
#define DH_STORE_MEMORY_FILES_H

#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/vfs.h"

struct dh_memory_files;

// NULL: no memory. The allocator is borrowed.
DH_MUST_CHECK struct dh_memory_files *dh_memory_files_new(const dohle_allocator *mem);

// Every handle was closed. NULL is allowed.
void dh_memory_files_free(struct dh_memory_files *files);

// As long as the files.
struct dh_vfs *dh_memory_files_vfs(struct dh_memory_files *files);

// As a process that is killed does: `done` of the syncs under way is never called. What
// is open is still to be closed, by dh_store_close for example.
void dh_memory_files_forget_syncs(struct dh_memory_files *files);

// Ends the syncs that were begun before the call. Returns how many.
size_t dh_memory_files_end_syncs(struct dh_memory_files *files);

// At most so many bytes in all files from now on; -1: no bound. More is a full disk.
void dh_memory_files_set_room(struct dh_memory_files *files, int64_t bytes_max);

// Bytes in all files.
int64_t dh_memory_files_size(const struct dh_memory_files *files);

#endif
