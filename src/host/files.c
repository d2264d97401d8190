// SPDX-License-Identifier: MIT
#define _DEFAULT_SOURCE   // pwritev
#define _FILE_OFFSET_BITS 64

#include "host/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <dohle/error.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/strings.h"
#include "host/cause.h"
#include "host/loop.h"

#define DIRECTORY_MODE 0755
#define FILE_MODE      0644

// Most pieces in one call of the kernel.
#define PIECES_MAX 64

// Longest text of a process id, with its newline.
#define HOLDER_TEXT_SIZE 24

struct dh_file {
    struct dh_link link; // in dh_files.open
    char *path;          // owned
    int fd;
    struct dh_vfs_sync *sync; // under way; NULL: none
    // Guarded by the mutex:
    struct dh_link work; // in queued or ended
    int sync_errno;      // how it ended
};

struct dh_files {
    struct dh_vfs vfs;
    struct dh_host *host;
    char *directory; // owned
    int fd;          // of the directory
    struct dh_list open;
    size_t sync_count; // under way, not reported
    uv_async_t has_ended;
    pthread_t workers[DH_FILES_WORKERS_MAX];
    size_t worker_count;

    // Between the loop and the workers.
    pthread_mutex_t mutex;
    pthread_cond_t has_work;
    struct dh_list queued; // dh_file.work
    struct dh_list ended;  // dh_file.work
    size_t queued_count;
    size_t idle_count; // workers that wait
    bool is_ending;    // workers end instead of taking more
};

static struct dh_files *files_of(struct dh_vfs *vfs)
{
    return DH_CONTAINER_OF(vfs, struct dh_files, vfs);
}

static void lock(struct dh_files *files)
{
    int result = pthread_mutex_lock(&files->mutex);
    DH_ASSERT(result == 0);
}

static void unlock(struct dh_files *files)
{
    int result = pthread_mutex_unlock(&files->mutex);
    DH_ASSERT(result == 0);
}

// ---- Errors ----

static int fail(struct dh_vfs *vfs, int number, const char *verb, const char *path)
{
    char cause[DH_CAUSE_TEXT_SIZE];
    const char *slash = *path == '\0' ? "" : "/";
    (void)snprintf(vfs->error_text, sizeof(vfs->error_text), "%s %.80s%s%.64s: %s", verb,
                   files_of(vfs)->directory, slash, path, dh_cause_text(number, cause));
    vfs->is_full = number == ENOSPC || number == EDQUOT || number == EFBIG;
    return number == ENOENT ? DOHLE_ERR_NO_FILE : DOHLE_ERR_IO;
}

static int fail_memory(struct dh_vfs *vfs, const char *verb, const char *path)
{
    (void)fail(vfs, ENOMEM, verb, path);
    return DOHLE_ERR_NO_MEMORY;
}

// What the calls of the system take for a path of ours: the directory itself is "".
static const char *at(const char *path)
{
    return *path == '\0' ? "." : path;
}

// ---- Files ----

// A file on that descriptor, which it takes. NULL: no memory, the descriptor is closed.
static struct dh_file *new_file(struct dh_files *files, int fd, const char *path)
{
    const dohle_allocator *mem = files->host->mem;
    struct dh_file *file = dh_mem_calloc(mem, 1, sizeof(*file));
    char *copy = dh_mem_copy_string(mem, path, strlen(path));
    if (file == NULL || copy == NULL) {
        dh_mem_free(mem, file, sizeof(*file));
        dh_mem_free_string(mem, copy);
        (void)close(fd);
        return NULL;
    }
    file->fd = fd;
    file->path = copy;
    dh_list_push_back(&files->open, &file->link);
    return file;
}

