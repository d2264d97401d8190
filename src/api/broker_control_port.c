// SPDX-License-Identifier: MIT
/*
 * The control port: each line a peer sends is a command of broker/control.h. Its answer is
 * lines, and then one that is "ok", or "error NAME: sentence". One command at a time
 * a peer; a peer that goes away while its command waits leaves the command to end alone.
 */
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "api/broker_server.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "broker/line.h"

// Room that is offered to a read.
#define READ_SIZE ((size_t)4096)

struct dh_broker_control_port {
    struct dh_broker_server *server;
    struct dh_listener *listener;
    struct dh_list peers; // peer.link
    char address[DH_ADDRESS_TEXT_SIZE];
};

struct peer {
    struct dh_broker_control_port *port;
    struct dh_link link;
    struct dh_stream *stream; // NULL: has gone
    struct dh_buf input;      // lines that were not taken yet
    size_t offered;           // room behind input.size that a read may fill
    struct dh_buf line;       // of the task; terminated
    struct dh_buf output;
    size_t written; // of output
    struct dh_broker_task task;
    bool has_task;  // the engine has it
    bool is_taking; // take_lines is on the stack
};

static void free_peer(struct peer *peer)
{
    DH_ASSERT(!peer->has_task);
    const dohle_allocator *mem = &peer->port->server->allocator;
    if (peer->stream != NULL) {
        dh_stream_close(peer->stream);
    }
    dh_list_remove(&peer->link);
    dh_buf_deinit(&peer->input);
    dh_buf_deinit(&peer->line);
    dh_buf_deinit(&peer->output);
    dh_buf_deinit(&peer->task.command.text);
    dh_mem_free(mem, peer, sizeof(*peer));
}

// Its task may still be with the engine; whoever is later frees.
static void drop_peer(struct peer *peer)
{
    if (peer->stream != NULL) {
        dh_stream_close(peer->stream);
        peer->stream = NULL;
    }
    if (!peer->has_task && !peer->is_taking) {
        free_peer(peer);
    }
}

// Writes as far as the kernel takes it. True: all is written.
static bool write_output(struct peer *peer)
{
    if (peer->written < peer->output.size) {
        const dohle_bytes rest = {peer->output.data + peer->written,
                                  peer->output.size - peer->written};
        peer->written += dh_stream_write(peer->stream, &rest, 1);
    }
    if (peer->written < peer->output.size) {
        return false;
    }
    dh_buf_reset(&peer->output);
    peer->written = 0;
    return true;
}

static void append_answer(struct peer *peer)
{
    const struct dh_broker_command *command = &peer->task.command;
    dohle_bytes text = dh_buf_view(&command->text);
    if (command->err != 0) {
        dh_buf_printf(&peer->output, "error %s: ", dohle_error_name(command->err));
    }
    dh_buf_append(&peer->output, text.data, text.size);
    if (command->err != 0 || (text.size > 0 && text.data[text.size - 1] != '\n')) {
        dh_buf_append_byte(&peer->output, '\n');
    }
    if (command->err == 0) {
        dh_buf_printf(&peer->output, "ok\n");
    }
}

static void take_lines(struct peer *peer);

static void on_done(struct dh_broker_task *task)
{
    struct peer *peer = DH_CONTAINER_OF(task, struct peer, task);
    peer->has_task = false;
    if (peer->stream == NULL) {
        if (!peer->is_taking) {
            free_peer(peer);
        }
        return;
    }
    append_answer(peer);
    // Answered in place: the loop that gave it goes on.
    if (!peer->is_taking) {
        take_lines(peer);
    }
}

// Moves the first line, without its end, to peer->line. False: there is no whole line.
static bool take_line(struct peer *peer)
{
    uint8_t *data = peer->input.data;
    const uint8_t *end =
        peer->input.size == 0 ? NULL : memchr(data, '\n', peer->input.size);
    if (end == NULL) {
        return false;
    }
    size_t size = (size_t)(end - data);
    size_t text_size = size > 0 && data[size - 1] == '\r' ? size - 1 : size;
    dh_buf_reset(&peer->line);
    dh_buf_append(&peer->line, data, text_size);
    dh_buf_append_byte(&peer->line, 0);
    peer->input.size -= size + 1;
    memmove(data, end + 1, peer->input.size);
    return true;
}

static bool has_failed(const struct peer *peer)
{
    return peer->input.err != 0 || peer->line.err != 0 || peer->output.err != 0;
}

static void give(struct peer *peer)
{
    peer->has_task = true;
    peer->task.done = on_done;
    peer->task.command.line = (const char *)peer->line.data;
    peer->task.command.payload = (dohle_bytes){NULL, 0};
    peer->task.command.deadline_ns = DH_NEVER;
    peer->task.command.err = 0;
    dh_buf_reset(&peer->task.command.text);
    dh_broker_server_give(peer->port->server, &peer->task);
}

