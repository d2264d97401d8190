// SPDX-License-Identifier: MIT
#include "rig.h"

#include "base/bytes.h"
#include "broker/request.h"
#include "wire/envelope.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/metadata.h"

// Zero but for max -1: not offered.
static struct dh_api_versions_response_api_key
find_key(const struct dh_api_versions_response *response, int16_t key)
{
    for (int32_t i = 0; i < response->api_keys.count; i++) {
        if (response->api_keys.items[i].api_key == key) {
            return response->api_keys.items[i];
        }
    }
    return (struct dh_api_versions_response_api_key){.max_version = -1};
}

static void test_every_version_is_answered(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    for (int16_t version = 0; version <= 5; version++) {
        struct dh_api_versions_request request = {.node_id = -1};
        if (version >= 3) {
            request.client_software_name = DH_BYTES("apache-kafka-java");
            request.client_software_version = DH_BYTES("4.4.0");
        }
        const struct dh_api_versions_response *response =
            rig_ask(&rig, client, DH_API_API_VERSIONS, version, &request);
        assert_int_equal(0, response->error_code);
        assert_int_equal(dh_broker_handler_count(), response->api_keys.count);
        assert_int_equal(13, find_key(response, DH_API_METADATA).max_version);
    }
    rig_stop(&rig);
}

// Trap 2 (KAFKA-18659): librdkafka takes a higher start for a broker without compression.
static void test_produce_is_offered_from_0_and_the_rest_as_served(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    struct dh_api_versions_request request = {.node_id = -1};
    const struct dh_api_versions_response *response =
        rig_ask(&rig, rig_connect(&rig, 1), DH_API_API_VERSIONS, 0, &request);
    assert_int_equal(0, find_key(response, DH_API_PRODUCE).min_version);
    for (size_t i = 0; i < dh_broker_handler_count(); i++) {
        const struct dh_broker_handler *handler = dh_broker_handler_at(i);
        if (handler->key != DH_API_PRODUCE) {
            assert_int_equal(handler->versions.min,
                             find_key(response, handler->key).min_version);
        }
        assert_int_equal(handler->versions.max,
                         find_key(response, handler->key).max_version);
        assert_true(i == 0 || dh_broker_handler_at(i - 1)->key < handler->key);
    }
    rig_stop(&rig);
}

// Trap 1, BR-001: header 0, body 0, error 35, and the list.
static void test_an_unknown_version_is_answered_in_version_0(void **state)
{
    (void)state;
    static const uint8_t asked[] = {
        0, 0,  0,   19,        // size
        0, 18, 0,   99,        // ApiVersions 99
        0, 0,  0,   7,         // correlation id
        0, 2,  'm', 'e', 0,    // client id, no tags
        1, 2,  3,   4,   5, 6, // what version 99 may have
    };
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    rig_send_bytes(&rig, client, asked, sizeof(asked));
    // As if version 0 had been asked.
    client->correlation_received = 6;
    client->keys[7] = DH_API_API_VERSIONS;
    client->versions[7] = 0;
    const struct dh_api_versions_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(DH_BROKER_UNSUPPORTED_VERSION, response->error_code);
    assert_int_equal(5, find_key(response, DH_API_API_VERSIONS).max_version);
    assert_int_equal(13, find_key(response, DH_API_METADATA).max_version);
    assert_false(client->is_closed);
    rig_stop(&rig);
}

static void test_who_asks_is_checked(void **state)
{
    (void)state;

    static const struct {
        const char *name;
        const char *version;
        const char *cluster; // "ours": this one
        int32_t node_id;
        int16_t expected;
    } rows[] = {
        {"java", "4.4.0", NULL, -1, 0},
        {"java", "4.4.0", "ours", 1, 0},
        {"java", "4.4.0", "ours", 2, DH_BROKER_REBOOTSTRAP_REQUIRED},
        {"java", "4.4.0", "other", -1, DH_BROKER_REBOOTSTRAP_REQUIRED},
        {"", "4.4.0", NULL, -1, DH_BROKER_INVALID_REQUEST},
        {"java", "4.4.", NULL, -1, DH_BROKER_INVALID_REQUEST},
        {"ja va", "1", NULL, -1, DH_BROKER_INVALID_REQUEST},
    };
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    struct rig_client *client = rig_connect(&rig, 1);
    struct dh_uuid_text ours = dh_uuid_text(&rig.broker->cluster_id);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        bool is_ours = rows[i].cluster != NULL && strcmp(rows[i].cluster, "ours") == 0;
        struct dh_api_versions_request request = {
            .client_software_name = dh_bytes_of(rows[i].name),
            .client_software_version = dh_bytes_of(rows[i].version),
            .cluster_id = dh_bytes_of(is_ours ? ours.text : rows[i].cluster),
            .node_id = rows[i].node_id,
        };
        const struct dh_api_versions_response *response =
            rig_ask(&rig, client, DH_API_API_VERSIONS, 5, &request);
        assert_int_equal(rows[i].expected, response->error_code);
    }
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_version_is_answered),
        cmocka_unit_test(test_produce_is_offered_from_0_and_the_rest_as_served),
        cmocka_unit_test(test_an_unknown_version_is_answered_in_version_0),
        cmocka_unit_test(test_who_asks_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
