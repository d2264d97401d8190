// SPDX-License-Identifier: MIT
// Reads tests/golden/batches.txt, made by Kafka's own encoder: GoldenBatches.java says how.
#include "../test.h"

#include <errno.h>
#include <stdio.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "record/batch.h"
#include "record/batch_writer.h"
#include "record/codec.h"
#include "record/iterator.h"

#define SIZE_MAX_DECOMPRESSED ((size_t)4 * 1024 * 1024)

struct golden {
    char *text;     // the whole file
    uint8_t *bytes; // of the batch at hand
    size_t size;
    struct test_memory memory;
    struct dh_frame_pool pool;
    struct dh_codec_context context;
};

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(0, fseek(file, 0, SEEK_END));
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(size, fread(text, 1, (size_t)size, file));
    text[size] = '\0';
    fclose(file);
    return text;
}

static int set_up(void **state)
{
    struct golden *golden = calloc(1, sizeof(*golden));
    assert_non_null(golden);
    golden->text = read_file(DOHLE_TESTS_DIR "/golden/batches.txt");
    golden->bytes = malloc(strlen(golden->text));
    assert_non_null(golden->bytes);
    test_memory_init(&golden->memory);
    dh_frame_pool_init(&golden->pool, &golden->memory.allocator, 16 << 20);
    dh_codec_context_init(&golden->context, &golden->memory.allocator, &golden->pool);
    *state = golden;
    return 0;
}

static int tear_down(void **state)
{
    struct golden *golden = *state;
    dh_codec_context_deinit(&golden->context);
    dh_frame_pool_deinit(&golden->pool);
    assert_int_equal(0, golden->memory.bytes);
    free(golden->bytes);
    free(golden->text);
    free(golden);
    return 0;
}

static int nibble(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

static size_t decode_hex(const char *hex, size_t digit_count, uint8_t *out)
{
    for (size_t i = 0; i < digit_count / 2; i++) {
        out[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    }
    return digit_count / 2;
}

// Compares bytes with their notation in the file, of which `word` is the beginning.
static void assert_is(const char *word, size_t word_size, dohle_bytes actual)
{
    if (word_size == 1 && word[0] == '-') {
        assert_null(actual.data);
        assert_int_equal(0, actual.size);
        return;
    }
    assert_non_null(actual.data);
    if (word_size == 1 && word[0] == '.') {
        assert_int_equal(0, actual.size);
        return;
    }
    size_t digit_count = strspn(word, "0123456789abcdef");
    size_t count =
        word[digit_count] == '*' ? strtoul(word + digit_count + 1, NULL, 10) : 1;
    uint8_t *pattern = malloc(digit_count / 2 + 1);
    size_t size = decode_hex(word, digit_count, pattern);
    assert_int_equal(size * count, actual.size);
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(pattern, actual.data + i * size, size);
    }
    free(pattern);
}

static void assert_headers_are(char *words, const dohle_record *record)
{
    dohle_bytes headers = record->headers;
    int32_t count = 0;
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        dohle_header header;
        assert_int_equal(1, dohle_header_next(&headers, &header));
        size_t name_size = strcspn(word, "=");
        assert_is(word, name_size, header.name);
        assert_is(word + name_size + 1, strlen(word + name_size + 1), header.value);
        count++;
    }
    dohle_header header;
    assert_int_equal(0, dohle_header_next(&headers, &header));
    assert_int_equal(count, record->header_count);
}

static void assert_record_is(char *line, const dohle_record *record)
{
    long long offset;
    long long timestamp_ms;
    int timestamp_type;
    int at = 0;
    assert_int_equal(3, sscanf(line, "record %lld %lld %d %n", &offset, &timestamp_ms,
                               &timestamp_type, &at));
    assert_int_equal(offset, record->offset);
    assert_int_equal(timestamp_ms, record->timestamp_ms);
    assert_int_equal(timestamp_type, record->timestamp_type);
    char *key = line + at;
    size_t key_size = strcspn(key, " ");
    assert_is(key, key_size, record->key);
    char *value = key + key_size + 1;
    size_t value_size = strcspn(value, " ");
    assert_is(value, value_size, record->value);
    char *headers = value + value_size;
    assert_headers_are(headers, record);
}

