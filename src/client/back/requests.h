// SPDX-License-Identifier: MIT
/*
 * Requests settle.
 *
 * An asynchronous operation is a small object, embedded in the module that owns
 * it. It is idle, queued for a node, in flight, or cancelled but still awaited;
 * while not idle it always has a deadline. One reply comes for each start, and
 * its handler must say how the operation is settled: done, retry, or failed.
 *
 *        start                bytes out             reply
 *   IDLE ------> QUEUED ----------------> IN_FLIGHT ------> handler: settled
 *     ^             | cancel                  | cancel         | RETRY: WAITING until
 *     |             v                         v                |   the back-off is over,
 *     +---------- IDLE      reply dropped  CANCELLED           |   then on_due
 *     +--------------------------------------------------------+
 *
 * A queued operation waits for its node's connection (resolved, connected,
 * ApiVersions known). Only then is the request filled in, by the owner's `fill`,
 * so that what goes out is never older than it must be and fits the version.
 * P1, P2, L7 of the reliability rows: replies match the oldest request of their
 * connection; in flight is a state; every turn has a cause.
 *
 * The deadline covers the wait for the connection too. When it passes in flight,
 * the handler gets DOHLE_ERR_TIMEOUT and the connection is closed, as Java does.
 *
 * Owner thread: the back half's. Nothing here allocates after start.
 */
#ifndef DH_CLIENT_BACK_REQUESTS_H
#define DH_CLIENT_BACK_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/backoff.h"
#include "base/frame.h"
#include "base/list.h"
#include "client/back/alarms.h"

struct dh_action;
struct dh_address;
struct dh_back_context;
struct dh_lane;
struct dh_op;
struct dh_requests;

// Node ids are Kafka's (>= 0). Bootstrap addresses have ids below -1.
#define DH_NODE_NONE (-1)
// Any connected node, the least loaded first; else a bootstrap address.
#define DH_NODE_ANY INT32_MIN

/*
 * A node has a connection for each channel, made when first needed, so that a
 * commit never waits behind a long poll, nor a heartbeat behind a parked
 * JoinGroup.
 */
enum dh_channel {
    DH_CHANNEL_GENERAL,     // metadata, offsets, admin, produce
    DH_CHANNEL_FETCH,       // Fetch only
    DH_CHANNEL_COORDINATOR, // the group's requests, commits
    DH_CHANNEL_COUNT
};

enum dh_op_state {
    DH_OP_IDLE,      // waits for start
    DH_OP_QUEUED,    // waits for the connection
    DH_OP_IN_FLIGHT, // waits for the response
    DH_OP_CANCELLED, // in flight, the response will be dropped
    DH_OP_WAITING,   // settled as RETRY; on_due comes when the back-off is over
};

enum dh_settled {
    DH_SETTLED_DONE,   // -> IDLE, back-off starts over
    DH_SETTLED_RETRY,  // -> WAITING for the next back-off
    DH_SETTLED_FAILED, // -> IDLE, the owner has told whoever must know
    DH_SETTLED_GONE,   // the handler has deinitialised the operation
};

struct dh_reply {
    int err;              // 0, or why there is no response: TIMEOUT, CONNECT, RESOLVE,
                          // DISCONNECTED, PROTOCOL, UNSUPPORTED_VERSION, AUTHENTICATION,
                          // NO_MEMORY, or what `fill` returned
    int32_t node_id;      // who was asked
    int16_t version;      // of the response
    const void *response; // decoded; NULL with err or is_silent; valid during the handler
    struct dh_frame *frame; // what the response's views point into: hold it to keep them
    const char *text;       // with err: what happened, to which address, why; never NULL
};

struct dh_op_class {
    const char *name; // "Heartbeat": for the log
    int16_t api_key;
    enum dh_channel channel;
    /* Fills *request (defaults already set) for this version. What it points to must
     * be in the arena or live until `fill` has returned and the request is encoded.
     * Non-zero: the request is not sent, the reply carries the error. */
    int (*fill)(struct dh_op *op, int16_t version, void *request, struct dh_arena *arena,
                int64_t now_ns);
    /* Once for each start, never for a cancelled operation. The operation is IDLE: it may
     * be started again here (then DONE), or deinitialised (then GONE). */
    enum dh_settled (*on_reply)(struct dh_op *op, const struct dh_reply *reply,
                                int64_t now_ns);
    // The back-off after RETRY is over: start again, perhaps elsewhere, or give up.
    // The operation is IDLE.
    void (*on_due)(struct dh_op *op, int64_t now_ns);
    /* Whether the request just filled in has no response (Produce with acks=0). The
     * reply then comes when its bytes have been written, without a response. NULL: it
     * always has one. */
    bool (*is_silent)(struct dh_op *op);
};

struct dh_op {
    const struct dh_op_class *cls;
    enum dh_op_state state;
    int32_t node_id; // asked; valid unless IDLE
    int64_t sent_ns; // when the bytes went out; IN_FLIGHT and CANCELLED
    struct dh_backoff backoff;
    struct dh_alarm alarm; // the deadline, or the end of the back-off
    struct dh_link link;   // queue of its lane
    int16_t version_max;   // never use a newer version of the API; -1: no limit
    // Owned by requests.c:
    struct dh_requests *requests;
    struct dh_lane *lane; // QUEUED, IN_FLIGHT, CANCELLED; NULL: will fail with `err`
    int64_t allowed_ns;   // from start to the deadline
    int err;              // why it fails without being sent
};

