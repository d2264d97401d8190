// SPDX-License-Identifier: MIT
#include "rig.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "broker/metadata_log.h"
#include "broker/nodes.h"
#include "broker/topic_config.h"
#include "broker/topic_name.h"
#include "broker/topics.h"
#include "record/batch_writer.h"
#include "wire/gen/broker_errors.h"

static struct dh_broker_topic *find(const struct rig *rig, const char *name)
{
    struct dh_broker_topic *topic = dh_broker_topics_find(rig->broker, dh_bytes_of(name));
    if (topic == NULL) {
        fail_msg("there is no topic %s", name);
    }
    return topic;
}

// Appends one record, as a producer's batch.
static void append(struct rig *rig, struct dh_store_log *log, int32_t epoch)
{
    struct dh_batch_writer writer;
    dohle_bytes batch;
    struct dh_store_appended appended;
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    struct dh_record_input record = {.timestamp_ms = RIG_WALL_MS,
                                     .value = DH_BYTES("value")};
    dh_batch_writer_init(&writer, &rig->memory.allocator);
    assert_int_equal(0, dh_batch_writer_append(&writer, &record));
    assert_int_equal(0, dh_batch_writer_finish(&writer, NULL, NULL, 0, &stamp, &batch));
    assert_int_equal(0, dh_store_log_append(log, writer.plain.data, batch.size, epoch,
                                            RIG_WALL_MS, &appended));
    dh_batch_writer_deinit(&writer);
}

static void test_everything_comes_back(void **state)
{
    (void)state;
    static const bool is_clean[] = {true, false};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        char text[DH_BROKER_TOPICS_TEXT_MAX];
        rig_start(&rig, &(struct rig_options){.node_count = 3});
        rig_create_topic(&rig, "orders", 3, 2);
        rig_create_topic(&rig, "other", 1, 1);
        struct dh_broker_topic *topic = find(&rig, "orders");
        struct dh_uuid id = topic->id;
        struct dh_uuid cluster = rig.broker->cluster_id;
        struct dh_broker_topic_config config;
        assert_int_equal(0,
                         dh_broker_topic_config_copy(rig.broker, &config, topic->config));
        assert_int_equal(
            0, dh_broker_topic_config_set(rig.broker, &config, DH_BYTES("retention.ms"),
                                          DH_BYTES("1234"), text, sizeof(text)));
        assert_int_equal(0, dh_broker_topics_set_config(rig.broker, topic, &config));
        dh_broker_topic_config_deinit(&config, rig.broker);
        assert_int_equal(
            0, dh_broker_topics_move_leader(rig.broker, &topic->partitions[0], 2));
        append(&rig, topic->partitions[0].log, 1);

        rig_restart(&rig, is_clean[i]);
        topic = find(&rig, "orders");
        assert_true(dh_uuid_equal(&id, &topic->id));
        assert_true(dh_uuid_equal(&cluster, &rig.broker->cluster_id));
        assert_int_equal(3, topic->partition_count);
        assert_int_equal(1234, topic->config->retention_ms);
        assert_int_equal(1, dh_store_log_end(topic->partitions[0].log));
        // After a crash what was lost must not look like what comes in its place.
        assert_true(is_clean[i] == (topic->partitions[1].leader_epoch == 0));
        assert_int_equal(2, topic->partitions[0].replica_count);
        find(&rig, "other");
        rig_stop(&rig);
    }
}

// The leader that was moved stays, as it is a replica that is up; only its place in the list
// of replicas is another.
static void test_a_moved_leader_has_a_new_epoch(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 3});
    rig_create_topic(&rig, "orders", 1, 2); // on 1 and 2
    struct dh_broker_topic *topic = find(&rig, "orders");
    struct dh_broker_partition *partition = &topic->partitions[0];
    int16_t code;
    assert_int_equal(DH_BROKER_REPLICA_NOT_AVAILABLE,
                     dh_broker_topics_move_leader(rig.broker, partition, 3));
    assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition, 2));

    static const struct {
        int32_t node;
        int32_t epoch;
        int16_t code;
    } rows[] = {
        {2, -1, 0},
        {2, 1, 0},
        {2, 0, DH_BROKER_FENCED_LEADER_EPOCH},
        {2, 2, DH_BROKER_UNKNOWN_LEADER_EPOCH},
        {1, -1, DH_BROKER_NOT_LEADER_OR_FOLLOWER},
        {1, 1, DH_BROKER_NOT_LEADER_OR_FOLLOWER},
        {1, 0, DH_BROKER_FENCED_LEADER_EPOCH},
        {3, 0, DH_BROKER_NOT_LEADER_OR_FOLLOWER}, // no replica: knows no epoch
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_broker_partition *led = dh_broker_topics_led(
            rig.broker, topic, 0, rows[i].node, rows[i].epoch, &code);
        assert_int_equal(rows[i].code, code);
        assert_ptr_equal(code == 0 ? partition : NULL, led);
    }
    assert_null(dh_broker_topics_led(rig.broker, topic, 1, 1, -1, &code));
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION, code);
    assert_null(dh_broker_topics_led(rig.broker, NULL, 0, 1, -1, &code));
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION, code);
    rig_stop(&rig);
}

