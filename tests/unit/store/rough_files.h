// SPDX-License-Identifier: MIT
/*
 * Files that go wrong, behind the table of base/vfs.h: the n-th call fails, or is the last
 * one before the power fails; a write is torn in the middle; what was not synced is lost,
 * in part or whole; names that were made, renamed or removed come back or go unless their
 * directory was synced.
 *
 * A file has two contents, and the tree two sets of names: those of now (the page cache),
 * and those that are on the disk.
 *
 *     sync            now -> disk, for one file's content
 *     sync_directory  now -> disk, for the names in one directory
 *     rough_crash     disk -> now; with a seed, some of what was not synced is there
 *                     all the same: any sectors of 512 bytes, any size between
 *
 * So a tail may be cut, hold zeros, or hold the new beside the old.
 */
#ifndef DH_TESTS_UNIT_STORE_ROUGH_FILES_H
#define DH_TESTS_UNIT_STORE_ROUGH_FILES_H

#include "../test.h"

#include <stdio.h>

#include <dohle/error.h>

#include "base/list.h"
#include "base/random.h"
#include "base/vfs.h"

#define ROUGH_SECTOR    ((size_t)512)
#define ROUGH_NAMES_MAX 1024

struct rough_content {
    uint8_t *data;
    size_t size;
};

struct rough_node {
    struct rough_content now;
    struct rough_content disk;
    bool is_directory;
    int users; // names and handles
};

struct rough_name {
    char path[320];
    struct rough_node *node;
};

struct rough_names {
    struct rough_name items[ROUGH_NAMES_MAX];
    size_t count;
};

struct dh_file {
    struct rough_node *node;
    struct dh_link sync_link;
    struct dh_vfs_sync *sync;
    bool holds_lock;
    size_t sync_size; // of the content when the sync was begun
    uint8_t *sync_data;
};

// How the n-th call goes wrong.
enum rough_fault {
    ROUGH_NONE,
    ROUGH_FAILS, // it alone, with an error of the disk
    ROUGH_FULL,  // it, if it writes, and all writes behind it: no room
    ROUGH_POWER, // it and all behind it: the machine is off; a write is torn
};

struct rough_files {
    struct dh_vfs vfs;
    struct rough_names now;
    struct rough_names disk;
    struct dh_list syncs;
    struct dh_random random;
    enum rough_fault fault;
    size_t fault_at; // of `calls`
    size_t calls;
    bool is_locked;
    int sync_err;  // what the next syncs end with
    size_t opened; // handles
};

static inline struct rough_files *rough_of(struct dh_vfs *vfs)
{
    return DH_CONTAINER_OF(vfs, struct rough_files, vfs);
}

// ---- Faults ----

static inline int rough_fail(struct dh_vfs *vfs, int err, const char *what,
                             const char *path)
{
    vfs->is_full = false;
    snprintf(vfs->error_text, sizeof(vfs->error_text), "%s %.200s", what, path);
    return err;
}

// Whether this call goes wrong.
static inline bool rough_goes_wrong(struct rough_files *files, bool is_write)
{
    files->calls++;
    files->vfs.is_full = false;
    bool is_due = files->calls >= files->fault_at;
    switch (files->fault) {
    case ROUGH_NONE: return false;
    case ROUGH_FAILS:
        if (files->calls == files->fault_at) {
            (void)rough_fail(&files->vfs, DOHLE_ERR_IO, "fault", "");
            return true;
        }
        return false;
    case ROUGH_FULL:
        if (is_due && is_write) {
            (void)rough_fail(&files->vfs, DOHLE_ERR_IO, "full", "");
            files->vfs.is_full = true;
            return true;
        }
        return false;
    case ROUGH_POWER:
        if (is_due) {
            (void)rough_fail(&files->vfs, DOHLE_ERR_IO, "power", "");
            return true;
        }
        return false;
    }
    return false;
}

// ---- Contents and names ----

static inline void rough_resize(struct rough_content *content, size_t size)
{
    if (size > content->size) {
        content->data = realloc(content->data, size);
        assert_non_null(content->data);
        memset(content->data + content->size, 0, size - content->size);
    }
    content->size = size;
}

