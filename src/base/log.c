// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_SIZE_MAX 512

void dh_log(const dohle_log_sink *sink, int level, const char *subsystem,
            const char *format, ...)
{
    if (sink == NULL || sink->write == NULL || level > sink->level_max) {
        return;
    }
    char text[LINE_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    dohle_log_line line = {level, subsystem, text};
    sink->write(sink->ctx, &line);
}
