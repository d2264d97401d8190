// SPDX-License-Identifier: MIT
// Reader and writer mirror each other, so one table serves both.
#include "wire/reader.h"

#include "../test.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "wire/writer.h"

static void varints_have_kafkas_bytes(void **state)
{
    (void)state;

    static const struct {
        int32_t value;
        const char *bytes;
        size_t size;
    } rows[] = {
        // From Kafka's ByteUtilsTest.
        {0, "\x00", 1},
        {-1, "\x01", 1},
        {1, "\x02", 1},
        {63, "\x7e", 1},
        {-64, "\x7f", 1},
        {64, "\x80\x01", 2},
        {-65, "\x81\x01", 2},
        {8191, "\xfe\x7f", 2},
        {-8192, "\xff\x7f", 2},
        {8192, "\x80\x80\x01", 3},
        {-8193, "\x81\x80\x01", 3},
        {1048575, "\xfe\xff\x7f", 3},
        {1048576, "\x80\x80\x80\x01", 4},
        {134217727, "\xfe\xff\xff\x7f", 4},
        {134217728, "\x80\x80\x80\x80\x01", 5},
        {INT32_MAX, "\xfe\xff\xff\xff\x0f", 5},
        {INT32_MIN, "\xff\xff\xff\xff\x0f", 5},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        dohle_bytes bytes = {(const uint8_t *)rows[i].bytes, rows[i].size};
        struct dh_buf buf;
        struct dh_writer writer;
        struct dh_reader reader;
        dh_buf_init(&buf, dh_mem_default(), 0);
        dh_writer_init(&writer, &buf);

        dh_write_varint(&writer, rows[i].value);
        assert_bytes_equal(bytes, dh_buf_view(&buf));
        dh_buf_reset(&buf);
        dh_write_varlong(&writer, rows[i].value);
        assert_bytes_equal(bytes, dh_buf_view(&buf));

        dh_reader_init(&reader, bytes);
        assert_int_equal(rows[i].value, dh_read_varint(&reader));
        assert_int_equal(0, dh_reader_left(&reader));
        dh_reader_init(&reader, bytes);
        assert_true(rows[i].value == dh_read_varlong(&reader));
        assert_int_equal(0, reader.err);

        // Every proper prefix is an error.
        for (size_t size = 0; size < bytes.size; size++) {
            dh_reader_init(&reader, (dohle_bytes){bytes.data, size});
            assert_int_equal(0, dh_read_varint(&reader));
            assert_int_equal(DOHLE_ERR_PROTOCOL, reader.err);
        }
        dh_buf_deinit(&buf);
    }
}

static void long_varlongs_go_round(void **state)
{
    (void)state;
    static const int64_t values[] = {INT64_MAX, INT64_MIN, INT64_C(1) << 34,
                                     -(INT64_C(1) << 55), INT64_C(1) << 62};
    for (size_t i = 0; i < DH_COUNT_OF(values); i++) {
        struct dh_buf buf;
        struct dh_writer writer;
        struct dh_reader reader;
        dh_buf_init(&buf, dh_mem_default(), 0);
        dh_writer_init(&writer, &buf);
        dh_write_varlong(&writer, values[i]);
        dh_reader_init(&reader, dh_buf_view(&buf));
        assert_true(values[i] == dh_read_varlong(&reader));
        assert_int_equal(0, reader.err);
        assert_int_equal(0, dh_reader_left(&reader));
        dh_buf_deinit(&buf);
    }
}

