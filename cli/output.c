// SPDX-License-Identifier: MIT
#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define FLUSH_SIZE ((size_t)1 << 16)

void output_init(struct output *output, int fd)
{
    *output = (struct output){.fd = fd};
}

void output_deinit(struct output *output)
{
    free(output->data);
    output->data = NULL;
}

static void reserve(struct output *output, size_t size)
{
    if (output->size >= FLUSH_SIZE) {
        output_flush(output);
    }
    size_t needed = output->size + size;
    if (needed > output->capacity) {
        size_t capacity = output->capacity == 0 ? FLUSH_SIZE : output->capacity;
        while (capacity < needed) {
            capacity *= 2;
        }
        output->data = must_realloc(output->data, capacity);
        output->capacity = capacity;
    }
}

void output_write(struct output *output, const void *data, size_t size)
{
    if (size > 0) {
        reserve(output, size);
        memcpy(output->data + output->size, data, size);
        output->size += size;
    }
}

void output_byte(struct output *output, char byte)
{
    output_write(output, &byte, 1);
}

void output_text(struct output *output, const char *text)
{
    output_write(output, text, strlen(text));
}

void output_printf(struct output *output, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size <= 0) {
        return;
    }
    reserve(output, (size_t)size + 1);
    va_start(arguments, format);
    vsnprintf(output->data + output->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    output->size += (size_t)size;
}

bool output_flush(struct output *output)
{
    size_t written = 0;
    while (written < output->size && output_is_open(output)) {
        ssize_t size = write(output->fd, output->data + written, output->size - written);
        if (size >= 0) {
            written += (size_t)size;
        } else if (errno == EPIPE) {
            output->is_gone = true;
        } else if (errno != EINTR) {
            output->error = errno;
        }
    }
    output->size = 0;
    return output_is_open(output);
}
