// SPDX-License-Identifier: MIT
/*
 * Input cut into pieces by a delimiter of any bytes. The last piece need not end
 * in one; an empty input has no pieces.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <dohle/types.h>
#include <stdbool.h>

struct input {
    int fd;
    const char *delimiter;
    size_t delimiter_size; // at least 1
    uint8_t *data;         // owned
    size_t size;           // bytes in data
    size_t start;          // of the next piece
    size_t capacity;
    bool is_at_end;
    int error; // errno of a failed read; 0: none
};

void input_init(struct input *input, int fd, const char *delimiter,
                size_t delimiter_size);
void input_deinit(struct input *input);

// False: no more, or a failed or interrupted read. Valid until the next call.
bool input_next(struct input *input, dohle_bytes *piece);

#endif
