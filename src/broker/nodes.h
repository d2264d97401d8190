// SPDX-License-Identifier: MIT
/*
 * Nodes: who listens where, who is up, racks. Ids are 1, 2, ... in order of the options.
 *
 *     up, not listening   at start, until the host has answered LISTEN
 *     up, listening       clients are accepted
 *     down                stopped or killed: no connection, no leadership
 *
 * What is wished (is_up) and what the host was told (listen_wish) are two things. A node
 * that comes back listens at the port it had.
 */
#ifndef DH_BROKER_NODES_H
#define DH_BROKER_NODES_H

#include <stdbool.h>

#include "broker/action.h"
#include "broker/state.h"

enum dh_broker_listen_wish {
    DH_BROKER_WISH_NOTHING, // the host knows all
    DH_BROKER_WISH_LISTEN,
    DH_BROKER_WISH_UNLISTEN,
    DH_BROKER_WISH_RELISTEN, // both, in this order
};

struct dh_broker_node {
    int32_t id;
    struct dh_address address; // to bind: as in the options, later what was bound
    char *rack;                // owned; NULL: none
    char host[64];             // told to clients; "": has never listened
    int32_t port;
    bool is_up;
    bool is_paused; // keeps connections and port, and answers nothing
    bool is_listening;
    bool has_failed; // to listen; `trouble` says why
    enum dh_broker_listen_wish listen_wish;
    char trouble[200];
};

struct dh_broker_nodes {
    struct dh_broker_node *items; // owned
    size_t count;
};

DH_MUST_CHECK int dh_broker_nodes_new(struct dh_broker *broker,
                                      const struct dh_broker_options *options);
void dh_broker_nodes_free(struct dh_broker *broker);

size_t dh_broker_nodes_count(const struct dh_broker *broker);
struct dh_broker_node *dh_broker_nodes_at(const struct dh_broker *broker, size_t index);
// NULL: there is no such node.
struct dh_broker_node *dh_broker_nodes_find(const struct dh_broker *broker, int32_t id);
bool dh_broker_nodes_is_up(const struct dh_broker *broker, int32_t id);
// Who is said to be the controller: the first that is up; -1: none is.
int32_t dh_broker_nodes_controller(const struct dh_broker *broker);

/*
 * Takes a node down: its connections are closed, or reset when is_killed; partitions it led
 * and groups it coordinated go elsewhere. Nothing happens when it is down.
 */
void dh_broker_nodes_take_down(struct dh_broker *broker, struct dh_broker_node *node,
                               bool is_killed);
// Brings it back. Nothing happens when it is up.
void dh_broker_nodes_bring_up(struct dh_broker *broker, struct dh_broker_node *node);

// From now on it answers nothing; or goes on where it was.
void dh_broker_nodes_set_paused(struct dh_broker *broker, struct dh_broker_node *node,
                                bool is_paused);

void dh_broker_nodes_on_listening(struct dh_broker *broker, struct dh_broker_node *node,
                                  const struct dh_broker_listening *listening);
// False: nothing to be done.
bool dh_broker_nodes_next_action(struct dh_broker *broker,
                                 struct dh_broker_action *action);

#endif
