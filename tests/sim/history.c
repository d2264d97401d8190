// SPDX-License-Identifier: MIT
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"

void sim_history_init(struct sim_history *history)
{
    memset(history, 0, sizeof(*history));
}

void sim_history_deinit(struct sim_history *history)
{
    free(history->events);
}

void sim_history_add(struct sim_history *history, const struct sim_event *event)
{
    if (history->count == history->capacity) {
        history->capacity = history->capacity == 0 ? 1024 : history->capacity * 2;
        history->events =
            realloc(history->events, history->capacity * sizeof(*history->events));
        DH_ASSERT(history->events != NULL);
    }
    history->events[history->count++] = *event;
    if (history->is_traced) {
        char text[256];
        sim_event_print(event, text, sizeof(text));
        fprintf(stderr, "%s\n", text);
    }
}

static const char *kind_name(enum sim_event_kind kind)
{
    switch (kind) {
    case SIM_APPENDED: return "appended";
    case SIM_COMMITTED: return "committed";
    case SIM_SENT_RECORD: return "sent record";
    case SIM_GAVE_UP: return "gave up";
    case SIM_ACKNOWLEDGED: return "acknowledged";
    case SIM_KEPT: return "kept";
    case SIM_STARTED: return "started";
    case SIM_TERM: return "term";
    case SIM_OWNED: return "owned";
    case SIM_DISOWNED: return "disowned";
    case SIM_POSITION: return "position";
    case SIM_DELIVERED: return "delivered";
    case SIM_PROCESSED: return "processed";
    case SIM_SOUGHT: return "sought";
    case SIM_RESET: return "reset";
    case SIM_PAUSED: return "paused";
    case SIM_RESUMED: return "resumed";
    case SIM_CALL_BEGAN: return "call began";
    case SIM_CALL_ENDED: return "call ended";
    case SIM_CALLBACK_BEGAN: return "callback began";
    case SIM_CALLBACK_ENDED: return "callback ended";
    case SIM_KILLED: return "killed";
    case SIM_FREED: return "freed";
    case SIM_ON_ASSIGNED: return "on assigned";
    case SIM_ON_REVOKED: return "on revoked";
    case SIM_ON_LOST: return "on lost";
    case SIM_ASKED_COMMIT: return "asked commit";
    case SIM_ON_COMMIT: return "on commit";
    case SIM_SENT: return "sent";
    case SIM_SENT_JOIN: return "sent join";
    case SIM_SENT_HEARTBEAT: return "sent heartbeat";
    case SIM_SENT_COMMIT: return "sent commit";
    case SIM_SENT_QUESTION: return "sent question";
    case SIM_TOLD_GENERATION: return "generation";
    case SIM_TOLD_FENCED: return "fenced";
    case SIM_COMMIT_TAKEN: return "commit taken";
    case SIM_COMMIT_REFUSED: return "commit refused";
    case SIM_TOLD_COMMITTED: return "told committed";
    case SIM_TOLD_OUT_OF_RANGE: return "out of range";
    case SIM_WANTED: return "wanted";
    case SIM_CALM: return "calm";
    case SIM_DRAINED: return "drained";
    }
    return "?";
}

void sim_event_print(const struct sim_event *event, char *text, size_t size)
{
    snprintf(text, size,
             "%12.6f  m%-2d p%-2d %-14s %s offset=%" PRId64 " end=%" PRId64
             " term=%" PRIu64 "/%" PRIu64 " group=%d flag=%d call=%" PRIu64,
             (double)event->at_ns / (double)DH_SEC, event->member, event->place,
             kind_name(event->kind), event->name == NULL ? "" : event->name,
             event->offset, event->end, event->term.assignment, event->term.position,
             event->group, event->flag, event->call);
}
