// SPDX-License-Identifier: MIT
#include "record/codec.h"

#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "record/codec_output.h"

#define FIRST_SIZE_FREE    ((size_t)64 * 1024) // any input may cost this much at first
#define EXPANSION_UNIT     16
#define EXPANSION_AT_FIRST (4 * EXPANSION_UNIT)
#define SHRINKAGE_UNIT     1024
#define MEMORY_PREFIX_SIZE ((size_t)16) // keeps the alignment of malloc

static const struct dh_codec codecs[DH_CODEC_COUNT] = {
    {.name = "none", .id = DH_CODEC_NONE},
    {.name = "gzip",
     .id = DH_CODEC_GZIP,
     .level_min = 1,
     .level_max = 9,
     .level_default = 6,
     .decompress = dh_gzip_decompress,
     .compress = dh_gzip_compress,
     .deinit = dh_gzip_deinit},
    {.name = "snappy",
     .id = DH_CODEC_SNAPPY,
     .decompress = dh_snappy_decompress,
     .compress = dh_snappy_compress},
    {.name = "lz4",
     .id = DH_CODEC_LZ4,
     .level_min = 1,
     .level_max = 17,
     .level_default = 9,
     .decompress = dh_lz4_decompress,
     .compress = dh_lz4_compress,
     .deinit = dh_lz4_deinit},
    {.name = "zstd",
     .id = DH_CODEC_ZSTD,
     .level_min = -131072,
     .level_max = 22,
     .level_default = 3,
     .decompress = dh_zstd_decompress,
     .compress = dh_zstd_compress,
     .deinit = dh_zstd_deinit},
};

const struct dh_codec *dh_codec_find(int id)
{
    return id < 0 || id >= DH_CODEC_COUNT ? NULL : &codecs[id];
}

const struct dh_codec *dh_codec_find_name(dohle_bytes name)
{
    for (size_t i = 0; i < DH_CODEC_COUNT; i++) {
        if (dh_bytes_equal(dh_bytes_of(codecs[i].name), name)) {
            return &codecs[i];
        }
    }
    return NULL;
}

void dh_codec_context_init(struct dh_codec_context *context, const dohle_allocator *mem,
                           struct dh_frame_pool *pool)
{
    *context = (struct dh_codec_context){.mem = mem, .pool = pool};
    for (size_t i = 0; i < DH_CODEC_COUNT; i++) {
        context->expansion[i] = EXPANSION_AT_FIRST;
        context->shrinkage[i] = SHRINKAGE_UNIT;
    }
}

