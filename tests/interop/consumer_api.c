// SPDX-License-Identifier: MIT
/*
 * The consumer's public functions against a real broker:
 * consumer_api BOOTSTRAP TOPIC RECORDS
 *
 * TOPIC has three partitions and RECORDS records in all, and nobody writes to it
 * meanwhile. Run by test_consumer_api.py.
 */
#include "../unit/test.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <dohle/dohle.h>

#define PARTITIONS  3
#define PATIENCE_MS 15000

static const char *bootstrap;
static const char *topic;
static long record_count;

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(0, clock_gettime(CLOCK_MONOTONIC, &now));
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// A group nobody has used before.
static const char *new_group(void)
{
    static char name[64];
    static int count;
    snprintf(name, sizeof(name), "api-%ld-%lld-%d", (long)getpid(), (long long)now_ms(),
             count++);
    return name;
}

// settings: key, value, ..., NULL. group NULL: none.
static dohle_consumer *open_consumer(const char *group, const char *const *settings)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", bootstrap));
    if (group != NULL) {
        assert_int_equal(0, dohle_config_set(config, "group.id", group));
    }
    assert_int_equal(0, dohle_config_set(config, "auto.offset.reset", "earliest"));
    for (; settings != NULL && settings[0] != NULL; settings += 2) {
        assert_int_equal(0, dohle_config_set(config, settings[0], settings[1]));
    }
    dohle_consumer *consumer;
    int err = dohle_consumer_open(config, NULL, &consumer);
    if (err != 0) {
        fail_msg("%s", dohle_config_error(config));
    }
    dohle_config_free(config);
    return consumer;
}

static void close_consumer(dohle_consumer *consumer)
{
    assert_int_equal(0, dohle_consumer_close(consumer, PATIENCE_MS));
    dohle_consumer_free(consumer);
}

#define OK(consumer, call)                                                               \
    do {                                                                                 \
        int err_ = (call);                                                               \
        if (err_ != 0) {                                                                 \
            fail_msg("%s: %d %s", #call, err_,                                           \
                     dohle_consumer_last_error(consumer)->text);                         \
        }                                                                                \
    } while (0)

static void subscribe(dohle_consumer *consumer, const dohle_rebalance_listener *listener)
{
    OK(consumer, dohle_consumer_subscribe(consumer, &topic, 1, listener));
}

// Polls until there are records; the set.
static dohle_records *poll_records(dohle_consumer *consumer)
{
    int64_t deadline_ms = now_ms() + PATIENCE_MS;
    dohle_records *records = NULL;
    while (now_ms() < deadline_ms) {
        OK(consumer, dohle_consumer_poll(consumer, 500, &records));
        if (dohle_records_count(records) > 0) {
            return records;
        }
    }
    fail_msg("no records within %d ms", PATIENCE_MS);
    abort();
}

// Polls until it returns an error; the error.
static int poll_error(dohle_consumer *consumer)
{
    int64_t deadline_ms = now_ms() + PATIENCE_MS;
    int err = 0;
    while (err == 0 && now_ms() < deadline_ms) {
        dohle_records *records;
        err = dohle_consumer_poll(consumer, 200, &records);
    }
    return err;
}

// ---- Seen records ----

struct seen {
    unsigned char *times[PARTITIONS]; // by offset
    long distinct;
    long total;
};

static void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof(*seen));
    for (int i = 0; i < PARTITIONS; i++) {
        seen->times[i] = calloc((size_t)record_count, 1);
        assert_non_null(seen->times[i]);
    }
}

static void seen_deinit(struct seen *seen)
{
    for (int i = 0; i < PARTITIONS; i++) {
        free(seen->times[i]);
    }
}

static void seen_add(struct seen *seen, dohle_records *records)
{
    for (const dohle_record *r; (r = dohle_records_next(records)) != NULL;) {
        assert_string_equal(topic, r->topic);
        seen->total++;
        seen->distinct += seen->times[r->partition][r->offset]++ == 0 ? 1 : 0;
    }
}

// ---- The tests ----

