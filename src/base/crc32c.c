// SPDX-License-Identifier: MIT
#include "base/crc32c.h"

#include <limits.h>

#include <isa-l/crc.h>

uint32_t dh_crc32c(const void *data, size_t size)
{
    return dh_crc32c_extend(0, data, size);
}

uint32_t dh_crc32c_extend(uint32_t crc, const void *data, size_t size)
{
    // isa-l counts in int, and takes the bytes without const though it only reads.
    union {
        const void *in;
        unsigned char *out;
    } bytes = {.in = data};

    crc = ~crc;
    while (size > INT_MAX) {
        crc = crc32_iscsi(bytes.out, INT_MAX, crc);
        bytes.out += INT_MAX;
        size -= INT_MAX;
    }
    return ~crc32_iscsi(bytes.out, (int)size, crc);
}

uint32_t dh_crc32(const void *data, size_t size)
{
    return crc32_gzip_refl(0, data, size);
}
