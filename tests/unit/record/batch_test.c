// SPDX-License-Identifier: MIT
#include "../test.h"

#include <dohle/error.h>

#include "base/crc32c.h"
#include "record/batch.h"
#include "record/iterator.h"
#include "wire/writer.h"

struct header_row {
    int64_t base_offset;
    int32_t length; // 0: the true one
    int8_t magic;
    int32_t last_offset_delta;
    int32_t record_count;
    int expected;
};

static void write_batch(struct dh_buf *buf, const struct header_row *row,
                        dohle_bytes records)
{
    struct dh_writer writer = {.buf = buf};
    dh_write_int64(&writer, row->base_offset);
    dh_write_int32(&writer,
                   row->length != 0 ? row->length : (int32_t)(49 + records.size));
    dh_write_int32(&writer, 7); // leader epoch
    dh_write_int8(&writer, row->magic);
    dh_write_int32(&writer, 0); // checksum
    dh_write_int16(&writer, 0); // attributes
    dh_write_int32(&writer, row->last_offset_delta);
    dh_write_int64(&writer, 1000);
    dh_write_int64(&writer, 2000);
    dh_write_int64(&writer, -1);
    dh_write_int16(&writer, -1);
    dh_write_int32(&writer, -1);
    dh_write_int32(&writer, row->record_count);
    dh_buf_append(buf, records.data, records.size);
}

static void test_crc32c_and_crc32_have_their_check_values(void **state)
{
    (void)state;
    assert_int_equal(0xe3069283, dh_crc32c("123456789", 9));
    assert_int_equal(0xcbf43926, dh_crc32("123456789", 9));
    assert_int_equal(0, dh_crc32c("", 0));
}

static void test_a_header_that_makes_no_sense_is_corrupt(void **state)
{
    (void)state;
    static const struct header_row rows[] = {
        // base offset, length, magic, last offset delta, count, expected
        {0, 0, 2, 0, 0, DH_BATCH_FOUND},
        {INT64_MAX, 0, 2, 0, 0, DH_BATCH_FOUND},
        {0, 0, 2, INT32_MAX, INT32_MAX, DH_BATCH_FOUND}, // the iterator finds the lie
        {-1, 0, 2, 0, 0, DOHLE_ERR_CORRUPT},
        {INT64_MIN, 0, 2, 0, 0, DOHLE_ERR_CORRUPT},
        {INT64_MAX, 0, 2, 1, 0, DOHLE_ERR_CORRUPT},
        {0, 0, 2, -1, 0, DOHLE_ERR_CORRUPT},
        {0, 0, 2, 0, -1, DOHLE_ERR_CORRUPT},
        {0, 0, 3, 0, 0, DOHLE_ERR_CORRUPT},
        {0, 0, -1, 0, 0, DOHLE_ERR_CORRUPT},
        {0, 48, 2, 0, 0, DOHLE_ERR_CORRUPT},
        {0, 13, 0, 0, 0, DOHLE_ERR_CORRUPT},
        {0, -1, 2, 0, 0, DOHLE_ERR_CORRUPT},
        {0, INT32_MIN, 2, 0, 0, DOHLE_ERR_CORRUPT},
        {0, 50, 2, 0, 0, DH_BATCH_INCOMPLETE},
        {0, INT32_MAX, 2, 0, 0, DH_BATCH_INCOMPLETE},
    };
    struct test_memory memory;
    test_memory_init(&memory);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_buf buf;
        dh_buf_init(&buf, &memory.allocator, 0);
        write_batch(&buf, &rows[i], (dohle_bytes){NULL, 0});
        struct dh_reader reader;
        dh_reader_init(&reader, dh_buf_view(&buf));
        struct dh_batch batch;
        assert_int_equal(rows[i].expected, dh_batch_next(&reader, &batch));
        assert_int_equal(rows[i].base_offset, batch.base_offset);
        dh_buf_deinit(&buf);
    }
}

