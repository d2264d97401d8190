// SPDX-License-Identifier: MIT
/*
 * Rows on their way to a position: the inside of positions.h, used by its files only.
 *
 * A row is on one list at a time (position_link): pending by its state, in flight with
 * the request that names it, or delayed. The functions here put it there, and say what
 * an answer makes of it; each of them leaves it where it belongs.
 *
 * Without memory for a notice a row is delayed in the state it has: what it waited for
 * is asked again.
 */
#ifndef DH_CLIENT_BACK_POSITION_ROWS_H
#define DH_CLIENT_BACK_POSITION_ROWS_H

#include "client/back/positions.h"

static inline struct dh_partition *dh_position_row_of(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_partition, position_link);
}

// The step function runs in the next turn.
void dh_position_step_soon(struct dh_positions *p, int64_t now_ns);

// ---- Lists ----

// Waits for an offset, and is not being given up.
bool dh_position_row_is_waiting(const struct dh_partition *row);

// In that state and wanted, whatever list it is on: it may have been changed and not be
// shown to us yet. leader DH_NODE_NONE: any.
bool dh_position_row_is_pending(const struct dh_partition *row,
                                enum dh_partition_state state, int32_t leader);

// Off its list and onto another, or onto none. No request names it any more.
void dh_position_row_move(struct dh_partition *row, struct dh_list *list);
void dh_position_row_let_go(struct dh_partition *row);

// Onto the pending list of its state.
void dh_position_row_pend(struct dh_positions *p, struct dh_partition *row,
                          int64_t now_ns);

// An error that passes: after the back-off, or with the next metadata.
void dh_position_row_delay(struct dh_positions *p, struct dh_partition *row,
                           int64_t now_ns);
// All of a list: what a request was about and its answer was not.
void dh_position_rows_delay(struct dh_positions *p, struct dh_list *in_flight,
                            int64_t now_ns);

// Changes the state, shows it to the other modules, and puts the row where it belongs.
void dh_position_row_change(struct dh_positions *p, struct dh_partition *row,
                            enum dh_partition_state state, int64_t now_ns);

// ---- What becomes of a row ----

// Posts DH_NOTICE_POSITION. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_position_post(struct dh_positions *p, const struct dh_partition *row,
                                   bool is_held, int64_t offset, int32_t epoch);

/*
 * The row that an answer is about: NULL unless it is in flight in that request and its
 * term is still the one it was asked under. The rest is dropped here, in one place.
 */
struct dh_partition *dh_position_row_answered(const struct dh_positions *p,
                                              dohle_bytes topic, int32_t partition,
                                              uint64_t request);

// The position is known and right: FETCHING.
void dh_position_row_fetch(struct dh_positions *p, struct dh_partition *row,
                           int64_t offset, int32_t epoch, int64_t now_ns);

// What the coordinator has; offset -1: nothing.
void dh_position_row_committed(struct dh_positions *p, struct dh_partition *row,
                               int64_t offset, int32_t epoch, int64_t now_ns);

// No committed offset (CL-121), or one that nobody knows any more.
void dh_position_row_reset(struct dh_positions *p, struct dh_partition *row,
                           int64_t now_ns);

/*
 * The log of the position's epoch ends at end_offset (CL-126); -1 with an undefined
 * epoch: nobody knows. The front half decides when it may have delivered from there.
 */
void dh_position_row_validated(struct dh_positions *p, struct dh_partition *row,
                               int32_t end_epoch, int64_t end_offset, int64_t now_ns);

// The partition cannot go on before a seek: FAILED.
void dh_position_row_fail(struct dh_positions *p, struct dh_partition *row, int code,
                          int64_t offset, int64_t truncated_to, int64_t now_ns);

// Carries out what the table says about an error of one row.
void dh_position_row_refused(struct dh_positions *p, struct dh_partition *row,
                             int16_t api_key, int16_t broker_code, int64_t now_ns);

#endif