// Small topics do not all lie on the first node.
static void test_leaders_go_round(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d"};
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 3});
    for (int32_t i = 0; i < 4; i++) {
        rig_create_topic(&rig, names[i], 1, 1);
        assert_int_equal(i % 3 + 1, find(&rig, names[i])->partitions[0].leader);
    }
    rig_stop(&rig);
}

static void test_fewer_nodes_take_over(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 3});
    rig_create_topic(&rig, "orders", 3, 2);
    rig.options.node_count = 1;
    rig_restart(&rig, true);
    struct dh_broker_topic *topic = find(&rig, "orders");
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(1, topic->partitions[i].leader);
        assert_int_equal(1, topic->partitions[i].replica_count);
    }
    rig_stop(&rig);
}

// ---- Directories without records, and records without directories ----

// A store on the rig's files, without a broker.
static struct dh_store *open_store(struct rig *rig)
{
    struct dh_store *store;
    struct dh_store_recovery recovery;
    char text[200];
    const struct dh_store_options options = {
        .mem = &rig->memory.allocator,
        .vfs = dh_memory_files_vfs(rig->files),
        .mode = DH_STORE_CACHED,
    };
    assert_int_equal(0, dh_store_open(&options, &store, &recovery, text, sizeof(text)));
    return store;
}

static void end_broker(struct rig *rig)
{
    dh_broker_free(rig->broker, true);
    rig->broker = NULL;
}

static void start_broker(struct rig *rig)
{
    // What rig_try_restart does, without a broker to end.
    assert_null(rig->broker);
    assert_int_equal(0, rig_try_restart(rig, true));
}

static const struct dh_store_log_config plain_log = {
    .segment_bytes = 1 << 30,
    .segment_ms = INT64_MAX,
    .index_bytes = 1 << 20,
    .index_interval_bytes = 4096,
    .retention_bytes = -1,
    .retention_ms = -1,
};

static void test_unknown_directories_are_adopted(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    end_broker(&rig);
    struct dh_store *store = open_store(&rig);
    struct dh_store_log *log;
    struct dh_uuid id = {{1, 2, 3}};
    static const int32_t numbers[] = {3, 0};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            0, dh_store_create_log(store, "copied", numbers[i], id, &plain_log, &log));
        append(&rig, log, 7); // of a cluster with leader epoch 7
    }
    assert_int_equal(
        0, dh_store_create_log(store, "__cluster_metadata", 0, id, &plain_log, &log));
    dh_store_close(store, true);
    start_broker(&rig);
    for (int restarted = 0; restarted < 2; restarted++) {
        struct dh_broker_topic *topic = find(&rig, "copied");
        assert_true(dh_uuid_equal(&id, &topic->id));
        assert_int_equal(4, topic->partition_count);
        assert_int_equal(1, dh_store_log_end(topic->partitions[3].log));
        assert_int_equal(0, dh_store_log_end(topic->partitions[2].log));
        assert_true(topic->partitions[3].leader_epoch >= 7);
        assert_true(dh_broker_nodes_is_up(rig.broker, topic->partitions[3].leader));
        assert_null(dh_broker_topics_find(rig.broker, DH_BYTES("__cluster_metadata")));
        rig_restart(&rig, true);
    }
    rig_stop(&rig);
}

static void test_a_creation_that_was_cut_short_is_finished(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "orders", 3, 1);
    end_broker(&rig);
    struct dh_store *store = open_store(&rig);
    assert_int_equal(0,
                     dh_store_delete_log(store, dh_store_find_log(store, "orders", 1)));
    dh_store_close(store, true);
    start_broker(&rig);
    assert_int_equal(3, find(&rig, "orders")->partition_count);
    assert_non_null(dh_store_find_log(rig.broker->store, "orders", 1));
    rig_stop(&rig);
}

static void test_a_deletion_that_was_cut_short_is_finished(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "orders", 1, 1);
    struct dh_uuid id = find(&rig, "orders")->id;
    assert_int_equal(0, dh_broker_topics_delete(rig.broker, find(&rig, "orders")));
    end_broker(&rig);
    struct dh_store *store = open_store(&rig);
    struct dh_store_log *log;
    assert_int_equal(0, dh_store_create_log(store, "orders", 0, id, &plain_log, &log));
    dh_store_close(store, true);
    start_broker(&rig);
    assert_null(dh_broker_topics_find(rig.broker, DH_BYTES("orders")));
    assert_null(dh_store_find_log(rig.broker->store, "orders", 0));
    rig_stop(&rig);
}

// ---- Full disks ----

