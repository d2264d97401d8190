// SPDX-License-Identifier: MIT
/*
 * Who owns what, and who may speak: S1, S2, S7, S9, L1, L4 of checkers.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "checker_parts.h"

// What is known of each member of a group.
struct member_state {
    bool is_alive;
    int32_t generation; // of its last join; -1: none yet
    bool is_warned;     // it was told that the generation is over
    bool is_fenced;     // and once more, of a request that it sent after that
    bool has_asked;     // since it was warned
};

struct ownership {
    struct sim_groups groups;
    struct member_state members[SIM_MEMBERS_MAX];
    bool owned[SIM_MEMBERS_MAX][SIM_PLACES_MAX];
};

static void ownership_take(struct ownership *state, const struct sim_event *event)
{
    sim_groups_take(&state->groups, event);
    struct member_state *member =
        event->member < 0 ? NULL : &state->members[event->member];
    if (event->kind == SIM_STARTED) {
        *member = (struct member_state){.is_alive = true, .generation = -1};
    } else if (event->kind == SIM_KILLED || event->kind == SIM_FREED) {
        member->is_alive = false;
    } else if (event->kind == SIM_TOLD_GENERATION) {
        *member =
            (struct member_state){.is_alive = true, .generation = (int32_t)event->offset};
    } else if (event->kind == SIM_SENT_HEARTBEAT) {
        member->has_asked = member->is_warned;
    } else if (event->kind == SIM_TOLD_FENCED && member->generation == event->offset) {
        // The first answer may be late, of a request that was given up, and dropped unread.
        member->is_fenced = member->is_fenced || member->has_asked;
        member->is_warned = true;
    } else if (event->kind == SIM_OWNED) {
        state->owned[event->member][event->place] = true;
    } else if (event->kind == SIM_DISOWNED) {
        state->owned[event->member][event->place] = false;
    }
}

// ---- S1 ----

static bool is_same_generation(const struct ownership *state, int a, int b)
{
    const struct member_state *one = &state->members[a];
    const struct member_state *other = &state->members[b];
    return other->is_alive && !one->is_warned && !other->is_warned &&
           one->generation >= 0 && one->generation == other->generation &&
           sim_groups_is_shared(&state->groups, b);
}

bool sim_s1_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct ownership *state = sim_zeroed(1, sizeof(*state));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        ownership_take(state, event);
        if (event->kind != SIM_OWNED ||
            !sim_groups_is_shared(&state->groups, event->member)) {
            continue;
        }
        for (int other = 0; other < SIM_MEMBERS_MAX && holds; other++) {
            if (other != event->member && state->owned[other][event->place] &&
                is_same_generation(state, event->member, other)) {
                holds = sim_violated(violation, i,
                                     "members %d and %d both own place %d in generation "
                                     "%" PRId32,
                                     event->member, other, event->place,
                                     state->members[other].generation);
            }
        }
    }
    free(state);
    return holds;
}

// ---- S2 ----

bool sim_s2_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct ownership *state = sim_zeroed(1, sizeof(*state));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        ownership_take(state, event);
        for (int place = 0; place < SIM_PLACES_MAX && event->kind == SIM_SENT_JOIN;
             place++) {
            if (holds && state->owned[event->member][place]) {
                holds = sim_violated(violation, i,
                                     "member %d asks to join and still owns place %d",
                                     event->member, place);
            }
        }
    }
    free(state);
    return holds;
}

// ---- S7 ----

bool sim_s7_holds(const struct sim_history *history, struct sim_violation *violation)
{
    bool *is_assigned = sim_zeroed(SIM_CELLS, sizeof(*is_assigned));
    bool is_closed[SIM_MEMBERS_MAX] = {false};
    uint64_t close_call[SIM_MEMBERS_MAX] = {0};
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        bool is_given = event->kind == SIM_ON_ASSIGNED;
        bool is_taken = event->kind == SIM_ON_REVOKED || event->kind == SIM_ON_LOST;
        if (event->kind == SIM_CALL_BEGAN && strcmp(event->name, "close") == 0) {
            close_call[event->member] = event->call;
        } else if (event->kind == SIM_CALL_ENDED &&
                   event->call == close_call[event->member]) {
            is_closed[event->member] = true;
        } else if ((is_given || is_taken) && is_closed[event->member]) {
            holds = sim_violated(violation, i,
                                 "a callback of member %d about place %d after close",
                                 event->member, event->place);
        } else if (is_given && is_assigned[sim_cell(event)]) {
            holds = sim_violated(violation, i, "place %d was assigned to member %d twice",
                                 event->place, event->member);
        } else if (is_taken && !is_assigned[sim_cell(event)]) {
            holds = sim_violated(violation, i,
                                 "place %d was taken from member %d, which had no "
                                 "on_assigned for it",
                                 event->place, event->member);
        }
        if (is_given || is_taken) {
            is_assigned[sim_cell(event)] = is_given;
        }
    }
    free(is_assigned);
    return holds;
}

// ---- S9 ----

bool sim_s9_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct ownership *state = sim_zeroed(1, sizeof(*state));
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        bool is_heartbeat = event->kind == SIM_SENT_HEARTBEAT;
        if (!is_heartbeat && event->kind != SIM_SENT_COMMIT) {
            ownership_take(state, event);
            continue;
        }
        int64_t generation = is_heartbeat ? event->offset : event->end;
        const struct member_state *member = &state->members[event->member];
        if (member->is_fenced && member->generation == generation) {
            holds = sim_violated(violation, i,
                                 "member %d sends a %s under generation %" PRId64
                                 ", of which it was told that it is over",
                                 event->member, is_heartbeat ? "heartbeat" : "commit",
                                 generation);
        }
        ownership_take(state, event);
    }
    free(state);
    return holds;
}

// ---- L1, L4 ----

bool sim_l1_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct ownership *state = sim_zeroed(1, sizeof(*state));
    bool is_wanted[SIM_PLACES_MAX] = {false};
    int64_t calm_ns = DH_NEVER;
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        bool is_late = calm_ns != DH_NEVER && event->at_ns > calm_ns + SIM_SETTLE_NS;
        for (int place = 0; place < SIM_PLACES_MAX && is_late && holds; place++) {
            if (is_wanted[place]) {
                holds = sim_violated(violation, i,
                                     "place %d has no owner %.0f s after the last fault",
                                     place, (double)SIM_SETTLE_NS / (double)DH_SEC);
            }
        }
        ownership_take(state, event);
        if (event->kind == SIM_CALM) {
            calm_ns = event->at_ns;
        } else if (event->kind == SIM_WANTED) {
            is_wanted[event->place] = true;
            for (int member = 0; member < SIM_MEMBERS_MAX; member++) {
                if (state->owned[member][event->place] &&
                    sim_groups_is_shared(&state->groups, member)) {
                    is_wanted[event->place] = false;
                }
            }
        } else if (event->kind == SIM_OWNED &&
                   sim_groups_is_shared(&state->groups, event->member)) {
            is_wanted[event->place] = false;
        } else if (event->kind == SIM_DRAINED) {
            break;
        }
    }
    free(state);
    return holds;
}

bool sim_l4_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct sim_groups groups;
    memset(&groups, 0, sizeof(groups));
    int64_t settled_ns = DH_NEVER; // nobody has come or gone for so long
    int64_t generation = -1;       // the highest that was told
    unsigned count = 0;            // of generations since then
    for (size_t i = 0; i < history->count; i++) {
        const struct sim_event *event = &history->events[i];
        sim_groups_take(&groups, event);
        bool is_change =
            event->kind == SIM_STARTED || event->kind == SIM_KILLED ||
            event->kind == SIM_CALM ||
            (event->kind == SIM_CALL_BEGAN && (strcmp(event->name, "close") == 0 ||
                                               strcmp(event->name, "unsubscribe") == 0));
        if (is_change && (event->kind == SIM_CALM || settled_ns != DH_NEVER)) {
            settled_ns = event->at_ns + SIM_SETTLE_NS;
            count = 0;
        } else if (event->kind == SIM_TOLD_GENERATION &&
                   sim_groups_is_shared(&groups, event->member) &&
                   event->offset > generation) {
            generation = event->offset;
            count += settled_ns != DH_NEVER && event->at_ns > settled_ns ? 1 : 0;
            if (count > SIM_GENERATIONS_MAX) {
                return sim_violated(violation, i,
                                    "%u generations, up to %" PRId64
                                    ", though nobody has come or gone",
                                    count, generation);
            }
        }
    }
    return true;
}
