// SPDX-License-Identifier: MIT
#include "member.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "application.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/config.h"
#include "base/mem.h"
#include "sim.h"

// Delays of the queues between the halves and of the back half's timer.
#define QUEUE_DELAY_MAX_NS (200 * DH_MS)
#define TIMER_DELAY_MAX_NS (2 * DH_MS)
// More turns of the back half's timer in one millisecond are a busy loop (L7).
#define TICKS_MAX 200

static void serve_back(struct sim_member *member);
static void schedule_notices(struct sim_member *member);

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

static int draw(struct sim_member *member, int64_t min, int64_t max)
{
    return (int)sim_between(&member->world->scheduler, min, max);
}

static void draw_settings(struct sim_member *member)
{
    const struct sim_member_options *options = &member->options;
    struct sim_scheduler *scheduler = &member->world->scheduler;
    dohle_config *config = dohle_config_new();
    DH_ASSERT(config != NULL);
    set(config, "bootstrap.servers", "%s",
        member->world->network.node_count > 1 ? "node-0:9092,node-1:9092"
                                              : "node-0:9092");
    if (options->group != SIM_GROUP_NONE) {
        set(config, "group.id", "%s", member->world->topics.group_ids[options->group]);
    }
    set(config, "enable.auto.commit", "%s", options->has_auto_commit ? "true" : "false");
    set(config, "auto.commit.interval.ms", "%d", draw(member, 50, 4000));
    set(config, "auto.offset.reset", "%s", options->is_earliest ? "earliest" : "latest");
    set(config, "session.timeout.ms", "6000");
    set(config, "heartbeat.interval.ms", "%d", draw(member, 300, 2000));
    set(config, "max.poll.interval.ms", "%d", draw(member, 6000, 12000));
    set(config, "request.timeout.ms", "%d", draw(member, 2000, 10000));
    set(config, "default.api.timeout.ms", "%d", draw(member, 2000, 15000));
    set(config, "retry.backoff.ms", "%d", draw(member, 20, 200));
    set(config, "reconnect.backoff.ms", "%d", draw(member, 20, 100));
    set(config, "socket.connection.setup.timeout.ms", "%d", draw(member, 1000, 4000));
    set(config, "metadata.max.age.ms", "%d", draw(member, 1000, 10000));
    set(config, "fetch.max.wait.ms", "%d", draw(member, 0, 700));
    set(config, "fetch.min.bytes", "%d",
        sim_chance(scheduler, 700) ? 1 : draw(member, 0, 4000));
    set(config, "max.poll.records", "%d",
        sim_chance(scheduler, 300) ? draw(member, 1, 5) : 500);
    if (sim_chance(scheduler, 500)) {
        set(config, "max.partition.fetch.bytes", "%d", draw(member, 1, 5000));
        set(config, "fetch.max.bytes", "%d", draw(member, 1, 20000));
    }
    if (sim_chance(scheduler, 300)) {
        set(config, "fetch.buffer.bytes", "%d", draw(member, 1, 60000));
    }
    if (sim_chance(scheduler, 200)) {
        set(config, "connections.max.idle.ms", "%d", draw(member, 500, 5000));
    }
    dohle_error_info info;
    int err = dh_settings_resolve(&member->settings, &member->memory.allocator, config,
                                  DH_ROLE_CONSUMER, (uint32_t)member->index, &info);
    DH_ASSERT(err == 0);
    dohle_config_free(config);
}

// ---- Events ----

void sim_member_tell(struct sim_member *member, enum sim_event_kind kind, int place,
                     int64_t offset)
{
    sim_tell(member->world, (struct sim_event){.kind = kind,
                                               .member = member->index,
                                               .place = place,
                                               .offset = offset});
}

static void tell_term(struct sim_member *member, const struct sim_slot *slot)
{
    sim_tell(member->world, (struct sim_event){.kind = SIM_TERM,
                                               .member = member->index,
                                               .place = slot->place,
                                               .term = slot->term});
}

