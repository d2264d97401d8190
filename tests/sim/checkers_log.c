// SPDX-License-Identifier: MIT
/*
 * What a log owes its producers and readers: P1 to P4 of checkers.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "checker_parts.h"

// ---- Numbers of records by place, in a growing array ----

struct numbers {
    int64_t *items; // by index; -1: none
    size_t count;
};

static int64_t get(const struct numbers *numbers, int64_t index)
{
    bool is_there = index >= 0 && (uint64_t)index < numbers->count;
    return is_there ? numbers->items[index] : -1;
}

static void put(struct numbers *numbers, int64_t index, int64_t value)
{
    DH_ASSERT(index >= 0);
    if ((uint64_t)index >= numbers->count) {
        size_t count = (size_t)index * 2 + 64;
        numbers->items = realloc(numbers->items, count * sizeof(*numbers->items));
        DH_ASSERT(numbers->items != NULL);
        for (size_t i = numbers->count; i < count; i++) {
            numbers->items[i] = -1;
        }
        numbers->count = count;
    }
    numbers->items[index] = value;
}

static void free_all(struct numbers *places)
{
    for (size_t i = 0; i < SIM_PLACES_MAX; i++) {
        free(places[i].items);
    }
    free(places);
}

// One that says who it is.
static bool is_record(const struct sim_event *event)
{
    return event->kind == SIM_APPENDED && event->flag && event->call > 0;
}

#define PRODUCERS_MAX 64

// ---- P1 ----

bool sim_p1_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct numbers *places = sim_zeroed(SIM_PLACES_MAX, sizeof(*places));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (is_record(event)) {
            put(&places[event->place], event->offset, (int64_t)event->call);
        } else if (event->kind == SIM_ACKNOWLEDGED && event->offset >= 0 &&
                   get(&places[event->place], event->offset) != (int64_t)event->call) {
            holds = sim_violated(violation, i,
                                 "record %" PRIu64 " of place %d is acknowledged at "
                                 "offset %" PRId64 ", where %" PRId64 " lies",
                                 event->call, event->place, event->offset,
                                 get(&places[event->place], event->offset));
        }
    }
    free_all(places);
    return holds;
}

// ---- P2 ----

bool sim_p2_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct numbers *seen = sim_zeroed(SIM_PLACES_MAX, sizeof(*seen));
    struct numbers *senders = sim_zeroed(SIM_PLACES_MAX, sizeof(*senders));
    bool may_repeat[PRODUCERS_MAX] = {false};
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        int64_t number = (int64_t)event->call;
        if (event->kind == SIM_SENT_RECORD) {
            put(&senders[event->place], number, event->group);
            may_repeat[event->group] = may_repeat[event->group] || !event->flag;
        } else if (is_record(event)) {
            int64_t before = get(&seen[event->place], number);
            int64_t sender = get(&senders[event->place], number);
            if (before >= 0 && (sender < 0 || !may_repeat[sender])) {
                holds =
                    sim_violated(violation, i,
                                 "record %" PRId64 " of place %d is at offset %" PRId64
                                 ", and at %" PRId64 " again",
                                 number, event->place, before, event->offset);
            }
            put(&seen[event->place], number, event->offset);
        }
    }
    free_all(seen);
    free_all(senders);
    return holds;
}

// ---- P3 ----

// Of each producer and place the last number that came into the log.
struct p3_state {
    struct numbers senders[SIM_PLACES_MAX]; // of each number
    int64_t last[PRODUCERS_MAX][SIM_PLACES_MAX];
};

bool sim_p3_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct p3_state *state = sim_zeroed(1, sizeof(*state));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        int64_t number = (int64_t)event->call;
        if (event->kind == SIM_SENT_RECORD && event->flag &&
            event->group < PRODUCERS_MAX) {
            put(&state->senders[event->place], number, event->group);
        } else if (is_record(event)) {
            int64_t sender = get(&state->senders[event->place], number);
            if (sender < 0) {
                continue;
            }
            int64_t *last = &state->last[sender][event->place];
            if (number < *last) {
                holds =
                    sim_violated(violation, i,
                                 "record %" PRId64 " of place %d comes behind %" PRId64
                                 ", which producer %" PRId64 " sent later",
                                 number, event->place, *last, sender);
            }
            *last = number;
        }
    }
    for (size_t i = 0; i < SIM_PLACES_MAX; i++) {
        free(state->senders[i].items);
    }
    free(state);
    return holds;
}

// ---- P4 ----

bool sim_p4_holds(const struct sim_history *history, struct sim_violation *violation)
{
    int64_t ends[SIM_PLACES_MAX] = {0};
    for (size_t i = 0; i < history->count; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_APPENDED) {
            ends[event->place] = event->end;
        } else if (event->kind == SIM_KEPT && event->end < ends[event->place]) {
            return sim_violated(violation, i,
                                "place %d was visible up to %" PRId64
                                "; after a start it is the same up to %" PRId64 " only",
                                event->place, ends[event->place], event->end);
        }
    }
    return true;
}
