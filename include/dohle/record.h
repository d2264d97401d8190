// SPDX-License-Identifier: MIT
/*
 * Records as poll hands them out.
 *
 * Everything in a record points into the buffer that the network filled, or
 * the one it was decompressed into. Nothing is copied. The set that a record
 * came from says how long that buffer lives: until the next poll, or until
 * dohle_records_release when the set was retained.
 */
#ifndef DOHLE_RECORD_H
#define DOHLE_RECORD_H

#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dohle_timestamp_type {
    DOHLE_TIMESTAMP_NONE = -1,      // the batch is older than timestamps (v0)
    DOHLE_TIMESTAMP_CREATE = 0,     // set by the producer
    DOHLE_TIMESTAMP_LOG_APPEND = 1, // set by the broker, the same for a whole batch
};

typedef struct dohle_record {
    const char *topic;
    int64_t offset;
    int64_t timestamp_ms; // since 1970; -1: none
    dohle_bytes key;      // data NULL: null
    dohle_bytes value;    // data NULL: null
    dohle_bytes headers;  // as on the wire: read with dohle_header_next
    int32_t header_count;
    int32_t partition;
    int32_t leader_epoch;  // of the batch; -1: unknown
    int8_t timestamp_type; // enum dohle_timestamp_type
} dohle_record;

typedef struct dohle_header {
    dohle_bytes name;  // UTF-8, not terminated; may repeat
    dohle_bytes value; // data NULL: null
} dohle_header;

/*
 * Reads one header off the front of headers, which starts as a copy of
 * record->headers. Returns 1 with *header filled, 0 at the end. Headers were
 * checked when the batch arrived, so this cannot fail. Any thread.
 */
DOHLE_API int dohle_header_next(dohle_bytes *headers, dohle_header *header);

#ifdef __cplusplus
}
#endif

#endif
