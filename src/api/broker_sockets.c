// SPDX-License-Identifier: MIT
#include "api/broker_server.h"

#include <string.h>

#include <dohle/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/clock.h"

// A client, between its stream and the engine.
struct connection {
    struct dh_broker_server *server;
    uint32_t id;              // the engine's
    struct dh_stream *stream; // NULL: has closed
    dohle_bytes unsent;       // borrowed from the engine until on_sent
};

static const struct dh_stream_options stream_options = {
    .send_buffer_bytes = -1,
    .receive_buffer_bytes = -1,
};

void dh_broker_sockets_init(struct dh_broker_server *server)
{
    // The keys are numbers of the engine's own choice: no seed is needed.
    dh_map_init(&server->connections, &server->allocator, 0);
    for (size_t i = 0; i < server->options.node_count; i++) {
        server->doors[i] = (struct dh_broker_door){
            .server = server,
            .node_id = (int32_t)i + 1,
            .address = server->nodes[i].address,
        };
    }
}

static void forget_connection(struct connection *connection)
{
    struct dh_broker_server *server = connection->server;
    if (connection->stream != NULL) {
        dh_stream_close(connection->stream);
    }
    (void)dh_map_remove_u64(&server->connections, connection->id);
    dh_mem_free(&server->allocator, connection, sizeof(*connection));
}

// ---- What the host reports ----

static void on_get_buffer(void *ctx, struct dh_stream *stream, uint8_t **data,
                          size_t *capacity)
{
    (void)stream;
    struct connection *connection = ctx;
    struct dh_broker_server *server = connection->server;
    *capacity = 0;
    bool is_draining = server->ending != DH_BROKER_ENDING_NOT;
    if (!is_draining &&
        !dh_broker_receive_buffer(server->engine, connection->id, data, capacity)) {
        // The engine has given it up already, and its CLOSE will find nothing to do.
        forget_connection(connection);
    }
}

static void on_received(void *ctx, struct dh_stream *stream, size_t size)
{
    (void)stream;
    const struct connection *connection = ctx;
    dh_broker_on_received(connection->server->engine, connection->id, size,
                          dh_clock_now_ns());
}

// Writes what is left; tells the engine when that was all.
static void send_unsent(struct connection *connection)
{
    size_t taken = dh_stream_write(connection->stream, &connection->unsent, 1);
    connection->unsent.data += taken;
    connection->unsent.size -= taken;
    if (connection->unsent.size == 0) {
        connection->unsent.data = NULL;
        dh_broker_on_sent(connection->server->engine, connection->id, dh_clock_now_ns());
    }
}

static void on_writable(void *ctx, struct dh_stream *stream)
{
    (void)stream;
    struct connection *connection = ctx;
    if (connection->unsent.size > 0) {
        send_unsent(connection);
    }
}

static void on_closed(void *ctx, struct dh_stream *stream, int err, const char *text)
{
    (void)stream;
    (void)err;
    struct connection *connection = ctx;
    struct dh_broker_server *server = connection->server;
    uint32_t id = connection->id;
    dh_log(&server->log, DOHLE_LOG_DEBUG, "socket", "%s", text);
    connection->stream = NULL;
    forget_connection(connection);
    dh_broker_on_closed(server->engine, id, dh_clock_now_ns());
}

static const struct dh_stream_callbacks stream_callbacks = {
    .get_buffer = on_get_buffer,
    .received = on_received,
    .writable = on_writable,
    .closed = on_closed,
};

static bool on_accepted(void *ctx, struct dh_listener *listener, struct dh_stream *stream)
{
    (void)listener;
    const struct dh_broker_door *door = ctx;
    struct dh_broker_server *server = door->server;
    struct connection *connection =
        dh_mem_calloc(&server->allocator, 1, sizeof(*connection));
    if (connection == NULL) {
        return false;
    }
    char host[DH_ADDRESS_TEXT_SIZE];
    connection->server = server;
    connection->id = dh_broker_on_accepted(server->engine, door->node_id,
                                           dh_address_host(dh_stream_peer(stream), host),
                                           dh_clock_now_ns());
    bool is_kept = connection->id != 0 &&
                   dh_map_put_u64(&server->connections, connection->id, connection) == 0;
    if (!is_kept) {
        if (connection->id != 0) {
            dh_broker_on_closed(server->engine, connection->id, dh_clock_now_ns());
        }
        dh_mem_free(&server->allocator, connection, sizeof(*connection));
        return false;
    }
    connection->stream = stream;
    dh_stream_take(stream, &stream_callbacks, connection);
    return true;
}

