// SPDX-License-Identifier: MIT
#include "checkers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"
#include "blackbox.h"
#include "checker_parts.h"

// ---- S8 ----

struct s8_cell {
    bool is_owned;
    struct dh_term term;
};

static bool s8_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct s8_cell *cells = sim_zeroed(SIM_CELLS, sizeof(*cells));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_OWNED) {
            cells[sim_cell(event)].is_owned = true;
        } else if (event->kind == SIM_DISOWNED) {
            cells[sim_cell(event)].is_owned = false;
        } else if (event->kind == SIM_TERM) {
            cells[sim_cell(event)].term = event->term;
        } else if (event->kind == SIM_DELIVERED) {
            const struct s8_cell *now = &cells[sim_cell(event)];
            if (!now->is_owned) {
                holds = sim_violated(violation, i,
                                     "member %d was given offset %" PRId64
                                     " of place %d, which it does not own",
                                     event->member, event->offset, event->place);
            } else if (!dh_term_equal(now->term, event->term)) {
                holds = sim_violated(violation, i,
                                     "member %d was given offset %" PRId64
                                     " of place %d under term %" PRIu64 "/%" PRIu64
                                     "; it is %" PRIu64 "/%" PRIu64 " now",
                                     event->member, event->offset, event->place,
                                     event->term.assignment, event->term.position,
                                     now->term.assignment, now->term.position);
            }
        }
    }
    free(cells);
    return holds;
}

// ---- S20, S21 ----

// The last offset delivered with nothing in between that may move it; -1: none.
struct last_cell {
    bool is_known;
    int64_t offset;
};

static void last_take(struct last_cell *cells, const struct sim_event *event)
{
    if (event->kind == SIM_OWNED || event->kind == SIM_DISOWNED ||
        event->kind == SIM_SOUGHT || event->kind == SIM_RESET) {
        cells[sim_cell(event)].is_known = false;
    } else if (event->kind == SIM_DELIVERED) {
        cells[sim_cell(event)] = (struct last_cell){true, event->offset};
    }
}

static bool s20_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct last_cell *cells = sim_zeroed(SIM_CELLS, sizeof(*cells));
    struct sim_visible *places = sim_visible_new();
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        sim_visible_take(places, event);
        if (event->kind == SIM_DELIVERED && cells[sim_cell(event)].is_known) {
            int64_t last = cells[sim_cell(event)].offset;
            int64_t next = sim_visible_from(&places[event->place], last + 1);
            if (event->offset > last && event->offset != next) {
                holds = sim_violated(
                    violation, i,
                    "member %d was given offset %" PRId64 " of place %d after %" PRId64
                    "; %" PRId64 " was left out",
                    event->member, event->offset, event->place, last, next);
            }
        }
        last_take(cells, event);
    }
    sim_visible_free(places);
    free(cells);
    return holds;
}

static bool s21_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct last_cell *cells = sim_zeroed(SIM_CELLS, sizeof(*cells));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_DELIVERED && cells[sim_cell(event)].is_known &&
            event->offset <= cells[sim_cell(event)].offset) {
            holds = sim_violated(violation, i,
                                 "member %d was given offset %" PRId64
                                 " of place %d after %" PRId64,
                                 event->member, event->offset, event->place,
                                 cells[sim_cell(event)].offset);
        }
        last_take(cells, event);
    }
    free(cells);
    return holds;
}

// ---- S22 ----

// So many commits of a place are remembered while a member looks for its start.
#define S22_COMMITS_MAX 64

struct s22_cell {
    bool is_open;        // owned, and no seek yet
    bool is_told;        // the start is known
    uint64_t assignment; // of the start that was told
    int64_t start;
    int64_t log_end_before; // when it became owned
    // What was committed when it became owned (-1: nothing), and since then: the start may
    // have been read at any moment of that time, before a new owner moved on.
    int64_t commits[S22_COMMITS_MAX];
    size_t commit_count;
};

struct s22_state {
    struct s22_cell *cells;
    struct sim_visible *places;
    int64_t committed[SIM_MEMBERS_MAX + 1][SIM_PLACES_MAX]; // by group; -1: nothing
    int group[SIM_MEMBERS_MAX];
    bool is_earliest[SIM_MEMBERS_MAX];
};

