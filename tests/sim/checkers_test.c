// SPDX-License-Identifier: MIT
/*
 * Each checker against histories written by hand: it must reject what is wrong, and
 * take what looks like it but is right.
 */
#include "checkers.h"
#include "wire/gen/broker_errors.h"

#include "../unit/test.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"

#define EVENTS_MAX 16

// Events of member 1 at place 2, of group 0, unless a row says otherwise.
#define PLAIN(what)                                                                      \
    {                                                                                    \
        .kind = SIM_##what, .member = 1, .place = 2                                      \
    }
#define EVENT(what, ...)                                                                 \
    {                                                                                    \
        .kind = SIM_##what, .member = 1, .place = 2, __VA_ARGS__                         \
    }
#define STARTED            EVENT(STARTED, .flag = true)
#define APPENDED(from, to) EVENT(APPENDED, .offset = (from), .end = (to), .flag = true)
#define GAP(from, to)      EVENT(APPENDED, .offset = (from), .end = (to))
#define RECORD(at, number)                                                               \
    EVENT(APPENDED, .offset = (at), .end = (at) + 1, .flag = true, .call = (number))
#define GIVEN(at, number) GIVEN_IN(at, number, 0)
#define GIVEN_IN(at, number, p)                                                          \
    EVENT(DELIVERED, .offset = (at), .term = {1, (p)}, .flag = true, .call = (number))
#define OWNED         EVENT(OWNED, .term = {1, 0})
#define DISOWNED      EVENT(DISOWNED, .offset = -1)
#define TERM(a, p)    EVENT(TERM, .term = {(a), (p)})
#define POSITION(at)  EVENT(POSITION, .offset = (at), .term = {1, 0})
#define DELIVERED(at) EVENT(DELIVERED, .offset = (at), .term = {1, 0}, .flag = true)
#define DELIVERED_IN(at, p)                                                              \
    EVENT(DELIVERED, .offset = (at), .term = {1, (p)}, .flag = true)
#define PROCESSED(at)     EVENT(PROCESSED, .offset = (at))
#define COMMITTED(at)     EVENT(COMMITTED, .offset = (at))
#define SOUGHT(to)        EVENT(SOUGHT, .offset = (to))
#define CALL(what, until) EVENT(CALL_BEGAN, .call = 7, .name = (what), .end = (until))
#define RETURNED(at)      EVENT(CALL_ENDED, .call = 7, .at_ns = (at))
#define AT(what, at)      EVENT(what, .call = 7, .at_ns = (at))
#define GENERATION(of)    EVENT(TOLD_GENERATION, .offset = (of))
#define FENCED(from)      EVENT(TOLD_FENCED, .offset = (from))
#define HEARTBEAT(in)     EVENT(SENT_HEARTBEAT, .offset = (in))
#define ASKED(number)     EVENT(ASKED_COMMIT, .call = (number))
#define ON_COMMIT(number) EVENT(ON_COMMIT, .call = (number))
#define SENT(at)          EVENT(SENT_COMMIT, .offset = (at), .end = 1, .call = 3)
#define TAKEN(at)         EVENT(COMMIT_TAKEN, .offset = (at), .call = 3)
#define QUESTION          EVENT(SENT_QUESTION, .call = 9)
#define TOLD(at)          EVENT(TOLD_COMMITTED, .offset = (at), .call = 9)
// The event before it, so many times more.
#define TIMES(more)                                                                      \
    {                                                                                    \
        .member = -2, .call = (more)                                                     \
    }
// The same of another member.
#define OTHER(what, ...)                                                                 \
    {                                                                                    \
        .kind = SIM_##what, .member = 3, .place = 2, __VA_ARGS__                         \
    }
#define OWNER STARTED, APPENDED(0, 9), OWNED, TERM(1, 0), POSITION(0)

