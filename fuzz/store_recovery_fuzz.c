// SPDX-License-Identifier: MIT
/*
 * Any bytes as the files of a partition: a start recovers or refuses, and what opens can
 * be read, searched, cut, appended to and opened again. The input:
 *
 *     1 byte     bits: 1 after a clean stop, 2 checksums are made right, 8 there are two
 *                segments
 *     4 x 2      sizes of .index, .timeindex, leader-epoch-checkpoint, .snapshot
 *     2          the recovery point, and the start
 *     .          those files, then the .log
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "record/batch.h"
#include "record/batch_writer.h"
#include "store/memory_files.h"
#include "store/store.h"

#define BYTES_MAX ((size_t)64 << 20) // beside what a batch of zeros decompresses to
#define STEPS_MAX 100000

enum {
    IS_CLEAN = 1,
    HAS_CHECKSUMS = 2,
    HAS_SECOND = 8,
};

struct account {
    size_t bytes;
    dohle_allocator allocator;
};

static void *reallocate(void *ctx, void *pointer, size_t old_size, size_t new_size)
{
    struct account *account = ctx;
    account->bytes += new_size - old_size;
    FUZZ_CHECK(account->bytes <= BYTES_MAX + ((size_t)512 << 20));
    if (new_size == 0) {
        free(pointer);
        return NULL;
    }
    return realloc(pointer, new_size);
}

static void write_file(struct dh_vfs *vfs, const char *path, dohle_bytes content)
{
    struct dh_file *file;
    FUZZ_CHECK(vfs->calls->open(vfs, path, DH_VFS_WRITE | DH_VFS_CREATE, &file) == 0);
    FUZZ_CHECK(vfs->calls->write(vfs, file, 0, &content, 1) == 0);
    vfs->calls->close(vfs, file);
}

static dohle_bytes take(dohle_bytes *rest, size_t size)
{
    size = size < rest->size ? size : rest->size;
    dohle_bytes taken = {rest->data, size};
    rest->data += size;
    rest->size -= size;
    return taken;
}

static size_t take_number(dohle_bytes *rest)
{
    dohle_bytes two = take(rest, 2);
    return two.size < 2 ? 0 : (size_t)two.data[0] << 8 | two.data[1];
}

static void put_big_endian(uint8_t *out, uint64_t value, int size)
{
    for (int i = 0; i < size; i++) {
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
}

// Makes the lengths' batches right, so that what is behind the checksum is reached.
static void repair(uint8_t *log, size_t size)
{
    size_t at = 0;
    while (size - at >= DH_BATCH_HEADER_SIZE) {
        uint32_t length = (uint32_t)log[at + 8] << 24 | (uint32_t)log[at + 9] << 16 |
                          (uint32_t)log[at + 10] << 8 | log[at + 11];
        size_t whole = (size_t)length + DH_BATCH_PREFIX_SIZE;
        if (whole < DH_BATCH_HEADER_SIZE || whole > size - at) {
            return;
        }
        log[at + 16] = 2;
        put_big_endian(log + at + 17, dh_crc32c(log + at + 21, whole - 21), 4);
        at += whole;
    }
}

static void write_files(struct dh_vfs *vfs, dohle_bytes input)
{
    unsigned flags = input.data[0];
    dohle_bytes rest = {input.data + 1, input.size - 1};
    size_t sizes[4];
    for (int i = 0; i < 4; i++) {
        sizes[i] = take_number(&rest);
    }
    size_t offsets = take_number(&rest);
    char line[64];
    FUZZ_CHECK(vfs->calls->make_directory(vfs, "t-0") == 0);
    write_file(vfs, "t-0/00000000000000000000.index", take(&rest, sizes[0]));
    write_file(vfs, "t-0/00000000000000000000.timeindex", take(&rest, sizes[1]));
    write_file(vfs, "t-0/leader-epoch-checkpoint", take(&rest, sizes[2]));
    snprintf(line, sizeof(line), "t-0/%020zu.snapshot", offsets >> 8);
    write_file(vfs, line, take(&rest, sizes[3]));
    snprintf(line, sizeof(line), "0\n1\nt 0 %zu\n", offsets >> 8);
    write_file(vfs, "recovery-point-offset-checkpoint", dh_bytes_of(line));
    snprintf(line, sizeof(line), "0\n1\nt 0 %zu\n", offsets & 0xff);
    write_file(vfs, "log-start-offset-checkpoint", dh_bytes_of(line));
    if ((flags & IS_CLEAN) != 0) {
        write_file(vfs, ".kafka_cleanshutdown", DH_BYTES("{}"));
    }
    uint8_t *log = malloc(rest.size + 1);
    FUZZ_CHECK(log != NULL);
    if (rest.size > 0) {
        memcpy(log, rest.data, rest.size);
    }
    if ((flags & HAS_CHECKSUMS) != 0) {
        repair(log, rest.size);
    }
    size_t first = (flags & HAS_SECOND) != 0 ? rest.size / 2 : rest.size;
    write_file(vfs, "t-0/00000000000000000000.log", (dohle_bytes){log, first});
    if (first < rest.size) {
        write_file(vfs, "t-0/00000000000000000100.log",
                   (dohle_bytes){log + first, rest.size - first});
    }
    free(log);
}

static void append_one(const dohle_allocator *mem, struct dh_store_log *log)
{
    struct dh_batch_writer writer;
    dohle_bytes batch;
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    struct dh_record_input record = {.timestamp_ms = 77, .value = DH_BYTES("value")};
    struct dh_store_appended appended;
    stamp.producer_id = 1;
    stamp.producer_epoch = 0;
    stamp.base_sequence = 0;
    dh_batch_writer_init(&writer, mem);
    FUZZ_CHECK(dh_batch_writer_append(&writer, &record) == 0);
    FUZZ_CHECK(dh_batch_writer_finish(&writer, NULL, NULL, 0, &stamp, &batch) == 0);
    uint8_t copy[200];
    memcpy(copy, batch.data, batch.size);
    int64_t end = dh_store_log_end(log);
    if (end < INT64_MAX - 1) {
        FUZZ_CHECK(dh_store_log_append(log, copy, batch.size, 3, 1000, &appended) == 0);
        FUZZ_CHECK(appended.broker_code != 0 || appended.is_duplicate ||
                   dh_store_log_end(log) == end + 1);
    }
    dh_batch_writer_deinit(&writer);
}

// A log that was cut, and turns out to be damaged then, is offline.
static bool is_expected(const struct dh_store_log *log, int err)
{
    return err == 0 || err == DOHLE_ERR_CORRUPT ||
           (err == DOHLE_ERR_IO && dh_store_log_is_offline(log));
}

static void read_all(const dohle_allocator *mem, struct dh_store_log *log)
{
    struct dh_buf out;
    struct dh_store_found found;
    int64_t from = dh_store_log_start(log);
    int64_t end = dh_store_log_end(log);
    dh_buf_init(&out, mem, 0);
    for (int steps = 0; from < end && steps < STEPS_MAX; steps++) {
        struct dh_reader reader;
        struct dh_batch batch;
        out.size = 0;
        int err = dh_store_log_read(log, from, end, 500, true, &out);
        if (err != 0 || out.size == 0) {
            FUZZ_CHECK(is_expected(log, err));
            break;
        }
        dh_reader_init(&reader, dh_buf_view(&out));
        int64_t next = from;
        while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
            next = batch.last_offset + 1;
        }
        FUZZ_CHECK(next > from);
        from = next;
    }
    dh_buf_deinit(&out);
    for (int64_t ms = -1; ms < 3; ms++) {
        int err = dh_store_log_find_time(log, ms * 1000, &found);
        FUZZ_CHECK(is_expected(log, err));
    }
    int err = dh_store_log_find_max_time(log, &found);
    FUZZ_CHECK(is_expected(log, err));
    (void)dh_store_log_bytes_between(log, dh_store_log_start(log), end);
    int32_t epoch;
    dh_store_log_end_of_epoch(log, 2, 5, &epoch, &end);
}

static int open_store(const dohle_allocator *mem, struct dh_vfs *vfs,
                      struct dh_store **store)
{
    struct dh_store_options options = {.mem = mem, .vfs = vfs, .mode = DH_STORE_CACHED};
    struct dh_store_recovery recovery;
    char text[512];
    int err = dh_store_open(&options, store, &recovery, text, sizeof(text));
    FUZZ_CHECK(err == 0 || (err == DOHLE_ERR_CORRUPT && text[0] != '\0'));
    return err;
}

// is_walked: the first start looks at every batch, and takes none that is damaged.
static void use(const dohle_allocator *mem, struct dh_vfs *vfs, bool is_walked)
{
    struct dh_store *store;
    if (open_store(mem, vfs, &store) != 0) {
        return;
    }
    struct dh_store_log *log = dh_store_find_log(store, "t", 0);
    FUZZ_CHECK(log != NULL);
    FUZZ_CHECK(dh_store_log_start(log) <= dh_store_log_end(log));
    read_all(mem, log);
    append_one(mem, log);
    read_all(mem, log);
    int64_t end = dh_store_log_end(log);
    dh_store_close(store, true);
    // What was opened once opens again, with the same in it.
    if (open_store(mem, vfs, &store) != 0) {
        FUZZ_CHECK(!is_walked);
        return;
    }
    log = dh_store_find_log(store, "t", 0);
    FUZZ_CHECK(log != NULL && dh_store_log_end(log) == end);
    int64_t middle = dh_store_log_start(log) + (end - dh_store_log_start(log)) / 2;
    (void)!dh_store_log_delete_before(log, middle);
    (void)!dh_store_log_apply_retention(log, 1000);
    (void)!dh_store_log_truncate(log, middle + 1);
    read_all(mem, log);
    dh_store_close(store, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct account account = {.allocator = {&account, reallocate}};
    struct dh_memory_files *files = dh_memory_files_new(&account.allocator);
    FUZZ_CHECK(files != NULL);
    struct dh_vfs *vfs = dh_memory_files_vfs(files);
    write_files(vfs, (dohle_bytes){data, size});
    bool has_recovery_point = size > 9 && data[9] != 0;
    use(&account.allocator, vfs, (data[0] & IS_CLEAN) == 0 && !has_recovery_point);
    dh_memory_files_free(files);
    FUZZ_CHECK(account.bytes == 0);
    return 0;
}
