// SPDX-License-Identifier: MIT
#include "format.h"

#include "../test.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(text)     ((dohle_bytes){(const uint8_t *)(text), sizeof(text) - 1})

static const dohle_record plain = {
    .topic = "orders",
    .partition = 3,
    .offset = 81240,
    .timestamp_ms = 1700000000123,
    .timestamp_type = DOHLE_TIMESTAMP_CREATE,
    .leader_epoch = 7,
    .key = {(const uint8_t *)"k\xff", 2},
    .value = {(const uint8_t *)"v\"1", 3},
    .headers = {(const uint8_t *)"\x02"
                                 "a"
                                 "\x02"
                                 "1"
                                 "\x02"
                                 "b"
                                 "\x01",
                7},
    .header_count = 2,
};

static void records_are_written_as_told(void **state)
{
    (void)state;

    static const struct {
        const char *format;
        const char *expected;
    } rows[] = {
        {"%t/%p @%o e%e", "orders/3 @81240 e7"},
        {"%v\\n", "v\"1\n"},
        {"%K %V %H", "2 3 2"},
        {"%k{hex} %k{base64} %k{json}", "6bff a/8= {\"b64\":\"a/8=\"}"},
        {"%v{json}", "\"v\\\"1\""},
        {"%d %d{RFC3339}", "1700000000123 2023-11-14T22:13:20.123Z"},
        {"[%h{%k=%v;}]", "[a=1;b=;]"},
        {"100%%\\x41\\t", "100%A\t"},
        {"{}", "{}"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *error;
        size_t position;
        struct format *format = format_parse(rows[i].format, &error, &position);
        assert_non_null(format);
        struct output output;
        output_init(&output, -1);
        format_write(format, &plain, &output);
        output_byte(&output, '\0');
        assert_string_equal(rows[i].expected, output.data);
        output_deinit(&output);
        format_free(format);
    }
}

static void null_is_told_from_empty_by_its_size(void **state)
{
    (void)state;
    const dohle_record record = {.topic = "t", .key = {NULL, 0}, .value = BYTES("")};
    const char *error;
    size_t position;
    struct format *format = format_parse("%K%k %V%v %v{json}%k{json}", &error, &position);
    struct output output;
    output_init(&output, -1);
    format_write(format, &record, &output);
    output_byte(&output, '\0');
    assert_string_equal("-1 0 \"\"null", output.data);
    output_deinit(&output);
    format_free(format);
}

static void faults_are_named_with_their_place(void **state)
{
    (void)state;

    static const struct {
        const char *format;
        size_t position;
    } rows[] = {
        {"%", 1},  {"ab%z", 3},  {"%k{hax}", 2}, {"\\q", 1},
        {"%h", 2}, {"%h{%k", 5}, {"%h{%t}", 4},  {"\\x4", 1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *error = NULL;
        size_t position = 0;
        assert_null(format_parse(rows[i].format, &error, &position));
        assert_non_null(error);
        assert_int_equal(rows[i].position, position);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_written_as_told),
        cmocka_unit_test(null_is_told_from_empty_by_its_size),
        cmocka_unit_test(faults_are_named_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
