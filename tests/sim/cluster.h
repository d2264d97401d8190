// SPDX-License-Identifier: MIT
/*
 * One real broker (src/broker) of one to three nodes, as the host runs it: sockets are the
 * simulated network's, files are on the simulated disk or in memory, time is the
 * scheduler's, and its one timer is a little late.
 *
 *     up    dh_broker_new has succeeded
 *     down  killed, or not yet started again: nobody listens, and the files are as the
 *           death left them
 *
 * Deaths: `kill` (the process: what was written stays), `cut` (the power: what was not
 * synced may go; only with DH_STORE_SYNCED), and a write that never ends (disk.h). It is
 * started again after a while, and at the latest by `heal`.
 */
#ifndef DH_TESTS_SIM_CLUSTER_H
#define DH_TESTS_SIM_CLUSTER_H

#include <stdio.h>

#include "broker/broker.h"
#include "disk.h"
#include "memory.h"
#include "network.h"
#include "observer.h"
#include "store/memory_files.h"
#include "topics.h"

// A sync takes less, ever.
#define SIM_SYNC_NS_MAX (5 * DH_SEC)

struct sim_cluster_counts {
    uint64_t starts; // after the first
    uint64_t kills;  // of the process
    uint64_t power_cuts;
    uint64_t deaths;      // inside a write
    uint64_t node_deaths; // nodes stopped or killed
    uint64_t refusals;    // commands that were refused
    uint64_t torn_logs;   // found and cut at a start
};

struct sim_cluster {
    struct sim_scheduler *scheduler;
    struct sim_network *network;
    struct sim_topics *topics;
    bool is_traced;
    bool has_disk; // else in memory
    enum dh_store_mode mode;
    int node_count;
    int offsets_partitions;
    int session_slots;
    uint64_t seed;
    struct sim_memory memory; // of the broker's process
    struct sim_disk disk;
    struct dh_memory_files *files; // NULL: on the disk
    dohle_log_sink log;
    struct dh_broker *broker; // NULL: down
    bool is_listening[SIM_NODES_MAX];
    uint64_t life; // of the process
    uint64_t timer_number;
    int64_t timer_ns;
    uint64_t ticks; // at ticks_ms: a busy loop shows
    int64_t ticks_ms;
    bool is_healed;    // nothing goes wrong any more
    char failure[512]; // what must never happen; "": nothing
    struct sim_observer observer;
    struct sim_cluster_counts counts;
};

void sim_cluster_init(struct sim_cluster *cluster, struct sim_scheduler *scheduler,
                      struct sim_network *network, struct sim_topics *topics,
                      bool is_traced);
void sim_cluster_deinit(struct sim_cluster *cluster);

// Starts it and makes the topics.
void sim_cluster_start(struct sim_cluster *cluster);

// A line of broker/control.h. False: it is down, or has refused.
bool sim_cluster_command(struct sim_cluster *cluster, dohle_bytes payload,
                         const char *format, ...) __attribute__((format(printf, 3, 4)));

// The process dies, and is started again after so long.
void sim_cluster_kill(struct sim_cluster *cluster, int64_t down_ns);
// The power fails. Only where the store is synced.
void sim_cluster_cut_power(struct sim_cluster *cluster, int64_t down_ns);

// Puts right whatever is wrong: all is up, and the disk does its best.
void sim_cluster_heal(struct sim_cluster *cluster);

// The node that leads the place or coordinates the group, as the broker has it; -1: none.
int sim_cluster_leader(const struct sim_cluster *cluster, int place);

#endif
