// SPDX-License-Identifier: MIT
/*
 * dohle: the command. It includes only the public API.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dohle/broker.h>
#include <dohle/dohle.h>

#include "command.h"
#include "options.h"

static const struct command commands[] = {
    {"consume", "records out: of topics, or as a member of a group", command_consume},
    {"produce", "records in, one a line", command_produce},
    {"topic", "list, create, describe, delete topics", command_topic},
    {"group", "list and describe groups", command_group},
    {"lag", "how far groups are behind, and how fast they go", command_lag},
    {"config", "what the settings mean", command_config},
    {"broker", "a broker of its own: no Kafka, no Java", command_broker},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static volatile sig_atomic_t interrupts;
static void (*wake_up)(void);

static void on_interrupt(int number)
{
    (void)number;
    int saved = errno;
    interrupts++;
    if (interrupts > 1) {
        _Exit(EXIT_FAILED);
    }
    wake_up();
    errno = saved;
}

void catch_interrupts(void (*wake)(void))
{
    wake_up = wake;
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool is_interrupted(void)
{
    return interrupts > 0;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t wall_clock_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t steady_clock_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int complain_error(const char *command, const dohle_error_info *error)
{
    const char *text =
        error->text[0] != '\0' ? error->text : dohle_error_text(error->code);
    if (error->broker_code != 0) {
        complain(command, "%s (%s)", text, dohle_broker_error_name(error->broker_code));
    } else {
        complain(command, "%s", text);
    }
    return EXIT_FAILED;
}

static void print_commands(FILE *file, const struct command *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "  %-10s %s\n", list[i].name, list[i].summary);
    }
}

static const struct command *find_command(const struct command *list, size_t count,
                                          const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

int command_run_sub(const char *name, const struct command *subs, size_t count, int argc,
                    char **argv)
{
    bool wants_help =
        argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
                     strcmp(argv[0], "help") == 0);
    const struct command *sub = argc > 0 ? find_command(subs, count, argv[0]) : NULL;
    if (sub != NULL) {
        return sub->run(argc - 1, argv + 1);
    }
    FILE *file = wants_help ? stdout : stderr;
    if (!wants_help && argc > 0) {
        fprintf(file, "dohle: %s: there is no '%s'\n", name, argv[0]);
    }
    fprintf(file, "Usage: dohle %s COMMAND [options]\n\n", name);
    print_commands(file, subs, count);
    return wants_help ? EXIT_DONE : EXIT_USAGE;
}

static int help(FILE *file)
{
    fputs("dohle: a Kafka consumer, and what goes with it\n\n"
          "Usage: dohle COMMAND [options]\n\n",
          file);
    print_commands(file, commands, COMMAND_COUNT);
    fputs("  help       this text; dohle COMMAND --help tells more\n"
          "  version    the version\n\n"
          "Data goes to standard output, everything else to standard error.\n"
          "Exit codes: 0 done, 1 something failed, 2 the command line makes no sense.\n",
          file);
    return file == stdout ? EXIT_DONE : EXIT_USAGE;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (dohle_broker_enable_embedded() != 0) {
        fputs("dohle: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    if (argc < 2) {
        return help(stderr);
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
        strcmp(name, "-h") == 0) {
        if (argc > 2 && find_command(commands, COMMAND_COUNT, argv[2]) != NULL) {
            char *wants_help[] = {(char[]){"--help"}};
            return find_command(commands, COMMAND_COUNT, argv[2])->run(1, wants_help);
        }
        return help(stdout);
    }
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        printf("dohle %s\n", dohle_version());
        return EXIT_DONE;
    }
    const struct command *command = find_command(commands, COMMAND_COUNT, name);
    if (command == NULL) {
        fprintf(stderr, "dohle: there is no command '%s'\n\n", name);
        return help(stderr);
    }
    return command->run(argc - 2, argv + 2);
}
