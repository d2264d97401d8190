// SPDX-License-Identifier: MIT
/*
 * A seeded generator (splitmix64) for jitter, ids and simulation. Not for
 * secrets. The seed is an input everywhere, so that a run can be replayed.
 */
#ifndef DH_BASE_RANDOM_H
#define DH_BASE_RANDOM_H

#include <stdint.h>

struct dh_random {
    uint64_t state;
};

static inline uint64_t dh_random_next(struct dh_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

// Uniform in 0..bound-1; bound 0 gives 0.
static inline uint64_t dh_random_below(struct dh_random *random, uint64_t bound)
{
    return bound == 0 ? 0 : dh_random_next(random) % bound;
}

#endif
