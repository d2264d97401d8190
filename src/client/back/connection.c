// SPDX-License-Identifier: MIT
#include "client/back/connection.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "client/back/reactions.h"
#include "wire/envelope.h"
#include "wire/gen/api_versions.h"

static const char subsystem[] = "connection";

// A connection that is needed is not looked at more often, however short the time is
// after which it would be closed.
#define NEEDED_CHECK_MS 100

const char *dh_connection_state_text(enum dh_connection_state state)
{
    switch (state) {
    case DH_CONNECTION_IDLE: return "idle";
    case DH_CONNECTION_RESOLVING: return "resolving";
    case DH_CONNECTION_CONNECTING: return "connecting";
    case DH_CONNECTION_NEGOTIATING: return "negotiating";
    case DH_CONNECTION_READY: return "ready";
    case DH_CONNECTION_BACKING_OFF: return "backing off";
    }
    return "";
}

static bool is_legal_edge(enum dh_connection_state from, enum dh_connection_state to)
{
    switch (to) {
    case DH_CONNECTION_IDLE: return from != DH_CONNECTION_IDLE;
    case DH_CONNECTION_RESOLVING: return from == DH_CONNECTION_IDLE;
    case DH_CONNECTION_CONNECTING:
        return from == DH_CONNECTION_RESOLVING || from == DH_CONNECTION_CONNECTING ||
               from == DH_CONNECTION_NEGOTIATING;
    case DH_CONNECTION_NEGOTIATING: return from == DH_CONNECTION_CONNECTING;
    case DH_CONNECTION_READY: return from == DH_CONNECTION_NEGOTIATING;
    case DH_CONNECTION_BACKING_OFF:
        return from != DH_CONNECTION_IDLE && from != DH_CONNECTION_BACKING_OFF;
    }
    return false;
}

// Every change of state comes through here. deadline_ns: when the new one must end.
static void set_state(struct dh_connection *connection, enum dh_connection_state state,
                      int64_t deadline_ns)
{
    DH_ASSERT(is_legal_edge(connection->state, state));
    dh_log(connection->shared->log, DOHLE_LOG_DEBUG, subsystem,
           "%s:%" PRId32 " (%s): %s -> %s", connection->host, connection->port,
           connection->label, dh_connection_state_text(connection->state),
           dh_connection_state_text(state));
    connection->state = state;
    dh_alarm_set(&connection->alarm, connection->shared->alarms, deadline_ns);
}

static void on_alarm(struct dh_alarm *alarm, int64_t now_ns);

