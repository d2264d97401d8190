// SPDX-License-Identifier: MIT
#include "wire/envelope.h"

#include "../test.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "wire/api.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/heartbeat.h"

static void requests_have_size_header_and_body(void **state)
{
    (void)state;

    static const struct {
        int16_t version;
        const char *bytes;
        size_t size;
    } rows[] = {
        // size, key, version, correlation id, client id, [tags], body
        {0, "\0\0\0\x15\0\x0c\0\0\0\0\0\x2a\0\1c\0\1g\0\0\0\1\0\1m", 25},
        {4, "\0\0\0\x16\0\x0c\0\4\0\0\0\x2a\0\1c\0\2g\0\0\0\1\2m\0\0", 26},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_heartbeat_request request;
        dh_message_init(&dh_heartbeat_request_type, &request);
        request.group_id = DH_BYTES("g");
        request.generation_id = 1;
        request.member_id = DH_BYTES("m");
        struct dh_buf buf;
        dh_buf_init(&buf, dh_mem_default(), 0);
        assert_int_equal(0, dh_envelope_encode_request(&buf, DH_API_HEARTBEAT,
                                                       rows[i].version, 42, DH_BYTES("c"),
                                                       &request));
        dohle_bytes expected = {(const uint8_t *)rows[i].bytes, rows[i].size};
        assert_bytes_equal(expected, dh_buf_view(&buf));

        struct dh_reader reader;
        dh_reader_init(&reader, dh_buf_view(&buf));
        assert_int_equal(buf.size - DH_ENVELOPE_SIZE_SIZE, dh_read_int32(&reader));
        struct dh_request_header header;
        assert_int_equal(0, dh_envelope_decode_request_header(&reader, &header));
        assert_int_equal(DH_API_HEARTBEAT, header.request_api_key);
        assert_int_equal(rows[i].version, header.request_api_version);
        assert_int_equal(42, header.correlation_id);
        assert_bytes_equal(DH_BYTES("c"), header.client_id);
        dh_buf_deinit(&buf);
    }
}

static void responses_have_size_header_and_body(void **state)
{
    (void)state;
    struct dh_heartbeat_response response;
    dh_message_init(&dh_heartbeat_response_type, &response);
    response.error_code = 27;
    struct dh_buf buf;
    dh_buf_init(&buf, dh_mem_default(), 0);
    dh_buf_append_byte(&buf, 'x'); // what is there stays
    assert_int_equal(
        0, dh_envelope_encode_response(&buf, DH_API_HEARTBEAT, 4, 7, &response));
    assert_bytes_equal(DH_BYTES("x\0\0\0\x0c\0\0\0\7\0\0\0\0\0\0\x1b\0"),
                       dh_buf_view(&buf));

    struct dh_reader reader;
    int32_t correlation_id;
    dh_reader_init(&reader, (dohle_bytes){buf.data + 5, buf.size - 5});
    assert_int_equal(0, dh_envelope_decode_response_header(&reader, DH_API_HEARTBEAT, 4,
                                                           &correlation_id));
    assert_int_equal(7, correlation_id);
    assert_int_equal(7, dh_reader_left(&reader));
    dh_buf_deinit(&buf);
}

static void api_versions_is_answered_with_the_old_header(void **state)
{
    (void)state;
    struct dh_api_versions_response response;
    dh_message_init(&dh_api_versions_response_type, &response);
    struct dh_buf buf;
    dh_buf_init(&buf, dh_mem_default(), 0);
    assert_int_equal(
        0, dh_envelope_encode_response(&buf, DH_API_API_VERSIONS, 3, 7, &response));
    // correlation id, error, no keys, throttle time, no tags
    assert_bytes_equal(DH_BYTES("\0\0\0\x0c\0\0\0\7\0\0\1\0\0\0\0\0"), dh_buf_view(&buf));
    dh_buf_deinit(&buf);
}

