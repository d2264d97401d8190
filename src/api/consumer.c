// SPDX-License-Identifier: MIT
/*
 * The consumer's public functions: the shell around the front half. It brings the
 * clock, the thread that calls, and the queues to the I/O thread.
 *
 * Shared between threads: the I/O client (api/io_thread.h), and two atomics, `owner`
 * and `is_woken`. All else belongs to the thread that is inside.
 */
#include <dohle/consumer.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "api/back_engine.h"
#include "api/io_thread.h"
#include "api/records.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/back.h"
#include "client/front/front.h"
#include "host/clock.h"

#define CLOSE_TIMEOUT_MS 30000
// How long the I/O thread may go on with what is unfinished when the consumer is freed.
#define LINGER_NS (1 * DH_SEC)
// idle_reason asks our own thread only; it answers at once.
#define IDLE_REASON_WAIT_NS (1 * DH_SEC)

struct dohle_consumer {
    dohle_allocator allocator;
    struct dh_io_client *client;
    struct dh_settings *settings; // kept by the client
    struct dh_front *front;       // NULL: closed
    bool is_started;              // the thread has the back half

    atomic_uintptr_t owner; // the thread inside; 0: none
    unsigned depth;         // calls inside calls, through callbacks
    atomic_bool is_woken;   // by dohle_consumer_wakeup, from any thread

    dohle_rebalance_listener listener;
    struct dohle_records records;
    dohle_error_info error;
    dohle_partition_info *infos; // what partitions_for and list_topics show
    size_t info_capacity;
    struct dh_last_rebalance rebalance; // what last_rebalance shows
};

// ---- One thread at a time ----

// Different in each thread that is alive, and never 0.
static uintptr_t thread_mark(void)
{
    static _Thread_local char mark;
    return (uintptr_t)&mark;
}

static int fail(dohle_consumer *consumer, int code, const char *text)
{
    memset(&consumer->error, 0, sizeof(consumer->error));
    consumer->error.code = code;
    consumer->error.node_id = -1;
    consumer->error.partition = -1;
    consumer->error.offset = -1;
    snprintf(consumer->error.text, sizeof(consumer->error.text), "%s", text);
    return code;
}

// Returns 0, then leave must follow; or CONCURRENT_USE or CLOSED.
static int enter(dohle_consumer *consumer)
{
    uintptr_t self = thread_mark();
    uintptr_t expected = 0;
    if (!atomic_compare_exchange_strong(&consumer->owner, &expected, self) &&
        expected != self) {
        return DOHLE_ERR_CONCURRENT_USE;
    }
    if (consumer->front == NULL) {
        int err = fail(consumer, DOHLE_ERR_CLOSED, "the consumer is closed");
        if (consumer->depth == 0) {
            atomic_store(&consumer->owner, 0);
        }
        return err;
    }
    consumer->depth++;
    return 0;
}

