// SPDX-License-Identifier: MIT
// What happens to logs by themselves, as our clock moves.
#include "broker/retention.h"

#include "data_rig.h"

static void test_old_records_go(void **state)
{
    (void)state;
    static const char *const settings[] = {"log.retention.check.interval.ms=1000"};
    static const char *const of_topic[] = {"retention.ms=5000", "segment.ms=1000"};
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.settings = settings, .setting_count = 1});
    make_topic_with(&rig, "short", 1, 1, of_topic, DH_COUNT_OF(of_topic));
    make_topic(&rig, "long", 1);
    fill(&rig, "short", 0, 3);
    fill(&rig, "long", 0, 3);
    rig_advance(&rig, 4000);
    assert_int_equal(0, dh_store_log_start(log_of(&rig, "short", 0)));
    rig_advance(&rig, 3000);
    assert_int_equal(3, dh_store_log_start(log_of(&rig, "short", 0)));
    assert_int_equal(3, dh_store_log_end(log_of(&rig, "short", 0)));
    assert_int_equal(0, dh_store_log_start(log_of(&rig, "long", 0)));
    rig_stop(&rig);
}

// Checkpoints are written while the broker runs, so that a crash costs little.
static void test_checkpoints(void **state)
{
    (void)state;
    struct rig rig;
    static const char *const settings[] = {
        "log.flush.offset.checkpoint.interval.ms=1000"};
    rig_start(&rig, &(struct rig_options){.settings = settings, .setting_count = 1});
    make_topic(&rig, "orders", 1);
    fill(&rig, "orders", 0, 3);
    assert_int_equal(0, dh_store_log_delete_before(log_of(&rig, "orders", 0), 2));
    rig_advance(&rig, 2000);
    rig_restart(&rig, false);
    assert_int_equal(2, dh_store_log_start(log_of(&rig, "orders", 0)));
    assert_int_equal(3, dh_store_log_end(log_of(&rig, "orders", 0)));
    rig_stop(&rig);
}

// A full disk is no reason to stop.
static void test_full_disk(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    fill(&rig, "orders", 0, 3);
    dh_memory_files_set_room(rig.files, 0);
    rig_advance(&rig, 3600 * 1000);
    dh_memory_files_set_room(rig.files, -1);
    fill(&rig, "orders", 0, 1);
    assert_int_equal(4, dh_store_log_end(log_of(&rig, "orders", 0)));
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_records_go),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
