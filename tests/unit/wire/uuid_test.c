// SPDX-License-Identifier: MIT
#include "wire/uuid.h"

#include "../test.h"
#include <dohle/error.h>

#include "base/bytes.h"

static void text_is_kafkas(void **state)
{
    (void)state;

    static const struct {
        struct dh_uuid uuid;
        const char *text;
    } rows[] = {
        // From Kafka's Uuid.toString.
        {{{0}}, "AAAAAAAAAAAAAAAAAAAAAA"},
        {{{[15] = 1}}, "AAAAAAAAAAAAAAAAAAAAAQ"},
        {{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
           0xff, 0xff, 0xff}},
         "_____________________w"},
        {{{0x8e, 0x3b, 0xfb, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x10, 0x32,
           0x54, 0x76, 0x98}},
         "jjv7ASNFZ4mrze8QMlR2mA"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_string_equal(rows[i].text, dh_uuid_text(&rows[i].uuid).text);
        struct dh_uuid parsed;
        assert_int_equal(0, dh_uuid_parse(dh_bytes_of(rows[i].text), &parsed));
        assert_true(dh_uuid_equal(&rows[i].uuid, &parsed));
        assert_int_equal(i == 0, dh_uuid_is_zero(&parsed));
    }
}

static void other_text_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "AAAAAAAAAAAAAAAAAAAAA",   // too short
        "AAAAAAAAAAAAAAAAAAAAAAA", // too long
        "AAAAAAAAAA+AAAAAAAAAAA",  // not the alphabet for URLs
        "AAAAAAAAAAAAAAAAAAAAAB",  // bits beyond the 128th
    };
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_uuid parsed;
        assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                         dh_uuid_parse(dh_bytes_of(rows[i]), &parsed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_kafkas),
        cmocka_unit_test(other_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
