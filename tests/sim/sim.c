// SPDX-License-Identifier: MIT
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "application.h"
#include "base/assert.h"

#define GROUP_TOPICS 2
#define FREE_TOPIC   2
// Events printed before the one that a checker rejects.
#define LAST_EVENTS 12

void sim_tell(struct sim_world *world, struct sim_event event)
{
    event.at_ns = world->scheduler.now_ns;
    sim_history_add(&world->history, &event);
}

void sim_fail(struct sim_world *world, const char *format, ...)
{
    if (!world->is_failed) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(world->failure, sizeof(world->failure), format, arguments);
        va_end(arguments);
        world->is_failed = true;
    }
}

// ---- Members ----

static void add_member(struct sim_world *world, bool is_by_hand)
{
    if (world->member_count == SIM_MEMBERS_MAX || world->is_over) {
        return;
    }
    int index = world->member_count++;
    struct sim_scheduler *scheduler = &world->scheduler;
    struct sim_member_options options = {
        .group = 0,
        .is_earliest = true,
        .has_listener = sim_chance(scheduler, 800),
        .has_auto_commit = sim_chance(scheduler, 500),
        .is_by_hand = is_by_hand,
    };
    if (is_by_hand) {
        // A group of its own: nobody fences commits by hand.
        options.group = sim_chance(scheduler, 700) ? 1 + index : SIM_GROUP_NONE;
        options.is_earliest = sim_chance(scheduler, 500);
        options.has_listener = false;
        options.has_auto_commit =
            options.has_auto_commit && options.group != SIM_GROUP_NONE;
    }
    world->counts.members++;
    world->members[index] = sim_member_new(world, index, &options);
}

static void on_add(void *ctx, uint64_t number)
{
    add_member(ctx, number != 0);
}

static int count_open(const struct sim_world *world, bool is_by_hand)
{
    int count = 0;
    for (int i = 0; i < world->member_count; i++) {
        const struct sim_member *member = world->members[i];
        count += member != NULL && member->state == SIM_MEMBER_OPEN &&
                         member->options.is_by_hand == is_by_hand && !member->is_closing
                     ? 1
                     : 0;
    }
    return count;
}

static struct sim_member *draw_open(struct sim_world *world)
{
    int start = (int)sim_below(&world->scheduler, (uint64_t)world->member_count + 1);
    for (int i = 0; i < world->member_count; i++) {
        struct sim_member *member = world->members[(start + i) % world->member_count];
        if (member != NULL && member->state == SIM_MEMBER_OPEN) {
            return member;
        }
    }
    return NULL;
}

// One that leaves or is killed is followed by another, perhaps at once.
static void replace(struct sim_world *world, const struct sim_member *member)
{
    sim_after(&world->scheduler, sim_between(&world->scheduler, 0, 4 * DH_SEC), on_add,
              world, member->options.is_by_hand ? 1 : 0);
}

// ---- Faults ----

static void set_weather(struct sim_world *world)
{
    struct sim_scheduler *scheduler = &world->scheduler;
    if (world->is_calm) {
        world->network.weather = (struct sim_weather){.delay_max_ns = 20 * DH_MS};
        world->broker.error_in_thousand = 0;
        return;
    }
    bool is_bad = sim_chance(scheduler, 800);
    unsigned scale = is_bad ? (unsigned)sim_between(scheduler, 1, 10) : 0;
    world->network.weather = (struct sim_weather){
        .delay_max_ns = sim_between(scheduler, 1, 300) * DH_MS,
        .refuse_in_thousand = 20 * scale,
        .hang_in_thousand = 5 * scale,
        .unresolved_in_thousand = 10 * scale,
        .reset_in_thousand = 50 * scale,
    };
    world->broker.error_in_thousand = 5 * scale;
}

static void fault_member(struct sim_world *world)
{
    struct sim_member *member = draw_open(world);
    if (member == NULL) {
        return;
    }
    switch (sim_below(&world->scheduler, 8)) {
    case 0:
        sim_member_kill(member);
        world->counts.kills++;
        replace(world, member);
        break;
    case 1:
        if (!member->is_closing) {
            sim_application_close(member);
            replace(world, member);
        }
        break;
    default: sim_member_wakeup(member); break;
    }
}

static void fault_cluster(struct sim_world *world)
{
    struct sim_scheduler *scheduler = &world->scheduler;
    int node = (int)sim_below(scheduler, (uint64_t)world->network.node_count);
    switch (sim_below(scheduler, 5)) {
    case 0: {
        int topic = (int)sim_below(scheduler, SIM_TOPICS_MAX);
        int count = world->topics.topics[topic].partition_count;
        int place = sim_place(topic, (int)sim_below(scheduler, (uint64_t)count));
        sim_topics_move_leader(&world->topics, place, node);
        world->broker.counts.moves++;
        sim_broker_on_log(&world->broker);
        break;
    }
    case 1: sim_broker_move_coordinator(&world->broker, node); break;
    case 2:
        sim_network_silence(&world->network, node, true, true,
                            sim_delay(scheduler, 8 * DH_SEC));
        break;
    case 3: sim_fetches_lose_session(&world->broker.fetches); break;
    case 4: set_weather(world); break;
    }
}

