// SPDX-License-Identifier: MIT
#include "record/batch_writer.h"

#include <string.h>

#include <dohle/error.h>

#include "base/crc32c.h"
#include "record/batch.h"

#define CRC_OFFSET        17
#define ATTRIBUTES_OFFSET 21
#define VARINT_SIZE_MAX   5
#define VARLONG_SIZE_MAX  10

enum {
    ATTRIBUTE_TRANSACTIONAL = 0x10,
    ATTRIBUTE_CONTROL = 0x20,
};

void dh_batch_writer_init(struct dh_batch_writer *writer, const dohle_allocator *mem)
{
    *writer = (struct dh_batch_writer){.record_count = 0};
    // A batch's length is an int32 that leaves out the prefix; so is a record's.
    dh_buf_init(&writer->plain, mem, INT32_MAX);
    dh_buf_init(&writer->packed, mem, INT32_MAX);
}

void dh_batch_writer_deinit(struct dh_batch_writer *writer)
{
    dh_buf_deinit(&writer->plain);
    dh_buf_deinit(&writer->packed);
}

void dh_batch_writer_reset(struct dh_batch_writer *writer)
{
    dh_buf_reset(&writer->plain);
    dh_buf_reset(&writer->packed);
    writer->record_count = 0;
    writer->is_finished = false;
}

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t) - (int64_t)(value < 0);
}

static size_t varint_size(int64_t value)
{
    size_t size = 1;
    for (uint64_t raw = zigzag(value); raw >= 0x80; raw >>= 7) {
        size++;
    }
    return size;
}

static uint8_t *put_varint(uint8_t *at, int64_t value)
{
    uint64_t raw = zigzag(value);
    while (raw >= 0x80) {
        *at++ = (uint8_t)(raw | 0x80);
        raw >>= 7;
    }
    *at++ = (uint8_t)raw;
    return at;
}

static size_t nullable_size(dohle_bytes bytes)
{
    return bytes.data == NULL ? 1 : varint_size((int64_t)bytes.size) + bytes.size;
}

static uint8_t *put_nullable(uint8_t *at, dohle_bytes bytes)
{
    if (bytes.data == NULL) {
        return put_varint(at, -1);
    }
    at = put_varint(at, (int64_t)bytes.size);
    if (bytes.size > 0) {
        memcpy(at, bytes.data, bytes.size);
    }
    return at + bytes.size;
}

// Key, value and headers, encoded; SIZE_MAX when that is beyond any batch.
static size_t parts_size(const struct dh_record_input *record)
{
    if (record->key.size > INT32_MAX || record->value.size > INT32_MAX ||
        record->header_count > INT32_MAX) {
        return SIZE_MAX;
    }
    size_t size = nullable_size(record->key) + nullable_size(record->value) +
                  varint_size((int64_t)record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const dohle_header *header = &record->headers[i];
        if (header->name.size > INT32_MAX || header->value.size > INT32_MAX ||
            size > INT32_MAX) {
            return SIZE_MAX;
        }
        size += nullable_size(header->name) + nullable_size(header->value);
    }
    return size > INT32_MAX ? SIZE_MAX : size;
}

size_t dh_batch_writer_record_size(const struct dh_record_input *record)
{
    size_t size = parts_size(record);
    size_t size_around = 2 * VARINT_SIZE_MAX + VARLONG_SIZE_MAX + 1;
    return size == SIZE_MAX ? SIZE_MAX : size + size_around;
}

static uint8_t *put_parts(uint8_t *at, const struct dh_record_input *record)
{
    at = put_nullable(at, record->key);
    at = put_nullable(at, record->value);
    at = put_varint(at, (int64_t)record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        dohle_bytes name = record->headers[i].name;
        DH_ASSERT(name.data != NULL);
        at = put_nullable(at, name);
        at = put_nullable(at, record->headers[i].value);
    }
    return at;
}

int dh_batch_writer_append(struct dh_batch_writer *writer,
                           const struct dh_record_input *record)
{
    DH_ASSERT(!writer->is_finished);
    bool is_first = writer->record_count == 0;
    size_t size = parts_size(record);
    if (size == SIZE_MAX || writer->record_count == INT32_MAX) {
        return DOHLE_ERR_TOO_LARGE;
    }
    // Timestamps are the caller's; their difference may wrap, as it does in Kafka.
    uint64_t base =
        (uint64_t)(is_first ? record->timestamp_ms : writer->base_timestamp_ms);
    int64_t timestamp_delta = (int64_t)((uint64_t)record->timestamp_ms - base);
    int64_t length = (int64_t)(1 + varint_size(timestamp_delta) +
                               varint_size(writer->record_count) + size);
    struct dh_buf *buf = &writer->plain;
    size_t header_size = is_first ? DH_BATCH_HEADER_SIZE : 0;
    size_t needed = header_size + varint_size(length) + (size_t)length;
    if (dh_buf_reserve(buf, needed) != 0) {
        int err = buf->err;
        buf->err = 0;
        return err;
    }
    uint8_t *at = put_varint(buf->data + buf->size + header_size, length);
    *at++ = 0; // attributes, unused
    at = put_varint(at, timestamp_delta);
    at = put_varint(at, writer->record_count);
    at = put_parts(at, record);
    buf->size += needed;
    DH_ASSERT(at == buf->data + buf->size);
    if (is_first) {
        writer->base_timestamp_ms = record->timestamp_ms;
        writer->max_timestamp_ms = record->timestamp_ms;
    } else if (record->timestamp_ms > writer->max_timestamp_ms) {
        writer->max_timestamp_ms = record->timestamp_ms;
    }
    writer->record_count++;
    return 0;
}

