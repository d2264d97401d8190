// SPDX-License-Identifier: MIT
#include "client/back/classic.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/coordinator_link.h"
#include "wire/api.h"
#include "wire/gen/heartbeat.h"

// ---- Heartbeats ----

void dh_classic_heartbeat_start(struct dh_classic *c, int64_t now_ns)
{
    int64_t interval_ms = c->context.settings->heartbeat_interval_ms;
    dh_classic_alarm_set(c, &c->heartbeat_alarm,
                         dh_deadline_after_ms(now_ns, interval_ms));
    if (c->heartbeat_op.state != DH_OP_IDLE) {
        return; // one at a time; its answer or back-off goes on
    }
    int32_t node_id = dh_coordinator_want(c->link, now_ns);
    if (node_id == DH_NODE_NONE) {
        dh_classic_alarm_cancel(c, &c->heartbeat_alarm); // on_coordinator sets it
        return;
    }
    dh_op_start(&c->heartbeat_op, c->context.requests, node_id,
                dh_classic_request_deadline(c, now_ns), now_ns);
}

void dh_classic_heartbeat_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_classic *c = DH_CONTAINER_OF(alarm, struct dh_classic, heartbeat_alarm);
    if (dh_classic_is_member(c)) {
        dh_classic_heartbeat_start(c, now_ns);
    }
}

void dh_classic_session_extend(struct dh_classic *c, int64_t now_ns)
{
    dh_classic_alarm_set(
        c, &c->session_alarm,
        dh_deadline_after_ms(now_ns, c->context.settings->session_timeout_ms));
}

void dh_classic_session_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_classic *c = DH_CONTAINER_OF(alarm, struct dh_classic, session_alarm);
    if (!dh_classic_is_member(c)) {
        return;
    }
    dh_coordinator_lost(c->link, dh_coordinator_node(c->link),
                        "no heartbeat was answered for session.timeout.ms", now_ns);
    dh_classic_session_extend(c, now_ns);
    dh_classic_op_renew(c, &c->heartbeat_op);
    dh_classic_heartbeat_start(c, now_ns);
}

static int heartbeat_fill(struct dh_op *op, int16_t version, void *message,
                          struct dh_arena *arena, int64_t now_ns)
{
    (void)version;
    (void)arena;
    (void)now_ns;
    struct dh_classic *c = DH_CONTAINER_OF(op, struct dh_classic, heartbeat_op);
    struct dh_heartbeat_request *request = message;
    request->group_id = dh_bytes_of(c->context.settings->group_id);
    request->generation_id = c->generation;
    request->member_id = dh_bytes_of(c->member_id == NULL ? "" : c->member_id);
    c->heartbeat_generation = c->generation;
    return 0;
}

void dh_classic_standing_react(struct dh_classic *c, enum dh_reaction reaction,
                               int16_t broker_code, const char *who, int64_t now_ns)
{
    switch (reaction) {
    case DH_REACTION_REJOIN:
        if (c->state == DH_CLASSIC_STABLE) {
            dh_classic_rejoin_want(
                c, "the coordinator said that the group is rebalancing "
                   "(a member joined or left, or changed its subscription)");
            dh_classic_step_soon(c, now_ns);
        }
        break;
    case DH_REACTION_DROP_GENERATION:
        dh_classic_rejoin_want(c, "%s: the group has gone on to another generation", who);
        dh_classic_generation_lose(c, false, now_ns);
        break;
    case DH_REACTION_DROP_MEMBER:
        dh_classic_rejoin_want(
            c, "%s: the coordinator does not know this member any more", who);
        dh_classic_member_id_clear(c);
        dh_classic_generation_lose(c, false, now_ns);
        break;
    case DH_REACTION_FENCED:
        dh_classic_fatal(c, DOHLE_ERR_FENCED_INSTANCE, broker_code, now_ns,
                         "group %s: another member uses the same group.instance.id",
                         c->context.settings->group_id);
        break;
    case DH_REACTION_REPORT:
        dh_classic_fatal(c, dh_reaction_error(broker_code), broker_code, now_ns,
                         "group %s: %s: %s", c->context.settings->group_id, who,
                         dohle_broker_error_name(broker_code));
        break;
    case DH_REACTION_NONE:
    case DH_REACTION_RETRY:
    case DH_REACTION_REFRESH:
    case DH_REACTION_REDISCOVER:
    case DH_REACTION_REBOOTSTRAP:
    case DH_REACTION_RESET_POSITION:
    case DH_REACTION_RESET_SESSION:
    case DH_REACTION_TAKE_MEMBER_ID:
    case DH_REACTION_LEAVE_OUT: break;
    }
}

