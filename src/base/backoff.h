// SPDX-License-Identifier: MIT
/*
 * Exponential back-off as Kafka's clients do it (CFG-049): the n-th wait is
 * min(initial * 2^n, max), +-20 % at random.
 */
#ifndef DH_BASE_BACKOFF_H
#define DH_BASE_BACKOFF_H

#include "base/random.h"

struct dh_backoff {
    int64_t initial_ms; // >= 0
    int64_t max_ms;     // used constantly when below initial_ms
    uint32_t attempts;  // waits since the last success
};

static inline void dh_backoff_reset(struct dh_backoff *backoff)
{
    backoff->attempts = 0;
}

// The next wait in milliseconds; counts the attempt.
static inline int64_t dh_backoff_next_ms(struct dh_backoff *backoff,
                                         struct dh_random *random)
{
    uint32_t doublings = backoff->attempts < 30 ? backoff->attempts : 30;
    backoff->attempts++;
    int64_t wait_ms = backoff->initial_ms;
    if (wait_ms > backoff->max_ms >> doublings) {
        wait_ms = backoff->max_ms;
    } else {
        wait_ms <<= doublings;
    }
    int64_t spread_ms = wait_ms / 5;
    if (spread_ms > 0) {
        wait_ms += (int64_t)dh_random_below(random, (uint64_t)(2 * spread_ms + 1));
        wait_ms -= spread_ms;
    }
    return wait_ms;
}

#endif
