// SPDX-License-Identifier: MIT
#include "client/admin/admin_engine.h"

#include "../scripted_peer.h"

#include <dohle/config.h>

#include "client/back/requests.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/metadata.h"

struct rig {
    struct test_memory memory;
    struct dh_settings settings;
    struct dh_admin_engine *engine;
    struct scripted_peer peer;
    bool is_silent;
    int32_t asked_node; // who was asked for groups
    int16_t version;
};

static bool next_action(void *engine, struct dh_action *action, int64_t now_ns)
{
    (void)now_ns;
    return dh_admin_engine_next_action(engine, action);
}

static void on_resolved(void *engine, uint32_t id, const struct dh_address *addresses,
                        size_t count, int err, const char *text, int64_t now_ns)
{
    dh_admin_engine_on_resolved(engine, id, addresses, count, err, text, now_ns);
}

static void on_connected(void *engine, uint32_t id, int64_t now_ns)
{
    dh_admin_engine_on_connected(engine, id, now_ns);
}

static void on_closed(void *engine, uint32_t id, int err, const char *text,
                      int64_t now_ns)
{
    dh_admin_engine_on_closed(engine, id, err, text, now_ns);
}

static bool receive_buffer(void *engine, uint32_t id, uint8_t **pointer, size_t *capacity)
{
    return dh_admin_engine_receive_buffer(engine, id, pointer, capacity);
}

static void on_received(void *engine, uint32_t id, size_t size, int64_t now_ns)
{
    dh_admin_engine_on_received(engine, id, size, now_ns);
}

static void on_sent(void *engine, uint32_t id, int64_t now_ns)
{
    dh_admin_engine_on_sent(engine, id, now_ns);
}

static int64_t deadline(void *engine)
{
    return dh_admin_engine_deadline(engine);
}

static void tick(void *engine, int64_t now_ns)
{
    dh_admin_engine_tick(engine, now_ns);
}

static enum peer_verdict hook(void *ctx, struct peer_request *request, void *response)
{
    (void)response;
    struct rig *rig = ctx;
    if (request->key == DH_API_LIST_GROUPS) {
        rig->asked_node = request->node_id;
        rig->version = request->version;
    }
    return rig->is_silent && request->key != DH_API_API_VERSIONS ? PEER_SILENT
                                                                 : PEER_SERVE;
}

