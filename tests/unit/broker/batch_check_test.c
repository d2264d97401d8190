// SPDX-License-Identifier: MIT
// Produced batches that are wrong in one thing each, and what the broker answers.
#include "broker/batch_check.h"

#include <dohle/error.h>

#include "../test.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "record/batch_writer.h"
#include "record/iterator.h"
#include "wire/gen/broker_errors.h"

#define NOW_MS    1700000000000
#define BYTES_MAX 4096

struct fixture {
    struct test_memory memory;
    struct dh_arena arena;
    struct dh_codec_context codecs;
    struct dh_broker_batch_rules rules;
    uint8_t bytes[BYTES_MAX];
    size_t size;
    struct dh_broker_batch_verdict verdict;
};

static void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    test_memory_init(&f->memory);
    dh_arena_init(&f->arena, &f->memory.allocator, 0);
    dh_codec_context_init(&f->codecs, &f->memory.allocator, NULL);
    f->rules = (struct dh_broker_batch_rules){
        .topic = "orders",
        .partition = 2,
        .produce_version = 9,
        .size_max = 1048588,
        .segment_max = 1073741824,
        .wall_ms = NOW_MS,
        .before_max_ms = INT64_MAX,
        .after_max_ms = 3600000,
    };
}

static void fixture_deinit(struct fixture *f)
{
    dh_frame_drop(f->verdict.plain);
    dh_arena_deinit(&f->arena);
    dh_codec_context_deinit(&f->codecs);
    assert_int_equal(0, f->memory.bytes);
}

static void check(struct fixture *f)
{
    assert_int_equal(0, dh_broker_batch_check(&f->rules, &f->codecs, &f->arena, f->bytes,
                                              f->size, &f->verdict));
}

// Appends a batch of three records, times NOW, NOW + 1, NOW + 2.
static void add_batch(struct fixture *f, int codec)
{
    struct dh_batch_writer writer;
    dh_batch_writer_init(&writer, dh_mem_default());
    for (int i = 0; i < 3; i++) {
        struct dh_record_input record = {
            .timestamp_ms = NOW_MS + i,
            .key = DH_BYTES("key"),
            .value = DH_BYTES("a value, a value, a value"),
        };
        assert_int_equal(0, dh_batch_writer_append(&writer, &record));
    }
    struct dh_codec_context codecs;
    dh_codec_context_init(&codecs, dh_mem_default(), NULL);
    dohle_bytes batch;
    assert_int_equal(0, dh_batch_writer_finish(&writer, &codecs, dh_codec_find(codec),
                                               DH_CODEC_LEVEL_DEFAULT,
                                               &DH_BATCH_STAMP_PLAIN, &batch));
    assert_true(f->size + batch.size <= sizeof(f->bytes));
    memcpy(f->bytes + f->size, batch.data, batch.size);
    f->size += batch.size;
    dh_codec_context_deinit(&codecs);
    dh_batch_writer_deinit(&writer);
}

// Big-endian, into the first batch; the checksum is made right again.
static void put(struct fixture *f, size_t at, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0; value >>= 8) {
        f->bytes[at + i] = (uint8_t)value;
    }
}

static void put_crc(struct fixture *f)
{
    put(f, 17, dh_crc32c(f->bytes + 21, f->size - 21), 4);
}

static uint64_t get(const struct fixture *f, size_t at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | f->bytes[at + i];
    }
    return value;
}

static void test_passes(void **state)
{
    (void)state;
    for (int codec = DH_CODEC_NONE; codec < DH_CODEC_COUNT; codec++) {
        struct fixture f;
        fixture_init(&f);
        add_batch(&f, codec);
        uint8_t before[BYTES_MAX];
        memcpy(before, f.bytes, f.size);
        check(&f);
        assert_int_equal(0, f.verdict.broker_code);
        assert_int_equal(3, f.verdict.batch.record_count);
        assert_int_equal(f.size, f.verdict.batch.bytes.size);
        assert_int_equal(codec != DH_CODEC_NONE, f.verdict.plain != NULL);
        assert_memory_equal(before, f.bytes, f.size);
        fixture_deinit(&f);
    }
}

