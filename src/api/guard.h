// SPDX-License-Identifier: MIT
/*
 * One thread at a time: a public object belongs to the thread inside it, and a
 * second one is turned away. Calls inside calls, through callbacks, are let in.
 */
#ifndef DH_API_GUARD_H
#define DH_API_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Zeroed: nobody is inside.
struct dh_guard {
    atomic_uintptr_t owner; // the thread inside; 0: none
    unsigned depth;         // calls inside calls
};

// False: another thread is inside. True: dh_guard_leave must follow.
static inline bool dh_guard_enter(struct dh_guard *guard)
{
    // Different in each thread that is alive, and never 0.
    static _Thread_local char mark;
    uintptr_t self = (uintptr_t)&mark;
    uintptr_t expected = 0;
    if (!atomic_compare_exchange_strong(&guard->owner, &expected, self) &&
        expected != self) {
        return false;
    }
    guard->depth++;
    return true;
}

static inline void dh_guard_leave(struct dh_guard *guard)
{
    guard->depth--;
    if (guard->depth == 0) {
        atomic_store(&guard->owner, 0);
    }
}

#endif
