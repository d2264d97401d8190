// SPDX-License-Identifier: MIT
/*
 * What to ask whom, and what came.
 *
 * A row is wanted at a node while it has a position (FETCHING), is neither paused
 * nor being revoked, and its leader is that node. Each node has one Fetch in flight
 * at most, on a connection of its own, and a fetch session (KIP-227), so that a
 * partition without news costs nothing. A turn costs what has changed.
 *
 *   row     READY    in the session of its node
 *           FULL     two fetches' worth lie with the front half; until below one
 *           PARKED   an error that passes; until the back-off is over, or its leader
 *                    changes
 *
 *   node    idle     nothing ready
 *           asking   the Fetch is queued, in flight, or in its back-off
 *           draining some rows are full: waits until none is, for fetch.max.wait.ms at
 *                    most, then asks without them
 *           stalled  the budget has no room: goes on when a chunk comes back, another
 *                    node's response is here, or at the end of a turn in which frames
 *                    went back: responses of other kinds, retained records
 *
 * Why draining: the broker holds a fetch of caught-up partitions for
 * fetch.max.wait.ms. One that leaves out a busy partition, asked while the
 * application works off what it has, would keep that partition waiting for the rest
 * of the long poll. An application that drains a fetch's worth in less than that time
 * never waits; for a slower one the other partitions go on.
 *
 * What comes back is used only under the term and the offset it was asked for; the
 * rest is counted and dropped, in one place. The fetched position moves when the
 * chunk is handed over.
 *
 * An error that the application must act upon makes a row FAILED until it seeks
 * the notice lies behind the chunks before it.
 *
 * Not here: read_committed (chunk.h has the place), replicas that are not leaders.
 * Source: consumer-semantics 5.5, 5.6; KIP-74, 227, 320, 516, 951.
 */
#ifndef DH_CLIENT_BACK_FETCHER_H
#define DH_CLIENT_BACK_FETCHER_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/map.h"
#include "client/back/alarms.h"
#include "client/back/budget.h"
#include "client/back/chunk.h"
#include "client/back/context.h"
#include "client/back/fetch_session.h"
#include "client/back/partitions.h"
#include "client/back/requests.h"

struct dh_fetcher_node; // fetcher.c

// What was done, for tests and for whoever asks.
struct dh_fetcher_counts {
    uint64_t requests;
    uint64_t chunks;
    uint64_t stale_partitions; // came back under another term or offset: dropped
    uint64_t session_resets;
    uint64_t stalls; // a node had to wait for the budget
};

struct dh_fetcher {
    struct dh_back_context context;
    struct dh_partitions *partitions; // borrowed
    struct dh_budget *budget;         // borrowed
    struct dh_codec_context codecs;
    struct dh_chunk_tools tools;
    struct dh_map nodes;      // by id -> struct dh_fetcher_node; never shrinks
    size_t active_nodes;      // nodes with ready rows: they share the budget
    struct dh_list stalled;   // nodes that wait for the budget
    struct dh_list parked;    // rows (fetch_link), the earliest first
    struct dh_alarm unpark;   // the first of `parked`
    size_t stalled_bytes;     // held when one of `stalled` was refused last, at most
    size_t chunks_out;        // with the front half
    size_t held_bytes;        // of those chunks
    size_t held_wanted_bytes; // of those whose rows are wanted: neither paused nor gone
    uint64_t cluster_version; // that the topic ids of the rows were taken from
    size_t closing_count;     // nodes that are being told that their session ends
    bool is_closing;
    struct dh_fetcher_counts counts;
};

// Borrows all. Returns 0 or DOHLE_ERR_NO_MEMORY; then nothing needs a deinit.
DH_MUST_CHECK int dh_fetcher_init(struct dh_fetcher *fetcher,
                                  const struct dh_back_context *context,
                                  struct dh_partitions *partitions,
                                  struct dh_budget *budget);
void dh_fetcher_deinit(struct dh_fetcher *fetcher);

// The row has been touched: takes it on, or lets go of it.
void dh_fetcher_on_changed(struct dh_fetcher *fetcher, struct dh_partition *row,
                           int64_t now_ns);

// The cluster has completed an update, or a leader was learned.
void dh_fetcher_on_metadata(struct dh_fetcher *fetcher, int64_t now_ns);

// Takes a chunk that comes back: its last record was delivered, or it was dropped.
// Partition errors that come back are the back half's to free.
void dh_fetcher_on_chunk_returned(struct dh_fetcher *fetcher, struct dh_chunk *chunk,
                                  int64_t now_ns);

// Takes an error notice or a partition error of ours that comes back.
void dh_fetcher_on_notice_returned(struct dh_fetcher *fetcher, struct dh_message *message,
                                   int64_t now_ns);

// Frames were dropped outside of this thread: dh_frame_account_end_wait said true.
void dh_fetcher_on_bytes_released(struct dh_fetcher *fetcher);

/*
 * At the end of each turn, behind all that has touched rows or frames: goes on with who
 * waits for room, if frames have gone back since. True: somebody was tried.
 */
bool dh_fetcher_end_turn(struct dh_fetcher *fetcher, int64_t now_ns);

// Asks nothing more; tells brokers that sessions end (CL-106), without waiting for
// answers longer than the request timeout.
void dh_fetcher_close(struct dh_fetcher *fetcher, int64_t now_ns);
bool dh_fetcher_is_closed(const struct dh_fetcher *fetcher);

// Why the row brings nothing, as far as is known here.
enum dohle_idle_reason dh_fetcher_idle_reason(const struct dh_fetcher *fetcher,
                                              const struct dh_partition *row,
                                              int64_t now_ns);

// The invariants, between turns: no row is touched and not yet shown.
void dh_fetcher_check(const struct dh_fetcher *fetcher);

#endif