static void test_two_consumers_in_one_thread(void **state)
{
    (void)state;
    const char *group = new_group();
    static const char *const settings[] = {"heartbeat.interval.ms", "200",
                                           "max.poll.records", "100", NULL};
    dohle_consumer *both[2];
    for (int i = 0; i < 2; i++) {
        both[i] = open_consumer(group, settings);
        subscribe(both[i], NULL);
    }
    struct seen seen;
    seen_init(&seen);
    size_t owned[2] = {0, 0};
    int64_t deadline_ms = now_ms() + 2 * PATIENCE_MS;
    while ((seen.distinct < record_count || owned[0] == 0 || owned[1] == 0) &&
           now_ms() < deadline_ms) {
        for (int i = 0; i < 2; i++) {
            dohle_records *records;
            OK(both[i], dohle_consumer_poll(both[i], 10, &records));
            seen_add(&seen, records);
            const dohle_topic_partition *partitions;
            OK(both[i], dohle_consumer_assignment(both[i], &partitions, &owned[i]));
        }
    }
    assert_int_equal(record_count, seen.distinct);
    assert_int_equal(record_count, seen.total); // commits before each hand-over (S61)
    assert_int_equal(PARTITIONS, owned[0] + owned[1]);
    for (int i = 0; i < 2; i++) {
        dohle_rebalance rebalance;
        assert_int_equal(1, dohle_consumer_last_rebalance(both[i], &rebalance));
        assert_true(rebalance.generation_after > 0);
        assert_true(rebalance.total_ms >= 0 && rebalance.total_ms < 2 * PATIENCE_MS);
        close_consumer(both[i]);
    }
    seen_deinit(&seen);
}

