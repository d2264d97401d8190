// SPDX-License-Identifier: MIT
#include "store_rig.h"

#include "store/log.h"
#include "store/state.h"

static void configure(struct store_rig *rig, int64_t segment_bytes)
{
    rig->config.segment_bytes = segment_bytes;
    dh_store_log_set_config(rig->log, &rig->config);
}

// At every offset: what is left is what came before, and the log goes on from there.
static void test_truncate_anywhere(void **state)
{
    struct store_rig *rig = *state;
    configure(rig, 2000);
    rig->config.index_interval_bytes = 300;
    dh_store_log_set_config(rig->log, &rig->config);
    for (int64_t end = 60; end > 0; end -= 7) {
        int64_t next = dh_store_log_end(rig->log);
        while (next < 60) {
            rig->leader_epoch++;
            assert_int_equal(0, rig_append(rig, RIG_PLAIN(3, 100)));
            next = rig->appended.end_offset;
        }
        int32_t epoch = dh_store_log_latest_epoch(rig->log);
        assert_int_equal(0, dh_store_log_truncate(rig->log, end));
        // Batches have three records, and go whole.
        assert_int_equal(end / 3 * 3, dh_store_log_end(rig->log));
        assert_int_equal(end / 3 * 3, dh_store_log_high_watermark(rig->log));
        assert_int_equal(end / 3 * 3, rig_read_all(rig, 0, 500));
        assert_true(end < 3 || dh_store_log_latest_epoch(rig->log) <= epoch);
        rig_reopen(rig, end % 2 == 0);
        assert_int_equal(end / 3 * 3, dh_store_log_end(rig->log));
        assert_int_equal(end / 3 * 3, rig_read_all(rig, 0, 500));
    }
    assert_int_equal(0, dh_store_log_truncate(rig->log, 1000));
    assert_int_equal(0, dh_store_log_truncate(rig->log, 0));
    assert_int_equal(0, dh_store_log_end(rig->log));
    assert_int_equal(0, dh_store_log_size(rig->log));
    assert_int_equal(-1, dh_store_log_latest_epoch(rig->log));
}

static void test_truncate_below_the_start(void **state)
{
    struct store_rig *rig = *state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(0, rig_append(rig, RIG_PLAIN(10, 20)));
    }
    assert_int_equal(0, dh_store_log_delete_before(rig->log, 15));
    assert_int_equal(0, dh_store_log_truncate(rig->log, 2));
    assert_int_equal(15, dh_store_log_start(rig->log));
    assert_int_equal(15, dh_store_log_end(rig->log));
    assert_int_equal(0, rig_append(rig, RIG_PLAIN(2, 20)));
    assert_int_equal(15, rig->appended.base_offset);
    rig_reopen(rig, false);
    assert_int_equal(2, rig_read_all(rig, 15, 100));
}

static void test_truncate_forgets_producers_and_times(void **state)
{
    struct store_rig *rig = *state;
    struct rig_batch batch = RIG_PLAIN(1, 10);
    batch.producer_id = 5;
    batch.first_ms = 100;
    assert_int_equal(0, rig_append(rig, batch));
    batch.sequence = 1;
    batch.first_ms = 900;
    assert_int_equal(0, rig_append(rig, batch));
    assert_int_equal(0, dh_store_log_truncate(rig->log, 1));
    struct dh_store_found found;
    assert_int_equal(0, dh_store_log_find_max_time(rig->log, &found));
    assert_int_equal(0, found.offset);
    assert_int_equal(100, found.timestamp_ms);
    assert_int_equal(0, rig_append(rig, batch));
    assert_int_equal(0, rig->appended.broker_code);
    assert_false(rig->appended.is_duplicate);
}

static void test_delete_before(void **state)
{
    struct store_rig *rig = *state;
    configure(rig, 1000);
    rig_fill(rig, 30, 300, 0); // two a segment
    assert_int_equal(15, rig->log->segment_count);

    const struct {
        int64_t start;
        int err;
        int64_t expected;
        size_t segments;
    } rows[] = {
        {0, 0, 0, 15},  {3, 0, 3, 14}, // within a segment
        {2, 0, 3, 14},                 // never back
        {4, 0, 4, 13},  {31, DOHLE_ERR_OFFSET_OUT_OF_RANGE, 4, 13},
        {29, 0, 29, 1}, {30, 0, 30, 1}, // all of it: the active segment stays
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].err,
                         dh_store_log_delete_before(rig->log, rows[i].start));
        assert_int_equal(rows[i].expected, dh_store_log_start(rig->log));
        assert_int_equal(rows[i].segments, rig->log->segment_count);
        assert_int_equal(30 - rows[i].expected, rig_read_all(rig, rows[i].expected, 500));
    }
    assert_int_equal(0, dh_store_checkpoint(rig->store));
    assert_true(rig_file_is(rig, DH_STORE_LOG_STARTS_FILE, "0\n1\norders 0 30\n"));
    rig_reopen(rig, false);
    assert_int_equal(30, dh_store_log_start(rig->log));
    assert_int_equal(0, dh_store_log_apply_retention(rig->log, 1000));
    assert_int_equal(0, dh_store_log_size(rig->log));
    rig_fill(rig, 1, 300, 0);
    assert_int_equal(31, dh_store_log_end(rig->log));
    assert_int_equal(1, rig_read_all(rig, 30, 500));
}

