// SPDX-License-Identifier: MIT
// Fetch through a whole broker: what is read, who waits and for what, sessions.
#include "data_rig.h"

#include "broker/broker.h"
#include "broker/fetch_sessions.h"
#include "broker/nodes.h"
#include "broker/retention.h"

// ---- Reading ----

static void test_reads(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 2);
    fill(&rig, "orders", 1, 3);
    struct rig_client *client = rig_connect(&rig, 1);
    for (int16_t version = 4; version <= 18; version++) {
        struct fetch_wish wish = {.topic = "orders",
                                  .partitions = {0, 1},
                                  .count = 2,
                                  .version = version,
                                  .topic_id = topic_of(&rig, "orders")->id};
        const struct dh_fetch_response *response = fetch(&rig, client, &wish);
        assert_int_equal(0, response->error_code);
        assert_int_equal(0, response->session_id);
        assert_int_equal(1, response->responses.count);
        const fetch_item *empty = item_at(response, 0);
        assert_int_equal(0, empty->partition_index);
        assert_int_equal(0, empty->error_code);
        assert_int_equal(0, empty->high_watermark);
        assert_non_null(empty->records.data); // empty, not null
        const fetch_item *item = item_at(response, 1);
        assert_int_equal(1, item->partition_index);
        assert_int_equal(3, item->high_watermark);
        assert_int_equal(3, item->last_stable_offset);
        assert_int_equal(version >= 5 ? 0 : -1, item->log_start_offset);
        assert_int_equal(-1, item->preferred_read_replica);
        assert_int_equal(-1, item->aborted_transactions.count);
        assert_int_equal(3, count_batches(item));
    }
    rig_stop(&rig);
}

// read_committed is told that nothing was aborted; read_uncommitted is told nothing.
static void test_isolation(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct fetch_wish wish = {.topic = "orders", .count = 1, .isolation_level = 1};
    assert_int_equal(0,
                     item_at(fetch(&rig, client, &wish), 0)->aborted_transactions.count);
    wish.isolation_level = 0;
    assert_int_equal(-1,
                     item_at(fetch(&rig, client, &wish), 0)->aborted_transactions.count);
    rig_stop(&rig);
}

// Trap 5: an offset inside a batch gives that batch, whole.
static void test_inside_a_batch(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    for (int i = 0; i < 3; i++) {
        produce(&rig, client, "orders", 0, (struct batch_wish){.count = 5});
    }
    for (int64_t offset = 0; offset <= 15; offset++) {
        struct fetch_wish wish = {.topic = "orders", .offsets = {offset}, .count = 1};
        const fetch_item *item = item_at(fetch(&rig, client, &wish), 0);
        assert_int_equal(0, item->error_code);
        assert_int_equal(offset == 15 ? -1 : offset / 5 * 5, first_offset(item));
        assert_int_equal(3 - offset / 5, count_batches(item));
    }
    rig_stop(&rig);
}

// KIP-74: the first batch of the answer is whole; what does not fit behind it stays.
static void test_bounds(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 3);
    struct rig_client *client = rig_connect(&rig, 1);
    for (int32_t p = 0; p < 3; p++) {
        for (int i = 0; i < 4; i++) {
            produce(&rig, client, "orders", p, (struct batch_wish){.value_size = 100});
        }
    }
    int32_t size = (int32_t)make_batch((struct batch_wish){.value_size = 100}).size;

    const struct {
        int batches[3];
        int32_t max_bytes;
        int32_t partition_max_bytes;
    } rows[] = {
        {{4, 4, 4}, 100 * size, 100 * size},
        {{1, 1, 1}, 100 * size, size},
        {{1, 1, 1}, 100 * size, 2 * size - 1},
        {{2, 2, 2}, 100 * size, 2 * size},
        {{1, 0, 0},
         100 * size,
         size - 1}, // only the first of the answer may be too large
        {{1, 0, 0}, 100 * size, 1},
        {{4, 2, 0}, 6 * size, 100 * size},
        {{4, 1, 0}, 6 * size - 1, 100 * size},
        {{3, 0, 0}, 3 * size, 100 * size},
        {{1, 0, 0}, 1, 100 * size},
        {{2, 2, 1}, 5 * size, 2 * size},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fetch_wish wish = {.topic = "orders",
                                  .partitions = {0, 1, 2},
                                  .count = 3,
                                  .max_bytes = rows[i].max_bytes,
                                  .partition_max_bytes = rows[i].partition_max_bytes};
        const struct dh_fetch_response *response = fetch(&rig, client, &wish);
        for (int32_t p = 0; p < 3; p++) {
            assert_int_equal(rows[i].batches[p], count_batches(item_at(response, p)));
            assert_int_equal(4, item_at(response, p)->high_watermark);
        }
    }
    rig_stop(&rig);
}

