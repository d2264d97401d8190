// SPDX-License-Identifier: MIT
#include "broker/line.h"

#include <dohle/error.h>

#include "../test.h"
#include "base/bytes.h"

static struct test_memory memory;

static int set_up(void **state)
{
    (void)state;
    test_memory_init(&memory);
    return 0;
}

static void words_are_taken_apart(void **state)
{
    (void)state;

    static const struct {
        const char *line;
        size_t count;
        const char *name; // of the last word
        enum dh_broker_relation relation;
        const char *value;
        size_t size;
    } rows[] = {
        {"", 0, NULL, DH_BROKER_EQUAL, "", 0},
        {"  \t ", 0, NULL, DH_BROKER_EQUAL, "", 0},
        {"clock", 1, NULL, DH_BROKER_EQUAL, "clock", 5},
        {" topic  create t\r\n", 3, NULL, DH_BROKER_EQUAL, "t", 1},
        {"put t 0 key=a=b", 4, "key", DH_BROKER_EQUAL, "a=b", 3},
        {"put key=", 2, "key", DH_BROKER_EQUAL, "", 0},
        {"x retention.ms=-1", 2, "retention.ms", DH_BROKER_EQUAL, "-1", 2},
        {"x end>=100", 2, "end", DH_BROKER_AT_LEAST, "100", 3},
        {"x end<=100", 2, "end", DH_BROKER_AT_MOST, "100", 3},
        {"x end>100", 2, "end", DH_BROKER_ABOVE, "100", 3},
        {"x end<100", 2, "end", DH_BROKER_BELOW, "100", 3},
        {"put value=\"a b\"", 2, "value", DH_BROKER_EQUAL, "a b", 3},
        {"put \"a=b c\"", 2, NULL, DH_BROKER_EQUAL, "a=b c", 5},
        {"put v=\"\"", 2, "v", DH_BROKER_EQUAL, "", 0},
        {"put v=\"\\\"\\\\\\n\\r\\t\\0\\x7F\"", 2, "v", DH_BROKER_EQUAL,
         "\"\\\n\r\t\0\x7f", 7},
        {"=x", 1, NULL, DH_BROKER_EQUAL, "=x", 2},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_broker_line line;
        dh_broker_line_init(&line, &memory.allocator);
        assert_int_equal(0, dh_broker_line_parse(&line, dh_bytes_of(rows[i].line)));
        assert_int_equal(rows[i].count, line.count);
        if (line.count > 0) {
            const struct dh_broker_word *word = &line.words[line.count - 1];
            assert_bytes_equal(dh_bytes_of(rows[i].name), word->name);
            assert_int_equal(rows[i].relation, word->relation);
            assert_bytes_equal(
                ((dohle_bytes){(const uint8_t *)rows[i].value, rows[i].size}),
                word->value);
        }
        dh_broker_line_deinit(&line);
    }
    assert_int_equal(0, memory.bytes);
}

static void broken_lines_say_why(void **state)
{
    (void)state;

    static const struct {
        const char *line;
        const char *sentence;
    } rows[] = {
        {"put \"a", "a quote is not closed"},
        {"put \"a\"b", "a space must follow a closing quote"},
        {"put \"\\q\"", "after a backslash in quotes comes one of \" \\ n r t 0 or xHH"},
        {"put \"\\x1\"", "after a backslash in quotes comes one of \" \\ n r t 0 or xHH"},
        {"put \"\\", "after a backslash in quotes comes one of \" \\ n r t 0 or xHH"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_broker_line line;
        dh_broker_line_init(&line, &memory.allocator);
        assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                         dh_broker_line_parse(&line, dh_bytes_of(rows[i].line)));
        assert_bytes_equal(dh_bytes_of(rows[i].sentence), dh_buf_view(&line.wrong));
        dh_broker_line_deinit(&line);
    }
}

