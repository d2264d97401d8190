// SPDX-License-Identifier: MIT
#include "rig.h"

#include "base/bytes.h"
#include "base/time.h"
#include "broker/connections.h"
#include "broker/nodes.h"
#include "wire/envelope.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/metadata.h"

// A frame of that many bytes: ApiVersions v0 with a client id that fills it.
static void send_large(struct rig *rig, struct rig_client *client, size_t size)
{
    char *name = calloc(1, size);
    memset(name, 'x', size);
    struct dh_api_versions_request request = {.node_id = -1};
    int32_t correlation = ++client->correlation_last;
    client->keys[correlation % 64] = DH_API_API_VERSIONS;
    client->versions[correlation % 64] = 0;
    assert_int_equal(
        0, dh_envelope_encode_request(&client->out, DH_API_API_VERSIONS, 0, correlation,
                                      (dohle_bytes){(uint8_t *)name, size}, &request));
    free(name);
    rig_run(rig);
}

static void test_requests_come_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 3, 7, 100, 4096, 0};
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(pieces); i++) {
        rig.piece_max = pieces[i];
        struct dh_metadata_request request = {.topics = {NULL, -1}};
        for (int n = 0; n < 3; n++) {
            const struct dh_metadata_response *response =
                rig_ask(&rig, client, DH_API_METADATA, 12, &request);
            assert_int_equal(1, response->brokers.count);
        }
        send_large(&rig, client, 20000);
        assert_non_null(rig_receive(&rig, client));
    }
    rig_stop(&rig);
}

// Many requests at once: they wait in the staging buffer and in the client, and are
// answered in their order.
static void test_requests_behind_each_other_are_answered_in_order(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    struct rig_client *other = rig_connect(&rig, 1);
    rig.holds_sends = true; // the first answer is not taken
    struct dh_metadata_request request = {.topics = {NULL, -1}};
    for (int i = 0; i < 200; i++) {
        client->keys[(i + 1) % 64] = DH_API_METADATA;
        client->versions[(i + 1) % 64] = 9;
        assert_int_equal(0, dh_envelope_encode_request(&client->out, DH_API_METADATA, 9,
                                                       i + 1, DH_BYTES("rig"), &request));
    }
    rig_run(&rig);
    assert_true(client->is_stopped); // one request and what fits into staging
    size_t one = client->in.size;
    assert_int_not_equal(0, one);
    rig_run(&rig);
    assert_int_equal(one, client->in.size); // no second answer before the first is out
    rig.holds_sends = false;
    assert_non_null(rig_ask(&rig, other, DH_API_METADATA, 9, &request));
    dh_broker_on_sent(rig.broker, client->id, rig.now_ns);
    for (int i = 0; i < 200; i++) {
        client->correlation_last = i + 1;
        assert_non_null(rig_receive(&rig, client));
    }
    rig_stop(&rig);
}

static const uint8_t header_cut[] = {0, 0, 0, 6, 0, 3, 0, 9, 0, 0};
static const uint8_t size_0[] = {0, 0, 0, 0};
static const uint8_t size_below_0[] = {0xff, 0xff, 0xff, 0xff};
static const uint8_t size_absurd[] = {0x7f, 0xff, 0xff, 0xff, 0, 3};
static const uint8_t http[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
static const uint8_t tls[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc};
static const uint8_t unknown_key[] = {0, 0, 0, 10, 0x03, 0xe7, 0,
                                      0, 0, 0, 0,  1,    0xff, 0xff};
static const uint8_t not_offered[] = {0, 0, 0, 10, 0, 68, 0, 0, 0, 0, 0, 1, 0xff, 0xff};
static const uint8_t version_unknown[] = {0,  0, 0, 10, 0, 3,    0,
                                          99, 0, 0, 0,  1, 0xff, 0xff};
static const uint8_t version_below_0[] = {0,    0, 0, 10, 0, 3,    0xff,
                                          0xff, 0, 0, 0,  1, 0xff, 0xff};
static const uint8_t count_absurd[] = {0, 0, 0, 14,   0,    3,    0,    1,    0,
                                       0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff};
static const uint8_t name_too_long[] = {0, 0, 0,    16,   0, 3, 0, 1, 0,    0,
                                        0, 1, 0xff, 0xff, 0, 0, 0, 1, 0x7f, 0xff};
static const uint8_t produce_too_old[] = {0, 0, 0, 10, 0, 0,    0,
                                          2, 0, 0, 0,  1, 0xff, 0xff};

// BRK: nonsense ends its connection and no other.
static void test_nonsense_ends_the_connection_alone(void **state)
{
    (void)state;

    static const struct {
        const uint8_t *bytes;
        size_t size;
    } rows[] = {
        {header_cut, sizeof(header_cut)},
        {size_0, sizeof(size_0)},
        {size_below_0, sizeof(size_below_0)},
        {size_absurd, sizeof(size_absurd)},
        {http, sizeof(http)},
        {tls, sizeof(tls)},
        {unknown_key, sizeof(unknown_key)},
        {not_offered, sizeof(not_offered)},
        {version_unknown, sizeof(version_unknown)},
        {version_below_0, sizeof(version_below_0)},
        {count_absurd, sizeof(count_absurd)},
        {name_too_long, sizeof(name_too_long)},
        {produce_too_old, sizeof(produce_too_old)},
    };
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *good = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig_client *bad = rig_connect(&rig, 1);
        rig_send_bytes(&rig, bad, rows[i].bytes, rows[i].size);
        if (!bad->is_closed) {
            fail_msg("row %zu is not closed", i);
        }
        assert_int_equal(0, bad->in.size);
        struct dh_metadata_request request = {.topics = {NULL, -1}};
        assert_non_null(rig_ask(&rig, good, DH_API_METADATA, 12, &request));
    }
    assert_int_equal(1, rig.broker->connections->count);
    rig_stop(&rig);
}

