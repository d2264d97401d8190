// SPDX-License-Identifier: MIT
/*
 * Commits: S40, S41, S42, S45, S46 of checkers.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"
#include "checker_parts.h"
#include "wire/gen/broker_errors.h"

// ---- S40, S41 ----

struct s40_cell {
    int64_t position; // behind what was delivered or sought; -1: not known
    int64_t done;     // what may be committed; INT64_MAX: anything
};

static bool is_call(const struct sim_event *event, const char *name)
{
    return event->kind == SIM_CALL_BEGAN && strcmp(event->name, name) == 0;
}

// The application says that it is done with all that it was given.
static bool is_done_with_all(const struct sim_event *event)
{
    return is_call(event, "poll") || is_call(event, "commit_sync") ||
           is_call(event, "commit_async") || is_call(event, "close") ||
           is_call(event, "unsubscribe");
}

static void s40_take(struct s40_cell *cells, const struct sim_event *event)
{
    if (is_done_with_all(event)) {
        for (int place = 0; place < SIM_PLACES_MAX; place++) {
            struct s40_cell *now = &cells[sim_cell_of(event->member, place)];
            now->done = now->position > now->done ? now->position : now->done;
        }
    } else if (event->kind == SIM_OWNED) {
        // By hand a commit that was made under the assignment before may still go out.
        int64_t done = event->flag ? cells[sim_cell(event)].done : -1;
        cells[sim_cell(event)] = (struct s40_cell){-1, done};
    } else if (event->kind == SIM_POSITION) {
        struct s40_cell *now = &cells[sim_cell(event)];
        now->position = event->offset;
        now->done = now->done < event->offset ? event->offset : now->done;
    } else if (event->kind == SIM_DELIVERED) {
        cells[sim_cell(event)].position = event->offset + 1;
    } else if (event->kind == SIM_SOUGHT || event->kind == SIM_RESET) {
        // The place of a seek is the application's word; of a reset nobody's.
        bool is_known = event->kind == SIM_SOUGHT && event->offset >= 0;
        struct s40_cell *now = &cells[sim_cell(event)];
        now->position = is_known ? event->offset : -1;
        if (!is_known) {
            now->done = INT64_MAX;
        } else if (event->offset > now->done) {
            now->done = event->offset;
        }
    }
}

bool sim_s40_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct s40_cell *cells = sim_zeroed(SIM_CELLS, sizeof(*cells));
    struct sim_visible *places = sim_visible_new();
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        sim_visible_take(places, event);
        s40_take(cells, event);
        if (event->kind == SIM_SENT_COMMIT) {
            int64_t done = cells[sim_cell(event)].done;
            int64_t next = done < 0 ? 0 : sim_visible_from(&places[event->place], done);
            if (done < event->offset && next >= 0 && next < event->offset) {
                holds = sim_violated(violation, i,
                                     "member %d commits %" PRId64
                                     " for place %d, but is done below %" PRId64 " only",
                                     event->member, event->offset, event->place, done);
            }
        }
    }
    sim_visible_free(places);
    free(cells);
    return holds;
}

bool sim_s41_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct sim_visible *places = sim_visible_new();
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        sim_visible_take(places, event);
        bool is_commit = event->kind == SIM_SENT_COMMIT || event->kind == SIM_COMMITTED;
        if (is_commit &&
            (event->offset < 0 || event->offset > places[event->place].log_end)) {
            holds =
                sim_violated(violation, i,
                             "%" PRId64 " is committed for place %d, which ends at "
                             "%" PRId64,
                             event->offset, event->place, places[event->place].log_end);
        }
    }
    sim_visible_free(places);
    return holds;
}

// ---- S42 ----

// A commit may leave after a seek that came after it: so each seek explains one fall.
struct s42_cell {
    bool is_by_hand;
    int64_t last;
    int64_t sought; // the least that was
    unsigned seeks;
    unsigned falls;
};

bool sim_s42_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct s42_cell *cells = sim_zeroed(SIM_CELLS, sizeof(*cells));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_OWNED) {
            // By hand nobody owns the place between two assignments: anything may come.
            cells[sim_cell(event)] =
                (struct s42_cell){.is_by_hand = event->flag, .sought = INT64_MAX};
        } else if (event->kind == SIM_SOUGHT || event->kind == SIM_RESET) {
            struct s42_cell *now = &cells[sim_cell(event)];
            int64_t target =
                event->kind == SIM_SOUGHT && event->offset > 0 ? event->offset : 0;
            now->sought = target < now->sought ? target : now->sought;
            now->seeks++;
        } else if (event->kind == SIM_SENT_COMMIT) {
            struct s42_cell *now = &cells[sim_cell(event)];
            bool is_fall = event->offset < now->last && !now->is_by_hand;
            now->falls += is_fall ? 1 : 0;
            if (is_fall && (now->falls > now->seeks || event->offset < now->sought)) {
                holds = sim_violated(
                    violation, i,
                    "member %d commits %" PRId64 " for place %d after %" PRId64,
                    event->member, event->offset, event->place, now->last);
            }
            now->last = event->offset;
        }
    }
    free(cells);
    return holds;
}

// ---- S45 ----

// Commits of one place that the coordinator may hold.
#define CANDIDATES_MAX 512

struct candidate {
    int64_t offset;
    uint64_t call; // request; 0: nothing was committed
    bool is_taken; // the client was told so
};

struct s45_place {
    struct candidate items[CANDIDATES_MAX];
    size_t count;
};

// A question under way: what it may be told.
struct s45_question {
    uint64_t call;
    struct s45_place places[SIM_PLACES_MAX];
};

struct s45_state {
    struct sim_groups groups;
    struct s45_place places[SIM_PLACES_MAX];         // of the shared group
    struct s45_question *questions[SIM_MEMBERS_MAX]; // owned; NULL: none
};

static void s45_add(struct s45_place *place, struct candidate candidate)
{
    if (place->count == CANDIDATES_MAX) {
        // The oldest of those that were never answered can hardly come any more.
        place->count--;
        memmove(&place->items[0], &place->items[1],
                place->count * sizeof(place->items[0]));
    }
    place->items[place->count++] = candidate;
}

// Takes out what is over: all that was taken before (is_taken), or that request's own.
static void s45_remove(struct s45_place *place, bool is_taken, uint64_t call)
{
    size_t kept = 0;
    for (size_t i = 0; i < place->count; i++) {
        bool is_over = is_taken ? place->items[i].is_taken || place->items[i].call == call
                                : place->items[i].call == call;
        if (!is_over) {
            place->items[kept++] = place->items[i];
        }
    }
    place->count = kept;
}

static void s45_ask(struct s45_state *state, const struct sim_event *event)
{
    struct s45_question **question = &state->questions[event->member];
    if (*question == NULL) {
        *question = sim_zeroed(1, sizeof(**question));
    }
    (*question)->call = event->call;
    memcpy((*question)->places, state->places, sizeof(state->places));
}

static void s45_commit(struct s45_state *state, const struct sim_event *event)
{
    struct candidate candidate = {.offset = event->offset, .call = event->call};
    s45_add(&state->places[event->place], candidate);
    for (int i = 0; i < SIM_MEMBERS_MAX; i++) {
        if (state->questions[i] != NULL && state->questions[i]->call != 0) {
            s45_add(&state->questions[i]->places[event->place], candidate);
        }
    }
}

static bool s45_told(struct s45_state *state, const struct sim_event *event, size_t index,
                     struct sim_violation *violation)
{
    struct s45_question *question = state->questions[event->member];
    if (question == NULL || question->call != event->call) {
        return true; // an older one, whose connection was given up
    }
    const struct s45_place *place = &question->places[event->place];
    for (size_t i = 0; i < place->count; i++) {
        if (place->items[i].offset == event->offset) {
            return true;
        }
    }
    return sim_violated(violation, index,
                        "member %d is told that %" PRId64
                        " is committed for place %d; the last that was taken is another",
                        event->member, event->offset, event->place);
}

// Behind any other refusal the commit may still be in the log, and come to light with the
// next coordinator: a write whose sync has failed, a time-out.
static bool is_final(int64_t code)
{
    return code == DH_BROKER_UNKNOWN_MEMBER_ID || code == DH_BROKER_ILLEGAL_GENERATION ||
           code == DH_BROKER_FENCED_INSTANCE_ID ||
           code == DH_BROKER_REBALANCE_IN_PROGRESS;
}

bool sim_s45_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct s45_state *state = sim_zeroed(1, sizeof(*state));
    for (int place = 0; place < SIM_PLACES_MAX; place++) {
        s45_add(&state->places[place], (struct candidate){-1, 0, true});
    }
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        sim_groups_take(&state->groups, event);
        if (!sim_groups_is_shared(&state->groups, event->member)) {
            continue;
        }
        if (event->kind == SIM_SENT_COMMIT) {
            s45_commit(state, event);
        } else if (event->kind == SIM_COMMIT_TAKEN) {
            s45_remove(&state->places[event->place], true, event->call);
            s45_add(&state->places[event->place],
                    (struct candidate){event->offset, event->call, true});
        } else if (event->kind == SIM_COMMIT_REFUSED && is_final(event->end)) {
            s45_remove(&state->places[event->place], false, event->call);
        } else if (event->kind == SIM_SENT_QUESTION) {
            s45_ask(state, event);
        } else if (event->kind == SIM_TOLD_COMMITTED) {
            holds = s45_told(state, event, i, violation);
        }
    }
    for (int i = 0; i < SIM_MEMBERS_MAX; i++) {
        free(state->questions[i]);
    }
    free(state);
    return holds;
}

// ---- S46 ----

// Commits of one member whose function has not run yet.
#define ASKED_MAX 1024

struct s46_member {
    uint64_t asked[ASKED_MAX]; // a ring
    size_t first;
    size_t count;
    uint64_t close_call;
};

bool sim_s46_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct s46_member *members = sim_zeroed(SIM_MEMBERS_MAX, sizeof(*members));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        struct s46_member *member = event->member < 0 ? NULL : &members[event->member];
        if (event->kind == SIM_ASKED_COMMIT) {
            DH_ASSERT(member->count < ASKED_MAX);
            member->asked[(member->first + member->count++) % ASKED_MAX] = event->call;
        } else if (event->kind == SIM_CALL_ENDED && event->offset != 0 &&
                   member->count > 0 &&
                   member->asked[(member->first + member->count - 1) % ASKED_MAX] ==
                       event->call) {
            member->count--; // the call failed: there is nothing to tell
        } else if (event->kind == SIM_ON_COMMIT) {
            if (member->count == 0 || member->asked[member->first] != event->call) {
                holds = sim_violated(violation, i,
                                     "the function of commit %" PRIu64
                                     " of member %d runs out of turn or once more",
                                     event->call, event->member);
            } else {
                member->first = (member->first + 1) % ASKED_MAX;
                member->count--;
            }
        } else if (is_call(event, "close")) {
            member->close_call = event->call;
        } else if (event->kind == SIM_CALL_ENDED && event->call == member->close_call &&
                   member->count > 0) {
            holds = sim_violated(violation, i,
                                 "close of member %d has returned, and %zu functions of "
                                 "commits have not run",
                                 event->member, member->count);
        }
    }
    free(members);
    return holds;
}
