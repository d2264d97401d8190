// SPDX-License-Identifier: MIT
/*
 * What the application wants to read: topics, a pattern, or partitions by hand. The
 * three exclude each other until unsubscribe (API-010).
 *
 * Wishes become commands when a call sends them: the first poll after subscribe
 * (API-102), the first call that needs it after assign. The commands are made here,
 * when the wish is, so that sending cannot fail for want of memory. One that the back
 * half had no memory for comes back and is a wish again: the next poll sends it.
 */
#ifndef DH_CLIENT_FRONT_INTEREST_H
#define DH_CLIENT_FRONT_INTEREST_H

#include <stdbool.h>

#include "base/pattern.h"
#include "client/front/names.h"
#include "client/messages.h"

enum dh_interest_mode {
    DH_INTEREST_NONE,
    DH_INTEREST_TOPICS,
    DH_INTEREST_PATTERN,
    DH_INTEREST_ASSIGNED,
};

struct dh_interest {
    const dohle_allocator *mem;
    enum dh_interest_mode mode;
    bool has_listener;
    bool is_sent;                      // the back half knows of it
    struct dh_names *topics;           // TOPICS
    struct dh_pattern *pattern;        // PATTERN
    struct dh_notice_topics *matched;  // PATTERN: what matches now; NULL: not told yet
    struct dh_command_subscribe *wish; // not sent yet; NULL: none
    // The last one that was sent, while it is with the back half; NULL: none.
    const struct dh_command_subscribe *sent;
    struct dh_command_rebalance *rebalance_wish;
};

void dh_interest_init(struct dh_interest *interest, const dohle_allocator *mem);
void dh_interest_deinit(struct dh_interest *interest);

// Both copy. NO_MEMORY; INVALID_ARGUMENT with a sentence in error_text
// (DH_PATTERN_ERROR_SIZE bytes). On failure nothing has changed.
DH_MUST_CHECK int dh_interest_set_topics(struct dh_interest *interest,
                                         const char *const *topics, size_t count,
                                         bool has_listener);
DH_MUST_CHECK int dh_interest_set_pattern(struct dh_interest *interest,
                                          const char *pattern, bool has_listener,
                                          char *error_text);

// The wish goes out. NULL: there is none.
struct dh_command_subscribe *dh_interest_send(struct dh_interest *interest);

// Takes an answered subscription: it is a wish again, or freed.
void dh_interest_on_answer(struct dh_interest *interest,
                           struct dh_command_subscribe *command);

// Back to NONE. A kept notice goes to `returns`.
void dh_interest_clear(struct dh_interest *interest, struct dh_list *returns);

// Whether records of this topic are wanted. A pattern that gives up says no; one that
// finds no memory says yes, for nobody asks again.
bool dh_interest_wants(struct dh_interest *interest, const char *topic);

#endif
