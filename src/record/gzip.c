// SPDX-License-Identifier: MIT
/*
 * gzip (RFC 1952). Reading is isa-l's, which is about twice as fast as zlib;
 * writing is zlib's, for all of its levels mean what Kafka's setting says.
 */
#include <stdbool.h>

#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <dohle/error.h>

#include "base/mem.h"
#include "record/codec_output.h"

#define TRAILER_SIZE 8
#define MAGIC_0      0x1f
#define MAGIC_1      0x8b

// The size that the last member claims, for a start; it may be a lie.
static size_t claimed_size(dohle_bytes in, size_t size_max)
{
    if (in.size < TRAILER_SIZE) {
        return 0;
    }
    const uint8_t *at = in.data + in.size - 4;
    size_t size =
        (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
    return size < size_max ? size : size_max;
}

// Runs until a piece of the output is full, the input is used up or the member ends.
static int inflate_some(struct inflate_state *state, uint8_t *out, size_t room,
                        size_t *produced)
{
    uint32_t avail = room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
    state->next_out = out;
    state->avail_out = avail;
    int result = isal_inflate(state);
    *produced = avail - state->avail_out;
    return result == ISAL_DECOMP_OK ? 0 : DOHLE_ERR_CORRUPT;
}

/*
 * Whether a member that fills the output exactly has ended can only be seen by
 * giving the decoder one byte more. It goes into `extra`, so that neither the
 * cap nor an exact size in the trailer costs a larger frame.
 */
static int inflate_member(struct inflate_state *state, struct dh_codec_output *output)
{
    while (state->block_state != ISAL_BLOCK_FINISH) {
        uint8_t extra = 0;
        size_t room = output->capacity - output->size;
        size_t produced;
        uint8_t *out = room > 0 ? output->data + output->size : &extra;
        uint32_t avail_in = state->avail_in;
        int err = inflate_some(state, out, room > 0 ? room : 1, &produced);
        if (err != 0) {
            return err;
        }
        if (room == 0 && produced > 0) {
            err = dh_codec_output_reserve(output, 1);
            if (err != 0) {
                return err;
            }
            output->data[output->size] = extra;
        }
        output->size += produced;
        bool is_stuck = (state->avail_in == 0 && state->avail_out > 0) ||
                        (state->avail_in == avail_in && produced == 0);
        if (is_stuck && state->block_state != ISAL_BLOCK_FINISH) {
            return DOHLE_ERR_CORRUPT;
        }
    }
    return 0;
}

int dh_gzip_decompress(struct dh_codec_context *context, dohle_bytes in,
                       struct dh_codec_output *output)
{
    struct inflate_state *state = context->decompress_state[DH_CODEC_GZIP];
    if (state == NULL) {
        state = dh_mem_alloc(context->mem, sizeof(*state));
        if (state == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        context->decompress_state[DH_CODEC_GZIP] = state;
        isal_inflate_init(state);
    }
    int err = dh_codec_output_start(output, claimed_size(in, output->size_max));
    if (err != 0) {
        return err;
    }

    union {
        const uint8_t *in;
        uint8_t *next; // isa-l only reads there
    } input = {.in = in.data};

    state->next_in = input.next;
    state->avail_in = (uint32_t)in.size;
    do {
        if (state->avail_in < 2 || state->next_in[0] != MAGIC_0 ||
            state->next_in[1] != MAGIC_1) {
            return DOHLE_ERR_CORRUPT;
        }
        isal_inflate_reset(state);
        state->crc_flag = ISAL_GZIP;
        err = inflate_member(state, output);
    } while (err == 0 && state->avail_in > 0);
    return err;
}

struct deflate_state {
    z_stream stream;
    int32_t level;
};

static voidpf deflate_alloc(voidpf ctx, uInt count, uInt size)
{
    return dh_codec_memory_alloc(ctx, (size_t)count * size);
}

static void deflate_free(voidpf ctx, voidpf pointer)
{
    dh_codec_memory_free(ctx, pointer);
}

static void free_deflate(struct dh_codec_context *context)
{
    struct deflate_state *state = context->compress_state[DH_CODEC_GZIP];
    if (state != NULL) {
        (void)deflateEnd(&state->stream);
        dh_mem_free(context->mem, state, sizeof(*state));
        context->compress_state[DH_CODEC_GZIP] = NULL;
    }
}

// The state for that level, ready for a new member; NULL: no memory.
static struct deflate_state *deflate_state_for(struct dh_codec_context *context,
                                               int32_t level)
{
    struct deflate_state *state = context->compress_state[DH_CODEC_GZIP];
    if (state != NULL && state->level == level) {
        return deflateReset(&state->stream) == Z_OK ? state : NULL;
    }
    free_deflate(context);
    state = dh_mem_calloc(context->mem, 1, sizeof(*state));
    if (state == NULL) {
        return NULL;
    }

    union {
        const dohle_allocator *mem;
        voidpf ctx; // handed back to us as it is
    } opaque = {.mem = context->mem};

    state->level = level;
    state->stream.zalloc = deflate_alloc;
    state->stream.zfree = deflate_free;
    state->stream.opaque = opaque.ctx;
    if (deflateInit2(&state->stream, level, Z_DEFLATED, MAX_WBITS + 16, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        dh_mem_free(context->mem, state, sizeof(*state));
        return NULL;
    }
    context->compress_state[DH_CODEC_GZIP] = state;
    return state;
}

int dh_gzip_compress(struct dh_codec_context *context, int32_t level, dohle_bytes in,
                     struct dh_buf *out)
{
    DH_ASSERT(in.size <= INT32_MAX);
    struct deflate_state *state = deflate_state_for(context, level);
    if (state == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    size_t bound = deflateBound(&state->stream, in.size);
    int err = dh_buf_reserve(out, bound);
    if (err != 0) {
        return err;
    }

    union {
        const uint8_t *in;
        uint8_t *next; // zlib only reads there
    } input = {.in = in.data};

    state->stream.next_in = input.next;
    state->stream.avail_in = (uInt)in.size;
    state->stream.next_out = out->data + out->size;
    state->stream.avail_out = (uInt)bound;
    int result = deflate(&state->stream, Z_FINISH);
    DH_ASSERT(result == Z_STREAM_END);
    out->size += bound - state->stream.avail_out;
    return 0;
}

void dh_gzip_deinit(struct dh_codec_context *context)
{
    dh_mem_free(context->mem, context->decompress_state[DH_CODEC_GZIP],
                sizeof(struct inflate_state));
    context->decompress_state[DH_CODEC_GZIP] = NULL;
    free_deflate(context);
}