// One command after the other, as long as each is answered at once and the peer reads.
static void take_lines(struct peer *peer)
{
    peer->is_taking = true;
    while (peer->stream != NULL && !peer->has_task && write_output(peer) &&
           !has_failed(peer) && take_line(peer)) {
        if (peer->line.size > 1) {
            give(peer);
        }
    }
    peer->is_taking = false;
    if (peer->stream == NULL || has_failed(peer)) {
        drop_peer(peer);
    } else if (!peer->has_task) {
        dh_stream_read_again(peer->stream);
    }
}

// ---- What the host reports ----

static void on_get_buffer(void *ctx, struct dh_stream *stream, uint8_t **data,
                          size_t *capacity)
{
    (void)stream;
    struct peer *peer = ctx;
    *capacity = 0;
    // More than a line's worth of what cannot be taken yet stays with the kernel.
    bool is_full = peer->input.size >= DH_BROKER_LINE_SIZE_MAX;
    if (is_full && !peer->has_task && peer->output.size == 0) {
        dh_log(&peer->port->server->log, DOHLE_LOG_WARNING, "control",
               "a line of more than %zu bytes: the connection is closed",
               (size_t)DH_BROKER_LINE_SIZE_MAX);
        drop_peer(peer);
        return;
    }
    if (!is_full && dh_buf_reserve(&peer->input, READ_SIZE) == 0) {
        *data = peer->input.data + peer->input.size;
        *capacity = READ_SIZE;
    }
}

static void on_received(void *ctx, struct dh_stream *stream, size_t size)
{
    (void)stream;
    struct peer *peer = ctx;
    peer->input.size += size;
    if (!peer->has_task) {
        take_lines(peer);
    }
}

static void on_writable(void *ctx, struct dh_stream *stream)
{
    (void)stream;
    struct peer *peer = ctx;
    if (!peer->has_task) {
        take_lines(peer);
    }
}

static void on_closed(void *ctx, struct dh_stream *stream, int err, const char *text)
{
    (void)stream;
    (void)err;
    (void)text;
    struct peer *peer = ctx;
    peer->stream = NULL;
    drop_peer(peer);
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
    struct dh_broker_control_port *port = ctx;
    const dohle_allocator *mem = &port->server->allocator;
    struct peer *peer = dh_mem_calloc(mem, 1, sizeof(*peer));
    if (peer == NULL) {
        return false;
    }
    peer->port = port;
    peer->stream = stream;
    dh_buf_init(&peer->input, mem, DH_BROKER_LINE_SIZE_MAX + READ_SIZE);
    dh_buf_init(&peer->line, mem, 0);
    dh_buf_init(&peer->output, mem, 0);
    dh_buf_init(&peer->task.command.text, mem, 0);
    dh_list_push_back(&port->peers, &peer->link);
    dh_stream_take(stream, &stream_callbacks, peer);
    return true;
}

static void on_stalled(void *ctx, struct dh_listener *listener, const char *text)
{
    (void)listener;
    const struct dh_broker_control_port *port = ctx;
    dh_log(&port->server->log, DOHLE_LOG_WARNING, "control", "%s", text);
}

static const struct dh_listener_callbacks listener_callbacks = {
    .accepted = on_accepted,
    .stalled = on_stalled,
};

// ---- Life ----

int dh_broker_control_port_new(struct dh_broker_server *server, const char *address,
                               char text[DH_BROKER_SERVER_TEXT_SIZE])
{
    struct dh_address place;
    if (!dh_broker_parse_address(&place, address)) {
        (void)snprintf(text, DH_BROKER_SERVER_TEXT_SIZE,
                       "the control port \"%.100s\" is not allowed; allowed: "
                       "address:port, as 127.0.0.1:0",
                       address);
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    struct dh_broker_control_port *port =
        dh_mem_calloc(&server->allocator, 1, sizeof(*port));
    if (port == NULL) {
        (void)snprintf(text, DH_BROKER_SERVER_TEXT_SIZE, "out of memory");
        return DOHLE_ERR_NO_MEMORY;
    }
    port->server = server;
    dh_list_init(&port->peers);
    const struct dh_stream_options options = {-1, -1};
    char why[DH_LISTENER_TEXT_SIZE];
    int err = dh_listener_open(server->host, &place, &options, &listener_callbacks, port,
                               &port->listener, why);
    if (err != 0) {
        (void)snprintf(text, DH_BROKER_SERVER_TEXT_SIZE, "control port: %s", why);
        dh_mem_free(&server->allocator, port, sizeof(*port));
        return err;
    }
    (void)dh_address_format(dh_listener_address(port->listener), port->address);
    server->control_port = port;
    return 0;
}

void dh_broker_control_port_free(struct dh_broker_control_port *port)
{
    if (port == NULL) {
        return;
    }
    for (struct dh_link *link; (link = dh_list_first(&port->peers)) != NULL;) {
        free_peer(DH_CONTAINER_OF(link, struct peer, link));
    }
    dh_listener_close(port->listener);
    dh_mem_free(&port->server->allocator, port, sizeof(*port));
}

const char *dh_broker_control_port_address(const struct dh_broker_control_port *port)
{
    return port->address;
}