static void on_stalled(void *ctx, struct dh_listener *listener, const char *text)
{
    (void)listener;
    const struct dh_broker_door *door = ctx;
    dh_log(&door->server->log, DOHLE_LOG_WARNING, "socket", "%s", text);
}

static const struct dh_listener_callbacks listener_callbacks = {
    .accepted = on_accepted,
    .stalled = on_stalled,
};

// ---- What the engine asks for ----

static struct dh_broker_door *find_door(struct dh_broker_server *server, int32_t node_id)
{
    DH_ASSERT(node_id >= 1 && (size_t)node_id <= server->options.node_count);
    return &server->doors[node_id - 1];
}

static void listen_at(struct dh_broker_server *server,
                      const struct dh_broker_action *action)
{
    struct dh_broker_door *door = find_door(server, action->node_id);
    DH_ASSERT(door->listener == NULL);
    char text[DH_LISTENER_TEXT_SIZE];
    struct dh_broker_listening listening = {.text = text};
    listening.err = dh_listener_open(server->host, &action->address, &stream_options,
                                     &listener_callbacks, door, &door->listener, text);
    char host[DH_ADDRESS_TEXT_SIZE];
    if (listening.err == 0) {
        door->address = *dh_listener_address(door->listener);
        listening.address = &door->address;
        listening.host = server->advertised_host != NULL
                             ? server->advertised_host
                             : dh_address_host(&door->address, host);
        listening.port = dh_address_port(&door->address);
    } else {
        door->listener = NULL;
        server->listen_err = listening.err;
        memcpy(server->listen_text, text, sizeof(text));
    }
    dh_broker_on_listening(server->engine, action->node_id, &listening,
                           dh_clock_now_ns());
}

static void close_door(struct dh_broker_door *door)
{
    if (door->listener != NULL) {
        dh_listener_close(door->listener);
        door->listener = NULL;
    }
}

// What is about one connection. Gone: the engine knows already, or is about to hear it.
static void do_with_connection(struct dh_broker_server *server,
                               const struct dh_broker_action *action)
{
    struct connection *connection =
        dh_map_get_u64(&server->connections, action->connection_id);
    if (connection == NULL) {
        return;
    }
    if (action->kind == DH_BROKER_SEND) {
        DH_ASSERT(connection->unsent.size == 0);
        connection->unsent = action->bytes;
        send_unsent(connection);
    } else if (action->kind == DH_BROKER_READ) {
        dh_stream_read_again(connection->stream);
    } else {
        if (action->kind == DH_BROKER_RESET) {
            dh_stream_reset(connection->stream);
            connection->stream = NULL;
        }
        forget_connection(connection);
    }
}

static void do_action(struct dh_broker_server *server,
                      const struct dh_broker_action *action)
{
    switch (action->kind) {
    case DH_BROKER_LISTEN: listen_at(server, action); break;
    case DH_BROKER_UNLISTEN: close_door(find_door(server, action->node_id)); break;
    case DH_BROKER_SEND:
    case DH_BROKER_READ:
    case DH_BROKER_CLOSE:
    case DH_BROKER_RESET: do_with_connection(server, action); break;
    }
}

void dh_broker_sockets_do_actions(struct dh_broker_server *server)
{
    struct dh_broker_action action;
    while (dh_broker_next_action(server->engine, &action)) {
        do_action(server, &action);
    }
}

// ---- Ends ----

bool dh_broker_sockets_is_sending(const struct dh_broker_server *server)
{
    for (const struct dh_map_item *item = dh_map_first(&server->connections);
         item != NULL; item = dh_map_next(item)) {
        const struct connection *connection = item->value;
        if (connection->unsent.size > 0) {
            return true;
        }
    }
    return false;
}

void dh_broker_sockets_close_doors(struct dh_broker_server *server)
{
    for (size_t i = 0; i < server->options.node_count; i++) {
        close_door(&server->doors[i]);
    }
}

void dh_broker_sockets_close_all(struct dh_broker_server *server)
{
    for (struct dh_map_item *item; (item = dh_map_first(&server->connections)) != NULL;) {
        forget_connection(item->value);
    }
}

void dh_broker_sockets_deinit(struct dh_broker_server *server)
{
    dh_broker_sockets_close_all(server);
    dh_broker_sockets_close_doors(server);
    dh_map_deinit(&server->connections);
}
