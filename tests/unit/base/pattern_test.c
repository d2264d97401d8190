// SPDX-License-Identifier: MIT
#include "base/pattern.h"

#include <dohle/error.h>

#include "../test.h"
#include "base/bytes.h"

static void pattern_matches_the_whole_subject(void **state)
{
    (void)state;

    static const struct {
        const char *pattern, *subject;
        bool matches;
    } rows[] = {
        {"orders", "orders", true},
        {"orders", "orders2", false},
        {"orders", "my-orders", false},
        {"a|ab", "ab", true}, // as Java's matches: tries the longer branch too
        {"order.*", "orders.eu", true},
        {"^order.*$", "orders", true},
        {"(?i)ORDERS", "orders", true},
        {"(?!__).*", "__consumer_offsets", false},
        {"", "", true},
        {"", "a", false},
        {"a.c",
         "a\xff"
         "c",
         false}, // not UTF-8: no character to match
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct dh_pattern *pattern;
        char error[DH_PATTERN_ERROR_SIZE];
        assert_int_equal(0,
                         dh_pattern_new(&memory.allocator, dh_bytes_of(rows[i].pattern),
                                        &pattern, error));
        bool matches = !rows[i].matches;
        assert_int_equal(
            0, dh_pattern_match(pattern, dh_bytes_of(rows[i].subject), &matches));
        assert_int_equal(rows[i].matches, matches);
        dh_pattern_free(pattern);
        assert_int_equal(0, memory.bytes);
    }
}

static void bad_pattern_is_explained(void **state)
{
    (void)state;

    static const struct {
        const char *pattern, *error;
    } rows[] = {
        {"a(b", "at byte 3: missing closing parenthesis"},
        {"[a", "at byte 2: missing terminating ] for character class"},
        {"*a", "at byte 0: quantifier does not follow a repeatable item"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct dh_pattern *pattern;
        char error[DH_PATTERN_ERROR_SIZE];
        assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                         dh_pattern_new(&memory.allocator, dh_bytes_of(rows[i].pattern),
                                        &pattern, error));
        assert_string_equal(rows[i].error, error);
        assert_null(pattern);
        assert_int_equal(0, memory.bytes);
    }
}

static void endless_search_is_given_up(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_pattern *pattern;
    char error[DH_PATTERN_ERROR_SIZE];
    assert_int_equal(
        0, dh_pattern_new(&memory.allocator, DH_BYTES("(a+)+[bd]"), &pattern, error));
    bool matches;
    assert_int_equal(
        DOHLE_ERR_TOO_LARGE,
        dh_pattern_match(pattern, DH_BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"),
                         &matches));
    assert_in_range(memory.bytes_peak, 1, (DH_PATTERN_HEAP_KIB_MAX + 64) * 1024);
    // The pattern is as good as before.
    assert_int_equal(0, dh_pattern_match(pattern, DH_BYTES("aab"), &matches));
    assert_true(matches);
    dh_pattern_free(pattern);
    assert_int_equal(0, memory.bytes);
}

static void overlong_pattern_is_refused(void **state)
{
    (void)state;
    struct dh_pattern *pattern;
    char error[DH_PATTERN_ERROR_SIZE];
    static uint8_t text[DH_PATTERN_SIZE_MAX + 1];
    memset(text, 'a', sizeof(text));
    struct test_memory memory;
    test_memory_init(&memory);
    dohle_bytes bytes = {text, sizeof(text)};
    assert_int_equal(DOHLE_ERR_TOO_LARGE,
                     dh_pattern_new(&memory.allocator, bytes, &pattern, error));
    assert_int_equal(0, memory.calls);
}

static void no_memory_is_reported(void **state)
{
    (void)state;
    for (size_t fail_at = 1;; fail_at++) {
        struct test_memory memory;
        test_memory_init(&memory);
        memory.fail_at = fail_at;
        struct dh_pattern *pattern;
        char error[DH_PATTERN_ERROR_SIZE];
        bool matches = false;
        int err = dh_pattern_new(&memory.allocator, DH_BYTES("(?:[a-c]+x){2}\\w*"),
                                 &pattern, error);
        if (err == 0) {
            err = dh_pattern_match(pattern, DH_BYTES("abcxcbax1"), &matches);
        }
        dh_pattern_free(pattern);
        assert_int_equal(0, memory.bytes);
        if (err == 0) {
            assert_true(matches);
            assert_true(fail_at > 4);
            return;
        }
        assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_matches_the_whole_subject),
        cmocka_unit_test(bad_pattern_is_explained),
        cmocka_unit_test(endless_search_is_given_up),
        cmocka_unit_test(overlong_pattern_is_refused),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
