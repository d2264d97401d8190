// SPDX-License-Identifier: MIT
// Groups by way of requests: placement, loading, moving, held answers (rows GC-001 to GC-007).
#include "broker/groups.h"

#include <dohle/error.h>

#include "commands.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/delete_groups.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/sync_group.h"

static struct rig rig;

// A request, and a part of one, with every field at its default.
#define MESSAGE(type, name)                                                              \
    struct dh_##type name;                                                               \
    dh_message_init(&dh_##type##_type, &(name))
#define ITEM(type, name)                                                                 \
    struct dh_##type name;                                                               \
    dh_struct_init(&dh_##type##_struct, &(name))

static const char *const three_partitions[] = {"offsets.topic.num.partitions=3"};
static const struct rig_options three_nodes = {
    .node_count = 3, .settings = three_partitions, .setting_count = 1};

// ---- Asking ----

static int32_t find(struct rig_client *client, const char *group)
{
    MESSAGE(find_coordinator_request, request);
    request.key = dh_bytes_of(group);
    const struct dh_find_coordinator_response *response =
        rig_ask(&rig, client, DH_API_FIND_COORDINATOR, 3, &request);
    return response->error_code == 0 ? response->node_id : -response->error_code;
}

// A client of the node that coordinates the group.
static struct rig_client *connect_to(const char *group)
{
    struct rig_client *any = rig_connect(&rig, 1);
    int32_t node_id = find(any, group);
    rig_disconnect(&rig, any);
    assert_true(node_id > 0);
    return rig_connect(&rig, node_id);
}

static void send_join(struct rig_client *client, const char *group, const char *member)
{
    ITEM(join_group_request_protocol, protocol);
    protocol.name = DH_BYTES("range");
    protocol.metadata = DH_BYTES("topics");
    MESSAGE(join_group_request, request);
    request.group_id = dh_bytes_of(group);
    request.session_timeout_ms = 10000;
    request.rebalance_timeout_ms = 20000;
    request.member_id = dh_bytes_of(member);
    request.protocol_type = DH_BYTES("consumer");
    request.protocols.items = &protocol;
    request.protocols.count = 1;
    rig_send(&rig, client, DH_API_JOIN_GROUP, 5, &request);
}

// The name of a member that comes and is given one.
static void ask_member_id(struct rig_client *client, const char *group, char *member,
                          size_t size)
{
    send_join(client, group, "");
    rig_end_syncs(&rig);
    const struct dh_join_group_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(DH_BROKER_MEMBER_ID_REQUIRED, response->error_code);
    snprintf(member, size, "%.*s", (int)response->member_id.size,
             (const char *)response->member_id.data);
}

static void send_sync(struct rig_client *client, const char *group, const char *member,
                      int32_t generation, bool is_leader)
{
    ITEM(sync_group_request_assignment, assignment);
    assignment.member_id = dh_bytes_of(member);
    assignment.assignment = DH_BYTES("t-0");
    MESSAGE(sync_group_request, request);
    request.group_id = dh_bytes_of(group);
    request.generation_id = generation;
    request.member_id = dh_bytes_of(member);
    request.assignments.items = &assignment;
    request.assignments.count = is_leader ? 1 : 0;
    rig_send(&rig, client, DH_API_SYNC_GROUP, 3, &request);
}

// A group of one, stable in generation 1.
static void form(struct rig_client *client, const char *group, char *member, size_t size)
{
    ask_member_id(client, group, member, size);
    send_join(client, group, member);
    const struct dh_join_group_response *joined = rig_receive(&rig, client);
    assert_non_null(joined);
    assert_int_equal(0, joined->error_code);
    assert_int_equal(1, joined->generation_id);
    send_sync(client, group, member, 1, true);
    const struct dh_sync_group_response *synced = rig_receive(&rig, client);
    assert_non_null(synced);
    assert_int_equal(0, synced->error_code);
    assert_bytes_equal(DH_BYTES("t-0"), synced->assignment);
}

static int16_t beat(struct rig_client *client, const char *group, const char *member)
{
    MESSAGE(heartbeat_request, request);
    request.group_id = dh_bytes_of(group);
    request.generation_id = 1;
    request.member_id = dh_bytes_of(member);
    const struct dh_heartbeat_response *response =
        rig_ask(&rig, client, DH_API_HEARTBEAT, 3, &request);
    return response->error_code;
}

static void send_commit(struct rig_client *client, const char *group, const char *topic,
                        int32_t partition, int64_t offset)
{
    ITEM(offset_commit_request_topic_partition, row);
    row.partition_index = partition;
    row.committed_offset = offset;
    row.committed_leader_epoch = -1;
    row.committed_metadata = DH_BYTES("note");
    ITEM(offset_commit_request_topic, rows);
    rows.name = dh_bytes_of(topic);
    rows.partitions.items = &row;
    rows.partitions.count = 1;
    MESSAGE(offset_commit_request, request);
    request.group_id = dh_bytes_of(group);
    request.generation_id_or_member_epoch = -1;
    request.retention_time_ms = -1;
    request.topics.items = &rows;
    request.topics.count = 1;
    rig_send(&rig, client, DH_API_OFFSET_COMMIT, 8, &request);
}

static int16_t commit(struct rig_client *client, const char *group, const char *topic,
                      int32_t partition, int64_t offset)
{
    send_commit(client, group, topic, partition, offset);
    const struct dh_offset_commit_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(1, response->topics.count);
    assert_int_equal(1, response->topics.items[0].partitions.count);
    return response->topics.items[0].partitions.items[0].error_code;
}

static const struct dh_offset_fetch_response_group *fetch_all(struct rig_client *client,
                                                              const char *group)
{
    ITEM(offset_fetch_request_group, asked);
    asked.group_id = dh_bytes_of(group);
    asked.topics.items = NULL;
    asked.topics.count = -1;
    asked.member_epoch = -1;
    MESSAGE(offset_fetch_request, request);
    request.groups.items = &asked;
    request.groups.count = 1;
    const struct dh_offset_fetch_response *response =
        rig_ask(&rig, client, DH_API_OFFSET_FETCH, 8, &request);
    assert_int_equal(1, response->groups.count);
    return &response->groups.items[0];
}

static void dump(struct dh_buf *out)
{
    dh_buf_init(out, &rig.memory.allocator, 0);
    assert_int_equal(0, dh_broker_groups_dump(rig.broker, out));
}

// ---- Placement ----

static void groups_hash_as_in_java(void **state)
{
    (void)state;

    static const struct {
        int32_t expected;
        const char *group;
        int32_t count;
    } rows[] = {
        // GC-001.
        {3, "g", 50},
        {12, "my-group", 50},
        {22, "test_group_id", 50},
        {0, "polygenelubricants", 50}, // hashes to the least int
        {0, "", 50},
        {0, "my-group", 1},
        // String.hashCode of what is not ASCII: 228 * 31 + 98; a pair of surrogates.
        {7166, "\xc3\xa4\x62", 1000000},
        {772899, "\xf0\x9f\x98\x80", 1000000},
        {533, "\xff", 1000}, // U+FFFD
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(
            rows[i].expected,
            dh_broker_groups_partition(dh_bytes_of(rows[i].group), rows[i].count));
    }
}

static void the_offsets_topic_is_made_when_it_is_needed(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    assert_null(dh_broker_topics_find(rig.broker, DH_BYTES("__consumer_offsets")));
    assert_int_equal(1, find(client, "g"));
    const struct dh_broker_topic *topic =
        dh_broker_topics_find(rig.broker, DH_BYTES("__consumer_offsets"));
    assert_non_null(topic);
    assert_true(topic->is_internal);
    rig_stop(&rig);
}

static void coordinators_are_named_in_every_version(void **state)
{
    (void)state;
    rig_start(&rig, &three_nodes);
    struct rig_client *client = rig_connect(&rig, 1);
    for (int16_t version = 0; version <= 3; version++) {
        MESSAGE(find_coordinator_request, request);
        request.key = DH_BYTES("g");
        const struct dh_find_coordinator_response *response =
            rig_ask(&rig, client, DH_API_FIND_COORDINATOR, version, &request);
        assert_int_equal(0, response->error_code);
        assert_bytes_equal(DH_BYTES("127.0.0.1"), response->host);
        assert_int_equal(9000 + response->node_id, response->port);
    }
    for (int16_t version = 4; version <= 6; version++) {
        dohle_bytes keys[] = {DH_BYTES("a"), DH_BYTES("b")};
        MESSAGE(find_coordinator_request, request);
        request.coordinator_keys.items = keys;
        request.coordinator_keys.count = 2;
        const struct dh_find_coordinator_response *response =
            rig_ask(&rig, client, DH_API_FIND_COORDINATOR, version, &request);
        assert_int_equal(2, response->coordinators.count);
        assert_bytes_equal(DH_BYTES("b"), response->coordinators.items[1].key);
        assert_int_equal(0, response->coordinators.items[1].error_code);
        // 97 and 98 modulo 3: neighbours.
        assert_int_not_equal(response->coordinators.items[0].node_id,
                             response->coordinators.items[1].node_id);
    }
    // Transactions are not coordinated here.
    MESSAGE(find_coordinator_request, request);
    request.key = DH_BYTES("t");
    request.key_type = 1;
    const struct dh_find_coordinator_response *response =
        rig_ask(&rig, client, DH_API_FIND_COORDINATOR, 3, &request);
    assert_int_equal(DH_BROKER_INVALID_REQUEST, response->error_code);
    assert_int_equal(-1, response->node_id);
    rig_stop(&rig);
}

static void no_coordinator_while_its_nodes_are_down(void **state)
{
    (void)state;
    static const char *const settings[] = {"offsets.topic.num.partitions=1"};
    rig_start(&rig, &(struct rig_options){
                        .node_count = 2, .settings = settings, .setting_count = 1});
    struct rig_client *client = rig_connect(&rig, 2);
    assert_true(find(client, "g") > 0);
    command_does(&rig, "node stop 1");
    // Both nodes are replicas: the other one coordinates now.
    assert_int_equal(2, find(client, "g"));
    command_does(&rig, "node start 1");
    command_does(&rig, "node stop 2");
    client = rig_connect(&rig, 1);
    assert_int_equal(1, find(client, "g"));
    rig_stop(&rig);
}

static void other_nodes_refuse(void **state)
{
    (void)state;
    rig_start(&rig, &three_nodes);
    command_does(&rig, "topic create t partitions=1");
    struct rig_client *any = rig_connect(&rig, 1);
    int32_t node_id = find(any, "g");
    struct rig_client *other = rig_connect(&rig, node_id % 3 + 1);

    send_join(other, "g", "");
    const struct dh_join_group_response *joined = rig_receive(&rig, other);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, joined->error_code);
    send_sync(other, "g", "m", 1, false);
    const struct dh_sync_group_response *synced = rig_receive(&rig, other);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, synced->error_code);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, beat(other, "g", "m"));
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, commit(other, "g", "t", 0, 1));
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, fetch_all(other, "g")->error_code);

    MESSAGE(leave_group_request, leave);
    leave.group_id = DH_BYTES("g");
    leave.member_id = DH_BYTES("m");
    const struct dh_leave_group_response *left =
        rig_ask(&rig, other, DH_API_LEAVE_GROUP, 1, &leave);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, left->error_code);

    dohle_bytes names[] = {DH_BYTES("g")};
    MESSAGE(describe_groups_request, describe);
    describe.groups.items = names;
    describe.groups.count = 1;
    const struct dh_describe_groups_response *described =
        rig_ask(&rig, other, DH_API_DESCRIBE_GROUPS, 5, &describe);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, described->groups.items[0].error_code);
    MESSAGE(delete_groups_request, delete);
    delete.groups_names.items = names;
    delete.groups_names.count = 1;
    const struct dh_delete_groups_response *deleted =
        rig_ask(&rig, other, DH_API_DELETE_GROUPS, 2, &delete);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, deleted->results.items[0].error_code);
    MESSAGE(offset_delete_request, offsets);
    offsets.group_id = DH_BYTES("g");
    const struct dh_offset_delete_response *gone =
        rig_ask(&rig, other, DH_API_OFFSET_DELETE, 0, &offsets);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, gone->error_code);
    rig_stop(&rig);
}

