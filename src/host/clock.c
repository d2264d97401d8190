// SPDX-License-Identifier: MIT
#include "host/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include <dohle/error.h>

#include "base/time.h"

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    int result = clock_gettime(clock, &now);
    DH_ASSERT(result == 0);
    return (int64_t)now.tv_sec * DH_SEC + now.tv_nsec;
}

int64_t dh_clock_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t dh_clock_wall_ms(void)
{
    return clock_ns(CLOCK_REALTIME) / DH_MS;
}

int dh_entropy(void *data, size_t size)
{
    unsigned char *next = data;
    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return DOHLE_ERR_IO;
        }
        next += got;
        size -= (size_t)got;
    }
    return 0;
}
