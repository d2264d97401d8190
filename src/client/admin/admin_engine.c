// SPDX-License-Identifier: MIT
#include "client/admin/admin_engine.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "client/back/alarms.h"
#include "client/back/context.h"
#include "client/back/outbox.h"
#include "client/back/requests.h"
#include "wire/api.h"
#include "wire/envelope.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/metadata.h"

// What the pool of frames may keep; answers to admins are small and rare.
#define POOL_BYTES_MAX ((size_t)1024 * 1024)

struct dh_admin_engine {
    const dohle_allocator *mem;
    struct dh_random random;
    struct dh_frame_pool frames;
    struct dh_alarms alarms;
    struct dh_outbox outbox;
    struct dh_poll_mark poll_mark;
    struct dh_back_context context;
    struct dh_requests *requests;
    struct dh_list running; // struct running
    int64_t now_ns;         // of the latest input
};

// A call that is on its way.
struct running {
    struct dh_link link;
    struct dh_admin_engine *engine;
    struct dh_admin_call *call;
    struct dh_op_class cls; // for this call's API
    struct dh_op op;
};

// ---- Calls ----

struct dh_admin_call *dh_admin_call_new(const dohle_allocator *mem)
{
    struct dh_admin_call *call = dh_mem_calloc(mem, 1, sizeof(*call));
    if (call != NULL) {
        call->message.size = sizeof(*call);
        call->version_max = INT16_MAX;
        call->answered_by = -1;
        dh_arena_init(&call->arena, mem, 0);
    }
    return call;
}

void dh_admin_call_free(const dohle_allocator *mem, struct dh_message *message)
{
    struct dh_admin_call *call = DH_CONTAINER_OF(message, struct dh_admin_call, message);
    dh_frame_drop(call->frame);
    dh_arena_deinit(&call->arena);
    dh_mem_free(mem, call, sizeof(*call));
}

static void fail(struct dh_admin_call *call, int err, const char *text)
{
    call->err = err;
    snprintf(call->text, sizeof(call->text), "%s", text);
}

// ---- What passes through ----

static void learn_brokers(struct dh_admin_engine *engine,
                          const struct dh_metadata_response *response)
{
    if (response->brokers.count == 0) {
        return;
    }
    dh_requests_begin_brokers(engine->requests);
    for (int32_t i = 0; i < response->brokers.count; i++) {
        const struct dh_metadata_response_broker *broker = &response->brokers.items[i];
        if (dh_requests_put_broker(engine->requests, broker->node_id, broker->host,
                                   broker->port) != 0) {
            break; // it stays unknown, and asking it fails by name
        }
    }
    dh_requests_end_brokers(engine->requests);
}

static void learn_coordinator(struct dh_admin_engine *engine,
                              const struct dh_find_coordinator_response *response,
                              int16_t version)
{
    int32_t node_id = response->node_id;
    dohle_bytes host = response->host;
    int32_t port = response->port;
    int16_t code = response->error_code;
    if (version >= 4 && response->coordinators.count > 0) {
        const struct dh_find_coordinator_response_coordinator *coordinator =
            &response->coordinators.items[0];
        node_id = coordinator->node_id;
        host = coordinator->host;
        port = coordinator->port;
        code = coordinator->error_code;
    }
    if (code == 0 && node_id >= 0) {
        // Without memory asking it fails by name.
        int err = dh_requests_put_broker(engine->requests, node_id, host, port);
        (void)err;
    }
}

// ---- Operations ----

static int fill(struct dh_op *op, int16_t version, void *request, struct dh_arena *arena,
                int64_t now_ns)
{
    (void)version;
    (void)arena;
    (void)now_ns;
    const struct dh_admin_call *call = DH_CONTAINER_OF(op, struct running, op)->call;
    // What the struct points to lives as long as the call.
    memcpy(request, call->request, dh_api_find(call->api_key)->request->body.size);
    return 0;
}

