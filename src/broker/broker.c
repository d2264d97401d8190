// SPDX-License-Identifier: MIT
#include "broker/broker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "broker/alarm.h"
#include "broker/conditions.h"
#include "broker/connections.h"
#include "broker/control.h"
#include "broker/faults.h"
#include "broker/fetches.h"
#include "broker/groups.h"
#include "broker/journal.h"
#include "broker/nodes.h"
#include "broker/produce.h"
#include "broker/producer_ids.h"
#include "broker/retention.h"
#include "broker/saves.h"
#include "broker/settings.h"
#include "broker/state.h"
#include "broker/topics.h"
#include "broker/waits.h"
#include "coordinator/coordinator.h"

static const char subsystem[] = "broker";

// ---- Modules without options of their own, in the order of their making ----

struct module {
    int (*make)(struct dh_broker *broker);
    void (*end)(struct dh_broker *broker);
};

// The topics are there. Connections come last, so that they go first: nothing is parked then.
static const struct module modules[] = {
    {dh_broker_waits_new, dh_broker_waits_free},
    {dh_broker_producer_ids_new, dh_broker_producer_ids_free},
    {dh_broker_produce_new, dh_broker_produce_free},
    {dh_broker_fetches_new, dh_broker_fetches_free},
    {dh_broker_retention_new, dh_broker_retention_free},
    {dh_broker_faults_new, dh_broker_faults_free},
    {dh_broker_journal_new, dh_broker_journal_free},
    {dh_broker_conditions_new, dh_broker_conditions_free},
    {dh_broker_control_new, dh_broker_control_free},
    {dh_broker_groups_new, dh_broker_groups_free},
    {dh_broker_connections_new, dh_broker_connections_free},
};

// ---- The clock ----

static void set_time(struct dh_broker *broker, int64_t now_ns)
{
    struct dh_broker_clock *clock = &broker->clock;
    if (now_ns > clock->now_ns) {
        clock->now_ns = now_ns;
    }
    clock->wall_ms = clock->wall_at_ms + (clock->now_ns - clock->wall_at_ns) / DH_MS;
}

// Every call from outside begins here.
static void enter(struct dh_broker *broker, int64_t host_ns)
{
    struct dh_broker_clock *clock = &broker->clock;
    if (host_ns > clock->host_ns) {
        clock->host_ns = host_ns;
    }
    if (!clock->is_manual) {
        set_time(broker, clock->host_ns + clock->ahead_ns);
    }
}

// What has become possible is done, now that no handler is active: one leads to another.
static void settle(struct dh_broker *broker)
{
    do {
        dh_broker_waits_run(broker);
        dh_broker_connections_run(broker);
    } while (dh_broker_waits_has_woken(broker));
}

// And ends here.
static void leave(struct dh_broker *broker)
{
    settle(broker);
    dh_broker_conditions_settle(broker);
}

void dh_broker_advance(struct dh_broker *broker, int64_t by_ns)
{
    struct dh_broker_clock *clock = &broker->clock;
    int64_t left_ns = DH_NEVER - 1 - clock->now_ns;
    int64_t target_ns = clock->now_ns + (by_ns < left_ns ? by_ns : left_ns);
    int64_t due_ns;
    while ((due_ns = dh_timers_next_deadline(&broker->timers)) <= target_ns) {
        int64_t before_ns = clock->now_ns;
        set_time(broker, due_ns);
        clock->ahead_ns += clock->now_ns - before_ns;
        (void)dh_broker_alarms_run_one(&broker->timers, clock->now_ns);
        settle(broker);
    }
    clock->ahead_ns += target_ns - clock->now_ns;
    set_time(broker, target_ns);
}

void dh_broker_set_wall(struct dh_broker *broker, int64_t wall_ms, int64_t now_ns)
{
    enter(broker, now_ns);
    struct dh_broker_clock *clock = &broker->clock;
    int64_t ours_ms = wall_ms + clock->ahead_ns / DH_MS;
    if (!clock->is_manual && ours_ms > clock->wall_ms) {
        clock->wall_at_ms = ours_ms;
        clock->wall_at_ns = clock->now_ns;
        clock->wall_ms = ours_ms;
    }
    leave(broker);
}

int64_t dh_broker_deadline(const struct dh_broker *broker)
{
    const struct dh_broker_clock *clock = &broker->clock;
    // A sync that ended outside of our calls has answered somebody whose next request is here.
    if (!dh_list_is_empty(&broker->connections->ready) ||
        dh_broker_waits_has_woken(broker) || dh_broker_conditions_is_unsettled(broker)) {
        return clock->host_ns;
    }
    int64_t deadline_ns = dh_timers_next_deadline(&broker->host_timers);
    int64_t due_ns = dh_timers_next_deadline(&broker->timers);
    if (due_ns <= clock->now_ns) {
        return clock->host_ns;
    }
    if (clock->is_manual || due_ns == DH_NEVER) {
        return deadline_ns;
    }
    return dh_earlier(deadline_ns, due_ns - clock->ahead_ns);
}

