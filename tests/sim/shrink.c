// SPDX-License-Identifier: MIT
#include "shrink.h"

#include <string.h>

// Whether the same checker fails without those faults; then *result is of that run.
static bool still_fails(const struct sim_options *options, const bool *left_out,
                        struct sim_result *result)
{
    struct sim_options tried = *options;
    struct sim_result now;
    tried.left_out = left_out;
    tried.is_traced = false;
    sim_run(&tried, &now);
    if (now.has_passed || strcmp(now.checker, result->checker) != 0) {
        return false;
    }
    *result = now;
    return true;
}

static size_t count_left(const bool *left_out, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        left += left_out[i] ? 0 : 1;
    }
    return left;
}

// Leaves out `size` faults that are still there, from *at on. False: none were.
static bool leave_out(bool *left_out, size_t count, size_t *at, size_t size)
{
    size_t done = 0;
    for (; *at < count && done < size; (*at)++) {
        if (!left_out[*at]) {
            left_out[*at] = true;
            done++;
        }
    }
    return done > 0;
}

bool sim_shrink(const struct sim_options *options, struct sim_result *result,
                size_t *left)
{
    bool left_out[SIM_FAULTS_MAX] = {false};
    if (options->left_out != NULL) {
        memcpy(left_out, options->left_out, sizeof(left_out));
    }
    struct sim_options first = *options;
    first.is_traced = false;
    sim_run(&first, result);
    if (result->has_passed) {
        return false;
    }
    size_t count = result->adversary.count;
    for (size_t size = count; size > 0;) {
        bool has_shrunk = false;
        for (size_t at = 0; at < count;) {
            bool tried[SIM_FAULTS_MAX];
            memcpy(tried, left_out, sizeof(tried));
            if (leave_out(tried, count, &at, size) &&
                still_fails(options, tried, result)) {
                memcpy(left_out, tried, sizeof(tried));
                has_shrunk = true;
            }
        }
        // Single ones again and again: without one another may not be needed any more.
        size = size > 1 ? size / 2 : has_shrunk ? 1 : 0;
    }
    *left = count_left(left_out, count);
    return true;
}
