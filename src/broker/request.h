// SPDX-License-Identifier: MIT
/*
 * One request's life: from a whole frame to its answer.
 *
 *     arrived -> handled -> answered           at once
 *                      \-> parked -> answered  by whoever parked it: a wait, a coordinator
 *                               \--> abandoned its connection is gone
 *
 * A connection has one request at a time (like Kafka, which mutes the channel): the next
 * frame is looked at when this one was answered. So a client's requests are answered in
 * order, and a long poll costs no thread.
 *
 * The request lives in memory of its own: its frame, which the body's views point into, and
 * its arena. It is freed by dh_broker_answer*, or by whoever parked it, in `abandon`.
 */
#ifndef DH_BROKER_REQUEST_H
#define DH_BROKER_REQUEST_H

#include <stdint.h>

#include <dohle/types.h>

#include "base/arena.h"
#include "base/frame.h"
#include "base/list.h"
#include "broker/state.h"
#include "wire/api.h"

struct dh_broker_connection;
struct dh_broker_fault_hit;
struct dh_broker_node;

struct dh_broker_request {
    struct dh_link link; // of whoever parked it
    struct dh_broker *broker;
    struct dh_broker_connection *connection;
    struct dh_broker_node *node; // asked
    const struct dh_api *api;
    int16_t version;
    int32_t correlation_id;
    dohle_bytes client_id;
    int64_t arrived_ns; // by our clock
    struct dh_frame *frame;
    struct dh_arena arena; // of the body and of the answer
    void *body;            // decoded: the struct of the API and version
    int32_t
        throttle_ms; // a fault's; goes into throttle_time_ms of every answer that has it
    uint64_t serial; // the journal's; counts up over all nodes
    struct dh_broker_fault_hit *hits; // the faults'; what they have decided about it
    // Set by whoever parks it: drop what you hold, the request is freed afterwards.
    void (*abandon)(struct dh_broker_request *request);
    void *parked; // theirs
};

// What serves one API. Answers, or parks.
struct dh_broker_handler {
    int16_t key;
    struct dh_versions versions; // offered; within those of the schema
    void (*handle)(struct dh_broker *broker, struct dh_broker_request *request);
    /* Fills an answer in which every topic, partition and group of the request has this
     * code: for faults, and for handlers that cannot go on. Points into the arena. NULL: no
     * memory. */
    void *(*refuse)(struct dh_broker_request *request, int16_t broker_code);
};

// By key; NULL: not offered.
const struct dh_broker_handler *dh_broker_handler_find(int16_t key);
size_t dh_broker_handler_count(void);
const struct dh_broker_handler *dh_broker_handler_at(size_t index);

// Encodes and sends; ends the request. `response` is the struct of the API.
void dh_broker_answer(struct dh_broker_request *request, const void *response);
// The same with the handler's `refuse`.
void dh_broker_answer_refused(struct dh_broker_request *request, int16_t broker_code);
// acks=0: nothing is sent. Ends the request.
void dh_broker_answer_nothing(struct dh_broker_request *request);
// Cannot be answered (no memory, nonsense): closes the connection. Ends the request.
void dh_broker_give_up(struct dh_broker_request *request, const char *why);

#endif
