// SPDX-License-Identifier: MIT
#include "blackbox.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

// ---- What applications see ----

// Everything else in the history is not for this judge.
static bool is_seen(const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_SENT_RECORD:
    case SIM_ACKNOWLEDGED:
    case SIM_STARTED:
    case SIM_DELIVERED:
    case SIM_SOUGHT:
    case SIM_KILLED:
    case SIM_ON_ASSIGNED:
    case SIM_ON_REVOKED:
    case SIM_ON_LOST:
    case SIM_WANTED: // what the group is subscribed to
    case SIM_DRAINED: return true;
    // By hand it is the application's own call.
    case SIM_OWNED: return event->flag;
    case SIM_APPENDED:
    case SIM_COMMITTED:
    case SIM_KEPT:
    case SIM_GAVE_UP:
    case SIM_TERM:
    case SIM_DISOWNED:
    case SIM_POSITION:
    case SIM_PROCESSED:
    case SIM_RESET:
    case SIM_PAUSED:
    case SIM_RESUMED:
    case SIM_CALL_BEGAN:
    case SIM_CALL_ENDED:
    case SIM_CALLBACK_BEGAN:
    case SIM_CALLBACK_ENDED:
    case SIM_FREED:
    case SIM_ASKED_COMMIT:
    case SIM_ON_COMMIT:
    case SIM_SENT:
    case SIM_SENT_JOIN:
    case SIM_SENT_HEARTBEAT:
    case SIM_SENT_COMMIT:
    case SIM_SENT_QUESTION:
    case SIM_TOLD_GENERATION:
    case SIM_TOLD_FENCED:
    case SIM_COMMIT_TAKEN:
    case SIM_COMMIT_REFUSED:
    case SIM_TOLD_COMMITTED:
    case SIM_TOLD_OUT_OF_RANGE:
    case SIM_CALM: return false;
    }
    return false;
}

// What is known of one index of a place: of an offset, or of a record's number.
struct row {
    uint64_t number;   // of the record at that offset, from 1; 0: not known
    bool is_sent;      // the record of that number
    bool is_told;      // an acknowledgement named the offset
    bool is_delivered; // to a member of the shared group
};

struct table {
    struct row *rows; // owned
    size_t count;
};

static struct row *row_of(struct table *table, uint64_t index)
{
    if (index >= table->count) {
        size_t count = (size_t)index * 2 + 64;
        table->rows = realloc(table->rows, count * sizeof(*table->rows));
        DH_ASSERT(table->rows != NULL);
        memset(&table->rows[table->count], 0,
               (count - table->count) * sizeof(*table->rows));
        table->count = count;
    }
    return &table->rows[index];
}

static struct table *new_tables(void)
{
    return sim_zeroed(SIM_PLACES_MAX, sizeof(struct table));
}

static void free_tables(struct table *tables)
{
    for (size_t i = 0; i < SIM_PLACES_MAX; i++) {
        free(tables[i].rows);
    }
    free(tables);
}

// ---- B1 ----

bool sim_b1_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct table *numbers = new_tables();
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_SENT_RECORD) {
            row_of(&numbers[event->place], event->call)->is_sent = true;
        } else if (event->kind == SIM_DELIVERED && event->call > 0 &&
                   (event->call == SIM_NOBODY ||
                    !row_of(&numbers[event->place], event->call)->is_sent)) {
            holds = sim_violated(violation, i,
                                 "member %d was given offset %" PRId64
                                 " of place %d, which holds what nobody sent",
                                 event->member, event->offset, event->place);
        }
    }
    free_tables(numbers);
    return holds;
}

// ---- B2 ----

bool sim_b2_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct table *offsets = new_tables();
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        bool names_offset = event->kind == SIM_DELIVERED ||
                            (event->kind == SIM_ACKNOWLEDGED && event->offset >= 0);
        if (!names_offset || event->call == 0) {
            continue;
        }
        struct row *row = row_of(&offsets[event->place], (uint64_t)event->offset);
        if (row->number != 0 && row->number != event->call) {
            holds = sim_violated(violation, i,
                                 "offset %" PRId64 " of place %d is record %" PRIu64
                                 " now, and was %" PRIu64,
                                 event->offset, event->place, event->call, row->number);
        }
        row->number = event->call;
    }
    free_tables(offsets);
    return holds;
}

// ---- B3 ----

// A stretch of one member and place.
struct stretch {
    bool is_open;
    bool has_last;
    int64_t last; // offset
};

