// SPDX-License-Identifier: MIT
/*
 * Patterns of topic names: Perl's regular expressions (PCRE2), anchored at
 * both ends as Java's `matches` is.
 *
 * Patterns may come from a peer, and backtracking may take exponential time:
 * matching gives up with an error after a fixed number of steps.
 *
 * PCRE2 is used in pattern.c and nowhere else.
 */
#ifndef DH_BASE_PATTERN_H
#define DH_BASE_PATTERN_H

#include <stdbool.h>

#include <dohle/types.h>

#include "base/assert.h"

#define DH_PATTERN_SIZE_MAX     ((size_t)32768)
#define DH_PATTERN_STEPS_MAX    1000000u // calls of PCRE2's matcher
#define DH_PATTERN_DEPTH_MAX    10000u   // of backtracking
#define DH_PATTERN_HEAP_KIB_MAX 2048u    // of memory for it
#define DH_PATTERN_ERROR_SIZE   256

struct dh_pattern;

/*
 * Compiles; the text is not needed afterwards. Returns 0;
 * DOHLE_ERR_INVALID_ARGUMENT with a sentence in error_text, which has
 * DH_PATTERN_ERROR_SIZE bytes; DOHLE_ERR_NO_MEMORY; or DOHLE_ERR_TOO_LARGE.
 */
DH_MUST_CHECK int dh_pattern_new(const dohle_allocator *mem, dohle_bytes text,
                                 struct dh_pattern **pattern, char *error_text);

// NULL is allowed.
void dh_pattern_free(struct dh_pattern *pattern);

/*
 * Sets *matches to whether the whole of subject matches. Returns 0,
 * DOHLE_ERR_TOO_LARGE when a limit was reached, or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_pattern_match(struct dh_pattern *pattern, dohle_bytes subject,
                                   bool *matches);

#endif
