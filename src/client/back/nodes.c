// SPDX-License-Identifier: MIT
#include "client/back/nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/mem.h"

static uint64_t key_of(int32_t id)
{
    return (uint32_t)id;
}

void dh_nodes_init(struct dh_nodes *nodes, struct dh_connections *connections,
                   uint64_t hash_seed)
{
    *nodes = (struct dh_nodes){.mem = connections->mem, .connections = connections};
    dh_map_init(&nodes->by_id, nodes->mem, hash_seed);
    dh_list_init(&nodes->active);
    dh_list_init(&nodes->retired);
    dh_list_init(&nodes->orphans);
}

static void lane_free(struct dh_nodes *nodes, struct dh_lane *lane)
{
    DH_ASSERT(dh_list_is_empty(&lane->queued));
    dh_list_remove(&lane->active_link);
    dh_list_remove(&lane->retired_link);
    dh_alarm_deinit(&lane->mute, nodes->connections->alarms);
    dh_connection_deinit(&lane->connection);
    dh_mem_free(nodes->mem, lane, sizeof(*lane));
}

static void node_free(struct dh_nodes *nodes, struct dh_node *node)
{
    dh_mem_free_string(nodes->mem, node->host);
    dh_mem_free(nodes->mem, node, sizeof(*node));
}

void dh_nodes_deinit(struct dh_nodes *nodes)
{
    struct dh_map_item *cursor = NULL;
    for (struct dh_node *node; (node = dh_nodes_next(nodes, &cursor)) != NULL;) {
        for (size_t i = 0; i < DH_CHANNEL_COUNT; i++) {
            if (node->lanes[i] != NULL) {
                lane_free(nodes, node->lanes[i]);
            }
        }
        node_free(nodes, node);
    }
    DH_LIST_EACH_SAFE(link, next, &nodes->retired)
    {
        lane_free(nodes, DH_CONTAINER_OF(link, struct dh_lane, retired_link));
    }
    dh_map_deinit(&nodes->by_id);
}

struct dh_node *dh_nodes_find(const struct dh_nodes *nodes, int32_t id)
{
    return dh_map_get_u64(&nodes->by_id, key_of(id));
}

struct dh_node *dh_nodes_next(const struct dh_nodes *nodes, struct dh_map_item **cursor)
{
    *cursor = *cursor == NULL ? dh_map_first(&nodes->by_id) : dh_map_next(*cursor);
    return *cursor == NULL ? NULL : (*cursor)->value;
}

// What is queued has no lane any more; requests.c tells the owners.
static void retire_lane(struct dh_nodes *nodes, struct dh_lane *lane)
{
    lane->is_retired = true;
    DH_LIST_EACH(link, &lane->queued)
    {
        DH_CONTAINER_OF(link, struct dh_op, link)->lane = NULL;
    }
    dh_list_append_all(&nodes->orphans, &lane->queued);
    dh_list_push_back(&nodes->retired, &lane->retired_link);
    dh_lane_activate(lane);
}

static void retire_lanes(struct dh_nodes *nodes, struct dh_node *node)
{
    for (size_t i = 0; i < DH_CHANNEL_COUNT; i++) {
        if (node->lanes[i] != NULL) {
            retire_lane(nodes, node->lanes[i]);
            node->lanes[i] = NULL;
        }
    }
}

static void label_of(int32_t id, char label[32])
{
    if (id < DH_NODE_NONE) {
        snprintf(label, 32, "bootstrap");
    } else {
        snprintf(label, 32, "node %" PRId32, id);
    }
}

// The bootstrap address of the same host and port hands its connection over.
static void adopt_bootstrap_lane(struct dh_nodes *nodes, struct dh_node *broker)
{
    struct dh_map_item *cursor = NULL;
    for (struct dh_node *node; (node = dh_nodes_next(nodes, &cursor)) != NULL;) {
        struct dh_lane *lane = node->lanes[DH_CHANNEL_GENERAL];
        if (node->id > DH_NODE_NONE || lane == NULL || node->port != broker->port ||
            strcmp(node->host, broker->host) != 0) {
            continue;
        }
        node->lanes[DH_CHANNEL_GENERAL] = NULL;
        broker->lanes[DH_CHANNEL_GENERAL] = lane;
        lane->node_id = broker->id;
        label_of(broker->id, lane->connection.label);
        return;
    }
}

