// SPDX-License-Identifier: MIT
/*
 * An engine as the I/O thread drives it: the calls of client/back/back.h behind
 * a table, so that the thread serves any engine that speaks in messages and
 * connections, and its tests a small one of their own.
 */
#ifndef DH_API_ENGINE_H
#define DH_API_ENGINE_H

#include "client/back/action.h"
#include "client/messages.h"

// See back.h for what each call means. `engine` is what the table was given with.
struct dh_engine_calls {
    void (*input)(void *engine, struct dh_message *message, int64_t now_ns);
    void (*on_resolved)(void *engine, uint32_t connection_id,
                        const struct dh_address *addresses, size_t count, int err,
                        const char *text, int64_t now_ns);
    void (*on_connected)(void *engine, uint32_t connection_id, int64_t now_ns);
    void (*on_closed)(void *engine, uint32_t connection_id, int err, const char *text,
                      int64_t now_ns);
    bool (*receive_buffer)(void *engine, uint32_t connection_id, uint8_t **pointer,
                           size_t *capacity);
    void (*on_received)(void *engine, uint32_t connection_id, size_t size,
                        int64_t now_ns);
    void (*on_sent)(void *engine, uint32_t connection_id, int64_t now_ns);
    bool (*next_action)(void *engine, struct dh_action *action);
    struct dh_message *(*next_event)(void *engine);
    int64_t (*deadline)(const void *engine);
    void (*tick)(void *engine, struct dh_poll_mark mark, int64_t now_ns);
    // NULL: nothing that the engine made is held by other threads.
    void (*on_bytes_released)(void *engine, int64_t now_ns);
    bool (*is_finished)(const void *engine);
    void (*free)(void *engine);
    // Frees a message of either side that is left over.
    void (*free_message)(const dohle_allocator *mem, struct dh_message *message);
};

#endif
