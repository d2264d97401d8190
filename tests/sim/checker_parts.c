// SPDX-License-Identifier: MIT
#include "checker_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

bool sim_violated(struct sim_violation *violation, size_t index, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    violation->index = index;
    vsnprintf(violation->text, sizeof(violation->text), format, arguments);
    va_end(arguments);
    return false;
}

void *sim_zeroed(size_t count, size_t size)
{
    void *items = calloc(count, size);
    DH_ASSERT(items != NULL);
    return items;
}

size_t sim_cell_of(int member, int place)
{
    DH_ASSERT(member >= 0 && member < SIM_MEMBERS_MAX);
    DH_ASSERT(place >= 0 && place < SIM_PLACES_MAX);
    return (size_t)member * SIM_PLACES_MAX + (size_t)place;
}

size_t sim_cell(const struct sim_event *event)
{
    return sim_cell_of(event->member, event->place);
}

void sim_groups_take(struct sim_groups *groups, const struct sim_event *event)
{
    if (event->kind == SIM_STARTED) {
        groups->is_known[event->member] = true;
        groups->group[event->member] = event->group;
    }
}

bool sim_groups_is_shared(const struct sim_groups *groups, int member)
{
    return member >= 0 && groups->is_known[member] && groups->group[member] == 0;
}

struct sim_visible *sim_visible_new(void)
{
    return sim_zeroed(SIM_PLACES_MAX, sizeof(struct sim_visible));
}

void sim_visible_free(struct sim_visible *places)
{
    for (size_t i = 0; i < SIM_PLACES_MAX; i++) {
        free(places[i].ranges);
    }
    free(places);
}

void sim_visible_take(struct sim_visible *places, const struct sim_event *event)
{
    if (event->kind != SIM_APPENDED) {
        return;
    }
    struct sim_visible *place = &places[event->place];
    place->log_end = event->end;
    if (!event->flag) {
        return;
    }
    if (place->count == place->capacity) {
        place->capacity = place->capacity == 0 ? 64 : place->capacity * 2;
        place->ranges = realloc(place->ranges, place->capacity * sizeof(*place->ranges));
        DH_ASSERT(place->ranges != NULL);
    }
    place->ranges[place->count++] = (struct sim_range){event->offset, event->end};
}

int64_t sim_visible_from(const struct sim_visible *place, int64_t offset)
{
    size_t low = 0;
    size_t high = place->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (place->ranges[middle].end > offset) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low == place->count) {
        return -1;
    }
    return place->ranges[low].offset > offset ? place->ranges[low].offset : offset;
}
