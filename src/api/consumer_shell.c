// SPDX-License-Identifier: MIT
#include "api/consumer_shell.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "host/clock.h"

// ---- One thread at a time ----

// Different in each thread that is alive, and never 0.
static uintptr_t thread_mark(void)
{
    static _Thread_local char mark;
    return (uintptr_t)&mark;
}

int dh_consumer_fail(dohle_consumer *consumer, int code, const char *text)
{
    memset(&consumer->error, 0, sizeof(consumer->error));
    consumer->error.code = code;
    consumer->error.node_id = -1;
    consumer->error.partition = -1;
    consumer->error.offset = -1;
    snprintf(consumer->error.text, sizeof(consumer->error.text), "%s", text);
    consumer->is_error_told = true;
    return code;
}

int dh_consumer_enter(dohle_consumer *consumer)
{
    uintptr_t self = thread_mark();
    uintptr_t expected = 0;
    if (!atomic_compare_exchange_strong(&consumer->owner, &expected, self) &&
        expected != self) {
        return DOHLE_ERR_CONCURRENT_USE;
    }
    if (consumer->front == NULL) {
        int err = dh_consumer_fail(consumer, DOHLE_ERR_CLOSED, "the consumer is closed");
        if (consumer->depth == 0) {
            atomic_store(&consumer->owner, 0);
        }
        return err;
    }
    consumer->depth++;
    return 0;
}

int dh_consumer_leave(dohle_consumer *consumer, int err)
{
    if (err == 0) {
        consumer->error.code = 0;
    } else if (consumer->is_error_told) {
        // The shell's own, which the front half knows nothing of.
    } else if (consumer->front != NULL && dh_front_error(consumer->front)->code == err) {
        consumer->error = *dh_front_error(consumer->front);
    } else if (consumer->error.code != err) {
        dh_consumer_fail(consumer, err, dohle_error_text(err));
    }
    consumer->is_error_told = false;
    consumer->depth--;
    if (consumer->depth == 0) {
        atomic_store(&consumer->owner, 0);
    }
    return err;
}

// ---- The queues ----

// Takes what has come. True: something has.
static bool take(dohle_consumer *consumer, int64_t now_ns)
{
    struct dh_list messages;
    dh_list_init(&messages);
    bool has_come = dh_io_client_take(consumer->client, &messages);
    for (struct dh_link *link; (link = dh_list_pop_front(&messages)) != NULL;) {
        dh_front_input(consumer->front, DH_CONTAINER_OF(link, struct dh_message, link),
                       now_ns);
    }
    if (atomic_load_explicit(&consumer->is_woken, memory_order_relaxed) &&
        atomic_exchange(&consumer->is_woken, false)) {
        dh_front_wakeup(consumer->front);
        has_come = true;
    }
    return has_come;
}

void dh_consumer_flush(dohle_consumer *consumer)
{
    struct dh_list messages;
    dh_list_init(&messages);
    for (struct dh_message *message;
         (message = dh_front_next_action(consumer->front)) != NULL;) {
        dh_list_push_back(&messages, &message->link);
    }
    if (!dh_list_is_empty(&messages)) {
        dh_io_client_send_all(consumer->client, &messages);
    }
}

void dh_consumer_settle_signal(dohle_consumer *consumer)
{
    int64_t now_ns = dh_clock_now_ns();
    if (!dh_front_is_ready(consumer->front, now_ns)) {
        dh_io_client_clear(consumer->client);
        (void)take(consumer, now_ns);
        dh_consumer_flush(consumer);
    }
    if (dh_front_is_ready(consumer->front, now_ns)) {
        dh_io_client_signal(consumer->client);
    }
    int64_t half_ns =
        dh_deadline_after_ms(now_ns, consumer->settings->max_poll_interval_ms / 2);
    dh_io_client_set_alarm(consumer->client,
                           dh_earlier(dh_front_due(consumer->front), half_ns));
}

// ---- Calls ----

static int run_callback(dohle_consumer *consumer, const struct dh_callback *callback)
{
    const dohle_rebalance_listener listener = consumer->listener;
    switch (callback->kind) {
    case DH_CALLBACK_ASSIGNED:
        return listener.on_assigned == NULL
                   ? 0
                   : listener.on_assigned(consumer, callback->partitions, callback->count,
                                          listener.ctx);
    case DH_CALLBACK_LOST:
        if (listener.on_lost != NULL) {
            return listener.on_lost(consumer, callback->partitions, callback->count,
                                    listener.ctx);
        }
        return listener.on_revoked == NULL
                   ? 0
                   : listener.on_revoked(consumer, callback->partitions, callback->count,
                                         listener.ctx);
    case DH_CALLBACK_REVOKED:
        return listener.on_revoked == NULL
                   ? 0
                   : listener.on_revoked(consumer, callback->partitions, callback->count,
                                         listener.ctx);
    case DH_CALLBACK_COMMIT: {
        dohle_commit_callback *told = (dohle_commit_callback *)callback->target.function;
        if (callback->error != NULL) {
            consumer->error = *callback->error; // last_error tells more than `error`
        }
        told(consumer, callback->err, callback->offsets, callback->offset_count,
             callback->target.ctx);
        return 0;
    }
    }
    return 0;
}

int dh_consumer_run(dohle_consumer *consumer, struct dh_call *call)
{
    struct dh_front *front = consumer->front;
    for (;;) {
        int64_t now_ns = dh_clock_now_ns();
        (void)take(consumer, now_ns);
        enum dh_step step = dh_front_step(front, call, now_ns);
        dh_consumer_flush(consumer);
        switch (step) {
        case DH_STEP_DONE: return call->err;
        case DH_STEP_CALLBACK:
            dh_front_callback_done(front, call, run_callback(consumer, &call->callback));
            break;
        case DH_STEP_WAIT:
            dh_io_client_clear(consumer->client);
            if (!take(consumer, now_ns)) {
                (void)dh_io_client_wait(consumer->client, dh_front_deadline(front, call));
            }
            break;
        }
    }
}

int dh_consumer_deadline(dohle_consumer *consumer, int64_t timeout_ms, int64_t default_ms,
                         int64_t *deadline_ns)
{
    if (timeout_ms == DOHLE_NO_TIMEOUT) {
        *deadline_ns = DH_NEVER;
        return 0;
    }
    if (timeout_ms == DOHLE_DEFAULT_TIMEOUT) {
        timeout_ms = default_ms;
    }
    if (timeout_ms < 0) {
        return dh_consumer_fail(consumer, DOHLE_ERR_INVALID_ARGUMENT,
                                "the timeout is negative");
    }
    *deadline_ns = dh_deadline_after_ms(dh_clock_now_ns(), timeout_ms);
    return 0;
}

int dh_consumer_enter_until(dohle_consumer *consumer, int64_t timeout_ms,
                            int64_t *deadline_ns)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    err = dh_consumer_deadline(consumer, timeout_ms,
                               consumer->settings->default_api_timeout_ms, deadline_ns);
    return err == 0 ? 0 : dh_consumer_leave(consumer, err);
}
