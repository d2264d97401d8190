// SPDX-License-Identifier: MIT
/*
 * A store for tests, on files in memory or on any others, with batches to append and a
 * look at what it says.
 */
#ifndef DH_TESTS_UNIT_STORE_STORE_RIG_H
#define DH_TESTS_UNIT_STORE_STORE_RIG_H

#include "../test.h"

#include <inttypes.h>
#include <stdio.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "record/batch.h"
#include "record/batch_writer.h"
#include "store/memory_files.h"
#include "store/store.h"

#define RIG_TOPIC "orders"

struct store_rig {
    struct test_memory memory;
    struct dh_memory_files *files; // NULL: vfs is somebody else's
    struct dh_vfs *vfs;
    enum dh_store_mode mode;
    struct dh_store_log_config config;
    struct dh_store *store;   // NULL: closed
    struct dh_store_log *log; // of RIG_TOPIC-0; NULL: there is none
    struct dh_store_recovery recovery;
    char text[512];
    size_t changes;   // calls of the watcher
    char lines[8192]; // what was logged
    struct dh_batch_writer writer;
    struct dh_store_appended appended; // by the last append
    int64_t wall_ms;
    int32_t leader_epoch;
};

static const struct dh_store_log_config rig_config = {
    .segment_bytes = 1 << 20,
    .segment_ms = INT64_C(604800000),
    .index_bytes = 10 << 20,
    .index_interval_bytes = 4096,
    .retention_bytes = -1,
    .retention_ms = -1,
    .is_deleted = true,
};

static inline void rig_changed(void *ctx, struct dh_store_log *log)
{
    struct store_rig *rig = ctx;
    (void)log;
    rig->changes++;
}

static inline void rig_write_line(void *ctx, const dohle_log_line *line)
{
    struct store_rig *rig = ctx;
    size_t used = strlen(rig->lines);
    snprintf(rig->lines + used, sizeof(rig->lines) - used, "%s\n", line->text);
}

// Returns what dh_store_open does; afterwards rig->log is the log, if it is there.
static inline int rig_open(struct store_rig *rig)
{
    dohle_log_sink sink = {rig_write_line, rig, DOHLE_LOG_DEBUG};
    static dohle_log_sink sinks[1];
    sinks[0] = sink;
    struct dh_store_options options = {
        .mem = &rig->memory.allocator,
        .vfs = rig->vfs,
        .log = sinks,
        .watcher = {rig, rig_changed},
        .mode = rig->mode,
        .seed = 11,
        .process = "cluster",
    };
    rig->store = NULL;
    rig->log = NULL;
    rig->text[0] = '\0';
    int err = dh_store_open(&options, &rig->store, &rig->recovery, rig->text,
                            sizeof(rig->text));
    if (err == 0) {
        rig->log = dh_store_find_log(rig->store, RIG_TOPIC, 0);
    }
    if (rig->log != NULL) {
        dh_store_log_set_config(rig->log, &rig->config);
    }
    return err;
}

static inline int rig_create(struct store_rig *rig)
{
    struct dh_uuid id = {{1, 2, 3}};
    return dh_store_create_log(rig->store, RIG_TOPIC, 0, id, &rig->config, &rig->log);
}

static inline void rig_close(struct store_rig *rig, bool is_clean)
{
    dh_store_close(rig->store, is_clean);
    rig->store = NULL;
    rig->log = NULL;
}

static inline void rig_reopen(struct store_rig *rig, bool is_clean)
{
    rig_close(rig, is_clean);
    int err = rig_open(rig);
    if (err != 0) {
        fail_msg("open: %s: %s", dohle_error_name(err), rig->text);
    }
}

// An open store with an empty log on files in memory.
static inline struct store_rig *rig_new(void)
{
    struct store_rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    test_memory_init(&rig->memory);
    rig->files = dh_memory_files_new(&rig->memory.allocator);
    assert_non_null(rig->files);
    rig->vfs = dh_memory_files_vfs(rig->files);
    rig->config = rig_config;
    rig->wall_ms = 1000000;
    rig->leader_epoch = 0;
    dh_batch_writer_init(&rig->writer, &rig->memory.allocator);
    return rig;
}

static inline int rig_set_up(void **state)
{
    struct store_rig *rig = rig_new();
    assert_int_equal(0, rig_open(rig));
    assert_int_equal(0, rig_create(rig));
    *state = rig;
    return 0;
}

static inline int rig_tear_down(void **state)
{
    struct store_rig *rig = *state;
    rig_close(rig, false);
    dh_batch_writer_deinit(&rig->writer);
    dh_memory_files_free(rig->files);
    assert_int_equal(0, rig->memory.bytes);
    free(rig);
    return 0;
}

// What a batch for an append is.
struct rig_batch {
    int32_t count;       // records
    size_t value_size;   // of each; the first bytes say the record's number
    int64_t first_ms;    // time of the first; the others each one more
    int64_t producer_id; // -1: none
    int16_t producer_epoch;
    int32_t sequence;
    const char *codec; // NULL: none
};

#define RIG_PLAIN(count_, size_)                                                         \
    ((struct rig_batch){.count = (count_), .value_size = (size_), .producer_id = -1})

