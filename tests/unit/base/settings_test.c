// SPDX-License-Identifier: MIT
#include "base/settings.h"

#include "../test.h"
#include "base/config.h"
#include "base/mem.h"

#define PAIRS_MAX 6

struct pair {
    const char *key, *value;
};

// A config with these keys; the first pair without a key ends them.
static dohle_config *config_of(const struct pair *pairs)
{
    dohle_config *config = dohle_config_new();
    for (size_t i = 0; i < PAIRS_MAX && pairs[i].key != NULL; i++) {
        assert_int_equal(0, dohle_config_set(config, pairs[i].key, pairs[i].value));
    }
    return config;
}

static int resolve(const struct pair *pairs, enum dh_settings_role role,
                   struct dh_settings *settings, dohle_error_info *info)
{
    dohle_config *config = config_of(pairs);
    struct test_memory memory;
    test_memory_init(&memory);
    int err = dh_settings_resolve(settings, &memory.allocator, config, role, 3, info);
    dohle_config_free(config);
    if (err != 0) {
        assert_int_equal(0, memory.bytes);
    } else {
        /* What the tests look at later must not need this function's allocator. */
        dh_settings_deinit(settings);
        assert_int_equal(0, memory.bytes);
        config = config_of(pairs);
        assert_int_equal(
            0, dh_settings_resolve(settings, dh_mem_default(), config, role, 3, info));
        dohle_config_free(config);
    }
    return err;
}

#define BOOTSTRAP                                                                        \
    {                                                                                    \
        "bootstrap.servers", "127.0.0.1:9092"                                            \
    }

static void defaults_are_those_of_java(void **state)
{
    (void)state;
    struct dh_settings settings;
    dohle_error_info info;
    assert_int_equal(0, resolve((struct pair[PAIRS_MAX]){BOOTSTRAP, {"group.id", "g"}},
                                DH_ROLE_CONSUMER, &settings, &info));
    assert_int_equal(1, settings.bootstrap_server_count);
    assert_string_equal("127.0.0.1", settings.bootstrap_servers[0].host);
    assert_int_equal(9092, settings.bootstrap_servers[0].port);
    assert_string_equal("g", settings.group_id);
    assert_string_equal("consumer-g-3", settings.client_id);
    assert_int_equal(45000, settings.session_timeout_ms);
    assert_int_equal(3000, settings.heartbeat_interval_ms);
    assert_int_equal(300000, settings.max_poll_interval_ms);
    assert_int_equal(1, settings.partition_assignment_strategy_count);
    assert_string_equal("range", settings.partition_assignment_strategy[0]);
    assert_true(settings.enable_auto_commit);
    assert_int_equal(5000, settings.auto_commit_interval_ms);
    assert_int_equal(DH_OFFSET_RESET_LATEST, settings.auto_offset_reset);
    assert_true(settings.allow_auto_create_topics);
    assert_true(settings.exclude_internal_topics);
    assert_int_equal(1, settings.fetch_min_bytes);
    assert_int_equal(52428800, settings.fetch_max_bytes);
    assert_int_equal(500, settings.fetch_max_wait_ms);
    assert_int_equal(1048576, settings.max_partition_fetch_bytes);
    assert_int_equal(500, settings.max_poll_records);
    assert_true(settings.check_crcs);
    assert_int_equal(33554432, settings.fetch_buffer_bytes);
    assert_int_equal(134217728, settings.decompressed_batch_max_bytes);
    assert_int_equal(104857600, settings.response_max_bytes);
    assert_int_equal(300000, settings.metadata_max_age_ms);
    assert_int_equal(DH_METADATA_RECOVERY_REBOOTSTRAP,
                     settings.metadata_recovery_strategy);
    assert_int_equal(300000, settings.metadata_recovery_rebootstrap_trigger_ms);
    assert_int_equal(30000, settings.request_timeout_ms);
    assert_int_equal(60000, settings.default_api_timeout_ms);
    assert_int_equal(100, settings.retry_backoff_ms);
    assert_int_equal(1000, settings.retry_backoff_max_ms);
    assert_int_equal(50, settings.reconnect_backoff_ms);
    assert_int_equal(1000, settings.reconnect_backoff_max_ms);
    assert_int_equal(10000, settings.socket_connection_setup_timeout_ms);
    assert_int_equal(30000, settings.socket_connection_setup_timeout_max_ms);
    assert_int_equal(540000, settings.connections_max_idle_ms);
    assert_int_equal(131072, settings.send_buffer_bytes);
    assert_int_equal(65536, settings.receive_buffer_bytes);
    dh_settings_deinit(&settings);

    assert_int_equal(0, resolve((struct pair[PAIRS_MAX]){BOOTSTRAP}, DH_ROLE_PRODUCER,
                                &settings, &info));
    assert_string_equal("producer-3", settings.client_id);
    assert_int_equal(-1, settings.acks);
    assert_int_equal(INT32_MAX, settings.retries);
    assert_int_equal(5, settings.linger_ms);
    assert_int_equal(16384, settings.batch_size);
    assert_int_equal(33554432, settings.buffer_memory);
    assert_int_equal(1048576, settings.max_request_size);
    assert_int_equal(5, settings.max_in_flight_requests_per_connection);
    assert_int_equal(60000, settings.max_block_ms);
    assert_int_equal(120000, settings.delivery_timeout_ms);
    assert_true(settings.enable_idempotence);
    assert_int_equal(DH_COMPRESSION_NONE, settings.compression_type);
    assert_false(settings.partitioner_ignore_keys);
    dh_settings_deinit(&settings);
}

