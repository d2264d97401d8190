// SPDX-License-Identifier: MIT
/*
 * The I/O thread with an engine of the test: it does what orders tell it and
 * notes what happens to it. Asserts are made on the test's thread only.
 */
#include "api/io_thread.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <dohle/error.h>

#include "../test.h"
#include "base/mem.h"
#include "base/time.h"
#include "host/address.h"
#include "host/clock.h"

#define PATIENCE (8 * DH_SEC)

// ---- An allocator for several threads, which tells when all was given back ----

static atomic_size_t allocated_bytes;

// ctx NULL, or how many more allocations work before all fail.
static void *counted_reallocate(void *ctx, void *pointer, size_t old_size,
                                size_t new_size)
{
    atomic_int *left = ctx;
    if (new_size > 0 && left != NULL && atomic_fetch_sub(left, 1) <= 0) {
        return NULL;
    }
    atomic_fetch_add(&allocated_bytes, new_size - old_size);
    if (new_size == 0) {
        free(pointer);
        return NULL;
    }
    return realloc(pointer, new_size);
}

static const dohle_allocator counted = {NULL, counted_reallocate};

// The thread is never joined: its end is that everything is given back.
static void wait_for_the_end(void)
{
    int64_t deadline_ns = dh_clock_now_ns() + PATIENCE;
    while (atomic_load(&allocated_bytes) > 0) {
        assert_true(dh_clock_now_ns() < deadline_ns);
        (void)sched_yield();
    }
}

// ---- The engine ----

enum order_kind {
    ORDER_ECHO,    // comes back at once
    ORDER_RESOLVE, // name
    ORDER_CONNECT, // the address resolved last
    ORDER_SEND,    // size bytes
    ORDER_CLOSE,   // the connection
    ORDER_ALARM,   // tick when it has come
    ORDER_SIGNALS, // which signals the thread lets through
    ORDER_FINISH,
    NOTE_RESOLVED,
    NOTE_CONNECTED,
    NOTE_RECEIVED,
    NOTE_SENT,
    NOTE_CLOSED,
    NOTE_TICK,
};

// What goes both ways.
struct note {
    struct dh_message message;
    enum order_kind what;
    int64_t number;
    const char *name;
    struct dh_poll_mark mark;
    int err;
};

struct engine {
    struct dh_list events;
    const dohle_allocator *mem;
    struct dh_action action;
    bool has_action;
    uint32_t id;
    struct dh_address address;
    int64_t deadline_ns;
    bool is_finished;
    uint8_t buffer[4096];
    uint8_t *unsent;
    size_t unsent_size;
};

static struct note *new_note(enum order_kind what, int64_t number)
{
    struct note *note = dh_mem_calloc(&counted, 1, sizeof(*note));
    if (note == NULL) {
        abort();
    }
    note->message.size = sizeof(*note);
    note->what = what;
    note->number = number;
    return note;
}

static void free_note(const dohle_allocator *mem, struct dh_message *message)
{
    dh_mem_free(mem, message, message->size);
}

static void post(struct engine *engine, struct note *note)
{
    dh_list_push_back(&engine->events, &note->message.link);
}

static void ask(struct engine *engine, enum dh_action_kind kind)
{
    memset(&engine->action, 0, sizeof(engine->action));
    engine->action.kind = kind;
    engine->action.connection_id = engine->id;
    engine->has_action = true;
}

static void free_unsent(struct engine *engine)
{
    dh_mem_free(engine->mem, engine->unsent, engine->unsent_size);
    engine->unsent = NULL;
}

static void begin_send(struct engine *engine, size_t size)
{
    engine->unsent = dh_mem_alloc(engine->mem, size);
    if (engine->unsent == NULL) {
        abort();
    }
    engine->unsent_size = size;
    for (size_t i = 0; i < size; i++) {
        engine->unsent[i] = (uint8_t)(i % 251);
    }
    ask(engine, DH_ACTION_SEND);
    engine->action.bytes = (dohle_bytes){engine->unsent, size};
}

static int count_open_signals(void)
{
    sigset_t blocked;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return !sigismember(&blocked, SIGINT) + !sigismember(&blocked, SIGTERM) +
           !sigismember(&blocked, SIGUSR1) + !sigismember(&blocked, SIGCHLD);
}