static void test_setting_of_max_bytes(void **state)
{
    (void)state;
    struct rig rig;
    const char *setting = "fetch.max.bytes=1024";
    rig_start(&rig, &(struct rig_options){.settings = &setting, .setting_count = 1});
    make_topic(&rig, "orders", 1);
    fill(&rig, "orders", 0, 30);
    struct rig_client *client = rig_connect(&rig, 1);
    struct fetch_wish wish = {.topic = "orders", .count = 1};
    const fetch_item *item = item_at(fetch(&rig, client, &wish), 0);
    assert_true(item->records.size <= 1024 && item->records.size > 1024 - 100);
    rig_stop(&rig);
}

static void test_out_of_range(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    fill(&rig, "orders", 0, 10);
    assert_int_equal(0, dh_store_log_delete_before(log_of(&rig, "orders", 0), 4));
    struct rig_client *client = rig_connect(&rig, 1);

    static const struct {
        int64_t offset;
        int16_t expected;
    } rows[] = {
        {-1, DH_BROKER_OFFSET_OUT_OF_RANGE},
        {3, DH_BROKER_OFFSET_OUT_OF_RANGE},
        {4, 0},
        {10, 0},
        {11, DH_BROKER_OFFSET_OUT_OF_RANGE},
        {INT64_MAX, DH_BROKER_OFFSET_OUT_OF_RANGE},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fetch_wish wish = {
            .topic = "orders", .offsets = {rows[i].offset}, .count = 1, .max_wait_ms = 0};
        const fetch_item *item = item_at(fetch(&rig, client, &wish), 0);
        assert_int_equal(rows[i].expected, item->error_code);
        assert_int_equal(10, item->high_watermark); // BR-009: also with the error
        assert_int_equal(4, item->log_start_offset);
    }
    rig_stop(&rig);
}

static void test_leadership(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    make_topic_with(&rig, "orders", 1, 2, NULL, 0);
    int32_t leader = partition_of(&rig, "orders", 0)->leader;
    assert_int_equal(0, dh_broker_topics_move_leader(
                            rig.broker, partition_of(&rig, "orders", 0), 3 - leader));
    assert_int_equal(0, dh_broker_topics_move_leader(
                            rig.broker, partition_of(&rig, "orders", 0), leader));
    int32_t epoch = partition_of(&rig, "orders", 0)->leader_epoch;

    const struct {
        int32_t node_id;
        int32_t epoch;
        int16_t expected;
        bool names_leader;
    } rows[] = {
        {leader, -1, 0, false},
        {leader, epoch, 0, false},
        {leader, epoch - 1, DH_BROKER_FENCED_LEADER_EPOCH, true},
        {leader, epoch + 1, DH_BROKER_UNKNOWN_LEADER_EPOCH, false},
        {3 - leader, -1, DH_BROKER_NOT_LEADER_OR_FOLLOWER, true},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig_client *client = rig_connect(&rig, rows[i].node_id);
        struct fetch_wish wish = {.topic = "orders",
                                  .count = 1,
                                  .version = FETCH_BY_ID,
                                  .leader_epoch = rows[i].epoch,
                                  .topic_id = topic_of(&rig, "orders")->id};
        const struct dh_fetch_response *response = fetch(&rig, client, &wish);
        const fetch_item *item = item_at(response, 0);
        assert_int_equal(rows[i].expected, item->error_code);
        assert_int_equal(rows[i].names_leader ? leader : -1,
                         item->current_leader.leader_id);
        assert_int_equal(rows[i].names_leader ? epoch : -1,
                         item->current_leader.leader_epoch);
        assert_int_equal(rows[i].names_leader, response->node_endpoints.count);
        if (rows[i].names_leader) {
            assert_int_equal(9000 + leader, response->node_endpoints.items[0].port);
            assert_bytes_equal(DH_BYTES("127.0.0.1"),
                               response->node_endpoints.items[0].host);
        }
    }
    rig_stop(&rig);
}

// KIP-595: who read records of an epoch that went another way is told where it ended.
static void test_diverging_epoch(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    make_topic_with(&rig, "orders", 1, 2, NULL, 0);
    struct dh_broker_partition *partition = partition_of(&rig, "orders", 0);
    int32_t first = partition->leader_epoch;
    fill(&rig, "orders", 0, 5);
    int32_t node = partition->leader;
    assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition, 3 - node));
    assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition, node));
    fill(&rig, "orders", 0, 2);
    struct rig_client *client = rig_connect(&rig, node);

    const struct {
        int32_t last_epoch;
        int64_t offset;
        int32_t epoch; // that diverges; -1: none does
        int64_t end;
    } rows[] = {
        {first, 5, -1, -1},
        {first, 6, first, 5},     // read more of that epoch than there was
        {first + 1, 6, first, 5}, // no record of that epoch
        {first + 2, 6, -1, -1},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fetch_wish wish = {.topic = "orders",
                                  .offsets = {rows[i].offset},
                                  .count = 1,
                                  .max_wait_ms = 1000,
                                  .last_fetched_epoch = rows[i].last_epoch + 1};
        const fetch_item *item = item_at(fetch(&rig, client, &wish), 0);
        assert_int_equal(0, item->error_code);
        assert_int_equal(rows[i].epoch, item->diverging_epoch.epoch);
        assert_int_equal(rows[i].end, item->diverging_epoch.end_offset);
        assert_int_equal(rows[i].epoch<0, item->records.size> 0);
    }
    rig_stop(&rig);
}

