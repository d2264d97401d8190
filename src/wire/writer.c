// SPDX-License-Identifier: MIT
#include "wire/writer.h"

void dh_write_big_endian(struct dh_writer *writer, uint64_t value, size_t size)
{
    uint8_t *at = dh_buf_extend(writer->buf, size);
    if (at == NULL) {
        return;
    }
    for (size_t i = size; i > 0; i--) {
        at[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

void dh_write_unsigned_varlong(struct dh_writer *writer, uint64_t value)
{
    uint8_t bytes[DH_VARLONG_SIZE_MAX];
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    dh_buf_append(writer->buf, bytes, size);
}