void dh_broker_tick(struct dh_broker *broker, int64_t now_ns)
{
    enter(broker, now_ns);
    while (dh_broker_alarms_run_one(&broker->host_timers, broker->clock.host_ns)) {
    }
    while (dh_broker_alarms_run_one(&broker->timers, broker->clock.now_ns)) {
    }
    leave(broker);
}

// ---- Life ----

// The store's: a high watermark has moved, or a log went offline.
static void on_log_changed(void *ctx, struct dh_store_log *log)
{
    struct dh_broker *broker = ctx;
    struct dh_broker_partition *partition = dh_store_log_ctx(log);
    // Our own log of topics is no partition, nor is one that is just being opened.
    if (partition != NULL && broker->waits != NULL) {
        dh_broker_waits_wake(broker, partition);
    } else if (partition == NULL) {
        dh_broker_saves_on_log(broker);
    }
}

static int check_options(const struct dh_broker_options *options, char *text,
                         size_t text_size)
{
    if (options->node_count < 1 || options->node_count > DH_BROKER_NODES_MAX) {
        snprintf(text, text_size, "a broker has 1 to %d nodes, not %zu",
                 DH_BROKER_NODES_MAX, options->node_count);
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    return 0;
}

static int open_store(struct dh_broker *broker, const struct dh_broker_options *options,
                      char *text, size_t text_size)
{
    // A directory that has one keeps its own.
    broker->cluster_id = dh_broker_topics_new_id(broker);
    struct dh_uuid_text cluster = dh_uuid_text(&broker->cluster_id);
    const struct dh_store_options store = {
        .mem = broker->mem,
        .vfs = broker->vfs,
        .log = broker->log,
        .watcher = {.ctx = broker, .changed = on_log_changed},
        .mode = options->mode,
        .seed = dh_random_next(&broker->random),
        .process = cluster.text,
    };
    int err = dh_store_open(&store, &broker->store, &broker->recovery, text, text_size);
    if (err == 0 && dh_uuid_parse(dh_bytes_of(dh_store_cluster_id(broker->store)),
                                  &broker->cluster_id) != 0) {
        // Kafka takes any text. Here it is an id, for as long as this broker runs.
        dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
               "the cluster id in meta.properties is not one that Kafka makes");
    }
    return err;
}

static int make_parts(struct dh_broker *broker, const struct dh_broker_options *options,
                      char *text, size_t text_size)
{
    int err = dh_broker_settings_new(broker, options, text, text_size);
    if (err != 0) {
        return err;
    }
    snprintf(text, text_size, "no memory for a broker");
    err = dh_broker_nodes_new(broker, options);
    if (err != 0) {
        return err;
    }
    err = open_store(broker, options, text, text_size);
    if (err == 0) {
        err = dh_broker_topics_new(broker, broker->recovery.was_clean, text, text_size);
    }
    if (err != 0) {
        return err;
    }
    snprintf(text, text_size, "no memory for a broker");
    for (size_t i = 0; i < DH_COUNT_OF(modules) && err == 0; i++) {
        err = modules[i].make(broker);
    }
    return err;
}

int dh_broker_new(const struct dh_broker_options *options, struct dh_broker **out,
                  char *text, size_t text_size)
{
    *out = NULL;
    int err = check_options(options, text, text_size);
    if (err != 0) {
        return err;
    }
    struct dh_broker *broker = dh_mem_calloc(options->mem, 1, sizeof(*broker));
    if (broker == NULL) {
        snprintf(text, text_size, "no memory for a broker");
        return DOHLE_ERR_NO_MEMORY;
    }
    broker->mem = options->mem;
    broker->log = options->log;
    broker->vfs = options->vfs;
    broker->random.state = options->seed;
    broker->clock = (struct dh_broker_clock){
        .now_ns = options->now_ns,
        .wall_ms = options->wall_ms,
        .host_ns = options->now_ns,
        .wall_at_ms = options->wall_ms,
        .wall_at_ns = options->now_ns,
        .is_manual = options->is_clock_manual,
    };
    dh_timers_init(&broker->timers, broker->mem);
    dh_timers_init(&broker->host_timers, broker->mem);
    err = make_parts(broker, options, text, text_size);
    if (err != 0) {
        dh_broker_free(broker, false);
        return err;
    }
    dh_log(broker->log, DOHLE_LOG_INFO, subsystem, "a broker with %zu nodes starts",
           options->node_count);
    text[0] = '\0';
    *out = broker;
    return 0;
}

void dh_broker_close_commands(struct dh_broker *broker)
{
    dh_broker_control_close(broker);
}

