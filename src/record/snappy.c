// SPDX-License-Identifier: MIT
/*
 * snappy, as one raw block or in the framing of xerial's snappy-java, which
 * Java's producer writes:
 *
 *     0   8   82 'S' 'N' 'A' 'P' 'P' 'Y' 00
 *     8   4   version             1
 *     12  4   compatible version  1
 *     16  .   chunks: size (int32, big-endian), one raw block of that size
 *
 * Concatenated streams repeat the header where a chunk would begin. Each raw
 * block begins with its decompressed size, so the whole is known beforehand.
 */
#include <snappy-c.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "record/codec_output.h"
#include "wire/reader.h"

#define MAGIC_SIZE  8
#define HEADER_SIZE 16
#define CHUNK_SIZE  ((size_t)32 * 1024) // as snappy-java

static const uint8_t header[HEADER_SIZE] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                            0,    0,   0,   1,   0,   0,   0,   1};

static bool is_header_next(const struct dh_reader *reader)
{
    return dh_reader_left(reader) >= HEADER_SIZE &&
           memcmp(reader->data + reader->offset, header, MAGIC_SIZE) == 0;
}

// The next raw block; false at the end or with the reader's error set.
static bool next_block(struct dh_reader *reader, dohle_bytes *block)
{
    while (is_header_next(reader)) {
        dh_read_skip(reader, HEADER_SIZE);
    }
    if (dh_reader_left(reader) == 0) {
        return false;
    }
    int32_t size = dh_read_int32(reader);
    if (size <= 0) {
        dh_reader_fail(reader);
        return false;
    }
    *block = dh_read_bytes(reader, (size_t)size);
    return reader->err == 0;
}

// What a raw block decompresses to, by its own word; no block can grow 64-fold.
static int read_block_size(dohle_bytes block, size_t *size)
{
    if (snappy_uncompressed_length((const char *)block.data, block.size, size) !=
            SNAPPY_OK ||
        *size / DH_CODEC_EXPANSION_MAX > block.size) {
        return DOHLE_ERR_CORRUPT;
    }
    return 0;
}

static int decompress_block(dohle_bytes block, struct dh_codec_output *output)
{
    size_t size = output->capacity - output->size;
    if (snappy_uncompress((const char *)block.data, block.size,
                          (char *)output->data + output->size, &size) != SNAPPY_OK) {
        return DOHLE_ERR_CORRUPT;
    }
    output->size += size;
    return 0;
}

static int decompress_raw(dohle_bytes in, struct dh_codec_output *output)
{
    size_t size;
    int err = read_block_size(in, &size);
    if (err == 0) {
        err = dh_codec_output_start(output, size);
    }
    return err == 0 ? decompress_block(in, output) : err;
}

int dh_snappy_decompress(struct dh_codec_context *context, dohle_bytes in,
                         struct dh_codec_output *output)
{
    (void)context;
    struct dh_reader reader;
    dh_reader_init(&reader, in);
    if (!is_header_next(&reader)) {
        return decompress_raw(in, output);
    }
    size_t size_total = 0;
    dohle_bytes block;
    while (next_block(&reader, &block)) {
        size_t size;
        int err = read_block_size(block, &size);
        if (err != 0) {
            return err;
        }
        // At most 64 times an int32: no overflow.
        size_total += size;
    }
    if (reader.err != 0) {
        return DOHLE_ERR_CORRUPT;
    }
    int err = dh_codec_output_start(output, size_total);
    dh_reader_init(&reader, in);
    while (err == 0 && next_block(&reader, &block)) {
        err = decompress_block(block, output);
    }
    return err;
}

int dh_snappy_compress(struct dh_codec_context *context, int32_t level, dohle_bytes in,
                       struct dh_buf *out)
{
    (void)context;
    (void)level;
    dh_buf_append(out, header, sizeof(header));
    for (size_t offset = 0; offset < in.size; offset += CHUNK_SIZE) {
        size_t left = in.size - offset;
        size_t chunk_size = left < CHUNK_SIZE ? left : CHUNK_SIZE;
        size_t size = snappy_max_compressed_length(chunk_size);
        if (dh_buf_reserve(out, 4 + size) != 0) {
            break;
        }
        uint8_t *at = out->data + out->size;
        snappy_status status = snappy_compress((const char *)in.data + offset, chunk_size,
                                               (char *)at + 4, &size);
        DH_ASSERT(status == SNAPPY_OK);
        at[0] = (uint8_t)(size >> 24);
        at[1] = (uint8_t)(size >> 16);
        at[2] = (uint8_t)(size >> 8);
        at[3] = (uint8_t)size;
        out->size += 4 + size;
    }
    return out->err;
}
