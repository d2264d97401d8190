// SPDX-License-Identifier: MIT
#include "application.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "sim.h"

// Topics: the shared group's, then the one that is assigned by hand.
#define GROUP_TOPICS 2
#define FREE_TOPIC   2

static void turn(void *ctx, uint64_t number);

static struct sim_scheduler *scheduler_of(const struct sim_member *member)
{
    return &member->world->scheduler;
}

static int64_t now_of(const struct sim_member *member)
{
    return member->world->scheduler.now_ns;
}

static void next_turn(struct sim_member *member, int64_t delay_ns)
{
    sim_after(scheduler_of(member), delay_ns, turn, member, ++member->turn_number);
}

static int64_t thinking_time(struct sim_member *member)
{
    return sim_delay(scheduler_of(member), 50 * DH_MS);
}

static int64_t deadline_in(struct sim_member *member)
{
    static const int32_t times_ms[] = {0, 1, 10, 50, 100, 300, 1000, 3000};
    size_t count = DH_COUNT_OF(times_ms);
    return now_of(member) + times_ms[sim_below(scheduler_of(member), count)] * DH_MS;
}

void sim_application_start(struct sim_member *member)
{
    next_turn(member, thinking_time(member));
}

void sim_application_close(struct sim_member *member)
{
    member->is_closing = true;
}

// ---- Records ----

static void take_record(struct sim_member *member, const struct dh_run *run,
                        const dohle_record *record)
{
    struct sim_world *world = member->world;
    int place = sim_topics_place(&world->topics, dh_bytes_of(run->topic), run->partition);
    const struct sim_held_chunk *held = NULL;
    for (size_t i = 0; i < member->chunk_count && held == NULL; i++) {
        const struct dh_chunk *chunk = member->chunks[i].chunk;
        for (uint32_t j = 0; j < chunk->batch_count; j++) {
            if (member->chunks[i].place == place &&
                chunk->batches[j].frame == run->frame) {
                held = &member->chunks[i];
            }
        }
    }
    if (held == NULL) {
        sim_fail(world, "member %d was given a record of place %d from no chunk it holds",
                 member->index, place);
        return;
    }
    int64_t number = sim_topics_number(&world->topics, place, record);
    sim_tell(world, (struct sim_event){
                        .kind = SIM_DELIVERED,
                        .member = member->index,
                        .place = place,
                        .offset = record->offset,
                        .term = held->term,
                        .call = number < 0 ? SIM_NOBODY : (uint64_t)number + 1,
                        .flag = sim_topics_is_intact(&world->topics, place, record)});
    world->counts.records++;
    member->places[place].next = record->offset + 1;
    member->places[place].is_next_known = true;
    if (member->pending_count == member->pending_capacity) {
        member->pending_capacity = member->pending_capacity * 2 + 64;
        member->pending =
            realloc(member->pending, member->pending_capacity * sizeof(*member->pending));
        DH_ASSERT(member->pending != NULL);
    }
    member->pending[member->pending_count++] =
        (struct sim_pending_record){place, record->offset};
}

static void take_records(struct sim_member *member)
{
    const struct dh_record_set *set = dh_front_records(member->front);
    for (size_t i = 0; i < set->run_count; i++) {
        const struct dh_run *run = &set->runs[i];
        for (size_t j = 0; j < run->count; j++) {
            take_record(member, run, &set->records[run->first + j]);
        }
    }
}

static void process_pending(struct sim_member *member)
{
    for (size_t i = 0; i < member->pending_count; i++) {
        sim_member_tell(member, SIM_PROCESSED, member->pending[i].place,
                        member->pending[i].offset);
    }
    member->pending_count = 0;
}

// ---- Wishes ----

// A place that the member owns, drawn; -1: none.
static int draw_place(struct sim_member *member)
{
    int start = (int)sim_below(scheduler_of(member), SIM_PLACES_MAX);
    for (int i = 0; i < SIM_PLACES_MAX; i++) {
        int place = (start + i) % SIM_PLACES_MAX;
        if (member->places[place].is_owned) {
            return place;
        }
    }
    return -1;
}

