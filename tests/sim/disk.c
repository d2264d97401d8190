// SPDX-License-Identifier: MIT
#include "disk.h"

#include <dohle/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

// What a power failure may leave of a sector that was being written.
#define SECTOR_BYTES 512

struct content {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

struct sim_inode {
    struct sim_inode *next;
    struct content cache;
    struct content platter;
    bool is_rewritten; // something other than the end was written since the last sync
    unsigned uses;     // names, present and on the platter, and handles
};

struct sim_name {
    char *path;
    struct sim_inode *cache;   // NULL: no file
    struct sim_inode *platter; // NULL: no file
    bool is_directory;         // directories are made for good: Kafka syncs them too
};

struct dh_file {
    struct sim_disk *disk;
    struct sim_inode *inode;
    uint64_t life;
    struct dh_file *next;
};

// A sync that will end.
struct pending_sync {
    struct dh_link link; // in sim_disk.syncs
    struct sim_disk *disk;
    struct dh_vfs_sync *sync;
    struct sim_inode *inode;
    struct content copy; // what goes to the platter
    uint64_t life;
    bool is_rewritten;
};

// ---- Content ----

static void set_size(struct content *content, size_t size)
{
    if (size > content->capacity) {
        content->capacity = size * 2 + 64;
        content->data = realloc(content->data, content->capacity);
        DH_ASSERT(content->data != NULL);
    }
    if (size > content->size) {
        memset(content->data + content->size, 0, size - content->size);
    }
    content->size = size;
}

static void copy(struct content *to, const struct content *from)
{
    set_size(to, from->size);
    if (from->size > 0) {
        memcpy(to->data, from->data, from->size);
    }
}

// ---- Inodes and names ----

static struct sim_disk *disk_of(struct dh_vfs *vfs)
{
    return DH_CONTAINER_OF(vfs, struct sim_disk, vfs);
}

static struct sim_inode *make_inode(struct sim_disk *disk)
{
    struct sim_inode *inode = calloc(1, sizeof(*inode));
    DH_ASSERT(inode != NULL);
    inode->next = disk->inodes;
    disk->inodes = inode;
    return inode;
}

static void drop(struct sim_disk *disk, struct sim_inode *inode)
{
    if (inode == NULL || --inode->uses > 0) {
        return;
    }
    struct sim_inode **at = &disk->inodes;
    while (*at != inode) {
        at = &(*at)->next;
    }
    *at = inode->next;
    disk->used_bytes -= (int64_t)inode->cache.size;
    free(inode->cache.data);
    free(inode->platter.data);
    free(inode);
}

static void point(struct sim_disk *disk, struct sim_inode **at, struct sim_inode *inode)
{
    if (inode != NULL) {
        inode->uses++;
    }
    drop(disk, *at);
    *at = inode;
}

static struct sim_name *find(struct sim_disk *disk, const char *path)
{
    for (size_t i = 0; i < disk->name_count; i++) {
        if (strcmp(disk->names[i].path, path) == 0) {
            return &disk->names[i];
        }
    }
    return NULL;
}

static struct sim_name *find_or_make(struct sim_disk *disk, const char *path)
{
    struct sim_name *name = find(disk, path);
    if (name != NULL) {
        return name;
    }
    if (disk->name_count == disk->name_capacity) {
        disk->name_capacity = disk->name_capacity * 2 + 32;
        disk->names = realloc(disk->names, disk->name_capacity * sizeof(*disk->names));
        DH_ASSERT(disk->names != NULL);
    }
    name = &disk->names[disk->name_count++];
    size_t size = strlen(path) + 1;
    *name = (struct sim_name){.path = malloc(size)};
    DH_ASSERT(name->path != NULL);
    memcpy(name->path, path, size);
    return name;
}

// The rest of the path behind that directory and '/'; NULL: it is not directly in it.
static const char *name_inside(const char *path, const char *directory)
{
    size_t size = strlen(directory);
    const char *rest = path;
    if (size > 0 && strcmp(directory, ".") != 0) {
        if (strncmp(path, directory, size) != 0 || path[size] != '/') {
            return NULL;
        }
        rest = path + size + 1;
    }
    return *rest == '\0' || strchr(rest, '/') != NULL ? NULL : rest;
}

static int fail(struct sim_disk *disk, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct sim_disk *disk, int err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(disk->vfs.error_text, sizeof(disk->vfs.error_text), format, arguments);
    va_end(arguments);
    disk->vfs.is_full = false;
    return err;
}

static int fail_dead(struct sim_disk *disk)
{
    return fail(disk, DOHLE_ERR_IO, "the process is dying");
}

// ---- Files ----

static int file_open(struct dh_vfs *vfs, const char *path, unsigned flags,
                     struct dh_file **file)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    struct sim_name *name = find(disk, path);
    if (name == NULL || name->cache == NULL) {
        if ((flags & DH_VFS_CREATE) == 0) {
            return fail(disk, DOHLE_ERR_NO_FILE, "open %s: no such file", path);
        }
        name = find_or_make(disk, path);
        point(disk, &name->cache, make_inode(disk));
    }
    struct dh_file *opened = malloc(sizeof(*opened));
    DH_ASSERT(opened != NULL);
    *opened = (struct dh_file){
        .disk = disk, .inode = name->cache, .life = disk->life, .next = disk->files};
    disk->files = opened;
    name->cache->uses++;
    *file = opened;
    return 0;
}