static inline void rough_copy(struct rough_content *to, const uint8_t *data, size_t size)
{
    free(to->data);
    to->data = NULL;
    to->size = 0;
    rough_resize(to, size);
    if (size > 0) {
        memcpy(to->data, data, size);
    }
}

static inline void rough_let_go(struct rough_node *node)
{
    node->users--;
    if (node->users == 0) {
        free(node->now.data);
        free(node->disk.data);
        free(node);
    }
}

static inline struct rough_name *rough_find(struct rough_names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].path, path) == 0) {
            return &names->items[i];
        }
    }
    return NULL;
}

static inline void rough_unname(struct rough_names *names, struct rough_name *name)
{
    assert_non_null(name);
    rough_let_go(name->node);
    *name = names->items[--names->count];
}

static inline void rough_name(struct rough_names *names, const char *path,
                              struct rough_node *node)
{
    struct rough_name *name = rough_find(names, path);
    node->users++;
    if (name != NULL) {
        rough_unname(names, name);
    }
    assert_true(names->count < ROUGH_NAMES_MAX);
    name = &names->items[names->count++];
    snprintf(name->path, sizeof(name->path), "%s", path);
    name->node = node;
}

// Whether a path is a name in that directory ("" the data directory).
static inline bool rough_is_in(const char *path, const char *directory)
{
    size_t size = strlen(directory);
    if (size == 0) {
        return strchr(path, '/') == NULL;
    }
    return strncmp(path, directory, size) == 0 && path[size] == '/' &&
           strchr(path + size + 1, '/') == NULL;
}

// Makes the names in one directory of `to` those of `from`.
static inline void rough_copy_names(struct rough_names *to, struct rough_names *from,
                                    const char *directory)
{
    for (size_t i = to->count; i > 0; i--) {
        if (rough_is_in(to->items[i - 1].path, directory)) {
            rough_unname(to, &to->items[i - 1]);
        }
    }
    for (size_t i = 0; i < from->count; i++) {
        if (rough_is_in(from->items[i].path, directory)) {
            rough_name(to, from->items[i].path, from->items[i].node);
        }
    }
}

// ---- The table ----

static inline int rough_open(struct dh_vfs *vfs, const char *path, unsigned flags,
                             struct dh_file **file)
{
    struct rough_files *files = rough_of(vfs);
    struct rough_name *name = rough_find(&files->now, path);
    if (rough_goes_wrong(files, name == NULL && (flags & DH_VFS_CREATE) != 0)) {
        return DOHLE_ERR_IO;
    }
    if (name == NULL && (flags & DH_VFS_CREATE) == 0) {
        return rough_fail(vfs, DOHLE_ERR_NO_FILE, "open", path);
    }
    struct rough_node *node = name == NULL ? NULL : name->node;
    if (node == NULL) {
        node = calloc(1, sizeof(*node));
        assert_non_null(node);
        rough_name(&files->now, path, node);
    }
    assert_false(node->is_directory);
    struct dh_file *made = calloc(1, sizeof(*made));
    assert_non_null(made);
    made->node = node;
    made->node->users++;
    files->opened++;
    *file = made;
    return 0;
}

static inline void rough_close(struct dh_vfs *vfs, struct dh_file *file)
{
    struct rough_files *files = rough_of(vfs);
    assert_false(dh_link_is_linked(&file->sync_link));
    if (file->holds_lock) {
        files->is_locked = false;
    }
    rough_let_go(file->node);
    free(file->sync_data);
    free(file);
    files->opened--;
}

static inline int rough_read(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                             uint8_t *data, size_t size, size_t *got)
{
    if (rough_goes_wrong(rough_of(vfs), false)) {
        return DOHLE_ERR_IO;
    }
    const struct rough_content *now = &file->node->now;
    size_t left = (uint64_t)position < now->size ? now->size - (size_t)position : 0;
    *got = left < size ? left : size;
    if (*got > 0) {
        memcpy(data, now->data + position, *got);
    }
    return 0;
}