static void test_unknown_topics(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct fetch_wish by_name = {.topic = "unknown", .count = 1, .max_wait_ms = 1000};
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
                     item_at(fetch(&rig, client, &by_name), 0)->error_code);
    struct fetch_wish by_number = {.topic = "orders", .partitions = {7}, .count = 1};
    const fetch_item *item = item_at(fetch(&rig, client, &by_number), 0);
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION, item->error_code);
    assert_int_equal(-1, item->high_watermark);
    struct fetch_wish by_id = {
        .topic_id = {.bytes = {9}}, .count = 1, .version = FETCH_BY_ID};
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_ID,
                     item_at(fetch(&rig, client, &by_id), 0)->error_code);
    // a topic that was made anew is another one.
    struct dh_uuid old = topic_of(&rig, "orders")->id;
    assert_int_equal(0, dh_broker_topics_delete(rig.broker, topic_of(&rig, "orders")));
    make_topic(&rig, "orders", 1);
    by_id.topic_id = old;
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_ID,
                     item_at(fetch(&rig, client, &by_id), 0)->error_code);
    rig_stop(&rig);
}

// ---- Waiting ----

static void test_wait_ends_by_append(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 2);
    struct rig_client *client = rig_connect(&rig, 1);
    struct fetch_wish wish = {
        .topic = "orders", .partitions = {0, 1}, .count = 2, .max_wait_ms = 500};
    send_fetch(&rig, client, &wish);
    rig_advance(&rig, 100);
    expect_no_answer(&rig, client);
    fill(&rig, "orders", 1, 1);
    const struct dh_fetch_response *response = receive_fetch(&rig, client);
    assert_int_equal(0, count_batches(item_at(response, 0)));
    assert_int_equal(1, count_batches(item_at(response, 1)));
    rig_stop(&rig);
}

static void test_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct fetch_wish wish = {.topic = "orders", .count = 1, .max_wait_ms = 500};
    for (int round = 0; round < 3; round++) {
        send_fetch(&rig, client, &wish);
        rig_advance(&rig, 499);
        expect_no_answer(&rig, client);
        rig_advance(&rig, 1);
        const struct dh_fetch_response *response = receive_fetch(&rig, client);
        assert_int_equal(0, item_at(response, 0)->error_code);
        assert_int_equal(0, item_at(response, 0)->records.size);
    }
    rig_stop(&rig);
}

// A clock that only commands move does not keep clients waiting, whose own goes on.
static void test_wait_under_manual_clock(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.is_clock_manual = true});
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct fetch_wish wish = {.topic = "orders", .count = 1, .max_wait_ms = 500};
    send_fetch(&rig, client, &wish);
    rig_advance(&rig, 499);
    expect_no_answer(&rig, client);
    rig_advance(&rig, 1);
    assert_int_equal(1, count_items(receive_fetch(&rig, client)));
    rig_stop(&rig);
}

// min_bytes counts over all partitions, and no more than may be had of each.
static void test_min_bytes(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 2);
    struct rig_client *client = rig_connect(&rig, 1);
    struct rig_client *producer = rig_connect(&rig, 1);
    int32_t size = (int32_t)make_batch((struct batch_wish){0}).size;
    struct fetch_wish wish = {.topic = "orders",
                              .partitions = {0, 1},
                              .count = 2,
                              .max_wait_ms = 1000,
                              .min_bytes = 4 * size,
                              .partition_max_bytes = 3 * size};
    send_fetch(&rig, client, &wish);
    for (int i = 0; i < 5; i++) { // 5 batches, of which 3 count
        produce(&rig, producer, "orders", 0, (struct batch_wish){0});
        expect_no_answer(&rig, client);
    }
    produce(&rig, producer, "orders", 1, (struct batch_wish){0});
    const struct dh_fetch_response *response = receive_fetch(&rig, client);
    assert_int_equal(3, count_batches(item_at(response, 0)));
    assert_int_equal(1, count_batches(item_at(response, 1)));
    // What is there already counts too.
    assert_int_equal(2, count_items(fetch(&rig, client, &wish)));
    rig_stop(&rig);
}

