// SPDX-License-Identifier: MIT
// The expected texts are those of a running Apache Kafka 4.4.0.
#include "rig.h"

#include <stdio.h>

#include "base/bytes.h"
#include "broker/settings.h"
#include "broker/topic_config.h"
#include "broker/topics.h"
#include "wire/gen/alter_configs.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/describe_configs.h"
#include "wire/gen/incremental_alter_configs.h"

#define TOPIC  2
#define BROKER 4

typedef struct dh_describe_configs_response_result result_row;
typedef struct dh_describe_configs_response_result_config config_row;

static const result_row *describe(struct rig *rig, struct rig_client *client, int8_t type,
                                  const char *name, const char *key)
{
    dohle_bytes keys[] = {dh_bytes_of(key)};
    struct dh_describe_configs_request_resource resource = {
        .resource_type = type,
        .resource_name = dh_bytes_of(name),
        .configuration_keys = {keys, key == NULL ? -1 : 1},
    };
    struct dh_describe_configs_request request = {.resources = {&resource, 1},
                                                  .include_synonyms = true};
    const struct dh_describe_configs_response *response =
        rig_ask(rig, client, DH_API_DESCRIBE_CONFIGS, 4, &request);
    assert_int_equal(1, response->results.count);
    return &response->results.items[0];
}

// "value source [name=value:source ...]"
static void print_one(struct rig *rig, struct rig_client *client, int8_t type,
                      const char *name, const char *key, char *text, size_t size)
{
    const result_row *result = describe(rig, client, type, name, key);
    assert_int_equal(0, result->error_code);
    assert_int_equal(1, result->configs.count);
    const config_row *row = &result->configs.items[0];
    size_t used = (size_t)snprintf(text, size, "%.*s %d", (int)row->value.size,
                                   (const char *)row->value.data, row->config_source);
    for (int32_t i = 0; i < row->synonyms.count; i++) {
        used += (size_t)snprintf(text + used, size - used, " %.*s=%.*s:%d",
                                 (int)row->synonyms.items[i].name.size,
                                 (const char *)row->synonyms.items[i].name.data,
                                 (int)row->synonyms.items[i].value.size,
                                 (const char *)row->synonyms.items[i].value.data,
                                 row->synonyms.items[i].source);
    }
}

static void test_values_say_where_they_come_from(void **state)
{
    (void)state;
    static const char *const settings[] = {"log.retention.hours=2",
                                           "message.max.bytes=5000"};

    static const struct {
        int8_t type;
        const char *key;
        const char *expected;
    } rows[] = {
        {TOPIC, "cleanup.policy",
         "compact 1 cleanup.policy=compact:1 log.cleanup.policy=delete:5"},
        {TOPIC, "retention.ms",
         "7200000 4 log.retention.hours=2:4 log.retention.hours=168:5"},
        {TOPIC, "max.message.bytes",
         "5000 4 message.max.bytes=5000:4 message.max.bytes=1048588:5"},
        {TOPIC, "segment.bytes", "1073741824 5 log.segment.bytes=1073741824:5"},
        {TOPIC, "remote.storage.enable", "false 5"},
        {BROKER, "message.max.bytes",
         "5000 4 message.max.bytes=5000:4 message.max.bytes=1048588:5"},
        {BROKER, "num.io.threads", "8 5 num.io.threads=8:5"},
        {BROKER, "node.id", "1 4 node.id=1:4"},
        {BROKER, "advertised.listeners",
         "PLAINTEXT://127.0.0.1:9001 4 advertised.listeners=PLAINTEXT://127.0.0.1:9001:4"},
    };
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.settings = settings, .setting_count = 2});
    rig_create_topic(&rig, "t", 1, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    struct dh_alter_configs_request_resource_config set = {DH_BYTES("cleanup.policy"),
                                                           DH_BYTES("compact")};
    struct dh_alter_configs_request_resource resource = {
        .resource_type = TOPIC, .resource_name = DH_BYTES("t"), .configs = {&set, 1}};
    struct dh_alter_configs_request request = {.resources = {&resource, 1}};
    const struct dh_alter_configs_response *response =
        rig_ask(&rig, client, DH_API_ALTER_CONFIGS, 2, &request);
    assert_int_equal(0, response->responses.items[0].error_code);
    for (int restarted = 0; restarted < 2; restarted++) {
        for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
            char text[256];
            print_one(&rig, client, rows[i].type, rows[i].type == TOPIC ? "t" : "1",
                      rows[i].key, text, sizeof(text));
            assert_string_equal(rows[i].expected, text);
        }
        rig_restart(&rig, true);
        client = rig_connect(&rig, 1);
    }
    rig_stop(&rig);
}

