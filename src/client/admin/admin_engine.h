// SPDX-License-Identifier: MIT
/*
 * The admin client without I/O: an engine that carries single requests to brokers.
 *
 * It knows one message, the call: a request as a struct of wire/gen, whom to ask, a
 * deadline; the same block comes back with the response decoded, or why there is
 * none. What to ask next is decided by who made the call (api/admin.c), which may
 * take its time: it is a thread of the application.
 *
 * There is no cluster behind it. The brokers are those that Metadata and
 * FindCoordinator responses name as they pass through; before the first of them only
 * DH_NODE_ANY can be asked.
 *
 * The calls are those of client/back/back.h: input, on_*, next_action, next_event,
 * deadline, tick.
 */
#ifndef DH_CLIENT_ADMIN_ADMIN_ENGINE_H
#define DH_CLIENT_ADMIN_ADMIN_ENGINE_H

#include <dohle/log.h>
#include <dohle/types.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/frame.h"
#include "base/settings.h"
#include "client/back/action.h"
#include "client/messages.h"

// A call. Made by the application's side, with dh_admin_call_new; goes there and back.
struct dh_admin_call {
    struct dh_message message; // its kind is not looked at: there is no other
    int32_t node_id;           // DH_NODE_ANY, or a broker
    int16_t api_key;
    int16_t version_max; // INT16_MAX: no limit
    int64_t deadline_ns;
    const void *request; // in the arena

    // Answer.
    int err;              // 0, or as in struct dh_reply
    int32_t answered_by;  // node id; -1: nobody
    int16_t version;      // of the response
    const void *response; // in the arena, with views into the frame; NULL with err
    struct dh_frame *frame;
    char text[512]; // with err: what happened

    struct dh_arena arena; // of the request and the response
};

// NULL: no memory.
DH_MUST_CHECK struct dh_admin_call *dh_admin_call_new(const dohle_allocator *mem);
void dh_admin_call_free(const dohle_allocator *mem, struct dh_message *message);

struct dh_admin_engine;

struct dh_admin_engine_options {
    const dohle_allocator *mem;         // borrowed
    const dohle_log_sink *log;          // borrowed; NULL: no log
    const struct dh_settings *settings; // borrowed
    uint64_t seed;
    int64_t now_ns;
};

// NULL: no memory.
DH_MUST_CHECK struct dh_admin_engine *
dh_admin_engine_new(const struct dh_admin_engine_options *options);
void dh_admin_engine_free(struct dh_admin_engine *engine);

// Takes a call; it comes out of next_event by its deadline.
void dh_admin_engine_input(struct dh_admin_engine *engine, struct dh_message *message,
                           int64_t now_ns);

void dh_admin_engine_on_resolved(struct dh_admin_engine *engine, uint32_t connection_id,
                                 const struct dh_address *addresses, size_t count,
                                 int err, const char *text, int64_t now_ns);
void dh_admin_engine_on_connected(struct dh_admin_engine *engine, uint32_t connection_id,
                                  int64_t now_ns);
void dh_admin_engine_on_closed(struct dh_admin_engine *engine, uint32_t connection_id,
                               int err, const char *text, int64_t now_ns);
bool dh_admin_engine_receive_buffer(struct dh_admin_engine *engine,
                                    uint32_t connection_id, uint8_t **pointer,
                                    size_t *capacity);
void dh_admin_engine_on_received(struct dh_admin_engine *engine, uint32_t connection_id,
                                 size_t size, int64_t now_ns);
void dh_admin_engine_on_sent(struct dh_admin_engine *engine, uint32_t connection_id,
                             int64_t now_ns);
bool dh_admin_engine_next_action(struct dh_admin_engine *engine,
                                 struct dh_action *action);
struct dh_message *dh_admin_engine_next_event(struct dh_admin_engine *engine);
int64_t dh_admin_engine_deadline(const struct dh_admin_engine *engine);
void dh_admin_engine_tick(struct dh_admin_engine *engine, int64_t now_ns);

#endif
