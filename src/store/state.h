// SPDX-License-Identifier: MIT
/*
 * The store's own struct, for the modules of src/store.
 */
#ifndef DH_STORE_STATE_H
#define DH_STORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "store/handles.h"
#include "store/store.h"

#define DH_STORE_RECOVERY_POINTS_FILE "recovery-point-offset-checkpoint"
#define DH_STORE_LOG_STARTS_FILE      "log-start-offset-checkpoint"
#define DH_STORE_CLEAN_FILE           ".kafka_cleanshutdown"
#define DH_STORE_META_FILE            "meta.properties"
#define DH_STORE_LOCK_FILE            ".lock"

struct dh_store {
    const dohle_allocator *mem;
    struct dh_vfs *vfs;
    const dohle_log_sink *sink; // NULL: none
    struct dh_store_watcher watcher;
    uint64_t seed;
    bool is_synced; // mode SYNCED on files that can be synced
    struct dh_file *lock;
    struct dh_store_log **logs; // owned; by topic and partition
    size_t log_count;
    size_t log_capacity;
    struct dh_list leaving; // deleted logs whose sync has not ended
    struct dh_store_handles handles;
    size_t syncing_count;   // logs with a sync under way, leaving ones included
    bool is_checkpoint_due; // a recovery point or a start has moved
    bool has_stale_lines;   // the checkpoints name a log that is gone
    char *cluster_id;       // owned; of meta.properties
};

#endif
