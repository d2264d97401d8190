// SPDX-License-Identifier: MIT
/*
 * A second judge that sees only what applications saw: what producers sent and were told,
 * records with their content, callbacks, seeks. It knows no log, no term, no coordinator and
 * no wire, and shares no code with the other checkers.
 *
 *     B1  nothing is invented: a record that was delivered was sent before, and holds what was
 *         sent
 *     B2  an offset is one record: for every member, and for the producer that was told so
 *     B3  between assigned and revoked, without a seek, offsets rise, and no record is left out
 *         that anybody was given or told of
 *     B4  at the end each acknowledged record of the shared group's topics was delivered to
 *         one of its members
 *
 * A member without callbacks says nothing of its assignments: B3 takes those that have them,
 * and those that assign by hand.
 */
#ifndef DH_TESTS_SIM_BLACKBOX_H
#define DH_TESTS_SIM_BLACKBOX_H

#include "checker_parts.h"

sim_checker_function sim_b1_holds;
sim_checker_function sim_b2_holds;
sim_checker_function sim_b3_holds;
sim_checker_function sim_b4_holds;

#endif
