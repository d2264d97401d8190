// SPDX-License-Identifier: MIT
/*
 * What the embedded broker costs: time to the first answer, memory, processor time when idle,
 * starts and stops, recovery.
 *
 *     broker-cost [DIRECTORY [MIB]]    recovery of MIB (default 1024) in DIRECTORY (default: not
 *                                      shown); the directory is left as it is then
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <dohle/broker.h>

#define TRIES        100
#define STARTS       1000
#define PARTITIONS   1000
#define IDLE_SECONDS 3

static void must(int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "%s: %s\n", what, dohle_broker_last_error()->text);
        exit(1);
    }
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// KiB of memory that is this process's alone and no file's.
static long anonymous_kib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0) {
            kib = strtol(line + 8, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

// Connects and waits for the answer to an ApiVersions request.
static void ask(const dohle_broker *broker)
{
    static const uint8_t request[] = {0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff};
    long port = strtol(strrchr(dohle_broker_bootstrap(broker), ':') + 1, NULL, 10);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    uint8_t answer[8];
    if (connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0 ||
        send(fd, request, sizeof(request), 0) != (ssize_t)sizeof(request) ||
        recv(fd, answer, sizeof(answer), MSG_WAITALL) != (ssize_t)sizeof(answer)) {
        fputs("no answer to ApiVersions\n", stderr);
        exit(1);
    }
    close(fd);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void show_first_answer(void)
{
    double times[TRIES];
    for (int i = 0; i < TRIES; i++) {
        double begin = seconds(CLOCK_MONOTONIC);
        dohle_broker *broker;
        must(dohle_broker_start(NULL, &broker), "start");
        ask(broker);
        times[i] = seconds(CLOCK_MONOTONIC) - begin;
        must(dohle_broker_stop(broker, DOHLE_NO_TIMEOUT), "stop");
    }
    qsort(times, TRIES, sizeof(times[0]), compare);
    printf("first answer after the call of start: median %.2f ms, worst of %d %.2f ms\n",
           times[TRIES / 2] * 1e3, TRIES, times[TRIES - 1] * 1e3);
}

static void show_starts(void)
{
    double begin = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < STARTS; i++) {
        dohle_broker *broker;
        must(dohle_broker_start(NULL, &broker), "start");
        must(dohle_broker_stop(broker, DOHLE_NO_TIMEOUT), "stop");
    }
    printf("%d starts and stops: %.2f s\n", STARTS, seconds(CLOCK_MONOTONIC) - begin);
}

static void show_idle(void)
{
    struct rusage before;
    struct rusage after;
    double used = seconds(CLOCK_PROCESS_CPUTIME_ID);
    getrusage(RUSAGE_SELF, &before);
    const struct timespec pause = {.tv_sec = IDLE_SECONDS};
    nanosleep(&pause, NULL);
    getrusage(RUSAGE_SELF, &after);
    printf("idle for %d s: %.3f ms of processor time, %ld wake-ups\n", IDLE_SECONDS,
           (seconds(CLOCK_PROCESS_CPUTIME_ID) - used) * 1e3,
           after.ru_nvcsw - before.ru_nvcsw - 1);
}

static void show_memory(void)
{
    long empty = anonymous_kib();
    dohle_broker *broker;
    must(dohle_broker_start(NULL, &broker), "start");
    ask(broker);
    long started = anonymous_kib();
    printf("private memory at rest: %ld KiB (RssAnon; the program without it %ld KiB)\n",
           started - empty, empty);
    must(dohle_broker_create_topic(broker, "many", PARTITIONS), "create a topic");
    long created = anonymous_kib();
    printf("each empty partition: %.1f KiB\n", (double)(created - started) / PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        must(dohle_broker_fill(broker, "many", i, 10, 100), "fill");
    }
    printf("each partition with ten records of 100 bytes: %.1f KiB\n",
           (double)(anonymous_kib() - started) / PARTITIONS);
    show_idle();
    must(dohle_broker_stop(broker, DOHLE_NO_TIMEOUT), "stop");
}

static void fill(dohle_broker *broker, long mib)
{
    for (long i = 0; i < mib; i++) {
        char line[100];
        snprintf(line, sizeof(line), "fill big %ld count=1024 size=1000 batch=64", i % 8);
        must(dohle_broker_control(broker, line, (dohle_bytes){NULL, 0}, NULL), line);
    }
}

static void show_recovery(const char *directory, long mib)
{
    const dohle_broker_options options = {.size = sizeof(options),
                                          .directory = directory};
    dohle_broker *broker;
    must(dohle_broker_start(&options, &broker), "start");
    must(dohle_broker_create_topic(broker, "big", 8), "create a topic");
    fill(broker, mib);
    dohle_broker_kill(broker);
    double begin = seconds(CLOCK_MONOTONIC);
    double used = seconds(CLOCK_PROCESS_CPUTIME_ID);
    must(dohle_broker_start(&options, &broker), "start");
    double time = seconds(CLOCK_MONOTONIC) - begin;
    used = seconds(CLOCK_PROCESS_CPUTIME_ID) - used;
    double gigabytes = (double)mib * 1048576 / 1e9;
    printf(
        "recovery: %.2f s for %ld MiB, %.2f GB/s (%.2f GB for a second of the processor): "
        "%s\n",
        time, mib, gigabytes / time, gigabytes / used, dohle_broker_recovery(broker));
    must(dohle_broker_delete_topic(broker, "big"), "delete the topic");
    must(dohle_broker_stop(broker, DOHLE_NO_TIMEOUT), "stop");
}

int main(int argc, char **argv)
{
    // First, while nothing was allocated and freed yet.
    show_memory();
    show_first_answer();
    show_starts();
    if (argc > 1) {
        long mib = argc > 2 ? strtol(argv[2], NULL, 10) : 1024;
        show_recovery(argv[1], mib > 0 ? mib : 1024);
    }
    return 0;
}
