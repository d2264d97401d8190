// SPDX-License-Identifier: MIT
#include "wire/message.h"

#include "../test.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/apis.h"
#include "wire/gen/consumer_group_heartbeat.h"
#include "wire/gen/consumer_offsets.h"
#include "wire/gen/fetch.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/metadata.h"

// The most an honest test message takes, and the bound given to hostile ones.
#define ARENA_SIZE_MAX ((size_t)1 << 20)

// Random messages of each type and version.
#define ROUND_COUNT 25

// One message on its way to bytes and back.
struct workshop {
    struct dh_buf buf;
    struct dh_writer writer;
    struct dh_arena arena;
};

static void workshop_init(struct workshop *shop)
{
    dh_buf_init(&shop->buf, dh_mem_default(), 0);
    dh_writer_init(&shop->writer, &shop->buf);
    dh_arena_init(&shop->arena, dh_mem_default(), ARENA_SIZE_MAX);
}

static void workshop_deinit(struct workshop *shop)
{
    dh_buf_deinit(&shop->buf);
    dh_arena_deinit(&shop->arena);
}

static int decode(struct workshop *shop, const struct dh_message_type *type,
                  int16_t version, dohle_bytes bytes, void *out)
{
    struct dh_reader reader;
    dh_reader_init(&reader, bytes);
    int err = dh_message_decode(type, version, &reader, &shop->arena, out);
    assert_true(err != 0 || dh_reader_left(&reader) == 0);
    return err;
}

static void round_trip(const struct dh_message_type *type, int16_t version,
                       struct dh_random *random)
{
    struct workshop shop;
    workshop_init(&shop);
    void *sent = calloc(1, type->body.size);
    void *got = malloc(type->body.size);
    memset(got, 0xa5, type->body.size);

    assert_int_equal(0, dh_message_randomise(type, version, random, &shop.arena, sent));
    assert_int_equal(0, dh_message_encode(type, version, sent, &shop.writer));
    assert_int_equal(0, decode(&shop, type, version, dh_buf_view(&shop.buf), got));
    assert_true(dh_message_equal(type, version, sent, got));

    // What was read gives the same bytes again.
    struct dh_buf again;
    struct dh_writer writer;
    dh_buf_init(&again, dh_mem_default(), 0);
    dh_writer_init(&writer, &again);
    assert_int_equal(0, dh_message_encode(type, version, got, &writer));
    size_t size = shop.buf.size;
    assert_int_equal(size, again.size);
    if (size > 0) {
        assert_memory_equal(shop.buf.data, again.data, size);
    }
    dh_buf_deinit(&again);

    // Every proper prefix of it is malformed.
    for (size_t i = 0; i < size; i++) {
        struct dh_reader reader;
        dh_reader_init(&reader, (dohle_bytes){shop.buf.data, i});
        assert_int_equal(DOHLE_ERR_PROTOCOL,
                         dh_message_decode(type, version, &reader, &shop.arena, got));
        dh_arena_reset(&shop.arena);
    }
    free(sent);
    free(got);
    workshop_deinit(&shop);
}

static void random_messages_go_round_at_every_version(void **state)
{
    (void)state;
    struct dh_random random = {20261122};
    for (size_t i = 0; i < dh_message_count; i++) {
        const struct dh_message_type *type = dh_messages[i];
        for (int v = type->versions.min; v <= type->versions.max; v++) {
            for (int round = 0; round < ROUND_COUNT; round++) {
                round_trip(type, (int16_t)v, &random);
            }
        }
    }
}

static void defaults_go_round_at_every_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < dh_message_count; i++) {
        const struct dh_message_type *type = dh_messages[i];
        void *sent = malloc(type->body.size);
        void *got = malloc(type->body.size);
        dh_message_init(type, sent);
        for (int v = type->versions.min; v <= type->versions.max; v++) {
            struct workshop shop;
            workshop_init(&shop);
            // Null where the version does not allow it yet is all that may fail.
            int err = dh_message_encode(type, (int16_t)v, sent, &shop.writer);
            if (err == 0) {
                assert_int_equal(
                    0, decode(&shop, type, (int16_t)v, dh_buf_view(&shop.buf), got));
                assert_true(dh_message_equal(type, (int16_t)v, sent, got));
            } else {
                assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT, err);
                assert_int_equal(0, shop.buf.size);
            }
            workshop_deinit(&shop);
        }
        free(sent);
        free(got);
    }
}

