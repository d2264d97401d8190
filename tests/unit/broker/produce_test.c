// SPDX-License-Identifier: MIT
// Produce through a whole broker: what is answered, what is in the log, who waits.
#include "data_rig.h"

#include "broker/nodes.h"

static int64_t end_of(struct rig *rig, const char *topic, int32_t partition)
{
    return dh_store_log_end(log_of(rig, topic, partition));
}

static void test_appends(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 2);
    struct rig_client *client = rig_connect(&rig, 1);
    for (int codec = 0; codec < DH_CODEC_COUNT; codec++) {
        const produce_item *item = produce(
            &rig, client, "orders", 1, (struct batch_wish){.count = 3, .codec = codec});
        assert_int_equal(0, item->error_code);
        assert_int_equal(codec * 3, item->base_offset);
        assert_int_equal(-1, item->log_append_time_ms);
        assert_int_equal(0, item->log_start_offset);
        assert_null(item->error_message.data);
    }
    assert_int_equal(0, end_of(&rig, "orders", 0));
    assert_int_equal(15, end_of(&rig, "orders", 1));
    rig_stop(&rig);
}

static void test_versions_and_ids(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct batch batch = make_batch((struct batch_wish){0});
    for (int16_t version = 3; version <= 13; version++) {
        for (int known = 0; known <= 1; known++) {
            struct dh_produce_request_topic_data_partition_data data = {
                .records = {batch.bytes, batch.size}};
            struct dh_produce_request_topic_data in = {.partition_data = {&data, 1}};
            if (version < PRODUCE_BY_ID) {
                in.name = known ? DH_BYTES("orders") : DH_BYTES("unknown");
            } else {
                in.topic_id = topic_of(&rig, "orders")->id;
                in.topic_id.bytes[3] ^= known ? 0 : 1;
            }
            struct dh_produce_request request = {
                .acks = 1, .timeout_ms = 1000, .topic_data = {&in, 1}};
            const struct dh_produce_response *response =
                rig_ask(&rig, client, DH_API_PRODUCE, version, &request);
            assert_int_equal(1, response->responses.count);
            const struct dh_produce_response_response *topic =
                &response->responses.items[0];
            assert_int_equal(known ? 0
                             : version < PRODUCE_BY_ID
                                 ? DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION
                                 : DH_BROKER_UNKNOWN_TOPIC_ID,
                             topic->partition_responses.items[0].error_code);
            assert_true(version < PRODUCE_BY_ID ||
                        dh_uuid_equal(&in.topic_id, &topic->topic_id));
        }
    }
    assert_int_equal(11, end_of(&rig, "orders", 0));
    rig_stop(&rig);
}

static void test_wrong_acks(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct batch batch = make_batch((struct batch_wish){0});
    static const int16_t wrong[] = {2, -2, INT16_MAX, INT16_MIN};
    for (size_t i = 0; i < DH_COUNT_OF(wrong); i++) {
        send_produce(&rig, client, "orders", 0, wrong[i], &batch);
        const produce_item *item = receive_produce(&rig, client);
        assert_int_equal(DH_BROKER_INVALID_REQUIRED_ACKS, item->error_code);
        assert_int_equal(-1, item->base_offset);
    }
    assert_int_equal(0, end_of(&rig, "orders", 0));
    rig_stop(&rig);
}

// acks=0 is never answered; the next request is; and an error ends the connection.
static void test_acks_none(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct batch batch = make_batch((struct batch_wish){0});
    send_produce(&rig, client, "orders", 0, 0, &batch);
    assert_int_equal(0, client->in.size);
    assert_int_equal(1, end_of(&rig, "orders", 0));
    client->correlation_received++;
    assert_int_equal(
        1, produce(&rig, client, "orders", 0, (struct batch_wish){0})->base_offset);
    send_produce(&rig, client, "orders", 7, 0, &batch);
    assert_true(client->is_closed);
    assert_int_equal(0, client->in.size);
    rig_stop(&rig);
}