// One number of the header replaced, with the checksum made right or left wrong.
static void test_header(void **state)
{
    (void)state;

    static const struct {
        int16_t expected;
        int codec;
        int16_t version;
        size_t at;
        uint64_t value;
        size_t size;
        bool is_crc_right;
    } rows[] = {
        {DH_BROKER_INVALID_RECORD, 0, 9, 0, 1, 8, true},             // base offset
        {DH_BROKER_CORRUPT_MESSAGE, 0, 9, 8, 13, 4, false},          // length too small
        {DH_BROKER_CORRUPT_MESSAGE, 0, 9, 8, 0xffffffff, 4, false},  // negative
        {DH_BROKER_CORRUPT_MESSAGE, 0, 9, 8, 48, 4, false},          // below a header
        {DH_BROKER_INVALID_RECORD, 0, 9, 8, 5000, 4, false},         // beyond the end
        {DH_BROKER_INVALID_RECORD, 0, 9, 16, 0, 1, true},            // magic 0
        {DH_BROKER_INVALID_RECORD, 0, 9, 16, 1, 1, true},            // magic 1
        {DH_BROKER_CORRUPT_MESSAGE, 0, 9, 16, 3, 1, true},           // magic 3
        {DH_BROKER_CORRUPT_MESSAGE, 0, 9, 17, 0x12345678, 4, false}, // checksum
        {DH_BROKER_CORRUPT_MESSAGE, 0, 9, 43, 7, 8, false},          // what it covers
        {DH_BROKER_UNSUPPORTED_COMPRESSION_TYPE, 0, 9, 21, 5, 2, true}, // codec 5
        {DH_BROKER_UNSUPPORTED_COMPRESSION_TYPE, 4, 6, 12, 0, 4, true}, // zstd too early
        {DH_BROKER_NONE, 4, 7, 12, 0, 4, true},
        {DH_BROKER_INVALID_RECORD, 0, 9, 21, 1, 2, true},    // says gzip, is not
        {DH_BROKER_INVALID_RECORD, 1, 9, 21, 0, 2, true},    // is gzip, says not
        {DH_BROKER_INVALID_RECORD, 0, 9, 21, 0x20, 2, true}, // control
        {DH_BROKER_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 0, 9, 21, 0x10, 2,
         true},                                                    // transactional
        {DH_BROKER_NONE, 0, 9, 21, 0x08, 2, true},                 // append time
        {DH_BROKER_INVALID_RECORD, 0, 9, 23, 3, 4, true},          // last offset delta
        {DH_BROKER_INVALID_RECORD, 0, 9, 23, 0xffffffff, 4, true}, // negative
        {DH_BROKER_INVALID_RECORD, 0, 9, 57, 2, 4, true},          // count
        {DH_BROKER_INVALID_RECORD, 0, 9, 57, 0, 4, true},
        {DH_BROKER_INVALID_RECORD, 0, 9, 57, 0xffffffff, 4, true},
        {DH_BROKER_INVALID_RECORD, 0, 9, 43, 7, 8, true}, // producer id, no sequence
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture f;
        fixture_init(&f);
        f.rules.produce_version = rows[i].version;
        add_batch(&f, rows[i].codec);
        put(&f, rows[i].at, rows[i].value, rows[i].size);
        if (rows[i].is_crc_right) {
            put_crc(&f);
        }
        check(&f);
        if (rows[i].expected != f.verdict.broker_code) {
            print_message("row %zu\n", i);
        }
        assert_int_equal(rows[i].expected, f.verdict.broker_code);
        fixture_deinit(&f);
    }
}

// Count and offsets agree with each other, but not with the records.
static void test_count_against_records(void **state)
{
    (void)state;
    for (int codec = DH_CODEC_NONE; codec < DH_CODEC_COUNT; codec++) {
        for (uint64_t count = 2; count <= 4; count++) {
            struct fixture f;
            fixture_init(&f);
            add_batch(&f, codec);
            put(&f, 23, count - 1, 4);
            put(&f, 57, count, 4);
            put_crc(&f);
            check(&f);
            assert_int_equal(count == 3 ? 0 : DH_BROKER_INVALID_RECORD,
                             f.verdict.broker_code);
            fixture_deinit(&f);
        }
    }
}

static void test_number_of_batches(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    check(&f); // none
    assert_int_equal(DH_BROKER_INVALID_RECORD, f.verdict.broker_code);
    add_batch(&f, DH_CODEC_NONE);
    size_t first_size = f.size;
    add_batch(&f, DH_CODEC_NONE);
    check(&f); // two
    assert_int_equal(DH_BROKER_INVALID_RECORD, f.verdict.broker_code);
    f.size--;
    check(&f); // one, and a part of another, which is left out
    assert_int_equal(0, f.verdict.broker_code);
    assert_int_equal(first_size, f.verdict.batch.bytes.size);
    put(&f, first_size + 16, 9, 1);
    check(&f); // one, and nonsense
    assert_int_equal(DH_BROKER_CORRUPT_MESSAGE, f.verdict.broker_code);
    // Cut off anywhere: never whole, never read beyond.
    for (f.size = first_size; f.size-- > 0;) {
        uint8_t *exact = dh_mem_alloc(dh_mem_default(), f.size + 1);
        memcpy(exact, f.bytes, f.size);
        assert_int_equal(0, dh_broker_batch_check(&f.rules, &f.codecs, &f.arena, exact,
                                                  f.size, &f.verdict));
        assert_int_equal(DH_BROKER_INVALID_RECORD, f.verdict.broker_code);
        dh_mem_free(dh_mem_default(), exact, f.size + 1);
    }
    fixture_deinit(&f);
}

