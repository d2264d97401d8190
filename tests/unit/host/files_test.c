// SPDX-License-Identifier: MIT
#define _DEFAULT_SOURCE // mkdtemp

#include "host/files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dohle/error.h>

#include "../test.h"

#define BYTES(text)                                                                      \
    {                                                                                    \
        (const uint8_t *)(text), sizeof(text) - 1                                        \
    }

#define PATH_SIZE 128

struct scene {
    struct test_memory memory;
    struct dh_host *host;
    struct dh_files *files;
    struct dh_vfs *vfs;
    char directory[PATH_SIZE]; // of this test alone
    char text[DH_FILES_TEXT_SIZE];
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    *state = scene;
    test_memory_init(&scene->memory);
    (void)snprintf(scene->directory, PATH_SIZE, P_tmpdir "/dohle-files-XXXXXX");
    assert_non_null(mkdtemp(scene->directory));
    const struct dh_host_options options = {.mem = &scene->memory.allocator};
    assert_int_equal(0, dh_host_new(&options, &scene->host));
    assert_int_equal(
        0, dh_files_new(scene->host, scene->directory, &scene->files, scene->text));
    scene->vfs = dh_files_vfs(scene->files);
    return 0;
}

static void remove_tree(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", path, NULL);
        _exit(1);
    }
    int status;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, status);
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    dh_files_free(scene->files);
    dh_host_free(scene->host);
    assert_int_equal(0, scene->memory.bytes);
    remove_tree(scene->directory);
    free(scene);
    return 0;
}

static struct dh_file *open_new(struct scene *scene, const char *path)
{
    struct dh_file *file;
    assert_int_equal(0, scene->vfs->calls->open(scene->vfs, path,
                                                DH_VFS_WRITE | DH_VFS_CREATE, &file));
    return file;
}

static void close_file(struct scene *scene, struct dh_file *file)
{
    scene->vfs->calls->close(scene->vfs, file);
}

static void test_writes_and_reads(void **state)
{
    struct scene *scene = *state;
    const struct dh_vfs_calls *calls = scene->vfs->calls;
    struct dh_file *file = open_new(scene, "log");
    const dohle_bytes pieces[] = {BYTES("one"), {NULL, 0}, BYTES("two"), BYTES("three")};
    assert_int_equal(0, calls->write(scene->vfs, file, 0, pieces, 4));
    assert_int_equal(0, calls->write(scene->vfs, file, 100, pieces, 0));
    int64_t size = -1;
    assert_int_equal(0, calls->size(scene->vfs, file, &size));
    assert_int_equal(11, size);
    const dohle_bytes more = BYTES("TW");
    assert_int_equal(0, calls->write(scene->vfs, file, 3, &more, 1));

    uint8_t data[16] = {0};
    size_t got = 99;
    assert_int_equal(0, calls->read(scene->vfs, file, 2, data, 5, &got));
    assert_int_equal(5, got);
    assert_memory_equal("eTWot", data, 5);
    // The end of the file, and behind it.
    assert_int_equal(0, calls->read(scene->vfs, file, 6, data, sizeof(data), &got));
    assert_int_equal(5, got);
    assert_memory_equal("three", data, 5);
    assert_int_equal(0, calls->read(scene->vfs, file, 11, data, 1, &got));
    assert_int_equal(0, got);

    assert_int_equal(0, calls->truncate(scene->vfs, file, 4));
    assert_int_equal(0, calls->size(scene->vfs, file, &size));
    assert_int_equal(4, size);
    assert_int_equal(0, calls->sync_now(scene->vfs, file));
    close_file(scene, file);

    // Read only, and there without being made.
    assert_int_equal(0, calls->open(scene->vfs, "log", 0, &file));
    assert_int_equal(DOHLE_ERR_IO, calls->write(scene->vfs, file, 0, pieces, 1));
    assert_int_equal(0, calls->size(scene->vfs, file, &size));
    assert_int_equal(4, size);
    close_file(scene, file);
}

