// SPDX-License-Identifier: MIT
#include "assign/sticky.h"

#include <dohle/error.h>

#include "group.h"

#define NOBODY 3

static const struct dh_assignor *named(const char *name)
{
    const struct dh_assignor *assignor = dh_assignor_find(dh_bytes_of(name));
    return assignor != NULL ? assignor : dh_assignor_find_of_server(dh_bytes_of(name));
}

static void members_keep_what_they_can(void **state)
{
    (void)state;

    static const struct {
        const char *assignor;

        struct {
            const char *name;
            int32_t count;
        } topics[TOPICS_MAX];

        struct {
            const char *id, *topics, *owned[OWNED_MAX];
            int32_t generation;
        } members[MEMBERS_MAX];

        const char *expected;
    } rows[] = {
        // The book's example: two members, two topics of three partitions.
        {"roundrobin",
         {{"T1", 3}, {"T2", 3}},
         {{"C1", "T1 T2", {0}, 0}, {"C2", "T1 T2", {0}, 0}},
         "C1: T1-0 T1-2 T2-1; C2: T1-1 T2-0 T2-2; "},
        {"sticky",
         {{"T1", 3}, {"T2", 3}},
         {{"C1", "T1 T2", {0}, 0}, {"C2", "T1 T2", {0}, 0}},
         "C1: T1-0 T1-2 T2-1; C2: T1-1 T2-0 T2-2; "},
        {"cooperative-sticky",
         {{"T1", 3}, {"T2", 3}},
         {{"C1", "T1 T2", {0}, 0}, {"C2", "T1 T2", {0}, 0}},
         "C1: T1-0 T1-2 T2-1; C2: T1-1 T2-0 T2-2; "},
        {"uniform",
         {{"T1", 3}, {"T2", 3}},
         {{"C1", "T1 T2", {0}, 0}, {"C2", "T1 T2", {0}, 0}},
         "C1: T1-0 T1-2 T2-1; C2: T1-1 T2-0 T2-2; "},
        // AS-020: who did not subscribe is passed over, and the circle goes on after.
        {"roundrobin",
         {{"a", 3}, {"b", 3}},
         {{"x", "a b", {0}, 0}, {"y", "b", {0}, 0}, {"z", "a", {0}, 0}},
         "x: a-0 a-2 b-1; y: b-0 b-2; z: a-1; "},
        // A member comes: it gets what the others have too many of, and no more.
        {"sticky",
         {{"a", 6}},
         {{"x", "a", {"a0", "a2", "a4"}, 1},
          {"y", "a", {"a1", "a3", "a5"}, 1},
          {"z", "a", {0}, -1}},
         "x: a-0 a-2; y: a-1 a-3; z: a-4 a-5; "},
        // AS-032: the same, but nobody gets yet what others still own.
        {"cooperative-sticky",
         {{"a", 6}},
         {{"x", "a", {"a0", "a2", "a4"}, 1},
          {"y", "a", {"a1", "a3", "a5"}, 1},
          {"z", "a", {0}, -1}},
         "x: a-0 a-2; y: a-1 a-3; z:; "},
        // AS-033: and in the next round, given up, it is free.
        {"cooperative-sticky",
         {{"a", 6}},
         {{"x", "a", {"a0", "a2"}, 2}, {"y", "a", {"a1", "a3"}, 2}, {"z", "a", {0}, 2}},
         "x: a-0 a-2; y: a-1 a-3; z: a-4 a-5; "},
        // A member is gone: the others keep theirs.
        {"sticky",
         {{"a", 6}},
         {{"x", "a", {"a0", "a5"}, 1}, {"y", "a", {"a1", "a3"}, 1}},
         "x: a-0 a-2 a-5; y: a-1 a-3 a-4; "},
        // AS-026: of two claims the later generation counts,
        {"sticky",
         {{"a", 2}},
         {{"x", "a", {"a0", "a1"}, 4}, {"y", "a", {"a0"}, 5}},
         "x: a-1; y: a-0; "},
        // of the same generation neither, and the cooperative one waits.
        {"cooperative-sticky",
         {{"a", 2}},
         {{"x", "a", {"a0"}, 5}, {"y", "a", {"a0"}, 5}},
         "x:; y: a-1; "},
        // What is gone, or not subscribed any more, is nobody's claim.
        {"sticky",
         {{"a", 2}, {"b", 1}},
         {{"x", "a", {"b0", "a7", "c0"}, 1}, {"y", "a b", {"a1"}, 1}},
         "x: a-0; y: a-1 b-0; "},
        // No single move betters this one: x gives to y what y gives to z.
        {"sticky",
         {{"a", 2}, {"b", 1}},
         {{"x", "a", {"a0", "a1"}, 1}, {"y", "a b", {"b0"}, 1}, {"z", "b", {0}, -1}},
         "x: a-0; y: a-1; z: b-0; "},
        {"sticky",
         {{"a", 3}, {"b", 2}},
         {{"x", "a", {"a0", "a1", "a2"}, 1},
          {"y", "a b", {"b0", "b1"}, 1},
          {"z", "b", {0}, -1}},
         "x: a-0 a-1; y: a-2 b-0; z: b-1; "},
        {"uniform",
         {{"a", 3}, {"b", 2}},
         {{"x", "a", {"a0", "a1", "a2"}, 1},
          {"y", "a b", {"b0", "b1"}, 1},
          {"z", "b", {0}, -1}},
         "x: a-0 a-1; y: a-2 b-0; z: b-1; "},
        {"sticky", {{"a", 1}}, {{0}}, ""},
        {"sticky", {{0}}, {{"x", "a", {"a0"}, 1}}, "x:; "},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct group group = {0};
        for (size_t j = 0; j < TOPICS_MAX && rows[i].topics[j].name != NULL; j++) {
            add_topic(&group, rows[i].topics[j].name, rows[i].topics[j].count);
        }
        for (size_t j = 0; j < MEMBERS_MAX && rows[i].members[j].id != NULL; j++) {
            add_member(&group, rows[i].members[j].id, NULL, rows[i].members[j].topics);
            group.members[j].generation = rows[i].members[j].generation;
            for (size_t k = 0; rows[i].members[j].owned[k] != NULL; k++) {
                add_owned(&group, j, rows[i].members[j].owned[k]);
            }
        }
        struct dh_buf text;
        dh_buf_init(&text, &memory.allocator, 0);
        assign(named(rows[i].assignor), &group, &text);
        assert_string_equal(rows[i].expected, (const char *)text.data);
        dh_buf_deinit(&text);
        assert_int_equal(0, memory.bytes);
    }
}