// Without time to wait, or nothing to wait for, the answer comes at once.
static void test_no_wait(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct fetch_wish at_once = {.topic = "orders", .count = 1, .max_wait_ms = 0};
    assert_int_equal(1, count_items(fetch(&rig, client, &at_once)));
    struct fetch_wish nothing = {.topic = "orders", .count = 0, .max_wait_ms = 1000};
    assert_int_equal(0, count_items(fetch(&rig, client, &nothing)));
    struct fetch_wish no_bytes = {
        .topic = "orders", .count = 1, .max_wait_ms = 1000, .min_bytes = -1};
    assert_int_equal(1, count_items(fetch(&rig, client, &no_bytes)));
    rig_stop(&rig);
}

// Trap 10: an error of any partition ends the wait of all.
static void test_error_ends_wait(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 2);
    struct rig_client *client = rig_connect(&rig, 1);
    struct fetch_wish wish = {.topic = "orders",
                              .partitions = {0, 9, 1},
                              .count = 3,
                              .max_wait_ms = 10000,
                              .min_bytes = 1000000};
    const struct dh_fetch_response *response = fetch(&rig, client, &wish);
    assert_int_equal(0, item_at(response, 0)->error_code);
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
                     item_at(response, 1)->error_code);
    assert_int_equal(0, item_at(response, 2)->error_code);
    rig_stop(&rig);
}

static void test_events_end_wait(void **state)
{
    (void)state;

    enum event { LEADER_MOVES, TOPIC_GOES, RECORDS_GO, EVENT_COUNT };

    static const int16_t expected[] = {DH_BROKER_NOT_LEADER_OR_FOLLOWER,
                                       DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
                                       DH_BROKER_OFFSET_OUT_OF_RANGE};
    for (int event = 0; event < EVENT_COUNT; event++) {
        struct rig rig;
        rig_start(&rig, &(struct rig_options){.node_count = 2});
        make_topic_with(&rig, "orders", 1, 2, NULL, 0);
        fill(&rig, "orders", 0, 1);
        struct dh_broker_partition *partition = partition_of(&rig, "orders", 0);
        struct rig_client *client = rig_connect(&rig, partition->leader);
        struct fetch_wish wish = {.topic = "orders",
                                  .count = 1,
                                  .offsets = {event == RECORDS_GO ? 0 : 1},
                                  .max_wait_ms = 10000,
                                  .min_bytes = 1000000};
        send_fetch(&rig, client, &wish);
        expect_no_answer(&rig, client);
        if (event == LEADER_MOVES) {
            assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition,
                                                             3 - partition->leader));
        } else if (event == TOPIC_GOES) {
            assert_int_equal(
                0, dh_broker_topics_delete(rig.broker, topic_of(&rig, "orders")));
        } else {
            const char *key = "retention.ms";
            char text[DH_BROKER_TOPICS_TEXT_MAX];
            struct dh_broker_topic_config config;
            assert_int_equal(
                0, dh_broker_topic_config_copy(rig.broker, &config,
                                               topic_of(&rig, "orders")->config));
            assert_int_equal(
                0, dh_broker_topic_config_set(rig.broker, &config, dh_bytes_of(key),
                                              DH_BYTES("1"), text, sizeof(text)));
            assert_int_equal(0, dh_broker_topics_set_config(
                                    rig.broker, topic_of(&rig, "orders"), &config));
            dh_broker_topic_config_deinit(&config, rig.broker);
            rig_advance(&rig, 1000);
            dh_broker_retention_apply(rig.broker);
        }
        rig_run(&rig);
        assert_int_equal(expected[event],
                         item_at(receive_fetch(&rig, client), 0)->error_code);
        rig_stop(&rig);
    }
}

static void test_client_goes_while_waiting(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct fetch_wish wish = {.topic = "orders", .count = 1, .max_wait_ms = 10000};
    send_fetch(&rig, client, &wish);
    assert_false(dh_list_is_empty(&partition_of(&rig, "orders", 0)->waiters));
    rig_disconnect(&rig, client);
    assert_true(dh_list_is_empty(&partition_of(&rig, "orders", 0)->waiters));
    fill(&rig, "orders", 0, 1);
    rig_advance(&rig, 20000);
    rig_stop(&rig);
}

// Only what is durable is read: mode SYNCED.
static void test_high_watermark_bounds_reads(void **state)
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
    struct fetch_wish wish = {.topic = "orders", .count = 1, .max_wait_ms = 1000};
    send_fetch(&rig, client, &wish);
    expect_no_answer(&rig, client);
    rig_end_syncs(&rig);
    const fetch_item *item = item_at(receive_fetch(&rig, client), 0);
    assert_int_equal(3, item->high_watermark);
    assert_int_equal(1, count_batches(item));
    // Between the high watermark and the end there is nothing yet, and no error.
    send_produce(&rig, producer, "orders", 0, 1, &batch);
    wish.offsets[0] = 5;
    wish.max_wait_ms = 0;
    item = item_at(fetch(&rig, client, &wish), 0);
    assert_int_equal(0, item->error_code);
    assert_int_equal(0, item->records.size);
    rig_end_syncs(&rig);
    rig_stop(&rig);
}

