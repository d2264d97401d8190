// SPDX-License-Identifier: MIT
/*
 * The classic protocol of one group: members, generations, rebalances.
 *
 *     Empty --join--> PreparingRebalance --all joined, or time-out--> CompletingRebalance
 *       ^                |    ^      ^                                     |         |
 *       |  nobody joined |    |      +---- join, leave, time-out, error ---+         |
 *       +----------------+    +--------- join, leave, time-out ------ Stable <-sync--+
 *
 * A join phase ends when every member has joined again and no member id is promised to one who
 * has not come back with it, or when its time is over; the first of a group (from Empty) ends
 * by time alone (GC-020, 021). Its end gives out a new generation (GC-025), and the leader's
 * SyncGroup writes the group's record, with all assignments, before anybody is told them.
 *
 * Records are written at three points only: with the assignment, when a group becomes Empty, and
 * when a static member of a Stable group comes back under another member id. Besides, a group
 * that a join has made is written empty, as Apache Kafka does.
 *
 * Who waits in a join or sync is a caller in its member. A member whose connection went away
 * keeps its place (is_awaiting_*), since its client asks again, on another.
 *
 * A session is renewed by heartbeats, by commits, and when a phase that the member waited for
 * ends; not by a join or sync that is answered at once (seen with Apache Kafka 4.4.0; GC-027 is
 * wider).
 *
 * Session time-outs cost a heartbeat no walk in the heap: the deadline is stored, and the alarm,
 * which is armed for an earlier one, looks at it when it fires.
 *
 * No memory: what a request needs is taken before anything changes, and the request is answered
 * COORDINATOR_NOT_AVAILABLE. A join phase that cannot end for want of memory is tried again
 * after DH_GROUP_MEMORY_RETRY_MS.
 *
 * Source: ClassicGroup, GroupMetadataManager in Apache Kafka 4.4; rows GC-020 to GC-057.
 */
#ifndef DH_COORDINATOR_CLASSIC_H
#define DH_COORDINATOR_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "coordinator/state.h"

struct dh_group;
struct dh_join_group_request;

// A new member waits in its first join at most this long (Kafka's newMemberJoinTimeout).
#define DH_GROUP_NEW_MEMBER_TIMEOUT_MS (5 * 60 * 1000)
#define DH_GROUP_MEMORY_RETRY_MS       100
// More protocols than this a member may not have.
#define DH_GROUP_PROTOCOLS_MAX ((size_t)256)

enum dh_classic_group_state {
    /* No members. Offsets may be there. Waits for a join.
     *   -> PREPARING    a member joins */
    DH_GROUP_EMPTY,
    /* Members join; heartbeats answer REBALANCE_IN_PROGRESS.
     *   -> COMPLETING   all have joined, or the time is over
     *   -> EMPTY        the same, and there are no members */
    DH_GROUP_PREPARING,
    /* A new generation is given out; waits for the assignment of its leader.
     *   -> STABLE       it came and is written
     *   -> PREPARING    a member joins, leaves or expires; it could not be written */
    DH_GROUP_COMPLETING,
    /* The assignment is durable.
     *   -> PREPARING    a member joins, leaves or expires; the leader joins again */
    DH_GROUP_STABLE,
};

// A timer that knows what to do. Lives in a group or a member.
struct dh_group_alarm {
    struct dh_timer timer;
    void (*due)(struct dh_group_alarm *alarm);
};

struct dh_group_protocol {
    dohle_bytes name;
    dohle_bytes metadata;
};

// Assignors of a member, the preferred one first, each name once. One block with what it
// points to.
struct dh_group_protocols {
    struct dh_group_protocol *items;
    size_t count;
    size_t size; // of the block; 0: borrowed
};

struct dh_group_member {
    struct dh_link link; // in members_in_order
    struct dh_group *group;
    dohle_bytes id;          // owned
    dohle_bytes instance_id; // owned; null: a dynamic member
    dohle_bytes client_id;   // owned
    dohle_bytes client_host; // owned
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
    struct dh_group_protocols protocols;
    struct dh_group_protocol restored; // the one a record tells; protocols may borrow it
    dohle_bytes assignment;            // into the group's record; "" outside Stable
    struct dh_group_alarm session;
    int64_t session_deadline_ns; // the alarm may be armed for an earlier time
    struct dh_coordinator_caller *join_caller; // NULL: gone, or nobody waits
    struct dh_coordinator_caller *sync_caller;
    bool is_awaiting_join;
    bool is_awaiting_sync;
    bool is_new;          // has not been told its generation yet
    bool is_sync_pending; // has not sent SyncGroup in this generation
};