static void test_all_settings_are_shown(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "t", 1, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    const result_row *result = describe(&rig, client, TOPIC, "t", NULL);
    assert_int_equal(dh_broker_topic_setting_count - 1, result->configs.count);
    for (int32_t i = 0; i < result->configs.count; i++) {
        assert_false(result->configs.items[i].is_sensitive);
        assert_false(result->configs.items[i].read_only);
        assert_int_not_equal(0, result->configs.items[i].config_type);
    }
    result = describe(&rig, client, BROKER, "1", NULL);
    assert_int_equal(dh_broker_setting_count, result->configs.count);
    assert_int_equal(0, describe(&rig, client, BROKER, "", NULL)->configs.count);
    rig_stop(&rig);
}

static void test_what_cannot_be_described(void **state)
{
    (void)state;

    static const struct {
        int8_t type;
        const char *name;
        int16_t code;
        const char *text;
    } rows[] = {
        {TOPIC, "nope", DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION, ""},
        {TOPIC, "a b", DH_BROKER_INVALID_TOPIC_EXCEPTION,
         "Topic name is invalid: 'a b' contains one or more characters other than ASCII "
         "alphanumerics, '.', '_' and '-'"},
        {BROKER, "9", DH_BROKER_INVALID_REQUEST,
         "Unexpected broker id, expected 1 or empty string, but received 9"},
        {BROKER, "x", DH_BROKER_INVALID_REQUEST,
         "Broker id must be an integer, but it is: x"},
        {77, "x", DH_BROKER_INVALID_REQUEST, "Unexpected resource type 77"},
    };
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const result_row *result =
            describe(&rig, client, rows[i].type, rows[i].name, NULL);
        assert_int_equal(rows[i].code, result->error_code);
        assert_bytes_equal(dh_bytes_of(rows[i].text), result->error_message);
        assert_int_equal(rows[i].type, result->resource_type);
    }
    rig_stop(&rig);
}

enum { SET = 0, DELETE = 1, APPEND = 2, SUBTRACT = 3 };

static void test_settings_change_one_by_one(void **state)
{
    (void)state;

    static const struct {
        int8_t type;
        const char *name;
        const char *key;
        int8_t operation;
        const char *value;
        int16_t code;
        const char *text;  // of a refusal
        const char *after; // of the setting in the topic t; NULL: not looked at
    } rows[] = {
        {TOPIC, "nope", "retention.ms", SET, "1", DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
         "The topic 'nope' does not exist.", NULL},
        {TOPIC, "t", "foo", SET, "1", DH_BROKER_INVALID_CONFIG,
         "Unknown topic config name: foo", NULL},
        {TOPIC, "t", "segment.bytes", SET, "1", DH_BROKER_INVALID_CONFIG,
         "Invalid value 1 for configuration segment.bytes: Value must be at least 1048576",
         "1073741824"},
        {TOPIC, "t", "segment.bytes", APPEND, "1", DH_BROKER_INVALID_CONFIG,
         "Can't APPEND to key segment.bytes because its type is not LIST.", NULL},
        {TOPIC, "t", "cleanup.policy", APPEND, "compact", 0, NULL, "delete,compact"},
        {TOPIC, "t", "cleanup.policy", APPEND, "compact", 0, NULL, "delete,compact"},
        {TOPIC, "t", "cleanup.policy", SUBTRACT, "delete", 0, NULL, "compact"},
        {TOPIC, "t", "cleanup.policy", SUBTRACT, "compact", 0, NULL, ""},
        {TOPIC, "t", "cleanup.policy", DELETE, NULL, 0, NULL, "delete"},
        {TOPIC, "t", "retention.ms", SET, NULL, DH_BROKER_INVALID_REQUEST,
         "Null value not supported for : retention.ms", NULL},
        {TOPIC, "t", "retention.ms", SET, "5000", 0, NULL, "5000"},
        {TOPIC, "t", "retention.ms", DELETE, NULL, 0, NULL, "604800000"},
        {TOPIC, "t", "foo", DELETE, NULL, 0, NULL, NULL},
        {TOPIC, "t", "retention.ms", 9, "1", DH_BROKER_INVALID_REQUEST,
         "Unknown config operation 9", NULL},
        {TOPIC, "t", "min.compaction.lag.ms", SET, "5", 0, NULL, "5"},
        {TOPIC, "t", "max.compaction.lag.ms", SET, "4", DH_BROKER_INVALID_CONFIG,
         "conflict topic config setting min.compaction.lag.ms (5) > "
         "max.compaction.lag.ms (4)",
         NULL},
        {BROKER, "1", "num.partitions", SET, "3", DH_BROKER_INVALID_REQUEST,
         "Cannot update these configs dynamically: [num.partitions]", NULL},
    };
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "t", 1, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_incremental_alter_configs_request_resource_config config = {
            .name = dh_bytes_of(rows[i].key),
            .config_operation = rows[i].operation,
            .value = dh_bytes_of(rows[i].value),
        };
        struct dh_incremental_alter_configs_request_resource resource = {
            .resource_type = rows[i].type,
            .resource_name = dh_bytes_of(rows[i].name),
            .configs = {&config, 1},
        };
        struct dh_incremental_alter_configs_request request = {
            .resources = {&resource, 1}};
        // First only checked: nothing may change.
        request.validate_only = true;
        const struct dh_incremental_alter_configs_response *response =
            rig_ask(&rig, client, DH_API_INCREMENTAL_ALTER_CONFIGS, 1, &request);
        assert_int_equal(rows[i].code, response->responses.items[0].error_code);
        request.validate_only = false;
        response = rig_ask(&rig, client, DH_API_INCREMENTAL_ALTER_CONFIGS, 1, &request);
        assert_int_equal(rows[i].code, response->responses.items[0].error_code);
        assert_bytes_equal(dh_bytes_of(rows[i].text),
                           response->responses.items[0].error_message);
        if (rows[i].after != NULL) {
            const result_row *result = describe(&rig, client, TOPIC, "t", rows[i].key);
            assert_bytes_equal(dh_bytes_of(rows[i].after),
                               result->configs.items[0].value);
        }
    }
    rig_stop(&rig);
}

