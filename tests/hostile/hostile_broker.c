// SPDX-License-Identifier: MIT
#include "hostile_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "record/batch_writer.h"
#include "wire/envelope.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/fetch.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/join_group.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/sync_group.h"

#define NODE_ID 1
#define MEMBER  "member-1"

// Enough to fill the queue of a listener whose backlog is 0, on every system.
#define FILLERS 4

struct connection {
    int fd; // -1: none
    struct dh_buf in;
    struct dh_buf out; // sent at once, or drop by drop
    bool is_dripping;
};

struct hostile_broker {
    struct hostile_script script;
    int listener; // -1: closed
    int port;
    char address[32];
    int fillers[FILLERS]; // hold the places of a queue that hangs
    int stop[2];          // a pipe: closed for writing to end the thread
    pthread_t thread;
    struct connection connections[HOSTILE_CONNECTIONS_MAX];
    struct dh_arena arena;
    atomic_bool is_mended;
    atomic_size_t record_bytes; // 0: the partitions are empty
    atomic_int connects;
    atomic_int requests[DH_API_KEY_END];
};

// What is not under test has to work.
#define MUST(condition)                                                                  \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            (void)fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition,     \
                          strerror(errno));                                              \
            abort();                                                                     \
        }                                                                                \
    } while (0)

// ---- Right answers ----

struct request {
    struct hostile_broker *broker;
    int16_t version;
    const void *message;
};

static void *make(const struct request *request, int32_t count, size_t size)
{
    void *items = dh_arena_calloc(&request->broker->arena, (size_t)count, size);
    MUST(items != NULL);
    return items;
}

// Gives the array `count` items with the defaults of their struct.
#define FILL(request, array, count_, table)                                              \
    do {                                                                                 \
        (array).items = make((request), (count_), sizeof(*(array).items));               \
        (array).count = (count_);                                                        \
        for (int32_t i_ = 0; i_ < (count_); i_++) {                                      \
            dh_struct_init(&(table), &(array).items[i_]);                                \
        }                                                                                \
    } while (0)

static void answer_versions(const struct request *request,
                            struct dh_api_versions_response *out)
{
    FILL(request, out->api_keys, DH_API_KEY_END, dh_api_versions_response_api_key_struct);
    out->api_keys.count = 0;
    for (int16_t key = 0; key < DH_API_KEY_END; key++) {
        const struct dh_api *api = dh_api_find(key);
        if (api != NULL) {
            struct dh_api_versions_response_api_key *item =
                &out->api_keys.items[out->api_keys.count++];
            item->api_key = key;
            item->min_version = api->request->versions.min;
            item->max_version = api->request->versions.max;
        }
    }
}

static void answer_metadata(const struct request *request,
                            struct dh_metadata_response *out)
{
    FILL(request, out->brokers, 1, dh_metadata_response_broker_struct);
    out->brokers.items[0].node_id = NODE_ID;
    out->brokers.items[0].host = DH_BYTES("127.0.0.1");
    out->brokers.items[0].port = request->broker->port;
    FILL(request, out->topics, 1, dh_metadata_response_topic_struct);
    struct dh_metadata_response_topic *topic = &out->topics.items[0];
    topic->name = DH_BYTES("t");
    if (request->version >= 10) {
        topic->topic_id.bytes[0] = 1;
    }
    FILL(request, topic->partitions, HOSTILE_PARTITIONS,
         dh_metadata_response_topic_partition_struct);
    for (int32_t i = 0; i < HOSTILE_PARTITIONS; i++) {
        topic->partitions.items[i].partition_index = i;
        topic->partitions.items[i].leader_id = NODE_ID;
    }
}

