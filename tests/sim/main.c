// SPDX-License-Identifier: MIT
/*
 * dohle-sim: runs the simulator (tests/sim/sim.h).
 *
 *     dohle-sim --seed N                one run, with its trace
 *     dohle-sim --seed N --shrink       fewer and fewer faults while the same checker fails
 *     dohle-sim --seeds FROM COUNT      many; stops at the first that fails
 *     dohle-sim --replay FROM COUNT     each twice: the same must happen
 *
 *     --quiet          no trace
 *     --go-on          behind a seed that fails
 *     --counts         the sums must reach the least that is expected
 *     --scripted       against the scripted brokers instead of a real one
 *     --only A,B,...   these faults alone, by number
 *     --lies-after N   a planted bug: the observer hides one record when the broker has been
 *                      started again so often
 *
 * Ends with 0 (all passed), 1 (one failed: its seed is printed), 2 (usage).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shrink.h"
#include "sim.h"

// What so many runs must have done a run, on average, or they have shown nothing.
static const struct {
    const char *name;
    size_t offset; // in struct sim_counts
    uint64_t least_in_100_runs;
    bool is_real; // only of a real broker
} expectations[] = {
    {"records", offsetof(struct sim_counts, records), 50000, false},
    {"polls", offsetof(struct sim_counts, polls), 20000, false},
    {"seeks", offsetof(struct sim_counts, seeks), 600, false},
    {"pauses", offsetof(struct sim_counts, pauses), 200, false},
    {"wakeups", offsetof(struct sim_counts, wakeups), 300, false},
    {"commits", offsetof(struct sim_counts, commits), 5000, false},
    {"rebalances", offsetof(struct sim_counts, rebalances), 200, false},
    {"kills", offsetof(struct sim_counts, kills), 50, false},
    {"splits", offsetof(struct sim_counts, splits), 20000, false},
    {"resets", offsetof(struct sim_counts, resets), 300, false},
    {"cuts inside a frame", offsetof(struct sim_counts, cuts), 200, false},
    {"fenced commits", offsetof(struct sim_counts, fenced), 8, false},
    {"broker restarts", offsetof(struct sim_counts, starts), 100, true},
    {"power cuts", offsetof(struct sim_counts, power_cuts), 30, true},
    {"torn files", offsetof(struct sim_counts, torn), 100, true},
    {"torn logs", offsetof(struct sim_counts, torn_logs), 25, true},
    {"acknowledged records", offsetof(struct sim_counts, acknowledged), 8000, true},
    {"nodes down", offsetof(struct sim_counts, nodes_down), 100, true},
};

// A broken contract ends the process: this says in which run.
static char abort_text[64];

static void on_abort(int number)
{
    (void)number;
    ssize_t written = write(STDERR_FILENO, abort_text, strlen(abort_text));
    (void)written;
}

static void run(const struct sim_options *options, struct sim_result *result)
{
    snprintf(abort_text, sizeof(abort_text), "seed %" PRIu64 ": ended by the above\n",
             options->seed);
    sim_run(options, result);
}

static int usage(void)
{
    fprintf(stderr, "usage: dohle-sim --seed N [--shrink | --only A,B,...] [--quiet]\n"
                    "       dohle-sim --seeds FROM COUNT [--counts] [--go-on]\n"
                    "       dohle-sim --replay FROM COUNT\n"
                    "       all: [--scripted] [--lies-after N]\n");
    return 2;
}

static bool has_done_enough(const struct sim_counts *counts, bool is_scripted)
{
    bool is_enough = true;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        uint64_t value;
        memcpy(&value, (const char *)counts + expectations[i].offset, sizeof(value));
        uint64_t least = expectations[i].least_in_100_runs * counts->runs / 100;
        if (value < least && !(is_scripted && expectations[i].is_real)) {
            fprintf(stderr, "only %" PRIu64 " %s, expected are %" PRIu64 "\n", value,
                    expectations[i].name, least);
            is_enough = false;
        }
    }
    return is_enough;
}

struct arguments {
    struct sim_options options;
    uint64_t count; // of seeds
    bool is_one;
    bool is_replayed;
    bool is_shrunk;
    bool is_counted;
    bool goes_on;
    bool left_out[SIM_FAULTS_MAX];
};

static int run_many(const struct arguments *arguments)
{
    struct sim_counts sum;
    memset(&sum, 0, sizeof(sum));
    struct sim_options options = arguments->options;
    uint64_t failed = 0;
    for (uint64_t i = 0; i < arguments->count; i++, options.seed++) {
        struct sim_result result;
        run(&options, &result);
        sim_counts_add(&sum, &result.counts);
        if (!result.has_passed) {
            fprintf(stderr,
                    "seed %" PRIu64 ": %s\n(dohle-sim --seed %" PRIu64 " --shrink)\n",
                    options.seed, result.text, options.seed);
            failed++;
            if (!arguments->goes_on) {
                return 1;
            }
        }
        struct sim_result again = result;
        if (arguments->is_replayed) {
            run(&options, &again);
        }
        if (again.hash != result.hash) {
            fprintf(stderr, "seed %" PRIu64 ": two runs differ\n", options.seed);
            return 1;
        }
    }
    sim_counts_print(&sum);
    bool is_enough = !arguments->is_counted || has_done_enough(&sum, options.is_scripted);
    return is_enough && failed == 0 ? 0 : 1;
}

static int run_one(const struct arguments *arguments)
{
    struct sim_result result;
    run(&arguments->options, &result);
    sim_counts_print(&result.counts);
    printf("hash %016" PRIx64 "\n", result.hash);
    if (!result.has_passed) {
        fprintf(stderr, "seed %" PRIu64 ": %s\n", arguments->options.seed, result.text);
    }
    return result.has_passed ? 0 : 1;
}

static void print_faults(const struct sim_adversary *adversary)
{
    for (size_t i = 0; i < adversary->count; i++) {
        const struct sim_fault *fault = &adversary->items[i];
        if (!fault->is_left_out) {
            printf("  fault %3zu  at %10.6f  %s\n", i,
                   (double)fault->at_ns / (double)DH_SEC, sim_fault_name(fault->kind));
        }
    }
}

static int shrink_one(const struct arguments *arguments)
{
    struct sim_result result;
    size_t left = 0;
    if (!sim_shrink(&arguments->options, &result, &left)) {
        printf("seed %" PRIu64 " passes\n", arguments->options.seed);
        return 0;
    }
    printf("seed %" PRIu64 ": %s\n", arguments->options.seed, result.text);
    printf("%zu of %zu faults are left\n", left, result.adversary.count);
    print_faults(&result.adversary);
    return 1;
}

static void read_only(struct arguments *arguments, const char *numbers)
{
    memset(arguments->left_out, true, sizeof(arguments->left_out));
    arguments->options.left_out = arguments->left_out;
    while (*numbers != '\0') {
        char *end;
        unsigned long number = strtoul(numbers, &end, 10);
        if (end == numbers) {
            return;
        }
        if (number < SIM_FAULTS_MAX) {
            arguments->left_out[number] = false;
        }
        numbers = *end == ',' ? end + 1 : end;
    }
}

static uint64_t number_of(const char *text)
{
    return strtoull(text, NULL, 10);
}

// How many words it takes; 0: it is not known.
static int read_word(struct arguments *arguments, char **argv, int left)
{
    const char *word = argv[0];
    if (strcmp(word, "--quiet") == 0) {
        arguments->options.is_traced = false;
    } else if (strcmp(word, "--counts") == 0) {
        arguments->is_counted = true;
    } else if (strcmp(word, "--go-on") == 0) {
        arguments->goes_on = true;
    } else if (strcmp(word, "--shrink") == 0) {
        arguments->is_shrunk = true;
        arguments->options.is_traced = false;
    } else if (strcmp(word, "--scripted") == 0) {
        arguments->options.is_scripted = true;
    } else if (strcmp(word, "--only") == 0 && left > 1) {
        read_only(arguments, argv[1]);
        return 2;
    } else if (strcmp(word, "--lies-after") == 0 && left > 1) {
        arguments->options.lies_after = number_of(argv[1]);
        return 2;
    } else {
        return 0;
    }
    return 1;
}

static bool read_arguments(struct arguments *arguments, int argc, char **argv)
{
    int at = 0;
    if (argc >= 3 && strcmp(argv[1], "--seed") == 0) {
        arguments->is_one = true;
        arguments->options.is_traced = true;
        at = 3;
    } else if (argc >= 4 &&
               (strcmp(argv[1], "--seeds") == 0 || strcmp(argv[1], "--replay") == 0)) {
        arguments->is_replayed = strcmp(argv[1], "--replay") == 0;
        arguments->count = number_of(argv[3]);
        at = 4;
    } else {
        return false;
    }
    arguments->options.seed = number_of(argv[2]);
    while (at < argc) {
        int words = read_word(arguments, &argv[at], argc - at);
        if (words == 0) {
            return false;
        }
        at += words;
    }
    return true;
}

int main(int argc, char **argv)
{
    (void)signal(SIGABRT, on_abort);
    static struct arguments arguments;
    if (!read_arguments(&arguments, argc, argv)) {
        return usage();
    }
    if (arguments.is_shrunk) {
        return shrink_one(&arguments);
    }
    return arguments.is_one ? run_one(&arguments) : run_many(&arguments);
}
