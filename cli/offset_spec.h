// SPDX-License-Identifier: MIT
/*
 * Where to start reading, as written on the command line:
 *
 *     start, beginning, earliest      the first record there is
 *     end, latest                     what comes from now on
 *     N                               that offset
 *     -N                              N records before the end, in each partition
 *     @T                              the first record at or after T: seconds or
 *                                     milliseconds since 1970, YYYY-MM-DD,
 *                                     RFC 3339 (UTC unless it says otherwise), or
 *                                     -1h30m before now (units d h m s ms)
 */
#ifndef CLI_OFFSET_SPEC_H
#define CLI_OFFSET_SPEC_H

#include <stdbool.h>
#include <stdint.h>

enum offset_kind {
    OFFSET_START,
    OFFSET_END,
    OFFSET_ABSOLUTE,
    OFFSET_BEFORE_END,
    OFFSET_TIME,
};

struct offset_spec {
    enum offset_kind kind;
    int64_t value; // offset, count, or milliseconds since 1970
};

// now_ms: the wall clock, for relative times. False: it makes no sense.
bool offset_spec_parse(const char *text, int64_t now_ms, struct offset_spec *spec);

#endif