static inline int rough_write(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                              const dohle_bytes *pieces, size_t count)
{
    struct rough_files *files = rough_of(vfs);
    bool goes_wrong = rough_goes_wrong(files, true);
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += pieces[i].size;
    }
    // Some of it is there all the same.
    size_t left = goes_wrong ? dh_random_below(&files->random, total + 1) : total;
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t part = pieces[i].size < left ? pieces[i].size : left;
        size_t end = (size_t)position + part;
        if (end > file->node->now.size) {
            rough_resize(&file->node->now, end);
        }
        memcpy(file->node->now.data + position, pieces[i].data, part);
        position += (int64_t)part;
        left -= part;
    }
    return goes_wrong ? DOHLE_ERR_IO : 0;
}

static inline int rough_truncate(struct dh_vfs *vfs, struct dh_file *file, int64_t size)
{
    if (rough_goes_wrong(rough_of(vfs), false)) {
        return DOHLE_ERR_IO;
    }
    rough_resize(&file->node->now, (size_t)size);
    return 0;
}

static inline int rough_size(struct dh_vfs *vfs, struct dh_file *file, int64_t *size)
{
    if (rough_goes_wrong(rough_of(vfs), false)) {
        return DOHLE_ERR_IO;
    }
    *size = (int64_t)file->node->now.size;
    return 0;
}

static inline void rough_sync(struct dh_vfs *vfs, struct dh_file *file,
                              struct dh_vfs_sync *sync)
{
    struct rough_files *files = rough_of(vfs);
    assert_false(dh_link_is_linked(&file->sync_link));
    file->sync = sync;
    // What is written from now on is not part of it.
    file->sync_size = file->node->now.size;
    file->sync_data = malloc(file->sync_size + 1);
    assert_non_null(file->sync_data);
    if (file->sync_size > 0) {
        memcpy(file->sync_data, file->node->now.data, file->sync_size);
    }
    dh_list_push_back(&files->syncs, &file->sync_link);
}

// Ends the syncs that were begun before the call. Returns how many.
static inline size_t rough_end_syncs(struct rough_files *files)
{
    struct dh_list begun;
    struct dh_link *link;
    size_t count = 0;
    dh_list_init(&begun);
    dh_list_append_all(&begun, &files->syncs);
    while ((link = dh_list_pop_front(&begun)) != NULL) {
        struct dh_file *file = DH_CONTAINER_OF(link, struct dh_file, sync_link);
        struct rough_node *node = file->node;
        bool is_off = files->fault == ROUGH_POWER && files->calls >= files->fault_at;
        int err = is_off ? DOHLE_ERR_IO : files->sync_err;
        if (err == 0) {
            rough_copy(&node->disk, file->sync_data, file->sync_size);
        } else {
            (void)rough_fail(&files->vfs, err, "sync", "");
        }
        free(file->sync_data);
        file->sync_data = NULL;
        count++;
        file->sync->done(file->sync, err);
    }
    return count;
}

static inline int rough_sync_now(struct dh_vfs *vfs, struct dh_file *file)
{
    if (rough_goes_wrong(rough_of(vfs), false)) {
        return DOHLE_ERR_IO;
    }
    rough_copy(&file->node->disk, file->node->now.data, file->node->now.size);
    return 0;
}

static inline int rough_sync_directory(struct dh_vfs *vfs, const char *path)
{
    struct rough_files *files = rough_of(vfs);
    if (rough_goes_wrong(files, false)) {
        return DOHLE_ERR_IO;
    }
    rough_copy_names(&files->disk, &files->now, path);
    return 0;
}

static inline int rough_rename(struct dh_vfs *vfs, const char *from, const char *to)
{
    struct rough_files *files = rough_of(vfs);
    if (rough_goes_wrong(files, false)) {
        return DOHLE_ERR_IO;
    }
    struct rough_name *name = rough_find(&files->now, from);
    if (name == NULL) {
        return rough_fail(vfs, DOHLE_ERR_NO_FILE, "rename", from);
    }
    struct rough_node *node = name->node;
    node->users++;
    rough_unname(&files->now, name);
    rough_name(&files->now, to, node);
    rough_let_go(node);
    return 0;
}

