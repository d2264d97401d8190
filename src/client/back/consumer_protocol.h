// SPDX-License-Identifier: MIT
/*
 * The blobs that members of a classic consumer group exchange through the
 * coordinator, which does not look into them.
 *
 *     int16 version | body of that version (wire/gen/consumer_protocol.h)
 *
 * Written at the highest version we know. Read: a later version as the highest we
 * know, since bodies only grow; a negative one, and fewer than two bytes, are
 * malformed (AS-003, CL-026).
 *
 * Source: ConsumerProtocol of Apache Kafka 4.4.
 */
#ifndef DH_CLIENT_BACK_CONSUMER_PROTOCOL_H
#define DH_CLIENT_BACK_CONSUMER_PROTOCOL_H

#include <dohle/types.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "wire/gen/consumer_protocol.h"

#define DH_CONSUMER_PROTOCOL_VERSION 3

// Appends. Topics and owned partitions should be sorted, so that equal content gives
// equal bytes (AS-007). Returns 0, DOHLE_ERR_NO_MEMORY, DOHLE_ERR_TOO_LARGE or
// DOHLE_ERR_INVALID_ARGUMENT (a name that is too long).
DH_MUST_CHECK int
dh_subscription_blob_write(const struct dh_consumer_protocol_subscription *in,
                           struct dh_buf *buf);
DH_MUST_CHECK int
dh_assignment_blob_write(const struct dh_consumer_protocol_assignment *in,
                         struct dh_buf *buf);

// Views in *out are valid as long as the blob and the arena's content are. Returns 0,
// DOHLE_ERR_PROTOCOL or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int
dh_subscription_blob_read(dohle_bytes blob, struct dh_arena *arena,
                          struct dh_consumer_protocol_subscription *out);
DH_MUST_CHECK int dh_assignment_blob_read(dohle_bytes blob, struct dh_arena *arena,
                                          struct dh_consumer_protocol_assignment *out);

#endif
