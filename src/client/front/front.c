// SPDX-License-Identifier: MIT
#include "client/front/front.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "client/front/front_state.h"

struct dh_front *dh_front_new(const struct dh_front_options *options)
{
    struct dh_front *front = dh_mem_calloc(options->mem, 1, sizeof(*front));
    if (front == NULL) {
        return NULL;
    }
    front->mem = options->mem;
    front->log = options->log;
    front->settings = options->settings;
    dh_list_init(&front->out);
    dh_list_init(&front->calls);
    dh_list_init(&front->ownership);
    dh_list_init(&front->errors);
    dh_interest_init(&front->interest, front->mem);
    dh_assignment_init(&front->assignment, front->mem, &front->out);
    dh_record_set_init(&front->set, front->mem,
                       (size_t)front->settings->max_poll_records);
    dh_commit_log_init(&front->commits);
    front->auto_commit.is_enabled =
        front->settings->enable_auto_commit && front->settings->group_id != NULL;
    front->auto_commit.next_ns =
        dh_deadline_after_ms(options->now_ns, front->settings->auto_commit_interval_ms);
    front->generation = -1;
    front->close_command = dh_mem_calloc(front->mem, 1, sizeof(*front->close_command));
    if (front->close_command == NULL) {
        dh_front_free(front);
        return NULL;
    }
    front->close_command->message.kind = DH_COMMAND_CLOSE;
    front->close_command->message.size = sizeof(*front->close_command);
    return front;
}

static void free_messages(struct dh_front *front, struct dh_list *list)
{
    for (struct dh_link *link; (link = dh_list_pop_front(list)) != NULL;) {
        dh_message_free(front->mem, DH_CONTAINER_OF(link, struct dh_message, link));
    }
}

void dh_front_free(struct dh_front *front)
{
    if (front == NULL) {
        return;
    }
    DH_ASSERT(dh_list_is_empty(&front->calls));
    // Commits that are still on their way out are freed with the queue they are in.
    dh_commit_log_deinit(&front->commits, front->mem);
    free_messages(front, &front->out);
    free_messages(front, &front->ownership);
    free_messages(front, &front->errors);
    if (front->assign_wish != NULL) {
        dh_message_free(front->mem, &front->assign_wish->command.message);
    }
    if (front->close_command != NULL) {
        dh_message_free(front->mem, &front->close_command->message);
    }
    dh_message_free(front->mem, front->kept_answer);
    dh_record_set_deinit(&front->set);
    dh_assignment_deinit(&front->assignment);
    dh_interest_deinit(&front->interest);
    dh_mem_free(front->mem, front->view, front->view_capacity * sizeof(*front->view));
    dh_mem_free(front->mem, front->callback_view,
                front->callback_capacity * sizeof(*front->callback_view));
    dh_mem_free(front->mem, front, sizeof(*front));
}

// ---- Errors ----

static void clear_error(struct dh_front *front)
{
    dohle_error_info *error = &front->error;
    error->code = 0;
    error->broker_code = 0;
    error->node_id = -1;
    error->partition = -1;
    error->offset = -1;
    error->topic[0] = '\0';
    error->text[0] = '\0';
}

int dh_front_fail(struct dh_front *front, int code, const char *format, ...)
{
    clear_error(front);
    front->error.code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(front->error.text, sizeof(front->error.text), format, arguments);
    va_end(arguments);
    return code;
}

int dh_front_fail_partition(struct dh_front *front, int code, const char *topic,
                            int32_t partition, const char *why)
{
    dh_front_fail(front, code, "%s-%d: %s", topic, partition, why);
    snprintf(front->error.topic, sizeof(front->error.topic), "%s", topic);
    front->error.partition = partition;
    return code;
}

int dh_front_fail_as(struct dh_front *front, const dohle_error_info *info)
{
    front->error = *info;
    return info->code;
}

static int no_memory(struct dh_front *front)
{
    return dh_front_fail(front, DOHLE_ERR_NO_MEMORY, "%s",
                         dohle_error_text(DOHLE_ERR_NO_MEMORY));
}

