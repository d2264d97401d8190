// SPDX-License-Identifier: MIT
/*
 * A coordinator of one classic group, honest and small.
 *
 *   EMPTY ------> PREPARING ------> COMPLETING ------> STABLE
 *     ^  a join    |   ^  all have     |  the leader's     |
 *     |            |   |  joined, or   |  assignment       | a join, a leave,
 *     +------------+   |  their time   v                   | a session that ended
 *      nobody left     |  is over  +---+                   |
 *                      +-----------+-----------------------+
 *
 * Each completed join has a generation, one higher than the last. What speaks under
 * another one, or under no known member id, is refused. A member that does not join or
 * sync in time, or is silent for its session time-out, is removed. A first join is
 * answered MEMBER_ID_REQUIRED with an id (KIP-394).
 *
 * Offsets are kept for ever. They are fenced by member and generation, except in a
 * group without members and when the request names none.
 *
 * Source: GroupMetadataManager and ClassicGroup of Apache Kafka 4.4.
 */
#ifndef DH_TESTS_SIM_GROUP_H
#define DH_TESTS_SIM_GROUP_H

#include "history.h"
#include "request.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/sync_group.h"

#define SIM_GROUP_MEMBERS_MAX 32
#define SIM_BLOB_BYTES_MAX    1024
#define SIM_MEMBER_ID_BYTES   32

enum sim_group_state {
    SIM_GROUP_EMPTY,
    SIM_GROUP_PREPARING,
    SIM_GROUP_COMPLETING,
    SIM_GROUP_STABLE,
};

struct sim_blob {
    uint8_t data[SIM_BLOB_BYTES_MAX];
    size_t size;
};

struct sim_group_member {
    char id[SIM_MEMBER_ID_BYTES]; // "": a free place
    bool is_pending;              // has an id, and has not joined with it yet
    int64_t session_ns;
    int64_t rebalance_ns;
    int64_t expires_ns;    // unless it says something
    bool has_joined;       // in this round: PREPARING
    bool has_synced;       // in this round: COMPLETING
    struct sim_token join; // parked
    struct sim_token sync; // parked
    struct sim_blob metadata;
    struct sim_blob assignment;
};

struct sim_group {
    struct sim_scheduler *scheduler;
    struct sim_history *history;
    int number;
    const char *id; // owned by the broker
    enum sim_group_state state;
    int32_t generation;
    int leader; // index of a member; -1: none
    char protocol[32];
    struct sim_group_member members[SIM_GROUP_MEMBERS_MAX];
    int64_t round_ends_ns;           // PREPARING, COMPLETING
    int64_t round_starts_ns;         // PREPARING: joins are awaited at least until then
    uint64_t ids;                    // given out
    uint64_t rebalances;             // completed
    int64_t offsets[SIM_PLACES_MAX]; // committed; -1: nothing
    int32_t epochs[SIM_PLACES_MAX];
};

void sim_group_init(struct sim_group *group, struct sim_scheduler *scheduler,
                    struct sim_history *history, int number, const char *id);

// Each answers, now or later.
void sim_group_join(struct sim_group *group, struct sim_request *request);
void sim_group_sync(struct sim_group *group, struct sim_request *request);
void sim_group_heartbeat(struct sim_group *group, struct sim_request *request);
void sim_group_leave(struct sim_group *group, struct sim_request *request);

// Whether offsets may be stored: 0, or the broker's error code.
int16_t sim_group_check_commit(struct sim_group *group, dohle_bytes member_id,
                               int32_t generation);

// The coordinator moves: who waits is sent away.
void sim_group_move(struct sim_group *group);

int sim_group_member_count(const struct sim_group *group);

#endif
