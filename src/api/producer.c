// SPDX-License-Identifier: MIT
/*
 * The producer's public functions. A record is copied into one block, which goes to
 * the engine on the I/O thread and comes back when it is settled; then its callback
 * is run, here, on the caller's thread.
 *
 * Invariants: buffered_bytes is the sum of the blocks that are not back yet, and
 * outstanding their count.
 *
 * Shared between threads: the I/O client (api/io_thread.h) and the guard. All else
 * belongs to the thread that is inside.
 */
#include <dohle/consumer.h>
#include <dohle/producer.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/embedded.h"
#include "api/guard.h"
#include "api/io_thread.h"
#include "api/producer_engine.h"
#include "base/bytes.h"
#include "base/config.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/back.h"
#include "client/producer/messages.h"
#include "client/producer/producer.h"
#include "host/clock.h"
#include "record/batch.h"

#define CLOSE_TIMEOUT_MS 30000
/*
 * The engine is asked for its answer so much earlier than we give up, that it is here in
 * time on a machine that is busy: this part of the time there is, within bounds.
 */
#define ANSWER_MARGIN_PART   20
#define ANSWER_MARGIN_MIN_NS (20 * DH_MS)
#define ANSWER_MARGIN_MAX_NS (250 * DH_MS)

// How long close waits beyond its time for the I/O thread to hand the records back.
#define CLOSE_GRACE_NS (200 * DH_MS)

// What else is there to say when the I/O thread has not answered in time.
#define NO_ANSWER "the client's own thread has not got to it yet"

#define TOPIC_SIZE_MAX ((size_t)249) // as in Kafka

struct dohle_producer {
    dohle_allocator allocator;
    struct dh_guard guard;
    struct dh_io_client *client;
    struct dh_settings *settings; // kept by the client
    bool is_started;
    bool is_closed;
    bool is_in_callback;
    struct dh_map partition_counts; // topic -> how many, as far as known; as a pointer
    struct dh_list settled;         // records whose callbacks are due
    size_t outstanding;
    int64_t buffered_bytes;
    uint64_t waits; // how often a call had to wait: the time has moved on
    uint64_t serial_last;
    uint64_t flush_serial;                   // a flush waits for those up to here
    size_t awaited;                          // so many of them are not back
    struct dh_producer_topic_command *asked; // what send waits for; NULL: nothing
    bool is_answered;                        // asked is back
    bool is_close_answered;
    size_t cut_count;                     // records that the end of close has cut off
    dohle_error_info fatal;               // code 0: none
    dohle_error_info error;               // of the last call
    char trouble[512];                    // as last told
    char reason[DH_PRODUCER_REASON_SIZE]; // as last asked for; "": not answered yet
};

// ---- Errors ----

static int fail(dohle_producer *producer, int code, const char *text)
{
    memset(&producer->error, 0, sizeof(producer->error));
    producer->error.code = code;
    producer->error.node_id = -1;
    producer->error.partition = -1;
    producer->error.offset = -1;
    snprintf(producer->error.text, sizeof(producer->error.text), "%s", text);
    return code;
}

// Names what took too long, and why. reason "": not told in time.
static int fail_timeout(dohle_producer *producer, const char *what, const char *reason)
{
    if (reason[0] == '\0') {
        reason = producer->trouble[0] != '\0' ? producer->trouble : NO_ANSWER;
    }
    char text[sizeof(producer->error.text)];
    snprintf(text, sizeof(text), "%.200s: %.300s", what, reason);
    return fail(producer, DOHLE_ERR_TIMEOUT, text);
}

// Returns 0, then leave must follow; or CONCURRENT_USE.
static int enter(dohle_producer *producer)
{
    return dh_guard_enter(&producer->guard) ? 0 : DOHLE_ERR_CONCURRENT_USE;
}