// A member id that was given out and has not come back yet (KIP-394).
struct dh_group_pending {
    struct dh_group *group;
    dohle_bytes id; // owned
    struct dh_group_alarm session;
};

struct dh_classic_group {
    enum dh_classic_group_state state;
    enum dh_classic_group_state previous;
    int32_t generation;
    dohle_bytes protocol_type; // owned; null: none
    dohle_bytes protocol_name; // owned; null: none chosen
    struct dh_group_member *leader;
    int64_t state_timestamp_ms;      // -1: unknown
    struct dh_list members_in_order; // of joining; the order of every answer and record
    struct dh_map members;           // struct dh_group_member by member id
    struct dh_map static_members;    // the same by instance id
    struct dh_map pending;           // struct dh_group_pending by member id
    size_t awaiting_join_count;
    size_t sync_pending_count;
    struct dh_group_alarm join; // the end of the join phase
    struct dh_group_alarm sync; // the end of the time for SyncGroup
    bool has_newcomer;          // a member came since the initial delay was armed
    int32_t initial_delay_ms;   // the one that is running
    int32_t initial_left_ms;    // how much more it may be extended
};

// A copy with a NUL behind it; null stays null. False: no memory.
DH_MUST_CHECK bool dh_group_text_copy(const dohle_allocator *mem, dohle_bytes text,
                                      dohle_bytes *copy);
void dh_group_text_free(const dohle_allocator *mem, dohle_bytes text);

// ---- Life (classic.c) ----

// Reserves places for the group's alarms. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_classic_group_init(struct dh_group *group);
// Without members, pending ids and texts; the alarms are off.
void dh_classic_group_clear(struct dh_group *group);
void dh_classic_group_deinit(struct dh_group *group);
const char *dh_classic_group_state_name(enum dh_classic_group_state state);

// ---- Members (member.c) ----

// Copies the texts; id, instance_id (null: dynamic), client_id, client_host. NULL: no memory.
DH_MUST_CHECK struct dh_group_member *
dh_group_member_new(struct dh_group *group, dohle_bytes id, dohle_bytes instance_id,
                    dohle_bytes client_id, dohle_bytes client_host);
void dh_group_member_free(struct dh_group_member *member);
// Returns 0 or DOHLE_ERR_NO_MEMORY, with the group unchanged.
DH_MUST_CHECK int dh_group_member_add(struct dh_group_member *member);
// Frees it; another member becomes leader. Whoever waits was answered before.
void dh_group_member_remove(struct dh_group_member *member);
struct dh_group_member *dh_group_member_find(const struct dh_group *group,
                                             dohle_bytes id);
struct dh_group_member *dh_group_member_find_static(const struct dh_group *group,
                                                    dohle_bytes instance_id);
/*
 * The member gets another id; whoever waits under the old one is told FENCED_INSTANCE_ID. Returns
 * 0 or DOHLE_ERR_NO_MEMORY, with nothing changed.
 */
DH_MUST_CHECK int dh_group_fence(struct dh_group_member *member, dohle_bytes new_id);

// Copies the protocols of a request. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_group_protocols_copy(const dohle_allocator *mem,
                                          const struct dh_join_group_request *request,
                                          struct dh_group_protocols *protocols);
void dh_group_protocols_free(const dohle_allocator *mem,
                             struct dh_group_protocols *protocols);
bool dh_group_protocols_equal(const struct dh_group_protocols *a,
                              const struct dh_group_protocols *b);
// The metadata under that name; NULL: not supported.
const dohle_bytes *dh_group_protocols_find(const struct dh_group_protocols *protocols,
                                           dohle_bytes name);

/*
 * Which member asks: 0, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID (GC-057). instance_id null:
 * not told.
 */
int16_t dh_group_member_check(const struct dh_group *group, dohle_bytes id,
                              dohle_bytes instance_id);

// The member is alive: its session ends in session_timeout_ms, or in timeout_ms.
void dh_group_member_touch(struct dh_group_member *member);
void dh_group_member_touch_for(struct dh_group_member *member, int64_t timeout_ms);

// NULL: no memory. The id expires after session_timeout_ms.
DH_MUST_CHECK struct dh_group_pending *
dh_group_pending_add(struct dh_group *group, dohle_bytes id, int32_t session_timeout_ms);
struct dh_group_pending *dh_group_pending_find(const struct dh_group *group,
                                               dohle_bytes id);
void dh_group_pending_remove(struct dh_group_pending *pending);

