// SPDX-License-Identifier: MIT
#include "client/back/membership_classic.h"

#include <stdio.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/classic.h"
#include "client/back/cluster.h"
#include "client/back/coordinator_link.h"
#include "client/back/outbox.h"
#include "client/back/partitions.h"
#include "wire/api.h"

// Bound of one decoded assignment.
#define ASSIGNMENT_BYTES_MAX ((size_t)64 << 20)

// ---- The step ----

// CL-002: a pattern is matched with fresh metadata before each rebalance.
static bool pattern_is_fresh(struct dh_classic *c, int64_t now_ns)
{
    if (c->subscription.pattern == NULL || c->is_prepared) {
        return true;
    }
    if (c->updates_wanted == 0) {
        c->updates_wanted = dh_cluster_updates(c->context.cluster) + 1;
        dh_cluster_request_update(c->context.cluster, now_ns);
    }
    return dh_cluster_updates(c->context.cluster) >= c->updates_wanted;
}

// The callbacks before a join. Eager: everything is given up.
static void prepare(struct dh_classic *c, int32_t node_id, int64_t now_ns)
{
    dh_classic_record_begin(c, now_ns);
    bool is_member_still = c->generation >= 0 && c->member_id != NULL;
    if (!is_member_still && c->partitions->assigned_count == 0) {
        c->is_prepared = true; // the very first join, or nothing left to lose (API-170)
        dh_classic_join_start(c, node_id, now_ns);
        return;
    }
    if (dh_classic_all_give_up(c, is_member_still ? DH_NOTICE_REVOKE : DH_NOTICE_LOSE) !=
        0) {
        dh_classic_step_after_backoff(c, now_ns);
        return;
    }
    dh_classic_state_set(c, DH_CLASSIC_PREPARING);
}

static bool is_backing_off(const struct dh_classic *c)
{
    return c->join_op.state == DH_OP_WAITING || c->sync_op.state == DH_OP_WAITING;
}

void dh_classic_step(struct dh_classic *c, int64_t now_ns)
{
    if (c->must_tell) {
        dh_classic_lost_tell(c, now_ns);
        return;
    }
    if ((c->state != DH_CLASSIC_UNJOINED && c->state != DH_CLASSIC_STABLE) ||
        !c->needs_rejoin || c->notices_out > 0 || is_backing_off(c)) {
        return;
    }
    int32_t node_id = dh_coordinator_want(c->link, now_ns);
    if (node_id == DH_NODE_NONE || !pattern_is_fresh(c, now_ns)) {
        return;
    }
    if (!c->is_prepared) {
        prepare(c, node_id, now_ns);
    } else {
        dh_classic_join_start(c, node_id, now_ns);
    }
    c->updates_wanted = 0;
}

static void step_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    dh_classic_step(DH_CONTAINER_OF(alarm, struct dh_classic, step_alarm), now_ns);
}

// ---- The interface ----

static struct dh_classic *classic_of(struct dh_membership *membership)
{
    return DH_CONTAINER_OF(membership, struct dh_classic, base);
}

_Static_assert(offsetof(struct dh_classic, base) == 0, "a classic is its base");

static const struct dh_classic *classic_of_const(const struct dh_membership *membership)
{
    return (const struct dh_classic *)(const void *)membership;
}

static void classic_subscribe(struct dh_membership *membership,
                              struct dh_command_subscribe *command, int64_t now_ns)
{
    struct dh_classic *c = classic_of(membership);
    bool is_changed = false;
    command->err = dh_subscription_set(&c->subscription, command, &is_changed, now_ns);
    bool is_accepted = command->err == 0;
    dh_outbox_post(c->context.outbox, &command->message);
    if (!is_accepted) {
        return;
    }
    if (c->state == DH_CLASSIC_FATAL) {
        dh_classic_state_set(c, DH_CLASSIC_IDLE);
    }
    if (c->state == DH_CLASSIC_IDLE) {
        dh_classic_rejoin_want(c, "first join");
        dh_classic_state_set(c, DH_CLASSIC_UNJOINED);
    } else if (is_changed && c->state != DH_CLASSIC_LEAVING) {
        dh_classic_rejoin_want(c, "the subscription has changed");
    }
    if (is_changed) {
        c->updates_wanted = 0;
    }
    dh_classic_step(c, now_ns);
}

static void classic_leave(struct dh_membership *membership,
                          struct dh_command_leave *command, int64_t now_ns)
{
    struct dh_classic *c = classic_of(membership);
    const char *reason = command->message.kind == DH_COMMAND_CLOSE
                             ? "the consumer is being closed"
                             : "the consumer unsubscribed from all topics";
    command->err = 0;
    dh_list_push_back(&c->leaves, &command->message.link);
    dh_subscription_clear(&c->subscription, now_ns);
    c->needs_rejoin = false;
    c->trigger[0] = '\0';
    c->is_prepared = false;
    c->must_tell = false;
    c->updates_wanted = 0;
    dh_classic_rows_remove_all(c);
    if (c->state == DH_CLASSIC_LEAVING) {
        return; // its answer answers this one too
    }
    bool is_sent = dh_classic_leave_send(c, reason, command->deadline_ns, now_ns);
    dh_classic_activities_stop(c);
    c->generation = -1;
    if (is_sent) {
        dh_classic_state_set(c, DH_CLASSIC_LEAVING);
        return;
    }
    dh_classic_leave_finish(c, now_ns);
}

