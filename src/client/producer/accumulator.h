// SPDX-License-Identifier: MIT
/*
 * Records on their way into batches: for each topic and partition a queue of
 * records, and at most one batch that was made of them.
 *
 *     record -> topic->unassigned   the topic's partitions are not known (any more)
 *            -> partition->queue    waits for batch.size, linger.ms or a flush
 *            -> partition->batch    encoded when a request has room for it; the same
 *                                   bytes until it is settled
 *            -> answered            through the outbox
 *
 * One batch at a time for each partition is what keeps the order, and makes
 * sequence numbers simple: nothing behind a batch has been sent before it is
 * settled, so whatever becomes of it, the next one can be stamped right.
 *
 *     next_sequence   of the next batch under (producer_id, producer_epoch); the
 *                     pair is compared with the identity's when a batch is made,
 *                     and the numbers start at 0 when it is another one
 *
 * Invariants: offsets of the queue's records are in the order of send; queue_bytes
 * is the sum of encoded_bytes_max over the queue; hurry_count <= queue_count.
 *
 * Not here: nodes, requests, when to try again (client/producer/sender.h).
 */
#ifndef DH_CLIENT_PRODUCER_ACCUMULATOR_H
#define DH_CLIENT_PRODUCER_ACCUMULATOR_H

#include <stdbool.h>

#include "base/backoff.h"
#include "base/list.h"
#include "base/map.h"
#include "client/back/alarms.h"
#include "client/back/context.h"
#include "client/producer/identity.h"
#include "client/producer/messages.h"
#include "client/producer/partitioner.h"
#include "record/batch_writer.h"
#include "record/codec.h"

struct dh_sender;
struct dh_sender_node;

struct dh_produce_batch {
    struct dh_link link; // accumulator->spare_batches
    struct dh_batch_writer writer;
    struct dh_list records; // dh_message.link
    dohle_bytes bytes;      // of the writer, stamped
    int32_t record_count;
    int32_t base_sequence; // -1: not idempotent
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t attempts;    // requests that carried it
    bool is_doubtful;    // one of them ended without an answer: it may be in the log
    int64_t deadline_ns; // the earliest of its records
};

enum dh_partition_state {
    /* Nothing to send.
     *   -> LINGERING, READY or STALLED   a record has come */
    DH_PARTITION_IDLE,
    /* Waits for more records until linger.ms have passed.
     *   -> READY, STALLED   batch.size reached, lingered, or flushed */
    DH_PARTITION_LINGERING,
    /* On the list of its leader's node; waits for a request.
     *   -> IN_FLIGHT   a request takes its batch
     *   -> READY, STALLED   another leader */
    DH_PARTITION_READY,
    /* Waits for metadata: there is no leader.
     *   -> READY   metadata name one */
    DH_PARTITION_STALLED,
    /* Its batch is in a request.
     *   -> IDLE, LINGERING, READY, STALLED   written, or failed for good
     *   -> BACKING_OFF   to be tried again */
    DH_PARTITION_IN_FLIGHT,
    /* Its batch waits to be tried again.
     *   -> READY, STALLED   the back-off is over */
    DH_PARTITION_BACKING_OFF,
};

struct dh_producer_topic {
    char *name;                // owned
    struct dh_list unassigned; // records, dh_message.link
    struct dh_link waiting;    // sender->waiting_topics while `unassigned` is not empty
    struct dh_producer_partition **partitions; // owned; by number, NULL: not used yet
    size_t partition_capacity;
    struct dh_sticky sticky;
    // Used while a request is filled in.
    int32_t fill_count;
    int32_t fill_index;
};

struct dh_producer_partition {
    struct dh_producer_topic *topic;
    int32_t index;
    enum dh_partition_state state;
    struct dh_sender *sender;    // the owner
    struct dh_sender_node *node; // READY, IN_FLIGHT
    struct dh_link link;         // READY, IN_FLIGHT: of the node; STALLED: of the sender
    struct dh_alarm alarm;       // linger, back-off, or the first record's deadline
    struct dh_backoff backoff;
    int64_t retry_ns;     // BACKING_OFF: until then
    int16_t retry_code;   // BACKING_OFF: the broker's reason; 0: no memory
    struct dh_list queue; // records, dh_message.link
    size_t queue_bytes;
    uint32_t queue_count;
    uint32_t hurry_count;           // so many of the queue do not linger
    struct dh_produce_batch *batch; // owned; NULL: none is made
    size_t batch_bytes_max;         // of a batch; less after MESSAGE_TOO_LARGE
    int64_t producer_id;
    int32_t next_sequence;
    int16_t producer_epoch;
};