static void file_close(struct dh_vfs *vfs, struct dh_file *file)
{
    struct sim_disk *disk = disk_of(vfs);
    DH_ASSERT(file->life == disk->life);
    struct dh_file **at = &disk->files;
    while (*at != file) {
        at = &(*at)->next;
    }
    *at = file->next;
    drop(disk, file->inode);
    free(file);
}

static int file_read(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                     uint8_t *data, size_t size, size_t *got)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    const struct content *cache = &file->inode->cache;
    DH_ASSERT(position >= 0);
    size_t left = (uint64_t)position < cache->size ? cache->size - (size_t)position : 0;
    *got = size < left ? size : left;
    if (*got > 0) {
        memcpy(data, cache->data + position, *got);
    }
    return 0;
}

static void put(struct sim_disk *disk, struct sim_inode *inode, size_t position,
                const uint8_t *data, size_t size)
{
    struct content *cache = &inode->cache;
    if (position + size > cache->size) {
        disk->used_bytes += (int64_t)(position + size - cache->size);
        set_size(cache, position + size);
    }
    if (size > 0) {
        memcpy(cache->data + position, data, size);
    }
}

static int file_write(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                      const dohle_bytes *pieces, size_t count)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    DH_ASSERT(position >= 0);
    struct sim_inode *inode = file->inode;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += pieces[i].size;
    }
    disk->counts.writes++;
    if ((uint64_t)position < inode->platter.size) {
        inode->is_rewritten = true;
    }
    size_t allowed = size;
    size_t end = (size_t)position + size;
    int64_t growth = end > inode->cache.size ? (int64_t)(end - inode->cache.size) : 0;
    bool is_full = disk->room_bytes >= 0 && growth > 0 &&
                   disk->used_bytes + growth > disk->room_bytes;
    if (is_full || disk->is_dying) {
        allowed = (size_t)sim_below(disk->scheduler, size + 1);
    }
    size_t at = (size_t)position;
    for (size_t i = 0; i < count && allowed > 0; i++) {
        size_t piece = pieces[i].size < allowed ? pieces[i].size : allowed;
        put(disk, inode, at, pieces[i].data, piece);
        at += piece;
        allowed -= piece;
    }
    if (disk->is_dying) {
        disk->is_dead = true;
        disk->counts.torn++;
        return fail_dead(disk);
    }
    if (is_full) {
        disk->counts.full++;
        (void)fail(disk, 0, "write: no space left on device");
        disk->vfs.is_full = true;
        return DOHLE_ERR_IO;
    }
    return 0;
}

static int file_truncate(struct dh_vfs *vfs, struct dh_file *file, int64_t size)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    struct sim_inode *inode = file->inode;
    disk->used_bytes += size - (int64_t)inode->cache.size;
    if ((size_t)size < inode->platter.size) {
        inode->is_rewritten = true;
    }
    set_size(&inode->cache, (size_t)size);
    return 0;
}

