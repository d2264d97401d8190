// SPDX-License-Identifier: MIT
#include "../test.h"

#include <stdio.h>

#include <dohle/error.h>

#include "base/random.h"
#include "store/memory_files.h"

struct bench {
    struct test_memory memory;
    struct dh_memory_files *files;
    struct dh_vfs *vfs;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    test_memory_init(&bench->memory);
    bench->files = dh_memory_files_new(&bench->memory.allocator);
    assert_non_null(bench->files);
    bench->vfs = dh_memory_files_vfs(bench->files);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    dh_memory_files_forget_syncs(bench->files);
    dh_memory_files_free(bench->files);
    assert_int_equal(0, bench->memory.bytes);
    free(bench);
    return 0;
}

static struct dh_file *open_new(struct bench *bench, const char *path)
{
    struct dh_file *file = NULL;
    assert_int_equal(0, bench->vfs->calls->open(bench->vfs, path,
                                                DH_VFS_WRITE | DH_VFS_CREATE, &file));
    return file;
}

static int write_at(struct bench *bench, struct dh_file *file, int64_t position,
                    const void *data, size_t size)
{
    dohle_bytes piece = {data, size};
    return bench->vfs->calls->write(bench->vfs, file, position, &piece, 1);
}

static int64_t size_of(struct bench *bench, struct dh_file *file)
{
    int64_t size = -1;
    assert_int_equal(0, bench->vfs->calls->size(bench->vfs, file, &size));
    return size;
}

// Random writes, cuts and reads against one plain array, across many chunk borders.
static void test_holds_what_was_written(void **state)
{
    struct bench *bench = *state;

    enum { MODEL_SIZE = 400000 };

    static uint8_t model[MODEL_SIZE];
    static uint8_t data[MODEL_SIZE];
    memset(model, 0, sizeof(model));
    int64_t size = 0;
    struct dh_random random = {3};
    struct dh_file *file = open_new(bench, "a");
    for (int round = 0; round < 2000; round++) {
        int64_t position = (int64_t)dh_random_below(&random, (uint64_t)size + 300);
        size_t length = dh_random_below(&random, round % 10 == 0 ? 70000 : 500);
        if (position + (int64_t)length > MODEL_SIZE || round % 7 == 0) {
            int64_t cut = (int64_t)dh_random_below(&random, (uint64_t)size + 10);
            assert_int_equal(0, bench->vfs->calls->truncate(bench->vfs, file, cut));
            if (cut < size) {
                memset(model + cut, 0, (size_t)(size - cut));
            }
            size = cut;
        } else {
            for (size_t i = 0; i < length; i++) {
                data[i] = (uint8_t)dh_random_next(&random);
            }
            size_t half = length / 3;
            dohle_bytes pieces[2] = {{data, half}, {data + half, length - half}};
            assert_int_equal(
                0, bench->vfs->calls->write(bench->vfs, file, position, pieces, 2));
            memcpy(model + position, data, length);
            size = size > position + (int64_t)length ? size : position + (int64_t)length;
        }
        assert_int_equal(size, size_of(bench, file));
        assert_int_equal(size, dh_memory_files_size(bench->files));
        int64_t from = (int64_t)dh_random_below(&random, (uint64_t)size + 10);
        size_t got = 1;
        assert_int_equal(
            0, bench->vfs->calls->read(bench->vfs, file, from, data, 90000, &got));
        int64_t left = from < size ? size - from : 0;
        assert_int_equal(left < 90000 ? left : 90000, got);
        assert_memory_equal(model + from, data, got);
    }
    bench->vfs->calls->close(bench->vfs, file);
}

static void test_is_small_when_idle(void **state)
{
    struct bench *bench = *state;
    size_t before = bench->memory.bytes;
    struct dh_file *file = open_new(bench, "a");
    assert_int_equal(0, write_at(bench, file, 0, "0\n1\n0 0\n", 8));
    bench->vfs->calls->close(bench->vfs, file);
    // The first name brings the map's table with it.
    assert_in_range(bench->memory.bytes - before, 1, 2048);
    before = bench->memory.bytes;
    file = open_new(bench, "b");
    assert_int_equal(0, write_at(bench, file, 0, "0\n1\n0 0\n", 8));
    bench->vfs->calls->close(bench->vfs, file);
    assert_in_range(bench->memory.bytes - before, 1, 400);
    // A large file is never moved: it costs itself and less than a chunk.
    before = bench->memory.bytes;
    file = open_new(bench, "c");
    static uint8_t block[10000];
    for (int64_t i = 0; i < 1000; i++) {
        assert_int_equal(0, write_at(bench, file, i * 10000, block, sizeof(block)));
    }
    assert_in_range(bench->memory.bytes - before, 10000000, 10000000 + 70000);
    bench->vfs->calls->close(bench->vfs, file);
}