static void
test_a_cut_off_batch_ends_the_walk_but_is_incomplete_as_the_first(void **state)
{
    (void)state;
    static const struct header_row row = {5, 0, 2, 9, 0, 0};
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_buf buf;
    dh_buf_init(&buf, &memory.allocator, 0);
    write_batch(&buf, &row, (dohle_bytes){NULL, 0});
    write_batch(&buf, &row, (dohle_bytes){NULL, 0});
    for (size_t size = 0; size <= buf.size; size++) {
        struct dh_reader reader;
        dh_reader_init(&reader, (dohle_bytes){buf.data, size});
        struct dh_batch batch;
        int first = size == 0                     ? DH_BATCH_END
                    : size < DH_BATCH_HEADER_SIZE ? DH_BATCH_INCOMPLETE
                                                  : DH_BATCH_FOUND;
        assert_int_equal(first, dh_batch_next(&reader, &batch));
        if (first != DH_BATCH_FOUND) {
            continue;
        }
        assert_int_equal(14, batch.last_offset);
        assert_int_equal(7, batch.leader_epoch);
        int second = size < 2 * DH_BATCH_HEADER_SIZE ? DH_BATCH_END : DH_BATCH_FOUND;
        assert_int_equal(second, dh_batch_next(&reader, &batch));
    }
    dh_buf_deinit(&buf);
}

#define RECORD(...) {__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

// Rows of H1, H2 and H6 of the list of hostile bytes. Zigzag: 0x01 is -1, 0x02 is 1.
static void test_malformed_records_are_corrupt(void **state)
{
    (void)state;

    static const struct {
        const char *what;
        uint8_t records[16];
        size_t size;
        int32_t count;
        int32_t last_offset_delta;
        int good_count; // records before the end or the error
        int expected;
    } rows[] = {
        {"one record", RECORD(12, 0, 0, 0, 1, 1, 0), 1, 0, 1, 0},
        {"two records", RECORD(12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0), 2, 1, 2, 0},
        {"a gap", RECORD(12, 0, 0, 2, 1, 1, 0, 12, 0, 0, 8, 1, 1, 0), 2, 9, 2, 0},
        {"any negative size is null", RECORD(12, 0, 0, 0, 3, 5, 0), 1, 0, 1, 0},
        {"a padded varint", RECORD(16, 0, 0x80, 0, 0x80, 0, 1, 1, 0), 1, 0, 1, 0},
        {"a header", RECORD(18, 0, 0, 0, 1, 1, 2, 2, 'a', 1), 1, 0, 1, 0},
        {"no record", RECORD(0), 0, 0, 0, DOHLE_ERR_CORRUPT},
        {"bytes left over", RECORD(12, 0, 0, 0, 1, 1, 0, 0), 1, 0, 1, DOHLE_ERR_CORRUPT},
        {"a record is missing", RECORD(12, 0, 0, 0, 1, 1, 0), 2, 1, 1, DOHLE_ERR_CORRUPT},
        {"length 0", RECORD(0, 0, 0, 0, 0, 0, 0, 0), 1, 0, 0, DOHLE_ERR_CORRUPT},
        {"length -1", RECORD(1, 0, 0, 0, 1, 1, 0), 1, 0, 0, DOHLE_ERR_CORRUPT},
        {"length beyond", RECORD(14, 0, 0, 0, 1, 1, 0), 1, 0, 0, DOHLE_ERR_CORRUPT},
        {"length too short", RECORD(10, 0, 0, 0, 1, 1, 0), 1, 0, 0, DOHLE_ERR_CORRUPT},
        {"length too long", RECORD(14, 0, 0, 0, 1, 1, 0, 0), 1, 0, 0, DOHLE_ERR_CORRUPT},
        {"offset falls", RECORD(12, 0, 0, 2, 1, 1, 0, 12, 0, 0, 0, 1, 1, 0), 2, 5, 1,
         DOHLE_ERR_CORRUPT},
        {"offset stays", RECORD(12, 0, 0, 2, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0), 2, 5, 1,
         DOHLE_ERR_CORRUPT},
        {"offset negative", RECORD(12, 0, 0, 1, 1, 1, 0), 1, 5, 0, DOHLE_ERR_CORRUPT},
        {"offset beyond the last", RECORD(12, 0, 0, 4, 1, 1, 0), 1, 1, 0,
         DOHLE_ERR_CORRUPT},
        {"key beyond", RECORD(12, 0, 0, 0, 6, 1, 0), 1, 0, 0, DOHLE_ERR_CORRUPT},
        {"value beyond", RECORD(12, 0, 0, 0, 1, 4, 0), 1, 0, 0, DOHLE_ERR_CORRUPT},
        {"key of 2 GiB", RECORD(20, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0), 1, 0, 0,
         DOHLE_ERR_CORRUPT},
        {"varint of 6 bytes", RECORD(22, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 1, 1, 0),
         1, 0, 0, DOHLE_ERR_CORRUPT},
        {"header count -1", RECORD(12, 0, 0, 0, 1, 1, 1), 1, 0, 0, DOHLE_ERR_CORRUPT},
        {"header missing", RECORD(12, 0, 0, 0, 1, 1, 2), 1, 0, 0, DOHLE_ERR_CORRUPT},
        {"header of two missing", RECORD(18, 0, 0, 0, 1, 1, 4, 2, 'a', 1), 1, 0, 0,
         DOHLE_ERR_CORRUPT},
        {"header name null", RECORD(16, 0, 0, 0, 1, 1, 2, 1, 1), 1, 0, 0,
         DOHLE_ERR_CORRUPT},
        {"header name beyond", RECORD(16, 0, 0, 0, 1, 1, 2, 8, 1), 1, 0, 0,
         DOHLE_ERR_CORRUPT},
        {"header value beyond", RECORD(18, 0, 0, 0, 1, 1, 2, 2, 'a', 8), 1, 0, 0,
         DOHLE_ERR_CORRUPT},
        {"bytes behind the headers", RECORD(20, 0, 0, 0, 1, 1, 2, 2, 'a', 1, 0), 1, 0, 0,
         DOHLE_ERR_CORRUPT},
        {"half a billion headers",
         RECORD(20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f), 1, 0, 0,
         DOHLE_ERR_CORRUPT},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_batch batch = {
            .base_offset = 100,
            .last_offset = 100 + rows[i].last_offset_delta,
            .record_count = rows[i].count,
            .magic = 2,
        };
        // On the heap, so that a sanitizer sees a step beyond the end.
        uint8_t *copy = malloc(rows[i].size);
        memcpy(copy, rows[i].records, rows[i].size);
        struct dh_record_iterator iterator;
        assert_int_equal(0, dh_record_iterator_init(&iterator, &batch,
                                                    (dohle_bytes){copy, rows[i].size}));
        dohle_record record;
        int good_count = 0;
        int result;
        while ((result = dh_record_iterator_next(&iterator, &record)) == 1) {
            good_count++;
        }
        if (rows[i].expected != result || rows[i].good_count != good_count) {
            fail_msg("%s: %d after %d records", rows[i].what, result, good_count);
        }
        assert_int_equal(rows[i].expected, dh_record_iterator_next(&iterator, &record));
        free(copy);
    }
}

