// SPDX-License-Identifier: MIT
#include "network.h"

#include <dohle/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

void sim_network_init(struct sim_network *network, struct sim_scheduler *scheduler,
                      int node_count)
{
    memset(network, 0, sizeof(*network));
    network->scheduler = scheduler;
    network->node_count = node_count;
}

void sim_network_deinit(struct sim_network *network)
{
    for (size_t i = 0; i < network->connection_count; i++) {
        struct sim_connection *connection = network->connections[i];
        dh_buf_deinit(&connection->up.bytes);
        dh_buf_deinit(&connection->down.bytes);
        dh_buf_deinit(&connection->in);
        sim_tap_line_deinit(&connection->tap);
        free(connection);
    }
    free(network->connections);
}

static struct sim_connection *find(struct sim_network *network,
                                   const struct sim_client *client, uint32_t id)
{
    for (size_t i = network->connection_count; i > 0; i--) {
        struct sim_connection *connection = network->connections[i - 1];
        if (connection->client == client && connection->id == id) {
            return connection;
        }
    }
    return NULL;
}

// Also stands for a resolution that is under way.
static struct sim_connection *add(struct sim_network *network, struct sim_client *client,
                                  uint32_t id)
{
    if (network->connection_count == network->connection_capacity) {
        network->connection_capacity = network->connection_capacity * 2 + 64;
        network->connections =
            realloc(network->connections,
                    network->connection_capacity * sizeof(*network->connections));
        DH_ASSERT(network->connections != NULL);
    }
    struct sim_connection *connection = calloc(1, sizeof(*connection));
    DH_ASSERT(connection != NULL);
    network->connections[network->connection_count++] = connection;
    connection->network = network;
    connection->client = client;
    connection->id = id;
    connection->up.reset_after = -1;
    connection->down.reset_after = -1;
    dh_buf_init(&connection->up.bytes, dh_mem_default(), 0);
    dh_buf_init(&connection->down.bytes, dh_mem_default(), 0);
    dh_buf_init(&connection->in, dh_mem_default(), 0);
    return connection;
}

static int64_t delay(struct sim_network *network)
{
    return sim_delay(network->scheduler, network->weather.delay_max_ns);
}

// ---- Names ----

static int node_of(const struct sim_network *network, const char *host)
{
    for (int i = 0; i < network->node_count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "node-%d", i);
        if (strcmp(name, host) == 0) {
            return i;
        }
    }
    return -1;
}

static void end_resolution(void *ctx, uint64_t number)
{
    struct sim_connection *connection = ctx;
    struct sim_client *client = connection->client;
    connection->client = NULL;
    if (client == NULL) {
        return;
    }
    if (number == 0) {
        client->on_resolved(client->ctx, connection->id, NULL, 0, DOHLE_ERR_RESOLVE,
                            "the name server has failed");
        return;
    }
    struct dh_address address = {.size = 1};
    address.bytes[0] = (uint8_t)(number - 1);
    client->on_resolved(client->ctx, connection->id, &address, 1, 0, "");
}

static void resolve(struct sim_network *network, struct sim_client *client,
                    const struct dh_action *action)
{
    struct sim_connection *connection = add(network, client, action->connection_id);
    int node = node_of(network, action->host);
    if (sim_chance(network->scheduler, network->weather.hang_in_thousand)) {
        network->counts.hung++;
        return;
    }
    if (sim_chance(network->scheduler, network->weather.unresolved_in_thousand)) {
        network->counts.unresolved++;
        node = -1;
    }
    sim_after(network->scheduler, delay(network), end_resolution, connection,
              (uint64_t)(node + 1));
}

// ---- Connecting ----

static void tell_closed(void *ctx, uint64_t number)
{
    struct sim_connection *connection = ctx;
    struct sim_client *client = connection->client;
    if (client != NULL) {
        connection->client = NULL;
        client->on_closed(client->ctx, connection->id,
                          number == 0 ? DOHLE_ERR_CONNECT : DOHLE_ERR_DISCONNECTED,
                          number == 0 ? "connection refused" : "connection reset");
    }
}

