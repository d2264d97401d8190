// SPDX-License-Identifier: MIT
// Look-ups by time against a plain list, over segments, codecs and times in disorder.
#include "store_rig.h"

#include "store/log.h"

#define RECORDS_MAX 3000

struct times {
    int64_t ms[RECORDS_MAX]; // by offset
    int64_t count;
};

static void fill(struct store_rig *rig, struct times *times, struct dh_random *random)
{
    static const char *const codecs[] = {NULL, "gzip", "snappy", "lz4", "zstd"};
    times->count = 0;
    for (int i = 0; i < 400; i++) {
        struct rig_batch batch = RIG_PLAIN(1 + (int32_t)dh_random_below(random, 6), 40);
        batch.codec = codecs[i % 5];
        batch.first_ms = 1000 + i * 3 + (int64_t)dh_random_below(random, 60);
        if (i % 50 == 49) {
            batch.first_ms = 5; // far behind
        }
        assert_int_equal(0, rig_append(rig, batch));
        for (int32_t k = 0; k < batch.count; k++) {
            times->ms[times->count++] = batch.first_ms + k;
        }
    }
}

static void check(struct store_rig *rig, const struct times *times)
{
    int64_t start = dh_store_log_start(rig->log);
    int64_t max_ms = -1;
    int64_t max_offset = -1;
    for (int64_t i = start; i < times->count; i++) {
        if (times->ms[i] > max_ms) {
            max_ms = times->ms[i];
            max_offset = i;
        }
    }
    struct dh_store_found found;
    for (int64_t ms = 0; ms < max_ms + 3; ms += 1 + ms % 3) {
        int64_t expected = -1;
        for (int64_t i = start; i < times->count && expected < 0; i++) {
            expected = times->ms[i] >= ms ? i : -1;
        }
        assert_int_equal(0, dh_store_log_find_time(rig->log, ms, &found));
        assert_int_equal(expected, found.offset);
        assert_int_equal(expected < 0 ? -1 : times->ms[expected], found.timestamp_ms);
        assert_int_equal(expected < 0 ? -1 : 4, found.leader_epoch);
    }
    assert_int_equal(0, dh_store_log_find_max_time(rig->log, &found));
    assert_int_equal(max_ms, found.timestamp_ms);
    assert_int_equal(max_offset, found.offset);
}

static void test_finds_what_a_list_finds(void **state)
{
    struct store_rig *rig = *state;
    static struct times times;
    struct dh_random random = {77};
    struct dh_store_found found;
    rig->config.segment_bytes = 12000;
    rig->config.index_interval_bytes = 200;
    rig->leader_epoch = 4;
    dh_store_log_set_config(rig->log, &rig->config);
    assert_int_equal(0, dh_store_log_find_time(rig->log, 0, &found));
    assert_int_equal(-1, found.offset);
    assert_int_equal(0, dh_store_log_find_max_time(rig->log, &found));
    assert_int_equal(-1, found.offset);
    fill(rig, &times, &random);
    assert_true(rig->log->segment_count > 3);
    check(rig, &times);
    rig_reopen(rig, true);
    check(rig, &times);
    rig_reopen(rig, false);
    check(rig, &times);
    assert_int_equal(0, dh_store_log_delete_before(rig->log, 300));
    check(rig, &times);
    assert_int_equal(0, dh_store_log_truncate(rig->log, 700));
    times.count = dh_store_log_end(rig->log);
    check(rig, &times);
}

// Without times there is nothing to find.
static void test_no_times(void **state)
{
    struct store_rig *rig = *state;
    struct rig_batch batch = RIG_PLAIN(1, 10);
    struct dh_store_found found;
    batch.first_ms = -1;
    assert_int_equal(0, rig_append(rig, batch));
    assert_int_equal(0, dh_store_log_find_time(rig->log, 0, &found));
    assert_int_equal(-1, found.offset);
    assert_int_equal(0, dh_store_log_find_max_time(rig->log, &found));
    assert_int_equal(-1, found.offset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_finds_what_a_list_finds, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(test_no_times, rig_set_up, rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
