// SPDX-License-Identifier: MIT
/*
 * Plain data shared by the whole public API.
 *
 * Nothing here owns memory. Who owns what a pointer names is said by the
 * function that hands it out, always with one of these words:
 *
 *     borrows     the callee reads it during the call only
 *     copies      the callee keeps its own copy
 *     takes       the callee becomes the owner
 *     valid until how long a returned pointer may be read
 */
#ifndef DOHLE_TYPES_H
#define DOHLE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#    define DOHLE_API __attribute__((visibility("default")))
#else
#    define DOHLE_API
#endif

// What timeout_ms may be beside 0 and above.
#define DOHLE_NO_TIMEOUT      (-1) // wait for ever
#define DOHLE_DEFAULT_TIMEOUT (-2) // default.api.timeout.ms

// A view of bytes. data NULL means null, which Kafka tells apart from empty.
typedef struct dohle_bytes {
    const uint8_t *data;
    size_t size;
} dohle_bytes;

// One partition of one topic.
typedef struct dohle_topic_partition {
    const char *topic;
    int32_t partition;
} dohle_topic_partition;

// An offset to commit, or one that was committed.
typedef struct dohle_offset {
    const char *topic;
    int32_t partition;
    int64_t offset;       // the next record to read; -1: none
    int32_t leader_epoch; // of the last record read; -1: unknown
    dohle_bytes metadata; // stored beside the offset, returned byte for byte; NULL: ""
} dohle_offset;

// Why an owned partition delivers nothing.
enum dohle_idle_reason {
    DOHLE_IDLE_NOT,              // it has records ready
    DOHLE_IDLE_WAITING_FOR_DATA, // at the end of the log, or the fetch is under way
    DOHLE_IDLE_PAUSED,
    DOHLE_IDLE_NO_POSITION, // committed offset or reset not known yet
    DOHLE_IDLE_VALIDATING,  // the position is checked against a new leader
    DOHLE_IDLE_NO_LEADER,
    DOHLE_IDLE_THROTTLED,
    DOHLE_IDLE_BUDGET_FULL, // fetch.buffer.bytes is used up
    DOHLE_IDLE_ERROR,       // an error that poll reports
    DOHLE_IDLE_REVOKING,
};

/*
 * Where the library takes its memory. All functions may be called from the
 * consumer's own threads as well as from the caller's, at the same time.
 */
typedef struct dohle_allocator {
    void *ctx;
    /* Grows, shrinks, allocates (pointer NULL, old_size 0) or frees (new_size 0).
     * Returns NULL when there is no memory; the old block is then still valid. */
    void *(*reallocate)(void *ctx, void *pointer, size_t old_size, size_t new_size);
} dohle_allocator;

#ifdef __cplusplus
}
#endif

#endif
