// SPDX-License-Identifier: MIT
/*
 * A set of records: what one poll hands out.
 *
 * Poll walks the buffered batches and fills an array of views, reused from poll to
 * poll; so each record is parsed exactly once, counts and positions are exact, a
 * malformed record is found before it is promised, and reading the set cannot
 * fail. A *run* is a stretch of records from one of Kafka's batches.
 *
 * Bound: record_count_max records, max.poll.records.
 */
#ifndef DH_CLIENT_FRONT_RECORD_SET_H
#define DH_CLIENT_FRONT_RECORD_SET_H

#include <stdbool.h>

#include <dohle/record.h>

#include "client/front/assignment.h"

struct dh_run {
    struct dh_frame *frame; // what the records point into; held by a chunk
    const char *topic;
    int32_t partition;
    size_t first; // index of its first record
    size_t count;
};

struct dh_record_set {
    const dohle_allocator *mem;
    dohle_record *records;
    size_t count;
    size_t capacity;
    size_t count_max;
    struct dh_run *runs;
    size_t run_count;
    size_t run_capacity;
    bool has_moved; // a position moved, with or without records (API-143)
};

void dh_record_set_init(struct dh_record_set *set, const dohle_allocator *mem,
                        size_t count_max);
void dh_record_set_deinit(struct dh_record_set *set);

// Forgets the records, keeps the memory.
void dh_record_set_reset(struct dh_record_set *set);

enum dh_take_result {
    DH_TAKE_DRAINED,   // the chunk is through
    DH_TAKE_FULL,      // the set has count_max records
    DH_TAKE_CORRUPT,   // the record at row->position makes no sense
    DH_TAKE_NO_MEMORY, // the array cannot grow; nothing is lost
};

/*
 * Takes records from the row's first chunk and moves its delivered position. The
 * chunk stays in its place, marked as part of the set.
 */
enum dh_take_result dh_record_set_take(struct dh_record_set *set,
                                       struct dh_assignment *assignment,
                                       struct dh_owned *row);

#endif
