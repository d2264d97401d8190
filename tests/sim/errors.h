// SPDX-License-Identifier: MIT
/*
 * Errors that Kafka may answer at any time, drawn in bad weather.
 */
#ifndef DH_TESTS_SIM_ERRORS_H
#define DH_TESTS_SIM_ERRORS_H

#include <stdint.h>

struct sim_broker;

// 0: none. For an API whose partitions have errors it is the error of one partition.
int16_t sim_inject_error(struct sim_broker *broker, int16_t api_key);

// The error of a whole fetch; 0: none.
int16_t sim_inject_fetch_error(struct sim_broker *broker);

#endif
