// SPDX-License-Identifier: MIT
/*
 * Ownership notices: made of rows of the table, sorted, in one block each.
 *
 * Not here: when they are sent, and what happens when they come back (membership_*).
 */
#ifndef DH_CLIENT_BACK_OWNERSHIP_H
#define DH_CLIENT_BACK_OWNERSHIP_H

#include <dohle/types.h>

#include "base/assert.h"
#include "client/back/partitions.h"
#include "client/messages.h"

/*
 * A notice about these rows. Sorts rows by topic, then number, and copies what it
 * needs of them. NULL: no memory. Freed by dh_mem_free with its message's size.
 */
DH_MUST_CHECK struct dh_notice_ownership *dh_ownership_new(const dohle_allocator *mem,
                                                           enum dh_message_kind kind,
                                                           struct dh_partition **rows,
                                                           size_t count);

// All rows in use, in an array of count entries freed by dh_mem_free; NULL with
// *count 0: none. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_ownership_rows(const struct dh_partitions *table,
                                    const dohle_allocator *mem,
                                    struct dh_partition ***rows, size_t *count);

#endif
