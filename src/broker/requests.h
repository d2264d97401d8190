// SPDX-License-Identifier: MIT
/*
 * Requests from frames, for connections.c. What handlers see is request.h.
 *
 * A frame that is no request of ours (too short, an API or version that is not offered, a
 * body that does not decode) ends its connection, as Kafka does; but ApiVersions in an
 * unknown version is answered in version 0 with UNSUPPORTED_VERSION and what there is
 * (BR-001).
 */
#ifndef DH_BROKER_REQUESTS_H
#define DH_BROKER_REQUESTS_H

#include "broker/connections.h"
#include "broker/request.h"

// What one request's body and answer may take beside the bytes of records.
#define DH_BROKER_REQUEST_ARENA_MAX ((size_t)128 * 1024 * 1024)

// Takes the frame. The request is connection->request until it is answered.
void dh_broker_requests_begin(struct dh_broker_connection *connection,
                              struct dh_frame *frame);

// Runs the handler of a request that a fault held back (faults.h).
void dh_broker_request_handle(struct dh_broker_request *request);

// The connection ends: whoever holds the request lets it go, and it is freed.
void dh_broker_request_abandon(struct dh_broker_request *request);

#endif
