// SPDX-License-Identifier: MIT
/*
 * The group coordinator, without I/O: the groups and offsets of one partition of
 * __consumer_offsets. It works on keys and values and knows neither batches nor
 * connections.
 *
 * Every durable change is records: written, then applied, then answered. A write that
 * fails applies nothing. Applying is the same function for a record just written and for
 * one replayed, so that replay gives the same durable state, byte for byte
 * (dh_coordinator_dump).
 *
 *     owner:  dh_coordinator_new, dh_coordinator_replay ... , dh_coordinator_loaded
 *             dh_coordinator_join, ...      requests for groups of this partition
 *             dh_coordinator_tick           when dh_coordinator_deadline has passed
 *             dh_coordinator_unload         when another node takes over
 *
 * What has to be durable before the client may know it is held back by the owner: each
 * answer is given after `append` returned, and the owner sends it when the log's
 * high watermark has reached the end of that append.
 *
 * Modules:
 *     records     keys and values of __consumer_offsets, to bytes and back
 *     change      a record prepared, written, applied
 *     group       a group of any protocol, by id; its offsets
 *     classic.h   the classic protocol: member, rebalance, join, sync, alive, answer
 *     offsets     commits, fetches, deletes
 *     listing     describe and list
 *     dump        the durable state as text
 *     check       what always holds
 * KIP-848 comes beside `classic`; a group says which of them it is.
 *
 * The owner's callbacks must not call back into the coordinator: they run in the middle of
 * a change.
 *
 * Source: GroupMetadataManager, OffsetMetadataManager, ClassicGroup in Apache Kafka 4.4;
 * rows GC- of the acceptance table.
 */
#ifndef DH_COORDINATOR_COORDINATOR_H
#define DH_COORDINATOR_COORDINATOR_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/log.h>
#include <dohle/types.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"

struct dh_coordinator;
struct dh_join_group_request;
struct dh_sync_group_request;
struct dh_heartbeat_request;
struct dh_heartbeat_response;
struct dh_leave_group_request;
struct dh_leave_group_response;
struct dh_offset_commit_request;
struct dh_offset_commit_response;
struct dh_offset_delete_request;
struct dh_offset_delete_response;

// One record of __consumer_offsets. value.data NULL: a tombstone.
struct dh_coordinator_record {
    dohle_bytes key;
    dohle_bytes value;
};

// Broker settings (rows BRK-); Kafka's names with '_' for '.'.
struct dh_coordinator_settings {
    int32_t group_min_session_timeout_ms;     // 6000
    int32_t group_max_session_timeout_ms;     // 1800000
    int32_t group_initial_rebalance_delay_ms; // ours 0; Kafka's 3000
    int32_t group_max_size;                   // INT32_MAX
    int32_t offset_metadata_max_bytes;        // 4096
    int64_t offsets_retention_ms;             // offsets.retention.minutes
};

/*
 * Who asks, and how to answer later: a place in the owner's request. The owner keeps it until
 * it was answered or forgotten; the coordinator keeps a pointer to it meanwhile.
 */
struct dh_coordinator_caller {
    int16_t version; // of the API
    dohle_bytes client_id;
    dohle_bytes client_host; // "/127.0.0.1"
    void *parked;            // the coordinator's: what waits for it; NULL: nothing
};

struct dh_coordinator_host {
    void *ctx;
    /* Appends the records as one batch: all of them or none. Returns 0 or a broker code
     * (COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, ...). Borrows. */
    int16_t (*append)(void *ctx, const struct dh_coordinator_record *records,
                      size_t count);
    // Answers a join or a sync: a struct dh_join_group_response or _sync_group_response,
    // valid during the call. The caller is not used any more.
    void (*answer)(void *ctx, struct dh_coordinator_caller *caller, const void *response);
    // A group is in another state, or has other members: for who waits for it. May be NULL.
    void (*changed)(void *ctx, const char *group_id);
};

struct dh_coordinator_options {
    const dohle_allocator *mem; // borrowed, as all here
    const dohle_log_sink *log;  // NULL: none
    const struct dh_coordinator_settings *settings;
    struct dh_coordinator_host owner;
    uint64_t seed; // member ids, hash seeds; another for each life of the coordinator
    int32_t partition;
};

// NULL: no memory.
DH_MUST_CHECK struct dh_coordinator *
dh_coordinator_new(const struct dh_coordinator_options *options);

// NULL is allowed. Answers nobody.
void dh_coordinator_free(struct dh_coordinator *coordinator);

/*
 * One record of the log, in order, before `loaded`. Returns 0 or DOHLE_ERR_NO_MEMORY; a
 * record that makes no sense is logged and passed over (a newer kind, a damaged one).
 */
DH_MUST_CHECK int dh_coordinator_replay(struct dh_coordinator *coordinator,
                                        const struct dh_coordinator_record *record);
// All was replayed: members get a session time-out from now on.
DH_MUST_CHECK int dh_coordinator_loaded(struct dh_coordinator *coordinator,
                                        int64_t now_ns);
// Another node takes over: whoever waits gets NOT_COORDINATOR. Then free.
void dh_coordinator_unload(struct dh_coordinator *coordinator);

