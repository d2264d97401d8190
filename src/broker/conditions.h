// SPDX-License-Identifier: MIT
/*
 * What a test waits for. A condition is words; it holds when all of them do.
 *
 *     group=G [state=NAME] [members=N] [generation=N]   Stable, Empty, Dead (there is none), ...
 *     committed group=G topic=T partition=N [offset=N]
 *     topic=T [partitions=N] [partition=N [end=N] [start=N] [hw=N] [leader=N] [epoch=N]]
 *                                        it exists, and has that
 *     fault=ID [hits=N]
 *     requests [api=NAME] [node=N] [client=TEXT] [since=SERIAL] [count=N]
 *                                        answered since the wait began, or of those after that
 *                                        serial number of the journal (0: ever)
 *     connections [node=N] [count=N]
 *     node=N state=up|down|paused
 *
 * Numbers compare with =, >=, <=, > or <. Without one: offset>=0, hits>=1, count>=1. A group
 * without any: it is there. timeout=MS may stand in every condition; without it the command's
 * deadline holds, and without that DH_BROKER_WAIT_MS.
 *
 * A wait looks at once and whenever something has changed that it is about: modules tell
 * what (enum dh_broker_change), at the end of the input that changed it. Nothing polls. At its
 * deadline it ends with DOHLE_ERR_TIMEOUT and a sentence that says what is the case.
 */
#ifndef DH_BROKER_CONDITIONS_H
#define DH_BROKER_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/buf.h"
#include "broker/broker.h"
#include "broker/state.h"

struct dh_broker_request; // request.h

// What a condition can be about; bits.
#define DH_BROKER_CHANGE_GROUP      1u // members, state, offsets
#define DH_BROKER_CHANGE_TOPIC      2u // there, gone, leaders
#define DH_BROKER_CHANGE_LOG        4u // start, high watermark, end
#define DH_BROKER_CHANGE_FAULT      8u
#define DH_BROKER_CHANGE_REQUEST    16u
#define DH_BROKER_CHANGE_CONNECTION 32u
#define DH_BROKER_CHANGE_NODE       64u

DH_MUST_CHECK int dh_broker_conditions_new(struct dh_broker *broker);
// Whoever waits was ended before.
void dh_broker_conditions_free(struct dh_broker *broker);

// Something of this kind has changed. Costs nothing; looked at by `settle`.
void dh_broker_changed(struct dh_broker *broker, unsigned changes);

// The journal's: a request was answered.
void dh_broker_conditions_on_answered(const struct dh_broker_request *request);

// At the end of every input and tick: ends the waits whose condition holds now.
void dh_broker_conditions_settle(struct dh_broker *broker);

// Something has changed that somebody waits for, outside of any call: settle soon.
bool dh_broker_conditions_is_unsettled(const struct dh_broker *broker);

// The command is a wait. Ends it at once, or keeps it.
void dh_broker_conditions_wait(struct dh_broker *broker,
                               struct dh_broker_command *command);

// Each condition with its words, a line each.
void dh_broker_conditions_help(struct dh_buf *out);

// Every wait ends with DOHLE_ERR_CLOSED.
void dh_broker_conditions_close(struct dh_broker *broker);

#endif
