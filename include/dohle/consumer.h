// SPDX-License-Identifier: MIT
/*
 * The consumer: the Java consumer's verbs with C's manners.
 *
 *     dohle_consumer_open      copies the settings, starts a thread, sends nothing
 *     dohle_consumer_subscribe topics of a group; the first poll joins it
 *     dohle_consumer_poll      records, rebalance callbacks, errors; one call a loop
 *     dohle_consumer_close     commits if told to, leaves the group, within a deadline
 *     dohle_consumer_free      never waits
 *
 * Threads: a consumer belongs to one thread at a time. A second thread that
 * enters meanwhile gets DOHLE_ERR_CONCURRENT_USE and changes nothing. Only
 * dohle_consumer_wakeup may be called from anywhere, signal handlers included.
 *
 * Blocking: a function blocks only if it has a timeout_ms, and returns by then.
 * timeout_ms 0 looks and returns; DOHLE_DEFAULT_TIMEOUT is default.api.timeout.ms
 * (for close: 30 s); DOHLE_NO_TIMEOUT waits for ever. Other negative values are
 * DOHLE_ERR_INVALID_ARGUMENT.
 *
 * Callbacks run on the caller's thread, inside poll, unsubscribe and close only;
 * results of commits also inside dohle_consumer_commit_sync and _commit_async.
 * Inside a callback every call works except poll and close, and inside a rebalance
 * callback unsubscribe: those are DOHLE_ERR_INVALID_STATE.
 *
 * Errors: see error.h. dohle_consumer_last_error tells all about the last one.
 * A value above 0 is the result of the application's own callback, handed back.
 */
#ifndef DOHLE_CONSUMER_H
#define DOHLE_CONSUMER_H

#include <dohle/config.h>
#include <dohle/error.h>
#include <dohle/log.h>
#include <dohle/record.h>
#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dohle_consumer dohle_consumer;

// ---- Life cycle ----

// What has no text form. Zero a whole struct, set size, fill in what is wanted.
typedef struct dohle_consumer_options {
    size_t size;                      // sizeof(dohle_consumer_options)
    const dohle_allocator *allocator; // copied; NULL: malloc
    const dohle_log_sink *log;        // copied; NULL: no log
} dohle_consumer_options;

/*
 * Makes a consumer of a copy of config. options may be NULL. Starts the I/O
 * thread, which sends nothing yet. On failure *consumer is NULL and the reason
 * is in dohle_config_error(config): which key, which value, what is allowed.
 * Does not block (names are resolved later, by the thread).
 * Errors: INVALID_CONFIG, UNKNOWN_CONFIG, UNSUPPORTED_CONFIG, INVALID_GROUP, NO_MEMORY, IO.
 */
DOHLE_API int dohle_consumer_open(dohle_config *config,
                                  const dohle_consumer_options *options,
                                  dohle_consumer **consumer);

/*
 * Commits the delivered positions if enable.auto.commit, runs the callbacks of
 * outstanding commits, calls on_revoked (or on_lost), leaves the group, closes
 * fetch sessions. Returns by timeout_ms (default 30 s) under any fault; what is
 * unfinished is left to the thread, which ends by itself. The first error found
 * is returned, the consumer is closed all the same. A second close returns 0.
 * (API-160, API-161)
 */
DOHLE_API int dohle_consumer_close(dohle_consumer *consumer, int64_t timeout_ms);

// Frees; closes without waiting or callbacks when not closed yet. NULL is allowed.
DOHLE_API void dohle_consumer_free(dohle_consumer *consumer);

// ---- What to read ----

/*
 * Told about changes of ownership. partitions is sorted by topic, then number,
 * and valid during the call. A result other than 0 comes out of the call that
 * ran the callback once all steps of the rebalance are done. (API-170 to 176)
 */
typedef struct dohle_rebalance_listener {
    // After a rebalance: what is now owned that was not. May be empty.
    int (*on_assigned)(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                       size_t count, void *ctx);
    // Before partitions are given up. Still owned: may be committed.
    int (*on_revoked)(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                      size_t count, void *ctx);
    // They are gone already; commits will fail. NULL: on_revoked is called instead.
    int (*on_lost)(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                   size_t count, void *ctx);
    void *ctx;
} dohle_rebalance_listener;