static inline int rough_remove(struct dh_vfs *vfs, const char *path)
{
    struct rough_files *files = rough_of(vfs);
    if (rough_goes_wrong(files, false)) {
        return DOHLE_ERR_IO;
    }
    struct rough_name *name = rough_find(&files->now, path);
    if (name == NULL) {
        return rough_fail(vfs, DOHLE_ERR_NO_FILE, "remove", path);
    }
    rough_unname(&files->now, name);
    return 0;
}

static inline int rough_make_directory(struct dh_vfs *vfs, const char *path)
{
    struct rough_files *files = rough_of(vfs);
    if (rough_goes_wrong(files, true)) {
        return DOHLE_ERR_IO;
    }
    if (rough_find(&files->now, path) == NULL) {
        struct rough_node *node = calloc(1, sizeof(*node));
        assert_non_null(node);
        node->is_directory = true;
        rough_name(&files->now, path, node);
    }
    return 0;
}

static inline int rough_remove_directory(struct dh_vfs *vfs, const char *path)
{
    struct rough_files *files = rough_of(vfs);
    if (rough_goes_wrong(files, false)) {
        return DOHLE_ERR_IO;
    }
    for (size_t i = 0; i < files->now.count; i++) {
        if (rough_is_in(files->now.items[i].path, path)) {
            return rough_fail(vfs, DOHLE_ERR_IO, "not empty", path);
        }
    }
    struct rough_name *name = rough_find(&files->now, path);
    if (name == NULL) {
        return rough_fail(vfs, DOHLE_ERR_NO_FILE, "remove", path);
    }
    rough_unname(&files->now, name);
    return 0;
}

static inline int rough_list(struct dh_vfs *vfs, const char *path,
                             void (*tell)(void *ctx, const char *name, bool is_directory),
                             void *ctx)
{
    struct rough_files *files = rough_of(vfs);
    if (rough_goes_wrong(files, false)) {
        return DOHLE_ERR_IO;
    }
    if (path[0] != '\0' && rough_find(&files->now, path) == NULL) {
        return rough_fail(vfs, DOHLE_ERR_NO_FILE, "list", path);
    }
    for (size_t i = 0; i < files->now.count; i++) {
        const struct rough_name *name = &files->now.items[i];
        if (rough_is_in(name->path, path)) {
            const char *slash = strrchr(name->path, '/');
            tell(ctx, slash == NULL ? name->path : slash + 1, name->node->is_directory);
        }
    }
    return 0;
}

static inline int rough_lock(struct dh_vfs *vfs, const char *path, struct dh_file **file,
                             int64_t *holder)
{
    struct rough_files *files = rough_of(vfs);
    *holder = 0;
    if (files->is_locked) {
        *holder = 4711;
        return rough_fail(vfs, DOHLE_ERR_IN_USE, "lock", path);
    }
    int err = rough_open(vfs, path, DH_VFS_WRITE | DH_VFS_CREATE, file);
    if (err == 0) {
        (*file)->holds_lock = true;
        files->is_locked = true;
    }
    return err;
}

static const struct dh_vfs_calls rough_calls = {
    .open = rough_open,
    .close = rough_close,
    .read = rough_read,
    .write = rough_write,
    .truncate = rough_truncate,
    .size = rough_size,
    .sync = rough_sync,
    .sync_now = rough_sync_now,
    .sync_directory = rough_sync_directory,
    .rename = rough_rename,
    .remove = rough_remove,
    .make_directory = rough_make_directory,
    .remove_directory = rough_remove_directory,
    .list = rough_list,
    .lock = rough_lock,
};

// ---- Life ----

static inline struct rough_files *rough_new(uint64_t seed)
{
    struct rough_files *files = calloc(1, sizeof(*files));
    assert_non_null(files);
    files->vfs.calls = &rough_calls;
    files->random.state = seed;
    dh_list_init(&files->syncs);
    return files;
}