static enum dh_settled heartbeat_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                          int64_t now_ns)
{
    struct dh_classic *c = DH_CONTAINER_OF(op, struct dh_classic, heartbeat_op);
    if (!dh_classic_is_member(c)) {
        return DH_SETTLED_DONE;
    }
    if (reply->err != 0) {
        if (reply->err != DOHLE_ERR_NO_MEMORY) {
            dh_coordinator_lost(c->link, reply->node_id, reply->text, now_ns);
        }
        return DH_SETTLED_RETRY;
    }
    const struct dh_heartbeat_response *response = reply->response;
    if (c->heartbeat_generation != c->generation) {
        return DH_SETTLED_DONE;
    }
    enum dh_reaction reaction = dh_reaction_of(DH_API_HEARTBEAT, response->error_code);
    if (reaction == DH_REACTION_NONE || reaction == DH_REACTION_REJOIN) {
        dh_classic_session_extend(c, now_ns);
    }
    if (reaction == DH_REACTION_REDISCOVER) {
        dh_coordinator_lost(c->link, reply->node_id,
                            dohle_broker_error_name(response->error_code), now_ns);
        return DH_SETTLED_RETRY;
    }
    if (dh_reaction_is_retry(reaction)) {
        return DH_SETTLED_RETRY;
    }
    dh_classic_standing_react(c, reaction, response->error_code, "heartbeat", now_ns);
    return DH_SETTLED_DONE;
}

static void heartbeat_on_due(struct dh_op *op, int64_t now_ns)
{
    struct dh_classic *c = DH_CONTAINER_OF(op, struct dh_classic, heartbeat_op);
    if (dh_classic_is_member(c)) {
        dh_classic_heartbeat_start(c, now_ns);
    }
}

const struct dh_op_class dh_classic_heartbeat_class = {
    .name = "Heartbeat",
    .api_key = DH_API_HEARTBEAT,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = heartbeat_fill,
    .on_reply = heartbeat_on_reply,
    .on_due = heartbeat_on_due,
};

// ---- The poll timer ----

static int64_t poll_interval_ns(const struct dh_classic *c)
{
    return c->context.settings->max_poll_interval_ms * DH_MS;
}

// Since when the application has been away from poll; now_ns while it is inside.
static int64_t poll_left_ns(const struct dh_classic *c, int64_t now_ns)
{
    const struct dh_poll_mark *mark = c->context.poll_mark;
    return mark->is_inside || mark->left_ns == 0 ? now_ns : mark->left_ns;
}

static void poll_expire(struct dh_classic *c, int64_t now_ns)
{
    dh_log(c->context.log, DOHLE_LOG_WARNING, DH_CLASSIC_SUBSYSTEM,
           "group %s: the time between two polls was longer than max.poll.interval.ms "
           "(%d): the member leaves; raise it or lower max.poll.records",
           c->context.settings->group_id, (int)c->context.settings->max_poll_interval_ms);
    dh_classic_rejoin_want(c, "max.poll.interval.ms exceeded");
    (void)dh_classic_leave_send(c, "consumer poll timeout has expired", DH_NEVER, now_ns);
    dh_classic_generation_lose(c, true, now_ns);
}

static void poll_check(struct dh_classic *c, int64_t now_ns)
{
    static const struct {
        int percent;
    } marks[] = {{50}, {90}, {100}};

    int64_t interval_ns = poll_interval_ns(c);
    int64_t left_ns = poll_left_ns(c, now_ns);
    size_t passed = 0;
    while (passed < DH_COUNT_OF(marks) &&
           now_ns - left_ns >= interval_ns / 100 * marks[passed].percent) {
        passed++;
    }
    if (passed == DH_COUNT_OF(marks)) {
        poll_expire(c, now_ns);
        return;
    }
    if (passed > c->polls_warned) {
        dh_log(c->context.log, DOHLE_LOG_WARNING, DH_CLASSIC_SUBSYSTEM,
               "group %s: the application has not polled for %d %% of "
               "max.poll.interval.ms",
               c->context.settings->group_id, marks[passed - 1].percent);
    }
    c->polls_warned = (uint32_t)passed;
    dh_classic_alarm_set(c, &c->poll_alarm,
                         left_ns + interval_ns / 100 * marks[passed].percent);
}

void dh_classic_poll_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_classic *c = DH_CONTAINER_OF(alarm, struct dh_classic, poll_alarm);
    if (dh_classic_is_member(c)) {
        poll_check(c, now_ns);
    }
}
