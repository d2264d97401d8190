// SPDX-License-Identifier: MIT
// Each action and each match of faults.h, through requests of clients.
#include "broker/faults.h"

#include <dohle/error.h>

#include "commands.h"
#include "record/batch.h"
#include "wire/envelope.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/fetch.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/produce.h"

static struct rig rig;
static struct rig_client *client;

#define MESSAGE(type, name)                                                              \
    struct dh_##type name;                                                               \
    dh_message_init(&dh_##type##_type, &(name))

static int set_up(void **state)
{
    (void)state;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    command_does(&rig, "topic create t partitions=3 replication=2");
    command_does(&rig, "leader t 0 1");
    command_does(&rig, "leader t 1 1");
    command_does(&rig, "leader t 2 1");
    client = rig_connect(&rig, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

// ---- Requests ----

static void send_heartbeat(struct rig_client *from, const char *group, const char *member)
{
    MESSAGE(heartbeat_request, request);
    request.group_id = dh_bytes_of(group);
    request.member_id = dh_bytes_of(member);
    rig_send(&rig, from, DH_API_HEARTBEAT, 3, &request);
}

// What a heartbeat is answered without a fault.
#define USUAL DH_BROKER_NOT_COORDINATOR

static int16_t beat(struct rig_client *from, const char *group, const char *member)
{
    send_heartbeat(from, group, member);
    const struct dh_heartbeat_response *response = rig_receive(&rig, from);
    assert_non_null(response);
    return response->error_code;
}

// Sends one that is not answered, and says whether its connection was closed.
static bool is_closed_by_heartbeat(void)
{
    send_heartbeat(client, "g", "m");
    assert_null(rig_receive(&rig, client));
    return client->is_closed;
}

static const struct dh_fetch_response *fetch(struct rig_client *from, int32_t session_id,
                                             int32_t epoch, int32_t partition_count)
{
    struct dh_fetch_request_topic_partition rows[3];
    struct dh_fetch_request_topic topic;
    MESSAGE(fetch_request, request);
    dh_struct_init(&dh_fetch_request_topic_struct, &topic);
    for (int32_t i = 0; i < partition_count; i++) {
        dh_struct_init(&dh_fetch_request_topic_partition_struct, &rows[i]);
        rows[i].partition = i;
        rows[i].partition_max_bytes = 1 << 20;
    }
    topic.topic = DH_BYTES("t");
    topic.partitions.items = rows;
    topic.partitions.count = partition_count;
    request.replica_id = -1;
    request.session_id = session_id;
    request.session_epoch = epoch;
    request.topics.items = &topic;
    request.topics.count = partition_count > 0 ? 1 : 0;
    rig_send(&rig, from, DH_API_FETCH, 12, &request);
    return rig_receive(&rig, from);
}

static const struct dh_fetch_response_response_partition *
row_of(const struct dh_fetch_response *response, int32_t partition)
{
    assert_non_null(response);
    for (int32_t i = 0; i < response->responses.count; i++) {
        const struct dh_fetch_response_response *topic = &response->responses.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            if (topic->partitions.items[j].partition_index == partition) {
                return &topic->partitions.items[j];
            }
        }
    }
    return NULL;
}

// ---- Matches ----

static void errors_are_where_they_would_arise(void **state)
{
    (void)state;
    command_does(&rig, "fill t 0 count=3");
    command_does(&rig, "fill t 1 count=4");
    command_does(&rig, "fault add api=fetch topic=t partition=1 "
                       "error=NOT_LEADER_OR_FOLLOWER count=1");
    const struct dh_fetch_response *response = fetch(client, 0, -1, 3);
    assert_int_equal(0, response->error_code);
    assert_int_equal(0, row_of(response, 0)->error_code);
    assert_true(row_of(response, 0)->records.size > 0);
    assert_int_equal(DH_BROKER_NOT_LEADER_OR_FOLLOWER, row_of(response, 1)->error_code);
    assert_int_equal(0, row_of(response, 1)->records.size);
    assert_int_equal(0, row_of(response, 2)->error_code);
    // It is used up.
    assert_int_equal(0, row_of(fetch(client, 0, -1, 3), 1)->error_code);
    assert_string_equal("id=1 hits=1 seen=2 api=Fetch topic=t partition=1 count=1 "
                        "error=NOT_LEADER_OR_FOLLOWER\n",
                        command_does(&rig, "fault list"));
}

static void partitions_of_a_session_are_found(void **state)
{
    (void)state;
    const struct dh_fetch_response *response = fetch(client, 0, 0, 3);
    int32_t session = response->session_id;
    assert_int_not_equal(0, session);
    // The request names nothing: only the session knows the partition.
    command_does(&rig, "fault add api=fetch topic=t partition=2 "
                       "error=UNKNOWN_LEADER_EPOCH count=1");
    response = fetch(client, session, 1, 0);
    assert_non_null(row_of(response, 2));
    assert_int_equal(DH_BROKER_UNKNOWN_LEADER_EPOCH, row_of(response, 2)->error_code);
    assert_null(row_of(response, 0));
    command_does(&rig, "fault remove all");
    command_does(&rig, "fault add api=fetch topic=t partition=2 drop count=1");
    assert_null(fetch(client, session, 2, 0));
    assert_true(client->is_closed);
    assert_string_equal("fault=2 hits=1\n", command_does(&rig, "wait fault=2 hits=1"));
}

static void a_waiting_fetch_is_decided_once(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=fetch topic=t partition=1 error=1 skip=1 count=1");
    struct dh_fetch_request_topic_partition row;
    struct dh_fetch_request_topic topic;
    MESSAGE(fetch_request, request);
    dh_struct_init(&dh_fetch_request_topic_struct, &topic);
    dh_struct_init(&dh_fetch_request_topic_partition_struct, &row);
    row.partition = 1;
    row.partition_max_bytes = 1 << 20;
    topic.topic = DH_BYTES("t");
    topic.partitions.items = &row;
    topic.partitions.count = 1;
    request.replica_id = -1;
    request.session_epoch = -1;
    request.min_bytes = 1;
    request.max_wait_ms = 10000;
    request.topics.items = &topic;
    request.topics.count = 1;
    rig_send(&rig, client, DH_API_FETCH, 12, &request);
    assert_null(rig_receive(&rig, client));
    // It looks again, and is still the first.
    command_does(&rig, "put t 1 value=v");
    const struct dh_fetch_response *response = rig_receive(&rig, client);
    assert_int_equal(0, row_of(response, 1)->error_code);
    assert_string_equal("id=1 hits=0 seen=1 api=Fetch topic=t partition=1 skip=1 count=1 "
                        "error=OFFSET_OUT_OF_RANGE\n",
                        command_does(&rig, "fault list"));
}

static void requests_are_matched_by_all_that_is_said(void **state)
{
    static const struct {
        bool is_hit;
        const char *match;
    } rows[] = {
        {true, ""},
        {true, "api=heartbeat"},
        {true, "api=HEART_BEAT"},
        {true, "api=12"},
        {true, "api=*"},
        {false, "api=fetch"},
        {true, "node=1"},
        {false, "node=2"},
        {true, "client=rig"},
        {false, "client=ri"},
        {true, "version=3"},
        {false, "version=2"},
        {true, "group=g"},
        {true, "group=*"},
        {false, "group=h"},
        {true, "member=m"},
        {false, "member=n"},
        {true, "api=heartbeat node=1 client=rig version=3 group=g member=m"},
        {false, "api=heartbeat node=1 client=rig version=3 group=g member=n"},
        {false, "topic=t"},
        {false, "partition=0"},
    };

    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        char line[200];
        snprintf(line, sizeof(line), "fault add %s error=COORDINATOR_NOT_AVAILABLE",
                 rows[i].match);
        command_does(&rig, line);
        int16_t code = beat(client, "g", "m");
        if (code != (rows[i].is_hit ? DH_BROKER_COORDINATOR_NOT_AVAILABLE : USUAL)) {
            fail_msg("\"%s\" gives %d", rows[i].match, code);
        }
        command_does(&rig, "fault remove all");
    }
}

static void skip_and_count_are_counted_in_requests(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat error=27 skip=2 count=3");
    static const int16_t expected[] = {USUAL, USUAL, 27, 27, 27, USUAL, USUAL};
    for (size_t i = 0; i < DH_COUNT_OF(expected); i++) {
        assert_int_equal(expected[i], beat(client, "g", "m"));
    }
}

static void chance_comes_from_the_seed(void **state)
{
    (void)state;
    int hits = 0;
    command_does(&rig, "fault add api=heartbeat error=27 probability=0.25");
    for (int i = 0; i < 400; i++) {
        hits += beat(client, "g", "m") == 27;
    }
    assert_in_range(hits, 60, 140);
    command_does(&rig, "fault remove all");
    command_does(&rig, "fault add api=heartbeat error=27 probability=0");
    assert_int_equal(USUAL, beat(client, "g", "m"));
    command_does(&rig, "fault remove 2");
    command_does(&rig, "fault add api=heartbeat error=27 probability=1.0");
    assert_int_equal(27, beat(client, "g", "m"));
}

static void one_group_of_several_has_the_error(void **state)
{
    (void)state;
    command_does(&rig, "fault add group=b error=COORDINATOR_LOAD_IN_PROGRESS");
    dohle_bytes names[] = {DH_BYTES("a"), DH_BYTES("b")};
    MESSAGE(find_coordinator_request, find);
    find.coordinator_keys.items = names;
    find.coordinator_keys.count = 2;
    const struct dh_find_coordinator_response *found =
        rig_ask(&rig, client, DH_API_FIND_COORDINATOR, 4, &find);
    assert_int_equal(0, found->coordinators.items[0].error_code);
    assert_int_equal(14, found->coordinators.items[1].error_code);
    assert_int_equal(-1, found->coordinators.items[1].node_id);

    MESSAGE(describe_groups_request, describe);
    describe.groups.items = names;
    describe.groups.count = 2;
    const struct dh_describe_groups_response *described =
        rig_ask(&rig, client, DH_API_DESCRIBE_GROUPS, 5, &describe);
    assert_int_not_equal(14, described->groups.items[0].error_code);
    assert_int_equal(14, described->groups.items[1].error_code);
    // Nobody else is asked for: refused as a whole.
    describe.groups.items = &names[1];
    describe.groups.count = 1;
    described = rig_ask(&rig, client, DH_API_DESCRIBE_GROUPS, 5, &describe);
    assert_int_equal(14, described->groups.items[0].error_code);
}

// Three partitions at once; the answer.
static const struct dh_offset_commit_response_topic *commit_three(struct rig_client *from,
                                                                  const char *member)
{
    struct dh_offset_commit_request_topic_partition rows[3];
    struct dh_offset_commit_request_topic topic;
    dh_struct_init(&dh_offset_commit_request_topic_struct, &topic);
    for (int32_t i = 0; i < 3; i++) {
        dh_struct_init(&dh_offset_commit_request_topic_partition_struct, &rows[i]);
        rows[i].partition_index = i;
        rows[i].committed_offset = 10;
    }
    topic.name = DH_BYTES("t");
    topic.partitions.items = rows;
    topic.partitions.count = 3;
    MESSAGE(offset_commit_request, request);
    request.group_id = DH_BYTES("g");
    request.member_id = dh_bytes_of(member);
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct dh_offset_commit_response *response =
        rig_ask(&rig, from, DH_API_OFFSET_COMMIT, 8, &request);
    return &response->topics.items[0];
}

static void one_partition_of_a_commit_has_the_error(void **state)
{
    (void)state;
    MESSAGE(find_coordinator_request, find);
    find.key = DH_BYTES("g");
    const struct dh_find_coordinator_response *found =
        rig_ask(&rig, client, DH_API_FIND_COORDINATOR, 3, &find);
    struct rig_client *there = rig_connect(&rig, found->node_id);
    command_does(&rig, "fault add api=offset_commit group=g topic=t partition=1 "
                       "error=OFFSET_METADATA_TOO_LARGE");
    const struct dh_offset_commit_response_topic *topic = commit_three(there, "");
    assert_int_equal(0, topic->partitions.items[0].error_code);
    assert_int_equal(12, topic->partitions.items[1].error_code);
    assert_int_equal(0, topic->partitions.items[2].error_code);
    // It was not committed.
    assert_string_equal("group=g topic=t partition=2 offset=10\n",
                        command_does(&rig, "wait committed group=g topic=t partition=2"));
    command_fails(&rig, DOHLE_ERR_TIMEOUT,
                  "wait committed group=g topic=t partition=1 timeout=0");

    command_does(&rig, "fault remove all");
    command_does(&rig,
                 "fault add api=offset_commit topic=t partition=1 member=m error=12");
    assert_int_equal(12, commit_three(there, "m")->partitions.items[1].error_code);
    assert_int_equal(0, commit_three(there, "n")->partitions.items[1].error_code);
}

static void whole_requests_are_refused_in_every_part(void **state)
{
    (void)state;
    command_does(&rig, "fault add error=THROTTLING_QUOTA_EXCEEDED");
    const struct dh_fetch_response *response = fetch(client, 0, -1, 2);
    assert_non_null(response);
    int32_t partitions[] = {0};
    struct dh_offset_fetch_request_topic topic = {.name = DH_BYTES("t"),
                                                  .partition_indexes = {partitions, 1}};
    MESSAGE(offset_fetch_request, old);
    old.group_id = DH_BYTES("g");
    old.topics.items = &topic;
    old.topics.count = 1;
    const struct dh_offset_fetch_response *fetched =
        rig_ask(&rig, client, DH_API_OFFSET_FETCH, 1, &old);
    assert_int_equal(DH_BROKER_THROTTLING_QUOTA_EXCEEDED,
                     fetched->topics.items[0].partitions.items[0].error_code);
    fetched = rig_ask(&rig, client, DH_API_OFFSET_FETCH, 7, &old);
    assert_int_equal(DH_BROKER_THROTTLING_QUOTA_EXCEEDED, fetched->error_code);
    struct dh_offset_fetch_request_group group;
    dh_struct_init(&dh_offset_fetch_request_group_struct, &group);
    group.group_id = DH_BYTES("g");
    MESSAGE(offset_fetch_request, new);
    new.groups.items = &group;
    new.groups.count = 1;
    fetched = rig_ask(&rig, client, DH_API_OFFSET_FETCH, 8, &new);
    assert_int_equal(DH_BROKER_THROTTLING_QUOTA_EXCEEDED,
                     fetched->groups.items[0].error_code);
}

// ---- Actions ----

static void drop_closes_before_the_request_is_handled(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat drop");
    assert_true(is_closed_by_heartbeat());
    assert_false(client->is_reset);
}

static void reset_sends_an_rst(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat reset");
    assert_true(is_closed_by_heartbeat());
    assert_true(client->is_reset);
}

static void send_produce(int32_t partition, const uint8_t *batch, size_t size)
{
    struct dh_produce_request_topic_data_partition_data row;
    struct dh_produce_request_topic_data topic;
    dh_struct_init(&dh_produce_request_topic_data_partition_data_struct, &row);
    dh_struct_init(&dh_produce_request_topic_data_struct, &topic);
    row.index = partition;
    row.records = (dohle_bytes){batch, size};
    topic.name = DH_BYTES("t");
    topic.partition_data.items = &row;
    topic.partition_data.count = 1;
    MESSAGE(produce_request, request);
    request.acks = -1;
    request.timeout_ms = 1000;
    request.topic_data.items = &topic;
    request.topic_data.count = 1;
    rig_send(&rig, client, DH_API_PRODUCE, 9, &request);
}

// A batch as a producer sends it: of one that was put, with its offset taken back.
static size_t make_batch(uint8_t *batch)
{
    command_does(&rig, "put t 2 value=hello");
    const struct dh_fetch_response_response_partition *row =
        row_of(fetch(client, 0, -1, 3), 2);
    assert_in_range(row->records.size, DH_BATCH_HEADER_SIZE, 200);
    memcpy(batch, row->records.data, row->records.size);
    memset(batch, 0, 8);
    return row->records.size;
}

static void drop_after_loses_the_answer_alone(void **state)
{
    (void)state;
    uint8_t batch[200];
    size_t size = make_batch(batch);
    command_does(&rig, "fault add api=produce topic=t partition=0 drop-after count=1");
    command_does(&rig, "fault add api=produce topic=t partition=1 drop");
    send_produce(0, batch, size);
    assert_null(rig_receive(&rig, client));
    assert_true(client->is_closed);
    client = rig_connect(&rig, 1);
    send_produce(1, batch, size);
    assert_true(client->is_closed);
    command_does(&rig, "wait topic=t partition=0 end=1 timeout=0");
    command_does(&rig, "wait topic=t partition=1 end=0 timeout=0");
}

static void errors_of_produce_append_nothing(void **state)
{
    (void)state;
    uint8_t batch[200];
    size_t size = make_batch(batch);
    command_does(&rig, "fault add api=produce topic=t partition=0 "
                       "error=NOT_LEADER_OR_FOLLOWER count=1");
    send_produce(0, batch, size);
    const struct dh_produce_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(
        DH_BROKER_NOT_LEADER_OR_FOLLOWER,
        response->responses.items[0].partition_responses.items[0].error_code);
    command_does(&rig, "wait topic=t partition=0 end=0 timeout=0");
    send_produce(0, batch, size);
    response = rig_receive(&rig, client);
    assert_int_equal(
        0, response->responses.items[0].partition_responses.items[0].error_code);
}

static void delay_answers_later_and_adds_up(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat delay=100 count=1");
    command_does(&rig, "fault add api=heartbeat delay=50 count=1");
    command_does(&rig, "fault add api=heartbeat error=27 count=1");
    send_heartbeat(client, "g", "m");
    send_heartbeat(client, "g", "m");
    rig_advance(&rig, 149);
    assert_null(rig_receive(&rig, client));
    rig_advance(&rig, 1);
    const struct dh_heartbeat_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(27, response->error_code);
    // What came behind it was not looked at before.
    response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(USUAL, response->error_code);
}

static void a_delayed_answer_is_lost_with_its_connection(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat delay=100");
    send_heartbeat(client, "g", "m");
    rig_disconnect(&rig, client);
    rig_advance(&rig, 200);
}

static void throttle_is_told(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat throttle=100 count=1");
    command_does(&rig, "fault add throttle=11");
    send_heartbeat(client, "g", "m");
    const struct dh_heartbeat_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(111, response->throttle_time_ms);
    assert_int_equal(11, fetch(client, 0, -1, 1)->throttle_time_ms);
}

static void stall_never_answers_again(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat stall count=1");
    assert_false(is_closed_by_heartbeat());
    command_does(&rig, "fault remove all");
    assert_false(is_closed_by_heartbeat());
    rig_advance(&rig, 60000);
    assert_null(rig_receive(&rig, client));
    // Others are served.
    assert_int_equal(USUAL, beat(rig_connect(&rig, 1), "g", "m"));
}

static void hold_ends_with_the_fault(void **state)
{
    (void)state;
    struct rig_client *other = rig_connect(&rig, 1);
    command_does(&rig, "fault add api=heartbeat group=g hold");
    command_does(&rig, "fault add api=heartbeat group=h hold");
    send_heartbeat(client, "g", "m");
    send_heartbeat(other, "h", "m");
    rig_advance(&rig, 60000);
    assert_null(rig_receive(&rig, client));
    command_does(&rig, "fault remove 1");
    const struct dh_heartbeat_response *response = rig_receive(&rig, client);
    assert_non_null(response);
    assert_int_equal(USUAL, response->error_code);
    assert_null(rig_receive(&rig, other));
    rig_disconnect(&rig, other);
    command_does(&rig, "fault remove 2");
}

static void truncated_answers_end_their_connection(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat truncate-answer=6 count=1");
    send_heartbeat(client, "g", "m");
    assert_int_equal(6, client->in.size);
    assert_true(client->is_closed);
    client = rig_connect(&rig, 1);
    command_does(&rig, "fault add api=heartbeat truncate-answer=0 count=1");
    assert_true(is_closed_by_heartbeat());
    client = rig_connect(&rig, 1);
    // More than there is: the whole answer, and then the end.
    command_does(&rig, "fault add api=heartbeat truncate-answer=1000");
    assert_int_equal(USUAL, beat(client, "g", "m"));
    assert_true(client->is_closed);
}

static void corrupt_flips_a_bit_of_the_records(void **state)
{
    (void)state;
    command_does(&rig, "fill t 0 count=10");
    command_does(&rig, "fault add api=fetch corrupt count=5");
    for (int i = 0; i < 6; i++) {
        const struct dh_fetch_response_response_partition *row =
            row_of(fetch(client, 0, -1, 3), 0);
        struct dh_reader reader;
        struct dh_batch batch;
        dh_reader_init(&reader, row->records);
        assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, &batch));
        assert_int_equal(i < 5 ? DOHLE_ERR_CORRUPT : 0, dh_batch_check_crc(&batch));
    }
}