struct names {
    char text[200];
};

static void tell(void *ctx, const char *name, bool is_directory)
{
    struct names *names = ctx;
    size_t used = strlen(names->text);
    snprintf(names->text + used, sizeof(names->text) - used, "%s%s ", name,
             is_directory ? "/" : "");
}

static const char *listed(struct bench *bench, const char *path, struct names *names)
{
    names->text[0] = '\0';
    assert_int_equal(0, bench->vfs->calls->list(bench->vfs, path, tell, names));
    return names->text;
}

static void test_names(void **state)
{
    struct bench *bench = *state;
    struct dh_vfs *vfs = bench->vfs;
    const struct dh_vfs_calls *calls = vfs->calls;
    struct names names;
    struct dh_file *file = NULL;
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->open(vfs, "t-0/a", 0, &file));
    assert_int_equal(DOHLE_ERR_NO_FILE,
                     calls->open(vfs, "t-0/a", DH_VFS_WRITE | DH_VFS_CREATE, &file));
    assert_string_equal("create t-0/a: its directory is not there", vfs->error_text);
    assert_int_equal(0, calls->make_directory(vfs, "t-0"));
    assert_int_equal(0, calls->make_directory(vfs, "t-0"));
    file = open_new(bench, "t-0/a");
    calls->close(vfs, file);
    calls->close(vfs, open_new(bench, "t-0/b"));
    calls->close(vfs, open_new(bench, "c"));
    assert_string_equal("t-0/ c ", listed(bench, "", &names));
    assert_string_equal("a b ", listed(bench, "t-0", &names));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->list(vfs, "t", tell, &names));
    assert_int_equal(DOHLE_ERR_IO, calls->open(vfs, "t-0", DH_VFS_WRITE, &file));
    assert_int_equal(DOHLE_ERR_IO, calls->make_directory(vfs, "c"));

    // Renaming replaces, and whoever has the old file open still reads it.
    file = open_new(bench, "t-0/b");
    assert_int_equal(0, write_at(bench, file, 0, "old", 3));
    struct dh_file *other = open_new(bench, "t-0/a");
    assert_int_equal(0, write_at(bench, other, 0, "newer", 5));
    calls->close(vfs, other);
    assert_int_equal(0, calls->rename(vfs, "t-0/a", "t-0/b"));
    assert_string_equal("b ", listed(bench, "t-0", &names));
    assert_int_equal(3, size_of(bench, file));
    calls->close(vfs, file);
    file = open_new(bench, "t-0/b");
    assert_int_equal(5, size_of(bench, file));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->rename(vfs, "t-0/a", "t-0/b"));
    assert_int_equal(DOHLE_ERR_IO, calls->rename(vfs, "t-0", "u-0"));

    assert_int_equal(DOHLE_ERR_IO, calls->remove_directory(vfs, "t-0"));
    assert_int_equal(DOHLE_ERR_IO, calls->remove(vfs, "t-0"));
    assert_int_equal(0, calls->remove(vfs, "t-0/b"));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->remove(vfs, "t-0/b"));
    assert_int_equal(5, size_of(bench, file));
    assert_int_equal(5, dh_memory_files_size(bench->files));
    calls->close(vfs, file);
    assert_int_equal(0, dh_memory_files_size(bench->files));
    assert_int_equal(0, calls->sync_directory(vfs, "t-0"));
    assert_int_equal(0, calls->remove_directory(vfs, "t-0"));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->remove_directory(vfs, "t-0"));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->sync_directory(vfs, "t-0"));
    assert_string_equal("c ", listed(bench, "", &names));
}

