// SPDX-License-Identifier: MIT
/*
 * Batches of any magic and codec. The input is the `records` field of a Fetch
 * response behind one byte: 'c' skips batches with a wrong checksum, any other
 * reads them as with check.crcs=false, which reaches further.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "record/batch.h"
#include "record/codec.h"
#include "record/iterator.h"

#define SIZE_MAX_DECOMPRESSED ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sum; // so that every byte handed out is really read

static void touch(dohle_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        sum += bytes.data[i];
    }
}

static void read_records(const struct dh_batch *batch, dohle_bytes payload)
{
    struct dh_record_iterator iterator;
    if (dh_record_iterator_init(&iterator, batch, payload) != 0) {
        return;
    }
    dohle_record record;
    dh_record_iterator_prepare(&iterator, &record, "topic", 0);
    int64_t last_offset = -1;
    int result;
    while ((result = dh_record_iterator_next(&iterator, &record)) == 1) {
        DH_ASSERT(record.offset > last_offset);
        DH_ASSERT(record.offset <= batch->last_offset);
        last_offset = record.offset;
        touch(record.key);
        touch(record.value);
        dohle_bytes headers = record.headers;
        dohle_header header;
        for (int32_t i = 0; i < record.header_count; i++) {
            DH_ASSERT(dohle_header_next(&headers, &header) == 1);
            touch(header.name);
            touch(header.value);
        }
        DH_ASSERT(dohle_header_next(&headers, &header) == 0 && headers.size == 0);
        (void)!dh_record_control_type(&record);
    }
    DH_ASSERT(dh_record_iterator_next(&iterator, &record) == result);
}

static void read_batch(const struct dh_batch *batch)
{
    if (batch->codec == DH_CODEC_NONE) {
        read_records(batch, batch->payload);
        return;
    }
    const struct dh_codec *codec = dh_codec_find(batch->codec);
    if (codec == NULL) {
        return;
    }
    struct dh_codec_context context;
    dh_codec_context_init(&context, dh_mem_default(), NULL);
    struct dh_frame *frame;
    if (dh_codec_decompress(&context, codec, batch->payload, SIZE_MAX_DECOMPRESSED,
                            &frame) == 0) {
        DH_ASSERT(frame->size <= SIZE_MAX_DECOMPRESSED);
        read_records(batch, (dohle_bytes){frame->data, frame->size});
        dh_frame_drop(frame);
    }
    dh_codec_context_deinit(&context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    bool checks_crcs = data[0] == 'c';
    // A copy that ends where its heap block ends.
    uint8_t *copy = malloc(size);
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, data + 1, size - 1);
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){copy, size - 1});
    struct dh_batch batch;
    while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
        if (!checks_crcs || dh_batch_check_crc(&batch) == 0) {
            read_batch(&batch);
        }
    }
    free(copy);
    return 0;
}