// One partition's error is its own.
static void test_errors_of_partitions(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 2);
    struct rig_client *client = rig_connect(&rig, 1);
    struct batch good = make_batch((struct batch_wish){0});
    struct batch bad = good;
    bad.bytes[good.size - 1] ^= 1;
    struct dh_produce_request_topic_data_partition_data data[] = {
        {.index = 0, .records = {bad.bytes, bad.size}},
        {.index = 1, .records = {good.bytes, good.size}},
        {.index = 2, .records = {good.bytes, good.size}},
        {.index = -1, .records = {good.bytes, good.size}},
        {.index = 0, .records = {NULL, 0}},
    };
    static const int16_t expected[] = {
        DH_BROKER_CORRUPT_MESSAGE, 0, DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
        DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION, DH_BROKER_INVALID_RECORD};
    struct dh_produce_request_topic_data in = {
        .name = DH_BYTES("orders"), .partition_data = {data, DH_COUNT_OF(data)}};
    struct dh_produce_request request = {.acks = -1, .topic_data = {&in, 1}};
    const struct dh_produce_response *response =
        rig_ask(&rig, client, DH_API_PRODUCE, PRODUCE_BY_NAME, &request);
    for (size_t i = 0; i < DH_COUNT_OF(expected); i++) {
        const produce_item *item =
            &response->responses.items[0].partition_responses.items[i];
        assert_int_equal(data[i].index, item->index);
        assert_int_equal(expected[i], item->error_code);
        assert_int_equal(expected[i] == 0 ? 0 : -1, item->base_offset);
    }
    assert_int_equal(1, end_of(&rig, "orders", 1));
    rig_stop(&rig);
}

// Trap 6: what the topic's settings say is done.
static void test_settings_of_topics(void **state)
{
    (void)state;

    static const struct {
        const char *setting;
        int16_t expected;
        int32_t record_errors;
        struct batch_wish wish;
    } rows[] = {
        {"max.message.bytes=200", 0, 0, {.value_size = 100}},
        {"max.message.bytes=200", DH_BROKER_MESSAGE_TOO_LARGE, 0, {.value_size = 200}},
        {"cleanup.policy=compact", 0, 0, {.count = 2}},
        {"cleanup.policy=compact",
         DH_BROKER_INVALID_RECORD,
         2,
         {.count = 2, .has_null_keys = true}},
        {"cleanup.policy=delete", 0, 0, {.has_null_keys = true}},
        {"message.timestamp.before.max.ms=1000",
         DH_BROKER_INVALID_TIMESTAMP,
         1,
         {.timestamp_ms = RIG_WALL_MS - 2000}},
        {"message.timestamp.after.max.ms=1000",
         DH_BROKER_INVALID_TIMESTAMP,
         1,
         {.timestamp_ms = RIG_WALL_MS + 1001}},
        {"message.timestamp.after.max.ms=1000",
         0,
         0,
         {.timestamp_ms = RIG_WALL_MS + 1000}},
        {"min.insync.replicas=2", DH_BROKER_NOT_ENOUGH_REPLICAS, 0, {.count = 1}},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig rig;
        rig_start(&rig, NULL);
        make_topic_with(&rig, "orders", 1, 1, &rows[i].setting, 1);
        struct rig_client *client = rig_connect(&rig, 1);
        const produce_item *item = produce(&rig, client, "orders", 0, rows[i].wish);
        assert_int_equal(rows[i].expected, item->error_code);
        assert_int_equal(rows[i].record_errors, item->record_errors.count);
        assert_int_equal(rows[i].record_errors > 0, item->error_message.data != NULL);
        rig_stop(&rig);
    }
}

