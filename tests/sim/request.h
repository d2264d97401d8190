// SPDX-License-Identifier: MIT
/*
 * A request that reached a node, and who waits for its answer.
 *
 * A token outlives the request's bytes: parked joins, syncs and fetches keep theirs.
 * A node serves one request of a connection at a time, as Kafka does.
 */
#ifndef DH_TESTS_SIM_REQUEST_H
#define DH_TESTS_SIM_REQUEST_H

#include "base/arena.h"
#include "network.h"

struct sim_token {
    struct sim_connection *connection; // NULL: nobody waits
    int32_t correlation_id;
    int16_t key;
    int16_t version;
};

struct sim_request {
    struct sim_token token;
    int node;
    const void *message;    // of its API, decoded
    struct dh_arena *arena; // for what an answer at once points to
};

// Sends the response of the token's API, if somebody waits, and lets the node go on
// with the connection's next request.
void sim_answer(struct sim_token *token, const void *response);

// Zeroed memory that lives as long as the request's bytes do.
void *sim_request_alloc(const struct sim_request *request, size_t count, size_t size);

#endif
