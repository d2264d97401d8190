// SPDX-License-Identifier: MIT
#include "client/back/chunk.h"

#include "../../test.h"

#include "base/bytes.h"
#include "batches.h"
#include "record/iterator.h"

struct fixture {
    struct test_memory memory;
    struct dh_frame_account *account;
    struct dh_frame_pool pool;
    struct dh_codec_context codecs;
    struct dh_budget budget;
    struct dh_chunk_tools tools;
    struct dh_frame *response;
};

static void set_up(struct fixture *fixture, size_t budget_bytes)
{
    *fixture = (struct fixture){0};
    test_memory_init(&fixture->memory);
    fixture->account = dh_frame_account_new(&fixture->memory.allocator);
    dh_frame_pool_init(&fixture->pool, &fixture->memory.allocator, 1 << 20);
    fixture->pool.account = fixture->account;
    dh_codec_context_init(&fixture->codecs, &fixture->memory.allocator, &fixture->pool);
    dh_budget_init(&fixture->budget, budget_bytes, fixture->account);
    fixture->tools = (struct dh_chunk_tools){
        .mem = &fixture->memory.allocator,
        .frames = &fixture->pool,
        .codecs = &fixture->codecs,
        .budget = &fixture->budget,
        .batch_bytes_max = 1 << 20,
        .check_crcs = true,
    };
}

static void tear_down(struct fixture *fixture)
{
    dh_frame_pool_put(&fixture->pool, fixture->response);
    assert_int_equal(0, dh_frame_account_bytes(fixture->account));
    dh_codec_context_deinit(&fixture->codecs);
    dh_frame_pool_deinit(&fixture->pool);
    dh_frame_account_drop(fixture->account);
    assert_int_equal(0, fixture->memory.bytes);
}

// Puts the bytes into a frame, as the connection does.
static struct dh_chunk_source source_of(struct fixture *fixture,
                                        const struct dh_buf *bytes, int64_t fetch_offset)
{
    fixture->response = dh_frame_pool_get(&fixture->pool, bytes->size + 1);
    assert_non_null(fixture->response);
    if (bytes->size > 0) {
        memcpy(fixture->response->data, bytes->data, bytes->size);
    }
    fixture->response->size = bytes->size;
    return (struct dh_chunk_source){
        .records = {fixture->response->data, bytes->size},
        .frame = fixture->response,
        .slot = 7,
        .term = {.assignment = 3, .position = 2},
        .fetch_offset = fetch_offset,
        .last_fetched_epoch = 4,
        .high_watermark = 1000,
        .log_start_offset = 1,
    };
}

// How many records with offset >= fetch_offset the chunk's batches hold, in order.
static int64_t count_records(const struct dh_chunk *chunk)
{
    int64_t count = 0;
    int64_t last_offset = chunk->fetch_offset - 1;
    for (uint32_t i = 0; i < chunk->batch_count; i++) {
        const struct dh_chunk_batch *taken = &chunk->batches[i];
        struct dh_record_iterator iterator;
        assert_int_equal(
            0, dh_record_iterator_init(&iterator, &taken->batch, taken->batch.payload));
        dohle_record record;
        dh_record_iterator_prepare(&iterator, &record, "t", 0);
        int result;
        while ((result = dh_record_iterator_next(&iterator, &record)) == 1) {
            if (record.offset >= chunk->fetch_offset) {
                assert_true(record.offset > last_offset);
                last_offset = record.offset;
                count++;
            }
        }
        assert_int_equal(0, result);
    }
    assert_true(last_offset < chunk->next_offset);
    return count;
}

#define BATCHES_MAX 4

// base, last delta (-1: dense), count, codec, control, wrong crc, epoch
#define RECORDS(base, count)                                                             \
    {                                                                                    \
        base, -1, count, 0, false, false, 5, 0                                           \
    }
#define COMPRESSED(base, count, codec)                                                   \
    {                                                                                    \
        base, -1, count, codec, false, false, 5, 0                                       \
    }
#define HOLED(base, delta, count)                                                        \
    {                                                                                    \
        base, delta, count, 0, false, false, 6, 0                                        \
    }
#define MARKER(base)                                                                     \
    {                                                                                    \
        base, -1, 1, 0, true, false, 6, 0                                                \
    }
#define BAD(base, count)                                                                 \
    {                                                                                    \
        base, -1, count, 0, false, true, 5, 0                                            \
    }

