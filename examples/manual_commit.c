// SPDX-License-Identifier: MIT
// Commits by hand: after each batch of work, and before partitions are given up, so that
// their next owner starts where we stopped. Ends after COUNT records.
// Usage: manual_commit BOOTSTRAP GROUP TOPIC COUNT
#include <dohle/dohle.h>
#include <stdio.h>
#include <stdlib.h>

static int on_revoked(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                      size_t count, void *ctx)
{
    (void)partitions;
    (void)ctx;
    printf("giving up %zu partitions\n", count);
    // What poll has returned is processed here before the next poll: commit it.
    return dohle_consumer_commit_sync(consumer, NULL, 0, DOHLE_DEFAULT_TIMEOUT);
}

static int on_lost(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                   size_t count, void *ctx)
{
    (void)consumer;
    (void)partitions;
    (void)ctx;
    printf("lost %zu partitions; a commit would fail\n", count);
    return 0;
}

static void on_committed(dohle_consumer *consumer, int error, const dohle_offset *offsets,
                         size_t count, void *ctx)
{
    (void)consumer;
    (void)ctx;
    for (size_t i = 0; i < count && error == 0; i++) {
        printf("committed %s/%d %lld\n", offsets[i].topic, offsets[i].partition,
               (long long)offsets[i].offset);
    }
    if (error != 0) {
        printf("not committed: %s\n", dohle_error_text(error));
    }
}

static int consume(dohle_consumer *consumer, const char *topic, long long left)
{
    const dohle_rebalance_listener listener = {NULL, on_revoked, on_lost, NULL};
    int err = dohle_consumer_subscribe(consumer, &topic, 1, &listener);
    while (err == 0 && left > 0) {
        dohle_records *records;
        err = dohle_consumer_poll(consumer, 500, &records);
        if (err == 0 && dohle_records_count(records) > 0) {
            left -= (long long)dohle_records_count(records); // "process" them, then:
            err = dohle_consumer_commit_async(consumer, NULL, 0, on_committed, NULL);
        }
    }
    return err != 0
               ? err
               : dohle_consumer_commit_sync(consumer, NULL, 0, DOHLE_DEFAULT_TIMEOUT);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s BOOTSTRAP GROUP TOPIC COUNT\n", argv[0]);
        return 2;
    }
    dohle_config *config = dohle_config_new();
    dohle_config_set(config, "bootstrap.servers", argv[1]);
    dohle_config_set(config, "group.id", argv[2]);
    dohle_config_set(config, "auto.offset.reset", "earliest");
    dohle_config_set(config, "enable.auto.commit", "false");
    dohle_consumer *consumer;
    if (dohle_consumer_open(config, NULL, &consumer) != 0) {
        fprintf(stderr, "%s\n", dohle_config_error(config));
        return 1;
    }
    int err = consume(consumer, argv[3], atoll(argv[4]));
    if (err != 0) {
        fprintf(stderr, "%s\n", dohle_consumer_last_error(consumer)->text);
    }
    dohle_consumer_close(consumer, DOHLE_DEFAULT_TIMEOUT);
    dohle_consumer_free(consumer);
    dohle_config_free(config);
    return err != 0;
}
