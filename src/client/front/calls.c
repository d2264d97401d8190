// SPDX-License-Identifier: MIT
/*
 * The calls that may wait or run callbacks, as state machines.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "client/front/front_state.h"

// ---- What all calls share ----

static enum dh_step done(struct dh_front *front, struct dh_call *call, int err)
{
    // A call made inside a callback may have overwritten what is known about the error.
    if (err == 0) {
        front->error.code = 0;
    } else if (front->error.code != err) {
        dh_front_fail(front, err, "%s", dohle_error_text(err));
    }
    call->is_done = true;
    call->err = err;
    dh_list_remove(&call->link);
    return DH_STEP_DONE;
}

// Starts a call; false: it is over at once, since the consumer is closed.
static bool begin(struct dh_front *front, struct dh_call *call, enum dh_call_kind kind,
                  int64_t deadline_ns)
{
    memset(call, 0, sizeof(*call));
    call->kind = kind;
    call->deadline_ns = deadline_ns;
    dh_list_push_back(&front->calls, &call->link);
    dh_message_free(front->mem, front->kept_answer);
    front->kept_answer = NULL;
    front->error.code = 0;
    if (front->is_closed) {
        done(front, call,
             dh_front_fail(front, DOHLE_ERR_CLOSED, "the consumer is closed"));
        return false;
    }
    return true;
}

// Whether a callback is running now; only_rebalance: one of the listener's.
static bool is_in_callback(const struct dh_front *front, bool only_rebalance)
{
    DH_LIST_EACH(link, &front->calls)
    {
        const struct dh_call *call = DH_CONTAINER_OF(link, struct dh_call, link);
        if (call->is_in_callback &&
            (!only_rebalance || call->callback.kind != DH_CALLBACK_COMMIT)) {
            return true;
        }
    }
    return false;
}

/*
 * When the back half must have answered, so that its reason (which node, why) still
 * reaches the caller before the call's own deadline.
 */
static int64_t answer_deadline(int64_t deadline_ns, int64_t now_ns)
{
    if (deadline_ns == DH_NEVER || deadline_ns <= now_ns) {
        return deadline_ns;
    }
    int64_t margin_ns = (deadline_ns - now_ns) / 8;
    return deadline_ns - dh_earlier(margin_ns, 100 * DH_MS);
}

static int timed_out_for(struct dh_front *front, const char *what, const char *why)
{
    return dh_front_fail(front, DOHLE_ERR_TIMEOUT, "%s: not done in time%s%s", what,
                         why[0] == '\0' ? "" : "; ", why);
}

static int timed_out(struct dh_front *front, const char *what)
{
    return timed_out_for(front, what, front->trouble);
}

static int woken_up(struct dh_front *front)
{
    front->is_woken = false;
    return dh_front_fail(front, DOHLE_ERR_WAKEUP, "%s",
                         dohle_error_text(DOHLE_ERR_WAKEUP));
}

static int no_memory(struct dh_front *front)
{
    return dh_front_fail(front, DOHLE_ERR_NO_MEMORY, "%s",
                         dohle_error_text(DOHLE_ERR_NO_MEMORY));
}

static enum dh_step run_callback(struct dh_call *call)
{
    call->is_in_callback = true;
    return DH_STEP_CALLBACK;
}

void dh_front_callback_done(struct dh_front *front, struct dh_call *call, int result)
{
    DH_ASSERT(call->is_in_callback);
    call->is_in_callback = false;
    if (call->told != NULL) {
        if (!call->is_told_out) {
            dh_message_free(front->mem, &call->told->command.message);
        }
        call->told = NULL;
    }
    if (call->callback_result == 0) {
        call->callback_result = result;
    }
}

static void ask_to_tell(struct dh_call *call, struct dh_commit *commit, int err)
{
    call->told = commit;
    call->is_told_out = commit->is_out;
    call->callback = (struct dh_callback){.kind = DH_CALLBACK_COMMIT,
                                          .target = commit->target,
                                          .err = err,
                                          .offsets = commit->offsets,
                                          .offset_count = commit->command.count};
}

/*
 * Takes finished commits off the log, in order. True: call->callback has to
 * be run first.
 */
