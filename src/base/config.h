// SPDX-License-Identifier: MIT
/*
 * What the user set by name, as text. The public half is dohle/config.h; the
 * typed settings made from it are base/settings.h.
 */
#ifndef DH_BASE_CONFIG_H
#define DH_BASE_CONFIG_H

#include <dohle/config.h>

#include "base/assert.h"
#include "base/setting.h"

// NULL: no memory. mem is borrowed for the config's life.
DH_MUST_CHECK dohle_config *dh_config_new(const dohle_allocator *mem);

// What was set; NULL: nothing. Valid until the key changes.
const char *dh_config_explicit(const dohle_config *config,
                               const struct dh_setting *setting);

/*
 * Sets all keys of a text in Java's properties format. name is for errors: the
 * file's. Returns 0, an error of dohle_config_set, or DOHLE_ERR_INVALID_CONFIG
 * for a malformed escape; then nothing has changed.
 */
DH_MUST_CHECK int dh_config_load_text(dohle_config *config, const char *name,
                                      dohle_bytes text);

// Sets the text of dohle_config_error.
void dh_config_set_error(dohle_config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