static void classic_rebalance(struct dh_membership *membership, const char *reason,
                              int64_t now_ns)
{
    struct dh_classic *c = classic_of(membership);
    if (c->subscription.is_set && c->state != DH_CLASSIC_FATAL &&
        c->state != DH_CLASSIC_LEAVING) {
        dh_classic_rejoin_want(c, "asked for by the application: %s", reason);
        dh_classic_step(c, now_ns);
    }
}

static void classic_on_ownership_done(struct dh_membership *membership,
                                      struct dh_notice_ownership *notice, int64_t now_ns)
{
    struct dh_classic *c = classic_of(membership);
    DH_ASSERT(c->notices_out > 0);
    c->notices_out--;
    bool is_assign = notice->message.kind == DH_NOTICE_ASSIGN;
    for (uint32_t i = 0; i < notice->count; i++) {
        struct dh_partition *row = dh_partitions_at(
            c->partitions, notice->partitions[i].slot, notice->partitions[i].assignment);
        if (row == NULL) {
            continue;
        }
        if (!is_assign) {
            dh_partitions_remove(c->partitions, row);
        } else if (row->state == DH_PARTITION_ADDED && !row->is_revoking) {
            row->state = DH_PARTITION_STARTING; // unless it was sought (API-176)
            dh_partitions_touch(c->partitions, row);
        }
    }
    dh_mem_free(c->context.mem, notice, notice->message.size);
    if (is_assign && c->state == DH_CLASSIC_APPLYING) {
        dh_classic_state_set(c, DH_CLASSIC_STABLE);
    }
    if (!is_assign && c->state == DH_CLASSIC_PREPARING && c->notices_out == 0 &&
        !c->must_tell) {
        c->record.revoke_ns = now_ns - c->phase_ns;
        c->is_prepared = true;
        dh_classic_state_set(c, DH_CLASSIC_UNJOINED);
    }
    dh_classic_step(c, now_ns);
}

static void classic_on_coordinator(struct dh_membership *membership, int32_t node_id,
                                   int64_t now_ns)
{
    struct dh_classic *c = classic_of(membership);
    if (node_id == DH_NODE_NONE) {
        return;
    }
    if (dh_classic_is_member(c) && !dh_alarm_is_set(&c->heartbeat_alarm)) {
        dh_classic_heartbeat_start(c, now_ns);
    }
    dh_classic_step(c, now_ns);
}

static void classic_on_metadata(struct dh_membership *membership, int64_t now_ns)
{
    struct dh_classic *c = classic_of(membership);
    if (!c->subscription.is_set) {
        return;
    }
    bool is_changed = false;
    if (dh_subscription_refresh(&c->subscription, &is_changed) != 0) {
        dh_cluster_request_update(c->context.cluster, now_ns); // no memory: look again
    } else if (is_changed) {
        c->is_topics_notice_due = true;
        if (c->state != DH_CLASSIC_UNJOINED && c->state != DH_CLASSIC_FATAL &&
            c->state != DH_CLASSIC_LEAVING) {
            dh_classic_rejoin_want(
                c, "the topics that match the pattern have changed");
        }
    }
    if (c->is_topics_notice_due) {
        dh_classic_topics_tell(c);
    }
    if (c->state == DH_CLASSIC_LEADING && dh_classic_lead(c, false, now_ns) != 0) {
        dh_classic_leading_retry(c, now_ns);
    }
    char change[sizeof(c->trigger)];
    bool is_settled = c->state == DH_CLASSIC_STABLE || c->state == DH_CLASSIC_APPLYING;
    if (is_settled && dh_group_leader_is_leading(&c->leader) &&
        dh_group_leader_is_outdated(&c->leader, c->context.cluster, change,
                                    sizeof(change))) {
        dh_classic_rejoin_want(c, "%s", change); // the leader only
    }
    dh_classic_step(c, now_ns);
}

static void classic_on_commit_refused(struct dh_membership *membership,
                                      int16_t broker_code, int32_t generation,
                                      int64_t now_ns)
{
    struct dh_classic *c = classic_of(membership);
    if (dh_classic_is_member(c) && generation == c->generation) {
        dh_classic_standing_react(c, dh_reaction_of(DH_API_OFFSET_COMMIT, broker_code),
                                  broker_code, "commit", now_ns);
    }
}

static struct dh_identity classic_identity(const struct dh_membership *membership)
{
    const struct dh_classic *c = classic_of_const(membership);
    return (struct dh_identity){
        .member_id = c->member_id == NULL ? "" : c->member_id,
        .generation = c->generation,
        .instance_id = NULL,
    };
}

