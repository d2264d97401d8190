// SPDX-License-Identifier: MIT
// The expected texts are those of a running Apache Kafka 4.4.0.
#include "rig.h"

#include "base/bytes.h"
#include "broker/nodes.h"
#include "broker/topic_config.h"
#include "broker/topics.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_topics.h"

static const struct dh_create_topics_response_topic *
create(struct rig *rig, struct rig_client *client,
       const struct dh_create_topics_request_topic *topic, bool validate_only)
{
    struct dh_create_topics_request_topic one = *topic;
    struct dh_create_topics_request request = {
        .topics = {&one, 1}, .timeout_ms = 1000, .validate_only = validate_only};
    const struct dh_create_topics_response *response =
        rig_ask(rig, client, DH_API_CREATE_TOPICS, 7, &request);
    assert_int_equal(1, response->topics.count);
    return &response->topics.items[0];
}

static void test_a_topic_that_was_answered_is_usable(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 3});
    struct rig_client *client = rig_connect(&rig, 2);
    const struct dh_create_topics_response_topic *made = create(
        &rig, client,
        &(struct dh_create_topics_request_topic){
            .name = DH_BYTES("orders"), .num_partitions = 6, .replication_factor = 2},
        false);
    assert_int_equal(0, made->error_code);
    assert_int_equal(6, made->num_partitions);
    assert_int_equal(2, made->replication_factor);
    // All but the internal one.
    assert_int_equal(dh_broker_topic_setting_count - 1, made->configs.count);
    struct dh_broker_topic *topic = dh_broker_topics_find(rig.broker, DH_BYTES("orders"));
    assert_non_null(topic);
    assert_true(dh_uuid_equal(&topic->id, &made->topic_id));
    assert_ptr_equal(topic, dh_broker_topics_find_id(rig.broker, &topic->id));
    for (int32_t i = 0; i < 6; i++) {
        struct dh_broker_partition *partition = &topic->partitions[i];
        assert_int_equal(i % 3 + 1, partition->leader);
        assert_int_equal(0, partition->leader_epoch);
        assert_int_equal(2, partition->replica_count);
        assert_int_equal((i + 1) % 3 + 1, partition->replicas[1]);
        assert_non_null(partition->log);
        int16_t code;
        assert_ptr_equal(partition, dh_broker_topics_led(rig.broker, topic, i,
                                                         partition->leader, 0, &code));
    }
    rig_stop(&rig);
}