static void on_fault(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_world *world = ctx;
    if (world->is_calm) {
        return;
    }
    if (sim_chance(&world->scheduler, 500)) {
        fault_member(world);
    } else {
        fault_cluster(world);
    }
    sim_after(&world->scheduler, sim_between(&world->scheduler, 0, 1500 * DH_MS),
              on_fault, world, 0);
}

// ---- Growth ----

static bool is_in_use(const struct sim_world *world, int topic)
{
    return topic == FREE_TOPIC ? world->by_hand_wanted > 0
                               : world->group_members_wanted > 0;
}

static void append(struct sim_world *world, int topic, int partition, bool must_hold)
{
    if (is_in_use(world, topic)) {
        sim_topics_append(&world->topics, sim_place(topic, partition), must_hold);
    }
}

static void on_produce(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_world *world = ctx;
    if (!world->is_producing) {
        return;
    }
    uint64_t count = 1 + sim_below(&world->scheduler, 4);
    while (count-- > 0) {
        int topic = (int)sim_below(&world->scheduler, SIM_TOPICS_MAX);
        int partitions = world->topics.topics[topic].partition_count;
        append(world, topic, (int)sim_below(&world->scheduler, (uint64_t)partitions),
               false);
    }
    sim_broker_on_log(&world->broker);
    sim_after(&world->scheduler, sim_delay(&world->scheduler, 2 * DH_SEC), on_produce,
              world, 0);
}

// The last batches: each place gets records, and perhaps something behind them.
static void on_last_batches(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_world *world = ctx;
    world->is_producing = false;
    for (int topic = 0; topic < SIM_TOPICS_MAX; topic++) {
        for (int i = 0; i < world->topics.topics[topic].partition_count; i++) {
            append(world, topic, i, true);
            if (sim_chance(&world->scheduler, 500)) {
                append(world, topic, i, false);
            }
        }
    }
    sim_broker_on_log(&world->broker);
}

// ---- Calm ----

static void begin_calm(struct sim_world *world)
{
    world->is_calm = true;
    set_weather(world);
    sim_tell(world, (struct sim_event){.kind = SIM_CALM, .member = -1, .place = -1});
    for (int topic = 0; topic < GROUP_TOPICS && world->group_members_wanted > 0;
         topic++) {
        for (int i = 0; i < world->topics.topics[topic].partition_count; i++) {
            sim_tell(world, (struct sim_event){.kind = SIM_WANTED,
                                               .member = -1,
                                               .place = sim_place(topic, i)});
        }
    }
    if (world->group_members_wanted > 0 && count_open(world, false) == 0) {
        world->member_count < SIM_MEMBERS_MAX
            ? add_member(world, false)
            : sim_fail(world, "no room for another member");
    }
    sim_after(&world->scheduler, 2 * DH_SEC, on_last_batches, world, 0);
}

static bool is_group_drained(struct sim_world *world)
{
    for (int topic = 0; topic < GROUP_TOPICS; topic++) {
        for (int i = 0; i < world->topics.topics[topic].partition_count; i++) {
            int place = sim_place(topic, i);
            int64_t end = sim_topics_partition(&world->topics, place)->end;
            if (end > 0 && world->topics.committed[0][place] != end) {
                return false;
            }
        }
    }
    return true;
}

// The place that a member by hand has not read to its end; -1: none.
static int unread_place(struct sim_world *world, const struct sim_member *member)
{
    for (int place = 0; place < SIM_PLACES_MAX && member->options.is_by_hand; place++) {
        const struct sim_place_state *state = &member->places[place];
        const struct sim_partition *partition =
            sim_topics_partition(&world->topics, place);
        if (state->is_owned && partition != NULL &&
            (!state->is_next_known || state->next <= partition->last_visible)) {
            return place;
        }
    }
    return -1;
}

static bool is_member_drained(struct sim_world *world, const struct sim_member *member)
{
    if (member->state != SIM_MEMBER_OPEN) {
        return member->state == SIM_MEMBER_ENDED;
    }
    // Nobody may be left with records that he has not processed.
    return unread_place(world, member) < 0 && member->pending_count == 0;
}

static bool is_drained(struct sim_world *world)
{
    if (world->is_producing) {
        return false;
    }
    for (int i = 0; i < world->member_count; i++) {
        if (!is_member_drained(world, world->members[i])) {
            return false;
        }
    }
    return world->group_members_wanted == 0 || is_group_drained(world);
}

