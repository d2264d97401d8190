// SPDX-License-Identifier: MIT
#include "client/back/membership_classic.h"

#include <stdarg.h>
#include <stdio.h>

#include <dohle/error.h>

#include "assign/assignor.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/cluster.h"
#include "client/back/consumer_protocol.h"
#include "client/back/coordinator_link.h"
#include "client/back/group_leader.h"
#include "client/back/outbox.h"
#include "client/back/ownership.h"
#include "client/back/partitions.h"
#include "client/back/reactions.h"
#include "client/back/requests.h"
#include "client/back/subscription.h"
#include "wire/api.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/sync_group.h"

#define SUBSYSTEM     "membership"
#define PROTOCOL_TYPE "consumer"

// A JoinGroup may take as long as the slowest member needs, and this longer (CL-005).
#define JOIN_EXTRA_MS 5000

// How often in a row a refused SyncGroup is followed by JoinGroup at once.
#define REFUSED_SYNCS_AT_ONCE 3

// Bound of one decoded assignment.
#define ASSIGNMENT_BYTES_MAX ((size_t)64 << 20)

enum classic_state {
    /* No subscription, or left. Waits for the user.
     *   -> UNJOINED   subscribe */
    CLASSIC_IDLE,
    /* A subscription, no membership (any more), or between two attempts to join. Waits
     * for the coordinator, a back-off, fresh metadata for a pattern.
     *   -> PREPARING  something is owned, or a callback is due
     *   -> JOINING    nothing to tell the application, or told already */
    CLASSIC_UNJOINED,
    /* A REVOKE or LOSE notice is out. Waits for its return, that is for a poll.
     *   -> UNJOINED   it is back, or nothing is wanted any more */
    CLASSIC_PREPARING,
    /* JoinGroup is out. Waits for all members of the group.
     *   -> LEADING    we are the leader
     *   -> SYNCING    we are not
     *   -> UNJOINED   refused in a way that another attempt mends
     *   -> FATAL      refused for good */
    CLASSIC_JOINING,
    /* The members are known. Waits for metadata of all their topics.
     *   -> SYNCING    complete, or waited for long enough
     *   -> UNJOINED   the identity is lost */
    CLASSIC_LEADING,
    /* SyncGroup is out. Waits for the leader's assignment.
     *   -> APPLYING   got it
     *   -> UNJOINED   the group has moved on, or the coordinator has
     *   -> FATAL      refused for good, or an assignment that makes no sense */
    CLASSIC_SYNCING,
    /* An ASSIGN notice is out. Waits for its return, that is for a poll.
     *   -> STABLE     it is back
     *   -> UNJOINED   the identity is lost meanwhile */
    CLASSIC_APPLYING,
    /* A member with an assignment. Waits for a reason to rejoin.
     *   -> PREPARING  a reason, the coordinator known
     *   -> UNJOINED   the identity is lost
     *   -> FATAL      fenced */
    CLASSIC_STABLE,
    /* LeaveGroup is out, somebody waits for it. Waits for the answer or a deadline.
     *   -> IDLE       done
     *   -> UNJOINED   done, and subscribed again meanwhile */
    CLASSIC_LEAVING,
    /* The coordinator refuses us; the application is told. Waits for the user.
     *   -> IDLE       unsubscribe, subscribe */
    CLASSIC_FATAL,
    CLASSIC_STATE_COUNT
};

#define BIT(state) (1u << (CLASSIC_##state))

static const unsigned legal_edges[CLASSIC_STATE_COUNT] = {
    [CLASSIC_IDLE] = BIT(UNJOINED),
    [CLASSIC_UNJOINED] =
        BIT(PREPARING) | BIT(JOINING) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [CLASSIC_PREPARING] = BIT(UNJOINED) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [CLASSIC_JOINING] = BIT(LEADING) | BIT(SYNCING) | BIT(UNJOINED) | BIT(LEAVING) |
                        BIT(IDLE) | BIT(FATAL),
    [CLASSIC_LEADING] =
        BIT(SYNCING) | BIT(UNJOINED) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [CLASSIC_SYNCING] =
        BIT(APPLYING) | BIT(UNJOINED) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [CLASSIC_APPLYING] =
        BIT(STABLE) | BIT(UNJOINED) | BIT(LEAVING) | BIT(IDLE) | BIT(FATAL),
    [CLASSIC_STABLE] = BIT(PREPARING) | BIT(UNJOINED) | BIT(JOINING) | BIT(LEAVING) |
                       BIT(IDLE) | BIT(FATAL),
    [CLASSIC_LEAVING] = BIT(IDLE),
    [CLASSIC_FATAL] = BIT(IDLE),
};

static const char *const state_names[CLASSIC_STATE_COUNT] = {
    "idle",    "unjoined", "preparing", "joining", "leading",
    "syncing", "applying", "stable",    "leaving", "fatal",
};

struct classic {
    struct dh_membership base;
    struct dh_back_context context;
    struct dh_partitions *partitions;
    struct dh_coordinator_link *link;
    enum classic_state state;

    // Wishes.
    struct dh_subscription subscription;
    bool is_topics_notice_due; // the names matched were not told yet
    struct dh_list leaves;     // dh_command_leave.message.link, waiting for an answer
    bool needs_rejoin;
    char trigger[256]; // why; "" with needs_rejoin false

    // Facts.
    char *member_id;         // owned; NULL: none
    char *leaving_member_id; // owned; who the LeaveGroup in flight is about
    const char *leave_reason;
    int32_t generation;                 // -1: none
    const struct dh_assignor *assignor; // of this generation
    bool is_prepared;                   // the callbacks before this join have run
    bool must_tell;          // what is owned is lost, the notice could not be made yet
    unsigned notices_out;    // ownership notices with the front half
    uint64_t updates_wanted; // a pattern waits for so many metadata updates (CL-002)
    struct dh_group_leader leader;
    struct dh_names leader_topics; // the cluster was asked for on behalf of the group
    struct dh_rebalance_record record;
    int64_t phase_ns;      // when the current phase of the rebalance began
    uint32_t polls_warned; // 50 %, 90 % of max.poll.interval.ms
    struct dh_arena arena; // for the assignment being applied

    struct dh_op join_op;
    struct dh_op sync_op;
    struct dh_op heartbeat_op;
    struct dh_op leave_op;
    bool is_join_anonymous;       // the JoinGroup in flight carries no member id
    uint32_t refused_syncs;       // since an assignment was taken
    int32_t heartbeat_generation; // of the one in flight

    struct dh_alarm step_alarm; // the step function has something to do
    struct dh_alarm heartbeat_alarm;
    struct dh_alarm session_alarm;
    struct dh_alarm poll_alarm;
    struct dh_alarm leading_alarm; // enough of waiting for metadata
};

static void step(struct classic *c, int64_t now_ns);
static void leave_finish(struct classic *c, int64_t now_ns);

// ---- State ----

static void state_set(struct classic *c, enum classic_state state)
{
    if (c->state == state) {
        return;
    }
    DH_ASSERT((legal_edges[c->state] & (1u << state)) != 0);
    dh_log(c->context.log, DOHLE_LOG_DEBUG, SUBSYSTEM,
           "group %s: %s -> %s, member '%s', generation %d",
           c->context.settings->group_id, state_names[c->state], state_names[state],
           c->member_id == NULL ? "" : c->member_id, (int)c->generation);
    c->state = state;
}

