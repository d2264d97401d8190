// SPDX-License-Identifier: MIT
#include "front_fixture.h"

// ---- Subscribing and assigning ----

static void test_subscribe_sends_with_the_first_poll(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    assert_int_equal(DOHLE_ERR_NOT_SUBSCRIBED, fixture_poll(&f));
    const char *topics[] = {"b", "a", "b"};
    assert_int_equal(0, dh_front_subscribe(f.front, topics, 3, true));
    assert_false(fixture_has(&f, DH_COMMAND_SUBSCRIBE)); // API-102
    assert_int_equal(0, fixture_poll(&f));
    struct dh_message *message = fixture_take(&f, DH_COMMAND_SUBSCRIBE);
    struct dh_command_subscribe *command =
        DH_CONTAINER_OF(message, struct dh_command_subscribe, message);
    assert_int_equal(2, command->topic_count);
    assert_string_equal("a", command->topics[0]);
    assert_string_equal("b", command->topics[1]);
    const char *const *names;
    size_t count;
    dh_front_topics(f.front, &names, &count);
    assert_int_equal(2, count);
    fixture_input(&f, message);
    assert_int_equal(0, fixture_poll(&f));
    assert_false(fixture_has(&f, DH_COMMAND_SUBSCRIBE));
    fixture_deinit(&f);
}

static void test_subscription_kinds_exclude_each_other(void **state)
{
    (void)state;

    enum wish { TOPICS, PATTERN, ASSIGN };

    for (int first = TOPICS; first <= ASSIGN; first++) {
        for (int second = TOPICS; second <= ASSIGN; second++) {
            struct fixture f;
            fixture_init(&f);
            assert_true(fixture_open(&f));
            int err = 1;
            for (int i = 0; i < 2; i++) {
                int wish = i == 0 ? first : second;
                const char *topics[] = {"t"};
                const dohle_topic_partition partitions[] = {{"t", 0}};
                if (wish == TOPICS) {
                    err = dh_front_subscribe(f.front, topics, 1, false);
                } else if (wish == PATTERN) {
                    err = dh_front_subscribe_pattern(f.front, "t.*", false);
                } else {
                    err = dh_front_assign(f.front, partitions, 1, f.now_ns);
                }
            }
            assert_int_equal(first == second ? 0 : DOHLE_ERR_INVALID_STATE,
                             err); // API-010
            fixture_deinit(&f);
        }
    }
}

static void test_wrong_arguments(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    const char *empty[] = {"a", ""};
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dh_front_subscribe(f.front, empty, 2, false));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dh_front_subscribe_pattern(f.front, "(", false));
    assert_non_null(strstr(dh_front_error(f.front)->text, "\"(\""));
    assert_int_equal(DOHLE_ERR_NOT_ASSIGNED,
                     dh_front_seek(f.front, "t", 0, DH_SEEK_OFFSET, 1, -1));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dh_front_seek(f.front, "t", 0, DH_SEEK_OFFSET, -1, -1));
    assert_int_equal(DOHLE_ERR_INVALID_STATE, dh_front_enforce_rebalance(f.front, NULL));
    const dohle_topic_partition wrong[] = {{"t", -1}};
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dh_front_assign(f.front, wrong, 1, f.now_ns));
    fixture_deinit(&f);

    fixture_init(&f);
    f.settings.group_id = NULL;
    assert_true(fixture_open(&f));
    const char *topics[] = {"t"};
    assert_int_equal(DOHLE_ERR_INVALID_GROUP,
                     dh_front_subscribe(f.front, topics, 1, false));
    dh_front_begin_commit_sync(f.front, &f.call, NULL, 0, f.now_ns, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &f.call));
    assert_int_equal(DOHLE_ERR_INVALID_GROUP, f.call.err);
    fixture_deinit(&f);
}

static void test_assign_runs_the_callback_before_any_record(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    const char *topics[] = {"t"};
    assert_int_equal(0, dh_front_subscribe(f.front, topics, 1, true));
    assert_int_equal(0, fixture_poll(&f));
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_ASSIGN, "t", 0, 2, 1, true));
    const dohle_topic_partition *partitions;
    size_t count;
    assert_int_equal(0, dh_front_partitions(f.front, false, &partitions, &count));
    assert_int_equal(0, count); // API-100: owned inside poll only
    assert_int_equal(0, f.returned_count);
    f.callback_result = 5;
    assert_int_equal(5, fixture_poll(&f)); // API-175
    assert_int_equal(1, f.callback_count);
    assert_string_equal("assigned t-0 t-1", f.callbacks[0]);
    assert_int_equal(1, f.returned_count);
    assert_int_equal(0, dh_front_partitions(f.front, false, &partitions, &count));
    assert_int_equal(2, count);
    f.callback_result = 0;
    // An empty set is told as well (API-171).
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_ASSIGN, "t", 0, 0, 1, true));
    assert_int_equal(0, fixture_poll(&f));
    assert_string_equal("assigned", f.callbacks[1]);
    // Without has_callback nothing is told.
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_REVOKE, "t", 0, 2, 1, false));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(2, f.callback_count);
    assert_int_equal(3, f.returned_count);
    const char *member_id;
    int32_t generation;
    dh_front_member(f.front, &member_id, &generation);
    assert_string_equal("me", member_id);
    assert_int_equal(7, generation);
    fixture_deinit(&f);
}

