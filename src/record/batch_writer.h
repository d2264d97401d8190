// SPDX-License-Identifier: MIT
/*
 * Builds record batches (magic 2; layouts in record/batch.h and iterator.h).
 *
 *     append, append, ... finish -> one batch, reset, append ...
 *
 * Records are encoded where they will be sent from: a batch without codec is
 * never copied, one with a codec is compressed once, into a second buffer. Both
 * buffers are kept over reset, so that a writer in use allocates nothing.
 *
 * Offsets in the batch are consecutive. Base timestamp is the first record's.
 *
 * Not here: when a batch is full (the producer's accumulator, with
 * dh_batch_writer_size_estimate), offsets of the log (the broker's).
 * Source: MemoryRecordsBuilder, DefaultRecord in Apache Kafka 4.4.
 */
#ifndef DH_RECORD_BATCH_WRITER_H
#define DH_RECORD_BATCH_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dohle/record.h>
#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"
#include "record/codec.h"

// What goes in. Everything is borrowed during the call.
struct dh_record_input {
    int64_t timestamp_ms;
    dohle_bytes key;   // data NULL: null
    dohle_bytes value; // data NULL: null
    const dohle_header *headers;
    size_t header_count;
};

// What the header says beside what the records say.
struct dh_batch_stamp {
    int64_t base_offset;    // 0 from a producer: the broker assigns
    int64_t producer_id;    // -1: none
    int32_t base_sequence;  // -1: none
    int32_t leader_epoch;   // -1 from a producer
    int16_t producer_epoch; // -1: none
    bool is_transactional;
    bool is_control;
};

// A producer's, neither idempotent nor transactional.
#define DH_BATCH_STAMP_PLAIN                                                             \
    ((struct dh_batch_stamp){.base_offset = 0,                                           \
                             .producer_id = -1,                                          \
                             .base_sequence = -1,                                        \
                             .leader_epoch = -1,                                         \
                             .producer_epoch = -1})

struct dh_batch_writer {
    struct dh_buf plain;  // room for the header, then the records
    struct dh_buf packed; // the same, compressed; empty without a codec
    int64_t base_timestamp_ms;
    int64_t max_timestamp_ms;
    int32_t record_count;
    bool is_finished; // until reset: no more appends
};

void dh_batch_writer_init(struct dh_batch_writer *writer, const dohle_allocator *mem);
void dh_batch_writer_deinit(struct dh_batch_writer *writer);

// Forgets the records, keeps the memory.
void dh_batch_writer_reset(struct dh_batch_writer *writer);

/*
 * Appends one record. Returns 0, DOHLE_ERR_NO_MEMORY, or DOHLE_ERR_TOO_LARGE when
 * a batch cannot hold it (its length is an int32); on failure nothing changed.
 */
DH_MUST_CHECK int dh_batch_writer_append(struct dh_batch_writer *writer,
                                         const struct dh_record_input *record);

/*
 * Compresses (codec NULL or "none": not), writes the header and its checksum.
 * At least one record was appended. Returns 0 with *batch valid until the next
 * reset or deinit, or DOHLE_ERR_NO_MEMORY or DOHLE_ERR_TOO_LARGE, after which it
 * may be tried again. context may be NULL without a codec.
 */
DH_MUST_CHECK int dh_batch_writer_finish(struct dh_batch_writer *writer,
                                         struct dh_codec_context *context,
                                         const struct dh_codec *codec, int32_t level,
                                         const struct dh_batch_stamp *stamp,
                                         dohle_bytes *batch);

/*
 * Stamps a finished batch anew, without compressing again: a producer that lost
 * its id sends the same records under another. Views given out stay valid.
 */
void dh_batch_writer_stamp(struct dh_batch_writer *writer,
                           const struct dh_batch_stamp *stamp);

// Bytes of the batch as it would be without compression; a header alone at first.
size_t dh_batch_writer_size(const struct dh_batch_writer *writer);

// Bytes that this record would add to that, at most a few more.
size_t dh_batch_writer_record_size(const struct dh_record_input *record);

/*
 * About how large the batch will be when `more` bytes are added and codec (NULL:
 * none) does as well as the last time: compare with batch.size.
 */
size_t dh_batch_writer_size_estimate(const struct dh_batch_writer *writer,
                                     const struct dh_codec_context *context,
                                     const struct dh_codec *codec, size_t more);

#endif
