// SPDX-License-Identifier: MIT
/*
 * What the checkers share, and the checkers that are in files of their own. Included by the
 * checkers only.
 */
#ifndef DH_TESTS_SIM_CHECKER_PARTS_H
#define DH_TESTS_SIM_CHECKER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkers.h"

// Fills in *violation; gives false.
bool sim_violated(struct sim_violation *violation, size_t index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Zeroed memory, to be freed.
void *sim_zeroed(size_t count, size_t size);

// One array of state a member and place: its size, and the index of an event's.
#define SIM_CELLS ((size_t)SIM_MEMBERS_MAX * SIM_PLACES_MAX)
size_t sim_cell_of(int member, int place);
size_t sim_cell(const struct sim_event *event);

// The group of each member that has started.
struct sim_groups {
    bool is_known[SIM_MEMBERS_MAX];
    int group[SIM_MEMBERS_MAX];
};

void sim_groups_take(struct sim_groups *groups, const struct sim_event *event);
// Whether it is a member of the shared group, number 0.
bool sim_groups_is_shared(const struct sim_groups *groups, int member);

// The visible offsets of one place, as ranges in order.
struct sim_visible {
    struct sim_range {
        int64_t offset;
        int64_t end;
    } * ranges;

    size_t count;
    size_t capacity;
    int64_t log_end;
};

// One for each place.
struct sim_visible *sim_visible_new(void);
void sim_visible_free(struct sim_visible *places);
void sim_visible_take(struct sim_visible *places, const struct sim_event *event);
// The first visible offset that is not below; -1: there is none.
int64_t sim_visible_from(const struct sim_visible *place, int64_t offset);

typedef bool sim_checker_function(const struct sim_history *history,
                                  struct sim_violation *violation);

// checkers_groups.c
sim_checker_function sim_s1_holds;
sim_checker_function sim_s2_holds;
sim_checker_function sim_s7_holds;
sim_checker_function sim_s9_holds;
sim_checker_function sim_l1_holds;
sim_checker_function sim_l4_holds;

// checkers_commits.c
sim_checker_function sim_s40_holds;
sim_checker_function sim_s41_holds;
sim_checker_function sim_s42_holds;
sim_checker_function sim_s45_holds;
sim_checker_function sim_s46_holds;

// checkers_flow.c
sim_checker_function sim_s31_holds;
sim_checker_function sim_s61_holds;
sim_checker_function sim_s63_holds;
sim_checker_function sim_l2_holds;
sim_checker_function sim_l7_holds;

// checkers_log.c
sim_checker_function sim_p1_holds;
sim_checker_function sim_p2_holds;
sim_checker_function sim_p3_holds;
sim_checker_function sim_p4_holds;

#endif