// poll does not wait for the group: poll(0) looks, poll(t) is back after t, also while
// the others are asked to rejoin and one of them does not poll.
static void test_poll_does_not_wait_for_a_rebalance(void **state)
{
    (void)state;
    const char *group = new_group();
    static const char *const settings[] = {"heartbeat.interval.ms", "200", NULL};
    dohle_consumer *first = open_consumer(group, settings);
    subscribe(first, NULL);
    dohle_consumer *second = open_consumer(group, settings);
    subscribe(second, NULL);
    const dohle_topic_partition *partitions;
    size_t owned = 0;
    dohle_records *records;
    int64_t deadline_ms = now_ms() + PATIENCE_MS;
    while (owned == 0 && now_ms() < deadline_ms) {
        int64_t started_ms = now_ms();
        OK(first, dohle_consumer_poll(first, 0, &records));
        assert_true(now_ms() - started_ms < 1000);
        OK(first, dohle_consumer_assignment(first, &partitions, &owned));
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(PARTITIONS, owned);
    // The group waits for the first one, which does not poll.
    for (int i = 0; i < 5; i++) {
        int64_t started_ms = now_ms();
        OK(second, dohle_consumer_poll(second, i == 0 ? 0 : 200, &records));
        int64_t took_ms = now_ms() - started_ms;
        assert_true(i == 0 ? took_ms < 1000 : took_ms >= 190 && took_ms < 1200);
        assert_int_equal(0, dohle_records_count(records));
    }
    OK(second, dohle_consumer_assignment(second, &partitions, &owned));
    assert_int_equal(0, owned);
    // Now it does, and both go on.
    size_t owned_by_both[2] = {0, 0};
    deadline_ms = now_ms() + PATIENCE_MS;
    while ((owned_by_both[1] == 0 || owned_by_both[0] + owned_by_both[1] != PARTITIONS) &&
           now_ms() < deadline_ms) {
        OK(first, dohle_consumer_poll(first, 0, &records));
        OK(second, dohle_consumer_poll(second, 0, &records));
        OK(first, dohle_consumer_assignment(first, &partitions, &owned_by_both[0]));
        OK(second, dohle_consumer_assignment(second, &partitions, &owned_by_both[1]));
        (void)poll(NULL, 0, 1);
    }
    assert_true(owned_by_both[0] > 0 && owned_by_both[1] > 0);
    close_consumer(first);
    close_consumer(second);
}

static void test_positions_without_a_group(void **state)
{
    (void)state;
    static const char *const settings[] = {"max.poll.records", "10", NULL};
    dohle_consumer *consumer = open_consumer(NULL, settings);
    const dohle_topic_partition all[] = {{topic, 0}, {topic, 1}, {topic, 2}};
    OK(consumer, dohle_consumer_assign(consumer, all, PARTITIONS));
    dohle_offset begins[PARTITIONS];
    dohle_offset ends[PARTITIONS];
    memset(begins, 0, sizeof(begins));
    for (int i = 0; i < PARTITIONS; i++) {
        begins[i].topic = topic;
        begins[i].partition = i;
        ends[i] = begins[i];
    }
    OK(consumer,
       dohle_consumer_beginning_offsets(consumer, begins, PARTITIONS, PATIENCE_MS));
    OK(consumer, dohle_consumer_end_offsets(consumer, ends, PARTITIONS, PATIENCE_MS));
    long sum = 0;
    int fullest = 0;
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(0, begins[i].offset);
        sum += ends[i].offset;
        fullest = ends[i].offset > ends[fullest].offset ? i : fullest;
    }
    assert_int_equal(record_count, sum);

    // Positions: unknown ones are found, seeks win (API-111 to 114).
    int64_t position;
    OK(consumer,
       dohle_consumer_position(consumer, topic, fullest, PATIENCE_MS, &position));
    assert_int_equal(0, position);
    const dohle_topic_partition *one = &all[fullest];
    OK(consumer, dohle_consumer_seek_to_end(consumer, NULL, 0));
    OK(consumer,
       dohle_consumer_position(consumer, topic, fullest, PATIENCE_MS, &position));
    assert_int_equal(ends[fullest].offset, position);
    OK(consumer, dohle_consumer_seek(consumer, topic, fullest, 7));
    dohle_records *records = poll_records(consumer);
    const dohle_record *record = dohle_records_next(records);
    assert_int_equal(fullest, record->partition);
    assert_int_equal(7, record->offset);
    assert_true(dohle_records_count(records) <= 10);
    int64_t last_offset = 7 + (int64_t)dohle_records_count(records) - 1;
    OK(consumer, dohle_consumer_position(consumer, topic, fullest, 0, &position));
    assert_int_equal(last_offset + 1, position);
    int64_t lag;
    OK(consumer, dohle_consumer_current_lag(consumer, topic, fullest, &lag));
    assert_int_equal(ends[fullest].offset - position, lag);

    // Pausing keeps the position and delivers nothing.
    OK(consumer, dohle_consumer_pause(consumer, one, 1));
    OK(consumer, dohle_consumer_poll(consumer, 300, &records));
    assert_int_equal(0, dohle_records_count(records));
    enum dohle_idle_reason reason;
    OK(consumer, dohle_consumer_idle_reason(consumer, topic, fullest, &reason));
    assert_int_equal(DOHLE_IDLE_PAUSED, reason);
    OK(consumer, dohle_consumer_resume(consumer, one, 1));
    record = dohle_records_next(poll_records(consumer));
    assert_int_equal(last_offset + 1, record->offset);

    // By time: the first record's own timestamp finds the first record.
    OK(consumer, dohle_consumer_seek_to_beginning(consumer, one, 1));
    record = dohle_records_next(poll_records(consumer));
    assert_int_equal(0, record->offset);
    int64_t timestamp_ms = record->timestamp_ms;
    dohle_offset found = {.topic = topic, .partition = fullest};
    OK(consumer,
       dohle_consumer_offsets_for_times(consumer, &found, &timestamp_ms, 1, PATIENCE_MS));
    assert_int_equal(0, found.offset);
    timestamp_ms = INT64_C(4000000000000);
    OK(consumer,
       dohle_consumer_offsets_for_times(consumer, &found, &timestamp_ms, 1, PATIENCE_MS));
    assert_int_equal(-1, found.offset);

    // Kept partitions keep their position (API-106).
    OK(consumer, dohle_consumer_seek(consumer, topic, fullest, 20));
    OK(consumer, dohle_consumer_assign(consumer, one, 1));
    record = dohle_records_next(poll_records(consumer));
    assert_int_equal(20, record->offset);
    assert_int_equal(DOHLE_ERR_NOT_ASSIGNED,
                     dohle_consumer_seek(consumer, topic, (fullest + 1) % PARTITIONS, 0));
    assert_int_equal(DOHLE_ERR_INVALID_GROUP,
                     dohle_consumer_commit_sync(consumer, NULL, 0, PATIENCE_MS));
    close_consumer(consumer);
}

