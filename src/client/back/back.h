// SPDX-License-Identifier: MIT
/*
 * The back half of the client: everything towards the cluster, without I/O.
 *
 * The same five calls as everywhere: input, next_action, next_event, deadline,
 * tick. Inputs are commands from the front half, what became of connections and
 * names, bytes received, and time. Outputs are actions for the host (resolve,
 * connect, send, close), notices for the front half, and one next deadline.
 *
 *     loop:  dh_back_input / dh_back_on_* ...   whatever has happened
 *            dh_back_tick(now, mark)            when dh_back_deadline has passed
 *            while dh_back_next_action          do it
 *            while dh_back_next_event           move to the front half's queue
 *
 * Nothing here reads a clock, draws from the system's entropy, blocks, locks or
 * calls back. All state belongs to one thread.
 *
 * Modules (each is one noun, none knows all the others):
 *
 *     connection         one socket's life: resolve, connect, ApiVersions, frames
 *     requests           operations, in-flight order, deadlines, back-off
 *     nodes              who can be asked, a lane for each channel, whom to ask if any will do
 *     cluster            brokers, topics, leaders
 *     coordinator_link   which node coordinates our group
 *     membership         joins, heartbeats, leaves (membership_classic: classic*.c)
 *     partitions         the table of what is assigned
 *     positions          where to start reading: committed, reset, validated
 *     commits            OffsetCommit in order
 *     lookups            the application's questions: committed, list offsets, topics
 *     fetcher            what to ask whom, and what came
 *     fetch_session      KIP-227, one for each node
 *     budget             bytes that may be buffered
 *     alarms, outbox, reactions   timers, what goes to the front half, broker codes
 */
#ifndef DH_CLIENT_BACK_BACK_H
#define DH_CLIENT_BACK_BACK_H

#include <dohle/log.h>
#include <dohle/types.h>

#include "base/address.h"
#include "base/assert.h"
#include "base/settings.h"
#include "client/back/action.h"
#include "client/messages.h"

struct dh_back;

struct dh_back_options {
    const dohle_allocator *mem;         // borrowed for the half's life
    const dohle_log_sink *log;          // borrowed; NULL: no log
    const struct dh_settings *settings; // borrowed; immutable
    uint64_t seed;                      // jitter, hash seeds, first broker
    int64_t now_ns;
};

// NULL: no memory.
DH_MUST_CHECK struct dh_back *dh_back_new(const struct dh_back_options *options);

// Drops everything, tells nobody.
void dh_back_free(struct dh_back *back);

// ---- Inputs ----

/*
 * Takes a command, or a notice that comes back. Answers come out of next_event.
 * Bytes that the front half holds come back this way too, as chunks.
 */
void dh_back_input(struct dh_back *back, struct dh_message *message, int64_t now_ns);

// A name was resolved: count addresses, or err with text.
void dh_back_on_resolved(struct dh_back *back, uint32_t connection_id,
                         const struct dh_address *addresses, size_t count, int err,
                         const char *text, int64_t now_ns);
void dh_back_on_connected(struct dh_back *back, uint32_t connection_id, int64_t now_ns);
// The socket is gone or never came to be. Not called for those we closed.
void dh_back_on_closed(struct dh_back *back, uint32_t connection_id, int err,
                       const char *text, int64_t now_ns);
// Where the next bytes of the connection go: at least 1 byte of room. False: close it.
bool dh_back_receive_buffer(struct dh_back *back, uint32_t connection_id,
                            uint8_t **pointer, size_t *capacity);
void dh_back_on_received(struct dh_back *back, uint32_t connection_id, size_t size,
                         int64_t now_ns);
// The last SEND action of the connection has been written out.
void dh_back_on_sent(struct dh_back *back, uint32_t connection_id, int64_t now_ns);
// Frames were dropped on another thread: dh_frame_account_end_wait said true.
void dh_back_on_bytes_released(struct dh_back *back, int64_t now_ns);

// ---- Outputs ----

// False: nothing to do now.
bool dh_back_next_action(struct dh_back *back, struct dh_action *action);

// A notice, or a command answered; NULL: none. The caller hands it to the front half.
struct dh_message *dh_back_next_event(struct dh_back *back);

// When tick must be called at the latest; DH_NEVER.
int64_t dh_back_deadline(const struct dh_back *back);
void dh_back_tick(struct dh_back *back, struct dh_poll_mark mark, int64_t now_ns);

// True once a CLOSE command is answered and no connection is left.
bool dh_back_is_finished(const struct dh_back *back);

// The invariants of all modules; for the simulator.
void dh_back_check(const struct dh_back *back);

#endif