/*
 * Binds an operation to its class, with the back-off of retry.backoff.ms. `op` is
 * part of its owner, which uses DH_CONTAINER_OF. Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_op_init(struct dh_op *op, const struct dh_op_class *cls,
                             struct dh_requests *requests);

// Cancels if needed. An operation in flight may be deinitialised: its correlation id
// stays known to the connection, and the response is dropped.
void dh_op_deinit(struct dh_op *op, struct dh_requests *requests);

/*
 * IDLE (or WAITING: the back-off is cut short) -> QUEUED. The reply may come at any later `dh_requests_*`
 * call, never from inside this one.
 */
void dh_op_start(struct dh_op *op, struct dh_requests *requests, int32_t node_id,
                 int64_t deadline_ns, int64_t now_ns);

// Any state -> IDLE or CANCELLED. No reply comes. An op that is CANCELLED cannot be
// started until its old response has come or its connection is gone: see dh_op_is_busy.
void dh_op_cancel(struct dh_op *op, struct dh_requests *requests);

// QUEUED, IN_FLIGHT or CANCELLED.
static inline bool dh_op_is_busy(const struct dh_op *op)
{
    return op->state == DH_OP_QUEUED || op->state == DH_OP_IN_FLIGHT ||
           op->state == DH_OP_CANCELLED;
}

// Whether a request could go out to that node at once: not in connection back-off,
// not throttled (KIP-219, CL-089). Unknown nodes: false.
bool dh_requests_is_ready(const struct dh_requests *requests, int32_t node_id,
                          enum dh_channel channel, int64_t now_ns);

// When the node's throttling or connection back-off ends; now_ns when it is ready.
int64_t dh_requests_ready_at(const struct dh_requests *requests, int32_t node_id,
                             enum dh_channel channel, int64_t now_ns);

/*
 * Gives back the caller's hold. Frames go to the pool when nobody else holds them.
 * For what a handler held of a reply, and for those got from dh_requests_frame.
 */
void dh_requests_return_frame(struct dh_requests *requests, struct dh_frame *frame);

// A frame of at least that capacity, from the pool (decompressed data). NULL: no memory.
DH_MUST_CHECK struct dh_frame *dh_requests_frame(struct dh_requests *requests,
                                                 size_t capacity);

/*
 * Why nothing comes: the last failure to reach a node that has not been mended since,
 * as one sentence with address and cause ("127.0.0.1:9092 (bootstrap): connection
 * refused"); "" when there is none. Valid until the next call of one of these two.
 */
const char *dh_requests_last_trouble(struct dh_requests *requests);

/*
 * The same, and for nodes without failure what has not come yet ("127.0.0.1:9092
 * (bootstrap): connected, but no answer to ApiVersions yet"): a silent node fails only
 * after request.timeout.ms, and whoever gives up sooner wants to know it too. Goes
 * into the text of every TIMEOUT; to be asked before what waits is cancelled.
 */
const char *dh_requests_why_waiting(struct dh_requests *requests);

// For a handler whose response is of no use: that is why nothing comes, until the next
// reply to the same kind of request.
void dh_requests_note_failure(struct dh_requests *requests, const struct dh_op *op,
                              const struct dh_reply *reply, const char *why);

// ---- For the back half and cluster.c only ----

// Bootstrap addresses come from the settings. NULL: no memory.
DH_MUST_CHECK struct dh_requests *dh_requests_new(const struct dh_back_context *context,
                                                  int64_t now_ns);

// Drops everything, tells nobody: no operation may be queued or in flight.
void dh_requests_free(struct dh_requests *requests);

/*
 * The brokers, from a Metadata response: begin, put each, end. Lanes to brokers that
 * moved or are gone end what is in flight; what is queued there fails.
 * dh_requests_put_broker alone makes one more known (FindCoordinator).
 * Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
void dh_requests_begin_brokers(struct dh_requests *requests);
DH_MUST_CHECK int dh_requests_put_broker(struct dh_requests *requests, int32_t node_id,
                                         dohle_bytes host, int32_t port);
void dh_requests_end_brokers(struct dh_requests *requests);

// From now on DH_NODE_ANY means the bootstrap addresses, until brokers are set again.
// False: so it did already.
bool dh_requests_rebootstrap(struct dh_requests *requests);

// Whether DH_NODE_ANY is some node that is not in connection back-off.
bool dh_requests_has_usable_node(const struct dh_requests *requests);

// Counts changes of dh_requests_last_trouble.
uint64_t dh_requests_trouble_version(const struct dh_requests *requests);

// Closes all connections; everything started fails with DOHLE_ERR_CLOSED, now and later.
void dh_requests_close(struct dh_requests *requests, int64_t now_ns);

// True when no connection is left that the host knows.
bool dh_requests_is_closed(const struct dh_requests *requests);

// What the host reports and asks: see client/back/back.h.
void dh_requests_on_resolved(struct dh_requests *requests, uint32_t connection_id,
                             const struct dh_address *addresses, size_t count, int err,
                             const char *text, int64_t now_ns);
void dh_requests_on_connected(struct dh_requests *requests, uint32_t connection_id,
                              int64_t now_ns);
void dh_requests_on_closed(struct dh_requests *requests, uint32_t connection_id, int err,
                           const char *text, int64_t now_ns);
bool dh_requests_receive_buffer(struct dh_requests *requests, uint32_t connection_id,
                                uint8_t **pointer, size_t *capacity);
void dh_requests_on_received(struct dh_requests *requests, uint32_t connection_id,
                             size_t size, int64_t now_ns);
void dh_requests_on_sent(struct dh_requests *requests, uint32_t connection_id,
                         int64_t now_ns);

// Sends what is queued as far as it can; handlers may run. False: nothing to do.
bool dh_requests_next_action(struct dh_requests *requests, struct dh_action *action,
                             int64_t now_ns);

// The invariants; for the simulator.
void dh_requests_check(const struct dh_requests *requests);

#endif
