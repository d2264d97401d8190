// SPDX-License-Identifier: MIT
#include "api/broker_server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/strings.h"
#include "base/time.h"
#include "host/clock.h"

// How long a clean end waits for clients that do not read their answers.
#define DRAIN_MS 200

static int fail(char text[DH_BROKER_SERVER_TEXT_SIZE], int err, const char *why)
{
    (void)snprintf(text, DH_BROKER_SERVER_TEXT_SIZE, "%s", why);
    return err;
}

static int fail_memory(char text[DH_BROKER_SERVER_TEXT_SIZE])
{
    return fail(text, DOHLE_ERR_NO_MEMORY, "out of memory");
}

static void lock(struct dh_broker_server *server)
{
    int result = pthread_mutex_lock(&server->mutex);
    DH_ASSERT(result == 0);
}

static void unlock(struct dh_broker_server *server)
{
    int result = pthread_mutex_unlock(&server->mutex);
    DH_ASSERT(result == 0);
}

// ---- Tasks ----

static void answer(struct dh_broker_task *task, int err, const char *text)
{
    task->command.err = err;
    dh_buf_reset(&task->command.text);
    dh_buf_append(&task->command.text, text, strlen(text));
    task->done(task);
}

static bool is_verb(const char *line, const char *verb)
{
    line += strspn(line, " ");
    size_t size = strlen(verb);
    return strncmp(line, verb, size) == 0 && (line[size] == '\0' || line[size] == ' ');
}

// "restart" or "restart crash", from the control port or the library.
static void begin_restart(struct dh_broker_server *server, struct dh_broker_task *task)
{
    const char *rest = strstr(task->command.line, "restart") + strlen("restart");
    rest += strspn(rest, " ");
    bool is_crash = is_verb(rest, "crash");
    if (!is_crash && *rest != '\0') {
        answer(task, DOHLE_ERR_INVALID_ARGUMENT,
               "restart: allowed: restart, restart crash");
        return;
    }
    if (server->ending != DH_BROKER_ENDING_NOT) {
        answer(task, DOHLE_ERR_INVALID_STATE, "the broker is ending already");
        return;
    }
    server->restart_task = task;
    server->ending = is_crash ? DH_BROKER_ENDING_CRASH : DH_BROKER_ENDING_RESTART;
}

void dh_broker_server_give(struct dh_broker_server *server, struct dh_broker_task *task)
{
    if (server->engine == NULL || server->is_closing) {
        answer(task, DOHLE_ERR_CLOSED, "the broker has ended");
    } else if (is_verb(task->command.line, "restart")) {
        begin_restart(server, task);
    } else {
        dh_broker_input(server->engine, &task->command, dh_clock_now_ns());
    }
}

static void take_posted(struct dh_broker_server *server)
{
    struct dh_list posted;
    dh_list_init(&posted);
    (void)dh_queue_take_all(&server->posted, &posted);
    for (struct dh_link *link; (link = dh_list_pop_front(&posted)) != NULL;) {
        struct dh_broker_command *command =
            DH_CONTAINER_OF(link, struct dh_broker_command, link);
        dh_broker_server_give(server,
                              DH_CONTAINER_OF(command, struct dh_broker_task, command));
    }
}

// True: there was one.
static bool hand_back(struct dh_broker_server *server)
{
    bool has_any = false;
    for (struct dh_broker_command *command;
         (command = dh_broker_next_event(server->engine)) != NULL;) {
        struct dh_broker_task *task =
            DH_CONTAINER_OF(command, struct dh_broker_task, command);
        task->done(task);
        has_any = true;
    }
    return has_any;
}

// ---- The engine ----

// An answered task may be followed by another, and either by actions: until all is quiet.
static void settle(struct dh_broker_server *server)
{
    do {
        dh_broker_sockets_do_actions(server);
    } while (hand_back(server));
}

