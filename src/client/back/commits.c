// SPDX-License-Identifier: MIT
#include "client/back/commits.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/settings.h"
#include "client/back/cluster.h"
#include "client/back/coordinator_link.h"
#include "client/back/outbox.h"
#include "client/back/reactions.h"
#include "wire/api.h"
#include "wire/broker_error.h"
#include "wire/gen/offset_commit.h"

#define SUBSYSTEM "commits"

// The first version that names topics by id.
#define TOPIC_ID_VERSION 10

static void queue_advance(struct dh_commits *commits, int64_t now_ns);

// ---- Answers ----

static struct dh_command_commit *commit_of(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_command_commit, message.link);
}

static struct dh_command_commit *queue_first(const struct dh_commits *commits)
{
    struct dh_link *link = dh_list_first(&commits->queue);
    return link == NULL ? NULL : commit_of(link);
}

static void answer(struct dh_commits *commits, struct dh_command_commit *command)
{
    dh_list_remove(&command->message.link);
    commits->count--;
    if (command->error.code != 0) {
        dh_log(commits->context.log, DOHLE_LOG_DEBUG, SUBSYSTEM, "%s",
               command->error.text);
    }
    dh_outbox_post(commits->context.outbox, &command->message);
}

// Fills in the error, with a sentence: "commit of group X: ...".
static void error_set(const struct dh_commits *commits, struct dh_command_commit *command,
                      int code, int16_t broker_code, const char *why)
{
    const char *group_id = commits->context.settings->group_id;
    command->error = (dohle_error_info){
        .code = code,
        .broker_code = broker_code,
        .node_id = dh_coordinator_node(commits->link),
        .partition = -1,
        .offset = -1,
    };
    (void)snprintf(command->error.text, sizeof(command->error.text),
                   "commit of group %s: %s%s%s", group_id == NULL ? "" : group_id,
                   dohle_error_text(code), why[0] == '\0' ? "" : ": ", why);
}

static void fail(struct dh_commits *commits, struct dh_command_commit *command, int code,
                 const char *why)
{
    error_set(commits, command, code, 0, why);
    answer(commits, command);
}

// A failure that passes: what those are told who do not wait for it to pass.
static int passing_code(const struct dh_command_commit *command)
{
    return command->is_retried ? DOHLE_ERR_TIMEOUT : DOHLE_ERR_RETRIABLE_COMMIT_FAILED;
}

// ---- Deadlines ----

// The earliest deadline of all; commands are in order of calls, not of deadlines.
static void alarm_update(struct dh_commits *commits)
{
    int64_t earliest_ns = DH_NEVER;
    DH_LIST_EACH(link, &commits->queue)
    {
        earliest_ns = dh_earlier(earliest_ns, commit_of(link)->deadline_ns);
    }
    dh_alarm_set(&commits->alarm, commits->context.alarms, earliest_ns);
}

static void on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_commits *commits = DH_CONTAINER_OF(alarm, struct dh_commits, alarm);
    const struct dh_command_commit *first = queue_first(commits);
    bool is_first_due = first != NULL && first->deadline_ns <= now_ns;
    const char *why = dh_requests_why_waiting(commits->context.requests);
    if (is_first_due && commits->op.state != DH_OP_IDLE) {
        // What was sent cannot be taken back; whoever waits is told that it is unknown.
        dh_op_deinit(&commits->op, commits->context.requests);
        int err = dh_op_init(&commits->op, commits->op.cls, commits->context.requests);
        DH_ASSERT(err == 0); // the place has just been given back
    }
    DH_LIST_EACH_SAFE(link, next, &commits->queue)
    {
        struct dh_command_commit *command = commit_of(link);
        if (command->deadline_ns <= now_ns) {
            fail(commits, command, passing_code(command), why);
        }
    }
    queue_advance(commits, now_ns);
}

// ---- The request ----

struct by_topic {
    const dohle_offset *offset;
};

