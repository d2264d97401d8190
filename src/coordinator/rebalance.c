// SPDX-License-Identifier: MIT
#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "coordinator/change.h"
#include "coordinator/group.h"
#include "wire/gen/broker_errors.h"

void dh_group_set_state(struct dh_group *group, enum dh_classic_group_state state)
{
    struct dh_classic_group *classic = &group->classic;
    dh_log(group->coordinator->log, DOHLE_LOG_INFO, "coordinator",
           "group %s, generation %d: %s -> %s, members %zu", (const char *)group->id.data,
           (int)classic->generation, dh_classic_group_state_name(classic->state),
           dh_classic_group_state_name(state), classic->members.count);
    classic->previous = classic->state;
    classic->state = state;
    classic->state_timestamp_ms = group->coordinator->wall_ms;
    dh_group_touch(group);
}

int32_t dh_group_rebalance_timeout_ms(const struct dh_group *group)
{
    int32_t longest_ms = 0;
    DH_LIST_EACH(link, &group->classic.members_in_order)
    {
        const struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        if (member->rebalance_timeout_ms > longest_ms) {
            longest_ms = member->rebalance_timeout_ms;
        }
    }
    return longest_ms;
}

// `other` counts as if it had `protocols`.
static bool is_supported_by_all(const struct dh_group *group, dohle_bytes name,
                                const struct dh_group_member *other,
                                const struct dh_group_protocols *protocols)
{
    DH_LIST_EACH(link, &group->classic.members_in_order)
    {
        const struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        if (dh_group_protocols_find(member == other ? protocols : &member->protocols,
                                    name) == NULL) {
            return false;
        }
    }
    return true;
}

bool dh_group_supports(const struct dh_group *group, dohle_bytes protocol_type,
                       const struct dh_group_protocols *protocols)
{
    const struct dh_classic_group *classic = &group->classic;
    if (classic->state == DH_GROUP_EMPTY) {
        return protocol_type.size > 0 && protocols->count > 0;
    }
    if (dh_bytes_compare(classic->protocol_type, protocol_type) != 0) {
        return false;
    }
    for (size_t i = 0; i < protocols->count; i++) {
        if (is_supported_by_all(group, protocols->items[i].name, NULL, NULL)) {
            return true;
        }
    }
    return false;
}

// The place of a member's vote on the ballot: the first of its wishes that is a candidate.
static size_t vote(const struct dh_group_protocols *wishes,
                   const struct dh_group_protocols *ballot, const bool *is_candidate)
{
    for (size_t i = 0; i < wishes->count; i++) {
        for (size_t at = 0; at < ballot->count; at++) {
            if (is_candidate[at] &&
                dh_bytes_equal(wishes->items[i].name, ballot->items[at].name)) {
                return at;
            }
        }
    }
    return ballot->count;
}

/*
 * Candidates are the names that all support, so each is in the first member's list: that is the
 * ballot. Equal votes: the first member's preference.
 */
dohle_bytes dh_group_select_protocol(const struct dh_group *group,
                                     const struct dh_group_member *other,
                                     const struct dh_group_protocols *protocols)
{
    const struct dh_list *members = &group->classic.members_in_order;
    struct dh_link *first_link = dh_list_first(members);
    if (first_link == NULL) {
        return DH_BYTES_NULL;
    }
    const struct dh_group_member *first =
        DH_CONTAINER_OF(first_link, struct dh_group_member, link);
    const struct dh_group_protocols *ballot =
        first == other ? protocols : &first->protocols;
    bool is_candidate[DH_GROUP_PROTOCOLS_MAX] = {false};
    size_t votes[DH_GROUP_PROTOCOLS_MAX + 1] = {0};
    for (size_t at = 0; at < ballot->count; at++) {
        is_candidate[at] =
            is_supported_by_all(group, ballot->items[at].name, other, protocols);
    }
    DH_LIST_EACH(link, members)
    {
        const struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        votes[vote(member == other ? protocols : &member->protocols, ballot,
                   is_candidate)]++;
    }
    size_t best = 0;
    for (size_t at = 1; at < ballot->count; at++) {
        if (votes[at] > votes[best]) {
            best = at;
        }
    }
    return votes[best] == 0 ? DH_BYTES_NULL : ballot->items[best].name;
}

