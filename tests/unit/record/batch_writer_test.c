// SPDX-License-Identifier: MIT
// That the bytes are Kafka's own is golden_test.c's business.
#include "../test.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/random.h"
#include "record/batch.h"
#include "record/batch_writer.h"
#include "record/iterator.h"

#define HEADER_COUNT_MAX 4
#define TEXT_SIZE        20000

struct bench {
    struct test_memory memory;
    struct dh_codec_context context;
    struct dh_batch_writer writer;
    struct dh_random random;
    uint8_t text[TEXT_SIZE]; // what keys, values and headers are cut from
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    test_memory_init(&bench->memory);
    dh_codec_context_init(&bench->context, &bench->memory.allocator, NULL);
    dh_batch_writer_init(&bench->writer, &bench->memory.allocator);
    bench->random.state = 7;
    for (size_t i = 0; i < TEXT_SIZE; i++) {
        bench->text[i] = (uint8_t)('a' + dh_random_below(&bench->random, 6));
    }
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    dh_batch_writer_deinit(&bench->writer);
    dh_codec_context_deinit(&bench->context);
    assert_int_equal(0, bench->memory.bytes);
    free(bench);
    return 0;
}

struct random_record {
    struct dh_record_input input;
    dohle_header headers[HEADER_COUNT_MAX];
};

// Mostly short, sometimes null, empty or long enough for a varint of three bytes.
static dohle_bytes draw_bytes(struct bench *bench, bool is_nullable)
{
    uint64_t kind = dh_random_below(&bench->random, 10);
    size_t size = dh_random_below(&bench->random, kind == 9 ? 9000 : 150);
    size = kind == 1 ? 0 : size;
    if (kind == 0 && is_nullable) {
        return DH_BYTES_NULL;
    }
    size_t start = dh_random_below(&bench->random, TEXT_SIZE - size);
    return (dohle_bytes){bench->text + start, size};
}

static void draw_record(struct bench *bench, struct random_record *record)
{
    static const int64_t spans_ms[] = {1, 100, 10000, INT64_C(1) << 40};
    int64_t span_ms = spans_ms[dh_random_below(&bench->random, 4)];
    int64_t shift_ms = (int64_t)dh_random_below(&bench->random, (uint64_t)span_ms);
    record->input = (struct dh_record_input){
        .timestamp_ms =
            INT64_C(1700000000000) + (shift_ms % 2 == 0 ? shift_ms : -shift_ms),
        .key = draw_bytes(bench, true),
        .value = draw_bytes(bench, true),
        .headers = record->headers,
        .header_count = dh_random_below(&bench->random, 3) == 0
                            ? dh_random_below(&bench->random, HEADER_COUNT_MAX + 1)
                            : 0,
    };
    for (size_t i = 0; i < record->input.header_count; i++) {
        record->headers[i].name = draw_bytes(bench, false);
        record->headers[i].value = draw_bytes(bench, true);
    }
}

static void assert_same(const struct random_record *expected, const dohle_record *actual)
{
    assert_int_equal(expected->input.timestamp_ms, actual->timestamp_ms);
    assert_bytes_equal(expected->input.key, actual->key);
    assert_bytes_equal(expected->input.value, actual->value);
    assert_int_equal(expected->input.header_count, actual->header_count);
    dohle_bytes headers = actual->headers;
    dohle_header header;
    for (size_t i = 0; i < expected->input.header_count; i++) {
        assert_int_equal(1, dohle_header_next(&headers, &header));
        assert_bytes_equal(expected->headers[i].name, header.name);
        assert_bytes_equal(expected->headers[i].value, header.value);
    }
    assert_int_equal(0, dohle_header_next(&headers, &header));
}

static void read_batch(dohle_bytes bytes, struct dh_batch *batch)
{
    struct dh_reader reader;
    dh_reader_init(&reader, bytes);
    assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, batch));
    assert_int_equal(bytes.size, reader.offset);
    assert_int_equal(0, dh_batch_check_crc(batch));
}