static void alarm_set(struct classic *c, struct dh_alarm *alarm, int64_t deadline_ns)
{
    dh_alarm_set(alarm, c->context.alarms, deadline_ns);
}

static void alarm_cancel(struct classic *c, struct dh_alarm *alarm)
{
    dh_alarm_cancel(alarm, c->context.alarms);
}

// The step function runs in the next turn: a handler of an operation cannot start it.
static void step_soon(struct classic *c, int64_t now_ns)
{
    alarm_set(c, &c->step_alarm, now_ns);
}

static void step_after_backoff(struct classic *c, int64_t now_ns)
{
    alarm_set(c, &c->step_alarm,
              dh_deadline_after_ms(now_ns, c->context.settings->retry_backoff_ms));
}

static int64_t request_deadline(const struct classic *c, int64_t now_ns)
{
    return dh_deadline_after_ms(now_ns, c->context.settings->request_timeout_ms);
}

// The first cause of a rebalance is the one that is told.
static void rejoin_want(struct classic *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void rejoin_want(struct classic *c, const char *format, ...)
{
    if (c->needs_rejoin) {
        return;
    }
    c->needs_rejoin = true;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(c->trigger, sizeof(c->trigger), format, arguments);
    va_end(arguments);
    dh_log(c->context.log, DOHLE_LOG_INFO, SUBSYSTEM, "group %s: has to rejoin: %s",
           c->context.settings->group_id, c->trigger);
}

// Whether heartbeats are due, and the application has to poll: from the answer to
// JoinGroup until the next JoinGroup.
static bool is_member(const struct classic *c)
{
    switch (c->state) {
    case CLASSIC_PREPARING:
    case CLASSIC_LEADING:
    case CLASSIC_SYNCING:
    case CLASSIC_APPLYING:
    case CLASSIC_STABLE: return c->generation >= 0;
    case CLASSIC_IDLE:
    case CLASSIC_UNJOINED:
    case CLASSIC_JOINING:
    case CLASSIC_LEAVING:
    case CLASSIC_FATAL:
    case CLASSIC_STATE_COUNT: break;
    }
    return false;
}

// Takes an operation out of whatever it does, so that it can be started at once.
static void op_renew(struct classic *c, struct dh_op *op)
{
    if (op->state == DH_OP_IDLE) {
        return;
    }
    const struct dh_op_class *cls = op->cls;
    dh_op_deinit(op, c->context.requests);
    int err = dh_op_init(op, cls, c->context.requests);
    DH_ASSERT(err == 0); // the place has just been given back
}

static void member_id_clear(struct classic *c)
{
    dh_mem_free_string(c->context.mem, c->member_id);
    c->member_id = NULL;
}

static int member_id_set(struct classic *c, dohle_bytes id)
{
    char *copy = dh_mem_copy_string(c->context.mem, id.data, id.size);
    if (copy == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    member_id_clear(c);
    c->member_id = copy;
    return 0;
}

// ---- Leading ----

static void leader_topics_drop(struct classic *c)
{
    for (size_t i = 0; i < c->leader_topics.count; i++) {
        dh_cluster_unwant_quietly(c->context.cluster, c->leader_topics.items[i]);
    }
    dh_names_free(&c->leader_topics, c->context.mem);
}

static void leader_forget(struct classic *c)
{
    leader_topics_drop(c);
    dh_group_leader_forget(&c->leader);
    alarm_cancel(c, &c->leading_alarm);
}

// Asks for metadata of every topic of every member. What stays wanted is wanted twice
// for a moment, so that it is not forgotten.
static int leader_topics_want(struct classic *c, int64_t now_ns)
{
    const struct dh_group_view *view = c->leader.view;
    struct dh_names names = {NULL, 0};
    dohle_bytes *views = NULL;
    if (view->topic_count > 0) {
        views = dh_mem_calloc(c->context.mem, view->topic_count, sizeof(*views));
        if (views == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < view->topic_count; i++) {
        views[i] = view->topics[i].name;
    }
    int err = dh_names_copy(&names, c->context.mem, views, view->topic_count);
    dh_mem_free(c->context.mem, views, view->topic_count * sizeof(*views));
    size_t wanted = 0;
    while (err == 0 && wanted < names.count) {
        err = dh_cluster_want_quietly(c->context.cluster, names.items[wanted], now_ns);
        wanted += err == 0 ? 1 : 0;
    }
    if (err != 0) {
        while (wanted-- > 0) {
            dh_cluster_unwant_quietly(c->context.cluster, names.items[wanted]);
        }
        dh_names_free(&names, c->context.mem);
        return err;
    }
    leader_topics_drop(c);
    c->leader_topics = names;
    return 0;
}

static bool leader_topics_are_known(const struct classic *c)
{
    for (size_t i = 0; i < c->leader_topics.count; i++) {
        if (dh_cluster_topic(c->context.cluster, c->leader_topics.items[i]) == NULL) {
            return false;
        }
    }
    return true;
}

// ---- Notices ----

static void ownership_post(struct classic *c, struct dh_notice_ownership *notice)
{
    notice->rebalance = c->record;
    (void)snprintf(notice->rebalance.member_id, sizeof(notice->rebalance.member_id), "%s",
                   c->member_id == NULL ? "" : c->member_id);
    c->notices_out++;
    dh_outbox_post(c->context.outbox, &notice->message);
}

static void record_begin(struct classic *c, int64_t now_ns)
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

// Tells the front half to give up all that is owned. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int all_give_up(struct classic *c, enum dh_message_kind kind)
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
        ownership_post(c, notice);
    }
    dh_mem_free(c->context.mem, rows, count * sizeof(struct dh_partition *));
    return notice == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

static void topics_tell(struct classic *c)
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

// ---- Leaving ----

static int leave_fill(struct dh_op *op, int16_t version, void *message,
                      struct dh_arena *arena, int64_t now_ns)
{
    (void)now_ns;
    struct classic *c = DH_CONTAINER_OF(op, struct classic, leave_op);
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
    struct classic *c = DH_CONTAINER_OF(op, struct classic, leave_op);
    if (reply->err != 0) {
        dh_log(c->context.log, DOHLE_LOG_WARNING, SUBSYSTEM,
               "group %s: leaving was not answered: %s", c->context.settings->group_id,
               reply->text);
    }
    // Whatever the answer is, we are gone: dh_reaction_of says NONE for every code.
    dh_mem_free_string(c->context.mem, c->leaving_member_id);
    c->leaving_member_id = NULL;
    if (c->state == CLASSIC_LEAVING) {
        leave_finish(c, now_ns);
    }
    return DH_SETTLED_DONE;
}

static void leave_on_due(struct dh_op *op, int64_t now_ns)
{
    (void)op;
    (void)now_ns; // leaving is never retried
}

static const struct dh_op_class leave_class = {
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

/*
 * Sends LeaveGroup for the member id, which is given up. Returns false when there is
 * nobody to tell, or nothing to say: no member id, coordinator unknown.
 */
static bool leave_send(struct classic *c, const char *reason, int64_t deadline_ns,
                       int64_t now_ns)
{
    int32_t node_id = dh_coordinator_node(c->link);
    if (c->member_id == NULL || node_id == DH_NODE_NONE) {
        member_id_clear(c);
        return false;
    }
    bool is_parked =
        c->join_op.state == DH_OP_IN_FLIGHT || c->sync_op.state == DH_OP_IN_FLIGHT;
    op_renew(c, &c->leave_op);
    c->leave_op.cls = is_parked ? &leave_aside_class : &leave_class;
    dh_mem_free_string(c->context.mem, c->leaving_member_id);
    c->leaving_member_id = c->member_id;
    c->member_id = NULL;
    c->leave_reason = reason;
    dh_log(c->context.log, DOHLE_LOG_INFO, SUBSYSTEM, "group %s: member %s leaves: %s",
           c->context.settings->group_id, c->leaving_member_id, reason);
    dh_op_start(&c->leave_op, c->context.requests, node_id,
                dh_earlier(deadline_ns, request_deadline(c, now_ns)), now_ns);
    return true;
}

static void leave_finish(struct classic *c, int64_t now_ns)
{
    struct dh_link *link = NULL;
    while ((link = dh_list_pop_front(&c->leaves)) != NULL) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        dh_outbox_post(c->context.outbox, message);
    }
    state_set(c, CLASSIC_IDLE);
    if (c->subscription.is_set) {
        rejoin_want(c, "subscribed again");
        state_set(c, CLASSIC_UNJOINED);
        step_soon(c, now_ns);
    }
}

// Stops all that a member does.
static void activities_stop(struct classic *c)
{
    op_renew(c, &c->join_op);
    op_renew(c, &c->sync_op);
    op_renew(c, &c->heartbeat_op);
    alarm_cancel(c, &c->heartbeat_alarm);
    alarm_cancel(c, &c->session_alarm);
    alarm_cancel(c, &c->poll_alarm);
    alarm_cancel(c, &c->step_alarm);
    leader_forget(c);
}

// ---- Losing the identity ----

// Makes the LOSE notice, now or when there is memory for it.
static void lost_tell(struct classic *c, int64_t now_ns)
{
    c->must_tell = all_give_up(c, DH_NOTICE_LOSE) != 0;
    if (c->must_tell) {
        step_after_backoff(c, now_ns);
    }
}

/*
 * The generation is gone, and with it all that is owned (CL-024, S9). What follows is
 * a join; `until_poll` waits for a poll before it even if nothing is owned (API-150).
 * The caller has dealt with the member id and with needs_rejoin.
 */
static void generation_lose(struct classic *c, bool until_poll, int64_t now_ns)
{
    bool is_revoke_out = c->state == CLASSIC_PREPARING;
    record_begin(c, now_ns);
    c->generation = -1;
    op_renew(c, &c->join_op);
    op_renew(c, &c->sync_op);
    leader_forget(c);
    alarm_cancel(c, &c->heartbeat_alarm);
    alarm_cancel(c, &c->session_alarm);
    alarm_cancel(c, &c->poll_alarm);
    if (is_revoke_out) {
        return; // the notice that is out comes back from a poll
    }
    state_set(c, CLASSIC_UNJOINED);
    c->is_prepared = !until_poll && c->partitions->assigned_count == 0;
    if (c->is_prepared) {
        step_soon(c, now_ns);
        return;
    }
    state_set(c, CLASSIC_PREPARING);
    lost_tell(c, now_ns);
}

// The coordinator refuses us for good: tells the application, waits for the user.
static void fatal(struct classic *c, int error, int16_t broker_code, int64_t now_ns,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

static void fatal(struct classic *c, int error, int16_t broker_code, int64_t now_ns,
                  const char *format, ...)
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
    dh_log(c->context.log, DOHLE_LOG_ERROR, SUBSYSTEM, "%s", info.text);
    record_begin(c, now_ns);
    (void)snprintf(c->record.trigger, sizeof(c->record.trigger), "%.*s",
                   (int)sizeof(c->record.trigger) - 1, info.text);
    if (broker_code != DH_BROKER_FENCED_INSTANCE_ID) {
        (void)leave_send(c, "the member cannot go on", DH_NEVER, now_ns);
    }
    activities_stop(c);
    member_id_clear(c);
    c->generation = -1;
    c->needs_rejoin = false;
    c->is_prepared = false;
    bool is_revoke_out = c->state == CLASSIC_PREPARING;
    state_set(c, CLASSIC_FATAL);
    if (!is_revoke_out && c->partitions->assigned_count > 0) {
        lost_tell(c, now_ns);
    }
    (void)dh_outbox_report(c->context.outbox, c->context.mem, &info);
}

// ---- Heartbeats ----

static void heartbeat_start(struct classic *c, int64_t now_ns)
{
    int64_t interval_ms = c->context.settings->heartbeat_interval_ms;
    alarm_set(c, &c->heartbeat_alarm, dh_deadline_after_ms(now_ns, interval_ms));
    if (c->heartbeat_op.state != DH_OP_IDLE) {
        return; // one at a time; its answer or back-off goes on
    }
    int32_t node_id = dh_coordinator_want(c->link, now_ns);
    if (node_id == DH_NODE_NONE) {
        alarm_cancel(c, &c->heartbeat_alarm); // on_coordinator sets it
        return;
    }
    dh_op_start(&c->heartbeat_op, c->context.requests, node_id,
                request_deadline(c, now_ns), now_ns);
}

static void heartbeat_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct classic *c = DH_CONTAINER_OF(alarm, struct classic, heartbeat_alarm);
    if (is_member(c)) {
        heartbeat_start(c, now_ns);
    }
}

static void session_extend(struct classic *c, int64_t now_ns)
{
    alarm_set(c, &c->session_alarm,
              dh_deadline_after_ms(now_ns, c->context.settings->session_timeout_ms));
}

// CL-004: the coordinator may have moved. Whether we are still a member it will say.
static void session_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct classic *c = DH_CONTAINER_OF(alarm, struct classic, session_alarm);
    if (!is_member(c)) {
        return;
    }
    dh_coordinator_lost(c->link, dh_coordinator_node(c->link),
                        "no heartbeat was answered for session.timeout.ms", now_ns);
    session_extend(c, now_ns);
    op_renew(c, &c->heartbeat_op);
    heartbeat_start(c, now_ns);
}

