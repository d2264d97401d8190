// SPDX-License-Identifier: MIT
#include "figures.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t timeval_ns(struct timeval value)
{
    return ((int64_t)value.tv_sec * 1000000 + value.tv_usec) * 1000;
}

void figures_begin(struct figures *figures)
{
    *figures = (struct figures){.begin_ns = wall_ns()};
}

void figures_on_first(struct figures *figures)
{
    figures->first_ns = wall_ns();
}

void figures_on_last(struct figures *figures)
{
    figures->last_ns = wall_ns();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    figures->user_ns = timeval_ns(usage.ru_utime);
    figures->system_ns = timeval_ns(usage.ru_stime);
    figures->context_switches = usage.ru_nvcsw + usage.ru_nivcsw;
    // Not ru_maxrss: that begins with what the parent had when it forked.
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            figures->peak_kib = strtol(line + 6, NULL, 10);
        } else if (strncmp(line, "Threads:", 8) == 0) {
            figures->thread_count = strtol(line + 8, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

void figures_print(const struct figures *figures, const char *program)
{
    double records = figures->record_count > 0 ? (double)figures->record_count : 1;
    double seconds = (double)(figures->last_ns - figures->begin_ns) / 1e9;
    printf(
        "{\"program\": \"%s\", \"records\": %" PRId64 ", \"value_bytes\": %" PRId64
        ", \"user_ns_per_record\": %.2f, \"system_ns_per_record\": %.2f, "
        "\"records_per_second\": %.0f, \"seconds\": %.6f, \"seconds_since_first\": %.6f, "
        "\"first_ms\": %.3f, \"peak_kib\": %" PRId64 ", \"threads\": %" PRId64
        ", \"context_switches\": %" PRId64 ", \"checksum\": \"%016" PRIx64
        "\", \"touched\": %" PRIu64 "}\n",
        program, figures->record_count, figures->value_bytes,
        (double)figures->user_ns / records, (double)figures->system_ns / records,
        seconds > 0 ? records / seconds : 0, seconds,
        (double)(figures->last_ns - figures->first_ns) / 1e9,
        (double)(figures->first_ns - figures->begin_ns) / 1e6, figures->peak_kib,
        figures->thread_count, figures->context_switches, figures->checksum,
        figures->touched);
    fflush(stdout);
}

int64_t number_argument(const char *text, int64_t least)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < least) {
        fprintf(stderr, "\"%s\" is not a whole number of at least %" PRId64 "\n", text,
                least);
        exit(2);
    }
    return number;
}
