// SPDX-License-Identifier: MIT
#include "base/config.h"

#include <dohle/error.h>

#include "../test.h"
#include "base/bytes.h"

static void values_are_kept_and_forgotten(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    dohle_config *config = dh_config_new(&memory.allocator);

    assert_string_equal("500", dohle_config_get(config, "max.poll.records"));
    assert_null(dohle_config_get(config, "group.id"));
    assert_null(dohle_config_get(config, "no.such.key"));
    assert_string_equal("", dohle_config_error(config));

    assert_int_equal(0, dohle_config_set(config, "max.poll.records", "7"));
    assert_int_equal(0, dohle_config_set(config, "max.poll.records", "8"));
    assert_string_equal("8", dohle_config_get(config, "max.poll.records"));
    assert_int_equal(0, dohle_config_set(config, "fetch.wait.max.ms", "9"));
    assert_string_equal("9", dohle_config_get(config, "fetch.max.wait.ms"));

    assert_int_equal(0, dohle_config_unset(config, "max.poll.records"));
    assert_string_equal("500", dohle_config_get(config, "max.poll.records"));
    assert_int_equal(0, dohle_config_set(config, "fetch.max.wait.ms", NULL));
    assert_string_equal("500", dohle_config_get(config, "fetch.wait.max.ms"));
    dohle_config_free(config);
    assert_int_equal(0, memory.bytes);
}

static void failed_set_changes_nothing_and_says_why(void **state)
{
    (void)state;

    static const struct {
        const char *key, *value;
        int err;
        const char *text;
    } rows[] = {
        {"max.poll.records", "0", DOHLE_ERR_INVALID_CONFIG,
         "max.poll.records: \"0\" is not allowed; allowed: 1 or more"},
        {"fetch.max.await.ms", "1", DOHLE_ERR_UNKNOWN_CONFIG,
         "fetch.max.await.ms: there is no setting of that name; did you mean "
         "fetch.max.wait.ms?"},
        {"no.such.thing.at.all.here", "1", DOHLE_ERR_UNKNOWN_CONFIG,
         "no.such.thing.at.all.here: there is no setting of that name"},
        {NULL, "1", DOHLE_ERR_UNKNOWN_CONFIG, ": there is no setting of that name"},
    };

    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "max.poll.records", "7"));
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].err,
                         dohle_config_set(config, rows[i].key, rows[i].value));
        assert_string_equal(rows[i].text, dohle_config_error(config));
        assert_string_equal("7", dohle_config_get(config, "max.poll.records"));
    }
    assert_int_equal(DOHLE_ERR_UNKNOWN_CONFIG, dohle_config_unset(config, "group_id"));
    dohle_config_free(config);
    dohle_config_free(NULL);
}

static void password_is_not_shown(void **state)
{
    (void)state;
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "ssl.key.password", "geheim"));
    assert_int_equal(DOHLE_ERR_UNKNOWN_CONFIG,
                     dohle_config_set(config, "ssl.keypassword", "geheim"));
    assert_null(strstr(dohle_config_error(config), "geheim"));
    dohle_config_free(config);
}

static void copy_is_independent(void **state)
{
    (void)state;
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "group.id", "billing"));
    dohle_config *copy = dohle_config_copy(config);
    assert_int_equal(0, dohle_config_set(copy, "client.id", "c"));
    assert_int_equal(0, dohle_config_set(config, "group.id", "other"));
    dohle_config_free(config);
    assert_string_equal("billing", dohle_config_get(copy, "group.id"));
    assert_string_equal("c", dohle_config_get(copy, "client.id"));
    dohle_config_free(copy);
}

