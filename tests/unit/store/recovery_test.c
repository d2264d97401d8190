// SPDX-License-Identifier: MIT
#include "store_rig.h"

#include "store/log.h"
#include "store/state.h"
#include "wire/writer.h"

#define LOG       "orders-0/00000000000000000000.log"
#define INDEX     "orders-0/00000000000000000000.index"
#define TIMEINDEX "orders-0/00000000000000000000.timeindex"
#define TORN      "orders-0/00000000000000000000.log.torn"

// Ten batches of one record each, some of them indexed. Closed as by a kill.
static void make_ten(struct store_rig *rig)
{
    rig->config.index_interval_bytes = 300;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 10, 100, 1000);
    rig_close(rig, false);
}

// Replaces what is behind a position.
static void tear(struct store_rig *rig, const char *path, size_t keep, const void *tail,
                 size_t tail_size)
{
    struct dh_buf content;
    assert_int_equal(0, rig_read_file(rig, path, &content));
    assert_true(keep <= content.size);
    content.size = keep;
    dh_buf_append(&content, tail, tail_size);
    rig_write_file(rig, path, dh_buf_view(&content));
    dh_buf_deinit(&content);
}

static size_t size_of(struct store_rig *rig, const char *path)
{
    struct dh_buf content;
    assert_int_equal(0, rig_read_file(rig, path, &content));
    size_t size = content.size;
    dh_buf_deinit(&content);
    return size;
}

// Every kind of torn end, at every byte of the last batch.
static void test_torn_ends(void **state)
{
    struct store_rig *rig = *state;

    enum {
        CUT,
        ZEROS,
        FLIPPED,
        OTHER_MAGIC,
        NEGATIVE_LENGTH,
        HUGE_LENGTH,
        OLD_OFFSET,
        KINDS
    };

    make_ten(rig);
    struct dh_buf whole;
    assert_int_equal(0, rig_read_file(rig, LOG, &whole));
    size_t batch_size = whole.size / 10;
    size_t last = whole.size - batch_size;
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t at = 0; at < batch_size;
             at += kind == CUT || kind == FLIPPED ? 1 : 50) {
            uint8_t bad[1000];
            size_t size = batch_size;
            memcpy(bad, whole.data + last, batch_size);
            switch (kind) {
            case CUT: size = at; break;
            case ZEROS: memset(bad + at, 0, batch_size - at); break;
            case FLIPPED: bad[at] ^= 0x10; break;
            case OTHER_MAGIC: bad[16] = 1; break;
            case NEGATIVE_LENGTH: bad[8] = 0xff; break;
            case HUGE_LENGTH: bad[8] = 0x7f; break;
            default: bad[7] = 3; break;
            }
            tear(rig, LOG, 0, whole.data, last);
            tear(rig, LOG, last, bad, size);
            rig->lines[0] = '\0';
            assert_int_equal(0, rig_open(rig));
            // Offset and epoch are outside the checksum: another epoch is as good, and so is a
            // later offset.
            bool is_free = kind == FLIPPED &&
                           ((at < 8 && at != 7) || at == 7 || (at >= 12 && at < 16));
            if (!is_free) {
                assert_int_equal(9, dh_store_log_end(rig->log));
                assert_int_equal(size > 0, rig->recovery.torn_logs);
                assert_int_equal(size, rig->recovery.torn_bytes);
                assert_int_equal(9, rig_read_all(rig, 0, 1000));
                if (size > 0) {
                    char line[200];
                    struct dh_buf torn;
                    snprintf(line, sizeof(line),
                             "orders-0: torn at offset 9: %zu bytes are cut", size);
                    assert_non_null(strstr(rig->lines, line));
                    assert_int_equal(0, rig_read_file(rig, TORN, &torn));
                    assert_bytes_equal(((dohle_bytes){bad, size}), dh_buf_view(&torn));
                    dh_buf_deinit(&torn);
                }
                rig_fill(rig, 1, 10, 2000);
                assert_int_equal(10, rig_read_all(rig, 0, 1000));
            }
            rig_close(rig, false);
        }
    }
    dh_buf_deinit(&whole);
    assert_int_equal(0, rig_open(rig));
}

