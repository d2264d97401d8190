// SPDX-License-Identifier: MIT
#include "broker/batch_check.h"

#include <stdarg.h>
#include <stdio.h>

#include <dohle/error.h>
#include <dohle/record.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "record/iterator.h"
#include "wire/gen/broker_errors.h"

// Where things are in a batch (record/batch.h).
enum {
    AT_LENGTH = 8,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_LAST_OFFSET_DELTA = 23,
    AT_MAX_TIMESTAMP = 35,
    AT_RECORD_COUNT = 57,
};

#define LENGTH_MIN        14 // a message of magic 0 with null key and value
#define CODEC_MASK        0x07
#define APPEND_TIME       0x08
#define VERSION_WITH_ZSTD 7
#define TEXT_SIZE_MAX     1200
#define TEXT_ERRORS_MAX   3 // as many records as Kafka's text names

struct check {
    const struct dh_broker_batch_rules *rules;
    struct dh_codec_context *codecs;
    struct dh_arena *arena;
    uint8_t *bytes; // of the first batch
    size_t size;
    int16_t timestamp_error_code; // the last of them; 0: none
    int64_t max_timestamp_ms;
    struct dh_broker_batch_verdict *verdict;
};

// ---- Numbers in place ----

static uint64_t get_number(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static int32_t get_int32(const uint8_t *at)
{
    return (int32_t)(uint32_t)get_number(at, 4);
}

static void put_number(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0; value >>= 8) {
        at[i] = (uint8_t)value;
    }
}

static uint32_t put_crc(uint8_t *bytes, size_t size)
{
    uint32_t crc = dh_crc32c(bytes + AT_ATTRIBUTES, size - AT_ATTRIBUTES);
    put_number(bytes + AT_CRC, crc, 4);
    return crc;
}

// ---- Refusals ----

static int refuse(struct check *check, int16_t broker_code, dohle_bytes text)
{
    check->verdict->broker_code = broker_code;
    check->verdict->text = text;
    return DOHLE_ERR_INVALID_ARGUMENT;
}

static int refuse_text(struct check *check, int16_t broker_code, const char *text)
{
    return refuse(check, broker_code, dh_bytes_of(text));
}

