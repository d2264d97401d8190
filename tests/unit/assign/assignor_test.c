// SPDX-License-Identifier: MIT
#include "assign/assignor.h"

#include "../test.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/settings.h"

static void assignors_are_found_by_both_names(void **state)
{
    (void)state;
    const struct dh_assignor *range = dh_assignor_find(DH_BYTES("range"));
    assert_non_null(range);
    assert_string_equal("range", range->name);
    assert_int_equal(DH_ASSIGN_EAGER, range->protocols);
    assert_ptr_equal(range, dh_assignor_find(dh_bytes_of(range->class_name)));
    assert_null(dh_assignor_find(DH_BYTES("Range")));
    assert_int_equal(DH_ASSIGN_EAGER,
                     dh_assignor_find(DH_BYTES("roundrobin"))->protocols);
    assert_int_equal(DH_ASSIGN_EAGER, dh_assignor_find(DH_BYTES("sticky"))->protocols);
    assert_int_equal(DH_ASSIGN_EAGER | DH_ASSIGN_COOPERATIVE,
                     dh_assignor_find(DH_BYTES("cooperative-sticky"))->protocols);
    assert_null(dh_assignor_find(DH_BYTES("uniform")));
    assert_non_null(dh_assignor_find_of_server(DH_BYTES("uniform")));
    assert_non_null(dh_assignor_find_of_server(DH_BYTES("range")));
    assert_null(dh_assignor_find_of_server(DH_BYTES("sticky")));
    assert_null(dh_assignor_find(DH_BYTES("")));
}

// What settings let pass must be there, under the name that they hand on.
static void settings_name_assignors_that_exist(void **state)
{
    (void)state;
    static const char *const accepted[] = {
        NULL, // the default
        "range",
        "org.apache.kafka.clients.consumer.RangeAssignor",
        "range,cooperative-sticky",
        "roundrobin,range",
        "org.apache.kafka.clients.consumer.RoundRobinAssignor",
    };
    for (size_t i = 0; i < DH_COUNT_OF(accepted); i++) {
        dohle_config *config = dohle_config_new();
        assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", "a:1"));
        assert_int_equal(
            0, dohle_config_set(config, "partition.assignment.strategy", accepted[i]));
        struct dh_settings settings;
        assert_int_equal(0, dh_settings_resolve(&settings, dh_mem_default(), config,
                                                DH_ROLE_CONSUMER, 1, NULL));
        assert_true(settings.partition_assignment_strategy_count > 0);
        for (size_t j = 0; j < settings.partition_assignment_strategy_count; j++) {
            const char *name = settings.partition_assignment_strategy[j];
            const struct dh_assignor *assignor = dh_assignor_find(dh_bytes_of(name));
            assert_non_null(assignor);
            assert_string_equal(name, assignor->name);
        }
        dh_settings_deinit(&settings);
        dohle_config_free(config);
    }
}

static void members_are_ordered_as_in_java(void **state)
{
    (void)state;

    // Each is before the next. AS-011.
    static const struct {
        const char *id, *instance_id;
    } rows[] = {
        {"z", "a"},
        {"y", "b"},
        {"a", NULL},
        {"aa", NULL},
        {"b", NULL},
        {"\xf0\x9f\x98\x80", NULL}, // U+1F600: surrogates, D83D DE00
        {"\xef\xbc\x81", NULL},     // U+FF01
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        for (size_t j = 0; j < DH_COUNT_OF(rows); j++) {
            struct dh_assign_member a = {.id = dh_bytes_of(rows[i].id),
                                         .instance_id = dh_bytes_of(rows[i].instance_id)};
            struct dh_assign_member b = {.id = dh_bytes_of(rows[j].id),
                                         .instance_id = dh_bytes_of(rows[j].instance_id)};
            int order = dh_assign_member_compare(&a, &b);
            assert_int_equal((i > j) - (i < j), (order > 0) - (order < 0));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assignors_are_found_by_both_names),
        cmocka_unit_test(settings_name_assignors_that_exist),
        cmocka_unit_test(members_are_ordered_as_in_java),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
