// SPDX-License-Identifier: MIT
// Verbs about nodes and groups.
#include <inttypes.h>

#include <dohle/error.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "broker/connections.h"
#include "broker/control_turn.h"
#include "broker/groups.h"
#include "broker/nodes.h"
#include "coordinator/coordinator.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/list_groups.h"

// ---- Nodes ----

static size_t count_connections(const struct dh_broker *broker,
                                const struct dh_broker_node *node)
{
    size_t count = 0;
    DH_LIST_EACH(link, &broker->connections->all)
    {
        const struct dh_broker_connection *connection =
            DH_CONTAINER_OF(link, struct dh_broker_connection, link);
        count += connection->node == node && connection->end == DH_BROKER_END_NOT;
    }
    return count;
}

static void print_node(struct dh_broker_turn *turn, const struct dh_broker_node *node)
{
    struct dh_buf *out = turn->out;
    dh_buf_printf(out, "node=%" PRId32 " state=%s host=", node->id,
                  !node->is_up      ? "down"
                  : node->is_paused ? "paused"
                                    : "up");
    dh_broker_print_text(out, dh_bytes_of(node->host));
    dh_buf_printf(out, " port=%" PRId32 " connections=%zu", node->port,
                  count_connections(turn->broker, node));
    if (node->rack != NULL) {
        dh_buf_printf(out, " rack=");
        dh_broker_print_text(out, dh_bytes_of(node->rack));
    }
    dh_buf_append_byte(out, '\n');
}

void dh_broker_turn_print_nodes(struct dh_broker_turn *turn)
{
    for (size_t i = 0; i < dh_broker_nodes_count(turn->broker); i++) {
        print_node(turn, dh_broker_nodes_at(turn->broker, i));
    }
}

static void run_list(struct dh_broker_turn *turn)
{
    if (dh_broker_turn_is_good(turn, "")) {
        dh_broker_turn_print_nodes(turn);
    }
}

// NULL: wrong.
static struct dh_broker_node *read_node(struct dh_broker_turn *turn)
{
    struct dh_broker_node *node = dh_broker_turn_node(turn, 2);
    return dh_broker_turn_is_good(turn, "NODE") ? node : NULL;
}

static void take_down(struct dh_broker_turn *turn, bool is_killed)
{
    struct dh_broker_node *node = read_node(turn);
    if (node != NULL) {
        dh_broker_nodes_take_down(turn->broker, node, is_killed);
        print_node(turn, node);
    }
}

static void run_stop(struct dh_broker_turn *turn)
{
    take_down(turn, false);
}

static void run_kill(struct dh_broker_turn *turn)
{
    take_down(turn, true);
}

static void run_start(struct dh_broker_turn *turn)
{
    struct dh_broker_node *node = read_node(turn);
    if (node != NULL) {
        dh_broker_nodes_bring_up(turn->broker, node);
        print_node(turn, node);
    }
}

static void set_paused(struct dh_broker_turn *turn, bool is_paused)
{
    struct dh_broker_node *node = read_node(turn);
    if (node == NULL) {
        return;
    }
    if (!node->is_up) {
        dh_broker_turn_fail(turn, DOHLE_ERR_INVALID_STATE, "node %" PRId32 " is down",
                            node->id);
        return;
    }
    dh_broker_nodes_set_paused(turn->broker, node, is_paused);
    print_node(turn, node);
}

static void run_pause(struct dh_broker_turn *turn)
{
    set_paused(turn, true);
}

static void run_resume(struct dh_broker_turn *turn)
{
    set_paused(turn, false);
}

// ---- Groups ----

static void run_coordinator(struct dh_broker_turn *turn)
{
    int16_t code;
    dohle_bytes group = dh_broker_line_text_at(&turn->line, 1, "GROUP");
    const struct dh_broker_node *node = NULL;
    if (dh_broker_line_word(&turn->line, 2).data != NULL) {
        node = dh_broker_turn_node(turn, 2);
    }
    if (!dh_broker_turn_is_good(turn, "GROUP [NODE]")) {
        return;
    }
    struct dh_broker_partition *partition =
        dh_broker_groups_place(turn->broker, group, &code);
    if (partition == NULL) {
        dh_broker_turn_refuse(turn, code, "no node leads its partition");
        return;
    }
    if (node != NULL && partition->leader != node->id) {
        code = dh_broker_topics_move_leader(turn->broker, partition, node->id);
        dh_broker_turn_refuse(turn, code, "the node is down, or no replica");
    }
    if (turn->err == 0) {
        dh_buf_printf(turn->out, "group=");
        dh_broker_print_text(turn->out, group);
        dh_buf_printf(turn->out,
                      " partition=%" PRId32 " node=%" PRId32 " epoch=%" PRId32 "\n",
                      partition->number, partition->leader, partition->leader_epoch);
    }
}

