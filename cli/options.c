// SPDX-License-Identifier: MIT
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_realloc(void *pointer, size_t size)
{
    void *grown = realloc(pointer, size == 0 ? 1 : size);
    if (grown == NULL) {
        fputs("dohle: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return grown;
}

void *must_alloc(size_t size)
{
    return must_realloc(NULL, size);
}

void string_list_add(struct string_list *list, const char *item)
{
    list->items = must_realloc(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = item;
}

void complain(const char *command, const char *format, ...)
{
    fprintf(stderr, "dohle: %s: ", command);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

int complain_usage(const char *command, const char *format, ...)
{
    fprintf(stderr, "dohle: %s: ", command);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nSee: dohle %s --help\n", command);
    return EXIT_USAGE;
}

static const struct option_row *find_in(const struct option_row *rows, size_t count,
                                        const char *name, size_t size, char letter)
{
    for (size_t i = 0; i < count; i++) {
        bool is_named = name != NULL && strlen(rows[i].name) == size &&
                        memcmp(rows[i].name, name, size) == 0;
        if (is_named || (letter != 0 && rows[i].letter == letter)) {
            return &rows[i];
        }
    }
    return NULL;
}

static const struct option_row *find_row(const struct command_line *line,
                                         const char *name, size_t size, char letter)
{
    const struct option_row *row =
        find_in(line->rows, line->row_count, name, size, letter);
    return row != NULL ? row
                       : find_in(line->common, line->common_count, name, size, letter);
}

static int take_number(const struct command_line *line, const struct option_row *row,
                       const char *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || number < 0) {
        return complain_usage(line->command, "--%s wants a whole number, not '%s'",
                              row->name, value);
    }
    *(long long *)row->target = number;
    return -1;
}

static int take_value(const struct command_line *line, const struct option_row *row,
                      const char *value)
{
    switch (row->kind) {
    case OPTION_FLAG: *(bool *)row->target = true; return -1;
    case OPTION_COUNT: ++*(int *)row->target; return -1;
    case OPTION_STRING: *(const char **)row->target = value; return -1;
    case OPTION_STRINGS: string_list_add(row->target, value); return -1;
    case OPTION_NUMBER: return take_number(line, row, value);
    }
    return -1;
}

// One "--name[=value]". Returns as options_parse; may take the next argument.
static int parse_long(const struct command_line *line, int argc, char **argv, int *index)
{
    const char *name = argv[*index] + 2;
    const char *equals = strchr(name, '=');
    size_t size = equals == NULL ? strlen(name) : (size_t)(equals - name);
    if (size == 4 && memcmp(name, "help", 4) == 0) {
        options_help(line);
        return EXIT_DONE;
    }
    const struct option_row *row = find_row(line, name, size, 0);
    if (row == NULL) {
        return complain_usage(line->command, "there is no option --%.*s", (int)size,
                              name);
    }
    if (row->argument == NULL) {
        return equals == NULL
                   ? take_value(line, row, NULL)
                   : complain_usage(line->command, "--%s takes no value", row->name);
    }
    if (equals != NULL) {
        return take_value(line, row, equals + 1);
    }
    if (*index + 1 >= argc) {
        return complain_usage(line->command, "--%s wants %s", row->name, row->argument);
    }
    return take_value(line, row, argv[++*index]);
}

// One "-abc" or "-n[value]".
static int parse_short(const struct command_line *line, int argc, char **argv, int *index)
{
    for (const char *letter = argv[*index] + 1; *letter != '\0'; letter++) {
        const struct option_row *row = find_row(line, NULL, 0, *letter);
        if (row == NULL && *letter == 'h') {
            options_help(line);
            return EXIT_DONE;
        }
        if (row == NULL) {
            return complain_usage(line->command, "there is no option -%c", *letter);
        }
        if (row->argument == NULL) {
            int code = take_value(line, row, NULL);
            if (code >= 0) {
                return code;
            }
            continue;
        }
        if (letter[1] != '\0') {
            return take_value(line, row, letter + 1);
        }
        if (*index + 1 >= argc) {
            return complain_usage(line->command, "-%c wants %s", *letter, row->argument);
        }
        return take_value(line, row, argv[++*index]);
    }
    return -1;
}

int options_parse(const struct command_line *line, int argc, char **argv,
                  struct string_list *positional)
{
    for (int index = 0; index < argc; index++) {
        const char *argument = argv[index];
        int code = -1;
        if (strcmp(argument, "--") == 0) {
            for (index++; index < argc; index++) {
                string_list_add(positional, argv[index]);
            }
        } else if (strncmp(argument, "--", 2) == 0) {
            code = parse_long(line, argc, argv, &index);
        } else if (argument[0] == '-' && argument[1] != '\0') {
            code = parse_short(line, argc, argv, &index);
        } else {
            string_list_add(positional, argument);
        }
        if (code >= 0) {
            return code;
        }
    }
    return -1;
}

static void help_rows(const struct option_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%c%c%s --%s%s%s", rows[i].letter != 0 ? '-' : ' ',
                 rows[i].letter != 0 ? rows[i].letter : ' ',
                 rows[i].letter != 0 ? "," : " ", rows[i].name,
                 rows[i].argument != NULL ? " " : "",
                 rows[i].argument != NULL ? rows[i].argument : "");
        printf("  %-30s ", left);
        /* A newline in a help text continues in the right column. */
        for (const char *at = rows[i].help; *at != '\0'; at++) {
            putchar(*at);
            if (*at == '\n') {
                printf("%33s", "");
            }
        }
        putchar('\n');
    }
}

void options_help(const struct command_line *line)
{
    printf("Usage: dohle %s %s\n\n%s\n", line->command, line->synopsis,
           line->description);
    if (line->row_count > 0) {
        puts("\nOptions:");
        help_rows(line->rows, line->row_count);
    }
    if (line->common_count > 0) {
        puts("\nOptions of every command:");
        help_rows(line->common, line->common_count);
    }
}
