// SPDX-License-Identifier: MIT
// ListOffsets, OffsetForLeaderEpoch and DeleteRecords through a whole broker.
#include "data_rig.h"

#include "wire/gen/delete_records.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/offset_for_leader_epoch.h"

typedef struct dh_list_offsets_response_topic_partition list_item;
typedef struct dh_delete_records_response_topic_partition delete_item;
typedef struct dh_offset_for_leader_epoch_response_topic_partition epoch_item;

#define LIST_VERSION 11

static list_item list(struct rig *rig, struct rig_client *client, int16_t version,
                      int32_t partition, int32_t epoch, int64_t timestamp)
{
    struct dh_list_offsets_request_topic_partition question = {
        .partition_index = partition,
        .current_leader_epoch = epoch,
        .timestamp = timestamp,
    };
    struct dh_list_offsets_request_topic topic = {.name = DH_BYTES("orders"),
                                                  .partitions = {&question, 1}};
    struct dh_list_offsets_request request = {.replica_id = -1, .topics = {&topic, 1}};
    const struct dh_list_offsets_response *response =
        rig_ask(rig, client, DH_API_LIST_OFFSETS, version, &request);
    assert_int_equal(1, response->topics.count);
    assert_int_equal(1, response->topics.items[0].partitions.count);
    list_item item = response->topics.items[0].partitions.items[0];
    assert_int_equal(partition, item.partition_index);
    return item;
}

static void assert_listed(int16_t code, int64_t offset, int64_t timestamp, int32_t epoch,
                          list_item item)
{
    assert_int_equal(code, item.error_code);
    assert_int_equal(offset, item.offset);
    assert_int_equal(timestamp, item.timestamp);
    assert_int_equal(epoch, item.leader_epoch);
}

// Ten batches of two records: batch n has the times n * 100 and n * 100 + 1 after the start.
static struct rig_client *start(struct rig *rig)
{
    rig_start(rig, NULL);
    make_topic(rig, "orders", 2);
    struct rig_client *client = rig_connect(rig, 1);
    for (int i = 0; i < 10; i++) {
        // Batch 3 is younger than all others.
        int64_t time = i == 3 ? 5000 : i * 100;
        produce(rig, client, "orders", 0,
                (struct batch_wish){.count = 2,
                                    .timestamp_ms = RIG_WALL_MS + time,
                                    .codec = i % DH_CODEC_COUNT});
    }
    return client;
}

static void test_list_offsets(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start(&rig);
    int32_t epoch = partition_of(&rig, "orders", 0)->leader_epoch;

    const struct {
        int64_t asked;
        int64_t offset;
        int64_t timestamp;
        int32_t epoch;
    } rows[] = {
        {-1, 20, -1, epoch},
        {-2, 0, -1, epoch},
        {-3, 7, RIG_WALL_MS + 5001, epoch},
        {-4, 0, -1, epoch},
        {-5, -1, -1, -1},
        {-6, -1, -1, -1},
        {0, 0, RIG_WALL_MS, epoch},
        {RIG_WALL_MS, 0, RIG_WALL_MS, epoch},
        {RIG_WALL_MS + 1, 1, RIG_WALL_MS + 1, epoch},
        {RIG_WALL_MS + 2, 2, RIG_WALL_MS + 100, epoch},
        {RIG_WALL_MS + 201, 5, RIG_WALL_MS + 201, epoch},
        {RIG_WALL_MS + 202, 6, RIG_WALL_MS + 5000, epoch}, // the first, not the nearest
        {RIG_WALL_MS + 5001, 7, RIG_WALL_MS + 5001, epoch},
        {RIG_WALL_MS + 5002, -1, -1, -1},
        {INT64_MAX, -1, -1, -1},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_listed(0, rows[i].offset, rows[i].timestamp, rows[i].epoch,
                      list(&rig, client, LIST_VERSION, 0, -1, rows[i].asked));
    }
    rig_stop(&rig);
}

static void test_list_offsets_of_empty_log(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start(&rig);
    int32_t epoch = partition_of(&rig, "orders", 1)->leader_epoch;
    assert_listed(0, 0, -1, epoch, list(&rig, client, LIST_VERSION, 1, -1, -1));
    assert_listed(0, 0, -1, epoch, list(&rig, client, LIST_VERSION, 1, -1, -2));
    assert_listed(0, -1, -1, -1, list(&rig, client, LIST_VERSION, 1, -1, -3));
    assert_listed(0, -1, -1, -1, list(&rig, client, LIST_VERSION, 1, -1, 5));
    rig_stop(&rig);
}

