// SPDX-License-Identifier: MIT
/*
 * What the program around a consumer does: mostly it polls and commits, sometimes
 * anything else the API allows, in callbacks too, and now and then it is slow.
 *
 * A record counts as processed when the application takes its next turn after the
 * poll that returned it, so before anything that may commit it. Members of the shared
 * group seek only to what was committed already, so that nothing is left out by wish;
 * those that have their partitions by hand seek anywhere.
 *
 * In calm it polls, commits, resumes what is paused, and does nothing else.
 */
#ifndef DH_TESTS_SIM_APPLICATION_H
#define DH_TESTS_SIM_APPLICATION_H

#include "member.h"

void sim_application_start(struct sim_member *member);

// The innermost call has returned.
void sim_application_on_return(struct sim_member *member, const struct sim_call *call);

// The innermost call wants its callback to be run.
void sim_application_on_callback(struct sim_member *member, struct sim_call *call);

// Closes at the next turn.
void sim_application_close(struct sim_member *member);

#endif
