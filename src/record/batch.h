// SPDX-License-Identifier: MIT
/*
 * Batches of records as they lie in a Fetch response, a Produce request or a
 * log file: batches back to back, the last one possibly cut off. A batch is
 * looked at where it is; nothing is copied.
 *
 * Record batch, magic 2. All numbers are big-endian.
 *
 *     offset size field
 *      0     8    base offset              of the first record that was ever in it
 *      8     4    length                   of all that follows this field
 *     12     4    partition leader epoch
 *     16     1    magic                    2
 *     17     4    CRC-32C                  over everything behind it, 21 to the end
 *     21     2    attributes               bits 0-2 codec, 3 timestamp is the append
 *                                          time, 4 transactional, 5 control,
 *                                          6 base timestamp is a delete horizon
 *     23     4    last offset delta        kept by compaction
 *     27     8    base timestamp
 *     35     8    max timestamp
 *     43     8    producer id              -1: none
 *     51     2    producer epoch
 *     53     4    base sequence
 *     57     4    count of records         0: compacted away
 *     61     .    records                  record/iterator.h; one compressed piece
 *                                          when there is a codec
 *
 * Message, magic 0 and 1. Each one is a batch of its own here; a compressed one
 * (a wrapper) holds further messages in its value.
 *
 *      0     8    offset                   wrapper: of the last message inside
 *      8     4    length                   of all that follows this field
 *     12     4    CRC-32 (gzip's)          over everything behind it, 16 to the end
 *     16     1    magic                    0 or 1
 *     17     1    attributes               bits 0-2 codec, 3 append time (magic 1)
 *     18     8    timestamp                only magic 1
 *      .     4    size of the key          -1: null
 *      .     .    key
 *      .     4    size of the value        -1: null
 *      .     .    value
 *
 * Invariants of a batch that was found: `bytes` lies inside what was read;
 * 0 <= base_offset <= last_offset, or base_offset -1 (wrapper).
 *
 * Not here: decompression (record/codec.h), records (record/iterator.h).
 * Source: DefaultRecordBatch, LegacyRecord, ByteBufferLogInputStream in Apache
 * Kafka 4.4; KIP-98, KIP-32.
 */
#ifndef DH_RECORD_BATCH_H
#define DH_RECORD_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/record.h>
#include <dohle/types.h>

#include "base/assert.h"
#include "wire/reader.h"

#define DH_BATCH_HEADER_SIZE 61 // magic 2
#define DH_BATCH_PREFIX_SIZE 12 // base offset and length, outside the length

struct dh_batch {
    int64_t base_offset; // -1: a wrapper, known once it is decompressed
    int64_t last_offset; // of the last record that was ever in it
    int64_t base_timestamp_ms;
    int64_t max_timestamp_ms; // -1: none (magic 0)
    int64_t producer_id;      // -1: none
    int32_t leader_epoch;     // -1: unknown (magic 0 and 1)
    int32_t base_sequence;    // -1: none
    int32_t record_count;     // -1: unknown (wrapper)
    int16_t producer_epoch;   // -1: none
    int8_t magic;             // 0, 1 or 2
    int8_t codec;             // enum dh_codec_id, 5-7 as they came; 0: not compressed
    int8_t timestamp_type;    // enum dohle_timestamp_type
    bool is_transactional;
    bool is_control;
    uint32_t crc;
    dohle_bytes bytes;   // the whole batch, header included
    dohle_bytes payload; // what the iterator reads, or what the codec decompresses
};

// What dh_batch_next found.
enum dh_batch_result {
    // Nothing more, or a cut-off batch behind a whole one, which is normal.
    DH_BATCH_END = 0,
    // *batch is filled.
    DH_BATCH_FOUND = 1,
    // The very first batch is cut off. Brokers send the first batch whole since
    // Kafka 0.10.1 (KIP-74); before that it meant that the fetch was too small.
    DH_BATCH_INCOMPLETE = 2,
};

/*
 * Takes one batch off the front of the reader, which runs over the bytes of
 * one `records` field. Returns an enum dh_batch_result, or DOHLE_ERR_CORRUPT
 * when the header makes no sense: the reader is then at its end, and
 * batch->base_offset is what the bytes say (-1: not even that). The batch is
 * valid as long as the reader's bytes.
 */
DH_MUST_CHECK int dh_batch_next(struct dh_reader *reader, struct dh_batch *batch);

// Returns 0 or DOHLE_ERR_CORRUPT. A wrapper's checksum covers its content.
DH_MUST_CHECK int dh_batch_check_crc(const struct dh_batch *batch);

#endif