static void engine_input(void *ctx, struct dh_message *message, int64_t now_ns)
{
    (void)now_ns;
    struct engine *engine = ctx;
    struct note *order = DH_CONTAINER_OF(message, struct note, message);
    switch (order->what) {
    case ORDER_ECHO: post(engine, order); return;
    case ORDER_SIGNALS:
        order->number = count_open_signals();
        post(engine, order);
        return;
    case ORDER_RESOLVE:
        engine->id++;
        ask(engine, DH_ACTION_RESOLVE);
        engine->action.host = order->name;
        engine->action.port = (int32_t)order->number;
        break;
    case ORDER_CONNECT:
        engine->id++;
        ask(engine, DH_ACTION_CONNECT);
        engine->action.address = engine->address;
        engine->action.send_buffer_bytes = -1;
        engine->action.receive_buffer_bytes = -1;
        break;
    case ORDER_SEND: begin_send(engine, (size_t)order->number); break;
    case ORDER_CLOSE: ask(engine, DH_ACTION_CLOSE); break;
    case ORDER_ALARM: engine->deadline_ns = order->number; break;
    case ORDER_FINISH: engine->is_finished = true; break;
    case NOTE_RESOLVED:
    case NOTE_CONNECTED:
    case NOTE_RECEIVED:
    case NOTE_SENT:
    case NOTE_CLOSED:
    case NOTE_TICK: abort();
    }
    free_note(engine->mem, message);
}

static void engine_on_resolved(void *ctx, uint32_t id, const struct dh_address *addresses,
                               size_t count, int err, const char *text, int64_t now_ns)
{
    (void)text;
    (void)now_ns;
    struct engine *engine = ctx;
    struct note *note = new_note(NOTE_RESOLVED, (int64_t)count);
    note->err = id == engine->id ? err : -1000;
    if (err == 0) {
        engine->address = addresses[0];
    }
    post(engine, note);
}

static void engine_on_connected(void *ctx, uint32_t id, int64_t now_ns)
{
    (void)now_ns;
    post(ctx, new_note(NOTE_CONNECTED, id));
}

static void engine_on_closed(void *ctx, uint32_t id, int err, const char *text,
                             int64_t now_ns)
{
    (void)text;
    (void)now_ns;
    struct note *note = new_note(NOTE_CLOSED, id);
    note->err = err;
    post(ctx, note);
}

static bool engine_receive_buffer(void *ctx, uint32_t id, uint8_t **pointer,
                                  size_t *capacity)
{
    struct engine *engine = ctx;
    *pointer = engine->buffer;
    *capacity = sizeof(engine->buffer);
    return id == engine->id;
}

static void engine_on_received(void *ctx, uint32_t id, size_t size, int64_t now_ns)
{
    (void)id;
    (void)now_ns;
    struct engine *engine = ctx;
    post(engine, new_note(NOTE_RECEIVED, (int64_t)size));
    // "!" makes the engine forget the connection without a CLOSE of its own yet.
    if (engine->buffer[0] == '!') {
        engine->id++;
    }
}

static void engine_on_sent(void *ctx, uint32_t id, int64_t now_ns)
{
    (void)id;
    (void)now_ns;
    struct engine *engine = ctx;
    free_unsent(engine);
    post(engine, new_note(NOTE_SENT, (int64_t)engine->unsent_size));
}

static bool engine_next_action(void *ctx, struct dh_action *action)
{
    struct engine *engine = ctx;
    *action = engine->action;
    bool has_action = engine->has_action;
    engine->has_action = false;
    return has_action;
}

static struct dh_message *engine_next_event(void *ctx)
{
    struct engine *engine = ctx;
    struct dh_link *link = dh_list_pop_front(&engine->events);
    return link == NULL ? NULL : DH_CONTAINER_OF(link, struct dh_message, link);
}

static int64_t engine_deadline(const void *ctx)
{
    const struct engine *engine = ctx;
    return engine->deadline_ns;
}

static void engine_tick(void *ctx, struct dh_poll_mark mark, int64_t now_ns)
{
    struct engine *engine = ctx;
    struct note *note = new_note(NOTE_TICK, now_ns - engine->deadline_ns);
    note->mark = mark;
    engine->deadline_ns = DH_NEVER;
    post(engine, note);
}

static bool engine_is_finished(const void *ctx)
{
    const struct engine *engine = ctx;
    return engine->is_finished;
}