static void test_assign_by_hand_keeps_positions(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    const dohle_topic_partition first[] = {{"t", 1}, {"t", 0}};
    assert_int_equal(0, dh_front_assign(f.front, first, 2, f.now_ns));
    assert_int_equal(0, dh_front_seek(f.front, "t", 0, DH_SEEK_OFFSET, 40, -1));
    assert_false(fixture_has(&f, DH_COMMAND_ASSIGN));
    assert_int_equal(0, fixture_poll(&f));
    struct dh_message *message = fixture_take(&f, DH_COMMAND_ASSIGN);
    assert_false(fixture_has(&f, DH_COMMAND_SEEK)); // waits for its slot
    struct dh_command_assign *assign =
        DH_CONTAINER_OF(message, struct dh_command_assign, message);
    assert_int_equal(2, assign->count);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal((int32_t)i, assign->partitions[i].partition);
        assign->partitions[i].slot = 10 + i;
        assign->partitions[i].assignment = 1;
    }
    // Before the answer: t-1 goes and comes back as another row, which is not bound by it.
    const dohle_topic_partition second[] = {{"t", 0}};
    const dohle_topic_partition third[] = {{"t", 0}, {"t", 1}};
    assert_int_equal(0, dh_front_assign(f.front, second, 1, f.now_ns));
    assert_int_equal(0, dh_front_assign(f.front, third, 2, f.now_ns));
    // The back half hears of both, or it would go on where t-1 was.
    struct dh_message *without = fixture_take(&f, DH_COMMAND_ASSIGN);
    struct dh_command_assign *one =
        DH_CONTAINER_OF(without, struct dh_command_assign, message);
    assert_int_equal(1, one->count);
    one->partitions[0].slot = 10;
    one->partitions[0].assignment = 1;
    fixture_input(&f, message);
    fixture_input(&f, without);
    struct dh_message *seek = fixture_take(&f, DH_COMMAND_SEEK);
    assert_int_equal(10, DH_CONTAINER_OF(seek, struct dh_command_seek, message)->slot);
    fixture_input(&f, seek);
    fixture_input(&f, notice_chunk(&f, 11, TERM(1, 0), 0, 0, 3, 3, 3)); // stale
    fixture_input(&f, notice_chunk(&f, 10, TERM(1, 1), 40, 40, 3, 3, 43));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(3, fixture_record_count(&f));
    assert_int_equal(40, fixture_record_offset(&f, 0));
    assert_int_equal(1, f.chunks_returned);
    dh_front_begin_position(f.front, &f.call, "t", 0, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &f.call));
    assert_int_equal(43, f.call.offset);
    fixture_deinit(&f);
}

// ---- Records ----

static void test_one_record_a_poll(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.settings.max_poll_records = 1;
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 3, 3, 3));
    for (int64_t offset = 0; offset < 3; offset++) {
        assert_int_equal(0, f.chunks_returned);
        assert_int_equal(0, fixture_poll(&f));
        assert_int_equal(1, fixture_record_count(&f));
        const dohle_record *record = &dh_front_records(f.front)->records[0];
        assert_int_equal(offset, record->offset);
        assert_string_equal("t", record->topic);
        assert_int_equal('a' + offset, record->value.data[0]);
        assert_int_equal(3, record->leader_epoch);
        struct dh_call call;
        dh_front_begin_position(f.front, &call, "t", 0, f.now_ns);
        assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
        assert_int_equal(offset + 1, call.offset);
    }
    int64_t lag;
    assert_int_equal(0, dh_front_lag(f.front, "t", 0, &lag));
    assert_int_equal(10, lag);
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(0, fixture_record_count(&f));
    assert_int_equal(1, f.chunks_returned); // with the poll after the last record
    fixture_deinit(&f);
}

// API-174: inside on_assigned the back half is told to look for the position at once.
static void test_position_inside_on_assigned(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    const char *topics[] = {"t"};
    assert_int_equal(0, dh_front_subscribe(f.front, topics, 1, true));
    assert_int_equal(0, fixture_poll(&f));
    fixture_input(&f, fixture_take(&f, DH_COMMAND_SUBSCRIBE));
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_ASSIGN, "t", 0, 1, 1, true));
    dh_front_begin_poll(f.front, &f.call, f.now_ns, f.now_ns);
    assert_int_equal(DH_STEP_CALLBACK, dh_front_step(f.front, &f.call, f.now_ns));
    struct dh_call call;
    dh_front_begin_position(f.front, &call, "t", 0, f.now_ns + DH_SEC);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    struct dh_command_find *find = DH_CONTAINER_OF(fixture_take(&f, DH_COMMAND_FIND),
                                                   struct dh_command_find, message);
    assert_int_equal(0, find->slot);
    assert_int_equal(1, find->assignment);
    fixture_input(&f, &find->message);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    assert_false(fixture_has(&f, DH_COMMAND_FIND)); // once
    fixture_input(&f, notice_position(&f, 0, TERM(1, 0), 42, false));
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(0, call.err);
    assert_int_equal(42, call.offset);
    dh_front_callback_done(f.front, &f.call, 0);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &f.call));
    // Outside of callbacks it knows by itself.
    const dohle_topic_partition all[] = {{"t", 0}};
    assert_int_equal(0, dh_front_seek_all(f.front, all, 1, DH_SEEK_END));
    dh_front_begin_position(f.front, &call, "t", 0, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_false(fixture_has(&f, DH_COMMAND_FIND));
    fixture_deinit(&f);
}

// The back half is asked in time what it waits for, and its answer told; also when the
// answer comes too late, or the position comes after all.
static void test_position_says_why_it_is_late(void **state)
{
    (void)state;

    static const struct {
        bool is_answered, is_found;
        const char *expected;
    } rows[] = {
        {true, false, "position: not done in time; n:1 (node 1): no answer yet"},
        {false, false, "position: not done in time"},
        {true, true, NULL},
        {false, true, NULL},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture f;
        fixture_init(&f);
        assert_true(fixture_open(&f));
        fixture_join(&f, 1);
        const dohle_topic_partition all[] = {{"t", 0}};
        assert_int_equal(0, dh_front_seek_all(f.front, all, 1, DH_SEEK_END));
        struct dh_call call;
        dh_front_begin_position(f.front, &call, "t", 0, f.now_ns + DH_SEC);
        assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
        assert_false(fixture_has(&f, DH_COMMAND_IDLE_REASON));
        int64_t ask_ns = dh_front_deadline(f.front, &call);
        assert_true(ask_ns < f.now_ns + DH_SEC);
        f.now_ns = ask_ns;
        assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
        struct dh_command_idle_reason *command =
            DH_CONTAINER_OF(fixture_take(&f, DH_COMMAND_IDLE_REASON),
                            struct dh_command_idle_reason, message);
        snprintf(command->text, sizeof(command->text), "n:1 (node 1): no answer yet");
        if (rows[i].is_answered) {
            fixture_input(&f, &command->message);
            assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
        }
        if (rows[i].is_found) {
            fixture_input(&f, notice_position(&f, 0, TERM(1, 1), 77, false));
        }
        f.now_ns = dh_front_deadline(f.front, &call);
        assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
        assert_int_equal(rows[i].is_found ? 0 : DOHLE_ERR_TIMEOUT, call.err);
        if (rows[i].expected != NULL) {
            assert_string_equal(rows[i].expected, dh_front_error(f.front)->text);
        }
        if (!rows[i].is_answered) {
            fixture_input(&f, &command->message); // nobody waits, and nothing leaks
        }
        assert_false(fixture_has(&f, DH_COMMAND_IDLE_REASON)); // asked once
        fixture_deinit(&f);
    }
}

