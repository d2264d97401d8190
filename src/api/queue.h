// SPDX-License-Identifier: MIT
/*
 * A queue between two threads: one side pushes, the other takes all.
 *
 * Links are part of what is queued, so nothing is allocated; whole lists are
 * moved, so the lock is held for a few instructions and nothing is paid for a
 * record. Order is kept. No bound of its own: what is pushed was made under the
 * bounds of its maker (client/messages.h).
 */
#ifndef DH_API_QUEUE_H
#define DH_API_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#include "base/list.h"

struct dh_queue {
    pthread_mutex_t mutex;
    struct dh_list list;
};

void dh_queue_init(struct dh_queue *queue);

// What is still queued is left alone: the owner takes it first.
void dh_queue_deinit(struct dh_queue *queue);

// Takes the link. True: the queue was empty, so the reader may be asleep.
bool dh_queue_push(struct dh_queue *queue, struct dh_link *link);

// Takes all of the list, in order; the list is empty afterwards. True: the queue was
// empty and now is not.
bool dh_queue_push_all(struct dh_queue *queue, struct dh_list *list);

// Appends all that is queued to the list. True: there was something.
bool dh_queue_take_all(struct dh_queue *queue, struct dh_list *list);

// A look that may be out of date at once.
bool dh_queue_is_empty(struct dh_queue *queue);

#endif
