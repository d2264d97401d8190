// SPDX-License-Identifier: MIT
#include "input.h"

#include <unistd.h>

#include "../test.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// Reads text through a pipe and joins the pieces with '|', one after each.
static void cut(const char *text, size_t size, const char *delimiter, char *joined)
{
    int ends[2];
    assert_int_equal(0, pipe(ends));
    assert_int_equal(size, write(ends[1], text, size));
    close(ends[1]);
    struct input input;
    input_init(&input, ends[0], delimiter, strlen(delimiter));
    dohle_bytes piece;
    while (input_next(&input, &piece)) {
        memcpy(joined, piece.data, piece.size);
        joined += piece.size;
        *joined++ = '|';
    }
    *joined = '\0';
    assert_int_equal(0, input.error);
    input_deinit(&input);
    close(ends[0]);
}

static void input_is_cut_at_the_delimiter(void **state)
{
    (void)state;

    static const struct {
        const char *text, *delimiter, *expected;
    } rows[] = {
        {"", "\n", ""},         {"a", "\n", "a|"},    {"a\n", "\n", "a|"},
        {"a\nb", "\n", "a|b|"}, {"\n\n", "\n", "||"}, {"a--b-c--", "--", "a|b-c|"},
        {"a-", "--", "a-|"},    {"---", "--", "|-|"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char joined[64];
        cut(rows[i].text, strlen(rows[i].text), rows[i].delimiter, joined);
        assert_string_equal(rows[i].expected, joined);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(input_is_cut_at_the_delimiter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