struct dh_accumulator {
    struct dh_back_context context;
    struct dh_map topics; // name -> struct dh_producer_topic
    struct dh_codec_context codecs;
    const struct dh_codec *codec; // of compression.type
    int32_t level;
    struct dh_list spare_batches; // at most DH_SPARE_BATCHES_MAX
    size_t spare_count;
    size_t record_count; // records not answered
};

#define DH_SPARE_BATCHES_MAX ((size_t)32)

void dh_accumulator_init(struct dh_accumulator *accumulator,
                         const struct dh_back_context *context);

// Frees what is left, records included, and tells nobody.
void dh_accumulator_deinit(struct dh_accumulator *accumulator);

// Finds or makes. NULL: no memory.
struct dh_producer_topic *dh_accumulator_topic(struct dh_accumulator *accumulator,
                                               const char *name, int64_t now_ns);
struct dh_producer_partition *
dh_accumulator_partition(struct dh_accumulator *accumulator,
                         struct dh_producer_topic *topic, int32_t index,
                         void (*on_due)(struct dh_alarm *, int64_t));

// Finds. NULL: not used so far.
struct dh_producer_partition *
dh_accumulator_find(const struct dh_accumulator *accumulator, dohle_bytes topic,
                    int32_t index);

void dh_partition_push(struct dh_producer_partition *partition,
                       struct dh_producer_record *record, int64_t now_ns);

// Whether the queue should be sent: enough for a batch, lingered, or in a hurry.
bool dh_partition_is_due(const struct dh_producer_partition *partition,
                         const struct dh_accumulator *accumulator, int64_t now_ns);

// When the first of the queue has lingered; DH_NEVER for an empty queue.
int64_t dh_partition_linger_end(const struct dh_producer_partition *partition,
                                const struct dh_accumulator *accumulator);

// The earliest delivery deadline among queue and batch; DH_NEVER: nothing there.
int64_t dh_partition_deadline(const struct dh_producer_partition *partition);

/*
 * Makes the batch from the front of the queue, or stamps the one that waits anew
 * when the identity has changed and it cannot be in the log. Returns 0, with the
 * batch's bytes set, or DOHLE_ERR_NO_MEMORY with nothing changed.
 */
DH_MUST_CHECK int dh_partition_make_batch(struct dh_producer_partition *partition,
                                          struct dh_accumulator *accumulator,
                                          const struct dh_identity *identity);

/*
 * The batch is settled: its records are answered, it is gone. base_offset -1: not
 * known. log_append_ms -1: the records keep their timestamps.
 */
void dh_partition_complete(struct dh_producer_partition *partition,
                           struct dh_accumulator *accumulator, int64_t base_offset,
                           int64_t log_append_ms);

// What became of records that failed.
struct dh_failure {
    int err;
    int16_t broker_code;
    bool is_fatal;
};

/*
 * The batch will not be sent again. When it cannot be in the log its sequence
 * numbers are used again; when it may be, a new epoch begins.
 */
void dh_partition_fail_batch(struct dh_producer_partition *partition,
                             struct dh_accumulator *accumulator,
                             struct dh_identity *identity, struct dh_failure failure,
                             int64_t now_ns);

// Puts the records of the batch, which was not written, back into the queue, to be sent
// in smaller ones. False: it is a single record.
bool dh_partition_split(struct dh_producer_partition *partition,
                        struct dh_accumulator *accumulator);

// Fails what has passed its deadline: of the queue, and the batch as a whole unless it
// is in flight. Returns how many records.
size_t dh_partition_expire(struct dh_producer_partition *partition,
                           struct dh_accumulator *accumulator,
                           struct dh_identity *identity, int64_t now_ns);

// Answers a record that is in no list.
void dh_accumulator_fail(struct dh_accumulator *accumulator,
                         struct dh_producer_record *record, struct dh_failure failure);

// Answers the records of a list.
void dh_accumulator_fail_all(struct dh_accumulator *accumulator, struct dh_list *records,
                             struct dh_failure failure);

static inline struct dh_producer_record *dh_record_of(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_producer_record, message.link);
}

#endif
