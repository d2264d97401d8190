// SPDX-License-Identifier: MIT
#include "adversary.h"

#include "application.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "sim.h"

// How often each kind is drawn, of all of them; in a scripted run the last ones are not.
static const struct {
    enum sim_fault_kind kind;
    unsigned weight;
    bool is_real;
} rows[] = {
    {SIM_FAULT_WEATHER, 10, false},         {SIM_FAULT_WAKEUP, 40, false},
    {SIM_FAULT_CLOSE_MEMBER, 8, false},     {SIM_FAULT_KILL_MEMBER, 8, false},
    {SIM_FAULT_SILENCE, 10, false},         {SIM_FAULT_MOVE_LEADER, 10, false},
    {SIM_FAULT_MOVE_COORDINATOR, 8, false}, {SIM_FAULT_LOSE_SESSION, 8, false},
    {SIM_FAULT_STOP_NODE, 4, true},         {SIM_FAULT_KILL_NODE, 4, true},
    {SIM_FAULT_PAUSE_NODE, 4, true},        {SIM_FAULT_ANSWERS, 40, true},
    {SIM_FAULT_KILL_BROKER, 4, true},       {SIM_FAULT_CUT_POWER, 5, true},
    {SIM_FAULT_DIE_IN_WRITE, 5, true},      {SIM_FAULT_SLOW_DISK, 5, true},
    {SIM_FAULT_FULL_DISK, 4, true},         {SIM_FAULT_BROKEN_SYNC, 3, true},
    {SIM_FAULT_KILL_PRODUCER, 6, true},
};

// What the brokers answer now and then: broker/faults.h. Kafka could, at any time.
static const char *const answers[] = {
    "api=metadata error=LEADER_NOT_AVAILABLE",
    "api=find_coordinator error=COORDINATOR_NOT_AVAILABLE",
    "api=find_coordinator error=COORDINATOR_LOAD_IN_PROGRESS",
    "api=join_group error=COORDINATOR_LOAD_IN_PROGRESS",
    "api=join_group error=COORDINATOR_NOT_AVAILABLE",
    "api=join_group error=NOT_COORDINATOR",
    "api=join_group error=UNKNOWN_MEMBER_ID",
    "api=sync_group error=COORDINATOR_LOAD_IN_PROGRESS",
    "api=sync_group error=NOT_COORDINATOR",
    "api=sync_group error=REBALANCE_IN_PROGRESS",
    "api=sync_group error=UNKNOWN_MEMBER_ID",
    "api=heartbeat error=COORDINATOR_NOT_AVAILABLE",
    "api=heartbeat error=NOT_COORDINATOR",
    "api=heartbeat error=REBALANCE_IN_PROGRESS",
    "api=heartbeat error=ILLEGAL_GENERATION",
    "api=heartbeat error=UNKNOWN_MEMBER_ID",
    "api=leave_group error=COORDINATOR_NOT_AVAILABLE",
    "api=leave_group error=NOT_COORDINATOR",
    "api=offset_commit error=COORDINATOR_LOAD_IN_PROGRESS",
    "api=offset_commit error=COORDINATOR_NOT_AVAILABLE",
    "api=offset_commit error=NOT_COORDINATOR",
    "api=offset_commit error=REQUEST_TIMED_OUT",
    "api=offset_commit error=REBALANCE_IN_PROGRESS",
    "api=offset_commit error=ILLEGAL_GENERATION",
    "api=offset_commit error=UNKNOWN_MEMBER_ID",
    "api=offset_fetch error=COORDINATOR_LOAD_IN_PROGRESS",
    "api=offset_fetch error=NOT_COORDINATOR",
    "api=list_offsets error=NOT_LEADER_OR_FOLLOWER",
    "api=list_offsets error=UNKNOWN_LEADER_EPOCH",
    "api=list_offsets error=OFFSET_NOT_AVAILABLE",
    "api=offset_for_leader_epoch error=NOT_LEADER_OR_FOLLOWER",
    "api=offset_for_leader_epoch error=UNKNOWN_LEADER_EPOCH",
    "api=offset_for_leader_epoch error=FENCED_LEADER_EPOCH",
    "api=fetch error=NOT_LEADER_OR_FOLLOWER",
    "api=fetch error=FENCED_LEADER_EPOCH",
    "api=fetch error=UNKNOWN_LEADER_EPOCH",
    "api=fetch error=REPLICA_NOT_AVAILABLE",
    "api=fetch error=KAFKA_STORAGE_ERROR",
    "api=fetch error=UNKNOWN_TOPIC_OR_PARTITION",
    "api=fetch error=OFFSET_NOT_AVAILABLE",
    "api=fetch error=UNKNOWN_SERVER_ERROR",
    "api=produce error=NOT_LEADER_OR_FOLLOWER",
    "api=produce error=NOT_ENOUGH_REPLICAS",
    "api=produce error=KAFKA_STORAGE_ERROR",
    "api=init_producer_id error=COORDINATOR_LOAD_IN_PROGRESS",
    "drop",
    "drop-after",
    "reset",
    "stall",
    "delay=700",
    "throttle=300",
    "truncate-answer=10",
    "api=offset_commit drop-after",
    "api=offset_commit delay=1500",
    "api=produce drop-after",
    "api=produce delay=2500",
    "api=fetch delay=1500",
    "api=join_group drop-after",
    "api=sync_group drop-after",
};

