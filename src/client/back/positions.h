// SPDX-License-Identifier: MIT
/*
 * Where to start reading, and whether that is still right.
 *
 *   STARTING    OffsetFetch to the coordinator, all waiting rows in one request
 *   RESETTING   ListOffsets, one request for each leader
 *   VALIDATING  OffsetForLeaderEpoch, one request for each leader
 *
 * A row of these states is on one of three lists: `pending` (goes out with the next
 * request that fits), in flight (the list of its request), or `delayed` (an error
 * that passes: waits for the back-off or for the next metadata update). What comes
 * back is applied only if the row's term is the one the request was made under
 * (CL-122, X-132, S27). No turn costs more than the rows on these lists.
 *
 * Order for a new partition: seek, then committed offset, then auto.offset.reset
 * (CL-121). Without a group there is no committed offset. Errors never reset a
 * position (S31): only the coordinator's "no offset" does.
 *
 * Newer leader epochs send FETCHING rows to VALIDATING (CL-125); the front half is
 * told to hold what it has buffered until the answer. Without a known epoch, or with
 * a broker that is too old to ask, the position counts as valid. Truncation is told
 * as a partition error, LOG_TRUNCATION with where the logs part; the front half then
 * seeks there or, without a policy, tells the application (CL-126).
 *
 * Source: consumer-semantics 5.7, X-113 to; KIP-320.
 */
#ifndef DH_CLIENT_BACK_POSITIONS_H
#define DH_CLIENT_BACK_POSITIONS_H

#include "client/back/alarms.h"
#include "client/back/context.h"
#include "client/back/partitions.h"
#include "client/back/requests.h"

struct dh_coordinator_link;

struct dh_positions {
    struct dh_back_context context;
    struct dh_partitions *partitions; // borrowed
    struct dh_coordinator_link *link; // borrowed
    bool has_group;                   // group.id is set: committed offsets exist
    struct dh_list starting; // pending rows (position_link), by what they wait for
    struct dh_list resetting;
    struct dh_list validating;
    struct dh_list delayed;      // rows of all three states
    struct dh_list in_flight;    // rows in the OffsetFetch
    struct dh_list leaders;      // struct leader (positions.c): one for each node asked
    uint64_t committed_request;  // number of the OffsetFetch in flight
    struct dh_op committed_op;   // OffsetFetch
    struct dh_alarm step_alarm;  // set to now when there is something to send
    struct dh_alarm retry_alarm; // the delayed become pending
    struct dh_backoff backoff;   // of retry_alarm
    uint64_t request_last;       // numbers of requests, dh_partition.position_request
    uint64_t cluster_version;    // what the leaders of the rows were taken from
    bool is_walk_due;            // a leader check found no memory for its notice
};

// Borrows all. Returns 0 or DOHLE_ERR_NO_MEMORY; then nothing needs a deinit.
DH_MUST_CHECK int dh_positions_init(struct dh_positions *positions,
                                    const struct dh_back_context *context,
                                    struct dh_partitions *partitions,
                                    struct dh_coordinator_link *link, bool has_group);
void dh_positions_deinit(struct dh_positions *positions);

// The row has been touched: links it where its state says, or lets go of it.
void dh_positions_on_changed(struct dh_positions *positions, struct dh_partition *row,
                             int64_t now_ns);

// The cluster has completed an update, or a leader was learned.
void dh_positions_on_metadata(struct dh_positions *positions, int64_t now_ns);

// The coordinator is known now.
void dh_positions_on_coordinator(struct dh_positions *positions, int32_t node_id,
                                 int64_t now_ns);

#endif
