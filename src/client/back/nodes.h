// SPDX-License-Identifier: MIT
/*
 * The nodes that requests can go to, and the lanes to each.
 *
 * A lane is one connection and what waits for it: operations that are queued,
 * and requests in flight, oldest first. A node has a lane for each channel, made
 * when first needed.
 *
 *     bootstrap addresses   ids -2, -3, ...   always there
 *     brokers               ids >= 0          from metadata and FindCoordinator
 *
 * When a broker moves or goes, its lanes are retired: they end what is in flight
 * and close. A bootstrap address that turns out to be a broker hands its lane over,
 * so that no second connection is made.
 *
 * Bounds: DH_FLIGHTS_MAX requests in flight on a lane; three lanes a node.
 *
 * Part of requests.c, which alone sets operations' states.
 */
#ifndef DH_CLIENT_BACK_NODES_H
#define DH_CLIENT_BACK_NODES_H

#include "client/back/connection.h"
#include "client/back/requests.h"

#define DH_FLIGHTS_MAX 32

// The id of the index-th bootstrap address.
#define DH_NODE_BOOTSTRAP(index) (-2 - (int32_t)(index))

struct dh_flight {
    struct dh_op *op; // NULL: nobody waits any more, the response is dropped
    int32_t correlation_id;
    int16_t api_key;
    int16_t version;
    bool is_silent; // no response comes: it ends when it has been written
};

struct dh_lane {
    struct dh_connection connection;
    struct dh_nodes *nodes; // whose
    int32_t node_id;
    enum dh_channel channel;
    bool is_retired;                          // takes no more; freed when it has closed
    struct dh_list queued;                    // dh_op.link
    struct dh_flight flights[DH_FLIGHTS_MAX]; // a ring
    uint32_t flight_first;
    uint32_t flight_count;
    int64_t muted_until_ns;     // KIP-219; in the past: not muted
    struct dh_alarm mute;       // the end of it
    struct dh_link active_link; // nodes->active: to be looked at
    struct dh_link retired_link;
};

struct dh_node {
    int32_t id;
    char *host; // owned
    int32_t port;
    uint64_t seen; // the round of dh_nodes_begin_brokers that named it last
    struct dh_lane *lanes[DH_CHANNEL_COUNT]; // owned; NULL: not needed so far
};

struct dh_nodes {
    const dohle_allocator *mem;
    struct dh_connections *connections;
    struct dh_map by_id;    // (uint32_t)id -> struct dh_node
    struct dh_list active;  // lanes with something to do
    struct dh_list retired; // lanes that nobody finds any more
    struct dh_list orphans; // operations whose lane was retired under them
    uint64_t round;
    size_t broker_count;
    bool has_bootstrap_only; // ignore the brokers: start again (CL-183)
};

void dh_nodes_init(struct dh_nodes *nodes, struct dh_connections *connections,
                   uint64_t hash_seed);

// No operation may be queued or in flight any more.
void dh_nodes_deinit(struct dh_nodes *nodes);

// NULL: not known.
struct dh_node *dh_nodes_find(const struct dh_nodes *nodes, int32_t id);

/*
 * Makes the node known, or moves it: lanes to another address are retired, and what
 * was queued on them becomes an orphan. Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_nodes_put(struct dh_nodes *nodes, int32_t id, const char *host,
                               int32_t port);

// Between these two, dh_nodes_put names all brokers; the others are forgotten.
void dh_nodes_begin_brokers(struct dh_nodes *nodes);
void dh_nodes_end_brokers(struct dh_nodes *nodes);

// Makes the lane if need be. NULL: no memory.
struct dh_lane *dh_nodes_lane(struct dh_nodes *nodes, struct dh_node *node,
                              enum dh_channel channel);

/*
 * The node to ask when any will do: connected and least loaded; else connecting; else
 * idle, at random; else the one that may be tried first. NULL: there is none.
 */
struct dh_node *dh_nodes_any(const struct dh_nodes *nodes, struct dh_random *random,
                             int64_t now_ns);

// Whether some node that dh_nodes_any would choose from is not backing off.
bool dh_nodes_has_usable(const struct dh_nodes *nodes);

// Walks; cursor NULL at the start and at the end.
struct dh_node *dh_nodes_next(const struct dh_nodes *nodes, struct dh_map_item **cursor);

// Puts the lane on nodes->active, once.
void dh_lane_activate(struct dh_lane *lane);

// Frees a retired lane that has ended. False: not yet.
bool dh_lane_release(struct dh_nodes *nodes, struct dh_lane *lane);

// When a request could go out: now_ns, the end of the muting, or of the back-off.
int64_t dh_lane_ready_at(const struct dh_lane *lane, int64_t now_ns);

// The flights that somebody waits for.
bool dh_lane_is_awaited(const struct dh_lane *lane);

static inline struct dh_flight *dh_lane_flight(struct dh_lane *lane, uint32_t index)
{
    return &lane->flights[(lane->flight_first + index) % DH_FLIGHTS_MAX];
}

static inline struct dh_lane *dh_lane_of(struct dh_connection *connection)
{
    return DH_CONTAINER_OF(connection, struct dh_lane, connection);
}

#endif