static void properties_are_set_all_or_none(void **state)
{
    (void)state;
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "group.id", "before"));

    dohle_bytes good = DH_BYTES("# mine\nbootstrap.servers = a:1,\\\n  b:2\n"
                                "group.id=billing\nclient.id=\n");
    assert_int_equal(0, dh_config_load_text(config, "c.properties", good));
    assert_string_equal("a:1,b:2", dohle_config_get(config, "bootstrap.servers"));
    assert_string_equal("billing", dohle_config_get(config, "group.id"));
    assert_string_equal("", dohle_config_get(config, "client.id"));

    static const struct {
        const char *text;
        int err;
        const char *error;
    } rows[] = {
        {"group.id=x\n\nacks=2\n", DOHLE_ERR_INVALID_CONFIG,
         "c.properties: line 3: acks: \"2\" is not allowed; allowed: all, -1, 0, 1"},
        {"group.id=x\ngroup.idd=y", DOHLE_ERR_UNKNOWN_CONFIG,
         "c.properties: line 2: group.idd: there is no setting of that name; did you "
         "mean group.id?"},
        {"group.id=\\u00", DOHLE_ERR_INVALID_CONFIG,
         "c.properties: line 1: malformed escape, or a zero byte"},
        {"group.id=\\u0000", DOHLE_ERR_INVALID_CONFIG,
         "c.properties: line 1: malformed escape, or a zero byte"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].err, dh_config_load_text(config, "c.properties",
                                                          dh_bytes_of(rows[i].text)));
        assert_string_equal(rows[i].error, dohle_config_error(config));
        assert_string_equal("billing", dohle_config_get(config, "group.id"));
    }
    dohle_config_free(config);
}

static void no_memory_leaves_the_config_as_it_was(void **state)
{
    (void)state;
    for (size_t fail_at = 1;; fail_at++) {
        struct test_memory memory;
        test_memory_init(&memory);
        dohle_config *config = dh_config_new(&memory.allocator);
        assert_int_equal(0, dohle_config_set(config, "group.id", "before"));
        memory.calls = 0;
        memory.fail_at = fail_at;
        int err = dohle_config_set(config, "group.id", "after");
        if (err == 0) {
            err = dh_config_load_text(config, "f", DH_BYTES("group.id=last\nacks=1"));
        }
        dohle_config *copy = err == 0 ? dohle_config_copy(config) : NULL;
        if (err != 0) {
            assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
            assert_non_null(strstr(dohle_config_error(config), "out of memory"));
            assert_string_not_equal("last", dohle_config_get(config, "group.id"));
            assert_string_equal("all", dohle_config_get(config, "acks"));
        }
        bool is_done = copy != NULL;
        dohle_config_free(copy);
        dohle_config_free(config);
        assert_int_equal(0, memory.bytes);
        if (is_done) {
            assert_true(fail_at > 6);
            return;
        }
    }
}

static void every_key_can_be_looked_at(void **state)
{
    (void)state;
    dohle_config_key key;
    size_t seen = 0;
    for (size_t i = 0; i < dohle_config_key_count(); i++) {
        assert_int_equal(0, dohle_config_key_info(i, &key));
        if (strcmp(key.name, "auto.offset.reset") == 0) {
            assert_int_equal(DOHLE_CONFIG_ENUM, key.type);
            assert_string_equal("latest", key.default_value);
            assert_string_equal("latest, earliest, none, by_duration:<ISO-8601 duration>",
                                key.allowed);
            assert_string_equal("by_duration:<ISO-8601 duration>", key.not_built);
            assert_int_equal(DOHLE_CONFIG_CONSUMER, key.objects);
            assert_int_equal(DOHLE_CONFIG_CLASSIC | DOHLE_CONFIG_KIP_848, key.protocols);
            seen++;
        }
        if (strcmp(key.name, "fetch.max.wait.ms") == 0) {
            assert_string_equal("fetch.wait.max.ms", key.aliases);
            assert_string_equal("0 or more", key.allowed);
            assert_string_equal("", key.not_built);
            assert_int_equal(DOHLE_CONFIG_BUILT, key.status);
            assert_int_equal(7, key.protocols);
            seen++;
        }
    }
    assert_int_equal(2, seen);
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_config_key_info(dohle_config_key_count(), &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_kept_and_forgotten),
        cmocka_unit_test(failed_set_changes_nothing_and_says_why),
        cmocka_unit_test(password_is_not_shown),
        cmocka_unit_test(copy_is_independent),
        cmocka_unit_test(properties_are_set_all_or_none),
        cmocka_unit_test(no_memory_leaves_the_config_as_it_was),
        cmocka_unit_test(every_key_can_be_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
