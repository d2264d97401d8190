// SPDX-License-Identifier: MIT
/*
 * The operating system as an I/O thread sees it: one loop that waits for
 * sockets, name servers, a wake-up or a deadline. Knows no Kafka.
 *
 *     host     the loop (this file)
 *     stream   a TCP connection: connect, read into the owner's buffer, write
 *     listener a socket that peers connect to, each of which becomes a stream
 *     resolve  a question to a name server that can be abandoned
 *     files    the files of a directory, with syncs that block nobody
 *
 * The owner calls dh_host_run_once again and again. All reports come out of
 * that call and of no other, so that no function below re-enters its caller.
 * A report says what happened; the callee may then call every function of the
 * host except dh_host_run_once and dh_host_free.
 *
 * A loop, its streams and its resolutions belong to one thread, the one that
 * is inside run_once; it may change between calls when the caller orders them.
 * Only dh_host_wake comes from anywhere.
 *
 * The loop is libuv's, used through: uv_loop_init and _close, uv_run,
 * uv_update_time, uv_async_init and _send, uv_timer_init and _start and _stop,
 * uv_poll_init and _start and _stop, uv_close. Sockets are read and written
 * here and not by libuv: one read call into the buffer that the owner names
 * and none to find out that there is no more when it was not filled.
 *
 * What remains of libuv's habit to abort: the table of watched descriptors
 * cannot grow for want of memory; epoll_ctl or epoll_wait fail in a way that is
 * not our fault either (ENOMEM, or ENOSPC at fs.epoll.max_user_watches); the
 * write to its wake-up descriptor fails. All other failures come back as errors.
 */
#ifndef DH_HOST_HOST_H
#define DH_HOST_HOST_H

#include <stdint.h>

#include <dohle/log.h>
#include <dohle/types.h>

#include "base/assert.h"

struct dh_host;

struct dh_host_options {
    const dohle_allocator *mem; // borrowed for the host's life
    /* "ADDRESS:PORT,...": name servers to ask instead of the system's; NULL: the
     * system's. Copied. */
    const char *name_servers;
    int64_t name_timeout_ms; // for the first try at each server; 0: c-ares's default
};

// Returns 0, DOHLE_ERR_NO_MEMORY or DOHLE_ERR_IO (no descriptors left).
DH_MUST_CHECK int dh_host_new(const struct dh_host_options *options,
                              struct dh_host **host);

// Closes what is open, reports nothing more, never blocks. NULL is allowed.
void dh_host_free(struct dh_host *host);

/*
 * Waits until there was a report, a wake-up, or deadline_ns has come, and
 * returns. Without either of the first two it never returns early. A deadline
 * in the past looks once without waiting; DH_NEVER waits for ever.
 */
void dh_host_run_once(struct dh_host *host, int64_t deadline_ns);

/*
 * Makes the running run_once return, or else the next one. Many calls may count
 * as one. Any thread and any signal handler, as long as the host lives.
 */
void dh_host_wake(struct dh_host *host);

#endif