static void corrupt_flips_a_bit_of_any_answer(void **state)
{
    (void)state;
    uint8_t usual[64];
    command_does(&rig, "fault add api=heartbeat corrupt skip=1 count=1");
    size_t size = 0;
    for (int i = 0; i < 2; i++) {
        send_heartbeat(client, "g", "m");
        assert_in_range(client->in.size, 9, sizeof(usual));
        if (i == 0) {
            size = client->in.size;
            memcpy(usual, client->in.data, size);
            assert_non_null(rig_receive(&rig, client));
        }
    }
    assert_int_equal(size, client->in.size);
    int differing = 0;
    for (size_t i = 8; i < size; i++) {
        uint8_t bits = usual[i] ^ client->in.data[i];
        differing += bits != 0;
        assert_int_equal(0, bits & (bits - 1));
    }
    assert_int_equal(1, differing);
}

static void garble_keeps_the_size_alone(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat garble");
    send_heartbeat(client, "g", "m");
    static const uint8_t usual[] = {0, 0, 0, 10, 0, 0, 0, 1};
    assert_int_equal(14, client->in.size);
    assert_memory_equal(usual, client->in.data, 4);
    assert_memory_not_equal(usual + 4, client->in.data + 4, 4);
    assert_false(client->is_closed);
}

