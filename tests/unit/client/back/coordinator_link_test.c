// SPDX-License-Identifier: MIT
#include "client/back/coordinator_link.h"

#include "net_rig.h"

// Who is told, and what.
struct listener {
    size_t calls;
    int32_t node_id;
};

static void on_coordinator(void *ctx, int32_t node_id, int64_t now_ns)
{
    (void)now_ns;
    struct listener *listener = ctx;
    listener->calls++;
    listener->node_id = node_id;
}

struct rigged_link {
    struct net_rig rig;
    struct listener listener;
    struct dh_coordinator_link *link;
};

static void link_init(struct rigged_link *self)
{
    rig_init(&self->rig, "one:9092", NULL);
    peer_add_node(&self->rig.peer, 1, "one", 9092);
    peer_add_node(&self->rig.peer, 2, "two", 9092);
    self->rig.peer.coordinator = 2;
    self->listener = (struct listener){.node_id = -7};
    self->link = dh_coordinator_link_new(
        &self->rig.context, self->rig.settings.group_id,
        (struct dh_coordinator_owner){on_coordinator, &self->listener});
    assert_non_null(self->link);
}

static void link_deinit(struct rigged_link *self)
{
    dh_coordinator_link_free(self->link);
    dh_outbox_release(&self->rig.outbox, self->rig.context.mem);
    rig_deinit(&self->rig);
}

static void test_coordinator_is_found_in_every_version(void **state)
{
    (void)state;
    for (int16_t version = 0; version <= 6; version++) {
        struct rigged_link self;
        link_init(&self);
        self.rig.peer.version_max[DH_API_FIND_COORDINATOR] = version;
        assert_int_equal(DH_NODE_NONE,
                         dh_coordinator_want(self.link, self.rig.peer.now_ns));
        peer_run(&self.rig.peer, 1 * DH_MS);
        assert_int_equal(1, self.listener.calls);
        assert_int_equal(2, self.listener.node_id);
        assert_int_equal(2, dh_coordinator_node(self.link));
        assert_int_equal(2, dh_coordinator_want(self.link, self.rig.peer.now_ns));
        // It can be asked although no metadata have named it.
        struct rig_op op;
        rig_op_init(&op, &self.rig, &rig_heartbeat_class);
        rig_op_start(&op, 2, 1000);
        peer_run(&self.rig.peer, 1 * DH_MS);
        assert_int_equal(0, op.err);
        assert_int_equal(2, op.node_id);
        rig_op_deinit(&op);
        link_deinit(&self);
    }
}

// Nobody wants it: nothing is sent.
static void test_nothing_is_sent_before_it_is_wanted(void **state)
{
    (void)state;
    struct rigged_link self;
    link_init(&self);
    peer_run(&self.rig.peer, 10 * DH_SEC);
    assert_int_equal(0, self.rig.peer.connection_count);
    link_deinit(&self);
}

// It is retried until there is one.
static void test_look_up_is_retried(void **state)
{
    (void)state;
    static const int16_t codes[] = {14, 15, 16, -1};
    for (size_t i = 0; i < DH_COUNT_OF(codes); i++) {
        struct rigged_link self;
        link_init(&self);
        self.rig.peer.coordinator_error = codes[i];
        (void)dh_coordinator_want(self.link, self.rig.peer.now_ns);
        peer_run(&self.rig.peer, 10 * DH_SEC);
        assert_int_equal(-7, self.listener.node_id);
        assert_in_range(self.rig.peer.requests[DH_API_FIND_COORDINATOR], 10, 17); // L7
        self.rig.peer.coordinator_error = 0;
        peer_run(&self.rig.peer, 2 * DH_SEC);
        assert_int_equal(2, self.listener.node_id);
        link_deinit(&self);
    }
}