static void answer_coordinator(const struct request *request,
                               struct dh_find_coordinator_response *out)
{
    const struct dh_find_coordinator_request *asked = request->message;
    if (request->version < 4) {
        out->node_id = NODE_ID;
        out->host = DH_BYTES("127.0.0.1");
        out->port = request->broker->port;
        return;
    }
    FILL(request, out->coordinators, asked->coordinator_keys.count,
         dh_find_coordinator_response_coordinator_struct);
    for (int32_t i = 0; i < out->coordinators.count; i++) {
        out->coordinators.items[i].key = asked->coordinator_keys.items[i];
        out->coordinators.items[i].node_id = NODE_ID;
        out->coordinators.items[i].host = DH_BYTES("127.0.0.1");
        out->coordinators.items[i].port = request->broker->port;
    }
}

static void answer_join(const struct request *request, struct dh_join_group_response *out)
{
    const struct dh_join_group_request *asked = request->message;
    MUST(asked->protocols.count > 0);
    out->generation_id = 1;
    out->protocol_type = asked->protocol_type;
    out->protocol_name = asked->protocols.items[0].name;
    out->leader = DH_BYTES(MEMBER);
    out->member_id = DH_BYTES(MEMBER);
    FILL(request, out->members, 1, dh_join_group_response_member_struct);
    out->members.items[0].member_id = DH_BYTES(MEMBER);
    out->members.items[0].metadata = asked->protocols.items[0].metadata;
}

static void answer_sync(const struct request *request, struct dh_sync_group_response *out)
{
    const struct dh_sync_group_request *asked = request->message;
    out->protocol_type = asked->protocol_type;
    out->protocol_name = asked->protocol_name;
    if (asked->assignments.count > 0) {
        out->assignment = asked->assignments.items[0].assignment;
    }
}

static void answer_offset_fetch(const struct request *request,
                                struct dh_offset_fetch_response *out)
{
    const struct dh_offset_fetch_request *asked = request->message;
    MUST(request->version >= 8 && asked->groups.count == 1);
    const struct dh_offset_fetch_request_group *group = &asked->groups.items[0];
    FILL(request, out->groups, 1, dh_offset_fetch_response_group_struct);
    out->groups.items[0].group_id = group->group_id;
    int32_t count = group->topics.count < 0 ? 0 : group->topics.count;
    FILL(request, out->groups.items[0].topics, count,
         dh_offset_fetch_response_group_topic_struct);
    for (int32_t i = 0; i < count; i++) {
        struct dh_offset_fetch_response_group_topic *topic =
            &out->groups.items[0].topics.items[i];
        const struct dh_offset_fetch_request_group_topic *from = &group->topics.items[i];
        topic->name = from->name;
        topic->topic_id = from->topic_id;
        FILL(request, topic->partitions, from->partition_indexes.count,
             dh_offset_fetch_response_group_topic_partition_struct);
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            topic->partitions.items[j].partition_index = from->partition_indexes.items[j];
            topic->partitions.items[j].committed_offset = -1;
            topic->partitions.items[j].metadata = DH_BYTES("");
        }
    }
}

static void answer_list_offsets(const struct request *request,
                                struct dh_list_offsets_response *out)
{
    const struct dh_list_offsets_request *asked = request->message;
    FILL(request, out->topics, asked->topics.count,
         dh_list_offsets_response_topic_struct);
    for (int32_t i = 0; i < out->topics.count; i++) {
        struct dh_list_offsets_response_topic *topic = &out->topics.items[i];
        const struct dh_list_offsets_request_topic *from = &asked->topics.items[i];
        topic->name = from->name;
        FILL(request, topic->partitions, from->partitions.count,
             dh_list_offsets_response_topic_partition_struct);
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            topic->partitions.items[j].partition_index =
                from->partitions.items[j].partition_index;
            topic->partitions.items[j].offset = 0;
        }
    }
}

static void answer_offset_commit(const struct request *request,
                                 struct dh_offset_commit_response *out)
{
    const struct dh_offset_commit_request *asked = request->message;
    FILL(request, out->topics, asked->topics.count,
         dh_offset_commit_response_topic_struct);
    for (int32_t i = 0; i < out->topics.count; i++) {
        struct dh_offset_commit_response_topic *topic = &out->topics.items[i];
        const struct dh_offset_commit_request_topic *from = &asked->topics.items[i];
        topic->name = from->name;
        topic->topic_id = from->topic_id;
        FILL(request, topic->partitions, from->partitions.count,
             dh_offset_commit_response_topic_partition_struct);
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            topic->partitions.items[j].partition_index =
                from->partitions.items[j].partition_index;
        }
    }
}

