// SPDX-License-Identifier: MIT
#include "assign/range.h"

#include <dohle/error.h>

#include "group.h"

static void topics_are_cut_into_ranges(void **state)
{
    (void)state;

    static const struct {
        struct {
            const char *name;
            int32_t count;
        } topics[TOPICS_MAX];

        struct {
            const char *id, *instance_id, *topics;
        } members[MEMBERS_MAX];

        const char *expected;
    } rows[] = {
        // The example of Kafka's documentation: early members collect the extras.
        {{{"T1", 3}, {"T2", 3}},
         {{"C1", NULL, "T1 T2"}, {"C2", NULL, "T1 T2"}},
         "C1: T1-0 T1-1 T2-0 T2-1; C2: T1-2 T2-2; "},
        // The same, with the members in another order: the result is theirs all the same.
        {{{"T1", 3}, {"T2", 3}},
         {{"C2", NULL, "T2 T1"}, {"C1", NULL, "T1 T2"}},
         "C2: T1-2 T2-2; C1: T1-0 T1-1 T2-0 T2-1; "},
        {{{"t", 4}}, {{"a", NULL, "t"}, {"b", NULL, "t"}}, "a: t-0 t-1; b: t-2 t-3; "},
        {{{"t", 7}},
         {{"a", NULL, "t"}, {"b", NULL, "t"}, {"c", NULL, "t"}},
         "a: t-0 t-1 t-2; b: t-3 t-4; c: t-5 t-6; "},
        // More members than partitions.
        {{{"t", 2}},
         {{"a", NULL, "t"}, {"b", NULL, "t"}, {"c", NULL, "t"}},
         "a: t-0; b: t-1; c:; "},
        // Unequal subscriptions.
        {{{"t0", 3}, {"t1", 2}},
         {{"a", NULL, "t0"}, {"b", NULL, "t0 t1"}, {"c", NULL, "t1"}},
         "a: t0-0 t0-1; b: t0-2 t1-0; c: t1-1; "},
        // AS-010: topics nobody knows, or without partitions, are left out.
        {{{"t", 1}, {"empty", 0}},
         {{"a", NULL, "t empty gone"}, {"b", NULL, "gone"}},
         "a: t-0; b:; "},
        // A topic without subscribers is nobody's.
        {{{"t", 2}, {"u", 2}}, {{"a", NULL, "t"}}, "a: t-0 t-1; "},
        {{{"t", 2}}, {{"a", NULL, ""}}, "a:; "},
        // A topic named twice counts once.
        {{{"t", 3}}, {{"a", NULL, "t t t"}, {"b", NULL, "t"}}, "a: t-0 t-1; b: t-2; "},
        // AS-011: static members first, by instance; dynamic ones by id.
        {{{"t", 4}},
         {{"a", NULL, "t"}, {"z", "i1", "t"}, {"y", "i2", "t"}},
         "a: t-3; z: t-0 t-1; y: t-2; "},
        // By UTF-16 units: U+1F600 is before U+FF01, though not so in UTF-8.
        {{{"t", 3}},
         {{"\xef\xbc\x81", NULL, "t"}, {"\xf0\x9f\x98\x80", NULL, "t"}},
         "\xef\xbc\x81: t-2; \xf0\x9f\x98\x80: t-0 t-1; "},
        {{{"t", 1}}, {{0}}, ""}, // no members
        {{{0}}, {{"a", NULL, "t"}}, "a:; "},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct group group = {0};
        for (size_t j = 0; j < TOPICS_MAX && rows[i].topics[j].name != NULL; j++) {
            add_topic(&group, rows[i].topics[j].name, rows[i].topics[j].count);
        }
        for (size_t j = 0; j < MEMBERS_MAX && rows[i].members[j].id != NULL; j++) {
            add_member(&group, rows[i].members[j].id, rows[i].members[j].instance_id,
                       rows[i].members[j].topics);
        }
        struct dh_buf text;
        dh_buf_init(&text, &memory.allocator, 0);
        assign(dh_assignor_find(DH_BYTES("range")), &group, &text);
        assert_string_equal(rows[i].expected, (const char *)text.data);
        dh_buf_deinit(&text);
        assert_int_equal(0, memory.bytes);
    }
}

/* Every partition of a topic that has subscribers goes to exactly one of them,
 * none to anybody else, and subscribers of a topic differ by at most one. */