// ---- Input ----

// Answers the call that waits for this command. False: nobody does.
static bool answer_call(struct dh_front *front, const struct dh_message *message)
{
    DH_LIST_EACH(link, &front->calls)
    {
        struct dh_call *call = DH_CONTAINER_OF(link, struct dh_call, link);
        if (call->awaited == message) {
            call->is_answered = true;
            return true;
        }
    }
    return false;
}

static void on_commit(struct dh_front *front, struct dh_message *message, int64_t now_ns)
{
    struct dh_commit *commit = dh_commit_of(message);
    commit->is_out = false;
    if (commit == front->auto_commit.in_flight) {
        dh_auto_commit_on_answer(front, now_ns);
        return;
    }
    // Told already, when close ran out of time.
    if (!dh_link_is_linked(&commit->link)) {
        dh_message_free(front->mem, message);
        return;
    }
    commit->is_done = true;
}

// Whether no other assignment or subscription was wished since.
static bool is_current_assign(const struct dh_front *front,
                              const struct dh_front_assign *assign)
{
    return front->interest.mode == DH_INTEREST_ASSIGNED && front->assign_wish == NULL &&
           assign->serial == front->assign_serial;
}

static void on_assigned_by_hand(struct dh_front *front, struct dh_message *message)
{
    struct dh_front_assign *assign =
        DH_CONTAINER_OF(message, struct dh_front_assign, command.message);
    if (assign->command.err == DOHLE_ERR_NO_MEMORY && is_current_assign(front, assign)) {
        front->own_error = DOHLE_ERR_NO_MEMORY;
        assign->command.err = 0;
        front->assign_wish = assign; // the next call that needs it sends it again
        return;
    }
    if (assign->command.err != 0) {
        front->own_error = assign->command.err;
    } else {
        for (uint32_t i = 0; i < assign->command.count; i++) {
            const struct dh_named_partition *named = &assign->command.partitions[i];
            struct dh_owned *row =
                dh_assignment_find(&front->assignment, named->topic, named->partition);
            // A row of a later assignment waits for that one's answer.
            if (row != NULL && row->serial != 0 && row->serial <= assign->serial) {
                if (dh_assignment_reserve(&front->assignment, 0,
                                          (size_t)named->slot + 1) != 0) {
                    dh_log(front->log, DOHLE_LOG_WARNING, "assignment",
                           "%s-%d: no memory for its slot, found by a walk from now on",
                           row->topic, row->partition);
                }
                dh_assignment_bind(&front->assignment, row, named->slot,
                                   named->assignment);
            }
        }
    }
    dh_message_free(front->mem, message);
}

static void on_chunk(struct dh_front *front, struct dh_message *message)
{
    struct dh_chunk *chunk = DH_CONTAINER_OF(message, struct dh_chunk, message);
    struct dh_owned *row =
        dh_assignment_current(&front->assignment, chunk->slot, chunk->term);
    if (row == NULL || row->is_revoking) {
        dh_front_post(front, message);
        return;
    }
    dh_assignment_push(&front->assignment, row, chunk);
}

static void on_position(struct dh_front *front, struct dh_message *message)
{
    const struct dh_notice_position *notice =
        DH_CONTAINER_OF(message, struct dh_notice_position, message);
    struct dh_owned *row =
        dh_assignment_current(&front->assignment, notice->slot, notice->term);
    if (row != NULL) {
        row->is_held = notice->is_held;
        if (notice->offset >= 0) {
            row->position = notice->offset;
            row->position_epoch = notice->leader_epoch;
        }
        row->is_position_valid = row->position >= 0 && !row->is_held;
        dh_assignment_update(&front->assignment, row);
    }
    dh_front_post(front, message);
}

