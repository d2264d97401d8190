// SPDX-License-Identifier: MIT
/*
 * Sends numbered records through the public functions and counts what became of them:
 *
 *     interop-producer-api BOOTSTRAP TOPIC PARTITIONS COUNT PAUSE-US [KEY VALUE]...
 *
 * The value of record N is N; it goes to partition N mod PARTITIONS. Callbacks must
 * come in the order of send within a partition, with rising offsets. Prints
 * "delivered D failed F".
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dohle/dohle.h>

#define PARTITIONS_MAX 64
#define CLOSE_MS       150000

struct count {
    long delivered, failed, disordered;
    int64_t last_offset[PARTITIONS_MAX];
};

static void on_delivery(dohle_producer *producer, int error, const char *topic,
                        int32_t partition, int64_t offset, int64_t timestamp_ms,
                        void *ctx)
{
    (void)producer;
    (void)topic;
    (void)timestamp_ms;
    struct count *count = ctx;
    if (error != 0) {
        count->failed++;
        fprintf(stderr, "%s-%d: %s\n", topic, (int)partition, dohle_error_text(error));
        return;
    }
    count->delivered++;
    if (offset >= 0) {
        count->disordered += offset <= count->last_offset[partition];
        count->last_offset[partition] = offset;
    }
}

static dohle_producer *open_producer(int argc, char **argv)
{
    dohle_config *config = dohle_config_new();
    dohle_producer *producer = NULL;
    int err = dohle_config_set(config, "bootstrap.servers", argv[1]);
    for (int i = 6; err == 0 && i + 1 < argc; i += 2) {
        err = dohle_config_set(config, argv[i], argv[i + 1]);
    }
    if (err != 0 || dohle_producer_open(config, NULL, &producer) != 0) {
        fprintf(stderr, "%s\n", dohle_config_error(config));
    }
    dohle_config_free(config);
    return producer;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        return 2;
    }
    long partition_count = strtol(argv[3], NULL, 10);
    long record_count = strtol(argv[4], NULL, 10);
    struct timespec pause = {.tv_nsec = strtol(argv[5], NULL, 10) * 1000};
    struct count count = {0};
    memset(count.last_offset, -1, sizeof(count.last_offset));
    dohle_producer *producer = open_producer(argc, argv);
    if (producer == NULL || partition_count > PARTITIONS_MAX) {
        return 2;
    }
    int err = 0;
    for (long i = 0; err == 0 && i < record_count; i++) {
        char value[32];
        size_t size = (size_t)snprintf(value, sizeof(value), "%ld", i);
        dohle_send send = {.topic = argv[2],
                           .partition = (int32_t)(i % partition_count),
                           .timestamp_ms = -1,
                           .value = {(const uint8_t *)value, size},
                           .callback = on_delivery,
                           .ctx = &count};
        err = dohle_producer_send(producer, &send);
        if (pause.tv_nsec > 0) {
            nanosleep(&pause, NULL);
        }
    }
    if (err == 0) {
        err = dohle_producer_close(producer, CLOSE_MS);
    }
    if (err != 0) {
        fprintf(stderr, "%s\n", dohle_producer_last_error(producer)->text);
    }
    dohle_producer_free(producer);
    printf("delivered %ld failed %ld\n", count.delivered, count.failed);
    if (count.disordered > 0) {
        fprintf(stderr, "%ld offsets out of order\n", count.disordered);
    }
    return err != 0 || count.disordered > 0;
}
