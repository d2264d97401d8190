// SPDX-License-Identifier: MIT
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void dh_assert_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "dohle: %s:%d: broken contract: %s\n", file, line, condition);
    abort();
}