// What lies behind a torn segment is set aside with it.
static void test_segments_behind_a_torn_one(void **state)
{
    struct store_rig *rig = *state;
    rig->config.segment_bytes = 1000;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 20, 300, 0);
    assert_int_equal(10, rig->log->segment_count);
    rig_close(rig, false);
    size_t size = size_of(rig, "orders-0/00000000000000000004.log");
    tear(rig, "orders-0/00000000000000000004.log", size - 5, "", 0);
    assert_int_equal(0, rig_open(rig));
    assert_int_equal(5, dh_store_log_end(rig->log));
    assert_int_equal(1, rig->recovery.torn_logs);
    assert_int_equal(size / 2 - 5 + 7 * size, rig->recovery.torn_bytes);
    assert_int_equal(size / 2 - 5,
                     size_of(rig, "orders-0/00000000000000000004.log.torn"));
    assert_int_equal(size, size_of(rig, "orders-0/00000000000000000006.log.torn"));
    assert_false(rig_has_file(rig, "orders-0/00000000000000000006.log"));
    assert_false(rig_has_file(rig, "orders-0/00000000000000000006.index"));
    assert_int_equal(5, rig_read_all(rig, 0, 1000));
    rig_fill(rig, 10, 300, 0);
    rig_reopen(rig, false);
    assert_int_equal(15, rig_read_all(rig, 0, 1000));
}

// What was on disk and is damaged is not cut silently.
static void test_damage_is_refused(void **state)
{
    struct store_rig *rig = *state;
    struct dh_buf whole;
    rig_fill(rig, 10, 100, 0);
    rig_close(rig, true);
    assert_true(rig_file_is(rig, DH_STORE_RECOVERY_POINTS_FILE, "0\n1\norders 0 10\n"));
    assert_int_equal(0, rig_read_file(rig, LOG, &whole));
    size_t batch_size = whole.size / 10;
    // After a kill, since a clean start looks at the end alone.
    assert_int_equal(0, rig->vfs->calls->remove(rig->vfs, DH_STORE_CLEAN_FILE));
    whole.data[4 * batch_size + 80] ^= 1;
    rig_write_file(rig, LOG, dh_buf_view(&whole));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(DOHLE_ERR_CORRUPT, rig_open(rig));
        assert_non_null(
            strstr(rig->text, "orders-0: damaged or cut off at offset 4 (byte "));
        assert_non_null(strstr(rig->text, DH_STORE_RECOVERY_POINTS_FILE));
        // A refused start changes nothing.
        assert_int_equal(whole.size, size_of(rig, LOG));
        assert_false(rig_has_file(rig, TORN));
    }
    // The advice works.
    assert_int_equal(0, rig->vfs->calls->remove(rig->vfs, DH_STORE_RECOVERY_POINTS_FILE));
    assert_int_equal(0, rig_open(rig));
    assert_int_equal(4, dh_store_log_end(rig->log));
    assert_int_equal(6 * batch_size, rig->recovery.torn_bytes);
    dh_buf_deinit(&whole);
    // A file that ends early is damage too, after a clean stop as well.
    rig_reopen(rig, true);
    rig_close(rig, true);
    tear(rig, LOG, 3 * batch_size, "", 0);
    assert_int_equal(DOHLE_ERR_CORRUPT, rig_open(rig));
    assert_non_null(strstr(rig->text, "cut off at offset 3 "));
    assert_true(rig_has_file(rig, DH_STORE_CLEAN_FILE));
    assert_int_equal(0, rig->vfs->calls->remove(rig->vfs, DH_STORE_RECOVERY_POINTS_FILE));
    assert_int_equal(0, rig_open(rig));
    assert_int_equal(3, rig_read_all(rig, 0, 1000));
}

