// SPDX-License-Identifier: MIT
/*
 * What passes between the two halves of the client.
 *
 * Every message is a block of memory that travels to the other half and comes
 * back to the half that made it, so that an answer never has to be allocated:
 *
 *     made by   going there                 coming back
 *     front     a command                   the same block, answered
 *     back      a notice                    the same block, done with
 *
 * The maker frees. A message holds values and memory of its own, never a
 * pointer into the other half. Exceptions are frames, which are counted.
 * In production two queues carry messages between two threads; in the
 * simulator a scheduler does, with any delay. Both queues keep order.
 *
 * Order within a queue is what makes this right: an answer to an assignment
 * comes before the first chunk for it; a seek made in on_assigned comes before
 * the callback's own return; a partition's error comes behind its last chunk.
 *
 * The term guards against stale work (docs/architecture.md). Every assigned
 * partition has one, and what was made under another is dropped:
 *
 *     assignment   written by the back half: a new number for each assignment of
 *                  the partition, from a counter of the consumer, never reused
 *     position     written by the front half: 0 for a new assignment, a new number
 *                  for each seek, from a counter of the consumer, never reused
 *
 * A slot is the index of an assigned partition in the back half's table, which
 * the front half mirrors. It is reused; the term is not.
 */
#ifndef DH_CLIENT_MESSAGES_H
#define DH_CLIENT_MESSAGES_H

#include <stdbool.h>

#include <dohle/error.h>
#include <dohle/types.h>

#include "base/frame.h"
#include "base/list.h"
#include "record/batch.h"

struct dh_term {
    uint64_t assignment; // >= 1; 0: not assigned
    uint64_t position;   // 0: no seek since the assignment
};

static inline bool dh_term_equal(struct dh_term a, struct dh_term b)
{
    return a.assignment == b.assignment && a.position == b.position;
}

enum dh_message_kind {
    // Commands: made by the front half.
    DH_COMMAND_SUBSCRIBE,    // struct dh_command_subscribe
    DH_COMMAND_UNSUBSCRIBE,  // struct dh_command_leave
    DH_COMMAND_ASSIGN,       // struct dh_command_assign
    DH_COMMAND_SEEK,         // struct dh_command_seek
    DH_COMMAND_PAUSE,        // struct dh_command_pause
    DH_COMMAND_FIND,         // struct dh_command_find
    DH_COMMAND_COMMIT,       // struct dh_command_commit
    DH_COMMAND_COMMITTED,    // struct dh_command_offsets
    DH_COMMAND_LIST_OFFSETS, // struct dh_command_offsets
    DH_COMMAND_TOPICS,       // struct dh_command_topics
    DH_COMMAND_REBALANCE,    // struct dh_command_rebalance
    DH_COMMAND_CLOSE,        // struct dh_command_leave
    DH_COMMAND_IDLE_REASON,  // struct dh_command_idle_reason
    // Notices: made by the back half.
    DH_NOTICE_CHUNK,           // struct dh_chunk: records
    DH_NOTICE_POSITION,        // struct dh_notice_position
    DH_NOTICE_PARTITION_ERROR, // struct dh_notice_partition_error
    DH_NOTICE_ERROR,           // struct dh_notice_error
    DH_NOTICE_REVOKE,          // struct dh_notice_ownership
    DH_NOTICE_LOSE,            // struct dh_notice_ownership
    DH_NOTICE_ASSIGN,          // struct dh_notice_ownership
    DH_NOTICE_TOPICS,          // struct dh_notice_topics: what a pattern matches now
    DH_NOTICE_TROUBLE,         // struct dh_notice_trouble: for the text of time-outs
};

struct dh_message {
    struct dh_link link; // the queue's, or whoever holds the message
    enum dh_message_kind kind;
    uint32_t size; // bytes of the whole block, for the allocator of its maker
};

// One partition named in a message. The name is in the same block.
struct dh_named_partition {
    const char *topic;
    int32_t partition;
    uint32_t slot;       // filled in by the back half
    uint64_t assignment; // filled in by the back half
};

// ---- Commands ----

/*
 * The subscription, sent by the first poll after dohle_consumer_subscribe: joins
 * the group or, when a member already, rejoins with the new topics.
 */
struct dh_command_subscribe {
    struct dh_message message;
    const char *pattern; // NULL: topics
    uint32_t topic_count;
    const char *const *topics; // sorted, no duplicates
    int err;                   // answer
};

/*
 * Nothing is assigned any more, by the group or by hand; a member leaves its group.
 * CLOSE also ends fetch sessions and connections. The front half has run on_revoked
 * or on_lost and has forgotten its partitions before it sends this: the back half
 * posts no ownership notice for it, and those on their way come back without effect.
 */
