// SPDX-License-Identifier: MIT
/*
 * Keys and values of __consumer_offsets, to bytes and back.
 *
 *     key      int16 kind of record, then the key        value    int16 version, then the value
 *
 * What is written, as Apache Kafka 4.4.0 does (GC 4.7 and its log, looked at):
 *
 *     group     GroupMetadataValue 3
 *     offset    OffsetCommitValue 4, with the topic's id in a tag; 1 if it has a time of expiry
 *
 * Read are all versions, and the offsets of kind 0 that very old brokers wrote. Records of other
 * kinds (KIP-848, share and streams groups) and of newer versions are passed over.
 *
 * A batch being written is one dh_group_records: add all, look at the error once.
 */
#ifndef DH_COORDINATOR_RECORDS_H
#define DH_COORDINATOR_RECORDS_H

#include <stdint.h>

#include <dohle/types.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "coordinator/coordinator.h"
#include "wire/gen/consumer_offsets.h"

enum dh_group_record_kind {
    DH_GROUP_RECORD_OFFSET,        // kind 1
    DH_GROUP_RECORD_LEGACY_OFFSET, // kind 0
    DH_GROUP_RECORD_GROUP,         // kind 2
    DH_GROUP_RECORD_OTHER,         // of a protocol that is not built, or newer
};

// Views into the key's bytes.
struct dh_group_record_key {
    enum dh_group_record_kind kind;
    int16_t number; // as written
    dohle_bytes group;
    dohle_bytes topic;
    int32_t partition;
};

// Returns 0, DOHLE_ERR_PROTOCOL (damaged) or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_group_record_read_key(dohle_bytes bytes, struct dh_arena *arena,
                                           struct dh_group_record_key *key);
/*
 * The values; views into their bytes, arrays in the arena. Return 0, DOHLE_ERR_PROTOCOL,
 * DOHLE_ERR_UNSUPPORTED_VERSION (newer) or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_group_record_read_group(dohle_bytes bytes, struct dh_arena *arena,
                                             struct dh_group_metadata_value *value);
DH_MUST_CHECK int dh_group_record_read_offset(dohle_bytes bytes,
                                              enum dh_group_record_kind kind,
                                              struct dh_arena *arena,
                                              struct dh_offset_commit_value *value);

struct dh_group_record_place;

struct dh_group_records {
    const dohle_allocator *mem;
    struct dh_buf bytes; // keys and values, one behind the other
    struct dh_group_record_place *places;
    size_t count;
    size_t capacity;                     // of places
    struct dh_coordinator_record *views; // NULL until asked for
    int err;                             // the first; see dh_group_records_views
};

void dh_group_records_init(struct dh_group_records *records, const dohle_allocator *mem);
void dh_group_records_deinit(struct dh_group_records *records);

void dh_group_records_add_group(struct dh_group_records *records, dohle_bytes group,
                                const struct dh_group_metadata_value *value);
void dh_group_records_add_group_tombstone(struct dh_group_records *records,
                                          dohle_bytes group);
void dh_group_records_add_offset(struct dh_group_records *records, dohle_bytes group,
                                 dohle_bytes topic, int32_t partition,
                                 const struct dh_offset_commit_value *value);
void dh_group_records_add_offset_tombstone(struct dh_group_records *records,
                                           dohle_bytes group, dohle_bytes topic,
                                           int32_t partition);

/*
 * All of them, valid until deinit; nothing may be added any more. NULL: `err` says why,
 * DOHLE_ERR_NO_MEMORY or DOHLE_ERR_INVALID_ARGUMENT (a text too long to be written).
 */
DH_MUST_CHECK const struct dh_coordinator_record *
dh_group_records_views(struct dh_group_records *records);

#endif
