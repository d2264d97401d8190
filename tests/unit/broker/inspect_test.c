// SPDX-License-Identifier: MIT
#include "broker/inspect.h"

#include "broker/topics.h"
#include "commands.h"
#include "wire/gen/apis.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/fetch.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/offset_fetch.h"

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    command_does(&rig, "topic create t");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

// "group/member/topic/partition" of each subject.
static bool print_subject(void *ctx, const struct dh_broker_subject *subject)
{
    const dohle_bytes texts[] = {subject->group, subject->member, subject->topic};
    for (size_t i = 0; i < DH_COUNT_OF(texts); i++) {
        dh_buf_append(ctx, texts[i].data, texts[i].size);
        dh_buf_append_byte(ctx, '/');
    }
    dh_buf_printf(ctx, "%d ", (int)subject->partition);
    return true;
}

static void expect(const char *expected, int16_t key, int16_t version, const void *body)
{
    struct dh_buf out;
    dh_buf_init(&out, &rig.memory.allocator, 0);
    dh_broker_inspect_request(rig.broker, dh_api_find(key), version, body, print_subject,
                              &out);
    assert_bytes_equal(dh_bytes_of(expected), dh_buf_view(&out));
    dh_buf_deinit(&out);
}

static void partitions_are_told_one_by_one(void **state)
{
    (void)state;
    struct dh_fetch_request_topic_partition rows[] = {{.partition = 4}, {.partition = 7}};
    struct dh_fetch_request_topic topics[2];
    struct dh_fetch_request request;
    dh_message_init(&dh_fetch_request_type, &request);
    expect("///-1 ", DH_API_FETCH, 12, &request); // nothing, told once
    for (size_t i = 0; i < 2; i++) {
        dh_struct_init(&dh_fetch_request_topic_struct, &topics[i]);
        topics[i].partitions.items = rows;
        topics[i].partitions.count = 2 - (int32_t)i;
    }
    topics[0].topic = DH_BYTES("a");
    topics[1].topic = DH_BYTES("b");
    request.topics.items = topics;
    request.topics.count = 2;
    expect("//a/4 //a/7 //b/4 ", DH_API_FETCH, 12, &request);
    // By ids: one is known, one not.
    topics[0].topic_id = dh_broker_topics_find(rig.broker, DH_BYTES("t"))->id;
    topics[1].topic_id.bytes[3] = 1;
    expect("//t/4 //t/7 ///4 ", DH_API_FETCH, 13, &request);
}

static void groups_and_members_are_told(void **state)
{
    (void)state;
    struct dh_join_group_request_protocol protocol = {.name = DH_BYTES("range")};
    struct dh_join_group_request join;
    dh_message_init(&dh_join_group_request_type, &join);
    join.group_id = DH_BYTES("g");
    join.member_id = DH_BYTES("m");
    join.protocols.items = &protocol;
    join.protocols.count = 1;
    expect("g/m//-1 ", DH_API_JOIN_GROUP, 5, &join);

    struct dh_leave_group_request_member members[] = {{.member_id = DH_BYTES("m")},
                                                      {.member_id = DH_BYTES("n")}};
    struct dh_leave_group_request leave;
    dh_message_init(&dh_leave_group_request_type, &leave);
    leave.group_id = DH_BYTES("g");
    leave.members.items = members;
    leave.members.count = 2;
    expect("g/m//-1 g/n//-1 ", DH_API_LEAVE_GROUP, 4, &leave);

    dohle_bytes names[] = {DH_BYTES("g"), DH_BYTES("h")};
    struct dh_describe_groups_request describe;
    dh_message_init(&dh_describe_groups_request_type, &describe);
    describe.groups.items = names;
    describe.groups.count = 2;
    expect("g///-1 h///-1 ", DH_API_DESCRIBE_GROUPS, 4, &describe);
}

static void groups_with_partitions_are_told(void **state)
{
    (void)state;
    int32_t partitions[] = {1, 2};
    struct dh_offset_fetch_request_group_topic topic = {
        .name = DH_BYTES("a"), .partition_indexes = {partitions, 2}};
    struct dh_offset_fetch_request_group groups[] = {
        {.group_id = DH_BYTES("g"), .member_id = DH_BYTES("m"), .topics = {&topic, 1}},
        {.group_id = DH_BYTES("h"), .topics = {NULL, -1}},
    };
    struct dh_offset_fetch_request request;
    dh_message_init(&dh_offset_fetch_request_type, &request);
    request.groups.items = groups;
    request.groups.count = 2;
    expect("g/m/a/1 g/m/a/2 h///-1 ", DH_API_OFFSET_FETCH, 9, &request);
}

static void names_of_other_things_are_no_topics(void **state)
{
    (void)state;
    struct dh_create_topics_request_topic_config config = {.name = DH_BYTES("x")};
    struct dh_create_topics_request_topic topic = {.name = DH_BYTES("new"),
                                                   .configs = {&config, 1}};
    struct dh_create_topics_request create;
    dh_message_init(&dh_create_topics_request_type, &create);
    create.topics.items = &topic;
    create.topics.count = 1;
    expect("//new/-1 ", DH_API_CREATE_TOPICS, 5, &create);

    dohle_bytes names[] = {DH_BYTES("a"), DH_BYTES("b")};
    struct dh_delete_topics_request delete;
    dh_message_init(&dh_delete_topics_request_type, &delete);
    delete.topic_names.items = names;
    delete.topic_names.count = 2;
    expect("//a/-1 //b/-1 ", DH_API_DELETE_TOPICS, 5, &delete);
}

static bool take_one(void *ctx, const struct dh_broker_subject *subject)
{
    (void)subject;
    (*(int *)ctx)++;
    return false;
}