static int file_size(struct dh_vfs *vfs, struct dh_file *file, int64_t *size)
{
    struct sim_disk *disk = disk_of(vfs);
    *size = (int64_t)file->inode->cache.size;
    return disk->is_dead ? fail_dead(disk) : 0;
}

// ---- Syncs ----

static void forget_sync(struct pending_sync *pending)
{
    dh_list_remove(&pending->link);
    free(pending->copy.data);
    drop(pending->disk, pending->inode);
    free(pending);
}

static void end_sync(void *ctx, uint64_t number)
{
    struct pending_sync *pending = ctx;
    struct sim_disk *disk = pending->disk;
    if (pending->life == disk->life && number == 0) {
        copy(&pending->inode->platter, &pending->copy);
        pending->inode->is_rewritten = pending->is_rewritten;
    }
    struct dh_vfs_sync *sync = pending->sync;
    bool is_ours = pending->life == disk->life && !disk->is_dead;
    forget_sync(pending);
    if (is_ours) {
        sync->done(sync, number == 0 ? 0 : fail(disk, DOHLE_ERR_IO, "sync: I/O error"));
        if (disk->on_synced != NULL) {
            disk->on_synced(disk->ctx);
        }
    }
}

static void file_sync(struct dh_vfs *vfs, struct dh_file *file, struct dh_vfs_sync *sync)
{
    struct sim_disk *disk = disk_of(vfs);
    struct pending_sync *pending = calloc(1, sizeof(*pending));
    DH_ASSERT(pending != NULL);
    *pending = (struct pending_sync){
        .disk = disk, .sync = sync, .inode = file->inode, .life = disk->life};
    dh_list_push_back(&disk->syncs, &pending->link);
    file->inode->uses++;
    copy(&pending->copy, &file->inode->cache);
    disk->counts.syncs++;
    bool is_broken = sim_chance(disk->scheduler, disk->broken_in_thousand);
    disk->counts.broken += is_broken ? 1 : 0;
    sim_after(disk->scheduler, sim_delay(disk->scheduler, disk->sync_delay_max_ns),
              end_sync, pending, is_broken ? 1 : 0);
}

static int file_sync_now(struct dh_vfs *vfs, struct dh_file *file)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    disk->counts.syncs++;
    copy(&file->inode->platter, &file->inode->cache);
    file->inode->is_rewritten = false;
    return 0;
}

static int directory_sync(struct dh_vfs *vfs, const char *path)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    for (size_t i = 0; i < disk->name_count; i++) {
        if (name_inside(disk->names[i].path, path) != NULL) {
            point(disk, &disk->names[i].platter, disk->names[i].cache);
        }
    }
    return 0;
}

// ---- Names ----

static int name_rename(struct dh_vfs *vfs, const char *from, const char *to)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    struct sim_name *source = find(disk, from);
    if (source == NULL || source->cache == NULL) {
        return fail(disk, DOHLE_ERR_NO_FILE, "rename %s: no such file", from);
    }
    struct sim_inode *inode = source->cache;
    struct sim_name *target = find_or_make(disk, to);
    point(disk, &target->cache, inode);
    source = find(disk, from); // the names may have moved to make room
    DH_ASSERT(source != NULL);
    point(disk, &source->cache, NULL);
    return 0;
}

static int name_remove(struct dh_vfs *vfs, const char *path)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    struct sim_name *name = find(disk, path);
    if (name == NULL || name->cache == NULL) {
        return fail(disk, DOHLE_ERR_NO_FILE, "remove %s: no such file", path);
    }
    point(disk, &name->cache, NULL);
    return 0;
}

static int make_directory(struct dh_vfs *vfs, const char *path)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    find_or_make(disk, path)->is_directory = true;
    return 0;
}

static int remove_directory(struct dh_vfs *vfs, const char *path)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    struct sim_name *name = find(disk, path);
    if (name == NULL || !name->is_directory) {
        return fail(disk, DOHLE_ERR_NO_FILE, "rmdir %s: no such directory", path);
    }
    for (size_t i = 0; i < disk->name_count; i++) {
        bool exists = disk->names[i].cache != NULL || disk->names[i].is_directory;
        if (exists && name_inside(disk->names[i].path, path) != NULL) {
            return fail(disk, DOHLE_ERR_IO, "rmdir %s: not empty", path);
        }
    }
    name->is_directory = false;
    return 0;
}