static void test_append_time(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    const char *setting = "message.timestamp.type=LogAppendTime";
    make_topic_with(&rig, "orders", 1, 1, &setting, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    rig_advance(&rig, 1234);
    const produce_item *item = produce(
        &rig, client, "orders", 0, (struct batch_wish){.timestamp_ms = 5, .count = 2});
    assert_int_equal(0, item->error_code);
    assert_int_equal(RIG_WALL_MS + 1234, item->log_append_time_ms);
    struct fetch_wish wish = {.topic = "orders", .count = 1};
    const fetch_item *fetched = item_at(fetch(&rig, client, &wish), 0);
    struct dh_reader reader;
    struct dh_batch batch;
    dh_reader_init(&reader, fetched->records);
    assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, &batch));
    assert_int_equal(0, dh_batch_check_crc(&batch));
    assert_int_equal(DOHLE_TIMESTAMP_LOG_APPEND, batch.timestamp_type);
    assert_int_equal(RIG_WALL_MS + 1234, batch.max_timestamp_ms);
    rig_stop(&rig);
}

static void test_compression_type(void **state)
{
    (void)state;

    static const struct {
        const char *setting;
        int from;
        int to;
    } rows[] = {
        {"compression.type=producer", DH_CODEC_LZ4, DH_CODEC_LZ4},
        {"compression.type=producer", DH_CODEC_NONE, DH_CODEC_NONE},
        {"compression.type=zstd", DH_CODEC_GZIP, DH_CODEC_ZSTD},
        {"compression.type=gzip", DH_CODEC_NONE, DH_CODEC_GZIP},
        {"compression.type=uncompressed", DH_CODEC_SNAPPY, DH_CODEC_NONE},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig rig;
        rig_start(&rig, NULL);
        make_topic_with(&rig, "orders", 1, 1, &rows[i].setting, 1);
        struct rig_client *client = rig_connect(&rig, 1);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(
                0, produce(&rig, client, "orders", 0,
                           (struct batch_wish){.codec = rows[i].from, .count = 3})
                       ->error_code);
        }
        struct fetch_wish wish = {.topic = "orders", .count = 1};
        const fetch_item *item = item_at(fetch(&rig, client, &wish), 0);
        assert_int_equal(2, count_batches(item));
        struct dh_reader reader;
        struct dh_batch batch;
        dh_reader_init(&reader, item->records);
        assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, &batch));
        assert_int_equal(rows[i].to, batch.codec);
        assert_int_equal(2, batch.last_offset);
        rig_stop(&rig);
    }
}

// KIP-951: who is not the leader says who is.
static void test_not_leader(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 3});
    make_topic(&rig, "orders", 3);
    int32_t leader = partition_of(&rig, "orders", 0)->leader;
    int32_t other = leader == 1 ? 2 : 1;
    struct rig_client *client = rig_connect(&rig, other);
    struct batch batch = make_batch((struct batch_wish){0});
    send_produce(&rig, client, "orders", 0, -1, &batch);
    const struct dh_produce_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    const produce_item *item = &response->responses.items[0].partition_responses.items[0];
    assert_int_equal(DH_BROKER_NOT_LEADER_OR_FOLLOWER, item->error_code);
    assert_int_equal(leader, item->current_leader.leader_id);
    assert_int_equal(partition_of(&rig, "orders", 0)->leader_epoch,
                     item->current_leader.leader_epoch);
    assert_int_equal(1, response->node_endpoints.count);
    assert_int_equal(leader, response->node_endpoints.items[0].node_id);
    assert_int_equal(9000 + leader, response->node_endpoints.items[0].port);
    rig_stop(&rig);
}

static void test_idempotence(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);

    static const struct {
        int32_t sequence;
        int16_t epoch;
        int16_t expected;
        int64_t base_offset;
    } rows[] = {
        {0, 0, 0, 0},
        {3, 0, 0, 3},
        {3, 0, 0, 3}, // again: where it is
        {0, 0, 0, 0},
        {7, 0, DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER, -1},
        {6, 0, 0, 6},
        {0, 1, 0, 9},
        {9, 0, DH_BROKER_INVALID_PRODUCER_EPOCH, -1},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const produce_item *item =
            produce(&rig, client, "orders", 0,
                    (struct batch_wish){.count = 3,
                                        .producer_id = 42,
                                        .epoch = rows[i].epoch,
                                        .sequence = rows[i].sequence});
        assert_int_equal(rows[i].expected, item->error_code);
        assert_int_equal(rows[i].base_offset, item->base_offset);
    }
    rig_stop(&rig);
}

