// SPDX-License-Identifier: MIT
#include "record/iterator.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "record/varint.h"

// Bytes that the numbers before the key may take, looked at without a check: a length,
// the attributes, a timestamp and an offset, each at most 2 bytes.
#define USUAL_ROOM 7

const uint8_t *dh_varint_long(const uint8_t *at, const uint8_t *end, int bytes_max,
                              uint64_t *value)
{
    uint64_t result = 0;
    for (int i = 0; at != NULL && i < bytes_max && at < end; i++) {
        uint8_t byte = *at++;
        result |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *value = result;
            return at;
        }
    }
    *value = 0;
    return NULL;
}

static int fail(struct dh_record_iterator *iterator)
{
    iterator->err = DOHLE_ERR_CORRUPT;
    return DOHLE_ERR_CORRUPT;
}

// Size and bytes of a key or value; any negative size is null.
static inline const uint8_t *take_nullable(const uint8_t *at, const uint8_t *end,
                                           dohle_bytes *bytes)
{
    int32_t size = 0;
    at = dh_varint_at(at, end, &size);
    if (at == NULL || size > end - at) {
        return NULL;
    }
    if (size < 0) {
        *bytes = DH_BYTES_NULL;
        return at;
    }
    *bytes = (dohle_bytes){at, (size_t)size};
    return at + size;
}

static const uint8_t *take_header(const uint8_t *at, const uint8_t *end,
                                  dohle_header *header)
{
    at = take_nullable(at, end, &header->name);
    if (at == NULL || header->name.data == NULL) {
        return NULL;
    }
    return take_nullable(at, end, &header->value);
}

static bool are_headers_sound(const uint8_t *at, const uint8_t *end, int32_t count)
{
    for (int32_t i = 0; at != NULL && i < count; i++) {
        dohle_header header;
        at = take_header(at, end, &header);
    }
    return at == end;
}

// What a record says about itself, before it is known to make sense.
struct raw_record {
    int64_t timestamp_delta;
    int32_t offset_delta;
    int32_t header_count;
    const uint8_t *end; // behind the record
};

// A zigzag number of one or two bytes, both readable; NULL: it is longer.
static inline const uint8_t *take_short(const uint8_t *at, int32_t *value)
{
    uint32_t raw = at[0];
    if (raw < 0x80) {
        *value = (int32_t)(raw >> 1) ^ -(int32_t)(raw & 1);
        return at + 1;
    }
    if (at[1] < 0x80) {
        raw = (raw & 0x7f) | (uint32_t)at[1] << 7;
        *value = (int32_t)(raw >> 1) ^ -(int32_t)(raw & 1);
        return at + 2;
    }
    return NULL;
}

// As take_nullable for a part behind which the record goes on; NULL: take the other way.
static inline const uint8_t *take_short_nullable(const uint8_t *at, const uint8_t *end,
                                                 dohle_bytes *bytes)
{
    int32_t size;
    if (end - at < 2 || (at = take_short(at, &size)) == NULL || size >= end - at) {
        return NULL;
    }
    if (size < 0) {
        *bytes = DH_BYTES_NULL;
        return at;
    }
    *bytes = (dohle_bytes){at, (size_t)size};
    return at + size;
}

// Returns where the headers begin, checked; NULL: corrupt. at may be NULL, then NULL.
static const uint8_t *take_headers(const uint8_t *at, struct raw_record *raw)
{
    at = dh_varint_at(at, raw->end, &raw->header_count);
    bool is_sound = at != NULL && raw->header_count >= 0 &&
                    are_headers_sound(at, raw->end, raw->header_count);
    return is_sound ? at : NULL;
}

/*
 * Most records have numbers of one or two bytes and no headers. USUAL_ROOM bytes
 * are left, so that the first four numbers need no look at the end. Returns where
 * the headers begin, or NULL when the record is not of that kind, or is corrupt.
 */