static void assert_batch_is(const char *line, struct golden *golden,
                            struct dh_batch *batch)
{
    int magic, codec, producer_epoch, sequence, leader_epoch, transactional, control;
    long long base, last, producer_id;
    int at = 0;
    assert_int_equal(10,
                     sscanf(line, "batch %d %d %lld %lld %lld %d %d %d %d %d %n", &magic,
                            &codec, &base, &last, &producer_id, &producer_epoch,
                            &sequence, &leader_epoch, &transactional, &control, &at));
    golden->size = decode_hex(line + at, strcspn(line + at, " \n"), golden->bytes);
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){golden->bytes, golden->size});
    assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, batch));
    assert_int_equal(golden->size, reader.offset);
    assert_int_equal(0, dh_batch_check_crc(batch));
    assert_int_equal(magic, batch->magic);
    assert_int_equal(codec, batch->codec);
    assert_int_equal(base, batch->base_offset);
    assert_int_equal(last, batch->last_offset);
    assert_int_equal(producer_id, batch->producer_id);
    assert_int_equal(producer_epoch, batch->producer_epoch);
    assert_int_equal(sequence, batch->base_sequence);
    assert_int_equal(leader_epoch, batch->leader_epoch);
    assert_int_equal(transactional, batch->is_transactional);
    assert_int_equal(control, batch->is_control);
}

// Decompresses if needed; *frame is NULL or to be put back.
static int open_batch(struct golden *golden, const struct dh_batch *batch,
                      size_t size_max, struct dh_record_iterator *iterator,
                      struct dh_frame **frame)
{
    *frame = NULL;
    dohle_bytes payload = batch->payload;
    if (batch->codec != 0 && batch->record_count != 0) {
        const struct dh_codec *codec = dh_codec_find(batch->codec);
        if (codec == NULL) {
            return DOHLE_ERR_UNSUPPORTED_CODEC;
        }
        int err = dh_codec_decompress(&golden->context, codec, payload, size_max, frame);
        if (err != 0) {
            return err;
        }
        payload = (dohle_bytes){(*frame)->data, (*frame)->size};
    }
    int err = dh_record_iterator_init(iterator, batch, payload);
    if (err != 0) {
        dh_frame_pool_put(&golden->pool, *frame);
        *frame = NULL;
    }
    return err;
}

// Walks the file, batch by batch, and calls visit with each batch once it was compared.
static void each_batch(struct golden *golden,
                       void (*visit)(struct golden *, const struct dh_batch *))
{
    char *next_line = golden->text;
    struct dh_batch batch;
    struct dh_record_iterator iterator;
    struct dh_frame *frame = NULL;
    bool is_open = false;
    dohle_record record;
    while (*next_line != '\0') {
        char *line = next_line;
        next_line += strcspn(line, "\n");
        *next_line++ = '\0';
        if (is_open && strncmp(line, "record", 6) != 0) {
            assert_int_equal(0, dh_record_iterator_next(&iterator, &record));
            dh_frame_pool_put(&golden->pool, frame);
            visit(golden, &batch);
            is_open = false;
        }
        if (strncmp(line, "batch", 5) == 0) {
            assert_batch_is(line, golden, &batch);
            assert_int_equal(
                0, open_batch(golden, &batch, SIZE_MAX_DECOMPRESSED, &iterator, &frame));
            is_open = true;
        } else if (strncmp(line, "record", 6) == 0) {
            dh_record_iterator_prepare(&iterator, &record, "topic", 3);
            assert_int_equal(1, dh_record_iterator_next(&iterator, &record));
            assert_string_equal("topic", record.topic);
            assert_int_equal(3, record.partition);
            assert_int_equal(batch.leader_epoch, record.leader_epoch);
            assert_record_is(line, &record);
        }
    }
    assert_int_equal(0, dh_record_iterator_next(&iterator, &record));
    dh_frame_pool_put(&golden->pool, frame);
    visit(golden, &batch);
}

