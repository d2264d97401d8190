// SPDX-License-Identifier: MIT
/*
 * The engine of a producer, as the I/O thread drives it (api/engine.h).
 */
#ifndef DH_API_PRODUCER_ENGINE_H
#define DH_API_PRODUCER_ENGINE_H

#include "api/engine.h"

// For engines that are a struct dh_producer.
extern const struct dh_engine_calls dh_producer_engine_calls;

#endif
