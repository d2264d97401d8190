// SPDX-License-Identifier: MIT
/*
 * The shell of a consumer: what its public functions have in common. It brings the
 * thread that calls, the clock, and the queues to the I/O thread; the front half does
 * the rest.
 *
 *     err = dh_consumer_enter(consumer)           refuses a second thread
 *     dh_front_begin_...(consumer->front, &call, ...)
 *     err = dh_consumer_run(consumer, &call)      waits, runs callbacks
 *     return dh_consumer_leave(consumer, err)     keeps the error for last_error
 *
 * Shared between threads: the I/O client (api/io_thread.h), and two atomics, `owner`
 * and `is_woken`. All else belongs to the thread that is inside.
 */
#ifndef DH_API_CONSUMER_SHELL_H
#define DH_API_CONSUMER_SHELL_H

#include <stdatomic.h>
#include <stdbool.h>

#include <dohle/consumer.h>

#include "api/io_thread.h"
#include "api/records.h"
#include "api/release_bell.h"
#include "base/settings.h"
#include "client/front/front.h"

struct dohle_consumer {
    dohle_allocator allocator;
    struct dh_io_client *client;
    struct dh_settings *settings; // kept by the client
    struct dh_front *front;       // NULL: closed
    struct dh_release_bell *bell; // owned
    bool is_started;              // the thread has the back half

    atomic_uintptr_t owner; // the thread inside; 0: none
    unsigned depth;         // calls inside calls, through callbacks
    atomic_bool is_woken;   // by dohle_consumer_wakeup, from any thread

    dohle_rebalance_listener listener;
    struct dohle_records records;
    dohle_error_info error;
    bool is_error_told;          // by dh_consumer_fail, in the call that is running
    dohle_partition_info *infos; // what partitions_for and list_topics show
    size_t info_capacity;
    struct dh_last_rebalance rebalance; // what last_rebalance shows
};

// ---- One thread at a time ----

// Returns 0, then dh_consumer_leave must follow; or CONCURRENT_USE or CLOSED.
int dh_consumer_enter(dohle_consumer *consumer);

// As above, with the deadline of a call whose default is default.api.timeout.ms; also
// INVALID_ARGUMENT.
int dh_consumer_enter_until(dohle_consumer *consumer, int64_t timeout_ms,
                            int64_t *deadline_ns);

// Inside. Returns 0 or INVALID_ARGUMENT.
int dh_consumer_deadline(dohle_consumer *consumer, int64_t timeout_ms, int64_t default_ms,
                         int64_t *deadline_ns);

// Returns err, with all about it kept for last_error.
int dh_consumer_leave(dohle_consumer *consumer, int err);

// Fills last_error and returns code.
int dh_consumer_fail(dohle_consumer *consumer, int code, const char *text);

// ---- The queues and calls ----

// Hands over what the front half has for the back half.
void dh_consumer_flush(dohle_consumer *consumer);

/*
 * Leaves the descriptor as event loops need it: set while poll(0) would return
 * something, and set by the alarm when something falls due.
 */
void dh_consumer_settle_signal(dohle_consumer *consumer);

// Drives a call to its end. Returns its result.
int dh_consumer_run(dohle_consumer *consumer, struct dh_call *call);

#endif
