// SPDX-License-Identifier: MIT
#include "../../test.h"

#include <stdio.h>

#include "base/mem.h"
#include "client/front/assignment.h"

struct fixture {
    struct test_memory memory;
    struct dh_list returns;
    struct dh_assignment assignment;
};

static void fixture_init(struct fixture *f)
{
    test_memory_init(&f->memory);
    dh_list_init(&f->returns);
    dh_assignment_init(&f->assignment, &f->memory.allocator, &f->returns);
}

static void fixture_deinit(struct fixture *f)
{
    dh_assignment_deinit(&f->assignment);
    for (struct dh_link *link; (link = dh_list_pop_front(&f->returns)) != NULL;) {
        dh_message_free(&f->memory.allocator,
                        DH_CONTAINER_OF(link, struct dh_message, link));
    }
    assert_int_equal(0, f->memory.bytes);
}

static size_t returned(const struct fixture *f)
{
    size_t count = 0;
    DH_LIST_EACH(link, &f->returns)
    {
        count++;
    }
    return count;
}

static struct dh_owned *add(struct fixture *f, const char *topic, int32_t partition,
                            uint32_t slot, uint64_t number)
{
    struct dh_owned *row = dh_assignment_add(&f->assignment, topic, partition);
    DH_ASSERT(row != NULL);
    if (number != 0) {
        assert_int_equal(0, dh_assignment_reserve(&f->assignment, 0, (size_t)slot + 1));
        dh_assignment_bind(&f->assignment, row, slot, number);
    }
    return row;
}

static void push(struct fixture *f, struct dh_owned *row)
{
    struct dh_chunk *chunk = dh_mem_calloc(&f->memory.allocator, 1, sizeof(*chunk));
    DH_ASSERT(chunk != NULL);
    chunk->message.kind = DH_NOTICE_CHUNK;
    chunk->message.size = sizeof(*chunk);
    chunk->slot = row->slot;
    chunk->term = row->term;
    dh_assignment_push(&f->assignment, row, chunk);
    dh_assignment_check(&f->assignment);
}

static void test_rows_are_sorted_and_found(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);

    static const struct {
        const char *topic;
        int32_t partition;
    } names[] = {{"b", 1}, {"a", 10}, {"b", 0}, {"a", 2}, {"c", 0}, {"aa", 0}};

    for (size_t i = 0; i < DH_COUNT_OF(names); i++) {
        (void)add(&f, names[i].topic, names[i].partition, (uint32_t)i, i + 1);
        dh_assignment_check(&f.assignment);
    }
    char order[64] = "";
    for (size_t i = 0; i < f.assignment.count; i++) {
        size_t used = strlen(order);
        snprintf(order + used, sizeof(order) - used, "%s%d ",
                 f.assignment.sorted[i]->topic, f.assignment.sorted[i]->partition);
    }
    assert_string_equal("a2 a10 aa0 b0 b1 c0 ", order);
    for (size_t i = 0; i < DH_COUNT_OF(names); i++) {
        struct dh_owned *row =
            dh_assignment_find(&f.assignment, names[i].topic, names[i].partition);
        assert_non_null(row);
        assert_ptr_equal(row, dh_assignment_at(&f.assignment, (uint32_t)i, i + 1));
        assert_null(dh_assignment_at(&f.assignment, (uint32_t)i, i + 2));
    }
    assert_null(dh_assignment_find(&f.assignment, "a", 3));
    assert_null(dh_assignment_find(&f.assignment, "d", 0));
    assert_null(dh_assignment_at(&f.assignment, 1000000, 1));
    dh_assignment_clear(&f.assignment);
    assert_int_equal(0, f.assignment.count);
    assert_null(dh_assignment_at(&f.assignment, 0, 1));
    fixture_deinit(&f);
}

static void test_terms_are_compared_in_one_place(void **state)
{
    (void)state;

    static const struct {
        uint32_t slot;
        uint64_t assignment, position;
        bool is_current;
    } rows[] = {
        {0, 5, 0, true},
        {0, 4, 0, false},
        {0, 5, 1, false},
        {1, 5, 0, false},
    };
    struct fixture f;
    fixture_init(&f);
    (void)add(&f, "t", 0, 0, 5);
    uint64_t stale = 0;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const struct dh_term term = {rows[i].assignment, rows[i].position};
        bool is_current =
            dh_assignment_current(&f.assignment, rows[i].slot, term) != NULL;
        assert_int_equal(rows[i].is_current, is_current);
        stale += is_current ? 0 : 1;
        assert_int_equal(stale, f.assignment.stale_count);
    }
    fixture_deinit(&f);
}