// A batch of one record of so many bytes, in the arena.
static dohle_bytes make_batch(const struct request *request, int64_t offset, size_t size)
{
    const struct dh_record_input input = {
        .timestamp_ms = 1, .key = DH_BYTES_NULL, .value = {make(request, 1, size), size}};
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    stamp.base_offset = offset;
    struct dh_batch_writer writer;
    dohle_bytes batch;
    dh_batch_writer_init(&writer, dh_mem_default());
    MUST(dh_batch_writer_append(&writer, &input) == 0);
    MUST(dh_batch_writer_finish(&writer, NULL, NULL, 0, &stamp, &batch) == 0);
    uint8_t *copy = make(request, 1, batch.size);
    memcpy(copy, batch.data, batch.size);
    dh_batch_writer_deinit(&writer);
    return (dohle_bytes){copy, batch.size};
}

static void answer_fetch(const struct request *request, struct dh_fetch_response *out)
{
    const struct dh_fetch_request *asked = request->message;
    size_t record_bytes = atomic_load(&request->broker->record_bytes);
    if (record_bytes == 0) {
        return; // the defaults of the response
    }
    FILL(request, out->responses, asked->topics.count, dh_fetch_response_response_struct);
    for (int32_t i = 0; i < out->responses.count; i++) {
        struct dh_fetch_response_response *topic = &out->responses.items[i];
        const struct dh_fetch_request_topic *from = &asked->topics.items[i];
        topic->topic = from->topic;
        topic->topic_id = from->topic_id;
        FILL(request, topic->partitions, from->partitions.count,
             dh_fetch_response_response_partition_struct);
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            struct dh_fetch_response_response_partition *partition =
                &topic->partitions.items[j];
            int64_t offset = from->partitions.items[j].fetch_offset;
            partition->partition_index = from->partitions.items[j].partition;
            partition->high_watermark = INT64_MAX;
            partition->log_start_offset = 0;
            partition->records = make_batch(request, offset, record_bytes);
        }
    }
}

// How far a broker must be good to answer this.
static enum hostile_good needed_for(int16_t key)
{
    switch (key) {
    case DH_API_API_VERSIONS: return HOSTILE_GOOD_VERSIONS;
    case DH_API_METADATA: return HOSTILE_GOOD_METADATA;
    case DH_API_FIND_COORDINATOR: return HOSTILE_GOOD_COORDINATOR;
    case DH_API_JOIN_GROUP:
    case DH_API_SYNC_GROUP: return HOSTILE_GOOD_MEMBER;
    case DH_API_OFFSET_FETCH:
    case DH_API_LIST_OFFSETS: return HOSTILE_GOOD_POSITION;
    default: return HOSTILE_GOOD_EVERYTHING;
    }
}

static void answer(const struct request *request, int16_t key, void *response)
{
    switch (key) {
    case DH_API_API_VERSIONS: answer_versions(request, response); break;
    case DH_API_METADATA: answer_metadata(request, response); break;
    case DH_API_FIND_COORDINATOR: answer_coordinator(request, response); break;
    case DH_API_JOIN_GROUP: answer_join(request, response); break;
    case DH_API_SYNC_GROUP: answer_sync(request, response); break;
    case DH_API_OFFSET_FETCH: answer_offset_fetch(request, response); break;
    case DH_API_LIST_OFFSETS: answer_list_offsets(request, response); break;
    case DH_API_OFFSET_COMMIT: answer_offset_commit(request, response); break;
    case DH_API_FETCH: answer_fetch(request, response); break;
    default: break; // the defaults of the response
    }
}

// ---- Connections ----

static void set_linger_reset(int fd)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
}

static void hang_up(struct connection *connection)
{
    (void)close(connection->fd);
    connection->fd = -1;
    dh_buf_reset(&connection->in);
    dh_buf_reset(&connection->out);
    connection->is_dripping = false;
}

