// SPDX-License-Identifier: MIT
#include "store_rig.h"

#include "store/log.h"

static void test_appends_are_read_back(void **state)
{
    struct store_rig *rig = *state;
    assert_int_equal(0, dh_store_log_start(rig->log));
    assert_int_equal(0, dh_store_log_end(rig->log));
    assert_int_equal(-1, dh_store_log_latest_epoch(rig->log));
    rig->leader_epoch = 3;
    assert_int_equal(0, rig_append(rig, RIG_PLAIN(5, 100)));
    assert_int_equal(0, rig->appended.base_offset);
    assert_int_equal(5, rig->appended.end_offset);
    assert_int_equal(-1, rig->appended.append_time_ms);
    assert_false(rig->appended.is_duplicate);
    assert_int_equal(1, rig->changes);
    assert_int_equal(0, rig_append(rig, RIG_PLAIN(2, 10)));
    assert_int_equal(5, rig->appended.base_offset);
    assert_int_equal(7, dh_store_log_end(rig->log));
    assert_int_equal(7, dh_store_log_high_watermark(rig->log));
    assert_int_equal(3, dh_store_log_latest_epoch(rig->log));
    assert_int_equal(7, rig_read_all(rig, 0, 1 << 20));
    assert_int_equal(4, rig_read_all(rig, 3, 1));
}

// Two batches at once, stamped in place with offsets and epoch; checksums stay right.
static void test_several_batches_at_once(void **state)
{
    struct store_rig *rig = *state;
    uint8_t both[400];
    dohle_bytes first = rig_make(rig, &RIG_PLAIN(3, 10));
    memcpy(both, first.data, first.size);
    dohle_bytes second = rig_make(rig, &RIG_PLAIN(4, 5));
    assert_true(first.size + second.size <= sizeof(both));
    memcpy(both + first.size, second.data, second.size);
    assert_int_equal(0, dh_store_log_append(rig->log, both, first.size + second.size, 9,
                                            1000, &rig->appended));
    assert_int_equal(7, rig->appended.end_offset);
    assert_int_equal(7, rig_read_all(rig, 0, 1 << 20));
    struct dh_reader reader;
    struct dh_batch batch;
    dh_reader_init(&reader, (dohle_bytes){both + first.size, second.size});
    assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, &batch));
    assert_int_equal(3, batch.base_offset);
    assert_int_equal(9, batch.leader_epoch);
    // One that is not whole appends nothing.
    assert_int_equal(DOHLE_ERR_CORRUPT,
                     dh_store_log_append(rig->log, both, first.size + second.size - 1, 9,
                                         1000, &rig->appended));
    assert_int_equal(7, dh_store_log_end(rig->log));
}

static void test_append_time(void **state)
{
    struct store_rig *rig = *state;
    rig->config.is_append_time = true;
    dh_store_log_set_config(rig->log, &rig->config);
    rig->wall_ms = 777;
    assert_int_equal(0, rig_append(rig, RIG_PLAIN(2, 10)));
    assert_int_equal(777, rig->appended.append_time_ms);
    assert_int_equal(2, rig_read_all(rig, 0, 1000)); // with checksums
    struct dh_store_found found;
    assert_int_equal(0, dh_store_log_find_time(rig->log, 700, &found));
    assert_int_equal(0, found.offset);
    assert_int_equal(777, found.timestamp_ms);
}

static void test_reads_are_bounded(void **state)
{
    struct store_rig *rig = *state;
    struct dh_buf out;
    rig_fill(rig, 10, 1000, 0);
    dh_buf_init(&out, &rig->memory.allocator, 0);

    const struct {
        int64_t from;
        int64_t end;
        size_t bytes_max;
        bool is_first_whole;
        int64_t batches;
    } rows[] = {
        {0, 10, 1 << 20, false, 10}, // all
        {0, 10, 2500, false, 2},     // as many as fit
        {0, 10, 100, false, 0},      // not even one
        {0, 10, 0, true, 1},         // the first one whole
        {0, 10, 1500, true, 1},      // and no more
        {3, 5, 1 << 20, false, 2},   // below the end
        {9, 10, 1 << 20, false, 1},  //
        {10, 10, 1 << 20, true, 0},  // nothing there
        {5, 3, 1 << 20, true, 0},    //
        {0, 99, 1 << 20, true, 10},  // the end of the log counts
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_reader reader;
        struct dh_batch batch;
        out.size = 0;
        dh_buf_append(&out, "before", 6);
        assert_int_equal(0, dh_store_log_read(rig->log, rows[i].from, rows[i].end,
                                              rows[i].bytes_max, rows[i].is_first_whole,
                                              &out));
        assert_memory_equal("before", out.data, 6);
        dh_reader_init(&reader, (dohle_bytes){out.data + 6, out.size - 6});
        int64_t count = 0;
        while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
            assert_int_equal(rows[i].from + count, batch.base_offset);
            count++;
        }
        assert_int_equal(rows[i].batches, count);
        assert_int_equal(0, dh_reader_left(&reader));
    }
    dh_buf_deinit(&out);
}

// Many segments, small and large batches; any offset is found from anywhere.
static void test_segments_and_look_ups(void **state)
{
    struct store_rig *rig = *state;
    struct dh_random random = {5};
    rig->config.segment_bytes = 20000;
    rig->config.index_interval_bytes = 300;
    dh_store_log_set_config(rig->log, &rig->config);
    int64_t ends[400];
    int64_t end = 0;
    for (int i = 0; i < 400; i++) {
        int32_t count = 1 + (int32_t)dh_random_below(&random, 5);
        assert_int_equal(
            0, rig_append(rig, RIG_PLAIN(count, dh_random_below(&random, 200))));
        end += count;
        ends[i] = end;
    }
    assert_in_range(rig->log->segment_count, 5, 40);
    for (int round = 0; round < 3; round++) {
        struct dh_buf out;
        assert_int_equal(end, rig_read_all(rig, 0, 1 << 20));
        assert_int_equal(end, rig_read_all(rig, 0, 700));
        assert_int_equal(end - 100, rig_read_all(rig, 100, 1));
        dh_buf_init(&out, &rig->memory.allocator, 0);
        for (int i = 0; i < 500; i++) {
            int64_t from = (int64_t)dh_random_below(&random, (uint64_t)end);
            struct dh_reader reader;
            struct dh_batch batch;
            out.size = 0;
            assert_int_equal(0, dh_store_log_read(rig->log, from, end, 1, true, &out));
            dh_reader_init(&reader, dh_buf_view(&out));
            assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, &batch));
            assert_true(batch.base_offset <= from && from <= batch.last_offset);
        }
        dh_buf_deinit(&out);
        // A stop of either kind, and on.
        rig_reopen(rig, round == 0);
        assert_int_equal(end, dh_store_log_end(rig->log));
        assert_int_equal(round == 0, rig->recovery.was_clean);
    }
    // Bytes between offsets add up.
    assert_int_equal(dh_store_log_size(rig->log),
                     dh_store_log_bytes_between(rig->log, 0, end));
    assert_int_equal(0, dh_store_log_bytes_between(rig->log, end, end));
    int64_t middle = ends[200];
    assert_int_equal(dh_store_log_size(rig->log),
                     dh_store_log_bytes_between(rig->log, 0, middle) +
                         dh_store_log_bytes_between(rig->log, middle, end));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_appends_are_read_back, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(test_several_batches_at_once, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(test_append_time, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(test_reads_are_bounded, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(test_segments_and_look_ups, rig_set_up,
                                        rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
