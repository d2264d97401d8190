// SPDX-License-Identifier: MIT
#include "store_rig.h"

#include "rough_files.h"
#include "store/handles.h"
#include "store/log.h"
#include "store/state.h"

#define LOGS 200

// More logs than may have open files: all work, and few files are open.
static void run(enum dh_store_mode mode)
{
    struct store_rig *rig = rig_new();
    struct dh_uuid id = {{1}};
    struct dh_store_log *logs[LOGS];
    rig->mode = mode;
    assert_int_equal(0, rig_open(rig));
    for (int32_t i = 0; i < LOGS; i++) {
        assert_int_equal(
            0, dh_store_create_log(rig->store, "t", i, id, &rig->config, &logs[i]));
    }
    for (int round = 0; round < 3; round++) {
        for (int32_t i = 0; i < LOGS; i++) {
            rig->log = logs[i];
            rig_fill(rig, 3, 3000, 0);
            assert_int_equal(3 * (round + 1), rig_read_all(rig, 0, 1000));
            assert_true(rig->store->handles.count <= DH_STORE_OPEN_SEGMENTS_MAX);
        }
    }
    rig_reopen(rig, true);
    assert_true(rig->store->handles.count <= DH_STORE_OPEN_SEGMENTS_MAX);
    for (int32_t i = 0; i < LOGS; i++) {
        rig->log = dh_store_find_log(rig->store, "t", i);
        assert_non_null(rig->log);
        assert_int_equal(9, rig_read_all(rig, 0, 1000));
    }
    rig_close(rig, true);
    dh_batch_writer_deinit(&rig->writer);
    dh_memory_files_free(rig->files);
    assert_int_equal(0, rig->memory.bytes);
    free(rig);
}

static void test_few_files_are_open(void **state)
{
    (void)state;
    run(DH_STORE_CACHED);
    run(DH_STORE_SYNCED);
}

// What is not on disk yet stays open: an error of a late write is told to whoever has the
// file open.
static void test_unsynced_files_stay_open(void **state)
{
    (void)state;
    struct store_rig *rig = rig_new();
    struct rough_files *files = rough_new(1);
    struct dh_uuid id = {{1}};
    struct dh_store_log *first = NULL;
    rig->vfs = &files->vfs;
    rig->mode = DH_STORE_SYNCED;
    assert_int_equal(0, rig_open(rig));
    for (int32_t i = 0; i < 20; i++) {
        rig->config.segment_bytes = 1000;
        assert_int_equal(
            0, dh_store_create_log(rig->store, "t", i, id, &rig->config, &rig->log));
        first = i == 0 ? rig->log : first;
        rig_fill(rig, 10, 300, 0);
        if (i > 0) {
            while (rough_end_syncs(files) > 0 && i % 5 == 4) {
            }
        }
    }
    for (size_t i = 0; i < first->segment_count; i++) {
        const struct dh_store_segment *segment = first->segments[i];
        bool is_on_disk = dh_store_segment_end(segment) <= first->recovery_point;
        assert_true(is_on_disk || segment->files[DH_STORE_FILE_LOG] != NULL);
    }
    while (rough_end_syncs(files) > 0) {
    }
    rig_close(rig, true);
    dh_batch_writer_deinit(&rig->writer);
    dh_memory_files_free(rig->files);
    assert_int_equal(0, rig->memory.bytes);
    free(rig);
    rough_free(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_files_are_open),
        cmocka_unit_test(test_unsynced_files_stay_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
