// SPDX-License-Identifier: MIT
#include "rig.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"
#include "wire/api.h"
#include "wire/envelope.h"
#include "wire/gen/create_topics.h"

static int start_broker(struct rig *rig)
{
    const struct rig_options *options = &rig->options;
    struct dh_broker_node_options nodes[DH_BROKER_NODES_MAX + 1] = {0};
    size_t node_count = options->node_count == 0 ? 1 : options->node_count;
    for (size_t i = 0; i < node_count && options->racks != NULL; i++) {
        nodes[i].rack = options->racks[i];
    }
    struct dh_broker_options broker = {
        .mem = &rig->memory.allocator,
        .vfs = dh_memory_files_vfs(rig->files),
        .mode = options->mode,
        .nodes = nodes,
        .node_count = node_count,
        .settings = options->settings,
        .setting_count = options->setting_count,
        .is_clock_manual = options->is_clock_manual,
        .seed = options->seed == 0 ? 1 : options->seed,
        .now_ns = rig->now_ns,
        .wall_ms = RIG_WALL_MS + (rig->now_ns - RIG_START_NS) / DH_MS,
    };
    int err = dh_broker_new(&broker, &rig->broker, rig->text, sizeof(rig->text));
    if (err == 0) {
        rig_run(rig);
        assert_true(dh_broker_is_serving(rig->broker));
    }
    return err;
}

int rig_try_start(struct rig *rig, const struct rig_options *options)
{
    memset(rig, 0, sizeof(*rig));
    test_memory_init(&rig->memory);
    rig->options = options == NULL ? (struct rig_options){0} : *options;
    rig->now_ns = RIG_START_NS;
    rig->files = dh_memory_files_new(&rig->memory.allocator);
    assert_non_null(rig->files);
    if (rig->options.mode == DH_STORE_SYNCED) {
        dh_memory_files_vfs(rig->files)->is_volatile = false;
    }
    if (rig->options.fail_at != 0) {
        rig->memory.fail_at = rig->memory.calls + rig->options.fail_at;
    }
    return start_broker(rig);
}

void rig_start(struct rig *rig, const struct rig_options *options)
{
    if (rig_try_start(rig, options) != 0) {
        fail_msg("the broker does not start: %s", rig->text);
    }
}

static void free_client(struct rig_client *client)
{
    dh_buf_deinit(&client->out);
    dh_buf_deinit(&client->in);
    dh_arena_deinit(&client->arena);
    client->id = 0;
}

static void end_broker(struct rig *rig, bool is_clean)
{
    for (size_t i = 0; i < rig->client_count; i++) {
        if (rig->clients[i].id != 0) {
            free_client(&rig->clients[i]);
        }
    }
    rig->client_count = 0;
    if (is_clean) {
        while (dh_memory_files_end_syncs(rig->files) > 0) {
        }
    } else {
        dh_memory_files_forget_syncs(rig->files);
    }
    dh_broker_free(rig->broker, is_clean);
    rig->broker = NULL;
}

void rig_stop(struct rig *rig)
{
    if (rig->broker != NULL) {
        dh_broker_check(rig->broker);
        end_broker(rig, true);
    }
    dh_memory_files_free(rig->files);
    assert_int_equal(0, rig->memory.bytes);
}

int rig_try_restart(struct rig *rig, bool is_clean)
{
    end_broker(rig, is_clean);
    return start_broker(rig);
}

void rig_restart(struct rig *rig, bool is_clean)
{
    if (rig_try_restart(rig, is_clean) != 0) {
        fail_msg("the broker does not start again: %s", rig->text);
    }
}

// ---- Connections ----

struct rig_client *rig_try_connect(struct rig *rig, int32_t node_id)
{
    assert_true(rig->client_count < RIG_CLIENTS_MAX);
    assert_true(rig->is_listening[node_id]);
    uint32_t id = dh_broker_on_accepted(rig->broker, node_id, "127.0.0.1", rig->now_ns);
    if (id == 0) {
        return NULL;
    }
    // Clients have memory of their own, which does not run out.
    struct rig_client *client = &rig->clients[rig->client_count++];
    memset(client, 0, sizeof(*client));
    client->id = id;
    client->node_id = node_id;
    dh_buf_init(&client->out, dh_mem_default(), 0);
    dh_buf_init(&client->in, dh_mem_default(), 0);
    dh_arena_init(&client->arena, dh_mem_default(), 0);
    return client;
}