static void a_group_without_name_is_refused_everywhere(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    send_join(client, "", "");
    const struct dh_join_group_response *joined = rig_receive(&rig, client);
    assert_int_equal(DH_BROKER_INVALID_GROUP_ID, joined->error_code);
    assert_int_equal(DH_BROKER_INVALID_GROUP_ID, beat(client, "", "m"));
    rig_stop(&rig);
}

// ---- Members ----

static void a_group_forms_beats_and_is_left(void **state)
{
    (void)state;
    char member[128];
    rig_start(&rig, &three_nodes);
    struct rig_client *client = connect_to("g");
    form(client, "g", member, sizeof(member));
    assert_int_equal(0, beat(client, "g", member));
    assert_int_equal(DH_BROKER_UNKNOWN_MEMBER_ID, beat(client, "g", "nobody"));

    ITEM(leave_group_request_member, leaver);
    leaver.member_id = dh_bytes_of(member);
    MESSAGE(leave_group_request, leave);
    leave.group_id = DH_BYTES("g");
    leave.members.items = &leaver;
    leave.members.count = 1;
    const struct dh_leave_group_response *left =
        rig_ask(&rig, client, DH_API_LEAVE_GROUP, 4, &leave);
    assert_int_equal(0, left->error_code);
    assert_int_equal(0, left->members.items[0].error_code);
    assert_int_equal(DH_BROKER_UNKNOWN_MEMBER_ID, beat(client, "g", member));
    rig_stop(&rig);
}