// What the best targets of a small group cost: loads squared first, then moves.
static size_t cost_of(const uint8_t *owner, const uint8_t *previous, size_t count)
{
    size_t loads[3] = {0};
    size_t moves = 0;
    for (size_t i = 0; i < count; i++) {
        loads[owner[i]]++;
        moves += previous[i] != NOBODY && previous[i] != owner[i];
    }
    return (loads[0] * loads[0] + loads[1] * loads[1] + loads[2] * loads[2]) * 16 + moves;
}

static bool may_own(const struct group *group, size_t member, size_t partition)
{
    size_t first = (size_t)group->topics[0].partition_count;
    return is_subscribed(&group->members[member],
                         group->topics[partition < first ? 0 : 1].name);
}

// The least cost over all targets; every partition has somebody who may own it.
static size_t least_cost(const struct group *group, const uint8_t *previous, size_t count)
{
    uint8_t owner[8] = {0};
    size_t least = SIZE_MAX;
    for (size_t at = 0; at < count || count == 0;) {
        bool is_legal = true;
        for (size_t i = 0; i < count; i++) {
            is_legal = is_legal && may_own(group, owner[i], i);
        }
        size_t cost = is_legal ? cost_of(owner, previous, count) : SIZE_MAX;
        least = cost < least ? cost : least;
        if (count == 0) {
            break;
        }
        for (at = 0; at < count && ++owner[at] == group->member_count; at++) {
            owner[at] = 0;
        }
    }
    return least;
}

/* Reads the target back into owners; withheld partitions are NOBODY's. False: a
 * partition is twice given, or to who did not subscribe. */
static bool owners_of(const struct group *group, const struct dh_assign_list *lists,
                      uint8_t *owner, size_t count)
{
    memset(owner, NOBODY, count);
    for (size_t i = 0; i < group->member_count; i++) {
        for (size_t j = 0; j < lists[i].count; j++) {
            size_t at = (size_t)lists[i].partitions[j].partition +
                        (lists[i].partitions[j].topic == 0
                             ? 0
                             : (size_t)group->topics[0].partition_count);
            if (at >= count || owner[at] != NOBODY || !may_own(group, i, at)) {
                return false;
            }
            owner[at] = (uint8_t)i;
        }
    }
    return true;
}

