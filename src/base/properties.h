// SPDX-License-Identifier: MIT
/*
 * Java's properties format: key and value on a line, separated by '=', ':' or
 * white space; '#' and '!' begin comments; a backslash continues a line or
 * escapes a character. Text is UTF-8.
 *
 * Source: java.util.Properties.load of Java 17.
 */
#ifndef DH_BASE_PROPERTIES_H
#define DH_BASE_PROPERTIES_H

#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"

struct dh_properties {
    dohle_bytes rest;
    size_t line;      // where the last pair, or the error, is; from 1
    size_t next_line; // where `rest` begins
};

// Borrows the text until the last pair is read.
void dh_properties_init(struct dh_properties *properties, dohle_bytes text);

/*
 * Reads the next pair into the two buffers, which are reset before. Returns 1;
 * 0 at the end; DOHLE_ERR_INVALID_CONFIG for a malformed \uXXXX; or the error of
 * a buffer.
 */
DH_MUST_CHECK int dh_properties_next(struct dh_properties *properties, struct dh_buf *key,
                                     struct dh_buf *value);

#endif
