// SPDX-License-Identifier: MIT
/*
 * dohle-sim: runs the simulator (tests/sim/sim.h).
 *
 *     dohle-sim --seed N [--quiet]      one run, with its trace
 *     dohle-sim --seeds FROM COUNT      many; stops at the first that fails
 *     dohle-sim --replay FROM COUNT     each twice: the same must happen
 *     ... --counts                      the sums must reach the least that is expected
 *
 * Ends with 0 (all passed), 1 (one failed: its seed is printed), 2 (usage).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

// What so many runs must have done a run, on average, or they have shown nothing.
static const struct {
    const char *name;
    size_t offset; // in struct sim_counts
    uint64_t least_in_100_runs;
} expectations[] = {
    {"records", offsetof(struct sim_counts, records), 10000},
    {"polls", offsetof(struct sim_counts, polls), 5000},
    {"seeks", offsetof(struct sim_counts, seeks), 400},
    {"pauses", offsetof(struct sim_counts, pauses), 200},
    {"wakeups", offsetof(struct sim_counts, wakeups), 300},
    {"commits", offsetof(struct sim_counts, commits), 2000},
    {"rebalances", offsetof(struct sim_counts, rebalances), 200},
    {"kills", offsetof(struct sim_counts, kills), 50},
    {"splits", offsetof(struct sim_counts, splits), 5000},
    {"resets", offsetof(struct sim_counts, resets), 300},
};

// A broken contract ends the process: this says in which run.
static char abort_text[64];

static void on_abort(int number)
{
    (void)number;
    ssize_t written = write(STDERR_FILENO, abort_text, strlen(abort_text));
    (void)written;
}

static void run(uint64_t seed, bool trace, struct sim_result *result)
{
    snprintf(abort_text, sizeof(abort_text), "seed %" PRIu64 ": ended by the above\n",
             seed);
    sim_run(seed, trace, result);
}

static int usage(void)
{
    fprintf(stderr, "usage: dohle-sim --seed N [--quiet]\n"
                    "       dohle-sim --seeds FROM COUNT [--counts]\n"
                    "       dohle-sim --replay FROM COUNT\n");
    return 2;
}

static bool has_done_enough(const struct sim_counts *counts)
{
    bool is_enough = true;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        uint64_t value;
        memcpy(&value, (const char *)counts + expectations[i].offset, sizeof(value));
        uint64_t least = expectations[i].least_in_100_runs * counts->runs / 100;
        if (value < least) {
            fprintf(stderr, "only %" PRIu64 " %s, expected are %" PRIu64 "\n", value,
                    expectations[i].name, least);
            is_enough = false;
        }
    }
    return is_enough;
}

static int run_many(uint64_t from, uint64_t count, bool is_replayed, bool is_counted)
{
    struct sim_counts sum;
    memset(&sum, 0, sizeof(sum));
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct sim_result result;
        run(seed, false, &result);
        sim_counts_add(&sum, &result.counts);
        if (!result.has_passed) {
            fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, result.text);
            return 1;
        }
        struct sim_result again = result;
        if (is_replayed) {
            run(seed, false, &again);
        }
        if (again.hash != result.hash) {
            fprintf(stderr, "seed %" PRIu64 ": two runs differ\n", seed);
            return 1;
        }
    }
    sim_counts_print(&sum);
    return is_counted && !has_done_enough(&sum) ? 1 : 0;
}

int main(int argc, char **argv)
{
    (void)signal(SIGABRT, on_abort);
    if (argc >= 3 && strcmp(argv[1], "--seed") == 0) {
        struct sim_result result;
        bool trace = argc < 4 || strcmp(argv[3], "--quiet") != 0;
        run(strtoull(argv[2], NULL, 10), trace, &result);
        sim_counts_print(&result.counts);
        printf("hash %016" PRIx64 "\n", result.hash);
        if (!result.has_passed) {
            fprintf(stderr, "seed %s: %s\n", argv[2], result.text);
        }
        return result.has_passed ? 0 : 1;
    }
    bool is_replayed = argc >= 2 && strcmp(argv[1], "--replay") == 0;
    if (argc < 4 || (!is_replayed && strcmp(argv[1], "--seeds") != 0)) {
        return usage();
    }
    bool is_counted = argc >= 5 && strcmp(argv[4], "--counts") == 0;
    return run_many(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), is_replayed,
                    is_counted);
}
