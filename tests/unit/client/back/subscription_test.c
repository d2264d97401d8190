// SPDX-License-Identifier: MIT
#include "client/back/subscription.h"

#include "net_rig.h"

static const char *const names_ab[] = {"a", "b"};
static const char *const names_bc[] = {"b", "c"};

static void given_cluster(struct net_rig *rig)
{
    rig_init(rig, "one:9092", NULL);
    peer_add_node(&rig->peer, 1, "one", 9092);
    static const char *const topics[] = {"b", "a",      "ab",
                                         "c", "secret", "__consumer_offsets"};
    for (size_t i = 0; i < DH_COUNT_OF(topics); i++) {
        peer_add_topic(&rig->peer, topics[i], 1, 1);
    }
    rig->peer.topics[4].error_code = 29;
    rig->peer.topics[5].is_internal = true;
}

static int set(struct net_rig *rig, struct dh_subscription *subscription,
               const char *pattern, const char *const *topics, uint32_t count,
               bool *is_changed)
{
    struct dh_command_subscribe command = {
        .pattern = pattern, .topics = topics, .topic_count = count};
    return dh_subscription_set(subscription, &command, is_changed, rig->peer.now_ns);
}

// The cluster is asked for what is subscribed, and for nothing else.
static void test_interest_follows_the_names(void **state)
{
    (void)state;
    struct net_rig rig;
    given_cluster(&rig);
    struct dh_subscription subscription;
    dh_subscription_init(&subscription, &rig.memory.allocator, NULL, rig.cluster, true);
    bool is_changed = false;
    assert_int_equal(0, set(&rig, &subscription, NULL, names_ab, 2, &is_changed));
    assert_true(is_changed);
    assert_int_equal(0, set(&rig, &subscription, NULL, names_ab, 2, &is_changed));
    assert_false(is_changed);
    peer_run(&rig.peer, 3000 * DH_MS);
    assert_non_null(dh_cluster_topic(rig.cluster, "a"));
    assert_null(dh_cluster_topic(rig.cluster, "c"));
    assert_true(dh_subscription_has(&subscription, DH_BYTES("a")));
    assert_false(dh_subscription_has(&subscription, DH_BYTES("ab")));
    assert_false(dh_subscription_has(&subscription, DH_BYTES("")));
    assert_int_equal(0, set(&rig, &subscription, NULL, names_bc, 2, &is_changed));
    assert_true(is_changed);
    peer_run(&rig.peer, 3000 * DH_MS);
    assert_non_null(dh_cluster_topic(rig.cluster, "c"));
    assert_false(dh_subscription_has(&subscription, DH_BYTES("a")));
    dh_subscription_clear(&subscription, rig.peer.now_ns);
    assert_false(subscription.is_set);
    assert_false(dh_subscription_has(&subscription, DH_BYTES("b")));
    dh_subscription_deinit(&subscription);
    rig_deinit(&rig);
}

// the whole name; no internal topics unless wanted; none with an error.
static void test_what_a_pattern_stands_for(void **state)
{
    (void)state;

    static const struct {
        const char *pattern;
        bool is_internal_excluded;
        const char *names; // joined by a blank
    } rows[] = {
        {"a", true, "a"},         {"a.*", true, "a ab"},
        {".*", true, "a ab b c"}, {".*", false, "__consumer_offsets a ab b c"},
        {"c|b", true, "b c"},     {"secret", true, ""},
        {"x", true, ""},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct net_rig rig;
        given_cluster(&rig);
        struct dh_subscription subscription;
        dh_subscription_init(&subscription, &rig.memory.allocator, NULL, rig.cluster,
                             rows[i].is_internal_excluded);
        bool is_changed = false;
        assert_int_equal(0,
                         set(&rig, &subscription, rows[i].pattern, NULL, 0, &is_changed));
        assert_int_equal(0, subscription.names.count);
        peer_run(&rig.peer, 3000 * DH_MS);
        assert_int_equal(0, dh_subscription_refresh(&subscription, &is_changed));
        assert_int_equal(rows[i].names[0] != '\0', is_changed);
        char names[100] = "";
        size_t size = 0;
        for (size_t j = 0; j < subscription.names.count; j++) {
            size += (size_t)snprintf(names + size, sizeof(names) - size, "%s%s",
                                     j > 0 ? " " : "", subscription.names.items[j]);
        }
        assert_string_equal(rows[i].names, names);
        assert_int_equal(0, dh_subscription_refresh(&subscription, &is_changed));
        assert_false(is_changed);
        dh_subscription_clear(&subscription, rig.peer.now_ns);
        dh_subscription_deinit(&subscription);
        dh_outbox_release(&rig.outbox, &rig.memory.allocator);
        rig_deinit(&rig);
    }
}

static void test_a_bad_pattern_changes_nothing(void **state)
{
    (void)state;
    struct net_rig rig;
    given_cluster(&rig);
    struct dh_subscription subscription;
    dh_subscription_init(&subscription, &rig.memory.allocator, NULL, rig.cluster, true);
    bool is_changed = false;
    assert_int_equal(0, set(&rig, &subscription, NULL, names_ab, 2, &is_changed));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     set(&rig, &subscription, "(", NULL, 0, &is_changed));
    assert_true(dh_subscription_has(&subscription, DH_BYTES("a")));
    rig.memory.fail_at = rig.memory.calls + 1;
    assert_int_equal(DOHLE_ERR_NO_MEMORY,
                     set(&rig, &subscription, NULL, names_bc, 2, &is_changed));
    rig.memory.fail_at = 0;
    assert_true(dh_subscription_has(&subscription, DH_BYTES("a")));
    dh_subscription_clear(&subscription, rig.peer.now_ns);
    dh_subscription_deinit(&subscription);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interest_follows_the_names),
        cmocka_unit_test(test_what_a_pattern_stands_for),
        cmocka_unit_test(test_a_bad_pattern_changes_nothing),
    };
    return cmocka_run_group_tests_name("subscription", tests, NULL, NULL);
}
