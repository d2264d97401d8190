// SPDX-License-Identifier: MIT
#include "store_rig.h"

#include "rough_files.h"
#include "store/log.h"
#include "store/names.h"
#include "store/state.h"

struct bench {
    struct store_rig *rig;
    struct rough_files *files;
};

static int set_up_mode(void **state, enum dh_store_mode mode)
{
    static struct bench bench;
    bench.rig = rig_new();
    bench.files = rough_new(1);
    bench.rig->vfs = &bench.files->vfs;
    bench.rig->mode = mode;
    assert_int_equal(0, rig_open(bench.rig));
    assert_int_equal(0, rig_create(bench.rig));
    *state = &bench;
    return 0;
}

static int set_up_synced(void **state)
{
    return set_up_mode(state, DH_STORE_SYNCED);
}

static int set_up_cached(void **state)
{
    return set_up_mode(state, DH_STORE_CACHED);
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    rough_forget_syncs(bench->files);
    rig_close(bench->rig, false);
    dh_batch_writer_deinit(&bench->rig->writer);
    dh_memory_files_free(bench->rig->files);
    assert_int_equal(0, bench->rig->memory.bytes);
    free(bench->rig);
    rough_free(bench->files);
    return 0;
}

static const struct rough_node *contents_of(struct bench *bench, const char *path)
{
    static const struct rough_node none;
    const struct rough_name *name = rough_find(&bench->files->now, path);
    return name == NULL ? &none : name->node;
}

// What comes while a sync runs shares the next one.
static void test_group_commit(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    rig_fill(rig, 1, 100, 0);
    assert_true(dh_store_is_syncing(rig->store));
    rig_fill(rig, 5, 100, 1);
    assert_int_equal(0, dh_store_log_high_watermark(rig->log));
    assert_int_equal(6, dh_store_log_end(rig->log));
    assert_int_equal(0, rig->changes);
    assert_int_equal(1, rough_end_syncs(bench->files));
    assert_int_equal(1, dh_store_log_high_watermark(rig->log));
    assert_int_equal(1, rig->changes);
    assert_true(dh_store_is_syncing(rig->store));
    assert_int_equal(1, rough_end_syncs(bench->files));
    assert_int_equal(6, dh_store_log_high_watermark(rig->log));
    assert_int_equal(2, rig->changes);
    assert_false(dh_store_is_syncing(rig->store));
    assert_int_equal(0, rough_end_syncs(bench->files));
}

static void test_failed_sync_takes_the_log_offline(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    struct dh_store_log *other;
    struct dh_uuid id = {{9}};
    struct dh_store_found found;
    struct dh_buf out;
    assert_int_equal(
        0, dh_store_create_log(rig->store, "other", 0, id, &rig->config, &other));
    rig_fill(rig, 3, 100, 0);
    bench->files->sync_err = DOHLE_ERR_IO;
    rough_end_syncs(bench->files);
    bench->files->sync_err = 0;
    assert_true(dh_store_log_is_offline(rig->log));
    assert_int_equal(1, rig->changes);
    assert_int_equal(0, dh_store_log_high_watermark(rig->log));
    assert_int_equal(DOHLE_ERR_IO, rig_append(rig, RIG_PLAIN(1, 10)));
    dh_buf_init(&out, &rig->memory.allocator, 0);
    assert_int_equal(DOHLE_ERR_IO, dh_store_log_read(rig->log, 0, 3, 1000, true, &out));
    dh_buf_deinit(&out);
    assert_int_equal(DOHLE_ERR_IO, dh_store_log_find_time(rig->log, 0, &found));
    assert_int_equal(DOHLE_ERR_IO, dh_store_log_find_max_time(rig->log, &found));
    assert_int_equal(DOHLE_ERR_IO, dh_store_log_truncate(rig->log, 0));
    assert_int_equal(DOHLE_ERR_IO, dh_store_log_delete_before(rig->log, 0));
    assert_int_equal(DOHLE_ERR_IO, dh_store_log_apply_retention(rig->log, 0));
    // Others go on, and the next start looks at what there is.
    struct dh_store_log *log = rig->log;
    rig->log = other;
    rig_fill(rig, 2, 100, 0);
    while (rough_end_syncs(bench->files) > 0) {
    }
    assert_int_equal(2, dh_store_log_high_watermark(other));
    rig->log = log;
    rig_reopen(rig, true);
    assert_false(rig->recovery.was_clean);
    assert_int_equal(3, dh_store_log_end(rig->log));
    rig_fill(rig, 1, 100, 0);
}