static int by_topic_compare(const void *a, const void *b)
{
    const dohle_offset *left = ((const struct by_topic *)a)->offset;
    const dohle_offset *right = ((const struct by_topic *)b)->offset;
    int order = strcmp(left->topic, right->topic);
    if (order != 0) {
        return order;
    }
    return (left->partition > right->partition) - (left->partition < right->partition);
}

static int topics_fill(const struct dh_commits *commits,
                       const struct dh_command_commit *command, int16_t version,
                       struct dh_offset_commit_request *request, struct dh_arena *arena)
{
    size_t count = command->count;
    struct by_topic *sorted = dh_arena_calloc(arena, count, sizeof(*sorted));
    request->topics.items = dh_arena_calloc(arena, count, sizeof(*request->topics.items));
    struct dh_offset_commit_request_topic_partition *partitions =
        dh_arena_calloc(arena, count, sizeof(*partitions));
    if (sorted == NULL || request->topics.items == NULL || partitions == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i].offset = &command->offsets[i];
    }
    qsort(sorted, count, sizeof(*sorted), by_topic_compare);
    struct dh_offset_commit_request_topic *topic = request->topics.items;
    for (size_t i = 0; i < count; i++) {
        const dohle_offset *offset = sorted[i].offset;
        if (i == 0 || strcmp(sorted[i - 1].offset->topic, offset->topic) != 0) {
            topic = &request->topics.items[request->topics.count++];
            topic->name = dh_bytes_of(offset->topic);
            topic->partitions.items = &partitions[i];
            const struct dh_cluster_topic *known =
                dh_cluster_topic(commits->context.cluster, offset->topic);
            if (version >= TOPIC_ID_VERSION && known == NULL) {
                return DOHLE_ERR_UNKNOWN_TOPIC; // forgotten since the version was chosen
            }
            if (known != NULL) {
                topic->topic_id = known->id;
            }
        }
        topic->partitions.count++;
        partitions[i].partition_index = offset->partition;
        partitions[i].committed_offset = offset->offset;
        partitions[i].committed_leader_epoch = offset->leader_epoch;
        partitions[i].committed_metadata =
            offset->metadata.data == NULL ? DH_BYTES("") : offset->metadata;
    }
    return 0;
}

static enum dh_commit_permission permission(const struct dh_commits *commits)
{
    return commits->membership == NULL
               ? DH_COMMIT_MAY
               : commits->membership->cls->commit_permission(commits->membership);
}

// 0, or the error with which a commit is refused without asking (5.1, commit rule).
static int refusal(const struct dh_commits *commits)
{
    switch (permission(commits)) {
    case DH_COMMIT_MAY: return 0;
    case DH_COMMIT_REBALANCING: return DOHLE_ERR_REBALANCE_IN_PROGRESS;
    case DH_COMMIT_MAY_NOT: return DOHLE_ERR_COMMIT_FAILED;
    }
    return DOHLE_ERR_INTERNAL;
}

static struct dh_identity identity_of(const struct dh_commits *commits)
{
    return commits->membership == NULL
               ? (struct dh_identity){"", -1, NULL}
               : commits->membership->cls->identity(commits->membership);
}

/*
 * An automatic commit tells what was done under the generation it was made in. In a later one
 * its partitions may have been somebody else's meanwhile, whose commits are newer.
 */
static bool is_outlived(const struct dh_command_commit *command,
                        const struct dh_identity *identity)
{
    return command->mode == DH_COMMIT_AUTO && command->generation != identity->generation;
}

