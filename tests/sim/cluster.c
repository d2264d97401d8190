// SPDX-License-Identifier: MIT
#include "cluster.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "broker/state.h"
#include "broker/topics.h"

// A day after the first record, so that none of them comes from the future.
#define WALL_MS            (SIM_TIME_MS + INT64_C(86400000))
#define TIMER_DELAY_MAX_NS (2 * DH_MS)
// More turns in one millisecond are a busy loop.
#define TICKS_MAX 400
// What a start that fails is tried again after.
#define RETRY_NS DH_SEC

static void serve(struct sim_cluster *cluster);
static void start_after(struct sim_cluster *cluster, int64_t delay_ns);

static int64_t now_of(const struct sim_cluster *cluster)
{
    return cluster->scheduler->now_ns;
}

static void fail(struct sim_cluster *cluster, const char *text, const char *more)
{
    if (cluster->failure[0] == '\0') {
        snprintf(cluster->failure, sizeof(cluster->failure), "%s%s", text, more);
    }
}

static struct dh_vfs *vfs_of(struct sim_cluster *cluster)
{
    return cluster->has_disk ? &cluster->disk.vfs : dh_memory_files_vfs(cluster->files);
}

// ---- The network's end ----

static struct sim_connection *connection_of(struct sim_cluster *cluster, uint32_t id)
{
    struct sim_network *network = cluster->network;
    for (size_t i = network->connection_count; i > 0; i--) {
        if (network->connections[i - 1]->node_id == id) {
            return network->connections[i - 1];
        }
    }
    return NULL;
}

static bool on_connect(void *ctx, struct sim_connection *connection)
{
    struct sim_cluster *cluster = ctx;
    if (cluster->broker == NULL || !cluster->is_listening[connection->node]) {
        return false;
    }
    connection->node_id = dh_broker_on_accepted(cluster->broker, connection->node + 1,
                                                "127.0.0.1", now_of(cluster));
    serve(cluster);
    return connection->node_id != 0;
}

static bool receive_buffer(void *ctx, struct sim_connection *connection,
                           uint8_t **pointer, size_t *capacity)
{
    struct sim_cluster *cluster = ctx;
    return cluster->broker != NULL &&
           dh_broker_receive_buffer(cluster->broker, connection->node_id, pointer,
                                    capacity);
}

static void on_received(void *ctx, struct sim_connection *connection, size_t size)
{
    struct sim_cluster *cluster = ctx;
    dh_broker_on_received(cluster->broker, connection->node_id, size, now_of(cluster));
    serve(cluster);
}

static void on_sent(void *ctx, struct sim_connection *connection)
{
    struct sim_cluster *cluster = ctx;
    if (cluster->broker != NULL) {
        dh_broker_on_sent(cluster->broker, connection->node_id, now_of(cluster));
        serve(cluster);
    }
}

static void on_closed(void *ctx, struct sim_connection *connection)
{
    struct sim_cluster *cluster = ctx;
    if (cluster->broker != NULL) {
        dh_broker_on_closed(cluster->broker, connection->node_id, now_of(cluster));
        serve(cluster);
    }
}

// ---- Actions ----

static void listen(struct sim_cluster *cluster, const struct dh_broker_action *action)
{
    char host[32];
    snprintf(host, sizeof(host), "node-%d", action->node_id - 1);
    struct dh_address address = {.size = 1};
    address.bytes[0] = (uint8_t)(action->node_id - 1);
    cluster->is_listening[action->node_id - 1] = true;
    dh_broker_on_listening(
        cluster->broker, action->node_id,
        &(struct dh_broker_listening){.address = &address, .host = host, .port = 9092},
        now_of(cluster));
}

static void act(struct sim_cluster *cluster, const struct dh_broker_action *action)
{
    struct sim_connection *connection = NULL;
    if (action->kind != DH_BROKER_LISTEN && action->kind != DH_BROKER_UNLISTEN) {
        connection = connection_of(cluster, action->connection_id);
        if (connection == NULL) {
            return;
        }
    }
    switch (action->kind) {
    case DH_BROKER_LISTEN: listen(cluster, action); break;
    case DH_BROKER_UNLISTEN: cluster->is_listening[action->node_id - 1] = false; break;
    case DH_BROKER_SEND: sim_network_send(connection, action->bytes); break;
    case DH_BROKER_READ: sim_network_read(connection); break;
    case DH_BROKER_CLOSE: sim_network_close(connection); break;
    case DH_BROKER_RESET: sim_network_reset(connection); break;
    }
}

// ---- Deaths ----