void dh_codec_context_deinit(struct dh_codec_context *context)
{
    for (size_t i = 0; i < DH_CODEC_COUNT; i++) {
        if (codecs[i].deinit != NULL) {
            codecs[i].deinit(context);
        }
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void put_frame(struct dh_codec_context *context, struct dh_frame *frame)
{
    if (context->pool != NULL) {
        dh_frame_pool_put(context->pool, frame);
    } else {
        dh_frame_drop(frame);
    }
}

// Moves what was produced into a frame of at least that capacity.
static int move_to_frame(struct dh_codec_output *output, size_t capacity)
{
    struct dh_codec_context *context = output->context;
    struct dh_frame *frame = context->pool != NULL
                                 ? dh_frame_pool_get(context->pool, capacity)
                                 : dh_frame_new(context->mem, capacity);
    if (frame == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (output->size > 0) {
        memcpy(frame->data, output->data, output->size);
    }
    put_frame(context, output->frame);
    output->frame = frame;
    output->data = frame->data;
    output->capacity = smaller(frame->capacity, output->size_max);
    return 0;
}

int dh_codec_output_start(struct dh_codec_output *output, size_t size_hint)
{
    DH_ASSERT(output->frame == NULL);
    if (size_hint > output->size_max) {
        return DOHLE_ERR_TOO_LARGE;
    }
    size_t capacity = size_hint != 0 ? size_hint : output->size_usual;
    capacity = smaller(capacity, output->size_first_max);
    return move_to_frame(output, smaller(capacity, output->size_max));
}

int dh_codec_output_reserve(struct dh_codec_output *output, size_t size)
{
    if (size <= output->capacity - output->size) {
        return 0;
    }
    if (size > output->size_max - output->size) {
        return DOHLE_ERR_TOO_LARGE;
    }
    size_t doubled =
        output->capacity > output->size_max / 2 ? output->size_max : output->capacity * 2;
    return move_to_frame(output, larger(doubled, output->size + size));
}

int dh_codec_decompress(struct dh_codec_context *context, const struct dh_codec *codec,
                        dohle_bytes in, size_t size_max, struct dh_frame **out)
{
    DH_ASSERT(codec->decompress != NULL);
    *out = NULL;
    if (in.size == 0) {
        return DOHLE_ERR_CORRUPT;
    }
    // A batch's length is an int32; more is a caller's mistake.
    DH_ASSERT(in.size <= INT32_MAX);
    uint32_t *expansion = &context->expansion[codec->id];
    struct dh_codec_output output = {
        .context = context,
        .size_max = size_max,
        .size_first_max = larger(in.size * DH_CODEC_EXPANSION_MAX, FIRST_SIZE_FREE),
        // One eighth more than the last batch would have needed.
        .size_usual = (in.size / 8 * 9 + EXPANSION_UNIT) / EXPANSION_UNIT * *expansion,
    };
    int err = codec->decompress(context, in, &output);
    if (err != 0) {
        put_frame(context, output.frame);
        return err;
    }
    size_t ratio = output.size * EXPANSION_UNIT / in.size + 1;
    *expansion = (uint32_t)smaller(ratio, EXPANSION_UNIT * DH_CODEC_EXPANSION_MAX);
    output.frame->size = output.size;
    *out = output.frame;
    return 0;
}

int dh_codec_compress(struct dh_codec_context *context, const struct dh_codec *codec,
                      int32_t level, dohle_bytes in, struct dh_buf *out)
{
    DH_ASSERT(codec->compress != NULL);
    if (level == DH_CODEC_LEVEL_DEFAULT) {
        level = codec->level_default;
    } else if (level < codec->level_min) {
        level = codec->level_min;
    } else if (level > codec->level_max) {
        level = codec->level_max;
    }
    size_t size_before = out->size;
    int err = codec->compress(context, level, in, out);
    if (err != 0) {
        out->size = size_before;
        out->err = err;
        return err;
    }
    if (in.size > 0) {
        size_t ratio = (out->size - size_before) * SHRINKAGE_UNIT / in.size + 1;
        context->shrinkage[codec->id] = (uint32_t)smaller(ratio, SHRINKAGE_UNIT);
    }
    return 0;
}

size_t dh_codec_size_estimate(const struct dh_codec_context *context,
                              const struct dh_codec *codec, size_t size)
{
    return size / SHRINKAGE_UNIT * context->shrinkage[codec->id] + size % SHRINKAGE_UNIT;
}

void *dh_codec_memory_alloc(const dohle_allocator *mem, size_t size)
{
    if (size > SIZE_MAX - MEMORY_PREFIX_SIZE) {
        return NULL;
    }
    size_t whole_size = size + MEMORY_PREFIX_SIZE;
    uint8_t *whole = dh_mem_alloc(mem, whole_size);
    if (whole == NULL) {
        return NULL;
    }
    memcpy(whole, &whole_size, sizeof(whole_size));
    return whole + MEMORY_PREFIX_SIZE;
}

void dh_codec_memory_free(const dohle_allocator *mem, void *pointer)
{
    if (pointer == NULL) {
        return;
    }
    uint8_t *whole = (uint8_t *)pointer - MEMORY_PREFIX_SIZE;
    size_t whole_size;
    memcpy(&whole_size, whole, sizeof(whole_size));
    dh_mem_free(mem, whole, whole_size);
}
