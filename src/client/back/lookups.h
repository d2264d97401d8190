// SPDX-License-Identifier: MIT
/*
 * The application's questions, which change nothing:
 *
 *     COMMITTED      OffsetFetch to the coordinator, for any partitions
 *     LIST_OFFSETS   ListOffsets to each partition's leader; any topics, which need
 *                    not be subscribed: metadata is wanted as long as it takes
 *     TOPICS         Metadata of one topic, or of all
 *
 * Each command becomes a look-up with an alarm at its deadline. What can be retried
 * is retried until then; the answer at the deadline is TIMEOUT, with the last
 * trouble as its text. An error that retrying cannot mend answers at once.
 *
 * Source: consumer-semantics API-115 to API-120, 5.7, X-040, X-129 to X-131.
 */
#ifndef DH_CLIENT_BACK_LOOKUPS_H
#define DH_CLIENT_BACK_LOOKUPS_H

#include "base/list.h"
#include "client/back/context.h"
#include "client/messages.h"

struct dh_coordinator_link;

struct dh_lookups {
    struct dh_back_context context;
    struct dh_coordinator_link *link; // borrowed
    struct dh_list running;           // struct lookup (lookups.c)
};

void dh_lookups_init(struct dh_lookups *lookups, const struct dh_back_context *context,
                     struct dh_coordinator_link *link);

// Commands that are under way are answered with CLOSED.
void dh_lookups_deinit(struct dh_lookups *lookups);

// Takes a COMMITTED, LIST_OFFSETS or TOPICS command; its answer goes to the outbox.
void dh_lookups_submit(struct dh_lookups *lookups, struct dh_message *command,
                       int64_t now_ns);

// The cluster has completed an update, or a leader was learned.
void dh_lookups_on_metadata(struct dh_lookups *lookups, int64_t now_ns);

// The coordinator is known now.
void dh_lookups_on_coordinator(struct dh_lookups *lookups, int32_t node_id,
                               int64_t now_ns);

#endif
