// SPDX-License-Identifier: MIT
/*
 * The admin's public functions against a real broker:
 * admin_api BOOTSTRAP TOPIC RECORDS
 *
 * TOPIC has three partitions and RECORDS records in all. Run by test_admin_api.py.
 */
#include "../unit/test.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <dohle/dohle.h>

#define PARTITIONS  3
#define PATIENCE_MS 15000

static const char *bootstrap;
static const char *topic;
static long record_count;

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(0, clock_gettime(CLOCK_MONOTONIC, &now));
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *new_name(const char *prefix)
{
    static char name[64];
    static int count;
    snprintf(name, sizeof(name), "%s-%ld-%d", prefix, (long)getpid(), count++);
    return name;
}

static dohle_config *new_config(const char *servers)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", servers));
    return config;
}

static dohle_admin *open_admin(const char *servers)
{
    dohle_config *config = new_config(servers);
    dohle_admin *admin;
    int err = dohle_admin_open(config, NULL, &admin);
    if (err != 0) {
        fail_msg("%s", dohle_config_error(config));
    }
    dohle_config_free(config);
    return admin;
}

static void assert_ok(dohle_admin *admin, int err)
{
    if (err != 0) {
        fail_msg("%s: %s", dohle_error_name(err), dohle_admin_last_error(admin)->text);
    }
    assert_int_equal(0, dohle_admin_last_error(admin)->code);
}

static const dohle_topic_description *find_topic(const dohle_topics *topics,
                                                 const char *name)
{
    for (size_t i = 0; i < topics->count; i++) {
        assert_true(i == 0 ||
                    strcmp(topics->topics[i - 1].name, topics->topics[i].name) < 0);
        if (strcmp(topics->topics[i].name, name) == 0) {
            return &topics->topics[i];
        }
    }
    return NULL;
}

static void test_a_topic_from_birth_to_death(void **state)
{
    (void)state;
    dohle_admin *admin = open_admin(bootstrap);
    const char *name = new_name("admin");
    const dohle_setting settings[] = {{"retention.ms", "1234567"}};
    const dohle_new_topic wanted = {name, PARTITIONS, 1, settings, 1};

    assert_ok(admin, dohle_admin_create_topic(admin, &wanted, PATIENCE_MS));
    assert_int_equal(DOHLE_ERR_BROKER,
                     dohle_admin_create_topic(admin, &wanted, PATIENCE_MS));
    assert_int_equal(36, dohle_admin_last_error(admin)->broker_code);
    assert_string_equal(name, dohle_admin_last_error(admin)->topic);

    dohle_topics *topics;
    assert_ok(admin, dohle_admin_list_topics(admin, PATIENCE_MS, &topics));
    assert_non_null(find_topic(topics, topic));
    const dohle_topic_description *listed = find_topic(topics, name);
    assert_non_null(listed);
    assert_int_equal(PARTITIONS, listed->partition_count);
    dohle_admin_result_free(topics);

    assert_ok(admin, dohle_admin_describe_topic(admin, name, PATIENCE_MS, &topics));
    assert_int_equal(1, topics->count);
    const dohle_topic_description *described = &topics->topics[0];
    assert_int_equal(22, strlen(described->id));
    assert_int_equal(1, described->setting_count);
    assert_string_equal("retention.ms", described->settings[0].name);
    assert_string_equal("1234567", described->settings[0].value);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        const dohle_partition_description *partition = &described->partitions[i];
        assert_int_equal(i, partition->partition);
        assert_true(partition->leader >= 0);
        assert_int_equal(1, partition->replica_count);
        assert_int_equal(partition->leader, partition->replicas[0]);
        assert_int_equal(1, partition->in_sync_count);
    }
    dohle_admin_result_free(topics);

    assert_ok(admin, dohle_admin_delete_topic(admin, name, PATIENCE_MS));
    assert_int_equal(DOHLE_ERR_UNKNOWN_TOPIC,
                     dohle_admin_delete_topic(admin, name, PATIENCE_MS));
    assert_int_equal(DOHLE_ERR_UNKNOWN_TOPIC,
                     dohle_admin_describe_topic(admin, name, PATIENCE_MS, &topics));
    assert_null(topics);
    dohle_admin_free(admin);
}

static void test_offsets_of_logs(void **state)
{
    (void)state;
    dohle_admin *admin = open_admin(bootstrap);
    dohle_offset offsets[2 * PARTITIONS + 2];
    int64_t timestamps[2 * PARTITIONS + 2];
    int errors[2 * PARTITIONS + 2];
    size_t count = 0;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        offsets[count] = (dohle_offset){.topic = topic, .partition = i};
        timestamps[count++] = DOHLE_OFFSETS_END;
        offsets[count] = (dohle_offset){.topic = topic, .partition = i};
        timestamps[count++] = DOHLE_OFFSETS_BEGINNING;
    }
    offsets[count] = (dohle_offset){.topic = topic, .partition = PARTITIONS};
    timestamps[count++] = DOHLE_OFFSETS_END;
    offsets[count] = (dohle_offset){.topic = "there-is-no-such-topic", .partition = 0};
    timestamps[count++] = DOHLE_OFFSETS_END;
    assert_ok(admin, dohle_admin_list_offsets(admin, offsets, timestamps, errors, count,
                                              PATIENCE_MS));
    int64_t sum = 0;
    for (size_t i = 0; i < count - 2; i++) {
        assert_int_equal(0, errors[i]);
        sum += i % 2 == 0 ? offsets[i].offset : -offsets[i].offset;
    }
    assert_int_equal(record_count, sum);
    for (size_t i = count - 2; i < count; i++) {
        assert_int_equal(DOHLE_ERR_UNKNOWN_TOPIC, errors[i]);
        assert_int_equal(-1, offsets[i].offset);
    }
    // Without a place for errors of their own the call fails.
    assert_int_equal(
        DOHLE_ERR_UNKNOWN_TOPIC,
        dohle_admin_list_offsets(admin, offsets, timestamps, NULL, count, PATIENCE_MS));
    // A time in the far future is behind every record.
    timestamps[0] = INT64_C(4000000000000);
    assert_ok(admin, dohle_admin_list_offsets(admin, offsets, timestamps, errors, 1,
                                              PATIENCE_MS));
    assert_int_equal(-1, offsets[0].offset);
    dohle_admin_free(admin);
}

