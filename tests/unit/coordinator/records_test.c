// SPDX-License-Identifier: MIT
#include "coordinator/records.h"

#include "../test.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"

// Hex, in memory of the test's own.
struct hex {
    uint8_t bytes[512];
    size_t size;
};

static dohle_bytes from_hex(struct hex *hex, const char *text)
{
    hex->size = 0;
    for (; *text != '\0'; text += 2) {
        char digits[3] = {text[0], text[1], '\0'};
        assert_true(hex->size < sizeof(hex->bytes));
        hex->bytes[hex->size++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return (dohle_bytes){hex->bytes, hex->size};
}

// From the log of Apache Kafka 4.4.0: a group that kcat made, joined and left.
static const char group_key[] = "00020002676b";
static const char created[] = "0003000000000000ffffffff000001a204d9127400000000";
static const char stable[] =
    "00030008636f6e73756d657200000001000572616e6765002c72646b61666b612d62316164336536362d35"
    "6634342d343261632d616639622d636136316331336466646162000001a204d9127800000001002c72646b"
    "61666b612d62316164336536362d356634342d343261632d616639622d636136316331336466646162ffff"
    "000772646b61666b61000a2f3132372e302e302e31000493e00000afc80000001200010000000100027431"
    "00000000000000000000001a0000000000010002743100000002000000000000000100000000";
static const char offset_key[] = "00010002676b0002743100000001";
static const char offset[] =
    "00040000000000000005ffffffff01000001a204d912eb010010eaf407ed6427409c"
    "b3b5f9e18017e215";
static const char empty[] =
    "00030008636f6e73756d657200000002ffffffff000001a204d912ed00000000";

static const struct dh_uuid topic_id = {{0xea, 0xf4, 0x07, 0xed, 0x64, 0x27, 0x40, 0x9c,
                                         0xb3, 0xb5, 0xf9, 0xe1, 0x80, 0x17, 0xe2, 0x15}};

static void assert_hex_equal(const char *expected, dohle_bytes actual)
{
    struct hex hex;
    assert_bytes_equal(from_hex(&hex, expected), actual);
}

static void what_apache_kafka_wrote_is_read_and_written_the_same(void **state)
{
    (void)state;
    static const char *const groups[] = {created, stable, empty};
    struct dh_group_records records;
    struct dh_arena arena;
    struct hex keep[4];
    dh_group_records_init(&records, dh_mem_default());
    dh_arena_init(&arena, dh_mem_default(), 0);

    for (size_t i = 0; i < DH_COUNT_OF(groups); i++) {
        struct dh_group_metadata_value value;
        assert_int_equal(
            0, dh_group_record_read_group(from_hex(&keep[i], groups[i]), &arena, &value));
        dh_group_records_add_group(&records, DH_BYTES("gk"), &value);
    }
    struct dh_offset_commit_value value;
    assert_int_equal(0,
                     dh_group_record_read_offset(from_hex(&keep[3], offset),
                                                 DH_GROUP_RECORD_OFFSET, &arena, &value));
    assert_int_equal(5, value.offset);
    assert_int_equal(-1, value.leader_epoch);
    assert_int_equal(INT64_C(1795377664747), value.commit_timestamp);
    assert_true(dh_uuid_equal(&topic_id, &value.topic_id));
    dh_group_records_add_offset(&records, DH_BYTES("gk"), DH_BYTES("t1"), 1, &value);
    dh_group_records_add_offset_tombstone(&records, DH_BYTES("gk"), DH_BYTES("t1"), 1);
    dh_group_records_add_group_tombstone(&records, DH_BYTES("gk"));

    const struct dh_coordinator_record *views = dh_group_records_views(&records);
    assert_non_null(views);
    assert_int_equal(6, records.count);
    for (size_t i = 0; i < DH_COUNT_OF(groups); i++) {
        assert_hex_equal(group_key, views[i].key);
        assert_hex_equal(groups[i], views[i].value);
    }
    assert_hex_equal(offset_key, views[3].key);
    assert_hex_equal(offset, views[3].value);
    assert_hex_equal(offset_key, views[4].key);
    assert_null(views[4].value.data);
    assert_hex_equal(group_key, views[5].key);
    assert_null(views[5].value.data);
    dh_arena_deinit(&arena);
    dh_group_records_deinit(&records);
}

static void keys_are_read(void **state)
{
    (void)state;

    static const struct {
        const char *hex;
        int err;
        enum dh_group_record_kind kind;
        int16_t number;
        const char *group;
        const char *topic;
        int32_t partition;
    } rows[] = {
        {"00020002676b", 0, DH_GROUP_RECORD_GROUP, 2, "gk", NULL, -1},
        {"00010002676b0002743100000001", 0, DH_GROUP_RECORD_OFFSET, 1, "gk", "t1", 1},
        {"00000002676b0002743100000001", 0, DH_GROUP_RECORD_LEGACY_OFFSET, 0, "gk", "t1",
         1},
        {"00020000", 0, DH_GROUP_RECORD_GROUP, 2, "", NULL, -1},
        {"00030002676b", 0, DH_GROUP_RECORD_OTHER, 3, NULL, NULL, -1}, // KIP-848
        {"000a0002676b", 0, DH_GROUP_RECORD_OTHER, 10, NULL, NULL, -1},
        {"7fff", 0, DH_GROUP_RECORD_OTHER, INT16_MAX, NULL, NULL, -1},
        {"ffff", 0, DH_GROUP_RECORD_OTHER, -1, NULL, NULL, -1},
        {"00020003676b", DOHLE_ERR_PROTOCOL, DH_GROUP_RECORD_GROUP, 2, NULL, NULL, -1},
        {"0001", DOHLE_ERR_PROTOCOL, DH_GROUP_RECORD_OFFSET, 1, NULL, NULL, 0},
        {"00", DOHLE_ERR_PROTOCOL, DH_GROUP_RECORD_OTHER, 0, NULL, NULL, -1},
        {"", DOHLE_ERR_PROTOCOL, DH_GROUP_RECORD_OTHER, 0, NULL, NULL, -1},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct hex hex;
        struct dh_arena arena;
        struct dh_group_record_key key;
        dh_arena_init(&arena, dh_mem_default(), 0);
        assert_int_equal(rows[i].err, dh_group_record_read_key(
                                          from_hex(&hex, rows[i].hex), &arena, &key));
        if (rows[i].err == 0) {
            assert_int_equal(rows[i].kind, key.kind);
            assert_int_equal(rows[i].number, key.number);
            assert_int_equal(0, dh_bytes_compare(dh_bytes_of(rows[i].group), key.group));
            assert_int_equal(0, dh_bytes_compare(dh_bytes_of(rows[i].topic), key.topic));
            assert_int_equal(rows[i].partition, key.partition);
        }
        dh_arena_deinit(&arena);
    }
}

// Values of all versions; what a version does not have is unknown.
static void old_offsets_are_read(void **state)
{
    (void)state;

    static const struct {
        enum dh_group_record_kind kind;
        const char *hex;
        int err;
        int32_t leader_epoch;
        int64_t expire_timestamp;
    } rows[] = {
        {DH_GROUP_RECORD_LEGACY_OFFSET, "0000000000000000000700016d0000000000000009", 0,
         -1, -1},
        {DH_GROUP_RECORD_OFFSET, "0000000000000000000700016d0000000000000009", 0, -1, -1},
        {DH_GROUP_RECORD_OFFSET,
         "0001000000000000000700016d00000000000000090000000000000008", 0, -1, 8},
        {DH_GROUP_RECORD_OFFSET, "0002000000000000000700016d0000000000000009", 0, -1, -1},
        {DH_GROUP_RECORD_OFFSET, "000300000000000000070000000300016d0000000000000009", 0,
         3, -1},
        {DH_GROUP_RECORD_OFFSET, "0004000000000000000700000003026d000000000000000900", 0,
         3, -1},
        {DH_GROUP_RECORD_OFFSET, "0005000000000000000700000003026d000000000000000900",
         DOHLE_ERR_UNSUPPORTED_VERSION, 0, 0},
        {DH_GROUP_RECORD_LEGACY_OFFSET, "0001000000000000000700016d0000000000000009",
         DOHLE_ERR_UNSUPPORTED_VERSION, 0, 0},
        {DH_GROUP_RECORD_OFFSET, "00040000", DOHLE_ERR_PROTOCOL, 0, 0},
        {DH_GROUP_RECORD_OFFSET, "", DOHLE_ERR_PROTOCOL, 0, 0},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct hex hex;
        struct dh_arena arena;
        struct dh_offset_commit_value value;
        dh_arena_init(&arena, dh_mem_default(), 0);
        assert_int_equal(rows[i].err,
                         dh_group_record_read_offset(from_hex(&hex, rows[i].hex),
                                                     rows[i].kind, &arena, &value));
        if (rows[i].err == 0) {
            assert_int_equal(7, value.offset);
            assert_bytes_equal(DH_BYTES("m"), value.metadata);
            assert_int_equal(9, value.commit_timestamp);
            assert_int_equal(rows[i].leader_epoch, value.leader_epoch);
            assert_int_equal(rows[i].expire_timestamp, value.expire_timestamp);
        }
        dh_arena_deinit(&arena);
    }
}

static void what_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    static char long_text[40000];
    memset(long_text, 'x', sizeof(long_text));
    struct dh_group_records records;
    struct dh_group_metadata_value value;
    dh_message_init(&dh_group_metadata_value_type, &value);
    value.protocol_type = DH_BYTES("");
    dh_group_records_init(&records, dh_mem_default());
    dh_group_records_add_group(&records, DH_BYTES("g"), &value);
    dh_group_records_add_group(
        &records, (dohle_bytes){(const uint8_t *)long_text, sizeof(long_text)}, &value);
    dh_group_records_add_group(&records, DH_BYTES("g"), &value);
    assert_null(dh_group_records_views(&records));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT, records.err);
    dh_group_records_deinit(&records);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    struct dh_group_metadata_value value;
    dh_message_init(&dh_group_metadata_value_type, &value);
    value.protocol_type = DH_BYTES("");
    for (size_t fail_at = 1;; fail_at++) {
        struct test_memory memory;
        struct dh_group_records records;
        test_memory_init(&memory);
        memory.fail_at = fail_at;
        dh_group_records_init(&records, &memory.allocator);
        for (int i = 0; i < 20; i++) {
            dh_group_records_add_group(&records, DH_BYTES("g"), &value);
        }
        bool is_done = dh_group_records_views(&records) != NULL;
        assert_int_equal(is_done ? 0 : DOHLE_ERR_NO_MEMORY, records.err);
        dh_group_records_deinit(&records);
        assert_int_equal(0, memory.bytes);
        if (is_done) {
            assert_true(fail_at > 3);
            return;
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_apache_kafka_wrote_is_read_and_written_the_same),
        cmocka_unit_test(keys_are_read),
        cmocka_unit_test(old_offsets_are_read),
        cmocka_unit_test(what_cannot_be_written_is_an_error),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