static dohle_topic_partition partition_at(const struct sim_member *member, int place)
{
    return (dohle_topic_partition){
        .topic = sim_topics_name(&member->world->topics, place),
        .partition = place % SIM_PARTITIONS_MAX,
    };
}

static void seek(struct sim_member *member)
{
    int place = draw_place(member);
    if (place < 0) {
        return;
    }
    struct sim_world *world = member->world;
    enum dh_seek_target target = DH_SEEK_OFFSET;
    int64_t offset = 0;
    if (member->options.is_by_hand) {
        const struct sim_partition *partition =
            sim_topics_partition(&world->topics, place);
        offset = sim_between(scheduler_of(member), 0, partition->end);
        if (sim_chance(scheduler_of(member), 200)) {
            target = DH_SEEK_END;
        }
    } else {
        int64_t committed = world->topics.committed[member->options.group][place];
        offset = sim_between(scheduler_of(member), 0, committed < 0 ? 0 : committed);
    }
    if (target == DH_SEEK_OFFSET && sim_chance(scheduler_of(member), 100)) {
        target = DH_SEEK_BEGINNING;
    }
    dohle_topic_partition partition = partition_at(member, place);
    if (dh_front_seek(member->front, partition.topic, partition.partition, target, offset,
                      -1) != 0) {
        return;
    }
    world->counts.seeks++;
    struct sim_place_state *state = &member->places[place];
    state->is_next_known = target != DH_SEEK_END;
    state->next = target == DH_SEEK_BEGINNING ? 0 : offset;
    sim_member_tell(member, SIM_SOUGHT, place,
                    target == DH_SEEK_OFFSET      ? offset
                    : target == DH_SEEK_BEGINNING ? SIM_SEEK_BEGINNING
                                                  : SIM_SEEK_END);
}

static void pause_place(struct sim_member *member, int place, bool paused)
{
    dohle_topic_partition partition = partition_at(member, place);
    if (dh_front_pause(member->front, &partition, 1, paused) == 0) {
        member->places[place].is_paused = paused;
        member->world->counts.pauses += paused ? 1 : 0;
        sim_member_tell(member, paused ? SIM_PAUSED : SIM_RESUMED, place, -1);
    }
}

static void pause_or_resume(struct sim_member *member)
{
    int place = draw_place(member);
    if (place >= 0) {
        pause_place(member, place,
                    !member->places[place].is_paused &&
                        sim_chance(scheduler_of(member), 600));
    }
}

static void resume_all(struct sim_member *member)
{
    for (int i = 0; i < SIM_PLACES_MAX; i++) {
        if (member->places[i].is_owned && member->places[i].is_paused) {
            pause_place(member, i, false);
        }
    }
}

static void subscribe(struct sim_member *member, int topics)
{
    const char *names[GROUP_TOPICS];
    size_t count = 0;
    for (int i = 0; i < GROUP_TOPICS; i++) {
        if (topics & 1 << i) {
            names[count++] = member->world->topics.topics[i].name;
        }
    }
    int err =
        dh_front_subscribe(member->front, names, count, member->options.has_listener);
    DH_ASSERT(err == 0);
    member->subscription = topics;
}

static void assign(struct sim_member *member)
{
    dohle_topic_partition partitions[SIM_PARTITIONS_MAX];
    size_t count = 0;
    bool is_in[SIM_PLACES_MAX] = {false};
    int partition_count = member->world->topics.topics[FREE_TOPIC].partition_count;
    int sure = (int)sim_below(scheduler_of(member), (uint64_t)partition_count);
    for (int i = 0; i < partition_count; i++) {
        if (i == sure || sim_chance(scheduler_of(member), 500)) {
            int place = sim_place(FREE_TOPIC, i);
            is_in[place] = true;
            partitions[count++] = partition_at(member, place);
        }
    }
    int err = dh_front_assign(member->front, partitions, count, now_of(member));
    DH_ASSERT(err == 0);
    member->subscription = 1;
    for (int i = 0; i < SIM_PLACES_MAX; i++) {
        if (is_in[i] && !member->places[i].is_owned) {
            sim_member_own(member, i, 0);
        } else if (!is_in[i]) {
            sim_member_disown(member, i);
        }
    }
}

