// SPDX-License-Identifier: MIT
/*
 * What was seen in a run: one list of events in total order, with virtual time. The
 * checkers read it and nothing else, so that a history can also be written by hand.
 *
 * A *place* is a partition as a small number. A *member* is one life of a consumer,
 * numbered from 0. A *group* is a number too: what a place has committed is kept for
 * each group; SIM_GROUP_NONE: there is none.
 */
#ifndef DH_TESTS_SIM_HISTORY_H
#define DH_TESTS_SIM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/messages.h"

#define SIM_PLACES_MAX  24
#define SIM_MEMBERS_MAX 48
#define SIM_GROUP_NONE  (-1)
// Stands for a producer where a record comes into the log without one.
#define SIM_NO_PRODUCER 63
#define SIM_NOBODY      UINT64_MAX

enum sim_event_kind {
    // The log: place, offset, end. `flag`: offset..end-1 are records that a consumer must
    // see; else none of them is (a gap, a marker, compacted). `call`: the number of the one
    // record, counted from 1; 0: not known.
    SIM_APPENDED,
    // The coordinator stored: place, group, offset; member.
    SIM_COMMITTED,
    // A producer (its number is in `group`) has sent the record: place, number in `call`; `flag`: it is
    // idempotent. It was told that the record is in the log: the same with its offset.
    SIM_SENT_RECORD,
    SIM_ACKNOWLEDGED,
    // It has given the record up, which may be in the log or not: the same.
    SIM_GAVE_UP,
    // The broker has started again: place; up to `end` the log is as it was before.
    SIM_KEPT,
    // A member began its life: member, group; `flag`: auto.offset.reset is earliest.
    SIM_STARTED,
    // The front half was told under which term the place runs now, or sent a seek.
    SIM_TERM,
    // From here the member may be given records of the place; `flag`: by hand.
    SIM_OWNED,
    // From here it may not: the front half took the notice, or the member let go.
    SIM_DISOWNED,
    // The back half told where a new term starts: place, term, offset.
    SIM_POSITION,
    // poll returned a record: place, offset, and the term its fetch was made under;
    // `flag`: key and value are what was appended. `call`: who it says it is, as above;
    // SIM_NOBODY: nobody.
    SIM_DELIVERED,
    // The application is done with that record.
    SIM_PROCESSED,
    // A seek call has returned: place; offset, or one of SIM_SEEK_*.
    SIM_SOUGHT,
    // The front half seeks by auto.offset.reset: place.
    SIM_RESET,
    // A pause call, a resume call has returned: place.
    SIM_PAUSED,
    SIM_RESUMED,
    // A call begins: `call`, and the deadline in `end`; `name` of the call.
    SIM_CALL_BEGAN,
    // The same has returned; the error in `offset`.
    SIM_CALL_ENDED,
    // The application is inside a callback of that call; and has come out of it.
    SIM_CALLBACK_BEGAN,
    SIM_CALLBACK_ENDED,
    // The process of the member is gone, without a word.
    SIM_KILLED,
    // After close, the back half has ended too: bytes still allocated in `offset`.
    SIM_FREED,
    // on_assigned, on_revoked, on_lost begins: each place of it.
    SIM_ON_ASSIGNED,
    SIM_ON_REVOKED,
    SIM_ON_LOST,
    // commit_async was called with a function: the number of that call. The function runs: the
    // same number in `call`.
    SIM_ASKED_COMMIT,
    SIM_ON_COMMIT,
    // On the wire, as tap.h sees it; `call` is the number of the request.
    SIM_SENT, // any request but those below and fetches: API key in `offset`, node in `end`
    SIM_SENT_JOIN,         // the same
    SIM_SENT_HEARTBEAT,    // generation in `offset`, node in `end`
    SIM_SENT_COMMIT,       // place, offset; generation in `end`
    SIM_SENT_QUESTION,     // what is committed? API key in `offset`, node in `end`
    SIM_TOLD_GENERATION,   // a join succeeded: generation in `offset`
    SIM_TOLD_FENCED,       // who spoke under the generation in `offset` may not any more
    SIM_COMMIT_TAKEN,      // place, offset
    SIM_COMMIT_REFUSED,    // place, offset; the broker's code in `end`
    SIM_TOLD_COMMITTED,    // place, offset; -1: nothing
    SIM_TOLD_OUT_OF_RANGE, // place
    // In calm: the group is to own this place.
    SIM_WANTED,
    // No more faults.
    SIM_CALM,
    // The end of a run in which everything was consumed and all members were closed.
    SIM_DRAINED,
};

#define SIM_SEEK_BEGINNING (-2)
#define SIM_SEEK_END       (-1)

struct sim_event {
    int64_t at_ns;
    enum sim_event_kind kind;
    int member; // -1: none
    int place;  // -1: none
    int group;
    bool flag;
    int64_t offset;
    int64_t end;
    uint64_t call; // number of the call, of all calls of all members
    const char *name;
    struct dh_term term;
};

struct sim_history {
    struct sim_event *events; // owned
    size_t count;
    size_t capacity;
    bool is_traced; // each event goes to standard error too
};

void sim_history_init(struct sim_history *history);
void sim_history_deinit(struct sim_history *history);

void sim_history_add(struct sim_history *history, const struct sim_event *event);

// One line without a newline.
void sim_event_print(const struct sim_event *event, char *text, size_t size);

#endif