// No index is bad enough to refuse a start, or to mislead a reader.
static void test_bad_indexes(void **state)
{
    struct store_rig *rig = *state;
    rig->config.index_interval_bytes = 100;
    rig->config.segment_bytes = 4000;
    dh_store_log_set_config(rig->log, &rig->config);
    rig_fill(rig, 60, 100, 1000);
    size_t segments = rig->log->segment_count;
    assert_true(segments > 2);
    rig_close(rig, true);
    uint8_t noise[200];
    struct dh_random random = {9};
    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (uint8_t)dh_random_next(&random);
    }
    static const uint8_t zeros[3000];
    for (int kind = 0; kind < 9; kind++) {
        for (int64_t base = 0; base < 40; base++) {
            char index[100];
            char times[100];
            snprintf(index, sizeof(index), "orders-0/%020" PRId64 ".index", base);
            snprintf(times, sizeof(times), "orders-0/%020" PRId64 ".timeindex", base);
            if (!rig_has_file(rig, index)) {
                continue;
            }
            size_t size = size_of(rig, index);
            size_t times_size = size_of(rig, times);
            switch (kind) {
            case 0: tear(rig, index, 0, "", 0); break;
            case 1: tear(rig, times, 0, "", 0); break;
            case 2: tear(rig, index, size / 2, noise, 3); break;
            case 3: tear(rig, index, size / 16 * 8, noise, 40); break;
            case 4: tear(rig, times, times_size / 24 * 12, noise, 36); break;
            case 5: // as Apache Kafka leaves those of active segments
                tear(rig, index, size, zeros, 800);
                tear(rig, times, times_size, zeros, 1200);
                break;
            case 6: tear(rig, index, 0, zeros, size); break;
            case 7:
                assert_int_equal(0, rig->vfs->calls->remove(rig->vfs, index));
                assert_int_equal(0, rig->vfs->calls->remove(rig->vfs, times));
                break;
            default: tear(rig, index, 0, noise, 160); break;
            }
        }
        assert_int_equal(0, rig_open(rig));
        assert_int_equal(60, dh_store_log_end(rig->log));
        assert_int_equal(segments, rig->log->segment_count);
        assert_int_equal(60, rig_read_all(rig, 0, 1));
        for (int64_t from = 0; from < 60; from += 3) {
            assert_int_equal(60 - from, rig_read_all(rig, from, 1));
            dh_store_log_drop_hints(rig->log);
        }
        if (kind != 4 && kind != 1) {
            for (int64_t ms = 1000; ms < 1060; ms += 7) {
                struct dh_store_found found;
                assert_int_equal(0, dh_store_log_find_time(rig->log, ms, &found));
                assert_int_equal(ms - 1000, found.offset);
            }
        }
        // A start that walks makes them all good again.
        rig_close(rig, false);
        if (rig_has_file(rig, DH_STORE_RECOVERY_POINTS_FILE)) {
            assert_int_equal(
                0, rig->vfs->calls->remove(rig->vfs, DH_STORE_RECOVERY_POINTS_FILE));
        }
        assert_int_equal(0, rig_open(rig));
        assert_int_equal(segments, rig->recovery.indexes_rebuilt);
        rig_close(rig, true);
    }
    assert_int_equal(0, rig_open(rig));
}

// A row that leads behind the batch it is for is noticed by the reader it misleads.
static void test_misleading_index(void **state)
{
    struct store_rig *rig = *state;
    rig_fill(rig, 10, 100, 1000);
    size_t batch_size = (size_t)dh_store_log_size(rig->log) / 10;
    rig_close(rig, true);
    struct dh_buf index;
    struct dh_writer writer;
    dh_buf_init(&index, &rig->memory.allocator, 0);
    dh_writer_init(&writer, &index);
    dh_write_int32(&writer, 1);
    dh_write_int32(&writer, (int32_t)(5 * batch_size)); // not 1 * batch_size
    dh_write_int32(&writer, 8);
    dh_write_int32(&writer, (int32_t)(8 * batch_size));
    rig_write_file(rig, INDEX, dh_buf_view(&index));
    dh_buf_deinit(&index);
    assert_int_equal(0, rig_open(rig));
    for (int64_t from = 9; from >= 0; from--) {
        assert_int_equal(10 - from, rig_read_all(rig, from, 1));
        dh_store_log_drop_hints(rig->log);
    }
    assert_non_null(strstr(rig->lines, "indexes of segment 0 are made anew"));
}