int dh_connection_init(struct dh_connection *connection, struct dh_connections *shared,
                       const char *host, int32_t port, const char *label)
{
    *connection = (struct dh_connection){
        .shared = shared,
        .state = DH_CONNECTION_IDLE,
        .port = port,
        .reconnect = {.initial_ms = shared->reconnect_backoff_ms,
                      .max_ms = shared->reconnect_backoff_max_ms},
        .setup = {.initial_ms = shared->setup_timeout_ms,
                  .max_ms = shared->setup_timeout_max_ms},
    };
    snprintf(connection->label, sizeof(connection->label), "%s", label);
    dh_buf_init(&connection->out, shared->mem, 0);
    connection->host = dh_mem_copy_string(shared->mem, host, strlen(host));
    if (connection->host == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = dh_alarm_init(&connection->alarm, shared->alarms, on_alarm);
    if (err != 0) {
        dh_mem_free_string(shared->mem, connection->host);
    }
    return err;
}

void dh_connection_deinit(struct dh_connection *connection)
{
    struct dh_connections *shared = connection->shared;
    if (connection->id != 0) {
        (void)dh_map_remove_u64(&shared->by_id, connection->id);
    }
    dh_alarm_deinit(&connection->alarm, shared->alarms);
    dh_frame_pool_put(shared->frames, connection->frame);
    dh_mem_free(shared->mem, connection->staging, DH_CONNECTION_STAGING_BYTES);
    dh_buf_deinit(&connection->out);
    dh_mem_free_string(shared->mem, connection->host);
}

// A new id for a new attempt. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int take_id(struct dh_connection *connection, enum dh_connection_wish wish)
{
    struct dh_connections *shared = connection->shared;
    uint32_t id = shared->id_last + 1;
    if (dh_map_put_u64(&shared->by_id, id, connection) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    shared->id_last = id;
    connection->id = id;
    connection->wish = wish;
    connection->is_announced = false;
    shared->owner->on_action(connection);
    return 0;
}

// What belonged to the attempt or the socket ends; the host is told if it must be.
static void drop_id(struct dh_connection *connection)
{
    struct dh_connections *shared = connection->shared;
    if (connection->id == 0) {
        return;
    }
    (void)dh_map_remove_u64(&shared->by_id, connection->id);
    if (connection->is_announced) {
        // A new id is announced only after the old one's CLOSE was.
        DH_ASSERT(connection->close_id == 0);
        connection->close_id = connection->id;
        shared->owner->on_action(connection);
    }
    connection->id = 0;
    connection->is_announced = false;
    connection->wish = DH_WISH_NOTHING;
    connection->is_sending = false;
    dh_buf_reset(&connection->out);
    connection->staged = 0;
    dh_frame_pool_put(shared->frames, connection->frame);
    connection->frame = NULL;
}

// The cause without an address that is the name we say anyway.
static const char *cause_of(const struct dh_connection *connection, const char *text)
{
    char address[DH_CONNECTION_TEXT_BYTES];
    snprintf(address, sizeof(address), "%s:%" PRId32 ": ", connection->host,
             connection->port);
    const char *said = strstr(text, address);
    return said == NULL ? text : said + strlen(address);
}

static void give_up(struct dh_connection *connection, int err, const char *text,
                    int64_t now_ns)
{
    struct dh_connections *shared = connection->shared;
    text = cause_of(connection, text);
    snprintf(connection->trouble, sizeof(connection->trouble), "%s:%" PRId32 " (%s): %s",
             connection->host, connection->port, connection->label, text);
    connection->trouble_err = err;
    connection->was_ready = connection->state == DH_CONNECTION_READY;
    int64_t wait_ms = dh_backoff_next_ms(&connection->reconnect, shared->random);
    dh_log(shared->log, DOHLE_LOG_WARNING, subsystem,
           "%s; next attempt in %" PRId64 " ms", connection->trouble, wait_ms);
    set_state(connection, DH_CONNECTION_BACKING_OFF,
              dh_deadline_after_ms(now_ns, wait_ms));
    shared->owner->on_failed(connection, err, connection->trouble, now_ns);
}

static void begin_connect(struct dh_connection *connection, int64_t now_ns)
{
    if (take_id(connection, DH_WISH_CONNECT) != 0) {
        give_up(connection, DOHLE_ERR_NO_MEMORY, "no memory to connect", now_ns);
        return;
    }
    set_state(connection, DH_CONNECTION_CONNECTING,
              dh_deadline_after_ms(now_ns, connection->setup_ms));
}

void dh_connection_fail(struct dh_connection *connection, int err, const char *text,
                        int64_t now_ns)
{
    bool is_attempt = connection->state == DH_CONNECTION_CONNECTING ||
                      connection->state == DH_CONNECTION_NEGOTIATING;
    drop_id(connection);
    if (is_attempt && connection->address_index + 1 < connection->address_count) {
        connection->address_index++;
        dh_log(connection->shared->log, DOHLE_LOG_INFO, subsystem,
               "%s:%" PRId32 " (%s): %s; trying address %" PRIu32 " of %" PRIu32,
               connection->host, connection->port, connection->label, text,
               connection->address_index + 1, connection->address_count);
        begin_connect(connection, now_ns);
        return;
    }
    give_up(connection, err, text, now_ns);
}

void dh_connection_open(struct dh_connection *connection, int64_t now_ns)
{
    if (connection->state != DH_CONNECTION_IDLE) {
        return;
    }
    connection->setup_ms =
        dh_backoff_next_ms(&connection->setup, connection->shared->random);
    set_state(connection, DH_CONNECTION_RESOLVING,
              dh_deadline_after_ms(now_ns, connection->setup_ms));
    if (take_id(connection, DH_WISH_RESOLVE) != 0) {
        give_up(connection, DOHLE_ERR_NO_MEMORY, "no memory to connect", now_ns);
    }
}

void dh_connection_close(struct dh_connection *connection, const char *why)
{
    drop_id(connection);
    if (connection->state != DH_CONNECTION_IDLE) {
        dh_log(connection->shared->log, DOHLE_LOG_DEBUG, subsystem,
               "%s:%" PRId32 " (%s): closed: %s", connection->host, connection->port,
               connection->label, why);
        set_state(connection, DH_CONNECTION_IDLE, DH_NEVER);
    }
}

static void on_setup_timeout(struct dh_connection *connection, int err, const char *what,
                             int64_t allowed_ms, int64_t now_ns)
{
    char text[96];
    snprintf(text, sizeof(text), "%s within %" PRId64 " ms", what, allowed_ms);
    dh_connection_fail(connection, err, text, now_ns);
}

// Nobody waits for it any more, so that nobody is told but the owner.
static void close_unused(struct dh_connection *connection, const char *why,
                         int64_t now_ns)
{
    dh_connection_close(connection, why);
    connection->shared->owner->on_idle(connection, now_ns);
}

static void on_idle_alarm(struct dh_connection *connection, int64_t now_ns)
{
    struct dh_connections *shared = connection->shared;
    int64_t due_ns = dh_deadline_after_ms(connection->used_ns, shared->idle_ms);
    if (shared->owner->is_needed(connection)) {
        int64_t wait_ms =
            shared->idle_ms > NEEDED_CHECK_MS ? shared->idle_ms : NEEDED_CHECK_MS;
        due_ns = dh_deadline_after_ms(now_ns, wait_ms);
    }
    if (due_ns > now_ns) {
        dh_alarm_set(&connection->alarm, shared->alarms, due_ns);
        return;
    }
    close_unused(connection, "unused for connections.max.idle.ms", now_ns);
}

static void on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_connection *connection =
        DH_CONTAINER_OF(alarm, struct dh_connection, alarm);
    switch (connection->state) {
    case DH_CONNECTION_IDLE: break;
    case DH_CONNECTION_RESOLVING:
        on_setup_timeout(connection, DOHLE_ERR_RESOLVE, "the name was not resolved",
                         connection->setup_ms, now_ns);
        break;
    case DH_CONNECTION_CONNECTING:
        on_setup_timeout(connection, DOHLE_ERR_CONNECT, "not connected",
                         connection->setup_ms, now_ns);
        break;
    case DH_CONNECTION_NEGOTIATING:
        on_setup_timeout(connection, DOHLE_ERR_CONNECT, "connected, but no answer",
                         connection->shared->negotiation_timeout_ms, now_ns);
        break;
    case DH_CONNECTION_READY: on_idle_alarm(connection, now_ns); break;
    case DH_CONNECTION_BACKING_OFF:
        set_state(connection, DH_CONNECTION_IDLE, DH_NEVER);
        connection->shared->owner->on_idle(connection, now_ns);
        break;
    }
}

bool dh_connection_is_detached(const struct dh_connection *connection)
{
    return connection->id == 0 && connection->close_id == 0;
}

bool dh_connection_can_append(const struct dh_connection *connection)
{
    return connection->state == DH_CONNECTION_READY && !connection->is_sending;
}

int32_t dh_connection_next_correlation_id(struct dh_connection *connection)
{
    // Wraps to 0: the sign has no meaning, but Kafka's own clients never use it.
    connection->correlation_last =
        connection->correlation_last == INT32_MAX ? 0 : connection->correlation_last + 1;
    return connection->correlation_last;
}

// ---- Versions ----

// Asks for ApiVersions in that version. READY follows its answer.
static void ask_versions(struct dh_connection *connection, int16_t version,
                         int64_t now_ns)
{
    struct dh_api_versions_request request;
    dh_message_init(&dh_api_versions_request_type, &request);
    request.client_software_name = DH_BYTES("dohle");
    request.client_software_version = DH_BYTES(DOHLE_VERSION);
    connection->versions_asked = version;
    int err = dh_envelope_encode_request(&connection->out, DH_API_API_VERSIONS, version,
                                         dh_connection_next_correlation_id(connection),
                                         connection->shared->client_id, &request);
    if (err != 0) {
        dh_connection_fail(connection, err, dohle_error_text(err), now_ns);
        return;
    }
    connection->shared->owner->on_action(connection);
}

/*
 * Reads the answer, which comes in the form of version 0 when it is an error
 * (CL-184). Returns 0 or an error, with the connection as it was.
 */
static int read_versions(struct dh_connection *connection, const struct dh_frame *frame,
                         struct dh_api_versions_response *response)
{
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){frame->data, frame->size});
    int32_t correlation_id;
    int err = dh_envelope_decode_response_header(
        &reader, DH_API_API_VERSIONS, connection->versions_asked, &correlation_id);
    if (err != 0 || correlation_id != connection->correlation_last) {
        return DOHLE_ERR_PROTOCOL;
    }
    struct dh_reader ahead = reader;
    int16_t broker_code = dh_read_int16(&ahead);
    struct dh_arena *arena = connection->shared->arena;
    dh_arena_reset(arena);
    arena->used_max = DH_CONNECTION_VERSIONS_BYTES_MAX;
    return dh_message_decode(
        &dh_api_versions_response_type,
        broker_code == DH_BROKER_UNSUPPORTED_VERSION ? 0 : connection->versions_asked,
        &reader, arena, response);
}