struct dh_command_leave {
    struct dh_message message;
    int64_t deadline_ns;
    int err; // answer
};

/*
 * Assignment by hand: the whole of it, replacing the one before. A partition that
 * stays keeps slot and term. Sent with the first call that needs it (poll,
 * position, commit). The back half starts to find positions at once.
 */
struct dh_command_assign {
    struct dh_message message;
    int err; // answer
    uint32_t count;
    struct dh_named_partition *partitions; // slot and assignment: answer
};

enum dh_seek_target {
    DH_SEEK_OFFSET,    // to `offset`
    DH_SEEK_BEGINNING, // look up the log start
    DH_SEEK_END,       // look up the high watermark
    DH_SEEK_POLICY,    // what auto.offset.reset says (after OFFSET_OUT_OF_RANGE)
};

struct dh_command_seek {
    struct dh_message message;
    uint32_t slot;
    struct dh_term term; // the new one
    enum dh_seek_target target;
    int64_t offset;       // DH_SEEK_OFFSET only
    int32_t leader_epoch; // of the record before `offset`; -1: do not validate
};

struct dh_command_pause {
    struct dh_message message;
    uint32_t slot;
    uint64_t assignment; // pausing does not change the position's number
    bool paused;
};

/*
 * Somebody waits for this position now: find it, though on_assigned, which may still
 * seek, has not returned. Else the back half begins when the notice comes back.
 */
struct dh_command_find {
    struct dh_message message;
    uint32_t slot;
    uint64_t assignment;
};

enum dh_commit_mode {
    DH_COMMIT_SYNC,  // retried until the deadline
    DH_COMMIT_ASYNC, // sent once
    // Sent once when deadline_ns is DH_NEVER (by the interval), else retried until
    // then (before a revocation, X-047).
    DH_COMMIT_AUTO,
};

struct dh_command_commit {
    struct dh_message message;
    enum dh_commit_mode mode;
    int64_t deadline_ns;
    uint32_t count;
    dohle_offset *offsets;  // names and metadata are in the same block
    bool is_retried;        // the back half's
    int32_t generation;     // the back half's: of the group when it came; -1: none
    dohle_error_info error; // answer; code 0: committed
};

// COMMITTED and LIST_OFFSETS: looks offsets up, retrying until the deadline.
struct dh_command_offsets {
    struct dh_message message;
    int64_t deadline_ns;
    uint32_t count;
    dohle_offset *offsets;     // offset, leader_epoch, metadata: answer
    const int64_t *timestamps; // LIST_OFFSETS: -1 end, -2 beginning, or milliseconds
    uint8_t *metadata;         // COMMITTED: block for metadata, from the maker's
    size_t metadata_size;      // allocator, made by the back half; freed by the front
    dohle_error_info error;    // answer
};

// TOPICS: metadata of one topic, or of all.
struct dh_command_topics {
    struct dh_message message;
    int64_t deadline_ns;
    const char *topic; // NULL: all
    // Answer: rows in a block of its own, freed by the front half.
    struct dh_topic_rows *rows;
    dohle_error_info error;
};

struct dh_topic_row {
    const char *topic; // in the same block
    int32_t partition;
    int32_t leader;
    int32_t leader_epoch;
    int32_t replica_count;
    int32_t in_sync_count;
};

struct dh_topic_rows {
    size_t size; // bytes of the whole block
    uint32_t count;
    struct dh_topic_row rows[];
};

struct dh_command_rebalance {
    struct dh_message message;
    char reason[256];
};

/*
 * Why a partition brings nothing, as far as the back half can know: NOT, NO_POSITION,
 * VALIDATING, NO_LEADER, THROTTLED, BUDGET_FULL, ERROR, REVOKING, PAUSED or
 * WAITING_FOR_DATA; and what the nodes have not done. Answered at once. Records that the front half holds come first.
 */
struct dh_command_idle_reason {
    struct dh_message message;
    uint32_t slot;
    uint64_t assignment;
    int reason;     // answer: enum dohle_idle_reason
    char text[512]; // answer: which nodes fail or do not answer, and how; "": none
};

// ---- Notices ----

// One of Kafka's batches, decompressed, whose records are walked in place.
struct dh_chunk_batch {
    struct dh_batch batch;  // its payload is a view into `frame`
    struct dh_frame *frame; // held by the chunk
};

