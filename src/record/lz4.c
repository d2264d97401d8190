// SPDX-License-Identifier: MIT
/*
 * LZ4 frames around liblz4's blocks. The frame is read and written here and not
 * by liblz4's own frame functions for three reasons: blocks go straight into
 * the output, which they bring to a hard end at the cap; nothing is allocated
 * to read; and the wrong header checksum that Kafka's producers wrote into
 * magic 0 and 1 (KIP-57) needs no repair, for it is not looked at.
 *
 *     0   4   magic              04 22 4d 18
 *     4   1   FLG                bits 6-7 version 1, 5 blocks are independent, 4 block
 *                                checksums, 3 content size, 2 content checksum, 0 dictionary
 *     5   1   BD                 bits 4-6 largest block: 4 64 KiB, 5 256 KiB, 6 1 MiB, 7 4 MiB
 *     6   8   content size       only with its bit
 *     .   1   header checksum
 *     .   .   blocks: size (bit 31: stored), data, checksum (4, only with its bit)
 *     .   4   end mark           0
 *     .   4   content checksum   only with its bit
 *
 * All numbers are little-endian. No xxHash checksum is verified: the batch's
 * own covers the same bytes, and Kafka does as much.
 *
 * Source: LZ4 frame format 1.6.1; Lz4BlockOutputStream in Apache Kafka 4.4.
 */
#define LZ4_DISABLE_DEPRECATE_WARNINGS
#include <lz4.h>
#include <lz4hc.h>

#include <string.h>

#include <dohle/error.h>

#include "base/mem.h"
#include "record/codec_output.h"
#include "wire/reader.h"

#define MAGIC             0x184d2204U
#define MAGIC_SKIPPABLE   0x184d2a50U // and the 15 above
#define HISTORY_MAX       ((size_t)64 * 1024)
#define BLOCK_SIZE        ((size_t)64 * 1024) // what we write
#define BLOCK_IS_STORED   0x80000000U
#define LEVEL_FAST        9 // Java's default, which means the fast compressor
#define ACCELERATION_NONE 1

enum {
    FLG_DICTIONARY = 0x01,
    FLG_RESERVED = 0x02,
    FLG_CONTENT_CHECKSUM = 0x04,
    FLG_CONTENT_SIZE = 0x08,
    FLG_BLOCK_CHECKSUM = 0x10,
    FLG_INDEPENDENT = 0x20,
    FLG_VERSION_MASK = 0xc0,
    FLG_VERSION = 0x40,
};

struct frame_header {
    int flags;             // FLG
    size_t block_size_max; // of decompressed data
    uint64_t content_size; // 0: unknown
};

