// SPDX-License-Identifier: MIT
#include "api/back_engine.h"

#include "client/back/back.h"

static void input(void *engine, struct dh_message *message, int64_t now_ns)
{
    dh_back_input(engine, message, now_ns);
}

static void on_resolved(void *engine, uint32_t connection_id,
                        const struct dh_address *addresses, size_t count, int err,
                        const char *text, int64_t now_ns)
{
    dh_back_on_resolved(engine, connection_id, addresses, count, err, text, now_ns);
}

static void on_connected(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_back_on_connected(engine, connection_id, now_ns);
}

static void on_closed(void *engine, uint32_t connection_id, int err, const char *text,
                      int64_t now_ns)
{
    dh_back_on_closed(engine, connection_id, err, text, now_ns);
}

static bool receive_buffer(void *engine, uint32_t connection_id, uint8_t **pointer,
                           size_t *capacity)
{
    return dh_back_receive_buffer(engine, connection_id, pointer, capacity);
}

static void on_received(void *engine, uint32_t connection_id, size_t size, int64_t now_ns)
{
    dh_back_on_received(engine, connection_id, size, now_ns);
}

static void on_sent(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_back_on_sent(engine, connection_id, now_ns);
}

static bool next_action(void *engine, struct dh_action *action)
{
    return dh_back_next_action(engine, action);
}

static struct dh_message *next_event(void *engine)
{
    return dh_back_next_event(engine);
}

static int64_t deadline(const void *engine)
{
    return dh_back_deadline(engine);
}

static void tick(void *engine, struct dh_poll_mark mark, int64_t now_ns)
{
    dh_back_tick(engine, mark, now_ns);
}

static void on_bytes_released(void *engine, int64_t now_ns)
{
    dh_back_on_bytes_released(engine, now_ns);
}

static bool is_finished(const void *engine)
{
    return dh_back_is_finished(engine);
}

static void free_engine(void *engine)
{
    dh_back_free(engine);
}

const struct dh_engine_calls dh_back_engine_calls = {
    .input = input,
    .on_resolved = on_resolved,
    .on_connected = on_connected,
    .on_closed = on_closed,
    .receive_buffer = receive_buffer,
    .on_received = on_received,
    .on_sent = on_sent,
    .next_action = next_action,
    .next_event = next_event,
    .deadline = deadline,
    .tick = tick,
    .on_bytes_released = on_bytes_released,
    .is_finished = is_finished,
    .free = free_engine,
    .free_message = dh_message_free,
};
