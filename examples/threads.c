// SPDX-License-Identifier: MIT
// One consumer a thread: how a process uses several cores. Each thread is a member of
// the group and gets its own share of the partitions. Ends after COUNT records.
// Usage: threads BOOTSTRAP GROUP TOPIC THREADS COUNT
#include <dohle/dohle.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 64

struct worker {
    pthread_t thread;
    const dohle_config *config; // shared, only read
    const char *topic;
    int failed;
};

static atomic_llong records_left;

static int work(struct worker *worker, dohle_config *config)
{
    dohle_consumer *consumer;
    if (dohle_consumer_open(config, NULL, &consumer) != 0) {
        fprintf(stderr, "%s\n", dohle_config_error(config));
        return 1;
    }
    int err = dohle_consumer_subscribe(consumer, &worker->topic, 1, NULL);
    while (err == 0 && atomic_load(&records_left) > 0) {
        dohle_records *records;
        err = dohle_consumer_poll(consumer, 200, &records);
        if (err == 0) {
            atomic_fetch_sub(&records_left, (long long)dohle_records_count(records));
        }
    }
    if (err != 0) {
        fprintf(stderr, "%s\n", dohle_consumer_last_error(consumer)->text);
    }
    int close_err = dohle_consumer_close(consumer, DOHLE_DEFAULT_TIMEOUT);
    dohle_consumer_free(consumer);
    return err != 0 || close_err != 0;
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    dohle_config *config = dohle_config_copy(worker->config);
    worker->failed = config == NULL || work(worker, config);
    dohle_config_free(config);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s BOOTSTRAP GROUP TOPIC THREADS COUNT\n", argv[0]);
        return 2;
    }
    dohle_config *config = dohle_config_new();
    dohle_config_set(config, "bootstrap.servers", argv[1]);
    dohle_config_set(config, "group.id", argv[2]);
    dohle_config_set(config, "auto.offset.reset", "earliest");
    int count = atoi(argv[4]) < THREADS_MAX ? atoi(argv[4]) : THREADS_MAX;
    atomic_init(&records_left, atoll(argv[5]));

    struct worker workers[THREADS_MAX];
    for (int i = 0; i < count; i++) {
        workers[i] = (struct worker){.config = config, .topic = argv[3]};
        if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0) {
            return 1;
        }
    }
    int failed = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        failed |= workers[i].failed;
    }
    dohle_config_free(config);
    printf("%s\n", failed ? "failed" : "done");
    return failed;
}
