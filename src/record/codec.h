// SPDX-License-Identifier: MIT
/*
 * Codecs: what the payload of a batch is compressed with.
 *
 *     id  name    on the wire                             levels (default)
 *      0  none
 *      1  gzip    gzip members, one or several            1 to 9 (6)
 *      2  snappy  xerial's framing, or one raw block      none
 *      3  lz4     one or several LZ4 frames               1 to 17 (9: the fast one)
 *      4  zstd    one or several zstd frames              -131072 to 22 (3)
 *
 * Decompression produces into one frame of base/frame.h, because records are
 * views and must not straddle. How large that frame has to be is seldom written
 * down, and what is written is not to be trusted:
 *
 * - No output beyond size_max, and no allocation for it. Exactly size_max is
 *   fine, one byte more is DOHLE_ERR_TOO_LARGE.
 * - The first allocation is at most DH_CODEC_EXPANSION_MAX times the input (or
 *   64 KiB); beyond that the frame grows with what was really produced.
 * - The ratio of the last batch of each codec is remembered, so that a stream
 *   of like batches is decompressed without growing or allocating.
 *
 * Whatever is malformed is DOHLE_ERR_CORRUPT, bytes behind the last frame
 * included; nothing is ever read or written out of bounds.
 *
 * A context holds the working memory of all codecs, allocated at the first use
 * of each and kept. It belongs to one thread at a time. What libsnappy needs
 * while it compresses is its own, and it ends the process when that fails.
 *
 * Source: CompressionType, org.apache.kafka.common.compress in Apache Kafka 4.4;
 * KIP-57 (lz4 in magic 0), KIP-110 (zstd), KIP-390 (levels).
 */
#ifndef DH_RECORD_CODEC_H
#define DH_RECORD_CODEC_H

#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/frame.h"

enum dh_codec_id {
    DH_CODEC_NONE = 0,
    DH_CODEC_GZIP = 1,
    DH_CODEC_SNAPPY = 2,
    DH_CODEC_LZ4 = 3,
    DH_CODEC_ZSTD = 4,
};

#define DH_CODEC_COUNT         5
#define DH_CODEC_EXPANSION_MAX ((size_t)64)

// Stands for a codec's own default where a level is asked for.
#define DH_CODEC_LEVEL_DEFAULT INT32_MIN

struct dh_codec_output; // record/codec_output.h
struct dh_codec_context;

struct dh_codec {
    const char *name; // as in compression.type
    int8_t id;        // enum dh_codec_id
    int32_t level_min;
    int32_t level_max;
    int32_t level_default;
    int (*decompress)(struct dh_codec_context *context, dohle_bytes in,
                      struct dh_codec_output *output);
    int (*compress)(struct dh_codec_context *context, int32_t level, dohle_bytes in,
                    struct dh_buf *out);
    void (*deinit)(struct dh_codec_context *context); // NULL: nothing to do
};

// NULL for ids 5 to 7 and beyond: answer with DOHLE_ERR_UNSUPPORTED_CODEC.
const struct dh_codec *dh_codec_find(int id);

// By the name of compression.type; NULL: no such codec.
const struct dh_codec *dh_codec_find_name(dohle_bytes name);

struct dh_codec_context {
    const dohle_allocator *mem;             // borrowed
    struct dh_frame_pool *pool;             // borrowed; NULL: frames come from mem
    void *decompress_state[DH_CODEC_COUNT]; // owned; each codec's own
    void *compress_state[DH_CODEC_COUNT];   // owned; each codec's own
    uint32_t expansion[DH_CODEC_COUNT];     // bytes out for 16 bytes in, last time
    uint32_t shrinkage[DH_CODEC_COUNT];     // bytes out for 1024 bytes in, last time
};

void dh_codec_context_init(struct dh_codec_context *context, const dohle_allocator *mem,
                           struct dh_frame_pool *pool);
void dh_codec_context_deinit(struct dh_codec_context *context);

/*
 * Decompresses all of `in`. codec is not "none". On success *out is a frame with
 * one holder, the caller, of at most size_max bytes in use; its capacity is what
 * it costs. Returns 0, DOHLE_ERR_CORRUPT, DOHLE_ERR_TOO_LARGE or
 * DOHLE_ERR_NO_MEMORY; on failure *out is NULL and everything is given back.
 */
DH_MUST_CHECK int dh_codec_decompress(struct dh_codec_context *context,
                                      const struct dh_codec *codec, dohle_bytes in,
                                      size_t size_max, struct dh_frame **out);

/*
 * Appends `in`, compressed as Java's producer would, to out. codec is not "none";
 * a level outside its range counts as the nearest inside. Returns 0 or
 * DOHLE_ERR_NO_MEMORY, or DOHLE_ERR_TOO_LARGE when the bound of out is reached;
 * out then keeps the size it had, and its error.
 */
DH_MUST_CHECK int dh_codec_compress(struct dh_codec_context *context,
                                    const struct dh_codec *codec, int32_t level,
                                    dohle_bytes in, struct dh_buf *out);

// About what that many bytes compress to, judged by the last time; at first as they are.
size_t dh_codec_size_estimate(const struct dh_codec_context *context,
                              const struct dh_codec *codec, size_t size);

#endif
