// SPDX-License-Identifier: MIT
#include "record/batch.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/crc32c.h"

#define MAGIC_OFFSET        16
#define CRC_COVERS_FROM     21 // magic 2
#define CRC_COVERS_FROM_OLD 16 // magic 0 and 1
#define LENGTH_MIN          14 // a message of magic 0 with null key and value

enum {
    ATTRIBUTE_CODEC = 0x07,
    ATTRIBUTE_APPEND_TIME = 0x08,
    ATTRIBUTE_TRANSACTIONAL = 0x10,
    ATTRIBUTE_CONTROL = 0x20,
};

static void clear(struct dh_batch *batch)
{
    *batch = (struct dh_batch){
        .base_offset = -1,
        .last_offset = -1,
        .base_timestamp_ms = -1,
        .max_timestamp_ms = -1,
        .producer_id = -1,
        .leader_epoch = -1,
        .base_sequence = -1,
        .record_count = -1,
        .producer_epoch = -1,
        .timestamp_type = DOHLE_TIMESTAMP_NONE,
    };
}

static void read_attributes(struct dh_batch *batch, int attributes)
{
    batch->codec = (int8_t)(attributes & ATTRIBUTE_CODEC);
    batch->timestamp_type = (attributes & ATTRIBUTE_APPEND_TIME) != 0
                                ? DOHLE_TIMESTAMP_LOG_APPEND
                                : DOHLE_TIMESTAMP_CREATE;
}

// header stands behind the magic. Returns whether the fields make sense.
static bool read_header(struct dh_reader *header, struct dh_batch *batch,
                        int32_t leader_epoch)
{
    batch->leader_epoch = leader_epoch;
    batch->crc = dh_read_uint32(header);
    int attributes = dh_read_uint16(header);
    read_attributes(batch, attributes);
    batch->is_transactional = (attributes & ATTRIBUTE_TRANSACTIONAL) != 0;
    batch->is_control = (attributes & ATTRIBUTE_CONTROL) != 0;
    int32_t last_offset_delta = dh_read_int32(header);
    batch->base_timestamp_ms = dh_read_int64(header);
    batch->max_timestamp_ms = dh_read_int64(header);
    batch->producer_id = dh_read_int64(header);
    batch->producer_epoch = dh_read_int16(header);
    batch->base_sequence = dh_read_int32(header);
    batch->record_count = dh_read_int32(header);
    batch->payload = dh_read_bytes(header, dh_reader_left(header));
    if (header->err != 0 || batch->base_offset < 0 || last_offset_delta < 0 ||
        batch->base_offset > INT64_MAX - last_offset_delta || batch->record_count < 0) {
        return false;
    }
    batch->last_offset = batch->base_offset + last_offset_delta;
    return true;
}

// A message's size field and the bytes it announces; null for any negative size.
static dohle_bytes read_sized(struct dh_reader *reader)
{
    int32_t size = dh_read_int32(reader);
    return size < 0 ? DH_BYTES_NULL : dh_read_bytes(reader, (size_t)size);
}

// As read_header, for magic 0 and 1.
static bool read_old_header(struct dh_reader *header, struct dh_batch *batch, int32_t crc)
{
    batch->crc = (uint32_t)crc;
    read_attributes(batch, dh_read_int8(header));
    if (batch->magic == 0) {
        batch->timestamp_type = DOHLE_TIMESTAMP_NONE;
    } else {
        batch->base_timestamp_ms = dh_read_int64(header);
        batch->max_timestamp_ms = batch->base_timestamp_ms;
    }
    (void)read_sized(header); // the key; a wrapper's says nothing
    dohle_bytes value = read_sized(header);
    if (header->err != 0 || dh_reader_left(header) != 0 || batch->base_offset < 0) {
        return false;
    }
    batch->last_offset = batch->base_offset;
    if (batch->codec == 0) {
        batch->record_count = 1;
        batch->payload = batch->bytes;
        return true;
    }
    batch->base_offset = -1;
    batch->payload = value;
    return value.data != NULL;
}

int dh_batch_next(struct dh_reader *reader, struct dh_batch *batch)
{
    clear(batch);
    size_t left = dh_reader_left(reader);
    int at_cut_off = reader->offset == 0 ? DH_BATCH_INCOMPLETE : DH_BATCH_END;
    if (left <= MAGIC_OFFSET) {
        return left == 0 ? DH_BATCH_END : at_cut_off;
    }
    struct dh_reader header = *reader;
    batch->base_offset = dh_read_int64(&header);
    int32_t length = dh_read_int32(&header);
    int32_t epoch_or_crc = dh_read_int32(&header);
    batch->magic = dh_read_int8(&header);
    if (length < LENGTH_MIN || batch->magic < 0 || batch->magic > 2) {
        dh_reader_fail(reader);
        return DOHLE_ERR_CORRUPT;
    }
    size_t size = DH_BATCH_PREFIX_SIZE + (size_t)length;
    if (left < size) {
        return at_cut_off;
    }
    batch->bytes = dh_read_bytes(reader, size);
    dh_reader_init(&header, batch->bytes);
    dh_read_skip(&header, MAGIC_OFFSET + 1);
    bool is_sound = batch->magic == 2 ? read_header(&header, batch, epoch_or_crc)
                                      : read_old_header(&header, batch, epoch_or_crc);
    if (!is_sound) {
        dh_reader_fail(reader);
        return DOHLE_ERR_CORRUPT;
    }
    return DH_BATCH_FOUND;
}

int dh_batch_check_crc(const struct dh_batch *batch)
{
    const uint8_t *data = batch->bytes.data;
    size_t size = batch->bytes.size;
    uint32_t crc = batch->magic == 2
                       ? dh_crc32c(data + CRC_COVERS_FROM, size - CRC_COVERS_FROM)
                       : dh_crc32(data + CRC_COVERS_FROM_OLD, size - CRC_COVERS_FROM_OLD);
    return crc == batch->crc ? 0 : DOHLE_ERR_CORRUPT;
}
