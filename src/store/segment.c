// SPDX-License-Identifier: MIT
#include "store/segment.h"

#include <inttypes.h>

#include <dohle/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/log.h"
#include "store/names.h"
#include "store/state.h"

#define BLOCK_SIZE 4096

const char *const dh_store_suffixes[DH_STORE_FILE_COUNT] = {
    [DH_STORE_FILE_LOG] = ".log",
    [DH_STORE_FILE_INDEX] = ".index",
    [DH_STORE_FILE_TIMEINDEX] = ".timeindex",
};

struct dh_store_segment *dh_store_segment_new(struct dh_store_log *log,
                                              int64_t base_offset)
{
    struct dh_store_segment *segment =
        dh_mem_calloc(log->store->mem, 1, sizeof(*segment));
    if (segment == NULL) {
        return NULL;
    }
    segment->log = log;
    segment->base_offset = base_offset;
    segment->max_timestamp_ms = -1;
    segment->max_timestamp_last = base_offset;
    segment->first_timestamp_ms = INT64_MIN;
    segment->created_ms = -1;
    segment->indexed_at = -1;
    dh_store_index_init(&segment->offsets, log->store->mem, DH_STORE_INDEX_OFFSETS);
    dh_store_index_init(&segment->times, log->store->mem, DH_STORE_INDEX_TIMES);
    return segment;
}

void dh_store_segment_free(struct dh_store_segment *segment)
{
    if (segment == NULL) {
        return;
    }
    dh_store_handles_close(&segment->log->store->handles, segment);
    dh_store_index_deinit(&segment->offsets);
    dh_store_index_deinit(&segment->times);
    dh_mem_free(segment->log->store->mem, segment, sizeof(*segment));
}

static struct dh_store_path path_of(const struct dh_store_segment *segment,
                                    enum dh_store_file which)
{
    return dh_store_segment_path(segment->log->name, segment->base_offset,
                                 dh_store_suffixes[which]);
}

int dh_store_segment_file(struct dh_store_segment *segment, enum dh_store_file which,
                          struct dh_file **file)
{
    struct dh_store_handles *handles = &segment->log->store->handles;
    struct dh_vfs *vfs = segment->log->store->vfs;
    if (segment->files[which] == NULL) {
        if (!dh_link_is_linked(&segment->handles_link)) {
            dh_store_handles_make_room(handles);
        }
        struct dh_store_path path = path_of(segment, which);
        // An index that is not there is made anew; a .log that is not there is a loss.
        unsigned flags =
            which == DH_STORE_FILE_LOG ? DH_VFS_WRITE : DH_VFS_WRITE | DH_VFS_CREATE;
        int err = vfs->calls->open(vfs, path.text, flags, &segment->files[which]);
        if (err != 0) {
            segment->files[which] = NULL;
            return err == DOHLE_ERR_NO_MEMORY ? err : DOHLE_ERR_IO;
        }
    }
    dh_store_handles_touch(handles, segment);
    *file = segment->files[which];
    return 0;
}

// ---- Files ----