static bool have_all_ended(const struct sim_world *world)
{
    for (int i = 0; i < world->member_count; i++) {
        if (world->members[i]->state != SIM_MEMBER_ENDED) {
            return false;
        }
    }
    return true;
}

static void close_all(struct sim_world *world)
{
    world->is_over = true;
    for (int i = 0; i < world->member_count; i++) {
        if (world->members[i]->state == SIM_MEMBER_OPEN) {
            sim_application_close(world->members[i]);
        }
    }
}

// Says which place holds things up.
static void fail_undrained(struct sim_world *world)
{
    for (int place = 0; place < SIM_PLACES_MAX; place++) {
        const struct sim_partition *partition =
            sim_topics_partition(&world->topics, place);
        int topic = place / SIM_PARTITIONS_MAX;
        if (partition != NULL && topic < GROUP_TOPICS && partition->end > 0 &&
            world->group_members_wanted > 0 &&
            world->topics.committed[0][place] != partition->end) {
            sim_fail(world,
                     "L3: %.0f s of calm are over; place %d ends at %" PRId64
                     ", committed is %" PRId64,
                     (double)SIM_CALM_NS / (double)DH_SEC, place, partition->end,
                     world->topics.committed[0][place]);
        }
    }
    for (int i = 0; i < world->member_count; i++) {
        const struct sim_member *member = world->members[i];
        int place = unread_place(world, member);
        if (member->state == SIM_MEMBER_OPEN && place >= 0) {
            sim_fail(world,
                     "L3: %.0f s of calm are over; member %d stands at %" PRId64
                     " of place %d, whose last record is %" PRId64,
                     (double)SIM_CALM_NS / (double)DH_SEC, i,
                     member->places[place].is_next_known ? member->places[place].next
                                                         : -1,
                     place, sim_topics_partition(&world->topics, place)->last_visible);
        }
    }
    sim_fail(world, "L3: the calm is over and a member has not ended");
}

// ---- A run ----

static void init_world(struct sim_world *world, uint64_t seed, bool trace)
{
    memset(world, 0, sizeof(*world));
    world->seed = seed;
    world->is_verbose = trace;
    world->is_producing = true;
    sim_scheduler_init(&world->scheduler, seed);
    sim_history_init(&world->history);
    world->history.is_traced = trace;
    int node_count = (int)sim_between(&world->scheduler, 1, SIM_NODES_MAX);
    sim_topics_init(&world->topics, &world->scheduler, &world->history, seed);
    sim_network_init(&world->network, &world->scheduler, node_count);
    sim_tap_init(&world->tap, &world->scheduler, &world->history, &world->topics);
    world->network.tap = &world->tap;
    static const char *const names[SIM_TOPICS_MAX] = {"alpha", "beta", "free"};
    for (int i = 0; i < SIM_TOPICS_MAX; i++) {
        (void)sim_topics_add(&world->topics, names[i],
                             (int)sim_between(&world->scheduler, 1, 4), node_count);
    }
    sim_broker_init(&world->broker, &world->scheduler, &world->network, &world->topics,
                    &world->history);
    world->group_members_wanted = (int)sim_between(&world->scheduler, 0, 4);
    world->by_hand_wanted =
        world->group_members_wanted == 4 ? 0 : (int)sim_between(&world->scheduler, 0, 1);
    if (world->group_members_wanted == 0) {
        world->by_hand_wanted++;
    }
    world->faults_end_ns =
        world->scheduler.now_ns + sim_between(&world->scheduler, 5 * DH_SEC, 40 * DH_SEC);
    set_weather(world);
    for (int i = 0; i < world->group_members_wanted + world->by_hand_wanted; i++) {
        sim_after(&world->scheduler, sim_between(&world->scheduler, 0, 5 * DH_SEC),
                  on_add, world, i < world->group_members_wanted ? 0 : 1);
    }
    sim_after(&world->scheduler, 0, on_produce, world, 0);
    sim_after(&world->scheduler, DH_SEC, on_fault, world, 0);
}

static void deinit_world(struct sim_world *world)
{
    for (int i = 0; i < world->member_count; i++) {
        sim_member_free(world->members[i]);
    }
    sim_broker_deinit(&world->broker);
    sim_network_deinit(&world->network);
    sim_tap_deinit(&world->tap);
    sim_topics_deinit(&world->topics);
    sim_history_deinit(&world->history);
    sim_scheduler_deinit(&world->scheduler);
}

