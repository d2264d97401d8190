// SPDX-License-Identifier: MIT
/*
 * What every program of bench/run measures of itself, and the one line of JSON that it prints.
 *
 *     figures_begin           first thing in main
 *     figures_on_first        when the first record (or the first response) is there
 *     figures_on_last         when the last record was looked at
 *     figures_print           after that; the programs may close and free then
 *
 * Processor time and rate count from the start of the process to the last record: a client that
 * fetches ahead has done much of its work when it hands over the first record, so a rate
 * that begins there flatters it. What a start costs is inside, and small if the run is long.
 *
 * Checksum: of each record (partition + 1) * (offset + 1), added up modulo 2^64; whoever read the
 * same records has the same one. `touched` adds the first and the last byte of each value.
 */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdint.h>

struct figures {
    int64_t begin_ns; // of the wall clock
    int64_t first_ns; // 0: nothing came yet
    int64_t last_ns;
    int64_t user_ns; // of the whole process, up to the last record
    int64_t system_ns;
    int64_t context_switches; // voluntary and involuntary
    int64_t peak_kib;         // the most that was resident at once
    int64_t thread_count;     // at the last record
    int64_t record_count;
    int64_t value_bytes;
    uint64_t checksum;
    uint64_t touched;
};

void figures_begin(struct figures *figures);
void figures_on_first(struct figures *figures);
void figures_on_last(struct figures *figures);

// One line on stdout.
void figures_print(const struct figures *figures, const char *program);

// The weight of a partition's offsets in the checksum.
static inline uint64_t checksum_weight(int32_t partition)
{
    return (uint64_t)partition + 1;
}

// What both walks do with a value.
static inline void figures_touch(struct figures *figures, const uint8_t *data,
                                 int64_t size)
{
    if (size > 0) {
        figures->touched += (uint64_t)data[0] + data[size - 1];
        figures->value_bytes += size;
    }
}

// A whole number of at least `least`, or the end of the program with a sentence.
int64_t number_argument(const char *text, int64_t least);

#endif