static void draw_interest(struct sim_member *member)
{
    if (member->options.is_by_hand) {
        assign(member);
    } else {
        subscribe(member, sim_chance(scheduler_of(member), 800)
                              ? 3
                              : 1 + (int)sim_below(scheduler_of(member), 2));
    }
}

// ---- Calls ----

static void call_poll(struct sim_member *member)
{
    int64_t deadline_ns = deadline_in(member);
    struct sim_call *call = sim_member_call(member, "poll", deadline_ns);
    member->world->counts.polls++;
    dh_front_begin_poll(member->front, &call->call, deadline_ns, now_of(member));
    sim_member_drive(member);
}

static void call_commit_sync(struct sim_member *member)
{
    int64_t deadline_ns = deadline_in(member);
    struct sim_call *call = sim_member_call(member, "commit_sync", deadline_ns);
    dh_front_begin_commit_sync(member->front, &call->call, NULL, 0, deadline_ns,
                               now_of(member));
    sim_member_drive(member);
}

// Only says that somebody wants to be told; the call's number is beside it.
static void on_committed(void)
{
}

static void call_commit_async(struct sim_member *member)
{
    struct dh_commit_target target = {
        .function = sim_chance(scheduler_of(member), 700) ? on_committed : NULL};
    struct sim_call *call = sim_member_call(member, "commit_async", now_of(member));
    if (target.function != NULL) {
        target.ctx = (void *)(uintptr_t)call->number;
        sim_tell(member->world, (struct sim_event){.kind = SIM_ASKED_COMMIT,
                                                   .member = member->index,
                                                   .place = -1,
                                                   .call = call->number});
    }
    dh_front_begin_commit_async(member->front, &call->call, NULL, 0, target,
                                now_of(member));
    sim_member_drive(member);
}

static void call_position(struct sim_member *member, int place)
{
    int64_t deadline_ns = deadline_in(member);
    dohle_topic_partition partition = partition_at(member, place);
    struct sim_call *call = sim_member_call(member, "position", deadline_ns);
    dh_front_begin_position(member->front, &call->call, partition.topic,
                            partition.partition, deadline_ns);
    sim_member_drive(member);
}

static void call_committed(struct sim_member *member, int place)
{
    int64_t deadline_ns = deadline_in(member);
    dohle_topic_partition partition = partition_at(member, place);
    dohle_offset *offset = &member->offsets[member->depth];
    *offset = (dohle_offset){.topic = partition.topic, .partition = partition.partition};
    struct sim_call *call = sim_member_call(member, "committed", deadline_ns);
    dh_front_begin_committed(member->front, &call->call, offset, 1, deadline_ns,
                             now_of(member));
    sim_member_drive(member);
}

static void call_list_offsets(struct sim_member *member, int place)
{
    static const int64_t latest = -1;
    int64_t deadline_ns = deadline_in(member);
    dohle_topic_partition partition = partition_at(member, place);
    dohle_offset *offset = &member->offsets[member->depth];
    *offset = (dohle_offset){.topic = partition.topic, .partition = partition.partition};
    struct sim_call *call = sim_member_call(member, "list_offsets", deadline_ns);
    dh_front_begin_list_offsets(member->front, &call->call, offset, &latest, 1,
                                deadline_ns, now_of(member));
    sim_member_drive(member);
}

static void call_topics(struct sim_member *member)
{
    int64_t deadline_ns = deadline_in(member);
    struct sim_call *call = sim_member_call(member, "topics", deadline_ns);
    dh_front_begin_topics(member->front, &call->call, NULL, deadline_ns, now_of(member));
    sim_member_drive(member);
}

static void call_idle_reason(struct sim_member *member, int place)
{
    int64_t deadline_ns = deadline_in(member);
    dohle_topic_partition partition = partition_at(member, place);
    struct sim_call *call = sim_member_call(member, "idle_reason", deadline_ns);
    dh_front_begin_idle_reason(member->front, &call->call, partition.topic,
                               partition.partition, deadline_ns);
    sim_member_drive(member);
}

