// SPDX-License-Identifier: MIT
#include "client/back/alarms.h"

#include "../../test.h"

struct clock {
    struct dh_alarm alarm;
    struct dh_alarms *alarms;
    int64_t again_ns; // what on_due sets; DH_NEVER: nothing
    size_t rings;
};

static void on_due(struct dh_alarm *alarm, int64_t now_ns)
{
    (void)now_ns;
    struct clock *clock = DH_CONTAINER_OF(alarm, struct clock, alarm);
    assert_false(dh_alarm_is_set(alarm));
    clock->rings++;
    dh_alarm_set(alarm, clock->alarms, clock->again_ns);
}

static void test_alarms_ring_when_due(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_alarms alarms;
    dh_alarms_init(&alarms, &memory.allocator);
    struct clock clocks[2] = {{.alarms = &alarms, .again_ns = DH_NEVER},
                              {.alarms = &alarms, .again_ns = DH_NEVER}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(0, dh_alarm_init(&clocks[i].alarm, &alarms, on_due));
    }
    assert_int_equal(DH_NEVER, dh_alarms_deadline(&alarms));
    dh_alarm_set(&clocks[0].alarm, &alarms, 20);
    dh_alarm_set(&clocks[1].alarm, &alarms, 10);
    assert_int_equal(10, dh_alarms_deadline(&alarms));
    dh_alarms_run(&alarms, 9);
    assert_int_equal(0, clocks[1].rings);
    dh_alarms_run(&alarms, 10);
    assert_int_equal(1, clocks[1].rings);
    assert_int_equal(20, dh_alarms_deadline(&alarms));
    dh_alarm_cancel(&clocks[0].alarm, &alarms);
    dh_alarms_run(&alarms, 100);
    assert_int_equal(0, clocks[0].rings);
    for (int i = 0; i < 2; i++) {
        dh_alarm_deinit(&clocks[i].alarm, &alarms);
    }
    dh_alarms_deinit(&alarms);
    assert_int_equal(0, memory.bytes);
}

// What is set to a time that has passed rings in the next turn: each turn ends.
static void test_turns_end(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_alarms alarms;
    dh_alarms_init(&alarms, &memory.allocator);
    struct clock clock = {.alarms = &alarms, .again_ns = 5};
    assert_int_equal(0, dh_alarm_init(&clock.alarm, &alarms, on_due));
    dh_alarm_set(&clock.alarm, &alarms, 5);
    for (size_t turn = 1; turn <= 3; turn++) {
        dh_alarms_run(&alarms, 10);
        assert_int_equal(turn, clock.rings);
    }
    dh_alarm_deinit(&clock.alarm, &alarms);
    dh_alarms_deinit(&alarms);
    assert_int_equal(0, memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alarms_ring_when_due),
        cmocka_unit_test(test_turns_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
