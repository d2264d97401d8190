// SPDX-License-Identifier: MIT
/*
 * Settings with "embedded:" among the bootstrap servers: the provider registered with
 * dohle/embedded.h says where that is.
 */
#ifndef DH_API_EMBEDDED_H
#define DH_API_EMBEDDED_H

#include "base/assert.h"
#include "base/settings.h"

// As dh_settings_resolve, with the embedded broker started and its addresses put in.
DH_MUST_CHECK int dh_embedded_resolve(struct dh_settings *settings,
                                      const dohle_allocator *mem,
                                      const dohle_config *config,
                                      enum dh_settings_role role, uint32_t serial,
                                      dohle_error_info *info);

#endif
