// SPDX-License-Identifier: MIT
// The calls that ask: for a position, and what the back half answers.
#include "client/front/calls.h"

#include <string.h>

#include "base/mem.h"
#include "base/time.h"

void dh_front_begin_position(struct dh_front *front, struct dh_call *call,
                             const char *topic, int32_t partition, int64_t deadline_ns)
{
    if (!dh_call_begin(front, call, DH_CALL_POSITION, deadline_ns)) {
        return;
    }
    call->topic = topic;
    call->partition = partition;
    call->offset = -1;
    if (topic == NULL) {
        dh_call_done(
            front, call,
            dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT, "the topic is missing"));
        return;
    }
    dh_front_send_wishes(front, false);
}

static void send_query(struct dh_front *front, struct dh_call *call,
                       struct dh_message *message)
{
    call->awaited = message;
    dh_front_post(front, message);
}

/*
 * Inside on_assigned the back half has not begun to look for the position: it waits for
 * a seek until the callback has returned (API-174, API-176). Returns 0 or NO_MEMORY.
 */
static int find_now(struct dh_front *front, struct dh_call *call,
                    const struct dh_owned *row)
{
    struct dh_command_find *command = dh_mem_calloc(front->mem, 1, sizeof(*command));
    if (command == NULL) {
        return dh_front_no_memory(front);
    }
    command->message.kind = DH_COMMAND_FIND;
    command->message.size = sizeof(*command);
    command->slot = row->slot;
    command->assignment = row->term.assignment;
    dh_front_post(front, &command->message);
    call->is_finding = true;
    return 0;
}

static struct dh_command_idle_reason *idle_reason_command(const struct dh_front *front,
                                                          const struct dh_owned *row)
{
    struct dh_command_idle_reason *command =
        dh_mem_calloc(front->mem, 1, sizeof(*command));
    if (command != NULL) {
        command->message.kind = DH_COMMAND_IDLE_REASON;
        command->message.size = sizeof(*command);
        command->slot = row->slot;
        command->assignment = row->term.assignment;
        command->reason = DOHLE_IDLE_WAITING_FOR_DATA;
    }
    return command;
}

/*
 * The back half finds positions by itself and knows no deadline of ours: shortly
 * before, it is asked what it waits for. Without memory the reason stays unknown.
 */
static void ask_why(struct dh_front *front, struct dh_call *call,
                    const struct dh_owned *row)
{
    struct dh_command_idle_reason *command = idle_reason_command(front, row);
    call->ask_ns = DH_NEVER;
    if (command != NULL) {
        send_query(front, call, &command->message);
    }
}

static int position_timed_out(struct dh_front *front, struct dh_call *call)
{
    call->awaited = NULL; // freed when it comes
    if (front->kept_answer == NULL) {
        return dh_front_timed_out(front, "position");
    }
    const struct dh_command_idle_reason *command =
        DH_CONTAINER_OF(front->kept_answer, struct dh_command_idle_reason, message);
    return dh_front_timed_out_for(front, "position", command->text);
}

enum dh_step dh_call_step_position(struct dh_front *front, struct dh_call *call,
                                   int64_t now_ns)
{
    struct dh_owned *row =
        dh_assignment_find(&front->assignment, call->topic, call->partition);
    if (row == NULL) {
        return dh_call_done(front, call,
                            dh_front_fail_partition(front, DOHLE_ERR_NOT_ASSIGNED,
                                                    call->topic, call->partition,
                                                    "not assigned to this consumer"));
    }
    if (call->awaited != NULL && call->is_answered) {
        front->kept_answer = call->awaited;
        call->awaited = NULL;
    }
    if (row->is_position_valid) {
        call->offset = row->position;
        return dh_call_done(front, call, 0);
    }
    if (row->error != NULL) {
        int err = dh_front_apply_reset_policy(front, row);
        if (err != 0) {
            return dh_call_done(front, call,
                                err == 1 ? dh_front_fail_as(front, &row->error->error)
                                         : err);
        }
    }
    if (dh_front_has_error(front)) {
        return dh_call_done(front, call, dh_front_report_error(front));
    }
    if (front->is_woken) {
        return dh_call_done(front, call, dh_front_woken_up(front));
    }
    if (now_ns >= call->deadline_ns) {
        return dh_call_done(front, call, position_timed_out(front, call));
    }
    if (!call->is_finding && row->is_bound && dh_front_is_in_callback(front, true)) {
        int err = find_now(front, call, row);
        if (err != 0) {
            return dh_call_done(front, call, err);
        }
    }
    if (call->ask_ns == 0) {
        call->ask_ns = dh_call_answer_deadline(call->deadline_ns, now_ns);
    }
    if (now_ns >= call->ask_ns) {
        ask_why(front, call, row);
    }
    return DH_STEP_WAIT;
}