struct small {
    struct group group;
    uint8_t previous[8]; // NOBODY: free, or of who may not own it any more
    size_t count;
};

// One small group: its subscriptions and previous owners in digits.
static void small_make(struct small *small, size_t members, const int32_t *sizes,
                       size_t masks, size_t owners)
{
    static const char *const subscriptions[] = {"", "a", "b", "a b"};
    static const char *const ids[] = {"x", "y", "z"};
    static const char *const names[2][4] = {{"a0", "a1", "a2", "a3"},
                                            {"b0", "b1", "b2", "b3"}};
    *small = (struct small){0};
    add_topic(&small->group, "a", sizes[0]);
    add_topic(&small->group, "b", sizes[1]);
    for (size_t i = 0; i < members; i++) {
        add_member(&small->group, ids[i], NULL, subscriptions[masks >> (2 * i) & 3]);
        small->group.members[i].generation = 1;
    }
    small->count = (size_t)(sizes[0] + sizes[1]);
    for (size_t i = 0; i < small->count; i++, owners /= members + 1) {
        size_t who = owners % (members + 1);
        bool is_a = i < (size_t)sizes[0];
        small->previous[i] = NOBODY;
        if (who < members) {
            add_owned(&small->group, who,
                      names[is_a ? 0 : 1][is_a ? i : i - (size_t)sizes[0]]);
            if (may_own(&small->group, who, i)) {
                small->previous[i] = (uint8_t)who;
            }
        }
    }
}

// S10: all that is subscribed has one owner; the best there is. S11: by itself again.
static void small_check(const struct small *small, struct dh_arena *arena)
{
    const struct dh_assign_input input = input_of(&small->group);
    bool is_all_wanted = true;
    for (size_t i = 0; i < small->count; i++) {
        bool is_wanted = false;
        for (size_t j = 0; j < small->group.member_count; j++) {
            is_wanted = is_wanted || may_own(&small->group, j, i);
        }
        is_all_wanted = is_all_wanted && is_wanted;
    }
    struct dh_assign_list lists[3];
    uint8_t sticky[8];
    uint8_t owner[8];
    dh_arena_reset(arena);
    assert_int_equal(0, dh_sticky_assign(&input, arena, lists));
    assert_true(owners_of(&small->group, lists, sticky, small->count));
    if (is_all_wanted) {
        assert_null(memchr(sticky, NOBODY, small->count));
        assert_int_equal(least_cost(&small->group, small->previous, small->count),
                         cost_of(sticky, small->previous, small->count));
    }
    assert_int_equal(0, dh_uniform_assign(&input, arena, lists));
    assert_true(owners_of(&small->group, lists, owner, small->count));
    assert_memory_equal(sticky, owner, small->count);
    assert_int_equal(0, dh_cooperative_sticky_assign(&input, arena, lists));
    assert_true(owners_of(&small->group, lists, owner, small->count));
    for (size_t i = 0; i < small->count; i++) {
        if (owner[i] != sticky[i]) { // withheld: somebody else still has it
            assert_int_equal(NOBODY, owner[i]);
        } else if (owner[i] != NOBODY && small->previous[i] != NOBODY) {
            assert_int_equal(small->previous[i], owner[i]);
        }
    }
}

/* All groups of one to three members and two topics of up to three partitions, with
 * all subscriptions and all previous owners. S10, S11. */
static void every_small_group_gets_the_best_target(void **state)
{
    (void)state;
    static const int32_t sizes[][2] = {{0, 0}, {1, 0}, {3, 0}, {1, 1},
                                       {2, 1}, {1, 3}, {2, 2}, {4, 0}};
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_arena arena;
    dh_arena_init(&arena, &memory.allocator, 0);
    for (size_t members = 1; members <= 3; members++) {
        for (size_t s = 0; s < DH_COUNT_OF(sizes); s++) {
            size_t owners_max = 1;
            for (int32_t i = 0; i < sizes[s][0] + sizes[s][1]; i++) {
                owners_max *= members + 1;
            }
            for (size_t masks = 0; masks < (size_t)1 << (2 * members); masks++) {
                for (size_t owners = 0; owners < owners_max; owners++) {
                    struct small small;
                    small_make(&small, members, sizes[s], masks, owners);
                    small_check(&small, &arena);
                }
            }
        }
    }
    dh_arena_deinit(&arena);
    assert_int_equal(0, memory.bytes);
}

