// SPDX-License-Identifier: MIT
/*
 * The round-robin assignor: the partitions of all topics, by name and number, are
 * dealt to the members in a circle; who did not subscribe is passed over (AS-020).
 *
 *     C1, C2 subscribed to T1, T2 with three partitions each:
 *     C1: T1-0 T1-2 T2-1        C2: T1-1 T2-0 T2-2
 *
 * It knows neither racks nor who owned what.
 *
 * Source: RoundRobinAssignor in Apache Kafka 4.4.
 */
#ifndef DH_ASSIGN_ROUNDROBIN_H
#define DH_ASSIGN_ROUNDROBIN_H

#include "assign/assignor.h"

// See struct dh_assignor.
DH_MUST_CHECK int dh_roundrobin_assign(const struct dh_assign_input *input,
                                       struct dh_arena *arena,
                                       struct dh_assign_list *lists);

#endif