struct rig_client *rig_connect(struct rig *rig, int32_t node_id)
{
    struct rig_client *client = rig_try_connect(rig, node_id);
    assert_non_null(client);
    return client;
}

void rig_disconnect(struct rig *rig, struct rig_client *client)
{
    if (!client->is_closed) {
        dh_broker_on_closed(rig->broker, client->id, rig->now_ns);
    }
    free_client(client);
    rig_run(rig);
}

static struct rig_client *client_of(struct rig *rig, uint32_t id)
{
    for (size_t i = 0; i < rig->client_count; i++) {
        if (rig->clients[i].id == id) {
            return &rig->clients[i];
        }
    }
    return NULL;
}

static void act(struct rig *rig, const struct dh_broker_action *action)
{
    struct rig_client *client = client_of(rig, action->connection_id);
    switch (action->kind) {
    case DH_BROKER_LISTEN: {
        const struct dh_broker_listening listening = {
            .address = &action->address,
            .host = "127.0.0.1",
            .port = 9000 + action->node_id,
        };
        rig->is_listening[action->node_id] = true;
        dh_broker_on_listening(rig->broker, action->node_id, &listening, rig->now_ns);
        return;
    }
    case DH_BROKER_UNLISTEN: rig->is_listening[action->node_id] = false; return;
    case DH_BROKER_SEND:
        assert_non_null(client);
        dh_buf_append(&client->in, action->bytes.data, action->bytes.size);
        if (!rig->holds_sends) {
            dh_broker_on_sent(rig->broker, action->connection_id, rig->now_ns);
        }
        return;
    case DH_BROKER_READ:
        assert_non_null(client);
        client->is_stopped = false;
        return;
    case DH_BROKER_CLOSE:
    case DH_BROKER_RESET:
        if (client != NULL) {
            client->is_closed = true;
            client->is_reset = action->kind == DH_BROKER_RESET;
        }
        return;
    }
}

// Hands over what a client has to say. False: there was nothing, or no room.
static bool feed(struct rig *rig, struct rig_client *client)
{
    if (client->id == 0 || client->is_closed || client->is_stopped ||
        client->out.size == 0) {
        return false;
    }
    uint8_t *pointer;
    size_t capacity;
    if (!dh_broker_receive_buffer(rig->broker, client->id, &pointer, &capacity)) {
        return false;
    }
    if (capacity == 0) {
        client->is_stopped = true;
        return false;
    }
    size_t size = client->out.size < capacity ? client->out.size : capacity;
    size = rig->piece_max != 0 && size > rig->piece_max ? rig->piece_max : size;
    memcpy(pointer, client->out.data, size);
    client->out.size -= size;
    memmove(client->out.data, client->out.data + size, client->out.size);
    dh_broker_on_received(rig->broker, client->id, size, rig->now_ns);
    return true;
}

void rig_run(struct rig *rig)
{
    bool has_moved = true;
    while (has_moved) {
        has_moved = false;
        struct dh_broker_action action;
        while (dh_broker_next_action(rig->broker, &action)) {
            act(rig, &action);
            has_moved = true;
        }
        for (size_t i = 0; i < rig->client_count; i++) {
            has_moved = feed(rig, &rig->clients[i]) || has_moved;
        }
        if (!has_moved && dh_broker_deadline(rig->broker) <= rig->now_ns) {
            dh_broker_tick(rig->broker, rig->now_ns);
            has_moved = true;
        }
    }
    dh_broker_check(rig->broker);
}

void rig_end_syncs(struct rig *rig)
{
    while (dh_memory_files_end_syncs(rig->files) > 0) {
        dh_broker_tick(rig->broker, rig->now_ns);
        rig_run(rig);
    }
}

void rig_end_sends(struct rig *rig)
{
    for (size_t i = 0; i < rig->client_count; i++) {
        if (rig->clients[i].id != 0 && !rig->clients[i].is_closed) {
            dh_broker_on_sent(rig->broker, rig->clients[i].id, rig->now_ns);
        }
    }
    rig_run(rig);
}

