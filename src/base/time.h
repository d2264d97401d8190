// SPDX-License-Identifier: MIT
/*
 * Units of time. Time inside Dohle is a count of nanoseconds on a monotonic
 * clock, handed in as `now_ns`; a deadline is an absolute value of it.
 */
#ifndef DH_BASE_TIME_H
#define DH_BASE_TIME_H

#include <stdint.h>

#define DH_NEVER INT64_MAX
#define DH_MS    INT64_C(1000000)
#define DH_SEC   INT64_C(1000000000)

// now + ms, or DH_NEVER when that lies beyond it. Negative ms count as 0.
static inline int64_t dh_deadline_after_ms(int64_t now_ns, int64_t ms)
{
    if (ms <= 0) {
        return now_ns;
    }
    if (ms > (DH_NEVER - now_ns) / DH_MS) {
        return DH_NEVER;
    }
    return now_ns + ms * DH_MS;
}

// Milliseconds until the deadline, rounded up; 0 when it has passed; at most INT32_MAX.
static inline int32_t dh_ms_until(int64_t deadline_ns, int64_t now_ns)
{
    if (deadline_ns <= now_ns) {
        return 0;
    }
    int64_t left_ms = (deadline_ns - now_ns - 1) / DH_MS + 1;
    return left_ms > INT32_MAX ? INT32_MAX : (int32_t)left_ms;
}

static inline int64_t dh_earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

#endif