static bool tell_commits(struct dh_front *front, struct dh_call *call)
{
    for (struct dh_commit *commit;
         (commit = dh_commit_log_next(&front->commits)) != NULL;) {
        if (commit->call != NULL) {
            commit->call->is_committed = true; // it reads and frees the entry
        } else if (commit->target.function != NULL) {
            ask_to_tell(call, commit, commit->command.error.code);
            call->callback.error = &commit->command.error;
            return true;
        } else {
            dh_message_free(front->mem, &commit->command.message);
        }
    }
    return false;
}

// ---- Poll ----

void dh_front_begin_poll(struct dh_front *front, struct dh_call *call,
                         int64_t deadline_ns, int64_t now_ns)
{
    (void)now_ns;
    bool is_nested = is_in_callback(front, false);
    if (!begin(front, call, DH_CALL_POLL, deadline_ns)) {
        return;
    }
    if (is_nested) {
        done(front, call,
             dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                           "poll is not allowed inside a callback"));
        return;
    }
    dh_record_set_reset(&front->set);
    dh_assignment_end_set(&front->assignment);
    if (front->interest.mode == DH_INTEREST_NONE) {
        done(front, call,
             dh_front_fail(front, DOHLE_ERR_NOT_SUBSCRIBED,
                           "subscribe or assign before polling"));
        return;
    }
    dh_front_send_wishes(front, true);
}

// An error of the row that the settings answer with a seek. 0: sought; 1: they do not;
// or NO_MEMORY.
static int apply_reset_policy(struct dh_front *front, struct dh_owned *row)
{
    if (front->settings->auto_offset_reset == DH_OFFSET_RESET_NONE) {
        return 1;
    }
    int code = row->error->error.code;
    if (code != DOHLE_ERR_OFFSET_OUT_OF_RANGE && code != DOHLE_ERR_LOG_TRUNCATION) {
        return 1;
    }
    // CL-126: back to where the logs part, not to an end of the log.
    if (code == DOHLE_ERR_LOG_TRUNCATION && row->error->truncated_to >= 0) {
        int64_t offset = row->error->truncated_to;
        if (row->position >= 0 && row->position < offset) {
            offset = row->position;
        }
        dh_log(front->log, DOHLE_LOG_WARNING, "assignment",
               "%s-%d: the log was truncated; going on at offset %lld", row->topic,
               row->partition, (long long)offset);
        return dh_front_seek_row(front, row, DH_SEEK_OFFSET, offset, -1);
    }
    dh_log(front->log, DOHLE_LOG_WARNING, "assignment",
           "%s-%d: %s; going on where auto.offset.reset says", row->topic, row->partition,
           row->error->error.text);
    return dh_front_seek_row(front, row, DH_SEEK_POLICY, -1, -1);
}

// A record at the row's position makes no sense: says so until the application seeks.
static int set_corrupt(struct dh_front *front, struct dh_owned *row)
{
    struct dh_notice_partition_error *error =
        dh_mem_calloc(front->mem, 1, sizeof(*error));
    if (error == NULL) {
        return no_memory(front);
    }
    error->message.kind = DH_NOTICE_PARTITION_ERROR;
    error->message.size = sizeof(*error);
    error->slot = row->slot;
    error->term = row->term;
    error->truncated_to = -1;
    dohle_error_info *info = &error->error;
    info->code = DOHLE_ERR_CORRUPT;
    info->node_id = -1;
    info->partition = row->partition;
    info->offset = row->position;
    snprintf(info->topic, sizeof(info->topic), "%s", row->topic);
    snprintf(info->text, sizeof(info->text),
             "%s-%d: the record at offset %lld, or one behind it in its batch, is "
             "malformed; seek past it to go on",
             row->topic, row->partition, (long long)row->position);
    dh_log(front->log, DOHLE_LOG_ERROR, "records", "%s", info->text);
    dh_assignment_set_error(&front->assignment, row, error, true, true);
    return 0;
}

static bool has_records(const struct dh_front *front)
{
    return front->set.count > 0 || front->set.has_moved;
}