static void end_connect(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_connection *connection = ctx;
    if (connection->client != NULL) {
        struct sim_server *server = &connection->network->server;
        if (!server->on_connect(server->ctx, connection)) {
            connection->network->counts.refused++;
            tell_closed(connection, 0);
            return;
        }
        connection->is_up = true;
        connection->is_node_open = true;
        connection->client->on_connected(connection->client->ctx, connection->id);
    }
}

static int64_t draw_reset(struct sim_network *network)
{
    if (!sim_chance(network->scheduler, network->weather.reset_in_thousand)) {
        return -1;
    }
    int64_t most = sim_chance(network->scheduler, 500) ? 200 : 20000;
    return sim_between(network->scheduler, 1, most);
}

static bool is_silent(const struct sim_network *network, int node)
{
    return network->deaf_until_ns[node] > network->scheduler->now_ns ||
           network->mute_until_ns[node] > network->scheduler->now_ns;
}

static void connect_to(struct sim_network *network, struct sim_client *client,
                       const struct dh_action *action)
{
    struct sim_connection *connection = add(network, client, action->connection_id);
    connection->node = action->address.bytes[0];
    network->counts.connects++;
    if (sim_chance(network->scheduler, network->weather.hang_in_thousand) ||
        is_silent(network, connection->node)) {
        network->counts.hung++;
        return;
    }
    if (sim_chance(network->scheduler, network->weather.refuse_in_thousand)) {
        network->counts.refused++;
        sim_after(network->scheduler, delay(network), tell_closed, connection, 0);
        return;
    }
    connection->up.reset_after = draw_reset(network);
    connection->down.reset_after = draw_reset(network);
    sim_after(network->scheduler, delay(network), end_connect, connection, 0);
}

// ---- Bytes ----

static void move_up(void *ctx, uint64_t number);
static void move_down(void *ctx, uint64_t number);

static void schedule_flow(struct sim_connection *connection, struct sim_flow *flow)
{
    bool is_drained = flow->taken == flow->bytes.size;
    if (flow->is_scheduled || flow->is_stayed || (is_drained && !flow->is_ended)) {
        return;
    }
    struct sim_network *network = connection->network;
    flow->is_scheduled = true;
    int64_t at_ns = network->scheduler->now_ns + delay(network);
    int64_t silent_ns = flow == &connection->up
                            ? network->deaf_until_ns[connection->node]
                            : network->mute_until_ns[connection->node];
    sim_at(network->scheduler, at_ns > silent_ns ? at_ns : silent_ns,
           flow == &connection->up ? move_up : move_down, connection, 0);
}

// How much of what lies there moves now.
static size_t draw_piece(struct sim_network *network, struct sim_flow *flow)
{
    size_t left = flow->bytes.size - flow->taken;
    size_t size = left;
    uint64_t kind = sim_below(network->scheduler, 8);
    if (kind == 0 && left < 400) {
        size = 1 + sim_below(network->scheduler, 4);
    } else if (kind <= 2) {
        size = 1 + sim_below(network->scheduler, left);
    }
    size = size < left ? size : left;
    if (flow->reset_after >= 0 && size > (size_t)flow->reset_after) {
        size = (size_t)flow->reset_after;
    }
    network->counts.pieces++;
    network->counts.splits += size < left ? 1 : 0;
    return size;
}

// Follows the frames in the stream: a size of four bytes, and so many behind it.
static void follow_frames(struct sim_flow *flow, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        if (flow->frame_left > 0) {
            size_t left = size - i < flow->frame_left ? size - i : flow->frame_left;
            flow->frame_left -= (uint32_t)left;
            i += left;
            continue;
        }
        flow->size = flow->size << 8 | bytes[i++];
        if (++flow->size_bytes == 4) {
            flow->frame_left = flow->size;
            flow->size = 0;
            flow->size_bytes = 0;
        }
    }
}

