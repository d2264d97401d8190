// SPDX-License-Identifier: MIT
/*
 * The consumer: life cycle, what to read, poll, events. Positions and commits are in
 * consumer_positions.c, questions in consumer_questions.c.
 */
#include <dohle/consumer.h>

#include <string.h>

#include "api/back_engine.h"
#include "api/consumer_shell.h"
#include "api/embedded.h"
#include "base/config.h"
#include "base/mem.h"
#include "base/time.h"
#include "client/back/back.h"
#include "host/clock.h"

#define CLOSE_TIMEOUT_MS 30000
// How long the I/O thread may go on with what is unfinished when the consumer is freed.
#define LINGER_NS (1 * DH_SEC)

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
    int err = dh_embedded_resolve(settings, mem, config, DH_ROLE_CONSUMER,
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
        consumer->bell = dh_release_bell_new(&consumer->allocator, consumer->client);
        err = consumer->bell == NULL ? DOHLE_ERR_NO_MEMORY : 0;
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
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err == DOHLE_ERR_CLOSED ? 0 : err;
    }
    int64_t deadline_ns = 0;
    err = dh_consumer_deadline(consumer, timeout_ms, CLOSE_TIMEOUT_MS, &deadline_ns);
    if (err != 0) {
        return dh_consumer_leave(consumer, err);
    }
    struct dh_call call;
    dh_front_begin_close(consumer->front, &call, deadline_ns, dh_clock_now_ns());
    err = dh_consumer_run(consumer, &call);
    if (!dh_front_is_closed(consumer->front)) {
        return dh_consumer_leave(consumer, err); // from inside a callback
    }
    if (err != 0) {
        consumer->error = *dh_front_error(consumer->front);
    }
    dh_consumer_flush(consumer);
    dh_records_clear(&consumer->records);
    dh_front_free(consumer->front);
    consumer->front = NULL;
    return dh_consumer_leave(consumer, err);
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
            dh_consumer_flush(consumer);
        }
        dh_front_free(consumer->front);
    }
    dh_release_bell_silence(consumer->bell);
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
    return dh_consumer_leave(consumer, err);
}

static int unsubscribe(dohle_consumer *consumer)
{
    int64_t deadline_ns = dh_deadline_after_ms(
        dh_clock_now_ns(), consumer->settings->default_api_timeout_ms);
    struct dh_call call;
    dh_front_begin_unsubscribe(consumer->front, &call, deadline_ns);
    return dh_consumer_run(consumer, &call);
}

int dohle_consumer_subscribe(dohle_consumer *consumer, const char *const *topics,
                             size_t topic_count, const dohle_rebalance_listener *listener)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    if (topic_count == 0) {
        return dh_consumer_leave(consumer, unsubscribe(consumer));
    }
    if (topics == NULL) {
        return dh_consumer_leave(consumer,
                                 dh_consumer_fail(consumer, DOHLE_ERR_INVALID_ARGUMENT,
                                                  "the topics are missing"));
    }
    err =
        dh_front_subscribe(consumer->front, topics, topic_count, has_callbacks(listener));
    return end_subscribe(consumer, err, listener);
}

int dohle_consumer_subscribe_pattern(dohle_consumer *consumer, const char *pattern,
                                     const dohle_rebalance_listener *listener)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    err = dh_front_subscribe_pattern(consumer->front, pattern, has_callbacks(listener));
    return end_subscribe(consumer, err, listener);
}

int dohle_consumer_unsubscribe(dohle_consumer *consumer)
{
    int err = dh_consumer_enter(consumer);
    return err != 0 ? err : dh_consumer_leave(consumer, unsubscribe(consumer));
}

int dohle_consumer_assign(dohle_consumer *consumer,
                          const dohle_topic_partition *partitions, size_t count)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    if (count == 0) {
        return dh_consumer_leave(consumer, unsubscribe(consumer));
    }
    if (partitions == NULL) {
        return dh_consumer_leave(consumer,
                                 dh_consumer_fail(consumer, DOHLE_ERR_INVALID_ARGUMENT,
                                                  "the partitions are missing"));
    }
    err = dh_front_assign(consumer->front, partitions, count, dh_clock_now_ns());
    dh_consumer_flush(consumer);
    if (err == 0) {
        dh_io_client_signal(consumer->client); // the next poll sends it
    }
    return dh_consumer_leave(consumer, err);
}

static int show_partitions(dohle_consumer *consumer, bool only_paused,
                           const dohle_topic_partition **partitions, size_t *count)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        *partitions = NULL;
        *count = 0;
        return err;
    }
    return dh_consumer_leave(
        consumer, dh_front_partitions(consumer->front, only_paused, partitions, count));
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
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    dh_front_topics(consumer->front, topics, count);
    return dh_consumer_leave(consumer, 0);
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
    int err = dh_consumer_enter_until(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    if (consumer->depth > 1) {
        return dh_consumer_leave(
            consumer, dh_consumer_fail(consumer, DOHLE_ERR_INVALID_STATE,
                                       "poll is not allowed inside a callback"));
    }
    *records = &consumer->records;
    dh_records_clear(&consumer->records);
    dh_io_client_mark(consumer->client, (struct dh_poll_mark){.is_inside = true});
    struct dh_call call;
    dh_front_begin_poll(consumer->front, &call, deadline_ns, dh_clock_now_ns());
    err = dh_consumer_run(consumer, &call);
    dh_consumer_settle_signal(consumer);
    if (err == 0) {
        dh_records_show(&consumer->records, &consumer->allocator, consumer->bell,
                        dh_front_records(consumer->front));
    }
    dh_io_client_mark(consumer->client,
                      (struct dh_poll_mark){.left_ns = dh_clock_now_ns()});
    return dh_consumer_leave(consumer, err);
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
