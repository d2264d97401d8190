// SPDX-License-Identifier: MIT
/*
 * The disk of the simulator does what its header says, in a hundred lives.
 */
#include "disk.h"

#include <dohle/error.h>
#include <string.h>

#include "../unit/test.h"

#define LIVES 100

static const char path[] = "topic-0/00.log";

struct rig {
    struct sim_scheduler scheduler;
    struct sim_disk disk;
    struct dh_file *file;
    int reports;
    int last_err;
};

static void on_synced(struct dh_vfs_sync *sync, int err)
{
    struct rig *rig = sync->ctx;
    rig->reports++;
    rig->last_err = err;
}

static void start(struct rig *rig, uint64_t seed)
{
    memset(rig, 0, sizeof(*rig));
    sim_scheduler_init(&rig->scheduler, seed);
    sim_disk_init(&rig->disk, &rig->scheduler);
    struct dh_vfs *vfs = &rig->disk.vfs;
    assert_int_equal(0, vfs->calls->make_directory(vfs, "topic-0"));
    assert_int_equal(DOHLE_ERR_NO_FILE,
                     vfs->calls->open(vfs, path, DH_VFS_WRITE, &rig->file));
    assert_int_equal(
        0, vfs->calls->open(vfs, path, DH_VFS_WRITE | DH_VFS_CREATE, &rig->file));
}

static void stop(struct rig *rig)
{
    sim_disk_deinit(&rig->disk);
    sim_scheduler_deinit(&rig->scheduler);
}

static void reopen(struct rig *rig)
{
    struct dh_vfs *vfs = &rig->disk.vfs;
    assert_int_equal(0, vfs->calls->open(vfs, path, DH_VFS_WRITE, &rig->file));
}

static int append(struct rig *rig, const char *text)
{
    struct dh_vfs *vfs = &rig->disk.vfs;
    int64_t size;
    dohle_bytes piece = {(const uint8_t *)text, strlen(text)};
    int err = vfs->calls->size(vfs, rig->file, &size);
    return err != 0 ? err : vfs->calls->write(vfs, rig->file, size, &piece, 1);
}

static size_t read_all(struct rig *rig, char *text, size_t size)
{
    struct dh_vfs *vfs = &rig->disk.vfs;
    size_t got = 0;
    assert_int_equal(
        0, vfs->calls->read(vfs, rig->file, 0, (uint8_t *)text, size - 1, &got));
    text[got] = '\0';
    return got;
}

static void sync_file(struct rig *rig, struct dh_vfs_sync *sync)
{
    struct dh_vfs *vfs = &rig->disk.vfs;
    *sync = (struct dh_vfs_sync){.done = on_synced, .ctx = rig};
    vfs->calls->sync(vfs, rig->file, sync);
    assert_int_equal(0, rig->reports);
}

static void test_a_killed_process_loses_nothing(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 1);
    assert_int_equal(0, append(&rig, "one"));
    sim_disk_kill(&rig.disk);
    reopen(&rig);
    char text[32];
    read_all(&rig, text, sizeof(text));
    assert_string_equal("one", text);
    stop(&rig);
}

static void test_a_cut_leaves_what_was_synced_and_a_front_part(void **state)
{
    (void)state;
    unsigned torn = 0;
    unsigned whole = 0;
    unsigned zeros = 0;
    for (uint64_t seed = 0; seed < LIVES; seed++) {
        struct rig rig;
        start(&rig, seed);
        struct dh_vfs *vfs = &rig.disk.vfs;
        assert_int_equal(0, vfs->calls->sync_directory(vfs, "topic-0"));
        assert_int_equal(0, append(&rig, "sure"));
        struct dh_vfs_sync sync;
        sync_file(&rig, &sync);
        assert_int_equal(0, append(&rig, "perhaps"));
        assert_true(sim_scheduler_step(&rig.scheduler));
        assert_int_equal(1, rig.reports);
        assert_int_equal(0, rig.last_err);
        sim_disk_cut(&rig.disk);
        reopen(&rig);
        char text[1024];
        size_t size = read_all(&rig, text, sizeof(text));
        size_t length = strlen(text);
        assert_true(length >= 4 && length <= 11);
        assert_memory_equal("sureperhaps", text, length);
        torn += length < 11;
        whole += length == 11;
        zeros += size > length;
        stop(&rig);
    }
    assert_true(torn > LIVES / 2 && whole > 0 && zeros > 0);
}

static void test_a_name_that_was_not_synced_may_be_lost(void **state)
{
    (void)state;
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < LIVES; seed++) {
        struct rig rig;
        start(&rig, seed);
        sim_disk_cut(&rig.disk);
        struct dh_vfs *vfs = &rig.disk.vfs;
        lost += vfs->calls->open(vfs, path, DH_VFS_WRITE, &rig.file) != 0;
        stop(&rig);
    }
    assert_true(lost > 0 && lost < LIVES);
}

static void test_syncs_of_a_killed_process_are_not_reported(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 1);
    struct dh_vfs_sync sync;
    sync_file(&rig, &sync);
    sim_disk_kill(&rig.disk);
    assert_true(sim_scheduler_step(&rig.scheduler));
    assert_int_equal(0, rig.reports);
    stop(&rig);
}

static void test_a_broken_sync_says_so_and_keeps_nothing(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 1);
    rig.disk.broken_in_thousand = 1000;
    struct dh_vfs_sync sync;
    sync_file(&rig, &sync);
    assert_true(sim_scheduler_step(&rig.scheduler));
    assert_int_equal(DOHLE_ERR_IO, rig.last_err);
    stop(&rig);
}

static void test_a_full_disk_writes_a_part_and_fails(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, 1);
    rig.disk.room_bytes = 5;
    assert_int_equal(0, append(&rig, "12345"));
    assert_int_equal(DOHLE_ERR_IO, append(&rig, "6"));
    assert_true(rig.disk.vfs.is_full);
    rig.disk.room_bytes = -1;
    struct dh_vfs *vfs = &rig.disk.vfs;
    assert_int_equal(0, vfs->calls->truncate(vfs, rig.file, 5));
    assert_int_equal(0, append(&rig, "6"));
    char text[32];
    read_all(&rig, text, sizeof(text));
    assert_string_equal("123456", text);
    stop(&rig);
}

static void test_death_comes_inside_a_write(void **state)
{
    (void)state;
    unsigned torn = 0;
    for (uint64_t seed = 0; seed < LIVES; seed++) {
        struct rig rig;
        start(&rig, seed);
        rig.disk.is_dying = true;
        assert_int_equal(DOHLE_ERR_IO, append(&rig, "abcdef"));
        assert_int_equal(DOHLE_ERR_IO, append(&rig, "g"));
        sim_disk_kill(&rig.disk);
        reopen(&rig);
        char text[32];
        size_t size = read_all(&rig, text, sizeof(text));
        assert_memory_equal("abcdef", text, size);
        torn += size > 0 && size < 6;
        stop(&rig);
    }
    assert_true(torn > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_killed_process_loses_nothing),
        cmocka_unit_test(test_a_cut_leaves_what_was_synced_and_a_front_part),
        cmocka_unit_test(test_a_name_that_was_not_synced_may_be_lost),
        cmocka_unit_test(test_syncs_of_a_killed_process_are_not_reported),
        cmocka_unit_test(test_a_broken_sync_says_so_and_keeps_nothing),
        cmocka_unit_test(test_a_full_disk_writes_a_part_and_fails),
        cmocka_unit_test(test_death_comes_inside_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