static uint8_t *put_int(uint8_t *at, uint64_t value, int size)
{
    for (int i = size - 1; i >= 0; i--) {
        *at++ = (uint8_t)(value >> (8 * i));
    }
    return at;
}

static struct dh_buf *finished_buf(struct dh_batch_writer *writer)
{
    return writer->packed.size > 0 ? &writer->packed : &writer->plain;
}

static void write_header(struct dh_batch_writer *writer, int codec,
                         const struct dh_batch_stamp *stamp)
{
    struct dh_buf *buf = finished_buf(writer);
    int attributes = codec;
    attributes |= stamp->is_transactional ? ATTRIBUTE_TRANSACTIONAL : 0;
    attributes |= stamp->is_control ? ATTRIBUTE_CONTROL : 0;
    uint8_t *at = buf->data;
    at = put_int(at, (uint64_t)stamp->base_offset, 8);
    at = put_int(at, buf->size - DH_BATCH_PREFIX_SIZE, 4);
    at = put_int(at, (uint32_t)stamp->leader_epoch, 4);
    *at++ = 2; // magic
    at += 4;   // the checksum, when the rest is there
    at = put_int(at, (uint64_t)attributes, 2);
    at = put_int(at, (uint64_t)writer->record_count - 1, 4);
    at = put_int(at, (uint64_t)writer->base_timestamp_ms, 8);
    at = put_int(at, (uint64_t)writer->max_timestamp_ms, 8);
    at = put_int(at, (uint64_t)stamp->producer_id, 8);
    at = put_int(at, (uint16_t)stamp->producer_epoch, 2);
    at = put_int(at, (uint32_t)stamp->base_sequence, 4);
    at = put_int(at, (uint64_t)writer->record_count, 4);
    DH_ASSERT(at == buf->data + DH_BATCH_HEADER_SIZE);
    uint32_t crc =
        dh_crc32c(buf->data + ATTRIBUTES_OFFSET, buf->size - ATTRIBUTES_OFFSET);
    put_int(buf->data + CRC_OFFSET, crc, 4);
}

int dh_batch_writer_finish(struct dh_batch_writer *writer,
                           struct dh_codec_context *context, const struct dh_codec *codec,
                           int32_t level, const struct dh_batch_stamp *stamp,
                           dohle_bytes *batch)
{
    DH_ASSERT(writer->record_count > 0);
    int codec_id = codec == NULL ? DH_CODEC_NONE : codec->id;
    dh_buf_reset(&writer->packed);
    if (codec_id != DH_CODEC_NONE) {
        dohle_bytes records = {writer->plain.data + DH_BATCH_HEADER_SIZE,
                               writer->plain.size - DH_BATCH_HEADER_SIZE};
        int err =
            dh_buf_extend(&writer->packed, DH_BATCH_HEADER_SIZE) == NULL
                ? writer->packed.err
                : dh_codec_compress(context, codec, level, records, &writer->packed);
        if (err != 0) {
            dh_buf_reset(&writer->packed);
            return err;
        }
    }
    write_header(writer, codec_id, stamp);
    writer->is_finished = true;
    *batch = dh_buf_view(finished_buf(writer));
    return 0;
}

void dh_batch_writer_stamp(struct dh_batch_writer *writer,
                           const struct dh_batch_stamp *stamp)
{
    DH_ASSERT(writer->is_finished);
    int codec = finished_buf(writer)->data[ATTRIBUTES_OFFSET + 1] & 7;
    write_header(writer, codec, stamp);
}

size_t dh_batch_writer_size(const struct dh_batch_writer *writer)
{
    return writer->plain.size == 0 ? DH_BATCH_HEADER_SIZE : writer->plain.size;
}

size_t dh_batch_writer_size_estimate(const struct dh_batch_writer *writer,
                                     const struct dh_codec_context *context,
                                     const struct dh_codec *codec, size_t more)
{
    size_t size = dh_batch_writer_size(writer) + more;
    if (codec == NULL || codec->id == DH_CODEC_NONE) {
        return size;
    }
    return dh_codec_size_estimate(context, codec, size);
}