static void test_positions_and_what_is_passed_over(void **state)
{
    (void)state;

    static const struct {
        int64_t fetch_offset, base;
        uint32_t count;
        int64_t next_offset;
        size_t records;
        int64_t first, position;
    } rows[] = {
        {0, 0, 3, 3, 3, 0, 3}, {2, 0, 3, 3, 1, 2, 3}, // CL-085: a batch begins earlier
        {0, 0, 3, 9, 3, 0, 9},                        // CL-084: a control batch behind it
        {0, 0, 0, 9, 0, 0, 9},                        // nothing to deliver
        {3, 0, 3, 9, 0, 0, 9},                        // only records below
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture f;
        fixture_init(&f);
        assert_true(fixture_open(&f));
        fixture_join(&f, 1);
        fixture_input(&f,
                      notice_position(&f, 0, TERM(1, 0), rows[i].fetch_offset, false));
        fixture_input(&f,
                      notice_chunk(&f, 0, TERM(1, 0), rows[i].fetch_offset, rows[i].base,
                                   rows[i].count, rows[i].count, rows[i].next_offset));
        // API-143: returns although the time is not over.
        dh_front_begin_poll(f.front, &f.call, f.now_ns + DH_SEC, f.now_ns);
        assert_int_equal(DH_STEP_DONE, fixture_run(&f, &f.call));
        assert_int_equal(rows[i].records, fixture_record_count(&f));
        if (rows[i].records > 0) {
            assert_int_equal(rows[i].first, fixture_record_offset(&f, 0));
        }
        struct dh_call call;
        dh_front_begin_position(f.front, &call, "t", 0, f.now_ns);
        assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
        assert_int_equal(rows[i].position, call.offset);
        fixture_deinit(&f);
    }
}

static void test_partitions_take_turns(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.settings.max_poll_records = 2;
    assert_true(fixture_open(&f));
    fixture_join(&f, 2);
    for (int64_t base = 0; base < 4; base += 2) {
        fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), base, base, 2, 2, base + 2));
        fixture_input(&f, notice_chunk(&f, 1, TERM(1, 0), base, base, 2, 2, base + 2));
    }
    static const int32_t order[] = {0, 1, 0, 1};
    for (size_t i = 0; i < DH_COUNT_OF(order); i++) {
        assert_int_equal(0, fixture_poll(&f));
        assert_int_equal(2, fixture_record_count(&f));
        assert_int_equal(order[i], dh_front_records(f.front)->records[0].partition);
    }
    fixture_deinit(&f);
}

static void test_pause_keeps_what_is_buffered(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.settings.max_poll_records = 1;
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 2, 2, 2));
    assert_int_equal(0, fixture_poll(&f));
    const dohle_topic_partition all[] = {{"t", 0}};
    const dohle_topic_partition unknown[] = {{"t", 0}, {"t", 9}};
    assert_int_equal(DOHLE_ERR_NOT_ASSIGNED, dh_front_pause(f.front, unknown, 2, true));
    assert_false(fixture_has(&f, DH_COMMAND_PAUSE)); // all or nothing
    assert_int_equal(0, dh_front_pause(f.front, all, 1, true));
    assert_int_equal(0, dh_front_pause(f.front, all, 1, true)); // twice is once
    struct dh_message *pause = fixture_take(&f, DH_COMMAND_PAUSE);
    fixture_input(&f, pause);
    assert_false(fixture_has(&f, DH_COMMAND_PAUSE));
    assert_int_equal(0, fixture_poll(&f)); // S28
    assert_int_equal(0, fixture_record_count(&f));
    assert_int_equal(0, f.chunks_returned);
    const dohle_topic_partition *paused;
    size_t count;
    assert_int_equal(0, dh_front_partitions(f.front, true, &paused, &count));
    assert_int_equal(1, count);
    assert_int_equal(0, dh_front_pause(f.front, all, 1, false));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(1, fixture_record_count(&f));
    assert_int_equal(1, fixture_record_offset(&f, 0));
    fixture_deinit(&f);
}

static void test_seek_wins(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.settings.max_poll_records = 1;
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 2, 2, 2));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(0, dh_front_seek(f.front, "t", 0, DH_SEEK_OFFSET, 50, -1));
    // The chunk in the application's hands stays until the next poll.
    fixture_pump(&f);
    assert_int_equal(0, f.chunks_returned);
    assert_int_equal('a', dh_front_records(f.front)->records[0].value.data[0]);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 2, 2, 2, 2, 4));
    fixture_input(&f, notice_position(&f, 0, TERM(1, 0), 4, false));   // S27
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 1), 50, 50, 2, 2, 52));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(1, fixture_record_count(&f));
    assert_int_equal(50, fixture_record_offset(&f, 0));
    assert_int_equal(2, f.chunks_returned);
    struct dh_message *seek = fixture_take(&f, DH_COMMAND_SEEK);
    struct dh_command_seek *command =
        DH_CONTAINER_OF(seek, struct dh_command_seek, message);
    assert_int_equal(50, command->offset);
    assert_int_equal(1, command->term.assignment);
    assert_int_equal(1, command->term.position);
    fixture_input(&f, seek);
    // To an end of the log: the position is not known until the back half tells it.
    assert_int_equal(0, dh_front_seek_all(f.front, NULL, 0, DH_SEEK_END));
    struct dh_call call;
    dh_front_begin_position(f.front, &call, "t", 0, f.now_ns + DH_SEC);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    fixture_input(&f, notice_position(&f, 0, TERM(1, 2), 77, false));
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(77, call.offset);
    fixture_deinit(&f);
}

static void test_held_partitions_deliver_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 2, 2, 2));
    fixture_input(&f, notice_position(&f, 0, TERM(1, 0), -1, true));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(0, fixture_record_count(&f));
    fixture_input(&f, notice_position(&f, 0, TERM(1, 0), -1, false));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(2, fixture_record_count(&f));
    fixture_deinit(&f);
}