static void heartbeat_has_the_bytes_of_its_version(void **state)
{
    (void)state;

    static const struct {
        int16_t version;
        const char *bytes;
        size_t size;
    } rows[] = {
        {0, "\0\1g\0\0\0\7\0\1m", 10},
        {3, "\0\1g\0\0\0\7\0\1m\xff\xff", 12},
        {4, "\2g\0\0\0\7\2m\0\0", 10},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct workshop shop;
        workshop_init(&shop);
        struct dh_heartbeat_request request;
        dh_message_init(&dh_heartbeat_request_type, &request);
        request.group_id = DH_BYTES("g");
        request.generation_id = 7;
        request.member_id = DH_BYTES("m");
        assert_int_equal(0, dh_message_encode(&dh_heartbeat_request_type, rows[i].version,
                                              &request, &shop.writer));
        dohle_bytes expected = {(const uint8_t *)rows[i].bytes, rows[i].size};
        assert_bytes_equal(expected, dh_buf_view(&shop.buf));
        workshop_deinit(&shop);
    }
}

static void what_a_version_cannot_say_is_an_error(void **state)
{
    (void)state;
    struct workshop shop;
    workshop_init(&shop);
    struct dh_heartbeat_request request;
    dh_message_init(&dh_heartbeat_request_type, &request);

    // group_instance_id came with version 3 and is not ignorable.
    request.group_instance_id = DH_BYTES("i");
    assert_int_equal(
        DOHLE_ERR_UNSUPPORTED_VERSION,
        dh_message_encode(&dh_heartbeat_request_type, 2, &request, &shop.writer));
    assert_int_equal(
        0, dh_message_encode(&dh_heartbeat_request_type, 3, &request, &shop.writer));
    dh_buf_reset(&shop.buf);

    // A null that is not allowed.
    request.member_id = DH_BYTES_NULL;
    assert_int_equal(
        DOHLE_ERR_INVALID_ARGUMENT,
        dh_message_encode(&dh_heartbeat_request_type, 4, &request, &shop.writer));

    // A string longer than its length can say.
    static const uint8_t letters[INT16_MAX + 1];
    request.member_id = (dohle_bytes){letters, sizeof(letters)};
    assert_int_equal(
        DOHLE_ERR_INVALID_ARGUMENT,
        dh_message_encode(&dh_heartbeat_request_type, 4, &request, &shop.writer));

    // A version that is not there.
    assert_int_equal(
        DOHLE_ERR_UNSUPPORTED_VERSION,
        dh_message_encode(&dh_heartbeat_request_type, 5, &request, &shop.writer));
    assert_int_equal(
        DOHLE_ERR_UNSUPPORTED_VERSION,
        decode(&shop, &dh_heartbeat_request_type, -1, DH_BYTES(""), &request));
    assert_int_equal(0, shop.buf.size);
    workshop_deinit(&shop);
}

// A compact length could say more than a string may have.
static void long_compact_strings_are_refused(void **state)
{
    (void)state;

    static const struct {
        const char *length;
        int err;
    } rows[] = {
        {"\x80\x80\x02", 0},                  // 32767
        {"\x81\x80\x02", DOHLE_ERR_PROTOCOL}, // 32768
    };

    // All ones: empty strings behind the first, and one unknown tag.
    uint8_t *bytes = malloc(40000);
    memset(bytes, 1, 40000);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct workshop shop;
        workshop_init(&shop);
        memcpy(bytes, rows[i].length, 3);
        struct dh_reader reader;
        struct dh_heartbeat_request request;
        dh_reader_init(&reader, (dohle_bytes){bytes, 40000});
        assert_int_equal(rows[i].err, dh_message_decode(&dh_heartbeat_request_type, 4,
                                                        &reader, &shop.arena, &request));
        workshop_deinit(&shop);
    }
    free(bytes);
}

