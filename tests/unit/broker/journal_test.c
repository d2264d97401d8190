// SPDX-License-Identifier: MIT
#include "broker/journal.h"

#include <dohle/error.h>

#include "commands.h"
#include "wire/gen/fetch.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/offset_commit.h"

static struct rig rig;
static struct rig_client *client;

static int set_up(void **state)
{
    (void)state;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    command_does(&rig, "topic create t partitions=3 replication=2");
    client = rig_connect(&rig, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

static void beat(const char *group)
{
    struct dh_heartbeat_request request;
    dh_message_init(&dh_heartbeat_request_type, &request);
    request.group_id = dh_bytes_of(group);
    (void)rig_ask(&rig, client, DH_API_HEARTBEAT, 3, &request);
}

static void requests_are_shown_with_their_answers(void **state)
{
    (void)state;
    assert_string_equal("", command_does(&rig, "journal"));
    rig_advance(&rig, 1204);
    beat("my group");
    assert_string_equal("serial=1 ms=1204 node=1 connection=1 peer=127.0.0.1 client=rig "
                        "api=Heartbeat version=3 correlation=1 about=\"my group\" "
                        "answer=NOT_COORDINATOR us=0\n",
                        command_does(&rig, "journal"));
    dohle_bytes keys[] = {DH_BYTES("a"), DH_BYTES("b"), DH_BYTES("c")};
    struct dh_find_coordinator_request find;
    dh_message_init(&dh_find_coordinator_request_type, &find);
    find.coordinator_keys.items = keys;
    find.coordinator_keys.count = 3;
    (void)rig_ask(&rig, client, DH_API_FIND_COORDINATOR, 4, &find);
    assert_string_equal("serial=2 ms=1204 node=1 connection=1 peer=127.0.0.1 client=rig "
                        "api=FindCoordinator version=4 correlation=2 about=a+2 answer=ok "
                        "us=0\n",
                        command_does(&rig, "journal 1"));
}

static void a_long_poll_is_seen_waiting(void **state)
{
    (void)state;
    struct dh_fetch_request_topic_partition row;
    struct dh_fetch_request_topic topic;
    struct dh_fetch_request request;
    dh_struct_init(&dh_fetch_request_topic_partition_struct, &row);
    dh_struct_init(&dh_fetch_request_topic_struct, &topic);
    dh_message_init(&dh_fetch_request_type, &request);
    command_does(&rig, "leader t 2 1");
    row.partition = 2;
    row.partition_max_bytes = 1000;
    topic.topic = DH_BYTES("t");
    topic.partitions.items = &row;
    topic.partitions.count = 1;
    request.replica_id = -1;
    request.session_epoch = -1;
    request.min_bytes = 1;
    request.max_wait_ms = 250;
    request.topics.items = &topic;
    request.topics.count = 1;
    rig_send(&rig, client, DH_API_FETCH, 12, &request);
    assert_non_null(strstr(command_does(&rig, "journal"), " about=t-2 answer=waiting\n"));
    rig_advance(&rig, 250);
    assert_non_null(
        strstr(command_does(&rig, "journal"), " about=t-2 answer=ok us=250000\n"));
    rig_send(&rig, client, DH_API_FETCH, 12, &request);
    rig_disconnect(&rig, client);
    assert_non_null(strstr(command_does(&rig, "journal 1"), " answer=closed us=0\n"));
}

static void faults_are_seen(void **state)
{
    static const char *const actions[] = {
        "drop",    "drop-after", "reset", "stall", "truncate-answer=3",
        "corrupt", "garble",     NULL};
    (void)state;
    for (size_t i = 0; actions[i] != NULL; i++) {
        char line[100];
        struct dh_heartbeat_request request;
        dh_message_init(&dh_heartbeat_request_type, &request);
        client = rig_connect(&rig, 1);
        snprintf(line, sizeof(line), "fault add api=heartbeat %s", actions[i]);
        command_does(&rig, line);
        rig_send(&rig, client, DH_API_HEARTBEAT, 3, &request);
        snprintf(line, sizeof(line), " answer=%.*s us=0\n", (int)strcspn(actions[i], "="),
                 actions[i]);
        assert_non_null(strstr(command_does(&rig, "journal 1"), line));
        command_does(&rig, "fault remove all");
    }
}

static void no_content_is_kept(void **state)
{
    (void)state;
    struct dh_offset_commit_request_topic_partition row;
    struct dh_offset_commit_request_topic topic;
    struct dh_offset_commit_request request;
    dh_struct_init(&dh_offset_commit_request_topic_partition_struct, &row);
    dh_struct_init(&dh_offset_commit_request_topic_struct, &topic);
    dh_message_init(&dh_offset_commit_request_type, &request);
    row.committed_metadata = DH_BYTES("secret");
    topic.name = DH_BYTES("t");
    topic.partitions.items = &row;
    topic.partitions.count = 1;
    request.group_id = DH_BYTES("g");
    request.topics.items = &topic;
    request.topics.count = 1;
    (void)rig_ask(&rig, client, DH_API_OFFSET_COMMIT, 8, &request);
    const char *text = command_does(&rig, "journal");
    assert_non_null(strstr(text, "about=t-0"));
    assert_null(strstr(text, "secret"));
}

static void the_ring_is_bounded(void **state)
{
    (void)state;
    char group[300];
    memset(group, 'x', sizeof(group) - 1);
    group[sizeof(group) - 1] = '\0';
    for (int i = 0; i < DH_BROKER_JOURNAL_MAX + 10; i++) {
        beat(group);
    }
    assert_int_equal(DH_BROKER_JOURNAL_MAX + 10, dh_broker_journal_last(rig.broker));
    struct dh_buf out;
    dh_buf_init(&out, &rig.memory.allocator, 0);
    dh_broker_journal_print(rig.broker, 1000, &out);
    size_t lines = 0;
    for (size_t i = 0; i < out.size; i++) {
        lines += out.data[i] == '\n';
    }
    assert_int_equal(DH_BROKER_JOURNAL_MAX, lines);
    assert_memory_equal("serial=11 ", out.data, 10);
    dh_buf_deinit(&out);

    struct dh_broker_journal_filter all = {.api = DH_API_HEARTBEAT};
    assert_int_equal(DH_BROKER_JOURNAL_MAX + 10,
                     dh_broker_journal_count(rig.broker, &all));
    struct dh_broker_journal_filter some = {.api = -1, .since = 260};
    assert_int_equal(6, dh_broker_journal_count(rig.broker, &some));
    some.node = 2;
    assert_int_equal(0, dh_broker_journal_count(rig.broker, &some));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_are_shown_with_their_answers),
        TEST(a_long_poll_is_seen_waiting),
        TEST(faults_are_seen),
        TEST(no_content_is_kept),
        TEST(the_ring_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
