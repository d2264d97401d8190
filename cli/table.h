// SPDX-License-Identifier: MIT
/*
 * Tables for people: padded columns, numbers to the right, a header line. The
 * width of a column is that of its widest cell.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "output.h"

struct table {
    const char *const *titles; // borrowed; a leading '>' aligns to the right
    size_t column_count;
    char **cells; // owned strings, row after row
    size_t cell_count;
};

void table_init(struct table *table, const char *const *titles, size_t column_count);
void table_deinit(struct table *table);

// The next cell, row by row.
void table_add(struct table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void table_write(const struct table *table, bool has_header, struct output *output);

#endif