static void engine_free(void *ctx)
{
    struct engine *engine = ctx;
    for (struct dh_message *message; (message = engine_next_event(engine)) != NULL;) {
        free_note(engine->mem, message);
    }
    free_unsent(engine);
    dh_mem_free(engine->mem, engine, sizeof(*engine));
}

static const struct dh_engine_calls engine_calls = {
    .input = engine_input,
    .on_resolved = engine_on_resolved,
    .on_connected = engine_on_connected,
    .on_closed = engine_on_closed,
    .receive_buffer = engine_receive_buffer,
    .on_received = engine_on_received,
    .on_sent = engine_on_sent,
    .next_action = engine_next_action,
    .next_event = engine_next_event,
    .deadline = engine_deadline,
    .tick = engine_tick,
    .is_finished = engine_is_finished,
    .free = engine_free,
    .free_message = free_note,
};

// ---- The application's side ----

static struct dh_io *new_io(const char *name_servers)
{
    struct dh_io *io = NULL;
    const struct dh_io_options options = {.mem = &counted, .name_servers = name_servers};
    assert_int_equal(0, dh_io_new(&options, &io));
    return io;
}

static void free_kept(const dohle_allocator *mem, void *kept)
{
    dh_mem_free(mem, kept, 100);
}

static struct dh_io_client *new_client_with(struct dh_io *io,
                                            const dohle_allocator *allocator)
{
    struct dh_io_client *client = NULL;
    assert_int_equal(0, dh_io_client_new(io, allocator, NULL, &client));
    struct engine *engine = dh_mem_calloc(dh_io_client_mem(client), 1, sizeof(*engine));
    assert_non_null(engine);
    dh_io_client_keep(client, dh_mem_alloc(dh_io_client_mem(client), 100), free_kept);
    dh_list_init(&engine->events);
    engine->mem = dh_io_client_mem(client);
    engine->deadline_ns = DH_NEVER;
    dh_io_client_start(client, &engine_calls, engine);
    return client;
}

static struct dh_io_client *new_client(struct dh_io *io)
{
    return new_client_with(io, &counted);
}

static void order(struct dh_io_client *client, enum order_kind what, int64_t number,
                  const char *name)
{
    struct note *note = new_note(what, number);
    note->name = name;
    dh_io_client_send(client, &note->message);
}

// The next note, which must be of that kind; taken out of inbox.
static struct note expect(struct dh_io_client *client, struct dh_list *inbox,
                          enum order_kind what)
{
    int64_t deadline_ns = dh_clock_now_ns() + PATIENCE;
    while (dh_list_is_empty(inbox)) {
        dh_io_client_clear(client);
        if (!dh_io_client_take(client, inbox)) {
            assert_true(dh_io_client_wait(client, deadline_ns));
        }
    }
    struct note copy = {.what = ORDER_FINISH};
    struct dh_link *link = dh_list_pop_front(inbox);
    if (link != NULL) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        copy = *DH_CONTAINER_OF(message, struct note, message);
        free_note(&counted, message);
    }
    assert_int_equal(what, copy.what);
    return copy;
}

// A listening socket of the test. Returns its port.
static int listen_on(int *listener)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    *listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(*listener >= 0);
    assert_int_equal(0, bind(*listener, (struct sockaddr *)&name, size));
    assert_int_equal(0, listen(*listener, 8));
    assert_int_equal(0, getsockname(*listener, (struct sockaddr *)&name, &size));
    return ntohs(name.sin_port);
}

static void test_orders_are_answered_in_order(void **state)
{
    (void)state;

    enum { CLIENTS = 3, ORDERS = 3000, WINDOW = 100 };
    struct dh_io *io = new_io(NULL);
    struct dh_io_client *clients[CLIENTS];
    struct dh_list inboxes[CLIENTS];
    for (int c = 0; c < CLIENTS; c++) {
        clients[c] = new_client(io);
        dh_list_init(&inboxes[c]);
    }
    dh_io_release(io);
    for (int i = 0; i < ORDERS + WINDOW; i++) {
        for (int c = 0; c < CLIENTS; c++) {
            if (i < ORDERS) {
                order(clients[c], ORDER_ECHO, i * 10 + c, NULL);
            }
            if (i >= WINDOW) {
                struct note note = expect(clients[c], &inboxes[c], ORDER_ECHO);
                assert_int_equal((i - WINDOW) * 10 + c, note.number);
            }
        }
    }
    for (int c = 0; c < CLIENTS; c++) {
        dh_io_client_release(clients[c], 0);
    }
    wait_for_the_end();
}

