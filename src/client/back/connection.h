// SPDX-License-Identifier: MIT
/*
 * One connection to one node: from a name to requests that can be sent.
 *
 *        open            resolved        connected          ApiVersions answered
 *   IDLE -----> RESOLVING ----> CONNECTING ----> NEGOTIATING ----> READY
 *    ^              |              |  ^ next address |               |
 *    |              v              v                 v               v
 *    +---------- BACKING_OFF <---------------------------------------+ lost
 *      the back-off is over                          (READY -> IDLE: unused for long)
 *
 * All addresses of a name are tried in turn before the attempt counts as failed
 * (client.dns.lookup=use_all_dns_ips, X-170). A failed attempt is followed by a
 * back-off that grows (reconnect.backoff.ms); the time allowed for a socket to come
 * up grows likewise (socket.connection.setup.timeout.ms, KIP-601). The name is
 * resolved anew for each attempt.
 *
 * Versions: the newest ApiVersions first; UNSUPPORTED_VERSION is answered in the
 * form of version 0, whatever was asked, and tells what to ask instead (CL-184,
 *
 *
 * Bytes in: four bytes of size, looked at before anything is allocated, then a
 * frame. Small frames pass through a staging buffer; of a large one the rest is
 * received where it stays.
 *
 *     shape    | int32 size | response header | body |   size > 0, <= response_bytes_max
 *
 * Bytes out: one buffer. Requests are appended while nothing is being sent.
 *
 * Bounds: DH_CONNECTION_ADDRESSES_MAX addresses, DH_CONNECTION_STAGING_BYTES.
 *
 * Not here: which request a response answers (client/back/requests.h).
 * Source: ClusterConnectionStates and NetworkClient in Apache Kafka 4.4.
 */
#ifndef DH_CLIENT_BACK_CONNECTION_H
#define DH_CLIENT_BACK_CONNECTION_H

#include <stdbool.h>

#include <dohle/log.h>
#include <dohle/types.h>

#include "base/arena.h"
#include "base/backoff.h"
#include "base/buf.h"
#include "base/frame.h"
#include "base/map.h"
#include "base/random.h"
#include "client/back/action.h"
#include "client/back/alarms.h"
#include "wire/api.h"

#define DH_CONNECTION_ADDRESSES_MAX 16
#define DH_CONNECTION_STAGING_BYTES ((size_t)4096)
// More would be no ApiVersions response: most likely another protocol.
#define DH_CONNECTION_VERSIONS_BYTES_MAX ((size_t)1024 * 1024)
#define DH_CONNECTION_TEXT_BYTES         256

struct dh_connection;

enum dh_connection_state {
    /* Not wanted, or not wanted any more.
     *   -> RESOLVING     open */
    DH_CONNECTION_IDLE,
    /* Waits for the host to resolve the name.
     *   -> CONNECTING    at least one address
     *   -> BACKING_OFF   no address, or not in time */
    DH_CONNECTION_RESOLVING,
    /* Waits for the socket to one of the addresses.
     *   -> NEGOTIATING   connected
     *   -> CONNECTING    not connected, or not in time; another address is left
     *   -> BACKING_OFF   the same, none is left */
    DH_CONNECTION_CONNECTING,
    /* ApiVersions is out.
     *   -> READY         answered
     *   -> CONNECTING    lost or refused, another address is left
     *   -> BACKING_OFF   the same, none is left */
    DH_CONNECTION_NEGOTIATING,
    /* Requests can be sent.
     *   -> IDLE          unused for connections.max.idle.ms
     *   -> BACKING_OFF   lost */
    DH_CONNECTION_READY,
    /* An attempt has failed; none is made until the alarm.
     *   -> IDLE          the back-off is over */
    DH_CONNECTION_BACKING_OFF,
};

// What a connection tells its owner. None of them may free the connection.
struct dh_connection_owner {
    // NEGOTIATING -> READY.
    void (*on_ready)(struct dh_connection *connection, int64_t now_ns);
    /* -> BACKING_OFF. Nothing of what was sent is answered any more. `text` is one
     * sentence with address and cause. */
    void (*on_failed)(struct dh_connection *connection, int err, const char *text,
                      int64_t now_ns);
    // BACKING_OFF -> IDLE, or READY -> IDLE for want of use. Nothing is answered any more.
    void (*on_idle)(struct dh_connection *connection, int64_t now_ns);
    /* A whole response. Takes the frame. False: it answers nothing, or makes no sense;
     * the reason is in `text` and the connection fails with DOHLE_ERR_PROTOCOL. */
    bool (*on_response)(struct dh_connection *connection, struct dh_frame *frame,
                        int64_t now_ns, char text[DH_CONNECTION_TEXT_BYTES]);
    // Whether somebody waits for this connection: it is not closed for want of use.
    bool (*is_needed)(struct dh_connection *connection);
    // There is something for dh_connection_next_action.
    void (*on_action)(struct dh_connection *connection);
};

