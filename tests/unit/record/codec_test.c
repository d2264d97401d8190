// SPDX-License-Identifier: MIT
#include "../test.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/random.h"
#include "record/codec.h"

struct bench {
    struct test_memory memory;
    struct dh_frame_pool pool;
    struct dh_codec_context context;
    struct dh_buf packed;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    test_memory_init(&bench->memory);
    dh_frame_pool_init(&bench->pool, &bench->memory.allocator, 64 << 20);
    dh_codec_context_init(&bench->context, &bench->memory.allocator, &bench->pool);
    dh_buf_init(&bench->packed, &bench->memory.allocator, 0);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    dh_buf_deinit(&bench->packed);
    dh_codec_context_deinit(&bench->context);
    dh_frame_pool_deinit(&bench->pool);
    assert_int_equal(0, bench->memory.bytes);
    free(bench);
    return 0;
}

// Bytes between all alike (kind 0) and all random (kind 3).
static void fill(uint8_t *data, size_t size, int kind, struct dh_random *random)
{
    for (size_t i = 0; i < size; i++) {
        uint64_t draw = dh_random_next(random);
        switch (kind) {
        case 0: data[i] = 'x'; break;
        case 1: data[i] = (uint8_t)('a' + draw % 4); break;
        case 2:
            data[i] = i >= 1000 && draw % 50 != 0 ? data[i - 1000] : (uint8_t)draw;
            break;
        default: data[i] = (uint8_t)draw; break;
        }
    }
}

static void round_trip(struct bench *bench, const struct dh_codec *codec, int32_t level,
                       dohle_bytes data)
{
    dh_buf_reset(&bench->packed);
    dh_buf_append(&bench->packed, "before", 6);
    assert_int_equal(
        0, dh_codec_compress(&bench->context, codec, level, data, &bench->packed));
    assert_memory_equal("before", bench->packed.data, 6);
    dohle_bytes packed = {bench->packed.data + 6, bench->packed.size - 6};
    struct dh_frame *frame;
    assert_int_equal(
        0, dh_codec_decompress(&bench->context, codec, packed, data.size, &frame));
    assert_bytes_equal(data, ((dohle_bytes){frame->data, frame->size}));
    dh_frame_pool_put(&bench->pool, frame);
    if (data.size > 0) {
        assert_int_equal(
            DOHLE_ERR_TOO_LARGE,
            dh_codec_decompress(&bench->context, codec, packed, data.size - 1, &frame));
        assert_null(frame);
    }
}

static void test_what_goes_in_comes_out(void **state)
{
    static const size_t sizes[] = {0,     1,     2,      13,     100,
                                   1000,  32767, 32768,  32769,  65535,
                                   65536, 65537, 131072, 200000, 1 << 20};
    struct bench *bench = *state;
    struct dh_random random = {1};
    uint8_t *data = malloc(1 << 20);
    for (int id = DH_CODEC_GZIP; id < DH_CODEC_COUNT; id++) {
        const struct dh_codec *codec = dh_codec_find(id);
        for (size_t i = 0; i < DH_COUNT_OF(sizes); i++) {
            for (int kind = 0; kind < 4; kind++) {
                fill(data, sizes[i], kind, &random);
                round_trip(bench, codec, DH_CODEC_LEVEL_DEFAULT,
                           (dohle_bytes){data, sizes[i]});
            }
        }
    }
    free(data);
}

static void test_every_level_works(void **state)
{
    struct bench *bench = *state;
    struct dh_random random = {2};
    uint8_t data[20000];
    fill(data, sizeof(data), 2, &random);
    for (int id = DH_CODEC_GZIP; id < DH_CODEC_COUNT; id++) {
        const struct dh_codec *codec = dh_codec_find(id);
        int32_t low = codec->level_min < -5 ? -5 : codec->level_min;
        for (int32_t level = low; level <= codec->level_max; level++) {
            round_trip(bench, codec, level, (dohle_bytes){data, sizeof(data)});
        }
        round_trip(bench, codec, INT32_MAX, (dohle_bytes){data, sizeof(data)});
        round_trip(bench, codec, -INT32_MAX, (dohle_bytes){data, sizeof(data)});
    }
}

static void test_codecs_are_found_by_id_and_name(void **state)
{
    (void)state;
    static const char *const names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    for (int id = 0; id < DH_CODEC_COUNT; id++) {
        assert_int_equal(id, dh_codec_find(id)->id);
        assert_string_equal(names[id], dh_codec_find(id)->name);
        assert_ptr_equal(dh_codec_find(id), dh_codec_find_name(dh_bytes_of(names[id])));
    }
    assert_null(dh_codec_find(-1));
    assert_null(dh_codec_find(5));
    assert_null(dh_codec_find_name(DH_BYTES("zst")));
    assert_null(dh_codec_find_name(DH_BYTES_NULL));
}

