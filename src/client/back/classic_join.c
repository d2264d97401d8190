// SPDX-License-Identifier: MIT
#include "client/back/classic.h"

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
#include "client/back/ownership.h"
#include "client/back/partitions.h"
#include "wire/api.h"
#include "wire/gen/join_group.h"
#include "wire/gen/sync_group.h"

// A JoinGroup may take as long as the slowest member needs, and this longer (CL-005).
#define JOIN_EXTRA_MS 5000

// How often in a row a refused SyncGroup is followed by JoinGroup at once.
#define REFUSED_SYNCS_AT_ONCE 3

// ---- Leading ----

static void leader_topics_drop(struct dh_classic *c)
{
    for (size_t i = 0; i < c->leader_topics.count; i++) {
        dh_cluster_unwant_quietly(c->context.cluster, c->leader_topics.items[i]);
    }
    dh_names_free(&c->leader_topics, c->context.mem);
}

void dh_classic_leader_forget(struct dh_classic *c)
{
    leader_topics_drop(c);
    dh_group_leader_forget(&c->leader);
    dh_classic_alarm_cancel(c, &c->leading_alarm);
}

// Asks for metadata of every topic of every member. What stays wanted is wanted twice
// for a moment, so that it is not forgotten.
static int leader_topics_want(struct dh_classic *c, int64_t now_ns)
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

static bool leader_topics_are_known(const struct dh_classic *c)
{
    for (size_t i = 0; i < c->leader_topics.count; i++) {
        if (dh_cluster_topic(c->context.cluster, c->leader_topics.items[i]) == NULL) {
            return false;
        }
    }
    return true;
}

// ---- Joining ----

static int subscription_encode(const struct dh_classic *c, struct dh_arena *arena,
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
    struct dh_classic *c = DH_CONTAINER_OF(op, struct dh_classic, join_op);
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
    request->protocol_type = dh_bytes_of(DH_CLASSIC_PROTOCOL_TYPE);
    request->reason = dh_bytes_of(c->record.trigger);
    c->is_join_anonymous = c->member_id == NULL;
    // What changes from here on needs another round.
    c->needs_rejoin = false;
    c->trigger[0] = '\0';
    return 0;
}

_Static_assert(sizeof(((struct dh_classic *)NULL)->trigger) ==
                   sizeof(((struct dh_rebalance_record *)NULL)->trigger),
               "a trigger is copied both ways");

// Another attempt is to come; the rebalance stays the same one.
static void join_again(struct dh_classic *c)
{
    if (!c->needs_rejoin) {
        c->needs_rejoin = true;
        memcpy(c->trigger, c->record.trigger, sizeof(c->trigger));
    }
    dh_classic_state_set(c, DH_CLASSIC_UNJOINED);
}

// DH_SETTLED_RETRY waits for the back-off of the operation, then steps.
static enum dh_settled join_refused(struct dh_classic *c, enum dh_reaction reaction,
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
        dh_classic_member_id_clear(c);
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
        dh_classic_fatal(c, dh_reaction_error(broker_code), broker_code, now_ns,
                         "group %s: the coordinator refuses %s: %s",
                         c->context.settings->group_id, api,
                         dohle_broker_error_name(broker_code));
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
    dh_log(c->context.log, DOHLE_LOG_INFO, DH_CLASSIC_SUBSYSTEM, "group %s: %s: %s: %s",
           c->context.settings->group_id, api, dohle_broker_error_name(broker_code),
           dh_reaction_name(reaction));
    if (settled == DH_SETTLED_DONE) {
        dh_classic_step_soon(c, now_ns);
    }
    return settled;
}

// No answer to JoinGroup or SyncGroup.
static enum dh_settled join_unanswered(struct dh_classic *c, const struct dh_reply *reply,
                                       const char *api, int64_t now_ns)
{
    if (reply->err == DOHLE_ERR_UNSUPPORTED_VERSION) {
        dh_classic_fatal(c, reply->err, 0, now_ns, "group %s: %s: %s",
                         c->context.settings->group_id, api, reply->text);
        return DH_SETTLED_FAILED;
    }
    if (reply->err != DOHLE_ERR_NO_MEMORY) {
        dh_coordinator_lost(c->link, reply->node_id, reply->text, now_ns);
    }
    join_again(c);
    return DH_SETTLED_RETRY;
}

static void sync_start(struct dh_classic *c, int64_t now_ns)
{
    dh_classic_alarm_cancel(c, &c->leading_alarm);
    int32_t node_id = dh_coordinator_want(c->link, now_ns);
    if (node_id == DH_NODE_NONE) {
        join_again(c); // it moved while we waited for metadata
        dh_classic_step_soon(c, now_ns);
        return;
    }
    dh_classic_state_set(c, DH_CLASSIC_SYNCING);
    dh_classic_op_renew(c, &c->sync_op);
    dh_op_start(&c->sync_op, c->context.requests, node_id,
                dh_classic_request_deadline(c, now_ns), now_ns);
}