static void members_that_fall_silent_are_removed_in_time(void **state)
{
    (void)state;
    char member[128];
    rig_start(&rig, NULL);
    struct rig_client *client = connect_to("g");
    form(client, "g", member, sizeof(member));
    rig_advance(&rig, 9999);
    assert_int_equal(0, beat(client, "g", member));
    rig_advance(&rig, 10001);
    assert_int_equal(DH_BROKER_UNKNOWN_MEMBER_ID, beat(client, "g", member));
    rig_stop(&rig);
}

static void a_parked_join_is_forgotten_with_its_connection(void **state)
{
    (void)state;
    char first[128];
    char second[128];
    rig_start(&rig, NULL);
    struct rig_client *client = connect_to("g");
    struct rig_client *other = connect_to("g");
    form(client, "g", first, sizeof(first));
    ask_member_id(other, "g", second, sizeof(second));
    send_join(other, "g", second);
    assert_null(rig_receive(&rig, other)); // waits for the first
    rig_disconnect(&rig, other);
    assert_int_equal(DH_BROKER_REBALANCE_IN_PROGRESS, beat(client, "g", first));
    // The member stays: the first joins, and is told of two.
    send_join(client, "g", first);
    const struct dh_join_group_response *joined = rig_receive(&rig, client);
    assert_non_null(joined);
    assert_int_equal(0, joined->error_code);
    assert_int_equal(2, joined->members.count);
    rig_stop(&rig);
}

static void a_parked_sync_is_forgotten_with_its_connection(void **state)
{
    (void)state;
    char first[128];
    char second[128];
    rig_start(&rig, NULL);
    struct rig_client *client = connect_to("g");
    struct rig_client *other = connect_to("g");
    form(client, "g", first, sizeof(first));
    ask_member_id(other, "g", second, sizeof(second));
    send_join(other, "g", second);
    send_join(client, "g", first);
    assert_non_null(rig_receive(&rig, client));
    assert_non_null(rig_receive(&rig, other));
    send_sync(other, "g", second, 2, false);
    assert_null(rig_receive(&rig, other)); // waits for the leader
    rig_disconnect(&rig, other);
    send_sync(client, "g", first, 2, true);
    const struct dh_sync_group_response *synced = rig_receive(&rig, client);
    assert_non_null(synced);
    assert_int_equal(0, synced->error_code);
    rig_stop(&rig);
}

// ---- Offsets ----