static void test_sizes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    add_batch(&f, DH_CODEC_NONE);
    f.rules.size_max = (int64_t)f.size;
    check(&f);
    assert_int_equal(0, f.verdict.broker_code);
    f.rules.size_max--;
    check(&f);
    assert_int_equal(DH_BROKER_MESSAGE_TOO_LARGE, f.verdict.broker_code);
    // Too large is found before the checksum, as in Kafka.
    put(&f, 17, 0, 4);
    check(&f);
    assert_int_equal(DH_BROKER_MESSAGE_TOO_LARGE, f.verdict.broker_code);
    put_crc(&f);
    f.rules.size_max = INT32_MAX;
    f.rules.segment_max = (int64_t)f.size - 1;
    check(&f);
    assert_int_equal(DH_BROKER_RECORD_LIST_TOO_LARGE, f.verdict.broker_code);
    fixture_deinit(&f);
}

// The records of the fixture's batch have the times NOW, NOW + 1 and NOW + 2.
static void test_times(void **state)
{
    (void)state;

    static const struct {
        int16_t expected;
        int32_t error_count;
        int64_t wall_ms;
        int64_t before_max_ms;
        int64_t after_max_ms;
    } rows[] = {
        {0, 0, NOW_MS, INT64_MAX, 3600000},
        {0, 0, NOW_MS, INT64_MAX, INT64_MAX},
        {0, 0, NOW_MS + 2, 2, 0},
        {DH_BROKER_INVALID_TIMESTAMP, 1, NOW_MS + 2, 1, 0},
        {DH_BROKER_INVALID_TIMESTAMP, 3, NOW_MS + 9, 1, 0},
        {DH_BROKER_INVALID_TIMESTAMP, 1, NOW_MS, INT64_MAX, 1},
        {DH_BROKER_INVALID_TIMESTAMP, 3, NOW_MS - 1, INT64_MAX, 0},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture f;
        fixture_init(&f);
        add_batch(&f, DH_CODEC_LZ4);
        f.rules.wall_ms = rows[i].wall_ms;
        f.rules.before_max_ms = rows[i].before_max_ms;
        f.rules.after_max_ms = rows[i].after_max_ms;
        check(&f);
        assert_int_equal(rows[i].expected, f.verdict.broker_code);
        assert_int_equal(rows[i].error_count, f.verdict.record_error_count);
        // Where time is that of arrival, the producer's own does not matter.
        dh_frame_drop(f.verdict.plain);
        f.verdict.plain = NULL;
        f.rules.is_append_time = true;
        check(&f);
        assert_int_equal(0, f.verdict.broker_code);
        fixture_deinit(&f);
    }
}

static void test_error_names_records(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    add_batch(&f, DH_CODEC_NONE);
    f.rules.after_max_ms = 1;
    check(&f);
    assert_int_equal(2, f.verdict.record_errors[0].batch_index);
    assert_bytes_equal(DH_BYTES("Timestamp 1700000000002 of message with offset 2 is out "
                                "of range. The timestamp should be within "
                                "[-9223370336854775807, 1700000000001]"),
                       f.verdict.record_errors[0].batch_index_error_message);
    fixture_deinit(&f);
}

// Trap 6: a record without key, for a compacted topic (X-).
static void test_compacted(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct dh_batch_writer writer;
    dh_batch_writer_init(&writer, dh_mem_default());
    for (int i = 0; i < 5; i++) {
        struct dh_record_input record = {
            .timestamp_ms = NOW_MS,
            .key = i == 1 || i == 4 ? DH_BYTES_NULL : DH_BYTES(""),
            .value = DH_BYTES("v"),
        };
        assert_int_equal(0, dh_batch_writer_append(&writer, &record));
    }
    dohle_bytes batch;
    assert_int_equal(
        0, dh_batch_writer_finish(&writer, NULL, NULL, 0, &DH_BATCH_STAMP_PLAIN, &batch));
    memcpy(f.bytes, batch.data, batch.size);
    f.size = batch.size;
    dh_batch_writer_deinit(&writer);

    check(&f);
    assert_int_equal(0, f.verdict.broker_code);
    f.rules.is_compacted = true;
    check(&f);
    assert_int_equal(DH_BROKER_INVALID_RECORD, f.verdict.broker_code);
    assert_int_equal(2, f.verdict.record_error_count);
    assert_int_equal(1, f.verdict.record_errors[0].batch_index);
    assert_int_equal(4, f.verdict.record_errors[1].batch_index);
    assert_bytes_equal(DH_BYTES("Compacted topic cannot accept message without key in "
                                "topic partition orders-2."),
                       f.verdict.record_errors[1].batch_index_error_message);
    fixture_deinit(&f);
}