// Which version knows which special time.
static void test_list_offsets_versions(void **state)
{
    (void)state;

    static const struct {
        int64_t asked;
        int16_t since;
    } rows[] = {{0, 1}, {-1, 1}, {-2, 1}, {-3, 7}, {-4, 8}, {-5, 9}, {-6, 11}, {-7, 99}};
    struct rig rig;
    struct rig_client *client = start(&rig);
    for (int16_t version = 1; version <= 11; version++) {
        for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
            assert_int_equal(
                version < rows[i].since ? DH_BROKER_UNSUPPORTED_VERSION : 0,
                list(&rig, client, version, 0, -1, rows[i].asked).error_code);
        }
    }
    rig_stop(&rig);
}

static void test_list_offsets_errors(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start(&rig);
    int32_t epoch = partition_of(&rig, "orders", 0)->leader_epoch;
    assert_listed(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION, -1, -1, -1,
                  list(&rig, client, LIST_VERSION, 2, -1, -1));
    assert_listed(DH_BROKER_UNKNOWN_LEADER_EPOCH, -1, -1, -1,
                  list(&rig, client, LIST_VERSION, 0, epoch + 1, -1));
    assert_listed(0, 20, -1, epoch, list(&rig, client, LIST_VERSION, 0, epoch, -1));
    assert_int_equal(
        0, dh_broker_topics_move_leader(rig.broker, partition_of(&rig, "orders", 0), 1));
    assert_listed(DH_BROKER_FENCED_LEADER_EPOCH, -1, -1, -1,
                  list(&rig, client, LIST_VERSION, 0, epoch, -1));
    rig_stop(&rig);
}

// The epoch of the first record, whatever came before and after it.
static void test_epoch_of_earliest(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct dh_broker_partition *partition = partition_of(&rig, "orders", 0);
    int32_t first = partition->leader_epoch;
    for (int i = 0; i < 5; i++) { // offsets 2i and 2i + 1 have epoch first + 3i
        produce(&rig, client, "orders", 0, (struct batch_wish){.count = 2});
        for (int k = 0; k < 3; k++) {
            assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition, 1));
        }
    }
    for (int64_t start = 0; start <= 10; start++) {
        assert_int_equal(0, dh_store_log_delete_before(partition->log, start));
        assert_listed(0, start, -1, first + 3 * (int32_t)(start / 2),
                      list(&rig, client, LIST_VERSION, 0, -1, -2));
    }
    rig_stop(&rig);
}

static void test_high_watermark(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.mode = DH_STORE_SYNCED});
    make_topic(&rig, "orders", 1);
    rig_end_syncs(&rig);
    struct rig_client *producer = rig_connect(&rig, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct batch batch = make_batch((struct batch_wish){.count = 3});
    send_produce(&rig, producer, "orders", 0, 1, &batch);
    assert_int_equal(0, list(&rig, client, LIST_VERSION, 0, -1, -1).offset);
    assert_int_equal(-1, list(&rig, client, LIST_VERSION, 0, -1, RIG_WALL_MS).offset);
    assert_int_equal(-1, list(&rig, client, LIST_VERSION, 0, -1, -3).offset);
    rig_end_syncs(&rig);
    assert_int_equal(3, list(&rig, client, LIST_VERSION, 0, -1, -1).offset);
    assert_int_equal(0, list(&rig, client, LIST_VERSION, 0, -1, RIG_WALL_MS).offset);
    assert_int_equal(2, list(&rig, client, LIST_VERSION, 0, -1, -3).offset);
    rig_stop(&rig);
}

// ---- OffsetForLeaderEpoch ----

static epoch_item find_epoch(struct rig *rig, struct rig_client *client, int16_t version,
                             int32_t current_epoch, int32_t epoch)
{
    struct dh_offset_for_leader_epoch_request_topic_partition question = {
        .current_leader_epoch = current_epoch, .leader_epoch = epoch};
    struct dh_offset_for_leader_epoch_request_topic topic = {
        .topic = DH_BYTES("orders"), .partitions = {&question, 1}};
    struct dh_offset_for_leader_epoch_request request = {.replica_id = -2,
                                                         .topics = {&topic, 1}};
    const struct dh_offset_for_leader_epoch_response *response =
        rig_ask(rig, client, DH_API_OFFSET_FOR_LEADER_EPOCH, version, &request);
    assert_int_equal(1, response->topics.count);
    return response->topics.items[0].partitions.items[0];
}