void sim_member_own(struct sim_member *member, int place, uint64_t assignment)
{
    struct sim_place_state *state = &member->places[place];
    if (assignment != 0 && assignment <= state->revoked) {
        return; // the notice that takes it away was taken before the callback ran
    }
    state->is_owned = true;
    state->is_paused = false;
    state->is_next_known = false;
    state->assignment = assignment;
    sim_tell(member->world, (struct sim_event){.kind = SIM_OWNED,
                                               .member = member->index,
                                               .place = place,
                                               .flag = member->options.is_by_hand,
                                               .term.assignment = assignment});
}

void sim_member_disown(struct sim_member *member, int place)
{
    if (member->places[place].is_owned) {
        member->places[place].is_owned = false;
        sim_member_tell(member, SIM_DISOWNED, place, -1);
    }
}

static int place_of(const struct sim_member *member, const char *topic, int32_t partition)
{
    return sim_topics_place(&member->world->topics, dh_bytes_of(topic), partition);
}

// ---- Mirrors: what the front half is told, and tells ----

static struct sim_slot *slot_at(struct sim_member *member, uint32_t slot)
{
    DH_ASSERT(slot < SIM_SLOTS_MAX);
    return &member->slots[slot];
}

static void mirror_assigned(struct sim_member *member,
                            const struct dh_named_partition *partition)
{
    struct sim_slot *slot = slot_at(member, partition->slot);
    if (slot->place >= 0 && slot->term.assignment == partition->assignment) {
        return; // assigned by hand, and stays
    }
    *slot = (struct sim_slot){
        .place = place_of(member, partition->topic, partition->partition),
        .term = {.assignment = partition->assignment}};
    tell_term(member, slot);
}

static void mirror_ownership(struct sim_member *member,
                             const struct dh_notice_ownership *notice)
{
    if (member->leaves_pending > 0) {
        return;
    }
    bool is_assigned = notice->message.kind == DH_NOTICE_ASSIGN;
    for (uint32_t i = 0; i < notice->count; i++) {
        const struct dh_named_partition *partition = &notice->partitions[i];
        int place = place_of(member, partition->topic, partition->partition);
        DH_ASSERT(place >= 0);
        if (is_assigned) {
            mirror_assigned(member, partition);
            if (!notice->has_callback || !member->options.has_listener) {
                sim_member_own(member, place, partition->assignment);
            }
        } else {
            member->places[place].revoked = partition->assignment;
            if (member->places[place].assignment == partition->assignment) {
                sim_member_disown(member, place);
            }
        }
    }
}

static void mirror_chunk(struct sim_member *member, const struct dh_chunk *chunk)
{
    DH_ASSERT(member->chunk_count < SIM_CHUNKS_MAX);
    member->chunks[member->chunk_count++] =
        (struct sim_held_chunk){.chunk = chunk,
                                .place = slot_at(member, chunk->slot)->place,
                                .term = chunk->term};
}

static void mirror_chunk_back(struct sim_member *member, const struct dh_chunk *chunk)
{
    for (size_t i = 0; i < member->chunk_count; i++) {
        if (member->chunks[i].chunk == chunk) {
            member->chunks[i] = member->chunks[--member->chunk_count];
            return;
        }
    }
}

static void mirror_position(struct sim_member *member,
                            const struct dh_notice_position *notice)
{
    const struct sim_slot *slot = slot_at(member, notice->slot);
    if (slot->place < 0 || !dh_term_equal(slot->term, notice->term) ||
        notice->offset < 0 || notice->is_held) {
        return;
    }
    member->places[slot->place].is_next_known = true;
    member->places[slot->place].next = notice->offset;
    if (notice->term.position == 0) {
        sim_tell(member->world, (struct sim_event){.kind = SIM_POSITION,
                                                   .member = member->index,
                                                   .place = slot->place,
                                                   .offset = notice->offset,
                                                   .term = notice->term});
    }
}