static void write_and_read(struct bench *bench, int codec, size_t count)
{
    struct random_record *records = calloc(count, sizeof(*records));
    size_t size_announced = DH_BATCH_HEADER_SIZE;
    for (size_t i = 0; i < count; i++) {
        draw_record(bench, &records[i]);
        size_t size_before = dh_batch_writer_size(&bench->writer);
        assert_int_equal(0, dh_batch_writer_append(&bench->writer, &records[i].input));
        size_t size = dh_batch_writer_record_size(&records[i].input);
        assert_in_range(dh_batch_writer_size(&bench->writer) - size_before, size - 20,
                        size);
        size_announced += size;
    }
    assert_in_range(dh_batch_writer_size(&bench->writer),
                    DH_BATCH_HEADER_SIZE + 7 * count, size_announced);
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    stamp.base_offset = 500;
    dohle_bytes bytes;
    assert_int_equal(0, dh_batch_writer_finish(&bench->writer, &bench->context,
                                               dh_codec_find(codec),
                                               DH_CODEC_LEVEL_DEFAULT, &stamp, &bytes));
    struct dh_batch batch;
    read_batch(bytes, &batch);
    assert_int_equal(codec, batch.codec);
    assert_int_equal(count, batch.record_count);
    struct dh_frame *frame = NULL;
    dohle_bytes payload = batch.payload;
    if (codec != DH_CODEC_NONE) {
        size_t size = dh_batch_writer_size(&bench->writer) - DH_BATCH_HEADER_SIZE;
        assert_int_equal(0, dh_codec_decompress(&bench->context, dh_codec_find(codec),
                                                payload, size, &frame));
        payload = (dohle_bytes){frame->data, frame->size};
    }
    struct dh_record_iterator iterator;
    assert_int_equal(0, dh_record_iterator_init(&iterator, &batch, payload));
    dohle_record record;
    int64_t max_timestamp_ms = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(1, dh_record_iterator_next(&iterator, &record));
        assert_int_equal(500 + i, record.offset);
        assert_same(&records[i], &record);
        if (record.timestamp_ms > max_timestamp_ms) {
            max_timestamp_ms = record.timestamp_ms;
        }
    }
    assert_int_equal(0, dh_record_iterator_next(&iterator, &record));
    assert_int_equal(max_timestamp_ms, batch.max_timestamp_ms);
    dh_frame_drop(frame);
    free(records);
}

static void test_random_batches_come_back(void **state)
{
    struct bench *bench = *state;
    for (int round = 0; round < 60; round++) {
        for (int codec = DH_CODEC_NONE; codec < DH_CODEC_COUNT; codec++) {
            size_t count =
                1 + dh_random_below(&bench->random, round % 10 == 0 ? 400 : 20);
            write_and_read(bench, codec, count);
            dh_batch_writer_reset(&bench->writer);
        }
    }
}

static void test_a_writer_in_use_allocates_nothing(void **state)
{
    struct bench *bench = *state;
    struct dh_record_input record = {.timestamp_ms = 1, .value = {bench->text, 100}};
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    size_t calls_before = 0;
    for (int round = 0; round < 5; round++) {
        if (round == 1) {
            calls_before = bench->memory.calls;
        }
        for (int i = 0; i < 600; i++) {
            assert_int_equal(0, dh_batch_writer_append(&bench->writer, &record));
        }
        dohle_bytes bytes;
        assert_int_equal(0,
                         dh_batch_writer_finish(&bench->writer, &bench->context,
                                                dh_codec_find(DH_CODEC_LZ4),
                                                DH_CODEC_LEVEL_DEFAULT, &stamp, &bytes));
        dh_batch_writer_reset(&bench->writer);
    }
    assert_int_equal(calls_before, bench->memory.calls);
    // Growth is geometric, not per record.
    assert_in_range(calls_before, 1, 30);
}

static void test_reading_allocates_nothing(void **state)
{
    struct bench *bench = *state;
    struct dh_record_input input = {.timestamp_ms = 1, .value = {bench->text, 100}};
    for (int i = 0; i < 600; i++) {
        assert_int_equal(0, dh_batch_writer_append(&bench->writer, &input));
    }
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    dohle_bytes bytes;
    assert_int_equal(
        0, dh_batch_writer_finish(&bench->writer, NULL, NULL, 0, &stamp, &bytes));
    size_t calls_before = bench->memory.calls;
    struct dh_batch batch;
    read_batch(bytes, &batch);
    struct dh_record_iterator iterator;
    assert_int_equal(0, dh_record_iterator_init(&iterator, &batch, batch.payload));
    dohle_record record;
    int count = 0;
    while (dh_record_iterator_next(&iterator, &record) == 1) {
        // A view: it lies in the batch.
        assert_in_range(record.value.data - bytes.data, 0, bytes.size - 100);
        count++;
    }
    assert_int_equal(600, count);
    assert_int_equal(calls_before, bench->memory.calls);
}

static void test_a_batch_can_be_stamped_anew(void **state)
{
    struct bench *bench = *state;
    struct dh_record_input input = {.timestamp_ms = 5, .value = {bench->text, 1000}};
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    struct dh_batch_stamp other = {.producer_id = 42,
                                   .producer_epoch = 3,
                                   .base_sequence = 100,
                                   .leader_epoch = -1,
                                   .is_transactional = true};
    for (int codec = DH_CODEC_NONE; codec < DH_CODEC_COUNT; codec++) {
        assert_int_equal(0, dh_batch_writer_append(&bench->writer, &input));
        dohle_bytes bytes;
        assert_int_equal(0, dh_batch_writer_finish(
                                &bench->writer, &bench->context, dh_codec_find(codec),
                                DH_CODEC_LEVEL_DEFAULT, &stamp, &bytes));
        dh_batch_writer_stamp(&bench->writer, &other);
        struct dh_batch batch;
        read_batch(bytes, &batch);
        assert_int_equal(codec, batch.codec);
        assert_int_equal(42, batch.producer_id);
        assert_int_equal(3, batch.producer_epoch);
        assert_int_equal(100, batch.base_sequence);
        assert_true(batch.is_transactional);
        assert_int_equal(5, batch.max_timestamp_ms);
        dh_batch_writer_reset(&bench->writer);
    }
}