// Makes the engine and lets its nodes listen.
static int open_engine(struct dh_broker_server *server,
                       char text[DH_BROKER_SERVER_TEXT_SIZE])
{
    struct dh_broker_options options = server->options;
    options.now_ns = dh_clock_now_ns();
    options.wall_ms = dh_clock_wall_ms();
    // The first time any port that is free, later the one that clients know.
    for (size_t i = 0; i < options.node_count; i++) {
        server->nodes[i].address = server->doors[i].address;
    }
    (void)fail(text, 0, "the broker does not start");
    int err = dh_broker_new(&options, &server->engine, text, DH_BROKER_SERVER_TEXT_SIZE);
    if (err != 0) {
        server->engine = NULL;
        return err;
    }
    server->listen_err = 0;
    settle(server);
    if (server->listen_err != 0) {
        return fail(text, server->listen_err, server->listen_text);
    }
    DH_ASSERT(dh_broker_is_serving(server->engine));
    return 0;
}

// Sockets first: the engine owns what they send.
static void close_engine(struct dh_broker_server *server, bool is_clean)
{
    dh_broker_sockets_close_all(server);
    dh_broker_sockets_close_doors(server);
    if (server->engine == NULL) {
        return;
    }
    if (!is_clean && server->files != NULL) {
        dh_files_forget_syncs(server->files);
    }
    // What a peer of the control port has sent behind its wait is closed, too.
    server->is_closing = true;
    dh_broker_close_commands(server->engine);
    (void)hand_back(server);
    server->is_closing = false;
    dh_broker_free(server->engine, is_clean);
    server->engine = NULL;
}

// ---- Ends, on the broker's thread ----

static bool is_drained(const struct dh_broker_server *server)
{
    if (server->files != NULL && dh_files_is_syncing(server->files)) {
        return false;
    }
    return !dh_broker_sockets_is_sending(server) ||
           dh_clock_now_ns() >= server->drain_deadline_ns;
}

static void reopen(struct dh_broker_server *server, bool is_clean)
{
    close_engine(server, is_clean);
    char text[DH_BROKER_SERVER_TEXT_SIZE];
    server->ending = DH_BROKER_ENDING_NOT;
    int err = open_engine(server, text);
    if (err != 0) {
        close_engine(server, true);
        server->ending = DH_BROKER_ENDING_FAILED;
    }
    server->drain_deadline_ns = DH_NEVER;
    struct dh_broker_task *task = server->restart_task;
    server->restart_task = NULL;
    answer(task, err, err == 0 ? "" : text);
}

// What is wished from outside outdoes what is under way.
static void take_wish(struct dh_broker_server *server)
{
    lock(server);
    enum dh_broker_ending wished = server->wished;
    unlock(server);
    if (wished == DH_BROKER_ENDING_NOT || wished == server->ending) {
        return;
    }
    server->ending = wished;
    if (server->restart_task != NULL) {
        struct dh_broker_task *task = server->restart_task;
        server->restart_task = NULL;
        answer(task, DOHLE_ERR_CLOSED, "the broker has ended");
    }
}

// A step toward the end that was asked for.
static void advance_ending(struct dh_broker_server *server)
{
    bool waits = server->ending == DH_BROKER_ENDING_STOP ||
                 server->ending == DH_BROKER_ENDING_RESTART;
    if (waits && server->engine != NULL) {
        if (server->drain_deadline_ns == DH_NEVER) {
            server->drain_deadline_ns = dh_deadline_after_ms(dh_clock_now_ns(), DRAIN_MS);
            dh_broker_sockets_close_doors(server);
        }
        if (!is_drained(server)) {
            return;
        }
    }
    switch (server->ending) {
    case DH_BROKER_ENDING_NOT:
    case DH_BROKER_ENDING_FAILED:
    case DH_BROKER_ENDING_OVER: break;
    case DH_BROKER_ENDING_STOP:
    case DH_BROKER_ENDING_KILL:
        close_engine(server, server->ending == DH_BROKER_ENDING_STOP);
        server->ending = DH_BROKER_ENDING_OVER;
        break;
    case DH_BROKER_ENDING_RESTART: reopen(server, true); break;
    case DH_BROKER_ENDING_CRASH: reopen(server, false); break;
    }
}

// ---- The thread ----

