// SPDX-License-Identifier: MIT
/*
 * dohle consume: records out.
 *
 * Without a group the partitions are assigned by hand and read from a place the
 * user names. With a group we are a member like any other: what has been written
 * to standard output is committed, never anything else. So a reader that appends
 * to a file loses nothing when we are killed, and sees again at most what was
 * written after the last commit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dohle/consumer.h>

#include "cluster.h"
#include "command.h"
#include "events.h"
#include "format.h"
#include "json.h"
#include "offset_spec.h"
#include "options.h"
#include "output.h"

#define COMMAND  "consume"
#define POLL_MS  500
#define CLOSE_MS 10000
// A failed commit is no loss: the next owner sees these records again.
#define COMMIT_MS   5000
#define PROGRESS_MS 500
#define NO_LIMIT    (-1)

struct consume_options {
    struct cluster_options cluster;
    struct string_list topics;
    const char *pattern;
    const char *group;
    const char *offset;
    const char *partitions;
    const char *format;
    const char *events;
    long long count_max; // NO_LIMIT
    bool is_json;
    bool exits_at_end;
    bool is_quiet;
};

struct consume {
    const struct consume_options *options;
    dohle_consumer *consumer;
    struct format *format;
    struct output output;
    struct events events;
    dohle_offset *ends; // assigned by hand with -e: where to stop
    size_t end_count;
    long long written;
    long long bytes;
    bool has_assignment; // of a group: a rebalance has given us something
    bool is_failed;
    bool is_leaving; // closing: what is revoked now is given up by us
    bool shows_progress;
    int64_t started_ms;
    int64_t progress_ms; // when the progress line was last written
};

// For the signal handler: the one consumer of this process.
static dohle_consumer *running;

static void wake_running(void)
{
    dohle_consumer_wakeup(running);
}

// ---- Writing and committing ----

static void fail(struct consume *consume)
{
    complain_error(COMMAND, dohle_consumer_last_error(consume->consumer));
    consume->is_failed = true;
}

// What standard output has taken may be committed; nothing else may.
static bool flush_output(struct consume *consume)
{
    if (output_flush(&consume->output)) {
        return true;
    }
    if (consume->output.error != 0) {
        complain(COMMAND, "standard output: %s", strerror(consume->output.error));
        consume->is_failed = true;
    }
    return false;
}

static int on_assigned(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                       size_t count, void *ctx)
{
    struct consume *consume = ctx;
    consume->has_assignment = count > 0;
    events_write(&consume->events, consumer, "assigned", NULL, partitions, count);
    return 0;
}

static int on_revoked(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                      size_t count, void *ctx)
{
    struct consume *consume = ctx;
    if (count > 0 && consume->output.size == 0 && output_is_open(&consume->output)) {
        dohle_consumer_commit_sync(consumer, NULL, 0, COMMIT_MS);
    }
    const char *reason = consume->is_leaving ? "this member leaves the group" : NULL;
    events_write(&consume->events, consumer, "revoked", reason, partitions, count);
    return 0;
}

static int on_lost(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                   size_t count, void *ctx)
{
    struct consume *consume = ctx;
    events_write(&consume->events, consumer, "lost", NULL, partitions, count);
    return 0;
}

static bool reached_count(const struct consume *consume)
{
    return consume->options->count_max != NO_LIMIT &&
           consume->written >= consume->options->count_max;
}

static void write_record(struct consume *consume, const dohle_record *record)
{
    if (consume->options->is_json) {
        json_write_line(&consume->output, json_of_record(record));
    } else {
        format_write(consume->format, record, &consume->output);
    }
    consume->written++;
    consume->bytes += (long long)(record->key.size + record->value.size);
}

/*
 * Stopping in the middle of a set: the records behind are given back by seeking
 * to them, so that the commit on close does not skip them.
 */
static void give_back(struct consume *consume, dohle_records *records)
{
    const char *topic = NULL;
    int32_t partition = -1;
    for (const dohle_record *record; (record = dohle_records_next(records)) != NULL;) {
        if (topic == NULL || partition != record->partition ||
            strcmp(topic, record->topic) != 0) {
            topic = record->topic;
            partition = record->partition;
            dohle_consumer_seek(consume->consumer, topic, partition, record->offset);
        }
    }
}

