// SPDX-License-Identifier: MIT
/*
 * Fetch sessions (KIP-227): what a client fetches, kept from one request to the next.
 *
 * Every fetch reads from a session. What a client asks for without one is a *lone*
 * session, freed once it was answered; a full fetch that wants one is lone until then, and
 * is put into the cache of its node if that has room.
 *
 *     request id, epoch       becomes
 *     any  0                  a lone session that wants to be kept; session `id` ends
 *     any -1                  a lone session; session `id` ends
 *     id   n                  that session, with what the request adds, changes and forgets
 *
 * A partition of a session is *fresh* when there may be something to tell about it: it was
 * just asked for, its log or leader has changed (place), or something is left to be read.
 * All others are at the end of their logs and told so. A fetch looks at the fresh alone,
 * from the front; what has given records goes to the back, so that none starves.
 *
 * A cache has slots. A newcomer that finds none free evicts the session that was not used
 * for 120 s, if there is one; else the smallest of those that are older than 120 s, if it
 * is not larger than itself. It stays lone otherwise, and the client is told id 0.
 *
 * Bounds: slots of each cache; DH_BROKER_FETCH_PARTITIONS_MAX of each session.
 *
 * Not here: what is read and answered, and who waits (fetches.c).
 * Source: KIP-227; FetchSession.scala in Apache Kafka 4.4 (rows CL-100.., X-105.., BR-008).
 */
#ifndef DH_BROKER_FETCH_SESSIONS_H
#define DH_BROKER_FETCH_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "base/time.h"
#include "broker/alarm.h"
#include "broker/waits.h"
#include "wire/gen/fetch.h"
#include "wire/uuid.h"

#define DH_BROKER_FETCH_PARTITIONS_MAX ((size_t)500 * 1000)
#define DH_BROKER_FETCH_EVICTION_NS    (120 * DH_SEC)

struct dh_broker_request;

// A topic of a session, as the client names it.
struct dh_broker_fetch_topic {
    dohle_bytes name;  // owned; null in a session that uses ids
    struct dh_uuid id; // zero in one that does not
    uint32_t index;    // of its session; never reused there
    size_t partition_count;
};

struct dh_broker_fetch_partition {
    struct dh_broker_place place; // where it waits; nowhere: the partition is not known
    struct dh_link fresh;         // in session->fresh
    struct dh_broker_fetch_session *session;
    struct dh_broker_fetch_topic *topic;
    int32_t number;
    // Asked.
    int32_t leader_epoch; // -1: none
    int64_t fetch_offset;
    int32_t last_fetched_epoch; // -1: none
    int32_t bytes_max;
    // Told; -1: nothing, or an error.
    int64_t high_watermark;
    int64_t log_start;
    // While a request waits: how much of session->ready_bytes is this partition's.
    int64_t ready_bytes;
};

struct dh_broker_fetch_session {
    struct dh_link link;                    // in cache->used
    struct dh_broker_fetch_sessions *cache; // NULL: lone
    const dohle_allocator *mem;
    int32_t id;    // 0: never had one
    int32_t epoch; // expected of the next request; 0: it was never kept
    bool uses_ids;
    bool wants_id;     // lone, and to be kept once it was answered
    bool is_evictable; // old enough when it was last used
    int64_t created_ns;
    int64_t used_ns;
    struct dh_map topics;     // by name or id: dh_broker_fetch_topic
    struct dh_map partitions; // by dh_broker_fetch_topic.index and number
    struct dh_list fresh;
    size_t fresh_count;
    uint32_t topic_index_next;
    void (*on_woken)(struct dh_broker *broker, struct dh_broker_place *place);
    // The request that waits, or is being served.
    struct dh_broker_request *request; // NULL: none
    struct dh_broker_alarm alarm;      // its deadline
    int64_t ready_bytes;
};

// Of one node.
struct dh_broker_fetch_sessions {
    const dohle_allocator *mem;
    struct dh_random random; // ids
    struct dh_map by_id;
    struct dh_list used; // the one that was used longest ago first
    size_t slots;
};

void dh_broker_fetch_sessions_init(struct dh_broker_fetch_sessions *cache,
                                   const dohle_allocator *mem, size_t slots,
                                   uint64_t seed);
// Sessions whose request waits become lone; all others are freed.
void dh_broker_fetch_sessions_clear(struct dh_broker_fetch_sessions *cache);
// No request waits any more.
void dh_broker_fetch_sessions_deinit(struct dh_broker_fetch_sessions *cache);

/*
 * The session that this request reads from, with everything in it that the request says.
 * Returns 0 with *session; DOHLE_ERR_NO_MEMORY; or DOHLE_ERR_INVALID_STATE with a top level
 * *broker_code for the answer. `on_woken` is told to the places of new partitions.
 */
DH_MUST_CHECK int dh_broker_fetch_sessions_begin(
    struct dh_broker_fetch_sessions *cache, const struct dh_fetch_request *request,
    int16_t version, int64_t now_ns,
    void (*on_woken)(struct dh_broker *broker, struct dh_broker_place *place),
    struct dh_broker_fetch_session **session, int16_t *broker_code);

// The answer is being made: a session that wants an id gets one, if there is room.
void dh_broker_fetch_sessions_keep(struct dh_broker_fetch_sessions *cache,
                                   struct dh_broker_fetch_session *session,
                                   int64_t now_ns);

// The request was answered or abandoned: a lone session is freed.
void dh_broker_fetch_session_end_request(struct dh_broker_fetch_session *session);

static inline size_t
dh_broker_fetch_session_size(const struct dh_broker_fetch_session *session)
{
    return session->partitions.count;
}

// NULL: not in the session. name: null when it uses ids.
struct dh_broker_fetch_partition *
dh_broker_fetch_session_find(const struct dh_broker_fetch_session *session,
                             dohle_bytes name, const struct dh_uuid *id, int32_t number);

// Something may be to be told: at the back of the fresh, unless it is there.
void dh_broker_fetch_partition_freshen(struct dh_broker_fetch_partition *partition);
// All is told.
void dh_broker_fetch_partition_settle(struct dh_broker_fetch_partition *partition);
// Every partition is fresh.
void dh_broker_fetch_session_freshen(struct dh_broker_fetch_session *session);

#endif
