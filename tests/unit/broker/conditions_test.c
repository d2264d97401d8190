// SPDX-License-Identifier: MIT
// Waits: each condition holds at once, when it comes to hold, or not at all.
#include "broker/conditions.h"

#include <dohle/error.h>

#include "commands.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/offset_commit.h"

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    command_does(&rig, "topic create t partitions=2 replication=2");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

static void beat(struct rig_client *client)
{
    struct dh_heartbeat_request request;
    dh_message_init(&dh_heartbeat_request_type, &request);
    request.group_id = DH_BYTES("g");
    (void)rig_ask(&rig, client, DH_API_HEARTBEAT, 3, &request);
}

static struct rig_client *connect_to_coordinator(void)
{
    const char *text = command_does(&rig, "coordinator g");
    const char *node = strstr(text, "node=");
    assert_non_null(node);
    return rig_connect(&rig, (int32_t)strtol(node + 5, NULL, 10));
}

static void commit(struct rig_client *client, int64_t offset)
{
    struct dh_offset_commit_request_topic_partition row;
    struct dh_offset_commit_request_topic topic;
    struct dh_offset_commit_request request;
    dh_struct_init(&dh_offset_commit_request_topic_partition_struct, &row);
    dh_struct_init(&dh_offset_commit_request_topic_struct, &topic);
    dh_message_init(&dh_offset_commit_request_type, &request);
    row.partition_index = 1;
    row.committed_offset = offset;
    topic.name = DH_BYTES("t");
    topic.partitions.items = &row;
    topic.partitions.count = 1;
    request.group_id = DH_BYTES("g");
    request.topics.items = &topic;
    request.topics.count = 1;
    (void)rig_ask(&rig, client, DH_API_OFFSET_COMMIT, 8, &request);
}

// The wait is not over yet.
static void waits(struct dh_broker_command *command, const char *line)
{
    command_give(&rig, command, line);
    assert_null(command_take(&rig, command));
}

static void ends(struct dh_broker_command *command, const char *text)
{
    const char *answer = command_take(&rig, command);
    if (answer == NULL) {
        fail_msg("still waiting: %s", command->line);
    }
    assert_string_equal(text, answer);
    assert_int_equal(0, command->err);
}

static void topics_are_waited_for(void **state)
{
    (void)state;
    struct dh_broker_command command;
    assert_string_equal("topic=t partitions=2\n", command_does(&rig, "wait topic=t"));
    waits(&command, "wait topic=u");
    command_does(&rig, "topic create v");
    assert_null(command_take(&rig, &command));
    dh_broker_input(rig.broker, &(struct dh_broker_command){.line = "topic create u"},
                    rig.now_ns);
    struct dh_broker_command *created = dh_broker_next_event(rig.broker);
    dh_buf_deinit(&created->text);
    ends(&command, "topic=u partitions=1\n");
}

static void logs_are_waited_for(void **state)
{
    (void)state;
    struct dh_broker_command command;
    static const char *const put = "put t 1 value=v";
    command_give(&rig, &command, "wait topic=t partition=1 end>=2");
    for (int i = 0; i < 2; i++) {
        assert_null(command_take(&rig, &command));
        struct dh_broker_command other = {.line = put};
        dh_broker_input(rig.broker, &other, rig.now_ns);
        struct dh_broker_command *first = dh_broker_next_event(rig.broker);
        assert_ptr_equal(&other, first);
        dh_buf_deinit(&other.text);
    }
    const char *text = command_take(&rig, &command);
    assert_non_null(text);
    assert_non_null(strstr(text, "topic=t partitions=2 partition=1 start=0 hw=2 end=2 "));
    command_does(&rig, "wait topic=t partition=1 end=2 hw>=2 start<1 epoch>=0 leader>0");
    command_fails(&rig, DOHLE_ERR_TIMEOUT, "wait topic=t partition=1 end>2 timeout=0");
    command_fails(&rig, DOHLE_ERR_TIMEOUT, "wait topic=t partition=7 end=0 timeout=0");
    command_does(&rig, "delete-records t 1 1");
    command_does(&rig, "wait topic=t partition=1 start=1 timeout=0");
}

static void the_end_of_a_sync_is_noticed(void **state)
{
    (void)state;
    struct dh_broker_command command;
    rig_stop(&rig);
    rig_start(&rig, &(struct rig_options){.mode = DH_STORE_SYNCED});
    command_does(&rig, "topic create t");
    rig_end_syncs(&rig);
    command_does(&rig, "put t 0 value=v");
    waits(&command, "wait topic=t partition=0 hw>=1");
    assert_int_not_equal(0, dh_memory_files_end_syncs(rig.files));
    // The broker asks to be called at once.
    assert_true(dh_broker_deadline(rig.broker) <= rig.now_ns);
    rig_run(&rig);
    assert_non_null(command_take(&rig, &command));
    assert_int_equal(0, command.err);
}

