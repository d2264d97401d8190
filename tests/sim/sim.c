// SPDX-License-Identifier: MIT
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "application.h"
#include "base/assert.h"
#include "base/mem.h"
#include "wire/gen/broker_errors.h"

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

void sim_replace(struct sim_world *world, const struct sim_member *member)
{
    sim_after(&world->scheduler, sim_between(&world->scheduler, 0, 4 * DH_SEC), on_add,
              world, member->options.is_by_hand ? 1 : 0);
}

// ---- Growth ----

static bool is_in_use(const struct sim_world *world, int topic)
{
    return topic == FREE_TOPIC ? world->by_hand_wanted > 0
                               : world->group_members_wanted > 0;
}

int sim_draw_place_in_use(struct sim_world *world)
{
    for (;;) {
        int topic = (int)sim_below(&world->scheduler, SIM_TOPICS_MAX);
        if (is_in_use(world, topic)) {
            int count = world->topics.topics[topic].partition_count;
            return sim_place(topic, (int)sim_below(&world->scheduler, (uint64_t)count));
        }
    }
}

void sim_add_producer(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_world *world = ctx;
    if (!world->is_calm && world->producer_count < SIM_PRODUCERS_MAX) {
        int index = world->producer_count++;
        world->producers[index] = sim_producer_new(world, index);
    }
}

static void close_producers(struct sim_world *world)
{
    for (int i = 0; i < world->producer_count; i++) {
        sim_producer_close(world->producers[i]);
    }
}

static bool have_producers_ended(const struct sim_world *world)
{
    for (int i = 0; i < world->producer_count; i++) {
        if (world->producers[i]->state != SIM_PRODUCER_ENDED) {
            return false;
        }
    }
    return true;
}

// False: it is for later.
static bool append(struct sim_world *world, int topic, int partition, bool must_hold)
{
    if (!is_in_use(world, topic)) {
        return true;
    }
    int place = sim_place(topic, partition);
    if (world->is_scripted) {
        sim_topics_append(&world->topics, place, must_hold);
        return true;
    }
    struct dh_buf batch;
    dh_buf_init(&batch, dh_mem_default(), 0);
    sim_topics_write_batch(&world->topics, place, must_hold, &batch);
    bool is_done = sim_cluster_command(&world->cluster, dh_buf_view(&batch),
                                       "append %s %d checked=no",
                                       world->topics.topics[topic].name, partition);
    world->counts.appends += is_done ? 1 : 0;
    dh_buf_deinit(&batch);
    return is_done;
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
        (void)append(world, topic,
                     (int)sim_below(&world->scheduler, (uint64_t)partitions), false);
    }
    if (world->is_scripted) {
        sim_broker_on_log(&world->broker);
    }
    sim_after(&world->scheduler, sim_delay(&world->scheduler, 2 * DH_SEC), on_produce,
              world, 0);
}

// The last batches: each place gets records, and perhaps something behind them.
static void on_last_batches(void *ctx, uint64_t number)
{
    struct sim_world *world = ctx;
    if (!have_producers_ended(world)) {
        sim_after(&world->scheduler, DH_SEC, on_last_batches, world, number);
        return;
    }
    for (uint64_t place = number; place < SIM_PLACES_MAX; place++) {
        int topic = (int)place / SIM_PARTITIONS_MAX;
        int partition = (int)place % SIM_PARTITIONS_MAX;
        if (partition >= world->topics.topics[topic].partition_count) {
            continue;
        }
        if (!append(world, topic, partition, true)) {
            sim_after(&world->scheduler, DH_SEC, on_last_batches, world, place);
            return;
        }
        if (sim_chance(&world->scheduler, 500)) {
            (void)append(world, topic, partition, false);
        }
    }
    world->is_producing = false;
    if (world->is_scripted) {
        sim_broker_on_log(&world->broker);
    }
}

// ---- Calm ----