static void varints_without_end_are_refused(void **state)
{
    (void)state;
    struct dh_reader reader;
    dh_reader_init(&reader, DH_BYTES("\xff\xff\xff\xff\xff\x01"));
    assert_int_equal(0, dh_read_unsigned_varint(&reader));
    assert_int_equal(DOHLE_ERR_PROTOCOL, reader.err);

    dh_reader_init(&reader, DH_BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    assert_true(0 == dh_read_varlong(&reader));
    assert_int_equal(DOHLE_ERR_PROTOCOL, reader.err);
}

static void fixed_sizes_go_round(void **state)
{
    (void)state;
    struct dh_buf buf;
    struct dh_writer writer;
    dh_buf_init(&buf, dh_mem_default(), 0);
    dh_writer_init(&writer, &buf);
    dh_write_int8(&writer, -2);
    dh_write_int16(&writer, -300);
    dh_write_uint16(&writer, 65000);
    dh_write_int32(&writer, -70000);
    dh_write_uint32(&writer, 4000000000U);
    dh_write_int64(&writer, INT64_MIN + 5);
    dh_write_bool(&writer, true);
    dh_write_float64(&writer, 2.5);
    dh_write_bytes(&writer, "ab", 2);
    assert_bytes_equal(DH_BYTES("\xfe\xfe\xd4\xfd\xe8\xff\xfe\xee\x90\xee\x6b\x28\x00"
                                "\x80\0\0\0\0\0\0\x05\x01\x40\x04\0\0\0\0\0\0"
                                "ab"),
                       dh_buf_view(&buf));

    struct dh_reader reader;
    dh_reader_init(&reader, dh_buf_view(&buf));
    assert_int_equal(-2, dh_read_int8(&reader));
    assert_int_equal(-300, dh_read_int16(&reader));
    assert_int_equal(65000, dh_read_uint16(&reader));
    assert_int_equal(-70000, dh_read_int32(&reader));
    assert_int_equal(4000000000U, dh_read_uint32(&reader));
    assert_true(INT64_MIN + 5 == dh_read_int64(&reader));
    assert_true(dh_read_bool(&reader));
    assert_true(2.5 == dh_read_float64(&reader));
    assert_bytes_equal(DH_BYTES("ab"), dh_read_bytes(&reader, 2));
    assert_int_equal(0, reader.err);
    dh_buf_deinit(&buf);
}

static void the_error_sticks(void **state)
{
    (void)state;
    struct dh_reader reader;
    dh_reader_init(&reader, DH_BYTES("\x01\x02\x03"));
    assert_int_equal(0, dh_read_int32(&reader));
    assert_int_equal(DOHLE_ERR_PROTOCOL, reader.err);
    assert_int_equal(0, dh_read_int8(&reader));
    assert_int_equal(0, dh_read_varint(&reader));
    assert_false(dh_read_bool(&reader));
    assert_bytes_equal(DH_BYTES_NULL, dh_read_bytes(&reader, 0));
    assert_int_equal(0, dh_reader_left(&reader));
}

static void empty_is_not_null(void **state)
{
    (void)state;
    struct dh_reader reader;
    dh_reader_init(&reader, DH_BYTES_NULL);
    dohle_bytes empty = dh_read_bytes(&reader, 0);
    assert_non_null(empty.data);
    assert_int_equal(0, empty.size);
    dh_read_skip(&reader, 0);
    assert_int_equal(0, reader.err);
    assert_bytes_equal(DH_BYTES_NULL, dh_read_bytes(&reader, SIZE_MAX));
    assert_int_equal(DOHLE_ERR_PROTOCOL, reader.err);
}

static void the_writer_keeps_the_buffers_error(void **state)
{
    (void)state;
    struct dh_buf buf;
    struct dh_writer writer;
    dh_buf_init(&buf, dh_mem_default(), 4);
    dh_writer_init(&writer, &buf);
    dh_write_int32(&writer, 1);
    dh_write_int8(&writer, 1);
    assert_int_equal(DOHLE_ERR_TOO_LARGE, buf.err);
    assert_int_equal(4, buf.size);
    dh_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints_have_kafkas_bytes),
        cmocka_unit_test(long_varlongs_go_round),
        cmocka_unit_test(varints_without_end_are_refused),
        cmocka_unit_test(fixed_sizes_go_round),
        cmocka_unit_test(the_error_sticks),
        cmocka_unit_test(empty_is_not_null),
        cmocka_unit_test(the_writer_keeps_the_buffers_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