static void words_become_their_numbers(void **state)
{
    (void)state;

    static const struct {
        const char *key, *value;
        enum dh_settings_role role;
        size_t field;
        int expected;
    } rows[] = {
        {"auto.offset.reset", "latest", DH_ROLE_CONSUMER,
         offsetof(struct dh_settings, auto_offset_reset), DH_OFFSET_RESET_LATEST},
        {"auto.offset.reset", "earliest", DH_ROLE_CONSUMER,
         offsetof(struct dh_settings, auto_offset_reset), DH_OFFSET_RESET_EARLIEST},
        {"auto.offset.reset", "none", DH_ROLE_CONSUMER,
         offsetof(struct dh_settings, auto_offset_reset), DH_OFFSET_RESET_NONE},
        {"metadata.recovery.strategy", "NONE", DH_ROLE_ADMIN,
         offsetof(struct dh_settings, metadata_recovery_strategy),
         DH_METADATA_RECOVERY_NONE},
        {"compression.type", "gzip", DH_ROLE_PRODUCER,
         offsetof(struct dh_settings, compression_type), DH_COMPRESSION_GZIP},
        {"compression.type", "snappy", DH_ROLE_PRODUCER,
         offsetof(struct dh_settings, compression_type), DH_COMPRESSION_SNAPPY},
        {"compression.type", "lz4", DH_ROLE_PRODUCER,
         offsetof(struct dh_settings, compression_type), DH_COMPRESSION_LZ4},
        {"compression.codec", "zstd", DH_ROLE_PRODUCER,
         offsetof(struct dh_settings, compression_type), DH_COMPRESSION_ZSTD},
        {"acks", "-1", DH_ROLE_PRODUCER, offsetof(struct dh_settings, acks), -1},
        {"acks", "0", DH_ROLE_PRODUCER, offsetof(struct dh_settings, acks), 0},
        {"acks", "1", DH_ROLE_PRODUCER, offsetof(struct dh_settings, acks), 1},
        // A key of another object is ignored, as in Java.
        {"acks", "1", DH_ROLE_CONSUMER, offsetof(struct dh_settings, acks), -1},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_settings settings;
        const struct pair pairs[PAIRS_MAX] = {BOOTSTRAP, {rows[i].key, rows[i].value}};
        assert_int_equal(0, resolve(pairs, rows[i].role, &settings, NULL));
        int actual;
        memcpy(&actual, (const char *)&settings + rows[i].field, sizeof(actual));
        assert_int_equal(rows[i].expected, actual);
        dh_settings_deinit(&settings);
    }
}

