// SPDX-License-Identifier: MIT
/*
 * The disk of the simulated brokers: files behind base/vfs.h that can do what real ones do.
 *
 *     page cache   what was written; what reads see; survives a killed process
 *     platter      what was synced; all that is sure to survive a power failure
 *
 * kill    the process is gone: handles are closed, syncs under way are never reported
 * cut     the power fails: of what was written since the last sync of a file some front part
 *         is left, and behind it perhaps a piece of zeros; a name that was made, renamed or
 *         removed since the last sync of its directory is as before or as after
 * die     the process dies inside its next write: a front part of it is done, and from
 *         then on every call fails, until kill
 * room    no more than so many bytes: a write that needs more does what it can and fails
 * slow    a sync takes up to so long; `broken`: it fails
 *
 * Syncs end as tasks of the scheduler. All chance is the scheduler's.
 */
#ifndef DH_TESTS_SIM_DISK_H
#define DH_TESTS_SIM_DISK_H

#include "base/list.h"
#include "base/vfs.h"
#include "scheduler.h"

struct sim_disk_counts {
    uint64_t writes;
    uint64_t syncs;
    uint64_t torn; // files that lost something in a cut, and writes cut short by a death
    uint64_t full; // writes that found no room
    uint64_t broken; // syncs that failed
};

struct sim_inode;
struct sim_name;

struct sim_disk {
    struct dh_vfs vfs;
    struct sim_scheduler *scheduler;
    struct dh_list syncs;     // that have not ended
    struct sim_inode *inodes; // all there are; owned
    struct dh_file *files;    // open
    struct sim_name *names;   // present or on the platter; owned
    size_t name_count;
    size_t name_capacity;
    int64_t room_bytes; // -1: no bound
    int64_t used_bytes;
    int64_t sync_delay_max_ns;
    unsigned broken_in_thousand;  // of syncs
    uint64_t life;                // of the process; syncs of another are not reported
    void (*on_synced)(void *ctx); // after each sync that is reported; NULL: nobody asks
    void *ctx;
    bool is_dying; // in the next write
    bool is_dead;  // every call fails, until kill
    struct sim_disk_counts counts;
};

void sim_disk_init(struct sim_disk *disk, struct sim_scheduler *scheduler);
// Before the scheduler's, whose tasks may still name a sync.
void sim_disk_deinit(struct sim_disk *disk);

// The process is gone. Every handle it had is no longer valid.
void sim_disk_kill(struct sim_disk *disk);
// And so is what was not synced, some of it.
void sim_disk_cut(struct sim_disk *disk);

#endif