static inline void rough_free(struct rough_files *files)
{
    assert_int_equal(0, files->opened);
    while (files->now.count > 0) {
        rough_unname(&files->now, &files->now.items[0]);
    }
    while (files->disk.count > 0) {
        rough_unname(&files->disk, &files->disk.items[0]);
    }
    free(files);
}

// The call after so many goes wrong.
static inline void rough_plan(struct rough_files *files, enum rough_fault fault,
                              size_t after)
{
    files->fault = fault;
    files->fault_at = files->calls + 1 + after;
}

// `done` of the syncs under way is never called.
static inline void rough_forget_syncs(struct rough_files *files)
{
    struct dh_link *link;
    while ((link = dh_list_pop_front(&files->syncs)) != NULL) {
        struct dh_file *file = DH_CONTAINER_OF(link, struct dh_file, sync_link);
        free(file->sync_data);
        file->sync_data = NULL;
    }
}

static inline void rough_lose(struct rough_files *files, struct rough_node *node)
{
    struct rough_content *now = &node->now;
    struct rough_content *disk = &node->disk;
    size_t low = now->size < disk->size ? now->size : disk->size;
    size_t high = now->size > disk->size ? now->size : disk->size;
    struct rough_content left = {0};
    size_t kind = dh_random_below(&files->random, 4);
    size_t size = kind == 0   ? disk->size
                  : kind == 1 ? now->size
                              : low + dh_random_below(&files->random, high - low + 1);
    rough_resize(&left, size);
    for (size_t at = 0; at < size; at += ROUGH_SECTOR) {
        size_t end = at + ROUGH_SECTOR < size ? at + ROUGH_SECTOR : size;
        bool is_new = kind == 1 || (kind > 1 && dh_random_below(&files->random, 2) == 0);
        const struct rough_content *from = is_new ? now : disk;
        for (size_t i = at; i < end && i < from->size; i++) {
            left.data[i] = from->data[i];
        }
    }
    rough_copy(now, left.data, left.size);
    rough_copy(disk, left.data, left.size);
    free(left.data);
}

/*
 * The power fails, and comes back: everything was closed before. What is left is what is on
 * the disk, and by chance some of the rest. Faults are over.
 */
static inline void rough_crash(struct rough_files *files)
{
    assert_int_equal(0, files->opened);
    files->fault = ROUGH_NONE;
    files->sync_err = 0;
    // Names, one directory after the other; the data directory's own last.
    static char directories[ROUGH_NAMES_MAX][320];
    size_t count = 0;
    for (size_t i = 0; i < files->now.count; i++) {
        if (files->now.items[i].node->is_directory) {
            snprintf(directories[count++], sizeof(directories[0]), "%s",
                     files->now.items[i].path);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (dh_random_below(&files->random, 2) == 0) {
            rough_copy_names(&files->now, &files->disk, directories[i]);
        } else {
            rough_copy_names(&files->disk, &files->now, directories[i]);
        }
    }
    if (dh_random_below(&files->random, 2) == 0) {
        rough_copy_names(&files->now, &files->disk, "");
    } else {
        rough_copy_names(&files->disk, &files->now, "");
    }
    // What is in a directory that is not there is not there either.
    for (size_t i = files->now.count; i > 0; i--) {
        struct rough_name *name = &files->now.items[i - 1];
        const char *slash = strchr(name->path, '/');
        if (slash != NULL) {
            char directory[320];
            snprintf(directory, sizeof(directory), "%.*s", (int)(slash - name->path),
                     name->path);
            if (rough_find(&files->now, directory) == NULL) {
                rough_unname(&files->now, name);
            }
        }
    }
    for (size_t i = 0; i < files->now.count; i++) {
        rough_lose(files, files->now.items[i].node);
    }
    // From here on both are the same.
    while (files->disk.count > 0) {
        rough_unname(&files->disk, &files->disk.items[0]);
    }
    for (size_t i = 0; i < files->now.count; i++) {
        rough_name(&files->disk, files->now.items[i].path, files->now.items[i].node);
    }
}

#endif