const char *sim_fault_name(enum sim_fault_kind kind)
{
    switch (kind) {
    case SIM_FAULT_CALLS: return "applications do anything";
    case SIM_FAULT_WEATHER: return "weather";
    case SIM_FAULT_WAKEUP: return "wakeup";
    case SIM_FAULT_CLOSE_MEMBER: return "close a member";
    case SIM_FAULT_KILL_MEMBER: return "kill a member";
    case SIM_FAULT_SILENCE: return "silence a node";
    case SIM_FAULT_MOVE_LEADER: return "move a leader";
    case SIM_FAULT_MOVE_COORDINATOR: return "move a coordinator";
    case SIM_FAULT_LOSE_SESSION: return "lose a fetch session";
    case SIM_FAULT_STOP_NODE: return "stop a node";
    case SIM_FAULT_KILL_NODE: return "kill a node";
    case SIM_FAULT_PAUSE_NODE: return "pause a node";
    case SIM_FAULT_ANSWERS: return "wrong answers";
    case SIM_FAULT_KILL_PRODUCER: return "kill a producer";
    case SIM_FAULT_KILL_BROKER: return "kill the broker";
    case SIM_FAULT_CUT_POWER: return "cut the power";
    case SIM_FAULT_DIE_IN_WRITE: return "die inside a write";
    case SIM_FAULT_SLOW_DISK: return "slow disk";
    case SIM_FAULT_FULL_DISK: return "full disk";
    case SIM_FAULT_BROKEN_SYNC: return "broken sync";
    }
    return "?";
}

// ---- Weather ----