// Returns err, with all about it kept for last_error.
static int leave(dohle_producer *producer, int err)
{
    if (err >= 0) {
        producer->error.code = 0;
    } else if (producer->error.code != err) {
        fail(producer, err, dohle_error_text(err));
    }
    dh_guard_leave(&producer->guard);
    return err;
}

static int check_open(dohle_producer *producer)
{
    return producer->is_closed
               ? fail(producer, DOHLE_ERR_CLOSED, "the producer is closed")
               : 0;
}

static int check_outside_callback(dohle_producer *producer)
{
    return producer->is_in_callback
               ? fail(producer, DOHLE_ERR_INVALID_STATE,
                      "a delivery callback may send, but not poll, flush or close")
               : 0;
}

static int deadline_of(dohle_producer *producer, int64_t timeout_ms, int64_t default_ms,
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
        return fail(producer, DOHLE_ERR_INVALID_ARGUMENT, "the timeout is negative");
    }
    *deadline_ns = dh_deadline_after_ms(dh_clock_now_ns(), timeout_ms);
    return 0;
}

// ---- What comes back ----

static void free_message(dohle_producer *producer, struct dh_message *message)
{
    dh_producer_message_free(dh_io_client_mem(producer->client), message);
}

static void on_record(dohle_producer *producer, struct dh_producer_record *record)
{
    producer->outstanding--;
    producer->buffered_bytes -= record->message.size;
    if (record->serial <= producer->flush_serial) {
        producer->awaited--;
    }
    producer->cut_count += record->err == DOHLE_ERR_CLOSED;
    if (record->is_fatal && producer->fatal.code == 0) {
        (void)fail(producer, record->err, dohle_error_text(record->err));
        producer->error.broker_code = record->broker_code;
        producer->fatal = producer->error;
    }
    if (record->callback == NULL) {
        free_message(producer, &record->message);
        return;
    }
    dh_list_push_back(&producer->settled, &record->message.link);
}

static void take_reason(dohle_producer *producer, const char *text)
{
    snprintf(producer->reason, sizeof(producer->reason), "%s", text);
}

static void on_message(dohle_producer *producer, struct dh_message *message)
{
    int kind = (int)message->kind;
    if (kind == DH_PRODUCER_RECORD) {
        on_record(producer, DH_CONTAINER_OF(message, struct dh_producer_record, message));
        return;
    }
    if (kind == DH_NOTICE_TROUBLE) {
        const struct dh_notice_trouble *notice =
            DH_CONTAINER_OF(message, struct dh_notice_trouble, message);
        snprintf(producer->trouble, sizeof(producer->trouble), "%s", notice->text);
    }
    if (kind == DH_NOTICE_TROUBLE || kind == DH_NOTICE_ERROR) {
        dh_io_client_send(producer->client, message); // the engine's own
        return;
    }
    if (kind == DH_PRODUCER_TOPIC && producer->asked != NULL &&
        message == &producer->asked->message) {
        producer->is_answered = true;
        return;
    }
    if (kind == DH_PRODUCER_REASON) {
        take_reason(producer,
                    DH_CONTAINER_OF(message, struct dh_producer_reason, message)->text);
    } else if (kind == DH_PRODUCER_CLOSE) {
        producer->is_close_answered = true;
        take_reason(producer,
                    DH_CONTAINER_OF(message, struct dh_producer_close, message)->reason);
    }
    free_message(producer, message);
}

// Takes what has come. True: something has.
static bool take(dohle_producer *producer)
{
    struct dh_list messages;
    dh_list_init(&messages);
    bool has_come = dh_io_client_take(producer->client, &messages);
    for (struct dh_link *link; (link = dh_list_pop_front(&messages)) != NULL;) {
        on_message(producer, DH_CONTAINER_OF(link, struct dh_message, link));
    }
    return has_come;
}