int64_t dh_coordinator_deadline(const struct dh_coordinator *coordinator);
void dh_coordinator_tick(struct dh_coordinator *coordinator, int64_t now_ns,
                         int64_t wall_ms);

// ---- Requests. Answers that may have to wait go to host.answer ----

void dh_coordinator_join(struct dh_coordinator *coordinator,
                         struct dh_coordinator_caller *caller,
                         const struct dh_join_group_request *request, int64_t now_ns,
                         int64_t wall_ms);
void dh_coordinator_sync(struct dh_coordinator *coordinator,
                         struct dh_coordinator_caller *caller,
                         const struct dh_sync_group_request *request, int64_t now_ns,
                         int64_t wall_ms);
// The connection of one who waits is gone: nobody is to be answered. The member stays.
void dh_coordinator_forget(struct dh_coordinator *coordinator,
                           struct dh_coordinator_caller *caller);

// ---- Requests answered at once, into *response, which points into the arena ----
// All return 0, or DOHLE_ERR_NO_MEMORY: the request cannot be answered.

DH_MUST_CHECK int dh_coordinator_heartbeat(struct dh_coordinator *coordinator,
                                           const struct dh_heartbeat_request *request,
                                           struct dh_heartbeat_response *response,
                                           int64_t now_ns);
DH_MUST_CHECK int dh_coordinator_leave(struct dh_coordinator *coordinator,
                                       int16_t version,
                                       const struct dh_leave_group_request *request,
                                       struct dh_arena *arena,
                                       struct dh_leave_group_response *response,
                                       int64_t now_ns, int64_t wall_ms);
/*
 * The owner has looked up the topics: names and ids are both filled in, whichever of them the
 * version carries (Apache Kafka writes the id for every client), and partitions that do
 * not exist were answered by it and are not in the request.
 */
DH_MUST_CHECK int dh_coordinator_commit(struct dh_coordinator *coordinator,
                                        int16_t version,
                                        const struct dh_offset_commit_request *request,
                                        struct dh_arena *arena,
                                        struct dh_offset_commit_response *response,
                                        int64_t now_ns, int64_t wall_ms);

// What is committed for one partition. Views are valid until the next change.
struct dh_committed {
    const char *topic;
    int32_t partition;
    int64_t offset; // -1: nothing
    int32_t leader_epoch;
    dohle_bytes metadata;
    int64_t commit_timestamp_ms;
};

/*
 * One group of an OffsetFetch. member_id "" and member_epoch -1: whoever asks is no member.
 * Returns 0 or a broker code. `tell` gets each partition of the group that was asked
 * for (topics NULL: all that have an offset).
 */
int16_t dh_coordinator_may_fetch_offsets(const struct dh_coordinator *coordinator,
                                         dohle_bytes group_id, dohle_bytes member_id,
                                         int32_t member_epoch);
struct dh_committed dh_coordinator_committed(const struct dh_coordinator *coordinator,
                                             dohle_bytes group_id, dohle_bytes topic,
                                             int32_t partition);
// All of a group, in order of topic and partition. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_coordinator_all_committed(const struct dh_coordinator *coordinator,
                                               dohle_bytes group_id,
                                               struct dh_arena *arena,
                                               struct dh_committed **committed,
                                               size_t *count);

// One group of DescribeGroups, and all groups for ListGroups (which filters are the
// owner's). Views into the coordinator, valid until the next change.
struct dh_describe_groups_response_group;
struct dh_list_groups_response_group;
DH_MUST_CHECK int
dh_coordinator_describe(const struct dh_coordinator *coordinator, int16_t version,
                        dohle_bytes group_id, struct dh_arena *arena,
                        struct dh_describe_groups_response_group *group);
DH_MUST_CHECK int dh_coordinator_list(const struct dh_coordinator *coordinator,
                                      struct dh_arena *arena,
                                      struct dh_list_groups_response_group **groups,
                                      size_t *count);

// DeleteGroups and OffsetDelete. Return 0 or a broker code.
int16_t dh_coordinator_delete_group(struct dh_coordinator *coordinator,
                                    dohle_bytes group_id, int64_t wall_ms);
DH_MUST_CHECK int dh_coordinator_delete_offsets(
    struct dh_coordinator *coordinator, const struct dh_offset_delete_request *request,
    struct dh_arena *arena, struct dh_offset_delete_response *response);

// A topic was deleted: its offsets go, as tombstones. Returns 0 or a broker code.
int16_t dh_coordinator_on_topic_deleted(struct dh_coordinator *coordinator,
                                        dohle_bytes topic);

// ---- Questions of tests and of who waits ----

struct dh_group_summary {
    const char *state; // "Empty", "PreparingRebalance", ... ; "Dead": there is none
    size_t member_count;
    int32_t generation;
};

void dh_coordinator_summary(const struct dh_coordinator *coordinator,
                            dohle_bytes group_id, struct dh_group_summary *summary);

// Walks the invariants of a loaded coordinator; for tests and the simulator.
void dh_coordinator_check(const struct dh_coordinator *coordinator);

// The durable state as lines of text, sorted: equal before a crash and after its replay.
DH_MUST_CHECK int dh_coordinator_dump(const struct dh_coordinator *coordinator,
                                      struct dh_buf *out);

#endif
