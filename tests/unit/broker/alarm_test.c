// SPDX-License-Identifier: MIT
// Alarms, and the clock that sets them off (broker.c).
#include "rig.h"

#include <stdio.h>

#include "base/time.h"
#include "broker/alarm.h"

// An alarm that writes down when it went off, and may set itself again.
struct note {
    struct dh_broker_alarm alarm;
    char name;
    int64_t again_ms; // after it went off; 0: not
    struct log *log;
};

struct log {
    char text[256]; // "a@100 b@250 ..." in ms since the start
    size_t used;
};

static void on_due(struct dh_broker_alarm *alarm)
{
    struct note *note = DH_CONTAINER_OF(alarm, struct note, alarm);
    struct log *log = note->log;
    int64_t ms = (alarm->broker->clock.now_ns - RIG_START_NS) / DH_MS;
    log->used += (size_t)snprintf(log->text + log->used, sizeof(log->text) - log->used,
                                  "%c@%d ", note->name, (int)ms);
    if (note->again_ms != 0) {
        dh_broker_alarm_set(
            alarm, dh_deadline_after_ms(alarm->broker->clock.now_ns, note->again_ms));
    }
}

static void note_init(struct rig *rig, struct note *note, struct log *log, char name,
                      int64_t at_ms, int64_t again_ms)
{
    *note = (struct note){.name = name, .again_ms = again_ms, .log = log};
    assert_int_equal(0, dh_broker_alarm_init(&note->alarm, rig->broker, on_due));
    dh_broker_alarm_set(&note->alarm, RIG_START_NS + at_ms * DH_MS);
}

static void test_each_goes_off_at_its_own_time(void **state)
{
    (void)state;
    struct rig rig;
    struct log log = {.used = 0};
    struct note notes[3];
    rig_start(&rig, NULL);
    note_init(&rig, &notes[0], &log, 'a', 300, 0);
    note_init(&rig, &notes[1], &log, 'b', 100, 150);
    note_init(&rig, &notes[2], &log, 'c', 5000, 0);
    rig_advance(&rig, 99);
    assert_string_equal("", log.text);
    rig_advance(&rig, 1);
    assert_string_equal("b@100 ", log.text);
    rig_advance(&rig, 400);
    assert_string_equal("b@100 b@250 a@300 b@400 ", log.text);
    for (size_t i = 0; i < 3; i++) {
        dh_broker_alarm_deinit(&notes[i].alarm);
    }
    rig_stop(&rig);
}

// A command moves the clock: all that is due on the way happens in order, what is set
// meanwhile included; the host's clock stands still.
static void test_time_can_be_moved(void **state)
{
    (void)state;
    static const bool is_manual[] = {false, true};
    for (size_t m = 0; m < 2; m++) {
        struct rig rig;
        struct log log = {.used = 0};
        struct note notes[2];
        rig_start(&rig, &(struct rig_options){.is_clock_manual = is_manual[m]});
        note_init(&rig, &notes[0], &log, 'a', 1000, 0);
        note_init(&rig, &notes[1], &log, 'b', 400, 400);
        int64_t wall_ms = rig.broker->clock.wall_ms;
        dh_broker_advance(rig.broker, 1700 * DH_MS);
        assert_string_equal("b@400 b@800 a@1000 b@1200 b@1600 ", log.text);
        assert_int_equal(RIG_START_NS + 1700 * DH_MS, rig.broker->clock.now_ns);
        assert_int_equal(wall_ms + 1700, rig.broker->clock.wall_ms);
        // From there on the host's time counts, unless only commands move ours.
        rig_advance(&rig, 300);
        assert_string_equal(is_manual[m] ? "b@400 b@800 a@1000 b@1200 b@1600 "
                                         : "b@400 b@800 a@1000 b@1200 b@1600 b@2000 ",
                            log.text);
        dh_broker_alarm_deinit(&notes[0].alarm);
        dh_broker_alarm_deinit(&notes[1].alarm);
        rig_stop(&rig);
    }
}

static void test_people_wait_by_the_hosts_clock(void **state)
{
    (void)state;
    struct rig rig;
    struct log log = {.used = 0};
    struct note note = {.name = 'h', .log = &log};
    rig_start(&rig, &(struct rig_options){.is_clock_manual = true});
    assert_int_equal(0, dh_broker_alarm_init_host(&note.alarm, rig.broker, on_due));
    dh_broker_alarm_set(&note.alarm, RIG_START_NS + 50 * DH_MS);
    dh_broker_advance(rig.broker, 1000 * DH_MS);
    assert_string_equal("", log.text);
    rig_advance(&rig, 50);
    assert_string_equal("h@1000 ", log.text); // by our clock it is later
    dh_broker_alarm_deinit(&note.alarm);
    rig_stop(&rig);
}

static void test_the_wall_clock_never_goes_back(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_advance(&rig, 100);
    assert_int_equal(RIG_WALL_MS + 100, rig.broker->clock.wall_ms);
    dh_broker_set_wall(rig.broker, RIG_WALL_MS + 5000, rig.now_ns);
    assert_int_equal(RIG_WALL_MS + 5000, rig.broker->clock.wall_ms);
    dh_broker_set_wall(rig.broker, RIG_WALL_MS, rig.now_ns);
    assert_int_equal(RIG_WALL_MS + 5000, rig.broker->clock.wall_ms);
    rig_advance(&rig, 100);
    assert_int_equal(RIG_WALL_MS + 5100, rig.broker->clock.wall_ms);
    rig_stop(&rig);
}

static void test_the_host_may_call_late_and_with_an_older_time(void **state)
{
    (void)state;
    struct rig rig;
    struct log log = {.used = 0};
    struct note note;
    rig_start(&rig, NULL);
    note_init(&rig, &note, &log, 'a', 100, 0);
    dh_broker_tick(rig.broker, RIG_START_NS + 700 * DH_MS);
    assert_string_equal("a@700 ", log.text);
    dh_broker_tick(rig.broker, RIG_START_NS + 600 * DH_MS);
    assert_int_equal(RIG_START_NS + 700 * DH_MS, rig.broker->clock.now_ns);
    dh_broker_alarm_deinit(&note.alarm);
    rig.now_ns = RIG_START_NS + 700 * DH_MS;
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_goes_off_at_its_own_time),
        cmocka_unit_test(test_time_can_be_moved),
        cmocka_unit_test(test_people_wait_by_the_hosts_clock),
        cmocka_unit_test(test_the_wall_clock_never_goes_back),
        cmocka_unit_test(test_the_host_may_call_late_and_with_an_older_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
