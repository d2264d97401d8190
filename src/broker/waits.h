// SPDX-License-Identifier: MIT
/*
 * Waits: who stands in line at a partition, and is told when something has happened to it.
 *
 * A place is one entry in one partition's line (dh_broker_partition.waiters), embedded in
 * whatever waits: a partition of a fetch session, a partition of a produce request. It
 * stays in line until it is left, however often it is woken, so that an idle session with
 * a thousand partitions costs nothing.
 *
 *     dh_broker_waits_wake     puts every place of that line among the woken: O(line)
 *     dh_broker_waits_run      tells each woken place, once; broker.c calls it before it
 *                              gives out actions, so nobody is called inside another's work
 *
 * Woken by: the high watermark or the start of the log, the log going offline, another
 * leader or none, the topic going away. A place that is woken looks for itself what has
 * changed; there is no such thing as a lost or a spurious wake.
 *
 * Deadlines are their owners' (alarm.h).
 */
#ifndef DH_BROKER_WAITS_H
#define DH_BROKER_WAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/list.h"
#include "broker/state.h"
#include "broker/topics.h"

// Zeroed: nowhere.
struct dh_broker_place {
    struct dh_link waiting;        // in the partition's waiters
    struct dh_link woken;          // in waits->woken
    struct dh_broker_topic *topic; // NULL: nowhere, or it is gone
    int32_t partition;
    // May leave this place and any other, and free what they are in.
    void (*on_woken)(struct dh_broker *broker, struct dh_broker_place *place);
};

struct dh_broker_waits {
    struct dh_list woken; // dh_broker_place.woken, in the order of the wakes
};

DH_MUST_CHECK int dh_broker_waits_new(struct dh_broker *broker);
// Nobody stands anywhere any more. NULL inside is allowed.
void dh_broker_waits_free(struct dh_broker *broker);

// Puts the place at the end of the partition's line; it stands nowhere yet.
void dh_broker_waits_enter(struct dh_broker_place *place,
                           struct dh_broker_partition *partition);
// Out of the line, and not woken any more. A place that stands nowhere is left alone.
void dh_broker_waits_leave(struct dh_broker_place *place);
// The partition where the place stands; NULL: nowhere, or it is gone.
struct dh_broker_partition *dh_broker_waits_at(const struct dh_broker_place *place);

// Something about the partition is new.
void dh_broker_waits_wake(struct dh_broker *broker,
                          struct dh_broker_partition *partition);
// The partition is about to be freed: all leave its line, woken, with `topic` NULL.
void dh_broker_waits_dismiss(struct dh_broker *broker,
                             struct dh_broker_partition *partition);

static inline bool dh_broker_waits_has_woken(const struct dh_broker *broker)
{
    return !dh_list_is_empty(&broker->waits->woken);
}

// Tells the woken. What is woken meanwhile is told too.
void dh_broker_waits_run(struct dh_broker *broker);

#endif
