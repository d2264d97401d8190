// SPDX-License-Identifier: MIT
#include "store/memory_files.h"

#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

#define CHUNK_SIZE_MIN ((size_t)64)
#define CHUNK_DOUBLED  ((size_t)10) // times, from the least to the greatest size
#define CHUNK_SIZE_MAX (CHUNK_SIZE_MIN << CHUNK_DOUBLED)
#define DOUBLING_BYTES                                                                   \
    (CHUNK_SIZE_MAX - CHUNK_SIZE_MIN) // in the chunks before the first of that size

// A file or a directory.
struct node {
    struct dh_link link;     // in its directory; unlinked: removed
    struct dh_list children; // of a directory
    char *path;              // owned
    uint8_t **chunks;        // owned, and each of them
    size_t chunk_count;
    size_t chunk_capacity;
    int64_t size;
    size_t handles;
    bool is_directory;
    bool is_locked;
};

struct dh_file {
    struct dh_link link; // in files
    struct node *node;
    struct dh_link sync_link; // in syncs, while one is under way
    struct dh_vfs_sync *sync;
    unsigned flags;
    bool holds_lock;
};

struct dh_memory_files {
    struct dh_vfs vfs;
    const dohle_allocator *mem;
    struct dh_map nodes; // by path
    struct node root;
    struct dh_list files; // open
    struct dh_list syncs; // of files, in the order they were begun
    int64_t size;         // of all files
    int64_t size_max;     // -1: no bound
};

static struct dh_memory_files *files_of(struct dh_vfs *vfs)
{
    return DH_CONTAINER_OF(vfs, struct dh_memory_files, vfs);
}

static int fail(struct dh_vfs *vfs, int err, const char *verb, const char *path,
                const char *cause)
{
    vfs->is_full = false;
    snprintf(vfs->error_text, sizeof(vfs->error_text), "%s %.180s: %s", verb, path,
             cause);
    return err;
}

static int fail_full(struct dh_vfs *vfs, const char *verb, const char *path)
{
    (void)fail(vfs, DOHLE_ERR_IO, verb, path, "no room");
    vfs->is_full = true;
    return DOHLE_ERR_IO;
}

// ---- Chunks ----

static size_t chunk_size(size_t index)
{
    return CHUNK_SIZE_MIN << (index < CHUNK_DOUBLED ? index : CHUNK_DOUBLED);
}

// The chunk that holds a position, and where in it.
static size_t find_chunk(int64_t position, size_t *within)
{
    size_t at = (size_t)position;
    if (at >= DOUBLING_BYTES) {
        *within = (at - DOUBLING_BYTES) % CHUNK_SIZE_MAX;
        return CHUNK_DOUBLED + (at - DOUBLING_BYTES) / CHUNK_SIZE_MAX;
    }
    size_t index = 0;
    while (at >= chunk_size(index)) {
        at -= chunk_size(index);
        index++;
    }
    *within = at;
    return index;
}

// How many chunks a file of that size has.
static size_t chunks_for(int64_t size)
{
    size_t within;
    return size == 0 ? 0 : find_chunk(size - 1, &within) + 1;
}

static void drop_chunks(struct dh_memory_files *files, struct node *node, size_t count)
{
    while (node->chunk_count > count) {
        node->chunk_count--;
        dh_mem_free(files->mem, node->chunks[node->chunk_count],
                    chunk_size(node->chunk_count));
    }
    if (count == 0) {
        dh_mem_free(files->mem, node->chunks, node->chunk_capacity * sizeof(uint8_t *));
        node->chunks = NULL;
        node->chunk_capacity = 0;
    }
}

