// SPDX-License-Identifier: MIT
/*
 * The walk over the records of one batch, decompressed if it has to be. Records
 * are views into the payload: nothing is copied or allocated.
 *
 * Record, magic 2. "varint" is zigzag; sizes are varints.
 *
 *     length             varint    of all that follows
 *     attributes         int8      unused
 *     timestamp delta    varlong   to the batch's base timestamp
 *     offset delta       varint    to the batch's base offset
 *     size of the key    varint    -1: null
 *     key
 *     size of the value  varint    -1: null
 *     value
 *     count of headers   varint
 *     headers            each: size of the name, name, size of the value (-1: null), value
 *
 * Messages of magic 0 and 1 (layout in record/batch.h) come out of the same
 * two functions. In a wrapper of magic 1 offsets are relative and count up to
 * the wrapper's own; in one of magic 0 they are absolute.
 *
 * Checked for each record, so that nobody behind has to: it lies inside the
 * payload and is used up to its last byte; offsets ascend and stay within the
 * batch; header sizes fit. Checked at the end: the count, and that no bytes are
 * left over. What fails a check is DOHLE_ERR_CORRUPT; records before it stay
 * good. Checksums are dh_batch_check_crc's business; those of messages inside
 * a wrapper, whose own covers them, are not looked at.
 *
 * Kept from Kafka: bits of a varint that do not fit are dropped, varints may be
 * longer than needed, and any negative size of a key or value means null.
 *
 * Source: DefaultRecord, DefaultRecordBatch, AbstractLegacyRecordBatch in
 * Apache Kafka 4.4.
 */
#ifndef DH_RECORD_ITERATOR_H
#define DH_RECORD_ITERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/record.h>
#include <dohle/types.h>

#include "base/assert.h"
#include "record/batch.h"

struct dh_record_iterator {
    const uint8_t *at;  // next byte of the payload
    const uint8_t *end; // behind its last byte
    int64_t base_offset;
    int64_t base_timestamp_ms;
    int64_t append_timestamp_ms; // of every record, when is_append_time
    int64_t delta_min;           // least offset delta the next record may have
    int64_t delta_max;           // greatest offset delta in this batch
    int32_t left;                // records still to come; -1: until the payload ends
    int32_t leader_epoch;        // for every record
    int err;                     // 0 or DOHLE_ERR_CORRUPT, for ever
    int8_t magic;
    int8_t timestamp_type;
    bool is_append_time;
};

/*
 * payload: batch->payload, or what it decompresses to; borrowed as long as the
 * iterator and its records live. Returns 0, or DOHLE_ERR_CORRUPT for a wrapper
 * whose content makes no sense.
 */
DH_MUST_CHECK int dh_record_iterator_init(struct dh_record_iterator *iterator,
                                          const struct dh_batch *batch,
                                          dohle_bytes payload);

// Sets what all records of the batch share. Once for each record that is filled.
void dh_record_iterator_prepare(const struct dh_record_iterator *iterator,
                                dohle_record *record, const char *topic,
                                int32_t partition);

/*
 * Returns 1 with offset, timestamp, key, value and headers of *record set, 0 at
 * the end, or DOHLE_ERR_CORRUPT, then for ever. The other fields are left as
 * dh_record_iterator_prepare or the caller set them.
 */
DH_MUST_CHECK int dh_record_iterator_next(struct dh_record_iterator *iterator,
                                          dohle_record *record);

// Types of control records. Others exist in Kafka's metadata log.
enum dh_control_type {
    DH_CONTROL_ABORT = 0,
    DH_CONTROL_COMMIT = 1,
};

// The type of a control batch's record, or DOHLE_ERR_CORRUPT. Unknown types are fine.
DH_MUST_CHECK int dh_record_control_type(const dohle_record *record);

#endif