static void reset(struct connection *connection)
{
    set_linger_reset(connection->fd);
    hang_up(connection);
}

// Sends what fits now, or one byte of it.
static void send_out(struct connection *connection)
{
    size_t size =
        connection->is_dripping && connection->out.size > 0 ? 1 : connection->out.size;
    if (connection->fd < 0 || size == 0) {
        return;
    }
    ssize_t sent = send(connection->fd, connection->out.data, size, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            hang_up(connection);
        }
        return;
    }
    size_t left = connection->out.size - (size_t)sent;
    memmove(connection->out.data, connection->out.data + sent, left);
    connection->out.size = left;
}

static void put_int32(struct dh_buf *buf, uint32_t value)
{
    const uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
                             (uint8_t)(value >> 8), (uint8_t)value};
    dh_buf_append(buf, bytes, sizeof(bytes));
}

static void put_text(struct dh_buf *buf, const char *text)
{
    dh_buf_append(buf, text, strlen(text));
}

static void do_wrong(struct hostile_broker *broker, struct connection *connection,
                     const struct dh_request_header *header, const struct dh_buf *right)
{
    struct dh_buf *out = &connection->out;
    switch (broker->script.reply) {
    case HOSTILE_SILENT: break;
    case HOSTILE_RESETS_REQUEST: reset(connection); break;
    case HOSTILE_OTHER_PROTOCOL:
        put_text(out, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        break;
    case HOSTILE_SIZE_NEGATIVE: put_int32(out, UINT32_MAX); break;
    case HOSTILE_SIZE_ZERO: put_int32(out, 0); break;
    case HOSTILE_SIZE_HUGE: put_int32(out, INT32_MAX); break;
    case HOSTILE_WRONG_CORRELATION:
        dh_buf_append(out, right->data, right->size);
        out->data[out->size - right->size + 7] ^= 0x40;
        break;
    case HOSTILE_CUT_BODY: {
        // Half of the body; the size says so, and so is no lie.
        uint32_t size = 4 + (uint32_t)(right->size - 8) / 2;
        put_int32(out, size);
        dh_buf_append(out, right->data + 4, size);
        break;
    }
    case HOSTILE_NOISE_BODY:
        put_int32(out, 4 + 64);
        put_int32(out, (uint32_t)header->correlation_id);
        for (uint32_t i = 0; i < 16; i++) {
            put_int32(out, (i + 1) * 2654435761U);
        }
        break;
    case HOSTILE_DRIPS:
        connection->is_dripping = true;
        dh_buf_append(out, right->data, right->size);
        break;
    }
}

static void handle(struct hostile_broker *broker, struct connection *connection,
                   dohle_bytes frame)
{
    struct dh_reader reader;
    dh_reader_init(&reader, frame);
    struct dh_request_header header;
    MUST(dh_envelope_decode_request_header(&reader, &header) == 0);
    const struct dh_api *api = dh_api_find(header.request_api_key);
    MUST(api != NULL);
    atomic_fetch_add(&broker->requests[header.request_api_key], 1);

    dh_arena_reset(&broker->arena);
    void *message = dh_arena_alloc(&broker->arena, api->request->body.size);
    void *response = dh_arena_alloc(&broker->arena, api->response->body.size);
    MUST(message != NULL && response != NULL);
    MUST(dh_message_decode(api->request, header.request_api_version, &reader,
                           &broker->arena, message) == 0);
    dh_message_init(api->response, response);
    const struct request request = {broker, header.request_api_version, message};
    answer(&request, header.request_api_key, response);

    struct dh_buf right;
    dh_buf_init(&right, dh_mem_default(), 0);
    MUST(dh_envelope_encode_response(&right, header.request_api_key,
                                     header.request_api_version, header.correlation_id,
                                     response) == 0);
    if (atomic_load(&broker->is_mended) ||
        needed_for(header.request_api_key) <= broker->script.good) {
        dh_buf_append(&connection->out, right.data, right.size);
    } else {
        do_wrong(broker, connection, &header, &right);
    }
    dh_buf_deinit(&right);
}

static void receive(struct hostile_broker *broker, struct connection *connection)
{
    uint8_t bytes[4096];
    ssize_t size = recv(connection->fd, bytes, sizeof(bytes), 0);
    if (size <= 0) {
        if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
            hang_up(connection);
        }
        return;
    }
    dh_buf_append(&connection->in, bytes, (size_t)size);
    while (connection->fd >= 0 && connection->in.size >= 4) {
        const uint8_t *data = connection->in.data;
        size_t frame = (size_t)data[0] << 24 | (size_t)data[1] << 16 |
                       (size_t)data[2] << 8 | data[3];
        if (connection->in.size - 4 < frame) {
            break;
        }
        handle(broker, connection, (dohle_bytes){data + 4, frame});
        if (connection->fd >= 0) {
            size_t left = connection->in.size - 4 - frame;
            memmove(connection->in.data, connection->in.data + 4 + frame, left);
            connection->in.size = left;
        }
    }
}

