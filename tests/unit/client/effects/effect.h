// SPDX-License-Identifier: MIT
/*
 * One row for each value of a setting that is tried, and the tests that many keys share.
 */
#ifndef DH_TESTS_UNIT_CLIENT_EFFECTS_EFFECT_H
#define DH_TESTS_UNIT_CLIENT_EFFECTS_EFFECT_H

#include "../consumer_rig.h"

// One setting and the test of what it does.
struct effect {
    const char *key;
    const char *value;          // tried; "" unsets
    void (*test)(void **state); // *state: this row
    // Of the field tests:
    size_t field; // offset in struct rig_seen
    int64_t expected;
};

// The value is what a request (or the wish for a connection) says.
static inline void field_is_sent(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 1000);
    int64_t value;
    memcpy(&value, (const char *)&rig.seen + effect->field, sizeof(value));
    assert_int_equal(effect->expected, value);
    rig_close(&rig);
}

// A value that is allowed but not built yet.
static inline void value_is_refused(void **state)
{
    const struct effect *effect = *state;
    struct dh_settings settings;
    dohle_error_info info;
    assert_int_equal(DOHLE_ERR_UNSUPPORTED_CONFIG,
                     rig_resolve(&settings, OPTIONS(effect->key, effect->value), &info));
    assert_int_equal(0, strncmp(effect->key, info.text, strlen(effect->key)));
}

#define EFFECT_FIELD(key_, value_, field_, expected_)                                    \
    {                                                                                    \
        .key = (key_), .value = (value_), .test = field_is_sent,                         \
        .field = offsetof(struct rig_seen, field_), .expected = (expected_)              \
    }

#endif
