// SPDX-License-Identifier: MIT
/*
 * Standard output, for data only. Writes are collected; output_flush hands them
 * to the system and says whether it took them. A reader that has gone (EPIPE) is
 * the user's way to say "enough", not a failure.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct output {
    int fd;
    char *data; // owned
    size_t size;
    size_t capacity;
    bool is_gone; // the reader has closed its end
    int error;    // errno of a failed write; 0: none
};

void output_init(struct output *output, int fd);
void output_deinit(struct output *output);

void output_write(struct output *output, const void *data, size_t size);
void output_byte(struct output *output, char byte);
void output_text(struct output *output, const char *text);
void output_printf(struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// True when all is written; false: look at is_gone and error.
bool output_flush(struct output *output);

static inline bool output_is_open(const struct output *output)
{
    return !output->is_gone && output->error == 0;
}

#endif
