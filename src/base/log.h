// SPDX-License-Identifier: MIT
/*
 * One log line is one state change, retry or drop, logged where it happens.
 * A subsystem is the module's name. Lines are cut at 512 bytes.
 */
#ifndef DH_BASE_LOG_H
#define DH_BASE_LOG_H

#include <dohle/log.h>

// sink NULL or without write: nothing happens.
void dh_log(const dohle_log_sink *sink, int level, const char *subsystem,
            const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