static void on_partition_error(struct dh_front *front, struct dh_message *message)
{
    struct dh_notice_partition_error *notice =
        DH_CONTAINER_OF(message, struct dh_notice_partition_error, message);
    struct dh_owned *row =
        dh_assignment_current(&front->assignment, notice->slot, notice->term);
    if (row == NULL || row->is_revoking) {
        dh_front_post(front, message);
        return;
    }
    // A record that makes no sense, found here, comes before anything that is behind it.
    if (row->error != NULL && row->is_error_first) {
        dh_front_post(front, message);
        return;
    }
    bool is_first = notice->error.code == DOHLE_ERR_LOG_TRUNCATION;
    if (is_first) {
        row->is_held = false;
    }
    dh_assignment_set_error(&front->assignment, row, notice, is_first, false);
}

static void on_topics(struct dh_front *front, struct dh_message *message)
{
    struct dh_notice_topics *notice =
        DH_CONTAINER_OF(message, struct dh_notice_topics, message);
    struct dh_interest *interest = &front->interest;
    if (interest->mode != DH_INTEREST_PATTERN || front->leaves_pending > 0) {
        dh_front_post(front, message);
        return;
    }
    if (interest->matched != NULL) {
        dh_front_post(front, &interest->matched->message);
    }
    interest->matched = notice;
}

void dh_front_input(struct dh_front *front, struct dh_message *message, int64_t now_ns)
{
    DH_ASSERT(!dh_link_is_linked(&message->link));
    switch (message->kind) {
    case DH_COMMAND_SUBSCRIBE: {
        struct dh_command_subscribe *command =
            DH_CONTAINER_OF(message, struct dh_command_subscribe, message);
        if (command->err != 0) {
            front->own_error = command->err;
        }
        dh_interest_on_answer(&front->interest, command);
        break;
    }
    case DH_COMMAND_UNSUBSCRIBE:
    case DH_COMMAND_CLOSE:
        DH_ASSERT(front->leaves_pending > 0);
        front->leaves_pending--;
        if (!answer_call(front, message)) {
            dh_message_free(front->mem, message);
        }
        break;
    case DH_COMMAND_ASSIGN: on_assigned_by_hand(front, message); break;
    case DH_COMMAND_COMMIT: on_commit(front, message, now_ns); break;
    case DH_COMMAND_COMMITTED:
    case DH_COMMAND_LIST_OFFSETS:
    case DH_COMMAND_TOPICS:
    case DH_COMMAND_IDLE_REASON:
        if (!answer_call(front, message)) {
            dh_message_free(front->mem, message);
        }
        break;
    case DH_COMMAND_SEEK:
    case DH_COMMAND_PAUSE:
    case DH_COMMAND_FIND:
    case DH_COMMAND_REBALANCE: dh_message_free(front->mem, message); break;
    case DH_NOTICE_CHUNK: on_chunk(front, message); break;
    case DH_NOTICE_POSITION: on_position(front, message); break;
    case DH_NOTICE_PARTITION_ERROR: on_partition_error(front, message); break;
    case DH_NOTICE_ERROR: dh_list_push_back(&front->errors, &message->link); break;
    case DH_NOTICE_REVOKE:
    case DH_NOTICE_LOSE:
    case DH_NOTICE_ASSIGN:
        dh_ownership_take(front,
                          DH_CONTAINER_OF(message, struct dh_notice_ownership, message));
        break;
    case DH_NOTICE_TOPICS: on_topics(front, message); break;
    case DH_NOTICE_TROUBLE:
        snprintf(front->trouble, sizeof(front->trouble), "%s",
                 DH_CONTAINER_OF(message, struct dh_notice_trouble, message)->text);
        dh_front_post(front, message);
        break;
    }
}

struct dh_message *dh_front_next_action(struct dh_front *front)
{
    struct dh_link *link = dh_list_pop_front(&front->out);
    return link == NULL ? NULL : DH_CONTAINER_OF(link, struct dh_message, link);
}

// ---- Wishes ----

void dh_front_send_wishes(struct dh_front *front, bool with_subscription)
{
    struct dh_interest *interest = &front->interest;
    if (front->assign_wish != NULL) {
        dh_front_post(front, &front->assign_wish->command.message);
        front->assign_wish = NULL;
        interest->is_sent = true;
    }
    if (!with_subscription) {
        return;
    }
    struct dh_command_subscribe *command = dh_interest_send(interest);
    if (command != NULL) {
        dh_front_post(front, &command->message);
    }
    if (interest->rebalance_wish != NULL) {
        dh_front_post(front, &interest->rebalance_wish->message);
        interest->rebalance_wish = NULL;
    }
}