static int heartbeat_fill(struct dh_op *op, int16_t version, void *message,
                          struct dh_arena *arena, int64_t now_ns)
{
    (void)version;
    (void)arena;
    (void)now_ns;
    struct classic *c = DH_CONTAINER_OF(op, struct classic, heartbeat_op);
    struct dh_heartbeat_request *request = message;
    request->group_id = dh_bytes_of(c->context.settings->group_id);
    request->generation_id = c->generation;
    request->member_id = dh_bytes_of(c->member_id == NULL ? "" : c->member_id);
    c->heartbeat_generation = c->generation;
    return 0;
}

/*
 * What an answer to Heartbeat or OffsetCommit says about our standing. The caller has
 * made sure that it is about the present generation.
 */
static void standing_react(struct classic *c, enum dh_reaction reaction,
                           int16_t broker_code, const char *who, int64_t now_ns)
{
    switch (reaction) {
    case DH_REACTION_REJOIN:
        if (c->state == CLASSIC_STABLE) {
            rejoin_want(c, "the coordinator said that the group is rebalancing "
                           "(a member joined or left, or changed its subscription)");
            step_soon(c, now_ns);
        }
        break;
    case DH_REACTION_DROP_GENERATION:
        rejoin_want(c, "%s: the group has gone on to another generation", who);
        generation_lose(c, false, now_ns);
        break;
    case DH_REACTION_DROP_MEMBER:
        rejoin_want(c, "%s: the coordinator does not know this member any more", who);
        member_id_clear(c);
        generation_lose(c, false, now_ns);
        break;
    case DH_REACTION_FENCED:
        fatal(c, DOHLE_ERR_FENCED_INSTANCE, broker_code, now_ns,
              "group %s: another member uses the same group.instance.id",
              c->context.settings->group_id);
        break;
    case DH_REACTION_REPORT:
        fatal(c, dh_reaction_error(broker_code), broker_code, now_ns, "group %s: %s: %s",
              c->context.settings->group_id, who, dohle_broker_error_name(broker_code));
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
    struct classic *c = DH_CONTAINER_OF(op, struct classic, heartbeat_op);
    if (!is_member(c)) {
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
        session_extend(c, now_ns);
    }
    if (reaction == DH_REACTION_REDISCOVER) {
        dh_coordinator_lost(c->link, reply->node_id,
                            dohle_broker_error_name(response->error_code), now_ns);
        return DH_SETTLED_RETRY;
    }
    if (dh_reaction_is_retry(reaction)) {
        return DH_SETTLED_RETRY;
    }
    standing_react(c, reaction, response->error_code, "heartbeat", now_ns);
    return DH_SETTLED_DONE;
}

static void heartbeat_on_due(struct dh_op *op, int64_t now_ns)
{
    struct classic *c = DH_CONTAINER_OF(op, struct classic, heartbeat_op);
    if (is_member(c)) {
        heartbeat_start(c, now_ns);
    }
}

static const struct dh_op_class heartbeat_class = {
    .name = "Heartbeat",
    .api_key = DH_API_HEARTBEAT,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = heartbeat_fill,
    .on_reply = heartbeat_on_reply,
    .on_due = heartbeat_on_due,
};

// ---- The poll timer ----

static int64_t poll_interval_ns(const struct classic *c)
{
    return c->context.settings->max_poll_interval_ms * DH_MS;
}

// Since when the application has been away from poll; now_ns while it is inside.
static int64_t poll_left_ns(const struct classic *c, int64_t now_ns)
{
    const struct dh_poll_mark *mark = c->context.poll_mark;
    return mark->is_inside || mark->left_ns == 0 ? now_ns : mark->left_ns;
}

static void poll_expire(struct classic *c, int64_t now_ns)
{
    dh_log(c->context.log, DOHLE_LOG_WARNING, SUBSYSTEM,
           "group %s: the time between two polls was longer than max.poll.interval.ms "
           "(%d): the member leaves; raise it or lower max.poll.records",
           c->context.settings->group_id, (int)c->context.settings->max_poll_interval_ms);
    rejoin_want(c, "max.poll.interval.ms exceeded");
    (void)leave_send(c, "consumer poll timeout has expired", DH_NEVER, now_ns);
    generation_lose(c, true, now_ns);
}

static void poll_check(struct classic *c, int64_t now_ns)
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
        dh_log(c->context.log, DOHLE_LOG_WARNING, SUBSYSTEM,
               "group %s: the application has not polled for %d %% of "
               "max.poll.interval.ms",
               c->context.settings->group_id, marks[passed - 1].percent);
    }
    c->polls_warned = (uint32_t)passed;
    alarm_set(c, &c->poll_alarm, left_ns + interval_ns / 100 * marks[passed].percent);
}