static int commit_fill(struct dh_op *op, int16_t version, void *message,
                       struct dh_arena *arena, int64_t now_ns)
{
    (void)now_ns;
    struct dh_commits *commits = DH_CONTAINER_OF(op, struct dh_commits, op);
    struct dh_offset_commit_request *request = message;
    const struct dh_command_commit *command = queue_first(commits);
    DH_ASSERT(command != NULL);
    int refused = refusal(commits); // the group may have moved while we waited
    if (refused != 0) {
        return refused;
    }
    struct dh_identity identity = identity_of(commits);
    if (is_outlived(command, &identity)) {
        return DOHLE_ERR_COMMIT_FAILED;
    }
    commits->sent_generation = identity.generation;
    request->group_id = dh_bytes_of(commits->context.settings->group_id);
    request->generation_id_or_member_epoch = identity.generation;
    request->member_id = dh_bytes_of(identity.member_id);
    request->group_instance_id = dh_bytes_of(identity.instance_id);
    return topics_fill(commits, command, version, request, arena);
}

// ---- The response ----

// Of the codes in one response, the one that decides: what retrying cannot mend.
struct verdict {
    enum dh_reaction reaction;
    int16_t broker_code;
    dohle_bytes topic;
    int32_t partition;
    int32_t answered;
};

// Which reaction outweighs which; the table's order within is the response's.
static int weight(enum dh_reaction reaction)
{
    switch (reaction) {
    case DH_REACTION_NONE: return 0;
    case DH_REACTION_RETRY: return 1;
    case DH_REACTION_REFRESH: return 2;
    case DH_REACTION_REDISCOVER: return 3;
    case DH_REACTION_REBOOTSTRAP:
    case DH_REACTION_RESET_POSITION:
    case DH_REACTION_RESET_SESSION:
    case DH_REACTION_TAKE_MEMBER_ID:
    case DH_REACTION_LEAVE_OUT:
    case DH_REACTION_REPORT: return 4;
    case DH_REACTION_REJOIN: return 5;
    case DH_REACTION_DROP_GENERATION:
    case DH_REACTION_DROP_MEMBER: return 6;
    case DH_REACTION_FENCED: return 7;
    }
    return 0;
}

static dohle_bytes topic_name(const struct dh_commits *commits,
                              const struct dh_offset_commit_response_topic *topic)
{
    if (topic->name.size > 0) {
        return topic->name;
    }
    const struct dh_cluster_topic *known =
        dh_cluster_topic_by_id(commits->context.cluster, &topic->topic_id);
    return known == NULL ? DH_BYTES("") : dh_bytes_of(known->name);
}

static struct verdict verdict_of(const struct dh_commits *commits,
                                 const struct dh_offset_commit_response *response)
{
    struct verdict verdict = {.reaction = DH_REACTION_NONE, .partition = -1};
    for (int32_t i = 0; i < response->topics.count; i++) {
        const struct dh_offset_commit_response_topic *topic = &response->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            int16_t code = topic->partitions.items[j].error_code;
            enum dh_reaction reaction = dh_reaction_of(DH_API_OFFSET_COMMIT, code);
            verdict.answered++;
            if (weight(reaction) > weight(verdict.reaction)) {
                verdict.reaction = reaction;
                verdict.broker_code = code;
                verdict.topic = topic_name(commits, topic);
                verdict.partition = topic->partitions.items[j].partition_index;
            }
        }
    }
    return verdict;
}

// Names the partition when the error is about one.
static void refuse(struct dh_commits *commits, struct dh_command_commit *command,
                   int code, const struct verdict *verdict)
{
    char why[400];
    (void)snprintf(why, sizeof(why), "%s (%.*s-%d: %s)",
                   dh_broker_error_text(verdict->broker_code),
                   verdict->topic.size > 249 ? 249 : (int)verdict->topic.size,
                   (const char *)verdict->topic.data, (int)verdict->partition,
                   dohle_broker_error_name(verdict->broker_code));
    error_set(commits, command, code, verdict->broker_code, why);
    (void)snprintf(command->error.topic, sizeof(command->error.topic), "%.*s",
                   (int)verdict->topic.size, (const char *)verdict->topic.data);
    command->error.partition = verdict->partition;
    answer(commits, command);
}

