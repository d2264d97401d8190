// SPDX-License-Identifier: MIT
/*
 * Commits, in the order of the calls (X-033, S42).
 *
 * Commands wait in one queue; the first of them is the only one in flight. So a
 * later commit can never be overtaken by an older one's retry, and answers come
 * in order (X-035, S46).
 *
 *     submit -> queue -> [coordinator known, allowed] -> OffsetCommit -> answer
 *                 ^                                          |
 *                 +------ retriable, and the mode retries ---+
 *
 * Who we are (member id, generation) is read when the request is written and
 * judged by what was sent (5.1: a refusal under an old generation says nothing
 * about the present one).
 *
 * Modes: SYNC is retried until its deadline; ASYNC is sent once and answers
 * RETRIABLE_COMMIT_FAILED; AUTO is sent once when its deadline is DH_NEVER, else
 * retried until then (before a revocation, X-047).
 *
 * Bounds: at most DH_COMMITS_MAX commands; one more is answered QUEUE_FULL. Every
 * command is answered by its deadline, or default.api.timeout.ms when it has none.
 *
 * Source: consumer-semantics 5.1 (OffsetCommit, commit rule), CL-065, X-030 to X-048.
 */
#ifndef DH_CLIENT_BACK_COMMITS_H
#define DH_CLIENT_BACK_COMMITS_H

#include "client/back/alarms.h"
#include "client/back/context.h"
#include "client/back/membership.h"
#include "client/back/requests.h"
#include "client/messages.h"

#define DH_COMMITS_MAX 1000u

struct dh_coordinator_link;

struct dh_commits {
    struct dh_back_context context;
    struct dh_coordinator_link *link; // borrowed
    struct dh_membership *membership; // borrowed; NULL: assigned by hand
    struct dh_list queue;             // dh_command_commit.message.link, oldest first
    size_t count;
    struct dh_op op;         // OffsetCommit for the first of the queue
    struct dh_alarm alarm;   // the earliest deadline in the queue
    int32_t sent_generation; // who the request in flight says we are
};

// Borrows the link. Returns 0 or DOHLE_ERR_NO_MEMORY; then nothing needs a deinit.
DH_MUST_CHECK int dh_commits_init(struct dh_commits *commits,
                                  const struct dh_back_context *context,
                                  struct dh_coordinator_link *link);

// Commands still waiting go back through the outbox with DOHLE_ERR_CLOSED.
void dh_commits_deinit(struct dh_commits *commits);

// Whose member commits speak for; NULL: assigned by hand, generation -1 (CL-065).
void dh_commits_set_membership(struct dh_commits *commits,
                               struct dh_membership *membership);

// Takes the command; its answer goes through the outbox, perhaps at once.
void dh_commits_submit(struct dh_commits *commits, struct dh_command_commit *command,
                       int64_t now_ns);

// The coordinator is known now, or (DH_NODE_NONE) refuses to be: then those waiting fail.
void dh_commits_on_coordinator(struct dh_commits *commits, int32_t node_id,
                               int64_t now_ns);

// True: every command is answered.
static inline bool dh_commits_is_idle(const struct dh_commits *commits)
{
    return commits->count == 0;
}

#endif
