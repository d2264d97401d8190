// SPDX-License-Identifier: MIT
#include "broker/requests.h"

#include <inttypes.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "broker/api_versions.h"
#include "broker/faults.h"
#include "broker/journal.h"
#include "wire/api.h"
#include "wire/envelope.h"
#include "wire/gen/api_keys.h"

static const char subsystem[] = "requests";

// Frees the request. Its connection is told by the caller.
static void destroy(struct dh_broker_request *request)
{
    DH_ASSERT(!dh_link_is_linked(&request->link));
    dh_arena_deinit(&request->arena);
    dh_frame_drop(request->frame);
    dh_mem_free(request->broker->mem, request, sizeof(*request));
}

void dh_broker_request_abandon(struct dh_broker_request *request)
{
    if (request->abandon != NULL) {
        request->abandon(request);
    }
    dh_broker_journal_ended(request, "closed");
    dh_list_remove(&request->link);
    destroy(request);
}

void dh_broker_give_up(struct dh_broker_request *request, const char *why)
{
    struct dh_broker_connection *connection = request->connection;
    dh_log(request->broker->log, DOHLE_LOG_WARNING, subsystem,
           "%s v%d of connection %" PRIu32 " is not answered: %s", request->api->name,
           request->version, connection->id, why);
    dh_broker_journal_ended(request, "closed");
    connection->request = NULL;
    destroy(request);
    dh_broker_connection_end(connection, DH_BROKER_END_CLOSE, why);
}

void dh_broker_answer_nothing(struct dh_broker_request *request)
{
    struct dh_broker_connection *connection = request->connection;
    dh_broker_journal_answered(request, NULL);
    destroy(request);
    dh_broker_connection_on_answered(connection, 0);
}

// ---- Answers ----

// What is in connection->out goes where the faults say. Ends the request.
static void send_answer(struct dh_broker_request *request, const void *response)
{
    struct dh_broker_connection *connection = request->connection;
    int64_t due_ns = 0;
    enum dh_broker_faults_sending sending =
        dh_broker_faults_answered(request, response, &connection->out, &due_ns);
    destroy(request);
    switch (sending) {
    case DH_BROKER_FAULTS_SEND:
    case DH_BROKER_FAULTS_SEND_LATER:
        dh_broker_connection_on_answered(connection, due_ns);
        return;
    case DH_BROKER_FAULTS_SEND_AND_CLOSE:
        dh_broker_connection_on_answered(connection, due_ns);
        dh_broker_connection_end(connection, DH_BROKER_END_CLOSE, "a fault");
        return;
    case DH_BROKER_FAULTS_CLOSE:
    case DH_BROKER_FAULTS_RESET:
        dh_buf_reset(&connection->out);
        connection->request = NULL;
        dh_broker_connection_end(connection,
                                 sending == DH_BROKER_FAULTS_RESET ? DH_BROKER_END_RESET
                                                                   : DH_BROKER_END_CLOSE,
                                 "a fault");
        return;
    case DH_BROKER_FAULTS_NOTHING:
        dh_buf_reset(&connection->out);
        dh_broker_connection_on_answered(connection, DH_NEVER);
        return;
    }
    DH_ASSERT(false);
}

/*
 * The response with a fault's throttle_time_ms, if it has that field: a copy of its
 * outermost struct. NULL: no memory.
 */
static const void *throttled(struct dh_broker_request *request, const void *response)
{
    const struct dh_struct *body = &request->api->response->body;
    for (size_t i = 0; i < body->field_count; i++) {
        const struct dh_field *field = &body->fields[i];
        if (strcmp(field->name, "throttle_time_ms") != 0 ||
            !dh_versions_has(field->versions, request->version)) {
            continue;
        }
        char *copy = dh_arena_alloc(&request->arena, body->size);
        if (copy != NULL) {
            memcpy(copy, response, body->size);
            memcpy(copy + field->offset, &request->throttle_ms,
                   sizeof(request->throttle_ms));
        }
        return copy;
    }
    return response;
}

// As dh_broker_answer, in another version than that of the request.
static void answer_in_version(struct dh_broker_request *request, int16_t version,
                              const void *response)
{
    struct dh_broker_connection *connection = request->connection;
    if (request->throttle_ms != 0) {
        response = throttled(request, response);
    }
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    DH_ASSERT(connection->out.size == 0);
    int err = dh_envelope_encode_response(&connection->out, request->api->key, version,
                                          request->correlation_id, response);
    if (err != 0) {
        dh_broker_give_up(request, dohle_error_text(err));
        return;
    }
    dh_broker_journal_answered(request, response);
    send_answer(request, response);
}

