// SPDX-License-Identifier: MIT
/*
 * The I/O thread: drives engines without I/O (the back half of a consumer) with
 * a host loop, and moves messages to and from the application's threads.
 *
 *     application's thread          dh_io_client            I/O thread
 *       dh_io_client_send     ->  queue of commands   ->  input, tick
 *       dh_io_client_take     <-  queue of notices    <-  next_event
 *       dh_io_client_wait     <-  descriptor          <-  set with each notice
 *       dh_io_client_mark     ->  mailbox             ->  tick
 *       dh_io_client_tell_released                    ->  on_bytes_released
 *                                 next_action        <->  sockets, names
 *
 * One thread (dh_io) serves any number of clients; a dh_io_client is one of them
 * and is shared by two holders, the application's side and the thread. What the
 * two share: the two queues, the descriptor, and the atomics named below.
 *
 * The end never waits. dh_io_client_release gives up the application's hold; the
 * thread goes on with the client until its engine is finished or the deadline
 * given has passed, and drops it. The last holder frees. The thread ends with its
 * last client, once its maker has let go of it, and is never joined.
 *
 * The thread blocks all signals: they are the application's.
 */
#ifndef DH_API_IO_THREAD_H
#define DH_API_IO_THREAD_H

#include <dohle/log.h>
#include <dohle/types.h>

#include "api/engine.h"
#include "base/assert.h"

struct dh_io;
struct dh_io_client;

struct dh_io_options {
    const dohle_allocator *mem; // copied; NULL: malloc. Used until the thread has ended
    const char *name_servers;   // as in dh_host_options
};

// Starts a thread without clients. Returns 0, DOHLE_ERR_NO_MEMORY or DOHLE_ERR_IO.
DH_MUST_CHECK int dh_io_new(const struct dh_io_options *options, struct dh_io **io);

// The maker lets go: no client is added any more. Never waits. NULL is allowed.
void dh_io_release(struct dh_io *io);

// ---- A client, made by the application's side ----

/*
 * Makes the shell that holds what both sides need: a copy of the allocator (NULL:
 * malloc), the log behind a lock. Returns 0, DOHLE_ERR_NO_MEMORY or
 * DOHLE_ERR_IO. Then dh_io_client_start, or dh_io_client_release.
 */
DH_MUST_CHECK int dh_io_client_new(struct dh_io *io, const dohle_allocator *allocator,
                                   const dohle_log_sink *log,
                                   struct dh_io_client **client);

// Valid as long as the application's side holds the client, and for its engine.
const dohle_allocator *dh_io_client_mem(const struct dh_io_client *client);

// Lets one line through at a time, whichever thread writes it. NULL: no log.
const dohle_log_sink *dh_io_client_log(const struct dh_io_client *client);

/*
 * Takes something that both sides borrow, such as the settings, and frees it with
 * the client, when neither side is left. Once for each client.
 */
void dh_io_client_keep(struct dh_io_client *client, void *kept,
                       void (*free_kept)(const dohle_allocator *mem, void *kept));

// Gives the engine to the thread, which takes it. Once for each client.
void dh_io_client_start(struct dh_io_client *client, const struct dh_engine_calls *calls,
                        void *engine);

/*
 * Lets go. The thread goes on with the engine until it is finished, at most until
 * the deadline (0: not at all). Never waits. What was taken from the client stays
 * the caller's. The log gets no line any more. NULL is allowed.
 */
void dh_io_client_release(struct dh_io_client *client, int64_t linger_deadline_ns);

// ---- Use, by the application's side ----

// Hands messages over and wakes the thread if it may sleep. Takes them.
void dh_io_client_send(struct dh_io_client *client, struct dh_message *message);
void dh_io_client_send_all(struct dh_io_client *client, struct dh_list *messages);

// Appends all that has arrived to the list (of dh_message.link). True: some has.
bool dh_io_client_take(struct dh_io_client *client, struct dh_list *messages);

/*
 * The descriptor is set with each arrival, by dh_io_client_signal and by the alarm.
 * The order that loses nothing: clear, take, and wait only if there was nothing.
 */
int dh_io_client_fd(const struct dh_io_client *client);
void dh_io_client_signal(struct dh_io_client *client); // any thread, signal handlers
void dh_io_client_clear(struct dh_io_client *client);

// Waits until it is set or the deadline has come. True: it is set.
bool dh_io_client_wait(struct dh_io_client *client, int64_t deadline_ns);

/*
 * Sets the descriptor at that time, for event loops that sleep on it while
 * something of the application's side is due. Replaces the alarm before;
 * DH_NEVER: none. Cheap unless it is earlier than the one before.
 */
void dh_io_client_set_alarm(struct dh_io_client *client, int64_t alarm_ns);

// Tells the engine that frames were dropped outside of it. Any thread.
void dh_io_client_tell_released(struct dh_io_client *client);

// The mailbox: where the application is, for max.poll.interval.
void dh_io_client_mark(struct dh_io_client *client, struct dh_poll_mark mark);

#endif
