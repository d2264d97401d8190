// SPDX-License-Identifier: MIT
/*
 * A command: its name, one line about it, and what runs it. argv begins behind
 * the name. Commands return an exit code of options.h.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <dohle/error.h>
#include <stdbool.h>
#include <stdint.h>

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

int command_broker(int argc, char **argv);
int command_config(int argc, char **argv);
int command_consume(int argc, char **argv);
int command_group(int argc, char **argv);
int command_lag(int argc, char **argv);
int command_produce(int argc, char **argv);
int command_topic(int argc, char **argv);

// Runs one of a command's own commands ("topic list"), or says what there is.
int command_run_sub(const char *name, const struct command *subs, size_t count, int argc,
                    char **argv);

// What the error is about, with the broker's name for it, on stderr. Returns EXIT_FAILED.
int complain_error(const char *command, const dohle_error_info *error);

// Milliseconds since 1970.
int64_t wall_clock_ms(void);

// Milliseconds of a clock that never goes back.
int64_t steady_clock_ms(void);

/*
 * SIGINT and SIGTERM from now on call `wake` (async-signal-safe) and make
 * is_interrupted true; a second one ends the program. SIGPIPE is ignored.
 */
void catch_interrupts(void (*wake)(void));
bool is_interrupted(void);

#endif
