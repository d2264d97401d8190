// SPDX-License-Identifier: MIT
/*
 * Writes batches of records (magic 2) for tests, well-formed unless told otherwise.
 * Record i has the offset base_offset + i, a null key and the value "v".
 */
#ifndef DH_TESTS_UNIT_CLIENT_BACK_BATCHES_H
#define DH_TESTS_UNIT_CLIENT_BACK_BATCHES_H

#include "../../test.h"

#include "base/buf.h"
#include "base/crc32c.h"
#include "record/codec.h"
#include "wire/writer.h"

struct test_batch {
    int64_t base_offset;
    int32_t last_delta;   // -1: record_count - 1
    int32_t record_count; // 0: compacted away
    int8_t codec;
    bool is_control;
    bool has_wrong_crc;
    int32_t leader_epoch;
    size_t value_size; // 0: 1
};

static inline void test_records_write(struct dh_writer *writer,
                                      const struct test_batch *batch)
{
    size_t value_size = batch->value_size == 0 ? 1 : batch->value_size;
    for (int32_t i = 0; i < batch->record_count; i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct dh_buf body;
        dh_buf_init(&body, &memory.allocator, 0);
        struct dh_writer inner;
        dh_writer_init(&inner, &body);
        dh_write_int8(&inner, 0);
        dh_write_varlong(&inner, 0);
        dh_write_varint(&inner, i);
        dh_write_varint(&inner, -1);
        dh_write_varint(&inner, (int32_t)value_size);
        for (size_t j = 0; j < value_size; j++) {
            dh_write_int8(&inner, 'v');
        }
        dh_write_varint(&inner, 0);
        dh_write_varint(writer, (int32_t)body.size);
        dh_write_bytes(writer, body.data, body.size);
        dh_buf_deinit(&body);
    }
}

static inline void test_batch_write(struct dh_buf *out, const struct test_batch *batch)
{
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_buf plain;
    struct dh_buf payload;
    struct dh_buf tail;
    dh_buf_init(&plain, &memory.allocator, 0);
    dh_buf_init(&payload, &memory.allocator, 0);
    dh_buf_init(&tail, &memory.allocator, 0);
    struct dh_writer writer;
    dh_writer_init(&writer, &plain);
    test_records_write(&writer, batch);
    const struct dh_codec *codec = dh_codec_find(batch->codec);
    if (batch->codec != DH_CODEC_NONE && codec != NULL) {
        struct dh_codec_context codecs;
        dh_codec_context_init(&codecs, &memory.allocator, NULL);
        assert_int_equal(0, dh_codec_compress(&codecs, codec, DH_CODEC_LEVEL_DEFAULT,
                                              dh_buf_view(&plain), &payload));
        dh_codec_context_deinit(&codecs);
    } else {
        dh_buf_append(&payload, plain.data, plain.size);
    }

    dh_writer_init(&writer, &tail); // what the checksum covers
    dh_write_int16(&writer, (int16_t)(batch->codec | (batch->is_control ? 0x20 : 0)));
    dh_write_int32(&writer,
                   batch->last_delta >= 0 ? batch->last_delta : batch->record_count - 1);
    dh_write_int64(&writer, 1000);
    dh_write_int64(&writer, 1000);
    dh_write_int64(&writer, -1);
    dh_write_int16(&writer, -1);
    dh_write_int32(&writer, -1);
    dh_write_int32(&writer, batch->record_count);
    dh_write_bytes(&writer, payload.data, payload.size);

    dh_writer_init(&writer, out);
    dh_write_int64(&writer, batch->base_offset);
    dh_write_int32(&writer, (int32_t)(9 + tail.size));
    dh_write_int32(&writer, batch->leader_epoch);
    dh_write_int8(&writer, 2);
    dh_write_uint32(&writer,
                    dh_crc32c(tail.data, tail.size) ^ (batch->has_wrong_crc ? 1U : 0U));
    dh_write_bytes(&writer, tail.data, tail.size);
    assert_int_equal(0, out->err);
    dh_buf_deinit(&plain);
    dh_buf_deinit(&payload);
    dh_buf_deinit(&tail);
    assert_int_equal(0, memory.bytes);
}

#endif