static void commits_come_back_in_every_version(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    command_does(&rig, "topic create t partitions=2");
    struct dh_uuid id = dh_broker_topics_find(rig.broker, DH_BYTES("t"))->id;
    struct rig_client *client = connect_to("g");
    for (int16_t version = 2; version <= 10; version++) {
        ITEM(offset_commit_request_topic_partition, row);
        row.partition_index = 1;
        row.committed_offset = 100 + version;
        row.committed_leader_epoch = version >= 6 ? 4 : -1;
        row.committed_metadata = DH_BYTES("a \"note\"\n");
        ITEM(offset_commit_request_topic, topic);
        topic.partitions.items = &row;
        topic.partitions.count = 1;
        if (version >= 10) {
            topic.topic_id = id;
        } else {
            topic.name = DH_BYTES("t");
        }
        MESSAGE(offset_commit_request, request);
        request.group_id = DH_BYTES("g");
        request.generation_id_or_member_epoch = -1;
        request.retention_time_ms = -1;
        request.topics.items = &topic;
        request.topics.count = 1;
        const struct dh_offset_commit_response *response =
            rig_ask(&rig, client, DH_API_OFFSET_COMMIT, version, &request);
        assert_int_equal(0, response->topics.items[0].partitions.items[0].error_code);
        assert_int_equal(1,
                         response->topics.items[0].partitions.items[0].partition_index);
        if (version >= 10) {
            assert_true(dh_uuid_equal(&id, &response->topics.items[0].topic_id));
        } else {
            assert_bytes_equal(DH_BYTES("t"), response->topics.items[0].name);
        }
    }
    int32_t partitions[] = {1, 0, 7};
    for (int16_t version = 1; version <= 7; version++) {
        ITEM(offset_fetch_request_topic, topic);
        topic.name = DH_BYTES("t");
        topic.partition_indexes.items = partitions;
        topic.partition_indexes.count = 3;
        MESSAGE(offset_fetch_request, request);
        request.group_id = DH_BYTES("g");
        request.topics.items = &topic;
        request.topics.count = 1;
        const struct dh_offset_fetch_response *response =
            rig_ask(&rig, client, DH_API_OFFSET_FETCH, version, &request);
        assert_int_equal(0, response->error_code);
        const struct dh_offset_fetch_response_topic_partition *rows =
            response->topics.items[0].partitions.items;
        assert_int_equal(110, rows[0].committed_offset);
        assert_int_equal(version >= 5 ? 4 : -1, rows[0].committed_leader_epoch);
        assert_bytes_equal(DH_BYTES("a \"note\"\n"), rows[0].metadata);
        assert_int_equal(-1, rows[1].committed_offset);
        assert_bytes_equal(DH_BYTES(""), rows[1].metadata);
        assert_int_equal(7, rows[2].partition_index);
        assert_int_equal(0, rows[2].error_code);
    }
    for (int16_t version = 8; version <= 10; version++) {
        ITEM(offset_fetch_request_group_topic, topic);
        topic.partition_indexes.items = partitions;
        topic.partition_indexes.count = 1;
        if (version >= 10) {
            topic.topic_id = id;
        } else {
            topic.name = DH_BYTES("t");
        }
        struct dh_offset_fetch_request_group groups[] = {
            {.group_id = DH_BYTES("g"), .member_epoch = -1, .topics = {&topic, 1}},
            {.group_id = DH_BYTES("other"), .member_epoch = -1, .topics = {&topic, 1}},
            {.group_id = DH_BYTES("g"), .member_epoch = -1, .topics = {NULL, -1}},
        };
        MESSAGE(offset_fetch_request, request);
        request.groups.items = groups;
        request.groups.count = 3;
        const struct dh_offset_fetch_response *response =
            rig_ask(&rig, client, DH_API_OFFSET_FETCH, version, &request);
        assert_int_equal(3, response->groups.count);
        static const int64_t expected[] = {110, -1, 110};
        for (size_t i = 0; i < 3; i++) {
            const struct dh_offset_fetch_response_group *group =
                &response->groups.items[i];
            assert_int_equal(0, group->error_code);
            assert_int_equal(1, group->topics.count);
            assert_int_equal(1, group->topics.items[0].partitions.count);
            assert_int_equal(expected[i],
                             group->topics.items[0].partitions.items[0].committed_offset);
            if (version >= 10) {
                assert_true(dh_uuid_equal(&id, &group->topics.items[0].topic_id));
            } else {
                assert_bytes_equal(DH_BYTES("t"), group->topics.items[0].name);
            }
        }
    }
    rig_stop(&rig);
}

static void what_does_not_exist_is_refused_and_the_rest_committed(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    command_does(&rig, "topic create t partitions=2");
    struct rig_client *client = connect_to("g");
    struct dh_offset_commit_request_topic_partition rows[] = {
        {.partition_index = 0, .committed_offset = 5, .committed_metadata = DH_BYTES("")},
        {.partition_index = 2, .committed_offset = 6, .committed_metadata = DH_BYTES("")},
        {.partition_index = 1, .committed_offset = 7, .committed_metadata = DH_BYTES("")},
    };
    struct dh_offset_commit_request_topic topics[] = {
        {.name = DH_BYTES("nowhere"), .partitions = {rows, 2}},
        {.name = DH_BYTES("t"), .partitions = {rows, 3}},
    };
    MESSAGE(offset_commit_request, request);
    request.group_id = DH_BYTES("g");
    request.generation_id_or_member_epoch = -1;
    request.retention_time_ms = -1;
    request.topics.items = topics;
    request.topics.count = 2;
    const struct dh_offset_commit_response *response =
        rig_ask(&rig, client, DH_API_OFFSET_COMMIT, 8, &request);
    const int16_t unknown = DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    assert_int_equal(unknown, response->topics.items[0].partitions.items[0].error_code);
    assert_int_equal(unknown, response->topics.items[0].partitions.items[1].error_code);
    assert_int_equal(0, response->topics.items[1].partitions.items[0].error_code);
    assert_int_equal(unknown, response->topics.items[1].partitions.items[1].error_code);
    assert_int_equal(0, response->topics.items[1].partitions.items[2].error_code);

    const struct dh_offset_fetch_response_group *group = fetch_all(client, "g");
    assert_int_equal(1, group->topics.count);
    assert_int_equal(2, group->topics.items[0].partitions.count);
    assert_int_equal(7, group->topics.items[0].partitions.items[1].committed_offset);

    // By ids (version 10).
    ITEM(offset_commit_request_topic, by_id);
    by_id.partitions.items = rows;
    by_id.partitions.count = 2;
    by_id.topic_id.bytes[0] = 9;
    request.topics.items = &by_id;
    request.topics.count = 1;
    response = rig_ask(&rig, client, DH_API_OFFSET_COMMIT, 10, &request);
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_ID,
                     response->topics.items[0].partitions.items[1].error_code);
    int32_t partitions[] = {0};
    ITEM(offset_fetch_request_group_topic, topic);
    topic.topic_id = by_id.topic_id;
    topic.partition_indexes.items = partitions;
    topic.partition_indexes.count = 1;
    ITEM(offset_fetch_request_group, asked);
    asked.group_id = DH_BYTES("g");
    asked.member_epoch = -1;
    asked.topics.items = &topic;
    asked.topics.count = 1;
    MESSAGE(offset_fetch_request, fetch);
    fetch.groups.items = &asked;
    fetch.groups.count = 1;
    const struct dh_offset_fetch_response *fetched =
        rig_ask(&rig, client, DH_API_OFFSET_FETCH, 10, &fetch);
    const struct dh_offset_fetch_response_group_topic_partition *row =
        &fetched->groups.items[0].topics.items[0].partitions.items[0];
    assert_int_equal(DH_BROKER_UNKNOWN_TOPIC_ID, row->error_code);
    assert_int_equal(-1, row->committed_offset);
    rig_stop(&rig);
}

