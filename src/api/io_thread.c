// SPDX-License-Identifier: MIT
#include "api/io_thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "api/fd_signal.h"
#include "api/queue.h"
#include "base/mem.h"
#include "base/time.h"
#include "host/clock.h"
#include "host/host.h"
#include "host/resolve.h"
#include "host/stream.h"

// The mailbox in one word: this, or when the last poll returned (0: there was none).
#define MARK_INSIDE INT64_C(-1)

struct dh_io {
    dohle_allocator allocator;
    atomic_uint holders; // the maker, the thread, each client
    struct dh_host *host;
    struct dh_queue arrivals; // dh_io_client.link of those just started
    atomic_bool is_released;  // by the maker
    struct dh_list clients;   // dh_io_client.link; the thread's
};

struct dh_io_client {
    // Both sides; unchanging after the start.
    struct dh_io *io; // held
    dohle_allocator allocator;
    void *kept; // owned by nobody else; NULL: nothing
    void (*free_kept)(const dohle_allocator *mem, void *kept);
    dohle_log_sink log;                  // the application's; write NULL: none
    dohle_log_sink locked_log;           // what both sides write to
    const struct dh_engine_calls *calls; // NULL: not started

    // Both sides, at any time.
    atomic_uint holders; // the application's side, and the thread once started
    pthread_mutex_t log_mutex;
    struct dh_queue commands;
    struct dh_queue notices;
    struct dh_fd_signal signal;
    _Atomic int64_t mark;      // MARK_INSIDE or left_ns
    _Atomic int64_t alarm_ns;  // when to set the signal
    _Atomic int64_t linger_ns; // how long to go on once detached
    atomic_bool is_detached;   // the application's side has let go
    atomic_bool has_released;  // frames were dropped, and the engine does not know

    // The thread's.
    void *engine; // owned
    struct dh_link link;
    struct dh_list connections; // connection.link
    bool is_touched;            // the engine may have something to say
};

// A connection id of an engine, and what the host has for it.
struct connection {
    struct dh_io_client *client;
    struct dh_link link;
    uint32_t id;
    struct dh_resolution *resolution; // NULL: none is under way
    struct dh_stream *stream;         // NULL: none
    dohle_bytes unsent;               // borrowed from the engine until on_sent
};

// ---- Holding and letting go ----

static void drop_io(struct dh_io *io)
{
    if (atomic_fetch_sub(&io->holders, 1) > 1) {
        return;
    }
    dh_host_free(io->host);
    dh_queue_deinit(&io->arrivals);
    const dohle_allocator mem = io->allocator;
    dh_mem_free(&mem, io, sizeof(*io));
}

static void free_messages(struct dh_io_client *client, struct dh_queue *queue)
{
    struct dh_list messages;
    dh_list_init(&messages);
    (void)dh_queue_take_all(queue, &messages);
    for (struct dh_link *link; (link = dh_list_pop_front(&messages)) != NULL;) {
        client->calls->free_message(&client->allocator,
                                    DH_CONTAINER_OF(link, struct dh_message, link));
    }
    dh_queue_deinit(queue);
}

static void drop_client(struct dh_io_client *client)
{
    if (atomic_fetch_sub(&client->holders, 1) > 1) {
        return;
    }
    free_messages(client, &client->commands);
    free_messages(client, &client->notices);
    dh_fd_signal_deinit(&client->signal);
    if (client->kept != NULL) {
        client->free_kept(&client->allocator, client->kept);
    }
    (void)pthread_mutex_destroy(&client->log_mutex);
    struct dh_io *io = client->io;
    const dohle_allocator mem = client->allocator;
    dh_mem_free(&mem, client, sizeof(*client));
    drop_io(io);
}

// ---- Connections: what the host reports ----

static struct connection *find_connection(const struct dh_io_client *client, uint32_t id)
{
    DH_LIST_EACH(link, &client->connections)
    {
        struct connection *connection = DH_CONTAINER_OF(link, struct connection, link);
        if (connection->id == id) {
            return connection;
        }
    }
    return NULL;
}

// The connection of that id, made if there is none; NULL: no memory.
static struct connection *get_connection(struct dh_io_client *client, uint32_t id)
{
    struct connection *connection = find_connection(client, id);
    if (connection != NULL) {
        return connection;
    }
    connection = dh_mem_calloc(&client->allocator, 1, sizeof(*connection));
    if (connection != NULL) {
        connection->client = client;
        connection->id = id;
        dh_list_push_back(&client->connections, &connection->link);
    }
    return connection;
}