static void poll_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct classic *c = DH_CONTAINER_OF(alarm, struct classic, poll_alarm);
    if (is_member(c)) {
        poll_check(c, now_ns);
    }
}

// ---- Joining ----

static int subscription_encode(const struct classic *c, struct dh_arena *arena,
                               dohle_bytes *blob)
{
    const struct dh_names *names = &c->subscription.names;
    struct dh_consumer_protocol_subscription subscription;
    dh_message_init(&dh_consumer_protocol_subscription_type, &subscription);
    dohle_bytes *topics = dh_arena_calloc(arena, names->count, sizeof(*topics));
    if (topics == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < names->count; i++) {
        topics[i] = dh_bytes_of(names->items[i]);
    }
    subscription.topics.items = topics;
    subscription.topics.count = (int32_t)names->count;
    // Nothing is owned while an eager member joins; the generation is told all the same,
    // as Java does.
    subscription.generation_id = c->generation;
    struct dh_buf buf;
    dh_buf_init(&buf, c->context.mem, 0);
    int err = dh_subscription_blob_write(&subscription, &buf);
    if (err == 0) {
        uint8_t *copy = dh_arena_alloc(arena, buf.size);
        if (copy == NULL) {
            err = DOHLE_ERR_NO_MEMORY;
        } else {
            memcpy(copy, buf.data, buf.size);
            *blob = (dohle_bytes){copy, buf.size};
        }
    }
    dh_buf_deinit(&buf);
    return err;
}

static int join_fill(struct dh_op *op, int16_t version, void *message,
                     struct dh_arena *arena, int64_t now_ns)
{
    (void)version;
    (void)now_ns;
    struct classic *c = DH_CONTAINER_OF(op, struct classic, join_op);
    const struct dh_settings *settings = c->context.settings;
    struct dh_join_group_request *request = message;
    dohle_bytes blob;
    int err = subscription_encode(c, arena, &blob);
    if (err != 0) {
        return err;
    }
    size_t count = settings->partition_assignment_strategy_count;
    request->protocols.items =
        dh_arena_calloc(arena, count, sizeof(*request->protocols.items));
    if (request->protocols.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    request->protocols.count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        request->protocols.items[i].name =
            dh_bytes_of(settings->partition_assignment_strategy[i]);
        request->protocols.items[i].metadata = blob;
    }
    request->group_id = dh_bytes_of(settings->group_id);
    request->session_timeout_ms = settings->session_timeout_ms;
    request->rebalance_timeout_ms = settings->max_poll_interval_ms;
    request->member_id = dh_bytes_of(c->member_id == NULL ? "" : c->member_id);
    request->protocol_type = dh_bytes_of(PROTOCOL_TYPE);
    request->reason = dh_bytes_of(c->record.trigger);
    c->is_join_anonymous = c->member_id == NULL;
    // What changes from here on needs another round.
    c->needs_rejoin = false;
    c->trigger[0] = '\0';
    return 0;
}

// Another attempt is to come; the rebalance stays the same one.
static void join_again(struct classic *c)
{
    rejoin_want(c, "%s", c->record.trigger);
    state_set(c, CLASSIC_UNJOINED);
}

