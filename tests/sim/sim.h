// SPDX-License-Identifier: MIT
/*
 * The simulator: both halves of the client against our own broker with its coordinators and
 * its store, without threads, sockets, files or a clock. One number, the seed, decides
 * everything.
 *
 *     scheduler     virtual time, chance, and a heap of what happens next
 *     topics        what is true: logs, and what is committed
 *     cluster       a real broker of one to three nodes; kills, power cuts, starts
 *     disk          files that tear, fill up and forget
 *     observer      reads the broker's logs, and says what is true
 *     network       connections as ordered bytes: late, in pieces, reset, silent
 *     tap           reads along on the wire
 *     member        a back half, a front half, the queues between them
 *     producer      an engine of producers, and a program that sends records
 *     application   what the program around a consumer does
 *     adversary     a numbered list of what goes wrong; shrink leaves parts of it out
 *     history       what was seen, in total order
 *     checkers      predicates on the history, and on nothing else
 *     blackbox      another judge, who knows only what applications saw
 *
 * With --scripted the other end are scripted brokers (broker, group, fetches, request,
 * errors), which share no line with the real one: they offer older versions and give odd
 * answers that ours never gives.
 *
 * A run has two phases. First faults: the adversary. Then calm: no more faults, and within
 * SIM_CALM_NS everything must be consumed to the log's end and committed. Then the
 * members are closed and the history is checked.
 */
#ifndef DH_TESTS_SIM_SIM_H
#define DH_TESTS_SIM_SIM_H

#include "adversary.h"
#include "broker.h"
#include "checkers.h"
#include "cluster.h"
#include "history.h"
#include "member.h"
#include "network.h"
#include "producer.h"
#include "scheduler.h"
#include "topics.h"

// By then everything must be consumed: the longest session and poll interval in use,
// and some rounds of rebalancing.
#define SIM_CALM_NS (180 * DH_SEC)

#define SIM_PRODUCERS_MAX 32

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
    uint64_t fenced; // commits that were refused for their generation or member
    uint64_t cuts;   // resets inside a frame
    uint64_t nodes_down;
    uint64_t starts; // of the broker, after the first
    uint64_t power_cuts;
    uint64_t deaths;    // inside a write
    uint64_t torn;      // files that a cut or a death left torn
    uint64_t torn_logs; // found and mended at a start
    uint64_t full;      // writes that found no room
    uint64_t broken;    // syncs that failed
    uint64_t appends;   // raw ones that were taken
    uint64_t sent;      // records, by producers
    uint64_t acknowledged;
    uint64_t given_up;
    uint64_t producer_kills;
};

struct sim_options {
    uint64_t seed;
    bool is_traced;       // prints what happens to standard error
    bool is_scripted;     // against the scripted brokers
    uint64_t lies_after;  // observer.h; 0: never
    const bool *left_out; // faults by number; NULL: none
};

struct sim_world {
    uint64_t seed;
    bool is_verbose;
    bool is_scripted;
    bool is_plain; // the applications only poll and commit
    struct sim_scheduler scheduler;
    struct sim_history history;
    struct sim_topics topics;
    struct sim_network network;
    struct sim_tap tap;
    struct sim_broker broker;   // scripted
    struct sim_cluster cluster; // real
    struct sim_adversary adversary;
    struct sim_member *members[SIM_MEMBERS_MAX]; // owned
    int member_count;
    struct sim_producer *producers[SIM_PRODUCERS_MAX]; // owned
    int producer_count;
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
    char checker[32]; // that has not held
    char text[512];   // why it has not passed
    struct sim_adversary adversary;
};

void sim_run(const struct sim_options *options, struct sim_result *result);

void sim_counts_add(struct sim_counts *sum, const struct sim_counts *counts);
void sim_counts_print(const struct sim_counts *counts);

// ---- For the parts of the world ----

// Writes an event, with the time; prints it in a trace.
void sim_tell(struct sim_world *world, struct sim_event event);

// One that leaves or is killed is followed by another, perhaps at once.
void sim_replace(struct sim_world *world, const struct sim_member *member);

// A task: another producer begins.
void sim_add_producer(void *ctx, uint64_t number);

// A place that somebody reads.
int sim_draw_place_in_use(struct sim_world *world);

// A task: the process of the broker dies.
void sim_kill_broker(void *ctx, uint64_t number);

// Something happened that no history may hold.
void sim_fail(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