// A sync under way keeps the file of a log that is deleted; the name is free at once.
static void test_delete_while_syncing(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    rig_fill(rig, 3, 100, 0);
    assert_int_equal(0, dh_store_delete_log(rig->store, rig->log));
    assert_null(dh_store_find_log(rig->store, RIG_TOPIC, 0));
    assert_null(rough_find(&bench->files->now, RIG_TOPIC "-0"));
    assert_true(dh_store_is_syncing(rig->store));
    assert_int_equal(0, rig_create(rig));
    rig_fill(rig, 1, 100, 0);
    assert_int_equal(2, rough_end_syncs(bench->files));
    assert_int_equal(1, dh_store_log_high_watermark(rig->log));
    assert_false(dh_store_is_syncing(rig->store));
    assert_int_equal(1, rig_read_all(rig, 0, 100));
}

// Segments are deleted while theirs is synced; the sync's end changes nothing.
static void test_retention_while_syncing(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    rig->config.segment_bytes = 500;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 10, 300, 0);
    assert_true(dh_store_is_syncing(rig->store));
    assert_int_equal(10, dh_store_log_high_watermark(rig->log)); // mode CACHED
    assert_int_equal(0, dh_store_log_delete_before(rig->log, 9));
    assert_int_equal(9, dh_store_log_start(rig->log));
    while (rough_end_syncs(bench->files) > 0) {
    }
    assert_false(dh_store_is_syncing(rig->store));
    assert_int_equal(1, rig_read_all(rig, 9, 100));
    assert_int_equal(9, rig->log->recovery_point);
}

// In mode CACHED full segments go to the disk, so that a start has one of them to check.
static void test_full_segments_are_synced(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    rig->config.segment_bytes = 500;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 1, 300, 0);
    assert_false(dh_store_is_syncing(rig->store));
    rig_fill(rig, 1, 300, 0);
    assert_int_equal(1, rough_end_syncs(bench->files)); // .log
    assert_int_equal(1, rough_end_syncs(bench->files)); // .index
    assert_int_equal(0, rig->log->recovery_point);
    assert_int_equal(1, rough_end_syncs(bench->files)); // .timeindex
    assert_int_equal(1, rig->log->recovery_point);
    assert_false(dh_store_is_syncing(rig->store));
    assert_int_equal(0, dh_store_checkpoint(rig->store));
    int64_t size = dh_store_log_size(rig->log);
    rig_reopen(rig, false);
    assert_int_equal(size / 2, rig->recovery.bytes_checked);
}

// A segment that was synced to its end, and is left then, still waits for its indexes.
static void test_indexes_before_the_recovery_point(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    rig->config.segment_bytes = 1000;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 2, 300, 0);
    while (rough_end_syncs(bench->files) > 0) {
    }
    assert_int_equal(2, rig->log->recovery_point);
    rig_fill(rig, 1, 300, 0);
    assert_int_equal(2, rig->log->segment_count);
    assert_int_equal(0, rig->log->recovery_point);
    assert_int_equal(2, dh_store_log_high_watermark(rig->log));
    static const int64_t recovery_points[] = {0, 0, 2,
                                              3}; // .log, .index, .timeindex, .log
    for (size_t i = 0; i < DH_COUNT_OF(recovery_points); i++) {
        assert_int_equal(1, rough_end_syncs(bench->files));
        assert_int_equal(recovery_points[i], rig->log->recovery_point);
    }
    assert_int_equal(3, dh_store_log_high_watermark(rig->log));
}

// Without room the append fails, the log is as it was, and goes on when there is room.
static void test_full_disk(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    for (size_t after = 0; after < 8; after++) {
        // It is the roll that finds no room, or the batch.
        rig->config.segment_bytes = after % 2 == 0 ? 2000 : 1 << 20;
        dh_store_log_set_config(rig->log, &rig->config);
        rig_fill(rig, 3, 400, 0);
        int64_t end = dh_store_log_end(rig->log);
        int64_t size = dh_store_log_size(rig->log);
        rough_plan(bench->files, ROUGH_FULL, after);
        int err = 0;
        while (err == 0) {
            err = rig_append(rig, RIG_PLAIN(2, 300));
            end += err == 0 ? 2 : 0;
            size = err == 0 ? dh_store_log_size(rig->log) : size;
        }
        assert_int_equal(DOHLE_ERR_IO, err);
        assert_true(rig->vfs->is_full);
        assert_false(dh_store_log_is_offline(rig->log));
        assert_int_equal(end, dh_store_log_end(rig->log));
        assert_int_equal(size, dh_store_log_size(rig->log));
        const struct dh_store_segment *active = dh_store_log_active(rig->log);
        struct dh_store_path path =
            dh_store_segment_path("orders-0", active->base_offset, ".log");
        assert_int_equal(active->size, contents_of(bench, path.text)->now.size);
        assert_int_equal(end, rig_read_all(rig, 0, 1000));
        bench->files->fault = ROUGH_NONE;
    }
    rig_fill(rig, 1, 400, 0);
    int64_t end = dh_store_log_end(rig->log);
    while (rough_end_syncs(bench->files) > 0) {
    }
    assert_int_equal(end, dh_store_log_high_watermark(rig->log));
    rig_reopen(rig, true);
    assert_true(rig->recovery.was_clean);
    assert_int_equal(end, rig_read_all(rig, 0, 1000));
}