static void keys_depend_on_each_other(void **state)
{
    (void)state;
    struct dh_settings settings;

    // CFG-001: without a group nothing is committed.
    assert_int_equal(0, resolve((struct pair[PAIRS_MAX]){BOOTSTRAP}, DH_ROLE_CONSUMER,
                                &settings, NULL));
    assert_false(settings.enable_auto_commit);
    assert_null(settings.group_id);
    assert_string_equal("consumer-null-3", settings.client_id);
    dh_settings_deinit(&settings);

    // CFG-050: the maximum follows when only the first is set.
    assert_int_equal(
        0, resolve((struct pair[PAIRS_MAX]){BOOTSTRAP, {"reconnect.backoff.ms", "7"}},
                   DH_ROLE_CONSUMER, &settings, NULL));
    assert_int_equal(7, settings.reconnect_backoff_max_ms);
    dh_settings_deinit(&settings);
    assert_int_equal(0,
                     resolve((struct pair[PAIRS_MAX]){BOOTSTRAP,
                                                      {"reconnect.backoff.ms", "7"},
                                                      {"reconnect.backoff.max.ms", "70"}},
                             DH_ROLE_CONSUMER, &settings, NULL));
    assert_int_equal(70, settings.reconnect_backoff_max_ms);
    dh_settings_deinit(&settings);

    // CFG-049: kept as set; the back-off then uses the maximum constantly.
    assert_int_equal(
        0, resolve((struct pair[PAIRS_MAX]){BOOTSTRAP, {"retry.backoff.ms", "5000"}},
                   DH_ROLE_CONSUMER, &settings, NULL));
    assert_int_equal(5000, settings.retry_backoff_ms);
    assert_int_equal(1000, settings.retry_backoff_max_ms);
    dh_settings_deinit(&settings);

    // The default of delivery.timeout.ms makes room.
    assert_int_equal(
        0, resolve((struct pair[PAIRS_MAX]){BOOTSTRAP, {"request.timeout.ms", "200000"}},
                   DH_ROLE_PRODUCER, &settings, NULL));
    assert_int_equal(200005, settings.delivery_timeout_ms);
    dh_settings_deinit(&settings);

    // The default of enable.idempotence gives way.
    static const struct pair not_idempotent[] = {
        {"acks", "1"},
        {"retries", "0"},
        {"max.in.flight.requests.per.connection", "6"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(not_idempotent); i++) {
        assert_int_equal(0,
                         resolve((struct pair[PAIRS_MAX]){BOOTSTRAP, not_idempotent[i]},
                                 DH_ROLE_PRODUCER, &settings, NULL));
        assert_false(settings.enable_idempotence);
        dh_settings_deinit(&settings);
    }

    assert_int_equal(0, resolve((struct pair[PAIRS_MAX]){BOOTSTRAP, {"client.id", "me"}},
                                DH_ROLE_CONSUMER, &settings, NULL));
    assert_string_equal("me", settings.client_id);
    dh_settings_deinit(&settings);
}

static void bootstrap_servers_are_taken_apart(void **state)
{
    (void)state;
    struct dh_settings settings;
    const struct pair pairs[PAIRS_MAX] = {
        {"bootstrap.servers", "kafka-1.example.com:9092 , [::1]:65535,10.0.0.1:1"}};
    assert_int_equal(0, resolve(pairs, DH_ROLE_ADMIN, &settings, NULL));
    assert_int_equal(3, settings.bootstrap_server_count);
    assert_string_equal("kafka-1.example.com", settings.bootstrap_servers[0].host);
    assert_int_equal(9092, settings.bootstrap_servers[0].port);
    assert_string_equal("::1", settings.bootstrap_servers[1].host);
    assert_int_equal(65535, settings.bootstrap_servers[1].port);
    assert_string_equal("10.0.0.1", settings.bootstrap_servers[2].host);
    assert_int_equal(1, settings.bootstrap_servers[2].port);
    assert_string_equal("adminclient-3", settings.client_id);
    dh_settings_deinit(&settings);

    static const char *const wrong[] = {
        "localhost",
        ":9092",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "::1:9092",
        "[::1]",
        "a b:9092",
        "[]:9092",
        "localhost:9092x",
        "PLAINTEXT://localhost:9092",
        "good:1, bad",
    };
    for (size_t i = 0; i < DH_COUNT_OF(wrong); i++) {
        dohle_error_info info;
        const struct pair bad[PAIRS_MAX] = {{"bootstrap.servers", wrong[i]}};
        assert_int_equal(DOHLE_ERR_INVALID_CONFIG,
                         resolve(bad, DH_ROLE_CONSUMER, &settings, &info));
        assert_non_null(strstr(info.text, "allowed: host:port"));
    }
}

static void refusals_name_key_and_value(void **state)
{
    (void)state;

    static const struct {
        enum dh_settings_role role;
        struct pair pairs[PAIRS_MAX];
        int err;
        const char *text;
    } rows[] = {
        {DH_ROLE_CONSUMER,
         {{0}},
         DOHLE_ERR_INVALID_CONFIG,
         "bootstrap.servers: is not set; allowed: a list of host:port"},
        {DH_ROLE_CONSUMER,
         {{"bootstrap.servers", "a:1,embedded:"}},
         DOHLE_ERR_INVALID_CONFIG,
         "bootstrap.servers: \"embedded:\" is not allowed; allowed: host:port, port 1 to "
         "65535, IPv6 addresses in brackets as [::1]:9092; or embedded: alone"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"group.id", ""}},
         DOHLE_ERR_INVALID_GROUP,
         "group.id: \"\" is not allowed; allowed: any text that is not empty, or leave it "
         "unset"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"group.id", " "}},
         DOHLE_ERR_INVALID_GROUP,
         "group.id: \" \" is not allowed; allowed: any text that is not empty, or leave "
         "it unset"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"session.timeout.ms", "3000"}},
         DOHLE_ERR_INVALID_CONFIG,
         "heartbeat.interval.ms: 3000 is not allowed; allowed: less than "
         "session.timeout.ms, which is 3000"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"enable.auto.commit", "true"}},
         DOHLE_ERR_INVALID_CONFIG,
         "enable.auto.commit: \"true\" is not allowed without group.id"},
        // Known, but not built yet.
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"group.protocol", "consumer"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "group.protocol: \"consumer\" is not built yet; built: classic"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"isolation.level", "read_committed"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "isolation.level: \"read_committed\" is not built yet; built: read_uncommitted"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"auto.offset.reset", "by_duration:P1D"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "auto.offset.reset: \"by_duration:P1D\" is not built yet; built: latest, "
         "earliest, none"},
        {DH_ROLE_PRODUCER,
         {BOOTSTRAP, {"security.protocol", "Ssl"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "security.protocol: \"Ssl\" is not built yet; built: PLAINTEXT"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"client.rack", "r1"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "client.rack: is not built yet; only the default, \"\", is accepted"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"group.instance.id", "i"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "group.instance.id: is not built yet; leave it unset"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"ssl.truststore.password", "geheim"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "ssl.truststore.password: is not built yet; leave it unset"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"partition.assignment.strategy", "range,sticky"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "partition.assignment.strategy: \"sticky\" is not built yet; built: range, roundrobin"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP,
          {"partition.assignment.strategy",
           "org.apache.kafka.clients.consumer.StickyAssignor"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "partition.assignment.strategy: \"sticky\" is not built yet; built: range, roundrobin"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP,
          {"partition.assignment.strategy",
           "range,org.apache.kafka.clients.consumer.RangeAssignor"}},
         DOHLE_ERR_INVALID_CONFIG,
         "partition.assignment.strategy: \"range\" stands twice"},
        // CFG-019: no meaning in C.
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"key.deserializer", "x.StringDeserializer"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "key.deserializer: has no meaning in Dohle; leave it unset. A class of the Java "
         "client. Records are bytes in Dohle: key and value are handed out as they lie in "
         "the batch, and the program decodes them."},
        // 2.7: keys of other group protocols.
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"group.remote.assignor", "uniform"}},
         DOHLE_ERR_INVALID_CONFIG,
         "group.remote.assignor: cannot be set with group.protocol=classic"},
        {DH_ROLE_CONSUMER,
         {BOOTSTRAP, {"share.acquire.mode", "record_limit"}},
         DOHLE_ERR_INVALID_CONFIG,
         "share.acquire.mode: cannot be set with group.protocol=classic"},
        {DH_ROLE_PRODUCER,
         {BOOTSTRAP, {"delivery.timeout.ms", "30000"}},
         DOHLE_ERR_INVALID_CONFIG,
         "delivery.timeout.ms: 30000 is not allowed; allowed: at least linger.ms + "
         "request.timeout.ms, which is 30005"},
        {DH_ROLE_PRODUCER,
         {BOOTSTRAP, {"enable.idempotence", "true"}, {"acks", "1"}},
         DOHLE_ERR_INVALID_CONFIG,
         "enable.idempotence: \"true\" is allowed only with acks=all, retries above 0 and "
         "max.in.flight.requests.per.connection at most 5"},
        {DH_ROLE_PRODUCER,
         {BOOTSTRAP, {"transactional.id", "t"}},
         DOHLE_ERR_UNSUPPORTED_CONFIG,
         "transactional.id: is not built yet; leave it unset"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_settings settings;
        dohle_error_info info;
        assert_int_equal(rows[i].err,
                         resolve(rows[i].pairs, rows[i].role, &settings, &info));
        assert_int_equal(rows[i].err, info.code);
        assert_string_equal(rows[i].text, info.text);
        assert_int_equal(-1, info.partition);
    }
}