// Waits until something has come and takes it. False: the deadline has passed.
static bool wait_and_take(dohle_producer *producer, int64_t deadline_ns)
{
    producer->waits++;
    dh_io_client_clear(producer->client);
    if (take(producer)) {
        return true;
    }
    if (dh_clock_now_ns() >= deadline_ns) {
        return false;
    }
    (void)dh_io_client_wait(producer->client, deadline_ns);
    (void)take(producer);
    return true;
}

static void *new_command(dohle_producer *producer, int kind, size_t size)
{
    struct dh_message *message =
        dh_mem_calloc(dh_io_client_mem(producer->client), 1, size);
    if (message != NULL) {
        message->kind = (enum dh_message_kind)kind;
        message->size = (uint32_t)size;
    }
    return message;
}

// When the engine must answer something that we wait for until deadline_ns.
static int64_t engine_deadline(int64_t deadline_ns, int64_t now_ns)
{
    if (deadline_ns == DH_NEVER || deadline_ns <= now_ns) {
        return deadline_ns;
    }
    int64_t left_ns = deadline_ns - now_ns;
    int64_t margin_ns = left_ns / ANSWER_MARGIN_PART;
    if (margin_ns < ANSWER_MARGIN_MIN_NS) {
        margin_ns = ANSWER_MARGIN_MIN_NS;
    } else if (margin_ns > ANSWER_MARGIN_MAX_NS) {
        margin_ns = ANSWER_MARGIN_MAX_NS;
    }
    // Of a short time half is the engine's.
    return deadline_ns - (margin_ns < left_ns / 2 ? margin_ns : left_ns / 2);
}

// A wait that may end with TIMEOUT. In time before that the engine is asked why.
struct wait {
    int64_t deadline_ns;
    int64_t ask_ns;
    bool is_reason_asked;
};

static struct wait wait_until(int64_t deadline_ns)
{
    return (struct wait){.deadline_ns = deadline_ns,
                         .ask_ns = engine_deadline(deadline_ns, dh_clock_now_ns())};
}

// Without memory the last trouble told must do.
static void ask_reason(dohle_producer *producer)
{
    struct dh_producer_reason *command;
    command = new_command(producer, DH_PRODUCER_REASON, sizeof(*command));
    producer->reason[0] = '\0';
    if (command != NULL) {
        dh_io_client_send(producer->client, &command->message);
    }
}

// As wait_and_take.
static bool wait_on(dohle_producer *producer, struct wait *wait)
{
    if (wait->is_reason_asked) {
        return wait_and_take(producer, wait->deadline_ns);
    }
    if (!wait_and_take(producer, wait->ask_ns)) {
        ask_reason(producer);
        wait->is_reason_asked = true;
    }
    return true;
}

// Runs the callbacks that are due, unless one is running. Returns how many.
static int dispatch(dohle_producer *producer)
{
    int count = 0;
    while (!producer->is_in_callback && count < INT32_MAX) {
        struct dh_link *link = dh_list_pop_front(&producer->settled);
        if (link == NULL) {
            break;
        }
        struct dh_producer_record *record =
            DH_CONTAINER_OF(link, struct dh_producer_record, message.link);
        dohle_delivery_callback *callback = (dohle_delivery_callback *)record->callback;
        producer->is_in_callback = true;
        callback(producer, record->err, record->topic, record->partition, record->offset,
                 record->timestamp_ms, record->ctx);
        producer->is_in_callback = false;
        free_message(producer, &record->message);
        count++;
    }
    return count;
}

// ---- Life cycle ----

static void free_settings(const dohle_allocator *mem, void *kept)
{
    dh_settings_deinit(kept);
    dh_mem_free(mem, kept, sizeof(struct dh_settings));
}

