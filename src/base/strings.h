// SPDX-License-Identifier: MIT
/*
 * Reading short texts: settings, command arguments, addresses. Works on views;
 * nothing here allocates.
 */
#ifndef DH_BASE_STRINGS_H
#define DH_BASE_STRINGS_H

#include <stdbool.h>

#include <dohle/types.h>

#include "base/assert.h"

// Without white space at both ends: bytes up to and including ' ', as Java's trim.
dohle_bytes dh_trim(dohle_bytes text);

// Equal but for the case of ASCII letters.
bool dh_equal_ignoring_case(dohle_bytes a, dohle_bytes b);

/*
 * A whole decimal number with an optional sign, in min..max, without space.
 * Returns 0, or DOHLE_ERR_INVALID_ARGUMENT with *number unchanged.
 */
DH_MUST_CHECK int dh_parse_int64(dohle_bytes text, int64_t min, int64_t max,
                                 int64_t *number);

/*
 * Takes the next part off the front of *rest, without the separator. Returns
 * false when nothing is left. Start with *rest = the text; "" has one empty
 * part, "a," has two.
 */
bool dh_split_next(dohle_bytes *rest, char separator, dohle_bytes *part);

// The next part, trimmed, of a list separated by commas; empty text has no part.
bool dh_list_next(dohle_bytes *rest, dohle_bytes *part);

#define DH_EDIT_DISTANCE_SIZE_MAX ((size_t)96)

/*
 * How many single bytes must be inserted, removed, replaced or swapped with
 * their neighbour to turn a into b. SIZE_MAX when either is longer than
 * DH_EDIT_DISTANCE_SIZE_MAX.
 */
size_t dh_edit_distance(dohle_bytes a, dohle_bytes b);

#endif