static void write_records(struct consume *consume, dohle_records *records)
{
    while (!reached_count(consume)) {
        const dohle_record *record = dohle_records_next(records);
        if (record == NULL) {
            return;
        }
        write_record(consume, record);
    }
    give_back(consume, records);
}

// ---- Where to start ----

static int sort_by_partition(const void *a, const void *b)
{
    const dohle_topic_partition *left = a;
    const dohle_topic_partition *right = b;
    int order = strcmp(left->topic, right->topic);
    return order != 0 ? order
                      : (left->partition > right->partition) -
                            (left->partition < right->partition);
}

static bool is_wanted(const char *list, int32_t partition)
{
    if (list == NULL) {
        return true;
    }
    for (const char *at = list; *at != '\0';) {
        char *end;
        long number = strtol(at, &end, 10);
        if (number == partition) {
            return true;
        }
        at = *end == ',' ? end + 1 : end + strlen(end);
    }
    return false;
}

// Adds the wanted partitions of one topic to a growing array.
static bool add_partitions(struct consume *consume, const char *topic,
                           dohle_topic_partition **partitions, size_t *count)
{
    const dohle_partition_info *infos;
    size_t info_count;
    if (dohle_consumer_partitions_for(consume->consumer, topic, DOHLE_DEFAULT_TIMEOUT,
                                      &infos, &info_count) != 0) {
        fail(consume);
        return false;
    }
    size_t before = *count;
    for (size_t i = 0; i < info_count; i++) {
        if (is_wanted(consume->options->partitions, infos[i].partition)) {
            *partitions = must_realloc(*partitions, (*count + 1) * sizeof(**partitions));
            (*partitions)[(*count)++] =
                (dohle_topic_partition){topic, infos[i].partition};
        }
    }
    if (*count == before) {
        complain(COMMAND,
                 info_count == 0 ? "there is no topic %s"
                                 : "topic %s has none of these partitions",
                 topic);
        consume->is_failed = true;
        return false;
    }
    return true;
}

static dohle_offset *offsets_of(const dohle_topic_partition *partitions, size_t count)
{
    dohle_offset *offsets = must_alloc(count * sizeof(*offsets));
    for (size_t i = 0; i < count; i++) {
        offsets[i] = (dohle_offset){.topic = partitions[i].topic,
                                    .partition = partitions[i].partition,
                                    .offset = -1,
                                    .leader_epoch = -1};
    }
    return offsets;
}

static bool seek_each(struct consume *consume, const dohle_offset *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (dohle_consumer_seek(consume->consumer, offsets[i].topic, offsets[i].partition,
                                offsets[i].offset) != 0) {
            fail(consume);
            return false;
        }
    }
    return true;
}

static bool seek_before_end(struct consume *consume, dohle_offset *starts, size_t count,
                            int64_t distance)
{
    dohle_offset *ends = must_alloc(count * sizeof(*ends));
    memcpy(ends, starts, count * sizeof(*ends));
    bool is_known = dohle_consumer_beginning_offsets(consume->consumer, starts, count,
                                                     DOHLE_DEFAULT_TIMEOUT) == 0 &&
                    dohle_consumer_end_offsets(consume->consumer, ends, count,
                                               DOHLE_DEFAULT_TIMEOUT) == 0;
    if (!is_known) {
        fail(consume);
    }
    for (size_t i = 0; is_known && i < count; i++) {
        int64_t wanted = ends[i].offset - distance;
        starts[i].offset = wanted > starts[i].offset ? wanted : starts[i].offset;
    }
    free(ends);
    return is_known && seek_each(consume, starts, count);
}

static bool seek_to_time(struct consume *consume, dohle_offset *offsets, size_t count,
                         int64_t time_ms)
{
    dohle_offset *ends = must_alloc(count * sizeof(*ends));
    memcpy(ends, offsets, count * sizeof(*ends));
    int64_t *times = must_alloc(count * sizeof(*times));
    for (size_t i = 0; i < count; i++) {
        times[i] = time_ms;
    }
    bool is_known = dohle_consumer_offsets_for_times(consume->consumer, offsets, times,
                                                     count, DOHLE_DEFAULT_TIMEOUT) == 0 &&
                    dohle_consumer_end_offsets(consume->consumer, ends, count,
                                               DOHLE_DEFAULT_TIMEOUT) == 0;
    if (!is_known) {
        fail(consume);
    }
    for (size_t i = 0; is_known && i < count; i++) {
        if (offsets[i].offset < 0) {
            offsets[i].offset = ends[i].offset;
        }
    }
    free(times);
    free(ends);
    return is_known && seek_each(consume, offsets, count);
}

