// SPDX-License-Identifier: MIT
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define READ_SIZE ((size_t)1 << 16)

void input_init(struct input *input, int fd, const char *delimiter, size_t delimiter_size)
{
    *input = (struct input){
        .fd = fd, .delimiter = delimiter, .delimiter_size = delimiter_size};
}

void input_deinit(struct input *input)
{
    free(input->data);
}

// The first delimiter at or after `from`; NULL: none yet.
static const uint8_t *find_delimiter(const struct input *input, size_t from)
{
    const uint8_t *at = input->data + from;
    size_t left = input->size - from;
    while (left >= input->delimiter_size) {
        const uint8_t *hit = memchr(at, (unsigned char)input->delimiter[0],
                                    left - input->delimiter_size + 1);
        if (hit == NULL) {
            return NULL;
        }
        if (memcmp(hit, input->delimiter, input->delimiter_size) == 0) {
            return hit;
        }
        left -= (size_t)(hit - at) + 1;
        at = hit + 1;
    }
    return NULL;
}

// Moves what is left to the front and reads more behind it. False: end or error.
static bool read_more(struct input *input)
{
    if (input->is_at_end) {
        return false;
    }
    if (input->start > 0) {
        memmove(input->data, input->data + input->start, input->size - input->start);
        input->size -= input->start;
        input->start = 0;
    }
    if (input->capacity - input->size < READ_SIZE) {
        input->capacity = input->capacity == 0 ? 2 * READ_SIZE : 2 * input->capacity;
        input->data = must_realloc(input->data, input->capacity);
    }
    ssize_t size =
        read(input->fd, input->data + input->size, input->capacity - input->size);
    if (size < 0) {
        input->error = errno == EINTR ? 0 : errno;
        input->is_at_end = true;
        input->size = input->start = 0;
        return false;
    }
    input->is_at_end = size == 0;
    input->size += (size_t)size;
    return size > 0;
}

bool input_next(struct input *input, dohle_bytes *piece)
{
    size_t searched = 0;
    for (;;) {
        const uint8_t *end =
            input->size > 0 ? find_delimiter(input, input->start + searched) : NULL;
        if (end != NULL) {
            const uint8_t *begin = input->data + input->start;
            *piece = (dohle_bytes){begin, (size_t)(end - begin)};
            input->start += piece->size + input->delimiter_size;
            return true;
        }
        size_t left = input->size - input->start;
        searched = left < input->delimiter_size ? 0 : left - input->delimiter_size + 1;
        if (!read_more(input)) {
            break;
        }
    }
    if (input->start >= input->size) {
        return false;
    }
    *piece = (dohle_bytes){input->data + input->start, input->size - input->start};
    input->start = input->size;
    return true;
}