static void test_dropped_topics_stop_at_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 2, 2, 2));
    const char *other[] = {"u"};
    const char *both[] = {"t", "u"};
    assert_int_equal(0, dh_front_subscribe(f.front, other, 1, true));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(0, fixture_record_count(&f));
    // Wanted again before the group moved: nothing is missing.
    assert_int_equal(0, dh_front_subscribe(f.front, both, 2, true));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(2, fixture_record_count(&f));
    fixture_deinit(&f);
}

// ---- Errors ----

static void test_records_go_before_errors(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.settings.max_poll_records = 2;
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 5, 5, 5));
    fixture_input(&f, notice_error(&f, DOHLE_ERR_TOPIC_AUTHORIZATION));
    assert_int_equal(0, fixture_poll(&f)); // API-146
    assert_int_equal(2, fixture_record_count(&f));
    assert_int_equal(DOHLE_ERR_TOPIC_AUTHORIZATION, fixture_poll(&f)); // once
    assert_int_equal(0, fixture_record_count(&f));
    assert_int_equal(0, fixture_poll(&f)); // API-149
    assert_int_equal(2, fixture_record_count(&f));
    assert_int_equal(2, fixture_record_offset(&f, 0));
    fixture_deinit(&f);
}

static void test_partition_errors_stick_until_seek(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 2);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 2, 2, 2));
    fixture_input(&f, notice_partition_error(&f, 0, TERM(1, 0), DOHLE_ERR_CORRUPT, -1));
    assert_int_equal(0, fixture_poll(&f)); // what is before it first
    assert_int_equal(2, fixture_record_count(&f));
    assert_int_equal(DOHLE_ERR_CORRUPT, fixture_poll(&f));
    assert_int_equal(DOHLE_ERR_CORRUPT, fixture_poll(&f));
    // It never stops other partitions (L13).
    fixture_input(&f, notice_chunk(&f, 1, TERM(1, 0), 0, 0, 1, 1, 1));
    int errors = 0;
    size_t records = 0;
    for (int i = 0; i < 3; i++) {
        errors += fixture_poll(&f) == DOHLE_ERR_CORRUPT ? 1 : 0;
        records += fixture_record_count(&f);
    }
    assert_int_equal(1, records);
    assert_int_equal(2, errors);
    assert_int_equal(0, dh_front_seek(f.front, "t", 0, DH_SEEK_OFFSET, 3, -1));
    assert_int_equal(0, fixture_poll(&f));
    // Errors of another term are dropped.
    fixture_input(&f, notice_partition_error(&f, 0, TERM(1, 0), DOHLE_ERR_CORRUPT, -1));
    assert_int_equal(0, fixture_poll(&f));
    fixture_deinit(&f);
}

static void test_malformed_record_is_found_before_it_is_promised(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 5, 3, 5));
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 5, 5, 5, 5, 10));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(3, fixture_record_count(&f));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(DOHLE_ERR_CORRUPT, fixture_poll(&f)); // S24
        assert_int_equal(3, dh_front_error(f.front)->offset);
        assert_string_equal("t", dh_front_error(f.front)->topic);
        assert_int_equal(0, dh_front_error(f.front)->partition);
    }
    assert_int_equal(0, dh_front_seek(f.front, "t", 0, DH_SEEK_OFFSET, 4, -1));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(2, f.chunks_returned);
    fixture_deinit(&f);
}

static void test_reset_policy(void **state)
{
    (void)state;

    static const struct {
        int policy, error;
        int64_t truncated_to;
        int expected;
        enum dh_seek_target target;
        int64_t offset;
    } rows[] = {
        {DH_OFFSET_RESET_LATEST, DOHLE_ERR_OFFSET_OUT_OF_RANGE, -1, 0, DH_SEEK_POLICY,
         -1},
        {DH_OFFSET_RESET_NONE, DOHLE_ERR_OFFSET_OUT_OF_RANGE, -1,
         DOHLE_ERR_OFFSET_OUT_OF_RANGE, DH_SEEK_POLICY, -1},
        // CL-126: where the logs part, but not ahead of what was delivered.
        {DH_OFFSET_RESET_LATEST, DOHLE_ERR_LOG_TRUNCATION, 1, 0, DH_SEEK_OFFSET, 1},
        {DH_OFFSET_RESET_LATEST, DOHLE_ERR_LOG_TRUNCATION, 9, 0, DH_SEEK_OFFSET, 2},
        {DH_OFFSET_RESET_LATEST, DOHLE_ERR_LOG_TRUNCATION, -1, 0, DH_SEEK_POLICY, -1},
        {DH_OFFSET_RESET_NONE, DOHLE_ERR_LOG_TRUNCATION, 1, DOHLE_ERR_LOG_TRUNCATION,
         DH_SEEK_POLICY, -1},
        {DH_OFFSET_RESET_LATEST, DOHLE_ERR_CORRUPT, -1, DOHLE_ERR_CORRUPT, DH_SEEK_POLICY,
         -1},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture f;
        fixture_init(&f);
        f.settings.auto_offset_reset = rows[i].policy;
        assert_true(fixture_open(&f));
        fixture_join(&f, 1);
        fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 2, 2, 2));
        assert_int_equal(0, fixture_poll(&f));
        fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 2, 2, 1, 1, 3));
        if (rows[i].error != DOHLE_ERR_LOG_TRUNCATION) {
            assert_int_equal(0, fixture_poll(&f));
        }
        fixture_input(&f, notice_partition_error(&f, 0, TERM(1, 0), rows[i].error,
                                                 rows[i].truncated_to));
        assert_int_equal(rows[i].expected, fixture_poll(&f));
        assert_int_equal(0, fixture_record_count(&f));
        assert_int_equal(rows[i].expected == 0, fixture_has(&f, DH_COMMAND_SEEK));
        if (rows[i].expected == 0) {
            struct dh_message *seek = fixture_take(&f, DH_COMMAND_SEEK);
            struct dh_command_seek *command =
                DH_CONTAINER_OF(seek, struct dh_command_seek, message);
            assert_int_equal(rows[i].target, command->target);
            assert_int_equal(rows[i].offset, command->offset);
            fixture_input(&f, seek);
        }
        fixture_deinit(&f);
    }
}