// Whatever there is to do without waiting. Returns when to look again.
static int64_t turn(struct dh_broker_server *server)
{
    take_posted(server);
    if (server->engine == NULL) {
        return DH_NEVER;
    }
    int64_t now_ns = dh_clock_now_ns();
    dh_broker_set_wall(server->engine, dh_clock_wall_ms(), now_ns);
    if (dh_broker_deadline(server->engine) <= now_ns) {
        dh_broker_tick(server->engine, now_ns);
    }
    settle(server);
    return dh_broker_deadline(server->engine);
}

static void free_server(struct dh_broker_server *server)
{
    dh_broker_control_port_free(server->control_port);
    dh_broker_sockets_deinit(server);
    dh_files_free(server->files);
    dh_memory_files_free(server->memory_files);
    dh_host_free(server->host);
    dh_queue_deinit(&server->posted);
    dh_buf_deinit(&server->bootstrap);
    dh_buf_deinit(&server->recovery);
    dh_arena_deinit(&server->arena);
    int result = pthread_cond_destroy(&server->changed);
    DH_ASSERT(result == 0);
    result = pthread_mutex_destroy(&server->mutex);
    DH_ASSERT(result == 0);
    result = pthread_mutex_destroy(&server->log_mutex);
    DH_ASSERT(result == 0);
    const dohle_allocator mem = server->allocator;
    dh_mem_free(&mem, server, sizeof(*server));
}

static void broadcast(struct dh_broker_server *server)
{
    int result = pthread_cond_broadcast(&server->changed);
    DH_ASSERT(result == 0);
}

// Waits for the next change, at most until the deadline.
static void wait_changed(struct dh_broker_server *server, int64_t deadline_ns)
{
    if (deadline_ns == DH_NEVER) {
        int result = pthread_cond_wait(&server->changed, &server->mutex);
        DH_ASSERT(result == 0);
        return;
    }
    const struct timespec until = {
        .tv_sec = (time_t)(deadline_ns / DH_SEC),
        .tv_nsec = (long)(deadline_ns % DH_SEC),
    };
    int result = pthread_cond_timedwait(&server->changed, &server->mutex, &until);
    DH_ASSERT(result == 0 || result == ETIMEDOUT);
}

// What was posted while it ended is answered. An orphan frees itself.
static void leave(struct dh_broker_server *server)
{
    take_posted(server);
    lock(server);
    server->has_ended = true;
    broadcast(server);
    bool is_orphan = server->is_orphan;
    while (is_orphan && server->caller_count > 0) {
        wait_changed(server, DH_NEVER);
    }
    unlock(server);
    if (is_orphan) {
        free_server(server);
    }
}

static void *run_thread(void *ctx)
{
    struct dh_broker_server *server = ctx;
    for (;;) {
        take_wish(server);
        int64_t deadline_ns = turn(server);
        enum dh_broker_ending before = server->ending;
        advance_ending(server);
        if (server->ending == DH_BROKER_ENDING_OVER) {
            break;
        }
        if (server->ending != before) {
            continue; // a new engine has something to say
        }
        if (server->ending != DH_BROKER_ENDING_NOT) {
            deadline_ns = dh_earlier(deadline_ns, server->drain_deadline_ns);
        }
        dh_host_run_once(server->host, deadline_ns);
    }
    leave(server);
    return NULL;
}

// Starts the thread, that no signal is delivered to.
static int start_thread(struct dh_broker_server *server)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    int result = pthread_sigmask(SIG_SETMASK, &all, &before);
    DH_ASSERT(result == 0);
    int created = pthread_create(&server->thread, NULL, run_thread, server);
    result = pthread_sigmask(SIG_SETMASK, &before, NULL);
    DH_ASSERT(result == 0);
    return created == 0 ? 0 : DOHLE_ERR_IO;
}

// ---- Options ----

bool dh_broker_parse_address(struct dh_address *address, const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    if (colon == NULL ||
        dh_parse_int64(dh_bytes_of(colon + 1), 0, UINT16_MAX, &port) != 0) {
        return false;
    }
    char host[DH_ADDRESS_TEXT_SIZE];
    size_t size = (size_t)(colon - text);
    if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    if (size >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, size);
    host[size] = '\0';
    const char *name = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    return dh_address_parse(address, name, (uint16_t)port);
}

