// SPDX-License-Identifier: MIT
#include "rig.h"

#include <stdio.h>

#include "base/bytes.h"
#include "broker/nodes.h"
#include "broker/topics.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/describe_cluster.h"
#include "wire/gen/describe_topic_partitions.h"
#include "wire/gen/metadata.h"

// Asks for one topic by name, or for what `topics` says.
static const struct dh_metadata_response *ask_for(struct rig *rig,
                                                  struct rig_client *client,
                                                  int16_t version, const char *name,
                                                  bool may_create)
{
    struct dh_metadata_request_topic topic = {.name = dh_bytes_of(name)};
    struct dh_metadata_request request = {.topics = {&topic, 1},
                                          .allow_auto_topic_creation = may_create};
    if (version < 4) {
        request.allow_auto_topic_creation = true; // its default
    }
    return rig_ask(rig, client, DH_API_METADATA, version, &request);
}

static void test_every_version_shows_the_cluster(void **state)
{
    (void)state;
    static const char *const racks[] = {"a", "b", "c"};
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 3, .racks = racks});
    rig_create_topic(&rig, "orders", 3, 2);
    struct rig_client *client = rig_connect(&rig, 2);
    for (int16_t version = 0; version <= 13; version++) {
        const struct dh_metadata_response *response =
            ask_for(&rig, client, version, "orders", false);
        assert_int_equal(3, response->brokers.count);
        assert_int_equal(9002, response->brokers.items[1].port);
        assert_bytes_equal(DH_BYTES("127.0.0.1"), response->brokers.items[1].host);
        if (version >= 1) {
            assert_bytes_equal(DH_BYTES("b"), response->brokers.items[1].rack);
            assert_int_equal(1, response->controller_id);
        }
        assert_int_equal(version >= 2 ? DH_UUID_TEXT_SIZE : 0, response->cluster_id.size);
        assert_int_equal(1, response->topics.count);
        const struct dh_metadata_response_topic *topic = &response->topics.items[0];
        assert_int_equal(0, topic->error_code);
        assert_bytes_equal(DH_BYTES("orders"), topic->name);
        assert_int_equal(version < 10, dh_uuid_is_zero(&topic->topic_id));
        assert_int_equal(3, topic->partitions.count);
        const struct dh_metadata_response_topic_partition *partition =
            &topic->partitions.items[1];
        assert_int_equal(2, partition->leader_id);
        assert_int_equal(version >= 7 ? 0 : -1, partition->leader_epoch);
        assert_int_equal(2, partition->replica_nodes.count);
        assert_int_equal(3, partition->replica_nodes.items[1]);
        assert_int_equal(2, partition->isr_nodes.count);
        assert_int_equal(0, partition->offline_replicas.count);
    }
    rig_stop(&rig);
}

// In version 0 an empty list means all topics; later null does, and empty means none.
static void test_all_topics_and_none(void **state)
{
    (void)state;

    static const struct {
        int16_t version;
        int32_t asked; // count of topics; -1: null
        int32_t expected;
    } rows[] = {{0, 0, 2}, {1, 0, 0}, {1, -1, 2}, {9, -1, 2}, {13, 0, 0}, {13, -1, 2}};
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "b", 1, 1);
    rig_create_topic(&rig, "a", 1, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_metadata_request request = {.topics = {NULL, rows[i].asked},
                                              .allow_auto_topic_creation = true};
        const struct dh_metadata_response *response =
            rig_ask(&rig, client, DH_API_METADATA, rows[i].version, &request);
        assert_int_equal(rows[i].expected, response->topics.count);
        if (rows[i].expected == 2) {
            assert_bytes_equal(DH_BYTES("a"), response->topics.items[0].name);
            assert_bytes_equal(DH_BYTES("b"), response->topics.items[1].name);
        }
    }
    // Our own log is no topic.
    assert_non_null(dh_store_find_log(rig.broker->store, "__dohle_metadata", 0));
    rig_stop(&rig);
}

