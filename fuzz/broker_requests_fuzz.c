// SPDX-License-Identifier: MIT
/*
 * A whole broker on files in memory, to which clients send whatever the input says: bytes,
 * random requests that are well formed, the same with bytes changed, in pieces, and
 * broken off. Time moves, nodes go down and come back.
 *
 *     input   operations, each a byte with its arguments behind it (enum operation)
 *
 * The broker must stay whole (dh_broker_check) and answer a client that behaves.
 */
#include "fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/time.h"
#include "broker/broker.h"
#include "broker/nodes.h"
#include "broker/request.h"
#include "broker/state.h"
#include "record/batch_writer.h"
#include "store/memory_files.h"
#include "wire/api.h"
#include "wire/envelope.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"

#define NODES          2
#define CLIENTS        4
#define OPERATIONS_MAX 64
#define ROOM_BYTES     ((int64_t)8 << 20)
#define ARENA_SIZE_MAX ((size_t)1 << 20)
#define PARTITIONS     8 // at most, of a topic that a random request makes

enum operation {
    RAW,     // a length, then as many bytes
    REQUEST, // which API, which version, a seed
    MUTATED, // the same, then where and what is changed
    TIME,    // so many times 100 ms
    END,     // the client closes
    NODE,    // goes down or comes back
    OPERATIONS,
};

struct client {
    uint32_t id;
    uint64_t received;
    bool is_closed;
};

struct fuzz {
    struct dh_memory_files *files;
    struct dh_broker *broker;
    int64_t now_ns;
    struct client clients[CLIENTS];
    size_t piece; // bytes are handed over in pieces of so many
    const uint8_t *data;
    size_t size;
};

static uint8_t next(struct fuzz *fuzz)
{
    if (fuzz->size == 0) {
        return 0;
    }
    fuzz->size--;
    return *fuzz->data++;
}

static struct client *client_of(struct fuzz *fuzz, uint32_t id)
{
    size_t i = 0;
    while (i < CLIENTS && fuzz->clients[i].id != id) {
        i++;
    }
    FUZZ_CHECK(i < CLIENTS); // an action is for somebody
    return &fuzz->clients[i];
}

static void act(struct fuzz *fuzz, const struct dh_broker_action *action)
{
    switch (action->kind) {
    case DH_BROKER_LISTEN: {
        const struct dh_broker_listening listening = {
            .address = &action->address, .host = "127.0.0.1", .port = 9000};
        dh_broker_on_listening(fuzz->broker, action->node_id, &listening, fuzz->now_ns);
        return;
    }
    case DH_BROKER_UNLISTEN:
    case DH_BROKER_READ: return;
    case DH_BROKER_SEND:
        client_of(fuzz, action->connection_id)->received += action->bytes.size;
        dh_broker_on_sent(fuzz->broker, action->connection_id, fuzz->now_ns);
        return;
    case DH_BROKER_CLOSE:
    case DH_BROKER_RESET:
        client_of(fuzz, action->connection_id)->is_closed = true;
        return;
    }
}

static void run(struct fuzz *fuzz)
{
    struct dh_broker_action action;
    while (dh_broker_next_action(fuzz->broker, &action)) {
        act(fuzz, &action);
    }
    dh_broker_check(fuzz->broker);
}

static void send_bytes(struct fuzz *fuzz, struct client *client, const uint8_t *bytes,
                       size_t size)
{
    while (size > 0 && !client->is_closed) {
        uint8_t *pointer;
        size_t capacity;
        if (!dh_broker_receive_buffer(fuzz->broker, client->id, &pointer, &capacity) ||
            capacity == 0) {
            break; // it waits for something, or has ended
        }
        size_t piece = fuzz->piece < capacity ? fuzz->piece : capacity;
        piece = piece < size ? piece : size;
        memcpy(pointer, bytes, piece);
        bytes += piece;
        size -= piece;
        dh_broker_on_received(fuzz->broker, client->id, piece, fuzz->now_ns);
        run(fuzz);
    }
}

// ---- Random requests that make more sense: about few things, and no thousands of logs ----

static const char *const words[] = {
    "a",        "b", "c", "__consumer_offsets", "1", "retention.ms", "cleanup.policy",
    "consumer",
};

struct sense {
    struct dh_random random;
    dohle_bytes batch; // of records, whole and right
};

static void give_sense(struct sense *sense, const struct dh_struct *type, int16_t version,
                       char *item);