// Our version was too new: the one to ask for instead, below it; -1: there is none.
static int16_t lower_version(const struct dh_connection *connection,
                             const struct dh_api_versions_response *response)
{
    for (int32_t i = 0; i < response->api_keys.count; i++) {
        const struct dh_api_versions_response_api_key *range =
            &response->api_keys.items[i];
        if (range->api_key == DH_API_API_VERSIONS && range->max_version >= 0 &&
            range->max_version < connection->versions_asked) {
            return range->max_version;
        }
    }
    return connection->versions_asked > 0 ? 0 : -1;
}

// Takes the frame.
static void on_versions(struct dh_connection *connection, struct dh_frame *frame,
                        int64_t now_ns)
{
    struct dh_api_versions_response response;
    int err = read_versions(connection, frame, &response);
    if (err != 0) {
        dh_frame_pool_put(connection->shared->frames, frame);
        dh_connection_fail(connection, err,
                           err == DOHLE_ERR_NO_MEMORY
                               ? "no memory for a response"
                               : "the answer to ApiVersions makes no sense",
                           now_ns);
        return;
    }
    int16_t lower = -1;
    if (response.error_code == DH_BROKER_UNSUPPORTED_VERSION) {
        lower = lower_version(connection, &response);
    } else if (response.error_code == DH_BROKER_NONE) {
        dh_api_ranges_init(&connection->versions);
        dh_api_ranges_set(&connection->versions, &response);
    }
    dh_frame_pool_put(connection->shared->frames, frame);
    if (lower >= 0) {
        ask_versions(connection, lower, now_ns);
        return;
    }
    if (response.error_code != DH_BROKER_NONE) {
        char text[96];
        snprintf(text, sizeof(text), "ApiVersions was refused: %s",
                 dohle_broker_error_name(response.error_code));
        dh_connection_fail(connection, DOHLE_ERR_UNSUPPORTED_VERSION, text, now_ns);
        return;
    }
    dh_backoff_reset(&connection->setup);
    int64_t idle_ms = connection->shared->idle_ms;
    set_state(connection, DH_CONNECTION_READY,
              idle_ms < 0 ? DH_NEVER : dh_deadline_after_ms(now_ns, idle_ms));
    connection->shared->owner->on_ready(connection, now_ns);
}