static void test_a_foreign_view_of_headers_ends_instead_of_running_on(void **state)
{
    (void)state;
    static const uint8_t cut_off[] = {2, 'a', 20, 'b'};
    dohle_bytes headers = {cut_off, sizeof(cut_off)};
    dohle_header header;
    assert_int_equal(0, dohle_header_next(&headers, &header));
    assert_int_equal(0, dohle_header_next(&headers, &header));
}

static void test_control_types(void **state)
{
    (void)state;

    static const struct {
        uint8_t key[4];
        size_t size;
        int expected;
    } rows[] = {
        {{0, 0, 0, 0}, 4, DH_CONTROL_ABORT},
        {{0, 0, 0, 1}, 4, DH_CONTROL_COMMIT},
        {{0, 1, 0, 1}, 4, DH_CONTROL_COMMIT}, // a later version
        {{0, 0, 0, 77}, 4, 77},               // H7: unknown, and no harm
        {{0, 0, 0, 1}, 3, DOHLE_ERR_CORRUPT},
        {{0xff, 0xff, 0, 1}, 4, DOHLE_ERR_CORRUPT},
        {{0, 0, 0xff, 0xff}, 4, DOHLE_ERR_CORRUPT},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        dohle_record record = {.key = {rows[i].key, rows[i].size}};
        assert_int_equal(rows[i].expected, dh_record_control_type(&record));
    }
    dohle_record without_key = {0};
    assert_int_equal(DOHLE_ERR_CORRUPT, dh_record_control_type(&without_key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c_and_crc32_have_their_check_values),
        cmocka_unit_test(test_a_header_that_makes_no_sense_is_corrupt),
        cmocka_unit_test(
            test_a_cut_off_batch_ends_the_walk_but_is_incomplete_as_the_first),
        cmocka_unit_test(test_malformed_records_are_corrupt),
        cmocka_unit_test(test_a_foreign_view_of_headers_ends_instead_of_running_on),
        cmocka_unit_test(test_control_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
