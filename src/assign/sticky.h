// SPDX-License-Identifier: MIT
/*
 * Assignors that keep what members own (see assign/balance.h): sticky, cooperative-
 * sticky, and the coordinator's uniform one.
 *
 * Where two claim a partition, the higher generation owns it; of the same generation
 * neither does (AS-026). cooperative-sticky gives a partition that somebody else still
 * claims to nobody: its owner gives it up first, and the next rebalance gives it away
 * (AS-032, AS-033).
 *
 *     C1, C2 subscribed to T1, T2 with three partitions each, nothing owned:
 *     C1: T1-0 T1-2 T2-1        C2: T1-1 T2-0 T2-2
 *
 * The target is no less balanced and moves no more than that of Java's assignors of
 * these names, but need not be the same one (AS-029).
 *
 * Source: AbstractStickyAssignor, CooperativeStickyAssignor and UniformAssignor in
 * Apache Kafka 4.4.
 */
#ifndef DH_ASSIGN_STICKY_H
#define DH_ASSIGN_STICKY_H

#include "assign/assignor.h"

// See struct dh_assignor. Racks count.
DH_MUST_CHECK int dh_sticky_assign(const struct dh_assign_input *input,
                                   struct dh_arena *arena, struct dh_assign_list *lists);
DH_MUST_CHECK int dh_cooperative_sticky_assign(const struct dh_assign_input *input,
                                               struct dh_arena *arena,
                                               struct dh_assign_list *lists);

// The coordinator's: racks do not count.
DH_MUST_CHECK int dh_uniform_assign(const struct dh_assign_input *input,
                                    struct dh_arena *arena, struct dh_assign_list *lists);

#endif