#define ROW(...) {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})

// H5: declared sizes that lie, garbage behind the end, forms that others write.
static void test_odd_input(void **state)
{
    static const struct {
        const char *what;
        int codec;
        uint8_t in[64];
        size_t in_size;
        int expected;
        const char *out;
    } rows[] = {
        {"snappy: raw", DH_CODEC_SNAPPY, ROW(3, 8, 'a', 'b', 'c'), 0, "abc"},
        {"snappy: two framed chunks", DH_CODEC_SNAPPY,
         ROW(0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 1,
             0, 'a', 0, 0, 0, 4, 2, 4, 'b', 'c'),
         0, "abc"},
        {"snappy: two framed streams", DH_CODEC_SNAPPY,
         ROW(0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 1,
             0, 'a', 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0,
             0, 3, 1, 0, 'b'),
         0, "ab"},
        {"snappy: frame without chunks", DH_CODEC_SNAPPY,
         ROW(0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1), 0, ""},
        {"snappy: claims 2 GiB", DH_CODEC_SNAPPY, ROW(0xff, 0xff, 0xff, 0xff, 7, 0, 'a'),
         DOHLE_ERR_CORRUPT, NULL},
        {"snappy: chunk beyond the end", DH_CODEC_SNAPPY,
         ROW(0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1,
             0),
         DOHLE_ERR_CORRUPT, NULL},
        {"snappy: negative chunk", DH_CODEC_SNAPPY,
         ROW(0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff,
             0xff, 0xff),
         DOHLE_ERR_CORRUPT, NULL},
        {"lz4: stored block", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 3, 0, 0, 0x80, 'a', 'b', 'c', 0, 0, 0,
             0),
         0, "abc"},
        {"lz4: the header checksum of KIP-57", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x1a, 3, 0, 0, 0x80, 'a', 'b', 'c', 0, 0, 0,
             0),
         0, "abc"},
        {"lz4: content size and both checksums", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x7c, 0x40, 3, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0x80,
             'a', 'b', 'c', 1, 2, 3, 4, 0, 0, 0, 0, 1, 2, 3, 4),
         0, "abc"},
        {"lz4: a skippable frame first", DH_CODEC_LZ4,
         ROW(0x51, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'x', 'x', 4, 0x22, 0x4d, 0x18, 0x60,
             0x40, 0x82, 1, 0, 0, 0x80, 'a', 0, 0, 0, 0),
         0, "a"},
        {"lz4: linked blocks, a match of 5 bytes from 4 back and 12 literals",
         DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0, 4, 0, 0, 0x80, 'a', 'b', 'c', 'd', 16,
             0, 0, 0, 0x01, 4, 0, 0xc0, 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J',
             'K', 'L', 0, 0, 0, 0),
         0, "abcdabcdaABCDEFGHIJKL"},
        {"lz4: the same in independent blocks", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0xc0, 4, 0, 0, 0x80, 'a', 'b', 'c', 'd', 16,
             0, 0, 0, 0x01, 4, 0, 0xc0, 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J',
             'K', 'L', 0, 0, 0, 0),
         DOHLE_ERR_CORRUPT, NULL},
        {"lz4: content size lies", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x68, 0x40, 4, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0x80,
             'a', 'b', 'c', 0, 0, 0, 0),
         DOHLE_ERR_CORRUPT, NULL},
        {"lz4: content size of 2^63", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x68, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 3, 0, 0, 0x80,
             'a', 'b', 'c', 0, 0, 0, 0),
         DOHLE_ERR_TOO_LARGE, NULL},
        {"lz4: no end mark", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 3, 0, 0, 0x80, 'a', 'b', 'c'),
         DOHLE_ERR_CORRUPT, NULL},
        {"lz4: garbage behind", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0, 'x'), DOHLE_ERR_CORRUPT,
         NULL},
        {"lz4: a dictionary", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x61, 0x40, 1, 2, 3, 4, 0x82, 0, 0, 0, 0),
         DOHLE_ERR_CORRUPT, NULL},
        {"lz4: block larger than it may be", DH_CODEC_LZ4,
         ROW(4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0xff, 0xff, 0xff, 0xff),
         DOHLE_ERR_CORRUPT, NULL},
        {"lz4: nothing but a skippable frame", DH_CODEC_LZ4,
         ROW(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0), DOHLE_ERR_CORRUPT, NULL},
        {"gzip: stored, with name and comment", DH_CODEC_GZIP,
         ROW(0x1f, 0x8b, 8, 0x18, 0, 0, 0, 0, 0, 3, 'n', 0, 'c', 0, 1, 3, 0, 0xfc, 0xff,
             'a', 'b', 'c', 0xc2, 0x41, 0x24, 0x35, 3, 0, 0, 0),
         0, "abc"},
        {"gzip: an extra field", DH_CODEC_GZIP,
         ROW(0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 2, 0, 'e', 'e', 1, 3, 0, 0xfc, 0xff, 'a',
             'b', 'c', 0xc2, 0x41, 0x24, 0x35, 3, 0, 0, 0),
         0, "abc"},
        {"gzip: two members", DH_CODEC_GZIP,
         ROW(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c', 0xc2,
             0x41, 0x24, 0x35, 3, 0, 0, 0, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 3, 0,
             0xfc, 0xff, 'a', 'b', 'c', 0xc2, 0x41, 0x24, 0x35, 3, 0, 0, 0),
         0, "abcabc"},
        {"gzip: wrong checksum", DH_CODEC_GZIP,
         ROW(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c', 0xc3,
             0x41, 0x24, 0x35, 3, 0, 0, 0),
         DOHLE_ERR_CORRUPT, NULL},
        {"gzip: size lies", DH_CODEC_GZIP,
         ROW(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c', 0xc2,
             0x41, 0x24, 0x35, 3, 0, 0, 0x70),
         DOHLE_ERR_CORRUPT, NULL},
        {"gzip: garbage behind", DH_CODEC_GZIP,
         ROW(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c', 0xc2,
             0x41, 0x24, 0x35, 3, 0, 0, 0, 'x'),
         DOHLE_ERR_CORRUPT, NULL},
        {"zstd: raw block", DH_CODEC_ZSTD,
         ROW(0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, 'a', 'b', 'c'), 0, "abc"},
        {"zstd: window of 1 GiB, size unknown", DH_CODEC_ZSTD,
         ROW(0x28, 0xb5, 0x2f, 0xfd, 0, 0xa0, 0x19, 0, 0, 'a', 'b', 'c'), 0, "abc"},
        {"zstd: skippable frame, then two", DH_CODEC_ZSTD,
         ROW(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x', 0x28, 0xb5, 0x2f, 0xfd, 0x20, 3,
             0x19, 0, 0, 'a', 'b', 'c', 0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 0x09, 0, 0, 'd'),
         0, "abcd"},
        {"zstd: claims 2^62", DH_CODEC_ZSTD,
         ROW(0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x19, 0, 0, 'a',
             'b', 'c'),
         DOHLE_ERR_TOO_LARGE, NULL},
        {"zstd: garbage behind", DH_CODEC_ZSTD,
         ROW(0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, 'a', 'b', 'c', 'x'),
         DOHLE_ERR_CORRUPT, NULL},
        {"zstd: cut off", DH_CODEC_ZSTD,
         ROW(0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, 'a', 'b'), DOHLE_ERR_CORRUPT,
         NULL},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        uint8_t *in = malloc(rows[i].in_size);
        memcpy(in, rows[i].in, rows[i].in_size);
        struct dh_frame *frame;
        int result =
            dh_codec_decompress(&bench->context, dh_codec_find(rows[i].codec),
                                (dohle_bytes){in, rows[i].in_size}, 1 << 20, &frame);
        if (result != rows[i].expected) {
            fail_msg("%s: %d", rows[i].what, result);
        }
        if (result == 0) {
            assert_int_equal(strlen(rows[i].out), frame->size);
            assert_memory_equal(rows[i].out, frame->data, frame->size);
        }
        dh_frame_pool_put(&bench->pool, frame);
        free(in);
    }
}

