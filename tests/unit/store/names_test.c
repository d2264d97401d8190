// SPDX-License-Identifier: MIT
#include "../test.h"

#include "base/assert.h"
#include "store/names.h"

static void test_paths(void **state)
{
    (void)state;
    assert_string_equal("orders-3/x", dh_store_path("orders-3", "x").text);
    assert_string_equal("x", dh_store_path("", "x").text);
    assert_string_equal("o-0/00000000000000000042.timeindex",
                        dh_store_segment_path("o-0", 42, ".timeindex").text);
    assert_string_equal("o-0/09223372036854775807.log",
                        dh_store_segment_path("o-0", INT64_MAX, ".log").text);
}

static void test_segment_names(void **state)
{
    (void)state;

    static const struct {
        const char *name;
        bool is_one;
        int64_t offset;
        const char *suffix;
    } rows[] = {
        {"00000000000000000000.log", true, 0, ".log"},
        {"00000000000000000123.snapshot", true, 123, ".snapshot"},
        {"00000000000000000123.log.torn", true, 123, ".log.torn"},
        {"09223372036854775807.log", true, INT64_MAX, ".log"},
        {"09223372036854775808.log", false, 0, NULL}, // beyond int64
        {"0000000000000000000.log", false, 0, NULL},  // 19 digits
        {"000000000000000000000.log", false, 0, NULL},
        {"00000000000000000000", false, 0, NULL},
        {"0000000000000000000x.log", false, 0, NULL},
        {"leader-epoch-checkpoint", false, 0, NULL},
        {"", false, 0, NULL},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        int64_t offset = -1;
        const char *suffix = NULL;
        assert_int_equal(rows[i].is_one,
                         dh_store_parse_segment_name(rows[i].name, &offset, &suffix));
        if (rows[i].is_one) {
            assert_int_equal(rows[i].offset, offset);
            assert_string_equal(rows[i].suffix, suffix);
        }
    }
}

static void test_log_names(void **state)
{
    (void)state;

    static const struct {
        const char *name;
        bool is_one;
        size_t topic_size;
        int32_t partition;
    } rows[] = {
        {"orders-0", true, 6, 0},
        {"a-b.c_d-12", true, 7, 12},
        {"__consumer_offsets-49", true, 18, 49},
        {"x-2147483647", true, 1, INT32_MAX},
        {"x-2147483648", false, 0, 0},
        {"x-01", false, 0, 0}, // not as Kafka writes it
        {"x-", false, 0, 0},
        {"-1", false, 0, 0},
        {"x", false, 0, 0},
        {"x--1", true, 2, 1},
        {"orders-0.0a1b-delete", false, 0, 0}, // Kafka's, on their way out
        {"orders-0.0a1b-future", false, 0, 0},
        {"", false, 0, 0},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        size_t topic_size = 0;
        int32_t partition = -1;
        assert_int_equal(rows[i].is_one,
                         dh_store_parse_log_name(rows[i].name, &topic_size, &partition));
        if (rows[i].is_one) {
            assert_int_equal(rows[i].topic_size, topic_size);
            assert_int_equal(rows[i].partition, partition);
        }
    }
    char name[300];
    size_t topic_size;
    int32_t partition;
    memset(name, 'a', sizeof(name));
    memcpy(name + 249, "-7", 3);
    assert_true(dh_store_parse_log_name(name, &topic_size, &partition));
    memset(name, 'a', 251);
    memcpy(name + 250, "-7", 3);
    assert_false(dh_store_parse_log_name(name, &topic_size, &partition));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_segment_names),
        cmocka_unit_test(test_log_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
