// SPDX-License-Identifier: MIT
/*
 * The network between members and nodes: connections, each two ordered streams of
 * bytes, and the names of nodes.
 *
 *     connect ---> refused, or never answered, or up after a while
 *     bytes   ---> come in pieces: any size from one byte on, each after a delay
 *     reset   ---> at a byte of either stream drawn beforehand: what lies before it has
 *                  arrived, the rest is lost, both ends learn of it at different times
 *     silence ---> a node hears nothing, or says nothing, or both, for a while
 *
 * A client that closes lets its last bytes arrive. In calm there are still delays and
 * pieces, but nothing is lost.
 *
 * The two ends are tables of functions; neither knows the other. Host names are
 * node-0, node-1, ...; the address is the number.
 */
#ifndef DH_TESTS_SIM_NETWORK_H
#define DH_TESTS_SIM_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/address.h"
#include "base/buf.h"
#include "client/back/action.h"
#include "scheduler.h"
#include "tap.h"

#define SIM_NODES_MAX 3

struct sim_connection;

// The end of one member: the calls of client/back/back.h.
struct sim_client {
    void *ctx;
    int member; // its number
    void (*on_resolved)(void *ctx, uint32_t id, const struct dh_address *addresses,
                        size_t count, int err, const char *text);
    void (*on_connected)(void *ctx, uint32_t id);
    void (*on_closed)(void *ctx, uint32_t id, int err, const char *text);
    bool (*receive_buffer)(void *ctx, uint32_t id, uint8_t **pointer, size_t *capacity);
    void (*on_received)(void *ctx, uint32_t id, size_t size);
    void (*on_sent)(void *ctx, uint32_t id);
};

// The end of the nodes.
struct sim_server {
    void *ctx;
    // False: nobody listens at connection->node.
    bool (*on_connect)(void *ctx, struct sim_connection *connection);
    // Where the next bytes go. False: no more are wanted. *capacity 0: not before
    // sim_network_read.
    bool (*receive_buffer)(void *ctx, struct sim_connection *connection,
                           uint8_t **pointer, size_t *capacity);
    void (*on_received)(void *ctx, struct sim_connection *connection, size_t size);
    // All of what was sent last was taken.
    void (*on_sent)(void *ctx, struct sim_connection *connection);
    // The client has closed, or the connection is broken; not after the node's own end.
    void (*on_closed)(void *ctx, struct sim_connection *connection);
};

// One direction of a connection.
struct sim_flow {
    struct dh_buf bytes;
    size_t taken;
    int64_t reset_after; // bytes until the reset; -1: never
    bool is_scheduled;
    bool is_ended;  // nothing comes behind what is there
    bool is_stayed; // the receiver has no room
    // Of the frames that pass: bytes of a size, and of the frame still to come.
    uint8_t size_bytes;
    uint32_t size;
    uint32_t frame_left;
};

struct sim_connection {
    struct sim_network *network;
    struct sim_client *client; // NULL: that end is closed
    uint32_t id;               // the client's
    int node;
    bool is_up;
    bool is_node_open;
    struct sim_flow up;   // to the node
    struct sim_flow down; // to the client
    // The node's.
    uint32_t node_id; // its number for the connection; 0: none
    struct dh_buf in; // of the scripted brokers, as what follows
    bool is_busy;     // a request is being served
    struct sim_tap_line tap;
};

// What the network does to its users. All zero but the delays in calm.
struct sim_weather {
    int64_t delay_max_ns;
    unsigned refuse_in_thousand; // of connects
    unsigned hang_in_thousand;   // of connects and resolves
    unsigned unresolved_in_thousand;
    unsigned reset_in_thousand; // of connections
};

struct sim_network_counts {
    uint64_t connects;
    uint64_t refused;
    uint64_t hung;
    uint64_t unresolved;
    uint64_t pieces;
    uint64_t splits; // pieces that were not all there was
    uint64_t resets;
    uint64_t cuts; // resets inside a frame
    uint64_t silences;
};

struct sim_network {
    struct sim_scheduler *scheduler;
    struct sim_server server;
    struct sim_tap *tap; // sees all bytes; NULL: none
    struct sim_weather weather;
    int node_count;
    int64_t deaf_until_ns[SIM_NODES_MAX]; // nothing reaches the node
    int64_t mute_until_ns[SIM_NODES_MAX]; // nothing leaves it
    struct sim_connection **connections;  // all there ever were; owned
    size_t connection_count;
    size_t connection_capacity;
    struct sim_network_counts counts;
};

void sim_network_init(struct sim_network *network, struct sim_scheduler *scheduler,
                      int node_count);
void sim_network_deinit(struct sim_network *network);

// Does what a back half asks for.
void sim_network_act(struct sim_network *network, struct sim_client *client,
                     const struct dh_action *action);

// The client is gone: it is told nothing more.
void sim_network_forget(struct sim_network *network, const struct sim_client *client);

// Sends from the node. A connection that is gone swallows it.
void sim_network_send(struct sim_connection *connection, dohle_bytes bytes);

// The node has room again.
void sim_network_read(struct sim_connection *connection);

// The node closes the connection: what it has sent still arrives.
void sim_network_close(struct sim_connection *connection);
// The same, without what was not received yet.
void sim_network_reset(struct sim_connection *connection);

// Nothing reaches a node, or leaves it, or both, for so long.
void sim_network_silence(struct sim_network *network, int node, bool is_deaf,
                         bool is_mute, int64_t duration_ns);
void sim_network_end_silences(struct sim_network *network);

// The process of the nodes is gone: its ends of all connections are.
void sim_network_drop_nodes(struct sim_network *network);

#endif