static void count_control(struct golden *golden, const struct dh_batch *batch)
{
    if (!batch->is_control) {
        return;
    }
    struct dh_record_iterator iterator;
    struct dh_frame *frame;
    assert_int_equal(0, open_batch(golden, batch, 100, &iterator, &frame));
    dohle_record record;
    assert_int_equal(1, dh_record_iterator_next(&iterator, &record));
    int type = dh_record_control_type(&record);
    assert_true(type == DH_CONTROL_ABORT || type == DH_CONTROL_COMMIT);
}

//
static void test_kafkas_own_batches_come_out_as_kafka_reads_them(void **state)
{
    each_batch(*state, count_control);
}

// Reads all there is in damaged bytes. The only demand is that nothing breaks.
static int read_all(struct golden *golden, dohle_bytes bytes, bool check_crcs)
{
    struct dh_reader reader;
    dh_reader_init(&reader, bytes);
    struct dh_batch batch;
    int result = dh_batch_next(&reader, &batch);
    if (result != DH_BATCH_FOUND) {
        return result;
    }
    if (check_crcs && dh_batch_check_crc(&batch) != 0) {
        return DOHLE_ERR_CORRUPT;
    }
    struct dh_record_iterator iterator;
    struct dh_frame *frame;
    int err = open_batch(golden, &batch, SIZE_MAX_DECOMPRESSED, &iterator, &frame);
    dohle_record record = {0};
    while (err == 0) {
        err = dh_record_iterator_next(&iterator, &record);
        if (err == 1) {
            dohle_header header;
            dohle_bytes headers = record.headers;
            for (int32_t i = 0; i < record.header_count; i++) {
                assert_int_equal(1, dohle_header_next(&headers, &header));
            }
            assert_int_equal(0, dohle_header_next(&headers, &header));
            err = 0;
        } else if (err == 0) {
            break;
        }
    }
    dh_frame_pool_put(&golden->pool, frame);
    return err;
}

// A copy that ends where the heap block ends, so that a sanitizer sees a step beyond.
static uint8_t *copy_of(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    memcpy(copy, data, size);
    return copy;
}

static void truncate_everywhere(struct golden *golden, const struct dh_batch *batch)
{
    for (size_t size = 0; size < batch->bytes.size; size++) {
        uint8_t *copy = copy_of(batch->bytes.data, size);
        int expected = size == 0 ? DH_BATCH_END : DH_BATCH_INCOMPLETE;
        assert_int_equal(expected, read_all(golden, (dohle_bytes){copy, size}, true));
        free(copy);
    }
}

static void test_each_truncation_is_incomplete(void **state)
{
    each_batch(*state, truncate_everywhere);
}

static void flip_everywhere(struct golden *golden, const struct dh_batch *batch)
{
    size_t size = batch->bytes.size;
    // The leader epoch and the base offset are the broker's to write, outside the checksum.
    size_t first_covered = batch->magic == 2 ? 16 : 12;
    uint8_t *copy = copy_of(batch->bytes.data, size);
    // Large ones with every bit would take minutes under a sanitizer.
    int bit_step = size > 600 ? 8 : 1;
    for (size_t i = 0; i < size; i++) {
        for (int bit = (int)(i % 8) % bit_step; bit < 8; bit += bit_step) {
            copy[i] ^= (uint8_t)(1 << bit);
            int result = read_all(golden, (dohle_bytes){copy, size}, true);
            if (i >= first_covered) {
                assert_int_equal(DOHLE_ERR_CORRUPT, result);
            }
            (void)read_all(golden, (dohle_bytes){copy, size}, false);
            copy[i] ^= (uint8_t)(1 << bit);
        }
    }
    free(copy);
}

// the checksum finds each; without it nothing breaks.
static void test_each_flipped_bit_is_found(void **state)
{
    each_batch(*state, flip_everywhere);
}