// DH_SETTLED_RETRY waits for the back-off of the operation, then steps.
static enum dh_settled join_refused(struct classic *c, enum dh_reaction reaction,
                                    int16_t broker_code, int32_t node_id, const char *api,
                                    int64_t now_ns)
{
    enum dh_settled settled = DH_SETTLED_RETRY;
    switch (reaction) {
    case DH_REACTION_REDISCOVER:
        dh_coordinator_lost(c->link, node_id, dohle_broker_error_name(broker_code),
                            now_ns);
        join_again(c);
        break;
    case DH_REACTION_REJOIN: join_again(c); break;
    case DH_REACTION_DROP_MEMBER:
        // At once, but not in a circle if the coordinator refuses newcomers so.
        settled = c->is_join_anonymous ? DH_SETTLED_RETRY : DH_SETTLED_DONE;
        member_id_clear(c);
        c->generation = -1;
        join_again(c);
        break;
    case DH_REACTION_DROP_GENERATION:
        settled = c->generation >= 0 ? DH_SETTLED_DONE : DH_SETTLED_RETRY;
        c->generation = -1;
        join_again(c);
        break;
    case DH_REACTION_FENCED:
    case DH_REACTION_REPORT:
        fatal(c, dh_reaction_error(broker_code), broker_code, now_ns,
              "group %s: the coordinator refuses %s: %s", c->context.settings->group_id,
              api, dohle_broker_error_name(broker_code));
        return DH_SETTLED_FAILED;
    case DH_REACTION_RETRY:
    case DH_REACTION_REFRESH:
    case DH_REACTION_NONE:
    case DH_REACTION_REBOOTSTRAP:
    case DH_REACTION_RESET_POSITION:
    case DH_REACTION_RESET_SESSION:
    case DH_REACTION_TAKE_MEMBER_ID:
    case DH_REACTION_LEAVE_OUT: join_again(c); break;
    }
    dh_log(c->context.log, DOHLE_LOG_INFO, SUBSYSTEM, "group %s: %s: %s: %s",
           c->context.settings->group_id, api, dohle_broker_error_name(broker_code),
           dh_reaction_name(reaction));
    if (settled == DH_SETTLED_DONE) {
        step_soon(c, now_ns);
    }
    return settled;
}

// No answer to JoinGroup or SyncGroup.
static enum dh_settled join_unanswered(struct classic *c, const struct dh_reply *reply,
                                       const char *api, int64_t now_ns)
{
    if (reply->err == DOHLE_ERR_UNSUPPORTED_VERSION) {
        fatal(c, reply->err, 0, now_ns, "group %s: %s: %s", c->context.settings->group_id,
              api, reply->text);
        return DH_SETTLED_FAILED;
    }
    if (reply->err != DOHLE_ERR_NO_MEMORY) {
        dh_coordinator_lost(c->link, reply->node_id, reply->text, now_ns);
    }
    join_again(c);
    return DH_SETTLED_RETRY;
}

static void sync_start(struct classic *c, int64_t now_ns)
{
    alarm_cancel(c, &c->leading_alarm);
    int32_t node_id = dh_coordinator_want(c->link, now_ns);
    if (node_id == DH_NODE_NONE) {
        join_again(c); // it moved while we waited for metadata
        step_soon(c, now_ns);
        return;
    }
    state_set(c, CLASSIC_SYNCING);
    op_renew(c, &c->sync_op);
    dh_op_start(&c->sync_op, c->context.requests, node_id, request_deadline(c, now_ns),
                now_ns);
}

// Assigns once the topics are known. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int lead(struct classic *c, bool is_overdue, int64_t now_ns)
{
    if (!is_overdue && !leader_topics_are_known(c)) {
        return 0;
    }
    int err = dh_group_leader_assign(&c->leader, c->assignor, c->context.cluster);
    if (err == 0) {
        sync_start(c, now_ns);
    }
    return err;
}

static void leading_retry(struct classic *c, int64_t now_ns)
{
    dh_log(c->context.log, DOHLE_LOG_ERROR, SUBSYSTEM,
           "group %s: no memory to compute the assignment",
           c->context.settings->group_id);
    leader_forget(c);
    join_again(c);
    step_after_backoff(c, now_ns);
}

static void leading_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct classic *c = DH_CONTAINER_OF(alarm, struct classic, leading_alarm);
    if (c->state == CLASSIC_LEADING && lead(c, true, now_ns) != 0) {
        leading_retry(c, now_ns);
    }
}

static const struct dh_assignor *assignor_chosen(const struct classic *c,
                                                 dohle_bytes name)
{
    const struct dh_settings *settings = c->context.settings;
    for (size_t i = 0; i < settings->partition_assignment_strategy_count; i++) {
        if (dh_bytes_equal(dh_bytes_of(settings->partition_assignment_strategy[i]),
                           name)) {
            return dh_assignor_find(name);
        }
    }
    return NULL;
}

// We are the leader: learns the members, waits for their topics.
static int lead_begin(struct classic *c, const struct dh_join_group_response *response,
                      int64_t now_ns)
{
    char change[160];
    int err = dh_group_leader_take(&c->leader, response, c->record.generation_before,
                                   change, sizeof(change));
    if (err != 0) {
        return err;
    }
    if (change[0] != '\0') {
        (void)snprintf(c->record.trigger, sizeof(c->record.trigger), "%s", change);
    }
    c->record.member_count = response->members.count;
    err = leader_topics_want(c, now_ns);
    if (err != 0) {
        return err;
    }
    state_set(c, CLASSIC_LEADING);
    if (response->skip_assignment) {
        dh_group_leader_look(&c->leader, c->context.cluster);
        sync_start(c, now_ns);
        return 0;
    }
    alarm_set(c, &c->leading_alarm, request_deadline(c, now_ns));
    return lead(c, false, now_ns);
}

static enum dh_settled join_accept(struct classic *c,
                                   const struct dh_join_group_response *response,
                                   int64_t now_ns)
{
    const char *group_id = c->context.settings->group_id;
    c->assignor = assignor_chosen(c, response->protocol_name);
    if (c->assignor == NULL || response->generation_id < 0 ||
        (response->protocol_type.data != NULL &&
         !dh_bytes_equal(response->protocol_type, DH_BYTES(PROTOCOL_TYPE)))) {
        fatal(c, DOHLE_ERR_GROUP_REFUSED, DH_BROKER_INCONSISTENT_GROUP_PROTOCOL, now_ns,
              "group %s: the coordinator chose the assignor '%.*s' of protocol '%.*s', "
              "generation %d, which was not offered",
              group_id, (int)response->protocol_name.size,
              (const char *)response->protocol_name.data,
              (int)response->protocol_type.size,
              (const char *)response->protocol_type.data, (int)response->generation_id);
        return DH_SETTLED_FAILED;
    }
    if (member_id_set(c, response->member_id) != 0) {
        join_again(c);
        return DH_SETTLED_RETRY;
    }
    c->generation = response->generation_id;
    c->record.generation_after = response->generation_id;
    c->record.join_ns = now_ns - c->phase_ns;
    c->record.is_leader = dh_bytes_equal(response->leader, response->member_id);
    (void)snprintf(c->record.assignor, sizeof(c->record.assignor), "%s",
                   c->assignor->name);
    c->phase_ns = now_ns;
    session_extend(c, now_ns);
    alarm_set(c, &c->heartbeat_alarm,
              dh_deadline_after_ms(now_ns, c->context.settings->heartbeat_interval_ms));
    alarm_set(c, &c->poll_alarm, now_ns);
    if (!c->record.is_leader) {
        leader_forget(c);
        sync_start(c, now_ns);
        return DH_SETTLED_DONE;
    }
    int err = lead_begin(c, response, now_ns);
    if (err == DOHLE_ERR_PROTOCOL) {
        fatal(c, DOHLE_ERR_PROTOCOL, 0, now_ns,
              "group %s: a member's subscription cannot be read", group_id);
        return DH_SETTLED_FAILED;
    }
    if (err != 0) {
        leading_retry(c, now_ns);
    }
    return DH_SETTLED_DONE;
}

