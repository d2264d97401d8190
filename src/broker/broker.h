// SPDX-License-Identifier: MIT
/*
 * The broker without I/O: N nodes of one small cluster in one object. Bytes of
 * requests come in, bytes of responses go out; files are behind the store's vfs.
 *
 *     loop:  dh_broker_on_* ...                whatever has happened
 *            dh_broker_input                   a command from the library or the control port
 *            dh_broker_tick(now)               when dh_broker_deadline has passed
 *            while dh_broker_next_action       do it
 *            while dh_broker_next_event        hand the answered command back
 *
 * Nothing here reads a clock, draws from the system's entropy, blocks, locks or calls
 * back. All state belongs to one thread. The broker has a clock of its own on top of
 * now_ns, which commands can move forward; everything inside uses that (struct
 * dh_broker_clock).
 *
 * Nodes share one store: a partition is one log, whichever node leads it. There is no
 * replication; replicas are names in the metadata. A node that is stopped or killed
 * closes its connections and stops listening; what it led goes to another node of the
 * replicas, with a new leader epoch; the groups it coordinated load elsewhere.
 *
 * The path of a request: connection (frames, one request at a time) -> journal -> faults ->
 * requests (version, decode) -> the handler of its API -> dh_broker_answer, now or from a
 * wait -> connection.
 *
 * Modules (each is one noun, none knows all the others):
 *     connections   sockets of clients; frames in, responses out
 *     requests      one request's life; the table of handlers
 *     skeleton      answers that mirror their request
 *     nodes         who listens, who is up, racks
 *     topics        topics, partitions, leaders, epochs, settings; their own log
 *     topic_config  Kafka's topic settings: table, check, defaults
 *     groups        the coordinators' partitions: load, append, durable answers
 *     produce       checks of batches, idempotence, acks
 *     fetches       reads, sessions (KIP-227)
 *     waits         long polls and produce requests that wait for the log
 *     offsets       ListOffsets, OffsetForLeaderEpoch, DeleteRecords
 *     producer_ids  InitProducerId
 *     admin_*       create, delete, describe, alter
 *     faults        what goes wrong on purpose
 *     journal       the last requests
 *     inspect       what any request is about, by its table of fields: for those two
 *     conditions    waits of tests: "group=g state=stable members=2"
 *     control       commands as lines of text; line takes them apart
 */
#ifndef DH_BROKER_BROKER_H
#define DH_BROKER_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/log.h>
#include <dohle/types.h>

#include "base/address.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/list.h"
#include "broker/action.h"
#include "store/store.h"

struct dh_broker;

struct dh_broker_node_options {
    struct dh_address address; // to bind; port 0: any
    const char *rack;          // copied; NULL: none
};

struct dh_broker_options {
    const dohle_allocator *mem; // borrowed for the broker's life
    struct dh_vfs *vfs;         // borrowed; relative to the data directory
    const dohle_log_sink *log;  // borrowed; NULL: none
    enum dh_store_mode mode;
    const struct dh_broker_node_options *nodes; // ids are 1, 2, ...
    size_t node_count;                          // 1..DH_BROKER_NODES_MAX
    // "name=value" of Kafka's broker settings (settings.h). Copied.
    const char *const *settings;
    size_t setting_count;
    bool is_clock_manual; // time moves by commands only
    uint64_t seed;
    int64_t now_ns;
    int64_t wall_ms; // at now_ns
};

#define DH_BROKER_NODES_MAX 16

/*
 * Opens the store, replays topics, loads groups. Returns 0 or an error with text that
 * says what happened and what to do (a directory in use, a bad setting, a damaged log).
 * Actions to listen are due then.
 */
DH_MUST_CHECK int dh_broker_new(const struct dh_broker_options *options,
                                struct dh_broker **broker, char *text, size_t text_size);

// Commands that wait end with DOHLE_ERR_CLOSED; next_event gives them back.
void dh_broker_close_commands(struct dh_broker *broker);

// Commands were given back. is_clean: as after SIGTERM, with checkpoints; else as if killed. NULL is allowed.
void dh_broker_free(struct dh_broker *broker, bool is_clean);

// ---- Inputs ----

// What a LISTEN came to. Borrowed.
struct dh_broker_listening {
    const struct dh_address *address; // bound: with the port that was free
    const char *host;                 // the same as clients are told it: "127.0.0.1"
    int32_t port;
    int err;          // not 0: it does not listen, and only text is set
    const char *text; // why
};

void dh_broker_on_listening(struct dh_broker *broker, int32_t node_id,
                            const struct dh_broker_listening *listening, int64_t now_ns);
// A client has connected to that node from peer_host ("127.0.0.1"; copied). Returns the
// connection's id; 0: close it.
uint32_t dh_broker_on_accepted(struct dh_broker *broker, int32_t node_id,
                               const char *peer_host, int64_t now_ns);
// Where the next bytes go, to be filled and told by on_received before any other call.
// False: the broker closes it. *capacity 0: read no more until READ.
bool dh_broker_receive_buffer(struct dh_broker *broker, uint32_t connection_id,
                              uint8_t **pointer, size_t *capacity);
void dh_broker_on_received(struct dh_broker *broker, uint32_t connection_id, size_t size,
                           int64_t now_ns);
// The last SEND of the connection was written out.
void dh_broker_on_sent(struct dh_broker *broker, uint32_t connection_id, int64_t now_ns);
// The client has closed, or the socket failed. Not called for those we closed.
void dh_broker_on_closed(struct dh_broker *broker, uint32_t connection_id,
                         int64_t now_ns);

/*
 * A command: a line of text (control.h has the verbs), answered in place and given back by
 * next_event, at once or, for waits, by its deadline. The maker frees.
 */
struct dh_broker_command {
    struct dh_link link;
    const char *line;    // borrowed until it is given back
    dohle_bytes payload; // of verbs that take bytes
    int64_t deadline_ns; // of waits, by the host's clock; DH_NEVER
    int err;             // answer
    struct dh_buf text;  // answer: lines; or what is wrong and what to do
};

void dh_broker_input(struct dh_broker *broker, struct dh_broker_command *command,
                     int64_t now_ns);

// ---- Outputs ----

bool dh_broker_next_action(struct dh_broker *broker, struct dh_broker_action *action);
// An answered command; NULL: none.
struct dh_broker_command *dh_broker_next_event(struct dh_broker *broker);
// When tick must be called at the latest, by the host's clock; DH_NEVER: an idle broker
// does nothing.
int64_t dh_broker_deadline(const struct dh_broker *broker);
void dh_broker_tick(struct dh_broker *broker, int64_t now_ns);
// The host's clocks drift apart: told now and then. Never moves our time back.
void dh_broker_set_wall(struct dh_broker *broker, int64_t wall_ms, int64_t now_ns);

// "127.0.0.1:4711,127.0.0.1:4712": the nodes that listen. Empty until they do.
DH_MUST_CHECK int dh_broker_bootstrap(const struct dh_broker *broker, struct dh_buf *out);
// What the start found in the store and did about it; for the line that says so.
const struct dh_store_recovery *dh_broker_recovery(const struct dh_broker *broker);
// Every node listens, or has failed to.
bool dh_broker_is_serving(const struct dh_broker *broker);

// The invariants of all modules; for the simulator.
void dh_broker_check(const struct dh_broker *broker);

#endif