static void test_offsets_out_of_range(void **state)
{
    (void)state;
    static const char *const settings[] = {"auto.offset.reset", "none", NULL};
    dohle_consumer *consumer = open_consumer(NULL, settings);
    const dohle_topic_partition partition = {topic, 0};
    OK(consumer, dohle_consumer_assign(consumer, &partition, 1));
    assert_int_equal(DOHLE_ERR_NO_OFFSET, poll_error(consumer)); // CL-121
    OK(consumer, dohle_consumer_seek(consumer, topic, 0, 1000000000));
    for (int i = 0; i < 2; i++) { // until the application seeks
        assert_int_equal(DOHLE_ERR_OFFSET_OUT_OF_RANGE, poll_error(consumer));
        const dohle_error_info *error = dohle_consumer_last_error(consumer);
        assert_int_equal(1000000000, error->offset);
        assert_int_equal(0, error->partition);
        assert_string_equal(topic, error->topic);
    }
    OK(consumer, dohle_consumer_seek_to_beginning(consumer, &partition, 1));
    int64_t position;
    OK(consumer, dohle_consumer_position(consumer, topic, 0, PATIENCE_MS, &position));
    assert_int_equal(0, position);
    close_consumer(consumer);

    consumer = open_consumer(NULL, NULL); // earliest: found again without an error
    OK(consumer, dohle_consumer_assign(consumer, &partition, 1));
    OK(consumer, dohle_consumer_seek(consumer, topic, 0, 1000000000));
    int64_t deadline_ms = now_ms() + PATIENCE_MS;
    do {
        dohle_records *records;
        OK(consumer, dohle_consumer_poll(consumer, 100, &records));
        OK(consumer, dohle_consumer_position(consumer, topic, 0, PATIENCE_MS, &position));
    } while (position == 1000000000 && now_ms() < deadline_ms);
    assert_true(position < 1000000000);
    close_consumer(consumer);
}

struct told {
    int errors[8];
    int64_t offsets[8];
    int count;
};

static void on_committed(dohle_consumer *consumer, int error, const dohle_offset *offsets,
                         size_t count, void *ctx)
{
    (void)consumer;
    struct told *told = ctx;
    assert_int_equal(1, count);
    assert_true(told->count < 8);
    told->errors[told->count] = error;
    told->offsets[told->count++] = offsets[0].offset;
}

