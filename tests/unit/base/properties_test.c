// SPDX-License-Identifier: MIT
#include "base/properties.h"

#include <dohle/error.h>

#include "../test.h"
#include "base/bytes.h"

static void lines_are_read_as_java_reads_them(void **state)
{
    (void)state;

    // Each row was read by java.util.Properties of Java 17.
    static const struct {
        const char *text, *key, *value;
    } rows[] = {
        {"a=b", "a", "b"},
        {"a:b", "a", "b"},
        {"a b", "a", "b"},
        {"  a \t = \t b c ", "a", "b c "},
        {"a==b", "a", "=b"},
        {"a = : b", "a", ": b"},
        {"a", "a", ""},
        {"a=", "a", ""},
        {"a\\=b=c", "a=b", "c"},
        {"a=b\\\n   c", "a", "bc"},
        {"a=b\\\r\n\tc\r\n", "a", "bc"},
        {"# no\n\n ! no\n a=b", "a", "b"},
        {"# not continued \\\na=b", "a", "b"},
        {"a=\\t\\n\\x\\\\", "a", "\t\nx\\"},
        {"a=\\u0041\\u00e9\\u20AC", "a", "A\xc3\xa9\xe2\x82\xac"},
        {"a=\\uD83D\\uDE00", "a", "\xf0\x9f\x98\x80"},
        {"a=\\ b", "a", " b"},
        {"a=b\\", "a", "b"},
        {"a=#b", "a", "#b"},
        {"\xc3\xa9=\xc3\xa8", "\xc3\xa9", "\xc3\xa8"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct dh_properties properties;
        struct dh_buf key;
        struct dh_buf value;
        dh_buf_init(&key, &memory.allocator, 0);
        dh_buf_init(&value, &memory.allocator, 0);
        dh_properties_init(&properties, dh_bytes_of(rows[i].text));
        assert_int_equal(1, dh_properties_next(&properties, &key, &value));
        assert_int_equal(strlen(rows[i].key), key.size);
        assert_memory_equal(rows[i].key, key.data, key.size);
        assert_int_equal(strlen(rows[i].value), value.size);
        if (value.size > 0) {
            assert_memory_equal(rows[i].value, value.data, value.size);
        }
        assert_int_equal(0, dh_properties_next(&properties, &key, &value));
        dh_buf_deinit(&key);
        dh_buf_deinit(&value);
        assert_int_equal(0, memory.bytes);
    }
}

static void lines_are_counted(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_properties properties;
    struct dh_buf key;
    struct dh_buf value;
    dh_buf_init(&key, &memory.allocator, 0);
    dh_buf_init(&value, &memory.allocator, 0);
    dh_properties_init(&properties, DH_BYTES("a=1\n\n# c\r\nb=2\\\n 3\rc=\\u12G4\n"));
    static const size_t lines[] = {1, 4};
    for (size_t i = 0; i < DH_COUNT_OF(lines); i++) {
        assert_int_equal(1, dh_properties_next(&properties, &key, &value));
        assert_int_equal(lines[i], properties.line);
    }
    assert_int_equal(DOHLE_ERR_INVALID_CONFIG,
                     dh_properties_next(&properties, &key, &value));
    assert_int_equal(6, properties.line);
    dh_buf_deinit(&key);
    dh_buf_deinit(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read_as_java_reads_them),
        cmocka_unit_test(lines_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
