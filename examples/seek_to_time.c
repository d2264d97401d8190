// SPDX-License-Identifier: MIT
// Reads one partition from a point in time to its end, without a group.
// Usage: seek_to_time BOOTSTRAP TOPIC PARTITION MILLISECONDS-SINCE-1970
#include <dohle/dohle.h>
#include <stdio.h>
#include <stdlib.h>

static int read_from(dohle_consumer *consumer, const char *topic, int32_t partition,
                     int64_t time_ms)
{
    const dohle_topic_partition assignment = {topic, partition};
    dohle_offset start = {.topic = topic, .partition = partition};
    dohle_offset end = start;
    int64_t position = 0;
    int err = dohle_consumer_assign(consumer, &assignment, 1);
    if (err == 0) {
        err = dohle_consumer_offsets_for_times(consumer, &start, &time_ms, 1,
                                               DOHLE_DEFAULT_TIMEOUT);
    }
    if (err == 0) {
        err = dohle_consumer_end_offsets(consumer, &end, 1, DOHLE_DEFAULT_TIMEOUT);
    }
    if (err == 0) {
        position = start.offset >= 0 ? start.offset : end.offset; // -1: nothing that late
        err = dohle_consumer_seek(consumer, topic, partition, position);
    }
    while (err == 0 && position < end.offset) {
        dohle_records *records;
        err = dohle_consumer_poll(consumer, 500, &records);
        for (const dohle_record *record;
             err == 0 && (record = dohle_records_next(records)) != NULL;) {
            printf("%lld %lld\n", (long long)record->offset,
                   (long long)record->timestamp_ms);
        }
        if (err == 0) {
            err = dohle_consumer_position(consumer, topic, partition,
                                          DOHLE_DEFAULT_TIMEOUT, &position);
        }
    }
    return err;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s BOOTSTRAP TOPIC PARTITION MILLISECONDS\n", argv[0]);
        return 2;
    }
    dohle_config *config = dohle_config_new();
    dohle_config_set(config, "bootstrap.servers", argv[1]);
    dohle_consumer *consumer;
    if (dohle_consumer_open(config, NULL, &consumer) != 0) {
        fprintf(stderr, "%s\n", dohle_config_error(config));
        return 1;
    }
    int err = read_from(consumer, argv[2], atoi(argv[3]), atoll(argv[4]));
    if (err != 0) {
        fprintf(stderr, "%s\n", dohle_consumer_last_error(consumer)->text);
    }
    dohle_consumer_close(consumer, DOHLE_DEFAULT_TIMEOUT);
    dohle_consumer_free(consumer);
    dohle_config_free(config);
    return err != 0;
}