static void test_wakeup_ends_one_call(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 2, 2, 2));
    dh_front_wakeup(f.front);
    assert_int_equal(DOHLE_ERR_WAKEUP, fixture_poll(&f));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(2, fixture_record_count(&f));
    dohle_offset offsets[] = {{.topic = "t", .partition = 0}};
    struct dh_call call;
    dh_front_begin_committed(f.front, &call, offsets, 1, DH_NEVER, f.now_ns);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    dh_front_wakeup(f.front);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(DOHLE_ERR_WAKEUP, call.err);
    // The answer that nobody waits for is freed.
    fixture_input(&f, fixture_take(&f, DH_COMMAND_COMMITTED));
    fixture_deinit(&f);
}

// ---- Commits ----

static struct dh_command_commit *take_commit(struct fixture *f)
{
    return DH_CONTAINER_OF(fixture_take(f, DH_COMMAND_COMMIT), struct dh_command_commit,
                           message);
}

static void open_auto_committing(struct fixture *f)
{
    fixture_init(f);
    f->settings.enable_auto_commit = true;
    f->settings.max_poll_records = 2;
    assert_true(fixture_open(f));
    fixture_join(f, 2);
    fixture_input(f, notice_chunk(f, 0, TERM(1, 0), 0, 0, 6, 6, 6));
}

static void test_auto_commit_takes_what_earlier_polls_returned(void **state)
{
    (void)state;
    struct fixture f;
    open_auto_committing(&f);
    // Partition 1 has been sought to where nobody knows yet: not committed.
    assert_int_equal(0, dh_front_seek(f.front, "t", 1, DH_SEEK_END, -1, -1));
    assert_int_equal(0, fixture_poll(&f));
    assert_false(fixture_has(&f, DH_COMMAND_COMMIT));
    f.now_ns += 5 * DH_SEC;
    assert_int_equal(0, fixture_poll(&f));
    struct dh_command_commit *commit = take_commit(&f);
    assert_int_equal(DH_COMMIT_AUTO, commit->mode);
    assert_int_equal(1, commit->count);
    assert_int_equal(2, commit->offsets[0].offset); // not 4
    assert_int_equal(3, commit->offsets[0].leader_epoch);
    f.now_ns += 5 * DH_SEC;
    assert_int_equal(0, fixture_poll(&f));
    assert_false(fixture_has(&f, DH_COMMAND_COMMIT)); // one in flight
    commit->error.code = DOHLE_ERR_RETRIABLE_COMMIT_FAILED;
    fixture_input(&f, &commit->message);
    assert_int_equal(0, fixture_poll(&f));
    commit = take_commit(&f);
    assert_int_equal(6, commit->offsets[0].offset);
    fixture_input(&f, &commit->message);
    fixture_deinit(&f);
}

static void test_revocation_waits_for_its_commit(void **state)
{
    (void)state;
    struct fixture f;
    open_auto_committing(&f);
    assert_int_equal(0, fixture_poll(&f));
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_REVOKE, "t", 0, 2, 1, true));
    assert_int_equal(0, fixture_poll(&f));
    assert_int_equal(0, fixture_record_count(&f)); // nothing more is delivered
    assert_int_equal(0, f.callback_count);
    struct dh_command_commit *commit = take_commit(&f);
    assert_int_equal(2, commit->offsets[0].offset);
    assert_true(commit->deadline_ns == f.now_ns + 300 * DH_SEC);
    size_t returned = f.returned_count;
    fixture_input(&f, &commit->message);
    assert_int_equal(0, fixture_poll(&f));
    assert_string_equal("revoked t-0 t-1", f.callbacks[0]);
    assert_int_equal(returned + 1, f.returned_count);
    assert_false(fixture_has(&f, DH_COMMAND_COMMIT));
    fixture_deinit(&f);
}

static void test_lost_partitions_are_not_committed(void **state)
{
    (void)state;
    struct fixture f;
    open_auto_committing(&f);
    assert_int_equal(0, fixture_poll(&f));
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_LOSE, "t", 0, 2, 1, true));
    assert_int_equal(0, fixture_poll(&f));
    assert_string_equal("lost t-0 t-1", f.callbacks[0]);
    assert_false(fixture_has(&f, DH_COMMAND_COMMIT));
    fixture_deinit(&f);
}

static void test_commits_are_told_in_order(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    struct dh_command_commit *commits[3];
    for (int64_t i = 0; i < 2; i++) {
        const dohle_offset offsets[] = {{.topic = "t", .partition = 0, .offset = i}};
        struct dh_commit_target target = {(void (*)(void))fixture_deinit, NULL};
        struct dh_call call;
        dh_front_begin_commit_async(f.front, &call, offsets, 1, target, f.now_ns);
        assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
        assert_int_equal(0, call.err);
        commits[i] = take_commit(&f);
        assert_int_equal(DH_COMMIT_ASYNC, commits[i]->mode);
    }
    // also a commit of nothing waits for the callbacks of earlier ones.
    struct dh_call call;
    static const dohle_offset none[1];
    dh_front_begin_commit_sync(f.front, &call, none, 0, f.now_ns + DH_SEC, f.now_ns);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    commits[1]->error.code = DOHLE_ERR_COMMIT_FAILED;
    fixture_input(&f, &commits[1]->message);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    assert_int_equal(0, f.callback_count);
    fixture_input(&f, &commits[0]->message);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(0, call.err);
    assert_int_equal(2, f.callback_count);
    assert_string_equal("commit 0 t-0@0", f.callbacks[0]);
    assert_string_equal("commit -50 t-0@1", f.callbacks[1]);
    fixture_deinit(&f);
}