static int add(struct dh_nodes *nodes, int32_t id, const char *host, int32_t port)
{
    struct dh_node *node = dh_mem_calloc(nodes->mem, 1, sizeof(*node));
    if (node == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    node->id = id;
    node->port = port;
    node->seen = nodes->round;
    node->host = dh_mem_copy_string(nodes->mem, host, strlen(host));
    if (node->host == NULL || dh_map_put_u64(&nodes->by_id, key_of(id), node) != 0) {
        node_free(nodes, node);
        return DOHLE_ERR_NO_MEMORY;
    }
    if (id > DH_NODE_NONE) {
        nodes->broker_count++;
        adopt_bootstrap_lane(nodes, node);
    }
    return 0;
}

int dh_nodes_put(struct dh_nodes *nodes, int32_t id, const char *host, int32_t port)
{
    struct dh_node *node = dh_nodes_find(nodes, id);
    if (node == NULL) {
        return add(nodes, id, host, port);
    }
    node->seen = nodes->round;
    if (node->port == port && strcmp(node->host, host) == 0) {
        return 0;
    }
    char *moved_to = dh_mem_copy_string(nodes->mem, host, strlen(host));
    if (moved_to == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    retire_lanes(nodes, node);
    dh_mem_free_string(nodes->mem, node->host);
    node->host = moved_to;
    node->port = port;
    adopt_bootstrap_lane(nodes, node);
    return 0;
}

void dh_nodes_begin_brokers(struct dh_nodes *nodes)
{
    nodes->round++;
}

void dh_nodes_end_brokers(struct dh_nodes *nodes)
{
    struct dh_map_item *item = dh_map_first(&nodes->by_id);
    while (item != NULL) {
        struct dh_node *node = item->value;
        item = dh_map_next(item);
        if (node->id < DH_NODE_NONE) {
            // Brokers are known now: what was only for finding them can go.
            retire_lanes(nodes, node);
        } else if (node->seen != nodes->round) {
            retire_lanes(nodes, node);
            (void)dh_map_remove_u64(&nodes->by_id, key_of(node->id));
            node_free(nodes, node);
            nodes->broker_count--;
        }
    }
}

static void on_mute_end(struct dh_alarm *alarm, int64_t now_ns)
{
    (void)now_ns;
    dh_lane_activate(DH_CONTAINER_OF(alarm, struct dh_lane, mute));
}

struct dh_lane *dh_nodes_lane(struct dh_nodes *nodes, struct dh_node *node,
                              enum dh_channel channel)
{
    if (node->lanes[channel] != NULL) {
        return node->lanes[channel];
    }
    struct dh_lane *lane = dh_mem_calloc(nodes->mem, 1, sizeof(*lane));
    if (lane == NULL) {
        return NULL;
    }
    lane->nodes = nodes;
    lane->node_id = node->id;
    lane->channel = channel;
    lane->muted_until_ns = INT64_MIN;
    dh_list_init(&lane->queued);
    struct dh_alarms *alarms = nodes->connections->alarms;
    if (dh_alarm_init(&lane->mute, alarms, on_mute_end) != 0) {
        dh_mem_free(nodes->mem, lane, sizeof(*lane));
        return NULL;
    }
    char label[32];
    label_of(node->id, label);
    if (dh_connection_init(&lane->connection, nodes->connections, node->host, node->port,
                           label) != 0) {
        dh_alarm_deinit(&lane->mute, alarms);
        dh_mem_free(nodes->mem, lane, sizeof(*lane));
        return NULL;
    }
    node->lanes[channel] = lane;
    return lane;
}

// Whether dh_nodes_any may choose the node: brokers, as long as there are any.
static bool is_candidate(const struct dh_nodes *nodes, const struct dh_node *node)
{
    bool wants_bootstrap = nodes->broker_count == 0 || nodes->has_bootstrap_only;
    return (node->id < DH_NODE_NONE) == wants_bootstrap;
}

// How well a node suits for a question to any: the lower the better.
static int64_t any_cost(const struct dh_node *node, int64_t now_ns)
{
    enum { CONNECTED = 0, CONNECTING = 1000, IDLE = 2000, LATER = 3000 };

    const struct dh_lane *lane = node->lanes[DH_CHANNEL_GENERAL];
    if (lane == NULL) {
        return IDLE;
    }
    int64_t wait_ns = dh_lane_ready_at(lane, now_ns) - now_ns;
    if (wait_ns > 0) {
        return LATER + wait_ns;
    }
    switch (lane->connection.state) {
    case DH_CONNECTION_READY: return CONNECTED + lane->flight_count;
    case DH_CONNECTION_RESOLVING:
    case DH_CONNECTION_CONNECTING:
    case DH_CONNECTION_NEGOTIATING: return CONNECTING;
    case DH_CONNECTION_IDLE:
    case DH_CONNECTION_BACKING_OFF: break;
    }
    return IDLE;
}

struct dh_node *dh_nodes_any(const struct dh_nodes *nodes, struct dh_random *random,
                             int64_t now_ns)
{
    struct dh_node *best = NULL;
    int64_t best_cost = INT64_MAX;
    uint64_t equals = 0;
    struct dh_map_item *cursor = NULL;
    for (struct dh_node *node; (node = dh_nodes_next(nodes, &cursor)) != NULL;) {
        if (!is_candidate(nodes, node)) {
            continue;
        }
        int64_t cost = any_cost(node, now_ns);
        if (cost > best_cost) {
            continue;
        }
        equals = cost < best_cost ? 1 : equals + 1;
        best_cost = cost;
        // Each of several equals is chosen with the same probability.
        if (dh_random_below(random, equals) == 0) {
            best = node;
        }
    }
    return best;
}

bool dh_nodes_has_usable(const struct dh_nodes *nodes)
{
    struct dh_map_item *cursor = NULL;
    for (struct dh_node *node; (node = dh_nodes_next(nodes, &cursor)) != NULL;) {
        const struct dh_lane *lane = node->lanes[DH_CHANNEL_GENERAL];
        if (is_candidate(nodes, node) &&
            (lane == NULL || lane->connection.state != DH_CONNECTION_BACKING_OFF)) {
            return true;
        }
    }
    return false;
}

void dh_lane_activate(struct dh_lane *lane)
{
    if (!dh_link_is_linked(&lane->active_link)) {
        dh_list_push_back(&lane->nodes->active, &lane->active_link);
    }
}

bool dh_lane_release(struct dh_nodes *nodes, struct dh_lane *lane)
{
    if (!lane->is_retired || lane->flight_count > 0 ||
        !dh_connection_is_detached(&lane->connection)) {
        return false;
    }
    lane_free(nodes, lane);
    return true;
}

int64_t dh_lane_ready_at(const struct dh_lane *lane, int64_t now_ns)
{
    int64_t ready_ns = now_ns;
    if (lane->muted_until_ns > ready_ns) {
        ready_ns = lane->muted_until_ns;
    }
    if (lane->connection.state == DH_CONNECTION_BACKING_OFF) {
        int64_t retry_ns = dh_alarm_deadline(&lane->connection.alarm);
        if (retry_ns > ready_ns) {
            ready_ns = retry_ns;
        }
    }
    return ready_ns;
}

bool dh_lane_is_awaited(const struct dh_lane *lane)
{
    if (!dh_list_is_empty(&lane->queued)) {
        return true;
    }
    for (uint32_t i = 0; i < lane->flight_count; i++) {
        if (lane->flights[(lane->flight_first + i) % DH_FLIGHTS_MAX].op != NULL) {
            return true;
        }
    }
    return false;
}