static void the_oldest_fault_decides(void **state)
{
    (void)state;
    command_does(&rig, "fault add api=heartbeat error=27 count=1");
    command_does(&rig, "fault add api=heartbeat drop");
    assert_int_equal(27, beat(client, "g", "m"));
    assert_string_equal("id=1 hits=1 seen=1 api=Heartbeat count=1 "
                        "error=REBALANCE_IN_PROGRESS\n"
                        "id=2 hits=0 seen=0 api=Heartbeat drop\n",
                        command_does(&rig, "fault list"));
    assert_true(is_closed_by_heartbeat());
}

// ---- Lines ----

static void faults_are_printed_as_they_were_said(void **state)
{
    static const char *const lines[] = {
        "api=Fetch node=2 version=12 client=c topic=t partition=7 skip=3 drop",
        "api=Fetch count=4 probability=0.250000 error=NOT_LEADER_OR_FOLLOWER",
        "api=LeaveGroup group=\"a b\" member=m delay=10",
        "error=999",
        "throttle=0",
        "drop",
        "drop-after",
        "reset",
        "stall",
        "hold",
        "truncate-answer=4",
        "corrupt",
        "garble",
    };
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(lines); i++) {
        char line[300];
        snprintf(line, sizeof(line), "fault add %s", lines[i]);
        command_does(&rig, line);
        snprintf(line, sizeof(line), "id=%zu hits=0 seen=0 %s\n", i + 1, lines[i]);
        assert_string_equal(line, command_does(&rig, "fault list"));
        command_does(&rig, "fault remove all");
    }
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *line;
        const char *sentence;
    } rows[] = {
        {"fault add api=fetsh drop", "there is no API \"fetsh\"; did you mean Fetch?"},
        {"fault add api=PushTelemetry drop",
         "PushTelemetry is not offered by this broker"},
        {"fault add api=heartbeat topic=t drop", "a request of Heartbeat names no topic"},
        {"fault add api=fetch group=g drop", "a request of Fetch names no group"},
        {"fault add node=3 drop", "node is a number from 1 to 2, not \"3\""},
        {"fault add count=0 drop",
         "count is a number from 1 to 9223372036854775807, not \"0\""},
        {"fault add probability=1.5 drop",
         "probability is a number from 0 to 1, not \"1.5\""},
        {"fault add probability=x drop",
         "probability is a number from 0 to 1, not \"x\""},
        {"fault add error=NOT_A_LEADER_OR_FOLLOWER",
         "error is a name or number of Kafka's, not \"NOT_A_LEADER_OR_FOLLOWER\"; did you "
         "mean NOT_LEADER_OR_FOLLOWER?"},
        {"fault add delay=10 drop", "a fault has one action; this has delay and drop"},
        {"fault add error", "error needs a value: error=..."},
        {"fault add delay=-1", "delay is a number from 0 to 2147483647, not \"-1\""},
        {"fault remove 7", "there is no fault 7"},
        {"fault remove", "ID or all is missing"},
        {"fault remove x", "ID is a number from 1 to 4294967295, not \"x\""},
    };

    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_string_equal(
            rows[i].sentence,
            command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, rows[i].line));
    }
    assert_non_null(strstr(command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, "fault add"),
                           "a fault needs an action; allowed: api, node,"));
    assert_non_null(
        strstr(command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, "fault add topik=t drop"),
               "\"topik\" makes no sense here; allowed: api, node,"));
    assert_string_equal("", command_does(&rig, "fault list"));
}