// ---- Sessions ----

static struct fetch_wish session_wish(int32_t id, int32_t epoch)
{
    return (struct fetch_wish){
        .topic = "orders", .session_id = id, .session_epoch = epoch, .has_session = true};
}

// Opens a session over partitions 0 to count - 1, from offset 0.
static const struct dh_fetch_response *
open_session(struct rig *rig, struct rig_client *client, int32_t count)
{
    struct fetch_wish wish = session_wish(0, 0);
    wish.count = count;
    for (int32_t i = 0; i < count; i++) {
        wish.partitions[i] = i;
    }
    const struct dh_fetch_response *response = fetch(rig, client, &wish);
    assert_int_equal(0, response->error_code);
    assert_int_equal(count, count_items(response)); // a full answer names all
    return response;
}

static void test_session_tells_changes(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 8);
    struct rig_client *client = rig_connect(&rig, 1);
    int32_t id = open_session(&rig, client, 8)->session_id;
    assert_int_not_equal(0, id);

    struct fetch_wish wish = session_wish(id, 1);
    const struct dh_fetch_response *response = fetch(&rig, client, &wish);
    assert_int_equal(id, response->session_id);
    assert_int_equal(0, count_items(response)); // nothing has changed

    fill(&rig, "orders", 5, 2);
    wish.session_epoch = 2;
    response = fetch(&rig, client, &wish);
    assert_int_equal(1, count_items(response));
    assert_int_equal(5, item_at(response, 0)->partition_index);
    assert_int_equal(2, count_batches(item_at(response, 0)));

    // As long as the client does not say that it has them they come again.
    wish.session_epoch = 3;
    assert_int_equal(2, count_batches(item_at(fetch(&rig, client, &wish), 0)));
    wish.session_epoch = 4;
    wish.count = 1;
    wish.partitions[0] = 5;
    wish.offsets[0] = 2;
    assert_int_equal(0, count_items(fetch(&rig, client, &wish)));

    // The start of a log that moves is told, once.
    assert_int_equal(0, dh_store_log_delete_before(log_of(&rig, "orders", 5), 1));
    dh_broker_waits_wake(rig.broker, partition_of(&rig, "orders", 5));
    rig_run(&rig);
    wish = session_wish(id, 5);
    response = fetch(&rig, client, &wish);
    assert_int_equal(1, item_at(response, 0)->log_start_offset);
    wish.session_epoch = 6;
    assert_int_equal(0, count_items(fetch(&rig, client, &wish)));

    // what is forgotten is not told any more.
    wish.session_epoch = 7;
    wish.forgotten[0] = 5;
    wish.forgotten_count = 1;
    assert_int_equal(0, count_items(fetch(&rig, client, &wish)));
    fill(&rig, "orders", 5, 1);
    wish = session_wish(id, 8);
    assert_int_equal(0, count_items(fetch(&rig, client, &wish)));
    rig_stop(&rig);
}

static void test_session_errors(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    make_topic_with(&rig, "orders", 2, 1, NULL, 0);
    struct rig_client *client = rig_connect(&rig, 1);
    int32_t id = open_session(&rig, client, 1)->session_id;

    const struct {
        int16_t expected;
        int32_t node_id;
        int32_t id;
        int32_t epoch;
        int16_t version;
    } rows[] = {
        {DH_BROKER_INVALID_FETCH_SESSION_EPOCH, 1, id, 2, FETCH_BY_NAME},
        {DH_BROKER_FETCH_SESSION_ID_NOT_FOUND, 1, id ^ 1, 1, FETCH_BY_NAME},
        {DH_BROKER_FETCH_SESSION_TOPIC_ID_ERROR, 1, id, 1, FETCH_BY_ID},
        {DH_BROKER_FETCH_SESSION_ID_NOT_FOUND, 2, id, 1, FETCH_BY_NAME}, // another node
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct fetch_wish wish = session_wish(rows[i].id, rows[i].epoch);
        wish.version = rows[i].version;
        struct rig_client *asking = rig_connect(&rig, rows[i].node_id);
        const struct dh_fetch_response *response = fetch(&rig, asking, &wish);
        assert_int_equal(rows[i].expected, response->error_code);
        assert_int_equal(0, response->session_id);
        assert_int_equal(0, count_items(response));
    }
    struct fetch_wish final = session_wish(id, -1);
    assert_int_equal(0, fetch(&rig, client, &final)->session_id);
    struct fetch_wish wish = session_wish(id, 1);
    assert_int_equal(DH_BROKER_FETCH_SESSION_ID_NOT_FOUND,
                     fetch(&rig, client, &wish)->error_code);
    rig_stop(&rig);
}

