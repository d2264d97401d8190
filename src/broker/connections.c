// SPDX-License-Identifier: MIT
#include "broker/connections.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "broker/conditions.h"
#include "broker/nodes.h"
#include "broker/requests.h"
#include "broker/settings.h"
#include "wire/envelope.h"

static const char subsystem[] = "connections";

int dh_broker_connections_new(struct dh_broker *broker)
{
    struct dh_broker_connections *connections =
        dh_mem_calloc(broker->mem, 1, sizeof(*connections));
    if (connections == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_map_init(&connections->by_id, broker->mem, dh_random_next(&broker->random));
    dh_list_init(&connections->all);
    dh_list_init(&connections->actions);
    dh_list_init(&connections->ready);
    broker->connections = connections;
    return 0;
}

// Frees it. Nothing is in service.
static void destroy(struct dh_broker_connection *connection)
{
    struct dh_broker *broker = connection->broker;
    struct dh_broker_connections *connections = broker->connections;
    (void)dh_map_remove_u64(&connections->by_id, connection->id);
    dh_list_remove(&connection->link);
    dh_list_remove(&connection->action_link);
    dh_list_remove(&connection->ready_link);
    connections->count--;
    dh_broker_alarm_deinit(&connection->idle);
    dh_broker_alarm_deinit(&connection->hold);
    dh_frame_drop(connection->frame);
    dh_mem_free(broker->mem, connection->staging, DH_BROKER_STAGING_BYTES);
    dh_buf_deinit(&connection->out);
    dh_mem_free_string(broker->mem, connection->software_name);
    dh_mem_free_string(broker->mem, connection->software_version);
    dh_mem_free(broker->mem, connection, sizeof(*connection));
}

static void abandon_request(struct dh_broker_connection *connection)
{
    struct dh_broker_request *request = connection->request;
    if (request != NULL) {
        connection->request = NULL;
        dh_broker_request_abandon(request);
    }
}

void dh_broker_connections_free(struct dh_broker *broker)
{
    struct dh_broker_connections *connections = broker->connections;
    if (connections == NULL) {
        return;
    }
    DH_LIST_EACH_SAFE(link, next, &connections->all)
    {
        struct dh_broker_connection *connection =
            DH_CONTAINER_OF(link, struct dh_broker_connection, link);
        abandon_request(connection);
        destroy(connection);
    }
    dh_map_deinit(&connections->by_id);
    dh_mem_free(broker->mem, connections, sizeof(*connections));
    broker->connections = NULL;
}

struct dh_broker_connection *dh_broker_connections_any(const struct dh_broker *broker,
                                                       uint32_t id)
{
    return dh_map_get_u64(&broker->connections->by_id, id);
}

struct dh_broker_connection *dh_broker_connections_find(const struct dh_broker *broker,
                                                        uint32_t id)
{
    struct dh_broker_connection *connection = dh_broker_connections_any(broker, id);
    return connection == NULL || connection->end != DH_BROKER_END_NOT ? NULL : connection;
}

// ---- What the host is to do ----

static bool has_bytes(const struct dh_broker_connection *connection)
{
    return connection->out.size > 0 && !connection->is_held;
}

static bool has_action(const struct dh_broker_connection *connection)
{
    switch (connection->end) {
    case DH_BROKER_END_RESET: return true;
    case DH_BROKER_END_CLOSE:
        return connection->out.size == 0 ||
               (has_bytes(connection) && !connection->is_sending);
    case DH_BROKER_END_NOT: break;
    }
    if (connection->node->is_paused) {
        return false;
    }
    return connection->wants_read || (has_bytes(connection) && !connection->is_sending);
}

static void touch(struct dh_broker_connection *connection)
{
    if (has_action(connection) && !dh_link_is_linked(&connection->action_link)) {
        dh_list_push_back(&connection->broker->connections->actions,
                          &connection->action_link);
    }
}

// One action of a connection; false: it had none. May free it.
static bool take_action(struct dh_broker_connection *connection,
                        struct dh_broker_action *action)
{
    if (!has_action(connection)) {
        return false;
    }
    *action = (struct dh_broker_action){.node_id = connection->node->id,
                                        .connection_id = connection->id};
    if (has_bytes(connection) && !connection->is_sending &&
        connection->end != DH_BROKER_END_RESET) {
        connection->is_sending = true;
        action->kind = DH_BROKER_SEND;
        action->bytes = dh_buf_view(&connection->out);
        return true;
    }
    if (connection->end != DH_BROKER_END_NOT) {
        action->kind =
            connection->end == DH_BROKER_END_RESET ? DH_BROKER_RESET : DH_BROKER_CLOSE;
        destroy(connection);
        return true;
    }
    connection->wants_read = false;
    action->kind = DH_BROKER_READ;
    return true;
}

bool dh_broker_connections_next_action(struct dh_broker *broker,
                                       struct dh_broker_action *action)
{
    struct dh_list *actions = &broker->connections->actions;
    struct dh_link *link;
    while ((link = dh_list_first(actions)) != NULL) {
        struct dh_broker_connection *connection =
            DH_CONTAINER_OF(link, struct dh_broker_connection, action_link);
        // It stays in the list until it has nothing more: it may have two things to do.
        if (take_action(connection, action)) {
            return true;
        }
        dh_list_remove(link);
    }
    return false;
}

// ---- Life ----

static void on_idle(struct dh_broker_alarm *alarm)
{
    struct dh_broker_connection *connection =
        DH_CONTAINER_OF(alarm, struct dh_broker_connection, idle);
    if (connection->end == DH_BROKER_END_CLOSE) {
        // What was to be sent before the end is not taken by the client.
        connection->end = DH_BROKER_END_RESET;
        touch(connection);
        return;
    }
    if (connection->request == NULL) {
        dh_broker_connection_end(connection, DH_BROKER_END_CLOSE,
                                 "unused for connections.max.idle.ms");
    }
}

static void on_hold_over(struct dh_broker_alarm *alarm);

// Something has come or gone.
static void arm_idle(struct dh_broker_connection *connection)
{
    struct dh_broker *broker = connection->broker;
    int64_t idle_ms = broker->settings->connections_max_idle_ms;
    // Kafka: a connection with a request in service is not idle.
    int64_t deadline_ns = idle_ms < 0 || connection->request != NULL
                              ? DH_NEVER
                              : dh_deadline_after_ms(broker->clock.now_ns, idle_ms);
    dh_broker_alarm_set(&connection->idle, deadline_ns);
}

uint32_t dh_broker_connection_accept(struct dh_broker *broker,
                                     struct dh_broker_node *node, const char *peer_host)
{
    struct dh_broker_connections *connections = broker->connections;
    if ((int64_t)connections->count >= broker->settings->max_connections) {
        dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
               "a connection from %s is refused: max.connections is reached", peer_host);
        return 0;
    }
    struct dh_broker_connection *connection =
        dh_mem_calloc(broker->mem, 1, sizeof(*connection));
    if (connection == NULL) {
        return 0;
    }
    connection->broker = broker;
    connection->node = node;
    snprintf(connection->peer_host, sizeof(connection->peer_host), "/%s", peer_host);
    dh_buf_init(&connection->out, broker->mem, 0);
    connection->id = ++connections->id_last;
    dh_list_push_back(&connections->all, &connection->link);
    connections->count++;
    if (dh_map_put_u64(&connections->by_id, connection->id, connection) != 0 ||
        dh_broker_alarm_init(&connection->idle, broker, on_idle) != 0 ||
        dh_broker_alarm_init(&connection->hold, broker, on_hold_over) != 0) {
        destroy(connection);
        return 0;
    }
    arm_idle(connection);
    dh_broker_changed(broker, DH_BROKER_CHANGE_CONNECTION);
    return connection->id;
}

