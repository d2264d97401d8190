// SPDX-License-Identifier: MIT
// Sessions and their cache, without any broker (CL-100.., X-105.., BR-008).
#include "broker/fetch_sessions.h"

#include <dohle/error.h>

#include "../test.h"
#include "base/bytes.h"
#include "wire/gen/broker_errors.h"

#define NAMES  12 // a version that names topics
#define IDS    13 // one that has their ids
#define MINUTE (60 * DH_SEC)

static void on_woken(struct dh_broker *broker, struct dh_broker_place *place)
{
    (void)broker;
    (void)place;
}

struct fixture {
    struct test_memory memory;
    struct dh_broker_fetch_sessions cache;
    int64_t now_ns;
    int16_t code;
};

static void fixture_init(struct fixture *f, size_t slots)
{
    memset(f, 0, sizeof(*f));
    test_memory_init(&f->memory);
    dh_broker_fetch_sessions_init(&f->cache, &f->memory.allocator, slots, 42);
}

static void fixture_deinit(struct fixture *f)
{
    dh_broker_fetch_sessions_deinit(&f->cache);
    assert_int_equal(0, f->memory.bytes);
}

// A request for `count` partitions of one topic, from number `first` on.
struct ask {
    int32_t id;
    int32_t epoch;
    int32_t first;
    int32_t count;
    int32_t forget_first;
    int32_t forget_count;
    int64_t offset;
    bool uses_ids;
};

#define ASK_MAX 64

static struct dh_broker_fetch_session *begin(struct fixture *f, struct ask ask)
{
    struct dh_fetch_request_topic_partition partitions[ASK_MAX];
    struct dh_fetch_request_topic topic = {.partitions = {partitions, ask.count}};
    int32_t numbers[ASK_MAX];
    struct dh_fetch_request_forgotten_topics_data forgotten = {
        .partitions = {numbers, ask.forget_count}};
    if (ask.uses_ids) {
        topic.topic_id.bytes[0] = 1;
        forgotten.topic_id = topic.topic_id;
    } else {
        topic.topic = DH_BYTES("orders");
        forgotten.topic = topic.topic;
    }
    for (int32_t i = 0; i < ask.count; i++) {
        partitions[i] = (struct dh_fetch_request_topic_partition){
            .partition = ask.first + i,
            .current_leader_epoch = -1,
            .fetch_offset = ask.offset,
            .last_fetched_epoch = -1,
            .partition_max_bytes = 1000,
        };
    }
    for (int32_t i = 0; i < ask.forget_count; i++) {
        numbers[i] = ask.forget_first + i;
    }
    struct dh_fetch_request request = {
        .session_id = ask.id,
        .session_epoch = ask.epoch,
        .topics = {&topic, 1},
        .forgotten_topics_data = {&forgotten, ask.forget_count == 0 ? 0 : 1},
    };
    struct dh_broker_fetch_session *session;
    int err =
        dh_broker_fetch_sessions_begin(&f->cache, &request, ask.uses_ids ? IDS : NAMES,
                                       f->now_ns, on_woken, &session, &f->code);
    assert_int_equal(err == DOHLE_ERR_INVALID_STATE, f->code != 0);
    assert_int_equal(err == 0, session != NULL);
    return session;
}

// Answers a full fetch, which keeps the session if it can. Returns its id.
static int32_t open_session(struct fixture *f, int32_t count)
{
    struct dh_broker_fetch_session *session = begin(f, (struct ask){.count = count});
    dh_broker_fetch_sessions_keep(&f->cache, session, f->now_ns);
    int32_t id = session->id;
    dh_broker_fetch_session_end_request(session);
    return id;
}

// Fetches in the session; returns the code.
static int16_t use(struct fixture *f, int32_t id, int32_t epoch)
{
    struct dh_broker_fetch_session *session =
        begin(f, (struct ask){.id = id, .epoch = epoch});
    if (session != NULL) {
        dh_broker_fetch_session_end_request(session);
    }
    return f->code;
}

static void test_epochs(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 10);
    int32_t id = open_session(&f, 3);
    assert_true(id > 0);
    assert_int_equal(0, use(&f, id, 1));
    assert_int_equal(0, use(&f, id, 2));
    assert_int_equal(DH_BROKER_INVALID_FETCH_SESSION_EPOCH, use(&f, id, 2));
    assert_int_equal(DH_BROKER_INVALID_FETCH_SESSION_EPOCH, use(&f, id, 4));
    assert_int_equal(DH_BROKER_FETCH_SESSION_ID_NOT_FOUND, use(&f, id + 1, 3));
    assert_int_equal(DH_BROKER_FETCH_SESSION_ID_NOT_FOUND, use(&f, 0, 3));
    assert_int_equal(DH_BROKER_FETCH_SESSION_ID_NOT_FOUND, use(&f, -5, 3));
    assert_int_equal(0, use(&f, id, 3));

    // after the last epoch comes 1.
    struct dh_broker_fetch_session *session =
        begin(&f, (struct ask){.id = id, .epoch = 4});
    session->epoch = INT32_MAX;
    dh_broker_fetch_session_end_request(session);
    assert_int_equal(0, use(&f, id, INT32_MAX));
    assert_int_equal(0, use(&f, id, 1));
    fixture_deinit(&f);
}