static void test_internal_and_transactional(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    int16_t code;
    assert_non_null(dh_broker_topics_offsets(rig.broker, &code, text, sizeof(text)));
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    assert_int_equal(
        DH_BROKER_INVALID_TOPIC_EXCEPTION,
        produce(&rig, client, "__consumer_offsets", 0, (struct batch_wish){0})
            ->error_code);
    struct batch batch = make_batch((struct batch_wish){0});
    struct dh_produce_request_topic_data_partition_data data = {
        .records = {batch.bytes, batch.size}};
    struct dh_produce_request_topic_data in = {.name = DH_BYTES("orders"),
                                               .partition_data = {&data, 1}};
    struct dh_produce_request request = {
        .transactional_id = DH_BYTES("t"), .acks = -1, .topic_data = {&in, 1}};
    const struct dh_produce_response *response =
        rig_ask(&rig, client, DH_API_PRODUCE, PRODUCE_BY_NAME, &request);
    assert_int_equal(
        DH_BROKER_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        response->responses.items[0].partition_responses.items[0].error_code);
    assert_int_equal(0, end_of(&rig, "orders", 0));
    rig_stop(&rig);
}

// ---- Mode SYNCED: answers wait for the disk ----

static struct rig_client *start_synced(struct rig *rig)
{
    rig_start(rig, &(struct rig_options){.node_count = 2, .mode = DH_STORE_SYNCED});
    make_topic_with(rig, "orders", 2, 2, NULL, 0);
    rig_end_syncs(rig);
    return rig_connect(rig, partition_of(rig, "orders", 0)->leader);
}

static void test_waits_for_the_disk(void **state)
{
    (void)state;
    static const int16_t acks[] = {1, -1};
    for (size_t i = 0; i < DH_COUNT_OF(acks); i++) {
        struct rig rig;
        struct rig_client *client = start_synced(&rig);
        struct batch batch = make_batch((struct batch_wish){0});
        send_produce(&rig, client, "orders", 0, acks[i], &batch);
        expect_no_answer(&rig, client);
        assert_int_equal(1, end_of(&rig, "orders", 0));
        assert_int_equal(0, dh_store_log_high_watermark(log_of(&rig, "orders", 0)));
        rig_end_syncs(&rig);
        const produce_item *item = receive_produce(&rig, client);
        assert_int_equal(0, item->error_code);
        assert_int_equal(0, item->base_offset);
        rig_stop(&rig);
    }
}

static void test_time_out(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start_synced(&rig);
    struct batch batch = make_batch((struct batch_wish){0});
    send_produce(&rig, client, "orders", 0, -1, &batch);
    rig_advance(&rig, 4999);
    expect_no_answer(&rig, client);
    rig_advance(&rig, 1);
    const produce_item *item = receive_produce(&rig, client);
    assert_int_equal(DH_BROKER_REQUEST_TIMED_OUT, item->error_code);
    rig_end_syncs(&rig); // nobody waits any more
    assert_int_equal(1, dh_store_log_high_watermark(log_of(&rig, "orders", 0)));
    rig_stop(&rig);
}

static void test_leader_moves_while_waiting(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start_synced(&rig);
    struct batch batch = make_batch((struct batch_wish){0});
    send_produce(&rig, client, "orders", 0, -1, &batch);
    int32_t other = client->node_id == 1 ? 2 : 1;
    assert_int_equal(0, dh_broker_topics_move_leader(
                            rig.broker, partition_of(&rig, "orders", 0), other));
    const produce_item *item = receive_produce(&rig, client);
    assert_int_equal(DH_BROKER_NOT_LEADER_OR_FOLLOWER, item->error_code);
    rig_end_syncs(&rig);
    rig_stop(&rig);
}

