// SPDX-License-Identifier: MIT
/*
 * The broker's thread: drives the engine (broker/broker.h) with a host loop, its listening
 * sockets, its files, and commands from other threads.
 *
 *     any thread                                        the broker's thread
 *       dh_broker_server_call   ->  queue of tasks  ->  dh_broker_input
 *         (sleeps)              <-  condition       <-  dh_broker_next_event
 *                                   sockets         <-> on_accepted, on_received, next_action
 *                                   files           <-> the store's vfs
 *
 * The engine is made, and its nodes listen, before the thread is started: who starts a
 * broker hears of every error, and a client that connects at once is served.
 *
 * A task is a command that knows whom to tell. It travels and comes back: calls of the
 * library live on the caller's stack, lines of the control port in their connection. The
 * verb "restart" is the shell's own, since the engine is what is restarted.
 *
 * Ends, each one state of `ending`:
 *     stop      drain (nobody is accepted, nothing is read; syncs end and what was answered is
 *               sent), then the engine ends cleanly
 *     kill      the engine ends as if killed; syncs that the disk is not busy with are dropped
 *     restart   one of both, and then a new engine on the same files and ports
 *
 * A stop that takes longer than its caller waits leaves the thread to itself: it frees
 * everything when the disk answers.
 *
 *     broker_server         the thread, its life, tasks (this file)
 *     broker_sockets        clients
 *     broker_control_port   lines of text on a socket
 */
#ifndef DH_API_BROKER_SERVER_H
#define DH_API_BROKER_SERVER_H

#include <pthread.h>
#include <stdbool.h>

#include <dohle/broker.h>
#include <dohle/log.h>

#include "api/queue.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/map.h"
#include "broker/broker.h"
#include "host/files.h"
#include "host/host.h"
#include "host/listener.h"
#include "store/memory_files.h"

#define DH_BROKER_SERVER_TEXT_SIZE 400

struct dh_broker_server;
struct dh_broker_control_port;

// A command that knows whom to tell. In the block of whoever gives it.
struct dh_broker_task {
    struct dh_broker_command command;
    // Answered, on the broker's thread; the task is its maker's again.
    void (*done)(struct dh_broker_task *task);
};

enum dh_broker_ending {
    /* Serves.
     *   -> any other   asked for */
    DH_BROKER_ENDING_NOT,
    /* Waits for syncs and sockets.
     *   -> OVER        drained */
    DH_BROKER_ENDING_STOP,
    // -> OVER, at once
    DH_BROKER_ENDING_KILL,
    /* As STOP.
     *   -> NOT         drained, and a new engine serves
     *   -> FAILED      it does not */
    DH_BROKER_ENDING_RESTART,
    // -> NOT or FAILED, at once
    DH_BROKER_ENDING_CRASH,
    /* There is no engine. Tasks are answered with DOHLE_ERR_CLOSED.
     *   -> OVER        STOP or KILL */
    DH_BROKER_ENDING_FAILED,
    // The thread has left its loop.
    DH_BROKER_ENDING_OVER,
};

// A node's socket.
struct dh_broker_door {
    struct dh_broker_server *server;
    int32_t node_id;
    struct dh_address address;    // to bind; with its port once it has listened
    struct dh_listener *listener; // NULL: does not listen
};

struct dh_broker_server {
    dohle_allocator allocator;
    dohle_log_sink user_log; // write NULL: none
    dohle_log_sink log;      // what all of it writes to; through log_mutex
    pthread_mutex_t log_mutex;
    struct dh_arena arena; // of strings of the options
    struct dh_broker_options options;
    struct dh_broker_node_options nodes[DH_BROKER_NODES_MAX];
    const char *advertised_host; // NULL: where it listens
    const char *directory;       // NULL: memory
    struct dh_buf bootstrap;     // terminated
    struct dh_buf recovery;      // terminated

    // The thread's.
    struct dh_host *host;
    struct dh_files *files;               // NULL: in memory
    struct dh_memory_files *memory_files; // NULL: in a directory
    struct dh_broker *engine;             // NULL: ended
    struct dh_broker_door doors[DH_BROKER_NODES_MAX];
    int listen_err; // of a node that could not, since the engine was made
    char listen_text[DH_LISTENER_TEXT_SIZE];
    struct dh_map connections; // by id: struct connection of broker_sockets.c
    struct dh_broker_control_port *control_port; // NULL: none
    bool is_closing;                             // tasks are answered with CLOSED
    enum dh_broker_ending ending;
    struct dh_broker_task *restart_task; // whoever has asked for it; NULL: none
    int64_t drain_deadline_ns;

    // Between threads.
    struct dh_queue posted; // dh_broker_command.link of tasks
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum dh_broker_ending wished; // by who ends it: STOP or KILL; NOT: nobody does
    bool has_ended;               // the thread has nothing more to do with it
    bool is_orphan;               // the thread frees it
    size_t caller_count;          // threads that have entered
};

/*
 * Starts a broker; the options are checked here. Returns 0 when it serves, or an error with
 * text.
 */
DH_MUST_CHECK int dh_broker_server_start(const dohle_broker_options *options,
                                         struct dh_broker_server **server,
                                         char text[DH_BROKER_SERVER_TEXT_SIZE]);

// Ends it and frees it: STOP or KILL. Returns 0 or DOHLE_ERR_TIMEOUT.
DH_MUST_CHECK int dh_broker_server_end(struct dh_broker_server *server,
                                       enum dh_broker_ending how, int64_t deadline_ns);

// Between these two the server is not freed, whoever ends it. Any thread.
void dh_broker_server_enter(struct dh_broker_server *server);
void dh_broker_server_leave(struct dh_broker_server *server);

// Gives the command and waits for its answer, which is in it then. Any thread that has entered.
// The text is the caller's to deinit.
void dh_broker_server_call(struct dh_broker_server *server,
                           struct dh_broker_command *command);

// ---- On the broker's thread ----

// Takes the task until it is done, which may be before this returns.
void dh_broker_server_give(struct dh_broker_server *server, struct dh_broker_task *task);

// ---- broker_sockets.c ----

void dh_broker_sockets_init(struct dh_broker_server *server);
// Does all that the engine asks for.
void dh_broker_sockets_do_actions(struct dh_broker_server *server);
// True while an answer is not written out yet.
bool dh_broker_sockets_is_sending(const struct dh_broker_server *server);
// Nobody is accepted any more.
void dh_broker_sockets_close_doors(struct dh_broker_server *server);
// Closes all connections. The engine is not told.
void dh_broker_sockets_close_all(struct dh_broker_server *server);
void dh_broker_sockets_deinit(struct dh_broker_server *server);

// ---- broker_control_port.c ----

// Listens there. Returns 0 or an error with text.
DH_MUST_CHECK int dh_broker_control_port_new(struct dh_broker_server *server,
                                             const char *address,
                                             char text[DH_BROKER_SERVER_TEXT_SIZE]);
// No task of it is held any more. NULL is allowed.
void dh_broker_control_port_free(struct dh_broker_control_port *port);
// "127.0.0.1:41230".
const char *dh_broker_control_port_address(const struct dh_broker_control_port *port);

/*
 * Reads "127.0.0.1:9092" or "[::1]:0"; "localhost" is 127.0.0.1. Asks nobody. False: it is
 * something else.
 */
DH_MUST_CHECK bool dh_broker_parse_address(struct dh_address *address, const char *text);

#endif
