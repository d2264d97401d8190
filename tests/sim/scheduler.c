// SPDX-License-Identifier: MIT
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void sim_scheduler_init(struct sim_scheduler *scheduler, uint64_t seed)
{
    memset(scheduler, 0, sizeof(*scheduler));
    scheduler->now_ns = 1000 * DH_SEC;
    // Mixed: the generator steps by a constant, and runs of neighbouring seeds would be one
    // run, shifted.
    struct dh_random mixer = {.state = seed};
    scheduler->random.state = dh_random_next(&mixer);
    scheduler->hash = seed;
}

void sim_scheduler_deinit(struct sim_scheduler *scheduler)
{
    free(scheduler->heap);
}

void sim_hash(struct sim_scheduler *scheduler, uint64_t value)
{
    uint64_t hash = scheduler->hash ^ value;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    scheduler->hash = hash ^ (hash >> 32);
}

static bool is_before(const struct sim_task *a, const struct sim_task *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void swap(struct sim_task *a, struct sim_task *b)
{
    struct sim_task kept = *a;
    *a = *b;
    *b = kept;
}

void sim_at(struct sim_scheduler *scheduler, int64_t at_ns, sim_task_function *run,
            void *ctx, uint64_t number)
{
    if (at_ns == DH_NEVER) {
        return;
    }
    if (scheduler->count == scheduler->capacity) {
        scheduler->capacity = scheduler->capacity == 0 ? 256 : scheduler->capacity * 2;
        scheduler->heap =
            realloc(scheduler->heap, scheduler->capacity * sizeof(*scheduler->heap));
        DH_ASSERT(scheduler->heap != NULL);
    }
    size_t at = scheduler->count++;
    scheduler->heap[at] = (struct sim_task){
        .at_ns = at_ns > scheduler->now_ns ? at_ns : scheduler->now_ns,
        .order = scheduler->made++,
        .run = run,
        .ctx = ctx,
        .number = number,
    };
    while (at > 0 && is_before(&scheduler->heap[at], &scheduler->heap[(at - 1) / 2])) {
        swap(&scheduler->heap[at], &scheduler->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

void sim_after(struct sim_scheduler *scheduler, int64_t delay_ns, sim_task_function *run,
               void *ctx, uint64_t number)
{
    sim_at(scheduler, scheduler->now_ns + delay_ns, run, ctx, number);
}

static struct sim_task pop(struct sim_scheduler *scheduler)
{
    struct sim_task *heap = scheduler->heap;
    struct sim_task first = heap[0];
    size_t count = --scheduler->count;
    heap[0] = heap[count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            least = is_before(&heap[child], &heap[least]) ? child : least;
        }
        if (least == at) {
            return first;
        }
        swap(&heap[at], &heap[least]);
        at = least;
    }
}

bool sim_scheduler_step(struct sim_scheduler *scheduler)
{
    if (scheduler->count == 0) {
        return false;
    }
    struct sim_task task = pop(scheduler);
    scheduler->now_ns = task.at_ns;
    sim_hash(scheduler, (uint64_t)task.at_ns);
    sim_hash(scheduler, task.order);
    task.run(task.ctx, task.number);
    return true;
}

uint64_t sim_below(struct sim_scheduler *scheduler, uint64_t bound)
{
    return dh_random_below(&scheduler->random, bound);
}

int64_t sim_between(struct sim_scheduler *scheduler, int64_t min, int64_t max)
{
    DH_ASSERT(min <= max);
    return min + (int64_t)sim_below(scheduler, (uint64_t)(max - min) + 1);
}

bool sim_chance(struct sim_scheduler *scheduler, unsigned in_thousand)
{
    return sim_below(scheduler, 1000) < in_thousand;
}

int64_t sim_delay(struct sim_scheduler *scheduler, int64_t max_ns)
{
    switch (sim_below(scheduler, 8)) {
    case 0: return sim_between(scheduler, 0, max_ns);
    case 1:
    case 2: return sim_between(scheduler, 0, max_ns / 16);
    default: return sim_between(scheduler, 0, max_ns / 256);
    }
}