// What is claimed costs nothing, what has come costs at most twice its size.
static void test_a_claimed_size_costs_no_memory(void **state)
{
    (void)state;
    static const uint8_t claim[] = {0x06, 0x00, 0x00, 0x00}; // 96 MiB
    static uint8_t piece[100000];
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    size_t before = rig.memory.bytes;
    rig_send_bytes(&rig, client, claim, sizeof(claim));
    assert_true(rig.memory.bytes < before + 2 * DH_BROKER_FRAME_BYTES_AT_ONCE);
    for (int i = 0; i < 50; i++) {
        rig_send_bytes(&rig, client, piece, sizeof(piece));
    }
    assert_false(client->is_closed);
    assert_true(rig.memory.bytes < before + 2 * 50 * sizeof(piece) + 500000);
    rig_disconnect(&rig, client);
    rig_stop(&rig);
}

static void test_a_request_of_several_mebibytes_arrives_whole(void **state)
{
    (void)state;
    static const char *const settings[] = {"socket.request.max.bytes=30000"};
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.settings = settings, .setting_count = 1});
    struct rig_client *client = rig_connect(&rig, 1);
    send_large(&rig, client, 29000);
    assert_non_null(rig_receive(&rig, client));
    send_large(&rig, client, 30000);
    assert_true(client->is_closed);
    rig_stop(&rig);
}

static void test_unused_connections_are_closed(void **state)
{
    (void)state;
    static const char *const settings[] = {"connections.max.idle.ms=5000"};
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.settings = settings, .setting_count = 1});
    struct rig_client *silent = rig_connect(&rig, 1);
    struct rig_client *busy = rig_connect(&rig, 1);
    struct dh_metadata_request request = {.topics = {NULL, -1}};
    rig_advance(&rig, 4000);
    assert_non_null(rig_ask(&rig, busy, DH_API_METADATA, 12, &request));
    rig_advance(&rig, 1500);
    assert_true(silent->is_closed);
    assert_false(busy->is_closed);
    rig_advance(&rig, 4000);
    assert_true(busy->is_closed);
    rig_stop(&rig);
}

static void test_there_can_be_too_many(void **state)
{
    (void)state;
    static const char *const settings[] = {"max.connections=2"};
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.settings = settings, .setting_count = 1});
    struct rig_client *one = rig_connect(&rig, 1);
    rig_connect(&rig, 1);
    assert_int_equal(0, dh_broker_on_accepted(rig.broker, 1, "127.0.0.1", rig.now_ns));
    rig_disconnect(&rig, one);
    rig_connect(&rig, 1);
    rig_stop(&rig);
}

static void test_a_paused_node_answers_nothing_until_it_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    struct rig_client *client = rig_connect(&rig, 1);
    struct rig_client *other = rig_connect(&rig, 2);
    struct dh_broker_node *node = dh_broker_nodes_find(rig.broker, 1);
    struct dh_metadata_request request = {.topics = {NULL, -1}};
    dh_broker_nodes_set_paused(rig.broker, node, true);
    rig_send(&rig, client, DH_API_METADATA, 12, &request);
    assert_null(rig_receive(&rig, client));
    assert_non_null(rig_ask(&rig, other, DH_API_METADATA, 12, &request));
    assert_true(rig.is_listening[1]);
    dh_broker_nodes_set_paused(rig.broker, node, false);
    assert_non_null(rig_receive(&rig, client));
    rig_stop(&rig);
}

static void test_a_node_that_stops_closes_and_comes_back(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    struct rig_client *client = rig_connect(&rig, 2);
    struct rig_client *other = rig_connect(&rig, 1);
    struct dh_broker_node *node = dh_broker_nodes_find(rig.broker, 2);
    dh_broker_nodes_take_down(rig.broker, node, false);
    rig_run(&rig);
    assert_true(client->is_closed);
    assert_false(client->is_reset);
    assert_false(other->is_closed);
    assert_int_equal(0, dh_broker_on_accepted(rig.broker, 2, "127.0.0.1", rig.now_ns));
    dh_broker_nodes_bring_up(rig.broker, node);
    rig_run(&rig);
    client = rig_connect(&rig, 2);
    struct dh_metadata_request request = {.topics = {NULL, -1}};
    assert_non_null(rig_ask(&rig, client, DH_API_METADATA, 12, &request));
    // Down and up again before the host was told: both, in that order.
    dh_broker_nodes_take_down(rig.broker, node, false);
    dh_broker_nodes_bring_up(rig.broker, node);
    struct dh_broker_action action;
    assert_true(dh_broker_next_action(rig.broker, &action));
    assert_int_equal(DH_BROKER_UNLISTEN, action.kind);
    assert_true(dh_broker_next_action(rig.broker, &action));
    assert_int_equal(DH_BROKER_LISTEN, action.kind);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_come_in_pieces_of_any_size),
        cmocka_unit_test(test_requests_behind_each_other_are_answered_in_order),
        cmocka_unit_test(test_nonsense_ends_the_connection_alone),
        cmocka_unit_test(test_a_claimed_size_costs_no_memory),
        cmocka_unit_test(test_a_request_of_several_mebibytes_arrives_whole),
        cmocka_unit_test(test_unused_connections_are_closed),
        cmocka_unit_test(test_there_can_be_too_many),
        cmocka_unit_test(test_a_paused_node_answers_nothing_until_it_goes_on),
        cmocka_unit_test(test_a_node_that_stops_closes_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
