// SPDX-License-Identifier: MIT
/*
 * One consumer: a back half, a front half, the two queues between them, and the
 * thread boundary that api/consumer.c and api/io_thread.c are in production.
 *
 *                     application (application.h)
 *                        | calls          ^ returns, callbacks
 *                     front half  <-- taken when a call looks -- arrived
 *                        |                                          ^
 *                     commands, one by one, late        notices, one by one, late
 *                        v                                          |
 *                     back half  <-- network, its timer
 *
 * A queue keeps its order and may take any time for each message, so that every
 * order of the two threads' steps is met. The front half is given what has arrived
 * only while a call is running, as in production. The back half's timer is late by a
 * little. A wakeup comes at any time.
 *
 * What is seen here goes into the history: the member mirrors slots, terms and the
 * chunks that the front half holds, so as to know what each record was fetched under.
 *
 * Lives: OPEN -> CLOSED (close has returned: the front half is gone, the back half
 * says good-bye) -> ENDED. A killed member goes from any of them to ENDED at once.
 */
#ifndef DH_TESTS_SIM_MEMBER_H
#define DH_TESTS_SIM_MEMBER_H

#include "base/settings.h"
#include "broker.h"
#include "client/back/back.h"
#include "client/front/front.h"
#include "history.h"
#include "memory.h"
#include "network.h"

#define SIM_CALLS_MAX  3
#define SIM_SLOTS_MAX  64
#define SIM_CHUNKS_MAX 256

struct sim_member;
struct sim_world;

enum sim_member_state {
    SIM_MEMBER_OPEN,
    SIM_MEMBER_CLOSED,
    SIM_MEMBER_ENDED,
};

struct sim_member_options {
    int group; // SIM_GROUP_NONE: none
    bool is_by_hand;
    bool is_earliest;
    bool has_listener;
    bool has_auto_commit;
};

// A call on the stack: the outer ones are inside their callbacks.
struct sim_call {
    struct dh_call call;
    uint64_t number;
    const char *name;
    int callback_steps; // what the application still does in the callback
};

struct sim_slot {
    int place; // -1: free
    struct dh_term term;
};

struct sim_held_chunk {
    const struct dh_chunk *chunk;
    int place;
    struct dh_term term;
};

// What the application knows of a place.
struct sim_place_state {
    bool is_owned; // an OWNED event was written
    bool is_mine;  // by hand: in the present assignment
    bool is_paused;
    bool is_next_known;
    int64_t next;        // after the last record delivered, or sought, or told
    uint64_t assignment; // that was owned last
    uint64_t revoked;    // the last one that a notice took away
};

struct sim_pending_record {
    int place;
    int64_t offset;
};

struct sim_member {
    struct sim_world *world;
    int index;
    struct sim_member_options options;
    enum sim_member_state state;
    struct sim_memory memory;
    dohle_log_sink log;
    struct dh_settings settings;
    struct sim_client client;
    struct dh_back *back;
    struct dh_front *front; // NULL: closed
    // The queues.
    struct dh_list commands;
    struct dh_list notices;
    struct dh_list arrived; // notices that the front half may take
    bool is_command_scheduled;
    bool is_notice_scheduled;
    bool is_woken;
    struct dh_poll_mark mark;
    uint64_t timer_number;
    int64_t timer_ns; // armed; DH_NEVER
    int64_t linger_ns;
    uint64_t ticks; // at ticks_ms: a busy loop shows
    int64_t ticks_ms;
    // Calls.
    struct sim_call calls[SIM_CALLS_MAX];
    size_t depth;
    bool is_waiting; // the innermost call waits for a message or its deadline
    uint64_t wait_number;
    // Mirrors.
    unsigned
        leaves_pending; // notices that cross them are about a membership that is over
    struct sim_slot slots[SIM_SLOTS_MAX];
    struct sim_held_chunk chunks[SIM_CHUNKS_MAX];
    size_t chunk_count;
    struct sim_place_state places[SIM_PLACES_MAX];
    // The application.
    struct sim_pending_record *pending; // delivered, not processed; owned
    size_t pending_count;
    size_t pending_capacity;
    uint64_t turn_number;
    int64_t busy_until_ns;
    int subscription; // bits: topics
    bool is_closing;
    struct dohle_offset offsets[SIM_PLACES_MAX]; // of a committed call
};

struct sim_member *sim_member_new(struct sim_world *world, int index,
                                  const struct sim_member_options *options);
void sim_member_free(struct sim_member *member);

// The process dies.
void sim_member_kill(struct sim_member *member);

// ---- For the application ----

struct sim_world_counts;

// Writes an event of this member.
void sim_member_tell(struct sim_member *member, enum sim_event_kind kind, int place,
                     int64_t offset);

// A new call on the stack, to be begun with dh_front_begin_*.
struct sim_call *sim_member_call(struct sim_member *member, const char *name,
                                 int64_t deadline_ns);
// Goes on with the innermost call, once it was begun.
void sim_member_drive(struct sim_member *member);

// What was wished without waiting is handed to the back half.
void sim_member_flush(struct sim_member *member);

// From any other thread.
void sim_member_wakeup(struct sim_member *member);

void sim_member_own(struct sim_member *member, int place, uint64_t assignment);
void sim_member_disown(struct sim_member *member, int place);

#endif
