// SPDX-License-Identifier: MIT
/*
 * A descriptor that is readable while the signal is set: what a thread sleeps
 * on, and what an application gives to poll(2) and its kin. Level-triggered.
 *
 *     setter:  make the news visible, then set
 *     waiter:  clear, then look for news; wait only when there is none
 *
 * In this order no news is lost. Setting what is set, and clearing what is
 * clear, costs one atomic operation and no system call.
 *
 * The descriptor holds one token while the signal is set. States and moves:
 *
 *     CLEAR    no token
 *     SETTING  a setter is about to put its token in
 *     SET      the token is in
 *
 *     set      CLEAR -> SETTING, put a token in, SETTING -> SET. When the last
 *              step finds something else, the signal was cleared (or cleared and
 *              set by another) meanwhile: this setter's token is one too many, and
 *              it takes one out again.
 *     clear    any -> CLEAR; from SET it takes the token out.
 *
 * So each token put in is taken out once, and the descriptor can be readable
 * without reason only while a setter is between two of its steps.
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
