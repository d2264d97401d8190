// SPDX-License-Identifier: MIT
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

void table_init(struct table *table, const char *const *titles, size_t column_count)
{
    *table = (struct table){.titles = titles, .column_count = column_count};
}

void table_deinit(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
}

void table_add(struct table *table, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *cell = must_alloc((size_t)size + 1);
    va_start(arguments, format);
    vsnprintf(cell, (size_t)size + 1, format, arguments);
    va_end(arguments);
    table->cells =
        must_realloc(table->cells, (table->cell_count + 1) * sizeof(*table->cells));
    table->cells[table->cell_count++] = cell;
}

static const char *title_text(const char *title)
{
    return title[0] == '>' ? title + 1 : title;
}

static int column_width(const struct table *table, size_t column, bool has_header)
{
    size_t width = has_header ? strlen(title_text(table->titles[column])) : 0;
    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t size = strlen(table->cells[i]);
        width = size > width ? size : width;
    }
    return (int)width;
}

static void write_cell(const struct table *table, size_t column, int width,
                       const char *text, struct output *output)
{
    bool is_last = column + 1 == table->column_count;
    if (table->titles[column][0] == '>') {
        output_printf(output, "%*s", width, text);
    } else if (is_last) {
        output_text(output, text);
    } else {
        output_printf(output, "%-*s", width, text);
    }
    output_text(output, is_last ? "\n" : "  ");
}

void table_write(const struct table *table, bool has_header, struct output *output)
{
    int *widths = must_alloc(table->column_count * sizeof(*widths));
    for (size_t column = 0; column < table->column_count; column++) {
        widths[column] = column_width(table, column, has_header);
    }
    for (size_t column = 0; has_header && column < table->column_count; column++) {
        write_cell(table, column, widths[column], title_text(table->titles[column]),
                   output);
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->column_count;
        write_cell(table, column, widths[column], table->cells[i], output);
    }
    free(widths);
}