static void test_binding_needs_no_memory(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct dh_owned *near = add(&f, "t", 0, 0, 1);
    struct dh_owned *far = add(&f, "t", 1, 0, 0);
    f.memory.fail_at = f.memory.calls + 1;
    assert_int_equal(DOHLE_ERR_NO_MEMORY, dh_assignment_reserve(&f.assignment, 0, 5000));
    dh_assignment_bind(&f.assignment, far, 4999, 2);
    dh_assignment_check(&f.assignment);
    assert_ptr_equal(far, dh_assignment_at(&f.assignment, 4999, 2));
    assert_ptr_equal(near, dh_assignment_at(&f.assignment, 0, 1));
    assert_null(dh_assignment_at(&f.assignment, 4999, 3));
    fixture_deinit(&f);
}

static void test_ready_rows(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct dh_owned *row = add(&f, "t", 0, 0, 1);
    bool *const flags[] = {&row->is_paused, &row->is_held, &row->is_revoking,
                           &row->is_unsubscribed};
    assert_true(dh_list_is_empty(&f.assignment.ready));
    push(&f, row);
    assert_false(dh_list_is_empty(&f.assignment.ready));
    for (size_t i = 0; i < DH_COUNT_OF(flags); i++) {
        *flags[i] = true;
        dh_assignment_update(&f.assignment, row);
        assert_true(dh_list_is_empty(&f.assignment.ready));
        dh_assignment_check(&f.assignment);
        *flags[i] = false;
        dh_assignment_update(&f.assignment, row);
        assert_false(dh_list_is_empty(&f.assignment.ready));
    }
    struct dh_owned *other = add(&f, "t", 1, 1, 2);
    push(&f, other);
    assert_ptr_equal(&row->ready, dh_list_first(&f.assignment.ready));
    dh_assignment_rotate(&f.assignment, row);
    assert_ptr_equal(&other->ready, dh_list_first(&f.assignment.ready));
    dh_assignment_discard(&f.assignment, row);
    dh_assignment_discard(&f.assignment, other);
    assert_true(dh_list_is_empty(&f.assignment.ready));
    assert_int_equal(2, returned(&f));
    fixture_deinit(&f);
}

static void test_what_the_set_needs_is_kept(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct dh_owned *row = add(&f, "t", 0, 0, 1);
    push(&f, row);
    push(&f, row);
    row->set_number = f.assignment.set_number; // records of the first chunk are out
    dh_assignment_remove(&f.assignment, row);
    assert_int_equal(1, returned(&f)); // the second
    assert_string_equal("t", row->topic);
    dh_assignment_end_set(&f.assignment);
    assert_int_equal(2, returned(&f));
    fixture_deinit(&f);
}

static void test_commands_wait_for_the_slot(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct dh_owned *row = add(&f, "t", 0, 0, 0);
    for (int64_t i = 0; i < 3; i++) {
        struct dh_command_seek *seek =
            dh_mem_calloc(&f.memory.allocator, 1, sizeof(*seek));
        struct dh_command_pause *pause =
            dh_mem_calloc(&f.memory.allocator, 1, sizeof(*pause));
        DH_ASSERT(seek != NULL && pause != NULL);
        seek->message =
            (struct dh_message){.kind = DH_COMMAND_SEEK, .size = sizeof(*seek)};
        seek->offset = i;
        pause->message =
            (struct dh_message){.kind = DH_COMMAND_PAUSE, .size = sizeof(*pause)};
        dh_assignment_send_seek(&f.assignment, row, seek);
        dh_assignment_send_pause(&f.assignment, row, pause);
    }
    assert_int_equal(0, returned(&f));
    assert_int_equal(0, dh_assignment_reserve(&f.assignment, 0, 8));
    dh_assignment_bind(&f.assignment, row, 7, 9);
    assert_int_equal(2, returned(&f)); // the last of each kind
    struct dh_link *link = dh_list_first(&f.returns);
    DH_ASSERT(link != NULL);
    const struct dh_message *first = DH_CONTAINER_OF(link, struct dh_message, link);
    assert_int_equal(DH_COMMAND_SEEK, first->kind);
    const struct dh_command_seek *seek = (const struct dh_command_seek *)first;
    assert_int_equal(2, seek->offset);
    assert_int_equal(7, seek->slot);
    assert_int_equal(9, seek->term.assignment);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_sorted_and_found),
        cmocka_unit_test(test_terms_are_compared_in_one_place),
        cmocka_unit_test(test_binding_needs_no_memory),
        cmocka_unit_test(test_ready_rows),
        cmocka_unit_test(test_what_the_set_needs_is_kept),
        cmocka_unit_test(test_commands_wait_for_the_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
