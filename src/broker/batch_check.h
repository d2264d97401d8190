// SPDX-License-Identifier: MIT
/*
 * The checks of what a producer sends, one partition's records at a time: exactly one
 * batch of magic 2 that is what it says it is, down to its last record.
 *
 *     in this order                                          answered
 *     no whole batch                                         INVALID_RECORD
 *     impossible length or magic                             CORRUPT_MESSAGE
 *     magic 0 or 1; a second whole batch                     INVALID_RECORD
 *     zstd before Produce 7; a codec that nobody knows       UNSUPPORTED_COMPRESSION_TYPE
 *     base offset other than 0                               INVALID_RECORD
 *     larger than max.message.bytes                          MESSAGE_TOO_LARGE
 *     shorter than a header; wrong checksum                  CORRUPT_MESSAGE
 *     larger than segment.bytes                              RECORD_LIST_TOO_LARGE
 *     count and last offset delta differ, or are none        INVALID_RECORD
 *     a control batch; an id without a sequence              INVALID_RECORD
 *     a transaction's                 TRANSACTIONAL_ID_AUTHORIZATION_FAILED
 *     does not decompress; a record does not parse           INVALID_RECORD
 *     decompresses to more than the bound                    MESSAGE_TOO_LARGE
 *     a record without key for a compacted topic             INVALID_RECORD       \ with the
 *     a record's time too far from now, or said to be ours   INVALID_TIMESTAMP    / records
 *
 * What passes is stamped in place with the greatest time of its records, as the
 * producer's, unless the log stamps it with the time of its arrival. A cut-off batch
 * behind the first is left out, as in Kafka.
 *
 * A running Apache Kafka 4.4.0 answers UNKNOWN_SERVER_ERROR where it fails to decompress
 * and for unknown codecs; these codes say what is wrong, and are as final to clients.
 *
 * Not here: offsets, leader epoch, time of arrival, sequences (the store's).
 * Source: ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords,
 * LogValidator in Apache Kafka 4.4.
 */
#ifndef DH_BROKER_BATCH_CHECK_H
#define DH_BROKER_BATCH_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "record/batch.h"
#include "record/codec.h"
#include "wire/gen/produce.h"

// A batch of more than that is refused. Kafka has no bound here.
#define DH_BROKER_DECOMPRESSED_BYTES_MAX ((size_t)128 * 1024 * 1024)
// No more records than that are named in one answer.
#define DH_BROKER_RECORD_ERRORS_MAX 1000

struct dh_broker_batch_rules {
    const char *topic; // for texts
    int32_t partition;
    int16_t produce_version;
    int64_t size_max;    // max.message.bytes
    int64_t segment_max; // segment.bytes
    int64_t wall_ms;
    int64_t before_max_ms; // message.timestamp.before.max.ms
    int64_t after_max_ms;  // message.timestamp.after.max.ms
    bool is_append_time;
    bool is_compacted;
};

typedef struct dh_produce_response_response_partition_response_record_error
    dh_broker_record_error;

struct dh_broker_batch_verdict {
    int16_t broker_code; // 0: passes
    dohle_bytes text;    // for the answer, in the arena or static; null: none
    // In the arena.
    dh_broker_record_error *record_errors;
    int32_t record_error_count;
    // Of what passes.
    struct dh_batch batch; // its bytes are those that were checked
    struct dh_frame
        *plain; // its payload decompressed, the caller drops it; NULL: as it is
};

/*
 * records: of one partition of a request, in memory that is written to. Returns 0 with
 * *verdict, or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_broker_batch_check(const struct dh_broker_batch_rules *rules,
                                        struct dh_codec_context *codecs,
                                        struct dh_arena *arena, uint8_t *records,
                                        size_t size,
                                        struct dh_broker_batch_verdict *verdict);

/*
 * Appends the batch of a verdict to *out as compression.type wants it, with records,
 * times and sequence as they are. Returns 0, or the error of *out.
 */
DH_MUST_CHECK int
dh_broker_batch_recompress(const struct dh_broker_batch_verdict *verdict,
                           struct dh_codec_context *codecs, const struct dh_codec *codec,
                           struct dh_buf *out);

#endif
