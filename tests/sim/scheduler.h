// SPDX-License-Identifier: MIT
/*
 * Virtual time and what happens next.
 *
 * Everything in a run is a task: a function, to be called at a moment. Tasks of one
 * moment run in the order in which they were made. Time stands still while a task
 * runs. All chance comes from the one generator here, so that the seed decides the run.
 *
 * Tasks cannot be taken back. Who may have changed his mind gives each task a number
 * and compares it when the task comes.
 */
#ifndef DH_TESTS_SIM_SCHEDULER_H
#define DH_TESTS_SIM_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "base/time.h"

typedef void sim_task_function(void *ctx, uint64_t number);

struct sim_task {
    int64_t at_ns;
    uint64_t order; // of making: breaks ties
    sim_task_function *run;
    void *ctx;
    uint64_t number; // the maker's
};

struct sim_scheduler {
    int64_t now_ns;
    struct dh_random random;
    struct sim_task *heap; // owned; heap[i] is not after heap[2i+1] and heap[2i+2]
    size_t count;
    size_t capacity;
    uint64_t made; // tasks so far
    uint64_t hash; // of the order and times of all that ran
};

void sim_scheduler_init(struct sim_scheduler *scheduler, uint64_t seed);
void sim_scheduler_deinit(struct sim_scheduler *scheduler);

// DH_NEVER: nothing is scheduled.
void sim_at(struct sim_scheduler *scheduler, int64_t at_ns, sim_task_function *run,
            void *ctx, uint64_t number);
void sim_after(struct sim_scheduler *scheduler, int64_t delay_ns, sim_task_function *run,
               void *ctx, uint64_t number);

// Runs the next task. False: there is none.
bool sim_scheduler_step(struct sim_scheduler *scheduler);

// Mixes a value into the hash of the run.
void sim_hash(struct sim_scheduler *scheduler, uint64_t value);

// ---- Chance ----

// Uniform in 0..bound-1; bound 0 gives 0.
uint64_t sim_below(struct sim_scheduler *scheduler, uint64_t bound);

// Uniform in min..max.
int64_t sim_between(struct sim_scheduler *scheduler, int64_t min, int64_t max);

// True `in_thousand` times out of a thousand.
bool sim_chance(struct sim_scheduler *scheduler, unsigned in_thousand);

// A delay: mostly short, sometimes long, never above max_ns.
int64_t sim_delay(struct sim_scheduler *scheduler, int64_t max_ns);

#endif
