// SPDX-License-Identifier: MIT
/*
 * The walk over the batches of one .log file by their headers, in blocks. What lies
 * behind a header is read only when its checksum is asked for, and then in blocks too:
 * a walk needs one block of memory, however large a batch says it is.
 *
 * A batch here is one of magic 2 that lies in the file whole. Anything else is BAD: a
 * header cut off, a length too small or beyond the end, another magic (which catches a tail
 * of zeros), offsets that make no sense.
 *
 * Source: FileLogInputStream, DefaultRecordBatch in Apache Kafka 4.4.
 */
#ifndef DH_STORE_WALK_H
#define DH_STORE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/vfs.h"

#define DH_STORE_HEADER_SIZE 61 // of a batch; layout in record/batch.h

// What a header says.
struct dh_store_batch {
    int64_t position; // in the file
    int64_t size;     // bytes, header included
    int64_t base_offset;
    int64_t last_offset;
    int64_t max_timestamp_ms;
    int64_t producer_id; // -1: none
    int32_t leader_epoch;
    int32_t base_sequence; // -1: none
    int32_t record_count;
    uint32_t crc;
    int16_t producer_epoch;
    bool is_control;
    bool is_append_time;
};

// Reads a header. False: it makes no sense. position is left alone.
bool dh_store_batch_parse(const uint8_t header[DH_STORE_HEADER_SIZE],
                          struct dh_store_batch *batch);

struct dh_store_walk {
    struct dh_vfs *vfs;
    struct dh_file *file;
    uint8_t *block; // borrowed; what was read last
    size_t block_capacity;
    int64_t block_at; // where in the file
    size_t block_size;
    int64_t position; // of the next batch
    int64_t end;      // of the file
};

enum dh_store_walk_result {
    DH_STORE_WALK_END = 0,
    DH_STORE_WALK_FOUND = 1,
    DH_STORE_WALK_BAD = 2,
};

// block has at least DH_STORE_HEADER_SIZE bytes. Starts at `position`, ends at `end`.
void dh_store_walk_init(struct dh_store_walk *walk, struct dh_vfs *vfs,
                        struct dh_file *file, int64_t position, int64_t end,
                        uint8_t *block, size_t block_capacity);

// Steps over one batch. Returns an enum dh_store_walk_result or DOHLE_ERR_IO; the walk
// stays where it is unless it FOUND one.
DH_MUST_CHECK int dh_store_walk_next(struct dh_store_walk *walk,
                                     struct dh_store_batch *batch);

// Whether the checksum of the batch that was just found is right; or DOHLE_ERR_IO.
DH_MUST_CHECK int dh_store_walk_check(struct dh_store_walk *walk,
                                      const struct dh_store_batch *batch, bool *is_right);

#endif