static void test_coordinator_moves(void **state)
{
    (void)state;
    struct rigged_link self;
    link_init(&self);
    (void)dh_coordinator_want(self.link, self.rig.peer.now_ns);
    peer_run(&self.rig.peer, 5 * DH_SEC);
    self.rig.peer.coordinator = 1;
    // News about another node are no news.
    dh_coordinator_lost(self.link, 1, "not it", self.rig.peer.now_ns);
    assert_int_equal(2, dh_coordinator_node(self.link));
    dh_coordinator_lost(self.link, 2, "NOT_COORDINATOR", self.rig.peer.now_ns);
    assert_int_equal(DH_NODE_NONE, dh_coordinator_node(self.link));
    peer_run(&self.rig.peer, 5 * DH_SEC);
    assert_int_equal(1, self.listener.calls); // nobody wants it so far
    (void)dh_coordinator_want(self.link, self.rig.peer.now_ns);
    peer_run(&self.rig.peer, 1 * DH_MS);
    assert_int_equal(2, self.listener.calls);
    assert_int_equal(1, self.listener.node_id);
    link_deinit(&self);
}

// L7: who finds the same wrong node again and again asks less and less often.
static void test_flapping_coordinator_is_looked_up_rarely(void **state)
{
    (void)state;
    struct rigged_link self;
    link_init(&self);
    for (int ms = 0; ms < 10000; ms += 10) {
        int32_t node_id = dh_coordinator_want(self.link, self.rig.peer.now_ns);
        dh_coordinator_lost(self.link, node_id, "NOT_COORDINATOR", self.rig.peer.now_ns);
        peer_run(&self.rig.peer, 10 * DH_MS);
    }
    assert_in_range(self.rig.peer.requests[DH_API_FIND_COORDINATOR], 8, 18);
    link_deinit(&self);
}

// GROUP_AUTHORIZATION_FAILED: the application and those who wait are told; access that is
// granted later is found.
static void test_refusal_is_told(void **state)
{
    (void)state;
    struct rigged_link self;
    link_init(&self);
    self.rig.peer.coordinator_error = 30;
    (void)dh_coordinator_want(self.link, self.rig.peer.now_ns);
    peer_run(&self.rig.peer, 1 * DH_SEC);
    assert_int_equal(DH_NODE_NONE, self.listener.node_id);
    const dohle_error_info *error = dh_coordinator_error(self.link);
    assert_non_null(error);
    assert_int_equal(DOHLE_ERR_GROUP_AUTHORIZATION, error->code);
    assert_int_equal(30, error->broker_code);
    // One notice, though it was refused several times since nobody has taken it.
    assert_true(self.listener.calls > 1);
    struct dh_link *link = dh_list_pop_front(&self.rig.outbox.messages);
    assert_non_null(link);
    assert_null(dh_list_first(&self.rig.outbox.messages));
    struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
    assert_int_equal(DH_NOTICE_ERROR, message->kind);
    dh_outbox_on_error_returned(
        &self.rig.outbox, self.rig.context.mem,
        DH_CONTAINER_OF(message, struct dh_notice_error, message));
    self.rig.peer.coordinator_error = 0;
    peer_run(&self.rig.peer, 2 * DH_SEC);
    assert_int_equal(2, self.listener.node_id);
    assert_null(dh_coordinator_error(self.link));
    link_deinit(&self);
}

// Nothing goes on after it was closed.
static void test_close_stops_it(void **state)
{
    (void)state;
    struct rigged_link self;
    link_init(&self);
    self.rig.peer.coordinator_error = 15;
    (void)dh_coordinator_want(self.link, self.rig.peer.now_ns);
    peer_run(&self.rig.peer, 50 * DH_MS);
    dh_coordinator_link_close(self.link);
    size_t requests = self.rig.peer.requests[DH_API_FIND_COORDINATOR];
    (void)dh_coordinator_want(self.link, self.rig.peer.now_ns);
    peer_run(&self.rig.peer, 10 * DH_SEC);
    assert_int_equal(requests, self.rig.peer.requests[DH_API_FIND_COORDINATOR]);
    link_deinit(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coordinator_is_found_in_every_version),
        cmocka_unit_test(test_nothing_is_sent_before_it_is_wanted),
        cmocka_unit_test(test_look_up_is_retried),
        cmocka_unit_test(test_coordinator_moves),
        cmocka_unit_test(test_flapping_coordinator_is_looked_up_rarely),
        cmocka_unit_test(test_refusal_is_told),
        cmocka_unit_test(test_close_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
