// SPDX-License-Identifier: MIT
#include "client/back/requests.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/context.h"
#include "client/back/nodes.h"
#include "wire/api.h"
#include "wire/envelope.h"
#include "wire/message.h"

static const char subsystem[] = "requests";

// A send is ended at this size, so that a burst does not grow the buffer for ever.
#define SEND_BYTES_FULL ((size_t)256 * 1024)

// A decoded response may take this many times its own size, and a little (R2).
#define DECODED_FACTOR     8
#define DECODED_BYTES_MORE ((size_t)4096)

#define TEXT_BYTES 400

// How many kinds of requests are remembered that failed and have not worked since.
#define FAILURES_MAX 4

struct failure {
    const struct dh_op_class *cls; // NULL: none
    char text[TEXT_BYTES];
};

struct dh_requests {
    struct dh_back_context context;
    struct dh_connections connections;
    struct dh_nodes nodes;
    struct dh_arena arena; // one request or response at a time
    bool is_closed;
    uint64_t trouble_version;
    char trouble[512];                     // made by describe_nodes
    struct failure failures[FAILURES_MAX]; // the newest first
};

static struct dh_requests *requests_of(const struct dh_connection *connection)
{
    return DH_CONTAINER_OF(connection->shared, struct dh_requests, connections);
}

// ---- Settling ----

// Forgets the failure of that class, or of the one that is oldest when there are many.
static void forget_failure(struct dh_requests *requests, const struct dh_op_class *cls,
                           bool makes_room)
{
    size_t i = 0;
    while (i < FAILURES_MAX && requests->failures[i].cls != cls) {
        i++;
    }
    if (i == FAILURES_MAX && !makes_room) {
        return;
    }
    size_t last = i == FAILURES_MAX ? FAILURES_MAX - 1 : i;
    if (makes_room) {
        memmove(requests->failures + 1, requests->failures,
                last * sizeof(requests->failures[0]));
        return;
    }
    memmove(requests->failures + last, requests->failures + last + 1,
            (FAILURES_MAX - 1 - last) * sizeof(requests->failures[0]));
    requests->failures[FAILURES_MAX - 1].cls = NULL;
}

static void note_failure(struct dh_requests *requests, const struct dh_op_class *cls,
                         const char *text)
{
    forget_failure(requests, cls, true);
    struct failure *failure = &requests->failures[0];
    failure->cls = cls;
    snprintf(failure->text, sizeof(failure->text), "%s", text);
}

static void note_outcome(struct dh_requests *requests, const struct dh_op_class *cls,
                         const struct dh_reply *reply)
{
    if (reply->err == 0) {
        forget_failure(requests, cls, false);
    } else {
        note_failure(requests, cls, reply->text);
    }
}

// Every reply ends here; the operation may be gone when this returns.
static void settle(struct dh_requests *requests, struct dh_op *op,
                   const struct dh_reply *reply, int64_t now_ns)
{
    const struct dh_op_class *cls = op->cls;
    op->state = DH_OP_IDLE;
    op->lane = NULL;
    dh_alarm_cancel(&op->alarm, requests->context.alarms);
    if (reply->err != 0) {
        dh_log(requests->context.log, DOHLE_LOG_DEBUG, subsystem, "%s: %s", cls->name,
               reply->text);
    }
    note_outcome(requests, cls, reply);
    enum dh_settled settled = cls->on_reply(op, reply, now_ns);
    switch (settled) {
    case DH_SETTLED_GONE: return;
    case DH_SETTLED_DONE: dh_backoff_reset(&op->backoff); return;
    case DH_SETTLED_FAILED: return;
    case DH_SETTLED_RETRY: {
        DH_ASSERT(op->state == DH_OP_IDLE);
        op->state = DH_OP_WAITING;
        int64_t wait_ms = dh_backoff_next_ms(&op->backoff, requests->context.random);
        dh_alarm_set(&op->alarm, requests->context.alarms,
                     dh_deadline_after_ms(now_ns, wait_ms));
        return;
    }
    }
    DH_ASSERT(false && "every reply is settled");
}

static void settle_error(struct dh_requests *requests, struct dh_op *op, int32_t node_id,
                         int err, const char *text, int64_t now_ns)
{
    struct dh_reply reply = {.err = err, .node_id = node_id, .version = -1, .text = text};
    settle(requests, op, &reply, now_ns);
}

// Operations that cannot be sent: their owners hear of it outside of dh_op_start.
static void settle_orphans(struct dh_requests *requests, int64_t now_ns)
{
    struct dh_list orphans;
    dh_list_init(&orphans);
    dh_list_append_all(&orphans, &requests->nodes.orphans);
    for (struct dh_link *link; (link = dh_list_pop_front(&orphans)) != NULL;) {
        struct dh_op *op = DH_CONTAINER_OF(link, struct dh_op, link);
        char text[96];
        int err = op->err;
        if (err == DOHLE_ERR_NO_MEMORY || err == DOHLE_ERR_CLOSED) {
            snprintf(text, sizeof(text), "%s", dohle_error_text(err));
        } else {
            err = DOHLE_ERR_CONNECT;
            snprintf(text, sizeof(text), "node %" PRId32 " is not in the cluster",
                     op->node_id);
        }
        settle_error(requests, op, op->node_id, err, text, now_ns);
    }
}