static void disown_all(struct sim_member *member)
{
    for (int i = 0; i < SIM_PLACES_MAX; i++) {
        sim_member_disown(member, i);
    }
}

static void call_unsubscribe(struct sim_member *member)
{
    int64_t deadline_ns = deadline_in(member);
    struct sim_call *call = sim_member_call(member, "unsubscribe", deadline_ns);
    disown_all(member);
    member->subscription = 0;
    dh_front_begin_unsubscribe(member->front, &call->call, deadline_ns);
    sim_member_drive(member);
}

static void call_close(struct sim_member *member)
{
    int64_t deadline_ns =
        member->world->is_over ? now_of(member) + 30 * DH_SEC : deadline_in(member);
    member->world->counts.closes++;
    struct sim_call *call = sim_member_call(member, "close", deadline_ns);
    disown_all(member);
    dh_front_begin_close(member->front, &call->call, deadline_ns, now_of(member));
    sim_member_drive(member);
}

// ---- Turns ----

// Away for longer than max.poll.interval.ms.
static void be_slow(struct sim_member *member)
{
    member->world->counts.slow++;
    int64_t ms = sim_between(scheduler_of(member), member->settings.max_poll_interval_ms,
                             2 * (int64_t)member->settings.max_poll_interval_ms);
    next_turn(member, ms * DH_MS);
}

static void turn_in_calm(struct sim_member *member)
{
    bool is_member = !member->options.is_by_hand;
    if (member->subscription == 0 || (is_member && member->subscription != 3)) {
        if (is_member) {
            subscribe(member, 3);
        } else {
            assign(member);
        }
    }
    resume_all(member);
    bool must_commit = member->options.group != SIM_GROUP_NONE &&
                       !member->options.has_auto_commit &&
                       sim_chance(scheduler_of(member), 100);
    if (must_commit) {
        call_commit_sync(member);
    } else {
        call_poll(member);
    }
}

// A wish that never waits; the next turn comes.
static void wish(struct sim_member *member, void (*wish_function)(struct sim_member *))
{
    wish_function(member);
    if (sim_chance(scheduler_of(member), 500)) {
        sim_member_flush(member); // else the next call does it
    }
    next_turn(member, thinking_time(member));
}

static void turn_in_faults(struct sim_member *member)
{
    if (member->subscription == 0) {
        draw_interest(member);
    }
    bool has_group = member->options.group != SIM_GROUP_NONE;
    int place = draw_place(member);
    uint64_t what = sim_below(scheduler_of(member), 100);
    if (member->world->is_plain && what >= 7) {
        call_poll(member);
    } else if (what < 7 && has_group) {
        call_commit_sync(member);
    } else if (what < 14 && has_group) {
        call_commit_async(member);
    } else if (what < 20) {
        wish(member, seek);
    } else if (what < 26) {
        wish(member, pause_or_resume);
    } else if (what < 28 && place >= 0) {
        call_position(member, place);
    } else if (what < 30 && place >= 0 && has_group) {
        call_committed(member, place);
    } else if (what < 31 && place >= 0) {
        call_list_offsets(member, place);
    } else if (what < 32) {
        call_topics(member);
    } else if (what < 33 && place >= 0) {
        call_idle_reason(member, place);
    } else if (what < 34) {
        wish(member, draw_interest);
    } else if (what < 35 && sim_chance(scheduler_of(member), 400)) {
        call_unsubscribe(member);
    } else if (what < 36 && sim_chance(scheduler_of(member), 250)) {
        be_slow(member);
    } else {
        call_poll(member);
    }
}

static void end_callback(struct sim_member *member, struct sim_call *call)
{
    sim_tell(member->world, (struct sim_event){.kind = SIM_CALLBACK_ENDED,
                                               .member = member->index,
                                               .place = -1,
                                               .call = call->number,
                                               .name = call->name});
    dh_front_callback_done(member->front, &call->call,
                           sim_chance(scheduler_of(member), 20) ? 1 : 0);
    sim_member_drive(member);
}

