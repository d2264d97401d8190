// SPDX-License-Identifier: MIT
/*
 * What passes between the application's side of a producer and its engine, under
 * the rules of client/messages.h: a block goes there and comes back with its
 * answer, so that an answer never has to be allocated.
 *
 * A record is one block: where it goes, its key, value and headers, and later what
 * became of it. It stays until it is settled; that is what buffer.memory counts.
 */
#ifndef DH_CLIENT_PRODUCER_MESSAGES_H
#define DH_CLIENT_PRODUCER_MESSAGES_H

#include <stdbool.h>

#include <dohle/error.h>
#include <dohle/types.h>

#include "client/messages.h"
#include "record/batch_writer.h"

/*
 * In dh_message.kind, beside those of the consumer, of which only
 * DH_NOTICE_TROUBLE is used here. All are freed by their size alone.
 */
enum dh_producer_message_kind {
    DH_PRODUCER_RECORD = 1000, // struct dh_producer_record
    DH_PRODUCER_TOPIC,         // struct dh_producer_topic_command
    DH_PRODUCER_FLUSH,         // struct dh_message: send what you have, do not linger
    DH_PRODUCER_REASON,        // struct dh_producer_reason
    DH_PRODUCER_CLOSE,         // struct dh_producer_close
};

struct dh_producer_record {
    struct dh_message message;
    const char *topic;            // in the same block, as all that follows
    struct dh_record_input input; // of the batch writer
    int32_t partition;            // -1: the engine chooses; answer: where it went, or -1
    int64_t deadline_ns;          // delivery.timeout.ms after send
    // Answer:
    int err;              // 0: it is in the log
    int16_t broker_code;  // with err; 0: not a broker's
    bool is_fatal;        // with err: all others will fail in the same way
    int64_t offset;       // -1: not known
    int64_t timestamp_ms; // as the broker has it
    // The maker's own:
    void (*callback)(void); // a dohle_delivery_callback; only api/ knows and calls it
    void *ctx;
    uint64_t serial; // counts up with each send
    // The engine's own:
    size_t encoded_bytes_max; // what it adds to a batch, at most
    int64_t queued_ns;
    bool is_hurried; // does not linger
};

/*
 * Makes a topic known: answered when it has more than `partition` partitions, when
 * the broker refuses it for good, or at the deadline.
 */
struct dh_producer_topic_command {
    struct dh_message message;
    const char *topic; // in the same block
    int32_t partition; // -1: any number of partitions will do
    int64_t deadline_ns;
    int32_t partition_count; // answer
    dohle_error_info error;  // answer; code 0: known
};

#define DH_PRODUCER_REASON_SIZE ((size_t)512)

// Why records are not delivered yet: for the text of a time-out. Answered at once.
struct dh_producer_reason {
    struct dh_message message;
    // Answer: which nodes fail or do not answer, and how; if none, what is wrong with a
    // topic or a partition. "": nothing is known to be.
    char text[DH_PRODUCER_REASON_SIZE];
};

// Sends all, settles all by the deadline, ends all connections. Answered when every
// record has been answered.
struct dh_producer_close {
    struct dh_message message;
    int64_t deadline_ns;
    // Answer: as above, when records were cut off at the deadline; else "".
    char reason[DH_PRODUCER_REASON_SIZE];
};

#endif