// The typed settings, kept by the client.
static int resolve_settings(dohle_producer *producer, dohle_config *config)
{
    static atomic_uint serial_last;
    const dohle_allocator *mem = dh_io_client_mem(producer->client);
    struct dh_settings *settings = dh_mem_calloc(mem, 1, sizeof(*settings));
    if (settings == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dohle_error_info info;
    memset(&info, 0, sizeof(info));
    int err = dh_embedded_resolve(settings, mem, config, DH_ROLE_PRODUCER,
                                  atomic_fetch_add(&serial_last, 1) + 1, &info);
    if (err != 0) {
        dh_mem_free(mem, settings, sizeof(*settings));
        dh_config_set_error(config, "%s", info.text);
        return err;
    }
    dh_io_client_keep(producer->client, settings, free_settings);
    producer->settings = settings;
    return 0;
}

static int start_engine(dohle_producer *producer)
{
    struct dh_back_options options = {.mem = dh_io_client_mem(producer->client),
                                      .log = dh_io_client_log(producer->client),
                                      .settings = producer->settings,
                                      .now_ns = dh_clock_now_ns()};
    int err = dh_entropy(&options.seed, sizeof(options.seed));
    if (err != 0) {
        return err;
    }
    dh_map_init(&producer->partition_counts, options.mem, options.seed);
    struct dh_producer *engine = dh_producer_new(&options);
    if (engine == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_io_client_start(producer->client, &dh_producer_engine_calls, engine);
    producer->is_started = true;
    return 0;
}

static int open_all(dohle_producer *producer, dohle_config *config,
                    const dohle_producer_options *options)
{
    struct dh_io *io;
    const struct dh_io_options io_options = {.mem = &producer->allocator};
    int err = dh_io_new(&io_options, &io);
    if (err != 0) {
        return err;
    }
    err = dh_io_client_new(io, &producer->allocator, options->log, &producer->client);
    if (err != 0) {
        producer->client = NULL;
    } else {
        err = resolve_settings(producer, config);
    }
    if (err == 0) {
        err = start_engine(producer);
    }
    // Only now: without a started client and its maker the thread ends.
    dh_io_release(io);
    return err;
}

int dohle_producer_open(dohle_config *config, const dohle_producer_options *options,
                        dohle_producer **producer)
{
    if (producer == NULL) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    *producer = NULL;
    if (config == NULL) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    dohle_producer_options all;
    memset(&all, 0, sizeof(all));
    if (options != NULL) {
        size_t size = options->size < sizeof(all) ? options->size : sizeof(all);
        memcpy(&all, options, size);
    }
    const dohle_allocator *mem = all.allocator == NULL ? dh_mem_default() : all.allocator;
    dohle_producer *made = dh_mem_calloc(mem, 1, sizeof(*made));
    if (made == NULL) {
        dh_config_set_error(config, "%s", dohle_error_text(DOHLE_ERR_NO_MEMORY));
        return DOHLE_ERR_NO_MEMORY;
    }
    made->allocator = *mem;
    dh_list_init(&made->settled);
    dh_config_set_error(config, "%s", "");
    int err = open_all(made, config, &all);
    if (err != 0) {
        if (dohle_config_error(config)[0] == '\0') {
            dh_config_set_error(config, "%s", dohle_error_text(err));
        }
        dohle_producer_free(made);
        return err;
    }
    *producer = made;
    return 0;
}

void dohle_producer_free(dohle_producer *producer)
{
    if (producer == NULL) {
        return;
    }
    for (struct dh_link *link; (link = dh_list_pop_front(&producer->settled)) != NULL;) {
        free_message(producer, DH_CONTAINER_OF(link, struct dh_message, link));
    }
    if (producer->is_started) {
        dh_map_deinit(&producer->partition_counts);
    }
    dh_io_client_release(producer->client, 0);
    const dohle_allocator mem = producer->allocator;
    dh_mem_free(&mem, producer, sizeof(*producer));
}

// ---- Sending ----

// Everything that was sent goes out now. Without memory it lingers.
static void hurry(dohle_producer *producer)
{
    struct dh_message *message =
        new_command(producer, DH_PRODUCER_FLUSH, sizeof(*message));
    if (message != NULL) {
        dh_io_client_send(producer->client, message);
    }
}

static int send_topic_command(dohle_producer *producer, const char *topic,
                              int32_t partition, int64_t deadline_ns)
{
    struct dh_producer_topic_command *command;
    size_t topic_size = strlen(topic) + 1;
    command = new_command(producer, DH_PRODUCER_TOPIC, sizeof(*command) + topic_size);
    if (command == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    char *copy = (char *)(command + 1);
    memcpy(copy, topic, topic_size);
    command->topic = copy;
    command->partition = partition;
    command->deadline_ns = engine_deadline(deadline_ns, dh_clock_now_ns());
    producer->asked = command;
    producer->is_answered = false;
    dh_io_client_send(producer->client, &command->message);
    return 0;
}

// Takes the answer about a topic in. Returns what send returns.
static int on_topic_answer(dohle_producer *producer)
{
    struct dh_producer_topic_command *command = producer->asked;
    producer->asked = NULL;
    int err = command->error.code;
    if (err != 0) {
        producer->error = command->error;
    } else {
        err = dh_map_put(&producer->partition_counts, dh_bytes_of(command->topic),
                         (void *)(intptr_t)command->partition_count);
    }
    free_message(producer, &command->message);
    return err;
}

// Waits until the topic is known to have the partition.
static int know_topic(dohle_producer *producer, const char *topic, int32_t partition,
                      int64_t deadline_ns)
{
    intptr_t count =
        (intptr_t)dh_map_get(&producer->partition_counts, dh_bytes_of(topic));
    if (count > 0 && partition < count) {
        return 0;
    }
    int err = send_topic_command(producer, topic, partition, deadline_ns);
    if (err != 0) {
        return err;
    }
    while (!producer->is_answered) {
        if (!wait_and_take(producer, deadline_ns)) {
            producer->asked = NULL; // freed when it comes back
            char text[TOPIC_SIZE_MAX + 64];
            snprintf(text, sizeof(text), "topic %s is not known within max.block.ms",
                     topic);
            return fail_timeout(producer, text, "");
        }
    }
    return on_topic_answer(producer);
}

static int wait_for_room(dohle_producer *producer, size_t size, int64_t deadline_ns)
{
    struct wait wait = wait_until(deadline_ns);
    bool is_hurried = false;
    while (producer->outstanding > 0 &&
           producer->buffered_bytes + (int64_t)size > producer->settings->buffer_memory) {
        if (!is_hurried) {
            hurry(producer);
            is_hurried = true;
        }
        if (!wait_on(producer, &wait)) {
            return fail_timeout(producer, "no room in buffer.memory within max.block.ms",
                                producer->reason);
        }
    }
    return 0;
}

static int check_send(dohle_producer *producer, const dohle_send *send)
{
    if (send->topic == NULL || send->topic[0] == '\0' || send->partition < -1 ||
        send->timestamp_ms < -1 || (send->header_count > 0 && send->headers == NULL)) {
        return fail(producer, DOHLE_ERR_INVALID_ARGUMENT,
                    "topic, partition, timestamp or headers are not allowed");
    }
    if (strlen(send->topic) > TOPIC_SIZE_MAX) {
        return fail(producer, DOHLE_ERR_INVALID_TOPIC,
                    "the topic's name is longer than 249 bytes");
    }
    for (size_t i = 0; i < send->header_count; i++) {
        if (send->headers[i].name.data == NULL) {
            return fail(producer, DOHLE_ERR_INVALID_ARGUMENT,
                        "a header's name must not be null");
        }
    }
    return 0;
}

static struct dh_record_input input_of(const dohle_send *send)
{
    return (struct dh_record_input){
        .timestamp_ms = send->timestamp_ms,
        .key = send->key,
        .value = send->value,
        .headers = send->headers,
        .header_count = send->header_count,
    };
}

// Bytes of the block of a record. Sizes are bounded by then, so nothing overflows.
static size_t block_size(const dohle_send *send)
{
    size_t size = sizeof(struct dh_producer_record) +
                  send->header_count * sizeof(*send->headers) + strlen(send->topic) + 1 +
                  send->key.size + send->value.size;
    for (size_t i = 0; i < send->header_count; i++) {
        size += send->headers[i].name.size + send->headers[i].value.size;
    }
    return size;
}

static dohle_bytes copy_bytes(uint8_t **at, dohle_bytes bytes)
{
    if (bytes.data == NULL) {
        return DH_BYTES_NULL;
    }
    dohle_bytes copy = {*at, bytes.size};
    if (bytes.size > 0) {
        memcpy(*at, bytes.data, bytes.size);
    }
    *at += bytes.size;
    return copy;
}

// Copies everything into one block. NULL: no memory.
static struct dh_producer_record *new_record(dohle_producer *producer,
                                             const dohle_send *send, int64_t now_ns)
{
    size_t size = block_size(send);
    struct dh_producer_record *record =
        dh_mem_alloc(dh_io_client_mem(producer->client), size);
    if (record == NULL) {
        return NULL;
    }
    // Not the whole block, which is written below.
    memset(record, 0, sizeof(*record));
    record->message.kind = (enum dh_message_kind)DH_PRODUCER_RECORD;
    record->message.size = (uint32_t)size;
    dohle_header *headers = (dohle_header *)(record + 1);
    uint8_t *at = (uint8_t *)(headers + send->header_count);
    for (size_t i = 0; i < send->header_count; i++) {
        headers[i].name = copy_bytes(&at, send->headers[i].name);
        headers[i].value = copy_bytes(&at, send->headers[i].value);
    }
    record->input = (struct dh_record_input){
        .timestamp_ms = send->timestamp_ms >= 0 ? send->timestamp_ms : dh_clock_wall_ms(),
        .key = copy_bytes(&at, send->key),
        .value = copy_bytes(&at, send->value),
        .headers = headers,
        .header_count = send->header_count,
    };
    record->topic = (const char *)at;
    memcpy(at, send->topic, strlen(send->topic) + 1);
    record->partition = send->partition;
    record->deadline_ns =
        dh_deadline_after_ms(now_ns, producer->settings->delivery_timeout_ms);
    record->offset = -1;
    record->timestamp_ms = record->input.timestamp_ms;
    record->callback = (void (*)(void))send->callback;
    record->ctx = send->ctx;
    record->serial = ++producer->serial_last;
    return record;
}

static int send_record(dohle_producer *producer, const dohle_send *send)
{
    int err = check_send(producer, send);
    if (err != 0) {
        return err;
    }
    struct dh_record_input input = input_of(send);
    size_t size = dh_batch_writer_record_size(&input);
    const struct dh_settings *settings = producer->settings;
    if (size > INT32_MAX || (int64_t)size > settings->buffer_memory ||
        size + DH_BATCH_HEADER_SIZE > (size_t)settings->max_request_size) {
        return fail(producer, DOHLE_ERR_TOO_LARGE,
                    "the record is larger than max.request.size or buffer.memory");
    }
    int64_t now_ns = dh_clock_now_ns();
    int64_t deadline_ns = dh_deadline_after_ms(now_ns, settings->max_block_ms);
    uint64_t waits = producer->waits;
    err = know_topic(producer, send->topic, send->partition, deadline_ns);
    if (err == 0) {
        err = wait_for_room(producer, block_size(send), deadline_ns);
    }
    if (err != 0) {
        return err;
    }
    if (waits != producer->waits) {
        now_ns = dh_clock_now_ns();
    }
    struct dh_producer_record *record = new_record(producer, send, now_ns);
    if (record == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    producer->outstanding++;
    producer->buffered_bytes += record->message.size;
    dh_io_client_send(producer->client, &record->message);
    return 0;
}

int dohle_producer_send(dohle_producer *producer, const dohle_send *send)
{
    int err = enter(producer);
    if (err != 0) {
        return err;
    }
    err = check_open(producer);
    if (err == 0) {
        (void)take(producer);
        (void)dispatch(producer);
        if (producer->fatal.code != 0) {
            producer->error = producer->fatal;
            err = producer->fatal.code;
        }
    }
    if (err == 0) {
        err = send_record(producer, send);
    }
    return leave(producer, err);
}

// ---- Waiting ----

int dohle_producer_poll(dohle_producer *producer, int64_t timeout_ms)
{
    int err = enter(producer);
    if (err != 0) {
        return err;
    }
    int64_t deadline_ns = 0;
    err = check_open(producer);
    if (err == 0) {
        err = check_outside_callback(producer);
    }
    if (err == 0) {
        err = deadline_of(producer, timeout_ms,
                          producer->settings->default_api_timeout_ms, &deadline_ns);
    }
    if (err != 0) {
        return leave(producer, err);
    }
    (void)take(producer);
    int count = dispatch(producer);
    while (count == 0 && wait_and_take(producer, deadline_ns)) {
        count = dispatch(producer);
    }
    return leave(producer, count);
}

int dohle_producer_flush(dohle_producer *producer, int64_t timeout_ms)
{
    int err = enter(producer);
    if (err != 0) {
        return err;
    }
    int64_t deadline_ns = 0;
    err = check_open(producer);
    if (err == 0) {
        err = check_outside_callback(producer);
    }
    if (err == 0) {
        err = deadline_of(producer, timeout_ms,
                          producer->settings->default_api_timeout_ms, &deadline_ns);
    }
    if (err != 0) {
        return leave(producer, err);
    }
    (void)take(producer);
    producer->flush_serial = producer->serial_last;
    producer->awaited = producer->outstanding;
    hurry(producer);
    (void)dispatch(producer);
    struct wait wait = wait_until(deadline_ns);
    while (err == 0 && producer->awaited > 0) {
        if (!wait_on(producer, &wait)) {
            err = fail_timeout(producer, "not everything is delivered yet",
                               producer->reason);
        }
        (void)dispatch(producer);
    }
    return leave(producer, err);
}

static int run_close(dohle_producer *producer, int64_t deadline_ns)
{
    struct dh_producer_close *command;
    command = new_command(producer, DH_PRODUCER_CLOSE, sizeof(*command));
    if (command == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    command->deadline_ns = engine_deadline(deadline_ns, dh_clock_now_ns());
    producer->reason[0] = '\0';
    dh_io_client_send(producer->client, &command->message);
    int64_t end_ns = deadline_ns == DH_NEVER ? DH_NEVER : deadline_ns + CLOSE_GRACE_NS;
    while (!producer->is_close_answered && wait_and_take(producer, end_ns)) {
        (void)dispatch(producer);
    }
    (void)dispatch(producer);
    producer->is_closed = true;
    if (producer->cut_count > 0 || producer->outstanding > 0) {
        char text[96];
        snprintf(text, sizeof(text), "closed before %zu records were delivered",
                 producer->cut_count + producer->outstanding);
        return fail_timeout(producer, text, producer->reason);
    }
    return 0;
}

int dohle_producer_close(dohle_producer *producer, int64_t timeout_ms)
{
    int err = enter(producer);
    if (err != 0) {
        return err;
    }
    if (producer->is_closed) {
        return leave(producer, 0);
    }
    int64_t deadline_ns = 0;
    err = check_outside_callback(producer);
    if (err == 0) {
        err = deadline_of(producer, timeout_ms, CLOSE_TIMEOUT_MS, &deadline_ns);
    }
    if (err == 0) {
        err = run_close(producer, deadline_ns);
    }
    return leave(producer, err);
}

const dohle_error_info *dohle_producer_last_error(const dohle_producer *producer)
{
    return &producer->error;
}
