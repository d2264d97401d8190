// SPDX-License-Identifier: MIT
/*
 * A descriptor that is readable while the signal is set: what a thread sleeps
 * on, and what an application gives to poll(2) and its kin. Level-triggered.
 *
 *     setter:  make the news visible, then set
 *     waiter:  clear, then look for news; wait only when there is none
 *
 * In this order no news is lost. Setting what is set costs one atomic operation and
 * no system call. The descriptor holds a token while the signal is set:
 *
 *     set      state := SET; if it was CLEAR, put a token in
 *     clear    take all tokens out, then state := CLEAR
 *
 * A setter that is overtaken between its two steps leaves a token behind a clear: the
 * waiter wakes once for nothing, and its next clear takes it out. (Were it left to the
 * setter, a waiter that keeps the processor would spin until the setter runs again.)
 * The other way round, SET without a token that is in or on its way, cannot be: tokens
 * are taken out only by who then writes CLEAR and looks for news.
 */
#ifndef DH_API_FD_SIGNAL_H
#define DH_API_FD_SIGNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"

struct dh_fd_signal {
    int fd;       // readable while set; for the waiter
    int write_fd; // where tokens go in; the same as fd where there is eventfd
    atomic_int state;
};

// Returns 0 or DOHLE_ERR_IO (no descriptors left). Starts clear.
DH_MUST_CHECK int dh_fd_signal_init(struct dh_fd_signal *signal);
void dh_fd_signal_deinit(struct dh_fd_signal *signal);

// Any thread and any signal handler.
void dh_fd_signal_set(struct dh_fd_signal *signal);

// Any thread.
void dh_fd_signal_clear(struct dh_fd_signal *signal);

// Waits until it is set or the deadline has come. True: it is set. A deadline in
// the past only looks.
bool dh_fd_signal_wait(const struct dh_fd_signal *signal, int64_t deadline_ns);

#endif