static const struct {
    const char *checker; // that must reject it; NULL: none may
    const char *what;
    struct sim_event events[EVENTS_MAX];
} rows[] = {
    {NULL,
     "the whole life of a member",
     {OWNER, DELIVERED(0), PROCESSED(0), COMMITTED(1), SOUGHT(0), TERM(1, 1),
      DELIVERED_IN(0, 1), PLAIN(PAUSED), PLAIN(RESUMED), DELIVERED_IN(1, 1), DISOWNED}},

    {"S8", "a place that was never owned", {STARTED, APPENDED(0, 9), DELIVERED(0)}},
    {"S8",
     "the notice that takes it away was taken",
     {OWNER, DELIVERED(0), DISOWNED, DELIVERED(1)}},
    {"S8", "fetched before the seek", {OWNER, SOUGHT(5), TERM(1, 1), DELIVERED(5)}},
    {"S8",
     "fetched under an earlier assignment",
     {OWNER, DISOWNED, OWNED, TERM(2, 0), DELIVERED(0)}},

    {"P1",
     "acknowledged, and nobody can read it",
     {EVENT(SENT_RECORD, .call = 5), EVENT(ACKNOWLEDGED, .call = 5, .offset = 0)}},
    {"P1",
     "acknowledged at the offset of another record",
     {RECORD(0, 5), RECORD(1, 6), EVENT(ACKNOWLEDGED, .call = 5, .offset = 1)}},
    {NULL,
     "acknowledged where it is",
     {EVENT(SENT_RECORD, .call = 5, .flag = true), RECORD(0, 5),
      EVENT(ACKNOWLEDGED, .call = 5, .offset = 0)}},
    {"P2",
     "in the log twice",
     {EVENT(SENT_RECORD, .call = 5, .flag = true), RECORD(0, 5), RECORD(1, 5)}},
    {NULL,
     "twice, from one who is not idempotent",
     {EVENT(SENT_RECORD, .call = 5), RECORD(0, 5), RECORD(1, 5)}},
    {"P3",
     "out of order",
     {EVENT(SENT_RECORD, .call = 5, .flag = true),
      EVENT(SENT_RECORD, .call = 6, .flag = true), RECORD(0, 6), RECORD(1, 5)}},
    {NULL,
     "of two producers in any order",
     {EVENT(SENT_RECORD, .call = 5, .flag = true),
      EVENT(SENT_RECORD, .group = 1, .call = 6, .flag = true), RECORD(0, 6),
      RECORD(1, 5)}},
    {"P4", "a record is lost in a restart", {APPENDED(0, 9), EVENT(KEPT, .end = 8)}},
    {NULL, "nothing is lost in a restart", {APPENDED(0, 9), EVENT(KEPT, .end = 9)}},

    {"B1", "a record that nobody has sent", {STARTED, GIVEN(0, 5)}},
    {"B1", "a record that says nothing of the kind", {STARTED, GIVEN(0, SIM_NOBODY)}},
    {"B2",
     "two records at one offset",
     {STARTED, OTHER(STARTED, .flag = true), EVENT(SENT_RECORD, .call = 5),
      EVENT(SENT_RECORD, .call = 6), GIVEN(0, 5),
      OTHER(DELIVERED, .offset = 0, .call = 6)}},
    {"B2",
     "another record than the producer was told of",
     {STARTED, EVENT(SENT_RECORD, .call = 5), EVENT(SENT_RECORD, .call = 6),
      EVENT(ACKNOWLEDGED, .call = 6, .offset = 0), GIVEN(0, 5)}},
    {"B3",
     "one that was acknowledged is left out",
     {STARTED, PLAIN(ON_ASSIGNED), GIVEN(0, 5),
      EVENT(ACKNOWLEDGED, .call = 6, .offset = 1), GIVEN(2, 7)}},
    {"B3",
     "one that another member was given is left out",
     {STARTED, EVENT(OWNED, .flag = true), GIVEN(0, 5), GIVEN(2, 7),
      OTHER(DELIVERED, .offset = 1, .call = 6)}},
    {"B3",
     "the same once more, though nobody sought",
     {STARTED, PLAIN(ON_ASSIGNED), GIVEN(0, 5), GIVEN(0, 5)}},
    {"B4",
     "an acknowledged record that nobody saw",
     {STARTED, PLAIN(WANTED), EVENT(SENT_RECORD, .call = 5),
      EVENT(ACKNOWLEDGED, .call = 5, .offset = 0), PLAIN(DRAINED)}},
    {"B4",
     "only somebody of another group has seen it",
     {EVENT(STARTED, .group = 3), PLAIN(WANTED), EVENT(SENT_RECORD, .call = 5),
      EVENT(ACKNOWLEDGED, .call = 5, .offset = 0), GIVEN(0, 5), PLAIN(DRAINED)}},
    {NULL,
     "what applications may see",
     {STARTED, RECORD(0, 5), RECORD(1, 6), EVENT(SENT_RECORD, .call = 5, .flag = true),
      EVENT(SENT_RECORD, .call = 6, .flag = true),
      EVENT(ACKNOWLEDGED, .call = 6, .offset = 1), OWNED, PLAIN(ON_ASSIGNED), TERM(1, 0),
      POSITION(0), GIVEN(0, 5), SOUGHT(0), TERM(1, 1), GIVEN_IN(0, 5, 1),
      GIVEN_IN(1, 6, 1)}},

    {"S1",
     "two owners in one generation",
     {STARTED, OTHER(STARTED, .flag = true), GENERATION(4),
      OTHER(TOLD_GENERATION, .offset = 4), OWNED, OTHER(OWNED, .term = {1, 0})}},
    {NULL,
     "the owner of an earlier generation has not heard of it",
     {STARTED, OTHER(STARTED, .flag = true), GENERATION(4), OWNED,
      OTHER(TOLD_GENERATION, .offset = 5), OTHER(OWNED, .term = {1, 0})}},
    {NULL,
     "the other was told that it is out",
     {STARTED, OTHER(STARTED, .flag = true), GENERATION(4), OWNED, FENCED(4),
      OTHER(TOLD_GENERATION, .offset = 4), OTHER(OWNED, .term = {1, 0})}},

    {"S2", "a join with something in hand", {OWNER, PLAIN(SENT_JOIN)}},
    {NULL, "a join with empty hands", {OWNER, DISOWNED, PLAIN(SENT_JOIN)}},

    {"S7", "revoked without having been assigned", {OWNER, PLAIN(ON_REVOKED)}},
    {"S7", "assigned twice", {OWNER, PLAIN(ON_ASSIGNED), PLAIN(ON_ASSIGNED)}},
    {"S7",
     "revoked and lost",
     {OWNER, PLAIN(ON_ASSIGNED), PLAIN(ON_REVOKED), PLAIN(ON_LOST)}},
    {"S7",
     "a callback after close",
     {OWNER, PLAIN(ON_ASSIGNED), CALL("close", DH_SEC), RETURNED(DH_SEC),
      PLAIN(ON_REVOKED), AT(FREED, DH_SEC)}},
    {NULL,
     "assigned, lost, assigned, revoked",
     {OWNER, PLAIN(ON_ASSIGNED), PLAIN(ON_LOST), PLAIN(ON_ASSIGNED), PLAIN(ON_REVOKED)}},

    {"S9",
     "a heartbeat after it was told twice",
     {STARTED, GENERATION(4), HEARTBEAT(4), FENCED(4), HEARTBEAT(4), FENCED(4),
      HEARTBEAT(4)}},
    {"S9",
     "a commit after it was told twice",
     {STARTED, APPENDED(0, 9), GENERATION(1), HEARTBEAT(1), FENCED(1), HEARTBEAT(1),
      FENCED(1), OWNED, POSITION(0), SENT(0)}},
    {NULL,
     "a heartbeat in the next generation",
     {STARTED, GENERATION(4), HEARTBEAT(4), FENCED(4), HEARTBEAT(4), FENCED(4),
      GENERATION(5), HEARTBEAT(5)}},

    {"S31", "a reset out of the blue", {OWNER, PLAIN(RESET)}},
    {"S31",
     "told under the assignment before",
     {OWNER, PLAIN(TOLD_OUT_OF_RANGE), DISOWNED, OWNED, PLAIN(RESET)}},

    {"S40",
     "what the last poll has returned is committed",
     {OWNER, GENERATION(1), CALL("poll", DH_SEC), RETURNED(0), DELIVERED(0), PROCESSED(0),
      SENT(1)}},
    {"S40",
     "more than the application was given",
     {OWNER, GENERATION(1), DELIVERED(0), CALL("commit_sync", DH_SEC), SENT(2)}},
    {NULL,
     "committed when the next poll has begun",
     {OWNER, GENERATION(1), CALL("poll", DH_SEC), RETURNED(0), DELIVERED(0), PROCESSED(0),
      CALL("poll", DH_SEC), SENT(1), RETURNED(0)}},
    {NULL,
     "a gap behind the last record is passed",
     {STARTED, APPENDED(0, 1), GAP(1, 4), OWNED, TERM(1, 0), POSITION(0), GENERATION(1),
      DELIVERED(0), PROCESSED(0), CALL("close", DH_SEC), SENT(4), RETURNED(0),
      AT(FREED, 0)}},

    {"S41", "beyond the end", {STARTED, APPENDED(0, 9), SENT(10)}},
    {"S41", "below nothing", {STARTED, APPENDED(0, 9), SENT(-1)}},

    {"S42",
     "a commit that falls",
     {OWNER, DELIVERED(0), DELIVERED(1), CALL("poll", DH_SEC), SENT(2), SENT(1)}},
    {"S42",
     "two falls and one seek",
     {OWNER, DELIVERED(0), DELIVERED(1), CALL("poll", DH_SEC), SENT(2), SOUGHT(0),
      SENT(0), SENT(2), SENT(0)}},
    {NULL,
     "a commit that falls with a seek",
     {OWNER, DELIVERED(0), DELIVERED(1), CALL("poll", DH_SEC), RETURNED(0), SENT(2),
      SOUGHT(1), SENT(1)}},

    {"S45",
     "what was taken is forgotten",
     {STARTED, APPENDED(0, 9), SENT(0), TAKEN(0), QUESTION, TOLD(-1)}},
    {"S45",
     "an older one is told",
     {OWNER, SENT(0), TAKEN(0), DELIVERED(0), DELIVERED(1), CALL("poll", DH_SEC),
      EVENT(SENT_COMMIT, .offset = 2, .call = 4),
      EVENT(COMMIT_TAKEN, .offset = 2, .call = 4), QUESTION, TOLD(0)}},
    {NULL,
     "one that was never answered may be told",
     {OWNER, SENT(0), TAKEN(0), DELIVERED(0), DELIVERED(1), CALL("poll", DH_SEC),
      EVENT(SENT_COMMIT, .offset = 2, .call = 4), QUESTION, TOLD(2), RETURNED(0)}},
    {"S45",
     "one that was refused is told",
     {OWNER, SENT(0), TAKEN(0), DELIVERED(0), DELIVERED(1), CALL("poll", DH_SEC),
      EVENT(SENT_COMMIT, .offset = 2, .call = 4),
      EVENT(COMMIT_REFUSED, .offset = 2, .end = DH_BROKER_ILLEGAL_GENERATION, .call = 4),
      QUESTION, TOLD(2)}},

    {"S46", "out of turn", {STARTED, ASKED(1), ASKED(2), ON_COMMIT(2)}},
    {"S46", "twice", {STARTED, ASKED(1), ON_COMMIT(1), ON_COMMIT(1)}},
    {"S46",
     "never",
     {STARTED, ASKED(1), CALL("close", DH_SEC), RETURNED(0), AT(FREED, 0)}},

    {"S20", "a record is left out", {OWNER, DELIVERED(0), DELIVERED(2)}},
    {"S20",
     "a record behind a gap is left out",
     {OWNER, GAP(9, 12), APPENDED(12, 20), SOUGHT(8), DELIVERED(8), DELIVERED(13)}},
    {NULL,
     "a gap is passed",
     {OWNER, GAP(9, 12), APPENDED(12, 20), SOUGHT(8), DELIVERED(8), DELIVERED(12)}},

    {"S21", "a record twice", {OWNER, DELIVERED(0), DELIVERED(0)}},
    {"S21", "back without a seek", {OWNER, DELIVERED(0), DELIVERED(1), DELIVERED(0)}},
    {NULL,
     "back by a reset",
     {OWNER, DELIVERED(0), PLAIN(TOLD_OUT_OF_RANGE), PLAIN(RESET), DELIVERED(0)}},

    {"S22",
     "beside what is committed",
     {STARTED, APPENDED(0, 9), PROCESSED(0), PROCESSED(1), COMMITTED(2), OWNED,
      TERM(1, 0), POSITION(1)}},
    {"S22",
     "reset though something is committed",
     {STARTED, APPENDED(0, 9), COMMITTED(0), PROCESSED(0), PROCESSED(1), COMMITTED(2),
      OWNED, TERM(1, 0), POSITION(0)}},
    {"S22",
     "the end though the reset is earliest",
     {STARTED, APPENDED(0, 9), OWNED, TERM(1, 0), POSITION(9)}},
    {"S22",
     "the beginning though the reset is latest",
     {PLAIN(STARTED), APPENDED(0, 9), OWNED, TERM(1, 0), POSITION(0)}},
    {"S22", "another record than the start", {OWNER, DELIVERED(1)}},
    {"S22",
     "a record before there is a start",
     {STARTED, APPENDED(0, 9), OWNED, TERM(1, 0), DELIVERED(0)}},
    {NULL,
     "what was committed while it looked",
     {STARTED, APPENDED(0, 9), OWNED, TERM(1, 0), PROCESSED(0), COMMITTED(1),
      POSITION(1)}},

    {"S27",
     "the record before a seek comes after it",
     {OWNER, DELIVERED(0), SOUGHT(5), TERM(1, 1), DELIVERED_IN(1, 1)}},
    {"S27",
     "the first one behind a seek is left out",
     {OWNER, SOUGHT(5), TERM(1, 1), DELIVERED_IN(6, 1)}},
    {"S27",
     "the beginning is not the beginning",
     {OWNER, DELIVERED(0), SOUGHT(SIM_SEEK_BEGINNING), TERM(1, 1), DELIVERED_IN(1, 1)}},
    {"S27",
     "the end is before the end",
     {OWNER, SOUGHT(SIM_SEEK_END), TERM(1, 1), DELIVERED_IN(8, 1)}},
    {NULL,
     "the end at the time of the seek",
     {OWNER, SOUGHT(SIM_SEEK_END), TERM(1, 1), APPENDED(9, 12), DELIVERED_IN(9, 1)}},

    {"S28", "paused", {OWNER, DELIVERED(0), PLAIN(PAUSED), DELIVERED(1)}},
    {NULL,
     "a new term is not paused",
     {OWNER, PLAIN(PAUSED), DISOWNED, OWNED, POSITION(0), DELIVERED(0)}},

    {"S29",
     "other bytes",
     {OWNER, EVENT(DELIVERED, .offset = 0, .term = {1, 0}, .flag = false)}},

    {"S60", "committed but not processed", {OWNER, DELIVERED(0), COMMITTED(1)}},
    {"S60",
     "one before was not processed",
     {OWNER, DELIVERED(0), DELIVERED(1), PROCESSED(1), COMMITTED(2)}},
    {"S60",
     "the end, and one was never processed",
     {STARTED, APPENDED(0, 2), PROCESSED(0), COMMITTED(1), PLAIN(DRAINED)}},

    {"S61", "again in one term", {OWNER, DELIVERED(0), DELIVERED(0)}},
    {"S61",
     "again in a term that starts behind it",
     {OWNER, DELIVERED(0), PROCESSED(0), COMMITTED(1), DISOWNED, OWNED, TERM(1, 0),
      POSITION(1), DELIVERED(0)}},
    {NULL,
     "again in another term",
     {OWNER, DELIVERED(0), DISOWNED, OWNED, TERM(1, 0), POSITION(0), DELIVERED(0)}},

    {"S63", "the second before the first", {OWNER, DELIVERED(0), PROCESSED(1)}},
    {NULL,
     "the first once more after the second",
     {OWNER, DELIVERED(0), DELIVERED(1), PROCESSED(0), PROCESSED(1), PROCESSED(0)}},

    {"L1",
     "nobody takes a place",
     {STARTED, PLAIN(CALM), PLAIN(WANTED), AT(TERM, SIM_SETTLE_NS + 1)}},
    {NULL,
     "somebody takes it",
     {STARTED, PLAIN(CALM), PLAIN(WANTED), OWNED, AT(TERM, SIM_SETTLE_NS + 1)}},

    {"L2",
     "a record waits",
     {OWNER, PLAIN(CALM),
      EVENT(DELIVERED, .offset = 0, .term = {1, 0}, .flag = true,
            .at_ns = SIM_DELIVERY_NS + 1)}},
    {NULL,
     "it was not there before",
     {STARTED,
      OWNED,
      TERM(1, 0),
      POSITION(0),
      PLAIN(CALM),
      {.kind = SIM_APPENDED,
       .member = -1,
       .place = 2,
       .end = 9,
       .flag = true,
       .at_ns = SIM_DELIVERY_NS},
      EVENT(DELIVERED, .offset = 0, .term = {1, 0}, .flag = true,
            .at_ns = SIM_DELIVERY_NS + 1)}},

    {"L4",
     "a storm",
     {STARTED, PLAIN(CALM),
      EVENT(TOLD_GENERATION, .offset = 1, .at_ns = SIM_SETTLE_NS + 1),
      EVENT(TOLD_GENERATION, .offset = 2, .at_ns = SIM_SETTLE_NS + 2),
      EVENT(TOLD_GENERATION, .offset = 3, .at_ns = SIM_SETTLE_NS + 3)}},
    {NULL,
     "somebody has come",
     {STARTED, PLAIN(CALM), OTHER(STARTED, .at_ns = SIM_SETTLE_NS),
      EVENT(TOLD_GENERATION, .offset = 1, .at_ns = SIM_SETTLE_NS + 1),
      EVENT(TOLD_GENERATION, .offset = 2, .at_ns = SIM_SETTLE_NS + 2),
      EVENT(TOLD_GENERATION, .offset = 3, .at_ns = SIM_SETTLE_NS + 3)}},

    {"L3",
     "the end, and not all is committed",
     {STARTED, APPENDED(0, 2), PROCESSED(0), PROCESSED(1), COMMITTED(1), PLAIN(DRAINED)}},
    {NULL,
     "the end",
     {STARTED, APPENDED(0, 2), PROCESSED(0), PROCESSED(1), COMMITTED(2), PLAIN(DRAINED)}},

    {"L5", "poll returns late", {CALL("poll", DH_SEC), RETURNED(2 * DH_SEC)}},
    {"L5", "commit_sync never returns", {CALL("commit_sync", DH_SEC), PLAIN(DRAINED)}},
    {NULL,
     "the time in a callback is the application's",
     {CALL("poll", DH_SEC), AT(CALLBACK_BEGAN, DH_SEC), AT(CALLBACK_ENDED, 3 * DH_SEC),
      RETURNED(3 * DH_SEC)}},
    {NULL,
     "a killed member returns from nothing",
     {CALL("poll", DH_SEC), PLAIN(KILLED), PLAIN(DRAINED)}},

    {"L6", "close returns late", {CALL("close", DH_SEC), RETURNED(2 * DH_SEC)}},
    {"L6",
     "bytes are left",
     {CALL("close", DH_SEC), RETURNED(DH_SEC),
      EVENT(FREED, .offset = 64, .at_ns = DH_SEC)}},
    {"L6",
     "the good-bye takes too long",
     {CALL("close", DH_SEC), RETURNED(DH_SEC), AT(FREED, 4 * DH_SEC)}},
    {"L6",
     "the good-bye never ends",
     {CALL("close", DH_SEC), RETURNED(DH_SEC), PLAIN(DRAINED)}},
    {NULL,
     "all is given back",
     {CALL("close", DH_SEC), RETURNED(DH_SEC), AT(FREED, DH_SEC), PLAIN(DRAINED)}},

    {"L7", "a busy loop", {STARTED, HEARTBEAT(1), TIMES(SIM_REQUESTS_MAX)}},
    {NULL,
     "as many as there may be",
     {STARTED, HEARTBEAT(1), TIMES(SIM_REQUESTS_MAX - 1)}},
};