static void ignorable_fields_are_left_out(void **state)
{
    (void)state;
    struct workshop shop;
    workshop_init(&shop);
    struct dh_heartbeat_response response;
    dh_message_init(&dh_heartbeat_response_type, &response);
    response.throttle_time_ms = 9;
    assert_int_equal(
        0, dh_message_encode(&dh_heartbeat_response_type, 0, &response, &shop.writer));
    assert_bytes_equal(DH_BYTES("\0\0"), dh_buf_view(&shop.buf));
    workshop_deinit(&shop);
}

static void absent_fields_get_their_defaults(void **state)
{
    (void)state;
    struct workshop shop;
    workshop_init(&shop);
    struct dh_fetch_request request;
    memset(&request, 0xa5, sizeof(request));
    // Version 4: replica, wait, min, max, isolation, no topics.
    assert_int_equal(0, decode(&shop, &dh_fetch_request_type, 4,
                               DH_BYTES("\xff\xff\xff\xff\0\0\1\xf4\0\0\0\1\0\0\1\0\0"
                                        "\0\0\0\0"),
                               &request));
    assert_int_equal(-1, request.replica_id);
    assert_int_equal(500, request.max_wait_ms);
    assert_int_equal(-1, request.session_epoch);
    assert_int_equal(-1, request.replica_state.replica_epoch);
    assert_null(request.cluster_id.data);
    assert_int_equal(0, request.forgotten_topics_data.count);
    assert_non_null(request.rack_id.data);
    assert_int_equal(0, request.rack_id.size);
    workshop_deinit(&shop);
}

static void null_and_empty_differ(void **state)
{
    (void)state;
    struct workshop shop;
    workshop_init(&shop);
    struct dh_metadata_request request;
    // Version 1: null topics, then empty topics.
    assert_int_equal(0, decode(&shop, &dh_metadata_request_type, 1,
                               DH_BYTES("\xff\xff\xff\xff"), &request));
    assert_int_equal(-1, request.topics.count);
    assert_int_equal(
        0, decode(&shop, &dh_metadata_request_type, 1, DH_BYTES("\0\0\0\0"), &request));
    assert_int_equal(0, request.topics.count);
    // Version 0 knows no null.
    assert_int_equal(DOHLE_ERR_PROTOCOL, decode(&shop, &dh_metadata_request_type, 0,
                                                DH_BYTES("\xff\xff\xff\xff"), &request));
    workshop_deinit(&shop);
}

static void unknown_tags_are_skipped(void **state)
{
    (void)state;

    static const struct {
        const char *bytes;
        size_t size;
        int err;
    } rows[] = {
        // throttle_time_ms, error_code, tags
        {"\0\0\0\5\0\0\0", 7, 0},
        {"\0\0\0\5\0\0\2\x63\3abc\x64\0", 14, 0},
        {"\0\0\0\5\0\0\1\x63\4abc", 12, DOHLE_ERR_PROTOCOL}, // size beyond the end
        {"\0\0\0\5\0\0\2\x63\3abc", 12, DOHLE_ERR_PROTOCOL}, // one tag is missing
        {"\0\0\0\5\0\0\xff\xff\xff\xff\x0f", 11, DOHLE_ERR_PROTOCOL}, // count is a lie
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct workshop shop;
        workshop_init(&shop);
        struct dh_heartbeat_response response;
        dohle_bytes bytes = {(const uint8_t *)rows[i].bytes, rows[i].size};
        assert_int_equal(rows[i].err,
                         decode(&shop, &dh_heartbeat_response_type, 4, bytes, &response));
        if (rows[i].err == 0) {
            assert_int_equal(5, response.throttle_time_ms);
        }
        workshop_deinit(&shop);
    }
}