// Something about our membership: 5.1 judges it by the generation that was sent.
static int standing_code(struct dh_commits *commits, const struct verdict *verdict,
                         int64_t now_ns)
{
    bool is_current = true;
    if (commits->membership != NULL) {
        struct dh_identity identity =
            commits->membership->cls->identity(commits->membership);
        is_current = identity.generation == commits->sent_generation;
    }
    bool is_rebalancing = permission(commits) == DH_COMMIT_REBALANCING;
    if (is_current && commits->membership != NULL) {
        commits->membership->cls->on_commit_refused(
            commits->membership, verdict->broker_code, commits->sent_generation, now_ns);
    }
    if (verdict->reaction == DH_REACTION_REJOIN || (!is_current && is_rebalancing)) {
        return DOHLE_ERR_REBALANCE_IN_PROGRESS;
    }
    if (verdict->reaction == DH_REACTION_FENCED && is_current) {
        return DOHLE_ERR_FENCED_INSTANCE;
    }
    return DOHLE_ERR_COMMIT_FAILED;
}

// The topic does not exist any more, as far as metadata knows.
static bool is_topic_gone(const struct dh_commits *commits, const struct verdict *verdict)
{
    char name[256];
    if (verdict->broker_code != DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION ||
        verdict->topic.size >= sizeof(name)) {
        return false;
    }
    if (verdict->topic.size > 0) {
        memcpy(name, verdict->topic.data, verdict->topic.size);
    }
    name[verdict->topic.size] = '\0';
    const struct dh_cluster_topic *known =
        dh_cluster_topic(commits->context.cluster, name);
    return known == NULL || known->broker_code == verdict->broker_code;
}

/*
 * An automatic commit before a revocation holds the rebalance up: it does not
 * wait for a topic that was deleted, which is often why there is a rebalance.
 */
static bool is_worth_a_retry(const struct dh_commits *commits,
                             const struct dh_command_commit *command,
                             const struct verdict *verdict)
{
    return command->is_retried &&
           !(command->mode == DH_COMMIT_AUTO && is_topic_gone(commits, verdict));
}

static enum dh_settled verdict_carry_out(struct dh_commits *commits,
                                         struct dh_command_commit *command,
                                         const struct verdict *verdict, int32_t node_id,
                                         int64_t now_ns)
{
    switch (verdict->reaction) {
    case DH_REACTION_NONE:
        command->error = (dohle_error_info){.node_id = -1, .partition = -1, .offset = -1};
        answer(commits, command);
        return DH_SETTLED_DONE;
    case DH_REACTION_RETRY:
    case DH_REACTION_REFRESH:
    case DH_REACTION_REDISCOVER:
        if (verdict->reaction == DH_REACTION_REDISCOVER) {
            dh_coordinator_lost(commits->link, node_id,
                                dohle_broker_error_name(verdict->broker_code), now_ns);
        }
        if (verdict->reaction == DH_REACTION_REFRESH) {
            dh_cluster_request_update(commits->context.cluster, now_ns);
        }
        if (is_worth_a_retry(commits, command, verdict)) {
            return DH_SETTLED_RETRY;
        }
        refuse(commits, command, DOHLE_ERR_RETRIABLE_COMMIT_FAILED, verdict);
        return DH_SETTLED_FAILED;
    case DH_REACTION_REJOIN:
    case DH_REACTION_DROP_GENERATION:
    case DH_REACTION_DROP_MEMBER:
    case DH_REACTION_FENCED:
        refuse(commits, command, standing_code(commits, verdict, now_ns), verdict);
        return DH_SETTLED_FAILED;
    case DH_REACTION_REBOOTSTRAP:
    case DH_REACTION_RESET_POSITION:
    case DH_REACTION_RESET_SESSION:
    case DH_REACTION_TAKE_MEMBER_ID:
    case DH_REACTION_LEAVE_OUT:
    case DH_REACTION_REPORT:
        refuse(commits, command, dh_reaction_error(verdict->broker_code), verdict);
        return DH_SETTLED_FAILED;
    }
    return DH_SETTLED_FAILED;
}

