// SPDX-License-Identifier: MIT
/*
 * Fetch requests at the nodes: sessions, and those that wait for data.
 *
 * A session remembers the partitions of a client (KIP-227). An incremental answer
 * holds the partitions with records, an error, or a high watermark that is news.
 * Sessions live in a small cache: an old one is thrown out for a new one.
 *
 * Source: FetchManager and FetchSession of Apache Kafka 4.4.
 */
#ifndef DH_TESTS_SIM_FETCHES_H
#define DH_TESTS_SIM_FETCHES_H

#include "request.h"
#include "topics.h"

#define SIM_SESSIONS_MAX     24
#define SIM_FETCHES_WAIT_MAX 64

struct sim_fetch_partition {
    int place; // -1: there is no such partition
    struct dh_uuid topic_id;
    char topic[16];
    int32_t partition;
    int64_t offset;
    int32_t leader_epoch; // what the client believes; -1: it does not say
    size_t bytes_max;
    int64_t told_high_watermark; // -1: nothing yet
};

struct sim_fetch_list {
    struct sim_fetch_partition items[SIM_PLACES_MAX];
    int count;
};

struct sim_fetch_session {
    int32_t id; // 0: free
    int node;
    int32_t epoch; // expected next
    uint64_t used; // for the choice of whom to throw out
    struct sim_fetch_list list;
};

struct sim_fetch_wait {
    struct sim_token token; // connection NULL: free
    int node;
    int32_t session_id; // 0: none
    bool is_full;       // the answer names every partition
    int64_t until_ns;
    size_t bytes_min;
    size_t bytes_max;
    struct sim_fetch_list list; // without a session
};

struct sim_broker;

struct sim_fetches {
    struct sim_broker *broker;
    struct sim_fetch_session sessions[SIM_SESSIONS_MAX];
    struct sim_fetch_wait waits[SIM_FETCHES_WAIT_MAX];
    int32_t id_last;
    uint64_t uses;
    uint64_t waited; // fetches that had to
    uint64_t sessions_lost;
};

void sim_fetches_init(struct sim_fetches *fetches, struct sim_broker *broker);

void sim_fetches_serve(struct sim_fetches *fetches, struct sim_request *request);

// The log has changed: answers what can be answered.
void sim_fetches_look(struct sim_fetches *fetches);

// A node forgets one of its sessions, if it has any.
void sim_fetches_lose_session(struct sim_fetches *fetches);

#endif