static int open_file(struct dh_vfs *vfs, const char *path, unsigned flags,
                     struct dh_file **out)
{
    struct dh_files *files = files_of(vfs);
    int mode = O_CLOEXEC | ((flags & DH_VFS_WRITE) != 0 ? O_RDWR : O_RDONLY);
    if ((flags & DH_VFS_CREATE) != 0) {
        mode |= O_CREAT;
    }
    int fd = openat(files->fd, path, mode, FILE_MODE);
    if (fd < 0) {
        return fail(vfs, errno, "open", path);
    }
    *out = new_file(files, fd, path);
    return *out != NULL ? 0 : fail_memory(vfs, "open", path);
}

static void close_file(struct dh_vfs *vfs, struct dh_file *file)
{
    DH_ASSERT(file->sync == NULL);
    const dohle_allocator *mem = files_of(vfs)->host->mem;
    dh_list_remove(&file->link);
    (void)close(file->fd);
    dh_mem_free_string(mem, file->path);
    dh_mem_free(mem, file, sizeof(*file));
}

static int read_file(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                     uint8_t *data, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t part =
            pread(file->fd, data + *got, size - *got, position + (int64_t)*got);
        if (part < 0 && errno != EINTR) {
            return fail(vfs, errno, "read", file->path);
        }
        if (part == 0) {
            break;
        }
        *got += part > 0 ? (size_t)part : 0;
    }
    return 0;
}

// Fills the kernel's vectors from pieces, of which `skipped` bytes are written already.
static int fill_vectors(struct iovec vectors[PIECES_MAX], const dohle_bytes *pieces,
                        size_t count, size_t skipped)
{
    size_t used = 0;
    for (; used < count && used < PIECES_MAX; used++) {
        const uint8_t *data = pieces[used].data;
        data = used == 0 ? data + skipped : data; // null has no size, and no rest
        // The kernel's own type has no const.
        memcpy(&vectors[used].iov_base, &data, sizeof(data));
        vectors[used].iov_len = pieces[used].size - (used == 0 ? skipped : 0);
    }
    return (int)used;
}

static int write_file(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                      const dohle_bytes *pieces, size_t count)
{
    size_t skipped = 0; // of the first piece that is left
    for (;;) {
        while (count > 0 && pieces->size == skipped) {
            pieces++;
            count--;
            skipped = 0;
        }
        if (count == 0) {
            return 0;
        }
        struct iovec vectors[PIECES_MAX];
        int used = fill_vectors(vectors, pieces, count, skipped);
        ssize_t size = pwritev(file->fd, vectors, used, position);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return fail(vfs, size < 0 ? errno : ENOSPC, "write", file->path);
        }
        position += size;
        for (size_t left = (size_t)size; left > 0;) {
            size_t part = pieces->size - skipped;
            if (left < part) {
                skipped += left;
                break;
            }
            left -= part;
            pieces++;
            count--;
            skipped = 0;
        }
    }
}

