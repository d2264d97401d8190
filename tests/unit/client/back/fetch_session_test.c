// SPDX-License-Identifier: MIT
#include "client/back/fetch_session.h"

#include "../../test.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/mem.h"

#include "client/back/reactions.h"

static const struct dh_uuid id_a = {{1}};
static const struct dh_uuid id_b = {{2}};

static struct dh_fetch_want want_at(int64_t offset)
{
    return (struct dh_fetch_want){
        .slot = 3,
        .term = {.assignment = 1},
        .fetch_offset = offset,
        .last_fetched_epoch = -1,
        .leader_epoch = -1,
        .bytes_max = 100,
    };
}

static struct dh_fetch_session_entry *add(struct dh_fetch_session *session,
                                          const char *topic, struct dh_uuid id,
                                          int32_t partition, int64_t offset)
{
    struct dh_fetch_want want = want_at(offset);
    struct dh_fetch_session_entry *entry =
        dh_fetch_session_add(session, topic, &id, partition, &want);
    assert_non_null(entry);
    return entry;
}

static void update(struct dh_fetch_session *session, struct dh_fetch_session_entry *entry,
                   int64_t offset)
{
    struct dh_fetch_want want = want_at(offset);
    dh_fetch_session_update(session, entry, &want);
}

// "a0@5 b1@7 -a2": what the next request would say.
static const char *request_text(struct dh_fetch_session *session)
{
    static char text[256];
    size_t size = 0;
    text[0] = 0;
    DH_LIST_EACH(link, &session->changed)
    {
        const struct dh_fetch_session_entry *entry =
            DH_CONTAINER_OF(link, struct dh_fetch_session_entry, changed_link);
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s%d@%d",
                                 size > 0 ? " " : "", entry->topic, entry->partition,
                                 (int)entry->want.fetch_offset);
    }
    DH_LIST_EACH(link, &session->forgotten)
    {
        const struct dh_fetch_session_entry *entry =
            DH_CONTAINER_OF(link, struct dh_fetch_session_entry, link);
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s-%s%d",
                                 size > 0 ? " " : "", entry->topic, entry->partition);
    }
    return text;
}

static void assert_request(struct dh_fetch_session *session, int32_t id, int32_t epoch,
                           const char *text)
{
    assert_int_equal(0, dh_fetch_session_prepare(session, session->uses_ids));
    assert_int_equal(id, session->id);
    assert_int_equal(epoch, session->epoch);
    assert_string_equal(text, request_text(session));
    dh_fetch_session_on_sent(session);
}

static void assert_good(struct dh_fetch_session *session, int32_t id, size_t count)
{
    assert_int_equal(DH_FETCH_SESSION_GOOD,
                     dh_fetch_session_on_response(session, id, 0, count));
}

