// SPDX-License-Identifier: MIT
#include "store_rig.h"

#include "store/log.h"
#include "store/producers.h"
#include "wire/gen/broker_errors.h"

#define OUT_OF_ORDER DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER
#define OLD_EPOCH    DH_BROKER_INVALID_PRODUCER_EPOCH

struct row {
    int64_t id;
    int16_t epoch;
    int32_t sequence;
    int32_t count;
    int16_t broker_code;
    int64_t duplicate_of; // first offset; -1: appended
};

// Gives each its offsets, in order, as a log does.
static void play(struct dh_store_producers *producers, const struct row *rows,
                 size_t count, int64_t *next)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct dh_store_batch batch = {
            .base_offset = *next,
            .last_offset = *next + row->count - 1,
            .max_timestamp_ms = 1000 + *next,
            .producer_id = row->id,
            .producer_epoch = row->epoch,
            .base_sequence = row->sequence,
            .record_count = row->count,
        };
        struct dh_store_verdict verdict;
        assert_int_equal(0, dh_store_producers_prepare(producers, &batch, &verdict));
        int64_t duplicate_of = verdict.is_duplicate ? verdict.duplicate.last_offset -
                                                          verdict.duplicate.offset_delta
                                                    : -1;
        if (row->broker_code != verdict.broker_code ||
            row->duplicate_of != duplicate_of) {
            fail_msg("row %zu: %d, %" PRId64, i, verdict.broker_code, duplicate_of);
        }
        if (verdict.broker_code != 0 || verdict.is_duplicate) {
            dh_store_producers_abandon(producers);
        } else {
            dh_store_producers_commit(producers);
            *next += row->count;
        }
    }
}

static void test_sequences(void **state)
{
    (void)state;
    static const struct row rows[] = {
        // id, epoch, sequence, records, refused, duplicate of
        {1, 0, 0, 5, 0, -1},             // offsets 0..4
        {1, 0, 5, 1, 0, -1},             // 5
        {1, 0, 0, 5, 0, 0},              // again
        {1, 0, 5, 1, 0, 5},              // again
        {1, 0, 0, 4, OUT_OF_ORDER, -1},  // not as it was
        {1, 0, 7, 1, OUT_OF_ORDER, -1},  // one is missing
        {1, 0, 6, 2, 0, -1},             // 6, 7
        {1, 0, 8, 1, 0, -1},             // 8
        {1, 0, 9, 1, 0, -1},             // 9
        {1, 0, 10, 1, 0, -1},            // 10
        {1, 0, 0, 5, OUT_OF_ORDER, -1},  // the sixth last
        {1, 0, 5, 1, 0, 5},              // the fifth last
        {2, 3, 42, 1, 0, -1},            // 11; an unknown one begins anywhere
        {2, 3, 43, 1, 0, -1},            // 12
        {2, 2, 44, 1, OLD_EPOCH, -1},    //
        {2, 2, 43, 1, OLD_EPOCH, -1},    // not even as a duplicate
        {2, 4, 44, 1, OUT_OF_ORDER, -1}, // a new epoch begins at 0
        {2, 3, 44, 1, 0, -1},            // 13; and what was refused changed nothing
        {2, 4, 0, 2, 0, -1},             // 14, 15
        {2, 3, 45, 1, OLD_EPOCH, -1},    //
        {2, 4, 0, 2, 0, 14},             //
        {3, 0, INT32_MAX - 1, 2, 0, -1}, // 16, 17
        {3, 0, 0, 1, 0, -1},             // 18; behind INT32_MAX
        {3, 0, INT32_MAX - 1, 2, 0, 16}, //
        {4, 0, INT32_MAX, 3, 0, -1},     // 19..21: sequences INT32_MAX, 0, 1
        {4, 0, 2, 1, 0, -1},             // 22
        {4, 0, INT32_MAX, 3, 0, 19},     //
        {1, 0, 11, 1, 0, -1},            // 23; others do not disturb
    };
    struct test_memory memory;
    struct dh_store_producers producers;
    int64_t next = 0;
    test_memory_init(&memory);
    dh_store_producers_init(&producers, &memory.allocator, 3);
    play(&producers, rows, DH_COUNT_OF(rows), &next);
    dh_store_producers_deinit(&producers);
    assert_int_equal(0, memory.bytes);
}