static void test_end_of_epochs(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct dh_broker_partition *partition = partition_of(&rig, "orders", 0);
    int32_t first = partition->leader_epoch;
    produce(&rig, client, "orders", 0, (struct batch_wish){.count = 5});
    assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition, 1));
    assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition, 1));
    produce(&rig, client, "orders", 0, (struct batch_wish){.count = 2});
    assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition, 1));

    const struct {
        int16_t code;
        int32_t current;
        int32_t asked;
        int32_t found;
        int64_t end;
    } rows[] = {
        {0, -1, first, first, 5},
        {0, -1, first + 1, first, 5},
        {0, -1, first + 2, first + 2, 7},
        {0, -1, first + 3, first + 3, 7}, // the leader's own, still without records
        {0, -1, first + 4, -1, -1},
        {0, first + 3, first, first, 5},
        {DH_BROKER_FENCED_LEADER_EPOCH, first + 2, first, -1, -1},
        {DH_BROKER_UNKNOWN_LEADER_EPOCH, first + 4, first, -1, -1},
    };

    for (int16_t version = 2; version <= 4; version++) {
        for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
            epoch_item item =
                find_epoch(&rig, client, version, rows[i].current, rows[i].asked);
            assert_int_equal(rows[i].code, item.error_code);
            assert_int_equal(rows[i].found, item.leader_epoch);
            assert_int_equal(rows[i].end, item.end_offset);
        }
    }
    rig_stop(&rig);
}

// ---- DeleteRecords ----

static delete_item delete_records(struct rig *rig, struct rig_client *client,
                                  const char *topic, int32_t partition, int64_t offset)
{
    struct dh_delete_records_request_topic_partition question = {
        .partition_index = partition, .offset = offset};
    struct dh_delete_records_request_topic in = {.name = dh_bytes_of(topic),
                                                 .partitions = {&question, 1}};
    struct dh_delete_records_request request = {.topics = {&in, 1}, .timeout_ms = 1000};
    const struct dh_delete_records_response *response =
        rig_ask(rig, client, DH_API_DELETE_RECORDS, 2, &request);
    assert_int_equal(1, response->topics.count);
    return response->topics.items[0].partitions.items[0];
}

static void test_delete_records(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start(&rig);

    static const struct {
        int16_t code;
        int64_t asked;
        int64_t low;
    } rows[] = {
        {0, 0, 0},
        {0, 5, 5},
        {0, 3, 5}, // gone already
        {DH_BROKER_OFFSET_OUT_OF_RANGE, 21, -1},
        {DH_BROKER_OFFSET_OUT_OF_RANGE, -2, -1},
        {0, 6, 6},
        {0, -1, 20},
        {0, 20, 20},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        delete_item item = delete_records(&rig, client, "orders", 0, rows[i].asked);
        assert_int_equal(rows[i].code, item.error_code);
        assert_int_equal(rows[i].low, item.low_watermark);
    }
    assert_int_equal(20, dh_store_log_start(log_of(&rig, "orders", 0)));
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
                     delete_records(&rig, client, "orders", 9, 0).error_code);
    rig_stop(&rig);
}

static void test_delete_records_refused(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start(&rig);
    const char *setting = "cleanup.policy=compact";
    make_topic_with(&rig, "compacted", 1, 1, &setting, 1);
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    int16_t code;
    assert_non_null(dh_broker_topics_offsets(rig.broker, &code, text, sizeof(text)));
    assert_int_equal(DH_BROKER_POLICY_VIOLATION,
                     delete_records(&rig, client, "compacted", 0, 0).error_code);
    assert_int_equal(DH_BROKER_INVALID_TOPIC_EXCEPTION,
                     delete_records(&rig, client, "__consumer_offsets", 0, 0).error_code);
    rig_stop(&rig);
}

// Who waits below the new start is told at once.
static void test_delete_records_wakes(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start(&rig);
    struct rig_client *waiting = rig_connect(&rig, 1);
    struct fetch_wish wish = {
        .topic = "orders", .count = 1, .max_wait_ms = 10000, .min_bytes = 1000000};
    send_fetch(&rig, waiting, &wish);
    expect_no_answer(&rig, waiting);
    assert_int_equal(4, delete_records(&rig, client, "orders", 0, 4).low_watermark);
    const fetch_item *item = item_at(receive_fetch(&rig, waiting), 0);
    assert_int_equal(DH_BROKER_OFFSET_OUT_OF_RANGE, item->error_code);
    assert_int_equal(4, item->log_start_offset);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_offsets),
        cmocka_unit_test(test_list_offsets_of_empty_log),
        cmocka_unit_test(test_list_offsets_versions),
        cmocka_unit_test(test_list_offsets_errors),
        cmocka_unit_test(test_epoch_of_earliest),
        cmocka_unit_test(test_high_watermark),
        cmocka_unit_test(test_end_of_epochs),
        cmocka_unit_test(test_delete_records),
        cmocka_unit_test(test_delete_records_refused),
        cmocka_unit_test(test_delete_records_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