static void cap_exactly(struct golden *golden, const struct dh_batch *batch)
{
    if (batch->codec == 0) {
        return;
    }
    const struct dh_codec *codec = dh_codec_find(batch->codec);
    struct dh_frame *frame;
    assert_int_equal(0, dh_codec_decompress(&golden->context, codec, batch->payload,
                                            SIZE_MAX_DECOMPRESSED, &frame));
    size_t size = frame->size;
    dh_frame_drop(frame);

    assert_int_equal(
        0, dh_codec_decompress(&golden->context, codec, batch->payload, size, &frame));
    assert_int_equal(size, frame->size);
    dh_frame_drop(frame);

    assert_int_equal(
        DOHLE_ERR_TOO_LARGE,
        dh_codec_decompress(&golden->context, codec, batch->payload, size - 1, &frame));
    assert_null(frame);
}

static void test_the_cap_is_exact(void **state)
{
    each_batch(*state, cap_exactly);
}

static size_t collect_headers(const dohle_record *record, dohle_header *headers)
{
    dohle_bytes left = record->headers;
    size_t count = 0;
    while (dohle_header_next(&left, &headers[count]) == 1) {
        count++;
    }
    return count;
}

// The same records through our writer give the same bytes, up to how they are compressed.
static void write_again(struct golden *golden, const struct dh_batch *batch)
{
    bool is_dense = batch->record_count == batch->last_offset - batch->base_offset + 1;
    if (batch->magic != 2 || batch->timestamp_type != DOHLE_TIMESTAMP_CREATE ||
        !is_dense) {
        return;
    }
    struct dh_record_iterator iterator;
    struct dh_frame *frame;
    assert_int_equal(0,
                     open_batch(golden, batch, SIZE_MAX_DECOMPRESSED, &iterator, &frame));
    struct dh_batch_writer writer;
    dh_batch_writer_init(&writer, &golden->memory.allocator);
    dohle_record record;
    while (dh_record_iterator_next(&iterator, &record) == 1) {
        dohle_header headers[8];
        struct dh_record_input input = {
            .timestamp_ms = record.timestamp_ms,
            .key = record.key,
            .value = record.value,
            .headers = headers,
            .header_count = collect_headers(&record, headers),
        };
        assert_int_equal(0, dh_batch_writer_append(&writer, &input));
    }
    struct dh_batch_stamp stamp = {
        .base_offset = batch->base_offset,
        .producer_id = batch->producer_id,
        .base_sequence = batch->base_sequence,
        .leader_epoch = batch->leader_epoch,
        .producer_epoch = batch->producer_epoch,
        .is_transactional = batch->is_transactional,
        .is_control = batch->is_control,
    };
    dohle_bytes written;
    assert_int_equal(0, dh_batch_writer_finish(&writer, &golden->context,
                                               dh_codec_find(batch->codec),
                                               DH_CODEC_LEVEL_DEFAULT, &stamp, &written));
    if (batch->codec == 0) {
        assert_bytes_equal(batch->bytes, written);
    } else {
        struct dh_reader reader;
        dh_reader_init(&reader, written);
        struct dh_batch ours;
        assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, &ours));
        assert_int_equal(0, dh_batch_check_crc(&ours));
        assert_memory_equal(batch->bytes.data + 21, written.data + 21, 61 - 21);
        struct dh_frame *our_frame;
        assert_int_equal(0, dh_codec_decompress(&golden->context,
                                                dh_codec_find(ours.codec), ours.payload,
                                                SIZE_MAX_DECOMPRESSED, &our_frame));
        assert_bytes_equal(((dohle_bytes){frame->data, frame->size}),
                           ((dohle_bytes){our_frame->data, our_frame->size}));
        dh_frame_pool_put(&golden->pool, our_frame);
    }
    dh_batch_writer_deinit(&writer);
    dh_frame_pool_put(&golden->pool, frame);
}

static void test_our_writer_writes_what_kafkas_does(void **state)
{
    each_batch(*state, write_again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_kafkas_own_batches_come_out_as_kafka_reads_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_truncation_is_incomplete, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_each_flipped_bit_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_cap_is_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_our_writer_writes_what_kafkas_does, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