// Fills the set from the ready rows. Returns 0, or the error of the row at the head of
// the line when there are no records before it.
static int collect(struct dh_front *front)
{
    struct dh_assignment *assignment = &front->assignment;
    struct dh_link *link;
    while (front->set.count < front->set.count_max &&
           (link = dh_list_first(&assignment->ready)) != NULL) {
        struct dh_owned *row = DH_CONTAINER_OF(link, struct dh_owned, ready);
        if (row->error != NULL &&
            (row->is_error_first || dh_list_is_empty(&row->chunks))) {
            int err = apply_reset_policy(front, row);
            if (err == 0) {
                continue;
            }
            if (has_records(front)) {
                return 0; // records first (API-146)
            }
            // Others are served before it is told again (L13).
            dh_assignment_rotate(assignment, row);
            return err == 1 ? dh_front_fail_as(front, &row->error->error) : err;
        }
        switch (dh_record_set_take(&front->set, assignment, row)) {
        case DH_TAKE_DRAINED:
            dh_assignment_pop(assignment, row);
            dh_assignment_rotate(assignment, row);
            break;
        case DH_TAKE_FULL: return 0;
        case DH_TAKE_CORRUPT:
            if (set_corrupt(front, row) != 0) {
                return has_records(front) ? 0 : DOHLE_ERR_NO_MEMORY;
            }
            break;
        case DH_TAKE_NO_MEMORY: return has_records(front) ? 0 : no_memory(front);
        }
    }
    return 0;
}

static bool has_error(const struct dh_front *front)
{
    return front->own_error != 0 || !dh_list_is_empty(&front->errors);
}

// Takes the oldest error found in the background and reports it.
static int report_error(struct dh_front *front)
{
    front->has_error_waited = false;
    if (front->own_error != 0) {
        int err = front->own_error;
        front->own_error = 0;
        return dh_front_fail(front, err, "%s", dohle_error_text(err));
    }
    struct dh_link *link = dh_list_pop_front(&front->errors);
    DH_ASSERT(link != NULL);
    struct dh_notice_error *notice =
        DH_CONTAINER_OF(link, struct dh_notice_error, message.link);
    int err = dh_front_fail_as(front, &notice->error);
    dh_front_post(front, &notice->message);
    return err;
}

static enum dh_step step_poll(struct dh_front *front, struct dh_call *call,
                              int64_t now_ns)
{
    if (front->is_woken) {
        return done(front, call, woken_up(front));
    }
    if (dh_ownership_step(front, call, now_ns) == DH_STEP_CALLBACK ||
        tell_commits(front, call)) {
        return run_callback(call);
    }
    if (call->callback_result != 0) {
        return done(front, call,
                    dh_front_fail(front, call->callback_result,
                                  "the result of a rebalance callback"));
    }
    if (front->ownership_phase != DH_OWNERSHIP_COMMITTING) {
        dh_auto_commit_tick(front, now_ns);
    }
    if (has_error(front) && front->has_error_waited) {
        return done(front, call, report_error(front));
    }
    int err = collect(front);
    if (err != 0) {
        return done(front, call, err);
    }
    if (has_records(front)) {
        front->has_error_waited = has_error(front);
        return done(front, call, 0);
    }
    if (has_error(front)) {
        return done(front, call, report_error(front));
    }
    return now_ns >= call->deadline_ns ? done(front, call, 0) : DH_STEP_WAIT;
}

// ---- Commits ----

static int check_offsets(struct dh_front *front, const dohle_offset *offsets,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (offsets[i].topic == NULL || offsets[i].topic[0] == '\0' ||
            offsets[i].partition < 0) {
            return dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT,
                                 "offset %zu of the list has no topic or a negative "
                                 "partition",
                                 i);
        }
        if (offsets[i].offset < 0) {
            return dh_front_fail_partition(front, DOHLE_ERR_INVALID_ARGUMENT,
                                           offsets[i].topic, offsets[i].partition,
                                           "the offset to commit is negative");
        }
    }
    return 0;
}

