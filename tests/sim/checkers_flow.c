// SPDX-License-Identifier: MIT
/*
 * Records that come again, in order, in time, and requests that come too often: S31, S61,
 * S63, L2, L7 of checkers.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"
#include "checker_parts.h"
#include "wire/gen/api_keys.h"

// ---- S31 ----

bool sim_s31_holds(const struct sim_history *history, struct sim_violation *violation)
{
    bool *is_told = sim_zeroed(SIM_CELLS, sizeof(*is_told));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_TOLD_OUT_OF_RANGE) {
            is_told[sim_cell(event)] = true;
        } else if (event->kind == SIM_OWNED) {
            is_told[sim_cell(event)] = false;
        } else if (event->kind == SIM_RESET) {
            if (!is_told[sim_cell(event)]) {
                holds = sim_violated(violation, i,
                                     "member %d resets place %d, and no leader has said "
                                     "that its offset is out of range",
                                     event->member, event->place);
            }
            is_told[sim_cell(event)] = false;
        }
    }
    free(is_told);
    return holds;
}

// ---- S61 ----

// Where terms of the place have started, and seeks have led: each explains one delivery of
// what lies behind it. That a term starts at what is committed is S22's business.
struct s61_place {
    int64_t *restarts; // owned
    size_t restart_count;
    size_t restart_capacity;
    uint16_t *times; // by offset; owned
    int64_t capacity;
};

static void s61_restart(struct s61_place *place, int64_t from)
{
    if (place->restart_count == place->restart_capacity) {
        place->restart_capacity = place->restart_capacity * 2 + 32;
        place->restarts =
            realloc(place->restarts, place->restart_capacity * sizeof(*place->restarts));
        DH_ASSERT(place->restarts != NULL);
    }
    place->restarts[place->restart_count++] = from;
}

static unsigned s61_deliver(struct s61_place *place, int64_t offset)
{
    if (offset >= place->capacity) {
        int64_t capacity = offset * 2 + 64;
        place->times = realloc(place->times, (size_t)capacity * sizeof(*place->times));
        DH_ASSERT(place->times != NULL);
        memset(place->times + place->capacity, 0,
               (size_t)(capacity - place->capacity) * sizeof(*place->times));
        place->capacity = capacity;
    }
    return ++place->times[offset];
}

static unsigned s61_allowed(const struct s61_place *place, int64_t offset)
{
    unsigned allowed = 0;
    for (size_t i = 0; i < place->restart_count; i++) {
        allowed += place->restarts[i] <= offset ? 1 : 0;
    }
    return allowed;
}

struct s61_state {
    struct sim_groups groups;
    struct s61_place places[SIM_PLACES_MAX];
};

static bool s61_take(struct s61_state *state, const struct sim_event *event, size_t index,
                     struct sim_violation *violation)
{
    sim_groups_take(&state->groups, event);
    if (!sim_groups_is_shared(&state->groups, event->member) || event->place < 0) {
        return true;
    }
    struct s61_place *place = &state->places[event->place];
    if (event->kind == SIM_POSITION) {
        s61_restart(place, event->offset);
    } else if (event->kind == SIM_SOUGHT || event->kind == SIM_RESET) {
        s61_restart(place,
                    event->kind == SIM_SOUGHT && event->offset > 0 ? event->offset : 0);
    } else if (event->kind == SIM_DELIVERED) {
        unsigned times = s61_deliver(place, event->offset);
        unsigned allowed = s61_allowed(place, event->offset);
        if (times > allowed) {
            return sim_violated(violation, index,
                                "offset %" PRId64
                                " of place %d was delivered %u times; %u are explained",
                                event->offset, event->place, times, allowed);
        }
    }
    return true;
}

bool sim_s61_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct s61_state *state = sim_zeroed(1, sizeof(*state));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        holds = s61_take(state, &history->events[i], i, violation);
    }
    for (int i = 0; i < SIM_PLACES_MAX; i++) {
        free(state->places[i].restarts);
        free(state->places[i].times);
    }
    free(state);
    return holds;
}

// ---- S63 ----

bool sim_s63_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct sim_groups groups;
    memset(&groups, 0, sizeof(groups));
    struct sim_visible *places = sim_visible_new();
    int64_t
        next[SIM_PLACES_MAX]; // nothing from there on was processed; -1: nothing at all
    memset(next, -1, sizeof(next));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        sim_visible_take(places, event);
        sim_groups_take(&groups, event);
        if (event->kind != SIM_PROCESSED ||
            !sim_groups_is_shared(&groups, event->member) ||
            event->offset < next[event->place]) {
            continue;
        }
        int64_t from = next[event->place] < 0 ? 0 : next[event->place];
        int64_t expected = sim_visible_from(&places[event->place], from);
        if (event->offset != expected) {
            holds = sim_violated(violation, i,
                                 "offset %" PRId64 " of place %d is processed before "
                                 "%" PRId64 " ever was",
                                 event->offset, event->place, expected);
        }
        next[event->place] = event->offset + 1;
    }
    sim_visible_free(places);
    return holds;
}

// ---- L2 ----

struct l2_cell {
    bool is_owned;
    int64_t next;     // to be delivered; -1: not known
    int64_t since_ns; // records are there for it; DH_NEVER: none
};

static void l2_look(struct l2_cell *now, const struct sim_visible *place, int64_t at_ns)
{
    bool is_due =
        now->is_owned && now->next >= 0 && sim_visible_from(place, now->next) >= 0;
    if (!is_due) {
        now->since_ns = DH_NEVER;
    } else if (now->since_ns == DH_NEVER) {
        now->since_ns = at_ns;
    }
}

static void l2_take(struct l2_cell *cells, const struct sim_event *event)
{
    struct l2_cell *now = &cells[sim_cell(event)];
    if (event->kind == SIM_OWNED) {
        *now = (struct l2_cell){.is_owned = true, .next = -1, .since_ns = DH_NEVER};
    } else if (event->kind == SIM_DISOWNED) {
        now->is_owned = false;
    } else if (event->kind == SIM_POSITION) {
        now->next = event->offset;
    } else if (event->kind == SIM_DELIVERED) {
        now->next = event->offset + 1;
        now->since_ns = DH_NEVER;
    } else if (event->kind == SIM_SOUGHT || event->kind == SIM_RESET) {
        now->next = event->kind == SIM_SOUGHT && event->offset >= 0 ? event->offset : -1;
        now->since_ns = DH_NEVER;
    } else if (event->kind == SIM_PAUSED || event->kind == SIM_RESUMED) {
        now->since_ns = DH_NEVER; // in calm nothing stays paused
    }
}

bool sim_l2_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct l2_cell *cells = sim_zeroed(SIM_CELLS, sizeof(*cells));
    struct sim_visible *places = sim_visible_new();
    int64_t calm_ns = DH_NEVER;
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        sim_visible_take(places, event);
        calm_ns = event->kind == SIM_CALM ? event->at_ns : calm_ns;
        if (event->place < 0) {
            continue;
        }
        for (int member = 0; member < SIM_MEMBERS_MAX && event->member < 0; member++) {
            l2_look(&cells[sim_cell_of(member, event->place)], &places[event->place],
                    event->at_ns);
        }
        if (event->member < 0) {
            continue;
        }
        struct l2_cell *now = &cells[sim_cell(event)];
        int64_t since_ns = now->since_ns > calm_ns ? now->since_ns : calm_ns;
        if (event->kind == SIM_DELIVERED && now->since_ns != DH_NEVER &&
            calm_ns != DH_NEVER && event->at_ns - since_ns > SIM_DELIVERY_NS) {
            holds = sim_violated(
                violation, i,
                "offset %" PRId64 " of place %d waited %.1f s in calm for "
                "member %d",
                event->offset, event->place,
                (double)(event->at_ns - since_ns) / (double)DH_SEC, event->member);
        }
        l2_take(cells, event);
        l2_look(now, &places[event->place], event->at_ns);
    }
    sim_visible_free(places);
    free(cells);
    return holds;
}

// ---- L7 ----

#define NODES_MAX 8

// The requests of one kind from one member to one node in the present second.
struct l7_row {
    int64_t second;
    unsigned count;
};

static bool is_request(const struct sim_event *event)
{
    return event->kind == SIM_SENT || event->kind == SIM_SENT_JOIN ||
           event->kind == SIM_SENT_HEARTBEAT || event->kind == SIM_SENT_QUESTION;
}

bool sim_l7_holds(const struct sim_history *history, struct sim_violation *violation)
{
    size_t kinds = DH_API_KEY_END + 1;
    struct l7_row *rows =
        sim_zeroed((size_t)SIM_MEMBERS_MAX * NODES_MAX * kinds, sizeof(*rows));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (!is_request(event)) {
            continue;
        }
        int64_t key =
            event->kind == SIM_SENT_HEARTBEAT ? DH_API_HEARTBEAT : event->offset;
        DH_ASSERT(event->end < NODES_MAX && key < DH_API_KEY_END);
        struct l7_row *row =
            &rows[((size_t)event->member * NODES_MAX + (size_t)event->end) * kinds +
                  (size_t)key];
        int64_t second = event->at_ns / DH_SEC;
        row->count = row->second == second ? row->count + 1 : 1;
        row->second = second;
        if (row->count > SIM_REQUESTS_MAX) {
            holds = sim_violated(violation, i,
                                 "member %d sends node %" PRId64
                                 " more than %d requests of API %" PRId64 " in a second",
                                 event->member, event->end, SIM_REQUESTS_MAX, key);
        }
    }
    free(rows);
    return holds;
}