// Files that are missing or make no sense beside the .log cost time, and nothing else.
static void test_small_files_are_made_anew(void **state)
{
    struct store_rig *rig = *state;
    static const char *const paths[] = {
        DH_STORE_RECOVERY_POINTS_FILE,
        DH_STORE_LOG_STARTS_FILE,
        DH_STORE_CLEAN_FILE,
        "orders-0/" DH_STORE_EPOCHS_FILE,
        "orders-0/" DH_STORE_METADATA_FILE,
        "orders-0/00000000000000000030.snapshot",
    };
    static const char *const contents[] = {
        NULL,        "",
        "0\n",       "0\n5\norders 0 3\n",
        "1\n0\n",    "0\n1\norders 0 x\n",
        "0\n1\n3\n", "0\n2\n5 5\n4 4\n",
        "\0\1\2\3",
    };
    for (int i = 0; i < 30; i++) {
        rig->leader_epoch = i / 10;
        rig_fill(rig, 1, 100, 0);
    }
    for (size_t i = 0; i < DH_COUNT_OF(paths); i++) {
        for (size_t k = 0; k < DH_COUNT_OF(contents); k++) {
            rig_close(rig, true);
            assert_true(rig_has_file(rig, paths[i]));
            if (contents[k] == NULL) {
                assert_int_equal(0, rig->vfs->calls->remove(rig->vfs, paths[i]));
            } else {
                rig_write_file(rig, paths[i], dh_bytes_of(contents[k]));
            }
            assert_int_equal(0, rig_open(rig));
            assert_int_equal(30, rig_read_all(rig, 0, 1000));
            assert_int_equal(2, dh_store_log_latest_epoch(rig->log));
            int32_t epoch;
            int64_t end;
            dh_store_log_end_of_epoch(rig->log, 1, 2, &epoch, &end);
            assert_int_equal(1, epoch);
            assert_int_equal(20, end);
            if (i == 4) { // the topic's id is lost, and kept otherwise
                struct dh_uuid id = dh_store_log_topic_id(rig->log);
                assert_true(dh_uuid_is_zero(&id));
                assert_int_equal(0, dh_store_delete_log(rig->store, rig->log));
                assert_int_equal(0, rig_create(rig));
                for (int n = 0; n < 30; n++) {
                    rig->leader_epoch = n / 10;
                    rig_fill(rig, 1, 100, 0);
                }
            }
        }
    }
}

static void test_what_a_clean_stop_leaves(void **state)
{
    struct store_rig *rig = *state;
    rig->leader_epoch = 4;
    rig_fill(rig, 3, 100, 0);
    rig_close(rig, true);
    assert_true(rig_file_is(rig, DH_STORE_RECOVERY_POINTS_FILE, "0\n1\norders 0 3\n"));
    assert_true(rig_file_is(rig, DH_STORE_LOG_STARTS_FILE, "0\n0\n"));
    assert_true(
        rig_file_is(rig, DH_STORE_CLEAN_FILE, "{\"version\":0,\"brokerEpoch\":-1}"));
    assert_true(rig_file_is(rig, DH_STORE_META_FILE, "version=1\ncluster.id=cluster\n"));
    assert_true(rig_file_is(rig, "orders-0/" DH_STORE_EPOCHS_FILE, "0\n1\n4 0\n"));
    assert_true(rig_file_is(rig, "orders-0/" DH_STORE_METADATA_FILE,
                            "version: 0\ntopic_id: AQIDAAAAAAAAAAAAAAAAAA\n"));
    assert_int_equal(0, rig_open(rig));
    assert_true(rig->recovery.was_clean);
    assert_int_equal(0, rig->recovery.bytes_checked);
    assert_int_equal(0, rig->recovery.indexes_rebuilt);
    assert_int_equal(1, rig->recovery.logs);
    assert_string_equal("cluster", dh_store_cluster_id(rig->store));
    assert_false(rig_has_file(rig, DH_STORE_CLEAN_FILE));
    struct dh_uuid id = dh_store_log_topic_id(rig->log);
    assert_string_equal("AQIDAAAAAAAAAAAAAAAAAA", dh_uuid_text(&id).text);
}

// Logs in order; a second one of a name is refused; one that is deleted leaves nothing.
static void test_many_logs(void **state)
{
    struct store_rig *rig = *state;

    static const struct {
        const char *topic;
        int32_t partition;
    } rows[] = {{"b", 2}, {"b", 10}, {"a-1", 0}, {"b", 0}, {"a", 1}, {"zz", 0}};

    static const char *const expected[] = {"a-1",  "a-1-0",    "b-0", "b-2",
                                           "b-10", "orders-0", "zz-0"};
    struct dh_uuid id = {{1}};
    struct dh_store_log *log;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(0,
                         dh_store_create_log(rig->store, rows[i].topic, rows[i].partition,
                                             id, &rig->config, &log));
        assert_string_equal(rows[i].topic, dh_store_log_topic(log));
        assert_int_equal(rows[i].partition, dh_store_log_partition(log));
        assert_int_equal(DOHLE_ERR_INVALID_STATE,
                         dh_store_create_log(rig->store, rows[i].topic, rows[i].partition,
                                             id, &rig->config, &log));
    }
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dh_store_create_log(rig->store, "", 0, id, &rig->config, &log));
    for (int round = 0; round < 2; round++) {
        size_t i = 0;
        log = NULL;
        while ((log = dh_store_next_log(rig->store, log)) != NULL) {
            assert_string_equal(expected[i], log->name);
            i++;
        }
        assert_int_equal(DH_COUNT_OF(expected), i);
        rig_reopen(rig, round == 0);
    }
    log = dh_store_find_log(rig->store, "b", 10);
    assert_non_null(log);
    assert_int_equal(0, dh_store_delete_log(rig->store, log));
    assert_null(dh_store_find_log(rig->store, "b", 10));
    assert_int_equal(DOHLE_ERR_NO_FILE, rig->vfs->calls->remove(rig->vfs, "b-10"));
    // What was begun when the process died is done by the next start.
    rig_write_file(rig, "b-2/" DH_STORE_DELETED_FILE, DH_BYTES("x"));
    rig_reopen(rig, false);
    assert_null(dh_store_find_log(rig->store, "b", 2));
    assert_null(dh_store_find_log(rig->store, "b", 10));
    assert_non_null(dh_store_find_log(rig->store, "b", 0));
    assert_int_equal(DOHLE_ERR_NO_FILE, rig->vfs->calls->remove(rig->vfs, "b-2"));
}

