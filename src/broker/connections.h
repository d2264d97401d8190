// SPDX-License-Identifier: MIT
/*
 * Connections of clients: frames in, responses out, one request at a time as in Kafka.
 *
 *     shape    | int32 size | request |   0 < size <= socket.request.max.bytes
 *
 *     bytes -> staging -> frame -> request -> response -> SEND -> the next frame
 *
 * Small frames pass through the staging buffer; of a large one the rest is received where
 * it stays, in a frame that grows with what has come, so that a claimed size costs
 * nothing. While a request is served bytes are taken only as far as staging goes.
 *
 * A connection whose next frame may be looked at is *ready*; ready ones are run at the
 * end of each call from outside (dh_broker_connections_run), never inside an answer. So
 * no handler is ever entered from within another.
 *
 * Ends: the client's (on_closed), or ours: close (what was answered is still sent), reset
 * (at once, with RST). Whoever ends, the request in service is abandoned.
 */
#ifndef DH_BROKER_CONNECTIONS_H
#define DH_BROKER_CONNECTIONS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/frame.h"
#include "base/list.h"
#include "base/map.h"
#include "broker/action.h"
#include "broker/alarm.h"
#include "broker/state.h"

#define DH_BROKER_STAGING_BYTES ((size_t)4096)
// A frame of more than this grows as its bytes come.
#define DH_BROKER_FRAME_BYTES_AT_ONCE ((size_t)1024 * 1024)
// A buffer for responses is kept up to this size.
#define DH_BROKER_OUT_BYTES_KEPT ((size_t)16 * 1024)

struct dh_broker_request;

enum dh_broker_connection_end {
    DH_BROKER_END_NOT,
    DH_BROKER_END_CLOSE, // when nothing is left to be sent
    DH_BROKER_END_RESET, // at once
};

struct dh_broker_connection {
    struct dh_link link;        // of all
    struct dh_link action_link; // has something for the host
    struct dh_link ready_link;  // its next frame may be looked at
    struct dh_broker *broker;
    struct dh_broker_node *node; // the client connected to that one
    uint32_t id;
    char peer_host[64];          // "/127.0.0.1", as Kafka shows it
    char *software_name;         // owned; from ApiVersions; NULL: not told
    char *software_version;      // likewise
    struct dh_broker_alarm idle; // connections.max.idle.ms
    // Bytes in.
    uint8_t *staging; // owned; NULL until the first bytes
    size_t staged;
    struct dh_frame *frame;            // being received; NULL: none
    size_t frame_size;                 // what it will be
    bool is_stopped;                   // the host was given no room, and waits for READ
    bool wants_read;                   // there is room again
    struct dh_broker_request *request; // in service; NULL: none
    // Bytes out.
    struct dh_buf out; // a response; empty: none
    bool is_sending;   // the host has `out`
    enum dh_broker_connection_end end;
    struct dh_broker_alarm hold; // the answer goes out later: a fault's delay
    bool is_held;
    uint64_t request_count;
};

struct dh_broker_connections {
    struct dh_map by_id;
    struct dh_list all;
    struct dh_list actions;
    struct dh_list ready;
    size_t count;     // of all
    uint32_t id_last; // never reused
};

DH_MUST_CHECK int dh_broker_connections_new(struct dh_broker *broker);
// Frees all; what is parked is abandoned.
void dh_broker_connections_free(struct dh_broker *broker);

// NULL: there is none, or its end was told already.
struct dh_broker_connection *dh_broker_connections_find(const struct dh_broker *broker,
                                                        uint32_t id);
// The same, and also those whose end the host was not told yet.
struct dh_broker_connection *dh_broker_connections_any(const struct dh_broker *broker,
                                                       uint32_t id);
// Runs every ready connection until none is.
void dh_broker_connections_run(struct dh_broker *broker);
bool dh_broker_connections_next_action(struct dh_broker *broker,
                                       struct dh_broker_action *action);
// Every connection of that node ends.
void dh_broker_connections_end_all(struct dh_broker *broker,
                                   const struct dh_broker_node *node,
                                   enum dh_broker_connection_end end);

// ---- One connection ----

// 0: refused. peer_host: "127.0.0.1".
uint32_t dh_broker_connection_accept(struct dh_broker *broker,
                                     struct dh_broker_node *node, const char *peer_host);
bool dh_broker_connection_receive_buffer(struct dh_broker_connection *connection,
                                         uint8_t **pointer, size_t *capacity);
void dh_broker_connection_on_received(struct dh_broker_connection *connection,
                                      size_t size);
void dh_broker_connection_on_sent(struct dh_broker_connection *connection);
void dh_broker_connection_on_closed(struct dh_broker_connection *connection);

// Begins the end, for a reason that is logged. Ends the request in service.
void dh_broker_connection_end(struct dh_broker_connection *connection,
                              enum dh_broker_connection_end end, const char *why);

/*
 * The request in service was answered with what is in connection->out (empty: nothing is
 * sent), and is not the connection's any more. It goes out at due_ns by our clock; 0: now.
 */
void dh_broker_connection_on_answered(struct dh_broker_connection *connection,
                                      int64_t due_ns);
// The node was paused or goes on.
void dh_broker_connections_on_pause(struct dh_broker *broker,
                                    const struct dh_broker_node *node);

#endif