static void test_topic_goes_while_waiting(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start_synced(&rig);
    struct batch batch = make_batch((struct batch_wish){0});
    send_produce(&rig, client, "orders", 0, -1, &batch);
    assert_int_equal(0, dh_broker_topics_delete(rig.broker, topic_of(&rig, "orders")));
    rig_run(&rig);
    const produce_item *item = receive_produce(&rig, client);
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION, item->error_code);
    rig_end_syncs(&rig);
    rig_stop(&rig);
}

static void test_client_goes_while_waiting(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start_synced(&rig);
    struct batch batch = make_batch((struct batch_wish){0});
    send_produce(&rig, client, "orders", 0, -1, &batch);
    rig_disconnect(&rig, client);
    assert_true(dh_list_is_empty(&partition_of(&rig, "orders", 0)->waiters));
    rig_end_syncs(&rig);
    assert_int_equal(1, dh_store_log_high_watermark(log_of(&rig, "orders", 0)));
    rig_stop(&rig);
}

// ---- Disks ----

// A full disk fails what does not fit; what was answered stays; when there is room it goes on.
static void test_full_disk(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    dh_memory_files_set_room(rig.files, dh_memory_files_size(rig.files) + 3000);
    int appended = 0;
    const produce_item *item;
    while ((item = produce(&rig, client, "orders", 0,
                           (struct batch_wish){.value_size = 500}))
               ->error_code == 0) {
        assert_int_equal(appended, item->base_offset);
        appended++;
        assert_true(appended < 100);
    }
    assert_int_equal(DH_BROKER_KAFKA_STORAGE_ERROR, item->error_code);
    assert_int_equal(-1, item->base_offset);
    assert_true(appended > 0);
    struct fetch_wish wish = {.topic = "orders", .count = 1};
    assert_int_equal(appended, count_batches(item_at(fetch(&rig, client, &wish), 0)));
    dh_memory_files_set_room(rig.files, -1);
    assert_int_equal(
        appended,
        produce(&rig, client, "orders", 0, (struct batch_wish){0})->base_offset);
    rig_stop(&rig);
}

// ---- A disk that fails: the file table of the rig, but for two calls ----

static struct {
    const struct dh_vfs_calls *real;
    struct dh_vfs_calls broken;
    int writes_left; // until they fail; -1: they do not
    bool do_syncs_fail;
} disk;

static int fail_call(struct dh_vfs *vfs)
{
    snprintf(vfs->error_text, sizeof(vfs->error_text), "write: the disk is broken");
    vfs->is_full = false;
    return DOHLE_ERR_IO;
}

static int broken_write(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                        const dohle_bytes *pieces, size_t count)
{
    if (disk.writes_left == 0) {
        return fail_call(vfs);
    }
    disk.writes_left -= disk.writes_left > 0;
    return disk.real->write(vfs, file, position, pieces, count);
}

static void (*real_done)(struct dh_vfs_sync *sync, int err);

static void broken_done(struct dh_vfs_sync *sync, int err)
{
    sync->done = real_done;
    real_done(sync, disk.do_syncs_fail ? DOHLE_ERR_IO : err);
}

static void broken_sync(struct dh_vfs *vfs, struct dh_file *file,
                        struct dh_vfs_sync *sync)
{
    real_done = sync->done;
    sync->done = broken_done;
    disk.real->sync(vfs, file, sync);
}

static void break_disk(struct rig *rig)
{
    struct dh_vfs *vfs = dh_memory_files_vfs(rig->files);
    disk.real = vfs->calls;
    disk.broken = *vfs->calls;
    disk.broken.write = broken_write;
    disk.broken.sync = broken_sync;
    disk.writes_left = -1;
    disk.do_syncs_fail = false;
    vfs->calls = &disk.broken;
}