static void test_what_cannot_be_made_is_refused_in_kafkas_words(void **state)
{
    (void)state;

    static const struct {
        const char *name;
        int32_t partitions;
        int16_t factor;
        const char *setting; // NULL: none
        const char *value;
        int16_t code;
        const char *text;
    } rows[] = {
        {"t1", 1, 1, NULL, NULL, DH_BROKER_TOPIC_ALREADY_EXISTS,
         "Topic 't1' already exists."},
        {"a b", 1, 1, NULL, NULL, DH_BROKER_INVALID_TOPIC_EXCEPTION,
         "Topic name is invalid: 'a b' contains one or more characters other than ASCII "
         "alphanumerics, '.', '_' and '-'"},
        {".", 1, 1, NULL, NULL, DH_BROKER_INVALID_TOPIC_EXCEPTION,
         "Topic name is invalid: '.' is not allowed"},
        {"a_b", 1, 1, NULL, NULL, DH_BROKER_INVALID_TOPIC_EXCEPTION,
         "Topic 'a_b' collides with existing topic: a.b"},
        {"__dohle_metadata", 1, 1, NULL, NULL, DH_BROKER_INVALID_TOPIC_EXCEPTION,
         "Topic name is invalid: '__dohle_metadata' is Dohle's own"},
        {"__cluster_metadata", 1, 1, NULL, NULL, DH_BROKER_INVALID_REQUEST,
         "Creation of internal topic __cluster_metadata is prohibited."},
        {"p", 0, 1, NULL, NULL, DH_BROKER_INVALID_PARTITIONS,
         "Number of partitions was set to an invalid non-positive value."},
        {"p", -2, 1, NULL, NULL, DH_BROKER_INVALID_PARTITIONS,
         "Number of partitions was set to an invalid non-positive value."},
        {"p", 10001, 1, NULL, NULL, DH_BROKER_POLICY_VIOLATION,
         "Excessively large number of partitions per request."},
        {"p", 1, 0, NULL, NULL, DH_BROKER_INVALID_REPLICATION_FACTOR,
         "Replication factor must be larger than 0, or -1 to use the default value."},
        {"p", 1, 3, NULL, NULL, DH_BROKER_INVALID_REPLICATION_FACTOR,
         "Unable to replicate the partition 3 time(s): The target replication factor of 3 "
         "cannot be reached because only 2 broker(s) are registered."},
        {"p", 1, 1, "foo", "1", DH_BROKER_INVALID_CONFIG,
         "Unknown topic config name: foo"},
        {"p", 1, 1, "segment.bytes", "10", DH_BROKER_INVALID_CONFIG,
         "Invalid value 10 for configuration segment.bytes: Value must be at least "
         "1048576"},
        {"p", 1, 1, "segment.bytes", "abc", DH_BROKER_INVALID_CONFIG,
         "Invalid value abc for configuration segment.bytes: Not a number of type INT"},
        {"p", 1, 1, "max.message.bytes", "99999999999", DH_BROKER_INVALID_CONFIG,
         "Invalid value 99999999999 for configuration max.message.bytes: Not a number of "
         "type INT"},
        {"p", 1, 1, "cleanup.policy", "foo", DH_BROKER_INVALID_CONFIG,
         "Invalid value foo for configuration cleanup.policy: String must be one of: "
         "compact, delete"},
        {"p", 1, 1, "compression.type", "foo", DH_BROKER_INVALID_CONFIG,
         "Invalid value foo for configuration compression.type: String must be one of: "
         "uncompressed, zstd, lz4, snappy, gzip, producer"},
        {"p", 1, 1, "preallocate", "yes", DH_BROKER_INVALID_CONFIG,
         "Invalid value yes for configuration preallocate: Expected value to be either "
         "true or false"},
        {"p", 1, 1, "retention.ms", NULL, DH_BROKER_INVALID_CONFIG,
         "Null value not supported for topic configs: retention.ms"},
        {"p", 1, 1, "compression.gzip.level", "0", DH_BROKER_INVALID_CONFIG,
         "Invalid value 0 for configuration compression.gzip.level: Value must be between "
         "1 and 9 or equal to -1"},
        {"p", 1, 1, "min.cleanable.dirty.ratio", "2.0", DH_BROKER_INVALID_CONFIG,
         "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no "
         "more than 1"},
        {"p", 1, 1, "min.cleanable.dirty.ratio", "1.01", DH_BROKER_INVALID_CONFIG,
         "Invalid value 1.01 for configuration min.cleanable.dirty.ratio: Value must be "
         "no more than 1"},
        {"p", 1, 1, "min.cleanable.dirty.ratio", "-.1", DH_BROKER_INVALID_CONFIG,
         "Invalid value -.1 for configuration min.cleanable.dirty.ratio: Value must be at "
         "least 0"},
        {"p", 1, 1, "min.cleanable.dirty.ratio", "x", DH_BROKER_INVALID_CONFIG,
         "Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of "
         "type DOUBLE"},
        {"p", 1, 1, "min.cleanable.dirty.ratio", ".25", 0, NULL},
        {"p", 1, 1, "min.cleanable.dirty.ratio", "1.0", 0, NULL},
        {"p", 1, 1, "cleanup.policy", "compact, delete", 0, NULL},
        {"p", 1, 1, "retention.bytes", "-5", 0, NULL},
        {"p", 1, 1, "internal.segment.bytes", "100", 0, NULL},
    };
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    rig_create_topic(&rig, "t1", 2, 1);
    rig_create_topic(&rig, "a.b", 1, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_create_topics_request_topic_config config = {
            .name = dh_bytes_of(rows[i].setting), .value = dh_bytes_of(rows[i].value)};
        struct dh_create_topics_request_topic topic = {
            .name = dh_bytes_of(rows[i].name),
            .num_partitions = rows[i].partitions,
            .replication_factor = rows[i].factor,
            .configs = {&config, rows[i].setting == NULL ? 0 : 1},
        };
        const struct dh_create_topics_response_topic *out =
            create(&rig, client, &topic, true);
        assert_int_equal(rows[i].code, out->error_code);
        assert_bytes_equal(dh_bytes_of(rows[i].text), out->error_message);
    }
    assert_null(dh_broker_topics_find(rig.broker, DH_BYTES("p"))); // validate_only
    rig_stop(&rig);
}

