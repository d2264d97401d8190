// SPDX-License-Identifier: MIT
/*
 * What goes wrong on purpose. A fault is a line of text: what it matches, and what happens then.
 *
 *     api=fetch node=1 topic=orders partition=2 error=NOT_LEADER_OR_FOLLOWER count=3
 *
 *     match (all of those given; "*" and absent: any)
 *         api=NAME          Kafka's, in any case, with or without '_' or '-'; or the number
 *         node=N            which was asked
 *         client=TEXT       client id
 *         topic=NAME partition=N
 *         group=NAME member=ID
 *         version=N
 *     when
 *         skip=N            lets the first N requests that match pass
 *         count=N           then hits N requests and is used up (it stays in the list)
 *         probability=P     0 to 1: of those, each with this chance
 *     action (one)
 *         error=NAME|N      Kafka's code, where it would arise: for the partition, topic, group that
 *                           matches; the others of the request are served
 *         delay=MS          handled, and answered so much later
 *         throttle=MS       throttle_time_ms of the answer
 *         drop              closed before it is handled
 *         drop-after        handled, then closed instead of answered
 *         reset             as drop, with RST
 *         stall             handled, never answered; the connection stays
 *         hold              not handled before the fault is removed
 *         truncate-answer=N the first N bytes of the answer, then closed
 *         corrupt           one bit of the records is flipped (Fetch); else of the answer's body
 *         garble            the answer is random bytes of the same size
 *
 * A request is decided once for each fault, at its arrival or, for what only its
 * handler knows (the partitions of a fetch session), when that asks; so a long poll
 * that looks again does not use up a fault twice. With several faults the oldest that
 * hits decides, but delay and throttle add up with another.
 *
 * The way of a request:
 *     requests.c   dh_broker_faults_arrived   once decoded, before the handler
 *     handlers     dh_broker_faults_code      where an error of that partition, topic or group
 *                                             would arise; one comparison when there is no fault
 *     requests.c   dh_broker_faults_answered  the encoded answer, before it goes out
 *
 * Chance is drawn from the broker's seed. Bounds: DH_BROKER_FAULTS_MAX.
 * Source: kfake's Fault, librdkafka's error stacks; lessons in franz-go#1405, loki#22874.
 */
#ifndef DH_BROKER_FAULTS_H
#define DH_BROKER_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"
#include "broker/request.h"
#include "broker/state.h"

#define DH_BROKER_FAULTS_MAX 256

DH_MUST_CHECK int dh_broker_faults_new(struct dh_broker *broker);
// Requests that are held or delayed were abandoned before.
void dh_broker_faults_free(struct dh_broker *broker);

// What becomes of a request that arrived.
enum dh_broker_faults_verdict {
    DH_BROKER_FAULTS_HANDLE, // go on
    DH_BROKER_FAULTS_TAKEN,  // refused, closed or held: it is not yours any more
};

enum dh_broker_faults_verdict dh_broker_faults_arrived(struct dh_broker_request *request);

/*
 * The code that a handler is to answer for this partition (-1: the topic as a whole) or
 * group, as if it had found it itself; 0: none. A null topic or group: not about one.
 */
int16_t dh_broker_faults_code(struct dh_broker_request *request, dohle_bytes group,
                              dohle_bytes topic, int32_t partition);

// For handlers that look at less than all of what a request is about: whether they must not.
bool dh_broker_faults_exist(const struct dh_broker *broker);

// For handlers of topics and partitions alone.
static inline int16_t dh_broker_faults_partition(struct dh_broker_request *request,
                                                 dohle_bytes topic, int32_t partition)
{
    return dh_broker_faults_code(request, (dohle_bytes){NULL, 0}, topic, partition);
}

// What becomes of an encoded answer, size included.
enum dh_broker_faults_sending {
    DH_BROKER_FAULTS_SEND,           // *answer, which may be altered
    DH_BROKER_FAULTS_SEND_LATER,     // at *due_ns, by our clock
    DH_BROKER_FAULTS_SEND_AND_CLOSE, // *answer was cut
    DH_BROKER_FAULTS_CLOSE,
    DH_BROKER_FAULTS_RESET,
    DH_BROKER_FAULTS_NOTHING, // the connection stays, and reads no more
};

// `response` is what was encoded.
enum dh_broker_faults_sending dh_broker_faults_answered(struct dh_broker_request *request,
                                                        const void *response,
                                                        struct dh_buf *answer,
                                                        int64_t *due_ns);

// ---- Commands ----

struct dh_broker_line; // line.h

/*
 * From the words of a line, beginning with word `first`. Returns 0 with the id, or
 * DOHLE_ERR_INVALID_ARGUMENT or DOHLE_ERR_NO_MEMORY with a sentence in *text.
 */
DH_MUST_CHECK int dh_broker_faults_add(struct dh_broker *broker,
                                       struct dh_broker_line *line, size_t first,
                                       uint32_t *id, struct dh_buf *text);
// False: there is none of that id.
bool dh_broker_faults_remove(struct dh_broker *broker, uint32_t id);
void dh_broker_faults_remove_all(struct dh_broker *broker);
// What a fault may say, as a line.
void dh_broker_faults_help(struct dh_buf *out);
// "id=1 hits=0 seen=4 api=fetch ..." a line.
void dh_broker_faults_print(const struct dh_broker *broker, struct dh_buf *out);
// How many requests it has hit; -1: there is none of that id.
int64_t dh_broker_faults_hits(const struct dh_broker *broker, uint32_t id);

#endif