static void test_commits(void **state)
{
    (void)state;
    const char *group = new_group();
    static const char *const settings[] = {"enable.auto.commit", "false", NULL};
    dohle_consumer *consumer = open_consumer(group, settings);
    const dohle_topic_partition partition = {topic, 1};
    OK(consumer, dohle_consumer_assign(consumer, &partition, 1));
    struct told told = {.count = 0};
    for (int64_t i = 0; i < 3; i++) {
        const dohle_offset offset = {.topic = topic,
                                     .partition = 1,
                                     .offset = 10 + i,
                                     .leader_epoch = -1,
                                     .metadata = {(const uint8_t *)"a\0b", 3}};
        OK(consumer,
           dohle_consumer_commit_async(consumer, &offset, 1, on_committed, &told));
    }
    const dohle_offset last = {.topic = topic,
                               .partition = 1,
                               .offset = 5,
                               .leader_epoch = -1,
                               .metadata = {(const uint8_t *)"x\0y", 3}};
    OK(consumer, dohle_consumer_commit_sync(consumer, &last, 1, PATIENCE_MS));
    assert_int_equal(3, told.count);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(0, told.errors[i]);
        assert_int_equal(10 + i, told.offsets[i]);
    }
    dohle_offset committed[] = {{.topic = topic, .partition = 1},
                                {.topic = topic, .partition = 2}};
    OK(consumer, dohle_consumer_committed(consumer, committed, 2, PATIENCE_MS));
    assert_int_equal(5, committed[0].offset); // in the order of the calls
    assert_int_equal(3, committed[0].metadata.size);
    assert_memory_equal("x\0y", committed[0].metadata.data, 3); // S49
    assert_int_equal(-1, committed[1].offset);
    const dohle_offset negative = {.topic = topic, .partition = 1, .offset = -1};
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_consumer_commit_sync(consumer, &negative, 1, PATIENCE_MS));
    close_consumer(consumer);

    // Another one goes on from there.
    consumer = open_consumer(group, settings);
    OK(consumer, dohle_consumer_assign(consumer, &partition, 1));
    int64_t position;
    OK(consumer, dohle_consumer_position(consumer, topic, 1, PATIENCE_MS, &position));
    assert_int_equal(5, position);
    close_consumer(consumer);
}

// ---- Rebalance callbacks ----

struct listening {
    int assigned, revoked, lost;
    int commit_err;  // of the commit in on_revoked
    int lost_err;    // of the commit in on_lost
    int64_t seek_to; // in on_assigned; -1: nowhere
    int result;      // of on_assigned
    int poll_err;    // of a poll in on_assigned
};

static int on_assigned(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                       size_t count, void *ctx)
{
    struct listening *listening = ctx;
    listening->assigned++;
    for (size_t i = 0; i < count && listening->seek_to >= 0; i++) {
        OK(consumer, dohle_consumer_seek(consumer, partitions[i].topic,
                                         partitions[i].partition, listening->seek_to));
    }
    dohle_records *records;
    listening->poll_err = dohle_consumer_poll(consumer, 0, &records);
    return listening->result;
}

static int on_revoked(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                      size_t count, void *ctx)
{
    (void)partitions;
    (void)count;
    struct listening *listening = ctx;
    listening->revoked++;
    listening->commit_err = dohle_consumer_commit_sync(consumer, NULL, 0, PATIENCE_MS);
    return 0;
}

static int on_lost(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                   size_t count, void *ctx)
{
    struct listening *listening = ctx;
    listening->lost++;
    const dohle_offset offset = {
        .topic = partitions[0].topic, .partition = partitions[0].partition, .offset = 1};
    listening->lost_err = dohle_consumer_commit_sync(consumer, &offset, 1, PATIENCE_MS);
    return count == PARTITIONS ? 0 : 1;
}

static dohle_rebalance_listener listen(struct listening *listening)
{
    memset(listening, 0, sizeof(*listening));
    listening->seek_to = -1;
    return (dohle_rebalance_listener){on_assigned, on_revoked, on_lost, listening};
}

