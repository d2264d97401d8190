// SPDX-License-Identifier: MIT
#include "broker/conditions.h"

#include <inttypes.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/strings.h"
#include "base/time.h"
#include "broker/alarm.h"
#include "broker/connections.h"
#include "broker/control.h"
#include "broker/faults.h"
#include "broker/groups.h"
#include "broker/inspect.h"
#include "broker/journal.h"
#include "broker/line.h"
#include "broker/nodes.h"
#include "broker/topics.h"
#include "coordinator/coordinator.h"

struct wait;

// A kind of condition: what it is about, how it is read and looked at.
struct kind {
    const char *word; // the first word behind "wait", or the name that it must have
    bool has_word;    // it is a word of its own
    unsigned changes; // DH_BROKER_CHANGE_*
    const char *allowed;
    void (*read)(struct dh_broker *broker, struct wait *wait);
    // Whether it holds; writes what is the case.
    bool (*look)(struct dh_broker *broker, const struct wait *wait, struct dh_buf *facts);
};

struct wait {
    struct dh_link link;
    struct dh_broker_command *command;
    struct dh_broker_alarm deadline; // by the host's clock
    int64_t began_ns;
    const struct kind *kind;
    struct dh_broker_line line; // owns what the views below point into
    dohle_bytes name;           // group or topic
    dohle_bytes topic;          // COMMITTED
    dohle_bytes state;          // null: any
    int32_t partition;          // -1: any
    int32_t node;               // 0: any
    uint32_t fault_id;
    struct dh_broker_journal_filter filter;
    uint64_t answered; // requests so far
    struct dh_broker_bound members, generation, number, start, end, watermark, leader,
        epoch;
};

struct dh_broker_conditions {
    struct dh_list waits;
    unsigned changes; // since the last settle
};