static void test_more_pieces_than_the_kernel_takes_at_once(void **state)
{
    struct scene *scene = *state;
    struct dh_file *file = open_new(scene, "log");

    enum { COUNT = 200 };

    uint8_t bytes[COUNT];
    dohle_bytes pieces[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        bytes[i] = (uint8_t)(i * 7);
        pieces[i] = (dohle_bytes){&bytes[i], 1};
    }
    assert_int_equal(0, scene->vfs->calls->write(scene->vfs, file, 0, pieces, COUNT));
    uint8_t data[COUNT];
    size_t got;
    assert_int_equal(0, scene->vfs->calls->read(scene->vfs, file, 0, data, COUNT, &got));
    assert_int_equal(COUNT, got);
    assert_memory_equal(bytes, data, COUNT);
    close_file(scene, file);
}

struct names {
    int files;
    int directories;
    char last[64];
};

static void tell(void *ctx, const char *name, bool is_directory)
{
    struct names *names = ctx;
    names->files += !is_directory;
    names->directories += is_directory;
    (void)snprintf(names->last, sizeof(names->last), "%s", name);
}

static struct names list(struct scene *scene, const char *path)
{
    struct names names = {0};
    assert_int_equal(0, scene->vfs->calls->list(scene->vfs, path, tell, &names));
    return names;
}

static void test_names(void **state)
{
    struct scene *scene = *state;
    const struct dh_vfs_calls *calls = scene->vfs->calls;
    assert_int_equal(0, calls->make_directory(scene->vfs, "orders-0"));
    assert_int_equal(0, calls->make_directory(scene->vfs, "orders-0")); // there already
    close_file(scene, open_new(scene, "orders-0/a"));
    close_file(scene, open_new(scene, "b"));
    struct names names = list(scene, "");
    assert_int_equal(1, names.files);
    assert_int_equal(1, names.directories);
    assert_int_equal(1, list(scene, ".").files);
    names = list(scene, "orders-0");
    assert_int_equal(1, names.files);
    assert_string_equal("a", names.last);

    assert_int_equal(0, calls->rename(scene->vfs, "b", "orders-0/a")); // replaces
    assert_int_equal(0, list(scene, "").files);
    assert_int_equal(0, calls->sync_directory(scene->vfs, "orders-0"));
    assert_int_equal(0, calls->sync_directory(scene->vfs, ""));
    assert_int_equal(DOHLE_ERR_IO, calls->remove_directory(scene->vfs, "orders-0"));
    assert_non_null(strstr(scene->vfs->error_text, "Directory not empty"));
    assert_int_equal(0, calls->remove(scene->vfs, "orders-0/a"));
    assert_int_equal(0, calls->remove_directory(scene->vfs, "orders-0"));
    assert_int_equal(0, list(scene, "").directories);
}

static void test_what_is_not_there(void **state)
{
    struct scene *scene = *state;
    struct dh_vfs *vfs = scene->vfs;
    const struct dh_vfs_calls *calls = vfs->calls;
    struct dh_file *file;
    struct names names;
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->open(vfs, "none", 0, &file));
    char expected[256];
    (void)snprintf(expected, sizeof(expected), "open %s/none: No such file or directory",
                   scene->directory);
    assert_string_equal(expected, vfs->error_text);
    assert_false(vfs->is_full);
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->open(vfs, "none", DH_VFS_WRITE, &file));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->remove(vfs, "none"));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->remove_directory(vfs, "none"));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->rename(vfs, "none", "some"));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->list(vfs, "none", tell, &names));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->sync_directory(vfs, "none"));
    assert_int_equal(DOHLE_ERR_NO_FILE, calls->make_directory(vfs, "none/below"));
}

static void test_a_file_is_no_directory(void **state)
{
    struct scene *scene = *state;
    struct dh_vfs *vfs = scene->vfs;
    struct dh_file *file;
    struct names names;
    close_file(scene, open_new(scene, "file"));
    assert_int_equal(DOHLE_ERR_IO, vfs->calls->make_directory(vfs, "file"));
    assert_int_equal(DOHLE_ERR_IO, vfs->calls->list(vfs, "file", tell, &names));
    assert_int_equal(0, vfs->calls->make_directory(vfs, "folder"));
    assert_int_equal(DOHLE_ERR_IO, vfs->calls->open(vfs, "folder", DH_VFS_WRITE, &file));
    assert_int_equal(DOHLE_ERR_IO, vfs->calls->remove(vfs, "folder"));
}