static void version_1_has_the_code_in_partitions(void **state)
{
    (void)state;
    rig_start(&rig, &three_nodes);
    struct rig_client *any = rig_connect(&rig, 1);
    int32_t node_id = find(any, "g");
    struct rig_client *other = rig_connect(&rig, node_id % 3 + 1);
    int32_t partitions[] = {3};
    ITEM(offset_fetch_request_topic, topic);
    topic.name = DH_BYTES("t");
    topic.partition_indexes.items = partitions;
    topic.partition_indexes.count = 1;
    MESSAGE(offset_fetch_request, request);
    request.group_id = DH_BYTES("g");
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct dh_offset_fetch_response *response =
        rig_ask(&rig, other, DH_API_OFFSET_FETCH, 1, &request);
    assert_int_equal(1, response->topics.count);
    const struct dh_offset_fetch_response_topic_partition *row =
        &response->topics.items[0].partitions.items[0];
    assert_int_equal(3, row->partition_index);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, row->error_code);
    response = rig_ask(&rig, other, DH_API_OFFSET_FETCH, 2, &request);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, response->error_code);
    rig_stop(&rig);
}

static void offsets_go_with_their_topic(void **state)
{
    (void)state;
    rig_start(&rig, &three_nodes);
    command_does(&rig, "topic create t partitions=1");
    command_does(&rig, "topic create u partitions=1");
    static const char *const groups[] = {"a", "b", "c"}; // one a partition
    for (size_t i = 0; i < DH_COUNT_OF(groups); i++) {
        struct rig_client *client = connect_to(groups[i]);
        assert_int_equal(0, commit(client, groups[i], "t", 0, 10));
        assert_int_equal(0, commit(client, groups[i], "u", 0, 20));
    }
    command_does(&rig, "topic delete t");
    command_does(&rig, "topic create t partitions=1");
    rig_restart(&rig, false);
    for (size_t i = 0; i < DH_COUNT_OF(groups); i++) {
        const struct dh_offset_fetch_response_group *group =
            fetch_all(connect_to(groups[i]), groups[i]);
        assert_int_equal(1, group->topics.count);
        assert_bytes_equal(DH_BYTES("u"), group->topics.items[0].name);
    }
    rig_stop(&rig);
}

static void offsets_are_deleted_one_by_one(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    command_does(&rig, "topic create t partitions=2");
    struct rig_client *client = connect_to("g");
    assert_int_equal(0, commit(client, "g", "t", 0, 10));
    assert_int_equal(0, commit(client, "g", "t", 1, 11));
    struct dh_offset_delete_request_topic_partition rows[] = {{5}, {1}};
    struct dh_offset_delete_request_topic topics[] = {
        {.name = DH_BYTES("nowhere"), .partitions = {rows, 1}},
        {.name = DH_BYTES("t"), .partitions = {rows, 2}},
    };
    MESSAGE(offset_delete_request, request);
    request.group_id = DH_BYTES("g");
    request.topics.items = topics;
    request.topics.count = 2;
    const struct dh_offset_delete_response *response =
        rig_ask(&rig, client, DH_API_OFFSET_DELETE, 0, &request);
    assert_int_equal(0, response->error_code);
    const int16_t unknown = DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    assert_int_equal(unknown, response->topics.items[0].partitions.items[0].error_code);
    assert_int_equal(unknown, response->topics.items[1].partitions.items[0].error_code);
    assert_int_equal(0, response->topics.items[1].partitions.items[1].error_code);
    const struct dh_offset_fetch_response_group *group = fetch_all(client, "g");
    assert_int_equal(1, group->topics.items[0].partitions.count);
    assert_int_equal(10, group->topics.items[0].partitions.items[0].committed_offset);

    request.group_id = DH_BYTES("unheard");
    response = rig_ask(&rig, client, DH_API_OFFSET_DELETE, 0, &request);
    assert_int_equal(DH_BROKER_GROUP_ID_NOT_FOUND, response->error_code);
    rig_stop(&rig);
}

// ---- Looking and deleting ----

static size_t list(struct rig_client *client, const char *state, const char *type)
{
    dohle_bytes states[] = {dh_bytes_of(state)};
    dohle_bytes types[] = {dh_bytes_of(type)};
    MESSAGE(list_groups_request, request);
    request.states_filter.items = states;
    request.states_filter.count = state != NULL;
    request.types_filter.items = types;
    request.types_filter.count = type != NULL;
    const struct dh_list_groups_response *response =
        rig_ask(&rig, client, DH_API_LIST_GROUPS, 5, &request);
    assert_int_equal(0, response->error_code);
    return (size_t)response->groups.count;
}

static void groups_are_listed_where_they_are(void **state)
{
    (void)state;
    char member[128];
    rig_start(&rig, &three_nodes);
    command_does(&rig, "topic create t partitions=1");
    assert_int_equal(0, list(rig_connect(&rig, 1), NULL, NULL)); // there is no topic yet
    struct rig_client *client = connect_to("a");
    form(client, "a", member, sizeof(member));
    assert_int_equal(0, commit(client, "d", "t", 0, 1)); // the same partition
    assert_int_equal(0, commit(connect_to("b"), "b", "t", 0, 1));

    assert_int_equal(2, list(client, NULL, NULL));
    assert_int_equal(1, list(client, "Stable", NULL));
    assert_int_equal(1, list(client, "empty", NULL));
    assert_int_equal(0, list(client, "Dead", NULL));
    assert_int_equal(2, list(client, NULL, "Classic"));
    assert_int_equal(0, list(client, NULL, "consumer"));
    size_t sum = 0;
    for (int32_t node_id = 1; node_id <= 3; node_id++) {
        sum += list(rig_connect(&rig, node_id), NULL, NULL);
    }
    assert_int_equal(3, sum);
    for (int16_t version = 0; version <= 4; version++) {
        MESSAGE(list_groups_request, request);
        request.states_filter.items = NULL;
        request.states_filter.count = 0;
        const struct dh_list_groups_response *response =
            rig_ask(&rig, client, DH_API_LIST_GROUPS, version, &request);
        assert_int_equal(2, response->groups.count);
    }
    rig_stop(&rig);
}