static void a_null_client_id_is_sent_as_null(void **state)
{
    (void)state;
    struct dh_heartbeat_request request;
    dh_message_init(&dh_heartbeat_request_type, &request);
    struct dh_buf buf;
    dh_buf_init(&buf, dh_mem_default(), 0);
    assert_int_equal(0, dh_envelope_encode_request(&buf, DH_API_HEARTBEAT, 4, 1,
                                                   DH_BYTES_NULL, &request));
    assert_memory_equal("\xff\xff\0", buf.data + 12, 3);
    dh_buf_deinit(&buf);
}

static void failures_leave_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct dh_heartbeat_request request;
    dh_message_init(&dh_heartbeat_request_type, &request);
    struct dh_buf buf;
    dh_buf_init(&buf, dh_mem_default(), 0);
    dh_buf_append_byte(&buf, 'x');
    assert_int_equal(DOHLE_ERR_UNSUPPORTED_VERSION,
                     dh_envelope_encode_request(&buf, DH_API_HEARTBEAT, 5, 1,
                                                DH_BYTES_NULL, &request));
    assert_int_equal(
        DOHLE_ERR_UNSUPPORTED_VERSION,
        dh_envelope_encode_request(&buf, 999, 0, 1, DH_BYTES_NULL, &request));
    assert_int_equal(DOHLE_ERR_UNSUPPORTED_VERSION,
                     dh_envelope_encode_response(&buf, 999, 0, 1, &request));
    request.member_id = DH_BYTES_NULL;
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dh_envelope_encode_request(&buf, DH_API_HEARTBEAT, 4, 1,
                                                DH_BYTES_NULL, &request));
    assert_bytes_equal(DH_BYTES("x"), dh_buf_view(&buf));
    assert_int_equal(0, buf.err);
    dh_buf_deinit(&buf);

    dh_buf_init(&buf, dh_mem_default(), 8);
    request.member_id = DH_BYTES("m");
    assert_int_equal(DOHLE_ERR_TOO_LARGE,
                     dh_envelope_encode_request(&buf, DH_API_HEARTBEAT, 4, 1,
                                                DH_BYTES_NULL, &request));
    assert_int_equal(0, buf.size);
    dh_buf_deinit(&buf);
}

static void broken_headers_are_refused(void **state)
{
    (void)state;

    static const struct {
        const char *bytes;
        size_t size;
        int err;
    } rows[] = {
        {"", 0, DOHLE_ERR_PROTOCOL},
        {"\0\x0c\0\4\0\0\0", 7, DOHLE_ERR_PROTOCOL},
        {"\0\x0c\0\4\0\0\0\1", 8, DOHLE_ERR_PROTOCOL},
        {"\0\x0c\0\4\0\0\0\1\0\5c", 11, DOHLE_ERR_PROTOCOL},
        {"\0\x0c\0\4\0\0\0\1\0\1c", 11, DOHLE_ERR_PROTOCOL}, // the tags are missing
        {"\0\x0c\0\4\0\0\0\1\0\1c\0", 12, 0},
        {"\0\x0c\0\x63\0\0\0\1\0\1c\0", 12, 0}, // a version we do not speak
        {"\3\xe7\0\0\0\0\0\1\0\1c\0", 12, DOHLE_ERR_UNSUPPORTED_VERSION},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_reader reader;
        dh_reader_init(&reader,
                       (dohle_bytes){(const uint8_t *)rows[i].bytes, rows[i].size});
        struct dh_request_header header;
        assert_int_equal(rows[i].err,
                         dh_envelope_decode_request_header(&reader, &header));
        if (rows[i].err != DOHLE_ERR_PROTOCOL) {
            assert_int_equal(1, header.correlation_id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_size_header_and_body),
        cmocka_unit_test(responses_have_size_header_and_body),
        cmocka_unit_test(api_versions_is_answered_with_the_old_header),
        cmocka_unit_test(a_null_client_id_is_sent_as_null),
        cmocka_unit_test(failures_leave_the_buffer_as_it_was),
        cmocka_unit_test(broken_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
