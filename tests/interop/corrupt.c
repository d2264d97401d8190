// SPDX-License-Identifier: MIT
/*
 * A batch that is corrupt in the broker's log:
 * corrupt BOOTSTRAP TOPIC FIRST NEXT COUNT0 COUNT1 HOW
 *
 * TOPIC has two partitions with COUNT0 and COUNT1 records. The batch of partition 0
 * from offset FIRST up to NEXT (not included) is corrupt. HOW: "value" if it can be
 * read when nobody looks at the checksum, "codec" if not even then. Run by
 * test_corrupt.py.
 */
#include "../unit/test.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <dohle/dohle.h>

#define PARTITIONS  2
#define PATIENCE_MS 20000
// So often the error is to come, whatever is read of the other partition meanwhile.
#define ERRORS_SEEN 5

static const char *bootstrap;
static const char *topic;
static int64_t first_bad;
static int64_t next_good;
static int64_t count[PARTITIONS];
static bool is_readable; // without checksums

struct seen {
    dohle_consumer *consumer;
    int64_t next[PARTITIONS]; // the offset that must come next
    int errors;
};

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(0, clock_gettime(CLOCK_MONOTONIC, &now));
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Reads both partitions from the start, by hand or as the only member of a group.
static void begin(struct seen *seen, bool has_group, const char *check_crcs)
{
    memset(seen, 0, sizeof(*seen));
    char group[64];
    snprintf(group, sizeof(group), "corrupt-%ld-%lld", (long)getpid(),
             (long long)now_ms());
    const char *const settings[][2] = {
        {"bootstrap.servers", bootstrap}, {"auto.offset.reset", "earliest"},
        {"check.crcs", check_crcs},       {"max.poll.records", "10"},
        {"enable.auto.commit", "false"},  {"group.id", group},
    };
    dohle_config *config = dohle_config_new();
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        assert_int_equal(0, dohle_config_set(config, settings[i][0], settings[i][1]));
    }
    assert_int_equal(0, dohle_consumer_open(config, NULL, &seen->consumer));
    dohle_config_free(config);
    if (has_group) {
        assert_int_equal(0, dohle_consumer_subscribe(seen->consumer, &topic, 1, NULL));
        return;
    }
    const dohle_topic_partition all[] = {{topic, 0}, {topic, 1}};
    assert_int_equal(0, dohle_consumer_assign(seen->consumer, all, 2));
}

static void end(struct seen *seen)
{
    assert_int_equal(0, dohle_consumer_close(seen->consumer, PATIENCE_MS));
    dohle_consumer_free(seen->consumer);
}

// The error tells all that one needs to go on.
static void check_error(const struct seen *seen, int err)
{
    const dohle_error_info *info = dohle_consumer_last_error(seen->consumer);
    if (err != DOHLE_ERR_CORRUPT) {
        fail_msg("%d: %s", err, info->text);
    }
    assert_int_equal(DOHLE_ERR_CORRUPT, info->code);
    assert_int_equal(DOHLE_CLASS_DATA, dohle_error_class(err));
    assert_string_equal(topic, info->topic);
    assert_int_equal(0, info->partition);
    assert_int_equal(first_bad, info->offset);
    // The text says the same to people.
    char offset[32];
    snprintf(offset, sizeof(offset), "%lld", (long long)first_bad);
    assert_non_null(strstr(info->text, topic));
    assert_non_null(strstr(info->text, offset));
}

// One poll: records in order, none skipped; or the error, behind all records before it.
static void poll_once(struct seen *seen)
{
    dohle_records *records;
    int err = dohle_consumer_poll(seen->consumer, 200, &records);
    if (err != 0) {
        check_error(seen, err);
        assert_int_equal(first_bad, seen->next[0]);
        assert_int_equal(0, dohle_records_count(records));
        seen->errors++;
        return;
    }
    for (const dohle_record *record; (record = dohle_records_next(records)) != NULL;) {
        assert_int_equal(seen->next[record->partition], record->offset);
        seen->next[record->partition]++;
    }
}