static void test_the_estimate_learns_from_the_last_batch(void **state)
{
    struct bench *bench = *state;
    const struct dh_codec *zstd = dh_codec_find(DH_CODEC_ZSTD);
    struct dh_record_input input = {.timestamp_ms = 5, .value = {bench->text, 5000}};
    assert_int_equal(
        DH_BATCH_HEADER_SIZE + 100,
        dh_batch_writer_size_estimate(&bench->writer, &bench->context, NULL, 100));
    // Nothing is known yet: as if it did not compress.
    assert_int_equal(
        DH_BATCH_HEADER_SIZE + 5000,
        dh_batch_writer_size_estimate(&bench->writer, &bench->context, zstd, 5000));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(0, dh_batch_writer_append(&bench->writer, &input));
    }
    size_t size = dh_batch_writer_size(&bench->writer);
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    dohle_bytes bytes;
    assert_int_equal(0, dh_batch_writer_finish(&bench->writer, &bench->context, zstd,
                                               DH_CODEC_LEVEL_DEFAULT, &stamp, &bytes));
    assert_true(bytes.size < size / 4);
    dh_batch_writer_reset(&bench->writer);
    size_t estimate = dh_batch_writer_size_estimate(&bench->writer, &bench->context, zstd,
                                                    size - DH_BATCH_HEADER_SIZE);
    assert_in_range(estimate, bytes.size - 200, bytes.size + 1200);
}

static void test_what_no_batch_can_hold_changes_nothing(void **state)
{
    struct bench *bench = *state;
    struct dh_record_input good = {.timestamp_ms = 5, .value = {bench->text, 10}};
    assert_int_equal(0, dh_batch_writer_append(&bench->writer, &good));
    size_t size = dh_batch_writer_size(&bench->writer);
    dohle_header header = {.name = {bench->text, INT32_MAX}, .value = {NULL, 0}};
    // The sizes alone are looked at.
    struct dh_record_input rows[] = {
        {.value = {bench->text, (size_t)INT32_MAX + 1}},
        {.value = {bench->text, INT32_MAX}},
        {.key = {bench->text, INT32_MAX}, .value = {bench->text, INT32_MAX}},
        {.headers = &header, .header_count = 1},
        {.value = {bench->text, INT32_MAX - 60}},
    };
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(DOHLE_ERR_TOO_LARGE,
                         dh_batch_writer_append(&bench->writer, &rows[i]));
        assert_int_equal(size, dh_batch_writer_size(&bench->writer));
    }
    assert_int_equal(0, dh_batch_writer_append(&bench->writer, &good));
}

static void test_every_allocation_may_fail(void **state)
{
    struct bench *bench = *state;
    struct dh_record_input input = {.timestamp_ms = 5, .value = {bench->text, 3000}};
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    for (int codec = DH_CODEC_NONE; codec < DH_CODEC_COUNT; codec++) {
        bool is_done = false;
        for (size_t fail_at = 1; !is_done; fail_at++) {
            struct test_memory memory;
            test_memory_init(&memory);
            struct dh_codec_context context;
            dh_codec_context_init(&context, &memory.allocator, NULL);
            struct dh_batch_writer writer;
            dh_batch_writer_init(&writer, &memory.allocator);
            memory.fail_at = fail_at;
            int err = 0;
            int32_t count = 0;
            for (; err == 0 && count < 5; count += err == 0) {
                err = dh_batch_writer_append(&writer, &input);
            }
            dohle_bytes bytes;
            if (err == 0) {
                err = dh_batch_writer_finish(&writer, &context, dh_codec_find(codec),
                                             DH_CODEC_LEVEL_DEFAULT, &stamp, &bytes);
                is_done = err == 0;
            }
            // With memory again, everything goes on from where it was.
            memory.fail_at = 0;
            assert_true(err == 0 || err == DOHLE_ERR_NO_MEMORY);
            for (; count < 5; count++) {
                assert_int_equal(0, dh_batch_writer_append(&writer, &input));
            }
            assert_int_equal(
                0, dh_batch_writer_finish(&writer, &context, dh_codec_find(codec),
                                          DH_CODEC_LEVEL_DEFAULT, &stamp, &bytes));
            struct dh_batch batch;
            read_batch(bytes, &batch);
            assert_int_equal(5, batch.record_count);
            dh_batch_writer_deinit(&writer);
            dh_codec_context_deinit(&context);
            assert_int_equal(0, memory.bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_batches_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_writer_in_use_allocates_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_reading_allocates_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_batch_can_be_stamped_anew, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_estimate_learns_from_the_last_batch,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_no_batch_can_hold_changes_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