static void a_tagged_field_fills_its_size(void **state)
{
    (void)state;

    static const struct {
        const char *bytes;
        size_t size;
        int err;
    } rows[] = {
        // error_code, no keys, throttle_time_ms, one tag: finalized_features_epoch
        {"\0\0\1\0\0\0\0\1\1\x08\0\0\0\0\0\0\0\7", 18, 0},
        {"\0\0\1\0\0\0\0\1\1\x07\0\0\0\0\0\0\0", 17, DOHLE_ERR_PROTOCOL},
        {"\0\0\1\0\0\0\0\1\1\x09\0\0\0\0\0\0\0\7\0", 19, DOHLE_ERR_PROTOCOL},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct workshop shop;
        workshop_init(&shop);
        struct dh_api_versions_response response;
        dohle_bytes bytes = {(const uint8_t *)rows[i].bytes, rows[i].size};
        assert_int_equal(rows[i].err, decode(&shop, &dh_api_versions_response_type, 3,
                                             bytes, &response));
        if (rows[i].err == 0) {
            assert_int_equal(7, response.finalized_features_epoch);
        }
        workshop_deinit(&shop);
    }
}

static void nullable_structs_are_pointers(void **state)
{
    (void)state;
    struct workshop shop;
    workshop_init(&shop);
    struct dh_consumer_group_heartbeat_response response;
    dh_message_init(&dh_consumer_group_heartbeat_response_type, &response);
    assert_null(response.assignment);
    assert_int_equal(0, dh_message_encode(&dh_consumer_group_heartbeat_response_type, 0,
                                          &response, &shop.writer));
    // Null is a byte of -1, then the tags.
    assert_int_equal(0xff, shop.buf.data[shop.buf.size - 2]);

    struct dh_consumer_group_heartbeat_response_assignment assignment;
    dh_struct_init(&dh_consumer_group_heartbeat_response_assignment_struct, &assignment);
    response.assignment = &assignment;
    dh_buf_reset(&shop.buf);
    assert_int_equal(0, dh_message_encode(&dh_consumer_group_heartbeat_response_type, 0,
                                          &response, &shop.writer));
    struct dh_consumer_group_heartbeat_response got;
    assert_int_equal(0, decode(&shop, &dh_consumer_group_heartbeat_response_type, 0,
                               dh_buf_view(&shop.buf), &got));
    assert_non_null(got.assignment);
    assert_int_equal(0, got.assignment->topic_partitions.count);
    workshop_deinit(&shop);
}

// Kafka writes null here and leaves the empty struct out: the default is not null.
static void classic_member_metadata_is_null_only_when_said(void **state)
{
    (void)state;
    const struct dh_message_type *type = &dh_consumer_group_member_metadata_value_type;
    struct workshop shop;
    workshop_init(&shop);
    struct dh_consumer_group_member_metadata_value value;
    struct dh_consumer_group_member_metadata_value got;
    dh_message_init(type, &value);
    assert_int_equal(0, dh_message_encode(type, 0, &value, &shop.writer));
    // One tag: number 0, size 1, null.
    assert_memory_equal("\1\0\1\0", shop.buf.data + shop.buf.size - 4, 4);
    assert_int_equal(0, decode(&shop, type, 0, dh_buf_view(&shop.buf), &got));
    assert_null(got.classic_member_metadata);

    struct dh_consumer_group_member_metadata_value_classic classic;
    dh_struct_init(&dh_consumer_group_member_metadata_value_classic_struct, &classic);
    value.classic_member_metadata = &classic;
    dh_buf_reset(&shop.buf);
    assert_int_equal(0, dh_message_encode(type, 0, &value, &shop.writer));
    assert_int_equal(0, shop.buf.data[shop.buf.size - 1]);
    assert_int_equal(0, decode(&shop, type, 0, dh_buf_view(&shop.buf), &got));
    assert_non_null(got.classic_member_metadata);
    workshop_deinit(&shop);
}

