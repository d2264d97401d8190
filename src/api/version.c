// SPDX-License-Identifier: MIT
#include <dohle/version.h>

const char *dohle_version(void)
{
    return DOHLE_VERSION_TEXT;
}