// ---- What the host reports ----

void dh_connection_on_resolved(struct dh_connection *connection,
                               const struct dh_address *addresses, size_t count, int err,
                               const char *text, int64_t now_ns)
{
    if (connection->state != DH_CONNECTION_RESOLVING) {
        return;
    }
    // The host has done with this id: nothing to close.
    connection->is_announced = false;
    if (err != 0 || count == 0) {
        dh_connection_fail(
            connection, DOHLE_ERR_RESOLVE,
            text != NULL && text[0] != '\0' ? text : "the name has no address", now_ns);
        return;
    }
    drop_id(connection);
    connection->address_count = count < DH_CONNECTION_ADDRESSES_MAX
                                    ? (uint32_t)count
                                    : DH_CONNECTION_ADDRESSES_MAX;
    memcpy(connection->addresses, addresses,
           connection->address_count * sizeof(*addresses));
    connection->address_index = 0;
    begin_connect(connection, now_ns);
}

void dh_connection_on_connected(struct dh_connection *connection, int64_t now_ns)
{
    if (connection->state != DH_CONNECTION_CONNECTING) {
        return;
    }
    if (connection->staging == NULL) {
        connection->staging =
            dh_mem_alloc(connection->shared->mem, DH_CONNECTION_STAGING_BYTES);
        if (connection->staging == NULL) {
            dh_connection_fail(connection, DOHLE_ERR_NO_MEMORY, "no memory to receive",
                               now_ns);
            return;
        }
    }
    connection->used_ns = now_ns;
    set_state(connection, DH_CONNECTION_NEGOTIATING,
              dh_deadline_after_ms(now_ns, connection->shared->negotiation_timeout_ms));
    ask_versions(connection, dh_api_versions_request_type.versions.max, now_ns);
}