static void test_calls_inside_callbacks(void **state)
{
    (void)state;
    const char *group = new_group();
    static const char *const settings[] = {"enable.auto.commit", "false",
                                           "max.poll.records", "5", NULL};
    dohle_consumer *consumer = open_consumer(group, settings);
    struct listening listening;
    const dohle_rebalance_listener listener = listen(&listening);
    listening.seek_to = 30;
    listening.result = 77;
    subscribe(consumer, &listener);
    assert_int_equal(77, poll_error(consumer)); // API-175: as it is
    assert_int_equal(1, listening.assigned);
    assert_int_equal(DOHLE_ERR_INVALID_STATE, listening.poll_err);
    listening.result = 0;
    const dohle_record *record = dohle_records_next(poll_records(consumer));
    assert_int_equal(30, record->offset); // API-176: the seek wins
    int32_t partition = record->partition;
    dohle_group_metadata metadata;
    OK(consumer, dohle_consumer_group_metadata(consumer, &metadata));
    assert_string_equal(group, metadata.group_id);
    assert_int_equal(1, metadata.generation);
    assert_true(metadata.member_id[0] != '\0');
    // Leaving tells on_revoked once, which still may commit.
    OK(consumer, dohle_consumer_unsubscribe(consumer));
    assert_int_equal(1, listening.revoked);
    assert_int_equal(0, listening.commit_err);
    assert_int_equal(0, listening.lost);
    dohle_records *records;
    assert_int_equal(DOHLE_ERR_NOT_SUBSCRIBED,
                     dohle_consumer_poll(consumer, 0, &records));
    dohle_offset committed = {.topic = topic, .partition = partition};
    OK(consumer, dohle_consumer_committed(consumer, &committed, 1, PATIENCE_MS));
    assert_int_equal(35, committed.offset);
    // And again, by pattern; close tells it, too.
    char pattern[300];
    snprintf(pattern, sizeof(pattern), "%.*s.", (int)strlen(topic) - 1, topic);
    listening.seek_to = -1;
    OK(consumer, dohle_consumer_subscribe_pattern(consumer, pattern, &listener));
    record = dohle_records_next(poll_records(consumer));
    assert_string_equal(topic, record->topic);
    const char *const *topics;
    size_t count;
    OK(consumer, dohle_consumer_subscription(consumer, &topics, &count));
    assert_int_equal(1, count);
    assert_string_equal(topic, topics[0]);
    close_consumer(consumer);
    assert_int_equal(2, listening.revoked);
}

static void test_too_long_between_polls(void **state)
{
    (void)state;
    static const char *const settings[] = {"enable.auto.commit",
                                           "false",
                                           "max.poll.interval.ms",
                                           "1500",
                                           "heartbeat.interval.ms",
                                           "200",
                                           "session.timeout.ms",
                                           "6000",
                                           NULL};
    dohle_consumer *consumer = open_consumer(new_group(), settings);
    struct listening listening;
    const dohle_rebalance_listener listener = listen(&listening);
    subscribe(consumer, &listener);
    (void)poll_records(consumer);
    struct timespec pause = {.tv_sec = 2, .tv_nsec = 500000000};
    (void)nanosleep(&pause, NULL);
    // it has left by itself; the next poll says so and joins again.
    int err = dohle_consumer_commit_sync(consumer, NULL, 0, PATIENCE_MS);
    assert_int_equal(DOHLE_ERR_COMMIT_FAILED, err);
    int64_t deadline_ms = now_ms() + PATIENCE_MS;
    while (listening.assigned < 2 && now_ms() < deadline_ms) {
        dohle_records *records;
        OK(consumer, dohle_consumer_poll(consumer, 100, &records));
    }
    assert_int_equal(1, listening.lost);
    assert_int_equal(DOHLE_ERR_COMMIT_FAILED, listening.lost_err);
    assert_int_equal(0, listening.revoked);
    assert_int_equal(2, listening.assigned);
    close_consumer(consumer);
}

static void test_retained_records_outlive_the_consumer(void **state)
{
    (void)state;
    static const char *const settings[] = {"max.poll.records", "50", NULL};
    dohle_consumer *consumer = open_consumer(NULL, settings);
    const dohle_topic_partition all[] = {{topic, 0}, {topic, 1}, {topic, 2}};
    OK(consumer, dohle_consumer_assign(consumer, all, PARTITIONS));
    dohle_records *records = poll_records(consumer);
    const dohle_record first = *dohle_records_next(records);
    uint8_t value[4096];
    assert_true(first.value.size <= sizeof(value));
    memcpy(value, first.value.data, first.value.size);
    size_t count = dohle_records_count(records);
    dohle_records *kept = dohle_records_retain(records);
    assert_non_null(kept);
    for (int i = 0; i < 20; i++) {
        OK(consumer, dohle_consumer_poll(consumer, 10, &records));
    }
    close_consumer(consumer);
    assert_int_equal(count, dohle_records_count(kept));
    const dohle_record *again = dohle_records_next(kept);
    assert_string_equal(topic, again->topic);
    assert_int_equal(first.offset, again->offset);
    assert_int_equal(first.value.size, again->value.size);
    assert_memory_equal(value, again->value.data, first.value.size);
    dohle_records_release(kept);
}