static void mirror_input(struct sim_member *member, struct dh_message *message)
{
    if (message->kind == DH_NOTICE_CHUNK) {
        mirror_chunk(member, DH_CONTAINER_OF(message, struct dh_chunk, message));
    } else if (message->kind == DH_NOTICE_POSITION) {
        mirror_position(member,
                        DH_CONTAINER_OF(message, struct dh_notice_position, message));
    } else if (message->kind == DH_NOTICE_REVOKE || message->kind == DH_NOTICE_LOSE ||
               message->kind == DH_NOTICE_ASSIGN) {
        mirror_ownership(member,
                         DH_CONTAINER_OF(message, struct dh_notice_ownership, message));
    } else if (message->kind == DH_COMMAND_UNSUBSCRIBE ||
               message->kind == DH_COMMAND_CLOSE) {
        member->leaves_pending--;
    } else if (message->kind == DH_COMMAND_ASSIGN) {
        const struct dh_command_assign *command =
            DH_CONTAINER_OF(message, struct dh_command_assign, message);
        for (uint32_t i = 0; i < command->count && command->err == 0; i++) {
            mirror_assigned(member, &command->partitions[i]);
        }
    }
}

static void mirror_output(struct sim_member *member, struct dh_message *message)
{
    member->leaves_pending +=
        message->kind == DH_COMMAND_UNSUBSCRIBE || message->kind == DH_COMMAND_CLOSE ? 1
                                                                                     : 0;
    if (message->kind == DH_NOTICE_CHUNK) {
        mirror_chunk_back(member, DH_CONTAINER_OF(message, struct dh_chunk, message));
    } else if (message->kind == DH_COMMAND_SEEK) {
        const struct dh_command_seek *command =
            DH_CONTAINER_OF(message, struct dh_command_seek, message);
        struct sim_slot *slot = slot_at(member, command->slot);
        if (slot->term.assignment == command->term.assignment) {
            slot->term = command->term;
            tell_term(member, slot);
            if (command->target == DH_SEEK_POLICY) {
                sim_member_tell(member, SIM_RESET, slot->place, -1);
            }
        }
    }
}

// ---- The queues ----

static void move_command(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_member *member = ctx;
    member->is_command_scheduled = false;
    if (member->state == SIM_MEMBER_ENDED) {
        return;
    }
    uint64_t count = 1 + sim_below(&member->world->scheduler, 4);
    struct dh_link *link;
    while (count-- > 0 && (link = dh_list_pop_front(&member->commands)) != NULL) {
        dh_back_input(member->back, DH_CONTAINER_OF(link, struct dh_message, link),
                      member->world->scheduler.now_ns);
    }
    if (!dh_list_is_empty(&member->commands)) {
        member->is_command_scheduled = true;
        sim_after(&member->world->scheduler,
                  sim_delay(&member->world->scheduler, QUEUE_DELAY_MAX_NS), move_command,
                  member, 0);
    }
    serve_back(member);
}

void sim_member_flush(struct sim_member *member)
{
    for (struct dh_message *message;
         (message = dh_front_next_action(member->front)) != NULL;) {
        mirror_output(member, message);
        dh_list_push_back(&member->commands, &message->link);
    }
    if (!dh_list_is_empty(&member->commands) && !member->is_command_scheduled) {
        member->is_command_scheduled = true;
        sim_after(&member->world->scheduler,
                  sim_delay(&member->world->scheduler, QUEUE_DELAY_MAX_NS), move_command,
                  member, 0);
    }
}

static void move_notice(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_member *member = ctx;
    member->is_notice_scheduled = false;
    if (member->state != SIM_MEMBER_OPEN) {
        return;
    }
    uint64_t count = 1 + sim_below(&member->world->scheduler, 4);
    struct dh_link *link;
    while (count-- > 0 && (link = dh_list_pop_front(&member->notices)) != NULL) {
        dh_list_push_back(&member->arrived, link);
    }
    schedule_notices(member);
    if (member->is_waiting) {
        sim_member_drive(member);
    }
}

