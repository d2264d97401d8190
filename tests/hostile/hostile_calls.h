// SPDX-License-Identifier: MIT
/*
 * Every public function of a consumer in one form, for tests that treat all alike.
 * They are about partition 0 or 1 of "t".
 */
#ifndef DH_TESTS_HOSTILE_HOSTILE_CALLS_H
#define DH_TESTS_HOSTILE_HOSTILE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dohle/dohle.h>

// On a consumer, in this form so that those of other clients fit. timeout_ms is for those
// that have one.
typedef int hostile_call(void *consumer, int64_t timeout_ms);

hostile_call hostile_call_poll;
hostile_call hostile_call_position;
hostile_call hostile_call_commit_sync;
hostile_call hostile_call_committed;
hostile_call hostile_call_beginning_offsets;
hostile_call hostile_call_end_offsets;
hostile_call hostile_call_offsets_for_times;
hostile_call hostile_call_partitions_for;
hostile_call hostile_call_list_topics;
hostile_call hostile_call_idle_reason;
hostile_call hostile_call_unsubscribe;
hostile_call hostile_call_close;

struct hostile_function {
    const char *name;
    hostile_call *call;
    bool can_wait; // takes a time-out, and a wake-up ends it
};

// All of them, close excepted.
extern const struct hostile_function hostile_functions[];
extern const size_t hostile_function_count;

#endif
