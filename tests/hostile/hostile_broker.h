// SPDX-License-Identifier: MIT
/*
 * A broker on 127.0.0.1 that does as it should up to a point, and then one wrong
 * thing for ever. It has a thread of its own; the test reads its counters.
 *
 *     door     what happens to a connection
 *     good     how far requests are answered as they should be, by kind
 *     reply    what happens to all other requests
 *
 * It is one node with one topic, "t", of HOSTILE_PARTITIONS partitions, empty until
 * it is told to fill them, and coordinates every group; each group has one member.
 *
 * Bounds: HOSTILE_CONNECTIONS_MAX at a time, more are reset.
 */
#ifndef DH_TESTS_HOSTILE_HOSTILE_BROKER_H
#define DH_TESTS_HOSTILE_HOSTILE_BROKER_H

#include <stddef.h>
#include <stdint.h>

#include "wire/api.h"

#define HOSTILE_PARTITIONS      2
#define HOSTILE_CONNECTIONS_MAX 160

enum hostile_door {
    HOSTILE_OPEN,
    HOSTILE_REFUSES,  // nobody listens
    HOSTILE_HANGS,    // the handshake of TCP is never finished
    HOSTILE_RESETS,   // accepted, then reset
    HOSTILE_HANGS_UP, // accepted, then closed in order
    HOSTILE_TALKS,    // greets in another protocol, and then keeps still
};

// Which requests are answered; each includes those before it.
enum hostile_good {
    HOSTILE_GOOD_NOTHING,
    HOSTILE_GOOD_VERSIONS,    // ApiVersions
    HOSTILE_GOOD_METADATA,    // Metadata
    HOSTILE_GOOD_COORDINATOR, // FindCoordinator
    HOSTILE_GOOD_MEMBER,      // JoinGroup, SyncGroup
    HOSTILE_GOOD_POSITION,    // OffsetFetch (nothing committed), ListOffsets (0)
    HOSTILE_GOOD_EVERYTHING,  // OffsetCommit, and the rest by the response's defaults
};

enum hostile_reply {
    HOSTILE_SILENT,
    HOSTILE_RESETS_REQUEST,    // the connection is reset
    HOSTILE_OTHER_PROTOCOL,    // HTTP
    HOSTILE_SIZE_NEGATIVE,     // -1
    HOSTILE_SIZE_ZERO,         // 0
    HOSTILE_SIZE_HUGE,         // 2 GiB - 1
    HOSTILE_WRONG_CORRELATION, // of no request
    HOSTILE_CUT_BODY,          // a whole frame whose body ends too early
    HOSTILE_NOISE_BODY,        // right correlation id, then noise
    HOSTILE_DRIPS,             // the right answer, one byte in HOSTILE_DRIP_MS
};

#define HOSTILE_DRIP_MS 20

struct hostile_script {
    enum hostile_door door;
    enum hostile_good good;
    enum hostile_reply reply;
};

struct hostile_broker;

// Aborts when something that is not under test fails.
struct hostile_broker *hostile_broker_new(const struct hostile_script *script);

// From now on it does everything right; it must be one that accepts connections.
void hostile_broker_mend(struct hostile_broker *broker);

// From now on each partition is an endless log of records of so many bytes, and each
// Fetch brings one.
void hostile_broker_fill(struct hostile_broker *broker, size_t record_bytes);

// Ends its thread: from now on it does nothing at all.
void hostile_broker_stop(struct hostile_broker *broker);

// Stops it if that was not done, and closes everything.
void hostile_broker_free(struct hostile_broker *broker);

// "127.0.0.1:PORT". Valid until it is freed.
const char *hostile_broker_address(const struct hostile_broker *broker);

// Connections accepted so far, and requests of a kind that came whole.
int hostile_broker_connects(const struct hostile_broker *broker);
int hostile_broker_requests(const struct hostile_broker *broker, int16_t api_key);

#endif