static void schedule_notices(struct sim_member *member)
{
    if (!dh_list_is_empty(&member->notices) && !member->is_notice_scheduled) {
        member->is_notice_scheduled = true;
        sim_after(&member->world->scheduler,
                  sim_delay(&member->world->scheduler, QUEUE_DELAY_MAX_NS), move_notice,
                  member, 0);
    }
}

static void free_messages(struct sim_member *member, struct dh_list *list)
{
    for (struct dh_link *link; (link = dh_list_pop_front(list)) != NULL;) {
        dh_message_free(&member->memory.allocator,
                        DH_CONTAINER_OF(link, struct dh_message, link));
    }
}

// ---- The back half's thread ----

static void end(struct sim_member *member)
{
    sim_network_forget(&member->world->network, &member->client);
    dh_back_free(member->back);
    member->back = NULL;
    free_messages(member, &member->commands);
    free_messages(member, &member->notices);
    free_messages(member, &member->arrived);
    dh_settings_deinit(&member->settings);
    member->state = SIM_MEMBER_ENDED;
    sim_member_tell(member, SIM_FREED, -1, (int64_t)member->memory.bytes);
}

static void on_timer(void *ctx, uint64_t number)
{
    struct sim_member *member = ctx;
    if (number != member->timer_number || member->state == SIM_MEMBER_ENDED) {
        return;
    }
    member->timer_ns = DH_NEVER;
    serve_back(member);
}

static void arm_timer(struct sim_member *member)
{
    struct sim_scheduler *scheduler = &member->world->scheduler;
    int64_t deadline_ns = dh_back_deadline(member->back);
    if (member->state == SIM_MEMBER_CLOSED) {
        deadline_ns = dh_earlier(deadline_ns, member->linger_ns);
    }
    if (deadline_ns == member->timer_ns) {
        return;
    }
    member->timer_ns = deadline_ns;
    member->timer_number++;
    if (deadline_ns != DH_NEVER) {
        int64_t from_ns =
            deadline_ns > scheduler->now_ns ? deadline_ns : scheduler->now_ns;
        sim_at(scheduler, from_ns + sim_delay(scheduler, TIMER_DELAY_MAX_NS), on_timer,
               member, member->timer_number);
    }
}

static void tick(struct sim_member *member)
{
    int64_t now_ns = member->world->scheduler.now_ns;
    if (dh_back_deadline(member->back) > now_ns) {
        return;
    }
    if (member->ticks_ms != now_ns / DH_MS) {
        member->ticks_ms = now_ns / DH_MS;
        member->ticks = 0;
    }
    if (++member->ticks > TICKS_MAX) {
        sim_fail(member->world, "L7: the back half of member %d runs in circles",
                 member->index);
    }
    dh_back_tick(member->back, member->mark, now_ns);
}

// One turn of the thread, as api/io_thread.c takes it.
static void serve_back(struct sim_member *member)
{
    tick(member);
    struct dh_action action;
    while (dh_back_next_action(member->back, &action)) {
        sim_network_act(&member->world->network, &member->client, &action);
    }
    for (struct dh_message *message;
         (message = dh_back_next_event(member->back)) != NULL;) {
        dh_list_push_back(&member->notices, &message->link);
    }
    dh_back_check(member->back);
    if (member->state == SIM_MEMBER_CLOSED) {
        free_messages(member, &member->notices);
        if (dh_back_is_finished(member->back) ||
            member->world->scheduler.now_ns >= member->linger_ns) {
            end(member);
            return;
        }
    } else {
        schedule_notices(member);
    }
    arm_timer(member);
}

static void on_resolved(void *ctx, uint32_t id, const struct dh_address *addresses,
                        size_t count, int err, const char *text)
{
    struct sim_member *member = ctx;
    dh_back_on_resolved(member->back, id, addresses, count, err, text,
                        member->world->scheduler.now_ns);
    serve_back(member);
}

static void on_connected(void *ctx, uint32_t id)
{
    struct sim_member *member = ctx;
    dh_back_on_connected(member->back, id, member->world->scheduler.now_ns);
    serve_back(member);
}