static void faults_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < DH_BROKER_FAULTS_MAX; i++) {
        command_does(&rig, "fault add api=heartbeat drop");
    }
    assert_string_equal(
        "there are 256 faults already; remove some",
        command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, "fault add drop"));
    command_does(&rig, "fault remove 3");
    assert_string_equal("id=257\n", command_does(&rig, "fault add drop"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(errors_are_where_they_would_arise),
        TEST(partitions_of_a_session_are_found),
        TEST(a_waiting_fetch_is_decided_once),
        TEST(requests_are_matched_by_all_that_is_said),
        TEST(skip_and_count_are_counted_in_requests),
        TEST(chance_comes_from_the_seed),
        TEST(one_group_of_several_has_the_error),
        TEST(one_partition_of_a_commit_has_the_error),
        TEST(whole_requests_are_refused_in_every_part),
        TEST(drop_closes_before_the_request_is_handled),
        TEST(reset_sends_an_rst),
        TEST(drop_after_loses_the_answer_alone),
        TEST(errors_of_produce_append_nothing),
        TEST(delay_answers_later_and_adds_up),
        TEST(a_delayed_answer_is_lost_with_its_connection),
        TEST(throttle_is_told),
        TEST(stall_never_answers_again),
        TEST(hold_ends_with_the_fault),
        TEST(truncated_answers_end_their_connection),
        TEST(corrupt_flips_a_bit_of_the_records),
        TEST(corrupt_flips_a_bit_of_any_answer),
        TEST(garble_keeps_the_size_alone),
        TEST(the_oldest_fault_decides),
        TEST(faults_are_printed_as_they_were_said),
        TEST(what_is_wrong_is_said),
        TEST(faults_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