// Decodes the response once more, into memory that goes along with the call.
static int take_response(struct dh_admin_call *call, const struct dh_reply *reply)
{
    const struct dh_api *api = dh_api_find(call->api_key);
    void *response = dh_arena_alloc(&call->arena, api->response->body.size);
    if (response == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){reply->frame->data, reply->frame->size});
    int32_t correlation_id;
    int err = dh_envelope_decode_response_header(&reader, call->api_key, reply->version,
                                                 &correlation_id);
    if (err == 0) {
        err = dh_message_decode(api->response, reply->version, &reader, &call->arena,
                                response);
    }
    if (err != 0) {
        return err;
    }
    call->err = 0;
    call->response = response;
    call->version = reply->version;
    call->frame = reply->frame;
    dh_frame_hold(call->frame);
    return 0;
}

static void finish(struct running *running)
{
    struct dh_admin_engine *engine = running->engine;
    dh_list_remove(&running->link);
    dh_op_deinit(&running->op, engine->requests);
    dh_outbox_post(&engine->outbox, &running->call->message);
    dh_mem_free(engine->mem, running, sizeof(*running));
}

static enum dh_settled on_reply(struct dh_op *op, const struct dh_reply *reply,
                                int64_t now_ns)
{
    (void)now_ns;
    struct running *running = DH_CONTAINER_OF(op, struct running, op);
    struct dh_admin_call *call = running->call;
    call->answered_by = reply->node_id;
    if (reply->err != 0) {
        fail(call, reply->err, reply->text);
    } else {
        if (call->api_key == DH_API_METADATA) {
            learn_brokers(running->engine, reply->response);
        } else if (call->api_key == DH_API_FIND_COORDINATOR) {
            learn_coordinator(running->engine, reply->response, reply->version);
        }
        int err = take_response(call, reply);
        if (err != 0) {
            fail(call, err, dohle_error_text(err));
        }
    }
    finish(running);
    return DH_SETTLED_GONE;
}

static void on_due(struct dh_op *op, int64_t now_ns)
{
    (void)op; // never settled as a retry
    (void)now_ns;
}

void dh_admin_engine_input(struct dh_admin_engine *engine, struct dh_message *message,
                           int64_t now_ns)
{
    engine->now_ns = now_ns;
    struct dh_admin_call *call = DH_CONTAINER_OF(message, struct dh_admin_call, message);
    struct running *running = dh_mem_calloc(engine->mem, 1, sizeof(*running));
    if (running == NULL) {
        goto no_memory;
    }
    running->engine = engine;
    running->call = call;
    running->cls = (struct dh_op_class){
        .name = dh_api_name(call->api_key),
        .api_key = call->api_key,
        .channel = DH_CHANNEL_GENERAL,
        .fill = fill,
        .on_reply = on_reply,
        .on_due = on_due,
    };
    if (dh_op_init(&running->op, &running->cls, engine->requests) != 0) {
        dh_mem_free(engine->mem, running, sizeof(*running));
        goto no_memory;
    }
    running->op.version_max = call->version_max;
    dh_list_push_back(&engine->running, &running->link);
    dh_op_start(&running->op, engine->requests, call->node_id, call->deadline_ns, now_ns);
    return;

no_memory:
    fail(call, DOHLE_ERR_NO_MEMORY, dohle_error_text(DOHLE_ERR_NO_MEMORY));
    dh_outbox_post(&engine->outbox, message);
}

// ---- Life cycle ----

struct dh_admin_engine *dh_admin_engine_new(const struct dh_admin_engine_options *options)
{
    struct dh_admin_engine *engine = dh_mem_calloc(options->mem, 1, sizeof(*engine));
    if (engine == NULL) {
        return NULL;
    }
    engine->mem = options->mem;
    engine->random.state = options->seed;
    engine->now_ns = options->now_ns;
    dh_frame_pool_init(&engine->frames, options->mem, POOL_BYTES_MAX);
    dh_alarms_init(&engine->alarms, options->mem);
    dh_outbox_init(&engine->outbox);
    dh_list_init(&engine->running);
    engine->context = (struct dh_back_context){
        .mem = options->mem,
        .log = options->log,
        .settings = options->settings,
        .random = &engine->random,
        .frames = &engine->frames,
        .alarms = &engine->alarms,
        .poll_mark = &engine->poll_mark,
        .outbox = &engine->outbox,
    };
    engine->requests = dh_requests_new(&engine->context, options->now_ns);
    if (engine->requests == NULL) {
        dh_admin_engine_free(engine);
        return NULL;
    }
    return engine;
}