static enum dh_settled join_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                     int64_t now_ns)
{
    struct classic *c = DH_CONTAINER_OF(op, struct classic, join_op);
    DH_ASSERT(c->state == CLASSIC_JOINING);
    if (reply->err != 0) {
        return join_unanswered(c, reply, "JoinGroup", now_ns);
    }
    const struct dh_join_group_response *response = reply->response;
    enum dh_reaction reaction = dh_reaction_of(DH_API_JOIN_GROUP, response->error_code);
    if (reaction == DH_REACTION_NONE) {
        return join_accept(c, response, now_ns);
    }
    if (reaction == DH_REACTION_TAKE_MEMBER_ID) {
        // Only once in a row: the second time we have an id.
        bool is_first = c->is_join_anonymous && response->member_id.size > 0 &&
                        member_id_set(c, response->member_id) == 0;
        join_again(c);
        if (is_first) {
            step_soon(c, now_ns);
        }
        return is_first ? DH_SETTLED_DONE : DH_SETTLED_RETRY;
    }
    return join_refused(c, reaction, response->error_code, reply->node_id, "JoinGroup",
                        now_ns);
}

static void join_on_due(struct dh_op *op, int64_t now_ns)
{
    step(DH_CONTAINER_OF(op, struct classic, join_op), now_ns);
}

static const struct dh_op_class join_class = {
    .name = "JoinGroup",
    .api_key = DH_API_JOIN_GROUP,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = join_fill,
    .on_reply = join_on_reply,
    .on_due = join_on_due,
};

static void join_start(struct classic *c, int32_t node_id, int64_t now_ns)
{
    const struct dh_settings *settings = c->context.settings;
    int64_t timeout_ms = (int64_t)settings->max_poll_interval_ms + JOIN_EXTRA_MS;
    if (timeout_ms < settings->request_timeout_ms) {
        timeout_ms = settings->request_timeout_ms;
    }
    // Heartbeats rest until the answer (CL-004).
    alarm_cancel(c, &c->heartbeat_alarm);
    alarm_cancel(c, &c->session_alarm);
    alarm_cancel(c, &c->poll_alarm);
    op_renew(c, &c->join_op);
    c->phase_ns = now_ns;
    state_set(c, CLASSIC_JOINING);
    dh_op_start(&c->join_op, c->context.requests, node_id,
                dh_deadline_after_ms(now_ns, timeout_ms), now_ns);
}

// ---- Applying ----

static int sync_fill(struct dh_op *op, int16_t version, void *message,
                     struct dh_arena *arena, int64_t now_ns)
{
    (void)version;
    (void)arena;
    (void)now_ns;
    struct classic *c = DH_CONTAINER_OF(op, struct classic, sync_op);
    struct dh_sync_group_request *request = message;
    request->group_id = dh_bytes_of(c->context.settings->group_id);
    request->generation_id = c->generation;
    request->member_id = dh_bytes_of(c->member_id == NULL ? "" : c->member_id);
    request->protocol_type = dh_bytes_of(PROTOCOL_TYPE);
    request->protocol_name = dh_bytes_of(c->assignor->name);
    request->assignments.items = c->leader.assignments;
    request->assignments.count = c->leader.assignment_count;
    return 0;
}

// CL-025: the first topic that nobody asked for (any more); null: none.
static dohle_bytes topic_unwanted(const struct classic *c,
                                  const struct dh_consumer_protocol_assignment *told)
{
    for (int32_t i = 0; i < told->assigned_partitions.count; i++) {
        dohle_bytes topic = told->assigned_partitions.items[i].topic;
        if (!dh_subscription_has(&c->subscription, topic)) {
            return topic;
        }
    }
    return DH_BYTES_NULL;
}