static bool s22_start(const struct s22_state *state, const struct sim_event *event,
                      size_t index, struct sim_violation *violation)
{
    const struct s22_cell *now = &state->cells[sim_cell(event)];
    const struct sim_visible *place = &state->places[event->place];
    bool may_reset = false;
    for (size_t i = 0; i < now->commit_count; i++) {
        if (now->commits[i] == event->offset) {
            return true;
        }
        may_reset = may_reset || now->commits[i] < 0;
    }
    if (!may_reset) {
        return sim_violated(violation, index,
                            "member %d starts place %d at %" PRId64 "; %" PRId64
                            " is committed",
                            event->member, event->place, event->offset,
                            now->commits[now->commit_count - 1]);
    }
    int64_t least = state->is_earliest[event->member] ? 0 : now->log_end_before;
    int64_t most = state->is_earliest[event->member] ? 0 : place->log_end;
    if (event->offset < least || event->offset > most) {
        return sim_violated(violation, index,
                            "member %d starts place %d at %" PRId64
                            "; nothing is committed, and the reset gives %" PRId64
                            " to %" PRId64,
                            event->member, event->place, event->offset, least, most);
    }
    return true;
}

// The first record of a term is the first visible one from its start.
static bool s22_first(const struct s22_state *state, const struct sim_event *event,
                      size_t index, struct sim_violation *violation)
{
    const struct s22_cell *now = &state->cells[sim_cell(event)];
    if (!now->is_told) {
        return sim_violated(violation, index,
                            "member %d was given offset %" PRId64
                            " of place %d before the term had a start",
                            event->member, event->offset, event->place);
    }
    int64_t expected = sim_visible_from(&state->places[event->place], now->start);
    if (event->offset != expected) {
        return sim_violated(violation, index,
                            "member %d starts place %d with offset %" PRId64
                            "; the first from %" PRId64 " is %" PRId64,
                            event->member, event->place, event->offset, now->start,
                            expected);
    }
    return true;
}

static void s22_commit(struct s22_state *state, const struct sim_event *event)
{
    state->committed[event->group][event->place] = event->offset;
    for (int member = 0; member < SIM_MEMBERS_MAX; member++) {
        struct s22_cell *now =
            &state->cells[(size_t)member * SIM_PLACES_MAX + (size_t)event->place];
        if (now->is_open && !now->is_told && state->group[member] == event->group &&
            now->commit_count < S22_COMMITS_MAX) {
            now->commits[now->commit_count++] = event->offset;
        }
    }
}

static void s22_own(struct s22_state *state, const struct sim_event *event)
{
    struct s22_cell *now = &state->cells[sim_cell(event)];
    int group = state->group[event->member];
    // A start that was told already (the notice before the callback) is kept.
    bool is_told = now->is_told && now->assignment == event->term.assignment;
    now->is_open = true;
    if (!is_told) {
        now->is_told = false;
        now->log_end_before = state->places[event->place].log_end;
        now->commits[0] =
            group == SIM_GROUP_NONE ? -1 : state->committed[group][event->place];
        now->commit_count = 1;
    }
}

static bool s22_take(struct s22_state *state, const struct sim_event *event, size_t index,
                     struct sim_violation *violation)
{
    bool holds = true;
    sim_visible_take(state->places, event);
    if (event->kind == SIM_COMMITTED) {
        s22_commit(state, event);
    } else if (event->kind == SIM_STARTED) {
        state->group[event->member] = event->group;
        state->is_earliest[event->member] = event->flag;
    } else if (event->kind == SIM_OWNED) {
        s22_own(state, event);
    } else if (event->kind == SIM_DISOWNED || event->kind == SIM_SOUGHT ||
               event->kind == SIM_RESET) {
        state->cells[sim_cell(event)].is_open = false;
    } else if (event->kind == SIM_POSITION) {
        struct s22_cell *now = &state->cells[sim_cell(event)];
        if (now->is_open && !now->is_told) {
            holds = s22_start(state, event, index, violation);
            now->is_told = true;
            now->assignment = event->term.assignment;
            now->start = event->offset;
        }
    } else if (event->kind == SIM_DELIVERED && state->cells[sim_cell(event)].is_open) {
        holds = s22_first(state, event, index, violation);
        state->cells[sim_cell(event)].is_open = false;
    }
    return holds;
}

static bool s22_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct s22_state *state = sim_zeroed(1, sizeof(*state));
    state->cells = sim_zeroed(SIM_CELLS, sizeof(*state->cells));
    state->places = sim_visible_new();
    for (size_t i = 0; i <= SIM_MEMBERS_MAX; i++) {
        for (size_t j = 0; j < SIM_PLACES_MAX; j++) {
            state->committed[i][j] = -1;
        }
    }
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        holds = s22_take(state, &history->events[i], i, violation);
    }
    sim_visible_free(state->places);
    free(state->cells);
    free(state);
    return holds;
}

