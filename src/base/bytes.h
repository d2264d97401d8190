// SPDX-License-Identifier: MIT
/*
 * Views of bytes. A view never frees and never ends in NUL; data NULL means
 * null. Strings below the public API are views too.
 */
#ifndef DH_BASE_BYTES_H
#define DH_BASE_BYTES_H

#include <stdbool.h>
#include <string.h>

#include <dohle/types.h>

// A view of a string literal.
#define DH_BYTES(literal) ((dohle_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

#define DH_BYTES_NULL ((dohle_bytes){NULL, 0})

// A view of a terminated string without its NUL; NULL gives null.
static inline dohle_bytes dh_bytes_of(const char *text)
{
    dohle_bytes view = {(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
    return view;
}

static inline bool dh_bytes_is_null(dohle_bytes bytes)
{
    return bytes.data == NULL;
}

// Equal size and bytes; null equals only null.
static inline bool dh_bytes_equal(dohle_bytes a, dohle_bytes b)
{
    if ((a.data == NULL) != (b.data == NULL) || a.size != b.size) {
        return false;
    }
    return a.size == 0 || memcmp(a.data, b.data, a.size) == 0;
}

// Bytewise order, a prefix first. Null counts as empty.
static inline int dh_bytes_compare(dohle_bytes a, dohle_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

#endif