static void what_a_response_becomes(void **state)
{
    (void)state;

    static const struct {
        const char *what;
        size_t count;
        struct test_batch batches[BATCHES_MAX];
        int64_t fetch_offset;
        // expected
        uint32_t batch_count;
        int64_t records;
        int64_t next_offset;
        int32_t next_epoch;
        int err;
        int64_t last_offset;
    } rows[] = {
        {"nothing", 0, {{0}}, 10, 0, 0, 10, 4, 0, -1},
        {"one batch", 1, {RECORDS(10, 5)}, 10, 1, 5, 15, 5, 0, -1},
        {"two", 2, {RECORDS(10, 5), RECORDS(15, 2)}, 10, 2, 7, 17, 5, 0, -1},
        {"middle (X-008)", 1, {RECORDS(10, 5)}, 12, 1, 3, 15, 5, 0, -1},
        {"middle, gzip", 1, {COMPRESSED(10, 5, 1)}, 12, 1, 3, 15, 5, 0, -1},
        {"middle, snappy", 1, {COMPRESSED(10, 5, 2)}, 12, 1, 3, 15, 5, 0, -1},
        {"middle, lz4", 1, {COMPRESSED(10, 5, 3)}, 12, 1, 3, 15, 5, 0, -1},
        {"middle, zstd", 1, {COMPRESSED(10, 5, 4)}, 12, 1, 3, 15, 5, 0, -1},
        {"below", 2, {RECORDS(3, 5), RECORDS(8, 5)}, 8, 1, 5, 13, 5, 0, -1},
        {"all below", 1, {RECORDS(3, 5)}, 8, 0, 0, 8, 4, 0, -1},
        {"bad but below", 2, {BAD(3, 5), RECORDS(8, 5)}, 8, 1, 5, 13, 5, 0, -1},
        {"compacted (X-002)", 1, {HOLED(10, 9, 0)}, 10, 0, 0, 20, 6, 0, -1},
        {"holes at the end", 1, {HOLED(10, 9, 3)}, 10, 1, 3, 20, 6, 0, -1},
        {"hole before", 1, {RECORDS(50, 3)}, 10, 1, 3, 53, 5, 0, -1},
        {"only holes in reach", 1, {HOLED(10, 9, 3)}, 15, 1, 0, 20, 6, 0, -1},
        {"marker (X-001)", 1, {MARKER(10)}, 10, 0, 0, 11, 6, 0, -1},
        {"marker behind", 2, {RECORDS(10, 5), MARKER(15)}, 10, 1, 5, 16, 6, 0, -1},
        {"marker between",
         3,
         {RECORDS(10, 5), MARKER(15), RECORDS(16, 1)},
         10,
         2,
         6,
         17,
         5,
         0,
         -1},
        {"bad first (X-017)", 1, {BAD(10, 5)}, 10, 0, 0, 10, 4, DOHLE_ERR_CORRUPT, 14},
        {"bad second",
         3,
         {RECORDS(10, 5), BAD(15, 5), RECORDS(20, 1)},
         10,
         1,
         5,
         15,
         5,
         DOHLE_ERR_CORRUPT,
         19},
        {"bad third",
         3,
         {RECORDS(10, 5), MARKER(15), BAD(16, 5)},
         10,
         1,
         5,
         16,
         6,
         DOHLE_ERR_CORRUPT,
         20},
        {"bad marker",
         1,
         {{10, -1, 1, 0, true, true, 6, 0}},
         10,
         0,
         0,
         10,
         4,
         DOHLE_ERR_CORRUPT,
         10},
        {"unknown codec",
         2,
         {RECORDS(10, 5), COMPRESSED(15, 5, 5)},
         10,
         1,
         5,
         15,
         5,
         DOHLE_ERR_UNSUPPORTED_CODEC,
         19},
        {"goes back",
         2,
         {RECORDS(10, 5), RECORDS(12, 5)},
         10,
         1,
         5,
         15,
         5,
         DOHLE_ERR_CORRUPT,
         -1},
        {"repeated", 2, {RECORDS(10, 5), RECORDS(10, 5)}, 10, 1, 5, 15, 5, 0, -1},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture fixture;
        set_up(&fixture, 1 << 20);
        struct dh_buf bytes;
        dh_buf_init(&bytes, &fixture.memory.allocator, 0);
        for (size_t j = 0; j < rows[i].count; j++) {
            test_batch_write(&bytes, &rows[i].batches[j]);
        }
        struct dh_chunk_source source = source_of(&fixture, &bytes, rows[i].fetch_offset);
        struct dh_chunk *chunk;
        struct dh_chunk_stop stop;

        assert_int_equal(0, dh_chunk_build(&fixture.tools, &source, &chunk, &stop));

        if (rows[i].batch_count != chunk->batch_count ||
            rows[i].next_offset != chunk->next_offset || rows[i].err != stop.err) {
            print_message("row %s\n", rows[i].what);
        }
        assert_int_equal(rows[i].batch_count, chunk->batch_count);
        assert_int_equal(rows[i].records, count_records(chunk));
        assert_int_equal(rows[i].next_offset, chunk->next_offset);
        assert_int_equal(rows[i].next_epoch, chunk->next_epoch);
        assert_int_equal(rows[i].err, stop.err);
        assert_int_equal(rows[i].next_offset, stop.offset);
        assert_int_equal(rows[i].last_offset, stop.last_offset);
        assert_int_equal(rows[i].err != 0, stop.text != NULL);
        assert_int_equal(7, chunk->slot);
        assert_int_equal(2, chunk->term.position);
        assert_int_equal(rows[i].fetch_offset, chunk->fetch_offset);
        assert_int_equal(1000, chunk->high_watermark);
        assert_int_equal(bytes.size, chunk->fetched_bytes);

        dh_chunk_free(&fixture.tools, chunk);
        dh_buf_deinit(&bytes);
        tear_down(&fixture);
    }
}