static void test_limit_of_file_size(void **state)
{
    struct scene *scene = *state;
    struct dh_vfs *vfs = scene->vfs;
    struct rlimit before;
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct dh_file *file = open_new(scene, "log");
    const struct rlimit limit = {.rlim_cur = 10, .rlim_max = before.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
    // The first fits, the second in part, and the call fails as a whole.
    const dohle_bytes pieces[] = {BYTES("12345678"), BYTES("90123")};
    int err = vfs->calls->write(vfs, file, 0, pieces, 2);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(DOHLE_ERR_IO, err);
    assert_true(vfs->is_full);
    assert_non_null(strstr(vfs->error_text, "/log: File too large"));
    // Room again: the same call goes through.
    assert_int_equal(0, vfs->calls->write(vfs, file, 0, pieces, 2));
    int64_t size;
    assert_int_equal(0, vfs->calls->size(vfs, file, &size));
    assert_int_equal(13, size);
    close_file(scene, file);
}

static void test_full_disk(void **state)
{
    struct scene *scene = *state;
    struct dh_files *devices;
    assert_int_equal(0, dh_files_new(scene->host, "/dev", &devices, scene->text));
    struct dh_vfs *vfs = dh_files_vfs(devices);
    struct dh_file *file;
    assert_int_equal(0, vfs->calls->open(vfs, "full", DH_VFS_WRITE, &file));
    const dohle_bytes piece = BYTES("x");
    assert_int_equal(DOHLE_ERR_IO, vfs->calls->write(vfs, file, 0, &piece, 1));
    assert_true(vfs->is_full);
    assert_string_equal("write /dev/full: No space left on device", vfs->error_text);
    // A device cannot be cut or synced; that is no lack of room.
    assert_int_equal(DOHLE_ERR_IO, vfs->calls->truncate(vfs, file, 0));
    assert_false(vfs->is_full);
    assert_int_equal(DOHLE_ERR_IO, vfs->calls->sync_now(vfs, file));
    vfs->calls->close(vfs, file);
    dh_files_free(devices);
}

static void test_no_descriptors_left(void **state)
{
    struct scene *scene = *state;
    struct rlimit before;
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &before));
    const struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &none));
    struct dh_file *file;
    struct dh_vfs *vfs = scene->vfs;
    struct names names;
    int64_t holder;
    int open_err = vfs->calls->open(vfs, "a", DH_VFS_WRITE | DH_VFS_CREATE, &file);
    int list_err = vfs->calls->list(vfs, "", tell, &names);
    int sync_err = vfs->calls->sync_directory(vfs, "");
    int lock_err = vfs->calls->lock(vfs, ".lock", &file, &holder);
    struct dh_files *more;
    int new_err = dh_files_new(scene->host, scene->directory, &more, scene->text);
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
    assert_int_equal(DOHLE_ERR_IO, open_err);
    assert_int_equal(DOHLE_ERR_IO, list_err);
    assert_int_equal(DOHLE_ERR_IO, sync_err);
    assert_int_equal(DOHLE_ERR_IO, lock_err);
    assert_int_equal(DOHLE_ERR_IO, new_err);
    assert_non_null(strstr(scene->text, "Too many open files"));
}

static void test_the_directory_is_made(void **state)
{
    struct scene *scene = *state;
    char deep[PATH_SIZE + 16];
    (void)snprintf(deep, sizeof(deep), "%s/a/b/c", scene->directory);
    struct dh_files *files;
    assert_int_equal(0, dh_files_new(scene->host, deep, &files, scene->text));
    struct stat status;
    assert_int_equal(0, stat(deep, &status));
    assert_true(S_ISDIR(status.st_mode));
    dh_files_free(files);

    // What cannot be one says so.
    close_file(scene, open_new(scene, "file"));
    (void)snprintf(deep, sizeof(deep), "%s/file/b", scene->directory);
    assert_int_equal(DOHLE_ERR_IO, dh_files_new(scene->host, deep, &files, scene->text));
    char expected[256];
    (void)snprintf(expected, sizeof(expected),
                   "cannot open the directory %s: Not a directory", deep);
    assert_string_equal(expected, scene->text);
    assert_int_equal(DOHLE_ERR_IO, dh_files_new(scene->host, "", &files, scene->text));
}

static void test_the_directory_may_move(void **state)
{
    struct scene *scene = *state;
    char moved[PATH_SIZE + 16];
    (void)snprintf(moved, sizeof(moved), "%s-moved", scene->directory);
    assert_int_equal(0, rename(scene->directory, moved));
    close_file(scene, open_new(scene, "log"));
    assert_int_equal(0, rename(moved, scene->directory));
    assert_int_equal(1, list(scene, "").files);
}