// An error is told as long as it lasts; when it has gone, all is told anew.
static void test_session_error_comes_and_goes(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    make_topic_with(&rig, "orders", 1, 2, NULL, 0);
    fill(&rig, "orders", 0, 1);
    struct dh_broker_partition *partition = partition_of(&rig, "orders", 0);
    int32_t node = partition->leader;
    struct rig_client *client = rig_connect(&rig, node);
    struct fetch_wish wish = session_wish(0, 0);
    wish.count = 1;
    wish.offsets[0] = 1;
    int32_t id = fetch(&rig, client, &wish)->session_id;
    assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition, 3 - node));
    for (int32_t epoch = 1; epoch <= 2; epoch++) {
        wish = session_wish(id, epoch);
        wish.max_wait_ms = 1000;
        assert_int_equal(DH_BROKER_NOT_LEADER_OR_FOLLOWER,
                         item_at(fetch(&rig, client, &wish), 0)->error_code);
    }
    assert_int_equal(0, dh_broker_topics_move_leader(rig.broker, partition, node));
    wish = session_wish(id, 3);
    const fetch_item *item = item_at(fetch(&rig, client, &wish), 0);
    assert_int_equal(0, item->error_code);
    assert_int_equal(1, item->high_watermark);
    wish.session_epoch = 4;
    assert_int_equal(0, count_items(fetch(&rig, client, &wish)));
    rig_stop(&rig);
}

static void test_session_waits(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 20);
    struct rig_client *client = rig_connect(&rig, 1);
    int32_t id = open_session(&rig, client, 20)->session_id;
    for (int32_t epoch = 1; epoch <= 5; epoch++) {
        struct fetch_wish wish = session_wish(id, epoch);
        wish.max_wait_ms = 500;
        if (epoch > 1) { // what came last time is acknowledged
            wish.count = 1;
            wish.partitions[0] = epoch - 1;
            wish.offsets[0] = 1;
        }
        send_fetch(&rig, client, &wish);
        expect_no_answer(&rig, client);
        fill(&rig, "orders", epoch, 1);
        const struct dh_fetch_response *response = receive_fetch(&rig, client);
        assert_int_equal(1, count_items(response));
        assert_int_equal(epoch, item_at(response, 0)->partition_index);
    }
    rig_stop(&rig);
}

// No partition starves when max_bytes has room for one alone (CL-088).
static void test_session_takes_turns(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 5);
    for (int32_t p = 0; p < 5; p++) {
        fill(&rig, "orders", p, 20);
    }
    struct rig_client *client = rig_connect(&rig, 1);
    int64_t offsets[5] = {0};
    int given[5] = {0};
    struct fetch_wish wish = session_wish(0, 0);
    wish.count = 5;
    wish.max_bytes = 1;
    for (int32_t i = 0; i < 5; i++) {
        wish.partitions[i] = i;
    }
    for (int32_t round = 1; round <= 50; round++) {
        const struct dh_fetch_response *response = fetch(&rig, client, &wish);
        int32_t id = response->session_id;
        int32_t number = -1;
        for (int32_t i = 0; i < count_items(response); i++) {
            if (item_at(response, i)->records.size > 0) {
                assert_int_equal(-1, number);
                number = item_at(response, i)->partition_index;
            }
        }
        assert_true(number >= 0);
        given[number]++;
        wish = session_wish(id, round);
        wish.max_bytes = 1;
        wish.count = 1;
        wish.partitions[0] = number;
        wish.offsets[0] = ++offsets[number];
    }
    for (int32_t p = 0; p < 5; p++) {
        assert_int_equal(10, given[p]);
    }
    rig_stop(&rig);
}

// A second request in the session turns the first one out.
static void test_session_has_one_request(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *first = rig_connect(&rig, 1);
    struct rig_client *second = rig_connect(&rig, 1);
    int32_t id = open_session(&rig, first, 1)->session_id;
    struct fetch_wish wish = session_wish(id, 1);
    wish.max_wait_ms = 10000;
    send_fetch(&rig, first, &wish);
    wish.session_epoch = 2;
    send_fetch(&rig, second, &wish);
    assert_int_equal(DH_BROKER_INVALID_FETCH_SESSION_EPOCH,
                     receive_fetch(&rig, first)->error_code);
    expect_no_answer(&rig, second);
    fill(&rig, "orders", 0, 1);
    assert_int_equal(1, count_items(receive_fetch(&rig, second)));
    rig_stop(&rig);
}