static void poll_until(struct seen *seen, int64_t end0, int64_t end1, int errors)
{
    int64_t deadline_ms = now_ms() + PATIENCE_MS;
    while (seen->next[0] < end0 || seen->next[1] < end1 || seen->errors < errors) {
        if (now_ms() > deadline_ms) {
            fail_msg("partition 0 at %lld, 1 at %lld, errors: %d",
                     (long long)seen->next[0], (long long)seen->next[1], seen->errors);
        }
        poll_once(seen);
    }
}

// X-017, L13: an error every time, the other partition goes on, and seek leads past it.
static void check_way_past(bool has_group, const char *check_crcs)
{
    struct seen seen;
    begin(&seen, has_group, check_crcs);
    poll_until(&seen, first_bad, count[1], ERRORS_SEEN);
    int64_t offset;
    assert_int_equal(
        0, dohle_consumer_position(seen.consumer, topic, 0, PATIENCE_MS, &offset));
    assert_int_equal(first_bad, offset);
    enum dohle_idle_reason reason;
    assert_int_equal(0, dohle_consumer_idle_reason(seen.consumer, topic, 0, &reason));
    assert_int_equal(DOHLE_IDLE_ERROR, reason);
    // All that is before it can be committed.
    assert_int_equal(0, dohle_consumer_commit_sync(seen.consumer, NULL, 0, PATIENCE_MS));
    dohle_offset committed = {.topic = topic, .partition = 0};
    assert_int_equal(0,
                     dohle_consumer_committed(seen.consumer, &committed, 1, PATIENCE_MS));
    assert_int_equal(first_bad, committed.offset);

    assert_int_equal(0, dohle_consumer_seek(seen.consumer, topic, 0, next_good));
    seen.next[0] = next_good;
    poll_until(&seen, count[0], count[1], ERRORS_SEEN);
    assert_int_equal(ERRORS_SEEN, seen.errors); // no more since then
    end(&seen);
}

static void test_by_hand(void **state)
{
    (void)state;
    check_way_past(false, "true");
}

static void test_as_member(void **state)
{
    (void)state;
    check_way_past(true, "true");
}

static void test_without_checksums(void **state)
{
    (void)state;
    if (!is_readable) {
        check_way_past(false, "false");
        return;
    }
    struct seen seen;
    begin(&seen, false, "false");
    poll_until(&seen, count[0], count[1], 0);
    assert_int_equal(0, seen.errors);
    end(&seen);
}

// Who comes back to it after seeking away meets it again.
static void test_seek_back(void **state)
{
    (void)state;
    struct seen seen;
    begin(&seen, false, "true");
    poll_until(&seen, first_bad, 0, 1);
    assert_int_equal(0, dohle_consumer_seek(seen.consumer, topic, 0, next_good));
    seen.next[0] = next_good;
    poll_until(&seen, next_good + 1, 0, 1);
    assert_int_equal(0, dohle_consumer_seek(seen.consumer, topic, 0, first_bad));
    seen.next[0] = first_bad;
    int errors = seen.errors;
    poll_until(&seen, first_bad, count[1], errors + 2);
    end(&seen);
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: %s BOOTSTRAP TOPIC FIRST NEXT COUNT0 COUNT1 HOW\n",
                argv[0]);
        return 2;
    }
    bootstrap = argv[1];
    topic = argv[2];
    first_bad = strtoll(argv[3], NULL, 10);
    next_good = strtoll(argv[4], NULL, 10);
    count[0] = strtoll(argv[5], NULL, 10);
    count[1] = strtoll(argv[6], NULL, 10);
    is_readable = strcmp(argv[7], "value") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_as_member),
        cmocka_unit_test(test_without_checksums),
        cmocka_unit_test(test_seek_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