// A full disk for long: indexes get fewer rows, and what is appended is found all the same.
static void test_indexes_do_without_room(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    rig->config.index_interval_bytes = 10;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 30, 50, 0);
    struct dh_store_segment *active = dh_store_log_active(rig->log);
    uint32_t rows = dh_store_index_count(&active->offsets);
    // The .log grows, its indexes cannot.
    for (int i = 0; i < 100; i++) {
        struct dh_file *file = active->files[DH_STORE_FILE_LOG];
        assert_non_null(file);
        rough_plan(bench->files, ROUGH_FULL, 1);
        assert_int_equal(0, rig_append(rig, RIG_PLAIN(1, 50)));
        bench->files->fault = ROUGH_NONE;
    }
    assert_true(dh_store_index_count(&active->offsets) >= rows / 2);
    assert_int_equal(130, rig_read_all(rig, 0, 1));
    rig_reopen(rig, true);
    assert_int_equal(130, rig_read_all(rig, 0, 1));
}

// What a start finds in the page cache is on disk before anybody may read it.
static void test_start_puts_on_disk_what_it_found(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    rig->config.segment_bytes = 1000;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 5, 300, 0);
    rough_forget_syncs(bench->files);
    rig_reopen(rig, false);
    assert_int_equal(5, dh_store_log_high_watermark(rig->log));
    for (size_t i = 0; i < rig->log->segment_count; i++) {
        struct dh_store_path path =
            dh_store_segment_path("orders-0", rig->log->segments[i]->base_offset, ".log");
        const struct rough_node *node = contents_of(bench, path.text);
        assert_true(node->now.size > 0);
        assert_int_equal(node->now.size, node->disk.size);
    }
    assert_int_equal(5, rig->log->recovery_point);
}

static void test_in_use(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    struct dh_store *first = rig->store;
    struct dh_store_log *log = rig->log;
    assert_int_equal(DOHLE_ERR_IN_USE, rig_open(rig));
    assert_string_equal("the data directory is in use by process 4711", rig->text);
    rig->store = first;
    rig->log = log;
}

// The cut is told to the disk before what is cut could be missed.
static void test_truncate_lowers_the_recovery_point_first(void **state)
{
    struct bench *bench = *state;
    struct store_rig *rig = bench->rig;
    rig_fill(rig, 10, 100, 0);
    while (rough_end_syncs(bench->files) > 0) {
    }
    assert_int_equal(0, dh_store_checkpoint(rig->store));
    assert_true(rig_file_is(rig, DH_STORE_RECOVERY_POINTS_FILE, "0\n1\norders 0 10\n"));
    assert_int_equal(0, dh_store_log_truncate(rig->log, 4));
    assert_true(rig_file_is(rig, DH_STORE_RECOVERY_POINTS_FILE, "0\n1\norders 0 0\n"));
    assert_int_equal(4, dh_store_log_high_watermark(rig->log));
    // A sync that was begun before the cut proves nothing about what came after.
    while (rough_end_syncs(bench->files) > 0) {
    }
    rig_fill(rig, 1, 100, 0);
    assert_int_equal(0, dh_store_log_truncate(rig->log, 4));
    rig_fill(rig, 3, 100, 0);
    assert_int_equal(1, rough_end_syncs(bench->files));
    assert_int_equal(4, dh_store_log_high_watermark(rig->log));
    assert_int_equal(1, rough_end_syncs(bench->files));
    assert_int_equal(7, dh_store_log_high_watermark(rig->log));
}

int main(void)
{
#define SYNCED(test) cmocka_unit_test_setup_teardown(test, set_up_synced, tear_down)
#define CACHED(test) cmocka_unit_test_setup_teardown(test, set_up_cached, tear_down)
    const struct CMUnitTest tests[] = {
        SYNCED(test_group_commit),
        SYNCED(test_failed_sync_takes_the_log_offline),
        SYNCED(test_delete_while_syncing),
        CACHED(test_retention_while_syncing),
        CACHED(test_full_segments_are_synced),
        SYNCED(test_indexes_before_the_recovery_point),
        SYNCED(test_full_disk),
        CACHED(test_full_disk),
        CACHED(test_indexes_do_without_room),
        SYNCED(test_start_puts_on_disk_what_it_found),
        SYNCED(test_in_use),
        SYNCED(test_truncate_lowers_the_recovery_point_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