bool dh_group_has_all_joined(const struct dh_group *group)
{
    const struct dh_classic_group *classic = &group->classic;
    return classic->awaiting_join_count == classic->members.count &&
           classic->pending.count == 0;
}

void dh_group_clear_sync_pending(struct dh_group *group)
{
    struct dh_classic_group *classic = &group->classic;
    DH_LIST_EACH(link, &classic->members_in_order)
    {
        DH_CONTAINER_OF(link, struct dh_group_member, link)->is_sync_pending = false;
    }
    classic->sync_pending_count = 0;
    dh_timers_cancel(&group->coordinator->timers, &classic->sync.timer);
}

void dh_group_sync_received(struct dh_group_member *member)
{
    struct dh_classic_group *classic = &member->group->classic;
    if (!member->is_sync_pending) {
        return;
    }
    member->is_sync_pending = false;
    classic->sync_pending_count--;
    if (classic->sync_pending_count == 0) {
        dh_timers_cancel(&member->group->coordinator->timers, &classic->sync.timer);
    }
}

// ---- The beginning ----

static void arm_join(struct dh_group *group, int64_t delay_ms)
{
    struct dh_coordinator *coordinator = group->coordinator;
    dh_timers_set(&coordinator->timers, &group->classic.join.timer,
                  dh_deadline_after_ms(coordinator->now_ns, delay_ms));
}

static void complete_join(struct dh_group *group);

void dh_group_prepare_rebalance(struct dh_group *group, const char *reason)
{
    struct dh_coordinator *coordinator = group->coordinator;
    struct dh_classic_group *classic = &group->classic;
    dh_log(coordinator->log, DOHLE_LOG_INFO, "coordinator", "group %s rebalances: %s",
           (const char *)group->id.data, reason);
    if (classic->state == DH_GROUP_COMPLETING) {
        dh_group_reset_assignments(group, DH_BROKER_REBALANCE_IN_PROGRESS);
    }
    dh_group_clear_sync_pending(group);
    bool is_initial = classic->state == DH_GROUP_EMPTY;
    if (is_initial) {
        // More members may be about to come (GC-021).
        int32_t delay_ms = coordinator->settings->group_initial_rebalance_delay_ms;
        int32_t left_ms = dh_group_rebalance_timeout_ms(group) - delay_ms;
        classic->initial_delay_ms = delay_ms;
        classic->initial_left_ms = left_ms > 0 ? left_ms : 0;
        classic->has_newcomer = false;
        arm_join(group, delay_ms);
    }
    dh_group_set_state(group, DH_GROUP_PREPARING);
    if (is_initial) {
        return;
    }
    if (dh_group_has_all_joined(group)) {
        complete_join(group);
    } else {
        arm_join(group, dh_group_rebalance_timeout_ms(group));
    }
}

void dh_group_complete_join_if_ready(struct dh_group *group)
{
    const struct dh_classic_group *classic = &group->classic;
    if (classic->state == DH_GROUP_PREPARING && classic->previous != DH_GROUP_EMPTY &&
        dh_group_has_all_joined(group)) {
        complete_join(group);
    }
}

void dh_group_member_joined(struct dh_group *group, const char *reason)
{
    if (group->classic.state == DH_GROUP_PREPARING) {
        dh_group_complete_join_if_ready(group);
    } else {
        dh_group_prepare_rebalance(group, reason);
    }
}

void dh_group_members_left(struct dh_group *group, const char *reason)
{
    switch (group->classic.state) {
    case DH_GROUP_STABLE:
    case DH_GROUP_COMPLETING: dh_group_prepare_rebalance(group, reason); break;
    case DH_GROUP_PREPARING:
        // The initial delay too, when nobody is left to wait for.
        if (dh_group_has_all_joined(group) &&
            (group->classic.previous != DH_GROUP_EMPTY ||
             group->classic.members.count == 0)) {
            complete_join(group);
        }
        break;
    case DH_GROUP_EMPTY: break;
    }
}

// ---- The end ----