// ---- S27 ----

struct s27_cell {
    bool is_sought; // nothing was delivered since
    int64_t target; // an offset, or SIM_SEEK_*
    int64_t log_end;
};

static bool s27_delivery(const struct s27_cell *now, const struct sim_visible *place,
                         const struct sim_event *event, size_t index,
                         struct sim_violation *violation)
{
    if (now->target == SIM_SEEK_END) {
        if (event->offset >= now->log_end) {
            return true;
        }
        return sim_violated(violation, index,
                            "member %d sought the end of place %d, which was %" PRId64
                            ", and was given %" PRId64,
                            event->member, event->place, now->log_end, event->offset);
    }
    int64_t from = now->target == SIM_SEEK_BEGINNING ? 0 : now->target;
    int64_t expected = sim_visible_from(place, from);
    if (event->offset == expected) {
        return true;
    }
    return sim_violated(violation, index,
                        "member %d sought %" PRId64 " of place %d and was given %" PRId64
                        "; the first one from there is %" PRId64,
                        event->member, from, event->place, event->offset, expected);
}

static bool s27_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct s27_cell *cells = sim_zeroed(SIM_CELLS, sizeof(*cells));
    struct sim_visible *places = sim_visible_new();
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        sim_visible_take(places, event);
        if (event->kind == SIM_SOUGHT) {
            cells[sim_cell(event)] =
                (struct s27_cell){.is_sought = true,
                                  .target = event->offset,
                                  .log_end = places[event->place].log_end};
        } else if (event->kind == SIM_OWNED) {
            // A seek is part of one term. One made inside on_assigned comes after this.
            cells[sim_cell(event)].is_sought = false;
        } else if (event->kind == SIM_DISOWNED || event->kind == SIM_RESET) {
            cells[sim_cell(event)].is_sought = false;
        } else if (event->kind == SIM_DELIVERED && cells[sim_cell(event)].is_sought) {
            holds = s27_delivery(&cells[sim_cell(event)], &places[event->place], event, i,
                                 violation);
            cells[sim_cell(event)].is_sought = false;
        }
    }
    sim_visible_free(places);
    free(cells);
    return holds;
}

// ---- S28 ----

static bool s28_holds(const struct sim_history *history, struct sim_violation *violation)
{
    bool *is_paused = sim_zeroed(SIM_CELLS, sizeof(*is_paused));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_PAUSED) {
            is_paused[sim_cell(event)] = true;
        } else if (event->kind == SIM_RESUMED || event->kind == SIM_OWNED ||
                   event->kind == SIM_DISOWNED) {
            is_paused[sim_cell(event)] = false;
        } else if (event->kind == SIM_DELIVERED && is_paused[sim_cell(event)]) {
            holds = sim_violated(violation, i,
                                 "member %d was given offset %" PRId64
                                 " of place %d, which is paused",
                                 event->member, event->offset, event->place);
        }
    }
    free(is_paused);
    return holds;
}

// ---- S29 ----

static bool s29_holds(const struct sim_history *history, struct sim_violation *violation)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_DELIVERED && !event->flag) {
            return sim_violated(violation, i,
                                "offset %" PRId64 " of place %d is not what was appended",
                                event->offset, event->place);
        }
    }
    return true;
}

// ---- S60 and L3: the places that the shared group, number 0, reads ----

struct s60_place {
    bool *is_processed; // by offset
    int64_t capacity;
    int64_t prefix;    // every visible offset below was processed
    int64_t committed; // -1: nothing
};

static void s60_process(struct s60_place *place, int64_t offset)
{
    if (offset >= place->capacity) {
        int64_t capacity = offset * 2 + 64;
        place->is_processed =
            realloc(place->is_processed, (size_t)capacity * sizeof(bool));
        DH_ASSERT(place->is_processed != NULL);
        memset(place->is_processed + place->capacity, 0,
               (size_t)(capacity - place->capacity) * sizeof(bool));
        place->capacity = capacity;
    }
    place->is_processed[offset] = true;
}

// The first visible offset below `end` that nobody has processed; -1: none.
static int64_t s60_missing(struct s60_place *place, const struct sim_visible *visible,
                           int64_t end)
{
    for (;;) {
        int64_t next = sim_visible_from(visible, place->prefix);
        if (next < 0 || next >= end) {
            return -1;
        }
        if (next >= place->capacity || !place->is_processed[next]) {
            return next;
        }
        place->prefix = next + 1;
    }
}