// API-010, API-102. Returns 0 when a subscription may be made.
static int check_subscribe(struct dh_front *front)
{
    if (front->is_closed) {
        return dh_front_fail(front, DOHLE_ERR_CLOSED, "the consumer is closed");
    }
    if (front->settings->group_id == NULL) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_GROUP,
                             "to subscribe, group.id must be set");
    }
    if (front->interest.mode == DH_INTEREST_ASSIGNED) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                             "partitions are assigned by hand: unsubscribe first");
    }
    return 0;
}

// Records of topics that are not subscribed any more stop at once; they stay buffered,
// for the subscription may change again before the group does.
static void apply_subscription(struct dh_front *front)
{
    struct dh_assignment *assignment = &front->assignment;
    for (size_t i = 0; i < assignment->count; i++) {
        struct dh_owned *row = assignment->sorted[i];
        row->is_unsubscribed = !dh_interest_wants(&front->interest, row->topic);
        dh_assignment_update(assignment, row);
    }
}

int dh_front_subscribe(struct dh_front *front, const char *const *topics, size_t count,
                       bool has_listener)
{
    int err = check_subscribe(front);
    if (err != 0) {
        return err;
    }
    if (front->interest.mode == DH_INTEREST_PATTERN) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                             "subscribed to a pattern: unsubscribe first");
    }
    if (count == 0) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT, "no topics");
    }
    for (size_t i = 0; i < count; i++) {
        if (topics[i] == NULL || topics[i][0] == '\0') {
            return dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT,
                                 "the name of topic %zu is empty", i);
        }
    }
    err = dh_interest_set_topics(&front->interest, topics, count, has_listener);
    if (err != 0) {
        return no_memory(front);
    }
    apply_subscription(front);
    return 0;
}

int dh_front_subscribe_pattern(struct dh_front *front, const char *pattern,
                               bool has_listener)
{
    int err = check_subscribe(front);
    if (err != 0) {
        return err;
    }
    if (front->interest.mode == DH_INTEREST_TOPICS) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                             "subscribed to topics: unsubscribe first");
    }
    if (pattern == NULL || pattern[0] == '\0') {
        return dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT, "the pattern is empty");
    }
    char text[DH_PATTERN_ERROR_SIZE];
    text[0] = '\0';
    err = dh_interest_set_pattern(&front->interest, pattern, has_listener, text);
    if (err == DOHLE_ERR_NO_MEMORY) {
        return no_memory(front);
    }
    if (err != 0) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT, "pattern \"%.200s\": %s",
                             pattern, text[0] == '\0' ? dohle_error_text(err) : text);
    }
    apply_subscription(front);
    return 0;
}

static int check_names(struct dh_front *front, const dohle_topic_partition *partitions,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (partitions[i].topic == NULL || partitions[i].topic[0] == '\0' ||
            partitions[i].partition < 0) {
            return dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT,
                                 "partition %zu of the list has no topic or a negative "
                                 "number",
                                 i);
        }
    }
    return 0;
}

// Takes out the rows that the assignment of this serial brought: it failed.
static void undo_assign(struct dh_front *front, uint64_t serial)
{
    struct dh_assignment *assignment = &front->assignment;
    for (size_t i = assignment->count; i-- > 0;) {
        if (assignment->sorted[i]->serial == serial) {
            dh_assignment_remove(assignment, assignment->sorted[i]);
        }
    }
}

