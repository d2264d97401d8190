// SPDX-License-Identifier: MIT
/*
 * The producer, as far as the command and tests need it: keys, headers,
 * partitions, timestamps, batching with linger, all codecs, acks, idempotent
 * retries without loss or reorder. No transactions yet.
 *
 *     dohle_producer_open    copies the settings, starts a thread
 *     dohle_producer_send    copies a record into a batch; blocks only for room
 *     dohle_producer_poll    runs the callbacks of what was delivered or failed
 *     dohle_producer_flush   waits until nothing is on its way
 *     dohle_producer_close   flushes within a deadline
 *     dohle_producer_free    never waits
 *
 * A producer belongs to one thread at a time, like a consumer; callbacks run on
 * it, inside send, poll, flush and close. A callback may send; poll, flush and close
 * inside of it are INVALID_STATE. Timeouts are as in consumer.h.
 */
#ifndef DOHLE_PRODUCER_H
#define DOHLE_PRODUCER_H

#include <dohle/config.h>
#include <dohle/error.h>
#include <dohle/log.h>
#include <dohle/record.h>
#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dohle_producer dohle_producer;

// Zero a whole struct, set size, fill in what is wanted.
typedef struct dohle_producer_options {
    size_t size;                      // sizeof(dohle_producer_options)
    const dohle_allocator *allocator; // copied; NULL: malloc
    const dohle_log_sink *log;        // copied; NULL: no log
} dohle_producer_options;

// As dohle_consumer_open.
DOHLE_API int dohle_producer_open(dohle_config *config,
                                  const dohle_producer_options *options,
                                  dohle_producer **producer);

/*
 * Told once what became of a record. error is 0, or why it is not in the log
 * (then offset is -1); TIMEOUT after delivery.timeout.ms: it may be in the log.
 */
typedef void dohle_delivery_callback(dohle_producer *producer, int error,
                                     const char *topic, int32_t partition, int64_t offset,
                                     int64_t timestamp_ms, void *ctx);

// One record to send. Zero a whole struct, fill in what is wanted.
typedef struct dohle_send {
    const char *topic;
    int32_t partition;    // -1: by the key (Kafka's murmur2), or spread if key is null
    int64_t timestamp_ms; // -1: now
    dohle_bytes key;      // data NULL: null
    dohle_bytes value;    // data NULL: null
    const dohle_header *headers;
    size_t header_count;
    dohle_delivery_callback *callback; // NULL: none
    void *ctx;                         // for the callback
} dohle_send;

/*
 * Copies the record into its batch. Blocks while buffer.memory is full or the
 * topic's partitions are not known, at most max.block.ms.
 * Errors: TIMEOUT (text names the broker and cause), TOO_LARGE (max.request.size),
 * INVALID_ARGUMENT, UNKNOWN_TOPIC, TOPIC_AUTHORIZATION, INVALID_TOPIC, CLOSED,
 * CONCURRENT_USE, NO_MEMORY, or the fatal error that stopped the producer.
 */
DOHLE_API int dohle_producer_send(dohle_producer *producer, const dohle_send *send);

// Runs callbacks that are due, waiting for the first at most timeout_ms. Returns how
// many ran. Errors: INVALID_STATE, INVALID_ARGUMENT, CONCURRENT_USE, CLOSED.
DOHLE_API int dohle_producer_poll(dohle_producer *producer, int64_t timeout_ms);

// Sends what is buffered without lingering and waits until all is settled.
// Errors: TIMEOUT (text names the broker and cause), INVALID_STATE, INVALID_ARGUMENT,
// CONCURRENT_USE, CLOSED.
DOHLE_API int dohle_producer_flush(dohle_producer *producer, int64_t timeout_ms);

// Flushes, then closes by timeout_ms under any fault; what is not settled by then
// fails with CLOSED, and close returns TIMEOUT. Closed already: 0. Other errors:
// INVALID_STATE, INVALID_ARGUMENT, CONCURRENT_USE, NO_MEMORY.
DOHLE_API int dohle_producer_close(dohle_producer *producer, int64_t timeout_ms);

// Closes without waiting or callbacks when not closed yet. NULL is allowed.
DOHLE_API void dohle_producer_free(dohle_producer *producer);

// As dohle_consumer_last_error.
DOHLE_API const dohle_error_info *
dohle_producer_last_error(const dohle_producer *producer);

#ifdef __cplusplus
}
#endif

#endif