static void test_a_topic_that_finds_no_room_is_not_there(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "before", 1, 1);
    const struct dh_broker_new_topic wanted = {
        .name = DH_BYTES("orders"), .partition_count = 5, .replication_factor = 1};
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    struct dh_broker_topic *made;
    int refused = 0;
    int16_t code = -1;
    for (int64_t room = 0; code != 0; room += 20) {
        dh_memory_files_set_room(rig.files, dh_memory_files_size(rig.files) + room);
        code = dh_broker_topics_create(rig.broker, &wanted, &made, text, sizeof(text));
        if (code != 0) {
            assert_int_equal(DH_BROKER_KAFKA_STORAGE_ERROR, code);
            assert_null(dh_broker_topics_find(rig.broker, DH_BYTES("orders")));
            assert_null(dh_store_find_log(rig.broker->store, "orders", 0));
            refused++;
            assert_true(refused < 1000);
        }
        dh_broker_check(rig.broker);
    }
    assert_true(refused > 1);
    dh_memory_files_set_room(rig.files, -1);
    rig_restart(&rig, true);
    assert_int_equal(5, find(&rig, "orders")->partition_count);
    find(&rig, "before");
    rig_stop(&rig);
}

// ---- Names ----

static void test_names(void **state)
{
    (void)state;

    static const struct {
        const char *name;
        bool expected;
    } rows[] = {
        {"orders", true}, {"A.b_c-9", true}, {"", false},    {".", false},
        {"..", false},    {"...", true},     {"a/b", false}, {"a\x80", false},
    };

    char text[DH_BROKER_TOPICS_TEXT_MAX];
    char longest[251];
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(
            rows[i].expected,
            dh_broker_topic_name_check(dh_bytes_of(rows[i].name), text, sizeof(text)));
    }
    memset(longest, 'x', sizeof(longest) - 1);
    longest[250] = '\0';
    assert_false(dh_broker_topic_name_check(dh_bytes_of(longest), text, sizeof(text)));
    assert_true(dh_broker_topic_name_check(dh_bytes_of(longest + 1), text, sizeof(text)));
    assert_true(dh_broker_topic_names_collide(DH_BYTES("a.b_c"), DH_BYTES("a_b.c")));
    assert_false(dh_broker_topic_names_collide(DH_BYTES("a.b"), DH_BYTES("a.c")));
}

static void test_the_offsets_topic_has_kafkas_settings(void **state)
{
    (void)state;
    struct rig rig;
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    int16_t code;
    rig_start(&rig, &(struct rig_options){.node_count = 3});
    struct dh_broker_topic *topic =
        dh_broker_topics_offsets(rig.broker, &code, text, sizeof(text));
    assert_int_equal(0, code);
    assert_true(topic->is_internal);
    assert_int_equal(3, topic->partition_count);
    assert_int_equal(3, topic->partitions[0].replica_count);
    assert_int_equal(104857600, topic->config->segment_bytes);
    assert_true(topic->config->is_compacted);
    assert_false(topic->config->is_deleted);
    assert_ptr_equal(topic,
                     dh_broker_topics_offsets(rig.broker, &code, text, sizeof(text)));
    assert_int_equal(
        DH_BROKER_INVALID_REQUEST,
        dh_broker_topics_add_partitions(rig.broker, topic, 9, text, sizeof(text)));
    rig_stop(&rig);
}

// A crash whose new epochs were lost with it, and another: no epoch comes twice.
static void test_epochs_after_crashes(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "orders", 1, 1);
    int32_t seen = find(&rig, "orders")->partitions[0].leader_epoch;
    for (int round = 0; round < 3; round++) {
        rig_restart(&rig, false);
        int32_t epoch = find(&rig, "orders")->partitions[0].leader_epoch;
        assert_true(epoch > seen);
        seen = epoch;
    }
    // The record of the topic says less than what was seen.
    struct dh_vfs *vfs = dh_memory_files_vfs(rig.files);
    struct dh_file *file;
    dohle_bytes text = DH_BYTES("0\n1\n5000\n");
    assert_int_equal(0, vfs->calls->open(vfs, "leader-epoch-floor", DH_VFS_WRITE, &file));
    assert_int_equal(0, vfs->calls->truncate(vfs, file, 0));
    assert_int_equal(0, vfs->calls->write(vfs, file, 0, &text, 1));
    vfs->calls->close(vfs, file);
    rig_restart(&rig, true);
    assert_int_equal(seen, find(&rig, "orders")->partitions[0].leader_epoch);
    rig_restart(&rig, false);
    assert_true(find(&rig, "orders")->partitions[0].leader_epoch > 5000);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_comes_back),
        cmocka_unit_test(test_epochs_after_crashes),
        cmocka_unit_test(test_a_moved_leader_has_a_new_epoch),
        cmocka_unit_test(test_leaders_go_round),
        cmocka_unit_test(test_fewer_nodes_take_over),
        cmocka_unit_test(test_unknown_directories_are_adopted),
        cmocka_unit_test(test_a_creation_that_was_cut_short_is_finished),
        cmocka_unit_test(test_a_deletion_that_was_cut_short_is_finished),
        cmocka_unit_test(test_a_topic_that_finds_no_room_is_not_there),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_the_offsets_topic_has_kafkas_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