/*
 * Replaces the subscription and the listener (copied; NULL: none). Copies the
 * names. No topics: the same as unsubscribe. Takes effect with the next poll,
 * which joins the group; records of topics no longer named stop coming at once.
 * Does not block. (API-102)
 * Errors: INVALID_STATE (assigned by hand: unsubscribe first), INVALID_GROUP (no
 * group.id), INVALID_ARGUMENT (empty name), CLOSED, CONCURRENT_USE, NO_MEMORY.
 */
DOHLE_API int dohle_consumer_subscribe(dohle_consumer *consumer,
                                       const char *const *topics, size_t topic_count,
                                       const dohle_rebalance_listener *listener);

/*
 * Subscribes to every topic whose whole name matches a regular expression (PCRE2
 * syntax). Looked at again with each metadata update. (API-103)
 */
DOHLE_API int dohle_consumer_subscribe_pattern(dohle_consumer *consumer,
                                               const char *pattern,
                                               const dohle_rebalance_listener *listener);

/*
 * Drops subscription and assignment; leaves the group, with callbacks. Commits
 * nothing. Blocks until the leave request is written, at most default.api.timeout.ms.
 * (API-105)
 */
DOHLE_API int dohle_consumer_unsubscribe(dohle_consumer *consumer);

/*
 * Reads these partitions, without a group's help. Replaces the assignment; kept
 * partitions keep their position. Copies. None: the same as unsubscribe. (API-106)
 */
DOHLE_API int dohle_consumer_assign(dohle_consumer *consumer,
                                    const dohle_topic_partition *partitions,
                                    size_t count);

/*
 * The partitions owned now, sorted. *partitions is owned by the consumer, valid
 * until the next call that may change ownership (poll, assign, subscribe,
 * unsubscribe, close).
 */
DOHLE_API int dohle_consumer_assignment(dohle_consumer *consumer,
                                        const dohle_topic_partition **partitions,
                                        size_t *count);

// The subscribed topics' names, sorted; with a pattern, those that match so far.
// Valid until the next poll, subscribe or unsubscribe.
DOHLE_API int dohle_consumer_subscription(dohle_consumer *consumer,
                                          const char *const **topics, size_t *count);

// ---- Records ----

typedef struct dohle_records dohle_records;

/*
 * The heart. Joins the group, runs callbacks, raises errors found in the
 * background, hands out at most max.poll.records records that were fetched.
 * Returns as soon as there are records, or a position moved past records that
 * are not for the application (then with an empty set), or timeout_ms is over.
 *
 * *records is never NULL on 0; it is owned by the consumer and valid until the
 * next poll or close, unless retained. On an error *records is an empty set.
 * (API-107, API-140 to 150)
 * Errors: NOT_SUBSCRIBED, WAKEUP, NO_OFFSET, OFFSET_OUT_OF_RANGE, LOG_TRUNCATION, CORRUPT,
 * UNSUPPORTED_CODEC, TOO_LARGE, TOPIC_AUTHORIZATION, GROUP_AUTHORIZATION, AUTHENTICATION,
 * INVALID_TOPIC, GROUP_REFUSED, FENCED_INSTANCE, UNSUPPORTED_VERSION, NO_MEMORY, CLOSED,
 * CONCURRENT_USE.
 */
DOHLE_API int dohle_consumer_poll(dohle_consumer *consumer, int64_t timeout_ms,
                                  dohle_records **records);

// How many records the set has.
DOHLE_API size_t dohle_records_count(const dohle_records *records);

/*
 * The next record, partition by partition, in offset order within each; NULL at
 * the end. The struct is overwritten by the next call; what it points to lives
 * as long as the set.
 */
DOHLE_API const dohle_record *dohle_records_next(dohle_records *records);

// One partition's run of records, as an array.
typedef struct dohle_record_batch {
    const char *topic;
    int32_t partition;
    const dohle_record *records; // valid until the next call for this set
    size_t count;
} dohle_record_batch;

/*
 * The next run of one partition's records: at most one of Kafka's batches at a
 * time. Returns 1 with *batch filled, 0 at the end. May be mixed with _next.
 */
DOHLE_API int dohle_records_next_batch(dohle_records *records, dohle_record_batch *batch);

// Starts over at the first record.
DOHLE_API void dohle_records_rewind(dohle_records *records);

/*
 * Keeps the set's memory beyond the next poll, on any thread and past close.
 * Returns a set of its own, positioned at the first record, which the caller
 * gives back with dohle_records_release. NULL: no memory. It counts against
 * fetch.buffer.bytes until it is released.
 */
DOHLE_API dohle_records *dohle_records_retain(const dohle_records *records);

