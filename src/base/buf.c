// SPDX-License-Identifier: MIT
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/mem.h"

void dh_buf_init(struct dh_buf *buf, const dohle_allocator *mem, size_t size_max)
{
    *buf = (struct dh_buf){.mem = mem, .size_max = size_max == 0 ? SIZE_MAX : size_max};
}

void dh_buf_deinit(struct dh_buf *buf)
{
    dh_mem_free(buf->mem, buf->data, buf->capacity);
    buf->data = NULL;
    buf->size = 0;
    buf->capacity = 0;
}

void dh_buf_reset(struct dh_buf *buf)
{
    buf->size = 0;
    buf->err = 0;
}

int dh_buf_reserve(struct dh_buf *buf, size_t size)
{
    if (buf->err != 0) {
        return buf->err;
    }
    if (size > buf->size_max - buf->size) {
        buf->err = DOHLE_ERR_TOO_LARGE;
        return buf->err;
    }
    buf->err = dh_mem_grow(buf->mem, &buf->data, &buf->capacity, buf->size + size, 1);
    return buf->err;
}

uint8_t *dh_buf_extend(struct dh_buf *buf, size_t size)
{
    if (dh_buf_reserve(buf, size) != 0) {
        return NULL;
    }
    uint8_t *at = buf->data + buf->size;
    buf->size += size;
    return at;
}

void dh_buf_append(struct dh_buf *buf, const void *data, size_t size)
{
    if (size == 0) {
        return;
    }
    uint8_t *at = dh_buf_extend(buf, size);
    if (at != NULL) {
        memcpy(at, data, size);
    }
}

void dh_buf_append_byte(struct dh_buf *buf, uint8_t byte)
{
    dh_buf_append(buf, &byte, 1);
}

void dh_buf_printf(struct dh_buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size <= 0 || dh_buf_reserve(buf, (size_t)size + 1) != 0) {
        return;
    }
    va_start(arguments, format);
    vsnprintf((char *)buf->data + buf->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buf->size += (size_t)size;
}

dohle_bytes dh_buf_view(const struct dh_buf *buf)
{
    dohle_bytes view = {buf->data, buf->size};
    return view;
}