// A copy that lives as long as the server; NULL stays NULL. *err is NO_MEMORY, or left alone.
static const char *keep(struct dh_broker_server *server, const char *text, int *err)
{
    if (text == NULL) {
        return NULL;
    }
    size_t size = strlen(text) + 1;
    char *copy = dh_arena_alloc(&server->arena, size);
    if (copy == NULL) {
        *err = DOHLE_ERR_NO_MEMORY;
        return NULL;
    }
    memcpy(copy, text, size);
    return copy;
}

static int keep_settings(struct dh_broker_server *server,
                         const dohle_broker_options *options)
{
    const char **settings =
        dh_arena_calloc(&server->arena, options->setting_count, sizeof(*settings));
    int err = settings == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    for (size_t i = 0; err == 0 && i < options->setting_count; i++) {
        settings[i] = keep(server, options->settings[i], &err);
    }
    server->options.settings = settings;
    server->options.setting_count = options->setting_count;
    return err;
}

static bool is_everywhere(const struct dh_address *address)
{
    char text[DH_ADDRESS_TEXT_SIZE];
    const char *host = dh_address_host(address, text);
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static int keep_nodes(struct dh_broker_server *server,
                      const dohle_broker_options *options,
                      char text[DH_BROKER_SERVER_TEXT_SIZE])
{
    int err = 0;
    int32_t count = options->node_count == 0 ? 1 : options->node_count;
    if (count < 1 || count > DH_BROKER_NODES_MAX) {
        return fail(text, DOHLE_ERR_INVALID_ARGUMENT, "a broker has 1 to 16 nodes");
    }
    const char *host = options->host != NULL ? options->host : "127.0.0.1";
    host = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    for (int32_t i = 0; i < count; i++) {
        uint16_t port = options->ports != NULL ? options->ports[i] : 0;
        if (!dh_address_parse(&server->nodes[i].address, host, port)) {
            return fail(text, DOHLE_ERR_INVALID_ARGUMENT,
                        "the host to listen at is an address in figures");
        }
        const char *rack = options->racks != NULL ? options->racks[i] : NULL;
        server->nodes[i].rack = keep(server, rack, &err);
    }
    server->advertised_host = keep(server, options->advertised_host, &err);
    if (server->advertised_host == NULL && is_everywhere(&server->nodes[0].address)) {
        return fail(text, DOHLE_ERR_INVALID_ARGUMENT,
                    "a broker that listens everywhere needs an advertised host: what "
                    "clients are to connect to");
    }
    server->options.nodes = server->nodes;
    server->options.node_count = (size_t)count;
    return err == 0 ? 0 : fail_memory(text);
}

static int keep_options(struct dh_broker_server *server,
                        const dohle_broker_options *options,
                        char text[DH_BROKER_SERVER_TEXT_SIZE])
{
    int err = keep_nodes(server, options, text);
    if (err != 0) {
        return err;
    }
    server->directory = keep(server, options->directory, &err);
    if (err != 0 || keep_settings(server, options) != 0) {
        return fail_memory(text);
    }
    if (options->is_synced != 0 && options->directory == NULL) {
        return fail(text, DOHLE_ERR_INVALID_ARGUMENT,
                    "there is nothing to sync without a directory");
    }
    server->options.mem = &server->allocator;
    server->options.log = &server->log;
    server->options.mode = options->is_synced != 0 ? DH_STORE_SYNCED : DH_STORE_CACHED;
    server->options.is_clock_manual = options->has_manual_clock != 0;
    server->options.seed = options->seed;
    if (options->seed == 0 &&
        dh_entropy(&server->options.seed, sizeof(server->options.seed)) != 0) {
        return fail(text, DOHLE_ERR_IO, "the system gives no random bytes");
    }
    return 0;
}

// ---- Start ----

static int open_files(struct dh_broker_server *server,
                      char text[DH_BROKER_SERVER_TEXT_SIZE])
{
    if (server->directory == NULL) {
        server->memory_files = dh_memory_files_new(&server->allocator);
        if (server->memory_files == NULL) {
            return fail_memory(text);
        }
        server->options.vfs = dh_memory_files_vfs(server->memory_files);
        return 0;
    }
    char why[DH_FILES_TEXT_SIZE];
    int err = dh_files_new(server->host, server->directory, &server->files, why);
    if (err != 0) {
        server->files = NULL;
        return fail(text, err, why);
    }
    server->options.vfs = dh_files_vfs(server->files);
    return 0;
}

// The sentence of dohle_broker_recovery.
static void describe_recovery(struct dh_broker_server *server)
{
    const struct dh_store_recovery *recovery = dh_broker_recovery(server->engine);
    struct dh_buf *out = &server->recovery;
    if (server->directory == NULL || recovery->logs == 0) {
        dh_buf_printf(out, "there was nothing to recover");
    } else if (recovery->was_clean) {
        dh_buf_printf(out, "%llu logs, cleanly stopped before",
                      (unsigned long long)recovery->logs);
    } else {
        dh_buf_printf(out, "%llu logs, not cleanly stopped: %llu bytes checked",
                      (unsigned long long)recovery->logs,
                      (unsigned long long)recovery->bytes_checked);
    }
    if (recovery->torn_logs > 0) {
        dh_buf_printf(out,
                      ", %llu bytes of %llu torn tails cut and saved beside the logs",
                      (unsigned long long)recovery->torn_bytes,
                      (unsigned long long)recovery->torn_logs);
    }
    if (recovery->indexes_rebuilt > 0) {
        dh_buf_printf(out, ", %llu indexes rebuilt",
                      (unsigned long long)recovery->indexes_rebuilt);
    }
    dh_buf_append_byte(out, 0);
}

static int open_all(struct dh_broker_server *server, const dohle_broker_options *options,
                    char text[DH_BROKER_SERVER_TEXT_SIZE])
{
    int err = keep_options(server, options, text);
    if (err != 0) {
        return err;
    }
    const struct dh_host_options host_options = {.mem = &server->allocator};
    err = dh_host_new(&host_options, &server->host);
    if (err != 0) {
        server->host = NULL;
        return fail(text, err,
                    err == DOHLE_ERR_NO_MEMORY ? "out of memory"
                                               : "no descriptors are left for a loop");
    }
    err = open_files(server, text);
    if (err != 0) {
        return err;
    }
    dh_broker_sockets_init(server);
    if (options->control != NULL) {
        err = dh_broker_control_port_new(server, options->control, text);
    }
    if (err == 0) {
        err = open_engine(server, text);
    }
    if (err == 0) {
        err = dh_broker_bootstrap(server->engine, &server->bootstrap);
        dh_buf_append_byte(&server->bootstrap, 0);
        describe_recovery(server);
        err = err != 0 ? err : server->bootstrap.err;
        err = err != 0 ? err : server->recovery.err;
        err = err != 0 ? fail_memory(text) : 0;
    }
    return err;
}

static void write_locked(void *ctx, const dohle_log_line *line)
{
    struct dh_broker_server *server = ctx;
    int result = pthread_mutex_lock(&server->log_mutex);
    DH_ASSERT(result == 0);
    if (server->user_log.write != NULL) {
        server->user_log.write(server->user_log.ctx, line);
    }
    result = pthread_mutex_unlock(&server->log_mutex);
    DH_ASSERT(result == 0);
}

static void init_server(struct dh_broker_server *server, const dohle_allocator *mem,
                        const dohle_log_sink *log)
{
    server->allocator = *mem;
    if (log != NULL && log->write != NULL) {
        server->user_log = *log;
        server->log = (dohle_log_sink){write_locked, server, log->level_max};
    }
    dh_arena_init(&server->arena, &server->allocator, 0);
    dh_buf_init(&server->bootstrap, &server->allocator, 0);
    dh_buf_init(&server->recovery, &server->allocator, 0);
    dh_map_init(&server->connections, &server->allocator, 0);
    dh_queue_init(&server->posted);
    server->ending = DH_BROKER_ENDING_NOT;
    server->wished = DH_BROKER_ENDING_NOT;
    server->drain_deadline_ns = DH_NEVER;
    int result = pthread_mutex_init(&server->log_mutex, NULL);
    DH_ASSERT(result == 0);
    result = pthread_mutex_init(&server->mutex, NULL);
    DH_ASSERT(result == 0);
    pthread_condattr_t attributes;
    result = pthread_condattr_init(&attributes);
    DH_ASSERT(result == 0);
    result = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    DH_ASSERT(result == 0);
    result = pthread_cond_init(&server->changed, &attributes);
    DH_ASSERT(result == 0);
    (void)pthread_condattr_destroy(&attributes);
}

int dh_broker_server_start(const dohle_broker_options *options,
                           struct dh_broker_server **out,
                           char text[DH_BROKER_SERVER_TEXT_SIZE])
{
    const dohle_allocator *mem =
        options->allocator != NULL ? options->allocator : dh_mem_default();
    struct dh_broker_server *server = dh_mem_calloc(mem, 1, sizeof(*server));
    if (server == NULL) {
        return fail_memory(text);
    }
    init_server(server, mem, options->log);
    int err = open_all(server, options, text);
    if (err == 0) {
        err = start_thread(server);
        if (err != 0) {
            (void)fail(text, err, "the system gives no thread");
        }
    }
    if (err != 0) {
        close_engine(server, true);
        free_server(server);
        return err;
    }
    *out = server;
    return 0;
}

// ---- Other threads ----

// The application may end what its sink needs once this has returned.
static void silence(struct dh_broker_server *server)
{
    int result = pthread_mutex_lock(&server->log_mutex);
    DH_ASSERT(result == 0);
    server->user_log.write = NULL;
    result = pthread_mutex_unlock(&server->log_mutex);
    DH_ASSERT(result == 0);
}

int dh_broker_server_end(struct dh_broker_server *server, enum dh_broker_ending how,
                         int64_t deadline_ns)
{
    lock(server);
    server->wished = how;
    unlock(server);
    dh_host_wake(server->host);
    lock(server);
    while (!server->has_ended && dh_clock_now_ns() < deadline_ns) {
        wait_changed(server, deadline_ns);
    }
    if (!server->has_ended) {
        silence(server);
        pthread_t thread = server->thread;
        server->is_orphan = true;
        unlock(server);
        (void)pthread_detach(thread);
        return DOHLE_ERR_TIMEOUT;
    }
    while (server->caller_count > 0) {
        wait_changed(server, DH_NEVER);
    }
    unlock(server);
    int result = pthread_join(server->thread, NULL);
    DH_ASSERT(result == 0);
    free_server(server);
    return 0;
}

// A task of a thread that sleeps until it is done.
struct call {
    struct dh_broker_task task;
    struct dh_broker_server *server;
    bool is_done; // guarded by the server's mutex
};

static void on_call_done(struct dh_broker_task *task)
{
    struct call *call = DH_CONTAINER_OF(task, struct call, task);
    struct dh_broker_server *server = call->server;
    lock(server);
    call->is_done = true;
    broadcast(server);
    unlock(server);
}

void dh_broker_server_enter(struct dh_broker_server *server)
{
    lock(server);
    server->caller_count++;
    unlock(server);
}

void dh_broker_server_leave(struct dh_broker_server *server)
{
    lock(server);
    server->caller_count--;
    broadcast(server);
    unlock(server);
}

void dh_broker_server_call(struct dh_broker_server *server,
                           struct dh_broker_command *command)
{
    struct call call = {.server = server};
    call.task.command = *command;
    call.task.command.link = (struct dh_link){0};
    call.task.done = on_call_done;
    dh_buf_init(&call.task.command.text, &server->allocator, 0);
    (void)dh_queue_push(&server->posted, &call.task.command.link);
    dh_host_wake(server->host);
    lock(server);
    while (!call.is_done) {
        wait_changed(server, DH_NEVER);
    }
    unlock(server);
    *command = call.task.command;
}
