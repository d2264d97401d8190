// SPDX-License-Identifier: MIT
#include "rig.h"

#include <dohle/error.h>

#include "broker/settings.h"
#include "broker/topic_config.h"

static void test_names_are_in_order_and_defaults_pass_their_own_check(void **state)
{
    (void)state;
    char text[300];
    for (size_t i = 0; i < dh_broker_setting_count; i++) {
        const struct dh_broker_setting *row = &dh_broker_setting_table[i];
        assert_true(i == 0 || strcmp(dh_broker_setting_table[i - 1].name, row->name) < 0);
        // Kafka's defaults of DOUBLE may be written with an exponent.
        if (row->standard != NULL && row->standard[0] != '\0' &&
            row->type != DH_BROKER_SETTING_DOUBLE) {
            assert_int_equal(0, dh_broker_setting_check(
                                    row->name, row->type, row->min, row->max, row->values,
                                    (dohle_bytes){(const uint8_t *)row->standard,
                                                  strlen(row->standard)},
                                    text, sizeof(text)));
        }
    }
    for (size_t i = 1; i < dh_broker_topic_setting_count; i++) {
        assert_true(strcmp(dh_broker_topic_setting_table[i - 1].name,
                           dh_broker_topic_setting_table[i].name) < 0);
    }
}

static void test_what_is_set_is_in_force(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "num.partitions = 4", "auto.create.topics.enable=FALSE",
        "group.min.session.timeout.ms=10",
        "log.cleaner.threads=1", // no effect, but the default
    };
    struct rig rig;
    rig_start(&rig, &(struct rig_options){
                        .node_count = 3, .settings = settings, .setting_count = 4});
    const struct dh_broker_settings *in_force = rig.broker->settings;
    assert_int_equal(4, in_force->num_partitions);
    assert_false(in_force->auto_create_topics_enable);
    assert_true(in_force->delete_topic_enable);
    assert_int_equal(10, in_force->group_min_session_timeout_ms);
    assert_int_equal(1800000, in_force->group_max_session_timeout_ms);
    assert_int_equal(0, in_force->group_initial_rebalance_delay_ms);
    assert_int_equal(3, in_force->offsets_topic_num_partitions); // one a node
    assert_int_equal(104857600, in_force->socket_request_max_bytes);
    rig_stop(&rig);
}

static void test_what_makes_no_sense_is_refused_with_a_reason(void **state)
{
    (void)state;

    static const struct {
        const char *line;
        int expected;
        const char *text;
    } rows[] = {
        {"num.partition=4", DOHLE_ERR_UNKNOWN_CONFIG,
         "there is no broker setting 'num.partition'; did you mean 'num.partitions'?"},
        {"colour=red", DOHLE_ERR_UNKNOWN_CONFIG, "there is no broker setting 'colour'"},
        {"num.partitions", DOHLE_ERR_INVALID_CONFIG,
         "'num.partitions' is no setting: it must be NAME=VALUE"},
        {"num.partitions=0", DOHLE_ERR_INVALID_CONFIG,
         "Invalid value 0 for configuration num.partitions: Value must be at least 1"},
        {"num.partitions=x", DOHLE_ERR_INVALID_CONFIG,
         "Invalid value x for configuration num.partitions: Not a number of type INT"},
        {"log.message.timestamp.type=x", DOHLE_ERR_INVALID_CONFIG,
         "Invalid value x for configuration log.message.timestamp.type: String must be "
         "one of: CreateTime, LogAppendTime"},
        {"num.io.threads=3", DOHLE_ERR_UNSUPPORTED_CONFIG,
         "the broker setting 'num.io.threads' is Kafka's but has no effect here; leave it "
         "out"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig rig;
        assert_int_equal(
            rows[i].expected,
            rig_try_start(&rig, &(struct rig_options){.settings = &rows[i].line,
                                                      .setting_count = 1}));
        assert_string_equal(rows[i].text, rig.text);
        rig_stop(&rig);
    }
}

static void test_a_broker_has_nodes(void **state)
{
    (void)state;
    struct rig rig;
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     rig_try_start(&rig, &(struct rig_options){.node_count = 17}));
    assert_string_equal("a broker has 1 to 16 nodes, not 17", rig.text);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_in_order_and_defaults_pass_their_own_check),
        cmocka_unit_test(test_what_is_set_is_in_force),
        cmocka_unit_test(test_what_makes_no_sense_is_refused_with_a_reason),
        cmocka_unit_test(test_a_broker_has_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