static void groups_are_described_and_deleted(void **state)
{
    (void)state;
    char member[128];
    rig_start(&rig, NULL);
    command_does(&rig, "topic create t partitions=1");
    struct rig_client *client = connect_to("g");
    form(client, "g", member, sizeof(member));
    assert_int_equal(0, commit(client, "e", "t", 0, 1));
    for (int16_t version = 0; version <= 6; version++) {
        dohle_bytes names[] = {DH_BYTES("g"), DH_BYTES("none")};
        MESSAGE(describe_groups_request, request);
        request.groups.items = names;
        request.groups.count = 2;
        request.include_authorized_operations = version >= 3;
        const struct dh_describe_groups_response *response =
            rig_ask(&rig, client, DH_API_DESCRIBE_GROUPS, version, &request);
        const struct dh_describe_groups_response_group *group =
            &response->groups.items[0];
        assert_int_equal(0, group->error_code);
        assert_bytes_equal(DH_BYTES("Stable"), group->group_state);
        assert_bytes_equal(DH_BYTES("range"), group->protocol_data);
        assert_int_equal(1, group->members.count);
        assert_bytes_equal(dh_bytes_of(member), group->members.items[0].member_id);
        assert_bytes_equal(DH_BYTES("rig"), group->members.items[0].client_id);
        assert_bytes_equal(DH_BYTES("/127.0.0.1"), group->members.items[0].client_host);
        assert_bytes_equal(DH_BYTES("t-0"), group->members.items[0].member_assignment);
        assert_int_equal(version >= 3 ? 3400 : INT32_MIN, group->authorized_operations);
        assert_bytes_equal(DH_BYTES("Dead"), response->groups.items[1].group_state);
    }
    dohle_bytes names[] = {DH_BYTES("g"), DH_BYTES("e"), DH_BYTES("none"), DH_BYTES("")};
    MESSAGE(delete_groups_request, request);
    request.groups_names.items = names;
    request.groups_names.count = 4;
    const struct dh_delete_groups_response *response =
        rig_ask(&rig, client, DH_API_DELETE_GROUPS, 2, &request);
    static const int16_t expected[] = {DH_BROKER_NON_EMPTY_GROUP, 0,
                                       DH_BROKER_GROUP_ID_NOT_FOUND,
                                       DH_BROKER_INVALID_GROUP_ID};
    for (size_t i = 0; i < DH_COUNT_OF(expected); i++) {
        assert_bytes_equal(names[i], response->results.items[i].group_id);
        assert_int_equal(expected[i], response->results.items[i].error_code);
    }
    rig_stop(&rig);
}

// ---- Restarts and moves ----

static void everything_is_there_after_a_restart(void **state)
{
    for (int is_clean = 0; is_clean <= 1; is_clean++) {
        char member[128];
        (void)state;
        rig_start(&rig, &three_nodes);
        command_does(&rig, "topic create t partitions=3");
        static const char *const groups[] = {"a", "b", "c", "d", "e"};
        for (size_t i = 0; i < DH_COUNT_OF(groups); i++) {
            struct rig_client *client = connect_to(groups[i]);
            assert_int_equal(0, commit(client, groups[i], "t", (int32_t)i % 3, 100));
            assert_int_equal(0, commit(client, groups[i], "t", (int32_t)i % 3, 200));
        }
        struct rig_client *client = connect_to("stable");
        form(client, "stable", member, sizeof(member));
        struct dh_buf before;
        struct dh_buf after;
        dump(&before);
        rig_restart(&rig, is_clean == 1);
        dump(&after);
        assert_bytes_equal(dh_buf_view(&before), dh_buf_view(&after));
        assert_true(before.size > 100);
        // The member goes on as if nothing had been (GC-007).
        assert_int_equal(0, beat(connect_to("stable"), "stable", member));
        dh_buf_deinit(&before);
        dh_buf_deinit(&after);
        rig_stop(&rig);
    }
}

static void a_moved_coordinator_goes_on(void **state)
{
    (void)state;
    char member[128];
    char second[128];
    char line[64];
    rig_start(&rig, &three_nodes);
    command_does(&rig, "topic create t partitions=1");
    struct rig_client *client = connect_to("g");
    struct rig_client *parked = connect_to("g");
    int32_t to = client->node_id % 3 + 1;
    form(client, "g", member, sizeof(member));
    assert_int_equal(0, commit(client, "j", "t", 0, 42));
    ask_member_id(parked, "g", second, sizeof(second));
    send_join(parked, "g", second);
    assert_null(rig_receive(&rig, parked));

    snprintf(line, sizeof(line), "coordinator g %d", to);
    command_does(&rig, line);
    const struct dh_join_group_response *refused = rig_receive(&rig, parked);
    assert_non_null(refused);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, refused->error_code);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, beat(client, "g", member));
    struct rig_client *moved = connect_to("g");
    assert_int_equal(to, moved->node_id);
    assert_int_equal(0, beat(moved, "g", member));
    // "j" is in the same partition.
    const struct dh_offset_fetch_response_group *group = fetch_all(moved, "j");
    assert_int_equal(42, group->topics.items[0].partitions.items[0].committed_offset);
    rig_stop(&rig);
}

static void a_killed_coordinator_is_followed_by_another(void **state)
{
    (void)state;
    char member[128];
    char line[64];
    rig_start(&rig, &three_nodes);
    struct rig_client *client = connect_to("g");
    form(client, "g", member, sizeof(member));
    snprintf(line, sizeof(line), "node kill %d", client->node_id);
    command_does(&rig, line);
    assert_true(client->is_closed);
    assert_true(client->is_reset);
    int32_t other = client->node_id % 3 + 1;
    int32_t node_id = find(rig_connect(&rig, other), "g");
    assert_true(node_id > 0 && node_id != client->node_id);
    struct rig_client *next = rig_connect(&rig, node_id);
    assert_int_equal(0, beat(next, "g", member));
    rig_stop(&rig);
}