// A command with copies of the names. NULL: no memory.
static struct dh_command_offsets *offsets_command(struct dh_front *front,
                                                  enum dh_message_kind kind,
                                                  const dohle_offset *offsets,
                                                  const int64_t *timestamps, size_t count)
{
    size_t size = sizeof(struct dh_command_offsets) +
                  count * (sizeof(dohle_offset) + sizeof(int64_t));
    for (size_t i = 0; i < count; i++) {
        size += strlen(offsets[i].topic) + 1;
    }
    if (size > UINT32_MAX) {
        return NULL;
    }
    struct dh_command_offsets *command = dh_mem_calloc(front->mem, 1, size);
    if (command == NULL) {
        return NULL;
    }
    command->message.kind = kind;
    command->message.size = (uint32_t)size;
    command->count = (uint32_t)count;
    command->offsets = (dohle_offset *)(void *)(command + 1);
    int64_t *times = (int64_t *)(void *)(command->offsets + count);
    char *text = (char *)(times + count);
    for (size_t i = 0; i < count; i++) {
        size_t text_size = strlen(offsets[i].topic) + 1;
        memcpy(text, offsets[i].topic, text_size);
        command->offsets[i] = (dohle_offset){.topic = text,
                                             .partition = offsets[i].partition,
                                             .offset = -1,
                                             .leader_epoch = -1};
        times[i] = timestamps == NULL ? 0 : timestamps[i];
        text += text_size;
    }
    command->timestamps = timestamps == NULL ? NULL : times;
    return command;
}

static void begin_offsets(struct dh_front *front, struct dh_call *call,
                          enum dh_message_kind kind, dohle_offset *offsets,
                          const int64_t *timestamps, size_t count, int64_t now_ns)
{
    for (size_t i = 0; i < count; i++) {
        if (offsets[i].topic == NULL || offsets[i].topic[0] == '\0' ||
            offsets[i].partition < 0) {
            dh_call_done(front, call,
                         dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT,
                                       "partition %zu of the list has no topic or a "
                                       "negative number",
                                       i));
            return;
        }
    }
    if (count == 0) {
        dh_call_done(front, call, 0);
        return;
    }
    struct dh_command_offsets *command =
        offsets_command(front, kind, offsets, timestamps, count);
    if (command == NULL) {
        dh_call_done(front, call, dh_front_no_memory(front));
        return;
    }
    command->deadline_ns = dh_call_answer_deadline(call->deadline_ns, now_ns);
    call->offsets = offsets;
    call->offset_count = count;
    send_query(front, call, &command->message);
}

void dh_front_begin_committed(struct dh_front *front, struct dh_call *call,
                              dohle_offset *offsets, size_t count, int64_t deadline_ns,
                              int64_t now_ns)
{
    if (!dh_call_begin(front, call, DH_CALL_QUERY, deadline_ns)) {
        return;
    }
    if (front->settings->group_id == NULL) {
        dh_call_done(front, call,
                     dh_front_fail(front, DOHLE_ERR_INVALID_GROUP,
                                   "without group.id nothing is committed"));
        return;
    }
    begin_offsets(front, call, DH_COMMAND_COMMITTED, offsets, NULL, count, now_ns);
}

void dh_front_begin_list_offsets(struct dh_front *front, struct dh_call *call,
                                 dohle_offset *offsets, const int64_t *timestamps,
                                 size_t count, int64_t deadline_ns, int64_t now_ns)
{
    if (dh_call_begin(front, call, DH_CALL_QUERY, deadline_ns)) {
        begin_offsets(front, call, DH_COMMAND_LIST_OFFSETS, offsets, timestamps, count,
                      now_ns);
    }
}

