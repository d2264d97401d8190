// SPDX-License-Identifier: MIT
#include "client/back/consumer_protocol.h"

#include "../../test.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"

#define BLOB(literal) ((dohle_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

// AS-001 to AS-003: every version, later ones as the latest known, what is malformed.
static void test_subscriptions_of_every_version(void **state)
{
    (void)state;

    static const struct {
        const char *bytes;
        size_t size;
        int err;
        int32_t topic_count;
        int32_t owned_count;
        int32_t generation;
        const char *rack;
    } rows[] = {

#define ROW(literal) literal, sizeof(literal) - 1
        {ROW("\0\0\0\0\0\1\0\1t\xff\xff\xff\xff"), 0, 1, 0, -1, NULL},
        {ROW("\0\1\0\0\0\1\0\1t\xff\xff\xff\xff\0\0\0\1\0\1t\0\0\0\1\0\0\0\5"), 0, 1, 1,
         -1, NULL},
        {ROW("\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7"), 0, 0, 0, 7, NULL},
        {ROW("\0\3\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\7\0\2r1"), 0, 0, 0, 7, "r1"},
        {ROW("\0\x63\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\7\xff\xff more"), 0, 0, 0, 7,
         NULL},
        {ROW(""), DOHLE_ERR_PROTOCOL, 0, 0, 0, NULL},
        {ROW("\0"), DOHLE_ERR_PROTOCOL, 0, 0, 0, NULL},
        {ROW("\x80\0\0\0\0\0"), DOHLE_ERR_PROTOCOL, 0, 0, 0, NULL},
        {ROW("\0\3\0\0\0\0"), DOHLE_ERR_PROTOCOL, 0, 0, 0, NULL},
        {ROW("\0\0\x7f\xff\xff\xff\0\1t"), DOHLE_ERR_PROTOCOL, 0, 0, 0, NULL},
        {ROW("\0\0\0\0\0\1\0\x09t"), DOHLE_ERR_PROTOCOL, 0, 0, 0, NULL},
#undef ROW
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_arena arena;
        dh_arena_init(&arena, dh_mem_default(), 4096);
        struct dh_consumer_protocol_subscription out;
        dohle_bytes blob = {(const uint8_t *)rows[i].bytes, rows[i].size};
        assert_int_equal(rows[i].err, dh_subscription_blob_read(blob, &arena, &out));
        if (rows[i].err == 0) {
            assert_int_equal(rows[i].topic_count, out.topics.count);
            assert_int_equal(rows[i].owned_count, out.owned_partitions.count);
            assert_int_equal(rows[i].generation, out.generation_id);
            assert_bytes_equal(dh_bytes_of(rows[i].rack), out.rack_id);
        }
        dh_arena_deinit(&arena);
    }
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct dh_arena arena;
    dh_arena_init(&arena, dh_mem_default(), 0);
    struct dh_buf buf;
    dh_buf_init(&buf, dh_mem_default(), 0);
    int32_t numbers[] = {1, 2};
    struct dh_consumer_protocol_assignment_assigned_partition topic = {
        .topic = DH_BYTES("t"), .partitions = {numbers, 2}};
    struct dh_consumer_protocol_assignment in;
    dh_message_init(&dh_consumer_protocol_assignment_type, &in);
    in.assigned_partitions.items = &topic;
    in.assigned_partitions.count = 1;
    assert_int_equal(0, dh_assignment_blob_write(&in, &buf));
    assert_bytes_equal(BLOB("\0\3\0\0\0\1\0\1t\0\0\0\2\0\0\0\1\0\0\0\2\xff\xff\xff\xff"),
                       dh_buf_view(&buf));
    struct dh_consumer_protocol_assignment out;
    assert_int_equal(0, dh_assignment_blob_read(dh_buf_view(&buf), &arena, &out));
    assert_true(dh_message_equal(&dh_consumer_protocol_assignment_type, 3, &in, &out));
    dh_buf_deinit(&buf);
    dh_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscriptions_of_every_version),
        cmocka_unit_test(test_what_is_written_is_read),
    };
    return cmocka_run_group_tests_name("consumer_protocol", tests, NULL, NULL);
}
