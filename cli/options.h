// SPDX-License-Identifier: MIT
/*
 * Command line options, from one table a command.
 *
 * A table row names an option, its short letter, what its argument is called and
 * where the value goes. The same table writes the help. Options and positional
 * arguments may be mixed; "--" ends the options; "--name=value", "--name value",
 * "-nvalue" and "-n value" are the same. Values stay in argv.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define EXIT_DONE   0 // done, or stopped as the user asked
#define EXIT_FAILED 1 // something failed, if only one of many
#define EXIT_USAGE  2 // the command line makes no sense

struct string_list {
    const char **items; // owned array of borrowed strings
    size_t count;
};

enum option_kind {
    OPTION_FLAG,    // bool *
    OPTION_COUNT,   // int *, one more for each use
    OPTION_STRING,  // const char **
    OPTION_NUMBER,  // long long *, 0 or more
    OPTION_STRINGS, // struct string_list *, may be repeated
};

struct option_row {
    const char *name;     // long name without dashes
    char letter;          // 0: none
    const char *argument; // what the value is called in the help; NULL: no value
    enum option_kind kind;
    void *target;
    const char *help;
};

struct command_line {
    const char *command;           // "consume": for messages
    const char *synopsis;          // "TOPIC... [options]"
    const char *description;       // a paragraph, and examples
    const struct option_row *rows; // the command's own
    size_t row_count;
    const struct option_row *common; // those every command has; may be NULL
    size_t common_count;
};

/*
 * Reads argv (without program and command name). Positional arguments go to
 * *positional. Returns -1 to go on, or the exit code: EXIT_DONE after --help,
 * EXIT_USAGE after a message on stderr.
 */
int options_parse(const struct command_line *line, int argc, char **argv,
                  struct string_list *positional);

void options_help(const struct command_line *line);

// Appends; ends the program when there is no memory.
void string_list_add(struct string_list *list, const char *item);

// "dohle: consume: TEXT" on stderr.
void complain(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// As complain, then where help is. Returns EXIT_USAGE.
int complain_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Memory, or the end of the program: only the command may do that.
void *must_alloc(size_t size);
void *must_realloc(void *pointer, size_t size);

#endif