static uint32_t read_le32(struct dh_reader *reader)
{
    const uint8_t *at = dh_reader_take(reader, 4);
    if (at == NULL) {
        return 0;
    }
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

// Stands behind the magic.
static int read_frame_header(struct dh_reader *reader, struct frame_header *frame)
{
    frame->flags = (uint8_t)dh_read_int8(reader);
    int size_code = (uint8_t)dh_read_int8(reader) >> 4 & 7;
    frame->content_size = 0;
    if ((frame->flags & FLG_CONTENT_SIZE) != 0) {
        uint64_t low = read_le32(reader);
        frame->content_size = low | (uint64_t)read_le32(reader) << 32;
    }
    dh_read_skip(reader, 1); // the checksum, see above
    if (reader->err != 0 || (frame->flags & FLG_VERSION_MASK) != FLG_VERSION ||
        (frame->flags & (FLG_RESERVED | FLG_DICTIONARY)) != 0 || size_code < 4) {
        return DOHLE_ERR_CORRUPT;
    }
    frame->block_size_max = (size_t)1 << (8 + 2 * size_code);
    return 0;
}

// One length of a block's sequence: four bits, and more bytes when they are all ones.
static size_t read_length(struct dh_reader *reader, int nibble)
{
    size_t length = (size_t)nibble;
    uint8_t byte = nibble == 15 ? 255 : 0;
    while (byte == 255) {
        byte = (uint8_t)dh_read_int8(reader);
        length += byte;
    }
    return length;
}

// What a compressed block decompresses to, found without doing it; -1: malformed.
static int64_t block_content_size(dohle_bytes block)
{
    struct dh_reader reader;
    dh_reader_init(&reader, block);
    size_t size = 0;
    while (dh_reader_left(&reader) > 0) {
        int token = (uint8_t)dh_read_int8(&reader);
        size_t literal_count = read_length(&reader, token >> 4);
        dh_read_skip(&reader, literal_count);
        size += literal_count;
        if (dh_reader_left(&reader) == 0) {
            break;
        }
        dh_read_skip(&reader, 2); // how far back the match lies
        size += read_length(&reader, token & 15) + 4;
    }
    return reader.err != 0 ? -1 : (int64_t)size;
}

static int try_block(dohle_bytes block, size_t history_size,
                     struct dh_codec_output *output)
{
    size_t room = output->capacity - output->size;
    char *to = (char *)output->data + output->size;
    return LZ4_decompress_safe_usingDict((const char *)block.data, to, (int)block.size,
                                         room > INT32_MAX ? INT32_MAX : (int)room,
                                         to - history_size, (int)history_size);
}

/*
 * The room that is there does nearly always; only when it does not, the size is
 * counted, which also tells a block beyond the cap from one that is corrupt.
 */
static int decompress_block(const struct frame_header *frame, dohle_bytes block,
                            size_t frame_start, struct dh_codec_output *output)
{
    size_t history_size = 0;
    if ((frame->flags & FLG_INDEPENDENT) == 0) {
        history_size = output->size - frame_start;
        history_size = history_size < HISTORY_MAX ? history_size : HISTORY_MAX;
    }
    int produced = try_block(block, history_size, output);
    if (produced < 0) {
        int64_t size = block_content_size(block);
        if (size < 0 || (size_t)size > frame->block_size_max) {
            return DOHLE_ERR_CORRUPT;
        }
        int err = dh_codec_output_reserve(output, (size_t)size);
        if (err != 0) {
            return err;
        }
        produced = try_block(block, history_size, output);
    }
    if (produced < 0 || (size_t)produced > frame->block_size_max) {
        return DOHLE_ERR_CORRUPT;
    }
    output->size += (size_t)produced;
    return 0;
}

static int copy_block(dohle_bytes block, struct dh_codec_output *output)
{
    int err = dh_codec_output_reserve(output, block.size);
    if (err == 0) {
        memcpy(output->data + output->size, block.data, block.size);
        output->size += block.size;
    }
    return err;
}

// Stands behind the header; reads the blocks, the end mark and the content checksum.
static int read_blocks(struct dh_reader *reader, const struct frame_header *frame,
                       struct dh_codec_output *output)
{
    size_t frame_start = output->size;
    for (;;) {
        uint32_t size_field = read_le32(reader);
        if (size_field == 0) {
            break; // the end mark, or the reader's error
        }
        size_t size = size_field & ~BLOCK_IS_STORED;
        dohle_bytes block = dh_read_bytes(reader, size);
        dh_read_skip(reader, (frame->flags & FLG_BLOCK_CHECKSUM) != 0 ? 4 : 0);
        if (reader->err != 0 || size == 0 || size > frame->block_size_max) {
            return DOHLE_ERR_CORRUPT;
        }
        int err = (size_field & BLOCK_IS_STORED) != 0
                      ? copy_block(block, output)
                      : decompress_block(frame, block, frame_start, output);
        if (err != 0) {
            return err;
        }
    }
    dh_read_skip(reader, (frame->flags & FLG_CONTENT_CHECKSUM) != 0 ? 4 : 0);
    bool is_size_wrong =
        frame->content_size != 0 && frame->content_size != output->size - frame_start;
    return reader->err != 0 || is_size_wrong ? DOHLE_ERR_CORRUPT : 0;
}

static int read_frame(struct dh_reader *reader, struct dh_codec_output *output)
{
    uint32_t magic = read_le32(reader);
    if ((magic & ~15U) == MAGIC_SKIPPABLE) {
        dh_read_skip(reader, read_le32(reader));
        return reader->err != 0 ? DOHLE_ERR_CORRUPT : 0;
    }
    struct frame_header frame;
    if (reader->err != 0 || magic != MAGIC || read_frame_header(reader, &frame) != 0) {
        return DOHLE_ERR_CORRUPT;
    }
    if (frame.content_size > output->size_max - output->size) {
        return DOHLE_ERR_TOO_LARGE;
    }
    int err = output->frame == NULL
                  ? dh_codec_output_start(output, (size_t)frame.content_size)
                  : 0;
    return err != 0 ? err : read_blocks(reader, &frame, output);
}

int dh_lz4_decompress(struct dh_codec_context *context, dohle_bytes in,
                      struct dh_codec_output *output)
{
    (void)context;
    struct dh_reader reader;
    dh_reader_init(&reader, in);
    int err = 0;
    while (err == 0 && dh_reader_left(&reader) > 0) {
        err = read_frame(&reader, output);
    }
    if (err == 0 && output->frame == NULL) {
        err = DOHLE_ERR_CORRUPT; // nothing but skippable frames
    }
    return err;
}

struct compress_state {
    void *fast; // LZ4_sizeofState() bytes, or NULL
    void *high; // LZ4_sizeofStateHC() bytes, or NULL
};

static struct compress_state *compress_state_for(struct dh_codec_context *context,
                                                 int32_t level)
{
    struct compress_state *state = context->compress_state[DH_CODEC_LZ4];
    if (state == NULL) {
        state = dh_mem_calloc(context->mem, 1, sizeof(*state));
        if (state == NULL) {
            return NULL;
        }
        context->compress_state[DH_CODEC_LZ4] = state;
    }
    void **memory = level == LEVEL_FAST ? &state->fast : &state->high;
    if (*memory == NULL) {
        int size = level == LEVEL_FAST ? LZ4_sizeofState() : LZ4_sizeofStateHC();
        *memory = dh_mem_alloc(context->mem, (size_t)size);
    }
    return *memory == NULL ? NULL : state;
}

static void write_le32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)(value >> 16);
    at[3] = (uint8_t)(value >> 24);
}