static void test_lock_is_one_holders(void **state)
{
    struct bench *bench = *state;
    struct dh_file *file = NULL;
    struct dh_file *other = NULL;
    int64_t holder = 1;
    const struct dh_vfs_calls *calls = bench->vfs->calls;
    assert_int_equal(0, calls->lock(bench->vfs, ".lock", &file, &holder));
    assert_int_equal(DOHLE_ERR_IN_USE, calls->lock(bench->vfs, ".lock", &other, &holder));
    assert_int_equal(0, holder);
    calls->close(bench->vfs, file);
    assert_int_equal(0, calls->lock(bench->vfs, ".lock", &file, &holder));
    calls->close(bench->vfs, file);
}

static void test_full_disk(void **state)
{
    struct bench *bench = *state;
    struct dh_file *file = open_new(bench, "a");
    dh_memory_files_set_room(bench->files, 100);
    static uint8_t block[101];
    assert_int_equal(DOHLE_ERR_IO, write_at(bench, file, 0, block, 101));
    assert_true(bench->vfs->is_full);
    assert_int_equal(0, size_of(bench, file));
    assert_int_equal(0, write_at(bench, file, 0, block, 100));
    assert_int_equal(0, write_at(bench, file, 50, block, 50));
    assert_int_equal(DOHLE_ERR_IO, write_at(bench, file, 100, block, 1));
    assert_int_equal(0, bench->vfs->calls->truncate(bench->vfs, file, 10));
    assert_int_equal(0, write_at(bench, file, 10, block, 90));
    dh_memory_files_set_room(bench->files, -1);
    assert_int_equal(0, write_at(bench, file, 100, block, 101));
    bench->vfs->calls->close(bench->vfs, file);
}

static void count_done(struct dh_vfs_sync *sync, int err)
{
    assert_int_equal(0, err);
    (*(int *)sync->ctx)++;
}

static void test_syncs_end_later(void **state)
{
    struct bench *bench = *state;
    int count = 0;
    struct dh_vfs_sync syncs[2] = {{.done = count_done, .ctx = &count},
                                   {.done = count_done, .ctx = &count}};
    struct dh_file *files[2] = {open_new(bench, "a"), open_new(bench, "b")};
    bench->vfs->calls->sync(bench->vfs, files[0], &syncs[0]);
    bench->vfs->calls->sync(bench->vfs, files[1], &syncs[1]);
    assert_int_equal(0, count);
    assert_int_equal(2, dh_memory_files_end_syncs(bench->files));
    assert_int_equal(2, count);
    assert_int_equal(0, dh_memory_files_end_syncs(bench->files));
    bench->vfs->calls->sync(bench->vfs, files[0], &syncs[0]);
    dh_memory_files_forget_syncs(bench->files);
    assert_int_equal(0, dh_memory_files_end_syncs(bench->files));
    bench->vfs->calls->close(bench->vfs, files[0]);
    bench->vfs->calls->close(bench->vfs, files[1]);
}

static void test_no_memory(void **state)
{
    struct bench *bench = *state;
    const struct dh_vfs_calls *calls = bench->vfs->calls;
    static uint8_t block[5000];
    for (size_t fail_at = 1; fail_at < 60; fail_at++) {
        bench->memory.fail_at = bench->memory.calls + fail_at;
        struct dh_file *file = NULL;
        int err = calls->make_directory(bench->vfs, "d");
        if (err == 0) {
            err = calls->open(bench->vfs, "d/a", DH_VFS_WRITE | DH_VFS_CREATE, &file);
        }
        if (err == 0) {
            dohle_bytes piece = {block, sizeof(block)};
            err = calls->write(bench->vfs, file, 0, &piece, 1);
            assert_int_equal(err == 0 ? sizeof(block) : 0, size_of(bench, file));
        }
        if (err == 0) {
            err = calls->rename(bench->vfs, "d/a", "d/b");
        }
        bench->memory.fail_at = 0;
        assert_true(err == 0 || err == DOHLE_ERR_NO_MEMORY);
        if (file != NULL) {
            calls->close(bench->vfs, file);
        }
        (void)calls->remove(bench->vfs, "d/a");
        (void)calls->remove(bench->vfs, "d/b");
        (void)calls->remove_directory(bench->vfs, "d");
        assert_int_equal(0, dh_memory_files_size(bench->files));
        if (err == 0) {
            return;
        }
    }
    fail_msg("never enough memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_holds_what_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_is_small_when_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lock_is_one_holders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_syncs_end_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