// The kind of an event that a row does not have: SIM_APPENDED of nothing.
static bool is_unused(const struct sim_event *event)
{
    return event->member == 0;
}

static void given_history(struct sim_history *history, const struct sim_event *events)
{
    sim_history_init(history);
    for (size_t i = 0; i < EVENTS_MAX && !is_unused(&events[i]); i++) {
        uint64_t count = events[i].member == -2 ? events[i].call : 1;
        const struct sim_event *event = &events[events[i].member == -2 ? i - 1 : i];
        while (count-- > 0) {
            sim_history_add(history, event);
        }
    }
}

static void each_checker_rejects_what_is_planted(void **state)
{
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct sim_history history;
        given_history(&history, rows[i].events);
        for (size_t j = 0; j < sim_checker_count; j++) {
            struct sim_violation violation = {.text = ""};
            bool holds = sim_checkers[j].holds(&history, &violation);
            bool is_expected = rows[i].checker != NULL &&
                               strcmp(rows[i].checker, sim_checkers[j].name) == 0;
            if (is_expected && holds) {
                fail_msg("%s takes: %s", sim_checkers[j].name, rows[i].what);
            }
            if (rows[i].checker == NULL && !holds) {
                fail_msg("%s rejects: %s (%s)", sim_checkers[j].name, rows[i].what,
                         violation.text);
            }
            assert_int_equal(!holds, violation.text[0] != '\0');
        }
        sim_history_deinit(&history);
    }
}

// A checker without a history that it must reject has shown nothing.
static void no_checker_is_without_a_plant(void **state)
{
    (void)state;
    for (size_t j = 0; j < sim_checker_count; j++) {
        size_t count = 0;
        for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
            count += rows[i].checker != NULL &&
                     strcmp(rows[i].checker, sim_checkers[j].name) == 0;
        }
        assert_true(count > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_checker_rejects_what_is_planted),
        cmocka_unit_test(no_checker_is_without_a_plant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
