// SPDX-License-Identifier: MIT
#include "offset_spec.h"

#include "../test.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void offsets_are_read(void **state)
{
    (void)state;

    static const struct {
        const char *text;
        enum offset_kind kind;
        int64_t value;
    } rows[] = {
        {"start", OFFSET_START, 0},
        {"earliest", OFFSET_START, 0},
        {"end", OFFSET_END, 0},
        {"0", OFFSET_ABSOLUTE, 0},
        {"9223372036854775807", OFFSET_ABSOLUTE, INT64_MAX},
        {"-10", OFFSET_BEFORE_END, 10},
        {"@1700000000", OFFSET_TIME, 1700000000000},
        {"@1700000000123", OFFSET_TIME, 1700000000123},
        {"@1970-01-02", OFFSET_TIME, 86400000},
        {"@2000-02-29T00:00:00Z", OFFSET_TIME, 951782400000},
        {"@2026-11-22T10:00:00.5+02:00", OFFSET_TIME, 1795334400500},
        {"@2026-11-22 08:00:00", OFFSET_TIME, 1795334400000},
        {"@now", OFFSET_TIME, 1000000000000},
        {"@-1h30m", OFFSET_TIME, 1000000000000 - 5400000},
        {"@-250ms", OFFSET_TIME, 1000000000000 - 250},
        {"@-99999d", OFFSET_TIME, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct offset_spec spec;
        if (!offset_spec_parse(rows[i].text, 1000000000000, &spec)) {
            fail_msg("%s was not read", rows[i].text);
        }
        assert_int_equal(rows[i].kind, spec.kind);
        assert_int_equal(rows[i].value, spec.value);
    }
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "begin",
        "1x",
        "+5",
        "--5",
        "-",
        "-x",
        "@",
        "@-",
        "@-1",
        "@-1w",
        "@2026-13-01",
        "@2026-1",
        "@yesterday",
        "9223372036854775808",
        "@2026-11-22T25:00:00",
        "@2026-11-22T10:00:00+2",
        "@1900-01-01",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct offset_spec spec;
        if (offset_spec_parse(rows[i], 1000000000000, &spec)) {
            fail_msg("'%s' was read", rows[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_read),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
