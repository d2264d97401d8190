// SPDX-License-Identifier: MIT
#include "host/cause.h"

#include <stdio.h>
#include <string.h>

const char *dh_cause_text(int number, char text[DH_CAUSE_TEXT_SIZE])
{
    (void)snprintf(text, DH_CAUSE_TEXT_SIZE, "unknown error %d", number);
    (void)strerror_r(number, text, DH_CAUSE_TEXT_SIZE);
    return text;
}