static void forget_connection(struct connection *connection)
{
    if (connection->resolution != NULL) {
        dh_resolve_cancel(connection->resolution);
    }
    if (connection->stream != NULL) {
        dh_stream_close(connection->stream);
    }
    dh_list_remove(&connection->link);
    dh_mem_free(&connection->client->allocator, connection, sizeof(*connection));
}

static void on_resolved(void *ctx, struct dh_resolution *resolution,
                        const struct dh_address *addresses, size_t count, int err,
                        const char *text)
{
    (void)resolution;
    struct connection *connection = ctx;
    struct dh_io_client *client = connection->client;
    uint32_t id = connection->id;
    connection->resolution = NULL;
    forget_connection(connection);
    client->is_touched = true;
    client->calls->on_resolved(client->engine, id, addresses, count, err, text,
                               dh_clock_now_ns());
}

static void on_connected(void *ctx, struct dh_stream *stream)
{
    (void)stream;
    const struct connection *connection = ctx;
    struct dh_io_client *client = connection->client;
    client->is_touched = true;
    client->calls->on_connected(client->engine, connection->id, dh_clock_now_ns());
}

static void on_get_buffer(void *ctx, struct dh_stream *stream, uint8_t **data,
                          size_t *capacity)
{
    (void)stream;
    struct connection *connection = ctx;
    struct dh_io_client *client = connection->client;
    if (!client->calls->receive_buffer(client->engine, connection->id, data, capacity)) {
        // The engine has given it up already, and its CLOSE will find nothing to do.
        forget_connection(connection);
    }
}

static void on_received(void *ctx, struct dh_stream *stream, size_t size)
{
    (void)stream;
    const struct connection *connection = ctx;
    struct dh_io_client *client = connection->client;
    client->is_touched = true;
    client->calls->on_received(client->engine, connection->id, size, dh_clock_now_ns());
}

// Writes what is left; tells the engine when that was all.
static void send_unsent(struct connection *connection)
{
    size_t taken = dh_stream_write(connection->stream, &connection->unsent, 1);
    connection->unsent.data += taken;
    connection->unsent.size -= taken;
    if (connection->unsent.size == 0) {
        struct dh_io_client *client = connection->client;
        connection->unsent.data = NULL;
        client->is_touched = true;
        client->calls->on_sent(client->engine, connection->id, dh_clock_now_ns());
    }
}

static void on_writable(void *ctx, struct dh_stream *stream)
{
    (void)stream;
    struct connection *connection = ctx;
    if (connection->unsent.size > 0) {
        send_unsent(connection);
    }
}

static void on_closed(void *ctx, struct dh_stream *stream, int err, const char *text)
{
    (void)stream;
    struct connection *connection = ctx;
    struct dh_io_client *client = connection->client;
    uint32_t id = connection->id;
    connection->stream = NULL;
    forget_connection(connection);
    client->is_touched = true;
    client->calls->on_closed(client->engine, id, err, text, dh_clock_now_ns());
}

static const struct dh_stream_callbacks stream_callbacks = {
    .connected = on_connected,
    .get_buffer = on_get_buffer,
    .received = on_received,
    .writable = on_writable,
    .closed = on_closed,
};

// ---- Actions: what the engine asks for ----

static void close_connection(struct dh_io_client *client, uint32_t id)
{
    struct connection *connection = find_connection(client, id);
    if (connection != NULL) {
        forget_connection(connection);
    }
}

static void resolve(struct dh_io_client *client, const struct dh_action *action)
{
    int err = DOHLE_ERR_NO_MEMORY;
    struct connection *connection = get_connection(client, action->connection_id);
    if (connection != NULL) {
        DH_ASSERT(connection->resolution == NULL);
        err = dh_resolve(client->io->host, action->host, (uint16_t)action->port,
                         on_resolved, connection, &connection->resolution);
    }
    if (err != 0) {
        close_connection(client, action->connection_id);
        client->calls->on_resolved(client->engine, action->connection_id, NULL, 0, err,
                                   "out of memory", dh_clock_now_ns());
    }
}