static void test_a_name_twice_in_one_resource_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "t", 1, 1);
    struct dh_incremental_alter_configs_request_resource_config configs[] = {
        {.name = DH_BYTES("retention.ms"), .value = DH_BYTES("1")},
        {.name = DH_BYTES("retention.ms"), .value = DH_BYTES("2")},
    };
    struct dh_incremental_alter_configs_request_resource resource = {
        .resource_type = TOPIC, .resource_name = DH_BYTES("t"), .configs = {configs, 2}};
    struct dh_incremental_alter_configs_request request = {.resources = {&resource, 1}};
    const struct dh_incremental_alter_configs_response *response = rig_ask(
        &rig, rig_connect(&rig, 1), DH_API_INCREMENTAL_ALTER_CONFIGS, 0, &request);
    assert_int_equal(DH_BROKER_INVALID_REQUEST, response->responses.items[0].error_code);
    assert_bytes_equal(DH_BYTES("Error due to duplicate config keys"),
                       response->responses.items[0].error_message);
    rig_stop(&rig);
}

// AlterConfigs replaces all that was set.
static void test_the_old_api_replaces_everything(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "t", 1, 1);
    struct rig_client *client = rig_connect(&rig, 1);
    static const char *const keys[] = {"retention.ms", "max.message.bytes"};
    for (size_t i = 0; i < 2; i++) {
        struct dh_alter_configs_request_resource_config config = {dh_bytes_of(keys[i]),
                                                                  DH_BYTES("77")};
        struct dh_alter_configs_request_resource resource = {.resource_type = TOPIC,
                                                             .resource_name =
                                                                 DH_BYTES("t"),
                                                             .configs = {&config, 1}};
        struct dh_alter_configs_request request = {.resources = {&resource, 1}};
        const struct dh_alter_configs_response *response =
            rig_ask(&rig, client, DH_API_ALTER_CONFIGS, 0, &request);
        assert_int_equal(0, response->responses.items[0].error_code);
    }
    const struct dh_broker_topic *topic =
        dh_broker_topics_find(rig.broker, DH_BYTES("t"));
    assert_int_equal(604800000, topic->config->retention_ms);
    assert_int_equal(77, topic->config->max_message_bytes);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_say_where_they_come_from),
        cmocka_unit_test(test_all_settings_are_shown),
        cmocka_unit_test(test_what_cannot_be_described),
        cmocka_unit_test(test_settings_change_one_by_one),
        cmocka_unit_test(test_a_name_twice_in_one_resource_is_refused),
        cmocka_unit_test(test_the_old_api_replaces_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