// Files that lie where a log would be are somebody's; what a deletion left is not.
static void test_place_is_taken(void **state)
{
    struct store_rig *rig = *state;
    struct dh_uuid id = {{1}};
    struct dh_store_log *log;
    assert_int_equal(0, rig->vfs->calls->make_directory(rig->vfs, "x-0"));
    rig_write_file(rig, "x-0/00000000000000000000.log", DH_BYTES("mine"));
    assert_int_equal(DOHLE_ERR_INVALID_STATE,
                     dh_store_create_log(rig->store, "x", 0, id, &rig->config, &log));
    assert_true(rig_file_is(rig, "x-0/00000000000000000000.log", "mine"));
    rig_write_file(rig, "x-0/00000000000000000007.log", DH_BYTES("old"));
    rig_write_file(rig, "x-0/" DH_STORE_DELETED_FILE, DH_BYTES("x"));
    assert_int_equal(0, dh_store_create_log(rig->store, "x", 0, id, &rig->config, &log));
    rig_reopen(rig, false);
    log = dh_store_find_log(rig->store, "x", 0);
    assert_non_null(log);
    assert_int_equal(1, log->segment_count);
    assert_int_equal(0, dh_store_log_end(log));
}

// The offsets of a log that is gone are not taken for those of the next of its name.
static void test_stale_lines(void **state)
{
    struct store_rig *rig = *state;
    rig_fill(rig, 10, 100, 0);
    rig_reopen(rig, true);
    assert_int_equal(0, dh_store_delete_log(rig->store, rig->log));
    assert_int_equal(0, rig_create(rig));
    rig_fill(rig, 2, 100, 0);
    rig_reopen(rig, false);
    assert_int_equal(2, dh_store_log_end(rig->log));
}

// ---- A directory of Apache Kafka's ----

static void load_fixture(struct store_rig *rig, const char *name)
{
    char from[400];
    char to[100];
    static uint8_t content[10000];
    snprintf(from, sizeof(from), "%s/unit/store/kafka/%s", DOHLE_TESTS_DIR, name);
    snprintf(to, sizeof(to), "orders-0/%s", name);
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    size_t size = fread(content, 1, sizeof(content), file);
    fclose(file);
    rig_write_file(rig, to, (dohle_bytes){content, size});
}

static const char *const fixture[] = {
    "00000000000000000000.log",
    "00000000000000000000.index",
    "00000000000000000000.timeindex",
    "00000000000000000080.snapshot",
    DH_STORE_EPOCHS_FILE,
    DH_STORE_METADATA_FILE,
};

static void load_all(struct store_rig *rig)
{
    assert_int_equal(0, dh_store_delete_log(rig->store, rig->log));
    rig_close(rig, true);
    assert_int_equal(0, rig->vfs->calls->make_directory(rig->vfs, "orders-0"));
    for (size_t i = 0; i < DH_COUNT_OF(fixture); i++) {
        load_fixture(rig, fixture[i]);
    }
    rig_write_file(rig, "orders-0/00000000000000000000.txnindex", DH_BYTES("rows"));
}

