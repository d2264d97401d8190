// SPDX-License-Identifier: MIT
/*
 * Every allocation of a broker fails once: nothing is lost, nothing leaks, and when there is
 * memory again it serves.
 */
#include "rig.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "broker/nodes.h"
#include "broker/topics.h"
#include "wire/gen/alter_configs.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/describe_cluster.h"
#include "wire/gen/describe_configs.h"
#include "wire/gen/describe_topic_partitions.h"
#include "wire/gen/incremental_alter_configs.h"
#include "wire/gen/metadata.h"

struct step {
    int16_t key;
    int16_t version;
    const void *request;
};

// All that the core's handlers do. Answers may be anything, or a closed connection.
static void do_everything(struct rig *rig)
{
    struct dh_api_versions_request versions = {.client_software_name = DH_BYTES("rig"),
                                               .client_software_version = DH_BYTES("1"),
                                               .node_id = -1};
    struct dh_create_topics_request_topic_config setting = {DH_BYTES("retention.ms"),
                                                            DH_BYTES("1000")};
    struct dh_create_topics_request_topic topics[2] = {
        {.name = DH_BYTES("a"),
         .num_partitions = 2,
         .replication_factor = 2,
         .configs = {&setting, 1}},
        {.name = DH_BYTES("b"), .num_partitions = 1, .replication_factor = 1},
    };
    struct dh_create_topics_request create = {.topics = {topics, 2}};
    struct dh_metadata_request_topic names[2] = {{.name = DH_BYTES("a")},
                                                 {.name = DH_BYTES("fresh")}};
    struct dh_metadata_request metadata = {.topics = {names, 2},
                                           .allow_auto_topic_creation = true};
    struct dh_describe_cluster_request cluster = {.endpoint_type = 1};
    struct dh_describe_topic_partitions_request pages = {.response_partition_limit = 1};
    struct dh_create_partitions_request_topic growth = {
        .name = DH_BYTES("a"), .count = 4, .assignments = {NULL, -1}};
    struct dh_create_partitions_request grow = {.topics = {&growth, 1}};
    struct dh_describe_configs_request_resource described[2] = {
        {.resource_type = 2,
         .resource_name = DH_BYTES("a"),
         .configuration_keys = {NULL, -1}},
        {.resource_type = 4,
         .resource_name = DH_BYTES("1"),
         .configuration_keys = {NULL, -1}},
    };
    struct dh_describe_configs_request describe = {.resources = {described, 2},
                                                   .include_synonyms = true};
    struct dh_incremental_alter_configs_request_resource_config change = {
        .name = DH_BYTES("cleanup.policy"),
        .config_operation = 2,
        .value = DH_BYTES("compact")};
    struct dh_incremental_alter_configs_request_resource changed = {
        .resource_type = 2, .resource_name = DH_BYTES("a"), .configs = {&change, 1}};
    struct dh_incremental_alter_configs_request incremental = {
        .resources = {&changed, 1}};
    struct dh_alter_configs_request_resource_config whole = {DH_BYTES("retention.ms"),
                                                             DH_BYTES("7")};
    struct dh_alter_configs_request_resource replaced = {
        .resource_type = 2, .resource_name = DH_BYTES("a"), .configs = {&whole, 1}};
    struct dh_alter_configs_request alter = {.resources = {&replaced, 1}};
    struct dh_delete_topics_request_topic gone = {.name = DH_BYTES("a")};
    struct dh_delete_topics_request delete = {.topics = {&gone, 1}};
    const struct step steps[] = {
        {DH_API_API_VERSIONS, 5, &versions},
        {DH_API_CREATE_TOPICS, 7, &create},
        {DH_API_METADATA, 12, &metadata},
        {DH_API_DESCRIBE_CLUSTER, 2, &cluster},
        {DH_API_DESCRIBE_TOPIC_PARTITIONS, 0, &pages},
        {DH_API_CREATE_PARTITIONS, 3, &grow},
        {DH_API_DESCRIBE_CONFIGS, 4, &describe},
        {DH_API_INCREMENTAL_ALTER_CONFIGS, 1, &incremental},
        {DH_API_ALTER_CONFIGS, 2, &alter},
        {DH_API_DELETE_TOPICS, 6, &delete},
    };
    struct rig_client *client = NULL;
    for (size_t i = 0; i < DH_COUNT_OF(steps); i++) {
        if (client == NULL || client->is_closed) {
            client = rig_try_connect(rig, 1);
        }
        if (client == NULL) {
            return;
        }
        rig_send(rig, client, steps[i].key, steps[i].version, steps[i].request);
        if (!client->is_closed) {
            (void)rig_receive(rig, client);
        }
    }
    struct dh_broker_node *node = dh_broker_nodes_find(rig->broker, 2);
    dh_broker_nodes_take_down(rig->broker, node, true);
    dh_broker_nodes_bring_up(rig->broker, node);
}

// It serves as if nothing had been.
static void expect_service(struct rig *rig)
{
    struct rig_client *client = rig_connect(rig, 1);
    struct dh_metadata_request metadata = {.topics = {NULL, -1}};
    const struct dh_metadata_response *response =
        rig_ask(rig, client, DH_API_METADATA, 12, &metadata);
    assert_int_equal(2, response->brokers.count);
    rig_create_topic(rig, "afterwards", 3, 2);
    rig_restart(rig, true);
    assert_non_null(dh_broker_topics_find(rig->broker, DH_BYTES("afterwards")));
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    size_t started = 0;
    bool has_failed = true;
    for (size_t n = 1; has_failed; n++) {
        struct rig rig;
        int err =
            rig_try_start(&rig, &(struct rig_options){.node_count = 2, .fail_at = n});
        if (err == 0) {
            started++;
            do_everything(&rig);
            has_failed = rig.memory.calls >= rig.memory.fail_at;
            rig.memory.fail_at = 0;
            expect_service(&rig);
        } else {
            assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
            assert_int_not_equal('\0', rig.text[0]);
        }
        rig_stop(&rig);
    }
    assert_true(started > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
