// SPDX-License-Identifier: MIT
#include "base/map.h"

#include <stdio.h>

#include <dohle/error.h>

#include "../test.h"
#include "base/bytes.h"

static int values[4];

static void keys_find_their_values(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_map map;
    dh_map_init(&map, &memory.allocator, 1);

    assert_null(dh_map_get(&map, DH_BYTES("a")));
    assert_int_equal(0, dh_map_put(&map, DH_BYTES("a"), &values[0]));
    assert_int_equal(0, dh_map_put(&map, DH_BYTES(""), &values[1]));
    assert_int_equal(0, dh_map_put(&map, DH_BYTES("a\0b"), &values[2]));
    assert_int_equal(0, dh_map_put(&map, DH_BYTES("a"), &values[3])); // replaces
    assert_int_equal(3, map.count);

    assert_ptr_equal(&values[3], dh_map_get(&map, DH_BYTES("a")));
    assert_ptr_equal(&values[1], dh_map_get(&map, DH_BYTES("")));
    assert_ptr_equal(&values[2], dh_map_get(&map, DH_BYTES("a\0b")));
    assert_null(dh_map_get(&map, DH_BYTES("a\0c")));
    assert_null(dh_map_get(&map, DH_BYTES_NULL));

    assert_ptr_equal(&values[3], dh_map_remove(&map, DH_BYTES("a")));
    assert_null(dh_map_remove(&map, DH_BYTES("a")));
    assert_null(dh_map_get(&map, DH_BYTES("a")));
    assert_int_equal(2, map.count);
    dh_map_deinit(&map);
    assert_int_equal(0, memory.bytes);
}

static void walk_follows_the_order_of_putting(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct dh_map map;
        dh_map_init(&map, &memory.allocator, seed);
        for (uint64_t i = 0; i < 1000; i++) {
            assert_int_equal(0, dh_map_put_u64(&map, i * i, &values[i % 4]));
        }
        assert_int_equal(0, dh_map_put_u64(&map, 9, &values[0])); // keeps its place
        assert_non_null(dh_map_remove_u64(&map, 16));
        assert_int_equal(0, dh_map_put_u64(&map, 16, &values[0])); // becomes the last

        uint64_t i = 0;
        for (struct dh_map_item *item = dh_map_first(&map); item != NULL;
             item = dh_map_next(item)) {
            uint64_t expected = i < 4 ? i : i < 999 ? i + 1 : 4;
            assert_int_equal(expected * expected, dh_map_item_key_u64(item));
            i++;
        }
        assert_int_equal(1000, i);
        assert_int_equal(1000, map.count);
        assert_ptr_equal(&values[0], dh_map_get_u64(&map, 9));
        assert_null(dh_map_get_u64(&map, 2));
        dh_map_deinit(&map);
        assert_int_equal(0, memory.bytes);
    }
}

static void cleared_map_can_be_used_again(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_map map;
    dh_map_init(&map, &memory.allocator, 1);
    dh_map_clear(&map);
    assert_int_equal(0, dh_map_put(&map, DH_BYTES("a"), &values[0]));
    dh_map_clear(&map);
    assert_int_equal(0, map.count);
    assert_null(dh_map_first(&map));
    assert_int_equal(0, memory.bytes);
    assert_int_equal(0, dh_map_put(&map, DH_BYTES("a"), &values[1]));
    assert_ptr_equal(&values[1], dh_map_get(&map, DH_BYTES("a")));
    dh_map_deinit(&map);
}

/* Fails each allocation in turn while 2000 keys are put, which makes the table
 * grow several times: what was put stays, what failed can be put again. */
static void no_memory_leaves_the_map_as_it_was(void **state)
{
    (void)state;
    size_t fail_at = 1;
    for (bool has_failed = true; has_failed; fail_at++) {
        struct test_memory memory;
        test_memory_init(&memory);
        memory.fail_at = fail_at;
        struct dh_map map;
        dh_map_init(&map, &memory.allocator, 1);
        has_failed = false;
        for (uint64_t i = 0; i < 2000; i++) {
            int err = dh_map_put_u64(&map, i, &values[i % 4]);
            if (err != 0) {
                assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
                assert_int_equal(i, map.count);
                assert_null(dh_map_get_u64(&map, i));
                has_failed = true;
                memory.fail_at = 0;
                assert_int_equal(0, dh_map_put_u64(&map, i, &values[i % 4]));
            }
        }
        assert_int_equal(2000, map.count);
        for (uint64_t i = 0; i < 2000; i += 37) {
            assert_ptr_equal(&values[i % 4], dh_map_get_u64(&map, i));
        }
        dh_map_deinit(&map);
        assert_int_equal(0, memory.bytes);
        if (fail_at > 60) {
            fail_at += 11; // most of the later allocations are single entries
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_find_their_values),
        cmocka_unit_test(walk_follows_the_order_of_putting),
        cmocka_unit_test(cleared_map_can_be_used_again),
        cmocka_unit_test(no_memory_leaves_the_map_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