static void test_the_lock_has_one_holder(void **state)
{
    struct scene *scene = *state;
    struct dh_vfs *vfs = scene->vfs;
    struct dh_file *file;
    int64_t holder = -1;
    assert_int_equal(0, vfs->calls->lock(vfs, ".lock", &file, &holder));
    assert_int_equal(0, holder);

    // A second one in this process.
    struct dh_files *others;
    assert_int_equal(0,
                     dh_files_new(scene->host, scene->directory, &others, scene->text));
    struct dh_vfs *other = dh_files_vfs(others);
    struct dh_file *second;
    assert_int_equal(DOHLE_ERR_IN_USE,
                     other->calls->lock(other, ".lock", &second, &holder));
    assert_int_equal(getpid(), holder);
    close_file(scene, file);
    assert_int_equal(0, other->calls->lock(other, ".lock", &second, &holder));
    other->calls->close(other, second);
    dh_files_free(others);
}

static void test_the_lock_goes_with_its_process(void **state)
{
    struct scene *scene = *state;
    struct dh_vfs *vfs = scene->vfs;
    struct dh_file *file;
    int64_t holder = -1;
    int ready[2];
    assert_int_equal(0, pipe(ready));
    pid_t child = fork();
    if (child == 0) {
        if (vfs->calls->lock(vfs, ".lock", &file, &holder) != 0 ||
            write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        for (;;) {
            (void)pause();
        }
    }
    char byte;
    assert_int_equal(1, read(ready[0], &byte, 1));
    assert_int_equal(DOHLE_ERR_IN_USE, vfs->calls->lock(vfs, ".lock", &file, &holder));
    assert_int_equal(child, holder);
    assert_int_equal(0, kill(child, SIGKILL));
    int status;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, vfs->calls->lock(vfs, ".lock", &file, &holder));
    close_file(scene, file);
    assert_int_equal(0, close(ready[0]));
    assert_int_equal(0, close(ready[1]));
}

static void test_a_lock_file_without_a_process_id(void **state)
{
    struct scene *scene = *state;
    struct dh_vfs *vfs = scene->vfs;
    struct dh_file *file;
    int64_t holder;
    assert_int_equal(0, vfs->calls->lock(vfs, ".lock", &file, &holder));
    const dohle_bytes words = BYTES("nobody");
    assert_int_equal(0, vfs->calls->write(vfs, file, 0, &words, 1));
    struct dh_file *second;
    assert_int_equal(DOHLE_ERR_IN_USE, vfs->calls->lock(vfs, ".lock", &second, &holder));
    assert_int_equal(0, holder);
    close_file(scene, file);
}

static void test_every_allocation_may_fail(void **state)
{
    struct scene *scene = *state;
    struct dh_vfs *vfs = scene->vfs;
    struct dh_file *file;
    int64_t holder;
    struct dh_files *more;
    for (size_t n = 1; n <= 2; n++) {
        scene->memory.calls = 0;
        scene->memory.fail_at = n;
        assert_int_equal(DOHLE_ERR_NO_MEMORY,
                         vfs->calls->open(vfs, "a", DH_VFS_WRITE | DH_VFS_CREATE, &file));
        scene->memory.calls = 0;
        assert_int_equal(DOHLE_ERR_NO_MEMORY,
                         vfs->calls->lock(vfs, ".lock", &file, &holder));
        scene->memory.calls = 0;
        assert_int_equal(DOHLE_ERR_NO_MEMORY,
                         dh_files_new(scene->host, scene->directory, &more, scene->text));
    }
    scene->memory.fail_at = 0;
    assert_int_equal(0, vfs->calls->lock(vfs, ".lock", &file, &holder));
    close_file(scene, file);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_writes_and_reads),
        SCENE(test_more_pieces_than_the_kernel_takes_at_once),
        SCENE(test_names),
        SCENE(test_what_is_not_there),
        SCENE(test_a_file_is_no_directory),
        SCENE(test_limit_of_file_size),
        SCENE(test_full_disk),
        SCENE(test_no_descriptors_left),
        SCENE(test_the_directory_is_made),
        SCENE(test_the_directory_may_move),
        SCENE(test_the_lock_has_one_holder),
        SCENE(test_the_lock_goes_with_its_process),
        SCENE(test_a_lock_file_without_a_process_id),
        SCENE(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
