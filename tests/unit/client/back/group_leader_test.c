// SPDX-License-Identifier: MIT
#include "client/back/group_leader.h"

#include "net_rig.h"

#include "client/back/consumer_protocol.h"

// Topics t (3 partitions) and u (1), known to the cluster.
static void given_cluster(struct net_rig *rig)
{
    rig_init(rig, "one:9092", NULL);
    peer_add_node(&rig->peer, 1, "one", 9092);
    peer_add_topic(&rig->peer, "t", 3, 1);
    peer_add_topic(&rig->peer, "u", 1, 1);
    assert_int_equal(0, dh_cluster_want(rig->cluster, "t", rig->peer.now_ns));
    assert_int_equal(0, dh_cluster_want(rig->cluster, "u", rig->peer.now_ns));
    assert_int_equal(0, dh_cluster_want(rig->cluster, "x", rig->peer.now_ns));
    peer_run(&rig->peer, 1000 * DH_MS);
}

#define T_ONLY  DH_BYTES("\0\0\0\0\0\1\0\1t\xff\xff\xff\xff")
#define T_AND_U DH_BYTES("\0\0\0\0\0\2\0\1u\0\1t\xff\xff\xff\xff")
#define X_ONLY  DH_BYTES("\0\0\0\0\0\1\0\1x\xff\xff\xff\xff")

static struct dh_join_group_response_member member(const char *id, dohle_bytes blob)
{
    struct dh_join_group_response_member told;
    dh_struct_init(&dh_join_group_response_member_struct, &told);
    told.member_id = dh_bytes_of(id);
    told.metadata = blob;
    return told;
}

static int take(struct dh_group_leader *leader, int32_t generation, int32_t before,
                struct dh_join_group_response_member *members, int32_t count,
                char *change, size_t change_size)
{
    struct dh_join_group_response response;
    dh_message_init(&dh_join_group_response_type, &response);
    response.generation_id = generation;
    response.members.items = members;
    response.members.count = count;
    return dh_group_leader_take(leader, &response, before, change, change_size);
}

// CL-007, AS-010, AS-012: the union of topics, unknown ones left out, a blob for each.
static void test_every_member_is_assigned(void **state)
{
    (void)state;
    struct net_rig rig;
    given_cluster(&rig);
    struct dh_group_leader leader;
    dh_group_leader_init(&leader, &rig.memory.allocator);
    assert_false(dh_group_leader_is_leading(&leader));
    struct dh_join_group_response_member members[] = {
        member("b", T_AND_U), member("a", T_ONLY), member("c", X_ONLY)};
    char change[100];
    assert_int_equal(0, take(&leader, 1, -1, members, 3, change, sizeof(change)));
    assert_string_equal("", change);
    assert_int_equal(3, leader.view->topic_count);
    assert_bytes_equal(DH_BYTES("t"), leader.view->topics[0].name);
    assert_bytes_equal(DH_BYTES("u"), leader.view->topics[1].name);
    assert_bytes_equal(DH_BYTES("x"), leader.view->topics[2].name);
    assert_int_equal(0, dh_group_leader_assign(
                            &leader, dh_assignor_find(DH_BYTES("range")), rig.cluster));

    const struct {
        const char *id;
        dohle_bytes blob;
    } rows[] = {
        // Range: a comes before b, so it gets two of t's three.
        {"b", DH_BYTES("\0\3\0\0\0\2\0\1t\0\0\0\1\0\0\0\2\0\1u\0\0\0\1\0\0\0\0"
                       "\xff\xff\xff\xff")},
        {"a", DH_BYTES("\0\3\0\0\0\1\0\1t\0\0\0\2\0\0\0\0\0\0\0\1\xff\xff\xff\xff")},
        {"c", DH_BYTES("\0\3\0\0\0\0\xff\xff\xff\xff")},
    };

    assert_int_equal(3, leader.assignment_count);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_bytes_equal(dh_bytes_of(rows[i].id), leader.assignments[i].member_id);
        assert_bytes_equal(rows[i].blob, leader.assignments[i].assignment);
    }
    dh_group_leader_deinit(&leader);
    rig_deinit(&rig);
}

