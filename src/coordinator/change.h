// SPDX-License-Identifier: MIT
/*
 * Changes of durable state: one record each, prepared, then applied or discarded.
 *
 *     live      records made -> prepared -> appended -> applied      (or all discarded)
 *     replay                    prepared             -> applied
 *
 * Preparing reads the record and takes all the memory that applying needs; it changes nothing
 * that anybody can see. Applying cannot fail. So a write that fails applies nothing, and what
 * was written is what a replay gives: the same code has read it.
 *
 * Applying a GroupMetadata record makes the group what it says. Members that are there stay the
 * same objects, with their callers and timers, found by member id, or by instance id when it
 * is another one now (a static member that came back); others go.
 */
#ifndef DH_COORDINATOR_CHANGE_H
#define DH_COORDINATOR_CHANGE_H

#include <stdint.h>

#include "base/assert.h"
#include "coordinator/coordinator.h"
#include "coordinator/records.h"

/*
 * Writes all, as one batch, and applies them. Returns 0, or a broker code as clients are told it
 * (GC-005): nothing has happened then.
 */
DH_MUST_CHECK int16_t dh_coordinator_write(struct dh_coordinator *coordinator,
                                           struct dh_group_records *records);

#endif