// ---- Flights ----

static struct dh_flight *flight_of(struct dh_op *op)
{
    struct dh_lane *lane = op->lane;
    uint32_t index = 0;
    while (dh_lane_flight(lane, index)->op != op) {
        index++;
        DH_ASSERT(index < lane->flight_count);
    }
    return dh_lane_flight(lane, index);
}

static struct dh_flight pop_flight(struct dh_lane *lane)
{
    struct dh_flight flight = *dh_lane_flight(lane, 0);
    lane->flight_first = (lane->flight_first + 1) % DH_FLIGHTS_MAX;
    lane->flight_count--;
    return flight;
}

// Takes the operation of a flight that has ended: NULL when nobody waits for it.
static struct dh_op *land(struct dh_requests *requests, struct dh_flight *flight)
{
    struct dh_op *op = flight->op;
    flight->op = NULL;
    if (op == NULL || op->state == DH_OP_IN_FLIGHT) {
        return op;
    }
    DH_ASSERT(op->state == DH_OP_CANCELLED);
    op->state = DH_OP_IDLE;
    op->lane = NULL;
    dh_alarm_cancel(&op->alarm, requests->context.alarms);
    return NULL;
}

static void fail_flights(struct dh_lane *lane, int err, const char *text, int64_t now_ns)
{
    struct dh_requests *requests = requests_of(&lane->connection);
    // Nothing is sent inside of handlers, so this ends.
    while (lane->flight_count > 0) {
        struct dh_flight flight = pop_flight(lane);
        struct dh_op *op = land(requests, &flight);
        if (op != NULL) {
            settle_error(requests, op, lane->node_id, err, text, now_ns);
        }
    }
}

static void fail_queued(struct dh_lane *lane, int err, const char *text, int64_t now_ns)
{
    struct dh_list failing; // what handlers start anew waits for the next attempt
    dh_list_init(&failing);
    dh_list_append_all(&failing, &lane->queued);
    for (struct dh_link *link; (link = dh_list_pop_front(&failing)) != NULL;) {
        settle_error(requests_of(&lane->connection),
                     DH_CONTAINER_OF(link, struct dh_op, link), lane->node_id, err, text,
                     now_ns);
    }
}

// ---- What connections tell ----

static void on_ready(struct dh_connection *connection, int64_t now_ns)
{
    (void)now_ns;
    if (connection->trouble[0] != '\0') {
        connection->trouble[0] = '\0';
        requests_of(connection)->trouble_version++;
    }
    dh_lane_activate(dh_lane_of(connection));
}

/*
 * What was in flight is lost. What is queued fails only when the node cannot be
 * reached; after the loss of a connection that worked it waits for the next one.
 */
static void on_failed(struct dh_connection *connection, int err, const char *text,
                      int64_t now_ns)
{
    struct dh_lane *lane = dh_lane_of(connection);
    requests_of(connection)->trouble_version++;
    // The handlers may overwrite what text points to.
    char copy[DH_CONNECTION_TEXT_BYTES];
    snprintf(copy, sizeof(copy), "%s", text);
    fail_flights(lane, err, copy, now_ns);
    if (!connection->was_ready) {
        fail_queued(lane, err, copy, now_ns);
    }
    dh_lane_activate(lane);
}

static void on_idle(struct dh_connection *connection, int64_t now_ns)
{
    (void)now_ns;
    struct dh_lane *lane = dh_lane_of(connection);
    lane->flight_count = 0; // those nobody waited for any more
    dh_lane_activate(lane);
}

static bool is_needed(struct dh_connection *connection)
{
    return dh_lane_is_awaited(dh_lane_of(connection));
}

static void on_action(struct dh_connection *connection)
{
    dh_lane_activate(dh_lane_of(connection));
}

// Nearly every response tells it, under the same name; 0: this one does not.
static int32_t throttle_ms_of(const struct dh_message_type *type, const void *response)
{
    for (size_t i = 0; i < type->body.field_count; i++) {
        const struct dh_field *field = &type->body.fields[i];
        if (strcmp(field->name, "throttle_time_ms") == 0) {
            return *(const int32_t *)(const void *)((const char *)response +
                                                    field->offset);
        }
    }
    return 0;
}

// KIP-219: the broker asks not to be asked for a while (CL-089, X-119).
static void mute(struct dh_lane *lane, const struct dh_api *api, const void *response,
                 int64_t now_ns)
{
    int32_t throttle_ms = throttle_ms_of(api->response, response);
    if (throttle_ms <= 0) {
        return;
    }
    struct dh_requests *requests = requests_of(&lane->connection);
    dh_log(requests->context.log, DOHLE_LOG_INFO, subsystem,
           "node %" PRId32 " throttles us for %" PRId32 " ms", lane->node_id,
           throttle_ms);
    int64_t until_ns = dh_deadline_after_ms(now_ns, throttle_ms);
    if (until_ns > lane->muted_until_ns) {
        lane->muted_until_ns = until_ns;
        dh_alarm_set(&lane->mute, requests->context.alarms, until_ns);
    }
}