static int truncate_file(struct dh_vfs *vfs, struct dh_file *file, int64_t size)
{
    int result;
    do {
        result = ftruncate(file->fd, size);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : fail(vfs, errno, "truncate", file->path);
}

static int size_of_file(struct dh_vfs *vfs, struct dh_file *file, int64_t *size)
{
    struct stat status;
    if (fstat(file->fd, &status) != 0) {
        return fail(vfs, errno, "look at", file->path);
    }
    *size = status.st_size;
    return 0;
}

// ---- Syncs ----

// Returns 0 or an errno.
static int sync_descriptor(int fd)
{
    int result;
    do {
        result = fdatasync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

static void *run_worker(void *ctx)
{
    struct dh_files *files = ctx;
    lock(files);
    while (!files->is_ending) {
        struct dh_link *link = dh_list_pop_front(&files->queued);
        if (link == NULL) {
            files->idle_count++;
            int result = pthread_cond_wait(&files->has_work, &files->mutex);
            DH_ASSERT(result == 0);
            files->idle_count--;
            continue;
        }
        struct dh_file *file = DH_CONTAINER_OF(link, struct dh_file, work);
        files->queued_count--;
        unlock(files);
        int number = sync_descriptor(file->fd);
        lock(files);
        file->sync_errno = number;
        dh_list_push_back(&files->ended, &file->work);
        (void)uv_async_send(&files->has_ended);
    }
    unlock(files);
    return NULL;
}

// Starts a worker that no signal is delivered to, if there may be one more.
static void add_worker(struct dh_files *files)
{
    if (files->worker_count == DH_FILES_WORKERS_MAX) {
        return;
    }
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    int result = pthread_sigmask(SIG_SETMASK, &all, &before);
    DH_ASSERT(result == 0);
    pthread_t *thread = &files->workers[files->worker_count];
    if (pthread_create(thread, NULL, run_worker, files) == 0) {
        files->worker_count++;
    }
    result = pthread_sigmask(SIG_SETMASK, &before, NULL);
    DH_ASSERT(result == 0);
}

// Without any worker the loop itself has to wait for the disk.
static void sync_without_workers(struct dh_files *files, struct dh_file *file)
{
    file->sync_errno = sync_descriptor(file->fd);
    dh_list_push_back(&files->ended, &file->work);
    (void)uv_async_send(&files->has_ended);
}

static void begin_sync(struct dh_vfs *vfs, struct dh_file *file, struct dh_vfs_sync *sync)
{
    struct dh_files *files = files_of(vfs);
    DH_ASSERT(file->sync == NULL);
    file->sync = sync;
    files->sync_count++;
    lock(files);
    bool is_more_wanted = files->idle_count <= files->queued_count;
    unlock(files);
    if (is_more_wanted) {
        add_worker(files);
    }
    lock(files);
    if (files->worker_count == 0) {
        sync_without_workers(files, file);
    } else {
        dh_list_push_back(&files->queued, &file->work);
        files->queued_count++;
        int result = pthread_cond_signal(&files->has_work);
        DH_ASSERT(result == 0);
    }
    unlock(files);
}

static struct dh_file *take_ended(struct dh_files *files)
{
    lock(files);
    struct dh_link *link = dh_list_pop_front(&files->ended);
    unlock(files);
    return link != NULL ? DH_CONTAINER_OF(link, struct dh_file, work) : NULL;
}

static void on_ended(uv_async_t *async)
{
    struct dh_files *files = async->data;
    for (struct dh_file *file; (file = take_ended(files)) != NULL;) {
        struct dh_vfs_sync *sync = file->sync;
        file->sync = NULL;
        files->sync_count--;
        files->host->has_progress = true;
        int number = file->sync_errno;
        sync->done(sync, number == 0 ? 0 : fail(&files->vfs, number, "sync", file->path));
    }
}

static int sync_now(struct dh_vfs *vfs, struct dh_file *file)
{
    int number = sync_descriptor(file->fd);
    return number == 0 ? 0 : fail(vfs, number, "sync", file->path);
}

static int sync_directory(struct dh_vfs *vfs, const char *path)
{
    int fd = openat(files_of(vfs)->fd, at(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail(vfs, errno, "sync", path);
    }
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    int err = result == 0 ? 0 : fail(vfs, errno, "sync", path);
    (void)close(fd);
    return err;
}

// ---- Names ----

static int rename_file(struct dh_vfs *vfs, const char *from, const char *to)
{
    int fd = files_of(vfs)->fd;
    return renameat(fd, from, fd, to) == 0 ? 0 : fail(vfs, errno, "rename", from);
}

static int remove_file(struct dh_vfs *vfs, const char *path)
{
    int result = unlinkat(files_of(vfs)->fd, path, 0);
    return result == 0 ? 0 : fail(vfs, errno, "remove", path);
}

static int make_directory(struct dh_vfs *vfs, const char *path)
{
    int fd = files_of(vfs)->fd;
    struct stat status;
    if (mkdirat(fd, path, DIRECTORY_MODE) == 0 ||
        (errno == EEXIST && fstatat(fd, path, &status, 0) == 0 &&
         S_ISDIR(status.st_mode))) {
        return 0;
    }
    return fail(vfs, errno, "make", path);
}

static int remove_directory(struct dh_vfs *vfs, const char *path)
{
    int result = unlinkat(files_of(vfs)->fd, path, AT_REMOVEDIR);
    return result == 0 ? 0 : fail(vfs, errno, "remove", path);
}

static bool is_directory(int fd, const char *name)
{
    struct stat status;
    return fstatat(fd, name, &status, 0) == 0 && S_ISDIR(status.st_mode);
}

static int list_directory(struct dh_vfs *vfs, const char *path,
                          void (*tell)(void *ctx, const char *name, bool is_directory),
                          void *ctx)
{
    int fd = openat(files_of(vfs)->fd, at(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail(vfs, errno, "list", path);
    }
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        int number = errno;
        (void)close(fd);
        return fail(vfs, number, "list", path);
    }
    errno = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL; errno = 0) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            tell(ctx, entry->d_name, is_directory(fd, entry->d_name));
        }
    }
    int number = errno;
    (void)closedir(folder);
    return number == 0 ? 0 : fail(vfs, number, "list", path);
}

// ---- The lock ----

// The process id in a lock file; 0: there is none.
static int64_t read_holder(int fd)
{
    char text[HOLDER_TEXT_SIZE];
    ssize_t size = pread(fd, text, sizeof(text), 0);
    size_t digits = 0;
    while (size > 0 && digits < (size_t)size && text[digits] >= '0' &&
           text[digits] <= '9') {
        digits++;
    }
    int64_t holder = 0;
    const dohle_bytes figures = {(const uint8_t *)text, digits};
    return dh_parse_int64(figures, 0, INT64_MAX, &holder) == 0 ? holder : 0;
}

// Returns 0 or an errno.
static int write_holder(int fd)
{
    char text[HOLDER_TEXT_SIZE];
    int size = snprintf(text, sizeof(text), "%lld\n", (long long)getpid());
    if (ftruncate(fd, 0) != 0) {
        return errno;
    }
    ssize_t written = pwrite(fd, text, (size_t)size, 0);
    return written == size ? 0 : written < 0 ? errno : ENOSPC;
}

static int lock_file(struct dh_vfs *vfs, const char *path, struct dh_file **out,
                     int64_t *holder)
{
    struct dh_files *files = files_of(vfs);
    *holder = 0;
    int fd = openat(files->fd, path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return fail(vfs, errno, "lock", path);
    }
    int number = 0;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        number = errno;
        if (number != EINTR) {
            break;
        }
        number = 0;
    }
    if (number == EWOULDBLOCK) {
        *holder = read_holder(fd);
        (void)close(fd);
        (void)fail(vfs, number, "lock", path);
        return DOHLE_ERR_IN_USE;
    }
    number = number == 0 ? write_holder(fd) : number;
    if (number != 0) {
        (void)close(fd);
        return fail(vfs, number, "lock", path);
    }
    *out = new_file(files, fd, path);
    return *out != NULL ? 0 : fail_memory(vfs, "lock", path);
}