static void test_a_connection_from_name_to_end(void **state)
{
    (void)state;

    enum { BIG = 8 << 20 };

    int listener = -1;
    int port = listen_on(&listener);
    struct dh_io *io = new_io(NULL);
    struct dh_io_client *client = new_client(io);
    struct dh_list inbox;
    dh_list_init(&inbox);

    order(client, ORDER_RESOLVE, port, "localhost");
    assert_int_equal(0, expect(client, &inbox, NOTE_RESOLVED).err);
    order(client, ORDER_CONNECT, 0, NULL);
    assert_int_equal(2, expect(client, &inbox, NOTE_CONNECTED).number);
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);

    // More than the kernel buffers: the rest goes when the peer has read.
    order(client, ORDER_SEND, BIG, NULL);
    uint8_t *got = malloc(BIG);
    assert_int_equal(BIG, recv(peer, got, BIG, MSG_WAITALL));
    for (size_t i = 0; i < BIG; i++) {
        assert_true(got[i] == i % 251);
    }
    free(got);
    assert_int_equal(BIG, expect(client, &inbox, NOTE_SENT).number);

    assert_int_equal(5, send(peer, "reply", 5, MSG_NOSIGNAL));
    assert_int_equal(5, expect(client, &inbox, NOTE_RECEIVED).number);
    assert_int_equal(0, close(peer));
    struct note note = expect(client, &inbox, NOTE_CLOSED);
    assert_int_equal(2, note.number);
    assert_int_equal(DOHLE_ERR_DISCONNECTED, note.err);

    // A new socket for the same address, ended by the engine: no report.
    order(client, ORDER_CONNECT, 0, NULL);
    (void)expect(client, &inbox, NOTE_CONNECTED);
    peer = accept(listener, NULL, NULL);
    order(client, ORDER_CLOSE, 0, NULL);
    char byte;
    assert_int_equal(0, recv(peer, &byte, 1, 0));
    assert_int_equal(0, close(peer));

    // One that the engine no longer knows when the next read is due.
    order(client, ORDER_CONNECT, 0, NULL);
    (void)expect(client, &inbox, NOTE_CONNECTED);
    peer = accept(listener, NULL, NULL);
    assert_int_equal(1, send(peer, "!", 1, MSG_NOSIGNAL));
    (void)expect(client, &inbox, NOTE_RECEIVED);
    assert_int_equal(1, send(peer, "?", 1, MSG_NOSIGNAL));
    // The close meets an unread byte, which makes it a reset.
    assert_true(recv(peer, &byte, 1, 0) <= 0);
    assert_int_equal(0, close(peer));

    assert_int_equal(0, close(listener));
    order(client, ORDER_CONNECT, 0, NULL);
    note = expect(client, &inbox, NOTE_CLOSED);
    assert_int_equal(DOHLE_ERR_CONNECT, note.err);
    dh_io_client_release(client, 0);
    dh_io_release(io);
    wait_for_the_end();
}

static void test_ticks_carry_the_mark_and_are_not_early(void **state)
{
    (void)state;
    static const struct dh_poll_mark rows[] = {{true, 0}, {false, 12345}, {false, 0}};
    struct dh_io *io = new_io(NULL);
    struct dh_io_client *client = new_client(io);
    struct dh_list inbox;
    dh_list_init(&inbox);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        dh_io_client_mark(client, rows[i]);
        order(client, ORDER_ALARM, dh_clock_now_ns() + 2 * DH_MS, NULL);
        struct note note = expect(client, &inbox, NOTE_TICK);
        assert_true(note.number >= 0);
        assert_int_equal(rows[i].is_inside, note.mark.is_inside);
        assert_int_equal(rows[i].left_ns, note.mark.left_ns);
    }
    dh_io_client_release(client, 0);
    dh_io_release(io);
    wait_for_the_end();
}