// The command for all rows marked with the serial. NULL: no memory.
static struct dh_front_assign *assign_command(struct dh_front *front, uint64_t serial)
{
    const struct dh_assignment *assignment = &front->assignment;
    size_t size = sizeof(struct dh_front_assign);
    uint32_t count = 0;
    for (size_t i = 0; i < assignment->count; i++) {
        const struct dh_owned *row = assignment->sorted[i];
        if (row->mark == serial) {
            size += sizeof(struct dh_named_partition) + strlen(row->topic) + 1;
            count++;
        }
    }
    if (size > UINT32_MAX) {
        return NULL;
    }
    struct dh_front_assign *assign = dh_mem_calloc(front->mem, 1, size);
    if (assign == NULL) {
        return NULL;
    }
    assign->command.message.kind = DH_COMMAND_ASSIGN;
    assign->command.message.size = (uint32_t)size;
    assign->command.count = count;
    assign->command.partitions = assign->partitions;
    assign->serial = serial;
    char *text = (char *)&assign->partitions[count];
    uint32_t next = 0;
    for (size_t i = 0; i < assignment->count; i++) {
        const struct dh_owned *row = assignment->sorted[i];
        if (row->mark == serial) {
            size_t text_size = strlen(row->topic) + 1;
            memcpy(text, row->topic, text_size);
            assign->partitions[next].topic = text;
            assign->partitions[next].partition = row->partition;
            text += text_size;
            next++;
        }
    }
    return assign;
}

int dh_front_assign(struct dh_front *front, const dohle_topic_partition *partitions,
                    size_t count, int64_t now_ns)
{
    if (front->is_closed) {
        return dh_front_fail(front, DOHLE_ERR_CLOSED, "the consumer is closed");
    }
    struct dh_interest *interest = &front->interest;
    if (interest->mode == DH_INTEREST_TOPICS || interest->mode == DH_INTEREST_PATTERN) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                             "subscribed: unsubscribe first");
    }
    int err = check_names(front, partitions, count);
    if (err != 0) {
        return err;
    }
    dh_auto_commit_tick(front, now_ns);
    uint64_t serial = ++front->assign_serial;
    struct dh_assignment *assignment = &front->assignment;
    bool has_new = false;
    for (size_t i = 0; i < count; i++) {
        struct dh_owned *row =
            dh_assignment_find(assignment, partitions[i].topic, partitions[i].partition);
        if (row == NULL) {
            has_new = true;
            row = dh_assignment_add(assignment, partitions[i].topic,
                                    partitions[i].partition);
            if (row == NULL) {
                undo_assign(front, serial);
                return no_memory(front);
            }
            row->serial = serial;
        }
        row->mark = serial;
    }
    struct dh_front_assign *assign = assign_command(front, serial);
    if (assign == NULL) {
        undo_assign(front, serial);
        return no_memory(front);
    }
    for (size_t i = assignment->count; i-- > 0;) {
        if (assignment->sorted[i]->mark != serial) {
            dh_assignment_remove(assignment, assignment->sorted[i]);
        }
    }
    if (has_new) {
        // One that was given up and comes back begins anew: the back half must hear of both.
        dh_front_send_wishes(front, false);
    } else if (front->assign_wish != NULL) {
        dh_message_free(front->mem, &front->assign_wish->command.message);
    }
    front->assign_wish = assign;
    interest->mode = DH_INTEREST_ASSIGNED;
    return 0;
}

static int not_assigned(struct dh_front *front, const char *topic, int32_t partition)
{
    if (topic == NULL) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT, "the topic is missing");
    }
    return dh_front_fail_partition(front, DOHLE_ERR_NOT_ASSIGNED, topic, partition,
                                   "not assigned to this consumer");
}

static struct dh_owned *find(const struct dh_front *front, const char *topic,
                             int32_t partition)
{
    return topic == NULL ? NULL
                         : dh_assignment_find(&front->assignment, topic, partition);
}