// What failed is answered so, to those who wait too; other partitions go on.
static void test_failing_write(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 2);
    fill(&rig, "orders", 0, 2);
    break_disk(&rig);
    struct rig_client *client = rig_connect(&rig, 1);
    struct rig_client *waiting = rig_connect(&rig, 1);
    struct fetch_wish wish = {
        .topic = "orders", .offsets = {2}, .count = 1, .max_wait_ms = 10000};
    send_fetch(&rig, waiting, &wish);
    disk.writes_left = 0;
    const produce_item *item = produce(&rig, client, "orders", 0, (struct batch_wish){0});
    assert_int_equal(DH_BROKER_KAFKA_STORAGE_ERROR, item->error_code);
    assert_int_equal(DH_BROKER_KAFKA_STORAGE_ERROR,
                     item_at(receive_fetch(&rig, waiting), 0)->error_code);
    disk.writes_left = -1;
    // That log is offline until the next start; the other is not.
    assert_int_equal(
        DH_BROKER_KAFKA_STORAGE_ERROR,
        produce(&rig, client, "orders", 0, (struct batch_wish){0})->error_code);
    assert_int_equal(
        0, produce(&rig, client, "orders", 1, (struct batch_wish){0})->error_code);
    dh_memory_files_vfs(rig.files)->calls = disk.real;
    rig_restart(&rig, true);
    assert_int_equal(2, end_of(&rig, "orders", 0));
    client = rig_connect(&rig, 1);
    assert_int_equal(
        2, produce(&rig, client, "orders", 0, (struct batch_wish){0})->base_offset);
    rig_stop(&rig);
}

static void test_failing_sync(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_client *client = start_synced(&rig);
    break_disk(&rig);
    struct batch batch = make_batch((struct batch_wish){0});
    send_produce(&rig, client, "orders", 0, -1, &batch);
    expect_no_answer(&rig, client);
    disk.do_syncs_fail = true;
    rig_end_syncs(&rig);
    const produce_item *item = receive_produce(&rig, client);
    assert_int_equal(DH_BROKER_KAFKA_STORAGE_ERROR, item->error_code);
    assert_int_equal(-1, item->base_offset);
    dh_memory_files_vfs(rig.files)->calls = disk.real;
    rig_stop(&rig);
}

// Every allocation of a produce that fails is an answer with an error, or a closed connection.
static void test_memory(void **state)
{
    (void)state;
    bool has_worked = false;
    for (size_t at = 1; !has_worked; at++) {
        assert_true(at < 500);
        struct rig rig;
        rig_start(&rig, NULL);
        make_topic(&rig, "orders", 1);
        struct rig_client *client = rig_connect(&rig, 1);
        struct batch batch = make_batch((struct batch_wish){.codec = DH_CODEC_GZIP});
        // The client's own buffer has room for the request.
        assert_int_equal(0, dh_buf_reserve(&client->out, 4096));
        assert_int_equal(0, dh_buf_reserve(&client->in, 4096));
        rig.memory.fail_at = rig.memory.calls + at;
        send_produce(&rig, client, "orders", 0, -1, &batch);
        rig.memory.fail_at = 0;
        bool is_appended = end_of(&rig, "orders", 0) == 1;
        if (client->in.size > 0) {
            const produce_item *item = receive_produce(&rig, client);
            assert_int_equal(is_appended, item->error_code == 0);
            has_worked = item->error_code == 0;
        } else { // Without memory to read the request its bytes are still the client's.
            assert_true(client->is_closed || client->out.size > 0);
        }
        rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_versions_and_ids),
        cmocka_unit_test(test_wrong_acks),
        cmocka_unit_test(test_acks_none),
        cmocka_unit_test(test_errors_of_partitions),
        cmocka_unit_test(test_settings_of_topics),
        cmocka_unit_test(test_append_time),
        cmocka_unit_test(test_compression_type),
        cmocka_unit_test(test_not_leader),
        cmocka_unit_test(test_idempotence),
        cmocka_unit_test(test_internal_and_transactional),
        cmocka_unit_test(test_waits_for_the_disk),
        cmocka_unit_test(test_time_out),
        cmocka_unit_test(test_leader_moves_while_waiting),
        cmocka_unit_test(test_topic_goes_while_waiting),
        cmocka_unit_test(test_client_goes_while_waiting),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_failing_write),
        cmocka_unit_test(test_failing_sync),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