static bool s60_take(struct s60_place *group, const struct sim_visible *places,
                     const struct sim_event *event, size_t index,
                     struct sim_violation *violation)
{
    if (event->kind == SIM_PROCESSED) {
        s60_process(&group[event->place], event->offset);
    } else if (event->kind == SIM_COMMITTED && event->group == 0) {
        struct s60_place *place = &group[event->place];
        place->committed = event->offset;
        int64_t missing = s60_missing(place, &places[event->place], event->offset);
        if (missing >= 0) {
            return sim_violated(violation, index,
                                "%" PRId64 " is committed for place %d, but %" PRId64
                                " was never processed",
                                event->offset, event->place, missing);
        }
    } else if (event->kind == SIM_DRAINED) {
        for (size_t i = 0; i < SIM_PLACES_MAX; i++) {
            int64_t missing = group[i].committed < 0
                                  ? -1
                                  : s60_missing(&group[i], &places[i], INT64_MAX);
            if (missing >= 0) {
                return sim_violated(violation, index,
                                    "offset %" PRId64 " of place %zu was never processed",
                                    missing, i);
            }
        }
    }
    return true;
}

static bool s60_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct s60_place *group = sim_zeroed(SIM_PLACES_MAX, sizeof(*group));
    struct sim_visible *places = sim_visible_new();
    for (size_t i = 0; i < SIM_PLACES_MAX; i++) {
        group[i].committed = -1;
    }
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        sim_visible_take(places, &history->events[i]);
        holds = s60_take(group, places, &history->events[i], i, violation);
    }
    for (size_t i = 0; i < SIM_PLACES_MAX; i++) {
        free(group[i].is_processed);
    }
    sim_visible_free(places);
    free(group);
    return holds;
}

static bool l3_holds(const struct sim_history *history, struct sim_violation *violation)
{
    int64_t committed[SIM_PLACES_MAX];
    int64_t log_end[SIM_PLACES_MAX] = {0};
    for (size_t i = 0; i < SIM_PLACES_MAX; i++) {
        committed[i] = -1;
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_APPENDED) {
            log_end[event->place] = event->end;
        } else if (event->kind == SIM_COMMITTED && event->group == 0) {
            committed[event->place] = event->offset;
        } else if (event->kind == SIM_DRAINED) {
            for (size_t place = 0; place < SIM_PLACES_MAX; place++) {
                if (committed[place] >= 0 && committed[place] != log_end[place]) {
                    return sim_violated(violation, i,
                                        "place %zu ends at %" PRId64 ", but %" PRId64
                                        " is committed",
                                        place, log_end[place], committed[place]);
                }
            }
        }
    }
    return true;
}

// ---- L5, L6 ----

// Calls nest at most so deep: inside a callback others may be made.
#define CALLS_MAX 4

struct running_call {
    uint64_t number;
    int64_t deadline_ns;
    int64_t callback_ns; // when its callback began
    int64_t excused_ns;  // the application's own time
    const char *name;
};

struct l5_member {
    struct running_call calls[CALLS_MAX];
    size_t depth;
    int64_t close_ended_ns; // 0: not yet
};

static struct running_call *find_call(struct l5_member *member, uint64_t number)
{
    for (size_t i = 0; i < member->depth; i++) {
        if (member->calls[i].number == number) {
            return &member->calls[i];
        }
    }
    DH_ASSERT(false);
    return NULL;
}

static bool deadlines_hold(const struct sim_history *history, bool is_close,
                           struct sim_violation *violation)
{
    struct l5_member *members = sim_zeroed(SIM_MEMBERS_MAX, sizeof(*members));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        struct l5_member *member = event->member < 0 ? NULL : &members[event->member];
        if (event->kind == SIM_CALL_BEGAN) {
            DH_ASSERT(member->depth < CALLS_MAX);
            member->calls[member->depth++] = (struct running_call){
                .number = event->call, .deadline_ns = event->end, .name = event->name};
        } else if (event->kind == SIM_CALLBACK_BEGAN) {
            find_call(member, event->call)->callback_ns = event->at_ns;
        } else if (event->kind == SIM_CALLBACK_ENDED) {
            struct running_call *call = find_call(member, event->call);
            call->excused_ns += event->at_ns - call->callback_ns;
        } else if (event->kind == SIM_CALL_ENDED) {
            const struct running_call *call = find_call(member, event->call);
            member->depth--;
            int64_t late_ns = call->deadline_ns >= DH_NEVER - call->excused_ns
                                  ? 0
                                  : event->at_ns - call->deadline_ns - call->excused_ns;
            if ((strcmp(call->name, "close") == 0) == is_close && late_ns > SIM_TICK_NS) {
                holds = sim_violated(
                    violation, i, "%s of member %d returned %.3f ms after its deadline",
                    call->name, event->member, (double)late_ns / (double)DH_MS);
            }
        } else if (event->kind == SIM_KILLED) {
            member->depth = 0;
        } else if (event->kind == SIM_DRAINED) {
            for (int j = 0; j < SIM_MEMBERS_MAX && holds; j++) {
                if (members[j].depth > 0 &&
                    (strcmp(members[j].calls[0].name, "close") == 0) == is_close) {
                    holds = sim_violated(violation, i, "%s of member %d has not returned",
                                         members[j].calls[0].name, j);
                }
            }
        }
    }
    free(members);
    return holds;
}

