// SPDX-License-Identifier: MIT
/*
 * A whole broker for unit tests: on files in memory, with clients that speak encoded bytes,
 * and time that moves by hand.
 *
 *     struct rig rig;
 *     rig_start(&rig, &(struct rig_options){.node_count = 3});
 *     struct rig_client *client = rig_connect(&rig, 1);
 *     const struct dh_metadata_response *response = rig_ask(&rig, client, DH_API_METADATA, 13, &request);
 *     rig_stop(&rig);
 *
 * rig_send and rig_receive are the two halves of rig_ask: a request that is parked is one
 * that has been sent and whose response is NULL.
 *
 * A response is valid until that client's next one. rig_stop checks that all memory is back.
 */
#ifndef DH_TESTS_UNIT_BROKER_RIG_H
#define DH_TESTS_UNIT_BROKER_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "../test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "broker/broker.h"
#include "broker/state.h"
#include "store/memory_files.h"
#include "wire/gen/api_keys.h"

#define RIG_CLIENTS_MAX 64
#define RIG_WALL_MS     INT64_C(1700000000000) // at the start
#define RIG_START_NS    INT64_C(5000000000)

struct rig_options {
    size_t node_count;           // 0: 1
    const char *const *settings; // "name=value"
    size_t setting_count;
    const char *const *racks; // of each node; NULL: none
    enum dh_store_mode mode;
    bool is_clock_manual;
    uint64_t seed;  // 0: 1
    size_t fail_at; // the broker's allocation from which on all fail; 0: none
};

struct rig_client {
    uint32_t id;
    int32_t node_id;
    struct dh_buf out; // bytes the broker has not taken yet
    struct dh_buf in;  // bytes the client has not taken yet
    struct dh_arena arena;
    int32_t correlation_last;
    int32_t correlation_received;
    int16_t keys[64]; // of requests sent, by correlation id
    int16_t versions[64];
    bool is_closed; // by the broker
    bool is_reset;
    bool is_stopped; // the broker had no room
};

struct rig {
    struct test_memory memory;
    struct dh_memory_files *files;
    struct dh_broker *broker; // NULL: stopped
    int64_t now_ns;
    struct rig_options options;
    struct rig_client clients[RIG_CLIENTS_MAX];
    size_t client_count;
    size_t piece_max; // bytes are handed over in pieces of at most so many; 0: whole
    bool holds_sends; // SEND is taken but not ended: rig_end_sends
    bool is_listening[DH_BROKER_NODES_MAX + 1];
    char text[512]; // of the last start that failed
};

// Fails the test when the broker does not start.
void rig_start(struct rig *rig, const struct rig_options *options);
// The same, but returns the error, with rig->text.
int rig_try_start(struct rig *rig, const struct rig_options *options);
void rig_stop(struct rig *rig);
// Ends the broker and starts another on the same files. Clients are gone.
void rig_restart(struct rig *rig, bool is_clean);
int rig_try_restart(struct rig *rig, bool is_clean);

struct rig_client *rig_connect(struct rig *rig, int32_t node_id);
// The same; NULL: the broker refuses.
struct rig_client *rig_try_connect(struct rig *rig, int32_t node_id);
// The client closes.
void rig_disconnect(struct rig *rig, struct rig_client *client);

// Asks and expects an answer at once.
const void *rig_ask(struct rig *rig, struct rig_client *client, int16_t key,
                    int16_t version, const void *request);
void rig_send(struct rig *rig, struct rig_client *client, int16_t key, int16_t version,
              const void *request);
// The next response; NULL: there is none yet.
const void *rig_receive(struct rig *rig, struct rig_client *client);
void rig_send_bytes(struct rig *rig, struct rig_client *client, const void *bytes,
                    size_t size);

// The host's time moves on; all that is due happens.
void rig_advance(struct rig *rig, int64_t ms);
// Does what the broker asks for, until it asks for nothing.
void rig_run(struct rig *rig);
// Mode SYNCED: the syncs under way end.
void rig_end_syncs(struct rig *rig);
// With holds_sends: what was sent is out now.
void rig_end_sends(struct rig *rig);

// A topic by API, answered without error.
void rig_create_topic(struct rig *rig, const char *name, int32_t partitions,
                      int16_t replication_factor);

#endif
