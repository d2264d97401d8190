// SPDX-License-Identifier: MIT
#include "../test.h"

#include <dohle/error.h>

#include "base/random.h"
#include "store/index.h"
#include "store/memory_files.h"

#define ROWS 5000

struct bench {
    struct test_memory memory;
    struct dh_memory_files *files;
    struct dh_vfs *vfs;
    struct dh_file *file;
    struct dh_store_index index;
    struct dh_store_row rows[ROWS];
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    test_memory_init(&bench->memory);
    bench->files = dh_memory_files_new(&bench->memory.allocator);
    assert_non_null(bench->files);
    bench->vfs = dh_memory_files_vfs(bench->files);
    assert_int_equal(0,
                     bench->vfs->calls->open(bench->vfs, "index",
                                             DH_VFS_WRITE | DH_VFS_CREATE, &bench->file));
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    dh_store_index_deinit(&bench->index);
    bench->vfs->calls->close(bench->vfs, bench->file);
    dh_memory_files_free(bench->files);
    assert_int_equal(0, bench->memory.bytes);
    free(bench);
    return 0;
}

static void fill(struct bench *bench, enum dh_store_index_kind kind, size_t count)
{
    struct dh_random random = {kind};
    int64_t key = kind == DH_STORE_INDEX_TIMES ? INT64_C(1700000000000) : 0;
    int64_t value = 0;
    dh_store_index_init(&bench->index, &bench->memory.allocator, kind);
    for (size_t i = 0; i < count; i++) {
        key += 1 + (int64_t)dh_random_below(&random, 9);
        value += 1 + (int64_t)dh_random_below(&random, 5000);
        bench->rows[i] = (struct dh_store_row){key, value};
        dh_store_index_add(&bench->index, bench->vfs, bench->file, bench->rows[i]);
        // Neither the same key again nor one below is a row.
        dh_store_index_add(&bench->index, bench->vfs, bench->file, bench->rows[i]);
    }
    assert_int_equal(count, dh_store_index_count(&bench->index));
}

static void check_floor(struct bench *bench, size_t count, bool by_value)
{
    int64_t at = (by_value ? bench->rows[0].value : bench->rows[0].key) - 2;
    size_t below = 0; // rows that are not above `at`
    int64_t end =
        (by_value ? bench->rows[count - 1].value : bench->rows[count - 1].key) + 3;
    for (; at < end; at += by_value ? 977 : 1) {
        while (below < count &&
               (by_value ? bench->rows[below].value : bench->rows[below].key) <= at) {
            below++;
        }
        struct dh_store_row row;
        int result = dh_store_index_floor(&bench->index, bench->vfs, bench->file,
                                          by_value, at, &row);
        assert_int_equal(below > 0, result);
        if (below > 0) {
            assert_int_equal(bench->rows[below - 1].key, row.key);
            assert_int_equal(bench->rows[below - 1].value, row.value);
        }
    }
}

static void test_floor(void **state)
{
    struct bench *bench = *state;
    static const size_t counts[] = {1, 31, 32, 33, 600, ROWS};
    for (size_t i = 0; i < DH_COUNT_OF(counts); i++) {
        for (int kind = 0; kind < 2; kind++) {
            assert_int_equal(0, bench->vfs->calls->truncate(bench->vfs, bench->file, 0));
            fill(bench, (enum dh_store_index_kind)kind, counts[i]);
            check_floor(bench, counts[i], false);
            check_floor(bench, counts[i], true);
            assert_int_equal(
                0, dh_store_index_flush(&bench->index, bench->vfs, bench->file));
            assert_int_equal(0, bench->index.buffered_count);
            check_floor(bench, counts[i], false);
            dh_store_index_deinit(&bench->index);
        }
    }
}

// Read back from the file, with the zeros of Kafka's active segments behind the rows.
static void test_load(void **state)
{
    struct bench *bench = *state;
    static const size_t counts[] = {0, 1, 2, 700};
    static const uint8_t zeros[24000];
    for (size_t i = 0; i < DH_COUNT_OF(counts); i++) {
        for (int kind = 0; kind < 2; kind++) {
            assert_int_equal(0, bench->vfs->calls->truncate(bench->vfs, bench->file, 0));
            fill(bench, (enum dh_store_index_kind)kind, counts[i]);
            assert_int_equal(
                0, dh_store_index_flush(&bench->index, bench->vfs, bench->file));
            int64_t size;
            assert_int_equal(0, bench->vfs->calls->size(bench->vfs, bench->file, &size));
            for (int round = 0; round < 3; round++) {
                bool is_sound;
                assert_int_equal(0, dh_store_index_load(&bench->index, bench->vfs,
                                                        bench->file, &is_sound));
                assert_int_equal(round < 2, is_sound);
                if (round < 2) {
                    assert_int_equal(counts[i], dh_store_index_count(&bench->index));
                }
                if (round < 2 && counts[i] > 0) {
                    assert_int_equal(bench->rows[counts[i] - 1].key,
                                     bench->index.last.key);
                    check_floor(bench, counts[i], false);
                }
                // First zeros, then a size that no rows have.
                dohle_bytes tail = {zeros, round == 0 ? sizeof(zeros) : 5};
                assert_int_equal(
                    0, bench->vfs->calls->write(bench->vfs, bench->file, size, &tail, 1));
                size += (int64_t)tail.size;
            }
            dh_store_index_deinit(&bench->index);
        }
    }
}

static void test_truncate(void **state)
{
    struct bench *bench = *state;
    for (int kind = 0; kind < 2; kind++) {
        bool by_value = kind == DH_STORE_INDEX_TIMES;
        for (size_t keep = 0; keep <= 100; keep += 7) {
            assert_int_equal(0, bench->vfs->calls->truncate(bench->vfs, bench->file, 0));
            fill(bench, (enum dh_store_index_kind)kind, 100);
            int64_t offset = keep == 100 ? INT32_MAX
                             : by_value  ? bench->rows[keep].value
                                         : bench->rows[keep].key;
            assert_int_equal(0, dh_store_index_truncate(&bench->index, bench->vfs,
                                                        bench->file, offset));
            assert_int_equal(keep, dh_store_index_count(&bench->index));
            if (keep > 0) {
                assert_int_equal(bench->rows[keep - 1].key, bench->index.last.key);
                check_floor(bench, keep, false);
            }
            // And it goes on from there.
            if (keep < 100) {
                dh_store_index_add(&bench->index, bench->vfs, bench->file,
                                   bench->rows[keep]);
                assert_int_equal(keep + 1, dh_store_index_count(&bench->index));
                check_floor(bench, keep + 1, false);
            }
            dh_store_index_deinit(&bench->index);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_floor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_truncate, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
