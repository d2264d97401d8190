// SPDX-License-Identifier: MIT
/*
 * Idempotent producers of one log: the last batches of each, by which a batch that is sent
 * again is known, and one that does not follow the last is refused.
 *
 *     known epoch, next sequence (INT32_MAX is followed by 0)     appended
 *     known epoch, exactly one of the last 5 batches              duplicate: its offsets
 *     known epoch, any other sequence                             OUT_OF_ORDER_SEQUENCE_NUMBER
 *     newer epoch, sequence 0                                     appended
 *     newer epoch, other sequence                                 OUT_OF_ORDER_SEQUENCE_NUMBER
 *     older epoch                                                 INVALID_PRODUCER_EPOCH
 *     unknown producer, any sequence                              appended
 *
 * UNKNOWN_PRODUCER_ID is never given, as in Kafka 4: a producer that was forgotten, for age
 * or because its records are gone, may go on where it was.
 *
 * An append asks first and tells afterwards, because the write between may fail:
 *
 *     begin, prepare (each batch: check, count it in), [write], commit or abandon
 *
 * Snapshots, in Kafka's format (big-endian); one lies beside each segment and says what
 * was known at its base offset, one more at the log's end after a clean stop:
 *
 *     int16 version 1, uint32 CRC-32C of what follows, int32 count, and for each
 *     int64 producer id, int16 epoch, int32 last sequence, int64 last offset,
 *     int32 offset delta (records - 1), int64 time, int32 coordinator epoch,
 *     int64 first offset of its open transaction (-1)
 *
 * Only the last batch of each is kept there, so duplicates of earlier ones are not known
 * after a start. Transactions are kept as they were read; nothing is made of them here.
 *
 * Bounds: memory grows with producers that wrote in the last day
 * (DH_STORE_PRODUCER_EXPIRY_MS), some 300 bytes each.
 * Source: ProducerStateManager, ProducerAppendInfo, ProducerStateEntry in Apache Kafka 4.4.
 */
#ifndef DH_STORE_PRODUCERS_H
#define DH_STORE_PRODUCERS_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/map.h"
#include "store/walk.h"

#define DH_STORE_PRODUCER_BATCHES   5                 // Kafka's NUM_BATCHES_TO_RETAIN
#define DH_STORE_PRODUCER_EXPIRY_MS INT64_C(86400000) // producer.id.expiration.ms
#define DH_STORE_SNAPSHOT_ROW_SIZE  (8 + 2 + 4 + 8 + 4 + 8 + 4 + 8)

struct dh_store_producer_batch {
    int64_t last_offset;
    int64_t timestamp_ms;
    int32_t last_sequence;
    int32_t offset_delta; // records - 1
};

struct dh_store_producer {
    int64_t id;
    int64_t last_timestamp_ms;
    int64_t transaction_offset; // -1: none open
    int32_t coordinator_epoch;  // -1: none
    int16_t epoch;              // -1: nothing known yet
    uint8_t batch_count;
    struct dh_store_producer_batch batches[DH_STORE_PRODUCER_BATCHES]; // oldest first
};

struct dh_store_producers {
    const dohle_allocator *mem;
    struct dh_map by_id; // of struct dh_store_producer, owned
    // What an append under way makes of them; owned.
    struct dh_store_producer *prepared;
    size_t prepared_count;
    size_t prepared_capacity;
};

void dh_store_producers_init(struct dh_store_producers *producers,
                             const dohle_allocator *mem, uint64_t seed);
void dh_store_producers_deinit(struct dh_store_producers *producers);

// What a batch of an idempotent producer is.
struct dh_store_verdict {
    int16_t broker_code; // not 0: refused
    bool is_duplicate;
    struct dh_store_producer_batch duplicate; // of which batch
};

/*
 * Judges a batch that has a producer id and final offsets, and counts it in, provisionally,
 * when it may be appended. Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_store_producers_prepare(struct dh_store_producers *producers,
                                             const struct dh_store_batch *batch,
                                             struct dh_store_verdict *verdict);
// Makes what was prepared true. Cannot fail.
void dh_store_producers_commit(struct dh_store_producers *producers);
// Forgets it.
void dh_store_producers_abandon(struct dh_store_producers *producers);

// Counts in a batch that is in the log already. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_store_producers_replay(struct dh_store_producers *producers,
                                            const struct dh_store_batch *batch);

// Forgets all.
void dh_store_producers_clear(struct dh_store_producers *producers);

// Forgets those who have written nothing for DH_STORE_PRODUCER_EXPIRY_MS.
void dh_store_producers_expire(struct dh_store_producers *producers, int64_t wall_ms);

// Appends a snapshot. Errors are the buffer's.
void dh_store_producers_print(const struct dh_store_producers *producers,
                              struct dh_buf *out);
// Reads one in place of what is known. DOHLE_ERR_CORRUPT or DOHLE_ERR_NO_MEMORY: nothing
// is known then.
DH_MUST_CHECK int dh_store_producers_parse(struct dh_store_producers *producers,
                                           dohle_bytes snapshot);

#endif