static const struct dh_vfs_calls file_calls = {
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

// Makes the directory and those above it, as far as they are missing. Returns 0 or an errno.
static int make_directories(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, DIRECTORY_MODE);
        int number = errno;
        *slash = '/';
        if (result != 0 && number != EEXIST) {
            return number;
        }
    }
    return mkdir(path, DIRECTORY_MODE) == 0 || errno == EEXIST ? 0 : errno;
}

// Opens the directory. Returns 0 or an errno.
static int open_directory(struct dh_files *files)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    files->fd = open(files->directory, flags);
    if (files->fd < 0 && errno == ENOENT && *files->directory != '\0') {
        int number = make_directories(files->directory);
        if (number != 0) {
            return number;
        }
        files->fd = open(files->directory, flags);
    }
    return files->fd >= 0 ? 0 : errno;
}

int dh_files_new(struct dh_host *host, const char *directory, struct dh_files **out,
                 char text[DH_FILES_TEXT_SIZE])
{
    const dohle_allocator *mem = host->mem;
    struct dh_files *files = dh_mem_calloc(mem, 1, sizeof(*files));
    char *copy = dh_mem_copy_string(mem, directory, strlen(directory));
    if (files == NULL || copy == NULL) {
        dh_mem_free(mem, files, sizeof(*files));
        dh_mem_free_string(mem, copy);
        (void)snprintf(text, DH_FILES_TEXT_SIZE, "out of memory");
        return DOHLE_ERR_NO_MEMORY;
    }
    files->directory = copy;
    files->host = host;
    int number = open_directory(files);
    if (number == 0) {
        number = -uv_async_init(&host->loop, &files->has_ended, on_ended);
    }
    if (number != 0) {
        char cause[DH_CAUSE_TEXT_SIZE];
        (void)snprintf(text, DH_FILES_TEXT_SIZE, "cannot open the directory %.120s: %s",
                       directory, dh_cause_text(number, cause));
        if (files->fd >= 0) {
            (void)close(files->fd);
        }
        dh_mem_free_string(mem, copy);
        dh_mem_free(mem, files, sizeof(*files));
        return DOHLE_ERR_IO;
    }
    files->has_ended.data = files;
    files->vfs.calls = &file_calls;
    dh_list_init(&files->open);
    dh_list_init(&files->queued);
    dh_list_init(&files->ended);
    int result = pthread_mutex_init(&files->mutex, NULL);
    DH_ASSERT(result == 0);
    result = pthread_cond_init(&files->has_work, NULL);
    DH_ASSERT(result == 0);
    *out = files;
    return 0;
}

