// SPDX-License-Identifier: MIT
/*
 * The log of our own metadata: __dohle_metadata-0 in the data directory. It is no topic that
 * a client could see. Batches as everywhere; what is in the records is in
 * schema/broker_metadata.txt.
 *
 *     key    int16 kind | int16 version | fields
 *     value  int16 version | fields        null: it is gone
 *
 * The last record of a key is the truth. What is appended is written before it is applied
 * by the caller. Nothing is ever taken out: a change costs some hundred bytes.
 */
#ifndef DH_BROKER_METADATA_LOG_H
#define DH_BROKER_METADATA_LOG_H

#include "base/assert.h"
#include "broker/state.h"
#include "record/batch_writer.h"
#include "store/store.h"
#include "wire/gen/broker_metadata.h"

#define DH_BROKER_METADATA_TOPIC "__dohle_metadata"

struct dh_broker_topic;

struct dh_broker_metadata_log {
    struct dh_store_log *log;
    struct dh_batch_writer writer;
    struct dh_buf scratch; // keys and values
};

// Finds the log or makes it. Returns 0 or an error.
DH_MUST_CHECK int dh_broker_metadata_log_open(struct dh_broker *broker,
                                              struct dh_broker_metadata_log *metadata);
// Zeroed is allowed.
void dh_broker_metadata_log_close(struct dh_broker_metadata_log *metadata);

// Whom a replay tells, in the order of the log. Each returns 0 or an error that ends it.
struct dh_broker_metadata_reader {
    void *ctx;
    // Views are valid during the call.
    int (*on_topic)(void *ctx, const struct dh_uuid *topic_id,
                    const struct dh_broker_topic_record *record);
    int (*on_topic_gone)(void *ctx, const struct dh_uuid *topic_id);
};

// Returns 0, DOHLE_ERR_CORRUPT, DOHLE_ERR_IO, DOHLE_ERR_NO_MEMORY, or the reader's.
DH_MUST_CHECK int
dh_broker_metadata_log_replay(struct dh_broker *broker,
                              struct dh_broker_metadata_log *metadata,
                              const struct dh_broker_metadata_reader *reader);

// Each appends one batch, all of it or nothing. Return 0, DOHLE_ERR_IO or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int
dh_broker_metadata_log_put_cluster(struct dh_broker *broker,
                                   struct dh_broker_metadata_log *metadata);
DH_MUST_CHECK int dh_broker_metadata_log_put_topics(
    struct dh_broker *broker, struct dh_broker_metadata_log *metadata,
    const struct dh_broker_topic *const *topics, size_t count);
DH_MUST_CHECK int
dh_broker_metadata_log_delete_topic(struct dh_broker *broker,
                                    struct dh_broker_metadata_log *metadata,
                                    const struct dh_uuid *topic_id);

#endif
