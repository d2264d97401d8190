// SPDX-License-Identifier: MIT
#define _DEFAULT_SOURCE // mkdtemp

#include "host/files.h"

#include <stdio.h>
#include <unistd.h>

#include <dohle/error.h>

#include "../test.h"
#include "base/time.h"
#include "host/clock.h"

// Longer than any run of the test takes; a test that waits for it has failed.
#define PATIENCE (20 * DH_SEC)

#define FILES_COUNT 8
#define ROUNDS      40

struct scene {
    struct test_memory memory;
    struct dh_host *host;
    struct dh_files *files;
    struct dh_vfs *vfs;
    char directory[64];
};

// One file, with its sync.
struct writer {
    struct scene *scene;
    struct dh_file *file;
    struct dh_vfs_sync sync;
    char path[16];
    int rounds; // syncs still to begin from within `done`
    int ended;
    int err; // of the last
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    *state = scene;
    test_memory_init(&scene->memory);
    (void)snprintf(scene->directory, sizeof(scene->directory),
                   P_tmpdir "/dohle-syncs-XXXXXX");
    assert_non_null(mkdtemp(scene->directory));
    const struct dh_host_options options = {.mem = &scene->memory.allocator};
    assert_int_equal(0, dh_host_new(&options, &scene->host));
    char text[DH_FILES_TEXT_SIZE];
    assert_int_equal(0, dh_files_new(scene->host, scene->directory, &scene->files, text));
    scene->vfs = dh_files_vfs(scene->files);
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    dh_files_free(scene->files);
    dh_host_free(scene->host);
    assert_int_equal(0, scene->memory.bytes);
    assert_int_equal(0, rmdir(scene->directory));
    free(scene);
    return 0;
}

static void write_and_sync(struct writer *writer)
{
    struct dh_vfs *vfs = writer->scene->vfs;
    const dohle_bytes piece = {(const uint8_t *)"record", 6};
    assert_int_equal(0,
                     vfs->calls->write(vfs, writer->file, 6 * writer->ended, &piece, 1));
    vfs->calls->sync(vfs, writer->file, &writer->sync);
}

static void on_synced(struct dh_vfs_sync *sync, int err)
{
    struct writer *writer = sync->ctx;
    writer->ended++;
    writer->err = err;
    if (writer->rounds > 0) {
        writer->rounds--;
        write_and_sync(writer);
    }
}

static void open_writers(struct scene *scene, struct writer writers[FILES_COUNT])
{
    for (int i = 0; i < FILES_COUNT; i++) {
        struct writer *writer = &writers[i];
        *writer = (struct writer){.scene = scene, .err = 1};
        writer->sync = (struct dh_vfs_sync){.done = on_synced, .ctx = writer};
        (void)snprintf(writer->path, sizeof(writer->path), "log-%d", i);
        assert_int_equal(0, scene->vfs->calls->open(scene->vfs, writer->path,
                                                    DH_VFS_WRITE | DH_VFS_CREATE,
                                                    &writer->file));
    }
}

static void close_writers(struct scene *scene, struct writer writers[FILES_COUNT])
{
    for (int i = 0; i < FILES_COUNT; i++) {
        scene->vfs->calls->close(scene->vfs, writers[i].file);
        assert_int_equal(0, scene->vfs->calls->remove(scene->vfs, writers[i].path));
    }
}

static void run_until_synced(struct scene *scene)
{
    while (dh_files_is_syncing(scene->files)) {
        int64_t deadline_ns = dh_clock_now_ns() + PATIENCE;
        dh_host_run_once(scene->host, deadline_ns);
        assert_true(dh_clock_now_ns() < deadline_ns);
    }
}

static void test_syncs_of_many_files_end(void **state)
{
    struct scene *scene = *state;
    struct writer writers[FILES_COUNT];
    open_writers(scene, writers);
    for (int i = 0; i < FILES_COUNT; i++) {
        writers[i].rounds = ROUNDS - 1;
        write_and_sync(&writers[i]);
        assert_int_equal(0, writers[i].ended); // never inside the call
    }
    assert_true(dh_files_is_syncing(scene->files));
    run_until_synced(scene);
    for (int i = 0; i < FILES_COUNT; i++) {
        assert_int_equal(ROUNDS, writers[i].ended);
        assert_int_equal(0, writers[i].err);
    }
    close_writers(scene, writers);
}

static void test_an_end_ends_the_wait_of_the_loop(void **state)
{
    struct scene *scene = *state;
    struct writer writers[FILES_COUNT];
    open_writers(scene, writers);
    write_and_sync(&writers[0]);
    dh_host_run_once(scene->host, DH_NEVER);
    assert_int_equal(1, writers[0].ended);
    close_writers(scene, writers);
}

static void test_forgotten_syncs_are_not_reported(void **state)
{
    struct scene *scene = *state;
    struct writer writers[FILES_COUNT];
    open_writers(scene, writers);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < FILES_COUNT; i++) {
            write_and_sync(&writers[i]);
        }
        dh_files_forget_syncs(scene->files);
        assert_false(dh_files_is_syncing(scene->files));
        dh_host_run_once(scene->host, 0);
    }
    assert_int_equal(0, writers[0].ended);
    // The files are as good as new.
    write_and_sync(&writers[0]);
    run_until_synced(scene);
    assert_int_equal(1, writers[0].ended);
    close_writers(scene, writers);
}

static void test_free_with_an_end_that_was_not_reported(void **state)
{
    struct scene *scene = *state;
    struct writer writers[FILES_COUNT];
    open_writers(scene, writers);
    for (int i = 0; i < FILES_COUNT; i++) {
        write_and_sync(&writers[i]);
    }
    dh_files_forget_syncs(scene->files);
    close_writers(scene, writers);
    // The teardown frees without running the loop again.
}

static void test_a_failed_sync_says_why(void **state)
{
    struct scene *scene = *state;
    struct dh_files *devices;
    char text[DH_FILES_TEXT_SIZE];
    assert_int_equal(0, dh_files_new(scene->host, "/dev", &devices, text));
    struct dh_vfs *vfs = dh_files_vfs(devices);
    struct writer writer = {.scene = scene};
    writer.sync = (struct dh_vfs_sync){.done = on_synced, .ctx = &writer};
    // A device knows no sync.
    assert_int_equal(0, vfs->calls->open(vfs, "null", DH_VFS_WRITE, &writer.file));
    vfs->calls->sync(vfs, writer.file, &writer.sync);
    while (dh_files_is_syncing(devices)) {
        dh_host_run_once(scene->host, dh_clock_now_ns() + PATIENCE);
    }
    assert_int_equal(1, writer.ended);
    assert_int_equal(DOHLE_ERR_IO, writer.err);
    assert_string_equal("sync /dev/null: Invalid argument", vfs->error_text);
    vfs->calls->close(vfs, writer.file);
    dh_files_free(devices);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_syncs_of_many_files_end),
        SCENE(test_an_end_ends_the_wait_of_the_loop),
        SCENE(test_forgotten_syncs_are_not_reported),
        SCENE(test_free_with_an_end_that_was_not_reported),
        SCENE(test_a_failed_sync_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
