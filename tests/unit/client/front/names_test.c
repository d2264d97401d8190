// SPDX-License-Identifier: MIT
#include "../../test.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/random.h"
#include "client/front/names.h"

static void test_sorted_without_duplicates(void **state)
{
    (void)state;

    static const struct {
        const char *names[5];
        size_t count;
        const char *expected;
    } rows[] = {
        {{"a"}, 1, "a "},
        {{"b", "a"}, 2, "a b "},
        {{"a", "a", "a"}, 3, "a "},
        {{"c", "ab", "b", "ab", "a"}, 5, "a ab b c "},
    };
    struct test_memory memory;
    test_memory_init(&memory);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_names *names =
            dh_names_new(&memory.allocator, rows[i].names, rows[i].count);
        assert_non_null(names);
        char text[64] = "";
        for (uint32_t k = 0; k < names->count; k++) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof(text) - used, "%s ", names->items[k]);
            assert_true(dh_names_has(names, names->items[k]));
        }
        assert_string_equal(rows[i].expected, text);
        assert_false(dh_names_has(names, ""));
        assert_false(dh_names_has(names, "aa"));
        assert_false(dh_names_has(names, "d"));
        dh_mem_free(&memory.allocator, names, names->size);
    }
    memory.fail_at = 1;
    assert_null(dh_names_new(&memory.allocator, rows[0].names, 1));
    assert_int_equal(0, memory.bytes);
}

static void test_many_in_any_order(void **state)
{
    (void)state;

    enum { COUNT = 500 };
    struct test_memory memory;
    test_memory_init(&memory);
    static char texts[COUNT][8];
    const char *names[COUNT];
    struct dh_random random = {.state = 1};
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < COUNT; i++) {
            snprintf(texts[i], sizeof(texts[i]), "%03d",
                     (int)dh_random_below(&random, 300));
            names[i] = texts[i];
        }
        struct dh_names *list = dh_names_new(&memory.allocator, names, COUNT);
        assert_non_null(list);
        for (uint32_t i = 1; i < list->count; i++) {
            assert_true(strcmp(list->items[i - 1], list->items[i]) < 0);
        }
        for (int i = 0; i < COUNT; i++) {
            assert_true(dh_names_has(list, names[i]));
        }
        dh_mem_free(&memory.allocator, list, list->size);
    }
    assert_int_equal(0, memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted_without_duplicates),
        cmocka_unit_test(test_many_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