void dh_front_begin_topics(struct dh_front *front, struct dh_call *call,
                           const char *topic, int64_t deadline_ns, int64_t now_ns)
{
    if (!dh_call_begin(front, call, DH_CALL_QUERY, deadline_ns)) {
        return;
    }
    size_t text_size = topic == NULL ? 0 : strlen(topic) + 1;
    if (text_size == 1) {
        dh_call_done(front, call,
                     dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT,
                                   "the topic's name is empty"));
        return;
    }
    struct dh_command_topics *command = NULL;
    if (text_size < UINT32_MAX / 2) {
        command = dh_mem_calloc(front->mem, 1, sizeof(*command) + text_size);
    }
    if (command == NULL) {
        dh_call_done(front, call, dh_front_no_memory(front));
        return;
    }
    command->message.kind = DH_COMMAND_TOPICS;
    command->message.size = (uint32_t)(sizeof(*command) + text_size);
    command->deadline_ns = dh_call_answer_deadline(deadline_ns, now_ns);
    if (text_size > 0) {
        memcpy(command + 1, topic, text_size);
        command->topic = (const char *)(command + 1);
    }
    send_query(front, call, &command->message);
}

// What the front half knows by itself; false: the back half must be asked.
static bool known_idle_reason(const struct dh_owned *row, enum dohle_idle_reason *reason)
{
    if (row->is_revoking || row->is_unsubscribed) {
        *reason = DOHLE_IDLE_REVOKING;
    } else if (row->is_paused) {
        *reason = DOHLE_IDLE_PAUSED;
    } else if (row->error != NULL &&
               (row->is_error_first || dh_list_is_empty(&row->chunks))) {
        *reason = DOHLE_IDLE_ERROR;
    } else if (row->is_held) {
        *reason = DOHLE_IDLE_VALIDATING;
    } else if (!dh_list_is_empty(&row->chunks)) {
        *reason = DOHLE_IDLE_NOT;
    } else if (!row->is_bound) {
        *reason = DOHLE_IDLE_NO_POSITION;
    } else {
        return false;
    }
    return true;
}

void dh_front_begin_idle_reason(struct dh_front *front, struct dh_call *call,
                                const char *topic, int32_t partition, int64_t deadline_ns)
{
    if (!dh_call_begin(front, call, DH_CALL_QUERY, deadline_ns)) {
        return;
    }
    const struct dh_owned *row =
        topic == NULL ? NULL : dh_assignment_find(&front->assignment, topic, partition);
    if (row == NULL) {
        dh_call_done(front, call,
                     dh_front_fail_partition(front, DOHLE_ERR_NOT_ASSIGNED,
                                             topic == NULL ? "" : topic, partition,
                                             "not assigned to this consumer"));
        return;
    }
    if (known_idle_reason(row, &call->idle_reason)) {
        dh_call_done(front, call, 0);
        return;
    }
    struct dh_command_idle_reason *command = idle_reason_command(front, row);
    if (command == NULL) {
        dh_call_done(front, call, dh_front_no_memory(front));
        return;
    }
    send_query(front, call, &command->message);
}

// Hands the answer's values to the caller; the block is kept for what they point into.
static int take_answer(struct dh_front *front, struct dh_call *call)
{
    struct dh_message *message = call->awaited;
    call->awaited = NULL;
    front->kept_answer = message;
    if (message->kind == DH_COMMAND_IDLE_REASON) {
        int reason =
            DH_CONTAINER_OF(message, struct dh_command_idle_reason, message)->reason;
        call->idle_reason = (enum dohle_idle_reason)reason;
        return 0;
    }
    if (message->kind == DH_COMMAND_TOPICS) {
        const struct dh_command_topics *command =
            DH_CONTAINER_OF(message, struct dh_command_topics, message);
        call->rows = command->rows;
        return command->error.code == 0 ? 0 : dh_front_fail_as(front, &command->error);
    }
    const struct dh_command_offsets *command =
        DH_CONTAINER_OF(message, struct dh_command_offsets, message);
    if (command->error.code != 0) {
        return dh_front_fail_as(front, &command->error);
    }
    DH_ASSERT(command->count == call->offset_count);
    for (size_t i = 0; i < call->offset_count; i++) {
        call->offsets[i].offset = command->offsets[i].offset;
        call->offsets[i].leader_epoch = command->offsets[i].leader_epoch;
        call->offsets[i].metadata = command->offsets[i].metadata;
    }
    return 0;
}

enum dh_step dh_call_step_query(struct dh_front *front, struct dh_call *call,
                                int64_t now_ns)
{
    if (call->is_answered) {
        return dh_call_done(front, call, take_answer(front, call));
    }
    if (front->is_woken) {
        call->awaited = NULL; // freed when it comes
        return dh_call_done(front, call, dh_front_woken_up(front));
    }
    if (now_ns >= call->deadline_ns) {
        call->awaited = NULL;
        return dh_call_done(front, call, dh_front_timed_out(front, "look-up"));
    }
    return DH_STEP_WAIT;
}
