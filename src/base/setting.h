// SPDX-License-Identifier: MIT
/*
 * The table of settings: one row for each key, in order of names. Everything
 * that knows settings by name is made from it: dohle_config, the checks at
 * open, `dohle config`, docs/settings.md, bindings.
 *
 * Source: ConsumerConfig and ProducerConfig of Apache Kafka 4.4; the aliases
 * are librdkafka's. Dohle's own keys say so in their text.
 */
#ifndef DH_BASE_SETTING_H
#define DH_BASE_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dohle/config.h>

#include "base/assert.h"

struct dh_setting {
    const char *name;
    const char *aliases;  // separated by commas; NULL: none
    const char *standard; // the default; NULL: null, or required
    const char *values;   // ENUM and some LISTs: the allowed words; NULL: any
    const char *later;    // more words, known but not built yet: NULL: none
    const char *range;    // STRING, DOUBLE: what is allowed, in words; NULL: any
    const char *doc;
    int64_t min; // INT, LONG
    int64_t max;
    size_t field; // where dh_settings has it; 0: nowhere, or not as a plain value
    int type;     // enum dohle_config_type
    int status;   // enum dohle_config_status
    int importance;
    unsigned objects;   // bits: DOHLE_CONFIG_CONSUMER, ...
    unsigned protocols; // bits: DOHLE_CONFIG_CLASSIC, ...; 0: all
    bool ignores_case;  // ENUM
    bool is_required;   // LIST: must not be empty
};

// settings_table.c
extern const struct dh_setting dh_setting_table[];
extern const size_t dh_setting_count;

// By name or alias; NULL: there is none.
const struct dh_setting *dh_setting_find(dohle_bytes name);

// The name or alias that is most like `name`; NULL when none is near.
dohle_bytes dh_setting_find_similar(dohle_bytes name);

// What is allowed, in words, into text of that size.
void dh_setting_write_allowed(const struct dh_setting *setting, char *text, size_t size);

/*
 * Checks one value on its own. Words of `later` pass. Returns 0 or
 * DOHLE_ERR_INVALID_CONFIG with a sentence in text of that size.
 */
DH_MUST_CHECK int dh_setting_check(const struct dh_setting *setting, dohle_bytes value,
                                   char *text, size_t size);

// The place of a word among `values`, or -1.
int dh_setting_word(const struct dh_setting *setting, dohle_bytes value);

// Whether a word is among `later`, which may end in "<...>" for any text.
bool dh_setting_is_later(const struct dh_setting *setting, dohle_bytes value);

// Whether two valid values mean the same: "060" and "60" for an INT.
bool dh_setting_values_equal(const struct dh_setting *setting, dohle_bytes a,
                             dohle_bytes b);

#endif