int dh_classic_lead(struct dh_classic *c, bool is_overdue, int64_t now_ns)
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

void dh_classic_leading_retry(struct dh_classic *c, int64_t now_ns)
{
    dh_log(c->context.log, DOHLE_LOG_ERROR, DH_CLASSIC_SUBSYSTEM,
           "group %s: no memory to compute the assignment",
           c->context.settings->group_id);
    dh_classic_leader_forget(c);
    join_again(c);
    dh_classic_step_after_backoff(c, now_ns);
}

void dh_classic_leading_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_classic *c = DH_CONTAINER_OF(alarm, struct dh_classic, leading_alarm);
    if (c->state == DH_CLASSIC_LEADING && dh_classic_lead(c, true, now_ns) != 0) {
        dh_classic_leading_retry(c, now_ns);
    }
}

static const struct dh_assignor *assignor_chosen(const struct dh_classic *c,
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
static int lead_begin(struct dh_classic *c, const struct dh_join_group_response *response,
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
    dh_classic_state_set(c, DH_CLASSIC_LEADING);
    if (response->skip_assignment) {
        dh_group_leader_look(&c->leader, c->context.cluster);
        sync_start(c, now_ns);
        return 0;
    }
    dh_classic_alarm_set(c, &c->leading_alarm, dh_classic_request_deadline(c, now_ns));
    return dh_classic_lead(c, false, now_ns);
}

static enum dh_settled join_accept(struct dh_classic *c,
                                   const struct dh_join_group_response *response,
                                   int64_t now_ns)
{
    const char *group_id = c->context.settings->group_id;
    c->assignor = assignor_chosen(c, response->protocol_name);
    if (c->assignor == NULL || response->generation_id < 0 ||
        (response->protocol_type.data != NULL &&
         !dh_bytes_equal(response->protocol_type, DH_BYTES(DH_CLASSIC_PROTOCOL_TYPE)))) {
        dh_classic_fatal(
            c, DOHLE_ERR_GROUP_REFUSED, DH_BROKER_INCONSISTENT_GROUP_PROTOCOL, now_ns,
            "group %s: the coordinator chose the assignor '%.*s' of protocol '%.*s', "
            "generation %d, which was not offered",
            group_id, (int)response->protocol_name.size,
            (const char *)response->protocol_name.data, (int)response->protocol_type.size,
            (const char *)response->protocol_type.data, (int)response->generation_id);
        return DH_SETTLED_FAILED;
    }
    if (dh_classic_member_id_set(c, response->member_id) != 0) {
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
    dh_classic_session_extend(c, now_ns);
    dh_classic_alarm_set(
        c, &c->heartbeat_alarm,
        dh_deadline_after_ms(now_ns, c->context.settings->heartbeat_interval_ms));
    dh_classic_alarm_set(c, &c->poll_alarm, now_ns);
    if (!c->record.is_leader) {
        dh_classic_leader_forget(c);
        sync_start(c, now_ns);
        return DH_SETTLED_DONE;
    }
    int err = lead_begin(c, response, now_ns);
    if (err == DOHLE_ERR_PROTOCOL) {
        dh_classic_fatal(c, DOHLE_ERR_PROTOCOL, 0, now_ns,
                         "group %s: a member's subscription cannot be read", group_id);
        return DH_SETTLED_FAILED;
    }
    if (err != 0) {
        dh_classic_leading_retry(c, now_ns);
    }
    return DH_SETTLED_DONE;
}

static enum dh_settled join_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                     int64_t now_ns)
{
    struct dh_classic *c = DH_CONTAINER_OF(op, struct dh_classic, join_op);
    DH_ASSERT(c->state == DH_CLASSIC_JOINING);
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
                        dh_classic_member_id_set(c, response->member_id) == 0;
        join_again(c);
        if (is_first) {
            dh_classic_step_soon(c, now_ns);
        }
        return is_first ? DH_SETTLED_DONE : DH_SETTLED_RETRY;
    }
    return join_refused(c, reaction, response->error_code, reply->node_id, "JoinGroup",
                        now_ns);
}

static void join_on_due(struct dh_op *op, int64_t now_ns)
{
    dh_classic_step(DH_CONTAINER_OF(op, struct dh_classic, join_op), now_ns);
}

const struct dh_op_class dh_classic_join_class = {
    .name = "JoinGroup",
    .api_key = DH_API_JOIN_GROUP,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = join_fill,
    .on_reply = join_on_reply,
    .on_due = join_on_due,
};