static void begin_calm(struct sim_world *world)
{
    world->is_calm = true;
    sim_adversary_end(world);
    close_producers(world);
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
    if (world->is_producing ||
        (!world->is_scripted && !sim_observer_has_seen_all(&world->cluster.observer))) {
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

static void init_world(struct sim_world *world, const struct sim_options *options)
{
    memset(world, 0, sizeof(*world));
    world->seed = options->seed;
    world->is_verbose = options->is_traced;
    world->is_scripted = options->is_scripted;
    world->is_producing = true;
    struct sim_scheduler *scheduler = &world->scheduler;
    sim_scheduler_init(scheduler, options->seed);
    sim_history_init(&world->history);
    world->history.is_traced = options->is_traced;
    int node_count = (int)sim_between(scheduler, 1, SIM_NODES_MAX);
    sim_topics_init(&world->topics, scheduler, &world->history, options->seed);
    sim_network_init(&world->network, scheduler, node_count);
    sim_tap_init(&world->tap, scheduler, &world->history, &world->topics);
    world->network.tap = &world->tap;
    static const char *const names[SIM_TOPICS_MAX] = {"alpha", "beta", "free"};
    for (int i = 0; i < SIM_TOPICS_MAX; i++) {
        (void)sim_topics_add(&world->topics, names[i], (int)sim_between(scheduler, 1, 4),
                             node_count);
    }
    world->group_members_wanted = (int)sim_between(scheduler, 0, 4);
    world->by_hand_wanted =
        world->group_members_wanted == 4 ? 0 : (int)sim_between(scheduler, 0, 1);
    if (world->group_members_wanted == 0) {
        world->by_hand_wanted++;
    }
    world->faults_end_ns =
        scheduler->now_ns + sim_between(scheduler, 5 * DH_SEC, 40 * DH_SEC);
    sim_adversary_init(&world->adversary, world, world->faults_end_ns, options->left_out);
    if (world->is_scripted) {
        sim_broker_init(&world->broker, scheduler, &world->network, &world->topics,
                        &world->history);
    } else {
        sim_cluster_init(&world->cluster, scheduler, &world->network, &world->topics,
                         options->is_traced);
        world->cluster.observer.lies_after = options->lies_after;
        sim_cluster_start(&world->cluster);
    }
    for (int i = 0; i < world->group_members_wanted + world->by_hand_wanted; i++) {
        sim_after(scheduler, sim_between(scheduler, 0, 5 * DH_SEC), on_add, world,
                  i < world->group_members_wanted ? 0 : 1);
    }
    sim_after(scheduler, 0, on_produce, world, 0);
    int producers = world->is_scripted ? 0 : (int)sim_between(scheduler, 0, 2);
    for (int i = 0; i < producers; i++) {
        sim_after(scheduler, sim_between(scheduler, 0, DH_SEC), sim_add_producer, world,
                  0);
    }
}

static void deinit_world(struct sim_world *world)
{
    for (int i = 0; i < world->member_count; i++) {
        sim_member_free(world->members[i]);
    }
    for (int i = 0; i < world->producer_count; i++) {
        sim_producer_free(world->producers[i]);
    }
    if (world->is_scripted) {
        sim_broker_deinit(&world->broker);
    } else {
        sim_cluster_deinit(&world->cluster);
    }
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
        if (world->cluster.failure[0] != '\0') {
            sim_fail(world, "%s", world->cluster.failure);
        }
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

static bool is_fenced_by(int64_t code)
{
    return code == DH_BROKER_UNKNOWN_MEMBER_ID || code == DH_BROKER_ILLEGAL_GENERATION ||
           code == DH_BROKER_FENCED_INSTANCE_ID;
}

static void count_history(struct sim_world *world)
{
    int64_t generation = 0; // the highest that a member of the shared group was told
    for (size_t i = 0; i < world->history.count; i++) {
        const struct sim_event *event = &world->history.events[i];
        if (event->kind == SIM_COMMIT_REFUSED && is_fenced_by(event->end)) {
            world->counts.fenced++;
        } else if (event->kind == SIM_TOLD_GENERATION && event->offset > generation &&
                   world->members[event->member]->options.group == 0) {
            generation = event->offset;
            world->counts.rebalances++;
        }
    }
}

static void collect_counts(struct sim_world *world)
{
    struct sim_counts *counts = &world->counts;
    counts->runs = 1;
    counts->events = world->history.count;
    counts->commits = world->topics.commits;
    counts->errors += world->broker.counts.errors;
    counts->sessions_lost += world->broker.fetches.sessions_lost;
    counts->resets = world->network.counts.resets;
    counts->cuts = world->network.counts.cuts;
    counts->splits = world->network.counts.splits;
    counts->silences = world->network.counts.silences;
    counts->refused = world->network.counts.refused;
    counts->unresolved = world->network.counts.unresolved;
    counts->starts = world->cluster.counts.starts;
    counts->power_cuts = world->cluster.counts.power_cuts;
    counts->deaths = world->cluster.counts.deaths;
    counts->torn_logs = world->cluster.counts.torn_logs;
    counts->torn = world->cluster.disk.counts.torn;
    counts->full = world->cluster.disk.counts.full;
    counts->broken = world->cluster.disk.counts.broken;
    count_history(world);
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

static void judge(struct sim_world *world, struct sim_result *result)
{
    struct sim_violation violation;
    if (!sim_check(&world->history, &violation)) {
        snprintf(result->checker, sizeof(result->checker), "%s", violation.checker);
        snprintf(result->text, sizeof(result->text), "%s: %s", violation.checker,
                 violation.text);
        if (world->is_verbose) {
            print_last_events(&world->history, violation.index);
        }
    } else if (world->is_failed) {
        snprintf(result->checker, sizeof(result->checker), "%.*s",
                 (int)strcspn(world->failure, ":"), world->failure);
        snprintf(result->text, sizeof(result->text), "%s", world->failure);
    } else {
        result->has_passed = true;
    }
}

void sim_run(const struct sim_options *options, struct sim_result *result)
{
    struct sim_world world;
    memset(result, 0, sizeof(*result));
    init_world(&world, options);
    run_world(&world);
    judge(&world, result);
    collect_counts(&world);
    result->counts = world.counts;
    result->adversary = world.adversary;
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
           " moves, %" PRIu64 " errors, %" PRIu64 " fetch sessions lost, %" PRIu64
           " fenced commits\n",
           counts->commits, counts->rebalances, counts->moves, counts->errors,
           counts->sessions_lost, counts->fenced);
    printf("  producers    %" PRIu64 " records sent, %" PRIu64 " acknowledged, %" PRIu64
           " given up, %" PRIu64 " killed\n",
           counts->sent, counts->acknowledged, counts->given_up, counts->producer_kills);
    printf("  broker       %" PRIu64 " appends, %" PRIu64 " nodes down, %" PRIu64
           " restarts, %" PRIu64 " power cuts, %" PRIu64 " deaths inside a write\n",
           counts->appends, counts->nodes_down, counts->starts, counts->power_cuts,
           counts->deaths);
    printf("  disk         %" PRIu64 " torn files, %" PRIu64 " torn logs mended, %" PRIu64
           " full, %" PRIu64 " broken syncs\n",
           counts->torn, counts->torn_logs, counts->full, counts->broken);
    printf("  network      %" PRIu64 " splits, %" PRIu64 " resets, %" PRIu64
           " inside a frame, %" PRIu64 " silences, %" PRIu64 " refused, %" PRIu64
           " names not found\n",
           counts->splits, counts->resets, counts->cuts, counts->silences,
           counts->refused, counts->unresolved);
}