static bool l5_holds(const struct sim_history *history, struct sim_violation *violation)
{
    return deadlines_hold(history, false, violation);
}

// After close: the rest of the member ends soon, and leaves nothing behind.
static bool nothing_is_left(const struct sim_history *history,
                            struct sim_violation *violation)
{
    int64_t closed_ns[SIM_MEMBERS_MAX] = {0};
    uint64_t close_call[SIM_MEMBERS_MAX] = {0};
    for (size_t i = 0; i < history->count; i++) {
        const struct sim_event *event = &history->events[i];
        int member = event->member;
        if (event->kind == SIM_CALL_BEGAN && strcmp(event->name, "close") == 0) {
            close_call[member] = event->call;
        } else if (event->kind == SIM_CALL_ENDED && event->call == close_call[member]) {
            closed_ns[member] = event->at_ns;
        } else if (event->kind == SIM_KILLED) {
            closed_ns[member] = 0;
        } else if (event->kind == SIM_FREED) {
            if (event->offset != 0) {
                return sim_violated(violation, i,
                                    "member %d left %" PRId64 " bytes behind", member,
                                    event->offset);
            }
            if (event->at_ns - closed_ns[member] > SIM_LINGER_NS + SIM_TICK_NS) {
                return sim_violated(
                    violation, i, "member %d ended %.3f ms after close", member,
                    (double)(event->at_ns - closed_ns[member]) / (double)DH_MS);
            }
            closed_ns[member] = 0;
        } else if (event->kind == SIM_DRAINED) {
            for (int j = 0; j < SIM_MEMBERS_MAX; j++) {
                if (closed_ns[j] != 0) {
                    return sim_violated(violation, i,
                                        "member %d was closed but never ended", j);
                }
            }
        }
    }
    return true;
}

static bool l6_holds(const struct sim_history *history, struct sim_violation *violation)
{
    return deadlines_hold(history, true, violation) &&
           nothing_is_left(history, violation);
}

// ---- All ----

const struct sim_checker sim_checkers[] = {
    {"S1", sim_s1_holds},   {"S2", sim_s2_holds},   {"S7", sim_s7_holds},
    {"S8", s8_holds},       {"S9", sim_s9_holds},   {"S20", s20_holds},
    {"S21", s21_holds},     {"S22", s22_holds},     {"S27", s27_holds},
    {"S28", s28_holds},     {"S29", s29_holds},     {"S31", sim_s31_holds},
    {"S40", sim_s40_holds}, {"S41", sim_s41_holds}, {"S42", sim_s42_holds},
    {"S45", sim_s45_holds}, {"S46", sim_s46_holds}, {"S60", s60_holds},
    {"S61", sim_s61_holds}, {"S63", sim_s63_holds}, {"L1", sim_l1_holds},
    {"L2", sim_l2_holds},   {"L3", l3_holds},       {"L4", sim_l4_holds},
    {"L5", l5_holds},       {"L6", l6_holds},       {"L7", sim_l7_holds},
    {"P1", sim_p1_holds},   {"P2", sim_p2_holds},   {"P3", sim_p3_holds},
    {"P4", sim_p4_holds},   {"B1", sim_b1_holds},   {"B2", sim_b2_holds},
    {"B3", sim_b3_holds},   {"B4", sim_b4_holds},
};

const size_t sim_checker_count = DH_COUNT_OF(sim_checkers);

bool sim_check(const struct sim_history *history, struct sim_violation *violation)
{
    for (size_t i = 0; i < sim_checker_count; i++) {
        if (!sim_checkers[i].holds(history, violation)) {
            violation->checker = sim_checkers[i].name;
            return false;
        }
    }
    return true;
}