static void connect_stream(struct dh_io_client *client, const struct dh_action *action)
{
    const struct dh_stream_options options = {
        .send_buffer_bytes = action->send_buffer_bytes,
        .receive_buffer_bytes = action->receive_buffer_bytes,
    };
    int err = DOHLE_ERR_NO_MEMORY;
    struct connection *connection = get_connection(client, action->connection_id);
    if (connection != NULL) {
        DH_ASSERT(connection->stream == NULL);
        err = dh_stream_connect(client->io->host, &action->address, &options,
                                &stream_callbacks, connection, &connection->stream);
    }
    if (err != 0) {
        close_connection(client, action->connection_id);
        client->calls->on_closed(client->engine, action->connection_id, err,
                                 "out of memory", dh_clock_now_ns());
    }
}

static void send_bytes(struct dh_io_client *client, const struct dh_action *action)
{
    struct connection *connection = find_connection(client, action->connection_id);
    // Gone: the engine knows already, or is about to hear it.
    if (connection != NULL && connection->stream != NULL) {
        DH_ASSERT(connection->unsent.size == 0);
        connection->unsent = action->bytes;
        send_unsent(connection);
    }
}

static void do_actions(struct dh_io_client *client)
{
    struct dh_action action;
    while (client->calls->next_action(client->engine, &action)) {
        switch (action.kind) {
        case DH_ACTION_RESOLVE: resolve(client, &action); break;
        case DH_ACTION_CONNECT: connect_stream(client, &action); break;
        case DH_ACTION_SEND: send_bytes(client, &action); break;
        case DH_ACTION_CLOSE: close_connection(client, action.connection_id); break;
        }
    }
}

// ---- One turn for a client ----

static void take_commands(struct dh_io_client *client, int64_t now_ns)
{
    struct dh_list commands;
    dh_list_init(&commands);
    if (!dh_queue_take_all(&client->commands, &commands)) {
        return;
    }
    client->is_touched = true;
    for (struct dh_link *link; (link = dh_list_pop_front(&commands)) != NULL;) {
        client->calls->input(client->engine,
                             DH_CONTAINER_OF(link, struct dh_message, link), now_ns);
    }
}

static void tick(struct dh_io_client *client, int64_t now_ns)
{
    if (client->calls->deadline(client->engine) > now_ns) {
        return;
    }
    int64_t word = atomic_load(&client->mark);
    bool is_inside = word == MARK_INSIDE;
    const struct dh_poll_mark mark = {
        .is_inside = is_inside,
        .left_ns = is_inside ? 0 : word,
    };
    client->is_touched = true;
    client->calls->tick(client->engine, mark, now_ns);
}

static void tell_released(struct dh_io_client *client, int64_t now_ns)
{
    if (atomic_load(&client->has_released) &&
        atomic_exchange(&client->has_released, false)) {
        client->is_touched = true;
        client->calls->on_bytes_released(client->engine, now_ns);
    }
}

static void post_notices(struct dh_io_client *client)
{
    struct dh_list notices;
    dh_list_init(&notices);
    for (struct dh_message *message;
         (message = client->calls->next_event(client->engine)) != NULL;) {
        dh_list_push_back(&notices, &message->link);
    }
    if (!dh_list_is_empty(&notices)) {
        (void)dh_queue_push_all(&client->notices, &notices);
        dh_fd_signal_set(&client->signal);
    }
}

// Rings if it is time. Returns when to look again.
static int64_t ring_alarm(struct dh_io_client *client, int64_t now_ns)
{
    int64_t alarm_ns = atomic_load(&client->alarm_ns);
    while (alarm_ns <= now_ns) {
        // One that is set meanwhile must not be lost.
        if (atomic_compare_exchange_weak(&client->alarm_ns, &alarm_ns, DH_NEVER)) {
            dh_fd_signal_set(&client->signal);
            return DH_NEVER;
        }
    }
    return alarm_ns;
}

// Returns when the client needs its next turn at the latest.
static int64_t serve_client(struct dh_io_client *client)
{
    int64_t now_ns = dh_clock_now_ns();
    take_commands(client, now_ns);
    tick(client, now_ns);
    tell_released(client, now_ns);
    if (client->is_touched) {
        client->is_touched = false;
        do_actions(client);
        post_notices(client);
    }
    return dh_earlier(client->calls->deadline(client->engine),
                      ring_alarm(client, now_ns));
}