// Returns err, with all about it kept for last_error.
static int leave(dohle_consumer *consumer, int err)
{
    if (err == 0) {
        consumer->error.code = 0;
    } else if (consumer->front != NULL && dh_front_error(consumer->front)->code == err) {
        consumer->error = *dh_front_error(consumer->front);
    } else if (consumer->error.code != err) {
        fail(consumer, err, dohle_error_text(err));
    }
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

static void flush(dohle_consumer *consumer)
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

/*
 * Leaves the descriptor as event loops need it: set while poll(0) would return
 * something, and set by the alarm when something falls due.
 */
static void settle_signal(dohle_consumer *consumer)
{
    int64_t now_ns = dh_clock_now_ns();
    if (!dh_front_is_ready(consumer->front, now_ns)) {
        dh_io_client_clear(consumer->client);
        (void)take(consumer, now_ns);
        flush(consumer);
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

typedef void commit_function(void);

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

// Drives a call to its end. Returns its result.
static int run(dohle_consumer *consumer, struct dh_call *call)
{
    struct dh_front *front = consumer->front;
    for (;;) {
        int64_t now_ns = dh_clock_now_ns();
        (void)take(consumer, now_ns);
        enum dh_step step = dh_front_step(front, call, now_ns);
        flush(consumer);
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

// The deadline of a call. Returns 0 or INVALID_ARGUMENT.
static int deadline_of(dohle_consumer *consumer, int64_t timeout_ms, int64_t default_ms,
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
        return fail(consumer, DOHLE_ERR_INVALID_ARGUMENT, "the timeout is negative");
    }
    *deadline_ns = dh_deadline_after_ms(dh_clock_now_ns(), timeout_ms);
    return 0;
}

static int enter_with_deadline(dohle_consumer *consumer, int64_t timeout_ms,
                               int64_t *deadline_ns)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    err = deadline_of(consumer, timeout_ms, consumer->settings->default_api_timeout_ms,
                      deadline_ns);
    return err == 0 ? 0 : leave(consumer, err);
}

// ---- Life cycle ----

static void free_settings(const dohle_allocator *mem, void *kept)
{
    dh_settings_deinit(kept);
    dh_mem_free(mem, kept, sizeof(struct dh_settings));
}

// The typed settings, kept by the client.
static int resolve_settings(dohle_consumer *consumer, dohle_config *config)
{
    static atomic_uint serial_last;
    const dohle_allocator *mem = dh_io_client_mem(consumer->client);
    struct dh_settings *settings = dh_mem_calloc(mem, 1, sizeof(*settings));
    if (settings == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dohle_error_info info;
    memset(&info, 0, sizeof(info));
    int err = dh_settings_resolve(settings, mem, config, DH_ROLE_CONSUMER,
                                  atomic_fetch_add(&serial_last, 1) + 1, &info);
    if (err != 0) {
        dh_mem_free(mem, settings, sizeof(*settings));
        dh_config_set_error(config, "%s", info.text);
        return err;
    }
    dh_io_client_keep(consumer->client, settings, free_settings);
    consumer->settings = settings;
    return 0;
}

// Both halves; the back half goes to the thread.
static int start_halves(dohle_consumer *consumer)
{
    const dohle_allocator *mem = dh_io_client_mem(consumer->client);
    const dohle_log_sink *log = dh_io_client_log(consumer->client);
    const struct dh_front_options front_options = {.mem = mem,
                                                   .log = log,
                                                   .settings = consumer->settings,
                                                   .now_ns = dh_clock_now_ns()};
    consumer->front = dh_front_new(&front_options);
    if (consumer->front == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_back_options back_options = {.mem = mem,
                                           .log = log,
                                           .settings = consumer->settings,
                                           .now_ns = front_options.now_ns};
    int err = dh_entropy(&back_options.seed, sizeof(back_options.seed));
    if (err != 0) {
        return err;
    }
    struct dh_back *back = dh_back_new(&back_options);
    if (back == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_io_client_start(consumer->client, &dh_back_engine_calls, back);
    consumer->is_started = true;
    return 0;
}

static int open_all(dohle_consumer *consumer, dohle_config *config,
                    const dohle_consumer_options *options)
{
    struct dh_io *io;
    const struct dh_io_options io_options = {.mem = &consumer->allocator};
    int err = dh_io_new(&io_options, &io);
    if (err != 0) {
        return err;
    }
    err = dh_io_client_new(io, &consumer->allocator, options->log, &consumer->client);
    if (err != 0) {
        consumer->client = NULL;
    } else {
        err = resolve_settings(consumer, config);
    }
    if (err == 0) {
        err = start_halves(consumer);
    }
    // Only now: without a started client and its maker the thread ends.
    dh_io_release(io);
    return err;
}

int dohle_consumer_open(dohle_config *config, const dohle_consumer_options *options,
                        dohle_consumer **consumer)
{
    if (consumer == NULL) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    *consumer = NULL;
    if (config == NULL) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    dohle_consumer_options all;
    memset(&all, 0, sizeof(all));
    if (options != NULL) {
        size_t size = options->size < sizeof(all) ? options->size : sizeof(all);
        memcpy(&all, options, size);
    }
    const dohle_allocator *mem = all.allocator == NULL ? dh_mem_default() : all.allocator;
    dohle_consumer *made = dh_mem_calloc(mem, 1, sizeof(*made));
    if (made == NULL) {
        dh_config_set_error(config, "%s", dohle_error_text(DOHLE_ERR_NO_MEMORY));
        return DOHLE_ERR_NO_MEMORY;
    }
    made->allocator = *mem;
    made->records.allocator = *mem;
    dh_config_set_error(config, "%s", "");
    int err = open_all(made, config, &all);
    if (err != 0) {
        if (dohle_config_error(config)[0] == '\0') {
            dh_config_set_error(config, "%s", dohle_error_text(err));
        }
        dohle_consumer_free(made);
        return err;
    }
    *consumer = made;
    return 0;
}

int dohle_consumer_close(dohle_consumer *consumer, int64_t timeout_ms)
{
    int err = enter(consumer);
    if (err != 0) {
        return err == DOHLE_ERR_CLOSED ? 0 : err;
    }
    int64_t deadline_ns = 0;
    err = deadline_of(consumer, timeout_ms, CLOSE_TIMEOUT_MS, &deadline_ns);
    if (err != 0) {
        return leave(consumer, err);
    }
    struct dh_call call;
    dh_front_begin_close(consumer->front, &call, deadline_ns, dh_clock_now_ns());
    err = run(consumer, &call);
    if (!dh_front_is_closed(consumer->front)) {
        return leave(consumer, err); // from inside a callback
    }
    if (err != 0) {
        consumer->error = *dh_front_error(consumer->front);
    }
    flush(consumer);
    dh_records_clear(&consumer->records);
    dh_front_free(consumer->front);
    consumer->front = NULL;
    return leave(consumer, err);
}

void dohle_consumer_free(dohle_consumer *consumer)
{
    if (consumer == NULL) {
        return;
    }
    int64_t deadline_ns = dh_clock_now_ns() + LINGER_NS;
    if (consumer->front != NULL) {
        if (consumer->is_started) {
            dh_front_abandon(consumer->front, deadline_ns);
            flush(consumer);
        }
        dh_front_free(consumer->front);
    }
    dh_io_client_release(consumer->client, deadline_ns);
    const dohle_allocator mem = consumer->allocator;
    dh_mem_free(&mem, consumer->infos,
                consumer->info_capacity * sizeof(*consumer->infos));
    dh_mem_free(&mem, consumer, sizeof(*consumer));
}

// ---- What to read ----

// Copies the listener. True: there is something to call.
static bool has_callbacks(const dohle_rebalance_listener *listener)
{
    return listener != NULL &&
           (listener->on_assigned != NULL || listener->on_revoked != NULL ||
            listener->on_lost != NULL);
}

static int end_subscribe(dohle_consumer *consumer, int err,
                         const dohle_rebalance_listener *listener)
{
    if (err == 0) {
        memset(&consumer->listener, 0, sizeof(consumer->listener));
        if (listener != NULL) {
            consumer->listener = *listener;
        }
        // The next poll sends it, so an event loop has to poll.
        dh_io_client_signal(consumer->client);
    }
    return leave(consumer, err);
}

static int unsubscribe(dohle_consumer *consumer)
{
    int64_t deadline_ns = dh_deadline_after_ms(
        dh_clock_now_ns(), consumer->settings->default_api_timeout_ms);
    struct dh_call call;
    dh_front_begin_unsubscribe(consumer->front, &call, deadline_ns);
    return run(consumer, &call);
}

int dohle_consumer_subscribe(dohle_consumer *consumer, const char *const *topics,
                             size_t topic_count, const dohle_rebalance_listener *listener)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    if (topic_count == 0) {
        return leave(consumer, unsubscribe(consumer));
    }
    if (topics == NULL) {
        return leave(consumer, fail(consumer, DOHLE_ERR_INVALID_ARGUMENT,
                                    "the topics are missing"));
    }
    err =
        dh_front_subscribe(consumer->front, topics, topic_count, has_callbacks(listener));
    return end_subscribe(consumer, err, listener);
}

int dohle_consumer_subscribe_pattern(dohle_consumer *consumer, const char *pattern,
                                     const dohle_rebalance_listener *listener)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    err = dh_front_subscribe_pattern(consumer->front, pattern, has_callbacks(listener));
    return end_subscribe(consumer, err, listener);
}

int dohle_consumer_unsubscribe(dohle_consumer *consumer)
{
    int err = enter(consumer);
    return err != 0 ? err : leave(consumer, unsubscribe(consumer));
}

int dohle_consumer_assign(dohle_consumer *consumer,
                          const dohle_topic_partition *partitions, size_t count)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    if (count == 0) {
        return leave(consumer, unsubscribe(consumer));
    }
    if (partitions == NULL) {
        return leave(consumer, fail(consumer, DOHLE_ERR_INVALID_ARGUMENT,
                                    "the partitions are missing"));
    }
    err = dh_front_assign(consumer->front, partitions, count, dh_clock_now_ns());
    flush(consumer);
    if (err == 0) {
        dh_io_client_signal(consumer->client); // the next poll sends it
    }
    return leave(consumer, err);
}

static int show_partitions(dohle_consumer *consumer, bool only_paused,
                           const dohle_topic_partition **partitions, size_t *count)
{
    int err = enter(consumer);
    if (err != 0) {
        *partitions = NULL;
        *count = 0;
        return err;
    }
    return leave(consumer,
                 dh_front_partitions(consumer->front, only_paused, partitions, count));
}

int dohle_consumer_assignment(dohle_consumer *consumer,
                              const dohle_topic_partition **partitions, size_t *count)
{
    return show_partitions(consumer, false, partitions, count);
}

int dohle_consumer_paused(dohle_consumer *consumer,
                          const dohle_topic_partition **partitions, size_t *count)
{
    return show_partitions(consumer, true, partitions, count);
}

int dohle_consumer_subscription(dohle_consumer *consumer, const char *const **topics,
                                size_t *count)
{
    *topics = NULL;
    *count = 0;
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    dh_front_topics(consumer->front, topics, count);
    return leave(consumer, 0);
}

// ---- Records ----

int dohle_consumer_poll(dohle_consumer *consumer, int64_t timeout_ms,
                        dohle_records **records)
{
    // What a call gets that may not touch the consumer's own set.
    static _Thread_local struct dohle_records nothing;
    dh_records_clear(&nothing);
    *records = &nothing;
    int64_t deadline_ns = 0;
    int err = enter_with_deadline(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    if (consumer->depth > 1) {
        return leave(consumer, fail(consumer, DOHLE_ERR_INVALID_STATE,
                                    "poll is not allowed inside a callback"));
    }
    *records = &consumer->records;
    dh_records_clear(&consumer->records);
    dh_io_client_mark(consumer->client, (struct dh_poll_mark){.is_inside = true});
    struct dh_call call;
    dh_front_begin_poll(consumer->front, &call, deadline_ns, dh_clock_now_ns());
    err = run(consumer, &call);
    settle_signal(consumer);
    if (err == 0) {
        dh_records_show(&consumer->records, &consumer->allocator,
                        dh_front_records(consumer->front));
    }
    dh_io_client_mark(consumer->client,
                      (struct dh_poll_mark){.left_ns = dh_clock_now_ns()});
    return leave(consumer, err);
}

// ---- Positions ----

int dohle_consumer_position(dohle_consumer *consumer, const char *topic,
                            int32_t partition, int64_t timeout_ms, int64_t *offset)
{
    *offset = -1;
    int64_t deadline_ns = 0;
    int err = enter_with_deadline(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_position(consumer->front, &call, topic, partition, deadline_ns);
    err = run(consumer, &call);
    if (err == 0) {
        *offset = call.offset;
    }
    return leave(consumer, err);
}

int dohle_consumer_seek(dohle_consumer *consumer, const char *topic, int32_t partition,
                        int64_t offset)
{
    const dohle_offset target = {
        .topic = topic, .partition = partition, .offset = offset, .leader_epoch = -1};
    return dohle_consumer_seek_to(consumer, &target);
}

int dohle_consumer_seek_to(dohle_consumer *consumer, const dohle_offset *offset)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    if (offset == NULL) {
        return leave(consumer,
                     fail(consumer, DOHLE_ERR_INVALID_ARGUMENT, "the offset is missing"));
    }
    err = dh_front_seek(consumer->front, offset->topic, offset->partition, DH_SEEK_OFFSET,
                        offset->offset, offset->leader_epoch);
    flush(consumer);
    return leave(consumer, err);
}

static int seek_all(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                    size_t count, enum dh_seek_target target)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    err = dh_front_seek_all(consumer->front, partitions, count, target);
    flush(consumer);
    return leave(consumer, err);
}

int dohle_consumer_seek_to_beginning(dohle_consumer *consumer,
                                     const dohle_topic_partition *partitions,
                                     size_t count)
{
    return seek_all(consumer, partitions, count, DH_SEEK_BEGINNING);
}

int dohle_consumer_seek_to_end(dohle_consumer *consumer,
                               const dohle_topic_partition *partitions, size_t count)
{
    return seek_all(consumer, partitions, count, DH_SEEK_END);
}

static int pause_all(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                     size_t count, bool paused)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    err = dh_front_pause(consumer->front, partitions, count, paused);
    flush(consumer);
    if (err == 0 && !paused && dh_front_is_ready(consumer->front, dh_clock_now_ns())) {
        dh_io_client_signal(consumer->client);
    }
    return leave(consumer, err);
}

int dohle_consumer_pause(dohle_consumer *consumer,
                         const dohle_topic_partition *partitions, size_t count)
{
    return pause_all(consumer, partitions, count, true);
}

int dohle_consumer_resume(dohle_consumer *consumer,
                          const dohle_topic_partition *partitions, size_t count)
{
    return pause_all(consumer, partitions, count, false);
}

int dohle_consumer_current_lag(dohle_consumer *consumer, const char *topic,
                               int32_t partition, int64_t *lag)
{
    *lag = -1;
    int err = enter(consumer);
    return err != 0
               ? err
               : leave(consumer, dh_front_lag(consumer->front, topic, partition, lag));
}

// ---- Commits ----

int dohle_consumer_commit_sync(dohle_consumer *consumer, const dohle_offset *offsets,
                               size_t count, int64_t timeout_ms)
{
    int64_t deadline_ns = 0;
    int err = enter_with_deadline(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_commit_sync(consumer->front, &call, offsets, count, deadline_ns,
                               dh_clock_now_ns());
    return leave(consumer, run(consumer, &call));
}

int dohle_consumer_commit_async(dohle_consumer *consumer, const dohle_offset *offsets,
                                size_t count, dohle_commit_callback *callback, void *ctx)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    const struct dh_commit_target target = {(commit_function *)callback, ctx};
    struct dh_call call;
    dh_front_begin_commit_async(consumer->front, &call, offsets, count, target,
                                dh_clock_now_ns());
    return leave(consumer, run(consumer, &call));
}

int dohle_consumer_committed(dohle_consumer *consumer, dohle_offset *offsets,
                             size_t count, int64_t timeout_ms)
{
    int64_t deadline_ns = 0;
    int err = enter_with_deadline(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_committed(consumer->front, &call, offsets, count, deadline_ns,
                             dh_clock_now_ns());
    return leave(consumer, run(consumer, &call));
}

// ---- Looking around ----

// timestamps_ms NULL: `end` of the log for all.
static int list_offsets(dohle_consumer *consumer, dohle_offset *offsets,
                        const int64_t *timestamps_ms, int64_t end, size_t count,
                        int64_t timeout_ms)
{
    int64_t deadline_ns = 0;
    int err = enter_with_deadline(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    int64_t *ends = NULL;
    if (timestamps_ms == NULL && count > 0) {
        ends = dh_mem_calloc(&consumer->allocator, count, sizeof(*ends));
        if (ends == NULL) {
            return leave(consumer, DOHLE_ERR_NO_MEMORY);
        }
        for (size_t i = 0; i < count; i++) {
            ends[i] = end;
        }
        timestamps_ms = ends;
    }
    struct dh_call call;
    dh_front_begin_list_offsets(consumer->front, &call, offsets, timestamps_ms, count,
                                deadline_ns, dh_clock_now_ns());
    err = run(consumer, &call);
    dh_mem_free(&consumer->allocator, ends, count * sizeof(*ends));
    return leave(consumer, err);
}

int dohle_consumer_beginning_offsets(dohle_consumer *consumer, dohle_offset *offsets,
                                     size_t count, int64_t timeout_ms)
{
    return list_offsets(consumer, offsets, NULL, -2, count, timeout_ms);
}

int dohle_consumer_end_offsets(dohle_consumer *consumer, dohle_offset *offsets,
                               size_t count, int64_t timeout_ms)
{
    return list_offsets(consumer, offsets, NULL, -1, count, timeout_ms);
}

int dohle_consumer_offsets_for_times(dohle_consumer *consumer, dohle_offset *offsets,
                                     const int64_t *timestamps_ms, size_t count,
                                     int64_t timeout_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (timestamps_ms == NULL || timestamps_ms[i] < 0) {
            int err = enter(consumer);
            return err != 0 ? err
                            : leave(consumer, fail(consumer, DOHLE_ERR_INVALID_ARGUMENT,
                                                   "a timestamp is negative (API-119)"));
        }
    }
    return list_offsets(consumer, offsets, timestamps_ms, 0, count, timeout_ms);
}

static int show_topics(dohle_consumer *consumer, const char *topic, int64_t timeout_ms,
                       const dohle_partition_info **infos, size_t *count)
{
    *infos = NULL;
    *count = 0;
    int64_t deadline_ns = 0;
    int err = enter_with_deadline(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_topics(consumer->front, &call, topic, deadline_ns, dh_clock_now_ns());
    err = run(consumer, &call);
    if (err != 0 || call.rows == NULL) {
        return leave(consumer, err);
    }
    if (call.rows->count > 0 &&
        dh_mem_grow(&consumer->allocator, &consumer->infos, &consumer->info_capacity,
                    call.rows->count, sizeof(*consumer->infos)) != 0) {
        return leave(consumer, DOHLE_ERR_NO_MEMORY);
    }
    for (uint32_t i = 0; i < call.rows->count; i++) {
        const struct dh_topic_row *row = &call.rows->rows[i];
        consumer->infos[i] = (dohle_partition_info){
            .topic = row->topic,
            .partition = row->partition,
            .leader = row->leader,
            .leader_epoch = row->leader_epoch,
            .replica_count = row->replica_count,
            .in_sync_count = row->in_sync_count,
        };
    }
    *infos = consumer->infos;
    *count = call.rows->count;
    return leave(consumer, 0);
}

int dohle_consumer_partitions_for(dohle_consumer *consumer, const char *topic,
                                  int64_t timeout_ms, const dohle_partition_info **infos,
                                  size_t *count)
{
    return show_topics(consumer, topic == NULL ? "" : topic, timeout_ms, infos, count);
}

int dohle_consumer_list_topics(dohle_consumer *consumer, int64_t timeout_ms,
                               const dohle_partition_info **infos, size_t *count)
{
    return show_topics(consumer, NULL, timeout_ms, infos, count);
}

int dohle_consumer_group_metadata(dohle_consumer *consumer,
                                  dohle_group_metadata *metadata)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    if (consumer->settings->group_id == NULL) {
        return leave(consumer, fail(consumer, DOHLE_ERR_INVALID_GROUP,
                                    "without group.id there is no group"));
    }
    metadata->group_id = consumer->settings->group_id;
    dh_front_member(consumer->front, &metadata->member_id, &metadata->generation);
    return leave(consumer, 0);
}

int dohle_consumer_enforce_rebalance(dohle_consumer *consumer, const char *reason)
{
    int err = enter(consumer);
    return err != 0
               ? err
               : leave(consumer, dh_front_enforce_rebalance(consumer->front, reason));
}

int dohle_consumer_last_rebalance(dohle_consumer *consumer, dohle_rebalance *rebalance)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    const struct dh_last_rebalance *last = dh_front_last_rebalance(consumer->front);
    if (last == NULL) {
        return leave(consumer, 0);
    }
    consumer->rebalance = *last;
    const struct dh_rebalance_record *record = &consumer->rebalance.record;
    int64_t now_ns = dh_clock_now_ns();
    int64_t ended_ns = last->ended_ns == 0 ? now_ns : last->ended_ns;
    *rebalance = (dohle_rebalance){
        .trigger = record->trigger,
        .generation_before = record->generation_before,
        .generation_after = record->generation_after,
        .member_id = record->member_id,
        .is_leader = record->is_leader,
        .member_count = record->member_count,
        .assignor = record->assignor,
        .started_ms = dh_clock_wall_ms() - (now_ns - record->started_ns) / DH_MS,
        .revoke_ms = record->revoke_ns / DH_MS,
        .join_ms = record->join_ns / DH_MS,
        .sync_ms = record->sync_ns / DH_MS,
        .total_ms = (ended_ns - record->started_ns) / DH_MS,
        .partitions_before = last->partitions_before,
        .partitions_after = last->partitions_after,
    };
    (void)leave(consumer, 0);
    return 1;
}

int dohle_consumer_idle_reason(dohle_consumer *consumer, const char *topic,
                               int32_t partition, enum dohle_idle_reason *reason)
{
    int err = enter(consumer);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_idle_reason(consumer->front, &call, topic, partition,
                               dh_clock_now_ns() + IDLE_REASON_WAIT_NS);
    err = run(consumer, &call);
    if (err == 0) {
        *reason = call.idle_reason;
    }
    return leave(consumer, err);
}

const char *dohle_idle_reason_text(enum dohle_idle_reason reason)
{
    switch (reason) {
    case DOHLE_IDLE_NOT: return "records are ready";
    case DOHLE_IDLE_WAITING_FOR_DATA: return "waiting for data";
    case DOHLE_IDLE_PAUSED: return "paused";
    case DOHLE_IDLE_NO_POSITION: return "the position is not known yet";
    case DOHLE_IDLE_VALIDATING: return "the position is checked against a new leader";
    case DOHLE_IDLE_NO_LEADER: return "the partition has no leader";
    case DOHLE_IDLE_THROTTLED: return "the broker throttles this client";
    case DOHLE_IDLE_BUDGET_FULL: return "fetch.buffer.bytes is used up";
    case DOHLE_IDLE_ERROR: return "an error that poll reports";
    case DOHLE_IDLE_REVOKING: return "about to be given up";
    }
    return "unknown";
}

// ---- Waking up and event loops ----

void dohle_consumer_wakeup(dohle_consumer *consumer)
{
    atomic_store(&consumer->is_woken, true);
    dh_io_client_signal(consumer->client);
}

int dohle_consumer_fd(const dohle_consumer *consumer)
{
    return consumer->front == NULL ? -1 : dh_io_client_fd(consumer->client);
}

const dohle_error_info *dohle_consumer_last_error(const dohle_consumer *consumer)
{
    return &consumer->error;
}
