// SPDX-License-Identifier: MIT
/*
 * The simulator: both halves of the client against a scripted broker, without
 * threads, sockets or a clock. One number, the seed, decides everything.
 *
 *     scheduler   virtual time, and a heap of what happens next
 *     network     connections as two ordered byte streams with delays, splits at any
 *                 byte, resets at any byte, refusals, silent nodes, slow names
 *     broker      nodes, topics that grow, a group coordinator, injected errors
 *     member      one consumer: a back half, a front half, the two queues between
 *                 them with delays of their own, and a random application
 *     history     the list of what was seen, in total order, with virtual time
 *     checkers    predicates on the history, and on nothing else
 *
 * A run has two phases: faults, then calm. In the calm everything must be consumed
 * to the log's end and committed.
 *
 *     dohle-sim --seed N             replays one, with a trace
 *     dohle-sim --seeds FROM COUNT   many, with the sums of what they did
 */
#ifndef DH_TESTS_SIM_SIM_H
#define DH_TESTS_SIM_SIM_H

#endif