// Writes the block's size and data; room for 4 bytes and the block as it is. Returns both.
static size_t write_block(struct compress_state *state, int32_t level, dohle_bytes block,
                          uint8_t *to)
{
    const char *from = (const char *)block.data;
    char *data = (char *)to + 4;
    // One byte less than stored: what does not get smaller does not fit.
    int room = (int)block.size - 1;
    int size = level == LEVEL_FAST
                   ? LZ4_compress_fast_extState(state->fast, from, data, (int)block.size,
                                                room, ACCELERATION_NONE)
                   : LZ4_compress_HC_extStateHC(state->high, from, data, (int)block.size,
                                                room, level);
    if (size <= 0) {
        memcpy(data, from, block.size);
        write_le32(to, (uint32_t)block.size | BLOCK_IS_STORED);
        return 4 + block.size;
    }
    write_le32(to, (uint32_t)size);
    return 4 + (size_t)size;
}

int dh_lz4_compress(struct dh_codec_context *context, int32_t level, dohle_bytes in,
                    struct dh_buf *out)
{
    // Version 1, independent blocks of 64 KiB, no checksums but the header's own.
    static const uint8_t header[7] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82};
    static const uint8_t end_mark[4];
    struct compress_state *state = compress_state_for(context, level);
    if (state == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_buf_append(out, header, sizeof(header));
    for (size_t offset = 0; offset < in.size; offset += BLOCK_SIZE) {
        size_t left = in.size - offset;
        dohle_bytes block = {in.data + offset, left < BLOCK_SIZE ? left : BLOCK_SIZE};
        if (dh_buf_reserve(out, 4 + block.size) != 0) {
            break;
        }
        out->size += write_block(state, level, block, out->data + out->size);
    }
    dh_buf_append(out, end_mark, sizeof(end_mark));
    return out->err;
}

void dh_lz4_deinit(struct dh_codec_context *context)
{
    struct compress_state *state = context->compress_state[DH_CODEC_LZ4];
    if (state != NULL) {
        dh_mem_free(context->mem, state->fast, (size_t)LZ4_sizeofState());
        dh_mem_free(context->mem, state->high, (size_t)LZ4_sizeofStateHC());
        dh_mem_free(context->mem, state, sizeof(*state));
        context->compress_state[DH_CODEC_LZ4] = NULL;
    }
}
