// SPDX-License-Identifier: MIT
/*
 * The clocks and the entropy of the operating system. The engines never call
 * these: the threads around them do, and hand the values in. Any thread.
 */
#ifndef DH_HOST_CLOCK_H
#define DH_HOST_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

// Nanoseconds on the monotonic clock; what base/time.h calls now_ns.
int64_t dh_clock_now_ns(void);

// Milliseconds since 1970, for timestamps; may jump.
int64_t dh_clock_wall_ms(void);

// Fills data with random bytes fit for seeds and secrets. Returns 0 or DOHLE_ERR_IO.
DH_MUST_CHECK int dh_entropy(void *data, size_t size);

#endif