// check.crcs=false: a wrong checksum is not looked at.
static void checksums_are_checked_only_if_wanted(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 1 << 20);
    fixture.tools.check_crcs = false;
    struct dh_buf bytes;
    dh_buf_init(&bytes, &fixture.memory.allocator, 0);
    test_batch_write(&bytes, &(struct test_batch)BAD(10, 5));
    struct dh_chunk_source source = source_of(&fixture, &bytes, 10);
    struct dh_chunk *chunk;
    struct dh_chunk_stop stop;

    assert_int_equal(0, dh_chunk_build(&fixture.tools, &source, &chunk, &stop));
    assert_int_equal(0, stop.err);
    assert_int_equal(5, count_records(chunk));

    dh_chunk_free(&fixture.tools, chunk);
    dh_buf_deinit(&bytes);
    tear_down(&fixture);
}

// A response that ends in the middle of a batch, at every byte.
static void what_is_cut_off_is_left_for_the_next_fetch(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 1 << 20);
    struct dh_buf bytes;
    dh_buf_init(&bytes, &fixture.memory.allocator, 0);
    test_batch_write(&bytes, &(struct test_batch)RECORDS(10, 5));
    size_t first_size = bytes.size;
    test_batch_write(&bytes, &(struct test_batch)RECORDS(15, 5));
    size_t whole_size = bytes.size;

    for (size_t size = 0; size <= whole_size; size++) {
        bytes.size = size;
        struct dh_chunk_source source = source_of(&fixture, &bytes, 10);
        struct dh_chunk *chunk;
        struct dh_chunk_stop stop;
        assert_int_equal(0, dh_chunk_build(&fixture.tools, &source, &chunk, &stop));
        bool is_first_cut = size > 0 && size < first_size;
        assert_int_equal(is_first_cut ? DOHLE_ERR_TOO_LARGE : 0, stop.err);
        assert_int_equal(size < first_size   ? 10
                         : size < whole_size ? 15
                                             : 20,
                         chunk->next_offset);
        dh_chunk_free(&fixture.tools, chunk);
        dh_frame_pool_put(&fixture.pool, fixture.response);
        fixture.response = NULL;
    }
    dh_buf_deinit(&bytes);
    tear_down(&fixture);
}

static void a_batch_larger_than_the_cap_is_an_error(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 1 << 20);
    fixture.tools.batch_bytes_max = 1000;
    struct dh_buf bytes;
    dh_buf_init(&bytes, &fixture.memory.allocator, 0);
    test_batch_write(&bytes, &(struct test_batch)COMPRESSED(10, 2, DH_CODEC_ZSTD));
    test_batch_write(&bytes, &(struct test_batch){.base_offset = 12,
                                                  .last_delta = -1,
                                                  .record_count = 1,
                                                  .codec = DH_CODEC_ZSTD,
                                                  .value_size = 1000});
    struct dh_chunk_source source = source_of(&fixture, &bytes, 10);
    struct dh_chunk *chunk;
    struct dh_chunk_stop stop;

    assert_int_equal(0, dh_chunk_build(&fixture.tools, &source, &chunk, &stop));
    assert_int_equal(DOHLE_ERR_TOO_LARGE, stop.err);
    assert_int_equal(12, stop.offset);
    assert_int_equal(12, stop.last_offset);
    assert_int_equal(2, count_records(chunk));

    dh_chunk_free(&fixture.tools, chunk);
    dh_buf_deinit(&bytes);
    tear_down(&fixture);
}