// A member of the group that has read everything and committed it.
static dohle_consumer *join(const char *group)
{
    dohle_config *config = new_config(bootstrap);
    assert_int_equal(0, dohle_config_set(config, "group.id", group));
    assert_int_equal(0, dohle_config_set(config, "auto.offset.reset", "earliest"));
    assert_int_equal(0, dohle_config_set(config, "client.id", "the-client"));
    dohle_consumer *consumer;
    assert_int_equal(0, dohle_consumer_open(config, NULL, &consumer));
    dohle_config_free(config);
    assert_int_equal(0, dohle_consumer_subscribe(consumer, &topic, 1, NULL));
    long seen = 0;
    for (int64_t end_ms = now_ms() + PATIENCE_MS; seen < record_count;) {
        dohle_records *records;
        assert_int_equal(0, dohle_consumer_poll(consumer, 1000, &records));
        seen += (long)dohle_records_count(records);
        assert_true(now_ms() < end_ms);
    }
    assert_int_equal(0, dohle_consumer_commit_sync(consumer, NULL, 0, PATIENCE_MS));
    return consumer;
}

static void assert_committed(const dohle_group_description *group)
{
    int64_t sum = 0;
    for (size_t i = 0; i < group->offset_count; i++) {
        assert_string_equal(topic, group->offsets[i].topic);
        sum += group->offsets[i].offset;
    }
    assert_int_equal(record_count, sum);
}

static void test_a_group_with_and_without_members(void **state)
{
    (void)state;
    dohle_admin *admin = open_admin(bootstrap);
    char group_id[64];
    snprintf(group_id, sizeof(group_id), "%s", new_name("group"));
    dohle_group_description *group;
    assert_ok(admin, dohle_admin_describe_group(admin, group_id, PATIENCE_MS, &group));
    assert_string_equal("Dead", group->state);
    assert_int_equal(0, group->member_count);
    assert_int_equal(0, group->offset_count);
    dohle_admin_result_free(group);

    dohle_consumer *consumer = join(group_id);
    assert_ok(admin, dohle_admin_describe_group(admin, group_id, PATIENCE_MS, &group));
    assert_string_equal("Stable", group->state);
    assert_string_equal("classic", group->type);
    assert_string_equal("range", group->assignor);
    assert_int_equal(1, group->member_count);
    const dohle_member_description *member = &group->members[0];
    assert_string_equal("the-client", member->client_id);
    assert_null(member->instance_id);
    assert_int_equal(PARTITIONS, member->partition_count);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        assert_string_equal(topic, member->partitions[i].topic);
        assert_int_equal(i, member->partitions[i].partition);
    }
    assert_committed(group);
    dohle_admin_result_free(group);

    assert_int_equal(0, dohle_consumer_close(consumer, PATIENCE_MS));
    dohle_consumer_free(consumer);
    assert_ok(admin, dohle_admin_describe_group(admin, group_id, PATIENCE_MS, &group));
    assert_string_equal("Empty", group->state);
    assert_int_equal(0, group->member_count);
    assert_committed(group);
    dohle_admin_result_free(group);

    dohle_groups *groups;
    assert_ok(admin, dohle_admin_list_groups(admin, PATIENCE_MS, &groups));
    const dohle_group_listing *found = NULL;
    for (size_t i = 0; i < groups->count; i++) {
        if (strcmp(groups->groups[i].group_id, group_id) == 0) {
            found = &groups->groups[i];
        }
    }
    if (found == NULL) {
        fail_msg("%s is not in the list", group_id);
        return;
    }
    assert_string_equal("Empty", found->state);
    assert_string_equal("consumer", found->protocol_type);
    assert_true(found->coordinator >= 0);
    // A result lives on without its admin.
    dohle_admin_free(admin);
    assert_string_equal(group_id, found->group_id);
    dohle_admin_result_free(groups);
}

static void test_a_time_out_names_the_address(void **state)
{
    (void)state;
    dohle_admin *admin = open_admin("127.0.0.1:1");
    int64_t start_ms = now_ms();
    dohle_topics *topics;
    assert_int_equal(DOHLE_ERR_TIMEOUT, dohle_admin_list_topics(admin, 700, &topics));
    assert_in_range(now_ms() - start_ms, 300, 2000);
    assert_non_null(strstr(dohle_admin_last_error(admin)->text, "127.0.0.1:1"));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_admin_list_topics(admin, -3, &topics));
    dohle_admin_free(admin);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: admin_api BOOTSTRAP TOPIC RECORDS\n");
        return 2;
    }
    bootstrap = argv[1];
    topic = argv[2];
    record_count = strtol(argv[3], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_topic_from_birth_to_death),
        cmocka_unit_test(test_offsets_of_logs),
        cmocka_unit_test(test_a_group_with_and_without_members),
        cmocka_unit_test(test_a_time_out_names_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