static int list(struct dh_vfs *vfs, const char *path,
                void (*tell)(void *ctx, const char *name, bool is_directory), void *ctx)
{
    struct sim_disk *disk = disk_of(vfs);
    if (disk->is_dead) {
        return fail_dead(disk);
    }
    for (size_t i = 0; i < disk->name_count; i++) {
        const char *name = name_inside(disk->names[i].path, path);
        if (name != NULL &&
            (disk->names[i].cache != NULL || disk->names[i].is_directory)) {
            tell(ctx, name, disk->names[i].is_directory);
        }
    }
    return 0;
}

// There is one process at a time.
static int lock(struct dh_vfs *vfs, const char *path, struct dh_file **file,
                int64_t *holder)
{
    *holder = 0;
    return file_open(vfs, path, DH_VFS_WRITE | DH_VFS_CREATE, file);
}

static const struct dh_vfs_calls calls = {
    .open = file_open,
    .close = file_close,
    .read = file_read,
    .write = file_write,
    .truncate = file_truncate,
    .size = file_size,
    .sync = file_sync,
    .sync_now = file_sync_now,
    .sync_directory = directory_sync,
    .rename = name_rename,
    .remove = name_remove,
    .make_directory = make_directory,
    .remove_directory = remove_directory,
    .list = list,
    .lock = lock,
};

// ---- Life ----

void sim_disk_init(struct sim_disk *disk, struct sim_scheduler *scheduler)
{
    *disk = (struct sim_disk){
        .vfs.calls = &calls, .scheduler = scheduler, .room_bytes = -1, .life = 1};
    dh_list_init(&disk->syncs);
}

void sim_disk_deinit(struct sim_disk *disk)
{
    sim_disk_kill(disk);
    while (!dh_list_is_empty(&disk->syncs)) {
        forget_sync(DH_CONTAINER_OF(disk->syncs.head.next, struct pending_sync, link));
    }
    for (size_t i = 0; i < disk->name_count; i++) {
        point(disk, &disk->names[i].cache, NULL);
        point(disk, &disk->names[i].platter, NULL);
        free(disk->names[i].path);
    }
    free(disk->names);
}

void sim_disk_kill(struct sim_disk *disk)
{
    while (disk->files != NULL) {
        file_close(&disk->vfs, disk->files);
    }
    disk->life++;
    disk->is_dying = false;
    disk->is_dead = false;
}

// Whether the new state of something has reached the platter, though nobody has seen to it.
static bool is_lucky(struct sim_disk *disk)
{
    return sim_chance(disk->scheduler, 500);
}

static void cut_file(struct sim_disk *disk, struct sim_inode *inode)
{
    struct content *cache = &inode->cache;
    struct content *platter = &inode->platter;
    int64_t size_before = (int64_t)cache->size;
    if (inode->is_rewritten || platter->size > cache->size) {
        if (!is_lucky(disk)) {
            copy(cache, platter);
        }
    } else if (cache->size > platter->size) {
        size_t kept = (size_t)sim_below(disk->scheduler, cache->size - platter->size + 1);
        size_t zeros = 0;
        if (sim_chance(disk->scheduler, 300)) {
            zeros = 1 + (size_t)sim_below(disk->scheduler, SECTOR_BYTES);
        }
        disk->counts.torn += kept < cache->size - platter->size ? 1 : 0;
        set_size(cache, platter->size + kept);
        set_size(cache, cache->size + zeros);
    }
    disk->used_bytes += (int64_t)cache->size - size_before;
    copy(platter, cache);
    inode->is_rewritten = false;
}

void sim_disk_cut(struct sim_disk *disk)
{
    sim_disk_kill(disk);
    for (size_t i = 0; i < disk->name_count; i++) {
        struct sim_name *name = &disk->names[i];
        if (name->cache != name->platter && !is_lucky(disk)) {
            point(disk, &name->cache, name->platter);
        }
        point(disk, &name->platter, name->cache);
    }
    for (struct sim_inode *inode = disk->inodes; inode != NULL; inode = inode->next) {
        cut_file(disk, inode);
    }
}