static void test_retention_by_size(void **state)
{
    struct store_rig *rig = *state;
    configure(rig, 1000);
    rig_fill(rig, 20, 300, 0);
    int64_t segment = dh_store_log_size(rig->log) / 10;

    const struct {
        int64_t bytes;
        int64_t segments_left;
    } rows[] = {
        {-1, 10},         {segment * 10, 10},   {segment * 9 + 1, 10},
        {segment * 9, 9}, {segment * 4 - 1, 4}, {0, 1}, // a new one
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        rig->config.retention_bytes = rows[i].bytes;
        dh_store_log_set_config(rig->log, &rig->config);
        rig->changes = 0;
        int64_t start = dh_store_log_start(rig->log);
        assert_int_equal(0, dh_store_log_apply_retention(rig->log, 1000));
        assert_int_equal(rows[i].segments_left, rig->log->segment_count);
        assert_int_equal(start != dh_store_log_start(rig->log), rig->changes);
        assert_int_equal(20 - dh_store_log_start(rig->log),
                         rig_read_all(rig, dh_store_log_start(rig->log), 500));
    }
    assert_int_equal(20, dh_store_log_start(rig->log));
    assert_int_equal(0, dh_store_log_size(rig->log));
}

static void test_retention_by_time(void **state)
{
    struct store_rig *rig = *state;
    configure(rig, 1000);
    rig->config.retention_ms = 100;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 20, 300, 1000); // segment i ends at 1000 + 2 i + 1

    const struct {
        int64_t wall_ms;
        int64_t start;
    } rows[] = {
        {1000, 0},  {1101, 0},  {1102, 2},
        {1105, 4},  {1119, 18}, {1120, 20}, // all of it: a new segment
        {9999, 20},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(0, dh_store_log_apply_retention(rig->log, rows[i].wall_ms));
        assert_int_equal(rows[i].start, dh_store_log_start(rig->log));
    }
    assert_int_equal(1, rig->log->segment_count);
    // Not with cleanup.policy=compact alone.
    rig_fill(rig, 1, 300, 0);
    rig->config.is_deleted = false;
    dh_store_log_set_config(rig->log, &rig->config);
    assert_int_equal(0, dh_store_log_apply_retention(rig->log, 99999));
    assert_int_equal(20, dh_store_log_start(rig->log));
}

// Kafka rolls by the times of the records; without any by the wall.
static void test_rolls_by_time(void **state)
{
    struct store_rig *rig = *state;
    rig->config.segment_ms = 50;
    dh_store_log_set_config(rig->log, &rig->config);

    const struct {
        int64_t timestamp_ms;
        int64_t wall_ms;
        size_t segments;
    } rows[] = {
        {1000, 5, 1},    {1050, 500, 1},  {900, 9000, 1}, {1051, 9000, 2},
        {1000, 9000, 2}, {1102, 9000, 3}, {-1, 9000, 3},  {1153, 9000, 4},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig_batch batch = RIG_PLAIN(1, 10);
        batch.first_ms = rows[i].timestamp_ms;
        rig->wall_ms = rows[i].wall_ms;
        assert_int_equal(0, rig_append(rig, batch));
        assert_int_equal(rows[i].segments, rig->log->segment_count);
    }
    // A segment that begins without times.
    assert_int_equal(0, dh_store_log_truncate(rig->log, 0));
    struct rig_batch batch = RIG_PLAIN(1, 10);
    batch.first_ms = -1;
    rig_reopen(rig, true);

    const struct {
        int64_t wall_ms;
        size_t segments;
    } by_wall[] = {{1000, 1}, {1050, 1}, {1051, 2}, {1060, 2}, {1102, 3}};

    for (size_t i = 0; i < DH_COUNT_OF(by_wall); i++) {
        rig->wall_ms = by_wall[i].wall_ms;
        assert_int_equal(0, rig_append(rig, batch));
        assert_int_equal(by_wall[i].segments, rig->log->segment_count);
    }
}

static void test_rolls_when_an_index_is_full(void **state)
{
    struct store_rig *rig = *state;
    rig->config.index_bytes = 80; // ten offsets, or six times less one
    rig->config.index_interval_bytes = 1;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 50, 10, 0);
    assert_in_range(rig->log->segment_count, 50 / 11, 50 / 4);
    for (size_t i = 0; i < rig->log->segment_count; i++) {
        const struct dh_store_segment *segment = rig->log->segments[i];
        assert_in_range(dh_store_index_count(&segment->offsets), 0, 10);
        assert_in_range(dh_store_index_count(&segment->times), 0, 6);
    }
    assert_int_equal(50, rig_read_all(rig, 0, 100));
}

// Offsets in an index are relative and of 31 bits.
static void test_rolls_when_offsets_get_too_large(void **state)
{
    struct store_rig *rig = *state;
    rig_fill(rig, 1, 10, 0);
    // As a log that lost nearly all to compaction.
    rig->log->end = INT64_C(0x7fffffff);
    rig_fill(rig, 1, 10, 0);
    assert_int_equal(1, rig->log->segment_count);
    rig_fill(rig, 1, 10, 0);
    assert_int_equal(2, rig->log->segment_count);
    assert_int_equal(INT64_C(0x80000000), rig->log->segments[1]->base_offset);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_truncate_anywhere),
        TEST(test_truncate_below_the_start),
        TEST(test_truncate_forgets_producers_and_times),
        TEST(test_delete_before),
        TEST(test_retention_by_size),
        TEST(test_retention_by_time),
        TEST(test_rolls_by_time),
        TEST(test_rolls_when_an_index_is_full),
        TEST(test_rolls_when_offsets_get_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