// A full fetch, or a final one, ends the session that it names.
static void test_full_ends_session(void **state)
{
    (void)state;
    for (int32_t epoch = -1; epoch <= 0; epoch++) {
        struct fixture f;
        fixture_init(&f, 10);
        int32_t id = open_session(&f, 3);
        struct dh_broker_fetch_session *session =
            begin(&f, (struct ask){.id = id, .epoch = epoch, .count = 2});
        dh_broker_fetch_sessions_keep(&f.cache, session, 0);
        assert_int_equal(epoch == 0, session->id != 0);
        dh_broker_fetch_session_end_request(session);
        assert_int_equal(DH_BROKER_FETCH_SESSION_ID_NOT_FOUND, use(&f, id, 1));
        fixture_deinit(&f);
    }
}

static void test_adds_changes_forgets(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 10);
    int32_t id = open_session(&f, 3);
    struct dh_broker_fetch_session *session = begin(
        &f, (struct ask){.id = id, .epoch = 1, .first = 2, .count = 2, .offset = 7});
    assert_int_equal(4, dh_broker_fetch_session_size(session));
    assert_int_equal(
        0,
        dh_broker_fetch_session_find(session, DH_BYTES("orders"), NULL, 1)->fetch_offset);
    assert_int_equal(
        7,
        dh_broker_fetch_session_find(session, DH_BYTES("orders"), NULL, 2)->fetch_offset);
    dh_broker_fetch_session_end_request(session);

    // what is forgotten is gone; of a topic that nothing is left of, too.
    session = begin(
        &f, (struct ask){.id = id, .epoch = 2, .forget_first = 1, .forget_count = 2});
    assert_int_equal(2, dh_broker_fetch_session_size(session));
    assert_null(dh_broker_fetch_session_find(session, DH_BYTES("orders"), NULL, 1));
    assert_non_null(dh_broker_fetch_session_find(session, DH_BYTES("orders"), NULL, 3));
    assert_null(dh_broker_fetch_session_find(session, DH_BYTES("other"), NULL, 3));
    assert_int_equal(2, session->fresh_count);
    dh_broker_fetch_session_end_request(session);

    // An empty session is none: this fetch is its last, and says so.
    session = begin(
        &f, (struct ask){.id = id, .epoch = 3, .forget_first = 0, .forget_count = 60});
    assert_int_equal(0, session->id);
    assert_int_equal(0, session->topics.count);
    dh_broker_fetch_session_end_request(session);
    assert_int_equal(DH_BROKER_FETCH_SESSION_ID_NOT_FOUND, use(&f, id, 4));
    fixture_deinit(&f);
}

static void test_names_and_ids_do_not_mix(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 10);
    int32_t id = open_session(&f, 1);
    begin(&f, (struct ask){.id = id, .epoch = 1, .uses_ids = true});
    assert_int_equal(DH_BROKER_FETCH_SESSION_TOPIC_ID_ERROR, f.code);
    struct dh_broker_fetch_session *session =
        begin(&f, (struct ask){.count = 1, .uses_ids = true});
    dh_broker_fetch_sessions_keep(&f.cache, session, 0);
    struct dh_uuid topic_id = {.bytes = {1}};
    assert_non_null(dh_broker_fetch_session_find(session, DH_BYTES_NULL, &topic_id, 0));
    id = session->id;
    dh_broker_fetch_session_end_request(session);
    assert_int_equal(DH_BROKER_FETCH_SESSION_TOPIC_ID_ERROR, use(&f, id, 1));
    fixture_deinit(&f);
}

// without slots there are no sessions.
static void test_no_slots(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 0);
    assert_int_equal(0, open_session(&f, 3));
    fixture_deinit(&f);
}

