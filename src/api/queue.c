// SPDX-License-Identifier: MIT
#include "api/queue.h"

// These fail only for a mutex that is not one.
static void lock(struct dh_queue *queue)
{
    int result = pthread_mutex_lock(&queue->mutex);
    DH_ASSERT(result == 0);
}

static void unlock(struct dh_queue *queue)
{
    int result = pthread_mutex_unlock(&queue->mutex);
    DH_ASSERT(result == 0);
}

void dh_queue_init(struct dh_queue *queue)
{
    int result = pthread_mutex_init(&queue->mutex, NULL);
    DH_ASSERT(result == 0);
    dh_list_init(&queue->list);
}

void dh_queue_deinit(struct dh_queue *queue)
{
    int result = pthread_mutex_destroy(&queue->mutex);
    DH_ASSERT(result == 0);
}

bool dh_queue_push(struct dh_queue *queue, struct dh_link *link)
{
    lock(queue);
    bool was_empty = dh_list_is_empty(&queue->list);
    dh_list_push_back(&queue->list, link);
    unlock(queue);
    return was_empty;
}

bool dh_queue_push_all(struct dh_queue *queue, struct dh_list *list)
{
    if (dh_list_is_empty(list)) {
        return false;
    }
    lock(queue);
    bool was_empty = dh_list_is_empty(&queue->list);
    dh_list_append_all(&queue->list, list);
    unlock(queue);
    return was_empty;
}

bool dh_queue_take_all(struct dh_queue *queue, struct dh_list *list)
{
    lock(queue);
    bool had_some = !dh_list_is_empty(&queue->list);
    dh_list_append_all(list, &queue->list);
    unlock(queue);
    return had_some;
}

bool dh_queue_is_empty(struct dh_queue *queue)
{
    lock(queue);
    bool is_empty = dh_list_is_empty(&queue->list);
    unlock(queue);
    return is_empty;
}
