// SPDX-License-Identifier: MIT
/*
 * dohle lag: how far groups are behind.
 *
 * Two samples, --interval apart, tell how fast records come in and are
 * committed, and so when a group has caught up. One sample is enough for the
 * rest, and all there is with --interval 0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dohle/consumer.h>

#include "command.h"
#include "listing.h"

#define COMMAND             "lag"
#define COUNT_OF(array)     (sizeof(array) / sizeof((array)[0]))
#define DEFAULT_INTERVAL_MS 1000

// One committed partition of a group at one moment.
struct lag_row {
    const char *topic; // in the group's description
    int32_t partition;
    int64_t committed;
    int64_t end;                           // -1: unknown
    const dohle_member_description *owner; // NULL: nobody
    double rate_in;                        // records a second; negative: unknown
    double rate_out;
};

struct lag_sample {
    dohle_group_description *group;
    struct lag_row *rows;
    size_t count;
    int64_t taken_ms;
};

static const dohle_member_description *owner_of(const dohle_group_description *group,
                                                const char *topic, int32_t partition)
{
    for (size_t i = 0; i < group->member_count; i++) {
        const dohle_member_description *member = &group->members[i];
        for (size_t j = 0; j < member->partition_count; j++) {
            if (member->partitions[j].partition == partition &&
                strcmp(member->partitions[j].topic, topic) == 0) {
                return member;
            }
        }
    }
    return NULL;
}

static void sample_free(struct lag_sample *sample)
{
    free(sample->rows);
    dohle_admin_result_free(sample->group);
    *sample = (struct lag_sample){0};
}

static int sample_ends(struct listing *listing, struct lag_sample *sample)
{
    dohle_offset *ends = must_alloc(sample->count * sizeof(*ends));
    int64_t *when = must_alloc(sample->count * sizeof(*when));
    int *errors = must_alloc(sample->count * sizeof(*errors));
    for (size_t i = 0; i < sample->count; i++) {
        ends[i] = sample->group->offsets[i];
        when[i] = DOHLE_OFFSETS_END;
    }
    int err = dohle_admin_list_offsets(listing->admin, ends, when, errors, sample->count,
                                       DOHLE_DEFAULT_TIMEOUT);
    for (size_t i = 0; err == 0 && i < sample->count; i++) {
        sample->rows[i].end = errors[i] == 0 ? ends[i].offset : -1;
    }
    free(errors);
    free(when);
    free(ends);
    return err == 0 ? EXIT_DONE : listing_fail(listing, COMMAND);
}

static int sample_take(struct listing *listing, const char *group_id,
                       struct lag_sample *sample)
{
    if (dohle_admin_describe_group(listing->admin, group_id, DOHLE_DEFAULT_TIMEOUT,
                                   &sample->group) != 0) {
        return listing_fail(listing, COMMAND);
    }
    sample->taken_ms = steady_clock_ms();
    sample->count = sample->group->offset_count;
    sample->rows = must_alloc(sample->count * sizeof(*sample->rows));
    for (size_t i = 0; i < sample->count; i++) {
        const dohle_offset *offset = &sample->group->offsets[i];
        sample->rows[i] = (struct lag_row){
            .topic = offset->topic,
            .partition = offset->partition,
            .committed = offset->offset,
            .end = -1,
            .owner = owner_of(sample->group, offset->topic, offset->partition),
            .rate_in = -1,
            .rate_out = -1,
        };
    }
    return sample->count == 0 ? EXIT_DONE : sample_ends(listing, sample);
}

static void compare_samples(const struct lag_sample *before, struct lag_sample *after)
{
    double seconds = (double)(after->taken_ms - before->taken_ms) / 1000.0;
    for (size_t i = 0; i < after->count && seconds > 0; i++) {
        struct lag_row *row = &after->rows[i];
        for (size_t j = 0; j < before->count; j++) {
            const struct lag_row *old = &before->rows[j];
            if (old->partition != row->partition || strcmp(old->topic, row->topic) != 0) {
                continue;
            }
            row->rate_out = (double)(row->committed - old->committed) / seconds;
            if (row->end >= 0 && old->end >= 0) {
                row->rate_in = (double)(row->end - old->end) / seconds;
            }
        }
    }
}

// Seconds until caught up; 0: it is; negative: never, at this pace, or unknown.
static double time_to_catch_up(const struct lag_row *row)
{
    if (row->end >= 0 && row->committed >= row->end) {
        return 0;
    }
    double gain = row->rate_out - row->rate_in;
    if (row->end < 0 || row->rate_in < 0 || row->rate_out < 0 || gain <= 0) {
        return -1;
    }
    return (double)(row->end - row->committed) / gain;
}

static void add_rate(struct table *table, double rate)
{
    if (rate < 0) {
        table_add(table, "-");
    } else {
        table_add(table, "%.0f/s", rate);
    }
}

static void add_eta(struct table *table, const struct lag_row *row)
{
    double eta_s = time_to_catch_up(row);
    if (eta_s < 0) {
        table_add(table, "%s", row->rate_out < 0 || row->rate_in < 0 ? "-" : "never");
    } else if (eta_s < 120) {
        table_add(table, "%.0fs", eta_s);
    } else if (eta_s < 7200) {
        table_add(table, "%.0fm", eta_s / 60);
    } else {
        table_add(table, "%.0fh", eta_s / 3600);
    }
}

static int64_t lag_of(const struct lag_row *row)
{
    if (row->end < 0) {
        return -1;
    }
    return row->end > row->committed ? row->end - row->committed : 0;
}

static void add_row(struct table *table, const char *group, const struct lag_row *row)
{
    table_add(table, "%s", group);
    table_add(table, "%s", row->topic);
    table_add(table, "%d", (int)row->partition);
    table_add(table, "%lld", (long long)row->committed);
    if (row->end < 0) {
        table_add(table, "-");
        table_add(table, "-");
    } else {
        table_add(table, "%lld", (long long)row->end);
        table_add(table, "%lld", (long long)lag_of(row));
    }
    add_rate(table, row->rate_in);
    add_rate(table, row->rate_out);
    add_eta(table, row);
    table_add(table, "%s", row->owner == NULL ? "-" : row->owner->client_id);
}

static json_t *json_of_rate(double rate)
{
    return rate < 0 ? json_null() : json_real(rate);
}

static json_t *json_of_row(const char *group, const struct lag_row *row)
{
    json_t *object = json_pack("{s:s, s:s, s:i, s:I}", "group", group, "topic",
                               row->topic, "partition", (int)row->partition, "committed",
                               (json_int_t)row->committed);
    json_object_set_new(object, "end",
                        row->end < 0 ? json_null() : json_integer(row->end));
    json_object_set_new(object, "lag",
                        row->end < 0 ? json_null() : json_integer(lag_of(row)));
    json_object_set_new(object, "rate_in", json_of_rate(row->rate_in));
    json_object_set_new(object, "rate_out", json_of_rate(row->rate_out));
    json_object_set_new(object, "seconds_to_catch_up",
                        json_of_rate(time_to_catch_up(row)));
    json_object_set_new(object, "client_id",
                        row->owner == NULL ? json_null()
                                           : json_string(row->owner->client_id));
    return object;
}

static int write_samples(struct listing *listing, const struct lag_sample *samples,
                         size_t count)
{
    static const char *const titles[] = {"GROUP", "TOPIC", ">PARTITION", ">COMMITTED",
                                         ">END",  ">LAG",  ">IN",        ">OUT",
                                         ">ETA",  "OWNER"};
    struct table table;
    table_init(&table, titles, COUNT_OF(titles));
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; samples[i].group != NULL && j < samples[i].count; j++) {
            add_row(&table, samples[i].group->group_id, &samples[i].rows[j]);
            json_array_append_new(
                items, json_of_row(samples[i].group->group_id, &samples[i].rows[j]));
        }
    }
    int code = listing_write(listing, "lag", &table, items);
    table_deinit(&table);
    return code;
}

// Samples every group; a group that fails has no rows. The worst exit code.
static int sample_all(struct listing *listing, struct lag_sample *samples)
{
    int code = EXIT_DONE;
    for (size_t i = 0; i < listing->arguments.count; i++) {
        if (sample_take(listing, listing->arguments.items[i], &samples[i]) != EXIT_DONE) {
            code = EXIT_FAILED;
        }
    }
    return code;
}

static void wait_ms(long long milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int run(struct listing *listing, long long interval_ms)
{
    size_t count = listing->arguments.count;
    struct lag_sample *first = must_alloc(count * sizeof(*first));
    struct lag_sample *second = must_alloc(count * sizeof(*second));
    memset(first, 0, count * sizeof(*first));
    memset(second, 0, count * sizeof(*second));
    int code = sample_all(listing, first);
    struct lag_sample *last = first;
    if (code == EXIT_DONE && interval_ms > 0) {
        wait_ms(interval_ms);
        code = sample_all(listing, second);
        for (size_t i = 0; i < count; i++) {
            compare_samples(&first[i], &second[i]);
        }
        last = second;
    }
    int written = write_samples(listing, last, count);
    for (size_t i = 0; i < count; i++) {
        sample_free(&first[i]);
        sample_free(&second[i]);
    }
    free(first);
    free(second);
    return code == EXIT_DONE ? written : code;
}

// Without arguments: every consumer group there is.
static int name_all_groups(struct listing *listing, dohle_groups **groups)
{
    if (dohle_admin_list_groups(listing->admin, DOHLE_DEFAULT_TIMEOUT, groups) != 0) {
        return listing_fail(listing, COMMAND);
    }
    for (size_t i = 0; i < (*groups)->count; i++) {
        string_list_add(&listing->arguments, (*groups)->groups[i].group_id);
    }
    return -1;
}

int command_lag(int argc, char **argv)
{
    struct listing listing;
    listing_init(&listing);
    long long interval_ms = DEFAULT_INTERVAL_MS;
    const struct option_row own[] = {
        {"interval", 'i', "MS", OPTION_NUMBER, &interval_ms,
         "between the two samples that tell the pace\n(default 1000; 0: one sample)"},
    };
    int code = listing_parse(
        &listing, COMMAND, "[GROUP...] [options]",
        "Shows how many records groups are behind, how fast records come in and are\n"
        "committed, and when they will have caught up. Without GROUP: all groups.",
        own, COUNT_OF(own), argc, argv);
    if (code < 0) {
        code = listing_open(&listing, COMMAND);
    }
    dohle_groups *groups = NULL;
    if (code < 0 && listing.arguments.count == 0) {
        code = name_all_groups(&listing, &groups);
    }
    if (code < 0) {
        code = run(&listing, interval_ms);
    }
    dohle_admin_result_free(groups);
    listing_deinit(&listing);
    return code;
}