// Makes the entry and puts it into the log, perhaps as a barrier. Returns 0 or why not.
static int log_commit(struct dh_front *front, const dohle_offset *offsets, size_t count,
                      enum dh_commit_mode mode, int64_t deadline_ns,
                      struct dh_commit **commit)
{
    *commit = NULL;
    if (front->settings->group_id == NULL) {
        return dh_front_fail(front, DOHLE_ERR_INVALID_GROUP,
                             "to commit, group.id must be set");
    }
    int err = check_offsets(front, offsets, offsets == NULL ? 0 : count);
    if (err != 0) {
        return err;
    }
    if (front->commits.count >= DH_COMMIT_LOG_MAX) {
        return dh_front_fail(front, DOHLE_ERR_QUEUE_FULL,
                             "%d commits wait for their answers", DH_COMMIT_LOG_MAX);
    }
    if (offsets == NULL) {
        err = dh_front_commit_positions(front, commit);
    } else if (count > 0) {
        *commit = dh_commit_new(front->mem, offsets, count);
        err = *commit == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    }
    if (err == 0 && *commit == NULL) {
        *commit = dh_commit_new(front->mem, NULL, 0);
        err = *commit == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    }
    if (err != 0) {
        return no_memory(front);
    }
    (*commit)->command.mode = mode;
    (*commit)->command.deadline_ns = deadline_ns;
    dh_commit_log_add(&front->commits, *commit);
    if ((*commit)->command.count == 0) {
        (*commit)->is_done = true; // only keeps its place behind earlier ones
        return 0;
    }
    dh_front_send_wishes(front, false);
    (*commit)->is_out = true;
    dh_front_post(front, &(*commit)->command.message);
    return 0;
}

void dh_front_begin_commit_sync(struct dh_front *front, struct dh_call *call,
                                const dohle_offset *offsets, size_t count,
                                int64_t deadline_ns, int64_t now_ns)
{
    if (!begin(front, call, DH_CALL_COMMIT_SYNC, deadline_ns)) {
        return;
    }
    int err = log_commit(front, offsets, count, DH_COMMIT_SYNC,
                         answer_deadline(deadline_ns, now_ns), &call->commit);
    if (err != 0) {
        done(front, call, err);
        return;
    }
    call->commit->call = call;
}

// Nobody waits for the entry any more; it stays in the log until it is answered.
static void abandon_commit(struct dh_call *call)
{
    if (call->commit != NULL) {
        call->commit->call = NULL;
        call->commit = NULL;
    }
}

// The call's entry has left the log: its result; the entry is freed.
static int take_commit_result(struct dh_front *front, struct dh_call *call)
{
    const dohle_error_info *error = &call->commit->command.error;
    int err = error->code == 0 ? 0 : dh_front_fail_as(front, error);
    dh_message_free(front->mem, &call->commit->command.message);
    call->commit = NULL;
    return err;
}

static enum dh_step step_commit_sync(struct dh_front *front, struct dh_call *call,
                                     int64_t now_ns)
{
    if (tell_commits(front, call)) {
        return run_callback(call);
    }
    if (call->is_committed) {
        return done(front, call, take_commit_result(front, call));
    }
    if (front->is_woken) {
        abandon_commit(call);
        return done(front, call, woken_up(front));
    }
    if (now_ns >= call->deadline_ns) {
        abandon_commit(call);
        return done(front, call,
                    timed_out(front, "commit (whether it was done is not known)"));
    }
    return DH_STEP_WAIT;
}

void dh_front_begin_commit_async(struct dh_front *front, struct dh_call *call,
                                 const dohle_offset *offsets, size_t count,
                                 struct dh_commit_target target, int64_t now_ns)
{
    if (!begin(front, call, DH_CALL_COMMIT_ASYNC, now_ns)) {
        return;
    }
    struct dh_commit *commit;
    int err = log_commit(front, offsets, count, DH_COMMIT_ASYNC, DH_NEVER, &commit);
    if (err != 0) {
        done(front, call, err);
        return;
    }
    commit->target = target;
}

static enum dh_step step_commit_async(struct dh_front *front, struct dh_call *call)
{
    // A commit made in a callback tells nothing: the callbacks before it are running.
    if (!is_in_callback(front, false) && tell_commits(front, call)) {
        return run_callback(call);
    }
    return done(front, call, 0);
}

// ---- Position ----