// A text in the arena; null: no memory.
static dohle_bytes print(struct dh_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static dohle_bytes print(struct dh_arena *arena, const char *format, ...)
{
    char text[TEXT_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (size < 0) {
        return DH_BYTES_NULL;
    }
    size_t used = (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1;
    uint8_t *copy = dh_arena_alloc(arena, used);
    if (copy == NULL) {
        return DH_BYTES_NULL;
    }
    memcpy(copy, text, used);
    return (dohle_bytes){copy, used};
}

// ---- The steps; each returns 0, DOHLE_ERR_INVALID_ARGUMENT (refused) or NO_MEMORY ----

enum framing {
    FRAMING_WHOLE,
    FRAMING_CUT_OFF, // or nothing at all
    FRAMING_NONSENSE,
};

// As ByteBufferLogInputStream does it.
static enum framing frame_batch(const uint8_t *bytes, size_t left, size_t *size)
{
    if (left <= AT_MAGIC) {
        return FRAMING_CUT_OFF;
    }
    int32_t length = get_int32(bytes + AT_LENGTH);
    if (length < LENGTH_MIN || bytes[AT_MAGIC] > 2) {
        return FRAMING_NONSENSE;
    }
    *size = DH_BATCH_PREFIX_SIZE + (size_t)length;
    return *size <= left ? FRAMING_WHOLE : FRAMING_CUT_OFF;
}

static int check_framing(struct check *check, size_t left)
{
    size_t next_size;
    switch (frame_batch(check->bytes, left, &check->size)) {
    case FRAMING_WHOLE: break;
    case FRAMING_CUT_OFF:
        return refuse_text(check, DH_BROKER_INVALID_RECORD,
                           "a produce request must have one record batch per partition");
    case FRAMING_NONSENSE:
        return refuse_text(check, DH_BROKER_CORRUPT_MESSAGE,
                           "the length or the magic of the record batch is impossible");
    }
    if (check->bytes[AT_MAGIC] != 2) {
        return refuse_text(check, DH_BROKER_INVALID_RECORD,
                           "only record batches with magic version 2 are accepted");
    }
    if (check->size < DH_BATCH_HEADER_SIZE) {
        return refuse_text(check, DH_BROKER_CORRUPT_MESSAGE,
                           "the record batch is shorter than its header");
    }
    int codec = (int)get_number(check->bytes + AT_ATTRIBUTES, 2) & CODEC_MASK;
    if ((codec == DH_CODEC_ZSTD && check->rules->produce_version < VERSION_WITH_ZSTD) ||
        codec >= DH_CODEC_COUNT) {
        return refuse(check, DH_BROKER_UNSUPPORTED_COMPRESSION_TYPE, DH_BYTES_NULL);
    }
    switch (frame_batch(check->bytes + check->size, left - check->size, &next_size)) {
    case FRAMING_WHOLE:
        return refuse_text(check, DH_BROKER_INVALID_RECORD,
                           "a produce request must have exactly one record batch per "
                           "partition");
    case FRAMING_CUT_OFF: break;
    case FRAMING_NONSENSE: return refuse(check, DH_BROKER_CORRUPT_MESSAGE, DH_BYTES_NULL);
    }
    return 0;
}

static int check_header(struct check *check)
{
    const struct dh_broker_batch_rules *rules = check->rules;
    const uint8_t *bytes = check->bytes;
    if (get_number(bytes, 8) != 0) {
        return refuse_text(check, DH_BROKER_INVALID_RECORD,
                           "the base offset of the record batch must be 0");
    }
    if ((int64_t)check->size > rules->size_max) {
        return refuse(check, DH_BROKER_MESSAGE_TOO_LARGE, DH_BYTES_NULL);
    }
    if (dh_crc32c(bytes + AT_ATTRIBUTES, check->size - AT_ATTRIBUTES) !=
        (uint32_t)get_number(bytes + AT_CRC, 4)) {
        return refuse(check, DH_BROKER_CORRUPT_MESSAGE, DH_BYTES_NULL);
    }
    if ((int64_t)check->size > rules->segment_max) {
        return refuse(check, DH_BROKER_RECORD_LIST_TOO_LARGE, DH_BYTES_NULL);
    }
    int32_t last_offset_delta = get_int32(bytes + AT_LAST_OFFSET_DELTA);
    int32_t record_count = get_int32(bytes + AT_RECORD_COUNT);
    if (record_count <= 0 || last_offset_delta != record_count - 1) {
        return refuse_text(check, DH_BROKER_INVALID_RECORD,
                           "the range of offsets and the count of records of the record "
                           "batch do not fit");
    }
    return 0;
}

static int check_kind(struct check *check)
{
    const struct dh_batch *batch = &check->verdict->batch;
    if (batch->is_control) {
        return refuse_text(check, DH_BROKER_INVALID_RECORD,
                           "Clients are not allowed to write control records");
    }
    if (batch->producer_id >= 0 && batch->base_sequence < 0) {
        return refuse_text(check, DH_BROKER_INVALID_RECORD,
                           "the record batch has a producer id and no sequence number");
    }
    if (batch->is_transactional) {
        return refuse_text(check, DH_BROKER_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                           "this broker has no transactions");
    }
    return 0;
}

static int decompress(struct check *check)
{
    const struct dh_batch *batch = &check->verdict->batch;
    if (batch->codec == DH_CODEC_NONE) {
        return 0;
    }
    int err =
        dh_codec_decompress(check->codecs, dh_codec_find(batch->codec), batch->payload,
                            DH_BROKER_DECOMPRESSED_BYTES_MAX, &check->verdict->plain);
    if (err == 0 || err == DOHLE_ERR_NO_MEMORY) {
        return err;
    }
    if (err == DOHLE_ERR_TOO_LARGE) {
        return refuse_text(
            check, DH_BROKER_MESSAGE_TOO_LARGE,
            "the record batch decompresses to more than this broker allows");
    }
    return refuse_text(check, DH_BROKER_INVALID_RECORD,
                       "the record batch does not decompress");
}

static int add_record_error(struct check *check, int32_t index, dohle_bytes text)
{
    struct dh_broker_batch_verdict *verdict = check->verdict;
    if (text.data == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (verdict->record_errors == NULL) {
        int32_t count = verdict->batch.record_count;
        verdict->record_errors = dh_arena_calloc(
            check->arena,
            (size_t)(count < DH_BROKER_RECORD_ERRORS_MAX ? count
                                                         : DH_BROKER_RECORD_ERRORS_MAX),
            sizeof(*verdict->record_errors));
        if (verdict->record_errors == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    dh_broker_record_error *error =
        &verdict->record_errors[verdict->record_error_count++];
    error->batch_index = index;
    error->batch_index_error_message = text;
    return 0;
}

static int check_time(struct check *check, const dohle_record *record, int32_t index)
{
    const struct dh_broker_batch_rules *rules = check->rules;
    int64_t time_ms = record->timestamp_ms;
    // No sum overflows: the wall clock is not negative, nor are the bounds.
    int64_t least = rules->wall_ms - rules->before_max_ms;
    int64_t most = rules->after_max_ms > INT64_MAX - rules->wall_ms
                       ? INT64_MAX
                       : rules->wall_ms + rules->after_max_ms;
    bool is_producers = !rules->is_append_time && time_ms != -1;
    dohle_bytes text;
    if (is_producers && (time_ms < least || time_ms > most)) {
        text = print(check->arena,
                     "Timestamp %lld of message with offset %lld is out of range. The "
                     "timestamp should be within [%lld, %lld]",
                     (long long)time_ms, (long long)record->offset, (long long)least,
                     (long long)most);
    } else if (!is_producers &&
               check->verdict->batch.timestamp_type == DOHLE_TIMESTAMP_LOG_APPEND) {
        text = print(check->arena,
                     "Invalid timestamp type in message %lld. Producer should not set "
                     "timestamp type to LogAppendTime.",
                     (long long)record->offset);
    } else {
        return 0;
    }
    check->timestamp_error_code = DH_BROKER_INVALID_TIMESTAMP;
    return add_record_error(check, index, text);
}

static int check_record(struct check *check, const dohle_record *record, int32_t index)
{
    if (record->timestamp_ms > check->max_timestamp_ms) {
        check->max_timestamp_ms = record->timestamp_ms;
    }
    if (check->rules->is_compacted && record->key.data == NULL) {
        return add_record_error(check, index,
                                print(check->arena,
                                      "Compacted topic cannot accept message without key "
                                      "in topic partition %s-%d.",
                                      check->rules->topic, check->rules->partition));
    }
    return check_time(check, record, index);
}

// Texts as in Kafka, which tests of clients compare.
static int refuse_records(struct check *check)
{
    struct dh_broker_batch_verdict *verdict = check->verdict;
    if (check->timestamp_error_code != 0) {
        return refuse_text(check, check->timestamp_error_code,
                           "One or more records have been rejected due to invalid "
                           "timestamp");
    }
    char shown[TEXT_SIZE_MAX] = "";
    size_t used = 0;
    for (int32_t i = 0; i < verdict->record_error_count && i < TEXT_ERRORS_MAX; i++) {
        const dh_broker_record_error *error = &verdict->record_errors[i];
        int size =
            snprintf(shown + used, sizeof(shown) - used,
                     "%sRecordError(batchIndex=%d, message='%.*s')", i == 0 ? "" : ", ",
                     error->batch_index, (int)error->batch_index_error_message.size,
                     (const char *)error->batch_index_error_message.data);
        used += size < 0 ? 0 : (size_t)size;
        if (used >= sizeof(shown)) {
            break;
        }
    }
    dohle_bytes text = print(check->arena,
                             "One or more records have been rejected due to %d record "
                             "errors in total, and only showing the first three errors "
                             "at most: [%s]",
                             verdict->record_error_count, shown);
    return text.data == NULL ? DOHLE_ERR_NO_MEMORY
                             : refuse(check, DH_BROKER_INVALID_RECORD, text);
}

static dohle_bytes plain_payload(const struct dh_broker_batch_verdict *verdict)
{
    return verdict->plain == NULL
               ? verdict->batch.payload
               : (dohle_bytes){verdict->plain->data, verdict->plain->size};
}

static int check_records(struct check *check)
{
    struct dh_broker_batch_verdict *verdict = check->verdict;
    dohle_bytes payload = plain_payload(verdict);
    struct dh_record_iterator iterator;
    dohle_record record = {.offset = 0};
    int err = dh_record_iterator_init(&iterator, &verdict->batch, payload);
    DH_ASSERT(err == 0); // Fails for the old formats alone.
    int found;
    for (int32_t i = 0; (found = dh_record_iterator_next(&iterator, &record)) == 1; i++) {
        err = check_record(check, &record, i);
        if (err != 0) {
            return err;
        }
        if (verdict->record_error_count == DH_BROKER_RECORD_ERRORS_MAX) {
            break;
        }
    }
    if (found < 0) {
        return refuse_text(check, DH_BROKER_INVALID_RECORD,
                           "a record of the record batch does not parse");
    }
    return verdict->record_error_count == 0 ? 0 : refuse_records(check);
}

// The producer's times, and the greatest of them; the checksum only when that is news.
static void stamp(struct check *check)
{
    struct dh_batch *batch = &check->verdict->batch;
    if (batch->max_timestamp_ms == check->max_timestamp_ms &&
        batch->timestamp_type == DOHLE_TIMESTAMP_CREATE) {
        return;
    }
    uint8_t *bytes = check->bytes;
    uint64_t attributes = get_number(bytes + AT_ATTRIBUTES, 2) & ~(uint64_t)APPEND_TIME;
    put_number(bytes + AT_ATTRIBUTES, attributes, 2);
    put_number(bytes + AT_MAX_TIMESTAMP, (uint64_t)check->max_timestamp_ms, 8);
    batch->max_timestamp_ms = check->max_timestamp_ms;
    batch->timestamp_type = DOHLE_TIMESTAMP_CREATE;
    batch->crc = put_crc(bytes, check->size);
}

static int run(struct check *check, size_t size)
{
    int err = check_framing(check, size);
    if (err == 0) {
        err = check_header(check);
    }
    if (err != 0) {
        return err;
    }
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){check->bytes, check->size});
    int found = dh_batch_next(&reader, &check->verdict->batch);
    DH_ASSERT(found == DH_BATCH_FOUND); // All that it looks at was checked.
    err = check_kind(check);
    if (err == 0) {
        err = decompress(check);
    }
    if (err == 0) {
        err = check_records(check);
    }
    return err;
}

int dh_broker_batch_check(const struct dh_broker_batch_rules *rules,
                          struct dh_codec_context *codecs, struct dh_arena *arena,
                          uint8_t *records, size_t size,
                          struct dh_broker_batch_verdict *verdict)
{
    *verdict = (struct dh_broker_batch_verdict){.broker_code = 0};
    struct check check = {
        .rules = rules,
        .codecs = codecs,
        .arena = arena,
        .bytes = records,
        .max_timestamp_ms = -1,
        .verdict = verdict,
    };
    int err = run(&check, size);
    if (err == 0) {
        if (!rules->is_append_time) { // Else the log stamps it.
            stamp(&check);
        }
        return 0;
    }
    dh_frame_drop(verdict->plain);
    verdict->plain = NULL;
    return err == DOHLE_ERR_NO_MEMORY ? err : 0;
}

int dh_broker_batch_recompress(const struct dh_broker_batch_verdict *verdict,
                               struct dh_codec_context *codecs,
                               const struct dh_codec *codec, struct dh_buf *out)
{
    size_t start = out->size;
    dohle_bytes payload = plain_payload(verdict);
    dh_buf_append(out, verdict->batch.bytes.data, DH_BATCH_HEADER_SIZE);
    if (codec->id == DH_CODEC_NONE) {
        dh_buf_append(out, payload.data, payload.size);
    } else if (out->err == 0) {
        int err = dh_codec_compress(codecs, codec, DH_CODEC_LEVEL_DEFAULT, payload, out);
        if (err != 0) {
            return err;
        }
    }
    if (out->err != 0) {
        return out->err;
    }
    uint8_t *bytes = out->data + start;
    size_t size = out->size - start;
    uint64_t attributes = get_number(bytes + AT_ATTRIBUTES, 2);
    put_number(bytes + AT_ATTRIBUTES,
               (attributes & ~(uint64_t)CODEC_MASK) | (uint64_t)codec->id, 2);
    put_number(bytes + AT_LENGTH, size - DH_BATCH_PREFIX_SIZE, 4);
    (void)put_crc(bytes, size);
    return 0;
}