static enum dh_commit_permission
classic_commit_permission(const struct dh_membership *membership)
{
    const struct dh_classic *c = classic_of_const(membership);
    switch (c->state) {
    case DH_CLASSIC_STABLE:
    case DH_CLASSIC_APPLYING:
    case DH_CLASSIC_PREPARING: // still a member of the generation before
        return c->generation >= 0 ? DH_COMMIT_MAY : DH_COMMIT_MAY_NOT;
    case DH_CLASSIC_JOINING:
    case DH_CLASSIC_LEADING:
    case DH_CLASSIC_SYNCING: return DH_COMMIT_REBALANCING;
    case DH_CLASSIC_UNJOINED: // between two attempts of one rebalance
        return c->is_prepared && c->generation >= 0 ? DH_COMMIT_REBALANCING
                                                    : DH_COMMIT_MAY_NOT;
    case DH_CLASSIC_IDLE:
    case DH_CLASSIC_LEAVING:
    case DH_CLASSIC_FATAL:
    case DH_CLASSIC_STATE_COUNT: break;
    }
    return DH_COMMIT_MAY_NOT;
}

// ---- Life cycle ----

enum { OP_COUNT = 4, ALARM_COUNT = 5 };

static const struct dh_op_class *const op_classes[OP_COUNT] = {
    &dh_classic_join_class,
    &dh_classic_sync_class,
    &dh_classic_heartbeat_class,
    &dh_classic_leave_class,
};

static void (*const alarm_handlers[ALARM_COUNT])(struct dh_alarm *, int64_t) = {
    step_on_alarm,
    dh_classic_heartbeat_on_alarm,
    dh_classic_session_on_alarm,
    dh_classic_poll_on_alarm,
    dh_classic_leading_on_alarm,
};

// In the order of the two tables above.
static struct dh_op *op_at(struct dh_classic *c, size_t index)
{
    struct dh_op *const ops[OP_COUNT] = {&c->join_op, &c->sync_op, &c->heartbeat_op,
                                         &c->leave_op};
    return ops[index];
}

static struct dh_alarm *alarm_at(struct dh_classic *c, size_t index)
{
    struct dh_alarm *const alarms[ALARM_COUNT] = {&c->step_alarm, &c->heartbeat_alarm,
                                                  &c->session_alarm, &c->poll_alarm,
                                                  &c->leading_alarm};
    return alarms[index];
}

// Frees all, of the operations and alarms the first so many.
static void classic_delete(struct dh_classic *c, size_t op_count, size_t alarm_count)
{
    const dohle_allocator *mem = c->context.mem;
    while (op_count-- > 0) {
        dh_op_deinit(op_at(c, op_count), c->context.requests);
    }
    while (alarm_count-- > 0) {
        dh_alarm_deinit(alarm_at(c, alarm_count), c->context.alarms);
    }
    dh_names_free(&c->leader_topics, mem);
    dh_group_leader_deinit(&c->leader);
    dh_subscription_deinit(&c->subscription);
    dh_arena_deinit(&c->arena);
    dh_mem_free_string(mem, c->member_id);
    dh_mem_free_string(mem, c->leaving_member_id);
    dh_mem_free(mem, c, sizeof(*c));
}

static void classic_free(struct dh_membership *membership)
{
    struct dh_classic *c = classic_of(membership);
    struct dh_link *link = NULL;
    while ((link = dh_list_pop_front(&c->leaves)) != NULL) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        dh_outbox_post(c->context.outbox, message);
    }
    classic_delete(c, OP_COUNT, ALARM_COUNT);
}

static const struct dh_membership_class classic_class = {
    .name = "classic",
    .subscribe = classic_subscribe,
    .leave = classic_leave,
    .rebalance = classic_rebalance,
    .on_ownership_done = classic_on_ownership_done,
    .on_coordinator = classic_on_coordinator,
    .on_metadata = classic_on_metadata,
    .on_commit_refused = classic_on_commit_refused,
    .identity = classic_identity,
    .commit_permission = classic_commit_permission,
    .free = classic_free,
};

struct dh_membership *dh_membership_classic_new(const struct dh_back_context *context,
                                                struct dh_partitions *partitions,
                                                struct dh_coordinator_link *link)
{
    struct dh_classic *c = dh_mem_calloc(context->mem, 1, sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    c->base.cls = &classic_class;
    c->context = *context;
    c->partitions = partitions;
    c->link = link;
    c->generation = -1;
    dh_list_init(&c->leaves);
    dh_subscription_init(&c->subscription, context->mem, context->log, context->cluster,
                         context->settings->exclude_internal_topics);
    dh_group_leader_init(&c->leader, context->mem);
    dh_arena_init(&c->arena, context->mem, ASSIGNMENT_BYTES_MAX);
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (dh_op_init(op_at(c, i), op_classes[i], context->requests) != 0) {
            classic_delete(c, i, 0);
            return NULL;
        }
    }
    for (size_t i = 0; i < ALARM_COUNT; i++) {
        if (dh_alarm_init(alarm_at(c, i), context->alarms, alarm_handlers[i]) != 0) {
            classic_delete(c, OP_COUNT, i);
            return NULL;
        }
    }
    return &c->base;
}