static void give_sense_to_field(struct sense *sense, const struct dh_field *field,
                                int16_t version, char *at)
{
    if (!dh_versions_has(field->versions, version)) {
        return;
    }
    if (field->kind == DH_KIND_STRUCT && field->is_array) {
        // A member that is an array: items and count.
        struct {
            char *items;
            int32_t count;
        } array;

        memcpy(&array, at, sizeof(array));
        for (int32_t i = 0; i < array.count; i++) {
            give_sense(sense, field->of, version,
                       array.items + (size_t)i * field->of->size);
        }
        return;
    }
    if (field->is_array || dh_random_below(&sense->random, 8) == 0) {
        return;
    }
    dohle_bytes text =
        dh_bytes_of(words[dh_random_below(&sense->random, DH_COUNT_OF(words))]);
    int32_t number = (int32_t)dh_random_below(&sense->random, PARTITIONS);
    int16_t small = (int16_t)dh_random_below(&sense->random, NODES + 1);
    if (field->kind == DH_KIND_STRING) {
        memcpy(at, &text, sizeof(text));
    } else if (field->kind == DH_KIND_RECORDS) {
        memcpy(at, &sense->batch, sizeof(sense->batch));
    } else if (field->kind == DH_KIND_INT32) {
        memcpy(at, &number, sizeof(number));
    } else if (field->kind == DH_KIND_INT16) {
        memcpy(at, &small, sizeof(small));
    }
}

static void give_sense(struct sense *sense, const struct dh_struct *type, int16_t version,
                       char *item)
{
    for (size_t i = 0; i < type->field_count; i++) {
        give_sense_to_field(sense, &type->fields[i], version,
                            item + type->fields[i].offset);
    }
}

static void tame(int16_t key, void *body)
{
    if (key == DH_API_CREATE_TOPICS) {
        struct dh_create_topics_request *request = body;
        for (int32_t i = 0; i < request->topics.count; i++) {
            request->topics.items[i].num_partitions %= PARTITIONS;
        }
    } else if (key == DH_API_CREATE_PARTITIONS) {
        struct dh_create_partitions_request *request = body;
        for (int32_t i = 0; i < request->topics.count; i++) {
            request->topics.items[i].count %= PARTITIONS;
        }
    }
}

static void write_batch(struct dh_batch_writer *writer, dohle_bytes *batch)
{
    struct dh_record_input record = {.timestamp_ms = INT64_C(1700000000000),
                                     .key = DH_BYTES("key"),
                                     .value = DH_BYTES("value")};
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    dh_batch_writer_init(writer, dh_mem_default());
    FUZZ_CHECK(dh_batch_writer_append(writer, &record) == 0);
    FUZZ_CHECK(dh_batch_writer_finish(writer, NULL, NULL, 0, &stamp, batch) == 0);
}

static void send_request(struct fuzz *fuzz, struct client *client, bool is_mutated)
{
    const struct dh_broker_handler *handler =
        dh_broker_handler_at(next(fuzz) % dh_broker_handler_count());
    const struct dh_api *api = dh_api_find(handler->key);
    int range = handler->versions.max - handler->versions.min + 1;
    int16_t version = (int16_t)(handler->versions.min + next(fuzz) % range);
    struct dh_random random = {(uint64_t)next(fuzz) << 8 | next(fuzz)};
    struct dh_arena arena;
    struct dh_buf frame;
    dh_arena_init(&arena, dh_mem_default(), ARENA_SIZE_MAX);
    dh_buf_init(&frame, dh_mem_default(), 0);
    void *body = dh_arena_alloc(&arena, api->request->body.size);
    FUZZ_CHECK(body != NULL);
    if (dh_message_randomise(api->request, version, &random, &arena, body) == 0) {
        struct sense sense = {.random = random};
        struct dh_batch_writer writer;
        write_batch(&writer, &sense.batch);
        if ((random.state & 3) != 0) {
            give_sense(&sense, &api->request->body, version, body);
        }
        tame(handler->key, body);
        FUZZ_CHECK(dh_envelope_encode_request(&frame, handler->key, version, 1,
                                              DH_BYTES("fuzz"), body) == 0);
        dh_batch_writer_deinit(&writer);
        if (is_mutated) {
            size_t at = (size_t)next(fuzz) << 8 | next(fuzz);
            frame.data[at % frame.size] ^= next(fuzz);
        }
        send_bytes(fuzz, client, frame.data, frame.size);
    }
    dh_buf_deinit(&frame);
    dh_arena_deinit(&arena);
}

static void connect(struct fuzz *fuzz, struct client *client)
{
    for (int32_t node = 1; node <= NODES; node++) {
        if (dh_broker_nodes_is_up(fuzz->broker, node)) {
            *client = (struct client){.id = dh_broker_on_accepted(
                                          fuzz->broker, node, "127.0.0.1", fuzz->now_ns)};
            FUZZ_CHECK(client->id != 0);
            return;
        }
    }
    client->is_closed = true;
}