// What all connections of a client share.
struct dh_connections {
    const dohle_allocator *mem;
    const dohle_log_sink *log; // NULL: no log
    struct dh_random *random;
    struct dh_alarms *alarms;
    struct dh_frame_pool *frames;
    const struct dh_connection_owner *owner;
    struct dh_map by_id; // connection id -> connection
    uint32_t id_last;    // never reused
    size_t response_bytes_max;
    int64_t setup_timeout_ms;
    int64_t setup_timeout_max_ms;
    int64_t negotiation_timeout_ms; // request.timeout.ms
    int64_t reconnect_backoff_ms;
    int64_t reconnect_backoff_max_ms;
    int64_t idle_ms; // < 0: never closed for want of use
    int32_t send_buffer_bytes;
    int32_t receive_buffer_bytes;
    dohle_bytes client_id;
    struct dh_arena *arena; // for ApiVersions; nobody uses it meanwhile
};

enum dh_connection_wish {
    DH_WISH_NOTHING,
    DH_WISH_RESOLVE,
    DH_WISH_CONNECT,
};

struct dh_connection {
    struct dh_connections *shared; // borrowed
    enum dh_connection_state state;
    char *host; // owned
    int32_t port;
    char label[32]; // "bootstrap", "node 1"
    // Towards the host.
    uint32_t id;                  // of the attempt or socket; 0: none
    uint32_t close_id;            // what the host has to forget; 0: nothing
    enum dh_connection_wish wish; // what the host has to begin
    bool is_announced;            // the host knows `id`
    struct dh_alarm alarm;        // by state: setup, back-off, idle
    struct dh_backoff reconnect;
    struct dh_backoff setup;
    int64_t setup_ms; // the time that each socket of this attempt has to come up
    int64_t used_ns;  // when something was last sent or received
    struct dh_address addresses[DH_CONNECTION_ADDRESSES_MAX];
    uint32_t address_count;
    uint32_t address_index; // tried now
    // Bytes out.
    struct dh_buf out;
    bool is_sending; // the host has `out`
    int32_t correlation_last;
    // Bytes in.
    uint8_t *staging; // owned; NULL until the first connect
    size_t staged;
    struct dh_frame *frame; // being received; NULL: none
    size_t frame_size;      // what it will be
    // Versions.
    int16_t versions_asked;        // of ApiVersions itself
    struct dh_api_ranges versions; // valid while READY
    bool was_ready;                // before it failed: for on_failed
    // Why it failed last; "" once it is READY again.
    char trouble[DH_CONNECTION_TEXT_BYTES];
    int trouble_err;
};

// Copies the host's name. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_connection_init(struct dh_connection *connection,
                                     struct dh_connections *shared, const char *host,
                                     int32_t port, const char *label);

// Without any word to the host: dh_connection_close first, and wait until
// dh_connection_is_detached. Frees all.
void dh_connection_deinit(struct dh_connection *connection);

// IDLE -> RESOLVING; in any other state nothing happens.
void dh_connection_open(struct dh_connection *connection, int64_t now_ns);

// Any state -> IDLE, without telling the owner.
void dh_connection_close(struct dh_connection *connection, const char *why);

// A broken promise of the peer, or a time-out: closes and tells the owner.
void dh_connection_fail(struct dh_connection *connection, int err, const char *text,
                        int64_t now_ns);

// The host has nothing to be told any more.
bool dh_connection_is_detached(const struct dh_connection *connection);

// READY, and nothing is being sent: requests may be appended to connection->out,
// each with a correlation id from dh_connection_next_correlation_id.
bool dh_connection_can_append(const struct dh_connection *connection);
int32_t dh_connection_next_correlation_id(struct dh_connection *connection);

// ---- What the host reports ----

void dh_connection_on_resolved(struct dh_connection *connection,
                               const struct dh_address *addresses, size_t count, int err,
                               const char *text, int64_t now_ns);
void dh_connection_on_connected(struct dh_connection *connection, int64_t now_ns);
void dh_connection_on_closed(struct dh_connection *connection, int err, const char *text,
                             int64_t now_ns);
void dh_connection_receive_buffer(struct dh_connection *connection, uint8_t **pointer,
                                  size_t *capacity);
void dh_connection_on_received(struct dh_connection *connection, size_t size,
                               int64_t now_ns);
void dh_connection_on_sent(struct dh_connection *connection, int64_t now_ns);

// ---- What the host is to do ----

// False: nothing.
bool dh_connection_next_action(struct dh_connection *connection,
                               struct dh_action *action);

const char *dh_connection_state_text(enum dh_connection_state state);

#endif
