// SPDX-License-Identifier: MIT
#include "producer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/config.h"
#include "base/mem.h"
#include "client/producer/messages.h"
#include "sim.h"

#define TIMER_DELAY_MAX_NS (2 * DH_MS)
// Records that wait in the engine, at most.
#define UNSETTLED_MAX 400
#define BURST_MAX     6

static void serve(struct sim_producer *producer);

static struct sim_scheduler *scheduler_of(const struct sim_producer *producer)
{
    return &producer->world->scheduler;
}

static int64_t now_of(const struct sim_producer *producer)
{
    return producer->world->scheduler.now_ns;
}

// ---- Settings ----

static void set(dohle_config *config, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void set(dohle_config *config, const char *key, const char *format, ...)
{
    char value[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    int err = dohle_config_set(config, key, value);
    DH_ASSERT(err == 0);
}

static int draw(struct sim_producer *producer, int64_t min, int64_t max)
{
    return (int)sim_between(scheduler_of(producer), min, max);
}

static void draw_settings(struct sim_producer *producer)
{
    static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    dohle_config *config = dohle_config_new();
    DH_ASSERT(config != NULL);
    producer->is_idempotent = sim_chance(scheduler_of(producer), 700);
    set(config, "bootstrap.servers", "node-0:9092");
    set(config, "acks", "all");
    set(config, "enable.idempotence", "%s", producer->is_idempotent ? "true" : "false");
    set(config, "linger.ms", "%d", draw(producer, 0, 50));
    set(config, "request.timeout.ms", "%d", draw(producer, 1000, 4000));
    set(config, "delivery.timeout.ms", "%d", draw(producer, 6000, 20000));
    set(config, "retry.backoff.ms", "%d", draw(producer, 20, 200));
    set(config, "reconnect.backoff.ms", "%d", draw(producer, 20, 100));
    set(config, "socket.connection.setup.timeout.ms", "%d", draw(producer, 1000, 4000));
    set(config, "metadata.max.age.ms", "%d", draw(producer, 1000, 10000));
    set(config, "compression.type", "%s", codecs[sim_below(scheduler_of(producer), 5)]);
    dohle_error_info info;
    int err =
        dh_settings_resolve(&producer->settings, &producer->memory.allocator, config,
                            DH_ROLE_PRODUCER, (uint32_t)producer->index, &info);
    DH_ASSERT(err == 0);
    dohle_config_free(config);
}

// ---- Records ----

static struct dh_producer_record *new_record(struct sim_producer *producer, int place,
                                             int64_t number)
{
    struct sim_topics *topics = &producer->world->topics;
    struct sim_content content = sim_topics_content(topics, place, number);
    const char *topic = sim_topics_name(topics, place);
    size_t size = sizeof(struct dh_producer_record) + content.key.size +
                  content.value.size + strlen(topic) + 1;
    struct dh_producer_record *record =
        dh_mem_calloc(&producer->memory.allocator, 1, size);
    DH_ASSERT(record != NULL);
    uint8_t *key = (uint8_t *)(record + 1);
    uint8_t *value = key + content.key.size;
    uint8_t *name = value + content.value.size;
    memcpy(key, content.key.data, content.key.size);
    memcpy(value, content.value.data, content.value.size);
    memcpy(name, topic, strlen(topic) + 1);
    record->message.kind = (enum dh_message_kind)DH_PRODUCER_RECORD;
    record->message.size = (uint32_t)size;
    record->input = (struct dh_record_input){.timestamp_ms = content.timestamp_ms,
                                             .key = {key, content.key.size},
                                             .value = {value, content.value.size}};
    record->topic = (const char *)name;
    record->partition = place % SIM_PARTITIONS_MAX;
    record->deadline_ns =
        dh_deadline_after_ms(now_of(producer), producer->settings.delivery_timeout_ms);
    record->offset = -1;
    record->timestamp_ms = content.timestamp_ms;
    record->serial = (uint64_t)number;
    return record;
}

static void send(struct sim_producer *producer, int place)
{
    struct sim_world *world = producer->world;
    struct sim_partition *partition = sim_topics_partition(&world->topics, place);
    DH_ASSERT(partition != NULL);
    int64_t number = partition->number_next++;
    sim_tell(world, (struct sim_event){.kind = SIM_SENT_RECORD,
                                       .member = -1,
                                       .group = producer->index,
                                       .place = place,
                                       .call = (uint64_t)number + 1,
                                       .flag = producer->is_idempotent});
    producer->unsettled++;
    world->counts.sent++;
    struct dh_producer_record *record = new_record(producer, place, number);
    dh_producer_input(producer->engine, &record->message, now_of(producer));
}

static void on_settled(struct sim_producer *producer,
                       const struct dh_producer_record *record)
{
    struct sim_world *world = producer->world;
    producer->unsettled--;
    if (record->err != 0) {
        world->counts.given_up++;
        sim_tell(world, (struct sim_event){.kind = SIM_GAVE_UP,
                                           .member = -1,
                                           .group = producer->index,
                                           .place = sim_topics_place(
                                               &world->topics, dh_bytes_of(record->topic),
                                               record->partition),
                                           .call = record->serial + 1});
        return;
    }
    world->counts.acknowledged++;
    int place =
        sim_topics_place(&world->topics, dh_bytes_of(record->topic), record->partition);
    sim_tell(world, (struct sim_event){.kind = SIM_ACKNOWLEDGED,
                                       .member = -1,
                                       .group = producer->index,
                                       .place = place,
                                       .offset = record->offset,
                                       .call = record->serial + 1});
}

static void on_turn(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_producer *producer = ctx;
    struct sim_world *world = producer->world;
    struct sim_scheduler *scheduler = scheduler_of(producer);
    if (producer->state != SIM_PRODUCER_OPEN) {
        return;
    }
    uint64_t count = 1 + sim_below(scheduler, BURST_MAX);
    int place = sim_draw_place_in_use(world);
    while (count-- > 0 && producer->unsettled < UNSETTLED_MAX) {
        if (sim_chance(scheduler, 300)) {
            place = sim_draw_place_in_use(world);
        }
        send(producer, place);
    }
    sim_after(scheduler, sim_between(scheduler, 0, 600 * DH_MS), on_turn, producer, 0);
    serve(producer);
}

// ---- The engine's thread ----

static void end(struct sim_producer *producer)
{
    sim_network_forget(&producer->world->network, &producer->client);
    dh_producer_free(producer->engine);
    producer->engine = NULL;
    dh_settings_deinit(&producer->settings);
    producer->state = SIM_PRODUCER_ENDED;
    if (producer->memory.bytes != 0) {
        sim_fail(producer->world, "L6: a producer is closed, and %zu bytes are left",
                 producer->memory.bytes);
    }
}

static void take(struct sim_producer *producer, struct dh_message *message)
{
    int kind = (int)message->kind;
    if (kind == DH_PRODUCER_RECORD) {
        on_settled(producer,
                   DH_CONTAINER_OF(message, struct dh_producer_record, message));
    } else if (kind == DH_PRODUCER_CLOSE) {
        producer->is_close_answered = true;
    } else {
        // What it tells goes back to it.
        dh_producer_input(producer->engine, message, now_of(producer));
        return;
    }
    dh_producer_message_free(&producer->memory.allocator, message);
}

static void on_timer(void *ctx, uint64_t number)
{
    struct sim_producer *producer = ctx;
    if (number == producer->timer_number && producer->engine != NULL) {
        producer->timer_ns = DH_NEVER;
        serve(producer);
    }
}

static void arm_timer(struct sim_producer *producer)
{
    struct sim_scheduler *scheduler = scheduler_of(producer);
    int64_t deadline_ns = dh_producer_deadline(producer->engine);
    if (producer->is_close_answered) {
        deadline_ns = dh_earlier(deadline_ns, producer->close_deadline_ns);
    }
    if (deadline_ns == producer->timer_ns) {
        return;
    }
    producer->timer_ns = deadline_ns;
    producer->timer_number++;
    if (deadline_ns != DH_NEVER) {
        int64_t from_ns =
            deadline_ns > scheduler->now_ns ? deadline_ns : scheduler->now_ns;
        sim_at(scheduler, from_ns + sim_delay(scheduler, TIMER_DELAY_MAX_NS), on_timer,
               producer, producer->timer_number);
    }
}

// One turn of the thread, as api/io_thread.c takes it.
static void serve(struct sim_producer *producer)
{
    if (dh_producer_deadline(producer->engine) <= now_of(producer)) {
        dh_producer_tick(producer->engine, now_of(producer));
    }
    struct dh_action action;
    while (dh_producer_next_action(producer->engine, &action)) {
        sim_network_act(&producer->world->network, &producer->client, &action);
    }
    for (struct dh_message *message;
         (message = dh_producer_next_event(producer->engine)) != NULL;) {
        take(producer, message);
    }
    dh_producer_check(producer->engine);
    bool may_linger = now_of(producer) < producer->close_deadline_ns;
    if (producer->is_close_answered &&
        (dh_producer_is_finished(producer->engine) || !may_linger)) {
        end(producer);
        return;
    }
    arm_timer(producer);
}

// ---- The network's end ----

static void on_resolved(void *ctx, uint32_t id, const struct dh_address *addresses,
                        size_t count, int err, const char *text)
{
    struct sim_producer *producer = ctx;
    dh_producer_on_resolved(producer->engine, id, addresses, count, err, text,
                            now_of(producer));
    serve(producer);
}

static void on_connected(void *ctx, uint32_t id)
{
    struct sim_producer *producer = ctx;
    dh_producer_on_connected(producer->engine, id, now_of(producer));
    serve(producer);
}

static void on_closed(void *ctx, uint32_t id, int err, const char *text)
{
    struct sim_producer *producer = ctx;
    dh_producer_on_closed(producer->engine, id, err, text, now_of(producer));
    serve(producer);
}

static bool receive_buffer(void *ctx, uint32_t id, uint8_t **pointer, size_t *capacity)
{
    struct sim_producer *producer = ctx;
    return dh_producer_receive_buffer(producer->engine, id, pointer, capacity);
}

static void on_received(void *ctx, uint32_t id, size_t size)
{
    struct sim_producer *producer = ctx;
    dh_producer_on_received(producer->engine, id, size, now_of(producer));
    serve(producer);
}

static void on_sent(void *ctx, uint32_t id)
{
    struct sim_producer *producer = ctx;
    dh_producer_on_sent(producer->engine, id, now_of(producer));
    serve(producer);
}

// ---- Life ----

static void write_log(void *ctx, const dohle_log_line *line)
{
    const struct sim_producer *producer = ctx;
    fprintf(stderr, "%12.6f  producer %d log %d %s: %s\n",
            (double)now_of(producer) / (double)DH_SEC, producer->index, line->level,
            line->subsystem, line->text);
}

struct sim_producer *sim_producer_new(struct sim_world *world, int index)
{
    struct sim_producer *producer = calloc(1, sizeof(*producer));
    DH_ASSERT(producer != NULL);
    producer->world = world;
    producer->index = index;
    producer->timer_ns = DH_NEVER;
    sim_memory_init(&producer->memory);
    producer->log = (dohle_log_sink){
        .write = write_log, .ctx = producer, .level_max = DOHLE_LOG_DEBUG};
    producer->client = (struct sim_client){.ctx = producer,
                                           .member = -1,
                                           .on_resolved = on_resolved,
                                           .on_connected = on_connected,
                                           .on_closed = on_closed,
                                           .receive_buffer = receive_buffer,
                                           .on_received = on_received,
                                           .on_sent = on_sent};
    draw_settings(producer);
    producer->engine = dh_producer_new(
        &(struct dh_back_options){.mem = &producer->memory.allocator,
                                  .log = world->is_verbose ? &producer->log : NULL,
                                  .settings = &producer->settings,
                                  .seed = dh_random_next(&world->scheduler.random),
                                  .now_ns = now_of(producer)});
    DH_ASSERT(producer->engine != NULL);
    serve(producer);
    sim_after(scheduler_of(producer), 0, on_turn, producer, 0);
    return producer;
}

void sim_producer_kill(struct sim_producer *producer)
{
    if (producer->state == SIM_PRODUCER_ENDED) {
        return;
    }
    sim_network_forget(&producer->world->network, &producer->client);
    dh_producer_free(producer->engine);
    producer->engine = NULL;
    producer->state = SIM_PRODUCER_ENDED;
    sim_memory_drop_all(&producer->memory);
}

void sim_producer_close(struct sim_producer *producer)
{
    if (producer->state != SIM_PRODUCER_OPEN) {
        return;
    }
    producer->state = SIM_PRODUCER_CLOSING;
    producer->close_deadline_ns = now_of(producer) + SIM_PRODUCER_CLOSE_NS;
    struct dh_producer_close *command =
        dh_mem_calloc(&producer->memory.allocator, 1, sizeof(*command));
    DH_ASSERT(command != NULL);
    command->message.kind = (enum dh_message_kind)DH_PRODUCER_CLOSE;
    command->message.size = (uint32_t)sizeof(*command);
    command->deadline_ns = producer->close_deadline_ns;
    dh_producer_input(producer->engine, &command->message, now_of(producer));
    serve(producer);
}

void sim_producer_free(struct sim_producer *producer)
{
    sim_producer_kill(producer);
    free(producer);
}