void dh_broker_connection_end(struct dh_broker_connection *connection,
                              enum dh_broker_connection_end end, const char *why)
{
    DH_ASSERT(end != DH_BROKER_END_NOT);
    if (connection->end != DH_BROKER_END_NOT) {
        if (end == DH_BROKER_END_RESET) {
            connection->end = end;
            touch(connection);
        }
        return;
    }
    dh_log(connection->broker->log, DOHLE_LOG_DEBUG, subsystem,
           "connection %" PRIu32 " from %s: %s: %s", connection->id,
           connection->peer_host + 1, end == DH_BROKER_END_RESET ? "reset" : "closed",
           why);
    connection->end = end;
    dh_broker_changed(connection->broker, DH_BROKER_CHANGE_CONNECTION);
    dh_list_remove(&connection->ready_link);
    abandon_request(connection);
    arm_idle(connection);
    touch(connection);
}

void dh_broker_connections_end_all(struct dh_broker *broker,
                                   const struct dh_broker_node *node,
                                   enum dh_broker_connection_end end)
{
    DH_LIST_EACH_SAFE(link, next, &broker->connections->all)
    {
        struct dh_broker_connection *connection =
            DH_CONTAINER_OF(link, struct dh_broker_connection, link);
        if (connection->node == node) {
            dh_broker_connection_end(connection, end, "the node goes down");
        }
    }
}

