// SPDX-License-Identifier: MIT
/*
 * The files of one directory of the operating system, behind the table of base/vfs.h.
 *
 * Everything but `sync` is done in the call, as fast as the page cache is. A sync is done by
 * a thread of ours, of which there are at most DH_FILES_WORKERS_MAX and none before the
 * first sync; its end is reported out of dh_host_run_once, like all else of this layer.
 *
 *     sync -> queued -> a worker is in fdatasync -> ended -> run_once: done
 *
 * Paths are resolved against the directory as it was opened: neither the working directory of the
 * process nor a rename of the directory matters. A lock is one between open files
 * (flock), so that it holds between processes and between two parts of one; it
 * goes with the process, however that ends.
 *
 * A disk without room, a quota and the limit of a file's size are all is_full. A call that a signal
 * interrupts goes on.
 */
#ifndef DH_HOST_FILES_H
#define DH_HOST_FILES_H

#include <stdbool.h>

#include "base/assert.h"
#include "base/vfs.h"
#include "host/host.h"

// Syncs of several files at a time, which file systems merge.
#define DH_FILES_WORKERS_MAX 2

// Longest sentence that says why there is no directory, and its NUL.
#define DH_FILES_TEXT_SIZE 256

struct dh_files;

/*
 * Opens the directory, which is made with those above it when it is not there. Borrows the
 * host. Returns 0, DOHLE_ERR_NO_MEMORY or DOHLE_ERR_IO; text then says why.
 */
DH_MUST_CHECK int dh_files_new(struct dh_host *host, const char *directory,
                               struct dh_files **files, char text[DH_FILES_TEXT_SIZE]);

// Every file was closed; before the host is freed. Forgets syncs. NULL is allowed.
void dh_files_free(struct dh_files *files);

// As long as the files.
struct dh_vfs *dh_files_vfs(struct dh_files *files);

// True while a sync is under way whose end was not reported yet.
bool dh_files_is_syncing(const struct dh_files *files);

/*
 * Syncs under way are not reported any more. Those that were not begun are dropped, those
 * that a disk is busy with are waited for. After it the files may be closed.
 */
void dh_files_forget_syncs(struct dh_files *files);

#endif
