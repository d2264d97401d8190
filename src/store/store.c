// SPDX-License-Identifier: MIT
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/properties.h"
#include "base/strings.h"
#include "store/checkpoint.h"
#include "store/log.h"
#include "store/names.h"
#include "store/recovery.h"
#include "store/state.h"

#define META_CLUSTER_ID "cluster.id"

// ---- The logs, in order ----

static int compare_topics(const char *a, size_t a_size, const char *b, size_t b_size)
{
    return dh_bytes_compare((dohle_bytes){(const uint8_t *)a, a_size},
                            (dohle_bytes){(const uint8_t *)b, b_size});
}

// Where a log is, or would be.
static size_t find_place(const struct dh_store *store, const char *topic,
                         size_t topic_size, int32_t partition, bool *is_there)
{
    size_t low = 0;
    size_t high = store->log_count;
    *is_there = false;
    while (low < high && !*is_there) {
        size_t middle = low + (high - low) / 2;
        const struct dh_store_log *log = store->logs[middle];
        int order = compare_topics(log->topic, strlen(log->topic), topic, topic_size);
        if (order == 0) {
            order = (log->partition > partition) - (log->partition < partition);
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
            *is_there = order == 0;
            low = *is_there ? middle : low;
        }
    }
    return low;
}

static int add_log(struct dh_store *store, struct dh_store_log *log)
{
    bool is_there;
    size_t place =
        find_place(store, log->topic, strlen(log->topic), log->partition, &is_there);
    DH_ASSERT(!is_there);
    if (dh_mem_grow(store->mem, &store->logs, &store->log_capacity, store->log_count + 1,
                    sizeof(store->logs[0])) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    memmove(store->logs + place + 1, store->logs + place,
            (store->log_count - place) * sizeof(store->logs[0]));
    store->logs[place] = log;
    store->log_count++;
    return 0;
}

static struct dh_store_log *find_log(const struct dh_store *store, const char *topic,
                                     size_t topic_size, int32_t partition)
{
    bool is_there;
    size_t place = find_place(store, topic, topic_size, partition, &is_there);
    return is_there ? store->logs[place] : NULL;
}

struct dh_store_log *dh_store_find_log(const struct dh_store *store, const char *topic,
                                       int32_t partition)
{
    return find_log(store, topic, strlen(topic), partition);
}

struct dh_store_log *dh_store_next_log(const struct dh_store *store,
                                       const struct dh_store_log *after)
{
    size_t next = 0;
    if (after != NULL) {
        bool is_there;
        next = 1 + find_place(store, after->topic, strlen(after->topic), after->partition,
                              &is_there);
    }
    return next < store->log_count ? store->logs[next] : NULL;
}

// ---- Checkpoints ----

enum field {
    RECOVERY_POINTS,
    LOG_STARTS,
};

static int write_checkpoint(struct dh_store *store, enum field field, const char *name)
{
    struct dh_buf lines;
    struct dh_buf text;
    size_t count = 0;
    dh_buf_init(&lines, store->mem, 0);
    dh_buf_init(&text, store->mem, 0);
    for (size_t i = 0; i < store->log_count; i++) {
        const struct dh_store_log *log = store->logs[i];
        int64_t offset = log->start;
        if (field == RECOVERY_POINTS) {
            // Of a log that went offline nothing new is claimed: its epochs were not saved.
            offset = log->is_offline ? log->listed_point : log->recovery_point;
        }
        // A log that starts where its files do needs no line, as in Kafka.
        if (field == LOG_STARTS && offset <= log->segments[0]->base_offset) {
            continue;
        }
        dh_buf_printf(&lines, "%s %" PRId32 " %" PRId64 "\n", log->topic, log->partition,
                      offset);
        count++;
    }
    dh_buf_printf(&text, "0\n%zu\n", count);
    dh_buf_append(&text, lines.data, lines.size);
    int err = lines.err != 0 ? lines.err : text.err;
    if (err == 0) {
        err = dh_store_replace_file(store->vfs, "", name, dh_buf_view(&text),
                                    !store->vfs->is_volatile);
    }
    dh_buf_deinit(&text);
    dh_buf_deinit(&lines);
    return err;
}

static int write_checkpoints(struct dh_store *store)
{
    int err = write_checkpoint(store, RECOVERY_POINTS, DH_STORE_RECOVERY_POINTS_FILE);
    if (err == 0) {
        err = write_checkpoint(store, LOG_STARTS, DH_STORE_LOG_STARTS_FILE);
    }
    if (err == 0) {
        store->is_checkpoint_due = false;
        store->has_stale_lines = false;
        for (size_t i = 0; i < store->log_count; i++) {
            struct dh_store_log *log = store->logs[i];
            log->is_listed = true;
            log->listed_point = log->is_offline ? log->listed_point : log->recovery_point;
        }
    }
    return err;
}

int dh_store_checkpoint(struct dh_store *store)
{
    if (!store->is_checkpoint_due && !store->has_stale_lines) {
        return 0;
    }
    // An epoch whose batches a start need not look at must be known from its file.
    for (size_t i = 0; i < store->log_count; i++) {
        struct dh_store_log *log = store->logs[i];
        int err =
            log->is_offline ? 0 : dh_store_log_save_epochs(log, !store->vfs->is_volatile);
        if (err != 0) {
            return err;
        }
    }
    return write_checkpoints(store);
}

// One line "topic partition offset". False: it makes no sense, or no such log is here.
static bool read_line(struct dh_store *store, dohle_bytes line, enum field field)
{
    dohle_bytes topic;
    dohle_bytes word;
    int64_t partition;
    int64_t offset;
    if (!dh_split_next(&line, ' ', &topic) || !dh_split_next(&line, ' ', &word) ||
        dh_parse_int64(word, 0, INT32_MAX, &partition) != 0 ||
        !dh_split_next(&line, ' ', &word) ||
        dh_parse_int64(word, 0, INT64_MAX, &offset) != 0) {
        return false;
    }
    struct dh_store_log *log =
        find_log(store, (const char *)topic.data, topic.size, (int32_t)partition);
    if (log == NULL) {
        return false;
    }
    if (field == LOG_STARTS) {
        log->start = offset;
    } else {
        log->recovery_point = offset;
        log->listed_point = offset;
        log->is_listed = true;
    }
    return true;
}

static int read_checkpoint(struct dh_store *store, enum field field, const char *name)
{
    struct dh_buf text;
    struct dh_store_lines lines;
    dohle_bytes line;
    dh_buf_init(&text, store->mem, 0);
    int err = dh_store_read_file(store->vfs, name, &text);
    if (err == 0) {
        if (!dh_store_lines_init(&lines, dh_buf_view(&text))) {
            // As if it were not there: more is looked at.
            dh_log(store->sink, DOHLE_LOG_WARNING, "store", "%s makes no sense", name);
            lines.left = 0;
            store->has_stale_lines = true;
        }
        while (dh_store_lines_next(&lines, &line)) {
            if (!read_line(store, line, field)) {
                store->has_stale_lines = true;
            }
        }
    }
    dh_buf_deinit(&text);
    return err == DOHLE_ERR_NO_FILE || err == DOHLE_ERR_TOO_LARGE ? 0 : err;
}

// ---- meta.properties ----

static int read_meta(struct dh_store *store, dohle_bytes text)
{
    struct dh_properties properties;
    struct dh_buf key;
    struct dh_buf value;
    dh_buf_init(&key, store->mem, 0);
    dh_buf_init(&value, store->mem, 0);
    dh_properties_init(&properties, text);
    int err = 0;
    int found;
    while (err == 0 && (found = dh_properties_next(&properties, &key, &value)) == 1) {
        if (dh_bytes_equal(dh_buf_view(&key), DH_BYTES(META_CLUSTER_ID)) &&
            value.size > 0) {
            dh_mem_free_string(store->mem, store->cluster_id);
            store->cluster_id = dh_mem_copy_text(store->mem, value.data, value.size);
            err = store->cluster_id == NULL ? DOHLE_ERR_NO_MEMORY : 0;
        }
    }
    dh_buf_deinit(&key);
    dh_buf_deinit(&value);
    return err;
}

static int write_meta(struct dh_store *store, const char *cluster_id)
{
    struct dh_buf text;
    dh_buf_init(&text, store->mem, 0);
    dh_buf_printf(&text, "version=1\n" META_CLUSTER_ID "=%s\n", cluster_id);
    int err = text.err;
    if (err == 0) {
        err = dh_store_replace_file(store->vfs, "", DH_STORE_META_FILE,
                                    dh_buf_view(&text), !store->vfs->is_volatile);
    }
    dh_buf_deinit(&text);
    store->cluster_id = dh_mem_copy_string(store->mem, cluster_id, strlen(cluster_id));
    return err == 0 && store->cluster_id == NULL ? DOHLE_ERR_NO_MEMORY : err;
}

static int open_meta(struct dh_store *store, const char *cluster_id)
{
    struct dh_buf text;
    dh_buf_init(&text, store->mem, 0);
    int err = dh_store_read_file(store->vfs, DH_STORE_META_FILE, &text);
    if (err == 0) {
        err = read_meta(store, dh_buf_view(&text));
    }
    dh_buf_deinit(&text);
    if (err != 0 && err != DOHLE_ERR_NO_FILE) {
        return err;
    }
    return store->cluster_id != NULL
               ? 0
               : write_meta(store, cluster_id == NULL ? "" : cluster_id);
}

// ---- Deleting ----

struct removal {
    struct dh_vfs *vfs;
    const char *directory;
    struct dh_store_path found;
    bool has_found;
};

// Finds one file, but the mark only when nothing else is left.
static void tell_file(void *ctx, const char *name, bool is_directory)
{
    struct removal *removal = ctx;
    bool is_mark = strcmp(name, DH_STORE_DELETED_FILE) == 0;
    if (!is_directory &&
        strlen(name) + strlen(removal->directory) + 2 <= sizeof(removal->found.text) &&
        !(is_mark && removal->has_found)) {
        removal->found = dh_store_path(removal->directory, name);
        removal->has_found = true;
    }
}

// Removes what is in a directory, the mark last, and the directory.
static int remove_directory(struct dh_vfs *vfs, const char *directory)
{
    for (;;) {
        struct removal removal = {.vfs = vfs, .directory = directory};
        int err = vfs->calls->list(vfs, directory, tell_file, &removal);
        if (err == 0 && !removal.has_found) {
            return vfs->calls->remove_directory(vfs, directory);
        }
        if (err == 0) {
            err = vfs->calls->remove(vfs, removal.found.text);
        }
        if (err != 0) {
            return err;
        }
    }
}

int dh_store_delete_log(struct dh_store *store, struct dh_store_log *log)
{
    struct dh_vfs *vfs = store->vfs;
    bool is_there;
    size_t place =
        find_place(store, log->topic, strlen(log->topic), log->partition, &is_there);
    DH_ASSERT(is_there && store->logs[place] == log);
    // From here on the next start goes on with what we have begun.
    int err = dh_store_replace_file(vfs, log->name, DH_STORE_DELETED_FILE,
                                    (dohle_bytes){NULL, 0}, store->is_synced);
    if (err != 0 && !log->is_offline) {
        return err;
    }
    memmove(store->logs + place, store->logs + place + 1,
            (store->log_count - place - 1) * sizeof(store->logs[0]));
    store->log_count--;
    store->has_stale_lines = true;
    (void)!dh_store_log_remove_segments(log, 0, log->segment_count);
    if (remove_directory(vfs, log->name) != 0) {
        dh_log(store->sink, DOHLE_LOG_WARNING, "store",
               "%s: not all of it could be removed (%s); the next start goes on",
               log->name, vfs->error_text);
    }
    if (log->syncing != NULL) {
        log->is_leaving = true;
        dh_list_push_back(&store->leaving, &log->leaving_link);
    } else {
        dh_store_log_free(log);
    }
    return 0;
}

// ---- Making ----

// What lies in a directory: only files that we make beside records, and no records?
struct leftover {
    bool is_ours;
};

static void judge_file(void *ctx, const char *name, bool is_directory)
{
    static const char *const names[] = {
        DH_STORE_METADATA_FILE, DH_STORE_METADATA_FILE ".tmp", DH_STORE_EPOCHS_FILE,
        DH_STORE_EPOCHS_FILE ".tmp"};
    struct leftover *leftover = ctx;
    int64_t base_offset;
    const char *suffix;
    bool is_known = !is_directory &&
                    dh_store_parse_segment_name(name, &base_offset, &suffix) &&
                    (strcmp(suffix, ".index") == 0 || strcmp(suffix, ".timeindex") == 0);
    for (size_t i = 0; i < DH_COUNT_OF(names); i++) {
        is_known = is_known || (!is_directory && strcmp(name, names[i]) == 0);
    }
    leftover->is_ours = leftover->is_ours && is_known;
}

// A making that was cut short by a crash may have left names, of which the .log is not one.
static bool is_leftover(struct dh_vfs *vfs, const char *directory)
{
    struct leftover leftover = {.is_ours = true};
    return vfs->calls->list(vfs, directory, judge_file, &leftover) == 0 &&
           leftover.is_ours;
}

/*
 * What a deletion left is removed, and so is what a making left. DOHLE_ERR_INVALID_STATE:
 * somebody else's files are there.
 */
static int clear_place(struct dh_vfs *vfs, const char *directory)
{
    struct removal removal = {.vfs = vfs, .directory = directory};
    int err = vfs->calls->list(vfs, directory, tell_file, &removal);
    if (err != 0 || !removal.has_found) {
        return err == DOHLE_ERR_NO_FILE ? 0 : err;
    }
    struct dh_file *file = NULL;
    struct dh_store_path mark = dh_store_path(directory, DH_STORE_DELETED_FILE);
    err = vfs->calls->open(vfs, mark.text, 0, &file);
    if (err == DOHLE_ERR_NO_FILE && is_leftover(vfs, directory)) {
        return remove_directory(vfs, directory);
    }
    if (err != 0) {
        return err == DOHLE_ERR_NO_FILE ? DOHLE_ERR_INVALID_STATE : err;
    }
    vfs->calls->close(vfs, file);
    return remove_directory(vfs, directory);
}

static int make_files(struct dh_store_log *log)
{
    struct dh_vfs *vfs = log->store->vfs;
    int err = vfs->calls->make_directory(vfs, log->name);
    if (err != 0) {
        return err;
    }
    err = dh_store_log_begin_anew(log);
    if (err == 0) {
        err = dh_store_log_save_metadata(log, log->store->is_synced);
    }
    if (err == 0 && log->store->is_synced) {
        err = vfs->calls->sync_directory(vfs, "");
    }
    return err;
}

int dh_store_create_log(struct dh_store *store, const char *topic, int32_t partition,
                        struct dh_uuid topic_id, const struct dh_store_log_config *config,
                        struct dh_store_log **log)
{
    char name[DH_STORE_TOPIC_SIZE_MAX + 16];
    size_t topic_size = strlen(topic);
    if (topic_size == 0 || topic_size > DH_STORE_TOPIC_SIZE_MAX || partition < 0) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    if (dh_store_find_log(store, topic, partition) != NULL) {
        return DOHLE_ERR_INVALID_STATE;
    }
    // A line of a log of this name that was deleted would be taken for ours after a crash.
    int err = store->has_stale_lines ? dh_store_checkpoint(store) : 0;
    if (err != 0) {
        return err;
    }
    snprintf(name, sizeof(name), "%s-%" PRId32, topic, partition);
    err = clear_place(store->vfs, name);
    if (err != 0) {
        return err;
    }
    struct dh_store_log *made = dh_store_log_new(store, name, topic_size, partition);
    if (made == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    made->topic_id = topic_id;
    made->config = *config;
    made->is_new = true;
    made->is_touched = true;
    err = make_files(made);
    if (err == 0) {
        err = add_log(store, made);
    }
    store->is_checkpoint_due = true;
    if (err != 0) {
        char text[sizeof(store->vfs->error_text)];
        bool is_full = store->vfs->is_full;
        memcpy(text, store->vfs->error_text, sizeof(text));
        dh_store_log_free(made);
        (void)!remove_directory(store->vfs, name);
        memcpy(store->vfs->error_text, text, sizeof(text));
        store->vfs->is_full = is_full;
        return err;
    }
    *log = made;
    return 0;
}

// ---- Opening ----

struct directories {
    struct dh_store *store;
    int err;
    bool has_marker; // of a clean stop
};

static void tell_directory(void *ctx, const char *name, bool is_directory)
{
    struct directories *directories = ctx;
    struct dh_store *store = directories->store;
    size_t topic_size;
    int32_t partition;
    if (!is_directory) {
        directories->has_marker |= strcmp(name, DH_STORE_CLEAN_FILE) == 0;
        return;
    }
    if (directories->err != 0 ||
        !dh_store_parse_log_name(name, &topic_size, &partition)) {
        return;
    }
    struct dh_store_log *log = dh_store_log_new(store, name, topic_size, partition);
    directories->err = log == NULL ? DOHLE_ERR_NO_MEMORY : add_log(store, log);
    if (directories->err != 0) {
        dh_store_log_free(log);
    }
}

// Goes on with what dh_store_delete_log had begun.
static int finish_deletions(struct dh_store *store)
{
    size_t kept = 0;
    int err = 0;
    for (size_t i = 0; i < store->log_count; i++) {
        struct dh_store_log *log = store->logs[i];
        struct dh_file *file = NULL;
        struct dh_store_path path = dh_store_path(log->name, DH_STORE_DELETED_FILE);
        int found = err != 0 ? DOHLE_ERR_NO_FILE
                             : store->vfs->calls->open(store->vfs, path.text, 0, &file);
        if (found != 0) {
            err = found == DOHLE_ERR_NO_FILE ? err : found;
            store->logs[kept++] = log;
            continue;
        }
        store->vfs->calls->close(store->vfs, file);
        err = remove_directory(store->vfs, log->name);
        dh_store_log_free(log);
    }
    store->log_count = kept;
    return err;
}

static int fail(const struct dh_store *store, int err, char *text, size_t text_size)
{
    snprintf(text, text_size, "%s",
             err == DOHLE_ERR_NO_MEMORY ? "out of memory" : store->vfs->error_text);
    return err == DOHLE_ERR_NO_MEMORY ? err : DOHLE_ERR_IO;
}

static int recover_logs(struct dh_store *store, struct dh_store_recovery *summary,
                        char *text, size_t text_size)
{
    struct dh_store_recover recover;
    int err = dh_store_recover_init(&recover, store, summary, summary->was_clean, text,
                                    text_size);
    if (err != 0) {
        return fail(store, err, text, text_size);
    }
    for (size_t i = 0; i < store->log_count && err == 0; i++) {
        err = dh_store_recover_log(&recover, store->logs[i]);
    }
    dh_store_recover_deinit(&recover);
    return err;
}

// What lies in the directory, and how it was left.
static int look_around(struct dh_store *store, struct dh_store_recovery *summary)
{
    struct directories directories = {.store = store};
    int err = store->vfs->calls->list(store->vfs, "", tell_directory, &directories);
    err = err == 0 ? directories.err : err;
    if (err == 0) {
        err = finish_deletions(store);
    }
    if (err == 0) {
        err = read_checkpoint(store, RECOVERY_POINTS, DH_STORE_RECOVERY_POINTS_FILE);
    }
    if (err == 0) {
        err = read_checkpoint(store, LOG_STARTS, DH_STORE_LOG_STARTS_FILE);
    }
    summary->was_clean = directories.has_marker;
    return err;
}

static int take_marker(struct dh_store *store)
{
    int err = store->vfs->calls->remove(store->vfs, DH_STORE_CLEAN_FILE);
    return err == 0 && !store->vfs->is_volatile
               ? store->vfs->calls->sync_directory(store->vfs, "")
               : err;
}

static int open_locked(struct dh_store *store, const struct dh_store_options *options,
                       struct dh_store_recovery *summary, char *text, size_t text_size)
{
    int err = open_meta(store, options->process);
    if (err == 0) {
        err = look_around(store, summary);
    }
    if (err != 0) {
        return fail(store, err, text, text_size);
    }
    err = recover_logs(store, summary, text, text_size);
    if (err == 0 && store->is_synced && !summary->was_clean) {
        // As with the names in each log: the process before us may have made it, and died.
        err = store->vfs->calls->sync_directory(store->vfs, "");
        err = err == 0 ? 0 : fail(store, err, text, text_size);
    }
    if (err == 0 && summary->was_clean) {
        // Only now: a start that was refused leaves everything as it found it.
        err = take_marker(store);
        err = err == 0 ? 0 : fail(store, err, text, text_size);
    }
    return err;
}

static int lock(struct dh_store *store, char *text, size_t text_size)
{
    int64_t holder = 0;
    int err =
        store->vfs->calls->lock(store->vfs, DH_STORE_LOCK_FILE, &store->lock, &holder);
    if (err == DOHLE_ERR_IN_USE) {
        store->lock = NULL;
        if (holder > 0) {
            snprintf(text, text_size, "the data directory is in use by process %" PRId64,
                     holder);
        } else {
            snprintf(text, text_size, "the data directory is in use by another process");
        }
        return err;
    }
    if (err != 0) {
        store->lock = NULL;
        return fail(store, err, text, text_size);
    }
    return 0;
}

static void free_store(struct dh_store *store)
{
    struct dh_link *link;
    while ((link = dh_list_pop_front(&store->leaving)) != NULL) {
        struct dh_store_log *log =
            DH_CONTAINER_OF(link, struct dh_store_log, leaving_link);
        dh_store_segment_free(log->syncing);
        log->syncing = NULL;
        dh_store_log_free(log);
    }
    for (size_t i = 0; i < store->log_count; i++) {
        struct dh_store_log *log = store->logs[i];
        if (log->syncing != NULL && log->syncing->is_removed) {
            dh_store_segment_free(log->syncing);
        }
        dh_store_log_free(log);
    }
    dh_mem_free(store->mem, store->logs, store->log_capacity * sizeof(store->logs[0]));
    dh_mem_free_string(store->mem, store->cluster_id);
    if (store->lock != NULL) {
        store->vfs->calls->close(store->vfs, store->lock);
    }
    dh_mem_free(store->mem, store, sizeof(*store));
}

int dh_store_open(const struct dh_store_options *options, struct dh_store **store,
                  struct dh_store_recovery *recovery, char *text, size_t text_size)
{
    *recovery = (struct dh_store_recovery){0};
    struct dh_store *made = dh_mem_calloc(options->mem, 1, sizeof(*made));
    if (made == NULL) {
        snprintf(text, text_size, "out of memory");
        return DOHLE_ERR_NO_MEMORY;
    }
    made->mem = options->mem;
    made->vfs = options->vfs;
    made->sink = options->log;
    made->watcher = options->watcher;
    made->seed = options->seed;
    made->is_synced = options->mode == DH_STORE_SYNCED && !options->vfs->is_volatile;
    dh_list_init(&made->leaving);
    dh_store_handles_init(&made->handles);
    int err = lock(made, text, text_size);
    if (err == 0) {
        err = open_locked(made, options, recovery, text, text_size);
    }
    if (err != 0) {
        free_store(made);
        return err;
    }
    *store = made;
    return 0;
}

// ---- Closing ----

static int settle(struct dh_store *store)
{
    for (size_t i = 0; i < store->log_count; i++) {
        struct dh_store_log *log = store->logs[i];
        if (log->is_offline) {
            return DOHLE_ERR_IO; // the next start looks at everything
        }
        if (log->is_touched || log->recovery_point < log->end || log->epochs.is_changed) {
            int err = dh_store_log_settle(log);
            if (err != 0) {
                return err;
            }
        }
    }
    int err = write_checkpoints(store);
    if (err == 0) {
        err = dh_store_replace_file(store->vfs, "", DH_STORE_CLEAN_FILE,
                                    DH_BYTES("{\"version\":0,\"brokerEpoch\":-1}"),
                                    !store->vfs->is_volatile);
    }
    return err;
}

void dh_store_close(struct dh_store *store, bool is_clean)
{
    if (store == NULL) {
        return;
    }
    if (is_clean) {
        DH_ASSERT(!dh_store_is_syncing(store));
        int err = settle(store);
        if (err != 0) {
            dh_log(store->sink, DOHLE_LOG_WARNING, "store",
                   "the stop is not a clean one: %s", store->vfs->error_text);
        }
    }
    free_store(store);
}

bool dh_store_is_syncing(const struct dh_store *store)
{
    return store->syncing_count > 0;
}

const char *dh_store_cluster_id(const struct dh_store *store)
{
    return store->cluster_id;
}