static void check_kafkas(struct store_rig *rig)
{
    assert_int_equal(0, dh_store_log_start(rig->log));
    assert_int_equal(80, dh_store_log_end(rig->log));
    assert_int_equal(80, rig_read_all(rig, 0, 1000));
    struct dh_uuid id = dh_store_log_topic_id(rig->log);
    assert_string_equal("MwnrNKdJRQuJ8oiMB7ulBQ", dh_uuid_text(&id).text);
    assert_int_equal(0, dh_store_log_latest_epoch(rig->log));
    struct dh_store_found found;
    assert_int_equal(0, dh_store_log_find_max_time(rig->log, &found));
    assert_int_equal(INT64_C(1795380627349), found.timestamp_ms);
    assert_in_range(found.offset, 68, 71);
    // The producers go on where they were.
    struct rig_batch batch = RIG_PLAIN(4, 60);
    batch.producer_id = 1;
    batch.sequence = 36;
    assert_int_equal(0, rig_append(rig, batch));
    assert_true(rig->appended.is_duplicate);
    assert_int_equal(76, rig->appended.base_offset);
    batch.sequence = 41;
    assert_int_equal(0, rig_append(rig, batch));
    assert_int_equal(45, rig->appended.broker_code);
    batch.sequence = 40;
    assert_int_equal(0, rig_append(rig, batch));
    assert_int_equal(80, rig->appended.base_offset);
    rig_reopen(rig, true);
    assert_int_equal(84, rig_read_all(rig, 0, 1000));
}

static void test_opens_kafkas_after_a_clean_stop(void **state)
{
    struct store_rig *rig = *state;
    load_all(rig);
    rig_write_file(rig, DH_STORE_RECOVERY_POINTS_FILE, DH_BYTES("0\n1\norders 0 80\n"));
    rig_write_file(rig, DH_STORE_CLEAN_FILE,
                   DH_BYTES("{\"version\":0,\"brokerEpoch\":39}"));
    assert_int_equal(0, rig_open(rig));
    assert_int_equal(0, rig->recovery.bytes_checked);
    assert_int_equal(0, rig->recovery.indexes_rebuilt);
    check_kafkas(rig);
}

// As copied from a running broker: no word about it, and indexes as long as they may get.
static void test_adopts_kafkas(void **state)
{
    struct store_rig *rig = *state;
    static const uint8_t zeros[30000];
    load_all(rig);
    tear(rig, INDEX, size_of(rig, INDEX), zeros, 24000);
    tear(rig, TIMEINDEX, size_of(rig, TIMEINDEX), zeros, 24000);
    assert_int_equal(0, rig_open(rig));
    assert_int_equal(6372, rig->recovery.bytes_checked);
    check_kafkas(rig);
}

// Kafka's batches, appended here, make Kafka's files.
static void test_files_are_kafkas(void **state)
{
    struct store_rig *rig = *state;
    struct dh_buf theirs[4];
    load_all(rig);
    for (size_t i = 0; i < 4; i++) {
        char path[100];
        snprintf(path, sizeof(path), "orders-0/%s", fixture[i]);
        assert_int_equal(0, rig_read_file(rig, path, &theirs[i]));
    }
    assert_int_equal(0, rig_open(rig));
    assert_int_equal(0, dh_store_delete_log(rig->store, rig->log));
    rig->config.index_interval_bytes = 300;
    assert_int_equal(0, rig_create(rig));
    struct dh_reader reader;
    struct dh_batch batch;
    dh_reader_init(&reader, dh_buf_view(&theirs[0]));
    while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
        assert_int_equal(0, rig_append_bytes(rig, batch.bytes));
        assert_int_equal(batch.base_offset, rig->appended.base_offset);
    }
    rig_close(rig, true);
    for (size_t i = 0; i < 4; i++) {
        char path[100];
        struct dh_buf ours;
        snprintf(path, sizeof(path), "orders-0/%s", fixture[i]);
        assert_int_equal(0, rig_read_file(rig, path, &ours));
        assert_bytes_equal(dh_buf_view(&theirs[i]), dh_buf_view(&ours));
        dh_buf_deinit(&ours);
        dh_buf_deinit(&theirs[i]);
    }
    assert_int_equal(0, rig_open(rig));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_torn_ends),
        TEST(test_segments_behind_a_torn_one),
        TEST(test_damage_is_refused),
        TEST(test_bad_indexes),
        TEST(test_misleading_index),
        TEST(test_small_files_are_made_anew),
        TEST(test_what_a_clean_stop_leaves),
        TEST(test_many_logs),
        TEST(test_place_is_taken),
        TEST(test_stale_lines),
        TEST(test_opens_kafkas_after_a_clean_stop),
        TEST(test_adopts_kafkas),
        TEST(test_files_are_kafkas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