static void test_replicas_by_hand(void **state)
{
    (void)state;

    static const struct {
        int32_t first;  // number of the first assignment
        int32_t second; // -1: none
        int32_t replicas[2][2];
        int32_t sizes[2];
        int16_t code;
        const char *text;
    } rows[] = {
        {1, 0, {{2, 1}, {1, 2}}, {2, 2}, 0, NULL},
        {1,
         -1,
         {{1}},
         {1},
         DH_BROKER_INVALID_REPLICA_ASSIGNMENT,
         "partitions should be a consecutive 0-based integer sequence"},
        {0,
         0,
         {{1}, {1}},
         {1, 1},
         DH_BROKER_INVALID_REPLICA_ASSIGNMENT,
         "partitions should be a consecutive 0-based integer sequence"},
        {0,
         -1,
         {{0}},
         {0},
         DH_BROKER_INVALID_REPLICA_ASSIGNMENT,
         "The manual partition assignment includes an empty replica list."},
        {0,
         -1,
         {{77}},
         {1},
         DH_BROKER_INVALID_REPLICA_ASSIGNMENT,
         "The manual partition assignment includes broker 77, but no such broker is "
         "registered."},
        {0,
         -1,
         {{1, 1}},
         {2},
         DH_BROKER_INVALID_REPLICA_ASSIGNMENT,
         "The manual partition assignment includes the broker 1 more than once."},
        {0,
         1,
         {{1}, {1, 2}},
         {1, 2},
         DH_BROKER_INVALID_REPLICA_ASSIGNMENT,
         "The manual partition assignment includes a partition with 2 replica(s), but "
         "this is not consistent with previous partitions, which have 1 replica(s)."},
    };
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        int32_t replicas[2][2];
        memcpy(replicas, rows[i].replicas, sizeof(replicas));
        struct dh_create_topics_request_topic_assignment assignments[2] = {
            {.partition_index = rows[i].first,
             .broker_ids = {replicas[0], rows[i].sizes[0]}},
            {.partition_index = rows[i].second,
             .broker_ids = {replicas[1], rows[i].sizes[1]}},
        };
        struct dh_create_topics_request_topic topic = {
            .name = DH_BYTES("by-hand"),
            .num_partitions = -1,
            .replication_factor = -1,
            .assignments = {assignments, rows[i].second == -1 ? 1 : 2},
        };
        const struct dh_create_topics_response_topic *out =
            create(&rig, client, &topic, i > 0);
        // The first row makes it; the name alone would refuse the others.
        if (i > 0 && out->error_code == DH_BROKER_TOPIC_ALREADY_EXISTS) {
            struct dh_create_topics_request_topic again = topic;
            again.name = DH_BYTES("other");
            out = create(&rig, client, &again, true);
        }
        assert_int_equal(rows[i].code, out->error_code);
        assert_bytes_equal(dh_bytes_of(rows[i].text), out->error_message);
    }
    struct dh_broker_topic *topic =
        dh_broker_topics_find(rig.broker, DH_BYTES("by-hand"));
    assert_int_equal(2, topic->partition_count);
    assert_int_equal(1, topic->partitions[0].leader);
    assert_int_equal(2, topic->partitions[1].leader);
    assert_int_equal(2, topic->partitions[0].replicas[1]);
    rig_stop(&rig);
}

static void test_a_name_that_comes_twice_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    struct dh_create_topics_request_topic topics[] = {
        {.name = DH_BYTES("a"), .num_partitions = 1, .replication_factor = 1},
        {.name = DH_BYTES("b"), .num_partitions = 1, .replication_factor = 1},
        {.name = DH_BYTES("a"), .num_partitions = 1, .replication_factor = 1},
    };
    struct dh_create_topics_request request = {.topics = {topics, 3}};
    const struct dh_create_topics_response *response =
        rig_ask(&rig, rig_connect(&rig, 1), DH_API_CREATE_TOPICS, 2, &request);
    assert_int_equal(DH_BROKER_INVALID_REQUEST, response->topics.items[0].error_code);
    assert_int_equal(0, response->topics.items[1].error_code);
    assert_int_equal(DH_BROKER_INVALID_REQUEST, response->topics.items[2].error_code);
    assert_bytes_equal(DH_BYTES("Duplicate topic name."),
                       response->topics.items[2].error_message);
    rig_stop(&rig);
}

static int16_t delete_named(struct rig *rig, struct rig_client *client, const char *name,
                            const struct dh_uuid *id)
{
    struct dh_delete_topics_request_topic topic = {.name = dh_bytes_of(name)};
    if (id != NULL) {
        topic.topic_id = *id;
    }
    struct dh_delete_topics_request request = {.topics = {&topic, 1}};
    const struct dh_delete_topics_response *response =
        rig_ask(rig, client, DH_API_DELETE_TOPICS, 6, &request);
    return response->responses.items[0].error_code;
}