// Decodes what answers `flight` and settles its operation. False: malformed.
static bool settle_response(struct dh_lane *lane, const struct dh_flight *flight,
                            struct dh_op *op, struct dh_frame *frame, int64_t now_ns,
                            char text[DH_CONNECTION_TEXT_BYTES])
{
    struct dh_requests *requests = requests_of(&lane->connection);
    struct dh_arena *arena = &requests->arena;
    const struct dh_api *api = dh_api_find(flight->api_key);
    dh_arena_reset(arena);
    arena->used_max =
        api->response->body.size + frame->size * DECODED_FACTOR + DECODED_BYTES_MORE;
    struct dh_reply reply = {
        .node_id = lane->node_id, .version = flight->version, .frame = frame, .text = ""};
    void *response = dh_arena_alloc(arena, api->response->body.size);
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){frame->data, frame->size});
    int32_t correlation_id;
    reply.err = response == NULL
                    ? DOHLE_ERR_NO_MEMORY
                    : dh_envelope_decode_response_header(
                          &reader, flight->api_key, flight->version, &correlation_id);
    if (reply.err == 0) {
        reply.err =
            dh_message_decode(api->response, flight->version, &reader, arena, response);
    }
    char full_text[TEXT_BYTES];
    if (reply.err != 0) {
        snprintf(text, DH_CONNECTION_TEXT_BYTES, "the response to %s version %d: %s",
                 op->cls->name, flight->version, dohle_error_text(reply.err));
        snprintf(full_text, sizeof(full_text), "%.200s:%" PRId32 " (%s): %.150s",
                 lane->connection.host, lane->connection.port, lane->connection.label,
                 text);
        reply.text = full_text;
    } else {
        reply.response = response;
        mute(lane, api, response, now_ns);
    }
    bool is_well_formed = reply.err == 0;
    settle(requests, op, &reply, now_ns);
    return is_well_formed;
}

// Ends the oldest flight, which has no response: its bytes are out.
static void settle_silent(struct dh_requests *requests, struct dh_lane *lane,
                          const struct dh_flight *flight, int64_t now_ns)
{
    struct dh_flight ended = *flight;
    struct dh_op *op = land(requests, &ended);
    if (op != NULL) {
        struct dh_reply reply = {
            .node_id = lane->node_id, .version = ended.version, .text = ""};
        settle(requests, op, &reply, now_ns);
    }
}

// All that was appended has been written: those without a response have ended.
static void settle_written(struct dh_requests *requests, struct dh_lane *lane,
                           int64_t now_ns)
{
    for (uint32_t left = lane->flight_count; left > 0; left--) {
        struct dh_flight flight = pop_flight(lane);
        if (flight.is_silent) {
            settle_silent(requests, lane, &flight, now_ns);
        } else {
            // Once around the ring, so the order stays.
            *dh_lane_flight(lane, lane->flight_count++) = flight;
        }
    }
}

static bool on_response(struct dh_connection *connection, struct dh_frame *frame,
                        int64_t now_ns, char text[DH_CONNECTION_TEXT_BYTES])
{
    struct dh_requests *requests = requests_of(connection);
    struct dh_lane *lane = dh_lane_of(connection);
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){frame->data, frame->size});
    int32_t correlation_id = dh_read_int32(&reader);
    // The answer to a later request may be seen before the end of the write.
    while (lane->flight_count > 0 && dh_lane_flight(lane, 0)->is_silent) {
        struct dh_flight written = pop_flight(lane);
        settle_silent(requests, lane, &written, now_ns);
    }
    // P1: a response answers the oldest request, or the connection makes no sense.
    if (lane->flight_count == 0 ||
        dh_lane_flight(lane, 0)->correlation_id != correlation_id) {
        snprintf(text, DH_CONNECTION_TEXT_BYTES,
                 "a response with correlation id %" PRId32 " that answers nothing",
                 correlation_id);
        dh_frame_pool_put(requests->context.frames, frame);
        return false;
    }
    struct dh_flight flight = pop_flight(lane);
    struct dh_op *op = land(requests, &flight);
    bool is_well_formed =
        op == NULL || settle_response(lane, &flight, op, frame, now_ns, text);
    dh_frame_pool_put(requests->context.frames, frame);
    // There is room for one more in flight, and perhaps the end of a retired lane.
    dh_lane_activate(lane);
    return is_well_formed;
}

static const struct dh_connection_owner connection_owner = {
    .on_ready = on_ready,
    .on_failed = on_failed,
    .on_idle = on_idle,
    .on_response = on_response,
    .is_needed = is_needed,
    .on_action = on_action,
};

// ---- Life cycle ----