// What is open is closed, and nothing is written any more.
static void drop(struct sim_cluster *cluster)
{
    sim_observer_open(&cluster->observer, NULL);
    cluster->life++;
    cluster->timer_number++;
    cluster->timer_ns = DH_NEVER;
    memset(cluster->is_listening, 0, sizeof(cluster->is_listening));
    if (cluster->has_disk) {
        cluster->disk.is_dead = true;
    } else {
        dh_memory_files_forget_syncs(cluster->files);
    }
    dh_broker_free(cluster->broker, false);
    cluster->broker = NULL;
    sim_network_drop_nodes(cluster->network);
    if (cluster->memory.bytes != 0) {
        fail(cluster, "L6: the broker is gone, and memory is still allocated", "");
    }
}

static void on_start(void *ctx, uint64_t number);

void sim_cluster_kill(struct sim_cluster *cluster, int64_t down_ns)
{
    if (cluster->broker == NULL) {
        return;
    }
    cluster->counts.kills++;
    drop(cluster);
    if (cluster->has_disk) {
        sim_disk_kill(&cluster->disk);
    }
    start_after(cluster, down_ns);
}

void sim_cluster_cut_power(struct sim_cluster *cluster, int64_t down_ns)
{
    if (cluster->broker == NULL || !cluster->has_disk ||
        cluster->mode != DH_STORE_SYNCED) {
        return;
    }
    cluster->counts.power_cuts++;
    drop(cluster);
    sim_disk_cut(&cluster->disk);
    start_after(cluster, down_ns);
}

static void die(struct sim_cluster *cluster)
{
    cluster->counts.deaths++;
    int64_t down_ns = sim_delay(cluster->scheduler, 2 * DH_SEC);
    if (sim_chance(cluster->scheduler, 500) && cluster->mode == DH_STORE_SYNCED) {
        sim_cluster_cut_power(cluster, down_ns);
    } else {
        sim_cluster_kill(cluster, down_ns);
    }
}

// ---- Turns ----

static void on_timer(void *ctx, uint64_t number)
{
    struct sim_cluster *cluster = ctx;
    if (number == cluster->timer_number && cluster->broker != NULL) {
        cluster->timer_ns = DH_NEVER;
        serve(cluster);
    }
}

static void arm_timer(struct sim_cluster *cluster)
{
    struct sim_scheduler *scheduler = cluster->scheduler;
    int64_t deadline_ns = dh_broker_deadline(cluster->broker);
    if (deadline_ns == cluster->timer_ns) {
        return;
    }
    cluster->timer_ns = deadline_ns;
    cluster->timer_number++;
    if (deadline_ns != DH_NEVER) {
        int64_t from_ns =
            deadline_ns > scheduler->now_ns ? deadline_ns : scheduler->now_ns;
        sim_at(scheduler, from_ns + sim_delay(scheduler, TIMER_DELAY_MAX_NS), on_timer,
               cluster, cluster->timer_number);
    }
}

static bool is_dying(const struct sim_cluster *cluster)
{
    return cluster->has_disk && cluster->disk.is_dead;
}

static void tick(struct sim_cluster *cluster)
{
    int64_t now_ns = now_of(cluster);
    if (cluster->ticks_ms != now_ns / DH_MS) {
        cluster->ticks_ms = now_ns / DH_MS;
        cluster->ticks = 0;
    }
    if (++cluster->ticks > TICKS_MAX) {
        fail(cluster, "L7: the broker runs in circles", "");
    }
    dh_broker_tick(cluster->broker, now_ns);
}

// One turn of the loop. A process that died inside a write does nothing more.
static void serve(struct sim_cluster *cluster)
{
    bool has_moved = true;
    while (has_moved && !is_dying(cluster)) {
        has_moved = false;
        if (dh_broker_deadline(cluster->broker) <= now_of(cluster) &&
            cluster->failure[0] == '\0') {
            tick(cluster);
            has_moved = true;
        }
        struct dh_broker_action action;
        while (!is_dying(cluster) && dh_broker_next_action(cluster->broker, &action)) {
            act(cluster, &action);
            has_moved = true;
        }
    }
    if (is_dying(cluster)) {
        die(cluster);
        return;
    }
    sim_observer_look(&cluster->observer);
    dh_broker_check(cluster->broker);
    arm_timer(cluster);
}

// A sync has ended.
static void on_synced(void *ctx)
{
    struct sim_cluster *cluster = ctx;
    if (cluster->broker != NULL) {
        serve(cluster);
    }
}

// ---- Commands ----