static void set_weather(struct sim_world *world)
{
    struct sim_scheduler *scheduler = &world->scheduler;
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

// ---- Members ----

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

static void fault_member(struct sim_world *world, enum sim_fault_kind kind)
{
    struct sim_member *member = draw_open(world);
    if (member == NULL) {
        return;
    }
    if (kind == SIM_FAULT_WAKEUP) {
        sim_member_wakeup(member);
    } else if (kind == SIM_FAULT_KILL_MEMBER) {
        sim_member_kill(member);
        world->counts.kills++;
        sim_replace(world, member);
    } else if (!member->is_closing) {
        sim_application_close(member);
        sim_replace(world, member);
    }
}

// ---- The cluster ----

static int draw_node(struct sim_world *world)
{
    return (int)sim_below(&world->scheduler, (uint64_t)world->network.node_count);
}

static void silence(struct sim_world *world)
{
    uint64_t how = sim_below(&world->scheduler, 3);
    int node = draw_node(world);
    sim_network_silence(&world->network, node, how != 0, how != 1,
                        sim_delay(&world->scheduler, 8 * DH_SEC));
}

static void move_leader(struct sim_world *world)
{
    struct sim_scheduler *scheduler = &world->scheduler;
    int topic = (int)sim_below(scheduler, SIM_TOPICS_MAX);
    int count = world->topics.topics[topic].partition_count;
    int partition = (int)sim_below(scheduler, (uint64_t)count);
    int node = draw_node(world);
    if (world->is_scripted) {
        sim_topics_move_leader(&world->topics, sim_place(topic, partition), node);
        sim_broker_on_log(&world->broker);
        world->counts.moves++;
    } else if (sim_cluster_command(&world->cluster, (dohle_bytes){NULL, 0},
                                   "leader %s %d %d", world->topics.topics[topic].name,
                                   partition, node + 1)) {
        world->counts.moves++;
    }
}

static void move_coordinator(struct sim_world *world)
{
    int node = draw_node(world);
    if (world->is_scripted) {
        sim_broker_move_coordinator(&world->broker, node);
        world->counts.moves++;
    } else if (sim_cluster_command(&world->cluster, (dohle_bytes){NULL, 0},
                                   "coordinator group-0 %d", node + 1)) {
        world->counts.moves++;
    }
}

static void lose_session(struct sim_world *world)
{
    if (world->is_scripted) {
        sim_fetches_lose_session(&world->broker.fetches);
    } else if (sim_cluster_command(&world->cluster, (dohle_bytes){NULL, 0},
                                   "fault add api=fetch error=%s count=1",
                                   sim_chance(&world->scheduler, 500)
                                       ? "FETCH_SESSION_ID_NOT_FOUND"
                                       : "INVALID_FETCH_SESSION_EPOCH")) {
        world->counts.sessions_lost++;
    }
}

static void on_node_back(void *ctx, uint64_t number)
{
    struct sim_world *world = ctx;
    (void)sim_cluster_command(&world->cluster, (dohle_bytes){NULL, 0}, "node %s %d",
                              number < SIM_NODES_MAX ? "start" : "resume",
                              (int)(number % SIM_NODES_MAX) + 1);
}

static void fault_node(struct sim_world *world, enum sim_fault_kind kind)
{
    int node = draw_node(world);
    const char *verb = kind == SIM_FAULT_STOP_NODE   ? "stop"
                       : kind == SIM_FAULT_KILL_NODE ? "kill"
                                                     : "pause";
    if (sim_cluster_command(&world->cluster, (dohle_bytes){NULL, 0}, "node %s %d", verb,
                            node + 1)) {
        world->counts.nodes_down++;
    }
    sim_after(&world->scheduler, sim_delay(&world->scheduler, 8 * DH_SEC), on_node_back,
              world, (uint64_t)node + (kind == SIM_FAULT_PAUSE_NODE ? SIM_NODES_MAX : 0));
}

static void add_answers(struct sim_world *world)
{
    struct sim_scheduler *scheduler = &world->scheduler;
    const char *answer = answers[sim_below(scheduler, DH_COUNT_OF(answers))];
    int count = sim_chance(scheduler, 700) ? 1 : (int)sim_between(scheduler, 2, 6);
    int skip = (int)sim_below(scheduler, 5);
    if (sim_cluster_command(&world->cluster, (dohle_bytes){NULL, 0},
                            "fault add %s count=%d skip=%d", answer, count, skip)) {
        world->counts.errors += (uint64_t)count;
    }
}

static void kill_producer(struct sim_world *world)
{
    for (int i = 0; i < world->producer_count; i++) {
        struct sim_producer *producer = world->producers[i];
        if (producer->state == SIM_PRODUCER_OPEN && sim_chance(&world->scheduler, 500)) {
            sim_producer_kill(producer);
            world->counts.producer_kills++;
            sim_after(&world->scheduler, sim_delay(&world->scheduler, 2 * DH_SEC),
                      sim_add_producer, world, 0);
            return;
        }
    }
}

// ---- The disk ----

static void on_disk_well(void *ctx, uint64_t number)
{
    struct sim_world *world = ctx;
    struct sim_disk *disk = &world->cluster.disk;
    if (number == SIM_FAULT_SLOW_DISK) {
        disk->sync_delay_max_ns = 5 * DH_MS;
    } else if (number == SIM_FAULT_FULL_DISK) {
        disk->room_bytes = -1;
    } else {
        disk->broken_in_thousand = 0;
    }
}

static void fault_disk(struct sim_world *world, enum sim_fault_kind kind)
{
    struct sim_scheduler *scheduler = &world->scheduler;
    struct sim_disk *disk = &world->cluster.disk;
    if (!world->cluster.has_disk) {
        return;
    }
    if (kind == SIM_FAULT_SLOW_DISK) {
        disk->sync_delay_max_ns = sim_between(scheduler, 10, 4000) * DH_MS;
    } else if (kind == SIM_FAULT_FULL_DISK) {
        disk->room_bytes = disk->used_bytes + sim_between(scheduler, 0, 5000);
    } else {
        disk->broken_in_thousand = 300;
        // A log that is offline comes back with the next start.
        sim_after(scheduler, sim_between(scheduler, 0, 4 * DH_SEC), sim_kill_broker,
                  world, 0);
    }
    sim_after(scheduler, sim_delay(scheduler, 6 * DH_SEC), on_disk_well, world,
              (uint64_t)kind);
}

void sim_kill_broker(void *ctx, uint64_t number)
{
    (void)number;
    struct sim_world *world = ctx;
    if (!world->is_calm) {
        sim_cluster_kill(&world->cluster, sim_delay(&world->scheduler, 3 * DH_SEC));
    }
}

// ---- The list ----

static void do_fault(struct sim_world *world, const struct sim_fault *fault)
{
    switch (fault->kind) {
    case SIM_FAULT_CALLS: break;
    case SIM_FAULT_WEATHER: set_weather(world); break;
    case SIM_FAULT_WAKEUP:
    case SIM_FAULT_CLOSE_MEMBER:
    case SIM_FAULT_KILL_MEMBER: fault_member(world, fault->kind); break;
    case SIM_FAULT_SILENCE: silence(world); break;
    case SIM_FAULT_MOVE_LEADER: move_leader(world); break;
    case SIM_FAULT_MOVE_COORDINATOR: move_coordinator(world); break;
    case SIM_FAULT_LOSE_SESSION: lose_session(world); break;
    case SIM_FAULT_STOP_NODE:
    case SIM_FAULT_KILL_NODE:
    case SIM_FAULT_PAUSE_NODE: fault_node(world, fault->kind); break;
    case SIM_FAULT_ANSWERS: add_answers(world); break;
    case SIM_FAULT_KILL_PRODUCER: kill_producer(world); break;
    case SIM_FAULT_KILL_BROKER: sim_kill_broker(world, 0); break;
    case SIM_FAULT_CUT_POWER:
        sim_cluster_cut_power(&world->cluster, sim_delay(&world->scheduler, 3 * DH_SEC));
        break;
    case SIM_FAULT_DIE_IN_WRITE:
        world->cluster.disk.is_dying = world->cluster.broker != NULL;
        break;
    case SIM_FAULT_SLOW_DISK:
    case SIM_FAULT_FULL_DISK:
    case SIM_FAULT_BROKEN_SYNC: fault_disk(world, fault->kind); break;
    }
}

static void on_fault(void *ctx, uint64_t number)
{
    struct sim_world *world = ctx;
    if (world->is_calm) {
        return;
    }
    const struct sim_fault *fault = &world->adversary.items[number];
    struct dh_random kept = world->scheduler.random;
    world->scheduler.random.state = fault->seed;
    do_fault(world, fault);
    world->scheduler.random = kept;
}

static enum sim_fault_kind draw_kind(struct sim_world *world)
{
    unsigned sum = 0;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        sum += rows[i].is_real && world->is_scripted ? 0 : rows[i].weight;
    }
    uint64_t drawn = sim_below(&world->scheduler, sum);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        unsigned weight = rows[i].is_real && world->is_scripted ? 0 : rows[i].weight;
        if (drawn < weight) {
            return rows[i].kind;
        }
        drawn -= weight;
    }
    return SIM_FAULT_WAKEUP;
}

