// SPDX-License-Identifier: MIT
#include <dohle/embedded.h>

#include <stdio.h>

#include <dohle/admin.h>
#include <dohle/consumer.h>
#include <dohle/producer.h>

#include "../test.h"
#include "api/embedded.h"

// A provider that starts nothing.
struct fake {
    const char *servers;
    int err;
    char asked[64]; // the name of the last call
    int calls;
};

static int bootstrap(void *ctx, const char *name, char *servers, size_t servers_size,
                     char *text, size_t text_size)
{
    struct fake *fake = ctx;
    fake->calls++;
    (void)snprintf(fake->asked, sizeof(fake->asked), "%s", name);
    (void)snprintf(servers, servers_size, "%s", fake->servers);
    (void)snprintf(text, text_size, "the directory is in use by process 17");
    return fake->err;
}

static void register_fake(struct fake *fake)
{
    const dohle_embedded_provider provider = {sizeof(provider), fake, bootstrap};
    dohle_embedded_register(&provider);
}

static int teardown(void **state)
{
    (void)state;
    dohle_embedded_register(NULL);
    return 0;
}

static dohle_config *config_with(const char *servers)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", servers));
    return config;
}

// Opens each kind of object with it; the same comes of all.
static void open_all(dohle_config *config, int err, const char *text)
{
    dohle_consumer *consumer;
    dohle_producer *producer;
    dohle_admin *admin;
    assert_int_equal(err, dohle_consumer_open(config, NULL, &consumer));
    assert_string_equal(text, dohle_config_error(config));
    dohle_consumer_free(consumer);
    assert_int_equal(err, dohle_producer_open(config, NULL, &producer));
    assert_string_equal(text, dohle_config_error(config));
    dohle_producer_free(producer);
    assert_int_equal(err, dohle_admin_open(config, NULL, &admin));
    assert_string_equal(text, dohle_config_error(config));
    dohle_admin_free(admin);
}

static void test_without_a_provider(void **state)
{
    (void)state;
    dohle_config *config = config_with("embedded:data");
    open_all(config, DOHLE_ERR_INVALID_CONFIG,
             "bootstrap.servers: \"embedded:data\": there is no embedded broker in this "
             "process: link libdohle-broker and call dohle_broker_enable_embedded");
    dohle_config_free(config);
}

static void test_servers_come_from_the_provider(void **state)
{
    (void)state;
    struct fake fake = {.servers = "127.0.0.1:1,[::1]:2"};
    register_fake(&fake);
    dohle_config *config = config_with("embedded:");
    struct dh_settings settings;
    dohle_error_info info;
    struct test_memory memory;
    test_memory_init(&memory);
    assert_int_equal(0, dh_embedded_resolve(&settings, &memory.allocator, config,
                                            DH_ROLE_ADMIN, 1, &info));
    assert_string_equal("", fake.asked);
    assert_int_equal(2, settings.bootstrap_server_count);
    assert_string_equal("127.0.0.1", settings.bootstrap_servers[0].host);
    assert_int_equal(1, settings.bootstrap_servers[0].port);
    assert_string_equal("::1", settings.bootstrap_servers[1].host);
    dh_settings_deinit(&settings);
    assert_int_equal(0, memory.bytes);
    // The application's settings stay as they are.
    assert_string_equal("embedded:", dohle_config_get(config, "bootstrap.servers"));

    open_all(config, 0, "");
    assert_int_equal(4, fake.calls);
    dohle_config_free(config);
}

static void test_the_name_may_hold_commas(void **state)
{
    (void)state;
    struct fake fake = {.servers = "127.0.0.1:1"};
    register_fake(&fake);
    dohle_config *config = config_with("embedded:data, more");
    open_all(config, 0, "");
    assert_string_equal("data, more", fake.asked);
    dohle_config_free(config);
}

static void test_why_it_does_not_start(void **state)
{
    (void)state;
    struct fake fake = {.servers = "", .err = DOHLE_ERR_IN_USE};
    register_fake(&fake);
    dohle_config *config = config_with("embedded:data");
    open_all(
        config, DOHLE_ERR_IN_USE,
        "bootstrap.servers: \"embedded:data\": the directory is in use by process 17");
    dohle_config_free(config);
}

static void test_other_servers_ask_nobody(void **state)
{
    (void)state;
    struct fake fake = {.servers = "127.0.0.1:1"};
    register_fake(&fake);
    dohle_config *config = config_with("embedded-broker:9092");
    open_all(config, 0, "");
    assert_int_equal(0, fake.calls);
    dohle_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_without_a_provider, teardown),
        cmocka_unit_test_teardown(test_servers_come_from_the_provider, teardown),
        cmocka_unit_test_teardown(test_the_name_may_hold_commas, teardown),
        cmocka_unit_test_teardown(test_why_it_does_not_start, teardown),
        cmocka_unit_test_teardown(test_other_servers_ask_nobody, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