static int try_set_up(struct rig *rig, size_t fail_at)
{
    memset(rig, 0, sizeof(*rig));
    test_memory_init(&rig->memory);
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", "one:9092"));
    assert_int_equal(0, dh_settings_resolve(&rig->settings, dh_mem_default(), config,
                                            DH_ROLE_ADMIN, 1, NULL));
    dohle_config_free(config);
    struct peer_engine calls = {
        .next_action = next_action,
        .on_resolved = on_resolved,
        .on_connected = on_connected,
        .on_closed = on_closed,
        .receive_buffer = receive_buffer,
        .on_received = on_received,
        .on_sent = on_sent,
        .deadline = deadline,
        .tick = tick,
    };
    peer_init(&rig->peer, &calls);
    rig->peer.hook = hook;
    rig->peer.hook_ctx = rig;
    peer_add_node(&rig->peer, 1, "one", 9092);
    peer_add_node(&rig->peer, 2, "two", 9092);
    peer_add_topic(&rig->peer, "t", 3, 2);
    rig->peer.coordinator = 2;
    rig->memory.fail_at = fail_at;
    const struct dh_admin_engine_options options = {
        .mem = &rig->memory.allocator,
        .settings = &rig->settings,
        .seed = 3,
        .now_ns = rig->peer.now_ns,
    };
    rig->engine = dh_admin_engine_new(&options);
    rig->peer.engine.engine = rig->engine;
    return rig->engine == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

static void set_up(struct rig *rig)
{
    assert_int_equal(0, try_set_up(rig, 0));
}

static void tear_down(struct rig *rig)
{
    dh_admin_engine_free(rig->engine);
    dh_settings_deinit(&rig->settings);
    peer_deinit(&rig->peer);
    assert_int_equal(0, rig->memory.bytes);
}

// A call with an empty request. NULL: no memory.
static struct dh_admin_call *new_call(struct rig *rig, int32_t node_id, int16_t api_key)
{
    struct dh_admin_call *call = dh_admin_call_new(&rig->memory.allocator);
    if (call == NULL) {
        return NULL;
    }
    const struct dh_message_type *type = dh_api_find(api_key)->request;
    void *request = dh_arena_alloc(&call->arena, type->body.size);
    if (request == NULL) {
        dh_admin_call_free(&rig->memory.allocator, &call->message);
        return NULL;
    }
    dh_message_init(type, request);
    if (api_key == DH_API_METADATA) {
        ((struct dh_metadata_request *)request)->topics.count = -1;
    }
    call->request = request;
    call->node_id = node_id;
    call->api_key = api_key;
    call->deadline_ns = dh_deadline_after_ms(rig->peer.now_ns, 1000);
    return call;
}

// Sends the call; it must be back after that time.
static void expect_answer(struct rig *rig, struct dh_admin_call *call, int64_t after_ms)
{
    assert_non_null(call);
    dh_admin_engine_input(rig->engine, &call->message, rig->peer.now_ns);
    if (after_ms > 0) {
        peer_run(&rig->peer, (after_ms - 1) * DH_MS);
        assert_null(dh_admin_engine_next_event(rig->engine));
    }
    peer_run(&rig->peer, 1 * DH_MS);
    assert_ptr_equal(&call->message, dh_admin_engine_next_event(rig->engine));
    assert_null(dh_admin_engine_next_event(rig->engine));
}

static void drop(struct rig *rig, struct dh_admin_call *call)
{
    dh_admin_call_free(&rig->memory.allocator, &call->message);
}

static void answers_live_as_long_as_their_call(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    struct dh_admin_call *call = new_call(&rig, DH_NODE_ANY, DH_API_METADATA);
    expect_answer(&rig, call, 0);
    assert_int_equal(0, call->err);
    struct dh_admin_call *other = new_call(&rig, DH_NODE_ANY, DH_API_METADATA);
    expect_answer(&rig, other, 0);

    const struct dh_metadata_response *response = call->response;
    assert_int_equal(1, response->topics.count);
    assert_bytes_equal(DH_BYTES("t"), response->topics.items[0].name);
    assert_int_equal(3, response->topics.items[0].partitions.count);
    drop(&rig, other);
    drop(&rig, call);
    tear_down(&rig);
}

// Brokers become known by what passes through.
static void brokers_are_learned(void **state)
{
    (void)state;
    static const int16_t teachers[] = {DH_API_METADATA, DH_API_FIND_COORDINATOR};
    for (size_t i = 0; i < DH_COUNT_OF(teachers); i++) {
        struct rig rig;
        set_up(&rig);
        struct dh_admin_call *call = new_call(&rig, 2, DH_API_LIST_GROUPS);
        expect_answer(&rig, call, 0);
        assert_int_equal(DOHLE_ERR_CONNECT, call->err); // nobody knows node 2
        drop(&rig, call);

        call = new_call(&rig, DH_NODE_ANY, teachers[i]);
        call->version_max = 3; // FindCoordinator for one key
        expect_answer(&rig, call, 0);
        assert_int_equal(0, call->err);
        drop(&rig, call);

        call = new_call(&rig, 2, DH_API_LIST_GROUPS);
        expect_answer(&rig, call, 0);
        assert_int_equal(0, call->err);
        assert_int_equal(2, call->answered_by);
        assert_int_equal(2, rig.asked_node);
        drop(&rig, call);
        tear_down(&rig);
    }
}

static void a_call_may_bound_the_version(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    struct dh_admin_call *call = new_call(&rig, DH_NODE_ANY, DH_API_LIST_GROUPS);
    call->version_max = 2;
    expect_answer(&rig, call, 0);
    assert_int_equal(2, rig.version);
    assert_int_equal(2, call->version);
    drop(&rig, call);
    tear_down(&rig);
}

static void a_call_comes_back_by_its_deadline(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig rig;
        set_up(&rig);
        if (i == 0) {
            rig.is_silent = true;
        } else {
            rig.peer.nodes[0].reach[0] = PEER_HANGS;
        }
        struct dh_admin_call *call = new_call(&rig, DH_NODE_ANY, DH_API_LIST_GROUPS);
        expect_answer(&rig, call, 1000);
        assert_int_equal(DOHLE_ERR_TIMEOUT, call->err);
        assert_non_null(strstr(call->text, "one:9092"));
        drop(&rig, call);
        tear_down(&rig);
    }
}

// What is under way at the end is freed with the engine.
static void the_end_frees_what_is_under_way(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    rig.is_silent = true;
    struct dh_admin_call *call = new_call(&rig, DH_NODE_ANY, DH_API_LIST_GROUPS);
    assert_non_null(call);
    dh_admin_engine_input(rig.engine, &call->message, rig.peer.now_ns);
    peer_run(&rig.peer, 10 * DH_MS);
    tear_down(&rig);
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    for (size_t fail_at = 1; fail_at < 80; fail_at++) {
        struct rig rig;
        if (try_set_up(&rig, fail_at) != 0) {
            tear_down(&rig);
            continue;
        }
        struct dh_admin_call *call = new_call(&rig, DH_NODE_ANY, DH_API_METADATA);
        if (call != NULL) {
            dh_admin_engine_input(rig.engine, &call->message, rig.peer.now_ns);
            peer_run(&rig.peer, 1000 * DH_MS);
            assert_ptr_equal(&call->message, dh_admin_engine_next_event(rig.engine));
            assert_int_equal(call->err == 0, call->response != NULL);
            drop(&rig, call);
        }
        // With memory everything works again.
        rig.memory.fail_at = 0;
        peer_run(&rig.peer, 5000 * DH_MS);
        call = new_call(&rig, DH_NODE_ANY, DH_API_METADATA);
        assert_non_null(call);
        dh_admin_engine_input(rig.engine, &call->message, rig.peer.now_ns);
        peer_run(&rig.peer, 1000 * DH_MS);
        assert_ptr_equal(&call->message, dh_admin_engine_next_event(rig.engine));
        assert_int_equal(0, call->err);
        drop(&rig, call);
        tear_down(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_live_as_long_as_their_call),
        cmocka_unit_test(brokers_are_learned),
        cmocka_unit_test(a_call_may_bound_the_version),
        cmocka_unit_test(a_call_comes_back_by_its_deadline),
        cmocka_unit_test(the_end_frees_what_is_under_way),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
