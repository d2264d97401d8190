// SPDX-License-Identifier: MIT
/*
 * The three requests that positions need: the inside of positions.h, used by its files
 * only. Each takes the pending rows that fit when its bytes go out, so that one request
 * carries all that has come up while the connection was made.
 */
#ifndef DH_CLIENT_BACK_POSITION_REQUESTS_H
#define DH_CLIENT_BACK_POSITION_REQUESTS_H

#include "client/back/positions.h"

// Version 10 names topics by id, which may be unknown; nothing else is new in it.
#define DH_OFFSET_FETCH_VERSION_MAX 9

// What is asked of one leader.
struct dh_position_leader {
    struct dh_link link; // dh_positions.leaders
    struct dh_positions *positions;
    int32_t node_id;
    struct dh_op list_op;      // ListOffsets
    struct dh_op epoch_op;     // OffsetForLeaderEpoch
    struct dh_list list_rows;  // position_link: in flight
    struct dh_list epoch_rows; // position_link: in flight
    uint64_t list_request;     // number of the request in flight
    uint64_t epoch_request;
};

// OffsetFetch: dh_positions.committed_op.
extern const struct dh_op_class dh_position_committed_class;
// ListOffsets: dh_position_leader.list_op.
extern const struct dh_op_class dh_position_list_class;
// OffsetForLeaderEpoch: dh_position_leader.epoch_op.
extern const struct dh_op_class dh_position_epoch_class;

#endif
