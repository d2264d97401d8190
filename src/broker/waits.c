// SPDX-License-Identifier: MIT
#include "broker/waits.h"

#include <dohle/error.h>

#include "base/mem.h"
#include "broker/conditions.h"

int dh_broker_waits_new(struct dh_broker *broker)
{
    broker->waits = dh_mem_alloc(broker->mem, sizeof(*broker->waits));
    if (broker->waits == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_list_init(&broker->waits->woken);
    return 0;
}

void dh_broker_waits_free(struct dh_broker *broker)
{
    if (broker->waits != NULL) {
        DH_ASSERT(dh_list_is_empty(&broker->waits->woken));
    }
    dh_mem_free(broker->mem, broker->waits, sizeof(*broker->waits));
    broker->waits = NULL;
}

void dh_broker_waits_enter(struct dh_broker_place *place,
                           struct dh_broker_partition *partition)
{
    DH_ASSERT(place->on_woken != NULL);
    dh_list_push_back(&partition->waiters, &place->waiting);
    place->topic = partition->topic;
    place->partition = partition->number;
}

void dh_broker_waits_leave(struct dh_broker_place *place)
{
    dh_list_remove(&place->waiting);
    dh_list_remove(&place->woken);
    place->topic = NULL;
}

struct dh_broker_partition *dh_broker_waits_at(const struct dh_broker_place *place)
{
    // By number: a topic that gets more partitions moves those it has.
    return place->topic == NULL ? NULL : &place->topic->partitions[place->partition];
}

static void wake(struct dh_broker *broker, struct dh_broker_place *place)
{
    if (!dh_link_is_linked(&place->woken)) {
        dh_list_push_back(&broker->waits->woken, &place->woken);
    }
}

void dh_broker_waits_wake(struct dh_broker *broker, struct dh_broker_partition *partition)
{
    dh_broker_changed(broker, DH_BROKER_CHANGE_LOG);
    DH_LIST_EACH(link, &partition->waiters)
    {
        wake(broker, DH_CONTAINER_OF(link, struct dh_broker_place, waiting));
    }
}

void dh_broker_waits_dismiss(struct dh_broker *broker,
                             struct dh_broker_partition *partition)
{
    struct dh_link *link;
    while ((link = dh_list_pop_front(&partition->waiters)) != NULL) {
        struct dh_broker_place *place =
            DH_CONTAINER_OF(link, struct dh_broker_place, waiting);
        place->topic = NULL;
        wake(broker, place);
    }
}

void dh_broker_waits_run(struct dh_broker *broker)
{
    struct dh_link *link;
    while ((link = dh_list_pop_front(&broker->waits->woken)) != NULL) {
        struct dh_broker_place *place =
            DH_CONTAINER_OF(link, struct dh_broker_place, woken);
        place->on_woken(broker, place);
    }
}
