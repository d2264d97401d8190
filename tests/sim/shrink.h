// SPDX-License-Identifier: MIT
/*
 * Makes a failing run small: leaves out ranges of its faults, half of them first and single
 * ones last, as long as the same checker still fails.
 */
#ifndef DH_TESTS_SIM_SHRINK_H
#define DH_TESTS_SIM_SHRINK_H

#include "sim.h"

// False: it does not fail. Else *result is of the smallest run found, and *left says how
// many faults it has.
bool sim_shrink(const struct sim_options *options, struct sim_result *result,
                size_t *left);

#endif