static inline const uint8_t *take_usual_record(const uint8_t *at, const uint8_t *end,
                                               struct raw_record *raw,
                                               dohle_record *record)
{
    int32_t length;
    int32_t timestamp_delta;
    if ((at = take_short(at, &length)) == NULL || length < 1 || length > end - at) {
        return NULL;
    }
    raw->end = at + length;
    if ((at = take_short(at + 1, &timestamp_delta)) == NULL ||
        (at = take_short(at, &raw->offset_delta)) == NULL ||
        (at = take_short_nullable(at, raw->end, &record->key)) == NULL ||
        (at = take_short_nullable(at, raw->end, &record->value)) == NULL) {
        return NULL;
    }
    raw->timestamp_delta = timestamp_delta;
    if (raw->end - at == 1 && at[0] == 0) {
        raw->header_count = 0;
        return raw->end;
    }
    return take_headers(at, raw);
}

// As take_usual_record, for any record; NULL: corrupt.
static const uint8_t *take_record(const uint8_t *at, const uint8_t *end,
                                  struct raw_record *raw, dohle_record *record)
{
    int32_t length = 0;
    at = dh_varint_at(at, end, &length);
    if (at == NULL || length < 1 || length > end - at) {
        return NULL;
    }
    raw->end = at + length;
    at = dh_varlong_at(at + 1, raw->end, &raw->timestamp_delta);
    at = dh_varint_at(at, raw->end, &raw->offset_delta);
    at = take_nullable(at, raw->end, &record->key);
    at = take_nullable(at, raw->end, &record->value);
    return take_headers(at, raw);
}

static int next_record(struct dh_record_iterator *iterator, dohle_record *record)
{
    const uint8_t *at = NULL;
    struct raw_record raw;
    if (iterator->end - iterator->at >= USUAL_ROOM) {
        at = take_usual_record(iterator->at, iterator->end, &raw, record);
    }
    if (at == NULL) {
        at = take_record(iterator->at, iterator->end, &raw, record);
    }
    if (at == NULL || raw.offset_delta < iterator->delta_min ||
        raw.offset_delta > iterator->delta_max) {
        return fail(iterator);
    }
    record->header_count = raw.header_count;
    record->headers = (dohle_bytes){at, (size_t)(raw.end - at)};
    record->offset = iterator->base_offset + raw.offset_delta;
    // A hostile delta may wrap around, as it does in Kafka.
    record->timestamp_ms = iterator->is_append_time
                               ? iterator->append_timestamp_ms
                               : (int64_t)((uint64_t)iterator->base_timestamp_ms +
                                           (uint64_t)raw.timestamp_delta);
    iterator->delta_min = (int64_t)raw.offset_delta + 1;
    iterator->at = raw.end;
    iterator->left--;
    return 1;
}

// One message of magic 0 or 1, offset as it is written. Returns the byte behind it or NULL.
static const uint8_t *take_message(const uint8_t *at, const uint8_t *end,
                                   dohle_record *record)
{
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){at, (size_t)(end - at)});
    record->offset = dh_read_int64(&reader);
    int32_t length = dh_read_int32(&reader);
    if (reader.err != 0 || length < 0 || (size_t)length > dh_reader_left(&reader)) {
        return NULL;
    }
    dh_reader_init(&reader, dh_read_bytes(&reader, (size_t)length));
    dh_read_skip(&reader, 4); // the checksum
    int8_t magic = dh_read_int8(&reader);
    bool is_compressed = (dh_read_int8(&reader) & 7) != 0;
    record->timestamp_ms = magic == 1 ? dh_read_int64(&reader) : -1;
    dohle_bytes *parts[2] = {&record->key, &record->value};
    for (int i = 0; i < 2; i++) {
        int32_t size = dh_read_int32(&reader);
        *parts[i] = size < 0 ? DH_BYTES_NULL : dh_read_bytes(&reader, (size_t)size);
    }
    if (reader.err != 0 || dh_reader_left(&reader) != 0 || magic < 0 || magic > 1 ||
        is_compressed) {
        return NULL;
    }
    return reader.data + reader.size;
}