// A session ends under a request that waits in it: the request goes on.
static void test_session_ends_while_waiting(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *first = rig_connect(&rig, 1);
    struct rig_client *second = rig_connect(&rig, 1);
    int32_t id = open_session(&rig, first, 1)->session_id;
    struct fetch_wish wish = session_wish(id, 1);
    wish.max_wait_ms = 10000;
    send_fetch(&rig, first, &wish);
    struct fetch_wish final = session_wish(id, -1);
    assert_int_equal(0, fetch(&rig, second, &final)->error_code);
    expect_no_answer(&rig, first);
    fill(&rig, "orders", 0, 1);
    assert_int_equal(1, count_items(receive_fetch(&rig, first)));
    rig_stop(&rig);
}

static void test_session_forgets_all_while_waiting(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    struct rig_client *first = rig_connect(&rig, 1);
    struct rig_client *second = rig_connect(&rig, 1);
    int32_t id = open_session(&rig, first, 1)->session_id;
    struct fetch_wish wish = session_wish(id, 1);
    wish.max_wait_ms = 10000;
    send_fetch(&rig, first, &wish);
    wish.session_epoch = 2;
    wish.forgotten_count = 1;
    assert_int_equal(0, fetch(&rig, second, &wish)->session_id);
    assert_int_equal(DH_BROKER_INVALID_FETCH_SESSION_EPOCH,
                     receive_fetch(&rig, first)->error_code);
    rig_stop(&rig);
}

// Partitions of a session that come to be, and are made anew, are found.
static void test_session_finds_new_topic(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    const struct dh_fetch_response *response = open_session(&rig, client, 1);
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
                     item_at(response, 0)->error_code);
    int32_t id = response->session_id;
    int32_t epoch = 1;
    for (int round = 0; round < 2; round++) {
        make_topic(&rig, "orders", 1);
        struct fetch_wish wish = session_wish(id, epoch++);
        assert_int_equal(0, item_at(fetch(&rig, client, &wish), 0)->high_watermark);
        wish.session_epoch = epoch++;
        wish.max_wait_ms = 1000;
        send_fetch(&rig, client, &wish);
        fill(&rig, "orders", 0, 1);
        assert_int_equal(1, count_batches(item_at(receive_fetch(&rig, client), 0)));
        assert_int_equal(0,
                         dh_broker_topics_delete(rig.broker, topic_of(&rig, "orders")));
        rig_run(&rig);
    }
    rig_stop(&rig);
}

// More partitions move those that a session waits for.
static void test_session_of_growing_topic(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 2);
    struct rig_client *client = rig_connect(&rig, 1);
    int32_t id = open_session(&rig, client, 2)->session_id;
    struct fetch_wish wish = session_wish(id, 1);
    wish.max_wait_ms = 1000;
    send_fetch(&rig, client, &wish);
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    assert_int_equal(0,
                     dh_broker_topics_add_partitions(rig.broker, topic_of(&rig, "orders"),
                                                     50, text, sizeof(text)));
    fill(&rig, "orders", 1, 1);
    const struct dh_fetch_response *response = receive_fetch(&rig, client);
    assert_int_equal(1, item_at(response, 0)->partition_index);
    assert_int_equal(1, count_batches(item_at(response, 0)));
    rig_stop(&rig);
}

// A node that goes down forgets its sessions; another keeps its own.
static void test_node_forgets_sessions(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    make_topic_with(&rig, "orders", 2, 2, NULL, 0);
    int32_t ids[2];
    for (int32_t i = 0; i < 2; i++) {
        struct rig_client *client = rig_connect(&rig, i + 1);
        ids[i] = open_session(&rig, client, 1)->session_id;
    }
    struct dh_broker_node *node = dh_broker_nodes_find(rig.broker, 2);
    dh_broker_nodes_take_down(rig.broker, node, true);
    rig_run(&rig);
    dh_broker_nodes_bring_up(rig.broker, node);
    rig_run(&rig);
    for (int32_t i = 0; i < 2; i++) {
        struct rig_client *client = rig_connect(&rig, i + 1);
        struct fetch_wish wish = session_wish(ids[i], 1);
        assert_int_equal(i == 0 ? 0 : DH_BROKER_FETCH_SESSION_ID_NOT_FOUND,
                         fetch(&rig, client, &wish)->error_code);
    }
    rig_stop(&rig);
}

// An idle session asks nothing of the broker, however many partitions it has.
static void test_idle_session_is_not_looked_at(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", FETCH_PARTITIONS_MAX);
    struct rig_client *client = rig_connect(&rig, 1);
    int32_t id = open_session(&rig, client, FETCH_PARTITIONS_MAX)->session_id;
    size_t calls = 0;
    for (int32_t epoch = 1; epoch <= 3; epoch++) {
        struct fetch_wish wish = session_wish(id, epoch);
        send_fetch(&rig, client, &wish);
        calls = rig.memory.calls - calls;
        assert_int_equal(0, count_items(receive_fetch(&rig, client)));
        calls = rig.memory.calls;
    }
    // No partition but the one that has changed is among the fresh.
    fill(&rig, "orders", 7, 1);
    size_t fresh = 0;
    DH_LIST_EACH(link, &partition_of(&rig, "orders", 7)->waiters)
    {
        struct dh_broker_fetch_partition *partition =
            DH_CONTAINER_OF(link, struct dh_broker_fetch_partition, place.waiting);
        fresh = partition->session->fresh_count;
    }
    assert_int_equal(1, fresh);
    rig_stop(&rig);
}