// No response: the connection, the deadline of the attempt, or our own refusal.
static enum dh_settled unanswered(struct dh_commits *commits,
                                  struct dh_command_commit *command,
                                  const struct dh_reply *reply, int64_t now_ns)
{
    switch (dohle_error_class(reply->err)) {
    case DOHLE_CLASS_REJOIN:
    case DOHLE_CLASS_AUTHORIZATION:
    case DOHLE_CLASS_USAGE:
    case DOHLE_CLASS_FATAL:
        fail(commits, command, reply->err, reply->text);
        return DH_SETTLED_FAILED;
    case DOHLE_CLASS_NO_MEMORY:
    case DOHLE_CLASS_RETRIABLE: break; // ours; the coordinator has done nothing
    case DOHLE_CLASS_PROTOCOL:
        if (reply->err == DOHLE_ERR_UNSUPPORTED_VERSION) {
            fail(commits, command, reply->err, reply->text);
            return DH_SETTLED_FAILED;
        }
        dh_coordinator_lost(commits->link, reply->node_id, reply->text, now_ns);
        break;
    case DOHLE_CLASS_NONE:
    case DOHLE_CLASS_DATA:
    case DOHLE_CLASS_IO:
    case DOHLE_CLASS_TIMEOUT:
    case DOHLE_CLASS_WAKEUP:
    case DOHLE_CLASS_CLOSED:
        dh_coordinator_lost(commits->link, reply->node_id, reply->text, now_ns);
        break;
    }
    if (command->is_retried) {
        return DH_SETTLED_RETRY;
    }
    fail(commits, command, DOHLE_ERR_RETRIABLE_COMMIT_FAILED, reply->text);
    return DH_SETTLED_FAILED;
}

// The next command goes out in a turn of its own: this handler still has the operation.
static void advance_soon(struct dh_commits *commits, int64_t now_ns)
{
    if (commits->count > 0) {
        dh_alarm_set(&commits->alarm, commits->context.alarms, now_ns);
    } else {
        dh_alarm_cancel(&commits->alarm, commits->context.alarms);
    }
}

static enum dh_settled commit_on_reply(struct dh_op *op, const struct dh_reply *reply,
                                       int64_t now_ns)
{
    struct dh_commits *commits = DH_CONTAINER_OF(op, struct dh_commits, op);
    struct dh_command_commit *command = queue_first(commits);
    DH_ASSERT(command != NULL);
    enum dh_settled settled = DH_SETTLED_FAILED;
    if (reply->err != 0) {
        settled = unanswered(commits, command, reply, now_ns);
    } else {
        struct verdict verdict = verdict_of(commits, reply->response);
        if (verdict.answered != (int32_t)command->count) {
            fail(commits, command, DOHLE_ERR_PROTOCOL,
                 "the answer is not about the partitions of the request");
        } else {
            settled =
                verdict_carry_out(commits, command, &verdict, reply->node_id, now_ns);
        }
    }
    if (settled != DH_SETTLED_RETRY) {
        advance_soon(commits, now_ns);
    }
    return settled;
}

static void commit_on_due(struct dh_op *op, int64_t now_ns)
{
    queue_advance(DH_CONTAINER_OF(op, struct dh_commits, op), now_ns);
}

static const struct dh_op_class commit_class = {
    .name = "OffsetCommit",
    .api_key = DH_API_OFFSET_COMMIT,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = commit_fill,
    .on_reply = commit_on_reply,
    .on_due = commit_on_due,
};

// ---- The queue ----

// Topic ids may be used when all are known.
static int16_t version_max(const struct dh_commits *commits,
                           const struct dh_command_commit *command)
{
    const char *checked = NULL;
    for (uint32_t i = 0; i < command->count; i++) {
        const char *topic = command->offsets[i].topic;
        if (checked != NULL && strcmp(checked, topic) == 0) {
            continue;
        }
        const struct dh_cluster_topic *known =
            dh_cluster_topic(commits->context.cluster, topic);
        if (known == NULL || dh_uuid_is_zero(&known->id)) {
            return TOPIC_ID_VERSION - 1;
        }
        checked = topic;
    }
    return -1;
}