static void test_topics_are_deleted_by_name_and_id(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    struct dh_uuid unknown = {{1}};
    rig_create_topic(&rig, "a", 2, 1);
    rig_create_topic(&rig, "b", 1, 1);
    struct dh_uuid id = dh_broker_topics_find(rig.broker, DH_BYTES("b"))->id;
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
                     delete_named(&rig, client, "nope", NULL));
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_ID,
                     delete_named(&rig, client, NULL, &unknown));
    assert_int_equal(DH_BROKER_INVALID_REQUEST, delete_named(&rig, client, "b", &id));
    assert_int_equal(DH_BROKER_INVALID_REQUEST, delete_named(&rig, client, NULL, NULL));
    assert_int_equal(0, delete_named(&rig, client, "a", NULL));
    assert_int_equal(0, delete_named(&rig, client, NULL, &id));
    assert_null(dh_broker_topics_next(rig.broker, NULL));
    // The same name is another topic then.
    rig_create_topic(&rig, "b", 1, 1);
    assert_false(
        dh_uuid_equal(&id, &dh_broker_topics_find(rig.broker, DH_BYTES("b"))->id));
    rig_restart(&rig, false);
    assert_null(dh_broker_topics_find(rig.broker, DH_BYTES("a")));
    assert_non_null(dh_broker_topics_find(rig.broker, DH_BYTES("b")));
    rig_stop(&rig);
}

static void test_deleting_can_be_switched_off(void **state)
{
    (void)state;
    static const char *const settings[] = {"delete.topic.enable=false"};
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.settings = settings, .setting_count = 1});
    rig_create_topic(&rig, "a", 1, 1);
    assert_int_equal(DH_BROKER_TOPIC_DELETION_DISABLED,
                     delete_named(&rig, rig_connect(&rig, 1), "a", NULL));
    rig_stop(&rig);
}

static void test_topics_grow(void **state)
{
    (void)state;

    static const struct {
        const char *name;
        int32_t count;
        int32_t assignment; // a node for each of assignment_count new partitions
        int32_t assignment_count;
        int16_t code;
        const char *text;
    } rows[] = {
        {"nope", 3, 0, 0, DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
         "This server does not host this topic-partition."},
        {"t1", 2, 0, 0, DH_BROKER_INVALID_PARTITIONS,
         "Topic already has 2 partition(s)."},
        {"t1", 1, 0, 0, DH_BROKER_INVALID_PARTITIONS,
         "The topic t1 currently has 2 partition(s); 1 would not be an increase."},
        {"t1", 3, 1, 2, DH_BROKER_INVALID_REPLICA_ASSIGNMENT,
         "Attempted to add 1 additional partition(s), but only 2 assignment(s) were "
         "specified."},
        {"t1", 3, 7, 1, DH_BROKER_INVALID_REPLICA_ASSIGNMENT,
         "The manual partition assignment includes broker 7, but no such broker is "
         "registered."},
        {"t1", 4, 0, 0, 0, NULL},
        {"t1", 5, 2, 1, 0, NULL},
    };
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 3});
    rig_create_topic(&rig, "t1", 2, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        int32_t node = rows[i].assignment;
        struct dh_create_partitions_request_topic_assignment assignments[2] = {
            {.broker_ids = {&node, 1}}, {.broker_ids = {&node, 1}}};
        struct dh_create_partitions_request_topic topic = {
            .name = dh_bytes_of(rows[i].name),
            .count = rows[i].count,
            .assignments = {assignments, rows[i].assignment_count == 0
                                             ? -1
                                             : rows[i].assignment_count},
        };
        struct dh_create_partitions_request request = {.topics = {&topic, 1}};
        const struct dh_create_partitions_response *response =
            rig_ask(&rig, client, DH_API_CREATE_PARTITIONS, 3, &request);
        assert_int_equal(1, response->results.count);
        assert_int_equal(rows[i].code, response->results.items[0].error_code);
        assert_bytes_equal(dh_bytes_of(rows[i].text),
                           response->results.items[0].error_message);
    }
    for (int restarted = 0; restarted < 2; restarted++) {
        struct dh_broker_topic *topic = dh_broker_topics_find(rig.broker, DH_BYTES("t1"));
        static const int32_t leaders[] = {1, 2, 3, 1, 2};
        assert_int_equal(5, topic->partition_count);
        for (int32_t p = 0; p < 5; p++) {
            assert_int_equal(leaders[p], topic->partitions[p].leader);
        }
        rig_restart(&rig, true);
    }
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_topic_that_was_answered_is_usable),
        cmocka_unit_test(test_what_cannot_be_made_is_refused_in_kafkas_words),
        cmocka_unit_test(test_replicas_by_hand),
        cmocka_unit_test(test_a_name_that_comes_twice_is_refused),
        cmocka_unit_test(test_topics_are_deleted_by_name_and_id),
        cmocka_unit_test(test_deleting_can_be_switched_off),
        cmocka_unit_test(test_topics_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