int dh_front_seek_row(struct dh_front *front, struct dh_owned *row,
                      enum dh_seek_target target, int64_t offset, int32_t leader_epoch)
{
    struct dh_command_seek *command = dh_mem_calloc(front->mem, 1, sizeof(*command));
    if (command == NULL) {
        return no_memory(front);
    }
    command->message.kind = DH_COMMAND_SEEK;
    command->message.size = sizeof(*command);
    row->term.position = ++front->assignment.position_last;
    command->term.position = row->term.position;
    command->target = target;
    command->offset = target == DH_SEEK_OFFSET ? offset : -1;
    command->leader_epoch = target == DH_SEEK_OFFSET ? leader_epoch : -1;
    row->position = target == DH_SEEK_OFFSET ? offset : -1;
    row->position_epoch = command->leader_epoch;
    // With an epoch the back half checks the offset against the log first (API-112).
    row->is_position_valid = target == DH_SEEK_OFFSET && leader_epoch < 0;
    row->is_held = false;
    dh_assignment_discard(&front->assignment, row);
    dh_assignment_send_seek(&front->assignment, row, command);
    return 0;
}

int dh_front_seek(struct dh_front *front, const char *topic, int32_t partition,
                  enum dh_seek_target target, int64_t offset, int32_t leader_epoch)
{
    if (target == DH_SEEK_OFFSET && offset < 0) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT, "offset %lld is negative",
                             (long long)offset);
    }
    struct dh_owned *row = find(front, topic, partition);
    if (row == NULL) {
        return not_assigned(front, topic, partition);
    }
    return dh_front_seek_row(front, row, target, offset, leader_epoch);
}

// Whether all are owned.
static int check_owned(struct dh_front *front, const dohle_topic_partition *partitions,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (find(front, partitions[i].topic, partitions[i].partition) == NULL) {
            return not_assigned(front, partitions[i].topic, partitions[i].partition);
        }
    }
    return 0;
}

int dh_front_seek_all(struct dh_front *front, const dohle_topic_partition *partitions,
                      size_t count, enum dh_seek_target target)
{
    int err = check_owned(front, partitions, count);
    if (count == 0) {
        for (size_t i = 0; err == 0 && i < front->assignment.count; i++) {
            err = dh_front_seek_row(front, front->assignment.sorted[i], target, -1, -1);
        }
    }
    for (size_t i = 0; err == 0 && i < count; i++) {
        err = dh_front_seek(front, partitions[i].topic, partitions[i].partition, target,
                            -1, -1);
    }
    return err;
}

static int pause_row(struct dh_front *front, struct dh_owned *row, bool paused)
{
    if (row->is_paused == paused) {
        return 0;
    }
    struct dh_command_pause *command = dh_mem_calloc(front->mem, 1, sizeof(*command));
    if (command == NULL) {
        return no_memory(front);
    }
    command->message.kind = DH_COMMAND_PAUSE;
    command->message.size = sizeof(*command);
    command->paused = paused;
    row->is_paused = paused;
    dh_assignment_update(&front->assignment, row);
    dh_assignment_send_pause(&front->assignment, row, command);
    return 0;
}

int dh_front_pause(struct dh_front *front, const dohle_topic_partition *partitions,
                   size_t count, bool paused)
{
    int err = check_owned(front, partitions, count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        struct dh_owned *row = find(front, partitions[i].topic, partitions[i].partition);
        DH_ASSERT(row != NULL);
        err = pause_row(front, row, paused);
    }
    return err;
}

int dh_front_enforce_rebalance(struct dh_front *front, const char *reason)
{
    struct dh_interest *interest = &front->interest;
    if (interest->mode != DH_INTEREST_TOPICS && interest->mode != DH_INTEREST_PATTERN) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                             "only a subscribed consumer takes part in rebalances");
    }
    struct dh_command_rebalance *command = interest->rebalance_wish;
    if (command == NULL) {
        command = dh_mem_calloc(front->mem, 1, sizeof(*command));
        if (command == NULL) {
            return no_memory(front);
        }
        command->message.kind = DH_COMMAND_REBALANCE;
        command->message.size = sizeof(*command);
        interest->rebalance_wish = command;
    }
    snprintf(command->reason, sizeof(command->reason), "%s",
             reason == NULL || reason[0] == '\0' ? "rebalance enforced by user" : reason);
    return 0;
}

void dh_front_wakeup(struct dh_front *front)
{
    front->is_woken = true;
}

// ---- Queries ----

const struct dh_record_set *dh_front_records(const struct dh_front *front)
{
    return &front->set;
}