static bool seek_to_spec(struct consume *consume, const struct offset_spec *spec,
                         const dohle_topic_partition *partitions, size_t count)
{
    dohle_offset *offsets = offsets_of(partitions, count);
    bool is_done = true;
    switch (spec->kind) {
    case OFFSET_START:
    case OFFSET_END: {
        int err = spec->kind == OFFSET_START
                      ? dohle_consumer_seek_to_beginning(consume->consumer, NULL, 0)
                      : dohle_consumer_seek_to_end(consume->consumer, NULL, 0);
        if (err != 0) {
            fail(consume);
            is_done = false;
        }
        break;
    }
    case OFFSET_ABSOLUTE:
        for (size_t i = 0; i < count; i++) {
            offsets[i].offset = spec->value;
        }
        is_done = seek_each(consume, offsets, count);
        break;
    case OFFSET_BEFORE_END:
        is_done = seek_before_end(consume, offsets, count, spec->value);
        break;
    case OFFSET_TIME: is_done = seek_to_time(consume, offsets, count, spec->value); break;
    }
    free(offsets);
    return is_done;
}

// With -e: where the logs end now is where we stop.
static bool note_ends(struct consume *consume, const dohle_topic_partition *partitions,
                      size_t count)
{
    if (!consume->options->exits_at_end) {
        return true;
    }
    consume->ends = offsets_of(partitions, count);
    consume->end_count = count;
    if (dohle_consumer_end_offsets(consume->consumer, consume->ends, count,
                                   DOHLE_DEFAULT_TIMEOUT) != 0) {
        fail(consume);
        return false;
    }
    return true;
}

static bool add_matching_topics(struct consume *consume,
                                dohle_topic_partition **partitions, size_t *count)
{
    for (size_t i = 0; i < consume->options->topics.count; i++) {
        if (!add_partitions(consume, consume->options->topics.items[i], partitions,
                            count)) {
            return false;
        }
    }
    return true;
}

static bool assign_by_hand(struct consume *consume, const struct offset_spec *spec)
{
    dohle_topic_partition *partitions = NULL;
    size_t count = 0;
    bool is_assigned = add_matching_topics(consume, &partitions, &count);
    if (is_assigned) {
        qsort(partitions, count, sizeof(*partitions), sort_by_partition);
        if (dohle_consumer_assign(consume->consumer, partitions, count) != 0) {
            fail(consume);
            is_assigned = false;
        }
    }
    is_assigned = is_assigned && note_ends(consume, partitions, count) &&
                  seek_to_spec(consume, spec, partitions, count);
    free(partitions);
    return is_assigned;
}

static bool subscribe(struct consume *consume)
{
    const struct consume_options *options = consume->options;
    const dohle_rebalance_listener listener = {on_assigned, on_revoked, on_lost, consume};
    int err = options->pattern != NULL
                  ? dohle_consumer_subscribe_pattern(consume->consumer, options->pattern,
                                                     &listener)
                  : dohle_consumer_subscribe(consume->consumer, options->topics.items,
                                             options->topics.count, &listener);
    if (err != 0) {
        fail(consume);
    }
    return err == 0;
}

// ---- When to stop ----

static bool is_at_noted_ends(struct consume *consume)
{
    for (size_t i = 0; i < consume->end_count; i++) {
        int64_t position;
        if (dohle_consumer_position(consume->consumer, consume->ends[i].topic,
                                    consume->ends[i].partition, DOHLE_DEFAULT_TIMEOUT,
                                    &position) != 0 ||
            position < consume->ends[i].offset) {
            return false;
        }
    }
    return true;
}

static bool is_caught_up(struct consume *consume)
{
    const dohle_topic_partition *owned;
    size_t count;
    if (!consume->has_assignment ||
        dohle_consumer_assignment(consume->consumer, &owned, &count) != 0 || count == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t lag;
        if (dohle_consumer_current_lag(consume->consumer, owned[i].topic,
                                       owned[i].partition, &lag) != 0 ||
            lag != 0) {
            return false;
        }
    }
    return true;
}

