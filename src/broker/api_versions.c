// SPDX-License-Identifier: MIT
#include "broker/api_versions.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "broker/connections.h"
#include "broker/handlers.h"
#include "broker/nodes.h"
#include "wire/gen/api_keys.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/broker_errors.h"
#include "wire/uuid.h"

static bool is_letter_or_digit(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

// [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?  (KIP-511)
static bool is_software_name(dohle_bytes name)
{
    if (name.size == 0 || !is_letter_or_digit(name.data[0]) ||
        !is_letter_or_digit(name.data[name.size - 1])) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        if (!is_letter_or_digit(byte) && byte != '-' && byte != '.') {
            return false;
        }
    }
    return true;
}

static bool fill_keys(struct dh_broker_request *request,
                      struct dh_api_versions_response *response)
{
    size_t count = dh_broker_handler_count();
    response->api_keys.items =
        dh_arena_calloc(&request->arena, count, sizeof(response->api_keys.items[0]));
    if (response->api_keys.items == NULL) {
        return false;
    }
    response->api_keys.count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        const struct dh_broker_handler *handler = dh_broker_handler_at(i);
        response->api_keys.items[i] = (struct dh_api_versions_response_api_key){
            .api_key = handler->key,
            .min_version = handler->key == DH_API_PRODUCE ? 0 : handler->versions.min,
            .max_version = handler->versions.max,
        };
    }
    return true;
}

const void *dh_broker_api_versions_refusal(struct dh_broker_request *request)
{
    struct dh_api_versions_response *response =
        dh_broker_refuse_whole(request, DH_BROKER_UNSUPPORTED_VERSION);
    return response != NULL && fill_keys(request, response) ? response : NULL;
}

void *dh_broker_refuse_api_versions(struct dh_broker_request *request,
                                    int16_t broker_code)
{
    return dh_broker_refuse_whole(request, broker_code);
}

// Keeps what the client says of itself: for the journal. Without memory it is not known.
static void keep_software(struct dh_broker_connection *connection,
                          const struct dh_api_versions_request *asked)
{
    const dohle_allocator *mem = connection->broker->mem;
    dh_mem_free_string(mem, connection->software_name);
    dh_mem_free_string(mem, connection->software_version);
    connection->software_name = dh_mem_copy_text(mem, asked->client_software_name.data,
                                                 asked->client_software_name.size);
    connection->software_version = dh_mem_copy_text(
        mem, asked->client_software_version.data, asked->client_software_version.size);
}

// Whether the client means another cluster or node than it has reached (KIP-1242).
static bool is_lost(const struct dh_broker *broker,
                    const struct dh_broker_request *request,
                    const struct dh_api_versions_request *asked)
{
    struct dh_uuid_text ours = dh_uuid_text(&broker->cluster_id);
    bool is_other_cluster = !dh_bytes_is_null(asked->cluster_id) &&
                            !dh_bytes_equal(asked->cluster_id, dh_bytes_of(ours.text));
    bool is_other_node = asked->node_id != -1 && asked->node_id != request->node->id;
    return is_other_cluster || is_other_node;
}

void dh_broker_handle_api_versions(struct dh_broker *broker,
                                   struct dh_broker_request *request)
{
    const struct dh_api_versions_request *asked = request->body;
    if (request->version >= 3) {
        if (!is_software_name(asked->client_software_name) ||
            !is_software_name(asked->client_software_version)) {
            dh_broker_answer_refused(request, DH_BROKER_INVALID_REQUEST);
            return;
        }
        keep_software(request->connection, asked);
    }
    if (request->version >= 5 && is_lost(broker, request, asked)) {
        dh_broker_answer_refused(request, DH_BROKER_REBOOTSTRAP_REQUIRED);
        return;
    }
    struct dh_api_versions_response *response = dh_broker_new_response(request);
    if (response == NULL || !fill_keys(request, response)) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_answer(request, response);
}