// Generations count from 1 and, for the sake of a log that holds anything, go round.
static int32_t next_generation(const struct dh_classic_group *classic)
{
    return classic->generation == INT32_MAX ? 1 : classic->generation + 1;
}

// A member who did not join again is gone; a static one stays as it was (GC-022).
static void remove_absent(struct dh_group *group)
{
    DH_LIST_EACH_SAFE(link, next, &group->classic.members_in_order)
    {
        struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        if (!member->is_awaiting_join && member->instance_id.data == NULL) {
            dh_log(group->coordinator->log, DOHLE_LOG_INFO, "coordinator",
                   "group %s: member %s did not join again and is removed",
                   (const char *)group->id.data, (const char *)member->id.data);
            dh_group_member_remove(member);
        }
    }
}

// False: nobody has joined (GC-023).
static bool elect_leader(struct dh_group *group)
{
    struct dh_classic_group *classic = &group->classic;
    if (classic->leader != NULL && classic->leader->is_awaiting_join) {
        return true;
    }
    DH_LIST_EACH(link, &classic->members_in_order)
    {
        struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        if (member->is_awaiting_join) {
            classic->leader = member;
            return true;
        }
    }
    return false;
}

static void become_empty(struct dh_group *group)
{
    struct dh_classic_group *classic = &group->classic;
    struct dh_coordinator *coordinator = group->coordinator;
    struct dh_group_metadata_value value;
    dh_message_init(&dh_group_metadata_value_type, &value);
    value.protocol_type =
        classic->protocol_type.data == NULL ? DH_BYTES("") : classic->protocol_type;
    value.generation = next_generation(classic);
    value.protocol = DH_BYTES_NULL;
    value.leader = DH_BYTES_NULL;
    value.current_state_timestamp = coordinator->wall_ms;
    struct dh_group_records records;
    dh_group_records_init(&records, coordinator->mem);
    dh_group_records_add_group(&records, group->id, &value);
    int16_t code = dh_coordinator_write(coordinator, &records);
    dh_group_records_deinit(&records);
    if (code == 0) {
        return; // applied
    }
    // After a crash the generation before would be back, without anybody to live in it.
    dh_log(coordinator->log, DOHLE_LOG_WARNING, "coordinator",
           "group %s: that it is empty could not be written (error %d)",
           (const char *)group->id.data, (int)code);
    classic->generation = value.generation;
    dh_group_text_free(coordinator->mem, classic->protocol_name);
    classic->protocol_name = DH_BYTES_NULL;
    dh_group_set_state(group, DH_GROUP_EMPTY);
}

// Takes the name.
static void begin_generation(struct dh_group *group, dohle_bytes protocol_name)
{
    struct dh_classic_group *classic = &group->classic;
    struct dh_coordinator *coordinator = group->coordinator;
    dh_group_text_free(coordinator->mem, classic->protocol_name);
    classic->protocol_name = protocol_name;
    classic->generation = next_generation(classic);
    dh_group_clear_sync_pending(group);
    dh_group_set_state(group, DH_GROUP_COMPLETING);
    DH_LIST_EACH(link, &classic->members_in_order)
    {
        struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        struct dh_coordinator_caller *caller = dh_group_take_join_caller(member);
        if (caller != NULL) {
            dh_group_answer_join(member, caller);
        }
        dh_group_member_touch(member);
        member->is_new = false;
        member->is_sync_pending = true;
        classic->sync_pending_count++;
    }
    dh_timers_set(
        &coordinator->timers, &classic->sync.timer,
        dh_deadline_after_ms(coordinator->now_ns, dh_group_rebalance_timeout_ms(group)));
}

static void complete_join(struct dh_group *group)
{
    struct dh_classic_group *classic = &group->classic;
    struct dh_coordinator *coordinator = group->coordinator;
    dh_timers_cancel(&coordinator->timers, &classic->join.timer);
    remove_absent(group);
    if (classic->members.count == 0) {
        become_empty(group);
        return;
    }
    if (!elect_leader(group)) {
        // Only static members, whose sessions will end if they do not come back (GC-022).
        int32_t timeout_ms = dh_group_rebalance_timeout_ms(group);
        arm_join(group, timeout_ms > 0 ? timeout_ms : 1);
        return;
    }
    dohle_bytes name;
    if (!dh_group_text_copy(coordinator->mem, dh_group_select_protocol(group, NULL, NULL),
                            &name)) {
        arm_join(group, DH_GROUP_MEMORY_RETRY_MS);
        return;
    }
    begin_generation(group, name);
}