// "<prefix>-<uuid>", copied. Null data: no memory.
dohle_bytes dh_group_member_id_new(struct dh_group *group, dohle_bytes prefix);

// ---- Answers (answer.c): to who waits, or the caller at hand ----

struct dh_join_group_response;
struct dh_sync_group_response;

// member_id: echoed.
void dh_group_refuse_join(struct dh_coordinator *coordinator,
                          struct dh_coordinator_caller *caller, dohle_bytes member_id,
                          int16_t code);
void dh_group_refuse_sync(struct dh_coordinator *coordinator,
                          struct dh_coordinator_caller *caller, int16_t code);
/*
 * The current generation. The leader is told all members; without the memory for that it is
 * told to ask again.
 */
void dh_group_answer_join(struct dh_group_member *member,
                          struct dh_coordinator_caller *caller);
// A static member came back and nothing is rebalanced: the leader is who is told here, and
// `members` is for a leader that shall skip its assignment (KIP-814); NULL: not one.
void dh_group_answer_join_static(struct dh_group_member *member,
                                 struct dh_coordinator_caller *caller, dohle_bytes leader,
                                 struct dh_join_group_response *members);
void dh_group_answer_sync(struct dh_group_member *member,
                          struct dh_coordinator_caller *caller);
// The record of the group as it is; arrays in the arena, views into the group. Returns 0 or
// DOHLE_ERR_NO_MEMORY.
struct dh_group_metadata_value;
DH_MUST_CHECK int dh_group_fill_record(const struct dh_group *group,
                                       struct dh_arena *arena,
                                       struct dh_group_metadata_value *value);
// The members of the group into a join response, in the arena. Returns 0 or
// DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_group_fill_members(const struct dh_group *group,
                                        struct dh_arena *arena,
                                        struct dh_join_group_response *response);

// The member waits with that caller; one who waited before asks again, elsewhere.
void dh_group_await_join(struct dh_group_member *member,
                         struct dh_coordinator_caller *caller);
void dh_group_await_sync(struct dh_group_member *member,
                         struct dh_coordinator_caller *caller);
// Ends a wait with an error; nothing happens when the member does not wait.
void dh_group_end_join_wait(struct dh_group_member *member, dohle_bytes member_id,
                            int16_t code);
void dh_group_end_sync_wait(struct dh_group_member *member, int16_t code);
// Takes the caller out of a wait that ends well; NULL: its connection is gone.
struct dh_coordinator_caller *dh_group_take_join_caller(struct dh_group_member *member);
struct dh_coordinator_caller *dh_group_take_sync_caller(struct dh_group_member *member);

// ---- Rebalances (rebalance.c) ----

// The largest of the members' (GC-020).
int32_t dh_group_rebalance_timeout_ms(const struct dh_group *group);
// May a member with this type and these protocols be in the group?
bool dh_group_supports(const struct dh_group *group, dohle_bytes protocol_type,
                       const struct dh_group_protocols *protocols);
/*
 * The protocol with most votes (GC-024), as if `other` had `protocols`; other may be NULL. A view
 * into the protocols of a member. Null: there are no members.
 */
dohle_bytes dh_group_select_protocol(const struct dh_group *group,
                                     const struct dh_group_member *other,
                                     const struct dh_group_protocols *protocols);

// A member was added or updated: begin a rebalance, or see whether the join phase is over.
void dh_group_member_joined(struct dh_group *group, const char *reason);
void dh_group_prepare_rebalance(struct dh_group *group, const char *reason);
// The join phase ends if nobody is missing; not the initial one.
void dh_group_complete_join_if_ready(struct dh_group *group);
// Members are gone, from whatever state.
void dh_group_members_left(struct dh_group *group, const char *reason);
bool dh_group_has_all_joined(const struct dh_group *group);
// Nobody has to sync any more.
void dh_group_clear_sync_pending(struct dh_group *group);
void dh_group_sync_received(struct dh_group_member *member);
// Forgets all assignments; whoever waits for one gets the code.
void dh_group_reset_assignments(struct dh_group *group, int16_t code);
// Removes a member; if it waits, it is told UNKNOWN_MEMBER_ID.
void dh_group_remove_waiting(struct dh_group_member *member);
// What the alarms do.
void dh_group_join_phase_over(struct dh_group_alarm *alarm);
void dh_group_sync_phase_over(struct dh_group_alarm *alarm);
void dh_group_expire_member(struct dh_group_alarm *alarm);
void dh_group_expire_pending(struct dh_group_alarm *alarm);

// One state, one place: logs and tells who watches.
void dh_group_set_state(struct dh_group *group, enum dh_classic_group_state state);

#endif