static bool command(struct sim_cluster *cluster, dohle_bytes payload, const char *line)
{
    struct dh_broker_command command = {
        .line = line, .payload = payload, .deadline_ns = DH_NEVER};
    dh_buf_init(&command.text, &cluster->memory.allocator, 0);
    dh_broker_input(cluster->broker, &command, now_of(cluster));
    struct dh_broker_command *answered = dh_broker_next_event(cluster->broker);
    DH_ASSERT(answered == &command);
    if (command.err != 0) {
        cluster->counts.refusals++;
    }
    if (cluster->is_traced) {
        fprintf(stderr, "%12.6f  cluster: %s -> %d %.*s\n",
                (double)now_of(cluster) / (double)DH_SEC, line, command.err,
                (int)command.text.size,
                command.text.data == NULL ? "" : (const char *)command.text.data);
    }
    dh_buf_deinit(&command.text);
    bool is_done = command.err == 0 && !is_dying(cluster);
    serve(cluster);
    return is_done;
}

bool sim_cluster_command(struct sim_cluster *cluster, dohle_bytes payload,
                         const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    return cluster->broker != NULL && command(cluster, payload, line);
}

// ---- Life ----

static void write_log(void *ctx, const dohle_log_line *line)
{
    const struct sim_cluster *cluster = ctx;
    fprintf(stderr, "%12.6f  broker log %d %s: %s\n",
            (double)now_of(cluster) / (double)DH_SEC, line->level, line->subsystem,
            line->text);
}

static int open_broker(struct sim_cluster *cluster, char *text, size_t text_size)
{
    char partitions[64];
    char slots[64];
    snprintf(partitions, sizeof(partitions), "offsets.topic.num.partitions=%d",
             cluster->offsets_partitions);
    snprintf(slots, sizeof(slots), "max.incremental.fetch.session.cache.slots=%d",
             cluster->session_slots);
    const char *settings[] = {partitions, slots, "offsets.topic.segment.bytes=4096"};
    struct dh_broker_node_options nodes[SIM_NODES_MAX] = {{.rack = NULL}};
    const struct dh_broker_options options = {
        .mem = &cluster->memory.allocator,
        .vfs = vfs_of(cluster),
        .log = cluster->is_traced ? &cluster->log : NULL,
        .mode = cluster->mode,
        .nodes = nodes,
        .node_count = (size_t)cluster->node_count,
        .settings = settings,
        .setting_count = DH_COUNT_OF(settings),
        .seed = dh_random_next(&cluster->scheduler->random),
        .now_ns = now_of(cluster),
        .wall_ms = WALL_MS + now_of(cluster) / DH_MS,
    };
    return dh_broker_new(&options, &cluster->broker, text, text_size);
}

// From a start on it must come up, unless the disk dies under it or is full.
static bool start(struct sim_cluster *cluster)
{
    char text[400];
    int err = open_broker(cluster, text, sizeof(text));
    if (err != 0) {
        if (cluster->is_traced) {
            fprintf(stderr, "%12.6f  cluster: no start: %s\n",
                    (double)now_of(cluster) / (double)DH_SEC, text);
        }
        bool is_excused =
            cluster->has_disk && (cluster->disk.is_dead || cluster->disk.room_bytes >= 0);
        if (!is_excused) {
            fail(cluster, "the broker does not start: ", text);
        }
        if (cluster->has_disk) {
            sim_disk_kill(&cluster->disk);
        }
        return false;
    }
    cluster->counts.torn_logs += dh_broker_recovery(cluster->broker)->torn_logs;
    return true;
}

static void on_start(void *ctx, uint64_t number)
{
    struct sim_cluster *cluster = ctx;
    if (cluster->broker != NULL || number != cluster->life) {
        return;
    }
    if (!start(cluster)) {
        start_after(cluster, RETRY_NS);
        return;
    }
    cluster->counts.starts++;
    sim_observer_open(&cluster->observer, cluster->broker->store);
    serve(cluster);
}

static void start_after(struct sim_cluster *cluster, int64_t delay_ns)
{
    sim_after(cluster->scheduler, delay_ns, on_start, cluster, cluster->life);
}

