// SPDX-License-Identifier: MIT
/*
 * What happens to ownership, as JSON lines in a file, for whoever wants to see
 * what a group does: `dohle consume --events FILE`.
 *
 *     {"time_ms": 1732290000123, "event": "assigned", "member_id": "...",
 *      "generation": 4, "duration_ms": 12, "is_leader": true,
 *      "reason": "...", "partitions": [{"topic": "t", "partition": 0}, ...]}
 *
 * event is assigned, revoked, lost or closed. Each line is written at once.
 */
#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

#include <dohle/consumer.h>

#include "output.h"

struct events {
    struct output output; // fd -1: nobody wants events
};

// path NULL: off; "-": standard error. False after a message.
bool events_open(struct events *events, const char *path);
void events_close(struct events *events);

// reason NULL: the trigger of the rebalance under way.
void events_write(struct events *events, dohle_consumer *consumer, const char *event,
                  const char *reason, const dohle_topic_partition *partitions,
                  size_t count);

#endif
