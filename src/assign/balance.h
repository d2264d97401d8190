// SPDX-License-Identifier: MIT
/*
 * The core of every assignor that keeps what it can: in this order of weight, loads
 * as even as subscriptions allow, replicas near (where racks matter), and as few
 * partitions as possible taken from who owns them.
 *
 * Partitions with the same subscribers on the same racks are alike, and make one
 * class. What is looked for is how many of each class each member gets: a flow of
 * least cost from classes to members, where a member's n-th partition costs 2n - 1
 * loads, one from afar costs a rack, and one beyond those of the class that it owns
 * costs a move. A start that is nearly right (keep, fill the emptiest, take from the
 * fullest) is bettered along cycles of negative cost until there is none, which is
 * the least cost there is. So, unlike Java's assignors, it finds the best balance also
 * where no single move betters it. With equal subscriptions and no racks there is one
 * class, and the work is that of sorting.
 */
#ifndef DH_ASSIGN_BALANCE_H
#define DH_ASSIGN_BALANCE_H

#include <stdbool.h>

#include "assign/audience.h"

/*
 * Fills owners (by partition, see dh_audiences_list) with the best places. previous
 * holds who owned what: a place or UINT32_MAX; only subscribers count. Returns 0 or
 * DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_balance(const struct dh_audiences *audiences,
                             const uint32_t *previous, bool with_racks,
                             struct dh_arena *arena, uint32_t *owners);

#endif
