// SPDX-License-Identifier: MIT
/*
 * Timers: a binary min-heap of deadlines.
 *
 * A timer lives inside the object it belongs to; the heap only points at it.
 * Its place is reserved when it is added, so arming it can never fail:
 *
 *     add      reserves a place (may fail)      idle
 *     set      arms, moves or (DH_NEVER) disarms
 *     pop_due  hands out the earliest timer that is due, disarmed
 *     remove   disarms and gives the place back
 *
 * set, cancel and pop_due cost O(log armed). The order of timers with the same
 * deadline is unspecified, but the same in every run.
 */
#ifndef DH_BASE_HEAP_H
#define DH_BASE_HEAP_H

#include <stdbool.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/time.h"

// Zeroed: idle.
struct dh_timer {
    int64_t deadline_ns; // meaningful while armed
    size_t index;        // place in the heap, from 1; 0: not armed
};

struct dh_timers {
    const dohle_allocator *mem;
    struct dh_timer **armed; // heap[i] is due no later than heap[2i+1] and heap[2i+2]
    size_t armed_count;
    size_t capacity;
    size_t reserved; // timers added; armed_count <= reserved <= capacity
};

void dh_timers_init(struct dh_timers *timers, const dohle_allocator *mem);

// The timers themselves belong to others and are not touched.
void dh_timers_deinit(struct dh_timers *timers);

// Reserves a place; the timer starts idle. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_timers_add(struct dh_timers *timers, struct dh_timer *timer);

// Once for each add. Armed or not.
void dh_timers_remove(struct dh_timers *timers, struct dh_timer *timer);

// Arms the timer, or moves it when it is armed. DH_NEVER disarms it.
void dh_timers_set(struct dh_timers *timers, struct dh_timer *timer, int64_t deadline_ns);

// Nothing happens when the timer is not armed.
void dh_timers_cancel(struct dh_timers *timers, struct dh_timer *timer);

// The earliest timer with deadline_ns <= now_ns, disarmed; NULL: none is due.
struct dh_timer *dh_timers_pop_due(struct dh_timers *timers, int64_t now_ns);

// The earliest deadline, or DH_NEVER.
int64_t dh_timers_next_deadline(const struct dh_timers *timers);

static inline bool dh_timer_is_armed(const struct dh_timer *timer)
{
    return timer->index != 0;
}

// The deadline, or DH_NEVER when the timer is not armed.
static inline int64_t dh_timer_deadline(const struct dh_timer *timer)
{
    return timer->index == 0 ? DH_NEVER : timer->deadline_ns;
}

#endif