static bool is_client_over(const struct dh_io_client *client)
{
    return atomic_load(&client->is_detached) &&
           (client->calls->is_finished(client->engine) ||
            atomic_load(&client->linger_ns) <= dh_clock_now_ns());
}

static void end_client(struct dh_io_client *client)
{
    dh_list_remove(&client->link);
    DH_LIST_EACH_SAFE(link, next, &client->connections)
    {
        forget_connection(DH_CONTAINER_OF(link, struct connection, link));
    }
    client->calls->free(client->engine);
    client->engine = NULL;
    drop_client(client);
}

// ---- The thread ----

static int64_t serve_clients(struct dh_io *io)
{
    int64_t deadline_ns = DH_NEVER;
    DH_LIST_EACH_SAFE(link, next, &io->clients)
    {
        struct dh_io_client *client = DH_CONTAINER_OF(link, struct dh_io_client, link);
        int64_t client_deadline_ns = serve_client(client);
        if (is_client_over(client)) {
            end_client(client);
            continue;
        }
        if (atomic_load(&client->is_detached)) {
            client_deadline_ns =
                dh_earlier(client_deadline_ns, atomic_load(&client->linger_ns));
        }
        deadline_ns = dh_earlier(deadline_ns, client_deadline_ns);
    }
    return deadline_ns;
}

static void *run_thread(void *ctx)
{
    struct dh_io *io = ctx;
    for (;;) {
        // In this order: who is started is started before the maker lets go.
        bool is_released = atomic_load(&io->is_released);
        (void)dh_queue_take_all(&io->arrivals, &io->clients);
        int64_t deadline_ns = serve_clients(io);
        if (is_released && dh_list_is_empty(&io->clients)) {
            break;
        }
        dh_host_run_once(io->host, deadline_ns);
    }
    drop_io(io);
    return NULL;
}

// Starts a detached thread that no signal is delivered to.
static int start_thread(struct dh_io *io)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int result = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    DH_ASSERT(result == 0);
    result = pthread_sigmask(SIG_SETMASK, &all, &before);
    DH_ASSERT(result == 0);
    pthread_t thread;
    int created = pthread_create(&thread, &attributes, run_thread, io);
    result = pthread_sigmask(SIG_SETMASK, &before, NULL);
    DH_ASSERT(result == 0);
    (void)pthread_attr_destroy(&attributes);
    return created == 0 ? 0 : DOHLE_ERR_IO;
}

