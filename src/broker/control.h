// SPDX-License-Identifier: MIT
/*
 * Commands as lines of text: one language for the library (dohle_broker_* write a line), for the
 * control port of `dohle broker`, and for the simulator.
 *
 *     line  = verb { word }                separated by spaces
 *     word  = text | name=text             names in any order, behind the words without
 *     text  = bare | "quoted"              in quotes: \" \\ \n \r \t \0 \xHH
 *
 *     help [VERB]
 *     topic create NAME [partitions=N] [replication=N] [SETTING=VALUE ...]
 *     topic delete NAME | topic list | topic describe NAME
 *     topic set NAME SETTING=VALUE ...     an empty value: the default again
 *     topic grow NAME partitions=N
 *     fill TOPIC PARTITION count=N [size=N] [keys=N] [batch=N] [timestamp=MS]
 *                                          records of `size` bytes that begin with their offset;
 *                                          keys k0 .. k(N-1) in turn; `batch` records a batch
 *     put TOPIC PARTITION [key=TEXT] [value=TEXT] [timestamp=MS]
 *                                          one record; without value= the payload is it; with
 *                                          neither it is null
 *     append TOPIC PARTITION [checked=no]  the payload: whole batches, as a producer sends them;
 *                                          checked=no: even with a wrong checksum
 *     leader TOPIC PARTITION NODE
 *     coordinator GROUP [NODE]             which node, or another one
 *     node list | node stop|start|kill|pause|resume N
 *                                          stop: FIN; kill: RST; in both what it led moves. A
 *                                          paused node keeps its connections and its port and
 *                                          answers nothing
 *     restart [crash]                      the whole broker; crash: as if killed, nothing written
 *                                          behind what was. Done by who owns the broker
 *                                          (api/broker_server.h): commands that wait, faults and
 *                                          the journal end with it
 *     fault add [MATCH=...] ACTION         faults.h; answers "id=N"
 *     fault remove ID|all | fault list
 *     wait CONDITION [timeout=MS]          conditions.h; by the host's clock
 *     advance MS                           moves the broker's clock, firing all timers in order
 *     clock
 *     retention                            applies it to every topic now
 *     truncate TOPIC PARTITION OFFSET      cuts the log, as an unclean election does: new epoch
 *     delete-records TOPIC PARTITION OFFSET  -1: up to the high watermark
 *     journal [N]                          the last N requests, the oldest first
 *     groups | group NAME                  all with state, members and generation; one with its
 *                                          offsets
 *     describe                             nodes, topics, groups, faults, clock
 *
 * An answer is lines of "name=value", a thing a line, stable for scripts; text that has a space,
 * a quote or a byte below 32 is in quotes. An error is one sentence that says what is wrong and
 * what is allowed; command->err is its code:
 *     DOHLE_ERR_INVALID_ARGUMENT  the line is not understood, or names what does not exist
 *     DOHLE_ERR_BROKER            Kafka's rules forbid it (the text names Kafka's error)
 *     DOHLE_ERR_INVALID_STATE     not now
 *     DOHLE_ERR_TIMEOUT           a wait; the text says what was the case at the end
 *     DOHLE_ERR_IO, DOHLE_ERR_NO_MEMORY, DOHLE_ERR_CLOSED
 *
 * On the control port each line is a command; the answer's lines are followed by one that is
 * "ok", or "error NAME: sentence" with the name of dohle_error_name. Nothing is sent as
 * payload there: values are quoted.
 *
 * Source: the control port of kcl fake, the control calls of librdkafka's mock cluster.
 */
#ifndef DH_BROKER_CONTROL_H
#define DH_BROKER_CONTROL_H

#include "base/assert.h"
#include "broker/broker.h"
#include "broker/state.h"

// A wait's, when neither the line nor the command says.
#define DH_BROKER_WAIT_MS 10000

DH_MUST_CHECK int dh_broker_control_new(struct dh_broker *broker);
// Commands that are still held, waits among them, were ended before.
void dh_broker_control_free(struct dh_broker *broker);

// Does what the line says. The command is given back by `next`, now or later.
void dh_broker_control_input(struct dh_broker *broker, struct dh_broker_command *command);

// The next command that is answered; NULL: none.
struct dh_broker_command *dh_broker_control_next(struct dh_broker *broker);

// Gives back what is answered. Of modules that keep a command.
void dh_broker_control_done(struct dh_broker *broker, struct dh_broker_command *command,
                            int err);

// Every command that waits ends with DOHLE_ERR_CLOSED.
void dh_broker_control_close(struct dh_broker *broker);

#endif
