// SPDX-License-Identifier: MIT
/*
 * Where each leader epoch of a log began: what OffsetForLeaderEpoch is answered from. Kept
 * in leader-epoch-checkpoint, one line an epoch: "epoch offset".
 *
 * Invariant: epochs and offsets ascend. An epoch without records is not in it, but for
 * what Kafka wrote.
 *
 * Source: LeaderEpochFileCache in Apache Kafka 4.4.
 */
#ifndef DH_STORE_EPOCHS_H
#define DH_STORE_EPOCHS_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"

#define DH_STORE_EPOCHS_FILE "leader-epoch-checkpoint"

struct dh_store_epoch {
    int64_t start_offset;
    int32_t epoch;
};

struct dh_store_epochs {
    const dohle_allocator *mem;
    struct dh_store_epoch *rows; // owned
    size_t count;
    size_t capacity;
    bool is_changed; // since it was written
};

void dh_store_epochs_init(struct dh_store_epochs *epochs, const dohle_allocator *mem);
void dh_store_epochs_deinit(struct dh_store_epochs *epochs);

// Reads the file's text. DOHLE_ERR_CORRUPT: it makes no sense; then nothing is known.
DH_MUST_CHECK int dh_store_epochs_parse(struct dh_store_epochs *epochs, dohle_bytes text);
void dh_store_epochs_print(const struct dh_store_epochs *epochs, struct dh_buf *out);

// Makes room, so that the next assign cannot fail.
DH_MUST_CHECK int dh_store_epochs_reserve(struct dh_store_epochs *epochs);

// A batch of that epoch begins at the offset. Nothing happens when the epoch is known, or old.
// After reserve.
void dh_store_epochs_assign(struct dh_store_epochs *epochs, int32_t epoch,
                            int64_t start_offset);

// What lies at and behind the offset is gone; what lies before it is gone.
void dh_store_epochs_cut_end(struct dh_store_epochs *epochs, int64_t end);
void dh_store_epochs_cut_start(struct dh_store_epochs *epochs, int64_t start);

// -1: none.
int32_t dh_store_epochs_latest(const struct dh_store_epochs *epochs);

// See dh_store_log_end_of_epoch.
void dh_store_epochs_end(const struct dh_store_epochs *epochs, int32_t epoch,
                         int32_t current_epoch, int64_t log_end, int32_t *found_epoch,
                         int64_t *end_offset);

#endif
