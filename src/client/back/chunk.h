// SPDX-License-Identifier: MIT
/*
 * From the bytes that a fetch brought for one partition to a chunk.
 *
 * Batches are walked in order. Each is one of
 *
 *     below       ends below the fetch offset: stepped over, not looked into
 *     markers     control batch, or compacted to nothing: moves next_offset (CL-084)
 *     records     checked, decompressed if it has to be, put into the chunk
 *     bad         the chunk ends before it; the stop says why and where (CL-090)
 *     too much    the budget does not admit it: the chunk ends before it, and the
 *                 rest has to be fetched again
 *
 * A batch that begins below the fetch offset goes in whole; who walks it steps over
 * the records before (CL-085, X-008). Offsets never go back from batch to batch:
 * bytes that say so are corrupt.
 *
 * Uncompressed batches point into the response, so the chunk holds its frame once
 * for each of them; a decompressed one has a frame of its own. Nothing else is
 * allocated but the chunk, one block for all.
 *
 * Here is the place for read_committed: what the aborted transactions of a response
 * leave out (CL-160) is decided batch by batch in take_batch.
 */
#ifndef DH_CLIENT_BACK_CHUNK_H
#define DH_CLIENT_BACK_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "client/back/budget.h"
#include "client/messages.h"
#include "record/codec.h"

// What the conversion works with; all borrowed.
struct dh_chunk_tools {
    const dohle_allocator *mem;
    struct dh_frame_pool *frames;
    struct dh_codec_context *codecs; // takes its frames from the same pool
    struct dh_budget *budget;
    size_t batch_bytes_max; // a larger one, decompressed, is an error
    bool check_crcs;
};

// One partition of a response, and what was asked.
struct dh_chunk_source {
    dohle_bytes records;    // may be empty
    struct dh_frame *frame; // what `records` points into; borrowed
    uint32_t slot;
    struct dh_term term;
    int64_t fetch_offset;
    int32_t last_fetched_epoch; // of the record before it; -1: unknown
    int64_t high_watermark;
    int64_t log_start_offset;
};

// Why the chunk ends before the bytes do.
struct dh_chunk_stop {
    int err;        // 0: it does not. QUEUE_FULL: the budget. NO_MEMORY: later. CORRUPT,
                    // UNSUPPORTED_CODEC, TOO_LARGE: fetching again will not help
    int64_t offset; // where it ends: the chunk's next_offset
    int64_t last_offset; // of the batch it is about; -1: not known
    const char *text;    // static; what is wrong with the batch
    size_t used_bytes;   // of the records, in the batches before
};

/*
 * Makes a chunk: perhaps with no batches, perhaps with next_offset == fetch_offset.
 * Returns 0, or DOHLE_ERR_NO_MEMORY with *chunk NULL. *stop is filled in on 0.
 */
DH_MUST_CHECK int dh_chunk_build(const struct dh_chunk_tools *tools,
                                 const struct dh_chunk_source *source,
                                 struct dh_chunk **chunk, struct dh_chunk_stop *stop);

// Frames go to the pool. Owner thread.
void dh_chunk_free(const struct dh_chunk_tools *tools, struct dh_chunk *chunk);

#endif