// What the budget does not admit is fetched again; alone it passes.
static void the_budget_ends_a_chunk(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 3000);
    struct dh_buf bytes;
    dh_buf_init(&bytes, &fixture.memory.allocator, 0);
    struct test_batch batch = {.base_offset = 10,
                               .last_delta = -1,
                               .record_count = 1,
                               .codec = DH_CODEC_ZSTD,
                               .value_size = 2000};
    test_batch_write(&bytes, &batch);
    batch.base_offset = 11;
    test_batch_write(&bytes, &batch);
    fixture.budget.expansion = 64 * DH_BUDGET_EXPANSION_ONE;
    struct dh_chunk_source source = source_of(&fixture, &bytes, 10);
    struct dh_chunk *chunk;
    struct dh_chunk_stop stop;

    // The first passes, for nothing but the response is held; the second does not.
    assert_int_equal(0, dh_chunk_build(&fixture.tools, &source, &chunk, &stop));
    assert_int_equal(DOHLE_ERR_QUEUE_FULL, stop.err);
    assert_int_equal(11, stop.offset);
    assert_int_equal(1, count_records(chunk));
    assert_true(chunk->charged_bytes >= 2000);

    // With something else held, not even the first.
    struct dh_chunk *second;
    assert_int_equal(0, dh_chunk_build(&fixture.tools, &source, &second, &stop));
    assert_int_equal(DOHLE_ERR_QUEUE_FULL, stop.err);
    assert_int_equal(10, second->next_offset);

    dh_chunk_free(&fixture.tools, second);
    dh_chunk_free(&fixture.tools, chunk);
    dh_buf_deinit(&bytes);
    tear_down(&fixture);
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    struct test_memory outside;
    test_memory_init(&outside);
    struct dh_buf bytes;
    dh_buf_init(&bytes, &outside.allocator, 0);
    for (int8_t codec = 0; codec < DH_CODEC_COUNT; codec++) {
        test_batch_write(&bytes,
                         &(struct test_batch)COMPRESSED(10 + 5 * codec, 5, codec));
    }
    size_t calls = 0;
    for (size_t fail_after = 0; fail_after <= calls; fail_after++) {
        struct fixture fixture;
        set_up(&fixture, 1 << 20);
        struct dh_chunk_source source = source_of(&fixture, &bytes, 10);
        size_t calls_before = fixture.memory.calls;
        fixture.memory.fail_at = fail_after == 0 ? 0 : calls_before + fail_after;
        struct dh_chunk *chunk;
        struct dh_chunk_stop stop;

        int err = dh_chunk_build(&fixture.tools, &source, &chunk, &stop);

        if (fail_after == 0) {
            calls = fixture.memory.calls - calls_before;
            assert_int_equal(0, err);
            assert_int_equal(25, count_records(chunk));
        }
        if (err != 0) {
            assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
            assert_null(chunk);
        } else {
            // What went in before is good, and the position says what is missing.
            assert_int_equal(fail_after == 0 || stop.err == DOHLE_ERR_NO_MEMORY ||
                                 chunk->next_offset == 35,
                             1);
            assert_int_equal(chunk->next_offset - 10, count_records(chunk));
            dh_chunk_free(&fixture.tools, chunk);
        }
        tear_down(&fixture);
    }
    dh_buf_deinit(&bytes);
}

// Any single wrong byte: no crash, no record out of order, the position never beyond.
static void any_wrong_byte_is_survived(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 1 << 20);
    struct dh_buf bytes;
    dh_buf_init(&bytes, &fixture.memory.allocator, 0);
    test_batch_write(&bytes, &(struct test_batch)RECORDS(10, 3));
    test_batch_write(&bytes, &(struct test_batch)COMPRESSED(13, 3, DH_CODEC_LZ4));
    test_batch_write(&bytes, &(struct test_batch)MARKER(16));
    for (size_t at = 0; at < bytes.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[at] ^= (uint8_t)(1 << bit);
            struct dh_chunk_source source = source_of(&fixture, &bytes, 10);
            struct dh_chunk *chunk;
            struct dh_chunk_stop stop;
            assert_int_equal(0, dh_chunk_build(&fixture.tools, &source, &chunk, &stop));
            assert_true(chunk->next_offset >= 10);
            assert_true(chunk->batch_count <= 2);
            dh_chunk_free(&fixture.tools, chunk);
            dh_frame_pool_put(&fixture.pool, fixture.response);
            fixture.response = NULL;
            bytes.data[at] ^= (uint8_t)(1 << bit);
        }
    }
    dh_buf_deinit(&bytes);
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_response_becomes),
        cmocka_unit_test(checksums_are_checked_only_if_wanted),
        cmocka_unit_test(what_is_cut_off_is_left_for_the_next_fetch),
        cmocka_unit_test(a_batch_larger_than_the_cap_is_an_error),
        cmocka_unit_test(the_budget_ends_a_chunk),
        cmocka_unit_test(every_failed_allocation_is_survived),
        cmocka_unit_test(any_wrong_byte_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
