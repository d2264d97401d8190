// SPDX-License-Identifier: MIT
#include "request.h"

#include "base/assert.h"
#include "base/mem.h"
#include "broker.h"
#include "wire/envelope.h"

void sim_answer(struct sim_token *token, const void *response)
{
    struct sim_connection *connection = token->connection;
    token->connection = NULL;
    if (connection == NULL || !connection->is_node_open) {
        return;
    }
    struct dh_buf frame;
    dh_buf_init(&frame, dh_mem_default(), 0);
    int err = dh_envelope_encode_response(&frame, token->key, token->version,
                                          token->correlation_id, response);
    DH_ASSERT(err == 0);
    sim_network_send(connection, dh_buf_view(&frame));
    dh_buf_deinit(&frame);
    connection->is_busy = false;
    sim_broker_go_on(connection->network->server.ctx, connection);
}

void *sim_request_alloc(const struct sim_request *request, size_t count, size_t size)
{
    if (count == 0) {
        return NULL;
    }
    void *items = dh_arena_calloc(request->arena, count, size);
    DH_ASSERT(items != NULL);
    return items;
}