static void bounds_are_held(void **state)
{
    (void)state;
    char many[2 * DH_BROKER_LINE_WORDS_MAX + 3];
    for (size_t i = 0; i < sizeof(many) - 1; i++) {
        many[i] = i % 2 == 0 ? 'a' : ' ';
    }
    many[sizeof(many) - 1] = '\0';
    struct dh_broker_line line;
    dh_broker_line_init(&line, &memory.allocator);
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dh_broker_line_parse(&line, dh_bytes_of(many)));
    assert_bytes_equal(DH_BYTES("a line has at most 64 words"), dh_buf_view(&line.wrong));

    static uint8_t long_line[DH_BROKER_LINE_SIZE_MAX];
    memset(long_line, 'a', sizeof(long_line));
    assert_int_equal(
        DOHLE_ERR_INVALID_ARGUMENT,
        dh_broker_line_parse(&line, (dohle_bytes){long_line, sizeof(long_line)}));
    assert_bytes_equal(DH_BYTES("a line has at most 65535 bytes"),
                       dh_buf_view(&line.wrong));
    assert_int_equal(
        0, dh_broker_line_parse(&line, (dohle_bytes){long_line, sizeof(long_line) - 1}));
    assert_int_equal(sizeof(long_line) - 1, dh_broker_line_word(&line, 0).size);
    dh_broker_line_deinit(&line);
}

static void words_are_read_by_place_and_name(void **state)
{
    (void)state;
    struct dh_broker_line line;
    dh_broker_line_init(&line, &memory.allocator);
    assert_int_equal(0, dh_broker_line_parse(&line, DH_BYTES("fill count=7 t 3 size=1")));
    assert_bytes_equal(DH_BYTES("t"), dh_broker_line_text_at(&line, 1, "TOPIC"));
    assert_int_equal(3, dh_broker_line_number_at(&line, 2, "PARTITION", 0, 9));
    assert_int_equal(7, dh_broker_line_number(&line, "count", 1, 10, 1));
    assert_int_equal(5, dh_broker_line_number(&line, "keys", 1, 10, 5));
    assert_null(dh_broker_line_text(&line, "keys").data);
    assert_false(dh_broker_line_is_wrong(&line));

    dh_broker_line_finish(&line, "count, size");
    assert_bytes_equal(DH_BYTES("\"fill\" makes no sense here; allowed: count, size"),
                       dh_buf_view(&line.wrong));
    dh_broker_line_deinit(&line);
}

static void the_first_thing_wrong_is_told(void **state)
{
    (void)state;
    struct dh_broker_line line;
    dh_broker_line_init(&line, &memory.allocator);
    assert_int_equal(0, dh_broker_line_parse(&line, DH_BYTES("advance count=0 id>1")));
    assert_int_equal(1, dh_broker_line_number(&line, "count", 1, 10, 1));
    assert_null(dh_broker_line_text_at(&line, 1, "MS").data);
    assert_bytes_equal(DH_BYTES("count is a number from 1 to 10, not \"0\""),
                       dh_buf_view(&line.wrong));

    assert_int_equal(0, dh_broker_line_parse(&line, DH_BYTES("advance count=0 id>1")));
    assert_int_equal(0, dh_broker_line_number_at(&line, 1, "MS", 0, 10));
    assert_bytes_equal(DH_BYTES("MS is missing"), dh_buf_view(&line.wrong));

    assert_int_equal(0, dh_broker_line_parse(&line, DH_BYTES("advance count=0 id>1")));
    (void)dh_broker_line_text(&line, "id");
    assert_bytes_equal(DH_BYTES("id is compared with = only"), dh_buf_view(&line.wrong));

    assert_int_equal(0, dh_broker_line_parse(&line, DH_BYTES("advance count=0 id>1")));
    (void)dh_broker_line_number(&line, "id", 0, 9, 0);
    assert_bytes_equal(DH_BYTES("id is compared with = only"), dh_buf_view(&line.wrong));

    assert_int_equal(0, dh_broker_line_parse(&line, DH_BYTES("wait end>=x")));
    (void)dh_broker_line_bound(&line, "end");
    assert_bytes_equal(DH_BYTES("end is a number from -9223372036854775808 to "
                                "9223372036854775807, not \"x\""),
                       dh_buf_view(&line.wrong));
    dh_broker_line_deinit(&line);
}