// Who goes when there is no room.
static void test_eviction(void **state)
{
    (void)state;

    static const struct {
        bool is_let_in;
        int64_t age_ns;  // of the old session when it was last used
        int64_t idle_ns; // since then
        int32_t old_size;
        int32_t new_size;
    } rows[] = {
        {false, 0, 0, 5, 50},
        {false, 0, 2 * MINUTE, 5, 5},             // not idle long enough
        {true, 0, 2 * MINUTE + 1, 5, 1},          // idle: any newcomer
        {false, 2 * MINUTE, 0, 5, 50},            // not old enough
        {true, 2 * MINUTE + 1, 0, 5, 6},          // old, and smaller
        {false, 2 * MINUTE + 1, 0, 5, 5},         // not smaller
        {false, 2 * MINUTE + 1, 0, 5, 4},         // larger
        {true, 2 * MINUTE + 1, MINUTE, 5, 6},     // old, in use
        {true, 2 * MINUTE + 1, 3 * MINUTE, 5, 1}, // old, and idle
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture f;
        fixture_init(&f, 1);
        int32_t old = open_session(&f, rows[i].old_size);
        f.now_ns = rows[i].age_ns;
        assert_int_equal(0, use(&f, old, 1));
        f.now_ns += rows[i].idle_ns;
        int32_t id = open_session(&f, rows[i].new_size);
        assert_int_equal(rows[i].is_let_in, id != 0);
        assert_int_equal(rows[i].is_let_in ? DH_BROKER_FETCH_SESSION_ID_NOT_FOUND : 0,
                         use(&f, old, 2));
        fixture_deinit(&f);
    }
}

// Of several that are old the smallest goes; of several that are idle the one longest so.
static void test_eviction_order(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 3);
    int32_t ids[3] = {open_session(&f, 9), open_session(&f, 7), open_session(&f, 8)};
    f.now_ns = 2 * MINUTE + 1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(0, use(&f, ids[i], 1));
    }
    assert_true(open_session(&f, 20) != 0);
    assert_int_equal(DH_BROKER_FETCH_SESSION_ID_NOT_FOUND, use(&f, ids[1], 2));
    f.now_ns += 1;
    assert_int_equal(0, use(&f, ids[0], 2));
    f.now_ns += 2 * MINUTE;
    assert_true(open_session(&f, 1) != 0);
    assert_int_equal(DH_BROKER_FETCH_SESSION_ID_NOT_FOUND, use(&f, ids[2], 2));
    assert_int_equal(0, use(&f, ids[0], 3));
    fixture_deinit(&f);
}

// A session whose request waits is not freed under it.
static void test_removed_while_waiting(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1);
    int32_t id = open_session(&f, 3);
    struct dh_broker_fetch_session *waiting =
        begin(&f, (struct ask){.id = id, .epoch = 1});
    waiting->request = (struct dh_broker_request *)&f; // any
    struct dh_broker_fetch_session *lone = begin(&f, (struct ask){.id = id, .epoch = -1});
    dh_broker_fetch_session_end_request(lone);
    assert_null(waiting->cache);
    assert_int_equal(id, waiting->id);
    assert_int_equal(3, dh_broker_fetch_session_size(waiting));
    dh_broker_fetch_session_end_request(waiting);
    fixture_deinit(&f);
}

static void test_fresh(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, 1);
    struct dh_broker_fetch_session *session = begin(&f, (struct ask){.count = 3});
    struct dh_broker_fetch_partition *first =
        dh_broker_fetch_session_find(session, DH_BYTES("orders"), NULL, 0);
    assert_int_equal(3, session->fresh_count);
    dh_broker_fetch_partition_freshen(first);
    assert_int_equal(3, session->fresh_count);
    assert_ptr_equal(&first->fresh, dh_list_first(&session->fresh));
    dh_broker_fetch_partition_settle(first);
    dh_broker_fetch_partition_settle(first);
    assert_int_equal(2, session->fresh_count);
    dh_broker_fetch_partition_freshen(first);
    assert_ptr_equal(&first->fresh, session->fresh.head.prev);
    dh_broker_fetch_partition_settle(first);
    dh_broker_fetch_session_freshen(session);
    assert_int_equal(3, session->fresh_count);
    dh_broker_fetch_session_end_request(session);
    fixture_deinit(&f);
}

static void test_memory(void **state)
{
    (void)state;
    bool has_worked = false;
    for (size_t at = 1; !has_worked; at++) {
        struct fixture f;
        fixture_init(&f, 2);
        int32_t id = open_session(&f, 2);
        f.memory.fail_at = f.memory.calls + at;
        // Adds to one session and makes another.
        struct dh_broker_fetch_session *session =
            begin(&f, (struct ask){.id = id, .epoch = 1, .count = 4});
        if (session != NULL) {
            dh_broker_fetch_session_end_request(session);
            session = begin(&f, (struct ask){.count = 3});
        }
        if (session != NULL) {
            dh_broker_fetch_sessions_keep(&f.cache, session, 0);
            has_worked = session->id != 0;
            dh_broker_fetch_session_end_request(session);
        }
        fixture_deinit(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_full_ends_session),
        cmocka_unit_test(test_adds_changes_forgets),
        cmocka_unit_test(test_names_and_ids_do_not_mix),
        cmocka_unit_test(test_no_slots),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_eviction_order),
        cmocka_unit_test(test_removed_while_waiting),
        cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