static void print_group(struct dh_broker_turn *turn,
                        const struct dh_coordinator *coordinator, dohle_bytes group)
{
    struct dh_group_summary summary;
    int16_t code;
    const struct dh_broker_partition *partition =
        dh_broker_groups_place(turn->broker, group, &code);
    dh_coordinator_summary(coordinator, group, &summary);
    dh_buf_printf(turn->out, "group=");
    dh_broker_print_text(turn->out, group);
    dh_buf_printf(turn->out,
                  " state=%s members=%zu generation=%" PRId32 " node=%" PRId32 "\n",
                  summary.state, summary.member_count, summary.generation,
                  partition == NULL ? -1 : partition->leader);
}

void dh_broker_turn_print_groups(struct dh_broker_turn *turn)
{
    int32_t partition = -1;
    const struct dh_coordinator *coordinator;
    while ((coordinator = dh_broker_groups_next(turn->broker, &partition)) != NULL) {
        struct dh_arena arena;
        struct dh_list_groups_response_group *groups;
        size_t count;
        dh_arena_init(&arena, turn->broker->mem, 0);
        if (dh_coordinator_list(coordinator, &arena, &groups, &count) != 0) {
            turn->err = DOHLE_ERR_NO_MEMORY;
            count = 0;
        }
        for (size_t i = 0; i < count; i++) {
            print_group(turn, coordinator, groups[i].group_id);
        }
        dh_arena_deinit(&arena);
    }
}

static void run_groups(struct dh_broker_turn *turn)
{
    if (dh_broker_turn_is_good(turn, "")) {
        dh_broker_turn_print_groups(turn);
    }
}

static void print_value(struct dh_buf *out, const char *name, dohle_bytes value)
{
    dh_buf_printf(out, "%s=", name);
    dh_broker_print_text(out, value);
}

static void print_members(struct dh_buf *out,
                          const struct dh_describe_groups_response_group *group)
{
    for (int32_t i = 0; i < group->members.count; i++) {
        const struct dh_describe_groups_response_group_member *member =
            &group->members.items[i];
        print_value(out, "member", member->member_id);
        if (member->group_instance_id.data != NULL) {
            print_value(out, " instance", member->group_instance_id);
        }
        print_value(out, " client", member->client_id);
        print_value(out, " host", member->client_host);
        dh_buf_append_byte(out, '\n');
    }
}

static void print_offsets(struct dh_buf *out, const struct dh_committed *committed,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_value(out, "topic", dh_bytes_of(committed[i].topic));
        dh_buf_printf(out, " partition=%" PRId32 " offset=%" PRId64 " epoch=%" PRId32,
                      committed[i].partition, committed[i].offset,
                      committed[i].leader_epoch);
        print_value(out, " metadata", committed[i].metadata);
        dh_buf_append_byte(out, '\n');
    }
}

static void run_group(struct dh_broker_turn *turn)
{
    dohle_bytes name = dh_broker_line_text_at(&turn->line, 1, "NAME");
    if (!dh_broker_turn_is_good(turn, "NAME")) {
        return;
    }
    const struct dh_coordinator *coordinator = dh_broker_groups_find(turn->broker, name);
    struct dh_group_summary summary = {.member_count = 0};
    size_t count = 0;
    struct dh_committed *committed = NULL;
    struct dh_describe_groups_response_group group;
    struct dh_arena arena;
    dh_arena_init(&arena, turn->broker->mem, 0);
    dh_struct_init(&dh_describe_groups_response_group_struct, &group);
    int err = 0;
    if (coordinator != NULL) {
        dh_coordinator_summary(coordinator, name, &summary);
        err = dh_coordinator_describe(coordinator,
                                      dh_describe_groups_request_type.versions.max, name,
                                      &arena, &group);
    }
    if (coordinator != NULL && err == 0) {
        err = dh_coordinator_all_committed(coordinator, name, &arena, &committed, &count);
    }
    bool is_there = coordinator != NULL && (group.error_code == 0 || count > 0);
    if (err != 0) {
        dh_broker_turn_fail(turn, err, "no memory");
    } else if (!is_there) {
        dh_broker_turn_fail(turn, DOHLE_ERR_INVALID_ARGUMENT,
                            "there is no group \"%.*s\"", (int)name.size,
                            (const char *)name.data);
    } else {
        print_group(turn, coordinator, name);
        print_members(turn->out, &group);
        print_offsets(turn->out, committed, count);
    }
    dh_arena_deinit(&arena);
}

const struct dh_broker_verb dh_broker_cluster_verbs[] = {
    {"node", "list", "", run_list},
    {"node", "stop", "NODE", run_stop},
    {"node", "kill", "NODE", run_kill},
    {"node", "start", "NODE", run_start},
    {"node", "pause", "NODE", run_pause},
    {"node", "resume", "NODE", run_resume},
    {"coordinator", NULL, "GROUP [NODE]", run_coordinator},
    {"groups", NULL, "", run_groups},
    {"group", NULL, "NAME", run_group},
};

const size_t dh_broker_cluster_verb_count = DH_COUNT_OF(dh_broker_cluster_verbs);
