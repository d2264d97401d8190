// SPDX-License-Identifier: MIT
/*
 * A cursor that reads Kafka's primitive types from bytes it borrows.
 *
 * The error is sticky: a read beyond the end, or a varint that does not end,
 * sets err to DOHLE_ERR_PROTOCOL and moves to the end; from then on every read
 * gives 0, false or null. Read a whole message, look once.
 *
 *     intN, uintN, float64   big-endian
 *     unsigned varint        7 bits a byte, lowest first, at most 5 bytes
 *     varint, varlong        as above after zigzag, at most 5 and 10 bytes
 *
 * Bits that do not fit in the last byte of a varint are dropped, as Kafka does.
 *
 * The walk over records runs through the varints, so what is short is decided
 * here in the header and what is long in reader.c.
 *
 * Source: ByteUtils in Apache Kafka 4.4.
 */
#ifndef DH_WIRE_READER_H
#define DH_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <dohle/error.h>
#include <dohle/types.h>

struct dh_reader {
    const uint8_t *data; // borrowed
    size_t size;
    size_t offset; // of the next read; at most size
    int err;       // 0 or DOHLE_ERR_PROTOCOL
};

static inline void dh_reader_init(struct dh_reader *reader, dohle_bytes bytes)
{
    reader->data = bytes.data;
    reader->size = bytes.size;
    reader->offset = 0;
    reader->err = 0;
}

static inline size_t dh_reader_left(const struct dh_reader *reader)
{
    return reader->size - reader->offset;
}

// Sets the error. For callers who find a value that makes no sense.
static inline void dh_reader_fail(struct dh_reader *reader)
{
    reader->err = DOHLE_ERR_PROTOCOL;
    reader->offset = reader->size;
}

// The rest of a varint whose first byte had its high bit set. Used below only.
uint32_t dh_read_unsigned_varint_long(struct dh_reader *reader);
uint64_t dh_read_unsigned_varlong_long(struct dh_reader *reader);

// Where the next `size` bytes (not 0) are, stepping over them; NULL with the error set.
static inline const uint8_t *dh_reader_take(struct dh_reader *reader, size_t size)
{
    if (size > dh_reader_left(reader)) {
        dh_reader_fail(reader);
        return NULL;
    }
    const uint8_t *at = reader->data + reader->offset;
    reader->offset += size;
    return at;
}

static inline int8_t dh_read_int8(struct dh_reader *reader)
{
    const uint8_t *at = dh_reader_take(reader, 1);
    return at == NULL ? 0 : (int8_t)at[0];
}

// Any byte but 0 is true.
static inline bool dh_read_bool(struct dh_reader *reader)
{
    return dh_read_int8(reader) != 0;
}

static inline uint16_t dh_read_uint16(struct dh_reader *reader)
{
    const uint8_t *at = dh_reader_take(reader, 2);
    return at == NULL ? 0 : (uint16_t)((uint32_t)at[0] << 8 | at[1]);
}

static inline int16_t dh_read_int16(struct dh_reader *reader)
{
    return (int16_t)dh_read_uint16(reader);
}

static inline uint32_t dh_read_uint32(struct dh_reader *reader)
{
    const uint8_t *at = dh_reader_take(reader, 4);
    if (at == NULL) {
        return 0;
    }
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline int32_t dh_read_int32(struct dh_reader *reader)
{
    return (int32_t)dh_read_uint32(reader);
}

static inline uint64_t dh_read_uint64(struct dh_reader *reader)
{
    const uint8_t *at = dh_reader_take(reader, 8);
    if (at == NULL) {
        return 0;
    }
    return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
           (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
           (uint64_t)at[6] << 8 | at[7];
}

static inline int64_t dh_read_int64(struct dh_reader *reader)
{
    return (int64_t)dh_read_uint64(reader);
}

static inline double dh_read_float64(struct dh_reader *reader)
{
    uint64_t bits = dh_read_uint64(reader);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline uint32_t dh_read_unsigned_varint(struct dh_reader *reader)
{
    if (reader->offset < reader->size && reader->data[reader->offset] < 0x80) {
        return reader->data[reader->offset++];
    }
    return dh_read_unsigned_varint_long(reader);
}

static inline int32_t dh_read_varint(struct dh_reader *reader)
{
    uint32_t value = dh_read_unsigned_varint(reader);
    return (int32_t)(value >> 1 ^ (0U - (value & 1)));
}

static inline int64_t dh_read_varlong(struct dh_reader *reader)
{
    uint64_t value;
    if (reader->offset < reader->size && reader->data[reader->offset] < 0x80) {
        value = reader->data[reader->offset++];
    } else {
        value = dh_read_unsigned_varlong_long(reader);
    }
    return (int64_t)(value >> 1 ^ (UINT64_C(0) - (value & 1)));
}

// A view of the next `size` bytes, never null; null with the error set.
static inline dohle_bytes dh_read_bytes(struct dh_reader *reader, size_t size)
{
    static const uint8_t empty[1];
    dohle_bytes view = {NULL, 0};
    if (reader->err != 0) {
        return view;
    }
    if (size == 0) {
        view.data = empty;
        return view;
    }
    view.data = dh_reader_take(reader, size);
    view.size = view.data == NULL ? 0 : size;
    return view;
}

static inline void dh_read_skip(struct dh_reader *reader, size_t size)
{
    if (size > 0) {
        (void)dh_reader_take(reader, size);
    }
}

#endif