static void test_the_alarm_sets_the_descriptor(void **state)
{
    (void)state;
    struct dh_io *io = new_io(NULL);
    struct dh_io_client *client = new_client(io);
    for (int i = 0; i < 20; i++) {
        int64_t alarm_ns = dh_clock_now_ns() + DH_MS / 4;
        dh_io_client_set_alarm(client, dh_clock_now_ns() + DH_SEC);
        dh_io_client_set_alarm(client, alarm_ns);
        // The setter's last step may make it readable once more than it was set.
        do {
            assert_true(dh_io_client_wait(client, dh_clock_now_ns() + PATIENCE));
            dh_io_client_clear(client);
        } while (dh_clock_now_ns() < alarm_ns);
    }
    dh_io_client_set_alarm(client, dh_clock_now_ns());
    dh_io_client_set_alarm(client, DH_NEVER);
    dh_io_client_release(client, 0);
    dh_io_release(io);
    wait_for_the_end();
}

static void test_the_thread_takes_no_signals(void **state)
{
    (void)state;
    struct dh_io *io = new_io(NULL);
    struct dh_io_client *client = new_client(io);
    struct dh_list inbox;
    dh_list_init(&inbox);
    order(client, ORDER_SIGNALS, 0, NULL);
    assert_int_equal(0, expect(client, &inbox, ORDER_SIGNALS).number);
    assert_int_equal(4, count_open_signals()); // ours are as they were
    dh_io_client_release(client, 0);
    dh_io_release(io);
    wait_for_the_end();
}

// The engine is finished only after the application has let go.
static void test_what_is_unfinished_goes_on_alone(void **state)
{
    (void)state;
    int listener = -1;
    int port = listen_on(&listener);
    struct dh_io *io = new_io(NULL);
    struct dh_io_client *client = new_client(io);
    dh_io_release(io);
    struct dh_list inbox;
    dh_list_init(&inbox);
    order(client, ORDER_RESOLVE, port, "127.0.0.1");
    (void)expect(client, &inbox, NOTE_RESOLVED);
    order(client, ORDER_CONNECT, 0, NULL);
    (void)expect(client, &inbox, NOTE_CONNECTED);
    int peer = accept(listener, NULL, NULL);

    enum { LAST = 4 << 20 };

    order(client, ORDER_SEND, LAST, NULL);
    dh_io_client_release(client, dh_clock_now_ns() + PATIENCE);
    uint8_t *got = malloc(LAST);
    assert_int_equal(LAST, recv(peer, got, LAST, MSG_WAITALL));
    free(got);
    // Nobody can finish this engine any more, but its time can be over.
    assert_true(atomic_load(&allocated_bytes) > 0);
    assert_int_equal(0, close(peer));
    assert_int_equal(0, close(listener));
}

static void test_going_on_alone_has_an_end(void **state)
{
    (void)state;
    struct dh_io *io = new_io(NULL);
    struct dh_io_client *client = new_client(io);
    order(client, ORDER_FINISH, 0, NULL);
    dh_io_client_release(client, DH_NEVER);
    client = new_client(io);
    dh_io_client_release(client, dh_clock_now_ns() + 2 * DH_MS);
    dh_io_release(io);
    wait_for_the_end();
}

static void test_letting_go_never_waits(void **state)
{
    (void)state;
    // A name server that never answers.
    struct sockaddr_in name = {.sin_family = AF_INET};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(server, (struct sockaddr *)&name, size));
    assert_int_equal(0, getsockname(server, (struct sockaddr *)&name, &size));
    struct dh_address address;
    char text[DH_ADDRESS_TEXT_SIZE];
    dh_address_init(&address, (struct sockaddr *)&name, size);

    int64_t begin_ns = dh_clock_now_ns();
    struct dh_io *io = new_io(dh_address_format(&address, text));
    struct dh_io_client *client = new_client(io);
    order(client, ORDER_RESOLVE, 1, "silent.example.org.");
    uint8_t question[512];
    assert_true(recv(server, question, sizeof(question), 0) > 0);
    order(client, ORDER_ECHO, 1, NULL); // an answer that nobody takes
    dh_io_client_release(client, 0);
    dh_io_release(io);
    wait_for_the_end();
    assert_true(dh_clock_now_ns() - begin_ns < 4 * DH_SEC);
    assert_int_equal(0, close(server));
}

static void test_a_client_that_was_never_started(void **state)
{
    (void)state;
    struct dh_io *io = new_io(NULL);
    struct dh_io_client *client = NULL;
    assert_int_equal(0, dh_io_client_new(io, &counted, NULL, &client));
    assert_null(dh_io_client_log(client));
    dh_io_client_release(client, 0);
    dh_io_client_release(NULL, 0);
    dh_io_release(io);
    dh_io_release(NULL);
    wait_for_the_end();
}