static void a_walk_can_be_stopped(void **state)
{
    (void)state;
    int told = 0;
    dohle_bytes names[] = {DH_BYTES("g"), DH_BYTES("h")};
    struct dh_describe_groups_request describe;
    dh_message_init(&dh_describe_groups_request_type, &describe);
    describe.groups.items = names;
    describe.groups.count = 2;
    dh_broker_inspect_request(rig.broker, dh_api_find(DH_API_DESCRIBE_GROUPS), 4,
                              &describe, take_one, &told);
    assert_int_equal(1, told);
}

static void apis_are_about_what_they_name(void **state)
{
    static const struct {
        unsigned about;
        int16_t key;
    } rows[] = {
        {DH_BROKER_ABOUT_TOPIC | DH_BROKER_ABOUT_PARTITION, DH_API_FETCH},
        {DH_BROKER_ABOUT_TOPIC | DH_BROKER_ABOUT_PARTITION, DH_API_PRODUCE},
        {DH_BROKER_ABOUT_TOPIC, DH_API_METADATA},
        {DH_BROKER_ABOUT_GROUP | DH_BROKER_ABOUT_MEMBER, DH_API_HEARTBEAT},
        {DH_BROKER_ABOUT_GROUP, DH_API_FIND_COORDINATOR},
        {DH_BROKER_ABOUT_GROUP | DH_BROKER_ABOUT_MEMBER | DH_BROKER_ABOUT_TOPIC |
             DH_BROKER_ABOUT_PARTITION,
         DH_API_OFFSET_COMMIT},
        {0, DH_API_API_VERSIONS},
        {0, DH_API_LIST_GROUPS},
    };

    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].about,
                         dh_broker_inspect_about(dh_api_find(rows[i].key)));
    }
}

// Whatever a request holds, the walk ends and stays inside.
static void random_requests_are_walked(void **state)
{
    (void)state;
    struct dh_random random = {.state = 1};
    for (size_t i = 0; i < dh_api_count; i++) {
        const struct dh_message_type *type = dh_apis[i].request;
        for (int16_t version = type->versions.min; version <= type->versions.max;
             version++) {
            struct dh_arena arena;
            struct dh_buf out;
            int16_t codes[2];
            dh_arena_init(&arena, &rig.memory.allocator, 0);
            dh_buf_init(&out, &rig.memory.allocator, 0);
            void *body = dh_arena_alloc(&arena, type->body.size);
            assert_non_null(body);
            assert_int_equal(0,
                             dh_message_randomise(type, version, &random, &arena, body));
            dh_broker_inspect_request(rig.broker, &dh_apis[i], version, body,
                                      print_subject, &out);
            assert_true(out.size > 0);
            const struct dh_message_type *answer = dh_apis[i].response;
            body = dh_arena_alloc(&arena, answer->body.size);
            assert_non_null(body);
            assert_int_equal(
                0, dh_message_randomise(answer, version, &random, &arena, body));
            assert_in_range(dh_broker_inspect_codes(&dh_apis[i], version, body, codes, 2),
                            0, 2);
            dh_buf_deinit(&out);
            dh_arena_deinit(&arena);
        }
    }
}

static void codes_are_told_once(void **state)
{
    (void)state;
    struct dh_fetch_response_response_partition rows[4];
    struct dh_fetch_response_response topic;
    struct dh_fetch_response response;
    int16_t codes[3];
    dh_message_init(&dh_fetch_response_type, &response);
    dh_struct_init(&dh_fetch_response_response_struct, &topic);
    static const int16_t given[] = {6, 0, 6, 3};
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        dh_struct_init(&dh_fetch_response_response_partition_struct, &rows[i]);
        rows[i].error_code = given[i];
    }
    rows[1].records = DH_BYTES("first");
    rows[3].records = DH_BYTES("second");
    topic.partitions.items = rows;
    topic.partitions.count = 4;
    response.responses.items = &topic;
    response.responses.count = 1;
    const struct dh_api *fetch = dh_api_find(DH_API_FETCH);
    assert_int_equal(2, dh_broker_inspect_codes(fetch, 12, &response, codes, 3));
    assert_int_equal(6, codes[0]);
    assert_int_equal(3, codes[1]);
    assert_int_equal(1, dh_broker_inspect_codes(fetch, 12, &response, codes, 1));
    assert_bytes_equal(DH_BYTES("first"),
                       dh_broker_inspect_records(fetch, 12, &response, 0));
    assert_bytes_equal(DH_BYTES("second"),
                       dh_broker_inspect_records(fetch, 12, &response, 1));
    assert_null(dh_broker_inspect_records(fetch, 12, &response, 2).data);
}

static void apis_are_found_by_name(void **state)
{
    (void)state;
    const char *similar;
    assert_int_equal(DH_API_JOIN_GROUP,
                     dh_broker_inspect_api(DH_BYTES("join-group"), &similar)->key);
    assert_int_equal(DH_API_JOIN_GROUP,
                     dh_broker_inspect_api(DH_BYTES("JoinGroup"), &similar)->key);
    assert_int_equal(DH_API_JOIN_GROUP,
                     dh_broker_inspect_api(DH_BYTES("11"), &similar)->key);
    assert_null(dh_broker_inspect_api(DH_BYTES("4"), &similar));
    assert_null(similar);
    assert_null(dh_broker_inspect_api(DH_BYTES("joingrop"), &similar));
    assert_string_equal("JoinGroup", similar);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(partitions_are_told_one_by_one),  TEST(groups_and_members_are_told),
        TEST(groups_with_partitions_are_told), TEST(names_of_other_things_are_no_topics),
        TEST(a_walk_can_be_stopped),           TEST(apis_are_about_what_they_name),
        TEST(random_requests_are_walked),      TEST(codes_are_told_once),
        TEST(apis_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