static void racks_are_near_where_loads_allow(void **state)
{
    (void)state;
    static const dohle_bytes east[] = {{(const uint8_t *)"east", 4}};
    static const dohle_bytes west[] = {{(const uint8_t *)"west", 4}};
    static const struct dh_assign_replicas replicas[] = {
        {east, 1}, {west, 1}, {west, 1}, {east, 1}};

    static const struct {
        const char *assignor;
        const char *racks[2];
        const char *expected;
    } rows[] = {
        {"range", {"west", "east"}, "x: a-1 a-2; y: a-0 a-3; "},
        {"sticky", {"west", "east"}, "x: a-1 a-2; y: a-0 a-3; "},
        {"cooperative-sticky", {"east", "west"}, "x: a-0 a-3; y: a-1 a-2; "},
        // AS-013: racks where nothing is are none.
        {"range", {"north", "south"}, "x: a-0 a-1; y: a-2 a-3; "},
        {"sticky", {"north", "south"}, "x: a-0 a-2; y: a-1 a-3; "},
        // The coordinator's look at none.
        {"uniform", {"west", "east"}, "x: a-0 a-2; y: a-1 a-3; "},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct group group = {0};
        add_topic(&group, "a", 4);
        group.topics[0].replicas = replicas;
        add_member(&group, "x", NULL, "a");
        add_member(&group, "y", NULL, "a");
        group.members[0].rack = dh_bytes_of(rows[i].racks[0]);
        group.members[1].rack = dh_bytes_of(rows[i].racks[1]);
        struct dh_buf text;
        dh_buf_init(&text, &memory.allocator, 0);
        assign(named(rows[i].assignor), &group, &text);
        assert_string_equal(rows[i].expected, (const char *)text.data);
        dh_buf_deinit(&text);
        assert_int_equal(0, memory.bytes);
    }
}

static void no_memory_is_reported(void **state)
{
    (void)state;
    static const char *const names[] = {"range", "roundrobin", "sticky", "uniform",
                                        "cooperative-sticky"};
    static const dohle_bytes rack[] = {{(const uint8_t *)"east", 4}};
    static struct dh_assign_replicas replicas[300];
    replicas[7] = (struct dh_assign_replicas){rack, 1};
    struct group group = {0};
    add_topic(&group, "a", 300);
    add_topic(&group, "b", 200);
    add_member(&group, "x", NULL, "a b");
    add_member(&group, "y", NULL, "a");
    add_owned(&group, 0, "a9");
    group.topics[0].replicas = replicas;
    group.members[0].rack = rack[0];
    const struct dh_assign_input input = input_of(&group);
    for (size_t i = 0; i < DH_COUNT_OF(names); i++) {
        int err = DOHLE_ERR_NO_MEMORY;
        // Each step by itself, through the bound of the arena; then the allocator.
        for (size_t used_max = 16; err != 0; used_max += 16) {
            struct test_memory memory;
            test_memory_init(&memory);
            struct dh_arena arena;
            dh_arena_init(&arena, &memory.allocator, used_max);
            struct dh_assign_list lists[2];
            err = named(names[i])->assign(&input, &arena, lists);
            dh_arena_deinit(&arena);
            assert_int_equal(0, memory.bytes);
            assert_true(err == 0 || err == DOHLE_ERR_NO_MEMORY);
        }
        err = DOHLE_ERR_NO_MEMORY;
        for (size_t fail_at = 1; err != 0; fail_at++) {
            struct test_memory memory;
            test_memory_init(&memory);
            memory.fail_at = fail_at;
            struct dh_arena arena;
            dh_arena_init(&arena, &memory.allocator, 0);
            struct dh_assign_list lists[2];
            err = named(names[i])->assign(&input, &arena, lists);
            dh_arena_deinit(&arena);
            assert_int_equal(0, memory.bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_keep_what_they_can),
        cmocka_unit_test(every_small_group_gets_the_best_target),
        cmocka_unit_test(racks_are_near_where_loads_allow),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