void dh_front_begin_position(struct dh_front *front, struct dh_call *call,
                             const char *topic, int32_t partition, int64_t deadline_ns)
{
    if (!begin(front, call, DH_CALL_POSITION, deadline_ns)) {
        return;
    }
    call->topic = topic;
    call->partition = partition;
    call->offset = -1;
    if (topic == NULL) {
        done(front, call,
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
        return no_memory(front);
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
        return timed_out(front, "position");
    }
    const struct dh_command_idle_reason *command =
        DH_CONTAINER_OF(front->kept_answer, struct dh_command_idle_reason, message);
    return timed_out_for(front, "position", command->text);
}

static enum dh_step step_position(struct dh_front *front, struct dh_call *call,
                                  int64_t now_ns)
{
    struct dh_owned *row =
        dh_assignment_find(&front->assignment, call->topic, call->partition);
    if (row == NULL) {
        return done(front, call,
                    dh_front_fail_partition(front, DOHLE_ERR_NOT_ASSIGNED, call->topic,
                                            call->partition,
                                            "not assigned to this consumer"));
    }
    if (call->awaited != NULL && call->is_answered) {
        front->kept_answer = call->awaited;
        call->awaited = NULL;
    }
    if (row->is_position_valid) {
        call->offset = row->position;
        return done(front, call, 0);
    }
    if (row->error != NULL) {
        int err = apply_reset_policy(front, row);
        if (err != 0) {
            return done(front, call,
                        err == 1 ? dh_front_fail_as(front, &row->error->error) : err);
        }
    }
    if (has_error(front)) {
        return done(front, call, report_error(front));
    }
    if (front->is_woken) {
        return done(front, call, woken_up(front));
    }
    if (now_ns >= call->deadline_ns) {
        return done(front, call, position_timed_out(front, call));
    }
    if (!call->is_finding && row->is_bound && is_in_callback(front, true)) {
        int err = find_now(front, call, row);
        if (err != 0) {
            return done(front, call, err);
        }
    }
    if (call->ask_ns == 0) {
        call->ask_ns = answer_deadline(call->deadline_ns, now_ns);
    }
    if (now_ns >= call->ask_ns) {
        ask_why(front, call, row);
    }
    return DH_STEP_WAIT;
}

// ---- Queries that the back half answers ----

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
            done(front, call,
                 dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT,
                               "partition %zu of the list has no topic or a "
                               "negative number",
                               i));
            return;
        }
    }
    if (count == 0) {
        done(front, call, 0);
        return;
    }
    struct dh_command_offsets *command =
        offsets_command(front, kind, offsets, timestamps, count);
    if (command == NULL) {
        done(front, call, no_memory(front));
        return;
    }
    command->deadline_ns = answer_deadline(call->deadline_ns, now_ns);
    call->offsets = offsets;
    call->offset_count = count;
    send_query(front, call, &command->message);
}