static void accept_one(struct hostile_broker *broker)
{
    int fd = accept(broker->listener, NULL, NULL);
    if (fd < 0) {
        return;
    }
    MUST(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    atomic_fetch_add(&broker->connects, 1);
    struct connection *connection = NULL;
    for (size_t i = 0; i < HOSTILE_CONNECTIONS_MAX && connection == NULL; i++) {
        if (broker->connections[i].fd < 0) {
            connection = &broker->connections[i];
        }
    }
    enum hostile_door door =
        atomic_load(&broker->is_mended) ? HOSTILE_OPEN : broker->script.door;
    if (connection == NULL || door == HOSTILE_RESETS) {
        set_linger_reset(fd);
        (void)close(fd);
        return;
    }
    connection->fd = fd;
    if (door == HOSTILE_HANGS_UP) {
        hang_up(connection);
    } else if (door == HOSTILE_TALKS) {
        put_text(&connection->out, "220 mail.example ESMTP ready\r\n");
    }
}

static bool is_dripping(const struct hostile_broker *broker)
{
    bool found = false;
    for (size_t i = 0; i < HOSTILE_CONNECTIONS_MAX; i++) {
        found = found || broker->connections[i].is_dripping;
    }
    return found;
}

static void *serve(void *ctx)
{
    struct hostile_broker *broker = ctx;
    for (;;) {
        struct pollfd watched[HOSTILE_CONNECTIONS_MAX + 2];
        watched[0] = (struct pollfd){.fd = broker->stop[0], .events = POLLIN};
        watched[1] = (struct pollfd){
            .fd = broker->script.door == HOSTILE_HANGS ? -1 : broker->listener,
            .events = POLLIN};
        for (size_t i = 0; i < HOSTILE_CONNECTIONS_MAX; i++) {
            watched[i + 2] =
                (struct pollfd){.fd = broker->connections[i].fd, .events = POLLIN};
        }
        int ready = poll(watched, HOSTILE_CONNECTIONS_MAX + 2,
                         is_dripping(broker) ? HOSTILE_DRIP_MS : -1);
        MUST(ready >= 0 || errno == EINTR);
        if (watched[0].revents != 0) {
            return NULL;
        }
        for (size_t i = 0; i < HOSTILE_CONNECTIONS_MAX; i++) {
            struct connection *connection = &broker->connections[i];
            if (connection->fd >= 0 && watched[i + 2].revents != 0) {
                receive(broker, connection);
            }
            if (ready == 0 || !connection->is_dripping) {
                send_out(connection);
            }
        }
        if (watched[1].revents != 0) {
            accept_one(broker);
        }
        for (size_t i = 0; i < HOSTILE_CONNECTIONS_MAX; i++) {
            if (!broker->connections[i].is_dripping) {
                send_out(&broker->connections[i]);
            }
        }
    }
}

// ---- Life cycle ----

// Whoever connects to a full queue waits: Linux drops the handshake.
static void fill_queue(struct hostile_broker *broker, const struct sockaddr_in *name)
{
    for (size_t i = 0; i < FILLERS; i++) {
        broker->fillers[i] = socket(AF_INET, SOCK_STREAM, 0);
        MUST(broker->fillers[i] >= 0);
        MUST(fcntl(broker->fillers[i], F_SETFL, O_NONBLOCK) == 0);
        int result =
            connect(broker->fillers[i], (const struct sockaddr *)name, sizeof(*name));
        MUST(result == 0 || errno == EINPROGRESS);
    }
}

struct hostile_broker *hostile_broker_new(const struct hostile_script *script)
{
    struct hostile_broker *broker = calloc(1, sizeof(*broker));
    MUST(broker != NULL);
    broker->script = *script;
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    broker->listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(broker->listener >= 0);
    MUST(bind(broker->listener, (struct sockaddr *)&name, size) == 0);
    MUST(getsockname(broker->listener, (struct sockaddr *)&name, &size) == 0);
    broker->port = ntohs(name.sin_port);
    (void)snprintf(broker->address, sizeof(broker->address), "127.0.0.1:%d",
                   broker->port);
    for (size_t i = 0; i < FILLERS; i++) {
        broker->fillers[i] = -1;
    }
    // Bound but not listening, a port refuses, and nobody else can get it.
    if (script->door != HOSTILE_REFUSES) {
        MUST(listen(broker->listener, script->door == HOSTILE_HANGS ? 0 : 64) == 0);
        MUST(fcntl(broker->listener, F_SETFL, O_NONBLOCK) == 0);
    }
    if (script->door == HOSTILE_HANGS) {
        fill_queue(broker, &name);
    }
    for (size_t i = 0; i < HOSTILE_CONNECTIONS_MAX; i++) {
        broker->connections[i].fd = -1;
        dh_buf_init(&broker->connections[i].in, dh_mem_default(), 0);
        dh_buf_init(&broker->connections[i].out, dh_mem_default(), 0);
    }
    dh_arena_init(&broker->arena, dh_mem_default(), 0);
    MUST(pipe(broker->stop) == 0);
    if (script->door == HOSTILE_REFUSES) {
        broker->script.door = HOSTILE_HANGS; // nothing to accept
    }
    MUST(pthread_create(&broker->thread, NULL, serve, broker) == 0);
    return broker;
}

void hostile_broker_mend(struct hostile_broker *broker)
{
    atomic_store(&broker->is_mended, true);
}

void hostile_broker_fill(struct hostile_broker *broker, size_t record_bytes)
{
    atomic_store(&broker->record_bytes, record_bytes);
}

void hostile_broker_stop(struct hostile_broker *broker)
{
    if (broker->stop[1] >= 0) {
        MUST(close(broker->stop[1]) == 0);
        broker->stop[1] = -1;
        MUST(pthread_join(broker->thread, NULL) == 0);
    }
}

void hostile_broker_free(struct hostile_broker *broker)
{
    hostile_broker_stop(broker);
    MUST(close(broker->stop[0]) == 0);
    for (size_t i = 0; i < HOSTILE_CONNECTIONS_MAX; i++) {
        if (broker->connections[i].fd >= 0) {
            hang_up(&broker->connections[i]);
        }
        dh_buf_deinit(&broker->connections[i].in);
        dh_buf_deinit(&broker->connections[i].out);
    }
    for (size_t i = 0; i < FILLERS; i++) {
        if (broker->fillers[i] >= 0) {
            MUST(close(broker->fillers[i]) == 0);
        }
    }
    MUST(close(broker->listener) == 0);
    dh_arena_deinit(&broker->arena);
    free(broker);
}

const char *hostile_broker_address(const struct hostile_broker *broker)
{
    return broker->address;
}

int hostile_broker_connects(const struct hostile_broker *broker)
{
    return atomic_load(&broker->connects);
}

int hostile_broker_requests(const struct hostile_broker *broker, int16_t api_key)
{
    return atomic_load(&broker->requests[api_key]);
}