static void on_closed(void *ctx, uint32_t id, int err, const char *text)
{
    struct sim_member *member = ctx;
    dh_back_on_closed(member->back, id, err, text, member->world->scheduler.now_ns);
    serve_back(member);
}

static bool receive_buffer(void *ctx, uint32_t id, uint8_t **pointer, size_t *capacity)
{
    struct sim_member *member = ctx;
    return dh_back_receive_buffer(member->back, id, pointer, capacity);
}

static void on_received(void *ctx, uint32_t id, size_t size)
{
    struct sim_member *member = ctx;
    dh_back_on_received(member->back, id, size, member->world->scheduler.now_ns);
    serve_back(member);
}

static void on_sent(void *ctx, uint32_t id)
{
    struct sim_member *member = ctx;
    dh_back_on_sent(member->back, id, member->world->scheduler.now_ns);
    serve_back(member);
}

// ---- The application's thread ----

static void take_arrived(struct sim_member *member)
{
    for (struct dh_link *link; (link = dh_list_pop_front(&member->arrived)) != NULL;) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        mirror_input(member, message);
        dh_front_input(member->front, message, member->world->scheduler.now_ns);
    }
    sim_member_flush(member);
    if (member->is_woken) {
        member->is_woken = false;
        dh_front_wakeup(member->front);
    }
}

struct sim_call *sim_member_call(struct sim_member *member, const char *name,
                                 int64_t deadline_ns)
{
    DH_ASSERT(member->depth < SIM_CALLS_MAX);
    struct sim_call *call = &member->calls[member->depth++];
    memset(call, 0, sizeof(*call));
    call->name = name;
    call->number = ++member->world->calls;
    sim_tell(member->world, (struct sim_event){.kind = SIM_CALL_BEGAN,
                                               .member = member->index,
                                               .place = -1,
                                               .end = deadline_ns,
                                               .call = call->number,
                                               .name = name});
    if (strcmp(name, "poll") == 0) {
        member->mark = (struct dh_poll_mark){.is_inside = true};
    }
    return call;
}

static void on_wait_over(void *ctx, uint64_t number)
{
    struct sim_member *member = ctx;
    if (member->is_waiting && member->wait_number == number &&
        member->state == SIM_MEMBER_OPEN) {
        sim_member_drive(member);
    }
}

// close has returned: what is left is the back half's.
static void let_go(struct sim_member *member)
{
    int64_t now_ns = member->world->scheduler.now_ns;
    dh_front_free(member->front);
    member->front = NULL;
    member->state = SIM_MEMBER_CLOSED;
    member->linger_ns = now_ns + SIM_LINGER_NS;
    for (int i = 0; i < SIM_PLACES_MAX; i++) {
        sim_member_disown(member, i);
    }
    free_messages(member, &member->arrived);
    serve_back(member);
}

static void on_done(struct sim_member *member)
{
    struct sim_call *call = &member->calls[--member->depth];
    int64_t now_ns = member->world->scheduler.now_ns;
    bool is_poll = strcmp(call->name, "poll") == 0;
    if (is_poll) {
        if (!dh_front_is_ready(member->front, now_ns)) {
            take_arrived(member);
        }
        member->mark = (struct dh_poll_mark){.left_ns = now_ns};
    }
    sim_tell(member->world, (struct sim_event){.kind = SIM_CALL_ENDED,
                                               .member = member->index,
                                               .place = -1,
                                               .offset = call->call.err,
                                               .call = call->number,
                                               .name = call->name});
    member->world->counts.failed_calls += call->call.err != 0 ? 1 : 0;
    dh_front_check(member->front);
    bool is_close = call->call.kind == DH_CALL_CLOSE;
    sim_application_on_return(member, call);
    if (is_close) {
        let_go(member);
    }
}

