// SPDX-License-Identifier: MIT
/*
 * Between the codecs and record/codec.c: the growing output of a
 * decompression, and working memory for libraries that bring no size to free.
 */
#ifndef DH_RECORD_CODEC_OUTPUT_H
#define DH_RECORD_CODEC_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/frame.h"
#include "record/codec.h"

struct dh_codec_output {
    struct dh_codec_context *context;
    struct dh_frame *frame; // owned; NULL before the first reserve
    uint8_t *data;          // of the frame
    size_t size;            // bytes produced
    size_t capacity;        // bytes that fit; at most size_max
    size_t size_max;        // the cap
    size_t size_first_max;  // bound of the first allocation, see record/codec.h
    size_t size_usual;      // what the last batch's ratio suggests
};

/*
 * Before anything is produced: makes room for about size_hint bytes, at least
 * one unless the cap is 0. size_hint 0: unknown.
 */
DH_MUST_CHECK int dh_codec_output_start(struct dh_codec_output *output, size_t size_hint);

/*
 * Makes room for at least `size` more bytes, keeping those produced. Returns 0,
 * DOHLE_ERR_TOO_LARGE when the cap does not allow it, or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_codec_output_reserve(struct dh_codec_output *output, size_t size);

// Whether no more room can be had.
static inline bool dh_codec_output_is_at_cap(const struct dh_codec_output *output)
{
    return output->capacity == output->size_max;
}

// As malloc, from the context. Freed with dh_codec_memory_free, which takes NULL.
DH_MUST_CHECK void *dh_codec_memory_alloc(const dohle_allocator *mem, size_t size);
void dh_codec_memory_free(const dohle_allocator *mem, void *pointer);

int dh_gzip_decompress(struct dh_codec_context *context, dohle_bytes in,
                       struct dh_codec_output *output);
int dh_gzip_compress(struct dh_codec_context *context, int32_t level, dohle_bytes in,
                     struct dh_buf *out);
void dh_gzip_deinit(struct dh_codec_context *context);

int dh_snappy_decompress(struct dh_codec_context *context, dohle_bytes in,
                         struct dh_codec_output *output);
int dh_snappy_compress(struct dh_codec_context *context, int32_t level, dohle_bytes in,
                       struct dh_buf *out);

int dh_lz4_decompress(struct dh_codec_context *context, dohle_bytes in,
                      struct dh_codec_output *output);
int dh_lz4_compress(struct dh_codec_context *context, int32_t level, dohle_bytes in,
                    struct dh_buf *out);
void dh_lz4_deinit(struct dh_codec_context *context);

int dh_zstd_decompress(struct dh_codec_context *context, dohle_bytes in,
                       struct dh_codec_output *output);
int dh_zstd_compress(struct dh_codec_context *context, int32_t level, dohle_bytes in,
                     struct dh_buf *out);
void dh_zstd_deinit(struct dh_codec_context *context);

#endif
