// SPDX-License-Identifier: MIT
#include "rig.h"

#include "base/bytes.h"
#include "broker/topics.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/metadata.h"

// In mode SYNCED nobody is told of a topic that a power failure could take back.
static void test_a_creation_is_answered_when_it_is_on_disk(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.mode = DH_STORE_SYNCED});
    struct rig_client *client = rig_connect(&rig, 1);
    struct rig_client *other = rig_connect(&rig, 1);
    struct dh_create_topics_request_topic topic = {
        .name = DH_BYTES("orders"), .num_partitions = 2, .replication_factor = 1};
    struct dh_create_topics_request create = {.topics = {&topic, 1}};
    rig_send(&rig, client, DH_API_CREATE_TOPICS, 7, &create);
    assert_null(rig_receive(&rig, client));
    // Who asks for nothing new does not wait.
    struct dh_metadata_request ask = {.topics = {NULL, 0}};
    assert_non_null(rig_ask(&rig, other, DH_API_METADATA, 12, &ask));
    rig_end_syncs(&rig);
    const struct dh_create_topics_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(0, response->topics.items[0].error_code);

    // A topic that makes itself waits as well; who goes meanwhile is forgotten.
    struct dh_metadata_request_topic fresh = {.name = DH_BYTES("fresh")};
    struct dh_metadata_request metadata = {.topics = {&fresh, 1},
                                           .allow_auto_topic_creation = true};
    rig_send(&rig, client, DH_API_METADATA, 12, &metadata);
    topic.name = DH_BYTES("more");
    rig_send(&rig, other, DH_API_CREATE_TOPICS, 7, &create);
    assert_null(rig_receive(&rig, client));
    assert_null(rig_receive(&rig, other));
    rig_disconnect(&rig, other);
    assert_int_equal(0, dh_broker_topics_delete(
                            rig.broker, dh_broker_topics_find(rig.broker, fresh.name)));
    rig_end_syncs(&rig);
    const struct dh_metadata_response *made = rig_receive(&rig, client);
    assert_non_null(made);
    assert_bytes_equal(DH_BYTES("fresh"), made->topics.items[0].name);
    rig_stop(&rig);
}

static void test_in_the_page_cache_it_is_answered_at_once(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    rig_create_topic(&rig, "orders", 2, 1); // expects so
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_creation_is_answered_when_it_is_on_disk),
        cmocka_unit_test(test_in_the_page_cache_it_is_answered_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