static int create_files(struct dh_store_segment *segment)
{
    struct dh_vfs *vfs = segment->log->store->vfs;
    for (int i = 0; i < DH_STORE_FILE_COUNT; i++) {
        struct dh_store_path path = path_of(segment, (enum dh_store_file)i);
        struct dh_file *file = NULL;
        int err = vfs->calls->open(vfs, path.text, DH_VFS_WRITE | DH_VFS_CREATE, &file);
        if (err != 0) {
            return err;
        }
        // One of that name may be left from a log or a start that failed.
        err = vfs->calls->truncate(vfs, file, 0);
        vfs->calls->close(vfs, file);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int dh_store_segment_create(struct dh_store_segment *segment)
{
    struct dh_vfs *vfs = segment->log->store->vfs;
    int err = create_files(segment);
    if (err != 0) {
        bool is_full = vfs->is_full; // what the caller wants to know of
        (void)!dh_store_segment_remove_files(segment);
        vfs->is_full = is_full;
        return err;
    }
    segment->is_loaded = true;
    return 0;
}

int dh_store_segment_remove_files(struct dh_store_segment *segment)
{
    struct dh_vfs *vfs = segment->log->store->vfs;
    struct dh_store_path log_path = path_of(segment, DH_STORE_FILE_LOG);
    int err = vfs->calls->remove(vfs, log_path.text);
    if (err != 0 && err != DOHLE_ERR_NO_FILE) {
        return err;
    }
    // What stays of the others is dropped or overwritten later.
    for (int i = DH_STORE_FILE_LOG + 1; i < DH_STORE_FILE_COUNT; i++) {
        struct dh_store_path path = path_of(segment, (enum dh_store_file)i);
        (void)vfs->calls->remove(vfs, path.text);
    }
    if (segment->has_snapshot) {
        dh_store_log_remove_snapshot(segment->log, segment->base_offset);
        segment->has_snapshot = false;
    }
    return 0;
}

// ---- Indexes ----

static int load_index(struct dh_store_segment *segment, enum dh_store_file which,
                      struct dh_store_index *index, bool *is_sound)
{
    struct dh_file *file = NULL;
    int err = dh_store_segment_file(segment, which, &file);
    if (err != 0) {
        return err;
    }
    return dh_store_index_load(index, segment->log->store->vfs, file, is_sound);
}

int dh_store_segment_reset(struct dh_store_segment *segment)
{
    struct dh_vfs *vfs = segment->log->store->vfs;
    struct dh_file *file = NULL;
    segment->max_timestamp_ms = -1;
    segment->max_timestamp_last = segment->base_offset;
    segment->first_timestamp_ms = INT64_MIN;
    segment->indexed_at = -1;
    int err = dh_store_segment_file(segment, DH_STORE_FILE_INDEX, &file);
    if (err == 0) {
        err = dh_store_index_clear(&segment->offsets, vfs, file);
    }
    if (err == 0) {
        err = dh_store_segment_file(segment, DH_STORE_FILE_TIMEINDEX, &file);
    }
    return err != 0 ? err : dh_store_index_clear(&segment->times, vfs, file);
}

static void learn_time(struct dh_store_segment *segment,
                       const struct dh_store_batch *batch)
{
    if (batch->position == 0) {
        segment->first_timestamp_ms = batch->max_timestamp_ms;
    }
    if (batch->max_timestamp_ms > segment->max_timestamp_ms) {
        segment->max_timestamp_ms = batch->max_timestamp_ms;
        segment->max_timestamp_last = batch->last_offset;
    }
}

static void add_time_row(struct dh_store_segment *segment)
{
    struct dh_file *file = NULL;
    if (segment->max_timestamp_ms >= 0 &&
        dh_store_segment_file(segment, DH_STORE_FILE_TIMEINDEX, &file) == 0) {
        dh_store_index_add(
            &segment->times, segment->log->store->vfs, file,
            (struct dh_store_row){segment->max_timestamp_ms,
                                  segment->max_timestamp_last - segment->base_offset});
    }
}

void dh_store_segment_add(struct dh_store_segment *segment,
                          const struct dh_store_batch *batch)
{
    learn_time(segment, batch);
    int64_t since = batch->position - (segment->indexed_at < 0 ? 0 : segment->indexed_at);
    if (since > segment->log->config.index_interval_bytes &&
        batch->position <= INT32_MAX) {
        struct dh_file *file = NULL;
        if (dh_store_segment_file(segment, DH_STORE_FILE_INDEX, &file) == 0) {
            dh_store_index_add(
                &segment->offsets, segment->log->store->vfs, file,
                (struct dh_store_row){batch->last_offset - segment->base_offset,
                                      batch->position});
        }
        add_time_row(segment);
        segment->indexed_at = batch->position;
    }
}

int dh_store_segment_flush(struct dh_store_segment *segment)
{
    struct dh_vfs *vfs = segment->log->store->vfs;
    struct dh_file *file = NULL;
    int err = 0;
    if (segment->offsets.buffered_count > 0) {
        err = dh_store_segment_file(segment, DH_STORE_FILE_INDEX, &file);
        if (err == 0) {
            err = dh_store_index_flush(&segment->offsets, vfs, file);
        }
    }
    if (err == 0 && segment->times.buffered_count > 0) {
        err = dh_store_segment_file(segment, DH_STORE_FILE_TIMEINDEX, &file);
        if (err == 0) {
            err = dh_store_index_flush(&segment->times, vfs, file);
        }
    }
    return err;
}

int dh_store_segment_finish(struct dh_store_segment *segment)
{
    if (!segment->is_loaded) {
        return 0; // nobody has changed it
    }
    add_time_row(segment);
    if (segment->max_timestamp_ms >= 0 &&
        (dh_store_index_count(&segment->times) == 0 ||
         segment->times.last.key < segment->max_timestamp_ms)) {
        return DOHLE_ERR_NO_MEMORY; // a start that trusts the index would miss that row
    }
    return dh_store_segment_flush(segment);
}

int dh_store_segment_sync(struct dh_store_segment *segment)
{
    struct dh_vfs *vfs = segment->log->store->vfs;
    for (int i = 0; i < DH_STORE_FILE_COUNT; i++) {
        struct dh_file *file = NULL;
        int err = dh_store_segment_file(segment, (enum dh_store_file)i, &file);
        if (err == 0) {
            err = vfs->calls->sync_now(vfs, file);
        }
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

// Walks from a position to the end and learns what is there. *end: behind the last batch.
static int walk_rest(struct dh_store_segment *segment, int64_t position, bool is_filling,
                     int64_t *end)
{
    uint8_t block[BLOCK_SIZE];
    struct dh_store_walk walk;
    struct dh_store_batch batch;
    struct dh_file *file = NULL;
    int result;
    int err = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    if (err != 0) {
        return err;
    }
    dh_store_walk_init(&walk, segment->log->store->vfs, file, position, segment->size,
                       block, sizeof(block));
    while ((result = dh_store_walk_next(&walk, &batch)) == DH_STORE_WALK_FOUND) {
        if (batch.base_offset < *end ||
            batch.last_offset - segment->base_offset > INT32_MAX) {
            return DOHLE_ERR_CORRUPT;
        }
        *end = batch.last_offset + 1;
        if (is_filling) {
            dh_store_segment_add(segment, &batch);
        } else {
            learn_time(segment, &batch);
        }
    }
    return result == DH_STORE_WALK_BAD ? DOHLE_ERR_CORRUPT : result;
}

static int rebuild(struct dh_store_segment *segment, int64_t *end)
{
    // A .log that is damaged keeps what index it has: it leads to what is behind the damage.
    *end = segment->base_offset;
    int sound = walk_rest(segment, 0, false, end);
    if (sound != 0) {
        return sound;
    }
    dh_log(segment->log->store->sink, DOHLE_LOG_WARNING, "store",
           "%s: the indexes of segment %" PRId64 " are made anew", segment->log->name,
           segment->base_offset);
    int err = dh_store_segment_reset(segment);
    *end = segment->base_offset;
    if (err == 0) {
        err = walk_rest(segment, 0, true, end);
    }
    if (err == 0) {
        segment->is_loaded = true;
        // When this cannot be written it is made anew once more at the next start.
        (void)!dh_store_segment_finish(segment);
    }
    return err;
}

// Where the last row says that a batch is, and whether one is there.
static int look_at_last_row(struct dh_store_segment *segment, int64_t *position,
                            int64_t *next_offset, bool *is_right)
{
    *position = 0;
    *next_offset = segment->base_offset;
    *is_right = true;
    if (dh_store_index_count(&segment->offsets) == 0) {
        return 0;
    }
    uint8_t block[DH_STORE_HEADER_SIZE];
    struct dh_store_walk walk;
    struct dh_store_batch batch;
    struct dh_file *file = NULL;
    const struct dh_store_row *last = &segment->offsets.last;
    int err = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    if (err != 0) {
        return err;
    }
    dh_store_walk_init(&walk, segment->log->store->vfs, file, last->value, segment->size,
                       block, sizeof(block));
    int result = dh_store_walk_next(&walk, &batch);
    if (result < 0) {
        return result;
    }
    *is_right = result == DH_STORE_WALK_FOUND &&
                batch.last_offset == segment->base_offset + last->key &&
                batch.base_offset >= segment->base_offset;
    *position = last->value;
    *next_offset = batch.base_offset;
    return 0;
}

int dh_store_segment_load(struct dh_store_segment *segment, int64_t *end)
{
    int64_t found_end;
    end = end == NULL ? &found_end : end;
    *end = segment->base_offset;
    if (segment->is_loaded) {
        *end = dh_store_segment_end(segment);
        return 0;
    }
    bool are_offsets_sound = false;
    bool are_times_sound = false;
    int err =
        load_index(segment, DH_STORE_FILE_INDEX, &segment->offsets, &are_offsets_sound);
    if (err == 0) {
        err = load_index(segment, DH_STORE_FILE_TIMEINDEX, &segment->times,
                         &are_times_sound);
    }
    if (err != 0) {
        return err;
    }
    int64_t position = 0;
    bool is_right = are_offsets_sound && are_times_sound;
    if (is_right) {
        err = look_at_last_row(segment, &position, end, &is_right);
    }
    if (err != 0) {
        return err;
    }
    // An index of times that lost its rows cannot be told from one that never had any.
    bool has_times = dh_store_index_count(&segment->times) > 0;
    if (!is_right || (!has_times && dh_store_index_count(&segment->offsets) > 0)) {
        return rebuild(segment, end);
    }
    if (has_times) {
        segment->max_timestamp_ms = segment->times.last.key;
        segment->max_timestamp_last = segment->base_offset + segment->times.last.value;
    }
    segment->indexed_at =
        dh_store_index_count(&segment->offsets) > 0 ? segment->offsets.last.value : -1;
    err = walk_rest(segment, position, false, end);
    segment->is_loaded = err == 0;
    return err;
}

bool dh_store_segment_is_full(const struct dh_store_segment *segment, int64_t last_offset)
{
    int64_t index_bytes = segment->log->config.index_bytes;
    // The last row of the times is kept for the greatest, when the segment is left.
    return last_offset - segment->base_offset > INT32_MAX ||
           dh_store_index_count(&segment->offsets) >= index_bytes / 8 ||
           dh_store_index_count(&segment->times) >= index_bytes / 12 - 1;
}

// ---- Look-ups ----

// Where to begin to look for an offset.
static int find_floor(struct dh_store_segment *segment, int64_t offset, int64_t *position)
{
    struct dh_file *file = NULL;
    struct dh_store_row row;
    *position = 0;
    if (dh_store_index_count(&segment->offsets) == 0) {
        return 0;
    }
    int err = dh_store_segment_file(segment, DH_STORE_FILE_INDEX, &file);
    if (err != 0) {
        return err;
    }
    int found = dh_store_index_floor(&segment->offsets, segment->log->store->vfs, file,
                                     false, offset - segment->base_offset, &row);
    if (found == 1) {
        *position = row.value;
    }
    return found < 0 ? found : 0;
}

static int find_from(struct dh_store_segment *segment, int64_t position, int64_t offset,
                     struct dh_store_batch *batch)
{
    uint8_t block[BLOCK_SIZE];
    struct dh_store_walk walk;
    struct dh_file *file = NULL;
    int err = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    if (err != 0) {
        return err;
    }
    dh_store_walk_init(&walk, segment->log->store->vfs, file, position, segment->size,
                       block, sizeof(block));
    int result;
    if (position > 0 && position >= segment->size) {
        return DOHLE_ERR_CORRUPT; // the index leads beyond the end
    }
    while ((result = dh_store_walk_next(&walk, batch)) == DH_STORE_WALK_FOUND) {
        if (batch->last_offset >= offset) {
            // A row that leads behind the batch it is for is as wrong as one into it.
            bool is_first = batch->position == position && position > 0;
            return is_first && batch->base_offset > offset ? DOHLE_ERR_CORRUPT : 1;
        }
    }
    return result == DH_STORE_WALK_BAD ? DOHLE_ERR_CORRUPT : result;
}

int dh_store_segment_find(struct dh_store_segment *segment, int64_t offset,
                          struct dh_store_batch *batch)
{
    int64_t position = 0;
    int err = dh_store_segment_load(segment, NULL);
    if (err == 0) {
        err = find_floor(segment, offset, &position);
    }
    if (err != 0) {
        return err;
    }
    int result = find_from(segment, position, offset, batch);
    if (result != DOHLE_ERR_CORRUPT || position == 0) {
        return result;
    }
    // The index misled us, or the .log is damaged: without the index we see which.
    int64_t end;
    err = rebuild(segment, &end);
    return err != 0 ? err : find_from(segment, 0, offset, batch);
}

int dh_store_segment_truncate(struct dh_store_segment *segment, int64_t position,
                              int64_t offset)
{
    struct dh_vfs *vfs = segment->log->store->vfs;
    struct dh_file *file = NULL;
    int64_t relative = offset - segment->base_offset;
    int err = dh_store_segment_load(segment, NULL);
    if (err == 0) {
        err = dh_store_segment_file(segment, DH_STORE_FILE_INDEX, &file);
    }
    if (err == 0) {
        err = dh_store_index_truncate(&segment->offsets, vfs, file, relative);
    }
    if (err == 0) {
        err = dh_store_segment_file(segment, DH_STORE_FILE_TIMEINDEX, &file);
    }
    if (err == 0) {
        err = dh_store_index_truncate(&segment->times, vfs, file, relative);
    }
    if (err == 0) {
        err = dh_store_segment_file(segment, DH_STORE_FILE_LOG, &file);
    }
    if (err == 0) {
        err = vfs->calls->truncate(vfs, file, position);
    }
    if (err != 0) {
        return err;
    }
    segment->size = position;
    // What is left of it is looked at anew: it may have another greatest time.
    int64_t end = segment->base_offset;
    int64_t from = 0;
    segment->max_timestamp_ms = -1;
    segment->max_timestamp_last = segment->base_offset;
    segment->first_timestamp_ms = INT64_MIN;
    segment->indexed_at = -1;
    if (dh_store_index_count(&segment->times) > 0) {
        segment->max_timestamp_ms = segment->times.last.key;
        segment->max_timestamp_last = segment->base_offset + segment->times.last.value;
    }
    if (dh_store_index_count(&segment->offsets) > 0) {
        segment->indexed_at = segment->offsets.last.value;
        from = dh_store_index_count(&segment->times) > 0 ? segment->indexed_at : 0;
    }
    return walk_rest(segment, from, false, &end);
}

int dh_store_segment_first_timestamp(struct dh_store_segment *segment,
                                     int64_t *timestamp_ms)
{
    if (segment->first_timestamp_ms == INT64_MIN && segment->size > 0) {
        struct dh_store_batch batch;
        int found = find_from(segment, 0, 0, &batch);
        if (found < 0) {
            return found;
        }
        segment->first_timestamp_ms = batch.max_timestamp_ms;
    }
    *timestamp_ms =
        segment->first_timestamp_ms == INT64_MIN ? -1 : segment->first_timestamp_ms;
    return 0;
}
