// SPDX-License-Identifier: MIT
#include "client/back/classic.h"

#include <stdarg.h>
#include <stdio.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/coordinator_link.h"
#include "client/back/outbox.h"
#include "client/back/ownership.h"
#include "client/back/partitions.h"
#include "wire/api.h"
#include "wire/gen/leave_group.h"

#define BIT(state) (1u << (DH_CLASSIC_##state))

static const unsigned legal_edges[DH_CLASSIC_STATE_COUNT] = {
    [DH_CLASSIC_IDLE] = BIT(UNJOINED),
    [DH_CLASSIC_UNJOINED] =
        BIT(PREPARING) | BIT(JOINING) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [DH_CLASSIC_PREPARING] = BIT(UNJOINED) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [DH_CLASSIC_JOINING] = BIT(LEADING) | BIT(SYNCING) | BIT(UNJOINED) | BIT(LEAVING) |
                           BIT(IDLE) | BIT(FATAL),
    [DH_CLASSIC_LEADING] =
        BIT(SYNCING) | BIT(UNJOINED) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [DH_CLASSIC_SYNCING] =
        BIT(APPLYING) | BIT(UNJOINED) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [DH_CLASSIC_APPLYING] =
        BIT(STABLE) | BIT(UNJOINED) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [DH_CLASSIC_STABLE] = BIT(PREPARING) | BIT(UNJOINED) | BIT(JOINING) | BIT(LEAVING) |
                          BIT(IDLE) | BIT(FATAL),
    [DH_CLASSIC_LEAVING] = BIT(IDLE),
    [DH_CLASSIC_FATAL] = BIT(IDLE),
};

static const char *const state_names[DH_CLASSIC_STATE_COUNT] = {
    "idle",    "unjoined", "preparing", "joining", "leading",
    "syncing", "applying", "stable",    "leaving", "fatal",
};

// ---- State ----

void dh_classic_state_set(struct dh_classic *c, enum dh_classic_state state)
{
    if (c->state == state) {
        return;
    }
    DH_ASSERT((legal_edges[c->state] & (1u << state)) != 0);
    dh_log(c->context.log, DOHLE_LOG_DEBUG, DH_CLASSIC_SUBSYSTEM,
           "group %s: %s -> %s, member '%s', generation %d",
           c->context.settings->group_id, state_names[c->state], state_names[state],
           c->member_id == NULL ? "" : c->member_id, (int)c->generation);
    c->state = state;
}

void dh_classic_alarm_set(struct dh_classic *c, struct dh_alarm *alarm,
                          int64_t deadline_ns)
{
    dh_alarm_set(alarm, c->context.alarms, deadline_ns);
}

void dh_classic_alarm_cancel(struct dh_classic *c, struct dh_alarm *alarm)
{
    dh_alarm_cancel(alarm, c->context.alarms);
}

void dh_classic_step_soon(struct dh_classic *c, int64_t now_ns)
{
    dh_classic_alarm_set(c, &c->step_alarm, now_ns);
}

void dh_classic_step_after_backoff(struct dh_classic *c, int64_t now_ns)
{
    dh_classic_alarm_set(
        c, &c->step_alarm,
        dh_deadline_after_ms(now_ns, c->context.settings->retry_backoff_ms));
}

int64_t dh_classic_request_deadline(const struct dh_classic *c, int64_t now_ns)
{
    return dh_deadline_after_ms(now_ns, c->context.settings->request_timeout_ms);
}

void dh_classic_rejoin_want(struct dh_classic *c, const char *format, ...)
{
    if (c->needs_rejoin) {
        return;
    }
    c->needs_rejoin = true;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(c->trigger, sizeof(c->trigger), format, arguments);
    va_end(arguments);
    dh_log(c->context.log, DOHLE_LOG_INFO, DH_CLASSIC_SUBSYSTEM,
           "group %s: has to rejoin: %s", c->context.settings->group_id, c->trigger);
}