int dh_front_partitions(struct dh_front *front, bool only_paused,
                        const dohle_topic_partition **partitions, size_t *count)
{
    const struct dh_assignment *assignment = &front->assignment;
    size_t used = 0;
    if (assignment->count > 0 &&
        dh_mem_grow(front->mem, &front->view, &front->view_capacity, assignment->count,
                    sizeof(*front->view)) != 0) {
        return no_memory(front);
    }
    for (size_t i = 0; i < assignment->count; i++) {
        const struct dh_owned *row = assignment->sorted[i];
        if (!only_paused || row->is_paused) {
            front->view[used++] = (dohle_topic_partition){row->topic, row->partition};
        }
    }
    *partitions = front->view;
    *count = used;
    return 0;
}

void dh_front_topics(const struct dh_front *front, const char *const **topics,
                     size_t *count)
{
    const struct dh_interest *interest = &front->interest;
    *topics = NULL;
    *count = 0;
    if (interest->mode == DH_INTEREST_TOPICS) {
        *topics = (const char *const *)interest->topics->items;
        *count = interest->topics->count;
    } else if (interest->matched != NULL) {
        *topics = interest->matched->topics;
        *count = interest->matched->topic_count;
    }
}

int dh_front_lag(struct dh_front *front, const char *topic, int32_t partition,
                 int64_t *lag)
{
    const struct dh_owned *row = find(front, topic, partition);
    if (row == NULL) {
        return not_assigned(front, topic, partition);
    }
    if (row->position < 0 || row->high_watermark < 0) {
        *lag = -1;
    } else {
        *lag =
            row->high_watermark > row->position ? row->high_watermark - row->position : 0;
    }
    return 0;
}

void dh_front_member(const struct dh_front *front, const char **member_id,
                     int32_t *generation)
{
    *member_id = front->member_id;
    *generation = front->generation;
}

const struct dh_last_rebalance *dh_front_last_rebalance(const struct dh_front *front)
{
    return front->has_rebalance ? &front->rebalance : NULL;
}

bool dh_front_is_ready(const struct dh_front *front, int64_t now_ns)
{
    if (front->is_closed) {
        return false;
    }
    bool is_commit_done = false;
    struct dh_link *link = dh_list_first(&front->commits.entries);
    if (link != NULL) {
        is_commit_done = DH_CONTAINER_OF(link, struct dh_commit, link)->is_done;
    }
    bool is_owner_changing =
        !dh_list_is_empty(&front->ownership) &&
        (front->ownership_phase != DH_OWNERSHIP_COMMITTING ||
         front->auto_commit.in_flight == NULL || now_ns >= front->ownership_deadline_ns);
    return front->is_woken || is_commit_done || is_owner_changing ||
           front->own_error != 0 || !dh_list_is_empty(&front->errors) ||
           !dh_list_is_empty(&front->assignment.ready) || dh_front_due(front) <= now_ns;
}

int64_t dh_front_due(const struct dh_front *front)
{
    const struct dh_auto_commit *automatic = &front->auto_commit;
    bool is_waiting = automatic->is_enabled && automatic->in_flight == NULL &&
                      front->assignment.count > 0;
    return is_waiting ? automatic->next_ns : DH_NEVER;
}

const dohle_error_info *dh_front_error(const struct dh_front *front)
{
    return &front->error;
}

bool dh_front_is_subscribed(const struct dh_front *front)
{
    return front->interest.mode != DH_INTEREST_NONE;
}

bool dh_front_is_closed(const struct dh_front *front)
{
    return front->is_closed;
}

void dh_front_check(const struct dh_front *front)
{
    dh_assignment_check(&front->assignment);
    DH_ASSERT(front->ownership_phase == DH_OWNERSHIP_NEW ||
              !dh_list_is_empty(&front->ownership));
    DH_ASSERT(front->interest.mode != DH_INTEREST_TOPICS ||
              front->interest.topics != NULL);
    DH_ASSERT(front->assign_wish == NULL || front->interest.mode == DH_INTEREST_ASSIGNED);
    DH_ASSERT(front->set.count <= front->set.count_max);
}