static void settle_flow(struct sim_flow *flow, size_t size)
{
    follow_frames(flow, flow->bytes.data + flow->taken, size);
    flow->taken += size;
    if (flow->reset_after >= 0) {
        flow->reset_after -= (int64_t)size;
    }
    if (flow->taken == flow->bytes.size) {
        dh_buf_reset(&flow->bytes);
        flow->taken = 0;
    }
}

// The client's end is closed; what it has sent still arrives.
static void leave(struct sim_connection *connection)
{
    connection->client = NULL;
    connection->up.is_ended = true;
    schedule_flow(connection, &connection->up);
}

static void tell_node_closed(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_connection *connection = ctx;
    const struct sim_server *server = &connection->network->server;
    if (connection->is_node_open) {
        connection->is_node_open = false;
        server->on_closed(server->ctx, connection);
    }
}

static bool is_inside_frame(const struct sim_flow *flow)
{
    return flow->frame_left > 0 || flow->size_bytes > 0;
}

// The network's doing: both ends learn of it, each at its own time.
static void reset(struct sim_connection *connection, const struct sim_flow *flow)
{
    struct sim_network *network = connection->network;
    network->counts.resets++;
    network->counts.cuts += is_inside_frame(flow) ? 1 : 0;
    connection->is_up = false;
    sim_after(network->scheduler, delay(network), tell_closed, connection, 1);
    sim_after(network->scheduler, delay(network), tell_node_closed, connection, 0);
}

static void move_up(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_connection *connection = ctx;
    struct sim_network *network = connection->network;
    struct sim_flow *flow = &connection->up;
    flow->is_scheduled = false;
    if (!connection->is_node_open || !connection->is_up) {
        return;
    }
    if (flow->taken == flow->bytes.size) {
        connection->is_up = false;
        tell_node_closed(connection, 0);
        return;
    }
    uint8_t *pointer = NULL;
    size_t capacity = 0;
    if (!network->server.receive_buffer(network->server.ctx, connection, &pointer,
                                        &capacity)) {
        return;
    }
    if (capacity == 0) {
        flow->is_stayed = true;
        return;
    }
    size_t size = draw_piece(network, flow);
    size = size < capacity ? size : capacity;
    memcpy(pointer, flow->bytes.data + flow->taken, size);
    settle_flow(flow, size);
    if (flow->reset_after == 0) {
        reset(connection, flow);
    }
    schedule_flow(connection, flow);
    network->server.on_received(network->server.ctx, connection, size);
}

static void move_down(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_connection *connection = ctx;
    struct sim_flow *flow = &connection->down;
    flow->is_scheduled = false;
    struct sim_client *client = connection->client;
    if (client == NULL || !connection->is_up) {
        return;
    }
    if (flow->taken == flow->bytes.size) {
        connection->is_up = false;
        tell_closed(connection, 1);
        return;
    }
    uint8_t *pointer = NULL;
    size_t capacity = 0;
    if (!client->receive_buffer(client->ctx, connection->id, &pointer, &capacity)) {
        leave(connection);
        return;
    }
    DH_ASSERT(capacity > 0);
    size_t size = draw_piece(connection->network, flow);
    size = size < capacity ? size : capacity;
    memcpy(pointer, flow->bytes.data + flow->taken, size);
    settle_flow(flow, size);
    if (flow->reset_after == 0) {
        reset(connection, flow);
    }
    schedule_flow(connection, flow);
    if (connection->network->tap != NULL && client->member >= 0) {
        sim_tap_received(connection->network->tap, &connection->tap, client->member,
                         (dohle_bytes){pointer, size});
    }
    client->on_received(client->ctx, connection->id, size);
}

static void tell_sent(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_connection *connection = ctx;
    if (connection->client != NULL && connection->is_up) {
        connection->client->on_sent(connection->client->ctx, connection->id);
    }
}