// ---- Durability ----

static void answers_wait_for_the_disk_but_heartbeats_do_not(void **state)
{
    (void)state;
    char member[128];
    rig_start(&rig, &(struct rig_options){.mode = DH_STORE_SYNCED});
    command_does(&rig, "topic create t partitions=1");
    rig_end_syncs(&rig);
    struct rig_client *client = connect_to("g");
    struct rig_client *other = connect_to("g");
    struct rig_client *third = connect_to("g");
    ask_member_id(client, "g", member, sizeof(member));
    send_join(client, "g", member);
    rig_end_syncs(&rig);
    assert_non_null(rig_receive(&rig, client));
    send_sync(client, "g", member, 1, true);
    assert_null(rig_receive(&rig, client));
    assert_int_equal(0, beat(other, "g", member)); // the disk delays nobody else
    rig_end_syncs(&rig);
    const struct dh_sync_group_response *synced = rig_receive(&rig, client);
    assert_non_null(synced);
    assert_bytes_equal(DH_BYTES("t-0"), synced->assignment);

    send_commit(client, "h", "t", 0, 7);
    assert_null(rig_receive(&rig, client));
    // Who asks for what is not durable yet waits, too: it could be taken back.
    int32_t partitions[] = {0};
    ITEM(offset_fetch_request_topic, topic);
    topic.name = DH_BYTES("t");
    topic.partition_indexes.items = partitions;
    topic.partition_indexes.count = 1;
    MESSAGE(offset_fetch_request, fetch);
    fetch.group_id = DH_BYTES("h");
    fetch.topics.items = &topic;
    fetch.topics.count = 1;
    rig_send(&rig, other, DH_API_OFFSET_FETCH, 7, &fetch);
    assert_null(rig_receive(&rig, other));
    // A connection that is gone is no matter.
    send_commit(third, "h", "t", 0, 8);
    rig_disconnect(&rig, third);
    rig_end_syncs(&rig);
    const struct dh_offset_commit_response *committed = rig_receive(&rig, client);
    assert_non_null(committed);
    assert_int_equal(0, committed->topics.items[0].partitions.items[0].error_code);
    const struct dh_offset_fetch_response *fetched = rig_receive(&rig, other);
    assert_non_null(fetched);
    // A copy of the moment when it was asked, though the offset has moved on.
    assert_int_equal(7, fetched->topics.items[0].partitions.items[0].committed_offset);
    assert_bytes_equal(DH_BYTES("note"),
                       fetched->topics.items[0].partitions.items[0].metadata);
    rig_end_syncs(&rig);
    rig_stop(&rig);
}

// What is in memory is what is in the log.
static void is_the_same_after_a_crash(void)
{
    struct dh_buf before;
    struct dh_buf after;
    dump(&before);
    rig_restart(&rig, false);
    dump(&after);
    assert_bytes_equal(dh_buf_view(&before), dh_buf_view(&after));
    dh_buf_deinit(&before);
    dh_buf_deinit(&after);
}

static void a_full_disk_refuses_commits_and_nothing_else(void **state)
{
    (void)state;
    char member[128];
    rig_start(&rig, NULL);
    command_does(&rig, "topic create t partitions=1");
    struct rig_client *client = connect_to("g");
    form(client, "g", member, sizeof(member));
    assert_int_equal(0, commit(client, "h", "t", 0, 7));
    dh_memory_files_set_room(rig.files, dh_memory_files_size(rig.files) + 10);
    assert_int_equal(DH_BROKER_COORDINATOR_NOT_AVAILABLE, commit(client, "h", "t", 0, 8));
    assert_int_equal(0, beat(client, "g", member));
    const struct dh_offset_fetch_response_group *group = fetch_all(client, "h");
    assert_int_equal(7, group->topics.items[0].partitions.items[0].committed_offset);
    dh_memory_files_set_room(rig.files, -1);
    assert_int_equal(0, commit(client, "h", "t", 0, 9));
    is_the_same_after_a_crash();
    group = fetch_all(connect_to("h"), "h");
    assert_int_equal(9, group->topics.items[0].partitions.items[0].committed_offset);
    rig_stop(&rig);
}

// ---- A disk that fails ----

static struct dh_vfs_calls failing_calls;
static struct dh_vfs_sync *failing_sync;

static int fail_to_write(struct dh_vfs *vfs, struct dh_file *file, int64_t position,
                         const dohle_bytes *pieces, size_t count)
{
    (void)file;
    (void)position;
    (void)pieces;
    (void)count;
    snprintf(vfs->error_text, sizeof(vfs->error_text), "broken");
    vfs->is_full = false;
    return DOHLE_ERR_IO;
}

static void keep_sync(struct dh_vfs *vfs, struct dh_file *file, struct dh_vfs_sync *sync)
{
    (void)vfs;
    (void)file;
    failing_sync = sync;
}

static const struct dh_vfs_calls *break_files(void)
{
    struct dh_vfs *vfs = dh_memory_files_vfs(rig.files);
    const struct dh_vfs_calls *good = vfs->calls;
    failing_calls = *good;
    vfs->calls = &failing_calls;
    return good;
}

static void groups_of_a_broken_disk_are_refused(void **state)
{
    (void)state;
    char member[128];
    rig_start(&rig, NULL);
    command_does(&rig, "topic create t partitions=1");
    struct rig_client *client = connect_to("g");
    form(client, "g", member, sizeof(member));
    const struct dh_vfs_calls *good = break_files();
    failing_calls.write = fail_to_write;
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, commit(client, "h", "t", 0, 8));
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, beat(client, "g", member));
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, fetch_all(client, "g")->error_code);
    dh_memory_files_vfs(rig.files)->calls = good;
    // Only another start makes it good.
    assert_int_equal(DH_BROKER_NOT_COORDINATOR, beat(client, "g", member));
    rig_restart(&rig, false);
    assert_int_equal(0, beat(connect_to("g"), "g", member));
    rig_stop(&rig);
}