static void test_the_descriptor_drives_an_event_loop(void **state)
{
    (void)state;
    static const char *const settings[] = {"max.poll.records", "100", NULL};
    dohle_consumer *consumer = open_consumer(new_group(), settings);
    subscribe(consumer, NULL);
    struct seen seen;
    seen_init(&seen);
    int64_t deadline_ms = now_ms() + PATIENCE_MS;
    long wakes = 0;
    while (seen.distinct < record_count && now_ms() < deadline_ms) {
        struct pollfd watched = {.fd = dohle_consumer_fd(consumer), .events = POLLIN};
        assert_true(poll(&watched, 1, 5000) >= 0);
        wakes++;
        dohle_records *records;
        OK(consumer, dohle_consumer_poll(consumer, 0, &records));
        seen_add(&seen, records);
    }
    assert_int_equal(record_count, seen.distinct);
    assert_int_equal(record_count, seen.total);
    assert_true(wakes < record_count + 1000); // it sleeps when there is nothing
    // All is read: the descriptor goes quiet but for what is due.
    long quiet_wakes = 0;
    int64_t quiet_until_ms = now_ms() + 1000;
    while (now_ms() < quiet_until_ms) {
        struct pollfd watched = {.fd = dohle_consumer_fd(consumer), .events = POLLIN};
        if (poll(&watched, 1, 100) > 0) {
            quiet_wakes++;
            dohle_records *records;
            OK(consumer, dohle_consumer_poll(consumer, 0, &records));
        }
    }
    assert_true(quiet_wakes < 50);
    dohle_consumer_wakeup(consumer);
    struct pollfd watched = {.fd = dohle_consumer_fd(consumer), .events = POLLIN};
    assert_int_equal(1, poll(&watched, 1, 5000));
    assert_int_equal(DOHLE_ERR_WAKEUP, poll_error(consumer));
    close_consumer(consumer);
    seen_deinit(&seen);
}

static void test_looking_around(void **state)
{
    (void)state;
    dohle_consumer *consumer = open_consumer(NULL, NULL);
    const dohle_partition_info *infos;
    size_t count;
    OK(consumer,
       dohle_consumer_partitions_for(consumer, topic, PATIENCE_MS, &infos, &count));
    assert_int_equal(PARTITIONS, count);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_string_equal(topic, infos[i].topic);
        assert_int_equal(i, infos[i].partition);
        assert_true(infos[i].leader >= 0);
        assert_true(infos[i].in_sync_count >= 1);
    }
    OK(consumer,
       dohle_consumer_partitions_for(consumer, "no-such-topic", PATIENCE_MS, &infos,
                                     &count)); // API-116
    assert_int_equal(0, count);
    OK(consumer, dohle_consumer_list_topics(consumer, PATIENCE_MS, &infos, &count));
    bool is_listed = false;
    for (size_t i = 0; i < count; i++) {
        is_listed = is_listed || strcmp(infos[i].topic, topic) == 0;
        assert_true(i == 0 || strcmp(infos[i - 1].topic, infos[i].topic) <= 0);
    }
    assert_true(is_listed);
    close_consumer(consumer);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "consumer_api BOOTSTRAP TOPIC RECORDS\n");
        return 2;
    }
    bootstrap = argv[1];
    topic = argv[2];
    record_count = strtol(argv[3], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_consumers_in_one_thread),
        cmocka_unit_test(test_poll_does_not_wait_for_a_rebalance),
        cmocka_unit_test(test_positions_without_a_group),
        cmocka_unit_test(test_offsets_out_of_range),
        cmocka_unit_test(test_commits),
        cmocka_unit_test(test_calls_inside_callbacks),
        cmocka_unit_test(test_too_long_between_polls),
        cmocka_unit_test(test_retained_records_outlive_the_consumer),
        cmocka_unit_test(test_the_descriptor_drives_an_event_loop),
        cmocka_unit_test(test_looking_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