static void test_no_memory_for_the_thread_or_a_client(void **state)
{
    (void)state;
    for (int works = 0; works < 2; works++) {
        atomic_int left;
        atomic_init(&left, works);
        const dohle_allocator failing = {&left, counted_reallocate};
        const struct dh_io_options options = {.mem = &failing};
        struct dh_io *io = NULL;
        assert_int_equal(DOHLE_ERR_NO_MEMORY, dh_io_new(&options, &io));
    }
    struct dh_io *io = new_io(NULL);
    atomic_int left;
    atomic_init(&left, 0);
    const dohle_allocator failing = {&left, counted_reallocate};
    struct dh_io_client *client = NULL;
    assert_int_equal(DOHLE_ERR_NO_MEMORY, dh_io_client_new(io, &failing, NULL, &client));
    dh_io_release(io);
    wait_for_the_end();
}

// The engine hears of it as of any other failure, and nothing is left behind.
static void test_no_memory_for_a_connection(void **state)
{
    (void)state;
    atomic_int left;
    atomic_init(&left, 1000);
    const dohle_allocator failing = {&left, counted_reallocate};
    struct dh_io *io = NULL;
    const struct dh_io_options options = {.mem = &failing};
    assert_int_equal(0, dh_io_new(&options, &io));
    struct dh_io_client *client = new_client_with(io, &failing);
    struct dh_list inbox;
    dh_list_init(&inbox);
    order(client, ORDER_RESOLVE, 1, "127.0.0.1");
    assert_int_equal(0, expect(client, &inbox, NOTE_RESOLVED).err);
    for (int works = 0; works < 2; works++) {
        atomic_store(&left, works);
        order(client, ORDER_RESOLVE, 1, "127.0.0.1");
        assert_int_equal(DOHLE_ERR_NO_MEMORY, expect(client, &inbox, NOTE_RESOLVED).err);
        atomic_store(&left, works);
        order(client, ORDER_CONNECT, 0, NULL);
        assert_int_equal(DOHLE_ERR_NO_MEMORY, expect(client, &inbox, NOTE_CLOSED).err);
    }
    dh_io_client_release(client, 0);
    dh_io_release(io);
    wait_for_the_end();
}

struct log_seen {
    int lines; // not atomic: the lock of the log must be enough
};

static void count_line(void *ctx, const dohle_log_line *line)
{
    (void)line;
    struct log_seen *seen = ctx;
    seen->lines++;
}

static void *write_lines(void *ctx)
{
    const dohle_log_sink *sink = ctx;
    const dohle_log_line line = {DOHLE_LOG_INFO, "test", "a line"};
    for (int i = 0; i < 1000; i++) {
        sink->write(sink->ctx, &line);
    }
    return NULL;
}

static void test_log_lines_come_one_at_a_time(void **state)
{
    (void)state;
    struct log_seen seen = {0};
    const dohle_log_sink sink = {count_line, &seen, DOHLE_LOG_WARNING};
    struct dh_io *io = new_io(NULL);
    struct dh_io_client *client = NULL;
    assert_int_equal(0, dh_io_client_new(io, &counted, &sink, &client));
    dohle_log_sink locked = *dh_io_client_log(client);
    assert_int_equal(DOHLE_LOG_WARNING, locked.level_max);
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, write_lines, &locked));
    (void)write_lines(&locked);
    assert_int_equal(0, pthread_join(thread, NULL));
    assert_int_equal(2000, seen.lines);
    dh_io_client_release(client, 0);
    dh_io_release(io);
    wait_for_the_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_are_answered_in_order),
        cmocka_unit_test(test_a_connection_from_name_to_end),
        cmocka_unit_test(test_ticks_carry_the_mark_and_are_not_early),
        cmocka_unit_test(test_the_alarm_sets_the_descriptor),
        cmocka_unit_test(test_the_thread_takes_no_signals),
        cmocka_unit_test(test_going_on_alone_has_an_end),
        cmocka_unit_test(test_letting_go_never_waits),
        cmocka_unit_test(test_a_client_that_was_never_started),
        cmocka_unit_test(test_no_memory_for_the_thread_or_a_client),
        cmocka_unit_test(test_no_memory_for_a_connection),
        cmocka_unit_test(test_log_lines_come_one_at_a_time),
        cmocka_unit_test(test_what_is_unfinished_goes_on_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