/*
 * What one fetch brought for one partition. Comes back to the back half when the
 * last record was delivered or the chunk was dropped: that gives its bytes back to
 * the budget and its frames to the pool.
 *
 * Invariant: fetch_offset <= next_offset; the records to deliver are those with
 * offset >= fetch_offset (a batch may begin earlier, CL-085); when they are
 * through, the delivered position is next_offset (API-143, CL-084).
 */
struct dh_chunk {
    struct dh_message message;
    uint32_t slot;
    struct dh_term term;
    int64_t fetch_offset;
    int64_t next_offset;
    int32_t next_epoch;     // leader epoch of the last batch; -1: unknown
    int64_t high_watermark; // -1: not told
    int64_t log_start_offset;
    size_t fetched_bytes; // of the response, before decompression
    size_t
        charged_bytes; // of the frames it holds alone: what they were decompressed into
    uint32_t batch_count; // 0: nothing to deliver, only a position that moves
    struct dh_chunk_batch batches[];
};

/*
 * The back half knows where to read: the delivered position is this, unless the
 * term says that the application has moved on. Also how a hold ends.
 */
struct dh_notice_position {
    struct dh_message message;
    uint32_t slot;
    struct dh_term term;
    bool is_held;   // true: a new leader; deliver nothing until the next notice
    int64_t offset; // -1: unchanged (the end of a hold)
    int32_t leader_epoch;
};

/*
 * This partition cannot go on by itself. Reported by each poll until the
 * application seeks (or, for OFFSET_OUT_OF_RANGE with a policy, the front half
 * seeks by the policy without an error). Takes effect behind the chunks before it.
 *
 * LOG_TRUNCATION comes while the partition is held, ends the hold, and takes effect
 * at once, before chunks that are buffered. With a policy the front half seeks: to
 * the lower of truncated_to and the delivered position, or by the policy when
 * truncated_to is -1; without a policy it is reported (CL-126).
 */
struct dh_notice_partition_error {
    struct dh_message message;
    uint32_t slot;
    struct dh_term term;
    dohle_error_info error; // .offset: the position it is about
    int64_t truncated_to;   // LOG_TRUNCATION: where the logs part; -1: unknown
};

// Comes out of the next poll, once. Repeated ones are folded by the back half
// (dh_outbox_report).
struct dh_notice_error {
    struct dh_message message;
    struct dh_link reported; // the back half's
    dohle_error_info error;
};

// What a rebalance was about; copied into each ownership notice.
struct dh_rebalance_record {
    char trigger[256];
    char member_id[256];
    char assignor[64];
    int32_t generation_before;
    int32_t generation_after;
    bool is_leader;
    int32_t member_count;
    int64_t started_ns;
    int64_t revoke_ns; // durations
    int64_t join_ns;
    int64_t sync_ns;
};

/*
 * REVOKE  the back half wants to give these up. The front half stops delivering
 *         them when it takes the notice, commits if told to, runs on_revoked
 *         in a poll, forgets them, returns the notice.
 *         The back half goes on (JoinGroup) only then.
 * LOSE    the same, but they are gone already: on_lost, no commit.
 * ASSIGN  these are owned from now on. The front half runs on_assigned in a poll
 *         and returns the notice. The back half looks for positions of those
 *         that have not been sought only then (API-176).
 *
 * has_callback false: change the table, run nothing (the first join, API-170).
 */
struct dh_notice_ownership {
    struct dh_message message;
    bool has_callback;
    struct dh_rebalance_record rebalance;
    uint32_t count;
    struct dh_named_partition *partitions; // sorted by topic, then number
};

struct dh_notice_topics {
    struct dh_message message;
    uint32_t topic_count;
    const char *const *topics; // sorted
};

/*
 * Why nothing may come: a node cannot be reached ("127.0.0.1:9092 (bootstrap):
 * connection refused"). Not an error by itself, poll goes on; the front half puts it
 * into the text of a TIMEOUT of its own. Sent when it changes; "": it is over.
 */
struct dh_notice_trouble {
    struct dh_message message;
    char text[512];
};

/*
 * Frees a message of either half with all it holds (frames, blocks of answers); it
 * is in no list. Both halves use the same allocator, so that whoever ends last can
 * free what is left in the queues. NULL is allowed.
 */
void dh_message_free(const dohle_allocator *mem, struct dh_message *message);

// ---- The mailbox ----

/*
 * Where the application is, as the thread boundary tells the back half when its
 * max.poll.interval timer fires: one slot, written by poll, read by the timer.
 */
struct dh_poll_mark {
    bool is_inside;  // some thread is inside poll now: the timer starts over
    int64_t left_ns; // when the last poll returned; 0: there was none
};

#endif