void dh_connection_on_closed(struct dh_connection *connection, int err, const char *text,
                             int64_t now_ns)
{
    (void)err; // what it means to us depends on how far we were
    connection->is_announced = false;
    if (text == NULL || text[0] == '\0') {
        text = "closed by the peer";
    }
    if (connection->state == DH_CONNECTION_READY &&
        !connection->shared->owner->is_needed(connection)) {
        // A broker closes what is unused for long, too: no trouble.
        close_unused(connection, text, now_ns);
        return;
    }
    dh_connection_fail(connection,
                       connection->state == DH_CONNECTION_CONNECTING
                           ? DOHLE_ERR_CONNECT
                           : DOHLE_ERR_DISCONNECTED,
                       text, now_ns);
}

void dh_connection_receive_buffer(struct dh_connection *connection, uint8_t **pointer,
                                  size_t *capacity)
{
    if (connection->frame != NULL) {
        *pointer = connection->frame->data + connection->frame->size;
        *capacity = connection->frame_size - connection->frame->size;
        return;
    }
    *pointer = connection->staging + connection->staged;
    *capacity = DH_CONNECTION_STAGING_BYTES - connection->staged;
}

static size_t frame_size_max(const struct dh_connection *connection)
{
    size_t bound = connection->shared->response_bytes_max;
    return connection->state == DH_CONNECTION_NEGOTIATING &&
                   bound > DH_CONNECTION_VERSIONS_BYTES_MAX
               ? DH_CONNECTION_VERSIONS_BYTES_MAX
               : bound;
}