// Offsets that anybody was given or told of.
static struct table *known_offsets(const struct sim_history *history)
{
    struct table *offsets = new_tables();
    for (size_t i = 0; i < history->count; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_DELIVERED ||
            (event->kind == SIM_ACKNOWLEDGED && event->offset >= 0)) {
            row_of(&offsets[event->place], (uint64_t)event->offset)->is_told = true;
        }
    }
    return offsets;
}

// The first known offset between two others; -1: there is none.
static int64_t known_between(struct table *offsets, int64_t after, int64_t before)
{
    for (int64_t offset = after + 1; offset < before; offset++) {
        if (row_of(offsets, (uint64_t)offset)->is_told) {
            return offset;
        }
    }
    return -1;
}

static bool b3_deliver(struct stretch *stretch, struct table *offsets,
                       const struct sim_event *event, size_t index,
                       struct sim_violation *violation)
{
    if (!stretch->is_open) {
        return true;
    }
    if (stretch->has_last && event->offset <= stretch->last) {
        return sim_violated(violation, index,
                            "member %d was given offset %" PRId64
                            " of place %d after %" PRId64 ", and has not sought",
                            event->member, event->offset, event->place, stretch->last);
    }
    int64_t left_out =
        stretch->has_last ? known_between(offsets, stretch->last, event->offset) : -1;
    if (left_out >= 0) {
        return sim_violated(violation, index,
                            "member %d was given offset %" PRId64
                            " of place %d after %" PRId64 "; %" PRId64 " was left out",
                            event->member, event->offset, event->place, stretch->last,
                            left_out);
    }
    stretch->has_last = true;
    stretch->last = event->offset;
    return true;
}

static bool b3_take(struct stretch *stretches, struct table *offsets,
                    const struct sim_event *event, size_t index,
                    struct sim_violation *violation)
{
    if (event->member < 0 || event->place < 0) {
        return true;
    }
    struct stretch *stretch = &stretches[sim_cell(event)];
    if (event->kind == SIM_ON_ASSIGNED || event->kind == SIM_OWNED) {
        *stretch = (struct stretch){.is_open = true};
    } else if (event->kind == SIM_ON_REVOKED || event->kind == SIM_ON_LOST) {
        stretch->is_open = false;
    } else if (event->kind == SIM_SOUGHT) {
        stretch->has_last = false;
    } else if (event->kind == SIM_DELIVERED) {
        return b3_deliver(stretch, &offsets[event->place], event, index, violation);
    }
    return true;
}

bool sim_b3_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct stretch *stretches = sim_zeroed(SIM_CELLS, sizeof(*stretches));
    struct table *offsets = known_offsets(history);
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (is_seen(event)) {
            holds = b3_take(stretches, offsets, event, i, violation);
        }
    }
    free_tables(offsets);
    free(stretches);
    return holds;
}

// ---- B4 ----

static bool b4_judge(struct table *numbers, int place, size_t index,
                     struct sim_violation *violation)
{
    for (size_t number = 0; number < numbers[place].count; number++) {
        const struct row *row = &numbers[place].rows[number];
        if (row->is_told && !row->is_delivered) {
            return sim_violated(violation, index,
                                "record %zu of place %d was acknowledged, and nobody "
                                "has seen it",
                                number, place);
        }
    }
    return true;
}

bool sim_b4_holds(const struct sim_history *history, struct sim_violation *violation)
{
    struct table *numbers = new_tables();
    bool is_shared[SIM_MEMBERS_MAX] = {false};
    bool is_wanted[SIM_PLACES_MAX] = {false};
    bool holds = true;
    for (size_t i = 0; i < history->count && holds; i++) {
        const struct sim_event *event = &history->events[i];
        if (event->kind == SIM_STARTED) {
            is_shared[event->member] = event->group == 0;
        } else if (event->kind == SIM_WANTED) {
            is_wanted[event->place] = true;
        } else if (event->kind == SIM_ACKNOWLEDGED) {
            row_of(&numbers[event->place], event->call)->is_told = true;
        } else if (event->kind == SIM_DELIVERED && is_shared[event->member] &&
                   event->call != SIM_NOBODY) {
            row_of(&numbers[event->place], event->call)->is_delivered = true;
        } else if (event->kind == SIM_DRAINED) {
            for (int place = 0; place < SIM_PLACES_MAX && holds; place++) {
                holds = !is_wanted[place] || b4_judge(numbers, place, i, violation);
            }
        }
    }
    free_tables(numbers);
    return holds;
}
