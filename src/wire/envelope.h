// SPDX-License-Identifier: MIT
/*
 * What goes around a message on a connection.
 *
 *     int32 size of what follows | header | body
 *
 * A request's header carries API key, version, correlation id and client id; a
 * response's header only the correlation id, so the reader of a response must
 * know what was asked. The functions that decode start behind the size.
 *
 * Not here: cutting a stream of bytes into frames, and the buffer that records
 * point into (base/frame.h).
 * Source: RequestHeader, ResponseHeader and NetworkReceive in Apache Kafka 4.4.
 */
#ifndef DH_WIRE_ENVELOPE_H
#define DH_WIRE_ENVELOPE_H

#include <stdint.h>

#include <dohle/types.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "wire/gen/header.h"
#include "wire/reader.h"

// The bytes of the size that starts a frame.
#define DH_ENVELOPE_SIZE_SIZE 4

/*
 * Appends a whole request. client_id null is sent as null. Returns 0 or what
 * dh_message_encode returns, with the buffer cut back to what it held;
 * DOHLE_ERR_UNSUPPORTED_VERSION also for a key that is not known.
 */
DH_MUST_CHECK int dh_envelope_encode_request(struct dh_buf *buf, int16_t key,
                                             int16_t version, int32_t correlation_id,
                                             dohle_bytes client_id, const void *request);

// Appends a whole response; as above.
DH_MUST_CHECK int dh_envelope_encode_response(struct dh_buf *buf, int16_t key,
                                              int16_t version, int32_t correlation_id,
                                              const void *response);

/*
 * Reads the header of a request; client_id is a view. The reader stands at the
 * body then. Returns 0, DOHLE_ERR_PROTOCOL, or DOHLE_ERR_UNSUPPORTED_VERSION
 * for a key that is not known, with key, version and correlation id set. The
 * version may be one we do not speak: that is to be answered, not refused here.
 */
DH_MUST_CHECK int dh_envelope_decode_request_header(struct dh_reader *reader,
                                                    struct dh_request_header *out);

// Reads the header of a response. Returns 0, DOHLE_ERR_PROTOCOL or
// DOHLE_ERR_UNSUPPORTED_VERSION for a key that is not known.
DH_MUST_CHECK int dh_envelope_decode_response_header(struct dh_reader *reader,
                                                     int16_t key, int16_t version,
                                                     int32_t *correlation_id);

#endif
