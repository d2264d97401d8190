// SPDX-License-Identifier: MIT
/*
 * Intrusive doubly linked list, circular with a head. A link that is in no
 * list has next == NULL, so membership is a fact that can be asked.
 */
#ifndef DH_BASE_LIST_H
#define DH_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

struct dh_link {
    struct dh_link *next; // NULL: in no list
    struct dh_link *prev;
};

struct dh_list {
    struct dh_link head;
};

static inline void dh_list_init(struct dh_list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool dh_list_is_empty(const struct dh_list *list)
{
    return list->head.next == &list->head;
}

static inline bool dh_link_is_linked(const struct dh_link *link)
{
    return link->next != NULL;
}

static inline void dh_list_insert_before(struct dh_link *position, struct dh_link *link)
{
    DH_ASSERT(!dh_link_is_linked(link));
    link->prev = position->prev;
    link->next = position;
    position->prev->next = link;
    position->prev = link;
}

static inline void dh_list_push_back(struct dh_list *list, struct dh_link *link)
{
    dh_list_insert_before(&list->head, link);
}

static inline void dh_list_push_front(struct dh_list *list, struct dh_link *link)
{
    dh_list_insert_before(list->head.next, link);
}

// A link in no list is left alone.
static inline void dh_list_remove(struct dh_link *link)
{
    if (link->next != NULL) {
        link->next->prev = link->prev;
        link->prev->next = link->next;
        link->next = NULL;
        link->prev = NULL;
    }
}

// NULL when empty.
static inline struct dh_link *dh_list_first(const struct dh_list *list)
{
    return dh_list_is_empty(list) ? NULL : list->head.next;
}

// Removes and returns the first; NULL when empty.
static inline struct dh_link *dh_list_pop_front(struct dh_list *list)
{
    struct dh_link *link = dh_list_first(list);
    if (link != NULL) {
        dh_list_remove(link);
    }
    return link;
}

// Moves all of `from` behind the last of `list`.
static inline void dh_list_append_all(struct dh_list *list, struct dh_list *from)
{
    if (dh_list_is_empty(from)) {
        return;
    }
    from->head.next->prev = list->head.prev;
    list->head.prev->next = from->head.next;
    from->head.prev->next = &list->head;
    list->head.prev = from->head.prev;
    dh_list_init(from);
}

// Walks the list; the current link must not be removed in the body.
#define DH_LIST_EACH(link, list)                                                         \
    for (struct dh_link *link = (list)->head.next; link != &(list)->head;                \
         link = link->next)

// The same, and the current link may be removed.
#define DH_LIST_EACH_SAFE(link, next_link, list)                                         \
    for (struct dh_link *link = (list)->head.next, *next_link = link->next;              \
         link != &(list)->head; link = next_link, next_link = link->next)

#endif
