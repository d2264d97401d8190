// SPDX-License-Identifier: MIT
/*
 * Kafka's 128-bit ids, of topics above all. Their text form is base64 for
 * URLs without padding, 22 characters, as Kafka's Uuid.toString gives.
 */
#ifndef DH_WIRE_UUID_H
#define DH_WIRE_UUID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <dohle/types.h>

#include "base/assert.h"

#define DH_UUID_SIZE      16
#define DH_UUID_TEXT_SIZE 22

struct dh_uuid {
    uint8_t bytes[DH_UUID_SIZE]; // as on the wire; all zero: none
};

// The text form with a terminating NUL.
struct dh_uuid_text {
    char text[DH_UUID_TEXT_SIZE + 1];
};

static inline bool dh_uuid_is_zero(const struct dh_uuid *uuid)
{
    static const struct dh_uuid zero;
    return memcmp(uuid, &zero, sizeof(zero)) == 0;
}

static inline bool dh_uuid_equal(const struct dh_uuid *a, const struct dh_uuid *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

struct dh_uuid_text dh_uuid_text(const struct dh_uuid *uuid);

// Returns 0, or DOHLE_ERR_INVALID_ARGUMENT when the text is not one a uuid gives.
DH_MUST_CHECK int dh_uuid_parse(dohle_bytes text, struct dh_uuid *out);

#endif
