// SPDX-License-Identifier: MIT
/*
 * Fills a topic that is there for bench/run, with Dohle's producer.
 *
 *     fill [-X NAME=VALUE]... SERVERS TOPIC PARTITIONS RECORDS VALUE_BYTES
 *
 * Record i goes to partition i % PARTITIONS, without a key. Values are text of words out of a
 * thousand, from a fixed seed: the same at each run, and as compressible as log lines are.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dohle/dohle.h>

#include "figures.h"

#define WORDS          1000
#define WORD_SIZE_MAX  10
#define POOL_SIZE      ((size_t)4 << 20)
#define VALUE_SIZE_MAX (1 << 20)

static uint64_t state = 0x9e3779b97f4a7c15;
static int64_t undelivered;

// xorshift64*: text need not be more random than that.
static uint64_t next_random(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1d >> 16;
}

static void fill_pool(uint8_t *pool)
{
    static uint8_t words[WORDS][WORD_SIZE_MAX];
    static size_t sizes[WORDS];
    for (size_t i = 0; i < WORDS; i++) {
        sizes[i] = 3 + next_random() % (WORD_SIZE_MAX - 3);
        for (size_t j = 0; j + 1 < sizes[i]; j++) {
            words[i][j] = (uint8_t)('a' + next_random() % 26);
        }
        words[i][sizes[i] - 1] = ' ';
    }
    for (size_t at = 0; at < POOL_SIZE;) {
        size_t word = next_random() % WORDS;
        size_t size = sizes[word] < POOL_SIZE - at ? sizes[word] : POOL_SIZE - at;
        memcpy(pool + at, words[word], size);
        at += size;
    }
}

static void on_delivery(dohle_producer *producer, int error, const char *topic,
                        int32_t partition, int64_t offset, int64_t timestamp_ms,
                        void *ctx)
{
    (void)producer;
    (void)topic;
    (void)partition;
    (void)offset;
    (void)timestamp_ms;
    (void)ctx;
    undelivered += error != 0;
}

static void must(dohle_producer *producer, int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "fill: %s: %s\n", what,
                dohle_producer_last_error(producer)->text);
        exit(1);
    }
}

static void set_pair(dohle_config *config, char *pair)
{
    char *sign = strchr(pair, '=');
    if (sign != NULL) {
        *sign = '\0';
    }
    if (sign == NULL || dohle_config_set(config, pair, sign + 1) != 0) {
        fprintf(stderr, "fill: %s: %s\n", pair,
                sign == NULL ? "no value" : dohle_config_error(config));
        exit(2);
    }
}

int main(int argc, char **argv)
{
    dohle_config *config = dohle_config_new();
    for (int option; (option = getopt(argc, argv, "X:")) != -1;) {
        if (option != 'X') {
            return 2;
        }
        set_pair(config, optarg);
    }
    if (argc - optind != 5) {
        fputs(
            "usage: fill [-X NAME=VALUE]... SERVERS TOPIC PARTITIONS RECORDS VALUE_BYTES\n",
            stderr);
        return 2;
    }
    const char *topic = argv[optind + 1];
    int64_t partition_count = number_argument(argv[optind + 2], 1);
    int64_t record_count = number_argument(argv[optind + 3], 1);
    size_t value_size = (size_t)number_argument(argv[optind + 4], 0);
    uint8_t *pool = malloc(POOL_SIZE);
    dohle_producer *producer;
    if (pool == NULL || value_size > VALUE_SIZE_MAX ||
        dohle_config_set(config, "bootstrap.servers", argv[optind]) != 0 ||
        dohle_producer_open(config, NULL, &producer) != 0) {
        fprintf(stderr, "fill: %s\n", dohle_config_error(config));
        return 1;
    }
    fill_pool(pool);
    for (int64_t i = 0; i < record_count; i++) {
        dohle_send send = {.topic = topic,
                           .partition = (int32_t)(i % partition_count),
                           .timestamp_ms = -1,
                           .callback = on_delivery};
        send.value.data = pool + next_random() % (POOL_SIZE - value_size);
        send.value.size = value_size;
        must(producer, dohle_producer_send(producer, &send), "send");
    }
    must(producer, dohle_producer_flush(producer, DOHLE_NO_TIMEOUT), "flush");
    must(producer, dohle_producer_close(producer, DOHLE_DEFAULT_TIMEOUT), "close");
    if (undelivered > 0) {
        fprintf(stderr, "fill: %lld records were not delivered\n",
                (long long)undelivered);
    }
    dohle_producer_free(producer);
    dohle_config_free(config);
    free(pool);
    return undelivered > 0;
}