static void assert_record_times(struct fixture *f, int64_t expected)
{
    struct dh_reader reader;
    struct dh_batch batch;
    dh_reader_init(&reader, (dohle_bytes){f->bytes, f->size});
    assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, &batch));
    assert_int_equal(0, dh_batch_check_crc(&batch));
    struct dh_record_iterator iterator;
    assert_int_equal(0, dh_record_iterator_init(&iterator, &batch, batch.payload));
    dohle_record record;
    assert_int_equal(1, dh_record_iterator_next(&iterator, &record));
    assert_int_equal(expected, record.timestamp_ms);
}

// The log stamps the time of arrival: nothing is changed before.
static void test_append_time(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    add_batch(&f, DH_CODEC_NONE);
    put(&f, 35, 77, 8); // wrong, and soon overwritten
    put_crc(&f);
    uint8_t before[BYTES_MAX];
    memcpy(before, f.bytes, f.size);
    f.rules.is_append_time = true;
    check(&f);
    assert_int_equal(0, f.verdict.broker_code);
    assert_memory_equal(before, f.bytes, f.size);

    // A producer that says so itself is refused there, and corrected elsewhere.
    put(&f, 21, 0x08, 2);
    put_crc(&f);
    check(&f);
    assert_int_equal(DH_BROKER_INVALID_TIMESTAMP, f.verdict.broker_code);
    put(&f, 35, NOW_MS, 8);
    put_crc(&f);
    f.rules.is_append_time = false;
    check(&f);
    assert_int_equal(0, f.verdict.broker_code);
    assert_int_equal(0, get(&f, 21, 2));
    assert_record_times(&f, NOW_MS);
    fixture_deinit(&f);
}

// The greatest time is what the records say, not what the header says.
static void test_wrong_max_timestamp(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    add_batch(&f, DH_CODEC_NONE);
    put(&f, 35, 77, 8);
    put_crc(&f);
    check(&f);
    assert_int_equal(0, f.verdict.broker_code);
    assert_int_equal(NOW_MS + 2, get(&f, 35, 8));
    assert_record_times(&f, NOW_MS);
    fixture_deinit(&f);
}

// compression.type: from each codec to each, with the same records and stamps.
static void test_recompress(void **state)
{
    (void)state;
    for (int from = DH_CODEC_NONE; from < DH_CODEC_COUNT; from++) {
        for (int to = DH_CODEC_NONE; to < DH_CODEC_COUNT; to++) {
            struct fixture f;
            fixture_init(&f);
            add_batch(&f, from);
            check(&f);
            struct dh_buf out;
            dh_buf_init(&out, &f.memory.allocator, 0);
            assert_int_equal(0, dh_broker_batch_recompress(&f.verdict, &f.codecs,
                                                           dh_codec_find(to), &out));
            dh_frame_drop(f.verdict.plain);
            memcpy(f.bytes, out.data, out.size);
            f.size = out.size;
            dh_buf_deinit(&out);
            check(&f);
            assert_int_equal(0, f.verdict.broker_code);
            assert_int_equal(to, f.verdict.batch.codec);
            assert_int_equal(3, f.verdict.batch.record_count);
            assert_int_equal(NOW_MS + 2, f.verdict.batch.max_timestamp_ms);
            fixture_deinit(&f);
        }
    }
}

// Every allocation that fails is an error or a verdict, and nothing leaks.
static void test_memory(void **state)
{
    (void)state;
    for (int codec = DH_CODEC_NONE; codec < DH_CODEC_COUNT; codec++) {
        bool has_worked = false;
        for (size_t at = 1; !has_worked; at++) {
            struct fixture f;
            fixture_init(&f);
            add_batch(&f, codec);
            f.rules.is_compacted = true;
            f.rules.after_max_ms = 0;
            f.memory.fail_at = at;
            int err = dh_broker_batch_check(&f.rules, &f.codecs, &f.arena, f.bytes,
                                            f.size, &f.verdict);
            has_worked = err == 0;
            if (err != 0) {
                assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
                assert_null(f.verdict.plain);
            } else {
                assert_int_equal(DH_BROKER_INVALID_TIMESTAMP, f.verdict.broker_code);
            }
            fixture_deinit(&f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_count_against_records),
        cmocka_unit_test(test_number_of_batches),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_error_names_records),
        cmocka_unit_test(test_compacted),
        cmocka_unit_test(test_append_time),
        cmocka_unit_test(test_wrong_max_timestamp),
        cmocka_unit_test(test_recompress),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
