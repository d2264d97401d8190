// SPDX-License-Identifier: MIT
/*
 * A tap on the wire: reads along what clients send and what reaches them, and writes into
 * the history what the checkers need of it. It changes nothing and draws nothing.
 *
 * A request is seen when the client hands it to its socket; an answer when the client is
 * given its last byte. Who has answered, and how, does not matter here.
 */
#ifndef DH_TESTS_SIM_TAP_H
#define DH_TESTS_SIM_TAP_H

#include <dohle/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "history.h"
#include "topics.h"

// Requests of one connection that have no answer yet.
#define SIM_TAP_FLIGHTS_MAX 64

struct sim_tap_flight {
    int32_t correlation_id;
    int16_t key;
    int16_t version;
    uint64_t number;     // of the request, of all requests
    int32_t generation;  // that it was sent under; -1: none
    struct dh_buf frame; // the request's bytes, behind its size
};

// The tap on one connection. Zeroed: nothing was seen.
struct sim_tap_line {
    bool is_begun;
    struct dh_buf up;   // from the start of a frame on
    struct dh_buf down; // the same
    struct sim_tap_flight flights[SIM_TAP_FLIGHTS_MAX];
    size_t flight_count;
};

struct sim_tap {
    struct sim_scheduler *scheduler;
    struct sim_history *history;
    struct sim_topics *topics;
    struct dh_arena arena;
    uint64_t numbers;
};

void sim_tap_init(struct sim_tap *tap, struct sim_scheduler *scheduler,
                  struct sim_history *history, struct sim_topics *topics);
void sim_tap_deinit(struct sim_tap *tap);
void sim_tap_line_deinit(struct sim_tap_line *line);

// The member has handed bytes for that node to its socket.
void sim_tap_sent(struct sim_tap *tap, struct sim_tap_line *line, int member, int node,
                  dohle_bytes bytes);
// The member is about to be given bytes.
void sim_tap_received(struct sim_tap *tap, struct sim_tap_line *line, int member,
                      dohle_bytes bytes);

#endif