static void responses_move_id_and_epoch(void **state)
{
    (void)state;

    static const struct {
        int32_t id, epoch; // before; epoch 0: a full request of one partition was sent
        int32_t response_id;
        int16_t code;
        size_t count;
        enum dh_fetch_session_verdict verdict;
        int32_t id_after, epoch_after;
    } rows[] = {
        {0, 0, 77, 0, 1, DH_FETCH_SESSION_GOOD, 77, 1},          // opened
        {77, 1, 77, 0, 0, DH_FETCH_SESSION_GOOD, 77, 2},         // no news
        {77, INT32_MAX, 77, 0, 1, DH_FETCH_SESSION_GOOD, 77, 1}, // wraps
        {77, 5, 0, 70, 0, DH_FETCH_SESSION_RESET, 0, 0},         // not found
        {77, 5, 0, 71, 0, DH_FETCH_SESSION_RESET, 77, 0},        // wrong epoch: close it
        {77, 5, 0, 106, 0, DH_FETCH_SESSION_RESET, 77, 0},       // ids mixed with names
        {0, 0, 0, 0, 1, DH_FETCH_SESSION_GOOD, 0, 0},            // cache full
        {77, 5, 0, 0, 1, DH_FETCH_SESSION_GOOD, 0, 0},           // evicted
        {77, 5, 78, 0, 1, DH_FETCH_SESSION_RESET, 77, 0},        // not our session
        {0, 0, 77, 0, 0, DH_FETCH_SESSION_RESET, 77, 0},         // not all of them
        {0, 0, 77, 0, 2, DH_FETCH_SESSION_RESET, 77, 0},         // more than asked
        {77, 0, 78, 0, 1, DH_FETCH_SESSION_GOOD, 78, 1},         // closed and opened
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct dh_fetch_session session;
        dh_fetch_session_init(&session, &memory.allocator, 1);
        (void)add(&session, "a", id_a, 0, 5);
        session.id = rows[i].id;
        session.epoch = rows[i].epoch;
        assert_int_equal(0, dh_fetch_session_prepare(&session, true));
        dh_fetch_session_on_sent(&session);

        assert_int_equal(rows[i].verdict,
                         dh_fetch_session_on_response(&session, rows[i].response_id,
                                                      rows[i].code, rows[i].count));

        assert_int_equal(rows[i].id_after, session.id);
        assert_int_equal(rows[i].epoch_after, session.epoch);
        dh_fetch_session_deinit(&session);
        assert_int_equal(0, memory.bytes);
    }
}

static void only_what_changed_is_named(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_fetch_session session;
    dh_fetch_session_init(&session, &memory.allocator, 1);
    struct dh_fetch_session_entry *a0 = add(&session, "a", id_a, 0, 5);
    struct dh_fetch_session_entry *a1 = add(&session, "a", id_a, 1, 6);
    assert_request(&session, 0, 0, "a0@5 a1@6");
    assert_good(&session, 77, 2);

    assert_request(&session, 77, 1, ""); // nothing new
    assert_good(&session, 77, 0);

    update(&session, a1, 9); // data came
    assert_request(&session, 77, 2, "a1@9");
    assert_good(&session, 77, 0);

    update(&session, a0, 7); // there and back again is no change
    update(&session, a0, 5);
    assert_request(&session, 77, 3, "");
    assert_good(&session, 77, 0);

    struct dh_fetch_want sought = want_at(5); // a seek to where it was: another term
    sought.term.position = 1;
    dh_fetch_session_update(&session, a0, &sought);
    (void)add(&session, "b", id_b, 0, 1);
    dh_fetch_session_forget(&session, a1);
    assert_request(&session, 77, 4, "a0@5 b0@1 -a1");
    assert_int_equal(1, a0->asked.term.position);
    assert_good(&session, 77, 0);

    assert_request(&session, 77, 5, "");
    dh_fetch_session_deinit(&session);
    assert_int_equal(0, memory.bytes);
}

static void what_the_broker_never_knew_is_not_forgotten(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_fetch_session session;
    dh_fetch_session_init(&session, &memory.allocator, 1);
    (void)add(&session, "a", id_a, 0, 5);
    assert_request(&session, 0, 0, "a0@5");
    assert_good(&session, 77, 1);

    dh_fetch_session_forget(&session, add(&session, "a", id_a, 1, 6));
    assert_request(&session, 77, 1, "");

    dh_fetch_session_deinit(&session);
    assert_int_equal(0, memory.bytes);
}

static void a_partition_that_comes_back_before_it_was_forgotten_stays(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_fetch_session session;
    dh_fetch_session_init(&session, &memory.allocator, 1);
    struct dh_fetch_session_entry *entry = add(&session, "a", id_a, 0, 5);
    assert_request(&session, 0, 0, "a0@5");
    assert_good(&session, 77, 1);

    dh_fetch_session_forget(&session, entry);
    assert_ptr_equal(entry, add(&session, "a", id_a, 0, 5)); // the same term and offset
    assert_request(&session, 77, 1, "");
    assert_good(&session, 77, 0);
    dh_fetch_session_forget(&session, entry);
    (void)add(&session, "a", id_a, 0, 8);
    assert_request(&session, 77, 2, "a0@8");

    dh_fetch_session_deinit(&session);
    assert_int_equal(0, memory.bytes);
}

