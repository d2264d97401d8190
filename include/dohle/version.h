// SPDX-License-Identifier: MIT
/*
 * The version of these headers, and that of the library a program runs with.
 */
#ifndef DOHLE_VERSION_H
#define DOHLE_VERSION_H

#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DOHLE_VERSION_MAJOR 0
#define DOHLE_VERSION_MINOR 1
#define DOHLE_VERSION_PATCH 0
#define DOHLE_VERSION_TEXT  "0.1.0"

// "0.1.0". Static. Any thread.
DOHLE_API const char *dohle_version(void);

#ifdef __cplusplus
}
#endif

#endif