// Inside a callback.
static void turn_in_callback(struct sim_member *member)
{
    struct sim_call *call = &member->calls[member->depth - 1];
    if (call->callback_steps == 0 || member->depth == SIM_CALLS_MAX) {
        end_callback(member, call);
        return;
    }
    call->callback_steps--;
    bool has_group = member->options.group != SIM_GROUP_NONE;
    bool is_assigned = call->call.callback.kind == DH_CALLBACK_ASSIGNED;
    int place = draw_place(member);
    uint64_t what = sim_below(scheduler_of(member), 8);
    if (what < 3 && is_assigned && !member->world->is_calm) {
        wish(member, seek);
    } else if (what < 4 && is_assigned && !member->world->is_calm) {
        wish(member, pause_or_resume);
    } else if (what < 5 && place >= 0) {
        call_position(member, place);
    } else if (what < 6 && place >= 0 && has_group) {
        call_committed(member, place);
    } else if (what < 7 && has_group) {
        call_commit_async(member);
    } else if (has_group) {
        call_commit_sync(member);
    } else {
        next_turn(member, thinking_time(member));
    }
}

static void turn(void *ctx, uint64_t number)
{
    struct sim_member *member = ctx;
    if (member->state != SIM_MEMBER_OPEN || number != member->turn_number) {
        return;
    }
    process_pending(member);
    if (member->depth > 0) {
        turn_in_callback(member);
    } else if (member->is_closing) {
        call_close(member);
    } else if (member->world->is_calm) {
        turn_in_calm(member);
    } else {
        turn_in_faults(member);
    }
}

// ---- What comes back ----

void sim_application_on_return(struct sim_member *member, const struct sim_call *call)
{
    if (call->call.kind == DH_CALL_POLL && call->call.err == 0) {
        take_records(member);
    }
    if (call->call.kind != DH_CALL_CLOSE) {
        next_turn(member, thinking_time(member));
    }
}

// The assignment under which a place was given to the member last.
static uint64_t assignment_of(const struct sim_member *member, int place)
{
    uint64_t assignment = 0;
    for (size_t i = 0; i < SIM_SLOTS_MAX; i++) {
        const struct sim_slot *slot = &member->slots[i];
        if (slot->place == place && slot->term.assignment > assignment) {
            assignment = slot->term.assignment;
        }
    }
    return assignment;
}

static void tell_callback(struct sim_member *member, const struct dh_callback *callback)
{
    static const enum sim_event_kind kinds[] = {
        [DH_CALLBACK_ASSIGNED] = SIM_ON_ASSIGNED,
        [DH_CALLBACK_REVOKED] = SIM_ON_REVOKED,
        [DH_CALLBACK_LOST] = SIM_ON_LOST,
    };

    if (callback->kind == DH_CALLBACK_COMMIT) {
        sim_tell(member->world,
                 (struct sim_event){.kind = SIM_ON_COMMIT,
                                    .member = member->index,
                                    .place = -1,
                                    .call = (uint64_t)(uintptr_t)callback->target.ctx});
        return;
    }
    for (size_t i = 0; i < callback->count; i++) {
        sim_member_tell(member, kinds[callback->kind],
                        sim_topics_place(&member->world->topics,
                                         dh_bytes_of(callback->partitions[i].topic),
                                         callback->partitions[i].partition),
                        -1);
    }
}

void sim_application_on_callback(struct sim_member *member, struct sim_call *call)
{
    sim_tell(member->world, (struct sim_event){.kind = SIM_CALLBACK_BEGAN,
                                               .member = member->index,
                                               .place = -1,
                                               .call = call->number,
                                               .name = call->name});
    member->world->counts.callbacks++;
    const struct dh_callback *callback = &call->call.callback;
    tell_callback(member, callback);
    for (size_t i = 0; callback->kind == DH_CALLBACK_ASSIGNED && i < callback->count;
         i++) {
        int place = sim_topics_place(&member->world->topics,
                                     dh_bytes_of(callback->partitions[i].topic),
                                     callback->partitions[i].partition);
        sim_member_own(member, place, assignment_of(member, place));
    }
    call->callback_steps = (int)sim_below(scheduler_of(member), 3);
    next_turn(member, sim_chance(scheduler_of(member), 50)
                          ? sim_between(scheduler_of(member), 0, 3 * DH_SEC)
                          : thinking_time(member));
}
