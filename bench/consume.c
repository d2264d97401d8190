// SPDX-License-Identifier: MIT
/*
 * Dohle by its public API, doing what the raw limit does: every record once, the first and the last
 * byte of its value, its offset in a checksum.
 *
 *     consume [-r] [-g GROUP] [-X NAME=VALUE]... SERVERS TOPIC PARTITIONS RECORDS
 *
 *     -r       record by record (dohle_records_next); else by batch (dohle_records_next_batch)
 *     -g       as a member of the group, with automatic commits; else the partitions
 *              0 to PARTITIONS - 1 are assigned
 *     -X       a setting, as max.poll.records=1
 *
 * Ends when RECORDS were seen; then closes, which commits. Reads from the first offset on.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dohle/dohle.h>

#include "figures.h"

#define POLL_MS    1000
#define SILENT_MAX 30 // polls without a record, before it gives up

static struct figures figures;

static void must(dohle_consumer *consumer, int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "consume: %s: %s\n", what,
                dohle_consumer_last_error(consumer)->text);
        exit(1);
    }
}

static void set(dohle_config *config, const char *name, const char *value)
{
    if (dohle_config_set(config, name, value) != 0) {
        fprintf(stderr, "consume: %s\n", dohle_config_error(config));
        exit(2);
    }
}

// "name=value", which is cut in two.
static void set_pair(dohle_config *config, char *pair)
{
    char *sign = strchr(pair, '=');
    if (sign == NULL) {
        fprintf(stderr, "consume: \"%s\" is not NAME=VALUE\n", pair);
        exit(2);
    }
    *sign = '\0';
    set(config, pair, sign + 1);
}

static void assign_all(dohle_consumer *consumer, const char *topic,
                       int32_t partition_count)
{
    dohle_topic_partition *partitions =
        calloc((size_t)partition_count, sizeof(*partitions));
    if (partitions == NULL) {
        fputs("consume: no memory\n", stderr);
        exit(1);
    }
    for (int32_t i = 0; i < partition_count; i++) {
        partitions[i].topic = topic;
        partitions[i].partition = i;
    }
    must(consumer, dohle_consumer_assign(consumer, partitions, (size_t)partition_count),
         "assign");
    free(partitions);
}

static void walk_batches(dohle_records *records)
{
    dohle_record_batch batch;
    while (dohle_records_next_batch(records, &batch) == 1) {
        uint64_t sum = 0;
        for (size_t i = 0; i < batch.count; i++) {
            const dohle_record *record = &batch.records[i];
            sum += (uint64_t)(record->offset + 1);
            figures_touch(&figures, record->value.data, (int64_t)record->value.size);
        }
        figures.checksum += sum * checksum_weight(batch.partition);
        figures.record_count += (int64_t)batch.count;
    }
}

static void walk_records(dohle_records *records)
{
    for (const dohle_record *record; (record = dohle_records_next(records)) != NULL;) {
        figures.checksum +=
            (uint64_t)(record->offset + 1) * checksum_weight(record->partition);
        figures_touch(&figures, record->value.data, (int64_t)record->value.size);
        figures.record_count++;
    }
}

static void consume(dohle_consumer *consumer, int64_t record_count, bool is_by_record)
{
    for (int silent = 0; figures.record_count < record_count; silent++) {
        dohle_records *records;
        must(consumer, dohle_consumer_poll(consumer, POLL_MS, &records), "poll");
        if (dohle_records_count(records) > 0) {
            if (figures.first_ns == 0) {
                figures_on_first(&figures);
            }
            silent = 0;
        } else if (silent == SILENT_MAX) {
            fprintf(stderr, "consume: only %lld records came\n",
                    (long long)figures.record_count);
            exit(1);
        }
        if (is_by_record) {
            walk_records(records);
        } else {
            walk_batches(records);
        }
    }
    figures_on_last(&figures);
}

int main(int argc, char **argv)
{
    figures_begin(&figures);
    dohle_config *config = dohle_config_new();
    bool is_by_record = false;
    bool is_member = false;
    set(config, "auto.offset.reset", "earliest");
    for (int option; (option = getopt(argc, argv, "rg:X:")) != -1;) {
        switch (option) {
        case 'r': is_by_record = true; break;
        case 'g':
            is_member = true;
            set(config, "group.id", optarg);
            break;
        case 'X': set_pair(config, optarg); break;
        default: return 2;
        }
    }
    if (argc - optind != 4) {
        fputs(
            "usage: consume [-r] [-g GROUP] [-X NAME=VALUE]... SERVERS TOPIC PARTITIONS RECORDS\n",
            stderr);
        return 2;
    }
    set(config, "bootstrap.servers", argv[optind]);
    const char *topic = argv[optind + 1];
    int32_t partition_count = (int32_t)number_argument(argv[optind + 2], 1);
    int64_t record_count = number_argument(argv[optind + 3], 1);
    dohle_consumer *consumer;
    if (dohle_consumer_open(config, NULL, &consumer) != 0) {
        fprintf(stderr, "consume: %s\n", dohle_config_error(config));
        return 1;
    }
    if (is_member) {
        must(consumer, dohle_consumer_subscribe(consumer, &topic, 1, NULL), "subscribe");
    } else {
        assign_all(consumer, topic, partition_count);
    }
    consume(consumer, record_count, is_by_record);
    figures_print(&figures, is_by_record ? "dohle record" : "dohle batch");
    must(consumer, dohle_consumer_close(consumer, DOHLE_DEFAULT_TIMEOUT), "close");
    dohle_consumer_free(consumer);
    dohle_config_free(config);
    return 0;
}
