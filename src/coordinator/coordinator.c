// SPDX-License-Identifier: MIT
#include "coordinator/coordinator.h"

#include <stdlib.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "coordinator/group.h"
#include "coordinator/records.h"
#include "coordinator/state.h"
#include "wire/gen/broker_errors.h"

struct dh_coordinator *dh_coordinator_new(const struct dh_coordinator_options *options)
{
    struct dh_coordinator *coordinator =
        dh_mem_calloc(options->mem, 1, sizeof(*coordinator));
    if (coordinator == NULL) {
        return NULL;
    }
    coordinator->mem = options->mem;
    coordinator->log = options->log;
    coordinator->settings = options->settings;
    coordinator->owner = options->owner;
    coordinator->random.state = options->seed;
    coordinator->partition = options->partition;
    coordinator->wall_ms = -1;
    dh_map_init(&coordinator->groups, options->mem, dh_random_next(&coordinator->random));
    dh_timers_init(&coordinator->timers, options->mem);
    dh_list_init(&coordinator->touched);
    return coordinator;
}

void dh_coordinator_free(struct dh_coordinator *coordinator)
{
    if (coordinator == NULL) {
        return;
    }
    for (struct dh_map_item *item = dh_map_first(&coordinator->groups); item != NULL;
         item = dh_map_next(item)) {
        dh_group_free(item->value);
    }
    dh_map_deinit(&coordinator->groups);
    dh_timers_deinit(&coordinator->timers);
    dh_mem_free(coordinator->mem, coordinator, sizeof(*coordinator));
}

void dh_coordinator_enter(struct dh_coordinator *coordinator, int64_t now_ns)
{
    DH_ASSERT(!coordinator->is_inside); // the owner's callbacks do not call back
    coordinator->is_inside = true;
    coordinator->now_ns = now_ns;
    coordinator->write_code = 0;
}

void dh_coordinator_exit(struct dh_coordinator *coordinator)
{
    struct dh_link *link;
    while ((link = dh_list_pop_front(&coordinator->touched)) != NULL) {
        struct dh_group *group = DH_CONTAINER_OF(link, struct dh_group, touched);
        if (coordinator->is_loaded && coordinator->owner.changed != NULL) {
            coordinator->owner.changed(coordinator->owner.ctx,
                                       (const char *)group->id.data);
        }
        dh_group_release(group);
    }
    coordinator->is_inside = false;
}

int dh_coordinator_loaded(struct dh_coordinator *coordinator, int64_t now_ns)
{
    // A seed that is used again must not give the member ids of another life.
    coordinator->random.state ^= (uint64_t)now_ns * UINT64_C(0x9e3779b97f4a7c15);
    dh_coordinator_exit(coordinator); // nobody was watching yet
    coordinator->is_loaded = true;
    dh_coordinator_enter(coordinator, now_ns);
    for (struct dh_map_item *item = dh_map_first(&coordinator->groups); item != NULL;
         item = dh_map_next(item)) {
        struct dh_group *group = item->value;
        struct dh_classic_group *classic = &group->classic;
        DH_LIST_EACH(link, &classic->members_in_order)
        {
            dh_group_member_touch(DH_CONTAINER_OF(link, struct dh_group_member, link));
        }
        if (classic->members.count > (size_t)coordinator->settings->group_max_size) {
            dh_group_prepare_rebalance(group, "it is larger than group.max.size");
        }
    }
    dh_log(coordinator->log, DOHLE_LOG_INFO, "coordinator",
           "partition %d: loaded %zu groups", (int)coordinator->partition,
           coordinator->groups.count);
    dh_coordinator_exit(coordinator);
    return 0;
}

void dh_coordinator_unload(struct dh_coordinator *coordinator)
{
    for (struct dh_map_item *item = dh_map_first(&coordinator->groups); item != NULL;
         item = dh_map_next(item)) {
        struct dh_group *group = item->value;
        DH_LIST_EACH(link, &group->classic.members_in_order)
        {
            struct dh_group_member *member =
                DH_CONTAINER_OF(link, struct dh_group_member, link);
            dh_group_end_join_wait(member, member->id, DH_BROKER_NOT_COORDINATOR);
            dh_group_end_sync_wait(member, DH_BROKER_NOT_COORDINATOR);
        }
    }
}

int64_t dh_coordinator_deadline(const struct dh_coordinator *coordinator)
{
    return dh_timers_next_deadline(&coordinator->timers);
}

void dh_coordinator_tick(struct dh_coordinator *coordinator, int64_t now_ns,
                         int64_t wall_ms)
{
    dh_coordinator_enter(coordinator, now_ns);
    coordinator->wall_ms = wall_ms;
    struct dh_timer *timer;
    while ((timer = dh_timers_pop_due(&coordinator->timers, now_ns)) != NULL) {
        struct dh_group_alarm *alarm =
            DH_CONTAINER_OF(timer, struct dh_group_alarm, timer);
        alarm->due(alarm);
    }
    dh_coordinator_exit(coordinator);
}

void dh_coordinator_forget(struct dh_coordinator *coordinator,
                           struct dh_coordinator_caller *caller)
{
    struct dh_group_member *member = caller->parked;
    (void)coordinator;
    if (member == NULL) {
        return;
    }
    // It still counts as waiting: its client asks again, and the others shall not wait longer.
    if (member->join_caller == caller) {
        member->join_caller = NULL;
    }
    if (member->sync_caller == caller) {
        member->sync_caller = NULL;
    }
    caller->parked = NULL;
}

void dh_coordinator_summary(const struct dh_coordinator *coordinator,
                            dohle_bytes group_id, struct dh_group_summary *summary)
{
    *summary = (struct dh_group_summary){.state = "Dead"};
    const struct dh_group *group = dh_group_find(coordinator, group_id);
    if (group != NULL) {
        summary->state = dh_classic_group_state_name(group->classic.state);
        summary->member_count = group->classic.members.count;
        summary->generation = group->classic.generation;
    }
}