void rig_advance(struct rig *rig, int64_t ms)
{
    int64_t target_ns = rig->now_ns + ms * DH_MS;
    int64_t deadline_ns;
    rig_run(rig);
    while ((deadline_ns = dh_broker_deadline(rig->broker)) <= target_ns) {
        rig->now_ns = deadline_ns > rig->now_ns ? deadline_ns : rig->now_ns;
        dh_broker_tick(rig->broker, rig->now_ns);
        rig_run(rig);
    }
    rig->now_ns = target_ns;
    dh_broker_tick(rig->broker, rig->now_ns);
    rig_run(rig);
}

// ---- Requests ----

void rig_send_bytes(struct rig *rig, struct rig_client *client, const void *bytes,
                    size_t size)
{
    dh_buf_append(&client->out, bytes, size);
    assert_int_equal(0, client->out.err);
    rig_run(rig);
}

void rig_send(struct rig *rig, struct rig_client *client, int16_t key, int16_t version,
              const void *request)
{
    int32_t correlation = ++client->correlation_last;
    client->keys[correlation % 64] = key;
    client->versions[correlation % 64] = version;
    assert_int_equal(0,
                     dh_envelope_encode_request(&client->out, key, version, correlation,
                                                DH_BYTES("rig"), request));
    rig_run(rig);
}

const void *rig_receive(struct rig *rig, struct rig_client *client)
{
    rig_run(rig);
    if (client->in.size < DH_ENVELOPE_SIZE_SIZE) {
        return NULL;
    }
    struct dh_reader reader;
    dh_reader_init(&reader, dh_buf_view(&client->in));
    size_t size = (size_t)dh_read_int32(&reader);
    assert_true(client->in.size >= DH_ENVELOPE_SIZE_SIZE + size); // sent whole
    int32_t expected = ++client->correlation_received;
    int16_t key = client->keys[expected % 64];
    int16_t version = client->versions[expected % 64];
    // Into memory of its own: views of the response stay valid.
    dh_arena_reset(&client->arena);
    uint8_t *frame = dh_arena_alloc(&client->arena, size);
    assert_non_null(frame);
    memcpy(frame, client->in.data + DH_ENVELOPE_SIZE_SIZE, size);
    client->in.size -= DH_ENVELOPE_SIZE_SIZE + size;
    memmove(client->in.data, client->in.data + DH_ENVELOPE_SIZE_SIZE + size,
            client->in.size);
    int32_t correlation;
    dh_reader_init(&reader, (dohle_bytes){frame, size});
    assert_int_equal(
        0, dh_envelope_decode_response_header(&reader, key, version, &correlation));
    assert_int_equal(expected, correlation);
    const struct dh_message_type *type = dh_api_find(key)->response;
    void *response = dh_arena_alloc(&client->arena, type->body.size);
    assert_non_null(response);
    assert_int_equal(0,
                     dh_message_decode(type, version, &reader, &client->arena, response));
    assert_int_equal(0, dh_reader_left(&reader));
    return response;
}

const void *rig_ask(struct rig *rig, struct rig_client *client, int16_t key,
                    int16_t version, const void *request)
{
    rig_send(rig, client, key, version, request);
    const void *response = rig_receive(rig, client);
    if (response == NULL) {
        fail_msg("%s version %d is not answered", dh_api_name(key), version);
    }
    return response;
}

void rig_create_topic(struct rig *rig, const char *name, int32_t partitions,
                      int16_t replication_factor)
{
    struct rig_client *client = rig_connect(rig, 1);
    struct dh_create_topics_request_topic topic = {
        .name = dh_bytes_of(name),
        .num_partitions = partitions,
        .replication_factor = replication_factor,
    };
    struct dh_create_topics_request request = {.topics = {&topic, 1}, .timeout_ms = 1000};
    const struct dh_create_topics_response *response =
        rig_ask(rig, client, DH_API_CREATE_TOPICS, 7, &request);
    assert_int_equal(1, response->topics.count);
    assert_int_equal(0, response->topics.items[0].error_code);
    rig_disconnect(rig, client);
}