// ---- Trouble ----

static void command(struct rig *rig, const char *line)
{
    struct dh_broker_command command = {.line = line, .deadline_ns = DH_NEVER};
    dh_buf_init(&command.text, &rig->memory.allocator, 0);
    dh_broker_input(rig->broker, &command, rig->now_ns);
    assert_ptr_equal(&command, dh_broker_next_event(rig->broker));
    if (command.err != 0) {
        fail_msg("%.*s", (int)command.text.size, (const char *)command.text.data);
    }
    dh_buf_deinit(&command.text);
    rig_run(rig);
}

// A fault about a partition finds it in an idle session too, and is used up once.
static void test_faults(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 4);
    struct rig_client *client = rig_connect(&rig, 1);
    int32_t id = open_session(&rig, client, 4)->session_id;
    struct fetch_wish wish = session_wish(id, 1);
    wish.max_wait_ms = 500;
    send_fetch(&rig, client, &wish);
    rig_advance(&rig, 500);
    assert_int_equal(0, count_items(receive_fetch(&rig, client)));
    command(&rig, "fault add api=fetch topic=orders partition=2 "
                  "error=KAFKA_STORAGE_ERROR count=1");
    wish.session_epoch = 2;
    const struct dh_fetch_response *response = fetch(&rig, client, &wish);
    assert_int_equal(1, count_items(response));
    assert_int_equal(2, item_at(response, 0)->partition_index);
    assert_int_equal(DH_BROKER_KAFKA_STORAGE_ERROR, item_at(response, 0)->error_code);
    wish.session_epoch = 3;
    wish.max_wait_ms = 0;
    response = fetch(&rig, client, &wish);
    assert_int_equal(1, count_items(response));
    assert_int_equal(0, item_at(response, 0)->error_code);
    rig_stop(&rig);
}

static void test_unreadable_log(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 1);
    fill(&rig, "orders", 0, 3);
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t at = 1;; at++) {
        assert_true(at < 200);
        assert_int_equal(0, dh_buf_reserve(&client->out, 4096));
        assert_int_equal(0, dh_buf_reserve(&client->in, 4096));
        struct fetch_wish wish = session_wish(0, 0);
        wish.count = 1;
        rig.memory.fail_at = rig.memory.calls + at;
        send_fetch(&rig, client, &wish);
        rig.memory.fail_at = 0;
        if (client->in.size > 0) {
            const fetch_item *item = item_at(receive_fetch(&rig, client), 0);
            if (item->error_code == 0) {
                assert_int_equal(3, count_batches(item));
                break;
            }
            assert_int_equal(0, item->records.size);
            continue;
        }
        rig_disconnect(&rig, client);
        rig.client_count--;
        client = rig_connect(&rig, 1);
    }
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_isolation),
        cmocka_unit_test(test_inside_a_batch),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_setting_of_max_bytes),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_leadership),
        cmocka_unit_test(test_diverging_epoch),
        cmocka_unit_test(test_unknown_topics),
        cmocka_unit_test(test_wait_ends_by_append),
        cmocka_unit_test(test_wait_ends_at_its_deadline),
        cmocka_unit_test(test_wait_under_manual_clock),
        cmocka_unit_test(test_min_bytes),
        cmocka_unit_test(test_no_wait),
        cmocka_unit_test(test_error_ends_wait),
        cmocka_unit_test(test_events_end_wait),
        cmocka_unit_test(test_client_goes_while_waiting),
        cmocka_unit_test(test_high_watermark_bounds_reads),
        cmocka_unit_test(test_session_tells_changes),
        cmocka_unit_test(test_session_errors),
        cmocka_unit_test(test_session_error_comes_and_goes),
        cmocka_unit_test(test_session_waits),
        cmocka_unit_test(test_session_takes_turns),
        cmocka_unit_test(test_session_has_one_request),
        cmocka_unit_test(test_session_ends_while_waiting),
        cmocka_unit_test(test_session_forgets_all_while_waiting),
        cmocka_unit_test(test_session_finds_new_topic),
        cmocka_unit_test(test_session_of_growing_topic),
        cmocka_unit_test(test_node_forgets_sessions),
        cmocka_unit_test(test_idle_session_is_not_looked_at),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_unreadable_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