static bool is_at_end(struct consume *consume)
{
    if (!consume->options->exits_at_end) {
        return false;
    }
    return consume->options->group == NULL ? is_at_noted_ends(consume)
                                           : is_caught_up(consume);
}

static void show_progress(struct consume *consume, bool is_last)
{
    int64_t now_ms = steady_clock_ms();
    if (!consume->shows_progress ||
        (!is_last && now_ms - consume->progress_ms < PROGRESS_MS)) {
        return;
    }
    consume->progress_ms = now_ms;
    double seconds = (double)(now_ms - consume->started_ms) / 1000.0;
    double rate = seconds > 0 ? (double)consume->written / seconds : 0;
    fprintf(stderr, "\r%lld records, %.1f MB, %.0f records/s%s", consume->written,
            (double)consume->bytes / 1e6, rate, is_last ? "\n" : "   ");
}

/*
 * One turn. False: stop. A broker that cannot be reached is waited for, as a
 * consumer does; what concerns the data or our rights ends the command.
 */
static bool turn(struct consume *consume)
{
    dohle_records *records;
    int err = dohle_consumer_poll(consume->consumer, POLL_MS, &records);
    if (err == DOHLE_ERR_WAKEUP) {
        return !is_interrupted();
    }
    if (err != 0 && dohle_error_class(err) == DOHLE_CLASS_RETRIABLE) {
        complain_error(COMMAND, dohle_consumer_last_error(consume->consumer));
        return true;
    }
    if (err != 0) {
        fail(consume);
        return false;
    }
    write_records(consume, records);
    if (!flush_output(consume)) {
        return false;
    }
    if (consume->options->group != NULL && dohle_records_count(records) > 0 &&
        !reached_count(consume)) {
        dohle_consumer_commit_async(consume->consumer, NULL, 0, NULL, NULL);
    }
    show_progress(consume, false);
    return !is_interrupted() && !reached_count(consume) && !is_at_end(consume);
}

static void finish(struct consume *consume)
{
    consume->is_leaving = true;
    if (consume->options->group != NULL && output_is_open(&consume->output)) {
        dohle_consumer_commit_sync(consume->consumer, NULL, 0, CLOSE_MS);
    }
    if (dohle_consumer_close(consume->consumer, CLOSE_MS) != 0) {
        fail(consume);
    }
    show_progress(consume, true);
    events_write(&consume->events, consume->consumer, "closed", "", NULL, 0);
}

static int run(struct consume *consume, const struct offset_spec *spec)
{
    catch_interrupts(wake_running);
    bool is_started = consume->options->group != NULL ? subscribe(consume)
                                                      : assign_by_hand(consume, spec);
    consume->started_ms = steady_clock_ms();
    if (is_started && !reached_count(consume) && !is_at_end(consume)) {
        while (turn(consume)) {
        }
    }
    finish(consume);
    return consume->is_failed ? EXIT_FAILED : EXIT_DONE;
}

// ---- Setting up ----

static int open_consumer(struct consume *consume, const struct offset_spec *spec)
{
    dohle_config *config = cluster_config(COMMAND, &consume->options->cluster);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    const struct consume_options *options = consume->options;
    bool is_set = true;
    if (options->group != NULL) {
        is_set = cluster_set(COMMAND, config, "group.id", options->group) &&
                 cluster_set(COMMAND, config, "enable.auto.commit", "false");
    }
    if (is_set && options->group != NULL && options->offset != NULL) {
        is_set = cluster_set(COMMAND, config, "auto.offset.reset",
                             spec->kind == OFFSET_START ? "earliest" : "latest");
    }
    dohle_log_sink log = cluster_log(&options->cluster);
    dohle_consumer_options open = {.size = sizeof(open), .log = &log};
    int code = is_set ? -1 : EXIT_USAGE;
    if (is_set && dohle_consumer_open(config, &open, &consume->consumer) != 0) {
        complain(COMMAND, "%s", dohle_config_error(config));
        code = EXIT_USAGE;
    }
    dohle_config_free(config);
    return code;
}