// A batch as a producer makes it; valid until the next.
static inline dohle_bytes rig_make(struct store_rig *rig, const struct rig_batch *batch)
{
    static uint8_t value[1 << 16];
    struct dh_codec_context context;
    assert_true(batch->value_size <= sizeof(value));
    dh_batch_writer_reset(&rig->writer);
    for (int32_t i = 0; i < batch->count; i++) {
        memset(value, 'a' + i % 26, batch->value_size);
        struct dh_record_input record = {
            .timestamp_ms = batch->first_ms + i,
            .value = {value, batch->value_size},
        };
        assert_int_equal(0, dh_batch_writer_append(&rig->writer, &record));
    }
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    if (batch->producer_id >= 0) {
        stamp.producer_id = batch->producer_id;
        stamp.producer_epoch = batch->producer_epoch;
        stamp.base_sequence = batch->sequence;
    }
    const struct dh_codec *codec =
        batch->codec == NULL ? NULL : dh_codec_find_name(dh_bytes_of(batch->codec));
    dohle_bytes bytes;
    dh_codec_context_init(&context, &rig->memory.allocator, NULL);
    assert_int_equal(0, dh_batch_writer_finish(&rig->writer, &context, codec,
                                               DH_CODEC_LEVEL_DEFAULT, &stamp, &bytes));
    dh_codec_context_deinit(&context);
    return bytes;
}

static inline int rig_append_bytes(struct store_rig *rig, dohle_bytes bytes)
{
    uint8_t *copy = malloc(bytes.size);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    int err = dh_store_log_append(rig->log, copy, bytes.size, rig->leader_epoch,
                                  rig->wall_ms, &rig->appended);
    free(copy);
    return err;
}

static inline int rig_append(struct store_rig *rig, struct rig_batch batch)
{
    return rig_append_bytes(rig, rig_make(rig, &batch));
}

// Appends batches of one record each, of about that size, with times first_ms, +1, ...
static inline void rig_fill(struct store_rig *rig, int count, size_t size,
                            int64_t first_ms)
{
    for (int i = 0; i < count; i++) {
        struct rig_batch batch = RIG_PLAIN(1, size);
        batch.first_ms = first_ms + i;
        assert_int_equal(0, rig_append(rig, batch));
        assert_int_equal(0, rig->appended.broker_code);
    }
}

/*
 * Reads and checks everything from an offset to the end, in pieces of about that size.
 * Returns how many records there were.
 */
static inline int64_t rig_read_all(struct store_rig *rig, int64_t from, size_t bytes_max)
{
    struct dh_buf out;
    int64_t records = 0;
    int64_t end = dh_store_log_end(rig->log);
    dh_buf_init(&out, &rig->memory.allocator, 0);
    while (from < end) {
        struct dh_reader reader;
        struct dh_batch batch;
        out.size = 0;
        int err = dh_store_log_read(rig->log, from, end, bytes_max, true, &out);
        assert_int_equal(0, err);
        if (out.size == 0) {
            break;
        }
        dh_reader_init(&reader, dh_buf_view(&out));
        bool is_first = true;
        while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
            assert_int_equal(0, dh_batch_check_crc(&batch));
            assert_true(is_first ? batch.base_offset <= from : batch.base_offset == from);
            assert_true(batch.last_offset >= from);
            records += batch.last_offset + 1 - from;
            from = batch.last_offset + 1;
            is_first = false;
        }
        assert_int_equal(0, dh_reader_left(&reader));
        assert_false(is_first);
    }
    dh_buf_deinit(&out);
    return records;
}

// The whole of a file. Freed with dh_buf_deinit.
static inline int rig_read_file(struct store_rig *rig, const char *path,
                                struct dh_buf *out)
{
    struct dh_file *file;
    dh_buf_init(out, &rig->memory.allocator, 0);
    int err = rig->vfs->calls->open(rig->vfs, path, 0, &file);
    if (err != 0) {
        return err;
    }
    int64_t size = 0;
    size_t got = 0;
    assert_int_equal(0, rig->vfs->calls->size(rig->vfs, file, &size));
    if (size > 0) {
        uint8_t *data = dh_buf_extend(out, (size_t)size);
        assert_non_null(data);
        assert_int_equal(
            0, rig->vfs->calls->read(rig->vfs, file, 0, data, (size_t)size, &got));
        assert_int_equal(size, got);
    }
    rig->vfs->calls->close(rig->vfs, file);
    return 0;
}

static inline void rig_write_file(struct store_rig *rig, const char *path,
                                  dohle_bytes content)
{
    struct dh_file *file;
    assert_int_equal(
        0, rig->vfs->calls->open(rig->vfs, path, DH_VFS_WRITE | DH_VFS_CREATE, &file));
    assert_int_equal(0, rig->vfs->calls->truncate(rig->vfs, file, 0));
    assert_int_equal(0, rig->vfs->calls->write(rig->vfs, file, 0, &content, 1));
    rig->vfs->calls->close(rig->vfs, file);
}

// Whether a file's text is that.
static inline bool rig_file_is(struct store_rig *rig, const char *path, const char *text)
{
    struct dh_buf content;
    int err = rig_read_file(rig, path, &content);
    bool is_equal = err == 0 && content.size == strlen(text) &&
                    (content.size == 0 || memcmp(content.data, text, content.size) == 0);
    if (!is_equal) {
        print_message("%s: %s: \"%.*s\"\n", path, dohle_error_name(err),
                      (int)content.size, (const char *)content.data);
    }
    dh_buf_deinit(&content);
    return is_equal;
}

static inline bool rig_has_file(struct store_rig *rig, const char *path)
{
    struct dh_file *file;
    if (rig->vfs->calls->open(rig->vfs, path, 0, &file) != 0) {
        return false;
    }
    rig->vfs->calls->close(rig->vfs, file);
    return true;
}

#endif
