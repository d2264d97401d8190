// SPDX-License-Identifier: MIT
/*
 * The back half of a client, as the I/O thread drives it (api/engine.h).
 */
#ifndef DH_API_BACK_ENGINE_H
#define DH_API_BACK_ENGINE_H

#include "api/engine.h"

// For engines that are a struct dh_back.
extern const struct dh_engine_calls dh_back_engine_calls;

#endif