static void check_target(const struct group *group, const struct dh_assign_list *lists)
{
    for (uint32_t t = 0; t < group->topic_count; t++) {
        size_t owners[8] = {0};
        size_t least = SIZE_MAX;
        size_t most = 0;
        for (size_t i = 0; i < group->member_count; i++) {
            size_t count = 0;
            for (size_t j = 0; j < lists[i].count; j++) {
                if (lists[i].partitions[j].topic == t) {
                    owners[lists[i].partitions[j].partition]++;
                    count++;
                }
            }
            if (!is_subscribed(&group->members[i], group->topics[t].name)) {
                assert_int_equal(0, count);
                continue;
            }
            least = count < least ? count : least;
            most = count > most ? count : most;
        }
        for (int32_t p = 0; p < 8; p++) {
            bool is_given = least != SIZE_MAX && p < group->topics[t].partition_count;
            assert_int_equal(is_given ? 1 : 0, owners[p]);
        }
        assert_true(least == SIZE_MAX || most - least <= 1);
    }
}

/* All groups of up to three members, each subscribed to any of three topics, of 0
 * to 3, 5 and 4 partitions, in every order of the members. S10, S11. */
static void every_small_group_gets_a_legal_target(void **state)
{
    (void)state;
    static const char *const subscriptions[] = {"",  "a",   "b",   "a b",
                                                "c", "a c", "b c", "a b c"};
    static const size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const ids[] = {"x", "y", "z"};
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_arena arena;
    dh_arena_init(&arena, &memory.allocator, 0);
    size_t checked = 0;
    for (size_t code = 0; code < 8 * 8 * 8 * 4; code++) {
        struct dh_assign_list first[3] = {{0}};
        dh_arena_reset(&arena);
        for (size_t order = 0; order < DH_COUNT_OF(orders); order++) {
            struct group group = {0};
            add_topic(&group, "a", (int32_t)(code >> 9));
            add_topic(&group, "b", 5);
            add_topic(&group, "c", 4);
            for (size_t i = 0; i < 3; i++) {
                size_t who = orders[order][i];
                add_member(&group, ids[who], NULL, subscriptions[code >> (3 * who) & 7]);
            }
            struct dh_assign_list lists[3];
            const struct dh_assign_input input = input_of(&group);
            assert_int_equal(0, dh_range_assign(&input, &arena, lists));
            check_target(&group, lists);
            for (size_t i = 0; i < 3; i++) {
                struct dh_assign_list *same = &first[orders[order][i]];
                if (order == 0) {
                    *same = lists[i];
                }
                assert_int_equal(same->count, lists[i].count);
                if (same->count > 0) {
                    assert_memory_equal(same->partitions, lists[i].partitions,
                                        same->count * sizeof(*same->partitions));
                }
            }
            checked++;
        }
    }
    assert_int_equal(8 * 8 * 8 * 4 * 6, checked);
    dh_arena_deinit(&arena);
    assert_int_equal(0, memory.bytes);
}

static void no_memory_is_reported(void **state)
{
    (void)state;
    struct group group = {0};
    add_topic(&group, "t", 3000);
    add_member(&group, "a", NULL, "t");
    add_member(&group, "b", NULL, "t");
    const struct dh_assign_input input = input_of(&group);
    for (size_t fail_at = 1;; fail_at++) {
        struct test_memory memory;
        test_memory_init(&memory);
        memory.fail_at = fail_at;
        struct dh_arena arena;
        dh_arena_init(&arena, &memory.allocator, 0);
        struct dh_assign_list lists[2];
        int err = dh_range_assign(&input, &arena, lists);
        dh_arena_deinit(&arena);
        assert_int_equal(0, memory.bytes);
        if (err == 0) {
            assert_true(fail_at > 2);
            break;
        }
        assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
    }
    // Each step by itself, through the bound of the arena.
    size_t needed = 0;
    for (size_t used_max = 16;; used_max += 16) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct dh_arena arena;
        dh_arena_init(&arena, &memory.allocator, used_max);
        struct dh_assign_list lists[2];
        int err = dh_range_assign(&input, &arena, lists);
        dh_arena_deinit(&arena);
        if (err == 0) {
            needed = used_max;
            break;
        }
        assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
    }
    assert_true(needed > 3000 * sizeof(struct dh_assign_partition));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_cut_into_ranges),
        cmocka_unit_test(every_small_group_gets_a_legal_target),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
