// SPDX-License-Identifier: MIT
#include "client/back/back.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/types.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/time.h"
#include "client/back/alarms.h"
#include "client/back/budget.h"
#include "client/back/cluster.h"
#include "client/back/commits.h"
#include "client/back/context.h"
#include "client/back/coordinator_link.h"
#include "client/back/fetcher.h"
#include "client/back/lookups.h"
#include "client/back/membership_classic.h"
#include "client/back/outbox.h"
#include "client/back/partitions.h"
#include "client/back/positions.h"
#include "client/back/requests.h"

static const char subsystem[] = "back";

// Frames that nobody uses are kept up to this many bytes, or fetch.buffer.bytes.
#define FRAMES_KEPT_BYTES_MAX (INT64_C(32) * 1024 * 1024)

enum back_state {
    /* Commands are carried out.
     *   -> CLOSING  the CLOSE command */
    BACK_OPEN,
    /* Waits for the group to be left, fetch sessions to be closed, commits to end.
     *   -> CLOSED   all of it, or the deadline */
    BACK_CLOSING,
    // The modules are gone. Commands are answered with CLOSED.
    BACK_CLOSED,
};

struct dh_back {
    const dohle_allocator *mem;
    struct dh_back_context context;
    struct dh_random random;
    struct dh_frame_account *account;
    struct dh_frame_pool frames;
    struct dh_alarms alarms;
    struct dh_poll_mark poll_mark;
    struct dh_outbox outbox;
    struct dh_partitions partitions;
    struct dh_budget budget;
    struct dh_positions positions;
    struct dh_commits commits;
    struct dh_lookups lookups;
    struct dh_fetcher fetcher;
    struct dh_requests *requests;
    struct dh_cluster *cluster;
    struct dh_coordinator_link *link;
    struct dh_membership *membership; // NULL: no group.id
    bool has_modules;                 // positions, commits, lookups, fetcher are alive
    bool is_by_hand;                  // the rows are of an ASSIGN command
    int64_t now_ns;                   // of this turn

    // What the modules were told last.
    uint64_t cluster_version;
    uint64_t cluster_updates;

    // The trouble notice: one, on its way or at home.
    struct dh_notice_trouble *trouble; // owned; NULL: with the front half
    uint64_t trouble_version;
    char trouble_text[sizeof(((struct dh_notice_trouble *)NULL)->text)];

    // Closing.
    enum back_state state;
    struct dh_command_leave *close; // the command to answer; NULL: none
    struct dh_command_leave leave;  // what the membership answers instead
    bool is_leave_done;
    struct dh_alarm close_alarm;
};

// ---- Life cycle ----

static void on_coordinator(void *ctx, int32_t node_id, int64_t now_ns)
{
    struct dh_back *back = ctx;
    if (back->membership != NULL) {
        back->membership->cls->on_coordinator(back->membership, node_id, now_ns);
    }
    dh_commits_on_coordinator(&back->commits, node_id, now_ns);
    dh_positions_on_coordinator(&back->positions, node_id, now_ns);
    dh_lookups_on_coordinator(&back->lookups, node_id, now_ns);
}

static void on_close_alarm(struct dh_alarm *alarm, int64_t now_ns);

static int64_t frames_kept_bytes(const struct dh_settings *settings)
{
    return settings->fetch_buffer_bytes < FRAMES_KEPT_BYTES_MAX
               ? settings->fetch_buffer_bytes
               : FRAMES_KEPT_BYTES_MAX;
}

// The modules that are structs of ours, in order; deinit_modules is the reverse.
static int init_modules(struct dh_back *back)
{
    const char *group_id = back->context.settings->group_id;
    int err = dh_positions_init(&back->positions, &back->context, &back->partitions,
                                back->link, group_id != NULL);
    if (err != 0) {
        return err;
    }
    err = dh_commits_init(&back->commits, &back->context, back->link);
    if (err != 0) {
        dh_positions_deinit(&back->positions);
        return err;
    }
    err =
        dh_fetcher_init(&back->fetcher, &back->context, &back->partitions, &back->budget);
    if (err != 0) {
        dh_commits_deinit(&back->commits);
        dh_positions_deinit(&back->positions);
        return err;
    }
    dh_lookups_init(&back->lookups, &back->context, back->link);
    back->has_modules = true;
    return 0;
}