// Any thread; one thread at a time for one set. NULL is allowed.
DOHLE_API void dohle_records_release(dohle_records *records);

// ---- Positions ----

/*
 * The offset of the next record that poll returns. Blocks until it is known: from
 * the committed offset, or auto.offset.reset. (API-114)
 * Errors: NOT_ASSIGNED, TIMEOUT, WAKEUP, NO_OFFSET, ...
 */
DOHLE_API int dohle_consumer_position(dohle_consumer *consumer, const char *topic,
                                      int32_t partition, int64_t timeout_ms,
                                      int64_t *offset);

// Continues at offset (>= 0) with the next poll. Does not block. (API-111)
DOHLE_API int dohle_consumer_seek(dohle_consumer *consumer, const char *topic,
                                  int32_t partition, int64_t offset);

// As seek; a leader epoch >= 0 is checked against the log before reading on. (API-112)
DOHLE_API int dohle_consumer_seek_to(dohle_consumer *consumer,
                                     const dohle_offset *offset);

// Lazily: the look-up is made by the next poll or position. No partitions: all
// assigned ones. (API-113)
DOHLE_API int dohle_consumer_seek_to_beginning(dohle_consumer *consumer,
                                               const dohle_topic_partition *partitions,
                                               size_t count);
DOHLE_API int dohle_consumer_seek_to_end(dohle_consumer *consumer,
                                         const dohle_topic_partition *partitions,
                                         size_t count);

// Poll returns nothing of these until resumed; what is buffered is kept. (API-118)
DOHLE_API int dohle_consumer_pause(dohle_consumer *consumer,
                                   const dohle_topic_partition *partitions, size_t count);
DOHLE_API int dohle_consumer_resume(dohle_consumer *consumer,
                                    const dohle_topic_partition *partitions,
                                    size_t count);

// The paused ones, sorted; valid until the next call on the consumer.
DOHLE_API int dohle_consumer_paused(dohle_consumer *consumer,
                                    const dohle_topic_partition **partitions,
                                    size_t *count);

/*
 * Log end (high watermark) minus position, from what the last fetch told; -1:
 * not known yet. Does not block. (API-121)
 */
DOHLE_API int dohle_consumer_current_lag(dohle_consumer *consumer, const char *topic,
                                         int32_t partition, int64_t *lag);

// ---- Commits ----

/*
 * Commits and waits. offsets NULL: the delivered position of every assigned
 * partition. Retries what can be retried until timeout_ms. Callbacks of earlier
 * commit_async calls have run when it returns. (API-108, API-109)
 * Errors: COMMIT_FAILED, REBALANCE_IN_PROGRESS, TIMEOUT, WAKEUP, TOPIC_AUTHORIZATION,
 * GROUP_AUTHORIZATION, INVALID_GROUP, INVALID_ARGUMENT (negative offset), ...
 */
DOHLE_API int dohle_consumer_commit_sync(dohle_consumer *consumer,
                                         const dohle_offset *offsets, size_t count,
                                         int64_t timeout_ms);

/*
 * Told once how a commit ended. error is 0 or as in commit_sync, or
 * RETRIABLE_COMMIT_FAILED; dohle_consumer_last_error tells more. TIMEOUT: close had no
 * time left, and whether it was done is not known. offsets is valid during the call.
 */
typedef void dohle_commit_callback(dohle_consumer *consumer, int error,
                                   const dohle_offset *offsets, size_t count, void *ctx);

/*
 * Sends one commit and returns; it is never retried. Copies offsets (NULL: the
 * delivered positions). callback may be NULL; callbacks run in the order of the
 * calls. (API-110)
 */
DOHLE_API int dohle_consumer_commit_async(dohle_consumer *consumer,
                                          const dohle_offset *offsets, size_t count,
                                          dohle_commit_callback *callback, void *ctx);

/*
 * Asks the coordinator what is committed. offsets[i] names topic and partition
 * and gets offset (-1: nothing committed), leader_epoch and metadata; the
 * metadata is valid until the next call on the consumer. (API-115)
 */
DOHLE_API int dohle_consumer_committed(dohle_consumer *consumer, dohle_offset *offsets,
                                       size_t count, int64_t timeout_ms);

// ---- Looking around ----

/*
 * offsets[i] names topic and partition. Gets the first offset, the end (high
 * watermark), or the first offset whose timestamp is at least timestamp_ms[i]
 * (-1: none). Partitions need not be assigned. (API-119, API-120)
 */