static void leaders_are_waited_for(void **state)
{
    (void)state;
    struct dh_broker_command command;
    command_does(&rig, "leader t 0 1");
    waits(&command, "wait topic=t partition=0 leader=2");
    struct dh_broker_command move = {.line = "leader t 0 2"};
    dh_broker_input(rig.broker, &move, rig.now_ns);
    assert_ptr_equal(&move, dh_broker_next_event(rig.broker));
    dh_buf_deinit(&move.text);
    assert_non_null(command_take(&rig, &command));
    assert_int_equal(0, command.err);
}

static void groups_are_waited_for(void **state)
{
    (void)state;
    struct dh_broker_command command;
    struct rig_client *client = connect_to_coordinator();
    command_does(&rig, "wait group=g state=dead members=0");
    waits(&command, "wait group=g members=1");

    struct dh_join_group_request_protocol protocol = {.name = DH_BYTES("range"),
                                                      .metadata = DH_BYTES("x")};
    struct dh_join_group_request request;
    dh_message_init(&dh_join_group_request_type, &request);
    request.group_id = DH_BYTES("g");
    request.session_timeout_ms = 10000;
    request.rebalance_timeout_ms = 10000;
    request.protocol_type = DH_BYTES("consumer");
    request.protocols.items = &protocol;
    request.protocols.count = 1;
    rig_send(&rig, client, DH_API_JOIN_GROUP, 3, &request);
    ends(&command, "group=g state=PreparingRebalance members=1 generation=0\n");
    command_does(&rig, "wait group=g");
    command_does(&rig, "wait group=g generation>=1 state=completingrebalance");
    // Its session ends by itself.
    waits(&command, "wait group=g state=Empty timeout=20000");
    rig_advance(&rig, 15000);
    ends(&command, "group=g state=Empty members=0 generation=2\n");
}

static void commits_are_waited_for(void **state)
{
    (void)state;
    struct dh_broker_command command;
    struct rig_client *client = connect_to_coordinator();
    waits(&command, "wait committed group=g topic=t partition=1 offset>=50");
    commit(client, 49);
    assert_null(command_take(&rig, &command));
    commit(client, 50);
    ends(&command, "group=g topic=t partition=1 offset=50\n");
    command_does(&rig, "wait committed group=g topic=t partition=1");
    command_fails(&rig, DOHLE_ERR_TIMEOUT,
                  "wait committed group=g topic=t partition=0 timeout=0");
}

static void faults_are_waited_for(void **state)
{
    (void)state;
    struct dh_broker_command command;
    struct rig_client *client = rig_connect(&rig, 1);
    command_does(&rig, "fault add api=heartbeat error=27");
    waits(&command, "wait fault=1 hits>=2");
    beat(client);
    assert_null(command_take(&rig, &command));
    beat(client);
    ends(&command, "fault=1 hits=2\n");
    assert_string_equal(
        "there is no fault 9",
        command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, "wait fault=9 hits=1"));
}

static void requests_are_waited_for(void **state)
{
    (void)state;
    struct dh_broker_command command;
    struct rig_client *client = rig_connect(&rig, 1);
    struct rig_client *other = rig_connect(&rig, 2);
    beat(client);
    waits(&command, "wait requests api=heartbeat node=1 client=rig count>=2");
    beat(other);
    beat(client);
    assert_null(command_take(&rig, &command));
    beat(client);
    ends(&command, "count=2\n");
    assert_string_equal(
        "count=4\n", command_does(&rig, "wait requests api=heartbeat since=0 count=4"));
    assert_string_equal("count=2\n",
                        command_does(&rig, "wait requests node=1 since=2 count=2"));
    waits(&command, "wait requests api=heartbeat client=another timeout=10");
    beat(client);
    rig_advance(&rig, 10);
    assert_non_null(command_take(&rig, &command));
    assert_int_equal(DOHLE_ERR_TIMEOUT, command.err);
}

static void connections_are_waited_for(void **state)
{
    (void)state;
    struct dh_broker_command command;
    waits(&command, "wait connections node=2 count=2");
    struct rig_client *first = rig_connect(&rig, 2);
    (void)rig_connect(&rig, 1);
    assert_null(command_take(&rig, &command));
    struct rig_client *second = rig_connect(&rig, 2);
    ends(&command, "connections=2\n");
    waits(&command, "wait connections node=2 count=0");
    rig_disconnect(&rig, first);
    assert_null(command_take(&rig, &command));
    rig_disconnect(&rig, second);
    ends(&command, "connections=0\n");
}