static void move_time(struct fuzz *fuzz, int64_t ms)
{
    int64_t target_ns = fuzz->now_ns + ms * DH_MS;
    int64_t deadline_ns;
    while ((deadline_ns = dh_broker_deadline(fuzz->broker)) <= target_ns) {
        fuzz->now_ns = deadline_ns > fuzz->now_ns ? deadline_ns : fuzz->now_ns;
        dh_broker_tick(fuzz->broker, fuzz->now_ns);
        run(fuzz);
    }
    fuzz->now_ns = target_ns;
    dh_broker_tick(fuzz->broker, fuzz->now_ns);
    run(fuzz);
}

static void operate(struct fuzz *fuzz)
{
    uint8_t byte = next(fuzz);
    struct client *client = &fuzz->clients[1 + (byte >> 4) % (CLIENTS - 1)];
    fuzz->piece = (size_t)1 << (byte >> 6) * 4;
    if (client->id == 0 || client->is_closed) {
        connect(fuzz, client);
    }
    if (client->is_closed) {
        return;
    }
    switch ((enum operation)((byte & 15) % OPERATIONS)) {
    case RAW: {
        size_t size = next(fuzz);
        size = size < fuzz->size ? size : fuzz->size;
        const uint8_t *bytes = fuzz->data;
        fuzz->data += size;
        fuzz->size -= size;
        send_bytes(fuzz, client, bytes, size);
        return;
    }
    case REQUEST: send_request(fuzz, client, false); return;
    case MUTATED: send_request(fuzz, client, true); return;
    case TIME: move_time(fuzz, (int64_t)next(fuzz) * 100); return;
    case END:
        dh_broker_on_closed(fuzz->broker, client->id, fuzz->now_ns);
        client->id = 0;
        run(fuzz);
        return;
    case NODE: {
        struct dh_broker_node *node = dh_broker_nodes_find(fuzz->broker, 2);
        if (node->is_up) {
            dh_broker_nodes_take_down(fuzz->broker, node, (byte & 32) != 0);
        } else {
            dh_broker_nodes_bring_up(fuzz->broker, node);
        }
        run(fuzz);
        return;
    }
    case OPERATIONS: return;
    }
}

// Whatever the others have done: a client that behaves is answered at once.
static void check_service(struct fuzz *fuzz)
{
    struct client *client = &fuzz->clients[0];
    connect(fuzz, client);
    struct dh_api_versions_request request = {.node_id = -1};
    struct dh_buf frame;
    dh_buf_init(&frame, dh_mem_default(), 0);
    FUZZ_CHECK(dh_envelope_encode_request(&frame, DH_API_API_VERSIONS, 0, 1,
                                          DH_BYTES("good"), &request) == 0);
    send_bytes(fuzz, client, frame.data, frame.size);
    dh_buf_deinit(&frame);
    FUZZ_CHECK(client->received > 100);
    FUZZ_CHECK(!client->is_closed);
}

static void start(struct fuzz *fuzz)
{
    struct dh_broker_node_options nodes[NODES] = {0};
    char text[200];
    const struct dh_broker_options options = {
        .mem = dh_mem_default(),
        .vfs = dh_memory_files_vfs(fuzz->files),
        .nodes = nodes,
        .node_count = NODES,
        .seed = 1,
        .now_ns = fuzz->now_ns,
        .wall_ms = INT64_C(1700000000000),
    };
    int err = dh_broker_new(&options, &fuzz->broker, text, sizeof(text));
    if (err != 0) {
        fprintf(stderr, "%s\n", text);
    }
    FUZZ_CHECK(err == 0);
    memset(fuzz->clients, 0, sizeof(fuzz->clients));
    run(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {.now_ns = DH_SEC, .piece = 4096, .data = data, .size = size};
    fuzz.files = dh_memory_files_new(dh_mem_default());
    FUZZ_CHECK(fuzz.files != NULL);
    dh_memory_files_set_room(fuzz.files, ROOM_BYTES);
    start(&fuzz);
    for (int i = 0; i < OPERATIONS_MAX && fuzz.size > 0; i++) {
        operate(&fuzz);
    }
    check_service(&fuzz);
    // What was written can be read again, however the broker ended.
    bool is_clean = (size & 1) != 0;
    dh_broker_free(fuzz.broker, is_clean);
    dh_memory_files_set_room(fuzz.files, -1);
    start(&fuzz);
    check_service(&fuzz);
    dh_broker_free(fuzz.broker, true);
    dh_memory_files_free(fuzz.files);
    return 0;
}
