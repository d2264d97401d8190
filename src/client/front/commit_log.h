// SPDX-License-Identifier: MIT
/*
 * Commits that are under way, in the order of the calls.
 *
 * Each commit_sync and commit_async is an entry; answers may come in any order, but
 * entries leave from the front only: so callbacks run in the order of the calls, and
 * a commit_sync returns after the callbacks of all earlier ones. A
 * commit_sync without offsets is an entry that is done at once: a barrier.
 *
 *     add --------> on_answer ----------> next (at the head and done) ----> free
 *
 * An entry whose call gave up (deadline, wakeup) is abandoned: it stays until its
 * answer comes, and is told to nobody.
 *
 * Auto-commits are not in the log; they have no callback and no order to keep
 * (auto_commit.h).
 *
 * Bound: DH_COMMIT_LOG_MAX entries.
 */
#ifndef DH_CLIENT_FRONT_COMMIT_LOG_H
#define DH_CLIENT_FRONT_COMMIT_LOG_H

#include <stdbool.h>

#include "base/list.h"
#include "client/messages.h"

#define DH_COMMIT_LOG_MAX 900 // below the bound of client/back/commits.h

struct dh_call;

// Who is told, as the application gave it; opaque here.
struct dh_commit_target {
    void (*function)(void); // NULL: nobody
    void *ctx;
};

struct dh_commit {
    struct dh_command_commit command; // first: the message is the block
    struct dh_link link;              // in the log
    struct dh_commit_target target;   // commit_async
    struct dh_call *call;             // commit_sync: who waits; NULL: nobody (any more)
    bool is_done;
    bool is_out; // the block is with the back half: it cannot be freed
    dohle_offset offsets[];
};

struct dh_commit_log {
    struct dh_list entries; // dh_commit.link
    size_t count;
};

void dh_commit_log_init(struct dh_commit_log *log);
// Frees the entries that are here; those that are out come back as messages.
void dh_commit_log_deinit(struct dh_commit_log *log, const dohle_allocator *mem);

/*
 * A commit of a copy of these offsets, in one block: names and metadata follow. NULL:
 * no memory. The caller sets mode and deadline.
 */
DH_MUST_CHECK struct dh_commit *dh_commit_new(const dohle_allocator *mem,
                                              const dohle_offset *offsets, size_t count);

void dh_commit_log_add(struct dh_commit_log *log, struct dh_commit *commit);

// True: none is with the back half.
bool dh_commit_log_is_settled(const struct dh_commit_log *log);

// The oldest entry if it is done, taken out of the log: the caller frees it.
struct dh_commit *dh_commit_log_next(struct dh_commit_log *log);

static inline struct dh_commit *dh_commit_of(struct dh_message *message)
{
    return DH_CONTAINER_OF(message, struct dh_commit, command.message);
}

#endif
