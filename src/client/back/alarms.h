// SPDX-License-Identifier: MIT
/*
 * Alarms: timers that know what to do. All modules of the back half put theirs
 * on one heap, so that nobody has to ask each module for its next deadline.
 *
 *     init    reserves a place, the only step that may fail
 *     set     arms, moves, or (DH_NEVER) disarms; never calls back by itself
 *     run     calls on_due of those that are due; each is disarmed before
 *
 * on_due runs inside dh_back_tick only, and may do anything to any alarm. What is
 * set to a time that has already passed runs in the next turn, so a turn ends:
 * dh_alarms_run calls at most as many as were armed when it began.
 */
#ifndef DH_CLIENT_BACK_ALARMS_H
#define DH_CLIENT_BACK_ALARMS_H

#include "base/assert.h"
#include "base/heap.h"

struct dh_alarm {
    struct dh_timer timer;
    void (*on_due)(struct dh_alarm *alarm, int64_t now_ns); // use DH_CONTAINER_OF
};

struct dh_alarms {
    struct dh_timers timers;
};

static inline void dh_alarms_init(struct dh_alarms *alarms, const dohle_allocator *mem)
{
    dh_timers_init(&alarms->timers, mem);
}

static inline void dh_alarms_deinit(struct dh_alarms *alarms)
{
    dh_timers_deinit(&alarms->timers);
}

// Returns 0 or DOHLE_ERR_NO_MEMORY. On failure nothing needs a deinit.
DH_MUST_CHECK static inline int dh_alarm_init(struct dh_alarm *alarm,
                                              struct dh_alarms *alarms,
                                              void (*on_due)(struct dh_alarm *, int64_t))
{
    *alarm = (struct dh_alarm){.on_due = on_due};
    return dh_timers_add(&alarms->timers, &alarm->timer);
}

// Disarms and gives the place back.
static inline void dh_alarm_deinit(struct dh_alarm *alarm, struct dh_alarms *alarms)
{
    dh_timers_remove(&alarms->timers, &alarm->timer);
}

static inline void dh_alarm_set(struct dh_alarm *alarm, struct dh_alarms *alarms,
                                int64_t deadline_ns)
{
    dh_timers_set(&alarms->timers, &alarm->timer, deadline_ns);
}

static inline void dh_alarm_cancel(struct dh_alarm *alarm, struct dh_alarms *alarms)
{
    dh_timers_cancel(&alarms->timers, &alarm->timer);
}

static inline bool dh_alarm_is_set(const struct dh_alarm *alarm)
{
    return dh_timer_is_armed(&alarm->timer);
}

// DH_NEVER when not set.
static inline int64_t dh_alarm_deadline(const struct dh_alarm *alarm)
{
    return dh_timer_deadline(&alarm->timer);
}

static inline int64_t dh_alarms_deadline(const struct dh_alarms *alarms)
{
    return dh_timers_next_deadline(&alarms->timers);
}

static inline void dh_alarms_run(struct dh_alarms *alarms, int64_t now_ns)
{
    for (size_t left = alarms->timers.armed_count; left > 0; left--) {
        struct dh_timer *timer = dh_timers_pop_due(&alarms->timers, now_ns);
        if (timer == NULL) {
            return;
        }
        struct dh_alarm *alarm = DH_CONTAINER_OF(timer, struct dh_alarm, timer);
        alarm->on_due(alarm, now_ns);
    }
}

#endif