static void test_commit_sync(void **state)
{
    (void)state;

    static const struct {
        int64_t offset;
        int answer; // 1: none
        int expected;
    } rows[] = {
        {5, 0, 0},
        {5, DOHLE_ERR_REBALANCE_IN_PROGRESS, DOHLE_ERR_REBALANCE_IN_PROGRESS},
        {-1, 1, DOHLE_ERR_INVALID_ARGUMENT},                                   // API-109
        {5, 1, DOHLE_ERR_TIMEOUT},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fixture f;
        fixture_init(&f);
        assert_true(fixture_open(&f));
        fixture_join(&f, 1);
        // a partition that is not assigned
        const dohle_offset offsets[] = {{.topic = "other",
                                         .partition = 4,
                                         .offset = rows[i].offset,
                                         .metadata = {(const uint8_t *)"m\0n", 3}}};
        struct dh_call call;
        dh_front_begin_commit_sync(f.front, &call, offsets, 1, f.now_ns + DH_SEC,
                                   f.now_ns);
        fixture_run(&f, &call);
        bool is_sent = fixture_has(&f, DH_COMMAND_COMMIT);
        assert_int_equal(rows[i].offset >= 0, is_sent);
        struct dh_command_commit *commit = NULL;
        if (is_sent) {
            commit = take_commit(&f);
            assert_true(commit->deadline_ns < f.now_ns + DH_SEC);
            assert_memory_equal("m\0n", commit->offsets[0].metadata.data, 3);
        }
        if (commit != NULL && rows[i].answer != 1) {
            commit->error.code = rows[i].answer;
            fixture_input(&f, &commit->message);
        }
        fixture_run(&f, &call);
        if (!call.is_done) {
            f.now_ns += DH_SEC;
            fixture_run(&f, &call);
        }
        assert_true(call.is_done);
        assert_int_equal(rows[i].expected, call.err);
        assert_int_equal(rows[i].expected, dh_front_error(f.front)->code);
        if (commit != NULL && rows[i].expected == DOHLE_ERR_TIMEOUT) {
            fixture_input(&f, &commit->message); // late: nobody waits
            assert_int_equal(0, fixture_poll(&f));
        }
        fixture_deinit(&f);
    }
}

// ---- Callbacks that call ----

static void test_calls_inside_a_callback(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 2, 2, 2));
    assert_int_equal(0, fixture_poll(&f));
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_REVOKE, "t", 0, 1, 1, true));
    dh_front_begin_poll(f.front, &f.call, f.now_ns, f.now_ns);
    assert_int_equal(DH_STEP_CALLBACK, dh_front_step(f.front, &f.call, f.now_ns));
    struct dh_call inner;
    dh_front_begin_poll(f.front, &inner, f.now_ns, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &inner));
    assert_int_equal(DOHLE_ERR_INVALID_STATE, inner.err);
    dh_front_begin_unsubscribe(f.front, &inner, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &inner));
    assert_int_equal(DOHLE_ERR_INVALID_STATE, inner.err);
    // API-174: it still owns the partition, so it may commit.
    dh_front_begin_commit_sync(f.front, &inner, NULL, 0, DH_NEVER, f.now_ns);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &inner));
    struct dh_command_commit *commit = take_commit(&f);
    assert_int_equal(2, commit->offsets[0].offset);
    // What comes meanwhile stays queued.
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_ASSIGN, "t", 0, 1, 2, true));
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &inner));
    assert_int_equal(0, f.callback_count);
    fixture_input(&f, &commit->message);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &inner));
    assert_int_equal(0, inner.err);
    dh_front_callback_done(f.front, &f.call, 3);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &f.call));
    assert_string_equal("assigned t-0", f.callbacks[0]);
    assert_int_equal(3, f.call.err);
    fixture_deinit(&f);
}

// A wakeup inside on_revoked ends the poll, but not before the partitions are given up.
static void test_a_wakeup_inside_a_callback_does_not_repeat_it(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_REVOKE, "t", 0, 1, 1, true));
    dh_front_begin_poll(f.front, &f.call, f.now_ns, f.now_ns);
    assert_int_equal(DH_STEP_CALLBACK, dh_front_step(f.front, &f.call, f.now_ns));
    dh_front_wakeup(f.front);
    dh_front_callback_done(f.front, &f.call, 0);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &f.call));
    assert_int_equal(DOHLE_ERR_WAKEUP, f.call.err);
    assert_int_equal(1, f.returned_count);
    struct dh_call call;
    dh_front_begin_unsubscribe(f.front, &call, f.now_ns + DH_SEC);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    fixture_input(&f, fixture_take(&f, DH_COMMAND_UNSUBSCRIBE));
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(0, f.callback_count); // S7
    fixture_deinit(&f);
}

// ---- Leaving ----

static void test_unsubscribe_commits_nothing(void **state)
{
    (void)state;
    struct fixture f;
    open_auto_committing(&f);
    assert_int_equal(0, fixture_poll(&f));
    struct dh_call call;
    dh_front_begin_unsubscribe(f.front, &call, f.now_ns + DH_SEC);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    assert_string_equal("revoked t-0 t-1", f.callbacks[0]);
    assert_false(fixture_has(&f, DH_COMMAND_COMMIT));
    struct dh_message *leave = fixture_take(&f, DH_COMMAND_UNSUBSCRIBE);
    // Notices that crossed it have no effect.
    size_t returned = f.returned_count;
    fixture_input(&f, notice_ownership(&f, DH_NOTICE_ASSIGN, "t", 0, 2, 2, true));
    fixture_pump(&f);
    assert_int_equal(returned + 1, f.returned_count);
    // The set in the application's hands is still there.
    assert_int_equal('a', dh_front_records(f.front)->records[0].value.data[0]);
    assert_string_equal("t", dh_front_records(f.front)->records[0].topic);
    fixture_input(&f, leave);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(0, call.err);
    assert_int_equal(1, f.callback_count);
    assert_int_equal(DOHLE_ERR_NOT_SUBSCRIBED, fixture_poll(&f));
    fixture_deinit(&f);
}

