// SPDX-License-Identifier: MIT
/*
 * Fetch session with one broker (KIP-227).
 *
 * A session lets a fetch name only the partitions that changed. The broker hands
 * out an id and both sides count an epoch. One object for each node.
 *
 *     id   epoch
 *     0    0               full fetch, asks for a session
 *     n    1..INT32_MAX    incremental; INT32_MAX is followed by 1
 *     n    0               full fetch, closes session n and asks for a new one
 *     n    -1              closes session n
 *
 * An entry is a partition that we want or that the broker still believes to be
 * wanted. What the broker was told last is kept beside what should be told, so a
 * request costs as much as has changed:
 *
 *     want ------> changed --- request names it ---> known
 *     forget ----> (never told: freed) or forgotten --- request tells it ---> freed
 *
 * Entries are found by topic id and number, or, for brokers that answer Fetch
 * below version 13, by name and number: `uses_ids`. A re-created topic has another
 * id, so the old entry is forgotten while the new one is added (CL-104).
 *
 * One request is in flight at a time: begin, then on_response or on_failure.
 * An entry remembers under which term and offset it was asked for, since what is
 * wanted may change while the answer is on its way.
 *
 * Invariants: epoch > 0 implies id != 0; an entry is in `forgotten` or in `wanted`,
 * and only one in `wanted` is in `changed`.
 *
 * Not here: what to fetch (client/back/fetcher.h), bytes (wire/gen/fetch.h).
 * Source: KIP-227, KIP-516; FetchMetadata and FetchSessionHandler in Apache Kafka
 * 4.4; CL-100 to CL-106.
 */
#ifndef DH_CLIENT_BACK_FETCH_SESSION_H
#define DH_CLIENT_BACK_FETCH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/map.h"
#include "client/messages.h"
#include "wire/uuid.h"

// What a request says about a partition, and under which term.
struct dh_fetch_want {
    uint32_t slot;
    struct dh_term term;
    int64_t fetch_offset;
    int32_t last_fetched_epoch; // of the record before fetch_offset; -1: unknown
    int32_t leader_epoch;       // -1: unknown
    int32_t bytes_max;
};

struct dh_fetch_session_entry {
    struct dh_link link;         // of wanted or forgotten
    struct dh_link changed_link; // of changed
    struct dh_uuid topic_id;     // zero: unknown
    int32_t partition;
    bool is_wanted;
    bool is_known;              // the broker has it in the session
    struct dh_fetch_want want;  // what the next request should say
    struct dh_fetch_want asked; // what the last one said; valid if is_known
    size_t topic_size;
    char topic[]; // terminated
};

struct dh_fetch_session {
    const dohle_allocator *mem;
    int32_t id;    // 0: the broker has not given us one
    int32_t epoch; // goes out with the next fetch
    bool uses_ids;
    bool is_indexed;          // false: memory ran out while `entries` was made anew
    bool is_asked_full;       // the request in flight is a full one
    size_t asked_count;       // entries it covered, if full
    struct dh_map entries;    // by topic and number
    struct dh_list wanted;    // in the order of a full fetch
    struct dh_list forgotten; // to be told, or freed by the next full fetch
    struct dh_list changed;   // entries in `wanted` that a request must name
    size_t wanted_count;
    size_t unidentified_count; // wanted, but with no topic id: no version above 12
    uint8_t *key;              // scratch
    size_t key_capacity;
};

// What a response makes of the session.
enum dh_fetch_session_verdict {
    DH_FETCH_SESSION_GOOD,
    DH_FETCH_SESSION_RESET, // discard the response; the next fetch is a full one
};

void dh_fetch_session_init(struct dh_fetch_session *session, const dohle_allocator *mem,
                           uint64_t hash_seed);
void dh_fetch_session_deinit(struct dh_fetch_session *session);

/*
 * Adds a partition. Copies the name. The entry is valid until forgotten. NULL: no
 * memory, nothing has changed.
 */
DH_MUST_CHECK struct dh_fetch_session_entry *
dh_fetch_session_add(struct dh_fetch_session *session, const char *topic,
                     const struct dh_uuid *topic_id, int32_t partition,
                     const struct dh_fetch_want *want);

// What should be said about a wanted entry from now on.
void dh_fetch_session_update(struct dh_fetch_session *session,
                             struct dh_fetch_session_entry *entry,
                             const struct dh_fetch_want *want);

// The partition is not wanted any more. The entry must not be used after this.
void dh_fetch_session_forget(struct dh_fetch_session *session,
                             struct dh_fetch_session_entry *entry);

// Moves a wanted entry behind all others: it has had its turn (CL-082).
void dh_fetch_session_rotate(struct dh_fetch_session *session,
                             struct dh_fetch_session_entry *entry);

// ---- One request ----

/*
 * Settles what the next request is: afterwards session->id and session->epoch are
 * what it says, the entries to name are in `changed`, those to forget in
 * `forgotten`. uses_ids: it will name topics by id. May be called again when the
 * request could not be made. Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_fetch_session_prepare(struct dh_fetch_session *session,
                                           bool uses_ids);

static inline bool dh_fetch_session_is_full(const struct dh_fetch_session *session)
{
    return session->epoch == 0;
}

// The request is made as prepared and goes out.
void dh_fetch_session_on_sent(struct dh_fetch_session *session);

/*
 * Takes the top of a response: id, error, and how many partitions it covers. After
 * GOOD each partition is looked up with find; when one is not found, the answer is
 * not to our request: call on_unsolicited, use nothing of it (CL-103, S30).
 */
DH_MUST_CHECK enum dh_fetch_session_verdict
dh_fetch_session_on_response(struct dh_fetch_session *session, int32_t id,
                             int16_t broker_code, size_t partition_count);

void dh_fetch_session_on_unsolicited(struct dh_fetch_session *session);

// No response came, or one that could not be read: the session is closed by the next
// full fetch (CL-102).
void dh_fetch_session_on_failure(struct dh_fetch_session *session);

// The entry that the last request covered; NULL: it did not. topic is used if the
// session goes by names, topic_id otherwise.
struct dh_fetch_session_entry *dh_fetch_session_find(struct dh_fetch_session *session,
                                                     dohle_bytes topic,
                                                     const struct dh_uuid *topic_id,
                                                     int32_t partition);

// The invariants.
void dh_fetch_session_check(const struct dh_fetch_session *session);

#endif