// What lies behind the end of a file is zero in its chunks.
static int grow_chunks(struct dh_memory_files *files, struct node *node, int64_t size)
{
    size_t needed = chunks_for(size);
    size_t before = node->chunk_count;
    if (needed > node->chunk_capacity) {
        // Exact at first: most files stay as small as they begin.
        size_t capacity = before < 4 ? needed : needed + needed / 2;
        uint8_t **chunks = dh_mem_realloc(files->mem, node->chunks,
                                          node->chunk_capacity * sizeof(*chunks),
                                          capacity * sizeof(*chunks));
        if (chunks == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        node->chunks = chunks;
        node->chunk_capacity = capacity;
    }
    while (node->chunk_count < needed) {
        uint8_t *chunk = dh_mem_calloc(files->mem, 1, chunk_size(node->chunk_count));
        if (chunk == NULL) {
            drop_chunks(files, node, before);
            return DOHLE_ERR_NO_MEMORY;
        }
        node->chunks[node->chunk_count++] = chunk;
    }
    return 0;
}

static void copy_in(struct node *node, int64_t position, const uint8_t *data, size_t size)
{
    size_t within = 0;
    for (size_t index = size == 0 ? 0 : find_chunk(position, &within); size > 0;
         index++) {
        size_t room = chunk_size(index) - within;
        size_t part = size < room ? size : room;
        memcpy(node->chunks[index] + within, data, part);
        data += part;
        size -= part;
        within = 0;
    }
}

static void copy_out(const struct node *node, int64_t position, uint8_t *data,
                     size_t size)
{
    size_t within = 0;
    for (size_t index = size == 0 ? 0 : find_chunk(position, &within); size > 0;
         index++) {
        size_t room = chunk_size(index) - within;
        size_t part = size < room ? size : room;
        memcpy(data, node->chunks[index] + within, part);
        data += part;
        size -= part;
        within = 0;
    }
}

// ---- Names ----

// "" and "." are the data directory itself.
static struct node *find_node(struct dh_memory_files *files, const char *path)
{
    if (path[0] == '\0' || strcmp(path, ".") == 0) {
        return &files->root;
    }
    return dh_map_get(&files->nodes, dh_bytes_of(path));
}

static struct node *find_directory_of(struct dh_memory_files *files, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return &files->root;
    }
    struct node *node = dh_map_get(
        &files->nodes, (dohle_bytes){(const uint8_t *)path, (size_t)(slash - path)});
    return node != NULL && node->is_directory ? node : NULL;
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static void free_node(struct dh_memory_files *files, struct node *node)
{
    files->size -= node->size;
    drop_chunks(files, node, 0);
    dh_mem_free_string(files->mem, node->path);
    dh_mem_free(files->mem, node, sizeof(*node));
}

// Takes the name away; the content goes with its last handle.
static void unlink_node(struct dh_memory_files *files, struct node *node)
{
    (void)dh_map_remove(&files->nodes, dh_bytes_of(node->path));
    dh_list_remove(&node->link);
    if (node->handles == 0) {
        free_node(files, node);
    }
}

static int make_node(struct dh_vfs *vfs, const char *verb, const char *path,
                     bool is_directory, struct node **made)
{
    struct dh_memory_files *files = files_of(vfs);
    struct node *directory = find_directory_of(files, path);
    if (directory == NULL) {
        return fail(vfs, DOHLE_ERR_NO_FILE, verb, path, "its directory is not there");
    }
    struct node *node = dh_mem_calloc(files->mem, 1, sizeof(*node));
    if (node == NULL) {
        return fail(vfs, DOHLE_ERR_NO_MEMORY, verb, path, "out of memory");
    }
    node->path = dh_mem_copy_string(files->mem, path, strlen(path));
    if (node->path == NULL || dh_map_put(&files->nodes, dh_bytes_of(path), node) != 0) {
        free_node(files, node);
        return fail(vfs, DOHLE_ERR_NO_MEMORY, verb, path, "out of memory");
    }
    node->is_directory = is_directory;
    dh_list_init(&node->children);
    dh_list_push_back(&directory->children, &node->link);
    *made = node;
    return 0;
}

// ---- The table ----

static int open_file(struct dh_vfs *vfs, const char *path, unsigned flags,
                     struct dh_file **file)
{
    struct dh_memory_files *files = files_of(vfs);
    struct node *node = find_node(files, path);
    if (node == NULL && (flags & DH_VFS_CREATE) == 0) {
        return fail(vfs, DOHLE_ERR_NO_FILE, "open", path, "not there");
    }
    if (node != NULL && node->is_directory) {
        return fail(vfs, DOHLE_ERR_IO, "open", path, "is a directory");
    }
    struct dh_file *made = dh_mem_calloc(files->mem, 1, sizeof(*made));
    if (made == NULL) {
        return fail(vfs, DOHLE_ERR_NO_MEMORY, "open", path, "out of memory");
    }
    if (node == NULL) {
        int err = make_node(vfs, "create", path, false, &node);
        if (err != 0) {
            dh_mem_free(files->mem, made, sizeof(*made));
            return err;
        }
    }
    made->node = node;
    made->flags = flags;
    node->handles++;
    dh_list_push_back(&files->files, &made->link);
    *file = made;
    return 0;
}

static void free_file(struct dh_memory_files *files, struct dh_file *file)
{
    struct node *node = file->node;
    if (file->holds_lock) {
        node->is_locked = false;
    }
    dh_list_remove(&file->link);
    dh_list_remove(&file->sync_link);
    dh_mem_free(files->mem, file, sizeof(*file));
    node->handles--;
    if (node->handles == 0 && !dh_link_is_linked(&node->link)) {
        free_node(files, node);
    }
}

static void close_file(struct dh_vfs *vfs, struct dh_file *file)
{
    DH_ASSERT(!dh_link_is_linked(&file->sync_link));
    free_file(files_of(vfs), file);
}

static int read_file(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                     uint8_t *data, size_t size, size_t *got)
{
    (void)vfs;
    const struct node *node = file->node;
    int64_t left = position < node->size ? node->size - position : 0;
    *got = (uint64_t)left < size ? (size_t)left : size;
    copy_out(node, position, data, *got);
    return 0;
}

static int resize(struct dh_vfs *vfs, struct node *node, const char *verb, int64_t size)
{
    struct dh_memory_files *files = files_of(vfs);
    if (size > node->size) {
        if (files->size_max >= 0 && files->size + (size - node->size) > files->size_max) {
            return fail_full(vfs, verb, node->path);
        }
        if (grow_chunks(files, node, size) != 0) {
            return fail(vfs, DOHLE_ERR_NO_MEMORY, verb, node->path, "out of memory");
        }
    } else {
        drop_chunks(files, node, chunks_for(size));
        if (size < node->size && size > 0) {
            size_t within;
            size_t index = find_chunk(size - 1, &within);
            memset(node->chunks[index] + within + 1, 0, chunk_size(index) - within - 1);
        }
    }
    files->size += size - node->size;
    node->size = size;
    return 0;
}

static int write_file(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                      const dohle_bytes *pieces, size_t count)
{
    DH_ASSERT((file->flags & DH_VFS_WRITE) != 0);
    int64_t end = position;
    for (size_t i = 0; i < count; i++) {
        end += (int64_t)pieces[i].size;
    }
    if (end > file->node->size) {
        int err = resize(vfs, file->node, "write", end);
        if (err != 0) {
            return err;
        }
    }
    for (size_t i = 0; i < count; i++) {
        copy_in(file->node, position, pieces[i].data, pieces[i].size);
        position += (int64_t)pieces[i].size;
    }
    return 0;
}

static int truncate_file(struct dh_vfs *vfs, struct dh_file *file, int64_t size)
{
    DH_ASSERT((file->flags & DH_VFS_WRITE) != 0);
    return resize(vfs, file->node, "truncate", size);
}

static int size_of_file(struct dh_vfs *vfs, struct dh_file *file, int64_t *size)
{
    (void)vfs;
    *size = file->node->size;
    return 0;
}

static void begin_sync(struct dh_vfs *vfs, struct dh_file *file, struct dh_vfs_sync *sync)
{
    file->sync = sync;
    dh_list_push_back(&files_of(vfs)->syncs, &file->sync_link);
}

static int sync_now(struct dh_vfs *vfs, struct dh_file *file)
{
    (void)vfs;
    (void)file;
    return 0;
}

static int sync_directory(struct dh_vfs *vfs, const char *path)
{
    struct node *node = find_node(files_of(vfs), path);
    return node != NULL && node->is_directory
               ? 0
               : fail(vfs, DOHLE_ERR_NO_FILE, "sync", path, "not there");
}

static int rename_file(struct dh_vfs *vfs, const char *from, const char *to)
{
    struct dh_memory_files *files = files_of(vfs);
    struct node *node = find_node(files, from);
    struct node *replaced = find_node(files, to);
    struct node *directory = find_directory_of(files, to);
    if (node == NULL || directory == NULL) {
        return fail(vfs, DOHLE_ERR_NO_FILE, "rename", from, "not there");
    }
    if (node->is_directory || (replaced != NULL && replaced->is_directory)) {
        return fail(vfs, DOHLE_ERR_IO, "rename", from, "is a directory");
    }
    if (node == replaced) {
        return 0;
    }
    char *path = dh_mem_copy_string(files->mem, to, strlen(to));
    if (path == NULL || dh_map_put(&files->nodes, dh_bytes_of(to), node) != 0) {
        dh_mem_free_string(files->mem, path);
        return fail(vfs, DOHLE_ERR_NO_MEMORY, "rename", from, "out of memory");
    }
    if (replaced != NULL) {
        dh_list_remove(&replaced->link);
        if (replaced->handles == 0) {
            free_node(files, replaced);
        }
    }
    (void)dh_map_remove(&files->nodes, dh_bytes_of(node->path));
    dh_mem_free_string(files->mem, node->path);
    node->path = path;
    dh_list_remove(&node->link);
    dh_list_push_back(&directory->children, &node->link);
    return 0;
}

static int remove_file(struct dh_vfs *vfs, const char *path)
{
    struct node *node = find_node(files_of(vfs), path);
    if (node == NULL) {
        return fail(vfs, DOHLE_ERR_NO_FILE, "remove", path, "not there");
    }
    if (node->is_directory) {
        return fail(vfs, DOHLE_ERR_IO, "remove", path, "is a directory");
    }
    unlink_node(files_of(vfs), node);
    return 0;
}

static int make_directory(struct dh_vfs *vfs, const char *path)
{
    struct node *node = find_node(files_of(vfs), path);
    if (node != NULL) {
        return node->is_directory ? 0
                                  : fail(vfs, DOHLE_ERR_IO, "create", path, "is a file");
    }
    return make_node(vfs, "create", path, true, &node);
}

static int remove_directory(struct dh_vfs *vfs, const char *path)
{
    struct dh_memory_files *files = files_of(vfs);
    struct node *node = find_node(files, path);
    if (node == NULL) {
        return fail(vfs, DOHLE_ERR_NO_FILE, "remove", path, "not there");
    }
    if (!node->is_directory || node == &files->root ||
        !dh_list_is_empty(&node->children)) {
        return fail(vfs, DOHLE_ERR_IO, "remove", path, "not an empty directory");
    }
    unlink_node(files, node);
    return 0;
}

static int list_directory(struct dh_vfs *vfs, const char *path,
                          void (*tell)(void *ctx, const char *name, bool is_directory),
                          void *ctx)
{
    struct node *node = find_node(files_of(vfs), path);
    if (node == NULL || !node->is_directory) {
        return fail(vfs, DOHLE_ERR_NO_FILE, "list", path, "not there");
    }
    DH_LIST_EACH(link, &node->children)
    {
        const struct node *child = DH_CONTAINER_OF(link, struct node, link);
        tell(ctx, last_name(child->path), child->is_directory);
    }
    return 0;
}

static int lock_file(struct dh_vfs *vfs, const char *path, struct dh_file **file,
                     int64_t *holder)
{
    struct dh_file *made;
    *holder = 0;
    int err = open_file(vfs, path, DH_VFS_WRITE | DH_VFS_CREATE, &made);
    if (err != 0) {
        return err;
    }
    if (made->node->is_locked) {
        close_file(vfs, made);
        return fail(vfs, DOHLE_ERR_IN_USE, "lock", path, "another holds it");
    }
    made->node->is_locked = true;
    made->holds_lock = true;
    *file = made;
    return 0;
}

static const struct dh_vfs_calls memory_calls = {
    .open = open_file,
    .close = close_file,
    .read = read_file,
    .write = write_file,
    .truncate = truncate_file,
    .size = size_of_file,
    .sync = begin_sync,
    .sync_now = sync_now,
    .sync_directory = sync_directory,
    .rename = rename_file,
    .remove = remove_file,
    .make_directory = make_directory,
    .remove_directory = remove_directory,
    .list = list_directory,
    .lock = lock_file,
};

// ---- Life ----

struct dh_memory_files *dh_memory_files_new(const dohle_allocator *mem)
{
    struct dh_memory_files *files = dh_mem_calloc(mem, 1, sizeof(*files));
    if (files == NULL) {
        return NULL;
    }
    files->vfs.calls = &memory_calls;
    files->vfs.is_volatile = true;
    files->mem = mem;
    files->size_max = -1;
    files->root.is_directory = true;
    dh_list_init(&files->root.children);
    dh_list_init(&files->files);
    dh_list_init(&files->syncs);
    // Nobody else chooses our paths: no seed is needed.
    dh_map_init(&files->nodes, mem, 0);
    return files;
}

void dh_memory_files_free(struct dh_memory_files *files)
{
    if (files == NULL) {
        return;
    }
    DH_ASSERT(dh_list_is_empty(&files->files));
    for (struct dh_map_item *item = dh_map_first(&files->nodes); item != NULL;
         item = dh_map_next(item)) {
        free_node(files, item->value);
    }
    dh_map_deinit(&files->nodes);
    dh_mem_free(files->mem, files, sizeof(*files));
}

struct dh_vfs *dh_memory_files_vfs(struct dh_memory_files *files)
{
    return &files->vfs;
}

void dh_memory_files_forget_syncs(struct dh_memory_files *files)
{
    while (dh_list_pop_front(&files->syncs) != NULL) {
    }
}

size_t dh_memory_files_end_syncs(struct dh_memory_files *files)
{
    // Those that `done` begins wait for the next call.
    struct dh_list begun;
    dh_list_init(&begun);
    dh_list_append_all(&begun, &files->syncs);
    size_t count = 0;
    struct dh_link *link;
    while ((link = dh_list_pop_front(&begun)) != NULL) {
        struct dh_file *file = DH_CONTAINER_OF(link, struct dh_file, sync_link);
        file->sync->done(file->sync, 0);
        count++;
    }
    return count;
}

void dh_memory_files_set_room(struct dh_memory_files *files, int64_t bytes_max)
{
    files->size_max = bytes_max;
}

int64_t dh_memory_files_size(const struct dh_memory_files *files)
{
    return files->size;
}