// Garbage of every length, with the right first bytes for each codec, never breaks.
static void test_garbage_is_an_error(void **state)
{
    static const struct {
        int codec;
        uint8_t start[20];
        size_t start_size;
    } rows[] = {
        {DH_CODEC_GZIP, ROW(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3)},
        {DH_CODEC_SNAPPY,
         ROW(0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1)},
        {DH_CODEC_SNAPPY, ROW(0x80, 0x08)},
        {DH_CODEC_LZ4, ROW(4, 0x22, 0x4d, 0x18, 0x40, 0x40, 0x82, 30, 0, 0, 0)},
        {DH_CODEC_ZSTD, ROW(0x28, 0xb5, 0x2f, 0xfd, 0)},
    };
    struct bench *bench = *state;
    struct dh_random random = {3};
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        for (int round = 0; round < 5000; round++) {
            size_t size = rows[i].start_size + dh_random_below(&random, 100);
            uint8_t *in = malloc(size);
            fill(in, size, 3, &random);
            memcpy(in, rows[i].start, rows[i].start_size);
            struct dh_frame *frame;
            int result =
                dh_codec_decompress(&bench->context, dh_codec_find(rows[i].codec),
                                    (dohle_bytes){in, size}, 100000, &frame);
            assert_true(result == 0 || result == DOHLE_ERR_CORRUPT ||
                        result == DOHLE_ERR_TOO_LARGE);
            dh_frame_pool_put(&bench->pool, frame);
            free(in);
        }
        struct dh_frame *frame;
        assert_int_equal(DOHLE_ERR_CORRUPT,
                         dh_codec_decompress(&bench->context,
                                             dh_codec_find(rows[i].codec),
                                             (dohle_bytes){NULL, 0}, 100, &frame));
    }
}

