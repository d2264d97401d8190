// SPDX-License-Identifier: MIT
/*
 * What goes wrong in a run: a list of faults, numbered, drawn before anything happens.
 *
 * Each fault has a moment and a seed of its own, which decides all about it. So one can be
 * left out and the others stay what they were: that is how a failing run is shrunk.
 */
#ifndef DH_TESTS_SIM_ADVERSARY_H
#define DH_TESTS_SIM_ADVERSARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_FAULTS_MAX 128

struct sim_world;

enum sim_fault_kind {
    SIM_FAULT_CALLS, // the applications do more than poll and commit; from the start on
    SIM_FAULT_WEATHER,
    SIM_FAULT_WAKEUP,
    SIM_FAULT_CLOSE_MEMBER,
    SIM_FAULT_KILL_MEMBER,
    SIM_FAULT_SILENCE, // of a node: deaf, mute, or both
    SIM_FAULT_MOVE_LEADER,
    SIM_FAULT_MOVE_COORDINATOR,
    SIM_FAULT_LOSE_SESSION, // of fetches
    // Of a real broker alone.
    SIM_FAULT_STOP_NODE,
    SIM_FAULT_KILL_NODE,
    SIM_FAULT_PAUSE_NODE,
    SIM_FAULT_ANSWERS, // broker/faults.h
    SIM_FAULT_KILL_PRODUCER,
    SIM_FAULT_KILL_BROKER,
    SIM_FAULT_CUT_POWER,
    SIM_FAULT_DIE_IN_WRITE,
    SIM_FAULT_SLOW_DISK,
    SIM_FAULT_FULL_DISK,
    SIM_FAULT_BROKEN_SYNC,
};

struct sim_fault {
    int64_t at_ns;
    enum sim_fault_kind kind;
    uint64_t seed;
    bool is_left_out;
};

struct sim_adversary {
    struct sim_fault items[SIM_FAULTS_MAX];
    size_t count;
};

// Draws the faults up to the moment, and plans those that are not left out (`left_out`: one
// flag a number; NULL: none is).
void sim_adversary_init(struct sim_adversary *adversary, struct sim_world *world,
                        int64_t end_ns, const bool *left_out);

const char *sim_fault_name(enum sim_fault_kind kind);

// All is well from now on.
void sim_adversary_end(struct sim_world *world);

#endif
