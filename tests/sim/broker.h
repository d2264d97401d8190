// SPDX-License-Identifier: MIT
/*
 * The scripted brokers: a few nodes with one truth behind them.
 *
 * Nodes hold topics (topics.h) and coordinate groups (group.h). A node answers for
 * the partitions it leads and the groups it coordinates, and refuses the rest as
 * Kafka does. Leaders and coordinators move. In bad weather any answer may be an
 * error that Kafka could give, nothing else being changed by it.
 *
 * Fetches: sessions (KIP-227) that the node may forget at any time; a fetch waits
 * until fetch.min.bytes are there or its time is over; one node serves one request of
 * a connection at a time.
 */
#ifndef DH_TESTS_SIM_BROKER_H
#define DH_TESTS_SIM_BROKER_H

#include "base/arena.h"
#include "fetches.h"
#include "group.h"
#include "network.h"
#include "request.h"
#include "topics.h"
#include "wire/gen/api_keys.h"

struct sim_broker_counts {
    uint64_t requests[DH_API_KEY_END];
    uint64_t errors; // injected
    uint64_t moves;  // of leaders and coordinators
};

struct sim_broker {
    struct sim_scheduler *scheduler;
    struct sim_network *network;
    struct sim_topics *topics;
    struct sim_history *history;
    struct dh_arena arena;               // of the request that is being served
    int16_t version_max[DH_API_KEY_END]; // what the nodes offer; -1: nothing
    unsigned error_in_thousand;
    int coordinator;                          // node of all groups
    struct sim_group *groups[SIM_GROUPS_MAX]; // by number; owned; NULL: not yet
    struct sim_fetches fetches;
    struct sim_broker_counts counts;
};

void sim_broker_init(struct sim_broker *broker, struct sim_scheduler *scheduler,
                     struct sim_network *network, struct sim_topics *topics,
                     struct sim_history *history);
void sim_broker_deinit(struct sim_broker *broker);

// NULL: nobody has asked for it yet.
const struct sim_group *sim_broker_group(const struct sim_broker *broker, int number);

// Serves the next request of the connection, if one is there and none is being served.
void sim_broker_go_on(struct sim_broker *broker, struct sim_connection *connection);

// Something was appended, or a leader has moved: fetches that wait are looked at.
void sim_broker_on_log(struct sim_broker *broker);

// What the node says to a request about a place: 0, or the broker's error code.
int16_t sim_broker_check_leader(struct sim_broker *broker, int place, int node,
                                int32_t leader_epoch);

void sim_broker_move_coordinator(struct sim_broker *broker, int node);

#endif