void dh_group_join_phase_over(struct dh_group_alarm *alarm)
{
    struct dh_classic_group *classic =
        DH_CONTAINER_OF(alarm, struct dh_classic_group, join);
    struct dh_group *group = DH_CONTAINER_OF(classic, struct dh_group, classic);
    if (classic->state != DH_GROUP_PREPARING) {
        return;
    }
    if (classic->previous != DH_GROUP_EMPTY || !classic->has_newcomer ||
        classic->initial_left_ms == 0) {
        complete_join(group);
        return;
    }
    // Somebody came: there may be more (GC-021).
    int32_t delay_ms = group->coordinator->settings->group_initial_rebalance_delay_ms;
    int32_t left_ms = classic->initial_left_ms;
    classic->has_newcomer = false;
    classic->initial_left_ms =
        left_ms > classic->initial_delay_ms ? left_ms - classic->initial_delay_ms : 0;
    classic->initial_delay_ms = delay_ms < left_ms ? delay_ms : left_ms;
    arm_join(group, classic->initial_delay_ms);
}

void dh_group_sync_phase_over(struct dh_group_alarm *alarm)
{
    struct dh_classic_group *classic =
        DH_CONTAINER_OF(alarm, struct dh_classic_group, sync);
    struct dh_group *group = DH_CONTAINER_OF(classic, struct dh_group, classic);
    if (classic->sync_pending_count == 0) {
        return;
    }
    // GC-026.
    DH_LIST_EACH_SAFE(link, next, &classic->members_in_order)
    {
        struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        if (member->is_sync_pending) {
            dh_group_member_remove(member);
        }
    }
    dh_group_prepare_rebalance(group, "members did not sync in time");
}

void dh_group_reset_assignments(struct dh_group *group, int16_t code)
{
    DH_LIST_EACH(link, &group->classic.members_in_order)
    {
        struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        member->assignment = DH_BYTES("");
        if (member->is_awaiting_sync) {
            dh_group_end_sync_wait(member, code);
            dh_group_member_touch(member);
        }
    }
}

// ---- Sessions ----

void dh_group_remove_waiting(struct dh_group_member *member)
{
    dh_group_end_join_wait(member, DH_BYTES(""), DH_BROKER_UNKNOWN_MEMBER_ID);
    dh_group_end_sync_wait(member, DH_BROKER_UNKNOWN_MEMBER_ID);
    dh_group_member_remove(member);
}

void dh_group_expire_member(struct dh_group_alarm *alarm)
{
    struct dh_group_member *member =
        DH_CONTAINER_OF(alarm, struct dh_group_member, session);
    struct dh_group *group = member->group;
    if (member->session_deadline_ns > group->coordinator->now_ns) {
        dh_timers_set(&group->coordinator->timers, &alarm->timer,
                      member->session_deadline_ns);
        return;
    }
    // Who waits here is alive, unless it is new: then nobody would notice that it went.
    if (!member->is_new && (member->is_awaiting_join || member->is_awaiting_sync)) {
        return;
    }
    dh_log(group->coordinator->log, DOHLE_LOG_INFO, "coordinator",
           "group %s: the session of member %s is over", (const char *)group->id.data,
           (const char *)member->id.data);
    dh_group_remove_waiting(member);
    dh_group_members_left(group, "a session was over");
}

void dh_group_expire_pending(struct dh_group_alarm *alarm)
{
    struct dh_group_pending *pending =
        DH_CONTAINER_OF(alarm, struct dh_group_pending, session);
    struct dh_group *group = pending->group;
    dh_log(group->coordinator->log, DOHLE_LOG_INFO, "coordinator",
           "group %s: nobody came with member id %s", (const char *)group->id.data,
           (const char *)pending->id.data);
    dh_group_pending_remove(pending);
    if (group->classic.state == DH_GROUP_PREPARING) {
        dh_group_members_left(group, "a member id was not used");
    }
}