// Several batches of one append are judged as if one came after the other, or not at all.
static void test_prepared_together(void **state)
{
    (void)state;
    struct test_memory memory;
    struct dh_store_producers producers;
    struct dh_store_verdict verdict;
    struct dh_store_batch batch = {.producer_id = 9, .record_count = 1};
    test_memory_init(&memory);
    dh_store_producers_init(&producers, &memory.allocator, 3);
    for (int round = 0; round < 3; round++) {
        for (int32_t i = 0; i < 3; i++) {
            batch.base_sequence = i;
            batch.base_offset = batch.last_offset = i;
            assert_int_equal(0, dh_store_producers_prepare(&producers, &batch, &verdict));
            assert_int_equal(0, verdict.broker_code);
            assert_false(verdict.is_duplicate);
        }
        if (round < 2) {
            dh_store_producers_abandon(&producers);
            assert_int_equal(0, producers.by_id.count);
        }
    }
    dh_store_producers_commit(&producers);
    batch.base_sequence = 1;
    assert_int_equal(0, dh_store_producers_prepare(&producers, &batch, &verdict));
    assert_true(verdict.is_duplicate);
    assert_int_equal(1, verdict.duplicate.last_offset);
    dh_store_producers_deinit(&producers);
    assert_int_equal(0, memory.bytes);
}