static void test_close(void **state)
{
    (void)state;
    struct fixture f;
    open_auto_committing(&f);
    assert_int_equal(0, fixture_poll(&f));
    struct dh_call call;
    dh_front_begin_close(f.front, &call, f.now_ns + DH_SEC, f.now_ns);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    struct dh_command_commit *commit = take_commit(&f); // API-161
    assert_int_equal(DH_COMMIT_SYNC, commit->mode);
    assert_int_equal(2, commit->offsets[0].offset);
    assert_int_equal(0, f.callback_count);
    fixture_input(&f, &commit->message);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    assert_string_equal("revoked t-0 t-1", f.callbacks[0]);
    struct dh_message *leave = fixture_take(&f, DH_COMMAND_CLOSE);
    fixture_input(&f, leave);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(0, call.err);
    assert_int_equal(DOHLE_ERR_CLOSED, fixture_poll(&f));
    dh_front_begin_close(f.front, &call, f.now_ns, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(0, call.err); // API-001
    fixture_deinit(&f);
}

// What on_revoked commits goes out before the group is left, and its function runs.
static void test_leaving_waits_for_the_commits_of_on_revoked(void **state)
{
    (void)state;
    for (int is_close = 0; is_close <= 1; is_close++) {
        struct fixture f;
        fixture_init(&f);
        assert_true(fixture_open(&f));
        fixture_join(&f, 1);
        struct dh_call call;
        if (is_close) {
            dh_front_begin_close(f.front, &call, f.now_ns + DH_SEC, f.now_ns);
        } else {
            dh_front_begin_unsubscribe(f.front, &call, f.now_ns + DH_SEC);
        }
        while (dh_front_step(f.front, &call, f.now_ns) != DH_STEP_CALLBACK) {
        }
        assert_int_equal(DH_CALLBACK_REVOKED, call.callback.kind);
        const dohle_offset offsets[] = {{.topic = "t", .partition = 0, .offset = 1}};
        struct dh_commit_target target = {(void (*)(void))fixture_deinit, NULL};
        struct dh_call inner;
        dh_front_begin_commit_async(f.front, &inner, offsets, 1, target, f.now_ns);
        assert_int_equal(DH_STEP_DONE, fixture_run(&f, &inner));
        dh_front_callback_done(f.front, &call, 0);
        assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
        enum dh_message_kind kind = is_close ? DH_COMMAND_CLOSE : DH_COMMAND_UNSUBSCRIBE;
        assert_false(fixture_has(&f, kind));
        fixture_input(&f, fixture_take(&f, DH_COMMAND_COMMIT));
        assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
        fixture_input(&f, fixture_take(&f, kind));
        assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
        assert_int_equal(is_close, f.callback_count); // S46; else in the next poll
        fixture_deinit(&f);
    }
}

// A function of a commit that commits again cannot keep close from ending.
static void test_close_ends_though_functions_commit_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    const dohle_offset offsets[] = {{.topic = "t", .partition = 0, .offset = 1}};
    struct dh_commit_target target = {(void (*)(void))fixture_deinit, NULL};
    struct dh_call call;
    struct dh_call inner;
    dh_front_begin_commit_async(f.front, &inner, offsets, 1, target, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &inner));
    dh_front_begin_close(f.front, &call, f.now_ns, f.now_ns);
    unsigned functions = 0;
    while (dh_front_step(f.front, &call, f.now_ns) == DH_STEP_CALLBACK) {
        bool is_function = call.callback.kind == DH_CALLBACK_COMMIT;
        functions += is_function;
        dh_front_begin_commit_async(f.front, &inner, offsets, 1, target, f.now_ns);
        assert_int_equal(DH_STEP_DONE, fixture_run(&f, &inner));
        assert_int_equal(is_function ? DOHLE_ERR_CLOSED : 0, inner.err);
        dh_front_callback_done(f.front, &call, 0);
    }
    assert_int_equal(2, functions); // of the first, and of the one in on_revoked
    while (fixture_has(&f, DH_COMMAND_COMMIT)) {
        fixture_input(&f, fixture_take(&f, DH_COMMAND_COMMIT));
    }
    fixture_deinit(&f);
}

static void test_close_without_auto_commit_in_time(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    const dohle_offset offsets[] = {{.topic = "t", .partition = 0, .offset = 1}};
    struct dh_call call;
    dh_front_begin_commit_async(f.front, &call, offsets, 1,
                                (struct dh_commit_target){NULL, NULL}, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    // It only waits for the commit before it, in vain: no error, and nothing is left.
    dh_front_begin_close(f.front, &call, f.now_ns, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(0, call.err);
    fixture_input(&f, fixture_take(&f, DH_COMMAND_COMMIT));
    fixture_deinit(&f);
}

static void test_close_is_over_in_time(void **state)
{
    (void)state;
    struct fixture f;
    open_auto_committing(&f);
    assert_int_equal(0, fixture_poll(&f));
    const dohle_offset offsets[] = {{.topic = "t", .partition = 0, .offset = 1}};
    struct dh_commit_target target = {(void (*)(void))fixture_deinit, NULL};
    struct dh_call call;
    dh_front_begin_commit_async(f.front, &call, offsets, 1, target, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    dh_front_begin_close(f.front, &call, f.now_ns, f.now_ns); // nobody answers
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));   // L6
    assert_int_equal(DOHLE_ERR_TIMEOUT, call.err);
    assert_int_equal(2, f.callback_count);
    assert_string_equal("revoked t-0 t-1", f.callbacks[0]);
    assert_string_equal("commit -1 t-0@1", f.callbacks[1]); // S46
    assert_true(fixture_has(&f, DH_COMMAND_CLOSE));
    while (fixture_has(&f, DH_COMMAND_COMMIT)) { // late: nobody waits
        fixture_input(&f, fixture_take(&f, DH_COMMAND_COMMIT));
    }
    fixture_deinit(&f);
}

// ---- Queries ----

static void test_queries(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_true(fixture_open(&f));
    fixture_join(&f, 1);
    dohle_offset offsets[] = {{.topic = "t", .partition = 0},
                              {.topic = "u", .partition = 1}};
    struct dh_call call;
    dh_front_begin_committed(f.front, &call, offsets, 2, f.now_ns + DH_SEC, f.now_ns);
    assert_int_equal(DH_STEP_WAIT, fixture_run(&f, &call));
    struct dh_message *message = fixture_take(&f, DH_COMMAND_COMMITTED);
    struct dh_command_offsets *command =
        DH_CONTAINER_OF(message, struct dh_command_offsets, message);
    assert_int_equal(2, command->count);
    assert_string_equal("u", command->offsets[1].topic);
    command->offsets[0].offset = 12;
    command->metadata = dh_mem_alloc(&f.memory.allocator, 2);
    command->metadata_size = 2;
    memcpy(command->metadata, "xy", 2);
    command->offsets[0].metadata = (dohle_bytes){command->metadata, 2};
    fixture_input(&f, message);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(0, call.err);
    assert_int_equal(12, offsets[0].offset);
    assert_int_equal(-1, offsets[1].offset);
    assert_memory_equal("xy", offsets[0].metadata.data, 2);

    static const struct {
        bool pause;
        bool chunk;
        enum dohle_idle_reason expected;
        bool is_asked;
    } rows[] = {
        {true, false, DOHLE_IDLE_PAUSED, false},
        {false, false, DOHLE_IDLE_NO_LEADER, true},
        {false, true, DOHLE_IDLE_NOT, false},
    };

    const dohle_topic_partition all[] = {{"t", 0}};
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(0, dh_front_pause(f.front, all, 1, rows[i].pause));
        if (rows[i].chunk) {
            fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 2, 2, 2));
        }
        dh_front_begin_idle_reason(f.front, &call, "t", 0, f.now_ns + DH_SEC);
        enum dh_step step = fixture_run(&f, &call);
        assert_int_equal(rows[i].is_asked ? DH_STEP_WAIT : DH_STEP_DONE, step);
        if (rows[i].is_asked) {
            message = fixture_take(&f, DH_COMMAND_IDLE_REASON);
            DH_CONTAINER_OF(message, struct dh_command_idle_reason, message)->reason =
                DOHLE_IDLE_NO_LEADER;
            fixture_input(&f, message);
            assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
        }
        assert_int_equal(rows[i].expected, call.idle_reason);
    }

    // A time-out says what the back half told about the trouble.
    struct dh_notice_trouble *trouble =
        dh_mem_calloc(&f.memory.allocator, 1, sizeof(*trouble));
    trouble->message.kind = DH_NOTICE_TROUBLE;
    trouble->message.size = sizeof(*trouble);
    snprintf(trouble->text, sizeof(trouble->text), "127.0.0.1:9092: refused");
    fixture_input(&f, &trouble->message);
    dh_front_begin_topics(f.front, &call, "t", f.now_ns, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    assert_int_equal(DOHLE_ERR_TIMEOUT, call.err);
    assert_non_null(strstr(dh_front_error(f.front)->text, "127.0.0.1:9092: refused"));
    fixture_deinit(&f);
}

