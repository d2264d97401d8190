// SPDX-License-Identifier: MIT
/*
 * The leader epoch that clients may have seen before a crash, at most, in a small file of its
 * own that is on disk before the broker serves:
 *
 *     leader-epoch-floor   0     version
 *                          1     lines
 *                          300   no partition's epoch was above that at the last unclean start
 *
 * Leaders change in memory at once, and in the log of topics when the disk lets it. A
 * client that has seen an epoch takes none that is older, for ever; so after a crash every
 * partition begins above the floor and above what its record says, by more changes than a
 * process is thought to lose. The file makes that hold over any number of crashes in a row.
 */
#ifndef DH_BROKER_EPOCH_FLOOR_H
#define DH_BROKER_EPOCH_FLOOR_H

#include <stdint.h>

#include "base/assert.h"
#include "broker/state.h"

// 0: there is none, or it cannot be read, which is logged.
int32_t dh_broker_epoch_floor_read(struct dh_broker *broker);
// A failure is logged: the floor is then as it was.
void dh_broker_epoch_floor_write(struct dh_broker *broker, int32_t epoch);

#endif