void sim_member_drive(struct sim_member *member)
{
    struct sim_scheduler *scheduler = &member->world->scheduler;
    struct sim_call *call = &member->calls[member->depth - 1];
    member->is_waiting = false;
    member->wait_number++;
    for (;;) {
        take_arrived(member);
        enum dh_step step = dh_front_step(member->front, &call->call, scheduler->now_ns);
        sim_member_flush(member);
        switch (step) {
        case DH_STEP_DONE: on_done(member); return;
        case DH_STEP_CALLBACK: sim_application_on_callback(member, call); return;
        case DH_STEP_WAIT:
            if (!dh_list_is_empty(&member->arrived) || member->is_woken) {
                continue;
            }
            member->is_waiting = true;
            sim_at(scheduler, dh_front_deadline(member->front, &call->call), on_wait_over,
                   member, member->wait_number);
            return;
        }
    }
}

void sim_member_wakeup(struct sim_member *member)
{
    if (member->state == SIM_MEMBER_OPEN) {
        member->is_woken = true;
        member->world->counts.wakeups++;
        if (member->is_waiting) {
            sim_member_drive(member);
        }
    }
}

// ---- Life ----

static void write_log(void *ctx, const dohle_log_line *line)
{
    struct sim_member *member = ctx;
    if (member->world->is_verbose) {
        fprintf(stderr, "%12.6f  m%-2d log %d %s: %s\n",
                (double)member->world->scheduler.now_ns / (double)DH_SEC, member->index,
                line->level, line->subsystem, line->text);
    }
}

struct sim_member *sim_member_new(struct sim_world *world, int index,
                                  const struct sim_member_options *options)
{
    struct sim_member *member = calloc(1, sizeof(*member));
    DH_ASSERT(member != NULL);
    member->world = world;
    member->index = index;
    member->options = *options;
    member->timer_ns = DH_NEVER;
    sim_memory_init(&member->memory);
    dh_list_init(&member->commands);
    dh_list_init(&member->notices);
    dh_list_init(&member->arrived);
    for (size_t i = 0; i < SIM_SLOTS_MAX; i++) {
        member->slots[i].place = -1;
    }
    member->log =
        (dohle_log_sink){.write = write_log, .ctx = member, .level_max = DOHLE_LOG_DEBUG};
    member->client = (struct sim_client){.ctx = member,
                                         .member = index,
                                         .on_resolved = on_resolved,
                                         .on_connected = on_connected,
                                         .on_closed = on_closed,
                                         .receive_buffer = receive_buffer,
                                         .on_received = on_received,
                                         .on_sent = on_sent};
    draw_settings(member);
    const dohle_log_sink *log = world->is_verbose ? &member->log : NULL;
    int64_t now_ns = world->scheduler.now_ns;
    member->back = dh_back_new(
        &(struct dh_back_options){.mem = &member->memory.allocator,
                                  .log = log,
                                  .settings = &member->settings,
                                  .seed = dh_random_next(&world->scheduler.random),
                                  .now_ns = now_ns});
    member->front =
        dh_front_new(&(struct dh_front_options){.mem = &member->memory.allocator,
                                                .log = log,
                                                .settings = &member->settings,
                                                .now_ns = now_ns});
    DH_ASSERT(member->back != NULL && member->front != NULL);
    sim_tell(world, (struct sim_event){.kind = SIM_STARTED,
                                       .member = index,
                                       .place = -1,
                                       .group = options->group,
                                       .flag = options->is_earliest});
    serve_back(member);
    sim_application_start(member);
    return member;
}

void sim_member_kill(struct sim_member *member)
{
    DH_ASSERT(member->state != SIM_MEMBER_ENDED);
    sim_network_forget(&member->world->network, &member->client);
    dh_back_free(member->back);
    member->state = SIM_MEMBER_ENDED;
    for (int i = 0; i < SIM_PLACES_MAX; i++) {
        sim_member_disown(member, i);
    }
    sim_memory_drop_all(&member->memory);
    member->front = NULL;
    member->is_waiting = false;
    member->depth = 0;
    sim_member_tell(member, SIM_KILLED, -1, -1);
}

void sim_member_free(struct sim_member *member)
{
    if (member->state != SIM_MEMBER_ENDED) {
        dh_back_free(member->back);
        sim_memory_drop_all(&member->memory);
    }
    free(member->pending);
    free(member);
}