static void defaults_may_be_set(void **state)
{
    (void)state;
    dohle_config *config = dohle_config_new();
    for (size_t i = 0; i < dohle_config_key_count(); i++) {
        dohle_config_key key;
        assert_int_equal(0, dohle_config_key_info(i, &key));
        bool is_of_share_groups = key.protocols == DOHLE_CONFIG_SHARE;
        if (key.default_value != NULL && !is_of_share_groups) {
            assert_int_equal(0, dohle_config_set(config, key.name, key.default_value));
        }
    }
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", "a:1"));
    assert_int_equal(0, dohle_config_set(config, "group.id", "g"));

    static const enum dh_settings_role roles[] = {DH_ROLE_CONSUMER, DH_ROLE_PRODUCER,
                                                  DH_ROLE_ADMIN};

    for (size_t i = 0; i < DH_COUNT_OF(roles); i++) {
        struct dh_settings settings;
        assert_int_equal(0, dh_settings_resolve(&settings, dh_mem_default(), config,
                                                roles[i], 1, NULL));
        dh_settings_deinit(&settings);
    }
    // The default list, in short.
    assert_int_equal(0, dohle_config_set(config, "partition.assignment.strategy",
                                         "range, cooperative-sticky"));
    struct dh_settings settings;
    assert_int_equal(0, dh_settings_resolve(&settings, dh_mem_default(), config,
                                            DH_ROLE_CONSUMER, 1, NULL));
    assert_int_equal(1, settings.partition_assignment_strategy_count);
    dh_settings_deinit(&settings);
    dohle_config_free(config);
}

static void no_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    dohle_config *config = config_of((struct pair[PAIRS_MAX]){
        {"bootstrap.servers", "a:1,b:2"}, {"group.id", "g"}, {"client.id", "c"}});
    for (size_t fail_at = 1;; fail_at++) {
        struct test_memory memory;
        test_memory_init(&memory);
        memory.fail_at = fail_at;
        struct dh_settings settings;
        dohle_error_info info;
        int err = dh_settings_resolve(&settings, &memory.allocator, config,
                                      DH_ROLE_CONSUMER, 1, &info);
        if (err == 0) {
            dh_settings_deinit(&settings);
            assert_int_equal(0, memory.bytes);
            assert_int_equal(6, fail_at); // five allocations: all were failed
            break;
        }
        assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
        assert_int_equal(DOHLE_ERR_NO_MEMORY, info.code);
        assert_int_equal(0, memory.bytes);
    }
    dohle_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_java),
        cmocka_unit_test(words_become_their_numbers),
        cmocka_unit_test(keys_depend_on_each_other),
        cmocka_unit_test(bootstrap_servers_are_taken_apart),
        cmocka_unit_test(refusals_name_key_and_value),
        cmocka_unit_test(defaults_may_be_set),
        cmocka_unit_test(no_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
