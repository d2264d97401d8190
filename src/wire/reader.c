// SPDX-License-Identifier: MIT
#include "wire/reader.h"

static uint64_t read_groups(struct dh_reader *reader, size_t size_max)
{
    uint64_t value = 0;
    size_t left = dh_reader_left(reader);
    size_t end = left < size_max ? left : size_max;
    for (size_t i = 0; i < end; i++) {
        uint8_t byte = reader->data[reader->offset + i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            reader->offset += i + 1;
            return value;
        }
    }
    dh_reader_fail(reader);
    return 0;
}

uint32_t dh_read_unsigned_varint_long(struct dh_reader *reader)
{
    return (uint32_t)read_groups(reader, 5);
}

uint64_t dh_read_unsigned_varlong_long(struct dh_reader *reader)
{
    return read_groups(reader, 10);
}