int dh_broker_conditions_new(struct dh_broker *broker)
{
    struct dh_broker_conditions *conditions =
        dh_mem_calloc(broker->mem, 1, sizeof(*conditions));
    if (conditions == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_list_init(&conditions->waits);
    broker->conditions = conditions;
    return 0;
}

void dh_broker_conditions_free(struct dh_broker *broker)
{
    if (broker->conditions == NULL) {
        return;
    }
    DH_ASSERT(dh_list_is_empty(&broker->conditions->waits));
    dh_mem_free(broker->mem, broker->conditions, sizeof(*broker->conditions));
    broker->conditions = NULL;
}

void dh_broker_changed(struct dh_broker *broker, unsigned changes)
{
    // Modules tell from their first moment on, some of which come before this one.
    if (broker->conditions != NULL) {
        broker->conditions->changes |= changes;
    }
}

// ---- Kinds ----

// Gives a bound its default.
static struct dh_broker_bound at_least(struct dh_broker_bound bound, int64_t number)
{
    if (bound.is_given) {
        return bound;
    }
    return (struct dh_broker_bound){true, DH_BROKER_AT_LEAST, number};
}

static void need(struct wait *wait, dohle_bytes value, const char *name)
{
    if (value.data == NULL) {
        dh_broker_line_set_wrong(&wait->line, "%s= is missing", name);
    }
}

static void check_word(struct wait *wait, dohle_bytes value, const char *const *words,
                       size_t count, const char *allowed)
{
    for (size_t i = 0; i < count; i++) {
        if (value.data == NULL || dh_equal_ignoring_case(value, dh_bytes_of(words[i]))) {
            return;
        }
    }
    dh_broker_line_set_wrong(&wait->line, "state is one of %s, not \"%.*s\"", allowed,
                             (int)value.size, (const char *)value.data);
}

static void read_group(struct dh_broker *broker, struct wait *wait)
{
    static const char *const states[] = {"Empty", "PreparingRebalance",
                                         "CompletingRebalance", "Stable", "Dead"};
    (void)broker;
    wait->name = dh_broker_line_text(&wait->line, "group");
    wait->state = dh_broker_line_text(&wait->line, "state");
    wait->members = dh_broker_line_bound(&wait->line, "members");
    wait->generation = dh_broker_line_bound(&wait->line, "generation");
    check_word(wait, wait->state, states, DH_COUNT_OF(states),
               "Empty, PreparingRebalance, CompletingRebalance, Stable, Dead");
}

static bool look_at_group(struct dh_broker *broker, const struct wait *wait,
                          struct dh_buf *facts)
{
    struct dh_group_summary summary = {.state = "Dead"};
    const struct dh_coordinator *coordinator = dh_broker_groups_find(broker, wait->name);
    if (coordinator != NULL) {
        dh_coordinator_summary(coordinator, wait->name, &summary);
    }
    dh_buf_printf(facts, "group=");
    dh_broker_print_text(facts, wait->name);
    dh_buf_printf(facts, " state=%s members=%zu generation=%" PRId32, summary.state,
                  summary.member_count, summary.generation);
    if (wait->state.data == NULL && strcmp(summary.state, "Dead") == 0) {
        return false;
    }
    return (wait->state.data == NULL ||
            dh_equal_ignoring_case(wait->state, dh_bytes_of(summary.state))) &&
           dh_broker_bound_holds(&wait->members, (int64_t)summary.member_count) &&
           dh_broker_bound_holds(&wait->generation, summary.generation);
}

static void read_committed(struct dh_broker *broker, struct wait *wait)
{
    (void)broker;
    wait->name = dh_broker_line_text(&wait->line, "group");
    wait->topic = dh_broker_line_text(&wait->line, "topic");
    wait->partition =
        (int32_t)dh_broker_line_number(&wait->line, "partition", 0, INT32_MAX, 0);
    wait->number = at_least(dh_broker_line_bound(&wait->line, "offset"), 0);
    need(wait, wait->name, "group");
    need(wait, wait->topic, "topic");
}

static bool look_at_committed(struct dh_broker *broker, const struct wait *wait,
                              struct dh_buf *facts)
{
    int64_t offset = -1;
    const struct dh_coordinator *coordinator = dh_broker_groups_find(broker, wait->name);
    if (coordinator != NULL) {
        offset = dh_coordinator_committed(coordinator, wait->name, wait->topic,
                                          wait->partition)
                     .offset;
    }
    dh_buf_printf(facts, "group=");
    dh_broker_print_text(facts, wait->name);
    dh_buf_printf(facts, " topic=");
    dh_broker_print_text(facts, wait->topic);
    dh_buf_printf(facts, " partition=%" PRId32 " offset=%" PRId64, wait->partition,
                  offset);
    return dh_broker_bound_holds(&wait->number, offset);
}

static void read_topic(struct dh_broker *broker, struct wait *wait)
{
    (void)broker;
    wait->name = dh_broker_line_text(&wait->line, "topic");
    wait->number = dh_broker_line_bound(&wait->line, "partitions");
    wait->partition =
        (int32_t)dh_broker_line_number(&wait->line, "partition", 0, INT32_MAX, -1);
    wait->start = dh_broker_line_bound(&wait->line, "start");
    wait->end = dh_broker_line_bound(&wait->line, "end");
    wait->watermark = dh_broker_line_bound(&wait->line, "hw");
    wait->leader = dh_broker_line_bound(&wait->line, "leader");
    wait->epoch = dh_broker_line_bound(&wait->line, "epoch");
    bool has_detail = wait->start.is_given || wait->end.is_given ||
                      wait->watermark.is_given || wait->leader.is_given ||
                      wait->epoch.is_given;
    if (has_detail && wait->partition < 0) {
        dh_broker_line_set_wrong(&wait->line, "partition= is missing");
    }
}

static bool look_at_topic(struct dh_broker *broker, const struct wait *wait,
                          struct dh_buf *facts)
{
    const struct dh_broker_topic *topic = dh_broker_topics_find(broker, wait->name);
    dh_buf_printf(facts, "topic=");
    dh_broker_print_text(facts, wait->name);
    if (topic == NULL) {
        dh_buf_printf(facts, " partitions=0");
        return false;
    }
    dh_buf_printf(facts, " partitions=%" PRId32, topic->partition_count);
    if (!dh_broker_bound_holds(&wait->number, topic->partition_count)) {
        return false;
    }
    if (wait->partition < 0) {
        return true;
    }
    if (wait->partition >= topic->partition_count) {
        return false;
    }
    const struct dh_broker_partition *partition = &topic->partitions[wait->partition];
    int64_t start = dh_store_log_start(partition->log);
    int64_t watermark = dh_store_log_high_watermark(partition->log);
    int64_t end = dh_store_log_end(partition->log);
    dh_buf_printf(facts,
                  " partition=%" PRId32 " start=%" PRId64 " hw=%" PRId64 " end=%" PRId64
                  " leader=%" PRId32 " epoch=%" PRId32,
                  wait->partition, start, watermark, end, partition->leader,
                  partition->leader_epoch);
    return dh_broker_bound_holds(&wait->start, start) &&
           dh_broker_bound_holds(&wait->watermark, watermark) &&
           dh_broker_bound_holds(&wait->end, end) &&
           dh_broker_bound_holds(&wait->leader, partition->leader) &&
           dh_broker_bound_holds(&wait->epoch, partition->leader_epoch);
}

static void read_fault(struct dh_broker *broker, struct wait *wait)
{
    wait->fault_id =
        (uint32_t)dh_broker_line_number(&wait->line, "fault", 1, UINT32_MAX, 0);
    wait->number = at_least(dh_broker_line_bound(&wait->line, "hits"), 1);
    if (dh_broker_faults_hits(broker, wait->fault_id) < 0) {
        dh_broker_line_set_wrong(&wait->line, "there is no fault %" PRIu32,
                                 wait->fault_id);
    }
}

static bool look_at_fault(struct dh_broker *broker, const struct wait *wait,
                          struct dh_buf *facts)
{
    int64_t hits = dh_broker_faults_hits(broker, wait->fault_id);
    dh_buf_printf(facts, "fault=%" PRIu32 " hits=%" PRId64, wait->fault_id, hits);
    return dh_broker_bound_holds(&wait->number, hits);
}

static void read_node_number(struct dh_broker *broker, struct wait *wait)
{
    wait->node = (int32_t)dh_broker_line_number(
        &wait->line, "node", 1, (int64_t)dh_broker_nodes_count(broker), 0);
}

static void read_requests(struct dh_broker *broker, struct wait *wait)
{
    struct dh_broker_journal_filter *filter = &wait->filter;
    dohle_bytes name = dh_broker_line_text(&wait->line, "api");
    filter->api = -1;
    if (name.data != NULL) {
        const char *similar;
        const struct dh_api *api = dh_broker_inspect_api(name, &similar);
        if (api == NULL) {
            dh_broker_line_set_wrong(
                &wait->line, "there is no API \"%.*s\"%s%s%s", (int)name.size,
                (const char *)name.data, similar == NULL ? "" : "; did you mean ",
                similar == NULL ? "" : similar, similar == NULL ? "" : "?");
        } else {
            filter->api = api->key;
        }
    }
    read_node_number(broker, wait);
    filter->node = wait->node;
    filter->client = dh_broker_line_text(&wait->line, "client");
    int64_t since = dh_broker_line_number(&wait->line, "since", 0, INT64_MAX, -1);
    wait->number = at_least(dh_broker_line_bound(&wait->line, "count"), 1);
    if (since >= 0) {
        filter->since = (uint64_t)since;
        wait->answered = dh_broker_journal_count(broker, filter);
    }
}

static bool look_at_requests(struct dh_broker *broker, const struct wait *wait,
                             struct dh_buf *facts)
{
    (void)broker;
    dh_buf_printf(facts, "count=%" PRIu64, wait->answered);
    return dh_broker_bound_holds(&wait->number, (int64_t)wait->answered);
}

static void read_connections(struct dh_broker *broker, struct wait *wait)
{
    read_node_number(broker, wait);
    wait->number = at_least(dh_broker_line_bound(&wait->line, "count"), 1);
}

static bool look_at_connections(struct dh_broker *broker, const struct wait *wait,
                                struct dh_buf *facts)
{
    int64_t count = 0;
    DH_LIST_EACH(link, &broker->connections->all)
    {
        const struct dh_broker_connection *connection =
            DH_CONTAINER_OF(link, struct dh_broker_connection, link);
        count += connection->end == DH_BROKER_END_NOT &&
                 (wait->node == 0 || connection->node->id == wait->node);
    }
    dh_buf_printf(facts, "connections=%" PRId64, count);
    return dh_broker_bound_holds(&wait->number, count);
}

static void read_node(struct dh_broker *broker, struct wait *wait)
{
    static const char *const states[] = {"up", "down", "paused"};
    read_node_number(broker, wait);
    wait->state = dh_broker_line_text(&wait->line, "state");
    need(wait, wait->state, "state");
    check_word(wait, wait->state, states, DH_COUNT_OF(states), "up, down, paused");
}

static bool look_at_node(struct dh_broker *broker, const struct wait *wait,
                         struct dh_buf *facts)
{
    const struct dh_broker_node *node = dh_broker_nodes_find(broker, wait->node);
    const char *state = !node->is_up ? "down" : node->is_paused ? "paused" : "up";
    dh_buf_printf(facts, "node=%" PRId32 " state=%s", wait->node, state);
    return dh_equal_ignoring_case(wait->state, dh_bytes_of(state));
}

static const struct kind kinds[] = {
    {"committed", true, DH_BROKER_CHANGE_GROUP | DH_BROKER_CHANGE_TOPIC,
     "committed group= topic= partition= offset= timeout=", read_committed,
     look_at_committed},
    {"requests", true, DH_BROKER_CHANGE_REQUEST,
     "requests api= node= client= since= count= timeout=", read_requests,
     look_at_requests},
    {"connections", true, DH_BROKER_CHANGE_CONNECTION,
     "connections node= count= timeout=", read_connections, look_at_connections},
    {"group", false, DH_BROKER_CHANGE_GROUP | DH_BROKER_CHANGE_TOPIC,
     "group= state= members= generation= timeout=", read_group, look_at_group},
    {"topic", false, DH_BROKER_CHANGE_TOPIC | DH_BROKER_CHANGE_LOG,
     "topic= partitions= partition= start= hw= end= leader= epoch= timeout=", read_topic,
     look_at_topic},
    {"fault", false, DH_BROKER_CHANGE_FAULT, "fault= hits= timeout=", read_fault,
     look_at_fault},
    {"node", false, DH_BROKER_CHANGE_NODE, "node= state= timeout=", read_node,
     look_at_node},
};

void dh_broker_conditions_help(struct dh_buf *out)
{
    for (size_t i = 0; i < DH_COUNT_OF(kinds); i++) {
        dh_buf_printf(out, "wait %s\n", kinds[i].allowed);
    }
}

static const struct kind *find_kind(struct dh_broker_line *line)
{
    dohle_bytes word = dh_broker_line_word(line, 1);
    for (size_t i = 0; i < DH_COUNT_OF(kinds); i++) {
        if (kinds[i].has_word
                ? dh_bytes_equal(word, dh_bytes_of(kinds[i].word))
                : word.data == NULL && dh_broker_line_find(line, kinds[i].word) != NULL) {
            return &kinds[i];
        }
    }
    return NULL;
}

// ---- Waits ----

static void destroy(struct dh_broker *broker, struct wait *wait)
{
    dh_list_remove(&wait->link);
    dh_broker_alarm_deinit(&wait->deadline);
    dh_broker_line_deinit(&wait->line);
    dh_mem_free(broker->mem, wait, sizeof(*wait));
}

static void finish(struct dh_broker *broker, struct wait *wait, int err)
{
    struct dh_broker_command *command = wait->command;
    destroy(broker, wait);
    dh_broker_control_done(broker, command, err);
}

// True: it holds and has been answered.
static bool finish_if_it_holds(struct dh_broker *broker, struct wait *wait)
{
    struct dh_buf *text = &wait->command->text;
    dh_buf_reset(text);
    if (!wait->kind->look(broker, wait, text)) {
        dh_buf_reset(text);
        return false;
    }
    dh_buf_append_byte(text, '\n');
    finish(broker, wait, 0);
    return true;
}

static void on_deadline(struct dh_broker_alarm *alarm)
{
    struct wait *wait = DH_CONTAINER_OF(alarm, struct wait, deadline);
    struct dh_broker *broker = alarm->broker;
    struct dh_buf *text = &wait->command->text;
    if (finish_if_it_holds(broker, wait)) {
        return;
    }
    dh_buf_printf(text, "still not so after %" PRId64 " ms; it is: ",
                  (broker->clock.host_ns - wait->began_ns) / DH_MS);
    (void)wait->kind->look(broker, wait, text);
    finish(broker, wait, DOHLE_ERR_TIMEOUT);
}

// Reads the condition. Returns 0 or an error with the sentence in the line's `wrong`.
static int read_wait(struct dh_broker *broker, struct wait *wait)
{
    int err = dh_broker_line_parse(&wait->line, dh_bytes_of(wait->command->line));
    if (err != 0) {
        return err;
    }
    (void)dh_broker_line_word(&wait->line, 0);
    wait->kind = find_kind(&wait->line);
    if (wait->kind == NULL) {
        dh_broker_line_set_wrong(&wait->line,
                                 "wait needs a condition; allowed: group=..., topic=..., "
                                 "fault=..., node=..., committed ..., requests ..., "
                                 "connections ...");
        return dh_broker_line_err(&wait->line);
    }
    int64_t timeout_ms = dh_broker_line_number(&wait->line, "timeout", 0, INT32_MAX, -1);
    wait->kind->read(broker, wait);
    dh_broker_line_finish(&wait->line, wait->kind->allowed);
    int64_t now_ns = broker->clock.host_ns;
    int64_t deadline_ns = wait->command->deadline_ns;
    if (timeout_ms >= 0) {
        deadline_ns = dh_earlier(deadline_ns, dh_deadline_after_ms(now_ns, timeout_ms));
    } else if (deadline_ns == DH_NEVER) {
        deadline_ns = dh_deadline_after_ms(now_ns, DH_BROKER_WAIT_MS);
    }
    wait->began_ns = now_ns;
    dh_broker_alarm_set(&wait->deadline, deadline_ns);
    return dh_broker_line_err(&wait->line);
}

void dh_broker_conditions_wait(struct dh_broker *broker,
                               struct dh_broker_command *command)
{
    struct wait *wait = dh_mem_calloc(broker->mem, 1, sizeof(*wait));
    if (wait == NULL) {
        dh_broker_control_done(broker, command, DOHLE_ERR_NO_MEMORY);
        return;
    }
    wait->command = command;
    wait->partition = -1;
    dh_broker_line_init(&wait->line, broker->mem);
    dh_list_push_back(&broker->conditions->waits, &wait->link);
    int err = dh_broker_alarm_init_host(&wait->deadline, broker, on_deadline);
    if (err == 0) {
        err = read_wait(broker, wait);
    }
    if (err != 0) {
        dh_buf_append(&command->text, wait->line.wrong.data, wait->line.wrong.size);
        finish(broker, wait, err);
        return;
    }
    (void)finish_if_it_holds(broker, wait);
}

void dh_broker_conditions_on_answered(const struct dh_broker_request *request)
{
    struct dh_broker *broker = request->broker;
    DH_LIST_EACH(link, &broker->conditions->waits)
    {
        struct wait *wait = DH_CONTAINER_OF(link, struct wait, link);
        if (wait->kind->look == look_at_requests &&
            dh_broker_journal_is_about(&wait->filter, request)) {
            wait->answered++;
        }
    }
    dh_broker_changed(broker, DH_BROKER_CHANGE_REQUEST);
}

bool dh_broker_conditions_is_unsettled(const struct dh_broker *broker)
{
    const struct dh_broker_conditions *conditions = broker->conditions;
    return conditions->changes != 0 && !dh_list_is_empty(&conditions->waits);
}

void dh_broker_conditions_settle(struct dh_broker *broker)
{
    struct dh_broker_conditions *conditions = broker->conditions;
    unsigned changes = conditions->changes;
    conditions->changes = 0;
    if (changes == 0) {
        return;
    }
    DH_LIST_EACH_SAFE(link, next, &conditions->waits)
    {
        struct wait *wait = DH_CONTAINER_OF(link, struct wait, link);
        if ((wait->kind->changes & changes) != 0) {
            (void)finish_if_it_holds(broker, wait);
        }
    }
}

void dh_broker_conditions_close(struct dh_broker *broker)
{
    struct dh_link *link;
    while ((link = dh_list_first(&broker->conditions->waits)) != NULL) {
        finish(broker, DH_CONTAINER_OF(link, struct wait, link), DOHLE_ERR_CLOSED);
    }
}