// Answers what needs no request, then sends the first of the rest.
static void queue_advance(struct dh_commits *commits, int64_t now_ns)
{
    struct dh_command_commit *command = NULL;
    while (commits->op.state == DH_OP_IDLE && (command = queue_first(commits)) != NULL) {
        int refused = refusal(commits);
        if (command->count == 0) {
            command->error =
                (dohle_error_info){.node_id = -1, .partition = -1, .offset = -1};
            answer(commits, command); // in order, like the others
            continue;
        }
        if (refused != 0) {
            fail(commits, command, refused, "");
            continue;
        }
        int32_t node_id = dh_coordinator_want(commits->link, now_ns);
        if (node_id == DH_NODE_NONE) {
            break; // on_coordinator goes on
        }
        commits->op.version_max = version_max(commits, command);
        dh_op_start(
            &commits->op, commits->context.requests, node_id,
            dh_deadline_after_ms(now_ns, commits->context.settings->request_timeout_ms),
            now_ns);
    }
    alarm_update(commits);
}

void dh_commits_submit(struct dh_commits *commits, struct dh_command_commit *command,
                       int64_t now_ns)
{
    bool is_full = commits->count >= DH_COMMITS_MAX;
    dh_list_push_back(&commits->queue, &command->message.link);
    commits->count++;
    if (is_full) {
        fail(commits, command, DOHLE_ERR_QUEUE_FULL, "");
        return;
    }
    if (commits->context.settings->group_id == NULL) {
        fail(commits, command, DOHLE_ERR_INVALID_GROUP, "group.id is not set");
        return;
    }
    command->generation = identity_of(commits).generation;
    command->is_retried =
        command->mode == DH_COMMIT_SYNC ||
        (command->mode == DH_COMMIT_AUTO && command->deadline_ns != DH_NEVER);
    if (!command->is_retried) {
        int64_t limit_ns = dh_deadline_after_ms(
            now_ns, commits->context.settings->default_api_timeout_ms);
        command->deadline_ns = dh_earlier(command->deadline_ns, limit_ns);
    }
    queue_advance(commits, now_ns);
}

void dh_commits_on_coordinator(struct dh_commits *commits, int32_t node_id,
                               int64_t now_ns)
{
    const dohle_error_info *error = dh_coordinator_error(commits->link);
    if (node_id == DH_NODE_NONE && error != NULL && commits->op.state == DH_OP_IDLE) {
        struct dh_command_commit *command = NULL;
        while ((command = queue_first(commits)) != NULL) {
            command->error = *error;
            answer(commits, command);
        }
    }
    queue_advance(commits, now_ns);
}

void dh_commits_set_membership(struct dh_commits *commits,
                               struct dh_membership *membership)
{
    commits->membership = membership;
}

// ---- Life cycle ----

int dh_commits_init(struct dh_commits *commits, const struct dh_back_context *context,
                    struct dh_coordinator_link *link)
{
    *commits =
        (struct dh_commits){.context = *context, .link = link, .sent_generation = -1};
    dh_list_init(&commits->queue);
    int err = dh_op_init(&commits->op, &commit_class, context->requests);
    if (err != 0) {
        return err;
    }
    err = dh_alarm_init(&commits->alarm, context->alarms, on_alarm);
    if (err != 0) {
        dh_op_deinit(&commits->op, context->requests);
    }
    return err;
}

void dh_commits_deinit(struct dh_commits *commits)
{
    struct dh_command_commit *command = NULL;
    while ((command = queue_first(commits)) != NULL) {
        fail(commits, command, DOHLE_ERR_CLOSED, "");
    }
    dh_op_deinit(&commits->op, commits->context.requests);
    dh_alarm_deinit(&commits->alarm, commits->context.alarms);
}