static void hostile_counts_cost_nothing(void **state)
{
    (void)state;

    static const struct {
        const struct dh_message_type *type;
        int16_t version;
        const char *bytes;
        size_t size;
    } rows[] = {
        {&dh_metadata_request_type, 0, "\x7f\xff\xff\xff", 4},
        {&dh_metadata_request_type, 0, "\x7f\xff\xff\xff\0\1a\0\1b", 10},
        {&dh_metadata_request_type, 9, "\xff\xff\xff\xff\x0f", 5},
        {&dh_metadata_request_type, 9, "\x80\x80\x80\x80\x08", 5},
        // A topic takes at least two bytes in version 9: a string and its tags.
        {&dh_metadata_request_type, 9, "\5\1\0\1\0\1\0\0", 8},
        {&dh_join_group_request_type, 0, "\x7f\xffg", 3},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct dh_arena arena;
        dh_arena_init(&arena, &memory.allocator, ARENA_SIZE_MAX);
        struct dh_reader reader;
        dh_reader_init(&reader,
                       (dohle_bytes){(const uint8_t *)rows[i].bytes, rows[i].size});
        void *out = malloc(rows[i].type->body.size);
        assert_int_equal(
            DOHLE_ERR_PROTOCOL,
            dh_message_decode(rows[i].type, rows[i].version, &reader, &arena, out));
        assert_int_equal(0, memory.calls);
        free(out);
        dh_arena_deinit(&arena);
    }
}

// Elements of one byte each that become large in memory: the arena's bound holds.
static void swelling_messages_stop_at_the_arenas_bound(void **state)
{
    (void)state;

    enum { SIZE = 100000, BOUND = 65536 };
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_arena arena;
    dh_arena_init(&arena, &memory.allocator, BOUND);
    // Throttle time, then a count of topics that the bytes behind it could hold.
    uint8_t *bytes = calloc(1, SIZE);
    memcpy(bytes, "\0\0\0\0\0\0\0\0\0\0\x80\x80\x02", 13);
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){bytes, SIZE});
    struct dh_fetch_response response;
    assert_int_equal(DOHLE_ERR_PROTOCOL, dh_message_decode(&dh_fetch_response_type, 12,
                                                           &reader, &arena, &response));
    assert_true(arena.used <= BOUND);
    assert_true(memory.bytes_peak <= 2 * BOUND);
    free(bytes);
    dh_arena_deinit(&arena);
    assert_int_equal(0, memory.bytes);
}

static void no_memory_is_reported_as_such(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    memory.fail_at = 1;
    struct dh_arena arena;
    dh_arena_init(&arena, &memory.allocator, 0);
    struct dh_reader reader;
    dh_reader_init(&reader, DH_BYTES("\0\0\0\1\0\1a"));
    struct dh_metadata_request request;
    assert_int_equal(DOHLE_ERR_NO_MEMORY, dh_message_decode(&dh_metadata_request_type, 0,
                                                            &reader, &arena, &request));
    struct dh_random random = {1};
    assert_int_equal(
        DOHLE_ERR_NO_MEMORY,
        dh_message_randomise(&dh_metadata_request_type, 0, &random, &arena, &request));
    dh_arena_deinit(&arena);

    struct dh_buf buf;
    struct dh_writer writer;
    dh_buf_init(&buf, &memory.allocator, 0);
    dh_writer_init(&writer, &buf);
    struct dh_api_versions_response response;
    dh_message_init(&dh_api_versions_response_type, &response);
    response.finalized_features_epoch = 1;
    assert_int_equal(
        DOHLE_ERR_NO_MEMORY,
        dh_message_encode(&dh_api_versions_response_type, 3, &response, &writer));
    dh_buf_deinit(&buf);
}