void dh_broker_free(struct dh_broker *broker, bool is_clean)
{
    if (broker == NULL) {
        return;
    }
    for (size_t i = DH_COUNT_OF(modules); i > 0; i--) {
        modules[i - 1].end(broker);
    }
    if (is_clean && broker->topics != NULL) {
        dh_broker_topics_save_or_say(broker);
    }
    dh_broker_topics_free(broker);
    dh_store_close(broker->store, is_clean);
    dh_broker_nodes_free(broker);
    dh_broker_settings_free(broker);
    dh_timers_deinit(&broker->timers);
    dh_timers_deinit(&broker->host_timers);
    dh_mem_free(broker->mem, broker, sizeof(*broker));
}

// ---- What the host reports ----

void dh_broker_on_listening(struct dh_broker *broker, int32_t node_id,
                            const struct dh_broker_listening *listening, int64_t now_ns)
{
    enter(broker, now_ns);
    struct dh_broker_node *node = dh_broker_nodes_find(broker, node_id);
    DH_ASSERT(node != NULL);
    dh_broker_nodes_on_listening(broker, node, listening);
    leave(broker);
}

uint32_t dh_broker_on_accepted(struct dh_broker *broker, int32_t node_id,
                               const char *peer_host, int64_t now_ns)
{
    enter(broker, now_ns);
    struct dh_broker_node *node = dh_broker_nodes_find(broker, node_id);
    DH_ASSERT(node != NULL);
    // It may have gone down since the client was let in.
    uint32_t id = node->is_up ? dh_broker_connection_accept(broker, node, peer_host) : 0;
    leave(broker);
    return id;
}

bool dh_broker_receive_buffer(struct dh_broker *broker, uint32_t connection_id,
                              uint8_t **pointer, size_t *capacity)
{
    struct dh_broker_connection *connection =
        dh_broker_connections_find(broker, connection_id);
    return connection != NULL &&
           dh_broker_connection_receive_buffer(connection, pointer, capacity);
}

void dh_broker_on_received(struct dh_broker *broker, uint32_t connection_id, size_t size,
                           int64_t now_ns)
{
    enter(broker, now_ns);
    struct dh_broker_connection *connection =
        dh_broker_connections_find(broker, connection_id);
    if (connection != NULL) {
        dh_broker_connection_on_received(connection, size);
    }
    leave(broker);
}

void dh_broker_on_sent(struct dh_broker *broker, uint32_t connection_id, int64_t now_ns)
{
    enter(broker, now_ns);
    struct dh_broker_connection *connection =
        dh_broker_connections_any(broker, connection_id);
    if (connection != NULL) {
        dh_broker_connection_on_sent(connection);
    }
    leave(broker);
}

void dh_broker_on_closed(struct dh_broker *broker, uint32_t connection_id, int64_t now_ns)
{
    enter(broker, now_ns);
    struct dh_broker_connection *connection =
        dh_broker_connections_any(broker, connection_id);
    if (connection != NULL) {
        dh_broker_connection_on_closed(connection);
    }
    leave(broker);
}

// ---- Commands ----

void dh_broker_input(struct dh_broker *broker, struct dh_broker_command *command,
                     int64_t now_ns)
{
    enter(broker, now_ns);
    dh_broker_control_input(broker, command);
    leave(broker);
}

struct dh_broker_command *dh_broker_next_event(struct dh_broker *broker)
{
    return dh_broker_control_next(broker);
}

// ---- What the host is to do ----

bool dh_broker_next_action(struct dh_broker *broker, struct dh_broker_action *action)
{
    return dh_broker_nodes_next_action(broker, action) ||
           dh_broker_connections_next_action(broker, action);
}

// ---- Questions ----

int dh_broker_bootstrap(const struct dh_broker *broker, struct dh_buf *out)
{
    const char *separator = "";
    for (size_t i = 0; i < dh_broker_nodes_count(broker); i++) {
        const struct dh_broker_node *node = dh_broker_nodes_at(broker, i);
        if (node->is_listening) {
            bool is_ipv6 = strchr(node->host, ':') != NULL;
            dh_buf_printf(out, "%s%s%s%s:%" PRId32, separator, is_ipv6 ? "[" : "",
                          node->host, is_ipv6 ? "]" : "", node->port);
            separator = ",";
        }
    }
    return out->err;
}

bool dh_broker_is_serving(const struct dh_broker *broker)
{
    for (size_t i = 0; i < dh_broker_nodes_count(broker); i++) {
        const struct dh_broker_node *node = dh_broker_nodes_at(broker, i);
        if (node->is_up && !node->is_listening && !node->has_failed) {
            return false;
        }
    }
    return true;
}

const struct dh_store_recovery *dh_broker_recovery(const struct dh_broker *broker)
{
    return &broker->recovery;
}

void dh_broker_check(const struct dh_broker *broker)
{
    dh_broker_topics_check_invariants(broker);
    dh_broker_fetches_check(broker);
    const struct dh_coordinator *coordinator;
    int32_t partition = -1;
    while ((coordinator = dh_broker_groups_next(broker, &partition)) != NULL) {
        dh_coordinator_check(coordinator);
    }
}