void sim_cluster_init(struct sim_cluster *cluster, struct sim_scheduler *scheduler,
                      struct sim_network *network, struct sim_topics *topics,
                      bool is_traced)
{
    memset(cluster, 0, sizeof(*cluster));
    cluster->scheduler = scheduler;
    cluster->network = network;
    cluster->topics = topics;
    cluster->is_traced = is_traced;
    cluster->node_count = network->node_count;
    cluster->has_disk = sim_chance(scheduler, 800);
    cluster->mode = cluster->has_disk && sim_chance(scheduler, 600) ? DH_STORE_SYNCED
                                                                    : DH_STORE_CACHED;
    cluster->offsets_partitions =
        (int)sim_between(scheduler, 1, SIM_OFFSETS_PARTITIONS_MAX);
    cluster->session_slots = (int)sim_between(scheduler, 0, 8);
    cluster->timer_ns = DH_NEVER;
    cluster->log = (dohle_log_sink){
        .write = write_log, .ctx = cluster, .level_max = DOHLE_LOG_DEBUG};
    sim_memory_init(&cluster->memory);
    sim_disk_init(&cluster->disk, scheduler);
    cluster->disk.on_synced = on_synced;
    cluster->disk.ctx = cluster;
    if (!cluster->has_disk) {
        cluster->files = dh_memory_files_new(dh_mem_default());
        DH_ASSERT(cluster->files != NULL);
    }
    sim_observer_init(&cluster->observer, scheduler, topics);
    network->server = (struct sim_server){.ctx = cluster,
                                          .on_connect = on_connect,
                                          .receive_buffer = receive_buffer,
                                          .on_received = on_received,
                                          .on_sent = on_sent,
                                          .on_closed = on_closed};
}

void sim_cluster_deinit(struct sim_cluster *cluster)
{
    if (cluster->broker != NULL) {
        drop(cluster);
    }
    sim_disk_deinit(&cluster->disk);
    dh_memory_files_free(cluster->files);
    sim_observer_deinit(&cluster->observer);
}

static void make_topic(struct sim_cluster *cluster, struct sim_topic *topic)
{
    int segment_bytes = (int)sim_between(cluster->scheduler, 2000, 30000);
    int interval_bytes = (int)sim_between(cluster->scheduler, 0, 3000);
    bool is_made = sim_cluster_command(
        cluster, (dohle_bytes){NULL, 0},
        "topic create %s partitions=%d replication=%d internal.segment.bytes=%d "
        "index.interval.bytes=%d",
        topic->name, topic->partition_count, cluster->node_count, segment_bytes,
        interval_bytes);
    DH_ASSERT(is_made);
    const struct dh_broker_topic *made =
        dh_broker_topics_find(cluster->broker, dh_bytes_of(topic->name));
    DH_ASSERT(made != NULL);
    topic->id = made->id;
}

void sim_cluster_start(struct sim_cluster *cluster)
{
    bool has_started = start(cluster);
    DH_ASSERT(has_started);
    serve(cluster);
    for (int i = 0; i < cluster->topics->count; i++) {
        make_topic(cluster, &cluster->topics->topics[i]);
    }
    sim_observer_open(&cluster->observer, cluster->broker->store);
}

static bool has_offline_log(const struct sim_cluster *cluster)
{
    const struct dh_store_log *log = NULL;
    while ((log = dh_store_next_log(cluster->broker->store, log)) != NULL) {
        if (dh_store_log_is_offline(log)) {
            return true;
        }
    }
    return false;
}

static void on_heal(void *ctx, uint64_t number)
{
    (void)number;
    sim_cluster_heal(ctx);
}

void sim_cluster_heal(struct sim_cluster *cluster)
{
    if (!cluster->is_healed) {
        // A sync that is under way may still fail.
        sim_after(cluster->scheduler, SIM_SYNC_NS_MAX, on_heal, cluster, 0);
    }
    cluster->is_healed = true;
    cluster->disk.room_bytes = -1;
    cluster->disk.sync_delay_max_ns = 5 * DH_MS;
    cluster->disk.broken_in_thousand = 0;
    cluster->disk.is_dying = false;
    if (cluster->broker == NULL) {
        cluster->life++; // a start that is planned for later is no more
        start_after(cluster, 0);
        return;
    }
    if (has_offline_log(cluster)) {
        sim_cluster_kill(cluster, 0);
        return;
    }
    (void)sim_cluster_command(cluster, (dohle_bytes){NULL, 0}, "fault remove all");
    for (int node = 1; node <= cluster->node_count; node++) {
        (void)sim_cluster_command(cluster, (dohle_bytes){NULL, 0}, "node start %d", node);
        (void)sim_cluster_command(cluster, (dohle_bytes){NULL, 0}, "node resume %d",
                                  node);
    }
}

int sim_cluster_leader(const struct sim_cluster *cluster, int place)
{
    if (cluster->broker == NULL) {
        return -1;
    }
    const struct dh_broker_topic *topic = dh_broker_topics_find(
        cluster->broker, dh_bytes_of(sim_topics_name(cluster->topics, place)));
    return topic == NULL ? -1 : topic->partitions[place % SIM_PARTITIONS_MAX].leader - 1;
}