struct dh_vfs *dh_files_vfs(struct dh_files *files)
{
    return &files->vfs;
}

bool dh_files_is_syncing(const struct dh_files *files)
{
    return files->sync_count > 0;
}

static void forget_all(struct dh_files *files, struct dh_list *list)
{
    for (struct dh_link *link; (link = dh_list_pop_front(list)) != NULL;) {
        DH_CONTAINER_OF(link, struct dh_file, work)->sync = NULL;
        files->sync_count--;
    }
}

void dh_files_forget_syncs(struct dh_files *files)
{
    lock(files);
    files->is_ending = true;
    forget_all(files, &files->queued);
    files->queued_count = 0;
    int result = pthread_cond_broadcast(&files->has_work);
    DH_ASSERT(result == 0);
    unlock(files);
    for (size_t i = 0; i < files->worker_count; i++) {
        result = pthread_join(files->workers[i], NULL);
        DH_ASSERT(result == 0);
    }
    files->worker_count = 0;
    files->is_ending = false;
    forget_all(files, &files->ended);
    DH_ASSERT(files->sync_count == 0);
}

static void on_async_closed(uv_handle_t *handle)
{
    struct dh_files *files = handle->data;
    const dohle_allocator *mem = files->host->mem;
    dh_mem_free_string(mem, files->directory);
    dh_mem_free(mem, files, sizeof(*files));
}

void dh_files_free(struct dh_files *files)
{
    if (files == NULL) {
        return;
    }
    DH_ASSERT(dh_list_is_empty(&files->open));
    dh_files_forget_syncs(files);
    (void)close(files->fd);
    int result = pthread_cond_destroy(&files->has_work);
    DH_ASSERT(result == 0);
    result = pthread_mutex_destroy(&files->mutex);
    DH_ASSERT(result == 0);
    // An ended sync may still ring once: libuv lets go of the handle in its own time.
    uv_close((uv_handle_t *)&files->has_ended, on_async_closed);
}