// ---- Memory ----

// A whole life, in which the n-th allocation of the front half fails.
static bool live(size_t fail_at)
{
    struct fixture f;
    fixture_init(&f);
    f.settings.enable_auto_commit = true;
    f.memory.fail_at = fail_at;
    if (!fixture_open(&f)) {
        f.memory.fail_at = 0;
        fixture_deinit(&f);
        return false;
    }
    bool is_whole = true;
#define TRY(result)                                                                      \
    do {                                                                                 \
        int err_ = (result);                                                             \
        assert_true(err_ == 0 || err_ == DOHLE_ERR_NO_MEMORY);                           \
        is_whole = is_whole && err_ == 0;                                                \
    } while (0)
    const char *topics[] = {"t"};
    TRY(dh_front_subscribe(f.front, topics, 1, true));
    if (is_whole) {
        TRY(fixture_poll(&f));
        // The back half's own allocations do not fail here.
        size_t calls = f.memory.calls;
        size_t failing = f.memory.fail_at;
        f.memory.fail_at = 0;
        fixture_input(&f, notice_ownership(&f, DH_NOTICE_ASSIGN, "t", 0, 3, 1, true));
        f.memory.calls = calls;
        f.memory.fail_at = failing;
        TRY(fixture_poll(&f));
        calls = f.memory.calls;
        f.memory.fail_at = 0;
        fixture_input(&f, notice_chunk(&f, 0, TERM(1, 0), 0, 0, 60, 60, 60));
        f.memory.calls = calls;
        f.memory.fail_at = failing;
        TRY(fixture_poll(&f));
        int seek = dh_front_seek(f.front, "t", 0, DH_SEEK_OFFSET, 9, -1);
        assert_true(seek == 0 || seek == DOHLE_ERR_NO_MEMORY ||
                    seek == DOHLE_ERR_NOT_ASSIGNED);
        is_whole = is_whole && seek == 0;
        const dohle_topic_partition *partitions;
        size_t count;
        TRY(dh_front_partitions(f.front, false, &partitions, &count));
    }
    struct dh_call call;
    dh_front_begin_close(f.front, &call, f.now_ns, f.now_ns);
    assert_int_equal(DH_STEP_DONE, fixture_run(&f, &call));
    is_whole = is_whole && call.err == DOHLE_ERR_TIMEOUT; // its commit is not answered
#undef TRY
    f.memory.fail_at = 0;
    fixture_deinit(&f);
    return is_whole;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    size_t fail_at = 1;
    while (!live(fail_at)) { // R4
        fail_at++;
        assert_true(fail_at < 1000);
    }
    assert_true(fail_at > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscribe_sends_with_the_first_poll),
        cmocka_unit_test(test_subscription_kinds_exclude_each_other),
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_assign_runs_the_callback_before_any_record),
        cmocka_unit_test(test_assign_by_hand_keeps_positions),
        cmocka_unit_test(test_one_record_a_poll),
        cmocka_unit_test(test_position_inside_on_assigned),
        cmocka_unit_test(test_position_says_why_it_is_late),
        cmocka_unit_test(test_positions_and_what_is_passed_over),
        cmocka_unit_test(test_partitions_take_turns),
        cmocka_unit_test(test_pause_keeps_what_is_buffered),
        cmocka_unit_test(test_seek_wins),
        cmocka_unit_test(test_held_partitions_deliver_nothing),
        cmocka_unit_test(test_dropped_topics_stop_at_once),
        cmocka_unit_test(test_records_go_before_errors),
        cmocka_unit_test(test_partition_errors_stick_until_seek),
        cmocka_unit_test(test_malformed_record_is_found_before_it_is_promised),
        cmocka_unit_test(test_reset_policy),
        cmocka_unit_test(test_wakeup_ends_one_call),
        cmocka_unit_test(test_auto_commit_takes_what_earlier_polls_returned),
        cmocka_unit_test(test_revocation_waits_for_its_commit),
        cmocka_unit_test(test_lost_partitions_are_not_committed),
        cmocka_unit_test(test_commits_are_told_in_order),
        cmocka_unit_test(test_commit_sync),
        cmocka_unit_test(test_calls_inside_a_callback),
        cmocka_unit_test(test_a_wakeup_inside_a_callback_does_not_repeat_it),
        cmocka_unit_test(test_unsubscribe_commits_nothing),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_leaving_waits_for_the_commits_of_on_revoked),
        cmocka_unit_test(test_close_ends_though_functions_commit_again),
        cmocka_unit_test(test_close_is_over_in_time),
        cmocka_unit_test(test_close_without_auto_commit_in_time),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
