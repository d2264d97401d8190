// SPDX-License-Identifier: MIT
/*
 * A growing array of bytes.
 *
 * Errors are sticky: when memory runs out, or the bound is reached, the buffer
 * keeps what it has, ignores further appends and says so in `err`. Append all,
 * look once.
 */
#ifndef DH_BASE_BUF_H
#define DH_BASE_BUF_H

#include <dohle/types.h>

#include "base/assert.h"

struct dh_buf {
    const dohle_allocator *mem; // borrowed for the buffer's life
    uint8_t *data;              // owned; NULL until the first append
    size_t size;                // bytes in use
    size_t capacity;
    size_t size_max; // never grows beyond
    int err;         // 0, DOHLE_ERR_NO_MEMORY or DOHLE_ERR_TOO_LARGE
};

// size_max 0: no bound.
void dh_buf_init(struct dh_buf *buf, const dohle_allocator *mem, size_t size_max);
void dh_buf_deinit(struct dh_buf *buf);

// Forgets the content and the error, keeps the memory.
void dh_buf_reset(struct dh_buf *buf);

// Returns 0 or buf->err. Makes room for `size` more bytes.
int dh_buf_reserve(struct dh_buf *buf, size_t size);

// Copies. Nothing happens once err is set.
void dh_buf_append(struct dh_buf *buf, const void *data, size_t size);
void dh_buf_append_byte(struct dh_buf *buf, uint8_t byte);

// Appends size uninitialised bytes and returns where they are; NULL with err set.
// Valid until the next append.
DH_MUST_CHECK uint8_t *dh_buf_extend(struct dh_buf *buf, size_t size);

// Appends formatted text without its NUL.
void dh_buf_printf(struct dh_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Valid until the next append, reset or deinit.
dohle_bytes dh_buf_view(const struct dh_buf *buf);

#endif