static void what_was_held_for_a_failed_sync_is_refused(void **state)
{
    (void)state;
    rig_start(&rig, &(struct rig_options){.mode = DH_STORE_SYNCED});
    command_does(&rig, "topic create t partitions=1");
    rig_end_syncs(&rig);
    struct rig_client *client = connect_to("g");
    const struct dh_vfs_calls *good = break_files();
    failing_calls.sync = keep_sync;
    failing_sync = NULL;
    send_commit(client, "g", "t", 0, 7);
    assert_null(rig_receive(&rig, client));
    assert_non_null(failing_sync);
    failing_sync->done(failing_sync, DOHLE_ERR_IO);
    const struct dh_offset_commit_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(DH_BROKER_NOT_COORDINATOR,
                     response->topics.items[0].partitions.items[0].error_code);
    dh_memory_files_vfs(rig.files)->calls = good;
    rig_stop(&rig);
}

// ---- No memory ----

// Room for what the test itself allocates while the broker has no memory.
static struct rig_client *connect_with_room(void)
{
    struct rig_client *client = connect_to("g");
    assert_int_equal(0, dh_buf_reserve(&client->in, 4096));
    assert_int_equal(0, dh_buf_reserve(&client->out, 4096));
    return client;
}

static void send_all_offsets(struct rig_client *client)
{
    ITEM(offset_fetch_request_group, asked);
    asked.group_id = DH_BYTES("g");
    asked.topics.count = -1;
    MESSAGE(offset_fetch_request, request);
    request.groups.items = &asked;
    request.groups.count = 1;
    rig_send(&rig, client, DH_API_OFFSET_FETCH, 8, &request);
}

static void send_list(struct rig_client *client)
{
    MESSAGE(list_groups_request, request);
    rig_send(&rig, client, DH_API_LIST_GROUPS, 5, &request);
}

static void without_memory_answers_fail_or_connections_end(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    command_does(&rig, "topic create t partitions=1");
    struct rig_client *client = connect_with_room();
    assert_int_equal(0, commit(client, "g", "t", 0, 1));
    for (size_t fail = 1; fail < 40; fail++) {
        for (int kind = 0; kind < 4; kind++) {
            rig.memory.fail_at = rig.memory.calls + fail;
            switch (kind) {
            case 0: send_commit(client, "g", "t", 0, (int64_t)fail); break;
            case 1: send_all_offsets(client); break;
            case 2: send_list(client); break;
            case 3: send_join(client, "j", ""); break;
            }
            rig.memory.fail_at = 0;
            const void *response = rig_receive(&rig, client);
            assert_true(response != NULL || client->is_closed);
            if (client->is_closed) {
                // Its place is taken by the next.
                rig_disconnect(&rig, client);
                rig.client_count--;
                client = connect_with_room();
            }
        }
    }
    assert_int_equal(0, commit(client, "g", "t", 0, 100));
    is_the_same_after_a_crash();
    rig_stop(&rig);
}

static void a_load_without_memory_is_tried_again(void **state)
{
    (void)state;
    rig_start(&rig, &three_nodes);
    command_does(&rig, "topic create t partitions=1");
    struct rig_client *client = connect_to("g");
    assert_int_equal(0, commit(client, "g", "t", 0, 5));
    const struct dh_broker_partition *partition =
        &dh_broker_topics_find(rig.broker, DH_BYTES("__consumer_offsets"))->partitions[1];
    for (size_t fail = 1; fail < 30; fail++) {
        char line[64];
        struct dh_broker_command command = {.line = line, .deadline_ns = DH_NEVER};
        snprintf(line, sizeof(line), "coordinator g %d", partition->leader % 3 + 1);
        rig.memory.fail_at = rig.memory.calls + fail;
        dh_broker_input(rig.broker, &command, rig.now_ns);
        rig.memory.fail_at = 0;
        assert_non_null(command_take(&rig, &command));
        struct rig_client *asker = rig_connect(&rig, partition->leader);
        const struct dh_offset_fetch_response_group *group = fetch_all(asker, "g");
        assert_int_equal(0, group->error_code);
        assert_int_equal(5, group->topics.items[0].partitions.items[0].committed_offset);
        rig_disconnect(&rig, asker);
        rig.client_count--;
    }
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_hash_as_in_java),
        cmocka_unit_test(the_offsets_topic_is_made_when_it_is_needed),
        cmocka_unit_test(coordinators_are_named_in_every_version),
        cmocka_unit_test(no_coordinator_while_its_nodes_are_down),
        cmocka_unit_test(other_nodes_refuse),
        cmocka_unit_test(a_group_without_name_is_refused_everywhere),
        cmocka_unit_test(a_group_forms_beats_and_is_left),
        cmocka_unit_test(members_that_fall_silent_are_removed_in_time),
        cmocka_unit_test(a_parked_join_is_forgotten_with_its_connection),
        cmocka_unit_test(a_parked_sync_is_forgotten_with_its_connection),
        cmocka_unit_test(commits_come_back_in_every_version),
        cmocka_unit_test(what_does_not_exist_is_refused_and_the_rest_committed),
        cmocka_unit_test(version_1_has_the_code_in_partitions),
        cmocka_unit_test(offsets_go_with_their_topic),
        cmocka_unit_test(offsets_are_deleted_one_by_one),
        cmocka_unit_test(groups_are_listed_where_they_are),
        cmocka_unit_test(groups_are_described_and_deleted),
        cmocka_unit_test(everything_is_there_after_a_restart),
        cmocka_unit_test(a_moved_coordinator_goes_on),
        cmocka_unit_test(a_killed_coordinator_is_followed_by_another),
        cmocka_unit_test(answers_wait_for_the_disk_but_heartbeats_do_not),
        cmocka_unit_test(a_full_disk_refuses_commits_and_nothing_else),
        cmocka_unit_test(groups_of_a_broken_disk_are_refused),
        cmocka_unit_test(what_was_held_for_a_failed_sync_is_refused),
        cmocka_unit_test(without_memory_answers_fail_or_connections_end),
        cmocka_unit_test(a_load_without_memory_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