static int next_message(struct dh_record_iterator *iterator, dohle_record *record)
{
    if (iterator->at == iterator->end) {
        return 0;
    }
    const uint8_t *behind = take_message(iterator->at, iterator->end, record);
    if (behind == NULL || record->offset < iterator->delta_min ||
        record->offset > iterator->delta_max) {
        return fail(iterator);
    }
    iterator->at = behind;
    iterator->delta_min = record->offset + 1;
    record->offset += iterator->base_offset;
    if (iterator->is_append_time) {
        record->timestamp_ms = iterator->append_timestamp_ms;
    }
    static const uint8_t nothing[1];
    record->headers = (dohle_bytes){nothing, 0};
    record->header_count = 0;
    return 1;
}

/*
 * Offsets in a wrapper of magic 1 are relative, and only the last one's absolute
 * value is known: find it first. Some producers before Kafka 0.10 left the
 * wrapper's offset at 0, which then is the base.
 */
static int find_base(struct dh_record_iterator *iterator)
{
    int64_t wrapper_offset = iterator->delta_max;
    dohle_record last = {.offset = -1};
    for (const uint8_t *at = iterator->at; at != iterator->end;) {
        at = take_message(at, iterator->end, &last);
        if (at == NULL) {
            return fail(iterator);
        }
    }
    if (last.offset < 0 || (last.offset > wrapper_offset && wrapper_offset != 0)) {
        return fail(iterator);
    }
    iterator->base_offset = wrapper_offset == 0 ? 0 : wrapper_offset - last.offset;
    iterator->delta_max = last.offset;
    return 0;
}

int dh_record_iterator_init(struct dh_record_iterator *iterator,
                            const struct dh_batch *batch, dohle_bytes payload)
{
    *iterator = (struct dh_record_iterator){
        .at = payload.data,
        .end = payload.size == 0 ? payload.data : payload.data + payload.size,
        .base_timestamp_ms = batch->base_timestamp_ms,
        .append_timestamp_ms = batch->max_timestamp_ms,
        .leader_epoch = batch->leader_epoch,
        .magic = batch->magic,
        .timestamp_type = batch->timestamp_type,
        .is_append_time = batch->timestamp_type == DOHLE_TIMESTAMP_LOG_APPEND,
    };
    if (batch->magic == 2) {
        iterator->base_offset = batch->base_offset;
        iterator->delta_max = batch->last_offset - batch->base_offset;
        iterator->left = batch->record_count;
        return 0;
    }
    iterator->delta_max = batch->last_offset;
    iterator->left = -1;
    if (batch->codec == 0) {
        return 0;
    }
    if (payload.size == 0) {
        return fail(iterator);
    }
    return batch->magic == 1 ? find_base(iterator) : 0;
}

void dh_record_iterator_prepare(const struct dh_record_iterator *iterator,
                                dohle_record *record, const char *topic,
                                int32_t partition)
{
    *record = (dohle_record){
        .topic = topic,
        .partition = partition,
        .leader_epoch = iterator->leader_epoch,
        .timestamp_type = iterator->timestamp_type,
    };
}

int dh_record_iterator_next(struct dh_record_iterator *iterator, dohle_record *record)
{
    if (iterator->err != 0) {
        return iterator->err;
    }
    if (iterator->left > 0) {
        return next_record(iterator, record);
    }
    if (iterator->left < 0) {
        return next_message(iterator, record);
    }
    return iterator->at == iterator->end ? 0 : fail(iterator);
}

int dh_record_control_type(const dohle_record *record)
{
    struct dh_reader key;
    dh_reader_init(&key, record->key);
    int16_t version = dh_read_int16(&key);
    int16_t type = dh_read_int16(&key);
    return key.err != 0 || version < 0 || type < 0 ? DOHLE_ERR_CORRUPT : type;
}

int dohle_header_next(dohle_bytes *headers, dohle_header *header)
{
    if (headers->size == 0) {
        return 0;
    }
    const uint8_t *end = headers->data + headers->size;
    const uint8_t *at = take_header(headers->data, end, header);
    if (at == NULL) {
        // Only bytes that no batch gave out get here.
        *headers = DH_BYTES_NULL;
        return 0;
    }
    *headers = (dohle_bytes){at, (size_t)(end - at)};
    return 1;
}
