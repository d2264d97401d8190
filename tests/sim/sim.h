// SPDX-License-Identifier: MIT
/*
 * The simulator: both halves of the client against a scripted broker, without
 * threads, sockets or a clock. One number, the seed, decides everything.
 *
 *     scheduler     virtual time, chance, and a heap of what happens next
 *     topics        the true log, which grows
 *     group         a coordinator
 *     fetches       sessions and long polls
 *     broker        nodes, which answer requests from all of that
 *     network       connections as ordered bytes: late, in pieces, reset, silent
 *     member        a back half, a front half, the queues between them
 *     application   what the program around a consumer does
 *     tap           reads along on the wire
 *     history       what was seen, in total order
 *     checkers      predicates on the history, and on nothing else
 *
 * A run has two phases. First faults: bad weather, moves of leaders and coordinators,
 * members that join, leave, are killed, are slow. Then calm: no more faults, and within
 * SIM_CALM_NS everything must be consumed to the log's end and committed. Then the
 * members are closed and the history is checked.
 *
 *     dohle-sim --seed N             one run, with its trace
 *     dohle-sim --seeds FROM COUNT   many, with the sums of what they did
 */
#ifndef DH_TESTS_SIM_SIM_H
#define DH_TESTS_SIM_SIM_H

#include "broker.h"
#include "checkers.h"
#include "history.h"
#include "member.h"
#include "network.h"
#include "scheduler.h"
#include "topics.h"

// By then everything must be consumed: the longest session and poll interval in use,
// and some rounds of rebalancing.
#define SIM_CALM_NS (180 * DH_SEC)

struct sim_counts {
    uint64_t runs;
    uint64_t events;
    uint64_t records; // delivered
    uint64_t polls;
    uint64_t seeks;
    uint64_t pauses;
    uint64_t wakeups;
    uint64_t commits;    // places that the coordinator stored
    uint64_t rebalances; // generations completed
    uint64_t callbacks;
    uint64_t members;
    uint64_t closes;
    uint64_t kills;
    uint64_t slow;   // times that the application was away for max.poll.interval.ms
    uint64_t errors; // injected
    uint64_t moves;
    uint64_t resets;
    uint64_t splits;
    uint64_t silences;
    uint64_t refused;
    uint64_t unresolved;
    uint64_t sessions_lost;
    uint64_t failed_calls;
};

struct sim_world {
    uint64_t seed;
    bool is_verbose;
    struct sim_scheduler scheduler;
    struct sim_history history;
    struct sim_topics topics;
    struct sim_network network;
    struct sim_tap tap;
    struct sim_broker broker;
    struct sim_member *members[SIM_MEMBERS_MAX]; // owned
    int member_count;
    int group_members_wanted;
    int by_hand_wanted;
    uint64_t calls; // numbers
    int64_t faults_end_ns;
    bool is_calm;
    bool is_producing;
    bool is_over;   // everything was consumed; members are closed
    bool is_failed; // a member saw what must never be
    char failure[256];
    struct sim_counts counts;
};

struct sim_result {
    bool has_passed;
    uint64_t hash; // of all that happened, in order
    struct sim_counts counts;
    char text[512]; // why it has not passed
};

// One run. trace: prints what happens to standard error.
void sim_run(uint64_t seed, bool trace, struct sim_result *result);

void sim_counts_add(struct sim_counts *sum, const struct sim_counts *counts);
void sim_counts_print(const struct sim_counts *counts);

// ---- For the parts of the world ----

// Writes an event, with the time; prints it in a trace.
void sim_tell(struct sim_world *world, struct sim_event event);

// Something happened that no history may hold.
void sim_fail(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