void dh_front_begin_committed(struct dh_front *front, struct dh_call *call,
                              dohle_offset *offsets, size_t count, int64_t deadline_ns,
                              int64_t now_ns)
{
    if (!begin(front, call, DH_CALL_QUERY, deadline_ns)) {
        return;
    }
    if (front->settings->group_id == NULL) {
        done(front, call,
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
    if (begin(front, call, DH_CALL_QUERY, deadline_ns)) {
        begin_offsets(front, call, DH_COMMAND_LIST_OFFSETS, offsets, timestamps, count,
                      now_ns);
    }
}

void dh_front_begin_topics(struct dh_front *front, struct dh_call *call,
                           const char *topic, int64_t deadline_ns, int64_t now_ns)
{
    if (!begin(front, call, DH_CALL_QUERY, deadline_ns)) {
        return;
    }
    size_t text_size = topic == NULL ? 0 : strlen(topic) + 1;
    if (text_size == 1) {
        done(front, call,
             dh_front_fail(front, DOHLE_ERR_INVALID_ARGUMENT,
                           "the topic's name is empty"));
        return;
    }
    struct dh_command_topics *command = NULL;
    if (text_size < UINT32_MAX / 2) {
        command = dh_mem_calloc(front->mem, 1, sizeof(*command) + text_size);
    }
    if (command == NULL) {
        done(front, call, no_memory(front));
        return;
    }
    command->message.kind = DH_COMMAND_TOPICS;
    command->message.size = (uint32_t)(sizeof(*command) + text_size);
    command->deadline_ns = answer_deadline(deadline_ns, now_ns);
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
    if (!begin(front, call, DH_CALL_QUERY, deadline_ns)) {
        return;
    }
    const struct dh_owned *row =
        topic == NULL ? NULL : dh_assignment_find(&front->assignment, topic, partition);
    if (row == NULL) {
        done(front, call,
             dh_front_fail_partition(front, DOHLE_ERR_NOT_ASSIGNED,
                                     topic == NULL ? "" : topic, partition,
                                     "not assigned to this consumer"));
        return;
    }
    if (known_idle_reason(row, &call->idle_reason)) {
        done(front, call, 0);
        return;
    }
    struct dh_command_idle_reason *command = idle_reason_command(front, row);
    if (command == NULL) {
        done(front, call, no_memory(front));
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

static enum dh_step step_query(struct dh_front *front, struct dh_call *call,
                               int64_t now_ns)
{
    if (call->is_answered) {
        return done(front, call, take_answer(front, call));
    }
    if (front->is_woken) {
        call->awaited = NULL; // freed when it comes
        return done(front, call, woken_up(front));
    }
    if (now_ns >= call->deadline_ns) {
        call->awaited = NULL;
        return done(front, call, timed_out(front, "look-up"));
    }
    return DH_STEP_WAIT;
}

// ---- Leaving ----

// Forgets everything that is owned and wished.
static void forget_all(struct dh_front *front)
{
    dh_assignment_clear(&front->assignment);
    dh_ownership_drop_all(front);
    if (front->assign_wish != NULL) {
        dh_message_free(front->mem, &front->assign_wish->command.message);
        front->assign_wish = NULL;
    }
    dh_interest_clear(&front->interest, &front->out);
    front->member_id[0] = '\0';
    front->generation = -1;
}

static void send_leave(struct dh_front *front, struct dh_call *call,
                       struct dh_command_leave *command, int64_t now_ns)
{
    command->deadline_ns = answer_deadline(call->deadline_ns, now_ns);
    front->leaves_pending++;
    call->awaited = &command->message;
    call->phase = DH_PHASE_LEAVE;
    dh_front_post(front, &command->message);
}

// True: on_revoked or on_lost has to be told about everything that is owned (API-163).
static bool ask_to_revoke_all(struct dh_front *front, struct dh_call *call)
{
    if (!front->interest.has_listener || front->assignment.count == 0) {
        return false;
    }
    size_t count = 0;
    const dohle_topic_partition *partitions = dh_ownership_view_all(front, &count);
    if (partitions == NULL) {
        if (call->callback_result == 0) {
            call->callback_result = DOHLE_ERR_NO_MEMORY;
        }
        return false;
    }
    call->callback = (struct dh_callback){
        .kind = dh_ownership_is_lost(front) ? DH_CALLBACK_LOST : DH_CALLBACK_REVOKED,
        .partitions = partitions,
        .count = count};
    for (size_t i = 0; i < front->assignment.count; i++) {
        struct dh_owned *row = front->assignment.sorted[i];
        row->is_revoking = true;
        dh_assignment_update(&front->assignment, row);
    }
    return true;
}

static int callback_result(struct dh_front *front, const struct dh_call *call)
{
    int result = call->callback_result;
    return result == 0 ? 0
                       : dh_front_fail(front, result, "%s",
                                       result > 0 ? "the result of a rebalance callback"
                                                  : dohle_error_text(result));
}

void dh_front_begin_unsubscribe(struct dh_front *front, struct dh_call *call,
                                int64_t deadline_ns)
{
    bool is_nested = is_in_callback(front, true);
    if (!begin(front, call, DH_CALL_UNSUBSCRIBE, deadline_ns)) {
        return;
    }
    if (is_nested) {
        done(front, call,
             dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                           "unsubscribe is not allowed inside a rebalance callback"));
    }
}

// START: tells the listener, then leaves. No commit (API-105, X-038).
static enum dh_step leave_group(struct dh_front *front, struct dh_call *call,
                                int64_t now_ns)
{
    if (!front->interest.is_sent) {
        forget_all(front);
        return done(front, call, callback_result(front, call));
    }
    struct dh_command_leave *command = dh_mem_calloc(front->mem, 1, sizeof(*command));
    if (command == NULL) {
        return done(front, call, no_memory(front));
    }
    command->message.kind = DH_COMMAND_UNSUBSCRIBE;
    command->message.size = sizeof(*command);
    forget_all(front);
    send_leave(front, call, command, now_ns);
    return DH_STEP_WAIT;
}

static enum dh_step step_unsubscribe(struct dh_front *front, struct dh_call *call,
                                     int64_t now_ns)
{
    switch (call->phase) {
    case DH_PHASE_START:
        call->phase = DH_PHASE_CALLBACK;
        if (ask_to_revoke_all(front, call)) {
            return run_callback(call);
        }
        return leave_group(front, call, now_ns);
    case DH_PHASE_CALLBACK: return leave_group(front, call, now_ns);
    case DH_PHASE_LEAVE:
        if (call->is_answered) {
            // A leave that failed is only logged, as in Java: the session will expire.
            struct dh_message *message = call->awaited;
            call->awaited = NULL;
            int err = DH_CONTAINER_OF(message, struct dh_command_leave, message)->err;
            if (err != 0) {
                dh_log(front->log, DOHLE_LOG_WARNING, "interest",
                       "the group was not left: %s", dohle_error_text(err));
            }
            dh_message_free(front->mem, message);
            return done(front, call, callback_result(front, call));
        }
        if (now_ns >= call->deadline_ns) {
            call->awaited = NULL;
            return done(front, call, callback_result(front, call));
        }
        return DH_STEP_WAIT;
    case DH_PHASE_COMMITS: break;
    }
    DH_ASSERT(false);
    return DH_STEP_DONE;
}

void dh_front_begin_close(struct dh_front *front, struct dh_call *call,
                          int64_t deadline_ns, int64_t now_ns)
{
    bool is_nested = is_in_callback(front, false);
    if (!begin(front, call, DH_CALL_CLOSE, deadline_ns)) {
        call->err = 0; // closing again is no error
        front->error.code = 0;
        return;
    }
    if (is_nested) {
        done(front, call,
             dh_front_fail(front, DOHLE_ERR_INVALID_STATE,
                           "close is not allowed inside a callback"));
        return;
    }
    front->is_woken = false;
    call->phase = DH_PHASE_COMMITS;
    if (front->settings->group_id == NULL) {
        return;
    }
    // A sync commit, or else a barrier: both wait for earlier commits (API-161).
    static const dohle_offset nothing;
    bool is_wanted = front->auto_commit.is_enabled && !dh_ownership_is_lost(front);
    int err = log_commit(front, is_wanted ? NULL : &nothing, 0, DH_COMMIT_SYNC,
                         answer_deadline(deadline_ns, now_ns), &call->commit);
    if (err != 0) {
        call->err = err;
    } else {
        call->commit->call = call;
    }
}

// The time for close is over: who waits for a commit is told so. True: call->callback.
static bool tell_timeouts(struct dh_front *front, struct dh_call *call)
{
    for (struct dh_link *link;
         (link = dh_list_pop_front(&front->commits.entries)) != NULL;) {
        front->commits.count--;
        struct dh_commit *commit = DH_CONTAINER_OF(link, struct dh_commit, link);
        if (commit->target.function != NULL) {
            ask_to_tell(call, commit,
                        commit->is_done ? commit->command.error.code : DOHLE_ERR_TIMEOUT);
            return true;
        }
        // The block of one without an answer is still with the back half.
        if (!commit->is_out) {
            dh_message_free(front->mem, &commit->command.message);
        }
    }
    return false;
}

// Nothing works any more from here on. Returns the command that tells the back half.
static struct dh_command_leave *shut(struct dh_front *front)
{
    struct dh_command_leave *command = front->close_command;
    front->close_command = NULL;
    forget_all(front);
    dh_record_set_reset(&front->set);
    dh_assignment_end_set(&front->assignment);
    front->is_closed = true;
    return command;
}

void dh_front_abandon(struct dh_front *front, int64_t deadline_ns)
{
    if (!front->is_closed) {
        struct dh_command_leave *command = shut(front);
        command->deadline_ns = deadline_ns;
        front->leaves_pending++;
        dh_front_post(front, &command->message);
    }
}

static enum dh_step leave_for_ever(struct dh_front *front, struct dh_call *call,
                                   int64_t now_ns)
{
    send_leave(front, call, shut(front), now_ns);
    return now_ns >= call->deadline_ns ? done(front, call, call->err) : DH_STEP_WAIT;
}

// COMMITS: false while they are awaited.
static bool end_commits(struct dh_front *front, struct dh_call *call, int64_t now_ns)
{
    if (call->commit == NULL) {
        return true;
    }
    if (call->is_committed) {
        int err = take_commit_result(front, call);
        call->err = call->err == 0 ? err : call->err;
        return true;
    }
    if (now_ns < call->deadline_ns) {
        return false;
    }
    bool is_barrier = call->commit->command.count == 0;
    abandon_commit(call);
    if (call->err == 0 && !is_barrier) {
        call->err = timed_out(front, "the commit before closing");
    }
    return true;
}

static enum dh_step step_close(struct dh_front *front, struct dh_call *call,
                               int64_t now_ns)
{
    switch (call->phase) {
    case DH_PHASE_COMMITS:
        if (tell_commits(front, call)) {
            return run_callback(call);
        }
        if (!end_commits(front, call, now_ns)) {
            return DH_STEP_WAIT;
        }
        if (now_ns >= call->deadline_ns && tell_timeouts(front, call)) {
            return run_callback(call);
        }
        call->phase = DH_PHASE_CALLBACK;
        if (ask_to_revoke_all(front, call)) {
            return run_callback(call);
        }
        return leave_for_ever(front, call, now_ns);
    case DH_PHASE_CALLBACK:
        if (call->err == 0) {
            call->err = callback_result(front, call);
        }
        return leave_for_ever(front, call, now_ns);
    case DH_PHASE_LEAVE:
        if (call->is_answered) {
            struct dh_message *message = call->awaited;
            call->awaited = NULL;
            dh_message_free(front->mem, message);
            return done(front, call, call->err);
        }
        if (now_ns >= call->deadline_ns) {
            call->awaited = NULL;
            return done(front, call, call->err);
        }
        return DH_STEP_WAIT;
    case DH_PHASE_START: break;
    }
    DH_ASSERT(false);
    return DH_STEP_DONE;
}

// ---- All calls ----

enum dh_step dh_front_step(struct dh_front *front, struct dh_call *call, int64_t now_ns)
{
    if (call->is_done) {
        return DH_STEP_DONE;
    }
    DH_ASSERT(!call->is_in_callback);
    switch (call->kind) {
    case DH_CALL_POLL: return step_poll(front, call, now_ns);
    case DH_CALL_UNSUBSCRIBE: return step_unsubscribe(front, call, now_ns);
    case DH_CALL_CLOSE: return step_close(front, call, now_ns);
    case DH_CALL_COMMIT_SYNC: return step_commit_sync(front, call, now_ns);
    case DH_CALL_COMMIT_ASYNC: return step_commit_async(front, call);
    case DH_CALL_POSITION: return step_position(front, call, now_ns);
    case DH_CALL_QUERY: return step_query(front, call, now_ns);
    }
    DH_ASSERT(false);
    return DH_STEP_DONE;
}

int64_t dh_front_deadline(const struct dh_front *front, const struct dh_call *call)
{
    if (call->kind == DH_CALL_POSITION && call->ask_ns != 0) {
        return dh_earlier(call->deadline_ns, call->ask_ns);
    }
    if (call->kind != DH_CALL_POLL) {
        return call->deadline_ns;
    }
    int64_t deadline_ns = dh_earlier(call->deadline_ns, dh_front_due(front));
    if (front->ownership_phase == DH_OWNERSHIP_COMMITTING) {
        deadline_ns = dh_earlier(deadline_ns, front->ownership_deadline_ns);
    }
    return deadline_ns;
}