bool dh_classic_is_member(const struct dh_classic *c)
{
    switch (c->state) {
    case DH_CLASSIC_PREPARING:
    case DH_CLASSIC_LEADING:
    case DH_CLASSIC_SYNCING:
    case DH_CLASSIC_APPLYING:
    case DH_CLASSIC_STABLE: return c->generation >= 0;
    case DH_CLASSIC_IDLE:
    case DH_CLASSIC_UNJOINED:
    case DH_CLASSIC_JOINING:
    case DH_CLASSIC_LEAVING:
    case DH_CLASSIC_FATAL:
    case DH_CLASSIC_STATE_COUNT: break;
    }
    return false;
}

void dh_classic_op_renew(struct dh_classic *c, struct dh_op *op)
{
    if (op->state == DH_OP_IDLE) {
        return;
    }
    const struct dh_op_class *cls = op->cls;
    dh_op_deinit(op, c->context.requests);
    int err = dh_op_init(op, cls, c->context.requests);
    DH_ASSERT(err == 0); // the place has just been given back
}

void dh_classic_member_id_clear(struct dh_classic *c)
{
    dh_mem_free_string(c->context.mem, c->member_id);
    c->member_id = NULL;
}

int dh_classic_member_id_set(struct dh_classic *c, dohle_bytes id)
{
    char *copy = dh_mem_copy_text(c->context.mem, id.data, id.size);
    if (copy == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_classic_member_id_clear(c);
    c->member_id = copy;
    return 0;
}

// ---- Notices ----

void dh_classic_ownership_post(struct dh_classic *c, struct dh_notice_ownership *notice)
{
    notice->rebalance = c->record;
    (void)snprintf(notice->rebalance.member_id, sizeof(notice->rebalance.member_id), "%s",
                   c->member_id == NULL ? "" : c->member_id);
    c->notices_out++;
    dh_outbox_post(c->context.outbox, &notice->message);
}

void dh_classic_record_begin(struct dh_classic *c, int64_t now_ns)
{
    int32_t generation_before = c->generation;
    c->record = (struct dh_rebalance_record){
        .generation_before = generation_before,
        .generation_after = -1,
        .member_count = -1,
        .started_ns = now_ns,
    };
    (void)snprintf(c->record.trigger, sizeof(c->record.trigger), "%s", c->trigger);
    c->phase_ns = now_ns;
}

int dh_classic_all_give_up(struct dh_classic *c, enum dh_message_kind kind)
{
    struct dh_partition **rows = NULL;
    size_t count = 0;
    int err = dh_ownership_rows(c->partitions, c->context.mem, &rows, &count);
    if (err != 0) {
        return err;
    }
    struct dh_notice_ownership *notice =
        dh_ownership_new(c->context.mem, kind, rows, count);
    if (notice != NULL) {
        for (size_t i = 0; i < count; i++) {
            rows[i]->is_revoking = true;
            dh_partitions_touch(c->partitions, rows[i]);
        }
        // API-170: revoked even when nothing is owned; API-172: lost only if something is.
        notice->has_callback = kind == DH_NOTICE_REVOKE || count > 0;
        dh_classic_ownership_post(c, notice);
    }
    dh_mem_free(c->context.mem, rows, count * sizeof(struct dh_partition *));
    return notice == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

void dh_classic_topics_tell(struct dh_classic *c)
{
    const struct dh_names *names = &c->subscription.names;
    size_t size = sizeof(struct dh_notice_topics) + names->count * sizeof(char *);
    for (size_t i = 0; i < names->count; i++) {
        size += strlen(names->items[i]) + 1;
    }
    struct dh_notice_topics *notice =
        size > UINT32_MAX ? NULL : dh_mem_calloc(c->context.mem, 1, size);
    if (notice == NULL) {
        return; // stays due; the next metadata update tries again
    }
    notice->message.kind = DH_NOTICE_TOPICS;
    notice->message.size = (uint32_t)size;
    notice->topic_count = (uint32_t)names->count;
    const char **topics = (const char **)(void *)(notice + 1);
    char *text = (char *)(void *)(topics + names->count);
    for (size_t i = 0; i < names->count; i++) {
        size_t name_size = strlen(names->items[i]) + 1;
        memcpy(text, names->items[i], name_size);
        topics[i] = text;
        text += name_size;
    }
    notice->topics = topics;
    c->is_topics_notice_due = false;
    dh_outbox_post(c->context.outbox, &notice->message);
}

void dh_classic_rows_remove_all(struct dh_classic *c)
{
    size_t cursor = 0;
    struct dh_partition *row = NULL;
    while ((row = dh_partitions_next(c->partitions, &cursor)) != NULL) {
        dh_partitions_remove(c->partitions, row);
    }
}

// ---- Leaving ----

static int leave_fill(struct dh_op *op, int16_t version, void *message,
                      struct dh_arena *arena, int64_t now_ns)
{
    (void)now_ns;
    struct dh_classic *c = DH_CONTAINER_OF(op, struct dh_classic, leave_op);
    struct dh_leave_group_request *request = message;
    request->group_id = dh_bytes_of(c->context.settings->group_id);
    if (version < 3) {
        request->member_id = dh_bytes_of(c->leaving_member_id);
        return 0;
    }
    struct dh_leave_group_request_member *member = dh_arena_alloc(arena, sizeof(*member));
    if (member == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_struct_init(&dh_leave_group_request_member_struct, member);
    member->member_id = dh_bytes_of(c->leaving_member_id);
    member->reason = dh_bytes_of(c->leave_reason);
    request->members.items = member;
    request->members.count = 1;
    return 0;
}

static enum dh_settled leave_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                      int64_t now_ns)
{
    struct dh_classic *c = DH_CONTAINER_OF(op, struct dh_classic, leave_op);
    if (reply->err != 0) {
        dh_log(c->context.log, DOHLE_LOG_WARNING, DH_CLASSIC_SUBSYSTEM,
               "group %s: leaving was not answered: %s", c->context.settings->group_id,
               reply->text);
    }
    // Whatever the answer is, we are gone: dh_reaction_of says NONE for every code.
    dh_mem_free_string(c->context.mem, c->leaving_member_id);
    c->leaving_member_id = NULL;
    if (c->state == DH_CLASSIC_LEAVING) {
        dh_classic_leave_finish(c, now_ns);
    }
    return DH_SETTLED_DONE;
}

static void leave_on_due(struct dh_op *op, int64_t now_ns)
{
    (void)op;
    (void)now_ns; // leaving is never retried
}

const struct dh_op_class dh_classic_leave_class = {
    .name = "LeaveGroup",
    .api_key = DH_API_LEAVE_GROUP,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = leave_fill,
    .on_reply = leave_on_reply,
    .on_due = leave_on_due,
};

// Behind a parked JoinGroup or SyncGroup the broker would not read a request of the
// same connection before the rebalance is over.
static const struct dh_op_class leave_aside_class = {
    .name = "LeaveGroup",
    .api_key = DH_API_LEAVE_GROUP,
    .channel = DH_CHANNEL_GENERAL,
    .fill = leave_fill,
    .on_reply = leave_on_reply,
    .on_due = leave_on_due,
};

bool dh_classic_leave_send(struct dh_classic *c, const char *reason, int64_t deadline_ns,
                           int64_t now_ns)
{
    int32_t node_id = dh_coordinator_node(c->link);
    if (c->member_id == NULL || node_id == DH_NODE_NONE) {
        dh_classic_member_id_clear(c);
        return false;
    }
    bool is_parked =
        c->join_op.state == DH_OP_IN_FLIGHT || c->sync_op.state == DH_OP_IN_FLIGHT;
    dh_classic_op_renew(c, &c->leave_op);
    c->leave_op.cls = is_parked ? &leave_aside_class : &dh_classic_leave_class;
    dh_mem_free_string(c->context.mem, c->leaving_member_id);
    c->leaving_member_id = c->member_id;
    c->member_id = NULL;
    c->leave_reason = reason;
    dh_log(c->context.log, DOHLE_LOG_INFO, DH_CLASSIC_SUBSYSTEM,
           "group %s: member %s leaves: %s", c->context.settings->group_id,
           c->leaving_member_id, reason);
    dh_op_start(&c->leave_op, c->context.requests, node_id,
                dh_earlier(deadline_ns, dh_classic_request_deadline(c, now_ns)), now_ns);
    return true;
}

void dh_classic_leave_finish(struct dh_classic *c, int64_t now_ns)
{
    struct dh_link *link = NULL;
    while ((link = dh_list_pop_front(&c->leaves)) != NULL) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        dh_outbox_post(c->context.outbox, message);
    }
    dh_classic_state_set(c, DH_CLASSIC_IDLE);
    if (c->subscription.is_set) {
        dh_classic_rejoin_want(c, "subscribed again");
        dh_classic_state_set(c, DH_CLASSIC_UNJOINED);
        dh_classic_step_soon(c, now_ns);
    }
}

void dh_classic_activities_stop(struct dh_classic *c)
{
    dh_classic_op_renew(c, &c->join_op);
    dh_classic_op_renew(c, &c->sync_op);
    dh_classic_op_renew(c, &c->heartbeat_op);
    dh_classic_alarm_cancel(c, &c->heartbeat_alarm);
    dh_classic_alarm_cancel(c, &c->session_alarm);
    dh_classic_alarm_cancel(c, &c->poll_alarm);
    dh_classic_alarm_cancel(c, &c->step_alarm);
    dh_classic_leader_forget(c);
}

// ---- Losing the identity ----

void dh_classic_lost_tell(struct dh_classic *c, int64_t now_ns)
{
    c->must_tell = dh_classic_all_give_up(c, DH_NOTICE_LOSE) != 0;
    if (c->must_tell) {
        dh_classic_step_after_backoff(c, now_ns);
    }
}

void dh_classic_generation_lose(struct dh_classic *c, bool until_poll, int64_t now_ns)
{
    bool is_revoke_out = c->state == DH_CLASSIC_PREPARING;
    dh_classic_record_begin(c, now_ns);
    c->generation = -1;
    dh_classic_op_renew(c, &c->join_op);
    dh_classic_op_renew(c, &c->sync_op);
    dh_classic_leader_forget(c);
    dh_classic_alarm_cancel(c, &c->heartbeat_alarm);
    dh_classic_alarm_cancel(c, &c->session_alarm);
    dh_classic_alarm_cancel(c, &c->poll_alarm);
    if (is_revoke_out) {
        return; // the notice that is out comes back from a poll
    }
    dh_classic_state_set(c, DH_CLASSIC_UNJOINED);
    c->is_prepared = !until_poll && c->partitions->assigned_count == 0;
    if (c->is_prepared) {
        dh_classic_step_soon(c, now_ns);
        return;
    }
    dh_classic_state_set(c, DH_CLASSIC_PREPARING);
    dh_classic_lost_tell(c, now_ns);
}

void dh_classic_fatal(struct dh_classic *c, int error, int16_t broker_code,
                      int64_t now_ns, const char *format, ...)
{
    dohle_error_info info = {
        .code = error,
        .broker_code = broker_code,
        .node_id = dh_coordinator_node(c->link),
        .partition = -1,
        .offset = -1,
    };
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(info.text, sizeof(info.text), format, arguments);
    va_end(arguments);
    dh_log(c->context.log, DOHLE_LOG_ERROR, DH_CLASSIC_SUBSYSTEM, "%s", info.text);
    dh_classic_record_begin(c, now_ns);
    (void)snprintf(c->record.trigger, sizeof(c->record.trigger), "%.*s",
                   (int)sizeof(c->record.trigger) - 1, info.text);
    if (broker_code != DH_BROKER_FENCED_INSTANCE_ID) {
        (void)dh_classic_leave_send(c, "the member cannot go on", DH_NEVER, now_ns);
    }
    dh_classic_activities_stop(c);
    dh_classic_member_id_clear(c);
    c->generation = -1;
    c->needs_rejoin = false;
    c->is_prepared = false;
    bool is_revoke_out = c->state == DH_CLASSIC_PREPARING;
    dh_classic_state_set(c, DH_CLASSIC_FATAL);
    if (!is_revoke_out && c->partitions->assigned_count > 0) {
        dh_classic_lost_tell(c, now_ns);
    }
    (void)dh_outbox_report(c->context.outbox, c->context.mem, &info);
}