void dh_broker_connection_on_closed(struct dh_broker_connection *connection)
{
    dh_broker_changed(connection->broker, DH_BROKER_CHANGE_CONNECTION);
    abandon_request(connection);
    destroy(connection);
}

// ---- Bytes in ----

// How many bytes the next frame has; 0: its size is not here yet; -1: nonsense.
static int64_t next_frame_size(const struct dh_broker_connection *connection)
{
    if (connection->staged < DH_ENVELOPE_SIZE_SIZE) {
        return 0;
    }
    const uint8_t *at = connection->staging;
    uint32_t size = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
                    (uint32_t)at[3];
    int64_t size_max = connection->broker->settings->socket_request_max_bytes;
    return size == 0 || size > size_max ? -1 : (int64_t)size;
}

// The frame has room for what is to come next. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int grow_frame(struct dh_broker_connection *connection)
{
    struct dh_frame *frame = connection->frame;
    if (frame->size < frame->capacity) {
        return 0;
    }
    size_t capacity = frame->capacity * 2;
    capacity = capacity < connection->frame_size ? capacity : connection->frame_size;
    struct dh_frame *grown = dh_frame_new(connection->broker->mem, capacity);
    if (grown == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    memcpy(grown->data, frame->data, frame->size);
    grown->size = frame->size;
    dh_frame_drop(frame);
    connection->frame = grown;
    return 0;
}

static bool is_frame_whole(const struct dh_broker_connection *connection)
{
    return connection->frame != NULL && connection->frame->size == connection->frame_size;
}

/*
 * Begins the next frame with what is staged. Returns 0, also when nothing was begun, or an
 * error with the reason.
 */
static int begin_frame(struct dh_broker_connection *connection, const char **why)
{
    int64_t size = next_frame_size(connection);
    if (size == 0) {
        return 0;
    }
    if (size < 0) {
        *why = "a frame's size is 0 or beyond socket.request.max.bytes";
        return DOHLE_ERR_PROTOCOL;
    }
    size_t at_once = (size_t)size < DH_BROKER_FRAME_BYTES_AT_ONCE
                         ? (size_t)size
                         : DH_BROKER_FRAME_BYTES_AT_ONCE;
    struct dh_frame *frame = dh_frame_new(connection->broker->mem, at_once);
    if (frame == NULL) {
        *why = "no memory for a request";
        return DOHLE_ERR_NO_MEMORY;
    }
    size_t body = connection->staged - DH_ENVELOPE_SIZE_SIZE;
    size_t taken = body < (size_t)size ? body : (size_t)size;
    memcpy(frame->data, connection->staging + DH_ENVELOPE_SIZE_SIZE, taken);
    frame->size = taken;
    size_t used = DH_ENVELOPE_SIZE_SIZE + taken;
    connection->staged -= used;
    memmove(connection->staging, connection->staging + used, connection->staged);
    connection->frame = frame;
    connection->frame_size = (size_t)size;
    return 0;
}

bool dh_broker_connection_receive_buffer(struct dh_broker_connection *connection,
                                         uint8_t **pointer, size_t *capacity)
{
    struct dh_frame *frame = connection->frame;
    if (frame != NULL && frame->size < connection->frame_size) {
        if (grow_frame(connection) != 0) {
            dh_broker_connection_end(connection, DH_BROKER_END_RESET,
                                     "no memory for a request");
            return false;
        }
        frame = connection->frame;
        *pointer = frame->data + frame->size;
        *capacity = frame->capacity - frame->size;
        return true;
    }
    if (connection->staging == NULL) {
        connection->staging =
            dh_mem_alloc(connection->broker->mem, DH_BROKER_STAGING_BYTES);
        if (connection->staging == NULL) {
            dh_broker_connection_end(connection, DH_BROKER_END_RESET,
                                     "no memory for a connection");
            return false;
        }
    }
    *pointer = connection->staging + connection->staged;
    *capacity = DH_BROKER_STAGING_BYTES - connection->staged;
    connection->is_stopped = *capacity == 0;
    return true;
}

static void make_ready(struct dh_broker_connection *connection)
{
    if (connection->end == DH_BROKER_END_NOT && connection->request == NULL &&
        connection->out.size == 0 && !connection->is_held &&
        !dh_link_is_linked(&connection->ready_link)) {
        dh_list_push_back(&connection->broker->connections->ready,
                          &connection->ready_link);
    }
}

void dh_broker_connection_on_received(struct dh_broker_connection *connection,
                                      size_t size)
{
    struct dh_frame *frame = connection->frame;
    if (frame != NULL && frame->size < connection->frame_size) {
        DH_ASSERT(size <= frame->capacity - frame->size);
        frame->size += size;
    } else {
        DH_ASSERT(size <= DH_BROKER_STAGING_BYTES - connection->staged);
        connection->staged += size;
    }
    arm_idle(connection);
    make_ready(connection);
}

// There is room again: the host may read on.
static void resume_reading(struct dh_broker_connection *connection)
{
    if (connection->is_stopped && connection->staged < DH_BROKER_STAGING_BYTES) {
        connection->is_stopped = false;
        connection->wants_read = true;
        touch(connection);
    }
}

// Looks at the next frame, and serves it when it is whole.
static void run(struct dh_broker_connection *connection)
{
    if (connection->node->is_paused) {
        return;
    }
    const char *why = NULL;
    if (connection->frame == NULL) {
        int err = begin_frame(connection, &why);
        if (err != 0) {
            dh_broker_connection_end(connection, DH_BROKER_END_CLOSE, why);
            return;
        }
    }
    resume_reading(connection);
    if (!is_frame_whole(connection)) {
        return;
    }
    struct dh_frame *frame = connection->frame;
    connection->frame = NULL;
    connection->request_count++;
    dh_broker_alarm_set(&connection->idle, DH_NEVER);
    dh_broker_requests_begin(connection, frame);
}

void dh_broker_connections_run(struct dh_broker *broker)
{
    struct dh_link *link;
    while ((link = dh_list_pop_front(&broker->connections->ready)) != NULL) {
        struct dh_broker_connection *connection =
            DH_CONTAINER_OF(link, struct dh_broker_connection, ready_link);
        run(connection);
    }
}

// ---- Bytes out ----

// The response is out, or there is none: the next frame may be looked at.
static void on_done(struct dh_broker_connection *connection)
{
    if (connection->out.capacity > DH_BROKER_OUT_BYTES_KEPT) {
        dh_buf_deinit(&connection->out);
    }
    dh_buf_reset(&connection->out);
    if (connection->end == DH_BROKER_END_NOT) {
        arm_idle(connection);
        make_ready(connection);
    } else {
        touch(connection);
    }
}

static void on_hold_over(struct dh_broker_alarm *alarm)
{
    struct dh_broker_connection *connection =
        DH_CONTAINER_OF(alarm, struct dh_broker_connection, hold);
    connection->is_held = false;
    if (connection->out.size == 0) {
        on_done(connection);
    } else {
        touch(connection);
    }
}

void dh_broker_connection_on_answered(struct dh_broker_connection *connection,
                                      int64_t due_ns)
{
    connection->request = NULL;
    if (due_ns > connection->broker->clock.now_ns) {
        connection->is_held = true;
        dh_broker_alarm_set(&connection->hold, due_ns);
        return;
    }
    if (connection->out.size == 0) {
        on_done(connection);
        return;
    }
    arm_idle(connection);
    touch(connection);
}

void dh_broker_connection_on_sent(struct dh_broker_connection *connection)
{
    DH_ASSERT(connection->is_sending);
    connection->is_sending = false;
    on_done(connection);
}

void dh_broker_connections_on_pause(struct dh_broker *broker,
                                    const struct dh_broker_node *node)
{
    DH_LIST_EACH(link, &broker->connections->all)
    {
        struct dh_broker_connection *connection =
            DH_CONTAINER_OF(link, struct dh_broker_connection, link);
        if (connection->node == node) {
            touch(connection);
            make_ready(connection);
        }
    }
}