// Looks at the size that begins a frame. False: the connection has failed.
static bool begin_frame(struct dh_connection *connection, const uint8_t *at,
                        int64_t now_ns)
{
    uint32_t size =
        (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    // 4: the correlation id.
    if (size < 4 || size > frame_size_max(connection)) {
        char text[128];
        snprintf(text, sizeof(text), "a response of %" PRId32 " bytes%s", (int32_t)size,
                 connection->state == DH_CONNECTION_NEGOTIATING
                     ? ": not a Kafka broker, or its port wants TLS"
                     : " is not allowed");
        dh_connection_fail(connection, DOHLE_ERR_PROTOCOL, text, now_ns);
        return false;
    }
    connection->frame = dh_frame_pool_get(connection->shared->frames, size);
    if (connection->frame == NULL) {
        dh_connection_fail(connection, DOHLE_ERR_NO_MEMORY, "no memory for a response",
                           now_ns);
        return false;
    }
    connection->frame->size = 0;
    connection->frame_size = size;
    return true;
}

// Hands a whole frame on. False: the connection is not what it was any more.
static bool end_frame(struct dh_connection *connection, int64_t now_ns)
{
    struct dh_frame *frame = connection->frame;
    uint32_t id = connection->id;
    connection->frame = NULL;
    connection->used_ns = now_ns;
    if (connection->state == DH_CONNECTION_NEGOTIATING) {
        on_versions(connection, frame, now_ns);
        return connection->id == id;
    }
    // Only now is it known to serve us: the back-off starts over.
    dh_backoff_reset(&connection->reconnect);
    char text[DH_CONNECTION_TEXT_BYTES];
    if (!connection->shared->owner->on_response(connection, frame, now_ns, text) &&
        connection->id == id) {
        dh_connection_fail(connection, DOHLE_ERR_PROTOCOL, text, now_ns);
    }
    return connection->id == id;
}

static void on_staged(struct dh_connection *connection, int64_t now_ns)
{
    size_t at = 0;
    while (connection->staged - at >= 4) {
        if (!begin_frame(connection, connection->staging + at, now_ns)) {
            return;
        }
        at += 4;
        size_t there = connection->staged - at;
        if (there > connection->frame_size) {
            there = connection->frame_size;
        }
        memcpy(connection->frame->data, connection->staging + at, there);
        connection->frame->size = there;
        at += there;
        if (there < connection->frame_size) {
            break;
        }
        if (!end_frame(connection, now_ns)) {
            return;
        }
    }
    connection->staged -= at;
    memmove(connection->staging, connection->staging + at, connection->staged);
}

void dh_connection_on_received(struct dh_connection *connection, size_t size,
                               int64_t now_ns)
{
    if (connection->frame == NULL) {
        DH_ASSERT(size <= DH_CONNECTION_STAGING_BYTES - connection->staged);
        connection->staged += size;
        on_staged(connection, now_ns);
        return;
    }
    DH_ASSERT(size <= connection->frame_size - connection->frame->size);
    connection->frame->size += size;
    if (connection->frame->size == connection->frame_size) {
        (void)end_frame(connection, now_ns);
    }
}

void dh_connection_on_sent(struct dh_connection *connection, int64_t now_ns)
{
    if (!connection->is_sending) {
        return;
    }
    connection->is_sending = false;
    connection->used_ns = now_ns;
    dh_buf_reset(&connection->out);
    connection->shared->owner->on_action(connection);
}

// ---- What the host is to do ----

bool dh_connection_next_action(struct dh_connection *connection, struct dh_action *action)
{
    *action = (struct dh_action){.connection_id = connection->id};
    if (connection->close_id != 0) {
        action->kind = DH_ACTION_CLOSE;
        action->connection_id = connection->close_id;
        connection->close_id = 0;
        return true;
    }
    switch (connection->wish) {
    case DH_WISH_NOTHING: break;
    case DH_WISH_RESOLVE:
        action->kind = DH_ACTION_RESOLVE;
        action->host = connection->host;
        action->port = connection->port;
        connection->wish = DH_WISH_NOTHING;
        connection->is_announced = true;
        return true;
    case DH_WISH_CONNECT:
        action->kind = DH_ACTION_CONNECT;
        action->address = connection->addresses[connection->address_index];
        action->send_buffer_bytes = connection->shared->send_buffer_bytes;
        action->receive_buffer_bytes = connection->shared->receive_buffer_bytes;
        connection->wish = DH_WISH_NOTHING;
        connection->is_announced = true;
        return true;
    }
    if (connection->out.size > 0 && !connection->is_sending) {
        action->kind = DH_ACTION_SEND;
        action->bytes = dh_buf_view(&connection->out);
        connection->is_sending = true;
        return true;
    }
    return false;
}