// R2: a bomb costs no more than the cap, growth included.
static void test_a_bomb_stops_at_the_cap(void **state)
{
    enum { SIZE = 64 << 20, CAP = 1 << 20 };
    struct bench *bench = *state;
    uint8_t *zeros = calloc(1, SIZE);
    for (int id = DH_CODEC_GZIP; id < DH_CODEC_COUNT; id++) {
        dh_buf_reset(&bench->packed);
        assert_int_equal(0,
                         dh_codec_compress(&bench->context, dh_codec_find(id), 1,
                                           (dohle_bytes){zeros, SIZE}, &bench->packed));
        struct dh_codec_context fresh;
        dh_codec_context_init(&fresh, &bench->memory.allocator, NULL);
        size_t bytes_before = bench->memory.bytes;
        bench->memory.bytes_peak = bytes_before;
        struct dh_frame *frame;
        assert_int_equal(DOHLE_ERR_TOO_LARGE,
                         dh_codec_decompress(&fresh, dh_codec_find(id),
                                             dh_buf_view(&bench->packed), CAP, &frame));
        // The frame, the half as large one it grew from, and the codec's working memory.
        assert_in_range(bench->memory.bytes_peak - bytes_before, 0,
                        CAP / 2 * 3 + (300 << 10));
        dh_codec_context_deinit(&fresh);
        assert_int_equal(bytes_before, bench->memory.bytes);
    }
    free(zeros);
}

static void test_like_batches_allocate_nothing(void **state)
{
    struct bench *bench = *state;
    struct dh_random random = {4};
    uint8_t data[30000];
    struct dh_frame *frame;
    for (int id = DH_CODEC_GZIP; id < DH_CODEC_COUNT; id++) {
        size_t calls_before = 0;
        for (int round = 0; round < 20; round++) {
            fill(data, sizeof(data), 1, &random);
            dh_buf_reset(&bench->packed);
            assert_int_equal(0, dh_codec_compress(&bench->context, dh_codec_find(id),
                                                  DH_CODEC_LEVEL_DEFAULT,
                                                  (dohle_bytes){data, sizeof(data)},
                                                  &bench->packed));
            if (round == 3) {
                calls_before = bench->memory.calls;
            }
            assert_int_equal(0, dh_codec_decompress(&bench->context, dh_codec_find(id),
                                                    dh_buf_view(&bench->packed), 1 << 20,
                                                    &frame));
            dh_frame_pool_put(&bench->pool, frame);
        }
        assert_int_equal(calls_before, bench->memory.calls);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    struct bench *bench = *state;
    struct dh_random random = {5};
    uint8_t data[20000];
    fill(data, sizeof(data), 1, &random);
    for (int id = DH_CODEC_GZIP; id < DH_CODEC_COUNT; id++) {
        int err = DOHLE_ERR_NO_MEMORY;
        for (size_t fail_at = 1; err != 0; fail_at++) {
            struct test_memory memory;
            test_memory_init(&memory);
            memory.fail_at = fail_at;
            struct dh_codec_context context;
            dh_codec_context_init(&context, &memory.allocator, NULL);
            struct dh_buf packed;
            dh_buf_init(&packed, &memory.allocator, 0);
            struct dh_frame *frame = NULL;
            err = dh_codec_compress(&context, dh_codec_find(id), DH_CODEC_LEVEL_DEFAULT,
                                    (dohle_bytes){data, sizeof(data)}, &packed);
            assert_true(err == 0 || packed.size == 0);
            if (err == 0) {
                err = dh_codec_decompress(&context, dh_codec_find(id),
                                          dh_buf_view(&packed), sizeof(data), &frame);
            }
            assert_true(err == 0 || err == DOHLE_ERR_NO_MEMORY);
            dh_frame_drop(frame);
            dh_buf_deinit(&packed);
            dh_codec_context_deinit(&context);
            assert_int_equal(0, memory.bytes);
        }
    }
    (void)bench;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_goes_in_comes_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_level_works, set_up, tear_down),
        cmocka_unit_test(test_codecs_are_found_by_id_and_name),
        cmocka_unit_test_setup_teardown(test_odd_input, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_garbage_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_bomb_stops_at_the_cap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_like_batches_allocate_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
