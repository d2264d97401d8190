// SPDX-License-Identifier: MIT
/*
 * What must hold in every history.
 *
 *     S8   delivery inside the term: a record carries the term its place runs under
 *          now, and the member owns the place (from the moment the front half takes
 *          the notice that takes it away, it does not)
 *     S20  no skip: between two records delivered in one term with no seek between
 *          them, no visible record was left out
 *     S21  monotone: offsets rise in a term unless the application or a reset sought
 *     S22  right start: a new term starts at what is committed; where nothing is
 *          committed, at what auto.offset.reset says
 *     S27  seek wins: the next record after a seek is the first visible one from there
 *     S28  pause: nothing is delivered between pause and resume
 *     S29  integrity: a record is what was appended
 *     S60  at least once: what lies below a committed offset was processed; at the end
 *          everything was
 *     L3   lag 0: at the end what is committed is the end of the log
 *     L5   a call with a deadline has returned by then, callbacks aside
 *     L6   so has close; then nothing stays allocated
 *
 * The numbers name rows of the project's acceptance table. Each checker is a function
 * of the list of events alone.
 */
#ifndef DH_TESTS_SIM_CHECKERS_H
#define DH_TESTS_SIM_CHECKERS_H

#include <stdbool.h>

#include "history.h"

// How late a call may return: what the machine itself needs.
#define SIM_TICK_NS (5 * DH_MS)
// After close the back half says good-bye for so long at most.
#define SIM_LINGER_NS (1 * DH_SEC)

struct sim_violation {
    const char *checker; // "S8"
    size_t index;        // of the event that shows it
    char text[256];
};

struct sim_checker {
    const char *name;
    // False: *violation is filled in, except for the name.
    bool (*holds)(const struct sim_history *history, struct sim_violation *violation);
};

extern const struct sim_checker sim_checkers[];
extern const size_t sim_checker_count;

// All checkers; the first one that does not hold fills in *violation and gives false.
bool sim_check(const struct sim_history *history, struct sim_violation *violation);

#endif