static void after_a_failure_everything_is_named_in_fetch_order(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_fetch_session session;
    dh_fetch_session_init(&session, &memory.allocator, 1);
    struct dh_fetch_session_entry *a0 = add(&session, "a", id_a, 0, 5);
    (void)add(&session, "a", id_a, 1, 6);
    struct dh_fetch_session_entry *a2 = add(&session, "a", id_a, 2, 7);
    assert_request(&session, 0, 0, "a0@5 a1@6 a2@7");
    assert_good(&session, 77, 3);
    dh_fetch_session_rotate(&session, a0); // it delivered (CL-082)
    dh_fetch_session_forget(&session, a2);
    assert_request(&session, 77, 1, "-a2");

    dh_fetch_session_on_failure(&session); // CL-102
    assert_request(&session, 77, 0, "a1@6 a0@5");
    assert_good(&session, 78, 2);
    assert_request(&session, 78, 1, "");

    dh_fetch_session_deinit(&session);
    assert_int_equal(0, memory.bytes);
}

static void a_recreated_topic_replaces_the_old_one(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_fetch_session session;
    dh_fetch_session_init(&session, &memory.allocator, 1);
    struct dh_fetch_session_entry *old = add(&session, "a", id_a, 0, 5);
    assert_request(&session, 0, 0, "a0@5");
    assert_good(&session, 77, 1);

    dh_fetch_session_forget(&session, old);
    (void)add(&session, "a", id_b, 0, 0);
    assert_request(&session, 77, 1, "a0@0 -a0"); // CL-104
    assert_non_null(dh_fetch_session_find(&session, DH_BYTES_NULL, &id_b, 0));
    assert_null(dh_fetch_session_find(&session, DH_BYTES_NULL, &id_a, 0));

    dh_fetch_session_deinit(&session);
    assert_int_equal(0, memory.bytes);
}

static void names_and_ids_never_mix(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_fetch_session session;
    dh_fetch_session_init(&session, &memory.allocator, 1);
    struct dh_fetch_session_entry *a0 = add(&session, "a", id_a, 0, 5);
    (void)add(&session, "a", id_a, 1, 5);
    assert_request(&session, 0, 0, "a0@5 a1@5");
    assert_good(&session, 77, 2);
    assert_non_null(dh_fetch_session_find(&session, DH_BYTES("a"), &id_a, 0));
    dh_fetch_session_forget(&session, a0);

    // A broker that only knows names: version 12.
    assert_int_equal(0, dh_fetch_session_prepare(&session, false));
    assert_request(&session, 77, 0, "a1@5");
    assert_good(&session, 78, 1);
    assert_non_null(dh_fetch_session_find(&session, DH_BYTES("a"), &id_b, 1));
    assert_null(dh_fetch_session_find(&session, DH_BYTES("a"), &id_b, 0));
    assert_null(dh_fetch_session_find(&session, DH_BYTES("b"), &id_a, 1));
    assert_null(dh_fetch_session_find(
        &session, DH_BYTES("longer than any name that was ever added"), &id_a, 1));

    dh_fetch_session_deinit(&session);
    assert_int_equal(0, memory.bytes);
}