static void run_world(struct sim_world *world)
{
    int64_t end_ns = world->faults_end_ns + SIM_CALM_NS;
    while (!world->is_failed && sim_scheduler_step(&world->scheduler)) {
        if (!world->is_calm && world->scheduler.now_ns >= world->faults_end_ns) {
            begin_calm(world);
        }
        if (world->is_calm && !world->is_over && is_drained(world)) {
            close_all(world);
        }
        if (world->is_over && have_all_ended(world)) {
            sim_tell(world,
                     (struct sim_event){.kind = SIM_DRAINED, .member = -1, .place = -1});
            return;
        }
        if (world->scheduler.now_ns > end_ns) {
            fail_undrained(world);
        }
    }
}

static void collect_counts(struct sim_world *world)
{
    struct sim_counts *counts = &world->counts;
    const struct sim_group *group = sim_broker_group(&world->broker, 0);
    counts->runs = 1;
    counts->events = world->history.count;
    counts->commits = world->topics.commits;
    counts->rebalances = group == NULL ? 0 : group->rebalances;
    counts->errors = world->broker.counts.errors;
    counts->moves = world->broker.counts.moves;
    counts->resets = world->network.counts.resets;
    counts->splits = world->network.counts.splits;
    counts->silences = world->network.counts.silences;
    counts->refused = world->network.counts.refused;
    counts->unresolved = world->network.counts.unresolved;
    counts->sessions_lost = world->broker.fetches.sessions_lost;
}

static void print_last_events(const struct sim_history *history, size_t index)
{
    size_t from = index > LAST_EVENTS ? index - LAST_EVENTS : 0;
    int member = history->events[index].member;
    int place = history->events[index].place;
    for (size_t i = 0; i <= index && i < history->count; i++) {
        const struct sim_event *event = &history->events[i];
        bool concerns = (member < 0 || event->member < 0 || event->member == member) &&
                        (place < 0 || event->place < 0 || event->place == place);
        if (i >= from || (concerns && i + 400 > index && event->place >= 0)) {
            char text[256];
            sim_event_print(event, text, sizeof(text));
            fprintf(stderr, "  %s\n", text);
        }
    }
}

void sim_run(uint64_t seed, bool trace, struct sim_result *result)
{
    struct sim_world world;
    memset(result, 0, sizeof(*result));
    init_world(&world, seed, trace);
    run_world(&world);
    struct sim_violation violation;
    if (!sim_check(&world.history, &violation)) {
        snprintf(result->text, sizeof(result->text), "%s: %s", violation.checker,
                 violation.text);
        print_last_events(&world.history, violation.index);
    } else if (world.is_failed) {
        snprintf(result->text, sizeof(result->text), "%s", world.failure);
    } else {
        result->has_passed = true;
    }
    collect_counts(&world);
    result->counts = world.counts;
    for (size_t i = 0; i < world.history.count; i++) {
        const struct sim_event *event = &world.history.events[i];
        sim_hash(&world.scheduler, (uint64_t)event->at_ns ^ (uint64_t)event->offset);
        sim_hash(&world.scheduler, (uint64_t)event->kind * 64 + (uint64_t)event->place);
    }
    result->hash = world.scheduler.hash;
    deinit_world(&world);
}

// ---- Counts ----

// Every field of the counts is a number of the same kind.
_Static_assert(sizeof(struct sim_counts) % sizeof(uint64_t) == 0, "only numbers");

void sim_counts_add(struct sim_counts *sum, const struct sim_counts *counts)
{
    uint64_t *to = (uint64_t *)(void *)sum;
    const uint64_t *from = (const uint64_t *)(const void *)counts;
    for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++) {
        to[i] += from[i];
    }
}

void sim_counts_print(const struct sim_counts *counts)
{
    printf("%" PRIu64 " runs, %" PRIu64 " events\n", counts->runs, counts->events);
    printf("  application  %" PRIu64 " records, %" PRIu64 " polls, %" PRIu64
           " seeks, %" PRIu64 " pauses, %" PRIu64 " wakeups, %" PRIu64
           " callbacks, %" PRIu64 " calls that failed\n",
           counts->records, counts->polls, counts->seeks, counts->pauses, counts->wakeups,
           counts->callbacks, counts->failed_calls);
    printf("  members      %" PRIu64 " started, %" PRIu64 " closed, %" PRIu64
           " killed, %" PRIu64 " too slow\n",
           counts->members, counts->closes, counts->kills, counts->slow);
    printf("  cluster      %" PRIu64 " commits, %" PRIu64 " rebalances, %" PRIu64
           " moves, %" PRIu64 " errors, %" PRIu64 " fetch sessions lost\n",
           counts->commits, counts->rebalances, counts->moves, counts->errors,
           counts->sessions_lost);
    printf("  network      %" PRIu64 " splits, %" PRIu64 " resets, %" PRIu64
           " silences, %" PRIu64 " refused, %" PRIu64 " names not found\n",
           counts->splits, counts->resets, counts->silences, counts->refused,
           counts->unresolved);
}