int dh_io_new(const struct dh_io_options *options, struct dh_io **out)
{
    const dohle_allocator *mem = options->mem != NULL ? options->mem : dh_mem_default();
    struct dh_io *io = dh_mem_calloc(mem, 1, sizeof(*io));
    if (io == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    io->allocator = *mem;
    atomic_init(&io->holders, 2);
    atomic_init(&io->is_released, false);
    dh_list_init(&io->clients);
    const struct dh_host_options host_options = {
        .mem = &io->allocator,
        .name_servers = options->name_servers,
    };
    int err = dh_host_new(&host_options, &io->host);
    if (err != 0) {
        dh_mem_free(mem, io, sizeof(*io));
        return err;
    }
    dh_queue_init(&io->arrivals);
    err = start_thread(io);
    if (err != 0) {
        drop_io(io);
        drop_io(io);
        return err;
    }
    *out = io;
    return 0;
}

void dh_io_release(struct dh_io *io)
{
    if (io != NULL) {
        atomic_store(&io->is_released, true);
        dh_host_wake(io->host);
        drop_io(io);
    }
}

// ---- The application's side ----

static void write_locked(void *ctx, const dohle_log_line *line)
{
    struct dh_io_client *client = ctx;
    int result = pthread_mutex_lock(&client->log_mutex);
    DH_ASSERT(result == 0);
    if (client->log.write != NULL) {
        client->log.write(client->log.ctx, line);
    }
    result = pthread_mutex_unlock(&client->log_mutex);
    DH_ASSERT(result == 0);
}

int dh_io_client_new(struct dh_io *io, const dohle_allocator *allocator,
                     const dohle_log_sink *log, struct dh_io_client **out)
{
    const dohle_allocator *mem = allocator != NULL ? allocator : dh_mem_default();
    struct dh_io_client *client = dh_mem_calloc(mem, 1, sizeof(*client));
    if (client == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = dh_fd_signal_init(&client->signal);
    if (err != 0) {
        dh_mem_free(mem, client, sizeof(*client));
        return err;
    }
    client->io = io;
    atomic_fetch_add(&io->holders, 1);
    client->allocator = *mem;
    if (log != NULL && log->write != NULL) {
        client->log = *log;
        client->locked_log = (dohle_log_sink){
            .write = write_locked,
            .ctx = client,
            .level_max = log->level_max,
        };
    }
    int result = pthread_mutex_init(&client->log_mutex, NULL);
    DH_ASSERT(result == 0);
    atomic_init(&client->holders, 1);
    dh_queue_init(&client->commands);
    dh_queue_init(&client->notices);
    atomic_init(&client->mark, 0);
    atomic_init(&client->alarm_ns, DH_NEVER);
    atomic_init(&client->linger_ns, 0);
    atomic_init(&client->is_detached, false);
    atomic_init(&client->has_released, false);
    dh_list_init(&client->connections);
    *out = client;
    return 0;
}

const dohle_allocator *dh_io_client_mem(const struct dh_io_client *client)
{
    return &client->allocator;
}

const dohle_log_sink *dh_io_client_log(const struct dh_io_client *client)
{
    return client->locked_log.write != NULL ? &client->locked_log : NULL;
}

void dh_io_client_keep(struct dh_io_client *client, void *kept,
                       void (*free_kept)(const dohle_allocator *mem, void *kept))
{
    DH_ASSERT(client->kept == NULL);
    client->kept = kept;
    client->free_kept = free_kept;
}

void dh_io_client_start(struct dh_io_client *client, const struct dh_engine_calls *calls,
                        void *engine)
{
    DH_ASSERT(client->calls == NULL);
    client->calls = calls;
    client->engine = engine;
    client->is_touched = true;
    atomic_fetch_add(&client->holders, 1);
    (void)dh_queue_push(&client->io->arrivals, &client->link);
    dh_host_wake(client->io->host);
}

void dh_io_client_release(struct dh_io_client *client, int64_t linger_deadline_ns)
{
    if (client != NULL) {
        // The application may end what its sink needs once this has returned.
        int result = pthread_mutex_lock(&client->log_mutex);
        DH_ASSERT(result == 0);
        client->log.write = NULL;
        result = pthread_mutex_unlock(&client->log_mutex);
        DH_ASSERT(result == 0);
        atomic_store(&client->linger_ns, linger_deadline_ns);
        atomic_store(&client->is_detached, true);
        dh_host_wake(client->io->host);
        drop_client(client);
    }
}

void dh_io_client_send(struct dh_io_client *client, struct dh_message *message)
{
    if (dh_queue_push(&client->commands, &message->link)) {
        dh_host_wake(client->io->host);
    }
}

void dh_io_client_send_all(struct dh_io_client *client, struct dh_list *messages)
{
    if (dh_queue_push_all(&client->commands, messages)) {
        dh_host_wake(client->io->host);
    }
}

bool dh_io_client_take(struct dh_io_client *client, struct dh_list *messages)
{
    return dh_queue_take_all(&client->notices, messages);
}

int dh_io_client_fd(const struct dh_io_client *client)
{
    return client->signal.fd;
}

void dh_io_client_signal(struct dh_io_client *client)
{
    dh_fd_signal_set(&client->signal);
}

void dh_io_client_clear(struct dh_io_client *client)
{
    dh_fd_signal_clear(&client->signal);
}

bool dh_io_client_wait(struct dh_io_client *client, int64_t deadline_ns)
{
    return dh_fd_signal_wait(&client->signal, deadline_ns);
}

void dh_io_client_set_alarm(struct dh_io_client *client, int64_t alarm_ns)
{
    // The thread sleeps until the earlier one at most and finds the later one then.
    if (alarm_ns < atomic_exchange(&client->alarm_ns, alarm_ns)) {
        dh_host_wake(client->io->host);
    }
}

void dh_io_client_tell_released(struct dh_io_client *client)
{
    atomic_store(&client->has_released, true);
    dh_host_wake(client->io->host);
}

void dh_io_client_mark(struct dh_io_client *client, struct dh_poll_mark mark)
{
    atomic_store(&client->mark, mark.is_inside ? MARK_INSIDE : mark.left_ns);
}