static void only_what_was_asked_is_found(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_fetch_session session;
    dh_fetch_session_init(&session, &memory.allocator, 1);
    struct dh_fetch_session_entry *a0 = add(&session, "a", id_a, 0, 5);
    assert_request(&session, 0, 0, "a0@5");
    (void)add(&session, "a", id_a, 1, 5); // while the request is in flight
    dh_fetch_session_forget(&session, a0);

    assert_good(&session, 77, 1);
    assert_ptr_equal(a0, dh_fetch_session_find(&session, DH_BYTES_NULL, &id_a, 0));
    assert_null(dh_fetch_session_find(&session, DH_BYTES_NULL, &id_a, 1)); // S30
    assert_null(dh_fetch_session_find(&session, DH_BYTES_NULL, &id_b, 0));
    dh_fetch_session_on_unsolicited(&session);
    assert_request(&session, 77, 0, "a1@5");

    dh_fetch_session_deinit(&session);
    assert_int_equal(0, memory.bytes);
}

// A request could not be made: what it would have said is said by the next one.
static void a_request_that_was_not_sent_changes_nothing(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_fetch_session session;
    dh_fetch_session_init(&session, &memory.allocator, 1);
    (void)add(&session, "a", id_a, 0, 5);

    assert_int_equal(0, dh_fetch_session_prepare(&session, true));
    assert_request(&session, 0, 0, "a0@5");

    dh_fetch_session_deinit(&session);
    assert_int_equal(0, memory.bytes);
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    size_t calls = 0;
    for (size_t fail_at = 0; fail_at <= calls; fail_at++) {
        struct test_memory memory;
        test_memory_init(&memory);
        memory.fail_at = fail_at;
        struct dh_fetch_session session;
        dh_fetch_session_init(&session, &memory.allocator, 1);
        struct dh_fetch_want want = want_at(5);
        for (int32_t i = 0; i < 3; i++) {
            if (dh_fetch_session_add(&session, "a", &id_a, i, &want) == NULL) {
                break;
            }
        }
        int err = dh_fetch_session_prepare(&session, false);
        if (fail_at == 0) {
            calls = memory.calls;
            assert_int_equal(0, err);
        }
        // Later there is memory again, and both ways lead on.
        memory.fail_at = 0;
        assert_int_equal(0, dh_fetch_session_prepare(&session, fail_at % 2 == 0));
        dh_fetch_session_on_sent(&session);
        assert_good(&session, 77, session.wanted_count);
        size_t found = 0;
        for (int32_t i = 0; i < 3; i++) {
            found += dh_fetch_session_find(&session, DH_BYTES("a"), &id_a, i) != NULL;
        }
        assert_int_equal(session.wanted_count, found);
        dh_fetch_session_deinit(&session);
        assert_int_equal(0, memory.bytes);
    }
}

// Brokers before 2.8 give no ids; whether they do is not known before the first fetch.
static void topics_without_ids_do_not_collide(void **state)
{
    (void)state;
    static const struct dh_uuid none;
    struct dh_fetch_session session;
    dh_fetch_session_init(&session, dh_mem_default(), 1);
    struct dh_fetch_session_entry *a = add(&session, "a", none, 0, 5);
    struct dh_fetch_session_entry *b = add(&session, "b", none, 0, 7);
    assert_ptr_not_equal(a, b);
    assert_int_equal(0, dh_fetch_session_prepare(&session, false));
    assert_request(&session, 0, 0, "a0@5 b0@7");
    assert_ptr_equal(b, dh_fetch_session_find(&session, DH_BYTES("b"), &none, 0));
    dh_fetch_session_deinit(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses_move_id_and_epoch),
        cmocka_unit_test(only_what_changed_is_named),
        cmocka_unit_test(what_the_broker_never_knew_is_not_forgotten),
        cmocka_unit_test(a_partition_that_comes_back_before_it_was_forgotten_stays),
        cmocka_unit_test(after_a_failure_everything_is_named_in_fetch_order),
        cmocka_unit_test(a_recreated_topic_replaces_the_old_one),
        cmocka_unit_test(names_and_ids_never_mix),
        cmocka_unit_test(only_what_was_asked_is_found),
        cmocka_unit_test(a_request_that_was_not_sent_changes_nothing),
        cmocka_unit_test(topics_without_ids_do_not_collide),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