static int check_options(const struct consume_options *options, struct offset_spec *spec)
{
    if (options->topics.count == 0 && options->pattern == NULL) {
        return complain_usage(COMMAND, "which topic?");
    }
    if (options->pattern != NULL &&
        (options->group == NULL || options->topics.count > 0)) {
        return complain_usage(COMMAND, "--regex goes with -g, and without topics");
    }
    if (options->partitions != NULL && options->group != NULL) {
        return complain_usage(COMMAND,
                              "-p goes without -g: a group shares partitions out");
    }
    const char *offset = options->offset == NULL ? "start" : options->offset;
    if (!offset_spec_parse(offset, wall_clock_ms(), spec)) {
        return complain_usage(COMMAND, "-o wants start, end, N, -N or @TIME, not '%s'",
                              offset);
    }
    if (options->group != NULL && spec->kind != OFFSET_START &&
        spec->kind != OFFSET_END) {
        return complain_usage(COMMAND, "with -g, -o is start or end: where to begin when "
                                       "the group has committed nothing");
    }
    return -1;
}

static int set_up_and_run(struct consume_options *options)
{
    struct offset_spec spec;
    int code = check_options(options, &spec);
    if (code >= 0) {
        return code;
    }
    struct consume consume = {.options = options};
    const char *error;
    size_t position;
    consume.format = format_parse(options->format == NULL ? "%v\\n" : options->format,
                                  &error, &position);
    if (consume.format == NULL) {
        return complain_usage(COMMAND, "-f '%s': %s (at character %zu)", options->format,
                              error, position + 1);
    }
    consume.shows_progress =
        !options->is_quiet && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    output_init(&consume.output, STDOUT_FILENO);
    code = events_open(&consume.events, options->events) ? open_consumer(&consume, &spec)
                                                         : EXIT_FAILED;
    if (code < 0) {
        running = consume.consumer;
        code = run(&consume, &spec);
        dohle_consumer_free(consume.consumer);
    }
    events_close(&consume.events);
    output_deinit(&consume.output);
    format_free(consume.format);
    free(consume.ends);
    return code;
}

int command_consume(int argc, char **argv)
{
    struct consume_options options = {.count_max = NO_LIMIT};
    cluster_options_init(&options.cluster);
    const struct option_row rows[] = {
        {"group", 'g', "GROUP", OPTION_STRING, &options.group,
         "be a member; commits what was written out"},
        {"regex", 'r', "PATTERN", OPTION_STRING, &options.pattern,
         "subscribe to topics whose whole name matches (with -g)"},
        {"offset", 'o', "WHERE", OPTION_STRING, &options.offset,
         "start (default), end, N, -N (before the end), @TIME\n"
         "(@1700000000, @2026-11-22T10:00:00Z, @-1h30m);\n"
         "with -g: start or end, when nothing is committed"},
        {"partitions", 'p', "0,2,...", OPTION_STRING, &options.partitions,
         "only these (without -g)"},
        {"count", 'n', "N", OPTION_NUMBER, &options.count_max, "stop after N records"},
        {"exit", 'e', NULL, OPTION_FLAG, &options.exits_at_end,
         "stop at the end of the log"},
        {"format", 'f', "FORMAT", OPTION_STRING, &options.format,
         "how a record is written (default '%v\\n'): %t topic,\n"
         "%p partition, %o offset, %k key, %v value, %K %V sizes,\n"
         "%d time in ms, %d{RFC3339}, %h{%k=%v } headers, %H how\n"
         "many, %e leader epoch, %j JSON; %k{hex} {base64} {json}"},
        {"json", 'J', NULL, OPTION_FLAG, &options.is_json, "one line of JSON a record"},
        {"events", 0, "FILE", OPTION_STRING, &options.events,
         "append changes of ownership as JSON lines; - is stderr"},
        {"quiet", 'q', NULL, OPTION_FLAG, &options.is_quiet,
         "no progress on the terminal"},
    };
    const struct command_line line = {
        .command = COMMAND,
        .synopsis = "TOPIC... [options]",
        .description =
            "Writes records to standard output.\n\n"
            "  dohle consume orders -o start -e          all there is, then stop\n"
            "  dohle consume orders -o -10 -J            from ten before the end, as JSON\n"
            "  dohle consume orders -g billing           as a member of group billing",
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
        .common = options.cluster.rows,
        .common_count = sizeof(options.cluster.rows) / sizeof(options.cluster.rows[0]),
    };
    int code = options_parse(&line, argc, argv, &options.topics);
    if (code < 0) {
        code = set_up_and_run(&options);
    }
    free(options.topics.items);
    free(options.cluster.settings.items);
    return code;
}
