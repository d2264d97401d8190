// SPDX-License-Identifier: MIT
/*
 * zstd (RFC 8878), always whole batches at once: that needs no window buffer,
 * whatever window a frame asks for. Java's producer does not write the size of
 * the content, so the output is usually a guess; when it was too small, the
 * batch is decompressed again with twice the room.
 */
// The constructors that take an allocator are outside of libzstd's stable part.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include <dohle/error.h>

#include "record/codec_output.h"

static void *state_alloc(void *ctx, size_t size)
{
    return dh_codec_memory_alloc(ctx, size);
}

static void state_free(void *ctx, void *pointer)
{
    dh_codec_memory_free(ctx, pointer);
}

static ZSTD_customMem memory_of(const struct dh_codec_context *context)
{
    union {
        const dohle_allocator *mem;
        void *ctx; // handed back to us as it is
    } opaque = {.mem = context->mem};

    return (ZSTD_customMem){state_alloc, state_free, opaque.ctx};
}

// The size that the first frame claims; 0: it does not say.
static int read_claimed_size(dohle_bytes in, const struct dh_codec_output *output,
                             size_t *size)
{
    unsigned long long claimed = ZSTD_getFrameContentSize(in.data, in.size);
    *size = 0;
    if (claimed == ZSTD_CONTENTSIZE_ERROR) {
        return DOHLE_ERR_CORRUPT;
    }
    if (claimed == ZSTD_CONTENTSIZE_UNKNOWN) {
        return 0;
    }
    if (claimed > output->size_max) {
        return DOHLE_ERR_TOO_LARGE;
    }
    *size = (size_t)claimed;
    return 0;
}

int dh_zstd_decompress(struct dh_codec_context *context, dohle_bytes in,
                       struct dh_codec_output *output)
{
    ZSTD_DCtx *state = context->decompress_state[DH_CODEC_ZSTD];
    if (state == NULL) {
        state = ZSTD_createDCtx_advanced(memory_of(context));
        if (state == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        context->decompress_state[DH_CODEC_ZSTD] = state;
    }
    size_t claimed_size;
    int err = read_claimed_size(in, output, &claimed_size);
    if (err == 0) {
        err = dh_codec_output_start(output, claimed_size);
    }
    while (err == 0) {
        size_t result =
            ZSTD_decompressDCtx(state, output->data, output->capacity, in.data, in.size);
        if (!ZSTD_isError(result)) {
            output->size = result;
            return 0;
        }
        if (ZSTD_getErrorCode(result) != ZSTD_error_dstSize_tooSmall) {
            return DOHLE_ERR_CORRUPT;
        }
        err = dh_codec_output_reserve(output, output->capacity + 1);
    }
    return err;
}

int dh_zstd_compress(struct dh_codec_context *context, int32_t level, dohle_bytes in,
                     struct dh_buf *out)
{
    ZSTD_CCtx *state = context->compress_state[DH_CODEC_ZSTD];
    if (state == NULL) {
        state = ZSTD_createCCtx_advanced(memory_of(context));
        if (state == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        context->compress_state[DH_CODEC_ZSTD] = state;
    }
    size_t bound = ZSTD_compressBound(in.size);
    int err = dh_buf_reserve(out, bound);
    if (err != 0) {
        return err;
    }
    size_t result =
        ZSTD_compressCCtx(state, out->data + out->size, bound, in.data, in.size, level);
    // The room is enough and the level allowed: only memory can be missing.
    if (ZSTD_isError(result)) {
        return DOHLE_ERR_NO_MEMORY;
    }
    out->size += result;
    return 0;
}

void dh_zstd_deinit(struct dh_codec_context *context)
{
    (void)ZSTD_freeDCtx(context->decompress_state[DH_CODEC_ZSTD]);
    (void)ZSTD_freeCCtx(context->compress_state[DH_CODEC_ZSTD]);
    context->decompress_state[DH_CODEC_ZSTD] = NULL;
    context->compress_state[DH_CODEC_ZSTD] = NULL;
}