DOHLE_API int dohle_consumer_beginning_offsets(dohle_consumer *consumer,
                                               dohle_offset *offsets, size_t count,
                                               int64_t timeout_ms);
DOHLE_API int dohle_consumer_end_offsets(dohle_consumer *consumer, dohle_offset *offsets,
                                         size_t count, int64_t timeout_ms);
DOHLE_API int dohle_consumer_offsets_for_times(dohle_consumer *consumer,
                                               dohle_offset *offsets,
                                               const int64_t *timestamps_ms, size_t count,
                                               int64_t timeout_ms);

typedef struct dohle_partition_info {
    const char *topic;
    int32_t partition;
    int32_t leader; // node id; -1: none
    int32_t leader_epoch;
    int32_t replica_count;
    int32_t in_sync_count;
} dohle_partition_info;

/*
 * The partitions of a topic, by number; an unknown topic has none. *infos is valid
 * until the next call on the consumer. (API-116)
 */
DOHLE_API int dohle_consumer_partitions_for(dohle_consumer *consumer, const char *topic,
                                            int64_t timeout_ms,
                                            const dohle_partition_info **infos,
                                            size_t *count);

// As partitions_for, of every topic that may be described, sorted by name. (API-117)
DOHLE_API int dohle_consumer_list_topics(dohle_consumer *consumer, int64_t timeout_ms,
                                         const dohle_partition_info **infos,
                                         size_t *count);

// Who we are in the group. (API-122)
typedef struct dohle_group_metadata {
    const char *group_id;
    const char *member_id; // "" before joining
    int32_t generation;    // -1 before joining
} dohle_group_metadata;

// Valid until the next call on the consumer.
DOHLE_API int dohle_consumer_group_metadata(dohle_consumer *consumer,
                                            dohle_group_metadata *metadata);

// Rejoins with the next poll. reason may be NULL; cut to 255 bytes. (API-123)
DOHLE_API int dohle_consumer_enforce_rebalance(dohle_consumer *consumer,
                                               const char *reason);

// Why the last rebalance of this member happened, and what it cost.
typedef struct dohle_rebalance {
    const char *trigger; // "first join", "the group is rebalancing", ...: one sentence
    int32_t generation_before; // -1: none
    int32_t generation_after;  // -1: not reached, the partitions are merely gone
    const char *member_id;
    int is_leader;        // this member computed the assignment
    int32_t member_count; // as the leader knows it; -1: not the leader
    const char *assignor; // "range"; "" when none was chosen
    int64_t started_ms;   // wall clock, since 1970
    int64_t revoke_ms;    // duration of each phase: commit and callbacks before,
    int64_t join_ms;      // waiting for all members,
    int64_t sync_ms;      // waiting for the assignment,
    int64_t total_ms;     // everything up to now
    size_t partitions_before;
    size_t partitions_after;
} dohle_rebalance;

/*
 * The rebalance under way or the last one. Works inside the listener. Returns 1
 * with *rebalance filled (strings valid until the next call on the consumer), 0
 * when there was none.
 */
DOHLE_API int dohle_consumer_last_rebalance(dohle_consumer *consumer,
                                            dohle_rebalance *rebalance);

// Why an owned partition delivers nothing. Errors: NOT_ASSIGNED, ...
DOHLE_API int dohle_consumer_idle_reason(dohle_consumer *consumer, const char *topic,
                                         int32_t partition,
                                         enum dohle_idle_reason *reason);
DOHLE_API const char *dohle_idle_reason_text(enum dohle_idle_reason reason);

// ---- Waking up and event loops ----

/*
 * Makes the running or the next blocking call return DOHLE_ERR_WAKEUP, once.
 * Records are never lost by it. Any thread; safe in signal handlers. (API-126)
 */
DOHLE_API void dohle_consumer_wakeup(dohle_consumer *consumer);

/*
 * A descriptor for poll(2) and its kin, readable while dohle_consumer_poll(c, 0)
 * would return something or has something due. Level-triggered. Owned by the
 * consumer; do not read it. -1 after close.
 */
DOHLE_API int dohle_consumer_fd(const dohle_consumer *consumer);

// All about the last error that a call on this consumer returned. Valid until the
// next call on the consumer. The owner's thread.
DOHLE_API const dohle_error_info *
dohle_consumer_last_error(const dohle_consumer *consumer);

#ifdef __cplusplus
}
#endif

#endif