void dh_admin_engine_free(struct dh_admin_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    while (!dh_list_is_empty(&engine->running)) {
        struct running *running =
            DH_CONTAINER_OF(dh_list_first(&engine->running), struct running, link);
        fail(running->call, DOHLE_ERR_CLOSED, dohle_error_text(DOHLE_ERR_CLOSED));
        finish(running);
    }
    if (engine->requests != NULL) {
        dh_requests_free(engine->requests);
    }
    for (struct dh_link *link;
         (link = dh_list_pop_front(&engine->outbox.messages)) != NULL;) {
        dh_admin_call_free(engine->mem, DH_CONTAINER_OF(link, struct dh_message, link));
    }
    dh_alarms_deinit(&engine->alarms);
    dh_frame_pool_deinit(&engine->frames);
    dh_mem_free(engine->mem, engine, sizeof(*engine));
}

// ---- What the host reports and asks ----

void dh_admin_engine_on_resolved(struct dh_admin_engine *engine, uint32_t connection_id,
                                 const struct dh_address *addresses, size_t count,
                                 int err, const char *text, int64_t now_ns)
{
    engine->now_ns = now_ns;
    dh_requests_on_resolved(engine->requests, connection_id, addresses, count, err, text,
                            now_ns);
}

void dh_admin_engine_on_connected(struct dh_admin_engine *engine, uint32_t connection_id,
                                  int64_t now_ns)
{
    engine->now_ns = now_ns;
    dh_requests_on_connected(engine->requests, connection_id, now_ns);
}

void dh_admin_engine_on_closed(struct dh_admin_engine *engine, uint32_t connection_id,
                               int err, const char *text, int64_t now_ns)
{
    engine->now_ns = now_ns;
    dh_requests_on_closed(engine->requests, connection_id, err, text, now_ns);
}

bool dh_admin_engine_receive_buffer(struct dh_admin_engine *engine,
                                    uint32_t connection_id, uint8_t **pointer,
                                    size_t *capacity)
{
    return dh_requests_receive_buffer(engine->requests, connection_id, pointer, capacity);
}

void dh_admin_engine_on_received(struct dh_admin_engine *engine, uint32_t connection_id,
                                 size_t size, int64_t now_ns)
{
    engine->now_ns = now_ns;
    dh_requests_on_received(engine->requests, connection_id, size, now_ns);
}

void dh_admin_engine_on_sent(struct dh_admin_engine *engine, uint32_t connection_id,
                             int64_t now_ns)
{
    engine->now_ns = now_ns;
    dh_requests_on_sent(engine->requests, connection_id, now_ns);
}

bool dh_admin_engine_next_action(struct dh_admin_engine *engine, struct dh_action *action)
{
    return dh_requests_next_action(engine->requests, action, engine->now_ns);
}

struct dh_message *dh_admin_engine_next_event(struct dh_admin_engine *engine)
{
    struct dh_link *link = dh_list_pop_front(&engine->outbox.messages);
    return link == NULL ? NULL : DH_CONTAINER_OF(link, struct dh_message, link);
}

int64_t dh_admin_engine_deadline(const struct dh_admin_engine *engine)
{
    return dh_alarms_deadline(&engine->alarms);
}

void dh_admin_engine_tick(struct dh_admin_engine *engine, int64_t now_ns)
{
    engine->now_ns = now_ns;
    dh_alarms_run(&engine->alarms, now_ns);
}
