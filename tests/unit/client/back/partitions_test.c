// SPDX-License-Identifier: MIT
#include "client/back/partitions.h"

#include "../../test.h"

static void let_go(struct dh_partitions *table)
{
    struct dh_partition *row;
    while ((row = dh_partitions_next_changed(table)) != NULL) {
        if (row->state == DH_PARTITION_GONE) {
            dh_partitions_release(table, row);
        }
    }
}

static void rows_are_found_by_name_and_by_slot(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_partitions table;
    assert_int_equal(0, dh_partitions_init(&table, &memory.allocator, 7));

    struct dh_partition *a0 = dh_partitions_add(&table, "a", 0);
    struct dh_partition *a1 = dh_partitions_add(&table, "a", 1);

    assert_int_equal(DH_PARTITION_ADDED, a0->state);
    assert_int_equal(2, table.assigned_count);
    assert_ptr_equal(a0, dh_partitions_find(&table, "a", 0));
    assert_ptr_equal(a1, dh_partitions_find(&table, "a", 1));
    assert_null(dh_partitions_find(&table, "a", 2));
    assert_null(dh_partitions_find(&table, "b", 0));
    assert_null(dh_partitions_find(&table, "a much longer name", 0));
    assert_ptr_equal(a1, dh_partitions_at(&table, a1->slot, a1->term.assignment));
    assert_null(dh_partitions_at(&table, a1->slot, a0->term.assignment));
    assert_null(dh_partitions_at(&table, 99, a0->term.assignment));

    dh_partitions_deinit(&table);
    assert_int_equal(0, memory.bytes);
}

static void a_slot_is_reused_and_its_number_is_not(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_partitions table;
    assert_int_equal(0, dh_partitions_init(&table, &memory.allocator, 7));
    struct dh_partition *first = dh_partitions_add(&table, "a", 0);
    struct dh_term term = first->term;
    uint32_t slot = first->slot;

    dh_partitions_remove(&table, first);
    assert_null(dh_partitions_find(&table, "a", 0));
    assert_null(dh_partitions_current(&table, slot, term));
    struct dh_partition *beside = dh_partitions_add(&table, "a", 0); // not let go yet
    assert_int_not_equal(slot, beside->slot);
    let_go(&table);
    struct dh_partition *again = dh_partitions_add(&table, "b", 0);

    assert_int_equal(slot, again->slot);
    assert_true(again->term.assignment > term.assignment);
    assert_null(dh_partitions_current(&table, slot, term));
    assert_ptr_equal(again, dh_partitions_current(&table, slot, again->term));
    again->term.position = 4; // a seek
    assert_null(dh_partitions_current(
        &table, slot, (struct dh_term){.assignment = again->term.assignment}));
    dh_partitions_deinit(&table);
    assert_int_equal(0, memory.bytes);
}

static void a_touched_row_is_shown_once(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_partitions table;
    assert_int_equal(0, dh_partitions_init(&table, &memory.allocator, 7));
    struct dh_partition *row = dh_partitions_add(&table, "a", 0);
    dh_partitions_touch(&table, row);

    assert_ptr_equal(row, dh_partitions_next_changed(&table));
    assert_null(dh_partitions_next_changed(&table));
    dh_partitions_touch(&table, row);
    assert_ptr_equal(row, dh_partitions_next_changed(&table));

    dh_partitions_deinit(&table);
    assert_int_equal(0, memory.bytes);
}

static void the_walk_leaves_out_what_is_gone(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_partitions table;
    assert_int_equal(0, dh_partitions_init(&table, &memory.allocator, 7));
    struct dh_partition *a = dh_partitions_add(&table, "a", 0);
    struct dh_partition *b = dh_partitions_add(&table, "b", 0);
    struct dh_partition *c = dh_partitions_add(&table, "c", 0);
    dh_partitions_remove(&table, b);

    size_t cursor = 0;
    assert_ptr_equal(a, dh_partitions_next(&table, &cursor));
    assert_ptr_equal(c, dh_partitions_next(&table, &cursor));
    assert_null(dh_partitions_next(&table, &cursor));

    dh_partitions_deinit(&table);
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
        struct dh_partitions table;
        size_t added = 0;
        if (dh_partitions_init(&table, &memory.allocator, 7) == 0) {
            added += dh_partitions_add(&table, "a", 0) != NULL;
            added += dh_partitions_add(&table, "a", 1) != NULL;
            assert_int_equal(added, table.assigned_count);
        }
        calls = fail_at == 0 ? memory.calls : calls;
        dh_partitions_deinit(&table);
        assert_int_equal(0, memory.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_by_name_and_by_slot),
        cmocka_unit_test(a_slot_is_reused_and_its_number_is_not),
        cmocka_unit_test(a_touched_row_is_shown_once),
        cmocka_unit_test(the_walk_leaves_out_what_is_gone),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