static void nodes_are_waited_for(void **state)
{
    (void)state;
    struct dh_broker_command command;
    command_does(&rig, "wait node=2 state=up");
    waits(&command, "wait node=2 state=down");
    struct dh_broker_command stop = {.line = "node stop 2"};
    dh_broker_input(rig.broker, &stop, rig.now_ns);
    assert_ptr_equal(&stop, dh_broker_next_event(rig.broker));
    dh_buf_deinit(&stop.text);
    ends(&command, "node=2 state=down\n");
    command_does(&rig, "node start 2");
    command_does(&rig, "node pause 2");
    command_does(&rig, "wait node=2 state=paused timeout=0");
}

static void waits_end_in_time_and_say_what_is(void **state)
{
    (void)state;
    struct dh_broker_command command;
    waits(&command, "wait topic=u timeout=500");
    rig_advance(&rig, 499);
    assert_null(command_take(&rig, &command));
    rig_advance(&rig, 1);
    assert_string_equal("still not so after 500 ms; it is: topic=u partitions=0",
                        command_take(&rig, &command));
    assert_int_equal(DOHLE_ERR_TIMEOUT, command.err);

    // Without a time of its own.
    waits(&command, "wait topic=u");
    rig_advance(&rig, 9999);
    assert_null(command_take(&rig, &command));
    rig_advance(&rig, 1);
    assert_non_null(command_take(&rig, &command));

    // The command's deadline, when that is earlier.
    memset(&command, 0, sizeof(command));
    command.line = "wait topic=u timeout=500";
    command.deadline_ns = rig.now_ns + 100 * DH_MS;
    dh_broker_input(rig.broker, &command, rig.now_ns);
    rig_advance(&rig, 99);
    assert_null(command_take(&rig, &command));
    rig_advance(&rig, 1);
    assert_non_null(command_take(&rig, &command));
}

static void waits_go_by_the_hosts_clock(void **state)
{
    (void)state;
    struct dh_broker_command command;
    waits(&command, "wait topic=u timeout=500");
    struct dh_broker_command advance = {.line = "advance 10000"};
    dh_broker_input(rig.broker, &advance, rig.now_ns);
    assert_ptr_equal(&advance, dh_broker_next_event(rig.broker));
    dh_buf_deinit(&advance.text);
    assert_null(command_take(&rig, &command));
    rig_advance(&rig, 500);
    assert_non_null(command_take(&rig, &command));
}

static void waits_end_with_the_broker(void **state)
{
    (void)state;
    struct dh_broker_command command;
    waits(&command, "wait topic=u");
    dh_broker_close_commands(rig.broker);
    assert_non_null(command_take(&rig, &command));
    assert_int_equal(DOHLE_ERR_CLOSED, command.err);
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *line;
        const char *sentence;
    } rows[] = {
        {"wait", "wait needs a condition; allowed: group=..., topic=..., fault=..., "
                 "node=..., committed ..., requests ..., connections ..."},
        {"wait nothing", "wait needs a condition; allowed: group=..., topic=..., "
                         "fault=..., node=..., committed ..., requests ..., "
                         "connections ..."},
        {"wait group=g state=Stabel",
         "state is one of Empty, PreparingRebalance, CompletingRebalance, Stable, Dead, "
         "not \"Stabel\""},
        {"wait group=g member=1",
         "\"member\" makes no sense here; allowed: group= state= "
         "members= generation= timeout="},
        {"wait topic=t end>=1", "partition= is missing"},
        {"wait topic>t", "topic is compared with = only"},
        {"wait committed topic=t", "group= is missing"},
        {"wait node=1", "state= is missing"},
        {"wait requests api=fetsh", "there is no API \"fetsh\"; did you mean Fetch?"},
        {"wait topic=t timeout=x", "timeout is a number from 0 to 2147483647, not \"x\""},
    };

    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_string_equal(
            rows[i].sentence,
            command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, rows[i].line));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_end_of_a_sync_is_noticed),
        TEST(topics_are_waited_for),
        TEST(logs_are_waited_for),
        TEST(leaders_are_waited_for),
        TEST(groups_are_waited_for),
        TEST(commits_are_waited_for),
        TEST(faults_are_waited_for),
        TEST(requests_are_waited_for),
        TEST(connections_are_waited_for),
        TEST(nodes_are_waited_for),
        TEST(waits_end_in_time_and_say_what_is),
        TEST(waits_go_by_the_hosts_clock),
        TEST(waits_end_with_the_broker),
        TEST(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