static void test_topics_make_themselves_if_they_may(void **state)
{
    (void)state;
    static const char *const settings[] = {"num.partitions=4",
                                           "auto.create.topics.enable=true"};
    static const char *const off[] = {"auto.create.topics.enable=false"};
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.settings = settings, .setting_count = 2});
    struct rig_client *client = rig_connect(&rig, 1);
    const struct dh_metadata_response *response =
        ask_for(&rig, client, 12, "fresh", false);
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
                     response->topics.items[0].error_code);
    response = ask_for(&rig, client, 12, "fresh", true);
    // Usable at once: no LEADER_NOT_AVAILABLE.
    assert_int_equal(0, response->topics.items[0].error_code);
    assert_int_equal(4, response->topics.items[0].partitions.count);
    assert_int_equal(1, response->topics.items[0].partitions.items[0].leader_id);
    response = ask_for(&rig, client, 12, "not a name", true);
    assert_int_equal(DH_BROKER_INVALID_TOPIC_EXCEPTION,
                     response->topics.items[0].error_code);
    response = ask_for(&rig, client, 12, "__consumer_offsets", true);
    assert_true(response->topics.items[0].is_internal);
    rig_stop(&rig);

    rig_start(&rig, &(struct rig_options){.settings = off, .setting_count = 1});
    response = ask_for(&rig, rig_connect(&rig, 1), 0, "fresh", true);
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
                     response->topics.items[0].error_code);
    rig_stop(&rig);
}

static void test_topics_are_found_by_id(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "a", 1, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct dh_metadata_request_topic topics[2] = {
        {.topic_id = dh_broker_topics_find(rig.broker, DH_BYTES("a"))->id},
        {.topic_id = {{9}}},
    };
    struct dh_metadata_request request = {.topics = {topics, 2}};
    const struct dh_metadata_response *response =
        rig_ask(&rig, client, DH_API_METADATA, 12, &request);
    assert_int_equal(0, response->topics.items[0].error_code);
    assert_bytes_equal(DH_BYTES("a"), response->topics.items[0].name);
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_ID, response->topics.items[1].error_code);
    assert_bytes_equal(DH_BYTES_NULL, response->topics.items[1].name);
    // Before version 12 a name is needed.
    response = rig_ask(&rig, client, DH_API_METADATA, 11, &request);
    assert_int_equal(DH_BROKER_INVALID_REQUEST, response->topics.items[0].error_code);
    rig_stop(&rig);
}

static void test_a_node_that_is_down_leads_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    rig_create_topic(&rig, "two", 1, 2); // on 1 and 2
    rig_create_topic(&rig, "one", 2, 1); // its partition 1 is on node 1 alone
    struct rig_client *on_1 = rig_connect(&rig, 1);
    struct rig_client *client = rig_connect(&rig, 2);
    dh_broker_nodes_take_down(rig.broker, dh_broker_nodes_find(rig.broker, 1), true);
    rig_run(&rig);
    assert_true(on_1->is_reset);
    assert_false(rig.is_listening[1]);
    const struct dh_metadata_response *response = ask_for(&rig, client, 12, "two", false);
    const struct dh_metadata_response_topic_partition *partition =
        &response->topics.items[0].partitions.items[0];
    assert_int_equal(1, response->brokers.count);
    assert_int_equal(2, response->controller_id);
    assert_int_equal(2, partition->leader_id);
    assert_int_equal(1, partition->leader_epoch);
    assert_int_equal(1, partition->isr_nodes.count);
    assert_int_equal(1, partition->offline_replicas.count);
    assert_int_equal(1, partition->offline_replicas.items[0]);
    response = ask_for(&rig, client, 12, "one", false);
    partition = &response->topics.items[0].partitions.items[1];
    assert_int_equal(DH_BROKER_LEADER_NOT_AVAILABLE, partition->error_code);
    assert_int_equal(-1, partition->leader_id);
    assert_int_equal(1, partition->leader_epoch);

    dh_broker_nodes_bring_up(rig.broker, dh_broker_nodes_find(rig.broker, 1));
    rig_run(&rig);
    assert_true(rig.is_listening[1]);
    response = ask_for(&rig, client, 12, "one", false);
    partition = &response->topics.items[0].partitions.items[1];
    assert_int_equal(1, partition->leader_id);
    assert_int_equal(2, partition->leader_epoch);
    response = ask_for(&rig, client, 12, "two", false);
    // Who leads goes on to lead.
    assert_int_equal(2, response->topics.items[0].partitions.items[0].leader_id);
    rig_stop(&rig);
}