static void bounds_hold_or_not(void **state)
{
    (void)state;

    static const struct {
        const char *line;
        bool below, equal, above; // of 4, 5 and 6
    } rows[] = {
        {"end=5", false, true, false}, {"end>=5", false, true, true},
        {"end<=5", true, true, false}, {"end>5", false, false, true},
        {"end<5", true, false, false}, {"start=5", true, true, true},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_broker_line line;
        dh_broker_line_init(&line, &memory.allocator);
        assert_int_equal(0, dh_broker_line_parse(&line, dh_bytes_of(rows[i].line)));
        struct dh_broker_bound bound = dh_broker_line_bound(&line, "end");
        assert_int_equal(rows[i].below, dh_broker_bound_holds(&bound, 4));
        assert_int_equal(rows[i].equal, dh_broker_bound_holds(&bound, 5));
        assert_int_equal(rows[i].above, dh_broker_bound_holds(&bound, 6));
        dh_broker_line_deinit(&line);
    }
}

static void slips_find_their_word(void **state)
{
    (void)state;
    static const char *const names[] = {"topic", "fault", "wait"};
    assert_string_equal("topic", dh_broker_line_similar(DH_BYTES("topcs"), names, 3));
    assert_string_equal("fault", dh_broker_line_similar(DH_BYTES("fauls"), names, 3));
    assert_null(dh_broker_line_similar(DH_BYTES("journal"), names, 3));
    assert_null(dh_broker_line_similar(DH_BYTES("x"), names, 3));
}

static void texts_come_back_as_they_were(void **state)
{
    (void)state;

    static const struct {
        const char *text;
        size_t size;
        const char *printed;
    } rows[] = {
        {"orders", 6, "orders"},       {"", 0, "\"\""},
        {"a b", 3, "\"a b\""},         {"\"\\", 2, "\"\\\"\\\\\""},
        {"\n\0", 2, "\"\\x0a\\x00\""}, {"\xc3\xa4", 2, "\xc3\xa4"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        dohle_bytes text = {(const uint8_t *)rows[i].text, rows[i].size};
        struct dh_buf out;
        dh_buf_init(&out, &memory.allocator, 0);
        dh_broker_print_text(&out, text);
        assert_bytes_equal(dh_bytes_of(rows[i].printed), dh_buf_view(&out));

        struct dh_broker_line line;
        dh_broker_line_init(&line, &memory.allocator);
        assert_int_equal(0, dh_broker_line_parse(&line, dh_buf_view(&out)));
        assert_bytes_equal(text, dh_broker_line_word(&line, 0));
        dh_broker_line_deinit(&line);
        dh_buf_deinit(&out);
    }
}

static void no_memory_is_said(void **state)
{
    (void)state;
    memory.fail_at = 1;
    struct dh_broker_line line;
    dh_broker_line_init(&line, &memory.allocator);
    assert_int_equal(DOHLE_ERR_NO_MEMORY, dh_broker_line_parse(&line, DH_BYTES("clock")));
    dh_broker_line_deinit(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(words_are_taken_apart, set_up),
        cmocka_unit_test_setup(broken_lines_say_why, set_up),
        cmocka_unit_test_setup(bounds_are_held, set_up),
        cmocka_unit_test_setup(words_are_read_by_place_and_name, set_up),
        cmocka_unit_test_setup(the_first_thing_wrong_is_told, set_up),
        cmocka_unit_test_setup(bounds_hold_or_not, set_up),
        cmocka_unit_test_setup(slips_find_their_word, set_up),
        cmocka_unit_test_setup(texts_come_back_as_they_were, set_up),
        cmocka_unit_test_setup(no_memory_is_said, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