void dh_classic_join_start(struct dh_classic *c, int32_t node_id, int64_t now_ns)
{
    const struct dh_settings *settings = c->context.settings;
    int64_t timeout_ms = (int64_t)settings->max_poll_interval_ms + JOIN_EXTRA_MS;
    if (timeout_ms < settings->request_timeout_ms) {
        timeout_ms = settings->request_timeout_ms;
    }
    // Heartbeats rest until the answer (CL-004).
    dh_classic_alarm_cancel(c, &c->heartbeat_alarm);
    dh_classic_alarm_cancel(c, &c->session_alarm);
    dh_classic_alarm_cancel(c, &c->poll_alarm);
    dh_classic_op_renew(c, &c->join_op);
    c->phase_ns = now_ns;
    dh_classic_state_set(c, DH_CLASSIC_JOINING);
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
    struct dh_classic *c = DH_CONTAINER_OF(op, struct dh_classic, sync_op);
    struct dh_sync_group_request *request = message;
    request->group_id = dh_bytes_of(c->context.settings->group_id);
    request->generation_id = c->generation;
    request->member_id = dh_bytes_of(c->member_id == NULL ? "" : c->member_id);
    request->protocol_type = dh_bytes_of(DH_CLASSIC_PROTOCOL_TYPE);
    request->protocol_name = dh_bytes_of(c->assignor->name);
    request->assignments.items = c->leader.assignments;
    request->assignments.count = c->leader.assignment_count;
    return 0;
}

// CL-025: the first topic that nobody asked for (any more); null: none.
static dohle_bytes topic_unwanted(const struct dh_classic *c,
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
topic_add(struct dh_classic *c,
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

/*
 * Owned becomes assigned. With an eager protocol nothing is owned any more when the
 * assignment comes (CL-020), so all of it is added and nothing is revoked.
 */
static int assignment_apply(struct dh_classic *c,
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
        dh_classic_rows_remove_all(c);
        return err;
    }
    notice->has_callback = true; // API-171: also when it is empty
    dh_classic_ownership_post(c, notice);
    return 0;
}

static enum dh_settled sync_accept(struct dh_classic *c,
                                   const struct dh_sync_group_response *response,
                                   int64_t now_ns)
{
    struct dh_consumer_protocol_assignment told;
    dh_arena_reset(&c->arena);
    int err = dh_assignment_blob_read(response->assignment, &c->arena, &told);
    dohle_bytes unwanted = err == 0 ? topic_unwanted(c, &told) : DH_BYTES_NULL;
    if (unwanted.data != NULL) {
        dh_classic_rejoin_want(c,
                               "topic %.*s was assigned but is not subscribed any more",
                               (int)unwanted.size, (const char *)unwanted.data);
        dh_classic_state_set(c, DH_CLASSIC_UNJOINED);
        return DH_SETTLED_RETRY; // CL-025: nothing applied, no callbacks
    }
    c->record.sync_ns = now_ns - c->phase_ns;
    if (err == 0) {
        err = assignment_apply(c, &told);
    }
    if (err == DOHLE_ERR_PROTOCOL) {
        dh_classic_fatal(
            c, err, 0, now_ns,
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
    dh_log(c->context.log, DOHLE_LOG_INFO, DH_CLASSIC_SUBSYSTEM,
           "group %s: generation %d as member %s%s, %zu partitions by %s: %s",
           c->context.settings->group_id, (int)c->generation, c->member_id,
           c->record.is_leader ? " (leader)" : "", c->partitions->assigned_count,
           c->assignor->name, c->record.trigger);
    dh_classic_state_set(c, DH_CLASSIC_APPLYING);
    return DH_SETTLED_DONE;
}

static enum dh_settled sync_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                     int64_t now_ns)
{
    struct dh_classic *c = DH_CONTAINER_OF(op, struct dh_classic, sync_op);
    DH_ASSERT(c->state == DH_CLASSIC_SYNCING);
    if (reply->err != 0) {
        return join_unanswered(c, reply, "SyncGroup", now_ns);
    }
    const struct dh_sync_group_response *response = reply->response;
    enum dh_reaction reaction = dh_reaction_of(DH_API_SYNC_GROUP, response->error_code);
    if (reaction == DH_REACTION_NONE) {
        dh_classic_session_extend(c, now_ns);
        return sync_accept(c, response, now_ns);
    }
    c->is_join_anonymous = false;
    enum dh_settled settled = join_refused(c, reaction, response->error_code,
                                           reply->node_id, "SyncGroup", now_ns);
    if (reaction == DH_REACTION_REJOIN) {
        dh_classic_step_soon(c, now_ns); // the group is joining now: do not come late
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
    dh_classic_step(DH_CONTAINER_OF(op, struct dh_classic, sync_op), now_ns);
}

const struct dh_op_class dh_classic_sync_class = {
    .name = "SyncGroup",
    .api_key = DH_API_SYNC_GROUP,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = sync_fill,
    .on_reply = sync_on_reply,
    .on_due = sync_on_due,
};
