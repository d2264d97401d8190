// SPDX-License-Identifier: MIT
/*
 * The range assignor: each topic by itself is cut into ranges of neighbouring
 * partitions, one for each of its subscribers in the order of
 * dh_assign_member_compare. Of n partitions and m subscribers, everyone gets
 * n / m, and the first n % m one more (AS-015). So who comes early in the order
 * gets the extra ones of every topic (AS-016).
 *
 *     C0, C1 subscribed to t0, t1 with three partitions each:
 *     C0: t0-0 t0-1 t1-0 t1-1        C1: t0-2 t1-2
 *
 * Where racks make a difference (AS-013), what is near comes first: topics with the
 * same subscribers and size stay together, partition p of all of them going to the
 * first member that is near to all; any other topic gives each member what is near it.
 * The rest is cut as above (AS-017).
 *
 * Source: RangeAssignor in Apache Kafka 4.4.
 */
#ifndef DH_ASSIGN_RANGE_H
#define DH_ASSIGN_RANGE_H

#include "assign/assignor.h"

// See struct dh_assignor.
DH_MUST_CHECK int dh_range_assign(const struct dh_assign_input *input,
                                  struct dh_arena *arena, struct dh_assign_list *lists);

// The coordinator's: the same without racks.
DH_MUST_CHECK int dh_server_range_assign(const struct dh_assign_input *input,
                                         struct dh_arena *arena,
                                         struct dh_assign_list *lists);

#endif