static void send_up(struct sim_network *network, struct sim_client *client,
                    const struct dh_action *action)
{
    struct sim_connection *connection = find(network, client, action->connection_id);
    if (connection == NULL || !connection->is_up) {
        return; // reset; the client is about to hear it
    }
    if (network->tap != NULL && client->member >= 0) {
        sim_tap_sent(network->tap, &connection->tap, client->member, connection->node,
                     action->bytes);
    }
    dh_buf_append(&connection->up.bytes, action->bytes.data, action->bytes.size);
    schedule_flow(connection, &connection->up);
    // The system mostly takes everything at once; a full buffer takes a while.
    sim_after(network->scheduler,
              sim_chance(network->scheduler, 900) ? 0 : delay(network), tell_sent,
              connection, 0);
}

// ---- The rest ----

void sim_network_act(struct sim_network *network, struct sim_client *client,
                     const struct dh_action *action)
{
    switch (action->kind) {
    case DH_ACTION_RESOLVE: resolve(network, client, action); break;
    case DH_ACTION_CONNECT: connect_to(network, client, action); break;
    case DH_ACTION_SEND: send_up(network, client, action); break;
    case DH_ACTION_CLOSE: {
        struct sim_connection *connection = find(network, client, action->connection_id);
        if (connection != NULL) {
            leave(connection);
        }
        break;
    }
    }
}

void sim_network_forget(struct sim_network *network, const struct sim_client *client)
{
    for (size_t i = 0; i < network->connection_count; i++) {
        if (network->connections[i]->client == client) {
            leave(network->connections[i]);
        }
    }
}

static void tell_node_sent(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_connection *connection = ctx;
    if (connection->is_node_open) {
        const struct sim_server *server = &connection->network->server;
        server->on_sent(server->ctx, connection);
    }
}

void sim_network_send(struct sim_connection *connection, dohle_bytes bytes)
{
    struct sim_network *network = connection->network;
    if (!connection->is_node_open) {
        return;
    }
    if (connection->is_up) {
        dh_buf_append(&connection->down.bytes, bytes.data, bytes.size);
        schedule_flow(connection, &connection->down);
    }
    // The system mostly takes everything at once; a full buffer takes a while.
    sim_after(network->scheduler,
              sim_chance(network->scheduler, 900) ? 0 : delay(network), tell_node_sent,
              connection, 0);
}

void sim_network_read(struct sim_connection *connection)
{
    connection->up.is_stayed = false;
    schedule_flow(connection, &connection->up);
}

void sim_network_close(struct sim_connection *connection)
{
    connection->is_node_open = false;
    connection->down.is_ended = true;
    schedule_flow(connection, &connection->down);
}

void sim_network_reset(struct sim_connection *connection)
{
    struct sim_network *network = connection->network;
    if (connection->is_node_open) {
        connection->is_node_open = false;
        connection->is_up = false;
        network->counts.resets++;
        sim_after(network->scheduler, delay(network), tell_closed, connection, 1);
    }
}

static void silence(struct sim_network *network, int64_t *until_ns, int64_t duration_ns)
{
    int64_t end_ns = network->scheduler->now_ns + duration_ns;
    *until_ns = end_ns > *until_ns ? end_ns : *until_ns;
}

void sim_network_silence(struct sim_network *network, int node, bool is_deaf,
                         bool is_mute, int64_t duration_ns)
{
    network->counts.silences++;
    if (is_deaf) {
        silence(network, &network->deaf_until_ns[node], duration_ns);
    }
    if (is_mute) {
        silence(network, &network->mute_until_ns[node], duration_ns);
    }
}

void sim_network_end_silences(struct sim_network *network)
{
    for (int node = 0; node < SIM_NODES_MAX; node++) {
        network->deaf_until_ns[node] = 0;
        network->mute_until_ns[node] = 0;
    }
}

void sim_network_drop_nodes(struct sim_network *network)
{
    for (size_t i = 0; i < network->connection_count; i++) {
        sim_network_reset(network->connections[i]);
    }
}
