// SPDX-License-Identifier: MIT
#include "base/heap.h"

#include <dohle/error.h>

#include "base/mem.h"

void dh_timers_init(struct dh_timers *timers, const dohle_allocator *mem)
{
    *timers = (struct dh_timers){.mem = mem};
}

void dh_timers_deinit(struct dh_timers *timers)
{
    dh_mem_free(timers->mem, timers->armed, timers->capacity * sizeof(*timers->armed));
    *timers = (struct dh_timers){.mem = timers->mem};
}

int dh_timers_add(struct dh_timers *timers, struct dh_timer *timer)
{
    int err = dh_mem_grow(timers->mem, &timers->armed, &timers->capacity,
                          timers->reserved + 1, sizeof(*timers->armed));
    if (err != 0) {
        return err;
    }
    timers->reserved++;
    *timer = (struct dh_timer){0};
    return 0;
}

void dh_timers_remove(struct dh_timers *timers, struct dh_timer *timer)
{
    DH_ASSERT(timers->reserved > 0);
    dh_timers_cancel(timers, timer);
    timers->reserved--;
}

static void place(struct dh_timers *timers, size_t at, struct dh_timer *timer)
{
    timers->armed[at] = timer;
    timer->index = at + 1;
}

// Moves the timer up or down from `at`, which is free, to where the order holds.
static void settle(struct dh_timers *timers, size_t at, struct dh_timer *timer)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (timers->armed[parent]->deadline_ns <= timer->deadline_ns) {
            break;
        }
        place(timers, at, timers->armed[parent]);
        at = parent;
    }
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->armed_count) {
            break;
        }
        if (child + 1 < timers->armed_count &&
            timers->armed[child + 1]->deadline_ns < timers->armed[child]->deadline_ns) {
            child++;
        }
        if (timer->deadline_ns <= timers->armed[child]->deadline_ns) {
            break;
        }
        place(timers, at, timers->armed[child]);
        at = child;
    }
    place(timers, at, timer);
}

void dh_timers_set(struct dh_timers *timers, struct dh_timer *timer, int64_t deadline_ns)
{
    if (deadline_ns == DH_NEVER) {
        dh_timers_cancel(timers, timer);
        return;
    }
    if (timer->index == 0) {
        DH_ASSERT(timers->armed_count < timers->reserved);
        place(timers, timers->armed_count, timer);
        timers->armed_count++;
    }
    timer->deadline_ns = deadline_ns;
    settle(timers, timer->index - 1, timer);
}

void dh_timers_cancel(struct dh_timers *timers, struct dh_timer *timer)
{
    if (timer->index == 0) {
        return;
    }
    size_t at = timer->index - 1;
    DH_ASSERT(at < timers->armed_count && timers->armed[at] == timer);
    timer->index = 0;
    timers->armed_count--;
    struct dh_timer *last = timers->armed[timers->armed_count];
    if (last != timer) {
        settle(timers, at, last);
    }
}

struct dh_timer *dh_timers_pop_due(struct dh_timers *timers, int64_t now_ns)
{
    if (timers->armed_count == 0 || timers->armed[0]->deadline_ns > now_ns) {
        return NULL;
    }
    struct dh_timer *timer = timers->armed[0];
    dh_timers_cancel(timers, timer);
    return timer;
}

int64_t dh_timers_next_deadline(const struct dh_timers *timers)
{
    return timers->armed_count == 0 ? DH_NEVER : timers->armed[0]->deadline_ns;
}
