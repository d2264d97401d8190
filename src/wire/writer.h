// SPDX-License-Identifier: MIT
/*
 * Appends Kafka's primitive types to a buffer it borrows; the mirror of
 * wire/reader.h. The error is the buffer's own and sticky: write a whole
 * message, then look at buf->err.
 */
#ifndef DH_WIRE_WRITER_H
#define DH_WIRE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <dohle/types.h>

#include "base/buf.h"

// The most bytes a varint and a varlong take.
#define DH_VARINT_SIZE_MAX  5
#define DH_VARLONG_SIZE_MAX 10

struct dh_writer {
    struct dh_buf *buf; // borrowed; appended to
};

static inline void dh_writer_init(struct dh_writer *writer, struct dh_buf *buf)
{
    writer->buf = buf;
}

// Appends the lowest `size` bytes of value, the highest of them first.
void dh_write_big_endian(struct dh_writer *writer, uint64_t value, size_t size);

// Appends value in groups of 7 bits, the lowest first.
void dh_write_unsigned_varlong(struct dh_writer *writer, uint64_t value);

static inline void dh_write_int8(struct dh_writer *writer, int8_t value)
{
    dh_write_big_endian(writer, (uint8_t)value, 1);
}

static inline void dh_write_bool(struct dh_writer *writer, bool value)
{
    dh_write_big_endian(writer, value ? 1 : 0, 1);
}

static inline void dh_write_uint16(struct dh_writer *writer, uint16_t value)
{
    dh_write_big_endian(writer, value, 2);
}

static inline void dh_write_int16(struct dh_writer *writer, int16_t value)
{
    dh_write_big_endian(writer, (uint16_t)value, 2);
}

static inline void dh_write_uint32(struct dh_writer *writer, uint32_t value)
{
    dh_write_big_endian(writer, value, 4);
}

static inline void dh_write_int32(struct dh_writer *writer, int32_t value)
{
    dh_write_big_endian(writer, (uint32_t)value, 4);
}

static inline void dh_write_int64(struct dh_writer *writer, int64_t value)
{
    dh_write_big_endian(writer, (uint64_t)value, 8);
}

static inline void dh_write_float64(struct dh_writer *writer, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    dh_write_big_endian(writer, bits, 8);
}

static inline void dh_write_unsigned_varint(struct dh_writer *writer, uint32_t value)
{
    dh_write_unsigned_varlong(writer, value);
}

static inline void dh_write_varint(struct dh_writer *writer, int32_t value)
{
    dh_write_unsigned_varlong(writer, (uint32_t)value << 1 ^ (value < 0 ? ~0U : 0));
}

static inline void dh_write_varlong(struct dh_writer *writer, int64_t value)
{
    uint64_t sign = value < 0 ? ~UINT64_C(0) : 0;
    dh_write_unsigned_varlong(writer, (uint64_t)value << 1 ^ sign);
}

static inline void dh_write_bytes(struct dh_writer *writer, const void *data, size_t size)
{
    dh_buf_append(writer->buf, data, size);
}

#endif