static void deinit_modules(struct dh_back *back)
{
    if (back->membership != NULL) {
        back->membership->cls->free(back->membership);
        back->membership = NULL;
    }
    if (back->has_modules) {
        dh_lookups_deinit(&back->lookups);
        dh_fetcher_deinit(&back->fetcher);
        dh_commits_deinit(&back->commits);
        dh_positions_deinit(&back->positions);
        back->has_modules = false;
    }
    dh_coordinator_link_free(back->link);
    back->link = NULL;
    dh_cluster_free(back->cluster);
    back->cluster = NULL;
}

// Everything that is made on the heap. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int make(struct dh_back *back, int64_t now_ns)
{
    struct dh_back_context *context = &back->context;
    const struct dh_settings *settings = context->settings;
    back->account = dh_frame_account_new(back->mem);
    back->trouble = dh_mem_calloc(back->mem, 1, sizeof(*back->trouble));
    if (back->account == NULL || back->trouble == NULL ||
        dh_outbox_reserve(&back->outbox, back->mem) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    back->frames.account = back->account;
    back->trouble->message.kind = DH_NOTICE_TROUBLE;
    back->trouble->message.size = sizeof(*back->trouble);
    dh_budget_init(&back->budget, (size_t)settings->fetch_buffer_bytes, back->account);
    back->requests = context->requests = dh_requests_new(context, now_ns);
    if (back->requests == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    back->cluster = context->cluster = dh_cluster_new(context, now_ns);
    back->link = dh_coordinator_link_new(
        context, settings->group_id,
        (struct dh_coordinator_owner){.on_coordinator = on_coordinator, .ctx = back});
    if (back->cluster == NULL || back->link == NULL || init_modules(back) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (settings->group_id != NULL) {
        back->membership =
            dh_membership_classic_new(context, &back->partitions, back->link);
        if (back->membership == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    return 0;
}

struct dh_back *dh_back_new(const struct dh_back_options *options)
{
    struct dh_back *back = dh_mem_calloc(options->mem, 1, sizeof(*back));
    if (back == NULL) {
        return NULL;
    }
    back->mem = options->mem;
    back->now_ns = options->now_ns;
    back->random.state = options->seed;
    back->context = (struct dh_back_context){
        .mem = options->mem,
        .log = options->log,
        .settings = options->settings,
        .random = &back->random,
        .frames = &back->frames,
        .alarms = &back->alarms,
        .poll_mark = &back->poll_mark,
        .outbox = &back->outbox,
    };
    dh_alarms_init(&back->alarms, back->mem);
    dh_outbox_init(&back->outbox);
    dh_frame_pool_init(&back->frames, back->mem,
                       (size_t)frames_kept_bytes(options->settings));
    if (dh_alarm_init(&back->close_alarm, &back->alarms, on_close_alarm) != 0) {
        dh_mem_free(back->mem, back, sizeof(*back));
        return NULL;
    }
    if (dh_partitions_init(&back->partitions, back->mem, dh_random_next(&back->random)) !=
            0 ||
        make(back, options->now_ns) != 0) {
        dh_back_free(back);
        return NULL;
    }
    return back;
}

// Commands that nobody will answer any more, and our own notices.
static void free_outbox(struct dh_back *back)
{
    for (struct dh_link *link;
         (link = dh_list_pop_front(&back->outbox.messages)) != NULL;) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        if (message != &back->leave.message) {
            dh_message_free(back->mem, message);
        }
    }
    dh_outbox_release(&back->outbox, back->mem);
}

void dh_back_free(struct dh_back *back)
{
    if (back == NULL) {
        return;
    }
    deinit_modules(back);
    dh_requests_free(back->requests);
    dh_partitions_deinit(&back->partitions);
    if (back->close != NULL) {
        dh_message_free(back->mem, &back->close->message);
    }
    free_outbox(back);
    dh_mem_free(back->mem, back->trouble, sizeof(*back->trouble));
    dh_alarm_deinit(&back->close_alarm, &back->alarms);
    dh_alarms_deinit(&back->alarms);
    dh_frame_pool_deinit(&back->frames);
    dh_frame_account_drop(back->account);
    dh_mem_free(back->mem, back, sizeof(*back));
}

// ---- Closing ----

// The deadline has come, or nothing is left to wait for.
static void finish_close(struct dh_back *back, int64_t now_ns)
{
    dh_log(back->context.log, DOHLE_LOG_DEBUG, subsystem, "closed");
    back->state = BACK_CLOSED;
    dh_alarm_cancel(&back->close_alarm, &back->alarms);
    deinit_modules(back);
    dh_requests_close(back->requests, now_ns);
    back->close->err = 0;
    dh_outbox_post(&back->outbox, &back->close->message);
    back->close = NULL;
}

static void step_close(struct dh_back *back, int64_t now_ns)
{
    if (back->state == BACK_CLOSING && back->is_leave_done &&
        dh_commits_is_idle(&back->commits) && dh_fetcher_is_closed(&back->fetcher)) {
        finish_close(back, now_ns);
    }
}

static void on_close_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_back *back = DH_CONTAINER_OF(alarm, struct dh_back, close_alarm);
    dh_log(back->context.log, DOHLE_LOG_WARNING, subsystem,
           "closed before all was done: group left %d, commits ended %d, fetches ended "
           "%d",
           back->is_leave_done, dh_commits_is_idle(&back->commits),
           dh_fetcher_is_closed(&back->fetcher));
    finish_close(back, now_ns);
}

// ---- Assignment by hand ----

static void remove_by_hand(struct dh_back *back, struct dh_partition *row)
{
    dh_cluster_unwant(back->cluster, row->topic);
    dh_partitions_remove(&back->partitions, row);
}

static void remove_all_by_hand(struct dh_back *back)
{
    if (!back->is_by_hand) {
        return;
    }
    back->is_by_hand = false;
    size_t cursor = 0;
    for (struct dh_partition *row;
         (row = dh_partitions_next(&back->partitions, &cursor)) != NULL;) {
        remove_by_hand(back, row);
    }
}

static struct dh_partition *
add_by_hand(struct dh_back *back, const struct dh_named_partition *named, int64_t now_ns)
{
    if (dh_cluster_want(back->cluster, named->topic, now_ns) != 0) {
        return NULL;
    }
    struct dh_partition *row =
        dh_partitions_add(&back->partitions, named->topic, named->partition);
    if (row == NULL) {
        dh_cluster_unwant(back->cluster, named->topic);
        return NULL;
    }
    row->state = DH_PARTITION_STARTING;
    return row;
}

// Adds what is new. On failure what was added before is left for the next step.
static int add_named(struct dh_back *back, struct dh_command_assign *command,
                     int64_t now_ns)
{
    for (uint32_t i = 0; i < command->count; i++) {
        struct dh_named_partition *named = &command->partitions[i];
        struct dh_partition *row =
            dh_partitions_find(&back->partitions, named->topic, named->partition);
        if (row == NULL) {
            row = add_by_hand(back, named, now_ns);
        }
        if (row == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        named->slot = row->slot;
        named->assignment = row->term.assignment;
    }
    return 0;
}

// Removes rows whose slot is not marked.
static void remove_unmarked(struct dh_back *back, const uint8_t *marks)
{
    size_t cursor = 0;
    for (struct dh_partition *row;
         (row = dh_partitions_next(&back->partitions, &cursor)) != NULL;) {
        if (marks[row->slot] == 0) {
            remove_by_hand(back, row);
        }
    }
}

// All or nothing: on failure the assignment is the one before.
static int assign(struct dh_back *back, struct dh_command_assign *command, int64_t now_ns)
{
    uint64_t assignment_before = back->partitions.assignment_last;
    int err = add_named(back, command, now_ns);
    size_t mark_count = back->partitions.row_count + 1;
    uint8_t *marks = dh_mem_calloc(back->mem, mark_count, 1);
    if (err != 0 || marks == NULL) {
        size_t cursor = 0;
        for (struct dh_partition *row;
             (row = dh_partitions_next(&back->partitions, &cursor)) != NULL;) {
            if (row->term.assignment > assignment_before) {
                remove_by_hand(back, row);
            }
        }
        dh_mem_free(back->mem, marks, mark_count);
        return DOHLE_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < command->count; i++) {
        marks[command->partitions[i].slot] = 1;
    }
    remove_unmarked(back, marks);
    dh_mem_free(back->mem, marks, mark_count);
    return 0;
}

// ---- Commands ----

static void on_subscribe(struct dh_back *back, struct dh_command_subscribe *command,
                         int64_t now_ns)
{
    if (back->membership == NULL) {
        command->err = DOHLE_ERR_INVALID_GROUP;
        dh_outbox_post(&back->outbox, &command->message);
        return;
    }
    remove_all_by_hand(back);
    dh_commits_set_membership(&back->commits, back->membership);
    back->membership->cls->subscribe(back->membership, command, now_ns);
}

static void on_unsubscribe(struct dh_back *back, struct dh_command_leave *command,
                           int64_t now_ns)
{
    remove_all_by_hand(back);
    if (back->membership == NULL) {
        command->err = 0;
        dh_outbox_post(&back->outbox, &command->message);
        return;
    }
    back->membership->cls->leave(back->membership, command, now_ns);
}

static void on_close(struct dh_back *back, struct dh_command_leave *command,
                     int64_t now_ns)
{
    back->state = BACK_CLOSING;
    back->close = command;
    dh_alarm_set(&back->close_alarm, &back->alarms, command->deadline_ns);
    remove_all_by_hand(back);
    dh_fetcher_close(&back->fetcher, now_ns);
    if (back->membership == NULL) {
        back->is_leave_done = true;
        return;
    }
    // The membership answers a message of ours, which next_event keeps.
    back->leave = (struct dh_command_leave){
        .message = {.kind = DH_COMMAND_CLOSE, .size = sizeof(back->leave)},
        .deadline_ns = command->deadline_ns,
    };
    back->membership->cls->leave(back->membership, &back->leave, now_ns);
}

static void on_assign(struct dh_back *back, struct dh_command_assign *command,
                      int64_t now_ns)
{
    dh_commits_set_membership(&back->commits, NULL); // generation -1 (CL-065)
    back->is_by_hand = true;
    command->err = assign(back, command, now_ns);
    dh_outbox_post(&back->outbox, &command->message);
}

// A row without a position asks for one, whatever it was doing before.
static void seek(struct dh_partition *row, const struct dh_command_seek *command)
{
    row->term = command->term;
    if (command->target == DH_SEEK_OFFSET) {
        row->fetch_offset = command->offset;
        row->fetch_offset_epoch = command->leader_epoch;
        row->state =
            command->leader_epoch >= 0 ? DH_PARTITION_VALIDATING : DH_PARTITION_FETCHING;
        return;
    }
    row->reset_target = command->target;
    row->state = DH_PARTITION_RESETTING;
}

static void on_seek(struct dh_back *back, struct dh_command_seek *command)
{
    struct dh_partition *row =
        dh_partitions_at(&back->partitions, command->slot, command->term.assignment);
    // One that overtook the news of a revocation is too late.
    if (row != NULL) {
        seek(row, command);
        dh_partitions_touch(&back->partitions, row);
    }
    dh_outbox_post(&back->outbox, &command->message);
}

static void on_pause(struct dh_back *back, struct dh_command_pause *command)
{
    struct dh_partition *row =
        dh_partitions_at(&back->partitions, command->slot, command->assignment);
    if (row != NULL && row->is_paused != command->paused) {
        row->is_paused = command->paused;
        dh_partitions_touch(&back->partitions, row);
    }
    dh_outbox_post(&back->outbox, &command->message);
}

static void on_find(struct dh_back *back, struct dh_command_find *command)
{
    struct dh_partition *row =
        dh_partitions_at(&back->partitions, command->slot, command->assignment);
    if (row != NULL && row->state == DH_PARTITION_ADDED && !row->is_revoking) {
        row->state = DH_PARTITION_STARTING;
        dh_partitions_touch(&back->partitions, row);
    }
    dh_outbox_post(&back->outbox, &command->message);
}

static void on_rebalance(struct dh_back *back, struct dh_command_rebalance *command,
                         int64_t now_ns)
{
    if (back->membership != NULL) {
        back->membership->cls->rebalance(back->membership, command->reason, now_ns);
    }
    dh_outbox_post(&back->outbox, &command->message);
}

static enum dohle_idle_reason idle_reason(const struct dh_back *back,
                                          const struct dh_partition *row, int64_t now_ns)
{
    if (row->is_revoking) {
        return DOHLE_IDLE_REVOKING;
    }
    switch (row->state) {
    case DH_PARTITION_ADDED:
    case DH_PARTITION_STARTING:
    case DH_PARTITION_RESETTING: return DOHLE_IDLE_NO_POSITION;
    case DH_PARTITION_VALIDATING: return DOHLE_IDLE_VALIDATING;
    case DH_PARTITION_FAILED: return DOHLE_IDLE_ERROR;
    case DH_PARTITION_FETCHING: break;
    case DH_PARTITION_FREE:
    case DH_PARTITION_GONE: return DOHLE_IDLE_REVOKING;
    }
    return row->is_paused ? DOHLE_IDLE_PAUSED
                          : dh_fetcher_idle_reason(&back->fetcher, row, now_ns);
}

static void on_idle_reason(struct dh_back *back, struct dh_command_idle_reason *command,
                           int64_t now_ns)
{
    const struct dh_partition *row =
        dh_partitions_at(&back->partitions, command->slot, command->assignment);
    command->reason =
        row == NULL ? DOHLE_IDLE_REVOKING : (int)idle_reason(back, row, now_ns);
    snprintf(command->text, sizeof(command->text), "%s",
             dh_requests_why_waiting(back->requests));
    dh_outbox_post(&back->outbox, &command->message);
}

static void set_closed(dohle_error_info *error)
{
    *error = (dohle_error_info){
        .code = DOHLE_ERR_CLOSED, .node_id = -1, .partition = -1, .offset = -1};
    snprintf(error->text, sizeof(error->text), "%s", dohle_error_text(DOHLE_ERR_CLOSED));
}

/*
 * After CLOSE: commands are answered with CLOSED, notices that come back are freed.
 * The kinds are the same in both switches, so that none is forgotten.
 */
static void refuse(struct dh_back *back, struct dh_message *message)
{
    switch (message->kind) {
    case DH_COMMAND_SUBSCRIBE:
        DH_CONTAINER_OF(message, struct dh_command_subscribe, message)->err =
            DOHLE_ERR_CLOSED;
        break;
    case DH_COMMAND_UNSUBSCRIBE:
    case DH_COMMAND_CLOSE: // the second one has nothing left to do
        DH_CONTAINER_OF(message, struct dh_command_leave, message)->err = 0;
        break;
    case DH_COMMAND_ASSIGN:
        DH_CONTAINER_OF(message, struct dh_command_assign, message)->err =
            DOHLE_ERR_CLOSED;
        break;
    case DH_COMMAND_COMMIT:
        set_closed(&DH_CONTAINER_OF(message, struct dh_command_commit, message)->error);
        break;
    case DH_COMMAND_COMMITTED:
    case DH_COMMAND_LIST_OFFSETS:
        set_closed(&DH_CONTAINER_OF(message, struct dh_command_offsets, message)->error);
        break;
    case DH_COMMAND_TOPICS:
        set_closed(&DH_CONTAINER_OF(message, struct dh_command_topics, message)->error);
        break;
    case DH_COMMAND_IDLE_REASON:
        DH_CONTAINER_OF(message, struct dh_command_idle_reason, message)->reason =
            DOHLE_IDLE_REVOKING;
        break;
    case DH_COMMAND_SEEK:
    case DH_COMMAND_PAUSE:
    case DH_COMMAND_FIND:
    case DH_COMMAND_REBALANCE: break;
    case DH_NOTICE_CHUNK:
    case DH_NOTICE_POSITION:
    case DH_NOTICE_PARTITION_ERROR:
    case DH_NOTICE_ERROR:
    case DH_NOTICE_REVOKE:
    case DH_NOTICE_LOSE:
    case DH_NOTICE_ASSIGN:
    case DH_NOTICE_TOPICS:
    case DH_NOTICE_TROUBLE:
        // An error notice is known to the outbox, which goes on to the end.
        if (message->kind == DH_NOTICE_ERROR) {
            dh_outbox_on_error_returned(
                &back->outbox, back->mem,
                DH_CONTAINER_OF(message, struct dh_notice_error, message));
            return;
        }
        dh_message_free(back->mem, message);
        return;
    }
    dh_outbox_post(&back->outbox, message);
}

// Some commands do not wait for what closing waits for.
static bool is_refused_while_closing(enum dh_message_kind kind)
{
    return kind == DH_COMMAND_SUBSCRIBE || kind == DH_COMMAND_UNSUBSCRIBE ||
           kind == DH_COMMAND_ASSIGN || kind == DH_COMMAND_CLOSE ||
           kind == DH_COMMAND_COMMITTED || kind == DH_COMMAND_LIST_OFFSETS ||
           kind == DH_COMMAND_TOPICS;
}

static void dispatch(struct dh_back *back, struct dh_message *message, int64_t now_ns)
{
    switch (message->kind) {
    case DH_COMMAND_SUBSCRIBE:
        on_subscribe(back, DH_CONTAINER_OF(message, struct dh_command_subscribe, message),
                     now_ns);
        return;
    case DH_COMMAND_UNSUBSCRIBE:
        on_unsubscribe(back, DH_CONTAINER_OF(message, struct dh_command_leave, message),
                       now_ns);
        return;
    case DH_COMMAND_ASSIGN:
        on_assign(back, DH_CONTAINER_OF(message, struct dh_command_assign, message),
                  now_ns);
        return;
    case DH_COMMAND_SEEK:
        on_seek(back, DH_CONTAINER_OF(message, struct dh_command_seek, message));
        return;
    case DH_COMMAND_PAUSE:
        on_pause(back, DH_CONTAINER_OF(message, struct dh_command_pause, message));
        return;
    case DH_COMMAND_FIND:
        on_find(back, DH_CONTAINER_OF(message, struct dh_command_find, message));
        return;
    case DH_COMMAND_COMMIT:
        dh_commits_submit(&back->commits,
                          DH_CONTAINER_OF(message, struct dh_command_commit, message),
                          now_ns);
        return;
    case DH_COMMAND_COMMITTED:
    case DH_COMMAND_LIST_OFFSETS:
    case DH_COMMAND_TOPICS: dh_lookups_submit(&back->lookups, message, now_ns); return;
    case DH_COMMAND_REBALANCE:
        on_rebalance(back, DH_CONTAINER_OF(message, struct dh_command_rebalance, message),
                     now_ns);
        return;
    case DH_COMMAND_IDLE_REASON:
        on_idle_reason(back,
                       DH_CONTAINER_OF(message, struct dh_command_idle_reason, message),
                       now_ns);
        return;
    case DH_COMMAND_CLOSE:
        on_close(back, DH_CONTAINER_OF(message, struct dh_command_leave, message),
                 now_ns);
        return;
    case DH_NOTICE_CHUNK:
        dh_fetcher_on_chunk_returned(
            &back->fetcher, DH_CONTAINER_OF(message, struct dh_chunk, message), now_ns);
        return;
    case DH_NOTICE_ERROR:
        dh_outbox_on_error_returned(
            &back->outbox, back->mem,
            DH_CONTAINER_OF(message, struct dh_notice_error, message));
        return;
    case DH_NOTICE_REVOKE:
    case DH_NOTICE_LOSE:
    case DH_NOTICE_ASSIGN:
        back->membership->cls->on_ownership_done(
            back->membership,
            DH_CONTAINER_OF(message, struct dh_notice_ownership, message), now_ns);
        return;
    case DH_NOTICE_TROUBLE:
        back->trouble = DH_CONTAINER_OF(message, struct dh_notice_trouble, message);
        return;
    case DH_NOTICE_POSITION:
    case DH_NOTICE_PARTITION_ERROR:
    case DH_NOTICE_TOPICS: dh_message_free(back->mem, message); return;
    }
}

// ---- After each turn ----

static bool tell_metadata(struct dh_back *back, int64_t now_ns)
{
    uint64_t version = dh_cluster_version(back->cluster);
    uint64_t updates = dh_cluster_updates(back->cluster);
    if (version == back->cluster_version && updates == back->cluster_updates) {
        return false;
    }
    back->cluster_version = version;
    back->cluster_updates = updates;
    if (back->membership != NULL) {
        back->membership->cls->on_metadata(back->membership, now_ns);
    }
    dh_positions_on_metadata(&back->positions, now_ns);
    dh_fetcher_on_metadata(&back->fetcher, now_ns);
    dh_lookups_on_metadata(&back->lookups, now_ns);
    return true;
}

static bool show_changed_rows(struct dh_back *back, int64_t now_ns)
{
    bool has_any = false;
    for (struct dh_partition *row;
         (row = dh_partitions_next_changed(&back->partitions)) != NULL;) {
        dh_positions_on_changed(&back->positions, row, now_ns);
        dh_fetcher_on_changed(&back->fetcher, row, now_ns);
        if (row->state == DH_PARTITION_GONE) {
            dh_partitions_release(&back->partitions, row);
        }
        has_any = true;
    }
    return has_any;
}

static void tell_trouble(struct dh_back *back)
{
    uint64_t version = dh_requests_trouble_version(back->requests);
    if (back->trouble == NULL || version == back->trouble_version) {
        return;
    }
    back->trouble_version = version;
    const char *text = dh_requests_last_trouble(back->requests);
    if (strcmp(text, back->trouble_text) == 0) {
        return;
    }
    snprintf(back->trouble_text, sizeof(back->trouble_text), "%s", text);
    snprintf(back->trouble->text, sizeof(back->trouble->text), "%s", text);
    dh_outbox_post(&back->outbox, &back->trouble->message);
    back->trouble = NULL;
}

// Passes on what the turn has changed. True: something was.
static bool end_turn(struct dh_back *back, int64_t now_ns)
{
    if (back->state == BACK_CLOSED) {
        return false;
    }
    bool has_metadata = tell_metadata(back, now_ns);
    bool has_rows = show_changed_rows(back, now_ns);
    bool has_room = dh_fetcher_end_turn(&back->fetcher, now_ns);
    tell_trouble(back);
    step_close(back, now_ns);
    return has_metadata || has_rows || has_room;
}

// ---- Inputs ----

void dh_back_input(struct dh_back *back, struct dh_message *message, int64_t now_ns)
{
    back->now_ns = now_ns;
    if (back->state == BACK_CLOSED ||
        (back->state == BACK_CLOSING && is_refused_while_closing(message->kind))) {
        refuse(back, message);
        return;
    }
    dispatch(back, message, now_ns);
    (void)end_turn(back, now_ns);
}

void dh_back_on_resolved(struct dh_back *back, uint32_t connection_id,
                         const struct dh_address *addresses, size_t count, int err,
                         const char *text, int64_t now_ns)
{
    back->now_ns = now_ns;
    dh_requests_on_resolved(back->requests, connection_id, addresses, count, err, text,
                            now_ns);
    (void)end_turn(back, now_ns);
}

void dh_back_on_connected(struct dh_back *back, uint32_t connection_id, int64_t now_ns)
{
    back->now_ns = now_ns;
    dh_requests_on_connected(back->requests, connection_id, now_ns);
    (void)end_turn(back, now_ns);
}

void dh_back_on_closed(struct dh_back *back, uint32_t connection_id, int err,
                       const char *text, int64_t now_ns)
{
    back->now_ns = now_ns;
    dh_requests_on_closed(back->requests, connection_id, err, text, now_ns);
    (void)end_turn(back, now_ns);
}

bool dh_back_receive_buffer(struct dh_back *back, uint32_t connection_id,
                            uint8_t **pointer, size_t *capacity)
{
    return dh_requests_receive_buffer(back->requests, connection_id, pointer, capacity);
}

void dh_back_on_received(struct dh_back *back, uint32_t connection_id, size_t size,
                         int64_t now_ns)
{
    back->now_ns = now_ns;
    dh_requests_on_received(back->requests, connection_id, size, now_ns);
    (void)end_turn(back, now_ns);
}

void dh_back_on_sent(struct dh_back *back, uint32_t connection_id, int64_t now_ns)
{
    back->now_ns = now_ns;
    dh_requests_on_sent(back->requests, connection_id, now_ns);
}

void dh_back_on_bytes_released(struct dh_back *back, int64_t now_ns)
{
    back->now_ns = now_ns;
    if (back->has_modules) {
        dh_fetcher_on_bytes_released(&back->fetcher);
    }
    (void)end_turn(back, now_ns);
}

// ---- Outputs ----

bool dh_back_next_action(struct dh_back *back, struct dh_action *action)
{
    // Handlers may have run inside: what they changed may lead to more.
    do {
        if (dh_requests_next_action(back->requests, action, back->now_ns)) {
            return true;
        }
    } while (end_turn(back, back->now_ns));
    return false;
}

struct dh_message *dh_back_next_event(struct dh_back *back)
{
    for (struct dh_link *link;
         (link = dh_list_pop_front(&back->outbox.messages)) != NULL;) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        if (message != &back->leave.message) {
            return message;
        }
        // The membership has left: ours to know. The answer to CLOSE may be next.
        back->is_leave_done = true;
        step_close(back, back->now_ns);
    }
    return NULL;
}

int64_t dh_back_deadline(const struct dh_back *back)
{
    return dh_alarms_deadline(&back->alarms);
}

void dh_back_tick(struct dh_back *back, struct dh_poll_mark mark, int64_t now_ns)
{
    back->now_ns = now_ns;
    back->poll_mark = mark;
    dh_alarms_run(&back->alarms, now_ns);
    (void)end_turn(back, now_ns);
}

bool dh_back_is_finished(const struct dh_back *back)
{
    return back->state == BACK_CLOSED && dh_list_is_empty(&back->outbox.messages) &&
           dh_requests_is_closed(back->requests);
}

void dh_back_check(const struct dh_back *back)
{
    size_t assigned_count = 0;
    size_t cursor = 0;
    for (const struct dh_partition *row;
         (row = dh_partitions_next(&back->partitions, &cursor)) != NULL;) {
        DH_ASSERT(row->term.assignment >= 1);
        DH_ASSERT(row->term.assignment <= back->partitions.assignment_last);
        DH_ASSERT(row->state != DH_PARTITION_FREE && row->state != DH_PARTITION_GONE);
        DH_ASSERT(!dh_link_is_linked(&row->changed_link));
        assigned_count++;
    }
    DH_ASSERT(assigned_count == back->partitions.assigned_count);
    DH_ASSERT((back->state == BACK_CLOSING) == (back->close != NULL));
    if (back->requests != NULL) {
        dh_requests_check(back->requests);
    }
    if (back->has_modules) {
        dh_fetcher_check(&back->fetcher);
    }
}