static void test_the_cluster_is_described(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 3});
    struct rig_client *client = rig_connect(&rig, 1);
    dh_broker_nodes_take_down(rig.broker, dh_broker_nodes_find(rig.broker, 3), false);
    struct dh_describe_cluster_request request = {
        .endpoint_type = 1, .include_cluster_authorized_operations = true};
    const struct dh_describe_cluster_response *response =
        rig_ask(&rig, client, DH_API_DESCRIBE_CLUSTER, 2, &request);
    assert_int_equal(0, response->error_code);
    assert_int_equal(2, response->brokers.count);
    assert_int_equal(1, response->controller_id);
    assert_int_equal(8096, response->cluster_authorized_operations);
    request.include_fenced_brokers = true;
    response = rig_ask(&rig, client, DH_API_DESCRIBE_CLUSTER, 2, &request);
    assert_int_equal(3, response->brokers.count);
    assert_true(response->brokers.items[2].is_fenced);
    request.endpoint_type = 2;
    response = rig_ask(&rig, client, DH_API_DESCRIBE_CLUSTER, 2, &request);
    assert_int_equal(DH_BROKER_MISMATCHED_ENDPOINT_TYPE, response->error_code);
    rig_stop(&rig);
}

// Walks all pages of `limit` partitions; writes "name:first-last " for each run.
static void page_through(struct rig *rig, struct rig_client *client,
                         struct dh_describe_topic_partitions_request *request, char *text,
                         size_t size)
{
    struct dh_describe_topic_partitions_request_cursor cursor;
    char name[64];
    size_t used = 0;
    for (bool has_more = true; has_more;) {
        const struct dh_describe_topic_partitions_response *response =
            rig_ask(rig, client, DH_API_DESCRIBE_TOPIC_PARTITIONS, 0, request);
        for (int32_t i = 0; i < response->topics.count; i++) {
            const struct dh_describe_topic_partitions_response_topic *topic =
                &response->topics.items[i];
            int32_t count = topic->partitions.count;
            used += (size_t)snprintf(
                text + used, size - used, "%.*s:%d-%d/%d ", (int)topic->name.size,
                (const char *)topic->name.data,
                count == 0 ? -1 : topic->partitions.items[0].partition_index,
                count == 0 ? -1 : topic->partitions.items[count - 1].partition_index,
                topic->error_code);
        }
        used += (size_t)snprintf(text + used, size - used, "| ");
        has_more = response->next_cursor != NULL;
        if (has_more) {
            memcpy(name, response->next_cursor->topic_name.data,
                   response->next_cursor->topic_name.size);
            cursor.topic_name = (dohle_bytes){(const uint8_t *)name,
                                              response->next_cursor->topic_name.size};
            cursor.partition_index = response->next_cursor->partition_index;
            request->cursor = &cursor;
        }
    }
    request->cursor = NULL;
}

static void test_topics_are_described_page_by_page(void **state)
{
    (void)state;

    static const struct {
        int32_t limit;
        int32_t asked; // of `names`; 0: all
        const char *expected;
    } rows[] = {
        {2000, 0, "a:0-2/0 b:0-1/0 c:0-0/0 | "},
        {3, 0, "a:0-2/0 | b:0-1/0 c:0-0/0 | "},
        {2, 0, "a:0-1/0 | a:2-2/0 b:0-0/0 | b:1-1/0 c:0-0/0 | "},
        {0, 0, "a:0-0/0 | a:1-1/0 | a:2-2/0 | b:0-0/0 | b:1-1/0 | c:0-0/0 | "},
        {2000, 4, "a:0-2/0 c:0-0/0 nope:-1--1/3 | "},
        {3, 4, "a:0-2/0 | c:0-0/0 nope:-1--1/3 | "},
    };
    struct dh_describe_topic_partitions_request_topic names[] = {
        {DH_BYTES("c")}, {DH_BYTES("nope")}, {DH_BYTES("a")}, {DH_BYTES("c")}};
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "b", 2, 1);
    rig_create_topic(&rig, "a", 3, 1);
    rig_create_topic(&rig, "c", 1, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        char text[512];
        struct dh_describe_topic_partitions_request request = {
            .topics = {names, rows[i].asked}, .response_partition_limit = rows[i].limit};
        page_through(&rig, client, &request, text, sizeof(text));
        assert_string_equal(rows[i].expected, text);
    }
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_version_shows_the_cluster),
        cmocka_unit_test(test_all_topics_and_none),
        cmocka_unit_test(test_topics_make_themselves_if_they_may),
        cmocka_unit_test(test_topics_are_found_by_id),
        cmocka_unit_test(test_a_node_that_is_down_leads_nothing),
        cmocka_unit_test(test_the_cluster_is_described),
        cmocka_unit_test(test_topics_are_described_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