static void add(struct sim_adversary *adversary, struct sim_world *world, int64_t at_ns,
                enum sim_fault_kind kind)
{
    if (adversary->count < SIM_FAULTS_MAX) {
        adversary->items[adversary->count++] =
            (struct sim_fault){.at_ns = at_ns,
                               .kind = kind,
                               .seed = dh_random_next(&world->scheduler.random)};
    }
}

void sim_adversary_init(struct sim_adversary *adversary, struct sim_world *world,
                        int64_t end_ns, const bool *left_out)
{
    struct sim_scheduler *scheduler = &world->scheduler;
    int64_t at_ns = scheduler->now_ns;
    add(adversary, world, at_ns, SIM_FAULT_CALLS);
    add(adversary, world, at_ns, SIM_FAULT_WEATHER);
    for (at_ns += DH_SEC; at_ns < end_ns;
         at_ns += sim_between(scheduler, 0, 1200 * DH_MS)) {
        add(adversary, world, at_ns, draw_kind(world));
    }
    // What follows is drawn by what happens: the list does not depend on the mask.
    for (size_t i = 0; i < adversary->count; i++) {
        struct sim_fault *fault = &adversary->items[i];
        fault->is_left_out = left_out != NULL && left_out[i];
        if (!fault->is_left_out) {
            sim_at(scheduler, fault->at_ns, on_fault, world, i);
        }
    }
    world->is_plain = adversary->items[0].is_left_out;
    world->network.weather = (struct sim_weather){.delay_max_ns = 20 * DH_MS};
}

void sim_adversary_end(struct sim_world *world)
{
    world->network.weather = (struct sim_weather){.delay_max_ns = 20 * DH_MS};
    world->broker.error_in_thousand = 0;
    sim_network_end_silences(&world->network);
    if (!world->is_scripted) {
        sim_cluster_heal(&world->cluster);
    }
}
