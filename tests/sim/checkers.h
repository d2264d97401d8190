// SPDX-License-Identifier: MIT
/*
 * What must hold in every history.
 *
 *     S1   members of one generation never own the same place
 *     S2   who asks to join owns nothing (eager)
 *     S7   callbacks of a place: assigned, then revoked or lost, and so on; none after close
 *     S8   delivery inside the term: a record carries the term its place runs under
 *          now, and the member owns the place (from the moment the front half takes
 *          the notice that takes it away, it does not)
 *     S9   fenced: who was told so sends neither heartbeat nor commit under that generation
 *     S20  no skip: between two records delivered in one term with no seek between
 *          them, no visible record was left out
 *     S21  monotone: offsets rise in a term unless the application or a reset sought
 *     S22  right start: a new term starts at what is committed; where nothing is
 *          committed, at what auto.offset.reset says
 *     S27  seek wins: the next record after a seek is the first visible one from there
 *     S28  pause: nothing is delivered between pause and resume
 *     S29  integrity: a record is what was appended
 *     S31  reset only when told: a leader has said that the offset is out of range
 *     S40  what is committed was delivered by a poll before the last one, or the application
 *          has called commit, close or unsubscribe since
 *     S41  what is committed lies within the log
 *     S42  what a member commits in one term never falls, unless it seeks
 *     S45  what the coordinator has taken it tells, or a newer commit; restarts included
 *     S46  the function of each commit runs once, in order, before close returns
 *     S60  at least once: what lies below a committed offset was processed; at the end
 *          everything was
 *     S61  bounded duplicates: a record comes again only when a term ended, or a member
 *          sought, with less than it committed
 *     S63  order: the first processing of a place's records is in their order
 *     L1   after the last fault every place has an owner within SIM_SETTLE_NS
 *     L2   in calm a record that is there is delivered within SIM_DELIVERY_NS
 *     L3   lag 0: at the end what is committed is the end of the log
 *     L4   no storm: nobody comes or goes, so there are few generations
 *     L5   a call with a deadline has returned by then, callbacks aside
 *     L6   so has close; then nothing stays allocated
 *     L7   no busy loop: requests of one kind to one node are bounded
 *     P1   acknowledged is there: what a producer was told to be in the log can be read at
 *          that offset
 *     P2   once: no record of an idempotent producer is in the log twice
 *     P3   and they are there in the order in which it sent them
 *     P4   kept: what was visible is there again after each start of the broker
 *     B1 to B4  blackbox.h
 *
 * The numbers name rows of the project's acceptance table, P and B aside. Each checker is a function
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

// The longest session and poll interval in use, a rebalance, three heartbeats.
#define SIM_SETTLE_NS (45 * DH_SEC)
// A connect that hangs for the longest set-up time-out, a fetch, and an application that
// thinks.
#define SIM_DELIVERY_NS (45 * DH_SEC)
// When nobody has come or gone for SIM_SETTLE_NS.
#define SIM_GENERATIONS_MAX 2
// Of one kind, from one member to one node, in a second.
#define SIM_REQUESTS_MAX 100

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
