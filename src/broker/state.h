// SPDX-License-Identifier: MIT
/*
 * What the broker's modules share: the object that owns them, and its clock. Included by
 * src/broker only. A handler gets it and asks the module it needs; no module keeps state of
 * another's here.
 */
#ifndef DH_BROKER_STATE_H
#define DH_BROKER_STATE_H

#include <stdint.h>

#include <dohle/log.h>

#include "base/assert.h"
#include "base/heap.h"
#include "base/random.h"
#include "broker/broker.h"
#include "wire/uuid.h"

struct dh_broker_connections;
struct dh_broker_nodes;
struct dh_broker_topics;
struct dh_broker_groups;
struct dh_broker_fetches;
struct dh_broker_waits;
struct dh_broker_produce;
struct dh_broker_producer_ids;
struct dh_broker_retention;
struct dh_broker_faults;
struct dh_broker_journal;
struct dh_broker_conditions;
struct dh_broker_control;
struct dh_broker_settings;

// Our time = the host's + what commands have added. Never goes back.
struct dh_broker_clock {
    int64_t now_ns;     // ours, of the call we are in
    int64_t wall_ms;    // ours, of the call we are in
    int64_t host_ns;    // the host's, of the call we are in
    int64_t ahead_ns;   // ours - the host's, when it is not manual
    int64_t wall_at_ms; // wall_ms when now_ns was wall_at_ns
    int64_t wall_at_ns;
    bool is_manual; // only commands move it
};

struct dh_broker {
    const dohle_allocator *mem;
    const dohle_log_sink *log; // NULL: none
    struct dh_vfs *vfs;
    struct dh_store *store;
    struct dh_store_recovery recovery; // of dh_store_open
    struct dh_broker_clock clock;
    struct dh_random random;
    struct dh_timers timers;      // of all modules, by our clock: struct dh_broker_alarm
    struct dh_timers host_timers; // by the host's clock: what people wait for
    struct dh_uuid cluster_id;    // the same at every start of a data directory
    // Owned; each has its own header, with new, free and what it does.
    struct dh_broker_settings *settings;
    struct dh_broker_connections *connections;
    struct dh_broker_nodes *nodes;
    struct dh_broker_topics *topics;
    struct dh_broker_groups *groups;
    struct dh_broker_fetches *fetches;
    struct dh_broker_waits *waits;
    struct dh_broker_produce *produce;
    struct dh_broker_producer_ids *producer_ids;
    struct dh_broker_retention *retention;
    struct dh_broker_faults *faults;
    struct dh_broker_journal *journal;
    struct dh_broker_conditions *conditions;
    struct dh_broker_control *control;
};

/*
 * Moves our clock forward by by_ns. Every alarm that comes to be due on the way goes
 * off at its own time, in order, those included that are set meanwhile.
 */
void dh_broker_advance(struct dh_broker *broker, int64_t by_ns);

#endif