void dh_broker_answer(struct dh_broker_request *request, const void *response)
{
    answer_in_version(request, request->version, response);
}

void dh_broker_answer_refused(struct dh_broker_request *request, int16_t broker_code)
{
    const struct dh_broker_handler *handler = dh_broker_handler_find(request->api->key);
    void *response = handler->refuse(request, broker_code);
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_answer(request, response);
}

// ---- From a frame ----

// A request without a body yet; takes the frame. NULL: no memory, and the frame is dropped.
static struct dh_broker_request *new_request(struct dh_broker_connection *connection,
                                             struct dh_frame *frame)
{
    struct dh_broker *broker = connection->broker;
    struct dh_broker_request *request = dh_mem_calloc(broker->mem, 1, sizeof(*request));
    if (request == NULL) {
        dh_frame_drop(frame);
        return NULL;
    }
    request->broker = broker;
    request->connection = connection;
    request->node = connection->node;
    request->arrived_ns = broker->clock.now_ns;
    request->frame = frame;
    dh_arena_init(&request->arena, broker->mem, DH_BROKER_REQUEST_ARENA_MAX);
    return request;
}

static void refuse_frame(struct dh_broker_connection *connection,
                         const struct dh_request_header *header, const char *why)
{
    dh_log(connection->broker->log, DOHLE_LOG_WARNING, subsystem,
           "connection %" PRIu32 " from %s: API %d (%s) version %d: %s", connection->id,
           connection->peer_host + 1, header->request_api_key,
           dh_api_name(header->request_api_key), header->request_api_version, why);
    dh_broker_connection_end(connection, DH_BROKER_END_CLOSE, why);
}

// Fills in all but the body. Returns NULL, or why the frame is no request of ours.
static const char *read_header(struct dh_broker_request *request,
                               struct dh_reader *reader, struct dh_request_header *header)
{
    int err = dh_envelope_decode_request_header(reader, header);
    if (err == DOHLE_ERR_UNSUPPORTED_VERSION) {
        return "there is no such API";
    }
    if (err != 0) {
        return "the header is malformed";
    }
    const struct dh_broker_handler *handler =
        dh_broker_handler_find(header->request_api_key);
    if (handler == NULL) {
        return "the API is not offered";
    }
    request->api = dh_api_find(header->request_api_key);
    request->version = header->request_api_version;
    request->correlation_id = header->correlation_id;
    request->client_id = header->client_id;
    bool is_offered = dh_versions_has(handler->versions, request->version) &&
                      dh_versions_has(request->api->request->versions, request->version);
    // It alone has an answer to a version that nobody knows.
    if (!is_offered && request->api->key != DH_API_API_VERSIONS) {
        return "the version is not offered";
    }
    return NULL;
}

static const char *read_body(struct dh_broker_request *request, struct dh_reader *reader)
{
    const struct dh_message_type *type = request->api->request;
    request->body = dh_arena_alloc(&request->arena, type->body.size);
    if (request->body == NULL) {
        return "no memory for a request";
    }
    int err =
        dh_message_decode(type, request->version, reader, &request->arena, request->body);
    if (err != 0) {
        return err == DOHLE_ERR_NO_MEMORY ? "no memory for a request"
                                          : "the body is malformed";
    }
    return NULL;
}

void dh_broker_requests_begin(struct dh_broker_connection *connection,
                              struct dh_frame *frame)
{
    struct dh_request_header header = {0};
    struct dh_broker_request *request = new_request(connection, frame);
    if (request == NULL) {
        refuse_frame(connection, &header, "no memory for a request");
        return;
    }
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){frame->data, frame->size});
    const char *why = read_header(request, &reader, &header);
    bool is_unknown_version =
        why == NULL &&
        !dh_versions_has(request->api->request->versions, request->version);
    if (why == NULL && !is_unknown_version) {
        why = read_body(request, &reader);
    }
    if (why != NULL) {
        destroy(request);
        refuse_frame(connection, &header, why);
        return;
    }
    connection->request = request;
    if (is_unknown_version) {
        const void *response = dh_broker_api_versions_refusal(request);
        if (response == NULL) {
            dh_broker_give_up(request, "no memory for the answer");
            return;
        }
        answer_in_version(request, 0, response);
        return;
    }
    dh_broker_journal_arrived(request);
    if (dh_broker_faults_arrived(request) == DH_BROKER_FAULTS_HANDLE) {
        dh_broker_request_handle(request);
    }
}

void dh_broker_request_handle(struct dh_broker_request *request)
{
    dh_broker_handler_find(request->api->key)->handle(request->broker, request);
}