// Adds a row for each partition that is not owned yet. Returns 0, DOHLE_ERR_PROTOCOL or
// DOHLE_ERR_NO_MEMORY; then some rows may have been added.
static int
topic_add(struct classic *c,
          const struct dh_consumer_protocol_assignment_assigned_partition *told)
{
    char *topic = dh_arena_alloc(&c->arena, told->topic.size + 1);
    if (topic == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    memcpy(topic, told->topic.data, told->topic.size);
    for (int32_t i = 0; i < told->partitions.count; i++) {
        int32_t number = told->partitions.items[i];
        if (number < 0) {
            return DOHLE_ERR_PROTOCOL;
        }
        if (dh_partitions_find(c->partitions, topic, number) == NULL &&
            dh_partitions_add(c->partitions, topic, number) == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    return 0;
}

static void rows_remove_all(struct classic *c)
{
    size_t cursor = 0;
    struct dh_partition *row = NULL;
    while ((row = dh_partitions_next(c->partitions, &cursor)) != NULL) {
        dh_partitions_remove(c->partitions, row);
    }
}

/*
 * Owned becomes assigned. With an eager protocol nothing is owned any more when the
 * assignment comes (CL-020), so all of it is added and nothing is revoked.
 */
static int assignment_apply(struct classic *c,
                            const struct dh_consumer_protocol_assignment *told)
{
    DH_ASSERT(c->partitions->assigned_count == 0);
    int err = 0;
    for (int32_t i = 0; i < told->assigned_partitions.count && err == 0; i++) {
        err = topic_add(c, &told->assigned_partitions.items[i]);
    }
    struct dh_partition **rows = NULL;
    size_t count = 0;
    if (err == 0) {
        err = dh_ownership_rows(c->partitions, c->context.mem, &rows, &count);
    }
    struct dh_notice_ownership *notice = NULL;
    if (err == 0) {
        notice = dh_ownership_new(c->context.mem, DH_NOTICE_ASSIGN, rows, count);
        err = notice == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    }
    dh_mem_free(c->context.mem, rows, count * sizeof(struct dh_partition *));
    if (err != 0) {
        rows_remove_all(c);
        return err;
    }
    notice->has_callback = true; // API-171: also when it is empty
    ownership_post(c, notice);
    return 0;
}

static enum dh_settled sync_accept(struct classic *c,
                                   const struct dh_sync_group_response *response,
                                   int64_t now_ns)
{
    struct dh_consumer_protocol_assignment told;
    dh_arena_reset(&c->arena);
    int err = dh_assignment_blob_read(response->assignment, &c->arena, &told);
    dohle_bytes unwanted = err == 0 ? topic_unwanted(c, &told) : DH_BYTES_NULL;
    if (unwanted.data != NULL) {
        rejoin_want(c, "topic %.*s was assigned but is not subscribed any more",
                    (int)unwanted.size, (const char *)unwanted.data);
        state_set(c, CLASSIC_UNJOINED);
        return DH_SETTLED_RETRY; // CL-025: nothing applied, no callbacks
    }
    c->record.sync_ns = now_ns - c->phase_ns;
    if (err == 0) {
        err = assignment_apply(c, &told);
    }
    if (err == DOHLE_ERR_PROTOCOL) {
        fatal(c, err, 0, now_ns,
              "group %s: the assignment from the group's leader cannot be read "
              "(%zu bytes)",
              c->context.settings->group_id, response->assignment.size);
        return DH_SETTLED_FAILED;
    }
    if (err != 0) {
        join_again(c);
        return DH_SETTLED_RETRY;
    }
    c->is_prepared = false;
    c->refused_syncs = 0;
    dh_log(c->context.log, DOHLE_LOG_INFO, SUBSYSTEM,
           "group %s: generation %d as member %s%s, %zu partitions by %s: %s",
           c->context.settings->group_id, (int)c->generation, c->member_id,
           c->record.is_leader ? " (leader)" : "", c->partitions->assigned_count,
           c->assignor->name, c->record.trigger);
    state_set(c, CLASSIC_APPLYING);
    return DH_SETTLED_DONE;
}

static enum dh_settled sync_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                     int64_t now_ns)
{
    struct classic *c = DH_CONTAINER_OF(op, struct classic, sync_op);
    DH_ASSERT(c->state == CLASSIC_SYNCING);
    if (reply->err != 0) {
        return join_unanswered(c, reply, "SyncGroup", now_ns);
    }
    const struct dh_sync_group_response *response = reply->response;
    enum dh_reaction reaction = dh_reaction_of(DH_API_SYNC_GROUP, response->error_code);
    if (reaction == DH_REACTION_NONE) {
        session_extend(c, now_ns);
        return sync_accept(c, response, now_ns);
    }
    c->is_join_anonymous = false;
    enum dh_settled settled = join_refused(c, reaction, response->error_code,
                                           reply->node_id, "SyncGroup", now_ns);
    if (reaction == DH_REACTION_REJOIN) {
        step_soon(c, now_ns); // the group is joining now: do not come late
        settled = DH_SETTLED_DONE;
    }
    // Joins are granted and syncs refused: not for ever without a pause (L7).
    c->refused_syncs++;
    if (settled == DH_SETTLED_DONE && c->refused_syncs > REFUSED_SYNCS_AT_ONCE) {
        return DH_SETTLED_RETRY;
    }
    return settled;
}

static void sync_on_due(struct dh_op *op, int64_t now_ns)
{
    step(DH_CONTAINER_OF(op, struct classic, sync_op), now_ns);
}

static const struct dh_op_class sync_class = {
    .name = "SyncGroup",
    .api_key = DH_API_SYNC_GROUP,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = sync_fill,
    .on_reply = sync_on_reply,
    .on_due = sync_on_due,
};

// ---- The step ----

// CL-002: a pattern is matched with fresh metadata before each rebalance.
static bool pattern_is_fresh(struct classic *c, int64_t now_ns)
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
static void prepare(struct classic *c, int32_t node_id, int64_t now_ns)
{
    record_begin(c, now_ns);
    bool is_member_still = c->generation >= 0 && c->member_id != NULL;
    if (!is_member_still && c->partitions->assigned_count == 0) {
        c->is_prepared = true; // the very first join, or nothing left to lose (API-170)
        join_start(c, node_id, now_ns);
        return;
    }
    if (all_give_up(c, is_member_still ? DH_NOTICE_REVOKE : DH_NOTICE_LOSE) != 0) {
        step_after_backoff(c, now_ns);
        return;
    }
    state_set(c, CLASSIC_PREPARING);
}

static bool is_backing_off(const struct classic *c)
{
    return c->join_op.state == DH_OP_WAITING || c->sync_op.state == DH_OP_WAITING;
}

// Moves facts toward wishes: from UNJOINED or STABLE toward the next JoinGroup.
static void step(struct classic *c, int64_t now_ns)
{
    if (c->must_tell) {
        lost_tell(c, now_ns);
        return;
    }
    if ((c->state != CLASSIC_UNJOINED && c->state != CLASSIC_STABLE) ||
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
        join_start(c, node_id, now_ns);
    }
    c->updates_wanted = 0;
}

static void step_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    step(DH_CONTAINER_OF(alarm, struct classic, step_alarm), now_ns);
}

// ---- The interface ----

static struct classic *classic_of(struct dh_membership *membership)
{
    return DH_CONTAINER_OF(membership, struct classic, base);
}

_Static_assert(offsetof(struct classic, base) == 0, "a classic is its base");

static const struct classic *classic_of_const(const struct dh_membership *membership)
{
    return (const struct classic *)(const void *)membership;
}

static void classic_subscribe(struct dh_membership *membership,
                              struct dh_command_subscribe *command, int64_t now_ns)
{
    struct classic *c = classic_of(membership);
    bool is_changed = false;
    command->err = dh_subscription_set(&c->subscription, command, &is_changed, now_ns);
    bool is_accepted = command->err == 0;
    dh_outbox_post(c->context.outbox, &command->message);
    if (!is_accepted) {
        return;
    }
    if (c->state == CLASSIC_FATAL) {
        state_set(c, CLASSIC_IDLE);
    }
    if (c->state == CLASSIC_IDLE) {
        rejoin_want(c, "first join");
        state_set(c, CLASSIC_UNJOINED);
    } else if (is_changed && c->state != CLASSIC_LEAVING) {
        rejoin_want(c, "the subscription has changed");
    }
    if (is_changed) {
        c->updates_wanted = 0;
    }
    step(c, now_ns);
}

static void classic_leave(struct dh_membership *membership,
                          struct dh_command_leave *command, int64_t now_ns)
{
    struct classic *c = classic_of(membership);
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
    rows_remove_all(c);
    if (c->state == CLASSIC_LEAVING) {
        return; // its answer answers this one too
    }
    bool is_sent = leave_send(c, reason, command->deadline_ns, now_ns);
    activities_stop(c);
    c->generation = -1;
    if (is_sent) {
        state_set(c, CLASSIC_LEAVING);
        return;
    }
    leave_finish(c, now_ns);
}

static void classic_rebalance(struct dh_membership *membership, const char *reason,
                              int64_t now_ns)
{
    struct classic *c = classic_of(membership);
    if (c->subscription.is_set && c->state != CLASSIC_FATAL &&
        c->state != CLASSIC_LEAVING) {
        rejoin_want(c, "asked for by the application: %s", reason);
        step(c, now_ns);
    }
}

static void classic_on_ownership_done(struct dh_membership *membership,
                                      struct dh_notice_ownership *notice, int64_t now_ns)
{
    struct classic *c = classic_of(membership);
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
    if (is_assign && c->state == CLASSIC_APPLYING) {
        state_set(c, CLASSIC_STABLE);
    }
    if (!is_assign && c->state == CLASSIC_PREPARING && c->notices_out == 0 &&
        !c->must_tell) {
        c->record.revoke_ns = now_ns - c->phase_ns;
        c->is_prepared = true;
        state_set(c, CLASSIC_UNJOINED);
    }
    step(c, now_ns);
}

static void classic_on_coordinator(struct dh_membership *membership, int32_t node_id,
                                   int64_t now_ns)
{
    struct classic *c = classic_of(membership);
    if (node_id == DH_NODE_NONE) {
        return;
    }
    if (is_member(c) && !dh_alarm_is_set(&c->heartbeat_alarm)) {
        heartbeat_start(c, now_ns);
    }
    step(c, now_ns);
}

static void classic_on_metadata(struct dh_membership *membership, int64_t now_ns)
{
    struct classic *c = classic_of(membership);
    if (!c->subscription.is_set) {
        return;
    }
    bool is_changed = false;
    if (dh_subscription_refresh(&c->subscription, &is_changed) == 0 && is_changed) {
        c->is_topics_notice_due = true;
        if (c->state != CLASSIC_UNJOINED && c->state != CLASSIC_FATAL &&
            c->state != CLASSIC_LEAVING) {
            rejoin_want(c, "the topics that match the pattern have changed");
        }
    }
    if (c->is_topics_notice_due) {
        topics_tell(c);
    }
    if (c->state == CLASSIC_LEADING && lead(c, false, now_ns) != 0) {
        leading_retry(c, now_ns);
    }
    char change[sizeof(c->trigger)];
    bool is_settled = c->state == CLASSIC_STABLE || c->state == CLASSIC_APPLYING;
    if (is_settled && dh_group_leader_is_leading(&c->leader) &&
        dh_group_leader_is_outdated(&c->leader, c->context.cluster, change,
                                    sizeof(change))) {
        rejoin_want(c, "%s", change); // the leader only
    }
    step(c, now_ns);
}

static void classic_on_commit_refused(struct dh_membership *membership,
                                      int16_t broker_code, int32_t generation,
                                      int64_t now_ns)
{
    struct classic *c = classic_of(membership);
    if (is_member(c) && generation == c->generation) {
        standing_react(c, dh_reaction_of(DH_API_OFFSET_COMMIT, broker_code), broker_code,
                       "commit", now_ns);
    }
}

static struct dh_identity classic_identity(const struct dh_membership *membership)
{
    const struct classic *c = classic_of_const(membership);
    return (struct dh_identity){
        .member_id = c->member_id == NULL ? "" : c->member_id,
        .generation = c->generation,
        .instance_id = NULL,
    };
}

static enum dh_commit_permission
classic_commit_permission(const struct dh_membership *membership)
{
    const struct classic *c = classic_of_const(membership);
    switch (c->state) {
    case CLASSIC_STABLE:
    case CLASSIC_APPLYING:
    case CLASSIC_PREPARING: // still a member of the generation before
        return c->generation >= 0 ? DH_COMMIT_MAY : DH_COMMIT_MAY_NOT;
    case CLASSIC_JOINING:
    case CLASSIC_LEADING:
    case CLASSIC_SYNCING: return DH_COMMIT_REBALANCING;
    case CLASSIC_UNJOINED: // between two attempts of one rebalance
        return c->is_prepared && c->generation >= 0 ? DH_COMMIT_REBALANCING
                                                    : DH_COMMIT_MAY_NOT;
    case CLASSIC_IDLE:
    case CLASSIC_LEAVING:
    case CLASSIC_FATAL:
    case CLASSIC_STATE_COUNT: break;
    }
    return DH_COMMIT_MAY_NOT;
}

static void classic_free(struct dh_membership *membership)
{
    struct classic *c = classic_of(membership);
    struct dh_requests *requests = c->context.requests;
    struct dh_alarms *alarms = c->context.alarms;
    const dohle_allocator *mem = c->context.mem;
    struct dh_link *link = NULL;
    while ((link = dh_list_pop_front(&c->leaves)) != NULL) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        dh_outbox_post(c->context.outbox, message);
    }
    dh_op_deinit(&c->join_op, requests);
    dh_op_deinit(&c->sync_op, requests);
    dh_op_deinit(&c->heartbeat_op, requests);
    dh_op_deinit(&c->leave_op, requests);
    dh_alarm_deinit(&c->step_alarm, alarms);
    dh_alarm_deinit(&c->heartbeat_alarm, alarms);
    dh_alarm_deinit(&c->session_alarm, alarms);
    dh_alarm_deinit(&c->poll_alarm, alarms);
    dh_alarm_deinit(&c->leading_alarm, alarms);
    dh_names_free(&c->leader_topics, mem);
    dh_group_leader_deinit(&c->leader);
    dh_subscription_deinit(&c->subscription);
    dh_arena_deinit(&c->arena);
    member_id_clear(c);
    dh_mem_free_string(mem, c->leaving_member_id);
    dh_mem_free(mem, c, sizeof(*c));
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
    struct classic *c = dh_mem_calloc(context->mem, 1, sizeof(*c));
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

    static const struct {
        size_t op_offset;
        const struct dh_op_class *cls;
    } ops[] = {
        {offsetof(struct classic, join_op), &join_class},
        {offsetof(struct classic, sync_op), &sync_class},
        {offsetof(struct classic, heartbeat_op), &heartbeat_class},
        {offsetof(struct classic, leave_op), &leave_class},
    };

    static const struct {
        size_t alarm_offset;
        void (*on_due)(struct dh_alarm *, int64_t);
    } alarms[] = {
        {offsetof(struct classic, step_alarm), step_on_alarm},
        {offsetof(struct classic, heartbeat_alarm), heartbeat_on_alarm},
        {offsetof(struct classic, session_alarm), session_on_alarm},
        {offsetof(struct classic, poll_alarm), poll_on_alarm},
        {offsetof(struct classic, leading_alarm), leading_on_alarm},
    };

    size_t op_count = 0;
    size_t alarm_count = 0;
    char *at = (char *)(void *)c;
    int err = 0;
    while (err == 0 && op_count < DH_COUNT_OF(ops)) {
        err = dh_op_init((struct dh_op *)(void *)(at + ops[op_count].op_offset),
                         ops[op_count].cls, context->requests);
        op_count += err == 0 ? 1 : 0;
    }
    while (err == 0 && alarm_count < DH_COUNT_OF(alarms)) {
        err = dh_alarm_init(
            (struct dh_alarm *)(void *)(at + alarms[alarm_count].alarm_offset),
            context->alarms, alarms[alarm_count].on_due);
        alarm_count += err == 0 ? 1 : 0;
    }
    if (err == 0) {
        return &c->base;
    }
    while (op_count-- > 0) {
        dh_op_deinit((struct dh_op *)(void *)(at + ops[op_count].op_offset),
                     context->requests);
    }
    while (alarm_count-- > 0) {
        dh_alarm_deinit(
            (struct dh_alarm *)(void *)(at + alarms[alarm_count].alarm_offset),
            context->alarms);
    }
    dh_group_leader_deinit(&c->leader);
    dh_arena_deinit(&c->arena);
    dh_mem_free(context->mem, c, sizeof(*c));
    return NULL;
}
