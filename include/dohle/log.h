// SPDX-License-Identifier: MIT
/*
 * Where the library's log lines go. Without a sink nothing is logged; the
 * library itself never prints. Secrets are never logged.
 */
#ifndef DOHLE_LOG_H
#define DOHLE_LOG_H

#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dohle_log_level {
    DOHLE_LOG_ERROR = 3, // syslog's numbers
    DOHLE_LOG_WARNING = 4,
    DOHLE_LOG_INFO = 6,
    DOHLE_LOG_DEBUG = 7,
};

typedef struct dohle_log_line {
    int level;             // enum dohle_log_level
    const char *subsystem; // "connection", "membership", ...
    const char *text;      // one line, no newline
} dohle_log_line;

/*
 * Called for each line whose level is at most level_max. May be called from
 * any of the library's threads, never from two at once for one object. Must
 * not call back into the object that logs. line is valid during the call.
 */
typedef struct dohle_log_sink {
    void (*write)(void *ctx, const dohle_log_line *line);
    void *ctx;
    int level_max;
} dohle_log_sink;

#ifdef __cplusplus
}
#endif

#endif
