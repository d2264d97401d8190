// SPDX-License-Identifier: MIT
/*
 * Zigzag varints between two pointers. wire/reader.h reads the same encoding
 * with a cursor; here the cursor stays in a register, for this runs seven times
 * a record. Each function returns the byte behind the number, or NULL when the
 * number does not end before `end` or is longer than its type may be. `at` may
 * be NULL, which is handed on: check once after several.
 */
#ifndef DH_RECORD_VARINT_H
#define DH_RECORD_VARINT_H

#include <stddef.h>
#include <stdint.h>

// Any length, at most bytes_max bytes.
const uint8_t *dh_varint_long(const uint8_t *at, const uint8_t *end, int bytes_max,
                              uint64_t *value);

static inline const uint8_t *dh_varlong_at(const uint8_t *at, const uint8_t *end,
                                           int64_t *value)
{
    if (at != NULL && at < end && at[0] < 0x80) {
        *value = (int64_t)(at[0] >> 1) ^ -(int64_t)(at[0] & 1);
        return at + 1;
    }
    uint64_t raw = 0;
    at = dh_varint_long(at, end, 10, &raw);
    *value = (int64_t)(raw >> 1 ^ (UINT64_C(0) - (raw & 1)));
    return at;
}

static inline const uint8_t *dh_varint_at(const uint8_t *at, const uint8_t *end,
                                          int32_t *value)
{
    if (at == NULL || end - at < 2) {
        // The last byte of all, or nothing.
    } else if (at[0] < 0x80) {
        *value = (int32_t)(at[0] >> 1) ^ -(int32_t)(at[0] & 1);
        return at + 1;
    } else if (at[1] < 0x80) {
        uint32_t raw = (at[0] & 0x7fU) | (uint32_t)at[1] << 7;
        *value = (int32_t)(raw >> 1 ^ (0U - (raw & 1)));
        return at + 2;
    }
    uint64_t long_raw = 0;
    at = dh_varint_long(at, end, 5, &long_raw);
    uint32_t raw = (uint32_t)long_raw;
    *value = (int32_t)(raw >> 1 ^ (0U - (raw & 1)));
    return at;
}

#endif