static void test_who_joined_and_who_left(void **state)
{
    (void)state;

    static const struct {
        const char *before; // one letter a member
        const char *after;
        int32_t generation_before; // of the member; the first round was 1
        size_t size;
        const char *change;
    } rows[] = {
        {"a", "ab", 1, 100, "member b joined"},
        {"ab", "a", 1, 100, "member b left"},
        {"abc", "ade", 1, 100, "member b and 1 more left, member d and 1 more joined"},
        {"ab", "ab", 1, 100, ""},
        {"a", "ab", 7, 100, ""}, // another led in between
        {"ab", "cd", 1, 20, "member a and 1 more"},
        {"ab", "cd", 1, 1, ""},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct test_memory memory;
        test_memory_init(&memory);
        struct dh_group_leader leader;
        dh_group_leader_init(&leader, &memory.allocator);
        char change[100];
        for (int32_t round = 1; round <= 2; round++) {
            const char *ids = round == 1 ? rows[i].before : rows[i].after;
            char names[8][2];
            struct dh_join_group_response_member members[8];
            int32_t count = 0;
            for (; ids[count] != '\0'; count++) {
                names[count][0] = ids[count];
                names[count][1] = '\0';
                members[count] = member(names[count], T_ONLY);
            }
            assert_int_equal(0, take(&leader, round,
                                     round == 1 ? -1 : rows[i].generation_before, members,
                                     count, change, rows[i].size));
        }
        assert_string_equal(rows[i].change, change);
        dh_group_leader_deinit(&leader);
        assert_int_equal(0, memory.bytes);
    }
}

static void test_members_that_make_no_sense(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct dh_group_leader leader;
    dh_group_leader_init(&leader, &memory.allocator);
    char change[10];
    struct dh_join_group_response_member broken[] = {member("a", T_ONLY),
                                                     member("b", DH_BYTES("\0"))};
    assert_int_equal(DOHLE_ERR_PROTOCOL,
                     take(&leader, 1, -1, broken, 2, change, sizeof(change)));
    assert_false(dh_group_leader_is_leading(&leader));
    struct dh_join_group_response_member twice[] = {member("a", T_ONLY),
                                                    member("a", T_ONLY)};
    assert_int_equal(DOHLE_ERR_PROTOCOL,
                     take(&leader, 1, -1, twice, 2, change, sizeof(change)));
    int err = DOHLE_ERR_NO_MEMORY;
    for (size_t fail_at = 1; err != 0; fail_at++) {
        assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
        assert_false(dh_group_leader_is_leading(&leader));
        dh_group_leader_deinit(&leader); // an arena would keep its first block
        dh_group_leader_init(&leader, &memory.allocator);
        memory.calls = 0;
        memory.fail_at = fail_at;
        err = take(&leader, 1, -1, broken, 1, change, sizeof(change));
    }
    dh_group_leader_deinit(&leader);
}

// X-059; what the cluster cannot say now has not changed.
static void test_partition_counts_are_watched(void **state)
{
    (void)state;
    struct net_rig rig;
    given_cluster(&rig);
    struct dh_group_leader leader;
    dh_group_leader_init(&leader, &rig.memory.allocator);
    char change[100];
    struct dh_join_group_response_member members[] = {member("a", T_AND_U),
                                                      member("b", X_ONLY)};
    assert_int_equal(0, take(&leader, 1, -1, members, 2, change, sizeof(change)));
    dh_group_leader_look(&leader, rig.cluster);

    static const struct {
        int32_t count;
        int16_t error_code;
        const char *change; // NULL: none
    } rows[] = {
        {3, 0, NULL},
        {4, 0, "the partition count of topic t changed from 3 to 4"},
        {4, 5, NULL},
        {3, 3, "the partition count of topic t changed from 3 to 0"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        rig.peer.topics[0].partition_count = rows[i].count;
        rig.peer.topics[0].leader[3] = 1;
        rig.peer.topics[0].error_code = rows[i].error_code;
        dh_cluster_request_update(rig.cluster, rig.peer.now_ns);
        peer_run(&rig.peer, 3000 * DH_MS);
        bool is_outdated =
            dh_group_leader_is_outdated(&leader, rig.cluster, change, sizeof(change));
        assert_int_equal(rows[i].change != NULL, is_outdated);
        if (is_outdated) {
            assert_string_equal(rows[i].change, change);
        }
    }
    dh_group_leader_forget(&leader);
    assert_false(
        dh_group_leader_is_outdated(&leader, rig.cluster, change, sizeof(change)));
    dh_group_leader_deinit(&leader);
    dh_outbox_release(&rig.outbox, &rig.memory.allocator);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_member_is_assigned),
        cmocka_unit_test(test_who_joined_and_who_left),
        cmocka_unit_test(test_members_that_make_no_sense),
        cmocka_unit_test(test_partition_counts_are_watched),
    };
    return cmocka_run_group_tests_name("group_leader", tests, NULL, NULL);
}