static int add_bootstrap(struct dh_requests *requests)
{
    const struct dh_settings *settings = requests->context.settings;
    for (size_t i = 0; i < settings->bootstrap_server_count; i++) {
        const struct dh_endpoint *endpoint = &settings->bootstrap_servers[i];
        int err = dh_nodes_put(&requests->nodes, DH_NODE_BOOTSTRAP(i), endpoint->host,
                               endpoint->port);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

struct dh_requests *dh_requests_new(const struct dh_back_context *context, int64_t now_ns)
{
    (void)now_ns;
    struct dh_requests *requests = dh_mem_calloc(context->mem, 1, sizeof(*requests));
    if (requests == NULL) {
        return NULL;
    }
    const struct dh_settings *settings = context->settings;
    requests->context = *context;
    requests->connections = (struct dh_connections){
        .mem = context->mem,
        .log = context->log,
        .random = context->random,
        .alarms = context->alarms,
        .frames = context->frames,
        .owner = &connection_owner,
        .response_bytes_max = (size_t)settings->response_max_bytes,
        .setup_timeout_ms = settings->socket_connection_setup_timeout_ms,
        .setup_timeout_max_ms = settings->socket_connection_setup_timeout_max_ms,
        .negotiation_timeout_ms = settings->request_timeout_ms,
        .reconnect_backoff_ms = settings->reconnect_backoff_ms,
        .reconnect_backoff_max_ms = settings->reconnect_backoff_max_ms,
        .idle_ms = settings->connections_max_idle_ms,
        .send_buffer_bytes = settings->send_buffer_bytes,
        .receive_buffer_bytes = settings->receive_buffer_bytes,
        .client_id = dh_bytes_of(settings->client_id),
        .arena = &requests->arena,
    };
    dh_map_init(&requests->connections.by_id, context->mem,
                dh_random_next(context->random));
    dh_nodes_init(&requests->nodes, &requests->connections,
                  dh_random_next(context->random));
    dh_arena_init(&requests->arena, context->mem, 0);
    if (add_bootstrap(requests) != 0) {
        dh_requests_free(requests);
        return NULL;
    }
    return requests;
}

void dh_requests_free(struct dh_requests *requests)
{
    if (requests == NULL) {
        return;
    }
    dh_nodes_deinit(&requests->nodes);
    dh_map_deinit(&requests->connections.by_id);
    dh_arena_deinit(&requests->arena);
    dh_mem_free(requests->context.mem, requests, sizeof(*requests));
}

// ---- Operations ----

static void on_op_alarm(struct dh_alarm *alarm, int64_t now_ns);

int dh_op_init(struct dh_op *op, const struct dh_op_class *cls,
               struct dh_requests *requests)
{
    const struct dh_settings *settings = requests->context.settings;
    *op = (struct dh_op){
        .cls = cls,
        .state = DH_OP_IDLE,
        .node_id = DH_NODE_NONE,
        .backoff = {.initial_ms = settings->retry_backoff_ms,
                    .max_ms = settings->retry_backoff_max_ms},
        .version_max = -1,
        .requests = requests,
    };
    return dh_alarm_init(&op->alarm, requests->context.alarms, on_op_alarm);
}

void dh_op_deinit(struct dh_op *op, struct dh_requests *requests)
{
    dh_op_cancel(op, requests);
    if (op->state == DH_OP_CANCELLED) {
        flight_of(op)->op = NULL;
    }
    op->state = DH_OP_IDLE;
    op->lane = NULL;
    dh_alarm_deinit(&op->alarm, requests->context.alarms);
}

static struct dh_lane *lane_for(struct dh_requests *requests, struct dh_op *op,
                                int64_t now_ns)
{
    if (requests->is_closed) {
        op->err = DOHLE_ERR_CLOSED;
        return NULL;
    }
    struct dh_node *node =
        op->node_id == DH_NODE_ANY
            ? dh_nodes_any(&requests->nodes, requests->context.random, now_ns)
            : dh_nodes_find(&requests->nodes, op->node_id);
    if (node == NULL) {
        op->err = DOHLE_ERR_CONNECT;
        return NULL;
    }
    op->node_id = node->id;
    op->err = DOHLE_ERR_NO_MEMORY;
    return dh_nodes_lane(&requests->nodes, node, op->cls->channel);
}

void dh_op_start(struct dh_op *op, struct dh_requests *requests, int32_t node_id,
                 int64_t deadline_ns, int64_t now_ns)
{
    DH_ASSERT(op->state == DH_OP_IDLE || op->state == DH_OP_WAITING);
    op->state = DH_OP_QUEUED;
    op->node_id = node_id;
    op->allowed_ns = deadline_ns - now_ns;
    op->lane = lane_for(requests, op, now_ns);
    dh_alarm_set(&op->alarm, requests->context.alarms, deadline_ns);
    if (op->lane == NULL) {
        dh_list_push_back(&requests->nodes.orphans, &op->link);
        return;
    }
    dh_list_push_back(&op->lane->queued, &op->link);
    dh_lane_activate(op->lane);
}

void dh_op_cancel(struct dh_op *op, struct dh_requests *requests)
{
    switch (op->state) {
    case DH_OP_IDLE:
    case DH_OP_CANCELLED: return;
    case DH_OP_QUEUED: dh_list_remove(&op->link); break;
    case DH_OP_IN_FLIGHT:
        // The deadline stays: an answer that never comes still ends the connection.
        op->state = DH_OP_CANCELLED;
        return;
    case DH_OP_WAITING: break;
    }
    op->state = DH_OP_IDLE;
    op->lane = NULL;
    dh_alarm_cancel(&op->alarm, requests->context.alarms);
}

static const char *describe_nodes(struct dh_requests *requests, bool with_waits);

static void on_queued_timeout(struct dh_requests *requests, struct dh_op *op,
                              int64_t now_ns)
{
    dh_list_remove(&op->link);
    // Not how the last attempt ended: that would be this text, nested ever deeper.
    const char *trouble = describe_nodes(requests, true);
    char text[TEXT_BYTES];
    snprintf(text, sizeof(text), "no connection for %s within %" PRId64 " ms%s%.300s",
             op->cls->name, op->allowed_ns / DH_MS, trouble[0] == '\0' ? "" : ": ",
             trouble);
    settle_error(requests, op, op->node_id, DOHLE_ERR_TIMEOUT, text, now_ns);
}

// As Java does: who does not answer in time is not asked anything more.
static void on_flight_timeout(struct dh_requests *requests, struct dh_op *op,
                              int64_t now_ns)
{
    struct dh_lane *lane = op->lane;
    struct dh_connection *connection = &lane->connection;
    uint32_t connection_id = connection->id;
    char text[TEXT_BYTES];
    char why[TEXT_BYTES];
    snprintf(why, sizeof(why), "no answer to %s within %" PRId64 " ms", op->cls->name,
             op->allowed_ns / DH_MS);
    snprintf(text, sizeof(text), "%.200s:%" PRId32 " (%s): %.150s", connection->host,
             connection->port, connection->label, why);
    struct dh_flight *flight = flight_of(op);
    op = land(requests, flight);
    if (op != NULL) {
        settle_error(requests, op, lane->node_id, DOHLE_ERR_TIMEOUT, text, now_ns);
    }
    if (connection->id == connection_id) {
        dh_connection_fail(connection, DOHLE_ERR_DISCONNECTED, why, now_ns);
    }
}

static void on_op_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_op *op = DH_CONTAINER_OF(alarm, struct dh_op, alarm);
    struct dh_requests *requests = op->requests;
    switch (op->state) {
    case DH_OP_IDLE: break;
    case DH_OP_QUEUED: on_queued_timeout(requests, op, now_ns); break;
    case DH_OP_IN_FLIGHT:
    case DH_OP_CANCELLED: on_flight_timeout(requests, op, now_ns); break;
    case DH_OP_WAITING:
        op->state = DH_OP_IDLE;
        op->cls->on_due(op, now_ns);
        break;
    }
}

// ---- Sending ----

// Fills in and appends one request. Returns 0, or an error with `out` as it was.
static int append_request(struct dh_requests *requests, struct dh_lane *lane,
                          struct dh_op *op, const struct dh_api *api, int16_t version,
                          int64_t now_ns)
{
    struct dh_arena *arena = &requests->arena;
    dh_arena_reset(arena);
    arena->used_max = SIZE_MAX;
    void *request = dh_arena_alloc(arena, api->request->body.size);
    if (request == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_message_init(api->request, request);
    int err = op->cls->fill(op, version, request, arena, now_ns);
    if (err != 0) {
        return err;
    }
    int32_t correlation_id = dh_connection_next_correlation_id(&lane->connection);
    struct dh_buf *out = &lane->connection.out;
    err = dh_envelope_encode_request(out, api->key, version, correlation_id,
                                     requests->connections.client_id, request);
    if (err != 0) {
        out->err = 0; // it holds what it held: the requests before this one
        return err;
    }
    struct dh_flight *flight = dh_lane_flight(lane, lane->flight_count++);
    *flight = (struct dh_flight){.op = op,
                                 .correlation_id = correlation_id,
                                 .api_key = api->key,
                                 .version = version,
                                 .is_silent = op->cls->is_silent != NULL &&
                                              op->cls->is_silent(op)};
    op->state = DH_OP_IN_FLIGHT;
    op->sent_ns = now_ns;
    return 0;
}

static void send_one(struct dh_requests *requests, struct dh_lane *lane, struct dh_op *op,
                     int64_t now_ns)
{
    const struct dh_api *api = dh_api_find(op->cls->api_key);
    DH_ASSERT(api != NULL);
    dh_list_remove(&op->link);
    char text[TEXT_BYTES];
    int16_t version =
        dh_api_ranges_best(&lane->connection.versions, api->key,
                           op->version_max < 0 ? INT16_MAX : op->version_max);
    if (version == DH_VERSION_NONE) {
        snprintf(text, sizeof(text),
                 "%.200s:%" PRId32 " (%s) has no version of %s that we can use",
                 lane->connection.host, lane->connection.port, lane->connection.label,
                 op->cls->name);
        settle_error(requests, op, lane->node_id, DOHLE_ERR_UNSUPPORTED_VERSION, text,
                     now_ns);
        return;
    }
    int err = append_request(requests, lane, op, api, version, now_ns);
    if (err != 0) {
        snprintf(text, sizeof(text), "%s cannot be made in version %d: %s", op->cls->name,
                 version, dohle_error_text(err));
        settle_error(requests, op, lane->node_id, err, text, now_ns);
    }
}

// Moves the lane on: opens, closes, sends.
static void serve(struct dh_requests *requests, struct dh_lane *lane, int64_t now_ns)
{
    struct dh_connection *connection = &lane->connection;
    if (lane->is_retired && !dh_lane_is_awaited(lane)) {
        lane->flight_count = 0;
        dh_connection_close(connection, "not needed any more");
        return;
    }
    if (connection->state == DH_CONNECTION_IDLE && !dh_list_is_empty(&lane->queued)) {
        dh_connection_open(connection, now_ns);
    }
    while (dh_connection_can_append(connection) && lane->muted_until_ns <= now_ns &&
           lane->flight_count < DH_FLIGHTS_MAX &&
           connection->out.size < SEND_BYTES_FULL) {
        struct dh_link *link = dh_list_first(&lane->queued);
        if (link == NULL) {
            return;
        }
        send_one(requests, lane, DH_CONTAINER_OF(link, struct dh_op, link), now_ns);
    }
}

bool dh_requests_next_action(struct dh_requests *requests, struct dh_action *action,
                             int64_t now_ns)
{
    settle_orphans(requests, now_ns);
    for (struct dh_link *link; (link = dh_list_first(&requests->nodes.active)) != NULL;) {
        struct dh_lane *lane = DH_CONTAINER_OF(link, struct dh_lane, active_link);
        serve(requests, lane, now_ns);
        if (dh_connection_next_action(&lane->connection, action)) {
            // It may have more to do, but the others come first.
            dh_list_remove(&lane->active_link);
            dh_list_push_back(&requests->nodes.active, &lane->active_link);
            return true;
        }
        dh_list_remove(&lane->active_link);
        (void)dh_lane_release(&requests->nodes, lane);
    }
    return false;
}

// ---- Nodes ----

void dh_requests_begin_brokers(struct dh_requests *requests)
{
    dh_nodes_begin_brokers(&requests->nodes);
}

int dh_requests_put_broker(struct dh_requests *requests, int32_t node_id,
                           dohle_bytes host, int32_t port)
{
    char *text = dh_mem_copy_text(requests->context.mem, host.data, host.size);
    if (text == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = dh_nodes_put(&requests->nodes, node_id, text, port);
    dh_mem_free_string(requests->context.mem, text);
    return err;
}

void dh_requests_end_brokers(struct dh_requests *requests)
{
    dh_nodes_end_brokers(&requests->nodes);
    requests->nodes.has_bootstrap_only = false;
    requests->trouble_version++;
}

bool dh_requests_rebootstrap(struct dh_requests *requests)
{
    if (requests->nodes.broker_count == 0 || requests->nodes.has_bootstrap_only) {
        return false;
    }
    requests->nodes.has_bootstrap_only = true;
    return true;
}

bool dh_requests_has_usable_node(const struct dh_requests *requests)
{
    return dh_nodes_has_usable(&requests->nodes);
}

bool dh_requests_is_ready(const struct dh_requests *requests, int32_t node_id,
                          enum dh_channel channel, int64_t now_ns)
{
    return dh_nodes_find(&requests->nodes, node_id) != NULL &&
           dh_requests_ready_at(requests, node_id, channel, now_ns) <= now_ns;
}

int64_t dh_requests_ready_at(const struct dh_requests *requests, int32_t node_id,
                             enum dh_channel channel, int64_t now_ns)
{
    const struct dh_node *node = dh_nodes_find(&requests->nodes, node_id);
    if (node == NULL || node->lanes[channel] == NULL) {
        return now_ns;
    }
    return dh_lane_ready_at(node->lanes[channel], now_ns);
}

// ---- Frames and troubles ----

void dh_requests_return_frame(struct dh_requests *requests, struct dh_frame *frame)
{
    dh_frame_pool_put(requests->context.frames, frame);
}

struct dh_frame *dh_requests_frame(struct dh_requests *requests, size_t capacity)
{
    return dh_frame_pool_get(requests->context.frames, capacity);
}

// What a node that can be reached has not done yet: it may never do it.
static bool describe_wait(struct dh_lane *lane, char text[TEXT_BYTES])
{
    const struct dh_connection *connection = &lane->connection;
    const char *what = NULL;
    switch (connection->state) {
    case DH_CONNECTION_IDLE:
    case DH_CONNECTION_BACKING_OFF: return false;
    case DH_CONNECTION_RESOLVING: what = "the name is not resolved yet"; break;
    case DH_CONNECTION_CONNECTING: what = "not connected yet"; break;
    case DH_CONNECTION_NEGOTIATING:
        what = "connected, but no answer to ApiVersions yet";
        break;
    case DH_CONNECTION_READY: break;
    }
    // A fetch waits for records: that is nobody's fault.
    const struct dh_op *op = NULL;
    if (what == NULL && lane->channel != DH_CHANNEL_FETCH) {
        for (uint32_t i = 0; i < lane->flight_count && op == NULL; i++) {
            op = dh_lane_flight(lane, i)->op;
        }
    }
    if (what == NULL && op == NULL) {
        return false;
    }
    snprintf(text, TEXT_BYTES, "%.200s:%" PRId32 " (%s): %s%s%s", connection->host,
             connection->port, connection->label, what == NULL ? "no answer to " : what,
             op == NULL ? "" : op->cls->name, op == NULL ? "" : " yet");
    return true;
}

// One line for each node, though it may have three lanes. False: nothing to say.
static bool describe_node(const struct dh_node *node, bool with_waits,
                          char text[TEXT_BYTES])
{
    for (size_t i = 0; i < DH_CHANNEL_COUNT; i++) {
        if (node->lanes[i] != NULL && node->lanes[i]->connection.trouble[0] != '\0') {
            snprintf(text, TEXT_BYTES, "%s", node->lanes[i]->connection.trouble);
            return true;
        }
    }
    for (size_t i = 0; with_waits && i < DH_CHANNEL_COUNT; i++) {
        if (node->lanes[i] != NULL && describe_wait(node->lanes[i], text)) {
            return true;
        }
    }
    return false;
}

// A bootstrap address whose broker is known by now: it would be told twice.
static bool is_also_a_broker(const struct dh_nodes *nodes, const struct dh_node *node)
{
    struct dh_map_item *cursor = NULL;
    const struct dh_node *other =
        node->id < DH_NODE_NONE ? dh_nodes_next(nodes, &cursor) : NULL;
    while (other != NULL) {
        if (other->id > DH_NODE_NONE && other->port == node->port &&
            strcmp(other->host, node->host) == 0) {
            return true;
        }
        other = dh_nodes_next(nodes, &cursor);
    }
    return false;
}

static const char *describe_nodes(struct dh_requests *requests, bool with_waits)
{
    size_t size = 0;
    requests->trouble[0] = '\0';
    struct dh_map_item *cursor = NULL;
    for (struct dh_node *node;
         (node = dh_nodes_next(&requests->nodes, &cursor)) != NULL;) {
        char text[TEXT_BYTES];
        if (size >= sizeof(requests->trouble) ||
            is_also_a_broker(&requests->nodes, node) ||
            !describe_node(node, with_waits, text)) {
            continue;
        }
        size +=
            (size_t)snprintf(requests->trouble + size, sizeof(requests->trouble) - size,
                             "%s%s", size == 0 ? "" : "; ", text);
    }
    return requests->trouble;
}

const char *dh_requests_last_trouble(struct dh_requests *requests)
{
    return describe_nodes(requests, false);
}

const char *dh_requests_why_waiting(struct dh_requests *requests)
{
    const char *text = describe_nodes(requests, true);
    // Between two attempts there is nothing to see but how the last one ended.
    const struct failure *newest = &requests->failures[0];
    return text[0] == '\0' && newest->cls != NULL ? newest->text : text;
}

void dh_requests_note_failure(struct dh_requests *requests, const struct dh_op *op,
                              const struct dh_reply *reply, const char *why)
{
    char text[TEXT_BYTES];
    const struct dh_node *node = dh_nodes_find(&requests->nodes, reply->node_id);
    if (node == NULL) {
        snprintf(text, sizeof(text), "%s: %.200s", op->cls->name, why);
    } else {
        snprintf(text, sizeof(text), "%.150s:%" PRId32 ": %s: %.200s", node->host,
                 node->port, op->cls->name, why);
    }
    note_failure(requests, op->cls, text);
}

uint64_t dh_requests_trouble_version(const struct dh_requests *requests)
{
    return requests->trouble_version;
}

// ---- Closing ----

static void close_lane(struct dh_lane *lane, int64_t now_ns)
{
    const char *text = dohle_error_text(DOHLE_ERR_CLOSED);
    dh_connection_close(&lane->connection, text);
    fail_flights(lane, DOHLE_ERR_CLOSED, text, now_ns);
    fail_queued(lane, DOHLE_ERR_CLOSED, text, now_ns);
}

void dh_requests_close(struct dh_requests *requests, int64_t now_ns)
{
    requests->is_closed = true;
    struct dh_map_item *cursor = NULL;
    for (struct dh_node *node;
         (node = dh_nodes_next(&requests->nodes, &cursor)) != NULL;) {
        for (size_t i = 0; i < DH_CHANNEL_COUNT; i++) {
            if (node->lanes[i] != NULL) {
                close_lane(node->lanes[i], now_ns);
            }
        }
    }
    DH_LIST_EACH(link, &requests->nodes.retired)
    {
        struct dh_lane *lane = DH_CONTAINER_OF(link, struct dh_lane, retired_link);
        close_lane(lane, now_ns);
        dh_lane_activate(lane); // to be freed
    }
}

bool dh_requests_is_closed(const struct dh_requests *requests)
{
    struct dh_map_item *cursor = NULL;
    for (struct dh_node *node;
         (node = dh_nodes_next(&requests->nodes, &cursor)) != NULL;) {
        for (size_t i = 0; i < DH_CHANNEL_COUNT; i++) {
            if (node->lanes[i] != NULL &&
                !dh_connection_is_detached(&node->lanes[i]->connection)) {
                return false;
            }
        }
    }
    return requests->is_closed && dh_list_is_empty(&requests->nodes.retired);
}

static void check_lane(const struct dh_requests *requests, const struct dh_lane *lane)
{
    DH_ASSERT(lane->flight_count <= DH_FLIGHTS_MAX);
    DH_ASSERT(lane->flight_count == 0 || lane->connection.state == DH_CONNECTION_READY);
    for (uint32_t i = 0; i < lane->flight_count; i++) {
        const struct dh_op *op =
            lane->flights[(lane->flight_first + i) % DH_FLIGHTS_MAX].op;
        DH_ASSERT(op == NULL || op->lane == lane);
        DH_ASSERT(op == NULL || op->state == DH_OP_IN_FLIGHT ||
                  op->state == DH_OP_CANCELLED);
    }
    DH_LIST_EACH(link, &lane->queued)
    {
        const struct dh_op *op = DH_CONTAINER_OF(link, struct dh_op, link);
        DH_ASSERT(op->state == DH_OP_QUEUED && op->lane == lane);
    }
    // What is queued has a cause to go on: the lane is active, or something is awaited.
    DH_ASSERT(dh_list_is_empty(&lane->queued) || dh_link_is_linked(&lane->active_link) ||
              lane->connection.id != 0 || lane->flight_count == DH_FLIGHTS_MAX ||
              dh_alarm_is_set(&lane->connection.alarm) || dh_alarm_is_set(&lane->mute));
    (void)requests;
}

void dh_requests_check(const struct dh_requests *requests)
{
    struct dh_map_item *cursor = NULL;
    for (struct dh_node *node;
         (node = dh_nodes_next(&requests->nodes, &cursor)) != NULL;) {
        for (size_t i = 0; i < DH_CHANNEL_COUNT; i++) {
            if (node->lanes[i] != NULL) {
                check_lane(requests, node->lanes[i]);
            }
        }
    }
}

// ---- What the host reports ----

static struct dh_connection *connection_of(const struct dh_requests *requests,
                                           uint32_t connection_id)
{
    return dh_map_get_u64(&requests->connections.by_id, connection_id);
}

void dh_requests_on_resolved(struct dh_requests *requests, uint32_t connection_id,
                             const struct dh_address *addresses, size_t count, int err,
                             const char *text, int64_t now_ns)
{
    struct dh_connection *connection = connection_of(requests, connection_id);
    if (connection != NULL) {
        dh_connection_on_resolved(connection, addresses, count, err, text, now_ns);
    }
}

void dh_requests_on_connected(struct dh_requests *requests, uint32_t connection_id,
                              int64_t now_ns)
{
    struct dh_connection *connection = connection_of(requests, connection_id);
    if (connection != NULL) {
        dh_connection_on_connected(connection, now_ns);
    }
}

void dh_requests_on_closed(struct dh_requests *requests, uint32_t connection_id, int err,
                           const char *text, int64_t now_ns)
{
    struct dh_connection *connection = connection_of(requests, connection_id);
    if (connection != NULL) {
        dh_connection_on_closed(connection, err, text, now_ns);
    }
}

bool dh_requests_receive_buffer(struct dh_requests *requests, uint32_t connection_id,
                                uint8_t **pointer, size_t *capacity)
{
    struct dh_connection *connection = connection_of(requests, connection_id);
    if (connection == NULL || connection->staging == NULL) {
        return false;
    }
    dh_connection_receive_buffer(connection, pointer, capacity);
    return true;
}

void dh_requests_on_received(struct dh_requests *requests, uint32_t connection_id,
                             size_t size, int64_t now_ns)
{
    struct dh_connection *connection = connection_of(requests, connection_id);
    if (connection != NULL) {
        dh_connection_on_received(connection, size, now_ns);
    }
}

void dh_requests_on_sent(struct dh_requests *requests, uint32_t connection_id,
                         int64_t now_ns)
{
    struct dh_connection *connection = connection_of(requests, connection_id);
    if (connection != NULL) {
        dh_connection_on_sent(connection, now_ns);
        struct dh_lane *lane = dh_lane_of(connection);
        settle_written(requests, lane, now_ns);
        dh_lane_activate(lane);
    }
}