// Bytes that Apache Kafka 4.4.0 wrote for two producers; the second one's last batch has the
// sequences 19852 to 19999 and the offsets 39852 to 39999.
static void test_snapshot_is_kafkas(void **state)
{
    (void)state;
    static const uint8_t kafka[] = {
        0x00, 0x01, 0xc0, 0xde, 0x5d, 0xd1, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x4e, 0x1f, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x4e, 0x1f, 0x00, 0x00, 0x00, 0x8b, 0x00, 0x00, 0x01,
        0xa2, 0x04, 0xfa, 0xc6, 0xa9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
        0x00, 0x00, 0x00, 0x4e, 0x1f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x3f,
        0x00, 0x00, 0x00, 0x93, 0x00, 0x00, 0x01, 0xa2, 0x04, 0xfa, 0xcd, 0xe9, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct test_memory memory;
    struct dh_store_producers producers;
    struct dh_buf out;
    test_memory_init(&memory);
    dh_store_producers_init(&producers, &memory.allocator, 3);
    assert_int_equal(
        0, dh_store_producers_parse(&producers, (dohle_bytes){kafka, sizeof(kafka)}));
    assert_int_equal(2, producers.by_id.count);
    dh_buf_init(&out, &memory.allocator, 0);
    dh_store_producers_print(&producers, &out);
    assert_bytes_equal(((dohle_bytes){kafka, sizeof(kafka)}), dh_buf_view(&out));
    const struct row rows[] = {
        {1, 0, 19852, 148, 0, 39852},
        {1, 0, 20000, 1, 0, -1},
    };
    int64_t next = 40000;
    play(&producers, rows, DH_COUNT_OF(rows), &next);
    // Cut anywhere, or with any byte another: refused, and nothing is known then.
    for (size_t i = 0; i < sizeof(kafka); i++) {
        uint8_t bad[sizeof(kafka)];
        memcpy(bad, kafka, sizeof(kafka));
        bad[i] ^= 1;
        assert_int_equal(
            DOHLE_ERR_CORRUPT,
            dh_store_producers_parse(&producers, (dohle_bytes){bad, sizeof(bad)}));
        assert_int_equal(DOHLE_ERR_CORRUPT,
                         dh_store_producers_parse(&producers, (dohle_bytes){kafka, i}));
        assert_int_equal(0, producers.by_id.count);
    }
    dh_buf_deinit(&out);
    dh_store_producers_deinit(&producers);
    assert_int_equal(0, memory.bytes);
}

static void test_expiry(void **state)
{
    (void)state;
    struct test_memory memory;
    struct dh_store_producers producers;
    test_memory_init(&memory);
    dh_store_producers_init(&producers, &memory.allocator, 3);
    for (int64_t id = 0; id < 10; id++) {
        struct dh_store_batch batch = {
            .producer_id = id, .max_timestamp_ms = id * 1000, .record_count = 1};
        assert_int_equal(0, dh_store_producers_replay(&producers, &batch));
    }
    dh_store_producers_expire(&producers, DH_STORE_PRODUCER_EXPIRY_MS - 1);
    assert_int_equal(10, producers.by_id.count);
    dh_store_producers_expire(&producers, DH_STORE_PRODUCER_EXPIRY_MS + 4000);
    assert_int_equal(5, producers.by_id.count);
    dh_store_producers_deinit(&producers);
    assert_int_equal(0, memory.bytes);
}

static struct rig_batch of_producer(int32_t sequence, int32_t count)
{
    struct rig_batch batch = RIG_PLAIN(count, 50);
    batch.producer_id = 7;
    batch.sequence = sequence;
    batch.first_ms = 5000;
    return batch;
}

// Known across stops of both kinds; after a clean one the last batch only, as in Kafka.
static void test_known_after_a_start(void **state)
{
    struct store_rig *rig = *state;
    rig->config.segment_bytes = 1000;
    dh_store_log_set_config(rig->log, &rig->config);
    int32_t sequence = 0;
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 10; i++) {
            assert_int_equal(0, rig_append(rig, of_producer(sequence, 2)));
            assert_int_equal(0, rig->appended.broker_code);
            assert_int_equal(sequence, rig->appended.base_offset);
            sequence += 2;
        }
        if (round % 3 == 2) {
            assert_int_equal(0, dh_store_log_delete_before(rig->log, sequence - 4));
        }
        rig_reopen(rig, round % 2 == 0);
        if (round % 2 == 1) {
            // Without trusting snapshots either.
            rig_close(rig, false);
            assert_int_equal(0, rig_open(rig));
        }
        assert_int_equal(0, rig_append(rig, of_producer(sequence - 2, 2)));
        assert_true(rig->appended.is_duplicate);
        assert_int_equal(sequence - 2, rig->appended.base_offset);
        assert_int_equal(sequence, rig->appended.end_offset);
        assert_int_equal(sequence, dh_store_log_end(rig->log));
        assert_int_equal(0, rig_append(rig, of_producer(sequence + 1, 2)));
        assert_int_equal(OUT_OF_ORDER, rig->appended.broker_code);
        assert_int_equal(sequence, dh_store_log_end(rig->log));
    }
}

// A clean start reads no batches for them.
static void test_clean_start_reads_the_snapshot(void **state)
{
    struct store_rig *rig = *state;
    assert_int_equal(0, rig_append(rig, of_producer(0, 2)));
    rig_reopen(rig, true);
    assert_int_equal(2, rig->log->snapshot_offset);
    assert_true(rig_has_file(rig, "orders-0/00000000000000000002.snapshot"));
    // One that is damaged is not believed, and made good.
    struct dh_buf snapshot;
    assert_int_equal(
        0, rig_read_file(rig, "orders-0/00000000000000000002.snapshot", &snapshot));
    snapshot.data[20] ^= 1;
    rig_write_file(rig, "orders-0/00000000000000000002.snapshot", dh_buf_view(&snapshot));
    dh_buf_deinit(&snapshot);
    rig_reopen(rig, true);
    assert_int_equal(0, rig_append(rig, of_producer(0, 2)));
    assert_true(rig->appended.is_duplicate);
    assert_int_equal(0, rig_append(rig, of_producer(2, 2)));
    rig_reopen(rig, true);
    assert_false(rig_has_file(rig, "orders-0/00000000000000000002.snapshot"));
    assert_true(rig_has_file(rig, "orders-0/00000000000000000004.snapshot"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_prepared_together),
        cmocka_unit_test(test_snapshot_is_kafkas),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test_setup_teardown(test_known_after_a_start, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(test_clean_start_reads_the_snapshot, rig_set_up,
                                        rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