// Every allocation of a decode fails once: an error, never a crash or a leak.
static void decoding_survives_each_failed_allocation(void **state)
{
    (void)state;
    struct dh_random random = {3};
    for (size_t i = 0; i < dh_message_count; i++) {
        const struct dh_message_type *type = dh_messages[i];
        int16_t version = type->versions.max;
        struct workshop shop;
        workshop_init(&shop);
        void *message = malloc(type->body.size);
        assert_int_equal(
            0, dh_message_randomise(type, version, &random, &shop.arena, message));
        assert_int_equal(0, dh_message_encode(type, version, message, &shop.writer));
        int err = DOHLE_ERR_NO_MEMORY;
        for (size_t fail_at = 1; err != 0; fail_at++) {
            struct test_memory memory;
            test_memory_init(&memory);
            memory.fail_at = fail_at;
            struct dh_arena arena;
            dh_arena_init(&arena, &memory.allocator, 0);
            struct dh_reader reader;
            dh_reader_init(&reader, dh_buf_view(&shop.buf));
            err = dh_message_decode(type, version, &reader, &arena, message);
            assert_true(err == 0 || err == DOHLE_ERR_NO_MEMORY);
            dh_arena_deinit(&arena);
            assert_int_equal(0, memory.bytes);
        }
        free(message);
        workshop_deinit(&shop);
    }
}

static void messages_print_as_json(void **state)
{
    (void)state;
    struct workshop shop;
    workshop_init(&shop);
    struct dh_join_group_request_protocol protocol = {
        .name = DH_BYTES("a\"b\n"),
        .metadata = DH_BYTES("\x01\xfe"),
    };
    struct dh_join_group_request request;
    dh_message_init(&dh_join_group_request_type, &request);
    request.group_id = DH_BYTES("g");
    request.session_timeout_ms = 10;
    request.protocols.items = &protocol;
    request.protocols.count = 1;
    dh_message_print(&dh_join_group_request_type, 5, &request, &shop.buf);
    assert_bytes_equal(
        DH_BYTES(
            "{\"group_id\": \"g\", \"session_timeout_ms\": 10, "
            "\"rebalance_timeout_ms\": -1, \"member_id\": \"\", "
            "\"group_instance_id\": null, \"protocol_type\": \"\", "
            "\"protocols\": [{\"name\": \"a\\\"b\\u000a\", \"metadata\": \"01fe\"}]}"),
        dh_buf_view(&shop.buf));
    workshop_deinit(&shop);
}

static void comparing_looks_at_the_fields_of_the_version(void **state)
{
    (void)state;
    struct dh_heartbeat_request a;
    struct dh_heartbeat_request b;
    dh_message_init(&dh_heartbeat_request_type, &a);
    dh_message_init(&dh_heartbeat_request_type, &b);
    b.group_instance_id = DH_BYTES("");
    assert_true(dh_message_equal(&dh_heartbeat_request_type, 2, &a, &b));
    assert_false(dh_message_equal(&dh_heartbeat_request_type, 3, &a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_messages_go_round_at_every_version),
        cmocka_unit_test(defaults_go_round_at_every_version),
        cmocka_unit_test(heartbeat_has_the_bytes_of_its_version),
        cmocka_unit_test(what_a_version_cannot_say_is_an_error),
        cmocka_unit_test(long_compact_strings_are_refused),
        cmocka_unit_test(ignorable_fields_are_left_out),
        cmocka_unit_test(absent_fields_get_their_defaults),
        cmocka_unit_test(null_and_empty_differ),
        cmocka_unit_test(unknown_tags_are_skipped),
        cmocka_unit_test(a_tagged_field_fills_its_size),
        cmocka_unit_test(nullable_structs_are_pointers),
        cmocka_unit_test(classic_member_metadata_is_null_only_when_said),
        cmocka_unit_test(hostile_counts_cost_nothing),
        cmocka_unit_test(swelling_messages_stop_at_the_arenas_bound),
        cmocka_unit_test(no_memory_is_reported_as_such),
        cmocka_unit_test(decoding_survives_each_failed_allocation),
        cmocka_unit_test(messages_print_as_json),
        cmocka_unit_test(comparing_looks_at_the_fields_of_the_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
