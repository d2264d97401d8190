// SPDX-License-Identifier: MIT
#include "base/strings.h"

#include <dohle/error.h>

#include "../test.h"
#include "base/bytes.h"

static void numbers_are_whole_and_in_range(void **state)
{
    (void)state;

    static const struct {
        const char *text;
        int64_t min, max;
        int err;
        int64_t number;
    } rows[] = {
        {"0", 0, 0, 0, 0},
        {"-0", 0, 0, 0, 0},
        {"+12", 0, 100, 0, 12},
        {"007", 0, 100, 0, 7},
        {"-1", -1, INT32_MAX, 0, -1},
        {"9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, DOHLE_ERR_INVALID_ARGUMENT, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, DOHLE_ERR_INVALID_ARGUMENT, 0},
        {"99999999999999999999", INT64_MIN, INT64_MAX, DOHLE_ERR_INVALID_ARGUMENT, 0},
        {"101", 0, 100, DOHLE_ERR_INVALID_ARGUMENT, 0},
        {"-1", 0, 100, DOHLE_ERR_INVALID_ARGUMENT, 0},
        {"", 0, 100, DOHLE_ERR_INVALID_ARGUMENT, 0},
        {"-", -100, 100, DOHLE_ERR_INVALID_ARGUMENT, 0},
        {" 1", 0, 100, DOHLE_ERR_INVALID_ARGUMENT, 0},
        {"1s", 0, 100, DOHLE_ERR_INVALID_ARGUMENT, 0},
        {"0x10", 0, 100, DOHLE_ERR_INVALID_ARGUMENT, 0},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        int64_t number = 4711;
        int err =
            dh_parse_int64(dh_bytes_of(rows[i].text), rows[i].min, rows[i].max, &number);
        assert_int_equal(rows[i].err, err);
        assert_int_equal(err == 0 ? rows[i].number : 4711, number);
    }
}

static void trim_takes_white_space_off_both_ends(void **state)
{
    (void)state;
    assert_bytes_equal(DH_BYTES("a b"), dh_trim(DH_BYTES(" \t a b\r\n")));
    assert_bytes_equal(DH_BYTES("a"), dh_trim(DH_BYTES("a")));
    assert_int_equal(0, dh_trim(DH_BYTES(" \n ")).size);
    assert_int_equal(0, dh_trim(DH_BYTES_NULL).size);
}

static void lists_are_split_at_commas(void **state)
{
    (void)state;

    static const struct {
        const char *text;
        const char *parts[4]; // up to the first NULL
    } rows[] = {
        {"", {NULL}},
        {"  ", {NULL}},
        {"a", {"a", NULL}},
        {" a , b c,d ", {"a", "b c", "d", NULL}},
        {"a,,b", {"a", "", "b", NULL}},
        {",a", {"", "a", NULL}},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        dohle_bytes rest = dh_bytes_of(rows[i].text);
        dohle_bytes part;
        size_t count = 0;
        while (dh_list_next(&rest, &part)) {
            assert_non_null(rows[i].parts[count]);
            assert_bytes_equal(dh_bytes_of(rows[i].parts[count]), part);
            count++;
        }
        assert_null(rows[i].parts[count]);
    }
}

static void split_keeps_empty_parts(void **state)
{
    (void)state;
    dohle_bytes rest = DH_BYTES("a=");
    dohle_bytes part;
    assert_true(dh_split_next(&rest, '=', &part));
    assert_bytes_equal(DH_BYTES("a"), part);
    assert_true(dh_split_next(&rest, '=', &part));
    assert_int_equal(0, part.size);
    assert_false(dh_split_next(&rest, '=', &part));
}

static void case_is_ignored_for_letters_only(void **state)
{
    (void)state;
    assert_true(dh_equal_ignoring_case(DH_BYTES("PlainText"), DH_BYTES("PLAINTEXT")));
    assert_false(dh_equal_ignoring_case(DH_BYTES("a["), DH_BYTES("A{")));
    assert_false(dh_equal_ignoring_case(DH_BYTES("a"), DH_BYTES("ab")));
}

static void distance_counts_single_edits(void **state)
{
    (void)state;

    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "abc", 0},
        {"abc", "abd", 1},
        {"abc", "acb", 1}, // a swap
        {"abc", "ab", 1},
        {"kitten", "sitting", 3},
        {"fetch.max.await.ms", "fetch.max.wait.ms", 1},
        {"sesison.timeout.ms", "session.timeout.ms", 1},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        dohle_bytes a = dh_bytes_of(rows[i].a);
        dohle_bytes b = dh_bytes_of(rows[i].b);
        assert_int_equal(rows[i].distance, dh_edit_distance(a, b));
        assert_int_equal(rows[i].distance, dh_edit_distance(b, a));
    }
    static const uint8_t text[DH_EDIT_DISTANCE_SIZE_MAX + 1];
    dohle_bytes longest = {text, DH_EDIT_DISTANCE_SIZE_MAX};
    dohle_bytes too_long = {text, DH_EDIT_DISTANCE_SIZE_MAX + 1};
    assert_int_equal(0, dh_edit_distance(longest, longest));
    assert_int_equal(SIZE_MAX, dh_edit_distance(DH_BYTES("a"), too_long));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(trim_takes_white_space_off_both_ends),
        cmocka_unit_test(lists_are_split_at_commas),
        cmocka_unit_test(split_keeps_empty_parts),
        cmocka_unit_test(case_is_ignored_for_letters_only),
        cmocka_unit_test(distance_counts_single_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
